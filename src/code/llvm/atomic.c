/* atomic.c - atomic accesses, waiting and waking. All are sequentially consistent;
 * an effective address that is no multiple of the size traps. Where bounds are not
 * checked by code, that trap comes before the fault of an address out of bounds. */
#include "code/llvm/emit.h"

/* --- addresses --------------------------------------------------------- */

/* Index and offset alone tell alignment: a memory begins at a page. */
static void check_alignment(mo_emit *e, const mo_memarg *m, LLVMValueRef index, uint32_t size)
{
    if (size == 1)
        return;
    LLVMTypeRef type = LLVMTypeOf(index);
    LLVMValueRef low = LLVMBuildAdd(e->b, index, LLVMConstInt(type, m->offset & (size - 1), false), "");
    low = LLVMBuildAnd(e->b, low, LLVMConstInt(type, size - 1, false), "");
    mo_trap_if(e, LLVMBuildICmp(e->b, LLVMIntNE, low, LLVMConstNull(type), ""), MO_TRAP_UNALIGNED_ATOMIC);
}

static LLVMValueRef address(mo_emit *e, const mo_insn *in, uint32_t size)
{
    LLVMValueRef index = mo_pop(e), at = mo_memory_address(e, &in->memarg, index, size);
    check_alignment(e, &in->memarg, index, size);
    return at;
}

static LLVMValueRef mark(mo_emit *e, LLVMValueRef access, uint32_t size)
{
    LLVMSetAlignment(access, size);
    LLVMSetMetadata(access, e->shard->tbaa_kind, e->shard->tbaa[MO_ALIAS_MEMORY]);
    if (e->shard->job->options->strict)
        LLVMSetVolatile(access, true);
    return access;
}

/* --- loads and stores -------------------------------------------------- */

/* memory's type and its size, the stack's type. */
#define LOAD(name, memory, size, stack) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        LLVMValueRef v = mark(e, LLVMBuildLoad2(e->b, e->shard->memory, address(e, in, size), ""), size); \
        LLVMSetOrdering(v, LLVMAtomicOrderingSequentiallyConsistent); \
        mo_push(e, LLVMBuildZExt(e->b, v, e->shard->stack, "")); \
    }
LOAD(i32_atomic_load, i32, 4, i32)
LOAD(i64_atomic_load, i64, 8, i64)
LOAD(i32_atomic_load8_u, i8, 1, i32)
LOAD(i32_atomic_load16_u, i16, 2, i32)
LOAD(i64_atomic_load8_u, i8, 1, i64)
LOAD(i64_atomic_load16_u, i16, 2, i64)
LOAD(i64_atomic_load32_u, i32, 4, i64)

#define STORE(name, memory, size) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        LLVMValueRef v = LLVMBuildTrunc(e->b, mo_pop(e), e->shard->memory, ""); \
        v = mark(e, LLVMBuildStore(e->b, v, address(e, in, size)), size); \
        LLVMSetOrdering(v, LLVMAtomicOrderingSequentiallyConsistent); \
    }
STORE(i32_atomic_store, i32, 4)
STORE(i64_atomic_store, i64, 8)
STORE(i32_atomic_store8, i8, 1)
STORE(i32_atomic_store16, i16, 2)
STORE(i64_atomic_store8, i8, 1)
STORE(i64_atomic_store16, i16, 2)
STORE(i64_atomic_store32, i32, 4)

/* --- read, modify, write ----------------------------------------------- */

static void modify(mo_emit *e, const mo_insn *in, LLVMAtomicRMWBinOp op, LLVMTypeRef memory, uint32_t size)
{
    LLVMValueRef v = mo_pop(e), at = address(e, in, size);
    LLVMTypeRef stack = LLVMTypeOf(v);
    v = LLVMBuildTrunc(e->b, v, memory, "");
    v = LLVMBuildAtomicRMW(e->b, op, at, v, LLVMAtomicOrderingSequentiallyConsistent, false);
    mo_push(e, LLVMBuildZExt(e->b, mark(e, v, size), stack, ""));
}

#define MODIFY(name, op, memory, size) \
    void emit_##name(mo_emit *e, const mo_insn *in) { modify(e, in, LLVMAtomicRMWBinOp##op, e->shard->memory, size); }
