/* Preemption: of loops, helpers and host functions by the ticker, and at every single
 * instruction, with all registers changed before the call goes on. */
#include "call/guest.h"

#include "call/call.h"
#include "call/fiber.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
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

enum { STACK = 256 << 10 };

/* --- jobs --------------------------------------------------------------------- */

typedef struct job {
    mo_fiber *fiber;
    world w;
    const char *name;
    int32_t arg, result;
    bool steps; /* each instruction of the call is a signal */
} job;

static mote_status twice(mote_caller *caller, void *data, mote_raw *v)
{
    (void)caller, (void)data;
    v[0].i32 *= 2;
    return MOTE_OK;
}

/* Host code for three milliseconds. */
static mote_status work(mote_caller *caller, void *data, mote_raw *v)
{
    (void)caller, (void)data;
    for (uint64_t end = mo_now_ns() + 3000000; mo_now_ns() < end;) {}
    v[0].i32++;
    return MOTE_OK;
}

static mote_status nested(mote_caller *caller, void *data, mote_raw *v)
{
    (void)data;
    return mote_func_call_raw(mote_instance_func(mote_caller_instance(caller), "count"), v, NULL);
}

static const uint8_t sixteen[16] = {0}; /* a v128.const's bytes */

/* Many vectors that live while the loop runs: after n turns, the sum of their lanes. */
static void vectors(guest *g)
{
    wasm body = {.len = 0};
    enum { N = 18 };
    for (uint8_t i = 0; i < N; i++) {
        const uint8_t constant[] = {0xfd, 12}, set[] = {w_local_set, (uint8_t)(2 + i)};
        uint8_t bytes[16];
        for (uint8_t k = 0; k < 16; k++) bytes[k] = (uint8_t)(sixteen[k] + 7 * i + k);
        wasm_put(&body, constant, 2);
        wasm_put(&body, bytes, 16);
        wasm_put(&body, set, 2);
    }
    wasm_put(&body, ((uint8_t[]){w_loop, T_EMPTY}), 2);
    for (uint8_t i = 0; i < N; i++) { /* v[i] = v[i] * 3 + v[i + 1], in lanes of 32 bits */
        const uint8_t step[] = {w_local_get, (uint8_t)(2 + i), w_local_get, (uint8_t)(2 + i), 0xfd, 0xae, 1, w_local_get, (uint8_t)(2 + i), 0xfd, 0xae, 1,
                                w_local_get, (uint8_t)(2 + (i + 1) % N), 0xfd, 0xae, 1, w_local_set, (uint8_t)(2 + i)};
        wasm_put(&body, step, sizeof step);
    }
    wasm_put(&body, ((uint8_t[]){w_local_get, 0, w_i32_const, 1, w_i32_sub, w_local_tee, 0, w_br_if, 0, w_end}), 10);
    for (uint8_t i = 0; i < N; i++)
        for (uint8_t lane = 0; lane < 4; lane++)
            wasm_put(&body, ((uint8_t[]){w_local_get, (uint8_t)(2 + i), 0xfd, 27, lane, w_local_get, 1, w_i32_add, w_local_set, 1}), 10);
    wasm_put(&body, ((uint8_t[]){w_local_get, 1, w_end}), 3);
    guest_func(g, "vectors", "i:i:ivvvvvvvvvvvvvvvvvv", (mo_span){body.at, body.len});
}

