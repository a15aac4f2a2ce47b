/* call.h - a running call.
 *
 *   mo_call --mo_enter--> guest --mo_host_call--> callback --mo_call--> guest ...
 *
 * Each mo_call is an activation; those of one thread form a list, for a thread may
 * run calls of several stores inside one another. What always holds:
 *   1  store->call is odd while there is an activation of the store; all its
 *      activations are of one thread;
 *   2  an activation is in its thread's list before store->call says that a call
 *      runs and until it says that none does: signal handlers find it;
 *   3  guest frames of one store lie on that store's stack, deeper activations below;
 *      host functions and helpers run on the stack that the outermost call came from;
 *   4  a trap or exception ends one activation; the callback that made it decides.
 *
 *   enter.c      activations, stacks, the way in        helpers.c  abi.def's helpers
 *   func.c       mote_func_call and prepared calls      atomic.c   wait and notify
 *   host.c       host functions and callers             trap.c     traps, backtraces
 *   signal.c     faults and interrupts, by signal       x86_64.*   the processor
 *   thread.c     what a thread needs before             timer.c    time limits
 *   linker.c     names for imports                      pool.c     instances lent
 *   fiber.c      stacks on which calls are parked
 *   preempt.c    calls that have had their slice */
#ifndef MO_CALL_CALL_H
#define MO_CALL_CALL_H

#include "call/x86_64.h"
#include "mote/linker.h"

#include <signal.h>
#include <stdatomic.h>

/* --- activations and threads (enter.c) ---------------------------------- */

typedef struct mo_thread {
    mo_activation *_Atomic top;
    int id;      /* the kernel's */
    bool ready;  /* has a signal stack and an id */
    bool quiet;  /* a host function writes: SIGPIPE and SIGXFSZ are its errors, no more */
    void *signal_stack;
    size_t signal_stack_len;
    uintptr_t stack_low, stack_short; /* its own stack, and where little of it is left; or 0 */
    uint64_t ticks;      /* counted by the ticker's signal while it runs (signal.c) */
    bool ticks_run;
    uint32_t idle_ticks; /* without a call */
    struct mo_fiber *fiber;  /* that runs, or NULL */
    uint64_t slice_end;  /* in ticks: from then on its guest is preempted */
    bool has_ticker;
    int ticker;          /* the kernel's number of the timer */
} mo_thread;

extern __thread mo_thread mo_thread_here __attribute__((tls_model("initial-exec")));

/* The calls of a stack that is left, and gone back to later (fiber.c). Meanwhile the
 * thread's list is empty; their time limits go on, and what has come up is told them on
 * the way back. */
typedef struct mo_parked {
    mo_activation *top;
    uint64_t since_ns;
} mo_parked;
void mo_call_park(mo_parked *ret);
void mo_call_resume(const mo_parked *parked);

/* Runs code as an activation of store. MOTE_OK, MOTE_TRAP, MOTE_EXCEPTION, MOTE_EXIT; MOTE_MISUSE
 * and MOTE_NOMEM before the guest was entered. */
mote_status mo_call(mote_store *store, const void *code, mo_context *context, mo_image *image, mote_error *err);
/* May mo_call_fast be used? Only outermost calls, on the thread that ran the last one. */
static inline bool mo_call_may_be_fast(const mote_store *store)
{
    const mo_thread *thread = &mo_thread_here;
    return !atomic_load_explicit(&thread->top, memory_order_relaxed) && store->fast_thread == thread->id &&
           !mo_store_runs(store);
}
mote_status mo_call_fast(mote_store *store, const void *code, mo_context *context, mote_raw *values, uint32_t counts,
                         mote_error *err);

/* --- values and registers (func.c) --------------------------------------- */

/* Walks a list of types and gives each value its place: a register of the image, or
 * the run's xfer. */
typedef struct mo_walk {
    mo_image *image;
    mo_run *run;
    uint32_t ints, vecs, xfers;
    uint32_t nints, nvecs; /* how many registers there are */
} mo_walk;
static inline mo_walk mo_walk_args(mo_image *image, mo_run *run)
{
    return (mo_walk){.image = image, .run = run, .nints = MO_INT_ARGS, .nvecs = MO_VEC_ARGS};
}
static inline mo_walk mo_walk_results(mo_image *image, mo_run *run)
{
    return (mo_walk){.image = image, .run = run, .nints = MO_INT_RESULTS, .nvecs = MO_VEC_RESULTS};
}
void mo_walk_put(mo_walk *w, mo_valtype type, const mote_raw *value);
void mo_walk_get(mo_walk *w, mo_valtype type, mote_raw *ret);
/* Do n values of these types fit into so many integer registers? */
bool mo_all_ints(const mo_valtype *types, size_t n, size_t nregisters);

