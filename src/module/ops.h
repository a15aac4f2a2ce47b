/* ops.h - ops.def as C: an enum, a table, and look-up by binary code. */
#ifndef MO_MODULE_OPS_H
#define MO_MODULE_OPS_H

#include "module/module.h"

typedef enum mo_op {
#define OP(name, code, text, imm, in, out, check, feature, traps) MO_OP_##name,
#include "module/ops.def"
#undef OP
    MO_OPS,
} mo_op;

/* The shape of an instruction's immediates: what mo_insn's union holds.
 * Type indices in a mo_insn are canonical (types.h). */
typedef enum mo_imm {
    MO_IMM_NONE,
    MO_IMM_BLOCK,     /* block: type                                   */
    MO_IMM_TRY_TABLE, /* block: type; catches                          */
    MO_IMM_LABEL,     /* index: label depth                            */
    MO_IMM_BR_TABLE,  /* table: label depths                           */
    MO_IMM_FUNC,      /* index                                         */
    MO_IMM_CALL_INDIRECT, /* index: type, index2: table                */
    MO_IMM_TYPE,      /* index                                         */
    MO_IMM_LOCAL, MO_IMM_GLOBAL, MO_IMM_TABLE, MO_IMM_TAG, MO_IMM_ELEM, MO_IMM_DATA, MO_IMM_MEMORY, /* index */
    MO_IMM_TABLE_COPY,  /* index: destination, index2: source          */
    MO_IMM_TABLE_INIT,  /* index: table, index2: elem                  */
    MO_IMM_MEMORY_COPY, /* index: destination, index2: source          */
    MO_IMM_MEMORY_INIT, /* index: memory, index2: data                 */
    MO_IMM_I32, MO_IMM_I64, MO_IMM_F32, MO_IMM_F64, /* bits            */
    MO_IMM_V128,        /* v128: 16 bytes                              */
    MO_IMM_SHUFFLE,     /* v128: 16 lane indices                       */
    MO_IMM_LANE,        /* index: lane                                 */
    MO_IMM_MEM,         /* memarg                                      */
    MO_IMM_MEM_LANE,    /* memarg and lane                             */
    MO_IMM_HEAP,        /* type: a reference type whose heap type was the immediate */
    MO_IMM_SELECT,      /* type: the one value type                    */
    MO_IMM_FENCE,       /* a zero byte                                 */
    MO_IMM_CAST,        /* ref.test, ref.cast: type is the full reference type */
    MO_IMM_BR_ON_CAST,  /* index: label; type: from; type2: to         */
    MO_IMM_FIELD,       /* index: type, index2: field                  */
    MO_IMM_TYPE_TYPE,   /* array.copy: index, index2                   */
    MO_IMM_TYPE_N,      /* array.new_fixed: index: type, index2: count */
    MO_IMM_TYPE_DATA, MO_IMM_TYPE_ELEM, /* index: type, index2: segment */
} mo_imm;

typedef struct mo_op_info {
    const char *name;    /* text name, "i32.load" */
    const char *in, *out; /* signature letters, ops.def */
    uint32_t code;       /* prefix << 16 | sub-opcode, or the byte alone */
    uint8_t imm;         /* mo_imm */
    uint8_t feature;     /* mo_feature */
    uint8_t check;       /* mo_check, body.c's business */
    bool traps;
    uint8_t access;      /* memory instructions: log2 of the bytes touched (natural alignment) */
} mo_op_info;

extern const mo_op_info mo_op_infos[MO_OPS];

/* MO_OPS if there is no such instruction. */
mo_op mo_op_find(uint32_t code);

#endif
