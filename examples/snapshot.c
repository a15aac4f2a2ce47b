/* snapshot.c - runs a module's initialiser once; the module that comes out has its result.
 *     (module (import "env" "number" (func $number (result i32)))
 *       (global $squared (mut i32) (i32.const 0))
 *       (func (export "wizer-initialize") (local $n i32)
 *         (local.set $n (call $number))
 *         (global.set $squared (i32.mul (local.get $n) (local.get $n))))
 *       (func (export "squared") (result i32) (global.get $squared))) */
#include "mote/mote.h"

#include <stdio.h>
#include <stdlib.h>

static const unsigned char wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x60, 0x00, 0x01, 0x7f, 0x60,
    0x00, 0x00, 0x02, 0x0e, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x06, 0x6e, 0x75, 0x6d, 0x62, 0x65, 0x72,
    0x00, 0x00, 0x03, 0x03, 0x02, 0x01, 0x00, 0x06, 0x06, 0x01, 0x7f, 0x01, 0x41, 0x00, 0x0b, 0x07,
    0x1e, 0x02, 0x10, 0x77, 0x69, 0x7a, 0x65, 0x72, 0x2d, 0x69, 0x6e, 0x69, 0x74, 0x69, 0x61, 0x6c,
    0x69, 0x7a, 0x65, 0x00, 0x01, 0x07, 0x73, 0x71, 0x75, 0x61, 0x72, 0x65, 0x64, 0x00, 0x02, 0x0a,
    0x16, 0x02, 0x0f, 0x01, 0x01, 0x7f, 0x10, 0x00, 0x21, 0x00, 0x20, 0x00, 0x20, 0x00, 0x6c, 0x24,
    0x00, 0x0b, 0x04, 0x00, 0x23, 0x00, 0x0b,
};

static void check(mote_status status, const mote_error *err)
{
    if (status != MOTE_OK) {
        fprintf(stderr, "%s: %s\n", mote_status_name(status), err->message);
        exit(1);
    }
}

static mote_status number(mote_caller *caller, void *data, const mote_value *args, mote_value *results)
{
    (void)caller, (void)data, (void)args;
    printf("the initialiser asks\n");
    results[0] = mote_i32(12);
    return MOTE_OK;
}

/* What the initialiser may use; the snapshot still imports it. */
static mote_status grant(void *data, mote_store *store, mote_linker *linker, mote_error *err)
{
    static const mote_valtype i32 = MOTE_I32;
    const mote_functype type = {NULL, 0, &i32, 1};
    (void)data, (void)store;
    return mote_linker_func(linker, "env", "number", &type, number, NULL, err);
}

int main(void)
{
    mote_error err;
    mote_engine *engine;
    mote_compiler *compiler;
    mote_artifact *artifact;
    mote_linker *linker;
    mote_store *store;
    mote_instance *instance;
    static mote_snapshot_options options; /* zeros: the defaults */
    void *bytes;
    size_t len;
    check(mote_engine_new(&engine, &err), &err);
    check(mote_compiler_start(NULL, &compiler, &err), &err);
    options.grant = grant;
    check(mote_snapshot(engine, compiler, wasm, sizeof wasm, &options, &bytes, &len, &err), &err);
    check(mote_compiler_compile(compiler, bytes, len, NULL, 0, &artifact, &err), &err);
    mote_snapshot_free(bytes);

    check(mote_linker_new(engine, &linker, &err), &err);
    check(mote_store_new(engine, NULL, NULL, &store, &err), &err);
    check(grant(NULL, store, linker, &err), &err);
    check(mote_linker_instantiate(linker, store, artifact, &instance, &err), &err);
    mote_value result;
    check(mote_func_call(mote_instance_func(instance, "squared"), NULL, 0, &result, 1, &err), &err);
    printf("squared = %d\n", (int)result.of.i32);

    mote_store_free(store);
    mote_linker_free(linker);
    mote_artifact_unref(artifact);
    mote_compiler_stop(compiler);
    mote_engine_unref(engine);
    return 0;
}

/* It prints:
the initialiser asks
squared = 144
*/
