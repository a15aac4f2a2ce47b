/* check_meta.c - META's bytes -> META that can be used without asking.
 * One pass, bounded by META's size: lists that the writer makes don't share bytes, so
 * together they have at most as many as META; more is refused before it is walked.
 * The machine code is believed (artifact.h); what it would be given isn't. */
#include "artifact/open.h"

typedef struct checker {
    const mo_meta *meta;
    uint64_t len, spare; /* META's bytes; those that no list has used */
    uint64_t text_len, const_len, image_len;
    mote_error *err;
} checker;

static bool bad(const checker *k, const char *what, uint64_t i) __attribute__((cold));
static bool bad(const checker *k, const char *what, uint64_t i)
{
    return mo_fail(k->err, MOTE_REFUSED, MOTE_NOWHERE, "artifact is damaged: metadata: %s %" PRIu64, what, i);
}

static const void *at(const checker *k, mo_list list)
{
    return (const uint8_t *)k->meta + list.at;
}

/* --- lists ------------------------------------------------------------- */

static bool list_fits(checker *k, mo_list list, size_t size, size_t align)
{
    uint64_t bytes = (uint64_t)list.n * size;
    if (list.at % align != 0 || list.at > k->len || bytes > k->len - list.at || bytes > k->spare) return false;
    k->spare -= bytes;
    return true;
}
#define FITS(k, list, type) list_fits((k), (list), sizeof(type), _Alignof(type))

