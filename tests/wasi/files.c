/* Functions on open files: what is on disk afterwards, and what is refused. */
#include "wasi/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IOVS = 8, RET = 256, STAT = 512, BUF = 1024 };

/* A sandbox whose descriptor 0 is a file of the host's with that text; host reads it too. */
typedef struct with_file {
    sandbox s;
    int host;
} with_file;

static int file_with(const char *text)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || lseek(fd, 0, SEEK_SET) != 0) exit(1);
    return fd;
}

/* mode: O_RDONLY and so on, as the guest's descriptor is opened. */
static with_file open_file(const char *text, int mode)
{
    char name[64];
    with_file f = {.s = sandbox_of(new_wasi()), .host = file_with(text)};
    snprintf(name, sizeof name, "/proc/self/fd/%d", f.host);
    expect(mote_wasi_set_fd(f.s.wasi, 0, open(name, mode | O_CLOEXEC), true, NULL) == MOTE_OK);
    return f;
}

static void end_file(with_file *f)
{
    close(f->host);
    sandbox_end(&f->s);
}

static const char *contents(const with_file *f)
{
    static char text[256];
    ssize_t n = pread(f->host, text, sizeof text - 1, 0);
    text[n < 0 ? 0 : n] = 0;
    return text;
}

static const char *text_at(sandbox *s, uint32_t at, uint32_t len)
{
    static char text[256];
    memcpy(text, s->memory + at, len);
    text[len] = 0;
    return text;
}

static void put_text(sandbox *s, uint32_t at, const char *text) { memcpy(s->memory + at, text, strlen(text)); }

/* --- reading and writing -------------------------------------------------------- */

TEST(read_fills_buffers_in_their_order)
{
    need_compiler();
    with_file f = open_file("abcdefghij", O_RDONLY);
    put_iovec(&f.s, IOVS, BUF, 3);
    put_iovec(&f.s, IOVS + 8, UINT32_MAX, 0); /* empty: it points nowhere */
    put_iovec(&f.s, IOVS + 16, BUF + 100, 4);
    expect_u64(CALL(&f.s, fd_read, 0, IOVS, 3, RET), MO_E_SUCCESS);
    expect_u64(get32(&f.s, RET), 7);
    expect_text(text_at(&f.s, BUF, 4), "abc");
    expect_text(text_at(&f.s, BUF + 100, 5), "defg");
    expect_u64(CALL(&f.s, fd_read, 0, IOVS, 3, RET), MO_E_SUCCESS);
    expect_u64(get32(&f.s, RET), 3);
    expect_u64(CALL(&f.s, fd_read, 0, IOVS, 3, RET), MO_E_SUCCESS);
    expect_u64(get32(&f.s, RET), 0);
    expect_u64(CALL(&f.s, fd_read, 0, IOVS, 0, RET), MO_E_SUCCESS);
    end_file(&f);
}

TEST(write_takes_buffers_in_their_order)
{
    need_compiler();
    with_file f = open_file("", O_RDWR);
    put_text(&f.s, BUF, "world");
    put_text(&f.s, BUF + 10, "hello ");
    put_iovec(&f.s, IOVS, BUF + 10, 6);
    put_iovec(&f.s, IOVS + 8, BUF, 5);
    expect_u64(CALL(&f.s, fd_write, 0, IOVS, 2, RET), MO_E_SUCCESS);
    expect_u64(get32(&f.s, RET), 11);
    expect_text(contents(&f), "hello world");
    expect_u64(CALL(&f.s, fd_write, 0, IOVS, 1, RET), MO_E_SUCCESS);
    expect_text(contents(&f), "hello worldhello ");
    end_file(&f);
}

TEST(as_many_buffers_as_the_host_takes)
{
    need_compiler();
    with_file f = open_file("", O_RDWR);
    const uint32_t iovs = 0x8000;
    for (uint32_t i = 0; i <= 1024; i++) put_iovec(&f.s, iovs + 8 * i, BUF + i % 2, 1);
    put_text(&f.s, BUF, "ab");
    expect_u64(CALL(&f.s, fd_write, 0, iovs, 1024, RET), MO_E_SUCCESS);
    expect_u64(get32(&f.s, RET), 1024);
    expect(memcmp(contents(&f), "ababab", 6) == 0);
    expect_u64(CALL(&f.s, fd_write, 0, iovs, 1025, RET), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_write, 0, iovs, UINT32_MAX, RET), MO_E_INVAL);
    expect_u64(lseek(f.host, 0, SEEK_END), 1024);
    end_file(&f);
}

