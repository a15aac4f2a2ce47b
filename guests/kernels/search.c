/* search.c - looks for words in a text by Horspool's skips, by Knuth-Morris-Pratt and by
 * plain comparison: byte loads with branches, short inner loops.
 * n: 430 full, 32 quick */
#include "kernel.h"

enum { NTEXT = 1 << 18, NWORD = 12 };

static u32 count_by_skips(const u8 *text, const u8 *word, u32 nword)
{
    u32 skips[256], nfound = 0;
    for (int i = 0; i < 256; i++)
        skips[i] = nword;
    for (u32 i = 0; i + 1 < nword; i++)
        skips[word[i]] = nword - 1 - i;
    for (u32 at = 0; at + nword <= NTEXT; at += skips[text[at + nword - 1]]) {
        u32 i = nword;
        while (i > 0 && text[at + i - 1] == word[i - 1])
            i--;
        nfound += i == 0;
    }
    return nfound;
}

static u32 count_by_prefixes(const u8 *text, const u8 *word, u32 nword)
{
    u32 border[NWORD + 1] = { 0 }, nfound = 0;
    for (u32 i = 1, k = 0; i < nword; i++) {
        while (k > 0 && word[i] != word[k])
            k = border[k];
        if (word[i] == word[k])
            k++;
        border[i + 1] = k;
    }
    for (u32 i = 0, k = 0; i < NTEXT; i++) {
        while (k > 0 && (k == nword || text[i] != word[k]))
            k = border[k];
        if (text[i] == word[k])
            k++;
        nfound += k == nword;
    }
    return nfound;
}

static u32 count_by_comparison(const u8 *text, const u8 *word, u32 nword)
{
    u32 nfound = 0;
    for (u32 at = 0; at + nword <= NTEXT; at++) {
        u32 i = 0;
        while (i < nword && text[at + i] == word[i])
            i++;
        nfound += i == nword;
    }
    return nfound;
}

i64 run(i32 n)
{
    take_back();
    u8 *text = take(NTEXT);
    u64 random = 37, sum = 0;
    for (u32 i = 0; i < NTEXT; i++)
        text[i] = (u8)('a' + (next_random(&random) & next_random(&random) & 7));
    for (i32 unit = 0; unit < n; unit++) {
        u32 nword = 3 + (u32)unit % (NWORD - 2);
        const u8 *word = text + next_random(&random) % (NTEXT - NWORD);
        sum = mix(sum, count_by_skips(text, word, nword));
        sum = mix(sum, count_by_prefixes(text, word, nword));
        sum = mix(sum, count_by_comparison(text, word, nword));
    }
    return (i64)sum;
}
