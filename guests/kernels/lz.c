/* lz.c - finds matches by hash chains, writes them as tokens and unpacks them again:
 * byte comparisons, unpredictable loads, overlapping copies.
 * n: 120 full, 9 quick */
#include "kernel.h"

enum {
    NBYTES = 1 << 18, HASH_BITS = 14, MIN_MATCH = 4, MAX_MATCH = 255 + MIN_MATCH, MAX_CHAIN = 24,
    NONE = -1
};

/* Words drawn from a small vocabulary, and some noise. */
static void make_text(u8 *text, u64 *random)
{
    u8 words[64][12];
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 12; j++)
            words[i][j] = (u8)('a' + next_random(random) % 26);
    for (u32 at = 0; at < NBYTES; ) {
        u32 bits = next_random(random), nbytes = 3 + (bits >> 8) % 9;
        const u8 *word = words[(bits & 63) & (bits >> 16 & 63)];
        for (u32 i = 0; i < nbytes && at < NBYTES; i++)
            text[at++] = bits >> 28 == 0 ? (u8)next_random(random) : word[i];
        if (at < NBYTES)
            text[at++] = ' ';
    }
}

static u32 load32(const u8 *at)
{
    return (u32)at[0] | (u32)at[1] << 8 | (u32)at[2] << 16 | (u32)at[3] << 24;
}

static u32 match_length(const u8 *a, const u8 *b, const u8 *end)
{
    u32 length = 0;
    while (b + length < end && length < MAX_MATCH && a[length] == b[length])
        length++;
    return length;
}

/* Tokens: 0, byte | 1, length - MIN_MATCH, distance in three bytes. Returns the end. */
static u8 *pack(u8 *to, const u8 *text, i32 *heads, i32 *chain)
{
    for (int i = 0; i < 1 << HASH_BITS; i++)
        heads[i] = NONE;
    for (i32 at = 0; at < NBYTES; ) {
        u32 best = 0, distance = 0;
        if (at + MIN_MATCH <= NBYTES) {
            u32 word = load32(text + at), hash = word * 2654435761u >> (32 - HASH_BITS);
            i32 candidate = heads[hash];
            for (int tries = 0; candidate != NONE && tries < MAX_CHAIN; tries++) {
                if (load32(text + candidate) == word) {
                    u32 length = match_length(text + candidate, text + at, text + NBYTES);
                    if (length > best) {
                        best = length;
                        distance = (u32)(at - candidate);
                    }
                }
                candidate = chain[candidate];
            }
            chain[at] = heads[hash];
            heads[hash] = at;
        }
        if (best >= MIN_MATCH) {
            *to++ = 1;
            *to++ = (u8)(best - MIN_MATCH);
            *to++ = (u8)distance;
            *to++ = (u8)(distance >> 8);
            *to++ = (u8)(distance >> 16);
            at += (i32)best;
        } else {
            *to++ = 0;
            *to++ = text[at++];
        }
    }
    return to;
}

static u32 unpack(u8 *to, const u8 *from, const u8 *end)
{
    u8 *start = to;
    while (from < end) {
        if (*from == 0) {
            *to++ = from[1];
            from += 2;
            continue;
        }
        u32 length = from[1] + (u32)MIN_MATCH;
        const u8 *source = to - (from[2] | (u32)from[3] << 8 | (u32)from[4] << 16);
        for (u32 i = 0; i < length; i++)
            to[i] = source[i];
        to += length;
        from += 5;
    }
    return (u32)(to - start);
}

i64 run(i32 n)
{
    take_back();
    u8 *text = take(NBYTES), *packed = take(NBYTES * 2), *unpacked = take(NBYTES + MAX_MATCH);
    i32 *heads = take(sizeof *heads << HASH_BITS), *chain = take(NBYTES * sizeof *chain);
    u64 random = 31, sum = 0;
    make_text(text, &random);
    for (i32 unit = 0; unit < n; unit++) {
        u8 *end = pack(packed, text, heads, chain);
        sum = mix(sum, (u64)(end - packed));
        sum = mix(sum, unpack(unpacked, packed, end));
        u32 ndifferent = 0;
        for (u32 i = 0; i < NBYTES; i++)
            ndifferent += text[i] != unpacked[i];
        sum = mix(sum, ndifferent);
        text[sum % NBYTES] ^= 1;
    }
    return (i64)sum;
}
