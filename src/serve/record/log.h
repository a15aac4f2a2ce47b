/* log.h - lines about what happens, to standard error, or to the process that writes files. Never waits: a line that the reader
 * of a full pipe has no room for is dropped, and how many were is told later.
 *   2026-11-21T06:31:44.123Z <who> <words> */
#ifndef MO_SERVE_LOG_H
#define MO_SERVE_LOG_H

#include "serve/record/lines.h"

enum { MO_LOG_BUFFER = 32 << 10, MO_LOG_LINE = 2048 };

typedef struct mo_log {
    int fd;
    mo_lines *lines; /* where lines go instead, as this area's; or NULL */
    uint32_t area;
    size_t len;
    uint64_t dropped; /* and not told yet */
    uint64_t lost;    /* for whoever counts, who sets it to 0 */
    uint64_t second; /* that `time` is of */
    char time[24];
    char bytes[MO_LOG_BUFFER];
} mo_log;

/* One line; control characters and what is no ASCII are escaped. who: "worker 0", a request's id. */
void mo_log_line(mo_log *log, const char *who, const char *format, ...) MO_PRINTF(3, 4);
void mo_log_flush(mo_log *log);

#endif
