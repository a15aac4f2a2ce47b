/* log.h - lines about what happens, to standard error. Never waits: a line that the reader
 * of a full pipe has no room for is dropped, and how many were is told later.
 *   2026-11-21T06:31:44.123Z <who> <words> */
#ifndef MO_SERVE_LOG_H
#define MO_SERVE_LOG_H

#include "base/base.h"

enum { MO_LOG_BUFFER = 32 << 10, MO_LOG_LINE = 2048 };

typedef struct mo_log {
    int fd;
    size_t len;
    uint64_t dropped;
    uint64_t second; /* that `time` is of */
    char time[24];
    char bytes[MO_LOG_BUFFER];
} mo_log;

/* One line; control characters and what is no ASCII are escaped. who: "worker 0", a request's id. */
void mo_log_line(mo_log *log, const char *who, const char *format, ...) MO_PRINTF(3, 4);
void mo_log_flush(mo_log *log);

#endif
