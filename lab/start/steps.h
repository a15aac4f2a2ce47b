/* steps.h - what all contestants of lab/start do: for each file in turn a sandbox is made
 * from its name, run once, and thrown away untimed. A line for each file has the time from
 * the name to the result, then those of the steps, in microseconds. */
#ifndef LAB_START_STEPS_H
#define LAB_START_STEPS_H

#include "../bench.h"

enum { OPEN, INSTANTIATE, CALL, STEPS };
enum { WORD = 20000, WANT = WORD + 0x6d6f7465 };       /* what guest.c makes of WORD */

typedef struct times { double at[STEPS + 1]; } times;

/* Called before and after what is timed. */
static void prepare(void);
static void clean_up(void);
/* Fills at[1] to at[STEPS] with the time when each step was over; returns run(WORD). */
static uint32_t start(const char *path, times *t);

static inline void measure(const char *path)
{
    times t;
    prepare();
    t.at[0] = now_ns();
    uint32_t result = start(path, &t);
    if (result != WANT)
        die("%s: the result is %u, want %u", path, result, WANT);
    printf("start %.2f", (t.at[STEPS] - t.at[0]) / 1e3);
    for (int i = 0; i < STEPS; i++)
        printf(" %.2f", (t.at[i + 1] - t.at[i]) / 1e3);
    putchar('\n');
    clean_up();
}

/* argv: the files. */
static inline void measure_all(char **argv)
{
    for (; *argv; argv++)
        measure(*argv);
}

#endif
