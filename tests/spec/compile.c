/* compile.c - bytes to artifacts by mote-compile's worker, which is started when a
 * module is met whose artifact the cache does not hold.
 * A cached artifact is named by the hash of module, flags and compiler, and written
 * under another name first: processes that compile the same module do not meet. */
#include "base/base.h"
#include "spec.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct compile {
    const options *options;
    const char *flags[MAX_FLAGS + 32];
    char features[32][48];
    size_t nflags;
    uint64_t seed; /* hash of flags and compiler */
    mote_compiler *compiler;
};

/* Every feature that this engine does not have as it is by default, as a flag. */
static void add_features(compile *c, mote_engine *engine)
{
    mote_engine *plain;
    size_t n = 0;
    if (mote_engine_new(&plain, NULL) != MOTE_OK)
        return;
    for (size_t i = 0; mote_feature_name(i) && n < MO_COUNT(c->features); i++) {
        const char *name = mote_feature_name(i);
        bool on = mote_engine_has(engine, name);
        if (on == mote_engine_has(plain, name))
            continue;
        snprintf(c->features[n], sizeof c->features[n], "-W%s=%c", name, on ? 'y' : 'n');
        c->flags[c->nflags++] = c->features[n++];
    }
    mote_engine_unref(plain);
}

compile *compile_new(const options *o, mote_engine *engine)
{
    compile *c = calloc(1, sizeof *c);
    mote_error err;
    if (!c)
        return NULL;
    c->options = o;
    memcpy(c->flags, o->flags, o->nflags * sizeof *o->flags);
    c->nflags = o->nflags;
    add_features(c, engine);
    if (mote_compiler_start(o->compiler, &c->compiler, &err) != MOTE_OK) {
        printf("%s\n", err.message);
        free(c);
        return NULL;
    }
    for (size_t i = 0; i < c->nflags; i++)
        c->seed = mo_hash64(c->flags[i], strlen(c->flags[i]) + 1, c->seed);
    struct stat st;
    if (stat(mote_compiler_path(c->compiler), &st) == 0) {
        c->seed = mo_hash64(&st.st_mtim, sizeof st.st_mtim, c->seed);
        c->seed = mo_hash64(&st.st_size, sizeof st.st_size, c->seed);
    }
    return c;
}

void compile_free(compile *c)
{
    if (c)
        mote_compiler_stop(c->compiler);
    free(c);
}

static bool keep(const char *path, const void *bytes, size_t len)
{
    char temporary[4200];
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int fd = mkstemp(temporary);
    if (fd < 0)
        return false;
    bool good = write(fd, bytes, len) == (ssize_t)len;
    close(fd);
    if (good && rename(temporary, path) == 0)
        return true;
    unlink(temporary);
    return false;
}

mote_status compile_bytes(compile *c, const void *bytes, size_t len, mote_artifact **ret, mote_error *err)
{
    char path[4096];
    void *artifact;
    size_t artifact_len;
    snprintf(path, sizeof path, "%s/%016" PRIx64 "%016" PRIx64 ".mote", c->options->cache,
             mo_hash64(bytes, len, c->seed), mo_hash64(bytes, len, ~c->seed));
    if (mote_artifact_open(path, NULL, ret, NULL) == MOTE_OK)
        return MOTE_OK;
    mote_status s = mote_compiler_compile_bytes(c->compiler, bytes, len, c->flags, c->nflags, &artifact,
                                                &artifact_len, err);
    if (s != MOTE_OK)
        return s;
    s = keep(path, artifact, artifact_len) ? mote_artifact_open(path, NULL, ret, err)
                                           : mote_artifact_open_bytes(artifact, artifact_len, ret, err);
    mote_compiler_free_bytes(artifact);
    return s;
}
