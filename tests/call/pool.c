/* Pools: whatever a run did, the next loan finds a new instance, byte for byte, by each
 * way of resetting; limits hold and misuse is told. */
#include "call/guest.h"
#include "instance/reset.h"
#include "mote/engine.h"
#include "mote/pool.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

/* Two memories' worth of everything that a run can change. */
static guest everything(void)
{
    guest g = {0};
    guest_memory(&g, BYTES(0, 3));
    GUEST_ADD(&g, memories, nmemories, BYTES(1, 1, 4));
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, 4));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_I32, 1, w_i32_const, 42, w_end));
    uint32_t seven = guest_func(&g, NULL, ":i", BYTES(w_i32_const, 7, w_end));
    guest_func(&g, "poke", "ii:", BYTES(w_local_get, 0, w_local_get, 1, w_i32_store, 0, 0, w_end));
    guest_func(&g, "peek", "i:i", BYTES(w_local_get, 0, w_i32_load, 0, 0, w_end));
    guest_func(&g, "poke2", "ii:", BYTES(w_local_get, 0, w_local_get, 1, w_i32_store, 0x40, 1, 0, w_end));
    guest_func(&g, "peek2", "i:i", BYTES(w_local_get, 0, w_i32_load, 0x40, 1, 0, w_end));
    guest_func(&g, "grow", "i:i", BYTES(w_local_get, 0, w_memory_grow, 0, w_end));
    guest_func(&g, "grow2", "i:i", BYTES(w_local_get, 0, w_memory_grow, 1, w_end));
    guest_func(&g, "size", ":i", BYTES(w_memory_size, 0, w_end));
    guest_func(&g, "set", "i:", BYTES(w_local_get, 0, w_global_set, 0, w_end));
    guest_func(&g, "get", ":i", BYTES(w_global_get, 0, w_end));
    guest_func(&g, "clear", "i:", BYTES(w_local_get, 0, w_ref_null, 0x70, w_table_set, 0, w_end));
    guest_func(&g, "tgrow", "i:i", BYTES(w_ref_func, 0, w_local_get, 0, 0xfc, 0x0f, 0, w_end));
    guest_func(&g, "tsize", ":i", BYTES(0xfc, 0x10, 0, w_end));
    guest_func(&g, "through", "i:i", BYTES(w_local_get, 0, w_call_indirect, 0, 0, w_end));
    guest_func(&g, "drop", ":", BYTES(0xfc, 0x09, 2, w_end));
    guest_func(&g, "init", "i:", BYTES(w_local_get, 0, w_i32_const, 0, w_i32_const, 4, 0xfc, 0x08, 2, 0, w_end));
    guest_func(&g, "spin", ":", BYTES(w_loop, 0x40, w_br, 0, w_end, w_end));
    guest_func(&g, "fail", ":", BYTES(w_unreachable, w_end));
    guest_func(&g, "deep", "i:i", BYTES(w_local_get, 0, w_call, 18, w_i32_const, 1, w_i32_add, w_end));
    GUEST_ADD(&g, elements, nelements, BYTES(0, w_i32_const, 0, w_end, 2, (uint8_t)seven, (uint8_t)seven));
    GUEST_ADD(&g, datas, ndatas, BYTES(0, w_i32_const, 0x80, 0x20, w_end, 4, 'a', 'b', 'c', 'd'));       /* at 4096 */
    GUEST_ADD(&g, datas, ndatas, BYTES(0, w_i32_const, 0x80, 0x80, 0x08, w_end, 4, 'e', 'f', 'g', 'h')); /* at 131072 */
    GUEST_ADD(&g, datas, ndatas, BYTES(1, 4, 'w', 'x', 'y', 'z'));
    return g;
}

typedef struct fixture {
    mote_artifact *artifact;
    mote_linker *linker;
    mote_pool *pool;
    mote_program *program;
    mote_instance *instance; /* the loan */
    mote_error err;
    mote_status status;
} fixture;

static fixture begin_with(guest g, const mote_pool_limits *limits)
{
    fixture f = {0};
    if (!have_compiler())
        exit(1);
    f.artifact = compiled(&g);
    if (mote_linker_new(engine, &f.linker, &f.err) || mote_pool_new(engine, limits, &f.pool, &f.err) ||
        mote_program_new(f.pool, f.artifact, f.linker, &f.program, &f.err)) {
        fprintf(stderr, "pool: %s\n", f.err.message);
        exit(1);
    }
    return f;
}

