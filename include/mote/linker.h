/* mote/linker.h - names for what modules import.
 *   mote_linker_new -> define... -> mote_linker_instantiate (often) -> mote_linker_free
 * Host functions are of no store: one linker serves many stores. Other things are
 * their store's and serve only there; they must be gone from use when it is.
 * A later definition of a name replaces the earlier one.
 * Threads: define from one thread; instantiate from many, once all is defined. */
#ifndef MOTE_LINKER_H
#define MOTE_LINKER_H

#include "mote/func.h"

#ifdef __cplusplus
extern "C" {
#endif

MOTE_API mote_status mote_linker_new(mote_engine *engine, mote_linker **ret, mote_error *err);
MOTE_API void mote_linker_free(mote_linker *linker); /* NULL is fine */

/** Offers a host function to any store. Names are terminated and copied.
 *  data  must outlive the linker and every store that it instantiated into */
MOTE_API mote_status mote_linker_func(mote_linker *linker, const char *module, const char *name,
                                      const mote_functype *type, mote_callback *callback, void *data,
                                      mote_error *err);
MOTE_API mote_status mote_linker_func_raw(mote_linker *linker, const char *module, const char *name,
                                          const mote_functype *type, mote_raw_callback *callback, void *data,
                                          mote_error *err);
/** Offers a thing of a store. Names need not be terminated here. */
MOTE_API mote_status mote_linker_define(mote_linker *linker, const char *module, size_t module_len, const char *name,
                                        size_t name_len, mote_extern thing, mote_error *err);
/** Offers every export of instance under the module name given. */
MOTE_API mote_status mote_linker_instance(mote_linker *linker, const char *module, size_t module_len,
                                          mote_instance *instance, mote_error *err);

/** Is something offered under these names? */
MOTE_API bool mote_linker_has(const mote_linker *linker, const char *module, size_t module_len, const char *name,
                              size_t name_len);

/** As mote_instance_new(), with the imports found by name. MOTE_LINK: one is unknown
 *  or has another type than wanted; the message names both. */
MOTE_API mote_status mote_linker_instantiate(mote_linker *linker, mote_store *store, mote_artifact *artifact,
                                             mote_instance **ret, mote_error *err);

#ifdef __cplusplus
}
#endif
#endif
