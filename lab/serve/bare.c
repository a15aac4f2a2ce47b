/* bare.c - the ceiling: an epoll server that answers constant bytes to whatever ends in an
 * empty line, one process per worker with a socket of its own.
 *   bare PORT WORKERS */
#define _GNU_SOURCE /* memmem, accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 06:56:36 GMT\r\nContent-Type: text/plain\r\n"
                             "Content-Length: 13\r\n\r\nhello from /\n";

static int listen_at(int port)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 1024) != 0) {
        perror("bare");
        exit(1);
    }
    return fd;
}

static void watch(int epoll, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

static void answer_all(int fd)
{
    char bytes[16 << 10];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        close(fd);
        return;
    }
    for (char *at = bytes; (at = memmem(at, (size_t)(bytes + n - at), "\r\n\r\n", 4)); at += 4)
        if (send(fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            return;
}

static void serve(int listener)
{
    struct epoll_event events[64];
    int on = 1, epoll = epoll_create1(0);
    watch(epoll, listener);
    for (;;) {
        int n = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd, new;
            if (fd != listener) {
                answer_all(fd);
                continue;
            }
            while ((new = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                setsockopt(new, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                watch(epoll, new);
            }
        }
    }
}

int main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 8081, workers = argc > 2 ? atoi(argv[2]) : 2;
    for (int i = 0; i < workers; i++) {
        int listener = listen_at(port);
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve(listener);
        }
        close(listener);
    }
    pause();
    return 0;
}
