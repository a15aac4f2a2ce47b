/* mote.c - artifact file -> first result, with mote: mote FILE... */
#include <mote/mote.h>

#include "steps.h"

static mote_engine *engine;
static mote_store *store;
static mote_artifact *artifact;
static mote_error err;

static void check(mote_status status)
{
    if (status)
        die("%s", err.message);
}

static void prepare(void) { check(mote_store_new(engine, NULL, NULL, &store, &err)); }

static void clean_up(void)
{
    mote_store_free(store);
    mote_artifact_unref(artifact);
}

static uint32_t start(const char *path, times *t)
{
    mote_instance *instance;
    mote_raw value = {.i32 = WORD};
    check(mote_artifact_open(path, NULL, &artifact, &err));
    t->at[1] = now_ns();
    check(mote_instance_new(store, artifact, NULL, 0, &instance, &err));
    t->at[2] = now_ns();
    check(mote_func_call_raw(mote_instance_func(instance, "run"), &value, &err));
    t->at[3] = now_ns();
    return (uint32_t)value.i32;
}

int main(int argc, char **argv)
{
    (void)argc;
    check(mote_engine_new(&engine, &err));
    check(mote_engine_reserve(engine, 1, &err));
    measure_all(argv + 1);
    mote_engine_unref(engine);
    return 0;
}
