/* snapshot.c - mote snapshot: a module is started here once, so that it need not be where
 * it runs.  file -> artifact, as mote run has it -> mote_snapshot() -> file */
#include "snapshot.h"

#include "instance/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- options ---------------------------------------------------------------------- */

/* Wizer's words for proposals; by their order in this list they are mote's. */
static const char *const proposals[] = {"bulk-memory", "multi-memory", "multi-value", "reference-types", "simd"};
#define PROPOSAL(i, name) {{"--wasm-" name}, OPTIONAL_SWITCH, "the same as -W " name, SNAPSHOT_WASM + (i)}

enum { OPTION_OUTPUT = SNAPSHOT_ENDS };
static const option options[] = {
    {{"-o", "--output"}, "OUT", "where the snapshot goes; - is standard output", OPTION_OUTPUT},
    SNAPSHOT_OPTIONS,
    {{"-W", "--wasm"}, "KEY[=VALUE]", "a limit of the initialiser, such as timeout=2s (60s) or max-memory-size=4g (1g); "
     "or a proposal, FEATURE[=y|n]; -W help lists them", RUN_GROUP + 'W'},
    {{"-C", "--codegen"}, "KEY[=VALUE]", "how it is compiled, to be run here, such as cache=n; -C help lists the keys", RUN_GROUP + 'C'},
    {{"--allow-wasi"}, OPTIONAL_SWITCH, "no effect: WASI is always there, with what is granted", SNAPSHOT_ALLOW_WASI},
    PROPOSAL(0, "bulk-memory"), PROPOSAL(1, "multi-memory"), PROPOSAL(2, "multi-value"),
    PROPOSAL(3, "reference-types"), PROPOSAL(4, "simd"),
    {{"-v", "--verbose"}, NULL, "say when the cache cannot be used, or what was compiled not be kept", RUN_VERBOSE},
    {{0}, NULL, NULL, 0},
};

static bool wrong(const snapshotting *s, const char *name, const char *value, const char *what)
{
    say("%s: %s %s: want %s", s->r.self->name, name, value, what);
    return false;
}

static bool read_switch(const snapshotting *s, const char *name, const char *value, bool *ret)
{
    *ret = !value || strcmp(value, "true") == 0 || strcmp(value, "y") == 0 || strcmp(value, "yes") == 0;
    return *ret || strcmp(value, "false") == 0 || strcmp(value, "n") == 0 || strcmp(value, "no") == 0 ||
           wrong(s, name, value, "true or false");
}

static bool add_rename(snapshotting *s, const char *value)
{
    const char *equals = strchr(value, '=');
    if (!equals || equals == value || !equals[1])
        return wrong(s, "-r", value, "DST=SRC");
    mote_snapshot_rename *grown = realloc(s->renames, (s->nrenames + 1) * sizeof *grown);
    if (grown)
        s->renames = grown;
    char *dst = grown ? strndup(value, (size_t)(equals - value)) : NULL;
    if (!dst) {
        say("%s: memory is out", s->r.self->name);
        return false;
    }
    s->renames[s->nrenames++] = (mote_snapshot_rename){dst, equals + 1};
    return true;
}

static bool allow(snapshotting *s, const char *value)
{
    static const struct { const char *name; unsigned what; } names[] = {
        {"random", MOTE_WASI_RANDOM}, {"clock", MOTE_WASI_CLOCKS}, {"clocks", MOTE_WASI_CLOCKS},
    };
    for (const char *at = value; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t n = strcspn(at, ","), i = 0;
        while (i < MO_COUNT(names) && !(strlen(names[i].name) == n && memcmp(names[i].name, at, n) == 0))
            i++;
        if (i == MO_COUNT(names))
            return wrong(s, "--allow", value, "random, clock or random,clock");
        s->allowed |= names[i].what;
    }
    return true;
}

static bool switch_proposal(snapshotting *s, const char *name, const char *value)
{
    char text[64];
    bool on;
    if (!read_switch(s, name, value, &on))
        return false;
    snprintf(text, sizeof text, "%s=%s", name, on ? "y" : "n");
    return read_run_option(&s->r, RUN_GROUP + 'W', text);
}

