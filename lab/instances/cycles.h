/* cycles.h - what both contestants of lab/instances do: CASE by CASE, rounds of cycles, each
 * a fresh instance, one call, and its end. `program MODULE CASE N FUNCTION COUNT SEED`
 * prints `CASE nanoseconds` a cycle, once for each round. */
#ifndef LAB_INSTANCES_CYCLES_H
#define LAB_INSTANCES_CYCLES_H

#include "../bench.h"

#include <stdbool.h>
#include <string.h>

enum { ROUNDS = 15 };

/* One cycle; returns what the guest returned. */
static uint32_t cycle(uint32_t n, uint32_t seed);

/* The sum is n, for every word was as new; of random pages some may be the same. */
static void check(uint32_t result, uint32_t want, bool exact)
{
    if (exact ? result != want : result > want)
        die("a guest returned %u, want %u: an instance was not new", result, want);
}

static inline void measure(const char *name, uint32_t cycles, uint32_t n, bool random, uint32_t want)
{
    uint32_t seed = 1;
    for (uint32_t i = 0; i < cycles / 4 + 8; i++)
        check(cycle(n, random ? ++seed : 0), want, !random);
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (uint32_t i = 0; i < cycles; i++)
            check(cycle(n, random ? ++seed : 0), want, !random);
        printf("%s %.2f\n", name, (now_ns() - start) / cycles);
    }
}

#endif
