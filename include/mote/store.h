/* mote/store.h - a lifetime: instances and host objects that may refer to each other.
 *   mote_store_new -> instances, calls... -> mote_store_free
 * Everything made in a store dies with it; nothing of one store can be linked or
 * passed into another, except shared memories.
 * Threads: one at a time, any thread; mote_store_interrupt() from anywhere. */
#ifndef MOTE_STORE_H
#define MOTE_STORE_H

#include "mote/limits.h"
#include "mote/trap.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Makes an empty store with one guest stack.
 *  limits  NULL: mote_limits_default()
 *  data    yours; host functions find it with mote_caller_data()
 *  Returns MOTE_OK, MOTE_NOMEM or MOTE_LIMIT (a limit that makes no sense). */
MOTE_API mote_status mote_store_new(mote_engine *engine, const mote_limits *limits, void *data,
                                    mote_store **ret, mote_error *err);
/** Ends every handle and reference of the store. Not while a call runs in it. */
MOTE_API void mote_store_free(mote_store *store); /* NULL is fine */

MOTE_API void *mote_store_data(const mote_store *store);
MOTE_API void mote_store_set_data(mote_store *store, void *data);

/** Ends the call that runs in store, if one does, with a trap of that code
 *  (MOTE_TRAP_INTERRUPTED, MOTE_TRAP_TIMEOUT). Guest code is stopped where it is;
 *  a host function is finished first and the trap comes when it returns.
 *  A call that starts later is not touched. Thread-safe and async-signal-safe; the
 *  store must be alive. Returns whether a call was running. */
MOTE_API bool mote_store_interrupt(mote_store *store, mote_trap_code code);

/** Every outermost call from now on ends with MOTE_TRAP_TIMEOUT once it has run for
 *  that long. 0: no limit (the default). It costs two system calls per call. */
MOTE_API mote_status mote_store_set_timeout(mote_store *store, uint64_t timeout_us, mote_error *err);

/** All outermost calls from now on together may use so much of their threads' processor
 *  time, exact to a millisecond or two: the call that exceeds it, and each after that, ends
 *  with MOTE_TRAP_CPU_LIMIT. Time that a call waits in the host without a thread does not count.
 *  0: no limit (the default). No system call a call that is short; while longer ones run, the
 *  thread gets the engine's signal each millisecond. */
MOTE_API mote_status mote_store_set_cpu_limit(mote_store *store, uint64_t cpu_us, mote_error *err);

/** Fuel for code that was compiled with it; others do not look. A store starts with
 *  INT64_MAX. */
MOTE_API void mote_store_set_fuel(mote_store *store, int64_t fuel);
MOTE_API int64_t mote_store_fuel(const mote_store *store); /* below zero: it ran out */

/** The trap that ended the last call with MOTE_TRAP; NULL if none did. The store's;
 *  the next call, instantiation or mote_store_clear() ends it. */
MOTE_API const mote_trap *mote_store_trap(const mote_store *store);

/** The exception that left the last call with MOTE_EXCEPTION; NULL if none did. It
 *  lives until the next call, instantiation or mote_store_clear(); longer if a guest
 *  global or table holds it. */
MOTE_API mote_exception *mote_store_exception(const mote_store *store);
MOTE_API void mote_store_clear(mote_store *store);

/** What the store uses now, in the units of mote_limits. */
MOTE_API void mote_store_usage(const mote_store *store, mote_limits *ret);

#ifdef __cplusplus
}
#endif
#endif
