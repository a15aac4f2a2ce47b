/* guest.c - what the server's tests ask for, by path. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static char left_behind[64] = "nobody";
static char big[1 << 16];

static const char *env(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

static void head(const char *more) { printf("Content-Type: text/plain\n%s\n", more); }

static void echo(size_t piece)
{
    ssize_t n;
    fflush(stdout);
    while ((n = read(0, big, piece)) > 0)
        for (ssize_t at = 0, w; at < n; at += w)
            if ((w = write(1, big + at, (size_t)(n - at))) < 0) exit(9);
}

static void count(void)
{
    unsigned long long total = 0, sum = 0;
    ssize_t n;
    while ((n = read(0, big, sizeof big)) > 0) {
        total += (unsigned long long)n;
        for (ssize_t i = 0; i < n; i++) sum += (unsigned char)big[i];
    }
    head("");
    printf("%llu %llu\n", total, sum);
}

static void put_much(const char *query)
{
    unsigned long long left = strtoull(query, NULL, 10);
    memset(big, 'm', sizeof big);
    fflush(stdout);
    while (left) {
        size_t n = left < sizeof big ? (size_t)left : sizeof big;
        ssize_t w = write(1, big, n);
        if (w < 0) exit(9);
        left -= (unsigned long long)w;
    }
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void memory_of_others(const char *query)
{
    head("");
    printf("%s", left_behind);
    snprintf(left_behind, sizeof left_behind, "%s", query);
    char *heap = malloc(100000);
    unsigned long used = 0;
    for (int i = 0; i < 100000; i++) used += heap[i] == 'x';
    memset(heap, 'x', 100000);
    printf(" %lu\n", used);
}

static int grow(void)
{
    head("");
    size_t got = 0;
    for (char *volatile p; (p = malloc(1 << 20)) != NULL; got++) p[0] = 1;
    printf("%zu\n", got);
    return 0;
}

static int random_of(void)
{
    unsigned char bytes[16];
    head("");
    if (getentropy(bytes, sizeof bytes) != 0) return 1;
    for (size_t i = 0; i < sizeof bytes; i++) printf("%02x", bytes[i]);
    puts("");
    return 0;
}

static int append(void)
{
    FILE *f = fopen("/data/log", "a");
    if (!f) return 3;
    fputs("x", f);
    head("");
    printf("%ld\n", ftell(f));
    return fclose(f);
}

static int put_file(const char *query)
{
    char name[200], bytes[4096];
    size_t n;
    snprintf(name, sizeof name, "/data/%s", query);
    FILE *f = fopen(name, "r");
    if (!f) return 3;
    head("");
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0) fwrite(bytes, 1, n, stdout);
    return fclose(f);
}

int main(int argc, char **argv)
{
    const char *path = env("PATH_INFO"), *query = env("QUERY_STRING");
    (void)argc;
#define IS(text) (strcmp(path, text) == 0)
    if (IS("/env")) {
        head("");
        printf("ARGV0=%s\n", argv[0]);
        for (char **e = environ; *e; e++) puts(*e);
    } else if (IS("/echo")) {
        head("");
        echo(sizeof big);
    } else if (IS("/echo1")) {
        head("");
        echo(1);
    } else if (IS("/count")) count();
    else if (IS("/much")) { head(""); put_much(query); }
    else if (IS("/declared")) { printf("Content-Type: a/b\nContent-Length: %s\n\n", query); put_much(query); }
    else if (IS("/long")) { printf("Content-Type: a/b\nContent-Length: 3\n\n12345"); }
    else if (IS("/short")) { printf("Content-Type: a/b\nContent-Length: 30\n\n12345"); }
    else if (IS("/shortlate")) { printf("Content-Type: a/b\nContent-Length: 300000\n\n"); put_much("200000"); }
    else if (IS("/status")) printf("Status: %s Because\n\n", query);
    else if (IS("/status2")) printf("Status: %s\nContent-Type: a/b\n\nbody", query);
    else if (IS("/redirect")) printf("Location: %s\n\n", query);
    else if (IS("/raw")) { /* whatever the client wants */ echo(sizeof big); }
    else if (IS("/trap")) __builtin_trap();
    else if (IS("/traplate")) { head(""); put_much("200000"); __builtin_trap(); }
    else if (IS("/trapbuffered")) { head(""); puts("never seen"); fflush(stdout); __builtin_trap(); }
    else if (IS("/nothing")) return 0;
    else if (IS("/exit")) { head(""); puts("whole"); fflush(stdout); return atoi(query); }
    else if (IS("/loop")) for (volatile int i = 0;; i++) {}
    else if (IS("/looplate")) { head(""); put_much("200000"); for (volatile int i = 0;; i++) {} }
    else if (IS("/sleep")) { sleep_ms(atol(query)); head(""); puts("slept"); }
    else if (IS("/drip")) for (int i = (head(""), 0); i < 5; i++) { printf("%d\n", i); fflush(stdout); sleep_ms(50); }
    else if (IS("/memory")) memory_of_others(query);
    else if (IS("/grow")) return grow();
    else if (IS("/random")) return random_of();
    else if (IS("/append")) return append();
    else if (IS("/file")) return put_file(query);
    else if (IS("/ignore")) { head(""); puts("did not read"); }
    else if (IS("/stderr")) { fputs("one\ntwo\001\x1b[31m\nthree", stderr); head(""); }
    else { head(""); printf("hello %s\n", path); }
    return 0;
}
