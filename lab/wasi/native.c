/* native.c - the floor: the same system calls, naked: native ROUNDS COPY_MIB. */
#include "rounds.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint8_t buffer[CHUNK];

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int write_one(int fd) { return write(fd, buffer, 1) != 1; }
static int read_one(int fd) { return read(fd, buffer, 1) != 1; }
static int random_32(void) { return getrandom(buffer, 32, 0) != 32; }

/* As a guest's: nothing above the folder, no magic links. */
static int open_file(const char *path, int to_write)
{
    struct open_how how = {.flags = (to_write ? O_WRONLY : O_RDONLY) | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static int open_close(const char *path)
{
    int fd = open_file(path, 0);
    return fd < 0 || close(fd);
}

static int rewind_file(int fd) { return lseek(fd, 0, SEEK_SET) != 0; }

static int copy_chunk(int from, int to)
{
    ssize_t n = read(from, buffer, CHUNK);
    return n > 0 && write(to, buffer, (size_t)n) != n ? -1 : (int)n;
}

int main(int argc, char **argv) { return rounds(argc, argv); }
