/* cache_entry.c - one entry of the cache: opened, made, or waited for. */
#define _GNU_SOURCE
#include "artifact/cache.h"
#include "artifact/open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define USE_NOTED_NS INT64_C(60000000000) /* a use is noted at most once a minute */
#define MOST_LINKS 256

/* --- opening ----------------------------------------------------------------- */

static void note_use(int fd, const struct stat *st)
{
    int64_t used = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec, age = mo_cache_now_ns() - used;
    if (age > USE_NOTED_NS || age < 0) (void)futimens(fd, NULL);
}

bool mo_cache_open_entry(mote_cache *cache, const mo_cache_name *name, mo_artifact **ret)
{
    struct stat st;
    mote_error err = {0};
    int fd = openat(cache->folder, name->text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return false;
    if (fstat(fd, &st) == 0 && mo_artifact_open_fd(fd, &st, ret, &err)) {
        note_use(fd, &st);
        return true;
    }
    close(fd);
    if (err.status == MOTE_REFUSED) unlinkat(cache->folder, name->text, 0);
    return false;
}

/* --- making ------------------------------------------------------------------ */

static bool fails(mote_error *err, const char *what)
{
    return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "cache: %s: %s", what, strerror(errno));
}

static bool write_all(int fd, const uint8_t *at, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n;
        len -= (size_t)n;
    }
    return fdatasync(fd) == 0;
}

/* A file that has no name until it is complete. */
static bool enter_unnamed(const mote_cache *cache, int fd, const mo_cache_name *name, const void *bytes, size_t len,
                          mote_error *err)
{
    char self[32];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (!write_all(fd, bytes, len)) return fails(err, "cannot write an entry");
    return linkat(AT_FDCWD, self, cache->folder, name->text, AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST ||
           fails(err, "cannot name an entry");
}

/* The lock tells a scan that its writer lives. */
bool mo_cache_enter_named(const mote_cache *cache, const mo_cache_name *name, const void *bytes, size_t len,
                          mote_error *err)
{
    char temporary[24];
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) < 0) return fails(err, "no random number");
    snprintf(temporary, sizeof temporary, "new-%016" PRIx64, random);
    int fd = openat(cache->folder, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return fails(err, "cannot make a file");
    bool ok = flock(fd, LOCK_EX | LOCK_NB) == 0 && write_all(fd, bytes, len) &&
              renameat(cache->folder, temporary, cache->folder, name->text) == 0;
    if (!ok) {
        fails(err, "cannot write an entry");
        unlinkat(cache->folder, temporary, 0);
    }
    close(fd);
    return ok;
}

bool mo_cache_enter(mote_cache *cache, const mo_cache_name *name, const void *bytes, size_t len, mote_error *err)
{
    if (len > cache->max_bytes)
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "cache: an entry of %zu bytes, all together may have %" PRIu64,
                       len, cache->max_bytes);
    int fd = openat(cache->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        return mo_cache_enter_named(cache, name, bytes, len, err);
    if (fd < 0) return fails(err, "cannot make a file");
    bool ok = enter_unnamed(cache, fd, name, bytes, len, err);
    close(fd);
    return ok;
}

void mo_cache_link(mote_cache *cache, const mo_artifact *a, const mo_cache_name *entry, const mo_cache_name *front)
{
    struct stat st;
    if (fstat(a->fd, &st) == 0 && st.st_nlink > MOST_LINKS) mo_cache_unlink_fronts(cache, st.st_ino);
    if (linkat(cache->folder, entry->text, cache->folder, front->text, 0) != 0 && errno == EEXIST) {
        unlinkat(cache->folder, front->text, 0);
        (void)linkat(cache->folder, entry->text, cache->folder, front->text, 0); /* it is only slower without */
    }
}

/* --- waiting ----------------------------------------------------------------- */

/* How long a compile may take before it counts as stuck. */
static int64_t patience_ns(size_t module_len)
{
    return (30 + 30 * (int64_t)(module_len >> 20)) * 1000000000;
}

static void nap(unsigned tries)
{
    struct timespec t = {.tv_nsec = tries < 10 ? 5000000 : 50000000};
    nanosleep(&t, NULL);
}

static int64_t steady_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The first digits of the name. */
static off_t number_of(const mo_cache_name *entry)
{
    char digits[16] = {0};
    memcpy(digits, entry->text, sizeof digits - 1);
    return (off_t)strtoull(digits, NULL, 16);
}

void mo_cache_claim(mote_cache *cache, const mo_cache_name *entry, size_t module_len, int *retlock,
                    mo_artifact **ret)
{
    struct flock one = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = number_of(entry), .l_len = 1};
    int64_t end = steady_ns() + patience_ns(module_len);
    int fd = openat(cache->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool taken = false;
    *ret = NULL;
    for (unsigned tries = 0; fd >= 0; tries++) {
        taken = fcntl(fd, F_OFD_SETLK, &one) == 0;
        bool busy = !taken && (errno == EAGAIN || errno == EACCES);
        if (((tries > 0 || taken) && mo_cache_open_entry(cache, entry, ret)) || !busy || steady_ns() > end) break;
        if (cache->waiting) cache->waiting(cache->data);
        nap(tries);
    }
    if (fd >= 0 && (!taken || *ret)) {
        close(fd);
        fd = -1;
    }
    *retlock = fd;
}
