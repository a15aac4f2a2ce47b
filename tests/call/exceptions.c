/* Exceptions: thrown by guests and hosts, caught by guests and hosts, over frames that
 * know nothing of them; ten million in constant memory. */
#include "call/guest.h"

#include <sys/resource.h>

enum { W_TRY_TABLE = 0x1f, W_THROW = 0x08, W_THROW_REF = 0x0a, CATCH = 0, CATCH_REF = 1, CATCH_ALL = 2 };
#define T_EXNREF 0x69

/* tag 0: [i32]; type 0 is its type. */
static void with_tag(guest *g)
{
    guest_type(g, "i:");
    GUEST_ADD(g, tags, ntags, BYTES(0, 0));
    guest_export(g, "tag", 4, 0);
}

/* f(x): throws x if it is odd, through g, which knows nothing of it; catches. */
TEST(a_throw_is_caught_over_frames_between)
{
    need_compiler();
    guest g = {0};
    with_tag(&g);
    guest_func(&g, NULL, "i:i", BYTES(w_local_get, 0, w_i32_const, 1, w_i32_and, w_if, T_EMPTY, w_local_get, 0, W_THROW, 0,
                                      w_end, w_local_get, 0, w_end));
    guest_func(&g, "between", "i:i", BYTES(w_local_get, 0, w_call, 0, w_i32_const, 0xe4, 0, w_i32_add, w_end));
    guest_func(&g, "f", "i:i", BYTES(w_block, T_I32, W_TRY_TABLE, T_I32, 1, CATCH, 0, 0, w_local_get, 0, w_call, 1, w_end,
                                     w_return, w_end, w_i32_const, 50, w_i32_add, w_end));
    world w = world_of(&g);
    expect_u64(call1(&w, "f", 4), 104);
    expect_u64(call1(&w, "f", 5), 55);
    expect_ok(&w);
    call1(&w, "between", 7);
    expect_u64(w.status, MOTE_EXCEPTION);
    const mote_exception *exn = mote_store_exception(w.store);
    mote_raw value;
    require(exn != NULL);
    expect(mote_exception_is(exn, mote_instance_tag(w.instance, "tag")));
    expect_u64(mote_exception_nvalues(exn), 1);
    expect(mote_exception_value(exn, 0, &value) && value.i32 == 7);
    expect(!mote_exception_value(exn, 1, &value));
    expect_u64(call1(&w, "f", 6), 106);
    expect(mote_store_exception(w.store) == NULL);
    world_end(&w);
}

/* --- hosts between ----------------------------------------------------------- */

typedef struct hosts {
    world w;
    mote_tag *other; /* one that no guest catches */
} hosts;

static mote_status pass_on(mote_caller *caller, void *data, mote_raw *v)
{
    hosts *h = data;
    mote_error err;
    (void)caller;
    return mote_func_call_raw(mote_instance_func(h->w.instance, "thrower"), v, &err);
}

static mote_status throw_it(mote_caller *caller, void *data, mote_raw *v)
{
    hosts *h = data;
    mote_raw value = {.i32 = v[0].i32 + 1};
    if (v[0].i32 == 0) return MOTE_OK;
    return mote_caller_throw(caller, v[0].i32 == 99 ? h->other : mote_instance_tag(h->w.instance, "tag"), &value);
}

static mote_status swallow(mote_caller *caller, void *data, mote_raw *v)
{
    hosts *h = data;
    mote_error err;
    (void)caller;
    mote_status status = mote_func_call_raw(mote_instance_func(h->w.instance, "thrower"), v, &err);
    v[0].i32 = status == MOTE_EXCEPTION ? -7 : v[0].i32;
    return MOTE_OK;
}

