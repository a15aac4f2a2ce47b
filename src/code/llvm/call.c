/* call.c - calls of every form under abi.h's conventions, and returns. */
#include "code/llvm/emit.h"

#define SWIFTCC 16 /* llvm::CallingConv::Swift: four result registers of each class */

/* --- types ------------------------------------------------------------- */

static bool is_vec(mo_valtype t)
{
    uint32_t kind = mo_kind(t);
    return kind == MO_F32 || kind == MO_F64 || kind == MO_V128;
}

/* What comes back in registers, as one IR type. */
static LLVMTypeRef result_type(mo_shard *s, uint32_t index)
{
    if (s->result_types[index])
        return s->result_types[index];
    const mo_type *type = &s->module->types[index];
    LLVMTypeRef parts[MO_INT_RESULTS + MO_VEC_RESULTS];
    uint32_t n = 0, ints = 0, vecs = 0;
    for (uint32_t i = 0; i < type->nresults; i++) {
        bool vec = is_vec(type->results[i]);
        if (vec ? vecs < MO_VEC_RESULTS : ints < MO_INT_RESULTS) {
            parts[n++] = mo_llvm_type(s, type->results[i]);
            vec ? vecs++ : ints++;
        }
    }
    LLVMTypeRef t = n == 0 ? s->void_ : n == 1 ? parts[0] : LLVMStructTypeInContext(s->context, parts, n, false);
    return s->result_types[index] = t;
}

static LLVMTypeRef uniform_type(mo_shard *s, uint32_t index)
{
    LLVMTypeRef params[1 + MO_INT_ARGS + MO_VEC_ARGS] = {s->ptr};
    for (int i = 0; i < MO_INT_ARGS; i++)
        params[1 + i] = s->i64;
    for (int i = 0; i < MO_VEC_ARGS; i++)
        params[1 + MO_INT_ARGS + i] = s->v128;
    return LLVMFunctionType(result_type(s, index), params, MO_COUNT(params), false);
}

LLVMTypeRef mo_function_type(mo_shard *s, uint32_t index, mo_convention convention)
{
    if (convention == MO_UNIFORM)
        return uniform_type(s, index);
    LLVMTypeRef *made = convention == MO_INSIDE ? &s->inside_types[index] : &s->outside_types[index];
    if (*made)
        return *made;
    const mo_type *type = &s->module->types[index];
    LLVMTypeRef params[1 + 1000] = {s->ptr}; /* the limit on parameters */
    uint32_t n = 1, ints = 0, vecs = 0;
    for (uint32_t i = 0; i < type->nparams; i++) {
        bool vec = is_vec(type->params[i]);
        if (convention == MO_INSIDE || (vec ? vecs < MO_VEC_ARGS : ints < MO_INT_ARGS)) {
            params[n++] = mo_llvm_type(s, type->params[i]);
            vec ? vecs++ : ints++;
        }
    }
    return *made = LLVMFunctionType(result_type(s, index), params, n, false);
}

/* --- xfer -------------------------------------------------------------- */

static LLVMValueRef xfer_address(mo_emit *e, uint32_t slot)
{
    return mo_run_field(e, (uint32_t)offsetof(mo_run, xfer) + slot * (uint32_t)sizeof(mo_slot_value));
}

static void store_xfer(mo_emit *e, uint32_t slot, LLVMValueRef v)
{
    mo_store(e, v, xfer_address(e, slot), MO_ALIAS_RUN);
}

static LLVMValueRef load_xfer(mo_emit *e, uint32_t slot, LLVMTypeRef type)
{
    return mo_load(e, type, xfer_address(e, slot), MO_ALIAS_RUN);
}

/* --- uniform registers ------------------------------------------------- */

/* A value in the type of an argument register; bits beyond it are of no meaning. */
static LLVMValueRef widen(mo_emit *e, LLVMValueRef v)
{
    mo_shard *s = e->shard;
    LLVMTypeRef type = LLVMTypeOf(v);
    if (type == s->i32)
        return LLVMBuildZExt(e->b, v, s->i64, "");
    if (type == s->f32 || type == s->f64) {
        LLVMTypeRef lanes = LLVMVectorType(type, type == s->f32 ? 4 : 2);
        v = LLVMBuildInsertElement(e->b, LLVMGetPoison(lanes), v, mo_const_i32(e, 0), "");
        return LLVMBuildBitCast(e->b, v, s->v128, "");
    }
    return v;
}

