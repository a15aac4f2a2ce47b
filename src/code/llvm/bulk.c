/* bulk.c - memory.copy and memory.fill, and the short cuts of known library functions:
 * bounds are checked once, then LLVM moves the block, in a few registers where the
 * length is a small constant, else by support_<processor>.c. */
#include "code/llvm/emit.h"

/* Are n bytes at `at` (both i64) outside the memory? */
static LLVMValueRef is_outside(mo_emit *e, LLVMValueRef length, LLVMValueRef at, LLVMValueRef n)
{
    LLVMValueRef last = LLVMBuildSub(e->b, length, n, "");
    return LLVMBuildOr(e->b, LLVMBuildICmp(e->b, LLVMIntUGT, n, length, ""),
                       LLVMBuildICmp(e->b, LLVMIntUGT, at, last, ""), "");
}

static LLVMValueRef address(mo_emit *e, uint32_t memory, LLVMValueRef at)
{
    return LLVMBuildGEP2(e->b, e->shard->i8, mo_memory_start(e, memory), &at, 1, "");
}

static bool is_shared(const mo_emit *e, uint32_t memory) { return e->module->memories[memory].shared; }

static void fill(mo_emit *e, uint32_t memory, LLVMValueRef to, LLVMValueRef byte, LLVMValueRef n)
{
    byte = LLVMBuildTrunc(e->b, byte, e->shard->i8, "");
    mo_memory_mark(e, LLVMBuildMemSet(e->b, address(e, memory, to), byte, n, 1));
}

/* The intrinsic, overlap or not. */
static void move(mo_emit *e, uint32_t to_memory, uint32_t from_memory, LLVMValueRef to, LLVMValueRef from, LLVMValueRef n)
{
    LLVMValueRef target = address(e, to_memory, to), source = address(e, from_memory, from);
    mo_memory_mark(e, LLVMBuildMemMove(e->b, target, 1, source, 1, n));
}

void emit_memory_fill(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef n = mo_wide(e, mo_pop(e)), byte = mo_pop(e), to = mo_wide(e, mo_pop(e));
    if (is_shared(e, in->index)) {
        mo_call_helper(e, MO_HELPER_memory_fill, (LLVMValueRef[]){mo_const_i32(e, in->index), to, byte, n}, 4);
        return;
    }
    mo_trap_if(e, is_outside(e, mo_memory_length(e, in->index), to, n), MO_TRAP_MEMORY_BOUNDS);
    fill(e, in->index, to, byte, n);
}

void emit_memory_copy(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef n = mo_wide(e, mo_pop(e)), from = mo_wide(e, mo_pop(e)), to = mo_wide(e, mo_pop(e));
    if (is_shared(e, in->index) || is_shared(e, in->index2)) {
        LLVMValueRef args[] = {mo_const_i32(e, in->index), mo_const_i32(e, in->index2), to, from, n};
        mo_call_helper(e, MO_HELPER_memory_copy, args, 5);
        return;
    }
    LLVMValueRef outside = LLVMBuildOr(e->b, is_outside(e, mo_memory_length(e, in->index), to, n),
                                       is_outside(e, mo_memory_length(e, in->index2), from, n), "");
    mo_trap_if(e, outside, MO_TRAP_MEMORY_BOUNDS);
    move(e, in->index, in->index2, to, from, n);
}

/* --- known library functions ----------------------------------------------- */

/* The function's parameter i as it is at entry. */
static LLVMValueRef parameter(mo_emit *e, uint32_t i) { return LLVMBuildLoad2(e->b, e->shard->i32, e->locals[i], ""); }

/* Goes on in a new block if cond, i1, holds; returns the block where it does not. */
static LLVMBasicBlockRef go_on_if(mo_emit *e, LLVMValueRef cond)
{
    LLVMBasicBlockRef on = mo_new_block(e, "known"), own = mo_new_block(e, "own");
    LLVMBuildCondBr(e->b, cond, on, own);
    LLVMPositionBuilderAtEnd(e->b, on);
    return own;
}

static LLVMValueRef is_inside(mo_emit *e, LLVMValueRef at, LLVMValueRef n)
{
    return LLVMBuildNot(e->b, is_outside(e, mo_memory_length(e, 0), at, n), "");
}

/* Is b at least n bytes away from a, in either direction? */
static LLVMValueRef are_apart(mo_emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef n)
{
    LLVMValueRef up = LLVMBuildSub(e->b, b, a, ""), down = LLVMBuildSub(e->b, a, b, "");
    return LLVMBuildAnd(e->b, LLVMBuildICmp(e->b, LLVMIntUGE, up, n, ""), LLVMBuildICmp(e->b, LLVMIntUGE, down, n, ""), "");
}

static LLVMBasicBlockRef known_copy(mo_emit *e, bool may_overlap)
{
    LLVMValueRef result = parameter(e, 0);
    LLVMValueRef to = mo_wide(e, result), from = mo_wide(e, parameter(e, 1)), n = mo_wide(e, parameter(e, 2));
    LLVMValueRef good = LLVMBuildAnd(e->b, is_inside(e, to, n), is_inside(e, from, n), "");
    if (!may_overlap)
        good = LLVMBuildAnd(e->b, good, are_apart(e, to, from, n), "");
    LLVMBasicBlockRef own = go_on_if(e, good);
    move(e, 0, 0, to, from, n);
    mo_return(e, &result);
    return own;
}

