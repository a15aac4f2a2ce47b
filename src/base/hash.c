/* hash.c - mo_hash64: 128-bit multiply and fold, 16 bytes a step.
 * Fast and well spread, not cryptographic; tables that strangers fill take
 * their seed from mo_hash_seed(). */
#include "base/base.h"

#include <sys/auxv.h>

__extension__ typedef unsigned __int128 wide;

#define K0 UINT64_C(0xa0761d6478bd642f)
#define K1 UINT64_C(0xe7037ed1a0b428db)
#define K2 UINT64_C(0x8ebc6af09c88c6e3)

static uint64_t fold(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* At most 8 bytes, little-endian, zeros above. */
static uint64_t tail64(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    memcpy(&v, p, len);
    return v;
}

/* A factor that is zero forgets all that came before it, so what is mixed into
 * the bytes depends on the seed: who does not know it cannot choose such bytes. */
uint64_t mo_hash64(const void *bytes, size_t len, uint64_t seed)
{
    const uint8_t *p = bytes;
    uint64_t key = fold(seed ^ K0, K1), h = key ^ len;
    size_t left = len;
    for (; left >= 16; left -= 16, p += 16) h = fold(mo_get64(p) ^ key, mo_get64(p + 8) ^ h);
    if (left >= 8) {
        h = fold(mo_get64(p) ^ key, h ^ K1);
        p += 8;
        left -= 8;
    }
    if (left) h = fold(tail64(p, left) ^ key, h ^ K2);
    return fold(h ^ K2, key ^ len);
}

uint64_t mo_hash_seed(void)
{
    const void *random = (const void *)getauxval(AT_RANDOM); /* 16 bytes from the kernel */
    return random ? mo_get64(random) : K2;
}
