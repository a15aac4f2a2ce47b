/* memory.c - addresses, loads and stores of linear memories.
 * A 32-bit memory with 64 KiB pages is not checked: abi.h's reservation stands for
 * it. Others compare with their length. Guest accesses are plain and unaligned;
 * those of shared memories volatile, so that LLVM neither repeats nor invents one. */
#include "code/llvm/emit.h"

/* A shared memory's descriptor is its own, even where this module defines it. */
static LLVMValueRef memory_desc(mo_emit *e, uint32_t memory)
{
    const mo_layout *l = &e->shard->job->layout;
    if (memory >= e->module->nimported_memories && !e->module->memories[memory].shared)
        return mo_offset(e, e->context, l->own_memories_at + (memory - e->module->nimported_memories) * sizeof(mo_memory_desc));
    uint32_t at = l->memories_at + memory * (uint32_t)sizeof(mo_ctx_memory) + (uint32_t)offsetof(mo_ctx_memory, desc);
    return mo_context_fixed(e, e->shard->ptr, at);
}

LLVMValueRef mo_memory_length(mo_emit *e, uint32_t memory)
{
    LLVMValueRef at = mo_offset(e, memory_desc(e, memory), offsetof(mo_memory_desc, bytes));
    LLVMValueRef bytes = mo_load(e, e->shard->i64, at, MO_ALIAS_CONTEXT);
    if (e->module->memories[memory].shared)
        LLVMSetOrdering(bytes, LLVMAtomicOrderingMonotonic);
    return bytes;
}

LLVMValueRef mo_memory_start(mo_emit *e, uint32_t memory)
{
    if (memory == 0)
        return mo_memory0(e);
    uint32_t at = e->shard->job->layout.memories_at + memory * (uint32_t)sizeof(mo_ctx_memory);
    return mo_context_fixed(e, e->shard->ptr, at + (uint32_t)offsetof(mo_ctx_memory, base));
}

/* index + reach <= length, in 64 bits and without wrapping round. */
static void check_bounds(mo_emit *e, const mo_memarg *m, LLVMValueRef index, uint32_t size)
{
    LLVMValueRef bytes = mo_memory_length(e, m->memory), outside;
    uint64_t reach = m->offset + size;
    if (reach < size) { /* offset alone is beyond everything */
        mo_trap_if(e, LLVMConstInt(e->shard->i1, 1, false), MO_TRAP_MEMORY_BOUNDS);
        return;
    }
    LLVMValueRef n = mo_const_i64(e, reach);
    LLVMValueRef last = LLVMBuildSub(e->b, bytes, n, "");
    outside = LLVMBuildOr(e->b, LLVMBuildICmp(e->b, LLVMIntULT, bytes, n, ""),
                          LLVMBuildICmp(e->b, LLVMIntUGT, index, last, ""), "");
    mo_trap_if(e, outside, MO_TRAP_MEMORY_BOUNDS);
}

LLVMValueRef mo_memory_address(mo_emit *e, const mo_memarg *m, LLVMValueRef index, uint32_t size)
{
    const mo_memory *memory = &e->module->memories[m->memory];
    if (!memory->bounds.is64)
        index = LLVMBuildZExt(e->b, index, e->shard->i64, "");
    if (!mo_memory_unchecked(memory) || m->offset >= MO_OFFSET_FOLDED)
        check_bounds(e, m, index, size);
    LLVMValueRef at = LLVMBuildGEP2(e->b, e->shard->i8, mo_memory_start(e, m->memory), &index, 1, "");
    return mo_offset(e, at, m->offset);
}

void mo_memory_mark(mo_emit *e, LLVMValueRef access)
{
    LLVMSetMetadata(access, e->shard->tbaa_kind, e->shard->tbaa[MO_ALIAS_MEMORY]);
}

static void mark_access(mo_emit *e, const mo_memarg *m, LLVMValueRef access)
{
    LLVMSetAlignment(access, 1);
    mo_memory_mark(e, access);
    if (e->module->memories[m->memory].shared || e->shard->job->options->strict)
        LLVMSetVolatile(access, true);
}

LLVMValueRef mo_memory_load(mo_emit *e, const mo_memarg *m, LLVMTypeRef type, LLVMValueRef at)
{
    LLVMValueRef v = LLVMBuildLoad2(e->b, type, at, "");
    mark_access(e, m, v);
    return v;
}

