/* serve.c - mote serve: words -> a function and where it is to be found -> serve/. */
#include "serve.h"

#include "serve/function/load.h"
#include "serve/app/manifest.h"
#include "serve/app/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_ADDR = RUN_ENDS, OPTION_WORKERS, OPTION_BODY, OPTION_REQUESTS, OPTION_QUEUE, OPTION_WATCH, OPTION_CONTROL, OPTION_CHECK, OPTION_SCHEMA, OPTION_USER,
       OPTION_ISOLATION };
static const option options[] = {
    {{"--addr"}, "HOST:PORT", "where to listen (127.0.0.1:8080); may be said often; port 0: any", OPTION_ADDR},
    {{"--workers"}, "N", "processes that serve (as many as there are processors)", OPTION_WORKERS},
    DIR_OPTION,
    {{"--env"}, "NAME[=VALUE]", "set a variable of the program's environment; no request overrides it", RUN_ENV},
    {{"--argv0"}, "NAME", "what the program is told that it was called", RUN_ARGV0},
    {{"--max-body"}, "SIZE", "of a request's body (16m)", OPTION_BODY},
    {{"--max-requests"}, "N", "that run at once, in all workers together (256); more wait", OPTION_REQUESTS},
    {{"--queue"}, "N", "requests that wait for their turn (1024); beyond, 503", OPTION_QUEUE},
    {{"--watch"}, NULL, "load FILE again when it changes, as SIGHUP makes it do", OPTION_WATCH},
    {{"--control"}, "PATH", "make a Unix socket there, for mote ctl", OPTION_CONTROL},
    {{"--user"}, "USER[:GROUP]", "whom workers run as, by name or number (who starts them)", OPTION_USER},
    {{"--isolation"}, "LEVEL", "auto: workers are confined as far as the kernel can; strict: or not started; off: not (auto)",
     OPTION_ISOLATION},
    {{"-W", "--wasm"}, "KEY[=VALUE]", "a limit of each request, such as timeout=2s (30s), max-memory-size=64m (128m) or "
     "max-wasm-stack=1m; or a proposal, FEATURE[=y|n]; -W help lists them", RUN_GROUP + 'W'},
    {{"-O", "--optimize"}, "LEVEL", "0 to 3, also written opt-level=LEVEL (2)", RUN_GROUP + 'O'},
    {{"-C", "--codegen"}, "KEY[=VALUE]", "how modules are compiled, such as cache=n; -C help lists the keys", RUN_GROUP + 'C'},
    {{"--target-cpu"}, "CPU", "native, x86-64-v2, x86-64-v3 or x86-64-v4 (native)", RUN_CPU},
    {{"--check"}, NULL, "check a manifest and all that it names, print what would be served, and end", OPTION_CHECK},
    {{"--schema"}, NULL, "print which keys a manifest may have, as JSON Schema for editors, and end", OPTION_SCHEMA},
    {{"-v", "--verbose"}, NULL, "say when the cache cannot be used, or what was compiled not be kept", RUN_VERBOSE},
    {{0}, NULL, NULL, 0},
};

/* --- words -------------------------------------------------------------------------- */

static bool read_count(const char *name, const char *text, unsigned long least, unsigned long most, unsigned long *ret)
{
    char *end;
    *ret = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && !*end && *ret >= least && *ret <= most)
        return true;
    say("serve: %s %s: want a number from %lu to %lu", name, text, least, most);
    return false;
}

static bool take_address(serving *s, const char *value)
{
    mo_app *app = &s->app;
    if (s->naddresses == MO_SERVE_ADDRESSES) {
        say("serve: --addr: more than %d addresses", MO_SERVE_ADDRESSES);
        return false;
    }
    s->addresses[s->naddresses++] = value;
    app->listeners = s->addresses; /* in place of the default */
    app->nlisteners = s->naddresses;
    return true;
}

/* What a manifest says by a key of its own. */
static const char *key_for(int id, const char *value)
{
    switch (id) {
    case OPTION_ADDR: return "--addr: say listen";
    case OPTION_WORKERS: return "--workers: say workers";
    case OPTION_BODY: return "--max-body: say limits: {body: ...}";
    case OPTION_REQUESTS: return "--max-requests: say limits: {requests: ...}";
    case OPTION_QUEUE: return "--queue: say limits: {queue: ...}";
    case OPTION_CONTROL: return "--control: say control";
    case OPTION_USER: return "--user: say user";
    case OPTION_ISOLATION: return "--isolation: say isolation";
    case RUN_DIR: return "--dir: say folders";
    case RUN_ENV: return "--env: say env";
    case RUN_ARGV0: return "--argv0: say argv0";
    case RUN_GROUP + 'W': return is_limit(value) ? "-W: say limits" : NULL;
    default: return NULL;
    }
}

