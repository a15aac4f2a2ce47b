/* mote/cache.h - compiled modules kept in a folder of the user's: each is compiled once.
 *   mote_cache_open -> mote_cache_find or mote_cache_load (often) -> mote_cache_close
 * Entries are named by a cryptographic hash of the module's bytes, the compiler, its
 * flags and this processor. The folder is this user's alone; any number of processes
 * share it. When it outgrows its bound, what was not used for longest goes.
 * Threads: one at a time; each may open the same folder for itself. */
#ifndef MOTE_CACHE_H
#define MOTE_CACHE_H

#include "mote/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mote_cache mote_cache;

#define MOTE_CACHE_BYTES (UINT64_C(1) << 30) /* how large a cache may become unless told */

typedef struct mote_cache_options {
    const char *path;     /* NULL: mote_cache_default_path()                              */
    uint64_t max_bytes;   /* of all entries together; 0: MOTE_CACHE_BYTES                 */
    const char *compiler; /* what tells it from others; NULL: the one of this version     */
    bool must_exist;      /* MOTE_IO if the folder does not; else it is made, mode 0700    */
    void (*waiting)(void *data); /* called often while another process compiles what this
                                    one needs; NULL: nobody is told                       */
    void *data;
} mote_cache_options;

/** $MOTE_CACHE_DIR, else $XDG_CACHE_HOME/mote, else $HOME/.cache/mote, into ret.
 *  MOTE_IO: none of them is set; MOTE_LIMIT: longer than size. */
MOTE_API mote_status mote_cache_default_path(char *ret, size_t size, mote_error *err);

/** Opens a cache.
 *  options  NULL: defaults
 *  Returns MOTE_OK, MOTE_NOMEM, MOTE_IO (no such folder, and it cannot be made) or
 *  MOTE_REFUSED (it belongs to another user, or others can write there). */
MOTE_API mote_status mote_cache_open(const mote_cache_options *options, mote_cache **ret, mote_error *err);
MOTE_API void mote_cache_close(mote_cache *cache); /* NULL is fine */
MOTE_API const char *mote_cache_path(const mote_cache *cache);

/** The artifact of the module file at path, if it was loaded before and has not changed
 *  since. It is not read: device, inode, size and both times tell. False: not known; use
 *  mote_cache_load().
 *  flags  for the compiler, as mote_compiler_compile() takes them; part of the key
 *  ret    on success, one reference, yours */
MOTE_API bool mote_cache_find(mote_cache *cache, const char *path, const char *const *flags, size_t nflags,
                              mote_artifact **ret);

/** Compiles a module; usually mote_compiler_compile_bytes(), whose contract it has. */
typedef mote_status mote_cache_maker(void *data, const void *bytes, size_t len, const char *const *flags,
                                     size_t nflags, void **ret, size_t *retlen, mote_error *err);

/** The same for any module: reads it and, if its contents are new, has it compiled. While
 *  another process compiles the same, this one waits for a while.
 *  Returns MOTE_OK; MOTE_IO, MOTE_LIMIT, MOTE_NOMEM (the file cannot be read); what maker
 *  returned; MOTE_REFUSED (what maker made is no artifact). That an artifact cannot be
 *  kept is no failure: mote_cache_trouble() tells. */
MOTE_API mote_status mote_cache_load(mote_cache *cache, const char *path, const char *const *flags, size_t nflags,
                                     mote_cache_maker *maker, void *data, mote_artifact **ret, mote_error *err);

/** Why the latest mote_cache_load() could not keep its artifact; NULL if it could. */
MOTE_API const char *mote_cache_trouble(const mote_cache *cache);

typedef struct mote_cache_entry {
    const char *name; /* of its file in the folder; during the call */
    uint64_t bytes;
    uint64_t used_s;  /* when it was used last, seconds since 1970; a minute's precision */
} mote_cache_entry;

/** Calls visit for each entry, the one used last first. */
MOTE_API mote_status mote_cache_list(mote_cache *cache, void (*visit)(void *data, const mote_cache_entry *entry),
                                     void *data, mote_error *err);
/** Removes all entries, and nothing else that may be in the folder. Programs that run from
 *  them go on. Either count may be NULL. */
MOTE_API mote_status mote_cache_clear(mote_cache *cache, uint64_t *retentries, uint64_t *retbytes, mote_error *err);

#ifdef __cplusplus
}
#endif
#endif
