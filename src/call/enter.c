/* enter.c - activations: which stack, which thread, and what signal handlers see. */
#include "call/call.h"

#include "call/sanitize.h"
#include "mote/store.h"

_Static_assert(offsetof(mo_context, run) == CONTEXT_RUN, "x86_64.h");
_Static_assert(offsetof(mote_caller, callback) == HOST_CALLBACK, "x86_64.h");
_Static_assert(offsetof(mote_caller, data) == HOST_DATA, "x86_64.h");
_Static_assert(FAST_NRESULTS == ENTRY_KIND - FAST_SIZE, "x86_64.h");
_Static_assert(offsetof(mo_run, handler) == RUN_HANDLER, "x86_64.h");
_Static_assert(offsetof(mo_run, interrupt) == RUN_INTERRUPT, "x86_64.h");
_Static_assert(offsetof(mo_run, preempt) == RUN_INTERRUPT + 2, "x86_64.h");
_Static_assert(offsetof(mo_run, host_fp) == RUN_HOST_FP, "x86_64.h");
_Static_assert(offsetof(mo_run, entry) == RUN_ENTRY, "x86_64.h");
_Static_assert(offsetof(mo_run, host_frame) == RUN_HOST_FRAME, "x86_64.h");
_Static_assert(offsetof(mo_run, xfer) == RUN_XFER && sizeof(mo_slot_value) == 16, "x86_64.h");
_Static_assert(offsetof(mo_image, vecs) == IMAGE_VECS, "x86_64.h");
_Static_assert(sizeof(mo_slot_value) == sizeof(mote_raw), "one is the other's public name");

__thread mo_thread mo_thread_here __attribute__((tls_model("initial-exec")));

/* What a host function finds left of its thread's stack, if it is on that and not on
 * one that the embedder made: a guest that calls the host that calls the guest ... ends
 * before it is full. */
static bool is_host_stack_short(const mo_thread *thread)
{
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
    return sp >= thread->stack_low && sp < thread->stack_short;
}

/* A nested call's guest frames go on below the frame of the host call that makes it. */
static mote_status nested_stack(mote_store *store, const mo_thread *thread, void **ret, mote_error *err)
{
    if (atomic_load_explicit(&store->thread_id, memory_order_relaxed) != thread->id || !store->run.host_frame)
        return mo_tell(err, MOTE_MISUSE, "store: a call runs in it on another thread");
    uintptr_t at = ((uintptr_t)store->run.host_frame & ~(uintptr_t)15) - HOST_CALL_FRAME;
    if (at < (uintptr_t)store->stack.low + MO_FILE_PAGE || is_host_stack_short(thread)) {
        mo_trap_set(store, MO_TRAP_STACK_OVERFLOW, NULL, store->run.host_frame, false);
        return mo_call_failed(store, MOTE_TRAP, err);
    }
    *ret = (void *)at;
    return MOTE_OK;
}

