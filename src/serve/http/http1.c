/* http1.c - requests found in a connection's bytes, answers framed.
 *
 *   IDLE -bytes-> HEAD -whole-> BUSY: a request's task -done-> IDLE, or the connection ends
 *
 * What always holds:
 *   1  while a request runs, nothing of the next one is looked at, nor read into memory but
 *      for what came with it;
 *   2  an answer that was begun is completed or the connection is reset;
 *   3  after a body that was not read to its end the connection ends. */
#include "serve/http/http1.h"

#include "call/call.h"
#include "serve/process/handover.h"
#include "serve/function/request.h"
#include "serve/process/worker.h"

#include <errno.h>
#include <stdio.h>

#define DRAIN_BYTES ((uint64_t)64 << 10)
#define DIRECT_BYTES 4096 /* of a body: so much is read to where it is wanted */

typedef enum answer_state { AWAITED, BEGUN, COMPLETE, BROKEN } answer_state;

struct mo_exchange {
    mo_conn *conn;
    mo_request *request;
    mo_http_find_state find;
    mo_http_body body;
    answer_state answer;
    uint8_t minor;
    mo_turn turn;        /* turn.waits: the head waits in the connection's bytes */
    size_t head_len;
    bool busy, finished; /* finished: busy no more, but not yet seen to */
    bool in_turns;
    bool awaits_head;    /* its first bytes are there */
    bool is_head, keep_alive, wants_continue;
    bool has_body, chunks; /* of the answer */
    uint64_t left;         /* of the answer's body, if its length was told; else unknown */
    int status;            /* of the answer that was begun, or 0 */
    uint64_t sent;         /* of its body */
    uint64_t came_ns;      /* the request's head */
};

static mo_exchange *exchange_of(mo_conn *c) { return (mo_exchange *)(void *)c->state; }

/* --- the answer's head -------------------------------------------------------------- */

typedef struct text {
    size_t len;
    char at[384];
} text;

static void put(text *t, const char *words, size_t len)
{
    if (len > sizeof t->at - t->len)
        len = sizeof t->at - t->len;
    memcpy(t->at + t->len, words, len);
    t->len += len;
}
#define PUT(t, literal) put(t, literal, sizeof(literal) - 1)

static void put_number(text *t, uint64_t n, unsigned base)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n);
    put(t, digits + at, sizeof digits - at);
}

static void put_status(text *t, const mo_answer *a)
{
    const char *usual = a->reason.len ? "" : mo_http_reason(a->status);
    PUT(t, "HTTP/1.1 ");
    put_number(t, (unsigned)a->status, 10);
    PUT(t, " ");
    put(t, a->reason.len ? (const char *)a->reason.at : usual, a->reason.len ? (a->reason.len < 100 ? a->reason.len : 100) : strlen(usual));
    PUT(t, "\r\n");
}

static void put_length(text *t, uint64_t length)
{
    PUT(t, "Content-Length: ");
    put_number(t, length, 10);
    PUT(t, "\r\n");
}

/* How the body is framed, and whether the connection goes on. len: of a body that is
 * complete, or MO_LENGTH_UNKNOWN. */
static void put_framing(mo_exchange *x, text *t, const mo_answer *a, uint64_t len)
{
    uint64_t length = a->length != MO_LENGTH_UNKNOWN ? a->length : len;
    x->has_body = mo_exchange_has_body(x, a->status);
    x->chunks = x->has_body && length == MO_LENGTH_UNKNOWN && x->minor > 0;
    x->left = x->has_body ? length : 0;
    if (!x->has_body && a->length == MO_LENGTH_UNKNOWN && len == 0)
        length = MO_LENGTH_UNKNOWN; /* of HEAD nobody said how long it would be */
    if (length != MO_LENGTH_UNKNOWN && a->status != 204 && (a->status != 304 || a->length != MO_LENGTH_UNKNOWN))
        put_length(t, length);
    else if (x->chunks)
        PUT(t, "Transfer-Encoding: chunked\r\n");
    else if (x->has_body)
        x->keep_alive = false; /* its end is the connection's */
    if (x->conn->worker->drains && !x->conn->worker->moves)
        x->keep_alive = false;
    if (!x->keep_alive)
        PUT(t, "Connection: close\r\n");
    else if (x->minor == 0)
        PUT(t, "Connection: keep-alive\r\n");
}

