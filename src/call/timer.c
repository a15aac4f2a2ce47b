/* timer.c - time limits of calls: a timer for one call, exact, or a thread's ticks. Both
 * send the signal that interrupts calls (signal.c), which asks here whether time is over. */
#include "call/call.h"

#include "mote/store.h"
#include "mote/trap.h"

#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

uint64_t mo_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

bool mo_timer_is_over(const mote_store *store)
{
    if (store->tick_limit && mo_thread_here.ticks >= store->tick_deadline)
        return true;
    return store->timeout_us && mo_now_ns() >= store->deadline_ns;
}

/* By less than a microsecond is by one. */
static void explain(mote_trap *trap, uint64_t used_ns, uint64_t limit_ns)
{
    uint64_t beyond_us = used_ns > limit_ns ? (used_ns - limit_ns + 999) / 1000 : 0;
    snprintf(trap->message, sizeof trap->message, "%s: %" PRIu64 ".%03" PRIu64 " ms and %" PRIu64 ".%03" PRIu64 " ms more",
             mote_trap_code_text((mote_trap_code)trap->code), limit_ns / 1000000, limit_ns / 1000 % 1000, beyond_us / 1000,
             beyond_us % 1000);
}

/* A timeout may be somebody's interrupt, too. */
void mo_timer_explain(mote_store *store)
{
    mote_trap *trap = &store->trap;
    uint64_t ticks = mo_thread_here.ticks, limit = store->tick_limit, now;
    if (trap->message[0])
        return;
    if (trap->code == MO_TRAP_CPU_LIMIT)
        explain(trap, store->cpu_used_ns, store->cpu_limit_ns);
    else if (trap->code == MO_TRAP_TIMEOUT && store->timeout_us && (now = mo_now_ns()) >= store->deadline_ns)
        explain(trap, store->timeout_us * 1000 + now - store->deadline_ns, store->timeout_us * 1000);
    else if (trap->code == MO_TRAP_TIMEOUT && limit && ticks >= store->tick_deadline)
        explain(trap, (limit + ticks - store->tick_deadline) * MO_TICK_NS, (limit - 1) * MO_TICK_NS);
}

/* --- ticks ---------------------------------------------------------------- */

/* One timer per thread that runs calls with a limit counts milliseconds; a call notes the
 * count at which it is over. The timer stops when no call was seen for a while, so that
 * an idle thread is left alone, and the next call starts it again. */
#define IDLE_TICKS 100
#define TICK_MARK 0x7469636b

static bool is_tick(const siginfo_t *info)
{
    return info->si_code == SI_TIMER && info->si_value.sival_int == TICK_MARK;
}

static void set_ticker(const mo_thread *thread, long every_ns)
{
    struct itimerspec when = {.it_value = {0, every_ns}, .it_interval = {0, every_ns}};
    syscall(SYS_timer_settime, thread->ticker, 0, &when, NULL);
}

bool mo_ticks_count(const siginfo_t *info, bool busy)
{
    mo_thread *thread = &mo_thread_here;
    if (!is_tick(info))
        return false;
    thread->ticks++;
    thread->idle_ticks = busy ? 0 : thread->idle_ticks + 1;
    if (thread->idle_ticks == IDLE_TICKS) {
        thread->idle_ticks = 0;
        thread->ticks_run = false;
        set_ticker(thread, 0);
    }
    return true;
}

/* By system calls of its own: handlers may start it, and libc's function takes memory. */
static bool make_ticker(mo_thread *thread)
{
    int timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = mo_interrupt_signal(),
                             .sigev_value = {.sival_int = TICK_MARK}};
    event.sigev_notify_thread_id = thread->id;
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) != 0)
        return false;
    thread->ticker = timer;
    thread->has_ticker = true;
    return true;
}

bool mo_ticks_start(mo_thread *thread)
{
    if (!thread->has_ticker && !make_ticker(thread))
        return false;
    thread->idle_ticks = 0;
    thread->ticks_run = true;
    set_ticker(thread, MO_TICK_NS);
    return true;
}

void mo_ticks_need(mo_thread *thread, mo_run *run)
{
    if (!mo_ticks_start(thread))
        run->interrupt = MO_TRAP_TIMEOUT;
}