TEST(offsets_of_pread_and_pwrite_move_nothing)
{
    need_compiler();
    with_file f = open_file("abcdef", O_RDWR);
    put_iovec(&f.s, IOVS, BUF, 2);
    put_iovec(&f.s, IOVS + 8, BUF + 2, 1);
    expect_u64(CALL(&f.s, fd_pread, 0, IOVS, 2, 3, RET), MO_E_SUCCESS);
    expect_u64(get32(&f.s, RET), 3);
    expect_text(text_at(&f.s, BUF, 3), "def");
    expect_u64(CALL(&f.s, fd_pwrite, 0, IOVS, 2, 1, RET), MO_E_SUCCESS);
    expect_text(contents(&f), "adefef");
    expect_u64(CALL(&f.s, fd_pread, 0, IOVS, 1, 6, RET), MO_E_SUCCESS);
    expect_u64(get32(&f.s, RET), 0);
    expect_u64(CALL(&f.s, fd_pread, 0, IOVS, 1, UINT64_MAX, RET), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_pwrite, 0, IOVS, 1, (uint64_t)INT64_MAX + 1, RET), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_tell, 0, RET), MO_E_SUCCESS);
    expect_u64(get64(&f.s, RET), 0);
    end_file(&f);
}

/* For each function: the list of buffers, a buffer, the result. */
TEST(pointers_past_memory_are_faults_and_nothing_is_moved)
{
    need_compiler();
    with_file f = open_file("abc", O_RDWR);
    static const char *const names[] = {"fd_read", "fd_write", "fd_pread", "fd_pwrite"};
    for (size_t i = 0; i < MO_COUNT(names); i++) {
        bool positioned = names[i][3] == 'p';
        uint64_t args[5] = {0, IOVS, 1, 0, RET};
        size_t n = positioned ? 5 : 4;
        uint64_t *ret = &args[n - 1];
        *ret = RET;
        put_iovec(&f.s, IOVS, MEMORY - 2, 3);
        expect_u64(sandbox_call(&f.s, names[i], args, n), MO_E_FAULT);
        put_iovec(&f.s, IOVS, UINT32_MAX, UINT32_MAX);
        expect_u64(sandbox_call(&f.s, names[i], args, n), MO_E_FAULT);
        put_iovec(&f.s, IOVS, BUF, UINT32_MAX);
        expect_u64(sandbox_call(&f.s, names[i], args, n), MO_E_FAULT);
        put_iovec(&f.s, IOVS, BUF, 2);
        args[2] = 2; /* the second is wrong */
        put_iovec(&f.s, IOVS + 8, MEMORY, 1);
        expect_u64(sandbox_call(&f.s, names[i], args, n), MO_E_FAULT);
        args[2] = 1;
        *ret = MEMORY - 3;
        expect_u64(sandbox_call(&f.s, names[i], args, n), MO_E_FAULT);
        *ret = RET;
        args[1] = MEMORY - 7;
        expect_u64(sandbox_call(&f.s, names[i], args, n), MO_E_FAULT);
        args[1] = UINT32_MAX;
        args[2] = 1024;
        expect_u64(sandbox_call(&f.s, names[i], args, n), MO_E_FAULT);
        args[0] = 77;
        expect_u64(sandbox_call(&f.s, names[i], args, n), MO_E_BADF);
    }
    expect_text(contents(&f), "abc");
    expect_u64(CALL(&f.s, fd_tell, 0, RET), MO_E_SUCCESS);
    expect_u64(get64(&f.s, RET), 0);
    end_file(&f);
}

