/* host.c - host functions: made, called with their values in a row, asked by callers. */
#include "call/call.h"

#include "mote/func.h"
#include "mote/linker.h"
#include "mote/store.h"

#include <stdio.h>

/* --- making them -------------------------------------------------------- */

static bool check_types(const mote_valtype *types, size_t n, const char *what, mote_error *err)
{
    if (n > MO_XFER_SLOTS)
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "host function: %zu %ss wanted, limit is %d", n, what,
                       MO_XFER_SLOTS);
    for (size_t i = 0; i < n; i++) {
        uint32_t kind = mo_kind(types[i]);
        bool number = kind == MO_I32 || kind == MO_I64 || kind == MO_F32 || kind == MO_F64 || kind == MO_V128;
        if (number ? types[i] != kind : !mo_is_ref(types[i]) || mo_heap_is_concrete(mo_heap(types[i])))
            return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE,
                           "host function: %s %zu has type 0x%" PRIx32 ", which is none for the host", what, i,
                           types[i]);
    }
    return true;
}

bool mo_host_define(const mote_functype *type, bool raw, void *callback, void *data, mo_host_def *ret,
                    mote_error *err)
{
    if (!check_types(type->params, type->nparams, "parameter", err) ||
        !check_types(type->results, type->nresults, "result", err))
        return false;
    uint32_t id = mo_types_intern_func(type->params, (uint32_t)type->nparams, type->results, (uint32_t)type->nresults);
    if (!id)
        return mo_fail_nomem(err);
    *ret = (mo_host_def){id, raw, callback, data};
    return true;
}

/* References as results are checked, so they take the long way. */
static const void *code_for(const mo_func_shape *shape, bool raw)
{
    if (!raw || !mo_all_ints(shape->params, shape->nparams, MO_HOST_INT_ARGS) ||
        !mo_all_ints(shape->results, shape->nresults, MO_INT_RESULTS))
        return mo_host_call_all;
    for (uint32_t i = 0; i < shape->nresults; i++)
        if (mo_is_ref(shape->results[i]) && shape->results[i] != MO_EXTERNREF)
            return mo_host_call_all;
    bool wide = shape->nresults > 1 || (shape->nresults == 1 && shape->results[0] != MO_I32);
    return mo_host_calls[shape->nparams][wide];
}

void mo_host_make(const mo_host_def *def, mote_store *store, mote_caller *ret)
{
    mo_func_shape shape = {0};
    mo_type_id_func(def->type_id, &shape);
    *ret = (mote_caller){
        .context = {.run = &store->run, .helpers = store->helpers},
        .callback = def->callback,
        .data = def->data,
        .ref = {
            .code = code_for(&shape, def->raw),
            .context = &ret->context,
            .type_id = def->type_id,
            .func = MO_HOST_FUNC,
            .owner = store,
        },
        .params = shape.params, .results = shape.results,
        .nparams = shape.nparams, .nresults = shape.nresults,
        .raw = def->raw,
    };
}

static mote_status make_func(mote_store *store, const mote_functype *type, bool raw, void *callback, void *data,
                             void (*finalize)(void *data), mote_func **ret, mote_error *err)
{
    struct host_func {
        mote_caller caller;
        mo_finalizer finalizer;
    } *h;
    mote_error e = {0};
    mo_host_def def;
    if (!mo_host_define(type, raw, callback, data, &def, &e))
        return mo_told(&e, err);
    h = mo_arena_take(&store->arena, sizeof *h);
    if (!h)
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    mo_host_make(&def, store, &h->caller);
    if (finalize) {
        h->finalizer = (mo_finalizer){store->finalizers, finalize, data};
        store->finalizers = &h->finalizer;
    }
    *ret = mo_func_handle(&h->caller.ref);
    return MOTE_OK;
}

/* A pointer to a function in a field that has room for one of two kinds. */
static void *address_of(mote_raw_callback *raw, mote_callback *checked)
{
    void *p;
    if (raw)
        memcpy(&p, &raw, sizeof p);
    else
        memcpy(&p, &checked, sizeof p);
    return p;
}

mote_status mote_func_new(mote_store *store, const mote_functype *type, mote_callback *callback, void *data,
                          void (*finalize)(void *data), mote_func **ret, mote_error *err)
{
    return make_func(store, type, false, address_of(NULL, callback), data, finalize, ret, err);
}

