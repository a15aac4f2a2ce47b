/* dwarf.c - DWARF 4 as code.h asks compilers for it -> SITES.
 *   .debug_line                 rows: from this address on, this Wasm offset
 *   .debug_info (+ _abbrev ...) inlined calls: these addresses, this frame
 *   both, swept by address      sites: only where offset or frame changes
 * Every read is bounded by its section, every loop by the bytes that it consumes. */
#include "artifact/link.h"

#include <stdlib.h>

/* DWARF 4, section 7: the few numbers needed here. */
enum { TAG_COMPILE_UNIT = 0x11, TAG_INLINED = 0x1d, TAG_SUBPROGRAM = 0x2e };
enum { AT_NAME = 0x03, AT_LOW_PC = 0x11, AT_HIGH_PC = 0x12, AT_ABSTRACT_ORIGIN = 0x31, AT_RANGES = 0x55, AT_CALL_LINE = 0x59 };
enum {
    FORM_ADDR = 0x01, FORM_BLOCK2 = 0x03, FORM_BLOCK4, FORM_DATA2, FORM_DATA4, FORM_DATA8, FORM_STRING,
    FORM_BLOCK, FORM_BLOCK1, FORM_DATA1, FORM_FLAG, FORM_SDATA, FORM_STRP, FORM_UDATA, FORM_REF_ADDR,
    FORM_REF1, FORM_REF2, FORM_REF4, FORM_REF8, FORM_REF_UDATA,
    FORM_SEC_OFFSET = 0x17, FORM_EXPRLOC, FORM_FLAG_PRESENT, FORM_REF_SIG8 = 0x20,
};
enum { LNS_COPY = 1, LNS_ADVANCE_PC, LNS_ADVANCE_LINE, LNS_CONST_ADD_PC = 8, LNS_FIXED_ADVANCE_PC = 9 };
enum { LNE_END_SEQUENCE = 1, LNE_SET_ADDRESS };

/* --- reading ----------------------------------------------------------- */

typedef struct cursor {
    const uint8_t *start, *at, *end;
    bool bad; /* ran out of bytes; every later read gives 0 */
} cursor;

static cursor cursor_at(mo_span section, uint64_t at)
{
    static const uint8_t nothing[1];
    if (at > section.len) return (cursor){.bad = true};
    if (!section.len) return (cursor){nothing, nothing, nothing, false};
    return (cursor){section.at, section.at + at, section.at + section.len, false};
}

static bool more(const cursor *c) { return !c->bad && c->at < c->end; }
static uint64_t offset_of(const cursor *c) { return (uint64_t)(c->at - c->start); }

static const uint8_t *take(cursor *c, uint64_t len)
{
    if (c->bad || len > (uint64_t)(c->end - c->at)) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *p = c->at;
    c->at += len;
    return p;
}

static uint64_t take_fixed(cursor *c, unsigned size)
{
    const uint8_t *p = take(c, size);
    uint64_t v = 0;
    if (p) memcpy(&v, p, size);
    return v;
}

static uint64_t take_uleb(cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = (uint8_t)take_fixed(c, 1);
        if (shift < 64) v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return v;
    }
}

static int64_t take_sleb(cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0;;) {
        uint8_t byte = (uint8_t)take_fixed(c, 1);
        if (shift < 64) v |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
        if (byte & 0x80) continue;
        if (shift < 64 && (byte & 0x40)) v |= ~UINT64_C(0) << shift;
        return (int64_t)v;
    }
}

static const char *take_string(cursor *c)
{
    const uint8_t *nul = more(c) ? memchr(c->at, 0, (size_t)(c->end - c->at)) : NULL;
    const char *text = (const char *)c->at;
    if (!nul) {
        c->bad = true;
        return "";
    }
    c->at = nul + 1;
    return text;
}

/* A part of its own inside c, which moves behind it. */
static cursor take_part(cursor *c, uint64_t len)
{
    const uint8_t *p = take(c, len);
    return p ? (cursor){c->start, p, p + len, false} : (cursor){.bad = true};
}

static bool bad_dwarf(mote_error *err, const char *section, const char *what)
{
    return mo_fail(err, MOTE_MALFORMED, MOTE_NOWHERE, "debug information: %s: %s", section, what);
}

/* --- .debug_line ------------------------------------------------------- */

