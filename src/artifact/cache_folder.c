/* cache_folder.c - the cache's folder: where it is, whose it is, what lies in it. */
#define _GNU_SOURCE
#include "artifact/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* --- finding and making it ------------------------------------------------------- */

mote_status mote_cache_default_path(char *ret, size_t size, mote_error *err)
{
    static const struct { const char *variable, *below; } places[] = {
        {"MOTE_CACHE_DIR", ""}, {"XDG_CACHE_HOME", "/mote"}, {"HOME", "/.cache/mote"},
    };
    for (size_t i = 0; i < MO_COUNT(places); i++) {
        const char *at = getenv(places[i].variable);
        if (!at || !*at || (i > 0 && *at != '/')) continue; /* the XDG text: a relative path is ignored */
        if ((size_t)snprintf(ret, size, "%s%s", at, places[i].below) < size) return MOTE_OK;
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "cache: $%s is too long", places[i].variable), MOTE_LIMIT;
    }
    mo_fail(err, MOTE_IO, MOTE_NOWHERE, "cache: none of $MOTE_CACHE_DIR, $XDG_CACHE_HOME and $HOME is set");
    return MOTE_IO;
}

static bool fails(mote_error *err, const char *path)
{
    return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "cache: %.150s: %s", path, strerror(errno));
}

/* Makes path with all that is missing above it. Nothing is made in another user's folder:
 * root would leave there what its owner cannot use. */
static bool make_folder(char *path)
{
    struct stat above, here;
    bool ok = stat(*path == '/' ? "/" : ".", &above) == 0;
    for (char *at = path; ok && *at; above = here) {
        at += strspn(at, "/");
        at += strcspn(at, "/");
        char was = *at;
        *at = 0;
        errno = EACCES;
        ok = stat(path, &here) == 0 || ((above.st_uid == geteuid() || above.st_uid == 0) &&
             (mkdir(path, 0700) == 0 || errno == EEXIST) && stat(path, &here) == 0);
        *at = was;
    }
    return ok;
}

static bool check_owner(const mote_cache *cache, mote_error *err)
{
    struct stat st;
    if (fstat(cache->folder, &st) != 0) return fails(err, cache->path);
    if (st.st_uid != geteuid())
        return mo_fail(err, MOTE_REFUSED, MOTE_NOWHERE, "cache: %.150s belongs to user %ju, want this user (%ju)",
                       cache->path, (uintmax_t)st.st_uid, (uintmax_t)geteuid());
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return mo_fail(err, MOTE_REFUSED, MOTE_NOWHERE, "cache: %.150s can be written by others (mode %04o), want 0700",
                       cache->path, (unsigned)(st.st_mode & 07777));
    return true;
}

bool mo_cache_open_folder(mote_cache *cache, bool must_exist, mote_error *err)
{
    enum { HOW = O_RDONLY | O_DIRECTORY | O_CLOEXEC };
    cache->folder = open(cache->path, HOW);
    if (cache->folder < 0 && errno == ENOENT && !must_exist && make_folder(cache->path))
        cache->folder = open(cache->path, HOW);
    return cache->folder >= 0 ? check_owner(cache, err) : fails(err, cache->path);
}

/* --- looking into it ----------------------------------------------------------------- */

static bool ends_with(const char *name, size_t len, const char *ending)
{
    size_t n = strlen(ending);
    return len > n && strcmp(name + len - n, ending) == 0;
}

/* 64 digits and one of the two endings. */
static bool is_ours(const char *name, bool *retfront)
{
    size_t len = strlen(name);
    *retfront = ends_with(name, len, ".file");
    return len + 1 == MO_CACHE_NAME && strspn(name, "0123456789abcdef") == 2 * MO_DIGEST &&
           (*retfront || ends_with(name, len, ".mote"));
}

/* A file that was being written: its writer holds the lock, or is dead. One that is so new
 * may not have been locked yet. */
