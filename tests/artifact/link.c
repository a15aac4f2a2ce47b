/* Claims about the linker: what it resolves, and what it refuses by name. */
#include "artifact/make.h"

static uint32_t word_at(const mo_buffer *b, uint64_t at)
{
    return mo_get32(b->at + at);
}

static void refuses_objects(mo_object *objects, uint32_t n, uint32_t nfuncs, const char *message)
{
    mo_linked linked;
    mote_error err;
    mo_error_clear(&err);
    uint64_t live = mo_alloc_live();
    expect(!mo_link(&(mo_code){objects, n}, nfuncs, &linked, &err));
    expect(err.status == MOTE_MALFORMED);
    expect_text(err.message, message);
    expect_u64(mo_alloc_live(), live);
    for (uint32_t i = 0; i < n; i++) mo_free(objects[i].bytes);
}

static void refuses(elf_maker *e, const char *message)
{
    mo_object object = elf_finish(e);
    refuses_objects(&object, 1, 8, message);
}

TEST(calls_are_resolved_and_padding_traps)
{
    mo_object object = example_object();
    mo_linked l;
    mote_error err;
    require(link_one(object, 4, &l, &err));
    expect_u64(l.code_at[0], MO_NO_CODE);
    expect_u64(l.code_at[1], 0);
    expect_u64(l.code_at[2], 16);
    expect_u64(l.code_len[2], 7);
    expect_u64(l.code_at[3], 32);
    expect_u64(l.text.len, 33);
    expect_u64(word_at(&l.text, 19), (uint32_t)-23);
    for (int i = 4; i < 16; i++) expect_u64(l.text.at[i], 0xcc);
    for (int i = 23; i < 32; i++) expect_u64(l.text.at[i], 0xcc);
    mo_linked_free(&l);
    mo_free(object.bytes);
}

TEST(functions_and_helpers_are_found_across_objects)
{
    elf_maker a = elf_begin(EM_X86_64), b = elf_begin(EM_X86_64);
    uint32_t text = ELF_TEXT(&a, ".text", 0xe8, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0xc3);
    ELF_FUNC(&a, "mote.f0", text, 0, 11);
    elf_reloc(&a, text, 1, R_X86_64_PLT32, ELF_WANT(&a, "mote.f7"), -4);
    elf_reloc(&a, text, 6, R_X86_64_PC32, ELF_WANT(&a, "memcpy"), -4);
    uint32_t other = ELF_TEXT(&b, ".text", 0xc3, 0x90, 0x90, 0x90, 0xc3, 0x90, 0x90, 0x90, 0xc3);
    ELF_FUNC(&b, "mote.f7", other, 0, 1);
    elf_symbol(&b, "memcpy", other, 4, 1, STB_WEAK, STT_FUNC);
    elf_symbol(&b, "memset", other, 8, 1, STB_WEAK, STT_FUNC);
    elf_maker c = elf_begin(EM_X86_64);
    uint32_t third = ELF_TEXT(&c, ".text", 0xc3);
    elf_symbol(&c, "memcpy", third, 0, 1, STB_WEAK, STT_FUNC);
    mo_object objects[] = {elf_finish(&a), elf_finish(&b), elf_finish(&c)};
    mo_linked l;
    mote_error err;
    mo_error_clear(&err);
    require(mo_link(&(mo_code){objects, 3}, 8, &l, &err));
    expect_u64(l.code_at[7], 16);
    expect_u64(word_at(&l.text, 1), 16 - 5);
    expect_u64(word_at(&l.text, 6), 20 - 10); /* the first memcpy */
    expect_u64(word_at(&l.text, 17) & 0xffffff, 0xcccccc); /* no-ops between functions */
    mo_linked_free(&l);
    for (int i = 0; i < 3; i++) mo_free(objects[i].bytes);
}

