/* Instances: imports are matched, segments placed in order, effects before a trap stay,
 * limits hold, and every failed allocation leaves nothing behind. */
#include "call/guest.h"

static mote_extern of_memory(mote_memory *m) { return (mote_extern){.kind = MOTE_MEMORY, .of = {.memory = m}}; }
static mote_extern of_table(mote_table *t) { return (mote_extern){.kind = MOTE_TABLE, .of = {.table = t}}; }
static mote_extern of_global(mote_global *g) { return (mote_extern){.kind = MOTE_GLOBAL, .of = {.global = g}}; }

static mote_store *new_store(void)
{
    mote_store *store = NULL;
    mote_error err;
    if (!have_compiler() || mote_store_new(engine, NULL, NULL, &store, &err)) exit(1);
    return store;
}

/* --- imports ------------------------------------------------------------------ */

static void links(mote_artifact *a, mote_store *store, mote_extern thing, bool ok, const char *words)
{
    mote_instance *instance;
    mote_error err = {.status = MOTE_OK};
    mote_status status = mote_instance_new(store, a, &thing, 1, &instance, &err);
    expect_u64(status, ok ? MOTE_OK : MOTE_LINK);
    if (!ok) expect_text(err.message, words);
}

TEST(memories_match_by_limits)
{
    need_compiler();
    guest g = {0};
    guest_import(&g, "env", "m", BYTES(2, 1, 2, 5));
    mote_artifact *a = compiled(&g);
    mote_store *store = new_store(), *other = new_store();
    mote_error err;
    static const struct { uint64_t min, max; bool has_max, ok; const char *words; } cases[] = {
        {2, 5, true, true, NULL},
        {3, 4, true, true, NULL},
        {1, 5, true, false, "incompatible import type: \"env\" \"m\": want memory 2 5, have memory 1 5"},
        {2, 6, true, false, "incompatible import type: \"env\" \"m\": want memory 2 5, have memory 2 6"},
        {2, 0, false, false, "incompatible import type: \"env\" \"m\": want memory 2 5, have memory 2"},
    };
    for (size_t i = 0; i < MO_COUNT(cases); i++) {
        mote_memory *m;
        mote_memorytype type = {.has_max = cases[i].has_max, .page_shift = 16, .min = cases[i].min, .max = cases[i].max};
        require(mote_memory_new(store, &type, &m, &err) == MOTE_OK);
        links(a, store, of_memory(m), cases[i].ok, cases[i].words);
    }
    mote_memory *m;
    mote_memorytype type = {.has_max = true, .page_shift = 16, .min = 1, .max = 5};
    require(mote_memory_new(store, &type, &m, &err) == MOTE_OK);
    expect(mote_memory_grow(m, 1, NULL, &err) == MOTE_OK);
    links(a, store, of_memory(m), true, NULL); /* what counts is the size now */
    links(a, other, of_memory(m), false, "import \"env\" \"m\": what was given is of another store");
    mote_instance *instance;
    expect(mote_instance_new(store, a, NULL, 0, &instance, &err) == MOTE_LINK);
    expect_text(err.message, "imports: want 1, have 0");
    mote_store_free(store);
    mote_store_free(other);
    mote_artifact_unref(a);
}

static mote_status nothing(mote_caller *caller, void *data, mote_raw *v)
{
    (void)caller, (void)data, (void)v;
    return MOTE_OK;
}

TEST(the_linker_names_what_is_missing_or_wrong)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "f", "il:d");
    world w = world_before(compiled(&g));
    expect(mote_linker_instantiate(w.linker, w.store, w.artifact, &w.instance, &w.err) == MOTE_LINK);
    expect_text(w.err.message, "unknown import: \"env\" \"f\": want func (i32 i64) -> (f64)");
    world_func(&w, "f", "i:d", nothing, NULL);
    expect(mote_linker_instantiate(w.linker, w.store, w.artifact, &w.instance, &w.err) == MOTE_LINK);
    expect_text(w.err.message, "incompatible import type: \"env\" \"f\": want func (i32 i64) -> (f64), have func (i32) -> (f64)");
    world_func(&w, "f", "il:d", nothing, NULL);
    expect(mote_linker_instantiate(w.linker, w.store, w.artifact, &w.instance, &w.err) == MOTE_OK);
    for (int i = 0; i < 1000; i++) {
        char name[20];
        snprintf(name, sizeof name, "other%d", i);
        world_func(&w, name, "i:d", nothing, NULL);
    }
    expect(mote_linker_instantiate(w.linker, w.store, w.artifact, &w.instance, &w.err) == MOTE_OK);
    world_end(&w);
}

