/* helpers.c - abi.def's helpers: what compiled code leaves to C. Called through the
 * stubs of x86_64.S, which look at run->interrupt on the way back; so a helper that
 * sees it may stop halfway and return anything. Long work looks at it every 64 KiB, and
 * lets others run where its fiber has had its slice. */
#include "call/call.h"
#include "instance/reset.h"

#define PIECE ((uint64_t)64 << 10)

static mote_memory *memory_of(const mo_context *context, uint32_t i) { return mo_instance_of(context)->memories[i]; }
static mote_table *table_of(const mo_context *context, uint32_t i) { return mo_instance_of(context)->tables[i]; }

static bool interrupted(const mo_context *context)
{
    mo_preempt_look(context->run);
    return __atomic_load_n(&context->run->interrupt, __ATOMIC_RELAXED) != 0;
}

static void check_memory(mo_context *context, const mote_memory *memory, uint64_t at, uint64_t len)
{
    if (!mo_memory_inside(memory, at, len))
        mo_raise(context->run, MO_TRAP_MEMORY_BOUNDS);
}

static void check_table(mo_context *context, const mote_table *table, uint64_t i, uint64_t n)
{
    if (!mo_table_inside(table, i, n))
        mo_raise(context->run, MO_TRAP_TABLE_BOUNDS);
}

static uint64_t piece_of(uint64_t len) { return len < PIECE ? len : PIECE; }

/* --- memories ----------------------------------------------------------- */

uint64_t mo_helper_memory_grow(mo_context *context, uint32_t memory, uint64_t pages)
{
    return (uint64_t)mo_memory_grow(memory_of(context, memory), pages);
}

/* The same of bytes that are about to be written. */
static void check_write(mo_context *context, mote_memory *memory, uint64_t to, uint64_t len)
{
    check_memory(context, memory, to, len);
    if (!mo_reset_ready(memory, memory->desc->base + to, len))
        mo_raise(context->run, MO_TRAP_MEMORY_LIMIT);
}

void mo_helper_memory_fill(mo_context *context, uint32_t memory_index, uint64_t to, uint32_t byte, uint64_t len)
{
    mote_memory *memory = memory_of(context, memory_index);
    check_write(context, memory, to, len);
    uint8_t *at = memory->desc->base + to;
    while (len && !interrupted(context)) {
        uint64_t n = piece_of(len);
        memset(at, (int)(uint8_t)byte, n);
        at += n;
        len -= n;
    }
}

/* Piece by piece, from the end that does not overwrite what is still to be read. */
static void move(const mo_context *context, uint8_t *to, const uint8_t *from, uint64_t len)
{
    bool forward = to <= from;
    while (len && !interrupted(context)) {
        uint64_t n = piece_of(len);
        len -= n;
        if (forward) {
            memmove(to, from, n);
            to += n;
            from += n;
        } else {
            memmove(to + len, from + len, n);
        }
    }
}

void mo_helper_memory_copy(mo_context *context, uint32_t to_index, uint32_t from_index, uint64_t to, uint64_t from,
                           uint64_t len)
{
    mote_memory *target = memory_of(context, to_index);
    const mote_memory *source = memory_of(context, from_index);
    check_memory(context, source, from, len);
    check_write(context, target, to, len);
    move(context, target->desc->base + to, source->desc->base + from, len);
}

void mo_helper_memory_init(mo_context *context, uint32_t memory_index, uint32_t data_index, uint64_t to,
                           uint32_t from, uint32_t len)
{
    const mote_instance *instance = mo_instance_of(context);
    mote_memory *memory = instance->memories[memory_index];
    const mo_meta_data *data = &mo_meta_datas(instance->artifact)[data_index];
    uint32_t have = *mo_instance_dropped(instance, true, data_index) ? 0 : data->bytes.n;
    if (len > have || from > have - len)
        mo_raise(context->run, MO_TRAP_MEMORY_BOUNDS);
    check_write(context, memory, to, len);
    move(context, memory->desc->base + to, (const uint8_t *)mo_meta_at(instance->artifact, data->bytes) + from, len);
}

