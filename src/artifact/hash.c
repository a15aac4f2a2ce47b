/* hash.c - XXH3, the only place that knows it. */
#include "artifact/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t mo_hash_header(const uint8_t page[MO_FILE_PAGE])
{
    enum { AT = offsetof(mo_file_header, header_hash), BEHIND = AT + 8 };
    uint64_t before = XXH3_64bits(page, AT);
    return XXH3_64bits_withSeed(page + BEHIND, MO_FILE_PAGE - BEHIND, before);
}

void mo_hash_contents(const void *bytes, size_t len, uint64_t ret[2])
{
    XXH128_hash_t h = XXH3_128bits(bytes, len);
    ret[0] = h.low64;
    ret[1] = h.high64;
}
