/* Random modules, random runs, every way of ending one, each way of resetting: after a
 * release the whole slot is what it was when the instance was made, byte for byte, and
 * its memories are what those of an instance are that never ran.
 *   RESET_SEED=N      another sequence     RESET_MODULES=N   more of it
 *   RESET_PAGE_OUT=1  what was written is swapped out before each other release (swap.py) */
#include "call/guest.h"
#include "instance/reset.h"
#include "mote/pool.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

static uint32_t state;

static uint32_t any(uint32_t n)
{
    state = state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)state * n >> 32);
}

/* --- a module ---------------------------------------------------------------- */

#define PUT(w, ...) wasm_put(w, ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__}))

static void put_i32(wasm *w, int32_t value)
{
    PUT(w, w_i32_const);
    for (;;) {
        uint8_t byte = (uint8_t)(value & 0x7f);
        value >>= 7;
        bool last = (value == 0 && !(byte & 0x40)) || (value == -1 && (byte & 0x40));
        PUT(w, (uint8_t)(last ? byte : byte | 0x80));
        if (last) return;
    }
}

enum { W_DATA_DROP = 9, W_ELEM_DROP = 13, W_MEMORY_INIT = 8, W_MEMORY_COPY = 10, W_MEMORY_FILL = 11, W_TABLE_INIT = 12,
       W_TABLE_GROW = 15, W_TABLE_SIZE = 16, W_TABLE_FILL = 17 };
enum { BYTES_FIRST = 2 << 16, TABLE_FIRST = 40 };

/* A place in memory that holds `room` bytes more. */
static void put_place(wasm *w, uint32_t room) { put_i32(w, (int32_t)any(BYTES_FIRST - room)); }

/* One statement: writes somewhere. Functions: 0 "run", 1 what tables hold, 2 "deep". */
static void put_statement(wasm *w)
{
    switch (any(15)) {
    case 0: case 1: case 2: /* the same place in each run */
        put_place(w, 4), put_i32(w, (int32_t)any(UINT32_MAX)), PUT(w, w_i32_store, 0, 0);
        return;
    case 3: case 4: /* a place that the argument chooses */
        PUT(w, w_local_get, 0), put_i32(w, (int32_t)any(UINT32_MAX) | 1), PUT(w, w_i32_mul), put_i32(w, BYTES_FIRST - 4);
        PUT(w, w_i32_and, w_i32_const, 7, w_i32_store, 0, 0);
        return;
    case 5: /* the last word, grown or not */
        PUT(w, w_memory_size, 0, w_i32_const, 16, w_i32_shl, w_i32_const, 4, w_i32_sub, w_local_get, 0, w_i32_store, 0, 0);
        return;
    case 6: put_i32(w, (int32_t)any(3)), PUT(w, w_memory_grow, 0, w_drop); return;
    case 7: put_place(w, 9000), PUT(w, w_local_get, 0), put_i32(w, (int32_t)any(9000)), PUT(w, 0xfc, W_MEMORY_FILL, 0); return;
    case 8: put_place(w, 9000), put_place(w, 9000), put_i32(w, (int32_t)any(9000)), PUT(w, 0xfc, W_MEMORY_COPY, 0, 0); return;
    case 9: put_place(w, 8), PUT(w, w_i32_const, 0, w_i32_const, 5, 0xfc, W_MEMORY_INIT, 1, 0, 0xfc, W_DATA_DROP, 1); return;
    case 10: put_i32(w, (int32_t)any(TABLE_FIRST)), PUT(w, w_ref_null, 0x70, w_table_set, 0); return;
    case 11: PUT(w, w_ref_func, 1), put_i32(w, (int32_t)any(50)), PUT(w, 0xfc, W_TABLE_GROW, 0, w_drop); return;
    case 12: PUT(w, w_i32_const, 0, w_i32_const, 0, w_i32_const, 2, 0xfc, W_TABLE_INIT, 1, 0, 0xfc, W_ELEM_DROP, 1); return;
    case 13: /* thrown and caught */
        PUT(w, w_block, T_EMPTY, w_try_table, T_EMPTY, 1, 2, 0, w_throw, 0, w_end, w_end);
        return;
    default: PUT(w, w_local_get, 0, w_global_set, (uint8_t)any(3)); return;
    }
}

