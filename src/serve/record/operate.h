/* operate.h - what a generation has beside its workers, so that it can be operated: counters, rings
 * for logs, and two processes of its own, both confined like workers.
 *
 *   admin   answers on app->admin (admin.h); while the generation serves
 *   logger  writes app->access_log and app->error_log (logger.h); until all who log are gone
 *
 * One that dies is started again. Log files are opened here, with the privileges that the
 * generation has, and appended to; so that they can be moved away, SIGUSR1 opens them anew:
 * the old logger writes what it has to the old file and ends, then another begins. */
#ifndef MO_SERVE_OPERATE_H
#define MO_SERVE_OPERATE_H

#include "serve/isolate/isolate.h"
#include "serve/record/lines.h"
#include "serve/record/log.h"
#include "serve/loop/loop.h"
#include "serve/record/shared.h"

typedef struct mo_aide {
    pid_t pid; /* 0: none */
    uint64_t started_ns, pause_ns;
} mo_aide;

typedef struct mo_operate {
    const mo_app *app;
    mo_shared *shared;
    mo_lines *lines; /* NULL: nothing is logged to a file */
    bool logs[MO_STREAMS];
    uint32_t nworkers;
    /* the generation's */
    mo_loop *loop;
    mo_log *log;
    mo_isolation *isolation;
    mo_aide admin, logger;
    mo_alarm timer; /* of one that is to be started again */
    int listener;   /* of the admin process, or -1 */
    int files[MO_STREAMS];
    int parent[2], life[2]; /* pipes: see mo_admin_run and mo_logger_run */
    bool serves, ends;
} mo_operate;

/* Nothing is started yet. listener: bound, not listening; or -1. It stays the caller's. loop is NULL in a
 * test. */
bool mo_operate_init(mo_operate *o, const mo_app *app, mo_counts *counts, uint32_t holder, uint32_t nworkers, mote_error *err);
bool mo_operate_start(mo_operate *o, mo_loop *loop, mo_log *log, int listener, mote_error *err);
/* In a process that was just forked to be a worker: closes what is not its own. */
void mo_operate_leave(mo_operate *o);
/* A child of the generation ended. Was it one of these? */
bool mo_operate_reaped(mo_operate *o, pid_t pid, int status);
void mo_operate_reopen(mo_operate *o);
/* All workers serve: now it answers on app->admin; before, the generation that it replaces does. */
void mo_operate_serve(mo_operate *o);
/* It is ready no longer. replaced: and another generation answers. */
void mo_operate_drain(mo_operate *o, bool replaced);
/* In a process that was forked to be another generation: closes and frees all, and ends nothing. What
 * it counted in stays (o->shared). */
void mo_operate_forsake(mo_operate *o);
/* All workers are gone: waits for the logger's last lines. */
void mo_operate_end(mo_operate *o);

#endif
