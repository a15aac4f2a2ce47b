/* load.c - a module's frame: magic, sections in their order, bodies, the end. */
#include "module/load.h"

/* --- helpers of the section readers ------------------------------------ */

bool mo_load_room(mo_load *l, void *array, size_t *cap, size_t need, size_t size)
{
    return mo_grow(array, cap, need, size) || mo_load_fail_nomem(l);
}

void *mo_load_take(mo_load *l, size_t n, size_t size)
{
    void *p = mo_arena_array(&l->m->arena, n, size);
    if (!p) mo_load_fail_nomem(l);
    return p;
}

bool mo_load_index(mo_load *l, const char *what, uint32_t n, uint32_t *ret)
{
    uint64_t at = mo_reader_at(&l->r);
    if (!mo_read_u32(&l->r, what, ret)) return false;
    if (*ret < n) return true;
    return mo_fail(l->err, MOTE_INVALID, at, "unknown %s %" PRIu32 ", there are %" PRIu32, what, *ret, n);
}

bool mo_load_func_type(mo_load *l, const char *what, uint32_t *ret_canonical, uint32_t *ret_declared)
{
    uint64_t at = mo_reader_at(&l->r);
    if (!mo_load_index(l, "type", l->m->ntypes, ret_declared)) return false;
    *ret_canonical = l->types[*ret_declared].canonical;
    if (l->types[*ret_declared].kind == MO_TYPE_FUNC) return true;
    return mo_fail(l->err, MOTE_INVALID, at, "%s: want a function type, type %" PRIu32 " is none", what, *ret_declared);
}

/* --- sections ---------------------------------------------------------- */

typedef struct section {
    const char *name;
    unsigned rank; /* the order in which sections stand */
    bool (*load)(mo_load *l);
    mo_feature feature;
} section;

static const section sections[] = {
    [1] = {"type section", 1, mo_load_types, MO_FEATURE_MVP},
    [2] = {"import section", 2, mo_load_imports, MO_FEATURE_MVP},
    [3] = {"function section", 3, mo_load_functions, MO_FEATURE_MVP},
    [4] = {"table section", 4, mo_load_tables, MO_FEATURE_MVP},
    [5] = {"memory section", 5, mo_load_memories, MO_FEATURE_MVP},
    [13] = {"tag section", 6, mo_load_tags, MO_FEATURE_EXCEPTIONS},
    [6] = {"global section", 7, mo_load_globals, MO_FEATURE_MVP},
    [7] = {"export section", 8, mo_load_exports, MO_FEATURE_MVP},
    [8] = {"start section", 9, mo_load_start, MO_FEATURE_MVP},
    [9] = {"element section", 10, mo_load_elems, MO_FEATURE_MVP},
    [12] = {"data count section", 11, mo_load_data_count, MO_FEATURE_BULK_MEMORY},
    [10] = {"code section", 12, mo_load_code, MO_FEATURE_MVP},
    [11] = {"data section", 13, mo_load_datas, MO_FEATURE_MVP},
};

static bool load_custom(mo_load *l, uint64_t at)
{
    mo_module *m = l->m;
    mo_custom custom = {.at = at};
    if (!mo_read_name(&l->r, "name of a custom section", &custom.name)) return false;
    if (!mo_read_bytes(&l->r, "custom section", mo_reader_left(&l->r), &custom.bytes)) return false;
    if (!mo_load_room(l, &l->customs, &l->customs_cap, (size_t)m->ncustoms + 1, sizeof custom)) return false;
    l->customs[m->ncustoms++] = custom;
    m->customs = l->customs;
    return true;
}

static bool load_known(mo_load *l, const section *s, uint64_t at)
{
    if (!mo_need(&l->r, s->feature, at, s->name) || !s->load(l)) return false;
    if (l->r.at == l->r.end) return true;
    return mo_fail(l->err, MOTE_MALFORMED, mo_reader_at(&l->r),
                   "section size mismatch: the %s ends %zu bytes before its size says", s->name, mo_reader_left(&l->r));
}

static bool check_order(mo_load *l, uint8_t id, uint64_t at, unsigned *rank)
{
    if (id >= MO_COUNT(sections)) return mo_fail(l->err, MOTE_MALFORMED, at, "malformed section id %u", id);
    if (sections[id].rank <= *rank)
        return mo_fail(l->err, MOTE_MALFORMED, at, "unexpected content: the %s comes twice or too late",
                       sections[id].name);
    *rank = sections[id].rank;
    return true;
}

static bool load_section(mo_load *l, mo_reader *whole, unsigned *rank)
{
    uint64_t at = mo_reader_at(whole);
    uint8_t id;
    uint32_t size;
    mo_span content;
    if (!mo_read_byte(whole, "section id", &id)) return false;
    if (id != 0 && !check_order(l, id, at, rank)) return false;
    if (!mo_read_u32(whole, "section size", &size) || !mo_read_bytes(whole, "section", size, &content)) return false;
    l->r.at = content.at;
    l->r.end = content.at + content.len;
    return id == 0 ? load_custom(l, at) : load_known(l, &sections[id], at);
}

/* --- code -------------------------------------------------------------- */

/* What a body's instructions say about the function. */
static void note_facts(mo_func *f, mo_features ops)
{
    f->tail_calls = mo_has(ops, MO_FEATURE_TAIL_CALL);
    f->throws = mo_has(ops, MO_FEATURE_EXCEPTIONS);
    f->gc = mo_has(ops, MO_FEATURE_GC);
}

