/* bigint.c - products and remainders of long numbers in 32-bit limbs: 64-bit
 * multiplication with carries that hand over from step to step.
 * n: 3600 full, 270 quick */
#include "kernel.h"

enum { NLIMBS = 128, REPEATS = 20 };

/* product has 2 * NLIMBS limbs. */
static void multiply(u32 *restrict product, const u32 *a, const u32 *b)
{
    for (int i = 0; i < 2 * NLIMBS; i++)
        product[i] = 0;
    for (int i = 0; i < NLIMBS; i++) {
        u64 carry = 0;
        for (int j = 0; j < NLIMBS; j++) {
            carry += (u64)a[i] * b[j] + product[i + j];
            product[i + j] = (u32)carry;
            carry >>= 32;
        }
        product[i + NLIMBS] = (u32)carry;
    }
}

/* Divides in place by one limb; returns the remainder. */
static u32 divide_small(u32 *number, int nlimbs, u32 divisor)
{
    u64 remainder = 0;
    for (int i = nlimbs; i-- > 0; ) {
        remainder = remainder << 32 | number[i];
        number[i] = (u32)(remainder / divisor);
        remainder %= divisor;
    }
    return (u32)remainder;
}

static u32 add(u32 *to, const u32 *from, int nlimbs)
{
    u64 carry = 0;
    for (int i = 0; i < nlimbs; i++) {
        carry += (u64)to[i] + from[i];
        to[i] = (u32)carry;
        carry >>= 32;
    }
    return (u32)carry;
}

i64 run(i32 n)
{
    take_back();
    u32 *a = take(NLIMBS * sizeof *a), *b = take(NLIMBS * sizeof *b);
    u32 *product = take(2 * NLIMBS * sizeof *product);
    u64 random = 67, sum = 0;
    for (int i = 0; i < NLIMBS; i++) {
        a[i] = next_random(&random);
        b[i] = next_random(&random);
    }
    for (i32 unit = 0; unit < n; unit++) {
        for (int repeat = 0; repeat < REPEATS; repeat++) {
            multiply(product, a, b);
            sum += add(a, product + NLIMBS, NLIMBS);
            sum += add(b, product, NLIMBS);
        }
        sum = mix(sum, divide_small(product, 2 * NLIMBS, 1000000007));
    }
    for (int i = 0; i < NLIMBS; i++)
        sum = mix(sum, a[i]);
    return (i64)sum;
}
