/* Pipes, sockets, terminals, and what the embedder reads and writes itself: what may
 * block, end, break or be interrupted. */
#include "wasi/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZED 1
#elif defined(__has_feature)
#define THREAD_SANITIZED __has_feature(thread_sanitizer)
#else
#define THREAD_SANITIZED 0
#endif

enum { IOVS = 8, RET = 256, STAT = 512, BUF = 1024 };

static uint32_t read_0(sandbox *s, uint32_t len)
{
    put_iovec(s, IOVS, BUF, len);
    return CALL(s, fd_read, 0, IOVS, 1, RET);
}

static uint32_t write_1(sandbox *s, uint32_t len)
{
    put_iovec(s, IOVS, BUF, len);
    return CALL(s, fd_write, 1, IOVS, 1, RET);
}

/* A pipe or a pair of sockets: the guest has `mine`, as 0 or 1; the test the other. */
typedef struct channel {
    sandbox s;
    int other;
} channel;

static channel channel_of(bool sockets, uint32_t fd)
{
    channel l = {.s = sandbox_of(new_wasi())};
    int ends[2];
    if (sockets ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) : pipe2(ends, O_CLOEXEC)) exit(1);
    expect(mote_wasi_set_fd(l.s.wasi, fd, ends[fd], true, NULL) == MOTE_OK);
    l.other = ends[!fd];
    return l;
}

static void end_channel(channel *l)
{
    if (l->other >= 0) close(l->other);
    sandbox_end(&l->s);
}

/* As a kernel would have it that knows no RWF_NOWAIT for pipes. */
static void poll_first(channel *l, uint32_t fd, int on)
{
    l->s.wasi->descs[fd].poll_first = on && l->s.wasi->descs[fd].kind == MO_DESC_HOST;
}

/* --- reading and writing --------------------------------------------------------- */

static void reads(bool sockets, int first)
{
    channel l = channel_of(sockets, 0);
    poll_first(&l, 0, first);
    expect(write(l.other, "hello", 5) == 5);
    expect_u64(read_0(&l.s, 3), MO_E_SUCCESS);
    expect_u64(get32(&l.s, RET), 3);
    expect_u64(read_0(&l.s, 100), MO_E_SUCCESS); /* what is there, no more */
    expect_u64(get32(&l.s, RET), 2);
    expect(memcmp(l.s.memory + BUF, "lol", 3) == 0);
    close(l.other);
    l.other = -1;
    expect_u64(read_0(&l.s, 100), MO_E_SUCCESS);
    expect_u64(get32(&l.s, RET), 0);
    end_channel(&l);
}

TEST(reading_takes_what_is_there_and_then_the_end)
{
    need_compiler();
    for (int i = 0; i < 4; i++) reads(i & 1, i >> 1);
}

static void writes(bool sockets, int first)
{
    char text[8] = "";
    channel l = channel_of(sockets, 1);
    poll_first(&l, 1, first);
    memcpy(l.s.memory + BUF, "hello", 5);
    expect_u64(write_1(&l.s, 5), MO_E_SUCCESS);
    expect_u64(get32(&l.s, RET), 5);
    expect(read(l.other, text, sizeof text) == 5 && strcmp(text, "hello") == 0);
    close(l.other);
    l.other = -1;
    for (int i = 0; i < 3; i++) expect_u64(write_1(&l.s, 5), MO_E_PIPE); /* and nobody dies of it */
    end_channel(&l);
}

TEST(writing_to_a_closed_pipe_is_epipe)
{
    need_compiler();
    for (int i = 0; i < 4; i++) writes(i & 1, i >> 1);
}

static void *drain(void *data)
{
    const channel *l = data;
    static uint8_t bytes[MEMORY];
    size_t n = 0;
    ssize_t now;
    while ((now = read(l->other, bytes + n, n % 5000 + 1)) > 0) n += (size_t)now;
    return bytes;
}

