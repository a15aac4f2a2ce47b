/* Snapshots: what an initialiser left is what the new module begins with, whatever it is;
 * what no module can begin with is refused, and says what and where. */
#include "call/guest.h"

#include "instance/instance.h"

#define INIT "wizer-initialize"
#define RET(...) BYTES(__VA_ARGS__, w_end)

typedef struct made {
    void *bytes;
    size_t len;
    mote_status status;
    mote_error err;
} made;

static made snap_with(const guest *g, const mote_snapshot_options *options)
{
    made m = {.err = {.status = MOTE_OK}};
    wasm w = guest_bytes(g);
    if (!have_compiler()) exit(1);
    m.status = mote_snapshot(engine, compiler, w.at, w.len, options, &m.bytes, &m.len, &m.err);
    return m;
}

static made snap(const guest *g)
{
    made m = snap_with(g, NULL);
    if (m.status) {
        test_failed(__FILE__, __LINE__, "want a snapshot");
        fprintf(stderr, "    %s: %s\n", mote_status_name(m.status), m.err.message);
    }
    return m;
}

static world world_of_made(made *m)
{
    world w = world_before(compiled_bytes(m->bytes, m->len));
    mote_snapshot_free(m->bytes);
    m->bytes = NULL;
    world_go(&w);
    return w;
}

static world snapped(const guest *g)
{
    made m = snap(g);
    if (m.status) exit(1);
    return world_of_made(&m);
}

static void refused(const guest *g, const mote_snapshot_options *options, mote_status status, const char *words)
{
    made m = snap_with(g, options);
    expect_u64(m.status, status);
    if (words) expect_text(m.err.message, words);
    expect(!m.bytes);
}

static mo_module *loaded(const made *m)
{
    mo_module *module = NULL;
    mote_error err;
    expect_u64(mo_module_load(m->bytes, m->len, mo_features_all(), NULL, &module, &err), MOTE_OK);
    return module;
}

/* --- globals ------------------------------------------------------------------------- */

static mote_raw global_of(world *w, const char *name)
{
    mote_global *global = mote_instance_global(w->instance, name);
    return global ? mote_global_get(global) : (mote_raw){.word = {0xdead, 0xdead}};
}

TEST(globals_of_each_type)
{
    need_compiler();
    guest g = {0};
    guest_func(&g, INIT, ":", RET(
        w_i32_const, 0x7f, w_global_set, 0, w_i64_const, 0x80, 0x80, 0x80, 0x80, 0x70, w_global_set, 1,
        w_f32_const, 1, 0, 0xa0, 0x7f, w_global_set, 2, /* a signalling NaN with a payload */
        w_f64_const, 1, 2, 3, 4, 5, 6, 0xf4, 0xff, w_global_set, 3,
        0xfd, 0x0c, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xff, w_global_set, 4,
        w_ref_func, 1, w_global_set, 5, w_ref_null, 0x70, w_global_set, 7));
    guest_func(&g, NULL, ":i", RET(w_i32_const, 44));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_I32, 1, 0x41, 5, 0x0b));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_I64, 1, 0x42, 5, 0x0b));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_F32, 1, 0x43, 0, 0, 0, 0, 0x0b));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_F64, 1, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_V128, 1, 0xfd, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_FUNCREF, 1, 0xd0, 0x70, 0x0b));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_EXTERNREF, 1, 0xd0, 0x6f, 0x0b));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_FUNCREF, 1, 0xd2, 1, 0x0b));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_I32, 0, 0x41, 7, 0x41, 3, 0x6c, 0x0b)); /* immutable: 7 * 3 */
    static const char *const names[] = {"i", "l", "f", "d", "v", "r", "e", "s", "k"};
    for (uint32_t i = 0; i < 9; i++) guest_export(&g, names[i], 3, i);
    world w = snapped(&g);
    expect_u64(global_of(&w, "i").i32, -1);
    expect_u64(global_of(&w, "l").i64, -(INT64_C(1) << 32));
    expect_u64(global_of(&w, "f").u32, 0x7fa00001);
    expect_u64(global_of(&w, "d").u64, UINT64_C(0xfff4060504030201));
    expect_u64(global_of(&w, "v").word[0], UINT64_C(0x0807060504030201));
    expect_u64(global_of(&w, "v").word[1], UINT64_C(0xff0f0e0d0c0b0a09));
    expect_u64(global_of(&w, "e").externref, 0);
    expect(!global_of(&w, "s").func);
    expect_u64(global_of(&w, "k").i32, 21);
    mote_func *func = global_of(&w, "r").func;
    mote_raw value = {.i32 = 0};
    require(func != NULL);
    expect_u64(mote_func_call_raw(func, &value, &w.err), MOTE_OK);
    expect_u64(value.i32, 44);
    world_end(&w);
}