static fixture begin(uint64_t resident)
{
    mote_pool_limits limits = mote_pool_limits_default();
    limits.resident_bytes = resident;
    return begin_with(everything(), &limits);
}

static void end(fixture *f)
{
    mote_pool_free(f->pool);
    mote_linker_free(f->linker);
    mote_artifact_unref(f->artifact);
}

static void lend(fixture *f) { f->status = mote_pool_acquire(f->program, &f->instance, &f->err); }
static void take_back(fixture *f) { f->status = mote_pool_release(f->instance, &f->err); }

static int32_t run(fixture *f, const char *name, int32_t a, int32_t b)
{
    mote_raw values[2] = {{.i32 = a}, {.i32 = b}};
    mote_func *func = mote_instance_func(f->instance, name);
    if (!func) {
        test_failed(__FILE__, __LINE__, name);
        return 0;
    }
    f->status = mote_func_call_raw(func, values, &f->err);
    return values[0].i32;
}

/* Is the loan as an instance that was just made? */
static bool is_new(fixture *f)
{
    mote_store *store;
    mote_instance *fresh;
    if (mote_store_new(engine, NULL, NULL, &store, &f->err) ||
        mote_linker_instantiate(f->linker, store, f->artifact, &fresh, &f->err))
        return false;
    mote_memory *have = mote_instance_memory(f->instance, "memory"), *want = mote_instance_memory(fresh, "memory");
    bool same = mote_memory_bytes(have) == mote_memory_bytes(want) &&
                memcmp(mote_memory_data(have), mote_memory_data(want), mote_memory_bytes(want)) == 0;
    mote_store_free(store);
    return same && run(f, "get", 0, 0) == 42 && run(f, "tsize", 0, 0) == 4 && run(f, "through", 1, 0) == 7 &&
           run(f, "peek2", 65532, 0) == 0 && run(f, "peek2", 0, 0) == 0;
}

static fixture begin_way(mo_way way)
{
    mo_reset_force(way);
    return begin(way == MO_WAY_MEASURED ? 0 : 4 << 20); /* measured: nothing may be kept */
}

#define EACH_WAY(f) \
    for (mo_way way = MO_WAY_COPY; way <= MO_WAY_MEASURED; way++) \
        for (fixture f = begin_way(way); f.pool; end(&f), f.pool = NULL, mo_reset_force(MO_WAY_MEASURED))

TEST(memory_comes_back)
{
    need_compiler();
    EACH_WAY(f) {
        for (int i = 0; i < 50; i++) {
            lend(&f);
            require(f.status == MOTE_OK);
            expect(is_new(&f));
            for (int32_t at = i * 4; at < 3 * 65536; at += 4096 * (1 + i % 5)) run(&f, "poke", at, -1);
            run(&f, "poke2", 1000 * i, -1);
            run(&f, "poke2", 65532, -1);
            take_back(&f);
            require(f.status == MOTE_OK);
        }
    }
}

TEST(growth_is_undone)
{
    need_compiler();
    EACH_WAY(f) {
        for (int i = 0; i < 5; i++) {
            lend(&f);
            expect(is_new(&f));
            expect_u64(run(&f, "grow", i, 0), 3);
            for (int32_t page = 3; page < 3 + i; page++) {
                expect_u64(run(&f, "peek", page * 65536 + 8, 0), 0);
                run(&f, "poke", page * 65536 + 8, 5);
            }
            run(&f, "poke", (3 + i) * 65536, 1);
            expect_u64(f.status, MOTE_TRAP);
            expect_u64((uint64_t)run(&f, "grow2", 2, 0), 1);
            expect_u64((uint64_t)(int64_t)run(&f, "grow2", 2, 0), (uint64_t)-1); /* its maximum is 4 */
            run(&f, "poke2", 2 * 65536, 9);
            take_back(&f);
            lend(&f);
            run(&f, "peek", 3 * 65536, 0);
            expect_u64(f.status, MOTE_TRAP);
            take_back(&f);
        }
        mote_usage usage;
        expect(mote_instance_usage(f.instance, &usage, &f.err) == MOTE_OK);
        expect_u64(usage.memory_bytes, 4 * 65536); /* the last loan did not grow */
    }
}

