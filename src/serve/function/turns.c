/* turns.c - whose turn it is. */
#include "serve/function/turns.h"

#include "serve/record/shared.h"
#include "serve/process/worker.h"

#include <unistd.h>

enum { MOST_AT_ONCE = 64 }; /* requests begun before the loop looks at connections again */

static mo_queue *queue_of(const mo_worker *w, uint32_t function) { return &w->programs[function].queue; }

/* --- shares ----------------------------------------------------------------------------- */

static bool enter(mo_worker *w, uint32_t function)
{
    if (w->nturns >= w->app->slots || !mo_shared_enter(w->shared, w->index, function))
        return false;
    w->nturns++;
    return true;
}

void mo_turn_give(mo_worker *w, uint32_t function)
{
    mo_shared_leave(w->shared, w->index, function);
    w->nturns--;
    if (w->turns.waiting)
        mo_alarm_set(&w->loop, &w->turns.due, w->loop.now_ns);
}

/* --- queues ------------------------------------------------------------------------------- */

static void append(mo_worker *w, mo_turn *t)
{
    mo_queue *q = queue_of(w, t->function);
    t->next = NULL;
    t->prev = q->last;
    if (q->last) {
        q->last->next = t;
    } else {
        uint32_t first = w->turns.waiting ? w->turns.queues : t->function;
        mo_queue *f = queue_of(w, first);
        uint32_t last = w->turns.waiting ? f->prev : t->function;
        q->first = t;
        q->next = first;
        q->prev = last;
        queue_of(w, last)->next = f->prev = t->function;
        w->turns.queues = first;
        w->turns.nqueues++;
    }
    q->last = t;
    t->waits = true;
    w->turns.waiting++;
}

static void take_out(mo_worker *w, mo_turn *t)
{
    mo_queue *q = queue_of(w, t->function);
    if (t->prev)
        t->prev->next = t->next;
    else
        q->first = t->next;
    if (t->next)
        t->next->prev = t->prev;
    else
        q->last = t->prev;
    if (!q->first) {
        queue_of(w, q->prev)->next = q->next;
        queue_of(w, q->next)->prev = q->prev;
        if (w->turns.queues == t->function)
            w->turns.queues = q->next;
        w->turns.nqueues--;
    }
    t->waits = false;
    w->turns.waiting--;
}

mo_turn_answer mo_turn_take(mo_worker *w, mo_turn *t, uint32_t function, void (*come)(mo_turn *t))
{
    t->function = function;
    t->come = come;
    if (!queue_of(w, function)->first && enter(w, function))
        return MO_TURN_COMES;
    if (!mo_shared_queue(w->shared, w->index, function))
        return MO_TURN_REFUSED;
    append(w, t);
    mo_alarm_set(&w->loop, &w->turns.due, w->loop.now_ns); /* somebody may have left before we were queued */
    return MO_TURN_WAITS;
}

void mo_turn_leave(mo_worker *w, mo_turn *t)
{
    take_out(w, t);
    mo_shared_dequeue(w->shared, w->index, t->function);
}

/* --- turns ------------------------------------------------------------------------------------ */

/* Of each function the first one, function after function, until none of them may. */
static void look(mo_worker *w)
{
    uint32_t refused = 0, begun = 0;
    while (w->turns.waiting && begun < MOST_AT_ONCE) {
        uint32_t function = w->turns.queues, next = queue_of(w, function)->next;
        mo_turn *t = queue_of(w, function)->first;
        w->turns.queues = next;
        if (!enter(w, function)) {
            if (w->nturns >= w->app->slots || ++refused > w->turns.nqueues)
                return;
            continue;
        }
        refused = 0;
        begun++;
        mo_turn_leave(w, t);
        t->come(t);
    }
    if (w->turns.waiting)
        mo_alarm_set(&w->loop, &w->turns.due, w->loop.now_ns + 1);
}

static void is_due(mo_alarm *a) { look((mo_worker *)(void *)((char *)a - offsetof(mo_worker, turns.due))); }

static void rings(mo_watch *s, uint32_t events)
{
    uint64_t n;
    (void)events;
    if (read(s->fd, &n, sizeof n) == sizeof n)
        look((mo_worker *)(void *)((char *)s - offsetof(mo_worker, turns.bell)));
}

bool mo_turns_init(mo_worker *w)
{
    w->turns.bell = (mo_watch){.ready = rings, .fd = mo_shared_bell(w->shared, w->index)};
    return mo_alarm_init(&w->loop, &w->turns.due, is_due) && mo_loop_want(&w->loop, &w->turns.bell, EPOLLIN);
}

void mo_turns_release(mo_worker *w)
{
    mo_loop_forget(&w->loop, &w->turns.bell);
    mo_alarm_release(&w->loop, &w->turns.due);
}
