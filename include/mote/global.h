/* mote/global.h - global variables. The store's, and living as long as it.
 * Threads: as the store. */
#ifndef MOTE_GLOBAL_H
#define MOTE_GLOBAL_H

#include "mote/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Makes a global for importing. Returns MOTE_OK, MOTE_NOMEM or MOTE_MISUSE (init is
 *  not of the type, or of another store). */
MOTE_API mote_status mote_global_new(mote_store *store, const mote_globaltype *type, mote_raw init,
                                     mote_global **ret, mote_error *err);

MOTE_API mote_raw mote_global_get(const mote_global *global);
/** MOTE_MISUSE: it is immutable, or the value does not fit. */
MOTE_API mote_status mote_global_set(mote_global *global, mote_raw value, mote_error *err);
MOTE_API mote_globaltype mote_global_type(const mote_global *global);
MOTE_API mote_store *mote_global_store(const mote_global *global);

#ifdef __cplusplus
}
#endif
#endif
