/* Interruption: of loops, helpers, waits and host functions, from threads and timers,
 * and at every single instruction of a small program, way in and out included. */
#include "call/guest.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZED 1
#elif defined(__has_feature)
#define THREAD_SANITIZED __has_feature(thread_sanitizer)
#else
#define THREAD_SANITIZED 0
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif

/* The thread sanitizer keeps signals back until the host calls libc. */
#define need_signals() \
    do {               \
        need_compiler(); \
        if (THREAD_SANITIZED) skip("signals come late under the thread sanitizer"); \
    } while (0)

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void *interrupt_soon(void *store)
{
    usleep(20000);
    expect(mote_store_interrupt(store, MOTE_TRAP_INTERRUPTED));
    return NULL;
}

/* Calls f, which does not end by itself, and interrupts it. */
static void interrupted(world *w, const char *f)
{
    pthread_t thread;
    pthread_create(&thread, NULL, interrupt_soon, w->store);
    uint64_t start = now_us();
    call1(w, f, 0);
    expect_trap(w, INTERRUPTED);
    expect(now_us() - start < 5000000);
    pthread_join(thread, NULL);
    expect_u64(call1(w, "id", 5), 5);
    expect_ok(w);
}

static mote_status nap(mote_caller *caller, void *data, mote_raw *v)
{
    (void)caller, (void)data;
    usleep(1000);
    v[0].i32++;
    return MOTE_OK;
}

static mote_status nested(mote_caller *caller, void *data, mote_raw *v)
{
    mote_error err;
    mote_raw arg = {.i32 = 0};
    (void)data;
    expect(mote_func_call_raw(mote_instance_func(mote_caller_instance(caller), "spin"), &arg, &err) == MOTE_TRAP);
    v[0].i32 = 1; /* swallowed: the outer call must end all the same */
    return MOTE_OK;
}

TEST(every_kind_of_endless_work_can_be_interrupted)
{
    need_signals();
    guest g = {0};
    guest_import_func(&g, "nap", "i:i");
    guest_import_func(&g, "nested", "i:i");
    guest_memory(&g, BYTES(3, 1, 16));
    guest_func(&g, "id", "i:i", BYTES(w_local_get, 0, w_end));
    guest_func(&g, "spin", "i:i", BYTES(w_loop, T_EMPTY, w_br, 0, w_end, w_unreachable, w_end));
    guest_func(&g, "naps", "i:i", BYTES(w_loop, T_EMPTY, w_i32_const, 0, w_call, 0, w_drop, w_br, 0, w_end, w_unreachable, w_end));
    guest_func(&g, "nests", "i:i", BYTES(w_i32_const, 0, w_call, 1, w_end));
    guest_func(&g, "fills", "i:i", BYTES(w_loop, T_EMPTY, w_i32_const, 0, w_i32_const, 0, w_i32_const, 0x80, 0x80, 4, 0xfc, 11, 0, w_br, 0, w_end, w_unreachable, w_end));
    guest_func(&g, "waits", "i:i", BYTES(w_i32_const, 0, w_i32_const, 0, w_i64_const, 0x7f, 0xfe, 1, 2, 0, w_end));
    world w = world_before(compiled(&g));
    world_func(&w, "nap", "i:i", nap, NULL);
    world_func(&w, "nested", "i:i", nested, NULL);
    require(world_go(&w) == MOTE_OK);
    expect(!mote_store_interrupt(w.store, MOTE_TRAP_INTERRUPTED)); /* nothing runs */
    const char *names[] = {"spin", "naps", "nests", "fills", "waits"};
    for (int twice = 0; twice < 2; twice++)
        for (size_t i = 0; i < MO_COUNT(names); i++) interrupted(&w, names[i]);
    world_end(&w);
}

TEST(a_time_limit_ends_calls_and_only_those_that_exceed_it)
{
    need_signals();
    guest g = {0};
    guest_func(&g, "id", "i:i", BYTES(w_local_get, 0, w_end));
    guest_func(&g, "spin", "i:i", BYTES(w_loop, T_EMPTY, w_br, 0, w_end, w_unreachable, w_end));
    world w = world_of(&g);
    expect(mote_store_set_timeout(w.store, 5000, &w.err) == MOTE_OK);
    for (int i = 0; i < 10; i++) {
        uint64_t start = now_us();
        call1(&w, "spin", 0);
        expect_trap(&w, TIMEOUT);
        expect(now_us() - start >= 5000);
        for (int k = 0; k < 100; k++) expect_u64(call1(&w, "id", k), k);
    }
    expect(mote_store_set_timeout(w.store, 0, &w.err) == MOTE_OK);
    expect_u64(call1(&w, "id", 3), 3);
    world_end(&w);
}

