/* supervisor.c - opens the sockets, starts a worker for each core, and starts one again that
 * died. It keeps the sockets: what a dead worker had not accepted, its successor does.
 *
 *   SERVES --SIGTERM, SIGINT--> DRAINS: workers are told, and waited for --> over
 *                                  \--a second one--> workers are killed --> over */
#include "serve/function.h"
#include "serve/isolate.h"
#include "serve/worker.h"

#include "call/call.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <poll.h>
#include <unistd.h>

/* One that lives for less is not started again at once, and later each time. */
#define SHORT_LIFE_NS MO_NS_PER_S
#define FIRST_PAUSE_NS (MO_NS_PER_S / 20)
#define LAST_PAUSE_NS (5 * MO_NS_PER_S)

typedef struct child {
    pid_t pid;            /* 0: none */
    uint64_t started_ns, pause_ns, start_at_ns;
    int listeners[MO_SERVE_ADDRESSES];
} child;

typedef struct supervisor {
    const mo_serve_config *config;
    mo_isolation *isolation;
    child *children;
    unsigned n;
    int signals;
    sigset_t before;
    bool drains, killed;
    mo_log log;
} supervisor;

/* --- sockets ------------------------------------------------------------------------ */

static unsigned count_processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < MO_SERVE_WORKERS ? (unsigned)n : MO_SERVE_WORKERS;
}

/* One that is not shared tells whether the port is free: workers' sockets would join those
 * of another server that shares it. It is closed again; its number is kept (port 0). */
static bool probe(const char *address, char *ret, size_t size, mote_error *err)
{
    int fd = mo_serve_listen(address, false, err);
    if (fd < 0)
        return false;
    mo_serve_address(fd, ret, size);
    close(fd);
    return true;
}

static bool open_address(supervisor *s, size_t which, mote_error *err)
{
    char address[80];
    if (!probe(s->config->app->listeners[which], address, sizeof address, err))
        return false;
    for (unsigned i = 0; i < s->n; i++)
        if ((s->children[i].listeners[which] = mo_serve_listen(address, true, err)) < 0)
            return false;
    char what[64];
    const mo_app *app = s->config->app;
    snprintf(what, sizeof what, "%" PRIu32 " functions", app->nfunctions);
    fprintf(stderr, "mote: serving %s on http://%s/ with %u worker%s\n",
            app->nfunctions == 1 ? app->functions[0].name : what, address, s->n, s->n == 1 ? "" : "s");
    return true;
}

static bool open_all(supervisor *s, mote_error *err)
{
    for (unsigned i = 0; i < s->n; i++)
        for (size_t k = 0; k < MO_SERVE_ADDRESSES; k++)
            s->children[i].listeners[k] = -1;
    for (size_t k = 0; k < s->config->app->nlisteners; k++)
        if (!open_address(s, k, err))
            return false;
    return true;
}

static void close_all(supervisor *s)
{
    for (unsigned i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->config->app->nlisteners; k++) {
            if (s->children[i].listeners[k] >= 0)
                close(s->children[i].listeners[k]);
            s->children[i].listeners[k] = -1;
        }
}

/* --- workers -------------------------------------------------------------------------- */

static void be_worker(supervisor *s, unsigned index, pid_t parent)
{
    int mine[MO_SERVE_ADDRESSES];
    memcpy(mine, s->children[index].listeners, sizeof mine);
    for (size_t k = 0; k < s->config->app->nlisteners; k++)
        s->children[index].listeners[k] = -1; /* not to be closed with the others' */
    close_all(s);
    close(s->signals);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_NAME, "mote-worker");
    if (getppid() != parent)
        raise(SIGTERM);
    _exit(mo_worker_run(s->config, s->isolation, index, mine, s->config->app->nlisteners));
}

static void start_worker(supervisor *s, unsigned index)
{
    child *c = &s->children[index];
    pid_t parent = getpid(), pid;
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        be_worker(s, index, parent);
    c->started_ns = mo_now_ns();
    c->pid = pid > 0 ? pid : 0;
    c->start_at_ns = pid > 0 ? MO_NEVER : c->started_ns + FIRST_PAUSE_NS;
    if (pid < 0)
        mo_log_line(&s->log, "supervisor", "worker %u: cannot be started: %s", index, strerror(errno));
}

static void tell_death(supervisor *s, unsigned index, pid_t pid, int status)
{
    if (WIFSIGNALED(status))
        mo_log_line(&s->log, "supervisor", "worker %u (process %d) was ended by signal %d", index, (int)pid, WTERMSIG(status));
    else
        mo_log_line(&s->log, "supervisor", "worker %u (process %d) ended with %d", index, (int)pid, WEXITSTATUS(status));
}

