/* tiny.c - hello without a C library: small enough that ten thousand different ones can be
 * compiled. Prints the request's path and NUMBER, which the lab replaces in the module's code. */
#include <stddef.h>
#include <stdint.h>

enum { NUMBER = 0x7a5b3c1d };

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))
WASI(environ_sizes_get) int environ_sizes_get(uint32_t *n, uint32_t *bytes);
WASI(environ_get) int environ_get(char **strings, char *bytes);
typedef struct span {
    const char *at;
    size_t len;
} span;
WASI(fd_write) int fd_write(int fd, const span *spans, size_t n, size_t *done);

static char *strings[256], bytes[32 << 10];

static int begins(const char *at, const char *with)
{
    while (*with && *at == *with)
        at++, with++;
    return *with == 0;
}

static const char *path(void)
{
    uint32_t n, len;
    environ_sizes_get(&n, &len);
    if (n > 256 || len > sizeof bytes)
        return "?";
    environ_get(strings, bytes);
    for (uint32_t i = 0; i < n; i++)
        if (begins(strings[i], "PATH_INFO="))
            return strings[i] + 10;
    return "?";
}

static char *put(char *to, const char *from)
{
    while (*from)
        *to++ = *from++;
    return to;
}

/* Not known to the compiler, so that it stays one instruction. */
static uint32_t number(void)
{
    uint32_t n = NUMBER;
    __asm__("" : "+r"(n));
    return n;
}

static char *put_number(char *to, uint32_t n)
{
    char digits[10];
    int len = 0;
    do
        digits[len++] = (char)('0' + n % 10);
    while (n /= 10);
    while (len)
        *to++ = digits[--len];
    return to;
}

__attribute__((export_name("_start"))) void start(void)
{
    static char answer[48 << 10];
    size_t done;
    char *to = put(answer, "Content-Type: text/plain\n\nhello from ");
    to = put(to, path());
    to = put(to, " by ");
    to = put_number(to, number());
    to = put(to, "\n");
    fd_write(1, &(span){answer, (size_t)(to - answer)}, 1, &done);
}
