/* dispatch.c - from a call's values to a function's answer, for every row of wasi.def. */
#include "wasi/wasi.h"

#include "mote/func.h"

/* The memory that pointers of the caller point into. Its name is looked up once. */
static inline mote_memory *memory_of(mote_instance *instance)
{
    if (mo_unlikely(!instance))
        return NULL;
    if (mo_unlikely(!instance->memory))
        instance->memory = mote_instance_memory(instance, "memory");
    return instance->memory;
}

static mote_status not_attached(mote_caller *caller)
{
    return mote_caller_trap(caller, MOTE_TRAP_HOST, "wasi: nothing is attached to the store that calls");
}

typedef struct moved_call {
    mo_wasi_call *c;
    const mote_raw *args;
    mo_wasi_function *function;
    mo_errno result;
} moved_call;

static void run_moved(void *argument)
{
    moved_call *m = argument;
    m->result = m->function(m->c, m->args);
}

/* The slice that is over is the next one's affair. */
static __attribute__((noinline, cold)) mo_errno answer_elsewhere(mo_wasi_call *c, const mote_raw *args,
                                                                 mo_wasi_function *function)
{
    moved_call m = {c, args, function, MO_E_IO};
    c->caller->context.run->preempt = 0;
    c->moves = false;
    c->moved = true;
    c->wasi->elsewhere(c->wasi->elsewhere_data, run_moved, &m);
    return m.result;
}

/* values: the arguments, then the errno. Inlined always, so that the call of function is
 * a direct one. */
static inline __attribute__((always_inline)) mote_status answer(mote_caller *caller, mote_raw *values,
                                                                mo_wasi_function *function)
{
    mo_wasi_call c = {
        .wasi = mo_store_of(caller->context.run)->wasi,
        .caller = caller,
        .memory = memory_of(mo_instance_of(&caller->context)),
    };
    if (mo_unlikely(!c.wasi))
        return not_attached(caller);
    mo_errno e = function(&c, values);
    if (mo_unlikely(c.moves))
        e = answer_elsewhere(&c, values, function);
    values[0].u32 = e;
    return c.leave;
}

#define WASI(name, params, args, text)                                            \
    static mote_status call_##name(mote_caller *caller, void *data, mote_raw *values) \
    {                                                                             \
        (void)data;                                                               \
        return answer(caller, values, mo_wasi_##name);                            \
    }
#define UNSTABLE(name)                                                                \
    static mote_status call_unstable_##name(mote_caller *caller, void *data, mote_raw *values) \
    {                                                                                 \
        (void)data;                                                                   \
        return answer(caller, values, mo_unstable_##name);                            \
    }
#include "wasi/wasi.def"

/* --- offering them ------------------------------------------------------------- */

typedef struct row {
    const char *name, *params;
    mote_raw_callback *callback;
} row;

static const row stable[] = {
#define WASI(name, params, args, text) {#name, params, call_##name},
#include "wasi/wasi.def"
};

/* Their parameters are those of the function of the same name. */
static const row unstable[] = {
#define UNSTABLE(name) {#name, NULL, call_unstable_##name},
#include "wasi/wasi.def"
};

static const row *find(const row *rows, size_t n, mo_span name)
{
    for (size_t i = 0; i < n; i++)
        if (mo_span_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

static mote_status offer(mote_linker *linker, const char *module, const row *r, mote_raw_callback *callback,
                         mote_error *err)
{
    mote_valtype params[16], errnum = MOTE_I32;
    mote_functype type = {params, strlen(r->params), &errnum, strcmp(r->name, "proc_exit") != 0};
    for (size_t i = 0; i < type.nparams; i++)
        params[i] = r->params[i] == 'l' ? MOTE_I64 : MOTE_I32;
    return mote_linker_func_raw(linker, module, r->name, &type, callback, NULL, err);
}

static mote_status offer_stable(mote_linker *linker, const row *r, mote_error *err)
{
    return offer(linker, "wasi_snapshot_preview1", r, r->callback, err);
}

static mote_status offer_unstable(mote_linker *linker, const row *r, mote_error *err)
{
    const row *old = find(unstable, MO_COUNT(unstable), (mo_span){(const uint8_t *)r->name, strlen(r->name)});
    if (strcmp(r->name, "sock_accept") == 0) /* which came later */
        return MOTE_OK;
    return offer(linker, "wasi_unstable", r, old ? old->callback : r->callback, err);
}

mote_status mote_wasi_link(mote_linker *linker, mote_error *err)
{
    mote_status status = MOTE_OK;
    for (size_t i = 0; i < MO_COUNT(stable) && !status; i++) {
        status = offer_stable(linker, &stable[i], err);
        if (!status)
            status = offer_unstable(linker, &stable[i], err);
    }
    return status;
}

mote_status mote_wasi_link_for(mote_linker *linker, const mote_artifact *artifact, mote_error *err)
{
    const mo_artifact *a = (const mo_artifact *)artifact;
    mote_status status = MOTE_OK;
    for (uint32_t i = 0; i < a->meta->nimports && !status; i++) {
        mo_span module = mo_meta_name(a, mo_meta_imports(a)[i].module), name = mo_meta_name(a, mo_meta_imports(a)[i].name);
        bool is_stable = mo_span_is(module, "wasi_snapshot_preview1");
        const row *r = is_stable || mo_span_is(module, "wasi_unstable") ? find(stable, MO_COUNT(stable), name) : NULL;
        if (r)
            status = is_stable ? offer_stable(linker, r, err) : offer_unstable(linker, r, err);
    }
    return status;
}
