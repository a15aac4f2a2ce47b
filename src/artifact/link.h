/* link.h - the linker's inside: elf.c reads objects, link.c lays them out and
 * resolves, link_<processor>.c applies relocations, dwarf.c makes SITES.
 *   bytes --mo_elf_read--> mo_elf --link.c--> TEXT, CONST
 *                                 --mo_dwarf_read--> mo_dwarf --> SITES
 * Addresses count from TEXT's start; CONST begins at the next multiple of
 * MO_FILE_PAGE behind TEXT, as it will in the file. An object is not believed:
 * whatever is wrong with it is an error, never a crash. */
#ifndef MO_ARTIFACT_LINK_H
#define MO_ARTIFACT_LINK_H

#include "artifact/artifact.h"

#include <elf.h>

/* --- objects (elf.c) --------------------------------------------------- */

/* Where a section of an object goes. */
typedef enum mo_part { MO_PART_NONE, MO_PART_TEXT, MO_PART_CONST, MO_PART_DEBUG } mo_part;

typedef struct mo_elf_section {
    mo_part part;
    const char *name;
    mo_span bytes;    /* in the object; none if part is MO_PART_NONE */
    uint64_t align;   /* a power of two, at most MO_FILE_PAGE */
    uint64_t address; /* TEXT and CONST: where link.c put it */
    const uint8_t *relas; /* Elf64_Rela[nrelas], perhaps unaligned */
    uint64_t nrelas;
} mo_elf_section;

typedef struct mo_elf {
    uint32_t number; /* of the object, for messages */
    uint16_t machine;
    uint32_t nsections, nsymbols;
    mo_elf_section *sections;
    const uint8_t *symbols;        /* Elf64_Sym[nsymbols], perhaps unaligned */
    const uint8_t *symbol_sections; /* uint32_t[nsymbols] for SHN_XINDEX, or NULL */
    mo_span names;                 /* ends with NUL */
} mo_elf;

typedef struct mo_elf_symbol {
    const char *name;
    uint64_t value, size;
    uint32_t section; /* SHN_UNDEF or an index into sections; MO_NO_SECTION: neither */
    uint8_t type, binding;
} mo_elf_symbol;
#define MO_NO_SECTION UINT32_MAX

/* Borrows the object's bytes. */
bool mo_elf_read(const mo_object *object, uint32_t number, mo_arena *arena, mo_elf *ret, mote_error *err);
/* i < nsymbols. */
mo_elf_symbol mo_elf_symbol_at(const mo_elf *elf, uint32_t i);

/* --- relocations (link_x86_64.c, link_aarch64.c) ----------------------- */

typedef struct mo_reloc {
    uint32_t type;
    uint8_t *section; /* the output's bytes of the section that it patches */
    uint64_t len, at; /* the section's length and the place in it */
    uint64_t place, target; /* addresses: of what is patched, of the symbol */
    int64_t addend;
    bool debug;       /* in debug information, where addresses stay absolute */
} mo_reloc;

typedef enum mo_reloc_result {
    MO_RELOC_OK,
    MO_RELOC_UNKNOWN, /* a kind that mote's compilers don't make */
    MO_RELOC_RUNTIME, /* would need the address where the code will be mapped */
    MO_RELOC_RANGE,   /* the distance doesn't fit */
    MO_RELOC_OUTSIDE, /* patches bytes outside its section */
} mo_reloc_result;

mo_reloc_result mo_reloc_x86_64(const mo_reloc *r);
const char *mo_reloc_name_x86_64(uint32_t type); /* NULL: unknown */
mo_reloc_result mo_reloc_aarch64(const mo_reloc *r);
const char *mo_reloc_name_aarch64(uint32_t type);

/* Fills what no control should ever reach with instructions that trap; len is a
 * multiple of an instruction's alignment. */
void mo_link_fill(mo_arch arch, uint8_t *at, uint64_t len);

/* --- debug information -> SITES (dwarf.c) ------------------------------ */

typedef struct mo_dwarf_row { uint32_t code_at, line, order; bool end; } mo_dwarf_row;
typedef struct mo_dwarf_inline { uint32_t from, to, depth, frame; } mo_dwarf_inline;

/* Gathers what all objects tell. Zero it first. */
typedef struct mo_dwarf {
    uint64_t text_len;
    mo_dwarf_row *rows;
    mo_dwarf_inline *inlines;
    mo_site_frame *frames;
    mo_site_range *ranges; /* given by the linker: one per function symbol */
    size_t nrows, ninlines, nframes, nranges;
    size_t rows_cap, inlines_cap, frames_cap, ranges_cap;
} mo_dwarf;

typedef struct mo_dwarf_sections { mo_span info, abbrev, line, ranges, str; } mo_dwarf_sections; /* relocated */

bool mo_dwarf_read(mo_dwarf *d, const mo_dwarf_sections *sections, mote_error *err);
/* SITES' contents. Sorts what d holds. */
bool mo_dwarf_sites(mo_dwarf *d, mo_buffer *ret, mote_error *err);
void mo_dwarf_free(mo_dwarf *d);

#endif
