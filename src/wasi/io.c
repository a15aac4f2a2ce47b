#include "wasi/guest.h"
mo_errno mo_wasi_fd_read(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_write(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_pread(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_pwrite(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_seek(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_fd_tell(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
