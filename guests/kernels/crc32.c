/* crc32.c - CRC-32 by one table a byte and by four tables a word, and Adler-32:
 * table look-ups on bytes.
 * n: 740 full, 60 quick */
#include "kernel.h"

enum { NBYTES = 1 << 18 };

static u32 tables[4][256];

static void fill_tables(void)
{
    for (u32 i = 0; i < 256; i++) {
        u32 crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        tables[0][i] = crc;
    }
    for (u32 i = 0; i < 256; i++)
        for (int t = 1; t < 4; t++)
            tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xff];
}

static u32 crc_by_byte(const u8 *bytes, size_t nbytes)
{
    u32 crc = ~0u;
    for (size_t i = 0; i < nbytes; i++)
        crc = crc >> 8 ^ tables[0][(crc ^ bytes[i]) & 0xff];
    return ~crc;
}

static u32 crc_by_word(const u8 *bytes, size_t nbytes)
{
    u32 crc = ~0u;
    for (size_t i = 0; i + 4 <= nbytes; i += 4) {
        crc ^= (u32)bytes[i] | (u32)bytes[i + 1] << 8 | (u32)bytes[i + 2] << 16
             | (u32)bytes[i + 3] << 24;
        crc = tables[3][crc & 0xff] ^ tables[2][crc >> 8 & 0xff]
            ^ tables[1][crc >> 16 & 0xff] ^ tables[0][crc >> 24];
    }
    return ~crc;
}

static u32 adler(const u8 *bytes, size_t nbytes)
{
    enum { BASE = 65521, NMAX = 5552 };
    u32 a = 1, b = 0;
    for (size_t from = 0; from < nbytes; from += NMAX) {
        size_t end = nbytes - from < NMAX ? nbytes : from + NMAX;
        for (size_t i = from; i < end; i++) {
            a += bytes[i];
            b += a;
        }
        a %= BASE;
        b %= BASE;
    }
    return b << 16 | a;
}

i64 run(i32 n)
{
    take_back();
    fill_tables();
    u8 *bytes = take(NBYTES);
    u64 random = 19, sum = 0;
    for (u32 i = 0; i < NBYTES; i++)
        bytes[i] = (u8)next_random(&random);
    for (i32 unit = 0; unit < n; unit++) {
        sum = mix(sum, crc_by_byte(bytes, NBYTES));
        sum = mix(sum, crc_by_word(bytes, NBYTES));
        sum = mix(sum, adler(bytes, NBYTES));
        bytes[sum % NBYTES]++;
    }
    return (i64)sum;
}
