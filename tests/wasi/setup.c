/* What an embedder sets, and what is left where it fails. */
#include "wasi/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int open_null(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }
/* The number that the next descriptor gets: the same before and after if none leaked. */
static int next_fd(void)
{
    int fd = open_null();
    close(fd);
    return fd;
}

static int listener(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un at = {.sun_family = AF_UNIX}; /* only a family: the system makes up a name */
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&at, sizeof at.sun_family) || listen(fd, 1))) {
        close(fd);
        return -1;
    }
    return fd;
}

TEST(a_new_one_reads_nothing_and_writes_nowhere)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    memcpy(s.memory + 100, "hello", 5);
    put_iovec(&s, 8, 100, 5);
    for (uint32_t fd = 1; fd < 3; fd++) {
        expect_u64(CALL(&s, fd_write, fd, 8, 1, 16), MO_E_SUCCESS);
        expect_u64(get32(&s, 16), 5);
        expect_u64(CALL(&s, fd_read, fd, 8, 1, 16), MO_E_BADF);
    }
    expect_u64(CALL(&s, fd_read, 0, 8, 1, 16), MO_E_SUCCESS);
    expect_u64(get32(&s, 16), 0);
    expect_u64(CALL(&s, fd_write, 0, 8, 1, 16), MO_E_BADF);
    expect_u64(CALL(&s, fd_fdstat_get, 3, 200), MO_E_BADF);
    sandbox_end(&s);
}

TEST(only_standard_descriptors_can_be_set)
{
    mote_wasi *wasi = new_wasi();
    mote_error err;
    const mote_wasi_stream none = {0};
    expect(mote_wasi_set_input(wasi, 3, "", 0, &err) == MOTE_MISUSE);
    expect(mote_wasi_set_stream(wasi, UINT32_MAX, &none, &err) == MOTE_MISUSE);
    expect(mote_wasi_set_fd(wasi, 3, 1, false, &err) == MOTE_MISUSE);
    expect(mote_wasi_set_fd(wasi, 0, -1, false, &err) == MOTE_IO);
    expect(mote_wasi_set_fd(wasi, 0, 1 << 20, true, &err) == MOTE_IO);
    expect(strstr(err.message, strerror(EBADF)) != NULL);
    mote_wasi_free(wasi);
}

TEST(what_is_owned_is_closed_and_what_is_not_stays)
{
    int before = next_fd(), ours = open("/dev/null", O_RDWR | O_CLOEXEC), theirs = open("/dev/null", O_RDWR | O_CLOEXEC);
    mote_wasi *wasi = new_wasi();
    expect(mote_wasi_set_fd(wasi, 0, ours, false, NULL) == MOTE_OK);
    expect(mote_wasi_set_fd(wasi, 1, theirs, true, NULL) == MOTE_OK);
    expect(mote_wasi_set_input(wasi, 1, "", 0, NULL) == MOTE_OK); /* closes what was there */
    expect(fcntl(theirs, F_GETFD) < 0);
    mote_wasi_free(wasi);
    expect(fcntl(ours, F_GETFD) >= 0);
    close(ours);
    expect_u64(next_fd(), before);
}

static void count_end(void *data) { ++*(int *)data; }

TEST(a_stream_is_closed_once)
{
    need_compiler();
    int n = 0;
    const mote_wasi_stream stream = {.close = count_end, .data = &n};
    sandbox s = sandbox_of(new_wasi());
    for (uint32_t fd = 0; fd < 3; fd++) expect(mote_wasi_set_stream(s.wasi, fd, &stream, NULL) == MOTE_OK);
    expect_u64(CALL(&s, fd_close, 0), MO_E_SUCCESS);
    expect_u64(n, 1);
    expect(mote_wasi_set_input(s.wasi, 1, "", 0, NULL) == MOTE_OK);
    expect_u64(n, 2);
    expect(mote_wasi_set_input(s.wasi, 0, "", 0, NULL) == MOTE_OK); /* a number that the guest closed */
    sandbox_end(&s);
    expect_u64(n, 3);
}

