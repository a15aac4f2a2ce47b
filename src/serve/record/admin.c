/* admin.c - one request a connection, few at a time, none for long. */
#include "serve/record/admin.h"

#include "serve/http/http.h"
#include "serve/loop/loop.h"
#include "serve/record/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_CLIENTS = 32, IN = 8 << 10 };
#define PATIENCE_NS (10 * MO_NS_PER_S)

struct admin;

typedef struct client {
    mo_watch source;
    mo_alarm timer;
    struct admin *admin;
    mo_http_find_state find;
    mo_buffer out;
    size_t in_len, out_at;
    bool answers;
    uint8_t in[IN];
} client;

typedef struct admin {
    mo_loop loop;
    mo_watch listener, parent;
    mo_shared *shared;
    uint32_t nworkers, nclients;
} admin;

static client *client_of(mo_watch *s) { return (client *)(void *)((char *)s - offsetof(client, source)); }

static void listen_or_not(admin *a) { mo_loop_want(&a->loop, &a->listener, a->nclients < MOST_CLIENTS ? EPOLLIN : 0); }

static void end_client(client *c)
{
    admin *a = c->admin;
    mo_loop_forget(&a->loop, &c->source);
    mo_alarm_release(&a->loop, &c->timer);
    close(c->source.fd);
    mo_buffer_free(&c->out);
    mo_free(c);
    a->nclients--;
    listen_or_not(a);
}

/* --- answers ----------------------------------------------------------------------- */

static void answer(client *c, int status, const char *type, const mo_buffer *body, bool is_head)
{
    char head[256];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
                     status, mo_http_reason(status), type, body->len);
    mo_buffer_put(&c->out, head, (size_t)n);
    if (!is_head)
        mo_buffer_put(&c->out, body->at, body->len);
    c->answers = true;
}

static void answer_words(client *c, int status, const char *words, bool is_head)
{
    mo_buffer body = {.len = 0};
    mo_buffer_put(&body, words, strlen(words));
    answer(c, status, "text/plain; charset=utf-8", &body, is_head);
    mo_buffer_free(&body);
}

static bool is_ready(const admin *a)
{
    bool any = false;
    for (uint32_t i = 0; i < a->nworkers; i++)
        any |= mo_shared_get(a->shared, i, MO_VALUE_WORKERS);
    return any && mo_shared_get(a->shared, MO_SHARED_SELF, MO_VALUE_READY);
}

static void answer_metrics(client *c, bool is_head)
{
    mo_buffer body = {.len = 0};
    if (mo_metrics_print(c->admin->shared, &body))
        answer(c, 200, "text/plain; version=0.0.4; charset=utf-8", &body, is_head);
    else
        answer_words(c, 503, "memory is out\n", is_head);
    mo_buffer_free(&body);
}

static void answer_head(client *c, const mo_http_head *head)
{
    bool ready = is_ready(c->admin);
    if (!head->is_head && !mo_span_is(head->method, "GET"))
        answer_words(c, 405, "want GET\n", false);
    else if (mo_span_is(head->path, "/healthz"))
        answer_words(c, 200, "ok\n", head->is_head);
    else if (mo_span_is(head->path, "/readyz"))
        answer_words(c, ready ? 200 : 503, ready ? "ready\n" : "not ready\n", head->is_head);
    else if (mo_span_is(head->path, "/metrics"))
        answer_metrics(c, head->is_head);
    else
        answer_words(c, 404, "there are /healthz, /readyz and /metrics\n", head->is_head);
}

/* --- bytes ---------------------------------------------------------------------------- */

/* false: the client is gone. */
static bool write_more(client *c)
{
    while (c->out_at < c->out.len) {
        ssize_t n = send(c->source.fd, c->out.at + c->out_at, c->out.len - c->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return mo_loop_want(&c->admin->loop, &c->source, EPOLLOUT);
        if (n < 0)
            return false;
        c->out_at += (size_t)n;
    }
    shutdown(c->source.fd, SHUT_WR);
    return false;
}

/* The same. */
static bool read_more(client *c)
{
    mo_http_head head;
    ssize_t n = recv(c->source.fd, c->in + c->in_len, IN - c->in_len, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return true;
    if (n <= 0)
        return false;
    c->in_len += (size_t)n;
    int64_t len = mo_http_find(&c->find, c->in, c->in_len);
    if (len == 0 && c->in_len < IN)
        return true;
    int status = len > 0 ? mo_http_parse(c->in, (size_t)len, &head) : len < 0 ? (int)-len : 431;
    if (status)
        answer_words(c, status, "this is no request\n", false);
    else
        answer_head(c, &head);
    return !c->out.failed && write_more(c);
}

static void on_client(mo_watch *s, uint32_t events)
{
    client *c = client_of(s);
    (void)events;
    if (!(c->answers ? write_more(c) : read_more(c)))
        end_client(c);
}

static void on_late(mo_alarm *t) { end_client((client *)(void *)((char *)t - offsetof(client, timer))); }

static void on_listener(mo_watch *s, uint32_t events)
{
    admin *a = (admin *)(void *)((char *)s - offsetof(admin, listener));
    (void)events;
    int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    client *c = mo_calloc(1, sizeof *c);
    if (!c || !mo_alarm_init(&a->loop, &c->timer, on_late)) {
        mo_free(c);
        close(fd);
        return;
    }
    c->admin = a;
    c->source = (mo_watch){.ready = on_client, .fd = fd};
    a->nclients++;
    mo_alarm_set(&a->loop, &c->timer, a->loop.now_ns + PATIENCE_NS);
    if (!mo_loop_want(&a->loop, &c->source, EPOLLIN))
        end_client(c);
    listen_or_not(a);
}

/* --- all of it --------------------------------------------------------------------------- */

/* Nothing is ever sent there: it is readable when the other end is closed. */
static void on_parent(mo_watch *s, uint32_t events)
{
    (void)events;
    ((admin *)(void *)((char *)s - offsetof(admin, parent)))->loop.ended = true;
}

int mo_admin_run(mo_shared *shared, uint32_t nworkers, int listener, int parent)
{
    admin a = {.shared = shared, .nworkers = nworkers, .listener = {.ready = on_listener, .fd = listener},
               .parent = {.ready = on_parent, .fd = parent}};
    if (!mo_loop_init(&a.loop, NULL) || !mo_loop_want(&a.loop, &a.listener, EPOLLIN) ||
        !mo_loop_want(&a.loop, &a.parent, EPOLLIN))
        return EXIT_FAILURE;
    mo_loop_run(&a.loop);
    return EXIT_SUCCESS;
}
