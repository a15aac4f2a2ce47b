/* make.h - what the artifact's tests are made from: Wasm modules and ELF objects put
 * together byte by byte, and the small example that most of them use. */
#ifndef MOTE_TEST_ARTIFACT_MAKE_H
#define MOTE_TEST_ARTIFACT_MAKE_H

#include "artifact/artifact.h"
#include "artifact/hash.h"
#include "base/test.h"

#include <elf.h>
#include <stdlib.h>

#define UNUSED __attribute__((unused))
#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* --- Wasm -------------------------------------------------------------- */

UNUSED static void wasm_begin(mo_buffer *w)
{
    mo_buffer_put(w, "\0asm\1\0\0\0", 8);
}

UNUSED static void wasm_leb(mo_buffer *w, uint64_t n)
{
    do {
        uint8_t byte = (uint8_t)(n & 0x7f) | (n > 0x7f ? 0x80 : 0);
        mo_buffer_put(w, &byte, 1);
    } while (n >>= 7);
}

UNUSED static void wasm_section(mo_buffer *w, uint8_t id, const uint8_t *bytes, size_t len)
{
    mo_buffer_put(w, &id, 1);
    wasm_leb(w, len);
    mo_buffer_put(w, bytes, len);
}
#define SECTION(w, id, ...) wasm_section((w), (id), BYTES(__VA_ARGS__))

UNUSED static mo_module *load_wasm(mo_buffer *w)
{
    mote_error err;
    mo_error_clear(&err);
    mo_module *m = NULL;
    if (mo_module_load(w->at, w->len, mo_features_all(), NULL, &m, &err) != MOTE_OK)
        fprintf(stderr, "module: %s at %" PRIu64 "\n", err.message, err.offset);
    mo_buffer_free(w);
    return m;
}

/* --- ELF --------------------------------------------------------------- */

typedef struct elf_part {
    const char *name;
    uint32_t type, align, info;
    uint64_t flags;
    mo_buffer bytes, relas;
} elf_part;

typedef struct elf_maker {
    uint16_t machine;
    elf_part parts[12]; /* section i + 1 */
    uint32_t nparts, nsymbols;
    mo_buffer symbols, names;
} elf_maker;

UNUSED static elf_maker elf_begin(uint16_t machine)
{
    elf_maker e = {.machine = machine};
    mo_buffer_zeros(&e.symbols, sizeof(Elf64_Sym));
    mo_buffer_zeros(&e.names, 1);
    e.nsymbols = 1;
    return e;
}

/* Returns the section's number. */
UNUSED static uint32_t elf_section(elf_maker *e, const char *name, uint64_t flags, uint32_t align, const uint8_t *bytes, size_t len)
{
    elf_part *p = &e->parts[e->nparts++];
    *p = (elf_part){.name = name, .type = SHT_PROGBITS, .align = align, .flags = flags};
    mo_buffer_put(&p->bytes, bytes, len);
    return e->nparts;
}
#define ELF_TEXT(e, name, ...) elf_section((e), (name), SHF_ALLOC | SHF_EXECINSTR, 16, BYTES(__VA_ARGS__))
#define ELF_CONST(e, name, align, ...) elf_section((e), (name), SHF_ALLOC, (align), BYTES(__VA_ARGS__))

UNUSED static uint32_t elf_symbol(elf_maker *e, const char *name, uint32_t section, uint64_t value, uint64_t size, unsigned bind, unsigned type)
{
    Elf64_Sym s = {.st_name = (uint32_t)e->names.len, .st_shndx = (uint16_t)section, .st_value = value, .st_size = size,
                   .st_info = (unsigned char)ELF64_ST_INFO(bind, type)};
    mo_buffer_put(&e->names, name, strlen(name) + 1);
    mo_buffer_put(&e->symbols, &s, sizeof s);
    return e->nsymbols++;
}
#define ELF_FUNC(e, name, section, value, size) elf_symbol((e), (name), (section), (value), (size), STB_GLOBAL, STT_FUNC)
#define ELF_WANT(e, name) elf_symbol((e), (name), SHN_UNDEF, 0, 0, STB_GLOBAL, STT_NOTYPE)
#define ELF_MARK(e, section) elf_symbol((e), "", (section), 0, 0, STB_LOCAL, STT_SECTION)