/* More than a pipe holds: the guest's call ends when all is written. */
TEST(a_write_that_blocks_writes_all)
{
    need_compiler();
    for (int i = 0; i < 4; i++) {
        channel l = channel_of(i & 1, 1);
        poll_first(&l, 1, i >> 1);
        for (uint32_t at = BUF; at < MEMORY; at++) l.s.memory[at] = (uint8_t)(at * 7 >> 3);
        pthread_t reader;
        void *bytes;
        pthread_create(&reader, NULL, drain, &l);
        uint32_t len = MEMORY - BUF;
        put_iovec(&l.s, IOVS, BUF, 1000);
        put_iovec(&l.s, IOVS + 8, BUF + 1000, len - 1000);
        expect_u64(CALL(&l.s, fd_write, 1, IOVS, 2, RET), MO_E_SUCCESS);
        expect_u64(get32(&l.s, RET), len);
        expect_u64(CALL(&l.s, fd_close, 1), MO_E_SUCCESS);
        pthread_join(reader, &bytes);
        expect(memcmp(bytes, l.s.memory + BUF, len) == 0);
        end_channel(&l);
    }
}

TEST(nonblocking_is_the_guest_s_view_alone)
{
    need_compiler();
    for (int i = 0; i < 4; i++) {
        channel in = channel_of(i & 1, 0), out = channel_of(i & 1, 1);
        poll_first(&in, 0, i >> 1);
        poll_first(&out, 1, i >> 1);
        expect_u64(CALL(&in.s, fd_fdstat_set_flags, 0, MO_FDFLAG_NONBLOCK), MO_E_SUCCESS);
        expect_u64(read_0(&in.s, 5), MO_E_AGAIN);
        expect(!(fcntl(in.s.wasi->descs[0].host, F_GETFL) & O_NONBLOCK));
        expect(write(in.other, "x", 1) == 1);
        expect_u64(read_0(&in.s, 5), MO_E_SUCCESS);
        expect_u64(get32(&in.s, RET), 1);
        expect_u64(CALL(&out.s, fd_fdstat_set_flags, 1, MO_FDFLAG_NONBLOCK), MO_E_SUCCESS);
        uint64_t total = 0;
        uint32_t e;
        while ((e = write_1(&out.s, 60000)) == MO_E_SUCCESS && total < 10000000) total += get32(&out.s, RET);
        expect_u64(e, MO_E_AGAIN);
        expect(total >= 60000);
        end_channel(&in);
        end_channel(&out);
    }
}

TEST(there_is_no_offset)
{
    need_compiler();
    for (int sockets = 0; sockets < 2; sockets++) {
        channel l = channel_of(sockets, 0);
        put_iovec(&l.s, IOVS, BUF, 5);
        expect_u64(CALL(&l.s, fd_seek, 0, 0, MO_WHENCE_SET, RET), MO_E_SPIPE);
        expect_u64(CALL(&l.s, fd_tell, 0, RET), MO_E_SPIPE);
        expect_u64(CALL(&l.s, fd_pread, 0, IOVS, 1, 0, RET), MO_E_SPIPE);
        expect_u64(CALL(&l.s, fd_sync, 0), MO_E_INVAL);
        expect_u64(CALL(&l.s, fd_filestat_get, 0, STAT), MO_E_SUCCESS);
        expect_u64(l.s.memory[STAT + 16], sockets ? MO_FILETYPE_SOCKET_STREAM : MO_FILETYPE_UNKNOWN);
        expect_u64(CALL(&l.s, fd_fdstat_get, 0, STAT), MO_E_SUCCESS);
        expect(!(get64(&l.s, STAT + 8) & (MO_RIGHT_FD_SEEK | MO_RIGHT_FD_TELL)));
        end_channel(&l);
    }
}