TEST(constants_begin_at_the_next_page)
{
    elf_maker e = elf_begin(EM_X86_64);
    uint32_t text = ELF_TEXT(&e, ".text", 0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xc3);
    uint32_t bytes = ELF_CONST(&e, ".rodata", 1, 1, 2, 3);
    uint32_t table = ELF_CONST(&e, ".rodata.cst16", 16, 0, 0, 0, 0, 0, 0, 0, 0);
    ELF_FUNC(&e, "mote.f0", text, 0, 8);
    elf_reloc(&e, text, 3, R_X86_64_PC32, ELF_MARK(&e, bytes), 1 - 4);
    uint32_t mark = ELF_MARK(&e, text);
    elf_reloc(&e, table, 0, R_X86_64_PC32, mark, 5);
    elf_reloc(&e, table, 4, R_X86_64_PC32, mark, 0);
    mo_object object = elf_finish(&e);
    mo_linked l;
    mote_error err;
    require(link_one(object, 1, &l, &err));
    expect_u64(l.constants.len, 24);
    expect_u64(word_at(&l.text, 3), 4096 + 1 - 7);
    expect_u64(word_at(&l.constants, 16), (uint32_t)(5 - (4096 + 16)));
    expect_u64(word_at(&l.constants, 20), (uint32_t)-(4096 + 20));
    mo_linked_free(&l);
    mo_free(object.bytes);
}

