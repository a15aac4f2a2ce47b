/* shared.h - what all workers count, in memory that they, their parents and the supervisor share.
 *
 *   supervisor  mo_counts_new, once, before any generation; mo_counts_drop when one is gone
 *   generation  mo_shared_new: its app's functions get rows; mo_shared_bury for each dead worker
 *   worker      enter -> (queue -> dequeue) -> leave -> count; it adds, others read
 *   admin       mo_shared_each: sums over all of them
 *
 * What always holds:
 *   1  every word has one writer, the worker of its area, so that a worker killed between any
 *      two instructions leaves what is true of it, and burying it is setting words to 0;
 *   2  of requests under way (and of those queued) there are never more than a share allows,
 *      over all workers of all generations; two that ask for the last place at one moment
 *      settle it;
 *   3  totals never go backwards: an area goes on with the next worker that gets it, a reload
 *      finds its functions' rows by name, and a function that is gone leaves its counts to
 *      its tenant's row, and that to the row of all others;
 *   4  in shared memory there are numbers only, no pointers and no locks: a worker that was
 *      taken over can make counts wrong and deny service, but reach no other process' memory. */
#ifndef MO_SERVE_SHARED_H
#define MO_SERVE_SHARED_H

#include "serve/app/app.h"

typedef struct mo_counts mo_counts; /* the memory */
typedef struct mo_shared mo_shared; /* an app's view of it, in a generation and its workers */

/* Address space only; what nobody counts in takes no memory. */
enum { MO_SHARED_ROWS = 65536, MO_SHARED_AREAS = 512, MO_SHARED_HOLDERS = 16 };
mo_counts *mo_counts_new(mote_error *err);
void mo_counts_free(mo_counts *counts); /* NULL is fine */
/* The supervisor's: the generation of that number, and its workers, are gone. */
void mo_counts_drop(mo_counts *counts, uint32_t holder);

/* holder: a number below MO_SHARED_HOLDERS that no other living generation has. Of so many workers,
 * which are 0 to nworkers - 1, and of the generation itself, MO_SHARED_SELF. app must outlive it. */
#define MO_SHARED_SELF UINT32_MAX
mo_shared *mo_shared_new(mo_counts *counts, const mo_app *app, uint32_t holder, uint32_t nworkers, mote_error *err);
/* The memory of the process; what it holds of counts stays until mo_counts_drop(). */
void mo_shared_free(mo_shared *shared); /* NULL is fine */
/* That worker is dead; what it had under way is under way no more. Its number may have a successor. */
void mo_shared_bury(mo_shared *shared, uint32_t worker);

/* --- admission: limits over all workers ------------------------------------------- */

/* One more request of the function and its tenant is under way; false: one of the two has as many
 * as its share allows, and nothing was counted. */
bool mo_shared_enter(mo_shared *shared, uint32_t worker, uint32_t function);
void mo_shared_leave(mo_shared *shared, uint32_t worker, uint32_t function);
/* A queue of the function or tenant: the same, for its share's queue. One that is queued asks
 * again (enter) before it waits, and whenever a request of this worker leaves or its bell
 * rings. */
bool mo_shared_queue(mo_shared *shared, uint32_t worker, uint32_t function);
void mo_shared_dequeue(mo_shared *shared, uint32_t worker, uint32_t function);
/* Becomes readable (an eventfd) when a request of another worker of this generation left that one of
 * this worker's queue may have waited for. Of other generations' one hears nothing: ask from
 * time to time. */
int mo_shared_bell(const mo_shared *shared, uint32_t worker);
/* How many the worker has under way, e.g. had when it died and is not buried yet. */
uint32_t mo_shared_running(const mo_shared *shared, uint32_t worker, uint32_t function);
uint32_t mo_shared_running_of_all(const mo_shared *shared, uint32_t function); /* generations, too */

/* The generation's word; workers refuse requests of such a function with 503. */
void mo_shared_set_quarantined(mo_shared *shared, uint32_t function, bool quarantined);
bool mo_shared_is_quarantined(const mo_shared *shared, uint32_t function);

/* --- what is counted ---------------------------------------------------------------- */

