/* shared.c - the memory that everybody counts in: made, rows and areas taken and given back. */
#include "serve/record/shared_map.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NO_ROW = 0 };

_Static_assert(sizeof(counts) % 64 == 0, "rows of counts begin at a cache line");
_Static_assert(sizeof(word) == 8 && sizeof(lane) == 8 && sizeof(lane) * LANES == 64, "atomics are as large as what they hold");

/* --- memory -------------------------------------------------------------------------- */

/* A file without a name: of that only what is touched is accounted, whatever the kernel's
 * policy on memory. */
mo_counts *mo_counts_new(mote_error *err)
{
    int fd = memfd_create("mote-counts", MFD_CLOEXEC);
    void *map = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, (off_t)sizeof(mo_counts)) == 0)
        map = mmap(NULL, sizeof(mo_counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (map == MAP_FAILED) {
        mo_fail(err, MOTE_IO, MOTE_NOWHERE, "memory to count in: %s", strerror(why));
        return NULL;
    }
    mo_counts *c = map;
    madvise(map, sizeof *c, MADV_DONTDUMP);
    atomic_store(&c->header.nrows, ROWS_FIXED);
    atomic_store(&c->header.nareas, AREA_SUPERVISOR + 1);
    atomic_store(&c->header.owners[AREA_SUPERVISOR], UINT32_MAX);
    return c;
}

void mo_counts_free(mo_counts *c)
{
    if (c)
        munmap(c, sizeof *c);
}

/* --- rows are given back ---------------------------------------------------------------- */

/* All areas' counts of a row, to another one of the supervisor's. Nobody counts in it any more. */
static void fold(mo_counts *c, uint32_t from, uint32_t to)
{
    word *sum = (word *)&c->areas[AREA_SUPERVISOR].rows[to];
    for (uint32_t at = 0; at < nareas(c); at++) {
        if (!is_used(c, at, from))
            continue;
        word *all = (word *)&c->areas[at].rows[from];
        use(c, AREA_SUPERVISOR, to);
        for (size_t i = 0; i < COUNTS; i++) {
            add(sum + i, get(all + i));
            set(all + i, 0);
        }
        atomic_store(&lane_of(c, at, from)->running, 0);
        atomic_store(&lane_of(c, at, from)->queued, 0);
    }
}

/* A function's counts go to its tenant, a tenant's to all others. */
static void drop_row(mo_counts *c, uint32_t at, uint32_t bit)
{
    row *r = &c->rows[at];
    uint32_t none = 0, parent = parent_of(c, at);
    if (atomic_fetch_and(&r->holders, ~bit) != bit || !atomic_compare_exchange_strong(&r->holders, &none, ROW_FOLDS))
        return;
    fold(c, at, parent);
    if (atomic_exchange(&r->named, 0))
        atomic_fetch_sub(&c->header.nnamed[parent == ROW_OTHERS], 1);
    atomic_store(&r->quarantined, 0);
    set(&r->key[0], 0);
    set(&r->key[1], 0);
    atomic_store(&r->holders, 0);
}

static void drop_rows(mo_counts *c, uint32_t bit, bool tenants)
{
    for (uint32_t at = ROWS_FIXED; at < nrows(c); at++)
        if (atomic_load(&c->rows[at].holders) & bit && (parent_of(c, at) == ROW_OTHERS) == tenants)
            drop_row(c, at, bit);
}

void mo_counts_drop(mo_counts *c, uint32_t holder)
{
    for (uint32_t at = AREA_SUPERVISOR + 1; at < nareas(c); at++) {
        if (atomic_load(&c->header.owners[at]) != holder + 1)
            continue;
        mo_area_clear(c, at);
        atomic_store(&c->header.owners[at], 0);
    }
    atomic_fetch_add(&c->header.epoch, 1);
    drop_rows(c, UINT32_C(1) << holder, false);
    drop_rows(c, UINT32_C(1) << holder, true);
    atomic_fetch_add(&c->header.epoch, 1);
}

/* --- rows are taken ------------------------------------------------------------------------ */

typedef struct key {
    uint64_t half[2];
} key;

/* Names' hash -> row, while an app's rows are looked for. */
typedef struct table {
    uint32_t *slots;
    size_t mask;
    uint32_t from; /* no row below is free */
} table;

static key key_of(const char *tenant, const char *function)
{
    key k;
    for (uint64_t i = 0; i < 2; i++) {
        uint64_t h = mo_hash64(tenant, strlen(tenant), UINT64_C(0x6d6f7465) + i);
        k.half[i] = function ? mo_hash64(function, strlen(function), h) : h;
    }
    k.half[0] |= 1; /* no key is that of a free row */
    return k;
}

static bool has_key(const row *r, const key *k) { return get(&r->key[0]) == k->half[0] && get(&r->key[1]) == k->half[1]; }

static uint32_t *find(const mo_counts *c, const table *t, const key *k)
{
    size_t at = (size_t)k->half[1] & t->mask;
    while (t->slots[at] != NO_ROW && !has_key(&c->rows[t->slots[at]], k))
        at = (at + 1) & t->mask;
    return &t->slots[at];
}

static bool fill_table(const mo_counts *c, const mo_app *app, table *t)
{
    size_t n = 64;
    while (n < 2 * ((size_t)nrows(c) + app->nfunctions + app->ntenants))
        n *= 2;
    *t = (table){mo_calloc(n, sizeof *t->slots), n - 1, ROWS_FIXED};
    for (uint32_t i = ROWS_FIXED; t->slots && i < nrows(c); i++) {
        const key k = {{get(&c->rows[i].key[0]), get(&c->rows[i].key[1])}};
        if (k.half[0])
            *find(c, t, &k) = i;
    }
    return t->slots;
}

/* false: it is being given back just now. */
static bool hold_row(row *r, const key *k, uint32_t bit)
{
    if (!(atomic_fetch_or(&r->holders, bit) & ROW_FOLDS) && has_key(r, k))
        return true;
    atomic_fetch_and(&r->holders, ~bit);
    return false;
}

/* Names are few: the first functions and tenants that come get one, and keep it. */
static void name_row(mo_counts *c, row *r, const key *k, uint32_t parent)
{
    bool tenant = parent == ROW_OTHERS;
    bool named = atomic_load(&c->header.nnamed[tenant]) < MO_SHARED_NAMES;
    atomic_fetch_add(&c->header.nnamed[tenant], named);
    atomic_store(&r->named, named);
    atomic_store(&r->parent, parent);
    atomic_store(&r->quarantined, 0);
    set(&r->key[0], k->half[0]);
    set(&r->key[1], k->half[1]);
}

/* NO_ROW: none is free. */
static uint32_t take_row(mo_counts *c, table *t, const key *k, uint32_t parent, uint32_t bit)
{
    uint32_t *slot = find(c, t, k);
    if (*slot != NO_ROW && hold_row(&c->rows[*slot], k, bit))
        return *slot;
    for (; t->from < MO_SHARED_ROWS; t->from++) {
        uint32_t none = 0;
        row *r = &c->rows[t->from];
        if (!atomic_compare_exchange_strong(&r->holders, &none, bit))
            continue;
        name_row(c, r, k, parent);
        *slot = t->from++;
        if (*slot >= nrows(c))
            atomic_store(&c->header.nrows, *slot + 1);
        return *slot;
    }
    return NO_ROW;
}

static bool take_rows(mo_shared *s, mote_error *err)
{
    table t;
    const mo_app *app = s->app;
    uint32_t bit = UINT32_C(1) << s->holder;
    bool good = true;
    if (!fill_table(s->all, app, &t))
        return mo_fail_nomem(err);
    for (uint32_t i = 0; good && i < app->ntenants; i++) {
        const key k = key_of(app->tenants[i].name, NULL);
        good = (s->tenants[i] = take_row(s->all, &t, &k, ROW_OTHERS, bit)) != NO_ROW;
    }
    for (uint32_t i = 0; good && i < app->nfunctions; i++) {
        const mo_app_function *f = &app->functions[i];
        const key k = key_of(app->tenants[f->tenant].name, f->name);
        good = (s->functions[i] = take_row(s->all, &t, &k, s->tenants[f->tenant], bit)) != NO_ROW;
    }
    mo_free(t.slots);
    return good || mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "functions and tenants: %" PRIu32 ", with those of generations that still serve there is room for %d",
                           app->nfunctions + app->ntenants, MO_SHARED_ROWS - ROWS_FIXED);
}

