/* store.c - stores: made, counted, released. */
#include "instance/instance.h"

mote_limits mote_limits_default(void)
{
    return (mote_limits){
        .memory_bytes = MOTE_NO_LIMIT,
        .table_elements = 10000000,
        .stack_bytes = UINT64_C(1) << 20,
        .instances = MOTE_NO_LIMIT,
        .exception_bytes = UINT64_C(64) << 20,
    };
}

mote_status mo_tell(mote_error *err, mote_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mo_error_clear(err);
    mo_vfail(err, status, MOTE_NOWHERE, format, args);
    va_end(args);
    return status;
}

bool mo_store_init(mote_store *store, mote_engine *engine, mo_spares *spares, const mote_limits *limits,
                   const void *const *helpers, mote_error *err)
{
    store->engine = engine;
    store->spares = spares;
    store->helpers = helpers;
    store->limits = limits ? *limits : mote_limits_default();
    store->trap.store = store;
    store->run.fuel = INT64_MAX;
    store->activation.store = store;
    store->fast_thread = -1;
    if (!mo_stack_map(store->limits.stack_bytes, &store->stack, err))
        return false;
    store->used.stack_bytes = store->limits.stack_bytes;
    return true;
}

/* Handles of memories lie in instances too, so they go first. */
void mo_store_release(mote_store *store)
{
    for (mote_memory *memory = store->memories; memory; memory = memory->next)
        mo_memory_forget(memory);
    while (store->instances) {
        mote_instance *instance = store->instances;
        store->instances = instance->next;
        mo_instance_release(instance);
    }
    for (const mo_finalizer *f = store->finalizers; f; f = f->next)
        f->finalize(f->data);
    for (const mote_table *table = store->tables; table; table = table->next)
        mo_free(table->grown);
    mo_exceptions_release(&store->exceptions);
    mo_arena_free(&store->arena);
    mo_stack_unmap(&store->stack);
}

void *mote_store_data(const mote_store *store) { return store->data; }
void mote_store_set_data(mote_store *store, void *data) { store->data = data; }
void mote_store_usage(const mote_store *store, mote_limits *ret) { *ret = store->used; }
