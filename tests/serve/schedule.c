/* The schedule: groups take turns, and within a group its tasks do. */
#include "base/test.h"

#include "serve/loop/loop.h"

/* Takes n tasks, puts each back, and says which they were: "a0 b0 a1". */
static void turns(mo_schedule *s, const mo_task *a, mo_group *groups, int n, char *ret)
{
    *ret = 0;
    for (int i = 0; i < n; i++) {
        mo_task *t = mo_schedule_take(s);
        if (!t) {
            strcat(ret, "- ");
            continue;
        }
        sprintf(ret + strlen(ret), "%c%d ", (int)('a' + (t->group - groups)), (int)(t - a) % 10);
        mo_schedule_put(s, t->group, t);
    }
}

TEST(groups_take_turns_and_so_do_the_tasks_of_each)
{
    mo_schedule s = {.first = NULL};
    mo_group groups[3] = {{.next = NULL}};
    mo_task tasks[30] = {{.loop = NULL}};
    char text[200];
    turns(&s, tasks, groups, 1, text);
    expect_text(text, "- ");
    expect(!mo_schedule_has_any(&s));
    static const int order[] = {0, 1, 2, 10, 20, 21};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        tasks[order[i]].group = &groups[order[i] / 10];
        mo_schedule_put(&s, tasks[order[i]].group, &tasks[order[i]]);
    }
    expect(mo_schedule_has_any(&s));
    turns(&s, tasks, groups, 12, text);
    expect_text(text, "a0 b0 c0 a1 b0 c1 a2 b0 c0 a0 b0 c1 ");
    expect(mo_schedule_take(&s) == &tasks[1]);
    turns(&s, tasks, groups, 6, text);
    expect_text(text, "b0 c0 a2 b0 c1 a0 ");
}

TEST(what_was_taken_and_not_put_back_is_gone)
{
    mo_schedule s = {.first = NULL};
    mo_group groups[2] = {{.next = NULL}};
    mo_task tasks[4] = {{.loop = NULL}};
    for (int i = 0; i < 4; i++) {
        tasks[i].group = &groups[i / 2];
        mo_schedule_put(&s, tasks[i].group, &tasks[i]);
    }
    static const int order[] = {0, 2, 1, 3};
    for (int i = 0; i < 4; i++) expect(mo_schedule_take(&s) == &tasks[order[i]]);
    expect(!mo_schedule_take(&s) && !mo_schedule_has_any(&s));
    mo_schedule_put(&s, &groups[0], &tasks[3]);
    expect(mo_schedule_take(&s) == &tasks[3] && !mo_schedule_take(&s));
}
