/* shared.c - the memory that workers count in: made, found again by the next app, given back. */
#include "serve/shared_map.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SPARE_ROWS = 1024, AREAS_STEP = 8, CACHE_LINE = 64, PAGE = 4096, NO_ROW = 0 };

_Static_assert(sizeof(counts) % CACHE_LINE == 0, "rows of counts begin at a cache line");
_Static_assert(sizeof(word) == 8 && sizeof(lane) == 8, "atomics are as large as what they hold");

/* --- the store ----------------------------------------------------------------------- */

static void measure(store *s)
{
    s->state_at = PAGE;
    s->lanes_at = mo_round_up(s->state_at + s->nrows * sizeof(uint32_t), PAGE);
    s->areas_at = mo_round_up(s->lanes_at + (size_t)s->nrows * s->nareas * sizeof(lane), PAGE);
    s->used_at = mo_round_up(MO_VALUES * sizeof(word), CACHE_LINE);
    s->counts_at = mo_round_up(s->used_at + s->nrows / 8 + 1, CACHE_LINE);
    s->area_size = mo_round_up(s->counts_at + s->nrows * sizeof(counts), PAGE);
    s->size = s->areas_at + s->nareas * s->area_size;
}

static void unref_store(store *s)
{
    if (!s || --s->refs)
        return;
    if (s->map)
        munmap(s->map, s->size);
    for (uint32_t i = 0; s->bells && i < s->nareas; i++)
        if (s->bells[i] >= 0)
            close(s->bells[i]);
    for (uint32_t i = 0; s->rows && i < s->nrows; i++) {
        mo_free(s->rows[i].tenant);
        mo_free(s->rows[i].function);
    }
    mo_free(s->bells);
    mo_free(s->rows);
    mo_free(s);
}

