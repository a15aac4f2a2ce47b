/* scope.h - what the files that carry out commands share.
 * A scope is what a thread of the script sees: a store, the names of instances, what is
 * registered for import. The script itself is one; each `thread` block gets its own, on
 * a real thread, and shares with the outer one the memories of the module that it names.
 * An instance that could not be made because of a reason to skip is remembered with that
 * reason, and so is what acts on it or imports from it. */
#ifndef MOTE_SPEC_SCOPE_H
#define MOTE_SPEC_SCOPE_H

#include "spec.h"

#define MAX_NAMED 512

typedef struct run { /* the same for all scopes of a script */
    const char *path;
    char folder[4096]; /* where its files lie */
    const options *options;
    progress *progress;
    mote_engine *engine;
    compile *compile;
} run;

typedef struct named { /* an instance or a definition */
    const char *name;
    skip why;                     /* not SKIP_NONE: it was never made */
    mote_instance *instance;      /* or NULL */
    mote_artifact *artifact;      /* definitions: a reference */
    struct shared *shared;        /* a module that a thread was given: its memories */
} named;

typedef struct shared {
    char *name;
    mote_shared_memory *memory;
    struct shared *next;
} shared;

typedef struct scope {
    run *run;
    mote_store *store;
    mote_linker *linker;
    named instances[MAX_NAMED], definitions[MAX_NAMED], skipped[MAX_NAMED]; /* latest last */
    size_t ninstances, ndefinitions, nskipped;
    struct thread *threads;
} scope;

/* --- scope.c --------------------------------------------------------------- */

scope *new_scope(run *r);
void free_scope(scope *s); /* waits for its threads */
void free_shared(shared *list);

/* The latest of that name; without a name, the latest of all. */
named *find_named(named *list, size_t n, const char *name);
named *add_named(named *list, size_t *n, const char *name, skip why);
named *instance_of(scope *s, const char *name);

uint32_t line_of(const json_t *command);
const char *text_of(const json_t *json, const char *name);

/* Each command ends in one of these, once. */
void pass(scope *s);
void skip_for(scope *s, skip why);
void fail(scope *s, const json_t *command, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Why this error is one to skip, if it is. */
skip reason_of(mote_status status, const mote_error *err);
/* Did it end as wanted, with the right words? */
bool is_expected(scope *s, mote_status status, mote_status wanted, const char *text);

/* --- commands: module.c, action.c, thread.c ----------------------------------- */

typedef void do_command(scope *s, const json_t *command);
do_command do_module, do_module_definition, do_module_instance, do_register;
do_command do_assert_invalid, do_assert_malformed, do_assert_unlinkable, do_assert_uninstantiable;
do_command do_action, do_assert_return, do_assert_trap, do_assert_exception;
do_command do_thread, do_wait;
void join_threads(scope *s);
void run_commands(scope *s, const json_t *commands); /* script.c */

#endif
