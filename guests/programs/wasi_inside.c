/* wasi_inside.c - WASI preview 1 inside the module: linked with wasi-libc, it leaves no
 * imports. There are no arguments, no environment, no files; the clock stands still,
 * randomness is zeros, and what is written to streams 1 and 2 is counted and dropped.
 * Parameters have the types that the imports have in Wasm, so pointers are 32 bits. */
#include <stdint.h>

enum { SUCCESS = 0, BADF = 8, NOSYS = 52 };

typedef int32_t i32;
typedef int64_t i64;

#define WASI(name) __imported_wasi_snapshot_preview1_##name

/* Every other function, once: its name and parameters; the result is an error. */
#define REFUSED(DO)                                                                     \
    DO(fd_advise, BADF, (i32 a, i64 b, i64 c, i32 d))                                   \
    DO(fd_allocate, BADF, (i32 a, i64 b, i64 c))                                        \
    DO(fd_close, BADF, (i32 a))                                                         \
    DO(fd_datasync, BADF, (i32 a))                                                      \
    DO(fd_fdstat_set_flags, BADF, (i32 a, i32 b))                                       \
    DO(fd_fdstat_set_rights, BADF, (i32 a, i64 b, i64 c))                               \
    DO(fd_filestat_get, BADF, (i32 a, i32 b))                                           \
    DO(fd_filestat_set_size, BADF, (i32 a, i64 b))                                      \
    DO(fd_filestat_set_times, BADF, (i32 a, i64 b, i64 c, i32 d))                       \
    DO(fd_pread, BADF, (i32 a, i32 b, i32 c, i64 d, i32 e))                             \
    DO(fd_prestat_get, BADF, (i32 a, i32 b))                                            \
    DO(fd_prestat_dir_name, BADF, (i32 a, i32 b, i32 c))                                \
    DO(fd_pwrite, BADF, (i32 a, i32 b, i32 c, i64 d, i32 e))                            \
    DO(fd_read, BADF, (i32 a, i32 b, i32 c, i32 d))                                     \
    DO(fd_readdir, BADF, (i32 a, i32 b, i32 c, i64 d, i32 e))                           \
    DO(fd_renumber, BADF, (i32 a, i32 b))                                               \
    DO(fd_seek, BADF, (i32 a, i64 b, i32 c, i32 d))                                     \
    DO(fd_sync, BADF, (i32 a))                                                          \
    DO(fd_tell, BADF, (i32 a, i32 b))                                                   \
    DO(path_create_directory, NOSYS, (i32 a, i32 b, i32 c))                             \
    DO(path_filestat_get, NOSYS, (i32 a, i32 b, i32 c, i32 d, i32 e))                   \
    DO(path_filestat_set_times, NOSYS, (i32 a, i32 b, i32 c, i32 d, i64 e, i64 f, i32 g)) \
    DO(path_link, NOSYS, (i32 a, i32 b, i32 c, i32 d, i32 e, i32 f, i32 g))             \
    DO(path_open, NOSYS, (i32 a, i32 b, i32 c, i32 d, i32 e, i64 f, i64 g, i32 h, i32 i)) \
    DO(path_readlink, NOSYS, (i32 a, i32 b, i32 c, i32 d, i32 e, i32 f))                \
    DO(path_remove_directory, NOSYS, (i32 a, i32 b, i32 c))                             \
    DO(path_rename, NOSYS, (i32 a, i32 b, i32 c, i32 d, i32 e, i32 f))                  \
    DO(path_symlink, NOSYS, (i32 a, i32 b, i32 c, i32 d, i32 e))                        \
    DO(path_unlink_file, NOSYS, (i32 a, i32 b, i32 c))                                  \
    DO(poll_oneoff, NOSYS, (i32 a, i32 b, i32 c, i32 d))                                \
    DO(sched_yield, NOSYS, (void))                                                      \
    DO(sock_accept, NOSYS, (i32 a, i32 b, i32 c))                                       \
    DO(sock_recv, NOSYS, (i32 a, i32 b, i32 c, i32 d, i32 e, i32 f))                    \
    DO(sock_send, NOSYS, (i32 a, i32 b, i32 c, i32 d, i32 e))                           \
    DO(sock_shutdown, NOSYS, (i32 a, i32 b))

#pragma clang diagnostic ignored "-Wunused-parameter"
#define DEFINE_REFUSED(name, error, parameters) i32 WASI(name) parameters { return error; }
REFUSED(DEFINE_REFUSED)

static void store32(i32 at, uint32_t value)
{
    *(uint32_t *)at = value;
}

/* args_*, environ_*: none. */
i32 WASI(args_get)(i32 strings, i32 bytes) { return SUCCESS; }
i32 WASI(environ_get)(i32 strings, i32 bytes) { return SUCCESS; }

i32 WASI(args_sizes_get)(i32 ret_nstrings, i32 ret_nbytes)
{
    store32(ret_nstrings, 0);
    store32(ret_nbytes, 0);
    return SUCCESS;
}

i32 WASI(environ_sizes_get)(i32 ret_nstrings, i32 ret_nbytes)
{
    return WASI(args_sizes_get)(ret_nstrings, ret_nbytes);
}

i32 WASI(clock_res_get)(i32 clock, i32 ret_ns)
{
    *(uint64_t *)ret_ns = 1;
    return SUCCESS;
}

i32 WASI(clock_time_get)(i32 clock, i64 precision_ns, i32 ret_ns)
{
    *(uint64_t *)ret_ns = 1700000000000000000u;
    return SUCCESS;
}

i32 WASI(random_get)(i32 bytes, i32 nbytes)
{
    for (i32 i = 0; i < nbytes; i++)
        *(uint8_t *)(bytes + i) = 0;
    return SUCCESS;
}

/* Streams are character devices, so that wasi-libc never seeks in them. */
i32 WASI(fd_fdstat_get)(i32 fd, i32 ret)
{
    enum { CHARACTER_DEVICE = 2, FDSTAT_BYTES = 24 };
    if (fd < 0 || fd > 2)
        return BADF;
    WASI(random_get)(ret, FDSTAT_BYTES);
    *(uint8_t *)ret = CHARACTER_DEVICE;
    return SUCCESS;
}

uint64_t nwritten;                             /* bytes, for a debugger */

i32 WASI(fd_write)(i32 fd, i32 buffers, i32 nbuffers, i32 ret_nbytes)
{
    uint32_t nbytes = 0;
    if (fd != 1 && fd != 2)
        return BADF;
    for (i32 i = 0; i < nbuffers; i++)
        nbytes += *(uint32_t *)(buffers + 8 * i + 4);
    nwritten += nbytes;
    store32(ret_nbytes, nbytes);
    return SUCCESS;
}

_Noreturn void WASI(proc_exit)(i32 status)
{
    __builtin_trap();
}
