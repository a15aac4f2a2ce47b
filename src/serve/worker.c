/* worker.c - one process: accepts, runs its loop, drains. */
#include "serve/worker.h"

#include "call/call.h"
#include "serve/http1.h"
#include "serve/isolate.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FREE_BUFFERS = 64, SPARE_DESCRIPTORS = 64, MOST_ACCEPTED = 64 };
#define DEAF_NS (MO_NS_PER_S / 10)

/* --- memory ------------------------------------------------------------------------ */

struct mo_buffer_link {
    mo_buffer_link *next;
};

uint8_t *mo_worker_take_buffer(mo_worker *w)
{
    mo_buffer_link *b = w->buffers;
    if (!b)
        return mo_alloc(MO_CONN_IN);
    w->buffers = b->next;
    w->nbuffers--;
    return (uint8_t *)b;
}

void mo_worker_give_buffer(mo_worker *w, uint8_t *buffer)
{
    mo_buffer_link *b = (mo_buffer_link *)(void *)buffer;
    if (w->nbuffers == MOST_FREE_BUFFERS) {
        mo_free(buffer);
        return;
    }
    b->next = w->buffers;
    w->buffers = b;
    w->nbuffers++;
}

static void free_buffers(mo_worker *w)
{
    while (w->buffers) {
        mo_buffer_link *b = w->buffers;
        w->buffers = b->next;
        mo_free(b);
    }
}

/* --- the date ------------------------------------------------------------------------- */

mo_span mo_worker_date(mo_worker *w)
{
    time_t now;
    struct tm tm;
    if (w->loop.now_ns >= w->date_at_ns && gmtime_r((time(&now), &now), &tm)) {
        w->date_at_ns = w->loop.now_ns + MO_NS_PER_S / 2;
        w->date_len = strftime(w->date, sizeof w->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    }
    return (mo_span){(const uint8_t *)w->date, w->date_len};
}

/* --- connections ------------------------------------------------------------------------ */

static void end_if_drained(mo_worker *w)
{
    if (w->drains && !w->conns)
        w->loop.ended = true;
}

void mo_worker_add_conn(mo_worker *w, mo_conn *c)
{
    c->next = w->conns;
    if (w->conns)
        w->conns->prev = c;
    w->conns = c;
    w->nconns++;
}

void mo_worker_remove_conn(mo_worker *w, mo_conn *c)
{
    if (c->prev)
        c->prev->next = c->next;
    else
        w->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    w->nconns--;
    end_if_drained(w);
}

static void listen_again(mo_worker *w)
{
    w->deaf = false;
    for (size_t i = 0; i < w->nlisteners; i++)
        mo_loop_want(&w->loop, &w->listeners[i].source, EPOLLIN);
}

/* Out of descriptors or memory: what is queued waits, and is looked at again soon. */
static void be_deaf(mo_worker *w, const char *why)
{
    if (w->deaf || w->drains)
        return;
    w->deaf = true;
    mo_log_line(&w->log, w->name, "accepting nothing for a while: %s", why);
    for (size_t i = 0; i < w->nlisteners; i++)
        mo_loop_want(&w->loop, &w->listeners[i].source, 0);
    mo_alarm_set(&w->loop, &w->timer, w->loop.now_ns + DEAF_NS);
}

/* false: none is queued. */
static bool accept_one(mo_worker *w, int listener)
{
    if (w->nconns >= w->most_conns) {
        be_deaf(w, "too many connections");
        return false;
    }
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        mo_conn_new(w, fd, &mo_http1);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        be_deaf(w, strerror(errno));
    return errno == ECONNABORTED || errno == EINTR;
}

static void on_listener(mo_watch *s, uint32_t events)
{
    mo_listener *l = (mo_listener *)(void *)s;
    (void)events;
    for (int i = 0; i < MOST_ACCEPTED && accept_one(l->worker, s->fd); i++) {}
}

/* --- the end ------------------------------------------------------------------------------ */

static void time_is_up(mo_alarm *t)
{
    mo_worker *w = (mo_worker *)(void *)((char *)t - offsetof(mo_worker, timer));
    if (!w->drains) {
        listen_again(w);
        return;
    }
    mo_log_line(&w->log, w->name, "%zu connections were still open when the time to drain was up", w->nconns);
    w->loop.ended = true;
}

static void drain(mo_worker *w)
{
    w->drains = true;
    for (size_t i = 0; i < w->nlisteners; i++) {
        mo_listener *l = &w->listeners[i];
        while (accept_one(w, l->source.fd)) {}
        mo_loop_forget(&w->loop, &l->source);
        close(l->source.fd);
    }
    w->nlisteners = 0;
    mo_alarm_set(&w->loop, &w->timer, w->loop.now_ns + w->timeouts->drain_ns);
    for (mo_conn *c = w->conns, *next; c; c = next) {
        next = c->next;
        if (!c->lingers)
            c->protocol->drain(c);
    }
    end_if_drained(w);
}

static void on_signal(mo_watch *s, uint32_t events)
{
    mo_worker *w = (mo_worker *)(void *)((char *)s - offsetof(mo_worker, signals));
    struct signalfd_siginfo info;
    (void)events;
    if (read(s->fd, &info, sizeof info) == sizeof info && !w->drains)
        drain(w);
}

/* --- the beginning --------------------------------------------------------------------------- */

static bool watch_signals(mo_worker *w, mote_error *err)
{
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    signal(SIGINT, SIG_IGN); /* of a terminal: the supervisor has it, and tells */
    w->signals = (mo_watch){.ready = on_signal};
    sigprocmask(SIG_SETMASK, &term, NULL);
    w->signals.fd = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
    if (w->signals.fd < 0 || !mo_loop_want(&w->loop, &w->signals, EPOLLIN))
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "signals: %s", strerror(errno));
    return true;
}

