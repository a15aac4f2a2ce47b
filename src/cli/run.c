/* run.c - mote run: a module or an artifact, its start, and the function that is named.
 *   file -> artifact (compiled here if it is a module) -> instance -> call -> results */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_INVOKE, OPTION_PRELOAD, OPTION_LEVEL, OPTION_WASM, OPTION_CPU, OPTION_STRICT };
static const option options[] = {
    {{"--invoke"}, "NAME", "call this export; the words after FILE are its arguments", OPTION_INVOKE},
    {{"--preload"}, "NAME=FILE", "instantiate FILE first and offer its exports as NAME", OPTION_PRELOAD},
    {{"-O", "--optimize"}, "LEVEL", "0 to 3, also written opt-level=LEVEL (2)", OPTION_LEVEL},
    {{"-W", "--wasm"}, "KEY[=VALUE]",
     "a proposal, FEATURE[=y|n] (-W help lists them), or a limit: fuel=N, timeout=TIME, "
     "max-memory-size=SIZE, max-table-elements=N, max-wasm-stack=SIZE; or nan-canonicalization",
     OPTION_WASM},
    {{"--target-cpu"}, "CPU", "native, x86-64-v2, x86-64-v3 or x86-64-v4 (native)", OPTION_CPU},
    {{"--strict"}, NULL, "keep every load and the order of traps exactly", OPTION_STRICT},
    {{0}, NULL, NULL, 0},
};

#define MAX_FLAGS 64
#define MAX_PRELOADS 32

typedef struct running {
    const command *self;
    const char *path, *invoke;
    char **args; /* after the file */
    int nargs;
    char *flags[MAX_FLAGS]; /* for the compiler */
    size_t nflags;
    const char *preloads[MAX_PRELOADS];
    size_t npreloads;
    bool has_fuel;
    uint64_t fuel, timeout_us;
    mote_limits limits;

    mote_engine *engine;
    mote_compiler *compiler;
    mote_store *store;
    mote_linker *linker;
} running;

/* --- options --------------------------------------------------------------------- */

static bool add_flag(running *r, const char *name, const char *value)
{
    char *flag;
    if (r->nflags == MAX_FLAGS || asprintf(&flag, "%s%s", name, value) < 0) {
        say("run: too many options");
        return false;
    }
    r->flags[r->nflags++] = flag;
    return true;
}

static bool read_level(running *r, const char *text)
{
    const char *prefix = "opt-level=";
    if (strncmp(text, prefix, strlen(prefix)) == 0)
        text += strlen(prefix);
    if (text[0] >= '0' && text[0] <= '3' && !text[1])
        return add_flag(r, "-O", text);
    say("run: -O %s: want a level from 0 to 3", text);
    return false;
}

/* Does text begin with "key="? Then *retvalue is what follows. */
static bool is_key(const char *text, const char *key, const char **retvalue)
{
    size_t n = strlen(key);
    *retvalue = text + n + 1;
    return strncmp(text, key, n) == 0 && text[n] == '=';
}

static bool read_fuel(running *r, const char *value)
{
    char *end;
    r->fuel = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end || r->fuel > INT64_MAX)
        return false;
    r->has_fuel = true;
    return add_flag(r, "--fuel", "");
}

/* One limit, "key=value"; false: it is none, or (with *retbad) a wrong one. */
static bool read_limit(running *r, const char *text, bool *retbad)
{
    const char *value;
    bool good;
    if (is_key(text, "fuel", &value))
        good = read_fuel(r, value);
    else if (is_key(text, "timeout", &value))
        good = read_duration(value, &r->timeout_us);
    else if (is_key(text, "max-memory-size", &value))
        good = read_size(value, &r->limits.memory_bytes);
    else if (is_key(text, "max-table-elements", &value))
        good = read_size(value, &r->limits.table_elements);
    else if (is_key(text, "max-wasm-stack", &value))
        good = read_size(value, &r->limits.stack_bytes);
    else if (strcmp(text, "nan-canonicalization") == 0 || strcmp(text, "nan-canonicalization=y") == 0)
        good = add_flag(r, "--canonical-nans", "");
    else
        return false;
    *retbad = !good;
    return true;
}

static bool read_wasm(running *r, const char *text)
{
    char all[512], *rest = all;
    if (strlen(text) >= sizeof all) {
        say("run: -W: too long");
        return false;
    }
    strcpy(all, text);
    for (char *one; (one = strsep(&rest, ","));) {
        bool bad = false;
        if (!read_limit(r, one, &bad) && (!read_features(r->self, one, r->engine) || !add_flag(r, "-W", one)))
            return false;
        if (bad) {
            say("run: -W %s: the value makes no sense", one);
            return false;
        }
    }
    return true;
}

