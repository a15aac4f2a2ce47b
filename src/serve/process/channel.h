/* channel.h - messages between the processes of one server, with descriptors. Each is sent
 * whole or not at all, and received whole or refused. */
#ifndef MO_SERVE_CHANNEL_H
#define MO_SERVE_CHANNEL_H

#include "base/base.h"

#include <sys/uio.h>

enum { MO_CHANNEL_FDS = 64 }; /* descriptors of one message, at most */

/* Two ends, close-on-exec, blocking. false: errno. */
bool mo_channel_pair(int ret[2]);
/* 0, or -errno. wait: until there is room; else -EAGAIN. The descriptors stay the caller's. */
int mo_channel_send(int fd, const struct iovec *iovs, size_t n, const int *fds, size_t nfds, bool wait);
/* The message's length; 0: the other end is gone; -EMSGSIZE: it was cut, and its descriptors
 * are closed; -errno. *retnfds: how many the message brought; they are close-on-exec, and
 * the caller's. */
int64_t mo_channel_receive(int fd, const struct iovec *iovs, size_t n, int fds[MO_CHANNEL_FDS], size_t *retnfds, bool wait);

#endif