/* And the end of the head. */
static void put_id(text *t, const mo_report *report)
{
    PUT(t, "X-Request-Id: ");
    put(t, report->id, report->id_len);
    PUT(t, "\r\n\r\n");
}

static struct iovec vec(const void *at, size_t len) { return (struct iovec){(void *)(uintptr_t)at, len}; }

/* --- writing ---------------------------------------------------------------------------- */

static bool broken(mo_exchange *x)
{
    x->answer = BROKEN;
    mo_request_end_guest(x->request, MO_VERDICT_GONE);
    return false;
}

static void skip(struct iovec **iovs, size_t *n, size_t len)
{
    while (*n && len >= (*iovs)->iov_len) {
        len -= (*iovs)->iov_len;
        ++*iovs;
        --*n;
    }
    if (*n) {
        (*iovs)->iov_base = (char *)(*iovs)->iov_base + len;
        (*iovs)->iov_len -= len;
    }
}

/* Until the client takes more, as long as it has patience for that. */
static bool wait_to_write(mo_exchange *x)
{
    mo_request *r = x->request;
    if (r->ended)
        mo_request_release_instance(r);
    if (mo_conn_wait(x->conn, &r->task, EPOLLOUT, mo_request_due(r, x->conn->worker->timeouts->move_ns)))
        return true;
    mo_request_is_late(r);
    return false;
}

static bool write_all(mo_exchange *x, struct iovec *iovs, size_t n)
{
    skip(&iovs, &n, 0);
    while (n) {
        int64_t written = mo_conn_write(x->conn, iovs, n);
        if (written == -EAGAIN ? !wait_to_write(x) : written < 0)
            return broken(x);
        skip(&iovs, &n, written > 0 ? (size_t)written : 0);
    }
    return true;
}

/* A part of the body, framed; begun: the head, before it. */
static bool write_part(mo_exchange *x, const text *begun, mo_span fields, const text *framing, mo_span first,
                       mo_span second, bool all)
{
    struct iovec iovs[9];
    size_t n = 0, len = first.len + second.len;
    text size = {.len = 0};
    if (begun) {
        mo_span date = mo_worker_date(x->conn->worker);
        iovs[n++] = vec(begun->at, begun->len);
        iovs[n++] = vec(date.at, date.len);
        iovs[n++] = vec(fields.at, fields.len);
        iovs[n++] = vec(framing->at, framing->len);
    }
    if (x->has_body && len) {
        if (x->chunks) {
            put_number(&size, len, 16);
            PUT(&size, "\r\n");
            iovs[n++] = vec(size.at, size.len);
        }
        iovs[n++] = vec(first.at, first.len);
        iovs[n++] = vec(second.at, second.len);
        if (x->chunks)
            iovs[n++] = vec("\r\n", 2);
        if (x->left != MO_LENGTH_UNKNOWN)
            x->left -= len;
    }
    if (!write_all(x, iovs, n))
        return false;
    x->sent += x->has_body ? len : 0;
    x->answer = all ? COMPLETE : BEGUN;
    return true;
}

bool mo_exchange_answer(mo_exchange *x, const mo_answer *a, mo_span body, bool all)
{
    text begun, framing;
    begun.len = framing.len = 0;
    if (x->answer != AWAITED)
        return x->answer != BROKEN;
    if (!x->body.done && (x->wants_continue || (all && !x->body.chunked && x->body.left > DRAIN_BYTES)))
        x->keep_alive = false; /* nobody will read that; with 100-continue it may not even come */
    put_status(&begun, a);
    put_framing(x, &framing, a, all ? body.len : MO_LENGTH_UNKNOWN);
    put_id(&framing, &x->request->report);
    x->status = a->status;
    return write_part(x, &begun, a->fields, &framing, body, (mo_span){NULL, 0}, all);
}

