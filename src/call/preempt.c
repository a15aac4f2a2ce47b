/* preempt.c - a guest that has had its slice is parked, wherever it is, and goes on there.
 *
 *   tick in guest code --> handler: state laid on the host's stack --> mo_preempted
 *   tick in host code  --> run->preempt --> on the way back to the guest, or mo_preempt_look
 *                                \__________ both: mo_preempt_park: mo_fiber_preempt
 *
 * The state is the kernel's own frame of the signal, with all that the processor has of
 * registers; it goes to the stack that host functions run on, where nothing is while the guest runs, so that the
 * handler is left, and the signal stack free, before others run. */
#include "call/call.h"

#include "call/fiber.h"

bool mo_preempt_is_due(mo_run *run)
{
    const mo_thread *thread = &mo_thread_here;
    if (!thread->fiber || thread->ticks < thread->slice_end || !mo_store_runs(mo_store_of(run)))
        return false;
    __atomic_store_n(&run->preempt, 1, __ATOMIC_RELAXED);
    return true;
}

/* Host functions still have to find room below. */
bool mo_preempt_guest(mo_run *run, ucontext_t *uc)
{
    const mo_thread *thread = &mo_thread_here;
    uintptr_t entry = (uintptr_t)run->entry;
    return entry >= thread->stack_low && mo_signal_preempt(uc, run, thread->stack_short);
}

void mo_preempt_park(mo_run *run)
{
    run->preempt = 0;
    mo_fiber_preempt(mo_thread_here.fiber);
}

void mo_preempt_end(mo_run *run, const ucontext_t *uc)
{
    mo_trap_set(mo_store_of(run), run->interrupt, mo_signal_pc(uc), mo_signal_frame(uc), true);
    mo_leave(run, MOTE_TRAP);
}
