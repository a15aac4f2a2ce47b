/* crew.c - forks workers, hears them on their lines, and sees to those that die. */
#include "serve/process/crew.h"

#include "call/call.h"
#include "serve/process/channel.h"
#include "serve/record/shared.h"
#include "serve/process/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* One that lives for less is not started again at once, and later each time. */
#define SHORT_LIFE_NS MO_NS_PER_S
#define FIRST_PAUSE_NS (MO_NS_PER_S / 20)
#define LAST_PAUSE_NS (5 * MO_NS_PER_S)
enum { MOST_CRASHES = 3 };

/* A worker, alive or to be started. */
typedef struct mo_member {
    mo_watch line;
    mo_crew *crew;
    mo_seat seat;
    pid_t pid;            /* 0: none */
    bool serves;
    uint64_t started_ns, pause_ns, start_at_ns;
} mo_member;

static void set_row(mo_member *m, mo_row_state state)
{
    mo_row *r = &m->crew->board->rows[m->seat.row];
    atomic_store(&r->pid, m->pid);
    atomic_store(&r->since_ns, mo_now_ns());
    atomic_store(&r->state, state);
}

/* --- starting ---------------------------------------------------------------------- */

void mo_crew_close(mo_crew *crew)
{
    for (uint32_t i = 0; i < crew->n; i++)
        if (crew->members[i].pid)
            close(crew->members[i].line.fd);
}

void mo_crew_free(mo_crew *crew)
{
    mo_free(crew->members);
    mo_free(crew->crashes);
    crew->members = NULL;
    crew->crashes = NULL;
    crew->n = 0;
}

/* Lists and texts may be those of the manifest's defaults, and so be of several functions. */
static bool copy_variables(mo_app_function *f)
{
    mo_app_variable *copies = mo_alloc((f->nvariables + 1u) * sizeof *copies);
    for (uint32_t i = 0; copies && i < f->nvariables; i++) {
        size_t len = strlen(f->variables[i].value) + 1;
        char *text = mo_alloc(len);
        if (!text)
            return false;
        copies[i] = (mo_app_variable){f->variables[i].name, memcpy(text, f->variables[i].value, len)};
    }
    f->variables = copies;
    return copies;
}

/* Descriptors of folders, by number. */
static void mark_folders(const mo_function *f, uint8_t *marks, size_t n, uint8_t mark)
{
    for (uint32_t i = 0; f->folders && i < f->app->nfolders; i++)
        if ((size_t)f->folders[i]->desc.host < n)
            marks[f->folders[i]->desc.host] |= mark;
}

/* Of tenants that other workers serve this one keeps neither variables nor open folders. It has
 * pages of its own for that; false: memory is out. */
static bool shed_others(const mo_member *m)
{
    enum { OURS = 1, OTHERS = 2, MOST = 1 << 16 };
    const mo_serve_config *config = m->crew->config;
    uint8_t *marks = mo_calloc(MOST, 1);
    bool good = marks;
    for (int others = 0; others < 2 && good; others++)
        for (uint32_t i = 0; i < config->app->nfunctions && good; i++) {
            mo_app_function *f = &config->app->functions[i];
            if ((m->crew->groups[f->tenant] != m->seat.group) != others)
                continue;
            mark_folders(&config->functions[i], marks, MOST, others ? OTHERS : OURS);
            good = others || copy_variables(f);
            for (uint32_t k = 0; others && k < f->nvariables; k++)
                explicit_bzero((void *)(uintptr_t)f->variables[k].value, strlen(f->variables[k].value));
        }
    for (int fd = 0; good && fd < MOST; fd++)
        if (marks[fd] == OTHERS)
            close(fd);
    mo_free(marks);
    return good;
}

static void be_worker(mo_member *m, int line)
{
    mo_crew *crew = m->crew;
    m->pid = 0;
    mo_crew_close(crew);
    crew->in_child(crew);
    if (crew->wants->ngroups > 1 && !shed_others(m))
        _exit(MO_WORKER_FAILED);
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_NAME, "mote-worker");
    m->seat.line = line;
    _exit(mo_worker_run(crew->config, crew->isolations[m->seat.group], &m->seat));
}

static void on_line(mo_watch *s, uint32_t events);

static void plan_start(mo_member *m, uint64_t at_ns)
{
    m->start_at_ns = at_ns;
    if (at_ns < m->crew->timer.due)
        mo_alarm_set(m->crew->loop, &m->crew->timer, at_ns);
}

