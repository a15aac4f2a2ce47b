/* file.c - what descriptors and open files are, apart from the bytes in them. */
#include "call/call.h"
#include "wasi/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- what is known of a file ---------------------------------------------------------- */

uint8_t mo_file_type(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG: return MO_FILETYPE_REGULAR_FILE;
    case S_IFDIR: return MO_FILETYPE_DIRECTORY;
    case S_IFLNK: return MO_FILETYPE_SYMBOLIC_LINK;
    case S_IFBLK: return MO_FILETYPE_BLOCK_DEVICE;
    case S_IFCHR: return MO_FILETYPE_CHARACTER_DEVICE;
    case S_IFSOCK: return MO_FILETYPE_SOCKET_STREAM;
    default: return MO_FILETYPE_UNKNOWN; /* a fifo, for one */
    }
}

/* Times before 1970 are 1970. */
static uint64_t ns_of(const struct timespec *t)
{
    return t->tv_sec < 0 ? 0 : (uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_nsec;
}

void mo_file_put_stat(const struct stat *st, uint8_t *to)
{
    memset(to, 0, MO_FILESTAT_SIZE);
    mo_put64(to + MO_FILESTAT_DEV, st->st_dev);
    mo_put64(to + MO_FILESTAT_INO, st->st_ino);
    to[MO_FILESTAT_FILETYPE] = mo_file_type(st->st_mode);
    mo_put64(to + MO_FILESTAT_NLINK, st->st_nlink);
    mo_put64(to + MO_FILESTAT_LEN, (uint64_t)st->st_size);
    mo_put64(to + MO_FILESTAT_ATIM, ns_of(&st->st_atim));
    mo_put64(to + MO_FILESTAT_MTIM, ns_of(&st->st_mtim));
    mo_put64(to + MO_FILESTAT_CTIM, ns_of(&st->st_ctim));
}

static mo_errno one_time(mo_wasi_call *c, uint64_t ns, bool set, bool now, struct timespec *ret)
{
    *ret = (struct timespec){.tv_nsec = now ? UTIME_NOW : UTIME_OMIT};
    if (set && now)
        return MO_E_INVAL;
    if (now && c->wasi->clock) {
        mo_errno e = mo_clock_now(c, MO_CLOCK_REALTIME, &ns);
        if (e)
            return e;
        set = true;
    }
    if (set)
        *ret = (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    return MO_E_SUCCESS;
}

mo_errno mo_file_times(mo_wasi_call *c, uint64_t atim, uint64_t mtim, uint32_t fstflags, struct timespec ret[2])
{
    if (fstflags & ~(uint32_t)(MO_FST_ATIM | MO_FST_ATIM_NOW | MO_FST_MTIM | MO_FST_MTIM_NOW))
        return MO_E_INVAL;
    mo_errno e = one_time(c, atim, fstflags & MO_FST_ATIM, fstflags & MO_FST_ATIM_NOW, &ret[0]);
    return e ? e : one_time(c, mtim, fstflags & MO_FST_MTIM, fstflags & MO_FST_MTIM_NOW, &ret[1]);
}

/* A file or folder whose file system may take long, so that the call is made elsewhere? */
static bool is_slow(mo_wasi_call *c, const mo_desc *d)
{
    return (d->kind == MO_DESC_FOLDER || mo_desc_is_file(d)) && mo_wasi_moves_for(c, d);
}

/* --- descriptors ------------------------------------------------------------------------ */

mo_errno mo_wasi_fd_close(mo_wasi_call *c, const mote_raw *args)
{
    mo_errno e;
    mo_desc *d = mo_wasi_take(c->wasi, args[0].u32, 0, &e);
    if (d && is_slow(c, d))
        return MO_E_AGAIN;
    return d ? mo_wasi_drop(c->wasi, d) : e;
}

/* Both must be open: a guest cannot take a number that it was not given. */
mo_errno mo_wasi_fd_renumber(mo_wasi_call *c, const mote_raw *args)
{
    mo_errno e;
    mo_desc *from = mo_wasi_take(c->wasi, args[0].u32, 0, &e), *to = mo_wasi_take(c->wasi, args[1].u32, 0, &e);
    if (!from || !to)
        return MO_E_BADF;
    if (from == to)
        return MO_E_SUCCESS;
    mo_wasi_drop(c->wasi, to);
    *to = *from;
    *from = (mo_desc){.host = -1};
    mo_wasi_drop(c->wasi, from);
    return MO_E_SUCCESS;
}

mo_errno mo_wasi_fd_fdstat_get(mo_wasi_call *c, const mote_raw *args)
{
    mo_errno e;
    const mo_desc *d = mo_wasi_take(c->wasi, args[0].u32, 0, &e);
    if (!d)
        return e;
    uint8_t *to = mo_guest_write(c, args[1].u32, MO_FDSTAT_SIZE);
    if (!to)
        return MO_E_FAULT;
    memset(to, 0, MO_FDSTAT_SIZE);
    to[MO_FDSTAT_FILETYPE] = d->filetype;
    mo_put16(to + MO_FDSTAT_FLAGS, d->flags);
    mo_put64(to + MO_FDSTAT_RIGHTS, d->rights);
    mo_put64(to + MO_FDSTAT_INHERITING, d->inheriting);
    return MO_E_SUCCESS;
}

#define FDFLAGS \
    (MO_FDFLAG_APPEND | MO_FDFLAG_DSYNC | MO_FDFLAG_NONBLOCK | MO_FDFLAG_RSYNC | MO_FDFLAG_SYNC)

/* The host's open file keeps its flags: io.c applies the guest's to each call. */
mo_errno mo_wasi_fd_fdstat_set_flags(mo_wasi_call *c, const mote_raw *args)
{
    mo_errno e;
    mo_desc *d = mo_wasi_take(c->wasi, args[0].u32, MO_RIGHT_FD_FDSTAT_SET_FLAGS, &e);
    if (!d)
        return e;
    if (args[1].u32 & ~(uint32_t)FDFLAGS)
        return MO_E_INVAL;
    d->flags = (uint16_t)args[1].u32;
    return MO_E_SUCCESS;
}

mo_errno mo_wasi_fd_fdstat_set_rights(mo_wasi_call *c, const mote_raw *args)
{
    mo_errno e;
    mo_desc *d = mo_wasi_take(c->wasi, args[0].u32, args[1].u64, &e);
    if (!d)
        return e;
    if (args[2].u64 & ~d->inheriting)
        return MO_E_NOTCAPABLE;
    d->rights = args[1].u64;
    d->inheriting = args[2].u64;
    return MO_E_SUCCESS;
}

/* --- open files --------------------------------------------------------------------------- */

/* Of the embedder's streams there is nothing to tell. */
const mo_desc *mo_file_stat(mo_wasi_call *c, uint32_t fd, struct stat *ret, mo_errno *err)
{
    const mo_desc *d = mo_wasi_take(c->wasi, fd, MO_RIGHT_FD_FILESTAT_GET, err);
    memset(ret, 0, sizeof *ret);
    if (d && is_slow(c, d))
        return NULL;
    if (d && d->host >= 0 && fstat(d->host, ret) != 0) {
        *err = mo_wasi_errno(errno);
        return NULL;
    }
    return d;
}

mo_errno mo_wasi_fd_filestat_get(mo_wasi_call *c, const mote_raw *args)
{
    mo_errno e;
    struct stat st;
    const mo_desc *d = mo_file_stat(c, args[0].u32, &st, &e);
    if (!d)
        return e;
    uint8_t *to = mo_guest_write(c, args[1].u32, MO_FILESTAT_SIZE);
    if (!to)
        return MO_E_FAULT;
    mo_file_put_stat(&st, to);
    to[MO_FILESTAT_FILETYPE] = d->filetype;
    return MO_E_SUCCESS;
}

mo_errno mo_wasi_fd_filestat_set_times(mo_wasi_call *c, const mote_raw *args)
{
    mo_errno e;
    struct timespec times[2];
    const mo_desc *d = mo_wasi_take(c->wasi, args[0].u32, MO_RIGHT_FD_FILESTAT_SET_TIMES, &e);
    if (!d)
        return e;
    e = mo_file_times(c, args[1].u64, args[2].u64, args[3].u32, times);
    if (e)
        return e;
    if (is_slow(c, d))
        return MO_E_AGAIN;
    return futimens(d->host, times) != 0 ? mo_wasi_errno(errno) : MO_E_SUCCESS;
}

/* An open file that has all of rights. */
static const mo_desc *take_file(mo_wasi_call *c, uint32_t fd, uint64_t rights, mo_errno *err)
{
    const mo_desc *d = mo_wasi_take(c->wasi, fd, 0, err);
    if (!d)
        return NULL;
    if (d->kind == MO_DESC_FOLDER)
        *err = MO_E_BADF;
    else if (rights & ~d->rights)
        *err = MO_E_NOTCAPABLE;
    else
        return d;
    return NULL;
}

/* Again if a signal came that the guest has no part in. */
#define AGAIN_IF_INTERRUPTED(c, failed, call)                                   \
    do {                                                                        \
        mo_thread_here.quiet = true;                                            \
        failed = (call);                                                        \
        mo_thread_here.quiet = false;                                           \
    } while (failed && errno == EINTR && !mo_wasi_interrupted(c))

mo_errno mo_wasi_fd_filestat_set_size(mo_wasi_call *c, const mote_raw *args)
{
    mo_errno e;
    int failed;
    const mo_desc *d = take_file(c, args[0].u32, MO_RIGHT_FD_FILESTAT_SET_SIZE, &e);
    if (!d)
        return e;
    if (args[1].u64 > INT64_MAX)
        return MO_E_INVAL;
    if (mo_wasi_moves(c))
        return MO_E_AGAIN;
    AGAIN_IF_INTERRUPTED(c, failed, ftruncate(d->host, args[1].i64));
    return failed ? mo_wasi_errno(errno) : MO_E_SUCCESS;
}

mo_errno mo_wasi_fd_allocate(mo_wasi_call *c, const mote_raw *args)
{
    mo_errno e;
    int failed;
    const mo_desc *d = take_file(c, args[0].u32, MO_RIGHT_FD_ALLOCATE, &e);
    if (!d)
        return e;
    if (args[1].u64 > INT64_MAX || args[2].u64 > INT64_MAX)
        return MO_E_INVAL;
    if (mo_wasi_moves(c))
        return MO_E_AGAIN;
    AGAIN_IF_INTERRUPTED(c, failed, fallocate(d->host, 0, args[1].i64, args[2].i64));
    return failed ? mo_wasi_errno(errno) : MO_E_SUCCESS;
}

mo_errno mo_wasi_fd_advise(mo_wasi_call *c, const mote_raw *args)
{
    static const int advices[] = {
        [MO_ADVICE_NORMAL] = POSIX_FADV_NORMAL,     [MO_ADVICE_SEQUENTIAL] = POSIX_FADV_SEQUENTIAL,
        [MO_ADVICE_RANDOM] = POSIX_FADV_RANDOM,     [MO_ADVICE_WILLNEED] = POSIX_FADV_WILLNEED,
        [MO_ADVICE_DONTNEED] = POSIX_FADV_DONTNEED, [MO_ADVICE_NOREUSE] = POSIX_FADV_NOREUSE,
    };
    mo_errno e;
    const mo_desc *d = take_file(c, args[0].u32, MO_RIGHT_FD_ADVISE, &e);
    if (!d)
        return e;
    if (args[1].u64 > INT64_MAX || args[2].u64 > INT64_MAX || args[3].u32 >= MO_COUNT(advices))
        return MO_E_INVAL;
    return mo_wasi_errno(posix_fadvise(d->host, args[1].i64, args[2].i64, advices[args[3].u32]));
}

/* --- to disk ---------------------------------------------------------------------------------- */

static mo_errno sync_file(mo_wasi_call *c, uint32_t fd, uint64_t right, bool data_only)
{
    mo_errno e;
    int failed;
    const mo_desc *d = mo_wasi_take(c->wasi, fd, 0, &e);
    if (!d)
        return e;
    if (d->kind != MO_DESC_FOLDER && !mo_desc_is_file(d))
        return MO_E_INVAL; /* as of pipes and terminals natively */
    if (!(d->rights & right))
        return MO_E_NOTCAPABLE;
    if (mo_wasi_moves(c))
        return MO_E_AGAIN;
    AGAIN_IF_INTERRUPTED(c, failed, data_only ? fdatasync(d->host) : fsync(d->host));
    return failed ? mo_wasi_errno(errno) : MO_E_SUCCESS;
}

mo_errno mo_wasi_fd_sync(mo_wasi_call *c, const mote_raw *args)
{
    return sync_file(c, args[0].u32, MO_RIGHT_FD_SYNC, false);
}
mo_errno mo_wasi_fd_datasync(mo_wasi_call *c, const mote_raw *args)
{
    return sync_file(c, args[0].u32, MO_RIGHT_FD_DATASYNC, true);
}
