/* host.c - offers a function of the host to a guest by name.
 *     (module (import "env" "twice" (func $twice (param i32) (result i32)))
 *       (func (export "go") (param i32) (result i32) (i32.add (call $twice (local.get 0)) (i32.const 1)))) */
#include "mote/mote.h"

#include <stdio.h>
#include <stdlib.h>

static const unsigned char wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f,
    0x02, 0x0d, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x05, 0x74, 0x77, 0x69, 0x63, 0x65, 0x00, 0x00, 0x03,
    0x02, 0x01, 0x00, 0x07, 0x06, 0x01, 0x02, 0x67, 0x6f, 0x00, 0x01, 0x0a, 0x0b, 0x01, 0x09, 0x00,
    0x20, 0x00, 0x10, 0x00, 0x41, 0x01, 0x6a, 0x0b, 0x00, 0x0f, 0x04, 0x6e, 0x61, 0x6d, 0x65, 0x01,
    0x08, 0x01, 0x00, 0x05, 0x74, 0x77, 0x69, 0x63, 0x65,
};

static void check(mote_status status, const mote_error *err)
{
    if (status != MOTE_OK) {
        fprintf(stderr, "%s: %s\n", mote_status_name(status), err->message);
        exit(1);
    }
}

/* What the guest imports as "env" "twice". values are its arguments, then its results. */
static mote_status twice(mote_caller *caller, void *data, mote_raw *values)
{
    int *calls = (int *)data;
    ++*calls;
    if (values[0].i32 > 1000)
        return mote_caller_trap(caller, MOTE_TRAP_HOST, "%d is too much", (int)values[0].i32);
    values[0].i32 *= 2;
    return MOTE_OK;
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
    mote_linker *linker;
    int calls = 0;
    const mote_valtype i32 = MOTE_I32;
    const mote_functype type = {&i32, 1, &i32, 1};
    check(mote_linker_new(engine, &linker, &err), &err);
    check(mote_linker_func_raw(linker, "env", "twice", &type, twice, &calls, &err), &err);
    check(mote_store_new(engine, NULL, NULL, &store, &err), &err);
    check(mote_linker_instantiate(linker, store, artifact, &instance, &err), &err);

    mote_func *go = mote_instance_func(instance, "go");
    mote_value arg = mote_i32(20), result;
    check(mote_func_call(go, &arg, 1, &result, 1, &err), &err);
    printf("go(20) = %d\n", (int)result.of.i32);
    arg = mote_i32(2000);
    if (mote_func_call(go, &arg, 1, &result, 1, &err) == MOTE_TRAP)
        printf("go(2000): %s\n", err.message);
    printf("the host was called %d times\n", calls);

    mote_linker_free(linker);
    mote_store_free(store);
    mote_artifact_unref(artifact);
    mote_compiler_stop(compiler);
    mote_engine_unref(engine);
    return 0;
}

/* It prints:
go(20) = 41
go(2000): 2000 is too much
the host was called 2 times
*/
