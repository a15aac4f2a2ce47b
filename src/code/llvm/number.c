/* number.c - scalar instructions. Where LLVM would have undefined or poisoned
 * results (shift counts, division, float to integer) the check comes first. */
#include "code/llvm/emit.h"
#include "code/llvm/float.h"

/* --- constants --------------------------------------------------------- */

void emit_i32_const(mo_emit *e, const mo_insn *in) { mo_push(e, mo_const_i32(e, (uint32_t)in->bits)); }
void emit_i64_const(mo_emit *e, const mo_insn *in) { mo_push(e, mo_const_i64(e, in->bits)); }
void emit_f32_const(mo_emit *e, const mo_insn *in)
{
    mo_push(e, LLVMConstBitCast(mo_const_i32(e, (uint32_t)in->bits), e->shard->f32));
}
void emit_f64_const(mo_emit *e, const mo_insn *in)
{
    mo_push(e, LLVMConstBitCast(mo_const_i64(e, in->bits), e->shard->f64));
}

/* --- integers ---------------------------------------------------------- */

#define BINARY(name, Build) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef b = mo_pop(e), a = mo_pop(e); \
        mo_push(e, LLVMBuild##Build(e->b, a, b, "")); \
    }
#define BINARY2(op, Build) BINARY(i32_##op, Build) BINARY(i64_##op, Build)
BINARY2(add, Add)
BINARY2(sub, Sub)
BINARY2(mul, Mul)
BINARY2(and, And)
BINARY2(or, Or)
BINARY2(xor, Xor)

#define COMPARE(name, predicate) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef b = mo_pop(e), a = mo_pop(e); \
        mo_push(e, LLVMBuildZExt(e->b, LLVMBuildICmp(e->b, predicate, a, b, ""), e->shard->i32, "")); \
    }
#define COMPARE2(op, predicate) COMPARE(i32_##op, predicate) COMPARE(i64_##op, predicate)
COMPARE2(eq, LLVMIntEQ)
COMPARE2(ne, LLVMIntNE)
COMPARE2(lt_s, LLVMIntSLT)
COMPARE2(lt_u, LLVMIntULT)
COMPARE2(gt_s, LLVMIntSGT)
COMPARE2(gt_u, LLVMIntUGT)
COMPARE2(le_s, LLVMIntSLE)
COMPARE2(le_u, LLVMIntULE)
COMPARE2(ge_s, LLVMIntSGE)
COMPARE2(ge_u, LLVMIntUGE)

#define EQZ(name) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef a = mo_pop(e); \
        LLVMValueRef zero = LLVMBuildICmp(e->b, LLVMIntEQ, a, LLVMConstNull(LLVMTypeOf(a)), ""); \
        mo_push(e, LLVMBuildZExt(e->b, zero, e->shard->i32, "")); \
    }
EQZ(i32_eqz)
EQZ(i64_eqz)

/* The count modulo the width, as Wasm has it. */
static LLVMValueRef shift_count(mo_emit *e, LLVMValueRef n)
{
    LLVMTypeRef type = LLVMTypeOf(n);
    return LLVMBuildAnd(e->b, n, LLVMConstInt(type, LLVMGetIntTypeWidth(type) - 1, false), "");
}

#define SHIFT(name, Build) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef n = shift_count(e, mo_pop(e)), a = mo_pop(e); \
        mo_push(e, LLVMBuild##Build(e->b, a, n, "")); \
    }
#define SHIFT2(op, Build) SHIFT(i32_##op, Build) SHIFT(i64_##op, Build)
SHIFT2(shl, Shl)
SHIFT2(shr_s, AShr)
SHIFT2(shr_u, LShr)

#define ROTATE(name, funnel) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef n = mo_pop(e), a = mo_pop(e); \
        LLVMTypeRef type = LLVMTypeOf(a); \
        mo_push(e, mo_intrinsic(e, funnel, &type, 1, (LLVMValueRef[]){a, a, n}, 3)); \
    }
ROTATE(i32_rotl, "llvm.fshl")
ROTATE(i64_rotl, "llvm.fshl")
ROTATE(i32_rotr, "llvm.fshr")
ROTATE(i64_rotr, "llvm.fshr")

#define COUNT_ZEROS(name, intrinsic) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef a = mo_pop(e); \
        LLVMTypeRef type = LLVMTypeOf(a); \
        LLVMValueRef zero_is_defined = LLVMConstInt(e->shard->i1, 0, false); \
        mo_push(e, mo_intrinsic(e, intrinsic, &type, 1, (LLVMValueRef[]){a, zero_is_defined}, 2)); \
    }
