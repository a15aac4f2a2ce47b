/* handover.h - a connection goes from one worker to another, with what was read of it and no
 * request under way: to one that has fewer, to the successor of one that ends, to the
 * workers of a tenant. It travels through the inbox of the other (sockets.h), and waits there
 * if nobody has that inbox now. */
#ifndef MO_SERVE_HANDOVER_H
#define MO_SERVE_HANDOVER_H

#include "serve/process/board.h"
#include "serve/http/conn.h"
#include "serve/process/sockets.h"

/* What a worker is among the others of its generation. */
struct mo_operate;
typedef struct mo_seat {
    const mo_wants *wants;     /* groups and their sizes */
    const mo_sockets *sockets; /* inboxes are in the order of groups */
    mo_board *board;
    const struct mo_operate *operate; /* counters, logs */
    uint32_t row, group, index; /* the index-th of its group */
    uint32_t area;              /* where it counts (shared.h) */
    const uint8_t *groups;      /* of tenants, by the app's index: whose workers serve them */
    int line;                   /* to its parent (generation.h) */
} mo_seat;

/* Between requests. true: it is gone from here; false: it stays, for now at least. */
bool mo_handover_conn(mo_conn *c, uint32_t group);
/* Has another worker of the group clearly fewer? Then it gets this one, which was just accepted. */
bool mo_handover_accepted(struct mo_worker *w, int fd);
/* An inbox has something: takes it over. false: nothing was there. */
bool mo_handover_take(struct mo_worker *w, int rx);

#endif
