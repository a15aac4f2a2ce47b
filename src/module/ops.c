/* ops.c - ops.def as a table, and from binary code to op. */
#include "module/row.h"

const mo_op_info mo_op_infos[MO_OPS] = {
#define OP(name, code, text, imm, in, out, check, feature, traps)                       \
    [MO_OP_##name] = {text, in, out, code, ROW_IMM_##imm & 0xff, MO_FEATURE_##feature,  \
                      MO_CHECK_##check, traps, ROW_IMM_##imm >> 8},
#include "module/ops.def"
#undef OP
};

const mo_row mo_rows[MO_OPS] = {
#define OP(name, code, text, imm, in, out, check, feature, traps)                    \
    [MO_OP_##name] = {in, out, sizeof(in) - 1, sizeof(out) - 1, ROW_IMM_##imm & 0xff, \
                      ROW_IMM_##imm >> 8, MO_FEATURE_##feature, MO_CHECK_##check},
#include "module/ops.def"
#undef OP
};

/* One run of slots for the single bytes and one for each prefix. */
#define SUBS 0x140
#define FIRST_PREFIX 0xfb
#define SLOT(code) ((code) < 0x100 ? (code) : (((code) >> 16) - FIRST_PREFIX + 1) * SUBS + ((code) & 0xffff))

const uint16_t mo_op_plus_one[5 * SUBS] = {
#define OP(name, code, text, imm, in, out, check, feature, traps) [SLOT(code)] = MO_OP_##name + 1,
#include "module/ops.def"
#undef OP
};

mo_op mo_op_find(uint32_t code)
{
    uint32_t prefix = code >> 16;
    if (prefix ? prefix < FIRST_PREFIX || prefix > 0xfe || (code & 0xffff) >= SUBS : code > 0xff) return MO_OPS;
    uint32_t found = mo_op_plus_one[SLOT(code)];
    return found ? (mo_op)(found - 1) : MO_OPS;
}
