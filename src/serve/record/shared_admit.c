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
#include "serve/record/shared_map.h"

#include <unistd.h>

#define ASKS UINT32_C(0x80000000)
enum { MOST_TURNS = 64, MOST_SPINS = 256 };

/* The words of one row, of all areas that anybody ever had. */
typedef struct column {
    mo_counts *all;
    uint32_t in_row, n, limit;
    bool queued;
} column;

static _Atomic uint32_t *cell(const column *c, uint32_t at)
{
    lane *l = lane_of(c->all, at, c->in_row);
    return c->queued ? &l->queued : &l->running;
}
static uint32_t look(const column *c, uint32_t at) { return atomic_load(cell(c, at)); }

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

static void columns_of(const mo_shared *s, uint32_t function, bool queued, column ret[2])
{
    const mo_app_function *f = &s->app->functions[function];
    const mo_app_share *mine = &f->share, *tenant = &s->app->tenants[f->tenant].share;
    uint32_t n = nareas(s->all);
    ret[0] = (column){s->all, s->functions[function], n, queued ? mine->queue : mine->requests, queued};
    ret[1] = (column){s->all, s->tenants[f->tenant], n, queued ? tenant->queue : tenant->requests, queued};
}

static bool begin(mo_shared *s, uint32_t worker, uint32_t function, bool queued)
{
    column both[2];
    uint32_t at = area_of(s, worker);
    columns_of(s, function, queued, both);
    use(s->all, at, both[0].in_row);
    use(s->all, at, both[1].in_row);
    return take(both, at);
}

static void end(mo_shared *s, uint32_t worker, uint32_t function, bool queued)
{
    column both[2];
    columns_of(s, function, queued, both);
    drop(&both[0], area_of(s, worker));
    drop(&both[1], area_of(s, worker));
}

bool mo_shared_enter(mo_shared *s, uint32_t worker, uint32_t function) { return begin(s, worker, function, false); }
bool mo_shared_queue(mo_shared *s, uint32_t worker, uint32_t function) { return begin(s, worker, function, true); }
void mo_shared_dequeue(mo_shared *s, uint32_t worker, uint32_t function) { end(s, worker, function, true); }

uint32_t mo_lane_running(const lane *l) { return atomic_load(&l->running) & ~ASKS; }
uint32_t mo_lane_queued(const lane *l) { return atomic_load(&l->queued) & ~ASKS; }

uint32_t mo_shared_running(const mo_shared *s, uint32_t worker, uint32_t function)
{
    uint32_t at = area_of(s, worker), in_row = s->functions[function];
    return is_used(s->all, at, in_row) ? mo_lane_running(lane_of(s->all, at, in_row)) : 0;
}

uint32_t mo_shared_running_of_all(const mo_shared *s, uint32_t function)
{
    uint32_t n = 0;
    for (uint32_t at = 0; at < nareas(s->all); at++)
        if (is_used(s->all, at, s->functions[function]))
            n += mo_lane_running(lane_of(s->all, at, s->functions[function]));
    return n;
}

/* --- bells ---------------------------------------------------------------------------- */

static void ring(const mo_shared *s, uint32_t worker)
{
    uint64_t one = 1;
    ssize_t n = write(s->bells[worker], &one, sizeof one);
    (void)n; /* EAGAIN: it has rung often enough */
}

/* Those of other workers who may wait for what was left. */
void mo_shared_leave(mo_shared *s, uint32_t worker, uint32_t function)
{
    uint32_t tenant = s->app->functions[function].tenant;
    bool limited = s->app->tenants[tenant].share.requests != MO_NO_SHARE;
    end(s, worker, function, false);
    for (uint32_t i = 0; i < s->nworkers; i++) {
        uint32_t at = s->areas[i];
        if (i != worker && (mo_lane_queued(lane_of(s->all, at, s->functions[function])) ||
                            (limited && mo_lane_queued(lane_of(s->all, at, s->tenants[tenant])))))
            ring(s, i);
    }
}

int mo_shared_bell(const mo_shared *s, uint32_t worker) { return s->bells[worker]; }

/* --- the dead ---------------------------------------------------------------------------- */

void mo_area_clear(mo_counts *c, uint32_t at)
{
    for (uint32_t in_row = 0; in_row < nrows(c); in_row++) {
        if (!is_used(c, at, in_row))
            continue;
        atomic_store(&lane_of(c, at, in_row)->running, 0);
        atomic_store(&lane_of(c, at, in_row)->queued, 0);
    }
    for (int v = MO_VALUE_COUNTERS; v < MO_VALUES; v++)
        set(&c->areas[at].values[v], 0);
}

void mo_shared_bury(mo_shared *s, uint32_t worker)
{
    mo_area_clear(s->all, s->areas[worker]);
    for (uint32_t i = 0; i < s->nworkers; i++)
        if (i != worker)
            ring(s, i);
}
