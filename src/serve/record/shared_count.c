/* shared_count.c - a worker adds to its own words; whoever wants sums reads all. */
#include "serve/record/shared_map.h"

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

/* The row of a function in the worker's area, which is used from now on. */
static counts *counts_of(mo_shared *s, uint32_t worker, uint32_t function)
{
    uint32_t in_row = function == MO_SHARED_NO_FUNCTION ? ROW_NONE : s->functions[function], at = area_of(s, worker);
    use(s->all, at, in_row);
    return &s->all->areas[at].rows[in_row];
}

void mo_shared_count(mo_shared *s, uint32_t worker, const mo_tally *t)
{
    counts *c = counts_of(s, worker, t->function);
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
    add(&counts_of(s, worker, function)->hits[hit], 1);
}

static word *value_of(const mo_shared *s, uint32_t worker, mo_shared_value value)
{
    return &s->all->areas[area_of(s, worker)].values[value];
}

void mo_shared_add(mo_shared *s, uint32_t worker, mo_shared_value value, uint64_t n) { add(value_of(s, worker, value), n); }
void mo_shared_set(mo_shared *s, uint32_t worker, mo_shared_value value, uint64_t n) { set(value_of(s, worker, value), n); }
uint64_t mo_shared_get(const mo_shared *s, uint32_t worker, mo_shared_value value) { return get(value_of(s, worker, value)); }

uint64_t mo_shared_sum(const mo_shared *s, mo_shared_value value)
{
    uint64_t sum = 0;
    for (uint32_t at = 0; at < nareas(s->all); at++)
        sum += get(&s->all->areas[at].values[value]);
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
static bool sum_row(mo_counts *c, uint32_t in_row, bool lanes, mo_totals *t)
{
    bool any = false;
    for (uint32_t at = 0; at < nareas(c); at++) {
        if (!is_used(c, at, in_row))
            continue;
        any = true;
        add_row(t, &c->areas[at].rows[in_row]);
        if (lanes) {
            t->running += mo_lane_running(lane_of(c, at, in_row));
            t->queued += mo_lane_queued(lane_of(c, at, in_row));
        }
    }
    return any;
}

/* What is told; and for each row, the place in it. */
typedef struct list {
    mo_totals *at;
    bool *any;
    uint32_t n, nrows;
    uint32_t *places;
} list;

static uint32_t place(list *l, mo_totals_kind kind, const char *tenant, const char *function)
{
    l->at[l->n] = (mo_totals){.kind = kind, .tenant = tenant, .function = function};
    l->any[l->n] = false;
    return l->n++;
}

static bool is_named(const mo_counts *c, uint32_t in_row) { return atomic_load(&c->rows[in_row].named); }

/* The app's functions and tenants with names; then what has no name, or is not in the app but still
 * counts, goes to its parent's. */
static void make_places(const mo_shared *s, uint32_t n, list *l)
{
    const mo_counts *c = s->all;
    const mo_app *app = s->app;
    l->n = 0;
    for (uint32_t i = 0; i < n; i++)
        l->places[i] = UINT32_MAX;
    uint32_t others = l->places[ROW_OTHERS] = place(l, MO_TOTALS_OTHERS, NULL, NULL);
    l->places[ROW_NONE] = place(l, MO_TOTALS_NONE, NULL, NULL);
    for (uint32_t i = 0; i < app->ntenants && l->n < MO_SHARED_NAMES + ROWS_FIXED; i++)
        if (is_named(c, s->tenants[i]))
            l->places[s->tenants[i]] = place(l, MO_TOTALS_TENANT, app->tenants[i].name, NULL);
    for (uint32_t i = 0; i < app->nfunctions && l->n < 2 * MO_SHARED_NAMES + ROWS_FIXED; i++) {
        const mo_app_function *f = &app->functions[i];
        if (is_named(c, s->functions[i]) && is_named(c, s->tenants[f->tenant]))
            l->places[s->functions[i]] = place(l, MO_TOTALS_FUNCTION, app->tenants[f->tenant].name, f->name);
    }
    for (uint32_t i = ROWS_FIXED; i < n; i++)
        if (l->places[i] == UINT32_MAX && parent_of(c, i) == ROW_OTHERS)
            l->places[i] = others;
    for (uint32_t i = ROWS_FIXED; i < n; i++)
        if (l->places[i] == UINT32_MAX)
            l->places[i] = parent_of(c, i) < n && l->places[parent_of(c, i)] != UINT32_MAX ? l->places[parent_of(c, i)] : others;
}

/* false: rows moved meanwhile. */
static bool sum_all(const mo_shared *s, list *l)
{
    mo_counts *c = s->all;
    uint64_t epoch = atomic_load(&c->header.epoch);
    uint32_t n = l->nrows < nrows(c) ? l->nrows : nrows(c);
    make_places(s, n, l);
    for (uint32_t i = 0; i < n; i++) {
        mo_totals *at = &l->at[l->places[i]];
        if (i >= ROWS_FIXED && !atomic_load(&c->rows[i].holders))
            continue;
        l->any[l->places[i]] |= sum_row(c, i, i >= ROWS_FIXED && parent_of(c, i) != ROW_OTHERS, at);
        bool quarantined = i >= ROWS_FIXED && atomic_load(&c->rows[i].quarantined);
        at->quarantined += quarantined;
        l->any[l->places[i]] |= quarantined;
    }
    return !(epoch & 1) && atomic_load(&c->header.epoch) == epoch;
}

/* Of a tenant's own line, which it has in any case. */
static bool says_anything(const mo_totals *t)
{
    uint64_t sum = t->quarantined + t->running + t->queued;
    for (size_t i = 0; i < MO_COUNT(t->classes); i++)
        sum += t->classes[i];
    for (size_t i = 0; i < MO_HITS; i++)
        sum += t->hits[i];
    return sum;
}

bool mo_shared_each(const mo_shared *s, void (*each)(void *data, const mo_totals *t), void *data)
{
    enum { MOST = 2 * MO_SHARED_NAMES + ROWS_FIXED, MOST_TRIES = 1000, SPARE = 1024 };
    list l = {.nrows = nrows(s->all) + SPARE, .at = mo_calloc(MOST, sizeof *l.at), .any = mo_calloc(MOST, sizeof *l.any)};
    l.places = mo_calloc(l.nrows, sizeof *l.places);
    bool good = l.at && l.any && l.places;
    for (int i = 0; good && i < MOST_TRIES && !sum_all(s, &l); i++) {}
    for (uint32_t i = 0; good && i < l.n; i++)
        if (l.any[i] && (l.at[i].kind == MO_TOTALS_FUNCTION || says_anything(&l.at[i])))
            each(data, &l.at[i]);
    mo_free(l.at);
    mo_free(l.any);
    mo_free(l.places);
    return good;
}
