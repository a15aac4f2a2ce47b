/* channel.c - SOCK_SEQPACKET with SCM_RIGHTS. */
#include "serve/process/channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(MO_CHANNEL_FDS * sizeof(int))];
} control;

bool mo_channel_pair(int ret[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) == 0;
}

int mo_channel_send(int fd, const struct iovec *iovs, size_t n, const int *fds, size_t nfds, bool wait)
{
    control room;
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iovs, .msg_iovlen = n};
    ssize_t sent;
    if (nfds) {
        memset(&room, 0, sizeof room);
        m.msg_control = room.bytes;
        m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(nfds * sizeof(int))};
        memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
    }
    do
        sent = sendmsg(fd, &m, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

static size_t take_descriptors(struct msghdr *m, int fds[MO_CHANNEL_FDS])
{
    size_t n = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds + n, CMSG_DATA(c), here * sizeof(int));
        n += here;
    }
    return n;
}

int64_t mo_channel_receive(int fd, const struct iovec *iovs, size_t n, int fds[MO_CHANNEL_FDS], size_t *retnfds, bool wait)
{
    control room;
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iovs, .msg_iovlen = n, .msg_control = room.bytes,
                       .msg_controllen = sizeof room.bytes};
    ssize_t len;
    *retnfds = 0;
    do
        len = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    while (len < 0 && errno == EINTR);
    if (len < 0)
        return -errno;
    *retnfds = take_descriptors(&m, fds);
    if (!(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
        return len;
    for (size_t i = 0; i < *retnfds; i++)
        close(fds[i]);
    *retnfds = 0;
    return -EMSGSIZE;
}
