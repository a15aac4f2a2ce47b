/* write_meta.c - a module, its layout and where its code is -> META. Lists are
 * written before what points to them; mo_meta itself stands first. */
#include "artifact/write.h"
#include "module/ops.h"

#include <stdlib.h>

typedef struct meta_writer {
    const mo_module *m;
    mo_buffer *out;
    mo_arena arena;
    bool ok;
    mote_error *err;
} meta_writer;

static void *array(meta_writer *w, size_t n, size_t size)
{
    void *p = w->ok ? mo_arena_array(&w->arena, n ? n : 1, size) : NULL;
    if (!p && w->ok) w->ok = mo_fail_nomem(w->err);
    return p;
}

static mo_list put(meta_writer *w, const void *items, uint64_t n, size_t size)
{
    if (!w->ok || n == 0) return (mo_list){0, 0};
    mo_buffer_align(w->out, 8);
    uint64_t at = w->out->len;
    if (at > UINT32_MAX || n > (UINT32_MAX - at) / size) {
        w->ok = mo_fail(w->err, MOTE_LIMIT, MOTE_NOWHERE, "artifact: more than 4 GiB of metadata");
        return (mo_list){0, 0};
    }
    mo_buffer_put(w->out, items, n * size);
    if (w->out->failed) w->ok = mo_fail_nomem(w->err);
    return (mo_list){(uint32_t)at, (uint32_t)n};
}

static mo_list put_span(meta_writer *w, mo_span s)
{
    return put(w, s.at, s.len, 1);
}

/* --- constant expressions ---------------------------------------------- */

static bool put_insn(meta_writer *w, const mo_const_expr *expr, uint32_t i, uint32_t *depth, mo_meta_const *ret)
{
    const mo_const_insn *insn = &expr->insns[i];
    switch (insn->op) {
    case MO_OP_i32_const: case MO_OP_i64_const: case MO_OP_f32_const: case MO_OP_f64_const: case MO_OP_v128_const:
    case MO_OP_global_get: case MO_OP_ref_null: case MO_OP_ref_func:
        ++*depth;
        break;
    case MO_OP_i32_add: case MO_OP_i32_sub: case MO_OP_i32_mul:
    case MO_OP_i64_add: case MO_OP_i64_sub: case MO_OP_i64_mul:
        --*depth;
        break;
    default:
        return mo_fail(w->err, MOTE_UNSUPPORTED, expr->at, "%s in a constant expression: not supported yet: gc",
                       mo_op_infos[insn->op].name);
    }
    if (*depth > MO_CONST_DEPTH)
        return mo_fail(w->err, MOTE_LIMIT, expr->at, "constant expression: more than %d operands at once", MO_CONST_DEPTH);
    *ret = (mo_meta_const){.op = mo_op_infos[insn->op].code, .index = insn->index};
    memcpy(ret->bits, insn->bits, sizeof ret->bits);
    return true;
}

static mo_list put_expr(meta_writer *w, const mo_const_expr *expr)
{
    mo_meta_const *insns = array(w, expr->n, sizeof *insns);
    uint32_t depth = 0;
    for (uint32_t i = 0; w->ok && i < expr->n; i++)
        w->ok = put_insn(w, expr, i, &depth, &insns[i]);
    return put(w, insns, expr->n, sizeof *insns);
}

/* --- the lists of a module, in its order ------------------------------- */

static mo_list put_fields(meta_writer *w, const mo_type *t)
{
    mo_meta_field *fields = array(w, t->nfields, sizeof *fields);
    for (uint32_t i = 0; w->ok && i < t->nfields; i++)
        fields[i] = (mo_meta_field){t->fields[i].type, t->fields[i].mutable_};
    return put(w, fields, t->nfields, sizeof *fields);
}

static mo_list put_types(meta_writer *w)
{
    mo_meta_type *types = array(w, w->m->ntypes, sizeof *types);
    for (uint32_t i = 0; w->ok && i < w->m->ntypes; i++) {
        const mo_type *t = &w->m->types[i];
        types[i] = (mo_meta_type){
            .kind = (uint8_t)t->kind, .final = t->final, .depth = (uint16_t)t->depth, .super = t->super,
            .canonical = t->canonical, .group = t->group, .group_len = t->group_len,
            .params = put(w, t->params, t->nparams, sizeof *t->params),
            .results = put(w, t->results, t->nresults, sizeof *t->results),
            .fields = put_fields(w, t),
        };
    }
    return put(w, types, w->m->ntypes, sizeof *types);
}

static mo_list put_imports(meta_writer *w)
{
    mo_meta_import *imports = array(w, w->m->nimports, sizeof *imports);
    for (uint32_t i = 0; w->ok && i < w->m->nimports; i++) {
        const mo_import *from = &w->m->imports[i];
        imports[i] = (mo_meta_import){put_span(w, from->module), put_span(w, from->name), from->kind, from->index};
    }
    return put(w, imports, w->m->nimports, sizeof *imports);
}

