/* Traps: the specification's words, a backtrace that is right at every level, a store
 * as good as before; and faults that are not the guest's go where they went before. */
#include "call/guest.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAMES_KEPT 64

static const int *host_crashes; /* wait statuses, from before any engine was made */

/* Runs f and expects a trap with these words. */
static void traps(world *w, const char *f, int32_t a, mote_trap_code code, const char *words)
{
    call1(w, f, a);
    expect_u64(w->status, MOTE_TRAP);
    expect_u64(w->err.trap, code);
    expect_text(w->err.message, words);
    const mote_trap *trap = mote_store_trap(w->store);
    require(trap != NULL);
    expect_u64(mote_trap_reason(trap), code);
    expect_text(mote_trap_message(trap), words);
}

TEST(each_trap_has_the_specification_s_words)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(0, 1));
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, 4));
    guest_func(&g, "unreachable", "i:i", BYTES(w_unreachable, w_end));
    guest_func(&g, "load", "i:i", BYTES(w_local_get, 0, w_i32_load, 2, 0, w_end));
    guest_func(&g, "divide", "i:i", BYTES(w_i32_const, 1, w_local_get, 0, w_i32_div_s, w_end));
    guest_func(&g, "overflow", "i:i", BYTES(w_i32_const, 0x80, 0x80, 0x80, 0x80, 0x78, w_local_get, 0, w_i32_div_s, w_end));
    guest_func(&g, "convert", "i:i", BYTES(w_f32_const, 0, 0, 0xc0, 0x7f, w_i32_trunc_f32_s, w_end));
    guest_func(&g, "indirect", "i:i", BYTES(w_i32_const, 7, w_local_get, 0, w_call_indirect, 0, 0, w_end));
    guest_func(&g, "get", "i:i", BYTES(w_local_get, 0, w_table_get, 0, w_drop, w_i32_const, 0, w_end));
    guest_func(&g, "fill", "i:i", BYTES(w_i32_const, 0, w_i32_const, 1, w_local_get, 0, 0xfc, 11, 0, w_i32_const, 3, w_end));
    guest_func(&g, "other", ":", BYTES(w_end));
    GUEST_ADD(&g, elements, nelements, BYTES(0, w_i32_const, 1, w_end, 2, 1, 8));
    world w = world_of(&g);
    traps(&w, "unreachable", 0, MOTE_TRAP_UNREACHABLE, "unreachable");
    traps(&w, "load", 65533, MOTE_TRAP_MEMORY_BOUNDS, "out of bounds memory access");
    traps(&w, "load", -1, MOTE_TRAP_MEMORY_BOUNDS, "out of bounds memory access");
    traps(&w, "divide", 0, MOTE_TRAP_DIVIDE_BY_ZERO, "integer divide by zero");
    traps(&w, "overflow", -1, MOTE_TRAP_INTEGER_OVERFLOW, "integer overflow");
    traps(&w, "convert", 0, MOTE_TRAP_CONVERSION, "invalid conversion to integer");
    traps(&w, "indirect", 4, MOTE_TRAP_CALL_BOUNDS, "undefined element");
    traps(&w, "indirect", 0, MOTE_TRAP_CALL_NULL, "uninitialized element");
    traps(&w, "indirect", 2, MOTE_TRAP_CALL_TYPE, "indirect call type mismatch");
    traps(&w, "get", 4, MOTE_TRAP_TABLE_BOUNDS, "out of bounds table access");
    traps(&w, "fill", 65537, MOTE_TRAP_MEMORY_BOUNDS, "out of bounds memory access");
    expect_u64(call1(&w, "load", 65532), 0);
    expect_ok(&w);
    expect(mote_store_trap(w.store) == NULL);
    expect_u64(call1(&w, "fill", 65536), 3);
    expect_u64(call1(&w, "load", 0), 0x01010101);
    world_end(&w);
}

/* --- backtraces ------------------------------------------------------------ */

static mote_status through(mote_caller *caller, void *data, mote_raw *v)
{
    mote_error err;
    (void)data;
    return mote_func_call_raw(mote_instance_func(mote_caller_instance(caller), "inner"), v, &err);
}

/* Four guest functions with a host function between them; offsets are those of the
 * call instructions and of the trap itself. */