static mote_store *to_interrupt;
static void interrupt_from_here(int number)
{
    (void)number;
    mote_store_interrupt(to_interrupt, MOTE_TRAP_INTERRUPTED);
}

/* The signal that it sends arrives while the handler runs, where no guest is to be seen. */
TEST(a_signal_handler_interrupts_the_call_below_it)
{
    need_signals();
    guest g = {0};
    guest_func(&g, "spin", ":", BYTES(w_loop, 0x40, w_br, 0, w_end, w_end));
    world w = world_of(&g);
    struct sigaction action = {.sa_handler = interrupt_from_here, .sa_flags = SA_ONSTACK}, before;
    struct itimerval soon = {.it_value = {0, 20000}};
    to_interrupt = w.store;
    require(sigaction(SIGALRM, &action, &before) == 0);
    for (int i = 0; i < 5; i++) {
        require(setitimer(ITIMER_REAL, &soon, NULL) == 0);
        call0(&w, "spin");
        expect_trap(&w, INTERRUPTED);
    }
    sigaction(SIGALRM, &before, NULL);
    world_end(&w);
}

TEST(fuel_is_counted_the_same_each_time_and_ends_a_call_without)
{
    need_compiler();
    guest g = {0};
    guest_func(&g, "spin", "i:i", BYTES(w_loop, T_EMPTY, w_local_get, 0, w_i32_const, 1, w_i32_sub, w_local_tee, 0, w_br_if, 0,
                                        w_end, w_i32_const, 9, w_end));
    wasm bytes = guest_bytes(&g);
    const char *flags[] = {"--fuel"};
    mote_artifact *a;
    mote_error err;
    require(mote_compiler_compile(compiler, bytes.at, bytes.len, flags, 1, &a, &err) == MOTE_OK);
    world w = world_before(a);
    require(world_go(&w) == MOTE_OK);
    expect_u64(call1(&w, "spin", 10), 9);
    int64_t full = mote_store_fuel(w.store), used;
    expect_u64(call1(&w, "spin", 1000), 9);
    used = full - mote_store_fuel(w.store);
    expect(used >= 1000);
    mote_store_set_fuel(w.store, used);
    expect_u64(call1(&w, "spin", 1000), 9);
    expect_ok(&w);
    mote_store_set_fuel(w.store, used / 2);
    call1(&w, "spin", 1000);
    expect_trap(&w, OUT_OF_FUEL);
    expect(mote_store_fuel(w.store) < 0);
    world_end(&w);
}

/* A thread interrupts as fast as it can while short calls run: each call ends well or
 * with the trap, and after the storm all end well. */
typedef struct storm {
    mote_store *store;
    _Atomic bool stop;
    uint64_t sent;
} storm;

static void *blow(void *p)
{
    storm *s = p;
    while (!s->stop) s->sent += mote_store_interrupt(s->store, MOTE_TRAP_INTERRUPTED);
    return NULL;
}

TEST(a_storm_of_interrupts_hits_only_calls_that_run)
{
    need_signals();
    guest g = {0};
    guest_func(&g, "sum", "i:i:i", BYTES(w_loop, T_EMPTY, w_local_get, 1, w_local_get, 0, w_i32_xor, w_local_set, 1, w_local_get, 0,
                                         w_i32_const, 1, w_i32_sub, w_local_tee, 0, w_br_if, 0, w_end, w_local_get, 1, w_end));
    world w = world_of(&g);
    storm s = {.store = w.store};
    mote_prepared f;
    mote_functype type = functype("i:i");
    require(mote_func_prepare(mote_instance_func(w.instance, "sum"), &type, &f, &w.err) == MOTE_OK);
    mote_raw v = {.i32 = 1000};
    expect(mote_prepared_call(&f, &v, &w.err) == MOTE_OK);
    int32_t want = v.i32;
    pthread_t thread;
    pthread_create(&thread, NULL, blow, &s);
    unsigned hit = 0;
    for (uint64_t end = now_us() + 1500000; now_us() < end;) {
        v.i32 = 1000;
        mote_status status = mote_prepared_call(&f, &v, &w.err);
        if (status == MOTE_TRAP) hit++, expect_u64(w.err.trap, MOTE_TRAP_INTERRUPTED);
        else expect(status == MOTE_OK && v.i32 == want);
    }
    s.stop = true;
    pthread_join(thread, NULL);
    expect(hit > 0);
    for (int i = 0; i < 1000; i++) {
        v.i32 = 1000;
        expect(mote_prepared_call(&f, &v, &w.err) == MOTE_OK && v.i32 == want);
    }
    world_end(&w);
}

