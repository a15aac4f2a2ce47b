/* simd_memory.c - v128 from and to linear memory. */
#include "code/llvm/simd.h"

static LLVMValueRef load(mo_emit *e, const mo_insn *in, LLVMTypeRef type, uint32_t size)
{
    LLVMValueRef at = mo_memory_address(e, &in->memarg, mo_pop(e), size);
    return mo_memory_load(e, &in->memarg, type, at);
}

void emit_v128_load(mo_emit *e, const mo_insn *in)
{
    mo_push(e, load(e, in, e->shard->v128, 16));
}

void emit_v128_store(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef v = mo_pop(e);
    mo_memory_store(e, &in->memarg, v, mo_memory_address(e, &in->memarg, mo_pop(e), 16));
}

/* 8 bytes, each lane widened to one of shape. */
#define LOAD_EXTEND(name, lane, n, Extend, shape) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        LLVMValueRef v = load(e, in, LLVMVectorType(e->shard->lane, n), 8); \
        mo_push_lanes(e, LLVMBuild##Extend(e->b, v, mo_lanes_type(e, shape), "")); \
    }
LOAD_EXTEND(v128_load8x8_s, i8, 8, SExt, MO_I16X8)
LOAD_EXTEND(v128_load8x8_u, i8, 8, ZExt, MO_I16X8)
LOAD_EXTEND(v128_load16x4_s, i16, 4, SExt, MO_I32X4)
LOAD_EXTEND(v128_load16x4_u, i16, 4, ZExt, MO_I32X4)
LOAD_EXTEND(v128_load32x2_s, i32, 2, SExt, MO_I64X2)
LOAD_EXTEND(v128_load32x2_u, i32, 2, ZExt, MO_I64X2)

#define LOAD_SPLAT(name, lane, size) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        mo_push_lanes(e, mo_splat(e, load(e, in, e->shard->lane, size), 16 / size)); \
    }
LOAD_SPLAT(v128_load8_splat, i8, 1)
LOAD_SPLAT(v128_load16_splat, i16, 2)
LOAD_SPLAT(v128_load32_splat, i32, 4)
LOAD_SPLAT(v128_load64_splat, i64, 8)

#define LOAD_ZERO(name, lane, size, shape) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        LLVMValueRef v = load(e, in, e->shard->lane, size), zero = LLVMConstNull(mo_lanes_type(e, shape)); \
        mo_push_lanes(e, LLVMBuildInsertElement(e->b, zero, v, mo_const_i32(e, 0), "")); \
    }
LOAD_ZERO(v128_load32_zero, i32, 4, MO_I32X4)
LOAD_ZERO(v128_load64_zero, i64, 8, MO_I64X2)

#define LANE(bits, size, shape) \
    void emit_v128_load##bits##_lane(mo_emit *e, const mo_insn *in) \
    { \
        LLVMValueRef v = mo_pop_lanes(e, shape), lane = load(e, in, mo_lane_type(e, shape), size); \
        mo_push_lanes(e, LLVMBuildInsertElement(e->b, v, lane, mo_const_i32(e, in->memarg.lane), "")); \
    } \
    void emit_v128_store##bits##_lane(mo_emit *e, const mo_insn *in) \
    { \
        LLVMValueRef v = mo_pop_lanes(e, shape), at = mo_memory_address(e, &in->memarg, mo_pop(e), size); \
        LLVMValueRef lane = LLVMBuildExtractElement(e->b, v, mo_const_i32(e, in->memarg.lane), ""); \
        mo_memory_store(e, &in->memarg, lane, at); \
    }
LANE(8, 1, MO_I8X16)
LANE(16, 2, MO_I16X8)
LANE(32, 4, MO_I32X4)
LANE(64, 8, MO_I64X2)