static LLVMBasicBlockRef known_set(mo_emit *e)
{
    LLVMValueRef result = parameter(e, 0), to = mo_wide(e, result), n = mo_wide(e, parameter(e, 2));
    LLVMBasicBlockRef own = go_on_if(e, is_inside(e, to, n));
    fill(e, 0, to, parameter(e, 1), n);
    mo_return(e, &result);
    return own;
}

static LLVMValueRef load_word(mo_emit *e, LLVMValueRef base, LLVMValueRef at)
{
    LLVMValueRef v = LLVMBuildLoad2(e->b, e->shard->i64, LLVMBuildGEP2(e->b, e->shard->i8, base, &at, 1, ""), "");
    LLVMSetAlignment(v, 1);
    mo_memory_mark(e, v);
    return v;
}

/* The byte of word that the lowest bit of `differs` lies in, as i32. */
static LLVMValueRef byte_at(mo_emit *e, LLVMValueRef word, LLVMValueRef shift)
{
    LLVMValueRef byte = LLVMBuildAnd(e->b, LLVMBuildLShr(e->b, word, shift, ""), mo_const_i64(e, 0xff), "");
    return LLVMBuildTrunc(e->b, byte, e->shard->i32, "");
}

/* Compares eight bytes at offset `at`, returns from the function if they differ. */
static void compare_word(mo_emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef at)
{
    LLVMValueRef left = load_word(e, a, at), right = load_word(e, b, at);
    LLVMValueRef differs = LLVMBuildXor(e->b, left, right, "");
    LLVMBasicBlockRef same = go_on_if(e, LLVMBuildICmp(e->b, LLVMIntNE, differs, mo_const_i64(e, 0), ""));
    LLVMTypeRef type = e->shard->i64;
    LLVMValueRef bit = mo_intrinsic(e, "llvm.cttz", &type, 1, (LLVMValueRef[]){differs, LLVMConstInt(e->shard->i1, 1, false)}, 2);
    LLVMValueRef shift = LLVMBuildAnd(e->b, bit, mo_const_i64(e, 56), "");
    LLVMValueRef result = LLVMBuildSub(e->b, byte_at(e, left, shift), byte_at(e, right, shift), "");
    mo_return(e, &result);
    LLVMPositionBuilderAtEnd(e->b, same);
}

/* Words from the start while more than eight bytes are left, then the last eight, which
 * may overlap what was found equal. Fewer than eight bytes go the function's own way. */
static LLVMBasicBlockRef known_compare(mo_emit *e)
{
    LLVMValueRef a = mo_wide(e, parameter(e, 0)), b = mo_wide(e, parameter(e, 1)), n = mo_wide(e, parameter(e, 2));
    LLVMValueRef zero = mo_const_i64(e, 0), eight = mo_const_i64(e, 8);
    LLVMValueRef good = LLVMBuildAnd(e->b, is_inside(e, a, n), is_inside(e, b, n), "");
    LLVMBasicBlockRef own = go_on_if(e, LLVMBuildAnd(e->b, good, LLVMBuildICmp(e->b, LLVMIntUGE, n, eight, ""), ""));
    a = address(e, 0, a);
    b = address(e, 0, b);
    LLVMValueRef end = LLVMBuildSub(e->b, n, eight, "");
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->b), loop = mo_new_block(e, "words");
    LLVMBuildBr(e->b, loop);
    LLVMPositionBuilderAtEnd(e->b, loop);
    LLVMValueRef at = LLVMBuildPhi(e->b, e->shard->i64, "");
    LLVMBasicBlockRef last = go_on_if(e, LLVMBuildICmp(e->b, LLVMIntULT, at, end, ""));
    compare_word(e, a, b, at);
    LLVMValueRef next = LLVMBuildAdd(e->b, at, eight, "");
    LLVMAddIncoming(at, (LLVMValueRef[]){zero, next}, (LLVMBasicBlockRef[]){before, LLVMGetInsertBlock(e->b)}, 2);
    LLVMBuildBr(e->b, loop);
    LLVMPositionBuilderAtEnd(e->b, last);
    compare_word(e, a, b, end);
    LLVMValueRef equal = mo_const_i32(e, 0);
    mo_return(e, &equal);
    return own;
}

void mo_known_emit(mo_emit *e, mo_known known)
{
    LLVMBasicBlockRef own;
    switch (known) {
    case MO_KNOWN_memcpy: own = known_copy(e, false); break;
    case MO_KNOWN_memmove: own = known_copy(e, true); break;
    case MO_KNOWN_memset: own = known_set(e); break;
    case MO_KNOWN_memcmp: own = known_compare(e); break;
    default: return;
    }
    LLVMPositionBuilderAtEnd(e->b, own);
}