static bool take_isolation(mo_app *app, const char *value)
{
    static const char *const levels[] = {"auto", "strict", "off"};
    for (size_t i = 0; i < MO_COUNT(levels); i++)
        if (strcmp(value, levels[i]) == 0) {
            app->isolation = (mo_isolation_level)i;
            return true;
        }
    say("serve: --isolation %s: want auto, strict or off", value);
    return false;
}

static bool read_option(serving *s, int id, const char *value)
{
    unsigned long n;
    if (!s->not_with_manifest)
        s->not_with_manifest = key_for(id, value);
    switch (id) {
    case OPTION_CHECK: return s->check = true;
    case OPTION_SCHEMA:
        mo_manifest_print_schema(stdout);
        leave(EXIT_OK);
    case OPTION_ADDR: return take_address(s, value);
    case OPTION_CONTROL: s->app.control = value; return true;
    case OPTION_USER: s->app.user = value; return true;
    case OPTION_ISOLATION: return take_isolation(&s->app, value);
    case OPTION_BODY:
        if (read_size(value, &s->app.functions->limits.body_bytes))
            return true;
        say("serve: --max-body %s: want a size: 65536, 64k, 16m, 1g", value);
        return false;
    case OPTION_WORKERS:
        if (!read_count("--workers", value, 1, MO_SERVE_WORKERS, &n))
            return false;
        s->app.workers = (uint32_t)n;
        return true;
    case OPTION_REQUESTS:
        if (!read_count("--max-requests", value, 1, 10000, &n))
            return false;
        s->app.functions->share.requests = (uint32_t)n;
        return true;
    case OPTION_QUEUE:
        if (!read_count("--queue", value, 0, 100000, &n))
            return false;
        s->app.functions->share.queue = (uint32_t)n;
        return true;
    case OPTION_WATCH: s->watch = true; return true;
    default: return read_run_option(&s->run, id, value);
    }
}

static bool read_words(serving *s, int argc, char **argv)
{
    words w = {.command = s->run.self, .argc = argc, .argv = argv};
    for (int id; (id = next_word(&w)) != WORDS_END;) {
        if (id == WORDS_BAD)
            return false;
        if (id != WORDS_FILE) {
            if (!read_option(s, id, w.value))
                return false;
        } else if (s->run.path) {
            say("serve: one file only: %s or %s", s->run.path, w.value);
            return false;
        } else {
            s->run.path = w.value;
        }
    }
    if (!s->run.path)
        print_usage(s->run.self);
    return s->run.path;
}

/* --- serving ------------------------------------------------------------------------- */

static void tell(void *data, const char *line)
{
    (void)data;
    say("%s", line);
}

/* Of a program that imports what is not there more can be told than that. */
static int explain(serving *s, mote_error *err)
{
    mote_artifact *artifact;
    mote_error e = {0};
    running *r = &s->run;
    if (err->status != MOTE_LINK || load_artifact(r, r->path, &artifact) != EXIT_OK ||
        mote_linker_new(r->engine, &r->linker, &e) != MOTE_OK || mote_wasi_link(r->linker, &e) != MOTE_OK ||
        say_missing(r, r->path, artifact))
        return exit_for(err);
    mo_error_clear(err); /* it has been said */
    return EXIT_LINK;
}

static bool is_manifest(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0);
}

/* One load of a manifest, or of the words' app. */
typedef struct made {
    mo_app own;
    mo_app *app; /* own, or the words' */
    mo_loaded *loaded;
    mo_routes *routes;
} made;

static mo_loaded *load_modules(serving *s, const mo_app *app, const mo_loaded *before, mote_error *err)
{
    running *r = &s->run;
    r->loading = r->path;
    r->background = before; /* what is served goes before it */
    open_cache(r);
    const mo_loader loader = {.engine = r->engine, .cache = r->no_cache ? NULL : r->cache, .compile = compile_module,
                              .flags = (const char *const *)r->flags, .nflags = r->nflags, .data = r, .tell = tell};
    mo_loaded *loaded = mo_load(app, &loader, before, err);
    mote_compiler_stop(r->compiler);
    mote_cache_close(r->cache); /* workers must not have it */
    r->compiler = NULL;
    r->cache = NULL;
    return loaded;
}

/* What it does not say itself is in err. */
static int load_all(serving *s, made *m, const made *before, mote_error *err)
{
    bool manifest = is_manifest(s->run.path);
    m->app = manifest ? &m->own : &s->app;
    if (manifest && !mo_manifest_load(s->run.path, m->app, err))
        return exit_for(err);
    m->loaded = load_modules(s, m->app, before ? before->loaded : NULL, err);
    return m->loaded ? EXIT_OK : manifest ? exit_for(err) : explain(s, err);
}

