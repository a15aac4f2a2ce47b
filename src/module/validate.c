/* validate.c - the next instruction: its opcode, what follows it (immediates.c),
 * what it does to the stacks. Here stand the instructions whose row in ops.def
 * says it all; the others are in check_*.c. */
#include "module/check.h"

/* --- opcodes ----------------------------------------------------------- */

bool mo_body_place(mo_body *b)
{
    if (b->err && b->err->function == MOTE_NOWHERE && b->func != UINT32_MAX) b->err->function = b->func;
    return false;
}

static const char *legacy_name(uint32_t code)
{
    switch (code) {
    case 0x06: return "try";
    case 0x07: return "catch";
    case 0x09: return "rethrow";
    case 0x18: return "delegate";
    case 0x19: return "catch_all";
    default: return NULL;
    }
}

static bool fail_opcode(mo_body *b, const mo_insn *i, uint32_t code)
{
    const char *legacy = legacy_name(code);
    if (legacy)
        return mo_fail(b->err, MOTE_UNSUPPORTED, i->at, "legacy exceptions: '%s'; recompile with the final encoding",
                       legacy);
    return mo_fail(b->err, MOTE_MALFORMED, i->at, "illegal opcode 0x%02x", code);
}

/* The opcode's number after its prefix. */
static bool fetch_prefixed(mo_body *b, mo_insn *i, uint32_t prefix)
{
    mo_reader r = {.base = b->module->bytes.at, .at = b->at, .end = b->end, .module = b->module, .err = b->err};
    uint32_t sub;
    if (!mo_read_u32(&r, "opcode", &sub)) return false;
    b->at = r.at;
    i->op = sub <= 0xffff ? mo_op_find(prefix << 16 | sub) : MO_OPS;
    if (i->op != MO_OPS) return true;
    return mo_fail(b->err, MOTE_MALFORMED, i->at, "illegal opcode 0x%02x %" PRIu32, prefix, sub);
}

/* The byte alone is no opcode. */
__attribute__((noinline)) static bool fetch_other(mo_body *b, mo_insn *i, uint32_t byte)
{
    return byte >= 0xfb && byte <= 0xfe ? fetch_prefixed(b, i, byte) : fail_opcode(b, i, byte);
}

__attribute__((noinline)) static bool use_feature(mo_body *b, const mo_insn *i, mo_feature feature)
{
    struct mo_body_state *s = b->state;
    s->op_features |= (mo_features)1 << feature;
    if (feature == MO_FEATURE_GC && s->load && !s->load->m->uses_gc_heap) {
        s->load->m->uses_gc_heap = true;
        s->load->m->gc_at = i->at;
    }
    return mo_check_feature(b, i, feature);
}

static bool fail_end(mo_body *b, const mo_insn *i)
{
    return mo_fail(b->err, MOTE_MALFORMED, i->at, "unexpected end: END opcode expected, %" PRIu32 " blocks are open", b->depth);
}

static inline bool fetch(mo_body *b, mo_insn *i)
{
    const mo_control *top = mo_top(b);
    i->at = (uint64_t)(b->at - b->module->bytes.at);
    i->reachable = !(top->unreachable | top->dead);
    if (mo_unlikely(b->at == b->end)) return fail_end(b, i);
    uint32_t byte = *b->at++;
    uint32_t found = mo_op_plus_one[byte];
    i->op = (mo_op)(found - 1);
    if (mo_unlikely(found == 0) && !fetch_other(b, i, byte)) return false;
    mo_feature feature = (mo_feature)mo_rows[i->op].feature;
    return mo_likely(feature == MO_FEATURE_MVP) || use_feature(b, i, feature);
}

/* --- rows -------------------------------------------------------------- */

#define REF_TO(heap, null) ((uint32_t)(heap) << MO_HEAP_SHIFT | (null) | MO_REF)

static const mo_valtype letters[128] = {
    ['i'] = MO_I32,
    ['l'] = MO_I64,
    ['f'] = MO_F32,
    ['d'] = MO_F64,
    ['v'] = MO_V128,
    ['q'] = REF_TO(MO_HEAP_EQ, MO_NULLABLE),
    ['a'] = REF_TO(MO_HEAP_ARRAY, MO_NULLABLE),
    ['j'] = REF_TO(MO_HEAP_I31, MO_NULLABLE),
    ['J'] = REF_TO(MO_HEAP_I31, 0),
};

static inline mo_valtype letter_type(char letter, mo_valtype address)
{
    return address && letter == 'A' ? address : letters[(uint8_t)letter];
}

static bool apply_slow(mo_body *b, const mo_insn *i, const mo_row *row, mo_valtype address)
{
    for (uint32_t k = row->nin; k-- > 0;)
        if (!mo_pop(b, i, letter_type(row->in[k], address))) return false;
    for (uint32_t k = 0; k < row->nout; k++) mo_push(b, letter_type(row->out[k], address));
    return true;
}

