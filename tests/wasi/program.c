/* The guest as a program: arguments, environment, and the ways in which it ends. */
#include "wasi/sandbox.h"

#define TOP (MEMORY - 4)

/* --- arguments and environment ---------------------------------------------- */

/* What the guest reads back: strings one after the other, each ended by '|'. */
static const char *strings_of(sandbox *s, bool env)
{
    static char text[512];
    const char *sizes = env ? "environ_sizes_get" : "args_sizes_get", *get = env ? "environ_get" : "args_get";
    expect_u64(sandbox_call(s, sizes, (const uint64_t[]){8, 12}, 2), MO_E_SUCCESS);
    uint32_t n = get32(s, 8), len = get32(s, 12), at = 0;
    memset(s->memory + 1024, 0xaa, 1024);
    expect_u64(sandbox_call(s, get, (const uint64_t[]){64, 1024}, 2), MO_E_SUCCESS);
    text[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        expect_u64(get32(s, 64 + 4 * i), 1024 + at);
        strcat(strcat(text, (const char *)s->memory + 1024 + at), "|");
        at += (uint32_t)strlen((const char *)s->memory + 1024 + at) + 1;
    }
    expect_u64(at, len);
    expect_u64(s->memory[1024 + len], 0xaa);
    return text;
}

TEST(a_new_guest_has_no_arguments_and_no_environment)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    expect_text(strings_of(&s, false), "");
    expect_text(strings_of(&s, true), "");
    sandbox_end(&s);
}

TEST(arguments_are_those_of_the_last_setting)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    mote_error err;
    const char *args[] = {"prog", "", "two words", "\xc3\xa9"};
    expect(mote_wasi_set_args(s.wasi, args, 4, &err) == MOTE_OK);
    expect_text(strings_of(&s, false), "prog||two words|\xc3\xa9|");
    expect(mote_wasi_set_args(s.wasi, args, 1, &err) == MOTE_OK);
    expect_text(strings_of(&s, false), "prog|");
    expect(mote_wasi_set_args(s.wasi, NULL, 0, &err) == MOTE_OK);
    expect_text(strings_of(&s, false), "");
    sandbox_end(&s);
}

TEST(a_variable_is_added_once_and_replaced_in_its_place)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    mote_error err;
    expect(mote_wasi_set_env(s.wasi, "A", "1", &err) == MOTE_OK);
    expect(mote_wasi_set_env(s.wasi, "AB", "2", &err) == MOTE_OK);
    expect(mote_wasi_set_env(s.wasi, "C", "", &err) == MOTE_OK);
    expect_text(strings_of(&s, true), "A=1|AB=2|C=|");
    expect(mote_wasi_set_env(s.wasi, "AB", "longer=than before", &err) == MOTE_OK);
    expect_text(strings_of(&s, true), "A=1|AB=longer=than before|C=|");
    expect(mote_wasi_set_env(s.wasi, "A", "", &err) == MOTE_OK);
    expect_text(strings_of(&s, true), "A=|AB=longer=than before|C=|");
    expect(mote_wasi_set_env(s.wasi, "C", "z", &err) == MOTE_OK);
    expect_text(strings_of(&s, true), "A=|AB=longer=than before|C=z|");
    sandbox_end(&s);
}

TEST(a_variable_needs_a_name)
{
    mote_wasi *wasi = new_wasi();
    mote_error err;
    expect(mote_wasi_set_env(wasi, "", "x", &err) == MOTE_MISUSE);
    expect(mote_wasi_set_env(wasi, "A=B", "x", &err) == MOTE_MISUSE);
    expect(strstr(err.message, "A=B") != NULL);
    expect(mote_wasi_set_env(wasi, "A", "x", NULL) == MOTE_OK);
    mote_wasi_free(wasi);
}

TEST(strings_stay_inside_of_memory)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    const char *args[] = {"prog", "a"};
    require(mote_wasi_set_args(s.wasi, args, 2, NULL) == MOTE_OK);
    require(mote_wasi_set_env(s.wasi, "A", "1", NULL) == MOTE_OK);
    expect_u64(CALL(&s, args_sizes_get, TOP, TOP), MO_E_SUCCESS);
    expect_u64(CALL(&s, args_sizes_get, TOP + 1, 0), MO_E_FAULT);
    expect_u64(CALL(&s, args_sizes_get, 0, UINT32_MAX), MO_E_FAULT);
    expect_u64(CALL(&s, environ_sizes_get, MEMORY, 0), MO_E_FAULT);
    expect_u64(CALL(&s, args_get, MEMORY - 8, 0), MO_E_SUCCESS);
    expect_u64(CALL(&s, args_get, MEMORY - 7, 0), MO_E_FAULT);
    expect_u64(CALL(&s, args_get, 0, MEMORY - 7), MO_E_SUCCESS);
    expect_u64(CALL(&s, args_get, 0, MEMORY - 6), MO_E_FAULT);
    expect_u64(CALL(&s, environ_get, 0, UINT32_MAX), MO_E_FAULT);
    expect_u64(CALL(&s, environ_get, UINT32_MAX, 0), MO_E_FAULT);
    sandbox_end(&s);
}

/* --- ends --------------------------------------------------------------------- */

