/* request.c - an instance acquired, called, given back; and how long all that may take. */
#include "serve/function/request.h"

#include "call/call.h"
#include "mote/mote.h"
#include "serve/function/cgi.h"
#include "serve/function/function.h"
#include "serve/function/program.h"
#include "serve/record/shared.h"
#include "serve/process/worker.h"
#include "wasi/wasi.h"

#include <stddef.h>
#include <stdio.h>

enum { STACK = 192 << 10 };

static mo_request *request_of(mo_task *t) { return (mo_request *)(void *)((char *)t - offsetof(mo_request, task)); }

/* --- free ones ------------------------------------------------------------------- */

static void free_request(mo_request *r)
{
    mo_cgi_free(r->cgi);
    mote_wasi_free(r->wasi);
    mo_task_release(&r->task);
    mo_free(r);
}

static mo_request *new_request(mo_worker *w)
{
    mo_request *r = mo_calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->worker = w;
    if (!mo_task_init(&w->loop, &r->task, STACK)) {
        mo_free(r);
        return NULL;
    }
    r->cgi = mo_cgi_new();
    if (!r->cgi || mote_wasi_new(&r->wasi, NULL) != MOTE_OK) {
        free_request(r);
        return NULL;
    }
    w->nrequests++;
    return r;
}

mo_request *mo_request_take(mo_worker *w, const mo_app_route *route)
{
    mo_request *r = w->free_requests;
    if (r)
        w->free_requests = r->next;
    else if (!(r = new_request(w)))
        return NULL;
    w->nbusy++;
    r->route = route;
    r->program = &w->programs[route->function];
    r->function = &w->functions[route->function];
    r->task.group = &w->groups[r->function->app->tenant];
    return r;
}

static void give(mo_request *r)
{
    mo_worker *w = r->worker;
    r->next = w->free_requests;
    w->free_requests = r;
    w->nbusy--;
}

void mo_request_free_all(mo_worker *w)
{
    while (w->free_requests) {
        mo_request *r = w->free_requests;
        w->free_requests = r->next;
        free_request(r);
    }
}

/* --- choosing the function ---------------------------------------------------------- */

int mo_request_choose(mo_worker *w, const mo_http_head *head, const mo_app_route **ret)
{
    uint8_t room[MO_HTTP_LINE];
    mo_span path;
    uint32_t route;
    if (mo_span_is(head->path, "*")) /* of the server as a whole (RFC 9110, 9.3.7) */
        return 204;
    if (!mo_http_decode(head->path, room, &path))
        return 400;
    switch (mo_route_find(w->routes, head->host, head->method, path, &route)) {
    case MO_ROUTE_FOUND: break;
    case MO_ROUTE_NONE: return 404;
    case MO_ROUTE_NO_METHOD: return 405;
    }
    *ret = &w->app->routes[route];
    if (!w->functions[(*ret)->function].artifact || mo_shared_is_quarantined(w->shared, (*ret)->function))
        return 503;
    uint64_t most = w->app->functions[(*ret)->function].limits.body_bytes;
    return head->has_length && head->length > most ? 413 : 0;
}

/* --- ends ------------------------------------------------------------------------------ */

void mo_request_end_guest(mo_request *r, mo_verdict verdict)
{
    if (r->ended)
        return;
    if (!r->verdict)
        r->verdict = verdict;
    if (r->instance)
        mote_store_interrupt(mote_instance_store(r->instance),
                             verdict == MO_VERDICT_TIME ? MOTE_TRAP_TIMEOUT : MOTE_TRAP_INTERRUPTED);
}

uint64_t mo_request_due(const mo_request *r, uint64_t patience_ns)
{
    uint64_t now = mo_now_ns(), due = patience_ns < MO_NEVER - now ? now + patience_ns : MO_NEVER;
    return r->ended || due < r->deadline_ns ? due : r->deadline_ns;
}

bool mo_request_is_late(mo_request *r)
{
    if (r->ended || mo_now_ns() < r->deadline_ns)
        return false;
    mo_request_end_guest(r, MO_VERDICT_TIME);
    return true;
}

static void forget(void *wasi) { mo_wasi_forget(wasi); }

void mo_request_release_instance(mo_request *r)
{
    if (!r->instance)
        return;
    mote_wasi_attach(NULL, mote_instance_store(r->instance));
    uint64_t from = mo_now_ns();
    mo_pool_release(r->instance, &r->report.tally.pages, NULL);
    r->report.tally.reset_ns = mo_now_ns() - from;
    r->instance = NULL;
    if (mo_unlikely(mo_wasi_forgets_slowly(r->wasi)))
        mo_request_do_elsewhere(r, forget, r->wasi);
    else
        mo_wasi_forget(r->wasi);
}

/* --- the call ----------------------------------------------------------------------------- */

static mote_status acquire(mo_request *r)
{
    r->report.tally.start = !r->program->made ? MO_START_COLD : mo_program_is_warm(r->program->made) ? MO_START_WARM : MO_START_BOUND;
    mote_status status = mo_program_acquire(r->program, r->worker, &r->instance, &r->err);
    if (status) {
        r->report.tally.start = MO_START_NONE;
        return status;
    }
    if (!mo_wasi_renew(r->wasi, r->program->model, &r->err) || !r->function->kind->begin(r))
        return r->err.status;
    mote_wasi_attach(r->wasi, mote_instance_store(r->instance));
    return MOTE_OK;
}

static void serve(mo_task *t)
{
    mo_request *r = request_of(t);
    r->status = acquire(r);
    if (r->status == MOTE_OK)
        r->status = mo_program_call(r->program, r->instance, &r->err);
    r->ended = true;
    r->head = NULL;
    r->function->kind->finish(r);
    mo_request_release_instance(r);
    mo_exchange_finish(r->exchange);
}

static void count_hit(const mo_request *r)
{
    if (r->verdict == MO_VERDICT_TOO_LARGE)
        mo_shared_hit(r->worker->shared, r->worker->index, r->route->function, MO_HIT_BODY);
}

static void served(mo_task *t)
{
    mo_request *r = request_of(t);
    mo_exchange *x = r->exchange;
    void (*done)(mo_exchange *x) = r->done;
    count_hit(r);
    mo_report_end(&r->report, r->worker, x);
    give(r);
    mo_turn_give(r->worker, r->route->function);
    done(x);
}

static uint64_t deadline_of(const mo_worker *w, const mo_app_limits *limits)
{
    return limits->wall_us < (MO_NEVER - w->loop.now_ns) / 1000 ? w->loop.now_ns + limits->wall_us * 1000 : MO_NEVER;
}

void mo_request_start(mo_request *r, mo_exchange *x, mo_http_head *head, void (*done)(mo_exchange *x))
{
    mo_worker *w = r->worker;
    r->exchange = x;
    r->done = done;
    r->head = head;
    r->instance = NULL;
    r->err.status = MOTE_OK;
    r->verdict = MO_VERDICT_NONE;
    r->ended = false;
    mo_report_begin(&r->report, w, x, head, r->route->function);
    r->deadline_ns = deadline_of(w, &r->function->app->limits);
    mo_task_start(&r->task, serve, served);
}
