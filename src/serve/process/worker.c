/* worker.c - one process: accepts, runs its loop, drains. */
#include "serve/process/worker.h"

#include "call/call.h"
#include "serve/http/http1.h"
#include "serve/isolate/isolate.h"
#include "serve/record/operate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FREE_BUFFERS = 64, SPARE_DESCRIPTORS = 64, MOST_ACCEPTED = 64,
       SPARE_SLOTS = 4 /* for the next function's instance */ };
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

static void tell_load(const mo_worker *w)
{
    atomic_store_explicit(&w->seat->board->rows[w->seat->row].conns, (uint32_t)w->nconns, memory_order_relaxed);
}

void mo_worker_add_conn(mo_worker *w, mo_conn *c)
{
    c->next = w->conns;
    if (w->conns)
        w->conns->prev = c;
    w->conns = c;
    w->nconns++;
    tell_load(w);
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
    tell_load(w);
    end_if_drained(w);
}

static void listen_for(mo_worker *w, uint32_t events)
{
    for (size_t i = 0; i < w->nlisteners; i++)
        mo_loop_want(&w->loop, &w->listeners[i].source, events);
    for (size_t i = 0; i < w->ninboxes; i++)
        mo_loop_want(&w->loop, &w->inboxes[i].source, events);
}

static void listen_again(mo_worker *w)
{
    w->deaf = false;
    listen_for(w, EPOLLIN);
}

/* Out of descriptors or memory: what is queued waits, and is looked at again soon. */
static void be_deaf(mo_worker *w, const char *why)
{
    if (w->deaf || w->drains)
        return;
    w->deaf = true;
    mo_log_line(&w->log, w->name, "accepting nothing for a while: %s", why);
    listen_for(w, 0);
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
        if (!mo_handover_accepted(w, fd))
            mo_shared_add(w->shared, w->index, MO_VALUE_ACCEPTED, 1);
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

static void on_inbox(mo_watch *s, uint32_t events)
{
    mo_listener *l = (mo_listener *)(void *)s;
    (void)events;
    for (int i = 0; i < MOST_ACCEPTED; i++) {
        if (l->worker->nconns >= l->worker->most_conns)
            be_deaf(l->worker, "too many connections");
        if (l->worker->deaf || !mo_handover_take(l->worker, s->fd))
            return;
    }
}

/* Its sockets stay open in its parent, and for whoever comes after it. */
static void leave_sockets(mo_worker *w, mo_listener *sockets, size_t *n)
{
    for (size_t i = 0; i < *n; i++) {
        mo_loop_forget(&w->loop, &sockets[i].source);
        close(sockets[i].source.fd);
    }
    *n = 0;
}

static void take_queued(mo_worker *w)
{
    for (size_t i = 0; i < w->nlisteners; i++)
        while (accept_one(w, w->listeners[i].source.fd)) {}
    for (size_t i = 0; i < w->ninboxes; i++)
        while (mo_handover_take(w, w->inboxes[i].source.fd)) {}
}

static void drain_conns(mo_worker *w)
{
    for (mo_conn *c = w->conns, *next; c; c = next) {
        next = c->next;
        if (!c->lingers)
            c->protocol->drain(c);
    }
    end_if_drained(w);
}

static void drain_more(mo_alarm *t)
{
    drain_conns((mo_worker *)(void *)((char *)t - offsetof(mo_worker, post_again)));
}

/* One that moves may be told to end later; no other order undoes one. */
static void drain(mo_worker *w, bool moves)
{
    if (w->drains && (moves || !w->moves))
        return;
    if (!w->drains)
        mo_alarm_set(&w->loop, &w->timer, w->loop.now_ns + w->timeouts->drain_ns);
    w->drains = true;
    w->moves = moves;
    if (!moves)
        take_queued(w);
    leave_sockets(w, w->listeners, &w->nlisteners);
    if (w->seat->group == 0) /* others' may have no next reader, and are read to the end */
        leave_sockets(w, w->inboxes, &w->ninboxes);
    drain_conns(w);
}

static void on_signal(mo_watch *s, uint32_t events)
{
    mo_worker *w = (mo_worker *)(void *)((char *)s - offsetof(mo_worker, signals));
    struct signalfd_siginfo info;
    (void)events;
    if (read(s->fd, &info, sizeof info) == sizeof info)
        drain(w, true);
}

static void on_line(mo_watch *s, uint32_t events)
{
    mo_worker *w = (mo_worker *)(void *)((char *)s - offsetof(mo_worker, line));
    char order;
    (void)events;
    ssize_t n = recv(s->fd, &order, 1, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n != 1)
        mo_loop_forget(&w->loop, s);
    drain(w, n != 1 || order == MO_ORDER_MOVE);
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

static bool watch_all(mo_worker *w, mo_listener *sockets, size_t n, mote_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!mo_loop_want(&w->loop, &sockets[i].source, EPOLLIN))
            return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "listening: %s", strerror(errno));
    return true;
}

