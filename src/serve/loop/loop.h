/* loop.h - one thread that waits for many things: descriptors, and times.
 *   source   a descriptor in epoll, level-triggered; its owner embeds it
 *   timer    a time; its owner embeds it. Setting one later than it was costs nothing
 *   task     a function on a fiber, which waits where other functions would block
 *            (task.c): IDLE --start--> RUNS <--wait, wake--> PARKED; RUNS --returns--> IDLE
 *            RUNS --its slice is over--> READY --its turn--> RUNS
 * A turn: what epoll tells, timers that are due, then one slice of those that are READY; so
 * new and woken tasks go before those that compute, and these go on all the same. While epoll
 * has more than one batch, slices wait for it, 20 ms at most.
 * What always holds:
 *   1  a source or timer that was forgotten is never called again, not even for what
 *      epoll had told already;
 *   2  handlers run one after the other, outside of any task. */
#ifndef MO_SERVE_LOOP_H
#define MO_SERVE_LOOP_H

#include "base/base.h"
#include "call/fiber.h"
#include "serve/loop/schedule.h"

#include <sys/epoll.h>

#define MO_NEVER UINT64_MAX
#define MO_NS_PER_S UINT64_C(1000000000)

typedef struct mo_watch {
    void (*ready)(struct mo_watch *s, uint32_t events);
    int fd;
    uint32_t wanted; /* EPOLLIN ...; 0 with added: errors only */
    bool added;
    bool exclusive; /* of all loops that watch the same socket few are told */
} mo_watch;

typedef struct mo_alarm {
    void (*fire)(struct mo_alarm *t);
    uint64_t due, key; /* key <= due: its place in the heap */
    uint32_t at;       /* index in the heap + 1; 0: not there */
} mo_alarm;

typedef struct mo_loop {
    int epoll;
    bool ended;
    uint64_t now_ns; /* of this turn */
    uint64_t sliced_ns; /* when one that is READY last had its turn */
    void (*turned)(struct mo_loop *loop); /* after each turn; may be NULL */
    mo_alarm **heap;
    size_t nheap, heap_cap, ntimers;
    struct epoll_event *events; /* of this turn, from at to n still to be told */
    int at, n;
    mo_schedule ready;
    mo_group group;       /* of tasks that have none */
    uint32_t slice_ticks; /* of tasks made from now on, see mo_fiber_set_slice() */
} mo_loop;

bool mo_loop_init(mo_loop *loop, mote_error *err);
void mo_loop_release(mo_loop *loop);
/* Until somebody sets ended. */
void mo_loop_run(mo_loop *loop);
/* In a handler: ends it, and what else this turn was about is nobody's any more. For a process
 * that was forked there, and has another life. */
void mo_loop_leave(mo_loop *loop);

/* false: the system refused (errno). */
bool mo_loop_want(mo_loop *loop, mo_watch *s, uint32_t events);
/* Before its descriptor is closed. */
void mo_loop_forget(mo_loop *loop, mo_watch *s);

/* Makes room for one more timer, so that setting it never fails. */
bool mo_alarm_init(mo_loop *loop, mo_alarm *t, void (*fire)(mo_alarm *t));
void mo_alarm_release(mo_loop *loop, mo_alarm *t);
void mo_alarm_set(mo_loop *loop, mo_alarm *t, uint64_t due_ns); /* MO_NEVER: not at all */

/* --- tasks ---------------------------------------------------------------------- */

typedef struct mo_task {
    mo_loop *loop;
    mo_fiber *fiber;
    mo_alarm timer;
    void (*function)(struct mo_task *t);
    void (*done)(struct mo_task *t); /* in the loop, after function has returned */
    struct mo_task *next;            /* READY */
    mo_group *group;                 /* whose turn it is in; may be changed while it is IDLE */
    bool parked, woken;
} mo_task;

bool mo_task_init(mo_loop *loop, mo_task *t, size_t stack_bytes);
void mo_task_release(mo_task *t); /* IDLE */
/* Runs it until it waits or is done. */
void mo_task_start(mo_task *t, void (*function)(mo_task *t), void (*done)(mo_task *t));
/* In the task: parks until woken (true) or that time (false). */
bool mo_task_wait(mo_task *t, uint64_t due_ns);
/* In the loop; nothing where it does not wait. */
void mo_task_wake(mo_task *t);
/* Runs one that is READY for a slice, if there is one. */
void mo_task_run_ready(mo_loop *loop);

#endif
