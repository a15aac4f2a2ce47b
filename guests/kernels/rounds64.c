/* rounds64.c - the compression function of SHA-512 (with constants of our own):
 * 64-bit rotates, additions and logic with more live values than registers.
 * n: 2400 full, 190 quick */
#include "kernel.h"

enum { NROUNDS = 80, BLOCK_WORDS = 16, NBLOCKS = 1024 };

static u64 constants[NROUNDS];

static u64 rotate_right(u64 x, int by)
{
    return x >> by | x << (64 - by);
}

static void compress(u64 state[8], const u64 *block)
{
    u64 w[NROUNDS];
    for (int i = 0; i < BLOCK_WORDS; i++)
        w[i] = __builtin_bswap64(block[i]);
    for (int i = BLOCK_WORDS; i < NROUNDS; i++) {
        u64 s0 = rotate_right(w[i - 15], 1) ^ rotate_right(w[i - 15], 8) ^ w[i - 15] >> 7;
        u64 s1 = rotate_right(w[i - 2], 19) ^ rotate_right(w[i - 2], 61) ^ w[i - 2] >> 6;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    u64 a = state[0], b = state[1], c = state[2], d = state[3];
    u64 e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < NROUNDS; i++) {
        u64 s1 = rotate_right(e, 14) ^ rotate_right(e, 18) ^ rotate_right(e, 41);
        u64 t1 = h + s1 + ((e & f) ^ (~e & g)) + constants[i] + w[i];
        u64 s0 = rotate_right(a, 28) ^ rotate_right(a, 34) ^ rotate_right(a, 39);
        u64 t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g; g = f; f = e; e = d + t1;
        d = c; c = b; b = a; a = t1 + t2;
    }
    state[0] += a; state[1] += b; state[2] += c; state[3] += d;
    state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}

i64 run(i32 n)
{
    take_back();
    u64 *blocks = take(NBLOCKS * BLOCK_WORDS * sizeof *blocks), state[8];
    u64 random = 29;
    for (int i = 0; i < NROUNDS; i++)
        constants[i] = (u64)next_random(&random) << 32 | next_random(&random);
    for (int i = 0; i < 8; i++)
        state[i] = constants[i * 7];
    for (u32 i = 0; i < NBLOCKS * BLOCK_WORDS; i++)
        blocks[i] = (u64)next_random(&random) << 32 | next_random(&random);
    for (i32 unit = 0; unit < n; unit++)
        for (int i = 0; i < NBLOCKS; i++)
            compress(state, blocks + i * BLOCK_WORDS);
    u64 sum = 0;
    for (int i = 0; i < 8; i++)
        sum = mix(sum, state[i]);
    return (i64)sum;
}
