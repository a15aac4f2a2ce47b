/* log.c - lines gathered, escaped, written out where that does not wait. */
#include "serve/record/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* --- writing --------------------------------------------------------------------- */

/* What knows no RWF_NOWAIT (terminals, files of some systems) is asked whether it is ready;
 * a pipe that is takes PIPE_BUF bytes. */
static ssize_t write_some(int fd, const char *at, size_t len)
{
    struct iovec iov = {(void *)(uintptr_t)at, len};
    ssize_t n = pwritev2(fd, &iov, 1, -1, RWF_NOWAIT);
    if (n >= 0 || errno != EOPNOTSUPP)
        return n;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 ? write(fd, at, len < PIPE_BUF ? len : PIPE_BUF) : -1;
}

void mo_log_flush(mo_log *log)
{
    size_t at = 0;
    while (at < log->len) {
        ssize_t n = write_some(log->fd, log->bytes + at, log->len - at);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            break;
        at += n > 0 ? (size_t)n : 0;
    }
    memmove(log->bytes, log->bytes + at, log->len - at);
    log->len -= at;
}

/* --- lines ---------------------------------------------------------------------------- */

static void tell_time(mo_log *log, char *ret, size_t size)
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    if (log->second != (uint64_t)now.tv_sec && gmtime_r(&now.tv_sec, &tm)) {
        log->second = (uint64_t)now.tv_sec;
        strftime(log->time, sizeof log->time, "%Y-%m-%dT%H:%M:%S", &tm);
    }
    snprintf(ret, size, "%s.%03ldZ", log->time, now.tv_nsec / 1000000);
}

static size_t escape(const char *from, char *to, size_t size)
{
    size_t n = 0;
    for (; *from && n + 5 < size; from++) {
        unsigned char c = (unsigned char)*from;
        if (c >= ' ' && c < 0x7f && c != '\\')
            to[n++] = (char)c;
        else
            n += (size_t)snprintf(to + n, size - n, "\\x%02x", c);
    }
    return n;
}

static bool put(mo_log *log, const char *text, size_t len)
{
    if (log->lines)
        return mo_lines_put(log->lines, log->area, MO_STREAM_ERROR, (mo_span){(const uint8_t *)text, len});
    if (log->len + len > sizeof log->bytes)
        mo_log_flush(log);
    if (log->len + len > sizeof log->bytes)
        return false;
    memcpy(log->bytes + log->len, text, len);
    log->len += len;
    return true;
}

static void tell_dropped(mo_log *log, const char *when)
{
    char line[96];
    int n = snprintf(line, sizeof line, "%s log %" PRIu64 " lines were dropped here\n", when, log->dropped);
    if (put(log, line, (size_t)n))
        log->dropped = 0;
}

void mo_log_line(mo_log *log, const char *who, const char *format, ...)
{
    char words[MO_LOG_LINE], line[2 * MO_LOG_LINE], when[40];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    tell_time(log, when, sizeof when);
    size_t n = (size_t)snprintf(line, sizeof line, "%s %.100s ", when, who);
    n += escape(words, line + n, sizeof line - n - 1);
    line[n++] = '\n';
    if (log->dropped)
        tell_dropped(log, when);
    if (log->dropped || !put(log, line, n)) {
        log->dropped++;
        log->lost++;
    }
}
