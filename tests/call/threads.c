/* Many threads: stores side by side, artifacts shared, a shared memory between them. */
#include "call/guest.h"

#include <pthread.h>

#define NTHREADS 4

typedef struct worker {
    mote_artifact *artifact;
    mote_shared_memory *shared;
    uint64_t failures;
    int32_t result;
} worker;

static void *run_many(void *p)
{
    worker *k = p;
    for (int round = 0; round < 50; round++) {
        mote_store *store;
        mote_instance *instance;
        mote_error err;
        if (mote_store_new(engine, NULL, NULL, &store, &err)) return NULL;
        k->failures += mote_instance_new(store, k->artifact, NULL, 0, &instance, &err) != MOTE_OK;
        for (int32_t i = 0; i < 20; i++) {
            mote_raw v = {.i32 = i}, bad = {.i32 = -1};
            k->failures += mote_func_call_raw(mote_instance_func(instance, "put"), &v, &err) != MOTE_OK || v.i32 != i;
            k->failures += mote_func_call_raw(mote_instance_func(instance, "put"), &bad, &err) != MOTE_TRAP;
        }
        mote_store_free(store);
    }
    return NULL;
}

TEST(stores_on_many_threads_do_not_disturb_each_other)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(0, 1));
    guest_func(&g, "put", "i:i", BYTES(w_local_get, 0, w_local_get, 0, w_i32_store, 2, 0, w_local_get, 0, w_i32_load, 2, 0, w_end));
    worker k[NTHREADS] = {{0}};
    pthread_t threads[NTHREADS];
    mote_artifact *a = compiled(&g);
    for (int i = 0; i < NTHREADS; i++) k[i].artifact = a, pthread_create(&threads[i], NULL, run_many, &k[i]);
    for (int i = 0; i < NTHREADS; i++) pthread_join(threads[i], NULL), expect_u64(k[i].failures, 0);
    mote_artifact_unref(a);
}

/* --- shared memories ------------------------------------------------------- */

static void import_shared(guest *g)
{
    guest_import(g, "env", "memory", BYTES(2, 3, 1, 10));
}

static void *run_shared(void *p)
{
    worker *k = p;
    mote_store *store;
    mote_instance *instance;
    mote_error err;
    mote_extern memory = {.kind = MOTE_MEMORY};
    if (mote_store_new(engine, NULL, NULL, &store, &err)) return NULL;
    k->failures += mote_memory_from_shared(store, k->shared, &memory.of.memory, &err) != MOTE_OK;
    k->failures += mote_instance_new(store, k->artifact, &memory, 1, &instance, &err) != MOTE_OK;
    mote_raw v = {.i32 = 20000};
    k->failures += mote_func_call_raw(mote_instance_func(instance, "add"), &v, &err) != MOTE_OK;
    v.i32 = 0;
    k->failures += mote_func_call_raw(mote_instance_func(instance, "wait"), &v, &err) != MOTE_OK;
    k->result = v.i32;
    mote_store_free(store);
    return NULL;
}

TEST(a_shared_memory_is_added_to_waited_on_and_notified)
{
    need_compiler();
    guest g = {0};
    import_shared(&g);
    /* add n times 1 to [0]; wait while [8] is 0; notify(n) wakes at [8] */
    guest_func(&g, "add", "i:i", BYTES(w_loop, T_EMPTY, w_i32_const, 0, w_i32_const, 1, 0xfe, 0x1e, 2, 0, w_drop, w_local_get, 0,
                                       w_i32_const, 1, w_i32_sub, w_local_tee, 0, w_br_if, 0, w_end, w_i32_const, 0, w_end));
    guest_func(&g, "wait", "i:i", BYTES(w_i32_const, 4, w_i32_const, 1, 0xfe, 0x1e, 2, 0, w_drop, w_i32_const, 8, w_i32_const, 0, w_i64_const, 0x7f, 0xfe, 1, 2, 0, w_end));
    guest_func(&g, "notify", "i:i", BYTES(w_i32_const, 8, w_local_get, 0, 0xfe, 0, 2, 0, w_end));
    mote_memorytype type = {.shared = true, .has_max = true, .page_shift = 16, .min = 1, .max = 10};
    mote_shared_memory *shared;
    mote_error err;
    have_compiler();
    require(mote_shared_memory_new(&type, &shared, &err) == MOTE_OK);
    worker k[NTHREADS] = {{0}};
    pthread_t threads[NTHREADS];
    mote_artifact *a = compiled(&g);
    for (int i = 0; i < NTHREADS; i++)
        k[i] = (worker){.artifact = a, .shared = shared}, pthread_create(&threads[i], NULL, run_shared, &k[i]);
    mote_store *store;
    mote_instance *instance;
    mote_extern memory = {.kind = MOTE_MEMORY};
    require(mote_store_new(engine, NULL, NULL, &store, &err) == MOTE_OK);
    require(mote_memory_from_shared(store, shared, &memory.of.memory, &err) == MOTE_OK);
    require(mote_instance_new(store, a, &memory, 1, &instance, &err) == MOTE_OK);
    int woken = 0;
    while (woken < NTHREADS) {
        mote_raw v = {.i32 = 1};
        require(mote_func_call_raw(mote_instance_func(instance, "notify"), &v, &err) == MOTE_OK);
        expect(v.i32 == 0 || v.i32 == 1);
        woken += v.i32;
    }
    for (int i = 0; i < NTHREADS; i++) {
        pthread_join(threads[i], NULL);
        expect_u64(k[i].failures, 0);
        expect_u64(k[i].result, 0);
    }
    int32_t sum;
    expect(mote_memory_read(memory.of.memory, 0, &sum, 4, &err) == MOTE_OK);
    expect_u64(sum, NTHREADS * 20000);
    uint64_t old;
    expect(mote_memory_grow(memory.of.memory, 9, &old, &err) == MOTE_OK && old == 1);
    expect(mote_memory_grow(memory.of.memory, 1, &old, &err) == MOTE_LIMIT);
    mote_store_free(store);
    mote_shared_memory_unref(shared);
    mote_artifact_unref(a);
}

TEST(waiting_times_out_and_refuses_unshared_memories)
{
    need_compiler();
    guest g = {0}, u = {0};
    guest_memory(&g, BYTES(3, 1, 1));
    guest_func(&g, "wait", "i:i", BYTES(w_i32_const, 8, w_local_get, 0, w_i64_const, 0xc0, 0x84, 0x3d, 0xfe, 1, 2, 0, w_end)); /* 1 ms */
    guest_memory(&u, BYTES(0, 1));
    guest_func(&u, "wait", "i:i", BYTES(w_i32_const, 8, w_local_get, 0, w_i64_const, 0, 0xfe, 1, 2, 0, w_end));
    guest_func(&u, "notify", "i:i", BYTES(w_i32_const, 8, w_local_get, 0, 0xfe, 0, 2, 0, w_end));
    guest_func(&u, "crooked", "i:i", BYTES(w_local_get, 0, 0xfe, 0x10, 2, 0, w_end));
    world w = world_of(&g), v = world_of(&u);
    expect_u64(call1(&w, "wait", 0), 2);
    expect_u64(call1(&w, "wait", 1), 1);
    call1(&v, "wait", 0);
    expect_trap(&v, NOT_SHARED);
    expect_u64(call1(&v, "notify", 3), 0);
    call1(&v, "crooked", 2);
    expect_trap(&v, UNALIGNED_ATOMIC);
    world_end(&w);
    world_end(&v);
}
