/* supervisor.c - keeps the sockets, and has generations come and go (generation.h).
 *
 *   SERVES --SIGHUP, the file changed--> and LOADS the next --it is ready--> the old one drains
 *     |                                      \--refused: the old one goes on
 *     \--SIGTERM, SIGINT--> ENDS: all drain --> over
 *                              \--a second one--> all are killed --> over
 *
 * What always holds:
 *   1  nothing of what is served is ever in this process: what loads it may crash;
 *   2  a socket is closed only when nobody wants its address, or at the end;
 *   3  at most one generation is on its way in, and one is current; others drain. */
#include "serve/process/supervisor.h"

#include "call/call.h"
#include "serve/process/channel.h"
#include "serve/process/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHORT_LIFE_NS MO_NS_PER_S
#define FIRST_PAUSE_NS (MO_NS_PER_S / 20)
#define LAST_PAUSE_NS (5 * MO_NS_PER_S)
#define HELLO_NS (20 * MO_NS_PER_S) /* until a generation that was ordered must have begun */
enum { SEND_S = 10 };

static void gone(mo_supervisor *s, mo_being *b);

/* --- starting a generation --------------------------------------------------------- */

static void gone(mo_supervisor *s, mo_being *b);

static mo_being *find_free(mo_supervisor *s)
{
    for (size_t i = 0; i < MO_COUNT(s->beings); i++)
        if (s->beings[i].stage == MO_STAGE_GONE)
            return &s->beings[i];
    return NULL;
}

/* What is the supervisor's alone; sockets come over the channel to whom they belong. */
static void be_generation(mo_supervisor *s, mo_birth birth, int channel)
{
    const mo_serve_source *source = s->source;
    for (size_t i = 0; i < MO_COUNT(s->beings); i++)
        if (s->beings[i].stage != MO_STAGE_GONE)
            close(s->beings[i].channel.fd);
    mo_sockets_keep(&s->sockets, NULL);
    mo_notify_close(&s->notify);
    mo_file_watch_close(&s->file);
    mo_control_close(&s->control, false);
    close(s->signals.fd);
    mo_loop_release(&s->loop);
    int status = mo_generation_run(source, s->boards, s->holders.counts, birth, channel);
    fflush(NULL);
    _exit(status);
}

static bool send_order(const mo_being *b, const mo_order *o, int fd)
{
    struct iovec iov = {(void *)(uintptr_t)o, sizeof *o};
    int status = mo_channel_send(b->channel.fd, &iov, 1, &fd, fd >= 0, false);
    errno = -status;
    return status == 0;
}

static void order(const mo_being *b, mo_order_kind kind)
{
    const mo_order o = {.kind = kind};
    if (b->stage != MO_STAGE_GONE)
        send_order(b, &o, -1);
}

/* By the current one, if there is one; else by this process. */
static bool fork_generation(mo_supervisor *s, mo_birth birth, int channel)
{
    const mo_order o = {.kind = MO_ORDERED_HEIR, .birth = birth};
    if (s->current)
        return send_order(s->current, &o, channel);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        be_generation(s, birth, channel);
    return pid > 0;
}

static void on_channel(mo_watch *w, uint32_t events);

static bool open_channel(mo_supervisor *s, mo_being *b)
{
    int pair[2];
    struct timeval patience = {.tv_sec = SEND_S};
    if (!mo_channel_pair(pair))
        return false;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    b->channel = (mo_watch){.ready = on_channel, .fd = pair[0]};
    bool good = mo_loop_want(&s->loop, &b->channel, EPOLLIN) &&
                fork_generation(s, (mo_birth){b->number, (uint32_t)(b - s->beings), b->holder}, pair[1]);
    int why = errno;
    close(pair[1]);
    if (good)
        return true;
    mo_loop_forget(&s->loop, &b->channel);
    close(pair[0]);
    errno = why;
    return false;
}

