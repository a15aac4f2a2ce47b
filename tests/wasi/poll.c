/* poll_oneoff: clocks and descriptors in one wait, errors as events, and a guest that waits
 * can be ended from outside. */
#include "wasi/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RETN = 16, IN = 1024, OUT = 65536 };
enum { SUB = 48, EVENT = 32 };

/* --- subscriptions and events ------------------------------------------------- */

static void sub_clock(sandbox *s, uint32_t i, uint64_t userdata, uint32_t id, uint64_t timeout, uint16_t flags)
{
    uint32_t at = IN + i * SUB;
    put64(s, at, userdata);
    put64(s, at + 8, MO_EVENT_CLOCK);
    put64(s, at + 16, id);
    put64(s, at + 24, timeout);
    put64(s, at + 32, 0);
    put64(s, at + 40, flags);
}

static void sub_fd(sandbox *s, uint32_t i, uint64_t userdata, uint8_t type, uint32_t fd)
{
    uint32_t at = IN + i * SUB;
    put64(s, at, userdata);
    put64(s, at + 8, type);
    put64(s, at + 16, fd);
}

static uint32_t poll_all(sandbox *s, uint32_t n)
{
    put32(s, RETN, 0xdead);
    memset(s->memory + OUT, 0xee, 4 * EVENT);
    return CALL(s, poll_oneoff, IN, OUT, n, RETN);
}

static void check_event(const sandbox *s, uint32_t i, uint64_t userdata, uint32_t type, uint32_t error, uint64_t nbytes,
                        uint32_t flags, int line)
{
    uint32_t at = OUT + i * EVENT;
    test_u64(get64(s, at), userdata, __FILE__, line, "userdata");
    test_u64(get16(s, at + 8), error, __FILE__, line, "error");
    test_u64(s->memory[at + 10], type, __FILE__, line, "type");
    test_u64(get64(s, at + 16), nbytes, __FILE__, line, "nbytes");
    test_u64(get16(s, at + 24), flags, __FILE__, line, "flags");
}
#define expect_event(s, i, userdata, type, error, nbytes, flags) \
    check_event((s), (i), (userdata), MO_EVENT_##type, MO_E_##error, (nbytes), (flags), __LINE__)
#define expect_events(s, n, wanted)                         \
    do {                                                    \
        expect_u64(poll_all((s), (n)), MO_E_SUCCESS);       \
        expect_u64(get32((s), RETN), (wanted));             \
    } while (0)

/* A pipe's end as the guest's descriptor fd; the other is returned. */
static int pipe_as(mote_wasi *wasi, uint32_t fd)
{
    int ends[2];
    mote_error err;
    if (pipe2(ends, O_CLOEXEC)) exit(1);
    expect_u64(mote_wasi_set_fd(wasi, fd, ends[fd == 0 ? 0 : 1], true, &err), MOTE_OK);
    return ends[fd == 0 ? 1 : 0];
}

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* --- what the call itself refuses ---------------------------------------------- */

TEST(none_or_too_many_are_invalid)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    expect_u64(poll_all(&s, 0), MO_E_INVAL);
    expect_u64(poll_all(&s, 1u << 20), MO_E_INVAL);
    expect_u64(poll_all(&s, UINT32_MAX), MO_E_INVAL);
    expect_u64(get32(&s, RETN), 0xdead);
    sandbox_end(&s);
}

