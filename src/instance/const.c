/* const.c - a loop over a handful of instructions, by their binary codes. Validation
 * has seen to it that the stack holds what each one takes. */
#include "instance/const.h"

enum {
    GLOBAL_GET = 0x23, I32_CONST = 0x41, I64_CONST = 0x42, F32_CONST = 0x43, F64_CONST = 0x44,
    I32_ADD = 0x6a, I32_SUB = 0x6b, I32_MUL = 0x6c, I64_ADD = 0x7c, I64_SUB = 0x7d, I64_MUL = 0x7e,
    REF_NULL = 0xd0, REF_FUNC = 0xd2, V128_CONST = 0xfd000c,
};

static mo_slot_value arithmetic(uint32_t op, mo_slot_value a, mo_slot_value b)
{
    switch (op) {
    case I32_ADD: return (mo_slot_value){.i64 = a.i32 + b.i32};
    case I32_SUB: return (mo_slot_value){.i64 = a.i32 - b.i32};
    case I32_MUL: return (mo_slot_value){.i64 = (uint32_t)((uint64_t)a.i32 * b.i32)};
    case I64_ADD: return (mo_slot_value){.i64 = a.i64 + b.i64};
    case I64_SUB: return (mo_slot_value){.i64 = a.i64 - b.i64};
    default: return (mo_slot_value){.i64 = a.i64 * b.i64};
    }
}

/* Pushes what insn gives; sp is one past the top. Returns the new sp, NULL: unknown. */
static mo_slot_value *step(const mote_instance *in, const mo_meta_const *insn, mo_slot_value *sp)
{
    *sp = (mo_slot_value){.word = {0, 0}};
    switch (insn->op) {
    case I32_CONST: sp->i32 = mo_get32(insn->bits); return sp + 1;
    case I64_CONST: sp->i64 = mo_get64(insn->bits); return sp + 1;
    case F32_CONST: sp->i32 = mo_get32(insn->bits); return sp + 1;
    case F64_CONST: sp->i64 = mo_get64(insn->bits); return sp + 1;
    case V128_CONST: memcpy(sp, insn->bits, 16); return sp + 1;
    case REF_NULL: return sp + 1;
    case REF_FUNC: sp->ref = mo_instance_func_ref(in, insn->index); return sp + 1;
    case GLOBAL_GET: *sp = *in->globals[insn->index]->at; return sp + 1;
    case I32_ADD: case I32_SUB: case I32_MUL: case I64_ADD: case I64_SUB: case I64_MUL:
        sp[-2] = arithmetic(insn->op, sp[-2], sp[-1]);
        return sp - 1;
    default: return NULL;
    }
}

bool mo_const_eval(const mote_instance *instance, mo_list expr, mo_slot_value *ret, mote_error *err)
{
    const mo_meta_const *insns = mo_meta_at(instance->artifact, expr);
    mo_slot_value few[32], *many = NULL, *sp = few;
    if (expr.n >= MO_COUNT(few)) {
        sp = many = mo_alloc(((size_t)expr.n + 1) * sizeof *many);
        if (!many)
            return mo_fail_nomem(err);
    }
    uint32_t i = 0;
    while (i < expr.n) {
        mo_slot_value *next = step(instance, &insns[i], sp);
        if (!next)
            break;
        sp = next;
        i++;
    }
    if (i == expr.n)
        *ret = sp[-1];
    mo_free(many);
    return i == expr.n || mo_fail(err, MOTE_UNSUPPORTED, MOTE_NOWHERE,
                                  "not supported yet: gc (instruction 0x%" PRIx32 " in a constant expression)",
                                  insns[i].op);
}