/* --- traps (trap.c) ------------------------------------------------------ */

/* The exception that left the recent call, kept from being collected. */
static inline mo_exception *mo_store_pending(const mote_store *store)
{
    return store->pending && mo_store_is_recent(store, store->pending_call) ? store->pending : NULL;
}
static inline void mo_store_set_pending(mote_store *store, mo_exception *exn)
{
    store->pending = exn;
    store->pending_call = mo_store_call(store);
}
/* Of functions that end by going to a handler: the thread sanitizer would believe that
 * they run for ever, one in another. */
#define MO_NO_RETURN_KNOWN __attribute__((no_sanitize("thread")))

/* Notes a trap with the backtrace that starts at pc. For signal handlers too. */
void mo_trap_set(mote_store *store, uint32_t code, const void *pc, void **frame, bool exact);
/* Ends the call from a helper or the glue below it. */
_Noreturn void mo_raise(mo_run *run, uint32_t code) __attribute__((cold));
_Noreturn void mo_raise_interrupt(mo_run *run) __attribute__((cold));
/* Throws exn in the guest code that called the helper or host function. */
_Noreturn void mo_throw(mo_run *run, mo_exception *exn) MO_NO_RETURN_KNOWN;
/* A host function returned that status. */
_Noreturn void mo_host_failed(mo_run *run, int status) MO_NO_RETURN_KNOWN;
/* err for a call that ended so. */
mote_status mo_call_failed(mote_store *store, mote_status status, mote_error *err);

/* --- signals (signal.c), threads (thread.c) -------------------------------- */

bool mo_signals_install(mote_error *err);
/* From now on mo_thread.quiet is heeded. */
bool mo_signals_quiet(mote_error *err);
/* The one that interrupts calls. */
int mo_interrupt_signal(void);
/* Marks this thread's calls that are asked to end, as the signal would. */
void mo_interrupts_look(void);

bool mo_threads_install(mote_error *err); /* once per process */
bool mo_thread_start(void);               /* once per thread, before it runs guest code */

/* --- slices (preempt.c) ------------------------------------------------------ */

/* May what the thread's fiber runs be preempted, and is it time? Notes it in run. */
bool mo_preempt_is_due(mo_run *run);
/* In the handler, with the program counter in guest code: parks it as soon as the handler is
 * left. False: it goes on for now. */
bool mo_preempt_guest(mo_run *run, ucontext_t *uc);
/* In host code that takes long: lets others run if it is time; errno may change. */
static inline void mo_preempt_look(mo_run *run);
/* For x86_64.S: parks the fiber until it has another slice; ends what is not to go on. */
void mo_preempt_park(mo_run *run);
_Noreturn void mo_preempt_end(mo_run *run, const ucontext_t *uc);

static inline void mo_preempt_look(mo_run *run)
{
    if (mo_unlikely(__atomic_load_n(&run->preempt, __ATOMIC_RELAXED)))
        mo_preempt_park(run);
}

/* --- time limits (timer.c) -------------------------------------------------- */

/* Has the call that runs in store had all of its time? For the signal's handler. */
bool mo_timer_is_over(const mote_store *store);
/* A timer for each call of a store with a timeout. */
void mo_timer_start(mote_store *store);
void mo_timer_stop(mote_store *store);
void mo_timer_release(mote_store *store);

/* Outermost calls of store end after so long, counted in ticks of a millisecond: no
 * system call a call, while calls go on. 0: no limit. */
void mo_limit_ticks(mote_store *store, uint64_t timeout_us);
/* Was the signal one of this thread's ticks? Then it is counted. */
bool mo_ticks_count(const siginfo_t *info, bool busy);
/* False: no timer can be had. */
bool mo_ticks_start(mo_thread *thread);
/* The same for a call with a limit: limits hold or nothing runs. */
void mo_ticks_need(mo_thread *thread, mo_run *run);
#define MO_TICK_NS 1000000

