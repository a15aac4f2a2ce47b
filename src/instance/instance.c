/* instance.c - looking into an instance: exports, things by index, segments. */
#include "instance/instance.h"

#include "instance/const.h"

mo_funcref *mo_instance_func_ref(const mote_instance *instance, uint32_t func)
{
    const mo_meta *meta = mo_instance_meta(instance);
    if (func < meta->nimported_funcs)
        return ((const mo_ctx_import *)mo_context_at(instance, meta->layout.imports_at))[func].ref;
    uint32_t record = mo_meta_funcs(instance->artifact)[func].record;
    return record == MO_NO_RECORD ? NULL : (mo_funcref *)mo_context_at(instance, meta->layout.funcrefs_at) + record;
}

mote_extern mo_instance_thing(const mote_instance *instance, uint32_t kind, uint32_t index)
{
    mote_extern thing = {.kind = (mote_extern_kind)kind};
    switch (thing.kind) {
    case MOTE_FUNC: thing.of.func = mo_func_handle(mo_instance_func_ref(instance, index)); break;
    case MOTE_TABLE: thing.of.table = instance->tables[index]; break;
    case MOTE_MEMORY: thing.of.memory = instance->memories[index]; break;
    case MOTE_GLOBAL: thing.of.global = instance->globals[index]; break;
    case MOTE_TAG: thing.of.tag = instance->tags[index]; break;
    }
    return thing;
}

uint8_t *mo_instance_dropped(const mote_instance *instance, bool data, uint32_t segment)
{
    const mo_meta *meta = mo_instance_meta(instance);
    return (uint8_t *)mo_context_at(instance, meta->layout.dropped_at) + (data ? meta->nelems : 0) + segment;
}

static mo_reference elem_value(mote_instance *instance, const mo_meta_elem *elem, uint64_t i)
{
    const mo_artifact *a = instance->artifact;
    if (!elem->exprs.n)
        return (uintptr_t)mo_instance_func_ref(instance, ((const uint32_t *)mo_meta_at(a, elem->funcs))[i]);
    mo_slot_value value = {.word = {0, 0}};
    mo_const_eval(instance, ((const mo_list *)mo_meta_at(a, elem->exprs))[i], &value, NULL);
    return value.i64;
}

bool mo_table_init_inside(mote_instance *instance, uint32_t table, uint32_t elem_index, uint64_t to, uint64_t from,
                          uint64_t n)
{
    const mo_meta_elem *elem = &mo_meta_elems(instance->artifact)[elem_index];
    uint64_t have = elem->exprs.n ? elem->exprs.n : elem->funcs.n;
    if (*mo_instance_dropped(instance, false, elem_index))
        have = 0;
    return n <= have && from <= have - n && mo_table_inside(instance->tables[table], to, n);
}

void mo_table_init(mote_instance *instance, uint32_t table, uint32_t elem_index, uint64_t to, uint64_t from,
                   uint64_t n)
{
    const mo_meta_elem *elem = &mo_meta_elems(instance->artifact)[elem_index];
    for (uint64_t i = 0; i < n; i++)
        mo_table_set(instance->tables[table], to + i, elem_value(instance, elem, from + i));
}

/* --- the public side ---------------------------------------------------- */

bool mote_instance_export(mote_instance *instance, const char *name, size_t name_len, mote_extern *ret)
{
    const mo_meta_export *found = mo_artifact_export(instance->artifact, name, name_len);
    if (found)
        *ret = mo_instance_thing(instance, found->kind, found->index);
    return found != NULL;
}

/* The thing called name if it is of that kind; else one whose pointers are NULL. */
static mote_extern find(mote_instance *instance, const char *name, mote_extern_kind kind)
{
    mote_extern thing;
    if (mote_instance_export(instance, name, strlen(name), &thing) && thing.kind == kind)
        return thing;
    return (mote_extern){.kind = kind, .of = {NULL}};
}

mote_func *mote_instance_func(mote_instance *instance, const char *name)
{
    return find(instance, name, MOTE_FUNC).of.func;
}
mote_memory *mote_instance_memory(mote_instance *instance, const char *name)
{
    return find(instance, name, MOTE_MEMORY).of.memory;
}
mote_table *mote_instance_table(mote_instance *instance, const char *name)
{
    return find(instance, name, MOTE_TABLE).of.table;
}
mote_global *mote_instance_global(mote_instance *instance, const char *name)
{
    return find(instance, name, MOTE_GLOBAL).of.global;
}
mote_tag *mote_instance_tag(mote_instance *instance, const char *name)
{
    return find(instance, name, MOTE_TAG).of.tag;
}

mote_artifact *mote_instance_artifact(const mote_instance *instance) { return (mote_artifact *)instance->artifact; }
mote_store *mote_instance_store(const mote_instance *instance) { return instance->store; }
