/* sections.c - imports, functions, tables, memories, tags, globals, exports, start. */
#include "module/load.h"

/* --- limits and types of what a module declares ------------------------ */

enum { HAS_MAX = 1, SHARED = 2, IS64 = 4, PAGE_SIZE = 8 };

static bool read_bounds(mo_reader *r, const char *what, uint8_t flags, mo_bounds *ret)
{
    uint64_t at = mo_reader_at(r);
    *ret = (mo_bounds){.has_max = flags & HAS_MAX, .is64 = (flags & IS64) != 0};
    if (ret->is64 && !mo_need(r, MO_FEATURE_MEMORY64, at, what)) return false;
    if (!mo_read_u64(r, "minimum", &ret->min)) return false;
    if (!ret->has_max) return true;
    if (!mo_read_u64(r, "maximum", &ret->max)) return false;
    if (ret->max >= ret->min) return true;
    return mo_fail(r->err, MOTE_INVALID, at,
                   "%s: size minimum must not be greater than maximum: %" PRIu64 " is above %" PRIu64, what, ret->min,
                   ret->max);
}

static bool read_flags(mo_reader *r, const char *what, uint8_t allowed, uint8_t *ret)
{
    uint64_t at = mo_reader_at(r);
    if (!mo_read_byte(r, "limits flags", ret)) return false;
    if (*ret & ~(unsigned)allowed) return mo_fail(r->err, MOTE_MALFORMED, at, "malformed limits flags of a %s: 0x%02x", what, *ret);
    return true;
}

static bool check_bounds(mo_reader *r, const char *what, const mo_bounds *b, uint64_t most, uint64_t at)
{
    uint64_t have = b->has_max ? b->max : b->min;
    if (have <= most) return true;
    return mo_fail(r->err, MOTE_INVALID, at, "%s size must be at most %" PRIu64 ", have %" PRIu64, what, most, have);
}

/* A plain funcref table is as old as WebAssembly. */
static bool read_element_type(mo_reader *r, mo_valtype *ret)
{
    if (r->at == r->end || *r->at != 0x70) return mo_read_ref_type(r, ret);
    r->at++;
    *ret = MO_FUNCREF;
    return true;
}

static bool read_table_type(mo_reader *r, mo_table *t)
{
    uint8_t flags;
    if (!read_element_type(r, &t->type)) return false;
    uint64_t at = mo_reader_at(r);
    if (!read_flags(r, "table", HAS_MAX | IS64, &flags) || !read_bounds(r, "table", flags, &t->bounds)) return false;
    return t->bounds.is64 || check_bounds(r, "table", &t->bounds, UINT32_MAX, at);
}

/* Pages that an address of that width can reach. */
static uint64_t most_pages(const mo_memory *m)
{
    if (m->page_shift == 0) return m->bounds.is64 ? UINT64_MAX : UINT32_MAX;
    return UINT64_C(1) << ((m->bounds.is64 ? 64 : 32) - m->page_shift);
}

static bool read_page_size(mo_reader *r, uint8_t flags, mo_memory *m)
{
    uint64_t at = mo_reader_at(r);
    uint32_t shift = 16;
    if (flags & PAGE_SIZE) {
        if (!mo_need(r, MO_FEATURE_CUSTOM_PAGE_SIZES, at, "memory") || !mo_read_u32(r, "page size", &shift)) return false;
        if (shift >= 64) return mo_fail(r->err, MOTE_MALFORMED, at, "invalid custom page size: 2**%" PRIu32, shift);
        if (shift != 0 && shift != 16)
            return mo_fail(r->err, MOTE_INVALID, at, "invalid custom page size: want 1 or 65536, have 2**%" PRIu32, shift);
    }
    m->page_shift = (uint8_t)shift;
    return true;
}

static bool read_memory_type(mo_reader *r, mo_memory *m)
{
    uint64_t at = mo_reader_at(r);
    uint8_t flags;
    if (!read_flags(r, "memory", HAS_MAX | SHARED | IS64 | PAGE_SIZE, &flags)) return false;
    m->shared = (flags & SHARED) != 0;
    if (m->shared && !mo_need(r, MO_FEATURE_THREADS, at, "shared memory")) return false;
    if (m->shared && !(flags & HAS_MAX)) return mo_fail(r->err, MOTE_INVALID, at, "shared memory must have maximum");
    if (!read_bounds(r, "memory", flags, &m->bounds) || !read_page_size(r, flags, m)) return false;
    return check_bounds(r, "memory", &m->bounds, most_pages(m), at);
}

