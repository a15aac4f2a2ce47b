/* Claims about function bodies: what is accepted, and in what words the rest is not. */
#include "module/build.h"

/* --- operands ---------------------------------------------------------- */

TEST(add_takes_two_i32)
{
    accepts(":i", BODY(w_i32_const, 1, w_i32_const, 2, w_i32_add, w_end));
    refuses(":i", BODY(w_i32_const, 1, w_i64_const, 2, w_i32_add, w_end), MOTE_INVALID, 4, "i32.add: want i32, have i64");
    refuses(":i", BODY(w_i32_const, 1, w_i32_add, w_end), MOTE_INVALID, 2, "i32.add: want i32, have nothing");
    refuses(":i", BODY(w_f32_const, 0, 0, 0, 0, w_i32_const, 2, w_i32_add, w_end), MOTE_INVALID, 7, "i32.add: want i32, have f32");
}

TEST(a_body_gives_just_its_results)
{
    accepts(":il", BODY(w_i32_const, 1, w_i64_const, 2, w_end));
    refuses(":i", BODY(w_end), MOTE_INVALID, 0, "end: want i32, have nothing");
    refuses(":i", BODY(w_i32_const, 1, w_i32_const, 2, w_end), MOTE_INVALID, 4,
            "end: type mismatch: want 1 results, have 1 values more");
    refuses(":", BODY(w_i32_const, 1, w_end), MOTE_INVALID, 2, "end: type mismatch: want 0 results, have 1 values more");
}

TEST(a_body_ends_where_it_says)
{
    refuses(":", BODY(w_end, w_nop), MOTE_MALFORMED, 1, "section size mismatch: 1 bytes after the body's last end");
    refuses(":", BODY(w_nop), MOTE_MALFORMED, 1, "unexpected end: END opcode expected, 1 blocks are open");
    refuses(":", BODY(w_block, T_EMPTY, w_end), MOTE_MALFORMED, 3, "unexpected end: END opcode expected, 1 blocks are open");
    refuses(":i", BODY(w_i32_const), MOTE_MALFORMED, 1, "unexpected end: want i32.const");
    refuses(":", BODY(w_else, w_end), MOTE_MALFORMED, 0, "else: unexpected opcode: it belongs to no if");
}

TEST(what_is_no_opcode_is_malformed)
{
    refuses(":", BODY(0xff, w_end), MOTE_MALFORMED, 0, "illegal opcode 0xff");
    refuses(":", BODY(0xfc, 0x12, w_end), MOTE_MALFORMED, 0, "illegal opcode 0xfc 18");
    refuses(":", BODY(0xfd, 0xff, 0xff, 0xff, 0xff, 0x0f, w_end), MOTE_MALFORMED, 0, "illegal opcode 0xfd 4294967295");
    accepts(":i", BODY(w_f32_const, 0, 0, 0, 0, 0xfc, 0x80, 0x00, w_end)); /* a longer LEB of the same number */
}

TEST(legacy_exceptions_are_refused_by_name)
{
    refuses(":", BODY(0x06, T_EMPTY, w_end, w_end), MOTE_UNSUPPORTED, 0,
            "legacy exceptions: 'try'; recompile with the final encoding");
    refuses(":", BODY(w_nop, 0x18, 0, w_end), MOTE_UNSUPPORTED, 1,
            "legacy exceptions: 'delegate'; recompile with the final encoding");
    refuses(":", BODY(0x09, 0, w_end), MOTE_UNSUPPORTED, 0, "legacy exceptions: 'rethrow'; recompile with the final encoding");
}

TEST(select_without_a_type_takes_numbers)
{
    accepts(":l", BODY(w_i64_const, 1, w_i64_const, 2, w_i32_const, 0, w_select, w_end));
    refuses(":", BODY(w_i32_const, 1, w_i64_const, 2, w_i32_const, 0, w_select, w_drop, w_end), MOTE_INVALID, 6,
            "select: want i32, have i64");
    refuses(":", BODY(w_ref_null, 0x70, w_ref_null, 0x70, w_i32_const, 0, w_select, w_drop, w_end), MOTE_INVALID, 6,
            "select: type mismatch: want a number or vector, have (ref null func)");
    accepts(":r", BODY(w_ref_null, 0x70, w_ref_null, 0x70, w_i32_const, 0, 0x1c, 1, 0x70, w_end));
    refuses(":", BODY(w_i32_const, 0, 0x1c, 2, 0x7f, 0x7f, w_end), MOTE_INVALID, 2, "select: invalid result arity: want 1, have 2");
}

