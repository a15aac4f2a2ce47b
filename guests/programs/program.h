/* program.h - what a real program's driver shares: where output goes, what input is.
 * A driver defines run(n), n units of work, and adds every byte that the program puts
 * out to a digest, which run() returns. run() is called once in a process. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stddef.h>
#include <stdint.h>

/** Does n units of work; returns output_digest(). */
int64_t run(int32_t n);

/** Adds bytes to the digest. */
void output_bytes(const void *bytes, size_t nbytes);

/** printf() into the digest; at most 1,023 bytes a call count. */
int output_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** FNV-1a of all bytes put out so far. */
int64_t output_digest(void);

/** Fills bytes with a fixed mixture of words, numbers and small binary records. */
void make_sample(uint8_t *bytes, size_t nbytes);

/** Ends the program with a trap if a library call failed. */
void require(int holds);

#endif
