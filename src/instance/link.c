/* link.c - types at the border: does this thing serve as that import? Concrete
 * reference types are compared by type id, in the form that mo_valtype_global() gives. */
#include "instance/instance.h"

#include "mote/global.h"
#include "mote/memory.h"
#include "mote/table.h"

#include <stdio.h>

/* --- texts -------------------------------------------------------------- */

const char *mote_valtype_text(mote_valtype t, char text[MOTE_TYPE_TEXT]) { return mo_type_text(t, text); }

const char *mote_extern_kind_name(mote_extern_kind kind)
{
    static const char *const names[] = {"func", "table", "memory", "global", "tag"};
    return (size_t)kind < MO_COUNT(names) ? names[kind] : "unknown";
}

typedef struct writer { /* snprintf that goes on where it stopped */
    char *text;
    size_t size, len;
} writer;

MO_PRINTF(2, 3) static void put(writer *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t at = w->len < w->size ? w->len : w->size;
    int len = vsnprintf(w->text + at, w->size - at, format, args);
    va_end(args);
    w->len += len > 0 ? (size_t)len : 0;
}

static void put_types(writer *w, const mote_valtype *types, size_t n)
{
    char text[MO_TYPE_TEXT];
    put(w, "(");
    for (size_t i = 0; i < n && w->len < w->size; i++)
        put(w, "%s%s", i ? " " : "", mo_type_text(types[i], text));
    put(w, ")");
}

static void put_range(writer *w, uint64_t min, bool has_max, uint64_t max, bool is64)
{
    put(w, "%s%" PRIu64, is64 ? "i64 " : "", min);
    if (has_max)
        put(w, " %" PRIu64, max);
}

void mo_externtype_text(const mote_externtype *type, char *text, size_t size)
{
    char element[MO_TYPE_TEXT];
    writer w = {.text = text, .size = size};
    put(&w, "%s ", mote_extern_kind_name(type->kind));
    switch (type->kind) {
    case MOTE_FUNC:
    case MOTE_TAG:
        put_types(&w, type->of.func.params, type->of.func.nparams);
        if (type->kind == MOTE_FUNC) {
            put(&w, " -> ");
            put_types(&w, type->of.func.results, type->of.func.nresults);
        }
        break;
    case MOTE_TABLE: {
        const mote_tabletype *t = &type->of.table;
        put_range(&w, t->min, t->has_max, t->max, t->is64);
        put(&w, " %s", mo_type_text(t->element, element));
        break;
    }
    case MOTE_MEMORY: {
        const mote_memorytype *t = &type->of.memory;
        put_range(&w, t->min, t->has_max, t->max, t->is64);
        put(&w, "%s%s", t->shared ? " shared" : "", t->page_shift == 16 ? "" : " (pagesize 1)");
        break;
    }
    case MOTE_GLOBAL:
        put(&w, "%s%s", type->of.global.is_mutable ? "mut " : "", mo_type_text(type->of.global.content, element));
        break;
    }
}

/* --- an artifact's types, in its own words ------------------------------ */

mote_functype mo_meta_functype(const mo_artifact *a, uint32_t type)
{
    const mo_meta_type *t = &mo_meta_types(a)[type];
    return (mote_functype){mo_meta_at(a, t->params), t->params.n, mo_meta_at(a, t->results), t->results.n};
}

void mo_meta_externtype(const mo_artifact *a, uint32_t kind, uint32_t index, mote_externtype *ret)
{
    *ret = (mote_externtype){.kind = (mote_extern_kind)kind};
    switch ((mo_extern_kind)kind) {
    case MO_EXTERN_FUNC:
        ret->of.func = mo_meta_functype(a, mo_meta_funcs(a)[index].type);
        break;
    case MO_EXTERN_TABLE: {
        const mo_meta_table *t = &mo_meta_tables(a)[index];
        ret->of.table = (mote_tabletype){t->type, t->flags & MO_META_64, t->flags & MO_META_MAX, t->min, t->max};
        break;
    }
    case MO_EXTERN_MEMORY: {
        const mo_meta_memory *t = &mo_meta_memories(a)[index];
        ret->of.memory = (mote_memorytype){t->flags & MO_META_64, t->flags & MO_META_SHARED, t->flags & MO_META_MAX,
                                           (uint8_t)t->page_shift, t->min, t->max};
        break;
    }
    case MO_EXTERN_GLOBAL: {
        const mo_meta_global *t = &mo_meta_globals(a)[index];
        ret->of.global = (mote_globaltype){t->type, t->flags & MO_META_MUTABLE};
        break;
    }
    case MO_EXTERN_TAG:
        ret->of.func = mo_meta_functype(a, mo_meta_tags(a)[index]);
        break;
    }
}

/* --- what a thing is ---------------------------------------------------- */

mote_store *mo_extern_store(const mote_extern *thing)
{
    switch (thing->kind) {
    case MOTE_FUNC: return mo_func_ref(thing->of.func)->owner;
    case MOTE_TABLE: return thing->of.table->store;
    case MOTE_MEMORY: return thing->of.memory->store;
    case MOTE_GLOBAL: return thing->of.global->store;
    case MOTE_TAG: return thing->of.tag->store;
    }
    return NULL;
}

