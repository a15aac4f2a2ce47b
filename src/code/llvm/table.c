/* table.c - tables and references. Tables are changed by helpers alone (DESIGN:
 * an entry that is half written would be an escape); their size is read inline. */
#include "code/llvm/emit.h"

static LLVMValueRef table_desc(mo_emit *e, uint32_t table)
{
    const mo_layout *l = &e->shard->job->layout;
    if (table >= e->module->nimported_tables)
        return mo_offset(e, e->context, l->own_tables_at + (table - e->module->nimported_tables) * sizeof(mo_table_desc));
    return mo_context_fixed(e, e->shard->ptr, l->tables_at + table * (uint32_t)sizeof(void *));
}

/* An own table that cannot grow never moves; nothing imported is known that well. */
static bool is_fixed(const mo_emit *e, uint32_t table)
{
    const mo_bounds *b = &e->module->tables[table].bounds;
    return table >= e->module->nimported_tables && b->has_max && b->min == b->max;
}

LLVMValueRef mo_table_size(mo_emit *e, uint32_t table)
{
    if (is_fixed(e, table))
        return mo_const_i64(e, e->module->tables[table].bounds.min);
    return mo_load(e, e->shard->i64, mo_offset(e, table_desc(e, table), offsetof(mo_table_desc, n)), MO_ALIAS_CONTEXT);
}

LLVMValueRef mo_table_entries(mo_emit *e, uint32_t table)
{
    LLVMValueRef at = mo_offset(e, table_desc(e, table), offsetof(mo_table_desc, entries));
    return is_fixed(e, table) ? mo_load_fixed(e, e->shard->ptr, at, MO_ALIAS_CONTEXT) : mo_load(e, e->shard->ptr, at, MO_ALIAS_CONTEXT);
}

static bool is64(const mo_emit *e, uint32_t table) { return e->module->tables[table].bounds.is64; }

void emit_table_size(mo_emit *e, const mo_insn *in)
{
    mo_push(e, mo_as_address(e, is64(e, in->index), mo_table_size(e, in->index)));
}

void emit_table_get(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef args[] = {mo_const_i32(e, in->index), mo_wide(e, mo_pop(e))};
    mo_push(e, mo_call_helper(e, MO_HELPER_table_get, args, 2));
}

void emit_table_set(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef ref = mo_pop(e), index = mo_wide(e, mo_pop(e));
    mo_call_helper(e, MO_HELPER_table_set, (LLVMValueRef[]){mo_const_i32(e, in->index), index, ref}, 3);
}

void emit_table_grow(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef n = mo_wide(e, mo_pop(e)), ref = mo_pop(e);
    LLVMValueRef args[] = {mo_const_i32(e, in->index), ref, n};
    mo_push(e, mo_as_address(e, is64(e, in->index), mo_call_helper(e, MO_HELPER_table_grow, args, 3)));
}

void emit_table_fill(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef n = mo_wide(e, mo_pop(e)), ref = mo_pop(e), index = mo_wide(e, mo_pop(e));
    mo_call_helper(e, MO_HELPER_table_fill, (LLVMValueRef[]){mo_const_i32(e, in->index), index, ref, n}, 4);
}

void emit_table_copy(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef n = mo_wide(e, mo_pop(e)), from = mo_wide(e, mo_pop(e)), to = mo_wide(e, mo_pop(e));
    LLVMValueRef args[] = {mo_const_i32(e, in->index), mo_const_i32(e, in->index2), to, from, n};
    mo_call_helper(e, MO_HELPER_table_copy, args, 5);
}

void emit_table_init(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef n = mo_pop(e), from = mo_pop(e), to = mo_wide(e, mo_pop(e));
    LLVMValueRef args[] = {mo_const_i32(e, in->index), mo_const_i32(e, in->index2), to, from, n};
    mo_call_helper(e, MO_HELPER_table_init, args, 5);
}

void emit_elem_drop(mo_emit *e, const mo_insn *in)
{
    LLVMValueRef elem = mo_const_i32(e, in->index);
    mo_call_helper(e, MO_HELPER_elem_drop, &elem, 1);
}

/* --- references -------------------------------------------------------- */

void emit_ref_null(mo_emit *e, const mo_insn *in)
{
    (void)in;
    mo_push(e, mo_const_i64(e, 0));
}

void emit_ref_is_null(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef null = LLVMBuildICmp(e->b, LLVMIntEQ, mo_pop(e), mo_const_i64(e, 0), "");
    mo_push(e, LLVMBuildZExt(e->b, null, e->shard->i32, ""));
}

void emit_ref_as_non_null(mo_emit *e, const mo_insn *in)
{
    (void)in;
    LLVMValueRef ref = e->stack[e->height - 1];
    mo_trap_if(e, LLVMBuildICmp(e->b, LLVMIntEQ, ref, mo_const_i64(e, 0), ""), MO_TRAP_NULL_REFERENCE);
}

/* An own function's record lies in the context, an imported one's is named there. */
void emit_ref_func(mo_emit *e, const mo_insn *in)
{
    const mo_job *job = e->shard->job;
    if (e->module->funcs[in->index].import == MO_NO_IMPORT) {
        uint32_t at = job->layout.funcrefs_at + job->records[in->index] * (uint32_t)sizeof(mo_funcref);
        mo_push(e, LLVMBuildPtrToInt(e->b, mo_offset(e, e->context, at), e->shard->i64, ""));
        return;
    }
    uint32_t at = job->layout.imports_at + in->index * (uint32_t)sizeof(mo_ctx_import) + (uint32_t)offsetof(mo_ctx_import, ref);
    mo_push(e, mo_context_fixed(e, e->shard->i64, at));
}