TEST(pointers_past_memory_fault_before_anything_waits)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    sub_clock(&s, 0, 1, MO_CLOCK_MONOTONIC, UINT64_MAX, 0);
    memcpy(s.memory + MEMORY - SUB + 1, s.memory + IN, SUB - 1);
    expect_u64(CALL(&s, poll_oneoff, MEMORY - SUB + 1, OUT, 1, RETN), MO_E_FAULT);
    expect_u64(CALL(&s, poll_oneoff, UINT32_MAX, OUT, 1, RETN), MO_E_FAULT);
    expect_u64(CALL(&s, poll_oneoff, IN, OUT, 4000, RETN), MO_E_FAULT);
    expect_u64(CALL(&s, poll_oneoff, IN, MEMORY - EVENT + 1, 1, RETN), MO_E_FAULT);
    expect_u64(CALL(&s, poll_oneoff, IN, UINT32_MAX, 1, RETN), MO_E_FAULT);
    expect_u64(CALL(&s, poll_oneoff, IN, OUT, 1, MEMORY - 3), MO_E_FAULT);
    sandbox_end(&s);
}

TEST(the_last_bytes_of_memory_will_do_unaligned_ones_too)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    sub_clock(&s, 0, 7, MO_CLOCK_MONOTONIC, 0, 0);
    memmove(s.memory + MEMORY - SUB, s.memory + IN, SUB);
    expect_u64(CALL(&s, poll_oneoff, MEMORY - SUB, 1, 1, 4093), MO_E_SUCCESS);
    expect_u64(get32(&s, 4093), 1);
    expect_u64(get64(&s, 1), 7);
    expect_u64(CALL(&s, poll_oneoff, MEMORY - SUB, MEMORY - SUB, 1, MEMORY - 4), MO_E_SUCCESS); /* over itself */
    expect_u64(get64(&s, MEMORY - SUB), 7);
    expect_u64(get32(&s, MEMORY - 4), 1);
    sandbox_end(&s);
}

/* --- clocks ---------------------------------------------------------------------- */

TEST(a_relative_clock_sleeps_that_long)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    for (uint32_t id = MO_CLOCK_REALTIME; id <= MO_CLOCK_MONOTONIC; id++) {
        uint64_t before = now_ns(CLOCK_MONOTONIC);
        sub_clock(&s, 0, 42, id, 5000000, 0);
        expect_events(&s, 1, 1);
        expect_event(&s, 0, 42, CLOCK, SUCCESS, 0, 0);
        expect(now_ns(CLOCK_MONOTONIC) - before >= 5000000);
    }
    sandbox_end(&s);
}

TEST(an_absolute_clock_sleeps_until_then)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    for (uint32_t id = MO_CLOCK_REALTIME; id <= MO_CLOCK_MONOTONIC; id++) {
        mo_errno err = CALL(&s, clock_time_get, id, 0, 8);
        uint64_t until = get64(&s, 8) + 5000000;
        expect_u64(err, MO_E_SUCCESS);
        sub_clock(&s, 0, 1, id, until, MO_SUBCLOCK_ABSTIME);
        expect_events(&s, 1, 1);
        expect_event(&s, 0, 1, CLOCK, SUCCESS, 0, 0);
        CALL(&s, clock_time_get, id, 0, 8);
        expect(get64(&s, 8) >= until);
    }
    sandbox_end(&s);
}

TEST(a_time_in_the_past_is_an_event_at_once)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    sub_clock(&s, 0, 1, MO_CLOCK_MONOTONIC, 1, MO_SUBCLOCK_ABSTIME);
    sub_clock(&s, 1, 2, MO_CLOCK_MONOTONIC, UINT64_MAX, 0);
    sub_clock(&s, 2, 3, MO_CLOCK_REALTIME, 0, MO_SUBCLOCK_ABSTIME);
    sub_clock(&s, 3, 4, MO_CLOCK_REALTIME, 0, 0);
    expect_events(&s, 4, 3);
    expect_event(&s, 0, 1, CLOCK, SUCCESS, 0, 0);
    expect_event(&s, 1, 3, CLOCK, SUCCESS, 0, 0);
    expect_event(&s, 2, 4, CLOCK, SUCCESS, 0, 0);
    sandbox_end(&s);
}

