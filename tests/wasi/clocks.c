/* Time and randomness: the system's, and those that an embedder makes up. */
#include "wasi/sandbox.h"

#include <errno.h>
#include <time.h>

static uint64_t now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* --- clocks ------------------------------------------------------------------- */

TEST(the_system_s_clocks_are_told)
{
    need_compiler();
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                       CLOCK_THREAD_CPUTIME_ID};
    sandbox s = sandbox_of(new_wasi());
    for (uint32_t i = 0; i < MO_COUNT(clocks); i++) {
        uint64_t before = now(clocks[i]);
        expect_u64(CALL(&s, clock_time_get, i, 1, 8), MO_E_SUCCESS);
        uint64_t after = now(clocks[i]);
        expect(get64(&s, 8) >= before && get64(&s, 8) <= after);
        expect_u64(CALL(&s, clock_res_get, i, 8), MO_E_SUCCESS);
        expect(get64(&s, 8) > 0 && get64(&s, 8) < 1000000000);
    }
    sandbox_end(&s);
}

TEST(other_clocks_and_wrong_pointers_are_refused)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    for (uint64_t clock = 4; clock <= UINT32_MAX; clock = clock * 16 + 3) {
        expect_u64(CALL(&s, clock_time_get, clock, 0, 8), MO_E_INVAL);
        expect_u64(CALL(&s, clock_res_get, clock, 8), MO_E_INVAL);
    }
    expect_u64(CALL(&s, clock_time_get, 0, 0, MEMORY - 8), MO_E_SUCCESS);
    expect_u64(CALL(&s, clock_time_get, 0, 0, MEMORY - 7), MO_E_FAULT);
    expect_u64(CALL(&s, clock_time_get, 0, UINT64_MAX, UINT32_MAX), MO_E_FAULT);
    expect_u64(CALL(&s, clock_res_get, 0, MEMORY - 7), MO_E_FAULT);
    sandbox_end(&s);
}

static uint64_t made_up(void *data, uint32_t clock)
{
    uint64_t *calls = data;
    return 1000 * ++*calls + clock;
}

TEST(an_embedder_s_clock_is_the_only_one)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    uint64_t calls = 0;
    mote_wasi_set_clock(s.wasi, made_up, &calls);
    for (uint32_t i = 0; i < 4; i++) {
        expect_u64(CALL(&s, clock_time_get, i, 0, 8), MO_E_SUCCESS);
        expect_u64(get64(&s, 8), 1000 * (i + 1) + i);
        expect_u64(CALL(&s, clock_res_get, i, 8), MO_E_SUCCESS);
        expect_u64(get64(&s, 8), 1);
    }
    expect_u64(CALL(&s, clock_time_get, 4, 0, 8), MO_E_INVAL);
    expect_u64(calls, 4);
    mote_wasi_set_clock(s.wasi, NULL, NULL);
    expect_u64(CALL(&s, clock_time_get, 0, 0, 8), MO_E_SUCCESS);
    expect(get64(&s, 8) > UINT64_C(1600000000) * 1000000000);
    sandbox_end(&s);
}

/* --- randomness ------------------------------------------------------------------ */

TEST(random_bytes_fill_what_was_asked_and_no_more)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    expect_u64(CALL(&s, random_get, 100, 64), MO_E_SUCCESS);
    unsigned zeros = 0;
    for (uint32_t i = 0; i < 64; i++) zeros += s.memory[100 + i] == 0;
    expect(zeros < 16);
    expect_u64(s.memory[99], 0);
    expect_u64(s.memory[164], 0);
    expect_u64(CALL(&s, random_get, 0, MEMORY), MO_E_SUCCESS);
    for (uint32_t at = 0; at < MEMORY; at += 4096) { /* each page has its own */
        expect(get64(&s, at) || get64(&s, at + 8));
        expect(get64(&s, at) != get64(&s, at + 8));
    }
    expect_u64(CALL(&s, random_get, MEMORY, 0), MO_E_SUCCESS);
    sandbox_end(&s);
}

TEST(random_bytes_stay_inside_of_memory)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    expect_u64(CALL(&s, random_get, 0, MEMORY + 1), MO_E_FAULT);
    expect_u64(CALL(&s, random_get, MEMORY - 1, 2), MO_E_FAULT);
    expect_u64(CALL(&s, random_get, UINT32_MAX, UINT32_MAX), MO_E_FAULT);
    expect_u64(get64(&s, 0), 0); /* nothing was written */
    sandbox_end(&s);
}

/* 1 GiB takes the system seconds: a time limit is not kept waiting for that long. */
TEST(many_random_bytes_can_be_interrupted)
{
    need_compiler();
    guest g = {0};
    guest_import(&g, "wasi_snapshot_preview1", "random_get", BYTES(0, (uint8_t)guest_type(&g, "ii:i")));
    g.nimported++;
    guest_memory(&g, BYTES(0, 0x80, 0x80, 1)); /* 1 GiB */
    guest_func(&g, "go", "ii:i", BYTES(w_i32_const, 0, w_i32_const, 0x80, 0x80, 0x80, 0x80, 4, w_call, 0, w_end));
    world w = world_before(compiled(&g));
    mote_wasi *wasi = new_wasi();
    require(mote_wasi_link(w.linker, &w.err) == MOTE_OK && world_go(&w) == MOTE_OK);
    mote_wasi_attach(wasi, w.store);
    expect(mote_store_set_timeout(w.store, 5000, NULL) == MOTE_OK);
    uint64_t start = now(CLOCK_THREAD_CPUTIME_ID);
    call0(&w, "go");
    expect_trap(&w, TIMEOUT);
    fprintf(stderr, "%" PRIu64 " us of processor time for a limit of 5 ms\n",
            (now(CLOCK_THREAD_CPUTIME_ID) - start) / 1000);
    world_end(&w);
    mote_wasi_free(wasi);
}

static int counted(void *data, void *to, size_t len)
{
    uint8_t *next = data;
    for (size_t i = 0; i < len; i++) ((uint8_t *)to)[i] = (*next)++;
    return len == 13 ? -EIO : 0;
}

TEST(an_embedder_s_random_bytes_are_the_only_ones)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    uint8_t next = 1;
    mote_wasi_set_random(s.wasi, counted, &next);
    expect_u64(CALL(&s, random_get, 8, 8), MO_E_SUCCESS);
    expect_u64(get64(&s, 8), UINT64_C(0x0807060504030201));
    expect_u64(CALL(&s, random_get, 8, 13), MO_E_IO);
    expect_u64(CALL(&s, random_get, MEMORY, 1), MO_E_FAULT);
    sandbox_end(&s);
}
