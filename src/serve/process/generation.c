/* generation.c - loads, has workers, and becomes the next generation in a child of its own. */
#include "serve/process/generation.h"

#include "call/call.h"
#include "serve/process/channel.h"
#include "serve/process/crew.h"
#include "serve/isolate/isolate.h"
#include "serve/record/operate.h"
#include "serve/process/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PERTURB = 0x5a };

/* What an earlier generation had, which may have workers yet. */
typedef struct past {
    uint32_t number;
    mo_serve_config config;
} past;

typedef struct generation {
    mo_loop loop;
    mo_watch channel, signals;
    const mo_serve_source *source;
    mo_board *const *boards;
    mo_birth birth;
    mo_serve_config config;
    mo_isolation *isolations[MO_SERVE_GROUPS];
    uint8_t *groups;      /* of tenants */
    mo_wants wants;
    mo_sockets sockets;
    mo_crew crew;
    mo_counts *counts;
    mo_operate operate;
    past *pasts;          /* the latest last */
    size_t npasts, pasts_cap;
    bool refused;
    bool is_heir;         /* this process is the next generation, and has yet to become it */
    mo_birth heir;
    int heir_channel;
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
    if (g->refused)
        return;
    snprintf(t.words, sizeof t.words, "%s", words);
    g->refused = true;
    tell(g, &t);
}

static generation *of_crew(mo_crew *crew) { return (generation *)(void *)((char *)crew - offsetof(generation, crew)); }

static void on_ready(mo_crew *crew)
{
    mo_tale t = {.kind = MO_TALE_READY};
    mo_operate_serve(&of_crew(crew)->operate);
    tell(of_crew(crew), &t);
}

/* Before it serves, nothing is lost when it ends: the supervisor has what came before. */
static void on_failed(mo_crew *crew, const char *why)
{
    tell_refusal(of_crew(crew), MO_SERVE_FAILED, MOTE_IO, why);
    mo_crew_drain(crew, MO_ORDER_MOVE);
}

static void on_empty(mo_crew *crew) { of_crew(crew)->loop.ended = true; }

/* --- heirs ---------------------------------------------------------------------------- */

static void leave_parent(mo_crew *crew)
{
    generation *g = of_crew(crew);
    close(g->channel.fd);
    close(g->signals.fd);
    mo_loop_release(&g->loop);
}

/* A worker is granted nothing that only an earlier one was. */
static void shed(mo_crew *crew)
{
    generation *g = of_crew(crew);
    leave_parent(crew);
    mo_operate_leave(&g->operate);
    for (size_t i = 0; i < g->npasts; i++)
        g->source->unload(g->source->data, &g->pasts[i].config);
}

/* The child of a child that ends at once is the supervisor's, who adopts it. In the heir the
 * loop is left, and mo_generation_run() goes on with it. */
static void fork_heir(generation *g, const mo_order *o, int channel)
{
    fflush(NULL);
    mo_log_flush(&g->log);
    pid_t pid = fork();
    if (pid == 0 && (pid = fork()) == 0) {
        g->is_heir = true;
        g->heir = o->birth;
        g->heir_channel = channel;
        g->log.len = 0;
        mo_loop_leave(&g->loop);
        return;
    }
    if (pid < 0)
        mo_log_line(&g->log, "supervisor", "cannot load: %s", strerror(errno));
    if (getpid() != g->crew.pid)
        _exit(0);
    close(channel);
}

/* What is the parent's is left to it; what it serves is remembered. */
static bool become_heir(generation *g)
{
    generation before = *g;
    if (!mo_grow(&g->pasts, &g->pasts_cap, g->npasts + 1, sizeof *g->pasts))
        return false;
    g->pasts[g->npasts++] = (past){before.birth.number, before.config};
    mo_crew_close(&g->crew);
    mo_crew_free(&g->crew);
    leave_parent(&g->crew);
    mo_operate_forsake(&g->operate);
    mo_sockets_keep(&g->sockets, NULL);
    for (uint32_t i = 0; i < MO_SERVE_GROUPS; i++)
        mo_isolation_free(g->isolations[i]);
    mo_free(g->groups);
    *g = (generation){.source = before.source, .boards = before.boards, .birth = before.heir, .channel.fd = before.heir_channel,
                      .counts = before.counts, .pasts = g->pasts, .npasts = g->npasts, .pasts_cap = g->pasts_cap,
                      .log = {.fd = before.log.fd}};
    return true;
}