TEST(tables_globals_and_segments_come_back)
{
    need_compiler();
    EACH_WAY(f) {
        for (int i = 0; i < 4; i++) {
            lend(&f);
            expect(is_new(&f));
            run(&f, "set", i, 0);
            run(&f, "clear", 1, 0);
            run(&f, "through", 1, 0);
            expect_u64(f.err.trap, MOTE_TRAP_CALL_NULL);
            if (i & 1) expect_u64(run(&f, "tgrow", 100, 0), 4);
            if (i & 1) expect_u64(run(&f, "through", 90, 0), 7);
            run(&f, "init", 0, 0);
            expect_u64(f.status, MOTE_OK);
            expect_u64(run(&f, "peek", 0, 0), 0x7a797877);
            run(&f, "drop", 0, 0);
            run(&f, "init", 0, 0);
            expect_u64(f.err.trap, MOTE_TRAP_MEMORY_BOUNDS);
            take_back(&f);
        }
    }
}

TEST(runs_that_end_badly_leave_nothing)
{
    need_compiler();
    mote_pool_limits limits = mote_pool_limits_default();
    limits.timeout_us = 3000;
    limits.store.stack_bytes = 1 << 17;
    fixture f = begin_with(everything(), &limits);
    static const struct { const char *name; mote_trap_code code; } ends[] = {
        {"spin", MOTE_TRAP_TIMEOUT}, {"fail", MOTE_TRAP_UNREACHABLE}, {"deep", MOTE_TRAP_STACK_OVERFLOW},
    };
    for (int i = 0; i < 12; i++) {
        lend(&f);
        expect(is_new(&f));
        run(&f, "poke", 4096, i);
        run(&f, ends[i % 3].name, 0, 0);
        expect_u64(f.status, MOTE_TRAP);
        expect_u64(f.err.trap, ends[i % 3].code);
        take_back(&f);
        expect_u64(f.status, MOTE_OK);
    }
    end(&f);
}

TEST(the_ticker_stops_and_starts_again)
{
    need_compiler();
    mote_pool_limits limits = mote_pool_limits_default();
    limits.timeout_us = 2000;
    fixture f = begin_with(everything(), &limits);
    for (int i = 0; i < 2; i++) {
        lend(&f);
        run(&f, "spin", 0, 0);
        expect_u64(f.err.trap, MOTE_TRAP_TIMEOUT);
        take_back(&f);
        for (int waited = 0; waited < 200; waited++) usleep(1000); /* longer than it ticks without a call */
    }
    end(&f);
}

/* The kernel writes where the guest never did. */
TEST(host_writes_are_noticed)
{
    need_compiler();
    EACH_WAY(f) {
        int pipes[2];
        require(pipe(pipes) == 0);
        for (int i = 0; i < 3; i++) {
            lend(&f);
            expect(is_new(&f));
            mote_memory *memory = mote_instance_memory(f.instance, "memory");
            void *to = mote_memory_writable(memory, 12286, 8); /* across two pages */
            require(to && write(pipes[1], "12345678", 8) == 8);
            expect_u64(read(pipes[0], to, 8), 8);
            expect_u64(run(&f, "peek", 12288, 0), 0x36353433);
            mote_memory_data(memory)[20480] = 9; /* outside of any call */
            expect(mote_memory_write(memory, 24576, "zz", 2, &f.err) == MOTE_OK);
            expect(mote_memory_writable(memory, 3 * 65536 - 4, 5) == NULL);
            take_back(&f);
        }
        close(pipes[0]);
        close(pipes[1]);
    }
}

TEST(more_places_than_mappings_are_kept)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(0, 0x80, 0x02)); /* 256 pages of 64 KiB: 4096 of 4 KiB */
    guest_func(&g, "poke", "ii:", BYTES(w_local_get, 0, w_local_get, 1, w_i32_store, 0, 0, w_end));
    guest_func(&g, "peek", "i:i", BYTES(w_local_get, 0, w_i32_load, 0, 0, w_end));
    mote_pool_limits limits = mote_pool_limits_default();
    limits.resident_bytes = UINT64_MAX;
    fixture f = begin_with(g, &limits);
    uint32_t x = 1;
    for (int i = 0; i < 300; i++) {
        lend(&f);
        for (int j = 0; j < 40; j++) {
            x = x * 1664525 + 1013904223;
            int32_t at = (int32_t)(x >> 8) & 0xfffffc;
            expect_u64((uint64_t)run(&f, "peek", at, 0), 0);
            run(&f, "poke", at, -1);
            run(&f, "poke", at, 0);
            run(&f, "poke", at ^ 0x1000, 3);
            run(&f, "poke", at ^ 0x1000, i % 2 ? 3 : 0);
        }
        take_back(&f);
        require(f.status == MOTE_OK);
    }
    mote_memory *memory = mote_instance_memory(f.instance, "memory");
    size_t wrong = 0;
    for (size_t i = 0; i < mote_memory_bytes(memory); i++) wrong += mote_memory_data(memory)[i] != 0;
    expect_u64(wrong, 0);
    end(&f);
}

