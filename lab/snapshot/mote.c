/* mote.c - a cycle with mote: an instance of a pool.  mote ARTIFACT CYCLES WANT */
#include <mote/mote.h>

#include "cycles.h"

static mote_program *program;
static mote_error err;

static void ok(mote_status status)
{
    if (status)
        die("%s", err.message);
}

static uint32_t cycle(void)
{
    mote_instance *instance;
    mote_raw value = {.u32 = 0};
    ok(mote_pool_acquire(program, &instance, &err));
    for (int i = 0; i < NNAMES; i++) {
        mote_func *func = mote_instance_func(instance, names[i]);
        if (func)
            ok(mote_func_call_raw(func, &value, &err));
    }
    ok(mote_pool_release(instance, &err));
    return value.u32;
}

int main(int argc, char **argv)
{
    mote_engine *engine;
    mote_artifact *artifact;
    mote_linker *linker;
    mote_pool *pool;
    mote_pool_limits limits = mote_pool_limits_default();
    if (argc != 4)
        die("mote: want ARTIFACT CYCLES WANT");
    limits.store.memory_bytes = 256 << 20;
    limits.timeout_us = 10000000;
    ok(mote_engine_new(&engine, &err));
    ok(mote_artifact_open(argv[1], NULL, &artifact, &err));
    ok(mote_linker_new(engine, &linker, &err));
    ok(mote_pool_new(engine, &limits, &pool, &err));
    ok(mote_program_new(pool, artifact, linker, &program, &err));
    measure((uint32_t)atoi(argv[2]), (uint32_t)strtoul(argv[3], NULL, 10));
    mote_pool_free(pool);
    mote_linker_free(linker);
    mote_artifact_unref(artifact);
    mote_engine_unref(engine);
    return 0;
}
