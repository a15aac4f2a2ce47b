/* wide.c - 128-bit integer arithmetic on pairs of i64, the low half first. */
#include "code/llvm/emit.h"

static LLVMValueRef pop128(mo_emit *e)
{
    LLVMTypeRef i128 = e->shard->i128;
    LLVMValueRef high = LLVMBuildZExt(e->b, mo_pop(e), i128, ""), low = LLVMBuildZExt(e->b, mo_pop(e), i128, "");
    return LLVMBuildOr(e->b, low, LLVMBuildShl(e->b, high, LLVMConstInt(i128, 64, false), ""), "");
}

static void push128(mo_emit *e, LLVMValueRef v)
{
    mo_push(e, LLVMBuildTrunc(e->b, v, e->shard->i64, ""));
    v = LLVMBuildLShr(e->b, v, LLVMConstInt(e->shard->i128, 64, false), "");
    mo_push(e, LLVMBuildTrunc(e->b, v, e->shard->i64, ""));
}

#define WIDE(name, build) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef b = pop128(e), a = pop128(e); \
        push128(e, build(e->b, a, b, "")); \
    }
WIDE(i64_add128, LLVMBuildAdd)
WIDE(i64_sub128, LLVMBuildSub)

#define MULTIPLY(name, extend) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        (void)in; \
        LLVMValueRef b = extend(e->b, mo_pop(e), e->shard->i128, ""), a = extend(e->b, mo_pop(e), e->shard->i128, ""); \
        push128(e, LLVMBuildMul(e->b, a, b, "")); \
    }
MULTIPLY(i64_mul_wide_s, LLVMBuildSExt)
MULTIPLY(i64_mul_wide_u, LLVMBuildZExt)
