/* unstable.c - wasi_unstable (snapshot 0) where it differs from preview 1: the order of
 * whence, subscriptions, and the layout of a filestat. */
#include "wasi/guest.h"
#include "wasi/poll.h"

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

mo_errno mo_unstable_fd_filestat_get(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_unstable_path_filestat_get(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