static bool read_option(running *r, int id, const char *value)
{
    switch (id) {
    case OPTION_INVOKE: r->invoke = value; return true;
    case OPTION_LEVEL: return read_level(r, value);
    case OPTION_WASM: return read_wasm(r, value);
    case OPTION_CPU: return add_flag(r, "--target-cpu=", value);
    case OPTION_STRICT: return add_flag(r, "--strict", "");
    case OPTION_PRELOAD:
        if (!strchr(value, '=') || r->npreloads == MAX_PRELOADS) {
            say("run: --preload %s: want NAME=FILE", value);
            return false;
        }
        r->preloads[r->npreloads++] = value;
        return true;
    default: return false;
    }
}

/* What follows the file is the program's. */
static bool read_words(running *r, int argc, char **argv)
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
        if (!read_option(r, id, w.value))
            return false;
    }
    print_usage(r->self);
    return false;
}

/* --- failures -------------------------------------------------------------------- */

static void print_trap(const char *path, const mote_trap *trap)
{
    size_t size = mote_trap_print(trap, NULL, 0) + 1;
    char *text = malloc(size);
    if (text)
        mote_trap_print(trap, text, size);
    say("%s: trap: %s", path, text ? text : mote_trap_message(trap));
    free(text);
}

/* An import of an interface that mote has not, rather than one that was forgotten. */
static void hint_at_missing(const mote_error *err)
{
    if (strstr(err->message, "wasi_"))
        say("this is a program for WASI, which mote does not offer yet");
}

static int report(running *r, const char *path, const mote_error *err)
{
    fflush(stdout);
    const mote_trap *trap = err->status == MOTE_TRAP ? mote_store_trap(r->store) : NULL;
    if (!trap)
        say_error(path, err);
    else
        print_trap(path, trap);
    if (err->status == MOTE_LINK)
        hint_at_missing(err);
    return exit_for(err);
}

/* --- loading --------------------------------------------------------------------- */

static mote_status compile(running *r, const input *in, mote_artifact **ret, mote_error *err)
{
    if (!r->compiler) {
        mote_status s = mote_compiler_start(NULL, &r->compiler, err);
        if (s != MOTE_OK)
            return s;
    }
    return mote_compiler_compile(r->compiler, in->bytes, in->len, (const char *const *)r->flags, r->nflags, ret, err);
}