bool mo_exchange_more(mo_exchange *x, mo_span first, mo_span second)
{
    if (x->answer != BEGUN || (x->left != MO_LENGTH_UNKNOWN && x->has_body && first.len + second.len > x->left))
        return x->answer == COMPLETE;
    return write_part(x, NULL, (mo_span){NULL, 0}, NULL, first, second, false);
}

bool mo_exchange_end(mo_exchange *x)
{
    struct iovec last = vec("0\r\n\r\n", 5);
    if (x->answer != BEGUN)
        return x->answer == COMPLETE;
    if (x->left != MO_LENGTH_UNKNOWN && x->left)
        return broken(x);
    if (x->chunks && !write_all(x, &last, 1))
        return false;
    x->answer = COMPLETE;
    return true;
}

void mo_exchange_abort(mo_exchange *x) { x->answer = BROKEN; }
uint64_t mo_exchange_came(const mo_exchange *x) { return x->came_ns; }
bool mo_exchange_is_proxied(const mo_exchange *x) { return x->conn->is_proxy; }

void mo_exchange_tell(const mo_exchange *x, mo_tally *ret)
{
    ret->status = x->status;
    ret->truncated = x->status && x->answer == BROKEN;
    ret->in_bytes = x->body.total;
    ret->out_bytes = x->sent;
}

bool mo_exchange_has_begun(const mo_exchange *x) { return x->answer != AWAITED; }
bool mo_exchange_has_body(const mo_exchange *x, int status) { return !x->is_head && status != 204 && status != 304; }

static mo_span refusal(int status, text *body)
{
    const char *reason = mo_http_reason(status);
    body->len = 0;
    put_number(body, (unsigned)status, 10);
    PUT(body, " ");
    put(body, reason, strlen(reason));
    PUT(body, "\n");
    return (mo_span){(const uint8_t *)body->at, body->len};
}

static const char refusal_fields[] = "Content-Type: text/plain\r\n";
static const char busy_fields[] = "Content-Type: text/plain\r\nRetry-After: 1\r\n";

static mo_answer refusal_of(int status)
{
    const char *fields = status == 503 ? busy_fields : refusal_fields;
    return (mo_answer){.status = status, .fields = {(const uint8_t *)fields, strlen(fields)}, .length = MO_LENGTH_UNKNOWN};
}

void mo_exchange_refuse(mo_exchange *x, int status)
{
    text body;
    mo_answer a = refusal_of(status);
    if (status == 400)
        x->keep_alive = false; /* what it was is not certain, so neither is what follows it */
    mo_exchange_answer(x, &a, refusal(status, &body), true);
}

/* --- reading ---------------------------------------------------------------------------------- */

bool mo_exchange_read_all(const mo_exchange *x) { return x->body.done; }
void mo_exchange_rest(mo_exchange *x) { mo_conn_want(x->conn, 0); }

mo_span mo_exchange_facts(const mo_exchange *x, size_t *retn)
{
    *retn = x->conn->nfacts;
    return (mo_span){(const uint8_t *)x->conn->facts, x->conn->facts_len};
}

/* Of what was read already. 0: no data in it; else as mo_exchange_read(). */
static int64_t read_held(mo_exchange *x, void *to, size_t len)
{
    mo_span data;
    size_t have = mo_conn_have(x->conn);
    int64_t n = mo_http_body_take(&x->body, mo_conn_bytes(x->conn), have < len ? have : len, &data);
    if (n < 0) {
        x->keep_alive = false;
        return n == -413 ? -EFBIG : -EIO;
    }
    if (data.len)
        memcpy(to, data.at, data.len);
    x->conn->in_at += (size_t)n;
    return (int64_t)data.len;
}

