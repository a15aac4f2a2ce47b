/* Claims about types: which are the same, which are below which, what they are called. */
#include "module/build.h"

/* A module of types only; NULL (and a failed test) if it does not load. */
static mo_module *load_types(mo_span section)
{
    wasm w = wasm_start();
    mo_module *m;
    mote_error err;
    wasm_section(&w, TYPES, section);
    wasm_load(&w, mo_features_all(), &m, &err);
    if (!expect(m != NULL)) fprintf(stderr, "    %s at %" PRIu64 "\n", err.message, err.offset);
    return m;
}

#define types_fail(status, offset, message, ...)      \
    do {                                              \
        wasm w_ = wasm_start();                       \
        wasm_section(&w_, TYPES, BYTES(__VA_ARGS__)); \
        fails(&w_, status, 10 + (offset), message);   \
    } while (0)

/* --- the same type ----------------------------------------------------- */

TEST(equal_types_are_one)
{
    mo_module *m = load_types(BYTES(4, 0x60, 1, T_I32, 0, 0x60, 0, 1, T_I32, 0x60, 1, T_I32, 0, 0x5e, T_I32, 1));
    require(m != NULL);
    expect_u64(m->types[0].canonical, 0);
    expect_u64(m->types[1].canonical, 1);
    expect_u64(m->types[2].canonical, 0);
    expect_u64(m->types[3].canonical, 3);
    mo_module_unref(m);
}

TEST(equal_groups_are_one_place_by_place)
{
    /* (rec (func (param (ref 0))) (func (param (ref 1)))) twice, then the other way round */
    mo_module *m = load_types(BYTES(3, 0x4e, 2, 0x60, 1, 0x64, 0, 0, 0x60, 1, 0x64, 1, 0,
                                    0x4e, 2, 0x60, 1, 0x64, 2, 0, 0x60, 1, 0x64, 3, 0,
                                    0x4e, 2, 0x60, 1, 0x64, 5, 0, 0x60, 1, 0x64, 4, 0));
    require(m != NULL);
    expect_u64(m->types[2].canonical, 0);
    expect_u64(m->types[3].canonical, 1);
    expect_u64(m->types[4].canonical, 4);
    expect_u64(m->types[5].canonical, 5);
    expect_u64(mo_heap(m->types[3].params[0]), 1);
    expect_u64(m->types[3].group, 2);
    expect_u64(m->types[3].group_len, 2);
    mo_module_unref(m);
}

TEST(a_type_of_the_group_is_not_one_from_outside)
{
    /* (func (result (ref 0))) of itself, and of the type before */
    mo_module *m = load_types(BYTES(3, 0x60, 0, 1, 0x64, 0, 0x60, 0, 1, 0x64, 1, 0x60, 0, 1, 0x64, 0));
    require(m != NULL);
    expect_u64(m->types[1].canonical, 0); /* each names itself */
    expect_u64(m->types[2].canonical, 2);
    mo_module_unref(m);
}

TEST(a_group_of_one_is_not_a_place_in_a_group_of_two)
{
    mo_module *m = load_types(BYTES(2, 0x4e, 2, 0x5f, 0, 0x60, 0, 0, 0x5f, 0));
    require(m != NULL);
    expect_u64(m->types[2].canonical, 2);
    mo_module_unref(m);
}

TEST(finality_and_supertypes_make_a_difference)
{
    mo_module *m = load_types(BYTES(5, 0x50, 0, 0x5f, 0, 0x5f, 0, 0x50, 1, 0, 0x5f, 0, 0x4f, 0, 0x5f, 0, 0x50, 1, 0, 0x5f, 0));
    require(m != NULL);
    expect_u64(m->types[1].canonical, 1);
    expect_u64(m->types[2].canonical, 2);
    expect_u64(m->types[3].canonical, 1);
    expect_u64(m->types[4].canonical, 2);
    mo_module_unref(m);
}

/* --- below ------------------------------------------------------------- */

static bool below(const mo_module *m, uint32_t a, uint32_t b)
{
    return mo_matches(m, mo_ref_type(a, false), mo_ref_type(b, false));
}

TEST(abstract_types_have_an_order)
{
    const mo_module none = {0};
    const mo_module *m = &none;
    static const uint32_t any[] = {MO_HEAP_ANY, MO_HEAP_EQ, MO_HEAP_I31, MO_HEAP_STRUCT, MO_HEAP_ARRAY, MO_HEAP_NONE};
    for (size_t i = 0; i < MO_COUNT(any); i++) {
        expect(below(m, any[i], any[i]) && below(m, any[i], MO_HEAP_ANY) && below(m, MO_HEAP_NONE, any[i]));
        expect(below(m, MO_HEAP_BOT, any[i]) && !below(m, any[i], MO_HEAP_FUNC) && !below(m, MO_HEAP_NOFUNC, any[i]));
    }
    expect(below(m, MO_HEAP_I31, MO_HEAP_EQ) && !below(m, MO_HEAP_EQ, MO_HEAP_I31) && !below(m, MO_HEAP_I31, MO_HEAP_STRUCT));
    expect(below(m, MO_HEAP_NOFUNC, MO_HEAP_FUNC) && below(m, MO_HEAP_NOEXTERN, MO_HEAP_EXTERN) && below(m, MO_HEAP_NOEXN, MO_HEAP_EXN));
    expect(!below(m, MO_HEAP_EXTERN, MO_HEAP_ANY) && !below(m, MO_HEAP_FUNC, MO_HEAP_NOFUNC));
}

