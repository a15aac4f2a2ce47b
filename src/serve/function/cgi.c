/* cgi.c - a request served by a program: its streams, and what its end means.
 *
 *   HEAD -head is whole-> BODY -guest ends-> answered
 *     \ it makes no sense, or is too long: 502, and the guest ends
 *
 * Output is gathered: an answer that fits leaves with its length, in one write, when the
 * guest has ended. What does not fit, or is there when the guest waits, is sent at once. */
#include "serve/function/cgi.h"

#include "mote/mote.h"
#include "serve/function/function.h"
#include "serve/function/program.h"
#include "serve/record/shared.h"
#include "serve/process/worker.h"
#include "wasi/wasi.h"

#include <errno.h>
#include <stdlib.h>

enum { OUT = 32 << 10, FIELDS = 56 << 10, ENV = 96 << 10, LINE = 1024 };

struct mo_cgi {
    mo_answer answer;
    size_t out_len, body_at, looked_at; /* out: head, then body from body_at */
    bool has_head;
    int refusal;                        /* where the request itself is at fault: a status */
    const char *why;                    /* the answer makes no sense */
    uint64_t body_len;                  /* all of it so far */
    size_t line_len;
    uint64_t logged, output; /* bytes */
    bool log_is_full;
    uint8_t out[OUT];
    uint8_t fields[FIELDS];
    char line[LINE + 1];
    char env[ENV];
};

/* Nothing but the first lines is ever read before it was written. */
mo_cgi *mo_cgi_new(void)
{
    mo_cgi *cgi = mo_alloc(sizeof *cgi);
    if (cgi)
        memset(cgi, 0, offsetof(mo_cgi, out));
    return cgi;
}

void mo_cgi_free(mo_cgi *cgi) { mo_free(cgi); }

/* --- the log --------------------------------------------------------------------- */

#define LOG(r, ...)                                                            \
    do {                                                                       \
        mo_log_line(&(r)->worker->log, (r)->report.id, __VA_ARGS__);           \
    } while (0)

static void log_output_line(mo_request *r)
{
    mo_cgi *cgi = r->cgi;
    cgi->line[cgi->line_len] = 0;
    LOG(r, "%s: stderr: %s", r->function->app->name, cgi->line);
    cgi->line_len = 0;
}

static void log_is_full(mo_request *r)
{
    mo_cgi *cgi = r->cgi;
    cgi->log_is_full = true;
    if (cgi->line_len)
        log_output_line(r);
    LOG(r, "%s: stderr: more than %" PRIu64 " bytes, the rest is dropped", r->function->app->name, r->function->app->limits.log_bytes);
    mo_shared_hit(r->worker->shared, r->worker->index, r->route->function, MO_HIT_LOG);
}

static int64_t write_error(void *data, const void *from, size_t len)
{
    mo_request *r = data;
    mo_cgi *cgi = r->cgi;
    uint64_t left = r->function->app->limits.log_bytes - cgi->logged, n = len < left ? len : left;
    for (const char *at = from, *end = at + n; at < end; at++) {
        if (*at != '\n')
            cgi->line[cgi->line_len++] = *at ? *at : '?';
        if (*at == '\n' || cgi->line_len == LINE)
            log_output_line(r);
    }
    cgi->logged += n;
    if (n < len && !cgi->log_is_full)
        log_is_full(r);
    return (int64_t)len;
}

/* --- output -------------------------------------------------------------------------- */

static mo_span body_of(const mo_cgi *cgi) { return (mo_span){cgi->out + cgi->body_at, cgi->out_len - cgi->body_at}; }

static int64_t end_guest(mo_request *r, mo_verdict verdict)
{
    mo_request_end_guest(r, verdict);
    return -EIO;
}

/* Sends what is gathered, and more behind it. */
static bool flush(mo_request *r, mo_span more)
{
    mo_cgi *cgi = r->cgi;
    mo_span body = body_of(cgi);
    bool begun = mo_exchange_has_begun(r->exchange), good = true;
    if (!begun)
        good = mo_exchange_answer(r->exchange, &cgi->answer, body, false);
    if (good && (more.len || (begun && body.len)))
        good = mo_exchange_more(r->exchange, begun ? body : (mo_span){NULL, 0}, more);
    cgi->out_len = cgi->body_at = 0;
    return good;
}

