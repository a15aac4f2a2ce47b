/* load.c - requests over kept connections, and how long each took.
 *   load [-c CONNECTIONS] [-d SECONDS] [-r RATE] [-f N] [-e] PORT PATH
 *
 * Closed loop: each connection asks again as soon as it is answered. With -r, open loop:
 * requests become due at random moments, RATE a second, whatever the server does; one that
 * finds no idle connection waits for it, and its time counts from when it was due, so that a
 * server that stands still is not spared the questions that it would have got.
 *
 * A %d in PATH is a number below N, at random; with -e each number once, shuffled. Prints
 * `NAME VALUE` lines: requests, seconds, errors, p50, p90, p99, max (microseconds). */
#define _GNU_SOURCE /* memmem, epoll_pwait2 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER = 16 << 10, PATIENCE_S = 5 };

typedef struct conn {
    int fd;
    bool busy;
    uint64_t due_ns;
    size_t len;
    char bytes[ANSWER];
} conn;

static int port, nconns = 32, nnumbers = 1;
static const char *path = "/";
static double seconds = 1, rate;
static bool each_once;

static conn *conns, **idle;
static int nidle, epoll, *shuffled, nasked;
static uint64_t *waiting, *took, end_ns, seed = 0x9e3779b97f4a7c15u;
static size_t first_waiting, nwaiting, waiting_cap, ntook, took_cap, nerrors, nbusy;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *grown(void *at, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return at;
    *cap = *cap ? 2 * *cap : 1 << 16;
    at = realloc(at, *cap * size);
    if (!at)
        die("load");
    return at;
}

/* --- connections ------------------------------------------------------------------- */

static void open_conn(conn *c)
{
    int on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("load: connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
    c->len = 0;
}

static void note(uint64_t ns)
{
    took = grown(took, ntook, &took_cap, sizeof *took);
    took[ntook++] = ns;
}

static void rest(conn *c)
{
    c->busy = false;
    c->len = 0;
    nbusy--;
    idle[nidle++] = c;
}

static void fail(conn *c)
{
    nerrors++;
    close(c->fd);
    open_conn(c);
    rest(c);
}

static void ask(conn *c, uint64_t due_ns)
{
    char request[512];
    int number = each_once ? shuffled[nasked % nnumbers] : (int)(draw() % (uint64_t)nnumbers), n;
    nasked++;
    n = snprintf(request, sizeof request, "GET ");
    n += snprintf(request + n, sizeof request - (size_t)n, path, number);
    n += snprintf(request + n, sizeof request - (size_t)n, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    c->busy = true;
    c->due_ns = due_ns;
    nbusy++;
    if (send(c->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        fail(c);
}

/* Bytes of the answer that c has, when it is whole; 0 before. */
static size_t whole(const conn *c)
{
    const char *end = memmem(c->bytes, c->len, "\r\n\r\n", 4), *at;
    if (!end)
        return 0;
    size_t head = (size_t)(end + 4 - c->bytes);
    if (!(at = memmem(c->bytes, head, "Content-Length: ", 16)))
        at = memmem(c->bytes, head, "content-length: ", 16);
    size_t all = head + (at ? strtoul(at + 16, NULL, 10) : 0);
    return c->len >= all ? all : 0;
}

static void take(conn *c)
{
    ssize_t n = recv(c->fd, c->bytes + c->len, ANSWER - c->len, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || !c->busy) {
        if (c->busy)
            fail(c);
        else { /* an idle one that the server ended */
            close(c->fd);
            open_conn(c);
        }
        return;
    }
    c->len += (size_t)n;
    if (!whole(c))
        return;
    if (memcmp(c->bytes, "HTTP/1.1 200", 12) != 0)
        nerrors++;
    note(now_ns() - c->due_ns);
    rest(c);
}

/* --- what is due --------------------------------------------------------------------- */

static uint64_t ask_open(uint64_t next_ns)
{
    uint64_t now = now_ns();
    for (; next_ns <= now && next_ns < end_ns; next_ns += (uint64_t)(-log((double)(draw() >> 11) * 0x1p-53 + 0x1p-54) / rate * 1e9)) {
        waiting = grown(waiting, nwaiting, &waiting_cap, sizeof *waiting);
        waiting[nwaiting++] = next_ns;
    }
    while (first_waiting < nwaiting && nidle)
        ask(idle[--nidle], waiting[first_waiting++]);
    return next_ns;
}

static void ask_closed(void)
{
    while (nidle && now_ns() < end_ns && !(each_once && nasked >= nnumbers))
        ask(idle[--nidle], now_ns());
}

static void run(void)
{
    uint64_t begin = now_ns(), next_ns = begin;
    end_ns = begin + (uint64_t)(seconds * 1e9);
    for (;;) {
        struct epoll_event events[64];
        uint64_t now;
        if (rate > 0)
            next_ns = ask_open(next_ns);
        else
            ask_closed();
        now = now_ns();
        bool over = now >= end_ns || (each_once && nasked >= nnumbers);
        if ((over && !nbusy && first_waiting == nwaiting) || now > end_ns + PATIENCE_S * 1000000000ull)
            break;
        uint64_t left = over || rate == 0 ? 100000000 : next_ns > now ? next_ns - now : 0;
        struct timespec patience = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
        int n = epoll_pwait2(epoll, events, 64, &patience, NULL);
        for (int i = 0; i < n; i++)
            take(events[i].data.ptr);
    }
    for (int i = 0; i < nconns; i++)
        if (conns[i].busy) {
            nerrors++;
            note(now_ns() - conns[i].due_ns);
        }
    nerrors += nwaiting - first_waiting;
    seconds = (double)(now_ns() - begin) * 1e-9;
}

/* --- figures -------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double at(double part) { return ntook ? (double)took[(size_t)((double)(ntook - 1) * part)] / 1e3 : 0; }

static void print_all(void)
{
    qsort(took, ntook, sizeof *took, compare);
    printf("requests %zu\nseconds %.4f\nerrors %zu\np50 %.2f\np90 %.2f\np99 %.2f\nmax %.2f\n", ntook, seconds, nerrors, at(0.5),
           at(0.9), at(0.99), at(1));
}

static void shuffle(void)
{
    shuffled = calloc((size_t)nnumbers, sizeof *shuffled);
    for (int i = 0; i < nnumbers; i++) {
        int k = (int)(draw() % (uint64_t)(i + 1));
        shuffled[i] = shuffled[k];
        shuffled[k] = i;
    }
}

static void read_words(int argc, char **argv)
{
    for (int opt; (opt = getopt(argc, argv, "c:d:r:f:e")) != -1;)
        switch (opt) {
        case 'c': nconns = atoi(optarg); break;
        case 'd': seconds = atof(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'f': nnumbers = atoi(optarg); break;
        case 'e': each_once = true; break;
        default: exit(2);
        }
    if (argc - optind != 2 || nconns < 1 || nnumbers < 1) {
        fprintf(stderr, "usage: load [-c CONNECTIONS] [-d SECONDS] [-r RATE] [-f N] [-e] PORT PATH\n");
        exit(2);
    }
    port = atoi(argv[optind]);
    path = argv[optind + 1];
}

int main(int argc, char **argv)
{
    read_words(argc, argv);
    seed ^= now_ns();
    shuffle();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    conns = calloc((size_t)nconns, sizeof *conns);
    idle = calloc((size_t)nconns, sizeof(conn *));
    if (epoll < 0 || !conns || !idle || !shuffled)
        die("load");
    for (int i = 0; i < nconns; i++) {
        open_conn(&conns[i]);
        idle[nidle++] = &conns[i];
    }
    run();
    print_all();
    return 0;
}
