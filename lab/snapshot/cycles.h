/* cycles.h - what both contestants of lab/snapshot do: rounds of cycles, each a fresh
 * instance, its initialisers if it still has them, one answer, and its end.
 * `program ... CYCLES WANT` prints `cycle microseconds` once for each round. */
#ifndef LAB_SNAPSHOT_CYCLES_H
#define LAB_SNAPSHOT_CYCLES_H

#include "../bench.h"

enum { ROUNDS = 9, NNAMES = 3 };
static const char *const names[NNAMES] = {"_initialize", "wizer-initialize", "answer"};

/* One cycle; returns the answer. */
static uint32_t cycle(void);

static inline void measure(uint32_t cycles, uint32_t want)
{
    for (int round = -1; round < ROUNDS; round++) {
        double start = now_ns();
        for (uint32_t i = 0; i < cycles; i++) {
            uint32_t have = cycle();
            if (have != want)
                die("a guest answered %u, want %u", have, want);
        }
        if (round >= 0) /* the first one warms up */
            printf("cycle %.3f\n", (now_ns() - start) / 1e3 / cycles);
    }
}

#endif