TEST(a_folder_that_cannot_be_granted)
{
    mote_wasi *wasi = new_wasi();
    mote_error err;
    int before = next_fd();
    expect(mote_wasi_preopen(wasi, "/there/is/no/such/folder", "/", MOTE_WASI_READ_ONLY, &err) == MOTE_IO);
    expect(strstr(err.message, "/there/is/no/such/folder") && strstr(err.message, strerror(ENOENT)));
    expect(mote_wasi_preopen(wasi, "/dev/null", "/", MOTE_WASI_READ_ONLY, &err) == MOTE_IO);
    expect(mote_wasi_preopen(wasi, "/", "/", (mote_wasi_access)2, &err) == MOTE_MISUSE);
    expect_u64(next_fd(), before);
    mote_wasi_free(wasi);
}

TEST(grants_take_the_next_number_from_3)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    int sock = listener();
    require(sock >= 0);
    expect_u64(CALL(&s, fd_close, 0), MO_E_SUCCESS); /* a free number below 3 stays free */
    expect(mote_wasi_preopen(s.wasi, "/", "/", MOTE_WASI_READ_ONLY, NULL) == MOTE_OK);
    expect(mote_wasi_preopen_socket(s.wasi, sock, NULL) == MOTE_OK);
    expect(mote_wasi_preopen(s.wasi, "/tmp", "/tmp", MOTE_WASI_READ_WRITE, NULL) == MOTE_OK);
    expect_u64(CALL(&s, fd_fdstat_get, 0, 100), MO_E_BADF);
    static const uint8_t types[] = {MO_FILETYPE_DIRECTORY, MO_FILETYPE_SOCKET_STREAM, MO_FILETYPE_DIRECTORY};
    for (uint32_t fd = 3; fd < 6; fd++) {
        expect_u64(CALL(&s, fd_fdstat_get, fd, 100), MO_E_SUCCESS);
        expect_u64(s.memory[100], types[fd - 3]);
    }
    expect_u64(CALL(&s, fd_fdstat_get, 3, 100), MO_E_SUCCESS);
    expect(!(get64(&s, 108) & MO_RIGHTS_WRITING) && !(get64(&s, 116) & MO_RIGHT_PATH_CREATE_FILE));
    expect(get64(&s, 108) & MO_RIGHT_PATH_OPEN && get64(&s, 116) & MO_RIGHT_FD_READ);
    sandbox_end(&s);
    expect(fcntl(sock, F_GETFD) < 0); /* it was wasi's */
}

TEST(only_a_socket_that_listens_is_granted)
{
    mote_wasi *wasi = new_wasi();
    mote_error err;
    int pair[2], file = open("/dev/null", O_RDWR | O_CLOEXEC);
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    expect(mote_wasi_preopen_socket(wasi, pair[0], &err) == MOTE_MISUSE);
    expect(mote_wasi_preopen_socket(wasi, file, &err) == MOTE_IO);
    expect(mote_wasi_preopen_socket(wasi, -1, &err) == MOTE_IO);
    expect(fcntl(pair[0], F_GETFD) >= 0 && fcntl(file, F_GETFD) >= 0); /* still the caller's */
    close(pair[0]), close(pair[1]), close(file);
    mote_wasi_free(wasi);
}

TEST(a_folder_as_standard_input_is_no_grant)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    expect(mote_wasi_set_fd(s.wasi, 0, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), true, NULL) == MOTE_OK);
    expect_u64(CALL(&s, fd_fdstat_get, 0, 100), MO_E_SUCCESS);
    expect_u64(s.memory[100], MO_FILETYPE_DIRECTORY);
    expect(!(get64(&s, 108) & (MO_RIGHT_PATH_OPEN | MO_RIGHT_FD_READDIR | MO_RIGHT_PATH_FILESTAT_GET)));
    expect_u64(get64(&s, 116), 0);
    put_iovec(&s, 8, 64, 4);
    expect_u64(CALL(&s, fd_read, 0, 8, 1, 16), MO_E_ISDIR);
    memcpy(s.memory + 64, "etc", 3);
    expect_u64(CALL(&s, path_filestat_get, 0, 0, 64, 3, 200), MO_E_NOTCAPABLE);
    sandbox_end(&s);
}

TEST(without_one_attached_a_call_traps)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    mote_wasi_attach(NULL, s.w.store);
    CALL(&s, sched_yield, );
    expect_trap(&s.w, HOST);
    expect(strstr(s.w.err.message, "wasi") != NULL);
    mote_wasi_attach(s.wasi, s.w.store);
    expect_u64(CALL(&s, sched_yield, ), MO_E_SUCCESS);
    sandbox_end(&s);
}

