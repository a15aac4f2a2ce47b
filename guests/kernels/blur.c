/* blur.c - grey values of an image, a 3x3 blur and an edge filter with saturation on
 * bytes: integer loops that vectorise by widening and narrowing.
 * n: 5800 full, 400 quick */
#include "kernel.h"

enum { WIDTH = 320, HEIGHT = 200, NPIXELS = WIDTH * HEIGHT };

static void make_grey(u8 *restrict grey, const u8 *restrict rgb)
{
    for (int i = 0; i < NPIXELS; i++)
        grey[i] = (u8)((77 * rgb[3 * i] + 150 * rgb[3 * i + 1] + 29 * rgb[3 * i + 2]) >> 8);
}

static void blur(u8 *restrict to, const u8 *restrict from)
{
    for (int y = 1; y < HEIGHT - 1; y++) {
        const u8 *above = from + (y - 1) * WIDTH, *here = above + WIDTH, *below = here + WIDTH;
        for (int x = 1; x < WIDTH - 1; x++) {
            u32 sum = above[x - 1] + 2u * above[x] + above[x + 1]
                    + 2u * here[x - 1] + 4u * here[x] + 2u * here[x + 1]
                    + below[x - 1] + 2u * below[x] + below[x + 1];
            to[y * WIDTH + x] = (u8)((sum + 8) >> 4);
        }
    }
}

static void find_edges(u8 *restrict to, const u8 *restrict from)
{
    for (int i = WIDTH; i < NPIXELS - WIDTH; i++) {
        int across = from[i + 1] - from[i - 1], down = from[i + WIDTH] - from[i - WIDTH];
        int size = (across < 0 ? -across : across) + (down < 0 ? -down : down);
        to[i] = (u8)(size > 255 ? 255 : size);
    }
}

i64 run(i32 n)
{
    take_back();
    u8 *rgb = take(NPIXELS * 3), *grey = take(NPIXELS);
    u8 *blurred = take(NPIXELS), *edges = take(NPIXELS);
    u64 random = 53, sum = 0;
    for (int i = 0; i < NPIXELS * 3; i++)
        rgb[i] = (u8)next_random(&random);
    for (int i = 0; i < NPIXELS; i++)
        blurred[i] = edges[i] = 0;
    for (i32 unit = 0; unit < n; unit++) {
        make_grey(grey, rgb);
        blur(blurred, grey);
        find_edges(edges, blurred);
        for (int i = unit % 64; i < NPIXELS; i += 64)
            sum = sum * 31 + edges[i];
        rgb[sum % (NPIXELS * 3)] += 101;
    }
    return (i64)sum;
}