void mo_helper_data_drop(mo_context *context, uint32_t data)
{
    *mo_instance_dropped(mo_instance_of(context), true, data) = 1;
}

/* --- tables ------------------------------------------------------------- */

uint64_t mo_helper_table_get(mo_context *context, uint32_t table_index, uint64_t i)
{
    const mote_table *table = table_of(context, table_index);
    check_table(context, table, i, 1);
    return mo_table_get(table, i);
}

void mo_helper_table_set(mo_context *context, uint32_t table_index, uint64_t i, uint64_t reference)
{
    mote_table *table = table_of(context, table_index);
    check_table(context, table, i, 1);
    mo_table_set(table, i, reference);
}

static void look(mote_store *store) { mo_preempt_look(&store->run); }

uint64_t mo_helper_table_grow(mo_context *context, uint32_t table, uint64_t reference, uint64_t n)
{
    return (uint64_t)mo_table_grow(table_of(context, table), n, reference, look);
}

void mo_helper_table_fill(mo_context *context, uint32_t table_index, uint64_t i, uint64_t reference, uint64_t n)
{
    mote_table *table = table_of(context, table_index);
    check_table(context, table, i, n);
    uint64_t step = PIECE / sizeof(mo_table_entry);
    for (; n && !interrupted(context); i += step, n -= n < step ? n : step)
        mo_table_fill(table, i, reference, n < step ? n : step);
}

void mo_helper_table_copy(mo_context *context, uint32_t to_index, uint32_t from_index, uint64_t to, uint64_t from,
                          uint64_t n)
{
    mote_table *target = table_of(context, to_index);
    const mote_table *source = table_of(context, from_index);
    check_table(context, source, from, n);
    check_table(context, target, to, n);
    size_t size = mo_table_entry_size(target->funcs); /* of one type: both have the same */
    move(context, (uint8_t *)target->desc->entries + to * size,
         (const uint8_t *)source->desc->entries + from * size, n * size);
}

void mo_helper_table_init(mo_context *context, uint32_t table, uint32_t elem, uint64_t to, uint32_t from, uint32_t n)
{
    mote_instance *instance = mo_instance_of(context);
    if (!mo_table_init_inside(instance, table, elem, to, from, n))
        mo_raise(context->run, MO_TRAP_TABLE_BOUNDS);
    uint32_t step = PIECE / sizeof(mo_table_entry);
    for (; n && !interrupted(context); to += step, from += step, n -= n < step ? n : step)
        mo_table_init(instance, table, elem, to, from, n < step ? n : step);
}

void mo_helper_elem_drop(mo_context *context, uint32_t elem)
{
    *mo_instance_dropped(mo_instance_of(context), false, elem) = 1;
}

/* --- types, exceptions, fuel -------------------------------------------- */

uint32_t mo_helper_type_matches(mo_context *context, uint32_t id, uint32_t wanted)
{
    (void)context;
    return id && mo_type_id_below(id, wanted);
}

void *mo_helper_exception_new(mo_context *context, uint32_t tag_index)
{
    const mo_tag_desc *tag = mo_instance_of(context)->tags[tag_index]->desc;
    mo_exception *exn = mo_exception_new(mo_store_of(context->run), tag->nparams);
    if (!exn)
        mo_raise(context->run, MO_TRAP_MEMORY_LIMIT);
    exn->tag = tag;
    exn->nparams = tag->nparams;
    memcpy(exn->params, context->run->xfer, tag->nparams * sizeof *exn->params);
    return exn;
}

MO_NO_RETURN_KNOWN void mo_helper_exception_throw(mo_context *context, void *exn)
{
    if (!exn)
        mo_raise(context->run, MO_TRAP_NULL_EXCEPTION);
    mo_throw(context->run, exn);
}

void mo_helper_out_of_fuel(mo_context *context) { mo_raise(context->run, MO_TRAP_OUT_OF_FUEL); }
