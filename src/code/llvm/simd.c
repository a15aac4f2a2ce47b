/* simd.c - v128: shapes, constants, and what moves lanes or bits without computing. */
#include "code/llvm/simd.h"

/* --- shapes and edges -------------------------------------------------- */

LLVMTypeRef mo_lane_type(mo_emit *e, mo_shape shape)
{
    mo_shard *s = e->shard;
    return (LLVMTypeRef[MO_SHAPES]){s->i8, s->i16, s->i32, s->i64, s->f32, s->f64}[shape];
}

unsigned mo_lane_count(mo_shape shape)
{
    static const unsigned counts[MO_SHAPES] = {16, 8, 4, 2, 4, 2};
    return counts[shape];
}

LLVMTypeRef mo_lanes_type(mo_emit *e, mo_shape shape)
{
    return LLVMVectorType(mo_lane_type(e, shape), mo_lane_count(shape));
}

/* A constant <2 x i64> lane by lane, which LLVM itself would leave a bitcast. */
static LLVMValueRef constant_lanes(mo_emit *e, LLVMValueRef v, mo_shape shape)
{
    uint64_t halves[2];
    for (unsigned i = 0; i < 2; i++) {
        LLVMValueRef half = LLVMGetAggregateElement(v, i);
        if (!half || !LLVMIsAConstantInt(half))
            return NULL;
        halves[i] = LLVMConstIntGetZExtValue(half);
    }
    LLVMValueRef lanes[16];
    unsigned n = mo_lane_count(shape), per_half = n / 2, bits = 64 / per_half;
    for (unsigned i = 0; i < n; i++) {
        uint64_t lane = halves[i / per_half] >> i % per_half * bits;
        lanes[i] = LLVMConstInt(LLVMIntTypeInContext(e->shard->context, bits), lane, false);
        lanes[i] = LLVMConstBitCast(lanes[i], mo_lane_type(e, shape));
    }
    return LLVMConstVector(lanes, n);
}

LLVMValueRef mo_pop_lanes(mo_emit *e, mo_shape shape)
{
    LLVMValueRef v = mo_pop(e), lanes = NULL;
    if (LLVMIsConstant(v))
        lanes = constant_lanes(e, v, shape);
    return lanes ? lanes : LLVMBuildBitCast(e->b, v, mo_lanes_type(e, shape), "");
}

void mo_push_lanes(mo_emit *e, LLVMValueRef v)
{
    mo_push(e, LLVMBuildBitCast(e->b, v, e->shard->v128, ""));
}

LLVMValueRef mo_splat(mo_emit *e, LLVMValueRef v, unsigned n)
{
    LLVMValueRef lanes[16], zero = mo_const_i32(e, 0);
    if (LLVMIsConstant(v)) {
        for (unsigned i = 0; i < n; i++)
            lanes[i] = v;
        return LLVMConstVector(lanes, n);
    }
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(v), n);
    v = LLVMBuildInsertElement(e->b, LLVMGetPoison(type), v, zero, "");
    return LLVMBuildShuffleVector(e->b, v, LLVMGetPoison(type), LLVMConstNull(LLVMVectorType(e->shard->i32, n)), "");
}

LLVMValueRef mo_splat_int(mo_emit *e, mo_shape shape, uint64_t v)
{
    return mo_splat(e, LLVMConstInt(mo_lane_type(e, shape), v, false), mo_lane_count(shape));
}

LLVMValueRef mo_stride(mo_emit *e, LLVMValueRef a, LLVMValueRef b, unsigned first, unsigned step, unsigned n)
{
    LLVMValueRef lanes[16];
    for (unsigned i = 0; i < n; i++)
        lanes[i] = mo_const_i32(e, first + i * step);
    return LLVMBuildShuffleVector(e->b, a, b, LLVMConstVector(lanes, n), "");
}

LLVMValueRef mo_mask(mo_emit *e, LLVMValueRef bits, mo_shape shape)
{
    return LLVMBuildSExt(e->b, bits, mo_lanes_type(e, shape), "");
}