/* --- memories -------------------------------------------------------------------------- */

static void peeks(guest *g)
{
    guest_func(g, "peek", "i:i", RET(w_local_get, 0, w_i32_load8_u, 0, 0));
    guest_func(g, "pages", ":i", RET(w_memory_size, 0));
}

TEST(a_grown_memory)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(1, 1, 9));
    guest_func(&g, INIT, ":", RET(w_i32_const, 2, w_memory_grow, 0, w_drop,
        w_i32_const, 0xff, 0xff, 0x0b, w_i32_const, 45, w_i32_store8, 0, 0, /* the last byte of the third page */
        w_i32_const, 0x00, w_i32_const, 0, w_i32_store8, 0, 0)); /* what a segment wrote is zero now */
    peeks(&g);
    GUEST_ADD(&g, datas, ndatas, BYTES(0, 0x41, 0, 0x0b, 3, 'x', 'y', 'z'));
    made m = snap(&g);
    mo_module *module = loaded(&m);
    expect_u64(module->memories[0].bounds.min, 3);
    expect_u64(module->memories[0].bounds.max, 9);
    mo_module_unref(module);
    world w = world_of_made(&m);
    expect_u64(call0(&w, "pages"), 3);
    expect_u64(call1(&w, "peek", 0), 0);
    expect_u64(call1(&w, "peek", 1), 'y');
    expect_u64(call1(&w, "peek", 3 * 65536 - 1), 45);
    world_end(&w);
}

TEST(several_memories_one_of_64_bits)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(0, 1));
    GUEST_ADD(&g, memories, nmemories, BYTES(4, 1)); /* 64 bits */
    GUEST_ADD(&g, memories, nmemories, BYTES(0, 1));
    guest_func(&g, INIT, ":", RET(w_i32_const, 8, w_i32_const, 11, w_i32_store8, 0, 0,
        w_i64_const, 2, w_memory_grow, 1, w_drop,
        w_i64_const, 0x80, 0x80, 0x08, w_i32_const, 22, w_i32_store8, 0x40, 1, 0,
        w_i32_const, 9, w_i32_const, 33, w_i32_store8, 0x40, 2, 0));
    guest_func(&g, "sum", ":i", RET(w_i32_const, 8, w_i32_load8_u, 0, 0,
        w_i64_const, 0x80, 0x80, 0x08, w_i32_load8_u, 0x40, 1, 0, w_i32_add,
        w_i32_const, 9, w_i32_load8_u, 0x40, 2, 0, w_i32_add, w_memory_size, 1, w_i32_wrap_i64, w_i32_add));
    world w = snapped(&g);
    expect_u64(call0(&w, "sum"), 11 + 22 + 33 + 3);
    world_end(&w);
}

/* A byte every 32 is worth 131,072 segments in 4 MiB: too many for other engines. */
TEST(segments_are_few)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(0, 64));
    guest_func(&g, INIT, "::i", RET(w_loop, T_EMPTY, w_local_get, 0, w_i32_const, 1, w_i32_store8, 0, 0,
        w_local_get, 0, w_i32_const, 32, w_i32_add, w_local_tee, 0, w_i32_const, 0x80, 0x80, 0x80, 2, w_i32_lt_u, w_br_if, 0, w_end));
    guest_func(&g, "count", ":i:ii", RET(w_loop, T_EMPTY, w_local_get, 0, w_i32_load8_u, 0, 0, w_local_get, 1, w_i32_add,
        w_local_set, 1, w_local_get, 0, w_i32_const, 1, w_i32_add, w_local_tee, 0, w_i32_const, 0x80, 0x80, 0x80, 2, w_i32_lt_u,
        w_br_if, 0, w_end, w_local_get, 1));
    made m = snap(&g);
    mo_module *module = loaded(&m);
    expect(module->ndatas > 0 && module->ndatas <= 100000);
    mo_module_unref(module);
    world w = world_of_made(&m);
    expect_u64(call0(&w, "count"), (4 << 20) / 32);
    world_end(&w);
}

/* --- tables -------------------------------------------------------------------------------- */