/* Each statement runs if a bit of the argument says so. */
static void put_statements(wasm *w, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        PUT(w, w_local_get, 0), put_i32(w, (int32_t)(1u << any(31))), PUT(w, w_i32_and, w_if, T_EMPTY);
        put_statement(w);
        PUT(w, w_end);
    }
}

enum { END_WELL, END_UNREACHABLE, END_BOUNDS, END_SPIN, END_DEEP, END_THROW, END_EXIT, ENDS };

/* How it ends is the second argument. */
static void put_end(wasm *w)
{
    static const uint8_t spin[] = { /* writes a word in another page each time */
        w_loop, T_EMPTY, w_local_get, 0, w_i32_const, 0x80, 0x20, w_i32_add, w_local_set, 0,
        w_local_get, 0, w_i32_const, 0xfc, 0xff, 7, w_i32_and, w_local_get, 0, w_i32_store, 0, 0, w_br, 0, w_end};
    PUT(w, w_local_get, 1, w_i32_const, END_UNREACHABLE, w_i32_eq, w_if, T_EMPTY, w_unreachable, w_end);
    PUT(w, w_local_get, 1, w_i32_const, END_BOUNDS, w_i32_eq, w_if, T_EMPTY, w_i32_const, 0x7c, w_i32_const, 1, w_i32_store, 0, 0, w_end);
    PUT(w, w_local_get, 1, w_i32_const, END_SPIN, w_i32_eq, w_if, T_EMPTY);
    wasm_put(w, spin, sizeof spin);
    PUT(w, w_end, w_local_get, 1, w_i32_const, END_DEEP, w_i32_eq, w_if, T_EMPTY, w_local_get, 0, w_call, 3, w_drop, w_end);
    PUT(w, w_local_get, 1, w_i32_const, END_THROW, w_i32_eq, w_if, T_EMPTY, w_throw, 0, w_end);
    PUT(w, w_local_get, 1, w_i32_const, END_EXIT, w_i32_eq, w_if, T_EMPTY, w_call, 0, w_end, w_end);
}

static void put_data(guest *g)
{
    uint8_t bytes[100];
    wasm *d = &g->datas;
    uint32_t n = 1 + any(sizeof bytes);
    for (uint32_t i = 0; i < n; i++) bytes[i] = (uint8_t)any(256);
    PUT(d, 0), put_place(d, n), PUT(d, w_end), wasm_u32(d, n), wasm_put(d, bytes, n);
    g->ndatas++;
}

static guest random_module(void)
{
    guest g = {0};
    wasm body = {.len = 0};
    guest_import_func(&g, "exit", ":");
    guest_memory(&g, BYTES(0, 2));
    GUEST_ADD(&g, memories, nmemories, BYTES(0, 1));
    uint32_t none = guest_type(&g, ":");
    GUEST_ADD(&g, tags, ntags, BYTES(0, (uint8_t)none));
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, TABLE_FIRST));
    for (uint8_t i = 0; i < 3; i++) GUEST_ADD(&g, globals, nglobals, BYTES(T_I32, 1, w_i32_const, i, w_end));
    put_statements(&body, 3 + any(25));
    put_end(&body);
    guest_func(&g, NULL, ":", BYTES(w_i32_const, 0xe4, 0, w_i32_const, 1, w_i32_store, 0x40, 1, 0, w_end)); /* memory 1 */
    guest_func(&g, "run", "ii:", (mo_span){body.at, body.len});
    guest_func(&g, NULL, "i:i", BYTES(w_local_get, 0, w_call, 3, w_i32_const, 1, w_i32_add, w_end));
    GUEST_ADD(&g, elements, nelements, BYTES(0, w_i32_const, 3, w_end, 3, 1, 2, 1));
    GUEST_ADD(&g, elements, nelements, BYTES(1, 0, 2, 2, 1));
    put_data(&g);
    GUEST_ADD(&g, datas, ndatas, BYTES(1, 5, 'w', 'x', 'y', 'z', '!'));
    for (uint32_t n = any(8); n; n--) put_data(&g);
    return g;
}