static bool open_bells(store *s)
{
    for (uint32_t i = 0; i < s->nareas; i++)
        s->bells[i] = -1;
    for (uint32_t i = 0; i < s->nareas - 1; i++)
        if ((s->bells[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
            return false;
    return true;
}

static store *new_store(uint32_t nrows, uint32_t nareas, mote_error *err)
{
    store *s = mo_calloc(1, sizeof *s);
    if (s) {
        s->refs = 1;
        s->nareas = nareas;
        s->nrows = nrows;
        s->rows = mo_calloc(nrows, sizeof *s->rows);
        s->bells = mo_calloc(nareas, sizeof *s->bells);
    }
    if (!s || !s->rows || !s->bells) {
        mo_fail_nomem(err);
        unref_store(s);
        return NULL;
    }
    measure(s);
    void *map = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    s->map = map == MAP_FAILED ? NULL : map;
    if (s->map && open_bells(s))
        return s;
    mo_fail(err, MOTE_IO, MOTE_NOWHERE, "memory to count in: %s", strerror(errno));
    unref_store(s);
    return NULL;
}

/* --- counts from row to row ------------------------------------------------------------ */

static void add_counts(counts *to, const counts *from)
{
    for (size_t i = 0; i < COUNTS; i++)
        add((word *)to + i, get((const word *)from + i));
}

/* All areas' counts of a row, into another one of the supervisor's area. */
static void gather(const store *from, uint32_t row, const store *to, uint32_t to_row)
{
    for (uint32_t area = 0; area < from->nareas; area++) {
        if (!is_used(from, area, row))
            continue;
        use(to, to->nareas - 1, to_row);
        add_counts(counts_of(to, to->nareas - 1, to_row), counts_of(from, area, row));
    }
}

/* A row that no app has: nobody writes it any more. */
static void clear(const store *s, uint32_t row)
{
    atomic_store(state_of(s, row), 0);
    for (uint32_t area = 0; area < s->nareas; area++) {
        if (!is_used(s, area, row))
            continue;
        for (size_t i = 0; i < COUNTS; i++)
            set((word *)counts_of(s, area, row) + i, 0);
        atomic_store(&lanes_of(s, row)[area].running, 0);
        atomic_store(&lanes_of(s, row)[area].queued, 0);
    }
}

static void begin_moving(const store *s) { atomic_fetch_add(&header_of(s)->epoch, 1); }

/* --- rows --------------------------------------------------------------------------------- */

/* Names -> row, while an app's rows are looked for. */
typedef struct table {
    uint32_t *slots;
    size_t mask;
} table;

static bool same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static size_t hash_of(const char *tenant, const char *function)
{
    uint64_t h = mo_hash64(tenant, strlen(tenant), 1);
    return (size_t)(function ? mo_hash64(function, strlen(function), h) : h);
}

static uint32_t *find(const store *s, const table *t, const char *tenant, const char *function)
{
    size_t at = hash_of(tenant, function) & t->mask;
    for (; t->slots[at] != NO_ROW; at = (at + 1) & t->mask) {
        const named_row *r = &s->rows[t->slots[at]];
        if (same(r->tenant, tenant) && same(r->function, function))
            break;
    }
    return &t->slots[at];
}

static bool fill_table(const store *s, table *t)
{
    size_t n = 64;
    while (n < 2 * (size_t)s->nrows)
        n *= 2;
    *t = (table){mo_calloc(n, sizeof *t->slots), n - 1};
    for (uint32_t i = ROWS_FIXED; t->slots && i < s->nrows; i++)
        if (s->rows[i].refs)
            *find(s, t, s->rows[i].tenant, s->rows[i].function) = i;
    return t->slots;
}

static char *copy(const char *text)
{
    size_t len = strlen(text) + 1;
    char *ret = mo_alloc(len);
    return ret ? memcpy(ret, text, len) : NULL;
}

static bool name_row(store *s, uint32_t at, const char *tenant, const char *function, uint32_t parent)
{
    named_row *r = &s->rows[at];
    *r = (named_row){.tenant = copy(tenant), .function = function ? copy(function) : NULL, .parent = parent};
    if (r->tenant && (r->function || !function)) {
        r->named = s->nnamed[!function] < MO_SHARED_NAMES;
        s->nnamed[!function] += r->named;
        return true;
    }
    mo_free(r->tenant);
    mo_free(r->function);
    *r = (named_row){.refs = 0};
    return false;
}

/* The row of these names, one more app's; NO_ROW: none is free, or memory is out. from: where to look
 * for a free one. */
static uint32_t ref_row(store *s, const table *t, const char *tenant, const char *function, uint32_t parent,
                        uint32_t *from)
{
    uint32_t *slot = find(s, t, tenant, function);
    if (*slot == NO_ROW) {
        while (*from < s->nrows && s->rows[*from].refs)
            ++*from;
        if (*from == s->nrows || !name_row(s, *from, tenant, function, parent))
            return NO_ROW;
        *slot = *from;
    }
    s->rows[*slot].refs++;
    return *slot;
}

/* A function's counts go to its tenant, a tenant's to all others. */
static void unref_row(store *s, uint32_t at)
{
    named_row *r = &s->rows[at];
    if (at == NO_ROW || --r->refs)
        return;
    gather(s, at, s, r->parent);
    clear(s, at);
    s->nnamed[!r->function] -= r->named;
    mo_free(r->tenant);
    mo_free(r->function);
    *r = (named_row){.refs = 0};
}

static bool ref_rows(mo_shared *s)
{
    table t;
    uint32_t from = ROWS_FIXED;
    const mo_app *app = s->app;
    bool good = fill_table(s->store, &t);
    for (uint32_t i = 0; good && i < app->ntenants; i++)
        good = (s->tenants[i] = ref_row(s->store, &t, app->tenants[i].name, NULL, ROW_OTHERS, &from)) != NO_ROW;
    for (uint32_t i = 0; good && i < app->nfunctions; i++) {
        const mo_app_function *f = &app->functions[i];
        s->functions[i] = ref_row(s->store, &t, app->tenants[f->tenant].name, f->name, s->tenants[f->tenant], &from);
        good = s->functions[i] != NO_ROW;
    }
    mo_free(t.slots);
    return good;
}

/* Functions before their tenants. */
static void unref_rows(mo_shared *s)
{
    begin_moving(s->store);
    for (uint32_t i = 0; i < s->app->nfunctions; i++)
        unref_row(s->store, s->functions[i]);
    for (uint32_t i = 0; i < s->app->ntenants; i++)
        unref_row(s->store, s->tenants[i]);
    begin_moving(s->store);
}

/* --- an app's ------------------------------------------------------------------------------- */

static bool has_room(const store *s, const mo_app *app, uint32_t nworkers)
{
    uint32_t nfree = 0;
    for (uint32_t i = ROWS_FIXED; i < s->nrows; i++)
        nfree += s->rows[i].refs == 0;
    return nworkers < s->nareas && nfree >= (uint64_t)app->nfunctions + app->ntenants;
}

/* The earlier store is too small: its totals begin the new one's. What its workers count from
 * now on is lost, and limits are those of each store. */
static void copy_totals(mo_shared *s, const store *before)
{
    table t;
    uint32_t supervisor = s->store->nareas - 1;
    if (!fill_table(s->store, &t))
        return;
    gather(before, ROW_OTHERS, s->store, ROW_OTHERS);
    gather(before, ROW_NONE, s->store, ROW_NONE);
    for (uint32_t i = ROWS_FIXED; i < before->nrows; i++)
        if (before->rows[i].refs)
            gather(before, i, s->store, *find(s->store, &t, before->rows[i].tenant, before->rows[i].function));
    for (uint32_t area = 0; area < before->nareas; area++)
        for (int v = 0; v < MO_VALUE_COUNTERS; v++)
            add(values_of(s->store, supervisor) + v, get(values_of(before, area) + v));
    mo_free(t.slots);
}

static bool find_store(mo_shared *s, uint32_t nworkers, mo_shared *before, mote_error *err)
{
    if (before && has_room(before->store, s->app, nworkers)) {
        s->store = before->store;
        s->store->refs++;
        return true;
    }
    uint64_t rows = 4 * ((uint64_t)s->app->nfunctions + s->app->ntenants) + SPARE_ROWS;
    s->store = new_store((uint32_t)rows, (uint32_t)mo_round_up(nworkers + 1, AREAS_STEP), err);
    return s->store;
}

mo_shared *mo_shared_new(const mo_app *app, uint32_t nworkers, mo_shared *before, mote_error *err)
{
    mo_shared *s = mo_calloc(1, sizeof *s);
    if (s) {
        s->app = app;
        s->functions = mo_calloc((size_t)app->nfunctions + 1, sizeof *s->functions);
        s->tenants = mo_calloc((size_t)app->ntenants + 1, sizeof *s->tenants);
    }
    if (!s || !s->functions || !s->tenants) {
        mo_fail_nomem(err);
        mo_shared_free(s);
        return NULL;
    }
    if (!find_store(s, nworkers, before, err)) {
        mo_shared_free(s);
        return NULL;
    }
    if (!ref_rows(s)) {
        mo_fail_nomem(err);
        mo_shared_free(s);
        return NULL;
    }
    if (before && s->store != before->store)
        copy_totals(s, before->store);
    return s;
}

void mo_shared_free(mo_shared *s)
{
    if (!s)
        return;
    if (s->store)
        unref_rows(s);
    unref_store(s->store);
    mo_free(s->functions);
    mo_free(s->tenants);
    mo_free(s);
}

uint32_t mo_shared_supervisor(const mo_shared *s) { return s->store->nareas - 1; }

void mo_shared_set_quarantined(mo_shared *s, uint32_t function, bool quarantined)
{
    atomic_store(state_of(s->store, s->functions[function]), quarantined);
}

bool mo_shared_is_quarantined(const mo_shared *s, uint32_t function)
{
    return atomic_load_explicit(state_of(s->store, s->functions[function]), memory_order_relaxed);
}
