/* exception.c - throw and try_table (the final form). An exception is a pointer to
 * an mo_exception, an i64 word on the operand stack; 0 is null.
 *
 *   throw inside a try_table of the same function: a branch to its dispatch block
 *   throw elsewhere: a helper that resumes at the innermost mo_try_call, or leaves
 *   a call inside a try_table: through mo_try_call, then a look at run->exception
 *
 * Frames without a try_table cost nothing and are skipped. */
#include "code/llvm/emit.h"

void mo_throw(mo_emit *e, LLVMValueRef exception)
{
    if (e->innermost_try) {
        mo_block *block = &e->blocks[e->innermost_try - 1];
        LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
        LLVMAddIncoming(block->exception, &exception, &here, 1);
        LLVMBuildBr(e->b, block->dispatch);
        return;
    }
    LLVMValueRef pointer = LLVMBuildIntToPtr(e->b, exception, e->shard->ptr, "");
    mo_call_helper(e, MO_HELPER_exception_throw, &pointer, 1);
    LLVMBuildUnreachable(e->b);
}

void emit_throw(mo_emit *e, const mo_insn *in)
{
    const mo_type *type = &e->module->types[e->module->tags[in->index].type];
    e->height -= type->nparams;
    for (uint32_t i = 0; i < type->nparams; i++)
        mo_store(e, e->stack[e->height + i], mo_run_field(e, (uint32_t)(offsetof(mo_run, xfer) + i * sizeof(mo_slot_value))), MO_ALIAS_RUN);
    LLVMValueRef tag = mo_const_i32(e, in->index);
    LLVMValueRef exception = mo_call_helper(e, MO_HELPER_exception_new, &tag, 1);
    mo_throw(e, LLVMBuildPtrToInt(e->b, exception, e->shard->i64, ""));
    e->live = false;
}

void emit_throw_ref(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef exception = mo_pop(e);
    mo_trap_if(e, LLVMBuildICmp(e->b, LLVMIntEQ, exception, mo_const_i64(e, 0), ""), MO_TRAP_NULL_EXCEPTION);
    mo_throw(e, exception);
    e->live = false;
}

/* Branches to a catch's label with what it carries. */
static void deliver(mo_emit *e, const mo_catch *c, LLVMValueRef exception, LLVMValueRef pointer)
{
    uint32_t height = e->height;
    if (c->kind == MO_CATCH || c->kind == MO_CATCH_REF) {
        const mo_type *type = &e->module->types[e->module->tags[c->tag].type];
        for (uint32_t i = 0; i < type->nparams; i++) {
            uint64_t at = offsetof(mo_exception, params) + i * sizeof(mo_slot_value);
            mo_push(e, mo_load(e, mo_llvm_type(e->shard, type->params[i]), mo_offset(e, pointer, at), MO_ALIAS_RUN));
        }
    }
    if (c->kind == MO_CATCH_REF || c->kind == MO_CATCH_ALL_REF)
        mo_push(e, exception);
    mo_branch(e, c->label);
    e->height = height;
}

/* Tries the clauses in order. Runs outside the try_table: labels count from there. */
static void dispatch(mo_emit *e, const mo_insn *in, LLVMValueRef exception)
{
    mo_shard *s = e->shard;
    LLVMValueRef pointer = LLVMBuildIntToPtr(e->b, exception, s->ptr, "");
    for (uint32_t i = 0; i < in->ncatches; i++) {
        const mo_catch *c = &in->catches[i];
        if (c->kind == MO_CATCH_ALL || c->kind == MO_CATCH_ALL_REF) {
            deliver(e, c, exception, pointer);
            return;
        }
        LLVMValueRef tag = mo_load(e, s->ptr, mo_offset(e, pointer, offsetof(mo_exception, tag)), MO_ALIAS_RUN);
        LLVMValueRef wanted = mo_context_fixed(e, s->ptr, s->job->layout.tags_at + c->tag * (uint32_t)sizeof(void *));
        LLVMBasicBlockRef hit = mo_new_block(e, "catch"), next = mo_new_block(e, "");
        LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntEQ, tag, wanted, ""), hit, next);
        LLVMPositionBuilderAtEnd(e->b, hit);
        deliver(e, c, exception, pointer);
        LLVMPositionBuilderAtEnd(e->b, next);
    }
    mo_throw(e, exception);
}

/* The dispatch block is filled at once, before the body: its clauses' values are
 * all its own, and what it branches to exists already. */
void emit_try_table(mo_emit *e, const mo_insn *in)
{
    mo_block block = {.op = MO_OP_try_table, .type = in->block};
    if (!e->live) {
        mo_open_block(e, &block);
        return;
    }
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
    block.label = mo_new_block(e, "tried");
    if (in->ncatches) {
        block.dispatch = mo_new_block(e, "dispatch");
        LLVMPositionBuilderAtEnd(e->b, block.dispatch);
        block.exception = LLVMBuildPhi(e->b, e->shard->i64, "exception");
        dispatch(e, in, block.exception);
        LLVMPositionBuilderAtEnd(e->b, here);
    }
    if (mo_open_block(e, &block) && in->ncatches)
        e->innermost_try = e->depth;
}