bool read_snapshot_option(snapshotting *s, int id, const char *value)
{
    bool any;
    if (id < RUN_ENDS)
        return read_run_option(&s->r, id, value);
    switch (id) {
    case SNAPSHOT_INIT: s->init_func = value; return true;
    case SNAPSHOT_KEEP: return read_switch(s, "--keep-init-func", value, &s->keep_init_func);
    case SNAPSHOT_RENAME: return add_rename(s, value);
    case SNAPSHOT_ALLOW: return allow(s, value);
    case SNAPSHOT_INHERIT_ENV: return read_switch(s, "--inherit-env", value, &s->r.inherit_env);
    case SNAPSHOT_INHERIT_STDIO: return read_switch(s, "--inherit-stdio", value, &s->read_stdin);
    case SNAPSHOT_ALLOW_WASI: return read_switch(s, "--allow-wasi", value, &any);
    default: return switch_proposal(s, proposals[id - SNAPSHOT_WASM], value);
    }
}

/* --- what the initialiser gets -------------------------------------------------------- */

static mote_status give_streams(snapshotting *s, mote_error *err)
{
    mote_wasi *wasi = s->r.wasi;
    mote_status status = MOTE_OK;
    if (s->read_stdin)
        status = mote_wasi_set_fd(wasi, 0, STDIN_FILENO, false, err);
    if (status == MOTE_OK)
        status = mote_wasi_set_fd(wasi, 1, s->out_is_result ? STDERR_FILENO : STDOUT_FILENO, false, err);
    return status ? status : mote_wasi_set_fd(wasi, 2, STDERR_FILENO, false, err);
}

static int give_wasi(snapshotting *s)
{
    running *r = &s->r;
    mote_error err = {0};
    if (mote_wasi_new(&r->wasi, &err) != MOTE_OK || give_streams(s, &err) != MOTE_OK ||
        mote_wasi_link(r->linker, &err) != MOTE_OK) {
        say("%s: %s", r->self->name, err.message);
        return exit_for(&err);
    }
    mote_wasi_freeze(r->wasi, s->allowed);
    mote_wasi_attach(r->wasi, r->store);
    return grant_all(r);
}

static mote_status grant(void *data, mote_store *store, mote_linker *linker, mote_error *err)
{
    snapshotting *s = data;
    s->r.store = store;
    s->r.linker = linker;
    if (s->r.has_fuel)
        mote_store_set_fuel(store, (int64_t)s->r.fuel);
    s->said = give_wasi(s);
    if (s->said == EXIT_OK)
        s->said = preload_all(&s->r);
    if (s->said == EXIT_OK && !say_missing(&s->r, s->r.path, s->artifact))
        s->said = EXIT_LINK;
    err->status = s->said == EXIT_OK ? MOTE_OK : MOTE_IO;
    return err->status;
}

/* --- what came of it --------------------------------------------------------------------- */

static void say_frozen(const snapshotting *s)
{
    unsigned got = mote_wasi_asked(s->r.wasi) & s->allowed;
    if (got & MOTE_WASI_RANDOM)
        say("%s: warning: the initialiser read random numbers; they were fixed ones, and whatever it made of them is "
            "the same in every instance", s->r.path);
    if (got & MOTE_WASI_CLOCKS)
        say("%s: warning: the initialiser read a clock; it was a fixed one, from 1970 on", s->r.path);
}

static int check_descriptors(const snapshotting *s)
{
    uint32_t fd;
    size_t n = mote_wasi_opened(s->r.wasi, &fd);
    if (!n)
        return EXIT_OK;
    say("%s: the initialiser left %zu descriptor%s open (%u): where the snapshot runs there will be no such file",
        s->r.path, n, n == 1 ? "" : "s", (unsigned)fd);
    return EXIT_STATE;
}

static int say_exit(const snapshotting *s)
{
    uint32_t code = 0;
    mote_wasi_exited(s->r.wasi, &code);
    say("%s: the initialiser ended the program with exit code %u", s->r.path, (unsigned)code);
    return EXIT_STATE;
}

/* What could help. */
static void advise(const snapshotting *s, const mote_error *err)
{
    unsigned refused = mote_wasi_asked(s->r.wasi) & ~s->allowed;
    if (refused & MOTE_WASI_RANDOM)
        say("  --allow random gives it fixed bytes, the same in every snapshot and every instance of it");
    if (refused & MOTE_WASI_CLOCKS)
        say("  --allow clock gives it a clock that shows the same in every snapshot");
    if (err->status == MOTE_TRAP && err->trap == MOTE_TRAP_TIMEOUT)
        say("  -W timeout=TIME gives the initialiser more time");
    if (s->r.store->limited)
        say("  it was refused more memory, or larger tables; -W max-memory-size=SIZE gives it more");
}

