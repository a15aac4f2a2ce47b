/* script.c - one script: its JSON, and a command after the other. */
#include "scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *type; do_command *run; } commands_known[] = {
    {"module", do_module},
    {"module_definition", do_module_definition},
    {"module_instance", do_module_instance},
    {"register", do_register},
    {"action", do_action},
    {"assert_return", do_assert_return},
    {"assert_trap", do_assert_trap},
    {"assert_exhaustion", do_assert_trap},
    {"assert_exception", do_assert_exception},
    {"assert_invalid", do_assert_invalid},
    {"assert_malformed", do_assert_malformed},
    {"assert_unlinkable", do_assert_unlinkable},
    {"assert_uninstantiable", do_assert_uninstantiable},
    {"thread", do_thread},
    {"wait", do_wait},
};

static void run_command(scope *s, const json_t *command)
{
    const char *type = text_of(command, "type");
    for (size_t i = 0; i < sizeof commands_known / sizeof *commands_known; i++) {
        if (type && strcmp(type, commands_known[i].type) == 0) {
            commands_known[i].run(s, command);
            return;
        }
    }
    fail(s, command, "unknown command");
}

void run_commands(scope *s, const json_t *commands)
{
    for (size_t i = 0; i < json_array_size(commands); i++) {
        const json_t *command = json_array_get(commands, i);
        __atomic_store_n(&s->run->progress->line, line_of(command), __ATOMIC_RELAXED);
        run_command(s, command);
    }
}

static uint32_t count_commands(const json_t *commands)
{
    uint32_t n = 0;
    for (size_t i = 0; i < json_array_size(commands); i++)
        n += 1 + count_commands(json_object_get(json_array_get(commands, i), "commands"));
    return n;
}

/* --- the script ----------------------------------------------------------------------- */

/* What a folder on the way to the script says about its dialect: a feature that it is
 * named after is on; a proposal older than others does not know these. */
static const struct { const char *folder, *features[4]; } older[] = {
    {"/threads/", {"multi-memory", "reference-types"}},
};

static void set_dialect(mote_engine *engine, const char *path)
{
    for (size_t i = 0; mote_feature_name(i); i++) {
        char part[64];
        snprintf(part, sizeof part, "/%s/", mote_feature_name(i));
        if (strstr(path, part))
            mote_engine_feature(engine, mote_feature_name(i), true, NULL);
    }
    for (size_t i = 0; i < sizeof older / sizeof *older; i++)
        for (size_t k = 0; strstr(path, older[i].folder) && older[i].features[k]; k++)
            mote_engine_feature(engine, older[i].features[k], false, NULL);
}

void run_script(const char *path, const options *o, progress *p)
{
    run r = {.path = path, .options = o, .progress = p};
    json_error_t where;
    json_t *json = json_load_file(path, JSON_ALLOW_NUL, &where);
    const json_t *commands = json_object_get(json, "commands");
    if (!commands) {
        printf("%s: not a script: %s\n", path, json ? "no commands" : where.text);
        exit(1);
    }
    p->ncommands = count_commands(commands);
    snprintf(r.folder, sizeof r.folder, "%s", path);
    *strrchr(r.folder, '/') = '\0';
    mote_error err = {0};
    if (mote_engine_new(&r.engine, &err) != MOTE_OK) {
        printf("%s: engine: %s\n", path, err.message);
        exit(1);
    }
    set_dialect(r.engine, path);
    r.compile = compile_new(o, r.engine);
    if (!r.compile)
        exit(1);
    scope *s = new_scope(&r);
    run_commands(s, commands);
    free_scope(s);
    compile_free(r.compile);
    mote_engine_unref(r.engine);
    json_decref(json);
}