UNUSED static void elf_reloc(elf_maker *e, uint32_t section, uint64_t at, uint32_t type, uint32_t symbol, int64_t addend)
{
    Elf64_Rela r = {at, ELF64_R_INFO((uint64_t)symbol, type), addend};
    mo_buffer_put(&e->parts[section - 1].relas, &r, sizeof r);
}

UNUSED static void elf_put(mo_buffer *out, mo_buffer *headers, mo_buffer *names, const char *name, Elf64_Shdr h, const mo_buffer *bytes)
{
    mo_buffer_align(out, 16);
    h.sh_name = (uint32_t)names->len;
    h.sh_offset = out->len;
    h.sh_size = bytes->len;
    mo_buffer_put(names, name, strlen(name) + 1);
    mo_buffer_put(out, bytes->at, bytes->len);
    mo_buffer_put(headers, &h, sizeof h);
}

/* Frees what e holds. */
UNUSED static mo_object elf_finish(elf_maker *e)
{
    mo_buffer out = {0}, headers = {0}, names = {0};
    uint32_t symtab = e->nparts + 1, strtab = symtab + 1;
    mo_buffer_zeros(&out, sizeof(Elf64_Ehdr));
    mo_buffer_zeros(&headers, sizeof(Elf64_Shdr));
    mo_buffer_zeros(&names, 1);
    for (uint32_t i = 0; i < e->nparts; i++) {
        elf_part *p = &e->parts[i];
        elf_put(&out, &headers, &names, p->name, (Elf64_Shdr){.sh_type = p->type, .sh_flags = p->flags, .sh_addralign = p->align}, &p->bytes);
    }
    elf_put(&out, &headers, &names, ".symtab", (Elf64_Shdr){.sh_type = SHT_SYMTAB, .sh_link = strtab, .sh_entsize = sizeof(Elf64_Sym)}, &e->symbols);
    elf_put(&out, &headers, &names, ".strtab", (Elf64_Shdr){.sh_type = SHT_STRTAB}, &e->names);
    uint32_t n = strtab + 1;
    for (uint32_t i = 0; i < e->nparts; i++)
        if (e->parts[i].relas.len) {
            Elf64_Shdr h = {.sh_type = SHT_RELA, .sh_link = symtab, .sh_info = i + 1, .sh_entsize = sizeof(Elf64_Rela)};
            elf_put(&out, &headers, &names, ".rela", h, &e->parts[i].relas);
            n++;
        }
    mo_buffer strings = {0};
    mo_buffer_put(&strings, names.at, names.len);
    mo_buffer_put(&strings, ".shstrtab", 10);
    elf_put(&out, &headers, &names, ".shstrtab", (Elf64_Shdr){.sh_type = SHT_STRTAB}, &strings);
    mo_buffer_align(&out, 16);
    Elf64_Ehdr h = {.e_type = ET_REL, .e_machine = e->machine, .e_version = EV_CURRENT, .e_shoff = out.len,
                    .e_ehsize = sizeof h, .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = (uint16_t)(n + 1), .e_shstrndx = (uint16_t)n};
    memcpy(h.e_ident, ELFMAG, SELFMAG);
    h.e_ident[EI_CLASS] = ELFCLASS64;
    h.e_ident[EI_DATA] = ELFDATA2LSB;
    h.e_ident[EI_VERSION] = EV_CURRENT;
    mo_buffer_put(&out, headers.at, headers.len);
    memcpy(out.at, &h, sizeof h);
    for (uint32_t i = 0; i < e->nparts; i++) {
        mo_buffer_free(&e->parts[i].bytes);
        mo_buffer_free(&e->parts[i].relas);
    }
    mo_buffer_free(&e->symbols);
    mo_buffer_free(&e->names);
    mo_buffer_free(&headers);
    mo_buffer_free(&names);
    mo_buffer_free(&strings);
    return (mo_object){out.at, out.len};
}

/* --- the example ------------------------------------------------------- */

/* A bit of everything: imports, three functions (1 to 3), a table, a memory with an
 * image, globals, a tag, every kind of segment, names. Function 3 is start. */
