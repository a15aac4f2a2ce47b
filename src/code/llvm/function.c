/* function.c - one body -> IR: the operand stack, the walk over mo_insn, and the
 * shorthands that all emitters share. Locals become allocas, which LLVM turns into
 * registers; nothing here recurses. */
#include "code/llvm/emit.h"

#include <stdio.h>

/* --- operand stack ----------------------------------------------------- */

void mo_push(mo_emit *e, LLVMValueRef v)
{
    if (e->height == e->stack_cap) {
        size_t cap = e->stack_cap;
        if (!mo_grow(&e->stack, &cap, e->height + 1u, sizeof *e->stack)) {
            e->failed = !mo_fail_nomem(e->err);
            return;
        }
        e->stack_cap = (uint32_t)cap;
    }
    e->stack[e->height++] = v;
}

LLVMValueRef mo_pop(mo_emit *e)
{
    return e->stack[--e->height];
}

/* --- shorthands -------------------------------------------------------- */

LLVMTypeRef mo_llvm_type(mo_shard *s, mo_valtype t)
{
    switch (mo_kind(t)) {
    case MO_I32: return s->i32;
    case MO_F32: return s->f32;
    case MO_F64: return s->f64;
    case MO_V128: return s->v128;
    default: return s->i64;
    }
}

LLVMValueRef mo_const_i32(mo_emit *e, uint32_t v) { return LLVMConstInt(e->shard->i32, v, false); }
LLVMValueRef mo_const_i64(mo_emit *e, uint64_t v) { return LLVMConstInt(e->shard->i64, v, false); }

LLVMValueRef mo_wide(mo_emit *e, LLVMValueRef v)
{
    return LLVMBuildZExt(e->b, v, e->shard->i64, "");
}

LLVMValueRef mo_as_address(mo_emit *e, bool is64, LLVMValueRef v)
{
    return is64 ? v : LLVMBuildTrunc(e->b, v, e->shard->i32, "");
}

LLVMValueRef mo_offset(mo_emit *e, LLVMValueRef base, uint64_t offset)
{
    if (!offset)
        return base;
    LLVMValueRef n = mo_const_i64(e, offset);
    return LLVMBuildGEP2(e->b, e->shard->i8, base, &n, 1, "");
}

/* Vectors too lie at multiples of 8 only: mo_run's xfer does. */
LLVMValueRef mo_load(mo_emit *e, LLVMTypeRef type, LLVMValueRef at, mo_alias alias)
{
    LLVMValueRef v = LLVMBuildLoad2(e->b, type, at, "");
    if (type == e->shard->v128)
        LLVMSetAlignment(v, 8);
    LLVMSetMetadata(v, e->shard->tbaa_kind, e->shard->tbaa[alias]);
    return v;
}

LLVMValueRef mo_load_fixed(mo_emit *e, LLVMTypeRef type, LLVMValueRef at, mo_alias alias)
{
    LLVMValueRef v = mo_load(e, type, at, alias);
    LLVMSetMetadata(v, e->shard->invariant_kind, e->shard->empty_metadata);
    return v;
}

LLVMValueRef mo_store(mo_emit *e, LLVMValueRef v, LLVMValueRef at, mo_alias alias)
{
    LLVMValueRef store = LLVMBuildStore(e->b, v, at);
    if (LLVMTypeOf(v) == e->shard->v128)
        LLVMSetAlignment(store, 8);
    LLVMSetMetadata(store, e->shard->tbaa_kind, e->shard->tbaa[alias]);
    return store;
}

LLVMValueRef mo_context_fixed(mo_emit *e, LLVMTypeRef type, uint32_t offset)
{
    return mo_load_fixed(e, type, mo_offset(e, e->context, offset), MO_ALIAS_CONTEXT);
}

