/* conn.h - the connection: bytes in and out of a socket, and nothing of what they mean.
 * One day they may be encrypted; whoever is above must not notice.
 *
 *   accepted --> OPEN --mo_conn_close--> gone
 *                  \--mo_conn_linger--> reads and drops what still comes --> gone
 *
 * What always holds:
 *   1  in is a buffer only while it holds bytes, or a request runs; idle connections have
 *      none;
 *   2  while a task waits for the connection (mo_conn_wait), events are the task's; else the
 *      protocol's;
 *   3  the protocol frees nothing of it: mo_conn_close() and its like end the pointer, and
 *      only they do, and not while a task waits. */
#ifndef MO_SERVE_CONN_H
#define MO_SERVE_CONN_H

#include "serve/loop/loop.h"

#include <sys/uio.h>

struct mo_worker;
typedef struct mo_conn mo_conn;

/* What bytes mean. state is the protocol's memory in the connection. */
typedef struct mo_protocol {
    size_t state_size;
    void (*begin)(mo_conn *c);
    void (*readable)(mo_conn *c); /* or its other end is gone */
    void (*late)(mo_conn *c);     /* the time of mo_conn_limit() is up */
    void (*broken)(mo_conn *c);   /* an error, while no events were wanted */
    void (*drain)(mo_conn *c);    /* the worker is to end */
} mo_protocol;

#define MO_CONN_FACTS 160

struct mo_conn {
    mo_watch source;
    mo_alarm timer;
    struct mo_worker *worker;
    mo_conn *next, *prev;     /* in the worker's list */
    const mo_protocol *protocol;
    mo_task *waiter;
    uint32_t came;            /* events that woke the waiter */
    uint8_t *in;              /* MO_CONN_IN bytes, or NULL; [in_at, in_len) are there */
    size_t in_at, in_len;
    uint64_t lingered, first_due_ns;
    bool broken, lingers;
    bool is_proxy;            /* that is believed (forwarded.h) */
    size_t facts_len;         /* REMOTE_ADDR=... and so on, each terminated */
    uint16_t nfacts;
    char facts[MO_CONN_FACTS];
    max_align_t state[];
};

enum { MO_CONN_IN = 40 << 10 };

/* Takes over fd; where memory is out it is closed. */
void mo_conn_new(struct mo_worker *worker, int fd, const mo_protocol *protocol);
/* The same, of a connection that another worker had: in holds len bytes that it has read, and
 * is taken over, too. due_ns: the first limit is no later. */
void mo_conn_adopt(struct mo_worker *worker, int fd, const mo_protocol *protocol, uint8_t *in, size_t len, uint64_t due_ns);
void mo_conn_close(mo_conn *c);
/* So that the other end cannot take what it got for complete: a reset. */
void mo_conn_abort(mo_conn *c);
/* No more is sent; what comes is dropped for a while, so that the last answer arrives. */
void mo_conn_linger(mo_conn *c);

/* Reads into in, behind what is there. The number of bytes; 0: the end; -EAGAIN; -ENOBUFS:
 * in is full; -errno. */
int64_t mo_conn_fill(mo_conn *c);
static inline size_t mo_conn_have(const mo_conn *c) { return c->in_len - c->in_at; }
static inline const uint8_t *mo_conn_bytes(const mo_conn *c) { return c->in + c->in_at; }
void mo_conn_take(mo_conn *c, size_t n); /* of what is there; pointers into it end with the next read */
/* Straight to where it is wanted; only where nothing is in `in`. */
int64_t mo_conn_read(mo_conn *c, void *to, size_t len);
/* Without waiting: bytes written, -EAGAIN or -errno. */
int64_t mo_conn_write(mo_conn *c, const struct iovec *iovs, size_t n);

bool mo_conn_want(mo_conn *c, uint32_t events);
void mo_conn_limit(mo_conn *c, uint64_t due_ns);
/* In a task: until events, or an error (both true), or that time. */
bool mo_conn_wait(mo_conn *c, mo_task *t, uint32_t events, uint64_t due_ns);

#endif
