/* operate.c - two helpers started, watched and ended. */
#include "serve/record/operate.h"

#include "call/call.h"
#include "serve/record/admin.h"
#include "serve/record/logger.h"
#include "serve/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* One that lives for less is not started again at once, and later each time. */
#define SHORT_LIFE_NS MO_NS_PER_S
#define PAUSE_NS (MO_NS_PER_S / 10)
#define LAST_PAUSE_NS (10 * MO_NS_PER_S)
enum { FILE_MODE = 0640, BACKLOG = 128 };

/* --- files --------------------------------------------------------------------------- */

static const char *path_of(const mo_operate *o, mo_stream stream)
{
    return stream == MO_STREAM_ACCESS ? o->app->access_log : o->app->error_log;
}

static int open_file(const char *path)
{
    if (strcmp(path, "-") == 0)
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
}

static bool open_files(mo_operate *o, mote_error *err)
{
    for (int i = 0; i < MO_STREAMS; i++) {
        const char *path = path_of(o, (mo_stream)i);
        o->files[i] = path ? open_file(path) : -1;
        o->logs[i] = path;
        if (path && o->files[i] < 0)
            return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "log %s: %s", path, strerror(errno));
    }
    return true;
}

static void close_files(mo_operate *o)
{
    for (int i = 0; i < MO_STREAMS; i++)
        if (o->files[i] >= 0)
            close(o->files[i]);
}

/* One that cannot be opened now is kept as it is. */
void mo_operate_reopen(mo_operate *o)
{
    for (int i = 0; i < MO_STREAMS; i++) {
        const char *path = path_of(o, (mo_stream)i);
        int fd = path ? open_file(path) : -1;
        if (path && fd < 0)
            mo_log_line(o->log, "supervisor", "log %s: not opened again: %s", path, strerror(errno));
        if (fd < 0)
            continue;
        close(o->files[i]);
        o->files[i] = fd;
    }
    if (o->logger.pid)
        kill(o->logger.pid, SIGTERM); /* its successor has the new ones */
}

/* --- helpers ----------------------------------------------------------------------------- */

static void set_name(const char *name)
{
    prctl(PR_SET_NAME, name);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

static void close_pipes(const int pipes[2], int keep)
{
    for (int i = 0; i < 2; i++)
        if (i != keep && pipes[i] >= 0)
            close(pipes[i]);
}

static void unblock(int number)
{
    sigset_t all;
    sigemptyset(&all);
    if (number)
        sigaddset(&all, number);
    sigprocmask(SIG_SETMASK, &all, NULL);
}

static void confine(const mo_operate *o)
{
    mote_error err = {0};
    if (mo_isolate(o->isolation, &err))
        return;
    fprintf(stderr, "mote: %s\n", err.message);
    _exit(EXIT_FAILURE);
}

static void be_admin(mo_operate *o)
{
    set_name("mote-admin");
    close_pipes(o->parent, 0);
    close_pipes(o->life, -1);
    close_files(o);
    unblock(0);
    if (listen(o->listener, BACKLOG) != 0)
        _exit(EXIT_FAILURE);
    confine(o);
    _exit(mo_admin_run(o->shared, o->nworkers, o->listener, o->parent[0]));
}

static void be_logger(mo_operate *o)
{
    sigset_t term;
    set_name("mote-logger");
    close_pipes(o->parent, -1);
    close_pipes(o->life, 0);
    if (o->listener >= 0)
        close(o->listener);
    unblock(SIGTERM);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    int signals = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
    confine(o);
    _exit(mo_logger_run(o->lines, o->shared, o->files, signals, o->life[0]));
}

static void start_helper(mo_operate *o, mo_aide *h, void (*be)(mo_operate *o))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        be(o);
    h->started_ns = mo_now_ns();
    h->pid = pid > 0 ? pid : 0;
    if (pid < 0) {
        mo_log_line(o->log, "supervisor", "a process for logs or metrics cannot be started: %s", strerror(errno));
        mo_alarm_set(o->loop, &o->timer, h->started_ns + PAUSE_NS);
    }
}

static void start_missing(mo_operate *o)
{
    if (!o->logger.pid && o->lines)
        start_helper(o, &o->logger, be_logger);
    if (!o->admin.pid && o->listener >= 0 && o->serves && !o->ends)
        start_helper(o, &o->admin, be_admin);
}

