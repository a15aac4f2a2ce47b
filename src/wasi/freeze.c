/* freeze.c - a guest whose state is kept for ever gets nothing that should be different at
 * each run: clocks and random bytes are refused, or the same each time. */
#include "wasi/wasi.h"

void mote_wasi_freeze(mote_wasi *wasi, unsigned fixed)
{
    wasi->frozen = true;
    wasi->fixed = fixed & (MOTE_WASI_CLOCKS | MOTE_WASI_RANDOM);
}

unsigned mote_wasi_asked(const mote_wasi *wasi) { return wasi->asked; }

size_t mote_wasi_opened(const mote_wasi *wasi, uint32_t *retfd)
{
    size_t n = 0;
    for (size_t fd = wasi->ndescs; fd-- > 0;)
        if (wasi->descs[fd].kind != MO_DESC_FREE && !wasi->descs[fd].granted) {
            *retfd = (uint32_t)fd;
            n++;
        }
    return n;
}

mo_errno mo_freeze_allows(mo_wasi_call *c, uint8_t what)
{
    c->wasi->asked |= what;
    if (c->wasi->fixed & what)
        return MO_E_SUCCESS;
    c->leave = mote_caller_trap(c->caller, MOTE_TRAP_HOST, "wasi: the guest asks for %s, which its snapshot would keep for ever",
                                what == MOTE_WASI_CLOCKS ? "the time" : "random numbers");
    return MO_E_NOTSUP;
}

uint64_t mo_freeze_clock(mote_wasi *wasi)
{
    enum { STEP_NS = 1000 };
    return wasi->nfixed++ * STEP_NS;
}

/* splitmix64: no two of the first 2^64 words are the same. */
static uint64_t scramble(uint64_t n)
{
    uint64_t z = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void mo_freeze_random(mote_wasi *wasi, uint8_t *to, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = scramble(wasi->nfixed++);
        memcpy(to + i, &word, len - i < 8 ? len - i : 8);
    }
}