static guest program(void)
{
    guest g = {0};
    guest_import_func(&g, "twice", "i:i");
    guest_import_func(&g, "work", "i:i");
    guest_import_func(&g, "nested", "i:i");
    guest_memory(&g, BYTES(0, 16));
    uint8_t tag_type = (uint8_t)guest_type(&g, "i:");
    GUEST_ADD(&g, tags, ntags, BYTES(0, tag_type));
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, 2));
    GUEST_ADD(&g, datas, ndatas, BYTES(1, 4, 1, 2, 3, 4));
    uint32_t thrower = guest_func(&g, NULL, "i:", BYTES(w_local_get, 0, 0x08, 0, w_end));
    /* a host call, a throw that is caught, fill, copy, init, a table and its growth */
    guest_func(&g, "all", "i:i", BYTES(w_block, T_I32, 0x1f, T_EMPTY, 1, 0, 0, 0, w_local_get, 0, w_call, 0, w_call, (uint8_t)thrower,
                                       w_end, w_unreachable, w_end,
                                       w_i32_const, 0, w_i32_const, 3, w_i32_const, 9, 0xfc, 11, 0,
                                       w_i32_const, 32, w_i32_const, 0, w_i32_const, 9, 0xfc, 10, 0, 0,
                                       w_i32_const, 16, w_i32_const, 0, w_i32_const, 4, 0xfc, 8, 0, 0,
                                       w_i32_const, 38, w_i32_load8_u, 0, 0, w_i32_add,
                                       w_i32_const, 17, w_i32_load8_u, 0, 0, w_i32_add,
                                       0xd0, 0x70, w_i32_const, 0, 0xfc, 15, 0, w_i32_add, w_call, 2, w_end));
    guest_func(&g, "count", "i:i:i", BYTES(w_loop, T_EMPTY, w_local_get, 0, w_local_get, 1, w_i32_add, w_local_set, 1, w_local_get, 0,
                                           w_i32_const, 1, w_i32_sub, w_local_tee, 0, w_br_if, 0, w_end, w_local_get, 1, w_end));
    guest_func(&g, "spin", "i:i", BYTES(w_loop, T_EMPTY, w_br, 0, w_end, w_unreachable, w_end));
    guest_func(&g, "works", "i:i", BYTES(w_local_get, 0, w_call, 1, w_call, 1, w_call, 1, w_call, 1, w_end));
    guest_func(&g, "fills", "i:i", BYTES(w_loop, T_EMPTY, w_i32_const, 0, w_i32_const, 0, w_i32_const, 0x80, 0x80, 0xc0, 0, 0xfc, 11, 0,
                                         w_br, 0, w_end, w_unreachable, w_end));
    guest_func(&g, "quick", "i:i", BYTES(w_local_get, 0, w_end));
    vectors(&g);
    return g;
}

static void job_begin(job *j, const char *name, int32_t arg, uint32_t slice)
{
    guest g = program();
    *j = (job){.fiber = mo_fiber_new(STACK), .w = world_before(compiled(&g)), .name = name, .arg = arg};
    world_func(&j->w, "twice", "i:i", twice, NULL);
    world_func(&j->w, "work", "i:i", work, NULL);
    world_func(&j->w, "nested", "i:i", nested, NULL);
    require(j->fiber && world_go(&j->w) == MOTE_OK);
    mo_fiber_set_slice(j->fiber, slice);
}

static void job_end(job *j)
{
    mo_fiber_free(j->fiber);
    world_end(&j->w);
}

#if defined(__x86_64__)
#define STEP_ON() __asm__ volatile("sub $128, %%rsp; pushf; orq $0x100, (%%rsp); popf; add $128, %%rsp" ::: "memory", "cc")
#define STEP_OFF() __asm__ volatile("sub $128, %%rsp; pushf; andq $~0x100, (%%rsp); popf; add $128, %%rsp" ::: "memory", "cc")
static void step_no_more(ucontext_t *uc) { uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)0x100; }

