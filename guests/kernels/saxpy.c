/* saxpy.c - y = a*x + y, dot products of floats (eight sums) and of 16-bit
 * integers over arrays that fit the first-level cache: loops that vectorise.
 * n: 15000 full, 1100 quick */
#include "kernel.h"

enum { NFLOATS = 2048, NLANES = 8, REPEATS = 100 };

static void saxpy(float *restrict y, const float *restrict x, float a)
{
    for (int i = 0; i < NFLOATS; i++)
        y[i] = a * x[i] + y[i];
}

static float dot_f32(const float *x, const float *y)
{
    float sums[NLANES] = { 0 };
    for (int i = 0; i < NFLOATS; i += NLANES)
        for (int lane = 0; lane < NLANES; lane++)
            sums[lane] += x[i + lane] * y[i + lane];
    float sum = 0;
    for (int lane = 0; lane < NLANES; lane++)
        sum += sums[lane];
    return sum;
}

static i32 dot_i16(const int16_t *x, const int16_t *y)
{
    u32 sum = 0;
    for (int i = 0; i < NFLOATS; i++)
        sum += (u32)(x[i] * y[i]);
    return (i32)sum;
}

i64 run(i32 n)
{
    take_back();
    float *x = take(NFLOATS * sizeof *x), *y = take(NFLOATS * sizeof *y);
    int16_t *p = take(NFLOATS * sizeof *p), *q = take(NFLOATS * sizeof *q);
    u64 random = 3, sum = 0;
    for (int i = 0; i < NFLOATS; i++) {
        x[i] = (float)(next_random(&random) & 0xffff) / 65536.0f;
        y[i] = (float)(next_random(&random) & 0xffff) / 65536.0f;
        p[i] = (int16_t)next_random(&random);
        q[i] = (int16_t)next_random(&random);
    }
    for (i32 unit = 0; unit < n; unit++) {
        for (int repeat = 0; repeat < REPEATS; repeat++) {
            saxpy(y, x, repeat & 1 ? -0.5f : 0.5f);
            sum = mix_f64(sum, dot_f32(x, y));
            p[repeat] = (int16_t)(sum >> 7);
            sum = mix(sum, (u64)(i64)dot_i16(p, q));
        }
    }
    return (i64)sum;
}
