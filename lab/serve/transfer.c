/* transfer.c - one large body, there or back, by one connection.
 *   transfer PORT up|down PATH BYTES declared|chunked [BYTES A SECOND]
 * Prints the seconds it took. */
#define _GNU_SOURCE /* memmem */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PART = 64 << 10 };
static char part[PART + 16];

static void die(const char *what)
{
    fprintf(stderr, "transfer: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int connected(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("cannot connect");
    return fd;
}

static void send_all(int fd, const char *at, size_t len)
{
    for (ssize_t n; len; at += n, len -= (size_t)n)
        if ((n = send(fd, at, len, MSG_NOSIGNAL)) <= 0)
            die("the connection broke");
}

/* Sleeps until bytes are allowed to have gone. */
static void keep_to(double rate, double begin, uint64_t bytes)
{
    double ahead = rate > 0 ? begin + (double)bytes / rate - now() : 0;
    if (ahead > 0)
        usleep((useconds_t)(ahead * 1e6));
}

/* Up to the end of the head; the number of bytes of the body that came with it. */
static size_t read_head(int fd)
{
    static char head[16 << 10];
    size_t len = 0;
    for (;;) {
        ssize_t n = recv(fd, head + len, sizeof head - len, 0);
        const char *end;
        if (n <= 0)
            die("no answer");
        len += (size_t)n;
        if ((end = memmem(head, len, "\r\n\r\n", 4))) {
            if (memcmp(head + 8, " 200", 4) != 0)
                die("a refusal");
            return len - (size_t)(end + 4 - head);
        }
    }
}

static void up(int fd, const char *path, uint64_t bytes, bool chunked, double rate)
{
    int head = snprintf(part, sizeof part, chunked ? "POST %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                                                   : "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %llu\r\n\r\n",
                        path, (unsigned long long)bytes);
    send_all(fd, part, (size_t)head);
    int lead = chunked ? sprintf(part, "%x\r\n", PART) : 0;
    memset(part + lead, 'u', PART);
    if (chunked)
        memcpy(part + lead + PART, "\r\n", 2);
    double begin = now();
    for (uint64_t sent = 0; sent < bytes; sent += PART) {
        send_all(fd, part, (size_t)lead + PART + (chunked ? 2 : 0));
        keep_to(rate, begin, sent);
    }
    if (chunked)
        send_all(fd, "0\r\n\r\n", 5);
    read_head(fd);
}

static void down(int fd, const char *path, uint64_t bytes, double rate)
{
    int n = snprintf(part, sizeof part, "GET %s?%llu HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path, (unsigned long long)bytes);
    send_all(fd, part, (size_t)n);
    double begin = now();
    uint64_t got = read_head(fd);
    while (got < bytes) {
        ssize_t more = recv(fd, part, PART, 0);
        if (more <= 0)
            die("the body ended early");
        got += (uint64_t)more;
        keep_to(rate, begin, got);
    }
}

int main(int argc, char **argv)
{
    if (argc < 6)
        die("usage: transfer PORT up|down PATH BYTES declared|chunked [BYTES A SECOND]");
    uint64_t bytes = strtoull(argv[4], NULL, 10) / PART * PART;
    bool chunked = strcmp(argv[5], "chunked") == 0;
    double rate = argc > 6 ? atof(argv[6]) : 0, begin;
    int fd = connected(atoi(argv[1]));
    begin = now();
    if (strcmp(argv[2], "up") == 0)
        up(fd, argv[3], bytes, chunked, rate);
    else
        down(fd, argv[3], bytes, rate);
    printf("seconds %.4f\n", now() - begin);
    return 0;
}
