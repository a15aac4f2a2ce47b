/* folder.c - granted folders, and the entries of folders. */
#include "wasi/guest.h"

mo_errno mo_wasi_fd_prestat_get(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_prestat_dir_name(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_readdir(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
