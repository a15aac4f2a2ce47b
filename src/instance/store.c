/* store.c - stores: made, counted, released. */
#include "instance/instance.h"

#include "base/sanitize.h"

#include <stdatomic.h>

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

mote_store *mo_store_make(mote_engine *engine, mo_spares *spares, const mote_limits *limits, const void *const *helpers,
                          mote_error *err)
{
    mote_limits all = limits ? *limits : mote_limits_default();
    mo_stack stack;
    if (!mo_stack_map(all.stack_bytes, sizeof(mote_store), offsetof(mote_store, run) + MO_STORE_OFTEN, &stack, err))
        return NULL;
    mote_store *store = (mote_store *)(void *)stack.top;
    mo_sanitize_root(store, sizeof *store);
    store->stack = stack;
    store->engine = engine;
    store->spares = spares;
    store->helpers = helpers;
    store->limits = all;
    store->trap.store = store;
    store->run.fuel = INT64_MAX;
    store->activation.store = store;
    store->fast_thread = -1;
    store->used.stack_bytes = all.stack_bytes;
    return store;
}

/* Handles of memories lie in instances too, so they go first. */
static void release_all(mote_store *store)
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
}

void mo_store_release(mote_store *store)
{
    release_all(store);
    mo_stack stack = store->stack;
    mo_sanitize_unroot(store, sizeof *store);
    mo_stack_unmap(&stack);
}

bool mo_store_renew(mote_store *store, const mote_limits *limits)
{
    if (limits->stack_bytes != store->limits.stack_bytes)
        return false;
    release_all(store);
    mo_stack_wipe(&store->stack);
    store->data = store->pooled = NULL;
    store->wasi = NULL;
    store->limits = *limits;
    store->used = (mote_limits){.stack_bytes = limits->stack_bytes};
    store->limited = false;
    store->arena = (mo_arena){0};
    store->finalizers = NULL;
    store->instances = NULL;
    store->memories = NULL;
    store->tables = NULL;
    store->globals = NULL;
    atomic_store_explicit(&store->request, 0, memory_order_relaxed);
    store->tick_limit = store->tick_deadline = store->timeout_us = store->deadline_ns = 0;
    store->cpu_limit_ns = store->cpu_used_ns = store->cpu_since_ns = store->cpu_mark_ns = 0;
    store->trap.code = 0;
    store->pending = NULL;
    store->run.handler = NULL;
    store->run.exception = NULL;
    store->run.host_frame = NULL;
    store->run.interrupt = store->run.preempt = 0;
    store->run.fuel = INT64_MAX;
    return true;
}

void *mote_store_data(const mote_store *store) { return store->data; }
void mote_store_set_data(mote_store *store, void *data) { store->data = data; }
void mote_store_usage(const mote_store *store, mote_limits *ret) { *ret = store->used; }