static int check_artifact(running *r, const char *path, const mote_artifact *artifact)
{
    mote_artifact_facts facts;
    mote_artifact_describe(artifact, &facts);
    if (r->has_fuel && !facts.fuel) {
        say("%s: -W fuel: this artifact was compiled without; compile it with --fuel", path);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

static int load(running *r, const char *path, mote_artifact **ret)
{
    input in;
    int status;
    mote_error err = {0};
    if (!open_input(path, &in, &status))
        return status;
    bool good = in.kind == KIND_ARTIFACT || is_module(&in, &status);
    if (good && in.kind == KIND_ARTIFACT)
        status = mote_artifact_open(path, NULL, ret, &err) == MOTE_OK ? EXIT_OK : say_error(path, &err);
    else if (good)
        status = compile(r, &in, ret, &err) == MOTE_OK ? EXIT_OK : say_error(path, &err);
    close_input(&in);
    if (status == EXIT_OK && (status = check_artifact(r, path, *ret)) != EXIT_OK)
        mote_artifact_unref(*ret);
    return status;
}

static int instantiate(running *r, const char *path, mote_instance **ret)
{
    mote_artifact *artifact;
    mote_error err = {0};
    int status = load(r, path, &artifact);
    if (status != EXIT_OK)
        return status;
    if (mote_linker_instantiate(r->linker, r->store, artifact, ret, &err) != MOTE_OK)
        status = report(r, path, &err);
    mote_artifact_unref(artifact);
    return status;
}

static int preload(running *r)
{
    for (size_t i = 0; i < r->npreloads; i++) {
        const char *name = r->preloads[i], *path = strchr(name, '=') + 1;
        mote_instance *instance;
        mote_error err = {0};
        int status = instantiate(r, path, &instance);
        if (status != EXIT_OK)
            return status;
        if (mote_linker_instance(r->linker, name, (size_t)(path - 1 - name), instance, &err) != MOTE_OK)
            return say_error(path, &err);
    }
    return EXIT_OK;
}

/* --- calling --------------------------------------------------------------------- */

static void list_exports(const mote_artifact *artifact)
{
    mote_export export;
    for (size_t i = 0; mote_artifact_export(artifact, i, &export); i++)
        if (export.type.kind == MOTE_FUNC)
            say("  it exports %.*s", (int)export.name_len, export.name);
}

/* "(i32, f64)" */
static void type_list(char *text, size_t size, const mote_valtype *types, size_t n)
{
    size_t at = (size_t)snprintf(text, size, "(");
    for (size_t i = 0; i < n && at < size; i++) {
        char type[MOTE_TYPE_TEXT];
        at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", mote_valtype_text(types[i], type));
    }
    if (at < size)
        snprintf(text + at, size - at, ")");
}

static int read_args(const running *r, const mote_functype *type, mote_value *args)
{
    char wanted[512], name[MOTE_TYPE_TEXT];
    if ((size_t)r->nargs != type->nparams) {
        type_list(wanted, sizeof wanted, type->params, type->nparams);
        say("run: %s takes %zu argument%s %s, %d given", r->invoke, type->nparams, type->nparams == 1 ? "" : "s",
            wanted, r->nargs);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < type->nparams; i++) {
        if (!read_value(r->args[i], type->params[i], &args[i])) {
            say("run: %s: argument %zu: %s is no %s", r->invoke, i + 1, r->args[i],
                mote_valtype_text(type->params[i], name));
            return EXIT_USAGE;
        }
    }
    return EXIT_OK;
}

static int call(running *r, mote_func *func)
{
    mote_functype type = mote_func_type(func);
    mote_error err = {0};
    mote_value *args = calloc(type.nparams + type.nresults + 1, sizeof *args), *results = args + type.nparams;
    if (!args) {
        say("%s: memory is out", r->path);
        return EXIT_SYSTEM;
    }
    int status = read_args(r, &type, args);
    if (status == EXIT_OK && mote_func_call(func, args, type.nparams, results, type.nresults, &err) != MOTE_OK)
        status = report(r, r->path, &err);
    for (size_t i = 0; status == EXIT_OK && i < type.nresults; i++)
        print_value(&results[i]);
    free(args);
    return status;
}

static int call_plain(running *r, mote_func *func)
{
    mote_error err = {0};
    mote_functype type = mote_func_type(func);
    if (type.nparams || type.nresults) {
        say("%s: _start or _initialize has parameters or results", r->path);
        return EXIT_MODULE;
    }
    return mote_func_call(func, NULL, 0, NULL, 0, &err) == MOTE_OK ? EXIT_OK : report(r, r->path, &err);
}

/* A command is its _start; a library has _initialize, to be called before anything. */
static int call_main(running *r, mote_instance *instance)
{
    mote_func *start = mote_instance_func(instance, "_start");
    mote_func *initialize = mote_instance_func(instance, "_initialize");
    if (!r->invoke && start)
        return call_plain(r, start);
    int status = initialize ? call_plain(r, initialize) : EXIT_OK;
    if (status != EXIT_OK)
        return status;
    if (!r->invoke) {
        if (r->nargs == 0)
            return EXIT_OK; /* its start function was all there is */
        say("%s: there is no _start to take arguments; name a function: --invoke NAME", r->path);
        list_exports(mote_instance_artifact(instance));
        return EXIT_USAGE;
    }
    mote_func *func = mote_instance_func(instance, r->invoke);
    if (func)
        return call(r, func);
    say("%s: there is no exported function %s", r->path, r->invoke);
    list_exports(mote_instance_artifact(instance));
    return EXIT_USAGE;
}

static int set_up(running *r)
{
    mote_error err = {0};
    if (mote_store_new(r->engine, &r->limits, NULL, &r->store, &err) != MOTE_OK ||
        mote_linker_new(r->engine, &r->linker, &err) != MOTE_OK ||
        (r->timeout_us && mote_store_set_timeout(r->store, r->timeout_us, &err) != MOTE_OK))
        return say_error("run", &err);
    if (r->has_fuel)
        mote_store_set_fuel(r->store, (int64_t)r->fuel);
    return EXIT_OK;
}

static int run_all(running *r)
{
    mote_instance *instance;
    int status = set_up(r);
    if (status == EXIT_OK)
        status = preload(r);
    if (status == EXIT_OK)
        status = instantiate(r, r->path, &instance);
    return status == EXIT_OK ? call_main(r, instance) : status;
}

static int run_run(const command *self, int argc, char **argv)
{
    running r = {.self = self, .limits = mote_limits_default()};
    mote_error err = {0};
    if (mote_engine_new(&r.engine, &err) != MOTE_OK)
        return say_error("run", &err);
    int status = read_words(&r, argc, argv) ? run_all(&r) : EXIT_USAGE;
    mote_linker_free(r.linker);
    mote_store_free(r.store);
    mote_compiler_stop(r.compiler);
    mote_engine_unref(r.engine);
    while (r.nflags)
        free(r.flags[--r.nflags]);
    return status;
}

const command command_run = {
    .name = "run",
    .synopsis = "[OPTIONS] FILE [ARGUMENTS]",
    .summary = "run a module or an artifact",
    .details =
        "FILE is a WebAssembly module, which is compiled in memory, or an artifact of\n"
        "`mote compile`, which starts at once. With --invoke the named export is called\n"
        "and its results are printed, one a line; otherwise _start is, if there is one.\n"
        "\n"
        "Arguments are numbers, decimal or hexadecimal: 7, -1, 0xff, 2.5, inf, nan.\n"
        "A SIZE may end in k, m or g; a TIME in us, ms, s, m or h (seconds otherwise).\n",
    .examples =
        "  mote run --invoke add sum.wasm 1 2\n"
        "  mote run -O1 -W timeout=500ms --invoke work job.wasm\n"
        "  mote run --preload env=env.wasm prog.wasm\n",
    .options = options,
    .run = run_run,
};
