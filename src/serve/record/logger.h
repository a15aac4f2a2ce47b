/* logger.h - the process that writes what others logged (lines.h) to files that the supervisor
 * opened. It opens nothing itself: for other files there is another logger, after this one
 * ended. */
#ifndef MO_SERVE_LOGGER_H
#define MO_SERVE_LOGGER_H

#include "serve/record/lines.h"
#include "serve/record/shared.h"

/* Until signals (a signalfd) or life (the end of a pipe that those have who put lines) is readable,
 * and then until all is written, but for two seconds at most. fds: -1 for a stream that goes
 * nowhere. Returns what the process ends with. */
int mo_logger_run(mo_lines *lines, mo_shared *shared, const int fds[MO_STREAMS], int signals, int life);

#endif
