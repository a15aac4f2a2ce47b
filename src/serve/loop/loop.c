/* loop.c - epoll, and a heap of timers whose places are put right when they come up. */
#include "serve/loop/loop.h"

#include "call/call.h"

#include <errno.h>
#include <unistd.h>

enum { BATCH = 64 };

bool mo_loop_init(mo_loop *loop, mote_error *err)
{
    *loop = (mo_loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .now_ns = mo_now_ns()};
    loop->events = mo_calloc(BATCH, sizeof *loop->events);
    if (loop->epoll >= 0 && loop->events)
        return true;
    mo_fail(err, loop->events ? MOTE_IO : MOTE_NOMEM, MOTE_NOWHERE, "epoll: %s", strerror(errno));
    mo_loop_release(loop);
    return false;
}

void mo_loop_release(mo_loop *loop)
{
    if (loop->epoll >= 0)
        close(loop->epoll);
    mo_free(loop->events);
    mo_free(loop->heap);
    *loop = (mo_loop){.epoll = -1};
}

/* --- sources ----------------------------------------------------------------------- */

bool mo_loop_want(mo_loop *loop, mo_watch *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};
    if (s->added && s->wanted == events)
        return true;
    if (s->exclusive) { /* cannot be changed, only made anew */
        if (s->added)
            epoll_ctl(loop->epoll, EPOLL_CTL_DEL, s->fd, NULL);
        s->added = false;
        e.events |= EPOLLEXCLUSIVE;
    }
    if (epoll_ctl(loop->epoll, s->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s->fd, &e) != 0)
        return false;
    s->added = true;
    s->wanted = events;
    return true;
}

void mo_loop_forget(mo_loop *loop, mo_watch *s)
{
    if (!s->added)
        return;
    s->added = false;
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, s->fd, NULL);
    for (int i = loop->at; i < loop->n; i++)
        if (loop->events[i].data.ptr == s)
            loop->events[i].data.ptr = NULL;
}

/* --- timers ---------------------------------------------------------------------------- */

static void put(mo_loop *loop, size_t i, mo_alarm *t)
{
    loop->heap[i] = t;
    t->at = (uint32_t)i + 1;
}

static void move_up(mo_loop *loop, size_t i, mo_alarm *t)
{
    while (i > 0 && loop->heap[(i - 1) / 2]->key > t->key) {
        put(loop, i, loop->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(loop, i, t);
}

static void move_down(mo_loop *loop, size_t i, mo_alarm *t)
{
    for (size_t child; (child = 2 * i + 1) < loop->nheap; i = child) {
        if (child + 1 < loop->nheap && loop->heap[child + 1]->key < loop->heap[child]->key)
            child++;
        if (loop->heap[child]->key >= t->key)
            break;
        put(loop, i, loop->heap[child]);
    }
    put(loop, i, t);
}

static void take_out(mo_loop *loop, mo_alarm *t)
{
    size_t i = t->at - 1;
    mo_alarm *last = loop->heap[--loop->nheap];
    t->at = 0;
    if (last == t)
        return;
    if (i > 0 && loop->heap[(i - 1) / 2]->key > last->key)
        move_up(loop, i, last);
    else
        move_down(loop, i, last);
}

bool mo_alarm_init(mo_loop *loop, mo_alarm *t, void (*fire)(mo_alarm *t))
{
    *t = (mo_alarm){.fire = fire, .due = MO_NEVER};
    if (!mo_grow(&loop->heap, &loop->heap_cap, loop->ntimers + 1, sizeof *loop->heap))
        return false;
    loop->ntimers++;
    return true;
}

void mo_alarm_release(mo_loop *loop, mo_alarm *t)
{
    if (t->at)
        take_out(loop, t);
    loop->ntimers--;
}

/* One that is put off stays where it is; it comes up too early and is put back. */
void mo_alarm_set(mo_loop *loop, mo_alarm *t, uint64_t due_ns)
{
    t->due = due_ns;
    if (t->at ? t->key <= due_ns : due_ns == MO_NEVER)
        return;
    t->key = due_ns;
    if (t->at)
        move_up(loop, t->at - 1, t);
    else
        move_up(loop, loop->nheap++, t);
}

static void fire_timers(mo_loop *loop)
{
    while (loop->nheap && loop->heap[0]->key <= loop->now_ns) {
        mo_alarm *t = loop->heap[0];
        uint64_t due = t->due;
        take_out(loop, t);
        t->due = MO_NEVER;
        if (due > loop->now_ns)
            mo_alarm_set(loop, t, due);
        else
            t->fire(t);
    }
}

/* Milliseconds until the first timer, rounded up. */
static int patience(const mo_loop *loop)
{
    if (mo_schedule_has_any(&loop->ready))
        return 0;
    if (!loop->nheap)
        return -1;
    uint64_t key = loop->heap[0]->key, now = mo_now_ns();
    uint64_t ms = key > now ? (key - now + 999999) / 1000000 : 0;
    return ms > 60000 ? 60000 : (int)ms;
}

void mo_loop_leave(mo_loop *loop)
{
    loop->ended = true;
    loop->at = loop->n = 0;
    loop->nheap = 0;
    loop->turned = NULL;
}

/* --- turns --------------------------------------------------------------------------------- */

#define SLICES_WAIT_NS (20 * UINT64_C(1000000)) /* for what is new, at most */

/* What is new goes first: after a full batch there may be more of it. */
static void run_slice(mo_loop *loop)
{
    if (loop->n == BATCH && loop->now_ns - loop->sliced_ns < SLICES_WAIT_NS)
        return;
    loop->sliced_ns = loop->now_ns;
    mo_task_run_ready(loop);
}

void mo_loop_run(mo_loop *loop)
{
    while (!loop->ended) {
        int n = epoll_wait(loop->epoll, loop->events, BATCH, patience(loop));
        loop->n = n > 0 ? n : 0;
        loop->now_ns = mo_now_ns();
        for (loop->at = 0; loop->at < loop->n;) {
            const struct epoll_event *e = &loop->events[loop->at++];
            mo_watch *s = e->data.ptr;
            if (s)
                s->ready(s, e->events);
        }
        fire_timers(loop);
        run_slice(loop);
        if (loop->turned)
            loop->turned(loop);
    }
}
