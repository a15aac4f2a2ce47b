/* control.c - blocks, branches, select, locals and globals. A block's label carries
 * its values as phis: a loop's parameters, any other block's results. */
#include "code/llvm/emit.h"

/* --- blocks ------------------------------------------------------------ */

bool mo_open_block(mo_emit *e, mo_block *block)
{
    if (e->depth == e->blocks_cap) {
        size_t cap = e->blocks_cap;
        if (!mo_grow(&e->blocks, &cap, e->depth + 1u, sizeof *e->blocks))
            return e->failed = true, mo_fail_nomem(e->err);
        e->blocks_cap = (uint32_t)cap;
    }
    block->dead = !e->live;
    block->outer_try = e->innermost_try;
    if (e->live) {
        bool loop = block->op == MO_OP_loop;
        block->nphis = loop ? block->type.nparams : block->type.nresults;
        const mo_valtype *types = loop ? block->type.params : block->type.results;
        block->height = e->height - block->type.nparams;
        block->phis = mo_arena_array(&e->arena, block->nphis, sizeof *block->phis);
        if (!block->phis && block->nphis)
            return e->failed = true, mo_fail_nomem(e->err);
        LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
        LLVMPositionBuilderAtEnd(e->b, block->label);
        for (uint32_t i = 0; i < block->nphis; i++)
            block->phis[i] = LLVMBuildPhi(e->b, mo_llvm_type(e->shard, types[i]), "");
        LLVMPositionBuilderAtEnd(e->b, here);
    }
    e->blocks[e->depth++] = *block;
    return true;
}

/* The values on top of the stack travel along the edge from here to the label. */
static void add_edge(mo_emit *e, mo_block *to)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
    for (uint32_t i = 0; i < to->nphis; i++)
        LLVMAddIncoming(to->phis[i], &e->stack[e->height - to->nphis + i], &here, 1);
}

static mo_block *block_at(mo_emit *e, uint32_t depth)
{
    return &e->blocks[e->depth - 1 - depth];
}

void mo_branch(mo_emit *e, uint32_t depth)
{
    mo_block *to = block_at(e, depth);
    add_edge(e, to);
    LLVMBuildBr(e->b, to->label);
}

void emit_block(mo_emit *e, const mo_insn *in)
{
    mo_block block = {.op = MO_OP_block, .type = in->block};
    if (e->live)
        block.label = mo_new_block(e, "block");
    mo_open_block(e, &block);
}

void emit_loop(mo_emit *e, const mo_insn *in)
{
    mo_block block = {.op = MO_OP_loop, .type = in->block};
    if (e->live)
        block.label = mo_new_block(e, "loop");
    if (!mo_open_block(e, &block) || !e->live)
        return;
    mo_branch(e, 0);
    LLVMPositionBuilderAtEnd(e->b, block.label);
    for (uint32_t i = 0; i < block.nphis; i++)
        e->stack[block.height + i] = e->blocks[e->depth - 1].phis[i];
    mo_fuel_check(e);
}

/* The emission's stack holds what the block had when it was entered. */
static bool save_params(mo_emit *e, mo_block *block)
{
    uint32_t n = block->type.nparams;
    block->params = mo_arena_array(&e->arena, n, sizeof *block->params);
    if (!block->params && n)
        return e->failed = true, mo_fail_nomem(e->err);
    for (uint32_t i = 0; i < n; i++)
        block->params[i] = e->stack[e->height - n + i];
    return true;
}

static LLVMValueRef is_true(mo_emit *e, LLVMValueRef v)
{
    return LLVMBuildICmp(e->b, LLVMIntNE, v, LLVMConstNull(LLVMTypeOf(v)), "");
}

void emit_if(mo_emit *e, const mo_insn *in)
{
    mo_block block = {.op = MO_OP_if, .type = in->block};
    if (!e->live) {
        mo_open_block(e, &block);
        return;
    }
    LLVMValueRef cond = is_true(e, mo_pop(e));
    LLVMBasicBlockRef then = mo_new_block(e, "then");
    block.else_ = mo_new_block(e, "else");
    block.label = mo_new_block(e, "endif");
    if (!save_params(e, &block) || !mo_open_block(e, &block))
        return;
    LLVMBuildCondBr(e->b, cond, then, block.else_);
    LLVMPositionBuilderAtEnd(e->b, then);
}

