/* logger.c - rings -> files, in large pieces. A disk that is full, a pipe whose reader sleeps or is
 * gone: it tries again later, the rings fill, and those who put lines count what is dropped. */
#include "serve/record/logger.h"

#include "call/call.h"
#include "serve/loop/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 << 10, PAUSE_MS = 100 };
#define LAST_NS (2 * MO_NS_PER_S)

typedef struct out {
    const char *name;
    int fd;
    bool file;         /* takes all at once; else asked whether it is ready */
    bool full, torn;   /* full: would wait; torn: the last line is not whole yet, its rest is next */
    bool failed;
    uint64_t again_ns; /* after a failure */
    uint32_t area;     /* whose turn it is */
} out;

typedef struct logger {
    mo_lines *lines;
    mo_shared *shared;
    out outs[MO_STREAMS];
    uint8_t *piece;
    int signals, life;
} logger;

/* --- one piece ----------------------------------------------------------------------- */

/* Whole lines only, unless one is larger than all that is there. */
static size_t whole_lines(const uint8_t *at, size_t n)
{
    const uint8_t *last = n ? memrchr(at, '\n', n) : NULL;
    return last ? (size_t)(last - at) + 1 : n;
}

static void tell_failure(logger *l, out *o, int error)
{
    o->again_ns = mo_now_ns() + MO_NS_PER_S;
    mo_shared_add(l->shared, MO_SHARED_SELF, MO_VALUE_LOG_FAILED, 1); /* the generation writes no such word */
    if (!o->failed)
        fprintf(stderr, "mote: %s log: %s; lines may be lost\n", o->name, strerror(error));
    o->failed = true;
}

static void tell_recovery(out *o)
{
    if (o->failed)
        fprintf(stderr, "mote: %s log: written again\n", o->name);
    o->failed = false;
}

static bool is_ready(out *o)
{
    struct pollfd p = {.fd = o->fd, .events = POLLOUT};
    o->full = !o->file && poll(&p, 1, 0) == 0;
    return !o->full;
}

/* false: not now. */
static bool write_piece(logger *l, out *o, mo_stream stream, size_t n)
{
    size_t most = o->file || n < PIPE_BUF ? n : PIPE_BUF;
    ssize_t written = is_ready(o) ? write(o->fd, l->piece, most) : 0;
    if (written < 0 && errno != EINTR && errno != EAGAIN)
        tell_failure(l, o, errno);
    if (written <= 0)
        return false;
    tell_recovery(o);
    mo_lines_taken(l->lines, o->area, stream, (size_t)written);
    o->torn = l->piece[written - 1] != '\n';
    return true;
}

/* --- all rings ---------------------------------------------------------------------------- */

/* From one ring, then from the next, beginning with a line's rest. Anything left? */
static bool write_stream(logger *l, mo_stream stream)
{
    out *o = &l->outs[stream];
    uint32_t nareas = mo_lines_areas(l->lines);
    if (o->again_ns > mo_now_ns())
        return true;
    for (uint32_t quiet = 0; quiet < nareas;) {
        size_t n = mo_lines_peek(l->lines, o->area, stream, l->piece, PIECE);
        if (o->fd < 0)
            mo_lines_taken(l->lines, o->area, stream, n);
        else if (n && !write_piece(l, o, stream, o->torn ? n : whole_lines(l->piece, n)))
            return true;
        quiet = n ? 0 : quiet + 1;
        o->torn &= n > 0;
        if (!o->torn)
            o->area = (o->area + 1) % nareas;
    }
    return false;
}

static bool write_all(logger *l)
{
    bool left = false;
    for (int i = 0; i < MO_STREAMS; i++)
        left |= write_stream(l, (mo_stream)i);
    return left;
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* Until a signal, a bell, an output that was full takes more, or that time. */
static void doze(const logger *l, int timeout_ms)
{
    struct pollfd p[3 + MO_STREAMS] = {{.fd = mo_lines_bell(l->lines), .events = POLLIN}, {.fd = l->signals, .events = POLLIN},
                                       {.fd = l->life, .events = POLLIN}};
    nfds_t n = 3;
    uint64_t rung;
    for (int i = 0; i < MO_STREAMS; i++)
        if (l->outs[i].full)
            p[n++] = (struct pollfd){.fd = l->outs[i].fd, .events = POLLOUT};
    poll(p, n, timeout_ms);
    while (read(p[0].fd, &rung, sizeof rung) == sizeof rung) {}
}

static bool is_told_to_end(const logger *l)
{
    struct pollfd p[2] = {{.fd = l->signals, .events = POLLIN}, {.fd = l->life, .events = POLLIN}};
    return poll(p, 2, 0) > 0;
}

/* Where lines come all the time they gather for a while, for larger pieces and less work; it sleeps
 * for longer only where none came since it said that it would. */
static void write_for_a_while(logger *l)
{
    doze(l, PAUSE_MS);
    if (write_all(l))
        return;
    mo_lines_sleep(l->lines, true);
    if (!write_all(l))
        doze(l, -1);
    mo_lines_sleep(l->lines, false);
}

static void begin(logger *l, mo_stream stream, const char *name, int fd)
{
    struct stat s;
    l->outs[stream] = (out){.name = name, .fd = fd, .file = fd >= 0 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode)};
}

int mo_logger_run(mo_lines *lines, mo_shared *shared, const int fds[MO_STREAMS], int signals, int life)
{
    logger l = {.lines = lines, .shared = shared, .piece = mo_alloc(PIECE), .signals = signals, .life = life};
    if (!l.piece)
        return EXIT_FAILURE;
    begin(&l, MO_STREAM_ACCESS, "access", fds[MO_STREAM_ACCESS]);
    begin(&l, MO_STREAM_ERROR, "error", fds[MO_STREAM_ERROR]);
    while (!is_told_to_end(&l))
        write_for_a_while(&l);
    l.signals = l.life = -1; /* which stay readable */
    for (uint64_t end = mo_now_ns() + LAST_NS; write_all(&l) && mo_now_ns() < end;)
        doze(&l, PAUSE_MS);
    mo_free(l.piece);
    return EXIT_SUCCESS;
}