/* The pid, with its parent's end of the line in *retline; or -1: errno. */
static pid_t fork_worker(mo_member *m, int *retline)
{
    int pair[2];
    if (!mo_channel_pair(pair))
        return -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        be_worker(m, pair[1]);
    }
    int why = errno;
    close(pair[1]);
    if (pid < 0)
        close(pair[0]);
    *retline = pair[0];
    errno = why;
    return pid;
}

static void start(mo_member *m)
{
    int line;
    mo_crew *crew = m->crew;
    pid_t pid = fork_worker(m, &line);
    m->started_ns = mo_now_ns();
    m->serves = false;
    if (pid < 0) {
        mo_log_line(crew->log, "supervisor", "worker %" PRIu32 ": cannot be started: %s", m->seat.row, strerror(errno));
        plan_start(m, m->started_ns + FIRST_PAUSE_NS);
        return;
    }
    m->pid = pid;
    m->start_at_ns = MO_NEVER;
    m->line = (mo_watch){.ready = on_line, .fd = line};
    mo_loop_want(crew->loop, &m->line, EPOLLIN);
    crew->nlive++;
    set_row(m, MO_ROW_STARTS);
}

static void start_due(mo_alarm *t)
{
    mo_crew *crew = (mo_crew *)(void *)((char *)t - offsetof(mo_crew, timer));
    for (uint32_t i = 0; i < crew->n && !crew->drains; i++) {
        mo_member *m = &crew->members[i];
        if (m->pid)
            continue;
        if (m->start_at_ns <= crew->loop->now_ns)
            start(m);
        else
            plan_start(m, m->start_at_ns);
    }
}

void mo_crew_start(mo_crew *crew)
{
    for (uint32_t i = 0; i < crew->n; i++)
        start(&crew->members[i]);
}

static void seat_group(mo_crew *crew, uint32_t group, uint32_t *row)
{
    for (uint32_t i = 0; i < crew->wants->groups[group].nworkers; i++, ++*row) {
        crew->members[*row] = (mo_member){.crew = crew, .seat = {.wants = crew->wants, .sockets = crew->sockets, .board = crew->board,
            .row = *row, .group = group, .groups = crew->groups, .index = i, .area = *row, .operate = crew->operate}};
        atomic_store(&crew->board->rows[*row].group, group);
    }
}

bool mo_crew_init(mo_crew *crew, mote_error *err)
{
    uint32_t row = 0;
    for (uint32_t i = 0; i < crew->wants->ngroups; i++)
        crew->n += crew->wants->groups[i].nworkers;
    if (crew->n > MO_SERVE_WORKERS)
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "%" PRIu32 " workers; want %d at most", crew->n, MO_SERVE_WORKERS);
    crew->members = mo_calloc(crew->n, sizeof *crew->members);
    crew->crashes = mo_calloc(crew->config->app->nfunctions + 1u, 1);
    if (!crew->members || !crew->crashes || !mo_alarm_init(crew->loop, &crew->timer, start_due))
        return mo_fail_nomem(err);
    for (uint32_t i = 0; i < crew->wants->ngroups; i++)
        seat_group(crew, i, &row);
    atomic_store(&crew->board->nrows, crew->n);
    return true;
}

/* --- what workers tell ------------------------------------------------------------------ */

