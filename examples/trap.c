/* trap.c - a trap, where it happened, and that the instance is still there after it.
 *     (module (memory 1)
 *       (func $read (param i32) (result i32) (i32.load (local.get 0)))
 *       (func $look (export "look") (param i32) (result i32) (i32.mul (call $read (local.get 0)) (i32.const 2)))) */
#include "mote/mote.h"

#include <stdio.h>
#include <stdlib.h>

static const unsigned char wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f,
    0x03, 0x03, 0x02, 0x00, 0x00, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x08, 0x01, 0x04, 0x6c, 0x6f,
    0x6f, 0x6b, 0x00, 0x01, 0x0a, 0x13, 0x02, 0x07, 0x00, 0x20, 0x00, 0x28, 0x02, 0x00, 0x0b, 0x09,
    0x00, 0x20, 0x00, 0x10, 0x00, 0x41, 0x02, 0x6c, 0x0b, 0x00, 0x14, 0x04, 0x6e, 0x61, 0x6d, 0x65,
    0x01, 0x0d, 0x02, 0x00, 0x04, 0x72, 0x65, 0x61, 0x64, 0x01, 0x04, 0x6c, 0x6f, 0x6f, 0x6b,
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

    mote_func *look = mote_instance_func(instance, "look");
    mote_value arg = mote_i32(70000), result;
    if (mote_func_call(look, &arg, 1, &result, 1, &err) != MOTE_TRAP)
        return 1;
    const mote_trap *trap = mote_store_trap(store);
    char text[1000];
    mote_trap_print(trap, text, sizeof text);
    printf("%s\n", text);
    for (size_t i = 0; i < mote_trap_nframes(trap, NULL); i++) {
        mote_frame frame;
        mote_trap_frame(trap, i, &frame);
        printf("function %u, %.*s\n", (unsigned)frame.func, (int)frame.name_len, frame.name);
    }

    arg = mote_i32(0);
    check(mote_func_call(look, &arg, 1, &result, 1, &err), &err);
    printf("look(0) = %d\n", (int)result.of.i32);

    mote_store_free(store);
    mote_artifact_unref(artifact);
    mote_compiler_stop(compiler);
    mote_engine_unref(engine);
    return 0;
}

/* It prints:
out of bounds memory access
  0: read at 0x2b (inlined)
  1: look at 0x33
function 0, read
function 1, look
look(0) = 0
*/
