/* Guests whose state is kept: chance is refused, or the same at each run; and what is open
 * beyond the grants is told. */
#include "wasi/sandbox.h"

#include <stdlib.h>
#include <unistd.h>

static sandbox frozen(unsigned fixed)
{
    mote_wasi *wasi = new_wasi();
    mote_wasi_freeze(wasi, fixed);
    return sandbox_of(wasi);
}

#define expect_refused(s)                             \
    do {                                              \
        expect_u64((s)->w.status, MOTE_TRAP);         \
        expect_u64((s)->w.err.trap, MOTE_TRAP_HOST);  \
    } while (0)

TEST(chance_ends_a_frozen_guest)
{
    need_compiler();
    sandbox s = frozen(0);
    for (uint32_t clock = 0; clock < 4; clock++) {
        CALL(&s, clock_time_get, clock, 0, 8);
        expect_refused(&s);
    }
    expect_u64(mote_wasi_asked(s.wasi), MOTE_WASI_CLOCKS);
    CALL(&s, random_get, 8, 8);
    expect_refused(&s);
    expect_u64(mote_wasi_asked(s.wasi), MOTE_WASI_CLOCKS | MOTE_WASI_RANDOM);
    /* The resolution says nothing; a clock that is none, and a bad pointer, are errors as ever. */
    expect_u64(CALL(&s, clock_res_get, 0, 8), MO_E_SUCCESS);
    expect_u64(get64(&s, 8), 1);
    expect_u64(CALL(&s, clock_time_get, 9, 0, 8), MO_E_INVAL);
    expect_u64(CALL(&s, random_get, MEMORY - 4, 8), MO_E_FAULT);
    sandbox_end(&s);
}

/* A time to wait until is one way to learn what time it is. */
TEST(waiting_until_a_time_is_refused)
{
    need_compiler();
    enum { SUBSCRIPTION = 64, EVENTS = 128, ABSOLUTE = 1 };
    sandbox s = frozen(0);
    put64(&s, SUBSCRIPTION + 24, 1);             /* the timeout, nanoseconds */
    s.memory[SUBSCRIPTION + 40] = ABSOLUTE;
    CALL(&s, poll_oneoff, SUBSCRIPTION, EVENTS, 1, 8);
    expect_refused(&s);
    s.memory[SUBSCRIPTION + 40] = 0;
    expect_u64(CALL(&s, poll_oneoff, SUBSCRIPTION, EVENTS, 1, 8), MO_E_SUCCESS);
    sandbox_end(&s);
}

static uint64_t never_asked(void *data, uint32_t clock)
{
    (void)clock;
    ++*(unsigned *)data;
    return 77;
}

static void see(unsigned fixed, uint8_t ret[32])
{
    unsigned asked = 0;
    sandbox s = frozen(fixed);
    mote_wasi_set_clock(s.wasi, never_asked, &asked);
    expect_u64(CALL(&s, clock_time_get, 0, 0, 8), MO_E_SUCCESS);
    expect_u64(CALL(&s, clock_time_get, 1, 0, 16), MO_E_SUCCESS);
    expect(get64(&s, 16) > get64(&s, 8));
    expect_u64(CALL(&s, random_get, 24, 15), MO_E_SUCCESS);
    expect_u64(asked, 0);
    memcpy(ret, s.memory + 8, 32);
    sandbox_end(&s);
}

TEST(what_is_fixed_is_the_same_each_time)
{
    need_compiler();
    uint8_t a[32], b[32];
    see(MOTE_WASI_CLOCKS | MOTE_WASI_RANDOM, a);
    see(MOTE_WASI_CLOCKS | MOTE_WASI_RANDOM, b);
    expect(memcmp(a, b, sizeof a) == 0);
    expect(mo_get64(a + 16) != 0 && mo_get32(a + 24) != 0 && a[31] == 0); /* 15 bytes, no more */
    sandbox s = frozen(MOTE_WASI_RANDOM);
    CALL(&s, random_get, 8, 8);
    expect_u64(s.w.status, MOTE_OK);
    CALL(&s, clock_time_get, 0, 0, 8);
    expect_refused(&s);
    sandbox_end(&s);
}

TEST(what_the_guest_opened_is_told)
{
    need_compiler();
    char folder[] = "/tmp/mote-freeze-XXXXXX";
    mote_wasi *wasi = new_wasi();
    mote_error err;
    uint32_t fd = 99;
    require(mkdtemp(folder) != NULL);
    require(mote_wasi_preopen(wasi, folder, "d", MOTE_WASI_READ_WRITE, &err) == MOTE_OK);
    sandbox s = sandbox_of(wasi);
    expect_u64(mote_wasi_opened(wasi, &fd), 0);
    s.memory[64] = '.';
    for (uint32_t i = 0; i < 2; i++)
        expect_u64(CALL(&s, path_open, 3, 0, 64, 1, MO_OFLAG_DIRECTORY, MO_RIGHT_FD_READDIR, 0, 0, 8), MO_E_SUCCESS);
    expect_u64(mote_wasi_opened(wasi, &fd), 2);
    expect_u64(fd, 4);
    expect_u64(CALL(&s, fd_close, 4), MO_E_SUCCESS);
    expect_u64(mote_wasi_opened(wasi, &fd), 1);
    expect_u64(fd, 5);
    /* What takes the place of a granted one is not granted. */
    expect_u64(CALL(&s, fd_renumber, 5, 3), MO_E_SUCCESS);
    expect_u64(mote_wasi_opened(wasi, &fd), 1);
    expect_u64(fd, 3);
    expect_u64(CALL(&s, fd_close, 3), MO_E_SUCCESS);
    expect_u64(mote_wasi_opened(wasi, &fd), 0);
    sandbox_end(&s);
    rmdir(folder);
}
