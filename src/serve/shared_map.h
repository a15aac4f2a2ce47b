/* shared_map.h - how what is shared lies in memory; for shared*.c only.
 *
 *   +--------+-----------------+-------------------------+---------+---------+-- ... --+
 *   | header | state of rows   | lanes: row by row, one  | area of | area of | the     |
 *   |        | (supervisor's)  | word pair for each area | worker 0| worker 1| superv. |
 *   +--------+-----------------+-------------------------+---------+---------+-- ... --+
 *   an area: values | which rows it used, a bit each | counts, row by row
 *
 * A row is a tenant, or a function of one, found by its names; its number stays while an app
 * that has it lives. Rows that nobody used are never read, so that they take no memory. */
#ifndef MO_SERVE_SHARED_MAP_H
#define MO_SERVE_SHARED_MAP_H

#include "serve/shared.h"

#include <stdatomic.h>

enum { ROW_OTHERS, ROW_NONE, ROWS_FIXED };

typedef _Atomic uint64_t word;

/* One writer each. Ordered so that an ordinary request writes three cache lines. */
typedef struct counts {
    word classes[5], wall_ns, in_bytes, out_bytes;
    word starts[MO_STARTS], reset_ns, pages, truncated, unused;
    word buckets[MO_SHARED_BUCKETS];
    word hits[MO_HITS];
} counts;
enum { COUNTS = sizeof(counts) / sizeof(word) };

typedef struct lane {
    _Atomic uint32_t running, queued;
} lane;

typedef struct header {
    word epoch; /* odd while counts move from row to row */
} header;

typedef struct named_row {
    char *tenant, *function; /* function NULL: the tenant itself */
    uint32_t parent;         /* where its counts go when it is gone: its tenant's row, or ROW_OTHERS */
    uint32_t refs;           /* apps that have it; 0: free */
    bool named;              /* told by its name */
} named_row;

/* What several apps' mo_shared have together; private memory but for map. */
typedef struct store {
    uint32_t refs, nareas, nrows, nnamed[2]; /* functions, tenants */
    uint8_t *map;
    size_t size, state_at, lanes_at, areas_at, used_at, counts_at, area_size;
    named_row *rows;
    int *bells;
} store;

struct mo_shared {
    const mo_app *app;
    store *store;
    uint32_t *functions, *tenants; /* their rows */
};

static inline header *header_of(const store *s) { return (header *)(void *)s->map; }
static inline _Atomic uint32_t *state_of(const store *s, uint32_t row)
{
    return (_Atomic uint32_t *)(void *)(s->map + s->state_at) + row;
}
static inline lane *lanes_of(const store *s, uint32_t row)
{
    return (lane *)(void *)(s->map + s->lanes_at) + (size_t)row * s->nareas;
}
static inline uint8_t *area_of(const store *s, uint32_t area) { return s->map + s->areas_at + area * s->area_size; }
static inline word *values_of(const store *s, uint32_t area) { return (word *)(void *)area_of(s, area); }
static inline _Atomic uint8_t *used_of(const store *s, uint32_t area)
{
    return (_Atomic uint8_t *)(void *)(area_of(s, area) + s->used_at);
}
static inline counts *counts_of(const store *s, uint32_t area, uint32_t row)
{
    return (counts *)(void *)(area_of(s, area) + s->counts_at) + row;
}

static inline bool is_used(const store *s, uint32_t area, uint32_t row)
{
    return atomic_load_explicit(used_of(s, area) + row / 8, memory_order_acquire) >> row % 8 & 1;
}
/* Before anything of the row is written. */
static inline void use(const store *s, uint32_t area, uint32_t row)
{
    _Atomic uint8_t *at = used_of(s, area) + row / 8;
    uint8_t bits = atomic_load_explicit(at, memory_order_relaxed), bit = (uint8_t)(1 << row % 8);
    if (!(bits & bit))
        atomic_store_explicit(at, bits | bit, memory_order_release);
}

static inline uint64_t get(const word *at) { return atomic_load_explicit(at, memory_order_relaxed); }
static inline void set(word *at, uint64_t n) { atomic_store_explicit(at, n, memory_order_relaxed); }
static inline void add(word *at, uint64_t n) { set(at, get(at) + n); }

static inline uint32_t row_of(const mo_shared *s, uint32_t function)
{
    return function == MO_SHARED_NO_FUNCTION ? ROW_NONE : s->functions[function];
}

/* Lanes: what may be said of them besides by those who ask. */
uint32_t mo_lane_running(const lane *l);
uint32_t mo_lane_queued(const lane *l);

#endif
