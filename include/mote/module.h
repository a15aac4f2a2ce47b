/* mote/module.h - Wasm bytes in, an immutable module out, to look at.
 *   bytes -> [mote_module]
 *   bytes -> mote_compiler -> mote_artifact -> mote_instance -> call
 * A module is for inspection; what runs is an artifact.
 * A module never changes once loaded: share it between threads freely. */
#ifndef MOTE_MODULE_H
#define MOTE_MODULE_H

#include "mote/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Decodes and validates one core module.
 *  bytes  read during the call, not kept; may be freed on return
 *  ret    on success, one reference, yours: mote_module_unref() it;
 *         on failure, not written
 *  err    written on failure only; offset counts from bytes[0]
 *  Returns MOTE_OK, MOTE_MALFORMED (not Wasm), MOTE_INVALID (ill-typed),
 *  MOTE_UNSUPPORTED (a proposal that is off), MOTE_LIMIT or MOTE_NOMEM. */
MOTE_API mote_status mote_module_load(const mote_engine *engine, const void *bytes, size_t len,
                                      mote_module **ret, mote_error *err);
MOTE_API void mote_module_ref(mote_module *module);
MOTE_API void mote_module_unref(mote_module *module); /* NULL is fine */

/** Imports and exports in the module's order; false past the last. Concrete
 *  reference types are written with the module's own type indices. */
MOTE_API size_t mote_module_nimports(const mote_module *module);
MOTE_API size_t mote_module_nexports(const mote_module *module);
MOTE_API bool mote_module_import(const mote_module *module, size_t i, mote_import *ret);
MOTE_API bool mote_module_export(const mote_module *module, size_t i, mote_export *ret);

/** Features that the module cannot do without: is the one called name among them? */
MOTE_API bool mote_module_uses(const mote_module *module, const char *name);

/** How many of a kind there are, imports included. */
MOTE_API size_t mote_module_count(const mote_module *module, mote_extern_kind kind);

/** The name section's name of function i, or an empty string; lives as long as module. */
MOTE_API const char *mote_module_func_name(const mote_module *module, size_t i, size_t *retlen);

#ifdef __cplusplus
}
#endif
#endif