static bool is_alive(const mo_order *o, uint32_t number)
{
    for (size_t i = 0; i < MO_COUNT(o->alive); i++)
        if (o->alive[i] == number)
            return true;
    return false;
}

static void forget(generation *g, const mo_order *o)
{
    size_t n = 0;
    for (size_t i = 0; i < g->npasts; i++) {
        past *p = &g->pasts[i];
        if (is_alive(o, p->number)) {
            g->pasts[n++] = *p;
            continue;
        }
        mo_shared_free(p->config.shared);
        g->source->unload(g->source->data, &p->config);
    }
    g->npasts = n;
}

/* --- `mote ctl` -------------------------------------------------------------------------- */

static void put_function(const generation *g, mo_buffer *b, uint32_t i)
{
    const mo_app *app = g->config.app;
    const mo_app_function *f = &app->functions[i];
    uint32_t running = mo_shared_running_of_all(g->config.shared, i);
    mo_control_put_words(b, f->name);
    mo_control_put(b, "\t");
    mo_control_put_words(b, app->tenants[f->tenant].name);
    mo_control_put(b, "\t%s\t%" PRIu32 "\t", !g->config.functions[i].artifact ? "broken"
                   : mo_shared_is_quarantined(g->config.shared, i) ? "quarantined" : "ok", running);
    mo_control_put_words(b, f->module);
    mo_control_put(b, "\n");
}

static void put_functions(const generation *g, mo_buffer *b)
{
    mo_control_put(b, "ok\n#functions\tfunction\ttenant\tstate\trunning:n\tmodule\n");
    for (uint32_t i = 0; i < g->config.app->nfunctions; i++)
        put_function(g, b, i);
}

static void clear_function(generation *g, mo_buffer *b, const char *name)
{
    uint32_t n = mo_crew_clear(&g->crew, name);
    bool known = n > 0;
    for (uint32_t i = 0; i < g->config.app->nfunctions && !known; i++)
        known = strcmp(g->config.app->functions[i].name, name) == 0;
    if (known)
        mo_control_put(b, "ok\n#cleared\tcleared:n\n%" PRIu32 "\n", n);
    else
        mo_control_put(b, "error: there is no such function\n");
    if (n)
        mo_log_line(&g->log, "supervisor", "function %s is cleared", name);
}