static bool load_body(mo_load *l, uint32_t index)
{
    uint64_t at = mo_reader_at(&l->r);
    uint32_t size;
    mo_span body;
    if (!mo_read_u32(&l->r, "function size", &size) || !mo_read_bytes(&l->r, "function body", size, &body)) return false;
    if (!MO_WITHIN(l->err, l->limits, body_bytes, size, at)) return false;
    mo_func *f = &l->funcs[index];
    f->body_at = (uint64_t)(body.at - l->r.base);
    f->body_len = size;
    mo_features ops;
    if (!mo_body_validate(l, index, &ops)) return false;
    note_facts(f, ops);
    return true;
}

bool mo_load_code(mo_load *l)
{
    mo_module *m = l->m;
    uint64_t at = mo_reader_at(&l->r);
    uint32_t n, declared = m->nfuncs - m->nimported_funcs;
    m->code_at = at;
    m->code_len = mo_reader_left(&l->r);
    l->has_code = true;
    if (!mo_read_count(&l->r, "function bodies", 1, &n)) return false;
    if (n != declared)
        return mo_fail(l->err, MOTE_MALFORMED, at,
                       "function and code section have inconsistent lengths: want %" PRIu32 ", have %" PRIu32, declared, n);
    for (uint32_t i = 0; i < n; i++)
        if (!load_body(l, m->nimported_funcs + i)) return false;
    return true;
}

/* --- the whole --------------------------------------------------------- */

static bool check_header(mo_reader *r)
{
    static const uint8_t magic[] = {0, 'a', 's', 'm'}, version[] = {1, 0, 0, 0}, layer[] = {1, 0};
    size_t len = mo_reader_left(r);
    if (len < 4 || memcmp(r->at, magic, 4) != 0)
        return mo_fail(r->err, MOTE_MALFORMED, 0, "magic header not detected: not WebAssembly");
    if (len < 8) return mo_fail(r->err, MOTE_MALFORMED, 4, "unknown binary version: it is cut off");
    if (memcmp(r->at + 6, layer, 2) == 0)
        return mo_fail(r->err, MOTE_MALFORMED, 4, "unknown binary version: this is a component, not a core module");
    if (memcmp(r->at + 4, version, 4) != 0)
        return mo_fail(r->err, MOTE_MALFORMED, 4, "unknown binary version: want 1, have %" PRIu32, mo_get32(r->at + 4));
    r->at += 8;
    return true;
}

static bool check_end(mo_load *l)
{
    uint64_t at = l->m->bytes.len;
    uint32_t nbodies = l->m->nfuncs - l->m->nimported_funcs;
    if (!l->has_code && nbodies > 0)
        return mo_fail(l->err, MOTE_MALFORMED, at,
                       "function and code section have inconsistent lengths: want %" PRIu32 ", have 0", nbodies);
    if (l->has_data_count && !l->has_data && l->m->ndatas > 0)
        return mo_fail(l->err, MOTE_MALFORMED, at,
                       "data count and data section have inconsistent lengths: want %" PRIu32 ", have 0", l->m->ndatas);
    return true;
}

static bool load_all(mo_load *l)
{
    mo_module *m = l->m;
    l->r = (mo_reader){.base = m->bytes.at, .module = m, .err = l->err};
    mo_reader whole = l->r;
    whole.at = m->bytes.at;
    whole.end = m->bytes.at + m->bytes.len;
    unsigned rank = 0;
    if (!check_header(&whole)) return false;
    while (whole.at != whole.end)
        if (!load_section(l, &whole, &rank)) return false;
    m->used |= l->r.used;
    return check_end(l) && mo_load_names(l);
}

static mo_module *new_module(const void *bytes, size_t len, mo_features features)
{
    mo_module *m = mo_calloc(1, sizeof *m);
    uint8_t *copy = m ? mo_alloc(len) : NULL;
    if (!copy) {
        mo_free(m);
        return NULL;
    }
    if (len) memcpy(copy, bytes, len);
    m->bytes = (mo_span){copy, len};
    m->features = features;
    m->gc_at = MOTE_NOWHERE;
    m->refs = 1;
    return m;
}

static bool load(const void *bytes, size_t len, mo_features features, const mo_limits *limits, mo_module **ret,
                 mote_error *err)
{
    if (!MO_WITHIN(err, limits, module_bytes, len, MOTE_NOWHERE)) return false;
    mo_load l = {.limits = limits, .err = err, .m = new_module(bytes, len, features)};
    if (!l.m) return mo_fail_nomem(err);
    bool ok = load_all(&l);
    mo_body_free(&l.body);
    mo_free(l.insns);
    if (ok)
        *ret = l.m;
    else
        mo_module_unref(l.m);
    return ok;
}

mote_status mo_module_load(const void *bytes, size_t len, mo_features features, const mo_limits *limits,
                           mo_module **ret, mote_error *err)
{
    mote_error failure;
    mo_error_clear(&failure);
    if (load(bytes, len, features, limits ? limits : &mo_limits_default, ret, &failure)) return MOTE_OK;
    if (err) *err = failure;
    return failure.status;
}

/* --- references -------------------------------------------------------- */

void mo_module_ref(mo_module *m)
{
    __atomic_fetch_add(&m->refs, 1, __ATOMIC_RELAXED);
}

static void free_const(const void *p)
{
    void *writable;
    memcpy(&writable, &p, sizeof p);
    mo_free(writable);
}

void mo_module_unref(mo_module *m)
{
    if (!m || __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    free_const(m->types);
    free_const(m->imports);
    free_const(m->funcs);
    free_const(m->tables);
    free_const(m->memories);
    free_const(m->globals);
    free_const(m->tags);
    free_const(m->customs);
    free_const(m->bytes.at);
    mo_arena_free(&m->arena);
    mo_free(m);
}