/* --- areas ------------------------------------------------------------------------------------ */

static bool take_area(mo_shared *s, uint32_t *ret)
{
    header *h = &s->all->header;
    for (uint32_t at = 0; at < MO_SHARED_AREAS; at++) {
        uint32_t none = 0;
        if (!atomic_compare_exchange_strong(&h->owners[at], &none, s->holder + 1))
            continue;
        if (at >= nareas(s->all))
            atomic_store(&h->nareas, at + 1);
        *ret = at;
        return true;
    }
    return false;
}

static bool take_areas(mo_shared *s, mote_error *err)
{
    bool good = take_area(s, &s->self);
    for (uint32_t i = 0; good && i < s->nworkers; i++)
        good = take_area(s, &s->areas[i]);
    return good || mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "workers: %" PRIu32 ", with those of generations that still serve there is room for %d",
                           s->nworkers, MO_SHARED_AREAS);
}

static bool open_bells(mo_shared *s, mote_error *err)
{
    for (uint32_t i = 0; i < s->nworkers; i++)
        s->bells[i] = -1;
    for (uint32_t i = 0; i < s->nworkers; i++)
        if ((s->bells[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
            return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "bells for workers: %s", strerror(errno));
    return true;
}

/* --- an app's ---------------------------------------------------------------------------------- */

mo_shared *mo_shared_new(mo_counts *all, const mo_app *app, uint32_t holder, uint32_t nworkers, mote_error *err)
{
    mo_shared *s = mo_calloc(1, sizeof *s);
    if (s) {
        *s = (mo_shared){.app = app, .all = all, .holder = holder, .nworkers = nworkers};
        s->areas = mo_calloc((size_t)nworkers + 1, sizeof *s->areas);
        s->bells = mo_calloc((size_t)nworkers + 1, sizeof *s->bells);
        s->functions = mo_calloc((size_t)app->nfunctions + 1, sizeof *s->functions);
        s->tenants = mo_calloc((size_t)app->ntenants + 1, sizeof *s->tenants);
    }
    if (!s || !s->areas || !s->bells || !s->functions || !s->tenants)
        mo_fail_nomem(err);
    else if (open_bells(s, err) && take_areas(s, err) && take_rows(s, err))
        return s;
    mo_shared_free(s);
    return NULL;
}

void mo_shared_free(mo_shared *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; s->bells && i < s->nworkers; i++)
        if (s->bells[i] > 0)
            close(s->bells[i]);
    mo_free(s->areas);
    mo_free(s->bells);
    mo_free(s->functions);
    mo_free(s->tenants);
    mo_free(s);
}

void mo_shared_set_quarantined(mo_shared *s, uint32_t function, bool quarantined)
{
    atomic_store(&s->all->rows[s->functions[function]].quarantined, quarantined);
}

bool mo_shared_is_quarantined(const mo_shared *s, uint32_t function)
{
    return atomic_load_explicit(&s->all->rows[s->functions[function]].quarantined, memory_order_relaxed);
}
