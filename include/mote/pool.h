/* mote/pool.h - a fresh instance in well under a microsecond: made once, lent, reset.
 *   mote_pool_new -> mote_program_new -> (mote_pool_acquire -> calls -> mote_pool_release)*
 *
 *   idle --acquire--> lent --release--> reset: memories, tables, globals --> idle
 *
 * Each instance of a pool has a store of its own and keeps it; stores of one program are
 * taken last in, first out. What a run changed is undone when the instance is released,
 * so that acquiring finds it done. A slot never goes from one program to another: its
 * address space is mapped anew for the next one.
 * Threads: one makes, uses and frees a pool and all that comes from it; have a pool per
 * thread. */
#ifndef MOTE_POOL_H
#define MOTE_POOL_H

#include "mote/limits.h"
#include "mote/linker.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mote_pool mote_pool;
typedef struct mote_program mote_program;

/** What a pool may use. A plain value. */
typedef struct mote_pool_limits {
    uint32_t instances;      /* at once, lent and idle; at least 1                         */
    uint64_t resident_bytes; /* of each memory that may be kept to be copied back; beyond
                                it what was written is dropped and mapped again            */
    mote_limits store;       /* of each instance's store                                   */
    uint64_t timeout_us;     /* of each outermost call, wall time, exact to a millisecond
                                or two; 0: none. No system call a call: while such calls
                                run, the thread gets the engine's signal each millisecond  */
    uint64_t cpu_us;         /* of each loan, processor time of its calls, exact likewise; 0:
                                none. See mote_store_set_cpu_limit()                       */
    uint64_t host_calls;     /* of host functions, by guests, from acquire to release: beyond it
                                one is a trap. 0: neither limited nor counted;
                                MOTE_NO_LIMIT: counted                                     */
    bool measure_time;       /* of each loan, see mote_usage; it costs two system calls    */
    int64_t fuel;            /* at each acquire, for code compiled with it; INT64_MAX: all */
} mote_pool_limits;

/** 64 instances, 16 MiB kept, mote_limits_default(), no limit on time and fuel. */
MOTE_API mote_pool_limits mote_pool_limits_default(void);

/** limits  NULL: mote_pool_limits_default()
 *  Returns MOTE_OK, MOTE_NOMEM or MOTE_LIMIT (a limit that makes no sense). */
MOTE_API mote_status mote_pool_new(mote_engine *engine, const mote_pool_limits *limits, mote_pool **ret,
                                   mote_error *err);
/** Frees its programs and their instances, lent ones too. */
MOTE_API void mote_pool_free(mote_pool *pool); /* NULL is fine */

/** An artifact and its imports, found and checked once: one instance is made now.
 *  linker  must outlive the program; may only offer host functions
 *  Returns MOTE_OK, or what mote_linker_instantiate() returns, or MOTE_UNSUPPORTED: its
 *  instances cannot be reset (a shared memory), and the message says why. */
MOTE_API mote_status mote_program_new(mote_pool *pool, mote_artifact *artifact, mote_linker *linker,
                                      mote_program **ret, mote_error *err);
/** The same with limits of its own in place of the pool's, but for how many instances
 *  there are at once: these are the pool's. */
MOTE_API mote_status mote_program_new_limited(mote_pool *pool, mote_artifact *artifact, mote_linker *linker,
                                              const mote_pool_limits *limits, mote_program **ret, mote_error *err);
/** Not while an instance of it is lent. */
MOTE_API void mote_program_free(mote_program *program); /* NULL is fine */

/** Lends an instance as new: its start function has run, nothing else. The loan's store is
 *  mote_instance_store(); set its data as you like.
 *  Returns MOTE_OK, MOTE_LIMIT (all instances of the pool are lent), MOTE_NOMEM, or what
 *  the start function's call returns. */
MOTE_API mote_status mote_pool_acquire(mote_program *program, mote_instance **ret, mote_error *err);

/** Takes it back and resets it. Every handle and reference into its store ends.
 *  Returns MOTE_OK, or MOTE_MISUSE: it is of no pool, not lent, another thread's, or runs
 *  (nothing was done). */
MOTE_API mote_status mote_pool_release(mote_instance *instance, mote_error *err);

/** What a lent instance has used since it was acquired, or the last loan of it did until
 *  it was released. */
typedef struct mote_usage {
    uint64_t calls;         /* outermost ones                                              */
    uint64_t memory_bytes;  /* of its memories at the end: they never shrink, so the peak  */
    uint64_t pages_copied;  /* 4 KiB each, by the last reset                               */
    uint64_t host_calls;    /* if the pool counts them                                     */
    uint64_t wall_ns;       /* from acquire to release, or to now, if the pool measures it */
    uint64_t cpu_ns;        /* the same in its thread's processor time                     */
} mote_usage;
MOTE_API mote_status mote_instance_usage(const mote_instance *instance, mote_usage *ret, mote_error *err);

/** For an embedder who keeps one instance, of a store made by mote_store_new(): from this
 *  moment, before any call of it but its start function, mote_instance_reset() brings back
 *  its own memories, tables and globals. What it imports is not touched.
 *  Returns MOTE_OK, MOTE_NOMEM, MOTE_UNSUPPORTED (a shared memory) or MOTE_MISUSE (it is
 *  kept already, or a pool's). */
MOTE_API mote_status mote_instance_keep(mote_instance *instance, mote_error *err);
/** MOTE_MISUSE: not kept, or a call runs. MOTE_NOMEM: the system refused; the store must
 *  be freed. */
MOTE_API mote_status mote_instance_reset(mote_instance *instance, mote_error *err);

#ifdef __cplusplus
}
#endif
#endif