typedef enum mo_start_kind { MO_START_NONE, MO_START_WARM, MO_START_BOUND, MO_START_COLD, MO_STARTS } mo_start_kind;
typedef enum mo_limit_hit { MO_HIT_WALL, MO_HIT_CPU, MO_HIT_MEMORY, MO_HIT_BODY, MO_HIT_OUTPUT, MO_HIT_LOG,
                            MO_HIT_REQUESTS, MO_HIT_QUEUE, MO_HITS } mo_limit_hit;

#define MO_SHARED_NO_FUNCTION UINT32_MAX /* none was found for the request */
enum { MO_SHARED_BUCKETS = 16 };         /* of latency; the last has no upper bound */
extern const uint64_t mo_shared_bounds_ns[MO_SHARED_BUCKETS - 1];

/* A request that is over. Plain stores into the area: no lock, no system call. */
typedef struct mo_tally {
    uint32_t function; /* or MO_SHARED_NO_FUNCTION */
    int status;        /* that was sent; 0: none was */
    bool truncated;    /* its connection was reset after the answer had begun */
    mo_start_kind start;
    uint64_t wall_ns, reset_ns, pages;
    uint64_t in_bytes, out_bytes; /* of bodies */
} mo_tally;
void mo_shared_count(mo_shared *shared, uint32_t worker, const mo_tally *t);
void mo_shared_hit(mo_shared *shared, uint32_t worker, uint32_t function, mo_limit_hit hit);

/* Of a process, not of a function. */
typedef enum mo_shared_value {
    /* counters: only mo_shared_add() */
    MO_VALUE_ACCEPTED,       /* connections                                        */
    MO_VALUE_LOG_DROPPED,    /* lines that had no room                             */
    MO_VALUE_ACCESS_DROPPED, /* likewise, of the access log                        */
    MO_VALUE_LOG_FAILED,     /* writes of logs that failed                         */
    MO_VALUE_PREEMPTED,      /* slices that were used up                           */
    MO_VALUE_RESTARTS,       /* the generation's: workers that died and were replaced */
    MO_VALUE_COUNTERS,
    /* gauges: only mo_shared_set(); buried with their worker */
    MO_VALUE_CONNECTIONS = MO_VALUE_COUNTERS,
    MO_VALUE_INSTANCES_LENT, MO_VALUE_INSTANCES_IDLE,
    MO_VALUE_MEMORY_BYTES,   /* resident, of the process                           */
    MO_VALUE_WORKERS,        /* 1: it serves                                       */
    MO_VALUE_WORKERS_WANTED, /* the generation's                                   */
    MO_VALUE_READY,          /* the generation's, 1: it serves and does not drain  */
    MO_VALUES
} mo_shared_value;
void mo_shared_add(mo_shared *shared, uint32_t worker, mo_shared_value value, uint64_t n);
void mo_shared_set(mo_shared *shared, uint32_t worker, mo_shared_value value, uint64_t n);
uint64_t mo_shared_get(const mo_shared *shared, uint32_t worker, mo_shared_value value);
uint64_t mo_shared_sum(const mo_shared *shared, mo_shared_value value); /* over all generations */

/* --- sums, for whoever tells them ---------------------------------------------------- */

/* A line for all others, one for requests that no function was found for, then tenants with names of
 * their own (what their other and former functions counted), then functions with names. How
 * many names there are is bounded, and one that has none never gets one. */
typedef enum mo_totals_kind { MO_TOTALS_FUNCTION, MO_TOTALS_TENANT, MO_TOTALS_OTHERS, MO_TOTALS_NONE } mo_totals_kind;
typedef struct mo_totals {
    mo_totals_kind kind;
    const char *tenant, *function; /* NULL where there is none */
    uint32_t quarantined; /* functions */
    uint64_t running, queued;
    uint64_t classes[5]; /* answers 2xx to 5xx; 4: none was sent */
    uint64_t truncated, in_bytes, out_bytes;
    uint64_t starts[MO_STARTS], reset_ns, pages;
    uint64_t wall_ns, buckets[MO_SHARED_BUCKETS];
    uint64_t hits[MO_HITS];
} mo_totals;
/* Calls each for each line that ever counted something. false: memory is out. */
bool mo_shared_each(const mo_shared *shared, void (*each)(void *data, const mo_totals *t), void *data);

enum { MO_SHARED_NAMES = 100 }; /* functions, and tenants, with a name of their own */

#endif