static mo_list put_funcs(meta_writer *w, const mo_linked *linked)
{
    mo_meta_func *funcs = array(w, w->m->nfuncs, sizeof *funcs);
    uint32_t *records = array(w, w->m->nfuncs, sizeof *records);
    if (w->ok) mo_layout_records(w->m, records);
    for (uint32_t i = 0; w->ok && i < w->m->nfuncs; i++) {
        const mo_func *f = &w->m->funcs[i];
        uint32_t code_at = f->import == MO_NO_IMPORT ? linked->code_at[i] : MO_NO_CODE;
        if (records[i] != MO_NO_RECORD && code_at == MO_NO_CODE)
            w->ok = mo_fail(w->err, MOTE_INVALID, f->body_at, "function %" PRIu32 " can be reached from outside and has no code", i);
        funcs[i] = (mo_meta_func){f->type, code_at, records[i], (uint32_t)f->body_at};
    }
    return put(w, funcs, w->m->nfuncs, sizeof *funcs);
}

static uint32_t bounds_flags(const mo_bounds *b)
{
    return (b->has_max ? MO_META_MAX : 0u) | (b->is64 ? MO_META_64 : 0u);
}

static mo_list put_tables(meta_writer *w)
{
    mo_meta_table *tables = array(w, w->m->ntables, sizeof *tables);
    for (uint32_t i = 0; w->ok && i < w->m->ntables; i++) {
        const mo_table *t = &w->m->tables[i];
        tables[i] = (mo_meta_table){.min = t->bounds.min, .max = t->bounds.has_max ? t->bounds.max : 0, .type = t->type,
                                    .flags = bounds_flags(&t->bounds) | (t->has_init ? MO_META_INIT : 0u)};
        if (t->has_init) tables[i].init = put_expr(w, &t->init);
    }
    return put(w, tables, w->m->ntables, sizeof *tables);
}

static mo_list put_memories(meta_writer *w)
{
    mo_meta_memory *memories = array(w, w->m->nmemories, sizeof *memories);
    for (uint32_t i = 0; w->ok && i < w->m->nmemories; i++) {
        const mo_memory *t = &w->m->memories[i];
        memories[i] = (mo_meta_memory){t->bounds.min, t->bounds.has_max ? t->bounds.max : 0,
                                       bounds_flags(&t->bounds) | (t->shared ? MO_META_SHARED : 0u), t->page_shift};
    }
    return put(w, memories, w->m->nmemories, sizeof *memories);
}

static mo_list put_globals(meta_writer *w)
{
    mo_meta_global *globals = array(w, w->m->nglobals, sizeof *globals);
    for (uint32_t i = 0; w->ok && i < w->m->nglobals; i++) {
        const mo_global *g = &w->m->globals[i];
        bool own = g->import == MO_NO_IMPORT;
        globals[i] = (mo_meta_global){.type = g->type, .flags = (g->mutable_ ? MO_META_MUTABLE : 0u) | (own ? MO_META_INIT : 0u)};
        if (own) globals[i].init = put_expr(w, &g->init);
    }
    return put(w, globals, w->m->nglobals, sizeof *globals);
}

static mo_list put_tags(meta_writer *w)
{
    uint32_t *tags = array(w, w->m->ntags, sizeof *tags);
    for (uint32_t i = 0; w->ok && i < w->m->ntags; i++)
        tags[i] = w->m->tags[i].type;
    return put(w, tags, w->m->ntags, sizeof *tags);
}

static mo_list put_exports(meta_writer *w)
{
    mo_meta_export *exports = array(w, w->m->nexports, sizeof *exports);
    for (uint32_t i = 0; w->ok && i < w->m->nexports; i++)
        exports[i] = (mo_meta_export){put_span(w, w->m->exports[i].name), w->m->exports[i].kind, w->m->exports[i].index};
    return put(w, exports, w->m->nexports, sizeof *exports);
}

typedef struct named { mo_span name; uint32_t index; } named;

