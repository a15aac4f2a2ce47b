/* instantiate.c - an artifact and its imports -> an instance (Wasm 3.0, "instantiation"):
 * imports checked, the slot mapped, context filled, globals and tables initialised,
 * then element segments and data segments in their order. The start function is call/'s. */
#include "instance/const.h"
#include "instance/reset.h"

#include <sys/mman.h>

/* --- planning ----------------------------------------------------------- */

typedef struct plan {
    const mo_artifact *a;
    const mo_meta *meta;
    const mote_extern *imports;
    mo_memory_space *spaces; /* per own memory; shared ones: empty */
    uint64_t *tables_at;     /* per own table: entries in the slot */
    uint64_t head;           /* bytes of context, arrays and tables */
    uint64_t head_used;      /* without what only makes it usual */
    uint64_t total;
} plan;

static uint32_t own_memories(const mo_meta *m) { return m->nmemories - m->nimported_memories; }
static uint32_t own_tables(const mo_meta *m) { return m->ntables - m->nimported_tables; }
static uint32_t own_globals(const mo_meta *m) { return m->nglobals - m->nimported_globals; }
static uint32_t own_tags(const mo_meta *m) { return m->ntags - m->nimported_tags; }

static bool is_shared(const mo_meta_memory *type) { return type->flags & MO_META_SHARED; }

static bool plan_tables(plan *p, const mote_store *store, mote_error *err)
{
    uint64_t at = p->meta->layout.size, elements = 0;
    for (uint32_t i = 0; i < own_tables(p->meta); i++) {
        const mo_meta_table *type = &mo_meta_tables(p->a)[p->meta->nimported_tables + i];
        uint64_t left = store->limits.table_elements - store->used.table_elements;
        if (type->min > left || elements > left - type->min || type->min > UINT64_C(1) << 40)
            return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE,
                           "table %" PRIu32 ": %" PRIu64 " elements wanted beside %" PRIu64 ", limit is %" PRIu64,
                           p->meta->nimported_tables + i, type->min, store->used.table_elements + elements,
                           store->limits.table_elements);
        elements += type->min;
        p->tables_at[i] = at;
        at += type->min * mo_table_entry_size(mo_table_is_of_funcs(mo_meta_types(p->a), type->type));
        at = mo_round_up(at, 64);
    }
    p->head = mo_round_up(at, MO_FILE_PAGE);
    return true;
}

/* Has it one memory of its own, of the kind that spare slots are made for? */
static bool is_usual(const plan *p)
{
    const mo_meta_memory *memory = &mo_meta_memories(p->a)[p->meta->nimported_memories];
    return own_memories(p->meta) == 1 && !is_shared(memory) && mo_memory_is_unchecked(memory) &&
           p->head <= MO_SLOT_HEAD;
}

static bool plan_memories(plan *p, const mote_store *store, mote_error *err)
{
    p->head_used = p->head;
    if (is_usual(p))
        p->head = MO_SLOT_HEAD;
    p->total = p->head;
    for (uint32_t i = 0; i < own_memories(p->meta); i++) {
        const mo_meta_memory *type = &mo_meta_memories(p->a)[p->meta->nimported_memories + i];
        if (is_shared(type))
            continue;
        if (!mo_memory_plan(type, store->limits.memory_bytes, &p->spaces[i], err))
            return false;
        p->total += p->spaces[i].before + p->spaces[i].room + p->spaces[i].after;
    }
    return true;
}

/* --- the instance's handles --------------------------------------------- */

/* Takes n things of a size from *at, 16-byte aligned. With a NULL *at it counts. */
static void *carve(uint8_t **at, size_t n, size_t size)
{
    void *ret = *at;
    *at += mo_round_up(n * size, 16);
    return ret;
}

