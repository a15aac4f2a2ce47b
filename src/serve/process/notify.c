/* notify.c - a few words to NOTIFY_SOCKET. */
#include "serve/process/notify.h"

#include "call/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void mo_notify_open(mo_notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    n->fd = -1;
    if (len < 2 || len >= sizeof a.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(a.sun_path, path, len);
    if (path[0] == '@') /* a name without a file */
        a.sun_path[0] = 0;
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->fd >= 0 && connect(n->fd, (const struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0)
        mo_notify_close(n);
}

void mo_notify_close(mo_notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

static void tell(const mo_notify *n, const char *words)
{
    if (n->fd >= 0)
        send(n->fd, words, strlen(words), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void mo_notify_ready(const mo_notify *n) { tell(n, "READY=1\nSTATUS=serving"); }
void mo_notify_stopping(const mo_notify *n) { tell(n, "STOPPING=1\nSTATUS=draining"); }

void mo_notify_reloading(const mo_notify *n)
{
    char words[96];
    snprintf(words, sizeof words, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=reloading", mo_now_ns() / 1000);
    tell(n, words);
}

size_t mo_notify_take_sockets(int *fds, size_t most)
{
    enum { FIRST = 3 };
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    unsigned long n = count ? strtoul(count, NULL, 10) : 0;
    if (!pid || strtoul(pid, NULL, 10) != (unsigned long)getpid())
        n = 0;
    if (n > most)
        n = most;
    for (unsigned long i = 0; i < n; i++) {
        fds[i] = FIRST + (int)i;
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        fcntl(fds[i], F_SETFL, fcntl(fds[i], F_GETFL) | O_NONBLOCK);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return n;
}
