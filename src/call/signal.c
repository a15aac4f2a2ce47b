/* signal.c - faults of guest code become traps; a real-time signal interrupts calls.
 *
 *   signal    program counter in         what happens
 *   fault     guest code, x86_64.S       a trap, if the address explains it
 *   fault     anywhere else              the handler that was there before
 *   interrupt guest code, *_guest        the call is abandoned: a trap
 *   interrupt mo_call_system             the system call ends with -EINTR
 *   interrupt mo_preempted               the call that would go on ends
 *   interrupt anywhere else              run->interrupt is set, and found on return
 *   tick      guest code, *_guest        where its slice is over: its fiber is parked
 *   tick      anywhere else              where it is over: run->preempt is set
 *   SIGPIPE   a quiet host function      nothing: the write fails with an errno
 *   SIGPIPE   anywhere else              what the process would do without mote
 *
 * An interrupt is aimed at one call: store->request names the call's number, and the
 * handler, on the thread that runs it, compares. Handlers run on a stack of the
 * thread's own, for the guest's may be full; they take no memory and no lock. */
#include "call/call.h"
#include "instance/reset.h"

#include "mote/engine.h"
#include "mote/store.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
static struct sigaction before[MO_COUNT(faults)], before_interrupt;
static int interrupt_signal; /* 0: not chosen yet */
static bool installed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int mo_interrupt_signal(void) { return interrupt_signal; }

/* --- others' handlers ----------------------------------------------------- */

/* Dies of it, as the process would have without mote: the default action is put back
 * and the instruction runs again, or the signal is sent again. */
static void die_of(int number, const siginfo_t *info)
{
    struct sigaction normal = {.sa_handler = SIG_DFL};
    sigaction(number, &normal, NULL);
    if (info->si_code <= 0)
        syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
}

static void pass_on(const struct sigaction *old, int number, siginfo_t *info, void *uc)
{
    bool with_info = old->sa_flags & SA_SIGINFO;
    if (!with_info && old->sa_handler == SIG_DFL) {
        die_of(number, info);
        return;
    }
    if (!with_info && old->sa_handler == SIG_IGN) {
        if (info->si_code > 0)
            die_of(number, info); /* the kernel does not let a fault be ignored */
        return;
    }
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, &old->sa_mask, &mask);
    if (with_info)
        old->sa_sigaction(number, info, uc);
    else
        old->sa_handler(number);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

/* --- faults ------------------------------------------------------------- */

static bool is_guest_code(const void *pc) { return mo_artifact_find(pc) || mo_asm_has(pc); }

static bool in_guard(const mo_stack *stack, const uint8_t *address)
{
    return address >= stack->base && address < stack->low;
}

/* The trap that an access of the guest's there means. */
static uint32_t classify_access(const mote_store *store, const uint8_t *address)
{
    for (const mote_memory *m = store->memories; m; m = m->next)
        if (address >= m->reserved && address < m->reserved + m->reserved_len)
            return mo_reset_guards(m, address) ? MO_TRAP_MEMORY_LIMIT : MO_TRAP_MEMORY_BOUNDS;
    return MO_TRAP_NONE;
}

/* The trap that a fault means, or MO_TRAP_NONE if it is not the guest's. */
static uint32_t classify(const mote_store *store, int number, const siginfo_t *info, const void *pc)
{
    if (!is_guest_code(pc))
        return MO_TRAP_NONE;
    if (number == SIGILL)
        return mo_asm_trap_code(pc);
    if (in_guard(&store->stack, info->si_addr))
        return MO_TRAP_STACK_OVERFLOW;
    return mo_artifact_find(pc) ? classify_access(store, info->si_addr) : MO_TRAP_NONE;
}

/* An access to a page that is closed until somebody wants it: of the guest's stack, or of
 * a memory, by a write of guest or host. */
static bool opens(const mo_activation *top, const siginfo_t *info, const ucontext_t *uc)
{
    if (top && info->si_code == SEGV_ACCERR && is_guest_code(mo_signal_pc(uc)) &&
        mo_stack_open(&top->store->stack, info->si_addr))
        return true;
    if (info->si_code != SEGV_ACCERR || !mo_signal_is_write(uc))
        return false;
    for (mote_memory *m = top ? top->store->memories : NULL; m; m = m->next)
        if (mo_reset_open(m, info->si_addr, 1))
            return true;
    return mo_reset_open_here(info->si_addr);
}

