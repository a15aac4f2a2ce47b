/* store.c - stores and their guest stacks: made, counted, released. */
#include "instance/instance.h"

#include <sys/mman.h>

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

bool mo_stack_map(uint64_t guest_bytes, mo_stack *ret, mote_error *err)
{
    if (guest_bytes < 65536 || guest_bytes > UINT64_C(1) << 36)
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE,
                       "stack: %" PRIu64 " bytes wanted, 65536 to 2^36 possible", guest_bytes);
    size_t usable = mo_round_up(guest_bytes, MO_FILE_PAGE);
    mo_stack stack = {.len = MO_STACK_GUARD + usable};
    stack.base = mmap(NULL, stack.len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack.base == MAP_FAILED)
        return mo_fail_nomem(err);
    stack.low = stack.base + MO_STACK_GUARD;
    stack.top = stack.base + stack.len;
    if (mprotect(stack.low, usable, PROT_READ | PROT_WRITE) != 0) {
        munmap(stack.base, stack.len);
        return mo_fail_nomem(err);
    }
    *ret = stack;
    return true;
}

void mo_stack_unmap(mo_stack *stack)
{
    if (stack->base)
        munmap(stack->base, stack->len);
    stack->base = NULL;
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
    ((volatile uint8_t *)store->stack.top)[-1] = 0; /* every call's first page: now, not then */
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
