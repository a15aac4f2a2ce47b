/* shared_admit.c - limits over all workers without a lock: who asks for a place says so in its
 * own word, looks at all others, and goes on only if there is room for all that ask.
 *
 *   ask: own word gets ASKS -> look at all
 *     room for those who hold and for all who ask   held: own word + 1, ASKS goes
 *     no room beside those who hold                 refused: ASKS goes
 *     room for some who ask                         the first of them waits until the others
 *                                                   are done or withdrew, and looks again;
 *                                                   the others withdraw and ask again later
 *
 * Of two who ask at once the later sees the earlier (sequentially consistent), so the sum of
 * what is held never exceeds the limit. A worker that stops in between makes others give
 * up after a while, which is the only case where a free place is refused. */
#include "serve/shared_map.h"

#include <unistd.h>

#define ASKS UINT32_C(0x80000000)
enum { MOST_TURNS = 64, MOST_SPINS = 256 };

/* The words of one row, of all areas; stride of two. */
typedef struct column {
    _Atomic uint32_t *at;
    uint32_t n, limit;
} column;

static _Atomic uint32_t *cell(const column *c, uint32_t area) { return c->at + 2 * (size_t)area; }
static uint32_t look(const column *c, uint32_t area) { return atomic_load(cell(c, area)); }

typedef enum verdict { ROOM, FIRST, LATER, FULL } verdict;

static verdict judge(const column *c, uint32_t me)
{
    uint64_t held = 0, asking = 0;
    bool first = true;
    if (c->limit == MO_NO_SHARE)
        return ROOM;
    for (uint32_t i = 0; i < c->n; i++) {
        uint32_t v = look(c, i);
        held += v & ~ASKS;
        asking += i != me && v & ASKS;
        first &= i >= me || !(v & ASKS);
    }
    return held >= c->limit ? FULL : held + asking < c->limit ? ROOM : first ? FIRST : LATER;
}

static void ask(const column *c, uint32_t me) { atomic_store(cell(c, me), (look(c, me) & ~ASKS) | ASKS); }
static void withdraw(const column *c, uint32_t me) { atomic_store(cell(c, me), look(c, me) & ~ASKS); }
static void hold(const column *c, uint32_t me) { atomic_store(cell(c, me), (look(c, me) & ~ASKS) + 1); }
static void drop(const column *c, uint32_t me) { atomic_store(cell(c, me), look(c, me) - 1); }

static void pause_a_little(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* Until nobody before me asks. */
static void let_pass(const column *c, uint32_t me)
{
    for (int spins = 0; spins < MOST_SPINS; spins++) {
        uint32_t i = 0;
        while (i < me && !(look(c, i) & ASKS))
            i++;
        if (i == me)
            return;
        pause_a_little();
    }
}

/* A place in both, or in none. */
static bool take(const column both[2], uint32_t me)
{
    for (int turn = 0; turn < MOST_TURNS; turn++) {
        ask(&both[0], me);
        ask(&both[1], me);
        verdict a = judge(&both[0], me), b = judge(&both[1], me), worst = a > b ? a : b;
        for (int spins = 0; worst == FIRST && spins < MOST_SPINS; spins++) {
            pause_a_little();
            a = judge(&both[0], me);
            b = judge(&both[1], me);
            worst = a > b ? a : b;
        }
        if (worst == ROOM) {
            hold(&both[0], me);
            hold(&both[1], me);
            return true;
        }
        withdraw(&both[0], me);
        withdraw(&both[1], me);
        if (worst == FULL)
            return false;
        let_pass(&both[0], me);
        let_pass(&both[1], me);
    }
    return false;
}

/* --- of functions ------------------------------------------------------------------ */

typedef enum which { RUNNING, QUEUED } which;

static column column_of(const mo_shared *s, uint32_t row, uint32_t limit, which w)
{
    lane *l = lanes_of(s->store, row);
    return (column){w == RUNNING ? &l->running : &l->queued, s->store->nareas, limit};
}

static void columns_of(const mo_shared *s, uint32_t function, which w, column ret[2])
{
    const mo_app_function *f = &s->app->functions[function];
    const mo_app_share *mine = &f->share, *all = &s->app->tenants[f->tenant].share;
    ret[0] = column_of(s, s->functions[function], w == RUNNING ? mine->requests : mine->queue, w);
    ret[1] = column_of(s, s->tenants[f->tenant], w == RUNNING ? all->requests : all->queue, w);
}

static bool begin(mo_shared *s, uint32_t worker, uint32_t function, which w)
{
    column both[2];
    use(s->store, worker, s->functions[function]);
    use(s->store, worker, s->tenants[s->app->functions[function].tenant]);
    columns_of(s, function, w, both);
    return take(both, worker);
}

bool mo_shared_enter(mo_shared *s, uint32_t worker, uint32_t function) { return begin(s, worker, function, RUNNING); }
bool mo_shared_queue(mo_shared *s, uint32_t worker, uint32_t function) { return begin(s, worker, function, QUEUED); }

static void end(mo_shared *s, uint32_t worker, uint32_t function, which w)
{
    column both[2];
    columns_of(s, function, w, both);
    drop(&both[0], worker);
    drop(&both[1], worker);
}

void mo_shared_dequeue(mo_shared *s, uint32_t worker, uint32_t function) { end(s, worker, function, QUEUED); }

/* --- bells ---------------------------------------------------------------------------- */

static void ring(const store *s, uint32_t area)
{
    uint64_t one = 1;
    ssize_t n = write(s->bells[area], &one, sizeof one);
    (void)n; /* EAGAIN: it has rung often enough */
}

/* Those of other workers who may wait for what was left. */
void mo_shared_leave(mo_shared *s, uint32_t worker, uint32_t function)
{
    const store *t = s->store;
    const mo_app_function *f = &s->app->functions[function];
    const lane *mine = lanes_of(t, s->functions[function]), *all = lanes_of(t, s->tenants[f->tenant]);
    bool limited = s->app->tenants[f->tenant].share.requests != MO_NO_SHARE;
    end(s, worker, function, RUNNING);
    for (uint32_t i = 0; i < t->nareas - 1; i++)
        if (i != worker && (mo_lane_queued(&mine[i]) || (limited && mo_lane_queued(&all[i]))))
            ring(t, i);
}

uint32_t mo_lane_running(const lane *l) { return atomic_load(&l->running) & ~ASKS; }
uint32_t mo_lane_queued(const lane *l) { return atomic_load(&l->queued) & ~ASKS; }

int mo_shared_bell(const mo_shared *s, uint32_t worker) { return s->store->bells[worker]; }

uint32_t mo_shared_running(const mo_shared *s, uint32_t worker, uint32_t function)
{
    uint32_t row = s->functions[function];
    return is_used(s->store, worker, row) ? mo_lane_running(&lanes_of(s->store, row)[worker]) : 0;
}

/* --- the dead ---------------------------------------------------------------------------- */

void mo_shared_bury(mo_shared *s, uint32_t worker)
{
    const store *t = s->store;
    for (uint32_t row = 0; row < t->nrows; row++) {
        if (!is_used(t, worker, row))
            continue;
        lane *l = &lanes_of(t, row)[worker];
        atomic_store(&l->running, 0);
        atomic_store(&l->queued, 0);
    }
    for (int v = MO_VALUE_COUNTERS; v < MO_VALUES; v++)
        set(values_of(t, worker) + v, 0);
    for (uint32_t i = 0; i < t->nareas - 1; i++)
        if (i != worker)
            ring(t, i);
}
