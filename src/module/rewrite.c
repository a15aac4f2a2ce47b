/* rewrite.c - a module's sections, in their order: those that say how memories, tables and
 * globals begin are written anew, all others copied.
 *
 * A segment that is dropped, as active ones are once they have been copied, can do nothing
 * more but keep its number: its place is taken by a new one, or by an empty passive one. */
#include "module/rewrite.h"

#include "module/ops.h"
#include "module/reader.h"
#include "module/rewrite_put.h"

enum { /* binary codes of sections */
    CUSTOM = 0, TABLES = 4, MEMORIES = 5, GLOBALS = 6, EXPORTS = 7, START = 8, ELEMS = 9, DATAS = 11,
    DATA_COUNT = 12, SECTIONS = 14,
};

/* Known sections as they stand in a module. */
static const uint8_t order[] = {1, 2, 3, TABLES, MEMORIES, 13, GLOBALS, EXPORTS, START, ELEMS, DATA_COUNT, 10, DATAS};

typedef struct work {
    const mo_module *m;
    const mo_rewrite *r;
    mo_buffer *b;
    mote_error *err;
    mo_span sections[SECTIONS]; /* contents; at NULL: there is none */
    size_t next;                /* in order: the first that is not yet written */
    uint8_t *told;              /* per function, or NULL: find_untold() */
    uint32_t nuntold;
} work;

/* --- constant expressions ------------------------------------------------------ */

/* An instruction that is its code alone; those of the GC heap are not for us. */
static bool put_plain(work *w, const mo_const_insn *insn, uint64_t at)
{
    const mo_op_info *info = &mo_op_infos[insn->op];
    if (info->imm != MO_IMM_NONE || info->code > 0xff)
        return mo_fail(w->err, MOTE_UNSUPPORTED, at, "snapshot: %s in a constant expression", info->name);
    put_byte(w->b, (uint8_t)info->code);
    return true;
}

static bool put_insn(work *w, const mo_const_insn *insn, uint64_t at)
{
    mo_buffer *b = w->b;
    uint8_t code = (uint8_t)mo_op_infos[insn->op].code;
    switch (insn->op) {
    case MO_OP_i32_const: put_byte(b, code), put_signed(b, (int32_t)mo_get32(insn->bits)); return true;
    case MO_OP_i64_const: put_byte(b, code), put_signed(b, (int64_t)mo_get64(insn->bits)); return true;
    case MO_OP_f32_const: put_byte(b, code), mo_buffer_put(b, insn->bits, 4); return true;
    case MO_OP_f64_const: put_byte(b, code), mo_buffer_put(b, insn->bits, 8); return true;
    case MO_OP_v128_const: put_byte(b, 0xfd), put_byte(b, code), mo_buffer_put(b, insn->bits, 16); return true;
    case MO_OP_ref_null: put_byte(b, code), put_heap(b, insn->index); return true;
    case MO_OP_ref_func: case MO_OP_global_get: put_byte(b, code), put_unsigned(b, insn->index); return true;
    default: return put_plain(w, insn, at);
    }
}

static bool put_end_insn(work *w) { return put_plain(w, &(mo_const_insn){.op = MO_OP_end}, MOTE_NOWHERE); }

static bool put_expr(work *w, const mo_const_expr *expr)
{
    for (uint32_t i = 0; i < expr->n; i++)
        if (!put_insn(w, &expr->insns[i], expr->at))
            return false;
    return put_end_insn(w);
}

static void put_one(work *w, const mo_const_insn *insn)
{
    put_insn(w, insn, MOTE_NOWHERE);
    put_end_insn(w);
}

static void put_address(work *w, bool is64, uint64_t at)
{
    mo_const_insn insn = {.op = is64 ? MO_OP_i64_const : MO_OP_i32_const};
    memcpy(insn.bits, &at, sizeof at);
    put_one(w, &insn);
}

static void put_reference(work *w, uint32_t func, mo_valtype type)
{
    bool null = func == MO_NULL_FUNC;
    put_one(w, &(mo_const_insn){.op = null ? MO_OP_ref_null : MO_OP_ref_func, .index = null ? mo_heap(type) : func});
}

