/* float.c - float arithmetic that makes signalling NaNs quiet.
 * LLVM assumes that nobody looks whether a NaN signals: x * 1, x / 1, x - 0, -0 - x and
 * their like fold to x or -x, minimum(x, y) is lowered to an operand as it came, and
 * narrowing undoes widening. Wasm wants every NaN out of arithmetic quiet. So the
 * constants that invite such a fold are hidden behind llvm.arithmetic.fence, which
 * costs a register and no instruction, and min and max are spelled out.
 * A constant that LLVM discovers later (through a local, by inlining) is not hidden. */
#include "code/llvm/float.h"

/* --- constants --------------------------------------------------------- */

typedef bool test(double v);

static bool is_zero(double v) { return v == 0; }
static bool is_one(double v) { return v == 1 || v == -1; }
static bool is_zero_or_one(double v) { return is_zero(v) || is_one(v); }
static bool is_nan(double v) { return v != v; }
static bool is_negative_zero(double v) { return v == 0 && __builtin_signbit(v); }
static bool is_positive_zero(double v) { return v == 0 && !__builtin_signbit(v); }

static bool lane_passes(LLVMValueRef lane, test *t)
{
    LLVMBool lossy;
    return !lane || !LLVMIsAConstantFP(lane) || t(LLVMConstRealGetDouble(lane, &lossy));
}

/* Some lane of the constant v passes t, or cannot be looked at. */
static bool some_lane(LLVMValueRef v, test *t)
{
    LLVMTypeRef type = LLVMTypeOf(v);
    if (LLVMGetTypeKind(type) != LLVMVectorTypeKind)
        return lane_passes(v, t);
    for (unsigned i = 0; i < LLVMGetVectorSize(type); i++)
        if (lane_passes(LLVMGetAggregateElement(v, i), t))
            return true;
    return false;
}

static LLVMValueRef fence(mo_emit *e, LLVMValueRef v)
{
    return mo_intrinsic1(e, "llvm.arithmetic.fence", v);
}

static LLVMValueRef hide(mo_emit *e, LLVMValueRef v, test *t)
{
    return LLVMIsConstant(v) && some_lane(v, t) ? fence(e, v) : v;
}

LLVMValueRef mo_float_operand(mo_emit *e, LLVMValueRef v)
{
    return hide(e, v, is_zero_or_one);
}

/* --- arithmetic -------------------------------------------------------- */

static LLVMValueRef binary(mo_emit *e, LLVMOpcode op, LLVMValueRef a, LLVMValueRef b)
{
    test *t = op == LLVMFAdd || op == LLVMFSub ? is_zero : is_one;
    b = hide(e, b, t);
    a = op == LLVMFDiv ? a : hide(e, a, t);
    return LLVMBuildBinOp(e->b, op, a, b, "");
}

LLVMValueRef mo_float_binary(mo_emit *e, LLVMOpcode op, LLVMValueRef a, LLVMValueRef b)
{
    return mo_float_result(e, binary(e, op, a, b));
}

LLVMValueRef mo_float_demote(mo_emit *e, LLVMValueRef v, LLVMTypeRef type)
{
    if (LLVMIsAFPExtInst(v))
        v = fence(e, v);
    return mo_float_result(e, LLVMBuildFPTrunc(e->b, v, type, ""));
}

/* --- min and max ------------------------------------------------------- */

/* a predicate b ? a : b, one instruction: b if unordered or equal. */
static LLVMValueRef pick(mo_emit *e, LLVMRealPredicate predicate, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildSelect(e->b, LLVMBuildFCmp(e->b, predicate, a, b, ""), a, b, "");
}

static LLVMTypeRef bits_of(mo_emit *e, LLVMTypeRef type)
{
    if (LLVMGetTypeKind(type) == LLVMVectorTypeKind)
        return LLVMVectorType(bits_of(e, LLVMGetElementType(type)), LLVMGetVectorSize(type));
    return type == e->shard->f32 ? e->shard->i32 : e->shard->i64;
}

/* Both orders agree but for zeros of unlike sign (and NaNs): merge the sign bits. */
static LLVMValueRef pick_both(mo_emit *e, LLVMRealPredicate predicate, LLVMValueRef a, LLVMValueRef b)
{
    LLVMTypeRef type = LLVMTypeOf(a), bits = bits_of(e, type);
    LLVMValueRef x = LLVMBuildBitCast(e->b, pick(e, predicate, a, b), bits, "");
    LLVMValueRef y = LLVMBuildBitCast(e->b, pick(e, predicate, b, a), bits, "");
    x = predicate == LLVMRealOLT ? LLVMBuildOr(e->b, x, y, "") : LLVMBuildAnd(e->b, x, y, "");
    return LLVMBuildBitCast(e->b, x, type, "");
}

/* Where an operand is NaN, their sum is that NaN, made quiet. weaker tests for the
 * zero that loses against the other one. */
static LLVMValueRef extreme(mo_emit *e, LLVMRealPredicate predicate, test *weaker, LLVMValueRef a, LLVMValueRef b)
{
    if (LLVMIsConstant(a)) {
        LLVMValueRef swap = a;
        a = b, b = swap;
    }
    bool easy = LLVMIsConstant(b) && !some_lane(b, is_nan);
    LLVMValueRef nan = binary(e, LLVMFAdd, a, easy ? a : b);
    LLVMValueRef unordered = LLVMBuildFCmp(e->b, LLVMRealUNO, a, easy ? a : b, "");
    bool one_order = easy && !some_lane(b, weaker);
    LLVMValueRef v = one_order ? pick(e, predicate, a, b) : pick_both(e, predicate, a, b);
    return mo_float_result(e, LLVMBuildSelect(e->b, unordered, nan, v, ""));
}

LLVMValueRef mo_float_min(mo_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return extreme(e, LLVMRealOLT, is_positive_zero, a, b);
}

LLVMValueRef mo_float_max(mo_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return extreme(e, LLVMRealOGT, is_negative_zero, a, b);
}
