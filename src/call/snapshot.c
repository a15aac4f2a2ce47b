/* snapshot.c - mote_snapshot(): a module is loaded, its names are looked up, an instance is
 * made and initialised, and instance/snapshot.c writes what it holds. */
#include "call/call.h"

#include "artifact/hash.h"
#include "instance/snapshot.h"
#include "mote/artifact.h"
#include "mote/snapshot.h"

#include <time.h>

#define DEFAULT_TIMEOUT_US 60000000
#define DEFAULT_MEMORY ((uint64_t)1 << 30)

typedef struct work {
    const mote_snapshot_options *o;
    mo_module *m;
    mote_artifact *artifact;
    const char *init_func;
    mo_export *exports; /* of the new module */
    uint32_t nexports;
    mote_limits limits;
    mote_store *store;
    mote_linker *linker;
    uint64_t end_ns; /* MOTE_NO_LIMIT: none */
} work;

/* --- names ------------------------------------------------------------------------- */

static const mo_export *find_export(const mo_module *m, const char *name)
{
    for (uint32_t i = 0; i < m->nexports; i++)
        if (mo_span_is(m->exports[i].name, name))
            return &m->exports[i];
    return NULL;
}

static const mo_export *find_func(const mo_module *m, const char *name)
{
    const mo_export *e = find_export(m, name);
    return e && e->kind == MO_EXTERN_FUNC ? e : NULL;
}

static bool is_plain(const mo_module *m, const mo_export *e)
{
    const mo_type *type = mo_func_type(m, e->index);
    return type->nparams == 0 && type->nresults == 0;
}

static bool find_init(work *w, mote_error *err)
{
    static const char new_name[] = "wizer-initialize", old_name[] = "wizer.initialize";
    w->init_func = w->o->init_func;
    if (!w->init_func)
        w->init_func = !find_func(w->m, new_name) && find_func(w->m, old_name) ? old_name : new_name;
    const mo_export *e = find_func(w->m, w->init_func);
    if (!e)
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "there is no exported function %.100s to initialise it",
                       w->init_func);
    return is_plain(w->m, e) || mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE,
                                        "the initialiser %.100s has parameters or results", w->init_func);
}

static bool check_rename(const work *w, size_t i, mote_error *err)
{
    const mote_snapshot_rename *r = &w->o->renames[i];
    const mo_export *replaced = find_export(w->m, r->dst);
    if (!find_func(w->m, r->src))
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "rename: there is no exported function %.100s", r->src);
    if (replaced && replaced->kind != MO_EXTERN_FUNC)
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "rename: the export %.100s is no function", r->dst);
    if (!mo_utf8_ok(r->dst, strlen(r->dst)))
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "rename: a name that is not UTF-8");
    for (size_t k = 0; k < i; k++)
        if (strcmp(w->o->renames[k].dst, r->dst) == 0 || strcmp(w->o->renames[k].src, r->src) == 0)
            return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "rename: %.80s=%.80s names what %.80s=%.80s has taken", r->dst,
                           r->src, w->o->renames[k].dst, w->o->renames[k].src);
    return true;
}

/* The name that the export has from now on; false: it has none. */
static bool new_name(const work *w, const mo_export *e, mo_span *ret)
{
    bool is_func = e->kind == MO_EXTERN_FUNC, is_init = is_func && mo_span_is(e->name, w->init_func);
    *ret = e->name;
    for (size_t i = 0; is_func && i < w->o->nrenames; i++)
        if (mo_span_is(e->name, w->o->renames[i].src)) {
            *ret = (mo_span){(const uint8_t *)w->o->renames[i].dst, strlen(w->o->renames[i].dst)};
            return true;
        }
    if ((is_func && mo_span_is(e->name, "_initialize")) || (is_init && !w->o->keep_init_func))
        return false;
    for (size_t i = 0; is_func && i < w->o->nrenames; i++)
        if (mo_span_is(e->name, w->o->renames[i].dst))
            return false;
    return true;
}

static bool name_exports(work *w, mote_error *err)
{
    for (size_t i = 0; i < w->o->nrenames; i++)
        if (!check_rename(w, i, err))
            return false;
    w->exports = mo_calloc((size_t)w->m->nexports + 1, sizeof *w->exports);
    if (!w->exports)
        return mo_fail_nomem(err);
    for (uint32_t i = 0; i < w->m->nexports; i++) {
        mo_export *to = &w->exports[w->nexports];
        *to = w->m->exports[i];
        w->nexports += new_name(w, &w->m->exports[i], &to->name);
    }
    return true;
}

/* --- running --------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void begin_time(work *w)
{
    uint64_t us = w->o->timeout_us ? w->o->timeout_us : DEFAULT_TIMEOUT_US;
    w->end_ns = us > (UINT64_MAX - now_ns()) / 1000 ? MOTE_NO_LIMIT : now_ns() + us * 1000;
}

/* What is left is the next call's. */
static mote_status limit_time(const work *w, mote_error *err)
{
    uint64_t now = now_ns();
    if (w->end_ns == MOTE_NO_LIMIT)
        return MOTE_OK;
    return mote_store_set_timeout(w->store, now + 1000 < w->end_ns ? (w->end_ns - now) / 1000 : 1, err);
}