/* --- starts, limits, misuse ---------------------------------------------------- */

TEST(the_start_function_runs_for_each_loan)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(0, 1));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_I32, 1, w_i32_const, 1, w_end));
    g.start = 1 + guest_func(&g, NULL, ":", BYTES(w_global_get, 0, w_i32_const, 5, w_i32_add, w_global_set, 0, w_end));
    guest_func(&g, "get", ":i", BYTES(w_global_get, 0, w_end));
    fixture f = begin_with(g, NULL);
    for (int i = 0; i < 3; i++) {
        lend(&f);
        expect_u64(run(&f, "get", 0, 0), 6);
        take_back(&f);
    }
    end(&f);
}

TEST(no_more_are_lent_than_the_limit)
{
    need_compiler();
    mote_pool_limits limits = mote_pool_limits_default();
    limits.instances = 2;
    fixture f = begin_with(everything(), &limits);
    mote_instance *first, *second, *third;
    mote_program *other;
    expect(mote_pool_acquire(f.program, &first, &f.err) == MOTE_OK);
    expect(mote_pool_acquire(f.program, &second, &f.err) == MOTE_OK);
    expect(first != second);
    expect(mote_pool_acquire(f.program, &third, &f.err) == MOTE_LIMIT);
    expect_text(f.err.message, "pool: all 2 instances are lent");
    expect(mote_program_new(f.pool, f.artifact, f.linker, &other, &f.err) == MOTE_LIMIT);
    expect(mote_pool_release(first, &f.err) == MOTE_OK);
    expect(mote_program_new(f.pool, f.artifact, f.linker, &other, &f.err) == MOTE_OK); /* in the idle one's place */
    expect(mote_pool_acquire(other, &third, &f.err) == MOTE_OK);
    expect(mote_pool_acquire(f.program, &first, &f.err) == MOTE_LIMIT);
    expect(mote_pool_release(second, &f.err) == MOTE_OK);
    expect(mote_pool_release(third, &f.err) == MOTE_OK);
    expect(mote_pool_acquire(f.program, &first, &f.err) == MOTE_OK);
    expect(first == second); /* last in, first out */
    end(&f);
    limits.instances = 0;
    expect(mote_pool_new(engine, &limits, &f.pool, &f.err) == MOTE_LIMIT);
    expect_text(f.err.message, "pool: no instances wanted, at least 1 is needed");
    limits.instances = UINT32_MAX;
    expect(mote_pool_new(engine, &limits, &f.pool, &f.err) == MOTE_LIMIT);
    expect_text(f.err.message, "pool: 4294967295 instances wanted, there are no addresses for their stacks");
}

/* One memory of so many pages: what spare slots are made for. */
static guest plain(uint8_t pages)
{
    guest g = {0};
    guest_memory(&g, BYTES(0, pages));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_I32, 1, w_i32_const, 42, w_end));
    guest_func(&g, "poke", "ii:", BYTES(w_local_get, 0, w_local_get, 1, w_i32_store, 0, 0, w_end));
    guest_func(&g, "grow", "i:i", BYTES(w_local_get, 0, w_memory_grow, 0, w_end));
    guest_func(&g, "set", "i:", BYTES(w_local_get, 0, w_global_set, 0, w_end));
    guest_func(&g, "get", ":i", BYTES(w_global_get, 0, w_end));
    GUEST_ADD(&g, datas, ndatas, BYTES(0, w_i32_const, 0x80, 0x20, w_end, 4, 'a', 'b', 'c', pages)); /* at 4096 */
    return g;
}

