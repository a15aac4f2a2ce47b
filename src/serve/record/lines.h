/* lines.h - lines of logs, from the processes that serve to the one that writes files.
 *
 *   worker 0 --put--> [ ring ] --\
 *   worker 1 --put--> [ ring ] ---+--take--> logger.c --write--> a file, a pipe
 *   supervisor -----> [ ring ] --/
 *
 * A ring lies in shared memory: one process puts, one takes, neither ever waits for the other. So a
 * worker opens no file, makes no system call for a line, is not held up by a disk or a slow
 * pipe, and what it told before it was killed is written all the same. What has no room is
 * dropped and counted. What always holds:
 *   1  taken <= put <= taken + size; put moves over whole lines only;
 *   2  there are no pointers in shared memory, and positions that make no sense (of a worker
 *      that was taken over) make a ring empty. */
#ifndef MO_SERVE_LINES_H
#define MO_SERVE_LINES_H

#include "base/base.h"

typedef enum mo_stream { MO_STREAM_ACCESS, MO_STREAM_ERROR, MO_STREAMS } mo_stream;
typedef struct mo_lines mo_lines;

enum { MO_LINES_ACCESS = 512 << 10, MO_LINES_ERROR = 64 << 10 }; /* bytes of a ring */

/* Rings for so many areas (shared.h); inherited by whoever is forked. */
mo_lines *mo_lines_new(uint32_t nareas, mote_error *err);
void mo_lines_free(mo_lines *lines); /* NULL is fine */
uint32_t mo_lines_areas(const mo_lines *lines);

/* One or more whole lines. false: there is no room, and nothing was put. Rings for
 * the logger where that sleeps, or a quarter of the room is used. */
bool mo_lines_put(mo_lines *to, uint32_t area, mo_stream stream, mo_span lines);

/* --- the logger's ---------------------------------------------------------------- */

/* Up to size bytes that are there, from the oldest; they stay until mo_lines_taken(). */
size_t mo_lines_peek(const mo_lines *lines, uint32_t area, mo_stream stream, void *to, size_t size);
void mo_lines_taken(mo_lines *lines, uint32_t area, mo_stream stream, size_t n);
/* An eventfd that tells of lines; say before waiting for it whether the first line shall ring, or
 * only a ring that fills. Look once more after having said it. */
int mo_lines_bell(const mo_lines *lines);
void mo_lines_sleep(mo_lines *lines, bool sleeps);

#endif