void mo_memory_store(mo_emit *e, const mo_memarg *m, LLVMValueRef v, LLVMValueRef at)
{
    mark_access(e, m, LLVMBuildStore(e->b, v, at));
}

/* --- loads and stores -------------------------------------------------- */

static LLVMValueRef load(mo_emit *e, const mo_insn *in, LLVMTypeRef type, uint32_t size)
{
    LLVMValueRef at = mo_memory_address(e, &in->memarg, mo_pop(e), size);
    return mo_memory_load(e, &in->memarg, type, at);
}

#define LOAD(name, type, size) \
    void emit_##name(mo_emit *e, const mo_insn *in) { mo_push(e, load(e, in, e->shard->type, size)); }
LOAD(i32_load, i32, 4)
LOAD(i64_load, i64, 8)
LOAD(f32_load, f32, 4)
LOAD(f64_load, f64, 8)

#define LOAD_EXTEND(name, type, size, Extend, wide) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        mo_push(e, LLVMBuild##Extend(e->b, load(e, in, e->shard->type, size), e->shard->wide, "")); \
    }
LOAD_EXTEND(i32_load8_s, i8, 1, SExt, i32)
LOAD_EXTEND(i32_load8_u, i8, 1, ZExt, i32)
LOAD_EXTEND(i32_load16_s, i16, 2, SExt, i32)
LOAD_EXTEND(i32_load16_u, i16, 2, ZExt, i32)
LOAD_EXTEND(i64_load8_s, i8, 1, SExt, i64)
LOAD_EXTEND(i64_load8_u, i8, 1, ZExt, i64)
LOAD_EXTEND(i64_load16_s, i16, 2, SExt, i64)
LOAD_EXTEND(i64_load16_u, i16, 2, ZExt, i64)
LOAD_EXTEND(i64_load32_s, i32, 4, SExt, i64)
LOAD_EXTEND(i64_load32_u, i32, 4, ZExt, i64)

#define STORE(name, type, size) \
    void emit_##name(mo_emit *e, const mo_insn *in) \
    { \
        LLVMValueRef v = mo_pop(e); \
        LLVMValueRef at = mo_memory_address(e, &in->memarg, mo_pop(e), size); \
        if (LLVMGetTypeKind(LLVMTypeOf(v)) == LLVMIntegerTypeKind) \
            v = LLVMBuildTrunc(e->b, v, e->shard->type, ""); \
        mo_memory_store(e, &in->memarg, v, at); \
    }
STORE(i32_store, i32, 4)
STORE(i64_store, i64, 8)
STORE(f32_store, f32, 4)
STORE(f64_store, f64, 8)
STORE(i32_store8, i8, 1)
STORE(i32_store16, i16, 2)
STORE(i64_store8, i8, 1)
STORE(i64_store16, i16, 2)
STORE(i64_store32, i32, 4)

/* --- size, grow and segments (bulk.c: fill and copy) --------------------- */

void emit_memory_size(mo_emit *e, const mo_insn *in)
{
    const mo_memory *memory = &e->module->memories[in->index];
    LLVMValueRef bytes = mo_memory_length(e, in->index);
    LLVMValueRef pages = LLVMBuildLShr(e->b, bytes, mo_const_i64(e, memory->page_shift), "");
    mo_push(e, mo_as_address(e, memory->bounds.is64, pages));
}

void emit_memory_grow(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef args[] = {mo_const_i32(e, in->index), mo_wide(e, mo_pop(e))};
    LLVMValueRef old = mo_call_helper(e, MO_HELPER_memory_grow, args, 2);
    mo_push(e, mo_as_address(e, e->module->memories[in->index].bounds.is64, old));
}

void emit_memory_init(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef n = mo_pop(e), from = mo_pop(e), to = mo_wide(e, mo_pop(e));
    LLVMValueRef args[] = {mo_const_i32(e, in->index), mo_const_i32(e, in->index2), to, from, n};
    mo_call_helper(e, MO_HELPER_memory_init, args, 5);
}

void emit_data_drop(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef data = mo_const_i32(e, in->index);
    mo_call_helper(e, MO_HELPER_data_drop, &data, 1);
}
