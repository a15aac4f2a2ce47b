/* utf8.c - encodes random code points, then validates and decodes them byte by byte:
 * short data-dependent branches on bytes.
 * n: 2400 full, 170 quick */
#include "kernel.h"

enum { NPOINTS = 40000 };

static u32 choose_point(u64 *random)
{
    u32 bits = next_random(random), kind = bits & 15;
    if (kind < 10) return bits >> 4 & 0x7f;
    if (kind < 13) return 0x80 + (bits >> 4) % 0x780;
    if (kind < 15) return 0x800 + (bits >> 4) % 0xd000;
    return 0x10000 + (bits >> 4) % 0x100000;
}

static u8 *encode(u8 *to, u32 point)
{
    if (point < 0x80) {
        *to++ = (u8)point;
    } else if (point < 0x800) {
        *to++ = (u8)(0xc0 | point >> 6);
        *to++ = (u8)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        *to++ = (u8)(0xe0 | point >> 12);
        *to++ = (u8)(0x80 | (point >> 6 & 0x3f));
        *to++ = (u8)(0x80 | (point & 0x3f));
    } else {
        *to++ = (u8)(0xf0 | point >> 18);
        *to++ = (u8)(0x80 | (point >> 12 & 0x3f));
        *to++ = (u8)(0x80 | (point >> 6 & 0x3f));
        *to++ = (u8)(0x80 | (point & 0x3f));
    }
    return to;
}

/* Reads one code point; on a bad sequence takes one byte and returns U+FFFD. */
static const u8 *decode(const u8 *at, const u8 *end, u32 *ret)
{
    static const u32 least[4] = { 0, 0x80, 0x800, 0x10000 };
    u32 first = *at++;
    *ret = first;
    if (first < 0x80)
        return at;
    int nmore = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0;
    *ret = 0xfffd;
    if (nmore == 0 || first > 0xf4 || end - at < nmore)
        return at;
    u32 point = first & (0x3fu >> nmore);
    for (int i = 0; i < nmore; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return at;
        point = point << 6 | (at[i] & 0x3f);
    }
    if (point < least[nmore] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return at;
    *ret = point;
    return at + nmore;
}

i64 run(i32 n)
{
    take_back();
    u32 *points = take(NPOINTS * sizeof *points);
    u8 *text = take(NPOINTS * 4);
    u64 random = 17, sum = 0;
    for (u32 i = 0; i < NPOINTS; i++)
        points[i] = choose_point(&random);
    for (i32 unit = 0; unit < n; unit++) {
        u8 *end = text;
        for (u32 i = 0; i < NPOINTS; i++)
            end = encode(end, points[i]);
        text[next_random(&random) % (u32)(end - text)] ^= 0x80;
        u32 npoints = 0, point;
        for (const u8 *at = text; at < end; npoints++) {
            at = decode(at, end, &point);
            sum = sum * 31 + point;
        }
        sum = mix(sum, npoints);
    }
    return (i64)sum;
}
