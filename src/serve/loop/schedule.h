/* schedule.h - tasks that have had their slice, and whose turn it is.
 * Groups take turns, and within a group its tasks do: a tenant with a hundred requests that
 * compute gets no more than one with one. Taking and putting are a few stores. */
#ifndef MO_SERVE_SCHEDULE_H
#define MO_SERVE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

struct mo_task;

/* A tenant's tasks, first in, first out; zeroed at first. Its owner embeds it, and keeps it
 * while a task is in it. */
typedef struct mo_group {
    struct mo_group *next; /* in the schedule */
    struct mo_task *first, *last;
} mo_group;

typedef struct mo_schedule {
    mo_group *first, *last; /* those with tasks */
} mo_schedule;

void mo_schedule_put(mo_schedule *s, mo_group *group, struct mo_task *t);
/* NULL: there is none. */
struct mo_task *mo_schedule_take(mo_schedule *s);
static inline bool mo_schedule_has_any(const mo_schedule *s) { return s->first != NULL; }

#endif
