/* Calls both ways: values arrive where they should, whatever their number and type. */
#include "call/guest.h"

#include <fenv.h>
#include <xmmintrin.h>

TEST(add_by_every_kind_of_call)
{
    need_compiler();
    guest g = {0};
    guest_func(&g, "add", "ii:i", BYTES(w_local_get, 0, w_local_get, 1, w_i32_add, w_end));
    world w = world_of(&g);
    mote_func *add = mote_instance_func(w.instance, "add");
    mote_value args[] = {mote_i32(3), mote_i32(-5)}, result;
    expect(mote_func_call(add, args, 2, &result, 1, &w.err) == MOTE_OK);
    expect(result.type == MOTE_I32 && result.of.i32 == -2);
    mote_raw values[] = {{.i32 = 40}, {.i32 = 2}};
    expect(mote_func_call_raw(add, values, &w.err) == MOTE_OK && values[0].i32 == 42);
    mote_prepared prepared;
    mote_functype type = functype("ii:i");
    require(mote_func_prepare(add, &type, &prepared, &w.err) == MOTE_OK);
    for (int i = 0; i < 3; i++) {
        values[0].i32 = i, values[1].i32 = 7;
        expect(mote_prepared_call(&prepared, values, &w.err) == MOTE_OK && values[0].i32 == i + 7);
    }
    world_end(&w);
}

TEST(wrong_arguments_are_refused_in_words)
{
    need_compiler();
    guest g = {0};
    guest_func(&g, "add", "ii:i", BYTES(w_local_get, 0, w_local_get, 1, w_i32_add, w_end));
    world w = world_of(&g);
    mote_func *add = mote_instance_func(w.instance, "add");
    mote_value args[] = {mote_i32(3), mote_i64(1)}, result;
    mote_prepared prepared;
    expect(mote_func_call(add, args, 2, &result, 1, &w.err) == MOTE_MISUSE);
    expect_text(w.err.message, "argument 1: want i32, have i64");
    expect(mote_func_call(add, args, 1, &result, 1, &w.err) == MOTE_MISUSE);
    expect_text(w.err.message, "call: want 2 arguments and 1 results, have 1 and 1");
    mote_functype type = functype("i:i");
    expect(mote_func_prepare(add, &type, &prepared, &w.err) == MOTE_MISUSE);
    expect_text(w.err.message, "prepare: want func (i32) -> (i32), have func (i32 i32) -> (i32)");
    world_end(&w);
}

/* Every prepared shape: 0 to 6 integer parameters, 0 to 4 results, and beyond. */
TEST(integers_in_and_out_in_every_number)
{
    need_compiler();
    guest g = {0};
    char names[64][8];
    uint32_t n = 0;
    for (uint8_t in = 0; in <= 7; in++)
        for (uint8_t out = 0; out <= in && out <= 5; out++) {
            char signature[32];
            wasm body = {.len = 0};
            snprintf(signature, sizeof signature, "%.*s:%.*s", in, "lllllll", out, "lllllll");
            for (uint8_t i = 0; i < out; i++) /* the last ones, backwards */
                wasm_put(&body, ((uint8_t[]){w_local_get, (uint8_t)(in - 1 - i)}), 2);
            wasm_put(&body, ((uint8_t[]){w_end}), 1);
            snprintf(names[n], sizeof names[n], "f%d_%d", in, out);
            guest_func(&g, names[n++], signature, (mo_span){body.at, body.len});
        }
    world w = world_of(&g);
    n = 0;
    for (uint8_t in = 0; in <= 7; in++)
        for (uint8_t out = 0; out <= in && out <= 5; out++) {
            mote_func *f = mote_instance_func(w.instance, names[n++]);
            mote_functype type = mote_func_type(f);
            mote_prepared prepared;
            expect(mote_func_prepare(f, &type, &prepared, &w.err) == MOTE_OK);
            for (int twice = 0; twice < 2; twice++) {
                mote_raw values[8];
                for (uint64_t i = 0; i < 8; i++) values[i].u64 = (i + 1) << 40;
                expect(mote_prepared_call(&prepared, values, &w.err) == MOTE_OK);
                for (uint64_t i = 0; i < out; i++) expect_u64(values[i].u64, (uint64_t)(in - i) << 40);
            }
        }
    world_end(&w);
}