static bool is_plain(fixture *f, uint8_t pages)
{
    mote_memory *memory = mote_instance_memory(f->instance, "memory");
    const uint8_t *at = mote_memory_data(memory), wanted[4] = {'a', 'b', 'c', pages};
    if (mote_memory_bytes(memory) != (size_t)pages * 65536 || run(f, "get", 0, 0) != 42)
        return false;
    for (size_t i = 0; i < (size_t)pages * 65536; i++)
        if (at[i] != (i - 4096 < 4 ? wanted[i - 4096] : 0))
            return false;
    run(f, "poke", pages * 65536, 1);
    return f->status == MOTE_TRAP;
}

static void use_up(fixture *f, uint8_t pages)
{
    run(f, "grow", 20 + pages, 0);
    for (int32_t at = pages; at < (20 + 2 * pages) * 65536; at += 4096 * 3) run(f, "poke", at, -1);
    run(f, "set", pages, 0);
}

TEST(an_instance_gives_its_place_to_another_program)
{
    need_compiler();
    enum { PROGRAMS = 3 };
    mote_pool_limits limits = mote_pool_limits_default();
    limits.instances = 1;
    require(mote_engine_reserve(engine, 2, NULL) == MOTE_OK);
    fixture f = begin_with(plain(1), &limits);
    mote_program *programs[PROGRAMS] = {f.program};
    mote_artifact *artifacts[PROGRAMS];
    for (uint8_t i = 1; i < PROGRAMS; i++) {
        guest g = plain(i * 3);
        artifacts[i] = compiled(&g);
        require(mote_program_new(f.pool, artifacts[i], f.linker, &programs[i], &f.err) == MOTE_OK);
    }
    for (int i = 0; i < 60; i++) {
        int which = i * i % 7 % PROGRAMS;
        uint8_t pages = which ? (uint8_t)(which * 3) : 1;
        f.program = programs[which];
        for (int again = 0; again <= i % 3; again++) { /* the second time it was stale, the third not */
            lend(&f);
            require(f.status == MOTE_OK);
            expect(is_plain(&f, pages));
            use_up(&f, pages);
            take_back(&f);
        }
    }
    f.program = programs[0];
    end(&f);
    for (int i = 1; i < PROGRAMS; i++)
        mote_artifact_unref(artifacts[i]);
    mote_engine_reserve(engine, 0, NULL);
}

TEST(a_program_has_limits_of_its_own)
{
    need_compiler();
    fixture f = begin_with(plain(1), NULL);
    mote_pool_limits limits = mote_pool_limits_default();
    limits.store.memory_bytes = 3 * 65536;
    limits.instances = 0; /* the pool's count */
    mote_program *narrow, *wide = f.program;
    require(mote_program_new_limited(f.pool, f.artifact, f.linker, &limits, &narrow, &f.err) == MOTE_OK);
    for (int i = 0; i < 4; i++) {
        f.program = i % 2 ? narrow : wide;
        lend(&f);
        expect_u64((uint64_t)(int64_t)run(&f, "grow", 5, 0), i % 2 ? (uint64_t)-1 : 1);
        take_back(&f);
    }
    limits.store.memory_bytes = 1;
    expect(mote_program_new_limited(f.pool, f.artifact, f.linker, &limits, &narrow, &f.err) == MOTE_LIMIT);
    limits.fuel = -1;
    expect(mote_program_new_limited(f.pool, f.artifact, f.linker, &limits, &narrow, &f.err) == MOTE_LIMIT);
    end(&f);
}

static void *release_elsewhere(void *instance)
{
    mote_error err;
    return mote_pool_release(instance, &err) == MOTE_MISUSE ? instance : NULL;
}

TEST(misuse_is_told)
{
    need_compiler();
    fixture f = begin(4 << 20);
    lend(&f);
    pthread_t thread;
    void *told = NULL;
    require(pthread_create(&thread, NULL, release_elsewhere, f.instance) == 0);
    pthread_join(thread, &told);
    expect(told == f.instance);
    take_back(&f);
    expect_u64(f.status, MOTE_OK);
    take_back(&f);
    expect_u64(f.status, MOTE_MISUSE);
    expect_text(f.err.message, "pool: this instance is not lent");
    lend(&f);
    expect(mote_instance_keep(f.instance, &f.err) == MOTE_MISUSE);
    expect(mote_instance_reset(f.instance, &f.err) == MOTE_MISUSE);
    end(&f);
}

static mote_status do_nothing(mote_caller *caller, void *data, mote_raw *values)
{
    (void)caller, (void)values;
    return data ? MOTE_OK : MOTE_TRAP;
}

