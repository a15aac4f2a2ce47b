/* Claims about SITES: what a code address is traced back to. The objects come from
 * LLVM's own llc, whose debug information the linker has to understand. */
#include "artifact/make.h"

#include <stdio.h>
#include <unistd.h>

/* Function 12 divides inside function 6, inlined into 5, inlined into 12. */
static const char inlined_ir[] =
    "target triple = \"x86_64-unknown-linux-gnu\"\n"
    "@tab = internal constant [4 x i32] [i32 1, i32 2, i32 3, i32 4]\n"
    "define hidden i32 @\"mote.f12\"(i32 %a, i32 %b) !dbg !10 {\n"
    "  %c = icmp ult i32 %a, 100, !dbg !20\n"
    "  br i1 %c, label %x, label %y, !dbg !20\n"
    "x:\n"
    "  %q = udiv i32 %a, %b, !dbg !22\n"
    "  %i = and i32 %q, 3, !dbg !22\n"
    "  %z = zext i32 %i to i64, !dbg !22\n"
    "  %p = getelementptr [4 x i32], ptr @tab, i64 0, i64 %z, !dbg !22\n"
    "  %l = load i32, ptr %p, !dbg !21\n"
    "  ret i32 %l, !dbg !20\n"
    "y:\n"
    "  %r = tail call i32 @\"mote.f3\"(i32 %a), !dbg !23\n"
    "  %s = add i32 %r, 7, !dbg !23\n"
    "  ret i32 %s, !dbg !24\n"
    "}\n"
    "define hidden i32 @\"mote.f7\"(i32 %a) !dbg !13 {\n"
    "  %m = mul i32 %a, 77, !dbg !27\n"
    "  ret i32 %m, !dbg !27\n"
    "}\n"
    "define hidden i32 @\"mote.f3\"(i32 %a) {\n"
    "  %m = mul i32 %a, 3\n"
    "  ret i32 %m\n"
    "}\n"
    "!llvm.dbg.cu = !{!0}\n"
    "!llvm.module.flags = !{!2, !3, !4}\n"
    "!0 = distinct !DICompileUnit(language: DW_LANG_C99, file: !1, isOptimized: true, emissionKind: LineTablesOnly)\n"
    "!1 = !DIFile(filename: \"m\", directory: \"\")\n"
    "!2 = !{i32 2, !\"Debug Info Version\", i32 3}\n"
    "!3 = !{i32 2, !\"Dwarf Version\", i32 4}\n"
    "!4 = !{i32 8, !\"PIC Level\", i32 2}\n"
    "!5 = !DISubroutineType(types: !6)\n"
    "!6 = !{}\n"
    "!10 = distinct !DISubprogram(name: \"12\", file: !1, line: 100, scopeLine: 100, type: !5, spFlags: DISPFlagDefinition, unit: !0)\n"
    "!11 = distinct !DISubprogram(name: \"5\", file: !1, line: 500, type: !5, spFlags: DISPFlagDefinition, unit: !0)\n"
    "!12 = distinct !DISubprogram(name: \"6\", file: !1, line: 600, type: !5, spFlags: DISPFlagDefinition, unit: !0)\n"
    "!13 = distinct !DISubprogram(name: \"7\", file: !1, line: 700, type: !5, spFlags: DISPFlagDefinition, unit: !0)\n"
    "!20 = !DILocation(line: 101, scope: !10)\n"
    "!21 = !DILocation(line: 501, scope: !11, inlinedAt: !25)\n"
    "!22 = !DILocation(line: 100601, scope: !12, inlinedAt: !26)\n"
    "!23 = !DILocation(line: 120, scope: !10)\n"
    "!24 = !DILocation(line: 121, scope: !10)\n"
    "!25 = distinct !DILocation(line: 110, scope: !10)\n"
    "!26 = distinct !DILocation(line: 510, scope: !11, inlinedAt: !25)\n"
    "!27 = !DILocation(line: 701, scope: !13)\n";

/* False: there is no llc here. */
static bool assemble(const char *ir, size_t len, const char *options, mo_object *ret)
{
    char in[] = "/tmp/mote-test-XXXXXX", out[64], command[256];
    int fd = mkstemp(in);
    if (!expect(fd >= 0)) return false;
    snprintf(out, sizeof out, "%s.o", in);
    expect(write(fd, ir, len) == (ssize_t)len);
    close(fd);
    snprintf(command, sizeof command, "$(command -v llc-19 || command -v llc) -O2 -relocation-model=pic -filetype=obj %s %s -o %s 2>/dev/null",
             options, in, out);
    mote_error err;
    mo_error_clear(&err);
    *ret = (mo_object){0};
    bool ok = system(command) == 0 && mo_file_read(out, (size_t)1 << 30, &ret->bytes, &ret->len, &err);
    unlink(in);
    unlink(out);
    return ok;
}

