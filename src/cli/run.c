/* run.c - mote run: a module or an artifact, its start, and the function that is named.
 *   file -> artifact (compiled here if it is a module) -> instance -> call -> results */
#include "run.h"

#include <string.h>

static int instantiate(running *r, const char *path, mote_instance **ret)
{
    mote_artifact *artifact;
    mote_error err = {0};
    int status = load_artifact(r, path, &artifact);
    if (status != EXIT_OK)
        return status;
    if (r->wasi && mote_wasi_link_for(r->linker, artifact, &err) != MOTE_OK)
        status = say_error(path, &err);
    else if (!say_missing(r, path, artifact))
        status = EXIT_LINK;
    else if (mote_linker_instantiate(r->linker, r->store, artifact, ret, &err) != MOTE_OK)
        status = report(r, path, &err);
    mote_artifact_unref(artifact);
    return status;
}

static int preload(running *r, const char *name)
{
    const char *path = strchr(name, '=') + 1;
    mote_instance *instance;
    mote_error err = {0};
    int status = instantiate(r, path, &instance);
    if (status != EXIT_OK)
        return status;
    if (mote_linker_instance(r->linker, name, (size_t)(path - 1 - name), instance, &err) != MOTE_OK)
        return say_error(path, &err);
    return EXIT_OK;
}

int preload_all(running *r)
{
    int status = EXIT_OK;
    for (size_t i = 0; i < r->nchoices && status == EXIT_OK; i++)
        if (r->choices[i].kind == CHOICE_PRELOAD)
            status = preload(r, r->choices[i].value);
    return status;
}

static int set_up(running *r)
{
    mote_error err = {0};
    if (mote_store_new(r->engine, &r->limits, NULL, &r->store, &err) != MOTE_OK ||
        mote_linker_new(r->engine, &r->linker, &err) != MOTE_OK ||
        (r->timeout_us && mote_store_set_timeout(r->store, r->timeout_us, &err) != MOTE_OK) ||
        (r->cpu_us && mote_store_set_cpu_limit(r->store, r->cpu_us, &err) != MOTE_OK))
        return say_error("run", &err);
    if (r->has_fuel)
        mote_store_set_fuel(r->store, (int64_t)r->fuel);
    return r->no_wasi ? EXIT_OK : set_up_wasi(r);
}

static int run_all(running *r)
{
    mote_instance *instance;
    int status = set_up(r);
    if (status == EXIT_OK)
        status = preload_all(r);
    if (status == EXIT_OK)
        status = instantiate(r, r->path, &instance);
    mote_compiler_stop(r->compiler); /* the program may run for long */
    r->compiler = NULL;
    return status == EXIT_OK ? call_main(r, instance) : status;
}

/* Nothing is given back: at the end the system takes it faster. */
static int run_run(const command *self, int argc, char **argv)
{
    running r = {.self = self, .limits = mote_limits_default()};
    mote_error err = {0};
    if (mote_engine_new(&r.engine, &err) != MOTE_OK)
        return say_error("run", &err);
    leave(read_run_words(&r, argc, argv) ? run_all(&r) : EXIT_USAGE);
}

const command command_run = {
    .name = "run",
    .synopsis = "[OPTIONS] FILE [ARGUMENTS]",
    .summary = "run a module or an artifact",
    .details =
        "FILE is a WebAssembly module or an artifact of `mote compile`. A module is compiled\n"
        "when it is run for the first time and kept in a cache (`mote help cache`).\n"
        "\n"
        "A program for WASI gets the words behind FILE as its arguments, the standard\n"
        "streams, clocks and random numbers. Folders, variables and sockets it gets only\n"
        "where --dir, --env and -S grant them. Its exit code is the command's.\n"
        "\n"
        "With --invoke the named export is called instead and its results are printed, one\n"
        "a line. Arguments are numbers then: 7, -1, 0xff, 2.5, inf, nan. A SIZE may end in\n"
        "k, m or g; a TIME in us, ms, s, m or h (seconds otherwise).\n"
        "\n"
        "`mote FILE` is short for `mote run FILE`.\n",
    .examples =
        "  mote run prog.wasm one two               run a program with two arguments\n"
        "  mote run --dir . prog.wasm in.txt        it may use this folder\n"
        "  mote run --dir /srv/data::/data:ro prog.wasm\n"
        "                                           it may read /srv/data, which it finds as /data\n"
        "  mote run --env LANG --env DEBUG=1 prog.wasm\n"
        "  mote run -W timeout=500ms,max-memory-size=64m prog.wasm\n"
        "  mote run -S tcplisten=127.0.0.1:8080 server.wasm\n"
        "  mote run --invoke add sum.wasm 1 2\n"
        "  mote run --preload env=env.wasm prog.wasm\n",
    .options = run_options,
    .run = run_run,
};
