/* task.c - functions that wait in the middle, on fibers. */
#include "serve/loop/loop.h"

#include <stddef.h>

static mo_task *task_of(mo_alarm *timer) { return (mo_task *)(void *)((char *)timer - offsetof(mo_task, timer)); }

static void call_function(void *data)
{
    mo_task *t = data;
    t->function(t);
}

static void go_on(mo_task *t)
{
    t->parked = false;
    if (mo_fiber_run(t->fiber, call_function, t))
        t->done(t);
    else if (mo_fiber_is_preempted(t->fiber))
        mo_schedule_put(&t->loop->ready, t->group, t);
}

static void time_is_up(mo_alarm *timer)
{
    mo_task *t = task_of(timer);
    t->woken = false;
    go_on(t);
}

bool mo_task_init(mo_loop *loop, mo_task *t, size_t stack_bytes)
{
    *t = (mo_task){.loop = loop, .group = &loop->group, .fiber = mo_fiber_new(stack_bytes)};
    if (!t->fiber)
        return false;
    mo_fiber_set_slice(t->fiber, loop->slice_ticks);
    if (mo_alarm_init(loop, &t->timer, time_is_up))
        return true;
    mo_fiber_free(t->fiber);
    return false;
}

void mo_task_release(mo_task *t)
{
    mo_alarm_release(t->loop, &t->timer);
    mo_fiber_free(t->fiber);
}

void mo_task_start(mo_task *t, void (*function)(mo_task *t), void (*done)(mo_task *t))
{
    t->function = function;
    t->done = done;
    go_on(t);
}

bool mo_task_wait(mo_task *t, uint64_t due_ns)
{
    t->parked = true;
    t->woken = false;
    mo_alarm_set(t->loop, &t->timer, due_ns);
    mo_fiber_park(t->fiber);
    mo_alarm_set(t->loop, &t->timer, MO_NEVER);
    return t->woken;
}

void mo_task_run_ready(mo_loop *loop)
{
    mo_task *t = mo_schedule_take(&loop->ready);
    if (t)
        go_on(t);
}

void mo_task_wake(mo_task *t)
{
    if (!t->parked)
        return;
    t->woken = true;
    go_on(t);
}