TEST(globals_and_tables_are_shared_between_instances)
{
    need_compiler();
    guest g = {0}, h = {0};
    GUEST_ADD(&g, globals, nglobals, BYTES(T_I32, 1, w_i32_const, 5, w_end));
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, 3));
    guest_export(&g, "global", 3, 0);
    guest_export(&g, "table", 1, 0);
    guest_func(&g, "seven", ":i", BYTES(w_i32_const, 7, w_end));
    guest_func(&g, "call", "i:i", BYTES(w_local_get, 0, w_call_indirect, 0, 0, w_end));
    guest_import(&h, "g", "global", BYTES(3, T_I32, 1));
    guest_import(&h, "g", "table", BYTES(1, T_FUNCREF, 0, 1));
    guest_func(&h, "nine", ":i", BYTES(w_global_get, 0, w_i32_const, 4, w_i32_add, w_global_set, 0, w_i32_const, 9, w_end));
    GUEST_ADD(&h, elements, nelements, BYTES(0, w_i32_const, 1, w_end, 1, 0));
    world w = world_of(&g);
    mote_artifact *b = compiled(&h);
    mote_instance *second;
    require(mote_linker_instance(w.linker, "g", 1, w.instance, &w.err) == MOTE_OK);
    require(mote_linker_instantiate(w.linker, w.store, b, &second, &w.err) == MOTE_OK);
    expect_u64(call1(&w, "call", 1), 9);
    expect_u64(mote_global_get(mote_instance_global(w.instance, "global")).i32, 9);
    expect(mote_global_set(mote_instance_global(w.instance, "global"), (mote_raw){.i32 = 30}, &w.err) == MOTE_OK);
    call1(&w, "call", 1);
    expect_u64(mote_global_get(mote_instance_global(w.instance, "global")).i32, 34);
    mote_table *table = mote_instance_table(w.instance, "table");
    mote_raw seven = {.func = mote_instance_func(w.instance, "seven")}, got;
    expect(mote_table_set(table, 2, seven, &w.err) == MOTE_OK);
    expect_u64(call1(&w, "call", 2), 7);
    expect(mote_table_get(table, 2, &got, &w.err) == MOTE_OK && got.func == seven.func);
    uint64_t old;
    expect(mote_table_grow(table, 5, seven, &old, &w.err) == MOTE_OK && old == 3 && mote_table_size(table) == 8);
    expect_u64(call1(&w, "call", 7), 7);
    expect_u64(call1(&w, "call", 1), 9);
    expect(mote_table_get(table, 8, &got, &w.err) == MOTE_MISUSE);
    call1(&w, "call", 8);
    expect_trap(&w, CALL_BOUNDS);
    mote_artifact_unref(b);
    world_end(&w);
}

TEST(references_of_another_store_are_refused)
{
    need_compiler();
    guest g = {0};
    guest_func(&g, "f", "r:", BYTES(w_end));
    world v = world_of(&g), w = world_of(&g);
    mote_value foreign = mote_funcref(mote_instance_func(v.instance, "f"));
    mote_value own = mote_funcref(mote_instance_func(w.instance, "f"));
    expect(mote_func_call(own.of.func, &own, 1, NULL, 0, &w.err) == MOTE_OK);
    expect(mote_func_call(own.of.func, &foreign, 1, NULL, 0, &w.err) == MOTE_MISUSE);
    mote_table *table;
    mote_tabletype type = {.element = MOTE_FUNCREF, .min = 1};
    expect(mote_table_new(w.store, &type, foreign.of, &table, &w.err) == MOTE_MISUSE);
    expect(mote_table_new(w.store, &type, own.of, &table, &w.err) == MOTE_OK);
    expect(mote_table_set(table, 0, foreign.of, &w.err) == MOTE_MISUSE);
    mote_global *global;
    mote_globaltype mutable_funcref = {MOTE_FUNCREF, true};
    expect(mote_global_new(w.store, &mutable_funcref, own.of, &global, &w.err) == MOTE_OK);
    expect(mote_global_set(global, foreign.of, &w.err) == MOTE_MISUSE);
    world_end(&v);
    world_end(&w);
}

