/* shared.h - what all workers count, in memory that they and the supervisor share.
 * Each worker has an area that it alone writes (relaxed atomics; others read): counters of
 * itself, of each function, of each tenant. What is under way is counted in a word that all
 * workers add to, and in the worker's own area too, so that the supervisor can take back what
 * a dead worker held. Totals never go backwards: a dead worker's area goes on with its
 * successor. Made by the supervisor before any worker; one per app, old totals are taken over. */
#ifndef MO_SERVE_SHARED_H
#define MO_SERVE_SHARED_H

#include "serve/app.h"

typedef struct mo_shared mo_shared;
typedef struct mo_shared_area mo_shared_area;

mo_shared *mo_shared_new(const mo_app *app, uint32_t nworkers, mote_error *err);
void mo_shared_free(mo_shared *shared); /* in the supervisor */
/* Names are matched: what before counted under a function's name goes on under it. */
void mo_shared_take_over(mo_shared *shared, const mo_shared *before);
mo_shared_area *mo_shared_area_of(mo_shared *shared, uint32_t worker);
/* The supervisor's: that worker is dead; what it had under way is under way no more. */
void mo_shared_bury(mo_shared *shared, uint32_t worker);

/* --- admission: limits over all workers ------------------------------------------- */

/* One more request of the function and its tenant is under way; false: one of the two has as many
 * as its share allows, and nothing was counted. */
bool mo_shared_enter(mo_shared *shared, uint32_t worker, uint32_t function);
void mo_shared_leave(mo_shared *shared, uint32_t worker, uint32_t function);
/* A queue of the function or tenant: the same, for its share's queue. */
bool mo_shared_queue(mo_shared *shared, uint32_t worker, uint32_t function);
void mo_shared_dequeue(mo_shared *shared, uint32_t worker, uint32_t function);

/* --- what is counted ---------------------------------------------------------------- */

typedef enum mo_start_kind { MO_START_WARM, MO_START_BOUND, MO_START_COLD } mo_start_kind;
typedef enum mo_limit_hit { MO_HIT_WALL, MO_HIT_CPU, MO_HIT_MEMORY, MO_HIT_BODY, MO_HIT_OUTPUT, MO_HIT_LOG,
                            MO_HIT_REQUESTS, MO_HIT_QUEUE, MO_HITS } mo_limit_hit;

/* A request that is over. Plain stores into the area: no lock, no system call. */
typedef struct mo_tally {
    uint32_t function;
    int status;        /* that was sent; 0: none was */
    bool truncated;    /* its connection was reset after the answer had begun */
    mo_start_kind start;
    uint64_t wall_ns, reset_ns, pages;
    uint64_t in_bytes, out_bytes;
} mo_tally;
void mo_shared_count(mo_shared *shared, uint32_t worker, const mo_tally *t);
void mo_shared_hit(mo_shared *shared, uint32_t worker, uint32_t function, mo_limit_hit hit);

#endif