static LLVMValueRef narrow(mo_emit *e, LLVMValueRef v, LLVMTypeRef type)
{
    mo_shard *s = e->shard;
    if (type == s->i32)
        return LLVMBuildTrunc(e->b, v, s->i32, "");
    if (type == s->f32 || type == s->f64) {
        LLVMTypeRef lanes = LLVMVectorType(type, type == s->f32 ? 4 : 2);
        return LLVMBuildExtractElement(e->b, LLVMBuildBitCast(e->b, v, lanes, ""), mo_const_i32(e, 0), "");
    }
    return v;
}

LLVMValueRef mo_incoming(mo_emit *e, mo_convention c, mo_place place, LLVMTypeRef type, uint32_t *next)
{
    if (place.where == MO_IN_XFER)
        return load_xfer(e, place.index, type);
    if (c != MO_UNIFORM)
        return LLVMGetParam(e->fn, (*next)++);
    uint32_t index = 1 + place.index + (place.where == MO_IN_VEC ? MO_INT_ARGS : 0);
    return narrow(e, LLVMGetParam(e->fn, index), type);
}

/* --- a call ------------------------------------------------------------ */

typedef struct callee {
    LLVMValueRef code;
    LLVMValueRef context;
    mo_convention convention;
    uint32_t type;
} callee;

/* Pops the arguments into args (IR parameters 1 and up); what finds no register
 * goes to xfer. Returns the number of IR arguments, the context's included. */
static uint32_t pop_arguments(mo_emit *e, const callee *c, LLVMValueRef *args)
{
    const mo_type *type = &e->module->types[c->type];
    mo_place places[1000];
    bool inside = c->convention == MO_INSIDE;
    uint32_t n = 1;
    mo_places(type->params, type->nparams, inside ? type->nparams : MO_INT_ARGS, inside ? type->nparams : MO_VEC_ARGS, places);
    LLVMValueRef *values = &e->stack[e->height - type->nparams];
    e->height -= type->nparams;
    if (c->convention == MO_UNIFORM) {
        for (n = 1; n < 1 + MO_INT_ARGS + MO_VEC_ARGS; n++)
            args[n] = LLVMGetPoison(n <= MO_INT_ARGS ? e->shard->i64 : e->shard->v128);
    }
    for (uint32_t i = 0; i < type->nparams; i++) {
        if (places[i].where == MO_IN_XFER)
            store_xfer(e, places[i].index, values[i]);
        else if (c->convention == MO_UNIFORM)
            args[1 + places[i].index + (places[i].where == MO_IN_VEC ? MO_INT_ARGS : 0)] = widen(e, values[i]);
        else
            args[n++] = values[i];
    }
    return n;
}

static void push_results(mo_emit *e, uint32_t type_index, LLVMValueRef call)
{
    const mo_type *type = &e->module->types[type_index];
    mo_place places[1000];
    uint32_t nxfers = mo_places(type->results, type->nresults, MO_INT_RESULTS, MO_VEC_RESULTS, places);
    uint32_t nregs = type->nresults - nxfers, part = 0;
    for (uint32_t i = 0; i < type->nresults; i++) {
        LLVMTypeRef t = mo_llvm_type(e->shard, type->results[i]);
        if (places[i].where == MO_IN_XFER)
            mo_push(e, load_xfer(e, places[i].index, t));
        else
            mo_push(e, nregs == 1 ? call : LLVMBuildExtractValue(e->b, call, part++, ""));
    }
}

static LLVMValueRef build_call(mo_emit *e, const callee *c, LLVMTypeRef type, LLVMValueRef code, LLVMValueRef *args, uint32_t n)
{
    LLVMValueRef call = LLVMBuildCall2(e->b, type, code, args, n, "");
    LLVMSetInstructionCallConv(call, SWIFTCC);
    LLVMAddCallSiteAttribute(call, 1, c->convention == MO_INSIDE ? e->shard->swiftself : e->shard->nest);
    return call;
}

/* Inside a try_table: through mo_try_call, which comes back if the callee throws. */
static LLVMValueRef build_try_call(mo_emit *e, const callee *c, LLVMTypeRef type, LLVMValueRef *args, uint32_t n)
{
    LLVMTypeRef params[1 + 1000 + 1];
    LLVMGetParamTypes(type, params);
    params[n] = e->shard->ptr;
    args[n] = c->code;
    LLVMTypeRef through = LLVMFunctionType(LLVMGetReturnType(type), params, n + 1, false);
    LLVMValueRef call = build_call(e, c, through, mo_helper_address(e, MO_HELPERS), args, n + 1);
    LLVMAddCallSiteAttribute(call, n + 1, e->shard->swiftself);
    LLVMValueRef pending = mo_run_field(e, offsetof(mo_run, exception));
    LLVMValueRef exception = mo_load(e, e->shard->i64, pending, MO_ALIAS_RUN);
    LLVMValueRef threw = LLVMBuildICmp(e->b, LLVMIntNE, exception, mo_const_i64(e, 0), "");
    LLVMBasicBlockRef caught = mo_new_block(e, "caught"), on = mo_new_block(e, "");
    LLVMBuildCondBr(e->b, threw, caught, on);
    LLVMPositionBuilderAtEnd(e->b, caught);
    mo_store(e, mo_const_i64(e, 0), pending, MO_ALIAS_RUN);
    mo_throw(e, exception);
    LLVMPositionBuilderAtEnd(e->b, on);
    return call;
}