static void abandon(mote_store *store, uint32_t code, ucontext_t *uc)
{
    mo_trap_set(store, code, mo_signal_pc(uc), mo_signal_frame(uc), true);
    mo_signal_leave(uc, &store->run, MOTE_TRAP);
}

static mo_activation *innermost(void) { return atomic_load_explicit(&mo_thread_here.top, memory_order_relaxed); }

static void on_fault(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    int saved = errno;
    const mo_activation *top = innermost();
    bool ours = top && info->si_code > 0;
    if (number == SIGSEGV && opens(top, info, uc)) {
        errno = saved;
        return;
    }
    uint32_t code = ours ? classify(top->store, number, info, mo_signal_pc(uc)) : MO_TRAP_NONE;
    if (code) {
        abandon(top->store, code, uc);
    } else if (!ours || number != SIGFPE || !is_guest_code(mo_signal_pc(uc)) ||
               !mo_signal_mask_fp(uc, &top->store->run)) {
        for (size_t i = 0; i < MO_COUNT(faults); i++)
            if (faults[i] == number)
                pass_on(&before[i], number, info, context);
    }
    errno = saved;
}

/* --- interrupts ---------------------------------------------------------- */

/* What the store's call is asked to end with now, or MO_TRAP_NONE. */
static uint32_t asked(mote_store *store)
{
    uint64_t call = atomic_load_explicit(&store->call, memory_order_relaxed);
    uint64_t request = atomic_load_explicit(&store->request, memory_order_acquire);
    if (!(call & 1))
        return MO_TRAP_NONE;
    if (request >> 8 == (call & UINT64_MAX >> 8))
        return request & 0xff;
    if (store->cpu_limit_ns && store->cpu_used_ns >= store->cpu_limit_ns)
        return MO_TRAP_CPU_LIMIT;
    return mo_timer_is_over(store) ? MO_TRAP_TIMEOUT : MO_TRAP_NONE;
}

static void wake_waiter(mote_store *store)
{
    mo_waiter *waiter = atomic_load(&store->waiter);
    uint32_t waiting = MO_WAITING;
    if (waiter)
        atomic_compare_exchange_strong(&waiter->state, &waiting, MO_WAIT_INTERRUPTED);
}

static bool take_requests(const mo_activation *top)
{
    bool any = false;
    for (const mo_activation *a = top; a; a = a->above) {
        uint32_t code = asked(a->store);
        if (!code)
            continue;
        __atomic_store_n(&a->store->run.interrupt, (uint16_t)code, __ATOMIC_SEQ_CST);
        wake_waiter(a->store);
        any = true;
    }
    return any;
}

void mo_interrupts_look(void) { take_requests(innermost()); }

/* Guest code, or a way in or out? */
static bool is_running(const ucontext_t *uc) { return mo_artifact_find(mo_signal_pc(uc)) || mo_asm_is_guest(mo_signal_pc(uc)); }

/* False: not here. */
static bool end(mote_store *store, ucontext_t *uc)
{
    if (is_running(uc))
        abandon(store, store->run.interrupt, uc);
    else if (mo_asm_is_system(mo_signal_pc(uc)))
        mo_signal_end_system(uc);
    else if (mo_asm_is_resuming(mo_signal_pc(uc)))
        mo_signal_end_resuming(uc);
    else
        return false;
    return true;
}

static void on_interrupt(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    int saved = errno;
    const mo_activation *top = innermost();
    bool tick = mo_ticks_count(info, top || mo_thread_here.fiber);
    if (tick)
        mo_cpu_tick(top);
    bool ours = take_requests(top) || tick;
    bool due = top && mo_preempt_is_due(&top->store->run);
    if (top && top->store->run.interrupt)
        ours |= end(top->store, uc);
    else if (due)
        ours |= is_running(uc) && mo_preempt_guest(&top->store->run, uc);
    if (!ours && before_interrupt.sa_handler != SIG_DFL)
        pass_on(&before_interrupt, number, info, context);
    errno = saved;
}