#define MANY "ifdlviiiiiiiiiddddddddddllffvv"

/* Thirty values of every type through a guest and a host function, reversed twice. */
static mote_status reverse(mote_caller *caller, void *data, mote_raw *values)
{
    size_t n = strlen(MANY);
    (void)caller, (void)data;
    for (size_t i = 0; i < n / 2; i++) {
        mote_raw v = values[i];
        values[i] = values[n - 1 - i];
        values[n - 1 - i] = v;
    }
    return MOTE_OK;
}

static mote_status reverse_values(mote_caller *caller, void *data, const mote_value *args, mote_value *results)
{
    size_t n = strlen(MANY);
    (void)caller, (void)data;
    for (size_t i = 0; i < n; i++) results[i].of = args[n - 1 - i].of;
    return MOTE_OK;
}

static void pass_many(bool raw)
{
    guest g = {0};
    char backwards[64] = "", in_out[128];
    size_t n = strlen(MANY);
    for (size_t i = 0; i < n; i++) backwards[i] = MANY[n - 1 - i];
    snprintf(in_out, sizeof in_out, "%s:%s", MANY, backwards);
    guest_import_func(&g, "reverse", in_out);
    wasm body = {.len = 0};
    for (uint8_t i = 0; i < n; i++) wasm_put(&body, ((uint8_t[]){w_local_get, i}), 2);
    wasm_put(&body, ((uint8_t[]){w_call, 0, w_end}), 3);
    guest_func(&g, "f", in_out, (mo_span){body.at, body.len});
    world w = world_before(compiled(&g));
    if (raw) {
        world_func(&w, "reverse", in_out, reverse, NULL);
    } else {
        mote_functype type = functype(in_out);
        expect(mote_linker_func(w.linker, "env", "reverse", &type, reverse_values, NULL, &w.err) == MOTE_OK);
    }
    require(world_go(&w) == MOTE_OK);
    mote_value args[64], results[64];
    mote_functype type = mote_func_type(mote_instance_func(w.instance, "f"));
    for (size_t i = 0; i < n; i++) {
        memset(&args[i].of, 0, sizeof args[i].of);
        args[i].type = type.params[i];
        memset(&args[i].of, (int)i + 1, type.params[i] == MOTE_I32 || type.params[i] == MOTE_F32 ? 4 : type.params[i] == MOTE_V128 ? 16 : 8);
    }
    expect(mote_func_call(mote_instance_func(w.instance, "f"), args, n, results, n, &w.err) == MOTE_OK);
    for (size_t i = 0; i < n; i++) expect(memcmp(&results[i].of, &args[n - 1 - i].of, 16) == 0);
    world_end(&w);
}

TEST(thirty_values_of_all_types_both_ways)
{
    need_compiler();
    pass_many(true);
    pass_many(false);
}

/* --- host functions ------------------------------------------------------ */

static mote_status sum6(mote_caller *caller, void *data, mote_raw *v)
{
    (void)caller;
    v[0].i32 = v[0].i32 + 2 * v[1].i32 + 3 * v[2].i32 + 4 * v[3].i32 + 5 * v[4].i32 + 6 * v[5].i32 + *(int *)data;
    return MOTE_OK;
}

static mote_status split(mote_caller *caller, void *data, mote_raw *v)
{
    (void)caller, (void)data;
    uint64_t all = v[0].u64;
    for (int i = 0; i < 4; i++) v[i].u64 = all >> 16 * i & 0xffff;
    return MOTE_OK;
}

