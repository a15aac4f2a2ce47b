/* Claims about type ids: equal types of any two modules have one, others don't. */
#include "artifact/make.h"

#include <pthread.h>

static mo_artifact *with_types(const uint8_t *types, size_t len)
{
    mo_buffer w = {0};
    wasm_begin(&w);
    wasm_section(&w, 1, types, len);
    mo_buffer file = write_module(load_wasm(&w));
    mo_artifact *a = file.at ? open_bytes(&file) : NULL;
    mo_buffer_free(&file);
    return a;
}
#define TYPES(...) with_types(BYTES(__VA_ARGS__))

TEST(equal_functions_of_two_modules_have_one_id)
{
    mo_artifact *a = TYPES(2, 0x60, 1, 0x7f, 1, 0x7e, 0x60, 0, 0), *b = TYPES(3, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7e, 0x60, 1, 0x7e, 1, 0x7f);
    require(a && b);
    expect_u64(a->type_ids[0], b->type_ids[1]);
    expect_u64(a->type_ids[1], b->type_ids[0]);
    expect(b->type_ids[2] != b->type_ids[1] && a->type_ids[0] != 0);
    const mo_valtype i32 = MO_I32, i64 = MO_I64;
    expect_u64(mo_types_intern_func(&i32, 1, &i64, 1), a->type_ids[0]);
    expect_u64(mo_types_intern_func(NULL, 0, NULL, 0), a->type_ids[1]);
    mo_artifact_unref(a);
    mo_artifact_unref(b);
}

TEST(parameters_and_results_are_told_apart)
{
    const mo_valtype two[] = {MO_I32, MO_I32};
    uint32_t a = mo_types_intern_func(two, 2, NULL, 0), b = mo_types_intern_func(NULL, 0, two, 2), c = mo_types_intern_func(two, 1, two, 1);
    expect(a != b && b != c && a != c);
    expect(mo_type_id_below(a, a) && !mo_type_id_below(a, b));
}

TEST(an_open_type_is_another_than_a_final_one)
{
    mo_artifact *a = TYPES(2, 0x60, 0, 0, 0x50, 0, 0x60, 0, 0);
    require(a);
    expect(a->type_ids[0] != a->type_ids[1]);
    mo_artifact_unref(a);
}

TEST(groups_are_equal_as_a_whole)
{
    /* a: rec {t0: -> (ref 1); t1: -> (ref 0)}; b: something, the same group; c: alone, and with its types exchanged */
    mo_artifact *a = TYPES(1, 0x4e, 2, 0x60, 0, 1, 0x64, 1, 0x60, 0, 1, 0x63, 0);
    mo_artifact *b = TYPES(2, 0x60, 0, 0, 0x4e, 2, 0x60, 0, 1, 0x64, 2, 0x60, 0, 1, 0x63, 1);
    mo_artifact *c = TYPES(2, 0x4e, 2, 0x60, 0, 1, 0x63, 1, 0x60, 0, 1, 0x64, 0, 0x60, 0, 1, 0x64, 0);
    require(a && b && c);
    expect_u64(a->type_ids[0], b->type_ids[1]);
    expect_u64(a->type_ids[1], b->type_ids[2]);
    expect_u64(a->type_ids[1], a->type_ids[0] + 1);
    expect(c->type_ids[0] != a->type_ids[0] && c->type_ids[0] != a->type_ids[1] && c->type_ids[2] != a->type_ids[1]);
    mo_func_shape f;
    require(mo_type_id_func(b->type_ids[1], &f));
    expect(f.nparams == 0 && f.nresults == 1 && f.results[0] == mo_ref_type(a->type_ids[1], false));
    mo_artifact_unref(a);
    mo_artifact_unref(b);
    mo_artifact_unref(c);
}

TEST(a_group_twice_in_one_module_is_one)
{
    mo_artifact *a = TYPES(2, 0x4e, 2, 0x60, 0, 1, 0x64, 1, 0x5f, 1, 0x64, 0, 1, 0x4e, 2, 0x60, 0, 1, 0x64, 3, 0x5f, 1, 0x64, 2, 1);
    require(a);
    expect_u64(a->type_ids[0], a->type_ids[2]);
    expect_u64(a->type_ids[1], a->type_ids[3]);
    mo_func_shape f;
    expect(mo_type_id_func(a->type_ids[2], &f) && !mo_type_id_func(a->type_ids[3], &f));
    mo_artifact_unref(a);
}

/* 0 <- 1 <- 2, 0 <- 3: functions without parameters. */
static mo_artifact *family(void)
{
    return TYPES(4, 0x50, 0, 0x60, 0, 0, 0x50, 1, 0, 0x60, 0, 0, 0x50, 1, 1, 0x60, 0, 0, 0x4f, 1, 0, 0x60, 0, 0);
}

TEST(declared_supertypes_are_found_across_modules)
{
    mo_artifact *a = family(), *b = family();
    require(a && b);
    const uint32_t *x = a->type_ids, *y = b->type_ids;
    expect(memcmp(x, y, 4 * sizeof *x) == 0);
    expect(mo_type_id_below(x[2], y[0]) && mo_type_id_below(x[2], y[1]) && mo_type_id_below(x[3], y[0]));
    expect(!mo_type_id_below(x[0], y[2]) && !mo_type_id_below(x[3], y[1]) && !mo_type_id_below(x[1], y[3]));
    mo_artifact_unref(a);
    mo_artifact_unref(b);
}