/* From the connection: data to where it is wanted, or more to be held. */
static int64_t read_more(mo_exchange *x, void *to, size_t len, bool *held)
{
    uint64_t plain = mo_http_body_plain(&x->body);
    *held = plain < DIRECT_BYTES || len < DIRECT_BYTES;
    if (*held)
        return mo_conn_fill(x->conn);
    int64_t n = mo_conn_read(x->conn, to, len < plain ? len : (size_t)plain);
    if (n > 0)
        mo_http_body_skip(&x->body, (uint64_t)n);
    return n;
}

static bool send_continue(mo_exchange *x)
{
    struct iovec words = vec("HTTP/1.1 100 Continue\r\n\r\n", 25);
    if (!x->wants_continue || x->answer != AWAITED)
        return true;
    x->wants_continue = false;
    return write_all(x, &words, 1);
}

static int64_t wait_to_read(mo_exchange *x)
{
    mo_request *r = x->request;
    if (mo_conn_wait(x->conn, &r->task, EPOLLIN, mo_request_due(r, x->conn->worker->timeouts->move_ns)))
        return 0;
    x->keep_alive = false;
    return mo_request_is_late(r) ? -EINTR : -ETIMEDOUT;
}

int64_t mo_exchange_read(mo_exchange *x, void *to, size_t len, bool wait)
{
    bool held;
    while (len && !x->body.done) {
        int64_t n = 0;
        while (mo_conn_have(x->conn) && !x->body.done)
            if ((n = read_held(x, to, len)) != 0)
                return n;
        if (x->body.done)
            break;
        if (!send_continue(x))
            return -EIO;
        n = read_more(x, to, len, &held);
        if (n > 0 && !held)
            return n;
        if (n > 0)
            continue;
        if (n != -EAGAIN) { /* the end, too early */
            x->keep_alive = false;
            return -EIO;
        }
        if (!wait)
            return -EAGAIN;
        if ((n = wait_to_read(x)) != 0)
            return n;
    }
    return 0;
}

void mo_exchange_finish(mo_exchange *x)
{
    char dropped[4096];
    uint64_t from = x->body.total;
    if (x->answer != COMPLETE || !x->keep_alive || x->body.done)
        return;
    x->body.limit = UINT64_MAX;
    if (x->wants_continue || (!x->body.chunked && x->body.left > DRAIN_BYTES))
        x->keep_alive = false;
    while (x->keep_alive && !x->body.done && x->body.total - from < DRAIN_BYTES)
        if (mo_exchange_read(x, dropped, sizeof dropped, true) < 0)
            x->keep_alive = false;
}

/* --- turns ---------------------------------------------------------------------------------------- */

static void take_turns(mo_exchange *x);

/* A short answer where no request runs; false: it did not leave whole, for where there is no
 * room for so few bytes, nobody reads. */
static bool write_refusal(mo_exchange *x, int status, mo_span more_fields, mo_http_head *head, uint32_t function)
{
    text begun, framing, words;
    mo_report report;
    mo_worker *w = x->conn->worker;
    mo_answer a = refusal_of(status);
    mo_span body = refusal(status, &words), date = mo_worker_date(x->conn->worker);
    begun.len = framing.len = 0;
    put_status(&begun, &a);
    put_framing(x, &framing, &a, body.len);
    mo_report_begin(&report, w, x, head, function);
    put_id(&framing, &report);
    const struct iovec iovs[] = {vec(begun.at, begun.len), vec(date.at, date.len), vec(a.fields.at, a.fields.len),
                                 vec(more_fields.at, more_fields.len), vec(framing.at, framing.len),
                                 vec(body.at, x->has_body ? body.len : 0)};
    int64_t n = mo_conn_write(x->conn, iovs, MO_COUNT(iovs)), all = 0;
    for (size_t i = 0; i < MO_COUNT(iovs); i++)
        all += (int64_t)iovs[i].iov_len;
    x->status = n == all ? status : 0;
    x->sent = x->status && x->has_body ? body.len : 0;
    mo_report_end(&report, w, x);
    return n == all;
}