static bool send(int thread, int number)
{
    for (int tries = 0; tries < 1000; tries++) {
        if (syscall(SYS_tgkill, getpid(), thread, number) == 0)
            return true;
        if (errno != EAGAIN) /* the thread is gone, and its call with it */
            return false;
        sched_yield();
    }
    return false;
}

bool mote_store_interrupt(mote_store *store, mote_trap_code code)
{
    int saved = errno;
    uint64_t call = atomic_load_explicit(&store->call, memory_order_acquire);
    bool sent = call & 1;
    if (sent) {
        int thread = atomic_load_explicit(&store->thread_id, memory_order_relaxed);
        uint64_t request = call << 8 | (code ? (uint64_t)code & 0xff : MO_TRAP_INTERRUPTED);
        uint64_t earlier = atomic_exchange(&store->request, request);
        if (earlier >> 8 != request >> 8) { /* else the signal is on its way, or was handled */
            sent = send(thread, interrupt_signal);
            if (sent && thread == mo_thread_here.id) /* in a handler, which is no guest code: ask again later */
                mo_ticks_start(&mo_thread_here);
            if (!sent)
                atomic_compare_exchange_strong(&store->request, &request, 0);
        }
    }
    errno = saved;
    return sent;
}

/* --- writing ------------------------------------------------------------- */

static const int of_writing[] = {SIGPIPE, SIGXFSZ};
static struct sigaction before_quiet[MO_COUNT(of_writing)];
static bool quiet_installed;

static void on_write(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    for (size_t i = 0; i < MO_COUNT(of_writing) && !mo_thread_here.quiet; i++)
        if (of_writing[i] == number)
            pass_on(&before_quiet[i], number, info, context);
    errno = saved;
}

/* Where the process ignores them already, there is nothing to do. */
static bool install_quiet(mote_error *err)
{
    struct sigaction action = {.sa_sigaction = on_write, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < MO_COUNT(of_writing); i++) {
        bool ok = sigaction(of_writing[i], NULL, &before_quiet[i]) == 0;
        if (ok && before_quiet[i].sa_handler != SIG_IGN)
            ok = sigaction(of_writing[i], &action, NULL) == 0;
        if (!ok)
            return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "signal %d: no handler possible: %s", of_writing[i],
                           strerror(errno));
    }
    return true;
}

bool mo_signals_quiet(mote_error *err)
{
    pthread_mutex_lock(&lock);
    bool ok = quiet_installed || install_quiet(err);
    quiet_installed = ok;
    pthread_mutex_unlock(&lock);
    return ok;
}

/* --- installing ------------------------------------------------------------- */

static bool install(mote_error *err)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    if (!interrupt_signal)
        interrupt_signal = SIGRTMAX - 2;
    if (!mo_threads_install(err))
        return false;
    sigaddset(&action.sa_mask, interrupt_signal);
    action.sa_sigaction = on_fault;
    for (size_t i = 0; i < MO_COUNT(faults); i++)
        if (sigaction(faults[i], &action, &before[i]) != 0)
            return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "signal %d: no handler possible: %s", faults[i],
                           strerror(errno));
    action.sa_sigaction = on_interrupt;
    action.sa_flags |= SA_RESTART;
    if (sigaction(interrupt_signal, &action, &before_interrupt) != 0)
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "signal %d: no handler possible: %s", interrupt_signal,
                       strerror(errno));
    return true;
}

bool mo_signals_install(mote_error *err)
{
    pthread_mutex_lock(&lock);
    bool ok = installed || install(err);
    installed = ok;
    pthread_mutex_unlock(&lock);
    return ok;
}

mote_status mote_engine_use_signal(int signal_number, mote_error *err)
{
    pthread_mutex_lock(&lock);
    bool late = installed;
    if (!late && signal_number >= SIGRTMIN && signal_number <= SIGRTMAX)
        interrupt_signal = signal_number;
    pthread_mutex_unlock(&lock);
    if (late)
        return mo_tell(err, MOTE_MISUSE, "signal: chosen after the first engine was made");
    if (signal_number < SIGRTMIN || signal_number > SIGRTMAX)
        return mo_tell(err, MOTE_MISUSE, "signal: %d is not a real-time signal (%d to %d)", signal_number, SIGRTMIN,
                       SIGRTMAX);
    return MOTE_OK;
}
