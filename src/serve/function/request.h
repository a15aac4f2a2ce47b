/* request.h - one request: a function called for it in a fresh instance, on a task.
 *
 *   mo_request_take -> mo_request_start -> acquire, serve, release -> mo_http1_done, FREE
 *
 * Knows methods, fields, bodies and answers (exchange.h), and no connection. A request's
 * wall time begins where it is started; while the guest runs the pool's limit ends it,
 * while it is parked mo_request_due() does. What always holds:
 *   1  instance is lent from its function's program while the guest may run, and is given
 *      back before the request waits for a slow reader of a finished answer;
 *   2  head is readable until the request first parks or reads its body. */
#ifndef MO_SERVE_REQUEST_H
#define MO_SERVE_REQUEST_H

#include "mote/pool.h"
#include "mote/wasi.h"
#include "serve/app/app.h"
#include "serve/http/exchange.h"
#include "serve/http/http.h"
#include "serve/loop/loop.h"
#include "serve/record/report.h"

struct mo_worker;
struct mo_function;
struct mo_program;
struct pollfd;
typedef struct mo_request mo_request;

/* Why the guest was ended from outside. */
typedef enum mo_verdict {
    MO_VERDICT_NONE,
    MO_VERDICT_TIME,       /* its wall time is up: 504        */
    MO_VERDICT_BAD_ANSWER, /* its head makes no sense: 502    */
    MO_VERDICT_TOO_LARGE,  /* the request's body is: 413      */
    MO_VERDICT_TOO_MUCH,   /* its output is: 502              */
    MO_VERDICT_BAD_BODY,   /* its framing is: 400             */
    MO_VERDICT_SLOW,       /* the client sends nothing: 408   */
    MO_VERDICT_GONE,       /* the client is: no answer        */
} mo_verdict;

struct mo_request {
    mo_task task;
    struct mo_worker *worker;
    mo_request *next; /* free ones */
    mo_exchange *exchange;
    void (*done)(mo_exchange *x);
    const mo_http_head *head;
    const struct mo_function *function;
    struct mo_program *program;   /* the function's in this worker */
    const mo_app_route *route;    /* that led here */
    mote_instance *instance;
    mote_wasi *wasi;
    mote_error err;     /* of the call */
    mote_status status;
    mo_verdict verdict;
    uint64_t deadline_ns;
    bool ended;         /* the guest is; only its answer is on the way */
    struct mo_cgi *cgi; /* what the CGI kind keeps (cgi.c); its memory is the request's */
    mo_report report;
};

/* Which of the app's functions serves it. 0, or the status to answer: 204 (OPTIONS *), 400,
 * 404, 405, 413, 503 (the function is broken, or in quarantine). */
int mo_request_choose(struct mo_worker *worker, const mo_http_head *head, const mo_app_route **ret);
/* Where it is a function's turn (turns.h): a free one, or NULL: memory is out. */
mo_request *mo_request_take(struct mo_worker *worker, const mo_app_route *route);
void mo_request_free_all(struct mo_worker *worker);
/* Runs it; done is called in the loop when it is over, perhaps before this returns. */
void mo_request_start(mo_request *r, mo_exchange *x, mo_http_head *head, void (*done)(mo_exchange *x));

/* In the task. Ends the guest: at once if it runs, else when it would go on. The first
 * verdict counts. */
void mo_request_end_guest(mo_request *r, mo_verdict verdict);
/* Until when it may wait for a client who has so much patience. */
uint64_t mo_request_due(const mo_request *r, uint64_t patience_ns);
/* Is its time up? Then the guest ends. */
bool mo_request_is_late(mo_request *r);
/* In place of the system's waiting, for a guest of preview 1: see mote_wasi_wait. */
int mo_request_wait(mo_request *r, struct pollfd *fds, size_t nfds, uint64_t timeout_ns);
/* Runs what may take long on another thread, for a guest of preview 1: see
 * mote_wasi_elsewhere. */
void mo_request_do_elsewhere(void *request, void (*work)(void *argument), void *argument);
/* The answer is written as far as it goes at once: from now on nothing needs the guest. */
void mo_request_release_instance(mo_request *r);

#endif
