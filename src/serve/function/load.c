/* load.c - modules found or compiled, folders opened, each once. */
#include "serve/function/load.h"

#include "artifact/artifact.h"
#include "call/call.h"
#include "instance/reset.h"
#include "mote/compiler.h"
#include "mote/mote.h"
#include "serve/function/initialise.h"
#include "wasi/path.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- tables ------------------------------------------------------------------------- */

/* A state of a module's file, and what came of it. */
typedef struct module {
    uint64_t device, inode, size;
    struct timespec modified, changed;
    mote_artifact *artifact;
} module;

/* Rows of one size that are found by a hash; index n + 1 in places, 0: free. */
typedef struct table {
    uint32_t *places;
    uint32_t nplaces, n; /* a power of two */
} table;

struct mo_load_tables {
    module *modules;
    table by_file;
    mo_granted *folders;
    table by_name;
    const mo_granted **grants; /* of all functions, one after the other */
};

static bool table_new(table *t, uint32_t most)
{
    t->nplaces = 8;
    while (t->nplaces < 2 * (uint64_t)most)
        t->nplaces *= 2;
    t->places = mo_calloc(t->nplaces, sizeof *t->places);
    return t->places != NULL;
}

/* --- folders ---------------------------------------------------------------------------- */

static mo_granted *find_folder(struct mo_load_tables *t, const mo_app_folder *f, uint32_t **place)
{
    uint64_t hash = mo_hash64(f->host, strlen(f->host), f->writable);
    for (uint32_t i = (uint32_t)hash;; i++) {
        *place = &t->by_name.places[i & (t->by_name.nplaces - 1)];
        mo_granted *g = **place ? &t->folders[**place - 1] : NULL;
        if (!g || (g->writable == f->writable && strcmp(g->host, f->host) == 0))
            return g;
    }
}

static bool open_folder(struct mo_load_tables *t, const mo_app_folder *f, const mo_granted **ret, mote_error *err)
{
    uint32_t *place;
    mo_granted *g = find_folder(t, f, &place);
    if (!g) {
        g = &t->folders[t->by_name.n];
        *g = (mo_granted){.host = f->host, .writable = f->writable};
        if (mo_folder_open(f->host, f->writable ? MOTE_WASI_READ_WRITE : MOTE_WASI_READ_ONLY, &g->desc, err))
            return false;
        *place = ++t->by_name.n;
    }
    *ret = g;
    return true;
}

/* "app.yaml:12: " before what is wrong there. */
static void name_line(const mo_app *app, uint32_t line, mote_error *err)
{
    const mote_error e = *err;
    if (!app->path || !line)
        return;
    mo_error_clear(err);
    mo_fail(err, e.status, e.offset, "%.100s:%" PRIu32 ": %s", app->path, line, e.message);
}

static void name_folder(const mo_app *app, const mo_app_folder *f, mote_error *err)
{
    const mote_error e = *err;
    if (app->path) {
        name_line(app, f->line, err);
        return;
    }
    mo_error_clear(err);
    mo_fail(err, e.status, e.offset, "--dir %.100s: %s", f->host, e.message);
}

static bool open_folders(mo_loaded *l, mote_error *err)
{
    const mo_granted **grant = l->tables->grants;
    for (uint32_t i = 0; i < l->app->nfunctions; i++) {
        const mo_app_function *f = &l->app->functions[i];
        l->functions[i].folders = grant;
        for (uint32_t k = 0; k < f->nfolders; k++)
            if (!open_folder(l->tables, &f->folders[k], grant++, err)) {
                name_folder(l->app, &f->folders[k], err);
                return false;
            }
    }
    return true;
}

/* --- a module -------------------------------------------------------------------------------- */

static bool is_artifact(const char *path)
{
    uint8_t begin[8];
    const mo_file_header *h = (const mo_file_header *)(const void *)begin;
    FILE *f = fopen(path, "re");
    bool found = f && fread(begin, sizeof begin, 1, f) == 1 && memcmp(h->magic, MO_FILE_MAGIC, sizeof h->magic) == 0;
    if (f)
        fclose(f);
    return found;
}

