/* store.h - a lifetime: instances and host objects that may refer to each other.
 *   mo_store_make -> things are made in it -> mo_store_release
 * What always holds:
 *   1  every reference that a guest of this store can reach belongs to this store;
 *   2  run never moves, and every context and host record of the store points to it;
 *   3  used counts what the store's memories, tables and instances take;
 *   4  the fields under "the running call" are call/'s; nothing here writes them
 *      but mo_store_make.
 * One thread at a time, but for call, request and thread_id (call/interrupt.c). */
#ifndef MO_INSTANCE_STORE_H
#define MO_INSTANCE_STORE_H

#include "artifact/artifact.h"
#include "instance/exception.h"
#include "instance/slot.h"
#include "instance/stack.h"
#include "mote/limits.h"
#include "mote/store.h"

/* --- traps -------------------------------------------------------------- */

#define MO_TRAP_FRAMES 64
#define MO_TRAP_TEXT 200

struct mote_trap {
    mote_store *store;
    uint32_t code; /* mo_trap_code; 0: there is none */
    uint64_t call; /* of store->call: a trap of an older call is forgotten */
    uint32_t nframes;
    uint64_t omitted;
    bool exact; /* frames[0] is the instruction itself, not a return address */
    bool walked;
    const void *frames[MO_TRAP_FRAMES];
    char message[MO_TRAP_TEXT]; /* empty: the code's words */
};

/* --- the store ---------------------------------------------------------- */

struct mo_waiter;

/* A call in progress, in its thread's list (call/call.h). */
typedef struct mo_activation {
    struct mo_activation *above; /* the one that this one is nested in */
    mote_store *store;
} mo_activation;

typedef struct mo_finalizer {
    struct mo_finalizer *next;
    void (*finalize)(void *data);
    void *data;
} mo_finalizer;

/* What is added here, mo_store_renew() must set. */
struct mote_store {
    mote_engine *engine;
    const void *const *helpers; /* mo_helper_stubs */
    void *data;
    void *pooled;           /* the loan that it serves (call/pool.c), or NULL */
    struct mote_wasi *wasi; /* who answers its guests' calls of WASI (wasi/), or NULL */
    mote_limits limits, used;
    bool limited;           /* a memory or table would have grown but for limits, or for want of room */
    mo_spares *spares; /* the engine's */
    mo_stack stack;
    mo_exceptions exceptions;
    mo_arena arena; /* host objects; from their making to the store's end */
    mo_finalizer *finalizers;
    mote_instance *instances;
    mote_memory *memories; /* all, for the fault handler */
    mote_table *tables;    /* the host's own: roots of exceptions */
    mote_global *globals;

    /* The running call. */
    _Atomic uint64_t call;        /* odd while a call runs; never the same for two calls */
    mo_activation activation;     /* for outermost calls: {NULL, this store} */
    int fast_thread;              /* that may use mo_call_fast, or -1 */
    _Atomic int thread_id;        /* of the thread that runs, or ran, the calls */
    _Atomic uint64_t request;     /* the call that is to end << 8 | trap code */
    struct mo_waiter *_Atomic waiter; /* what an atomic wait sleeps on */
    uint64_t tick_limit, tick_deadline; /* in its thread's ticks (call/signal.c); 0: no limit */
    uint64_t cpu_limit_ns, cpu_used_ns; /* of processor time; limit 0: none, and not counted */
    uint64_t cpu_since_ns; /* since when it runs without a break, monotonic */
    uint64_t cpu_mark_ns;  /* its thread's processor time at the last tick since; 0: there was none */
    uint64_t timeout_us;
    uint64_t deadline_ns;
    void *timer;                  /* timer_t */
    int timer_thread;             /* that timer signals, or 0: there is none */
    void *fiber;                  /* the thread sanitizer's name for the stack */
    struct mote_trap trap;
    mo_exception *pending;        /* that left the call... */
    uint64_t pending_call;        /* ...of that number */
    mo_run run; /* last, for it ends in pages that hardly any call touches */
};
/* What most calls touch of run: its fields and a few words of xfer. */
#define MO_STORE_OFTEN (offsetof(mo_run, xfer) + 192)

static inline uint64_t mo_store_call(const mote_store *store)
{
    return __atomic_load_n((const uint64_t *)&store->call, __ATOMIC_RELAXED);
}
static inline bool mo_store_runs(const mote_store *store) { return mo_store_call(store) & 1; }
/* Did what happened in call number `then` happen in the call that runs or, if none
 * does, in the last one? */
static inline bool mo_store_is_recent(const mote_store *store, uint64_t then)
{
    uint64_t now = mo_store_call(store);
    return then == now || ((then & 1) && then + 1 == now);
}

static inline mote_store *mo_store_of(mo_run *run)
{
    return (mote_store *)((char *)run - offsetof(mote_store, run));
}

/* It lies above its stack (stack.h); NULL: err says why. */
mote_store *mo_store_make(mote_engine *engine, mo_spares *spares, const mote_limits *limits, const void *const *helpers,
                          mote_error *err);
void mo_store_release(mote_store *store);

/* As it was made, with other limits: all that was in it is gone, its stack is wiped. Calls go on to
 * be counted. False: those limits want a stack of another size; it was left as it is. */
bool mo_store_renew(mote_store *store, const mote_limits *limits);

/* --- errors at the border ------------------------------------------------ */

/* Public functions gather an error of their own, so that the caller's is written on
 * failure only and may hold an old one. */
static inline mote_status mo_told(const mote_error *e, mote_error *err)
{
    if (e->status && err)
        *err = *e;
    return e->status;
}
mote_status mo_tell(mote_error *err, mote_status status, const char *format, ...) MO_PRINTF(3, 4)
    __attribute__((cold));

/* Counts amount against a limit, or does nothing and is false. */
static inline bool mo_store_take(uint64_t *used, uint64_t limit, uint64_t amount)
{
    if (amount > limit || *used > limit - amount)
        return false;
    *used += amount;
    return true;
}

#endif