/* --- segments and the start function ------------------------------------------- */

TEST(what_was_written_before_a_trap_stays)
{
    need_compiler();
    guest g = {0};
    guest_import(&g, "env", "m", BYTES(2, 0, 1));
    guest_import(&g, "env", "t", BYTES(1, T_FUNCREF, 0, 2));
    guest_func(&g, "f", ":i", BYTES(w_i32_const, 1, w_end));
    GUEST_ADD(&g, elements, nelements, BYTES(0, w_i32_const, 0, w_end, 1, 0));
    GUEST_ADD(&g, datas, ndatas, BYTES(0, w_i32_const, 3, w_end, 2, 'h', 'i'));
    GUEST_ADD(&g, datas, ndatas, BYTES(0, w_i32_const, 0xff, 0xff, 3, w_end, 2, 'x', 'y'));
    mote_artifact *a = compiled(&g);
    mote_store *store = new_store();
    mote_error err;
    mote_memory *memory;
    mote_table *table;
    mote_instance *instance;
    mote_memorytype memory_type = {.page_shift = 16, .min = 1};
    mote_tabletype table_type = {.element = MOTE_FUNCREF, .min = 2};
    require(mote_memory_new(store, &memory_type, &memory, &err) == MOTE_OK);
    require(mote_table_new(store, &table_type, (mote_raw){.u64 = 0}, &table, &err) == MOTE_OK);
    mote_extern imports[] = {of_memory(memory), of_table(table)};
    expect(mote_instance_new(store, a, imports, 2, &instance, &err) == MOTE_TRAP);
    expect_u64(err.trap, MOTE_TRAP_MEMORY_BOUNDS);
    expect(strncmp(err.message, "out of bounds memory access", 27) == 0);
    expect(memcmp(mote_memory_data(memory) + 3, "hi", 2) == 0);
    expect_u64(mote_memory_data(memory)[65535], 0);
    mote_raw f;
    expect(mote_table_get(table, 0, &f, &err) == MOTE_OK && f.func != NULL);
    mote_raw v = {.i32 = 0};
    expect(mote_func_call_raw(f.func, &v, &err) == MOTE_OK && v.i32 == 1);
    mote_store_free(store);
    mote_artifact_unref(a);
}

TEST(the_start_function_runs_and_may_trap)
{
    need_compiler();
    guest g = {0}, bad = {0};
    guest_memory(&g, BYTES(0, 1));
    g.start = 1 + guest_func(&g, NULL, ":", BYTES(w_i32_const, 0, w_i32_const, 42, w_i32_store, 2, 0, w_end));
    guest_func(&g, "get", ":i", BYTES(w_i32_const, 0, w_i32_load, 2, 0, w_end));
    bad.start = 1 + guest_func(&bad, NULL, ":", BYTES(w_unreachable, w_end));
    world w = world_of(&g), v = world_before(compiled(&bad));
    expect_u64(call0(&w, "get"), 42);
    expect(mote_linker_instantiate(v.linker, v.store, v.artifact, &v.instance, &v.err) == MOTE_TRAP);
    expect_u64(v.err.trap, MOTE_TRAP_UNREACHABLE);
    expect_u64(mote_trap_nframes(mote_store_trap(v.store), NULL), 1);
    world_end(&w);
    world_end(&v);
}

/* --- limits ----------------------------------------------------------------------- */

