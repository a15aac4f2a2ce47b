/* emit.h - inside the LLVM compiler: how one function becomes IR.
 *
 *   mo_compile (compile.c)  module -> shards, a thread each in turn
 *     mo_shard_* (shard.c)  one LLVM module: types, declarations, metadata, passes, object
 *       mo_emit_function (function.c)  one body: pulls mo_insn, calls emit_<op>()
 *         emit_<op>() in control.c call.c number.c memory.c bulk.c table.c simd.c exception.c atomic.c
 *
 * Values on the operand stack are LLVM values of these types: i32, i64, float,
 * double, <2 x i64> for v128, i64 for every reference (0 is null). A value that an
 * emitter pops has exactly that type; what it pushes must have it too.
 * Undefined behaviour of LLVM never reaches a guest: emitters mask shift counts,
 * check division and conversion, and never say nsw, nuw, inbounds or noalias of
 * guest memory. */
#ifndef MO_CODE_LLVM_EMIT_H
#define MO_CODE_LLVM_EMIT_H

#include "code/code.h"
#include "code/llvm/known.h"

#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>
#include <llvm-c/TargetMachine.h>

/* How a defined function is called (abi.h says what outside code expects). */
typedef enum mo_convention {
    MO_INSIDE,  /* only this module's direct calls: context in swiftself, all arguments natural */
    MO_OUTSIDE, /* abi.h: context in nest */
    MO_UNIFORM, /* abi.h, and its IR type names every argument register, so that
                   musttail may join it to any other such function */
} mo_convention;

/* What the whole module's bodies say about a function, before anything is emitted. */
typedef struct mo_plan {
    mo_convention convention;
    uint32_t shard;
    bool shared; /* called from another shard */
    mo_known known;
    uint32_t known_callee; /* that must be memcpy, or MO_NO_CALLEE */
} mo_plan;

/* Can anything but this module's direct calls reach the function? */
static inline bool mo_is_reachable(const mo_module *m, uint32_t func)
{
    return m->funcs[func].referenced || (m->has_start && m->start == func);
}

/* What shards have in common; read-only while they run. */
typedef struct mo_job {
    const mo_module *module;
    const mo_compile_options *options;
    mo_layout layout;
    uint32_t *records; /* funcref record of each function */
    mo_plan *plans;    /* per function */
    uint32_t nshards, first_giant; /* shards from there on hold one giant function each */
    const char *cpu, *features; /* for LLVM */
} mo_job;

/* Classes of memory that cannot overlap, for type-based alias analysis. */
typedef enum mo_alias { MO_ALIAS_MEMORY, MO_ALIAS_CONTEXT, MO_ALIAS_GLOBAL, MO_ALIAS_TABLE, MO_ALIAS_RUN, MO_ALIASES } mo_alias;

typedef struct mo_shard {
    const mo_job *job;
    const mo_module *module;
    uint32_t index;
    uint8_t effort; /* 0 to 3: the level, or less for a giant function */
    LLVMContextRef context;
    LLVMModuleRef llvm;
    LLVMBuilderRef b;
    LLVMTargetMachineRef machine;
    LLVMTypeRef void_, i1, i8, i16, i32, i64, i128, f32, f64, v128, ptr;
    LLVMValueRef *funcs;         /* declared so far, per function of the module */
    LLVMTypeRef *outside_types;  /* IR function type per module type, made when first used */
    LLVMTypeRef *inside_types;
    LLVMTypeRef *result_types;
    LLVMAttributeRef nest, swiftself, function_attributes[8];
    uint32_t nfunction_attributes;
    LLVMValueRef tbaa[MO_ALIASES], empty_metadata;
    unsigned tbaa_kind, invariant_kind;
    LLVMDIBuilderRef di;
    LLVMMetadataRef di_file, di_type;
} mo_shard;

