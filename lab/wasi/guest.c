/* guest.c - the functions of preview 1, called as they are: guest.wasm ROUNDS COPY_MIB.
 * Descriptor 3 is the granted folder. */
#include "rounds.h"

#include <string.h>
#include <wasi/api.h>

static uint8_t buffer[CHUNK];

static uint64_t now(void)
{
    __wasi_timestamp_t t;
    return __wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &t) ? 0 : t;
}

static int write_one(int fd)
{
    __wasi_ciovec_t iov = {buffer, 1};
    __wasi_size_t n;
    return __wasi_fd_write(fd, &iov, 1, &n) || n != 1;
}

static int read_one(int fd)
{
    __wasi_iovec_t iov = {buffer, 1};
    __wasi_size_t n;
    return __wasi_fd_read(fd, &iov, 1, &n) || n != 1;
}

static int random_32(void) { return __wasi_random_get(buffer, 32); }

static int open_file(const char *path, int to_write)
{
    __wasi_fd_t fd;
    return __wasi_path_open(3, 0, path, 0, to_write ? __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_SEEK
                                                    : __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_SEEK,
                            0, 0, &fd)
               ? -1
               : (int)fd;
}

static int open_close(const char *path)
{
    int fd = open_file(path, 0);
    return fd < 0 || __wasi_fd_close(fd);
}

static int rewind_file(int fd)
{
    __wasi_filesize_t at;
    return __wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &at);
}

static int copy_chunk(int from, int to)
{
    __wasi_iovec_t in = {buffer, CHUNK};
    __wasi_size_t got, put;
    if (__wasi_fd_read(from, &in, 1, &got))
        return -1;
    __wasi_ciovec_t out = {buffer, got};
    return got && (__wasi_fd_write(to, &out, 1, &put) || put != got) ? -1 : (int)got;
}

int main(int argc, char **argv) { return rounds(argc, argv); }