COUNT_ZEROS(i32_clz, "llvm.ctlz")
COUNT_ZEROS(i64_clz, "llvm.ctlz")
COUNT_ZEROS(i32_ctz, "llvm.cttz")
COUNT_ZEROS(i64_ctz, "llvm.cttz")

#define UNARY_INTRINSIC(name, intrinsic) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        mo_push(e, mo_intrinsic1(e, intrinsic, mo_pop(e))); \
    }
UNARY_INTRINSIC(i32_popcnt, "llvm.ctpop")
UNARY_INTRINSIC(i64_popcnt, "llvm.ctpop")

/* --- division ---------------------------------------------------------- */

static LLVMValueRef is_zero(mo_emit *e, LLVMValueRef v)
{
    return LLVMBuildICmp(e->b, LLVMIntEQ, v, LLVMConstNull(LLVMTypeOf(v)), "");
}

static LLVMValueRef is_minus_one(mo_emit *e, LLVMValueRef v)
{
    return LLVMBuildICmp(e->b, LLVMIntEQ, v, LLVMConstAllOnes(LLVMTypeOf(v)), "");
}

static void div_s(mo_emit *e)
{
    LLVMValueRef b = mo_pop(e), a = mo_pop(e);
    LLVMTypeRef type = LLVMTypeOf(a);
    mo_trap_if(e, is_zero(e, b), MO_TRAP_DIVIDE_BY_ZERO);
    LLVMValueRef least = LLVMConstInt(type, UINT64_C(1) << (LLVMGetIntTypeWidth(type) - 1), false);
    LLVMValueRef a_is_least = LLVMBuildICmp(e->b, LLVMIntEQ, a, least, "");
    mo_trap_if(e, LLVMBuildAnd(e->b, is_minus_one(e, b), a_is_least, ""), MO_TRAP_INTEGER_OVERFLOW);
    mo_push(e, LLVMBuildSDiv(e->b, a, b, ""));
}

/* least % -1 is 0 in Wasm and undefined in LLVM; x % 1 is 0 too. */
static void rem_s(mo_emit *e)
{
    LLVMValueRef b = mo_pop(e), a = mo_pop(e);
    mo_trap_if(e, is_zero(e, b), MO_TRAP_DIVIDE_BY_ZERO);
    b = LLVMBuildSelect(e->b, is_minus_one(e, b), LLVMConstInt(LLVMTypeOf(b), 1, false), b, "");
    mo_push(e, LLVMBuildSRem(e->b, a, b, ""));
}

static void divide_unsigned(mo_emit *e, LLVMOpcode op)
{
    LLVMValueRef b = mo_pop(e), a = mo_pop(e);
    mo_trap_if(e, is_zero(e, b), MO_TRAP_DIVIDE_BY_ZERO);
    mo_push(e, LLVMBuildBinOp(e->b, op, a, b, ""));
}

void emit_i32_div_s(mo_emit *e, const mo_insn *in) { (void)in, div_s(e); }
void emit_i64_div_s(mo_emit *e, const mo_insn *in) { (void)in, div_s(e); }
void emit_i32_rem_s(mo_emit *e, const mo_insn *in) { (void)in, rem_s(e); }
void emit_i64_rem_s(mo_emit *e, const mo_insn *in) { (void)in, rem_s(e); }
void emit_i32_div_u(mo_emit *e, const mo_insn *in) { (void)in, divide_unsigned(e, LLVMUDiv); }
void emit_i64_div_u(mo_emit *e, const mo_insn *in) { (void)in, divide_unsigned(e, LLVMUDiv); }
void emit_i32_rem_u(mo_emit *e, const mo_insn *in) { (void)in, divide_unsigned(e, LLVMURem); }
void emit_i64_rem_u(mo_emit *e, const mo_insn *in) { (void)in, divide_unsigned(e, LLVMURem); }

/* --- widths ------------------------------------------------------------ */

#define CAST(name, Build, to) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        mo_push(e, LLVMBuild##Build(e->b, mo_pop(e), e->shard->to, "")); \
    }