static void carve_all(mote_instance *in, plan *p, const mo_meta *m, uint8_t **at)
{
    in->memories = carve(at, m->nmemories, sizeof *in->memories);
    in->tables = carve(at, m->ntables, sizeof *in->tables);
    in->globals = carve(at, m->nglobals, sizeof *in->globals);
    in->tags = carve(at, m->ntags, sizeof *in->tags);
    in->own_memories = carve(at, own_memories(m), sizeof *in->own_memories);
    in->own_tables = carve(at, own_tables(m), sizeof *in->own_tables);
    in->own_globals = carve(at, own_globals(m), sizeof *in->own_globals);
    in->own_tags = carve(at, own_tags(m), sizeof *in->own_tags);
    in->hosts = carve(at, m->nimported_funcs, sizeof *in->hosts);
    p->spaces = carve(at, own_memories(m), sizeof *p->spaces);
    p->tables_at = carve(at, own_tables(m), sizeof *p->tables_at);
}

/* One block holds the instance and all of its handles. */
static mote_instance *take_block(plan *p)
{
    mote_instance sizes;
    uint8_t *end = (uint8_t *)mo_round_up(sizeof(mote_instance), 16);
    size_t head = (size_t)end;
    carve_all(&sizes, p, p->meta, &end);
    mote_instance *instance = mo_calloc(1, (size_t)end);
    if (!instance)
        return NULL;
    uint8_t *at = (uint8_t *)instance + head;
    carve_all(instance, p, p->meta, &at);
    return instance;
}

static bool take_slot(mote_instance *instance, const plan *p, mote_error *err)
{
    if (!mo_slot_take(instance->store->spares, p->total, p->head, &instance->slot, err))
        return false;
    instance->context = (mo_context *)(void *)instance->slot.at;
    instance->head_used = p->head_used;
    return true;
}

/* --- filling the context ------------------------------------------------ */

static void fill_records(mote_instance *in, const plan *p)
{
    mo_funcref *refs = mo_context_at(in, p->meta->layout.funcrefs_at);
    const mo_meta_func *funcs = mo_meta_funcs(p->a);
    for (uint32_t i = p->meta->nimported_funcs; i < p->meta->nfuncs; i++)
        if (funcs[i].record != MO_NO_RECORD)
            refs[funcs[i].record] = (mo_funcref){
                .code = p->a->text + funcs[i].code_at,
                .context = in->context,
                .type_id = p->a->type_ids[funcs[i].type],
                .func = i,
                .owner = in->store,
            };
    memcpy(mo_context_at(in, p->meta->layout.type_ids_at), p->a->type_ids, p->meta->ntypes * sizeof(uint32_t));
}

static void bind_func(mote_instance *in, uint32_t i, mo_funcref *ref)
{
    mo_ctx_import *import = (mo_ctx_import *)mo_context_at(in, mo_instance_meta(in)->layout.imports_at) + i;
    if (ref->func == MO_HOST_FUNC) {
        mote_caller *copy = &in->hosts[i];
        *copy = *(const mote_caller *)(const void *)ref->context;
        copy->context.instance = (struct mo_instance *)in;
        copy->ref.context = &copy->context;
        ref = &copy->ref;
    }
    *import = (mo_ctx_import){ref->code, ref->context, ref};
}

static void bind_imports(mote_instance *in, const plan *p)
{
    for (uint32_t i = 0; i < p->meta->nimports; i++) {
        const mo_meta_import *import = &mo_meta_imports(p->a)[i];
        const mote_extern *thing = &p->imports[i];
        switch (thing->kind) {
        case MOTE_FUNC: bind_func(in, import->index, mo_func_ref(thing->of.func)); break;
        case MOTE_TABLE: in->tables[import->index] = thing->of.table; break;
        case MOTE_MEMORY: in->memories[import->index] = thing->of.memory; break;
        case MOTE_GLOBAL: in->globals[import->index] = thing->of.global; break;
        case MOTE_TAG: in->tags[import->index] = thing->of.tag; break;
        }
    }
}