/* The tick that is under way counts for nothing, so one more. */
void mo_limit_ticks(mote_store *store, uint64_t timeout_us)
{
    store->tick_limit = timeout_us ? timeout_us * 1000 / MO_TICK_NS + 1 : 0;
}

/* --- processor time -------------------------------------------------------- */

/* The thread's processor time is a system call to read, so a stretch that no tick falls
 * into, at most a millisecond, is counted by the other clock; where one does, the clock is
 * read at each tick and at the end, and what was before the first is a tick at most. */

static uint64_t read_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t before_tick(const mote_store *store, uint64_t now_ns)
{
    uint64_t gone = now_ns - store->cpu_since_ns;
    return gone < MO_TICK_NS ? gone : MO_TICK_NS;
}

void mo_cpu_begin(mote_store *store, uint64_t now_ns)
{
    store->cpu_mark_ns = 0;
    store->cpu_since_ns = now_ns;
    if (!mo_thread_here.ticks_run)
        mo_ticks_need(&mo_thread_here, &store->run);
}

void mo_cpu_end(mote_store *store, uint64_t now_ns)
{
    store->cpu_used_ns += store->cpu_mark_ns ? read_cpu() - store->cpu_mark_ns : before_tick(store, now_ns);
}

void mo_cpu_tick(const mo_activation *top)
{
    uint64_t cpu = 0;
    for (const mo_activation *a = top; a; a = a->above) {
        mote_store *store = a->store;
        if (!store->cpu_limit_ns || !mo_store_runs(store))
            continue;
        if (!cpu)
            cpu = read_cpu();
        store->cpu_used_ns += store->cpu_mark_ns ? cpu - store->cpu_mark_ns : before_tick(store, mo_now_ns());
        store->cpu_mark_ns = cpu;
    }
}

void mo_limit_cpu(mote_store *store, uint64_t cpu_us)
{
    store->cpu_limit_ns = cpu_us * 1000;
    store->cpu_used_ns = 0;
    store->fast_thread = -1; /* the next call sees to it */
}

mote_status mote_store_set_cpu_limit(mote_store *store, uint64_t cpu_us, mote_error *err)
{
    if (mo_store_runs(store))
        return mo_tell(err, MOTE_MISUSE, "processor time: a call runs");
    if (cpu_us > UINT64_C(1) << 50)
        return mo_tell(err, MOTE_LIMIT, "processor time: %" PRIu64 " us wanted, limit is 2^50", cpu_us);
    mo_limit_cpu(store, cpu_us);
    return MOTE_OK;
}

/* --- timers --------------------------------------------------------------- */

static bool make_timer(mote_store *store)
{
    timer_t timer;
    if (store->timer_thread == mo_thread_here.id)
        return true;
    mo_timer_release(store);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = mo_interrupt_signal()};
    event.sigev_notify_thread_id = mo_thread_here.id;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
        return false;
    store->timer = (void *)timer;
    store->timer_thread = mo_thread_here.id;
    return true;
}

static void set_timer(mote_store *store, uint64_t at_ns)
{
    struct itimerspec when = {.it_value = {(time_t)(at_ns / 1000000000), (long)(at_ns % 1000000000)}};
    timer_settime((timer_t)store->timer, TIMER_ABSTIME, &when, NULL);
}

/* A call that no timer can be had for ends at once: limits hold or nothing runs. */
void mo_timer_start(mote_store *store)
{
    store->deadline_ns = mo_now_ns() + store->timeout_us * 1000;
    if (make_timer(store))
        set_timer(store, store->deadline_ns);
    else
        store->run.interrupt = MO_TRAP_TIMEOUT;
}

void mo_timer_stop(mote_store *store)
{
    if (store->timer_thread)
        set_timer(store, 0);
}

void mo_timer_release(mote_store *store)
{
    if (store->timer_thread)
        timer_delete((timer_t)store->timer);
    store->timer_thread = 0;
}

mote_status mote_store_set_timeout(mote_store *store, uint64_t timeout_us, mote_error *err)
{
    if (mo_store_runs(store))
        return mo_tell(err, MOTE_MISUSE, "timeout: a call runs");
    if (timeout_us > UINT64_C(1) << 50)
        return mo_tell(err, MOTE_LIMIT, "timeout: %" PRIu64 " us wanted, limit is 2^50", timeout_us);
    store->timeout_us = timeout_us;
    store->fast_thread = -1; /* the next call sees to it */
    return MOTE_OK;
}
