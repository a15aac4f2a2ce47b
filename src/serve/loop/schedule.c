/* schedule.c - a queue of groups, each a queue of tasks. */
#include "serve/loop/schedule.h"

#include "serve/loop/loop.h"

static void put_group(mo_schedule *s, mo_group *group)
{
    group->next = NULL;
    if (s->last)
        s->last->next = group;
    else
        s->first = group;
    s->last = group;
}

void mo_schedule_put(mo_schedule *s, mo_group *group, mo_task *t)
{
    t->next = NULL;
    if (group->first) {
        group->last->next = t;
    } else {
        group->first = t;
        put_group(s, group);
    }
    group->last = t;
}

/* Its group goes behind the others. */
mo_task *mo_schedule_take(mo_schedule *s)
{
    mo_group *group = s->first;
    if (!group)
        return NULL;
    s->first = group->next;
    if (!s->first)
        s->last = NULL;
    mo_task *t = group->first;
    group->first = t->next;
    if (group->first)
        put_group(s, group);
    return t;
}
