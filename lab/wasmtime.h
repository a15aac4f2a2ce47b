/* wasmtime.h - the part of Wasmtime's C API that the lab calls, found by dlopen(): its
 * library comes in a Python wheel, without headers. Layouts are those of version 48
 * (bytecodealliance/wasmtime, crates/c-api/include). */
#ifndef LAB_WASMTIME_H
#define LAB_WASMTIME_H

#include "bench.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_valtype_t wasm_valtype_t;
typedef struct wasmtime_caller_t wasmtime_caller_t;
typedef struct wasmtime_context_t wasmtime_context_t;
typedef struct wasmtime_error_t wasmtime_error_t;
typedef struct wasmtime_instance_pre_t wasmtime_instance_pre_t;
typedef struct wasmtime_linker_t wasmtime_linker_t;
typedef struct wasmtime_module_t wasmtime_module_t;
typedef struct wasmtime_pool_t wasmtime_pool_t;
typedef struct wasmtime_store_t wasmtime_store_t;

typedef struct wasm_byte_vec_t { size_t size; char *data; } wasm_byte_vec_t;
typedef struct wasm_valtype_vec_t { size_t size; wasm_valtype_t **data; } wasm_valtype_vec_t;
typedef struct wasmtime_func_t { uint64_t store; void *inner; } wasmtime_func_t;
typedef struct wasmtime_instance_t { uint64_t store; size_t inner; } wasmtime_instance_t;
typedef struct wasmtime_extern_t {
    uint8_t kind;                                    /* 0: a function */
    union { wasmtime_func_t func; uint64_t room[3]; } of;
} wasmtime_extern_t;
typedef struct wasmtime_val_t {
    uint8_t kind;                                    /* 0: i32 */
    union { int32_t i32; uint64_t room[3]; } of;
} wasmtime_val_t;
typedef union wasmtime_val_raw_t {
    int32_t i32;
    uint64_t room[2];
} __attribute__((aligned(16))) wasmtime_val_raw_t;
enum { WASM_I32 = 0 };

typedef wasm_trap_t *wasmtime_callback(void *data, wasmtime_caller_t *caller, const wasmtime_val_t *args, size_t nargs,
                                       wasmtime_val_t *results, size_t nresults);
typedef wasm_trap_t *wasmtime_raw_callback(void *data, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t n);