/* An open block of the body being emitted. */
typedef struct mo_block {
    mo_op op;
    bool dead;                  /* entered in unreachable code: nothing is emitted for it */
    LLVMBasicBlockRef label;    /* where a branch to it goes */
    LLVMBasicBlockRef else_;    /* if: the other arm; NULL once it was begun */
    LLVMValueRef *phis;         /* of label: loop: parameters, others: results */
    uint32_t nphis;
    uint32_t height;            /* operand stack height below its parameters */
    mo_block_type type;
    LLVMValueRef *params;       /* if: the parameters, for else */
    LLVMBasicBlockRef dispatch; /* try_table: where its exceptions go; exception: its phi */
    LLVMValueRef exception;
    uint32_t outer_try;         /* index + 1 of the try_table around it, 0: none */
} mo_block;

typedef struct mo_emit {
    mo_shard *shard;
    const mo_module *module;
    const mo_func *func;
    uint32_t func_index;
    const mo_type *type;
    LLVMBuilderRef b;
    LLVMValueRef fn, context;
    LLVMValueRef *locals;      /* allocas */
    LLVMValueRef *stack;       /* operand stack */
    uint32_t height, stack_cap;
    mo_block *blocks;
    uint32_t depth, blocks_cap;
    bool live;                 /* the current block is open: emit */
    uint32_t innermost_try;    /* index + 1 into blocks, 0: none */
    LLVMBasicBlockRef entry;
    LLVMValueRef memory0, run; /* loaded in the entry block when first wanted */
    LLVMMetadataRef scope;
    uint64_t at;               /* offset of the current instruction */
    uint32_t fuel;             /* instructions not yet paid for */
    mo_body body;
    mo_arena arena;            /* what dies with the function */
    bool failed;
    mote_error *err;
} mo_emit;

/* One emitter per opcode. Called only while e->live, except block, loop, if, else,
 * end and try_table, which keep e->blocks in step in dead code too. */
#define OP(name, code, text, imm, in, out, check, feature, traps) void emit_##name(mo_emit *e, const mo_insn *in_);
#include "module/ops.def"
#undef OP

/* --- operand stack (function.c) ---------------------------------------- */

void mo_push(mo_emit *e, LLVMValueRef v);
LLVMValueRef mo_pop(mo_emit *e);

/* --- IR shorthands (function.c) ---------------------------------------- */

LLVMTypeRef mo_llvm_type(mo_shard *s, mo_valtype t);
LLVMValueRef mo_const_i32(mo_emit *e, uint32_t v);
LLVMValueRef mo_const_i64(mo_emit *e, uint64_t v);
/* Helpers count in i64: an i32 or i64 as one, and one as the address type of a
 * memory or table. */