static void add_socket(mo_worker *w, mo_listener *to, size_t *n, int fd, void (*ready)(mo_watch *s, uint32_t events), bool exclusive)
{
    to[(*n)++] = (mo_listener){.source = {.ready = ready, .fd = fd, .exclusive = exclusive}, .worker = w};
}

/* Sockets listen when they first have somebody who accepts; the others' are closed here. */
static bool take_listening(mo_worker *w, const mo_listening *l, mote_error *err)
{
    const mo_seat *p = w->seat;
    uint32_t nworkers = p->wants->groups[0].nworkers;
    for (uint32_t i = 0; i < l->n; i++) {
        if (p->group != 0 || !mo_sockets_falls_to(i, l->n, p->index, nworkers))
            close(l->fds[i]);
        else if (!l->given && listen(l->fds[i], MO_SERVE_BACKLOG) != 0)
            return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "listening: %s", strerror(errno));
        else
            add_socket(w, w->listeners, &w->nlisteners, l->fds[i], on_listener, l->n < nworkers);
    }
    return true;
}

static void take_inboxes(mo_worker *w, const mo_inboxes *b, uint32_t group)
{
    const mo_seat *p = w->seat;
    for (uint32_t i = 0; i < b->n; i++) {
        if (group != p->group || !mo_sockets_falls_to(i, b->n, p->index, p->wants->groups[group].nworkers))
            close(b->rx[i]);
        else
            add_socket(w, w->inboxes, &w->ninboxes, b->rx[i], on_inbox, false);
    }
}

static bool take_sockets(mo_worker *w, mote_error *err)
{
    const mo_sockets *s = w->seat->sockets;
    w->listeners = mo_calloc((size_t)s->nlistening * MO_SERVE_WORKERS, sizeof *w->listeners);
    w->inboxes = mo_calloc(MO_SERVE_WORKERS, sizeof *w->inboxes);
    if (!w->listeners || !w->inboxes)
        return mo_fail_nomem(err);
    int admin = mo_sockets_admin(s, w->seat->wants); /* which is closed already */
    for (uint32_t i = 0; i < s->nlistening; i++)
        if (s->listening[i]->fds[0] != admin && !take_listening(w, s->listening[i], err))
            return false;
    for (uint32_t i = 0; i < s->ninboxes; i++)
        take_inboxes(w, s->inboxes[i], i);
    return true;
}

static bool watch_line(mo_worker *w, mote_error *err)
{
    w->line = (mo_watch){.ready = on_line, .fd = w->seat->line};
    return mo_loop_want(&w->loop, &w->line, EPOLLIN) || mo_fail(err, MOTE_IO, MOTE_NOWHERE, "a line to the parent: %s", strerror(errno));
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
    mote_status status = mote_engine_reserve(w->engine, SPARE_SLOTS, err);
    if (!status)
        status = mote_pool_new(w->engine, &limits, &w->pool, err);
    if (!status)
        status = mote_linker_new(w->engine, &w->linker, err);
    return status ? status : mote_wasi_link(w->linker, err);
}

/* --- what is told all the time ---------------------------------------------------------------- */

static void tell_memory(mo_worker *w)
{
    char text[64];
    unsigned long long size, resident;
    ssize_t n = w->memory >= 0 ? pread(w->memory, text, sizeof text - 1, 0) : -1;
    if (n <= 0)
        return;
    text[n] = 0;
    if (sscanf(text, "%llu %llu", &size, &resident) == 2)
        mo_shared_set(w->shared, w->index, MO_VALUE_MEMORY_BYTES, resident * (uint64_t)sysconf(_SC_PAGESIZE));
}

static void tell_values(mo_worker *w)
{
    uint32_t lent, idle;
    mo_pool_count(w->pool, &lent, &idle);
    mo_shared_set(w->shared, w->index, MO_VALUE_CONNECTIONS, w->nconns);
    mo_shared_set(w->shared, w->index, MO_VALUE_INSTANCES_LENT, lent);
    mo_shared_set(w->shared, w->index, MO_VALUE_INSTANCES_IDLE, idle);
    if (w->loop.now_ns < w->told_at_ns + MO_NS_PER_S)
        return;
    w->told_at_ns = w->loop.now_ns;
    tell_memory(w);
}