TEST(a_host_function_gets_its_arguments_and_data)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "sum6", "iiiiii:i");
    guest_import_func(&g, "split", "l:llll");
    guest_func(&g, "f", "i:i", BYTES(w_i32_const, 1, w_i32_const, 2, w_i32_const, 3, w_i32_const, 4, w_i32_const, 5,
                                     w_local_get, 0, w_call, 0, w_end));
    guest_func(&g, "s", "l:llll", BYTES(w_local_get, 0, w_call, 1, w_end));
    world w = world_before(compiled(&g));
    int data = 1000;
    world_func(&w, "sum6", "iiiiii:i", sum6, &data);
    world_func(&w, "split", "l:llll", split, NULL);
    require(world_go(&w) == MOTE_OK);
    expect_u64(call1(&w, "f", 10), 1000 + 1 + 4 + 9 + 16 + 25 + 60);
    mote_raw v[4] = {{.u64 = 0x0004000300020001}};
    expect(mote_func_call_raw(mote_instance_func(w.instance, "s"), v, &w.err) == MOTE_OK);
    for (uint64_t i = 0; i < 4; i++) expect_u64(v[i].u64, i + 1);
    world_end(&w);
}

/* The sum of all arguments, each times its place; i32 and i64 in turns. */
static mote_status weigh(mote_caller *caller, void *data, mote_raw *v)
{
    int n = *(int *)data;
    uint64_t sum = 0;
    (void)caller;
    for (int i = 0; i < n; i++) sum += (uint64_t)(i + 1) * (i % 2 ? v[i].u64 : v[i].u32);
    v[0].u64 = sum;
    return MOTE_OK;
}

/* Six arguments come in registers; some more, and then all others, by other ways. */
TEST(a_host_function_may_have_any_number_of_integers)
{
    need_compiler();
    enum { MOST = 12 };
    guest g = {0};
    char name[8], signature[32];
    int counts[MOST + 1];
    for (int n = 0; n <= MOST; n++) {
        snprintf(name, sizeof name, "h%d", n);
        snprintf(signature, sizeof signature, "%.*s:%s", n, "ilililililil", n % 3 ? "l" : "i");
        guest_import_func(&g, name, signature);
    }
    for (int n = 0; n <= MOST; n++) {
        wasm body = {.len = 0};
        snprintf(name, sizeof name, "f%d", n);
        snprintf(signature, sizeof signature, "%.*s:%s", n, "ilililililil", n % 3 ? "l" : "i");
        for (int i = 0; i < n; i++) wasm_put(&body, ((uint8_t[]){w_local_get, (uint8_t)i}), 2);
        wasm_put(&body, ((uint8_t[]){w_call, (uint8_t)n, w_end}), 3);
        guest_func(&g, name, signature, (mo_span){body.at, body.len});
    }
    world w = world_before(compiled(&g));
    for (int n = 0; n <= MOST; n++) {
        counts[n] = n;
        snprintf(name, sizeof name, "h%d", n);
        snprintf(signature, sizeof signature, "%.*s:%s", n, "ilililililil", n % 3 ? "l" : "i");
        world_func(&w, name, signature, weigh, &counts[n]);
    }
    require(world_go(&w) == MOTE_OK);
    for (int n = 0; n <= MOST; n++) {
        mote_raw v[MOST] = {{.u64 = 0}};
        uint64_t sum = 0;
        for (int i = 0; i < n; i++) {
            v[i].u64 = i % 2 ? UINT64_C(0xabcdef0123456789) + (uint64_t)i : 0xfedcba98u - (unsigned)i;
            sum += (uint64_t)(i + 1) * v[i].u64;
        }
        snprintf(name, sizeof name, "f%d", n);
        expect(mote_func_call_raw(mote_instance_func(w.instance, name), v, &w.err) == MOTE_OK);
        if (n % 3)
            expect_u64(v[0].u64, sum);
        else
            expect_u64(v[0].u32, (uint32_t)sum);
    }
    world_end(&w);
}

static mote_status see_caller(mote_caller *caller, void *data, mote_raw *v)
{
    world *w = data;
    expect(mote_caller_store(caller) == w->store);
    expect(mote_caller_data(caller) == w);
    mote_memory *memory = mote_caller_memory(caller, "memory");
    v[0].i32 = memory ? mote_memory_data(memory)[v[0].i32] : -1;
    return MOTE_OK;
}

