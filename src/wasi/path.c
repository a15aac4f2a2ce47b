/* path.c - files by name, beneath a folder that was granted. */
#include "wasi/guest.h"

mo_errno mo_wasi_path_create_directory(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_path_filestat_get(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_path_filestat_set_times(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_path_link(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_path_open(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_path_readlink(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_path_remove_directory(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_path_rename(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_path_symlink(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_path_unlink_file(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