TEST(tables_with_functions_grown)
{
    need_compiler();
    guest g = {0};
    guest_func(&g, NULL, ":i", RET(w_i32_const, 5)); /* type 0, in no segment but a declared one */
    guest_func(&g, NULL, ":i", RET(w_i32_const, 6));
    guest_func(&g, INIT, ":", RET(w_ref_func, 1, w_i32_const, 3, 0xfc, 15, 0, w_drop, /* table.grow */
        w_i32_const, 0, w_ref_null, 0x70, w_table_set, 0, w_i32_const, 1, w_ref_func, 0, w_table_set, 0,
        w_i32_const, 3, w_ref_null, 0x70, w_table_set, 0));
    guest_func(&g, "call", "i:i", RET(w_local_get, 0, w_call_indirect, 0, 0));
    guest_func(&g, "size", ":i", RET(0xfc, 16, 0));
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, 2));
    GUEST_ADD(&g, elements, nelements, BYTES(0, 0x41, 0, 0x0b, 2, 1, 1));
    GUEST_ADD(&g, elements, nelements, BYTES(3, 0, 1, 0));
    world w = snapped(&g);
    expect_u64(call0(&w, "size"), 5);
    call1(&w, "call", 0);
    expect_trap(&w, CALL_NULL);
    expect_u64(call1(&w, "call", 1), 5);
    expect_u64(call1(&w, "call", 2), 6);
    call1(&w, "call", 3);
    expect_trap(&w, CALL_NULL);
    expect_u64(call1(&w, "call", 4), 6);
    world_end(&w);
}

TEST(a_table_that_is_not_empty_at_first)
{
    need_compiler();
    guest g = {0};
    guest_func(&g, NULL, ":i", RET(w_i32_const, 5));
    guest_func(&g, NULL, ":i", RET(w_i32_const, 6));
    guest_func(&g, INIT, ":", RET(w_i32_const, 1, w_ref_null, 0x70, w_table_set, 0,
                                  w_i32_const, 2, w_ref_func, 1, w_table_set, 0));
    guest_func(&g, "call", "i:i", RET(w_local_get, 0, w_call_indirect, 0, 0));
    GUEST_ADD(&g, tables, ntables, BYTES(0x40, 0, T_FUNCREF, 0, 4, 0xd2, 0, 0x0b)); /* all function 0 */
    GUEST_ADD(&g, elements, nelements, BYTES(3, 0, 1, 1));
    world w = snapped(&g);
    expect_u64(call1(&w, "call", 0), 5);
    call1(&w, "call", 1);
    expect_trap(&w, CALL_NULL);
    expect_u64(call1(&w, "call", 2), 6);
    expect_u64(call1(&w, "call", 3), 5);
    world_end(&w);
}

/* Every second of 40,000 entries: one segment, nulls and all. */
TEST(a_table_with_many_holes)
{
    need_compiler();
    guest g = {0};
    guest_func(&g, NULL, ":i", RET(w_i32_const, 5));
    guest_func(&g, INIT, "::i", RET(w_loop, T_EMPTY, w_local_get, 0, w_ref_func, 0, w_table_set, 0,
        w_local_get, 0, w_i32_const, 2, w_i32_add, w_local_tee, 0, w_i32_const, 0xc0, 0xb8, 2, w_i32_lt_u, w_br_if, 0, w_end));
    guest_func(&g, "call", "i:i", RET(w_local_get, 0, w_call_indirect, 0, 0));
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, 0xc0, 0xb8, 2)); /* 40,000 */
    GUEST_ADD(&g, elements, nelements, BYTES(3, 0, 1, 0));
    made m = snap(&g);
    mo_module *module = loaded(&m);
    expect(module->nelems < 100);
    mo_module_unref(module);
    world w = world_of_made(&m);
    expect_u64(call1(&w, "call", 39998), 5);
    call1(&w, "call", 39997);
    expect_trap(&w, CALL_NULL);
    world_end(&w);
}

/* The initialiser is told of by its export alone, and a function by the segment that is
 * overwritten: code that takes their references stays valid. */
TEST(references_in_code_stay_valid)
{
    need_compiler();
    guest g = {0};
    guest_func(&g, NULL, ":i", RET(w_i32_const, 5));
    guest_func(&g, INIT, ":", RET(w_i32_const, 0, w_ref_null, 0x70, w_table_set, 0));
    guest_func(&g, "put", "i:i", RET(w_i32_const, 0, w_ref_func, 0, w_table_set, 0, w_ref_func, 1, w_drop,
                                     w_i32_const, 0, w_call_indirect, 0, 0));
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, 1));
    GUEST_ADD(&g, elements, nelements, BYTES(0, 0x41, 0, 0x0b, 1, 0));
    world w = snapped(&g);
    expect_u64(call1(&w, "put", 0), 5);
    world_end(&w);
}

/* --- segments that code names ------------------------------------------------------------------ */