#define WASMTIME_FUNCTIONS(F)                                                                                        \
    F(wasm_config_t *, wasm_config_new, (void))                                                                      \
    F(void, wasmtime_config_parallel_compilation_set, (wasm_config_t * config, bool on))                             \
    F(wasm_engine_t *, wasm_engine_new_with_config, (wasm_config_t * config))                                        \
    F(wasm_valtype_t *, wasm_valtype_new, (uint8_t kind))                                                            \
    F(void, wasm_valtype_vec_new, (wasm_valtype_vec_t * ret, size_t n, wasm_valtype_t *const types[]))               \
    F(wasm_functype_t *, wasm_functype_new, (wasm_valtype_vec_t * params, wasm_valtype_vec_t * results))             \
    F(wasmtime_pool_t *, wasmtime_pooling_allocation_config_new, (void))                                             \
    F(void, wasmtime_pooling_allocation_strategy_set, (wasm_config_t * config, const wasmtime_pool_t *pool))         \
    F(void, wasmtime_error_message, (const wasmtime_error_t *error, wasm_byte_vec_t *message))                       \
    F(wasmtime_error_t *, wasmtime_module_new,                                                                       \
      (wasm_engine_t * engine, const uint8_t *wasm, size_t len, wasmtime_module_t **module))                         \
    F(wasmtime_error_t *, wasmtime_module_serialize, (const wasmtime_module_t *module, wasm_byte_vec_t *bytes))      \
    F(wasmtime_error_t *, wasmtime_module_deserialize_file,                                                          \
      (wasm_engine_t * engine, const char *path, wasmtime_module_t **module))                                        \
    F(wasmtime_error_t *, wasmtime_module_validate, (wasm_engine_t * engine, const uint8_t *wasm, size_t len))       \
    F(void, wasmtime_module_delete, (wasmtime_module_t * module))                                                    \
    F(wasmtime_store_t *, wasmtime_store_new, (wasm_engine_t * engine, void *data, void (*end)(void *)))             \
    F(wasmtime_context_t *, wasmtime_store_context, (wasmtime_store_t * store))                                      \
    F(void, wasmtime_store_delete, (wasmtime_store_t * store))                                                       \
    F(wasmtime_linker_t *, wasmtime_linker_new, (wasm_engine_t * engine))                                            \
    F(wasmtime_error_t *, wasmtime_linker_define_func,                                                               \
      (wasmtime_linker_t * linker, const char *module, size_t module_len, const char *name, size_t name_len,         \
       const wasm_functype_t *type, wasmtime_callback *callback, void *data, void (*end)(void *)))                   \
    F(wasmtime_error_t *, wasmtime_linker_define_func_unchecked,                                                     \
      (wasmtime_linker_t * linker, const char *module, size_t module_len, const char *name, size_t name_len,         \
       const wasm_functype_t *type, wasmtime_raw_callback *callback, void *data, void (*end)(void *)))               \
    F(wasmtime_error_t *, wasmtime_linker_instantiate,                                                               \
      (const wasmtime_linker_t *linker, wasmtime_context_t *store, const wasmtime_module_t *module,                  \
       wasmtime_instance_t *instance, wasm_trap_t **trap))                                                           \
    F(wasmtime_error_t *, wasmtime_linker_instantiate_pre,                                                           \
      (const wasmtime_linker_t *linker, const wasmtime_module_t *module, wasmtime_instance_pre_t **ret))             \
    F(wasmtime_error_t *, wasmtime_instance_pre_instantiate,                                                         \
      (const wasmtime_instance_pre_t *pre, wasmtime_context_t *store, wasmtime_instance_t *instance,                 \
       wasm_trap_t **trap))                                                                                          \
    F(wasmtime_error_t *, wasmtime_instance_new,                                                                     \
      (wasmtime_context_t * store, const wasmtime_module_t *module, const wasmtime_extern_t *imports,                \
       size_t nimports, wasmtime_instance_t *instance, wasm_trap_t **trap))                                          \
    F(bool, wasmtime_instance_export_get,                                                                            \
      (wasmtime_context_t * store, const wasmtime_instance_t *instance, const char *name, size_t len,                \
       wasmtime_extern_t *item))                                                                                     \
    F(wasmtime_error_t *, wasmtime_func_call,                                                                        \
      (wasmtime_context_t * store, const wasmtime_func_t *func, const wasmtime_val_t *args, size_t nargs,            \
       wasmtime_val_t *results, size_t nresults, wasm_trap_t **trap))                                                \
    F(wasmtime_error_t *, wasmtime_func_call_unchecked,                                                              \
      (wasmtime_context_t * store, const wasmtime_func_t *func, wasmtime_val_raw_t *values, size_t n,                \
       wasm_trap_t **trap))

#define F(ret, name, args) static ret(*name) args;
WASMTIME_FUNCTIONS(F)
#undef F

/* path: of libwasmtime, LIBWASMTIME's value. */
static inline void wasmtime_open(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        die("%s", dlerror());
#define F(ret, name, args)                                                                                           \
    if (!(name = (ret(*) args)dlsym(library, #name)))                                                                \
        die("%s has no " #name, path);
    WASMTIME_FUNCTIONS(F)
#undef F
}

static inline void wasmtime_check(wasmtime_error_t *error, const wasm_trap_t *trap, const char *what)
{
    wasm_byte_vec_t message = {0, NULL};
    if (!error && !trap)
        return;
    if (error)
        wasmtime_error_message(error, &message);
    die("%s: %.*s", what, (int)message.size, error ? message.data : "it trapped");
}

static inline wasmtime_module_t *wasmtime_compile(wasm_engine_t *engine, const char *path)
{
    size_t len;
    uint8_t *wasm = read_file(path, &len);
    wasmtime_module_t *module;
    wasmtime_check(wasmtime_module_new(engine, wasm, len, &module), NULL, path);
    free(wasm);
    return module;
}

static inline wasmtime_func_t wasmtime_find(wasmtime_context_t *store, const wasmtime_instance_t *instance,
                                            const char *name)
{
    wasmtime_extern_t found;
    if (!wasmtime_instance_export_get(store, instance, name, strlen(name), &found) || found.kind != 0)
        die("no function %s", name);
    return found.of.func;
}

#endif
