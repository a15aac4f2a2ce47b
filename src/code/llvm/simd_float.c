/* simd_float.c - float lanes: arithmetic, comparison, conversion. */
#include "code/llvm/float.h"
#include "code/llvm/simd.h"

/* --- lane by lane ------------------------------------------------------ */

#define BINARY(name, shape, expression) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef b = mo_pop_lanes(e, shape), a = mo_pop_lanes(e, shape); \
        mo_push_lanes(e, expression); \
    }
#define BINARY2(op, expression) BINARY(f32x4_##op, MO_F32X4, expression) BINARY(f64x2_##op, MO_F64X2, expression)

/* One instruction on x86-64: a if it wins, otherwise b, NaN or not. */
static LLVMValueRef pick(mo_emit *e, LLVMRealPredicate predicate, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildSelect(e->b, LLVMBuildFCmp(e->b, predicate, a, b, ""), a, b, "");
}

BINARY2(add, mo_float_binary(e, LLVMFAdd, a, b))
BINARY2(sub, mo_float_binary(e, LLVMFSub, a, b))
BINARY2(mul, mo_float_binary(e, LLVMFMul, a, b))
BINARY2(div, mo_float_binary(e, LLVMFDiv, a, b))
BINARY2(min, mo_float_min(e, a, b))
BINARY2(max, mo_float_max(e, a, b))
BINARY2(pmin, pick(e, LLVMRealOLT, b, a))
BINARY2(pmax, pick(e, LLVMRealOGT, b, a))
BINARY2(relaxed_min, mo_float_result(e, pick(e, LLVMRealOLT, a, b)))
BINARY2(relaxed_max, mo_float_result(e, pick(e, LLVMRealOGT, a, b)))

#define UNARY(name, shape, expression) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef v = mo_pop_lanes(e, shape); \
        mo_push_lanes(e, expression); \
    }
#define UNARY2(op, expression) UNARY(f32x4_##op, MO_F32X4, expression) UNARY(f64x2_##op, MO_F64X2, expression)

static LLVMValueRef rounded(mo_emit *e, const char *name, LLVMValueRef v)
{
    return mo_float_result(e, mo_intrinsic1(e, name, v));
}

/* Sign operations touch no other bit, of NaNs neither. */
UNARY2(abs, mo_intrinsic1(e, "llvm.fabs", v))
UNARY2(neg, LLVMBuildFNeg(e->b, v, ""))
UNARY2(sqrt, rounded(e, "llvm.sqrt", v))
UNARY2(ceil, rounded(e, "llvm.ceil", v))
UNARY2(floor, rounded(e, "llvm.floor", v))
UNARY2(trunc, rounded(e, "llvm.trunc", v))
UNARY2(nearest, rounded(e, "llvm.roundeven", v))

/* a * b + c, rounded once if the target has an instruction for it and twice if not. */
static LLVMValueRef multiply_add(mo_emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    if (!mo_native_fma(e))
        return mo_float_binary(e, LLVMFAdd, mo_float_binary(e, LLVMFMul, a, b), c);
    LLVMTypeRef type = LLVMTypeOf(a);
    LLVMValueRef args[] = {mo_float_operand(e, a), mo_float_operand(e, b), mo_float_operand(e, c)};
    return mo_float_result(e, mo_intrinsic(e, "llvm.fma", &type, 1, args, 3));
}

#define MULTIPLY_ADD(shape, SHAPE) \
    void emit_##shape##_relaxed_madd(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef c = mo_pop_lanes(e, SHAPE), b = mo_pop_lanes(e, SHAPE), a = mo_pop_lanes(e, SHAPE); \
        mo_push_lanes(e, multiply_add(e, a, b, c)); \
    } \
    void emit_##shape##_relaxed_nmadd(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef c = mo_pop_lanes(e, SHAPE), b = mo_pop_lanes(e, SHAPE), a = mo_pop_lanes(e, SHAPE); \
        mo_push_lanes(e, multiply_add(e, LLVMBuildFNeg(e->b, a, ""), b, c)); \
    }
MULTIPLY_ADD(f32x4, MO_F32X4)
MULTIPLY_ADD(f64x2, MO_F64X2)

/* --- comparison -------------------------------------------------------- */