/* Buffers may overlap, and count as often as they are named. */
TEST(more_than_4_gib_in_all_is_refused)
{
    need_compiler();
    with_file f = open_file("abc", O_RDWR);
    guest g = {0};
    guest_import(&g, "wasi_snapshot_preview1", "fd_write", BYTES(0, (uint8_t)guest_type(&g, "iiii:i")));
    g.nimported++;
    guest_memory(&g, BYTES(0, 0x80, 0x80, 1)); /* 1 GiB */
    guest_func(&g, "go", "ii:i", BYTES(w_i32_const, 0, w_i32_const, 0, w_local_get, 0, w_i32_const, 48, w_call, 0, w_end));
    world w = world_before(compiled(&g));
    require(mote_wasi_link(w.linker, &w.err) == MOTE_OK && world_go(&w) == MOTE_OK);
    mote_wasi_attach(f.s.wasi, w.store);
    uint32_t *iovs = (uint32_t *)(void *)mote_memory_data(mote_instance_memory(w.instance, "memory"));
    for (int i = 0; i < 5; i++) iovs[2 * i] = 0, iovs[2 * i + 1] = (UINT32_C(1) << 30) - 1;
    expect_u64(call1(&w, "go", 5), MO_E_INVAL);
    expect_text(contents(&f), "abc");
    world_end(&w);
    end_file(&f);
}

TEST(a_descriptor_without_the_mode_is_ebadf)
{
    need_compiler();
    with_file f = open_file("abc", O_RDONLY), g = open_file("abc", O_WRONLY);
    put_iovec(&f.s, IOVS, BUF, 2);
    put_iovec(&g.s, IOVS, BUF, 2);
    expect_u64(CALL(&f.s, fd_write, 0, IOVS, 1, RET), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_pwrite, 0, IOVS, 1, 0, RET), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_filestat_set_size, 0, 0), MO_E_NOTCAPABLE);
    expect_u64(CALL(&f.s, fd_filestat_set_times, 0, 0, 0, MO_FST_ATIM), MO_E_NOTCAPABLE);
    expect_u64(CALL(&f.s, fd_allocate, 0, 0, 10), MO_E_NOTCAPABLE);
    expect_u64(CALL(&g.s, fd_read, 0, IOVS, 1, RET), MO_E_BADF);
    expect_u64(CALL(&g.s, fd_pread, 0, IOVS, 1, 0, RET), MO_E_BADF);
    expect_text(contents(&f), "abc");
    end_file(&f);
    end_file(&g);
}

/* --- offsets ---------------------------------------------------------------------- */

TEST(seek_and_tell)
{
    need_compiler();
    with_file f = open_file("abcdef", O_RDONLY);
    expect_u64(CALL(&f.s, fd_seek, 0, 4, MO_WHENCE_SET, RET), MO_E_SUCCESS);
    expect_u64(get64(&f.s, RET), 4);
    expect_u64(CALL(&f.s, fd_seek, 0, (uint64_t)-1, MO_WHENCE_CUR, RET), MO_E_SUCCESS);
    expect_u64(get64(&f.s, RET), 3);
    expect_u64(CALL(&f.s, fd_seek, 0, (uint64_t)-1, MO_WHENCE_END, RET), MO_E_SUCCESS);
    expect_u64(get64(&f.s, RET), 5);
    expect_u64(CALL(&f.s, fd_seek, 0, UINT64_C(1) << 40, MO_WHENCE_SET, RET), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_tell, 0, RET), MO_E_SUCCESS);
    expect_u64(get64(&f.s, RET), UINT64_C(1) << 40);
    expect_u64(CALL(&f.s, fd_seek, 0, (uint64_t)-1, MO_WHENCE_SET, RET), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_seek, 0, 0, 3, RET), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_seek, 9, 0, 0, RET), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_seek, 0, 1, MO_WHENCE_SET, MEMORY - 7), MO_E_FAULT);
    expect_u64(CALL(&f.s, fd_tell, 0, MEMORY - 7), MO_E_FAULT);
    expect_u64(CALL(&f.s, fd_tell, 0, RET), MO_E_SUCCESS);
    expect_u64(get64(&f.s, RET), UINT64_C(1) << 40); /* the fault moved nothing */
    end_file(&f);
}