CAST(i32_wrap_i64, Trunc, i32)
CAST(i64_extend_i32_s, SExt, i64)
CAST(i64_extend_i32_u, ZExt, i64)
CAST(i32_reinterpret_f32, BitCast, i32)
CAST(i64_reinterpret_f64, BitCast, i64)
CAST(f32_reinterpret_i32, BitCast, f32)
CAST(f64_reinterpret_i64, BitCast, f64)
CAST(f32_convert_i32_s, SIToFP, f32)
CAST(f32_convert_i32_u, UIToFP, f32)
CAST(f32_convert_i64_s, SIToFP, f32)
CAST(f32_convert_i64_u, UIToFP, f32)
CAST(f64_convert_i32_s, SIToFP, f64)
CAST(f64_convert_i32_u, UIToFP, f64)
CAST(f64_convert_i64_s, SIToFP, f64)
CAST(f64_convert_i64_u, UIToFP, f64)

#define EXTEND(name, narrow, wide) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef v = LLVMBuildTrunc(e->b, mo_pop(e), e->shard->narrow, ""); \
        mo_push(e, LLVMBuildSExt(e->b, v, e->shard->wide, "")); \
    }
EXTEND(i32_extend8_s, i8, i32)
EXTEND(i32_extend16_s, i16, i32)
EXTEND(i64_extend8_s, i8, i64)
EXTEND(i64_extend16_s, i16, i64)
EXTEND(i64_extend32_s, i32, i64)

/* --- floats ------------------------------------------------------------ */

#define FLOAT_BINARY(name, op) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef b = mo_pop(e), a = mo_pop(e); \
        mo_push(e, mo_float_binary(e, op, a, b)); \
    }
#define FLOAT_BINARY2(name, op) FLOAT_BINARY(f32_##name, op) FLOAT_BINARY(f64_##name, op)
FLOAT_BINARY2(add, LLVMFAdd)
FLOAT_BINARY2(sub, LLVMFSub)
FLOAT_BINARY2(mul, LLVMFMul)
FLOAT_BINARY2(div, LLVMFDiv)

#define FLOAT_COMPARE(name, predicate) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef b = mo_pop(e), a = mo_pop(e); \
        mo_push(e, LLVMBuildZExt(e->b, LLVMBuildFCmp(e->b, predicate, a, b, ""), e->shard->i32, "")); \
    }
#define FLOAT_COMPARE2(op, predicate) FLOAT_COMPARE(f32_##op, predicate) FLOAT_COMPARE(f64_##op, predicate)
FLOAT_COMPARE2(eq, LLVMRealOEQ)
FLOAT_COMPARE2(ne, LLVMRealUNE)
FLOAT_COMPARE2(lt, LLVMRealOLT)
FLOAT_COMPARE2(gt, LLVMRealOGT)
FLOAT_COMPARE2(le, LLVMRealOLE)
FLOAT_COMPARE2(ge, LLVMRealOGE)

#define FLOAT_UNARY(name, intrinsic) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        mo_push(e, mo_float_result(e, mo_intrinsic1(e, intrinsic, mo_pop(e)))); \
    }
#define FLOAT_UNARY2(op, intrinsic) FLOAT_UNARY(f32_##op, intrinsic) FLOAT_UNARY(f64_##op, intrinsic)
FLOAT_UNARY2(ceil, "llvm.ceil")
FLOAT_UNARY2(floor, "llvm.floor")
FLOAT_UNARY2(trunc, "llvm.trunc")
FLOAT_UNARY2(nearest, "llvm.roundeven")
FLOAT_UNARY2(sqrt, "llvm.sqrt")

/* Sign operations touch no other bit, of NaNs neither. */
UNARY_INTRINSIC(f32_abs, "llvm.fabs")
UNARY_INTRINSIC(f64_abs, "llvm.fabs")
#define NEGATE(name) \
    void emit_##name(mo_emit *e, const mo_insn *in) { (void)in, mo_push(e, LLVMBuildFNeg(e->b, mo_pop(e), "")); }
NEGATE(f32_neg)
NEGATE(f64_neg)

#define FLOAT_PAIR(name, combine) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef b = mo_pop(e), a = mo_pop(e); \
        mo_push(e, combine(e, a, b)); \
    }
static LLVMValueRef copy_sign(mo_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return mo_intrinsic2(e, "llvm.copysign", a, b);
}
FLOAT_PAIR(f32_copysign, copy_sign)
FLOAT_PAIR(f64_copysign, copy_sign)
FLOAT_PAIR(f32_min, mo_float_min)
FLOAT_PAIR(f64_min, mo_float_min)
FLOAT_PAIR(f32_max, mo_float_max)
FLOAT_PAIR(f64_max, mo_float_max)

