/* bare.c - the ceiling: an epoll server that answers constant bytes to whatever ends in an
 * empty line, one process per worker with a socket of its own.
 *   bare PORT WORKERS
 *
 * Beside that, to compare what moves much: POST /hash answers the SHA-256 of the body, by the
 * code that the example's function has; POST /count its length; GET /much?N has a chunked body
 * of N bytes, GET /declared?N one whose length is told. Bodies are as the lab's client
 * (transfer.c) sends them, and heads come whole. */
#define _GNU_SOURCE /* memmem, accept4 */
#include "sha256.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
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

/* What a connection is in the middle of. */
typedef struct conn {
    int fd, epoll;
    bool hashes, chunked;       /* a body comes */
    uint64_t left, count;       /* of the body, or of its chunk; so far */
    uint64_t size;              /* of the next chunk, as far as its digits came */
    bool digits;
    sha256 hash;
    bool sends;                 /* a body goes, of left bytes, by 64 KiB */
    size_t part_at;             /* of the piece under way */
} conn;

enum { PART = 64 << 10 };
static char part[PART + 16], chunk[16 + PART]; /* bytes alone; a chunk of them */
static size_t chunk_len;

static void watch(int epoll, int fd, void *what, int how, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = what};
    epoll_ctl(epoll, how, fd, &e);
}

static void end(conn *c)
{
    close(c->fd);
    free(c);
}

/* --- a body that comes ----------------------------------------------------------------- */

static void answer_body(conn *c)
{
    char words[65], bytes[256];
    if (c->hashes)
        sha256_finish(&c->hash, words);
    else
        snprintf(words, sizeof words, "%llu", (unsigned long long)c->count);
    int n = snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s\n",
                     strlen(words) + 1, words);
    send(c->fd, bytes, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
    c->count = c->left = 0;
    c->hashes = c->chunked = false;
}

static size_t take_data(conn *c, const char *at, size_t len)
{
    size_t n = len < c->left ? len : (size_t)c->left;
    if (c->hashes)
        sha256_take(&c->hash, (const uint8_t *)at, n);
    c->count += n;
    c->left -= n;
    return n;
}

/* Between chunks: digits, then the end of the line; an end alone closes the chunk before. */
static void take_chunks(conn *c, const char *at, size_t len)
{
    for (const char *end_at = at + len; at < end_at;) {
        if (c->left) {
            at += take_data(c, at, (size_t)(end_at - at));
            continue;
        }
        char byte = *at++;
        if (byte != '\r' && byte != '\n') {
            c->size = c->size << 4 | (uint64_t)(byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
            c->digits = true;
        } else if (byte == '\n' && c->digits) {
            c->digits = false;
            c->left = c->size;
            c->size = 0;
            if (c->left == 0) {
                answer_body(c);
                return;
            }
        }
    }
}

static void take_body(conn *c, const char *at, size_t len)
{
    if (c->chunked) {
        take_chunks(c, at, len);
        return;
    }
    take_data(c, at, len);
    if (c->left == 0)
        answer_body(c);
}

static void begin_body(conn *c, char *head, char *end_of_head, size_t rest)
{
    const char *length = memmem(head, (size_t)(end_of_head - head), "Content-Length: ", 16);
    c->hashes = memcmp(head, "POST /hash", 10) == 0;
    c->chunked = !length;
    c->left = length ? strtoull(length + 16, NULL, 10) : 0;
    sha256_begin(&c->hash);
    take_body(c, end_of_head, rest);
}

/* --- a body that goes --------------------------------------------------------------------- */

static void send_more(conn *c)
{
    for (;;) {
        size_t n = c->chunked ? chunk_len : PART;
        if (c->left == 0) {
            if (c->chunked)
                send(c->fd, "0\r\n\r\n", 5, MSG_DONTWAIT | MSG_NOSIGNAL);
            c->sends = c->chunked = false;
            watch(c->epoll, c->fd, c, EPOLL_CTL_MOD, EPOLLIN);
            return;
        }
        ssize_t sent = send(c->fd, (c->chunked ? chunk : part) + c->part_at, n - c->part_at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0)
            return;
        c->part_at += (size_t)sent;
        if (c->part_at == n) {
            c->part_at = 0;
            c->left -= PART;
        }
    }
}

static void begin_sending(conn *c, const char *head)
{
    char bytes[128];
    c->chunked = memcmp(head, "GET /much?", 10) == 0;
    c->sends = true;
    c->part_at = 0;
    c->left = strtoull(strchr(head, '?') + 1, NULL, 10) / PART * PART;
    int n = c->chunked ? snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                       : snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n", (unsigned long long)c->left);
    send(c->fd, bytes, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
    watch(c->epoll, c->fd, c, EPOLL_CTL_MOD, EPOLLOUT);
    send_more(c);
}

/* --- connections ------------------------------------------------------------------------------ */

static void answer_all(conn *c, char *bytes, size_t n)
{
    char *found;
    if (n > 10 && (memcmp(bytes, "GET /much?", 10) == 0 || memcmp(bytes, "GET /decla", 10) == 0)) {
        begin_sending(c, bytes);
        return;
    }
    if (memcmp(bytes, "POST ", 5) == 0 && (found = memmem(bytes, n, "\r\n\r\n", 4))) {
        begin_body(c, bytes, found + 4, n - (size_t)(found + 4 - bytes));
        return;
    }
    for (char *at = bytes; (at = memmem(at, (size_t)(bytes + n - at), "\r\n\r\n", 4)); at += 4)
        if (send(c->fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            return;
}

static void on_conn(conn *c)
{
    static char bytes[PART + 1];
    if (c->sends) {
        send_more(c);
        return;
    }
    ssize_t n = recv(c->fd, bytes, PART, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        end(c);
        return;
    }
    bytes[n] = 0;
    if (c->left || c->chunked)
        take_body(c, bytes, (size_t)n);
    else
        answer_all(c, bytes, (size_t)n);
}

static void make_parts(void)
{
    memset(part, 'm', sizeof part);
    chunk_len = (size_t)sprintf(chunk, "%x\r\n", PART);
    memset(chunk + chunk_len, 'm', PART);
    memcpy(chunk + chunk_len + PART, "\r\n", 2);
    chunk_len += PART + 2;
}

static void accept_all(int epoll, int listener)
{
    int on = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        conn *c = calloc(1, sizeof *c);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        c->fd = fd;
        c->epoll = epoll;
        watch(epoll, fd, c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void serve(int listener)
{
    struct epoll_event events[64];
    int epoll = epoll_create1(0);
    make_parts();
    watch(epoll, listener, NULL, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        int n = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr)
                on_conn(events[i].data.ptr);
            else
                accept_all(epoll, listener);
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