mote_functype mote_func_type(const mote_func *func)
{
    const mo_funcref *ref = mo_func_ref(func);
    if (ref->func == MO_HOST_FUNC) {
        const mote_caller *host = (const mote_caller *)(const void *)ref->context;
        return (mote_functype){host->params, host->nparams, host->results, host->nresults};
    }
    mo_func_shape shape = {0};
    mo_type_id_func(ref->type_id, &shape);
    return (mote_functype){shape.params, shape.nparams, shape.results, shape.nresults};
}

void mo_extern_type(const mote_extern *thing, mote_externtype *ret)
{
    *ret = (mote_externtype){.kind = thing->kind};
    switch (thing->kind) {
    case MOTE_FUNC: ret->of.func = mote_func_type(thing->of.func); break;
    case MOTE_TABLE: ret->of.table = mote_table_type(thing->of.table); break;
    case MOTE_MEMORY: ret->of.memory = mote_memory_type(thing->of.memory); break;
    case MOTE_GLOBAL: ret->of.global = mote_global_type(thing->of.global); break;
    case MOTE_TAG: ret->of.func = thing->of.tag->type; break;
    }
}

/* --- matching ----------------------------------------------------------- */

bool mo_value_fits(const mote_store *store, mo_valtype type, const mote_raw *value)
{
    if (!mo_is_ref(type))
        return true;
    if (!value->u64)
        return mo_is_nullable(type);
    uint32_t heap = mo_heap(type);
    if (mo_heap_is_concrete(heap) || heap == MO_HEAP_FUNC) {
        const mo_funcref *ref = mo_func_ref(value->func);
        return ref->owner == store && (heap == MO_HEAP_FUNC || mo_type_id_below(ref->type_id, heap));
    }
    if (heap == MO_HEAP_EXN)
        return mo_exception_plausible(&store->exceptions, value->exn);
    return heap == MO_HEAP_EXTERN;
}

/* Wasm 3.0, "limits matching": [n, max] of what is given against what is wanted. */
static bool range_serves(uint64_t n, bool has_max, uint64_t max, uint32_t flags, uint64_t want_min, uint64_t want_max)
{
    return n >= want_min && (!(flags & MO_META_MAX) || (has_max && max <= want_max));
}

static bool table_serves(const mo_artifact *a, const mo_meta_table *want, const mote_table *t)
{
    return t->type == mo_valtype_global(a, want->type) && t->is64 == !!(want->flags & MO_META_64) &&
           range_serves(t->desc->n, t->has_max, t->max, want->flags, want->min, want->max);
}

static bool memory_serves(const mo_meta_memory *want, const mote_memory *m)
{
    return m->is64 == !!(want->flags & MO_META_64) && !m->shared == !(want->flags & MO_META_SHARED) &&
           m->page_shift == want->page_shift &&
           range_serves(mote_memory_pages(m), m->has_max, m->max, want->flags, want->min, want->max);
}

static bool global_serves(const mo_artifact *a, const mo_meta_global *want, const mote_global *g)
{
    bool is_mutable = want->flags & MO_META_MUTABLE;
    mo_valtype type = mo_valtype_global(a, want->type);
    return g->is_mutable == is_mutable && (is_mutable ? g->type == type : mo_valtype_matches(g->type, type));
}

static bool serves(const mo_artifact *a, const mo_meta_import *import, const mote_extern *thing)
{
    uint32_t i = import->index;
    if ((uint32_t)thing->kind != import->kind)
        return false;
    switch (thing->kind) {
    case MOTE_FUNC:
        return mo_type_id_below(mo_func_ref(thing->of.func)->type_id, a->type_ids[mo_meta_funcs(a)[i].type]);
    case MOTE_TABLE: return table_serves(a, &mo_meta_tables(a)[i], thing->of.table);
    case MOTE_MEMORY: return memory_serves(&mo_meta_memories(a)[i], thing->of.memory);
    case MOTE_GLOBAL: return global_serves(a, &mo_meta_globals(a)[i], thing->of.global);
    case MOTE_TAG: return thing->of.tag->desc->type_id == a->type_ids[mo_meta_tags(a)[i]];
    }
    return false;
}

bool mo_import_check(const mo_artifact *a, uint32_t i, const mote_store *store, const mote_extern *thing,
                     mote_error *err)
{
    const mo_meta_import *import = &mo_meta_imports(a)[i];
    mo_span module = mo_meta_name(a, import->module), name = mo_meta_name(a, import->name);
    int module_len = module.len < 60 ? (int)module.len : 60, name_len = name.len < 60 ? (int)name.len : 60;
    if (mo_extern_store(thing) != store)
        return mo_fail(err, MOTE_LINK, MOTE_NOWHERE, "import \"%.*s\" \"%.*s\": what was given is of another store",
                       module_len, module.at, name_len, name.at);
    if (serves(a, import, thing))
        return true;
    mote_externtype wanted, given;
    char want[100], have[100];
    mo_meta_externtype(a, import->kind, import->index, &wanted);
    mo_extern_type(thing, &given);
    mo_externtype_text(&wanted, want, sizeof want);
    mo_externtype_text(&given, have, sizeof have);
    return mo_fail(err, MOTE_LINK, MOTE_NOWHERE,
                   "incompatible import type: \"%.*s\" \"%.*s\": want %.60s, have %.60s", module_len, module.at,
                   name_len, name.at, want, have);
}