#define COMPARE2(op, predicate) \
    BINARY(f32x4_##op, MO_F32X4, mo_mask(e, LLVMBuildFCmp(e->b, predicate, a, b, ""), MO_I32X4)) \
    BINARY(f64x2_##op, MO_F64X2, mo_mask(e, LLVMBuildFCmp(e->b, predicate, a, b, ""), MO_I64X2))
COMPARE2(eq, LLVMRealOEQ)
COMPARE2(ne, LLVMRealUNE)
COMPARE2(lt, LLVMRealOLT)
COMPARE2(gt, LLVMRealOGT)
COMPARE2(le, LLVMRealOLE)
COMPARE2(ge, LLVMRealOGE)

/* --- between float types ----------------------------------------------- */

static LLVMValueRef low_half(mo_emit *e, LLVMValueRef v) { return mo_stride(e, v, v, 0, 1, 2); }

/* Two lanes become four, the upper ones 0. */
static LLVMValueRef fill_up(mo_emit *e, LLVMValueRef v)
{
    return mo_stride(e, v, LLVMConstNull(LLVMTypeOf(v)), 0, 1, 4);
}

static LLVMValueRef demote(mo_emit *e, LLVMValueRef v)
{
    return fill_up(e, mo_float_demote(e, v, LLVMVectorType(e->shard->f32, 2)));
}

static LLVMValueRef promote(mo_emit *e, LLVMValueRef v)
{
    return mo_float_result(e, LLVMBuildFPExt(e->b, low_half(e, v), mo_lanes_type(e, MO_F64X2), ""));
}
UNARY(f32x4_demote_f64x2_zero, MO_F64X2, demote(e, v))
UNARY(f64x2_promote_low_f32x4, MO_F32X4, promote(e, v))

/* --- integer to float -------------------------------------------------- */

UNARY(f32x4_convert_i32x4_s, MO_I32X4, LLVMBuildSIToFP(e->b, v, mo_lanes_type(e, MO_F32X4), ""))
UNARY(f32x4_convert_i32x4_u, MO_I32X4, LLVMBuildUIToFP(e->b, v, mo_lanes_type(e, MO_F32X4), ""))
UNARY(f64x2_convert_low_i32x4_s, MO_I32X4, LLVMBuildSIToFP(e->b, low_half(e, v), mo_lanes_type(e, MO_F64X2), ""))
UNARY(f64x2_convert_low_i32x4_u, MO_I32X4, LLVMBuildUIToFP(e->b, low_half(e, v), mo_lanes_type(e, MO_F64X2), ""))

/* --- float to integer -------------------------------------------------- */

static LLVMValueRef saturate(mo_emit *e, bool is_signed, LLVMValueRef v)
{
    LLVMValueRef r = mo_native_trunc_sat(e, is_signed, v);
    if (r)
        return r;
    LLVMTypeRef from = LLVMTypeOf(v), to = LLVMVectorType(e->shard->i32, LLVMGetVectorSize(from));
    const char *name = is_signed ? "llvm.fptosi.sat" : "llvm.fptoui.sat";
    r = mo_intrinsic(e, name, (LLVMTypeRef[]){to, from}, 2, &v, 1);
    return LLVMGetVectorSize(from) == 2 ? fill_up(e, r) : r;
}

static LLVMValueRef truncate(mo_emit *e, bool is_signed, LLVMValueRef v)
{
    LLVMValueRef r = mo_native_trunc_relaxed(e, is_signed, v);
    return r ? r : saturate(e, is_signed, v);
}
UNARY(i32x4_trunc_sat_f32x4_s, MO_F32X4, saturate(e, true, v))
UNARY(i32x4_trunc_sat_f32x4_u, MO_F32X4, saturate(e, false, v))
UNARY(i32x4_trunc_sat_f64x2_s_zero, MO_F64X2, saturate(e, true, v))
UNARY(i32x4_trunc_sat_f64x2_u_zero, MO_F64X2, saturate(e, false, v))
UNARY(i32x4_relaxed_trunc_f32x4_s, MO_F32X4, truncate(e, true, v))
UNARY(i32x4_relaxed_trunc_f32x4_u, MO_F32X4, truncate(e, false, v))
UNARY(i32x4_relaxed_trunc_f64x2_s_zero, MO_F64X2, truncate(e, true, v))
UNARY(i32x4_relaxed_trunc_f64x2_u_zero, MO_F64X2, truncate(e, false, v))
