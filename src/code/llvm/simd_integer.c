/* simd_integer.c - integer lanes: arithmetic, comparison, shifts, and what widens or
 * narrows them. */
#include "code/llvm/simd.h"

/* --- lane by lane ------------------------------------------------------ */

typedef LLVMValueRef build2(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y, const char *name);

static void binary(mo_emit *e, mo_shape shape, build2 *build)
{
    LLVMValueRef b = mo_pop_lanes(e, shape), a = mo_pop_lanes(e, shape);
    mo_push_lanes(e, build(e->b, a, b, ""));
}

static void intrinsic(mo_emit *e, mo_shape shape, const char *name)
{
    LLVMValueRef b = mo_pop_lanes(e, shape), a = mo_pop_lanes(e, shape);
    mo_push_lanes(e, mo_intrinsic2(e, name, a, b));
}

#define OPERATOR(name, shape, build) \
    void emit_##name(mo_emit *e, const mo_insn *in) { (void)in, binary(e, shape, build); }
OPERATOR(i8x16_add, MO_I8X16, LLVMBuildAdd)
OPERATOR(i16x8_add, MO_I16X8, LLVMBuildAdd)
OPERATOR(i32x4_add, MO_I32X4, LLVMBuildAdd)
OPERATOR(i64x2_add, MO_I64X2, LLVMBuildAdd)
OPERATOR(i8x16_sub, MO_I8X16, LLVMBuildSub)
OPERATOR(i16x8_sub, MO_I16X8, LLVMBuildSub)
OPERATOR(i32x4_sub, MO_I32X4, LLVMBuildSub)
OPERATOR(i64x2_sub, MO_I64X2, LLVMBuildSub)
OPERATOR(i16x8_mul, MO_I16X8, LLVMBuildMul)
OPERATOR(i32x4_mul, MO_I32X4, LLVMBuildMul)
OPERATOR(i64x2_mul, MO_I64X2, LLVMBuildMul)

#define INTRINSIC(name, shape, llvm) \
    void emit_##name(mo_emit *e, const mo_insn *in) { (void)in, intrinsic(e, shape, llvm); }
INTRINSIC(i8x16_add_sat_s, MO_I8X16, "llvm.sadd.sat")
INTRINSIC(i8x16_add_sat_u, MO_I8X16, "llvm.uadd.sat")
INTRINSIC(i8x16_sub_sat_s, MO_I8X16, "llvm.ssub.sat")
INTRINSIC(i8x16_sub_sat_u, MO_I8X16, "llvm.usub.sat")
INTRINSIC(i16x8_add_sat_s, MO_I16X8, "llvm.sadd.sat")
INTRINSIC(i16x8_add_sat_u, MO_I16X8, "llvm.uadd.sat")
INTRINSIC(i16x8_sub_sat_s, MO_I16X8, "llvm.ssub.sat")
INTRINSIC(i16x8_sub_sat_u, MO_I16X8, "llvm.usub.sat")

