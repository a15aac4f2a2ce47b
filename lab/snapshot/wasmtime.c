/* wasmtime.c - a cycle with Wasmtime: a store, an instance of its pooling allocator with
 * imports resolved before, the calls, the store's end.  wasmtime LIBRARY MODULE CYCLES WANT */
#include "../wasmtime.h"
#include "cycles.h"

static wasm_engine_t *engine;
static wasmtime_instance_pre_t *ready;

static uint32_t cycle(void)
{
    wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
    wasmtime_context_t *context = wasmtime_store_context(store);
    wasmtime_instance_t instance;
    wasmtime_val_raw_t value = {.i32 = 0};
    wasm_trap_t *trap = NULL;
    wasmtime_check(wasmtime_instance_pre_instantiate(ready, context, &instance, &trap), trap, "instantiate");
    for (int i = 0; i < NNAMES; i++) {
        wasmtime_extern_t found;
        if (wasmtime_instance_export_get(context, &instance, names[i], strlen(names[i]), &found))
            wasmtime_check(wasmtime_func_call_unchecked(context, &found.of.func, &value, 1, &trap), trap, names[i]);
    }
    wasmtime_store_delete(store);
    return (uint32_t)value.i32;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        die("wasmtime: want LIBRARY MODULE CYCLES WANT");
    wasmtime_open(argv[1]);
    wasm_config_t *config = wasm_config_new();
    wasmtime_pooling_allocation_strategy_set(config, wasmtime_pooling_allocation_config_new());
    engine = wasm_engine_new_with_config(config);
    wasmtime_module_t *module = wasmtime_compile(engine, argv[2]);
    wasmtime_check(wasmtime_linker_instantiate_pre(wasmtime_linker_new(engine), module, &ready), NULL, argv[2]);
    measure((uint32_t)atoi(argv[3]), (uint32_t)strtoul(argv[4], NULL, 10));
    fflush(stdout);
    _Exit(0);
}