typedef struct line_program {
    mo_dwarf *d;
    cursor code;
    uint8_t min_insn, line_range, opcode_base;
    int8_t line_base;
    const uint8_t *operands; /* of standard opcodes, from opcode 1 */
    uint64_t address;
    uint32_t line;
    size_t sequence; /* d->rows where the current sequence begins */
    mote_error *err;
} line_program;

static bool add_row(line_program *p, bool end)
{
    mo_dwarf *d = p->d;
    if (p->address > d->text_len) return bad_dwarf(p->err, ".debug_line", "an address outside the machine code");
    if (end) /* rows of no length say nothing, and would hide the next sequence's */
        while (d->nrows > p->sequence && d->rows[d->nrows - 1].code_at == p->address) d->nrows--;
    if (d->nrows >= UINT32_MAX || !mo_grow(&d->rows, &d->rows_cap, d->nrows + 1, sizeof *d->rows))
        return mo_fail_nomem(p->err);
    d->rows[d->nrows] = (mo_dwarf_row){(uint32_t)p->address, end ? 0 : p->line, (uint32_t)d->nrows, end};
    d->nrows++;
    if (end) p->sequence = d->nrows;
    return true;
}

static void start_sequence(line_program *p)
{
    p->address = 0;
    p->line = 1;
}

static bool extended_opcode(line_program *p)
{
    cursor c = take_part(&p->code, take_uleb(&p->code));
    switch (take_fixed(&c, 1)) {
    case LNE_END_SEQUENCE:
        if (!add_row(p, true)) return false;
        start_sequence(p);
        break;
    case LNE_SET_ADDRESS:
        p->address = take_fixed(&c, 8);
        break;
    default:
        return true;
    }
    return !c.bad || bad_dwarf(p->err, ".debug_line", "an instruction is too short");
}

static bool standard_opcode(line_program *p, uint8_t op)
{
    switch (op) {
    case 0:
        return extended_opcode(p);
    case LNS_COPY:
        return add_row(p, false);
    case LNS_ADVANCE_PC:
        p->address += take_uleb(&p->code) * p->min_insn;
        return true;
    case LNS_ADVANCE_LINE:
        p->line += (uint32_t)take_sleb(&p->code);
        return true;
    case LNS_CONST_ADD_PC:
        p->address += (uint64_t)((255 - p->opcode_base) / p->line_range) * p->min_insn;
        return true;
    case LNS_FIXED_ADVANCE_PC:
        p->address += take_fixed(&p->code, 2);
        return true;
    default: /* files, columns and marks */
        for (unsigned i = 0; i < p->operands[op - 1]; i++)
            take_uleb(&p->code);
        return true;
    }
}

static bool run_lines(line_program *p)
{
    start_sequence(p);
    p->sequence = p->d->nrows;
    while (more(&p->code)) {
        uint8_t op = (uint8_t)take_fixed(&p->code, 1);
        if (op < p->opcode_base) {
            if (!standard_opcode(p, op)) return false;
            continue;
        }
        unsigned special = (unsigned)op - p->opcode_base;
        p->address += (uint64_t)(special / p->line_range) * p->min_insn;
        p->line += (uint32_t)((int)(special % p->line_range) + p->line_base);
        if (!add_row(p, false)) return false;
    }
    if (p->code.bad) return bad_dwarf(p->err, ".debug_line", "ends in the middle");
    if (p->sequence != p->d->nrows) return bad_dwarf(p->err, ".debug_line", "a sequence does not end");
    return true;
}

static bool read_lines(mo_dwarf *d, mo_span section, mote_error *err)
{
    cursor c = cursor_at(section, 0);
    while (more(&c)) {
        cursor unit = take_part(&c, take_fixed(&c, 4));
        uint64_t version = take_fixed(&unit, 2);
        cursor header = take_part(&unit, take_fixed(&unit, 4));
        if (!unit.bad && (version < 2 || version > 4)) return bad_dwarf(err, ".debug_line", "not of version 4");
        line_program p = {.d = d, .code = unit, .min_insn = (uint8_t)take_fixed(&header, 1), .err = err};
        if (version == 4) take_fixed(&header, 1); /* operations per instruction word */
        take_fixed(&header, 1);                   /* default_is_stmt */
        p.line_base = (int8_t)take_fixed(&header, 1);
        p.line_range = (uint8_t)take_fixed(&header, 1);
        p.opcode_base = (uint8_t)take_fixed(&header, 1);
        if (p.line_range && p.opcode_base) p.operands = take(&header, p.opcode_base - 1u);
        if (header.bad || unit.bad || !p.operands) return bad_dwarf(err, ".debug_line", "a bad header");
        if (!run_lines(&p)) return false;
    }
    return !c.bad || bad_dwarf(err, ".debug_line", "ends in the middle");
}