static mote_status do_nothing_checked(mote_caller *caller, void *data, const mote_value *args, mote_value *results)
{
    (void)caller, (void)args, (void)results;
    return data ? MOTE_OK : MOTE_TRAP;
}

TEST(usage_is_counted_and_limited)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "a", ":");
    guest_import_func(&g, "b", ":");
    guest_memory(&g, BYTES(0, 1));
    guest_func(&g, "go", "i:", BYTES(w_loop, 0x40, w_call, 0, w_call, 1, w_local_get, 0, w_i32_const, 1, w_i32_sub, w_local_tee,
                                     0, w_br_if, 0, w_end, w_i32_const, 2, w_memory_grow, 0, w_drop, w_end));
    fixture f = {.artifact = compiled(&g)};
    mote_functype type = functype(":");
    mote_pool_limits limits = mote_pool_limits_default();
    mote_usage usage;
    limits.host_calls = 20;
    limits.measure_time = true;
    require(mote_linker_new(engine, &f.linker, &f.err) == MOTE_OK && mote_pool_new(engine, &limits, &f.pool, &f.err) == MOTE_OK);
    require(mote_linker_func_raw(f.linker, "env", "a", &type, do_nothing, &f, &f.err) == MOTE_OK &&
            mote_linker_func(f.linker, "env", "b", &type, do_nothing_checked, &f, &f.err) == MOTE_OK &&
            mote_program_new(f.pool, f.artifact, f.linker, &f.program, &f.err) == MOTE_OK);
    for (int i = 0; i < 3; i++) {
        lend(&f);
        run(&f, "go", 4, 0);
        run(&f, "go", 6, 0);
        expect_u64(f.status, MOTE_OK);
        for (int released = 0; released < 2; released++) {
            require(mote_instance_usage(f.instance, &usage, &f.err) == MOTE_OK);
            expect_u64(usage.calls, 2);
            expect_u64(usage.host_calls, 20);
            expect_u64(usage.memory_bytes, 5 * 65536);
            expect(usage.wall_ns > 0 && usage.cpu_ns > 0 && usage.cpu_ns < UINT64_C(1) << 40);
            if (!released) take_back(&f);
        }
        lend(&f);
        run(&f, "go", 11, 0);
        expect_u64(f.err.trap, MOTE_TRAP_HOST);
        expect_text(f.err.message, "host calls: call 21 wanted, limit is 20");
        take_back(&f);
    }
    end(&f);
}

static mote_status release_me(mote_caller *caller, void *data, mote_raw *values)
{
    mote_error err;
    (void)data;
    values[0].i32 = (int32_t)mote_pool_release(mote_caller_instance(caller), &err);
    return MOTE_OK;
}

TEST(a_running_instance_is_not_taken_back)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "release", ":i");
    guest_func(&g, "go", ":i", BYTES(w_call, 0, w_end));
    fixture f = {.artifact = compiled(&g)};
    mote_functype type = functype(":i");
    require(mote_linker_new(engine, &f.linker, &f.err) == MOTE_OK && mote_pool_new(engine, NULL, &f.pool, &f.err) == MOTE_OK);
    expect(mote_program_new(f.pool, f.artifact, f.linker, &f.program, &f.err) == MOTE_LINK);
    require(mote_linker_func_raw(f.linker, "env", "release", &type, release_me, NULL, &f.err) == MOTE_OK);
    require(mote_program_new(f.pool, f.artifact, f.linker, &f.program, &f.err) == MOTE_OK);
    lend(&f);
    expect_u64(run(&f, "go", 0, 0), MOTE_MISUSE);
    take_back(&f);
    expect_u64(f.status, MOTE_OK);
    end(&f);
}

/* What the embedder put into a loan's store goes with it. */
TEST(a_store_with_things_of_the_hosts_is_not_lent_again)
{
    need_compiler();
    fixture f = begin(4 << 20);
    lend(&f);
    mote_store *store = mote_instance_store(f.instance);
    mote_memorytype type = {.page_shift = 16, .min = 1};
    mote_memory *memory;
    require(mote_memory_new(store, &type, &memory, &f.err) == MOTE_OK);
    mote_store_set_data(store, &f);
    take_back(&f);
    expect_u64(f.status, MOTE_OK);
    lend(&f);
    expect(is_new(&f));
    expect(mote_store_data(mote_instance_store(f.instance)) == NULL);
    end(&f);
}

