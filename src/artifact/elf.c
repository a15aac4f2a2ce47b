/* elf.c - an ELF64 relocatable object in, its sections and symbols out, checked.
 * Afterwards every span lies in the object and every section index is in range,
 * so that the linker and the debug information's reader need not ask again. */
#include "artifact/link.h"

typedef struct reader {
    mo_span bytes;
    mo_elf *elf;
    mo_arena *arena;
    mote_error *err;
    Elf64_Ehdr header;
    uint64_t nsections;
} reader;

#define BAD(r, ...) bad((r), __VA_ARGS__)
static bool bad(reader *r, const char *format, ...) MO_PRINTF(2, 3) __attribute__((cold));

static bool bad(reader *r, const char *format, ...)
{
    mote_error e = {.status = MOTE_OK};
    va_list args;
    va_start(args, format);
    mo_vfail(&e, MOTE_MALFORMED, MOTE_NOWHERE, format, args);
    va_end(args);
    return mo_fail(r->err, MOTE_MALFORMED, MOTE_NOWHERE, "object %" PRIu32 ": %s", r->elf->number, e.message);
}

static bool inside(const reader *r, uint64_t at, uint64_t len)
{
    return at <= r->bytes.len && len <= r->bytes.len - at;
}

static Elf64_Shdr section_header(const reader *r, uint64_t i)
{
    Elf64_Shdr h;
    memcpy(&h, r->bytes.at + r->header.e_shoff + i * sizeof h, sizeof h);
    return h;
}

static bool read_header(reader *r)
{
    if (r->bytes.len < sizeof r->header) return BAD(r, "%zu bytes, too short for an ELF object", r->bytes.len);
    memcpy(&r->header, r->bytes.at, sizeof r->header);
    const Elf64_Ehdr *h = &r->header;
    if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0) return BAD(r, "not an ELF object");
    if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB)
        return BAD(r, "want 64-bit little-endian ELF");
    if (h->e_type != ET_REL) return BAD(r, "want a relocatable object, have ELF type %u", h->e_type);
    if (h->e_machine != EM_X86_64 && h->e_machine != EM_AARCH64)
        return BAD(r, "want x86-64 or aarch64, have ELF machine %u", h->e_machine);
    if (h->e_shentsize != sizeof(Elf64_Shdr) || !inside(r, h->e_shoff, sizeof(Elf64_Shdr)))
        return BAD(r, "section headers lie outside the object");
    r->nsections = h->e_shnum ? h->e_shnum : section_header(r, 0).sh_size;
    if (r->nsections > r->bytes.len / sizeof(Elf64_Shdr) ||
        !inside(r, h->e_shoff, r->nsections * sizeof(Elf64_Shdr)))
        return BAD(r, "section headers lie outside the object");
    r->elf->machine = h->e_machine;
    return true;
}

/* A string table's contents: begin and end with NUL, so every offset is a string. */
static bool read_names(reader *r, uint64_t section, mo_span *ret)
{
    if (section >= r->nsections) return BAD(r, "string table is section %" PRIu64 " of %" PRIu64, section, r->nsections);
    Elf64_Shdr h = section_header(r, section);
    if (h.sh_type != SHT_STRTAB || !inside(r, h.sh_offset, h.sh_size) || h.sh_size == 0 ||
        r->bytes.at[h.sh_offset + h.sh_size - 1] != 0)
        return BAD(r, "section %" PRIu64 " is not a string table", section);
    *ret = (mo_span){r->bytes.at + h.sh_offset, h.sh_size};
    return true;
}