/* --- .debug_info ------------------------------------------------------- */

typedef struct abbrev {
    uint64_t code;
    uint64_t tag;
    bool children;
    const uint8_t *attributes;
} abbrev;

typedef struct subprogram {
    uint64_t at;     /* of its entry in .debug_info */
    uint64_t origin; /* the entry that it is an instance of, or 0 */
    uint32_t func;
} subprogram;

typedef struct entry {
    uint64_t at, tag;
    bool children, has_low, has_high, high_is_length, has_ranges;
    uint64_t low, high, ranges, origin;
    uint32_t func, call_line;
} entry;

typedef struct level { uint32_t frame, depth; } level; /* around the entries of one list of children */

typedef struct info_reader {
    mo_dwarf *d;
    const mo_dwarf_sections *s;
    abbrev *abbrevs;
    subprogram *subprograms;
    level *levels;
    size_t nabbrevs, abbrevs_cap, nsubprograms, subprograms_cap, nlevels, levels_cap;
    uint64_t unit_at, base; /* of the current unit: its offset and low_pc */
    uint64_t abbrevs_at;
    bool sort_out;          /* second pass: subprograms are known */
    mote_error *err;
} info_reader;

static bool bad_info(info_reader *r, const char *what)
{
    return bad_dwarf(r->err, ".debug_info", what);
}

static bool read_abbrevs(info_reader *r, uint64_t at)
{
    if (r->nabbrevs && r->abbrevs_at == at) return true;
    r->nabbrevs = 0;
    r->abbrevs_at = at;
    cursor c = cursor_at(r->s->abbrev, at);
    for (uint64_t code; (code = take_uleb(&c)) != 0;) {
        abbrev a = {.code = code, .tag = take_uleb(&c), .children = take_fixed(&c, 1) != 0, .attributes = c.at};
        for (uint64_t name = 1, form = 1; name || form;) {
            name = take_uleb(&c);
            form = take_uleb(&c);
        }
        if (!mo_grow(&r->abbrevs, &r->abbrevs_cap, r->nabbrevs + 1, sizeof a)) return mo_fail_nomem(r->err);
        r->abbrevs[r->nabbrevs++] = a;
    }
    return !c.bad || bad_dwarf(r->err, ".debug_abbrev", "ends in the middle");
}

static const abbrev *find_abbrev(const info_reader *r, uint64_t code)
{
    if (code - 1 < r->nabbrevs && r->abbrevs[code - 1].code == code) return &r->abbrevs[code - 1];
    for (size_t i = 0; i < r->nabbrevs; i++)
        if (r->abbrevs[i].code == code) return &r->abbrevs[i];
    return NULL;
}

typedef struct value { uint64_t n; const char *text; } value;

static bool read_form(info_reader *r, cursor *c, uint64_t form, value *ret)
{
    *ret = (value){0, ""};
    switch (form) {
    case FORM_DATA1: case FORM_FLAG: ret->n = take_fixed(c, 1); break;
    case FORM_DATA2: ret->n = take_fixed(c, 2); break;
    case FORM_DATA4: case FORM_SEC_OFFSET: case FORM_REF_ADDR: ret->n = take_fixed(c, 4); break;
    case FORM_ADDR: case FORM_DATA8: case FORM_REF_SIG8: ret->n = take_fixed(c, 8); break;
    case FORM_UDATA: ret->n = take_uleb(c); break;
    case FORM_SDATA: ret->n = (uint64_t)take_sleb(c); break;
    case FORM_FLAG_PRESENT: ret->n = 1; break;
    case FORM_REF1: ret->n = r->unit_at + take_fixed(c, 1); break;
    case FORM_REF2: ret->n = r->unit_at + take_fixed(c, 2); break;
    case FORM_REF4: ret->n = r->unit_at + take_fixed(c, 4); break;
    case FORM_REF8: ret->n = r->unit_at + take_fixed(c, 8); break;
    case FORM_REF_UDATA: ret->n = r->unit_at + take_uleb(c); break;
    case FORM_BLOCK1: take(c, take_fixed(c, 1)); break;
    case FORM_BLOCK2: take(c, take_fixed(c, 2)); break;
    case FORM_BLOCK4: take(c, take_fixed(c, 4)); break;
    case FORM_BLOCK: case FORM_EXPRLOC: take(c, take_uleb(c)); break;
    case FORM_STRING: ret->text = take_string(c); break;
    case FORM_STRP: {
        cursor str = cursor_at(r->s->str, take_fixed(c, 4));
        ret->text = take_string(&str);
        c->bad |= str.bad;
        break;
    }
    default:
        return bad_info(r, "a form that is not known");
    }
    return !c->bad || bad_info(r, "ends in the middle");
}

