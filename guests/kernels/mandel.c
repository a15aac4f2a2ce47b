/* mandel.c - the Mandelbrot set: double-precision loops whose length depends on the data.
 * n: 120 full, 9 quick */
#include "kernel.h"

enum { WIDTH = 160, HEIGHT = 120, MAX_STEPS = 400 };

static u32 steps_to_escape(double cx, double cy)
{
    double x = 0, y = 0;
    u32 step = 0;
    for (; step < MAX_STEPS; step++) {
        double xx = x * x, yy = y * y;
        if (xx + yy > 4.0)
            break;
        y = 2.0 * x * y + cy;
        x = xx - yy + cx;
    }
    return step;
}

i64 run(i32 n)
{
    take_back();
    u64 sum = 0;
    for (i32 unit = 0; unit < n; unit++) {
        double left = -2.0 + 0.001 * (unit % 64), step = 3.0 / (double)WIDTH;
        for (int row = 0; row < HEIGHT; row++)
            for (int column = 0; column < WIDTH; column++)
                sum = mix(sum, steps_to_escape(left + column * step, -1.125 + row * step * 0.75));
    }
    return (i64)sum;
}
