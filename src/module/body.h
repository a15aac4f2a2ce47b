/* body.h - one function body, pulled instruction by instruction, validated on the way.
 *
 *   mo_body_open ... while (mo_body_next(&b, &insn)) use(insn) ... mo_body_close
 *
 * Validator and compilers are readers of the same stream: the validator only
 * pulls; a compiler pulls and emits. Between two calls the operand stack and
 * the control stack show the state after the instruction just returned
 * (Wasm 3.0, appendix "validation algorithm"). No recursion; every stack is
 * bounded by the limits. An instruction's labels and catches live until the
 * next pull, the types of blocks until close. In dead code the operand stack
 * may hold MO_BOT and references to MO_HEAP_BOT. */
#ifndef MO_MODULE_BODY_H
#define MO_MODULE_BODY_H

#include "module/ops.h"

typedef struct mo_memarg {
    uint64_t offset;
    uint32_t memory;
    uint8_t align; /* log2, as written (without the multi-memory bit) */
    uint8_t lane;
} mo_memarg;

typedef struct mo_block_type {
    uint32_t nparams, nresults;
    const mo_valtype *params, *results;
} mo_block_type;

typedef enum mo_catch_kind { MO_CATCH, MO_CATCH_REF, MO_CATCH_ALL, MO_CATCH_ALL_REF } mo_catch_kind;
typedef struct mo_catch {
    mo_catch_kind kind;
    uint32_t tag;   /* MO_CATCH and MO_CATCH_REF */
    uint32_t label; /* depth, counted outside the try_table's own label */
} mo_catch;

typedef struct mo_insn {
    mo_op op;
    uint64_t at;    /* offset of the opcode in the module's bytes */
    bool reachable; /* false: in dead code (Wasm's "unreachable" stack), emit nothing.
                       else, end: whether control can fall into it */
    uint32_t index, index2;
    mo_valtype type, type2; /* immediates; also, where it is not one: the type of the
                               local, global, field, or of what drop and select take */
    union {
        uint64_t bits; /* *.const; i32 sign-extended */
        uint8_t v128[16];
        mo_memarg memarg;
        mo_block_type block; /* else, end: that of the block they belong to */
    };
    const uint32_t *labels; /* br_table: nlabels depths and then the default */
    uint32_t nlabels;
    const mo_catch *catches;
    uint32_t ncatches;
} mo_insn;

typedef struct mo_control {
    mo_op op;             /* block, loop, if, else, try_table; MO_OP_block for the body itself */
    bool unreachable;     /* the rest of this block cannot be reached */
    bool dead;            /* the block was entered in unreachable code */
    uint32_t height;      /* operand stack height below the block's parameters */
    uint32_t inits;       /* local initialisation log's height at entry */
    mo_block_type type;
    uint64_t at;
} mo_control;

typedef struct mo_body {
    const mo_module *module;
    uint32_t func;
    const mo_type *type;  /* its function type */
    uint32_t nlocals;     /* parameters first */
    const mo_valtype *locals;
    const uint8_t *at, *end; /* what is still to be read */
    mo_valtype *stack;    /* operand types, deepest first */
    uint32_t height;
    mo_control *controls; /* controls[depth - 1] is the innermost; 0 when the last end was read */
    uint32_t depth;
    struct mo_body_state *state; /* body.c's own */
    mote_error *err;
} mo_body;

/* One body_state can be used for one function after the other, so that a
 * module's functions cost no allocation each: pass the same b again after
 * close; mo_body_free() gives the memory back. Zero b before its first open. */
bool mo_body_open(mo_body *b, const mo_module *m, uint32_t func, const mo_limits *limits, mote_error *err);
/* False at the end of the body and on an error (then err is filled). */
bool mo_body_next(mo_body *b, mo_insn *ret);
void mo_body_close(mo_body *b);
void mo_body_free(mo_body *b);

#endif
