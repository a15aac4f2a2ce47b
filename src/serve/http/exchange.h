/* exchange.h - what a request may do with the protocol that brought it: read its body, give
 * its answer. HTTP/1.1 has one at a time on a connection; others may have many.
 *
 *   AWAITED --mo_exchange_answer--> BEGUN --mo_exchange_more--> ... --mo_exchange_end--> COMPLETE
 *        \___________________________\_______________________________ mo_exchange_abort -> BROKEN
 *
 * All are called in the request's task, and park it where they would block. None ever makes
 * an answer look complete that is not. */
#ifndef MO_SERVE_EXCHANGE_H
#define MO_SERVE_EXCHANGE_H

#include "base/base.h"

typedef struct mo_exchange mo_exchange;

#define MO_LENGTH_UNKNOWN UINT64_MAX

/* An answer's head: what it says, not how it is framed. */
typedef struct mo_answer {
    int status;          /* 200 to 599 */
    mo_span reason;      /* empty: the usual words */
    mo_span fields;      /* lines "Name: value\r\n", checked */
    uint64_t length;     /* of the body, as the function declared it, or MO_LENGTH_UNKNOWN */
} mo_answer;

/* Has the request's body no further byte? Then reading answers 0. */
bool mo_exchange_read_all(const mo_exchange *x);
/* Bytes of the body; 0: its end; -EAGAIN: none is there yet, and wait was false; -EFBIG: it
 * is larger than allowed; -EIO: its framing is bad, or the connection is gone; -ETIMEDOUT:
 * the client is too slow; -EINTR: the request's time is up. */
int64_t mo_exchange_read(mo_exchange *x, void *to, size_t len, bool wait);

/* May the answer have a body? Not to HEAD, nor with 204 and 304. */
bool mo_exchange_has_body(const mo_exchange *x, int status);
/* Begins the answer with the first part of its body. all: that is all of it, so that the
 * length is known; it leaves in one write. false: the connection is gone, or too slow. */
bool mo_exchange_answer(mo_exchange *x, const mo_answer *a, mo_span body, bool all);
/* Two parts more, one after the other. */
bool mo_exchange_more(mo_exchange *x, mo_span first, mo_span second);
bool mo_exchange_end(mo_exchange *x);
/* The connection will end with a reset. */
void mo_exchange_abort(mo_exchange *x);
bool mo_exchange_has_begun(const mo_exchange *x);
/* A short answer in words, where none has begun. */
void mo_exchange_refuse(mo_exchange *x, int status);
/* After the answer: what is left of the body is read and dropped, as far as it is small. */
void mo_exchange_finish(mo_exchange *x);
/* The request waits for something else: the client's bytes must not wake the loop. */
void mo_exchange_rest(mo_exchange *x);

/* --- for environments ------------------------------------------------------------ */

/* REMOTE_ADDR=... and so on, n strings. */
mo_span mo_exchange_facts(const mo_exchange *x, size_t *retn);
/* Does a proxy speak that is believed? */
bool mo_exchange_is_proxied(const mo_exchange *x);

/* --- for reports ------------------------------------------------------------------- */

struct mo_tally;
/* When its head was there, in the loop's time. */
uint64_t mo_exchange_came(const mo_exchange *x);
/* How it ended: status, truncated, bytes of bodies. */
void mo_exchange_tell(const mo_exchange *x, struct mo_tally *ret);

#endif
