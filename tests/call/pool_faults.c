/* Pools where the system refuses: each system call that maps fails in turn, mappings and
 * addresses run out. An error is told, what is lent next is new, nothing is lost.
 * The linker sends the library's mmap, mprotect, madvise, ioctl, open and syscall through here
 * (--wrap; mmap64 and open64 are the names with offsets of 64 bits). */
#include "call/guest.h"
#include "instance/reset.h"
#include "instance/watch.h"
#include "mote/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- system calls that fail --------------------------------------------------- */

static uint64_t fail_in = UINT64_MAX, fail_for; /* calls until the first failure, failures in a row */
static bool failed;

static bool fails_now(void)
{
    if (fail_in == UINT64_MAX || fail_in-- > 0) return false;
    failed = true;
    fail_in = --fail_for ? 0 : UINT64_MAX;
    errno = ENOMEM;
    return true;
}

static void fail_at(uint64_t n, uint64_t times)
{
    fail_in = n;
    fail_for = times;
    failed = false;
}

#define WRAP(type, name, declared, given, failure)  \
    type __real_##name declared;                    \
    type __wrap_##name declared;                    \
    type __wrap_##name declared { return fails_now() ? (failure) : __real_##name given; }
WRAP(void *, mmap64, (void *at, size_t len, int prot, int flags, int fd, off_t from), (at, len, prot, flags, fd, from), MAP_FAILED)
WRAP(int, mprotect, (void *at, size_t len, int prot), (at, len, prot), -1)
WRAP(int, madvise, (void *at, size_t len, int advice), (at, len, advice), -1)
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *what = va_arg(args, void *);
    va_end(args);
    return fails_now() ? -1 : __real_ioctl(fd, request, what);
}

static bool no_faults, no_pagemap; /* a container, or a kernel, that has not got them */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    va_list args;
    long a[6];
    va_start(args, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_userfaultfd && no_faults) {
        errno = EPERM;
        return -1;
    }
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (strcmp(path, "/proc/self/pagemap") == 0 && no_pagemap) {
        errno = EMFILE;
        return -1;
    }
    return __real_open64(path, flags, mode);
}

/* --- a guest, and what is done with it ------------------------------------------ */

static mote_artifact *writer(void)
{
    guest g = {0};
    guest_memory(&g, BYTES(0, 8));
    GUEST_ADD(&g, datas, ndatas, BYTES(0, w_i32_const, 0x80, 0x20, w_end, 4, 'a', 'b', 'c', 'd')); /* at 4096 */
    guest_func(&g, "poke", "ii:", BYTES(w_local_get, 0, w_local_get, 1, w_i32_store, 0, 0, w_end));
    guest_func(&g, "fill", "ii:", BYTES(w_local_get, 0, w_i32_const, 7, w_local_get, 1, 0xfc, 11, 0, w_end));
    guest_func(&g, "grow", "i:i", BYTES(w_local_get, 0, w_memory_grow, 0, w_end));
    guest_func(&g, "peek", "i:i", BYTES(w_local_get, 0, w_i32_load, 0, 0, w_end));
    return compiled(&g);
}

static mote_status call(mote_instance *instance, const char *name, int32_t a, int32_t b, int32_t *ret)
{
    mote_error err = {0};
    mote_raw values[2] = {{.i32 = a}, {.i32 = b}};
    mote_status status = mote_func_call_raw(mote_instance_func(instance, name), values, &err);
    if (status) expect(status == MOTE_TRAP && err.trap == MOTE_TRAP_MEMORY_LIMIT);
    if (ret) *ret = values[0].i32;
    return status;
}

static bool is_new(mote_instance *instance)
{
    mote_memory *m = mote_instance_memory(instance, "memory");
    const uint8_t *at = mote_memory_data(m);
    uint64_t sum = 0;
    if (mote_memory_bytes(m) != 8 << 16 || memcmp(at + 4096, "abcd", 4)) return false;
    for (size_t i = 0; i < 8 << 16; i++) sum += at[i];
    return sum == 'a' + 'b' + 'c' + 'd';
}

static void write_here_and_there(mote_instance *instance)
{
    mote_error err;
    int32_t grown = -1;
    for (int32_t i = 0; i < 6; i++) call(instance, "poke", i * 20000, 1 + i, NULL);
    call(instance, "fill", 100000, 30000, NULL);
    call(instance, "grow", 2, 0, &grown);
    if (grown == 8) call(instance, "poke", (8 << 16) + 5000, 9, NULL);
    mote_status status = mote_memory_write(mote_instance_memory(instance, "memory"), 300000, "zz", 2, &err);
    expect(status == MOTE_OK || status == MOTE_NOMEM);
}

/* Everything that a pool does, while system call n and those after it fail. Once the system
 * works again, so does the pool. Returns whether anything failed. */