TEST(exceptions_cross_host_functions_both_ways)
{
    need_compiler();
    guest g = {0};
    uint32_t pass = guest_import_func(&g, "pass", "i:i"), throws = guest_import_func(&g, "throw", "i:i");
    uint32_t swallows = guest_import_func(&g, "swallow", "i:i");
    uint8_t tag_type = (uint8_t)guest_type(&g, "i:");
    GUEST_ADD(&g, tags, ntags, BYTES(0, tag_type));
    guest_export(&g, "tag", 4, 0);
    const char *names[] = {"catch_pass", "catch_throw", "catch_swallow"};
    const uint32_t funcs[] = {pass, throws, swallows};
    guest_func(&g, "thrower", "i:i", BYTES(w_local_get, 0, W_THROW, 0, w_end));
    for (int i = 0; i < 3; i++)
        guest_func(&g, names[i], "i:i", BYTES(w_block, T_I32, W_TRY_TABLE, T_I32, 1, CATCH, 0, 0, w_local_get, 0, w_call,
                                              (uint8_t)funcs[i], w_end, w_return, w_end, w_i32_const, 50, w_i32_add, w_end));
    guest_func(&g, "bare_throw", "i:i", BYTES(w_local_get, 0, w_call, (uint8_t)throws, w_end));
    hosts h = {.w = world_before(compiled(&g))};
    mote_valtype f64 = MOTE_F64;
    require(mote_tag_new(h.w.store, &f64, 1, &h.other, &h.w.err) == MOTE_OK);
    world_func(&h.w, "pass", "i:i", pass_on, &h);
    world_func(&h.w, "throw", "i:i", throw_it, &h);
    world_func(&h.w, "swallow", "i:i", swallow, &h);
    require(world_go(&h.w) == MOTE_OK);
    for (int i = 0; i < 100; i++) {
        expect_u64(call1(&h.w, "catch_pass", 5), 55);
        expect_u64(call1(&h.w, "catch_throw", 5), 56);
        expect_u64(call1(&h.w, "catch_throw", 0), 0);
        expect_u64((uint32_t)call1(&h.w, "catch_swallow", 5), (uint32_t)-7);
        call1(&h.w, "catch_throw", 99);
        expect_u64(h.w.status, MOTE_EXCEPTION);
        expect(mote_exception_is(mote_store_exception(h.w.store), h.other));
        call1(&h.w, "bare_throw", 3);
        expect_u64(h.w.status, MOTE_EXCEPTION);
        expect(mote_exception_is(mote_store_exception(h.w.store), mote_instance_tag(h.w.instance, "tag")));
    }
    world_end(&h.w);
}

/* --- many ---------------------------------------------------------------------- */

static long resident_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

#define COUNT_DOWN w_local_get, 0, w_i32_const, 1, w_i32_sub, w_local_tee, 0, w_br_if, 0

/* 0: the thrower; 1 "catch": catches n; 2 "again": catch_ref, throw_ref, catch, n times. */
static void with_loops(guest *g)
{
    with_tag(g);
    uint8_t both = (uint8_t)g->ntypes++;
    wasm_put(&g->types, ((uint8_t[]){0x60, 0, 2, T_I32, T_EXNREF}), 5);
    guest_func(g, NULL, "i:", BYTES(w_local_get, 0, W_THROW, 0, w_end));
    guest_func(g, "catch", "i:i:i", BYTES(
        w_loop, T_EMPTY,
          w_block, T_I32, W_TRY_TABLE, T_EMPTY, 1, CATCH, 0, 0, w_local_get, 0, w_call, 0, w_end, w_unreachable, w_end,
          w_local_get, 1, w_i32_add, w_local_set, 1, COUNT_DOWN,
        w_end, w_local_get, 1, w_end));
    guest_func(g, "again", "i:i:i", BYTES(
        w_loop, T_EMPTY,
          w_block, T_I32, W_TRY_TABLE, T_EMPTY, 1, CATCH, 0, 0,
            w_block, both, W_TRY_TABLE, T_EMPTY, 1, CATCH_REF, 0, 0, w_local_get, 0, w_call, 0, w_end, w_unreachable, w_end,
            W_THROW_REF,
          w_end, w_unreachable, w_end,
          w_local_get, 1, w_i32_add, w_local_set, 1, COUNT_DOWN,
        w_end, w_local_get, 1, w_end));
}

TEST(ten_million_throws_run_in_constant_memory)
{
    need_compiler();
    guest g = {0};
    with_loops(&g);
    world w = world_of(&g);
    const char *names[] = {"catch", "again"};
    for (int i = 0; i < 2; i++) {
        int32_t n = 10000000;
        expect_u64(call1(&w, names[i], 1000), 500500);
        long before = resident_kib();
        expect_u64((uint32_t)call1(&w, names[i], n), (uint32_t)((int64_t)n * (n + 1) / 2));
        expect_ok(&w);
        expect(resident_kib() - before < 2048);
    }
    world_end(&w);
}

