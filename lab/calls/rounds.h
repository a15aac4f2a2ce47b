/* rounds.h - how both contestants are measured: the cases in turns, each round some
 * tenths of a millisecond long, so that most of them fit between two interruptions. A
 * contestant defines the four functions below and calls rounds(). */
#ifndef LAB_CALLS_ROUNDS_H
#define LAB_CALLS_ROUNDS_H

#include "../bench.h"

enum { CALLS = 10000 };

/* Calls add(i, 1) CALLS times and returns the sum of the results. */
static uint32_t call_add(void);
static uint32_t call_add_untyped(void);
/* Calls the export of that name with n and returns its result. */
static uint32_t call_loop(const char *name, uint32_t n);

static inline double loop_ns(const char *name)
{
    double start = now_ns();
    call_loop(name, CALLS);
    return now_ns() - start;
}

static inline void one_add(const char *name, uint32_t (*call)(void))
{
    double start = now_ns();
    uint32_t sum = call(), want = 0;
    double took = now_ns() - start;
    for (uint32_t i = 0; i < CALLS; i++)
        want += i + 1;
    if (sum != want)
        die("%s: the sum is %u, want %u", name, sum, want);
    printf("%s %.3f\n", name, took / CALLS);
}

static inline void rounds(int n)
{
    for (int i = 0; i < n; i++) {
        one_add("host-to-guest", call_add);
        one_add("host-to-guest-untyped", call_add_untyped);
        double empty = loop_ns("loop");
        printf("guest-to-host %.3f\n", (loop_ns("loop_host") - empty) / CALLS);
        printf("guest-to-host-untyped %.3f\n", (loop_ns("loop_host_untyped") - empty) / CALLS);
        printf("guest-loop %.3f\n", empty / CALLS);
    }
}

#endif
