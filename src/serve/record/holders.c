/* holders.c - numbers of generations, given back when their processes are gone. */
#include "serve/record/holders.h"

#include <errno.h>
#include <signal.h>

static void drop(mo_holders *h, uint32_t holder)
{
    mo_counts_drop(h->counts, holder);
    h->all[holder] = (mo_holder){.taken = false};
}

uint32_t mo_holders_take(mo_holders *h)
{
    uint32_t free = MO_SHARED_HOLDERS, stray = 0;
    mo_holders_sweep(h);
    for (uint32_t i = MO_SHARED_HOLDERS; i-- > 0;) {
        if (!h->all[i].taken)
            free = i;
        else if (h->all[i].reaped)
            stray = i;
    }
    if (free == MO_SHARED_HOLDERS)
        drop(h, free = stray);
    h->all[free] = (mo_holder){.taken = true};
    return free;
}

void mo_holders_set(mo_holders *h, uint32_t holder, pid_t group) { h->all[holder].group = group; }

void mo_holders_reaped(mo_holders *h, uint32_t holder)
{
    h->all[holder].reaped = true;
    mo_holders_sweep(h);
}

void mo_holders_sweep(mo_holders *h)
{
    for (uint32_t i = 0; i < MO_SHARED_HOLDERS; i++) {
        const mo_holder *one = &h->all[i];
        if (one->taken && one->reaped && (!one->group || (kill(-one->group, 0) < 0 && errno == ESRCH)))
            drop(h, i);
    }
}
