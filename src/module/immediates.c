/* immediates.c - what follows an opcode, one reader per shape (ops.h, mo_imm).
 * Indices are checked in check_*.c, where the words for a failure are. */
#include "module/check.h"

static mo_reader reader_at(const mo_body *b)
{
    return (mo_reader){.base = b->module->bytes.at, .at = b->at, .end = b->end, .module = b->module, .err = b->err};
}

static bool leave(mo_body *b, const mo_reader *r, bool ok)
{
    b->at = r->at;
    b->state->used |= r->used;
    return ok;
}

/* --- numbers ----------------------------------------------------------- */

static inline bool read_u32(mo_body *b, const char *what, uint32_t *ret)
{
    size_t left = (size_t)(b->end - b->at);
    if (mo_likely(left > 0 && b->at[0] < 0x80)) {
        *ret = *b->at++;
        return true;
    }
    if (left > 1 && b->at[1] < 0x80) {
        *ret = (b->at[0] & 0x7fu) | (uint32_t)b->at[1] << 7;
        b->at += 2;
        return true;
    }
    mo_reader r = reader_at(b);
    return leave(b, &r, mo_read_u32(&r, what, ret));
}

static bool read_byte(mo_body *b, const char *what, uint8_t *ret)
{
    mo_reader r = reader_at(b);
    return leave(b, &r, mo_read_byte(&r, what, ret));
}

static bool read_i32(mo_body *b, mo_insn *i)
{
    int32_t value;
    if (mo_likely(b->at < b->end && *b->at < 0x80)) {
        i->bits = (uint64_t)(int64_t)((int8_t)(uint8_t)(*b->at++ << 1) >> 1);
        return true;
    }
    mo_reader r = reader_at(b);
    if (!leave(b, &r, mo_read_i32(&r, "i32.const", &value))) return false;
    i->bits = (uint64_t)(int64_t)value;
    return true;
}

static bool read_i64(mo_body *b, mo_insn *i)
{
    int64_t value;
    mo_reader r = reader_at(b);
    if (!leave(b, &r, mo_read_i64(&r, "i64.const", &value))) return false;
    i->bits = (uint64_t)value;
    return true;
}

static bool read_raw(mo_body *b, mo_insn *i, size_t len)
{
    mo_span bytes;
    mo_reader r = reader_at(b);
    if (!leave(b, &r, mo_read_bytes(&r, mo_op_infos[i->op].name, len, &bytes))) return false;
    memcpy(i->v128, bytes.at, len);
    return true;
}

static bool read_f32(mo_body *b, mo_insn *i)
{
    i->bits = 0;
    return read_raw(b, i, 4);
}

static bool read_f64(mo_body *b, mo_insn *i) { return read_raw(b, i, 8); }
static bool read_v128(mo_body *b, mo_insn *i) { return read_raw(b, i, 16); }

/* --- lanes ------------------------------------------------------------- */

static bool check_lane(mo_body *b, const mo_insn *i, uint32_t lane, uint32_t nlanes)
{
    if (mo_likely(lane < nlanes)) return true;
    return mo_check_fail(b, i, MOTE_INVALID, "invalid lane index %" PRIu32 ", there are %" PRIu32, lane, nlanes);
}

static uint32_t lanes_of(const mo_insn *i) { return 16u >> mo_rows[i->op].access; }

static bool read_lane(mo_body *b, mo_insn *i)
{
    uint8_t lane;
    if (!read_byte(b, "lane", &lane)) return false;
    i->index = lane;
    return check_lane(b, i, lane, lanes_of(i));
}

static bool read_shuffle(mo_body *b, mo_insn *i)
{
    if (!read_raw(b, i, 16)) return false;
    for (int k = 0; k < 16; k++)
        if (!check_lane(b, i, i->v128[k], 32)) return false;
    return true;
}

/* --- memory accesses --------------------------------------------------- */

/* Bit 6 of the alignment says that a memory index follows. */
static bool read_memory_index(mo_body *b, mo_insn *i, uint32_t flags)
{
    if (flags >= 128)
        return mo_check_fail(b, i, MOTE_MALFORMED, "malformed memop flags: want less than 128, have %" PRIu32, flags);
    return mo_check_feature(b, i, MO_FEATURE_MULTI_MEMORY) && read_u32(b, "memory index", &i->memarg.memory);
}

static bool read_align(mo_body *b, mo_insn *i)
{
    uint32_t flags;
    i->memarg.memory = 0;
    if (!read_u32(b, "alignment", &flags)) return false;
    i->memarg.align = flags & 63;
    return mo_likely(flags < 64) || read_memory_index(b, i, flags);
}

