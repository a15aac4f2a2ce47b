/* rounds.h - how guests and native are measured: the cases in turns, each round some
 * tenths of a millisecond long, so that most of them fit between two interruptions; then
 * a copy. Standard input is /dev/zero, standard output /dev/null, figures go to standard
 * error; the working folder is the lab's own, with the files "empty", "from" and "to".
 * A contestant defines the functions below and calls rounds(). */
#ifndef LAB_WASI_ROUNDS_H
#define LAB_WASI_ROUNDS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLS = 500, CHUNK = 64 << 10 };

static uint64_t now(void);            /* monotonic, in ns */
static int write_one(int fd);         /* each returns 0, or what went wrong */
static int read_one(int fd);
static int random_32(void);
static int open_close(const char *path);
static int open_file(const char *path, int to_write); /* a descriptor, or below 0 */
static int rewind_file(int fd);
static int copy_chunk(int from, int to);              /* at most CHUNK bytes: how many */

static void die(const char *what)
{
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static void tell(const char *what, uint64_t start, uint64_t end, uint32_t n)
{
    fprintf(stderr, "%s %.3f\n", what, (double)(end - start) / n);
}

#define ROUND(what, call)                    \
    do {                                     \
        uint64_t start = now();              \
        for (int i = 0; i < CALLS; i++)      \
            if (call)                        \
                die(what);                   \
        tell(what, start, now(), CALLS);     \
    } while (0)

/* The file "from", so many times over, onto the file "to". */
static void copy(uint64_t bytes)
{
    int from = open_file("from", 0), to = open_file("to", 1);
    if (from < 0 || to < 0)
        die("open");
    uint64_t start = now();
    while (bytes) {
        int n = copy_chunk(from, to);
        if (n < 0 || (n == 0 && (rewind_file(from) || rewind_file(to))))
            die("copy");
        bytes -= (uint64_t)n < bytes ? (uint64_t)n : bytes;
    }
    tell("copy", start, now(), 1000000);
}

static int rounds(int argc, char **argv)
{
    if (argc != 3)
        die("ROUNDS COPY_MIB");
    for (int i = atoi(argv[1]); i > 0; i--) {
        ROUND("clock_time_get", now() == 0);
        ROUND("fd_write", write_one(1));
        ROUND("fd_read", read_one(0));
        ROUND("random_get", random_32());
        ROUND("path_open", open_close("empty"));
    }
    copy((uint64_t)atoi(argv[2]) << 20);
    return 0;
}

#endif