static const char *name_at(mo_span names, uint64_t at)
{
    return at < names.len ? (const char *)names.at + at : "";
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* What the linker has to do with a section, or an error if it can't. */
static bool choose_part(reader *r, const Elf64_Shdr *h, mo_elf_section *s)
{
    s->part = MO_PART_NONE;
    if (!(h->sh_flags & SHF_ALLOC)) {
        if (h->sh_flags & SHF_COMPRESSED) return BAD(r, "%s is compressed", s->name);
        if (h->sh_type == SHT_PROGBITS && starts(s->name, ".debug_")) s->part = MO_PART_DEBUG;
        return true;
    }
    if (h->sh_size == 0 || starts(s->name, ".eh_frame") || h->sh_type == SHT_NOTE) return true;
    if (h->sh_flags & SHF_TLS) return BAD(r, "%s: thread-local data, want none", s->name);
    if (h->sh_flags & SHF_WRITE) return BAD(r, "%s: writable data, want code and constants only", s->name);
    if (h->sh_type != SHT_PROGBITS) return BAD(r, "%s: section type %" PRIu32 " is loaded, want PROGBITS", s->name, h->sh_type);
    s->part = h->sh_flags & SHF_EXECINSTR ? MO_PART_TEXT : MO_PART_CONST;
    return true;
}

static bool read_section(reader *r, mo_span names, uint64_t i)
{
    Elf64_Shdr h = section_header(r, i);
    mo_elf_section *s = &r->elf->sections[i];
    s->name = name_at(names, h.sh_name);
    if (!choose_part(r, &h, s)) return false;
    if (s->part == MO_PART_NONE) return true;
    if (!inside(r, h.sh_offset, h.sh_size)) return BAD(r, "%s lies outside the object", s->name);
    s->bytes = (mo_span){r->bytes.at + h.sh_offset, h.sh_size};
    s->align = h.sh_addralign ? h.sh_addralign : 1;
    if ((s->align & (s->align - 1)) != 0 || s->align > MO_FILE_PAGE)
        return BAD(r, "%s: alignment %" PRIu64 ", want a power of two up to %d", s->name, s->align, MO_FILE_PAGE);
    return true;
}

static bool read_relas(reader *r, uint64_t i)
{
    Elf64_Shdr h = section_header(r, i);
    if (h.sh_type != SHT_RELA && h.sh_type != SHT_REL) return true;
    if (h.sh_info >= r->nsections) return BAD(r, "relocations for section %" PRIu32 ", which is not there", h.sh_info);
    mo_elf_section *s = &r->elf->sections[h.sh_info];
    if (s->part == MO_PART_NONE) return true;
    if (h.sh_type == SHT_REL) return BAD(r, "%s: relocations without addends", s->name);
    if (s->relas) return BAD(r, "%s: relocations in two sections", s->name);
    if (h.sh_entsize != sizeof(Elf64_Rela) || h.sh_size % sizeof(Elf64_Rela) != 0 || !inside(r, h.sh_offset, h.sh_size))
        return BAD(r, "%s: relocations lie outside the object", s->name);
    s->relas = r->bytes.at + h.sh_offset;
    s->nrelas = h.sh_size / sizeof(Elf64_Rela);
    return true;
}

static bool read_symbols(reader *r, uint64_t i)
{
    Elf64_Shdr h = section_header(r, i);
    mo_elf *elf = r->elf;
    if (h.sh_type != SHT_SYMTAB) return true;
    if (elf->symbols) return BAD(r, "two symbol tables");
    if (h.sh_entsize != sizeof(Elf64_Sym) || h.sh_size % sizeof(Elf64_Sym) != 0 ||
        !inside(r, h.sh_offset, h.sh_size) || h.sh_size / sizeof(Elf64_Sym) > UINT32_MAX)
        return BAD(r, "symbols lie outside the object");
    elf->symbols = r->bytes.at + h.sh_offset;
    elf->nsymbols = (uint32_t)(h.sh_size / sizeof(Elf64_Sym));
    return read_names(r, h.sh_link, &elf->names);
}

/* Section numbers of symbols, where there are more than 65,279 sections. */
static bool read_symbol_sections(reader *r, uint64_t i)
{
    Elf64_Shdr h = section_header(r, i);
    if (h.sh_type != SHT_SYMTAB_SHNDX) return true;
    if (h.sh_size / 4 < r->elf->nsymbols || !inside(r, h.sh_offset, h.sh_size))
        return BAD(r, "symbols' section numbers lie outside the object");
    r->elf->symbol_sections = r->bytes.at + h.sh_offset;
    return true;
}

static bool read_all(reader *r)
{
    mo_span names;
    uint64_t names_section = r->header.e_shstrndx;
    if (names_section == SHN_XINDEX && r->nsections) names_section = section_header(r, 0).sh_link;
    if (!read_names(r, names_section, &names)) return false;
    r->elf->nsections = (uint32_t)r->nsections;
    r->elf->sections = mo_arena_array(r->arena, r->nsections, sizeof *r->elf->sections);
    if (!r->elf->sections) return mo_fail_nomem(r->err);
    for (uint64_t i = 0; i < r->nsections; i++)
        if (!read_section(r, names, i) || !read_symbols(r, i)) return false;
    for (uint64_t i = 0; i < r->nsections; i++)
        if (!read_relas(r, i) || !read_symbol_sections(r, i)) return false;
    return true;
}

bool mo_elf_read(const mo_object *object, uint32_t number, mo_arena *arena, mo_elf *ret, mote_error *err)
{
    *ret = (mo_elf){.number = number};
    reader r = {.bytes = {object->bytes, object->len}, .elf = ret, .arena = arena, .err = err};
    return read_header(&r) && read_all(&r);
}

mo_elf_symbol mo_elf_symbol_at(const mo_elf *elf, uint32_t i)
{
    Elf64_Sym s;
    memcpy(&s, elf->symbols + (size_t)i * sizeof s, sizeof s);
    uint32_t section = s.st_shndx;
    if (section == SHN_XINDEX && elf->symbol_sections)
        section = mo_get32(elf->symbol_sections + (size_t)i * 4);
    else if (section >= SHN_LORESERVE)
        section = MO_NO_SECTION;
    return (mo_elf_symbol){
        .name = name_at(elf->names, s.st_name),
        .value = s.st_value,
        .size = s.st_size,
        .section = section < elf->nsections ? section : MO_NO_SECTION,
        .type = ELF64_ST_TYPE(s.st_info),
        .binding = ELF64_ST_BIND(s.st_info),
    };
}