/* --- what must be the same ------------------------------------------------------ */

/* Is the byte at p out of reach? */
static bool is_hidden(const void *p)
{
    uint8_t byte;
    struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)p, 1};
    return process_vm_readv(getpid(), &here, 1, &there, 1, 0) < 0;
}

static bool has_same_memories(const mote_instance *have, const mote_instance *fresh)
{
    for (uint32_t i = 0; i < mo_instance_meta(have)->nmemories; i++) {
        const mo_memory_desc *a = have->memories[i]->desc, *b = fresh->memories[i]->desc;
        if (a->bytes != b->bytes || memcmp(a->base, b->base, b->bytes) || !is_hidden(a->base + a->bytes)) return false;
    }
    return true;
}

/* head: context and tables as they were when the instance was made. */
static bool is_as_new(const mote_instance *have, const mote_instance *fresh, const uint8_t *head)
{
    const uint8_t *p = have->store->stack.top;
    while (p > have->store->stack.open && p[-1] == 0) p--;
    return expect(memcmp(have->slot.at, head, have->slot.open) == 0) && expect(p == have->store->stack.open) &&
           expect(has_same_memories(have, fresh));
}

/* --- runs --------------------------------------------------------------------------- */

static mote_store *volatile running;

static void interrupt_it(int number)
{
    (void)number;
    if (running) mote_store_interrupt(running, MOTE_TRAP_INTERRUPTED);
}

static mote_status exit_now(mote_caller *caller, void *data, mote_raw *values)
{
    (void)caller, (void)data, (void)values;
    return MOTE_EXIT;
}

static void run_somehow(mote_instance *instance)
{
    uint32_t how = any(4) ? any(ENDS) : END_SPIN;
    bool interrupted = how == END_SPIN || any(8) == 0;
    struct itimerval soon = {.it_value = {0, 20 + (suseconds_t)any(300)}}, never = {{0, 0}, {0, 0}};
    mote_raw values[2] = {{.i32 = (int32_t)any(UINT32_MAX)}, {.i32 = (int32_t)how}};
    mote_error err;
    running = mote_instance_store(instance);
    if (interrupted) {
        soon.it_interval = soon.it_value; /* the first may come too early */
        setitimer(ITIMER_REAL, &soon, NULL);
    }
    mote_status status = mote_func_call_raw(mote_instance_func(instance, "run"), values, &err);
    running = NULL;
    if (interrupted) setitimer(ITIMER_REAL, &never, NULL);
    static const mote_status want[ENDS] = {MOTE_OK, MOTE_TRAP, MOTE_TRAP, MOTE_TRAP, MOTE_TRAP, MOTE_EXCEPTION, MOTE_EXIT};
    if (status != want[how] && !expect(status == MOTE_TRAP)) fprintf(stderr, "    ended with %d, by %u\n", status, how);
}