/* --- dead code --------------------------------------------------------- */

TEST(dead_code_pops_what_it_likes)
{
    accepts(":i", BODY(w_unreachable, w_i32_add, w_end));
    accepts(":i", BODY(w_unreachable, w_select, w_end));
    accepts(":i", BODY(w_unreachable, w_i32_const, 0, w_select, w_end));
    accepts(":", BODY(w_unreachable, w_ref_as_non_null, w_drop, w_end));
    accepts(":", BODY(w_unreachable, w_br_on_null, 0, w_drop, w_end));
    accepts(":", BODY(w_unreachable, 0xfb, 8, 3, 0xff, 0xff, 0xff, 0xff, 0x0f, w_drop, w_end)); /* array.new_fixed of 2**32 - 1 */
    refuses(":", BODY(w_unreachable, w_i64_const, 0, w_i32_eqz, w_drop, w_end), MOTE_INVALID, 3, "i32.eqz: want i32, have i64");
    refuses(":i", BODY(w_unreachable, w_ref_as_non_null, w_end), MOTE_INVALID, 2, "end: want i32, have (ref bot)");
    refuses(":", BODY(w_unreachable, w_i32_const, 0, w_end), MOTE_INVALID, 3, NULL);
}

TEST(a_block_in_dead_code_is_checked_as_live)
{
    refuses(":", BODY(w_unreachable, w_block, T_EMPTY, w_drop, w_end, w_end), MOTE_INVALID, 3, "drop: want a value, have nothing");
    refuses(":", BODY(w_unreachable, w_block, T_I32, w_end, w_end), MOTE_INVALID, 3, "end: want i32, have nothing");
}

/* --- blocks and branches ----------------------------------------------- */

TEST(an_if_without_else_passes_its_parameters_on)
{
    accepts("i:i", BODY(w_local_get, 0, w_local_get, 0, w_if, 4, w_end, w_end));
    refuses("i:i", BODY(w_local_get, 0, w_if, T_I32, w_i32_const, 0, w_end, w_end), MOTE_INVALID, 6,
            "end: type mismatch: an if without else: want as many results as parameters, 0, have 1");
}

TEST(a_branch_takes_what_its_label_takes)
{
    accepts(":i", BODY(w_i32_const, 1, w_br, 0, w_end));
    accepts(":i", BODY(w_block, T_I32, w_i32_const, 1, w_br, 1, w_end, w_end));
    refuses(":i", BODY(w_br, 0, w_end), MOTE_INVALID, 0, "br: want i32, have nothing");
    refuses(":", BODY(w_br, 1, w_end), MOTE_INVALID, 0, "br: unknown label 1, there are 1");
    accepts("i:i", BODY(w_local_get, 0, w_loop, 4, w_br, 0, w_end, w_end)); /* a loop takes its parameters */
    refuses("i:i", BODY(w_loop, 4, w_end, w_end), MOTE_INVALID, 0, "loop: want i32, have nothing");
    accepts("i:i", BODY(w_i32_const, 7, w_local_get, 0, w_br_table, 2, 0, 0, 0, w_end));
    refuses("i:i", BODY(w_block, T_EMPTY, w_i32_const, 7, w_local_get, 0, w_br_table, 1, 0, 1, w_end, w_end), MOTE_INVALID, 6,
            "br_table: type mismatch: label 0: want 1 values, have 0");
}

TEST(branches_on_references)
{
    accepts("r:", BODY(w_local_get, 0, w_br_on_null, 0, w_drop, w_end));
    accepts("r:r", BODY(w_local_get, 0, w_br_on_non_null, 0, w_ref_null, 0x70, w_end));
    refuses("r:", BODY(w_local_get, 0, w_br_on_non_null, 0, w_end), MOTE_INVALID, 2,
            "br_on_non_null: type mismatch: want a label that takes a reference last, label 0 does not");
    refuses("i:", BODY(w_local_get, 0, w_br_on_null, 0, w_end), MOTE_INVALID, 2, "br_on_null: want a reference, have i32");
}

