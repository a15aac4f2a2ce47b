/* Fibers: host stacks that are left in the middle of a guest's call and gone back to. */
#include "call/guest.h"

#include "call/call.h"
#include "call/fiber.h"

#include <time.h>

enum { STACK = 256 << 10 };

/* --- without guests --------------------------------------------------------- */

typedef struct counting {
    mo_fiber *fiber;
    int n, most;
} counting;

static void count_up(void *data)
{
    counting *c = data;
    for (c->n = 1; c->n < c->most; c->n++)
        mo_fiber_park(c->fiber);
}

TEST(a_fiber_goes_on_where_it_was_and_can_be_used_again)
{
    counting a = {mo_fiber_new(STACK), 0, 3}, b = {mo_fiber_new(STACK), 0, 4};
    require(a.fiber && b.fiber);
    for (int i = 0; i < 2; i++) {
        expect(!mo_fiber_run(a.fiber, count_up, &a) && a.n == 1);
        expect(!mo_fiber_run(b.fiber, count_up, &b) && b.n == 1);
        expect(!mo_fiber_run(a.fiber, NULL, NULL) && a.n == 2);
        expect(mo_fiber_run(a.fiber, NULL, NULL) && a.n == 3);
        expect(!mo_fiber_run(b.fiber, NULL, NULL) && b.n == 2);
        expect(!mo_fiber_run(b.fiber, NULL, NULL) && b.n == 3);
        expect(mo_fiber_run(b.fiber, NULL, NULL) && b.n == 4);
    }
    mo_fiber_free(a.fiber);
    mo_fiber_free(b.fiber);
    mo_fiber_free(NULL);
}

/* --- guests that call park() -------------------------------------------------- */

/* wait(x) parks and returns x + 1. work(x): wait(wait(x)) + memory; then a trap for x = 99. */
static guest parking_guest(void)
{
    guest g = {0};
    uint32_t wait = guest_import_func(&g, "wait", "i:i");
    guest_memory(&g, BYTES(0, 1));
    guest_func(&g, "work", "i:i", BYTES(w_local_get, 0, w_call, (uint8_t)wait, w_call, (uint8_t)wait, w_end));
    guest_func(&g, "bad", "i:i", BYTES(w_local_get, 0, w_call, (uint8_t)wait, w_drop, w_unreachable, w_end));
    guest_func(&g, "loop", "i:i", BYTES(w_local_get, 0, w_call, (uint8_t)wait, w_drop, w_loop, 0x40, w_br, 0, w_end,
                                        w_i32_const, 0, w_end));
    guest_func(&g, "quick", "i:i", BYTES(w_local_get, 0, w_end));
    return g;
}

typedef struct job {
    mo_fiber *fiber;
    world w;
    const char *name;
    int32_t arg, result;
    bool deep; /* calls the guest again from the host function */
} job;

static mote_status park_here(mote_caller *caller, void *data, mote_raw *values)
{
    job *j = mote_store_data(mote_caller_store(caller));
    (void)data;
    if (j->deep) {
        j->deep = false;
        mote_raw again[1] = {{.i32 = values[0].i32}};
        mote_status status = mote_func_call_raw(mote_instance_func(j->w.instance, "work"), again, NULL);
        values[0].i32 = again[0].i32;
        return status;
    }
    mo_fiber_park(j->fiber);
    values[0].i32++;
    return MOTE_OK;
}

static void do_job(void *data)
{
    job *j = data;
    j->result = call1(&j->w, j->name, j->arg);
}

static bool job_begin(job *j, const guest *g)
{
    j->fiber = mo_fiber_new(STACK);
    j->w = world_before(compiled(g));
    world_func(&j->w, "wait", "i:i", park_here, NULL);
    mote_store_set_data(j->w.store, j);
    return j->fiber && world_go(&j->w) == MOTE_OK;
}

static void job_end(job *j)
{
    mo_fiber_free(j->fiber);
    world_end(&j->w);
}

static bool step(job *j) { return mo_fiber_run(j->fiber, do_job, j); }

TEST(calls_are_parked_in_the_middle_and_finish_in_any_order)
{
    need_compiler();
    guest g = parking_guest();
    job a = {.name = "work", .arg = 10}, b = {.name = "work", .arg = 20}, c = {.name = "bad", .arg = 1};
    require(job_begin(&a, &g) && job_begin(&b, &g) && job_begin(&c, &g));
    for (int i = 0; i < 3; i++) {
        expect(!step(&a) && !step(&b) && !step(&c));
        expect(!step(&a));
        expect(step(&c));
        expect_trap(&c.w, UNREACHABLE);
        expect(!step(&b) && step(&b) && step(&a));
        expect(a.w.status == MOTE_OK && a.result == 12);
        expect(b.w.status == MOTE_OK && b.result == 22);
    }
    job_end(&a);
    job_end(&b);
    job_end(&c);
}