UNUSED static mo_module *example_module(void)
{
    mo_buffer w = {0};
    wasm_begin(&w);
    SECTION(&w, 1, 4, 0x60, 2, 0x7f, 0x7f, 1, 0x7f,            /* 0: i32 i32 -> i32 */
            0x60, 1, 0x7f, 1, 0x7f,                             /* 1: i32 -> i32 */
            0x60, 0, 0,                                         /* 2: -> */
            0x4e, 2, 0x50, 0, 0x60, 0, 1, 0x64, 4, 0x50, 1, 3, 0x60, 0, 1, 0x64, 4); /* 3, 4: rec, 4 below 3 */
    SECTION(&w, 2, 2, 3, 'e', 'n', 'v', 3, 'l', 'o', 'g', 0, 1, 3, 'e', 'n', 'v', 4, 'b', 'a', 's', 'e', 3, 0x7f, 0);
    SECTION(&w, 3, 3, 0, 1, 2);
    SECTION(&w, 4, 2, 0x70, 1, 4, 8, 0x40, 0, 0x70, 0, 2, 0xd2, 1, 0x0b); /* the second with an initial value */
    SECTION(&w, 5, 1, 1, 2, 10);
    SECTION(&w, 13, 1, 0, 2);
    SECTION(&w, 6, 3, 0x7f, 1, 0x23, 0, 0x41, 7, 0x6a, 0x0b, 0x70, 0, 0xd2, 2, 0x0b, 0x6f, 1, 0xd0, 0x6f, 0x0b);
    SECTION(&w, 7, 5, 3, 'a', 'd', 'd', 0, 1, 2, 'n', 'e', 0, 2, 3, 'm', 'e', 'm', 2, 0, 3, 't', 'a', 'b', 1, 0, 3, 'l', 'o', 'g', 0, 0);
    SECTION(&w, 8, 3);
    SECTION(&w, 9, 3, 0, 0x41, 1, 0x0b, 2, 1, 2,                 /* active */
            5, 0x70, 2, 0xd2, 0, 0x0b, 0xd0, 0x70, 0x0b,         /* passive expressions */
            3, 0, 1, 3);                                        /* declared */
    SECTION(&w, 12, 3);
    SECTION(&w, 10, 3, 7, 0, 0x20, 0, 0x20, 1, 0x6a, 0x0b, 6, 0, 0x20, 0, 0x10, 0, 0x0b, 2, 0, 0x0b);
    SECTION(&w, 11, 3, 0, 0x41, 0x10, 0x0b, 5, 'h', 'e', 'l', 'l', 'o', 1, 2, 'p', 'q', 0, 0x23, 0, 0x0b, 2, 'r', 's');
    SECTION(&w, 0, 4, 'n', 'a', 'm', 'e', 0, 3, 2, 'e', 'x', 1, 9, 2, 1, 3, 's', 'u', 'm', 2, 1, 'n');
    return load_wasm(&w);
}

/* mote.f1 adds, mote.f2 jumps to mote.f1 with its argument twice, mote.f3 returns. */
UNUSED static mo_object example_object(void)
{
    elf_maker e = elf_begin(EM_X86_64);
    uint32_t one = ELF_TEXT(&e, ".text.mote.f1", 0x8d, 0x04, 0x37, 0xc3);
    uint32_t two = ELF_TEXT(&e, ".text.mote.f2", 0x89, 0xfe, 0xe9, 0, 0, 0, 0);
    uint32_t three = ELF_TEXT(&e, ".text.mote.f3", 0xc3);
    uint32_t f1 = ELF_FUNC(&e, "mote.f1", one, 0, 4);
    ELF_FUNC(&e, "mote.f2", two, 0, 7);
    ELF_FUNC(&e, "mote.f3", three, 0, 1);
    elf_reloc(&e, two, 3, R_X86_64_PLT32, f1, -4);
    return elf_finish(&e);
}

UNUSED static bool link_one(mo_object object, uint32_t nfuncs, mo_linked *ret, mote_error *err)
{
    mo_code code = {&object, 1};
    mo_error_clear(err);
    return mo_link(&code, nfuncs, ret, err);
}

UNUSED static const mo_artifact_info example_info = {.cpu = 1u << MO_CPU_SSE3, .options = 2, .target_cpu = "x86-64", .compiler = "hand"};

/* An artifact's bytes, of the module and the example's code if it has functions. */
UNUSED static mo_buffer write_module(mo_module *m)
{
    mote_error err;
    mo_buffer file = {0};
    mo_linked linked = {0};
    mo_error_clear(&err);
    if (!m) return file;
    mo_object object = example_object();
    mo_code code = {&object, m->nfuncs > m->nimported_funcs};
    if (!expect(mo_link(&code, m->nfuncs, &linked, &err) && mo_artifact_write(m, &linked, &example_info, &file, &err)))
        fprintf(stderr, "    %s\n", err.message);
    mo_linked_free(&linked);
    mo_free(object.bytes);
    mo_module_unref(m);
    return file;
}

