/* Tail calls: direct, indirect and by reference, between instances, ten million deep,
 * with arguments beyond the registers and many results. */
#include "call/guest.h"

enum { W_RETURN_CALL = 0x12, W_RETURN_CALL_INDIRECT = 0x13, W_RETURN_CALL_REF = 0x15 };
#define DEEP 10000000

/* near(n) and far(n, 11 more) call each other's table entries until n is 0. far's
 * arguments do not fit into registers; it adds them up. */
static void with_table(guest *g)
{
    guest_import(g, "g", "table", BYTES(1, T_FUNCREF, 0, 2));
    guest_type(g, "i:i");            /* 0 */
    guest_type(g, "iiiiiiiiiiii:i"); /* 1 */
}

#define IF_ZERO(...) w_local_get, 0, w_i32_eqz, w_if, T_EMPTY, __VA_ARGS__, w_return, w_end
#define N_MINUS_1 w_local_get, 0, w_i32_const, 1, w_i32_sub

TEST(two_instances_tail_call_each_other_through_a_table)
{
    need_compiler();
    guest t = {0}, a = {0}, b = {0};
    GUEST_ADD(&t, tables, ntables, BYTES(T_FUNCREF, 0, 2));
    guest_export(&t, "table", 1, 0);
    with_table(&a);
    guest_func(&a, "near", "i:i", BYTES(IF_ZERO(w_i32_const, 7), N_MINUS_1, w_i32_const, 1, w_i32_const, 2, w_i32_const, 3, w_i32_const, 4,
                                        w_i32_const, 5, w_i32_const, 6, w_i32_const, 7, w_i32_const, 8, w_i32_const, 9, w_i32_const, 10,
                                        w_i32_const, 11, w_i32_const, 1, W_RETURN_CALL_INDIRECT, 1, 0, w_end));
    GUEST_ADD(&a, elements, nelements, BYTES(0, w_i32_const, 0, w_end, 1, 0));
    with_table(&b);
    guest_func(&b, "far", "iiiiiiiiiiii:i", BYTES(IF_ZERO(w_local_get, 10, w_local_get, 11, w_i32_add), N_MINUS_1, w_i32_const, 0,
                                                  W_RETURN_CALL_INDIRECT, 0, 0, w_end));
    GUEST_ADD(&b, elements, nelements, BYTES(0, w_i32_const, 1, w_end, 1, 0));
    world w = world_of(&t);
    mote_artifact *near = compiled(&a), *far = compiled(&b);
    mote_instance *first = w.instance, *second;
    require(mote_linker_instance(w.linker, "g", 1, first, &w.err) == MOTE_OK);
    require(mote_linker_instantiate(w.linker, w.store, far, &second, &w.err) == MOTE_OK);
    require(mote_linker_instantiate(w.linker, w.store, near, &w.instance, &w.err) == MOTE_OK);
    expect_u64(call1(&w, "near", 4), 7);
    expect_u64(call1(&w, "near", 5), 21);
    expect_u64(call1(&w, "near", DEEP), 7);
    expect_ok(&w);
    expect_u64(call1(&w, "near", DEEP + 1), 21);
    expect_ok(&w);
    mote_artifact_unref(near);
    mote_artifact_unref(far);
    world_end(&w);
}