TEST(proc_exit_ends_the_call_without_a_trap)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    uint32_t code = 77;
    expect(!mote_wasi_exited(s.wasi, &code));
    expect_u64(code, 77);
    for (uint32_t i = 0; i < 300; i += 43) {
        CALL(&s, proc_exit, i);
        expect_u64(s.w.status, MOTE_EXIT);
        expect_u64(s.w.err.status, MOTE_EXIT);
        expect(mote_store_trap(s.w.store) == NULL);
        require(mote_wasi_exited(s.wasi, &code));
        expect_u64(code, i);
    }
    CALL(&s, proc_exit, UINT32_MAX);
    expect(mote_wasi_exited(s.wasi, &code) && code == UINT32_MAX);
    expect_u64(CALL(&s, sched_yield, ), MO_E_SUCCESS); /* the store is as good as before */
    sandbox_end(&s);
}

static mote_status exit_inside(mote_caller *caller, void *data, mote_raw *values)
{
    mote_error err;
    mote_status *inner = data;
    *inner = mote_func_call_raw(mote_instance_func(mote_caller_instance(caller), "quits"), values, &err);
    return *inner;
}

/* It passes guest frames, a handler for all exceptions and a host function. */
TEST(an_exit_passes_everything_up_to_the_outermost_call)
{
    need_compiler();
    guest g = {0};
    mote_status inner = MOTE_OK;
    uint32_t code = 0;
    guest_import(&g, "wasi_snapshot_preview1", "proc_exit", BYTES(0, (uint8_t)guest_type(&g, "i:")));
    g.nimported++;
    guest_import_func(&g, "inside", "i:i");
    guest_memory(&g, BYTES(0, 1));
    guest_func(&g, "quits", "i:i", BYTES(w_local_get, 0, w_call, 0, w_unreachable, w_end));
    guest_func(&g, "catches", "i:i",
               BYTES(w_block, T_EMPTY, w_try_table, T_EMPTY, 1, 2, 0, w_local_get, 0, w_call, 1, w_drop, w_end, w_end,
                     w_i32_const, 1, w_end));
    world w = world_before(compiled(&g));
    mote_wasi *wasi = new_wasi();
    require(mote_wasi_link(w.linker, &w.err) == MOTE_OK);
    world_func(&w, "inside", "i:i", exit_inside, &inner);
    require(world_go(&w) == MOTE_OK);
    mote_wasi_attach(wasi, w.store);
    call1(&w, "catches", 9);
    expect_u64(w.status, MOTE_EXIT);
    expect_u64(inner, MOTE_EXIT);
    expect(mote_wasi_exited(wasi, &code) && code == 9);
    world_end(&w);
    mote_wasi_free(wasi);
}

TEST(a_start_function_may_exit)
{
    need_compiler();
    guest g = {0};
    guest_import(&g, "wasi_snapshot_preview1", "proc_exit", BYTES(0, (uint8_t)guest_type(&g, "i:")));
    g.nimported++;
    g.start = 1 + guest_func(&g, NULL, ":", BYTES(w_i32_const, 5, w_call, 0, w_end));
    world w = world_before(compiled(&g));
    mote_wasi *wasi = new_wasi();
    uint32_t code = 0;
    require(mote_wasi_link(w.linker, &w.err) == MOTE_OK);
    mote_wasi_attach(wasi, w.store);
    expect_u64(mote_linker_instantiate(w.linker, w.store, w.artifact, &w.instance, &w.err), MOTE_EXIT);
    expect(mote_wasi_exited(wasi, &code) && code == 5);
    world_end(&w);
    mote_wasi_free(wasi);
}

TEST(proc_raise_does_what_the_signal_does_by_default)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    uint32_t code = 0;
    expect_u64(CALL(&s, proc_raise, 0), MO_E_SUCCESS);
    expect_u64(CALL(&s, proc_raise, MO_SIGNAL_CHLD), MO_E_SUCCESS);
    expect_u64(CALL(&s, proc_raise, MO_SIGNAL_WINCH), MO_E_SUCCESS);
    expect_u64(CALL(&s, proc_raise, MO_SIGNAL_STOP), MO_E_NOTSUP);
    expect_u64(CALL(&s, proc_raise, MO_SIGNAL_SYS + 1), MO_E_INVAL);
    expect_u64(CALL(&s, proc_raise, UINT32_MAX), MO_E_INVAL);
    expect(!mote_wasi_exited(s.wasi, &code));
    CALL(&s, proc_raise, MO_SIGNAL_ABRT);
    expect_u64(s.w.status, MOTE_EXIT);
    expect(mote_wasi_exited(s.wasi, &code) && code == 128 + 6);
    sandbox_end(&s);
}

static int count_waits(void *data, struct pollfd *fds, size_t nfds, uint64_t timeout_ns)
{
    int *n = data;
    expect(fds == NULL && nfds == 0 && timeout_ns == 0);
    ++*n;
    return 0;
}

TEST(sched_yield_lets_the_embedder_run_others)
{
    need_compiler();
    sandbox s = sandbox_of(new_wasi());
    int n = 0;
    mote_wasi_set_wait(s.wasi, count_waits, &n);
    expect_u64(CALL(&s, sched_yield, ), MO_E_SUCCESS);
    expect_u64(n, 1);
    mote_wasi_set_wait(s.wasi, NULL, NULL);
    expect_u64(CALL(&s, sched_yield, ), MO_E_SUCCESS);
    expect_u64(n, 1);
    sandbox_end(&s);
}