static bool fill_memories(mote_instance *in, const plan *p, mote_error *err)
{
    mo_memory_desc *descs = mo_context_at(in, p->meta->layout.own_memories_at);
    uint8_t *at = in->slot.at + p->head;
    for (uint32_t i = 0; i < own_memories(p->meta); i++) {
        mote_memory *memory = &in->own_memories[i];
        const mo_meta_memory *type = &mo_meta_memories(p->a)[p->meta->nimported_memories + i];
        in->memories[p->meta->nimported_memories + i] = memory;
        if (is_shared(type)) {
            if (!mo_memory_share(in->store, memory, type, err))
                return false;
            descs[i] = *memory->desc; /* base only: bytes change in the shared one */
            continue;
        }
        if (!mo_memory_place(in->store, memory, type, &p->spaces[i], at, in->slot.memory, &descs[i], err))
            return false;
        at += memory->reserved_len;
    }
    mo_ctx_memory *all = mo_context_at(in, p->meta->layout.memories_at);
    for (uint32_t i = 0; i < p->meta->nmemories; i++)
        all[i] = (mo_ctx_memory){in->memories[i]->desc, in->memories[i]->desc->base};
    in->context->memory0 = p->meta->nmemories ? all[0].base : NULL;
    return true;
}

static void fill_tables(mote_instance *in, const plan *p)
{
    mo_table_desc *descs = mo_context_at(in, p->meta->layout.own_tables_at);
    for (uint32_t i = 0; i < own_tables(p->meta); i++) {
        const mo_meta_table *type = &mo_meta_tables(p->a)[p->meta->nimported_tables + i];
        bool has_max = type->flags & MO_META_MAX, is64 = type->flags & MO_META_64;
        descs[i] = (mo_table_desc){in->slot.at + p->tables_at[i], type->min};
        in->own_tables[i] = (mote_table){
            .desc = &descs[i],
            .store = in->store,
            .type = mo_valtype_global(p->a, type->type),
            .is64 = is64,
            .has_max = has_max,
            .funcs = mo_table_is_of_funcs(mo_meta_types(p->a), type->type),
            .room = type->min,
            .max = has_max ? type->max : is64 ? UINT64_MAX : UINT32_MAX,
        };
        in->tables[p->meta->nimported_tables + i] = &in->own_tables[i];
        in->store->used.table_elements += type->min;
    }
    mo_table_desc **all = mo_context_at(in, p->meta->layout.tables_at);
    for (uint32_t i = 0; i < p->meta->ntables; i++)
        all[i] = in->tables[i]->desc;
}

static void fill_tags(mote_instance *in, const plan *p)
{
    mo_tag_desc *descs = mo_context_at(in, p->meta->layout.own_tags_at);
    for (uint32_t i = 0; i < own_tags(p->meta); i++) {
        uint32_t type = mo_meta_tags(p->a)[p->meta->nimported_tags + i];
        mote_functype functype = mo_meta_functype(p->a, type);
        descs[i] = (mo_tag_desc){p->a->type_ids[type], (uint32_t)functype.nparams};
        in->own_tags[i] = (mote_tag){&descs[i], in->store, functype};
        in->tags[p->meta->nimported_tags + i] = &in->own_tags[i];
    }
    const mo_tag_desc **all = mo_context_at(in, p->meta->layout.tags_at);
    for (uint32_t i = 0; i < p->meta->ntags; i++)
        all[i] = in->tags[i]->desc;
}

/* Imported globals first, for the own ones may be computed from them. */
static bool fill_globals(mote_instance *in, const plan *p, mote_error *err)
{
    mo_slot_value *values = mo_context_at(in, p->meta->layout.globals_at);
    for (uint32_t i = 0; i < p->meta->nimported_globals; i++) {
        if (in->globals[i]->is_mutable)
            values[i].ref = in->globals[i]->at;
        else
            values[i] = *in->globals[i]->at;
    }
    for (uint32_t i = 0; i < own_globals(p->meta); i++) {
        uint32_t index = p->meta->nimported_globals + i;
        const mo_meta_global *type = &mo_meta_globals(p->a)[index];
        in->own_globals[i] = (mote_global){
            .at = &values[index],
            .store = in->store,
            .type = mo_valtype_global(p->a, type->type),
            .is_mutable = type->flags & MO_META_MUTABLE,
        };
        in->globals[index] = &in->own_globals[i];
        if (!mo_const_eval(in, type->init, &values[index], err))
            return false;
    }
    return true;
}

