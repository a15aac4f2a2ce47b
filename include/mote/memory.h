/* mote/memory.h - linear memories. A mote_memory is the store's and lives as long as
 * it; a mote_shared_memory belongs to no store and is counted.
 * Threads: as the store; shared memories from anywhere. */
#ifndef MOTE_MEMORY_H
#define MOTE_MEMORY_H

#include "mote/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Makes a memory for importing. type->shared: a new shared memory.
 *  Returns MOTE_OK, MOTE_NOMEM, MOTE_LIMIT or MOTE_MISUSE (limits that no module
 *  could state). */
MOTE_API mote_status mote_memory_new(mote_store *store, const mote_memorytype *type, mote_memory **ret,
                                     mote_error *err);

/** Where it starts: never moves. Bytes from mote_memory_bytes() on must not be touched. */
MOTE_API uint8_t *mote_memory_data(const mote_memory *memory);
MOTE_API size_t mote_memory_bytes(const mote_memory *memory);
MOTE_API uint64_t mote_memory_pages(const mote_memory *memory);
/** The type with min as large as the memory is now. */
MOTE_API mote_memorytype mote_memory_type(const mote_memory *memory);
MOTE_API mote_store *mote_memory_store(const mote_memory *memory);

/** Grows by delta pages; *retold (may be NULL) is the size before, in pages.
 *  Returns MOTE_OK, MOTE_LIMIT (the type's maximum or the store's limit) or MOTE_NOMEM. */
MOTE_API mote_status mote_memory_grow(mote_memory *memory, uint64_t delta, uint64_t *retold, mote_error *err);

/** Copies out of and into a memory. MOTE_MISUSE: [at, at + len) is not inside it. */
MOTE_API mote_status mote_memory_read(const mote_memory *memory, uint64_t at, void *to, size_t len, mote_error *err);
MOTE_API mote_status mote_memory_write(mote_memory *memory, uint64_t at, const void *from, size_t len,
                                       mote_error *err);

/** The guest's bytes [at, at + len) to be written by the host or the kernel, or NULL
 *  if they are not all inside. Valid until the guest runs again. */
MOTE_API void *mote_memory_writable(mote_memory *memory, uint64_t at, size_t len);

/** A shared memory outside of any store. ret: one reference, yours. */
MOTE_API mote_status mote_shared_memory_new(const mote_memorytype *type, mote_shared_memory **ret, mote_error *err);
MOTE_API void mote_shared_memory_ref(mote_shared_memory *shared);
MOTE_API void mote_shared_memory_unref(mote_shared_memory *shared); /* NULL is fine */
/** A handle for it in store, which keeps a reference. */
MOTE_API mote_status mote_memory_from_shared(mote_store *store, mote_shared_memory *shared, mote_memory **ret,
                                             mote_error *err);
/** What is behind a handle: a reference, yours; NULL if the memory is not shared. */
MOTE_API mote_shared_memory *mote_memory_shared(const mote_memory *memory);

#ifdef __cplusplus
}
#endif
#endif