static void sweep(const mote_cache *cache, const char *name)
{
    struct stat st;
    int fd = openat(cache->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return;
    if (fstat(fd, &st) == 0 && mo_cache_settled(&st, mo_cache_now_ns()) && flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(cache->folder, name, 0);
    close(fd);
}

static bool add(const mote_cache *cache, mo_cache_files *files, const char *name, bool front)
{
    struct stat st;
    if (fstatat(cache->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return true; /* it went meanwhile */
    if (!mo_grow(&files->at, &files->cap, files->n + 1, sizeof *files->at)) return false;
    mo_cache_file *file = &files->at[files->n++];
    strcpy(file->name, name);
    file->front = front;
    file->inode = st.st_ino;
    file->bytes = (uint64_t)st.st_size;
    file->used_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return true;
}

/* Links of one file have one time of use, so they end up side by side. */
static int by_use(const void *a, const void *b)
{
    const mo_cache_file *x = a, *y = b;
    if (x->used_ns != y->used_ns) return x->used_ns < y->used_ns ? -1 : 1;
    return x->inode != y->inode ? x->inode < y->inode ? -1 : 1 : 0;
}

static DIR *open_listing(const mote_cache *cache)
{
    int fd = openat(cache->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    if (!listing && fd >= 0) close(fd);
    return listing;
}

bool mo_cache_scan(const mote_cache *cache, mo_cache_files *ret, mote_error *err)
{
    DIR *listing = open_listing(cache);
    bool ok = true, front;
    *ret = (mo_cache_files){0};
    if (!listing) return fails(err, cache->path);
    for (struct dirent *e; ok && (e = readdir(listing));) {
        if (is_ours(e->d_name, &front))
            ok = add(cache, ret, e->d_name, front);
        else if (strncmp(e->d_name, "new-", 4) == 0)
            sweep(cache, e->d_name);
    }
    closedir(listing);
    if (!ok) {
        mo_free(ret->at);
        return mo_fail_nomem(err);
    }
    if (ret->n) qsort(ret->at, ret->n, sizeof *ret->at, by_use);
    return true;
}

/* --- removing -------------------------------------------------------------------------- */

static bool is_first_link(const mo_cache_files *files, size_t i)
{
    return i == 0 || files->at[i].inode != files->at[i - 1].inode;
}

/* *retleft: bytes that stay. */
static bool evict(const mote_cache *cache, uint64_t max_bytes, uint64_t *retentries, uint64_t *retbytes, uint64_t *retleft,
                  mote_error *err)
{
    mo_cache_files files;
    uint64_t total = 0, freed = 0, entries = 0;
    if (!mo_cache_scan(cache, &files, err)) return false;
    for (size_t i = 0; i < files.n; i++) total += is_first_link(&files, i) ? files.at[i].bytes : 0;
    for (size_t i = 0; i < files.n; i++) {
        if (is_first_link(&files, i)) {
            if (total - freed <= max_bytes && max_bytes > 0) break;
            freed += files.at[i].bytes;
        }
        entries += !files.at[i].front;
        unlinkat(cache->folder, files.at[i].name, 0);
    }
    mo_free(files.at);
    if (retentries) *retentries = entries;
    if (retbytes) *retbytes = freed;
    *retleft = total - freed;
    return true;
}

bool mo_cache_evict(const mote_cache *cache, uint64_t max_bytes, uint64_t *retentries, uint64_t *retbytes, mote_error *err)
{
    uint64_t left;
    return evict(cache, max_bytes, retentries, retbytes, &left, err);
}

/* Others may fill it too: half of the room is counted on. */
void mo_cache_bound(mote_cache *cache, uint64_t len)
{
    uint64_t left;
    if (len <= cache->room)
        cache->room -= len;
    else if (evict(cache, cache->max_bytes, NULL, NULL, &left, NULL))
        cache->room = left < cache->max_bytes ? (cache->max_bytes - left) / 2 : 0;
}

void mo_cache_unlink_fronts(const mote_cache *cache, uint64_t inode)
{
    mo_cache_files files;
    if (!mo_cache_scan(cache, &files, NULL)) return;
    for (size_t i = 0; i < files.n; i++)
        if (files.at[i].front && files.at[i].inode == inode) unlinkat(cache->folder, files.at[i].name, 0);
    mo_free(files.at);
}