static bool live(mote_artifact *artifact, mote_linker *linker, uint64_t n, uint64_t times)
{
    mote_error err;
    mote_pool *pool = NULL;
    mote_program *program = NULL;
    mote_instance *instance = NULL;
    fail_at(n, times);
    mote_status status = mote_pool_new(engine, NULL, &pool, &err);
    if (!status) status = mote_program_new(pool, artifact, linker, &program, &err);
    for (int i = 0; i < 3 && !status; i++) {
        status = mote_pool_acquire(program, &instance, &err);
        if (!status) {
            expect(is_new(instance));
            write_here_and_there(instance);
            expect(mote_pool_release(instance, &err) == MOTE_OK);
        }
    }
    bool any = failed;
    fail_at(UINT64_MAX, 0);
    if (status) expect(status == MOTE_NOMEM);
    if (pool && !program) expect(mote_program_new(pool, artifact, linker, &program, &err) == MOTE_OK);
    for (int i = 0; i < 2 && program; i++) {
        if (!expect(mote_pool_acquire(program, &instance, &err) == MOTE_OK)) break;
        expect(is_new(instance));
        write_here_and_there(instance);
        expect(mote_pool_release(instance, &err) == MOTE_OK);
    }
    mote_pool_free(pool);
    return any;
}

static size_t count_mappings(void)
{
    char line[512];
    size_t n = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    while (f && fgets(line, sizeof line, f)) n++;
    if (f) fclose(f);
    return n;
}

TEST(each_system_call_may_fail)
{
    need_compiler();
    mote_artifact *artifact = writer();
    mote_linker *linker;
    mote_error err;
    require(mote_linker_new(engine, &linker, &err) == MOTE_OK);
    for (mo_way way = MO_WAY_COPY; way <= MO_WAY_DISCARD; way++)
        for (uint64_t times = 1; times <= 100; times += 33) { /* one failure; then many in a row */
            mo_reset_force(way);
            live(artifact, linker, UINT64_MAX - 1, 1);
            uint64_t before = mo_alloc_live(), n = 0;
            size_t mappings = count_mappings();
            while (live(artifact, linker, n, times)) n++;
            expect(n > 10);
            expect_u64(mo_alloc_live(), before);
            expect(count_mappings() <= mappings + 2); /* malloc's own */
        }
    mo_reset_force(MO_WAY_MEASURED);
    mote_linker_free(linker);
    mote_artifact_unref(artifact);
}

/* --- nothing left ------------------------------------------------------------------ */

/* In a child, for limits stay. Instances until the system refuses; then one is given back
 * and another made. */
static void fill_up(void *data)
{
    mote_artifact *artifact = data;
    mote_error err;
    mote_linker *linker;
    mote_pool *pool;
    mote_program *program;
    static mote_instance *all[100000];
    uint32_t n = 0;
    mote_status status;
    mote_pool_limits limits = mote_pool_limits_default();
    limits.instances = MO_COUNT(all);
    require(mote_linker_new(engine, &linker, &err) == MOTE_OK && mote_pool_new(engine, &limits, &pool, &err) == MOTE_OK);
    status = mote_program_new(pool, artifact, linker, &program, &err);
    while (!status && n < MO_COUNT(all) && !(status = mote_pool_acquire(program, &all[n], &err)))
        write_here_and_there(all[n++]);
    expect_u64(status, MOTE_NOMEM);
    expect(n > 2 && strlen(err.message) > 5);
    for (int i = 0; i < 3 && n > 2; i++) {
        expect(mote_pool_release(all[n - 1], &err) == MOTE_OK);
        if (mote_pool_acquire(program, &all[n - 1], &err) == MOTE_OK)
            expect(is_new(all[n - 1]));
        else
            n--;
    }
    for (uint32_t i = 0; i < n; i++) mote_pool_release(all[i], &err);
    mote_instance *one;
    if (expect(mote_pool_acquire(program, &one, &err) == MOTE_OK)) expect(is_new(one));
    mote_pool_free(pool);
    mote_linker_free(linker);
}

static void in_child(void (*run)(void *), void *data)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        tests.failures = 0;
        run(data);
        _exit(tests.failures ? 1 : 0);
    }
    int status = -1;
    expect(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void with_little_address_space(void *artifact)
{
    struct rlimit most = {UINT64_C(64) << 30, UINT64_C(64) << 30};
    require(setrlimit(RLIMIT_AS, &most) == 0);
    fill_up(artifact);
}

TEST(addresses_run_out)
{
    need_compiler();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip("a sanitizer needs addresses of its own");
#endif
    mote_artifact *artifact = writer();
    in_child(with_little_address_space, artifact);
    mote_artifact_unref(artifact);
}

TEST(mappings_run_out)
{
    need_compiler();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip("a sanitizer's allocator needs mappings of its own");
#endif
    mote_artifact *artifact = writer();
    in_child(fill_up, artifact); /* the kernel's 65530, or the 2^47 addresses */
    mote_artifact_unref(artifact);
}

/* --- no help ------------------------------------------------------------------------ */

static void without_help(void *data)
{
    mote_artifact *artifact = data;
    mote_linker *linker;
    mote_error err;
    require(!mo_watch_open() && mote_linker_new(engine, &linker, &err) == MOTE_OK);
    for (mo_way way = MO_WAY_COPY; way <= MO_WAY_MEASURED; way++) {
        mo_reset_force(way);
        expect(!live(artifact, linker, UINT64_MAX - 1, 1));
    }
    mote_linker_free(linker);
}

TEST(the_kernel_tells_nothing_of_writes)
{
    need_compiler();
    mote_artifact *artifact = writer();
    no_faults = true;
    in_child(without_help, artifact);
    no_faults = false;
    no_pagemap = true;
    in_child(without_help, artifact);
    no_pagemap = false;
    mote_artifact_unref(artifact);
}
