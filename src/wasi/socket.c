/* socket.c - connections that come in on granted listeners: accept, receive, send, shut
 * down. The system is always asked not to wait; where the guest wants to, mo_wasi_wait
 * does. */
#include "wasi/socket.h"
#include "wasi/guest.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static mo_desc *take_socket(mo_wasi_call *c, const mote_raw *args, uint64_t rights, mo_errno *err)
{
    mo_desc *d = mo_wasi_take(c->wasi, args[0].u32, rights, err);
    if (d && d->kind != MO_DESC_SOCKET) {
        *err = MO_E_NOTSOCK;
        return NULL;
    }
    return d;
}

/* After a call that answered with errno: MO_E_SUCCESS if it is worth another try. */
static mo_errno wait_again(mo_wasi_call *c, const mo_desc *d, short events)
{
    if (errno == EINTR)
        return MO_E_SUCCESS;
    if (errno != EAGAIN || d->flags & MO_FDFLAG_NONBLOCK)
        return mo_wasi_errno(errno);
    return mo_wasi_wait_for(c, d->host, events);
}

/* --- accepting --------------------------------------------------------------- */

/* Waits first, for a listener that others share may be in blocking mode; then one that
 * is gone again leaves nothing to accept, and EAGAIN if not. */
static mo_errno accept_one(mo_wasi_call *c, const mo_desc *d, int *rethost)
{
    for (;;) {
        mo_errno err = d->flags & MO_FDFLAG_NONBLOCK ? MO_E_SUCCESS : mo_wasi_wait_for(c, d->host, POLLIN);
        if (err)
            return err;
        *rethost = accept4(d->host, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (*rethost >= 0)
            return MO_E_SUCCESS;
        err = wait_again(c, d, POLLIN);
        if (err && err != MO_E_CONNABORTED)
            return err;
    }
}

mo_errno mo_wasi_sock_accept(mo_wasi_call *c, const mote_raw *args)
{
    uint32_t flags = args[1].u32, retfd = args[2].u32, fd;
    mo_errno err;
    mo_desc *d = take_socket(c, args, MO_RIGHT_SOCK_ACCEPT, &err);
    if (!d)
        return err;
    if (flags & ~(uint32_t)MO_FDFLAG_NONBLOCK)
        return MO_E_INVAL;
    if (!mo_guest_write(c, retfd, 4))
        return MO_E_FAULT;
    mo_desc new = {.kind = MO_DESC_SOCKET, .filetype = d->filetype, .flags = (uint16_t)flags, .owned = true,
                   .rights = d->inheriting & ~(uint64_t)MO_RIGHT_SOCK_ACCEPT};
    err = accept_one(c, d, &new.host);
    if (err)
        return err;
    if (!mo_wasi_add(c->wasi, 0, &new, &fd)) {
        close(new.host);
        return MO_E_NFILE;
    }
    return mo_guest_put32(c, retfd, fd) ? MO_E_SUCCESS : MO_E_FAULT;
}

/* --- bytes -------------------------------------------------------------------- */

static void advance(struct msghdr *m, size_t n)
{
    while (m->msg_iovlen && n >= m->msg_iov->iov_len) {
        n -= m->msg_iov->iov_len;
        m->msg_iov++;
        m->msg_iovlen--;
    }
    if (m->msg_iovlen) {
        m->msg_iov->iov_base = (char *)m->msg_iov->iov_base + n;
        m->msg_iov->iov_len -= n;
    }
}

mo_errno mo_socket_receive(mo_wasi_call *c, const mo_desc *d, struct iovec *iov, size_t niov, int flags, size_t *retn,
                           int *retflags)
{
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = niov};
    bool all = flags & MSG_WAITALL && !(flags & MSG_PEEK) && d->filetype == MO_FILETYPE_SOCKET_STREAM;
    *retn = 0;
    *retflags = 0;
    for (;;) {
        ssize_t n = recvmsg(d->host, &m, MSG_DONTWAIT | (flags & MSG_PEEK));
        mo_errno err = n < 0 ? wait_again(c, d, POLLIN) : MO_E_SUCCESS;
        if (err)
            return *retn && !c->leave ? MO_E_SUCCESS : err;
        if (n < 0)
            continue;
        *retn += (size_t)n;
        *retflags = m.msg_flags & MSG_TRUNC;
        advance(&m, (size_t)n);
        if (n == 0 || !all || !m.msg_iovlen)
            return MO_E_SUCCESS;
    }
}

