/* shared_count.c - a worker adds to its own words; whoever wants sums reads all. */
#include "serve/shared_map.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
const uint64_t mo_shared_bounds_ns[MO_SHARED_BUCKETS - 1] = {
    50 * US, 100 * US, 250 * US, 500 * US, 1 * MS,    2500 * US, 5 * MS,     10 * MS,
    25 * MS, 50 * MS,  100 * MS, 250 * MS, 1000 * MS, 2500 * MS, 10000 * MS,
};

/* --- counting ------------------------------------------------------------------------ */

static uint32_t bucket_of(uint64_t ns)
{
    uint32_t i = 0;
    while (i < MO_SHARED_BUCKETS - 1 && ns > mo_shared_bounds_ns[i])
        i++;
    return i;
}

static uint32_t class_of(int status) { return status >= 200 && status < 600 ? (uint32_t)status / 100 - 2 : 4; }

void mo_shared_count(mo_shared *s, uint32_t worker, const mo_tally *t)
{
    uint32_t row = row_of(s, t->function);
    counts *c = counts_of(s->store, worker, row);
    use(s->store, worker, row);
    add(&c->classes[class_of(t->status)], 1);
    add(&c->wall_ns, t->wall_ns);
    add(&c->in_bytes, t->in_bytes);
    add(&c->out_bytes, t->out_bytes);
    add(&c->buckets[bucket_of(t->wall_ns)], 1);
    add(&c->starts[t->start], 1);
    add(&c->reset_ns, t->reset_ns);
    add(&c->pages, t->pages);
    if (t->truncated)
        add(&c->truncated, 1);
}

void mo_shared_hit(mo_shared *s, uint32_t worker, uint32_t function, mo_limit_hit hit)
{
    uint32_t row = row_of(s, function);
    use(s->store, worker, row);
    add(&counts_of(s->store, worker, row)->hits[hit], 1);
}

void mo_shared_add(mo_shared *s, uint32_t area, mo_shared_value value, uint64_t n)
{
    add(values_of(s->store, area) + value, n);
}

void mo_shared_set(mo_shared *s, uint32_t area, mo_shared_value value, uint64_t n)
{
    set(values_of(s->store, area) + value, n);
}

uint64_t mo_shared_get(const mo_shared *s, uint32_t area, mo_shared_value value)
{
    return get(values_of(s->store, area) + value);
}

uint64_t mo_shared_sum(const mo_shared *s, mo_shared_value value)
{
    uint64_t sum = 0;
    for (uint32_t area = 0; area < s->store->nareas; area++)
        sum += mo_shared_get(s, area, value);
    return sum;
}

/* --- sums -------------------------------------------------------------------------------- */

static void add_all(uint64_t *to, const word *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += get(from + i);
}

static void add_row(mo_totals *t, const counts *c)
{
    add_all(t->classes, c->classes, MO_COUNT(t->classes));
    add_all(&t->wall_ns, &c->wall_ns, 1);
    add_all(&t->in_bytes, &c->in_bytes, 1);
    add_all(&t->out_bytes, &c->out_bytes, 1);
    add_all(t->starts, c->starts, MO_STARTS);
    add_all(&t->reset_ns, &c->reset_ns, 1);
    add_all(&t->pages, &c->pages, 1);
    add_all(&t->truncated, &c->truncated, 1);
    add_all(t->buckets, c->buckets, MO_SHARED_BUCKETS);
    add_all(t->hits, c->hits, MO_HITS);
}

/* Under way are a function's requests; a tenant's word counts them again, and is not read. */
static bool sum_row(const store *s, uint32_t row, bool lanes, mo_totals *t)
{
    bool any = false;
    for (uint32_t area = 0; area < s->nareas; area++) {
        if (!is_used(s, area, row))
            continue;
        any = true;
        add_row(t, counts_of(s, area, row));
        if (lanes) {
            t->running += mo_lane_running(&lanes_of(s, row)[area]);
            t->queued += mo_lane_queued(&lanes_of(s, row)[area]);
        }
    }
    return any;
}

/* What is told; and for each row, the place in it. */
typedef struct list {
    mo_totals *at;
    bool *any;
    uint32_t n;
    uint32_t *places;
} list;

static uint32_t place(list *l, mo_row_kind kind, const char *tenant, const char *function)
{
    l->at[l->n] = (mo_totals){.kind = kind, .tenant = tenant, .function = function};
    l->any[l->n] = false;
    return l->n++;
}

/* The app's functions and tenants with names; then what no longer is in the app but still counts,
 * and what has no name, goes to its parent's. */
static void make_places(const mo_shared *s, list *l)
{
    const named_row *rows = s->store->rows;
    const mo_app *app = s->app;
    l->n = 0;
    for (uint32_t row = 0; row < s->store->nrows; row++)
        l->places[row] = UINT32_MAX;
    l->places[ROW_OTHERS] = place(l, MO_ROW_OTHERS, NULL, NULL);
    l->places[ROW_NONE] = place(l, MO_ROW_NONE, NULL, NULL);
    for (uint32_t i = 0; i < app->ntenants; i++)
        if (rows[s->tenants[i]].named)
            l->places[s->tenants[i]] = place(l, MO_ROW_TENANT, app->tenants[i].name, NULL);
    for (uint32_t i = 0; i < app->nfunctions; i++) {
        const mo_app_function *f = &app->functions[i];
        if (rows[s->functions[i]].named && rows[s->tenants[f->tenant]].named)
            l->places[s->functions[i]] = place(l, MO_ROW_FUNCTION, app->tenants[f->tenant].name, f->name);
    }
    for (int depth = 0; depth < 2; depth++) /* tenants, then functions */
        for (uint32_t row = ROWS_FIXED; row < s->store->nrows; row++)
            if (rows[row].refs && l->places[row] == UINT32_MAX && (rows[row].function != NULL) == (depth == 1))
                l->places[row] = l->places[rows[row].parent];
}

/* false: rows moved meanwhile. */
static bool sum_all(const mo_shared *s, list *l)
{
    const store *t = s->store;
    uint64_t epoch = atomic_load(&header_of(t)->epoch);
    make_places(s, l);
    for (uint32_t row = 0; row < t->nrows; row++) {
        if (row >= ROWS_FIXED && !t->rows[row].refs)
            continue;
        uint32_t at = l->places[row];
        l->any[at] |= sum_row(t, row, t->rows[row].function, &l->at[at]);
    }
    for (uint32_t i = 0; i < s->app->nfunctions; i++) {
        mo_totals *at = &l->at[l->places[s->functions[i]]];
        at->quarantined += mo_shared_is_quarantined(s, i);
    }
    return !(epoch & 1) && atomic_load(&header_of(t)->epoch) == epoch;
}

bool mo_shared_each(const mo_shared *s, void (*each)(void *data, const mo_totals *t), void *data)
{
    enum { MOST = 2 * MO_SHARED_NAMES + ROWS_FIXED, MOST_TRIES = 1000 };
    list l = {.at = mo_calloc(MOST, sizeof *l.at), .any = mo_calloc(MOST, sizeof *l.any),
              .places = mo_calloc(s->store->nrows, sizeof *l.places)};
    bool good = l.at && l.any && l.places;
    for (int i = 0; good && i < MOST_TRIES && !sum_all(s, &l); i++) {}
    for (uint32_t i = 0; good && i < l.n; i++)
        if (l.any[i])
            each(data, &l.at[i]);
    mo_free(l.at);
    mo_free(l.any);
    mo_free(l.places);
    return good;
}