/* The connection ends with it. */
static void refuse_now(mo_exchange *x, int status)
{
    x->keep_alive = false;
    x->came_ns = x->conn->worker->loop.now_ns;
    x->body = (mo_http_body){.done = true};
    if (write_refusal(x, status, (mo_span){NULL, 0}, NULL, MO_SHARED_NO_FUNCTION))
        mo_conn_linger(x->conn);
    else
        mo_conn_abort(x->conn);
}

/* In the loop, when the request's task is over. */
static void request_done(mo_exchange *x)
{
    x->busy = false;
    x->finished = true;
    x->request = NULL;
    take_turns(x);
}

/* What becomes of the connection after a request. false: it is gone. */
static bool go_on(mo_exchange *x)
{
    x->finished = false;
    if (x->answer != COMPLETE)
        mo_conn_abort(x->conn);
    else if (x->conn->broken)
        mo_conn_close(x->conn);
    else if (!x->keep_alive && (!x->body.done || mo_conn_have(x->conn)))
        mo_conn_linger(x->conn);
    else if (!x->keep_alive)
        mo_conn_close(x->conn);
    else {
        mo_conn_take(x->conn, 0);
        x->answer = AWAITED;
        x->find = (mo_http_find_state){.at = 0};
        return true;
    }
    return false;
}

/* "Allow: GET, POST\r\n", for 405. */
static mo_span allowed(const mo_exchange *x, const mo_http_head *head, char *room, size_t size)
{
    uint8_t decoded[MO_HTTP_LINE];
    mo_span path;
    size_t n = 7;
    memcpy(room, "Allow: ", 7);
    if (mo_http_decode(head->path, decoded, &path))
        n += mo_route_allow(x->conn->worker->routes, head->host, path, room + n, size - n - 2);
    memcpy(room + n, "\r\n", 2);
    return (mo_span){(const uint8_t *)room, n + 2};
}

/* A request that makes sense but is not served. false: the connection is gone, or will be. */
static bool refuse_request(mo_exchange *x, mo_http_head *head, size_t len, int status, const mo_app_route *route)
{
    char room[256];
    uint32_t function = route ? route->function : MO_SHARED_NO_FUNCTION;
    mo_span fields = status == 405 ? allowed(x, head, room, sizeof room) : (mo_span){NULL, 0};
    if (status == 413 && route)
        mo_shared_hit(x->conn->worker->shared, x->conn->worker->index, function, MO_HIT_BODY);
    x->body = mo_http_body_of(head, 0);
    if (!x->body.done || !head->keep_alive || status == 400) {
        x->keep_alive = false;
        if (write_refusal(x, status, fields, head, function))
            mo_conn_linger(x->conn);
        else
            mo_conn_abort(x->conn);
        return false;
    }
    x->keep_alive = true;
    x->conn->in_at += len;
    x->answer = write_refusal(x, status, fields, head, function) ? COMPLETE : BROKEN;
    x->finished = true;
    return true;
}

/* It is its turn. false: the connection is gone, or will be. */
static bool start_request(mo_exchange *x, mo_http_head *head, const mo_app_route *route)
{
    mo_worker *w = x->conn->worker;
    mo_request *r = mo_request_take(w, route);
    if (!r) {
        mo_turn_give(w, route->function);
        return refuse_request(x, head, x->head_len, 503, route);
    }
    x->conn->in_at += x->head_len;
    x->body = mo_http_body_of(head, w->app->functions[route->function].limits.body_bytes);
    x->keep_alive = head->keep_alive;
    x->wants_continue = head->expects_continue && !x->body.done;
    x->request = r;
    x->status = 0;
    x->sent = 0;
    x->busy = true;
    mo_conn_limit(x->conn, MO_NEVER);
    mo_request_start(r, x, head, request_done);
    return true;
}

