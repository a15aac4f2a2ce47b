/* bench_calls.c - what a call costs each way, in nanoseconds of this thread's CPU time;
 * the best of several rounds. Not part of the suite: run it on a quiet machine. */
#include "call/guest.h"

#include <time.h>

#define ROUNDS 7
#define CALLS 5000000

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static mote_status increment(mote_caller *caller, void *data, mote_raw *v)
{
    (void)caller, (void)data;
    v[0].i32++;
    return MOTE_OK;
}

/* The same in C: a function by pointer that calls another by pointer. */
static int native_inner(void *caller, void *data, int *v)
{
    (void)caller, (void)data;
    v[0]++;
    return 0;
}
static int (*volatile inner)(void *, void *, int *) = native_inner;
__attribute__((noinline)) static int native_outer(int x)
{
    int v[4] = {x};
    return inner(NULL, NULL, v) ? 0 : v[0];
}
static int (*volatile outer)(int) = native_outer;

static void tell(const char *what, double best) { printf("%-16s %6.2f ns\n", what, best); }

TEST(calls)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "h", "i:i");
    guest_func(&g, "add", "ii:i", BYTES(w_local_get, 0, w_local_get, 1, w_i32_add, w_end));
    guest_func(&g, "loop", "i:i:i", BYTES(w_loop, T_EMPTY, w_local_get, 1, w_i32_const, 1, w_call, 0, w_i32_add, w_local_set, 1,
                                          w_local_get, 0, w_i32_const, 1, w_i32_sub, w_local_tee, 0, w_br_if, 0, w_end,
                                          w_local_get, 1, w_end));
    world w = world_before(compiled(&g));
    world_func(&w, "h", "i:i", increment, NULL);
    require(world_go(&w) == MOTE_OK);
    mote_prepared add;
    mote_functype type = functype("ii:i");
    require(mote_func_prepare(mote_instance_func(w.instance, "add"), &type, &add, &w.err) == MOTE_OK);
    double prepared = 1e9, raw = 1e9, host = 1e9, native = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns(), t;
        for (int i = 0; i < CALLS; i++) {
            mote_raw v[2] = {{.i32 = i}, {.i32 = 4}};
            mote_prepared_call(&add, v, &w.err);
        }
        t = (now_ns() - start) / CALLS, prepared = t < prepared ? t : prepared;
        start = now_ns();
        for (int i = 0; i < CALLS; i++) {
            mote_raw v[2] = {{.i32 = i}, {.i32 = 4}};
            mote_func_call_raw(add.func, v, &w.err);
        }
        t = (now_ns() - start) / CALLS, raw = t < raw ? t : raw;
        start = now_ns();
        call1(&w, "loop", CALLS);
        t = (now_ns() - start) / CALLS, host = t < host ? t : host;
        int sum = 0;
        start = now_ns();
        for (int i = 0; i < CALLS; i++) sum += outer(1);
        t = (now_ns() - start) / CALLS, native = t < native ? t : native;
        expect_u64(sum, 2 * CALLS);
    }
    tell("host to guest", prepared);
    tell("  unprepared", raw);
    tell("guest to host", host);
    tell("  in C", native);
    world_end(&w);
}
