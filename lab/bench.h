/* bench.h - what the lab's C programs share: a clock, whole files, dying with a reason.
 * Such a program measures one contestant and prints a line `case value` for each
 * measurement; run.py, which starts it, makes medians of them. */
#ifndef LAB_BENCH_H
#define LAB_BENCH_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static inline uint8_t *read_file(const char *path, size_t *retlen)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        die("%s: cannot be read", path);
    size_t len = (size_t)ftell(f);
    uint8_t *bytes = malloc(len + 1);
    rewind(f);
    if (!bytes || fread(bytes, 1, len, f) != len)
        die("%s: cannot be read", path);
    fclose(f);
    *retlen = len;
    return bytes;
}

#endif
