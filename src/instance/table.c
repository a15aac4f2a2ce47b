/* table.c - tables. Entries of functions are written here and nowhere else, whole:
 * compiled code reads them while nothing can interrupt a write midway. */
#include "instance/instance.h"

#include "mote/table.h"

bool mo_table_is_of_funcs(const mo_meta_type *types, mo_valtype type)
{
    uint32_t heap = mo_heap(type);
    if (mo_heap_is_concrete(heap))
        return types && types[heap].kind == MO_TYPE_FUNC;
    return heap == MO_HEAP_FUNC || heap == MO_HEAP_NOFUNC;
}

mo_reference mo_table_get(const mote_table *table, uint64_t i)
{
    if (table->funcs)
        return (uintptr_t)((const mo_table_entry *)table->desc->entries)[i].ref;
    return ((const mo_reference *)table->desc->entries)[i];
}

static mo_table_entry entry_for(mo_reference value)
{
    mo_funcref *ref = (mo_funcref *)(uintptr_t)value;
    if (!ref)
        return (mo_table_entry){0};
    return (mo_table_entry){.code = ref->code, .context = ref->context, .type_id = ref->type_id, .ref = ref};
}

/* A write that cannot be undone makes the instance one that cannot be reset. */
static void before_write(mote_table *table)
{
    if (!table->is_tracked || table->written)
        return;
    if (table->kept || mo_table_keep(table))
        table->written = true;
    else
        table->lost = true;
}

void mo_table_fill(mote_table *table, uint64_t i, mo_reference value, uint64_t n)
{
    before_write(table);
    if (table->funcs) {
        mo_table_entry *entries = table->desc->entries, entry = entry_for(value);
        for (uint64_t end = i + n; i < end; i++)
            entries[i] = entry;
    } else {
        mo_reference *words = table->desc->entries;
        for (uint64_t end = i + n; i < end; i++)
            words[i] = value;
    }
}

void mo_table_set(mote_table *table, uint64_t i, mo_reference value) { mo_table_fill(table, i, value, 1); }

#define PIECE 2048 /* elements, 64 KiB at most */

/* Room for n elements; the slot's own room is left for the heap once it is too small. */
static bool make_room(mote_table *table, uint64_t n, mo_table_pause *pause)
{
    if (n <= table->room)
        return true;
    uint64_t room = table->room * 2 > n ? table->room * 2 : n;
    if (room > table->max)
        room = table->max;
    size_t size = mo_table_entry_size(table->funcs);
    void *grown = mo_calloc(room, size);
    if (!grown)
        return false;
    for (uint64_t i = 0, have = table->desc->n; i < have; i += PIECE) {
        uint64_t step = have - i < PIECE ? have - i : PIECE;
        memcpy((uint8_t *)grown + i * size, (uint8_t *)table->desc->entries + i * size, step * size);
        if (pause)
            pause(table->store);
    }
    table->desc->entries = grown;
    mo_free(table->grown);
    table->grown = grown;
    table->room = room;
    return true;
}

static void fill_in_pieces(mote_table *table, uint64_t i, mo_reference value, uint64_t n, mo_table_pause *pause)
{
    for (uint64_t step; n; i += step, n -= step) {
        step = n < PIECE ? n : PIECE;
        mo_table_fill(table, i, value, step);
        if (pause)
            pause(table->store);
    }
}

int64_t mo_table_grow(mote_table *table, uint64_t delta, mo_reference value, mo_table_pause *pause)
{
    mote_store *store = table->store;
    uint64_t old = table->desc->n;
    if (delta > table->max - old || delta > SIZE_MAX / 64 - old ||
        !mo_store_take(&store->used.table_elements, store->limits.table_elements, delta)) {
        store->limited |= delta <= table->max - old;
        return -1;
    }
    if (!make_room(table, old + delta, pause)) {
        store->used.table_elements -= delta;
        return -1;
    }
    fill_in_pieces(table, old, value, delta, pause);
    table->desc->n = old + delta;
    return (int64_t)old;
}

/* --- the public side ---------------------------------------------------- */

