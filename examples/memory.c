/* memory.c - writes into a guest's memory and has it summed there.
 *     (module (memory (export "memory") 1)
 *       (func (export "sum") (param $at i32) (param $n i32) (result i32) (local $sum i32)
 *         (loop $next
 *           (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
 *           (local.set $at (i32.add (local.get $at) (i32.const 1)))
 *           (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
 *         (local.get $sum))) */
#include "mote/mote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x07, 0x01, 0x60, 0x02, 0x7f, 0x7f, 0x01,
    0x7f, 0x03, 0x02, 0x01, 0x00, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x10, 0x02, 0x06, 0x6d, 0x65,
    0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x03, 0x73, 0x75, 0x6d, 0x00, 0x00, 0x0a, 0x25, 0x01, 0x23,
    0x01, 0x01, 0x7f, 0x03, 0x40, 0x20, 0x02, 0x20, 0x00, 0x2d, 0x00, 0x00, 0x6a, 0x21, 0x02, 0x20,
    0x00, 0x41, 0x01, 0x6a, 0x21, 0x00, 0x20, 0x01, 0x41, 0x01, 0x6b, 0x22, 0x01, 0x0d, 0x00, 0x0b,
    0x20, 0x02, 0x0b, 0x00, 0x21, 0x04, 0x6e, 0x61, 0x6d, 0x65, 0x02, 0x0f, 0x01, 0x00, 0x03, 0x00,
    0x02, 0x61, 0x74, 0x01, 0x01, 0x6e, 0x02, 0x03, 0x73, 0x75, 0x6d, 0x03, 0x09, 0x01, 0x00, 0x01,
    0x00, 0x04, 0x6e, 0x65, 0x78, 0x74,
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

    mote_memory *memory = mote_instance_memory(instance, "memory");
    printf("%lu pages, %lu bytes\n", (unsigned long)mote_memory_pages(memory), (unsigned long)mote_memory_bytes(memory));
    static const char text[] = "to be summed";
    check(mote_memory_write(memory, 100, text, strlen(text), &err), &err);

    mote_value args[2] = {mote_i32(100), mote_i32((int)strlen(text))}, result;
    check(mote_func_call(mote_instance_func(instance, "sum"), args, 2, &result, 1, &err), &err);
    printf("sum = %d\n", (int)result.of.i32);

    if (mote_memory_write(memory, 65530, text, strlen(text), &err) == MOTE_MISUSE)
        printf("%s\n", err.message);

    mote_store_free(store);
    mote_artifact_unref(artifact);
    mote_compiler_stop(compiler);
    mote_engine_unref(engine);
    return 0;
}

/* It prints:
1 pages, 65536 bytes
sum = 1141
memory: 12 bytes at 65530 wanted, there are 65536
*/