static bool read_mem(mo_body *b, mo_insn *i)
{
    if (!read_align(b, i)) return false;
    if (mo_likely(b->at < b->end && *b->at < 0x80)) {
        i->memarg.offset = *b->at++;
        return true;
    }
    mo_reader r = reader_at(b);
    return leave(b, &r, mo_read_u64(&r, "memory offset", &i->memarg.offset));
}

static bool read_mem_lane(mo_body *b, mo_insn *i)
{
    return read_mem(b, i) && read_byte(b, "lane", &i->memarg.lane) && check_lane(b, i, i->memarg.lane, lanes_of(i));
}

/* --- indices ----------------------------------------------------------- */

static bool read_index(mo_body *b, mo_insn *i) { return read_u32(b, "index", &i->index); }

static bool read_two(mo_body *b, mo_insn *i)
{
    return read_u32(b, "index", &i->index) && read_u32(b, "index", &i->index2);
}

/* In the binary format the segment stands first. */
static bool read_init(mo_body *b, mo_insn *i)
{
    return read_u32(b, "segment index", &i->index2) && read_u32(b, "index", &i->index);
}

static bool read_type_index(mo_body *b, mo_insn *i, uint32_t *ret)
{
    mo_reader r = reader_at(b);
    return leave(b, &r, mo_read_type_index(&r, mo_op_infos[i->op].name, ret));
}

static bool read_type(mo_body *b, mo_insn *i) { return read_type_index(b, i, &i->index); }

static bool read_type_and_index(mo_body *b, mo_insn *i)
{
    return read_type_index(b, i, &i->index) && read_u32(b, "index", &i->index2);
}

static bool read_type_type(mo_body *b, mo_insn *i)
{
    return read_type_index(b, i, &i->index) && read_type_index(b, i, &i->index2);
}

static bool read_fence(mo_body *b, mo_insn *i)
{
    uint8_t zero;
    if (!read_byte(b, "zero byte", &zero)) return false;
    return zero == 0 || mo_check_fail(b, i, MOTE_MALFORMED, "zero byte expected, have 0x%02x", zero);
}

/* --- types ------------------------------------------------------------- */

static bool read_heap_type(mo_body *b, uint32_t *ret)
{
    mo_reader r = reader_at(b);
    return leave(b, &r, mo_read_heap_type(&r, ret));
}

static bool read_heap(mo_body *b, mo_insn *i)
{
    uint32_t heap;
    if (!read_heap_type(b, &heap)) return false;
    i->type = mo_ref_type(heap, true);
    return true;
}

static bool read_cast(mo_body *b, mo_insn *i)
{
    uint32_t heap;
    if (!read_heap_type(b, &heap)) return false;
    i->type = mo_ref_type(heap, i->op == MO_OP_ref_test_null || i->op == MO_OP_ref_cast_null);
    return true;
}

static bool read_br_on_cast(mo_body *b, mo_insn *i)
{
    uint8_t flags;
    uint32_t from, to;
    if (!read_byte(b, "cast flags", &flags)) return false;
    if (flags > 3) return mo_check_fail(b, i, MOTE_MALFORMED, "malformed cast flags: want at most 3, have %u", flags);
    if (!read_u32(b, "label", &i->index) || !read_heap_type(b, &from) || !read_heap_type(b, &to)) return false;
    i->type = mo_ref_type(from, flags & 1);
    i->type2 = mo_ref_type(to, flags & 2);
    return true;
}

static bool read_select(mo_body *b, mo_insn *i)
{
    uint32_t n;
    if (!read_u32(b, "number of types", &n)) return false;
    if (n != 1) return mo_check_fail(b, i, MOTE_INVALID, "invalid result arity: want 1, have %" PRIu32, n);
    mo_reader r = reader_at(b);
    return leave(b, &r, mo_read_valtype(&r, &i->type));
}

/* --- blocks ------------------------------------------------------------ */

/* A block's one result as an array of one that lives as long as the body. */
static const mo_valtype *one_result(mo_body *b, mo_valtype type)
{
    static const mo_valtype numbers[] = {MO_V128, MO_F64, MO_F32, MO_I64, MO_I32};
    if (!mo_is_ref(type)) return &numbers[type - MO_V128];
    mo_valtype *result = mo_arena_take(&b->state->block_results, sizeof *result);
    if (result) *result = type;
    return result;
}

static bool function_block(mo_body *b, mo_insn *i, uint32_t index)
{
    const mo_type *type = &b->module->types[index];
    if (type->kind != MO_TYPE_FUNC)
        return mo_check_fail(b, i, MOTE_INVALID, "want a function type, type %" PRIu32 " is none", index);
    i->block = (mo_block_type){type->nparams, type->nresults, type->params, type->results};
    return true;
}