/* As other calls would leave them: every vector register and mask, beside what C changes. */
static void change_registers(void)
{
    if (__builtin_cpu_supports("avx512f"))
        __asm__ volatile(".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
                         "vpternlogd $255, %%zmm\\n, %%zmm\\n, %%zmm\\n\n.endr\n"
                         ".irp n,0,1,2,3,4,5,6,7\nkxnorw %%k\\n, %%k\\n, %%k\\n\n.endr\nvzeroupper" ::
                             : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                               "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    else if (__builtin_cpu_supports("avx"))
        __asm__ volatile("vzeroall" ::: "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    /* x87 and MXCSR: flags and a value, which the ABI lets anybody leave until it is popped */
    __asm__ volatile("fldpi; fsqrt; fstp %%st(0)" ::: "memory");
}
#else
#define NO_STEPS 1
#define STEP_ON()
#define STEP_OFF()
static void change_registers(void) {}
#endif

static void do_job(void *data)
{
    job *j = data;
    mote_func *func = mote_instance_func(j->w.instance, j->name);
    mote_raw v = {.i32 = j->arg};
    if (j->steps) STEP_ON();
    mote_status status = mote_func_call_raw(func, &v, &j->w.err);
    if (j->steps) STEP_OFF();
    j->w.status = status;
    j->result = v.i32;
}

static bool run(job *j) { return mo_fiber_run(j->fiber, do_job, j); }

/* --- by the ticker ------------------------------------------------------------------ */

TEST(loops_take_turns_and_others_are_answered)
{
    need_signals();
    job loops[4], quick;
    const char *names[] = {"spin", "fills", "spin", "fills"};
    for (int i = 0; i < 4; i++) job_begin(&loops[i], names[i], 1, 2);
    job_begin(&quick, "quick", 0, 2);
    for (int turn = 0; turn < 10; turn++) {
        for (int i = 0; i < 4; i++) {
            expect(!run(&loops[i]) && mo_fiber_is_preempted(loops[i].fiber));
            change_registers();
            quick.arg = turn * 10 + i;
            while (!run(&quick)) {}
            expect(quick.w.status == MOTE_OK && quick.result == turn * 10 + i);
        }
    }
    for (int i = 0; i < 4; i++) {
        expect(mote_store_interrupt(loops[i].w.store, MOTE_TRAP_INTERRUPTED));
        expect(run(&loops[i]));
        expect_trap(&loops[i].w, INTERRUPTED);
        loops[i].name = "count";
        loops[i].arg = 100;
        while (!run(&loops[i])) {}
        expect(loops[i].w.status == MOTE_OK && loops[i].result == 5050);
        job_end(&loops[i]);
    }
    job_end(&quick);
}

TEST(what_was_preempted_often_comes_to_the_same_result)
{
    need_signals();
    job a, b;
    unsigned parked = 0;
    job_begin(&a, "vectors", 1000, 0);
    job_begin(&b, "vectors", 3000000, 1);
    expect(run(&a));
    a.arg = 3000000;
    expect(run(&a)); /* without a slice: at once */
    while (!run(&b)) {
        parked++;
        expect(mo_fiber_is_preempted(b.fiber));
        change_registers();
    }
    expect(parked > 1);
    expect(a.w.status == MOTE_OK && b.w.status == MOTE_OK);
    expect_u64((uint64_t)b.result, (uint64_t)a.result);
    job_end(&a);
    job_end(&b);
}

TEST(a_slice_that_ends_in_host_code_is_noticed_on_the_way_back)
{
    need_signals();
    job j;
    unsigned parked = 0;
    job_begin(&j, "works", 10, 1);
    while (!run(&j)) parked += mo_fiber_is_preempted(j.fiber);
    expect(j.w.status == MOTE_OK && j.result == 14);
    expect(parked >= 3);
    job_end(&j);
}

TEST(a_fiber_without_a_slice_is_left_alone)
{
    need_signals();
    job j;
    job_begin(&j, "works", 10, 0);
    expect(run(&j) && j.result == 14);
    job_end(&j);
}

TEST(a_time_limit_ends_what_is_preempted_all_the_time)
{
    need_signals();
    mote_pool_limits limits = mote_pool_limits_default();
    mote_pool *pool;
    mote_program *p;
    mote_error err;
    job j;
    unsigned parked = 0;
    limits.timeout_us = 40000;
    job_begin(&j, "spin", 0, 2);
    mote_instance *own = j.w.instance, *lent;
    require(mote_pool_new(engine, &limits, &pool, &err) == MOTE_OK);
    require(mote_program_new(pool, j.w.artifact, j.w.linker, &p, &err) == MOTE_OK);
    require(mote_pool_acquire(p, &lent, &err) == MOTE_OK);
    j.w.instance = lent;
    while (!run(&j)) parked++;
    expect_trap(&j.w, TIMEOUT);
    expect(parked > 0);
    expect(mote_pool_release(lent, &err) == MOTE_OK);
    j.w.instance = own;
    mote_pool_free(pool);
    job_end(&j);
}

/* --- processor time --------------------------------------------------------------------- */

typedef struct lent {
    job j;
    mote_pool *pool;
    mote_program *program;
    mote_instance *own;
} lent;

static void lend(lent *l, const char *name, uint64_t cpu_us, uint32_t slice)
{
    mote_pool_limits limits = mote_pool_limits_default();
    mote_error err;
    limits.cpu_us = cpu_us;
    job_begin(&l->j, name, 0, slice);
    l->own = l->j.w.instance;
    require(mote_pool_new(engine, &limits, &l->pool, &err) == MOTE_OK);
    require(mote_program_new(l->pool, l->j.w.artifact, l->j.w.linker, &l->program, &err) == MOTE_OK);
    require(mote_pool_acquire(l->program, &l->j.w.instance, &err) == MOTE_OK);
}

static void lend_again(lent *l)
{
    expect(mote_pool_release(l->j.w.instance, NULL) == MOTE_OK);
    expect(mote_pool_acquire(l->program, &l->j.w.instance, NULL) == MOTE_OK);
}

static void take_back(lent *l)
{
    expect(mote_pool_release(l->j.w.instance, NULL) == MOTE_OK);
    mote_pool_free(l->pool);
    l->j.w.instance = l->own;
    job_end(&l->j);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

TEST(a_loan_ends_when_it_has_used_its_processor_time)
{
    need_signals();
    lent l;
    lend(&l, "spin", 20000, 0);
    for (int i = 0; i < 3; i++) {
        uint64_t start = cpu_ns();
        expect(run(&l.j));
        expect_trap(&l.j.w, CPU_LIMIT);
        expect(strstr(l.j.w.err.message, "processor time limit reached: 20.000 ms and ") != NULL);
        expect(cpu_ns() - start >= 19000000);
        l.j.name = "quick"; /* it has none left */
        expect(run(&l.j));
        expect_trap(&l.j.w, CPU_LIMIT);
        lend_again(&l);
        l.j.arg = 8;
        expect(run(&l.j) && l.j.w.status == MOTE_OK && l.j.result == 8);
        l.j.name = "spin";
    }
    take_back(&l);
}

TEST(many_short_calls_of_a_loan_add_up)
{
    need_signals();
    lent l;
    lend(&l, "count", 20000, 0);
    uint64_t start = cpu_ns();
    l.j.arg = 100000;
    unsigned calls = 0;
    do run(&l.j), calls++;
    while (l.j.w.status == MOTE_OK && cpu_ns() - start < 20000000000);
    expect_trap(&l.j.w, CPU_LIMIT);
    expect(calls > 1);
    take_back(&l);
}

/* Two that take turns: each has its own time only. */
TEST(processor_time_of_others_does_not_count)
{
    need_signals();
    lent a, b;
    lend(&a, "spin", 30000, 2);
    lend(&b, "spin", 90000, 2);
    uint64_t start = cpu_ns(), a_ns = 0;
    while (!run(&a.j)) {
        uint64_t before = cpu_ns();
        expect(!run(&b.j));
        a_ns += cpu_ns() - before; /* of b: to be taken away */
    }
    a_ns = cpu_ns() - start - a_ns;
    expect_trap(&a.j.w, CPU_LIMIT);
    expect(a_ns >= 25000000);
    while (!run(&b.j)) {}
    expect_trap(&b.j.w, CPU_LIMIT);
    take_back(&a);
    take_back(&b);
}

static mote_status park_long(mote_caller *caller, void *data, mote_raw *v)
{
    job *j = mote_store_data(mote_caller_store(caller));
    (void)data, (void)v;
    mo_fiber_park(j->fiber);
    return MOTE_OK;
}

TEST(processor_time_stands_still_while_a_call_is_parked)
{
    need_signals();
    guest g = {0};
    mote_error err;
    guest_import_func(&g, "park", "i:i");
    guest_func(&g, "parks", "i:i", BYTES(w_local_get, 0, w_call, 0, w_call, 0, w_call, 0, w_end));
    job j = {.fiber = mo_fiber_new(STACK), .w = world_before(compiled(&g)), .name = "parks", .arg = 4};
    world_func(&j.w, "park", "i:i", park_long, NULL);
    mote_store_set_data(j.w.store, &j);
    require(j.fiber && world_go(&j.w) == MOTE_OK);
    require(mote_store_set_cpu_limit(j.w.store, 10000, &err) == MOTE_OK);
    for (int i = 0; i < 3; i++) {
        expect(!run(&j));
        for (uint64_t end = cpu_ns() + 20000000; cpu_ns() < end;) {}
    }
    expect(run(&j) && j.w.status == MOTE_OK && j.result == 4);
    expect(mote_store_set_cpu_limit(j.w.store, UINT64_MAX, &err) == MOTE_LIMIT);
    job_end(&j);
}

/* --- at every instruction --------------------------------------------------------------- */

static struct {
    uint64_t at, step;
    mote_store *store; /* to interrupt, or NULL: preempt */
    bool sent;
    bool last; /* it was the last instruction of the way back: the next is the guest's, without steps */
} stepping;

#ifndef NO_STEPS
static void on_step(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    ucontext_t *uc = context;
    static const uint8_t system_call[] = {0x0f, 0x05};
    stepping.last = mo_asm_is_resuming(mo_signal_pc(uc)) && memcmp(mo_signal_pc(uc), system_call, 2) == 0;
    if (stepping.step++ != stepping.at && !(stepping.last && stepping.store)) return;
    stepping.sent = true;
    step_no_more(uc);
    if (stepping.store) {
        mote_store_interrupt(stepping.store, MOTE_TRAP_INTERRUPTED);
        return;
    }
    mo_thread_here.slice_end = 0;
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), mo_interrupt_signal());
}

/* The signal that a step sends is to come at that step, not in its handler. */
static void steps_begin(struct sigaction *old)
{
    struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_ONSTACK | SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, mo_interrupt_signal());
    sigaction(SIGTRAP, &action, old);
}