/* A C library tells a terminal by its kind and by the lack of the right to seek. */
TEST(a_terminal_is_a_device_without_an_offset)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    int host = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (host < 0 || grantpt(host) || unlockpt(host)) skip("no terminals here");
    int guest_end = open(ptsname(host), O_RDWR | O_NOCTTY | O_CLOEXEC);
    require(guest_end >= 0);
    expect(mote_wasi_set_fd(s.wasi, 1, guest_end, true, NULL) == MOTE_OK);
    expect(mote_wasi_set_fd(s.wasi, 2, open("/dev/null", O_RDWR | O_CLOEXEC), true, NULL) == MOTE_OK);
    for (uint32_t fd = 1; fd < 3; fd++) {
        expect_u64(CALL(&s, fd_fdstat_get, fd, STAT), MO_E_SUCCESS);
        expect_u64(s.memory[STAT], MO_FILETYPE_CHARACTER_DEVICE);
        expect_u64(get64(&s, STAT + 8) & MO_RIGHT_FD_SEEK, fd == 1 ? 0 : MO_RIGHT_FD_SEEK);
    }
    char text[8] = "";
    memcpy(s.memory + BUF, "hi\n", 3);
    expect_u64(write_1(&s, 3), MO_E_SUCCESS);
    expect_u64(get32(&s, RET), 3);
    expect(read(host, text, sizeof text) == 4 && memcmp(text, "hi\r\n", 4) == 0);
    expect(write(host, "in\n", 3) == 3);
    put_iovec(&s, IOVS, BUF, 100);
    expect_u64(CALL(&s, fd_read, 1, IOVS, 1, RET), MO_E_SUCCESS);
    expect_u64(get32(&s, RET), 3);
    sandbox_end(&s);
    close(host);
}

/* --- being interrupted --------------------------------------------------------------- */

static void *interrupt_soon(void *store)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    expect(mote_store_interrupt(store, MOTE_TRAP_INTERRUPTED));
    return NULL;
}

TEST(a_guest_that_waits_can_be_interrupted)
{
    need_compiler();
    if (THREAD_SANITIZED) skip("signals come late under the thread sanitizer");
    for (int i = 0; i < 8; i++) {
        uint32_t fd = i & 1;
        channel l = channel_of(i & 2, fd);
        pthread_t thread;
        poll_first(&l, fd, i >> 2);
        if (fd == 1) { /* full, so that the guest's write waits */
            CALL(&l.s, fd_fdstat_set_flags, 1, MO_FDFLAG_NONBLOCK);
            while (write_1(&l.s, 4096) == MO_E_SUCCESS) continue;
            CALL(&l.s, fd_fdstat_set_flags, 1, 0);
        }
        pthread_create(&thread, NULL, interrupt_soon, l.s.w.store);
        fd == 0 ? read_0(&l.s, 10) : write_1(&l.s, 10);
        expect_trap(&l.s.w, INTERRUPTED);
        pthread_join(thread, NULL);
        expect_u64(CALL(&l.s, sched_yield, ), MO_E_SUCCESS); /* the next call is none of its business */
        end_channel(&l);
    }
}

/* Whenever the time is up: before the system call, in it, between. */
TEST(a_guest_that_waits_runs_out_of_time)
{
    need_compiler();
    if (THREAD_SANITIZED) skip("signals come late under the thread sanitizer");
    channel l = channel_of(false, 0);
    for (uint32_t i = 0; i < 500; i++) {
        expect(mote_store_set_timeout(l.s.w.store, 1 + i % 250, NULL) == MOTE_OK);
        read_0(&l.s, 10);
        expect_trap(&l.s.w, TIMEOUT);
    }
    expect(mote_store_set_timeout(l.s.w.store, 0, NULL) == MOTE_OK);
    expect(write(l.other, "x", 1) == 1);
    expect_u64(read_0(&l.s, 10), MO_E_SUCCESS);
    end_channel(&l);
}

static void nothing(int number) { (void)number; }

static void *disturb(void *main_thread)
{
    for (int i = 0; i < 50; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
        pthread_kill(*(pthread_t *)main_thread, SIGUSR1);
    }
    return NULL;
}

static void *disturb_and_write(void *p)
{
    channel *l = p;
    pthread_t *reader = (void *)&l[1];
    disturb(reader);
    if (write(l->other, "x", 1) != 1) exit(1);
    return NULL;
}

