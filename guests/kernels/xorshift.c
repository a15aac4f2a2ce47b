/* xorshift.c - 64-bit generators, bit counts, multiplication, division and greatest
 * common divisors: 64-bit integer arithmetic without memory.
 * n: 10000 full, 750 quick */
#include "kernel.h"

enum { STEPS = 20000 };

static u64 rotate_left(u64 x, int by)
{
    return x << by | x >> (64 - by);
}

static u64 binary_gcd(u64 a, u64 b)
{
    if (a == 0 || b == 0)
        return a | b;
    int shift = __builtin_ctzll(a | b);
    a >>= __builtin_ctzll(a);
    do {
        b >>= __builtin_ctzll(b);
        if (a > b) {
            u64 larger = a;
            a = b;
            b = larger;
        }
        b -= a;
    } while (b != 0);
    return a << shift;
}

i64 run(i32 n)
{
    take_back();
    u64 s0 = 0x123456789abcdef1u, s1 = 0xfedcba9876543210u, sum = 0;
    for (i32 unit = 0; unit < n; unit++) {
        for (int step = 0; step < STEPS; step++) {
            u64 result = rotate_left(s0 + s1, 17) + s0;
            s1 ^= s0;
            s0 = rotate_left(s0, 49) ^ s1 ^ s1 << 21;
            s1 = rotate_left(s1, 28);
            sum += result * 0xd1342543de82ef95u;
            sum ^= (u64)__builtin_popcountll(result) << __builtin_clzll(result | 1);
            sum += result % ((s0 >> 40) | 1);
        }
        for (int step = 0; step < STEPS / 100; step++) {
            s0 += 0x9e3779b97f4a7c15u;
            sum += binary_gcd(s0 >> 4, s1 >> 8);
            s1 = rotate_left(s1 + sum, 13);
        }
    }
    return (i64)sum;
}