/* "12" is function 12; anything else is no function of the module. */
static uint32_t parse_index(const char *text)
{
    uint64_t n = 0;
    if (!*text || (text[0] == '0' && text[1])) return MO_NO_FUNC;
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return MO_NO_FUNC;
        if ((n = n * 10 + (uint64_t)(*text - '0')) >= MO_NO_FUNC) return MO_NO_FUNC;
    }
    return (uint32_t)n;
}

static void keep_attribute(entry *e, uint64_t name, uint64_t form, value v)
{
    switch (name) {
    case AT_NAME: e->func = parse_index(v.text); break;
    case AT_LOW_PC: e->low = v.n; e->has_low = true; break;
    case AT_HIGH_PC: e->high = v.n; e->has_high = true; e->high_is_length = form != FORM_ADDR; break;
    case AT_RANGES: e->ranges = v.n; e->has_ranges = true; break;
    case AT_ABSTRACT_ORIGIN: e->origin = v.n; break;
    case AT_CALL_LINE: e->call_line = (uint32_t)v.n; break;
    default: break;
    }
}

static bool read_entry(info_reader *r, cursor *c, const abbrev *a, entry *e)
{
    cursor attributes = cursor_at(r->s->abbrev, (uint64_t)(a->attributes - r->s->abbrev.at));
    e->tag = a->tag;
    e->children = a->children;
    e->func = MO_NO_FUNC;
    for (;;) {
        uint64_t name = take_uleb(&attributes), form = take_uleb(&attributes);
        if (!name && !form) break;
        value v;
        if (!read_form(r, c, form, &v)) return false;
        keep_attribute(e, name, form, v);
    }
    if (e->has_high && e->high_is_length) e->high += e->low;
    return true;
}

static const subprogram *find_subprogram(const info_reader *r, uint64_t at)
{
    size_t low = 0, high = r->nsubprograms;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->subprograms[middle].at < at) low = middle + 1;
        else high = middle;
    }
    return low < r->nsubprograms && r->subprograms[low].at == at ? &r->subprograms[low] : NULL;
}

/* The function that an entry is an instance of, a few steps away at most. */
static uint32_t func_of(const info_reader *r, uint64_t origin)
{
    for (int steps = 0; steps < 8; steps++) {
        const subprogram *s = find_subprogram(r, origin);
        if (!s || s->func != MO_NO_FUNC) return s ? s->func : MO_NO_FUNC;
        origin = s->origin;
    }
    return MO_NO_FUNC;
}

static bool add_inline(info_reader *r, uint64_t from, uint64_t to, level in)
{
    mo_dwarf *d = r->d;
    if (from >= to) return true;
    if (to > d->text_len) return bad_info(r, "an inlined call outside the machine code");
    if (!mo_grow(&d->inlines, &d->inlines_cap, d->ninlines + 1, sizeof *d->inlines)) return mo_fail_nomem(r->err);
    d->inlines[d->ninlines++] = (mo_dwarf_inline){(uint32_t)from, (uint32_t)to, in.depth, in.frame};
    return true;
}

static bool add_inline_ranges(info_reader *r, uint64_t at, level in)
{
    cursor c = cursor_at(r->s->ranges, at);
    uint64_t base = r->base;
    for (;;) {
        uint64_t from = take_fixed(&c, 8), to = take_fixed(&c, 8);
        if (c.bad) return bad_dwarf(r->err, ".debug_ranges", "ends in the middle");
        if (!from && !to) return true;
        if (from == UINT64_MAX)
            base = to;
        else if (!add_inline(r, base + from, base + to, in))
            return false;
    }
}