TEST(shared_memories_are_refused)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(3, 1, 2));
    fixture f = {0};
    mote_error err;
    wasm w = guest_bytes(&g);
    static const char *const flags[] = {"-W", "threads"};
    if (mote_compiler_compile(compiler, w.at, w.len, flags, 2, &f.artifact, &err)) skip(err.message);
    require(mote_linker_new(engine, &f.linker, &f.err) == MOTE_OK && mote_pool_new(engine, NULL, &f.pool, &f.err) == MOTE_OK);
    expect(mote_program_new(f.pool, f.artifact, f.linker, &f.program, &f.err) == MOTE_UNSUPPORTED);
    expect_text(f.err.message,
                "pool: this module's instances cannot be reset: it has a shared memory, which other threads may hold");
    end(&f);
}

/* --- one instance ------------------------------------------------------------------ */

TEST(a_kept_instance_is_reset)
{
    need_compiler();
    guest g = everything();
    world w = world_of(&g);
    fixture f = {.artifact = w.artifact, .linker = w.linker, .instance = w.instance};
    expect(mote_instance_reset(w.instance, &w.err) == MOTE_MISUSE);
    require(mote_instance_keep(w.instance, &w.err) == MOTE_OK);
    expect(mote_instance_keep(w.instance, &w.err) == MOTE_MISUSE);
    for (int i = 0; i < 5; i++) {
        expect(is_new(&f));
        call2(&w, "poke", 4096 * i, 5);
        call1(&w, "grow", i);
        call1(&w, "set", i);
        expect(mote_instance_reset(w.instance, &w.err) == MOTE_OK);
    }
    expect(is_new(&f));
    world_end(&w);
}

TEST(each_failed_allocation_is_survived)
{
    need_compiler();
    guest g = everything();
    mote_artifact *artifact = compiled(&g);
    mote_linker *linker;
    mote_error err;
    require(mote_linker_new(engine, &linker, &err) == MOTE_OK);
    for (uint64_t n = 0;; n++) {
        fixture f = {.artifact = artifact, .linker = linker};
        uint64_t before = mo_alloc_live();
        mo_alloc_fail_at(n);
        f.status = mote_pool_new(engine, NULL, &f.pool, &f.err);
        if (!f.status) f.status = mote_program_new(f.pool, artifact, linker, &f.program, &f.err);
        if (!f.status) lend(&f);
        if (!f.status) {
            run(&f, "clear", 0, 0); /* its table's copy may be what fails */
            expect_u64(f.status, MOTE_OK);
            take_back(&f);
            expect_u64(f.status, MOTE_OK);
            lend(&f);
            mo_alloc_fail_at(UINT64_MAX);
            if (!f.status) expect(is_new(&f));
        }
        mo_alloc_fail_at(UINT64_MAX);
        mote_pool_free(f.pool);
        expect_u64(mo_alloc_live(), before);
        if (f.status == MOTE_OK && n > 100) break;
        expect(f.status == MOTE_OK || f.status == MOTE_NOMEM);
    }
    mote_linker_free(linker);
    mote_artifact_unref(artifact);
}

/* --- the guest's stack ----------------------------------------------------------------- */

TEST(a_deep_stack_is_opened_once_and_wiped)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(0, 1));
    guest_func(&g, "down", "i:i",
               BYTES(w_local_get, 0, w_i32_eqz, w_if, T_I32, w_i32_const, 1, w_else, w_local_get, 0, w_i32_const, 1,
                     w_i32_sub, w_call, 0, w_local_get, 0, w_i32_add, w_end, w_end));
    fixture f = begin_with(g, NULL);
    for (int i = 0; i < 4; i++) {
        lend(&f);
        expect_u64(run(&f, "down", 3000, 0), 4501501);
        const mo_stack *stack = &mote_instance_store(f.instance)->stack;
        size_t open = (size_t)(stack->top - stack->open), dirty = 0;
        expect(open > 3000 * 16 && open < 1 << 20);
        for (const uint8_t *p = stack->open; p < stack->top; p++) dirty += *p != 0;
        expect(dirty > 1000);
        take_back(&f);
        dirty = 0;
        for (const uint8_t *p = stack->open; p < stack->top; p++) dirty += *p != 0;
        expect_u64(dirty, 0);
        expect_u64((size_t)(stack->top - stack->open), open);
    }
    end(&f);
}
