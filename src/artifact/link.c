/* link.c - objects in, TEXT and CONST without a relocation out.
 *   read -> place (TEXT, then CONST from the next page) -> copy -> define
 *        -> relocate -> debug information to SITES
 * What would need an address that only loading knows is an error: an artifact is
 * ready as soon as it is mapped. */
#include "artifact/link.h"

#include <stdlib.h>

#define TEXT_ALIGN 16
#define TEXT_LIMIT (UINT64_C(1) << 31) /* displacements are signed 32-bit */

typedef struct linker {
    mo_linked *out;
    mo_elf *elves;
    uint32_t nelves, nfuncs;
    uint64_t text_len, const_at, const_len;
    struct helper { const char *name; bool defined; uint64_t address; } helpers[3];
    mo_dwarf dwarf;
    mo_arena arena;
    mote_error *err;
} linker;

/* --- place and copy ---------------------------------------------------- */

static bool place_part(linker *l, mo_part part, uint64_t start, uint64_t *retlen)
{
    uint64_t at = start;
    for (uint32_t o = 0; o < l->nelves; o++)
        for (uint32_t i = 0; i < l->elves[o].nsections; i++) {
            mo_elf_section *s = &l->elves[o].sections[i];
            if (s->part != part) continue;
            uint64_t align = part == MO_PART_TEXT && s->align < TEXT_ALIGN ? TEXT_ALIGN : s->align;
            s->address = mo_round_up(at, align);
            at = s->address + s->bytes.len;
            if (at > TEXT_LIMIT)
                return mo_fail(l->err, MOTE_LIMIT, MOTE_NOWHERE, "machine code: more than %" PRIu64 " bytes", TEXT_LIMIT);
        }
    *retlen = at - start;
    return true;
}

static bool place(linker *l)
{
    if (!place_part(l, MO_PART_TEXT, 0, &l->text_len)) return false;
    l->const_at = mo_round_up(l->text_len, MO_FILE_PAGE);
    return place_part(l, MO_PART_CONST, l->const_at, &l->const_len);
}

void mo_link_fill(mo_arch arch, uint8_t *at, uint64_t len)
{
    static const uint8_t brk[4] = {0x00, 0x00, 0x20, 0xd4};
    for (uint64_t i = 0; i < len; i++)
        at[i] = arch == MO_ARCH_AARCH64 ? brk[i % 4] : 0xcc;
}

/* The output's bytes of a section. */
static uint8_t *output_of(linker *l, const mo_elf_section *s)
{
    if (s->part == MO_PART_TEXT) return l->out->text.at + s->address;
    return l->out->constants.at + (s->address - l->const_at);
}

static bool copy_sections(linker *l)
{
    mo_buffer_zeros(&l->out->text, l->text_len);
    mo_buffer_zeros(&l->out->constants, l->const_len);
    if (l->out->text.failed || l->out->constants.failed) return mo_fail_nomem(l->err);
    mo_link_fill(l->out->arch, l->out->text.at, l->text_len);
    for (uint32_t o = 0; o < l->nelves; o++)
        for (uint32_t i = 0; i < l->elves[o].nsections; i++) {
            const mo_elf_section *s = &l->elves[o].sections[i];
            if (s->part == MO_PART_TEXT || s->part == MO_PART_CONST)
                memcpy(output_of(l, s), s->bytes.at, s->bytes.len);
        }
    return true;
}

/* --- symbols ----------------------------------------------------------- */

/* "mote.f12" is function 12, and so is a copy of it, "mote.f12.anything". */
static bool parse_function(const char *name, uint64_t *retfunc, bool *retcopy)
{
    if (strncmp(name, "mote.f", 6) != 0) return false;
    const char *p = name + 6;
    if (*p < '0' || *p > '9' || (p[0] == '0' && p[1] >= '0' && p[1] <= '9')) return false;
    uint64_t n = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        if ((n = n * 10 + (uint64_t)(*p - '0')) > UINT32_MAX) return false;
    *retfunc = n;
    *retcopy = *p == '.';
    return *p == 0 || *p == '.';
}

static struct helper *find_helper(linker *l, const char *name)
{
    for (size_t i = 0; i < MO_COUNT(l->helpers); i++)
        if (strcmp(l->helpers[i].name, name) == 0) return &l->helpers[i];
    return NULL;
}

static bool add_range(linker *l, uint64_t at, uint64_t len, uint32_t func)
{
    mo_dwarf *d = &l->dwarf;
    if (!mo_grow(&d->ranges, &d->ranges_cap, d->nranges + 1, sizeof *d->ranges)) return mo_fail_nomem(l->err);
    d->ranges[d->nranges++] = (mo_site_range){(uint32_t)at, (uint32_t)len, func};
    return true;
}