TEST(memories_and_tables_grow_to_their_limits)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(1, 1, 100));
    GUEST_ADD(&g, tables, ntables, BYTES(T_FUNCREF, 0, 10));
    guest_func(&g, "grow", "i:i", BYTES(w_local_get, 0, w_memory_grow, 0, w_end));
    guest_func(&g, "size", ":i", BYTES(w_memory_size, 0, w_end));
    guest_func(&g, "tgrow", "i:i", BYTES(0xd0, T_FUNCREF, w_local_get, 0, 0xfc, 15, 0, w_end));
    guest_func(&g, "touch", "i:i", BYTES(w_local_get, 0, w_local_get, 0, w_i32_store8, 0, 0, w_local_get, 0, w_i32_load8_u, 0, 0, w_end));
    mote_artifact *a = compiled(&g);
    mote_limits limits = mote_limits_default(), used;
    limits.memory_bytes = 10 << 16;
    limits.table_elements = 100;
    limits.instances = 2;
    world w = {.artifact = a};
    require(mote_store_new(engine, &limits, NULL, &w.store, &w.err) == MOTE_OK);
    require(mote_instance_new(w.store, a, NULL, 0, &w.instance, &w.err) == MOTE_OK);
    expect_u64(call1(&w, "grow", 2), 1);
    expect_u64(call0(&w, "size"), 3);
    expect_u64(call1(&w, "touch", (3 << 16) - 1), 255);
    call1(&w, "touch", 3 << 16);
    expect_trap(&w, MEMORY_BOUNDS);
    expect_u64((uint32_t)call1(&w, "grow", 8), UINT32_MAX);
    expect_u64(call1(&w, "grow", 7), 3);
    expect_u64((uint32_t)call1(&w, "tgrow", 91), UINT32_MAX);
    expect_u64(call1(&w, "tgrow", 90), 10);
    mote_store_usage(w.store, &used);
    expect_u64(used.memory_bytes, 10 << 16);
    expect_u64(used.table_elements, 100);
    mote_instance *second;
    expect(mote_instance_new(w.store, a, NULL, 0, &second, &w.err) == MOTE_LIMIT);
    mote_store_usage(w.store, &used);
    expect_u64(used.memory_bytes, 10 << 16);
    expect_u64(used.instances, 1);
    world_end(&w);
}

TEST(memories_of_64_bits_are_checked)
{
    need_compiler();
    guest g = {0};
    guest_memory(&g, BYTES(4, 1)); /* i64, no maximum */
    guest_func(&g, "load", "l:i", BYTES(w_local_get, 0, w_i32_load, 2, 0, w_end));
    guest_func(&g, "grow", "l:l", BYTES(w_local_get, 0, w_memory_grow, 0, w_end));
    world w = world_of(&g);
    mote_func *load = mote_instance_func(w.instance, "load"), *grow = mote_instance_func(w.instance, "grow");
    static const uint64_t bad[] = {65533, 1ull << 32, 1ull << 40, 1ull << 63, UINT64_MAX};
    for (size_t i = 0; i < MO_COUNT(bad); i++) {
        mote_raw v = {.u64 = bad[i]};
        expect(mote_func_call_raw(load, &v, &w.err) == MOTE_TRAP && w.err.trap == MOTE_TRAP_MEMORY_BOUNDS);
    }
    mote_raw v = {.u64 = 100};
    expect(mote_func_call_raw(grow, &v, &w.err) == MOTE_OK && v.u64 == 1);
    v.u64 = (101 << 16) - 4;
    expect(mote_func_call_raw(load, &v, &w.err) == MOTE_OK && v.i32 == 0);
    v.u64 = 1ull << 40;
    expect(mote_func_call_raw(grow, &v, &w.err) == MOTE_OK && v.i64 == -1);
    world_end(&w);
}

/* --- failing allocations -------------------------------------------------------------- */