/* The first death after a while of health is an accident: its successor starts at once. */
static void plan_restart(child *c)
{
    uint64_t now = mo_now_ns();
    bool healthy = now - c->started_ns >= SHORT_LIFE_NS;
    c->pause_ns = healthy ? 0 : c->pause_ns == 0 ? FIRST_PAUSE_NS : 2 * c->pause_ns;
    if (c->pause_ns > LAST_PAUSE_NS)
        c->pause_ns = LAST_PAUSE_NS;
    c->start_at_ns = now + c->pause_ns;
}

/* Sees to processes that ended. *failed: one did not drain as it should. */
static void reap(supervisor *s, bool *failed)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (unsigned i = 0; i < s->n; i++) {
            if (s->children[i].pid != pid)
                continue;
            s->children[i].pid = 0;
            if (s->drains && status == 0)
                continue;
            *failed |= s->drains;
            tell_death(s, i, pid, status);
            plan_restart(&s->children[i]);
        }
    }
}

static bool start_due(supervisor *s, uint64_t *retnext)
{
    uint64_t now = mo_now_ns();
    bool any = false;
    *retnext = MO_NEVER;
    for (unsigned i = 0; i < s->n; i++) {
        child *c = &s->children[i];
        if (!c->pid && !s->drains && c->start_at_ns <= now)
            start_worker(s, i);
        if (!c->pid && !s->drains && c->start_at_ns < *retnext)
            *retnext = c->start_at_ns;
        any |= c->pid > 0;
    }
    return any;
}

static void tell_all(const supervisor *s, int number)
{
    for (unsigned i = 0; i < s->n; i++)
        if (s->children[i].pid)
            kill(s->children[i].pid, number);
}

/* --- serving ------------------------------------------------------------------------------ */

static void take_signals(supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        s->killed |= s->drains;
        s->drains = true;
        close_all(s);
        tell_all(s, s->killed ? SIGKILL : SIGTERM);
    }
}

static bool watch_signals(supervisor *s, mote_error *err)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGCHLD);
    sigprocmask(SIG_BLOCK, &wanted, &s->before);
    s->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals >= 0 || mo_fail(err, MOTE_IO, MOTE_NOWHERE, "signals: %s", strerror(errno));
}

static int patience(uint64_t next)
{
    uint64_t now = mo_now_ns();
    return next == MO_NEVER ? -1 : next <= now ? 0 : (int)((next - now + 999999) / 1000000);
}

static mote_status supervise(supervisor *s, mote_error *err)
{
    uint64_t next;
    bool failed = false;
    while (start_due(s, &next) || !s->drains) {
        struct pollfd p = {.fd = s->signals, .events = POLLIN};
        mo_log_flush(&s->log);
        poll(&p, 1, patience(next));
        take_signals(s);
        reap(s, &failed);
    }
    mo_log_flush(&s->log);
    if (!failed)
        return MOTE_OK;
    mo_fail(err, MOTE_IO, MOTE_NOWHERE, "not all requests were answered before the end");
    return MOTE_IO;
}

static bool prepare_isolation(supervisor *s, mote_error *err)
{
    s->isolation = mo_isolation_new(s->config->app, MO_NO_TENANT, err);
    if (s->isolation && mo_isolation_lacks(s->isolation))
        mo_log_line(&s->log, "supervisor", "workers are less isolated than they should be: %s", mo_isolation_lacks(s->isolation));
    return s->isolation;
}

mote_status mo_serve(const mo_serve_config *config, mote_error *err)
{
    mote_error e = {0};
    for (uint32_t i = 0; i < config->app->nfunctions; i++) {
        mote_status status = mo_function_try(&config->functions[i], config->engine, err);
        if (status)
            return status;
    }
    supervisor *s = mo_calloc(1, sizeof *s);
    if (s) {
        *s = (supervisor){.config = config, .n = config->app->workers ? config->app->workers : count_processors(), .signals = -1};
        s->log.fd = STDERR_FILENO;
        s->children = mo_calloc(s->n, sizeof *s->children);
    }
    if (!s || !s->children)
        mo_fail_nomem(&e);
    else if (prepare_isolation(s, &e) && watch_signals(s, &e) && open_all(s, &e))
        supervise(s, &e);
    if (s && s->children)
        close_all(s);
    if (s && s->signals >= 0) {
        sigprocmask(SIG_SETMASK, &s->before, NULL);
        close(s->signals);
    }
    if (s) {
        mo_isolation_free(s->isolation);
        mo_free(s->children);
    }
    mo_free(s);
    if (e.status && err)
        *err = e;
    return e.status;
}