static void turn_comes(mo_turn *t)
{
    mo_exchange *x = (mo_exchange *)(void *)((char *)t - offsetof(mo_exchange, turn));
    mo_http_head head;
    const mo_app_route *route;
    x->busy = false;
    if (mo_http_parse(mo_conn_bytes(x->conn), x->head_len, &head) != 0 || mo_request_choose(x->conn->worker, &head, &route) != 0) {
        mo_turn_give(x->conn->worker, t->function); /* it is in quarantine since */
        refuse_now(x, 503);
        return;
    }
    x->in_turns = true;
    if (!start_request(x, &head, route))
        return;
    x->in_turns = false;
    take_turns(x);
}

/* Its place in the queue is given up when the other end closes. false: the connection is gone. */
static bool await_turn(mo_exchange *x)
{
    mo_worker *w = x->conn->worker;
    x->busy = true;
    mo_conn_limit(x->conn, w->loop.now_ns + w->timeouts->queue_ns);
    if (mo_conn_want(x->conn, EPOLLRDHUP))
        return true;
    mo_turn_leave(w, &x->turn);
    mo_conn_close(x->conn);
    return false;
}

/* To the workers of its tenant; where all end, nobody takes it. */
static bool pass_request(mo_exchange *x, mo_http_head *head, size_t len, uint32_t group, const mo_app_route *route)
{
    const mo_worker *w = x->conn->worker;
    if ((!w->drains || w->moves) && mo_handover_conn(x->conn, group))
        return false;
    return refuse_request(x, head, len, 503, route);
}

/* A whole head is there. false: the connection is gone, or will be. */
static bool begin_request(mo_exchange *x, size_t len)
{
    mo_http_head head;
    mo_worker *w = x->conn->worker;
    const mo_app_route *route = NULL;
    int status = mo_http_parse(mo_conn_bytes(x->conn), len, &head);
    x->awaits_head = false;
    x->is_head = !status && head.is_head;
    x->minor = status ? 1 : head.minor;
    x->head_len = len;
    x->came_ns = w->loop.now_ns;
    if (status) {
        refuse_now(x, status);
        return false;
    }
    if ((status = mo_request_choose(w, &head, &route)) != 0)
        return refuse_request(x, &head, len, status, route);
    uint32_t group = w->seat->groups[w->app->functions[route->function].tenant];
    if (group != w->seat->group)
        return pass_request(x, &head, len, group, route);
    switch (mo_turn_take(w, &x->turn, route->function, turn_comes)) {
    case MO_TURN_COMES: return start_request(x, &head, route);
    case MO_TURN_WAITS: mo_shared_hit(w->shared, w->index, route->function, MO_HIT_REQUESTS); return await_turn(x);
    case MO_TURN_REFUSED: mo_shared_hit(w->shared, w->index, route->function, MO_HIT_QUEUE); break;
    }
    return refuse_request(x, &head, len, 503, route);
}

/* Empty lines before a request are some old client's (RFC 9112, 2.2). */
static void skip_empty_lines(mo_exchange *x)
{
    while (mo_conn_have(x->conn) >= 2 && memcmp(mo_conn_bytes(x->conn), "\r\n", 2) == 0)
        mo_conn_take(x->conn, 2);
}

/* With what is there. false: the connection is gone. */
static bool take_turn(mo_exchange *x, bool *more)
{
    *more = false;
    if (x->find.at == 0)
        skip_empty_lines(x);
    if (!mo_conn_have(x->conn))
        return true;
    int64_t len = mo_http_find(&x->find, mo_conn_bytes(x->conn), mo_conn_have(x->conn));
    if (len < 0) {
        x->minor = 1;
        x->is_head = false;
        refuse_now(x, (int)-len);
        return false;
    }
    *more = len > 0;
    return len == 0 || begin_request(x, (size_t)len);
}

