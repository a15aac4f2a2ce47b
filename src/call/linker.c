/* linker.c - (module, name) -> what is offered under it; found by hash. */
#include "call/call.h"

#include "mote/linker.h"

typedef struct definition {
    mo_span module, name; /* in the linker's arena */
    uint64_t hash;
    bool host;            /* def, else thing */
    mo_host_def def;
    mote_extern thing;
} definition;

struct mote_linker {
    mo_arena arena;
    definition *defs;
    size_t ndefs, cap;
    uint32_t *slots; /* index into defs + 1, or 0; open addressing */
    size_t nslots;   /* a power of two, at least twice ndefs */
};

mote_status mote_linker_new(mote_engine *engine, mote_linker **ret, mote_error *err)
{
    (void)engine;
    mote_linker *linker = mo_calloc(1, sizeof *linker);
    if (!linker)
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    *ret = linker;
    return MOTE_OK;
}

void mote_linker_free(mote_linker *linker)
{
    if (!linker)
        return;
    mo_arena_free(&linker->arena);
    mo_free(linker->defs);
    mo_free(linker->slots);
    mo_free(linker);
}

/* --- the hash table ------------------------------------------------------ */

static uint64_t hash_of(mo_span module, mo_span name)
{
    return mo_hash64(name.at, name.len, mo_hash64(module.at, module.len, 0));
}

/* The slot that holds it, or the free one where it belongs. */
static uint32_t *find_slot(const mote_linker *linker, mo_span module, mo_span name, uint64_t hash)
{
    for (size_t i = hash;; i++) {
        uint32_t *slot = &linker->slots[i & (linker->nslots - 1)];
        const definition *d = *slot ? &linker->defs[*slot - 1] : NULL;
        if (!d || (d->hash == hash && mo_span_equal(d->module, module) && mo_span_equal(d->name, name)))
            return slot;
    }
}

static const definition *find(const mote_linker *linker, mo_span module, mo_span name)
{
    if (!linker->nslots)
        return NULL;
    uint32_t slot = *find_slot(linker, module, name, hash_of(module, name));
    return slot ? &linker->defs[slot - 1] : NULL;
}

static bool make_slots(mote_linker *linker)
{
    if (linker->nslots >= 2 * (linker->ndefs + 1))
        return true;
    size_t n = linker->nslots ? linker->nslots * 2 : 64;
    uint32_t *slots = mo_calloc(n, sizeof *slots);
    if (!slots)
        return false;
    mo_free(linker->slots);
    linker->slots = slots;
    linker->nslots = n;
    for (size_t i = 0; i < linker->ndefs; i++) {
        const definition *d = &linker->defs[i];
        *find_slot(linker, d->module, d->name, d->hash) = (uint32_t)i + 1;
    }
    return true;
}

/* --- defining ------------------------------------------------------------ */

static bool keep_name(mote_linker *linker, mo_span *name)
{
    name->at = (const uint8_t *)mo_arena_string(&linker->arena, name->len ? (const void *)name->at : "", name->len);
    return name->at != NULL;
}

static mote_status define(mote_linker *linker, definition d, mote_error *err)
{
    d.hash = hash_of(d.module, d.name);
    if (!make_slots(linker) || !mo_grow(&linker->defs, &linker->cap, linker->ndefs + 1, sizeof d))
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    uint32_t *slot = find_slot(linker, d.module, d.name, d.hash);
    if (*slot) {
        d.module = linker->defs[*slot - 1].module;
        d.name = linker->defs[*slot - 1].name;
        linker->defs[*slot - 1] = d;
        return MOTE_OK;
    }
    if (!keep_name(linker, &d.module) || !keep_name(linker, &d.name))
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    linker->defs[linker->ndefs++] = d;
    *slot = (uint32_t)linker->ndefs;
    return MOTE_OK;
}

static mo_span span_of(const char *text, size_t len) { return (mo_span){(const uint8_t *)text, len}; }

static mote_status define_host(mote_linker *linker, const char *module, const char *name, const mote_functype *type,
                               bool raw, void *callback, void *data, mote_error *err)
{
    mote_error e = {0};
    definition d = {.module = span_of(module, strlen(module)), .name = span_of(name, strlen(name)), .host = true};
    if (!mo_host_define(type, raw, callback, data, &d.def, &e))
        return mo_told(&e, err);
    return define(linker, d, err);
}

mote_status mote_linker_func(mote_linker *linker, const char *module, const char *name, const mote_functype *type,
                             mote_callback *callback, void *data, mote_error *err)
{
    void *p;
    memcpy(&p, &callback, sizeof p);
    return define_host(linker, module, name, type, false, p, data, err);
}

mote_status mote_linker_func_raw(mote_linker *linker, const char *module, const char *name,
                                 const mote_functype *type, mote_raw_callback *callback, void *data, mote_error *err)
{
    void *p;
    memcpy(&p, &callback, sizeof p);
    return define_host(linker, module, name, type, true, p, data, err);
}