/* By a process of its own: who asks may read slowly. */
static void answer(const generation *g, const mo_buffer *b, int fd)
{
    struct timeval patience = {.tv_sec = 10};
    if (b->failed || fork() != 0)
        return;
    close(g->channel.fd);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    for (size_t at = 0; at < b->len;) {
        ssize_t n = send(fd, b->at + at, b->len - at, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    _exit(0);
}

static void asked(generation *g, const char *line, int fd)
{
    mo_buffer b = {0};
    if (strncmp(line, "clear ", 6) == 0)
        clear_function(g, &b, line + 6);
    else
        put_functions(g, &b);
    answer(g, &b, fd);
    mo_buffer_free(&b);
    close(fd);
}

/* --- orders -------------------------------------------------------------------------------- */

static void obey(generation *g, const mo_order *o, int fd)
{
    if (o->kind == MO_ORDERED_HEIR && fd >= 0)
        fork_heir(g, o, fd);
    else if (o->kind == MO_ORDERED_ASK && fd >= 0)
        asked(g, o->line, fd);
    else if (o->kind == MO_ORDERED_FORGET)
        forget(g, o);
    else if (o->kind == MO_ORDERED_REOPEN)
        mo_operate_reopen(&g->operate);
    else if (o->kind == MO_ORDERED_MOVE || o->kind == MO_ORDERED_END) {
        mo_operate_drain(&g->operate, o->kind == MO_ORDERED_MOVE);
        mo_crew_drain(&g->crew, o->kind == MO_ORDERED_MOVE ? MO_ORDER_MOVE : MO_ORDER_END);
    }
}

static void on_channel(mo_watch *s, uint32_t events)
{
    generation *g = (generation *)(void *)((char *)s - offsetof(generation, channel));
    mo_order o = {.kind = MO_ORDERED_END};
    struct iovec iov = {&o, sizeof o};
    int fds[MO_CHANNEL_FDS];
    size_t nfds;
    (void)events;
    int64_t n = mo_channel_receive(s->fd, &iov, 1, fds, &nfds, false);
    if (n == -EAGAIN)
        return;
    if (n == sizeof o) {
        obey(g, &o, nfds ? fds[0] : -1);
        return;
    }
    mo_loop_forget(&g->loop, s); /* without a supervisor nobody comes after this */
    mo_operate_drain(&g->operate, false);
    mo_crew_drain(&g->crew, MO_ORDER_END);
}

static void on_signals(mo_watch *s, uint32_t events)
{
    generation *g = (generation *)(void *)((char *)s - offsetof(generation, signals));
    struct signalfd_siginfo info;
    int status;
    (void)events;
    while (read(s->fd, &info, sizeof info) == sizeof info) {}
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (!mo_operate_reaped(&g->operate, pid, status))
            mo_crew_bury(&g->crew, pid, status);
}

/* --- loading -------------------------------------------------------------------------------- */

static uint32_t count_processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < MO_SERVE_WORKERS ? (uint32_t)n : MO_SERVE_WORKERS;
}

static bool say_wants(const mo_app *app, mo_wants *w, mote_error *err)
{
    *w = (mo_wants){.ngroups = 1};
    if (app->nfunctions == 1)
        snprintf(w->name, sizeof w->name, "%s", app->functions[0].name);
    else
        snprintf(w->name, sizeof w->name, "%" PRIu32 " functions", app->nfunctions);
    if (app->nlisteners > MO_SERVE_ADDRESSES)
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "%" PRIu32 " listeners; want %d at most", app->nlisteners, MO_SERVE_ADDRESSES);
    for (; w->nlisteners < app->nlisteners; w->nlisteners++)
        if (snprintf(w->listeners[w->nlisteners], MO_ADDRESS, "%s", app->listeners[w->nlisteners]) >= MO_ADDRESS)
            return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "address %.60s...: too long", app->listeners[w->nlisteners]);
    if (app->control && snprintf(w->control, sizeof w->control, "%s", app->control) >= MO_CONTROL_PATH)
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "control socket %.60s...: want a path of at most %d bytes", app->control, MO_CONTROL_PATH - 1);
    if (app->admin && snprintf(w->admin, MO_ADDRESS, "%s", app->admin) >= MO_ADDRESS)
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "address %.60s...: too long", app->admin);
    w->groups[0].nworkers = app->workers ? app->workers : count_processors();
    return true;
}

/* A group of workers for everybody, and one for each tenant that wants its own. */
static bool prepare_groups(generation *g, mote_error *err)
{
    const mo_app *app = g->config.app;
    mo_wants *w = &g->wants;
    g->groups = mo_calloc(app->ntenants, sizeof *g->groups);
    if (!g->groups)
        return mo_fail_nomem(err);
    for (uint32_t i = 0; i < app->ntenants; i++) {
        const mo_app_tenant *t = &app->tenants[i];
        if (!t->isolate)
            continue;
        if (w->ngroups == MO_SERVE_GROUPS)
            return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "tenant %.40s: isolate: want at most %d tenants with workers of their own",
                           t->name, MO_SERVE_GROUPS - 1);
        if (snprintf(w->groups[w->ngroups].name, MO_NAME, "%s", t->name) >= MO_NAME)
            return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "tenant %.40s...: isolate: want a name of at most %d bytes", t->name, MO_NAME - 1);
        w->groups[w->ngroups].nworkers = w->groups[0].nworkers;
        g->groups[i] = (uint8_t)w->ngroups++;
    }
    return true;
}

