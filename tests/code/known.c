/* A guest for known.py: libc's block functions against plain loops, at every small length,
 * alignment and distance, and at the memory's end. Built with this machine's wasi-libc. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PAGE 65536
#define EXPORT(name) __attribute__((export_name(#name)))

/* By pointers that the compiler cannot see through: it must not put code of its own. */
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;
static void *(*volatile move)(void *, const void *, size_t) = memmove;
static void *(*volatile set)(void *, int, size_t) = memset;
static int (*volatile compare)(const void *, const void *, size_t) = memcmp;

static volatile uint8_t have[1024], want[1024];

static void scramble(void)
{
    static uint32_t x = 1;
    for (size_t i = 0; i < sizeof have; i++) {
        x = x * 1664525 + 1013904223;
        have[i] = want[i] = (uint8_t)(x >> 24);
    }
}

static int differs(void)
{
    for (size_t i = 0; i < sizeof have; i++)
        if (have[i] != want[i])
            return 1;
    return 0;
}

EXPORT(copies) int32_t copies(void)
{
    int32_t wrong = 0;
    for (size_t n = 0; n < 140; n++)
        for (size_t from = 0; from < 9; from++)
            for (size_t to = 500; to < 509; to++) {
                scramble();
                for (size_t i = 0; i < n; i++)
                    want[to + i] = want[from + i];
                void *result = copy((void *)(have + to), (void *)(have + from), n);
                wrong += differs() || result != have + to;
            }
    return wrong;
}

EXPORT(moves) int32_t moves(void)
{
    int32_t wrong = 0;
    for (size_t n = 0; n < 140; n++)
        for (size_t to = 300; to < 470; to += n < 40 ? 1 : 7) {
            uint8_t kept[140];
            scramble();
            for (size_t i = 0; i < n; i++)
                kept[i] = want[400 + i];
            for (size_t i = 0; i < n; i++)
                want[to + i] = kept[i];
            void *result = move((void *)(have + to), (void *)(have + 400), n);
            wrong += differs() || result != have + to;
        }
    return wrong;
}

EXPORT(sets) int32_t sets(void)
{
    int32_t wrong = 0;
    for (size_t n = 0; n < 300; n++)
        for (size_t to = 100; to < 109; to++) {
            scramble();
            for (size_t i = 0; i < n; i++)
                want[to + i] = (uint8_t)(n + 77);
            wrong += set((void *)(have + to), (int)n + 77, n) != have + to || differs();
        }
    return wrong;
}

EXPORT(compares) int32_t compares(void)
{
    int32_t wrong = 0;
    for (size_t n = 0; n < 70; n++)
        for (size_t from = 0; from < 5; from++)
            for (size_t at = 0; at <= n; at++) { /* differing there; at n: not at all */
                scramble();
                for (size_t i = 0; i < n; i++)
                    have[500 + i] = have[from + i];
                have[500 + at] ^= 0x80;
                int wanted = at == n ? 0 : have[from + at] - have[500 + at];
                wrong += compare((void *)(have + from), (void *)(have + 500), n) != wanted;
            }
    return wrong;
}

/* What memcpy does with operands that overlap is the loop's business, but it must be what
 * it does without the short cut; a digest says what that was. */
EXPORT(overlaps) int64_t overlaps(void)
{
    uint64_t digest = 0;
    for (size_t n = 1; n < 100; n++)
        for (size_t to = 330; to < 470; to++) {
            scramble();
            copy((void *)(have + to), (void *)(have + 400), n);
            for (size_t i = 300; i < 600; i++)
                digest = digest * 31 + have[i];
        }
    return (int64_t)digest;
}

static uint8_t *end(void) { return (uint8_t *)((uintptr_t)__builtin_wasm_memory_size(0) * PAGE); }

/* Up to the last byte: right. One byte more: out of bounds. */
EXPORT(reach_end) int32_t reach_end(int32_t which, int32_t more)
{
    size_t n = 100 + (size_t)more;
    switch (which) {
    case 0: copy(end() - 100, (void *)have, n); return end()[-1] == have[99];
    case 1: copy((void *)have, end() - 100, n); return have[99] == end()[-1];
    case 2: move(end() - 100, (void *)have, n); return end()[-1] == have[99];
    case 3: set(end() - 100, 7, n); return end()[-1] == 7;
    default:
        copy(end() - 100, (void *)have, 100); /* equal, so that all of it is read */
        return compare(end() - 100, (void *)have, n) == 0;
    }
}