TEST(without_the_right_there_is_no_seeking)
{
    need_compiler();
    with_file f = open_file("abcdef", O_RDWR);
    put_iovec(&f.s, IOVS, BUF, 2);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 0, MO_RIGHT_FD_READ | MO_RIGHT_FD_WRITE | MO_RIGHT_FD_TELL, 0), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_tell, 0, RET), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_seek, 0, 0, MO_WHENCE_CUR, RET), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_seek, 0, 1, MO_WHENCE_CUR, RET), MO_E_NOTCAPABLE);
    expect_u64(CALL(&f.s, fd_seek, 0, 0, MO_WHENCE_SET, RET), MO_E_NOTCAPABLE);
    expect_u64(CALL(&f.s, fd_pread, 0, IOVS, 1, 0, RET), MO_E_NOTCAPABLE);
    expect_u64(CALL(&f.s, fd_pwrite, 0, IOVS, 1, 0, RET), MO_E_NOTCAPABLE);
    expect_u64(CALL(&f.s, fd_read, 0, IOVS, 1, RET), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 0, MO_RIGHT_FD_READ, 0), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_tell, 0, RET), MO_E_NOTCAPABLE);
    end_file(&f);
}

/* --- flags and rights ------------------------------------------------------------------ */

TEST(fdstat_tells_kind_flags_and_rights)
{
    need_compiler();
    with_file f = open_file("abc", O_RDWR), g = open_file("abc", O_RDONLY | O_APPEND);
    memset(f.s.memory + STAT, 0xff, 32);
    expect_u64(CALL(&f.s, fd_fdstat_get, 0, STAT), MO_E_SUCCESS);
    expect_u64(get64(&f.s, STAT), MO_FILETYPE_REGULAR_FILE); /* flags and padding are zero */
    expect_u64(get64(&f.s, STAT + 16), 0);
    expect_u64(f.s.memory[STAT + 24], 0xff);
    uint64_t rights = get64(&f.s, STAT + 8);
    expect(rights & MO_RIGHT_FD_READ && rights & MO_RIGHT_FD_WRITE && rights & MO_RIGHT_FD_SEEK);
    expect(!(rights & (MO_RIGHT_PATH_OPEN | MO_RIGHT_FD_READDIR | MO_RIGHT_SOCK_ACCEPT)));
    expect_u64(CALL(&f.s, fd_fdstat_get, 0, MEMORY - 23), MO_E_FAULT);
    expect_u64(CALL(&f.s, fd_fdstat_get, 9, STAT), MO_E_BADF);
    expect_u64(CALL(&g.s, fd_fdstat_get, 0, STAT), MO_E_SUCCESS);
    expect_u64(get16(&g.s, STAT + 2), MO_FDFLAG_APPEND);
    expect(!(get64(&g.s, STAT + 8) & MO_RIGHT_FD_WRITE));
    end_file(&f);
    end_file(&g);
}

/* The host's open file may be shared: its flags are not touched. */
TEST(flags_are_the_guest_s_alone)
{
    need_compiler();
    with_file f = open_file("abcdef", O_RDWR);
    put_text(&f.s, BUF, "XY");
    put_iovec(&f.s, IOVS, BUF, 2);
    for (uint32_t flags = 1; flags < 32; flags++) {
        expect_u64(CALL(&f.s, fd_fdstat_set_flags, 0, flags), MO_E_SUCCESS);
        expect_u64(CALL(&f.s, fd_fdstat_get, 0, STAT), MO_E_SUCCESS);
        expect_u64(get16(&f.s, STAT + 2), flags);
        expect_u64(fcntl(f.s.wasi->descs[0].host, F_GETFL) & (O_APPEND | O_NONBLOCK | O_SYNC), 0);
        expect_u64(ftruncate(f.host, 6), 0);
        expect_u64(CALL(&f.s, fd_seek, 0, 0, MO_WHENCE_SET, RET), MO_E_SUCCESS);
        expect_u64(CALL(&f.s, fd_write, 0, IOVS, 1, RET), MO_E_SUCCESS);
        expect_text(contents(&f), flags & MO_FDFLAG_APPEND ? "abcdefXY" : "XYcdef");
        expect_u64(pwrite(f.host, "ab", 2, 0), 2);
    }
    expect_u64(CALL(&f.s, fd_fdstat_set_flags, 0, MO_FDFLAG_APPEND), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_pwrite, 0, IOVS, 1, 1, RET), MO_E_SUCCESS); /* where it is told, all the same */
    expect_text(contents(&f), "aXYdefXY");
    expect_u64(CALL(&f.s, fd_fdstat_set_flags, 0, 32), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_fdstat_set_flags, 0, UINT32_MAX), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_fdstat_set_flags, 9, 0), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 0, MO_RIGHT_FD_READ, 0), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_fdstat_set_flags, 0, 0), MO_E_NOTCAPABLE);
    end_file(&f);
}