TEST(tail_calls_return_what_the_caller_returns)
{
    accepts(":", BODY(w_return_call, 1, w_end));
    accepts(":i", BODY(w_i32_const, 0, w_return_call, 2, w_end));
    refuses(":", BODY(w_i32_const, 0, w_return_call, 2, w_end), MOTE_INVALID, 2, "return_call: type mismatch: want 0 results, have 1");
}

TEST(exceptions_are_caught_by_labels_that_fit)
{
    accepts(":i", BODY(w_try_table, T_EMPTY, 1, 0, 0, 0, w_i32_const, 3, w_throw, 0, w_end, w_i32_const, 0, w_end));
    refuses(":", BODY(w_try_table, T_EMPTY, 1, 0, 0, 0, w_end, w_end), MOTE_INVALID, 0,
            "try_table: type mismatch: catch: label 0: want 1 values, have 0");
    refuses(":", BODY(w_try_table, T_EMPTY, 1, 2, 1, w_end, w_end), MOTE_INVALID, 0, "try_table: unknown label 1, there are 1");
    refuses(":", BODY(w_throw, 1, w_end), MOTE_INVALID, 0, "throw: unknown tag 1, there are 1");
    refuses(":", BODY(w_i32_const, 0, w_throw_ref, w_end), MOTE_INVALID, 2, "throw_ref: want (ref null exn), have i32");
}

/* --- locals ------------------------------------------------------------ */

#define REF_LOCAL BYTES(1, 1, 0x64, 0x70) /* (ref func): no default value */

TEST(a_local_without_default_is_set_before_it_is_read)
{
    refuses_with(":", REF_LOCAL, BODY(w_local_get, 0, w_drop, w_end), MOTE_INVALID, 0, "local.get: uninitialized local 0");
    accepts_with(":", REF_LOCAL, BODY(w_ref_func, 1, w_local_set, 0, w_local_get, 0, w_drop, w_end));
    accepts_with(":", REF_LOCAL, BODY(w_ref_func, 1, w_local_set, 0, w_block, T_EMPTY, w_local_get, 0, w_drop, w_end, w_end));
    refuses_with(":", REF_LOCAL, BODY(w_block, T_EMPTY, w_ref_func, 1, w_local_set, 0, w_end, w_local_get, 0, w_drop, w_end),
                 MOTE_INVALID, 7, "local.get: uninitialized local 0");
    refuses_with("i:", REF_LOCAL,
                 BODY(w_local_get, 0, w_if, T_EMPTY, w_ref_func, 1, w_local_set, 1, w_else, w_local_get, 1, w_drop, w_end, w_end),
                 MOTE_INVALID, 9, "local.get: uninitialized local 1");
    accepts_with(":", REF_LOCAL, BODY(w_ref_func, 1, w_local_tee, 0, w_drop, w_local_get, 0, w_drop, w_end));
}

TEST(locals_are_counted)
{
    refuses("i:", BODY(w_local_get, 1, w_drop, w_end), MOTE_INVALID, 0, "local.get: unknown local 1, there are 1");
    accepts_with(":", BYTES(1, 0xd0, 0x86, 0x03, T_I32), BODY(w_local_get, 0xcf, 0x86, 0x03, w_drop, w_end)); /* 50000 */
    refuses_with(":", BYTES(1, 0xd1, 0x86, 0x03, T_I32), BODY(w_end), MOTE_LIMIT, -5, "locals: have 50001, the limit is 50000");
    refuses_with(":", BYTES(2, 0xff, 0xff, 0xff, 0xff, 0x0f, T_I32, 1, T_I32), BODY(w_end), MOTE_MALFORMED, -9,
                 "too many locals: 4294967296");
}

/* --- memory ------------------------------------------------------------ */