TEST(jump_tables_are_noted_in_order)
{
    elf_maker e = elf_begin(EM_X86_64);
    uint32_t text = ELF_TEXT(&e, ".text", 0xc3);
    uint32_t table = ELF_CONST(&e, ".rodata", 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    ELF_FUNC(&e, "mote.f0", text, 0, 1);
    uint32_t code = ELF_MARK(&e, text), data = ELF_MARK(&e, table);
    const uint64_t places[] = {16, 4, 0};
    for (int i = 0; i < 3; i++) elf_reloc(&e, table, places[i], R_X86_64_PC32, code, 0);
    elf_reloc(&e, table, 8, R_X86_64_PC32, data, 0); /* not to code */
    mo_object object = elf_finish(&e);
    mo_linked l;
    mote_error err;
    require(link_one(object, 1, &l, &err));
    require(expect_u64(l.njumps, 2));
    expect(l.jumps[0].at == 4096 && l.jumps[0].n == 2 && l.jumps[1].at == 4096 + 16 && l.jumps[1].n == 1);
    mo_linked_free(&l);
    mo_free(object.bytes);
}

TEST(references_through_an_offset_table_become_direct)
{
    elf_maker e = elf_begin(EM_X86_64);
    uint32_t text = ELF_TEXT(&e, ".text", 0x48, 0x8b, 0x05, 0, 0, 0, 0, 0xff, 0x15, 0, 0, 0, 0, 0xc3);
    uint32_t f = ELF_FUNC(&e, "mote.f0", text, 0, 14);
    elf_reloc(&e, text, 3, R_X86_64_REX_GOTPCRELX, f, -4);
    elf_reloc(&e, text, 9, R_X86_64_GOTPCRELX, f, -4);
    mo_object object = elf_finish(&e);
    mo_linked l;
    mote_error err;
    require(link_one(object, 1, &l, &err));
    const uint8_t want[] = {0x48, 0x8d, 0x05, 0xf9, 0xff, 0xff, 0xff, 0x67, 0xe8, 0xf3, 0xff, 0xff, 0xff, 0xc3};
    expect(memcmp(l.text.at, want, sizeof want) == 0);
    mo_linked_free(&l);
    mo_free(object.bytes);
}

TEST(functions_without_code_are_marked)
{
    enum { N = 70000 };
    mo_object object = example_object();
    mo_linked l;
    mote_error err;
    require(link_one(object, N, &l, &err));
    expect_u64(l.nfuncs, N);
    expect_u64(l.code_at[N - 1], MO_NO_CODE);
    mo_linked_free(&l);
    mo_free(object.bytes);
}

TEST(no_object_is_no_code)
{
    mo_linked l;
    mote_error err;
    mo_error_clear(&err);
    require(mo_link(&(mo_code){NULL, 0}, 3, &l, &err));
    expect_u64(l.text.len, 0);
    expect_u64(l.code_at[2], MO_NO_CODE);
    mo_linked_free(&l);
}

/* --- aarch64 ----------------------------------------------------------- */

TEST(aarch64_code_is_linked)
{
    elf_maker e = elf_begin(EM_AARCH64);
    uint32_t text = ELF_TEXT(&e, ".text", 0, 0, 0, 0x94 /* bl */, 0, 0, 0, 0x90 /* adrp x0 */, 0, 0, 0, 0x91 /* add x0, x0 */,
                             0, 0, 0x40, 0xf9 /* ldr x0, [x0] */, 0, 0, 0, 0x14 /* b */, 0xc0, 0x03, 0x5f, 0xd6);
    uint32_t other = ELF_TEXT(&e, ".text.b", 0xc0, 0x03, 0x5f, 0xd6);
    uint32_t data = ELF_CONST(&e, ".rodata", 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0);
    ELF_FUNC(&e, "mote.f0", text, 0, 24);
    uint32_t f1 = ELF_FUNC(&e, "mote.f1", other, 0, 4), mark = ELF_MARK(&e, data);
    elf_reloc(&e, text, 0, R_AARCH64_CALL26, f1, 0);
    elf_reloc(&e, text, 4, R_AARCH64_ADR_PREL_PG_HI21, mark, 8);
    elf_reloc(&e, text, 8, R_AARCH64_ADD_ABS_LO12_NC, mark, 8);
    elf_reloc(&e, text, 12, R_AARCH64_LDST64_ABS_LO12_NC, mark, 8);
    elf_reloc(&e, text, 16, R_AARCH64_JUMP26, ELF_WANT(&e, "mote.f0"), 0);
    elf_reloc(&e, data, 0, R_AARCH64_PREL32, f1, 0);
    mo_object object = elf_finish(&e);
    mo_linked l;
    mote_error err;
    require(link_one(object, 2, &l, &err));
    expect(l.arch == MO_ARCH_AARCH64);
    expect_u64(l.code_at[1], 32);
    expect_u64(word_at(&l.text, 0), 0x94000000 | 32 / 4);
    expect_u64(word_at(&l.text, 4), 0x90000000 | 1u << 29); /* one page on */
    expect_u64(word_at(&l.text, 8), 0x91000000 | 8u << 10);
    expect_u64(word_at(&l.text, 12), 0xf9400000 | 1u << 10);
    expect_u64(word_at(&l.text, 16), 0x14000000 | (0x3ffffff & (uint32_t)(-16 / 4)));
    expect_u64(word_at(&l.text, 24), 0xd4200000); /* brk */
    expect_u64(word_at(&l.constants, 0), (uint32_t)(32 - 4096));
    mo_linked_free(&l);
    mo_free(object.bytes);
}

TEST(aarch64_branches_that_are_too_far_are_refused)
{
    elf_maker e = elf_begin(EM_AARCH64);
    uint32_t text = ELF_TEXT(&e, ".text", 0, 0, 0, 0x94);
    uint32_t f = ELF_FUNC(&e, "mote.f0", text, 0, 4);
    elf_reloc(&e, text, 0, R_AARCH64_CALL26, f, 1 << 27);
    refuses(&e, "object 0: .text+0: relocation R_AARCH64_CALL26 (283) against mote.f0: the distance does not fit");
}

TEST(objects_of_two_processors_are_refused)
{
    elf_maker a = elf_begin(EM_X86_64), b = elf_begin(EM_AARCH64);
    mo_object objects[] = {elf_finish(&a), elf_finish(&b)};
    refuses_objects(objects, 2, 1, "object 1: for another processor than object 0");
}

/* --- refusals ---------------------------------------------------------- */

static void refuses_reloc(uint32_t type, uint64_t at, int64_t addend, const char *symbol, const char *message)
{
    elf_maker e = elf_begin(EM_X86_64);
    uint32_t text = ELF_TEXT(&e, ".text", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    uint32_t f = ELF_FUNC(&e, "mote.f0", text, 0, 12);
    elf_reloc(&e, text, at, type, strcmp(symbol, "mote.f0") == 0 ? f : ELF_WANT(&e, symbol), addend);
    refuses(&e, message);
}

TEST(what_needs_loading_is_refused)
{
    refuses_reloc(R_X86_64_64, 0, 0, "mote.f0", "object 0: .text+0: relocation R_X86_64_64 (1) against mote.f0: needs an address that only loading knows");
    refuses_reloc(R_X86_64_32, 4, 0, "mote.f0", "object 0: .text+4: relocation R_X86_64_32 (10) against mote.f0: needs an address that only loading knows");
    refuses_reloc(R_X86_64_32S, 4, 0, "mote.f0", "object 0: .text+4: relocation R_X86_64_32S (11) against mote.f0: needs an address that only loading knows");
    refuses_reloc(R_X86_64_GOTPCREL, 4, -4, "mote.f0", "object 0: .text+4: relocation R_X86_64_GOTPCREL (9) against mote.f0: needs an address that only loading knows");
    refuses_reloc(R_X86_64_TLSGD, 4, 0, "mote.f0", "object 0: .text+4: relocation unknown (19) against mote.f0: of a kind that is not supported");
}

TEST(what_is_defined_nowhere_is_named)
{
    refuses_reloc(R_X86_64_PLT32, 1, -4, "printf", "object 0: .text+1: relocation R_X86_64_PLT32 (4) against printf: defined nowhere");
    refuses_reloc(R_X86_64_PLT32, 1, -4, "mote.f3", "object 0: .text+1: relocation R_X86_64_PLT32 (4) against mote.f3: defined nowhere");
    refuses_reloc(R_X86_64_PLT32, 1, -4, "mote.f99", "object 0: .text+1: relocation R_X86_64_PLT32 (4) against mote.f99: defined nowhere");
    refuses_reloc(R_X86_64_PLT32, 1, -4, "memmove", "object 0: .text+1: relocation R_X86_64_PLT32 (4) against memmove: defined nowhere");
}

TEST(relocations_that_do_not_fit_are_refused)
{
    refuses_reloc(R_X86_64_PC32, 0, INT64_C(1) << 31, "mote.f0", "object 0: .text+0: relocation R_X86_64_PC32 (2) against mote.f0: the distance does not fit");
    refuses_reloc(R_X86_64_PC32, 9, 0, "mote.f0", "object 0: .text+9: relocation R_X86_64_PC32 (2) against mote.f0: patches bytes outside the section");
    refuses_reloc(R_X86_64_PC32, UINT64_MAX, 0, "mote.f0", "object 0: .text+18446744073709551615: relocation R_X86_64_PC32 (2) against mote.f0: patches bytes outside the section");
}

static void refuses_section(const char *name, uint32_t type, uint64_t flags, const char *message)
{
    elf_maker e = elf_begin(EM_X86_64);
    elf_section(&e, name, flags, 8, BYTES(1, 2, 3, 4));
    e.parts[0].type = type;
    refuses(&e, message);
}

TEST(data_that_a_process_would_write_is_refused)
{
    refuses_section(".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, "object 0: .data: writable data, want code and constants only");
    refuses_section(".data.rel.ro", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, "object 0: .data.rel.ro: writable data, want code and constants only");
    refuses_section(".tdata", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE | SHF_TLS, "object 0: .tdata: thread-local data, want none");
    refuses_section(".init_array", SHT_INIT_ARRAY, SHF_ALLOC, "object 0: .init_array: section type 14 is loaded, want PROGBITS");
}

TEST(sections_that_nobody_needs_are_left_out)
{
    elf_maker e = elf_begin(EM_X86_64);
    elf_section(&e, ".eh_frame", SHF_ALLOC, 8, BYTES(1, 2, 3, 4));
    elf_section(&e, ".comment", 0, 8, BYTES(1, 2, 3, 4));
    elf_section(&e, ".note.GNU-stack", 0, 1, NULL, 0);
    elf_section(&e, ".data", SHF_ALLOC | SHF_WRITE, 8, NULL, 0);
    mo_object object = elf_finish(&e);
    mo_linked l;
    mote_error err;
    require(link_one(object, 1, &l, &err));
    expect_u64(l.text.len + l.constants.len, 0);
    mo_linked_free(&l);
    mo_free(object.bytes);
}

static void refuses_function(const char *name, uint64_t value, uint64_t size, const char *message)
{
    elf_maker e = elf_begin(EM_X86_64);
    uint32_t text = ELF_TEXT(&e, ".text", 0xc3, 0xc3, 0xc3, 0xc3);
    ELF_FUNC(&e, "mote.f1", text, 0, 2);
    ELF_FUNC(&e, name, text, value, size);
    refuses(&e, message);
}

TEST(functions_that_can_not_be_are_refused)
{
    refuses_function("mote.f8", 2, 2, "object 0: mote.f8: the module has 8 functions");
    refuses_function("mote.f1", 2, 2, "object 0: mote.f1 is defined twice");
    refuses_function("mote.f2", 3, 2, "object 0: mote.f2: 2 bytes at 3 of .text, which has 4");
    refuses_function("mote.f2", 3, 0, "object 0: mote.f2: 0 bytes at 3 of .text, which has 4");
    refuses_function("mote.f2", 1, 2, "functions overlap in machine code at 1");
}

TEST(what_is_no_object_is_refused)
{
    struct { size_t at; uint8_t value; const char *message; } cases[] = {
        {0, 0, "object 0: not an ELF object"},
        {EI_CLASS, ELFCLASS32, "object 0: want 64-bit little-endian ELF"},
        {offsetof(Elf64_Ehdr, e_type), ET_DYN, "object 0: want a relocatable object, have ELF type 3"},
        {offsetof(Elf64_Ehdr, e_machine), EM_386, "object 0: want x86-64 or aarch64, have ELF machine 3"},
        {offsetof(Elf64_Ehdr, e_shoff) + 6, 1, "object 0: section headers lie outside the object"},
        {offsetof(Elf64_Ehdr, e_shnum) + 1, 255, "object 0: section headers lie outside the object"},
        {offsetof(Elf64_Ehdr, e_shstrndx), 1, "object 0: section 1 is not a string table"},
    };
    for (size_t i = 0; i < MO_COUNT(cases); i++) {
        mo_object object = example_object();
        object.bytes[cases[i].at] = cases[i].value;
        refuses_objects(&object, 1, 8, cases[i].message);
    }
}

static void link_quietly(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1); /* of the exact size, so that a sanitizer sees its end */
    mo_linked l;
    mote_error err;
    if (len) memcpy(copy, bytes, len);
    if (link_one((mo_object){copy, len}, 8, &l, &err)) mo_linked_free(&l);
    free(copy);
}

TEST(damaged_objects_do_no_harm)
{
    mo_object object = example_object();
    for (size_t len = 0; len < object.len; len++) link_quietly(object.bytes, len);
    const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    for (size_t i = 0; i < object.len; i++)
        for (size_t k = 0; k < MO_COUNT(values); k++) {
            uint8_t old = object.bytes[i];
            object.bytes[i] = values[k];
            link_quietly(object.bytes, object.len);
            object.bytes[i] = old;
        }
    mo_free(object.bytes);
}

TEST(linking_survives_each_failed_allocation)
{
    mo_object object = example_object();
    uint64_t live = mo_alloc_live();
    for (uint64_t n = 0;; n++) {
        mo_linked l;
        mote_error err;
        mo_alloc_fail_at(n);
        bool ok = link_one(object, 4, &l, &err);
        mo_alloc_fail_at(UINT64_MAX);
        if (ok) {
            mo_linked_free(&l);
            expect(n > 3);
            break;
        }
        if (!expect(err.status == MOTE_NOMEM && mo_alloc_live() == live)) break;
    }
    mo_free(object.bytes);
}