/* In a generation's process, which ends where this fails. */
static int load(void *data, const mo_serve_config *before, mo_serve_config *ret, mote_error *err)
{
    serving *s = data;
    made *m = calloc(1, sizeof *m);
    if (!m)
        return mo_fail_nomem(err), EXIT_SYSTEM;
    int status = load_all(s, m, before ? before->made : NULL, err);
    if (status != EXIT_OK)
        return status;
    m->routes = mo_routes_new(m->app, err);
    *ret = (mo_serve_config){.engine = s->run.engine, .app = m->app, .functions = m->loaded->functions, .routes = m->routes, .made = m};
    return m->routes ? EXIT_OK : exit_for(err);
}

static void unload(void *data, const mo_serve_config *config)
{
    made *m = config->made;
    (void)data;
    mo_routes_free(m->routes);
    mo_loaded_free(m->loaded);
    if (m->app == &m->own)
        mo_app_release(&m->own);
    free(m);
}

static int serve(serving *s)
{
    mote_error err = {0};
    const mo_serve_source source = {.load = load, .unload = unload, .data = s, .watched = s->watch ? s->run.path : NULL};
    int status = mo_serve(&source, &err);
    return status == MO_SERVE_FAILED ? (say("serve: %s", err.message), exit_for(&err)) : status;
}

static int check(serving *s)
{
    mote_error err = {0};
    made m = {.app = NULL};
    int status = load_all(s, &m, NULL, &err);
    if (status != EXIT_OK)
        return err.status ? (say("%s", err.message), status) : status;
    status = print_app(m.app, m.loaded);
    mo_loaded_free(m.loaded);
    return status;
}

/* An app with one function of which nothing is said yet. */
static bool begin_app(serving *s, mote_error *err)
{
    if (!mo_app_init(&s->app, err))
        return false;
    s->app.functions = mo_arena_array(&s->app.arena, 1, sizeof *s->app.functions);
    if (!s->app.functions)
        return mo_fail_nomem(err);
    s->app.functions[s->app.nfunctions++] = (mo_app_function){.limits = mo_app_limits_default(), .share = mo_app_share_default()};
    s->run.timeout_us = s->app.functions->limits.wall_us;
    s->run.limits = mote_limits_default();
    s->run.limits.memory_bytes = s->app.functions->limits.memory_bytes;
    return true;
}

/* What the words say of functions is the app; beside a manifest they may not. */
static bool settle(serving *s)
{
    if (!is_manifest(s->run.path)) {
        s->app.slots = s->app.functions->share.requests;
        return add_words(s);
    }
    mo_app_release(&s->app);
    if (s->not_with_manifest)
        say("serve: %s in %s", s->not_with_manifest, s->run.path);
    return !s->not_with_manifest;
}

static int run_serve(const command *self, int argc, char **argv)
{
    serving s = {.run.self = self};
    mote_error err = {0};
    if (mote_engine_new(&s.run.engine, &err) != MOTE_OK || !begin_app(&s, &err))
        return say_error("serve", &err);
    if (!read_words(&s, argc, argv) || !settle(&s))
        return EXIT_USAGE;
    return s.check ? check(&s) : serve(&s);
}

const command command_serve = {
    .name = "serve",
    .synopsis = "[OPTIONS] FILE",
    .summary = "answer HTTP requests, each in a fresh instance",
    .details =
        "FILE is a command of WASI preview 1, as a module or an artifact; or, if its name ends in\n"
        ".yaml, .yml or .json, a manifest: many functions, their routes, tenants and limits.\n"
        "Every request runs a program as a CGI/1.1 program: the request's facts are variables of\n"
        "its environment (REQUEST_METHOD, PATH_INFO, QUERY_STRING, HTTP_...), the body is its\n"
        "standard input. It prints a header, an empty line and the body; what it prints to\n"
        "standard error comes to the log, which is this command's standard error.\n"
        "\n"
        "It listens on the loopback address, and the program gets nothing of this host but\n"
        "what --dir and --env grant. SIGTERM and SIGINT end it when what was begun is\n"
        "answered; a second one at once. It ends with 0 if all was answered.\n",
    .examples =
        "  mote serve hello.wasm                    then: curl http://127.0.0.1:8080/\n"
        "  mote serve --addr 0.0.0.0:80 --dir /srv/www::/www:ro site.wasm\n"
        "  mote serve -W timeout=2s,max-memory-size=32m --max-body 1m api.wasm\n"
        "  mote serve --check app.yaml              is all there, and what would be served?\n"
        "  mote serve app.yaml\n",
    .options = options,
    .run = run_serve,
};
