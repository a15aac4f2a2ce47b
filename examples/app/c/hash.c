/* hash.c - SHA-256 of the body, read piece by piece: one of any size takes the same memory. */
#include "sha256.h"

#include <stdio.h>
#include <unistd.h>

int main(void)
{
    static uint8_t bytes[64 << 10];
    sha256 hash;
    char words[65];
    sha256_begin(&hash);
    for (ssize_t n; (n = read(0, bytes, sizeof bytes)) > 0;)
        sha256_take(&hash, bytes, (size_t)n);
    sha256_finish(&hash, words);
    printf("Content-Type: text/plain\n\n%s\n", words);
    return 0;
}