static mote_status compile_uncached(const mo_loader *loader, const char *path, mote_artifact **ret, mote_error *err)
{
    uint8_t *bytes;
    size_t len, made_len;
    void *made;
    if (!mo_file_read(path, (size_t)1 << 30, &bytes, &len, err))
        return err->status;
    mote_status status = loader->compile(loader->data, bytes, len, loader->flags, loader->nflags, &made, &made_len, err);
    mo_free(bytes);
    if (status)
        return status;
    status = mote_artifact_open_bytes(made, made_len, ret, err);
    mote_compiler_free_bytes(made);
    return status;
}

static mote_status open_module(const mo_loader *loader, const char *path, mote_artifact **ret, mote_error *err)
{
    if (loader->cache && mote_cache_find(loader->cache, path, loader->flags, loader->nflags, ret))
        return MOTE_OK;
    if (is_artifact(path))
        return mote_artifact_open(path, NULL, ret, err);
    if (!loader->cache)
        return compile_uncached(loader, path, ret, err);
    return mote_cache_load(loader->cache, path, loader->flags, loader->nflags, loader->compile, loader->data, ret, err);
}

/* --- initialisers ------------------------------------------------------------------------------ */

#define MOST_FLAGS 96
/* What a cache keeps under it began with the initialiser's end, if that could be. */
#define INITIALISED "initialised"

typedef struct making {
    const mo_loader *loader;
    mote_artifact *plain;
    const char *path;
} making;

static void tell_plain(const making *m, const mote_error *why)
{
    char line[MOTE_ERROR_TEXT + 300];
    snprintf(line, sizeof line, "%.250s: its initialiser does not run before requests: %s", m->path, why->message);
    if (m->loader->tell)
        m->loader->tell(m->loader->data, line);
}

static mote_status copy_plain(const mote_artifact *plain, void **ret, size_t *retlen, mote_error *err)
{
    const void *bytes = mote_artifact_bytes(plain, retlen);
    *ret = mo_alloc(*retlen);
    if (!*ret)
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    memcpy(*ret, bytes, *retlen);
    return MOTE_OK;
}

/* A mote_cache_maker. flags: the loader's, and INITIALISED. */
static mote_status make_initialised(void *data, const void *bytes, size_t len, const char *const *flags, size_t nflags,
                                    void **ret, size_t *retlen, mote_error *err)
{
    const making *m = data;
    mote_error why = {0};
    void *left;
    size_t left_len;
    mote_status status = mo_initialise(m->loader->engine, bytes, len, m->plain, &left, &left_len, &why);
    if (!status) {
        status = m->loader->compile(m->loader->data, left, left_len, flags, nflags - 1, ret, retlen, &why);
        mo_free(left);
    }
    if (!status)
        return MOTE_OK;
    tell_plain(m, &why);
    return copy_plain(m->plain, ret, retlen, err);
}

static mote_status initialise_uncached(making *m, const char *const *flags, size_t nflags, mote_artifact **ret, mote_error *err)
{
    uint8_t *bytes;
    size_t len, made_len;
    void *made;
    if (!mo_file_read(m->path, (size_t)1 << 30, &bytes, &len, err))
        return err->status;
    mote_status status = make_initialised(m, bytes, len, flags, nflags, &made, &made_len, err);
    mo_free(bytes);
    if (!status) {
        status = mote_artifact_open_bytes(made, made_len, ret, err);
        mote_compiler_free_bytes(made);
    }
    return status;
}

/* In place of *artifact, what its initialiser left. */
static mote_status initialise(const mo_loader *loader, const char *path, mote_artifact **artifact, mote_error *err)
{
    making m = {loader, *artifact, path};
    const char *flags[MOST_FLAGS];
    size_t n = loader->nflags;
    mote_artifact *made;
    if (!mo_has_initialiser(*artifact) || n >= MOST_FLAGS || is_artifact(path))
        return MOTE_OK;
    for (size_t i = 0; i < n; i++)
        flags[i] = loader->flags[i];
    flags[n++] = INITIALISED;
    mote_status status = MOTE_OK;
    if (!loader->cache)
        status = initialise_uncached(&m, flags, n, &made, err);
    else if (!mote_cache_find(loader->cache, path, flags, n, &made))
        status = mote_cache_load(loader->cache, path, flags, n, make_initialised, &m, &made, err);
    if (!status) {
        mote_artifact_unref(*artifact);
        *artifact = made;
    }
    return status;
}