mo_errno mo_socket_send(mo_wasi_call *c, const mo_desc *d, struct iovec *iov, size_t niov, size_t *retn)
{
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = niov};
    *retn = 0;
    do {
        ssize_t n = sendmsg(d->host, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
        mo_errno err = n < 0 ? wait_again(c, d, POLLOUT) : MO_E_SUCCESS;
        if (err)
            return *retn && !c->leave ? MO_E_SUCCESS : err;
        if (n < 0)
            continue;
        *retn += (size_t)n;
        advance(&m, (size_t)n);
    } while (m.msg_iovlen);
    return MO_E_SUCCESS;
}

static mo_errno receive_into(mo_wasi_call *c, const mo_desc *d, const mote_raw *args, int flags)
{
    uint32_t retn = args[4].u32, retflags = args[5].u32;
    struct iovec iov[MO_GUEST_IOVECS];
    size_t n, got;
    uint64_t total;
    int truncated;
    mo_errno err = mo_guest_iovecs(c, args[1].u32, args[2].u32, true, iov, &n, &total);
    if (!err && (!mo_guest_write(c, retn, 4) || !mo_guest_write(c, retflags, 2)))
        err = MO_E_FAULT;
    if (!err)
        err = mo_socket_receive(c, d, iov, n, flags, &got, &truncated);
    if (err)
        return err;
    uint16_t told = truncated ? MO_ROFLAG_DATA_TRUNCATED : 0;
    return mo_guest_put32(c, retn, (uint32_t)got) && mo_guest_put16(c, retflags, told) ? MO_E_SUCCESS : MO_E_FAULT;
}

mo_errno mo_wasi_sock_recv(mo_wasi_call *c, const mote_raw *args)
{
    uint32_t wanted = args[3].u32;
    mo_errno err;
    const mo_desc *d = take_socket(c, args, MO_RIGHT_FD_READ, &err);
    if (!d)
        return err;
    if (wanted & ~(uint32_t)(MO_RIFLAG_PEEK | MO_RIFLAG_WAITALL))
        return MO_E_INVAL;
    return receive_into(c, d, args, (wanted & MO_RIFLAG_PEEK ? MSG_PEEK : 0) | (wanted & MO_RIFLAG_WAITALL ? MSG_WAITALL : 0));
}

mo_errno mo_wasi_sock_send(mo_wasi_call *c, const mote_raw *args)
{
    uint32_t retn = args[4].u32;
    struct iovec iov[MO_GUEST_IOVECS];
    size_t n, sent;
    uint64_t total;
    mo_errno err;
    const mo_desc *d = take_socket(c, args, MO_RIGHT_FD_WRITE, &err);
    if (!d)
        return err;
    if (args[3].i32 != 0) /* no flag is defined */
        return MO_E_INVAL;
    err = mo_guest_iovecs(c, args[1].u32, args[2].u32, false, iov, &n, &total);
    if (!err && !mo_guest_write(c, retn, 4))
        err = MO_E_FAULT;
    if (!err)
        err = mo_socket_send(c, d, iov, n, &sent);
    if (err)
        return err;
    return mo_guest_put32(c, retn, (uint32_t)sent) ? MO_E_SUCCESS : MO_E_FAULT;
}

static bool listens(const mo_desc *d)
{
    int listening = 0;
    socklen_t len = sizeof listening;
    return getsockopt(d->host, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

/* Linux would end a listener, for the other processes that share it too. A datagram
 * socket shut for reading would be ready for ever, with nothing to read. */
mo_errno mo_wasi_sock_shutdown(mo_wasi_call *c, const mote_raw *args)
{
    static const int how[] = {-1, SHUT_RD, SHUT_WR, SHUT_RDWR}; /* by MO_SDFLAG_... */
    uint32_t bits = args[1].u32;
    mo_errno err;
    const mo_desc *d = take_socket(c, args, MO_RIGHT_SOCK_SHUTDOWN, &err);
    if (!d)
        return err;
    if (bits == 0 || bits >= MO_COUNT(how))
        return MO_E_INVAL;
    if (listens(d))
        return MO_E_NOTCONN;
    if (d->filetype == MO_FILETYPE_SOCKET_DGRAM && bits & MO_SDFLAG_RD)
        return MO_E_NOTSUP;
    return shutdown(d->host, how[bits]) == 0 ? MO_E_SUCCESS : mo_wasi_errno(errno);
}