static bool fill_context(mote_instance *in, const plan *p, mote_error *err)
{
    *in->context = (mo_context){
        .run = &in->store->run,
        .helpers = in->store->helpers,
        .instance = (struct mo_instance *)in,
    };
    fill_records(in, p);
    bind_imports(in, p);
    if (!fill_memories(in, p, err))
        return false;
    fill_tables(in, p);
    fill_tags(in, p);
    return fill_globals(in, p, err);
}

/* --- segments ----------------------------------------------------------- */

static bool init_tables(mote_instance *in, mote_error *err)
{
    const mo_meta *meta = mo_instance_meta(in);
    for (uint32_t i = meta->nimported_tables; i < meta->ntables; i++) {
        const mo_meta_table *type = &mo_meta_tables(in->artifact)[i];
        mo_slot_value value;
        if (!(type->flags & MO_META_INIT))
            continue;
        if (!mo_const_eval(in, type->init, &value, err))
            return false;
        mo_table_fill(in->tables[i], 0, value.i64, type->min);
    }
    return true;
}

/* A mapping and two faults cost more than a few pages' bytes. */
#define IMAGE_COPIED (16 << 10)

bool mo_images_are_mapped(const mo_artifact *a)
{
    uint64_t len = 0;
    for (uint32_t i = 0; i < a->meta->images.n; i++)
        len += mo_meta_images(a)[i].len;
    return a->fd >= 0 && len > IMAGE_COPIED;
}

/* Runs of the memory image: large ones are copied on write from the file itself. */
static bool map_images(mote_instance *in, mote_error *err)
{
    const mo_artifact *a = in->artifact;
    bool mapped = mo_images_are_mapped(a);
    for (uint32_t i = 0; i < a->meta->images.n; i++) {
        const mo_meta_image *image = &mo_meta_images(a)[i];
        const mote_memory *memory = in->memories[image->memory];
        uint8_t *to = memory->desc->base + image->memory_at;
        if (!mapped || memory->shared)
            memcpy(to, a->image + image->at, image->len);
        else if (mmap(to, image->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, a->fd,
                      (off_t)(a->image_at + image->at)) == MAP_FAILED)
            return mo_fail_nomem(err);
    }
    return true;
}

static bool trap(mote_error *err, mo_trap_code code, const char *what, uint32_t i)
{
    mo_fail(err, MOTE_TRAP, MOTE_NOWHERE, "%s: %s segment %" PRIu32, mote_trap_code_text((mote_trap_code)code), what,
            i);
    err->trap = code;
    return false;
}

static uint64_t address(const mo_slot_value *value, bool is64) { return is64 ? value->i64 : value->i32; }

static bool place_elem(mote_instance *in, uint32_t i, mote_error *err)
{
    const mo_meta_elem *elem = &mo_meta_elems(in->artifact)[i];
    mo_slot_value to;
    if (elem->mode == MO_ACTIVE) {
        if (!mo_const_eval(in, elem->offset, &to, err))
            return false;
        uint32_t n = elem->exprs.n ? elem->exprs.n : elem->funcs.n;
        uint64_t at = address(&to, in->tables[elem->table]->is64);
        if (!mo_table_init_inside(in, elem->table, i, at, 0, n))
            return trap(err, MO_TRAP_TABLE_BOUNDS, "element", i);
        mo_table_init(in, elem->table, i, at, 0, n);
    }
    if (elem->mode != MO_PASSIVE)
        *mo_instance_dropped(in, false, i) = 1;
    return true;
}

static bool place_data(mote_instance *in, uint32_t i, mote_error *err)
{
    const mo_meta_data *data = &mo_meta_datas(in->artifact)[i];
    mo_slot_value to;
    if (data->mode != MO_ACTIVE)
        return true;
    *mo_instance_dropped(in, true, i) = 1;
    if (data->in_image)
        return true;
    if (!mo_const_eval(in, data->offset, &to, err))
        return false;
    mote_memory *memory = in->memories[data->memory];
    uint64_t at = address(&to, memory->is64);
    if (!mo_memory_inside(memory, at, data->bytes.n))
        return trap(err, MO_TRAP_MEMORY_BOUNDS, "data", i);
    if (data->bytes.n)
        memcpy(memory->desc->base + at, mo_meta_at(in->artifact, data->bytes), data->bytes.n);
    return true;
}