static void start_generation(mo_supervisor *s)
{
    mo_being *b = find_free(s);
    if (!b || s->next || s->ends) { /* old ones drain; the one that is done first makes room */
        s->again = true;
        return;
    }
    s->again = false;
    *b = (mo_being){.supervisor = s, .number = ++s->last_number, .started_ns = mo_now_ns()};
    mo_board_clear(s->boards[b - s->beings], b->number);
    b->holder = mo_holders_take(&s->holders);
    b->stage = MO_STAGE_LOADS;
    if (!open_channel(s, b)) {
        mo_holders_reaped(&s->holders, b->holder);
        b->stage = MO_STAGE_GONE;
        mo_log_line(&s->log, "supervisor", "cannot load: %s", strerror(errno));
        mo_alarm_set(&s->loop, &s->timer, s->loop.now_ns + LAST_PAUSE_NS);
        return;
    }
    mo_alarm_set(&s->loop, &s->hello, s->loop.now_ns + HELLO_NS);
    s->next = b;
}

void mo_supervisor_reload(mo_supervisor *s, const char *why)
{
    if (s->ends)
        return;
    if (s->current && !s->next) {
        mo_log_line(&s->log, "supervisor", "reloading: %s", why);
        mo_notify_reloading(&s->notify);
    }
    start_generation(s);
}

static void on_timer(mo_alarm *t)
{
    mo_supervisor *s = (mo_supervisor *)(void *)((char *)t - offsetof(mo_supervisor, timer));
    if (!s->current && !s->next)
        start_generation(s);
}

/* The current one was ordered to fork it, and does not. */
static void on_no_hello(mo_alarm *t)
{
    mo_supervisor *s = (mo_supervisor *)(void *)((char *)t - offsetof(mo_supervisor, hello));
    if (s->next && !s->next->pid)
        gone(s, s->next);
}

bool mo_supervisor_pass(mo_supervisor *s, const char *line, int fd)
{
    mo_order o = {.kind = MO_ORDERED_ASK};
    snprintf(o.line, sizeof o.line, "%s", line);
    return s->current && send_order(s->current, &o, fd);
}

/* --- the end ---------------------------------------------------------------------------- */

static void kill_generation(const mo_being *b)
{
    if (b->stage != MO_STAGE_GONE && b->pid > 0)
        kill(-b->pid, SIGKILL);
}

static void end_if_over(mo_supervisor *s)
{
    for (size_t i = 0; i < MO_COUNT(s->beings); i++)
        if (s->beings[i].stage != MO_STAGE_GONE)
            return;
    s->loop.ended = s->ends;
}

void mo_supervisor_end(mo_supervisor *s)
{
    s->killed |= s->ends;
    if (!s->ends)
        mo_notify_stopping(&s->notify);
    s->ends = true;
    mo_sockets_keep(&s->sockets, NULL);
    mo_control_close(&s->control, true);
    for (size_t i = 0; i < MO_COUNT(s->beings); i++) {
        mo_being *b = &s->beings[i];
        if (s->killed || b->stage == MO_STAGE_LOADS)
            kill_generation(b);
        else
            order(b, MO_ORDERED_END);
    }
    s->failed |= s->killed;
    end_if_over(s);
}

/* Nothing was ever served: why is the server's end. */
static void give_up(mo_supervisor *s, int exit_code, mote_status status, const char *words)
{
    s->exit_code = exit_code;
    if (status != MOTE_OK)
        mo_fail(s->err, status, MOTE_NOWHERE, "%s", words);
    mo_supervisor_end(s);
}

/* --- what generations tell ------------------------------------------------------------------ */

/* A generation did not come to serve. */
static void refuse(mo_supervisor *s, mo_being *b, int exit_code, mote_status status, const char *words)
{
    if (b->refused)
        return;
    b->refused = true;
    if (s->next == b)
        s->next = NULL;
    if (s->ends)
        return;
    if (!s->current && b->number == 1) {
        give_up(s, exit_code, status, words);
        return;
    }
    const char *why = status == MOTE_OK ? "why was said before" : words;
    mo_log_line(&s->log, "supervisor", "the reload is refused, what was loaded before goes on: %s", why);
    snprintf(s->refusal, sizeof s->refusal, "%s", why);
    s->nrefused++;
    mo_status_loaded(s, b->number, why);
    mo_notify_ready(&s->notify);
    if (!s->current)
        mo_alarm_set(&s->loop, &s->timer, s->loop.now_ns + LAST_PAUSE_NS);
    else if (s->again)
        start_generation(s);
}