/* --- constants and bits ------------------------------------------------ */

void emit_v128_const(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef halves[2] = {mo_const_i64(e, mo_get64(in->v128)), mo_const_i64(e, mo_get64(in->v128 + 8))};
    mo_push(e, LLVMConstVector(halves, 2));
}

#define BITS(name, expression) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef b = mo_pop(e), a = mo_pop(e); \
        mo_push(e, expression); \
    }
BITS(v128_and, LLVMBuildAnd(e->b, a, b, ""))
BITS(v128_andnot, LLVMBuildAnd(e->b, a, LLVMBuildNot(e->b, b, ""), ""))
BITS(v128_or, LLVMBuildOr(e->b, a, b, ""))
BITS(v128_xor, LLVMBuildXor(e->b, a, b, ""))

void emit_v128_not(mo_emit *e, const mo_insn *in)
{
    (void)in;
    mo_push(e, LLVMBuildNot(e->b, mo_pop(e), ""));
}

void emit_v128_bitselect(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef mask = mo_pop(e), b = mo_pop(e), a = mo_pop(e);
    LLVMValueRef from_a = LLVMBuildAnd(e->b, a, mask, "");
    LLVMValueRef from_b = LLVMBuildAnd(e->b, b, LLVMBuildNot(e->b, mask, ""), "");
    mo_push(e, LLVMBuildOr(e->b, from_a, from_b, ""));
}

/* --- bits of all lanes in one i32 -------------------------------------- */

void emit_v128_any_true(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef v = LLVMBuildBitCast(e->b, mo_pop(e), e->shard->i128, "");
    v = LLVMBuildICmp(e->b, LLVMIntNE, v, LLVMConstNull(e->shard->i128), "");
    mo_push(e, LLVMBuildZExt(e->b, v, e->shard->i32, ""));
}

/* An i1 per lane as an integer of that many bits. */
static LLVMValueRef gather(mo_emit *e, LLVMIntPredicate predicate, mo_shape shape)
{
    LLVMValueRef v = mo_pop_lanes(e, shape);
    v = LLVMBuildICmp(e->b, predicate, v, LLVMConstNull(LLVMTypeOf(v)), "");
    return LLVMBuildBitCast(e->b, v, LLVMIntTypeInContext(e->shard->context, mo_lane_count(shape)), "");
}

#define GATHER(shape, SHAPE) \
    void emit_##shape##_all_true(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef v = gather(e, LLVMIntEQ, SHAPE); \
        v = LLVMBuildICmp(e->b, LLVMIntEQ, v, LLVMConstNull(LLVMTypeOf(v)), ""); \
        mo_push(e, LLVMBuildZExt(e->b, v, e->shard->i32, "")); \
    } \
    void emit_##shape##_bitmask(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        mo_push(e, LLVMBuildZExt(e->b, gather(e, LLVMIntSLT, SHAPE), e->shard->i32, "")); \
    }
GATHER(i8x16, MO_I8X16)
GATHER(i16x8, MO_I16X8)
GATHER(i32x4, MO_I32X4)
GATHER(i64x2, MO_I64X2)

/* --- lanes ------------------------------------------------------------- */

/* An i32 or i64 of the stack as a lane of shape; floats as they are. */
static LLVMValueRef pop_lane(mo_emit *e, mo_shape shape)
{
    LLVMValueRef v = mo_pop(e);
    return shape <= MO_I64X2 ? LLVMBuildTrunc(e->b, v, mo_lane_type(e, shape), "") : v;
}

#define LANES(shape, SHAPE) \
    void emit_##shape##_splat(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        mo_push_lanes(e, mo_splat(e, pop_lane(e, SHAPE), mo_lane_count(SHAPE))); \
    } \
    void emit_##shape##_replace_lane(mo_emit *e, const mo_insn *in) \
    { \
        LLVMValueRef lane = pop_lane(e, SHAPE), v = mo_pop_lanes(e, SHAPE); \
        mo_push_lanes(e, LLVMBuildInsertElement(e->b, v, lane, mo_const_i32(e, in->index), "")); \
    }