TEST(of_several_clocks_the_first_is_told)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    sub_clock(&s, 0, 1, MO_CLOCK_MONOTONIC, UINT64_C(3600000000000), 0);
    sub_clock(&s, 1, 2, MO_CLOCK_MONOTONIC, 1000000, 0);
    sub_clock(&s, 2, 3, MO_CLOCK_MONOTONIC, 1000000, 0);
    expect_events(&s, 3, 2);
    expect_event(&s, 0, 2, CLOCK, SUCCESS, 0, 0);
    expect_event(&s, 1, 3, CLOCK, SUCCESS, 0, 0);
    sandbox_end(&s);
}

TEST(clocks_that_nobody_sleeps_on_are_errors)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    sub_clock(&s, 0, 1, MO_CLOCK_PROCESS, UINT64_MAX, 0);
    sub_clock(&s, 1, 2, MO_CLOCK_THREAD, UINT64_MAX, 0);
    sub_clock(&s, 2, 3, 4, UINT64_MAX, 0);
    sub_clock(&s, 3, 4, UINT32_MAX, UINT64_MAX, 0);
    expect_events(&s, 4, 4);
    expect_event(&s, 0, 1, CLOCK, NOTSUP, 0, 0);
    expect_event(&s, 1, 2, CLOCK, NOTSUP, 0, 0);
    expect_event(&s, 2, 3, CLOCK, INVAL, 0, 0);
    expect_event(&s, 3, 4, CLOCK, INVAL, 0, 0);
    sandbox_end(&s);
}

/* --- descriptors ------------------------------------------------------------------- */

TEST(a_pipe_is_ready_when_it_has_bytes_or_room)
{
    need_compiler();
    mote_wasi *wasi = new_wasi();
    int to_guest = pipe_as(wasi, 0), from_guest = pipe_as(wasi, 1);
    sandbox s = sandbox_of(wasi);
    sub_fd(&s, 0, 10, MO_EVENT_FD_READ, 0);
    sub_clock(&s, 1, 11, MO_CLOCK_MONOTONIC, 1000000, 0);
    expect_events(&s, 2, 1); /* nothing to read */
    expect_event(&s, 0, 11, CLOCK, SUCCESS, 0, 0);
    expect(write(to_guest, "abc", 3) == 3);
    sub_clock(&s, 1, 11, MO_CLOCK_MONOTONIC, UINT64_C(3600000000000), 0);
    sub_fd(&s, 2, 12, MO_EVENT_FD_WRITE, 1);
    expect_events(&s, 3, 2);
    expect_event(&s, 0, 10, FD_READ, SUCCESS, 3, 0);
    expect_event(&s, 1, 12, FD_WRITE, SUCCESS, 1, 0);
    close(to_guest);
    close(from_guest);
    sandbox_end(&s);
}

static void *write_soon(void *fd)
{
    usleep(20000);
    expect(write(*(int *)fd, "x", 1) == 1);
    return NULL;
}

TEST(a_pipe_that_gets_bytes_ends_the_wait)
{
    need_compiler();
    mote_wasi *wasi = new_wasi();
    pthread_t thread;
    int to_guest = pipe_as(wasi, 0);
    sandbox s = sandbox_of(wasi);
    sub_clock(&s, 0, 1, MO_CLOCK_REALTIME, UINT64_C(3600000000000), 0);
    sub_fd(&s, 1, 2, MO_EVENT_FD_READ, 0);
    pthread_create(&thread, NULL, write_soon, &to_guest);
    expect_events(&s, 2, 1);
    expect_event(&s, 0, 2, FD_READ, SUCCESS, 1, 0);
    pthread_join(thread, NULL);
    close(to_guest);
    sandbox_end(&s);
}