static bool read_block(mo_body *b, mo_insn *i)
{
    mo_block_form form;
    mo_valtype single = MO_I32;
    uint32_t type = 0;
    i->block = (mo_block_type){0};
    if (mo_likely(b->at < b->end && *b->at == 0x40)) {
        b->at++;
        return true;
    }
    mo_reader r = reader_at(b);
    if (!leave(b, &r, mo_read_block_type(&r, &form, &single, &type))) return false;
    if (form == MO_BLOCK_TYPE) return function_block(b, i, type);
    i->block.nresults = 1;
    i->block.results = one_result(b, single);
    return i->block.results || mo_fail_nomem(b->err);
}

static bool read_catch(mo_body *b, mo_insn *i, mo_catch *ret)
{
    uint8_t kind;
    ret->tag = 0;
    if (!read_byte(b, "catch kind", &kind)) return false;
    if (kind > MO_CATCH_ALL_REF) return mo_check_fail(b, i, MOTE_MALFORMED, "malformed catch kind 0x%02x", kind);
    ret->kind = (mo_catch_kind)kind;
    if (kind <= MO_CATCH_REF && !read_u32(b, "tag index", &ret->tag)) return false;
    return read_u32(b, "label", &ret->label);
}

static bool read_try_table(mo_body *b, mo_insn *i)
{
    struct mo_body_state *s = b->state;
    if (!read_block(b, i)) return false;
    mo_reader r = reader_at(b);
    if (!leave(b, &r, mo_read_count(&r, "catch clauses", 2, &i->ncatches))) return false;
    if (!mo_grow(&s->catches, &s->catches_cap, i->ncatches, sizeof *s->catches)) return mo_fail_nomem(b->err);
    i->catches = s->catches;
    for (uint32_t k = 0; k < i->ncatches; k++)
        if (!read_catch(b, i, &s->catches[k])) return false;
    return true;
}

static bool read_br_table(mo_body *b, mo_insn *i)
{
    struct mo_body_state *s = b->state;
    mo_reader r = reader_at(b);
    if (!leave(b, &r, mo_read_count(&r, "labels", 1, &i->nlabels))) return false;
    if (!MO_WITHIN(b->err, s->limits, br_table, i->nlabels, i->at)) return false;
    if (!mo_grow(&s->labels, &s->labels_cap, (size_t)i->nlabels + 1, sizeof *s->labels)) return mo_fail_nomem(b->err);
    i->labels = s->labels;
    for (uint32_t k = 0; k <= i->nlabels; k++)
        if (!read_u32(b, "label", &s->labels[k])) return false;
    return true;
}

/* ----------------------------------------------------------------------- */

bool (*const mo_immediates[])(mo_body *b, mo_insn *i) = {
    [MO_IMM_BLOCK] = read_block,
    [MO_IMM_TRY_TABLE] = read_try_table,
    [MO_IMM_LABEL] = read_index,
    [MO_IMM_BR_TABLE] = read_br_table,
    [MO_IMM_FUNC] = read_index,
    [MO_IMM_CALL_INDIRECT] = read_type_and_index,
    [MO_IMM_TYPE] = read_type,
    [MO_IMM_LOCAL] = read_index,
    [MO_IMM_GLOBAL] = read_index,
    [MO_IMM_TABLE] = read_index,
    [MO_IMM_TAG] = read_index,
    [MO_IMM_ELEM] = read_index,
    [MO_IMM_DATA] = read_index,
    [MO_IMM_MEMORY] = read_index,
    [MO_IMM_TABLE_COPY] = read_two,
    [MO_IMM_TABLE_INIT] = read_init,
    [MO_IMM_MEMORY_COPY] = read_two,
    [MO_IMM_MEMORY_INIT] = read_init,
    [MO_IMM_I32] = read_i32,
    [MO_IMM_I64] = read_i64,
    [MO_IMM_F32] = read_f32,
    [MO_IMM_F64] = read_f64,
    [MO_IMM_V128] = read_v128,
    [MO_IMM_SHUFFLE] = read_shuffle,
    [MO_IMM_LANE] = read_lane,
    [MO_IMM_MEM] = read_mem,
    [MO_IMM_MEM_LANE] = read_mem_lane,
    [MO_IMM_HEAP] = read_heap,
    [MO_IMM_SELECT] = read_select,
    [MO_IMM_FENCE] = read_fence,
    [MO_IMM_CAST] = read_cast,
    [MO_IMM_BR_ON_CAST] = read_br_on_cast,
    [MO_IMM_FIELD] = read_type_and_index,
    [MO_IMM_TYPE_TYPE] = read_type_type,
    [MO_IMM_TYPE_N] = read_type_and_index,
    [MO_IMM_TYPE_DATA] = read_type_and_index,
    [MO_IMM_TYPE_ELEM] = read_type_and_index,
};
