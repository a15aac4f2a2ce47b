/* graph.c - Dijkstra's shortest paths over a random graph with a binary heap:
 * loads at random places, comparisons that depend on them.
 * n: 300 full, 22 quick */
#include "kernel.h"

enum { NNODES = 20000, NEDGES = 6 };   /* edges out of each node */

typedef struct { u32 to, length; } edge;
typedef struct { u32 distance, node; } entry;

typedef struct {
    entry *entries;
    u32 nentries;
} heap;

static void push(heap *h, entry added)
{
    u32 at = h->nentries++;
    for (u32 parent; at > 0; at = parent) {
        parent = (at - 1) / 2;
        if (h->entries[parent].distance <= added.distance)
            break;
        h->entries[at] = h->entries[parent];
    }
    h->entries[at] = added;
}

static entry pop(heap *h)
{
    entry ret = h->entries[0], last = h->entries[--h->nentries];
    u32 at = 0;
    for (u32 child; (child = 2 * at + 1) < h->nentries; at = child) {
        if (child + 1 < h->nentries && h->entries[child + 1].distance < h->entries[child].distance)
            child++;
        if (last.distance <= h->entries[child].distance)
            break;
        h->entries[at] = h->entries[child];
    }
    h->entries[at] = last;
    return ret;
}

static u64 shortest_paths(const edge *edges, u32 *distances, heap *h, u32 start)
{
    for (u32 i = 0; i < NNODES; i++)
        distances[i] = UINT32_MAX;
    distances[start] = 0;
    push(h, (entry){ 0, start });
    while (h->nentries > 0) {
        entry nearest = pop(h);
        if (nearest.distance != distances[nearest.node])
            continue;
        const edge *out = edges + nearest.node * NEDGES;
        for (int i = 0; i < NEDGES; i++) {
            u32 distance = nearest.distance + out[i].length;
            if (distance < distances[out[i].to]) {
                distances[out[i].to] = distance;
                push(h, (entry){ distance, out[i].to });
            }
        }
    }
    u64 sum = 0;
    for (u32 i = 0; i < NNODES; i++)
        sum += distances[i];
    return sum;
}

i64 run(i32 n)
{
    take_back();
    edge *edges = take(NNODES * NEDGES * sizeof *edges);
    u32 *distances = take(NNODES * sizeof *distances);
    heap h = { take((NNODES * NEDGES + 1) * sizeof *h.entries), 0 };
    u64 random = 61, sum = 0;
    for (u32 i = 0; i < NNODES * NEDGES; i++)
        edges[i] = (edge){ next_random(&random) % NNODES, 1 + next_random(&random) % 1000 };
    for (i32 unit = 0; unit < n; unit++)
        sum = mix(sum, shortest_paths(edges, distances, &h, next_random(&random) % NNODES));
    return (i64)sum;
}