TEST(rights_can_only_be_given_up)
{
    need_compiler();
    with_file f = open_file("abc", O_RDWR);
    expect(mote_wasi_preopen(f.s.wasi, "/", "/", MOTE_WASI_READ_ONLY, NULL) == MOTE_OK);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 0, MO_RIGHT_FD_READ | MO_RIGHT_FD_ADVISE, 0), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_fdstat_get, 0, STAT), MO_E_SUCCESS);
    expect_u64(get64(&f.s, STAT + 8), MO_RIGHT_FD_READ | MO_RIGHT_FD_ADVISE);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 0, MO_RIGHT_FD_READ | MO_RIGHT_FD_WRITE, 0), MO_E_NOTCAPABLE);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 0, UINT64_MAX, 0), MO_E_NOTCAPABLE);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 0, 0, 1), MO_E_NOTCAPABLE);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 9, 0, 0), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 3, MO_RIGHT_PATH_OPEN, MO_RIGHT_PATH_CREATE_FILE), MO_E_NOTCAPABLE);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 3, MO_RIGHT_PATH_OPEN, MO_RIGHT_FD_READ), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_fdstat_get, 3, STAT), MO_E_SUCCESS);
    expect_u64(get64(&f.s, STAT + 8), MO_RIGHT_PATH_OPEN);
    expect_u64(get64(&f.s, STAT + 16), MO_RIGHT_FD_READ);
    end_file(&f);
}

/* --- what is known of a file ----------------------------------------------------------------- */

TEST(filestat_is_what_the_system_knows)
{
    need_compiler();
    with_file f = open_file("abc", O_RDWR);
    struct stat st;
    const struct timespec times[2] = {{1234, 5678}, {-100, 0}};
    require(futimens(f.host, times) == 0 && fstat(f.host, &st) == 0);
    memset(f.s.memory + STAT, 0xff, 65);
    expect_u64(CALL(&f.s, fd_filestat_get, 0, STAT), MO_E_SUCCESS);
    expect_u64(get64(&f.s, STAT), st.st_dev);
    expect_u64(get64(&f.s, STAT + 8), st.st_ino);
    expect_u64(get64(&f.s, STAT + 16), MO_FILETYPE_REGULAR_FILE);
    expect_u64(get64(&f.s, STAT + 24), st.st_nlink);
    expect_u64(get64(&f.s, STAT + 32), 3);
    expect_u64(get64(&f.s, STAT + 40), UINT64_C(1234000005678));
    expect_u64(get64(&f.s, STAT + 48), 0); /* before 1970 */
    expect_u64(get64(&f.s, STAT + 56), (uint64_t)st.st_ctim.tv_sec * 1000000000 + (uint64_t)st.st_ctim.tv_nsec);
    expect_u64(f.s.memory[STAT + 64], 0xff);
    expect_u64(CALL(&f.s, fd_filestat_get, 0, MEMORY - 63), MO_E_FAULT);
    expect_u64(CALL(&f.s, fd_filestat_get, 9, STAT), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 0, MO_RIGHT_FD_READ, 0), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_filestat_get, 0, STAT), MO_E_NOTCAPABLE);
    end_file(&f);
}

TEST(sizes_grow_with_zeros_and_shrink)
{
    need_compiler();
    with_file f = open_file("abcdef", O_RDWR);
    expect_u64(CALL(&f.s, fd_filestat_set_size, 0, 2), MO_E_SUCCESS);
    expect_text(contents(&f), "ab");
    expect_u64(CALL(&f.s, fd_filestat_set_size, 0, 4), MO_E_SUCCESS);
    expect(lseek(f.host, 0, SEEK_END) == 4 && memcmp(contents(&f), "ab\0\0", 4) == 0);
    expect_u64(CALL(&f.s, fd_filestat_set_size, 0, UINT64_MAX), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_filestat_set_size, 9, 0), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_allocate, 0, 4, 6), MO_E_SUCCESS);
    expect_u64(lseek(f.host, 0, SEEK_END), 10);
    expect_u64(CALL(&f.s, fd_allocate, 0, 0, 5), MO_E_SUCCESS);
    expect_u64(lseek(f.host, 0, SEEK_END), 10);
    expect_u64(CALL(&f.s, fd_allocate, 0, 0, 0), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_allocate, 0, UINT64_MAX, 1), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_allocate, 0, 1, UINT64_MAX), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_allocate, 0, INT64_MAX, INT64_MAX), MO_E_FBIG);
    expect_u64(CALL(&f.s, fd_allocate, 9, 0, 1), MO_E_BADF);
    expect_u64(lseek(f.host, 0, SEEK_END), 10);
    end_file(&f);
}