static int by_name(const void *a, const void *b)
{
    const named *x = a, *y = b;
    if (x->name.len != y->name.len) return x->name.len < y->name.len ? -1 : 1;
    int order = x->name.len ? memcmp(x->name.at, y->name.at, x->name.len) : 0;
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static mo_list put_exports_sorted(meta_writer *w)
{
    uint32_t n = w->m->nexports, *indices = array(w, n, sizeof *indices);
    named *names = array(w, n, sizeof *names);
    for (uint32_t i = 0; w->ok && i < n; i++)
        names[i] = (named){w->m->exports[i].name, i};
    if (w->ok && n) qsort(names, n, sizeof *names, by_name);
    for (uint32_t i = 0; w->ok && i < n; i++)
        indices[i] = names[i].index;
    return put(w, indices, n, sizeof *indices);
}

static mo_list put_exprs(meta_writer *w, const mo_const_expr *exprs, uint32_t n)
{
    mo_list *lists = array(w, n, sizeof *lists);
    for (uint32_t i = 0; w->ok && i < n; i++)
        lists[i] = put_expr(w, &exprs[i]);
    return put(w, lists, n, sizeof *lists);
}

static mo_list put_elems(meta_writer *w)
{
    mo_meta_elem *elems = array(w, w->m->nelems, sizeof *elems);
    for (uint32_t i = 0; w->ok && i < w->m->nelems; i++) {
        const mo_elem *e = &w->m->elems[i];
        elems[i] = (mo_meta_elem){.mode = e->mode, .type = e->type, .table = e->table};
        if (e->mode == MO_ACTIVE) elems[i].offset = put_expr(w, &e->offset);
        if (e->funcs) elems[i].funcs = put(w, e->funcs, e->n, sizeof *e->funcs);
        else elems[i].exprs = put_exprs(w, e->exprs, e->n);
    }
    return put(w, elems, w->m->nelems, sizeof *elems);
}

static mo_list put_datas(meta_writer *w, const mo_image_plan *plan)
{
    mo_meta_data *datas = array(w, w->m->ndatas, sizeof *datas);
    for (uint32_t i = 0; w->ok && i < w->m->ndatas; i++) {
        const mo_data *d = &w->m->datas[i];
        datas[i] = (mo_meta_data){.mode = d->mode, .memory = d->memory, .in_image = plan->in_image[i]};
        if (d->mode == MO_ACTIVE) datas[i].offset = put_expr(w, &d->offset);
        if (!plan->in_image[i]) datas[i].bytes = put_span(w, d->bytes);
    }
    return put(w, datas, w->m->ndatas, sizeof *datas);
}

static mo_list put_func_names(meta_writer *w)
{
    if (!w->m->func_names) return (mo_list){0, 0};
    mo_list *names = array(w, w->m->nfuncs, sizeof *names);
    for (uint32_t i = 0; w->ok && i < w->m->nfuncs; i++)
        names[i] = put_span(w, w->m->func_names[i]);
    return put(w, names, w->m->nfuncs, sizeof *names);
}

/* --- all of it --------------------------------------------------------- */

/* Start is called by the host: it needs an address even if nothing else names it. */
static bool check_start(meta_writer *w, const mo_linked *linked)
{
    const mo_module *m = w->m;
    if (!m->has_start || m->funcs[m->start].import != MO_NO_IMPORT || linked->code_at[m->start] != MO_NO_CODE) return true;
    return mo_fail(w->err, MOTE_INVALID, MOTE_NOWHERE, "start function %" PRIu32 " has no code", m->start);
}

static void put_all(meta_writer *w, const mo_linked *linked, const mo_image_plan *plan, mo_meta *meta)
{
    meta->types = put_types(w);
    meta->imports = put_imports(w);
    meta->funcs = put_funcs(w, linked);
    meta->tables = put_tables(w);
    meta->memories = put_memories(w);
    meta->globals = put_globals(w);
    meta->tags = put_tags(w);
    meta->exports = put_exports(w);
    meta->elems = put_elems(w);
    meta->datas = put_datas(w, plan);
    meta->exports_sorted = put_exports_sorted(w);
    meta->images = put(w, plan->images, plan->nimages, sizeof *plan->images);
    meta->jumps = put(w, linked->jumps, linked->njumps, sizeof *linked->jumps);
    meta->module_name = put_span(w, w->m->module_name);
    meta->func_names = put_func_names(w);
}

bool mo_meta_make(const mo_module *m, const mo_linked *linked, const mo_image_plan *plan,
                  mo_buffer *ret, mote_error *err)
{
    mo_meta meta = {
#define COUNT(name) .n##name = m->n##name,
        COUNT(types) COUNT(imports) COUNT(funcs) COUNT(tables) COUNT(memories) COUNT(globals) COUNT(tags)
        COUNT(exports) COUNT(elems) COUNT(datas) COUNT(imported_funcs) COUNT(imported_tables)
        COUNT(imported_memories) COUNT(imported_globals) COUNT(imported_tags)
#undef COUNT
        .start = m->has_start ? m->start : UINT32_MAX,
    };
    meta_writer w = {.m = m, .out = ret, .ok = true, .err = err};
    mo_buffer_zeros(ret, sizeof meta);
    if (ret->failed) return mo_fail_nomem(err);
    w.ok = mo_layout_make(m, &meta.layout, err) && check_start(&w, linked);
    put_all(&w, linked, plan, &meta);
    mo_arena_free(&w.arena);
    if (w.ok) memcpy(ret->at, &meta, sizeof meta);
    return w.ok;
}