/* Preempts name(arg) at its first, second, ... instruction. interrupt: and then ends it.
 * A step costs up to 50 us on a virtual machine, and there are n * n / 2; host code that is
 * sanitized has many more, so not all are tried there. */
static void step_through(const char *name, int32_t arg, int32_t want, uint64_t stride, bool interrupt)
{
    job j, other;
    struct sigaction old;
    unsigned preempted = 0, late = 0;
    job_begin(&j, name, arg, 1000000);
    job_begin(&other, "vectors", 3, 0);
    expect(run(&other));
    int32_t other_want = other.result;
    expect(run(&j) && j.w.status == MOTE_OK && j.result == want);
    stepping.store = NULL;
    j.steps = true;
    steps_begin(&old);
    for (stepping.at = 0; tests.failures < 20; stepping.at += stride + (SANITIZED ? stepping.at / 24 : 0)) {
        stepping.step = 0;
        stepping.sent = false;
        bool done = run(&j);
        if (!expect(done || stepping.sent) || !stepping.sent) break;
        late += done;
        preempted += !done;
        if (!done) {
            expect(mo_fiber_is_preempted(j.fiber));
            change_registers();
            expect(run(&other) && other.result == other_want);
            if (interrupt) expect(mote_store_interrupt(j.w.store, MOTE_TRAP_INTERRUPTED));
            done = run(&j);
        }
        expect(done);
        if (!done) break;
        if (preempted && interrupt && j.w.status != MOTE_OK) expect_trap(&j.w, INTERRUPTED);
        else expect(j.w.status == MOTE_OK && j.result == want);
    }
    sigaction(SIGTRAP, &old, NULL);
    expect(preempted > (SANITIZED ? 0 : 20) && (SANITIZED || late > 0));
    job_end(&j);
    job_end(&other);
}
#endif

