/* threads.c - many threads, each with its own store, and a memory that they share.
 *     (module (import "env" "memory" (memory 1 1 shared))
 *       (func (export "count") (param $n i32)
 *         (loop $l (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
 *           (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))) */
#include "mote/mote.h"

#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>

static const unsigned char wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x01, 0x7f, 0x00, 0x02,
    0x10, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x03, 0x01,
    0x01, 0x03, 0x02, 0x01, 0x00, 0x07, 0x09, 0x01, 0x05, 0x63, 0x6f, 0x75, 0x6e, 0x74, 0x00, 0x00,
    0x0a, 0x19, 0x01, 0x17, 0x00, 0x03, 0x40, 0x41, 0x00, 0x41, 0x01, 0xfe, 0x1e, 0x02, 0x00, 0x1a,
    0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x0b, 0x00, 0x15, 0x04, 0x6e, 0x61,
    0x6d, 0x65, 0x02, 0x06, 0x01, 0x00, 0x01, 0x00, 0x01, 0x6e, 0x03, 0x06, 0x01, 0x00, 0x01, 0x00,
    0x01, 0x6c,
};

static void check(mote_status status, const mote_error *err)
{
    if (status != MOTE_OK) {
        fprintf(stderr, "%s: %s\n", mote_status_name(status), err->message);
        exit(1);
    }
}

typedef struct work {
    mote_engine *engine;
    mote_artifact *artifact;
    mote_shared_memory *shared;
} work;

/* Engines, artifacts and shared memories may be used by all threads at once. */
static void *count(void *p)
{
    work *w = (work *)p;
    mote_error err;
    mote_store *store;
    mote_instance *instance;
    mote_extern import;
    import.kind = MOTE_MEMORY;
    check(mote_store_new(w->engine, NULL, NULL, &store, &err), &err);
    check(mote_memory_from_shared(store, w->shared, &import.of.memory, &err), &err);
    check(mote_instance_new(store, w->artifact, &import, 1, &instance, &err), &err);
    mote_value n = mote_i32(100000);
    check(mote_func_call(mote_instance_func(instance, "count"), &n, 1, NULL, 0, &err), &err);
    mote_store_free(store);
    return NULL;
}

int main(void)
{
    mote_error err;
    mote_engine *engine;
    mote_compiler *compiler;
    mote_artifact *artifact;
    mote_shared_memory *shared;
    mote_store *store;
    mote_memory *memory;
    check(mote_engine_new(&engine, &err), &err);
    check(mote_compiler_start(NULL, &compiler, &err), &err);
    check(mote_compiler_compile(compiler, wasm, sizeof wasm, NULL, 0, &artifact, &err), &err);

    mote_memorytype type = {false, true, true, 16, 1, 1};
    check(mote_shared_memory_new(&type, &shared, &err), &err);
    work w = {engine, artifact, shared};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, count, &w);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);

    int sum;
    check(mote_store_new(engine, NULL, NULL, &store, &err), &err);
    check(mote_memory_from_shared(store, shared, &memory, &err), &err);
    check(mote_memory_read(memory, 0, &sum, sizeof sum, &err), &err);
    printf("4 threads counted to %d\n", sum);

    mote_shared_memory_unref(shared);
    mote_store_free(store);
    mote_artifact_unref(artifact);
    mote_compiler_stop(compiler);
    mote_engine_unref(engine);
    return 0;
}

/* It prints:
4 threads counted to 400000
*/
