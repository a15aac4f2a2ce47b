/* engine.c - engines and stores, as the public headers have them. */
#include "call/call.h"

#include "call/sanitize.h"
#include "mote/engine.h"
#include "mote/module.h"
#include "mote/store.h"

/* --- engines ------------------------------------------------------------ */

mote_status mote_engine_new(mote_engine **ret, mote_error *err)
{
    mote_error e = {0};
    mote_engine *engine = mo_calloc(1, sizeof *engine);
    if (!engine)
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    if (!mo_signals_install(&e)) {
        mo_free(engine);
        return mo_told(&e, err);
    }
    engine->refs = 1;
    engine->features = mo_features_default();
    *ret = engine;
    return MOTE_OK;
}

void mote_engine_ref(mote_engine *engine) { __atomic_add_fetch(&engine->refs, 1, __ATOMIC_RELAXED); }

void mote_engine_unref(mote_engine *engine)
{
    if (!engine || __atomic_sub_fetch(&engine->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    mo_spares_free(&engine->spares);
    mo_free(engine);
}

mote_status mote_engine_reserve(mote_engine *engine, uint32_t nslots, mote_error *err)
{
    mote_error e = {0};
    mo_spares_keep(&engine->spares, nslots, &e);
    return mo_told(&e, err);
}

mote_status mote_engine_feature(mote_engine *engine, const char *name, bool on, mote_error *err)
{
    mo_feature feature = mo_feature_find(name);
    if (feature == MO_FEATURES)
        return mo_tell(err, MOTE_UNSUPPORTED, "feature: there is none called \"%.60s\"", name);
    mo_features bit = (mo_features)1 << feature;
    engine->features = on ? engine->features | bit : engine->features & ~bit;
    return MOTE_OK;
}

void mote_engine_all_features(mote_engine *engine) { engine->features = mo_features_all(); }

const char *mote_feature_name(size_t i) { return i < MO_FEATURES ? mo_feature_name((mo_feature)i) : NULL; }

bool mote_engine_has(const mote_engine *engine, const char *name)
{
    mo_feature feature = mo_feature_find(name);
    return feature != MO_FEATURES && mo_has(engine->features, feature);
}

mote_status mote_module_load(const mote_engine *engine, const void *bytes, size_t len, mote_module **ret,
                             mote_error *err)
{
    mote_error e = {0};
    mo_module *module;
    mote_status status = mo_module_load(bytes, len, engine->features, NULL, &module, &e);
    if (status == MOTE_OK)
        *ret = (mote_module *)module;
    else if (err)
        *err = e;
    return status;
}

/* --- stores ------------------------------------------------------------- */

mote_status mote_store_new(mote_engine *engine, const mote_limits *limits, void *data, mote_store **ret,
                           mote_error *err)
{
    mote_error e = {0};
    mote_store *store = mo_store_make(engine, &engine->spares, limits, mo_helper_stubs, &e);
    if (!store)
        return mo_told(&e, err);
    mote_engine_ref(engine);
    store->data = data;
    *ret = store;
    return MOTE_OK;
}

void mote_store_free(mote_store *store)
{
    if (!store)
        return;
    mo_timer_release(store);
    mo_sanitize_release(store);
    mote_engine *engine = store->engine;
    mo_store_release(store);
    mote_engine_unref(engine);
}

void mote_store_set_fuel(mote_store *store, int64_t fuel) { store->run.fuel = fuel; }
int64_t mote_store_fuel(const mote_store *store) { return store->run.fuel; }

/* --- instances ---------------------------------------------------------- */

mote_status mo_instance_start(mote_instance *instance, mote_error *err)
{
    uint32_t start = mo_instance_meta(instance)->start;
    if (start == UINT32_MAX)
        return MOTE_OK;
    const mo_funcref *ref = mo_instance_func_ref(instance, start);
    mo_image image;
    if (ref)
        return mo_call(instance->store, ref->code, ref->context, &image, err);
    const uint8_t *code = instance->artifact->text + mo_meta_funcs(instance->artifact)[start].code_at;
    return mo_call(instance->store, code, instance->context, &image, err);
}

mote_status mo_instance_prepare(mote_store *store, mote_artifact *artifact, const mote_extern *imports,
                                size_t nimports, mote_instance **ret, mote_error *err)
{
    mote_error e = {0};
    mote_store_clear(store);
    mote_status status = mo_instance_make(store, (mo_artifact *)artifact, imports, nimports, ret, &e);
    if (status == MOTE_TRAP)
        mo_trap_set(store, e.trap, NULL, NULL, false);
    return mo_told(&e, err);
}

mote_status mote_instance_new(mote_store *store, mote_artifact *artifact, const mote_extern *imports,
                              size_t nimports, mote_instance **ret, mote_error *err)
{
    mote_instance *instance;
    mote_status status = mo_instance_prepare(store, artifact, imports, nimports, &instance, err);
    if (status == MOTE_OK)
        status = mo_instance_start(instance, err);
    if (status == MOTE_OK)
        *ret = instance;
    return status;
}