/* The worker ends: the connection goes to its successor or, where there is none and no
 * request has begun, ends. false: it stays for now. */
static bool leave_worker(mo_exchange *x, bool begun)
{
    mo_conn *c = x->conn;
    if (c->worker->moves)
        return mo_handover_conn(c, 0);
    if (begun)
        return false;
    mo_conn_close(c);
    return true;
}

static void await_bytes(mo_exchange *x)
{
    const mo_worker *w = x->conn->worker;
    bool begun = mo_conn_have(x->conn) > 0;
    if (w->drains && leave_worker(x, begun))
        return;
    if (!begun)
        mo_conn_limit(x->conn, w->loop.now_ns + w->timeouts->idle_ns);
    else if (!x->awaits_head)
        mo_conn_limit(x->conn, w->loop.now_ns + w->timeouts->head_ns);
    x->awaits_head = begun;
    if (!mo_conn_want(x->conn, EPOLLIN))
        mo_conn_close(x->conn);
}

/* One request after the other while there are bytes; a task that ends meanwhile comes here
 * too, and leaves it to the turn that is being taken. */
static void take_turns(mo_exchange *x)
{
    bool more = true;
    if (x->in_turns)
        return;
    x->in_turns = true;
    while (!x->busy) {
        if (x->finished && !go_on(x))
            return;
        if (!more || !mo_conn_have(x->conn))
            break;
        if (!take_turn(x, &more))
            return;
    }
    x->in_turns = false;
    if (!x->busy)
        await_bytes(x);
}

/* --- events -------------------------------------------------------------------------------------------- */

static void begin(mo_conn *c)
{
    mo_exchange *x = exchange_of(c);
    *x = (mo_exchange){.conn = c};
    take_turns(x); /* bytes may have come with it */
}

static void leave_queue(mo_exchange *x)
{
    mo_turn_leave(x->conn->worker, &x->turn);
    x->busy = false;
}

static void readable(mo_conn *c)
{
    mo_exchange *x = exchange_of(c);
    if (x->turn.waits) { /* the other end closed; it is hardly there */
        leave_queue(x);
        mo_conn_close(c);
        return;
    }
    if (x->busy) { /* it waits for something else */
        mo_conn_want(c, 0);
        return;
    }
    int64_t n = mo_conn_fill(c);
    if (n > 0)
        take_turns(x);
    else if (n != -EAGAIN)
        mo_conn_close(c);
}

static void late(mo_conn *c)
{
    mo_exchange *x = exchange_of(c);
    bool waits = x->turn.waits;
    if (waits)
        leave_queue(x);
    if (x->busy)
        return;
    if (mo_conn_have(c))
        refuse_now(x, waits ? 503 : 408);
    else
        mo_conn_close(c);
}

static void on_broken(mo_conn *c)
{
    mo_exchange *x = exchange_of(c);
    if (x->turn.waits)
        leave_queue(x);
    if (!x->busy) {
        mo_conn_close(c);
        return;
    }
    mo_request_end_guest(x->request, MO_VERDICT_GONE);
    mo_task_wake(&x->request->task);
}

/* What has arrived, though nobody has looked yet, is still answered. */
static void drain(mo_conn *c)
{
    mo_exchange *x = exchange_of(c);
    if (x->busy)
        return;
    if (c->worker->moves)
        leave_worker(x, mo_conn_have(c) > 0);
    else if (!mo_conn_have(c) && mo_conn_fill(c) <= 0)
        mo_conn_close(c);
    else
        take_turns(x);
}

const mo_protocol mo_http1 = {
    .state_size = sizeof(mo_exchange),
    .begin = begin,
    .readable = readable,
    .late = late,
    .broken = on_broken,
    .drain = drain,
};