static void flush_before_waiting(mo_request *r)
{
    mo_cgi *cgi = r->cgi;
    if (cgi->has_head && (body_of(cgi).len || !mo_exchange_has_begun(r->exchange)) &&
        mo_exchange_has_body(r->exchange, cgi->answer.status))
        flush(r, (mo_span){NULL, 0});
}

/* Output beyond its declared length is as wrong as too little. */
static int64_t write_body(mo_request *r, const uint8_t *from, size_t len)
{
    mo_cgi *cgi = r->cgi;
    cgi->body_len += len;
    if (!mo_exchange_has_body(r->exchange, cgi->answer.status))
        return (int64_t)len;
    if (cgi->body_len > cgi->answer.length) {
        cgi->why = "more body than its Content-Length";
        return end_guest(r, MO_VERDICT_BAD_ANSWER);
    }
    if (len <= OUT - cgi->out_len) {
        memcpy(cgi->out + cgi->out_len, from, len);
        cgi->out_len += len;
        return (int64_t)len;
    }
    return flush(r, (mo_span){from, len}) ? (int64_t)len : -EPIPE;
}

/* Until the head is whole it is gathered; what comes behind it is body. */
static int64_t write_head(mo_request *r, const uint8_t *from, size_t len)
{
    mo_cgi *cgi = r->cgi;
    size_t n = len < OUT - cgi->out_len ? len : OUT - cgi->out_len;
    memcpy(cgi->out + cgi->out_len, from, n);
    cgi->out_len += n;
    size_t head = mo_cgi_find(cgi->out, cgi->out_len, &cgi->looked_at);
    if (!head && cgi->out_len == OUT) {
        cgi->why = "no end of the head";
        return end_guest(r, MO_VERDICT_BAD_ANSWER);
    }
    if (!head)
        return (int64_t)n;
    if (!mo_cgi_parse(cgi->out, head, cgi->fields, FIELDS, &cgi->answer, &cgi->why))
        return end_guest(r, MO_VERDICT_BAD_ANSWER);
    cgi->has_head = true;
    cgi->body_at = head;
    cgi->body_len = cgi->out_len - head;
    if (!mo_exchange_has_body(r->exchange, cgi->answer.status))
        cgi->out_len = head;
    else if (cgi->body_len > cgi->answer.length) {
        cgi->why = "more body than its Content-Length";
        return end_guest(r, MO_VERDICT_BAD_ANSWER);
    }
    return (int64_t)n;
}

/* The status' own words may lie in out; they are lost where the head is overwritten. */
static int64_t write_output(void *data, const void *from, size_t len)
{
    mo_request *r = data;
    int64_t done = 0;
    if (len > r->function->app->limits.output_bytes - r->cgi->output) {
        r->cgi->why = "more output than its limit";
        mo_shared_hit(r->worker->shared, r->worker->index, r->route->function, MO_HIT_OUTPUT);
        return end_guest(r, MO_VERDICT_TOO_MUCH);
    }
    r->cgi->output += len;
    if (!r->cgi->has_head) {
        done = write_head(r, from, len);
        if (done < 0 || (size_t)done == len)
            return done;
    }
    int64_t n = write_body(r, (const uint8_t *)from + done, len - (size_t)done);
    return n < 0 ? n : done + n;
}

/* --- input ------------------------------------------------------------------------------- */

static int64_t read_input(void *data, void *to, size_t len)
{
    mo_request *r = data;
    int64_t n = mo_exchange_read(r->exchange, to, len, false);
    if (n == -EAGAIN) {
        flush_before_waiting(r);
        n = mo_exchange_read(r->exchange, to, len, true);
    }
    if (n >= 0)
        return n;
    mo_request_end_guest(r, n == -EFBIG ? MO_VERDICT_TOO_LARGE : n == -ETIMEDOUT ? MO_VERDICT_SLOW
                            : n == -EINTR ? MO_VERDICT_TIME : MO_VERDICT_BAD_BODY);
    return -EIO;
}