/* All calls of store together may use so much processor time from now on. 0: no limit. */
void mo_limit_cpu(mote_store *store, uint64_t cpu_us);
/* A stretch begins and ends in which the outermost call of a store with such a limit runs. */
void mo_cpu_begin(mote_store *store, uint64_t now_ns);
void mo_cpu_end(mote_store *store, uint64_t now_ns);
/* In the handler of a tick: counts for all calls that run. */
void mo_cpu_tick(const mo_activation *top);
/* Says of a trap which limit was exceeded, and by how much. */
void mo_timer_explain(mote_store *store);

uint64_t mo_now_ns(void); /* CLOCK_MONOTONIC */
static inline void mo_ticks_arm(mote_store *store, mo_thread *thread)
{
    store->tick_deadline = thread->ticks + store->tick_limit;
    if (mo_unlikely(!thread->ticks_run))
        mo_ticks_need(thread, &store->run);
}

/* --- host functions (host.c) --------------------------------------------- */

typedef struct mo_host_def { /* of no store */
    uint32_t type_id;
    bool raw;
    void *callback, *data;
} mo_host_def;

bool mo_host_define(const mote_functype *type, bool raw, void *callback, void *data, mo_host_def *ret,
                    mote_error *err);
/* Makes ret a record of that function in store, to be copied for its importers. */
void mo_host_make(const mo_host_def *def, mote_store *store, mote_caller *ret);
int mo_host_marshal(mote_caller *host, mo_image *image);

/* --- instances (engine.c, linker.c) ---------------------------------------- */

/* Instantiation in two steps: all but the start function, and that. */
mote_status mo_instance_prepare(mote_store *store, mote_artifact *artifact, const mote_extern *imports,
                                size_t nimports, mote_instance **ret, mote_error *err);
mote_status mo_linker_make(mote_linker *linker, mote_store *store, mote_artifact *artifact, mote_instance **ret,
                           mote_error *err);
/* Would linker find all imports of artifact? Things of a store's, which it may offer too, are not looked at. */
bool mo_linker_check(const mote_linker *linker, const mo_artifact *artifact, mote_error *err);
mote_status mo_instance_start(mote_instance *instance, mote_error *err);

/* --- engines (engine.c) --------------------------------------------------- */

struct mote_engine {
    int refs; /* atomic */
    mo_features features;
    mo_spares spares;
};

/* --- pools, beyond mote/pool.h ------------------------------------------------ */

/* Is an instance ready, so that acquiring makes none? */
struct mote_program;
struct mote_pool;
bool mo_program_is_warm(const struct mote_program *program);
void mo_pool_count(const struct mote_pool *pool, uint32_t *retlent, uint32_t *retidle);
/* As mote_pool_release(); how many pages were copied back. */
mote_status mo_pool_release(mote_instance *instance, uint64_t *retpages, mote_error *err);

/* --- helpers, which the stubs call ---------------------------------------- */

#define MO_C_v void
#define MO_C_i uint32_t
#define MO_C_l uint64_t
#define MO_C_p void *
#define MO_PICK(a, b, c, d, e, f, pick, ...) pick
#define MO_HELPER1(name, r) MO_C_##r mo_helper_##name(mo_context *);
#define MO_HELPER2(name, r, a) MO_C_##r mo_helper_##name(mo_context *, MO_C_##a);
#define MO_HELPER3(name, r, a, b) MO_C_##r mo_helper_##name(mo_context *, MO_C_##a, MO_C_##b);
#define MO_HELPER4(name, r, a, b, c) MO_C_##r mo_helper_##name(mo_context *, MO_C_##a, MO_C_##b, MO_C_##c);
#define MO_HELPER5(name, r, a, b, c, d) \
    MO_C_##r mo_helper_##name(mo_context *, MO_C_##a, MO_C_##b, MO_C_##c, MO_C_##d);
#define MO_HELPER6(name, r, a, b, c, d, e) \
    MO_C_##r mo_helper_##name(mo_context *, MO_C_##a, MO_C_##b, MO_C_##c, MO_C_##d, MO_C_##e);
#define HELPER(name, ...)                                                                                     \
    MO_PICK(__VA_ARGS__, MO_HELPER6, MO_HELPER5, MO_HELPER4, MO_HELPER3, MO_HELPER2, MO_HELPER1, ) \
    (name, __VA_ARGS__)
#include "code/abi.def"

/* Sleeping in an atomic wait; state is what the futex looks at. */
enum { MO_WAITING, MO_NOTIFIED, MO_WAIT_INTERRUPTED };
typedef struct mo_waiter {
    struct mo_waiter *next;
    const void *address;
    _Atomic uint32_t state;
} mo_waiter;

#endif
