/* rounds.h - how both contestants validate: one module again and again for a while; a line
 * for each time, in MB of the whole file per second of this thread's processor time. */
#ifndef LAB_COMPILE_ROUNDS_H
#define LAB_COMPILE_ROUNDS_H

#include "../bench.h"

/* Decodes and validates the module, keeps nothing. */
static void validate(const uint8_t *bytes, size_t len);

static inline double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline void rounds(const uint8_t *bytes, size_t len, double seconds)
{
    for (double end = now_ns() + seconds * 1e9; now_ns() < end;) {
        double start = cpu_ns();
        validate(bytes, len);
        printf("validate %.1f\n", (double)len / (cpu_ns() - start) * 1e3);
    }
}

#endif
