/* chase.c - a walk along one random cycle through 16 MiB, then along four at a time:
 * every step waits for memory.
 * n: 45 full, 3 quick */
#include "kernel.h"

enum { NNODES = 1 << 18, STEPS = 100000 };

typedef struct {                       /* one cache line */
    u32 next, value, padding[14];
} node;

/* Sattolo's shuffle: the result is one cycle through all nodes. */
static void link_cycle(node *nodes)
{
    u64 random = 9;
    for (u32 i = 0; i < NNODES; i++)
        nodes[i] = (node){ .next = i, .value = next_random(&random) };
    for (u32 i = NNODES - 1; i > 0; i--) {
        u32 j = next_random(&random) % i;
        u32 next = nodes[i].next;
        nodes[i].next = nodes[j].next;
        nodes[j].next = next;
    }
}

i64 run(i32 n)
{
    take_back();
    node *nodes = take(NNODES * sizeof *nodes);
    link_cycle(nodes);
    u32 at = 0, walkers[4] = { 1, NNODES / 4, NNODES / 2, NNODES - 1 };
    u64 sum = 0;
    for (i32 unit = 0; unit < n; unit++) {
        for (int step = 0; step < STEPS; step++) {
            sum += nodes[at].value;
            at = nodes[at].next;
        }
        for (int step = 0; step < STEPS / 4; step++)
            for (int walker = 0; walker < 4; walker++) {
                node *here = &nodes[walkers[walker]];
                here->value ^= (u32)sum;
                sum += here->value;
                walkers[walker] = here->next;
            }
        sum = mix(sum, at);
    }
    return (i64)sum;
}