TEST(passive_segments_keep_their_numbers)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(0, 1));
    guest_func(&g, INIT, ":", RET(0xfc, 9, 1, /* data.drop 1 */ 0xfc, 13, 1, /* elem.drop 1 */
        w_i32_const, 0, w_i32_const, 9, w_i32_store8, 0, 0));
    guest_func(&g, NULL, ":i", RET(w_i32_const, 5));
    /* memory.init 2, of n bytes to 100; and the same of segments 0 and 1, which are gone */
    guest_func(&g, "init0", "i:", RET(w_i32_const, 0xe4, 0, w_i32_const, 0, w_local_get, 0, 0xfc, 8, 0, 0));
    guest_func(&g, "init1", "i:", RET(w_i32_const, 0xe4, 0, w_i32_const, 0, w_local_get, 0, 0xfc, 8, 1, 0));
    guest_func(&g, "init2", "i:", RET(w_i32_const, 0xe4, 0, w_i32_const, 0, w_local_get, 0, 0xfc, 8, 2, 0));
    guest_func(&g, "fill1", "i:", RET(w_i32_const, 0, w_i32_const, 0, w_local_get, 0, 0xfc, 12, 1, 0));
    guest_func(&g, "fill2", "i:", RET(w_i32_const, 0, w_i32_const, 0, w_local_get, 0, 0xfc, 12, 2, 0));
    guest_func(&g, "call", "i:i", RET(w_local_get, 0, w_call_indirect, 1, 0));
    peeks(&g);
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, 2));
    GUEST_ADD(&g, elements, nelements, BYTES(0, 0x41, 1, 0x0b, 1, 1));
    GUEST_ADD(&g, elements, nelements, BYTES(1, 0, 1, 1));
    GUEST_ADD(&g, elements, nelements, BYTES(5, T_FUNCREF, 2, 0xd2, 1, 0x0b, 0xd0, 0x70, 0x0b));
    GUEST_ADD(&g, datas, ndatas, BYTES(0, 0x41, 0xc0, 0, 0x0b, 3, 'x', 'y', 'z'));
    GUEST_ADD(&g, datas, ndatas, BYTES(1, 3, 'a', 'b', 'c'));
    GUEST_ADD(&g, datas, ndatas, BYTES(1, 3, 'd', 'e', 'f'));
    world w = snapped(&g);
    expect_u64(call1(&w, "peek", 0), 9);
    expect_u64(call1(&w, "peek", 65), 'y');
    static const char *const gone[] = {"init0", "init1"};
    for (int i = 0; i < 2; i++) {
        call1(&w, gone[i], 0);
        expect_ok(&w);
        call1(&w, gone[i], 1);
        expect_trap(&w, MEMORY_BOUNDS);
    }
    call1(&w, "init2", 3);
    expect_ok(&w);
    expect_u64(call1(&w, "peek", 102), 'f');
    call1(&w, "fill1", 1);
    expect_trap(&w, TABLE_BOUNDS);
    call1(&w, "call", 0);
    expect_trap(&w, CALL_NULL);
    call1(&w, "fill2", 2);
    expect_ok(&w);
    expect_u64(call1(&w, "call", 0), 5);
    world_end(&w);
}

/* --- what runs, and how often ----------------------------------------------------------------------- */

static mo_span counts(uint8_t global)
{
    static uint8_t body[] = {w_global_get, 0, w_i32_const, 1, w_i32_add, w_global_set, 0, w_end};
    body[1] = body[6] = global;
    return (mo_span){body, sizeof body};
}

TEST(start_and_initialize_run_once)
{
    need_compiler();
    guest g = {0};
    guest_func(&g, NULL, ":", counts(0));
    g.start = 1;
    guest_func(&g, "_initialize", ":", counts(1));
    guest_func(&g, INIT, ":", counts(2));
    for (uint32_t i = 0; i < 3; i++) {
        GUEST_ADD(&g, globals, nglobals, BYTES(T_I32, 1, 0x41, 0, 0x0b));
        guest_export(&g, (const char *[]){"a", "b", "c"}[i], 3, i);
    }
    made m = snap(&g);
    mo_module *module = loaded(&m);
    expect(!module->has_start);
    expect_u64(module->nexports, 3);
    mo_module_unref(module);
    world w = world_of_made(&m);
    expect_u64(global_of(&w, "a").i32, 1);
    expect_u64(global_of(&w, "b").i32, 1);
    expect_u64(global_of(&w, "c").i32, 1);
    expect(!mote_instance_func(w.instance, "_initialize"));
    expect(!mote_instance_func(w.instance, INIT));
    world_end(&w);
    m = snap_with(&g, &(mote_snapshot_options){.init_func = "_initialize"});
    require(m.status == MOTE_OK);
    w = world_of_made(&m);
    expect_u64(global_of(&w, "b").i32, 1); /* not twice */
    expect_u64(global_of(&w, "c").i32, 0);
    world_end(&w);
}