static bool enter_inlined(info_reader *r, const entry *e, level *in)
{
    mo_dwarf *d = r->d;
    uint32_t func = func_of(r, e->origin);
    if (func == MO_NO_FUNC) return true; /* not the module's: its caller stands for it */
    if (d->nframes >= MO_NO_FRAME || !mo_grow(&d->frames, &d->frames_cap, d->nframes + 1, sizeof *d->frames))
        return mo_fail_nomem(r->err);
    d->frames[d->nframes] = (mo_site_frame){func, e->call_line, in->frame};
    *in = (level){(uint32_t)d->nframes++, in->depth + 1};
    if (e->has_ranges) return add_inline_ranges(r, e->ranges, *in);
    return !e->has_low || !e->has_high || add_inline(r, e->low, e->high, *in);
}

static bool note_subprogram(info_reader *r, const entry *e)
{
    if (!mo_grow(&r->subprograms, &r->subprograms_cap, r->nsubprograms + 1, sizeof *r->subprograms))
        return mo_fail_nomem(r->err);
    r->subprograms[r->nsubprograms++] = (subprogram){e->at, e->origin, e->func};
    return true;
}

static bool use_entry(info_reader *r, const entry *e, level *in)
{
    if (e->tag == TAG_COMPILE_UNIT) r->base = e->low;
    if (!r->sort_out) return e->tag != TAG_SUBPROGRAM || note_subprogram(r, e);
    if (e->tag == TAG_SUBPROGRAM) *in = (level){MO_NO_FRAME, 0};
    return e->tag != TAG_INLINED || enter_inlined(r, e, in);
}

static bool read_entries(info_reader *r, cursor *c)
{
    level in = {MO_NO_FRAME, 0}; /* around the entry to be read */
    r->nlevels = 0;
    while (more(c)) {
        entry e = {.at = offset_of(c)};
        uint64_t code = take_uleb(c);
        if (!code) { /* the end of a list of children */
            if (r->nlevels) in = r->levels[--r->nlevels];
            continue;
        }
        const abbrev *a = find_abbrev(r, code);
        if (!a) return bad_info(r, "an abbreviation that is not there");
        level inner = in;
        if (!read_entry(r, c, a, &e) || !use_entry(r, &e, &inner)) return false;
        if (!e.children) continue;
        if (!mo_grow(&r->levels, &r->levels_cap, r->nlevels + 1, sizeof *r->levels)) return mo_fail_nomem(r->err);
        r->levels[r->nlevels++] = in;
        in = inner;
    }
    return !c->bad || bad_info(r, "ends in the middle");
}

static bool read_info(info_reader *r, bool sort_out)
{
    r->sort_out = sort_out;
    cursor c = cursor_at(r->s->info, 0);
    while (more(&c)) {
        r->unit_at = offset_of(&c);
        r->base = 0;
        cursor unit = take_part(&c, take_fixed(&c, 4));
        uint64_t version = take_fixed(&unit, 2), abbrevs_at = take_fixed(&unit, 4), address_size = take_fixed(&unit, 1);
        if (unit.bad) return bad_info(r, "ends in the middle");
        if (version < 2 || version > 4 || address_size != 8) return bad_info(r, "not of version 4 with 64-bit addresses");
        if (!read_abbrevs(r, abbrevs_at) || !read_entries(r, &unit)) return false;
    }
    return !c.bad || bad_info(r, "ends in the middle");
}

bool mo_dwarf_read(mo_dwarf *d, const mo_dwarf_sections *sections, mote_error *err)
{
    info_reader r = {.d = d, .s = sections, .err = err};
    bool ok = read_lines(d, sections->line, err) && read_info(&r, false) && read_info(&r, true);
    mo_free(r.abbrevs);
    mo_free(r.subprograms);
    mo_free(r.levels);
    return ok;
}

/* --- sites ------------------------------------------------------------- */

static int by_row(const void *a, const void *b)
{
    const mo_dwarf_row *x = a, *y = b;
    if (x->code_at != y->code_at) return x->code_at < y->code_at ? -1 : 1;
    if (x->end != y->end) return x->end ? -1 : 1; /* one sequence ends where the next begins */
    return (x->order > y->order) - (x->order < y->order);
}