static void on_timer(mo_alarm *t) { start_missing((mo_operate *)(void *)((char *)t - offsetof(mo_operate, timer))); }

bool mo_operate_reaped(mo_operate *o, pid_t pid, int status)
{
    mo_aide *h = o->admin.pid == pid ? &o->admin : o->logger.pid == pid ? &o->logger : NULL;
    if (!h)
        return false;
    bool short_life = status && mo_now_ns() - h->started_ns < SHORT_LIFE_NS;
    h->pid = 0;
    h->pause_ns = short_life ? 2 * h->pause_ns + PAUSE_NS : 0;
    if (h->pause_ns > LAST_PAUSE_NS)
        h->pause_ns = LAST_PAUSE_NS;
    if (status && !o->ends && (h == &o->logger || o->serves))
        mo_log_line(o->log, "supervisor", "the process for %s was ended by %s %d, and is started again",
                    h == &o->admin ? "metrics" : "logs", WIFSIGNALED(status) ? "signal" : "itself with", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (short_life)
        mo_alarm_set(o->loop, &o->timer, mo_now_ns() + h->pause_ns);
    else
        start_missing(o);
    return true;
}

/* --- beginning and end --------------------------------------------------------------------- */

bool mo_operate_init(mo_operate *o, const mo_app *app, mo_counts *counts, uint32_t holder, uint32_t nworkers, mote_error *err)
{
    *o = (mo_operate){.app = app, .nworkers = nworkers, .listener = -1, .files = {-1, -1}, .parent = {-1, -1}, .life = {-1, -1}};
    if (!(o->shared = mo_shared_new(counts, app, holder, nworkers, err)))
        return false;
    if ((app->access_log || app->error_log) && !(o->lines = mo_lines_new(nworkers + 1, err)))
        return false;
    mo_shared_set(o->shared, MO_SHARED_SELF, MO_VALUE_WORKERS_WANTED, nworkers);
    return open_files(o, err);
}

bool mo_operate_start(mo_operate *o, mo_loop *loop, mo_log *log, int listener, mote_error *err)
{
    o->loop = loop;
    o->log = log;
    o->listener = listener;
    if (!mo_alarm_init(loop, &o->timer, on_timer))
        return mo_fail_nomem(err);
    if (pipe2(o->parent, O_CLOEXEC) != 0 || pipe2(o->life, O_CLOEXEC) != 0)
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "pipes: %s", strerror(errno));
    if (!(o->isolation = mo_isolation_new(o->app, o->app->ntenants, err))) /* nobody's grants */
        return false;
    if (o->logs[MO_STREAM_ERROR]) {
        log->lines = o->lines;
        log->area = o->nworkers;
    }
    start_missing(o);
    return true;
}

void mo_operate_leave(mo_operate *o)
{
    close_pipes(o->parent, -1);
    close_pipes(o->life, 1);
    close_files(o);
    if (o->listener >= 0)
        close(o->listener);
    o->listener = -1;
}

void mo_operate_forsake(mo_operate *o)
{
    mo_operate_leave(o);
    if (o->life[1] >= 0)
        close(o->life[1]);
    mo_isolation_free(o->isolation);
    mo_lines_free(o->lines);
}

void mo_operate_serve(mo_operate *o)
{
    o->serves = true;
    mo_shared_set(o->shared, MO_SHARED_SELF, MO_VALUE_READY, 1);
    start_missing(o);
}

void mo_operate_drain(mo_operate *o, bool replaced)
{
    mo_shared_set(o->shared, MO_SHARED_SELF, MO_VALUE_READY, 0);
    o->serves &= !replaced;
    if (replaced && o->admin.pid)
        kill(o->admin.pid, SIGTERM);
}

void mo_operate_end(mo_operate *o)
{
    o->ends = true;
    if (o->admin.pid > 0)
        kill(o->admin.pid, SIGTERM);
    if (o->log && o->log->lines) {
        mo_log_flush(o->log);
        o->log->lines = NULL;
    }
    if (o->life[1] >= 0)
        close(o->life[1]);
    o->life[1] = -1;
    while (o->logger.pid > 0 && waitpid(o->logger.pid, NULL, 0) < 0 && errno == EINTR) {}
    o->logger.pid = 0;
}
