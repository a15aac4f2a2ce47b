/* open.h - sets of pages, kept as few ranges that lie apart and ascend. */
#ifndef MO_INSTANCE_OPEN_H
#define MO_INSTANCE_OPEN_H

#include "base/base.h"

/* Pages [from, to) of a memory. */
typedef struct mo_page_range { uint32_t from, to; } mo_page_range;

#define MO_OPEN_RANGES 48 /* each splits a mapping: two more of vm.max_map_count */
typedef struct mo_open_set {
    uint32_t n, npages;
    mo_page_range ranges[MO_OPEN_RANGES];
} mo_open_set;

bool mo_open_has(const mo_open_set *set, uint32_t page);
/* Adds pages. A full set first closes its smallest gap: *retgap, pages that are open from
 * now on too, or none. */
void mo_open_add(mo_open_set *set, mo_page_range add, mo_page_range *retgap);

#endif