TEST(a_memarg_must_fit)
{
    accepts("i:i", BODY(w_local_get, 0, w_i32_load, 2, 0xff, 0xff, 0xff, 0xff, 0x0f, w_end));
    refuses("i:i", BODY(w_local_get, 0, w_i32_load, 3, 0, w_end), MOTE_INVALID, 2,
            "i32.load: alignment must not be larger than natural: want at most 2**2, have 2**3");
    refuses("i:i", BODY(w_local_get, 0, w_i32_load, 2, 0x80, 0x80, 0x80, 0x80, 0x10, w_end), MOTE_INVALID, 2,
            "i32.load: offset out of range: want 32 bits, have 4294967296");
    accepts("i:i", BODY(w_local_get, 0, w_i32_load, 0x42, 0, 0, w_end));
    refuses("i:i", BODY(w_local_get, 0, w_i32_load, 0x42, 1, 0, w_end), MOTE_INVALID, 2, "i32.load: unknown memory 1, there are 1");
    refuses("i:i", BODY(w_local_get, 0, w_i32_load, 0x80, 0x01, 0, w_end), MOTE_MALFORMED, 2,
            "i32.load: malformed memop flags: want less than 128, have 128");
    refuses("i:i", BODY(w_local_get, 0, 0xfe, 0x10, 1, 0, w_end), MOTE_INVALID, 2,
            "i32.atomic.load: atomic alignment must be natural: want 2**2, have 2**1");
    refuses("l:i", BODY(w_local_get, 0, w_i32_load, 2, 0, w_end), MOTE_INVALID, 2, "i32.load: want i32, have i64");
}

TEST(lanes_are_counted)
{
    accepts("v:i", BODY(w_local_get, 0, 0xfd, 0x15, 15, w_end));
    refuses("v:i", BODY(w_local_get, 0, 0xfd, 0x15, 16, w_end), MOTE_INVALID, 2,
            "i8x16.extract_lane_s: invalid lane index 16, there are 16");
    refuses("v:l", BODY(w_local_get, 0, 0xfd, 0x1d, 2, w_end), MOTE_INVALID, 2, "i64x2.extract_lane: invalid lane index 2, there are 2");
    refuses("iv:v", BODY(w_local_get, 0, w_local_get, 1, 0xfd, 0x57, 3, 0, 2, w_end), MOTE_INVALID, 4,
            "v128.load64_lane: invalid lane index 2, there are 2");
    refuses("v:v", BODY(w_local_get, 0, w_local_get, 0, 0xfd, 0x0d, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 32, w_end),
            MOTE_INVALID, 4, "i8x16.shuffle: invalid lane index 32, there are 32");
}

/* --- references -------------------------------------------------------- */

TEST(a_function_is_declared_before_a_body_refers_to_it)
{
    accepts(":r", BODY(w_ref_func, 1, w_end));
    refuses(":r", BODY(w_ref_func, 2, w_end), MOTE_INVALID, 0, "ref.func: undeclared function reference 2");
    refuses(":r", BODY(w_ref_func, 3, w_end), MOTE_INVALID, 0, "ref.func: unknown function 3, there are 3");
}

TEST(structures_have_fields)
{
    accepts(":i", BODY(0xfb, 1, 2, 0xfb, 2, 2, 0, w_end));
    accepts(":i", BODY(0xfb, 1, 2, 0xfb, 3, 2, 1, w_end));
    refuses(":i", BODY(0xfb, 1, 2, 0xfb, 2, 2, 1, w_end), MOTE_INVALID, 3, "struct.get: type mismatch: want an unpacked field, have i8");
    refuses(":i", BODY(0xfb, 1, 2, 0xfb, 4, 2, 0, w_end), MOTE_INVALID, 3, "struct.get_u: type mismatch: want a packed field, have i32");
    refuses(":i", BODY(0xfb, 1, 2, 0xfb, 2, 2, 3, w_end), MOTE_INVALID, 3, "struct.get: unknown field 3, there are 3");
    refuses(":", BODY(0xfb, 1, 2, w_i32_const, 0, 0xfb, 5, 2, 1, w_end), MOTE_INVALID, 5, "struct.set: immutable field");
    refuses(":", BODY(0xfb, 1, 3, w_drop, w_end), MOTE_INVALID, 0, "struct.new_default: want a structure type, type 3 is none");
}

TEST(arrays_have_elements)
{
    accepts(":i", BODY(w_i32_const, 1, 0xfb, 7, 3, 0xfb, 15, w_end));
    accepts(":i", BODY(w_i32_const, 1, w_i32_const, 2, 0xfb, 8, 3, 2, w_i32_const, 0, 0xfb, 11, 3, w_end));
    refuses(":", BODY(w_i32_const, 1, 0xfb, 7, 5, w_i32_const, 0, w_i32_const, 0, 0xfb, 14, 5, w_end), MOTE_INVALID, 9,
            "array.set: immutable array");
    refuses(":", BODY(w_i32_const, 0, w_i32_const, 0, 0xfb, 9, 3, 1, w_drop, w_end), MOTE_INVALID, 4,
            "array.new_data: unknown data segment 1, there are 1");
    refuses(":", BODY(w_i32_const, 0, w_i32_const, 0, 0xfb, 10, 3, 0, w_drop, w_end), MOTE_INVALID, 4,
            "array.new_elem: want i32, have (ref func)");
}