/* A guest that exports no memory has no pointers. */
TEST(without_a_memory_every_pointer_is_wrong)
{
    need_compiler();
    guest g = {0};
    guest_import(&g, "wasi_snapshot_preview1", "random_get", BYTES(0, (uint8_t)guest_type(&g, "ii:i")));
    g.nimported++;
    guest_func(&g, "go", "ii:i", BYTES(w_local_get, 0, w_local_get, 1, w_call, 0, w_end));
    world w = world_before(compiled(&g));
    mote_wasi *wasi = new_wasi();
    require(mote_wasi_link(w.linker, &w.err) == MOTE_OK && world_go(&w) == MOTE_OK);
    mote_wasi_attach(wasi, w.store);
    expect_u64(call2(&w, "go", 0, 1), MO_E_FAULT);
    expect_u64(call2(&w, "go", 0, 0), MO_E_FAULT);
    expect_ok(&w);
    world_end(&w);
    mote_wasi_free(wasi);
}

/* --- memory that is out ------------------------------------------------------------ */

/* All that takes memory, one after the other; the first failure is the result. */
static mote_status set_everything(mote_wasi **ret)
{
    const char *args[] = {"a", "b"};
    mote_status status = mote_wasi_new(ret, NULL);
    if (!status) status = mote_wasi_set_args(*ret, args, 2, NULL);
    if (!status) status = mote_wasi_set_env(*ret, "A", "1", NULL);
    if (!status) status = mote_wasi_set_env(*ret, "A", "22", NULL);
    for (int i = 0; i < 10 && !status; i++) status = mote_wasi_preopen(*ret, "/", "/x", MOTE_WASI_READ_ONLY, NULL);
    if (!status) {
        int sock = listener();
        status = mote_wasi_preopen_socket(*ret, sock, NULL);
        if (status == MOTE_NOMEM) expect(close(sock) == 0); /* still ours */
    }
    return status;
}

TEST(each_failed_allocation_is_told_and_leaves_nothing)
{
    uint64_t live = mo_alloc_live(), n = 0;
    int fd = next_fd();
    for (mote_status status = MOTE_NOMEM; status == MOTE_NOMEM; n++) {
        mote_wasi *wasi = NULL;
        mo_alloc_fail_at(n);
        status = set_everything(&wasi);
        mo_alloc_fail_at(UINT64_MAX);
        expect(status == MOTE_NOMEM || status == MOTE_OK);
        mote_wasi_free(wasi);
        expect_u64(mo_alloc_live(), live);
        expect_u64(next_fd(), fd);
    }
    expect(n > 15);
}

TEST(a_failed_setting_keeps_the_old_one)
{
    mote_wasi *wasi = new_wasi();
    const char *args[] = {"old", "new"};
    mote_error err;
    require(mote_wasi_set_args(wasi, args, 1, NULL) == MOTE_OK && mote_wasi_set_env(wasi, "A", "old", NULL) == MOTE_OK);
    mo_alloc_fail_at(0);
    expect(mote_wasi_set_args(wasi, args, 2, &err) == MOTE_NOMEM);
    mo_alloc_fail_at(0);
    expect(mote_wasi_set_env(wasi, "A", "new", &err) == MOTE_NOMEM);
    mo_alloc_fail_at(UINT64_MAX);
    expect(wasi->nargs == 1 && wasi->args_len == 4 && memcmp(wasi->args, "old", 4) == 0);
    expect(wasi->nenv == 1 && wasi->env_len == 6 && memcmp(wasi->env, "A=old", 6) == 0);
    mote_wasi_free(wasi);
}

/* Every allocation of linking, too. */
TEST(linking_survives_each_failed_allocation)
{
    need_compiler();
    uint64_t n = 0;
    for (mote_status status = MOTE_NOMEM; status == MOTE_NOMEM; n++) {
        mote_linker *linker = NULL;
        require(mote_linker_new(engine, &linker, NULL) == MOTE_OK);
        mo_alloc_fail_at(n);
        status = mote_wasi_link(linker, NULL);
        mo_alloc_fail_at(UINT64_MAX);
        expect(status == MOTE_NOMEM || status == MOTE_OK);
        mote_linker_free(linker);
    }
    expect(n > 4);
}
