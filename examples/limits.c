/* limits.c - bounds what a guest may use: memory, time.
 *     (module (memory (export "memory") 1)
 *       (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
 *       (func (export "spin") (loop $l (br $l)))) */
#include "mote/mote.h"

#include <stdio.h>
#include <stdlib.h>

static const unsigned char wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x09, 0x02, 0x60, 0x01, 0x7f, 0x01, 0x7f,
    0x60, 0x00, 0x00, 0x03, 0x03, 0x02, 0x00, 0x01, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x18, 0x03,
    0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x04, 0x67, 0x72, 0x6f, 0x77, 0x00, 0x00,
    0x04, 0x73, 0x70, 0x69, 0x6e, 0x00, 0x01, 0x0a, 0x10, 0x02, 0x06, 0x00, 0x20, 0x00, 0x40, 0x00,
    0x0b, 0x07, 0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b, 0x00, 0x0d, 0x04, 0x6e, 0x61, 0x6d, 0x65,
    0x03, 0x06, 0x01, 0x01, 0x01, 0x00, 0x01, 0x6c,
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
    mote_limits limits = mote_limits_default();
    limits.memory_bytes = 4 * 65536;
    limits.stack_bytes = 128 * 1024;
    check(mote_store_new(engine, &limits, NULL, &store, &err), &err);
    check(mote_instance_new(store, artifact, NULL, 0, &instance, &err), &err);

    mote_func *grow = mote_instance_func(instance, "grow");
    mote_value arg = mote_i32(3), result;
    check(mote_func_call(grow, &arg, 1, &result, 1, &err), &err);
    printf("grow(3) = %d\n", (int)result.of.i32);
    arg = mote_i32(1);
    check(mote_func_call(grow, &arg, 1, &result, 1, &err), &err);
    printf("grow(1) = %d\n", (int)result.of.i32);

    /* For one call at a time mote_store_interrupt() does the same from another thread
     * or a signal handler. */
    check(mote_store_set_timeout(store, 10000, &err), &err);
    if (mote_func_call(mote_instance_func(instance, "spin"), NULL, 0, NULL, 0, &err) == MOTE_TRAP)
        printf("spin: %s\n", err.message);

    mote_store_free(store);
    mote_artifact_unref(artifact);
    mote_compiler_stop(compiler);
    mote_engine_unref(engine);
    return 0;
}

/* It prints:
grow(3) = 1
grow(1) = -1
spin: time limit reached: 10.000 ms and ... ms more
*/
