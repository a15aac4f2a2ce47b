/* shared_map.h - how what is shared lies in memory; for shared*.c only.
 *
 *   +--------+------+-------------------------------+--------+--------+-- ... --+
 *   | header | rows | lanes: of eight areas, row by | area 0 | area 1 |         |
 *   |        |      | row; then of eight more, ...  | superv.|        |         |
 *   +--------+------+-------------------------------+--------+--------+-- ... --+
 *   an area: values | which rows it used, a bit each | counts, row by row
 *
 * A row is a tenant, or a function of one, found by its names' hash; its number stays while a
 * generation holds it. Rows are taken by the one generation that loads and given back by the
 * supervisor, who may meet:
 *
 *   holders 0: free --take--> held, by some --drop, the last--> FOLDS: counts go to the parent --> free
 *
 * Rows and areas that nobody used are never read, so that they take no memory. */
#ifndef MO_SERVE_SHARED_MAP_H
#define MO_SERVE_SHARED_MAP_H

#include "serve/record/shared.h"

#include <stdatomic.h>

enum { ROW_OTHERS, ROW_NONE, ROWS_FIXED };
enum { LANES = 8, AREA_SUPERVISOR = 0, ROW_FOLDS = 1u << MO_SHARED_HOLDERS };

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

typedef struct row {
    word key[2];
    _Atomic uint32_t holders;  /* generations, a bit each; and ROW_FOLDS */
    _Atomic uint32_t parent;   /* its tenant's row, or ROW_OTHERS */
    _Atomic uint32_t named;    /* told by its name */
    _Atomic uint32_t quarantined;
} row;

typedef struct header {
    word epoch;                           /* odd while counts move from row to row */
    _Atomic uint32_t nrows, nareas;       /* from there on nothing was ever used */
    _Atomic uint32_t nnamed[2];           /* functions, tenants */
    _Atomic uint32_t owners[MO_SHARED_AREAS]; /* 1 + holder; 0: free */
} header;

typedef struct area {
    word values[MO_VALUES];
    _Alignas(64) _Atomic uint8_t used[MO_SHARED_ROWS / 8];
    counts rows[MO_SHARED_ROWS];
} area;

struct mo_counts {
    header header;
    _Alignas(4096) row rows[MO_SHARED_ROWS];
    _Alignas(4096) lane lanes[MO_SHARED_AREAS / LANES][MO_SHARED_ROWS][LANES];
    _Alignas(4096) area areas[MO_SHARED_AREAS];
};

struct mo_shared {
    const mo_app *app;
    mo_counts *all;
    uint32_t holder, nworkers, self;
    uint32_t *areas;               /* of workers */
    int *bells;
    uint32_t *functions, *tenants; /* their rows */
};

static inline uint32_t nrows(const mo_counts *c)
{
    uint32_t n = atomic_load(&c->header.nrows);
    return n < MO_SHARED_ROWS ? n : MO_SHARED_ROWS;
}
static inline uint32_t nareas(const mo_counts *c)
{
    uint32_t n = atomic_load_explicit(&c->header.nareas, memory_order_acquire);
    return n < MO_SHARED_AREAS ? n : MO_SHARED_AREAS;
}
static inline uint32_t area_of(const mo_shared *s, uint32_t worker)
{
    return worker == MO_SHARED_SELF ? s->self : s->areas[worker];
}
static inline lane *lane_of(mo_counts *c, uint32_t at, uint32_t in_row)
{
    return &c->lanes[at / LANES][in_row][at % LANES];
}

static inline bool is_used(const mo_counts *c, uint32_t at, uint32_t in_row)
{
    return atomic_load_explicit(&c->areas[at].used[in_row / 8], memory_order_acquire) >> in_row % 8 & 1;
}
/* Before anything of the row is written. */
static inline void use(mo_counts *c, uint32_t at, uint32_t in_row)
{
    _Atomic uint8_t *byte = &c->areas[at].used[in_row / 8];
    uint8_t bits = atomic_load_explicit(byte, memory_order_relaxed), bit = (uint8_t)(1 << in_row % 8);
    if (!(bits & bit))
        atomic_store_explicit(byte, bits | bit, memory_order_release);
}

static inline uint64_t get(const word *at) { return atomic_load_explicit(at, memory_order_relaxed); }
static inline void set(word *at, uint64_t n) { atomic_store_explicit(at, n, memory_order_relaxed); }
static inline void add(word *at, uint64_t n) { set(at, get(at) + n); }

/* Of what others may have written: a number that is no row is the others'. */
static inline uint32_t parent_of(const mo_counts *c, uint32_t of)
{
    uint32_t parent = atomic_load(&c->rows[of].parent);
    return parent < MO_SHARED_ROWS ? parent : ROW_OTHERS;
}

/* --- shared_admit.c -------------------------------------------------------------- */

uint32_t mo_lane_running(const lane *l);
uint32_t mo_lane_queued(const lane *l);
/* Whoever had this area has nothing under way any more. */
void mo_area_clear(mo_counts *c, uint32_t at);

#endif
