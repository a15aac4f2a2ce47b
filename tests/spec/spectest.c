/* spectest.c - the host module `spectest` that the specification's scripts import:
 * functions that print nothing, constants, a memory, tables. */
#include "spec.h"

#include <string.h>

static mote_status print_nothing(mote_caller *caller, void *data, mote_raw *values)
{
    (void)caller, (void)data, (void)values;
    return MOTE_OK;
}

static bool define(mote_linker *linker, const char *name, mote_extern thing, mote_error *err)
{
    return mote_linker_define(linker, "spectest", strlen("spectest"), name, strlen(name), thing, err) == MOTE_OK;
}

static bool define_functions(mote_linker *linker, mote_error *err)
{
    static const struct { const char *name; mote_valtype params[2]; size_t n; } functions[] = {
        {"print", {0}, 0},
        {"print_i32", {MOTE_I32}, 1},
        {"print_i64", {MOTE_I64}, 1},
        {"print_f32", {MOTE_F32}, 1},
        {"print_f64", {MOTE_F64}, 1},
        {"print_i32_f32", {MOTE_I32, MOTE_F32}, 2},
        {"print_f64_f64", {MOTE_F64, MOTE_F64}, 2},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        mote_functype type = {.params = functions[i].params, .nparams = functions[i].n};
        if (mote_linker_func_raw(linker, "spectest", functions[i].name, &type, print_nothing, NULL, err) != MOTE_OK)
            return false;
    }
    return true;
}

static bool define_globals(mote_linker *linker, mote_store *store, mote_error *err)
{
    const struct { const char *name; mote_value value; } globals[] = {
        {"global_i32", mote_i32(666)},
        {"global_i64", mote_i64(666)},
        {"global_f32", mote_f32(666.6f)},
        {"global_f64", mote_f64(666.6)},
    };
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
        mote_globaltype type = {.content = globals[i].value.type};
        mote_extern thing = {.kind = MOTE_GLOBAL};
        if (mote_global_new(store, &type, globals[i].value.of, &thing.of.global, err) != MOTE_OK ||
            !define(linker, globals[i].name, thing, err))
            return false;
    }
    return true;
}

static bool define_tables(mote_linker *linker, mote_store *store, mote_error *err)
{
    for (int is64 = 0; is64 < 2; is64++) {
        mote_tabletype type = {.element = MOTE_FUNCREF, .is64 = is64, .has_max = true, .min = 10, .max = 20};
        mote_extern thing = {.kind = MOTE_TABLE};
        if (mote_table_new(store, &type, (mote_raw){.func = NULL}, &thing.of.table, err) != MOTE_OK ||
            !define(linker, is64 ? "table64" : "table", thing, err))
            return false;
    }
    return true;
}

static bool define_memories(mote_linker *linker, mote_store *store, mote_error *err)
{
    for (int shared = 0; shared < 2; shared++) {
        mote_memorytype type = {.shared = shared, .has_max = true, .page_shift = 16, .min = 1, .max = 2};
        mote_extern thing = {.kind = MOTE_MEMORY};
        if (mote_memory_new(store, &type, &thing.of.memory, err) != MOTE_OK ||
            !define(linker, shared ? "shared_memory" : "memory", thing, err))
            return false;
    }
    return true;
}

bool define_spectest(mote_linker *linker, mote_store *store, mote_error *err)
{
    return define_functions(linker, err) && define_globals(linker, store, err) &&
           define_tables(linker, store, err) && define_memories(linker, store, err);
}
