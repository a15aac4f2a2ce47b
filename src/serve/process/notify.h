/* notify.h - systemd, as sd_notify(3) and sd_listen_fds(3) describe what it wants. */
#ifndef MO_SERVE_NOTIFY_H
#define MO_SERVE_NOTIFY_H

#include "base/base.h"

typedef struct mo_notify {
    int fd; /* to NOTIFY_SOCKET; -1: nobody listens */
} mo_notify;

void mo_notify_open(mo_notify *n);
void mo_notify_close(mo_notify *n);
void mo_notify_ready(const mo_notify *n);
void mo_notify_reloading(const mo_notify *n);
void mo_notify_stopping(const mo_notify *n);

/* The descriptors of LISTEN_FDS, if they are for this process; how many. */
size_t mo_notify_take_sockets(int *fds, size_t most);

#endif
