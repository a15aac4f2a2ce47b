#include "wasi/guest.h"
mo_errno mo_wasi_fd_advise(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_allocate(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_close(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_datasync(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_fdstat_get(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_fdstat_set_flags(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_fdstat_set_rights(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_filestat_get(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_filestat_set_size(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_filestat_set_times(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_renumber(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_sync(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }

#include <sys/stat.h>

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