/* --- names ---------------------------------------------------------------------------------------------- */

static guest named(void)
{
    guest g = {0};
    guest_func(&g, INIT, ":", BYTES(w_end));
    guest_func(&g, "one", ":i", RET(w_i32_const, 1));
    guest_func(&g, "two", ":i", RET(w_i32_const, 2));
    guest_func(&g, "three", ":i", RET(w_i32_const, 3));
    guest_memory(&g, BYTES(0, 1));
    return g;
}

TEST(functions_are_renamed)
{
    need_compiler();
    guest g = named();
    static const mote_snapshot_rename renames[] = {{"one", "two"}, {"two", "one"}, {"new", "three"}};
    made m = snap_with(&g, &(mote_snapshot_options){.renames = renames, .nrenames = 3, .keep_init_func = true});
    require(m.status == MOTE_OK);
    world w = world_of_made(&m);
    expect_u64(call0(&w, "one"), 2);
    expect_u64(call0(&w, "two"), 1);
    expect_u64(call0(&w, "new"), 3);
    expect(!mote_instance_func(w.instance, "three"));
    expect(mote_instance_func(w.instance, INIT) != NULL);
    world_end(&w);
    static const mote_snapshot_rename over[] = {{"one", "two"}};
    m = snap_with(&g, &(mote_snapshot_options){.renames = over, .nrenames = 1});
    require(m.status == MOTE_OK);
    w = world_of_made(&m);
    expect_u64(call0(&w, "one"), 2);
    expect(!mote_instance_func(w.instance, "two"));
    world_end(&w);
}

static void rename_refused(const char *dst, const char *src, const char *words)
{
    guest g = named();
    const mote_snapshot_rename renames[] = {{"a", "one"}, {dst, src}};
    refused(&g, &(mote_snapshot_options){.renames = renames, .nrenames = 2}, MOTE_MISUSE, words);
}

TEST(names_that_make_no_sense)
{
    need_compiler();
    guest g = named(), none = {0}, odd = {0}, old = {0};
    rename_refused("b", "four", "rename: there is no exported function four");
    rename_refused("b", "memory", "rename: there is no exported function memory");
    rename_refused("memory", "two", "rename: the export memory is no function");
    rename_refused("a", "two", "rename: a=two names what a=one has taken");
    rename_refused("b", "one", "rename: b=one names what a=one has taken");
    rename_refused("b\xff", "two", "rename: a name that is not UTF-8");
    refused(&g, &(mote_snapshot_options){.init_func = "nothing"}, MOTE_MISUSE,
            "there is no exported function nothing to initialise it");
    refused(&g, &(mote_snapshot_options){.init_func = "one"}, MOTE_MISUSE,
            "the initialiser one has parameters or results");
    guest_func(&none, "f", ":", BYTES(w_end));
    refused(&none, NULL, MOTE_MISUSE, "there is no exported function wizer-initialize to initialise it");
    guest_func(&odd, INIT, "i:", BYTES(w_end));
    refused(&odd, NULL, MOTE_MISUSE, "the initialiser wizer-initialize has parameters or results");
    guest_func(&old, "wizer.initialize", ":", BYTES(w_end));
    made m = snap(&old);
    mote_snapshot_free(m.bytes);
}

/* --- equal input, equal bytes ------------------------------------------------------------------------------ */

TEST(equal_input_gives_equal_bytes)
{
    need_compiler();
    guest g = named();
    GUEST_ADD(&g, datas, ndatas, BYTES(0, 0x41, 0, 0x0b, 3, 'x', 'y', 'z'));
    made a = snap(&g), b = snap(&g);
    expect(a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0);
    /* And a snapshot of a snapshot, where nothing happens, is the same again. */
    const mote_snapshot_options again = {.init_func = INIT, .keep_init_func = true};
    mote_snapshot_free(a.bytes), mote_snapshot_free(b.bytes);
    a = snap_with(&g, &again);
    require(a.status == MOTE_OK);
    b.status = mote_snapshot(engine, compiler, a.bytes, a.len, &again, &b.bytes, &b.len, &b.err);
    require(b.status == MOTE_OK);
    expect(a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0);
    mote_snapshot_free(a.bytes), mote_snapshot_free(b.bytes);
}

static bool has_custom(const mo_module *m, const char *name, const char *bytes)
{
    for (uint32_t i = 0; i < m->ncustoms; i++)
        if (mo_span_is(m->customs[i].name, name)) return !bytes || mo_span_is(m->customs[i].bytes, bytes);
    return false;
}