/* Signals that are the embedder's interrupt the system's call, not the guest's. */
TEST(other_signals_are_not_the_guest_s)
{
    need_compiler();
    struct { channel l; pthread_t self; } both = {channel_of(false, 0), pthread_self()};
    struct sigaction action = {.sa_handler = nothing}, old;
    sigaction(SIGUSR1, &action, &old);
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        poll_first(&both.l, 0, i);
        pthread_create(&thread, NULL, disturb_and_write, &both);
        expect_u64(read_0(&both.l.s, 10), MO_E_SUCCESS);
        expect_u64(get32(&both.l.s, RET), 1);
        pthread_join(thread, NULL);
    }
    sigaction(SIGUSR1, &old, NULL);
    end_channel(&both.l);
}

/* --- the one place that waits -------------------------------------------------------------- */

typedef struct waiter {
    int calls, result, other;
    uint64_t timeout_ns;
    short events;
    bool make_ready;
    mote_store *interrupt;
} waiter;

static int wait_by_hand(void *data, struct pollfd *fds, size_t nfds, uint64_t timeout_ns)
{
    waiter *w = data;
    char bytes[4096];
    w->calls++;
    w->timeout_ns = timeout_ns;
    w->events = nfds ? fds[0].events : 0;
    if (w->interrupt) mote_store_interrupt(w->interrupt, MOTE_TRAP_TIMEOUT);
    if (w->make_ready && w->events & POLLIN) expect(write(w->other, "late", 4) == 4);
    while (w->make_ready && w->events & POLLOUT && read(w->other, bytes, sizeof bytes) > 0) continue;
    if (w->make_ready) return poll(fds, nfds, 0);
    return w->result;
}

TEST(an_embedder_waits_for_the_guest)
{
    need_compiler();
    for (int i = 0; i < 4; i++) {
        channel l = channel_of(i & 1, 0);
        poll_first(&l, 0, i >> 1);
        waiter w = {.other = l.other, .make_ready = true};
        mote_wasi_set_wait(l.s.wasi, wait_by_hand, &w);
        expect_u64(read_0(&l.s, 10), MO_E_SUCCESS);
        expect_u64(get32(&l.s, RET), 4);
        expect(w.calls == 1 && w.timeout_ns == UINT64_MAX && w.events == POLLIN);
        w = (waiter){.result = -EIO};
        expect_u64(read_0(&l.s, 10), MO_E_IO);
        expect_u64(w.calls, 1);
        end_channel(&l);
    }
}

/* Without a thread's help: what the guest writes in one call is more than fits. */
TEST(an_embedder_waits_while_the_guest_writes)
{
    need_compiler();
    for (int i = 0; i < 4; i++) {
        channel l = channel_of(i & 1, 1);
        int small = 4096;
        setsockopt(l.s.wasi->descs[1].host, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        fcntl(l.other, F_SETPIPE_SZ, 4096);
        poll_first(&l, 1, i >> 1);
        fcntl(l.other, F_SETFL, O_NONBLOCK);
        waiter w = {.other = l.other, .make_ready = true};
        mote_wasi_set_wait(l.s.wasi, wait_by_hand, &w);
        expect_u64(write_1(&l.s, 40000), MO_E_SUCCESS);
        expect_u64(get32(&l.s, RET), 40000);
        expect(w.calls >= 2 && w.events == POLLOUT);
        end_channel(&l);
    }
}

TEST(an_interrupted_wait_of_the_embedder_ends_the_call)
{
    need_compiler();
    channel l = channel_of(false, 0);
    waiter w = {.result = -EINTR, .interrupt = l.s.w.store};
    mote_wasi_set_wait(l.s.wasi, wait_by_hand, &w);
    read_0(&l.s, 10);
    expect_trap(&l.s.w, TIMEOUT);
    expect_u64(w.calls, 1);
    end_channel(&l);
}

/* --- the embedder's bytes and functions ------------------------------------------------------ */

TEST(bytes_are_read_to_their_end)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    expect(mote_wasi_set_input(s.wasi, 0, "abcdef", 6, NULL) == MOTE_OK);
    put_iovec(&s, IOVS, BUF, 2);
    put_iovec(&s, IOVS + 8, BUF + 2, 3);
    expect_u64(CALL(&s, fd_read, 0, IOVS, 2, RET), MO_E_SUCCESS);
    expect_u64(get32(&s, RET), 5);
    expect(memcmp(s.memory + BUF, "abcde", 5) == 0);
    expect_u64(CALL(&s, fd_read, 0, IOVS, 2, RET), MO_E_SUCCESS);
    expect_u64(get32(&s, RET), 1);
    expect_u64(CALL(&s, fd_read, 0, IOVS, 2, RET), MO_E_SUCCESS);
    expect_u64(get32(&s, RET), 0);
    expect_u64(CALL(&s, fd_pread, 0, IOVS, 2, 0, RET), MO_E_SPIPE);
    expect_u64(CALL(&s, fd_seek, 0, 0, MO_WHENCE_SET, RET), MO_E_SPIPE);
    expect_u64(CALL(&s, fd_filestat_get, 0, STAT), MO_E_SUCCESS);
    expect_u64(s.memory[STAT + 16], MO_FILETYPE_UNKNOWN);
    expect_u64(CALL(&s, fd_filestat_set_size, 0, 0), MO_E_NOTCAPABLE);
    expect(mote_wasi_set_input(s.wasi, 0, NULL, 0, NULL) == MOTE_OK);
    expect_u64(CALL(&s, fd_read, 0, IOVS, 2, RET), MO_E_SUCCESS);
    sandbox_end(&s);
}

