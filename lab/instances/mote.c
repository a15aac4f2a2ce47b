/* mote.c - a cycle with mote: acquire, call, release. With limits on memory, stack and
 * wall time in force.  mote ARTIFACT CASE CYCLES FUNCTION N SEED WANT */
#include <mote/mote.h>

#include "cycles.h"

static mote_program *program;
static mote_error err;
static const char *function;

static void ok(mote_status status)
{
    if (status)
        die("%s", err.message);
}

static uint32_t cycle(uint32_t n, uint32_t seed)
{
    static mote_instance *prepared_for;
    static mote_prepared prepared;
    mote_instance *instance;
    mote_raw values[2] = {{.i32 = (int32_t)n}, {.i32 = (int32_t)seed}};
    ok(mote_pool_acquire(program, &instance, &err));
    if (instance != prepared_for) { /* one slot serves all cycles; another would be found here */
        mote_func *func = mote_instance_func(instance, function);
        mote_functype type = mote_func_type(func);
        ok(mote_func_prepare(func, &type, &prepared, &err));
        prepared_for = instance;
    }
    ok(mote_prepared_call(&prepared, values, &err));
    ok(mote_pool_release(instance, &err));
    return (uint32_t)values[0].i32;
}

int main(int argc, char **argv)
{
    mote_engine *engine;
    mote_artifact *artifact;
    mote_linker *linker;
    mote_pool *pool;
    mote_pool_limits limits = mote_pool_limits_default();
    if (argc != 8)
        die("mote: want ARTIFACT CASE CYCLES FUNCTION N SEED WANT");
    limits.store.memory_bytes = 64 << 20;
    limits.store.stack_bytes = 1 << 20;
    limits.timeout_us = 1000000;
    function = argv[4];
    ok(mote_engine_new(&engine, &err));
    ok(mote_artifact_open(argv[1], NULL, &artifact, &err));
    ok(mote_linker_new(engine, &linker, &err));
    ok(mote_pool_new(engine, &limits, &pool, &err));
    ok(mote_program_new(pool, artifact, linker, &program, &err));
    measure(argv[2], (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[5]), atoi(argv[6]), (uint32_t)atoi(argv[7]));
    mote_pool_free(pool);
    mote_linker_free(linker);
    mote_artifact_unref(artifact);
    mote_engine_unref(engine);
    return 0;
}
