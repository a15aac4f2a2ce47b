/* cache.c - a module's file -> its artifact, compiled before or now (cache.h). */
#define _GNU_SOURCE
#include "artifact/cache.h"
#include "artifact/open.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MAX_MODULE ((size_t)1 << 30)

/* --- opening -------------------------------------------------------------------- */

static char *copy_text(const char *text, bool *failed)
{
    size_t size = text ? strlen(text) + 1 : 0;
    char *copy = text ? mo_alloc(size) : NULL;
    if (copy) memcpy(copy, text, size);
    *failed |= text && !copy;
    return copy;
}

mote_status mote_cache_open(const mote_cache_options *options, mote_cache **ret, mote_error *err)
{
    const mote_cache_options o = options ? *options : (mote_cache_options){0};
    char path[4096];
    mote_error e = {0};
    mote_cache *cache = NULL;
    bool failed = false, ok = o.path || mote_cache_default_path(path, sizeof path, &e) == MOTE_OK;
    if (ok) {
        cache = mo_calloc(1, sizeof *cache);
        ok = cache || mo_fail_nomem(&e);
    }
    if (ok) {
        cache->folder = -1;
        cache->waiting = o.waiting;
        cache->data = o.data;
        cache->max_bytes = o.max_bytes ? o.max_bytes : MOTE_CACHE_BYTES;
        cache->path = copy_text(o.path ? o.path : path, &failed);
        cache->compiler = copy_text(o.compiler, &failed);
        ok = failed ? mo_fail_nomem(&e) : mo_cache_open_folder(cache, o.must_exist, &e);
    }
    if (ok) {
        *ret = cache;
        return MOTE_OK;
    }
    mote_cache_close(cache);
    if (err) *err = e;
    return e.status;
}

void mote_cache_close(mote_cache *cache)
{
    if (!cache) return;
    if (cache->folder >= 0) close(cache->folder);
    mo_free(cache->compiler);
    mo_free(cache->path);
    mo_free(cache);
}

const char *mote_cache_path(const mote_cache *cache) { return cache->path; }

const char *mote_cache_trouble(const mote_cache *cache)
{
    return cache->trouble.status ? cache->trouble.message : NULL;
}

/* --- the module's file ------------------------------------------------------------- */

typedef struct module_file {
    struct stat st;  /* before it was read */
    bool settled;    /* a change since then shows in its times */
    uint8_t *bytes;
    size_t len;
} module_file;

static bool cannot(const char *path, mote_error *err)
{
    return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "%.150s: %s", path, strerror(errno));
}

/* Into memory of our own: what is hashed is what is compiled, whatever becomes of the file. */
static bool read_bytes(int fd, const char *path, module_file *file, mote_error *err)
{
    size_t size = (size_t)file->st.st_size;
    file->bytes = mo_alloc(size);
    if (!file->bytes) return mo_fail_nomem(err);
    while (file->len < size) {
        ssize_t n = read(fd, file->bytes + file->len, size - file->len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cannot(path, err);
        if (n == 0) break; /* somebody cut it */
        file->len += (size_t)n;
    }
    return true;
}

static bool read_open(int fd, const char *path, module_file *file, mote_error *err)
{
    int64_t now = mo_cache_now_ns();
    if (fstat(fd, &file->st) != 0) return cannot(path, err);
    if (!S_ISREG(file->st.st_mode)) return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "%.150s: not a regular file", path);
    if ((uint64_t)file->st.st_size > MAX_MODULE)
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "%.150s: %jd bytes, the limit is %zu", path,
                       (intmax_t)file->st.st_size, MAX_MODULE);
    file->settled = mo_cache_settled(&file->st, now);
    return read_bytes(fd, path, file, err);
}

static bool read_file(const char *path, module_file *file, mote_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return cannot(path, err);
    bool ok = read_open(fd, path, file, err);
    close(fd);
    return ok;
}

/* --- finding and loading --------------------------------------------------------------- */

bool mote_cache_find(mote_cache *cache, const char *path, const char *const *flags, size_t nflags,
                     mote_artifact **ret)
{
    struct stat st;
    mo_artifact *a;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) return false;
    mo_cache_name front = mo_cache_front_name(cache, (mo_cache_flags){flags, nflags}, &st);
    if (!mo_cache_open_entry(cache, &front, &a)) return false;
    *ret = (mote_artifact *)a;
    return true;
}

