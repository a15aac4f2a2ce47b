/* file.c - whole files in and out. A write is seen whole or not at all. */
#define _GNU_SOURCE
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail_io(mote_error *err, const char *path, const char *did)
{
    return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "%s: %s: %s", path, did, strerror(errno));
}

/* --- reading ----------------------------------------------------------- */

/* Reads until len bytes or the end; returns how many, or -1. */
static ssize_t read_up_to(int fd, uint8_t *to, size_t len)
{
    size_t have = 0;
    while (have < len) {
        ssize_t n = read(fd, to + have, len - have);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

static bool check_file(int fd, const char *path, size_t limit, size_t *retlen, mote_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) return fail_io(err, path, "cannot look at it");
    if (!S_ISREG(st.st_mode))
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "%s: want a regular file", path);
    if ((uint64_t)st.st_size > limit)
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "%s: %" PRIu64 " bytes, the limit is %zu", path,
                       (uint64_t)st.st_size, limit);
    *retlen = (size_t)st.st_size;
    return true;
}

static bool read_open(int fd, const char *path, size_t limit, uint8_t **ret, size_t *retlen, mote_error *err)
{
    size_t len = 0;
    if (!check_file(fd, path, limit, &len, err)) return false;
    uint8_t *bytes = mo_alloc(len);
    if (!bytes) return mo_fail_nomem(err);
    ssize_t have = read_up_to(fd, bytes, len);
    if (have < 0) {
        fail_io(err, path, "cannot read");
        mo_free(bytes);
        return false;
    }
    *ret = bytes;
    *retlen = (size_t)have; /* less if somebody cut the file meanwhile */
    return true;
}

bool mo_file_read(const char *path, size_t limit, uint8_t **ret, size_t *retlen, mote_error *err)
{
    /* Not to hang on a pipe that nobody writes: it is no regular file anyway. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail_io(err, path, "cannot open");
    bool ok = read_open(fd, path, limit, ret, retlen, err);
    close(fd);
    return ok;
}

/* --- writing ----------------------------------------------------------- */

static bool write_all(int fd, const uint8_t *from, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, from, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        from += n;
        len -= (size_t)n;
    }
    return true;
}

/* Fills the open temporary file and gives it its name. */
static bool fill_and_rename(int fd, const char *temporary, const char *path, const void *bytes, size_t len,
                            uint32_t mode, mote_error *err)
{
    bool ok = write_all(fd, bytes, len) && fchmod(fd, (mode_t)mode) == 0 && fsync(fd) == 0;
    if (!ok) fail_io(err, path, "cannot write");
    if (close(fd) != 0 && ok) ok = fail_io(err, path, "cannot write");
    if (ok && rename(temporary, path) != 0) ok = fail_io(err, path, "cannot rename");
    if (!ok) unlink(temporary);
    return ok;
}

/* So that the new name survives a crash too. A file system that cannot sync a
 * folder is not a failure: the file itself is whole. */
static void sync_folder(const char *path, char *scratch)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    memcpy(scratch, path, len);
    strcpy(scratch + len, !slash ? "." : len == 0 ? "/" : "");
    int fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

bool mo_file_write(const char *path, const void *bytes, size_t len, uint32_t mode, mote_error *err)
{
    static const char suffix[] = ".XXXXXX";
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) /* a rename would replace a device */
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "%s: not a regular file", path);
    size_t pathlen = strlen(path);
    char *temporary = mo_alloc(pathlen + sizeof suffix);
    if (!temporary) return mo_fail_nomem(err);
    memcpy(temporary, path, pathlen);
    memcpy(temporary + pathlen, suffix, sizeof suffix);

    int fd = mkostemp(temporary, O_CLOEXEC);
    bool ok = fd >= 0 ? fill_and_rename(fd, temporary, path, bytes, len, mode, err)
                      : fail_io(err, path, "cannot create a file beside it");
    if (ok) sync_folder(path, temporary);
    mo_free(temporary);
    return ok;
}