static int by_from(const void *a, const void *b)
{
    const mo_dwarf_inline *x = a, *y = b;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    if (x->depth != y->depth) return x->depth < y->depth ? -1 : 1;
    return (x->frame > y->frame) - (x->frame < y->frame);
}

typedef struct sweep {
    mo_dwarf *d;
    size_t row, next;            /* not yet passed: d->rows, d->inlines */
    mo_dwarf_inline *open;       /* inlined calls around the current address, by depth */
    size_t nopen, open_cap;
    mo_site *sites;
    size_t nsites, sites_cap;
} sweep;

static uint64_t next_change(const sweep *s)
{
    const mo_dwarf *d = s->d;
    uint64_t at = UINT64_MAX;
    if (s->row < d->nrows) at = d->rows[s->row].code_at;
    if (s->next < d->ninlines && d->inlines[s->next].from < at) at = d->inlines[s->next].from;
    for (size_t i = 0; i < s->nopen; i++)
        if (s->open[i].to < at) at = s->open[i].to;
    return at;
}

static void close_inlines(sweep *s, uint64_t at)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->nopen; i++)
        if (s->open[i].to > at) s->open[kept++] = s->open[i];
    s->nopen = kept;
}

static bool open_inlines(sweep *s, uint64_t at)
{
    for (const mo_dwarf *d = s->d; s->next < d->ninlines && d->inlines[s->next].from == at; s->next++) {
        if (!mo_grow(&s->open, &s->open_cap, s->nopen + 1, sizeof *s->open)) return false;
        size_t i = s->nopen++;
        for (; i > 0 && s->open[i - 1].depth > d->inlines[s->next].depth; i--)
            s->open[i] = s->open[i - 1];
        s->open[i] = d->inlines[s->next];
    }
    return true;
}

static bool add_site(sweep *s, mo_site site)
{
    const mo_site *last = s->nsites ? &s->sites[s->nsites - 1] : NULL;
    if (last ? last->offset == site.offset && last->frame == site.frame : !site.offset && site.frame == MO_NO_FRAME) return true;
    if (!mo_grow(&s->sites, &s->sites_cap, s->nsites + 1, sizeof site)) return false;
    s->sites[s->nsites++] = site;
    return true;
}

static bool sweep_all(sweep *s)
{
    uint32_t line = 0;
    for (uint64_t at; (at = next_change(s)) != UINT64_MAX;) {
        for (; s->row < s->d->nrows && s->d->rows[s->row].code_at == at; s->row++)
            line = s->d->rows[s->row].line;
        close_inlines(s, at);
        if (!open_inlines(s, at)) return false;
        uint32_t frame = s->nopen ? s->open[s->nopen - 1].frame : MO_NO_FRAME;
        if (!add_site(s, (mo_site){(uint32_t)at, line, frame})) return false;
    }
    return s->nsites <= UINT32_MAX;
}

bool mo_dwarf_sites(mo_dwarf *d, mo_buffer *ret, mote_error *err)
{
    if (d->nrows) qsort(d->rows, d->nrows, sizeof *d->rows, by_row);
    if (d->ninlines) qsort(d->inlines, d->ninlines, sizeof *d->inlines, by_from);
    sweep s = {.d = d};
    bool ok = sweep_all(&s);
    if (ok) {
        mo_sites header = {.nranges = (uint32_t)d->nranges, .nsites = (uint32_t)s.nsites, .nframes = (uint32_t)d->nframes};
        mo_buffer_put(ret, &header, sizeof header);
        mo_buffer_put(ret, d->ranges, d->nranges * sizeof *d->ranges);
        mo_buffer_put(ret, s.sites, s.nsites * sizeof *s.sites);
        mo_buffer_put(ret, d->frames, d->nframes * sizeof *d->frames);
    }
    mo_free(s.open);
    mo_free(s.sites);
    return (ok && !ret->failed) || mo_fail_nomem(err);
}

void mo_dwarf_free(mo_dwarf *d)
{
    mo_free(d->rows);
    mo_free(d->inlines);
    mo_free(d->frames);
    mo_free(d->ranges);
    *d = (mo_dwarf){0};
}