TEST(direct_and_by_reference_across_instances)
{
    need_compiler();
    guest b = {0}, a = {0};
    uint8_t ref_type = (uint8_t)guest_type(&b, "i:i");
    GUEST_ADD(&b, globals, nglobals, BYTES(0x63, ref_type, 1, 0xd0, ref_type, w_end));
    guest_export(&b, "back", 3, 0);
    guest_func(&b, "through", "i:i", BYTES(N_MINUS_1, w_global_get, 0, W_RETURN_CALL_REF, ref_type, w_end));
    ref_type = (uint8_t)guest_type(&a, "i:i");
    guest_import(&a, "b", "back", BYTES(3, 0x63, ref_type, 1));
    guest_import(&a, "b", "through", BYTES(0, ref_type));
    a.nimported = 1;
    guest_func(&a, "down", "i:i", BYTES(w_local_get, 0, w_i32_const, 0, w_i32_le_s, w_if, T_EMPTY, w_i32_const, 42, w_return, w_end,
                                        w_local_get, 0, W_RETURN_CALL, 0, w_end));
    guest_func(&a, "go", "i:i", BYTES(0xd2, 1, w_global_set, 0, w_local_get, 0, W_RETURN_CALL, 1, w_end));
    world w = world_of(&b);
    mote_artifact *artifact = compiled(&a);
    require(mote_linker_instance(w.linker, "b", 1, w.instance, &w.err) == MOTE_OK);
    require(mote_linker_instantiate(w.linker, w.store, artifact, &w.instance, &w.err) == MOTE_OK);
    expect_u64(call1(&w, "go", 10), 42);
    expect_u64(call1(&w, "go", DEEP), 42);
    expect_ok(&w);
    mote_artifact_unref(artifact);
    world_end(&w);
}

static mote_status host_sum(mote_caller *caller, void *data, mote_raw *v)
{
    (void)caller, (void)data;
    for (int i = 1; i < 10; i++) v[0].i32 += v[i].i32;
    return MOTE_OK;
}

TEST(a_tail_call_to_the_host_returns_to_the_guest_s_caller)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "sum", "iiiiiiiiii:i");
    guest_func(&g, "tail", "i:i", BYTES(w_local_get, 0, w_i32_const, 1, w_i32_const, 2, w_i32_const, 3, w_i32_const, 4, w_i32_const, 5,
                                        w_i32_const, 6, w_i32_const, 7, w_i32_const, 8, w_i32_const, 9, W_RETURN_CALL, 0, w_end));
    guest_func(&g, "f", "i:i", BYTES(w_local_get, 0, w_call, 1, w_i32_const, 1, w_i32_add, w_end));
    world w = world_before(compiled(&g));
    world_func(&w, "sum", "iiiiiiiiii:i", host_sum, NULL);
    require(world_go(&w) == MOTE_OK);
    expect_u64(call1(&w, "f", 100), 146);
    world_end(&w);
}

/* 1000 results of a function that is tail-called by one with few arguments. */
TEST(a_thousand_results_come_back_through_a_tail_call)
{
    need_compiler();
    static const uint32_t counts[] = {0, 1, 4, 5, 17, 1000};
    for (size_t k = 0; k < MO_COUNT(counts); k++) {
        uint32_t n = counts[k];
        wasm type = {.len = 0}, body = {.len = 0}, types = {.len = 0}, code = {.len = 0}, w = wasm_start();
        wasm_put(&type, "\x60\1\x7f", 3);
        wasm_u32(&type, n);
        for (uint32_t i = 0; i < n; i++) wasm_put(&type, "\x7e", 1);
        wasm_put(&types, "\1", 1);
        wasm_put(&types, type.at, type.len);
        wasm_section(&w, TYPES, (mo_span){types.at, types.len});
        wasm_section(&w, FUNCTIONS, BYTES(2, 0, 0));
        wasm_section(&w, EXPORTS, BYTES(1, 1, 'f', 0, 0));
        wasm_put(&body, "\0", 1);
        for (uint32_t i = 0; i < n; i++)
            wasm_put(&body, ((uint8_t[]){w_local_get, 0, w_i64_extend_i32_u, w_i64_const, (uint8_t)(i % 64), w_i64_add}), 6);
        wasm_put(&body, ((uint8_t[]){w_end}), 1);
        wasm_put(&code, "\2\6\0\x20\0\x12\1\x0b", 8);
        wasm_u32(&code, (uint32_t)body.len);
        wasm_put(&code, body.at, body.len);
        wasm_section(&w, CODE, (mo_span){code.at, code.len});
        world v = world_before(compiled_bytes(w.at, w.len));
        require(world_go(&v) == MOTE_OK);
        static mote_raw values[1000];
        values[0].i32 = 5000;
        expect(mote_func_call_raw(mote_instance_func(v.instance, "f"), values, &v.err) == MOTE_OK);
        for (uint32_t i = 0; i < n; i++) expect_u64(values[i].u64, 5000 + i % 64);
        world_end(&v);
    }
}