static int wait_for_guest(void *data, struct pollfd *fds, size_t nfds, uint64_t timeout_ns)
{
    mo_request *r = data;
    flush_before_waiting(r);
    return mo_request_wait(r, fds, nfds, timeout_ns);
}

/* --- begin ---------------------------------------------------------------------------------- */

static const char constants[] = "GATEWAY_INTERFACE=CGI/1.1\0SERVER_SOFTWARE=mote";

/* The route's path, but for a '/' at its end. */
static mo_span script_of(const mo_app_route *route)
{
    mo_span path = {(const uint8_t *)route->path, strlen(route->path)};
    if (path.len && path.at[path.len - 1] == '/')
        path.len--;
    return path;
}

/* What the operator set comes first, where programs find it: no client overrides it. */
static int make_env(mo_request *r)
{
    mo_cgi *cgi = r->cgi;
    const mote_wasi *model = r->program->model;
    mo_cgi_env env = {.at = cgi->env, .cap = ENV};
    size_t nfacts;
    mo_span facts = mo_report_facts(&r->report, r->exchange, &nfacts);
    mo_cgi_put_all(&env, model->env, model->env_len, model->nenv);
    mo_cgi_put_all(&env, constants, sizeof constants, 2);
    mo_cgi_put(&env, "HTTP_X_REQUEST_ID=", (mo_span){(const uint8_t *)r->report.id, r->report.id_len});
    mo_cgi_put(&env, "HTTP_TRACEPARENT=", (mo_span){(const uint8_t *)r->report.trace, MO_TRACEPARENT});
    if (r->report.traced)
        mo_cgi_put_named(&env, r->head, "tracestate");
    int status = mo_cgi_put_request(&env, r->head, script_of(r->route), facts, nfacts);
    mo_wasi_lend_env(r->wasi, env.at, env.len, env.n);
    return status;
}

static bool begin(mo_request *r)
{
    mo_cgi *cgi = r->cgi;
    memset(cgi, 0, offsetof(mo_cgi, out));
    cgi->refusal = make_env(r);
    if (cgi->refusal)
        return mo_fail(&r->err, MOTE_LIMIT, MOTE_NOWHERE, "the request cannot be told in variables");
    const mote_wasi_stream in = {.read = read_input, .data = r}, out = {.write = write_output, .data = r},
                           error = {.write = write_error, .data = r};
    mote_wasi_set_wait(r->wasi, wait_for_guest, r);
    mote_wasi_set_elsewhere(r->wasi, mo_request_do_elsewhere, r);
    return mote_wasi_set_stream(r->wasi, 0, &in, &r->err) == MOTE_OK &&
           mote_wasi_set_stream(r->wasi, 1, &out, &r->err) == MOTE_OK &&
           mote_wasi_set_stream(r->wasi, 2, &error, &r->err) == MOTE_OK;
}

/* --- the end ----------------------------------------------------------------------------------- */

static void log_trap(const mo_request *r)
{
    char text[1500];
    const mote_trap *trap = mote_store_trap(mote_instance_store(r->instance));
    if (trap)
        mote_trap_print(trap, text, sizeof text);
    LOG(r, "%s: trap: %s", r->function->app->name, trap ? text : r->err.message);
}

/* The status that a guest's end means where no answer has begun; 0: it ended well. */
static int judge(const mo_request *r)
{
    bool timed_out = r->status == MOTE_TRAP && (r->err.trap == MOTE_TRAP_TIMEOUT || r->err.trap == MOTE_TRAP_CPU_LIMIT);
    switch (r->verdict) {
    case MO_VERDICT_TIME: return 504;
    case MO_VERDICT_BAD_ANSWER:
    case MO_VERDICT_TOO_MUCH: return 502;
    case MO_VERDICT_TOO_LARGE: return 413;
    case MO_VERDICT_BAD_BODY: return 400;
    case MO_VERDICT_SLOW: return 408;
    case MO_VERDICT_GONE: return -1;
    case MO_VERDICT_NONE: break;
    }
    if (r->cgi->refusal)
        return r->cgi->refusal;
    if (r->status != MOTE_OK && r->status != MOTE_EXIT)
        return timed_out ? 504 : r->status == MOTE_LIMIT || r->status == MOTE_NOMEM ? 503 : 500;
    return r->cgi->has_head ? 0 : 502;
}