static void put_value(work *w, const mo_new_value *v, mo_valtype type)
{
    static const struct { uint8_t kind; mo_op op; } consts[] = {
        {MO_I32, MO_OP_i32_const}, {MO_I64, MO_OP_i64_const}, {MO_F32, MO_OP_f32_const},
        {MO_F64, MO_OP_f64_const}, {MO_V128, MO_OP_v128_const},
    };
    if (mo_is_ref(type)) {
        put_reference(w, v->func, type);
        return;
    }
    for (size_t i = 0; i < MO_COUNT(consts); i++) {
        mo_const_insn insn = {.op = consts[i].op};
        memcpy(insn.bits, v->bits, sizeof insn.bits);
        if (consts[i].kind == mo_kind(type))
            put_one(w, &insn);
    }
}

/* --- tables, memories, globals, exports ------------------------------------------- */

static void put_bounds(mo_buffer *b, const mo_bounds *bounds, uint64_t min, uint8_t flags, uint8_t page_shift)
{
    enum { HAS_MAX = 1, IS64 = 4, PAGE_SIZE = 8, USUAL = 16 };
    put_byte(b, (uint8_t)(flags | (bounds->has_max ? HAS_MAX : 0) | (bounds->is64 ? IS64 : 0) |
                          (page_shift != USUAL ? PAGE_SIZE : 0)));
    put_unsigned(b, min);
    if (bounds->has_max)
        put_unsigned(b, bounds->max);
    if (page_shift != USUAL)
        put_unsigned(b, page_shift);
}

static bool put_tables(work *w)
{
    const mo_module *m = w->m;
    put_unsigned(w->b, m->ntables - m->nimported_tables);
    for (uint32_t i = m->nimported_tables; i < m->ntables; i++) {
        const mo_table *t = &m->tables[i];
        if (t->has_init)
            put_byte(w->b, 0x40), put_byte(w->b, 0);
        put_type(w->b, t->type);
        put_bounds(w->b, &t->bounds, w->r->table_min[i - m->nimported_tables], 0, 16);
        if (t->has_init && !put_expr(w, &t->init))
            return false;
    }
    return true;
}

static bool put_memories(work *w)
{
    enum { SHARED = 2 };
    const mo_module *m = w->m;
    put_unsigned(w->b, m->nmemories - m->nimported_memories);
    for (uint32_t i = m->nimported_memories; i < m->nmemories; i++)
        put_bounds(w->b, &m->memories[i].bounds, w->r->memory_min[i - m->nimported_memories],
                   m->memories[i].shared ? SHARED : 0, m->memories[i].page_shift);
    return true;
}

static bool put_globals(work *w)
{
    const mo_module *m = w->m;
    put_unsigned(w->b, m->nglobals - m->nimported_globals);
    for (uint32_t i = m->nimported_globals; i < m->nglobals; i++) {
        const mo_global *g = &m->globals[i];
        const mo_new_value *value = &w->r->globals[i - m->nimported_globals];
        put_type(w->b, g->type);
        put_byte(w->b, g->mutable_);
        if (!value->kept)
            put_value(w, value, g->type);
        else if (!put_expr(w, &g->init))
            return false;
    }
    return true;
}

static bool put_exports(work *w)
{
    put_unsigned(w->b, w->r->nexports);
    for (uint32_t i = 0; i < w->r->nexports; i++) {
        put_name(w->b, w->r->exports[i].name);
        put_byte(w->b, (uint8_t)w->r->exports[i].kind);
        put_unsigned(w->b, w->r->exports[i].index);
    }
    return true;
}

/* --- element segments --------------------------------------------------------------- */

enum { PASSIVE = 1, EXPLICIT = 2, DECLARED = 3, EXPRESSIONS = 4 };
#define FUNCS_TYPE mo_ref_type(MO_HEAP_FUNC, false) /* of segments that list functions by number */

/* Code that names a segment needs this feature; without, no number need hold. */
static bool numbers_hold(const mo_module *m) { return mo_has(m->used, MO_FEATURE_BULK_MEMORY); }

static void put_kept_elem(work *w, uint32_t i)
{
    const mo_module *m = w->m;
    const uint8_t *at = m->bytes.at + m->elems[i].at;
    const uint8_t *end = i + 1 < m->nelems ? m->bytes.at + m->elems[i + 1].at
                                           : w->sections[ELEMS].at + w->sections[ELEMS].len;
    mo_buffer_put(w->b, at, (size_t)(end - at));
}