mote_status mote_linker_define(mote_linker *linker, const char *module, size_t module_len, const char *name,
                               size_t name_len, mote_extern thing, mote_error *err)
{
    return define(linker,
                  (definition){.module = span_of(module, module_len), .name = span_of(name, name_len), .thing = thing},
                  err);
}

mote_status mote_linker_instance(mote_linker *linker, const char *module, size_t module_len, mote_instance *instance,
                                 mote_error *err)
{
    const mo_artifact *a = instance->artifact;
    mote_status status = MOTE_OK;
    for (uint32_t i = 0; i < a->meta->nexports && !status; i++) {
        const mo_meta_export *e = &mo_meta_exports(a)[i];
        mo_span name = mo_meta_name(a, e->name);
        status = mote_linker_define(linker, module, module_len, (const char *)name.at, name.len,
                                    mo_instance_thing(instance, e->kind, e->index), err);
    }
    return status;
}

bool mote_linker_has(const mote_linker *linker, const char *module, size_t module_len, const char *name,
                     size_t name_len)
{
    return find(linker, span_of(module, module_len), span_of(name, name_len)) != NULL;
}

/* --- instantiating -------------------------------------------------------- */

static bool refuse(const mo_artifact *a, const mo_meta_import *import, const char *why, mote_error *err)
{
    mo_span module = mo_meta_name(a, import->module), name = mo_meta_name(a, import->name);
    mote_externtype type;
    char want[100];
    mo_meta_externtype(a, import->kind, import->index, &type);
    mo_externtype_text(&type, want, sizeof want);
    return mo_fail(err, MOTE_LINK, MOTE_NOWHERE, "%s: \"%.*s\" \"%.*s\": want %.90s", why,
                   module.len < 60 ? (int)module.len : 60, module.at, name.len < 60 ? (int)name.len : 60, name.at,
                   want);
}
static bool unknown(const mo_artifact *a, const mo_meta_import *import, mote_error *err)
{
    return refuse(a, import, "unknown import", err);
}
static bool wrong_type(const mo_artifact *a, const mo_meta_import *import, mote_error *err)
{
    return refuse(a, import, "import of another type", err);
}

bool mo_linker_check(const mote_linker *linker, const mo_artifact *a, mote_error *err)
{
    for (uint32_t i = 0; i < a->meta->nimports; i++) {
        const mo_meta_import *import = &mo_meta_imports(a)[i];
        const definition *d = find(linker, mo_meta_name(a, import->module), mo_meta_name(a, import->name));
        if (!d)
            return unknown(a, import, err);
        if (!d->host)
            continue;
        if (import->kind != MOTE_FUNC ||
            !mo_type_id_below(d->def.type_id, a->type_ids[mo_meta_funcs(a)[import->index].type]))
            return wrong_type(a, import, err);
    }
    return true;
}

/* hosts: a record per import, for those that are host functions. */
static bool gather(const mote_linker *linker, mote_store *store, const mo_artifact *a, mote_extern *things,
                   mote_caller *hosts, mote_error *err)
{
    for (uint32_t i = 0; i < a->meta->nimports; i++) {
        const mo_meta_import *import = &mo_meta_imports(a)[i];
        const definition *d = find(linker, mo_meta_name(a, import->module), mo_meta_name(a, import->name));
        if (!d)
            return unknown(a, import, err);
        things[i] = d->thing;
        if (d->host) {
            mo_host_make(&d->def, store, &hosts[i]);
            things[i] = (mote_extern){.kind = MOTE_FUNC, .of = {.func = mo_func_handle(&hosts[i].ref)}};
        }
    }
    return true;
}

/* Instances copy the records of host functions, so these can go afterwards. */
mote_status mo_linker_make(mote_linker *linker, mote_store *store, mote_artifact *artifact, mote_instance **ret,
                           mote_error *err)
{
    const mo_artifact *a = (const mo_artifact *)artifact;
    size_t n = a->meta->nimports;
    mote_error e = {0};
    mote_extern *things = mo_calloc(n + 1, sizeof *things);
    mote_caller *hosts = mo_calloc(n + 1, sizeof *hosts);
    mote_status status;
    if (!things || !hosts)
        status = mo_tell(err, MOTE_NOMEM, "out of memory");
    else if (!gather(linker, store, a, things, hosts, &e))
        status = mo_told(&e, err);
    else
        status = mo_instance_prepare(store, artifact, things, n, ret, err);
    mo_free(hosts);
    mo_free(things);
    return status;
}

mote_status mote_linker_instantiate(mote_linker *linker, mote_store *store, mote_artifact *artifact,
                                    mote_instance **ret, mote_error *err)
{
    mote_instance *instance;
    mote_status status = mo_linker_make(linker, store, artifact, &instance, err);
    if (status == MOTE_OK)
        status = mo_instance_start(instance, err);
    if (status == MOTE_OK)
        *ret = instance;
    return status;
}