static bool read_global_type(mo_reader *r, mo_global *g)
{
    uint8_t mutability;
    if (!mo_read_valtype(r, &g->type)) return false;
    uint64_t at = mo_reader_at(r);
    if (!mo_read_byte(r, "mutability", &mutability)) return false;
    if (mutability > 1) return mo_fail(r->err, MOTE_MALFORMED, at, "malformed mutability: want 0 or 1, have %u", mutability);
    g->mutable_ = mutability == 1;
    return true;
}

static bool read_tag_type(mo_load *l, mo_tag *t)
{
    uint64_t at = mo_reader_at(&l->r);
    uint8_t attribute;
    uint32_t declared;
    if (!mo_read_byte(&l->r, "tag attribute", &attribute)) return false;
    if (attribute != 0) return mo_fail(l->err, MOTE_MALFORMED, at, "malformed tag attribute: want 0, have %u", attribute);
    if (!mo_load_func_type(l, "tag", &t->type, &declared)) return false;
    if (l->types[t->type].nresults == 0) return true;
    return mo_fail(l->err, MOTE_INVALID, at, "non-empty tag result type: type %" PRIu32 " has results", declared);
}

/* --- adding to an index space ------------------------------------------ */

static bool add_func(mo_load *l, mo_func f, uint64_t at)
{
    mo_module *m = l->m;
    if (!MO_WITHIN(l->err, l->limits, functions, (uint64_t)m->nfuncs + 1, at)) return false;
    if (!mo_load_room(l, &l->funcs, &l->funcs_cap, (size_t)m->nfuncs + 1, sizeof f)) return false;
    l->funcs[m->nfuncs++] = f;
    m->funcs = l->funcs;
    return true;
}

static bool add_table(mo_load *l, const mo_table *t, uint64_t at)
{
    mo_module *m = l->m;
    if (!MO_WITHIN(l->err, l->limits, tables, (uint64_t)m->ntables + 1, at)) return false;
    if (m->ntables == 1 && !mo_need(&l->r, MO_FEATURE_REFERENCE_TYPES, at, "several tables")) return false;
    if (!mo_load_room(l, &l->tables, &l->tables_cap, (size_t)m->ntables + 1, sizeof *t)) return false;
    l->tables[m->ntables++] = *t;
    m->tables = l->tables;
    return true;
}

static bool add_memory(mo_load *l, const mo_memory *memory, uint64_t at)
{
    mo_module *m = l->m;
    if (!MO_WITHIN(l->err, l->limits, memories, (uint64_t)m->nmemories + 1, at)) return false;
    if (m->nmemories == 1 && !mo_need(&l->r, MO_FEATURE_MULTI_MEMORY, at, "several memories")) return false;
    if (!mo_load_room(l, &l->memories, &l->memories_cap, (size_t)m->nmemories + 1, sizeof *memory)) return false;
    l->memories[m->nmemories++] = *memory;
    m->memories = l->memories;
    return true;
}

static bool add_global(mo_load *l, const mo_global *g, uint64_t at)
{
    mo_module *m = l->m;
    if (!MO_WITHIN(l->err, l->limits, globals, (uint64_t)m->nglobals + 1, at)) return false;
    if (!mo_load_room(l, &l->globals, &l->globals_cap, (size_t)m->nglobals + 1, sizeof *g)) return false;
    l->globals[m->nglobals++] = *g;
    m->globals = l->globals;
    return true;
}

static bool add_tag(mo_load *l, mo_tag t, uint64_t at)
{
    mo_module *m = l->m;
    if (!MO_WITHIN(l->err, l->limits, tags, (uint64_t)m->ntags + 1, at)) return false;
    if (!mo_load_room(l, &l->tags, &l->tags_cap, (size_t)m->ntags + 1, sizeof t)) return false;
    l->tags[m->ntags++] = t;
    m->tags = l->tags;
    return true;
}

/* --- imports ----------------------------------------------------------- */

static bool import_func(mo_load *l, mo_import *i)
{
    mo_func f = {.import = l->m->nimports};
    i->index = l->m->nimported_funcs++;
    return mo_load_func_type(l, "import", &f.type, &f.declared_type) && add_func(l, f, i->at);
}

static bool import_table(mo_load *l, mo_import *i)
{
    mo_table t = {.import = l->m->nimports};
    i->index = l->m->nimported_tables++;
    return read_table_type(&l->r, &t) && add_table(l, &t, i->at);
}

static bool import_memory(mo_load *l, mo_import *i)
{
    mo_memory m = {.import = l->m->nimports};
    i->index = l->m->nimported_memories++;
    return read_memory_type(&l->r, &m) && add_memory(l, &m, i->at);
}

