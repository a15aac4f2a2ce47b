/* run_load.c - a file named on the command line -> an artifact: the file itself, from the
 * cache, or compiled now. */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- compiling --------------------------------------------------------------------- */

static mote_status start_compiler(running *r, mote_error *err)
{
    mote_status status = r->compiler ? MOTE_OK : mote_compiler_start(NULL, &r->compiler, err);
    if (status == MOTE_OK && r->background)
        mote_compiler_in_background(r->compiler);
    if (status == MOTE_OK && isatty(STDERR_FILENO))
        mote_compiler_on_progress(r->compiler, show_progress, NULL);
    return status;
}

/* What the cache calls when it has nothing. */
mote_status compile_module(void *data, const void *bytes, size_t len, const char *const *flags, size_t nflags,
                           void **ret, size_t *retlen, mote_error *err)
{
    running *r = data;
    mote_status status = start_compiler(r, err);
    if (status != MOTE_OK)
        return status;
    end_progress(); /* of waiting */
    begin_progress(r->loading);
    status = mote_compiler_compile_bytes(r->compiler, bytes, len, flags, nflags, ret, retlen, err);
    end_progress();
    return status;
}

static mote_status compile_uncached(running *r, const char *path, mote_artifact **ret, mote_error *err)
{
    input in;
    int status;
    void *made;
    size_t len;
    if (!open_input(path, SIZE_MAX, &in, &status)) {
        err->status = MOTE_IO; /* it has been said */
        return MOTE_IO;
    }
    mote_status s = compile_module(r, in.bytes, in.len, (const char *const *)r->flags, r->nflags, &made, &len, err);
    close_input(&in);
    if (s != MOTE_OK)
        return s;
    s = mote_artifact_open_bytes(made, len, ret, err);
    mote_compiler_free_bytes(made);
    return s;
}

/* --- the cache ------------------------------------------------------------------------ */

/* A compiler that was named is another compiler; by which file it is, as make would tell. */
static const char *named_compiler(char *text, size_t size)
{
    const char *path = getenv("MOTE_COMPILE");
    struct stat st;
    if (!path || !*path || stat(path, &st) != 0)
        return NULL;
    snprintf(text, size, "%s:%llu:%llu:%lld.%09ld", path, (unsigned long long)st.st_ino, (unsigned long long)st.st_size,
             (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    return text;
}

/* A cache that cannot be used is no reason not to run. */
void open_cache(running *r)
{
    char compiler[512];
    mote_error err = {0};
    mote_cache_options options = {.max_bytes = r->cache_bytes, .compiler = named_compiler(compiler, sizeof compiler),
                                  .waiting = show_waiting};
    if (r->no_cache || r->cache || mote_cache_open(&options, &r->cache, &err) == MOTE_OK)
        return;
    r->no_cache = true;
    if (r->verbose)
        say("running without a cache: %s", err.message);
}

static int load_module(running *r, const char *path, mote_artifact **ret)
{
    mote_error err = {0};
    mote_status status;
    begin_progress(path);
    if (r->no_cache)
        status = compile_uncached(r, path, ret, &err);
    else
        status = mote_cache_load(r->cache, path, (const char *const *)r->flags, r->nflags, compile_module, r, ret, &err);
    end_progress();
    if (status != MOTE_OK)
        return err.message[0] ? say_error(path, &err) : EXIT_SYSTEM;
    if (r->verbose && r->cache && mote_cache_trouble(r->cache))
        say("%s: not kept: %s", path, mote_cache_trouble(r->cache));
    return EXIT_OK;
}

/* --- what it is --------------------------------------------------------------------------- */

static int load_unknown(running *r, const char *path, mote_artifact **ret)
{
    enum { LOOK_AT = 256 };
    input in;
    int status;
    mote_error err = {0};
    if (!open_input(path, LOOK_AT, &in, &status))
        return status;
    bool artifact = in.kind == KIND_ARTIFACT, good = artifact || is_module(&in, &status);
    close_input(&in);
    if (!good)
        return status;
    if (!artifact)
        return load_module(r, path, ret);
    return mote_artifact_open(path, NULL, ret, &err) == MOTE_OK ? EXIT_OK : say_error(path, &err);
}

static int check_fuel(const running *r, const char *path, const mote_artifact *artifact)
{
    mote_artifact_facts facts;
    if (!r->has_fuel)
        return EXIT_OK;
    mote_artifact_describe(artifact, &facts);
    if (facts.fuel)
        return EXIT_OK;
    say("%s: -W fuel: this artifact was compiled without; compile it with --fuel", path);
    return EXIT_USAGE;
}

int load_artifact(running *r, const char *path, mote_artifact **ret)
{
    r->loading = path;
    open_cache(r);
    if (!r->no_cache && mote_cache_find(r->cache, path, (const char *const *)r->flags, r->nflags, ret))
        return EXIT_OK; /* compiled with these very flags */
    int status = load_unknown(r, path, ret);
    if (status == EXIT_OK && (status = check_fuel(r, path, *ret)) != EXIT_OK)
        mote_artifact_unref(*ret);
    return status;
}
