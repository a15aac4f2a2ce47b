/* generation.c - loads, starts workers, and starts those again that die. */
#include "serve/generation.h"

#include "call/call.h"
#include "serve/channel.h"
#include "serve/isolate.h"
#include "serve/shared.h"
#include "serve/worker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* One that lives for less is not started again at once, and later each time. */
#define SHORT_LIFE_NS MO_NS_PER_S
#define FIRST_PAUSE_NS (MO_NS_PER_S / 20)
#define LAST_PAUSE_NS (5 * MO_NS_PER_S)

struct generation;

/* A worker, alive or to be started. */
typedef struct member {
    mo_watch line;
    struct generation *generation;
    mo_seat seat;
    pid_t pid;            /* 0: none */
    bool serves;
    uint64_t started_ns, pause_ns, start_at_ns;
} member;

typedef struct generation {
    mo_loop loop;
    mo_watch channel, signals;
    mo_alarm timer;       /* a worker is to be started again */
    mo_serve_config config;
    mo_isolation *isolation;
    mo_wants wants;
    mo_sockets sockets;
    mo_board *board;
    member *members;
    uint32_t n, nlive;
    bool ready, drains, refused, failed;
    mo_log log;
} generation;

/* --- telling the supervisor ------------------------------------------------------- */

static void tell(generation *g, mo_tale *t)
{
    struct iovec iov = {t, sizeof *t};
    mo_channel_send(g->channel.fd, &iov, 1, NULL, 0, true);
}

static void tell_refusal(generation *g, int exit_code, mote_status status, const char *words)
{
    mo_tale t = {.kind = MO_TALE_REFUSED, .exit_code = exit_code, .status = status};
    snprintf(t.words, sizeof t.words, "%s", words);
    g->refused = true;
    tell(g, &t);
}

/* --- workers -------------------------------------------------------------------------- */

static void set_row(member *m, mo_row_state state)
{
    mo_row *r = &m->generation->board->rows[m->seat.row];
    atomic_store(&r->pid, m->pid);
    atomic_store(&r->since_ns, mo_now_ns());
    atomic_store(&r->state, state);
}

/* What the parent has and a worker must not: its ends of lines and channels. */
static void be_worker(generation *g, member *m, int line)
{
    close(g->channel.fd);
    close(g->signals.fd);
    for (uint32_t i = 0; i < g->n; i++)
        if (g->members[i].pid && &g->members[i] != m)
            close(g->members[i].line.fd);
    mo_loop_release(&g->loop);
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_NAME, "mote-worker");
    m->seat.line = line;
    _exit(mo_worker_run(&g->config, g->isolation, &m->seat));
}

static void on_line(mo_watch *s, uint32_t events);

static void plan_start(member *m, uint64_t at_ns)
{
    m->start_at_ns = at_ns;
    if (at_ns < m->generation->timer.due)
        mo_alarm_set(&m->generation->loop, &m->generation->timer, at_ns);
}

static void start_worker(member *m)
{
    generation *g = m->generation;
    int pair[2];
    pid_t pid = -1;
    fflush(NULL);
    bool paired = mo_channel_pair(pair);
    if (paired && (pid = fork()) == 0) {
        close(pair[0]);
        be_worker(g, m, pair[1]);
    }
    int why = errno;
    if (paired)
        close(pair[1]);
    m->started_ns = mo_now_ns();
    m->serves = false;
    if (pid < 0) {
        mo_log_line(&g->log, "supervisor", "worker %" PRIu32 ": cannot be started: %s", m->seat.row, strerror(why));
        if (paired)
            close(pair[0]);
        plan_start(m, m->started_ns + FIRST_PAUSE_NS);
        return;
    }
    m->pid = pid;
    m->start_at_ns = MO_NEVER;
    m->line = (mo_watch){.ready = on_line, .fd = pair[0]};
    mo_loop_want(&g->loop, &m->line, EPOLLIN);
    g->nlive++;
    set_row(m, MO_ROW_STARTS);
}

static void start_due(mo_alarm *t)
{
    generation *g = (generation *)(void *)((char *)t - offsetof(generation, timer));
    for (uint32_t i = 0; i < g->n && !g->drains; i++) {
        member *m = &g->members[i];
        if (m->pid)
            continue;
        if (m->start_at_ns <= g->loop.now_ns)
            start_worker(m);
        else
            plan_start(m, m->start_at_ns);
    }
}

