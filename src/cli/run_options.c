/* run_options.c - the words of mote run, as Wasmtime's users type them. Options of one
 * letter take KEY[=VALUE], several with commas between; each key stands once, in keys. */
#include "run.h"

#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const option run_options[] = {
    DIR_OPTION,
    ENV_OPTION,
    {{"--argv0"}, "NAME", "what the program is told that it was called (FILE's name without its folders)", RUN_ARGV0},
    {{"--invoke"}, "NAME", "call this export; the words after FILE are its arguments", RUN_INVOKE},
    PRELOAD_OPTION,
    {{"-S", "--wasi"}, "KEY[=VALUE]", "what else the program gets of this host; -S help lists the keys", RUN_GROUP + 'S'},
    {{"-W", "--wasm"}, "KEY[=VALUE]", "a limit, such as timeout=2s, max-memory-size=64m, fuel=1000000 or "
     "max-wasm-stack=1m; or a proposal, FEATURE[=y|n]; -W help lists them", RUN_GROUP + 'W'},
    {{"-O", "--optimize"}, "LEVEL", "0 to 3, also written opt-level=LEVEL (2)", RUN_GROUP + 'O'},
    {{"-C", "--codegen"}, "KEY[=VALUE]", "how modules are compiled, such as cache=n; -C help lists the keys", RUN_GROUP + 'C'},
    {{"-D", "--debug"}, "KEY[=VALUE]", "accepted for others' command lines; -D help tells", RUN_GROUP + 'D'},
    {{"--target-cpu"}, "CPU", "native, x86-64-v2, x86-64-v3 or x86-64-v4 (native)", RUN_CPU},
    {{"--strict"}, NULL, "keep every load and the order of traps exactly", RUN_STRICT},
    {{"-v", "--verbose"}, NULL, "say when the cache cannot be used, or what was compiled not be kept", RUN_VERBOSE},
    {{0}, NULL, NULL, 0},
};

static bool add_flag(running *r, const char *name, const char *value)
{
    char *flag;
    if (r->nflags == MAX_FLAGS || asprintf(&flag, "%s%s", name, value) < 0)
        return false;
    r->flags[r->nflags++] = flag;
    return true;
}

static bool choose(running *r, choice_kind what, const char *value)
{
    choice *grown = realloc(r->choices, (r->nchoices + 1) * sizeof *grown);
    char *copy = strdup(value);
    if (grown)
        r->choices = grown;
    if (!grown || !copy) {
        free(copy);
        return false;
    }
    r->choices[r->nchoices++] = (choice){what, copy};
    return true;
}

/* --- values --------------------------------------------------------------------------- */

static bool read_switch(const char *text, bool *ret)
{
    static const char *const texts[] = {"y", "yes", "true", "n", "no", "false"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(text, texts[i]) == 0) {
            *ret = i < 3;
            return true;
        }
    return false;
}

static bool read_number(const char *text, uint64_t *ret)
{
    char *end;
    *ret = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && !*end;
}

static bool take_fuel(running *r, const char *value)
{
    bool good = read_number(value, &r->fuel) && r->fuel <= INT64_MAX && (r->has_fuel || add_flag(r, "--fuel", ""));
    r->has_fuel |= good;
    return good;
}

static bool take_level(running *r, const char *value)
{
    bool small = strcmp(value, "s") == 0; /* what others call optimising for size */
    return ((value[0] >= '0' && value[0] <= '3' && !value[1]) || small) && add_flag(r, "-O", small ? "2" : value);
}

static bool take_nans(running *r, const char *value)
{
    bool on = false;
    return read_switch(value, &on) && (!on || add_flag(r, "--canonical-nans", ""));
}

static bool take_parallel(running *r, const char *value)
{
    bool on = false;
    return read_switch(value, &on) && (on || add_flag(r, "--threads=1", ""));
}

static bool take_cache(running *r, const char *value)
{
    bool on = false;
    return read_switch(value, &on) && (r->no_cache = !on, true);
}

static bool take_wasi(running *r, const char *value)
{
    bool on = false;
    return read_switch(value, &on) && (r->no_wasi = !on, true);
}

static bool take_nothing(running *r, const char *value)
{
    bool on;
    (void)r;
    return read_switch(value, &on);
}

