/* runtime.c - the arena and the sort that kernels share, and for Wasm the four
 * functions that clang may call by itself (a host's libc brings its own). */
#include "kernel.h"

enum { ARENA_BYTES = 64 << 20, SHORT_RUN = 16 };

static _Alignas(64) u8 arena[ARENA_BYTES];
static size_t taken;

void *take(size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    if (bytes > ARENA_BYTES - taken)
        __builtin_trap();
    void *ret = arena + taken;
    taken += bytes;
    return ret;
}

void take_back(void)
{
    taken = 0;
}

static void insertion_sort(u32 *values, size_t nvalues)
{
    for (size_t i = 1; i < nvalues; i++) {
        u32 value = values[i];
        size_t j = i;
        for (; j > 0 && values[j - 1] > value; j--)
            values[j] = values[j - 1];
        values[j] = value;
    }
}

/* Leaves the median of three at values[0] and returns it. */
static u32 choose_pivot(u32 *values, size_t nvalues)
{
    u32 a = values[0], b = values[nvalues / 2], c = values[nvalues - 1];
    size_t at = a < b ? (b < c ? nvalues / 2 : a < c ? nvalues - 1 : 0)
                      : (a < c ? 0 : b < c ? nvalues - 1 : nvalues / 2);
    u32 pivot = values[at];
    values[at] = values[0];
    values[0] = pivot;
    return pivot;
}

/* Quicksort: recursion on the smaller part bounds the depth. */
void sort_u32(u32 *values, size_t nvalues)
{
    while (nvalues > SHORT_RUN) {
        u32 pivot = choose_pivot(values, nvalues);
        size_t lo = (size_t)-1, hi = nvalues;
        for (;;) {
            do lo++; while (values[lo] < pivot);
            do hi--; while (values[hi] > pivot);
            if (lo >= hi) break;
            u32 swapped = values[lo];
            values[lo] = values[hi];
            values[hi] = swapped;
        }
        size_t nleft = hi + 1, nright = nvalues - nleft;
        if (nleft < nright) {
            sort_u32(values, nleft);
            values += nleft;
            nvalues = nright;
        } else {
            sort_u32(values + nleft, nright);
            nvalues = nleft;
        }
    }
    insertion_sort(values, nvalues);
}

#ifdef __wasm__

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        ((u8 *)to)[i] = ((const u8 *)from)[i];
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    if ((uintptr_t)to - (uintptr_t)from >= bytes)
        return memcpy(to, from, bytes);
    for (size_t i = bytes; i-- > 0; )
        ((u8 *)to)[i] = ((const u8 *)from)[i];
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        ((u8 *)to)[i] = (u8)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (((const u8 *)a)[i] != ((const u8 *)b)[i])
            return ((const u8 *)a)[i] - ((const u8 *)b)[i];
    return 0;
}

#endif
