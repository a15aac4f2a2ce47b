/* scope.c - scopes made and ended, names, and how a command is counted. */
#include "scope.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- counting ---------------------------------------------------------------- */

uint32_t line_of(const json_t *command)
{
    return (uint32_t)json_integer_value(json_object_get(command, "line"));
}

const char *text_of(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

void pass(scope *s)
{
    __atomic_fetch_add(&s->run->progress->passed, 1, __ATOMIC_RELAXED);
}

void skip_for(scope *s, skip why)
{
    __atomic_fetch_add(&s->run->progress->skipped[why], 1, __ATOMIC_RELAXED);
}

/* One line: where, what was wanted, what was there. */
void fail(scope *s, const json_t *command, const char *format, ...)
{
    va_list args;
    char text[1024];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const json_t *action = json_object_get(command, "action");
    const char *field = text_of(action, "field"), *file = text_of(command, "filename");
    const char *what = field ? field : file ? file : "";
    printf("%s:%u: %s %s: %s\n", s->run->path, line_of(command), text_of(command, "type"), what, text);
    __atomic_fetch_add(&s->run->progress->failed, 1, __ATOMIC_RELAXED);
}

/* Why this error is one to skip, if it is. */
skip reason_of(mote_status status, const mote_error *err)
{
    if (status == MOTE_UNSUPPORTED && strstr(err->message, "not supported yet: gc"))
        return SKIP_GC;
    if (status == MOTE_UNSUPPORTED && strstr(err->message, "legacy"))
        return SKIP_LEGACY;
    return SKIP_NONE;
}

/* Messages are compared as the reference interpreter does, by prefix; "uninitialized
 * element 2" is "uninitialized element" told more exactly. */
static bool same_words(const char *wanted, const char *have)
{
    size_t n = strlen(wanted), m = strlen(have);
    return m > 0 && strncmp(wanted, have, n < m ? n : m) == 0;
}

bool is_expected(scope *s, mote_status status, mote_status wanted, const char *text)
{
    if (status != wanted)
        return false;
    const mote_trap *trap = status == MOTE_TRAP ? mote_store_trap(s->store) : NULL;
    return status != MOTE_TRAP || (trap && same_words(text, mote_trap_message(trap)));
}

/* --- names ------------------------------------------------------------------- */

/* The latest of that name; without a name, the latest of all. */
named *find_named(named *list, size_t n, const char *name)
{
    for (; n > 0; n--)
        if (!name || strcmp(list[n - 1].name, name) == 0)
            return &list[n - 1];
    return NULL;
}

named *add_named(named *list, size_t *n, const char *name, skip why)
{
    if (*n == MAX_NAMED) {
        printf("mote-spec: more than %d names in a script\n", MAX_NAMED);
        exit(1);
    }
    list[*n] = (named){.name = name ? name : "", .why = why};
    return &list[(*n)++];
}

named *instance_of(scope *s, const char *name)
{
    return find_named(s->instances, s->ninstances, name);
}

/* --- scopes ------------------------------------------------------------------- */

void free_shared(shared *list)
{
    while (list) {
        shared *next = list->next;
        mote_shared_memory_unref(list->memory);
        free(list->name);
        free(list);
        list = next;
    }
}

scope *new_scope(run *r)
{
    mote_error err = {0};
    scope *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->run = r;
    if (mote_store_new(r->engine, NULL, NULL, &s->store, &err) != MOTE_OK ||
        mote_linker_new(r->engine, &s->linker, &err) != MOTE_OK ||
        !define_spectest(s->linker, s->store, &err)) {
        printf("%s: store: %s\n", r->path, err.message);
        exit(1);
    }
    return s;
}

void free_scope(scope *s)
{
    join_threads(s);
    for (size_t i = 0; i < s->ndefinitions; i++)
        mote_artifact_unref(s->definitions[i].artifact);
    mote_linker_free(s->linker);
    mote_store_free(s->store);
    for (size_t i = 0; i < s->ninstances; i++)
        free_shared(s->instances[i].shared);
    free(s);
}
