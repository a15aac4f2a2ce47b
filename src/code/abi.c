/* abi.c - mo_module -> the context's layout. Pure arithmetic; the compilers and
 * the artifact's writer call it, a running host only reads what it wrote. */
#include "code/abi.h"

uint32_t mo_places(const mo_valtype *types, uint32_t n, uint32_t nint, uint32_t nvec, mo_place *places)
{
    uint32_t ints = 0, vecs = 0, xfers = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t kind = mo_kind(types[i]);
        bool vec = kind == MO_F32 || kind == MO_F64 || kind == MO_V128;
        if (vec && vecs < nvec)
            places[i] = (mo_place){MO_IN_VEC, vecs++};
        else if (!vec && ints < nint)
            places[i] = (mo_place){MO_IN_INT, ints++};
        else
            places[i] = (mo_place){MO_IN_XFER, xfers++};
    }
    return xfers;
}

static uint32_t reserve(uint64_t *at, uint64_t n, uint64_t size)
{
    uint64_t start = mo_round_up(*at, 16);
    *at = start + n * size;
    return (uint32_t)start;
}

bool mo_layout_make(const mo_module *m, mo_layout *ret, mote_error *err)
{
    uint32_t nrecords = 0;
    for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++)
        nrecords += m->funcs[i].referenced;
    uint64_t at = sizeof(mo_context);
    mo_layout l = {
        .imports_at = reserve(&at, m->nimported_funcs, sizeof(mo_ctx_import)),
        .nrecords = nrecords,
    };
    l.memories_at = reserve(&at, m->nmemories, sizeof(mo_ctx_memory));
    l.tables_at = reserve(&at, m->ntables, sizeof(mo_table_desc *));
    l.globals_at = reserve(&at, m->nglobals, sizeof(mo_slot_value));
    l.tags_at = reserve(&at, m->ntags, sizeof(mo_tag_desc *));
    l.own_memories_at = reserve(&at, m->nmemories - m->nimported_memories, sizeof(mo_memory_desc));
    l.own_tables_at = reserve(&at, m->ntables - m->nimported_tables, sizeof(mo_table_desc));
    l.own_tags_at = reserve(&at, m->ntags - m->nimported_tags, sizeof(mo_tag_desc));
    l.type_ids_at = reserve(&at, m->ntypes, sizeof(uint32_t));
    l.funcrefs_at = reserve(&at, nrecords, sizeof(mo_funcref));
    l.dropped_at = reserve(&at, (uint64_t)m->nelems + m->ndatas, 1);
    at = mo_round_up(at, 64);
    if (at > INT32_MAX) /* displacements are signed 32-bit */
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE,
                       "instance context: %" PRIu64 " bytes wanted, limit is %d", at, INT32_MAX);
    l.size = (uint32_t)at;
    *ret = l;
    return true;
}

void mo_layout_records(const mo_module *m, uint32_t *records)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < m->nfuncs; i++)
        records[i] = i >= m->nimported_funcs && m->funcs[i].referenced ? next++ : MO_NO_RECORD;
}

/* The text of abi.def's lists and the sizes that they imply, hashed. */
uint64_t mo_abi_hash(void)
{
    static const char text[] = "2"
#define CTX(type, name) #type " " #name ";"
#include "code/abi.def"
#define RUN(type, name) #type " " #name ";"
#include "code/abi.def"
#define HELPER(name, ...) #name "(" #__VA_ARGS__ ");"
#include "code/abi.def"
#define TRAP(name, code, text) #name "=" #code ";"
#include "code/abi.def"
        ;
    const uint64_t sizes[] = {
        sizeof(mo_context), sizeof(mo_run), sizeof(mo_funcref), sizeof(mo_table_entry),
        sizeof(mo_memory_desc), sizeof(mo_table_desc), sizeof(mo_ctx_memory),
        sizeof(mo_ctx_import), sizeof(mo_tag_desc), sizeof(mo_exception), MO_XFER_SLOTS,
        MO_INT_ARGS, MO_VEC_ARGS, MO_INT_RESULTS, MO_VEC_RESULTS,
        MO_MEMORY_RESERVE, MO_GUARD_BEFORE, MO_GUARD_AFTER, MO_OFFSET_FOLDED,
    };
    return mo_hash64(sizes, sizeof sizes, mo_hash64(text, sizeof text - 1, 0));
}
