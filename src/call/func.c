/* func.c - calling a function by its handle: values into registers and back. */
#include "call/call.h"

#include "mote/func.h"
#include "mote/store.h"

/* --- values and their places -------------------------------------------- */

static bool is_vec(mo_valtype type)
{
    uint32_t kind = mo_kind(type);
    return kind == MO_F32 || kind == MO_F64 || kind == MO_V128;
}

/* Where the next value of that type travels, and how many bytes of it. */
static void *next_place(mo_walk *w, mo_valtype type, size_t *retsize)
{
    bool vec = is_vec(type);
    *retsize = vec ? 16 : 8;
    if (vec && w->vecs < w->nvecs)
        return w->image->vecs[w->vecs++];
    if (!vec && w->ints < w->nints)
        return &w->image->ints[w->ints++];
    return &w->run->xfer[w->xfers++];
}

void mo_walk_put(mo_walk *w, mo_valtype type, const mote_raw *value)
{
    size_t size;
    void *place = next_place(w, type, &size);
    memcpy(place, value, size);
}

void mo_walk_get(mo_walk *w, mo_valtype type, mote_raw *ret)
{
    size_t size;
    const void *place = next_place(w, type, &size);
    *ret = (mote_raw){.word = {0, 0}};
    memcpy(ret, place, mo_kind(type) == MO_I32 || mo_kind(type) == MO_F32 ? 4 : mo_kind(type) == MO_V128 ? 16 : 8);
}

bool mo_all_ints(const mo_valtype *types, size_t n, size_t nregisters)
{
    for (size_t i = 0; i < n; i++)
        if (is_vec(types[i]))
            return false;
    return n <= nregisters;
}

static bool is_simple(const mote_functype *t)
{
    return mo_all_ints(t->params, t->nparams, MO_INT_ARGS) && mo_all_ints(t->results, t->nresults, MO_INT_RESULTS);
}

/* --- checked calls ------------------------------------------------------ */

static bool check_arg(const mote_store *store, mo_valtype want, const mote_value *have, size_t i, mote_error *err)
{
    char wanted[MO_TYPE_TEXT], given[MO_TYPE_TEXT];
    if (mo_is_ref(want) ? mo_is_ref(have->type) : want == have->type) {
        if (mo_value_fits(store, want, &have->of))
            return true;
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "argument %zu: not a %s of this store", i,
                       mo_type_text(want, wanted));
    }
    return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "argument %zu: want %s, have %s", i, mo_type_text(want, wanted),
                   mo_type_text(have->type, given));
}

static mote_status check_call(const mo_funcref *ref, const mote_functype *t, const mote_value *args, size_t nargs,
                              size_t nresults, mote_error *err)
{
    mote_error e = {0};
    if (nargs != t->nparams || nresults != t->nresults)
        return mo_tell(err, MOTE_MISUSE, "call: want %zu arguments and %zu results, have %zu and %zu", t->nparams,
                       t->nresults, nargs, nresults);
    for (size_t i = 0; i < nargs; i++)
        if (!check_arg(ref->owner, t->params[i], &args[i], i, &e))
            return mo_told(&e, err);
    return MOTE_OK;
}

mote_status mote_func_call(mote_func *func, const mote_value *args, size_t nargs, mote_value *results,
                           size_t nresults, mote_error *err)
{
    const mo_funcref *ref = mo_func_ref(func);
    mote_store *store = ref->owner;
    mote_functype t = mote_func_type(func);
    mote_status status = check_call(ref, &t, args, nargs, nresults, err);
    if (status)
        return status;
    mo_image image;
    mo_walk in = mo_walk_args(&image, &store->run), out = mo_walk_results(&image, &store->run);
    for (size_t i = 0; i < nargs; i++)
        mo_walk_put(&in, t.params[i], &args[i].of);
    status = mo_call(store, ref->code, ref->context, &image, err);
    for (size_t i = 0; !status && i < nresults; i++) {
        results[i].type = t.results[i];
        mo_walk_get(&out, t.results[i], &results[i].of);
    }
    return status;
}

mote_status mote_func_call_raw(mote_func *func, mote_raw *values, mote_error *err)
{
    const mo_funcref *ref = mo_func_ref(func);
    mote_store *store = ref->owner;
    mote_functype t = mote_func_type(func);
    mo_image image;
    mo_walk in = mo_walk_args(&image, &store->run), out = mo_walk_results(&image, &store->run);
    for (size_t i = 0; i < t.nparams; i++)
        mo_walk_put(&in, t.params[i], &values[i]);
    mote_status status = mo_call(store, ref->code, ref->context, &image, err);
    for (size_t i = 0; !status && i < t.nresults; i++)
        mo_walk_get(&out, t.results[i], &values[i]);
    return status;
}

/* --- prepared calls ----------------------------------------------------- */

#define NOT_SIMPLE UINT32_MAX

static bool same_types(const mote_valtype *a, size_t na, const mote_valtype *b, size_t nb)
{
    return na == nb && (na == 0 || memcmp(a, b, na * sizeof *a) == 0);
}

mote_status mote_func_prepare(mote_func *func, const mote_functype *wanted, mote_prepared *ret, mote_error *err)
{
    mote_functype t = mote_func_type(func);
    const mo_funcref *ref = mo_func_ref(func);
    if (!same_types(t.params, t.nparams, wanted->params, wanted->nparams) ||
        !same_types(t.results, t.nresults, wanted->results, wanted->nresults)) {
        char want[100], have[100];
        mo_externtype_text(&(mote_externtype){MOTE_FUNC, {.func = *wanted}}, want, sizeof want);
        mo_externtype_text(&(mote_externtype){MOTE_FUNC, {.func = t}}, have, sizeof have);
        return mo_tell(err, MOTE_MISUSE, "prepare: want %.90s, have %.90s", want, have);
    }
    *ret = (mote_prepared){
        .func = func,
        .code = ref->code,
        .context = ref->context,
        .store = ref->owner,
        .counts = is_simple(&t) ? (uint32_t)(t.nparams | t.nresults << 8) : NOT_SIMPLE,
    };
    return MOTE_OK;
}

mote_status mote_prepared_call(const mote_prepared *prepared, mote_raw *values, mote_error *err)
{
    mote_store *store = prepared->store;
    if (mo_unlikely(prepared->counts == NOT_SIMPLE || !mo_call_may_be_fast(store)))
        return mote_func_call_raw(prepared->func, values, err);
    return mo_call_fast(store, prepared->code, prepared->context, values, prepared->counts, err);
}

mote_store *mote_func_store(const mote_func *func) { return mo_func_ref(func)->owner; }