TEST(value_types_match_across_modules)
{
    mo_artifact *a = family(), *b = family(), *c = TYPES(2, 0x5f, 0, 0x5e, 0x7f, 0);
    require(a && b && c);
    mo_valtype sub = mo_valtype_global(a, mo_ref_type(2, false)), top = mo_valtype_global(b, mo_ref_type(0, true));
    mo_valtype st = mo_valtype_global(c, mo_ref_type(0, false)), array = mo_valtype_global(c, mo_ref_type(1, true));
    expect(mo_valtype_global(a, MO_I32) == MO_I32 && mo_valtype_global(a, MO_FUNCREF) == MO_FUNCREF);
    expect(mo_valtype_matches(sub, top) && !mo_valtype_matches(top, sub));
    expect(!mo_valtype_matches(mo_ref_type(mo_heap(sub), true), mo_ref_type(mo_heap(top), false)));
    expect(mo_valtype_matches(sub, MO_FUNCREF) && !mo_valtype_matches(MO_FUNCREF, sub) && !mo_valtype_matches(sub, MO_EXTERNREF));
    expect(mo_valtype_matches(mo_ref_type(MO_HEAP_NOFUNC, true), top) && !mo_valtype_matches(mo_ref_type(MO_HEAP_NONE, true), top));
    expect(!mo_valtype_matches(mo_ref_type(MO_HEAP_NOFUNC, true), sub));
    expect(mo_valtype_matches(st, mo_ref_type(MO_HEAP_STRUCT, false)) && mo_valtype_matches(st, mo_ref_type(MO_HEAP_EQ, true)));
    expect(mo_valtype_matches(array, mo_ref_type(MO_HEAP_ANY, true)) && !mo_valtype_matches(array, mo_ref_type(MO_HEAP_STRUCT, true)));
    expect(mo_valtype_matches(mo_ref_type(MO_HEAP_NONE, false), st) && !mo_valtype_matches(mo_ref_type(MO_HEAP_I31, false), st));
    expect(mo_valtype_matches(MO_I32, MO_I32) && !mo_valtype_matches(MO_I32, MO_I64) && !mo_valtype_matches(MO_I32, MO_FUNCREF));
    expect(mo_valtype_matches(mo_ref_type(MO_HEAP_I31, false), mo_ref_type(MO_HEAP_EQ, true)));
    expect(!mo_valtype_matches(st, array) && mo_valtype_matches(st, st));
    mo_artifact_unref(a);
    mo_artifact_unref(b);
    mo_artifact_unref(c);
}

TEST(mutability_and_packing_are_told_apart)
{
    mo_artifact *a = TYPES(4, 0x5f, 1, 0x7f, 0, 0x5f, 1, 0x7f, 1, 0x5f, 1, 0x78, 0, 0x5e, 0x7f, 0);
    require(a);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < i; k++) expect(a->type_ids[i] != a->type_ids[k]);
    mo_artifact_unref(a);
}

static uint32_t nth_function(uint32_t n)
{
    mo_valtype params[20];
    const mo_valtype kinds[] = {MO_I32, MO_I64, MO_F32, MO_F64};
    for (int i = 0; i < 20; i++, n /= 4) params[i] = kinds[n % 4];
    return mo_types_intern_func(params, 20, NULL, 0);
}

/* Far beyond the static tables; every failed allocation leaves them whole. */
TEST(many_types_keep_their_ids)
{
    enum { N = 20000 };
    static uint32_t ids[N];
    for (uint32_t i = 0; i < N; i++) {
        mo_alloc_fail_at(0);
        ids[i] = nth_function(i);
        mo_alloc_fail_at(UINT64_MAX);
        if (!ids[i]) ids[i] = nth_function(i);
        require(ids[i]);
    }
    for (uint32_t i = 0; i < N; i++) {
        mo_func_shape f;
        require(nth_function(i) == ids[i] && mo_type_id_func(ids[i], &f) && f.nparams == 20 && !mo_type_id_below(ids[i], ids[(i + 1) % N]));
    }
}

TEST(a_long_type_needs_an_allocation_and_survives_its_failure)
{
    static mo_valtype params[900];
    for (int i = 0; i < 900; i++) params[i] = MO_F32;
    mo_alloc_fail_at(0);
    expect_u64(mo_types_intern_func(params, 900, params, 900), 0);
    mo_alloc_fail_at(UINT64_MAX);
    uint32_t id = mo_types_intern_func(params, 900, params, 900);
    expect(id && mo_types_intern_func(params, 900, params, 900) == id);
}

static void *intern_many(void *arg)
{
    uint32_t *ids = arg;
    for (uint32_t i = 0; i < 3000; i++) {
        ids[i] = nth_function(1000000 + i);
        if (i && mo_type_id_below(ids[i], ids[i - 1])) return "below";
    }
    return NULL;
}

TEST(threads_agree_on_ids)
{
    static uint32_t ids[4][3000];
    pthread_t threads[4];
    void *why;
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, intern_many, ids[i]);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &why);
        expect(!why);
    }
    for (int i = 1; i < 4; i++) expect(memcmp(ids[0], ids[i], sizeof ids[0]) == 0);
}
