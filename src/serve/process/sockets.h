/* sockets.h - what outlives workers and generations: listening sockets and inboxes.
 *
 *   listening  for each address one for each worker (SO_REUSEPORT), or one for all that
 *              somebody else opened (systemd). They are closed only when nobody wants the
 *              address any more: what is queued waits for whoever has the socket next.
 *   inboxes    one for each worker: connections that another worker accepted and passed on
 *              (handover.h). They outlive workers, so that nothing in them is lost.
 *
 * The supervisor keeps them; a generation says what it wants and is sent them; its workers
 * inherit them, and each serves those that fall to its number: of n workers the i-th has
 * i, i + n, i + 2n, ..., so that sockets of a greater number of workers have an owner, too. */
#ifndef MO_SERVE_SOCKETS_H
#define MO_SERVE_SOCKETS_H

#include "serve/serve.h"

enum { MO_SERVE_GROUPS = 64, MO_NAME = 64, MO_ADDRESS = 80 };

/* Workers that serve the same: the first group everybody, others one tenant each. */
typedef struct mo_group_want {
    char name[MO_NAME];
    uint32_t nworkers;
} mo_group_want;

/* What a generation asks for, as one message. */
typedef struct mo_wants {
    char name[MO_NAME]; /* of what is served, for people */
    char control[112];  /* path of the control socket; "": none */
    uint64_t drain_ns;
    uint32_t nlisteners, ngroups;
    char listeners[MO_SERVE_ADDRESSES][MO_ADDRESS];
    char admin[MO_ADDRESS]; /* a socket of no worker; "": none */
    mo_group_want groups[MO_SERVE_GROUPS];
} mo_wants;

typedef struct mo_listening {
    char asked[MO_ADDRESS], bound[MO_ADDRESS];
    bool given, admin; /* admin: of no worker, wants->admin's */
    uint32_t n;
    int fds[MO_SERVE_WORKERS];
} mo_listening;

typedef struct mo_inboxes {
    char name[MO_NAME];
    uint32_t n;
    int rx[MO_SERVE_WORKERS], tx[MO_SERVE_WORKERS];
} mo_inboxes;

typedef struct mo_sockets {
    uint32_t nlistening, ninboxes;
    mo_listening *listening[2 * MO_SERVE_ADDRESSES]; /* each taken from the heap */
    mo_inboxes *inboxes[2 * MO_SERVE_GROUPS];
} mo_sockets;

/* Takes sockets that somebody else opened. They are closed with the others. */
bool mo_sockets_take(mo_sockets *s, const int *fds, size_t n, mote_error *err);
/* Opens what is wanted and not there yet. On failure nothing of what was there has changed. */
bool mo_sockets_open(mo_sockets *s, const mo_wants *w, mote_error *err);
/* The one socket of wants->admin; -1: there is none. */
int mo_sockets_admin(const mo_sockets *s, const mo_wants *w);
/* Closes what is not wanted. w: NULL: all. */
void mo_sockets_keep(mo_sockets *s, const mo_wants *w);
/* What w wants, to the other end of a channel; and there. false: errno. */
bool mo_sockets_send(const mo_sockets *s, const mo_wants *w, int channel);
bool mo_sockets_receive(mo_sockets *ret, int channel);

/* Does the at-th of n sockets fall to this of so many workers? */
static inline bool mo_sockets_falls_to(uint32_t at, uint32_t n, uint32_t worker, uint32_t nworkers)
{
    return at % nworkers == worker || (n < nworkers && worker % n == at);
}

#endif
