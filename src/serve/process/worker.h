/* worker.h - a process that serves: one thread, one loop, one pool.
 *
 *   started --> SERVES --MO_ORDER_MOVE, SIGTERM--> MOVES: connections go to who has the inbox
 *                 |                                 next, each after its answer --> gone
 *                 \--MO_ORDER_END--> ENDS: accepts what is queued, closes what is idle, and
 *                                    the rest with its answers --> gone
 *
 * Workers share their sockets and inboxes (sockets.h), and the board. */
#ifndef MO_SERVE_WORKER_H
#define MO_SERVE_WORKER_H

#include "serve/http/conn.h"
#include "serve/function/function.h"
#include "serve/process/handover.h"
#include "serve/loop/hands.h"
#include "serve/http/ids.h"
#include "serve/record/lines.h"
#include "serve/record/log.h"
#include "serve/function/program.h"
#include "serve/app/route.h"
#include "serve/serve.h"
#include "serve/function/turns.h"

struct mo_isolation;

typedef struct mo_listener {
    mo_watch source;
    struct mo_worker *worker;
} mo_listener;

typedef struct mo_buffer_link mo_buffer_link;

/* The wall clock as text, renewed each second. */
typedef struct mo_clock {
    uint64_t ahead_ns, check_at_ns, second; /* ahead of the loop's clock */
    size_t len;
    char text[40];
} mo_clock;

typedef struct mo_worker {
    mo_loop loop;
    mo_log log;
    const mo_app *app;
    const mo_function *functions; /* by the app's index, as are programs */
    mo_program *programs;
    const mo_routes *routes;
    const mo_app_timeouts *timeouts;
    struct mo_shared *shared;
    uint32_t index;         /* of its area there */
    mo_turns turns;
    uint32_t nturns;        /* requests whose turn it is */
    mote_engine *engine;
    mote_pool *pool;
    mote_linker *linker;
    const mo_seat *seat;
    mo_listener *listeners, *inboxes;
    size_t nlisteners, ninboxes;
    mo_watch signals, line;
    mo_hands hands;
    mo_alarm timer;         /* of draining, or until accepting goes on */
    mo_alarm post_again;    /* connections that could not be handed over */
    uint64_t post_at_ns;    /* not before */
    uint32_t nposted;
    bool drains, deaf;      /* deaf: descriptors have run out for now */
    bool moves;             /* drains, and has a successor */
    mo_conn *conns;
    size_t nconns, most_conns;
    mo_group *groups;       /* by tenant: whose requests compute */
    mo_request *free_requests;
    size_t nrequests, nbusy;
    mo_buffer_link *buffers; /* MO_CONN_IN bytes each */
    size_t nbuffers;
    char name[32];
    char date[40];          /* "Date: ...\r\n" of second */
    size_t date_len;
    uint64_t date_at_ns;    /* when it is to be made again */
    mo_lines *lines;        /* of the access log, or NULL */
    bool report_json;
    mo_network *networks;   /* of app->proxies */
    mo_ids ids;
    mo_clock clock;
    int memory;             /* a file that tells how much this process has */
    uint64_t told_at_ns;    /* when what is told once in a while was */
} mo_worker;

/* Confines the process, then serves until it is told to end. Returns what the process ends with: 0, or: */
enum { MO_WORKER_FAILED = 1 };
int mo_worker_run(const mo_serve_config *config, const struct mo_isolation *isolation, const mo_seat *seat);
/* Of a byte on its line: to it, and from it. Without a parent it moves. */
enum { MO_ORDER_MOVE = 'm', MO_ORDER_END = 'e', MO_TOLD_SERVES = 's', MO_TOLD_FAILED = 'f' /* and words */ };

void mo_worker_add_conn(mo_worker *w, mo_conn *c);
void mo_worker_remove_conn(mo_worker *w, mo_conn *c);
uint8_t *mo_worker_take_buffer(mo_worker *w); /* NULL: memory is out */
void mo_worker_give_buffer(mo_worker *w, uint8_t *buffer);
mo_span mo_worker_date(mo_worker *w);

#endif