static mote_status set_up(work *w, mote_engine *engine, mote_error *err)
{
    w->limits = mote_limits_default();
    w->limits.memory_bytes = DEFAULT_MEMORY;
    if (w->o->limits)
        w->limits = *w->o->limits;
    mote_status status = mote_store_new(engine, &w->limits, NULL, &w->store, err);
    if (status == MOTE_OK)
        status = mote_linker_new(engine, &w->linker, err);
    begin_time(w); /* for modules that grant() makes instances of; each call of theirs may take as long */
    if (status == MOTE_OK)
        status = limit_time(w, err);
    if (status == MOTE_OK && w->o->grant)
        status = w->o->grant(w->o->data, w->store, w->linker, err);
    return status;
}

static mote_status call(work *w, mote_instance *instance, const char *name, mote_error *err)
{
    mote_func *func = mote_instance_func(instance, name);
    mote_status status = limit_time(w, err);
    return status ? status : mote_func_call(func, NULL, 0, NULL, 0, err);
}

static mote_status initialise(work *w, mote_instance **ret, mote_error *err)
{
    static const char reactor[] = "_initialize";
    const mo_export *first = find_func(w->m, reactor);
    begin_time(w);
    mote_status status = limit_time(w, err);
    if (status == MOTE_OK)
        status = mote_linker_instantiate(w->linker, w->store, w->artifact, ret, err);
    if (status == MOTE_OK && first && is_plain(w->m, first) && strcmp(w->init_func, reactor) != 0)
        status = call(w, *ret, reactor, err);
    return status ? status : call(w, *ret, w->init_func, err);
}

static mote_status judge(const work *w, mote_status status, mote_error *err)
{
    if (status == MOTE_EXIT)
        return mo_tell(err, MOTE_STATE, "the initialiser ended the program");
    if (status == MOTE_OK && w->store->limited)
        return mo_tell(err, MOTE_STATE,
                       "the initialiser wanted more than it may have: limits are %" PRIu64 " bytes of memory, %" PRIu64
                       " table elements", w->limits.memory_bytes, w->limits.table_elements);
    return status;
}

static mote_status run(work *w, mote_engine *engine, mote_instance **ret, mote_error *err)
{
    mote_status status = set_up(w, engine, err);
    if (status)
        return status;
    status = initialise(w, ret, err);
    if (w->o->ended)
        status = w->o->ended(w->o->data, w->store, status, err);
    return judge(w, status, err);
}

/* --- the whole ------------------------------------------------------------------------------ */

static mote_status get_artifact(work *w, mote_compiler *compiler, const void *bytes, size_t len, mote_error *err)
{
    mote_artifact_facts facts;
    uint64_t hash[2];
    if (!w->o->artifact)
        return mote_compiler_compile(compiler, bytes, len, w->o->flags, w->o->nflags, &w->artifact, err);
    mo_hash_contents(bytes, len, hash);
    mote_artifact_describe(w->o->artifact, &facts);
    if (memcmp(hash, facts.module_hash, sizeof hash) != 0)
        return mo_tell(err, MOTE_MISUSE, "snapshot: the artifact was not compiled from this module");
    w->artifact = w->o->artifact;
    mote_artifact_ref(w->artifact);
    return MOTE_OK;
}

/* What a snapshot says is checked as if a stranger had written it. */
static bool check_result(const work *w, const mo_buffer *bytes, mote_error *err)
{
    mo_module *made;
    if (mo_module_load(bytes->at, bytes->len, w->m->features, NULL, &made, err) != MOTE_OK)
        return false;
    mo_module_unref(made);
    return true;
}

static mote_status take(work *w, mote_engine *engine, mote_compiler *compiler, const void *bytes, size_t len,
                        mo_buffer *ret, mote_error *err)
{
    mote_instance *instance;
    mote_status status;
    if (mo_module_load(bytes, len, engine->features, NULL, &w->m, err) != MOTE_OK || !find_init(w, err) ||
        !name_exports(w, err) || !mo_snapshot_check(w->m, err))
        return err->status;
    if ((status = get_artifact(w, compiler, bytes, len, err)) != MOTE_OK ||
        (status = run(w, engine, &instance, err)) != MOTE_OK)
        return status;
    if (!mo_snapshot_take(w->m, instance, w->exports, w->nexports, ret, err) || !check_result(w, ret, err))
        return err->status;
    return MOTE_OK;
}

mote_status mote_snapshot(mote_engine *engine, mote_compiler *compiler, const void *bytes, size_t len,
                          const mote_snapshot_options *options, void **ret, size_t *retlen, mote_error *err)
{
    static const mote_snapshot_options defaults;
    work w = {.o = options ? options : &defaults};
    mote_error e;
    mo_buffer made = {0};
    mo_error_clear(&e);
    mote_status status = take(&w, engine, compiler, bytes, len, &made, &e);
    mote_linker_free(w.linker);
    mote_store_free(w.store);
    if (w.artifact)
        mote_artifact_unref(w.artifact);
    mo_module_unref(w.m);
    mo_free(w.exports);
    if (status == MOTE_OK) {
        *ret = made.at;
        *retlen = made.len;
        return MOTE_OK;
    }
    mo_buffer_free(&made);
    return mo_told(&e, err);
}

void mote_snapshot_free(void *bytes) { mo_free(bytes); }