static bool define_function(linker *l, const mo_elf *elf, const mo_elf_symbol *s, uint64_t address, uint64_t func)
{
    if (func >= l->nfuncs)
        return mo_fail(l->err, MOTE_MALFORMED, MOTE_NOWHERE, "object %" PRIu32 ": %s: the module has %" PRIu32 " functions",
                       elf->number, s->name, l->nfuncs);
    if (l->out->code_at[func] != MO_NO_CODE)
        return mo_fail(l->err, MOTE_MALFORMED, MOTE_NOWHERE, "object %" PRIu32 ": %s is defined twice", elf->number, s->name);
    l->out->code_at[func] = (uint32_t)address;
    l->out->code_len[func] = (uint32_t)s->size;
    return true;
}

static bool define_symbol(linker *l, const mo_elf *elf, const mo_elf_symbol *s)
{
    if (s->type != STT_FUNC || s->section == SHN_UNDEF || s->section == MO_NO_SECTION) return true;
    const mo_elf_section *section = &elf->sections[s->section];
    if (section->part != MO_PART_TEXT) return true;
    if (s->size == 0 || s->value > section->bytes.len || s->size > section->bytes.len - s->value)
        return mo_fail(l->err, MOTE_MALFORMED, MOTE_NOWHERE, "object %" PRIu32 ": %s: %" PRIu64 " bytes at %" PRIu64
                       " of %s, which has %zu", elf->number, s->name, s->size, s->value, section->name, section->bytes.len);
    uint64_t address = section->address + s->value, func;
    bool copy;
    if (parse_function(s->name, &func, &copy)) {
        if (!copy && !define_function(l, elf, s, address, func)) return false;
        return add_range(l, address, s->size, func < l->nfuncs ? (uint32_t)func : MO_NO_FUNC);
    }
    struct helper *helper = s->binding == STB_LOCAL ? NULL : find_helper(l, s->name);
    if (helper && !helper->defined) {
        helper->defined = true;
        helper->address = address;
    }
    return add_range(l, address, s->size, MO_NO_FUNC);
}

static int by_code_at(const void *a, const void *b)
{
    const mo_site_range *x = a, *y = b;
    return x->code_at != y->code_at ? (x->code_at < y->code_at ? -1 : 1) : (x->func > y->func) - (x->func < y->func);
}

/* Sorts the functions; of two names for one piece of code the lower index stays. */
static bool sort_ranges(linker *l)
{
    mo_dwarf *d = &l->dwarf;
    size_t kept = 0;
    if (d->nranges) qsort(d->ranges, d->nranges, sizeof *d->ranges, by_code_at);
    for (size_t i = 0; i < d->nranges; i++) {
        const mo_site_range *last = kept ? &d->ranges[kept - 1] : NULL, *r = &d->ranges[i];
        if (last && last->code_at == r->code_at && last->code_len == r->code_len) continue;
        if (last && r->code_at - last->code_at < last->code_len)
            return mo_fail(l->err, MOTE_MALFORMED, MOTE_NOWHERE, "functions overlap in machine code at %" PRIu32, r->code_at);
        d->ranges[kept++] = *r;
    }
    d->nranges = kept;
    return true;
}

static bool define_symbols(linker *l)
{
    for (uint32_t o = 0; o < l->nelves; o++)
        for (uint32_t i = 1; i < l->elves[o].nsymbols; i++) {
            mo_elf_symbol s = mo_elf_symbol_at(&l->elves[o], i);
            if (!define_symbol(l, &l->elves[o], &s)) return false;
        }
    if (!sort_ranges(l)) return false;
    const mo_dwarf *d = &l->dwarf;
    for (size_t i = 0; i + 1 < d->nranges; i++) {
        uint32_t end = d->ranges[i].code_at + d->ranges[i].code_len, gap = d->ranges[i + 1].code_at - end;
        if (gap < TEXT_ALIGN) mo_link_fill(l->out->arch, l->out->text.at + end, gap); /* were no-ops */
    }
    return true;
}

static bool resolve_undefined(linker *l, const char *name, uint64_t *ret)
{
    uint64_t func;
    bool copy;
    if (parse_function(name, &func, &copy) && !copy && func < l->nfuncs && l->out->code_at[func] != MO_NO_CODE) {
        *ret = l->out->code_at[func];
        return true;
    }
    const struct helper *helper = find_helper(l, name);
    if (helper && helper->defined) *ret = helper->address;
    return helper && helper->defined;
}

/* --- relocations ------------------------------------------------------- */

static const char *symbol_text(const mo_elf *elf, const mo_elf_symbol *s)
{
    if (s->name[0]) return s->name;
    return s->section < elf->nsections ? elf->sections[s->section].name : "(no name)";
}