TEST(a_backtrace_goes_through_host_functions)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "through", "i:i");
    guest_memory(&g, BYTES(0, 1));
    mo_span load = BYTES(w_local_get, 0, w_i32_load, 2, 0, w_end);
    mo_span inner = BYTES(w_local_get, 0, w_call, 1, w_i32_const, 1, w_i32_add, w_end);
    mo_span outer = BYTES(w_local_get, 0, w_call, 0, w_i32_const, 1, w_i32_add, w_end);
    guest_func(&g, NULL, "i:i", load);
    guest_func(&g, "inner", "i:i", inner);
    guest_func(&g, "outer", "i:i", outer);
    wasm bytes = guest_bytes(&g);
    world w = world_before(compiled_bytes(bytes.at, bytes.len));
    world_func(&w, "through", "i:i", through, NULL);
    require(world_go(&w) == MOTE_OK);
    call1(&w, "outer", -1);
    expect_trap(&w, MEMORY_BOUNDS);
    const uint8_t *at[3];
    const mo_span bodies[] = {load, inner, outer};
    for (int i = 0; i < 3; i++) at[i] = (const uint8_t *)memmem(bytes.at, bytes.len, bodies[i].at, bodies[i].len) + 2;
    const mote_trap *trap = mote_store_trap(w.store);
    uint64_t omitted;
    expect_u64(mote_trap_nframes(trap, &omitted), 3);
    expect_u64(omitted, 0);
    for (size_t i = 0; i < 3; i++) {
        mote_frame frame;
        require(mote_trap_frame(trap, i, &frame));
        expect_u64(frame.func, i + 1);
        expect_u64(frame.offset, at[i] - bytes.at);
        expect(frame.instance == w.instance);
    }
    expect_u64(w.err.function, 1);
    expect_u64(w.err.offset, at[0] - bytes.at);
    char text[300];
    mote_trap_print(trap, text, sizeof text);
    expect(strstr(text, "out of bounds memory access\n  0: func[1]") == text);
    world_end(&w);
}

TEST(a_trap_in_a_helper_names_the_caller_s_instruction)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(0, 1));
    mo_span body = BYTES(w_local_get, 0, w_i32_const, 1, w_i32_const, 5, 0xfc, 11, 0, w_end);
    guest_func(&g, "fill", "i:", body);
    wasm bytes = guest_bytes(&g);
    world w = world_before(compiled_bytes(bytes.at, bytes.len));
    require(world_go(&w) == MOTE_OK);
    call1(&w, "fill", 65535);
    expect_trap(&w, MEMORY_BOUNDS);
    const uint8_t *at = memmem(bytes.at, bytes.len, body.at, body.len);
    expect_u64(w.err.offset, at + 6 - bytes.at);
    world_end(&w);
}

/* --- stack overflow ---------------------------------------------------------- */

static void recursive(guest *g)
{
    guest_memory(g, BYTES(0, 1));
    guest_func(g, "f", "i:i", BYTES(w_local_get, 0, w_i32_const, 1, w_i32_add, w_call, 0, w_local_get, 0, w_i32_load8_u, 0, 0,
                                    w_i32_add, w_end));
}

TEST(endless_recursion_is_a_trap_again_and_again)
{
    need_compiler();
    guest g = {0};
    recursive(&g);
    world w = world_of(&g);
    for (int i = 0; i < 20; i++) {
        call1(&w, "f", 0);
        expect_trap(&w, STACK_OVERFLOW);
        uint64_t omitted;
        expect_u64(mote_trap_nframes(mote_store_trap(w.store), &omitted), FRAMES_KEPT);
        expect(omitted > 1000);
    }
    world_end(&w);
}

TEST(the_stack_limit_is_the_store_s)
{
    need_compiler();
    guest g = {0};
    recursive(&g);
    mote_artifact *a = compiled(&g);
    uint64_t depth[2];
    for (int i = 0; i < 2; i++) {
        mote_limits limits = mote_limits_default();
        limits.stack_bytes = i ? 8 << 20 : 64 << 10;
        mote_store *store;
        mote_instance *instance;
        mote_error err;
        require(mote_store_new(engine, &limits, NULL, &store, &err) == MOTE_OK);
        require(mote_instance_new(store, a, NULL, 0, &instance, &err) == MOTE_OK);
        mote_raw v = {.i32 = 0};
        expect(mote_func_call_raw(mote_instance_func(instance, "f"), &v, &err) == MOTE_TRAP);
        mote_trap_nframes(mote_store_trap(store), &depth[i]);
        mote_store_free(store);
    }
    expect(depth[1] > 10 * depth[0]);
    mote_limits small = mote_limits_default();
    mote_error err;
    mote_store *store;
    small.stack_bytes = 1000;
    expect(mote_store_new(engine, &small, NULL, &store, &err) == MOTE_LIMIT);
    mote_artifact_unref(a);
}

static mote_status deep_in_host(mote_caller *caller, void *data, mote_raw *v)
{
    volatile char room[200 << 10];
    (void)caller, (void)data;
    for (size_t i = 0; i < sizeof room; i += 4096) room[i] = 1;
    v[0].i32 = room[4096];
    return MOTE_OK;
}