static void call(mo_emit *e, callee c)
{
    LLVMValueRef args[1 + 1000 + 1] = {c.context};
    uint32_t n = pop_arguments(e, &c, args);
    LLVMTypeRef type = mo_function_type(e->shard, c.type, c.convention);
    LLVMValueRef result = e->innermost_try ? build_try_call(e, &c, type, args, n) : build_call(e, &c, type, c.code, args, n);
    push_results(e, c.type, result);
}

static void tail_call(mo_emit *e, callee c)
{
    LLVMValueRef args[1 + MO_INT_ARGS + MO_VEC_ARGS] = {c.context};
    c.convention = MO_UNIFORM;
    uint32_t n = pop_arguments(e, &c, args);
    LLVMTypeRef type = uniform_type(e->shard, c.type);
    LLVMValueRef result = build_call(e, &c, type, c.code, args, n);
    LLVMSetTailCallKind(result, LLVMTailCallKindMustTail);
    if (LLVMGetReturnType(type) == e->shard->void_)
        LLVMBuildRetVoid(e->b);
    else
        LLVMBuildRet(e->b, result);
    e->live = false;
}

void mo_return(mo_emit *e, LLVMValueRef *results)
{
    const mo_type *type = e->type;
    mo_place places[1000];
    uint32_t nxfers = mo_places(type->results, type->nresults, MO_INT_RESULTS, MO_VEC_RESULTS, places);
    uint32_t nregs = type->nresults - nxfers, part = 0;
    LLVMTypeRef t = result_type(e->shard, e->func->type);
    LLVMValueRef all = nregs ? LLVMGetPoison(t) : NULL;
    for (uint32_t i = 0; i < type->nresults; i++) {
        if (places[i].where == MO_IN_XFER)
            store_xfer(e, places[i].index, results[i]);
        else
            all = nregs == 1 ? results[i] : LLVMBuildInsertValue(e->b, all, results[i], part++, "");
    }
    if (all)
        LLVMBuildRet(e->b, all);
    else
        LLVMBuildRetVoid(e->b);
}

/* --- whom to call ------------------------------------------------------ */

static callee function_callee(mo_emit *e, uint32_t index)
{
    const mo_func *func = &e->module->funcs[index];
    if (func->import == MO_NO_IMPORT)
        return (callee){mo_shard_function(e->shard, index), e->context, e->shard->job->plans[index].convention, func->type};
    uint32_t at = e->shard->job->layout.imports_at + index * (uint32_t)sizeof(mo_ctx_import);
    return (callee){
        mo_context_fixed(e, e->shard->ptr, at + (uint32_t)offsetof(mo_ctx_import, code)),
        mo_context_fixed(e, e->shard->ptr, at + (uint32_t)offsetof(mo_ctx_import, context)),
        MO_OUTSIDE, func->type,
    };
}

void emit_call(mo_emit *e, const mo_insn *in) { call(e, function_callee(e, in->index)); }
void emit_return_call(mo_emit *e, const mo_insn *in) { tail_call(e, function_callee(e, in->index)); }

static callee reference_callee(mo_emit *e, uint32_t type)
{
    mo_shard *s = e->shard;
    LLVMValueRef word = mo_pop(e);
    mo_trap_if(e, LLVMBuildICmp(e->b, LLVMIntEQ, word, mo_const_i64(e, 0), ""), MO_TRAP_NULL_FUNCTION);
    LLVMValueRef ref = LLVMBuildIntToPtr(e->b, word, s->ptr, "");
    return (callee){
        mo_load_fixed(e, s->ptr, mo_offset(e, ref, offsetof(mo_funcref, code)), MO_ALIAS_TABLE),
        mo_load_fixed(e, s->ptr, mo_offset(e, ref, offsetof(mo_funcref, context)), MO_ALIAS_TABLE),
        MO_OUTSIDE, type,
    };
}

void emit_call_ref(mo_emit *e, const mo_insn *in) { call(e, reference_callee(e, in->index)); }
void emit_return_call_ref(mo_emit *e, const mo_insn *in) { tail_call(e, reference_callee(e, in->index)); }