/* Loads a fixed field once, in the entry block, where it dominates everything. */
static LLVMValueRef load_in_entry(mo_emit *e, uint32_t offset)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
    LLVMMetadataRef where = LLVMGetCurrentDebugLocation2(e->b);
    LLVMPositionBuilderBefore(e->b, LLVMGetBasicBlockTerminator(e->entry)); /* takes its location too */
    LLVMValueRef v = mo_context_fixed(e, e->shard->ptr, offset);
    if (here != e->entry)
        LLVMPositionBuilderAtEnd(e->b, here);
    LLVMSetCurrentDebugLocation2(e->b, where);
    return v;
}

LLVMValueRef mo_memory0(mo_emit *e)
{
    if (!e->memory0)
        e->memory0 = load_in_entry(e, offsetof(mo_context, memory0));
    return e->memory0;
}

LLVMValueRef mo_run_field(mo_emit *e, uint32_t offset)
{
    if (!e->run)
        e->run = load_in_entry(e, offsetof(mo_context, run));
    return mo_offset(e, e->run, offset);
}

LLVMValueRef mo_intrinsic(mo_emit *e, const char *name, LLVMTypeRef *types, uint32_t ntypes, LLVMValueRef *args, uint32_t nargs)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef f = LLVMGetIntrinsicDeclaration(e->shard->llvm, id, types, ntypes);
    return LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, args, nargs, "");
}

LLVMValueRef mo_intrinsic1(mo_emit *e, const char *name, LLVMValueRef a)
{
    LLVMTypeRef type = LLVMTypeOf(a);
    return mo_intrinsic(e, name, &type, 1, &a, 1);
}

LLVMValueRef mo_intrinsic2(mo_emit *e, const char *name, LLVMValueRef a, LLVMValueRef b)
{
    LLVMTypeRef type = LLVMTypeOf(a);
    return mo_intrinsic(e, name, &type, 1, (LLVMValueRef[]){a, b}, 2);
}

LLVMBasicBlockRef mo_new_block(mo_emit *e, const char *name)
{
    return LLVMAppendBasicBlockInContext(e->shard->context, e->fn, name);
}

void mo_trap(mo_emit *e, mo_trap_code code)
{
    /* abi.h: each site of a function differs from every other in its operand */
    uint32_t offset = (uint32_t)(e->at - e->func->body_at) & 0x7fffff;
    uint32_t n = 0x80000000u | offset << 8 | (uint32_t)code;
    char text[48];
    int len = snprintf(text, sizeof text, "ud1l %d(%%eax), %%eax", (int)n);
    LLVMTypeRef type = LLVMFunctionType(e->shard->void_, NULL, 0, false);
    LLVMValueRef site = LLVMGetInlineAsm(type, text, (size_t)len, "", 0, true, false, LLVMInlineAsmDialectATT, false);
    LLVMBuildCall2(e->b, type, site, NULL, 0, "");
    LLVMBuildUnreachable(e->b);
}

void mo_trap_if(mo_emit *e, LLVMValueRef cond, mo_trap_code code)
{
    LLVMBasicBlockRef trap = mo_new_block(e, "trap"), on = mo_new_block(e, "");
    LLVMBuildCondBr(e->b, cond, trap, on);
    LLVMPositionBuilderAtEnd(e->b, trap);
    mo_trap(e, code);
    LLVMPositionBuilderAtEnd(e->b, on);
}

/* A helper's C type from abi.def's letters. */
static LLVMTypeRef helper_letter(mo_shard *s, char c)
{
    return c == 'v' ? s->void_ : c == 'i' ? s->i32 : c == 'p' ? s->ptr : s->i64;
}

static const char *const helper_types[] = {
#define HELPER(name, ...) #__VA_ARGS__,
#include "code/abi.def"
};

LLVMValueRef mo_helper_address(mo_emit *e, uint32_t index)
{
    LLVMValueRef table = mo_context_fixed(e, e->shard->ptr, offsetof(mo_context, helpers));
    return mo_load_fixed(e, e->shard->ptr, mo_offset(e, table, index * sizeof(void *)), MO_ALIAS_CONTEXT);
}