TEST(a_nested_call_is_parked_with_the_one_around_it)
{
    need_compiler();
    guest g = parking_guest();
    job a = {.name = "work", .arg = 1, .deep = true}, b = {.name = "work", .arg = 5};
    require(job_begin(&a, &g) && job_begin(&b, &g));
    expect(!step(&a) && !step(&b) && !step(&a)); /* both of the inner call's */
    expect(!step(&a));                           /* the outer call's second */
    expect(!step(&b) && step(&b));
    expect(step(&a));
    expect(a.result == 4 && b.result == 7);
    job_end(&a);
    job_end(&b);
}

TEST(while_one_is_parked_the_thread_calls_others_the_fast_way_too)
{
    need_compiler();
    guest g = parking_guest();
    job a = {.name = "work", .arg = 1}, b = {.name = "work"};
    mote_prepared quick;
    mote_functype type = functype("i:i");
    require(job_begin(&a, &g) && job_begin(&b, &g));
    require(mote_func_prepare(mote_instance_func(b.w.instance, "quick"), &type, &quick, NULL) == MOTE_OK);
    expect(!step(&a));
    for (int i = 0; i < 3; i++) {
        mote_raw v[1] = {{.i32 = 41 + i}};
        expect(mote_prepared_call(&quick, v, NULL) == MOTE_OK && v[0].i32 == 41 + i);
    }
    expect(call1(&b.w, "quick", 7) == 7);
    expect(!step(&a) && step(&a) && a.result == 3);
    job_end(&a);
    job_end(&b);
}

/* --- interrupts and limits ------------------------------------------------------ */

TEST(an_interrupt_finds_a_parked_call_when_it_goes_on)
{
    need_compiler();
    guest g = parking_guest();
    job a = {.name = "loop", .arg = 1}, b = {.name = "work", .arg = 1};
    require(job_begin(&a, &g) && job_begin(&b, &g));
    expect(!step(&a) && !step(&b));
    expect(mote_store_interrupt(a.w.store, MOTE_TRAP_INTERRUPTED));
    expect(!step(&b) && step(&b) && b.result == 3);
    expect(step(&a));
    expect_trap(&a.w, INTERRUPTED);
    a.name = "work";
    expect(!step(&a) && !step(&a) && step(&a)); /* nothing is left of it */
    expect(a.w.status == MOTE_OK && a.result == 3);
    job_end(&a);
    job_end(&b);
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0) {}
}

typedef struct pooled_job {
    job j;
    mote_pool *pool;
    mote_program *program;
    mote_instance *instance;
} pooled_job;

static bool pooled_begin(pooled_job *p, const guest *g, uint64_t timeout_us)
{
    mote_pool_limits limits = mote_pool_limits_default();
    mote_error err;
    limits.timeout_us = timeout_us;
    p->j.fiber = mo_fiber_new(STACK);
    p->j.w = world_before(compiled(g));
    world_func(&p->j.w, "wait", "i:i", park_here, NULL);
    if (!p->j.fiber || mote_pool_new(engine, &limits, &p->pool, &err) ||
        mote_program_new(p->pool, p->j.w.artifact, p->j.w.linker, &p->program, &err) ||
        mote_pool_acquire(p->program, &p->instance, &err))
        return false;
    p->j.w.instance = p->instance;
    mote_store_set_data(mote_instance_store(p->instance), &p->j);
    return true;
}

static void pooled_end(pooled_job *p)
{
    expect(mote_pool_release(p->instance, NULL) == MOTE_OK);
    mote_pool_free(p->pool);
    job_end(&p->j);
}

TEST(a_pools_time_limit_counts_what_a_call_is_parked)
{
    need_compiler();
    guest g = parking_guest();
    pooled_job a = {.j = {.name = "work", .arg = 1}}, b = {.j = {.name = "work", .arg = 1}};
    require(pooled_begin(&a, &g, 50000) && pooled_begin(&b, &g, 60000000));
    expect(!step(&a.j) && !step(&b.j));
    sleep_ms(200); /* the ticker has nothing to do and stops, and is started again */
    expect(step(&a.j));
    expect_trap(&a.j.w, TIMEOUT);
    expect(!step(&b.j));
    sleep_ms(200);
    expect(step(&b.j) && b.j.w.status == MOTE_OK && b.j.result == 3);
    pooled_end(&a);
    pooled_end(&b);
}

/* --- the end of the stack --------------------------------------------------------- */

static mote_status call_again(mote_caller *caller, void *data, mote_raw *values)
{
    (void)data;
    return mote_func_call_raw(mote_instance_func(mote_caller_instance(caller), "down"), values, NULL);
}

static void go_down(void *data)
{
    job *j = data;
    call0(&j->w, "down");
}

TEST(host_and_guest_in_turns_end_before_the_fiber_does)
{
    need_compiler();
    guest g = {0};
    uint32_t again = guest_import_func(&g, "again", ":");
    guest_func(&g, "down", ":", BYTES(w_call, (uint8_t)again, w_end));
    job j = {.fiber = mo_fiber_new(STACK), .w = world_before(compiled(&g))};
    world_func(&j.w, "again", ":", call_again, NULL);
    require(j.fiber && world_go(&j.w) == MOTE_OK);
    expect(mo_fiber_run(j.fiber, go_down, &j));
    expect_trap(&j.w, STACK_OVERFLOW);
    job_end(&j);
}