static bool take_timeout(running *r, const char *value) { return read_duration(value, &r->timeout_us); }
static bool take_cpu_time(running *r, const char *value) { return read_duration(value, &r->cpu_us); }
static bool take_memory(running *r, const char *value) { return read_size(value, &r->limits.memory_bytes); }
static bool take_tables(running *r, const char *value) { return read_number(value, &r->limits.table_elements); }
static bool take_stack(running *r, const char *value) { return read_size(value, &r->limits.stack_bytes); }
static bool take_instances(running *r, const char *value) { return read_number(value, &r->limits.instances); }
static bool take_cache_size(running *r, const char *value) { return read_size(value, &r->cache_bytes) && r->cache_bytes; }
static bool take_env(running *r, const char *value) { return read_switch(value, &r->inherit_env); }
static bool take_listenfd(running *r, const char *value) { return read_switch(value, &r->listen_fds); }
static bool take_listener(running *r, const char *value) { return choose(r, CHOICE_LISTEN, value); }

/* --- keys ------------------------------------------------------------------------------- */

#define SWITCH "y|n" /* y where no value is given */

static const struct key {
    char group;
    const char *name, *value;
    bool (*take)(running *r, const char *value); /* false: the value makes no sense */
    const char *help;
} keys[] = {
    {'W', "cpu-time", "TIME", take_cpu_time, "end the program when it has used so much processor time"},
    {'W', "timeout", "TIME", take_timeout, "end the program after so long: 500ms, 2s, 1m; a bare number counts seconds"},
    {'W', "fuel", "N", take_fuel, "end the program after so many instructions, exactly"},
    {'W', "max-memory-size", "SIZE", take_memory, "memory.grow beyond so much gives -1: 65536, 64k, 16m, 1g"},
    {'W', "max-wasm-stack", "SIZE", take_stack, "stack of the program's calls (1m)"},
    {'W', "max-table-elements", "N", take_tables, "table.grow beyond so many gives -1"},
    {'W', "max-instances", "N", take_instances, "instances, --preload's included"},
    {'W', "nan-canonicalization", SWITCH, take_nans, "every NaN that arithmetic makes is the same"},
    {'S', "inherit-env", SWITCH, take_env, "the program gets this process's whole environment"},
    {'S', "tcplisten", "ADDR", take_listener, "a listening socket: 127.0.0.1:8080 or [::1]:8080; the first is descriptor 3"},
    {'S', "listenfd", SWITCH, take_listenfd, "the sockets that a service manager handed to this process"},
    {'S', "cli", SWITCH, take_wasi, "n: offer nothing of WASI at all"},
    {'S', "inherit-network", SWITCH, take_nothing, "no effect: preview 1 has no way to open connections"},
    {'S', "preview2", SWITCH, take_nothing, "no effect: preview 1 is offered either way"},
    {'O', "opt-level", "LEVEL", take_level, "0 to 3, or s, which is 2"},
    {'C', "cache", SWITCH, take_cache, "n: neither look into the cache nor keep anything there"},
    {'C', "cache-size", "SIZE", take_cache_size, "how large the cache may become (1g)"},
    {'C', "parallel-compilation", SWITCH, take_parallel, "n: compile with one thread"},
    {'D', "debug-info", SWITCH, take_nothing, "no effect: backtraces name functions and offsets anyway"},
    {'D', "address-map", SWITCH, take_nothing, "no effect, for the same reason"},
};
enum { NKEYS = sizeof keys / sizeof *keys };

static void list_keys(const running *r, char group)
{
    for (size_t i = 0; i < NKEYS; i++) {
        if (keys[i].group == group) {
            int n = printf("-%c %s=%s", group, keys[i].name, keys[i].value);
            printf("%*s %s\n", n < 30 ? 30 - n : 0, "", keys[i].help);
        }
    }
    if (group == 'W') {
        puts("proposals, and whether they are on:");
        read_features(r->self, "help", r->engine);
    }
    leave(EXIT_OK);
}

