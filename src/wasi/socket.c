/* socket.c - connections: accept, receive, send. */
#include "wasi/guest.h"

mo_errno mo_wasi_sock_accept(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_sock_recv(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_sock_send(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
mo_errno mo_wasi_sock_shutdown(mo_wasi_call *c, const mote_raw *args) { return (void)c, (void)args, MO_E_NOSYS; }