TEST(preempted_at_any_instruction_it_goes_on_there)
{
    need_signals();
#ifdef NO_STEPS
    skip("no single-stepping here");
#else
    /* 2 * 2 + 3 + 2 + 2 = 11, and the sum of 1 to 11 */
    step_through("all", 2, 66, 1, false);
#endif
}

TEST(interrupted_where_it_was_preempted_it_ends)
{
    need_signals();
#ifdef NO_STEPS
    skip("no single-stepping here");
#else
    step_through("all", 2, 66, 7, true);
#endif
}

TEST(vectors_are_kept_at_any_instruction)
{
    need_signals();
#ifdef NO_STEPS
    skip("no single-stepping here");
#else
    job j;
    job_begin(&j, "vectors", 2, 0);
    expect(run(&j));
    int32_t want = j.result;
    job_end(&j);
    step_through("vectors", 2, want, 1, false);
#endif
}

/* It spins; an interrupt that is lost on the way back to it would never end it. */
TEST(an_interrupt_at_any_instruction_of_the_way_back_is_not_lost)
{
    need_signals();
#ifdef NO_STEPS
    skip("no single-stepping here");
#else
    job j;
    struct sigaction old;
    job_begin(&j, "spin", 0, 1);
    stepping.store = j.w.store;
    steps_begin(&old);
    alarm(300); /* rather than for ever */
    for (stepping.at = 0; tests.failures < 20; stepping.at += 1 + (SANITIZED ? stepping.at / 8 : 0)) {
        j.steps = false;
        expect(!run(&j));
        stepping.step = 0;
        stepping.sent = false;
        mo_fiber_set_slice(j.fiber, 0);
        STEP_ON();
        bool done = run(&j);
        STEP_OFF();
        expect(done && stepping.sent);
        expect_trap(&j.w, INTERRUPTED);
        mo_fiber_set_slice(j.fiber, 1);
        if (stepping.last) break;
    }
    alarm(0);
    expect(stepping.last && stepping.at > 10);
    sigaction(SIGTRAP, &old, NULL);
    job_end(&j);
#endif
}