static bool unknown_key(const running *r, char group, const char *name)
{
    const char *names[NKEYS + 1], *near;
    char all[256] = "";
    size_t n = 0, len = 0;
    for (size_t i = 0; i < NKEYS; i++) {
        if (keys[i].group != group)
            continue;
        names[n++] = keys[i].name;
        if (len < sizeof all)
            len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", len ? ", " : "", keys[i].name);
    }
    names[n] = NULL;
    near = mo_nearest(name, names);
    if (near)
        say("%s: -%c %s: there is no such key; did you mean %s?", r->self->name, group, name, near);
    else
        say("%s: -%c %s: there is no such key; there are %s", r->self->name, group, name, all);
    return false;
}

bool is_limit(const char *text)
{
    size_t n = strcspn(text, "=,");
    for (size_t i = 0; i < NKEYS; i++)
        if (keys[i].group == 'W' && strlen(keys[i].name) == n && memcmp(keys[i].name, text, n) == 0)
            return true;
    return false;
}

/* "KEY" or "KEY=VALUE". */
static bool read_key(running *r, char group, const char *text)
{
    char name[64];
    size_t n = strcspn(text, "=");
    const char *value = text[n] ? text + n + 1 : NULL;
    snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : (int)sizeof name - 1, text);
    for (size_t i = 0; i < NKEYS; i++) {
        const struct key *k = &keys[i];
        if (k->group != group || strcmp(k->name, name) != 0)
            continue;
        if (!value && strcmp(k->value, SWITCH) != 0) {
            say("%s: -%c %s wants %s=%s", r->self->name, group, name, name, k->value);
            return false;
        }
        if (k->take(r, value ? value : "y"))
            return true;
        say("%s: -%c %s: the value makes no sense; want %s", r->self->name, group, text, k->value);
        return false;
    }
    if (group == 'W')
        return read_features(r->self, text, r->engine) && add_flag(r, "-W", text);
    return unknown_key(r, group, name);
}

static bool read_keys(running *r, char group, const char *text)
{
    if (strcmp(text, "help") == 0)
        list_keys(r, group);
    if (group == 'O' && !strstr(text, "=") && strlen(text) <= 1)
        return take_level(r, text) || (say("%s: -O %s: want a level from 0 to 3", r->self->name, text), false);
    char *all = strdup(text), *rest = all;
    bool good = all != NULL;
    for (char *one; good && (one = strsep(&rest, ","));)
        good = read_key(r, group, one);
    free(all);
    return good;
}

/* --- words --------------------------------------------------------------------------------- */

static bool too_many(const running *r)
{
    say("%s: too many options, or memory is out", r->self->name);
    return false;
}

static bool wants(const running *r, const char *name, const char *value, const char *what)
{
    say("%s: %s %s: want %s", r->self->name, name, value, what);
    return false;
}

bool read_run_option(running *r, int id, const char *value)
{
    switch (id) {
    case RUN_INVOKE: r->invoke = value; return true;
    case RUN_ARGV0: r->argv0 = value; return true;
    case RUN_VERBOSE: return r->verbose = true;
    case RUN_CPU: return add_flag(r, "--target-cpu=", value) || too_many(r);
    case RUN_STRICT: return add_flag(r, "--strict", "") || too_many(r);
    case RUN_DIR: return choose(r, CHOICE_DIR, value) || too_many(r);
    case RUN_ENV:
        if (!*value || *value == '=')
            return wants(r, "--env", value, "NAME or NAME=VALUE");
        return choose(r, CHOICE_ENV, value) || too_many(r);
    case RUN_PRELOAD:
        if (!strchr(value, '='))
            return wants(r, "--preload", value, "NAME=FILE");
        return choose(r, CHOICE_PRELOAD, value) || too_many(r);
    default: return read_keys(r, (char)(id - RUN_GROUP), value);
    }
}

/* What follows the file is the program's. */
bool read_run_words(running *r, int argc, char **argv)
{
    words w = {.command = r->self, .argc = argc, .argv = argv, .stop_at_file = true};
    for (int id; (id = next_word(&w)) != WORDS_END;) {
        if (id == WORDS_BAD)
            return false;
        if (id == WORDS_FILE) {
            r->path = w.value;
            r->args = argv + w.at;
            r->nargs = argc - w.at;
            return true;
        }
        if (!read_run_option(r, id, w.value))
            return false;
    }
    print_usage(r->self);
    return false;
}