TEST(null_matches_only_where_it_is_allowed)
{
    const mo_module m = {0};
    expect(mo_matches(&m, mo_ref_type(MO_HEAP_FUNC, false), MO_FUNCREF));
    expect(!mo_matches(&m, MO_FUNCREF, mo_ref_type(MO_HEAP_FUNC, false)));
    expect(mo_matches(&m, MO_BOT, MO_I32) && mo_matches(&m, MO_BOT, MO_FUNCREF));
    expect(!mo_matches(&m, MO_I32, MO_I64) && !mo_matches(&m, MO_I32, MO_FUNCREF) && !mo_matches(&m, MO_FUNCREF, MO_I32));
}

TEST(declared_types_have_an_order)
{
    /* 0 struct {}; 1 below 0, {i32}; 2 below 1, {i32 i64}; 3 func; 4 array */
    mo_module *m = load_types(BYTES(5, 0x50, 0, 0x5f, 0, 0x50, 1, 0, 0x5f, 1, T_I32, 0,
                                    0x50, 1, 1, 0x5f, 2, T_I32, 0, T_I64, 0, 0x60, 0, 0, 0x5e, T_I32, 0));
    require(m != NULL);
    expect_u64(m->types[2].depth, 2);
    expect(mo_type_below(m, 2, 0) && mo_type_below(m, 2, 1) && mo_type_below(m, 1, 1) && !mo_type_below(m, 0, 1));
    expect(below(m, 2, MO_HEAP_STRUCT) && below(m, 2, MO_HEAP_EQ) && below(m, 2, MO_HEAP_ANY) && !below(m, 2, MO_HEAP_ARRAY));
    expect(below(m, MO_HEAP_NONE, 2) && !below(m, MO_HEAP_NOFUNC, 2) && below(m, MO_HEAP_NOFUNC, 3) && !below(m, MO_HEAP_STRUCT, 2));
    expect(below(m, 3, MO_HEAP_FUNC) && !below(m, 3, MO_HEAP_ANY) && below(m, 4, MO_HEAP_ARRAY) && !below(m, 4, MO_HEAP_STRUCT));
    mo_module_unref(m);
}

TEST(a_supertype_must_be_matched)
{
    types_fail(MOTE_INVALID, 3, "sub type 1: its supertype 0 is final", 2, 0x5f, 0, 0x50, 1, 0, 0x5f, 0);
    types_fail(MOTE_INVALID, 7, "sub type 1 does not match its supertype 0", 2, 0x50, 0, 0x5f, 1, T_I32, 0, 0x50, 1, 0, 0x5f, 0);
    types_fail(MOTE_INVALID, 5, "sub type 1 does not match its supertype 0", 2, 0x50, 0, 0x5f, 0, 0x50, 1, 0, 0x60, 0, 0);
    types_fail(MOTE_INVALID, 3, "unknown type: want a supertype below 0, have 0", 1, 0x50, 1, 0, 0x5f, 0);
    types_fail(MOTE_INVALID, 6, "sub type: want at most one supertype, have 2", 2, 0x50, 0, 0x5f, 0, 0x50, 2, 0, 0, 0x5f, 0);
    /* a mutable field must be the same type, an immutable one may be below */
    types_fail(MOTE_INVALID, 7, NULL, 2, 0x50, 0, 0x5f, 1, 0x6e, 1, 0x50, 1, 0, 0x5f, 1, 0x6d, 1);
    mo_module *m = load_types(BYTES(2, 0x50, 0, 0x5f, 1, 0x6e, 0, 0x50, 1, 0, 0x5f, 1, 0x6d, 0));
    mo_module_unref(m);
}

/* --- the binary format ------------------------------------------------- */

TEST(types_are_spelled_one_way)
{
    types_fail(MOTE_MALFORMED, 1, "malformed type: want 0x5e, 0x5f or 0x60, have 0x61", 1, 0x61, 0, 0);
    types_fail(MOTE_MALFORMED, 3, "malformed value type 0x79", 1, 0x60, 1, 0x79, 0);
    types_fail(MOTE_MALFORMED, 4, "malformed reference type: no heap type has code 0x7f", 1, 0x60, 1, 0x63, 0x7f, 0);
    types_fail(MOTE_INVALID, 4, "heap type: unknown type 1, there are 1", 1, 0x60, 1, 0x63, 1, 0);
    types_fail(MOTE_MALFORMED, 4, "heap type: want a type index, have -16", 1, 0x60, 1, 0x63, 0xf0, 0x7f, 0);
    types_fail(MOTE_MALFORMED, 4, "malformed mutability: want 0 or 1, have 2", 1, 0x5f, 1, T_I32, 2);
    types_fail(MOTE_MALFORMED, 2, "unexpected end: want 100 parameters, have 1 bytes for them", 1, 0x60, 100, 0);
}

TEST(types_have_names)
{
    char text[MO_TYPE_TEXT];
    expect_text(mo_type_text(MO_I32, text), "i32");
    expect_text(mo_type_text(MO_I8_PACKED, text), "i8");
    expect_text(mo_type_text(MO_BOT, text), "bot");
    expect_text(mo_type_text(MO_EXNREF, text), "(ref null exn)");
    expect_text(mo_type_text(mo_ref_type(MO_HEAP_NOEXTERN, false), text), "(ref noextern)");
    expect_text(mo_type_text(mo_ref_type(999999, true), text), "(ref null 999999)");
}

TEST(a_chain_of_supertypes_has_a_limit)
{
    wasm part = {.len = 0}, w = wasm_start();
    wasm_put(&part, "\x41\x50\0\x5f\0", 5); /* 65 types, each below the one before */
    for (uint8_t i = 0; i < 64; i++) wasm_put(&part, (uint8_t[]){0x50, 1, i, 0x5f, 0}, 5);
    wasm_section(&w, TYPES, (mo_span){part.at, part.len});
    fails(&w, MOTE_LIMIT, 12 + 4 + 63 * 5, "subtyping depth: have 64, the limit is 63");
}
