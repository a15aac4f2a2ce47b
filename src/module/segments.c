/* segments.c - element and data segments, passive, active and declared. */
#include "module/load.h"

/* --- elements ---------------------------------------------------------- */

/* The first number of an element segment is three bits. */
enum { NOT_ACTIVE = 1, EXPLICIT = 2, EXPRESSIONS = 4 };

static bool read_flags(mo_load *l, uint32_t *ret)
{
    uint64_t at = mo_reader_at(&l->r);
    if (!mo_read_u32(&l->r, "element segment flags", ret)) return false;
    if (*ret > 7) return mo_fail(l->err, MOTE_MALFORMED, at, "malformed element segment flags: %" PRIu32, *ret);
    return *ret == 0 || mo_need(&l->r, MO_FEATURE_BULK_MEMORY, at, "element segment");
}

static bool read_place(mo_load *l, uint32_t flags, mo_elem *e)
{
    if (flags & NOT_ACTIVE) {
        e->mode = flags & EXPLICIT ? MO_DECLARED : MO_PASSIVE;
        return true;
    }
    e->mode = MO_ACTIVE;
    if ((flags & EXPLICIT) && !mo_load_index(l, "table", l->m->ntables, &e->table)) return false;
    if (e->table >= l->m->ntables) return mo_fail(l->err, MOTE_INVALID, e->at, "unknown table 0, there are none");
    mo_valtype address = l->tables[e->table].bounds.is64 ? MO_I64 : MO_I32;
    return mo_load_const(l, "element offset", address, &e->offset);
}

static bool read_element_kind(mo_load *l)
{
    uint64_t at = mo_reader_at(&l->r);
    uint8_t kind;
    if (!mo_read_byte(&l->r, "element kind", &kind)) return false;
    return kind == 0 || mo_fail(l->err, MOTE_MALFORMED, at, "malformed element kind: want 0, have 0x%02x", kind);
}

static bool read_element_type(mo_load *l, uint32_t flags, mo_elem *e)
{
    bool written = flags & (NOT_ACTIVE | EXPLICIT);
    e->type = mo_ref_type(MO_HEAP_FUNC, flags & EXPRESSIONS);
    if (!written) return true;
    return flags & EXPRESSIONS ? mo_read_ref_type(&l->r, &e->type) : read_element_kind(l);
}

static bool check_element_type(mo_load *l, const mo_elem *e, uint64_t at)
{
    char want[MO_TYPE_TEXT], have[MO_TYPE_TEXT];
    if (e->mode != MO_ACTIVE || mo_matches(l->m, e->type, l->tables[e->table].type)) return true;
    return mo_fail(l->err, MOTE_INVALID, at, "type mismatch: element segment: want %s, have %s",
                   mo_type_text(l->tables[e->table].type, want), mo_type_text(e->type, have));
}

static bool read_functions(mo_load *l, mo_elem *e)
{
    uint32_t *funcs = mo_load_take(l, e->n, sizeof *funcs);
    if (!funcs) return false;
    e->funcs = funcs;
    for (uint32_t i = 0; i < e->n; i++) {
        if (!mo_load_index(l, "function", l->m->nfuncs, &funcs[i])) return false;
        l->funcs[funcs[i]].referenced = true;
    }
    return true;
}

static bool read_expressions(mo_load *l, mo_elem *e)
{
    mo_const_expr *exprs = mo_load_take(l, e->n, sizeof *exprs);
    if (!exprs) return false;
    e->exprs = exprs;
    for (uint32_t i = 0; i < e->n; i++)
        if (!mo_load_const(l, "element", e->type, &exprs[i])) return false;
    return true;
}

static bool load_elem(mo_load *l, mo_elem *e)
{
    uint32_t flags;
    e->at = mo_reader_at(&l->r);
    if (!read_flags(l, &flags) || !read_place(l, flags, e)) return false;
    uint64_t at = mo_reader_at(&l->r);
    if (!read_element_type(l, flags, e) || !check_element_type(l, e, at)) return false;
    at = mo_reader_at(&l->r);
    if (!mo_read_count(&l->r, "elements", flags & EXPRESSIONS ? 2 : 1, &e->n)) return false;
    if (!MO_WITHIN(l->err, l->limits, table_elements, e->n, at)) return false;
    return flags & EXPRESSIONS ? read_expressions(l, e) : read_functions(l, e);
}

bool mo_load_elems(mo_load *l)
{
    uint64_t at = mo_reader_at(&l->r);
    uint32_t n;
    if (!mo_read_count(&l->r, "element segments", 3, &n) || !MO_WITHIN(l->err, l->limits, elems, n, at)) return false;
    mo_elem *elems = mo_load_take(l, n, sizeof *elems);
    if (!elems) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!load_elem(l, &elems[i])) return false;
    l->m->elems = elems;
    l->m->nelems = n;
    return true;
}

/* --- data -------------------------------------------------------------- */

bool mo_load_data_count(mo_load *l)
{
    uint64_t at = mo_reader_at(&l->r);
    l->has_data_count = true;
    return mo_read_u32(&l->r, "data count", &l->m->ndatas) && MO_WITHIN(l->err, l->limits, datas, l->m->ndatas, at);
}

static bool read_memory(mo_load *l, uint32_t flags, mo_data *d)
{
    d->mode = MO_ACTIVE;
    if (flags == 2 && !mo_load_index(l, "memory", l->m->nmemories, &d->memory)) return false;
    if (d->memory >= l->m->nmemories) return mo_fail(l->err, MOTE_INVALID, d->at, "unknown memory 0, there are none");
    mo_valtype address = l->memories[d->memory].bounds.is64 ? MO_I64 : MO_I32;
    return mo_load_const(l, "data offset", address, &d->offset);
}

static bool load_data(mo_load *l, mo_data *d)
{
    uint32_t flags, len;
    d->at = mo_reader_at(&l->r);
    d->mode = MO_PASSIVE;
    if (!mo_read_u32(&l->r, "data segment flags", &flags)) return false;
    if (flags > 2) return mo_fail(l->err, MOTE_MALFORMED, d->at, "malformed data segment flags: %" PRIu32, flags);
    if (flags != 0 && !mo_need(&l->r, MO_FEATURE_BULK_MEMORY, d->at, "data segment")) return false;
    if (flags != 1 && !read_memory(l, flags, d)) return false;
    return mo_read_u32(&l->r, "size of a data segment", &len) && mo_read_bytes(&l->r, "data segment", len, &d->bytes);
}

bool mo_load_datas(mo_load *l)
{
    uint64_t at = mo_reader_at(&l->r);
    uint32_t n;
    l->has_data = true;
    if (!mo_read_count(&l->r, "data segments", 2, &n) || !MO_WITHIN(l->err, l->limits, datas, n, at)) return false;
    if (l->has_data_count && n != l->m->ndatas)
        return mo_fail(l->err, MOTE_MALFORMED, at,
                       "data count and data section have inconsistent lengths: want %" PRIu32 ", have %" PRIu32,
                       l->m->ndatas, n);
    mo_data *datas = mo_load_take(l, n, sizeof *datas);
    if (!datas) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!load_data(l, &datas[i])) return false;
    l->m->datas = datas;
    l->m->ndatas = n;
    return true;
}
