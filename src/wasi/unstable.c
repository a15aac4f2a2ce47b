/* unstable.c - the functions that wasi_unstable has in another form, by those of today. */
#include "wasi/guest.h"

mo_errno mo_unstable_fd_filestat_get(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_unstable_fd_seek(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_unstable_path_filestat_get(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_unstable_poll_oneoff(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