void emit_f32_demote_f64(mo_emit *e, const mo_insn *in)
{
    (void)in;
    mo_push(e, mo_float_demote(e, mo_pop(e), e->shard->f32));
}

void emit_f64_promote_f32(mo_emit *e, const mo_insn *in)
{
    (void)in;
    mo_push(e, mo_float_result(e, LLVMBuildFPExt(e->b, mo_pop(e), e->shard->f64, "")));
}

/* --- float to integer -------------------------------------------------- */

/* Both ends lie outside, and every float strictly between converts. */
typedef struct range { double below, above; } range;
static const range range_i32_f32_s = {-2147483904.0, 2147483648.0};
static const range range_i32_f64_s = {-2147483649.0, 2147483648.0};
static const range range_i32_u = {-1.0, 4294967296.0};
static const range range_i64_f32_s = {-9223373136366403584.0, 9223372036854775808.0};
static const range range_i64_f64_s = {-9223372036854777856.0, 9223372036854775808.0};
static const range range_i64_u = {-1.0, 18446744073709551616.0};

static LLVMValueRef truncate(mo_emit *e, range r, bool is_signed, LLVMTypeRef to)
{
    LLVMValueRef v = mo_pop(e);
    LLVMTypeRef type = LLVMTypeOf(v);
    mo_trap_if(e, LLVMBuildFCmp(e->b, LLVMRealUNO, v, v, ""), MO_TRAP_CONVERSION);
    LLVMValueRef low = LLVMBuildFCmp(e->b, LLVMRealULE, v, LLVMConstReal(type, r.below), "");
    LLVMValueRef high = LLVMBuildFCmp(e->b, LLVMRealUGE, v, LLVMConstReal(type, r.above), "");
    mo_trap_if(e, LLVMBuildOr(e->b, low, high, ""), MO_TRAP_INTEGER_OVERFLOW);
    /* A constant out of range is poison behind a trap that is always taken. */
    v = is_signed ? LLVMBuildFPToSI(e->b, v, to, "") : LLVMBuildFPToUI(e->b, v, to, "");
    return LLVMBuildFreeze(e->b, v, "");
}

#define TRUNCATE(name, range, is_signed, to) \
    void emit_##name(mo_emit *e, const mo_insn *in) { (void)in, mo_push(e, truncate(e, range, is_signed, e->shard->to)); }
TRUNCATE(i32_trunc_f32_s, range_i32_f32_s, true, i32)
TRUNCATE(i32_trunc_f64_s, range_i32_f64_s, true, i32)
TRUNCATE(i32_trunc_f32_u, range_i32_u, false, i32)
TRUNCATE(i32_trunc_f64_u, range_i32_u, false, i32)
TRUNCATE(i64_trunc_f32_s, range_i64_f32_s, true, i64)
TRUNCATE(i64_trunc_f64_s, range_i64_f64_s, true, i64)
TRUNCATE(i64_trunc_f32_u, range_i64_u, false, i64)
TRUNCATE(i64_trunc_f64_u, range_i64_u, false, i64)

static LLVMValueRef saturate(mo_emit *e, const char *intrinsic, LLVMTypeRef to)
{
    LLVMValueRef v = mo_pop(e);
    return mo_intrinsic(e, intrinsic, (LLVMTypeRef[]){to, LLVMTypeOf(v)}, 2, &v, 1);
}

#define SATURATE(name, intrinsic, to) \
    void emit_##name(mo_emit *e, const mo_insn *in) { (void)in, mo_push(e, saturate(e, intrinsic, e->shard->to)); }
SATURATE(i32_trunc_sat_f32_s, "llvm.fptosi.sat", i32)
SATURATE(i32_trunc_sat_f32_u, "llvm.fptoui.sat", i32)
SATURATE(i32_trunc_sat_f64_s, "llvm.fptosi.sat", i32)
SATURATE(i32_trunc_sat_f64_u, "llvm.fptoui.sat", i32)
SATURATE(i64_trunc_sat_f32_s, "llvm.fptosi.sat", i64)
SATURATE(i64_trunc_sat_f32_u, "llvm.fptoui.sat", i64)
SATURATE(i64_trunc_sat_f64_s, "llvm.fptosi.sat", i64)
SATURATE(i64_trunc_sat_f64_u, "llvm.fptoui.sat", i64)
