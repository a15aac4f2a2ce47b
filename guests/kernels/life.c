/* life.c - Conway's game on a torus of 512x512 cells, 64 cells a word, neighbours
 * counted by bitwise adders: 64-bit logic over rows.
 * n: 3100 full, 250 quick */
#include "kernel.h"

enum { ROWS = 512, ROW_WORDS = 8, GENERATIONS = 10 };

typedef struct { u64 ones, twos; } pair;

static u64 west(const u64 *row, int i)
{
    return row[i] << 1 | row[(i + ROW_WORDS - 1) % ROW_WORDS] >> 63;
}

static u64 east(const u64 *row, int i)
{
    return row[i] >> 1 | row[(i + 1) % ROW_WORDS] << 63;
}

static pair add3(u64 a, u64 b, u64 c)
{
    u64 half = a ^ b;
    return (pair){ half ^ c, (a & b) | (half & c) };
}

static void step(u64 *restrict to, const u64 *from)
{
    for (int y = 0; y < ROWS; y++) {
        const u64 *above = from + (y + ROWS - 1) % ROWS * ROW_WORDS;
        const u64 *here = from + y * ROW_WORDS;
        const u64 *below = from + (y + 1) % ROWS * ROW_WORDS;
        for (int i = 0; i < ROW_WORDS; i++) {
            pair top = add3(west(above, i), above[i], east(above, i));
            pair bottom = add3(west(below, i), below[i], east(below, i));
            u64 w = west(here, i), e = east(here, i);
            pair ones = add3(top.ones, bottom.ones, w ^ e);
            pair twos = add3(top.twos, bottom.twos, w & e);
            u64 two = twos.ones ^ ones.twos, four = twos.twos | (twos.ones & ones.twos);
            to[y * ROW_WORDS + i] = two & ~four & (ones.ones | here[i]);
        }
    }
}

i64 run(i32 n)
{
    take_back();
    enum { NWORDS = ROWS * ROW_WORDS };
    u64 *a = take(NWORDS * sizeof *a), *b = take(NWORDS * sizeof *b);
    u64 random = 41, sum = 0;
    for (int i = 0; i < NWORDS; i++)
        a[i] = (u64)next_random(&random) << 32 | next_random(&random);
    for (i32 unit = 0; unit < n; unit++) {
        for (int generation = 0; generation < GENERATIONS; generation += 2) {
            step(b, a);
            step(a, b);
        }
        for (int i = 0; i < NWORDS; i += 37)
            sum = mix(sum, a[i]);
    }
    return (i64)sum;
}
