/* snapshot.c - what an instance holds, as the beginning of a module: memories become active
 * data segments, tables active element segments, globals constants. Nothing of it depends
 * on addresses or on chance, so equal states give equal bytes. */
#include "instance/snapshot.h"

#include "instance/const.h"

#include <stdlib.h>

#define MOST_DATAS 100000u /* engines refuse more */
#define MOST_ELEMS 10000u  /* runs of a table's entries that are listed each for itself */
#define LEAST_GAP 16u      /* zeros that are worth a segment's end and another's beginning */

/* --- may it be? ------------------------------------------------------------------- */

static const char *const kinds[] = {"function", "table", "memory", "global", "tag"};

static bool check_import(const mo_module *m, const mo_import *import, mote_error *err)
{
    bool state = import->kind == MO_EXTERN_TABLE || import->kind == MO_EXTERN_MEMORY ||
                 (import->kind == MO_EXTERN_GLOBAL && m->globals[import->index].mutable_);
    return !state || mo_fail(err, MOTE_STATE, MOTE_NOWHERE,
                             "import \"%.*s\" \"%.*s\": a %s whose contents belong to another and would be missing",
                             import->module.len < 60 ? (int)import->module.len : 60, import->module.at,
                             import->name.len < 60 ? (int)import->name.len : 60, import->name.at, kinds[import->kind]);
}

bool mo_snapshot_check(const mo_module *m, mote_error *err)
{
    for (uint32_t i = 0; i < m->nimports; i++)
        if (!check_import(m, &m->imports[i], err))
            return false;
    for (uint32_t i = 0; i < m->nmemories; i++)
        if (m->memories[i].shared)
            return mo_fail(err, MOTE_STATE, MOTE_NOWHERE,
                           "memory %" PRIu32 " is shared: other threads' state would be missing", i);
    return true;
}

/* --- what was gathered -------------------------------------------------------------- */

typedef struct known { /* a function reference of the instance's imports */
    const mo_funcref *ref;
    uint32_t func;
} known;

typedef struct frozen {
    const mo_module *m;
    const mote_instance *in;
    mote_error *err;
    known *imports; /* sorted by address */
    mo_arena arena; /* until the bytes are written */
    mo_new_value *globals;
    uint64_t *table_min, *memory_min;
    mo_new_elem *elems;
    size_t nelems, elems_cap;
    mo_new_data *datas;
    size_t ndatas, datas_cap;
} frozen;

static void *take(frozen *f, size_t n, size_t size)
{
    void *p = mo_arena_array(&f->arena, n + 1, size);
    if (!p)
        mo_fail_nomem(f->err);
    return p;
}

/* --- references ----------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
    const known *x = a, *y = b;
    if (x->ref != y->ref)
        return (uintptr_t)x->ref < (uintptr_t)y->ref ? -1 : 1;
    return (x->func > y->func) - (x->func < y->func);
}

static bool list_imports(frozen *f)
{
    uint32_t n = f->m->nimported_funcs;
    if (!(f->imports = take(f, n, sizeof *f->imports)))
        return false;
    for (uint32_t i = 0; i < n; i++)
        f->imports[i] = (known){mo_instance_func_ref(f->in, i), i};
    qsort(f->imports, n, sizeof *f->imports, by_address);
    return true;
}

/* The lowest number of an imported function, or MO_NULL_FUNC. */
static uint32_t find_import(const frozen *f, const mo_funcref *ref)
{
    uint32_t low = 0, high = f->m->nimported_funcs;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((uintptr_t)f->imports[middle].ref < (uintptr_t)ref)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < f->m->nimported_funcs && f->imports[low].ref == ref;
    return found ? f->imports[low].func : MO_NULL_FUNC;
}

/* The function that value refers to; MO_NULL_FUNC for null. Else why no module can say it. */
static const char *freeze_reference(const frozen *f, mo_reference value, bool is_func, uint32_t *ret)
{
    const mo_funcref *ref = (const mo_funcref *)(uintptr_t)value;
    *ret = MO_NULL_FUNC;
    if (!value)
        return NULL;
    if (!is_func)
        return "a reference to an object of the host, or an exception";
    *ret = ref->context == f->in->context ? ref->func : find_import(f, ref);
    if (*ret != MO_NULL_FUNC)
        return NULL;
    return ref->func == MO_HOST_FUNC ? "a function of the host that the module does not import"
                                     : "another instance's function that the module does not import";
}

/* --- globals --------------------------------------------------------------------------- */

static bool is_func_type(const frozen *f, mo_valtype type)
{
    return mo_table_is_of_funcs(mo_meta_types(f->in->artifact), type);
}