static bool import_global(mo_load *l, mo_import *i)
{
    mo_global g = {.import = l->m->nimports};
    i->index = l->m->nimported_globals++;
    if (!read_global_type(&l->r, &g)) return false;
    if (g.mutable_ && !mo_need(&l->r, MO_FEATURE_MUTABLE_GLOBAL, i->at, "import of a mutable global")) return false;
    return add_global(l, &g, i->at);
}

static bool import_tag(mo_load *l, mo_import *i)
{
    mo_tag t = {.import = l->m->nimports};
    i->index = l->m->nimported_tags++;
    return mo_need(&l->r, MO_FEATURE_EXCEPTIONS, i->at, "tag") && read_tag_type(l, &t) && add_tag(l, t, i->at);
}

static bool (*const import_kinds[])(mo_load *l, mo_import *i) = {
    [MO_EXTERN_FUNC] = import_func,     [MO_EXTERN_TABLE] = import_table, [MO_EXTERN_MEMORY] = import_memory,
    [MO_EXTERN_GLOBAL] = import_global, [MO_EXTERN_TAG] = import_tag,
};

static bool load_import(mo_load *l)
{
    mo_module *m = l->m;
    mo_import i = {.at = mo_reader_at(&l->r)};
    uint8_t kind;
    if (!mo_read_name(&l->r, "module name of an import", &i.module)) return false;
    if (!mo_read_name(&l->r, "name of an import", &i.name)) return false;
    uint64_t at = mo_reader_at(&l->r);
    if (!mo_read_byte(&l->r, "import kind", &kind)) return false;
    if (kind >= MO_COUNT(import_kinds)) return mo_fail(l->err, MOTE_MALFORMED, at, "malformed import kind 0x%02x", kind);
    i.kind = (mo_extern_kind)kind;
    if (!import_kinds[kind](l, &i)) return false;
    l->imports[m->nimports++] = i;
    return true;
}

bool mo_load_imports(mo_load *l)
{
    uint64_t at = mo_reader_at(&l->r);
    uint32_t n;
    if (!mo_read_count(&l->r, "imports", 4, &n)) return false;
    if (!MO_WITHIN(l->err, l->limits, imports, n, at)) return false;
    if (!mo_load_room(l, &l->imports, &l->imports_cap, n, sizeof *l->imports)) return false;
    l->m->imports = l->imports;
    for (uint32_t i = 0; i < n; i++)
        if (!load_import(l)) return false;
    return true;
}

/* --- definitions ------------------------------------------------------- */

bool mo_load_functions(mo_load *l)
{
    uint64_t at = mo_reader_at(&l->r);
    uint32_t n;
    if (!mo_read_count(&l->r, "functions", 1, &n)) return false;
    if (!MO_WITHIN(l->err, l->limits, functions, (uint64_t)l->m->nfuncs + n, at)) return false;
    if (!mo_load_room(l, &l->funcs, &l->funcs_cap, (size_t)l->m->nfuncs + n, sizeof *l->funcs)) return false;
    l->m->funcs = l->funcs;
    for (uint32_t i = 0; i < n; i++) {
        mo_func f = {.import = MO_NO_IMPORT};
        if (!mo_load_func_type(l, "function", &f.type, &f.declared_type) || !add_func(l, f, at)) return false;
    }
    return true;
}

static bool read_table_init(mo_load *l, mo_table *t)
{
    uint8_t zero;
    uint64_t at = mo_reader_at(&l->r);
    l->r.at++;
    if (!mo_need(&l->r, MO_FEATURE_FUNCTION_REFERENCES, at, "table with an initialiser")) return false;
    at = mo_reader_at(&l->r);
    if (!mo_read_byte(&l->r, "zero byte", &zero)) return false;
    if (zero != 0) return mo_fail(l->err, MOTE_MALFORMED, at, "table: zero byte expected, have 0x%02x", zero);
    t->has_init = true;
    return read_table_type(&l->r, t) && mo_load_const(l, "table", t->type, &t->init);
}

static bool load_table(mo_load *l)
{
    uint64_t at = mo_reader_at(&l->r);
    mo_table t = {.import = MO_NO_IMPORT};
    if (l->r.at != l->r.end && *l->r.at == 0x40) return read_table_init(l, &t) && add_table(l, &t, at);
    if (!read_table_type(&l->r, &t)) return false;
    if (!mo_is_nullable(t.type))
        return mo_fail(l->err, MOTE_INVALID, at, "type mismatch: table: elements that cannot be null want an initialiser");
    return add_table(l, &t, at);
}

static bool load_memory(mo_load *l)
{
    uint64_t at = mo_reader_at(&l->r);
    mo_memory m = {.import = MO_NO_IMPORT};
    return read_memory_type(&l->r, &m) && add_memory(l, &m, at);
}

static bool load_tag(mo_load *l)
{
    uint64_t at = mo_reader_at(&l->r);
    mo_tag t = {.import = MO_NO_IMPORT};
    return read_tag_type(l, &t) && add_tag(l, t, at);
}