TEST(a_pipe_without_another_end_hangs_up)
{
    need_compiler();
    mote_wasi *wasi = new_wasi();
    int to_guest = pipe_as(wasi, 0), from_guest = pipe_as(wasi, 1);
    sandbox s = sandbox_of(wasi);
    expect(write(to_guest, "ab", 2) == 2);
    close(to_guest);
    close(from_guest);
    sub_fd(&s, 0, 1, MO_EVENT_FD_READ, 0);
    sub_fd(&s, 1, 2, MO_EVENT_FD_WRITE, 1);
    expect_events(&s, 2, 2);
    expect_event(&s, 0, 1, FD_READ, SUCCESS, 2, MO_EVENTFLAG_HANGUP);
    expect_event(&s, 1, 2, FD_WRITE, SUCCESS, 1, MO_EVENTFLAG_HANGUP);
    put_iovec(&s, 0, 512, 8);
    expect_u64(CALL(&s, fd_read, 0, 0, 1, 8), MO_E_SUCCESS);
    expect_events(&s, 1, 1);
    expect_event(&s, 0, 1, FD_READ, SUCCESS, 0, MO_EVENTFLAG_HANGUP);
    sandbox_end(&s);
}

TEST(a_regular_file_is_always_ready)
{
    need_compiler();
    mote_wasi *wasi = new_wasi();
    mote_error err;
    char name[] = "/tmp/mote-test-XXXXXX";
    int file = mkstemp(name);
    require(file >= 0);
    unlink(name);
    expect(write(file, "0123456789", 10) == 10 && lseek(file, 4, SEEK_SET) == 4);
    expect_u64(mote_wasi_set_fd(wasi, 0, file, true, &err), MOTE_OK);
    sandbox s = sandbox_of(wasi);
    sub_fd(&s, 0, 1, MO_EVENT_FD_READ, 0);
    sub_fd(&s, 1, 2, MO_EVENT_FD_WRITE, 0);
    expect_events(&s, 2, 2);
    expect_event(&s, 0, 1, FD_READ, SUCCESS, 6, 0);
    expect_event(&s, 1, 2, FD_WRITE, SUCCESS, 1, 0);
    expect(lseek(file, 100, SEEK_SET) == 100);
    expect_events(&s, 1, 1);
    expect_event(&s, 0, 1, FD_READ, SUCCESS, 0, 0);
    sandbox_end(&s);
}

static int64_t write_nothing(void *data, const void *from, size_t len)
{
    (void)data, (void)from;
    return (int64_t)len;
}

TEST(what_the_embedder_answers_itself_is_always_ready)
{
    need_compiler();
    mote_wasi *wasi = new_wasi();
    mote_error err;
    expect_u64(mote_wasi_set_input(wasi, 0, "hello", 5, &err), MOTE_OK);
    expect_u64(mote_wasi_set_stream(wasi, 1, &(mote_wasi_stream){.write = write_nothing}, &err), MOTE_OK);
    sandbox s = sandbox_of(wasi);
    put_iovec(&s, 0, 512, 2);
    expect_u64(CALL(&s, fd_read, 0, 0, 1, 8), MO_E_SUCCESS);
    sub_fd(&s, 0, 1, MO_EVENT_FD_READ, 0);
    sub_fd(&s, 1, 2, MO_EVENT_FD_WRITE, 1);
    expect_events(&s, 2, 2);
    expect_event(&s, 0, 1, FD_READ, SUCCESS, 3, 0);
    expect_event(&s, 1, 2, FD_WRITE, SUCCESS, 1, 0);
    sandbox_end(&s);
}