/* Everything that a small embedder does, with the n-th allocation failing. */
static mote_status all_of_it(mote_artifact *a, mote_error *err)
{
    mote_store *store = NULL;
    mote_linker *linker = NULL;
    mote_instance *instance;
    mote_func *func;
    mote_table *table;
    mote_memory *memory;
    mote_tag *tag;
    mote_functype type = functype("i:i");
    mote_tabletype table_type = {.element = MOTE_FUNCREF, .min = 10};
    mote_memorytype memory_type = {.page_shift = 16, .min = 1};
    mote_value value;
    mote_status s;
    (void)((s = mote_store_new(engine, NULL, NULL, &store, err)) || (s = mote_linker_new(engine, &linker, err)) ||
           (s = mote_linker_func_raw(linker, "env", "f", &type, nothing, NULL, err)) ||
           (s = mote_func_new_raw(store, &type, nothing, NULL, NULL, &func, err)) ||
           (s = mote_table_new(store, &table_type, (mote_raw){.func = func}, &table, err)) ||
           (s = mote_table_grow(table, 10, (mote_raw){.func = func}, NULL, err)) ||
           (s = mote_memory_new(store, &memory_type, &memory, err)) ||
           (s = mote_tag_new(store, type.params, 1, &tag, err)) ||
           (s = mote_linker_define(linker, "env", 3, "t", 1, of_table(table), err)) ||
           (s = mote_linker_instantiate(linker, store, a, &instance, err)) ||
           (s = mote_linker_instance(linker, "again", 5, instance, err)) ||
           (s = mote_func_call(mote_instance_func(instance, "g"), (mote_value[]){mote_i32(1)}, 1, &value, 1, err)));
    mote_linker_free(linker);
    mote_store_free(store);
    return s;
}

TEST(every_failed_allocation_is_an_error_and_leaves_nothing)
{
    need_compiler();
    guest g = {0};
    guest_import_func(&g, "f", "i:i");
    guest_import(&g, "env", "t", BYTES(1, T_FUNCREF, 0, 1));
    guest_memory(&g, BYTES(0, 1));
    GUEST_ADD(&g, globals, nglobals, BYTES(T_I32, 1, w_i32_const, 5, w_end));
    guest_func(&g, "g", "i:i", BYTES(w_local_get, 0, w_call, 0, w_end));
    GUEST_ADD(&g, elements, nelements, BYTES(0, w_i32_const, 0, w_end, 1, 1));
    GUEST_ADD(&g, datas, ndatas, BYTES(0, w_i32_const, 3, w_end, 2, 'h', 'i'));
    mote_artifact *a = compiled(&g);
    mote_error err;
    expect(all_of_it(a, &err) == MOTE_OK); /* interns types, once per process */
    uint64_t live = mo_alloc_live();
    for (uint64_t n = 1;; n++) {
        mo_alloc_fail_at(n);
        mote_status s = all_of_it(a, &err);
        mo_alloc_fail_at(UINT64_MAX);
        expect_u64(mo_alloc_live(), live);
        if (s == MOTE_OK) {
            expect(n > 8);
            break;
        }
        if (!expect(s == MOTE_NOMEM || s == MOTE_LIMIT)) break;
    }
    mote_artifact_unref(a);
}

TEST(host_globals_keep_their_types)
{
    need_compiler();
    guest g = {0};
    guest_import(&g, "env", "g", BYTES(3, T_I64, 0));
    guest_func(&g, "get", ":l", BYTES(w_global_get, 0, w_end));
    mote_artifact *a = compiled(&g);
    mote_store *store = new_store();
    mote_error err;
    mote_global *i64, *i32, *variable;
    mote_globaltype types[] = {{MOTE_I64, false}, {MOTE_I32, false}, {MOTE_I64, true}};
    require(mote_global_new(store, &types[0], (mote_raw){.i64 = 1ll << 40}, &i64, &err) == MOTE_OK);
    require(mote_global_new(store, &types[1], (mote_raw){.i32 = 5}, &i32, &err) == MOTE_OK);
    require(mote_global_new(store, &types[2], (mote_raw){.i64 = 5}, &variable, &err) == MOTE_OK);
    links(a, store, of_global(i32), false, "incompatible import type: \"env\" \"g\": want global i64, have global i32");
    links(a, store, of_global(variable), false, "incompatible import type: \"env\" \"g\": want global i64, have global mut i64");
    mote_extern import = of_global(i64);
    mote_instance *instance;
    require(mote_instance_new(store, a, &import, 1, &instance, &err) == MOTE_OK);
    mote_raw v;
    expect(mote_func_call_raw(mote_instance_func(instance, "get"), &v, &err) == MOTE_OK && v.i64 == 1ll << 40);
    expect(mote_global_set(i64, v, &err) == MOTE_MISUSE);
    expect(mote_global_set(variable, v, &err) == MOTE_OK && mote_global_get(variable).i64 == 1ll << 40);
    mote_store_free(store);
    mote_artifact_unref(a);
}