static void on_wants(mo_supervisor *s, mo_being *b, const mo_wants *w)
{
    mote_error err = {0};
    b->wants = *w;
    b->stage = MO_STAGE_STARTS;
    if (mo_control_open(&s->control, w->control, &err) && mo_sockets_open(&s->sockets, w, &err) && mo_sockets_send(&s->sockets, w, b->channel.fd))
        return;
    if (!err.status)
        mo_fail(&err, MOTE_IO, MOTE_NOWHERE, "sockets for workers: %s", strerror(errno));
    refuse(s, b, MO_SERVE_FAILED, err.status, err.message);
    kill_generation(b);
}

static void announce(const mo_supervisor *s, const mo_being *b)
{
    int admin = mo_sockets_admin(&s->sockets, &b->wants);
    for (uint32_t i = 0; i < s->sockets.nlistening; i++) {
        uint32_t n = b->wants.groups[0].nworkers;
        if (s->sockets.listening[i]->fds[0] == admin) {
            fprintf(stderr, "mote: health and metrics on http://%s/\n", s->sockets.listening[i]->bound);
            continue;
        }
        fprintf(stderr, "mote: serving %s on http://%s/ with %" PRIu32 " worker%s\n", b->wants.name, s->sockets.listening[i]->bound,
                n, n == 1 ? "" : "s");
    }
}

/* What the current one has of those that are gone is of no use; while another is on its way,
 * which has it too, that waits. */
static void tell_alive(const mo_supervisor *s)
{
    mo_order o = {.kind = MO_ORDERED_FORGET};
    for (size_t i = 0; i < MO_COUNT(s->beings); i++)
        if (s->beings[i].stage != MO_STAGE_GONE)
            o.alive[i] = s->beings[i].number;
    if (s->current && !s->next)
        send_order(s->current, &o, -1);
}

static void on_ready(mo_supervisor *s, mo_being *b)
{
    mo_being *old = s->current;
    if (s->next != b)
        return;
    b->stage = MO_STAGE_SERVES;
    s->current = b;
    s->next = NULL;
    s->pause_ns = 0;
    mo_sockets_keep(&s->sockets, &b->wants);
    if (b->number == 1)
        announce(s, b);
    else
        mo_log_line(&s->log, "supervisor", "generation %" PRIu32 " serves %s", b->number, b->wants.name);
    if (old) {
        old->stage = MO_STAGE_DRAINS;
        order(old, MO_ORDERED_MOVE);
    }
    tell_alive(s);
    s->nreloads += b->number > 1;
    mo_status_loaded(s, b->number, NULL);
    mo_notify_ready(&s->notify);
    if (s->again)
        start_generation(s);
}

static void bury(mo_supervisor *s, mo_being *b, int status);

static void on_hello(mo_supervisor *s, mo_being *b, pid_t pid)
{
    b->pid = pid;
    mo_holders_set(&s->holders, b->holder, pid);
    if (s->ends)
        kill_generation(b);
}

/* What became of it, its end tells; but of one that has told nothing of itself. */
static void gone(mo_supervisor *s, mo_being *b)
{
    mo_loop_forget(&s->loop, &b->channel);
    if (!b->pid && b->stage != MO_STAGE_GONE)
        bury(s, b, 0);
}

static void on_channel(mo_watch *w, uint32_t events)
{
    mo_being *b = (mo_being *)(void *)((char *)w - offsetof(mo_being, channel));
    mo_supervisor *s = b->supervisor;
    mo_tale t;
    (void)events;
    ssize_t n = recv(w->fd, &t, sizeof t, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != sizeof t)
        gone(s, b);
    else if (t.kind == MO_TALE_HELLO)
        on_hello(s, b, t.pid);
    else if (t.kind == MO_TALE_WANTS)
        on_wants(s, b, &t.wants);
    else if (t.kind == MO_TALE_READY)
        on_ready(s, b);
    else
        refuse(s, b, t.exit_code, (mote_status)t.status, t.words);
}

