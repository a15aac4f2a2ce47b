/* mote/engine.h - what a process has one of: accepted features, signal handlers.
 *   mote_engine_new -> mote_engine_feature... -> everything else -> mote_engine_unref
 * Threads: share an engine freely once its features are set. */
#ifndef MOTE_ENGINE_H
#define MOTE_ENGINE_H

#include "mote/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Makes an engine with the features that are on by default, and, the first time in
 *  a process, installs handlers for SIGSEGV, SIGBUS, SIGILL, SIGFPE and the signal
 *  that interrupts calls. What is not a guest's fault goes on to the handler that
 *  was installed before, or has the effect that it would have had without mote.
 *  A program that installs its own handlers for these signals later must call
 *  the ones that it finds there. Handlers that may run while a guest does need
 *  SA_ONSTACK: a guest's stack has no room for them.
 *  ret  on success, one reference, yours: mote_engine_unref() it
 *  Returns MOTE_OK, MOTE_NOMEM, MOTE_IO (a handler could not be installed) or
 *  MOTE_UNSUPPORTED (this processor). */
MOTE_API mote_status mote_engine_new(mote_engine **ret, mote_error *err);
MOTE_API void mote_engine_ref(mote_engine *engine);
MOTE_API void mote_engine_unref(mote_engine *engine); /* NULL is fine */

/** Switches a proposal on or off for modules loaded from now on. Not thread-safe
 *  against mote_module_load(). MOTE_UNSUPPORTED: there is no feature of that name. */
MOTE_API mote_status mote_engine_feature(mote_engine *engine, const char *name, bool on, mote_error *err);
/** All features that exist, or only those that are needed and finished. */
MOTE_API void mote_engine_all_features(mote_engine *engine);

/** Keeps up to nslots slots ready, for instances that have one 32-bit memory: their
 *  address space, guards and first page. Made now, and again of those that instances
 *  leave; each takes 10 GiB of address space and a page or two of memory. 0, the
 *  default: none. Not while another thread makes or frees instances.
 *  Returns MOTE_OK or MOTE_NOMEM (those kept before stay as they were). */
MOTE_API mote_status mote_engine_reserve(mote_engine *engine, uint32_t nslots, mote_error *err);

/** Names of features, from 0 on; NULL past the last. Static. */
MOTE_API const char *mote_feature_name(size_t i);
/** Is it on in this engine? False for unknown names. */
MOTE_API bool mote_engine_has(const mote_engine *engine, const char *name);

/** The real-time signal that interrupts calls. SIGRTMAX - 2 unless chosen before the
 *  first mote_engine_new() of the process. MOTE_MISUSE: later than that, or not a
 *  real-time signal. */
MOTE_API mote_status mote_engine_use_signal(int signal_number, mote_error *err);

#ifdef __cplusplus
}
#endif
#endif