/* --- call_indirect ----------------------------------------------------- */

/* Below its bound an index stays itself, beyond it becomes 0, by data flow that
 * speculation cannot skip (and that LLVM cannot see through). */
static LLVMValueRef mask_index(mo_emit *e, LLVMValueRef index, LLVMValueRef bound)
{
#if defined(__x86_64__)
    static const char text[] = "cmpq $2, $1\n\tsbbq $0, $0\n\tandq $1, $0";
    static const char constraints[] = "=&r,r,re,~{flags}"; /* e: a constant of 32 bits */
    LLVMTypeRef i64 = e->shard->i64, type = LLVMFunctionType(i64, (LLVMTypeRef[]){i64, i64}, 2, false);
    LLVMValueRef mask = LLVMGetInlineAsm(type, text, sizeof text - 1, constraints, sizeof constraints - 1, false, false,
                                         LLVMInlineAsmDialectATT, false);
    return LLVMBuildCall2(e->b, type, mask, (LLVMValueRef[]){index, bound}, 2, "");
#else
    LLVMValueRef inside = LLVMBuildICmp(e->b, LLVMIntULT, index, bound, "");
    return LLVMBuildSelect(e->b, inside, index, mo_const_i64(e, 0), "");
#endif
}

/* Does a subtype of the wanted type pass? Ends in the block where it does. */
static void check_subtype(mo_emit *e, LLVMValueRef id, LLVMValueRef wanted)
{
    mo_trap_if(e, LLVMBuildICmp(e->b, LLVMIntEQ, id, mo_const_i32(e, 0), ""), MO_TRAP_CALL_NULL);
    LLVMValueRef below = mo_call_helper(e, MO_HELPER_type_matches, (LLVMValueRef[]){id, wanted}, 2);
    mo_trap_if(e, LLVMBuildICmp(e->b, LLVMIntEQ, below, mo_const_i32(e, 0), ""), MO_TRAP_CALL_TYPE);
}

static void check_type(mo_emit *e, LLVMValueRef entry, uint32_t type)
{
    mo_shard *s = e->shard;
    LLVMValueRef id = mo_load(e, s->i32, mo_offset(e, entry, offsetof(mo_table_entry, type_id)), MO_ALIAS_TABLE);
    LLVMValueRef wanted = mo_context_fixed(e, s->i32, s->job->layout.type_ids_at + type * 4);
    LLVMBasicBlockRef other = mo_new_block(e, "other"), on = mo_new_block(e, "");
    LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntEQ, id, wanted, ""), on, other);
    LLVMPositionBuilderAtEnd(e->b, other);
    if (e->module->types[type].final) {
        mo_trap_if(e, LLVMBuildICmp(e->b, LLVMIntEQ, id, mo_const_i32(e, 0), ""), MO_TRAP_CALL_NULL);
        mo_trap(e, MO_TRAP_CALL_TYPE);
    } else {
        check_subtype(e, id, wanted);
        LLVMBuildBr(e->b, on);
    }
    LLVMPositionBuilderAtEnd(e->b, on);
}

static callee table_callee(mo_emit *e, uint32_t type, uint32_t table)
{
    mo_shard *s = e->shard;
    const mo_table *t = &e->module->tables[table];
    LLVMValueRef index = mo_pop(e);
    if (!t->bounds.is64)
        index = LLVMBuildZExt(e->b, index, s->i64, "");
    LLVMValueRef n = mo_table_size(e, table);
    mo_trap_if(e, LLVMBuildICmp(e->b, LLVMIntUGE, index, n, ""), MO_TRAP_CALL_BOUNDS);
    index = mask_index(e, index, n);
    LLVMTypeRef entry_type = LLVMArrayType2(s->i8, sizeof(mo_table_entry));
    LLVMValueRef entry = LLVMBuildGEP2(e->b, entry_type, mo_table_entries(e, table), &index, 1, "");
    check_type(e, entry, type);
    return (callee){
        mo_load(e, s->ptr, mo_offset(e, entry, offsetof(mo_table_entry, code)), MO_ALIAS_TABLE),
        mo_load(e, s->ptr, mo_offset(e, entry, offsetof(mo_table_entry, context)), MO_ALIAS_TABLE),
        MO_OUTSIDE, type,
    };
}

void emit_call_indirect(mo_emit *e, const mo_insn *in) { call(e, table_callee(e, in->index, in->index2)); }
void emit_return_call_indirect(mo_emit *e, const mo_insn *in) { tail_call(e, table_callee(e, in->index, in->index2)); }