/* An artifact's look at what was linked, without a file. */
static mo_artifact look(const mo_linked *l, mo_file_header *header, mo_meta *meta)
{
    header->sections[MO_SECTION_SITES].len = l->sites.len;
    meta->nfuncs = l->nfuncs;
    return (mo_artifact){.header = header, .meta = meta, .text = l->text.at, .text_len = l->text.len, .sites = (const mo_sites *)l->sites.at};
}

static uint32_t find_bytes(const mo_buffer *text, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + len <= text->len; i++)
        if (memcmp(text->at + i, bytes, len) == 0) return (uint32_t)i;
    return UINT32_MAX;
}

static void expect_source(const mo_artifact *a, uint64_t at, const mo_source *want, uint32_t n)
{
    mo_source have[8];
    require(expect_u64(mo_artifact_source(a, a->text + at, have, 8), n));
    for (uint32_t i = 0; i < n; i++) {
        expect_u64(have[i].func, want[i].func);
        expect_u64(have[i].offset, want[i].offset);
    }
}
#define SOURCE(a, at, ...) \
    expect_source((a), (at), (const mo_source[]){__VA_ARGS__}, sizeof((mo_source[]){__VA_ARGS__}) / sizeof(mo_source))

static void check_inlined(const char *options)
{
    mo_object object;
    mo_linked l;
    mote_error err;
    if (!assemble(inlined_ir, strlen(inlined_ir), options, &object)) skip("no llc");
    require(link_one(object, 13, &l, &err));
    mo_file_header header = {0};
    mo_meta meta = {0};
    mo_artifact a = look(&l, &header, &meta);
    uint32_t div = find_bytes(&l.text, BYTES(0xf7, 0xf6)), call = find_bytes(&l.text, BYTES(0xe8));
    require(div != UINT32_MAX && call != UINT32_MAX);
    SOURCE(&a, div, {6, 100601}, {5, 510}, {12, 110});
    SOURCE(&a, div + 1, {6, 100601}, {5, 510}, {12, 110});
    SOURCE(&a, call + 4, {12, 120});
    SOURCE(&a, l.code_at[12], {12, 101});
    SOURCE(&a, l.code_at[12] + l.code_len[12] - 1, {12, 121});
    SOURCE(&a, l.code_at[7] + l.code_len[7] - 1, {7, 701});
    SOURCE(&a, l.code_at[3], {3, 0}); /* without debug information */
    mo_source one;
    expect_u64(mo_artifact_source(&a, l.text.at + div, &one, 1), 3); /* how many there are, not how many fit */
    expect_u64(one.func, 6);
    expect_u64(mo_artifact_source(&a, l.text.at + l.text.len, &one, 1), 0);
    expect_u64(mo_artifact_source(&a, l.text.at - 1, &one, 1), 0);
    expect_u64(mo_artifact_source(&a, l.text.at + l.code_at[12] + l.code_len[12], &one, 1), 0); /* padding */
    mo_linked_free(&l);
    mo_free(object.bytes);
}

TEST(inlined_calls_are_listed)
{
    check_inlined("");
}

TEST(inlined_calls_are_listed_with_a_section_per_function)
{
    check_inlined("-function-sections");
}

TEST(two_objects_keep_their_own_sites)
{
    mo_object object;
    mo_linked l;
    mote_error err;
    if (!assemble(inlined_ir, strlen(inlined_ir), "", &object)) skip("no llc");
    elf_maker e = elf_begin(EM_X86_64);
    uint32_t text = ELF_TEXT(&e, ".text", 0xc3, 0xc3, 0xc3);
    ELF_FUNC(&e, "mote.f1", text, 0, 3);
    elf_symbol(&e, "mote.f1.copy.2", text, 2, 1, STB_LOCAL, STT_NOTYPE); /* no function: no range */
    mo_object objects[] = {elf_finish(&e), object};
    mo_error_clear(&err);
    require(mo_link(&(mo_code){objects, 2}, 13, &l, &err));
    mo_file_header header = {0};
    mo_meta meta = {0};
    mo_artifact a = look(&l, &header, &meta);
    uint32_t div = find_bytes(&l.text, BYTES(0xf7, 0xf6));
    SOURCE(&a, 2, {1, 0});
    SOURCE(&a, div, {6, 100601}, {5, 510}, {12, 110});
    mo_linked_free(&l);
    mo_free(objects[0].bytes);
    mo_free(objects[1].bytes);
}

