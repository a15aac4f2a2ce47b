/* sets.c - sets of values that a word may be, each kept once: equal sets have equal
 * numbers, so values that are sets can be compared as words. */
#include "check/value.h"

#include <stdlib.h>

static int by_bytes(const void *a, const void *b) { return memcmp(a, b, sizeof(mo_value)); }

static bool same_set(const mo_value_set *a, const mo_value_set *b)
{
    return a->n == b->n && memcmp(a->values, b->values, a->n * sizeof *a->values) == 0;
}

static uint32_t *find_set(const mo_values *all, const mo_value_set *set)
{
    uint64_t at = mo_hash64(set->values, set->n * sizeof *set->values, 0);
    for (;; at++) {
        uint32_t *place = &all->table[at & (all->ntable - 1)];
        if (!*place || same_set(&all->sets[*place - 1], set))
            return place;
    }
}

static bool grow_table(mo_values *all)
{
    if (all->nsets * 2 < all->ntable)
        return true;
    size_t n = all->ntable ? all->ntable * 2 : 64;
    uint32_t *table = mo_calloc(n, sizeof *table);
    if (!table)
        return false;
    mo_free(all->table);
    all->table = table;
    all->ntable = n;
    for (size_t i = 0; i < all->nsets; i++)
        *find_set(all, &all->sets[i]) = (uint32_t)i + 1;
    return true;
}

/* 1 + the set's number, or 0 if memory is out. */
uint32_t mo_set_number(mo_values *all, mo_value_set *set)
{
    qsort(set->values, set->n, sizeof *set->values, by_bytes);
    if (!grow_table(all))
        return 0;
    uint32_t *place = find_set(all, set);
    if (!*place) {
        if (!mo_grow(&all->sets, &all->cap, all->nsets + 1, sizeof *all->sets))
            return 0;
        all->sets[all->nsets++] = *set;
        *place = (uint32_t)all->nsets;
    }
    return *place;
}

/* Where memory is out, data: it permits less, which is never wrong. */
mo_value mo_set_value(mo_values *all, mo_value_set *set)
{
    if (set->n == 1)
        return set->values[0];
    uint32_t number = mo_set_number(all, set);
    return number ? mo_value_of(MO_V_EITHER, number - 1, 0) : mo_unknown();
}

bool mo_set_put(mo_value_set *set, mo_value v)
{
    v.entry = 0;
    for (uint32_t i = 0; i < set->n; i++)
        if (mo_value_same(set->values[i], v))
            return true;
    if (set->n == MO_SET_VALUES)
        return false;
    set->values[set->n++] = v;
    return true;
}

void mo_values_free(mo_values *all)
{
    mo_free(all->sets);
    mo_free(all->table);
    *all = (mo_values){0};
}