void mo_crew_drain(mo_crew *crew, char order)
{
    crew->drains = true;
    for (uint32_t i = 0; i < crew->n; i++)
        if (crew->members[i].pid)
            send(crew->members[i].line.fd, &order, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (!crew->nlive)
        crew->empty(crew);
}

static void serves(mo_member *m)
{
    mo_crew *crew = m->crew;
    bool all = true;
    m->serves = true;
    set_row(m, MO_ROW_SERVES);
    for (uint32_t i = 0; i < crew->n; i++)
        all &= crew->members[i].serves;
    if (!all || crew->served || crew->drains)
        return;
    crew->served = true;
    crew->ready(crew);
}

static void fail(mo_crew *crew, const char *words)
{
    if (crew->served)
        mo_log_line(crew->log, "supervisor", "%s", words);
    else if (!crew->drains)
        crew->failed(crew, words);
}

static void on_line(mo_watch *s, uint32_t events)
{
    mo_member *m = (mo_member *)(void *)((char *)s - offsetof(mo_member, line));
    char text[MO_LOG_LINE], words[MO_LOG_LINE + 40];
    (void)events;
    ssize_t n = recv(s->fd, text, sizeof text - 1, MSG_DONTWAIT);
    if (n == 0) /* what became of it, its end tells */
        mo_loop_forget(m->crew->loop, s);
    if (n <= 0)
        return;
    text[n] = 0;
    if (text[0] == MO_TOLD_SERVES) {
        serves(m);
    } else if (text[0] == MO_TOLD_FAILED) {
        snprintf(words, sizeof words, "worker %" PRIu32 ": cannot serve: %s", m->seat.row, text + 1);
        fail(m->crew, words);
    }
}

/* --- quarantine ------------------------------------------------------------------------------ */

static void suspect(const mo_member *m)
{
    const mo_crew *crew = m->crew;
    const mo_app *app = crew->config->app;
    for (uint32_t i = 0; i < app->nfunctions; i++) {
        if (!mo_shared_running(crew->config->shared, m->seat.area, i) || crew->crashes[i] == MOST_CRASHES)
            continue;
        if (++crew->crashes[i] < MOST_CRASHES)
            continue;
        mo_shared_set_quarantined(crew->config->shared, i, true);
        mo_log_line(crew->log, "supervisor", "function %s is quarantined: %d workers crashed while it ran; "
                    "`mote ctl clear %s` lets it run again", app->functions[i].name, MOST_CRASHES, app->functions[i].name);
    }
}

uint32_t mo_crew_clear(mo_crew *crew, const char *name)
{
    uint32_t n = 0;
    const mo_app *app = crew->config->app;
    for (uint32_t i = 0; i < app->nfunctions; i++) {
        if (strcmp(app->functions[i].name, name) != 0)
            continue;
        n += mo_shared_is_quarantined(crew->config->shared, i);
        mo_shared_set_quarantined(crew->config->shared, i, false);
        crew->crashes[i] = 0;
    }
    return n;
}

/* --- deaths -------------------------------------------------------------------------------------- */

static void tell_death(const mo_member *m, int status, char *ret, size_t size)
{
    bool killed = WIFSIGNALED(status);
    snprintf(ret, size, "worker %" PRIu32 " (process %d) %s %d%s", m->seat.row, (int)m->pid, killed ? "was ended by signal" : "ended with",
             killed ? WTERMSIG(status) : WEXITSTATUS(status),
             killed && WTERMSIG(status) == SIGSYS ? ": it made a system call that no worker makes, and may be taken over" : "");
}

/* The first death after a while of health is an accident: its successor starts at once. */
static void plan_restart(mo_member *m)
{
    uint64_t now = mo_now_ns();
    bool healthy = now - m->started_ns >= SHORT_LIFE_NS;
    m->pause_ns = healthy ? 0 : m->pause_ns == 0 ? FIRST_PAUSE_NS : 2 * m->pause_ns;
    if (m->pause_ns > LAST_PAUSE_NS)
        m->pause_ns = LAST_PAUSE_NS;
    atomic_fetch_add(&m->crew->board->rows[m->seat.row].restarts, 1);
    mo_shared_add(m->crew->config->shared, MO_SHARED_SELF, MO_VALUE_RESTARTS, 1);
    if (m->pause_ns == 0)
        start(m);
    else
        plan_start(m, now + m->pause_ns);
}

static bool is_crash(int status)
{
    return WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM : WEXITSTATUS(status) != 0;
}

static void bury(mo_member *m, int status)
{
    char words[128];
    mo_crew *crew = m->crew;
    tell_death(m, status, words, sizeof words);
    on_line(&m->line, EPOLLIN); /* its last words */
    mo_loop_forget(crew->loop, &m->line);
    close(m->line.fd);
    m->pid = 0;
    m->serves = false;
    crew->nlive--;
    if (is_crash(status))
        suspect(m);
    mo_shared_bury(crew->config->shared, m->seat.area);
    set_row(m, crew->drains ? MO_ROW_EMPTY : MO_ROW_WAITS);
    atomic_store(&crew->board->rows[m->seat.row].conns, 0);
    if (!crew->drains || status != 0)
        fail(crew, words);
    if (!crew->drains) {
        plan_restart(m);
        return;
    }
    crew->cut |= crew->served && status != 0;
    if (!crew->nlive)
        crew->empty(crew);
}

void mo_crew_bury(mo_crew *crew, int32_t pid, int status)
{
    for (uint32_t i = 0; i < crew->n; i++)
        if (crew->members[i].pid == pid) {
            bury(&crew->members[i], status);
            return;
        }
}