/* --- at every instruction ------------------------------------------------------ */

static struct {
    mote_store *store;
    uint64_t at, step;
    bool sent;
} stepping;

#if defined(__x86_64__)
#define STEP_ON() __asm__ volatile("sub $128, %%rsp; pushf; orq $0x100, (%%rsp); popf; add $128, %%rsp" ::: "memory", "cc")
#define STEP_OFF() __asm__ volatile("sub $128, %%rsp; pushf; andq $~0x100, (%%rsp); popf; add $128, %%rsp" ::: "memory", "cc")
static void step_no_more(void *context) { ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)0x100; }
#endif

#define STEPS_AFTER 500 /* the interrupt has had its effect by then */

static void on_step(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    if (stepping.step++ == stepping.at) stepping.sent = mote_store_interrupt(stepping.store, MOTE_TRAP_INTERRUPTED);
    if (stepping.step > stepping.at + STEPS_AFTER) step_no_more(context);
}


static mote_status back(mote_caller *caller, void *data, mote_raw *v)
{
    (void)caller, (void)data;
    v[0].i32 += 1;
    return MOTE_OK;
}

/* A step costs up to 50 us on a virtual machine, and there are n * n / 2; host code
 * that is sanitized has many more, so not all are tried there. */
static void step_through(world *w, bool fast, uint64_t stride)
{
    mote_prepared f;
    mote_functype type = functype("i:i");
    struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_ONSTACK | SA_SIGINFO}, old;
    require(mote_func_prepare(mote_instance_func(w->instance, "all"), &type, &f, &w->err) == MOTE_OK);
    sigaction(SIGTRAP, &action, &old);
    unsigned hit = 0, missed = 0;
    stepping.store = w->store;
    for (stepping.at = 0;; stepping.at += stride + (SANITIZED ? stepping.at / 8 : 0)) {
        mote_raw v = {.i32 = 2};
        mote_error err;
        mote_status status;
        stepping.step = 0;
        stepping.sent = false;
        STEP_ON();
        status = fast ? mote_prepared_call(&f, &v, &err) : mote_func_call_raw(f.func, &v, &err);
        STEP_OFF();
        if (status == MOTE_TRAP) {
            hit++;
            expect(stepping.sent);
            expect_u64(err.trap, MOTE_TRAP_INTERRUPTED);
        } else {
            missed++;
            expect(status == MOTE_OK && v.i32 == 6);
        }
        v.i32 = 2;
        expect(mote_prepared_call(&f, &v, &err) == MOTE_OK && v.i32 == 6);
        if (stepping.step <= stepping.at || tests.failures > 20) break;
    }
    sigaction(SIGTRAP, &old, NULL);
    expect(hit > 5 && missed > 0);
}

TEST(an_interrupt_at_any_instruction_ends_the_call_or_comes_too_late)
{
    need_signals();
#ifndef STEP_ON
    skip("no single-stepping here");
#else
    guest g = {0};
    guest_import_func(&g, "back", "i:i");
    guest_memory(&g, BYTES(0, 1));
    uint8_t tag_type = (uint8_t)guest_type(&g, "i:");
    GUEST_ADD(&g, tags, ntags, BYTES(0, tag_type));
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, 2));
    uint32_t thrower = guest_func(&g, NULL, "i:", BYTES(w_local_get, 0, 0x08, 0, w_end));
    /* a host call, a helper, a throw that is caught, a loop */
    guest_func(&g, "all", "i:i", BYTES(w_block, T_I32, 0x1f, T_EMPTY, 1, 0, 0, 0, w_local_get, 0, w_call, 0, w_call, (uint8_t)thrower,
                                       w_end, w_unreachable, w_end, w_i32_const, 0, w_i32_const, 1, w_i32_const, 3, 0xfc, 11, 0,
                                       w_i32_const, 2, w_i32_load8_u, 0, 0, w_i32_add, w_call, 0, w_i32_const, 1, w_i32_add, w_end));
    world w = world_before(compiled(&g));
    world_func(&w, "back", "i:i", back, NULL);
    require(world_go(&w) == MOTE_OK);
    expect_u64(call1(&w, "all", 2), 6);
    step_through(&w, true, 1);
    step_through(&w, false, 3);
    world_end(&w);
#endif
}
