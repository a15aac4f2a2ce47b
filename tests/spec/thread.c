/* thread.c - the `thread` blocks of a script, each on a real thread with a store of its
 * own; only shared memories go across. */
#include "scope.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct thread {
    const char *name;
    const json_t *commands;
    pthread_t id;
    bool joined;
    scope *scope;
    struct thread *next;
} thread;

/* References to every shared memory that the instance exports, or that a thread's own
 * shared module had. */
static shared *share(const named *from)
{
    shared *list = NULL;
    mote_export export;
    for (const shared *old = from->shared; old; old = old->next) {
        shared *one = malloc(sizeof *one);
        *one = (shared){strdup(old->name), old->memory, list};
        mote_shared_memory_ref(old->memory);
        list = one;
    }
    for (size_t i = 0; from->instance; i++) {
        mote_extern thing;
        if (!mote_artifact_export(mote_instance_artifact(from->instance), i, &export))
            break;
        if (export.type.kind != MOTE_MEMORY ||
            !mote_instance_export(from->instance, export.name, export.name_len, &thing))
            continue;
        mote_shared_memory *memory = mote_memory_shared(thing.of.memory);
        if (!memory)
            continue;
        shared *one = malloc(sizeof *one);
        *one = (shared){strndup(export.name, export.name_len), memory, list};
        list = one;
    }
    return list;
}

static void *run_thread(void *arg)
{
    thread *t = arg;
    run_commands(t->scope, t->commands);
    return NULL;
}

static void join(thread *t)
{
    if (t->joined)
        return;
    pthread_join(t->id, NULL);
    t->joined = true;
    free_scope(t->scope);
}

void do_thread(scope *s, const json_t *command)
{
    const char *from = text_of(command, "shared_module");
    named *outer = from ? instance_of(s, from) : NULL;
    if (from && !outer) {
        fail(s, command, "there is no instance %s to share", from);
        return;
    }
    thread *t = calloc(1, sizeof *t);
    t->name = text_of(command, "name");
    t->commands = json_object_get(command, "commands");
    t->scope = new_scope(s->run);
    if (outer)
        add_named(t->scope->instances, &t->scope->ninstances, from, outer->why)->shared = share(outer);
    t->next = s->threads;
    s->threads = t;
    pthread_create(&t->id, NULL, run_thread, t);
    pass(s);
}

void do_wait(scope *s, const json_t *command)
{
    const char *name = text_of(command, "thread");
    for (thread *t = s->threads; t; t = t->next) {
        if (t->name && strcmp(t->name, name) == 0) {
            join(t);
            pass(s);
            return;
        }
    }
    fail(s, command, "there is no thread %s", name);
}

void join_threads(scope *s)
{
    while (s->threads) {
        thread *t = s->threads;
        s->threads = t->next;
        join(t);
        free(t);
    }
}
