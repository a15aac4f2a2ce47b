/* What a call of WASI costs beside the system call that it is made of, in nanoseconds:
 * the least of several rounds of this thread's CPU time. Not part of the suite. */
#include "wasi/sandbox.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 200000, ROUNDS = 9 };

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* "name" calls the import so many times with those constants (each below 64). */
static void loop_of(guest *g, const char *name, uint8_t import, const char *params, const uint8_t *args)
{
    uint8_t body[64];
    size_t n = 0;
    body[n++] = w_loop;
    body[n++] = T_EMPTY;
    for (size_t i = 0; params[i]; i++) {
        body[n++] = params[i] == 'l' ? w_i64_const : w_i32_const;
        body[n++] = args[i];
    }
    const uint8_t end[] = {w_call, import, w_local_set, 1, w_local_get, 0, w_i32_const, 1, w_i32_sub, w_local_tee, 0,
                           w_br_if, 0, w_end, w_local_get, 1, w_end};
    memcpy(body + n, end, sizeof end);
    guest_func(g, name, "i:i:i", (mo_span){body, n + sizeof end});
}

static double guest_ns(world *w, const char *name)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns();
        int32_t e = call1(w, name, CALLS);
        uint64_t took = now_ns() - start;
        if (e || w->status) printf("%s: errno %d, status %d\n", name, e, w->status);
        least = took < least ? took : least;
    }
    return (double)least / CALLS;
}

static int zero, null, file;
static char buffer[64];
static void time_natively(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); }
static void random_natively(void) { if (getrandom(buffer, 32, 0) != 32) abort(); }
static void read_natively(void) { if (read(zero, buffer, 16) != 16) abort(); }
static void write_natively(void) { if (write(null, buffer, 16) != 16) abort(); }
static void pread_natively(void) { if (pread(file, buffer, 16, 0) != 16) abort(); }
static void pwrite_natively(void) { if (pwrite(file, buffer, 16, 0) != 16) abort(); }

static double native_ns(void (*f)(void))
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns();
        for (int k = 0; k < CALLS; k++) f();
        uint64_t took = now_ns() - start;
        least = took < least ? took : least;
    }
    return (double)least / CALLS;
}

TEST(costs)
{
    static const struct { const char *name; uint8_t args[6]; void (*native)(void); } rows[] = {
        {"clock_time_get", {1, 0, 32}, time_natively},
        {"random_get", {32, 32}, random_natively},
        {"fd_read", {0, 8, 1, 16}, read_natively},
        {"fd_write", {1, 8, 1, 16}, write_natively},
        {"fd_pread", {2, 8, 1, 0, 16}, pread_natively},
        {"fd_pwrite", {2, 8, 1, 0, 16}, pwrite_natively},
        {"sched_yield", {0}, NULL},
        {"fd_fdstat_get", {0, 32}, NULL},
    };
    need_compiler();
    guest g = {0};
    for (size_t i = 0; i < MO_COUNT(rows); i++) import_one(&g, "wasi_snapshot_preview1", rows[i].name);
    guest_memory(&g, BYTES(0, 1));
    for (size_t i = 0; i < MO_COUNT(rows); i++) loop_of(&g, rows[i].name, (uint8_t)i, params_of(rows[i].name), rows[i].args);
    world w = world_before(compiled(&g));
    mote_wasi *wasi = new_wasi();
    char name[] = "/tmp/mote-bench-XXXXXX";
    zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    file = mkstemp(name);
    unlink(name);
    require(write(file, buffer, 64) == 64 && mote_wasi_link(w.linker, &w.err) == MOTE_OK && world_go(&w) == MOTE_OK);
    mote_wasi_attach(wasi, w.store);
    mote_wasi_set_fd(wasi, 0, zero, false, NULL);
    mote_wasi_set_fd(wasi, 1, null, false, NULL);
    mote_wasi_set_fd(wasi, 2, file, false, NULL);
    uint32_t *memory = (uint32_t *)(void *)mote_memory_data(mote_instance_memory(w.instance, "memory"));
    memory[2] = 64;
    memory[3] = 16;
    printf("%-16s %8s %8s\n", "ns per call", "guest", "native");
    for (size_t i = 0; i < MO_COUNT(rows); i++)
        printf("%-16s %8.1f %8.1f\n", rows[i].name, guest_ns(&w, rows[i].name),
               rows[i].native ? native_ns(rows[i].native) : 0);
    mote_wasi_free(wasi);
    world_end(&w);
}
