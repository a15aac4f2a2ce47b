/* matmul.c - C += A*B on 192x192 doubles in blocks, then on 32-bit integers:
 * three nested loops, the innermost vectorises, the operands leave the first-level cache.
 * n: 110 full, 9 quick */
#include "kernel.h"

enum { SIZE = 192, BLOCK = 48 };

#define DEFINE_MULTIPLY(name, type)                                                     \
static void name(type *restrict c, const type *restrict a, const type *restrict b)      \
{                                                                                       \
    for (int i0 = 0; i0 < SIZE; i0 += BLOCK)                                            \
        for (int k0 = 0; k0 < SIZE; k0 += BLOCK)                                        \
            for (int i = i0; i < i0 + BLOCK; i++)                                       \
                for (int k = k0; k < k0 + BLOCK; k++) {                                 \
                    type factor = a[i * SIZE + k];                                      \
                    for (int j = 0; j < SIZE; j++)                                      \
                        c[i * SIZE + j] += factor * b[k * SIZE + j];                    \
                }                                                                       \
}

DEFINE_MULTIPLY(multiply_f64, double)
DEFINE_MULTIPLY(multiply_u32, u32)

/* The schoolbook order: column-wise loads that do not vectorise. */
static void multiply_transposed(double *restrict c, const double *a, const double *b)
{
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            double sum = 0;
            for (int k = 0; k < SIZE; k++)
                sum += a[i * SIZE + k] * b[k * SIZE + j];
            c[i * SIZE + j] = sum;
        }
}

i64 run(i32 n)
{
    take_back();
    enum { NCELLS = SIZE * SIZE };
    double *a = take(NCELLS * sizeof *a), *b = take(NCELLS * sizeof *b);
    double *c = take(NCELLS * sizeof *c);
    u32 *p = take(NCELLS * sizeof *p), *q = take(NCELLS * sizeof *q), *r = take(NCELLS * sizeof *r);
    u64 random = 11, sum = 0;
    for (int i = 0; i < NCELLS; i++) {
        a[i] = (double)(next_random(&random) >> 12) / 1048576.0;
        b[i] = (double)(next_random(&random) >> 12) / 1048576.0;
        c[i] = 0;
        p[i] = next_random(&random);
        q[i] = next_random(&random);
        r[i] = 0;
    }
    for (i32 unit = 0; unit < n; unit++) {
        multiply_f64(c, a, b);
        multiply_u32(r, p, q);
        sum = mix_f64(sum, c[unit % NCELLS]);
        sum = mix(sum, r[unit % NCELLS]);
        multiply_transposed(c, a, b);
        a[unit % NCELLS] += 1.0;
        p[unit % NCELLS] += 1;
    }
    for (int i = 0; i < NCELLS; i++)
        sum = mix_f64(mix(sum, r[i]), c[i]);
    return (i64)sum;
}
