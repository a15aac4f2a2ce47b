/* row.h - what of ops.def the validator needs at every instruction, packed.
 * Private to this folder; others read mo_op_infos. */
#ifndef MO_MODULE_ROW_H
#define MO_MODULE_ROW_H

#include "module/ops.h"

typedef enum mo_check { MO_CHECK_ROW, MO_CHECK_MEM, MO_CHECK_ATOM, MO_CHECK_OWN } mo_check;

typedef struct mo_row {
    _Alignas(16) char in[5]; /* letters; OWN: not to be used */
    char out[3];
    uint8_t nin, nout;
    uint8_t imm, access, feature, check;
} mo_row;

extern const mo_row mo_rows[MO_OPS];

/* The first 256: the op of a byte alone, plus one; 0 for a prefix or none. */
extern const uint16_t mo_op_plus_one[];

/* The imm column: mo_imm, and the digit above it. */
enum {
    ROW_IMM_NONE = MO_IMM_NONE,
    ROW_IMM_BLOCK = MO_IMM_BLOCK,
    ROW_IMM_TRY_TABLE = MO_IMM_TRY_TABLE,
    ROW_IMM_LABEL = MO_IMM_LABEL,
    ROW_IMM_BR_TABLE = MO_IMM_BR_TABLE,
    ROW_IMM_FUNC = MO_IMM_FUNC,
    ROW_IMM_CALL_INDIRECT = MO_IMM_CALL_INDIRECT,
    ROW_IMM_TYPE = MO_IMM_TYPE,
    ROW_IMM_LOCAL = MO_IMM_LOCAL,
    ROW_IMM_GLOBAL = MO_IMM_GLOBAL,
    ROW_IMM_TABLE = MO_IMM_TABLE,
    ROW_IMM_TAG = MO_IMM_TAG,
    ROW_IMM_ELEM = MO_IMM_ELEM,
    ROW_IMM_DATA = MO_IMM_DATA,
    ROW_IMM_MEMORY = MO_IMM_MEMORY,
    ROW_IMM_TABLE_COPY = MO_IMM_TABLE_COPY,
    ROW_IMM_TABLE_INIT = MO_IMM_TABLE_INIT,
    ROW_IMM_MEMORY_COPY = MO_IMM_MEMORY_COPY,
    ROW_IMM_MEMORY_INIT = MO_IMM_MEMORY_INIT,
    ROW_IMM_I32 = MO_IMM_I32,
    ROW_IMM_I64 = MO_IMM_I64,
    ROW_IMM_F32 = MO_IMM_F32,
    ROW_IMM_F64 = MO_IMM_F64,
    ROW_IMM_V128 = MO_IMM_V128,
    ROW_IMM_SHUFFLE = MO_IMM_SHUFFLE,
    ROW_IMM_LANE0 = MO_IMM_LANE,
    ROW_IMM_LANE1 = MO_IMM_LANE | 1 << 8,
    ROW_IMM_LANE2 = MO_IMM_LANE | 2 << 8,
    ROW_IMM_LANE3 = MO_IMM_LANE | 3 << 8,
    ROW_IMM_MEM0 = MO_IMM_MEM,
    ROW_IMM_MEM1 = MO_IMM_MEM | 1 << 8,
    ROW_IMM_MEM2 = MO_IMM_MEM | 2 << 8,
    ROW_IMM_MEM3 = MO_IMM_MEM | 3 << 8,
    ROW_IMM_MEM4 = MO_IMM_MEM | 4 << 8,
    ROW_IMM_MEMLANE0 = MO_IMM_MEM_LANE,
    ROW_IMM_MEMLANE1 = MO_IMM_MEM_LANE | 1 << 8,
    ROW_IMM_MEMLANE2 = MO_IMM_MEM_LANE | 2 << 8,
    ROW_IMM_MEMLANE3 = MO_IMM_MEM_LANE | 3 << 8,
    ROW_IMM_HEAP = MO_IMM_HEAP,
    ROW_IMM_SELECT = MO_IMM_SELECT,
    ROW_IMM_FENCE = MO_IMM_FENCE,
    ROW_IMM_CAST = MO_IMM_CAST,
    ROW_IMM_BR_ON_CAST = MO_IMM_BR_ON_CAST,
    ROW_IMM_FIELD = MO_IMM_FIELD,
    ROW_IMM_TYPE_TYPE = MO_IMM_TYPE_TYPE,
    ROW_IMM_TYPE_N = MO_IMM_TYPE_N,
    ROW_IMM_TYPE_DATA = MO_IMM_TYPE_DATA,
    ROW_IMM_TYPE_ELEM = MO_IMM_TYPE_ELEM,
};

#endif