static bool place_segments(mote_instance *in, mote_error *err)
{
    const mo_meta *meta = mo_instance_meta(in);
    for (uint32_t i = 0; i < meta->nelems; i++)
        if (!place_elem(in, i, err))
            return false;
    for (uint32_t i = 0; i < meta->ndatas; i++)
        if (!place_data(in, i, err))
            return false;
    return true;
}

/* --- the whole ---------------------------------------------------------- */

static bool check_imports(const mo_artifact *a, mote_store *store, const mote_extern *imports, size_t nimports,
                          mote_error *err)
{
    if (nimports != a->meta->nimports)
        return mo_fail(err, MOTE_LINK, MOTE_NOWHERE, "imports: want %" PRIu32 ", have %zu", a->meta->nimports,
                       nimports);
    for (uint32_t i = 0; i < a->meta->nimports; i++)
        if (!mo_import_check(a, i, store, &imports[i], err))
            return false;
    return true;
}

/* Takes an instance out of its store's lists, where its memories came last. */
static void unmake(mote_instance *in)
{
    mote_store *store = in->store;
    const mo_meta *meta = mo_instance_meta(in);
    for (uint32_t i = own_memories(meta); i-- > 0;) {
        mote_memory *memory = &in->own_memories[i];
        if (!memory->store)
            continue;
        store->memories = memory->next;
        if (!memory->shared)
            store->used.memory_bytes -= memory->desc->bytes;
    }
    for (uint32_t i = 0; i < own_tables(meta); i++)
        if (in->own_tables[i].desc)
            store->used.table_elements -= in->own_tables[i].desc->n;
    store->used.instances--;
}

/* mo_instance_make's pieces that can fail before others can see the instance. */
static bool build(mote_instance *in, plan *p, mote_error *err)
{
    return take_slot(in, p, err) && fill_context(in, p, err) && map_images(in, err) && init_tables(in, err);
}

mote_status mo_instance_make(mote_store *store, mo_artifact *artifact, const mote_extern *imports, size_t nimports,
                             mote_instance **ret, mote_error *err)
{
    plan p = {.a = artifact, .meta = artifact->meta, .imports = imports};
    if (!check_imports(artifact, store, imports, nimports, err))
        return err->status;
    mote_instance *in = take_block(&p);
    if (!in)
        return mo_fail_nomem(err), err->status;
    if (!plan_tables(&p, store, err) || !plan_memories(&p, store, err) ||
        (!mo_store_take(&store->used.instances, store->limits.instances, 1) &&
         !mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "instances: limit is %" PRIu64, store->limits.instances))) {
        mo_free(in);
        return err->status;
    }
    in->store = store;
    in->artifact = artifact;
    mo_artifact_ref(artifact);
    if (!build(in, &p, err)) {
        unmake(in);
        mo_instance_release(in);
        return err->status;
    }
    in->next = store->instances;
    store->instances = in;
    if (!place_segments(in, err))
        return err->status;
    *ret = in;
    return MOTE_OK;
}

void mo_instance_release(mote_instance *in)
{
    const mo_meta *meta = mo_instance_meta(in);
    mo_reset_free(in->kept);
    for (uint32_t i = 0; i < own_memories(meta); i++)
        mo_memory_forget(&in->own_memories[i]);
    for (uint32_t i = 0; i < own_tables(meta); i++) {
        mo_free(in->own_tables[i].grown);
        mo_free(in->own_tables[i].kept);
    }
    if (own_memories(meta) == 1 && !in->own_memories[0].shared && in->own_memories[0].desc)
        mo_slot_give_used(in->store->spares, &in->slot, in->head_used, in->own_memories[0].most);
    else
        mo_slot_give(in->store->spares, &in->slot);
    mo_artifact_unref(in->artifact);
    mo_free(in);
}
