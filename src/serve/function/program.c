/* program.c - programs made lazily, each with the limits of its function. */
#include "serve/function/program.h"

#include "call/call.h"
#include "mote/mote.h"
#include "serve/process/worker.h"

static mote_pool_limits limits_of(const mo_app_limits *l, uint32_t slots)
{
    mote_pool_limits limits = mote_pool_limits_default();
    limits.instances = slots;
    limits.store.memory_bytes = l->memory_bytes;
    limits.store.stack_bytes = l->stack_bytes;
    limits.timeout_us = l->wall_us < UINT64_C(1) << 50 ? l->wall_us : 0;
    limits.cpu_us = l->cpu_us < UINT64_C(1) << 50 ? l->cpu_us : 0;
    limits.fuel = l->fuel < INT64_MAX ? (int64_t)l->fuel : INT64_MAX;
    return limits;
}

/* --- what it is granted -------------------------------------------------------------- */

/* The descriptor stays the loader's. */
static mote_status grant_folder(mote_wasi *model, const mo_granted *folder, const char *guest, mote_error *err)
{
    uint32_t fd;
    mo_desc d = folder->desc;
    size_t len = strlen(guest) + 1;
    d.owned = false;
    d.granted = true;
    d.preopen = mo_alloc(len);
    if (!d.preopen)
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    memcpy(d.preopen, guest, len);
    if (mo_wasi_add(model, 3, &d, &fd))
        return MOTE_OK;
    mo_free(d.preopen);
    return mo_tell(err, MOTE_NOMEM, "out of memory");
}

static mote_status fill_model(mote_wasi *model, const mo_function *f, mote_error *err)
{
    const mo_app_function *app = f->app;
    mote_status status = mote_wasi_set_args(model, (const char *const *)app->args, app->nargs, err);
    for (uint32_t i = 0; i < app->nvariables && !status; i++)
        status = mote_wasi_set_env(model, app->variables[i].name, app->variables[i].value, err);
    for (uint32_t i = 0; i < app->nfolders && !status; i++)
        status = grant_folder(model, f->folders[i], app->folders[i].guest, err);
    return status;
}

static mote_status make_model(const mo_function *f, mote_wasi **ret, mote_error *err)
{
    mote_wasi *model;
    mote_status status = mote_wasi_new(&model, err);
    if (!status && (status = fill_model(model, f, err)))
        mote_wasi_free(model);
    else if (!status)
        *ret = model;
    return status;
}

/* --- making -------------------------------------------------------------------------- */

static mote_status make(mo_program *p, const mo_function *f, mote_pool *pool, mote_linker *linker, uint32_t slots,
                        mote_error *err)
{
    const char *name = f->kind->entry;
    const mote_pool_limits limits = limits_of(&f->app->limits, slots);
    const mo_meta_export *entry = mo_artifact_export((const mo_artifact *)f->artifact, name, strlen(name));
    if (!entry || entry->kind != MOTE_FUNC)
        return mo_tell(err, MOTE_LINK, "there is no function %s", name);
    p->entry = entry->index;
    mote_status status = p->model ? MOTE_OK : make_model(f, &p->model, err);
    return status ? status : mote_program_new_limited(pool, f->artifact, linker, &limits, &p->made, err);
}

mote_status mo_program_acquire(mo_program *p, mo_worker *w, mote_instance **ret, mote_error *err)
{
    const mo_function *f = &w->functions[p - w->programs];
    mote_status status = p->made ? MOTE_OK : make(p, f, w->pool, w->linker, w->app->slots, err);
    return status ? status : mote_pool_acquire(p->made, ret, err);
}

mote_status mo_program_call(const mo_program *p, mote_instance *instance, mote_error *err)
{
    mo_image image;
    const mo_funcref *entry = mo_instance_func_ref(instance, p->entry);
    return mo_call(mote_instance_store(instance), entry->code, entry->context, &image, err);
}

void mo_programs_free(mo_worker *w)
{
    for (uint32_t i = 0; i < w->app->nfunctions; i++) {
        mote_program_free(w->programs[i].made);
        mote_wasi_free(w->programs[i].model);
        w->programs[i] = (mo_program){.made = NULL};
    }
}

mote_status mo_function_try(const mo_function *f, mote_engine *engine, mote_error *err)
{
    mo_program p = {.made = NULL};
    mote_pool *pool = NULL;
    mote_linker *linker = NULL;
    mote_pool_limits limits = limits_of(&f->app->limits, 1);
    mote_status status = mote_pool_new(engine, &limits, &pool, err);
    if (!status)
        status = mote_linker_new(engine, &linker, err);
    if (!status)
        status = mote_wasi_link_for(linker, f->artifact, err);
    if (!status)
        status = make(&p, f, pool, linker, 1, err);
    mote_pool_free(pool);
    mote_linker_free(linker);
    mote_wasi_free(p.model);
    return status;
}