static bool freeze_global(frozen *f, uint32_t i)
{
    const mo_global *g = &f->m->globals[i];
    mo_new_value *to = &f->globals[i - f->m->nimported_globals];
    const mo_slot_value *from = f->in->globals[i]->at;
    *to = (mo_new_value){.kept = !g->mutable_, .func = MO_NULL_FUNC};
    if (to->kept)
        return true;
    memcpy(to->bits, from, sizeof to->bits);
    if (!mo_is_ref(g->type))
        return true;
    const char *why = freeze_reference(f, from->i64, is_func_type(f, g->type), &to->func);
    return !why || mo_fail(f->err, MOTE_STATE, MOTE_NOWHERE, "global %" PRIu32 " holds %s", i, why);
}

static bool freeze_globals(frozen *f)
{
    const mo_module *m = f->m;
    if (!(f->globals = take(f, m->nglobals - m->nimported_globals, sizeof *f->globals)))
        return false;
    for (uint32_t i = m->nimported_globals; i < m->nglobals; i++)
        if (!freeze_global(f, i))
            return false;
    return true;
}

/* --- tables ------------------------------------------------------------------------------ */

static bool add_elem(frozen *f, uint32_t table, uint64_t from, uint64_t to, const uint32_t *funcs)
{
    if (!mo_grow(&f->elems, &f->elems_cap, f->nelems + 1, sizeof *f->elems))
        return mo_fail_nomem(f->err);
    f->elems[f->nelems++] = (mo_new_elem){table, from, (uint32_t)(to - from), funcs + from};
    return true;
}

typedef struct entries { /* of one table */
    uint32_t table;
    uint64_t n;
    uint32_t *funcs;
    uint8_t *usual;  /* is it what a new table has anyway? */
    bool can_merge;  /* the usual ones can be written, too */
} entries;

/* The others in runs; or, where these are very many, all from the first to the last. */
static bool list_entries(frozen *f, const entries *e)
{
    size_t before = f->nelems;
    uint64_t first = e->n, last = 0;
    for (uint64_t from = 0, to; from < e->n; from = to) {
        while (from < e->n && e->usual[from])
            from++;
        for (to = from; to < e->n && !e->usual[to];)
            to++;
        if (to == from)
            break;
        first = first < from ? first : from;
        last = to;
        if ((f->nelems - before <= MOST_ELEMS || !e->can_merge) && !add_elem(f, e->table, from, to, e->funcs))
            return false;
    }
    if (f->nelems - before <= MOST_ELEMS || !e->can_merge)
        return true;
    f->nelems = before;
    return add_elem(f, e->table, first, last, e->funcs);
}

/* What the module itself fills the table with. */
static bool first_entry(frozen *f, uint32_t i, mo_reference *ret)
{
    mo_slot_value value = {.word = {0, 0}};
    const mo_meta_table *type = &mo_meta_tables(f->in->artifact)[i];
    bool ok = !(type->flags & MO_META_INIT) || mo_const_eval(f->in, type->init, &value, f->err);
    *ret = value.i64;
    return ok;
}

static bool freeze_entries(frozen *f, uint32_t i)
{
    const mote_table *table = f->in->tables[i];
    entries e = {.table = i, .n = table->desc->n};
    mo_reference first;
    uint32_t first_func;
    e.funcs = take(f, e.n, sizeof *e.funcs);
    e.usual = take(f, e.n, 1);
    if (!e.funcs || !e.usual || !first_entry(f, i, &first))
        return false;
    e.can_merge = !freeze_reference(f, first, table->funcs, &first_func);
    for (uint64_t k = 0; k < e.n; k++) {
        mo_reference value = mo_table_get(table, k);
        const char *why = NULL;
        e.funcs[k] = first_func;
        e.usual[k] = value == first;
        if (!e.usual[k] && (why = freeze_reference(f, value, table->funcs, &e.funcs[k])) != NULL)
            return mo_fail(f->err, MOTE_STATE, MOTE_NOWHERE, "table %" PRIu32 ", element %" PRIu64 " holds %s", i, k,
                           why);
    }
    return list_entries(f, &e);
}

static bool freeze_tables(frozen *f)
{
    const mo_module *m = f->m;
    uint32_t most = mo_limits_default.table_elements;
    if (!(f->table_min = take(f, m->ntables - m->nimported_tables, sizeof *f->table_min)))
        return false;
    for (uint32_t i = m->nimported_tables; i < m->ntables; i++) {
        uint64_t n = f->in->tables[i]->desc->n;
        if (n > most)
            return mo_fail(f->err, MOTE_STATE, MOTE_NOWHERE,
                           "table %" PRIu32 " has %" PRIu64 " elements; a module can begin with %" PRIu32, i, n, most);
        f->table_min[i - m->nimported_tables] = n;
        if (!freeze_entries(f, i))
            return false;
    }
    return true;
}