TEST(descriptors_that_cannot_be_waited_for_are_errors)
{
    need_compiler();
    mote_wasi *wasi = new_wasi();
    mote_error err;
    expect_u64(mote_wasi_preopen(wasi, "/tmp", "/", MOTE_WASI_READ_ONLY, &err), MOTE_OK);
    int to_guest = pipe_as(wasi, 0);
    sandbox s = sandbox_of(wasi);
    sub_fd(&s, 0, 1, MO_EVENT_FD_READ, 99);
    sub_fd(&s, 1, 2, MO_EVENT_FD_WRITE, UINT32_MAX);
    sub_fd(&s, 2, 3, MO_EVENT_FD_READ, 3); /* a folder */
    sub_fd(&s, 3, 4, MO_EVENT_FD_READ, 0); /* a pipe with nothing in it: no event */
    sub_fd(&s, 4, 5, 3, 0);                /* no such type */
    expect_events(&s, 5, 4);
    expect_event(&s, 0, 1, FD_READ, BADF, 0, 0);
    expect_event(&s, 1, 2, FD_WRITE, BADF, 0, 0);
    expect_event(&s, 2, 3, FD_READ, BADF, 0, 0);
    expect_u64(get64(&s, OUT + 3 * EVENT), 5);
    expect_u64(get16(&s, OUT + 3 * EVENT + 8), MO_E_INVAL);
    close(to_guest);
    sandbox_end(&s);
}

TEST(rights_are_needed)
{
    need_compiler();
    mote_wasi *wasi = new_wasi();
    int to_guest = pipe_as(wasi, 0), from_guest = pipe_as(wasi, 1);
    sandbox s = sandbox_of(wasi);
    expect(write(to_guest, "x", 1) == 1);
    expect_u64(CALL(&s, fd_fdstat_set_rights, 0, MO_RIGHT_FD_READ, 0), MO_E_SUCCESS);
    expect_u64(CALL(&s, fd_fdstat_set_rights, 1, MO_RIGHT_POLL_FD_READWRITE, 0), MO_E_SUCCESS);
    sub_fd(&s, 0, 1, MO_EVENT_FD_READ, 0);
    sub_fd(&s, 1, 2, MO_EVENT_FD_WRITE, 1);
    expect_events(&s, 2, 2);
    expect_event(&s, 0, 1, FD_READ, NOTCAPABLE, 0, 0);
    expect_event(&s, 1, 2, FD_WRITE, NOTCAPABLE, 0, 0);
    close(to_guest);
    close(from_guest);
    sandbox_end(&s);
}

TEST(many_are_answered_in_their_order)
{
    need_compiler();
    enum { N = 500 };
    mote_wasi *wasi = new_wasi();
    int from_guest = pipe_as(wasi, 1);
    sandbox s = sandbox_of(wasi);
    for (uint32_t i = 0; i < N; i++) sub_fd(&s, i, i, MO_EVENT_FD_WRITE, 1);
    expect_events(&s, N, N);
    for (uint32_t i = 0; i < N; i++) expect_event(&s, i, i, FD_WRITE, SUCCESS, 1, 0);
    mo_alloc_fail_at(0);
    expect_u64(poll_all(&s, N), MO_E_NOMEM);
    mo_alloc_fail_at(UINT64_MAX);
    expect_events(&s, N, N);
    close(from_guest);
    sandbox_end(&s);
}

/* --- the embedder's clock and wait ---------------------------------------------------- */

typedef struct waits {
    int answer;
    size_t nfds;
    uint64_t timeout_ns;
    short events;
} waits;

static int note_wait(void *data, struct pollfd *fds, size_t nfds, uint64_t timeout_ns)
{
    waits *w = data;
    w->nfds = nfds;
    w->timeout_ns = timeout_ns;
    w->events = nfds ? fds[0].events : 0;
    for (size_t i = 0; i < nfds; i++) fds[i].revents = w->answer > 0 ? POLLIN : 0;
    return w->answer;
}

static uint64_t fixed_clock(void *data, uint32_t clock)
{
    (void)data;
    return clock == MO_CLOCK_REALTIME ? 1000 : 2000;
}