static uint64_t fixed_clock(void *data, uint32_t clock) { return (void)data, clock == 0 ? UINT64_C(5000000007) : 0; }

TEST(timestamps_are_set_one_by_one)
{
    need_compiler();
    with_file f = open_file("abc", O_RDWR);
    struct stat st;
    expect_u64(CALL(&f.s, fd_filestat_set_times, 0, 3000000001, 4000000002, MO_FST_ATIM | MO_FST_MTIM), MO_E_SUCCESS);
    require(fstat(f.host, &st) == 0);
    expect(st.st_atim.tv_sec == 3 && st.st_atim.tv_nsec == 1 && st.st_mtim.tv_sec == 4 && st.st_mtim.tv_nsec == 2);
    expect_u64(CALL(&f.s, fd_filestat_set_times, 0, 9, 9000000000, MO_FST_MTIM), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_filestat_set_times, 0, 9, 9, 0), MO_E_SUCCESS);
    require(fstat(f.host, &st) == 0);
    expect(st.st_atim.tv_sec == 3 && st.st_mtim.tv_sec == 9);
    expect_u64(CALL(&f.s, fd_filestat_set_times, 0, 0, 0, MO_FST_ATIM_NOW), MO_E_SUCCESS);
    require(fstat(f.host, &st) == 0);
    expect(st.st_atim.tv_sec > 1600000000 && st.st_mtim.tv_sec == 9);
    mote_wasi_set_clock(f.s.wasi, fixed_clock, NULL); /* now is the guest's now */
    expect_u64(CALL(&f.s, fd_filestat_set_times, 0, 0, 0, MO_FST_MTIM_NOW), MO_E_SUCCESS);
    require(fstat(f.host, &st) == 0);
    expect(st.st_mtim.tv_sec == 5 && st.st_mtim.tv_nsec == 7);
    expect_u64(CALL(&f.s, fd_filestat_set_times, 0, 0, 0, MO_FST_ATIM | MO_FST_ATIM_NOW), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_filestat_set_times, 0, 0, 0, MO_FST_MTIM | MO_FST_MTIM_NOW), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_filestat_set_times, 0, 0, 0, 16), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_filestat_set_times, 9, 0, 0, 0), MO_E_BADF);
    end_file(&f);
}

TEST(advice_is_taken_or_refused)
{
    need_compiler();
    with_file f = open_file("abc", O_RDONLY);
    for (uint32_t advice = 0; advice < 6; advice++) expect_u64(CALL(&f.s, fd_advise, 0, 0, 3, advice), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_advise, 0, 0, 3, 6), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_advise, 0, UINT64_MAX, 3, 0), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_advise, 0, 0, UINT64_MAX, 0), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_advise, 9, 0, 0, 0), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 0, MO_RIGHT_FD_READ, 0), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_advise, 0, 0, 3, 0), MO_E_NOTCAPABLE);
    end_file(&f);
}

TEST(sync_of_files_and_folders)
{
    need_compiler();
    with_file f = open_file("abc", O_RDWR);
    expect(mote_wasi_preopen(f.s.wasi, "/tmp", "/", MOTE_WASI_READ_WRITE, NULL) == MOTE_OK);
    expect_u64(CALL(&f.s, fd_sync, 0), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_datasync, 0), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_sync, 3), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_datasync, 3), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_sync, 1), MO_E_INVAL);
    expect_u64(CALL(&f.s, fd_datasync, 9), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_fdstat_set_rights, 0, MO_RIGHT_FD_READ, 0), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_sync, 0), MO_E_NOTCAPABLE);
    expect_u64(CALL(&f.s, fd_datasync, 0), MO_E_NOTCAPABLE);
    end_file(&f);
}

