/* unstable.c - wasi_unstable (snapshot 0) where it differs from preview 1: the order of
 * whence, subscriptions, and the layout of a filestat. */
#include "wasi/guest.h"
#include "wasi/path.h"
#include "wasi/poll.h"

#include <sys/stat.h>

mo_errno mo_unstable_fd_seek(mo_wasi_call *c, const mote_raw *args)
{
    static const uint8_t whence[] = {MO_WHENCE_CUR, MO_WHENCE_END, MO_WHENCE_SET};
    mote_raw now[4] = {args[0], args[1], args[2], args[3]};
    if (args[2].u32 >= MO_COUNT(whence))
        return MO_E_INVAL;
    now[2].u32 = whence[args[2].u32];
    return mo_wasi_fd_seek(c, now);
}

/* A clock has a userdata of its own before its id. */
mo_errno mo_unstable_poll_oneoff(mo_wasi_call *c, const mote_raw *args)
{
    return mo_poll(c, args, &(mo_poll_layout){.size = 56, .clock = 24});
}

/* --- filestats ---------------------------------------------------------------- */

/* A link count of 32 bits lies in what is padding today; the rest follows it at once. */
enum { NLINK = 20, REST = 24, FILESTAT_SIZE = 56 };

static mo_errno put_stat(mo_wasi_call *c, uint32_t at, const struct stat *st, const uint8_t *filetype)
{
    uint8_t now[MO_FILESTAT_SIZE];
    uint8_t *to = mo_guest_write(c, at, FILESTAT_SIZE);
    if (!to)
        return MO_E_FAULT;
    mo_file_put_stat(st, now);
    memcpy(to, now, NLINK);
    if (filetype)
        to[MO_FILESTAT_FILETYPE] = *filetype;
    mo_put32(to + NLINK, st->st_nlink < UINT32_MAX ? (uint32_t)st->st_nlink : UINT32_MAX);
    memcpy(to + REST, now + MO_FILESTAT_LEN, FILESTAT_SIZE - REST);
    return MO_E_SUCCESS;
}

mo_errno mo_unstable_fd_filestat_get(mo_wasi_call *c, const mote_raw *args)
{
    struct stat st;
    mo_errno err;
    const mo_desc *d = mo_file_stat(c, args[0].u32, &st, &err);
    return d ? put_stat(c, args[1].u32, &st, &d->filetype) : err;
}

mo_errno mo_unstable_path_filestat_get(mo_wasi_call *c, const mote_raw *args)
{
    struct stat st;
    mo_errno err = mo_path_stat(c, args, &st);
    return err ? err : put_stat(c, args[4].u32, &st, NULL);
}