static bool prepare_isolation(generation *g, mote_error *err)
{
    const mo_app *app = g->config.app;
    g->isolations[0] = mo_isolation_new(app, MO_NO_TENANT, err);
    for (uint32_t i = 0; i < app->ntenants && g->isolations[0]; i++)
        if (g->groups[i] && !(g->isolations[g->groups[i]] = mo_isolation_new(app, i, err)))
            return false;
    if (g->isolations[0] && mo_isolation_lacks(g->isolations[0]))
        mo_log_line(&g->log, "supervisor", "workers are less isolated than they should be: %s", mo_isolation_lacks(g->isolations[0]));
    return g->isolations[0];
}

static uint32_t count_workers(const mo_wants *w)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->ngroups; i++)
        n += w->groups[i].nworkers;
    return n;
}

static bool prepare_operate(generation *g, mote_error *err)
{
    bool good = mo_operate_init(&g->operate, g->config.app, g->counts, g->birth.holder, count_workers(&g->wants), err);
    g->config.shared = g->operate.shared;
    return good;
}

/* false: why has been told. */
static bool load(generation *g)
{
    mote_error err = {0};
    mo_tale t = {.kind = MO_TALE_WANTS};
    const past *before = g->npasts ? &g->pasts[g->npasts - 1] : NULL;
    mallopt(M_PERTURB, PERTURB); /* of variables that a tenant may keep from others nothing is left behind */
    int code = g->source->load(g->source->data, before ? &before->config : NULL, &g->config, &err);
    mallopt(M_PERTURB, 0);
    if (code == 0 && (!say_wants(g->config.app, &g->wants, &err) || !prepare_groups(g, &err) || !prepare_isolation(g, &err) || !prepare_operate(g, &err)))
        code = MO_SERVE_FAILED;
    if (code) {
        tell_refusal(g, code, err.status, err.message);
        return false;
    }
    t.wants = g->wants;
    tell(g, &t);
    return true;
}

/* --- serving ----------------------------------------------------------------------------------- */

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
    return (g->signals.fd >= 0 && mo_loop_want(&g->loop, &g->signals, EPOLLIN) && mo_loop_want(&g->loop, &g->channel, EPOLLIN)) ||
           mo_fail(err, MOTE_IO, MOTE_NOWHERE, "signals: %s", strerror(errno));
}

static bool make_crew(generation *g, mote_error *err)
{
    g->crew = (mo_crew){.loop = &g->loop, .config = &g->config, .isolations = g->isolations, .wants = &g->wants,
                        .sockets = &g->sockets, .groups = g->groups, .board = g->boards[g->birth.slot], .log = &g->log,
                        .operate = &g->operate, .pid = getpid(), .in_child = shed,
                        .ready = on_ready, .failed = on_failed, .empty = on_empty};
    return mo_crew_init(&g->crew, err);
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
    if (!watch(g, &err) || !make_crew(g, &err) ||
        !mo_operate_start(&g->operate, &g->loop, &g->log, mo_sockets_admin(&g->sockets, &g->wants), &err)) {
        tell_refusal(g, MO_SERVE_FAILED, err.status, err.message);
        return;
    }
    g->loop.turned = flush_log;
    mo_crew_start(&g->crew);
    mo_loop_run(&g->loop);
    if (!g->is_heir)
        mo_operate_end(&g->operate);
}

/* What compiles for it has the signals that it began with. */
static void begin(generation *g)
{
    sigset_t none;
    mo_tale t = {.kind = MO_TALE_HELLO, .pid = getpid()};
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGHUP, SIG_IGN);
    setpgid(0, 0);
    prctl(PR_SET_NAME, "mote-generation");
    tell(g, &t);
}

int mo_generation_run(const mo_serve_source *source, mo_board *const *boards, mo_counts *counts, mo_birth birth, int channel)
{
    generation *g = mo_calloc(1, sizeof *g);
    if (!g)
        return 1;
    *g = (generation){.source = source, .boards = boards, .counts = counts, .birth = birth, .channel.fd = channel, .log.fd = STDERR_FILENO};
    do {
        begin(g);
        if (load(g) && mo_sockets_receive(&g->sockets, channel))
            serve(g);
    } while (g->is_heir && become_heir(g) && ((channel = g->channel.fd), true));
    mo_log_flush(&g->log);
    return g->refused || g->crew.cut;
}