/* --- memories ----------------------------------------------------------------------------- */

/* The first byte from at on that is not zero, or len. */
static uint64_t skip_zeros(const uint8_t *bytes, uint64_t at, uint64_t len)
{
    while (at < len && at % 8 && !bytes[at])
        at++;
    while (at % 8 == 0 && len - at >= 32 &&
           !(mo_get64(bytes + at) | mo_get64(bytes + at + 8) | mo_get64(bytes + at + 16) | mo_get64(bytes + at + 24)))
        at += 32;
    while (at < len && !bytes[at])
        at++;
    return at;
}

/* Where the run that begins at at ends: before gap zeros, or more. */
static uint64_t end_of_run(const uint8_t *bytes, uint64_t at, uint64_t len, uint64_t gap, uint64_t *retnext)
{
    for (;;) {
        const uint8_t *zero = memchr(bytes + at, 0, len - at);
        uint64_t end = zero ? (uint64_t)(zero - bytes) : len;
        *retnext = skip_zeros(bytes, end, len);
        if (*retnext - end >= gap || *retnext == len)
            return end;
        at = *retnext;
    }
}

static bool list_runs(frozen *f, uint32_t memory, uint64_t gap, size_t most)
{
    const uint8_t *bytes = f->in->memories[memory]->desc->base;
    uint64_t len = f->in->memories[memory]->desc->bytes, next;
    for (uint64_t at = skip_zeros(bytes, 0, len); at < len; at = next) {
        uint64_t end = end_of_run(bytes, at, len, gap, &next);
        if (f->ndatas == most)
            return false;
        if (!mo_grow(&f->datas, &f->datas_cap, f->ndatas + 1, sizeof *f->datas))
            return mo_fail_nomem(f->err);
        f->datas[f->ndatas++] = (mo_new_data){memory, at, {bytes + at, (size_t)(end - at)}};
    }
    return true;
}

static bool list_all_runs(frozen *f, uint64_t gap, size_t most)
{
    f->ndatas = 0;
    for (uint32_t i = 0; i < f->m->nmemories; i++)
        if (!list_runs(f, i, gap, most))
            return false;
    return true;
}

/* Segments close to each other are merged, closer ones first, until there are few enough.
 * One for each memory there can always be: passive ones that are left take no more than
 * the rest. */
static bool freeze_memories(frozen *f)
{
    const mo_module *m = f->m;
    size_t most = MOST_DATAS;
    for (uint32_t i = 0; i < m->ndatas; i++)
        most -= most > m->nmemories && !*mo_instance_dropped(f->in, true, i);
    if (!(f->memory_min = take(f, m->nmemories, sizeof *f->memory_min)))
        return false;
    for (uint32_t i = 0; i < m->nmemories; i++)
        f->memory_min[i] = f->in->memories[i]->desc->bytes >> m->memories[i].page_shift;
    for (uint64_t gap = LEAST_GAP; !list_all_runs(f, gap, most); gap *= 2)
        if (f->err->status)
            return false;
    return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool write(const frozen *f, const mo_export *exports, uint32_t nexports, mo_buffer *ret, mote_error *err)
{
    const mo_rewrite r = {
        .globals = f->globals,
        .table_min = f->table_min,
        .memory_min = f->memory_min,
        .elem_dropped = mo_instance_dropped(f->in, false, 0),
        .data_dropped = mo_instance_dropped(f->in, true, 0),
        .elems = f->elems,
        .nelems = (uint32_t)f->nelems,
        .datas = f->datas,
        .ndatas = (uint32_t)f->ndatas,
        .exports = exports,
        .nexports = nexports,
    };
    return mo_rewrite_module(f->m, &r, ret, err);
}

bool mo_snapshot_take(const mo_module *m, const mote_instance *instance, const mo_export *exports, uint32_t nexports,
                      mo_buffer *ret, mote_error *err)
{
    mote_error e = {0};
    frozen f = {.m = m, .in = instance, .err = &e};
    bool ok = list_imports(&f) && freeze_globals(&f) && freeze_tables(&f) && freeze_memories(&f) &&
              write(&f, exports, nexports, ret, &e);
    mo_free(f.elems);
    mo_free(f.datas);
    mo_arena_free(&f.arena);
    if (!ok && !err->status)
        *err = e;
    return ok;
}
