/* snapshot_files.c - every N-th module below a folder: instantiated, frozen, and made an
 * instance again, which must hold what the first one held. What imports more than nothing
 * is left out, as is what cannot be instantiated.
 *   snapshot-files FOLDER N */
#include "instance/snapshot.h"
#include "mote/mote.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static mote_engine *engine;
static mote_compiler *compiler;
static unsigned passed, failed, skipped, every, seen;

typedef struct place { /* an instance and what it is of */
    mo_module *module;
    mote_artifact *artifact;
    mote_store *store;
    mote_instance *instance;
} place;

static void leave(place *p)
{
    mote_store_free(p->store);
    if (p->artifact) mote_artifact_unref(p->artifact);
    mo_module_unref(p->module);
}

static bool enter(const void *bytes, size_t len, place *ret, mote_error *err)
{
    *ret = (place){.module = NULL};
    return mo_module_load(bytes, len, mo_features_all(), NULL, &ret->module, err) == MOTE_OK &&
           mo_snapshot_check(ret->module, err) &&
           mote_compiler_compile(compiler, bytes, len, (const char *const[]){"-W", "all", "-O0"}, 3, &ret->artifact, err) == MOTE_OK &&
           mote_store_new(engine, NULL, NULL, &ret->store, err) == MOTE_OK &&
           mote_instance_new(ret->store, ret->artifact, NULL, 0, &ret->instance, err) == MOTE_OK;
}

/* --- is it the same? ------------------------------------------------------------- */

static uint32_t func_of(mo_reference value) { return value ? ((const mo_funcref *)(uintptr_t)value)->func : UINT32_MAX; }

static const char *compare_globals(const place *a, const place *b)
{
    for (uint32_t i = 0; i < a->module->nglobals; i++) {
        const mo_slot_value *x = a->instance->globals[i]->at, *y = b->instance->globals[i]->at;
        bool reference = mo_is_ref(a->module->globals[i].type);
        if (reference ? func_of(x->i64) != func_of(y->i64) : memcmp(x, y, sizeof *x) != 0) return "a global";
    }
    return NULL;
}

static const char *compare_tables(const place *a, const place *b)
{
    for (uint32_t i = 0; i < a->module->ntables; i++) {
        const mote_table *x = a->instance->tables[i], *y = b->instance->tables[i];
        if (x->desc->n != y->desc->n) return "a table's size";
        for (uint64_t k = 0; k < x->desc->n; k++)
            if (func_of(mo_table_get(x, k)) != func_of(mo_table_get(y, k))) return "a table";
    }
    return NULL;
}

static const char *compare_memories(const place *a, const place *b)
{
    for (uint32_t i = 0; i < a->module->nmemories; i++) {
        const mo_memory_desc *x = a->instance->memories[i]->desc, *y = b->instance->memories[i]->desc;
        if (x->bytes != y->bytes) return "a memory's size";
        if (x->bytes && memcmp(x->base, y->base, x->bytes) != 0) return "a memory";
    }
    return NULL;
}

/* Segments that code can name: as long, and dropped, as before. */
static const char *compare_segments(const place *a, const place *b)
{
    if (!mo_has(a->module->used, MO_FEATURE_BULK_MEMORY)) return NULL;
    if (a->module->nelems > b->module->nelems || a->module->ndatas > b->module->ndatas) return "the number of segments";
    for (uint32_t i = 0; i < a->module->nelems; i++) {
        uint32_t left = *mo_instance_dropped(a->instance, false, i) ? 0 : a->module->elems[i].n;
        if (left != (*mo_instance_dropped(b->instance, false, i) ? 0 : b->module->elems[i].n) ||
            a->module->elems[i].type != b->module->elems[i].type)
            return "an element segment";
    }
    for (uint32_t i = 0; i < a->module->ndatas; i++) {
        mo_span none = {NULL, 0}, x = a->module->datas[i].bytes, y = b->module->datas[i].bytes;
        if (!mo_span_equal(*mo_instance_dropped(a->instance, true, i) ? none : x,
                           *mo_instance_dropped(b->instance, true, i) ? none : y))
            return "a data segment";
    }
    return NULL;
}

static const char *compare(const place *a, const place *b)
{
    const char *what = compare_globals(a, b);
    if (!what) what = compare_tables(a, b);
    if (!what) what = compare_memories(a, b);
    return what ? what : compare_segments(a, b);
}

/* --- files --------------------------------------------------------------------------- */

static void judge(const char *path, bool good, const char *what, const char *words)
{
    passed += good;
    failed += !good;
    if (!good) fprintf(stderr, "%s: %s: %s\n", path, what, words);
}

static void freeze(const char *path, const place *first)
{
    mo_buffer bytes = {0}, again = {0};
    mote_error err = {.status = MOTE_OK};
    place second = {.module = NULL};
    const mo_module *m = first->module;
    if (!mo_snapshot_take(m, first->instance, m->exports, m->nexports, &bytes, &err)) {
        /* Exceptions and objects of the host are refused, and nothing else here. */
        judge(path, err.status == MOTE_STATE, "not frozen", err.message);
        return;
    }
    bool good = enter(bytes.at, bytes.len, &second, &err);
    const char *what = good ? compare(first, &second) : "its snapshot";
    judge(path, !what, what ? what : "", good ? "is not the same" : err.message);
    if (good) {
        good = mo_snapshot_take(second.module, second.instance, m->exports, m->nexports, &again, &err);
        judge(path, good && again.len == bytes.len && memcmp(again.at, bytes.at, again.len) == 0,
              "a snapshot of its snapshot", "is not the same");
    }
    mo_buffer_free(&again);
    mo_buffer_free(&bytes);
    leave(&second);
}

static int visit(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    uint8_t *bytes;
    size_t len, n = strlen(path);
    mote_error err = {.status = MOTE_OK};
    place first;
    (void)st, (void)where;
    if (kind != FTW_F || n < 5 || strcmp(path + n - 5, ".wasm") != 0 || seen++ % every) return 0;
    if (!mo_file_read(path, (size_t)1 << 26, &bytes, &len, &err)) return 0;
    if (enter(bytes, len, &first, &err))
        freeze(path, &first);
    else
        skipped++;
    leave(&first);
    mo_free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    mote_error err;
    every = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
    if (!every || mote_engine_new(&engine, &err) || mote_compiler_start(NULL, &compiler, &err)) return 1;
    mote_engine_all_features(engine);
    nftw(argv[1], visit, 16, FTW_PHYS);
    mote_compiler_stop(compiler);
    mote_engine_unref(engine);
    printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
    return failed != 0;
}
