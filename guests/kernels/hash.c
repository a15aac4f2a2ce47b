/* hash.c - 32-bit multiply, rotate and exclusive-or over words, then an
 * open-addressing table: integer arithmetic with loads that hit the second-level cache.
 * n: 310 full, 23 quick */
#include "kernel.h"

enum { TABLE_BITS = 16, NSLOTS = 1 << TABLE_BITS, NKEYS = 40000, NWORDS = 1 << 16 };

static u32 rotate_left(u32 x, int by)
{
    return x << by | x >> (32 - by);
}

static u32 scramble(u32 h)
{
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return h ^ h >> 16;
}

static u32 hash_words(const u32 *words, size_t nwords, u32 seed)
{
    u32 h = seed;
    for (size_t i = 0; i < nwords; i++) {
        u32 k = rotate_left(words[i] * 0xcc9e2d51u, 15) * 0x1b873593u;
        h = rotate_left(h ^ k, 13) * 5 + 0xe6546b64u;
    }
    return scramble(h ^ (u32)nwords);
}

/* A key of 0 marks a free slot. Returns the key's slot, taking one if it is new. */
static u32 find_slot(u32 *keys, u32 key)
{
    u32 at = scramble(key) & (NSLOTS - 1);
    while (keys[at] != 0 && keys[at] != key)
        at = (at + 1) & (NSLOTS - 1);
    keys[at] = key;
    return at;
}

i64 run(i32 n)
{
    take_back();
    u32 *words = take(NWORDS * sizeof *words);
    u32 *keys = take(NSLOTS * sizeof *keys), *counts = take(NSLOTS * sizeof *counts);
    u64 random = 1, sum = 0;
    for (u32 i = 0; i < NWORDS; i++)
        words[i] = next_random(&random);

    for (i32 round = 0; round < n; round++) {
        for (u32 pass = 0; pass < 8; pass++)
            sum = mix(sum, hash_words(words, NWORDS, (u32)round * 8 + pass));
        for (u32 i = 0; i < NSLOTS; i++)
            keys[i] = counts[i] = 0;
        for (u32 i = 0; i < NKEYS * 4; i++)
            counts[find_slot(keys, scramble(i + (u32)round) % NKEYS + 1)] += i;
        for (u32 i = 0; i < NSLOTS; i++)
            sum += keys[i] ^ counts[i];
    }
    return (i64)sum;
}
