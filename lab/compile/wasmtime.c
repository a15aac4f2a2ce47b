/* wasmtime.c - validating by Wasmtime, on one thread too: wasmtime LIBRARY MODULE SECONDS. */
#include "../wasmtime.h"
#include "rounds.h"

static wasm_engine_t *engine;

static void validate(const uint8_t *bytes, size_t len)
{
    wasmtime_check(wasmtime_module_validate(engine, bytes, len), NULL, "validate");
}

int main(int argc, char **argv)
{
    size_t len;
    if (argc != 4)
        die("wasmtime LIBRARY MODULE SECONDS");
    wasmtime_open(argv[1]);
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_parallel_compilation_set(config, false);
    engine = wasm_engine_new_with_config(config);
    uint8_t *bytes = read_file(argv[2], &len);
    rounds(bytes, len, atof(argv[3]));
    fflush(stdout);
    _Exit(0);                          /* nothing of it is worth taking apart */
}
