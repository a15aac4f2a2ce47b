/* alloc.c - all of mote's heap: malloc, counted, and able to fail on purpose. */
#include "base/base.h"

#include <stdatomic.h>
#include <stdlib.h>

static atomic_uint_fast64_t live;

/* Calls of this thread until one fails; the tests' own threads do not disturb
 * one another. */
static _Thread_local uint64_t fail_in = UINT64_MAX;

void mo_alloc_fail_at(uint64_t n)
{
    fail_in = n;
}

uint64_t mo_alloc_live(void)
{
    return atomic_load_explicit(&live, memory_order_relaxed);
}

static bool fails_on_purpose(void)
{
    if (mo_likely(fail_in == UINT64_MAX)) return false;
    return fail_in-- == 0; /* wraps to "never" once it has failed */
}

static void *counted(void *p)
{
    if (p) atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return p;
}

void *mo_alloc(size_t size)
{
    return fails_on_purpose() ? NULL : counted(malloc(size ? size : 1));
}

void *mo_calloc(size_t n, size_t size)
{
    return fails_on_purpose() ? NULL : counted(calloc(n ? n : 1, size ? size : 1));
}

void *mo_realloc(void *old, size_t size)
{
    if (!old) return mo_alloc(size);
    return fails_on_purpose() ? NULL : realloc(old, size ? size : 1);
}

void mo_free(void *p)
{
    if (!p) return;
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    free(p);
}

bool mo_grow(void *array, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap) return true;
    size_t want = *cap < 8 ? 8 : *cap + *cap / 2, bytes;
    if (want < need) want = need;
    if (__builtin_mul_overflow(want, size, &bytes)) return false;
    void *old;
    memcpy(&old, array, sizeof old);
    void *grown = mo_realloc(old, bytes);
    if (!grown) return false;
    memcpy(array, &grown, sizeof grown);
    *cap = want;
    return true;
}