mote_status mote_func_new_raw(mote_store *store, const mote_functype *type, mote_raw_callback *callback, void *data,
                              void (*finalize)(void *data), mote_func **ret, mote_error *err)
{
    return make_func(store, type, true, address_of(callback, NULL), data, finalize, ret, err);
}

/* --- being called ------------------------------------------------------- */

static mote_status call_raw(mote_caller *host, mote_raw *values)
{
    mote_raw_callback *callback;
    memcpy(&callback, &host->callback, sizeof callback);
    return callback(host, host->data, values);
}

/* values are the arguments, and then the results. */
static mote_status call_checked(mote_caller *host, mote_raw *values)
{
    mote_value args[host->nparams + 1], results[host->nresults + 1];
    mote_callback *callback;
    memcpy(&callback, &host->callback, sizeof callback);
    for (uint32_t i = 0; i < host->nparams; i++)
        args[i] = (mote_value){host->params[i], values[i]};
    for (uint32_t i = 0; i < host->nresults; i++)
        results[i] = (mote_value){host->results[i], {.word = {0, 0}}};
    mote_status status = callback(host, host->data, args, results);
    for (uint32_t i = 0; !status && i < host->nresults; i++)
        values[i] = results[i].of;
    return status;
}

/* A reference that the host gives must be one of its store, or compiled code would
 * jump to wherever it likes. */
static mote_status check_results(mote_caller *host, const mote_raw *values)
{
    char text[MO_TYPE_TEXT];
    const mote_store *store = host->ref.owner;
    for (uint32_t i = 0; i < host->nresults; i++)
        if (!mo_value_fits(store, host->results[i], &values[i]))
            return mote_caller_trap(host, MOTE_TRAP_HOST,
                                    "host function failed: result %" PRIu32 " is not a %s of its store", i,
                                    mo_type_text(host->results[i], text));
    return MOTE_OK;
}

int mo_host_marshal(mote_caller *host, mo_image *image)
{
    mo_run *run = host->context.run;
    mote_raw values[(host->nparams > host->nresults ? host->nparams : host->nresults) + 1];
    mo_walk in = mo_walk_args(image, run), out = mo_walk_results(image, run);
    for (uint32_t i = 0; i < host->nparams; i++)
        mo_walk_get(&in, host->params[i], &values[i]);
    mote_status status = host->raw ? call_raw(host, values) : call_checked(host, values);
    if (!status)
        status = check_results(host, values);
    for (uint32_t i = 0; !status && i < host->nresults; i++)
        mo_walk_put(&out, host->results[i], &values[i]);
    return (int)status;
}

/* --- what a callback may ask -------------------------------------------- */

mote_store *mote_caller_store(mote_caller *caller) { return mo_store_of(caller->context.run); }
void *mote_caller_data(mote_caller *caller) { return mote_caller_store(caller)->data; }
mote_instance *mote_caller_instance(mote_caller *caller) { return mo_instance_of(&caller->context); }

mote_memory *mote_caller_memory(mote_caller *caller, const char *name)
{
    mote_instance *instance = mote_caller_instance(caller);
    return instance ? mote_instance_memory(instance, name) : NULL;
}

mote_status mote_caller_trap(mote_caller *caller, mote_trap_code code, const char *format, ...)
{
    mote_trap *trap = &mote_caller_store(caller)->trap;
    va_list args;
    va_start(args, format);
    vsnprintf(trap->message, sizeof trap->message, format, args);
    va_end(args);
    trap->code = code ? (uint32_t)code : MO_TRAP_HOST;
    trap->call = mo_store_call(trap->store);
    trap->nframes = 0;
    trap->walked = false;
    return MOTE_TRAP;
}

mote_status mote_caller_throw(mote_caller *caller, mote_tag *tag, const mote_raw *values)
{
    mote_store *store = mote_caller_store(caller);
    uint32_t n = tag->desc->nparams;
    mo_exception *exn = tag->store == store ? mo_exception_new(store, n) : NULL;
    if (!exn)
        return mote_caller_trap(caller, MOTE_TRAP_MEMORY_LIMIT, "no room for an exception of this store");
    exn->tag = tag->desc;
    exn->nparams = n;
    for (uint32_t i = 0; i < n; i++)
        memcpy(&exn->params[i], &values[i], sizeof *values);
    mo_store_set_pending(store, exn);
    return MOTE_EXCEPTION;
}