/* Those that a table, a global or an exception holds live; the rest go. */
TEST(what_is_held_lives_through_collections)
{
    need_compiler();
    guest g = {0};
    with_tag(&g);
    uint8_t ref_type = (uint8_t)g.ntypes++;
    wasm_put(&g.types, ((uint8_t[]){0x60, 0, 1, T_EXNREF}), 4);
    uint8_t nest_type = (uint8_t)g.ntypes++;
    wasm_put(&g.types, ((uint8_t[]){0x60, 1, T_EXNREF, 0}), 4);
    GUEST_ADD(&g, tags, ntags, BYTES(0, nest_type)); /* tag 1: [exnref] */
    GUEST_ADD(&g, tables, ntables, BYTES(T_EXNREF, 0, 100));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_EXNREF, 1, 0xd0, T_EXNREF, w_end));
    uint8_t both = (uint8_t)g.ntypes++;
    wasm_put(&g.types, ((uint8_t[]){0x60, 0, 2, T_I32, T_EXNREF}), 5);
    uint8_t two_refs = (uint8_t)g.ntypes++;
    wasm_put(&g.types, ((uint8_t[]){0x60, 0, 2, T_EXNREF, T_EXNREF}), 5);
    /* 0: an exnref of x */
    wasm make = {.len = 0};
    wasm_put(&make, (uint8_t[]){w_block, both, W_TRY_TABLE, T_EMPTY, 1, CATCH_REF, 0, 0, w_local_get, 0, W_THROW, 0, w_end,
                                w_unreachable, w_end, w_local_set, 1, w_drop, w_local_get, 1, w_end}, 21);
    uint32_t make_type = g.ntypes++;
    wasm_put(&g.types, ((uint8_t[]){0x60, 1, T_I32, 1, T_EXNREF}), 5);
    wasm_u32(&g.functions, make_type);
    wasm_u32(&g.code, (uint32_t)(make.len + 3));
    wasm_put(&g.code, ((uint8_t[]){1, 1, T_EXNREF}), 3);
    wasm_put(&g.code, make.at, make.len);
    g.nfunctions++;
    guest_func(&g, "keep", "ii:", BYTES(w_local_get, 0, w_local_get, 1, w_call, 0, w_table_set, 0, w_end));
    /* global = exception of tag 1 that holds an exception of x */
    guest_func(&g, "nest", "i:", BYTES(w_block, two_refs, W_TRY_TABLE, T_EMPTY, 1, CATCH_REF, 1, 0, w_local_get, 0, w_call, 0,
                                       W_THROW, 1, w_end, w_unreachable, w_end, w_global_set, 0, w_drop, w_end));
    guest_func(&g, "churn", "i:i", BYTES(w_loop, T_EMPTY, w_local_get, 0, w_call, 0, w_drop, COUNT_DOWN, w_end, w_i32_const, 1, w_end));
    guest_func(&g, "look", "i:i", BYTES(w_block, T_I32, W_TRY_TABLE, T_EMPTY, 1, CATCH, 0, 0, w_local_get, 0, w_table_get, 0,
                                        W_THROW_REF, w_end, w_unreachable, w_end, w_end));
    guest_func(&g, "unnest", ":i", BYTES(w_block, T_I32, W_TRY_TABLE, T_EMPTY, 1, CATCH, 0, 0,
                                           w_block, T_EXNREF, W_TRY_TABLE, T_EMPTY, 1, CATCH, 1, 0, w_global_get, 0, W_THROW_REF, w_end,
                                           w_unreachable, w_end, W_THROW_REF, w_end, w_unreachable, w_end, w_end));
    (void)ref_type;
    world w = world_of(&g);
    for (int i = 0; i < 100; i++) call2(&w, "keep", i, 1000 + i), expect_ok(&w);
    call1(&w, "nest", 77);
    expect_ok(&w);
    for (int round = 0; round < 5; round++) {
        expect_u64(call1(&w, "churn", 50000), 1);
        expect_ok(&w);
        for (int i = 0; i < 100; i++) expect_u64(call1(&w, "look", i), 1000 + i);
        expect_u64(call0(&w, "unnest"), 77);
    }
    world_end(&w);
}

TEST(no_room_for_exceptions_is_a_trap)
{
    need_compiler();
    guest g = {0};
    with_loops(&g);
    mote_artifact *a = compiled(&g);
    mote_limits limits = mote_limits_default();
    limits.exception_bytes = 1000;
    mote_error err;
    mote_store *store;
    mote_instance *instance;
    require(mote_store_new(engine, &limits, NULL, &store, &err) == MOTE_OK);
    require(mote_instance_new(store, a, NULL, 0, &instance, &err) == MOTE_OK);
    mote_raw v = {.i32 = 5};
    expect(mote_func_call_raw(mote_instance_func(instance, "catch"), &v, &err) == MOTE_TRAP);
    expect_u64(err.trap, MOTE_TRAP_MEMORY_LIMIT);
    mote_store_free(store);
    mote_artifact_unref(a);
}
