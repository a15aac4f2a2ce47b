/* sieve.c - the sieve of Eratosthenes over bytes, then over bits: strided stores.
 * n: 440 full, 33 quick */
#include "kernel.h"

enum { LIMIT = 1 << 19, NWORDS = LIMIT / 64 };

static u32 sieve_bytes(u8 *composite, u32 limit)
{
    u32 nprimes = 0;
    for (u32 i = 0; i < limit; i++)
        composite[i] = 0;
    for (u32 i = 2; i < limit; i++) {
        if (composite[i])
            continue;
        nprimes++;
        for (u64 j = (u64)i * i; j < limit; j += i)
            composite[j] = 1;
    }
    return nprimes;
}

/* Bit i stands for the number 2i + 1. */
static u32 sieve_bits(u64 *composite, u32 limit)
{
    u32 nprimes = 1, nbits = limit / 2;
    for (u32 i = 0; i < NWORDS / 2; i++)
        composite[i] = 0;
    for (u32 i = 1; i < nbits; i++) {
        if (composite[i / 64] >> (i % 64) & 1)
            continue;
        nprimes++;
        u32 prime = 2 * i + 1;
        if (prime < 725)
            for (u32 j = prime * prime / 2; j < nbits; j += prime)
                composite[j / 64] |= (u64)1 << (j % 64);
    }
    return nprimes;
}

i64 run(i32 n)
{
    take_back();
    u8 *bytes = take(LIMIT);
    u64 *bits = take(NWORDS * sizeof *bits);
    u64 sum = 0;
    for (i32 unit = 0; unit < n; unit++) {
        u32 limit = LIMIT - (u32)(unit & 255);
        sum = mix(sum, sieve_bytes(bytes, limit));
        sum = mix(sum, sieve_bits(bits, limit));
    }
    return (i64)sum;
}