TEST(copies_and_helpers_have_ranges)
{
    elf_maker e = elf_begin(EM_X86_64);
    uint32_t text = ELF_TEXT(&e, ".text", 0xc3, 0xc3, 0xc3);
    ELF_FUNC(&e, "mote.f1", text, 0, 1);
    elf_symbol(&e, "mote.f1.specialized.1", text, 1, 1, STB_LOCAL, STT_FUNC);
    ELF_FUNC(&e, "memset", text, 2, 1);
    mo_object object = elf_finish(&e);
    mo_linked l;
    mote_error err;
    require(link_one(object, 2, &l, &err));
    mo_file_header header = {0};
    mo_meta meta = {0};
    mo_artifact a = look(&l, &header, &meta);
    mo_source s;
    SOURCE(&a, 0, {1, 0});
    SOURCE(&a, 1, {1, 0});
    expect_u64(mo_artifact_source(&a, l.text.at + 2, &s, 1), 0);
    uint32_t n;
    const mo_site_range *ranges = mo_artifact_ranges(&a, &n);
    require(expect_u64(n, 3));
    expect(ranges[1].code_at == 1 && ranges[1].code_len == 1 && ranges[1].func == 1 && ranges[2].func == MO_NO_FUNC);
    header.sections[MO_SECTION_SITES].len--;
    expect(!mo_artifact_ranges(&a, &n) && n == 0);
    mo_linked_free(&l);
    mo_free(object.bytes);
}

static void link_quietly(const mo_object *object, const uint8_t *bytes)
{
    mo_linked l;
    mote_error err;
    memcpy(object->bytes, bytes, object->len);
    if (!link_one(*object, 13, &l, &err)) return;
    mo_file_header header = {0};
    mo_meta meta = {0};
    mo_artifact a = look(&l, &header, &meta);
    for (uint64_t at = 0; at < l.text.len; at++) {
        mo_source frames[4];
        mo_artifact_source(&a, a.text + at, frames, 4);
    }
    mo_linked_free(&l);
}

TEST(damaged_debug_information_does_no_harm)
{
    mo_object object;
    if (!assemble(inlined_ir, strlen(inlined_ir), "", &object)) skip("no llc");
    uint8_t *good = malloc(object.len), *bytes = malloc(object.len);
    memcpy(good, object.bytes, object.len);
    const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    for (size_t i = 0; i < object.len; i++)
        for (size_t k = 0; k < MO_COUNT(values); k++) {
            memcpy(bytes, good, object.len);
            bytes[i] = values[k];
            link_quietly(&object, bytes);
        }
    free(good);
    free(bytes);
    mo_free(object.bytes);
}

TEST(damaged_sites_do_no_harm)
{
    mo_object object;
    mo_linked l;
    mote_error err;
    if (!assemble(inlined_ir, strlen(inlined_ir), "", &object)) skip("no llc");
    require(link_one(object, 13, &l, &err));
    mo_file_header header = {0};
    mo_meta meta = {0};
    for (size_t len = 0; len <= l.sites.len; len += 4) {
        uint32_t *copy = malloc(len ? len : 4);
        if (len) memcpy(copy, l.sites.at, len);
        mo_artifact a = look(&l, &header, &meta);
        header.sections[MO_SECTION_SITES].len = len;
        a.sites = (const mo_sites *)(void *)copy;
        for (size_t i = 0; i < len / 4; i++) {
            uint32_t old = copy[i];
            mo_source frames[4];
            const uint32_t values[] = {0, 1, 0x7fffffff, 0xffffffff, old + 1, old - 1};
            for (size_t k = 0; k < MO_COUNT(values); k++) {
                copy[i] = values[k];
                for (uint64_t at = 0; at < l.text.len; at += 5) mo_artifact_source(&a, a.text + at, frames, 4);
            }
            copy[i] = old;
        }
        free(copy);
    }
    mo_linked_free(&l);
    mo_free(object.bytes);
}

TEST(more_sections_than_a_16_bit_number_counts)
{
    enum { N = 33000 };
    mo_buffer ir = {0};
    char line[160];
    for (int i = 0; i < N; i++) {
        int len = snprintf(line, sizeof line, "define hidden void @\"mote.f%d\"() {\n  tail call void @\"mote.f%d\"()\n  ret void\n}\n", i, (i + 1) % N);
        mo_buffer_put(&ir, line, (size_t)len);
    }
    mo_object object;
    mo_linked l;
    mote_error err;
    bool made = assemble((const char *)ir.at, ir.len, "-mtriple=x86_64-linux-gnu -O0 -function-sections", &object);
    mo_buffer_free(&ir);
    if (!made) skip("no llc");
    if (expect(link_one(object, N, &l, &err))) {
        expect(l.code_at[N - 1] != MO_NO_CODE);
        mo_linked_free(&l);
    }
    mo_free(object.bytes);
}

TEST(reading_debug_information_survives_each_failed_allocation)
{
    mo_object object;
    if (!assemble(inlined_ir, strlen(inlined_ir), "", &object)) skip("no llc");
    uint64_t live = mo_alloc_live();
    for (uint64_t n = 0;; n++) {
        mo_linked l;
        mote_error err;
        mo_alloc_fail_at(n);
        bool ok = link_one(object, 13, &l, &err);
        mo_alloc_fail_at(UINT64_MAX);
        if (ok) {
            mo_linked_free(&l);
            expect(n > 10);
            break;
        }
        if (!expect(err.status == MOTE_NOMEM && mo_alloc_live() == live)) break;
    }
    mo_free(object.bytes);
}