static mote_status ended(void *data, mote_store *store, mote_status status, mote_error *err)
{
    snapshotting *s = data;
    (void)store;
    if (status == MOTE_OK) {
        s->said = check_descriptors(s);
    } else if (status == MOTE_EXIT) {
        s->said = say_exit(s);
    } else {
        s->said = report(&s->r, s->r.path, err);
        advise(s, err);
    }
    if (s->said != EXIT_OK && status == MOTE_OK)
        err->status = status = MOTE_STATE;
    return status;
}

/* --- all together ----------------------------------------------------------------------------- */

bool begin_snapshot(snapshotting *s, const command *self)
{
    enum { MEMORY = 1 << 30 };
    mote_error err = {0};
    *s = (snapshotting){.r = {.self = self, .limits = mote_limits_default()}};
    s->r.limits.memory_bytes = MEMORY;
    if (mote_engine_new(&s->r.engine, &err) == MOTE_OK)
        return true;
    say_error(self->name, &err);
    return false;
}

static int freeze(snapshotting *s, const input *in, void **ret, size_t *retlen)
{
    const mote_snapshot_options wanted = {
        .init_func = s->init_func, .keep_init_func = s->keep_init_func,
        .renames = s->renames, .nrenames = s->nrenames,
        .limits = &s->r.limits, .timeout_us = s->r.timeout_us,
        .artifact = s->artifact,
        .grant = grant, .ended = ended, .data = s,
    };
    mote_error err = {0};
    if (mote_snapshot(s->r.engine, NULL, in->bytes, in->len, &wanted, ret, retlen, &err) != MOTE_OK)
        return s->said ? s->said : say_error(in->path, &err);
    say_frozen(s);
    return EXIT_OK;
}

int take_snapshot(snapshotting *s, void **ret, size_t *retlen)
{
    input in;
    int status;
    if (!open_input(s->r.path, SIZE_MAX, &in, &status))
        return status;
    if (is_module(&in, &status) && (status = load_artifact(&s->r, s->r.path, &s->artifact)) == EXIT_OK)
        status = freeze(s, &in, ret, retlen);
    close_input(&in);
    return status;
}

static bool read_words(snapshotting *s, int argc, char **argv, const char **retout)
{
    words w = {.command = s->r.self, .argc = argc, .argv = argv};
    for (int id; (id = next_word(&w)) != WORDS_END;) {
        if (id == WORDS_BAD)
            return false;
        if (id == WORDS_FILE && s->r.path) {
            say("snapshot: one file at a time: %s, %s", s->r.path, w.value);
            return false;
        }
        if (id == WORDS_FILE)
            s->r.path = w.value;
        else if (id == OPTION_OUTPUT)
            *retout = w.value;
        else if (!read_snapshot_option(s, id, w.value))
            return false;
    }
    if (!s->r.path || !*retout)
        print_usage(s->r.self);
    return s->r.path && *retout;
}

/* Nothing is given back, as in mote run. */
static int run_snapshot(const command *self, int argc, char **argv)
{
    snapshotting s;
    const char *out = NULL;
    void *bytes;
    size_t len;
    int status = EXIT_USAGE;
    if (!begin_snapshot(&s, self))
        return EXIT_SYSTEM;
    if (read_words(&s, argc, argv, &out)) {
        s.out_is_result = strcmp(out, "-") == 0;
        status = take_snapshot(&s, &bytes, &len);
        if (status == EXIT_OK) {
            status = write_output(out, bytes, len);
            mote_snapshot_free(bytes);
        }
    }
    leave(status);
}

const command command_snapshot = {
    .name = "snapshot",
    .synopsis = "[OPTIONS] FILE -o OUT",
    .summary = "start a module once, and write a module that has started",
    .details =
        "Runs FILE's start function, _initialize and its initialiser, and writes a plain module\n"
        "whose memories, tables and globals begin as they stand then: any engine can run it.\n"
        "The initialiser gets the folders and variables that are granted, for this time only;\n"
        "what it reads is frozen. Random numbers and clocks are refused unless they are\n"
        "allowed, and are fixed then. Equal input gives equal bytes.\n",
    .examples =
        "  mote snapshot app.wasm -o ready.wasm         after wizer-initialize\n"
        "  mote snapshot -f setup --dir data::/data:ro app.wasm -o ready.wasm\n"
        "                                               after setup, which may read data\n"
        "  mote snapshot -r _start=resume app.wasm -o ready.wasm\n"
        "                                               a program that goes on in resume\n",
    .options = options,
    .run = run_snapshot,
};
