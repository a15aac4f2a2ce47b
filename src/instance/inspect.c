/* inspect.c - modules and artifacts as the public headers show them. A mote_module is
 * a mo_module and a mote_artifact a mo_artifact, by another name. */
#include "instance/instance.h"

#include "mote/artifact.h"
#include "mote/module.h"

static const mo_module *inside(const mote_module *module) { return (const mo_module *)module; }
static const mo_artifact *within(const mote_artifact *artifact) { return (const mo_artifact *)artifact; }

/* --- modules ------------------------------------------------------------ */

void mote_module_ref(mote_module *module) { mo_module_ref((mo_module *)module); }
void mote_module_unref(mote_module *module) { mo_module_unref((mo_module *)module); }
size_t mote_module_nimports(const mote_module *module) { return inside(module)->nimports; }
size_t mote_module_nexports(const mote_module *module) { return inside(module)->nexports; }

static mote_functype functype_of(const mo_module *m, uint32_t type)
{
    const mo_type *t = &m->types[type];
    return (mote_functype){t->params, t->nparams, t->results, t->nresults};
}

static mote_externtype type_of(const mo_module *m, mo_extern_kind kind, uint32_t i)
{
    mote_externtype ret = {.kind = (mote_extern_kind)kind};
    switch (kind) {
    case MO_EXTERN_FUNC: ret.of.func = functype_of(m, m->funcs[i].type); break;
    case MO_EXTERN_TAG: ret.of.func = functype_of(m, m->tags[i].type); break;
    case MO_EXTERN_TABLE: {
        const mo_table *t = &m->tables[i];
        ret.of.table = (mote_tabletype){t->type, t->bounds.is64, t->bounds.has_max, t->bounds.min, t->bounds.max};
        break;
    }
    case MO_EXTERN_MEMORY: {
        const mo_memory *t = &m->memories[i];
        ret.of.memory = (mote_memorytype){t->bounds.is64, t->shared, t->bounds.has_max, t->page_shift,
                                          t->bounds.min, t->bounds.max};
        break;
    }
    case MO_EXTERN_GLOBAL:
        ret.of.global = (mote_globaltype){m->globals[i].type, m->globals[i].mutable_};
        break;
    }
    return ret;
}

bool mote_module_import(const mote_module *module, size_t i, mote_import *ret)
{
    const mo_module *m = inside(module);
    if (i >= m->nimports)
        return false;
    const mo_import *import = &m->imports[i];
    *ret = (mote_import){
        (const char *)import->module.at, import->module.len, (const char *)import->name.at, import->name.len,
        type_of(m, import->kind, import->index),
    };
    return true;
}

bool mote_module_export(const mote_module *module, size_t i, mote_export *ret)
{
    const mo_module *m = inside(module);
    if (i >= m->nexports)
        return false;
    const mo_export *e = &m->exports[i];
    *ret = (mote_export){(const char *)e->name.at, e->name.len, type_of(m, e->kind, e->index)};
    return true;
}

bool mote_module_uses(const mote_module *module, const char *name)
{
    mo_feature feature = mo_feature_find(name);
    return feature != MO_FEATURES && mo_has(inside(module)->used, feature);
}

size_t mote_module_count(const mote_module *module, mote_extern_kind kind)
{
    const mo_module *m = inside(module);
    switch (kind) {
    case MOTE_FUNC: return m->nfuncs;
    case MOTE_TABLE: return m->ntables;
    case MOTE_MEMORY: return m->nmemories;
    case MOTE_GLOBAL: return m->nglobals;
    case MOTE_TAG: return m->ntags;
    }
    return 0;
}

const char *mote_module_func_name(const mote_module *module, size_t i, size_t *retlen)
{
    const mo_module *m = inside(module);
    bool named = m->func_names && i < m->nfuncs && m->func_names[i].len;
    *retlen = named ? m->func_names[i].len : 0;
    return named ? (const char *)m->func_names[i].at : "";
}

/* --- artifacts ---------------------------------------------------------- */

mote_status mote_artifact_open(const char *path, const mote_open_options *options, mote_artifact **ret,
                               mote_error *err)
{
    mote_error e = {0};
    mo_open_options wanted = {0};
    mo_artifact *a;
    if (options)
        wanted = (mo_open_options){.verify_contents = options->verify, .trust_any_owner = options->trust_any_owner};
    if (mo_artifact_open(path, &wanted, &a, &e))
        *ret = (mote_artifact *)a;
    return mo_told(&e, err);
}

mote_status mote_artifact_open_bytes(const void *bytes, size_t len, mote_artifact **ret, mote_error *err)
{
    mote_error e = {0};
    mo_artifact *a;
    if (mo_artifact_open_bytes(bytes, len, &a, &e))
        *ret = (mote_artifact *)a;
    return mo_told(&e, err);
}