TEST(casts_stay_in_their_hierarchy)
{
    accepts(":i", BODY(w_ref_null, 0x6e, 0xfb, 20, 2, w_end));
    refuses(":i", BODY(w_ref_null, 0x70, 0xfb, 20, 2, w_end), MOTE_INVALID, 2, "ref.test: want (ref null any), have (ref null func)");
    accepts(":r", BODY(w_ref_null, 0x70, 0xfb, 22, 1, w_end));
    refuses(":", BODY(w_ref_null, 0x6e, 0xfb, 24, 3, 0, 0x6e, 0x70, w_drop, w_end), MOTE_INVALID, 2,
            "br_on_cast: want (ref null any), have (ref null func)");
    refuses(":", BODY(w_ref_null, 0x6e, 0xfb, 24, 4, 0, 0x6e, 0x6e, w_drop, w_end), MOTE_MALFORMED, 2,
            "br_on_cast: malformed cast flags: want at most 3, have 4");
}

/* --- words ------------------------------------------------------------- */

TEST(an_error_names_the_function)
{
    uint64_t start;
    wasm w = wasm_function(":i", NO_LOCALS, BODY(w_end), &start);
    mo_module *m;
    mote_error err;
    expect_u64(wasm_load(&w, mo_features_all(), &m, &err), MOTE_INVALID);
    expect_u64(err.function, 0);
    w = wasm_function(":", NO_LOCALS, BODY(w_local_get, 0x80), &start); /* in the reader */
    expect_u64(wasm_load(&w, mo_features_all(), &m, &err), MOTE_MALFORMED);
    expect_u64(err.function, 0);
    w.len = 3;
    expect_u64(wasm_load(&w, mo_features_all(), &m, &err), MOTE_MALFORMED);
    expect_u64(err.function, MOTE_NOWHERE);
}

TEST(a_feature_that_is_off_is_named)
{
    const struct {
        mo_feature off;
        mo_span body;
        const char *message;
    } cases[] = {
        {MO_FEATURE_WIDE_ARITHMETIC, BODY(w_unreachable, 0xfc, 19, w_drop, w_drop, w_end), "i64.add128: needs feature 'wide-arithmetic', which is off"},
        {MO_FEATURE_SIGN_EXTENSION, BODY(w_unreachable, 0xc0, w_drop, w_end), "i32.extend8_s: needs feature 'sign-extension', which is off"},
        {MO_FEATURE_SIMD, BODY(w_unreachable, 0xfd, 0x4d, w_drop, w_end), "v128.not: needs feature 'simd', which is off"},
        {MO_FEATURE_RELAXED_SIMD, BODY(w_unreachable, 0xfd, 0x80, 0x02, w_drop, w_end), "i8x16.relaxed_swizzle: needs feature 'relaxed-simd', which is off"},
        {MO_FEATURE_TAIL_CALL, BODY(w_unreachable, w_return_call, 1, w_end), "return_call: needs feature 'tail-call', which is off"},
        {MO_FEATURE_THREADS, BODY(w_unreachable, 0xfe, 3, 0, w_end), "atomic.fence: needs feature 'threads', which is off"},
        {MO_FEATURE_SATURATING_FLOAT, BODY(w_unreachable, 0xfc, 0, w_drop, w_end), "i32.trunc_sat_f32_s: needs feature 'saturating-float-to-int', which is off"},
        {MO_FEATURE_FUNCTION_REFERENCES, BODY(w_unreachable, w_return_call_ref, 1, w_end), "return_call_ref: needs feature 'function-references', which is off"},
    };
    for (size_t i = 0; i < MO_COUNT(cases); i++) {
        uint64_t start;
        wasm w = wasm_function(":", NO_LOCALS, cases[i].body, &start);
        test_accepts(&w, mo_features_all(), __FILE__, __LINE__);
        test_refuses(&w, mo_features_all() & ~((mo_features)1 << cases[i].off), MOTE_UNSUPPORTED, start + 1, cases[i].message,
                     __FILE__, __LINE__);
    }
}