TEST(a_host_function_knows_its_caller)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "see", "i:i");
    guest_memory(&g, BYTES(0, 1));
    guest_func(&g, "f", "i:i", BYTES(w_local_get, 0, w_call, 0, w_end));
    GUEST_ADD(&g, datas, ndatas, BYTES(0, w_i32_const, 8, w_end, 2, 77, 78));
    world w = world_before(compiled(&g));
    mote_store_set_data(w.store, &w);
    world_func(&w, "see", "i:i", see_caller, &w);
    require(world_go(&w) == MOTE_OK);
    expect_u64(call1(&w, "f", 9), 78);
    mote_func *direct;
    mote_functype type = functype("i:i");
    expect(mote_func_new_raw(w.store, &type, see_caller, &w, NULL, &direct, &w.err) == MOTE_OK);
    mote_raw v = {.i32 = 9};
    expect(mote_func_call_raw(direct, &v, &w.err) == MOTE_OK && v.i32 == -1);
    world_end(&w);
}

static mote_status again(mote_caller *caller, void *data, mote_raw *v)
{
    world *w = data;
    mote_error err;
    mote_raw arg = {.i32 = v[0].i32 - 1};
    if (v[0].i32 == 0) return MOTE_OK;
    (void)caller;
    mote_status status = mote_func_call_raw(mote_instance_func(w->instance, "f"), &arg, &err);
    v[0].i32 = arg.i32 + 1;
    return status;
}

/* Guest, host, guest, host: to any depth, and too deep is a trap that leaves a store
 * as good as before. */
TEST(host_functions_call_guests_again)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "again", "i:i");
    guest_func(&g, "f", "i:i", BYTES(w_local_get, 0, w_call, 0, w_end));
    world w = world_before(compiled(&g));
    world_func(&w, "again", "i:i", again, &w);
    require(world_go(&w) == MOTE_OK);
    expect_u64(call1(&w, "f", 100), 100);
    call1(&w, "f", 10000000);
    expect_trap(&w, STACK_OVERFLOW);
    expect_u64(call1(&w, "f", 50), 50);
    world_end(&w);
}

/* Store a's guest calls the host, which calls store b's guest, whose host calls a. */
typedef struct pair { world a, b; } pair;

static mote_status to_other(mote_caller *caller, void *data, mote_raw *v)
{
    pair *p = data;
    mote_error err;
    mote_raw arg = {.i32 = v[0].i32 - 1};
    if (v[0].i32 == 0) return MOTE_OK;
    world *other = mote_caller_store(caller) == p->a.store ? &p->b : &p->a;
    mote_status status = mote_func_call_raw(mote_instance_func(other->instance, "f"), &arg, &err);
    v[0].i32 = arg.i32 + 1;
    return status;
}

TEST(two_stores_call_each_other_on_one_thread)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "other", "i:i");
    guest_func(&g, "f", "i:i", BYTES(w_local_get, 0, w_call, 0, w_end));
    pair p = {world_before(compiled(&g)), world_before(compiled(&g))};
    world_func(&p.a, "other", "i:i", to_other, &p);
    world_func(&p.b, "other", "i:i", to_other, &p);
    require(world_go(&p.a) == MOTE_OK && world_go(&p.b) == MOTE_OK);
    expect_u64(call1(&p.a, "f", 9), 9);
    expect_u64(call1(&p.b, "f", 10), 10);
    expect_u64(call1(&p.a, "f", 60), 60);
    world_end(&p.a);
    world_end(&p.b);
}

/* --- floating-point modes ------------------------------------------------- */

/* 1 + 2^-60 by the guest, and a denormal doubled. */
static void check_modes(world *w, mote_prepared *f)
{
    mote_raw v[2] = {{.i64 = 1}};
    expect(mote_prepared_call(f, v, &w->err) == MOTE_OK);
    expect_u64(v[0].u64, 0x3ff0000000000000);
    double sum, denormal;
    mote_raw d[2] = {{.f64 = 1.0}, {.f64 = 0x1p-60}};
    expect(mote_func_call_raw(mote_instance_func(w->instance, "add"), d, &w->err) == MOTE_OK);
    sum = d[0].f64;
    expect(sum == 1.0);
    d[0].f64 = d[1].f64 = 0x1p-1070;
    expect(mote_func_call_raw(mote_instance_func(w->instance, "add"), d, &w->err) == MOTE_OK);
    denormal = d[0].f64;
    expect_u64(d[0].u64 != 0 && denormal == denormal, 1);
}