static void begin_else(mo_emit *e, mo_block *block)
{
    LLVMPositionBuilderAtEnd(e->b, block->else_);
    block->else_ = NULL;
    e->height = block->height;
    for (uint32_t i = 0; i < block->type.nparams; i++)
        mo_push(e, block->params[i]);
    e->live = true;
}

void emit_else(mo_emit *e, const mo_insn *in)
{
    (void)in;
    mo_block *block = block_at(e, 0);
    if (block->dead)
        return;
    if (e->live)
        mo_branch(e, 0);
    begin_else(e, block);
}

/* A label that nothing reaches has phis without an edge: their place is taken by zero. */
static LLVMValueRef take_phi(LLVMValueRef phi)
{
    if (LLVMCountIncoming(phi))
        return phi;
    LLVMValueRef zero = LLVMConstNull(LLVMTypeOf(phi));
    LLVMInstructionEraseFromParent(phi);
    return zero;
}

/* Only the way through leads to this label: control and values go on as they are. A
 * hundred thousand blocks, each of one jump, would be quadratic later. */
static bool is_passed_through(const mo_emit *e, const mo_block *block)
{
    return block->op == MO_OP_block && e->live && e->depth > 1 && !LLVMGetFirstUse(LLVMBasicBlockAsValue(block->label));
}

void emit_end(mo_emit *e, const mo_insn *in)
{
    (void)in;
    mo_block *block = block_at(e, 0);
    e->innermost_try = block->outer_try;
    if (block->dead) {
        e->depth--;
        return;
    }
    if (block->op == MO_OP_loop) { /* only the way through leads here */
        e->depth--;
        return;
    }
    if (is_passed_through(e, block)) {
        LLVMDeleteBasicBlock(block->label);
        e->depth--;
        return;
    }
    if (e->live)
        mo_branch(e, 0);
    if (block->else_) { /* an if without else: its parameters are its results */
        begin_else(e, block);
        mo_branch(e, 0);
    }
    mo_block ended = *block;
    e->depth--;
    LLVMPositionBuilderAtEnd(e->b, ended.label);
    e->height = ended.height;
    for (uint32_t i = 0; i < ended.nphis; i++)
        mo_push(e, take_phi(ended.phis[i]));
    e->live = true;
    if (e->depth == 0) {
        mo_return(e, e->stack);
        e->live = false;
    }
}

/* --- branches ---------------------------------------------------------- */

void emit_nop(mo_emit *e, const mo_insn *in) { (void)e, (void)in; }

void emit_unreachable(mo_emit *e, const mo_insn *in)
{
    (void)in;
    mo_trap(e, MO_TRAP_UNREACHABLE);
    e->live = false;
}

void emit_br(mo_emit *e, const mo_insn *in)
{
    mo_branch(e, in->index);
    e->live = false;
}

/* Goes to the label if cond, else on. */
static void branch_if(mo_emit *e, LLVMValueRef cond, uint32_t depth)
{
    mo_block *to = block_at(e, depth);
    LLVMBasicBlockRef on = mo_new_block(e, "");
    add_edge(e, to);
    LLVMBuildCondBr(e->b, cond, to->label, on);
    LLVMPositionBuilderAtEnd(e->b, on);
}

void emit_br_if(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef cond = is_true(e, mo_pop(e));
    branch_if(e, cond, in->index);
}

void emit_br_table(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef index = mo_pop(e);
    mo_block *other = block_at(e, in->labels[in->nlabels]);
    add_edge(e, other);
    LLVMValueRef jump = LLVMBuildSwitch(e->b, index, other->label, in->nlabels);
    for (uint32_t i = 0; i < in->nlabels; i++) {
        mo_block *to = block_at(e, in->labels[i]);
        if (to->label == other->label)
            continue; /* the default does it, and needs one edge only */
        add_edge(e, to);
        LLVMAddCase(jump, mo_const_i32(e, i), to->label);
    }
    e->live = false;
}

void emit_return(mo_emit *e, const mo_insn *in)
{
    (void)in;
    mo_branch(e, e->depth - 1);
    e->live = false;
}

void emit_br_on_null(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef ref = mo_pop(e);
    LLVMValueRef null = LLVMBuildICmp(e->b, LLVMIntEQ, ref, mo_const_i64(e, 0), "");
    branch_if(e, null, in->index);
    mo_push(e, ref);
}

