/* worker.h - a process that serves: one thread, one loop, one pool.
 *
 *   started --> SERVES --SIGTERM--> DRAINS: accepts what is queued, closes what is idle,
 *                                   ends the rest with its answers --> gone
 *
 * A worker shares nothing with others but its listening sockets' ports. */
#ifndef MO_SERVE_WORKER_H
#define MO_SERVE_WORKER_H

#include "serve/conn.h"
#include "serve/function.h"
#include "serve/log.h"
#include "serve/program.h"
#include "serve/route.h"
#include "serve/serve.h"

struct mo_isolation;

typedef struct mo_listener {
    mo_watch source;
    struct mo_worker *worker;
} mo_listener;

typedef struct mo_buffer_link mo_buffer_link;

typedef struct mo_worker {
    mo_loop loop;
    mo_log log;
    const mo_app *app;
    const mo_function *functions; /* by the app's index, as are programs */
    mo_program *programs;
    const mo_routes *routes;
    const mo_app_timeouts *timeouts;
    mote_engine *engine;
    mote_pool *pool;
    mote_linker *linker;
    mo_listener listeners[MO_SERVE_ADDRESSES];
    size_t nlisteners;
    mo_watch signals;
    mo_alarm timer;         /* of draining, or until accepting goes on */
    bool drains, deaf;      /* deaf: descriptors have run out for now */
    mo_conn *conns;
    size_t nconns, most_conns;
    mo_request *free_requests;
    size_t nrequests, nbusy;
    mo_buffer_link *buffers; /* MO_CONN_IN bytes each */
    size_t nbuffers;
    char name[32];
    char date[40];          /* "Date: ...\r\n" of second */
    size_t date_len;
    uint64_t date_at_ns;    /* when it is to be made again */
    uint64_t id_seed, id_next;
} mo_worker;

/* Confines the process, then serves until it is told to end. Returns what the process ends with: 0, or: */
enum { MO_WORKER_FAILED = 1 };
int mo_worker_run(const mo_serve_config *config, const struct mo_isolation *isolation, unsigned index, const int *listeners,
                  size_t nlisteners);

void mo_worker_add_conn(mo_worker *w, mo_conn *c);
void mo_worker_remove_conn(mo_worker *w, mo_conn *c);
uint8_t *mo_worker_take_buffer(mo_worker *w); /* NULL: memory is out */
void mo_worker_give_buffer(mo_worker *w, uint8_t *buffer);
mo_span mo_worker_date(mo_worker *w);

#endif