TEST(the_host_s_rounding_does_not_reach_the_guest_and_comes_back)
{
    need_compiler();
    guest g = {0};
    guest_func(&g, "add", "dd:d", BYTES(w_local_get, 0, w_local_get, 1, w_f64_add, w_end));
    /* 1.0 + 2^-60, from an integer so that it is computed; the prepared, fast form */
    guest_func(&g, "bits", "l:l", BYTES(w_local_get, 0, w_f64_convert_i64_s, w_f64_const, 0, 0, 0, 0, 0, 0, 0x30, 0x3c,
                                        w_f64_add, w_i64_reinterpret_f64, w_end));
    world w = world_of(&g);
    mote_prepared f;
    mote_functype type = functype("l:l");
    require(mote_func_prepare(mote_instance_func(w.instance, "bits"), &type, &f, &w.err) == MOTE_OK);
    check_modes(&w, &f);
    static const unsigned modes[] = {0x2000, 0x4000, 0x6000, 0x8000, 0x0040, 0x8040}; /* rounding, flush, denormals */
    unsigned normal = _mm_getcsr();
    for (size_t i = 0; i < MO_COUNT(modes); i++) {
        _mm_setcsr(normal | modes[i]);
        mote_raw v[2] = {{.i64 = 1}};
        mote_status status = mote_prepared_call(&f, v, &w.err);
        unsigned after = _mm_getcsr();
        _mm_setcsr(normal);
        expect(status == MOTE_OK && v[0].u64 == 0x3ff0000000000000);
        expect_u64(after & 0xffc0, (normal | modes[i]) & 0xffc0);
        _mm_setcsr(normal | modes[i]);
        mote_raw d[2] = {{.f64 = 1.0}, {.f64 = 0x1p-60}};
        status = mote_func_call_raw(mote_instance_func(w.instance, "add"), d, &w.err);
        after = _mm_getcsr();
        _mm_setcsr(normal);
        expect(status == MOTE_OK && d[0].f64 == 1.0);
        expect_u64(after & 0xffc0, (normal | modes[i]) & 0xffc0);
    }
    check_modes(&w, &f);
    world_end(&w);
}

TEST(an_exception_that_the_host_unmasked_does_not_reach_the_guest)
{
    need_compiler();
    guest g = {0};
    guest_func(&g, "third", "l:l", BYTES(w_f64_const, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, w_local_get, 0, w_f64_convert_i64_s,
                                         w_f64_div, w_i64_reinterpret_f64, w_end));
    world w = world_of(&g);
    mote_prepared f;
    mote_functype type = functype("l:l");
    require(mote_func_prepare(mote_instance_func(w.instance, "third"), &type, &f, &w.err) == MOTE_OK);
    mote_raw v[1] = {{.i64 = 4}};
    expect(mote_prepared_call(&f, v, &w.err) == MOTE_OK);
    unsigned normal = _mm_getcsr();
    static const unsigned unmasked[] = {0x0200, 0x1000, 0x1f80}; /* division by zero, inexact, all */
    for (size_t i = 0; i < MO_COUNT(unmasked); i++)
        for (int64_t by = 0; by <= 3; by += 3) {
            _mm_setcsr(normal & ~unmasked[i] & ~0x3fu);
            v[0].i64 = by;
            mote_status status = mote_prepared_call(&f, v, &w.err);
            unsigned after = _mm_getcsr();
            _mm_setcsr(normal);
            expect(status == MOTE_OK && v[0].f64 == (by ? 1.0 / 3 : 1.0 / 0.0));
            expect_u64(after & 0xffc0, normal & ~unmasked[i] & 0xffc0);
        }
    world_end(&w);
}
