/* fft.c - the fast Fourier transform of 4096 complex doubles, forth and back:
 * strided double-precision loads and butterflies.
 * n: 11000 full, 810 quick */
#include "kernel.h"

enum { LOG_SIZE = 12, SIZE = 1 << LOG_SIZE };

typedef struct { double re, im; } complex;

/* Sine and cosine of a small angle by their series; the rest by doubling. */
static complex unit_at(double angle)
{
    double x = angle / 64, re = 1 - x * x / 2 + x * x * x * x / 24 - x * x * x * x * x * x / 720;
    double im = x - x * x * x / 6 + x * x * x * x * x / 120 - x * x * x * x * x * x * x / 5040;
    for (int i = 0; i < 6; i++) {
        double squared = re * re - im * im;
        im = 2 * re * im;
        re = squared;
    }
    return (complex){ re, im };
}

static void reverse_bits(complex *values)
{
    for (u32 i = 0, j = 0; i < SIZE; i++) {
        if (i < j) {
            complex swapped = values[i];
            values[i] = values[j];
            values[j] = swapped;
        }
        u32 bit = SIZE >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j |= bit;
    }
}

/* sign: -1.0 forth, 1.0 back (unscaled) */
static void transform(complex *values, const complex *roots, double sign)
{
    reverse_bits(values);
    for (u32 half = 1; half < SIZE; half *= 2) {
        u32 stride = SIZE / (2 * half);
        for (u32 start = 0; start < SIZE; start += 2 * half)
            for (u32 k = 0; k < half; k++) {
                complex root = roots[k * stride];
                complex *a = &values[start + k], *b = &values[start + k + half];
                double re = b->re * root.re - b->im * root.im * sign;
                double im = b->im * root.re + b->re * root.im * sign;
                b->re = a->re - re;
                b->im = a->im - im;
                a->re += re;
                a->im += im;
            }
    }
}

i64 run(i32 n)
{
    take_back();
    complex *values = take(SIZE * sizeof *values), *roots = take(SIZE / 2 * sizeof *roots);
    u64 random = 43, sum = 0;
    for (u32 i = 0; i < SIZE / 2; i++)
        roots[i] = unit_at(6.283185307179586 * i / (double)SIZE);
    for (u32 i = 0; i < SIZE; i++)
        values[i] = (complex){ (double)(next_random(&random) >> 16), 0 };
    for (i32 unit = 0; unit < n; unit++) {
        transform(values, roots, -1.0);
        sum = mix_f64(sum, values[(u32)unit % SIZE].re);
        transform(values, roots, 1.0);
        for (u32 i = 0; i < SIZE; i++) {
            values[i].re /= (double)SIZE;
            values[i].im /= (double)SIZE;
        }
    }
    for (u32 i = 0; i < SIZE; i++)
        sum = mix_f64(sum, values[i].re);
    return (i64)sum;
}
