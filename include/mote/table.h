/* mote/table.h - tables of references. The store's, and living as long as it.
 * Threads: as the store. */
#ifndef MOTE_TABLE_H
#define MOTE_TABLE_H

#include "mote/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Makes a table for importing, all elements init (all zero: null).
 *  Returns MOTE_OK, MOTE_NOMEM, MOTE_LIMIT or MOTE_MISUSE (init is not of the element
 *  type or of another store). */
MOTE_API mote_status mote_table_new(mote_store *store, const mote_tabletype *type, mote_raw init, mote_table **ret,
                                    mote_error *err);

MOTE_API uint64_t mote_table_size(const mote_table *table);
/** The type with min as large as the table is now. */
MOTE_API mote_tabletype mote_table_type(const mote_table *table);
MOTE_API mote_store *mote_table_store(const mote_table *table);

/** MOTE_MISUSE: out of bounds, or a value that does not fit. */
MOTE_API mote_status mote_table_get(const mote_table *table, uint64_t i, mote_raw *ret, mote_error *err);
MOTE_API mote_status mote_table_set(mote_table *table, uint64_t i, mote_raw value, mote_error *err);
/** Grows by delta elements of init; *retold (may be NULL) is the size before.
 *  Returns MOTE_OK, MOTE_LIMIT, MOTE_NOMEM or MOTE_MISUSE. */
MOTE_API mote_status mote_table_grow(mote_table *table, uint64_t delta, mote_raw init, uint64_t *retold,
                                     mote_error *err);

#ifdef __cplusplus
}
#endif
#endif
