/* const.c - constant expressions: a body of few instructions, kept decoded. */
#include "module/check.h"

/* The feature that makes op constant; MO_FEATURES + 1 if nothing does. */
static unsigned constant_since(mo_op op)
{
    switch (op) {
    case MO_OP_end: case MO_OP_i32_const: case MO_OP_i64_const: case MO_OP_f32_const: case MO_OP_f64_const:
    case MO_OP_v128_const: case MO_OP_ref_null: case MO_OP_ref_func: case MO_OP_global_get:
        return MO_FEATURE_MVP;
    case MO_OP_i32_add: case MO_OP_i32_sub: case MO_OP_i32_mul:
    case MO_OP_i64_add: case MO_OP_i64_sub: case MO_OP_i64_mul:
        return MO_FEATURE_EXTENDED_CONST;
    case MO_OP_ref_i31: case MO_OP_struct_new: case MO_OP_struct_new_default: case MO_OP_array_new:
    case MO_OP_array_new_default: case MO_OP_array_new_fixed: case MO_OP_any_convert_extern:
    case MO_OP_extern_convert_any:
        return MO_FEATURE_GC;
    default:
        return MO_FEATURES + 1;
    }
}

static bool check_constant(mo_load *l, const mo_insn *i, const char *what)
{
    unsigned since = constant_since(i->op);
    if (since <= MO_FEATURES) return mo_need(&l->r, (mo_feature)since, i->at, mo_op_infos[i->op].name);
    return mo_fail(l->err, MOTE_INVALID, i->at, "%s: constant expression required, have %s", what,
                   mo_op_infos[i->op].name);
}

static bool check_global(mo_load *l, const mo_insn *i, const char *what)
{
    if (i->op != MO_OP_global_get || !l->m->globals[i->index].mutable_) return true;
    return mo_fail(l->err, MOTE_INVALID, i->at, "%s: constant expression required, global %" PRIu32 " is mutable", what,
                   i->index);
}

static uint32_t kept_index(const mo_insn *i)
{
    switch (mo_rows[i->op].imm) {
    case MO_IMM_GLOBAL: case MO_IMM_FUNC: case MO_IMM_TYPE: case MO_IMM_TYPE_N: return i->index;
    case MO_IMM_HEAP: return mo_heap(i->type);
    default: return 0;
    }
}

static bool keep(mo_load *l, uint32_t n, const mo_insn *i)
{
    if (!mo_load_room(l, &l->insns, &l->insns_cap, (size_t)n + 1, sizeof *l->insns)) return false;
    mo_const_insn *to = &l->insns[n];
    *to = (mo_const_insn){.op = i->op, .index = kept_index(i)};
    switch (mo_rows[i->op].imm) {
    case MO_IMM_I32: case MO_IMM_I64: case MO_IMM_F32: case MO_IMM_F64: memcpy(to->bits, &i->bits, 8); break;
    case MO_IMM_V128: memcpy(to->bits, i->v128, 16); break;
    case MO_IMM_TYPE_N: memcpy(to->bits, &i->index2, 4); break;
    default: break;
    }
    return true;
}

static bool next(mo_load *l, const char *what, mo_insn *i)
{
    mo_body *b = &l->body;
    return mo_body_fetch(b, i) && check_constant(l, i, what) && mo_body_finish(b, i) && check_global(l, i, what);
}

static bool read_insns(mo_load *l, const char *what, uint32_t *retn)
{
    mo_insn i;
    for (*retn = 0; next(l, what, &i); ++*retn) {
        if (l->body.depth == 0) return true;
        if (!keep(l, *retn, &i)) return false;
    }
    return false;
}

bool mo_load_const(mo_load *l, const char *what, mo_valtype want, mo_const_expr *ret)
{
    mo_body *b = &l->body;
    uint32_t n;
    ret->at = mo_reader_at(&l->r);
    if (!mo_body_open_const(b, l, want)) return false;
    bool ok = read_insns(l, what, &n);
    l->r.at = b->at;
    l->r.used |= b->state->used;
    mo_body_close(b);
    if (!ok) return false;
    mo_const_insn *insns = mo_load_take(l, n, sizeof *insns);
    if (!insns) return false;
    if (n) memcpy(insns, l->insns, n * sizeof *insns);
    ret->insns = insns;
    ret->n = n;
    return true;
}
