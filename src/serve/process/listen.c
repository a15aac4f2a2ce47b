/* listen.c - "127.0.0.1:8080" becomes a socket that listens. */
#include "serve/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} address;

/* Names would need the system's resolver. */
static bool read_address(const char *text, address *ret, socklen_t *retlen)
{
    char host[64], *end;
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    bool v6 = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (len == 0 || len >= sizeof host || colon[1] < '0' || colon[1] > '9')
        return false;
    unsigned long port = strtoul(colon + 1, &end, 10);
    snprintf(host, sizeof host, "%.*s", (int)(v6 ? len - 2 : len), v6 ? text + 1 : text);
    memset(ret, 0, sizeof *ret);
    ret->any.sa_family = v6 ? AF_INET6 : AF_INET;
    *retlen = v6 ? sizeof ret->v6 : sizeof ret->v4;
    if (v6)
        ret->v6.sin6_port = htons((uint16_t)port);
    else
        ret->v4.sin_port = htons((uint16_t)port);
    return !*end && port <= UINT16_MAX &&
           inet_pton(ret->any.sa_family, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
                     v6 ? (void *)&ret->v6.sin6_addr : (void *)&ret->v4.sin_addr) == 1;
}

bool mo_serve_is_address(const char *text)
{
    address a;
    socklen_t len;
    return read_address(text, &a, &len);
}

static bool set_up(int fd, const address *a, socklen_t len, bool shared)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return false;
    return bind(fd, &a->any, len) == 0 && (shared || listen(fd, MO_SERVE_BACKLOG) == 0);
}

int mo_serve_listen(const char *text, bool shared, mote_error *err)
{
    address a;
    socklen_t len;
    if (!read_address(text, &a, &len)) {
        mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "address %.60s: want an address and a port: 127.0.0.1:8080 or [::1]:8080",
                text);
        return -1;
    }
    int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && set_up(fd, &a, len, shared))
        return fd;
    mo_fail(err, MOTE_IO, MOTE_NOWHERE, "address %.60s: %s", text, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

void mo_serve_address(int fd, char *ret, size_t size)
{
    address a;
    socklen_t len = sizeof a;
    char host[INET6_ADDRSTRLEN] = "";
    memset(&a, 0, sizeof a);
    getsockname(fd, &a.any, &len);
    bool v6 = a.any.sa_family == AF_INET6;
    inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (const void *)&a.v6.sin6_addr : &a.v4.sin_addr, host, sizeof host);
    snprintf(ret, size, v6 ? "[%s]:%u" : "%s:%u", host, ntohs(v6 ? a.v6.sin6_port : a.v4.sin_port));
}