typedef struct job {
    mote_cache *cache;
    mo_cache_flags flags;
    mote_cache_maker *maker;
    void *data;
    const module_file *file;
    mo_cache_name entry;
} job;

/* Keeps what was made and opens it; what cannot be kept is opened where it is. */
static mo_artifact *keep(const job *j, const void *made, size_t len, mote_error *err)
{
    mo_artifact *a = NULL;
    if (!mo_artifact_check_bytes(made, len, err)) return NULL;
    if (mo_cache_enter(j->cache, &j->entry, made, len, &j->cache->trouble)) {
        mo_cache_bound(j->cache, len);
        if (mo_cache_open_entry(j->cache, &j->entry, &a)) return a;
    }
    return mo_artifact_open_bytes(made, len, &a, err) ? a : NULL;
}

static mo_artifact *make(const job *j, mote_error *err)
{
    void *made;
    size_t len;
    mote_error e = {0};
    mote_status status = j->maker(j->data, j->file->bytes, j->file->len, j->flags.at, j->flags.n, &made, &len, &e);
    if (status != MOTE_OK) {
        *err = e;
        err->status = status;
        return NULL;
    }
    mo_artifact *a = keep(j, made, len, err);
    mo_free(made);
    return a;
}

static mo_artifact *find_or_make(const job *j, mote_error *err)
{
    mo_artifact *a = NULL;
    int lock;
    if (mo_cache_open_entry(j->cache, &j->entry, &a)) return a;
    mo_cache_claim(j->cache, &j->entry, j->file->len, &lock, &a);
    if (!a) a = make(j, err);
    if (lock >= 0) close(lock);
    return a;
}

/* The next mote_cache_find() of this file, if it stays as it was read. */
static void remember(const job *j, const mo_artifact *a, const char *path)
{
    struct stat st;
    if (!j->file->settled || stat(path, &st) != 0 || !mo_cache_same_file(&st, &j->file->st)) return;
    mo_cache_name front = mo_cache_front_name(j->cache, j->flags, &st);
    mo_cache_link(j->cache, a, &j->entry, &front);
}

mote_status mote_cache_load(mote_cache *cache, const char *path, const char *const *flags, size_t nflags,
                            mote_cache_maker *maker, void *data, mote_artifact **ret, mote_error *err)
{
    module_file file = {.len = 0};
    job j = {.cache = cache, .flags = {flags, nflags}, .maker = maker, .data = data, .file = &file};
    mote_error e = {0};
    mo_artifact *a = NULL;
    cache->trouble = (mote_error){0};
    if (read_file(path, &file, &e)) {
        j.entry = mo_cache_entry_name(cache, j.flags, file.bytes, file.len);
        a = find_or_make(&j, &e);
        if (a) remember(&j, a, path);
    }
    mo_free(file.bytes);
    if (!a) {
        if (err) *err = e;
        return e.status;
    }
    *ret = (mote_artifact *)a;
    return MOTE_OK;
}

/* --- looking and clearing ------------------------------------------------------------- */

mote_status mote_cache_list(mote_cache *cache, void (*visit)(void *data, const mote_cache_entry *entry), void *data,
                            mote_error *err)
{
    mote_error e = {0};
    mo_cache_files files;
    if (!mo_cache_scan(cache, &files, &e)) {
        if (err) *err = e;
        return e.status;
    }
    for (size_t i = files.n; i-- > 0;) {
        const mo_cache_file *file = &files.at[i];
        uint64_t used_s = file->used_ns > 0 ? (uint64_t)file->used_ns / 1000000000 : 0;
        mote_cache_entry entry = {file->name, file->bytes, used_s};
        if (!file->front) visit(data, &entry);
    }
    mo_free(files.at);
    return MOTE_OK;
}

mote_status mote_cache_clear(mote_cache *cache, uint64_t *retentries, uint64_t *retbytes, mote_error *err)
{
    mote_error e = {0};
    bool ok = mo_cache_evict(cache, 0, retentries, retbytes, &e);
    if (!ok && err) *err = e;
    return ok ? MOTE_OK : e.status;
}