#define MODIFY_ALL(op, Op) \
    MODIFY(i32_atomic_rmw_##op, Op, i32, 4) \
    MODIFY(i64_atomic_rmw_##op, Op, i64, 8) \
    MODIFY(i32_atomic_rmw8_##op##_u, Op, i8, 1) \
    MODIFY(i32_atomic_rmw16_##op##_u, Op, i16, 2) \
    MODIFY(i64_atomic_rmw8_##op##_u, Op, i8, 1) \
    MODIFY(i64_atomic_rmw16_##op##_u, Op, i16, 2) \
    MODIFY(i64_atomic_rmw32_##op##_u, Op, i32, 4)
MODIFY_ALL(add, Add)
MODIFY_ALL(sub, Sub)
MODIFY_ALL(and, And)
MODIFY_ALL(or, Or)
MODIFY_ALL(xor, Xor)
MODIFY_ALL(xchg, Xchg)

/* What is expected is wrapped to the access's width, as is the replacement. */
static void compare_exchange(mo_emit *e, const mo_insn *in, LLVMTypeRef memory, uint32_t size)
{
    LLVMValueRef replacement = mo_pop(e), expected = mo_pop(e), at = address(e, in, size);
    LLVMTypeRef stack = LLVMTypeOf(expected);
    expected = LLVMBuildTrunc(e->b, expected, memory, "");
    replacement = LLVMBuildTrunc(e->b, replacement, memory, "");
    LLVMAtomicOrdering order = LLVMAtomicOrderingSequentiallyConsistent;
    LLVMValueRef v = mark(e, LLVMBuildAtomicCmpXchg(e->b, at, expected, replacement, order, order, false), size);
    mo_push(e, LLVMBuildZExt(e->b, LLVMBuildExtractValue(e->b, v, 0, ""), stack, ""));
}

#define COMPARE_EXCHANGE(name, memory, size) \
    void emit_##name(mo_emit *e, const mo_insn *in) { compare_exchange(e, in, e->shard->memory, size); }
COMPARE_EXCHANGE(i32_atomic_rmw_cmpxchg, i32, 4)
COMPARE_EXCHANGE(i64_atomic_rmw_cmpxchg, i64, 8)
COMPARE_EXCHANGE(i32_atomic_rmw8_cmpxchg_u, i8, 1)
COMPARE_EXCHANGE(i32_atomic_rmw16_cmpxchg_u, i16, 2)
COMPARE_EXCHANGE(i64_atomic_rmw8_cmpxchg_u, i8, 1)
COMPARE_EXCHANGE(i64_atomic_rmw16_cmpxchg_u, i16, 2)
COMPARE_EXCHANGE(i64_atomic_rmw32_cmpxchg_u, i32, 4)

void emit_atomic_fence(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMBuildFence(e->b, LLVMAtomicOrderingSequentiallyConsistent, false, "");
}

/* --- waiting and waking ------------------------------------------------ */

/* The effective address in 64 bits, aligned; whether it is in bounds and the memory
 * shared is the helper's to say. */
static LLVMValueRef effective_address(mo_emit *e, const mo_memarg *m, LLVMValueRef index, uint32_t size)
{
    check_alignment(e, m, index, size);
    LLVMValueRef offset = mo_const_i64(e, m->offset);
    if (!e->module->memories[m->memory].bounds.is64) /* two 32-bit numbers */
        return LLVMBuildAdd(e->b, LLVMBuildZExt(e->b, index, e->shard->i64, ""), offset, "");
    LLVMValueRef at = LLVMBuildAdd(e->b, index, offset, "");
    mo_trap_if(e, LLVMBuildICmp(e->b, LLVMIntULT, at, offset, ""), MO_TRAP_MEMORY_BOUNDS);
    return at;
}

static void wait(mo_emit *e, const mo_insn *in, mo_helper helper, uint32_t size)
{
    LLVMValueRef timeout = mo_pop(e), expected = mo_pop(e), memory = mo_const_i32(e, in->memarg.memory);
    LLVMValueRef at = effective_address(e, &in->memarg, mo_pop(e), size);
    mo_push(e, mo_call_helper(e, helper, (LLVMValueRef[]){memory, at, expected, timeout}, 4));
}

void emit_memory_atomic_wait32(mo_emit *e, const mo_insn *in) { wait(e, in, MO_HELPER_atomic_wait32, 4); }
void emit_memory_atomic_wait64(mo_emit *e, const mo_insn *in) { wait(e, in, MO_HELPER_atomic_wait64, 8); }

void emit_memory_atomic_notify(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef count = mo_pop(e), memory = mo_const_i32(e, in->memarg.memory);
    LLVMValueRef at = effective_address(e, &in->memarg, mo_pop(e), 4);
    mo_push(e, mo_call_helper(e, MO_HELPER_atomic_notify, (LLVMValueRef[]){memory, at, count}, 3));
}
