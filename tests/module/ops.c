/* Claims about the table of opcodes. */
#include "module/ops.h"
#include "base/test.h"

TEST(every_op_is_found_by_its_code)
{
    for (unsigned op = 0; op < MO_OPS; op++) expect_u64(mo_op_find(mo_op_infos[op].code), op);
}

TEST(what_is_no_opcode_is_not_found)
{
    static const uint32_t codes[] = {0x06, 0x07, 0x09, 0x18, 0x19, 0x27, 0xc5, 0xd7, 0xfb, 0xff, 0x100, 0xfb001f,
                                     0xfc0012, 0xfd009a, 0xfd0114, 0xfd0140, 0xfe0004, 0xfe004f, 0xfe0141, 0xff0000};
    for (size_t i = 0; i < MO_COUNT(codes); i++) expect_u64(mo_op_find(codes[i]), MO_OPS);
    unsigned found = 0;
    for (uint32_t prefix = 0; prefix < 0x200; prefix++)
        for (uint32_t sub = 0; sub < 0x400; sub++) found += mo_op_find(prefix << 16 | sub) != MO_OPS;
    expect_u64(found, MO_OPS);
}

TEST(names_are_unique)
{
    for (unsigned a = 0; a < MO_OPS; a++)
        for (unsigned b = 0; b < a; b++)
            if (a != MO_OP_select_t && strcmp(mo_op_infos[a].name, mo_op_infos[b].name) == 0)
                expect_text(mo_op_infos[a].name, "unique");
}

TEST(letters_are_those_of_the_table)
{
    for (unsigned op = 0; op < MO_OPS; op++) {
        const mo_op_info *info = &mo_op_infos[op];
        expect(strspn(info->in, "ilfdvqajJAtr*") == strlen(info->in));
        expect(strspn(info->out, "ilfdvqajJAtr*") == strlen(info->out));
    }
}

TEST(a_few_rows_are_what_the_specification_says)
{
    static const struct {
        mo_op op;
        uint32_t code;
        const char *name, *in, *out;
        mo_imm imm;
        unsigned access;
        mo_feature feature;
        bool traps;
    } rows[] = {
        {MO_OP_i64_store32, 0x3e, "i64.store32", "Al", "", MO_IMM_MEM, 2, MO_FEATURE_MVP, true},
        {MO_OP_f64_promote_f32, 0xbb, "f64.promote_f32", "f", "d", MO_IMM_NONE, 0, MO_FEATURE_MVP, false},
        {MO_OP_i64_trunc_f64_u, 0xb1, "i64.trunc_f64_u", "d", "l", MO_IMM_NONE, 0, MO_FEATURE_MVP, true},
        {MO_OP_i64_extend32_s, 0xc4, "i64.extend32_s", "l", "l", MO_IMM_NONE, 0, MO_FEATURE_SIGN_EXTENSION, false},
        {MO_OP_i64_trunc_sat_f64_u, 0xfc0007, "i64.trunc_sat_f64_u", "d", "l", MO_IMM_NONE, 0, MO_FEATURE_SATURATING_FLOAT, false},
        {MO_OP_i64_mul_wide_u, 0xfc0016, "i64.mul_wide_u", "ll", "ll", MO_IMM_NONE, 0, MO_FEATURE_WIDE_ARITHMETIC, false},
        {MO_OP_v128_load32x2_u, 0xfd0006, "v128.load32x2_u", "A", "v", MO_IMM_MEM, 3, MO_FEATURE_SIMD, true},
        {MO_OP_v128_store16_lane, 0xfd0059, "v128.store16_lane", "Av", "", MO_IMM_MEM_LANE, 1, MO_FEATURE_SIMD, true},
        {MO_OP_f64x2_replace_lane, 0xfd0022, "f64x2.replace_lane", "vd", "v", MO_IMM_LANE, 3, MO_FEATURE_SIMD, false},
        {MO_OP_i64x2_extmul_high_i32x4_u, 0xfd00df, "i64x2.extmul_high_i32x4_u", "vv", "v", MO_IMM_NONE, 0, MO_FEATURE_SIMD, false},
        {MO_OP_f64x2_convert_low_i32x4_u, 0xfd00ff, "f64x2.convert_low_i32x4_u", "v", "v", MO_IMM_NONE, 0, MO_FEATURE_SIMD, false},
        {MO_OP_i64_atomic_rmw32_cmpxchg_u, 0xfe004e, "i64.atomic.rmw32.cmpxchg_u", "All", "l", MO_IMM_MEM, 2, MO_FEATURE_THREADS, true},
        {MO_OP_array_new_elem, 0xfb000a, "array.new_elem", "ii", "t", MO_IMM_TYPE_ELEM, 0, MO_FEATURE_GC, true},
    };
    for (size_t i = 0; i < MO_COUNT(rows); i++) {
        const mo_op_info *info = &mo_op_infos[rows[i].op];
        expect_u64(info->code, rows[i].code);
        expect_text(info->name, rows[i].name);
        expect_text(info->in, rows[i].in);
        expect_text(info->out, rows[i].out);
        expect(info->imm == rows[i].imm && info->access == rows[i].access);
        expect(info->feature == rows[i].feature && info->traps == rows[i].traps);
    }
}

TEST(features_have_names)
{
    for (unsigned f = 0; f < MO_FEATURES; f++) expect_u64(mo_feature_find(mo_feature_name((mo_feature)f)), f);
    expect_u64(mo_feature_find("levitation"), MO_FEATURES);
    expect(!mo_has(mo_features_default(), MO_FEATURE_WIDE_ARITHMETIC));
    expect(mo_has(mo_features_all(), MO_FEATURE_CUSTOM_PAGE_SIZES) && mo_has(0, MO_FEATURE_MVP));
}
