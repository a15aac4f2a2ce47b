/* digest.c - BLAKE2b with 32 bytes of result, without a key (RFC 7693, section 3). */
#include "base/base.h"

enum { ROUNDS = 12 };

static const uint64_t start[8] = { /* RFC 7693, 2.6 */
    UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1),
    UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f), UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};

static const uint8_t order[10][16] = { /* RFC 7693, 2.7; rounds 10 and 11 are 0 and 1 again */
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline uint64_t turn(uint64_t x, unsigned by) { return x >> by | x << (64 - by); }

static inline void mix(uint64_t v[16], int a, int b, int c, int d, uint64_t x, uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = turn(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = turn(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = turn(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = turn(v[b] ^ v[c], 63);
}

static void compress(mo_digest *d, const uint8_t *block, bool last)
{
    uint64_t v[16], m[16];
    for (int i = 0; i < 8; i++) {
        v[i] = d->h[i];
        v[i + 8] = start[i];
    }
    v[12] ^= d->len; /* 2^64 bytes are enough */
    if (last) v[14] = ~v[14];
    for (size_t i = 0; i < 16; i++) m[i] = mo_get64(block + 8 * i);
    for (int r = 0; r < ROUNDS; r++) {
        const uint8_t *s = order[r % 10];
        mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
        mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
        mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
        mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
        mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
        mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
        mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
        mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++) d->h[i] ^= v[i] ^ v[i + 8];
}

void mo_digest_begin(mo_digest *d)
{
    memcpy(d->h, start, sizeof start);
    d->h[0] ^= UINT64_C(0x01010000) ^ MO_DIGEST; /* one leaf, no key, so many bytes of result */
    d->len = 0;
    d->held = 0;
}

/* A full block waits until more comes: the last one is compressed differently. */
void mo_digest_add(mo_digest *d, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        if (d->held == sizeof d->block) {
            d->len += d->held;
            compress(d, d->block, false);
            d->held = 0;
        }
        for (; d->held == 0 && len > sizeof d->block; at += sizeof d->block, len -= sizeof d->block) {
            d->len += sizeof d->block;
            compress(d, at, false);
        }
        size_t room = sizeof d->block - d->held, n = len < room ? len : room;
        memcpy(d->block + d->held, at, n);
        d->held += n;
        at += n;
        len -= n;
    }
}

void mo_digest_end(mo_digest *d, uint8_t ret[MO_DIGEST])
{
    memset(d->block + d->held, 0, sizeof d->block - d->held);
    d->len += d->held;
    compress(d, d->block, true);
    memcpy(ret, d->h, MO_DIGEST); /* little-endian, as both processors are */
}
