/* kernel.h - what a kernel may use. One source is built for the host and for Wasm;
 * it needs no libc, and the Wasm module has no imports.
 *
 * A kernel is one file that defines run(). Its opening comment holds a line
 *     n: FULL full, QUICK quick
 * which lab/kernels reads: n is the amount of work, and time grows linearly with it.
 * run() starts with take_back(), may be called again, and returns a checksum
 * that depends on all of its work. No kernel reads what it has not written. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

/** Does n units of work; n is at least 1. */
i64 run(i32 n);

/** Bytes from the arena, aligned to 16, not cleared; traps when it is empty. */
void *take(size_t bytes);

/** Makes the whole arena free again: ends every pointer that take() returned. */
void take_back(void);

/** Sorts ascending. */
void sort_u32(u32 *values, size_t nvalues);

static inline u64 mix(u64 hash, u64 value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

static inline u64 mix_f64(u64 hash, double value)
{
    union { double f; u64 bits; } cast = { value };
    return mix(hash, cast.bits);
}

/** The next of a fixed sequence of 32-bit numbers (xorshift64*); *state is never 0. */
static inline u32 next_random(u64 *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (u32)((*state * 0x2545f4914f6cdd1du) >> 32);
}

#endif