static bool watch_listeners(mo_worker *w, const int *listeners, size_t n, mote_error *err)
{
    for (size_t i = 0; i < n; i++) {
        mo_listener *l = &w->listeners[i];
        *l = (mo_listener){.source = {.ready = on_listener, .fd = listeners[i]}, .worker = w};
        if (!mo_loop_want(&w->loop, &l->source, EPOLLIN))
            return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "listening: %s", strerror(errno));
    }
    w->nlisteners = n;
    return true;
}

static void allow_descriptors(mo_worker *w)
{
    struct rlimit files;
    w->most_conns = 10000;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < w->most_conns + SPARE_DESCRIPTORS)
        w->most_conns = files.rlim_cur > 2 * SPARE_DESCRIPTORS ? (size_t)files.rlim_cur - SPARE_DESCRIPTORS : SPARE_DESCRIPTORS;
}

static mote_status make_pool(mo_worker *w, mote_error *err)
{
    mote_pool_limits limits = mote_pool_limits_default();
    limits.instances = w->app->slots;
    mote_status status = mote_pool_new(w->engine, &limits, &w->pool, err);
    if (!status)
        status = mote_linker_new(w->engine, &w->linker, err);
    return status ? status : mote_wasi_link(w->linker, err);
}

static void write_log(mo_loop *loop)
{
    mo_worker *w = (mo_worker *)(void *)((char *)loop - offsetof(mo_worker, loop));
    if (w->log.len)
        mo_log_flush(&w->log);
}

static mote_status start(mo_worker *w, const int *listeners, size_t nlisteners, mote_error *err)
{
    mote_error e = {0};
    if (!mo_loop_init(&w->loop, &e) || !mo_alarm_init(&w->loop, &w->timer, time_is_up) || !watch_signals(w, &e)) {
        if (err)
            *err = e;
        return e.status ? e.status : MOTE_NOMEM;
    }
    w->loop.turned = write_log;
    allow_descriptors(w);
    if (getrandom(&w->id_seed, sizeof w->id_seed, 0) < 0)
        w->id_seed = mo_now_ns();
    mote_status status = make_pool(w, err);
    if (status)
        return status;
    if (!watch_listeners(w, listeners, nlisteners, &e)) {
        if (err)
            *err = e;
        return e.status;
    }
    return MOTE_OK;
}

static void release(mo_worker *w)
{
    if (w->loop.epoll < 0)
        return;
    mo_request_free_all(w);
    mo_programs_free(w);
    mote_pool_free(w->pool);
    mote_linker_free(w->linker);
    mo_loop_release(&w->loop);
    free_buffers(w);
}

int mo_worker_run(const mo_serve_config *config, const mo_isolation *isolation, unsigned index, const int *listeners,
                  size_t nlisteners)
{
    mote_error err = {0};
    mo_worker *w = mo_calloc(1, sizeof *w);
    mo_program *programs = mo_calloc(config->app->nfunctions, sizeof *programs);
    if (!w || !programs) {
        mo_free(programs);
        mo_free(w);
        return MO_WORKER_FAILED;
    }
    w->engine = config->engine;
    w->app = config->app;
    w->functions = config->functions;
    w->programs = programs;
    w->routes = config->routes;
    w->timeouts = &config->app->timeouts;
    w->log.fd = STDERR_FILENO;
    w->loop.epoll = -1;
    snprintf(w->name, sizeof w->name, "worker %u", index);
    bool good = start(w, listeners, nlisteners, &err) == MOTE_OK && mo_isolate(isolation, &err);
    if (good)
        mo_loop_run(&w->loop);
    else
        mo_log_line(&w->log, w->name, "cannot serve: %s", err.message[0] ? err.message : "out of memory");
    bool drained = good && !w->conns;
    mo_log_flush(&w->log);
    if (drained)
        release(w);
    mo_free(programs);
    mo_free(w);
    return drained ? 0 : MO_WORKER_FAILED;
}
