/* utf8.c - is this UTF-8? (Unicode's well-formed sequences: no surrogates, no
 * overlong forms, nothing above U+10FFFF) */
#include "base/base.h"

/* Length of the sequence that starts at p, or 0 if it is not well-formed. */
static size_t sequence(const uint8_t *p, size_t left)
{
    uint8_t lead = p[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (len == 0 || len > left) return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    bool bad = (lead == 0xe0 && p[1] < 0xa0) || (lead == 0xed && p[1] > 0x9f) ||
               (lead == 0xf0 && p[1] < 0x90) || (lead == 0xf4 && p[1] > 0x8f);
    return bad ? 0 : len;
}

bool mo_utf8_ok(const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    while (len > 0) {
        if (len >= 8 && !(mo_get64(p) & UINT64_C(0x8080808080808080))) {
            p += 8;
            len -= 8;
            continue;
        }
        size_t n = sequence(p, len);
        if (n == 0) return false;
        p += n;
        len -= n;
    }
    return true;
}