UNUSED static mo_buffer example_bytes(void)
{
    return write_module(example_module());
}

UNUSED static mo_artifact *open_bytes(const mo_buffer *file)
{
    mote_error err;
    mo_artifact *a = NULL;
    mo_error_clear(&err);
    if (!expect(mo_artifact_open_bytes(file->at, file->len, &a, &err))) fprintf(stderr, "    %s\n", err.message);
    return a;
}

UNUSED static mo_file_header *header_of(mo_buffer *file)
{
    return (mo_file_header *)file->at;
}

UNUSED static void repair_hash(mo_buffer *file)
{
    header_of(file)->header_hash = mo_hash_header(file->at);
}

/* --- reading everything ------------------------------------------------ */

static volatile uint8_t touched;

UNUSED static void touch(const void *p, size_t len)
{
    for (size_t i = 0; i < len; i++) touched ^= ((const uint8_t *)p)[i];
}

UNUSED static void touch_expr(const mo_artifact *a, mo_list expr)
{
    touch(mo_meta_at(a, expr), expr.n * sizeof(mo_meta_const));
}

/* What a host would read of an artifact that was opened, so that a sanitizer sees
 * whether the check let something through. */
UNUSED static void read_everything(const mo_artifact *a)
{
    const mo_meta *m = a->meta;
    for (uint32_t i = 0; i < m->ntypes; i++) {
        const mo_meta_type *t = &mo_meta_types(a)[i];
        touch(mo_meta_at(a, t->params), t->params.n * sizeof(mo_valtype));
        touch(mo_meta_at(a, t->results), t->results.n * sizeof(mo_valtype));
        touch(mo_meta_at(a, t->fields), t->fields.n * sizeof(mo_meta_field));
        for (uint32_t k = 0; k < t->results.n; k++) mo_valtype_global(a, ((const mo_valtype *)mo_meta_at(a, t->results))[k]);
    }
    for (uint32_t i = 0; i < m->nimports; i++) {
        touch(mo_meta_at(a, mo_meta_imports(a)[i].module), mo_meta_imports(a)[i].module.n);
        touch(mo_meta_at(a, mo_meta_imports(a)[i].name), mo_meta_imports(a)[i].name.n);
    }
    for (uint32_t i = 0; i < m->nexports; i++) {
        mo_list name = mo_meta_exports(a)[i].name;
        expect(mo_artifact_export(a, mo_meta_at(a, name), name.n) == &mo_meta_exports(a)[i]);
    }
    for (uint32_t i = 0; i < m->nfuncs; i++) {
        mo_span name = mo_artifact_func_name(a, i);
        uint32_t code_at = mo_meta_funcs(a)[i].code_at;
        mo_source frames[4];
        touch(name.at, name.len);
        if (code_at == MO_NO_CODE) continue;
        touch(a->text + code_at, 1);
        mo_artifact_source(a, a->text + code_at, frames, 4);
    }
    for (uint32_t i = 0; i < m->ntables; i++) touch_expr(a, mo_meta_tables(a)[i].init);
    for (uint32_t i = 0; i < m->nglobals; i++) touch_expr(a, mo_meta_globals(a)[i].init);
    for (uint32_t i = 0; i < m->nelems; i++) {
        const mo_meta_elem *e = &mo_meta_elems(a)[i];
        touch_expr(a, e->offset);
        touch(mo_meta_at(a, e->funcs), e->funcs.n * sizeof(uint32_t));
        for (uint32_t k = 0; k < e->exprs.n; k++) touch_expr(a, ((const mo_list *)mo_meta_at(a, e->exprs))[k]);
    }
    for (uint32_t i = 0; i < m->ndatas; i++) {
        touch_expr(a, mo_meta_datas(a)[i].offset);
        touch(mo_meta_at(a, mo_meta_datas(a)[i].bytes), mo_meta_datas(a)[i].bytes.n);
    }
    for (uint32_t i = 0; i < m->images.n; i++) touch(a->image + mo_meta_images(a)[i].at, mo_meta_images(a)[i].len);
    for (uint64_t at = 0; at < a->text_len; at += 3) {
        mo_source frames[4];
        mo_artifact_source(a, a->text + at, frames, 4);
    }
}

#endif