static void put_empty_elem(work *w, mo_valtype type)
{
    bool plain = type == FUNCS_TYPE;
    put_byte(w->b, plain ? PASSIVE : PASSIVE | EXPRESSIONS);
    if (plain)
        put_byte(w->b, 0);
    else
        put_type(w->b, type);
    put_unsigned(w->b, 0);
}

/* Can the segment list its functions by number? */
static bool is_plain(const mo_new_elem *e, mo_valtype table_type)
{
    bool plain = mo_heap(table_type) == MO_HEAP_FUNC;
    for (uint32_t i = 0; plain && i < e->n; i++)
        plain = e->funcs[i] != MO_NULL_FUNC;
    return plain;
}

static void put_elem(work *w, const mo_new_elem *e)
{
    const mo_table *t = &w->m->tables[e->table];
    bool plain = is_plain(e, t->type), explicit = e->table != 0 || (!plain && t->type != MO_FUNCREF);
    put_byte(w->b, (uint8_t)((explicit ? EXPLICIT : 0) | (plain ? 0 : EXPRESSIONS)));
    if (explicit)
        put_unsigned(w->b, e->table);
    put_address(w, t->bounds.is64, e->at);
    if (explicit && plain)
        put_byte(w->b, 0);
    else if (explicit)
        put_type(w->b, t->type);
    put_unsigned(w->b, e->n);
    for (uint32_t i = 0; i < e->n; i++) {
        if (plain)
            put_unsigned(w->b, e->funcs[i]);
        else
            put_reference(w, e->funcs[i], t->type);
    }
}

static void note_expr(uint8_t *told, const mo_const_expr *expr)
{
    for (uint32_t i = 0; i < expr->n; i++)
        if (expr->insns[i].op == MO_OP_ref_func)
            told[expr->insns[i].index] = 1;
}

static void note_elem(uint8_t *told, const mo_elem *e)
{
    for (uint32_t i = 0; i < e->n; i++) {
        if (e->funcs)
            told[e->funcs[i]] = 1;
        else
            note_expr(told, &e->exprs[i]);
    }
}

/* Marks the functions that are told of outside of code. */
static void note_told(const work *w)
{
    uint8_t *told = w->told;
    const mo_module *m = w->m;
    const mo_rewrite *r = w->r;
    for (uint32_t i = 0; i < r->nexports; i++)
        if (r->exports[i].kind == MO_EXTERN_FUNC)
            told[r->exports[i].index] = 1;
    for (uint32_t i = 0; i < r->nelems; i++)
        for (uint32_t k = 0; k < r->elems[i].n; k++)
            if (r->elems[i].funcs[k] != MO_NULL_FUNC)
                told[r->elems[i].funcs[k]] = 1;
    for (uint32_t i = 0; i < m->nelems; i++)
        if (!r->elem_dropped[i])
            note_elem(told, &m->elems[i]);
    for (uint32_t i = m->nimported_tables; i < m->ntables; i++)
        if (m->tables[i].has_init)
            note_expr(told, &m->tables[i].init);
    for (uint32_t i = m->nimported_globals; i < m->nglobals; i++) {
        const mo_new_value *value = &r->globals[i - m->nimported_globals];
        if (value->kept)
            note_expr(told, &m->globals[i].init);
        else if (mo_is_ref(m->globals[i].type) && value->func != MO_NULL_FUNC)
            told[value->func] = 1;
    }
}

/* ref.func in code wants its function told of outside of code (Wasm 3.0, "C.refs"). Finds
 * those that only an export, a global or a segment told of that is gone now. */
static bool find_untold(work *w)
{
    const mo_module *m = w->m;
    if (!mo_has(m->used, MO_FEATURE_REFERENCE_TYPES))
        return true;
    if (!(w->told = mo_calloc((size_t)m->nfuncs + 1, 1)))
        return mo_fail_nomem(w->err);
    note_told(w);
    for (uint32_t i = 0; i < m->nfuncs; i++)
        w->nuntold += m->funcs[i].referenced && !w->told[i];
    return true;
}

static void put_untold(work *w)
{
    put_byte(w->b, DECLARED);
    put_byte(w->b, 0);
    put_unsigned(w->b, w->nuntold);
    for (uint32_t i = 0; i < w->m->nfuncs; i++)
        if (w->m->funcs[i].referenced && !w->told[i])
            put_unsigned(w->b, i);
}

/* What of the new is still to be given a number. */
typedef struct rest {
    uint32_t next;   /* of the new segments */
    mo_valtype type; /* that one's */
    bool untold;
} rest;

