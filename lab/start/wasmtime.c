/* wasmtime.c - the same with Wasmtime: wasmtime LIBRARY on-demand|pooling FILE..., and how
 * its files are made: wasmtime LIBRARY compile MODULE OUT. */
#include "../wasmtime.h"
#include "steps.h"

static wasm_engine_t *engine;
static wasmtime_store_t *store;
static wasmtime_module_t *module;

static void prepare(void) { store = wasmtime_store_new(engine, NULL, NULL); }

static void clean_up(void)
{
    wasmtime_store_delete(store);
    wasmtime_module_delete(module);
}

static uint32_t start(const char *path, times *t)
{
    wasmtime_context_t *context = wasmtime_store_context(store);
    wasmtime_instance_t instance;
    wasmtime_val_raw_t value = {.i32 = WORD};
    wasm_trap_t *trap = NULL;
    wasmtime_check(wasmtime_module_deserialize_file(engine, path, &module), NULL, path);
    t->at[1] = now_ns();
    wasmtime_error_t *error = wasmtime_instance_new(context, module, NULL, 0, &instance, &trap);
    wasmtime_check(error, trap, "instantiate");
    t->at[2] = now_ns();
    wasmtime_func_t run = wasmtime_find(context, &instance, "run");
    error = wasmtime_func_call_unchecked(context, &run, &value, 1, &trap);
    wasmtime_check(error, trap, "run");
    t->at[3] = now_ns();
    return (uint32_t)value.i32;
}

static void compile(const char *from, const char *to)
{
    wasm_byte_vec_t bytes;
    wasmtime_check(wasmtime_module_serialize(wasmtime_compile(engine, from), &bytes), NULL, from);
    FILE *out = fopen(to, "wb");
    if (!out || fwrite(bytes.data, 1, bytes.size, out) != bytes.size || fclose(out) != 0)
        die("%s: cannot be written", to);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        die("wasmtime LIBRARY on-demand|pooling|compile FILE...");
    wasmtime_open(argv[1]);
    wasm_config_t *config = wasm_config_new();
    if (strcmp(argv[2], "pooling") == 0)
        wasmtime_pooling_allocation_strategy_set(config, wasmtime_pooling_allocation_config_new());
    engine = wasm_engine_new_with_config(config);
    if (strcmp(argv[2], "compile") == 0)
        compile(argv[3], argv[4]);
    else
        measure_all(argv + 3);
    fflush(stdout);
    _Exit(0);                          /* nothing of it is worth taking apart */
}
