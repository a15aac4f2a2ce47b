/* native.c - the floor: the same calls through pointers to C functions: native ROUNDS. */
#include "rounds.h"

#include <string.h>

static int add_them(int a, int b) { return a + b; }
static unsigned next_one(unsigned x) { return x + 1; }
static int (*volatile add)(int, int) = add_them;
static unsigned (*volatile next)(unsigned) = next_one;

static uint32_t call_add(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < CALLS; i++)
        sum += (uint32_t)add(i, 1);
    return sum;
}

static uint32_t call_add_untyped(void) { return call_add(); }

static uint32_t step(uint32_t x, uint32_t i) { return (x << 7 | x >> 25) ^ i; }

static uint32_t call_loop(const char *name, uint32_t n)
{
    uint32_t x = 1;
    if (strcmp(name, "loop") == 0)
        for (uint32_t i = 0; i < n; i++)
            x = step(x, i);
    else
        for (uint32_t i = 0; i < n; i++)
            x = next(step(x, i));
    return x;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        die("native ROUNDS");
    rounds(atoi(argv[1]));
    return 0;
}