static bool bad_reloc(linker *l, const mo_elf *elf, const mo_elf_section *in, const Elf64_Rela *rela,
                      const mo_elf_symbol *s, const char *why)
{
    uint32_t type = ELF64_R_TYPE(rela->r_info);
    const char *name = elf->machine == EM_X86_64 ? mo_reloc_name_x86_64(type) : mo_reloc_name_aarch64(type);
    return mo_fail(l->err, MOTE_MALFORMED, MOTE_NOWHERE,
                   "object %" PRIu32 ": %s+%" PRIu64 ": relocation %s (%" PRIu32 ") against %s: %s",
                   elf->number, in->name, rela->r_offset, name ? name : "unknown", type, symbol_text(elf, s), why);
}

/* Where a symbol is; NULL, or why it is nowhere. */
static const char *resolve(linker *l, const mo_elf *elf, const mo_elf_symbol *s, bool debug, uint64_t *ret)
{
    if (s->section == MO_NO_SECTION) return "not in a section of this object";
    if (s->section == SHN_UNDEF) return resolve_undefined(l, s->name, ret) ? NULL : "defined nowhere";
    const mo_elf_section *to = &elf->sections[s->section];
    if (s->value > to->bytes.len && to->part != MO_PART_NONE) return "outside its section";
    if (to->part == MO_PART_DEBUG ? !debug : to->part == MO_PART_NONE && !(debug && s->type == STT_SECTION))
        return "in a section that is not loaded";
    *ret = to->address + s->value;
    return NULL;
}

static const char *result_text(mo_reloc_result result)
{
    switch (result) {
    case MO_RELOC_OK: break;
    case MO_RELOC_UNKNOWN: return "of a kind that is not supported";
    case MO_RELOC_RUNTIME: return "needs an address that only loading knows";
    case MO_RELOC_RANGE: return "the distance does not fit";
    case MO_RELOC_OUTSIDE: return "patches bytes outside the section";
    }
    return NULL;
}

/* Keeps where constants hold distances to code: jump tables. */
static bool note_jump(linker *l, const mo_elf_section *s, const mo_elf *elf, const mo_elf_symbol *to, uint64_t place)
{
    mo_linked *out = l->out;
    if (s->part != MO_PART_CONST || to->section >= elf->nsections || elf->sections[to->section].part != MO_PART_TEXT) return true;
    mo_meta_jumps *last = out->njumps ? &out->jumps[out->njumps - 1] : NULL;
    if (last && last->at + 4 * (uint64_t)last->n == place) {
        last->n++;
        return true;
    }
    if (!mo_grow(&out->jumps, &out->jumps_cap, out->njumps + 1, sizeof *out->jumps)) return mo_fail_nomem(l->err);
    out->jumps[out->njumps++] = (mo_meta_jumps){(uint32_t)place, 1};
    return true;
}

/* Patches out, a copy of section s. */
static bool relocate(linker *l, const mo_elf *elf, const mo_elf_section *s, uint8_t *out)
{
    for (uint64_t i = 0; i < s->nrelas; i++) {
        Elf64_Rela rela;
        memcpy(&rela, s->relas + i * sizeof rela, sizeof rela);
        uint64_t nsymbol = ELF64_R_SYM(rela.r_info);
        mo_elf_symbol symbol = {.name = "", .section = MO_NO_SECTION};
        mo_reloc r = {.type = ELF64_R_TYPE(rela.r_info), .section = out, .len = s->bytes.len, .at = rela.r_offset,
                      .place = s->address + rela.r_offset, .addend = rela.r_addend, .debug = s->part == MO_PART_DEBUG};
        if (nsymbol >= elf->nsymbols) return bad_reloc(l, elf, s, &rela, &symbol, "no such symbol");
        symbol = mo_elf_symbol_at(elf, (uint32_t)nsymbol);
        const char *why = resolve(l, elf, &symbol, r.debug, &r.target);
        if (!why) why = result_text(elf->machine == EM_X86_64 ? mo_reloc_x86_64(&r) : mo_reloc_aarch64(&r));
        if (why) return bad_reloc(l, elf, s, &rela, &symbol, why);
        if (!note_jump(l, s, elf, &symbol, r.place)) return false;
    }
    return true;
}