/* --- what becomes of them ----------------------------------------------------------------------- */

/* The current one is dead, and its workers move to whoever comes: at once, unless that
 * happens again and again. */
static void replace(mo_supervisor *s, const mo_being *b)
{
    uint64_t now = mo_now_ns();
    bool healthy = now - b->started_ns >= SHORT_LIFE_NS;
    s->current = NULL;
    s->pause_ns = healthy ? 0 : s->pause_ns == 0 ? FIRST_PAUSE_NS : 2 * s->pause_ns;
    if (s->pause_ns > LAST_PAUSE_NS)
        s->pause_ns = LAST_PAUSE_NS;
    if (s->next || s->ends)
        return;
    if (s->pause_ns)
        mo_alarm_set(&s->loop, &s->timer, now + s->pause_ns);
    else
        start_generation(s);
}

static void bury(mo_supervisor *s, mo_being *b, int status)
{
    char words[96];
    if (b->channel.added && b->pid)
        on_channel(&b->channel, EPOLLIN); /* its last words */
    mo_loop_forget(&s->loop, &b->channel);
    close(b->channel.fd);
    if (WIFSIGNALED(status))
        snprintf(words, sizeof words, "generation %" PRIu32 " was ended by signal %d", b->number, WTERMSIG(status));
    else
        snprintf(words, sizeof words, "generation %" PRIu32 " ended with %d", b->number, WEXITSTATUS(status));
    b->pid = 0;
    mo_holders_reaped(&s->holders, b->holder);
    mo_stage was = b->stage;
    b->stage = MO_STAGE_GONE;
    if (s->next == b)
        refuse(s, b, MO_SERVE_FAILED, MOTE_IO, words);
    else if (s->current == b) {
        if (!s->ends || status != 0)
            mo_log_line(&s->log, "supervisor", "%s", words);
        s->failed |= s->ends && status != 0;
        replace(s, b);
    } else if (was == MO_STAGE_DRAINS && status != 0) {
        mo_log_line(&s->log, "supervisor", "%s: not all of its requests were answered", words);
    }
    if (s->again && !s->next && s->current)
        start_generation(s);
    tell_alive(s);
    if (s->ends)
        end_if_over(s);
}

/* Who says who it is, and dies. */
static void hear_new(mo_supervisor *s)
{
    for (size_t i = 0; i < MO_COUNT(s->beings); i++)
        if (s->beings[i].stage != MO_STAGE_GONE && !s->beings[i].pid)
            on_channel(&s->beings[i].channel, EPOLLIN);
}

static void reap(mo_supervisor *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        hear_new(s);
        for (size_t i = 0; i < MO_COUNT(s->beings); i++)
            if (s->beings[i].stage != MO_STAGE_GONE && s->beings[i].pid == pid) {
                bury(s, &s->beings[i], status);
                break;
            }
    }
    mo_holders_sweep(&s->holders);
}

/* --- serving ------------------------------------------------------------------------------ */

static void reopen_logs(const mo_supervisor *s)
{
    for (size_t i = 0; i < MO_COUNT(s->beings); i++)
        if (s->beings[i].stage == MO_STAGE_SERVES || s->beings[i].stage == MO_STAGE_DRAINS)
            order(&s->beings[i], MO_ORDERED_REOPEN);
}

