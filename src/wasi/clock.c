/* clock.c - what time it is: the system's clocks, or the embedder's. */
#include "wasi/guest.h"

#include <errno.h>
#include <time.h>

static const clockid_t clocks[] = {
    [MO_CLOCK_REALTIME] = CLOCK_REALTIME,
    [MO_CLOCK_MONOTONIC] = CLOCK_MONOTONIC,
    [MO_CLOCK_PROCESS] = CLOCK_PROCESS_CPUTIME_ID,
    [MO_CLOCK_THREAD] = CLOCK_THREAD_CPUTIME_ID,
};

static uint64_t ns_of(const struct timespec *t) { return (uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_nsec; }

mo_errno mo_clock_now(mo_wasi_call *c, uint32_t clock, uint64_t *ret)
{
    struct timespec now;
    if (clock >= MO_COUNT(clocks))
        return MO_E_INVAL;
    if (mo_unlikely(c->wasi->frozen)) {
        *ret = mo_freeze_clock(c->wasi);
        return mo_freeze_allows(c, MOTE_WASI_CLOCKS);
    }
    if (c->wasi->clock) {
        *ret = c->wasi->clock(c->wasi->clock_data, clock);
        return MO_E_SUCCESS;
    }
    if (clock_gettime(clocks[clock], &now) != 0)
        return mo_wasi_errno(errno);
    *ret = ns_of(&now);
    return MO_E_SUCCESS;
}

mo_errno mo_wasi_clock_time_get(mo_wasi_call *c, const mote_raw *args)
{
    uint64_t now = 0;
    mo_errno e = mo_clock_now(c, args[0].u32, &now);
    if (e)
        return e;
    return mo_guest_put64(c, args[2].u32, now) ? MO_E_SUCCESS : MO_E_FAULT;
}

/* The embedder's clocks have whatever resolution they like: the finest is said. */
mo_errno mo_wasi_clock_res_get(mo_wasi_call *c, const mote_raw *args)
{
    struct timespec res = {.tv_nsec = 1};
    if (args[0].u32 >= MO_COUNT(clocks))
        return MO_E_INVAL;
    if (!c->wasi->clock && !c->wasi->frozen && clock_getres(clocks[args[0].u32], &res) != 0)
        return mo_wasi_errno(errno);
    return mo_guest_put64(c, args[1].u32, ns_of(&res)) ? MO_E_SUCCESS : MO_E_FAULT;
}