static uint32_t from_environment(const char *name, uint32_t otherwise)
{
    const char *text = getenv(name);
    return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

/* All that a run may have written leaves for the swap device, as it would in need of memory. */
static void page_out(const mote_instance *instance)
{
    const mo_stack *stack = &instance->store->stack;
    madvise(instance->slot.at, instance->slot.open, MADV_PAGEOUT);
    madvise(stack->open, (size_t)(stack->top - stack->open) & ~(size_t)4095, MADV_PAGEOUT);
    for (uint32_t i = 0; i < mo_instance_meta(instance)->nmemories; i++) {
        const mo_memory_desc *m = instance->memories[i]->desc;
        madvise(m->base, m->bytes, MADV_PAGEOUT);
    }
}

static void try_way(mote_artifact *artifact, mote_linker *linker, const mote_instance *fresh, mo_way way, uint32_t nruns)
{
    mote_error err;
    mote_pool *pool;
    mote_program *program;
    mote_instance *instance;
    mote_pool_limits limits = mote_pool_limits_default();
    limits.store.stack_bytes = 1 << 16;
    limits.instances = 1;
    mo_reset_force(way);
    require(mote_pool_new(engine, &limits, &pool, &err) == MOTE_OK &&
            mote_program_new(pool, artifact, linker, &program, &err) == MOTE_OK &&
            mote_pool_acquire(program, &instance, &err) == MOTE_OK);
    size_t len = instance->slot.open;
    uint8_t *head = malloc(len);
    memcpy(head, instance->slot.at, len);
    bool same = true, swaps = from_environment("RESET_PAGE_OUT", 0);
    for (uint32_t i = 0; i < nruns && same; i++) {
        run_somehow(instance);
        if (swaps && i % 2) page_out(instance);
        same = expect(mote_pool_release(instance, &err) == MOTE_OK) &&
               expect(mote_pool_acquire(program, &instance, &err) == MOTE_OK) && is_as_new(instance, fresh, head);
    }
    free(head);
    mote_pool_free(pool);
    mo_reset_force(MO_WAY_MEASURED);
}

TEST(every_run_of_any_module_is_undone)
{
    need_compiler();
    struct sigaction action = {.sa_handler = interrupt_it, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigfillset(&action.sa_mask); /* an interrupt waits until guest code goes on */
    uint32_t seed = from_environment("RESET_SEED", 1), nmodules = from_environment("RESET_MODULES", 40);
    mote_functype type = functype(":");
    mote_error err;
    mote_linker *linker;
    require(sigaction(SIGALRM, &action, NULL) == 0 && mote_linker_new(engine, &linker, &err) == MOTE_OK);
    require(mote_linker_func_raw(linker, "env", "exit", &type, exit_now, NULL, &err) == MOTE_OK);
    for (uint32_t i = 0; i < nmodules && !tests.failures; i++) {
        state = (seed << 16) + i;
        guest g = random_module();
        mote_artifact *artifact = compiled(&g);
        mote_store *store;
        mote_instance *fresh;
        require(mote_store_new(engine, NULL, NULL, &store, &err) == MOTE_OK &&
                mote_linker_instantiate(linker, store, artifact, &fresh, &err) == MOTE_OK);
        for (mo_way way = MO_WAY_COPY; way <= MO_WAY_MEASURED && !tests.failures; way++)
            try_way(artifact, linker, fresh, way, way == MO_WAY_MEASURED ? 140 : 25);
        if (tests.failures) fprintf(stderr, "    module %u of RESET_SEED=%u\n", i, seed);
        mote_store_free(store);
        mote_artifact_unref(artifact);
    }
    mote_linker_free(linker);
}

/* --- two tenants ----------------------------------------------------------------------- */

#define SECRET 0x5ec2e7ed

static guest tenant(void)
{
    guest g = {0};
    guest_memory(&g, BYTES(0, 2));
    GUEST_ADD(&g, tables, ntables, BYTES(T_EXTERNREF, 0, 8));
    for (int i = 0; i < 3; i++) GUEST_ADD(&g, globals, nglobals, BYTES(T_I32, 1, w_i32_const, 0, w_end));
    guest_import_func(&g, "pass", "ii:i");
    wasm body = {.len = 0};
    for (int32_t page = 0; page < 32; page++) put_i32(&body, page * 4096 + 40), PUT(&body, w_local_get, 0, w_i32_store, 0, 0);
    for (uint8_t i = 0; i < 3; i++) PUT(&body, w_local_get, 0, w_global_set, i);
    PUT(&body, w_i32_const, 1, w_memory_grow, 0, w_i32_const, 16, w_i32_shl, w_local_get, 0, w_i32_store, 0, 0);
    PUT(&body, w_local_get, 0, w_local_get, 0, w_call, 0, w_local_get, 0, w_call, 2, w_drop, w_end);
    guest_func(&g, "run", "i:", (mo_span){body.at, body.len});
    guest_func(&g, NULL, "ii:i", BYTES(w_local_get, 0, w_i32_eqz, w_if, T_EMPTY, w_unreachable, w_end, w_local_get, 0,
                                       w_i32_const, 1, w_i32_sub, w_local_get, 1, w_call, 2, w_local_get, 1, w_i32_add, w_end));
    return g;
}

/* Few frames, the secret among them; then a trap deep down. */
static mote_status pass(mote_caller *caller, void *data, mote_raw *values)
{
    volatile uint32_t copies[64];
    (void)caller, (void)data;
    for (int i = 0; i < 64; i++) copies[i] = (uint32_t)values[0].i32;
    values[0].i32 = (int32_t)(copies[5] % 1000);
    return MOTE_OK;
}

/* Kept out of the searched stack: this compares with the complement. */
static size_t find_secret(const uint8_t *at, const uint8_t *end)
{
    size_t found = 0;
    for (volatile uint32_t want = ~(uint32_t)SECRET; at + 4 <= end; at++) {
        uint32_t word;
        memcpy(&word, at, 4);
        found += ~word == want;
    }
    return found;
}

static size_t secrets_in(const mote_instance *instance)
{
    size_t found = find_secret(instance->slot.at, instance->slot.at + instance->slot.open) +
                   find_secret(instance->store->stack.open, instance->store->stack.top);
    for (uint32_t i = 0; i < mo_instance_meta(instance)->nmemories; i++) {
        const mo_memory_desc *m = instance->memories[i]->desc;
        found += find_secret(m->base, m->base + m->bytes);
    }
    return found;
}

TEST(a_new_tenant_finds_nothing_of_the_last_one)
{
    need_compiler();
    guest first = tenant(), second = tenant();
    put_data(&second);
    mote_artifact *artifacts[] = {compiled(&first), compiled(&second)};
    mote_functype type = functype("ii:i");
    mote_linker *linker;
    mote_error err;
    require(mote_linker_new(engine, &linker, &err) == MOTE_OK);
    require(mote_linker_func_raw(linker, "env", "pass", &type, pass, NULL, &err) == MOTE_OK);
    for (mo_way way = MO_WAY_COPY; way <= MO_WAY_MEASURED; way++) {
        mote_pool *pool;
        mote_program *programs[2] = {NULL, NULL};
        mote_pool_limits limits = mote_pool_limits_default();
        limits.instances = 1; /* each takes the other's place */
        mo_reset_force(way);
        require(mote_pool_new(engine, &limits, &pool, &err) == MOTE_OK);
        for (int i = 0; i < 6; i++) {
            mote_instance *instance;
            mote_raw secret[2] = {{.i32 = (int32_t)SECRET}};
            int who = i < 2 ? 0 : i & 1; /* the same tenant twice, then in turns */
            if (!programs[who])
                require(mote_program_new(pool, artifacts[who], linker, &programs[who], &err) == MOTE_OK);
            require(mote_pool_acquire(programs[who], &instance, &err) == MOTE_OK);
            expect_u64(secrets_in(instance), 0);
            mote_func_call_raw(mote_instance_func(instance, "run"), secret, &err);
            expect(secrets_in(instance) > 30);
            expect(mote_pool_release(instance, &err) == MOTE_OK);
        }
        mote_pool_free(pool);
    }
    mo_reset_force(MO_WAY_MEASURED);
    mote_linker_free(linker);
    for (int i = 0; i < 2; i++) mote_artifact_unref(artifacts[i]);
}