static void find_type(const work *w, rest *r)
{
    const mo_new_elem *e = r->next < w->r->nelems ? &w->r->elems[r->next] : NULL;
    mo_valtype table_type = e ? w->m->tables[e->table].type : MO_BOT;
    r->type = e && is_plain(e, table_type) ? FUNCS_TYPE : table_type;
}

/* A dropped segment's place is for a new one of the same type, for code may name both. */
static void put_in_place(work *w, rest *r, mo_valtype type, bool write)
{
    if (r->type == type) {
        if (write)
            put_elem(w, &w->r->elems[r->next]);
        r->next++;
        find_type(w, r);
    } else if (r->untold && type == FUNCS_TYPE) {
        if (write)
            put_untold(w);
        r->untold = false;
    } else if (write) {
        put_empty_elem(w, type);
    }
}

/* Returns how many there are. */
static uint32_t lay_elems(work *w, bool write)
{
    uint32_t nold = numbers_hold(w->m) ? w->m->nelems : 0;
    rest r = {.untold = w->nuntold != 0};
    find_type(w, &r);
    for (uint32_t i = 0; i < nold; i++) {
        if (w->r->elem_dropped[i])
            put_in_place(w, &r, w->m->elems[i].type, write);
        else if (write)
            put_kept_elem(w, i);
    }
    for (uint32_t i = r.next; write && i < w->r->nelems; i++)
        put_elem(w, &w->r->elems[i]);
    if (write && r.untold)
        put_untold(w);
    return nold + (w->r->nelems - r.next) + r.untold;
}

static bool put_elems(work *w)
{
    put_unsigned(w->b, lay_elems(w, false));
    lay_elems(w, true);
    return true;
}

/* --- data segments -------------------------------------------------------------------- */

static uint32_t count_datas(const work *w)
{
    uint32_t n = w->r->ndatas, nold = numbers_hold(w->m) ? w->m->ndatas : 0;
    for (uint32_t i = 0; i < nold; i++)
        n += !w->r->data_dropped[i];
    return n > nold ? n : nold;
}

static void put_passive(work *w, mo_span bytes)
{
    put_byte(w->b, PASSIVE);
    put_name(w->b, bytes);
}

static void put_data(work *w, const mo_new_data *d)
{
    put_byte(w->b, d->memory ? EXPLICIT : 0);
    if (d->memory)
        put_unsigned(w->b, d->memory);
    put_address(w, w->m->memories[d->memory].bounds.is64, d->at);
    put_name(w->b, d->bytes);
}

static bool put_datas(work *w)
{
    uint32_t next = 0, nold = numbers_hold(w->m) ? w->m->ndatas : 0;
    put_unsigned(w->b, count_datas(w));
    for (uint32_t i = 0; i < nold; i++) {
        if (!w->r->data_dropped[i])
            put_passive(w, w->m->datas[i].bytes);
        else if (next < w->r->ndatas)
            put_data(w, &w->r->datas[next++]);
        else
            put_passive(w, (mo_span){(const uint8_t *)"", 0});
    }
    while (next < w->r->ndatas)
        put_data(w, &w->r->datas[next++]);
    return true;
}

static bool put_data_count(work *w)
{
    put_unsigned(w->b, count_datas(w));
    return true;
}

/* --- custom sections --------------------------------------------------------------------- */

/* Those that speak of bytes outside of the code section, or of segments by their numbers. */
static bool is_wrong_now(mo_span name)
{
    static const char *const names[] = {"linking", "dylink", "dylink.0", "sourceMappingURL"};
    for (size_t i = 0; i < MO_COUNT(names); i++)
        if (mo_span_is(name, names[i]))
            return true;
    return name.len > 6 && memcmp(name.at, "reloc.", 6) == 0;
}

/* The name section without the names of segments. A malformed one is copied as it is. */
static void put_names(work *w, mo_span names)
{
    enum { ELEM_NAMES = 8, DATA_NAMES = 9 };
    mo_reader r = {.base = names.at, .at = names.at, .end = names.at + names.len, .module = w->m};
    size_t begin = w->b->len;
    while (r.at != r.end) {
        const uint8_t *at = r.at;
        uint8_t id;
        uint32_t size;
        mo_span content;
        if (!mo_read_byte(&r, "subsection id", &id) || !mo_read_u32(&r, "subsection size", &size) ||
            !mo_read_bytes(&r, "subsection", size, &content)) {
            if (!w->b->failed)
                w->b->len = begin;
            put_span(w->b, names);
            return;
        }
        if (id != ELEM_NAMES && id != DATA_NAMES)
            mo_buffer_put(w->b, at, (size_t)(r.at - at));
    }
}

