/* program.c - the digest of a program's output, and the input that compressors get. */
#include "program.h"
#include <stdarg.h>
#include <stdio.h>

static uint64_t digest = 0xcbf29ce484222325u;

void output_bytes(const void *bytes, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        digest = (digest ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
}

int output_printf(const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int nbytes = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (nbytes > 0)
        output_bytes(text, (size_t)nbytes < sizeof text ? (size_t)nbytes : sizeof text - 1);
    return nbytes;
}

int64_t output_digest(void)
{
    return (int64_t)digest;
}

void require(int holds)
{
    if (!holds)
        __builtin_trap();
}

static uint32_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * 0x2545f4914f6cdd1du) >> 32);
}

enum { NWORDS = 1024, WORD_BYTES = 12 };

/* The and of two numbers makes low word numbers common and high ones rare. */
static size_t put_words(uint8_t *to, size_t room, const uint8_t (*words)[WORD_BYTES], uint64_t *random)
{
    uint32_t bits = next_random(random);
    const uint8_t *word = words[bits & (bits >> 11) & (NWORDS - 1)];
    size_t nbytes = 2 + word[0] % (WORD_BYTES - 2), at = 0;
    while (at < nbytes && at < room) {
        to[at] = word[at];
        at++;
    }
    if (at < room)
        to[at++] = bits >> 28 == 0 ? '\n' : ' ';
    return at;
}

static size_t put_record(uint8_t *to, size_t room, uint32_t serial, uint64_t *random)
{
    uint32_t bits = next_random(random);
    uint8_t record[16] = {
        (uint8_t)serial, (uint8_t)(serial >> 8), (uint8_t)(serial >> 16), 0,
        (uint8_t)bits, (uint8_t)(bits >> 8 & 3), 0, 0,
        (uint8_t)(serial * 3), (uint8_t)(serial >> 5), 0xff, (uint8_t)(bits >> 16 & 15),
    };
    size_t nbytes = room < sizeof record ? room : sizeof record;
    for (size_t i = 0; i < nbytes; i++)
        to[i] = record[i];
    return nbytes;
}

void make_sample(uint8_t *bytes, size_t nbytes)
{
    static uint8_t words[NWORDS][WORD_BYTES];
    uint64_t random = 71;
    uint32_t serial = 0;
    for (size_t i = 0; i < NWORDS; i++)
        for (size_t j = 0; j < WORD_BYTES; j++)
            words[i][j] = (uint8_t)('a' + (next_random(&random) & next_random(&random)) % 26);
    for (size_t at = 0; at < nbytes; ) {
        int is_binary = at >> 16 & 1 && at >> 18 & 1;
        at += is_binary ? put_record(bytes + at, nbytes - at, serial++, &random)
                        : put_words(bytes + at, nbytes - at, (const uint8_t (*)[WORD_BYTES])words, &random);
    }
}