LLVMValueRef mo_wide(mo_emit *e, LLVMValueRef v);
LLVMValueRef mo_as_address(mo_emit *e, bool is64, LLVMValueRef v);
/* base + offset bytes. */
LLVMValueRef mo_offset(mo_emit *e, LLVMValueRef base, uint64_t offset);
/* A load or store of host structures, naturally aligned. */
LLVMValueRef mo_load(mo_emit *e, LLVMTypeRef type, LLVMValueRef at, mo_alias alias);
LLVMValueRef mo_load_fixed(mo_emit *e, LLVMTypeRef type, LLVMValueRef at, mo_alias alias); /* never changes */
LLVMValueRef mo_store(mo_emit *e, LLVMValueRef v, LLVMValueRef at, mo_alias alias);
/* The context's field at offset, fixed for the instance's life. */
LLVMValueRef mo_context_fixed(mo_emit *e, LLVMTypeRef type, uint32_t offset);
LLVMValueRef mo_run_field(mo_emit *e, uint32_t offset); /* its address */
LLVMValueRef mo_memory0(mo_emit *e);                    /* base of memory 0 */
/* Calls an intrinsic overloaded on ntypes types. */
LLVMValueRef mo_intrinsic(mo_emit *e, const char *name, LLVMTypeRef *types, uint32_t ntypes, LLVMValueRef *args, uint32_t nargs);
LLVMValueRef mo_intrinsic1(mo_emit *e, const char *name, LLVMValueRef a);                 /* overloaded on a's type */
LLVMValueRef mo_intrinsic2(mo_emit *e, const char *name, LLVMValueRef a, LLVMValueRef b);
LLVMBasicBlockRef mo_new_block(mo_emit *e, const char *name);
/* Traps now: the current block ends; e->live is left to the caller. */
void mo_trap(mo_emit *e, mo_trap_code code);
/* Traps if cond (i1); emission goes on in the block where it does not. */
void mo_trap_if(mo_emit *e, LLVMValueRef cond, mo_trap_code code);
LLVMValueRef mo_helper_address(mo_emit *e, uint32_t index);
/* Calls host helper h with the context first; args as in abi.def. */
LLVMValueRef mo_call_helper(mo_emit *e, mo_helper h, LLVMValueRef *args, uint32_t nargs);
/* NaN canonicalisation where it was asked for: v of f32, f64 or a vector of them. */
LLVMValueRef mo_float_result(mo_emit *e, LLVMValueRef v);
/* An operand of float arithmetic: constants that LLVM would fold away although a
 * signalling NaN must become quiet are hidden from it (float.c). */
LLVMValueRef mo_float_operand(mo_emit *e, LLVMValueRef v);

/* --- memory (memory.c) ------------------------------------------------- */

/* The address of size bytes at index + memarg->offset, checked as its memory needs;
 * index as popped (i32 or i64). */
LLVMValueRef mo_memory_address(mo_emit *e, const mo_memarg *m, LLVMValueRef index, uint32_t size);
LLVMValueRef mo_memory_load(mo_emit *e, const mo_memarg *m, LLVMTypeRef type, LLVMValueRef at);
void mo_memory_store(mo_emit *e, const mo_memarg *m, LLVMValueRef v, LLVMValueRef at);
LLVMValueRef mo_memory_length(mo_emit *e, uint32_t memory); /* in bytes now, i64 */
LLVMValueRef mo_memory_start(mo_emit *e, uint32_t memory);  /* ptr */
void mo_memory_mark(mo_emit *e, LLVMValueRef access);       /* it touches linear memory, nothing else */

/* The short cut through a known library function (bulk.c); goes on in a block where
 * the function's own code is to follow. */
void mo_known_emit(mo_emit *e, mo_known known);

/* --- tables (table.c) -------------------------------------------------- */

LLVMValueRef mo_table_size(mo_emit *e, uint32_t table);    /* i64 */
LLVMValueRef mo_table_entries(mo_emit *e, uint32_t table); /* ptr */

/* --- control and calls ------------------------------------------------- */

/* Enters a block whose label exists: makes its phis and puts it on e->blocks. */
bool mo_open_block(mo_emit *e, mo_block *block);
void mo_fuel_pay(mo_emit *e);
void mo_fuel_check(mo_emit *e);
/* The parameter at a place of the function being emitted; *next counts IR parameters. */
LLVMValueRef mo_incoming(mo_emit *e, mo_convention c, mo_place place, LLVMTypeRef type, uint32_t *next);

void mo_return(mo_emit *e, LLVMValueRef *results);
/* Sends control to the block depth levels out, with the stack's top as its values. */
void mo_branch(mo_emit *e, uint32_t depth);
/* An exception (i64 word) is thrown here: to the try_table around, or out. */
void mo_throw(mo_emit *e, LLVMValueRef exception);
/* IR function type of a module type under a convention. */
LLVMTypeRef mo_function_type(mo_shard *s, uint32_t type, mo_convention convention);
LLVMValueRef mo_shard_function(mo_shard *s, uint32_t func);

bool mo_emit_function(mo_shard *s, uint32_t func, mo_emit *e, mote_error *err);

#endif
