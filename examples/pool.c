/* pool.c - a fresh instance for each request: lent, called, taken back.
 *     (module (memory (export "memory") 1)
 *       (func (export "count") (result i32)
 *         (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
 *         (i32.load (i32.const 0)))) */
#include "mote/mote.h"

#include <stdio.h>
#include <stdlib.h>

static const unsigned char wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f, 0x03,
    0x02, 0x01, 0x00, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x12, 0x02, 0x06, 0x6d, 0x65, 0x6d, 0x6f,
    0x72, 0x79, 0x02, 0x00, 0x05, 0x63, 0x6f, 0x75, 0x6e, 0x74, 0x00, 0x00, 0x0a, 0x16, 0x01, 0x14,
    0x00, 0x41, 0x00, 0x41, 0x00, 0x28, 0x02, 0x00, 0x41, 0x01, 0x6a, 0x36, 0x02, 0x00, 0x41, 0x00,
    0x28, 0x02, 0x00, 0x0b,
};

static void check(mote_status status, const mote_error *err)
{
    if (status != MOTE_OK) {
        fprintf(stderr, "%s: %s\n", mote_status_name(status), err->message);
        exit(1);
    }
}

/* What an instance that nobody used before answers. */
static int serve(mote_program *program, int times)
{
    mote_error err;
    mote_instance *instance;
    mote_value result = mote_i32(0);
    check(mote_pool_acquire(program, &instance, &err), &err);
    while (times-- > 0)
        check(mote_func_call(mote_instance_func(instance, "count"), NULL, 0, &result, 1, &err), &err);
    check(mote_pool_release(instance, &err), &err);
    return (int)result.of.i32;
}

int main(void)
{
    mote_error err;
    mote_engine *engine;
    mote_compiler *compiler;
    mote_artifact *artifact;
    mote_linker *linker;
    mote_pool *pool;
    mote_program *program;
    check(mote_engine_new(&engine, &err), &err);
    check(mote_compiler_start(NULL, &compiler, &err), &err);
    check(mote_compiler_compile(compiler, wasm, sizeof wasm, NULL, 0, &artifact, &err), &err);
    check(mote_linker_new(engine, &linker, &err), &err);

    mote_pool_limits limits = mote_pool_limits_default();
    limits.instances = 8;
    limits.store.memory_bytes = 1 << 20;
    limits.timeout_us = 50000; /* of each call */
    check(mote_pool_new(engine, &limits, &pool, &err), &err);
    check(mote_program_new(pool, artifact, linker, &program, &err), &err);

    printf("counted to %d\n", serve(program, 3));
    printf("and to %d\n", serve(program, 1));

    mote_pool_free(pool);
    mote_linker_free(linker);
    mote_artifact_unref(artifact);
    mote_compiler_stop(compiler);
    mote_engine_unref(engine);
    return 0;
}

/* It prints:
counted to 3
and to 1
*/