typedef struct tape {
    char text[64];
    size_t len, most;
    int64_t error;
} tape;

static int64_t record(void *data, const void *from, size_t len)
{
    tape *t = data;
    if (t->error) return t->error;
    if (len > t->most) len = t->most;
    memcpy(t->text + t->len, from, len);
    t->len += len;
    return (int64_t)len;
}

static int64_t play(void *data, void *to, size_t len)
{
    tape *t = data;
    if (t->error) return t->error;
    if (len > t->most) len = t->most;
    memset(to, 'p', len);
    return (int64_t)len;
}

TEST(functions_move_what_they_like)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    tape t = {.most = 3};
    const mote_wasi_stream stream = {.read = play, .write = record, .data = &t};
    expect(mote_wasi_set_stream(s.wasi, 1, &stream, NULL) == MOTE_OK);
    memcpy(s.memory + BUF, "abcdef", 6);
    put_iovec(&s, IOVS, BUF, 2);
    put_iovec(&s, IOVS + 8, BUF + 2, 4);
    expect_u64(CALL(&s, fd_write, 1, IOVS, 2, RET), MO_E_SUCCESS);
    expect_u64(get32(&s, RET), 5);
    expect_text(t.text, "abcde");
    expect_u64(CALL(&s, fd_read, 1, IOVS, 2, RET), MO_E_SUCCESS);
    expect_u64(get32(&s, RET), 5);
    expect(memcmp(s.memory + BUF, "pppppf", 6) == 0);
    t.error = -ENOSPC;
    expect_u64(CALL(&s, fd_write, 1, IOVS, 2, RET), MO_E_NOSPC);
    t.error = -EIO;
    expect_u64(CALL(&s, fd_read, 1, IOVS, 2, RET), MO_E_IO);
    t.error = 1000; /* more than was offered */
    expect_u64(CALL(&s, fd_write, 1, IOVS, 2, RET), MO_E_IO);
    expect_u64(CALL(&s, fd_read, 1, IOVS, 2, RET), MO_E_IO);
    t.error = INT64_MIN;
    expect_u64(CALL(&s, fd_write, 1, IOVS, 2, RET), MO_E_IO);
    expect_u64(CALL(&s, fd_pwrite, 1, IOVS, 2, 0, RET), MO_E_SPIPE);
    sandbox_end(&s);
}

/* --- signals that are none of the guest's ------------------------------------------------------ */

/* The host's own writes still die of a closed pipe, as they did without mote. */
TEST(the_host_keeps_its_own_sigpipe)
{
    int status, ends[2];
    mote_wasi_free(new_wasi());
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (pipe(ends) || close(ends[0])) _exit(1);
        if (write(ends[1], "x", 1) < 0) _exit(2);
        _exit(3);
    }
    require(waitpid(child, &status, 0) == child);
    expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}