static void on_turn(mo_loop *loop)
{
    mo_worker *w = (mo_worker *)(void *)((char *)loop - offsetof(mo_worker, loop));
    tell_values(w);
    if (w->log.lost) {
        mo_shared_add(w->shared, w->index, MO_VALUE_LOG_DROPPED, w->log.lost);
        w->log.lost = 0;
    }
    if (w->log.len)
        mo_log_flush(&w->log);
}

/* The ticker's, which slices end with; not more than the slice, but one at least. */
static uint32_t ticks_of(uint64_t slice_us)
{
    uint64_t ticks = slice_us / 1000;
    return slice_us && !ticks ? 1 : ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
}

/* What is opened by name, or could not be had later. */
static bool take_operate(mo_worker *w, mote_error *err)
{
    const mo_operate *o = w->seat->operate;
    w->lines = o->logs[MO_STREAM_ACCESS] ? o->lines : NULL;
    w->report_json = w->app->log_format == MO_LOG_JSON;
    if (o->logs[MO_STREAM_ERROR]) {
        w->log.lines = o->lines;
        w->log.area = w->index;
    }
    w->memory = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    mo_ids_init(&w->ids);
    if (!(w->networks = mo_calloc((size_t)w->app->nproxies + 1, sizeof *w->networks)))
        return mo_fail_nomem(err);
    for (uint32_t i = 0; i < w->app->nproxies; i++)
        if (!mo_network_read(w->app->proxies[i], &w->networks[i]))
            return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "proxies: %s: want an address or a network, like 10.0.0.0/8", w->app->proxies[i]);
    return true;
}

static mote_status start(mo_worker *w, mote_error *err)
{
    mote_error e = {0};
    if (!mo_loop_init(&w->loop, &e) || !mo_alarm_init(&w->loop, &w->timer, time_is_up) ||
        !mo_alarm_init(&w->loop, &w->post_again, drain_more) || !mo_turns_init(w) || !watch_signals(w, &e) || !watch_line(w, &e) ||
        !take_sockets(w, &e) || !take_operate(w, &e)) {
        if (err)
            *err = e;
        return e.status ? e.status : MOTE_NOMEM;
    }
    w->groups = mo_calloc(w->app->ntenants, sizeof *w->groups);
    if (!w->groups)
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    if (!mo_hands_init(&w->hands, &w->loop, &e))
        return mo_told(&e, err);
    w->loop.turned = on_turn;
    w->loop.slice_ticks = ticks_of(w->app->slice_us);
    allow_descriptors(w);
    mote_status status = make_pool(w, err);
    if (status)
        return status;
    if (!watch_all(w, w->listeners, w->nlisteners, &e) || !watch_all(w, w->inboxes, w->ninboxes, &e)) {
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
    mo_turns_release(w);
    mo_programs_free(w);
    mo_hands_release(&w->hands);
    mote_pool_free(w->pool);
    mote_linker_free(w->linker);
    mo_loop_release(&w->loop);
    free_buffers(w);
    mo_free(w->groups);
    mo_free(w->listeners);
    mo_free(w->inboxes);
    mo_free(w->networks);
}

/* Why it cannot serve is its parent's to say. */
static void tell_parent(const mo_worker *w, char what, const char *words)
{
    char text[MO_LOG_LINE];
    int n = snprintf(text, sizeof text, "%c%s", what, words);
    if (send(w->seat->line, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1, MSG_NOSIGNAL) < 0 && what == MO_TOLD_FAILED)
        mo_log_line((mo_log *)(uintptr_t)&w->log, w->name, "cannot serve: %s", words);
}

int mo_worker_run(const mo_serve_config *config, const mo_isolation *isolation, const mo_seat *seat)
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
    w->seat = seat;
    w->shared = config->shared;
    w->index = seat->area;
    snprintf(w->name, sizeof w->name, "worker %" PRIu32, seat->row);
    bool good = start(w, &err) == MOTE_OK && mo_isolate(isolation, &err);
    tell_parent(w, good ? MO_TOLD_SERVES : MO_TOLD_FAILED, good ? "" : err.message[0] ? err.message : "memory is out");
    if (good) {
        mo_shared_set(w->shared, w->index, MO_VALUE_WORKERS, 1);
        tell_values(w);
        mo_loop_run(&w->loop);
    }
    bool drained = good && !w->conns;
    mo_log_flush(&w->log);
    if (drained)
        release(w);
    mo_free(programs);
    mo_free(w);
    return drained ? 0 : MO_WORKER_FAILED;
}