void mote_artifact_ref(mote_artifact *artifact) { mo_artifact_ref((mo_artifact *)artifact); }

void mote_artifact_unref(mote_artifact *artifact)
{
    if (artifact)
        mo_artifact_unref((mo_artifact *)artifact);
}

size_t mote_artifact_nimports(const mote_artifact *artifact) { return within(artifact)->meta->nimports; }
size_t mote_artifact_nexports(const mote_artifact *artifact) { return within(artifact)->meta->nexports; }

bool mote_artifact_import(const mote_artifact *artifact, size_t i, mote_import *ret)
{
    const mo_artifact *a = within(artifact);
    if (i >= a->meta->nimports)
        return false;
    const mo_meta_import *import = &mo_meta_imports(a)[i];
    *ret = (mote_import){
        .module = mo_meta_at(a, import->module), .module_len = import->module.n,
        .name = mo_meta_at(a, import->name), .name_len = import->name.n,
    };
    mo_meta_externtype(a, import->kind, import->index, &ret->type);
    return true;
}

static void show_export(const mo_artifact *a, const mo_meta_export *e, mote_export *ret)
{
    *ret = (mote_export){.name = mo_meta_at(a, e->name), .name_len = e->name.n};
    mo_meta_externtype(a, e->kind, e->index, &ret->type);
}

bool mote_artifact_export(const mote_artifact *artifact, size_t i, mote_export *ret)
{
    const mo_artifact *a = within(artifact);
    if (i >= a->meta->nexports)
        return false;
    show_export(a, &mo_meta_exports(a)[i], ret);
    return true;
}

bool mote_artifact_find_export(const mote_artifact *artifact, const char *name, size_t name_len, mote_export *ret)
{
    const mo_artifact *a = within(artifact);
    const mo_meta_export *found = mo_artifact_export(a, name, name_len);
    if (found)
        show_export(a, found, ret);
    return found != NULL;
}

const void *mote_artifact_bytes(const mote_artifact *artifact, size_t *retlen)
{
    *retlen = within(artifact)->header->file_len;
    return within(artifact)->header;
}

void mote_artifact_describe(const mote_artifact *artifact, mote_artifact_facts *ret)
{
    const mo_artifact *a = within(artifact);
    const mo_file_header *h = a->header;
    mo_span name = mo_meta_name(a, a->meta->module_name);
    *ret = (mote_artifact_facts){
        .arch = h->arch == MO_ARCH_X86_64 ? "x86_64" : h->arch == MO_ARCH_AARCH64 ? "aarch64" : "unknown",
        .target_cpu = h->target_cpu,
        .compiler = h->compiler,
        .module_name = (const char *)name.at, .module_name_len = name.len,
        .opt_level = h->options & MO_OPTION_LEVEL,
        .fuel = h->options & MO_OPTION_FUEL,
        .canonical_nans = h->options & MO_OPTION_CANONICAL_NANS,
        .strict = h->options & MO_OPTION_STRICT,
        .file_bytes = h->file_len,
        .code_bytes = h->sections[MO_SECTION_TEXT].len,
        .image_bytes = h->sections[MO_SECTION_IMAGE].len,
        .nfuncs = a->meta->nfuncs,
    };
    memcpy(ret->module_hash, h->module_hash, sizeof ret->module_hash);
    memcpy(ret->contents_hash, h->contents_hash, sizeof ret->contents_hash);
}

/* SITES lists every function that has code, by code_at. That is nearly the order of
 * the functions, so the search goes outward from where it would be. */
static const mo_site_range *range_of(const mo_artifact *a, uint32_t func)
{
    const mo_site_range *ranges = (const mo_site_range *)(a->sites + 1);
    uint32_t n = a->sites->nranges, guess = func - a->meta->nimported_funcs;
    if (func < a->meta->nimported_funcs)
        return NULL;
    if (guess > n)
        guess = n;
    for (uint32_t d = 0; d < n; d++) {
        if (guess + d < n && ranges[guess + d].func == func)
            return &ranges[guess + d];
        if (d < guess && ranges[guess - 1 - d].func == func)
            return &ranges[guess - 1 - d];
    }
    return NULL;
}

bool mote_artifact_function(const mote_artifact *artifact, size_t i, mote_artifact_func *ret)
{
    const mo_artifact *a = within(artifact);
    if (i >= a->meta->nfuncs)
        return false;
    const mo_site_range *range = range_of(a, (uint32_t)i);
    mo_span name = mo_artifact_func_name(a, (uint32_t)i);
    *ret = (mote_artifact_func){
        .name = (const char *)name.at, .name_len = name.len,
        .imported = i < a->meta->nimported_funcs,
        .type = mo_meta_functype(a, mo_meta_funcs(a)[i].type),
        .code_at = range ? range->code_at : 0,
        .code_bytes = range ? range->code_len : 0,
    };
    return true;
}