TEST(a_folder_is_no_file)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    expect(mote_wasi_preopen(s.wasi, "/tmp", "/", MOTE_WASI_READ_WRITE, NULL) == MOTE_OK);
    put_iovec(&s, IOVS, BUF, 2);
    expect_u64(CALL(&s, fd_read, 3, IOVS, 1, RET), MO_E_ISDIR);
    expect_u64(CALL(&s, fd_pread, 3, IOVS, 1, 0, RET), MO_E_ISDIR);
    expect_u64(CALL(&s, fd_write, 3, IOVS, 1, RET), MO_E_BADF);
    expect_u64(CALL(&s, fd_pwrite, 3, IOVS, 1, 0, RET), MO_E_BADF);
    expect_u64(CALL(&s, fd_seek, 3, 0, MO_WHENCE_CUR, RET), MO_E_BADF);
    expect_u64(CALL(&s, fd_tell, 3, RET), MO_E_BADF);
    expect_u64(CALL(&s, fd_advise, 3, 0, 0, 0), MO_E_BADF);
    expect_u64(CALL(&s, fd_allocate, 3, 0, 1), MO_E_BADF);
    expect_u64(CALL(&s, fd_filestat_set_size, 3, 0), MO_E_BADF);
    expect_u64(CALL(&s, fd_filestat_get, 3, STAT), MO_E_SUCCESS);
    expect_u64(s.memory[STAT + 16], MO_FILETYPE_DIRECTORY);
    sandbox_end(&s);
}

TEST(timestamps_of_a_folder)
{
    need_compiler();
    char name[] = "/tmp/mote-files-XXXXXX";
    struct stat st;
    require(mkdtemp(name) != NULL);
    sandbox s = sandbox_of(new_wasi());
    expect(mote_wasi_preopen(s.wasi, name, "/", MOTE_WASI_READ_WRITE, NULL) == MOTE_OK);
    expect(mote_wasi_preopen(s.wasi, name, "/", MOTE_WASI_READ_ONLY, NULL) == MOTE_OK);
    expect_u64(CALL(&s, fd_filestat_set_times, 3, 3000000001, 4000000002, MO_FST_ATIM | MO_FST_MTIM), MO_E_SUCCESS);
    expect_u64(CALL(&s, fd_filestat_set_times, 4, 5000000001, 5000000002, MO_FST_ATIM | MO_FST_MTIM), MO_E_NOTCAPABLE);
    require(stat(name, &st) == 0);
    expect(st.st_atim.tv_sec == 3 && st.st_mtim.tv_sec == 4);
    sandbox_end(&s);
    rmdir(name);
}

/* --- descriptors ---------------------------------------------------------------------------------- */

TEST(a_closed_descriptor_is_gone)
{
    need_compiler();
    with_file f = open_file("abc", O_RDWR);
    int host = f.s.wasi->descs[0].host;
    expect_u64(CALL(&f.s, fd_close, 0), MO_E_SUCCESS);
    expect(fcntl(host, F_GETFD) < 0);
    expect_u64(CALL(&f.s, fd_close, 0), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_close, 3), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_close, UINT32_MAX), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_fdstat_get, 0, STAT), MO_E_BADF);
    end_file(&f);
}

TEST(renumber_moves_and_closes)
{
    need_compiler();
    with_file f = open_file("abc", O_RDWR);
    expect(mote_wasi_preopen(f.s.wasi, "/tmp", "/", MOTE_WASI_READ_WRITE, NULL) == MOTE_OK);
    int file = f.s.wasi->descs[0].host, folder = f.s.wasi->descs[3].host;
    expect_u64(CALL(&f.s, fd_renumber, 0, 0), MO_E_SUCCESS);
    expect_u64(CALL(&f.s, fd_renumber, 0, 4), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_renumber, 4, 0), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_renumber, UINT32_MAX, UINT32_MAX), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_renumber, 0, 3), MO_E_SUCCESS);
    expect(fcntl(folder, F_GETFD) < 0 && fcntl(file, F_GETFD) >= 0);
    expect_u64(CALL(&f.s, fd_fdstat_get, 0, STAT), MO_E_BADF);
    expect_u64(CALL(&f.s, fd_fdstat_get, 3, STAT), MO_E_SUCCESS);
    expect_u64(f.s.memory[STAT], MO_FILETYPE_REGULAR_FILE);
    expect(mote_wasi_preopen(f.s.wasi, "/tmp", "/", MOTE_WASI_READ_WRITE, NULL) == MOTE_OK); /* on 4: 3 is taken */
    expect_u64(CALL(&f.s, fd_fdstat_get, 4, STAT), MO_E_SUCCESS);
    end_file(&f);
}