TEST(custom_sections_stay_unless_they_are_wrong)
{
    need_compiler();
    guest g = named();
    wasm w = guest_bytes(&g);
    wasm_section(&w, CUSTOM, BYTES(4, 'n', 'a', 'm', 'e', 0, 3, 2, 'm', 'e', /* data names */ 9, 4, 1, 0, 1, 'd'));
    wasm_section(&w, CUSTOM, BYTES(9, 'p', 'r', 'o', 'd', 'u', 'c', 'e', 'r', 's', 'h', 'i'));
    wasm_section(&w, CUSTOM, BYTES(7, 'l', 'i', 'n', 'k', 'i', 'n', 'g', 2));
    wasm_section(&w, CUSTOM, BYTES(10, 'r', 'e', 'l', 'o', 'c', '.', 'C', 'O', 'D', 'E', 2));
    made m = {.err = {.status = MOTE_OK}};
    require(mote_snapshot(engine, compiler, w.at, w.len, NULL, &m.bytes, &m.len, &m.err) == MOTE_OK);
    mo_module *module = loaded(&m);
    expect(mo_span_is(module->module_name, "me"));
    expect(has_custom(module, "name", NULL) && has_custom(module, "producers", "hi"));
    expect(!has_custom(module, "linking", NULL) && !has_custom(module, "reloc.CODE", NULL));
    expect_u64(module->ncustoms, 2);
    mo_module_unref(module);
    mote_snapshot_free(m.bytes);
}

/* --- what is refused ------------------------------------------------------------------------------------------ */

TEST(state_of_others_is_refused)
{
    need_compiler();
    const struct { mo_span import; const char *words; } imports[] = {
        {{(const uint8_t[]){2, 0, 1}, 3}, "import \"env\" \"x\": a memory whose contents belong to another and would be missing"},
        {{(const uint8_t[]){1, T_FUNCREF, 0, 1}, 4}, "import \"env\" \"x\": a table whose contents belong to another and would be missing"},
        {{(const uint8_t[]){3, T_I32, 1}, 3}, "import \"env\" \"x\": a global whose contents belong to another and would be missing"},
    };
    for (size_t i = 0; i < MO_COUNT(imports); i++) {
        guest g = {0};
        guest_import(&g, "env", "x", imports[i].import);
        guest_func(&g, INIT, ":", BYTES(w_end));
        refused(&g, NULL, MOTE_STATE, imports[i].words);
    }
    guest g = {0};
    guest_memory(&g, BYTES(3, 1, 1)); /* shared */
    guest_func(&g, INIT, ":", BYTES(w_end));
    refused(&g, NULL, MOTE_STATE, "memory 0 is shared: other threads' state would be missing");
}

typedef struct grants {
    mote_status (*give)(mote_store *store, mote_linker *linker, mote_error *err);
    int ends;
    mote_status status;
} grants;

static mote_status give(void *data, mote_store *store, mote_linker *linker, mote_error *err)
{
    return ((grants *)data)->give(store, linker, err);
}

static mote_status note_end(void *data, mote_store *store, mote_status status, mote_error *err)
{
    grants *gr = data;
    (void)err;
    gr->ends++;
    gr->status = status;
    expect(status != MOTE_TRAP || mote_store_trap(store) != NULL);
    return status;
}

static mote_snapshot_options with(grants *gr)
{
    return (mote_snapshot_options){.grant = give, .ended = note_end, .data = gr};
}

static mote_status give_object(mote_caller *caller, void *data, mote_raw *values)
{
    (void)caller, (void)data;
    values[0].externref = 0x1234;
    return MOTE_OK;
}

static mote_status end_program(mote_caller *caller, void *data, mote_raw *values)
{
    (void)caller, (void)data, (void)values;
    return MOTE_EXIT;
}

static mote_status other_func(mote_caller *caller, void *data, mote_raw *values)
{
    mote_func *func;
    mote_error err;
    mote_functype none = {NULL, 0, NULL, 0};
    (void)data;
    mote_status status = mote_func_new_raw(mote_caller_store(caller), &none, end_program, NULL, NULL, &func, &err);
    values[0].func = func;
    return status;
}

static mote_status offer(mote_linker *linker, const char *name, const char *signature, mote_raw_callback *callback,
                         mote_error *err)
{
    mote_functype type = functype(signature);
    return mote_linker_func_raw(linker, "env", name, &type, callback, NULL, err);
}