/* --- files ------------------------------------------------------------------------------------ */

static bool is_same_file(const module *m, const struct stat *st)
{
    return m->device == st->st_dev && m->inode == st->st_ino && m->size == (uint64_t)st->st_size &&
           memcmp(&m->modified, &st->st_mtim, sizeof m->modified) == 0 &&
           memcmp(&m->changed, &st->st_ctim, sizeof m->changed) == 0;
}

static module *find_module(const struct mo_load_tables *t, const struct stat *st, uint32_t **place)
{
    uint64_t file[2] = {st->st_dev, st->st_ino}, hash = mo_hash64(file, sizeof file, 0);
    for (uint32_t i = (uint32_t)hash;; i++) {
        *place = &t->by_file.places[i & (t->by_file.nplaces - 1)];
        module *m = **place ? &t->modules[**place - 1] : NULL;
        if (!m || is_same_file(m, st))
            return m;
    }
}

static module *load_module(mo_loaded *l, const mo_loader *loader, const mo_loaded *before, const char *path, mote_error *err)
{
    struct stat st;
    uint32_t *place, *other;
    struct mo_load_tables *t = l->tables;
    if (stat(path, &st) != 0) {
        mo_fail(err, MOTE_IO, MOTE_NOWHERE, "%s", strerror(errno));
        return NULL;
    }
    module *m = find_module(t, &st, &place), *old = before ? find_module(before->tables, &st, &other) : NULL;
    if (m)
        return m;
    m = &t->modules[t->by_file.n];
    *m = (module){st.st_dev, st.st_ino, (uint64_t)st.st_size, st.st_mtim, st.st_ctim, old ? old->artifact : NULL};
    if (m->artifact)
        mote_artifact_ref(m->artifact);
    else if (open_module(loader, path, &m->artifact, err) != MOTE_OK)
        return NULL;
    else if (initialise(loader, path, &m->artifact, err) != MOTE_OK) {
        mote_artifact_unref(m->artifact);
        return NULL;
    }
    *place = ++t->by_file.n;
    return m;
}

/* --- functions ------------------------------------------------------------------------------------ */

/* A command has _start; what else there is, no request could call. */
static bool check_entry(const mo_function *f, mote_error *err)
{
    mote_export start;
    const char *name = f->kind->entry;
    if (mote_artifact_find_export(f->artifact, name, strlen(name), &start) && start.type.kind == MOTE_FUNC &&
        start.type.of.func.nparams == 0 && start.type.of.func.nresults == 0)
        return true;
    return mo_fail(err, MOTE_INVALID, MOTE_NOWHERE, "there is no function %s; serve wants a command of WASI preview 1", name);
}

static bool check_memory(const mo_function *f, mote_error *err)
{
    const mo_artifact *a = (const mo_artifact *)f->artifact;
    uint64_t all = 0, limit = f->app->limits.memory_bytes;
    for (uint32_t i = a->meta->nimported_memories; i < a->meta->nmemories; i++) {
        const mo_meta_memory *m = &mo_meta_memories(a)[i];
        uint64_t most = UINT64_MAX >> m->page_shift;
        all = m->min > most || m->min << m->page_shift > UINT64_MAX - all ? UINT64_MAX : all + (m->min << m->page_shift);
    }
    return all <= limit || mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "memory: %" PRIu64 " bytes wanted, limit is %" PRIu64, all, limit);
}

static bool check(const mo_function *f, const mote_linker *linker, mote_error *err)
{
    const char *why = mo_reset_impossible((const mo_artifact *)f->artifact);
    if (why)
        return mo_fail(err, MOTE_UNSUPPORTED, MOTE_NOWHERE, "its instances cannot be reset: %s", why);
    return check_entry(f, err) && mo_linker_check(linker, (const mo_artifact *)f->artifact, err) && check_memory(f, err);
}

