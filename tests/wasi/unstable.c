/* wasi_unstable: what lies or counts differently there. */
#include "wasi/sandbox.h"

#include <fcntl.h>
#include <unistd.h>

enum { RET = 16 };

static sandbox with_file(const char *bytes)
{
    char name[] = "/tmp/mote-test-XXXXXX";
    mote_error err;
    mote_wasi *wasi = new_wasi();
    int file = mkstemp(name);
    unlink(name);
    expect(file >= 0 && write(file, bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
    expect_u64(mote_wasi_set_fd(wasi, 0, file, true, &err), MOTE_OK);
    return sandbox_of(wasi);
}

TEST(whence_counts_from_the_current_place)
{
    need_compiler();
    sandbox s = with_file("0123456789");
    enum { CUR, END, SET };
    expect_u64(CALL(&s, unstable_fd_seek, 0, 4, SET, RET), MO_E_SUCCESS);
    expect_u64(get64(&s, RET), 4);
    expect_u64(CALL(&s, unstable_fd_seek, 0, 2, CUR, RET), MO_E_SUCCESS);
    expect_u64(get64(&s, RET), 6);
    expect_u64(CALL(&s, unstable_fd_seek, 0, (uint64_t)-1, END, RET), MO_E_SUCCESS);
    expect_u64(get64(&s, RET), 9);
    expect_u64(CALL(&s, fd_seek, 0, 3, MO_WHENCE_SET, RET), MO_E_SUCCESS);
    expect_u64(get64(&s, RET), 3);
    expect_u64(CALL(&s, unstable_fd_seek, 0, 0, 3, RET), MO_E_INVAL);
    expect_u64(CALL(&s, unstable_fd_seek, 0, 0, UINT32_MAX, RET), MO_E_INVAL);
    expect_u64(CALL(&s, unstable_fd_seek, 99, 0, SET, RET), MO_E_BADF);
    expect_u64(CALL(&s, unstable_fd_seek, 0, 0, SET, MEMORY - 7), MO_E_FAULT);
    expect_u64(CALL(&s, unstable_fd_seek, 0, (uint64_t)-1, SET, RET), MO_E_INVAL);
    sandbox_end(&s);
}

TEST(a_subscription_is_longer)
{
    need_compiler();
    enum { IN = 1024, OUT = 4096, SUB = 56 };
    sandbox s = with_file("abc");
    put64(&s, IN, 1); /* a clock: userdata, type, its own userdata, id, timeout, precision, flags */
    put64(&s, IN + 8, MO_EVENT_CLOCK);
    put64(&s, IN + 16, 77);
    put64(&s, IN + 24, MO_CLOCK_MONOTONIC);
    put64(&s, IN + 32, 1);
    put64(&s, IN + 48, MO_SUBCLOCK_ABSTIME);
    put64(&s, IN + SUB, 2);
    put64(&s, IN + SUB + 8, MO_EVENT_FD_READ);
    put64(&s, IN + SUB + 16, 0);
    expect_u64(CALL(&s, fd_seek, 0, 1, MO_WHENCE_SET, RET), MO_E_SUCCESS);
    expect_u64(CALL(&s, unstable_poll_oneoff, IN, OUT, 2, RET), MO_E_SUCCESS);
    expect_u64(get32(&s, RET), 2);
    expect_u64(get64(&s, OUT), 1);
    expect_u64(get16(&s, OUT + 8), MO_E_SUCCESS);
    expect_u64(get64(&s, OUT + 32), 2);
    expect_u64(s.memory[OUT + 32 + 10], MO_EVENT_FD_READ);
    expect_u64(get64(&s, OUT + 32 + 16), 2);
    memmove(s.memory + MEMORY - SUB + 1, s.memory + IN, SUB - 1);
    expect_u64(CALL(&s, unstable_poll_oneoff, MEMORY - SUB + 1, OUT, 1, RET), MO_E_FAULT);
    memmove(s.memory + MEMORY - SUB, s.memory + IN, SUB);
    expect_u64(CALL(&s, unstable_poll_oneoff, MEMORY - SUB, OUT, 1, RET), MO_E_SUCCESS);
    expect_u64(CALL(&s, unstable_poll_oneoff, IN, OUT, 0, RET), MO_E_INVAL);
    sandbox_end(&s);
}

/* The fields of a filestat after filetype. */
enum { NLINK = 20, SIZE = 24, ATIM = 32, MTIM = 40, CTIM = 48, FILESTAT = 56 };

static void same_stat(const sandbox *s, uint32_t old, uint32_t now)
{
    expect(memcmp(s->memory + old, s->memory + now, 17) == 0);
    expect_u64(get32(s, old + NLINK), get64(s, now + MO_FILESTAT_NLINK));
    expect_u64(get64(s, old + SIZE), get64(s, now + MO_FILESTAT_LEN));
    expect_u64(get64(s, old + ATIM), get64(s, now + MO_FILESTAT_ATIM));
    expect_u64(get64(s, old + MTIM), get64(s, now + MO_FILESTAT_MTIM));
    expect_u64(get64(s, old + CTIM), get64(s, now + MO_FILESTAT_CTIM));
}

TEST(a_filestat_is_shorter)
{
    need_compiler();
    sandbox s = with_file("hello");
    memset(s.memory + 1024, 0xee, 256);
    expect_u64(CALL(&s, unstable_fd_filestat_get, 0, 1024), MO_E_SUCCESS);
    expect_u64(CALL(&s, fd_filestat_get, 0, 2048), MO_E_SUCCESS);
    same_stat(&s, 1024, 2048);
    expect_u64(get64(&s, 1024 + SIZE), 5);
    expect_u64(s.memory[1024 + FILESTAT], 0xee); /* nothing behind it is written */
    expect_u64(CALL(&s, unstable_fd_filestat_get, 0, MEMORY - FILESTAT), MO_E_SUCCESS);
    expect_u64(CALL(&s, unstable_fd_filestat_get, 0, MEMORY - FILESTAT + 1), MO_E_FAULT);
    expect_u64(CALL(&s, unstable_fd_filestat_get, 99, 1024), MO_E_BADF);
    sandbox_end(&s);
}

TEST(so_is_that_of_a_path)
{
    need_compiler();
    char name[] = "/tmp/mote-test-XXXXXX", path[64];
    mote_error err;
    require(mkdtemp(name) != NULL);
    snprintf(path, sizeof path, "%s/file", name);
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    expect(file >= 0 && write(file, "123", 3) == 3);
    close(file);
    mote_wasi *wasi = new_wasi();
    expect_u64(mote_wasi_preopen(wasi, name, "/", MOTE_WASI_READ_ONLY, &err), MOTE_OK);
    sandbox s = sandbox_of(wasi);
    memcpy(s.memory + 512, "file", 4);
    memset(s.memory + 1024, 0xee, 256);
    expect_u64(CALL(&s, unstable_path_filestat_get, 3, 0, 512, 4, 1024), MO_E_SUCCESS);
    expect_u64(CALL(&s, path_filestat_get, 3, 0, 512, 4, 2048), MO_E_SUCCESS);
    same_stat(&s, 1024, 2048);
    expect_u64(get64(&s, 1024 + SIZE), 3);
    expect_u64(s.memory[1024 + FILESTAT], 0xee);
    expect_u64(CALL(&s, unstable_path_filestat_get, 3, 0, 512, 4, MEMORY - FILESTAT), MO_E_SUCCESS);
    expect_u64(CALL(&s, unstable_path_filestat_get, 3, 0, 512, 4, MEMORY - FILESTAT + 1), MO_E_FAULT);
    expect_u64(CALL(&s, unstable_path_filestat_get, 3, 0, 512, 3, 1024), MO_E_NOENT);
    sandbox_end(&s);
    unlink(path);
    rmdir(name);
}