static mote_status offer_all(mote_store *store, mote_linker *linker, mote_error *err)
{
    (void)store;
    mote_status status = offer(linker, "object", ":e", give_object, err);
    if (!status) status = offer(linker, "other", ":r", other_func, err);
    if (!status) status = offer(linker, "exit", ":", end_program, err);
    return status;
}

TEST(references_to_the_host_are_refused)
{
    need_compiler();
    grants gr = {.give = offer_all};
    mote_snapshot_options options = with(&gr);
    guest in_global = {0}, in_table = {0}, func = {0};
    guest_import_func(&in_global, "object", ":e");
    guest_func(&in_global, INIT, ":", RET(w_call, 0, w_global_set, 0));
    GUEST_ADD(&in_global, globals, nglobals, BYTES(T_EXTERNREF, 1, 0xd0, 0x6f, 0x0b));
    refused(&in_global, &options, MOTE_STATE, "global 0 holds a reference to an object of the host, or an exception");
    guest_import_func(&in_table, "object", ":e");
    guest_func(&in_table, INIT, ":", RET(w_i32_const, 3, w_call, 0, w_table_set, 0));
    GUEST_ADD(&in_table, tables, ntables, BYTES(T_EXTERNREF, 0, 5));
    refused(&in_table, &options, MOTE_STATE,
            "table 0, element 3 holds a reference to an object of the host, or an exception");
    guest_import_func(&func, "other", ":r");
    guest_func(&func, INIT, ":", RET(w_i32_const, 1, w_call, 0, w_table_set, 0));
    GUEST_ADD(&func, tables, ntables, BYTES(T_FUNCREF, 0, 2));
    refused(&func, &options, MOTE_STATE,
            "table 0, element 1 holds a function of the host that the module does not import");
    expect_u64(gr.ends, 3);
}

/* An imported function has a number in the module, which can stand in its table. */
TEST(references_to_imports_are_kept)
{
    need_compiler();
    grants gr = {.give = offer_all};
    mote_snapshot_options options = with(&gr);
    guest g = {0};
    guest_import_func(&g, "exit", ":");
    guest_import_func(&g, "object", ":e");
    guest_func(&g, INIT, ":", RET(w_i32_const, 1, w_ref_func, 0, w_table_set, 0));
    guest_func(&g, "call", "i:i", RET(w_local_get, 0, w_call_indirect, 0, 0, w_i32_const, 0));
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, 2));
    GUEST_ADD(&g, elements, nelements, BYTES(3, 0, 1, 0));
    made m = snap_with(&g, &options);
    require(m.status == MOTE_OK);
    world w = world_before(compiled_bytes(m.bytes, m.len));
    mote_snapshot_free(m.bytes);
    world_func(&w, "exit", ":", end_program, NULL);
    world_func(&w, "object", ":e", give_object, NULL);
    require(world_go(&w) == MOTE_OK);
    call1(&w, "call", 1);
    expect_u64(w.status, MOTE_EXIT);
    world_end(&w);
}

static int64_t number;
static mote_status give_number(mote_caller *caller, void *data, mote_raw *values)
{
    (void)caller, (void)data;
    values[0].i64 = number;
    return MOTE_OK;
}

static mote_status offer_number(mote_store *store, mote_linker *linker, mote_error *err)
{
    (void)store;
    return offer(linker, "number", ":l", give_number, err);
}

TEST(numbers_of_every_length)
{
    need_compiler();
    static const int64_t numbers[] = {0, 1, -1, 63, 64, -64, -65, 8191, 8192, -8193, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    grants gr = {.give = offer_number};
    mote_snapshot_options options = with(&gr);
    guest g = {0};
    guest_import_func(&g, "number", ":l");
    guest_func(&g, INIT, ":", RET(w_call, 0, w_global_set, 0, w_call, 0, w_i32_wrap_i64, w_global_set, 1));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_I64, 1, 0x42, 0, 0x0b));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_I32, 1, 0x41, 0, 0x0b));
    for (size_t i = 0; i < MO_COUNT(numbers); i++) {
        number = numbers[i];
        made m = snap_with(&g, &options);
        require(m.status == MOTE_OK);
        mo_module *module = loaded(&m);
        expect_u64(mo_get64(module->globals[0].init.insns[0].bits), number);
        expect_u64(mo_get32(module->globals[1].init.insns[0].bits), (uint32_t)number);
        mo_module_unref(module);
        mote_snapshot_free(m.bytes);
    }
}

