/* mote/func.h - functions: guest functions to call, host functions to offer.
 *   mote_func_new, mote_instance_export... -> [mote_func] -> mote_func_call
 * A mote_func is the store's and lives as long as it. It is what a funcref holds. */
#ifndef MOTE_FUNC_H
#define MOTE_FUNC_H

#include "mote/trap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- calling ------------------------------------------------------------ */

/** Calls with tagged values.
 *  args     nargs of them; their number and types must be the function's
 *  results  written on success; nresults must be the function's
 *  Returns MOTE_OK; MOTE_TRAP (mote_store_trap() has the backtrace), MOTE_EXCEPTION
 *  (mote_store_exception() has it), MOTE_EXIT (a host function ended the guest, as
 *  WASI's proc_exit does); MOTE_MISUSE (number or types are wrong, a
 *  reference of another store, a store that runs on another thread). */
MOTE_API mote_status mote_func_call(mote_func *func, const mote_value *args, size_t nargs,
                                    mote_value *results, size_t nresults, mote_error *err);

/** The same without tags or type checks: values[0..] are the arguments and then, on
 *  success, the results. It has room for the larger number of both. */
MOTE_API mote_status mote_func_call_raw(mote_func *func, mote_raw *values, mote_error *err);

/** A function made ready to be called often: a plain value, copy it freely; it holds
 *  as long as the function's store. */
typedef struct mote_prepared {
    mote_func *func;
    /* Private: */
    const void *code;
    void *context, *store;
    uint32_t counts;
} mote_prepared;

/** Checks once that func has the type wanted (MOTE_MISUSE: it has not). */
MOTE_API mote_status mote_func_prepare(mote_func *func, const mote_functype *wanted, mote_prepared *ret,
                                       mote_error *err);
/** As mote_func_call_raw(), a few nanoseconds for signatures of few integers. */
MOTE_API mote_status mote_prepared_call(const mote_prepared *prepared, mote_raw *values, mote_error *err);

/** Its type; the arrays live as long as the store. */
MOTE_API mote_functype mote_func_type(const mote_func *func);
MOTE_API mote_store *mote_func_store(const mote_func *func);

/* --- host functions ----------------------------------------------------- */

/** A host function. It runs on the stack that the guest was called from; it may call
 *  guests again (a trap, once less than 256 KiB of the thread's stack are left). It is
 *  interrupted by nothing; the guest's time limit takes effect when it returns.
 *  Returns MOTE_OK with all results written, or fails:
 *    return mote_caller_trap(...)    ends the guest's call with a trap
 *    return mote_caller_throw(...)   throws into the guest
 *    return MOTE_EXIT                ends the guest's call without a trap
 *    return what a nested call returned: its trap, exception or exit goes on
 *    any other status                a trap, MOTE_TRAP_HOST
 *  It must not leave by longjmp or a C++ exception. */
typedef mote_status mote_callback(mote_caller *caller, void *data, const mote_value *args, mote_value *results);
/** The same with arguments in values[0..] and results to values[0..]. The faster form. */
typedef mote_status mote_raw_callback(mote_caller *caller, void *data, mote_raw *values);

/** Makes a host function in store.
 *  data      given to every call of it
 *  finalize  called with data when the store ends, or NULL
 *  Returns MOTE_OK, MOTE_NOMEM, MOTE_LIMIT (over 1000 parameters or results) or
 *  MOTE_MISUSE (a type that is none, or concrete). */
MOTE_API mote_status mote_func_new(mote_store *store, const mote_functype *type, mote_callback *callback,
                                   void *data, void (*finalize)(void *data), mote_func **ret, mote_error *err);
MOTE_API mote_status mote_func_new_raw(mote_store *store, const mote_functype *type, mote_raw_callback *callback,
                                       void *data, void (*finalize)(void *data), mote_func **ret, mote_error *err);

/* What a host function may ask; caller is valid during its call only. */

MOTE_API mote_store *mote_caller_store(mote_caller *caller);
MOTE_API void *mote_caller_data(mote_caller *caller); /* the store's */
/** The instance whose import was called, or NULL if the host called it directly. */
MOTE_API mote_instance *mote_caller_instance(mote_caller *caller);
/** The caller's exported memory of that name ("memory" is usual), or NULL. */
MOTE_API mote_memory *mote_caller_memory(mote_caller *caller, const char *name);

/** Notes a trap with a message of your own and returns MOTE_TRAP, for `return`. */
MOTE_API mote_status mote_caller_trap(mote_caller *caller, mote_trap_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Notes an exception with tag's number of values and returns MOTE_EXCEPTION, for
 *  `return`; a trap if there is no room for it. */
MOTE_API mote_status mote_caller_throw(mote_caller *caller, mote_tag *tag, const mote_raw *values);

#ifdef __cplusplus
}
#endif
#endif