TEST(the_embedder_waits_and_tells_the_time)
{
    need_compiler();
    mote_wasi *wasi = new_wasi();
    waits w = {.answer = 0};
    int to_guest = pipe_as(wasi, 0);
    mote_wasi_set_wait(wasi, note_wait, &w);
    mote_wasi_set_clock(wasi, fixed_clock, NULL);
    sandbox s = sandbox_of(wasi);
    sub_clock(&s, 0, 1, MO_CLOCK_REALTIME, 1900, MO_SUBCLOCK_ABSTIME);
    sub_clock(&s, 1, 2, MO_CLOCK_MONOTONIC, 2800, MO_SUBCLOCK_ABSTIME);
    sub_fd(&s, 2, 3, MO_EVENT_FD_READ, 0);
    expect_events(&s, 3, 1);
    expect_u64(w.timeout_ns, 800);
    expect_u64(w.nfds, 1);
    expect_u64(w.events, POLLIN);
    expect_event(&s, 0, 2, CLOCK, SUCCESS, 0, 0);
    w.answer = 1;
    expect_events(&s, 3, 1);
    expect_event(&s, 0, 3, FD_READ, SUCCESS, 0, 0);
    w.answer = -ENOMEM;
    expect_u64(poll_all(&s, 3), MO_E_NOMEM);
    expect_u64(get32(&s, RETN), 0xdead);
    w.answer = 0;
    sub_fd(&s, 0, 3, MO_EVENT_FD_READ, 0);
    expect_events(&s, 1, 0); /* for ever is over: nothing happened */
    expect_u64(w.timeout_ns, UINT64_MAX);
    close(to_guest);
    sandbox_end(&s);
}

/* --- being ended from outside ----------------------------------------------------------- */

static void *interrupt_soon(void *store)
{
    usleep(20000);
    expect(mote_store_interrupt(store, MOTE_TRAP_INTERRUPTED));
    return NULL;
}

typedef uint32_t blocked(sandbox *s);

/* call blocks; an interrupt ends it, then a time limit does. */
static void ends(sandbox *s, blocked *call)
{
    pthread_t thread;
    mote_error err;
    pthread_create(&thread, NULL, interrupt_soon, s->w.store);
    call(s);
    expect_trap(&s->w, INTERRUPTED);
    pthread_join(thread, NULL);
    expect_u64(mote_store_set_timeout(s->w.store, 20000, &err), MOTE_OK);
    call(s);
    expect_trap(&s->w, TIMEOUT);
    expect_u64(mote_store_set_timeout(s->w.store, 0, &err), MOTE_OK);
    expect_u64(CALL(s, sched_yield, ), MO_E_SUCCESS);
    expect_u64(s->w.status, MOTE_OK);
}

static uint32_t poll_for_ever(sandbox *s)
{
    sub_fd(s, 0, 1, MO_EVENT_FD_READ, 0);
    sub_clock(s, 1, 2, MO_CLOCK_MONOTONIC, UINT64_MAX, 0);
    return poll_all(s, 2);
}

static uint32_t sleep_for_ever(sandbox *s)
{
    sub_clock(s, 0, 1, MO_CLOCK_REALTIME, UINT64_MAX, MO_SUBCLOCK_ABSTIME);
    return poll_all(s, 1);
}

static uint32_t read_pipe(sandbox *s)
{
    put_iovec(s, 0, 512, 8);
    return CALL(s, fd_read, 0, 0, 1, 8);
}

/* More than a pipe has room for. */
static uint32_t fill_pipe(sandbox *s)
{
    uint32_t err = MO_E_SUCCESS;
    put_iovec(s, 0, 4096, 65536);
    for (int i = 0; i < 1000 && err == MO_E_SUCCESS; i++) err = CALL(s, fd_write, 1, 0, 1, 8);
    return err;
}

TEST(a_guest_that_waits_can_be_ended)
{
    need_compiler();
    mote_wasi *wasi = new_wasi();
    int to_guest = pipe_as(wasi, 0), from_guest = pipe_as(wasi, 1);
    sandbox s = sandbox_of(wasi);
    ends(&s, poll_for_ever);
    ends(&s, sleep_for_ever);
    ends(&s, read_pipe);
    ends(&s, fill_pipe);
    close(to_guest);
    close(from_guest);
    sandbox_end(&s);
}
