/* open.c - sets of pages as few ranges. */
#include "instance/open.h"

/* Where a range that starts at page would stand. */
static uint32_t find_place(const mo_open_set *set, uint32_t page)
{
    uint32_t low = 0, high = set->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (set->ranges[middle].from <= page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool mo_open_has(const mo_open_set *set, uint32_t page)
{
    uint32_t i = find_place(set, page);
    return i > 0 && page < set->ranges[i - 1].to;
}

static void remove_range(mo_open_set *set, uint32_t i)
{
    memmove(&set->ranges[i], &set->ranges[i + 1], (set->n - i - 1) * sizeof *set->ranges);
    set->n--;
}

/* Joins range i with the next one, gap included. */
static void join_next(mo_open_set *set, uint32_t i)
{
    mo_page_range *a = &set->ranges[i], *b = &set->ranges[i + 1];
    set->npages += b->from > a->to ? b->from - a->to : 0;
    set->npages -= b->from < a->to ? (a->to < b->to ? a->to : b->to) - b->from : 0;
    if (b->to > a->to)
        a->to = b->to;
    remove_range(set, i + 1);
}

static uint32_t smallest_gap(const mo_open_set *set)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i + 1 < set->n; i++)
        if (set->ranges[i + 1].from - set->ranges[i].to < set->ranges[best + 1].from - set->ranges[best].to)
            best = i;
    return best;
}

void mo_open_add(mo_open_set *set, mo_page_range add, mo_page_range *retgap)
{
    *retgap = (mo_page_range){0, 0};
    if (set->n == MO_OPEN_RANGES) {
        uint32_t i = smallest_gap(set);
        *retgap = (mo_page_range){set->ranges[i].to, set->ranges[i + 1].from};
        join_next(set, i);
    }
    uint32_t i = find_place(set, add.from);
    memmove(&set->ranges[i + 1], &set->ranges[i], (set->n - i) * sizeof *set->ranges);
    set->ranges[i] = add;
    set->n++;
    set->npages += add.to - add.from;
    if (i > 0 && set->ranges[i - 1].to >= set->ranges[i].from)
        join_next(set, --i);
    while (i + 1 < set->n && set->ranges[i + 1].from <= set->ranges[i].to)
        join_next(set, i);
}