static bool load_global(mo_load *l)
{
    uint64_t at = mo_reader_at(&l->r);
    mo_global g = {.import = MO_NO_IMPORT};
    return read_global_type(&l->r, &g) && mo_load_const(l, "global", g.type, &g.init) && add_global(l, &g, at);
}

static bool load_each(mo_load *l, const char *what, size_t size, bool (*one)(mo_load *l))
{
    uint32_t n;
    if (!mo_read_count(&l->r, what, size, &n)) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!one(l)) return false;
    return true;
}

bool mo_load_tables(mo_load *l) { return load_each(l, "tables", 3, load_table); }
bool mo_load_memories(mo_load *l) { return load_each(l, "memories", 2, load_memory); }
bool mo_load_tags(mo_load *l) { return load_each(l, "tags", 2, load_tag); }
bool mo_load_globals(mo_load *l) { return load_each(l, "globals", 3, load_global); }

/* --- exports ----------------------------------------------------------- */

typedef struct names {
    uint32_t *slots; /* export number + 1, or 0; open addressing */
    size_t mask;
    uint64_t seed;
} names;

static bool note_name(mo_load *l, names *set, const mo_export *exports, uint32_t index)
{
    const mo_export *e = &exports[index];
    size_t i = (size_t)mo_hash64(e->name.at, e->name.len, set->seed) & set->mask;
    for (; set->slots[i]; i = (i + 1) & set->mask)
        if (mo_span_equal(exports[set->slots[i] - 1].name, e->name))
            return mo_fail(l->err, MOTE_INVALID, e->at, "duplicate export name '%.*s'",
                           (int)(e->name.len < 100 ? e->name.len : 100), (const char *)e->name.at);
    set->slots[i] = index + 1;
    return true;
}

static bool check_names(mo_load *l, const mo_export *exports, uint32_t n)
{
    size_t nslots = 16;
    while (nslots < (size_t)n * 2) nslots *= 2;
    names set = {mo_calloc(nslots, sizeof *set.slots), nslots - 1, mo_hash_seed()};
    if (!set.slots) return mo_load_fail_nomem(l);
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++) ok = note_name(l, &set, exports, i);
    mo_free(set.slots);
    return ok;
}

static bool check_export(mo_load *l, const mo_export *e)
{
    if (e->kind == MO_EXTERN_FUNC) l->funcs[e->index].referenced = true;
    if (e->kind != MO_EXTERN_GLOBAL || !l->globals[e->index].mutable_) return true;
    return mo_need(&l->r, MO_FEATURE_MUTABLE_GLOBAL, e->at, "export of a mutable global");
}

static bool load_export(mo_load *l, mo_export *e)
{
    const mo_module *m = l->m;
    static const char *const texts[] = {"function", "table", "memory", "global", "tag"};
    const uint32_t counts[] = {m->nfuncs, m->ntables, m->nmemories, m->nglobals, m->ntags};
    uint8_t kind;
    e->at = mo_reader_at(&l->r);
    if (!mo_read_name(&l->r, "name of an export", &e->name)) return false;
    uint64_t at = mo_reader_at(&l->r);
    if (!mo_read_byte(&l->r, "export kind", &kind)) return false;
    if (kind >= MO_COUNT(texts)) return mo_fail(l->err, MOTE_MALFORMED, at, "malformed export kind 0x%02x", kind);
    e->kind = (mo_extern_kind)kind;
    return mo_load_index(l, texts[kind], counts[kind], &e->index) && check_export(l, e);
}

bool mo_load_exports(mo_load *l)
{
    uint64_t at = mo_reader_at(&l->r);
    uint32_t n;
    if (!mo_read_count(&l->r, "exports", 3, &n) || !MO_WITHIN(l->err, l->limits, exports, n, at)) return false;
    mo_export *exports = mo_load_take(l, n, sizeof *exports);
    if (!exports) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!load_export(l, &exports[i])) return false;
    l->m->exports = exports;
    l->m->nexports = n;
    return check_names(l, exports, n);
}

/* --- start ------------------------------------------------------------- */

bool mo_load_start(mo_load *l)
{
    mo_module *m = l->m;
    uint64_t at = mo_reader_at(&l->r);
    if (!mo_load_index(l, "function", m->nfuncs, &m->start)) return false;
    const mo_type *type = mo_func_type(m, m->start);
    if (type->nparams || type->nresults)
        return mo_fail(l->err, MOTE_INVALID, at, "start function: want no parameters and no results, have %" PRIu32 " and %" PRIu32,
                       type->nparams, type->nresults);
    m->has_start = true;
    return true;
}
