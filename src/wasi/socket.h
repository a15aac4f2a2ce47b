/* socket.h - bytes through a socket, for socket.c and whoever reads and writes files. */
#ifndef MO_WASI_SOCKET_H
#define MO_WASI_SOCKET_H

#include "wasi/wasi.h"

struct iovec;

/* Both wait as the descriptor's flags say, raise no SIGPIPE and change the iovecs. Bytes
 * that went through before an error are a success. */

/* flags: MSG_PEEK, MSG_WAITALL; *retflags: MSG_TRUNC where a datagram was cut. */
mo_errno mo_socket_receive(mo_wasi_call *c, const mo_desc *d, struct iovec *iov, size_t niov, int flags, size_t *retn,
                           int *retflags);
mo_errno mo_socket_send(mo_wasi_call *c, const mo_desc *d, struct iovec *iov, size_t niov, size_t *retn);

#endif