static bool check_lists(checker *k)
{
    const mo_meta *m = k->meta;
#define LIST(name, type) \
    if (m->name.n != m->n##name || !FITS(k, m->name, type)) return bad(k, "list of " #name, m->name.n);
    LIST(types, mo_meta_type)
    LIST(imports, mo_meta_import)
    LIST(funcs, mo_meta_func)
    LIST(tables, mo_meta_table)
    LIST(memories, mo_meta_memory)
    LIST(globals, mo_meta_global)
    LIST(tags, uint32_t)
    LIST(exports, mo_meta_export)
    LIST(elems, mo_meta_elem)
    LIST(datas, mo_meta_data)
#undef LIST
    if (m->exports_sorted.n != m->nexports || !FITS(k, m->exports_sorted, uint32_t)) return bad(k, "list of sorted exports", m->exports_sorted.n);
    if (!FITS(k, m->images, mo_meta_image)) return bad(k, "list of images", m->images.n);
    if (!FITS(k, m->jumps, mo_meta_jumps)) return bad(k, "list of jump tables", m->jumps.n);
    if (!FITS(k, m->module_name, uint8_t)) return bad(k, "module name", m->module_name.n);
    if ((m->func_names.n && m->func_names.n != m->nfuncs) || !FITS(k, m->func_names, mo_list)) return bad(k, "list of names", m->func_names.n);
    return true;
}

/* --- types ------------------------------------------------------------- */

/* Concrete heap types must be below ntypes. */
static bool is_valtype(mo_valtype t, uint32_t ntypes)
{
    switch (t) {
    case MO_I32: case MO_I64: case MO_F32: case MO_F64: case MO_V128: return true;
    default: break;
    }
    if (!mo_is_ref(t)) return false;
    uint32_t heap = mo_heap(t);
    return mo_heap_is_concrete(heap) ? heap < ntypes : heap >= MO_HEAP_EXN && heap <= MO_HEAP_NOEXN;
}

static bool are_valtypes(checker *k, mo_list list, uint32_t ntypes)
{
    if (list.n > MO_XFER_SLOTS || !FITS(k, list, mo_valtype)) return false;
    const mo_valtype *types = at(k, list);
    for (uint32_t i = 0; i < list.n; i++)
        if (!is_valtype(types[i], ntypes)) return false;
    return true;
}

static bool are_fields(checker *k, mo_list list, uint32_t ntypes)
{
    if (!FITS(k, list, mo_meta_field)) return false;
    const mo_meta_field *fields = at(k, list);
    for (uint32_t i = 0; i < list.n; i++) {
        mo_valtype t = fields[i].type;
        if (fields[i].mutable_ > 1 || (t != MO_I8_PACKED && t != MO_I16_PACKED && !is_valtype(t, ntypes))) return false;
    }
    return true;
}

/* Groups follow one another; an equal earlier one stands for all of its types. */
static bool group_fits(const checker *k, const mo_meta_type *types, uint32_t i)
{
    const mo_meta_type *t = &types[i], *before = i ? &types[i - 1] : NULL;
    if (t->group > i || i - t->group >= t->group_len || t->group_len > k->meta->ntypes - t->group) return false;
    if (i > t->group) {
        if (before->group != t->group || before->group_len != t->group_len) return false;
    } else if (before && before->group + before->group_len != i) {
        return false;
    }
    uint32_t same = types[t->group].canonical;
    if (same > t->group || t->canonical != same + (i - t->group)) return false;
    return same == t->group || (types[same].canonical == same && types[same].group == same && types[same].group_len == t->group_len);
}

static bool super_fits(const mo_meta_type *types, uint32_t i)
{
    const mo_meta_type *t = &types[i];
    if (t->super == MO_NO_TYPE) return t->depth == 0;
    return t->super < i && types[t->super].kind == t->kind && t->depth == types[t->super].depth + 1u;
}

static bool check_types(checker *k)
{
    const mo_meta_type *types = at(k, k->meta->types);
    for (uint32_t i = 0; i < k->meta->ntypes; i++) {
        const mo_meta_type *t = &types[i];
        if (t->kind > MO_TYPE_ARRAY || t->final > 1 || !group_fits(k, types, i) || !super_fits(types, i)) return bad(k, "type", i);
        uint32_t known = t->group + t->group_len;
        if (!are_valtypes(k, t->params, known) || !are_valtypes(k, t->results, known) || !are_fields(k, t->fields, known))
            return bad(k, "type", i);
    }
    return true;
}

static mo_type_kind kind_of(const void *in, uint32_t heap)
{
    const checker *k = in;
    return (mo_type_kind)((const mo_meta_type *)at(k, k->meta->types))[heap].kind;
}

static bool is_below(const void *in, uint32_t a, uint32_t b)
{
    const checker *k = in;
    const mo_meta_type *types = at(k, k->meta->types);
    a = types[a].canonical;
    b = types[b].canonical;
    while (a != b && types[a].depth > types[b].depth) a = types[types[a].super].canonical;
    return a == b;
}

static bool matches(const checker *k, mo_valtype a, mo_valtype b)
{
    return mo_matches_with(a, b, &(mo_heap_facts){kind_of, is_below, k});
}

/* Is it a function type? */
static bool is_func_type(const checker *k, uint32_t type)
{
    return type < k->meta->ntypes && kind_of(k, type) == MO_TYPE_FUNC;
}

/* --- functions --------------------------------------------------------- */

static bool func_fits(const checker *k, const mo_meta_func *f, uint32_t i, uint32_t *nrecords)
{
    if (!is_func_type(k, f->type)) return false;
    if (i < k->meta->nimported_funcs) return f->code_at == MO_NO_CODE && f->record == MO_NO_RECORD;
    if (f->code_at != MO_NO_CODE && f->code_at >= k->text_len) return false;
    return f->record == MO_NO_RECORD || (f->record == (*nrecords)++ && f->code_at != MO_NO_CODE);
}

static bool check_funcs(checker *k)
{
    const mo_meta_func *funcs = at(k, k->meta->funcs);
    uint32_t nrecords = 0;
    for (uint32_t i = 0; i < k->meta->nfuncs; i++)
        if (!func_fits(k, &funcs[i], i, &nrecords)) return bad(k, "function", i);
    return nrecords == k->meta->layout.nrecords || bad(k, "function records", nrecords);
}

/* Can a reference to this function be made? */
static bool has_reference(const checker *k, uint32_t func)
{
    if (func >= k->meta->nfuncs) return false;
    return func < k->meta->nimported_funcs || ((const mo_meta_func *)at(k, k->meta->funcs))[func].record != MO_NO_RECORD;
}

static bool check_start(checker *k)
{
    const mo_meta *m = k->meta;
    if (m->start == UINT32_MAX) return true;
    if (m->start >= m->nfuncs) return bad(k, "start function", m->start);
    const mo_meta_func *f = (const mo_meta_func *)at(k, m->funcs) + m->start;
    const mo_meta_type *t = (const mo_meta_type *)at(k, m->types) + f->type;
    bool callable = m->start < m->nimported_funcs || f->code_at != MO_NO_CODE;
    return (callable && t->params.n == 0 && t->results.n == 0) || bad(k, "start function", m->start);
}

/* --- constant expressions ---------------------------------------------- */

typedef struct operands {
    mo_valtype types[MO_CONST_DEPTH];
    uint32_t n;
} operands;

static bool push(operands *o, mo_valtype t)
{
    if (o->n == MO_CONST_DEPTH) return false;
    o->types[o->n++] = t;
    return true;
}

static bool binary(operands *o, mo_valtype t)
{
    if (o->n < 2 || o->types[o->n - 1] != t || o->types[o->n - 2] != t) return false;
    o->n--;
    return true;
}

static bool push_ref_func(const checker *k, operands *o, uint32_t func)
{
    if (!has_reference(k, func)) return false;
    return push(o, mo_ref_type(((const mo_meta_func *)at(k, k->meta->funcs))[func].type, false));
}

/* nglobals: how many globals it may read. */
static bool insn_fits(const checker *k, operands *o, const mo_meta_const *insn, uint32_t nglobals)
{
    switch (insn->op) {
    case MO_CODE_i32_const: return push(o, MO_I32);
    case MO_CODE_i64_const: return push(o, MO_I64);
    case MO_CODE_f32_const: return push(o, MO_F32);
    case MO_CODE_f64_const: return push(o, MO_F64);
    case MO_CODE_v128_const: return push(o, MO_V128);
    case MO_CODE_i32_add: case MO_CODE_i32_sub: case MO_CODE_i32_mul: return binary(o, MO_I32);
    case MO_CODE_i64_add: case MO_CODE_i64_sub: case MO_CODE_i64_mul: return binary(o, MO_I64);
    case MO_CODE_ref_func: return push_ref_func(k, o, insn->index);
    case MO_CODE_global_get:
        return insn->index < nglobals && push(o, ((const mo_meta_global *)at(k, k->meta->globals))[insn->index].type);
    case MO_CODE_ref_null: {
        if (insn->index >= 1u << (32 - MO_HEAP_SHIFT)) return false;
        mo_valtype t = mo_ref_type(insn->index, true);
        return is_valtype(t, k->meta->ntypes) && push(o, t);
    }
    default: return false;
    }
}

static bool expr_fits(checker *k, mo_list list, mo_valtype want, uint32_t nglobals)
{
    operands o;
    o.n = 0;
    if (!FITS(k, list, mo_meta_const)) return false;
    const mo_meta_const *insns = at(k, list);
    for (uint32_t i = 0; i < list.n; i++)
        if (!insn_fits(k, &o, &insns[i], nglobals)) return false;
    return o.n == 1 && matches(k, o.types[0], want);
}

static mo_valtype address_type(uint32_t flags)
{
    return flags & MO_META_64 ? MO_I64 : MO_I32;
}

/* --- globals, tables, memories, tags ----------------------------------- */

static bool check_globals(checker *k)
{
    const mo_meta_global *globals = at(k, k->meta->globals);
    for (uint32_t i = 0; i < k->meta->nglobals; i++) {
        const mo_meta_global *g = &globals[i];
        bool own = i >= k->meta->nimported_globals;
        if (!is_valtype(g->type, k->meta->ntypes) || (g->flags & ~(uint32_t)MO_META_MUTABLE) != (own ? MO_META_INIT : 0u) ||
            (own ? !expr_fits(k, g->init, g->type, i) : g->init.n != 0))
            return bad(k, "global", i);
    }
    return true;
}

static bool table_fits(checker *k, const mo_meta_table *t, bool own)
{
    const uint32_t flags = MO_META_MAX | MO_META_64 | MO_META_INIT;
    uint64_t most = t->flags & MO_META_64 ? UINT64_MAX : UINT32_MAX; /* what a host can have is its own limit */
    if (!is_valtype(t->type, k->meta->ntypes) || !mo_is_ref(t->type) || (t->flags & ~flags)) return false;
    if (t->min > most || ((t->flags & MO_META_MAX) && t->max < t->min)) return false;
    if (t->flags & MO_META_INIT) return own && expr_fits(k, t->init, t->type, k->meta->nglobals);
    return t->init.n == 0 && (!own || mo_is_nullable(t->type));
}

static bool check_tables(checker *k)
{
    const mo_meta_table *tables = at(k, k->meta->tables);
    for (uint32_t i = 0; i < k->meta->ntables; i++)
        if (!table_fits(k, &tables[i], i >= k->meta->nimported_tables)) return bad(k, "table", i);
    return true;
}

static bool memory_fits(const mo_meta_memory *t)
{
    const uint32_t flags = MO_META_MAX | MO_META_64 | MO_META_SHARED;
    if ((t->page_shift != 16 && t->page_shift != 0) || (t->flags & ~flags)) return false;
    uint64_t bytes = t->flags & MO_META_64 ? UINT64_MAX : UINT64_C(1) << 32;
    uint64_t most = t->flags & MO_META_64 ? (t->page_shift ? UINT64_C(1) << 48 : UINT64_MAX) : bytes >> t->page_shift;
    if (t->min > most) return false;
    if (t->flags & MO_META_MAX) return t->max >= t->min && t->max <= most;
    return !(t->flags & MO_META_SHARED);
}

static bool check_memories(checker *k)
{
    const mo_meta_memory *memories = at(k, k->meta->memories);
    for (uint32_t i = 0; i < k->meta->nmemories; i++)
        if (!memory_fits(&memories[i])) return bad(k, "memory", i);
    return true;
}

static bool check_tags(checker *k)
{
    const uint32_t *tags = at(k, k->meta->tags);
    const mo_meta_type *types = at(k, k->meta->types);
    for (uint32_t i = 0; i < k->meta->ntags; i++)
        if (!is_func_type(k, tags[i]) || types[tags[i]].results.n != 0) return bad(k, "tag", i);
    return true;
}

/* --- imports and exports ----------------------------------------------- */

static uint32_t count_of(const checker *k, uint32_t kind)
{
    const mo_meta *m = k->meta;
    const uint32_t counts[] = {m->nfuncs, m->ntables, m->nmemories, m->nglobals, m->ntags};
    return kind < MO_COUNT(counts) ? counts[kind] : 0;
}

static bool check_imports(checker *k)
{
    const mo_meta *m = k->meta;
    const mo_meta_import *imports = at(k, m->imports);
    const uint32_t want[] = {m->nimported_funcs, m->nimported_tables, m->nimported_memories, m->nimported_globals, m->nimported_tags};
    uint32_t have[MO_COUNT(want)] = {0};
    for (uint32_t i = 0; i < m->nimports; i++) {
        const mo_meta_import *from = &imports[i];
        if (from->kind >= MO_COUNT(have) || from->index != have[from->kind]++ ||
            !FITS(k, from->module, uint8_t) || !FITS(k, from->name, uint8_t))
            return bad(k, "import", i);
    }
    for (uint32_t kind = 0; kind < MO_COUNT(want); kind++)
        if (have[kind] != want[kind] || want[kind] > count_of(k, kind)) return bad(k, "imports of kind", kind);
    return true;
}

static int compare_names(const checker *k, mo_list a, mo_list b)
{
    if (a.n != b.n) return a.n < b.n ? -1 : 1;
    return memcmp(at(k, a), at(k, b), a.n);
}

static bool check_exports(checker *k)
{
    const mo_meta_export *exports = at(k, k->meta->exports);
    const uint32_t *sorted = at(k, k->meta->exports_sorted), n = k->meta->nexports;
    for (uint32_t i = 0; i < n; i++) {
        const mo_meta_export *e = &exports[i];
        if (e->index >= count_of(k, e->kind) || !FITS(k, e->name, uint8_t) ||
            (e->kind == MO_EXTERN_FUNC && !has_reference(k, e->index)))
            return bad(k, "export", i);
    }
    for (uint32_t i = 0; i < n; i++)
        if (sorted[i] >= n || (i && compare_names(k, exports[sorted[i - 1]].name, exports[sorted[i]].name) >= 0))
            return bad(k, "sorted export", i);
    return true;
}

/* --- segments ---------------------------------------------------------- */

static bool elem_goes_to(checker *k, const mo_meta_elem *e)
{
    if (e->mode != MO_ACTIVE) return e->offset.n == 0;
    if (e->table >= k->meta->ntables) return false;
    const mo_meta_table *t = (const mo_meta_table *)at(k, k->meta->tables) + e->table;
    return matches(k, e->type, t->type) && expr_fits(k, e->offset, address_type(t->flags), k->meta->nglobals);
}

static bool elem_funcs_fit(checker *k, const mo_meta_elem *e)
{
    if (!FITS(k, e->funcs, uint32_t)) return false;
    const uint32_t *funcs = at(k, e->funcs);
    for (uint32_t i = 0; i < e->funcs.n; i++) {
        if (!has_reference(k, funcs[i])) return false;
        uint32_t type = ((const mo_meta_func *)at(k, k->meta->funcs))[funcs[i]].type;
        if (!matches(k, mo_ref_type(type, false), e->type)) return false;
    }
    return true;
}

static bool elem_exprs_fit(checker *k, const mo_meta_elem *e)
{
    if (!FITS(k, e->exprs, mo_list)) return false;
    const mo_list *exprs = at(k, e->exprs);
    for (uint32_t i = 0; i < e->exprs.n; i++)
        if (!expr_fits(k, exprs[i], e->type, k->meta->nglobals)) return false;
    return true;
}

static bool check_elems(checker *k)
{
    const mo_meta_elem *elems = at(k, k->meta->elems);
    for (uint32_t i = 0; i < k->meta->nelems; i++) {
        const mo_meta_elem *e = &elems[i];
        if (e->mode > MO_DECLARED || !is_valtype(e->type, k->meta->ntypes) || !mo_is_ref(e->type) ||
            (e->funcs.n && e->exprs.n) || !elem_goes_to(k, e) || !elem_funcs_fit(k, e) || !elem_exprs_fit(k, e))
            return bad(k, "element segment", i);
    }
    return true;
}

static bool may_have_image(const checker *k, uint32_t memory)
{
    if (memory >= k->meta->nmemories || memory < k->meta->nimported_memories) return false;
    const mo_meta_memory *t = (const mo_meta_memory *)at(k, k->meta->memories) + memory;
    return !(t->flags & MO_META_64) && t->page_shift == 16;
}

static bool data_fits(checker *k, const mo_meta_data *d)
{
    if (d->mode > MO_PASSIVE || d->in_image > 1 || !FITS(k, d->bytes, uint8_t)) return false;
    if (d->in_image && (d->mode != MO_ACTIVE || d->bytes.n || !may_have_image(k, d->memory))) return false;
    if (d->mode != MO_ACTIVE) return d->offset.n == 0;
    if (d->memory >= k->meta->nmemories) return false;
    const mo_meta_memory *t = (const mo_meta_memory *)at(k, k->meta->memories) + d->memory;
    return expr_fits(k, d->offset, address_type(t->flags), k->meta->nglobals);
}

static bool check_datas(checker *k)
{
    const mo_meta_data *datas = at(k, k->meta->datas);
    for (uint32_t i = 0; i < k->meta->ndatas; i++)
        if (!data_fits(k, &datas[i])) return bad(k, "data segment", i);
    return true;
}

static bool image_fits(const checker *k, const mo_meta_image *image, const mo_meta_image *before)
{
    const uint64_t page = MO_FILE_PAGE;
    if (!may_have_image(k, image->memory) || image->memory_at % page || image->at % page || image->len % page) return false;
    if (image->at > k->image_len || image->len > k->image_len - image->at) return false;
    const mo_meta_memory *t = (const mo_meta_memory *)at(k, k->meta->memories) + image->memory;
    uint64_t bytes = t->min << t->page_shift;
    if (image->memory_at > bytes || image->len > bytes - image->memory_at) return false;
    if (!before || before->memory < image->memory) return true;
    return before->memory == image->memory && before->memory_at + before->len <= image->memory_at;
}

static bool check_images(checker *k)
{
    const mo_meta_image *images = at(k, k->meta->images);
    for (uint32_t i = 0; i < k->meta->images.n; i++)
        if (!image_fits(k, &images[i], i ? &images[i - 1] : NULL)) return bad(k, "image", i);
    return true;
}

/* Runs of words inside CONST, in order. */
static bool check_jumps(checker *k)
{
    const mo_meta_jumps *jumps = at(k, k->meta->jumps);
    uint64_t from = mo_round_up(k->text_len, MO_FILE_PAGE), end = from + k->const_len;
    for (uint32_t i = 0; i < k->meta->jumps.n; i++) {
        if (jumps[i].at < from || jumps[i].at > end || jumps[i].n > (end - jumps[i].at) / 4) return bad(k, "jump table", i);
        from = jumps[i].at + 4 * (uint64_t)jumps[i].n;
    }
    return true;
}

/* --- names and layout -------------------------------------------------- */

static bool check_names(checker *k)
{
    const mo_list *names = at(k, k->meta->func_names);
    for (uint32_t i = 0; i < k->meta->func_names.n; i++)
        if (!FITS(k, names[i], uint8_t)) return bad(k, "name of function", i);
    return true;
}

static bool part_fits(uint64_t *end, uint32_t start, uint64_t n, uint64_t size)
{
    if (start % 16 != 0 || start < *end) return false;
    *end = start + n * size;
    return true;
}

/* mo_layout_make's parts, in its order, none over another. */
static bool check_layout(checker *k)
{
    const mo_meta *m = k->meta;
    const mo_layout *l = &m->layout;
    uint64_t end = sizeof(mo_context);
    bool ok = part_fits(&end, l->imports_at, m->nimported_funcs, sizeof(mo_ctx_import)) &&
              part_fits(&end, l->memories_at, m->nmemories, sizeof(mo_ctx_memory)) &&
              part_fits(&end, l->tables_at, m->ntables, sizeof(mo_table_desc *)) &&
              part_fits(&end, l->globals_at, m->nglobals, sizeof(mo_slot_value)) &&
              part_fits(&end, l->tags_at, m->ntags, sizeof(mo_tag_desc *)) &&
              part_fits(&end, l->own_memories_at, m->nmemories - m->nimported_memories, sizeof(mo_memory_desc)) &&
              part_fits(&end, l->own_tables_at, m->ntables - m->nimported_tables, sizeof(mo_table_desc)) &&
              part_fits(&end, l->own_tags_at, m->ntags - m->nimported_tags, sizeof(mo_tag_desc)) &&
              part_fits(&end, l->type_ids_at, m->ntypes, sizeof(uint32_t)) &&
              part_fits(&end, l->funcrefs_at, l->nrecords, sizeof(mo_funcref)) &&
              part_fits(&end, l->dropped_at, (uint64_t)m->nelems + m->ndatas, 1);
    if (!ok || l->size < end || l->size % 64 != 0 || l->size > INT32_MAX) return bad(k, "layout of size", l->size);
    return true;
}

bool mo_meta_check(const mo_file_header *h, const uint8_t *file, mote_error *err)
{
    const mo_file_section *meta = &h->sections[MO_SECTION_META];
    checker k = {
        .meta = (const mo_meta *)(file + meta->at), .len = meta->len,
        .text_len = h->sections[MO_SECTION_TEXT].len, .const_len = h->sections[MO_SECTION_CONST].len, .image_len = h->sections[MO_SECTION_IMAGE].len, .err = err,
    };
    if (meta->len < sizeof(mo_meta)) return bad(&k, "bytes", meta->len);
    k.spare = meta->len - sizeof(mo_meta);
    return check_lists(&k) && check_types(&k) && check_imports(&k) && check_funcs(&k) && check_start(&k) &&
           check_globals(&k) && check_tables(&k) && check_memories(&k) && check_tags(&k) && check_exports(&k) &&
           check_elems(&k) && check_datas(&k) && check_images(&k) && check_jumps(&k) && check_names(&k) && check_layout(&k);
}