/* Wall time, which may end while it waits, or the processor's. */
static void log_time(mo_request *r)
{
    bool cpu = r->status == MOTE_TRAP && r->err.trap == MOTE_TRAP_CPU_LIMIT;
    mo_shared_hit(r->worker->shared, r->worker->index, r->route->function, cpu ? MO_HIT_CPU : MO_HIT_WALL);
    LOG(r, "%s: its time was up: %s", r->function->app->name,
        r->status == MOTE_TRAP ? r->err.message : "it waited too long");
}

static void log_end(mo_request *r, int status)
{
    uint32_t code = 0;
    if (r->cgi->line_len)
        log_output_line(r);
    if (r->cgi->refusal)
        return;
    if (r->verdict == MO_VERDICT_BAD_ANSWER || r->verdict == MO_VERDICT_TOO_MUCH || (status == 502 && r->cgi->why))
        LOG(r, "%s: bad answer: %s", r->function->app->name, r->cgi->why);
    else if (status == 502)
        LOG(r, "%s: bad answer: it ended before its head was whole", r->function->app->name);
    else if (status == 504)
        log_time(r);
    else if (r->verdict)
        LOG(r, "%s: ended: %s", r->function->app->name, r->verdict == MO_VERDICT_GONE ? "the client is gone" : "the request's body");
    else if (status && r->instance)
        log_trap(r);
    else if (status)
        LOG(r, "%s: not started: %s", r->function->app->name, r->err.message);
    if (mote_wasi_exited(r->wasi, &code) && code)
        LOG(r, "%s: exit code %" PRIu32, r->function->app->name, code);
}

/* Too little body: known only now. */
static bool is_short(const mo_request *r)
{
    const mo_cgi *cgi = r->cgi;
    return cgi->answer.length != MO_LENGTH_UNKNOWN && cgi->body_len < cgi->answer.length &&
           mo_exchange_has_body(r->exchange, cgi->answer.status);
}

/* To HEAD a length is told as it would be to GET, where the program printed the body. */
static bool answer(mo_request *r)
{
    mo_cgi *cgi = r->cgi;
    if (cgi->answer.length == MO_LENGTH_UNKNOWN && cgi->body_len && cgi->answer.status != 304 &&
        !mo_exchange_has_body(r->exchange, cgi->answer.status))
        cgi->answer.length = cgi->body_len;
    if (!mo_exchange_has_begun(r->exchange))
        return mo_exchange_answer(r->exchange, &cgi->answer, body_of(cgi), true);
    return (body_of(cgi).len == 0 || flush(r, (mo_span){NULL, 0})) && mo_exchange_end(r->exchange);
}

static void finish(mo_request *r)
{
    int status = judge(r);
    if (r->instance && mote_instance_store(r->instance)->limited)
        mo_shared_hit(r->worker->shared, r->worker->index, r->route->function, MO_HIT_MEMORY);
    if (!status && is_short(r)) {
        r->cgi->why = "less body than its Content-Length";
        status = 502;
    }
    log_end(r, status);
    if (!status) {
        if (!answer(r))
            LOG(r, "%s: truncated: the client is gone or too slow", r->function->app->name);
        return;
    }
    if (status > 0 && !mo_exchange_has_begun(r->exchange)) {
        mo_exchange_refuse(r->exchange, status);
        return;
    }
    if (mo_exchange_has_begun(r->exchange))
        LOG(r, "%s: truncated", r->function->app->name);
    mo_exchange_abort(r->exchange);
}

const mo_function_kind mo_function_cgi = {.name = "cgi", .begin = begin, .entry = "_start", .finish = finish};