static void put_custom(work *w, mo_span content)
{
    mo_reader r = {.base = content.at, .at = content.at, .end = content.at + content.len, .module = w->m};
    mo_span name;
    if (!mo_read_name(&r, "name", &name) || is_wrong_now(name))
        return;
    size_t begin = put_begin(w->b, CUSTOM);
    put_name(w->b, name);
    if (mo_span_is(name, "name"))
        put_names(w, (mo_span){r.at, mo_reader_left(&r)});
    else
        mo_buffer_put(w->b, r.at, mo_reader_left(&r));
    put_end(w->b, begin);
}

/* --- the whole ------------------------------------------------------------------------------ */

static bool (*const writers[SECTIONS])(work *w) = {
    [TABLES] = put_tables, [MEMORIES] = put_memories, [GLOBALS] = put_globals, [EXPORTS] = put_exports,
    [ELEMS] = put_elems, [DATA_COUNT] = put_data_count, [DATAS] = put_datas,
};

/* A section that was there stays, if only with nothing in it; new segments make one. */
static bool is_wanted(const work *w, uint8_t id)
{
    if (id == START)
        return false;
    return w->sections[id].at || (id == ELEMS && (w->r->nelems || w->nuntold)) || (id == DATAS && w->r->ndatas);
}

static bool put_section(work *w, uint8_t id)
{
    if (!is_wanted(w, id))
        return true;
    size_t begin = put_begin(w->b, id);
    if (!writers[id])
        put_span(w->b, w->sections[id]);
    else if (!writers[id](w))
        return false;
    put_end(w->b, begin);
    return true;
}

/* All that are not yet written, up to id and with it. */
static bool put_up_to(work *w, uint8_t id)
{
    bool ok = true;
    while (ok && w->next < MO_COUNT(order)) {
        uint8_t one = order[w->next++];
        ok = put_section(w, one);
        if (one == id)
            break;
    }
    return ok;
}

/* The next section's number and contents. The module has been loaded: it is well-formed. */
static mo_span next_section(mo_reader *r, uint8_t *retid)
{
    uint32_t size = 0;
    mo_span content = {0};
    mo_read_byte(r, "section id", retid);
    mo_read_u32(r, "section size", &size);
    mo_read_bytes(r, "section", size, &content);
    return content;
}

static mo_reader reader_of(const mo_module *m)
{
    enum { HEADER = 8 };
    const uint8_t *at = m->bytes.at;
    return (mo_reader){.base = at, .at = at + HEADER, .end = at + m->bytes.len, .module = m};
}

static void find_sections(work *w)
{
    mo_reader r = reader_of(w->m);
    while (r.at != r.end) {
        uint8_t id = CUSTOM;
        mo_span content = next_section(&r, &id);
        if (id != CUSTOM)
            w->sections[id] = content;
    }
}

static bool put_all(work *w)
{
    mo_reader r = reader_of(w->m);
    mo_buffer_put(w->b, w->m->bytes.at, (size_t)(r.at - r.base));
    while (r.at != r.end) {
        uint8_t id = CUSTOM;
        mo_span content = next_section(&r, &id);
        if (id == CUSTOM)
            put_custom(w, content);
        else if (!put_up_to(w, id))
            return false;
    }
    return put_up_to(w, CUSTOM);
}

bool mo_rewrite_module(const mo_module *m, const mo_rewrite *r, mo_buffer *ret, mote_error *err)
{
    work w = {.m = m, .r = r, .b = ret, .err = err};
    uint64_t bytes = m->bytes.len;
    for (uint32_t i = 0; i < r->ndatas; i++)
        bytes += r->datas[i].bytes.len;
    bool ok = bytes <= mo_limits_default.module_bytes ||
              mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE,
                      "snapshot: %" PRIu64 " bytes of memory that are not zero make a module too large", bytes);
    find_sections(&w);
    ok = ok && find_untold(&w) && put_all(&w) && (!ret->failed || mo_fail_nomem(err));
    mo_free(w.told);
    if (!ok)
        mo_buffer_free(ret);
    return ok;
}
