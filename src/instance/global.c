/* global.c - global variables and tags. */
#include "instance/instance.h"

#include "mote/global.h"

static bool check_value(const mote_store *store, mo_valtype type, const mote_raw *value, mote_error *err)
{
    char text[MO_TYPE_TEXT];
    return mo_value_fits(store, type, value) ||
           mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "global: want %s of its store, have another value",
                   mo_type_text(type, text));
}

static bool is_plain(mo_valtype type)
{
    switch (mo_kind(type)) {
    case MO_I32: case MO_I64: case MO_F32: case MO_F64: case MO_V128: return true;
    case MO_REF: return !mo_heap_is_concrete(mo_heap(type));
    default: return false;
    }
}

static bool make_global(mote_store *store, const mote_globaltype *type, const mote_raw *init, mote_global **ret,
                        mote_error *err)
{
    if (!is_plain(type->content))
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "global type: 0x%" PRIx32 " is none for the host",
                       type->content);
    if (!check_value(store, type->content, init, err))
        return false;
    struct host_global {
        mo_slot_value value;
        mote_global global;
    } *h = mo_arena_take(&store->arena, sizeof *h);
    if (!h)
        return mo_fail_nomem(err);
    memcpy(&h->value, init, sizeof h->value);
    h->global = (mote_global){&h->value, store, store->globals, type->content, type->is_mutable};
    store->globals = *ret = &h->global;
    return true;
}

mote_status mote_global_new(mote_store *store, const mote_globaltype *type, mote_raw init, mote_global **ret,
                            mote_error *err)
{
    mote_error e = {0};
    make_global(store, type, &init, ret, &e);
    return mo_told(&e, err);
}

mote_raw mote_global_get(const mote_global *global)
{
    mote_raw value;
    memcpy(&value, global->at, sizeof value);
    return value;
}

mote_status mote_global_set(mote_global *global, mote_raw value, mote_error *err)
{
    mote_error e = {0};
    if (!global->is_mutable)
        return mo_tell(err, MOTE_MISUSE, "global: it is immutable");
    if (check_value(global->store, global->type, &value, &e))
        memcpy(global->at, &value, sizeof value);
    return mo_told(&e, err);
}

mote_globaltype mote_global_type(const mote_global *global)
{
    return (mote_globaltype){global->type, global->is_mutable};
}

mote_store *mote_global_store(const mote_global *global) { return global->store; }

/* --- tags --------------------------------------------------------------- */

mote_status mote_tag_new(mote_store *store, const mote_valtype *params, size_t nparams, mote_tag **ret,
                         mote_error *err)
{
    struct host_tag {
        mote_tag tag;
        mo_tag_desc desc;
        mo_valtype params[];
    } *h;
    if (nparams > MO_XFER_SLOTS)
        return mo_tell(err, MOTE_LIMIT, "tag: %zu parameters wanted, limit is %d", nparams, MO_XFER_SLOTS);
    for (size_t i = 0; i < nparams; i++)
        if (!is_plain(params[i]))
            return mo_tell(err, MOTE_MISUSE, "tag: parameter %zu has type 0x%" PRIx32 ", which is none for the host",
                           i, params[i]);
    uint32_t id = mo_types_intern_func(params, (uint32_t)nparams, NULL, 0);
    h = id ? mo_arena_take(&store->arena, sizeof *h + nparams * sizeof *params) : NULL;
    if (!h)
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    if (nparams)
        memcpy(h->params, params, nparams * sizeof *params);
    h->desc = (mo_tag_desc){id, (uint32_t)nparams};
    h->tag = (mote_tag){&h->desc, store, {h->params, nparams, NULL, 0}};
    *ret = &h->tag;
    return MOTE_OK;
}

mote_store *mote_tag_store(const mote_tag *tag) { return tag->store; }
mote_functype mote_tag_type(const mote_tag *tag) { return tag->type; }
bool mote_tag_same(const mote_tag *a, const mote_tag *b) { return a->desc == b->desc; }

static const mo_exception *inside(const mote_exception *exn) { return (const mo_exception *)exn; }

bool mote_exception_is(const mote_exception *exn, const mote_tag *tag) { return inside(exn)->tag == tag->desc; }
size_t mote_exception_nvalues(const mote_exception *exn) { return inside(exn)->nparams; }

bool mote_exception_value(const mote_exception *exn, size_t i, mote_raw *ret)
{
    if (i >= inside(exn)->nparams)
        return false;
    memcpy(ret, &inside(exn)->params[i], sizeof *ret);
    return true;
}
