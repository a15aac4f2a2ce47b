/* base64.c - encodes and decodes: shifts, masks and table look-ups, three bytes in, four out.
 * n: 4000 full, 270 quick */
#include "kernel.h"

enum { NBYTES = 3 << 16, NTEXT = NBYTES / 3 * 4 };

static const char alphabet[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(u8 *text, const u8 *bytes)
{
    for (size_t i = 0; i < NBYTES; i += 3, text += 4) {
        u32 three = (u32)bytes[i] << 16 | (u32)bytes[i + 1] << 8 | bytes[i + 2];
        text[0] = (u8)alphabet[three >> 18];
        text[1] = (u8)alphabet[three >> 12 & 63];
        text[2] = (u8)alphabet[three >> 6 & 63];
        text[3] = (u8)alphabet[three & 63];
    }
}

/* Returns how many characters are outside the alphabet. */
static u32 decode(u8 *bytes, const u8 *text, const u8 *values)
{
    u32 nbad = 0;
    for (size_t i = 0; i < NTEXT; i += 4, bytes += 3) {
        u8 a = values[text[i]], b = values[text[i + 1]];
        u8 c = values[text[i + 2]], d = values[text[i + 3]];
        if ((a | b | c | d) & 0xc0)
            nbad++;
        u32 three = (u32)a << 18 | (u32)b << 12 | (u32)c << 6 | d;
        bytes[0] = (u8)(three >> 16);
        bytes[1] = (u8)(three >> 8);
        bytes[2] = (u8)three;
    }
    return nbad;
}

i64 run(i32 n)
{
    take_back();
    u8 *bytes = take(NBYTES), *text = take(NTEXT), *values = take(256);
    u64 random = 23, sum = 0;
    for (u32 i = 0; i < 256; i++)
        values[i] = 0xff;
    for (u8 i = 0; i < 64; i++)
        values[(u8)alphabet[i]] = i;
    for (u32 i = 0; i < NBYTES; i++)
        bytes[i] = (u8)next_random(&random);
    for (i32 unit = 0; unit < n; unit++) {
        encode(text, bytes);
        sum = mix(sum, text[sum % NTEXT]);
        text[sum % NTEXT] = (u8)(sum >> 32);
        sum = mix(sum, decode(bytes, text, values));
    }
    for (u32 i = 0; i < NBYTES; i++)
        sum = mix(sum, bytes[i]);
    return (i64)sum;
}
