/* server.c - a small server of HTTP/1.1 around a workload.
 *   server ADDRESS PORT WORKERS [fork]   native: a process per worker, epoll; with fork, a
 *                                        process of its own answers each request
 *   server                               as a WASI program: listens at descriptor 3, poll
 * A connection has a buffer for one request and is kept alive; requests are not pipelined. */
#define _GNU_SOURCE /* accept4 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "workload.h"
#ifndef __wasi__
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#endif

enum { CONNECTIONS = 1100, HEAD_MOST = 8 << 10 };

typedef struct {
    char *bytes; /* NULL: no connection with this descriptor */
    size_t got, room;
} connection;

static connection connections[CONNECTIONS];
static int listener;

/* ---- what is ready ------------------------------------------------------------- */

#ifdef __wasi__
static struct pollfd polled[CONNECTIONS];
static nfds_t npolled;

static void watch(int fd)
{
    polled[npolled++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void unwatch(int fd)
{
    for (nfds_t i = 0; i < npolled; i++)
        if (polled[i].fd == fd)
            polled[i--] = polled[--npolled];
}

static int ready(int *fds, int most)
{
    int n = 0;
    if (poll(polled, npolled, -1) < 0)
        return 0;
    for (nfds_t i = 0; i < npolled && n < most; i++)
        if (polled[i].revents)
            fds[n++] = polled[i].fd;
    return n;
}
#else
static int epoll, forks;

static void watch(int fd)
{
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
}

static void unwatch(int fd)
{
    epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
}

static int ready(int *fds, int most)
{
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, most < 64 ? most : 64, -1);
    for (int i = 0; i < n; i++)
        fds[i] = events[i].data.fd;
    return n;
}
#endif

/* ---- a connection -------------------------------------------------------------- */

static void drop(int fd)
{
    unwatch(fd);
    free(connections[fd].bytes);
    connections[fd] = (connection){0};
    close(fd);
}

/** Everything, waiting where the peer is slow; false if it went away. */
static int send_all(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EAGAIN) {
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 1000);
            continue;
        }
        if (n <= 0)
            return 0;
        bytes += n;
        length -= (size_t)n;
    }
    return 1;
}

static int send_answer(int fd, const answer *a)
{
    static char bytes[32 << 10];
    int n = snprintf(bytes, sizeof bytes, "HTTP/1.1 %d OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", a->status, a->type, a->length);
    size_t first = a->length < sizeof bytes - (size_t)n ? a->length : sizeof bytes - (size_t)n;
    if (first)
        memcpy(bytes + n, a->body, first);
    return send_all(fd, bytes, (size_t)n + first) && send_all(fd, a->body + first, a->length - first);
}

/** The value of a field in a head that ends in NUL, or NULL; cut off at its line's end. */
static char *field(char *head, const char *name)
{
    size_t length = strlen(name);
    for (char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) != 0 || line[2 + length] != ':')
            continue;
        return line + 3 + length + strspn(line + 3 + length, " ");
    }
    return NULL;
}

static char *cut(char *text, const char *ends)
{
    text[strcspn(text, ends)] = 0;
    return text;
}

static int answer_request(int fd, char *head, const char *body, size_t length)
{
    char *route = field(head, "X-Route");
    char *path = strchr(head, ' ');
    if (!path)
        return 0;
    answer a = {200, "text/plain", "", 0};
    request q = {cut(head, " "), cut(path + 1, " ?"), route ? cut(route, "\r") : "", body, length};
    respond(&q, &a);
    return send_answer(fd, &a);
}

#ifndef __wasi__
static int answer_in_child(int fd, char *head, const char *body, size_t length)
{
    pid_t child = fork();
    if (child == 0)
        _exit(!answer_request(fd, head, body, length));
    return child > 0;
}
#endif

/** Answers if a request is there whole; false: the connection is to end. */
static int take_request(int fd, connection *c)
{
    char *end = c->got ? strstr(c->bytes, "\r\n\r\n") : NULL;
    if (!end)
        return c->got < HEAD_MOST;
    end[2] = 0;
    char *declared = field(c->bytes, "Content-Length"), *last = field(c->bytes, "Connection");
    size_t length = declared ? strtoul(declared, NULL, 10) : 0, head = (size_t)(end + 4 - c->bytes);
    int closes = last && strncasecmp(last, "close", 5) == 0, good;
    if (length > BODY_MOST)
        return 0;
    if (c->got < head + length) {
        end[2] = '\r';
        if (c->room < head + length + 1) {
            char *more = realloc(c->bytes, c->room = head + length + 1);
            if (!more)
                return 0;
            c->bytes = more;
        }
        return 1;
    }
#ifndef __wasi__
    if (forks)
        good = answer_in_child(fd, c->bytes, c->bytes + head, length);
    else
#endif
        good = answer_request(fd, c->bytes, c->bytes + head, length);
    c->got = 0;
    return good && !closes;
}

static void receive(int fd)
{
    connection *c = &connections[fd];
    ssize_t n = read(fd, c->bytes + c->got, c->room - 1 - c->got);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0) {
        c->got += (size_t)n;
        c->bytes[c->got] = 0;
    }
    if (n <= 0 || !take_request(fd, c))
        drop(fd);
}

static void accept_all(void)
{
    for (;;) {
#ifdef __wasi__
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
#else
        int on = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#endif
        if (fd < 0)
            return;
        connection c = {malloc(HEAD_MOST + 1), 0, HEAD_MOST + 1};
        if (fd >= CONNECTIONS || !c.bytes) {
            free(c.bytes);
            close(fd);
            continue;
        }
        connections[fd] = c;
        watch(fd);
    }
}

static void serve(void)
{
    int fds[64];
    watch(listener);
    for (;;)
        for (int i = 0, n = ready(fds, 64); i < n; i++)
            if (fds[i] == listener)
                accept_all();
            else if (connections[fds[i]].bytes)
                receive(fds[i]);
}

/* ---- start --------------------------------------------------------------------- */

#ifdef __wasi__
int main(void)
{
    listener = 3;
    fcntl(listener, F_SETFL, O_NONBLOCK);
    serve();
}
#else
static int listen_at(const char *address, int port)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    inet_pton(AF_INET, address, &at.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 1024) != 0) {
        perror("server");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s ADDRESS PORT WORKERS [fork]\n", argv[0]);
        return 2;
    }
    forks = argc > 4;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 1; i < atoi(argv[3]); i++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            break;
        }
    if (forks)
        signal(SIGCHLD, SIG_IGN);
    listener = listen_at(argv[1], atoi(argv[2]));
    epoll = epoll_create1(EPOLL_CLOEXEC);
    serve();
}
#endif
