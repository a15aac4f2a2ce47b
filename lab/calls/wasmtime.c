/* wasmtime.c - the same calls through Wasmtime's C API: wasmtime LIBRARY MODULE ROUNDS.
 * Its fastest entry is wasmtime_func_call_unchecked(), its fastest callback the unchecked
 * one. */
#include "../wasmtime.h"
#include "rounds.h"

static wasmtime_context_t *store;
static wasmtime_instance_t instance;
static wasmtime_func_t add;

static uint32_t call_add(void)
{
    wasmtime_val_raw_t values[2];
    wasm_trap_t *trap = NULL;
    uint32_t sum = 0;
    for (int32_t i = 0; i < CALLS; i++) {
        values[0].i32 = i;
        values[1].i32 = 1;
        wasmtime_error_t *error = wasmtime_func_call_unchecked(store, &add, values, 2, &trap);
        if (error || trap)
            wasmtime_check(error, trap, "add");
        sum += (uint32_t)values[0].i32;
    }
    return sum;
}

static uint32_t call_add_untyped(void)
{
    wasm_trap_t *trap = NULL;
    uint32_t sum = 0;
    for (int32_t i = 0; i < CALLS; i++) {
        wasmtime_val_t args[] = {{WASM_I32, {.i32 = i}}, {WASM_I32, {.i32 = 1}}}, result;
        wasmtime_error_t *error = wasmtime_func_call(store, &add, args, 2, &result, 1, &trap);
        if (error || trap)
            wasmtime_check(error, trap, "add");
        sum += (uint32_t)result.of.i32;
    }
    return sum;
}

static uint32_t call_loop(const char *name, uint32_t n)
{
    wasmtime_func_t func = wasmtime_find(store, &instance, name);
    wasmtime_val_raw_t values[1] = {{.i32 = (int32_t)n}};
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = wasmtime_func_call_unchecked(store, &func, values, 1, &trap);
    wasmtime_check(error, trap, name);
    return (uint32_t)values[0].i32;
}

static wasm_trap_t *next(void *data, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t n)
{
    (void)data, (void)caller, (void)n;
    values[0].i32++;
    return NULL;
}

static wasm_trap_t *next_untyped(void *data, wasmtime_caller_t *caller, const wasmtime_val_t *args, size_t nargs,
                                 wasmtime_val_t *results, size_t nresults)
{
    (void)data, (void)caller, (void)nargs, (void)nresults;
    results[0].kind = WASM_I32;
    results[0].of.i32 = args[0].of.i32 + 1;
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        die("wasmtime LIBRARY MODULE ROUNDS");
    wasmtime_open(argv[1]);
    wasm_engine_t *engine = wasm_engine_new_with_config(wasm_config_new());
    wasmtime_module_t *module = wasmtime_compile(engine, argv[2]);
    wasmtime_linker_t *linker = wasmtime_linker_new(engine);
    wasm_valtype_t *param = wasm_valtype_new(WASM_I32), *result = wasm_valtype_new(WASM_I32);
    wasm_valtype_vec_t params, results;
    wasm_valtype_vec_new(&params, 1, &param);
    wasm_valtype_vec_new(&results, 1, &result);
    const wasm_functype_t *type = wasm_functype_new(&params, &results);
    wasmtime_check(wasmtime_linker_define_func_unchecked(linker, "host", 4, "next", 4, type, next, NULL, NULL), NULL, "next");
    wasmtime_check(wasmtime_linker_define_func(linker, "host", 4, "next_untyped", 12, type, next_untyped, NULL, NULL), NULL,
                   "next_untyped");
    store = wasmtime_store_context(wasmtime_store_new(engine, NULL, NULL));
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = wasmtime_linker_instantiate(linker, store, module, &instance, &trap);
    wasmtime_check(error, trap, "instantiate");
    add = wasmtime_find(store, &instance, "add");
    rounds(atoi(argv[3]));
    fflush(stdout);
    _Exit(0);                          /* nothing of it is worth taking apart */
}