static int by_at(const void *a, const void *b)
{
    const mo_meta_jumps *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

/* Relocations need not come in order. */
static void sort_jumps(mo_linked *out)
{
    size_t kept = 0;
    if (out->njumps) qsort(out->jumps, out->njumps, sizeof *out->jumps, by_at);
    for (size_t i = 0; i < out->njumps; i++) {
        mo_meta_jumps *last = kept ? &out->jumps[kept - 1] : NULL;
        if (last && out->jumps[i].at <= last->at + 4 * last->n)
            last->n = (out->jumps[i].at - last->at) / 4 + out->jumps[i].n;
        else
            out->jumps[kept++] = out->jumps[i];
    }
    out->njumps = kept;
}

static bool relocate_all(linker *l)
{
    for (uint32_t o = 0; o < l->nelves; o++)
        for (uint32_t i = 0; i < l->elves[o].nsections; i++) {
            const mo_elf_section *s = &l->elves[o].sections[i];
            if (s->part != MO_PART_TEXT && s->part != MO_PART_CONST) continue;
            if (!relocate(l, &l->elves[o], s, output_of(l, s))) return false;
        }
    sort_jumps(l->out);
    return true;
}

/* --- debug information ------------------------------------------------- */

static bool relocated_copy(linker *l, mo_arena *arena, const mo_elf *elf, const mo_elf_section *s, mo_span *ret)
{
    if (s->bytes.len == 0) return true;
    uint8_t *copy = mo_arena_take(arena, s->bytes.len);
    if (!copy) return mo_fail_nomem(l->err);
    memcpy(copy, s->bytes.at, s->bytes.len);
    *ret = (mo_span){copy, s->bytes.len};
    return relocate(l, elf, s, copy);
}

static bool read_debug_sections(linker *l, mo_arena *arena, const mo_elf *elf)
{
    mo_dwarf_sections sections = {0};
    struct { const char *name; mo_span *to; } wanted[] = {
        {".debug_info", &sections.info}, {".debug_abbrev", &sections.abbrev}, {".debug_line", &sections.line},
        {".debug_ranges", &sections.ranges}, {".debug_str", &sections.str},
    };
    for (uint32_t i = 0; i < elf->nsections; i++)
        for (size_t k = 0; k < MO_COUNT(wanted); k++) {
            const mo_elf_section *s = &elf->sections[i];
            if (s->part != MO_PART_DEBUG || strcmp(s->name, wanted[k].name) != 0) continue;
            if (!relocated_copy(l, arena, elf, s, wanted[k].to)) return false;
        }
    return mo_dwarf_read(&l->dwarf, &sections, l->err);
}

static bool make_sites(linker *l)
{
    l->dwarf.text_len = l->text_len;
    for (uint32_t o = 0; o < l->nelves; o++) {
        mo_arena arena = {0};
        bool ok = read_debug_sections(l, &arena, &l->elves[o]);
        mo_arena_free(&arena);
        if (!ok) return false;
    }
    return mo_dwarf_sites(&l->dwarf, &l->out->sites, l->err);
}

/* --- all of it --------------------------------------------------------- */

static bool read_objects(linker *l, const mo_code *code)
{
    l->out->arch = MO_ARCH_HERE;
    if (code->nobjects == 0) return true;
    l->elves = mo_arena_array(&l->arena, code->nobjects, sizeof *l->elves);
    if (!l->elves) return mo_fail_nomem(l->err);
    for (; l->nelves < code->nobjects; l->nelves++) {
        mo_elf *elf = &l->elves[l->nelves];
        if (!mo_elf_read(&code->objects[l->nelves], l->nelves, &l->arena, elf, l->err)) return false;
        if (elf->machine != l->elves[0].machine)
            return mo_fail(l->err, MOTE_MALFORMED, MOTE_NOWHERE, "object %" PRIu32 ": for another processor than object 0", l->nelves);
    }
    l->out->arch = l->elves[0].machine == EM_AARCH64 ? MO_ARCH_AARCH64 : MO_ARCH_X86_64;
    return true;
}

static bool make_tables(linker *l)
{
    mo_linked *out = l->out;
    out->nfuncs = l->nfuncs;
    out->code_at = mo_calloc(l->nfuncs, sizeof *out->code_at);
    out->code_len = mo_calloc(l->nfuncs, sizeof *out->code_len);
    if (!out->code_at || !out->code_len) return mo_fail_nomem(l->err);
    for (uint32_t i = 0; i < l->nfuncs; i++)
        out->code_at[i] = MO_NO_CODE;
    return true;
}

bool mo_link(const mo_code *code, uint32_t nfuncs, mo_linked *ret, mote_error *err)
{
    mo_linked out = {0};
    linker l = {.out = &out, .nfuncs = nfuncs, .err = err, .helpers = {{.name = "memcpy"}, {.name = "memmove"}, {.name = "memset"}}};
    bool ok = make_tables(&l) && read_objects(&l, code) && place(&l) && copy_sections(&l) &&
              define_symbols(&l) && relocate_all(&l) && make_sites(&l);
    mo_dwarf_free(&l.dwarf);
    mo_arena_free(&l.arena);
    if (ok)
        *ret = out;
    else
        mo_linked_free(&out);
    return ok;
}

void mo_linked_free(mo_linked *linked)
{
    mo_buffer_free(&linked->text);
    mo_buffer_free(&linked->constants);
    mo_buffer_free(&linked->sites);
    mo_free(linked->code_at);
    mo_free(linked->code_len);
    mo_free(linked->jumps);
    *linked = (mo_linked){0};
}