static void name_function(const mo_app *app, const mo_app_function *f, mote_error *err)
{
    const mote_error e = *err;
    mo_error_clear(err);
    if (app->path)
        mo_fail(err, e.status, e.offset, "function %.40s: %.60s: %s", f->name, f->module, e.message);
    else
        mo_fail(err, e.status, e.offset, "%.100s: %s", f->module, e.message);
    name_line(app, f->line, err);
}

/* false: to be refused. */
static bool load_function(mo_loaded *l, uint32_t i, const mo_loader *loader, const mo_loaded *before,
                          const mote_linker *linker, mote_error *err)
{
    mo_function *f = &l->functions[i];
    const mo_app_function *app = &l->app->functions[i];
    f->app = app;
    f->kind = &mo_function_cgi;
    module *m = load_module(l, loader, before, app->module, err);
    f->artifact = m ? m->artifact : NULL;
    if (f->artifact && check(f, linker, err))
        return true;
    name_function(l->app, app, err);
    if (l->app->on_module_error == MO_MODULE_ERROR_REFUSE)
        return false;
    if (loader->tell)
        loader->tell(loader->data, err->message);
    f->artifact = NULL;
    l->nbroken++;
    mo_error_clear(err);
    return true;
}

/* What was looked at may never be again: it costs nothing then. */
static void let_pages_go(const struct mo_load_tables *t)
{
    for (uint32_t i = 0; i < t->by_file.n; i++)
        mo_artifact_rest((const mo_artifact *)t->modules[i].artifact);
}

static bool load_functions(mo_loaded *l, const mo_loader *loader, const mo_loaded *before, mote_error *err)
{
    mote_linker *linker = NULL;
    bool good = mote_linker_new(loader->engine, &linker, err) == MOTE_OK && mote_wasi_link(linker, err) == MOTE_OK;
    for (uint32_t i = 0; i < l->app->nfunctions && good; i++)
        good = load_function(l, i, loader, before, linker, err);
    let_pages_go(l->tables);
    mote_linker_free(linker);
    return good;
}

/* --- the whole ---------------------------------------------------------------------------------------- */

static bool make_tables(mo_loaded *l, mote_error *err)
{
    uint32_t n = l->app->nfunctions, nfolders = 0;
    for (uint32_t i = 0; i < n; i++)
        nfolders += l->app->functions[i].nfolders;
    struct mo_load_tables *t = l->tables = mo_calloc(1, sizeof *t);
    l->functions = mo_calloc(n + 1u, sizeof *l->functions);
    if (!t || !l->functions)
        return mo_fail_nomem(err);
    t->modules = mo_calloc(n + 1u, sizeof *t->modules);
    t->folders = mo_calloc(nfolders + 1u, sizeof *t->folders);
    t->grants = mo_calloc(nfolders + 1u, sizeof *t->grants);
    return (t->modules && t->folders && t->grants && table_new(&t->by_file, n) && table_new(&t->by_name, nfolders)) ||
           mo_fail_nomem(err);
}

/* Each artifact and each folder keeps one. */
static void allow_descriptors(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

mo_loaded *mo_load(const mo_app *app, const mo_loader *loader, const mo_loaded *before, mote_error *err)
{
    mo_loaded *l = mo_calloc(1, sizeof *l);
    if (!l) {
        mo_fail_nomem(err);
        return NULL;
    }
    l->app = app;
    allow_descriptors();
    if (make_tables(l, err) && open_folders(l, err) && load_functions(l, loader, before, err))
        return l;
    mo_loaded_free(l);
    return NULL;
}

static void free_tables(struct mo_load_tables *t)
{
    for (uint32_t i = 0; i < t->by_file.n; i++)
        mote_artifact_unref(t->modules[i].artifact);
    for (uint32_t i = 0; i < t->by_name.n; i++)
        close(t->folders[i].desc.host);
    mo_free(t->by_file.places);
    mo_free(t->by_name.places);
    mo_free(t->modules);
    mo_free(t->folders);
    mo_free(t->grants);
    mo_free(t);
}

void mo_loaded_free(mo_loaded *l)
{
    if (!l)
        return;
    if (l->tables)
        free_tables(l->tables);
    mo_free(l->functions);
    mo_free(l);
}