TEST(initialisers_that_fail)
{
    need_compiler();
    grants gr = {.give = offer_all};
    mote_snapshot_options options = with(&gr);
    guest trap = {0}, exit_ = {0}, spin = {0}, grow = {0}, missing = {0}, start = {0};
    guest_func(&trap, INIT, ":", RET(w_unreachable));
    refused(&trap, &options, MOTE_TRAP, NULL);
    expect_u64(gr.status, MOTE_TRAP);
    guest_import_func(&exit_, "exit", ":");
    guest_func(&exit_, INIT, ":", RET(w_call, 0));
    refused(&exit_, &options, MOTE_STATE, "the initialiser ended the program");
    guest_func(&spin, INIT, ":", RET(w_loop, T_EMPTY, w_br, 0, w_end));
    options.timeout_us = 20000;
    made m = snap_with(&spin, &options);
    expect_u64(m.status, MOTE_TRAP);
    expect_u64(m.err.trap, MOTE_TRAP_TIMEOUT);
    guest_func(&start, NULL, ":", RET(w_loop, T_EMPTY, w_br, 0, w_end));
    guest_func(&start, INIT, ":", BYTES(w_end));
    start.start = 1;
    m = snap_with(&start, &options);
    expect_u64(m.status, MOTE_TRAP);
    expect_u64(m.err.trap, MOTE_TRAP_TIMEOUT);
    guest_memory(&grow, BYTES(0, 1));
    guest_func(&grow, INIT, ":", RET(w_loop, T_EMPTY, w_i32_const, 0xc0, 0, w_memory_grow, 0, w_i32_const, 0x7f, w_i32_ne,
                                     w_br_if, 0, w_end));
    mote_limits limits = mote_limits_default();
    limits.memory_bytes = 16 << 20;
    refused(&grow, &(mote_snapshot_options){.limits = &limits}, MOTE_STATE,
            "the initialiser wanted more than it may have: limits are 16777216 bytes of memory, 10000000 table elements");
    guest_import_func(&missing, "nothing", ":");
    guest_func(&missing, INIT, ":", BYTES(w_end));
    refused(&missing, NULL, MOTE_LINK, NULL);
}

/* A maximum of the module's own is no limit of ours: it gets its -1 and goes on. */
TEST(a_memory_may_meet_its_own_maximum)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(1, 1, 2));
    guest_func(&g, INIT, ":", RET(w_i32_const, 5, w_memory_grow, 0, w_global_set, 0));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_I32, 1, 0x41, 0, 0x0b));
    guest_export(&g, "g", 3, 0);
    world w = snapped(&g);
    expect_u64(global_of(&w, "g").i32, -1);
    world_end(&w);
}

TEST(bytes_that_are_no_module)
{
    need_compiler();
    made m = {.err = {.status = MOTE_OK}};
    expect_u64(mote_snapshot(engine, compiler, "nonsense", 8, NULL, &m.bytes, &m.len, &m.err), MOTE_MALFORMED);
    expect_u64(mote_snapshot(engine, compiler, "", 0, NULL, &m.bytes, &m.len, &m.err), MOTE_MALFORMED);
    guest g = named(), other = {0};
    wasm w = guest_bytes(&g);
    guest_func(&other, INIT, ":", BYTES(w_end));
    mote_snapshot_options options = {.artifact = compiled(&other)};
    expect_u64(mote_snapshot(engine, NULL, w.at, w.len, &options, &m.bytes, &m.len, &m.err), MOTE_MISUSE);
    expect_text(m.err.message, "snapshot: the artifact was not compiled from this module");
    mote_artifact_unref(options.artifact);
    expect(!m.bytes);
}

TEST(snapshot_survives_each_failed_allocation)
{
    need_compiler();
    guest g = named();
    guest_func(&g, NULL, ":i", RET(w_i32_const, 5));
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, 2));
    GUEST_ADD(&g, elements, nelements, BYTES(0, 0x41, 0, 0x0b, 1, 1));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_FUNCREF, 1, 0xd2, 1, 0x0b));
    GUEST_ADD(&g, datas, ndatas, BYTES(0, 0x41, 0, 0x0b, 3, 'x', 'y', 'z'));
    wasm w = guest_bytes(&g);
    mote_snapshot_options options = {.artifact = compiled(&g)};
    uint64_t live = mo_alloc_live();
    for (uint64_t n = 0;; n++) {
        made m = {.err = {.status = MOTE_OK}};
        mo_alloc_fail_at(n);
        m.status = mote_snapshot(engine, NULL, w.at, w.len, &options, &m.bytes, &m.len, &m.err);
        mo_alloc_fail_at(UINT64_MAX);
        mote_snapshot_free(m.bytes);
        if (!expect_u64(mo_alloc_live(), live)) break;
        if (m.status == MOTE_OK) break;
        if (!expect_u64(m.status, MOTE_NOMEM)) break;
        require(n < 1000);
    }
    mote_artifact_unref(options.artifact);
}