/* At any depth a host function has its room or is not called. */
TEST(a_host_function_has_its_stack_or_is_not_called)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "deep", "i:i");
    guest_func(&g, "f", "i:i", BYTES(w_local_get, 0, w_i32_const, 1, w_i32_sub, w_local_tee, 0, w_if, T_I32, w_local_get, 0, w_call, 1,
                                     w_else, w_i32_const, 0, w_call, 0, w_end, w_i32_const, 1, w_i32_add, w_end));
    world w = world_before(compiled(&g));
    world_func(&w, "deep", "i:i", deep_in_host, NULL);
    require(world_go(&w) == MOTE_OK);
    unsigned ok = 0, trapped = 0;
    for (int depth = 1000; depth < 80000; depth += 777) {
        int32_t sum = call1(&w, "f", depth);
        if (w.status == MOTE_OK) expect_u64(sum, depth + 1), ok++;
        else trapped++, expect_u64(w.err.trap, MOTE_TRAP_STACK_OVERFLOW);
    }
    expect(ok > 0 && trapped > 0);
    world_end(&w);
}

/* --- traps by host functions ---------------------------------------------------- */

static mote_status fail(mote_caller *caller, void *data, mote_raw *v)
{
    (void)data;
    switch (v[0].i32) {
    case 0: return mote_caller_trap(caller, MOTE_TRAP_HOST, "no %s today", "bread");
    case 1: return MOTE_IO;
    case 2: return mote_caller_trap(caller, MOTE_TRAP_UNREACHABLE, "%s", "");
    default: return MOTE_OK;
    }
}

TEST(a_host_function_s_failure_is_a_trap_with_its_words)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "fail", "i:i");
    guest_func(&g, "f", "i:i", BYTES(w_local_get, 0, w_call, 0, w_end));
    world w = world_before(compiled(&g));
    world_func(&w, "fail", "i:i", fail, NULL);
    require(world_go(&w) == MOTE_OK);
    traps(&w, "f", 0, MOTE_TRAP_HOST, "no bread today");
    expect_u64(mote_trap_nframes(mote_store_trap(w.store), NULL), 1);
    traps(&w, "f", 1, MOTE_TRAP_HOST, "host function failed");
    traps(&w, "f", 2, MOTE_TRAP_UNREACHABLE, "unreachable");
    expect_u64(call1(&w, "f", 3), 3);
    world_end(&w);
}

/* --- faults of the host ------------------------------------------------------------ */

static mote_status crash(mote_caller *caller, void *data, mote_raw *v)
{
    (void)caller;
    v[0].i32 = **(volatile int32_t **)data;
    return MOTE_OK;
}

static void on_segv(int number, siginfo_t *info, void *context)
{
    (void)context;
    _exit(number == SIGSEGV && info->si_addr == (void *)16 ? 42 : 1);
}

static int in_child(bool handled, bool in_guest_call)
{
    pid_t pid = fork();
    if (pid == 0) {
        int32_t *nowhere = (int32_t *)16;
        if (handled) {
            struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
            sigaction(SIGSEGV, &action, NULL);
        } else {
            signal(SIGSEGV, SIG_DFL);
        }
        engine = NULL;
        guest g = {0};
        guest_import_func(&g, "crash", "i:i");
        guest_func(&g, "f", "i:i", BYTES(w_local_get, 0, w_call, 0, w_end));
        world w = world_before(compiled(&g));
        world_func(&w, "crash", "i:i", crash, &nowhere);
        world_go(&w);
        if (in_guest_call) call1(&w, "f", 0);
        else crash(NULL, &nowhere, &(mote_raw){.i32 = 0});
        _exit(2);
    }
    int status;
    waitpid(pid, &status, 0);
    return status;
}

/* First of all tests here that makes an engine: mote's handlers are not there yet. */
__attribute__((constructor)) static void before_main(void)
{
    if (getenv("MOTE_TEST_NO_FORK")) return;
    mote_compiler *c;
    mote_error err;
    if (mote_compiler_start(NULL, &c, &err)) return;
    mote_compiler_stop(c);
    static int results[4];
    for (int i = 0; i < 4; i++) results[i] = in_child(i & 1, i & 2);
    host_crashes = results;
}



TEST(a_host_s_own_crash_stays_a_crash)
{
    if (!host_crashes) skip("no mote-compile");
    for (int i = 0; i < 4; i++) {
        if (i & 1) expect(WIFEXITED(host_crashes[i]) && WEXITSTATUS(host_crashes[i]) == 42);
        else expect(WIFSIGNALED(host_crashes[i]) && WTERMSIG(host_crashes[i]) == SIGSEGV);
    }
}