/* Usually all operands are there and are just what is wanted. */
static inline bool apply(mo_body *b, const mo_insn *i, const mo_row *row, mo_valtype address)
{
    uint32_t n = row->nin;
    if (mo_unlikely(b->height - mo_top(b)->height < n)) return apply_slow(b, i, row, address);
    mo_valtype *at = b->stack + b->height - n;
    for (uint32_t k = 0; k < n; k++)
        if (mo_unlikely(at[k] != letter_type(row->in[k], address))) return apply_slow(b, i, row, address);
    for (uint32_t k = 0; k < row->nout; k++) at[k] = letter_type(row->out[k], address);
    b->height += (uint32_t)row->nout - n;
    return true;
}

/* --- memory accesses --------------------------------------------------- */

static bool check_align(mo_body *b, const mo_insn *i, const mo_row *row)
{
    uint32_t align = i->memarg.align;
    if (mo_unlikely(align > row->access))
        return mo_check_fail(b, i, MOTE_INVALID, "alignment must not be larger than natural: want at most 2**%u, have 2**%u",
                             row->access, align);
    if (mo_unlikely(row->check == MO_CHECK_ATOM && align != row->access))
        return mo_check_fail(b, i, MOTE_INVALID, "atomic alignment must be natural: want 2**%u, have 2**%u", row->access,
                             align);
    return true;
}

static bool check_mem(mo_body *b, mo_insn *i, const mo_row *row)
{
    const mo_module *m = b->module;
    if (!mo_check_index(b, i, "memory", i->memarg.memory, m->nmemories) || !check_align(b, i, row)) return false;
    const mo_memory *memory = &m->memories[i->memarg.memory];
    if (mo_unlikely(i->memarg.offset > UINT32_MAX) && !memory->bounds.is64)
        return mo_check_fail(b, i, MOTE_INVALID, "offset out of range: want 32 bits, have %" PRIu64, i->memarg.offset);
    return apply(b, i, row, mo_address_type(&memory->bounds));
}

/* --- one step per row -------------------------------------------------- */

static bool step_plain(mo_body *b, mo_insn *i) { return apply(b, i, &mo_rows[i->op], 0); }

static bool step_row(mo_body *b, mo_insn *i)
{
    const mo_row *row = &mo_rows[i->op];
    return mo_immediates[row->imm](b, i) && apply(b, i, row, 0);
}

static bool step_mem(mo_body *b, mo_insn *i)
{
    const mo_row *row = &mo_rows[i->op];
    return mo_immediates[row->imm](b, i) && check_mem(b, i, row);
}

/* Each OWN row gets a function of its own, so that the processor can tell its
 * jumps from those of the others; that saves about a twelfth of all time. */
#define STEP_ROW(name, imm)
#define STEP_MEM(name, imm)
#define STEP_ATOM(name, imm)
#define STEP_OWN(name, imm)                                                              \
    static bool step_##name(mo_body *b, mo_insn *i)                                      \
    {                                                                                    \
        if ((imm) != MO_IMM_NONE && !mo_immediates[imm](b, i)) return false;             \
        return mo_check_##name(b, i);                                                    \
    }
#define OP(name, code, text, imm, in, out, check, feature, traps) STEP_##check(name, ROW_IMM_##imm & 0xff)
#include "module/ops.def"
#undef OP

#define STEP_OF_ROW(name, imm) ((imm) == MO_IMM_NONE ? step_plain : step_row)
#define STEP_OF_MEM(name, imm) step_mem
#define STEP_OF_ATOM(name, imm) step_mem
#define STEP_OF_OWN(name, imm) step_##name

static bool (*const steps[MO_OPS])(mo_body *b, mo_insn *i) = {
#define OP(name, code, text, imm, in, out, check, feature, traps) \
    [MO_OP_##name] = STEP_OF_##check(name, ROW_IMM_##imm & 0xff),
#include "module/ops.def"
#undef OP
};

/* --- pulling ----------------------------------------------------------- */

static inline bool finish(mo_body *b, mo_insn *i)
{
    return mo_likely(mo_room(b, 0)) && steps[i->op](b, i);
}

static bool check_no_more(mo_body *b)
{
    if (b->at == b->end) return true;
    return mo_fail(b->err, MOTE_MALFORMED, (uint64_t)(b->at - b->module->bytes.at),
                   "section size mismatch: %zu bytes after the body's last end", (size_t)(b->end - b->at));
}

bool mo_body_next(mo_body *b, mo_insn *ret)
{
    if (mo_unlikely(b->depth == 0)) return false;
    if (mo_likely(fetch(b, ret) && finish(b, ret)) &&
        (mo_likely(b->depth > 0) || check_no_more(b)))
        return true;
    return mo_body_place(b);
}

bool mo_body_fetch(mo_body *b, mo_insn *i) { return fetch(b, i); }
bool mo_body_finish(mo_body *b, mo_insn *i) { return finish(b, i); }
