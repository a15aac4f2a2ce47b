/* fiber.c - stacks made, entered, left and gone back to.
 *
 *   base           low                              fiber
 *    +--------------+--------------------------------+----------+
 *    | guard: none  | host frames                    | mo_fiber |
 *    +--------------+--------------------------------+----------+ */
#include "call/fiber.h"

#include "call/call.h"
#include "call/sanitize.h"

#include <sys/mman.h>

#define GUARD ((size_t)64 << 10)

struct mo_fiber {
    uint8_t *base, *low;
    void *sp;      /* where it is to go on, unless it runs */
    void *host_sp; /* where mo_fiber_run() is to go on */
    mo_fiber_function *function;
    void *data;
    bool runs; /* or is parked: its function has not returned */
    bool preempted;
    uint32_t slice;
    mo_parked calls;
    mo_fiber_facts facts;
};

/* What every fiber runs: one function after the other. */
static void fiber_main(void *p)
{
    mo_fiber *fiber = p;
    mo_sanitize_fiber_entered(&fiber->facts);
    for (;;) {
        fiber->function(fiber->data);
        fiber->runs = false;
        mo_sanitize_fiber_leave(&fiber->facts);
        mo_fiber_switch(&fiber->sp, fiber->host_sp);
        mo_sanitize_fiber_entered(&fiber->facts);
    }
}

mo_fiber *mo_fiber_new(size_t stack_bytes)
{
    size_t usable = mo_round_up(stack_bytes + sizeof(mo_fiber), MO_FILE_PAGE);
    uint8_t *base = mmap(NULL, GUARD + usable, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    if (mprotect(base + GUARD, usable, PROT_READ | PROT_WRITE) != 0) {
        munmap(base, GUARD + usable);
        return NULL;
    }
    size_t at = (usable - sizeof(mo_fiber)) & ~(size_t)63;
    mo_fiber *fiber = (mo_fiber *)(void *)(base + GUARD + at);
    *fiber = (mo_fiber){.base = base, .low = base + GUARD};
    mo_sanitize_fiber_new(&fiber->facts, fiber->low, at);
    fiber->sp = mo_fiber_first(fiber, fiber_main, fiber);
    return fiber;
}

void mo_fiber_free(mo_fiber *fiber)
{
    if (!fiber)
        return;
    uint8_t *base = fiber->base, *end = (uint8_t *)mo_round_up((uintptr_t)(fiber + 1), MO_FILE_PAGE);
    mo_sanitize_fiber_free(&fiber->facts);
    munmap(base, (size_t)(end - base));
}

/* Where no timer can be had, nobody is preempted. */
static void begin_slice(mo_thread *thread, const mo_fiber *fiber)
{
    thread->slice_end = fiber->slice ? thread->ticks + fiber->slice : UINT64_MAX;
    if (fiber->slice && !thread->ticks_run && thread->ready)
        mo_ticks_start(thread);
}

bool mo_fiber_run(mo_fiber *fiber, mo_fiber_function *function, void *data)
{
    mo_thread *thread = &mo_thread_here;
    if (!thread->ready)
        mo_thread_start();
    uintptr_t low = thread->stack_low, is_short = thread->stack_short;
    size_t size = (size_t)((uint8_t *)fiber - fiber->low);
    mo_fiber *outer = thread->fiber;
    uint64_t outer_end = thread->slice_end;
    thread->stack_low = (uintptr_t)fiber->low;
    thread->stack_short = (uintptr_t)fiber->low + size / 4;
    if (!fiber->runs) {
        fiber->function = function;
        fiber->data = data;
        fiber->runs = true;
    }
    fiber->preempted = false;
    thread->fiber = fiber;
    begin_slice(thread, fiber);
    mo_sanitize_fiber_enter(&fiber->facts);
    mo_fiber_switch(&fiber->host_sp, fiber->sp);
    mo_sanitize_fiber_left(&fiber->facts);
    thread->slice_end = outer_end;
    thread->fiber = outer;
    thread->stack_low = low;
    thread->stack_short = is_short;
    return !fiber->runs;
}

void mo_fiber_park(mo_fiber *fiber)
{
    mo_call_park(&fiber->calls);
    mo_sanitize_fiber_leave(&fiber->facts);
    mo_fiber_switch(&fiber->sp, fiber->host_sp);
    mo_sanitize_fiber_entered(&fiber->facts);
    mo_call_resume(&fiber->calls);
}

void mo_fiber_set_slice(mo_fiber *fiber, uint32_t ticks) { fiber->slice = ticks == 1 ? 2 : ticks; }
bool mo_fiber_is_preempted(const mo_fiber *fiber) { return fiber->preempted; }

void mo_fiber_preempt(mo_fiber *fiber)
{
    fiber->preempted = true;
    mo_fiber_park(fiber);
}
