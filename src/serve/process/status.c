/* status.c - what the supervisor answers to `mote ctl`. */
#include "serve/process/supervisor.h"

#include "call/call.h"

#include <stdio.h>
#include <unistd.h>

static const char *const stages[] = {
    [MO_STAGE_GONE] = "gone", [MO_STAGE_LOADS] = "loads", [MO_STAGE_STARTS] = "starts", [MO_STAGE_SERVES] = "serves",
    [MO_STAGE_DRAINS] = "drains",
};
static const char *const states[] = {
    [MO_ROW_EMPTY] = "gone", [MO_ROW_WAITS] = "waits", [MO_ROW_STARTS] = "starts", [MO_ROW_SERVES] = "serves",
};

static uint64_t seconds_since(uint64_t ns) { return (mo_now_ns() - ns) / MO_NS_PER_S; }

/* --- status --------------------------------------------------------------------------- */

static void put_server(const mo_supervisor *s, mo_buffer *b)
{
    mo_control_put(b, "#server\tversion\tpid:n\tstate\tgeneration:n\tuptime_s:n\treloads:n\trefused:n\tserves\tlast_refusal\n");
    mo_control_put(b, "%s\t%d\t%s\t%" PRIu32 "\t%" PRIu64 "\t%" PRIu32 "\t%" PRIu32 "\t", mote_version(), (int)getpid(),
                   s->ends ? "drains" : s->next ? "reloads" : s->current ? "serves" : "starts", s->current ? s->current->number : 0,
                   seconds_since(s->started_ns), s->nreloads, s->nrefused);
    mo_control_put_words(b, s->current ? s->current->wants.name : "");
    mo_control_put(b, "\t");
    mo_control_put_words(b, s->refusal);
    mo_control_put(b, "\n");
}

static void put_listening(const mo_supervisor *s, mo_buffer *b)
{
    mo_control_put(b, "#listeners\taddress\tsockets:n\tfrom\n");
    for (uint32_t i = 0; i < s->sockets.nlistening; i++) {
        const mo_listening *l = s->sockets.listening[i];
        mo_control_put(b, "%s\t%" PRIu32 "\t%s\n", l->bound, l->n, l->given ? "systemd" : "mote");
    }
}

static void put_generations(const mo_supervisor *s, mo_buffer *b)
{
    mo_control_put(b, "#generations\tgeneration:n\tpid:n\tstate\tage_s:n\n");
    for (size_t i = 0; i < MO_COUNT(s->beings); i++) {
        const mo_being *g = &s->beings[i];
        if (g->stage != MO_STAGE_GONE)
            mo_control_put(b, "%" PRIu32 "\t%d\t%s\t%" PRIu64 "\n", g->number, (int)g->pid, stages[g->stage], seconds_since(g->started_ns));
    }
}

static void put_row(mo_buffer *b, const mo_being *g, uint32_t index, mo_row *r)
{
    uint32_t state = atomic_load(&r->state), group = atomic_load(&r->group);
    if (state == MO_ROW_EMPTY || state > MO_ROW_SERVES)
        return;
    mo_control_put(b, "%" PRIu32 "\t%" PRIu32 "\t%d\t", g->number, index, (int)atomic_load(&r->pid));
    mo_control_put_words(b, group && group < g->wants.ngroups ? g->wants.groups[group].name : "all");
    mo_control_put(b, "\t%s\t%" PRIu64 "\t%" PRIu32 "\t%" PRIu32 "\n", g->stage == MO_STAGE_DRAINS ? "drains" : states[state],
                   seconds_since(atomic_load(&r->since_ns)), atomic_load(&r->restarts), atomic_load(&r->conns));
}

static void put_workers(const mo_supervisor *s, mo_buffer *b)
{
    mo_control_put(b, "#workers\tgeneration:n\tworker:n\tpid:n\ttenant\tstate\tage_s:n\trestarts:n\tconnections:n\n");
    for (size_t i = 0; i < MO_COUNT(s->beings); i++) {
        mo_board *board = s->boards[i];
        uint32_t n = atomic_load(&board->nrows);
        if (s->beings[i].stage == MO_STAGE_GONE)
            continue;
        for (uint32_t k = 0; k < n && k < MO_SERVE_WORKERS; k++)
            put_row(b, &s->beings[i], k, &board->rows[k]);
    }
}

static void answer_status(const mo_supervisor *s, mo_control_client *client)
{
    mo_buffer b = {0};
    mo_control_put(&b, "ok\n");
    put_server(s, &b);
    put_listening(s, &b);
    put_generations(s, &b);
    put_workers(s, &b);
    mo_control_answer(client, (const char *)b.at, b.len);
    mo_buffer_free(&b);
}

/* --- reload ------------------------------------------------------------------------------- */

/* The load that begins now or, where one is under way, the next. It may take as long as a
 * compiler does. */
static void await_reload(mo_supervisor *s, mo_control_client *client)
{
    client->awaits = s->last_number + 1;
    mo_alarm_set(&s->loop, &client->timer, MO_NEVER);
    mo_supervisor_reload(s, "mote ctl");
}

void mo_status_loaded(mo_supervisor *s, uint32_t number, const char *why)
{
    char words[64];
    for (size_t i = 0; i < MO_CONTROL_CLIENTS; i++) {
        mo_control_client *client = &s->control.clients[i];
        if (!client->taken || !client->awaits || client->awaits > number)
            continue;
        if (why) {
            mo_control_refuse(client, why);
            continue;
        }
        snprintf(words, sizeof words, "ok\n#reloaded\tgeneration:n\n%" PRIu32 "\n", number);
        mo_control_answer(client, words, strlen(words));
    }
}

/* --- all -------------------------------------------------------------------------------------- */

static void pass(mo_supervisor *s, mo_control_client *client, const char *line)
{
    if (mo_supervisor_pass(s, line, client->source.fd))
        mo_control_drop(client);
    else
        mo_control_refuse(client, "nothing is served yet");
}

void mo_status_asked(mo_control *c, mo_control_client *client, const char *line)
{
    mo_supervisor *s = (mo_supervisor *)(void *)((char *)c - offsetof(mo_supervisor, control));
    if (strcmp(line, "status") == 0)
        answer_status(s, client);
    else if (strcmp(line, "reload") == 0 && !s->ends)
        await_reload(s, client);
    else if (strcmp(line, "functions") == 0 || (strncmp(line, "clear ", 6) == 0 && line[6]))
        pass(s, client, line);
    else if (strcmp(line, "drain") == 0) {
        mo_control_answer(client, "ok\n", 3);
        if (!s->ends)
            mo_supervisor_end(s);
    } else {
        mo_control_refuse(client, "want status, reload, drain, functions or clear NAME");
    }
}