TEST(the_lowest_free_number_is_next)
{
    mote_wasi *wasi = new_wasi();
    mo_desc d = {.kind = MO_DESC_INPUT, .host = -1};
    uint32_t fd;
    for (uint32_t i = 3; i < 40; i++) expect(mo_wasi_add(wasi, 0, &d, &fd) && fd == i);
    mo_wasi_drop(wasi, &wasi->descs[20]);
    mo_wasi_drop(wasi, &wasi->descs[5]);
    mo_wasi_drop(wasi, &wasi->descs[1]);
    expect(mo_wasi_add(wasi, 3, &d, &fd) && fd == 5);
    expect(mo_wasi_add(wasi, 3, &d, &fd) && fd == 20);
    expect(mo_wasi_add(wasi, 0, &d, &fd) && fd == 1);
    expect(mo_wasi_add(wasi, 0, &d, &fd) && fd == 40);
    expect(mo_wasi_add(wasi, 60, &d, &fd) && fd == 60);
    expect(mo_wasi_add(wasi, 0, &d, &fd) && fd == 41);
    mote_wasi_free(wasi);
}

/* --- disks that are full, files that are too large --------------------------------------------------- */

/* Inside a child with mounts of its own. */
static void fill_a_disk(void)
{
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("small", "/mnt", "tmpfs", 0, "size=64k"))
        skip("no mounts of our own: this needs root");
    sandbox s = sandbox_of(new_wasi());
    expect(mote_wasi_set_fd(s.wasi, 0, open("/mnt/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600), true, NULL) == MOTE_OK);
    put_iovec(&s, IOVS, BUF, 0x10000);
    expect_u64(CALL(&s, fd_write, 0, IOVS, 1, RET), MO_E_SUCCESS);
    expect_u64(get32(&s, RET), 0x10000);
    expect_u64(CALL(&s, fd_write, 0, IOVS, 1, RET), MO_E_NOSPC);
    expect_u64(CALL(&s, fd_pwrite, 0, IOVS, 1, 0x8000, RET), MO_E_SUCCESS);
    expect_u64(get32(&s, RET), 0x8000); /* what fits */
    expect_u64(CALL(&s, fd_allocate, 0, 0, 0x20000), MO_E_NOSPC);
    sandbox_end(&s);
}

static void exceed_a_limit(void)
{
    const struct rlimit limit = {1000, 1000};
    with_file f = open_file("", O_RDWR);
    require(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    put_iovec(&f.s, IOVS, BUF, 1500);
    expect_u64(CALL(&f.s, fd_write, 0, IOVS, 1, RET), MO_E_SUCCESS);
    expect_u64(get32(&f.s, RET), 1000);
    expect_u64(CALL(&f.s, fd_write, 0, IOVS, 1, RET), MO_E_FBIG); /* no SIGXFSZ */
    expect_u64(CALL(&f.s, fd_filestat_set_size, 0, 2000), MO_E_FBIG);
    expect_u64(CALL(&f.s, fd_allocate, 0, 0, 2000), MO_E_FBIG);
    end_file(&f);
}

/* 0: all well; 1: a claim failed; 2: skipped; else it died. */
static int in_child(void (*f)(void))
{
    fflush(NULL);
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        f();
        fflush(NULL);
        _exit(tests.failures ? 1 : tests.skipped ? 2 : 0);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST(a_full_disk_is_an_errno)
{
    need_compiler();
    sandbox_artifact(); /* the compiler is the parent's */
    int result = in_child(fill_a_disk);
    if (result == 2) skip("needs root, for a small tmpfs");
    expect_u64(result, 0);
}

TEST(a_file_beyond_the_process_s_limit_is_an_errno)
{
    need_compiler();
    sandbox_artifact();
    expect_u64(in_child(exceed_a_limit), 0);
}
