/* nearest.c - which word was meant. */
#include "base/base.h"

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edits that turn a into b (Levenshtein); both are short, or they are not near. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(a), m = strlen(b);
    if (n >= 64 || m >= 64) return SIZE_MAX;
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t up = row[j];
            row[j] = min3(up + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = up;
        }
    }
    return row[m];
}

const char *mo_nearest(const char *word, const char *const *candidates)
{
    const char *best = NULL;
    size_t len = strlen(word), least = len < 3 ? len : len < 8 ? 3 : 4; /* more edits: another word */
    for (; *candidates; candidates++) {
        size_t d = distance(word, *candidates);
        if (d < least) {
            least = d;
            best = *candidates;
        }
    }
    return best;
}