static inline void announce(mote_store *store, uint64_t change)
{
    uint64_t call = atomic_load_explicit(&store->call, memory_order_relaxed);
    atomic_store_explicit(&store->call, call + change, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

/* The outermost call is over: nothing aimed at it may hit the next one. */
static inline void finish(mote_store *store)
{
    announce(store, 1);
    if (mo_unlikely(store->run.interrupt | store->run.preempt))
        store->run.interrupt = store->run.preempt = 0;
}

/* A store that has used it up already ends at once. */
static void begin_cpu(mote_store *store)
{
    mo_cpu_begin(store, mo_now_ns());
    if (store->cpu_used_ns >= store->cpu_limit_ns)
        store->run.interrupt = MO_TRAP_CPU_LIMIT;
}

/* Limits begin anew before the call is known to run: a tick in between would find the last
 * call's over. */
static void begin(mote_store *store, const mo_thread *thread)
{
    atomic_store_explicit(&store->thread_id, thread->id, memory_order_relaxed);
    store->fast_thread = store->timeout_us || store->cpu_limit_ns || MO_STACK_ANNOUNCED ? -1 : thread->id;
    if (store->tick_limit)
        mo_ticks_arm(store, &mo_thread_here);
    if (store->cpu_limit_ns)
        begin_cpu(store);
    announce(store, 1);
    if (store->timeout_us)
        mo_timer_start(store);
}

static inline void set_top(mo_thread *thread, mo_activation *top)
{
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&thread->top, top, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

mote_status mo_call(mote_store *store, const void *code, mo_context *context, mo_image *image, mote_error *err)
{
    mo_thread *thread = &mo_thread_here;
    if (!thread->ready && !mo_thread_start())
        return mo_tell(err, MOTE_NOMEM, "thread: no memory for its signal stack");
    void *stack = store->stack.top;
    bool nested = mo_store_runs(store);
    if (nested) {
        mote_status status = nested_stack(store, thread, &stack, err);
        if (status)
            return status;
    }
    mote_store_clear(store);
    mo_activation here = {atomic_load_explicit(&thread->top, memory_order_relaxed), store};
    mo_switch change = {.outer = here.above ? here.above->store : NULL};
    bool switches = !nested || change.outer != store;
    set_top(thread, &here);
    if (!nested)
        begin(store, thread);
    if (switches)
        mo_sanitize_enter(store, &change);
    int status = mo_enter(image, code, context, &store->run, stack);
    if (!nested)
        finish(store);
    if (switches)
        mo_sanitize_leave(store, &change, status != 0);
    if (!nested && store->timeout_us)
        mo_timer_stop(store);
    if (!nested && store->cpu_limit_ns)
        mo_cpu_end(store, mo_now_ns());
    set_top(thread, here.above);
    return mo_likely(status == 0) ? MOTE_OK : mo_call_failed(store, (mote_status)status, err);
}

/* As mo_call for an outermost call of integers, with as few stores as can be: what
 * begin() would set is set already, and nothing is cleared, for traps are told from
 * older ones by their call's number. */
mote_status mo_call_fast(mote_store *store, const void *code, mo_context *context, mote_raw *values, uint32_t counts,
                         mote_error *err)
{
    mo_thread *thread = &mo_thread_here;
    if (store->tick_limit)
        mo_ticks_arm(store, thread);
    set_top(thread, &store->activation);
    announce(store, 1);
    int status = mo_enter_fast(values, code, context, &store->run, store->stack.top, counts);
    finish(store);
    set_top(thread, NULL);
    return mo_likely(status == 0) ? MOTE_OK : mo_call_failed(store, (mote_status)status, err);
}

/* --- parked ---------------------------------------------------------------- */

static bool is_outermost(const mo_activation *a)
{
    for (const mo_activation *above = a->above; above; above = above->above)
        if (above->store == a->store)
            return false;
    return true;
}

/* What is left of the limit, in ticks, stands in tick_deadline meanwhile: the ticker may
 * stop while nothing runs. */
void mo_call_park(mo_parked *ret)
{
    mo_thread *thread = &mo_thread_here;
    *ret = (mo_parked){.top = atomic_load_explicit(&thread->top, memory_order_relaxed), .since_ns = mo_now_ns()};
    set_top(thread, NULL);
    for (const mo_activation *a = ret->top; a; a = a->above) {
        uint64_t at = a->store->tick_deadline;
        if (a->store->cpu_limit_ns && is_outermost(a))
            mo_cpu_end(a->store, ret->since_ns);
        if (a->store->tick_limit && is_outermost(a))
            a->store->tick_deadline = at > thread->ticks ? at - thread->ticks : 0;
    }
    if (ret->top)
        mo_sanitize_pause();
}

void mo_call_resume(const mo_parked *parked)
{
    mo_thread *thread = &mo_thread_here;
    uint64_t now_ns = parked->top ? mo_now_ns() : 0, gone = (now_ns - parked->since_ns) / MO_TICK_NS;
    bool limited = false;
    for (const mo_activation *a = parked->top; a; a = a->above) {
        uint64_t left = a->store->tick_deadline;
        a->store->run.preempt = 0; /* of the slice before */
        if (a->store->cpu_limit_ns && is_outermost(a))
            mo_cpu_begin(a->store, now_ns);
        if (!a->store->tick_limit || !is_outermost(a))
            continue;
        a->store->tick_deadline = thread->ticks + (left > gone ? left - gone : 0);
        limited = true;
    }
    if (parked->top)
        mo_sanitize_unpause(parked->top->store);
    set_top(thread, parked->top);
    if (limited && !thread->ticks_run)
        mo_ticks_need(thread, &parked->top->store->run);
    if (parked->top)
        mo_interrupts_look();
}