#define MIN_MAX(shape, SHAPE) \
    INTRINSIC(shape##_min_s, SHAPE, "llvm.smin") \
    INTRINSIC(shape##_min_u, SHAPE, "llvm.umin") \
    INTRINSIC(shape##_max_s, SHAPE, "llvm.smax") \
    INTRINSIC(shape##_max_u, SHAPE, "llvm.umax")
MIN_MAX(i8x16, MO_I8X16)
MIN_MAX(i16x8, MO_I16X8)
MIN_MAX(i32x4, MO_I32X4)

static LLVMValueRef absolute(mo_emit *e, LLVMValueRef v)
{
    LLVMTypeRef type = LLVMTypeOf(v);
    LLVMValueRef wraps = LLVMConstInt(e->shard->i1, 0, false); /* the least number has no opposite */
    return mo_intrinsic(e, "llvm.abs", &type, 1, (LLVMValueRef[]){v, wraps}, 2);
}

#define UNARY(name, shape, expression) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef v = mo_pop_lanes(e, shape); \
        mo_push_lanes(e, expression); \
    }
UNARY(i8x16_abs, MO_I8X16, absolute(e, v))
UNARY(i16x8_abs, MO_I16X8, absolute(e, v))
UNARY(i32x4_abs, MO_I32X4, absolute(e, v))
UNARY(i64x2_abs, MO_I64X2, absolute(e, v))
UNARY(i8x16_neg, MO_I8X16, LLVMBuildNeg(e->b, v, ""))
UNARY(i16x8_neg, MO_I16X8, LLVMBuildNeg(e->b, v, ""))
UNARY(i32x4_neg, MO_I32X4, LLVMBuildNeg(e->b, v, ""))
UNARY(i64x2_neg, MO_I64X2, LLVMBuildNeg(e->b, v, ""))
UNARY(i8x16_popcnt, MO_I8X16, mo_intrinsic1(e, "llvm.ctpop", v))

/* (a + b + 1) >> 1, without overflow in lanes twice as wide. */
static void average(mo_emit *e, mo_shape shape, LLVMTypeRef wide_lane)
{
    LLVMValueRef b = mo_pop_lanes(e, shape), a = mo_pop_lanes(e, shape);
    unsigned n = mo_lane_count(shape);
    LLVMTypeRef wide = LLVMVectorType(wide_lane, n);
    LLVMValueRef one = mo_splat(e, LLVMConstInt(wide_lane, 1, false), n);
    LLVMValueRef sum = LLVMBuildAdd(e->b, LLVMBuildZExt(e->b, a, wide, ""), LLVMBuildZExt(e->b, b, wide, ""), "");
    sum = LLVMBuildLShr(e->b, LLVMBuildAdd(e->b, sum, one, ""), one, "");
    mo_push_lanes(e, LLVMBuildTrunc(e->b, sum, mo_lanes_type(e, shape), ""));
}
void emit_i8x16_avgr_u(mo_emit *e, const mo_insn *in) { (void)in, average(e, MO_I8X16, e->shard->i16); }
void emit_i16x8_avgr_u(mo_emit *e, const mo_insn *in) { (void)in, average(e, MO_I16X8, e->shard->i32); }

/* --- comparison -------------------------------------------------------- */

static void compare(mo_emit *e, mo_shape shape, LLVMIntPredicate predicate)
{
    LLVMValueRef b = mo_pop_lanes(e, shape), a = mo_pop_lanes(e, shape);
    mo_push_lanes(e, mo_mask(e, LLVMBuildICmp(e->b, predicate, a, b, ""), shape));
}

#define COMPARE(name, shape, predicate) \
    void emit_##name(mo_emit *e, const mo_insn *in) { (void)in, compare(e, shape, predicate); }
#define COMPARE_SIGNED(shape, SHAPE) \
    COMPARE(shape##_eq, SHAPE, LLVMIntEQ) \
    COMPARE(shape##_ne, SHAPE, LLVMIntNE) \
    COMPARE(shape##_lt_s, SHAPE, LLVMIntSLT) \
    COMPARE(shape##_gt_s, SHAPE, LLVMIntSGT) \
    COMPARE(shape##_le_s, SHAPE, LLVMIntSLE) \
    COMPARE(shape##_ge_s, SHAPE, LLVMIntSGE)
#define COMPARE_UNSIGNED(shape, SHAPE) \
    COMPARE(shape##_lt_u, SHAPE, LLVMIntULT) \
    COMPARE(shape##_gt_u, SHAPE, LLVMIntUGT) \
    COMPARE(shape##_le_u, SHAPE, LLVMIntULE) \
    COMPARE(shape##_ge_u, SHAPE, LLVMIntUGE)
COMPARE_SIGNED(i8x16, MO_I8X16)
COMPARE_UNSIGNED(i8x16, MO_I8X16)
COMPARE_SIGNED(i16x8, MO_I16X8)
COMPARE_UNSIGNED(i16x8, MO_I16X8)
COMPARE_SIGNED(i32x4, MO_I32X4)
COMPARE_UNSIGNED(i32x4, MO_I32X4)
COMPARE_SIGNED(i64x2, MO_I64X2)

/* --- shifts ------------------------------------------------------------ */

/* Every lane by the same count, modulo the lane's width. */
static void shift(mo_emit *e, mo_shape shape, build2 *build)
{
    unsigned n = mo_lane_count(shape);
    LLVMValueRef count = LLVMBuildAnd(e->b, mo_pop(e), mo_const_i32(e, 128 / n - 1), "");
    LLVMValueRef v = mo_pop_lanes(e, shape);
    count = LLVMBuildIntCast2(e->b, count, mo_lane_type(e, shape), false, "");
    mo_push_lanes(e, build(e->b, v, mo_splat(e, count, n), ""));
}

#define SHIFTS(shape, SHAPE) \
    void emit_##shape##_shl(mo_emit *e, const mo_insn *in) { (void)in, shift(e, SHAPE, LLVMBuildShl); } \
    void emit_##shape##_shr_s(mo_emit *e, const mo_insn *in) { (void)in, shift(e, SHAPE, LLVMBuildAShr); } \
    void emit_##shape##_shr_u(mo_emit *e, const mo_insn *in) { (void)in, shift(e, SHAPE, LLVMBuildLShr); }
SHIFTS(i8x16, MO_I8X16)
SHIFTS(i16x8, MO_I16X8)
SHIFTS(i32x4, MO_I32X4)
SHIFTS(i64x2, MO_I64X2)

/* --- widening ---------------------------------------------------------- */

typedef LLVMValueRef extend_fn(LLVMBuilderRef b, LLVMValueRef v, LLVMTypeRef type, const char *name);

/* The low or high half of v's lanes as lanes of shape. */
static LLVMValueRef extend(mo_emit *e, mo_shape shape, bool high, extend_fn *widen, LLVMValueRef v)
{
    unsigned n = mo_lane_count(shape);
    return widen(e->b, mo_stride(e, v, v, high ? n : 0, 1, n), mo_lanes_type(e, shape), "");
}

static void extend_multiply(mo_emit *e, mo_shape to, mo_shape from, bool high, extend_fn *widen)
{
    LLVMValueRef b = mo_pop_lanes(e, from), a = mo_pop_lanes(e, from);
    a = extend(e, to, high, widen, a);
    mo_push_lanes(e, LLVMBuildMul(e->b, a, extend(e, to, high, widen, b), ""));
}

#define EXTEND(name, to, from, high, widen) \
    UNARY(name, from, extend(e, to, high, widen, v))
#define EXTEND_MULTIPLY(name, to, from, high, widen) \
    void emit_##name(mo_emit *e, const mo_insn *in) { (void)in, extend_multiply(e, to, from, high, widen); }
EXTEND(i16x8_extend_low_i8x16_s, MO_I16X8, MO_I8X16, false, LLVMBuildSExt)
EXTEND(i16x8_extend_high_i8x16_s, MO_I16X8, MO_I8X16, true, LLVMBuildSExt)
EXTEND(i16x8_extend_low_i8x16_u, MO_I16X8, MO_I8X16, false, LLVMBuildZExt)
EXTEND(i16x8_extend_high_i8x16_u, MO_I16X8, MO_I8X16, true, LLVMBuildZExt)
EXTEND(i32x4_extend_low_i16x8_s, MO_I32X4, MO_I16X8, false, LLVMBuildSExt)
EXTEND(i32x4_extend_high_i16x8_s, MO_I32X4, MO_I16X8, true, LLVMBuildSExt)
EXTEND(i32x4_extend_low_i16x8_u, MO_I32X4, MO_I16X8, false, LLVMBuildZExt)
EXTEND(i32x4_extend_high_i16x8_u, MO_I32X4, MO_I16X8, true, LLVMBuildZExt)
EXTEND(i64x2_extend_low_i32x4_s, MO_I64X2, MO_I32X4, false, LLVMBuildSExt)
EXTEND(i64x2_extend_high_i32x4_s, MO_I64X2, MO_I32X4, true, LLVMBuildSExt)
EXTEND(i64x2_extend_low_i32x4_u, MO_I64X2, MO_I32X4, false, LLVMBuildZExt)
EXTEND(i64x2_extend_high_i32x4_u, MO_I64X2, MO_I32X4, true, LLVMBuildZExt)
EXTEND_MULTIPLY(i16x8_extmul_low_i8x16_s, MO_I16X8, MO_I8X16, false, LLVMBuildSExt)
EXTEND_MULTIPLY(i16x8_extmul_high_i8x16_s, MO_I16X8, MO_I8X16, true, LLVMBuildSExt)
EXTEND_MULTIPLY(i16x8_extmul_low_i8x16_u, MO_I16X8, MO_I8X16, false, LLVMBuildZExt)
EXTEND_MULTIPLY(i16x8_extmul_high_i8x16_u, MO_I16X8, MO_I8X16, true, LLVMBuildZExt)
EXTEND_MULTIPLY(i32x4_extmul_low_i16x8_s, MO_I32X4, MO_I16X8, false, LLVMBuildSExt)
EXTEND_MULTIPLY(i32x4_extmul_high_i16x8_s, MO_I32X4, MO_I16X8, true, LLVMBuildSExt)
EXTEND_MULTIPLY(i64x2_extmul_low_i32x4_s, MO_I64X2, MO_I32X4, false, LLVMBuildSExt)
EXTEND_MULTIPLY(i64x2_extmul_high_i32x4_s, MO_I64X2, MO_I32X4, true, LLVMBuildSExt)
EXTEND_MULTIPLY(i64x2_extmul_low_i32x4_u, MO_I64X2, MO_I32X4, false, LLVMBuildZExt)
EXTEND_MULTIPLY(i64x2_extmul_high_i32x4_u, MO_I64X2, MO_I32X4, true, LLVMBuildZExt)

/* Products' low and high halves, interleaved: cheaper than 32-bit multiplication. */
static void multiply_halves(mo_emit *e, bool high)
{
    LLVMValueRef b = mo_pop_lanes(e, MO_I16X8), a = mo_pop_lanes(e, MO_I16X8), lanes[8];
    LLVMTypeRef wide = LLVMVectorType(e->shard->i32, 8);
    LLVMValueRef top = LLVMBuildMul(e->b, LLVMBuildZExt(e->b, a, wide, ""), LLVMBuildZExt(e->b, b, wide, ""), "");
    top = LLVMBuildLShr(e->b, top, mo_splat(e, mo_const_i32(e, 16), 8), "");
    top = LLVMBuildTrunc(e->b, top, mo_lanes_type(e, MO_I16X8), "");
    for (uint32_t i = 0; i < 8; i++)
        lanes[i] = mo_const_i32(e, i / 2 + (high ? 4 : 0) + i % 2 * 8);
    mo_push_lanes(e, LLVMBuildShuffleVector(e->b, LLVMBuildMul(e->b, a, b, ""), top, LLVMConstVector(lanes, 8), ""));
}
void emit_i32x4_extmul_low_i16x8_u(mo_emit *e, const mo_insn *in) { (void)in, multiply_halves(e, false); }
void emit_i32x4_extmul_high_i16x8_u(mo_emit *e, const mo_insn *in) { (void)in, multiply_halves(e, true); }

/* Even lanes plus odd lanes: the halves of a lane twice as wide. */
static LLVMValueRef add_pairs(mo_emit *e, mo_shape to, bool is_signed, LLVMValueRef v)
{
    uint64_t half = 64 / mo_lane_count(to);
    LLVMValueRef bits = mo_splat_int(e, to, half);
    v = LLVMBuildBitCast(e->b, v, mo_lanes_type(e, to), "");
    if (!is_signed) {
        LLVMValueRef low = LLVMBuildAnd(e->b, v, mo_splat_int(e, to, (UINT64_C(1) << half) - 1), "");
        return LLVMBuildAdd(e->b, low, LLVMBuildLShr(e->b, v, bits, ""), "");
    }
    LLVMValueRef low = LLVMBuildAShr(e->b, LLVMBuildShl(e->b, v, bits, ""), bits, "");
    return LLVMBuildAdd(e->b, low, LLVMBuildAShr(e->b, v, bits, ""), "");
}

static LLVMValueRef add_byte_pairs(mo_emit *e, bool is_signed, LLVMValueRef v)
{
    LLVMValueRef ones = mo_splat_int(e, MO_I8X16, 1);
    LLVMValueRef r = mo_native_dot_bytes(e, is_signed ? ones : v, is_signed ? v : ones);
    return r ? r : add_pairs(e, MO_I16X8, is_signed, v);
}

static LLVMValueRef add_signed_pairs(mo_emit *e, LLVMValueRef v)
{
    LLVMValueRef r = mo_native_dot(e, v, mo_splat_int(e, MO_I16X8, 1));
    return r ? r : add_pairs(e, MO_I32X4, true, v);
}
UNARY(i16x8_extadd_pairwise_i8x16_s, MO_I8X16, add_byte_pairs(e, true, v))
UNARY(i16x8_extadd_pairwise_i8x16_u, MO_I8X16, add_byte_pairs(e, false, v))
UNARY(i32x4_extadd_pairwise_i16x8_s, MO_I16X8, add_signed_pairs(e, v))
UNARY(i32x4_extadd_pairwise_i16x8_u, MO_I16X8, add_pairs(e, MO_I32X4, false, v))

static LLVMValueRef multiply_wide(mo_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    LLVMTypeRef wide = LLVMVectorType(e->shard->i32, 8);
    return LLVMBuildMul(e->b, LLVMBuildSExt(e->b, a, wide, ""), LLVMBuildSExt(e->b, b, wide, ""), "");
}

void emit_i32x4_dot_i16x8_s(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef b = mo_pop_lanes(e, MO_I16X8), a = mo_pop_lanes(e, MO_I16X8);
    LLVMValueRef r = mo_native_dot(e, a, b);
    if (!r) {
        r = multiply_wide(e, a, b);
        r = LLVMBuildAdd(e->b, mo_stride(e, r, r, 0, 2, 4), mo_stride(e, r, r, 1, 2, 4), "");
    }
    mo_push_lanes(e, r);
}

/* --- narrowing --------------------------------------------------------- */

static LLVMValueRef clamp(mo_emit *e, LLVMValueRef v, int64_t least, int64_t most)
{
    LLVMTypeRef type = LLVMTypeOf(v), lane = LLVMGetElementType(type);
    unsigned n = LLVMGetVectorSize(type);
    v = mo_intrinsic2(e, "llvm.smax", v, mo_splat(e, LLVMConstInt(lane, (uint64_t)least, true), n));
    return mo_intrinsic2(e, "llvm.smin", v, mo_splat(e, LLVMConstInt(lane, (uint64_t)most, true), n));
}

static void narrow(mo_emit *e, mo_shape to, mo_shape from, bool is_signed)
{
    LLVMValueRef b = mo_pop_lanes(e, from), a = mo_pop_lanes(e, from);
    LLVMValueRef r = mo_native_narrow(e, to, is_signed, a, b);
    if (!r) {
        int64_t values = INT64_C(1) << 128 / mo_lane_count(to);
        LLVMValueRef both = mo_stride(e, a, b, 0, 1, mo_lane_count(to));
        both = clamp(e, both, is_signed ? -values / 2 : 0, (is_signed ? values / 2 : values) - 1);
        r = LLVMBuildTrunc(e->b, both, mo_lanes_type(e, to), "");
    }
    mo_push_lanes(e, r);
}

#define NARROW(name, to, from, is_signed) \
    void emit_##name(mo_emit *e, const mo_insn *in) { (void)in, narrow(e, to, from, is_signed); }
NARROW(i8x16_narrow_i16x8_s, MO_I8X16, MO_I16X8, true)
NARROW(i8x16_narrow_i16x8_u, MO_I8X16, MO_I16X8, false)
NARROW(i16x8_narrow_i32x4_s, MO_I16X8, MO_I32X4, true)
NARROW(i16x8_narrow_i32x4_u, MO_I16X8, MO_I32X4, false)

/* (a * b + 2^14) >> 15, saturated: only -1 * -1 does not fit. */
static LLVMValueRef q15mulr_sat(mo_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef r = multiply_wide(e, a, b);
    r = LLVMBuildAdd(e->b, r, mo_splat(e, mo_const_i32(e, 0x4000), 8), "");
    r = LLVMBuildAShr(e->b, r, mo_splat(e, mo_const_i32(e, 15), 8), "");
    return LLVMBuildTrunc(e->b, clamp(e, r, INT16_MIN, INT16_MAX), mo_lanes_type(e, MO_I16X8), "");
}

void emit_i16x8_q15mulr_sat_s(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef b = mo_pop_lanes(e, MO_I16X8), a = mo_pop_lanes(e, MO_I16X8);
    LLVMValueRef r = mo_native_q15mulr(e, a, b);
    if (r) { /* no other product gives 0x8000 */
        LLVMValueRef over = LLVMBuildICmp(e->b, LLVMIntEQ, r, mo_splat_int(e, MO_I16X8, 0x8000), "");
        r = LLVMBuildXor(e->b, r, mo_mask(e, over, MO_I16X8), "");
    }
    mo_push_lanes(e, r ? r : q15mulr_sat(e, a, b));
}

void emit_i16x8_relaxed_q15mulr_s(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef b = mo_pop_lanes(e, MO_I16X8), a = mo_pop_lanes(e, MO_I16X8);
    LLVMValueRef r = mo_native_q15mulr(e, a, b);
    mo_push_lanes(e, r ? r : q15mulr_sat(e, a, b));
}

/* --- relaxed dot products ---------------------------------------------- */

/* Without native help both operands are signed and sums wrap. */
static LLVMValueRef dot_bytes(mo_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef r = mo_native_dot_bytes(e, b, a);
    if (r)
        return r;
    LLVMTypeRef wide = LLVMVectorType(e->shard->i16, 16);
    r = LLVMBuildMul(e->b, LLVMBuildSExt(e->b, a, wide, ""), LLVMBuildSExt(e->b, b, wide, ""), "");
    return LLVMBuildAdd(e->b, mo_stride(e, r, r, 0, 2, 8), mo_stride(e, r, r, 1, 2, 8), "");
}

void emit_i16x8_relaxed_dot_i8x16_i7x16_s(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef b = mo_pop_lanes(e, MO_I8X16), a = mo_pop_lanes(e, MO_I8X16);
    mo_push_lanes(e, dot_bytes(e, a, b));
}

void emit_i32x4_relaxed_dot_i8x16_i7x16_add_s(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef sum = mo_pop_lanes(e, MO_I32X4), b = mo_pop_lanes(e, MO_I8X16), a = mo_pop_lanes(e, MO_I8X16);
    LLVMValueRef r = mo_native_dot_bytes_add(e, b, a, sum);
    mo_push_lanes(e, r ? r : LLVMBuildAdd(e->b, add_signed_pairs(e, dot_bytes(e, a, b)), sum, ""));
}

/* --- relaxed laneselect ------------------------------------------------ */

/* By a lane's top bit, unless selecting each bit is as cheap. */
static void lane_select(mo_emit *e, const mo_insn *in, mo_shape shape)
{
    if (mo_native_bit_select(e)) {
        emit_v128_bitselect(e, in);
        return;
    }
    LLVMValueRef mask = mo_pop_lanes(e, shape), b = mo_pop_lanes(e, shape), a = mo_pop_lanes(e, shape);
    LLVMValueRef top = LLVMBuildICmp(e->b, LLVMIntSLT, mask, LLVMConstNull(LLVMTypeOf(mask)), "");
    mo_push_lanes(e, LLVMBuildSelect(e->b, top, a, b, ""));
}

#define LANE_SELECT(name, shape) \
    void emit_##name(mo_emit *e, const mo_insn *in) { lane_select(e, in, shape); }
LANE_SELECT(i8x16_relaxed_laneselect, MO_I8X16)
LANE_SELECT(i16x8_relaxed_laneselect, MO_I16X8)
LANE_SELECT(i32x4_relaxed_laneselect, MO_I32X4)
LANE_SELECT(i64x2_relaxed_laneselect, MO_I64X2)