static void tell_worker(const member *m, char order)
{
    if (m->pid)
        send(m->line.fd, &order, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void drain(generation *g, char order)
{
    g->drains = true;
    for (uint32_t i = 0; i < g->n; i++)
        tell_worker(&g->members[i], order);
    if (!g->nlive)
        g->loop.ended = true;
}

/* Before it serves, nothing is lost when it ends: the supervisor has what came before. */
static void refuse(generation *g, const char *words)
{
    if (g->refused)
        return;
    tell_refusal(g, MO_SERVE_FAILED, MOTE_IO, words);
    drain(g, MO_ORDER_MOVE);
}

static void tell_if_ready(generation *g)
{
    mo_tale t = {.kind = MO_TALE_READY};
    for (uint32_t i = 0; i < g->n; i++)
        if (!g->members[i].serves)
            return;
    if (g->ready || g->drains)
        return;
    g->ready = true;
    tell(g, &t);
}

static void on_line(mo_watch *s, uint32_t events)
{
    member *m = (member *)(void *)((char *)s - offsetof(member, line));
    char text[MO_LOG_LINE], words[MO_LOG_LINE + 40];
    (void)events;
    ssize_t n = recv(s->fd, text, sizeof text - 1, MSG_DONTWAIT);
    if (n <= 0) {
        if (n == 0) /* what became of it, its end tells */
            mo_loop_want(&m->generation->loop, s, 0);
        return;
    }
    text[n] = 0;
    if (text[0] == MO_TOLD_SERVES) {
        m->serves = true;
        set_row(m, MO_ROW_SERVES);
        tell_if_ready(m->generation);
    } else if (text[0] == MO_TOLD_FAILED) {
        snprintf(words, sizeof words, "worker %" PRIu32 ": cannot serve: %s", m->seat.row, text + 1);
        if (m->generation->ready)
            mo_log_line(&m->generation->log, "supervisor", "%s", words);
        else
            refuse(m->generation, words);
    }
}

/* --- deaths ------------------------------------------------------------------------------ */

static void tell_death(const member *m, pid_t pid, int status, char *ret, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(ret, size, "worker %" PRIu32 " (process %d) was ended by signal %d", m->seat.row, (int)pid, WTERMSIG(status));
    else
        snprintf(ret, size, "worker %" PRIu32 " (process %d) ended with %d", m->seat.row, (int)pid, WEXITSTATUS(status));
}

/* The first death after a while of health is an accident: its successor starts at once. */
static void plan_restart(member *m)
{
    uint64_t now = mo_now_ns();
    bool healthy = now - m->started_ns >= SHORT_LIFE_NS;
    m->pause_ns = healthy ? 0 : m->pause_ns == 0 ? FIRST_PAUSE_NS : 2 * m->pause_ns;
    if (m->pause_ns > LAST_PAUSE_NS)
        m->pause_ns = LAST_PAUSE_NS;
    atomic_fetch_add(&m->generation->board->rows[m->seat.row].restarts, 1);
    if (m->pause_ns == 0)
        start_worker(m);
    else
        plan_start(m, now + m->pause_ns);
}

static void bury(member *m, int status)
{
    generation *g = m->generation;
    char words[128];
    tell_death(m, m->pid, status, words, sizeof words);
    on_line(&m->line, EPOLLIN); /* its last words */
    mo_loop_forget(&g->loop, &m->line);
    close(m->line.fd);
    m->pid = 0;
    m->serves = false;
    g->nlive--;
    mo_shared_bury(g->config.shared, m->seat.row);
    set_row(m, g->drains ? MO_ROW_EMPTY : MO_ROW_WAITS);
    atomic_store(&g->board->rows[m->seat.row].conns, 0);
    if (g->drains) {
        g->failed |= status != 0 && !g->refused;
        if (status != 0 && !g->refused)
            mo_log_line(&g->log, "supervisor", "%s", words);
        g->loop.ended = !g->nlive;
    } else if (g->ready) {
        mo_log_line(&g->log, "supervisor", "%s", words);
        plan_restart(m);
    } else {
        refuse(g, words);
    }
}

static void on_signals(mo_watch *s, uint32_t events)
{
    generation *g = (generation *)(void *)((char *)s - offsetof(generation, signals));
    struct signalfd_siginfo info;
    int status;
    (void)events;
    while (read(s->fd, &info, sizeof info) == sizeof info) {}
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (uint32_t i = 0; i < g->n; i++)
            if (g->members[i].pid == pid) {
                bury(&g->members[i], status);
                break;
            }
}

/* --- orders -------------------------------------------------------------------------------- */

static void on_channel(mo_watch *s, uint32_t events)
{
    generation *g = (generation *)(void *)((char *)s - offsetof(generation, channel));
    char order = MO_ORDER_END;
    (void)events;
    ssize_t n = recv(s->fd, &order, 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        mo_loop_forget(&g->loop, s);
    drain(g, n == 1 ? order : MO_ORDER_END);
}

/* --- the beginning -------------------------------------------------------------------------- */

static uint32_t count_processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < MO_SERVE_WORKERS ? (uint32_t)n : MO_SERVE_WORKERS;
}

static bool say_wants(const mo_app *app, mo_wants *w, mote_error *err)
{
    *w = (mo_wants){.drain_ns = app->timeouts.drain_ns, .ngroups = 1};
    if (app->nfunctions == 1)
        snprintf(w->name, sizeof w->name, "%s", app->functions[0].name);
    else
        snprintf(w->name, sizeof w->name, "%" PRIu32 " functions", app->nfunctions);
    if (app->nlisteners > MO_SERVE_ADDRESSES)
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "%" PRIu32 " listeners; want %d at most", app->nlisteners, MO_SERVE_ADDRESSES);
    for (; w->nlisteners < app->nlisteners; w->nlisteners++)
        if (snprintf(w->listeners[w->nlisteners], MO_ADDRESS, "%s", app->listeners[w->nlisteners]) >= MO_ADDRESS)
            return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "address %.60s...: too long", app->listeners[w->nlisteners]);
    w->groups[0].nworkers = app->workers ? app->workers : count_processors();
    return true;
}

