/* mote.c - calls into and out of a guest: mote ARTIFACT ROUNDS.
 * The fastest public ways are a prepared call and a raw callback; the untyped ones take
 * tagged values. */
#include <mote/mote.h>

#include "rounds.h"

static mote_store *store;
static mote_instance *instance;
static mote_func *add;
static mote_prepared prepared_add;

static void check(mote_status status, const mote_error *err)
{
    if (status)
        die("%s", err->message);
}

static uint32_t call_add(void)
{
    mote_error err;
    mote_raw values[2];
    uint32_t sum = 0;
    for (int32_t i = 0; i < CALLS; i++) {
        values[0].i32 = i;
        values[1].i32 = 1;
        check(mote_prepared_call(&prepared_add, values, &err), &err);
        sum += (uint32_t)values[0].i32;
    }
    return sum;
}

static uint32_t call_add_untyped(void)
{
    mote_error err;
    uint32_t sum = 0;
    for (int32_t i = 0; i < CALLS; i++) {
        mote_value args[] = {mote_i32(i), mote_i32(1)}, result;
        check(mote_func_call(add, args, 2, &result, 1, &err), &err);
        sum += (uint32_t)result.of.i32;
    }
    return sum;
}

static uint32_t call_loop(const char *name, uint32_t n)
{
    mote_error err = {0};
    mote_raw values[1] = {{.i32 = (int32_t)n}};
    check(mote_func_call_raw(mote_instance_func(instance, name), values, &err), &err);
    return (uint32_t)values[0].i32;
}

static mote_status next(mote_caller *caller, void *data, mote_raw *values)
{
    (void)caller, (void)data;
    values[0].i32++;
    return MOTE_OK;
}

static mote_status next_untyped(mote_caller *caller, void *data, const mote_value *args, mote_value *results)
{
    (void)caller, (void)data;
    results[0] = mote_i32(args[0].of.i32 + 1);
    return MOTE_OK;
}

int main(int argc, char **argv)
{
    static const mote_valtype i32s[] = {MOTE_I32, MOTE_I32};
    const mote_functype one = {i32s, 1, i32s, 1}, two = {i32s, 2, i32s, 1};
    mote_engine *engine;
    mote_artifact *artifact;
    mote_linker *linker;
    mote_error err = {0};
    if (argc != 3)
        die("mote ARTIFACT ROUNDS");
    check(mote_engine_new(&engine, &err), &err);
    check(mote_artifact_open(argv[1], NULL, &artifact, &err), &err);
    check(mote_store_new(engine, NULL, NULL, &store, &err), &err);
    check(mote_linker_new(engine, &linker, &err), &err);
    check(mote_linker_func_raw(linker, "host", "next", &one, next, NULL, &err), &err);
    check(mote_linker_func(linker, "host", "next_untyped", &one, next_untyped, NULL, &err), &err);
    check(mote_linker_instantiate(linker, store, artifact, &instance, &err), &err);
    add = mote_instance_func(instance, "add");
    if (!add)
        die("no function add");
    check(mote_func_prepare(add, &two, &prepared_add, &err), &err);
    rounds(atoi(argv[2]));
    mote_linker_free(linker);
    mote_store_free(store);
    mote_artifact_unref(artifact);
    mote_engine_unref(engine);
    return 0;
}
