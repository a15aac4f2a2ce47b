/* tables.c - a program that builds tables before it can answer: eight of CRC-64, and a
 * sieve of 1 MiB. The initialiser of `mote snapshot` builds them ahead of time.
 *   clang --target=wasm32 -nostdlib -Wl,--no-entry          exports only
 *   clang --target=wasm32-wasi -DPROGRAM                    a command that prints its answers */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIEVE_BYTES = 1 << 20, NUMBERS = SIEVE_BYTES * 16 }; /* a bit for each odd number */

static uint64_t crc_tables[8][256];
static uint8_t composite[SIEVE_BYTES];
static bool ready;

static void build_crc(void)
{
    const uint64_t polynomial = 0xc96c5795d7870f42; /* ECMA-182, reflected */
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
        crc_tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++)
        for (int i = 1; i < 8; i++)
            crc_tables[i][byte] = crc_tables[i - 1][byte] >> 8 ^ crc_tables[0][crc_tables[i - 1][byte] & 0xff];
}

static bool is_composite(uint32_t odd) { return composite[odd / 16] >> (odd / 2 % 8) & 1; }

static void build_sieve(void)
{
    for (uint32_t n = 3; n * n < NUMBERS; n += 2)
        for (uint32_t multiple = n * n; !is_composite(n) && multiple < NUMBERS; multiple += 2 * n)
            composite[multiple / 16] |= (uint8_t)(1 << (multiple / 2 % 8));
}

__attribute__((export_name("wizer-initialize"))) void initialize(void)
{
    build_crc();
    build_sieve();
    ready = true;
}

static bool is_prime(uint32_t n) { return n == 2 || (n > 2 && n % 2 && !is_composite(n)); }

static uint64_t crc_of(const uint8_t *bytes, size_t len)
{
    uint64_t crc = ~UINT64_C(0);
    for (; len >= 8; bytes += 8, len -= 8) {
        uint64_t next = 0;
        for (int i = 0; i < 8; i++)
            next ^= crc_tables[7 - i][(bytes[i] ^ (uint8_t)(crc >> 8 * i)) & 0xff];
        crc = next;
    }
    while (len--)
        crc = crc >> 8 ^ crc_tables[0][(crc ^ *bytes++) & 0xff];
    return ~crc;
}

/* One useful answer, of a little of everything. */
__attribute__((export_name("answer"))) uint32_t answer(void)
{
    static const char text[] = "the quick brown fox jumps over the lazy dog";
    uint64_t crc = crc_of((const uint8_t *)text, sizeof text - 1);
    uint32_t n = (uint32_t)crc % NUMBERS;
    while (!is_prime(n))
        n--;
    return (uint32_t)(crc >> 32) ^ n;
}

#ifdef PROGRAM
#include <stdio.h>

int main(void)
{
    uint32_t primes = 0;
    if (!ready)
        initialize();
    for (uint32_t n = 0; n < NUMBERS; n++)
        primes += is_prime(n);
    printf("crc-64 of 123456789: %016llx\n", (unsigned long long)crc_of((const uint8_t *)"123456789", 9));
    printf("primes below %d: %u\nanswer: %u\n", NUMBERS, primes, answer());
    return 0;
}
#endif
