/* wasmtime.c - a cycle with Wasmtime: a store, an instance of its pooling allocator, a call,
 * the store's end.  wasmtime LIBRARY MODULE CASE CYCLES FUNCTION N SEED WANT */
#include "../wasmtime.h"
#include "cycles.h"

static wasm_engine_t *engine;
static wasmtime_module_t *module;
static wasmtime_linker_t *linker;
static wasmtime_instance_pre_t *ready;
static const char *function;

static uint32_t cycle(uint32_t n, uint32_t seed)
{
    wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
    wasmtime_context_t *context = wasmtime_store_context(store);
    wasmtime_instance_t instance;
    wasmtime_val_raw_t values[2] = {{.i32 = (int32_t)n}, {.i32 = (int32_t)seed}};
    wasm_trap_t *trap = NULL;
    wasmtime_check(wasmtime_instance_pre_instantiate(ready, context, &instance, &trap), trap, "instantiate");
    wasmtime_func_t run = wasmtime_find(context, &instance, function);
    wasmtime_check(wasmtime_func_call_unchecked(context, &run, values, 2, &trap), trap, function);
    wasmtime_store_delete(store);
    return (uint32_t)values[0].i32;
}

int main(int argc, char **argv)
{
    if (argc != 9)
        die("wasmtime: want LIBRARY MODULE CASE CYCLES FUNCTION N SEED WANT");
    wasmtime_open(argv[1]);
    wasm_config_t *config = wasm_config_new();
    wasmtime_pooling_allocation_strategy_set(config, wasmtime_pooling_allocation_config_new());
    engine = wasm_engine_new_with_config(config);
    module = wasmtime_compile(engine, argv[2]);
    linker = wasmtime_linker_new(engine);
    wasmtime_check(wasmtime_linker_instantiate_pre(linker, module, &ready), NULL, argv[2]);
    function = argv[5];
    measure(argv[3], (uint32_t)atoi(argv[4]), (uint32_t)atoi(argv[6]), atoi(argv[7]), (uint32_t)atoi(argv[8]));
    fflush(stdout);
    _Exit(0);
}
