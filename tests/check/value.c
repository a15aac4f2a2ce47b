/* value.c - what is known of a word: joins take knowledge away, sums keep the base. */
#include "base/test.h"

#include "check/value.h"

static mo_value memory(uint32_t index, int k) { return (mo_value){.kind = MO_V_MEMORY, .k = (int8_t)k, .index = index}; }
static mo_value context(int at) { return mo_value_of(MO_V_CONTEXT, 0, at); }
static bool same(mo_value a, mo_value b) { return mo_value_same(a, b); }

TEST(a_sum_keeps_the_base)
{
    mo_values all = {0};
    expect(same(mo_value_add(&all, memory(0, 1), mo_unknown()), memory(0, 1)));
    expect(same(mo_value_add(&all, context(8), mo_number(8)), context(16)));
    expect(same(mo_value_add(&all, context(8), mo_unknown()), mo_unknown()));
    expect(same(mo_value_add(&all, memory(0, 1), memory(0, 1)), memory(0, 2)));
    expect(same(mo_value_add(&all, memory(0, 1), mo_value_negate(&all, memory(0, 1))), mo_unknown()));
    expect(same(mo_value_add(&all, memory(0, 1), memory(1, 1)), mo_unknown()));
    mo_values_free(&all);
}

TEST(a_table_entry_is_reached_in_steps_of_its_size)
{
    mo_values all = {0};
    mo_value table = mo_value_of(MO_V_TABLE, 0, 0);
    mo_value scaled = mo_value_scale(&all, mo_unknown(), 5);
    expect(same(mo_value_add(&all, table, scaled), table));
    expect(same(mo_value_add(&all, table, mo_unknown()), mo_unknown()));
    expect(same(mo_value_add(&all, table, mo_number(40)), mo_value_of(MO_V_TABLE, 0, 8)));
    mo_values_free(&all);
}

TEST(a_join_permits_what_both_permit)
{
    mo_values all = {0};
    expect(same(mo_value_join(&all, memory(0, 1), memory(1, 1)), memory(MO_ANY_INDEX, 1)));
    expect(same(mo_value_join(&all, memory(0, 1), memory(0, 2)), mo_unknown()));
    expect(same(mo_value_join(&all, memory(0, 1), mo_number(0)), mo_unknown()));
    mo_value either = mo_value_join(&all, context(96), memory(0, 1));
    uint32_t n;
    mo_value_members(&all, &either, &n);
    expect_u64(n, 2);
    expect(same(mo_value_join(&all, either, context(96)), either));
    expect(same(mo_value_join(&all, either, mo_unknown()), mo_unknown()));
    mo_values_free(&all);
}

TEST(joins_come_to_an_end)
{
    mo_values all = {0};
    mo_value v = context(0);
    int steps = 0;
    for (int at = 16; v.kind != MO_V_DATA; at += 16, steps++)
        v = mo_value_join(&all, v, context(at));
    expect_u64(steps, MO_SET_VALUES);
    mo_values_free(&all);
}

TEST(a_comparison_leaves_the_numbers_below)
{
    mo_values all = {0};
    mo_value v = mo_value_compute(&all, MO_SUM_AND, 4, mo_unknown(), mo_number(0xe000)); /* an index of a jump table */
    v = mo_value_compute(&all, MO_SUM_ADD, 4, v, mo_number(-0x2000));
    v = mo_value_compute(&all, MO_SUM_SHR, 4, v, mo_number(13));
    uint32_t n;
    mo_value_members(&all, &v, &n);
    expect_u64(n, 8);
    v = mo_value_below(&all, v, 4, 6);
    expect(same(v, mo_value_below(&all, mo_unknown(), 8, 6)));
    expect(same(mo_value_below(&all, v, 8, 1), mo_number(0)));
    expect(same(mo_value_below(&all, v, 8, 0), v));
    expect(same(mo_value_below(&all, mo_number(-1), 4, 6), mo_number(-1)));
    mo_values_free(&all);
}

TEST(references_are_words_that_may_be_null)
{
    mo_values all = {.records_at = 64, .records_end = 128, .record_size = 32};
    mo_value func = mo_word(MO_WORD_FUNC);
    expect(same(mo_value_join(&all, func, mo_number(0)), func));
    expect(same(mo_value_join(&all, func, context(96)), func));
    expect(same(mo_value_join(&all, context(64), mo_number(0)), func));
    expect(same(mo_value_join(&all, func, mo_number(1)), mo_unknown()));
    expect(same(mo_value_join(&all, func, mo_word(MO_WORD_EXN)), mo_unknown()) || !mo_value_is_word(&all, mo_value_join(&all, func, mo_word(MO_WORD_EXN)), MO_WORD_FUNC));
    expect(mo_value_is_word(&all, context(96), MO_WORD_FUNC) && !mo_value_is_word(&all, context(100), MO_WORD_FUNC));
    expect(!mo_value_is_word(&all, mo_unknown(), MO_WORD_EXTERN));
    mo_values_free(&all);
}

TEST(what_was_there_at_entry_is_remembered)
{
    mo_values all = {0};
    mo_value v = mo_unknown();
    v.entry = 4;
    expect(same(mo_value_join(&all, v, v), v));
    expect_u64(mo_value_join(&all, v, mo_unknown()).entry, 0);
    expect_u64(mo_value_add(&all, v, mo_number(1)).entry, 0);
    mo_values_free(&all);
}