LLVMValueRef mo_call_helper(mo_emit *e, mo_helper h, LLVMValueRef *args, uint32_t nargs)
{
    mo_shard *s = e->shard;
    LLVMTypeRef types[8] = {s->ptr};
    LLVMValueRef all[8] = {e->context};
    uint32_t n = 1;
    const char *letters = helper_types[h];
    for (const char *c = letters + 1; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            types[n++] = helper_letter(s, *c);
    for (uint32_t i = 0; i < nargs; i++)
        all[i + 1] = args[i];
    LLVMTypeRef type = LLVMFunctionType(helper_letter(s, letters[0]), types, n, false);
    return LLVMBuildCall2(e->b, type, mo_helper_address(e, h), all, n, "");
}

LLVMValueRef mo_float_result(mo_emit *e, LLVMValueRef v)
{
    if (!e->shard->job->options->canonical_nans)
        return v;
    LLVMTypeRef type = LLVMTypeOf(v);
    bool vector = LLVMGetTypeKind(type) == LLVMVectorTypeKind;
    LLVMTypeRef scalar = vector ? LLVMGetElementType(type) : type;
    LLVMValueRef nan = scalar == e->shard->f32
        ? LLVMConstBitCast(LLVMConstInt(e->shard->i32, 0x7fc00000, false), scalar)
        : LLVMConstBitCast(LLVMConstInt(e->shard->i64, UINT64_C(0x7ff8) << 48, false), scalar);
    if (vector) {
        LLVMValueRef lanes[4] = {nan, nan, nan, nan};
        nan = LLVMConstVector(lanes, LLVMGetVectorSize(type));
    }
    LLVMValueRef is_nan = LLVMBuildFCmp(e->b, LLVMRealUNO, v, v, "");
    return LLVMBuildSelect(e->b, is_nan, nan, v, "");
}

/* --- the walk ---------------------------------------------------------- */

typedef void emitter(mo_emit *e, const mo_insn *in);
static emitter *const emitters[MO_OPS] = {
#define OP(name, code, text, imm, in, out, check, feature, traps) emit_##name,
#include "module/ops.def"
#undef OP
};

static bool opens_or_closes(mo_op op)
{
    return op == MO_OP_block || op == MO_OP_loop || op == MO_OP_if || op == MO_OP_else || op == MO_OP_end || op == MO_OP_try_table;
}

/* Can a call end inside this instruction? Helpers ask for stack before they start. */
static bool may_stop(mo_op op)
{
    return mo_op_infos[op].traps || op == MO_OP_throw || op == MO_OP_memory_grow || op == MO_OP_table_grow ||
           op == MO_OP_data_drop || op == MO_OP_elem_drop;
}

/* Where a trap or a call would be told to come from. Only instructions that can do
 * either get a place of their own; what lies between shares the last one's. */
static void locate(mo_emit *e, uint64_t at)
{
    e->at = at;
    LLVMMetadataRef where = LLVMDIBuilderCreateDebugLocation(e->shard->context, (unsigned)at, 0, e->scope, NULL);
    LLVMSetCurrentDebugLocation2(e->b, where);
}

static void create_scope(mo_emit *e)
{
    char name[16];
    int len = snprintf(name, sizeof name, "%" PRIu32, e->func_index);
    mo_shard *s = e->shard;
    e->scope = LLVMDIBuilderCreateFunction(s->di, s->di_file, name, (size_t)len, "", 0, s->di_file, 0, s->di_type,
                                           false, true, 0, LLVMDIFlagZero, true);
    LLVMSetSubprogram(e->fn, e->scope);
}

static bool make_locals(mo_emit *e)
{
    e->locals = mo_arena_array(&e->arena, e->body.nlocals, sizeof *e->locals);
    if (!e->locals && e->body.nlocals)
        return mo_fail_nomem(e->err);
    mo_convention convention = e->shard->job->plans[e->func_index].convention;
    uint32_t nparams = e->type->nparams;
    mo_place *places = mo_arena_array(&e->arena, nparams, sizeof *places);
    if (!places && nparams)
        return mo_fail_nomem(e->err);
    bool inside = convention == MO_INSIDE;
    mo_places(e->type->params, nparams, inside ? nparams : MO_INT_ARGS, inside ? nparams : MO_VEC_ARGS, places);
    for (uint32_t i = 0; i < e->body.nlocals; i++)
        e->locals[i] = LLVMBuildAlloca(e->b, mo_llvm_type(e->shard, e->body.locals[i]), "");
    uint32_t next = 1;
    for (uint32_t i = 0; i < e->body.nlocals; i++) {
        LLVMTypeRef type = mo_llvm_type(e->shard, e->body.locals[i]);
        LLVMValueRef v = i >= nparams ? LLVMConstNull(type) : mo_incoming(e, convention, places[i], type, &next);
        LLVMBuildStore(e->b, v, e->locals[i]);
    }
    return true;
}

static bool begin(mo_emit *e)
{
    mo_shard *s = e->shard;
    e->entry = mo_new_block(e, "entry");
    LLVMBasicBlockRef start = mo_new_block(e, "start");
    LLVMPositionBuilderAtEnd(e->b, e->entry);
    create_scope(e);
    locate(e, e->func->body_at);
    e->context = LLVMGetParam(e->fn, 0);
    LLVMBuildBr(e->b, start);
    LLVMPositionBuilderBefore(e->b, LLVMGetBasicBlockTerminator(e->entry));
    if (!make_locals(e))
        return false;
    LLVMPositionBuilderAtEnd(e->b, start);
    mo_block body = {.op = MO_OP_block, .label = mo_new_block(e, "return"),
                     .type = {0, e->type->nresults, NULL, e->type->results}};
    e->live = true;
    if (s->job->options->fuel)
        mo_fuel_check(e);
    else if (!s->job->options->strict && s->job->options->opt_level)
        mo_known_emit(e, s->job->plans[e->func_index].known);
    return mo_open_block(e, &body);
}

/* Fuel is deterministic: one unit an instruction that is reached, paid where control
 * joins or parts, asked for at function entry and loop heads. */
static void count_fuel(mo_emit *e, const mo_insn *in)
{
    if (!e->shard->job->options->fuel)
        return;
    const char *out = mo_op_infos[in->op].out;
    bool control = opens_or_closes(in->op) || in->op <= MO_OP_return_call_ref || (out[0] == '*');
    if (e->live && in->op != MO_OP_nop && in->op != MO_OP_end && in->op != MO_OP_else && in->op != MO_OP_block)
        e->fuel++;
    if (e->live && control)
        mo_fuel_pay(e);
}

bool mo_emit_function(mo_shard *s, uint32_t func, mo_emit *e, mote_error *err)
{
    const mo_module *m = s->module;
    e->shard = s;
    e->module = m;
    e->b = s->b;
    e->func = &m->funcs[func];
    e->func_index = func;
    e->type = mo_func_type(m, func);
    e->height = e->depth = 0;
    e->innermost_try = 0;
    e->memory0 = e->run = NULL;
    e->fuel = 0;
    e->failed = false;
    e->err = err;
    e->fn = mo_shard_function(s, func);
    mo_arena_reset(&e->arena);
    if (!mo_body_open(&e->body, m, func, NULL, err))
        return false;
    bool ok = begin(e);
    mo_insn in;
    while (ok && !e->failed && mo_body_next(&e->body, &in)) {
        if (!e->live && !opens_or_closes(in.op))
            continue;
        if (e->live && may_stop(in.op))
            locate(e, in.at);
        count_fuel(e, &in);
        emitters[in.op](e, &in);
    }
    if (ok && e->body.depth != 0 && !e->failed)
        e->failed = true;
    mo_body_close(&e->body);
    return ok && !e->failed;
}
