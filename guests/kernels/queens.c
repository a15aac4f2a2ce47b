/* queens.c - counts the ways to place ten queens with three bit masks, and walks
 * knight moves on a 64-bit board: bit tricks and recursion.
 * n: 2400 full, 180 quick */
#include "kernel.h"

enum { SIZE = 10 };

static u32 place(u32 columns, u32 left, u32 right)
{
    enum { ALL = (1 << SIZE) - 1 };
    if (columns == ALL)
        return 1;
    u32 nways = 0;
    for (u32 open = ALL & ~(columns | left | right); open != 0; open &= open - 1) {
        u32 bit = open & -open;
        nways += place(columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return nways;
}

static u64 knight_moves(u64 from)
{
    u64 not_a = 0xfefefefefefefefeu, not_ab = 0xfcfcfcfcfcfcfcfcu;
    u64 not_h = 0x7f7f7f7f7f7f7f7fu, not_gh = 0x3f3f3f3f3f3f3f3fu;
    return (from << 17 & not_a) | (from << 15 & not_h) | (from << 10 & not_ab)
         | (from << 6 & not_gh) | (from >> 17 & not_h) | (from >> 15 & not_a)
         | (from >> 10 & not_gh) | (from >> 6 & not_ab);
}

/* Paths of `moves` knight moves that never return to a visited square. */
static u32 walk(u64 visited, u64 at, int moves)
{
    if (moves == 0)
        return 1;
    u32 npaths = 0;
    for (u64 open = knight_moves(at) & ~visited; open != 0; open &= open - 1) {
        u64 next = open & -open;
        npaths += walk(visited | next, next, moves - 1);
    }
    return npaths;
}

i64 run(i32 n)
{
    take_back();
    u64 sum = 0;
    for (i32 unit = 0; unit < n; unit++) {
        u64 start = (u64)1 << (unit & 63);
        sum = mix(sum, place((u32)(sum & 1), 0, 0));
        sum = mix(sum, walk(start, start, 7));
    }
    return (i64)sum;
}