static bool check_type(const mote_tabletype *type, mote_error *err)
{
    uint32_t heap = mo_heap(type->element);
    if (!mo_is_ref(type->element) || (heap != MO_HEAP_FUNC && heap != MO_HEAP_EXTERN && heap != MO_HEAP_EXN))
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE,
                       "table type: elements must be func, extern or exn references");
    uint64_t most = type->is64 ? UINT64_MAX : UINT32_MAX;
    if (type->min > most || (type->has_max && (type->max > most || type->max < type->min)))
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "table type: %" PRIu64 " to %" PRIu64 " elements is none",
                       type->min, type->has_max ? type->max : most);
    return true;
}

static bool check_value(const mote_table *table, const mote_raw *value, mote_error *err)
{
    char text[MO_TYPE_TEXT];
    return mo_value_fits(table->store, table->type, value) ||
           mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "table: want %s of its store, have another value",
                   mo_type_text(table->type, text));
}

static bool make_table(mote_store *store, const mote_tabletype *type, const mote_raw *init, mote_table **ret,
                       mote_error *err)
{
    struct host_table {
        mote_table table;
        mo_table_desc desc;
    } *h = mo_arena_take(&store->arena, sizeof *h);
    if (!h)
        return mo_fail_nomem(err);
    mote_table *table = &h->table;
    *table = (mote_table){
        .desc = &h->desc,
        .store = store,
        .next = store->tables,
        .type = type->element,
        .is64 = type->is64,
        .has_max = type->has_max,
        .funcs = mo_table_is_of_funcs(NULL, type->element),
        .max = type->has_max ? type->max : type->is64 ? UINT64_MAX : UINT32_MAX,
    };
    if (!check_value(table, init, err))
        return false;
    if (mo_table_grow(table, type->min, init->u64, NULL) < 0)
        return mo_fail(err, type->min > store->limits.table_elements ? MOTE_LIMIT : MOTE_NOMEM, MOTE_NOWHERE,
                       "table: no room for %" PRIu64 " elements", type->min);
    store->tables = table;
    *ret = table;
    return true;
}

mote_status mote_table_new(mote_store *store, const mote_tabletype *type, mote_raw init, mote_table **ret,
                           mote_error *err)
{
    mote_error e = {0};
    if (check_type(type, &e))
        make_table(store, type, &init, ret, &e);
    return mo_told(&e, err);
}

uint64_t mote_table_size(const mote_table *table) { return table->desc->n; }
mote_store *mote_table_store(const mote_table *table) { return table->store; }

mote_tabletype mote_table_type(const mote_table *table)
{
    return (mote_tabletype){
        .element = table->type,
        .is64 = table->is64,
        .has_max = table->has_max,
        .min = table->desc->n,
        .max = table->has_max ? table->max : 0,
    };
}

static mote_status outside(const mote_table *table, uint64_t i, mote_error *err)
{
    return mo_tell(err, MOTE_MISUSE, "table: element %" PRIu64 " wanted, there are %" PRIu64, i, table->desc->n);
}

mote_status mote_table_get(const mote_table *table, uint64_t i, mote_raw *ret, mote_error *err)
{
    if (!mo_table_inside(table, i, 1))
        return outside(table, i, err);
    *ret = (mote_raw){.word = {mo_table_get(table, i), 0}};
    return MOTE_OK;
}

mote_status mote_table_set(mote_table *table, uint64_t i, mote_raw value, mote_error *err)
{
    mote_error e = {0};
    if (!mo_table_inside(table, i, 1))
        return outside(table, i, err);
    if (check_value(table, &value, &e))
        mo_table_set(table, i, value.u64);
    return mo_told(&e, err);
}

mote_status mote_table_grow(mote_table *table, uint64_t delta, mote_raw init, uint64_t *retold, mote_error *err)
{
    mote_error e = {0};
    if (!check_value(table, &init, &e))
        return mo_told(&e, err);
    int64_t old = mo_table_grow(table, delta, init.u64, NULL);
    if (old < 0)
        return mo_tell(err, MOTE_LIMIT, "table: %" PRIu64 " elements cannot grow by %" PRIu64, table->desc->n, delta);
    if (retold)
        *retold = (uint64_t)old;
    return MOTE_OK;
}