static int prepare_isolation(generation *g, mote_error *err)
{
    g->isolation = mo_isolation_new(g->config.app, MO_NO_TENANT, err);
    if (g->isolation && mo_isolation_lacks(g->isolation))
        mo_log_line(&g->log, "supervisor", "workers are less isolated than they should be: %s", mo_isolation_lacks(g->isolation));
    return g->isolation ? 0 : MO_SERVE_FAILED;
}

/* false: why has been told. */
static bool load(generation *g, const mo_serve_source *source)
{
    mote_error err = {0};
    mo_tale t = {.kind = MO_TALE_WANTS};
    int code = source->load(source->data, &g->config, &err);
    if (code == 0)
        code = prepare_isolation(g, &err);
    if (code == 0 && !say_wants(g->config.app, &g->wants, &err))
        code = MO_SERVE_FAILED;
    if (code) {
        tell_refusal(g, code, err.status, err.message);
        return false;
    }
    t.wants = g->wants;
    tell(g, &t);
    return true;
}

static bool watch(generation *g, mote_error *err)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    g->signals = (mo_watch){.ready = on_signals, .fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK)};
    g->channel.ready = on_channel;
    if (!mo_loop_init(&g->loop, err))
        return false;
    if (!mo_alarm_init(&g->loop, &g->timer, start_due))
        return mo_fail_nomem(err);
    return (g->signals.fd >= 0 && mo_loop_want(&g->loop, &g->signals, EPOLLIN) && mo_loop_want(&g->loop, &g->channel, EPOLLIN)) ||
           mo_fail(err, MOTE_IO, MOTE_NOWHERE, "signals: %s", strerror(errno));
}

static bool make_members(generation *g, mote_error *err)
{
    for (uint32_t i = 0; i < g->wants.ngroups; i++)
        g->n += g->wants.groups[i].nworkers;
    g->members = g->n <= MO_SERVE_WORKERS ? mo_calloc(g->n, sizeof *g->members) : NULL;
    if (!g->members)
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "%" PRIu32 " workers; want %d at most", g->n, MO_SERVE_WORKERS);
    for (uint32_t i = 0, row = 0; i < g->wants.ngroups; i++)
        for (uint32_t k = 0; k < g->wants.groups[i].nworkers; k++, row++) {
            g->members[row] = (member){.generation = g, .seat = {.wants = &g->wants, .sockets = &g->sockets, .board = g->board, .row = row, .group = i, .index = k}};
            atomic_store(&g->board->rows[row].group, i);
        }
    atomic_store(&g->board->nrows, g->n);
    g->config.shared = mo_shared_new(g->config.app, g->n, NULL, err);
    return g->config.shared != NULL;
}

static void flush_log(mo_loop *loop)
{
    generation *g = (generation *)(void *)((char *)loop - offsetof(generation, loop));
    if (g->log.len)
        mo_log_flush(&g->log);
}

static void serve(generation *g)
{
    mote_error err = {0};
    if (!watch(g, &err) || !make_members(g, &err)) {
        tell_refusal(g, MO_SERVE_FAILED, err.status, err.message);
        return;
    }
    g->loop.turned = flush_log;
    for (uint32_t i = 0; i < g->n; i++)
        start_worker(&g->members[i]);
    mo_loop_run(&g->loop);
    mo_log_flush(&g->log);
}

int mo_generation_run(const mo_serve_source *source, mo_board *board, int channel)
{
    generation *g = mo_calloc(1, sizeof *g);
    if (!g)
        return 1;
    g->board = board;
    g->channel.fd = channel;
    g->log.fd = STDERR_FILENO;
    if (load(g, source) && mo_sockets_receive(&g->sockets, channel))
        serve(g);
    return g->failed || g->refused;
}