static void on_signals(mo_watch *w, uint32_t events)
{
    mo_supervisor *s = (mo_supervisor *)(void *)((char *)w - offsetof(mo_supervisor, signals));
    struct signalfd_siginfo info;
    (void)events;
    while (read(w->fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            mo_supervisor_reload(s, "SIGHUP");
        else if (info.ssi_signo == SIGUSR1)
            reopen_logs(s);
        else if (info.ssi_signo != SIGCHLD)
            mo_supervisor_end(s);
    }
    reap(s);
}

static void on_file(mo_file_watch *f)
{
    mo_supervisor *s = (mo_supervisor *)(void *)((char *)f - offsetof(mo_supervisor, file));
    mo_supervisor_reload(s, "the file has changed");
}

static bool watch(mo_supervisor *s, mote_error *err)
{
    sigset_t wanted;
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};
    sigemptyset(&wanted);
    for (size_t i = 0; i < MO_COUNT(numbers); i++)
        sigaddset(&wanted, numbers[i]);
    sigprocmask(SIG_BLOCK, &wanted, &s->before);
    s->signals = (mo_watch){.ready = on_signals, .fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!mo_loop_init(&s->loop, err))
        return false;
    if (!mo_alarm_init(&s->loop, &s->timer, on_timer) || !mo_alarm_init(&s->loop, &s->hello, on_no_hello))
        return mo_fail_nomem(err);
    if (s->signals.fd < 0 || !mo_loop_want(&s->loop, &s->signals, EPOLLIN))
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "signals: %s", strerror(errno));
    mo_control_init(&s->control, &s->loop, mo_status_asked);
    return !s->source->watched || mo_file_watch_open(&s->file, &s->loop, s->source->watched, on_file, err);
}

static void flush_log(mo_loop *loop)
{
    mo_supervisor *s = (mo_supervisor *)(void *)((char *)loop - offsetof(mo_supervisor, loop));
    if (s->log.len)
        mo_log_flush(&s->log);
}

static void allow_descriptors(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static bool take_given(mo_supervisor *s, mote_error *err)
{
    int fds[2 * MO_SERVE_ADDRESSES];
    size_t n = mo_notify_take_sockets(fds, MO_COUNT(fds));
    return mo_sockets_take(&s->sockets, fds, n, err);
}

static void supervise(mo_supervisor *s, mote_error *err)
{
    if (!watch(s, err) || !take_given(s, err))
        return;
    s->loop.turned = flush_log;
    for (size_t i = 0; i < MO_COUNT(s->boards); i++)
        if (!(s->boards[i] = mo_board_new())) {
            mo_fail_nomem(err);
            return;
        }
    if (!(s->holders.counts = mo_counts_new(err)))
        return;
    mo_notify_open(&s->notify);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* generations are not all its own children */
    allow_descriptors();
    start_generation(s);
    mo_loop_run(&s->loop);
    mo_log_flush(&s->log);
    if (s->failed)
        mo_fail(err, MOTE_IO, MOTE_NOWHERE, "not all requests were answered before the end");
}

static void release(mo_supervisor *s)
{
    mo_sockets_keep(&s->sockets, NULL);
    mo_file_watch_close(&s->file);
    mo_control_close(&s->control, true);
    mo_notify_close(&s->notify);
    if (s->signals.fd >= 0) {
        sigprocmask(SIG_SETMASK, &s->before, NULL);
        close(s->signals.fd);
    }
    mo_loop_release(&s->loop);
    for (size_t i = 0; i < MO_COUNT(s->beings); i++)
        mo_board_free(s->boards[i]);
    mo_counts_free(s->holders.counts);
    mo_free(s);
}

int mo_serve(const mo_serve_source *source, mote_error *err)
{
    mote_error e = {0};
    mo_supervisor *s = mo_calloc(1, sizeof *s);
    if (!s) {
        mo_fail_nomem(err);
        return MO_SERVE_FAILED;
    }
    *s = (mo_supervisor){.source = source, .signals.fd = -1, .loop.epoll = -1, .file.fd = -1, .notify.fd = -1, .control.fd = -1,
                         .log.fd = STDERR_FILENO, .err = &e, .started_ns = mo_now_ns()};
    supervise(s, &e);
    int exit_code = s->exit_code;
    release(s);
    if (e.status && err)
        *err = e;
    return e.status ? MO_SERVE_FAILED : exit_code;
}