void emit_br_on_non_null(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef ref = e->stack[e->height - 1];
    branch_if(e, is_true(e, ref), in->index);
    e->height--;
}

/* --- parametric, locals, globals --------------------------------------- */

/* A load whose value the module drops is made all the same, for its trap. */
static void keep_load(LLVMValueRef v)
{
    while (v && LLVMIsAInstruction(v)) {
        if (LLVMIsALoadInst(v)) {
            LLVMSetVolatile(v, true);
            return;
        }
        LLVMOpcode op = LLVMGetInstructionOpcode(v);
        bool plain = LLVMIsACastInst(v) || op == LLVMInsertElement || op == LLVMShuffleVector;
        if (!plain)
            return;
        v = LLVMGetOperand(v, op == LLVMInsertElement ? 1 : 0);
    }
}

void emit_drop(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef v = mo_pop(e);
    if (!LLVMGetFirstUse(v))
        keep_load(v);
}

void emit_select(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef cond = is_true(e, mo_pop(e)), b = mo_pop(e), a = mo_pop(e);
    mo_push(e, LLVMBuildSelect(e->b, cond, a, b, ""));
}

void emit_select_t(mo_emit *e, const mo_insn *in) { emit_select(e, in); }

void emit_local_get(mo_emit *e, const mo_insn *in)
{
    LLVMTypeRef type = mo_llvm_type(e->shard, e->body.locals[in->index]);
    mo_push(e, LLVMBuildLoad2(e->b, type, e->locals[in->index], ""));
}

void emit_local_set(mo_emit *e, const mo_insn *in)
{
    LLVMBuildStore(e->b, mo_pop(e), e->locals[in->index]);
}

void emit_local_tee(mo_emit *e, const mo_insn *in)
{
    LLVMBuildStore(e->b, e->stack[e->height - 1], e->locals[in->index]);
}

/* Own globals and imported constants lie in the context; an imported variable's
 * slot holds the address of its owner's. */
static LLVMValueRef global_address(mo_emit *e, uint32_t index)
{
    const mo_global *global = &e->module->globals[index];
    uint32_t offset = e->shard->job->layout.globals_at + index * (uint32_t)sizeof(mo_slot_value);
    if (global->import != MO_NO_IMPORT && global->mutable_)
        return mo_context_fixed(e, e->shard->ptr, offset);
    return mo_offset(e, e->context, offset);
}

void emit_global_get(mo_emit *e, const mo_insn *in)
{
    const mo_global *global = &e->module->globals[in->index];
    LLVMTypeRef type = mo_llvm_type(e->shard, global->type);
    LLVMValueRef at = global_address(e, in->index);
    mo_push(e, global->mutable_ ? mo_load(e, type, at, MO_ALIAS_GLOBAL) : mo_load_fixed(e, type, at, MO_ALIAS_GLOBAL));
}

void emit_global_set(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef store = mo_store(e, mo_pop(e), global_address(e, in->index), MO_ALIAS_GLOBAL);
    if (e->shard->job->options->strict) /* a trap between this and the next set would show it gone */
        LLVMSetVolatile(store, true);
}

/* --- fuel -------------------------------------------------------------- */

static LLVMValueRef pay(mo_emit *e)
{
    LLVMValueRef at = mo_run_field(e, offsetof(mo_run, fuel));
    LLVMValueRef left = mo_load(e, e->shard->i64, at, MO_ALIAS_RUN);
    left = LLVMBuildSub(e->b, left, mo_const_i64(e, e->fuel), "");
    mo_store(e, left, at, MO_ALIAS_RUN);
    e->fuel = 0;
    return left;
}

void mo_fuel_pay(mo_emit *e)
{
    if (e->fuel)
        pay(e);
}

void mo_fuel_check(mo_emit *e)
{
    if (!e->shard->job->options->fuel)
        return;
    LLVMValueRef out = LLVMBuildICmp(e->b, LLVMIntSLT, pay(e), mo_const_i64(e, 0), "");
    LLVMBasicBlockRef dry = mo_new_block(e, "dry"), on = mo_new_block(e, "");
    LLVMBuildCondBr(e->b, out, dry, on);
    LLVMPositionBuilderAtEnd(e->b, dry);
    mo_call_helper(e, MO_HELPER_out_of_fuel, NULL, 0);
    LLVMBuildBr(e->b, on);
    LLVMPositionBuilderAtEnd(e->b, on);
}
