/* recurse.c - Fibonacci, Ackermann and Takeuchi: calls, returns and little else.
 * n: 1100 full, 85 quick */
#include "kernel.h"

static u32 fib(u32 n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static u32 ackermann(u32 m, u32 n)
{
    if (m == 0)
        return n + 1;
    return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

static i32 tak(i32 x, i32 y, i32 z)
{
    return y >= x ? z : tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}

i64 run(i32 n)
{
    take_back();
    u64 sum = 0;
    for (i32 unit = 0; unit < n; unit++) {
        u32 odd = (u32)(sum & 1);
        sum = mix(sum, fib(25 + odd));
        sum = mix(sum, ackermann(2, 300 + odd) + ackermann(3, 6));
        sum = mix(sum, (u64)(i64)tak(18, 12, 6 - (i32)odd));
    }
    return (i64)sum;
}
