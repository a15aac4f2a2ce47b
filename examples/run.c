/* run.c - compiles a module and calls a function that it exports, in two ways.
 *     (module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))) */
#include "mote/mote.h"

#include <stdio.h>
#include <stdlib.h>

static const unsigned char wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x07, 0x01, 0x60, 0x02, 0x7f, 0x7f, 0x01,
    0x7f, 0x03, 0x02, 0x01, 0x00, 0x07, 0x07, 0x01, 0x03, 0x61, 0x64, 0x64, 0x00, 0x00, 0x0a, 0x09,
    0x01, 0x07, 0x00, 0x20, 0x00, 0x20, 0x01, 0x6a, 0x0b,
};

static void check(mote_status status, const mote_error *err)
{
    if (status != MOTE_OK) {
        fprintf(stderr, "%s: %s\n", mote_status_name(status), err->message);
        exit(1);
    }
}

int main(void)
{
    mote_error err;
    mote_engine *engine;
    mote_compiler *compiler;
    mote_artifact *artifact;
    mote_store *store;
    mote_instance *instance;
    check(mote_engine_new(&engine, &err), &err);
    check(mote_compiler_start(NULL, &compiler, &err), &err);
    check(mote_compiler_compile(compiler, wasm, sizeof wasm, NULL, 0, &artifact, &err), &err);
    check(mote_store_new(engine, NULL, NULL, &store, &err), &err);
    check(mote_instance_new(store, artifact, NULL, 0, &instance, &err), &err);

    /* Checked: values carry their types. */
    mote_func *add = mote_instance_func(instance, "add");
    mote_value args[2] = {mote_i32(2), mote_i32(3)}, result;
    check(mote_func_call(add, args, 2, &result, 1, &err), &err);
    printf("2 + 3 = %d\n", (int)result.of.i32);

    /* Prepared: the types are checked once, then a call costs a few nanoseconds. */
    const mote_valtype two[2] = {MOTE_I32, MOTE_I32};
    const mote_functype type = {two, 2, two, 1};
    mote_prepared prepared;
    mote_raw values[2];
    int sum = 0;
    check(mote_func_prepare(add, &type, &prepared, &err), &err);
    for (int i = 1; i <= 100; i++) {
        values[0].i32 = sum;
        values[1].i32 = i;
        check(mote_prepared_call(&prepared, values, &err), &err);
        sum = values[0].i32;
    }
    printf("1 + ... + 100 = %d\n", sum);

    mote_store_free(store);
    mote_artifact_unref(artifact);
    mote_compiler_stop(compiler);
    mote_engine_unref(engine);
    return 0;
}

/* It prints:
2 + 3 = 5
1 + ... + 100 = 5050
*/