LANES(i8x16, MO_I8X16)
LANES(i16x8, MO_I16X8)
LANES(i32x4, MO_I32X4)
LANES(i64x2, MO_I64X2)
LANES(f32x4, MO_F32X4)
LANES(f64x2, MO_F64X2)

static LLVMValueRef extract(mo_emit *e, const mo_insn *in, mo_shape shape)
{
    return LLVMBuildExtractElement(e->b, mo_pop_lanes(e, shape), mo_const_i32(e, in->index), "");
}

#define EXTRACT(name, SHAPE, expression) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        LLVMValueRef lane = extract(e, in, SHAPE); \
        mo_push(e, expression); \
    }
EXTRACT(i8x16_extract_lane_s, MO_I8X16, LLVMBuildSExt(e->b, lane, e->shard->i32, ""))
EXTRACT(i8x16_extract_lane_u, MO_I8X16, LLVMBuildZExt(e->b, lane, e->shard->i32, ""))
EXTRACT(i16x8_extract_lane_s, MO_I16X8, LLVMBuildSExt(e->b, lane, e->shard->i32, ""))
EXTRACT(i16x8_extract_lane_u, MO_I16X8, LLVMBuildZExt(e->b, lane, e->shard->i32, ""))
EXTRACT(i32x4_extract_lane, MO_I32X4, lane)
EXTRACT(i64x2_extract_lane, MO_I64X2, lane)
EXTRACT(f32x4_extract_lane, MO_F32X4, lane)
EXTRACT(f64x2_extract_lane, MO_F64X2, lane)

/* --- shuffle and swizzle ----------------------------------------------- */

void emit_i8x16_shuffle(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef b = mo_pop_lanes(e, MO_I8X16), a = mo_pop_lanes(e, MO_I8X16), lanes[16];
    for (unsigned i = 0; i < 16; i++)
        lanes[i] = mo_const_i32(e, in->v128[i]);
    mo_push_lanes(e, LLVMBuildShuffleVector(e->b, a, b, LLVMConstVector(lanes, 16), ""));
}

/* v[index], or 0 where index is not below 16, a lane after the other. */
static LLVMValueRef swizzle_lanes(mo_emit *e, LLVMValueRef v, LLVMValueRef index)
{
    LLVMValueRef inside = LLVMBuildICmp(e->b, LLVMIntULT, index, mo_splat_int(e, MO_I8X16, 16), "");
    LLVMValueRef low = LLVMBuildAnd(e->b, index, mo_splat_int(e, MO_I8X16, 15), "");
    LLVMValueRef r = LLVMConstNull(LLVMTypeOf(v));
    for (uint32_t i = 0; i < 16; i++) {
        LLVMValueRef from = LLVMBuildExtractElement(e->b, low, mo_const_i32(e, i), "");
        r = LLVMBuildInsertElement(e->b, r, LLVMBuildExtractElement(e->b, v, from, ""), mo_const_i32(e, i), "");
    }
    return LLVMBuildSelect(e->b, inside, r, LLVMConstNull(LLVMTypeOf(v)), "");
}

void emit_i8x16_swizzle(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef index = mo_pop_lanes(e, MO_I8X16), v = mo_pop_lanes(e, MO_I8X16);
    /* 0..15 -> 0x70..0x7f, above: the top bit is set, which native tables give a 0 for */
    LLVMValueRef moved = mo_intrinsic2(e, "llvm.uadd.sat", index, mo_splat_int(e, MO_I8X16, 0x70));
    LLVMValueRef r = mo_native_swizzle(e, v, moved);
    mo_push_lanes(e, r ? r : swizzle_lanes(e, v, index));
}

void emit_i8x16_relaxed_swizzle(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef index = mo_pop_lanes(e, MO_I8X16), v = mo_pop_lanes(e, MO_I8X16);
    LLVMValueRef r = mo_native_swizzle(e, v, index);
    mo_push_lanes(e, r ? r : swizzle_lanes(e, v, index));
}
