/* cache.h - the inside of the cache: which file of the folder belongs to a module.
 *
 *   path --stat--> front name --open--> artifact               warm: nothing is read
 *        --read--> entry name --open--> artifact               moved, touched, or young
 *        --maker--> bytes --checked--> temporary --> entry     new
 *
 * The folder's files; others are left alone:
 *   <64 hex digits>.mote  an entry: an artifact, named by what it was compiled from
 *   <64 hex digits>.file  a front: another link to an entry, named by a module's file as
 *                         stat() describes it
 *   new-<16 hex digits>   an entry that is being written, locked by its writer; only where
 *                         the system has no files without a name
 *   lock                  empty; the byte with an entry's number is locked while somebody
 *                         compiles it
 * What always holds:
 *   1  an entry is complete, and its contents were checked, before it has its name;
 *   2  a front was made for a file that had not changed for MO_CACHE_SETTLED_NS when it was
 *      read, so that every later change shows in its times;
 *   3  nobody but this user and root could have written here, or the cache is not opened.
 * A process that dies leaves no lock, and no file but perhaps a new-*; the next scan
 * removes it.
 *   cache.c         the public functions          cache_name.c    names of entries and fronts
 *   cache_entry.c   one entry: open, make, lock   cache_folder.c  the folder: find, scan, evict */
#ifndef MO_ARTIFACT_CACHE_H
#define MO_ARTIFACT_CACHE_H

#include "artifact/artifact.h"
#include "mote/cache.h"

#include <sys/stat.h>

struct mote_cache {
    char *path;
    char *compiler;     /* or NULL */
    int folder;
    uint64_t max_bytes;
    void (*waiting)(void *data);
    void *data;
    uint64_t room;      /* bytes that can be entered before the folder is looked through again */
    mote_error trouble; /* of the latest load; MOTE_OK: none */
};

/* --- names (cache_name.c) -------------------------------------------------- */

#define MO_CACHE_NAME (2 * MO_DIGEST + sizeof ".mote")
typedef struct mo_cache_name { char text[MO_CACHE_NAME]; } mo_cache_name;

typedef struct mo_cache_flags { /* of the compiler */
    const char *const *at;
    size_t n;
} mo_cache_flags;

/* File systems may keep times as coarse as two seconds. */
#define MO_CACHE_SETTLED_NS INT64_C(2500000000)
/* Is now so long after st's changes that the next one will show? */
bool mo_cache_settled(const struct stat *st, int64_t now_ns);
bool mo_cache_same_file(const struct stat *a, const struct stat *b);
int64_t mo_cache_now_ns(void);

mo_cache_name mo_cache_front_name(const mote_cache *cache, mo_cache_flags flags, const struct stat *st);
mo_cache_name mo_cache_entry_name(const mote_cache *cache, mo_cache_flags flags, const void *bytes, size_t len);

/* --- entries (cache_entry.c) ------------------------------------------------- */

/* Opens what has this name and notes that it was used. What is damaged is removed. */
bool mo_cache_open_entry(mote_cache *cache, const mo_cache_name *name, mo_artifact **ret);
/* Writes an entry. Somebody else's of the same name is as good. */
bool mo_cache_enter(mote_cache *cache, const mo_cache_name *name, const void *bytes, size_t len, mote_error *err);
/* The same where the file system has no files without a name. */
bool mo_cache_enter_named(const mote_cache *cache, const mo_cache_name *name, const void *bytes, size_t len,
                          mote_error *err);
/* From now on the front leads to the entry that a was opened from. */
void mo_cache_link(mote_cache *cache, const mo_artifact *a, const mo_cache_name *entry, const mo_cache_name *front);

/* Waits until nobody compiles the entry: true, with *ret opened, if that made it; or with
 * *ret NULL and *retlock to be closed, or -1, when this process is to compile it: at once,
 * or after so long that the other one must be stuck. */
void mo_cache_claim(mote_cache *cache, const mo_cache_name *entry, size_t module_len, int *retlock,
                    mo_artifact **ret);

/* --- the folder (cache_folder.c) ----------------------------------------------- */

/* Opens cache->path; *err tells why not. */
bool mo_cache_open_folder(mote_cache *cache, bool must_exist, mote_error *err);

typedef struct mo_cache_file {
    char name[MO_CACHE_NAME];
    bool front;
    uint64_t inode, bytes;
    int64_t used_ns;
} mo_cache_file;
typedef struct mo_cache_files {
    mo_cache_file *at;
    size_t n, cap;
} mo_cache_files;
/* Entries and fronts, least recently used first, links of one file side by side; mo_free()
 * ret->at. What dead writers left is removed. */
bool mo_cache_scan(const mote_cache *cache, mo_cache_files *ret, mote_error *err);
/* Removes what was used least recently until all together have at most so many bytes (0:
 * all); tells how many entries went. The last two may be NULL. */
bool mo_cache_evict(const mote_cache *cache, uint64_t max_bytes, uint64_t *retentries, uint64_t *retbytes,
                    mote_error *err);
/* The same to cache->max_bytes, after len bytes were entered; the folder is looked through only
 * where it may have become too large. */
void mo_cache_bound(mote_cache *cache, uint64_t len);
/* Removes all fronts that lead to this file. */
void mo_cache_unlink_fronts(const mote_cache *cache, uint64_t inode);

#endif
