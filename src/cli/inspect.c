/* inspect.c - mote inspect: what a module or an artifact is made of, for people. What
 * needs the compiler's own tools (disassembly, the check of machine code) becomes it. */
#include "artifact/format.h"
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_VERIFY, OPTION_DISASSEMBLE, OPTION_CHECK };
static const option options[] = {
    {{"--verify"}, NULL, "hash an artifact's contents and compare", OPTION_VERIFY},
    {{"--disassemble"}, "FUNC", "print the machine code of a function of an artifact", OPTION_DISASSEMBLE},
    {{"--check"}, NULL, "walk an artifact's machine code as the compiler does", OPTION_CHECK},
    {{0}, NULL, NULL, 0},
};

/* --- types and names ------------------------------------------------------------- */

static void print_types(const char *open, const mo_valtype *types, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[MO_TYPE_TEXT];
        printf("%s%s", i ? " " : open, mo_type_text(types[i], text));
    }
    if (n)
        putchar(')');
}

static void print_functype(const mote_functype *type)
{
    print_types(" (param ", type->params, type->nparams);
    print_types(" (result ", type->results, type->nresults);
}

/* Bytes that need not be text, as text. */
static void print_name(const void *name, size_t len)
{
    const unsigned char *at = name;
    putchar('"');
    for (size_t i = 0; i < len; i++) {
        if (at[i] < 0x20 || at[i] == 0x7f || at[i] == '"' || at[i] == '\\')
            printf("\\%02x", at[i]);
        else
            putchar(at[i]);
    }
    putchar('"');
}

static void print_range(uint64_t min, bool has_max, uint64_t max, bool is64)
{
    printf("%s %" PRIu64, is64 ? " i64" : "", min);
    if (has_max)
        printf(" %" PRIu64, max);
}

static void print_externtype(const mote_externtype *type)
{
    char text[MO_TYPE_TEXT];
    fputs(mote_extern_kind_name(type->kind), stdout);
    switch (type->kind) {
    case MOTE_FUNC:
    case MOTE_TAG: print_functype(&type->of.func); break;
    case MOTE_TABLE:
        print_range(type->of.table.min, type->of.table.has_max, type->of.table.max, type->of.table.is64);
        printf(" %s", mo_type_text(type->of.table.element, text));
        break;
    case MOTE_MEMORY:
        print_range(type->of.memory.min, type->of.memory.has_max, type->of.memory.max, type->of.memory.is64);
        printf("%s", type->of.memory.shared ? " shared" : "");
        if (type->of.memory.page_shift != 16)
            printf(" (pagesize %u)", 1u << type->of.memory.page_shift);
        break;
    case MOTE_GLOBAL:
        mo_type_text(type->of.global.content, text);
        printf(type->of.global.is_mutable ? " (mut %s)" : " %s", text);
        break;
    }
}

static void print_import(const mote_import *import)
{
    fputs("  ", stdout);
    print_name(import->module, import->module_len);
    putchar(' ');
    print_name(import->name, import->name_len);
    putchar(' ');
    print_externtype(&import->type);
    putchar('\n');
}

static void print_export(const mote_export *export)
{
    fputs("  ", stdout);
    print_name(export->name, export->name_len);
    putchar(' ');
    print_externtype(&export->type);
    putchar('\n');
}

/* --- a module -------------------------------------------------------------------- */

static uint64_t read_leb(const uint8_t **at, const uint8_t *end)
{
    uint64_t value = 0;
    for (unsigned shift = 0; *at < end && shift < 35; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            break;
    }
    return value;
}

/* The bytes have been loaded: sections are where they say. */
static void print_sections(const input *in)
{
    static const char *const names[] = {
        "custom", "type", "import", "function", "table", "memory", "global",
        "export", "start", "element", "code", "data", "data count", "tag",
    };
    const uint8_t *at = in->bytes + 8, *end = in->bytes + in->len;
    puts("sections        offset       bytes   items");
    while (at < end) {
        uint8_t id = *at++;
        uint64_t len = read_leb(&at, end);
        const uint8_t *contents = at;
        printf("  %-10s %#9tx %11" PRIu64, id < MO_COUNT(names) ? names[id] : "?", contents - in->bytes, len);
        uint64_t n = read_leb(&contents, end);
        if (id == 0) {
            fputs("          ", stdout);
            print_name(contents, n);
            putchar('\n');
        } else {
            printf(id == 8 ? "\n" : " %7" PRIu64 "\n", n);
        }
        at += len;
    }
}

static void print_features(const mo_module *m)
{
    fputs("features        ", stdout);
    int n = 0;
    for (mo_feature f = 0; f < MO_FEATURES; f++)
        if (mo_has(m->used, f))
            printf("%s%s", n++ ? ", " : "", mo_feature_name(f));
    puts(n ? "" : "none beyond the first version's");
}

static void print_field(const mo_field *field)
{
    char text[MO_TYPE_TEXT];
    const char *name = field->type == MO_I8_PACKED ? "i8" : field->type == MO_I16_PACKED ? "i16"
                                                                                         : mo_type_text(field->type, text);
    printf(field->mutable_ ? " (mut %s)" : " %s", name);
}

static void print_type(const mo_module *m, uint32_t i)
{
    static const char *const kinds[] = {[MO_TYPE_FUNC] = "func", [MO_TYPE_STRUCT] = "struct", [MO_TYPE_ARRAY] = "array"};
    const mo_type *t = &m->types[i];
    printf("  %-5" PRIu32 " ", i);
    if (t->super != MO_NO_TYPE)
        printf("(sub %s%" PRIu32 ") ", t->final ? "final " : "", t->super);
    fputs(kinds[t->kind], stdout);
    print_types(" (param ", t->params, t->nparams);
    print_types(" (result ", t->results, t->nresults);
    for (uint32_t f = 0; f < t->nfields; f++)
        print_field(&t->fields[f]);
    putchar('\n');
}

static void print_counts(const mo_module *m)
{
    printf("functions       %" PRIu32 ", %" PRIu32 " of them imported; %" PRIu64 " bytes of code\n", m->nfuncs,
           m->nimported_funcs, m->code_len);
    printf("others          %" PRIu32 " tables, %" PRIu32 " memories, %" PRIu32 " globals, %" PRIu32 " tags, %" PRIu32
           " element segments, %" PRIu32 " data segments\n",
           m->ntables, m->nmemories, m->nglobals, m->ntags, m->nelems, m->ndatas);
    if (m->has_start)
        printf("start           function %" PRIu32 "\n", m->start);
}

/* The library's own module, for what only the public functions tell. */
static int print_links(const input *in)
{
    mote_engine *engine;
    mote_module *module;
    mote_import import;
    mote_export export;
    mote_error err = {0};
    if (mote_engine_new(&engine, &err) != MOTE_OK)
        return say_error(in->path, &err);
    mote_engine_all_features(engine);
    if (mote_module_load(engine, in->bytes, in->len, &module, &err) != MOTE_OK) {
        mote_engine_unref(engine);
        return say_error(in->path, &err);
    }
    printf("imports         %zu\n", mote_module_nimports(module));
    for (size_t i = 0; mote_module_import(module, i, &import); i++)
        print_import(&import);
    printf("exports         %zu\n", mote_module_nexports(module));
    for (size_t i = 0; mote_module_export(module, i, &export); i++)
        print_export(&export);
    mote_module_unref(module);
    mote_engine_unref(engine);
    return EXIT_OK;
}

static int inspect_module(const input *in)
{
    mo_module *m;
    mote_error err = {0};
    if (mo_module_load(in->bytes, in->len, mo_features_all(), NULL, &m, &err) != MOTE_OK)
        return say_error(in->path, &err);
    printf("%s: a WebAssembly module, %zu bytes\n", in->path, in->len);
    if (m->module_name.len) {
        fputs("name            ", stdout);
        print_name(m->module_name.at, m->module_name.len);
        putchar('\n');
    }
    print_features(m);
    print_counts(m);
    print_sections(in);
    printf("types           %" PRIu32 "\n", m->ntypes);
    for (uint32_t i = 0; i < m->ntypes; i++)
        print_type(m, i);
    mo_module_unref(m);
    return print_links(in);
}

/* --- an artifact ------------------------------------------------------------------ */

static void print_hash(const char *label, const uint8_t *hash)
{
    printf("%-15s ", label);
    for (int i = 0; i < 16; i++)
        printf("%02x", hash[i]);
    putchar('\n');
}

static void print_file_sections(const mote_artifact *artifact)
{
    static const char *const names[MO_SECTIONS] = {
        [MO_SECTION_TEXT] = "text", [MO_SECTION_CONST] = "const", [MO_SECTION_META] = "meta",
        [MO_SECTION_SITES] = "sites", [MO_SECTION_IMAGE] = "image",
    };
    size_t len;
    const mo_file_header *header = mote_artifact_bytes(artifact, &len);
    puts("sections        offset       bytes");
    for (int i = 0; i < MO_SECTIONS; i++)
        printf("  %-10s %#9" PRIx64 " %11" PRIu64 "\n", names[i], header->sections[i].at, header->sections[i].len);
}

static void print_functions(const mote_artifact *artifact)
{
    mote_artifact_func f;
    puts("functions       code at       bytes   name and type");
    for (size_t i = 0; mote_artifact_function(artifact, i, &f); i++) {
        printf("  %-10zu ", i);
        if (f.imported)
            printf("%21s   ", "imported");
        else if (f.code_bytes == 0)
            printf("%21s   ", "inlined");
        else
            printf("%#9" PRIx64 " %11" PRIu64 "   ", f.code_at, f.code_bytes);
        print_name(f.name, f.name_len);
        print_functype(&f.type);
        putchar('\n');
    }
}

static void print_artifact(const char *path, const mote_artifact *artifact)
{
    mote_artifact_facts facts;
    mote_import import;
    mote_export export;
    mote_artifact_describe(artifact, &facts);
    printf("%s: an artifact, %" PRIu64 " bytes\n", path, facts.file_bytes);
    if (facts.module_name_len) {
        fputs("name            ", stdout);
        print_name(facts.module_name, facts.module_name_len);
        putchar('\n');
    }
    printf("target          %s, %s\n", facts.arch, facts.target_cpu);
    printf("compiler        %s, -O%u%s%s%s\n", facts.compiler, facts.opt_level, facts.fuel ? " --fuel" : "",
           facts.canonical_nans ? " --canonical-nans" : "", facts.strict ? " --strict" : "");
    print_hash("module hash", facts.module_hash);
    print_hash("contents hash", facts.contents_hash);
    print_file_sections(artifact);
    printf("imports         %zu\n", mote_artifact_nimports(artifact));
    for (size_t i = 0; mote_artifact_import(artifact, i, &import); i++)
        print_import(&import);
    printf("exports         %zu\n", mote_artifact_nexports(artifact));
    for (size_t i = 0; mote_artifact_export(artifact, i, &export); i++)
        print_export(&export);
    print_functions(artifact);
}

static int inspect_artifact(const char *path, bool verify)
{
    mote_artifact *artifact;
    mote_error err = {0};
    mote_open_options how = {.verify = verify};
    if (mote_artifact_open(path, &how, &artifact, &err) != MOTE_OK)
        return say_error(path, &err);
    if (verify)
        printf("%s: the contents are what the compiler wrote\n", path);
    else
        print_artifact(path, artifact);
    mote_artifact_unref(artifact);
    return EXIT_OK;
}

/* --- the command ------------------------------------------------------------------- */

static int become_compiler(const char *path, const char *disassemble)
{
    mote_compiler *compiler;
    mote_error err = {0};
    if (mote_compiler_start(NULL, &compiler, &err) != MOTE_OK)
        return say_error("inspect", &err);
    const char *program = mote_compiler_path(compiler);
    if (disassemble)
        execl(program, "mote-compile", "--disassemble", disassemble, path, (char *)NULL);
    else
        execl(program, "mote-compile", "--check", path, (char *)NULL);
    say("%s: %s", program, strerror(errno));
    mote_compiler_stop(compiler);
    return EXIT_SYSTEM;
}

static int inspect(const char *path, bool verify, bool check, const char *disassemble)
{
    input in;
    int status;
    if (!open_input(path, SIZE_MAX, &in, &status))
        return status;
    if (in.kind == KIND_ARTIFACT)
        status = check || disassemble ? become_compiler(path, disassemble) : inspect_artifact(path, verify);
    else if (!verify && !check && !disassemble)
        status = is_module(&in, &status) ? inspect_module(&in) : status;
    else {
        say("%s: not an artifact; --verify, --check and --disassemble want one", path);
        status = EXIT_USAGE;
    }
    close_input(&in);
    return status;
}

static int run_inspect(const command *self, int argc, char **argv)
{
    words w = {.command = self, .argc = argc, .argv = argv};
    const char *path = NULL, *disassemble = NULL;
    bool verify = false, check = false;
    for (int id; (id = next_word(&w)) != WORDS_END;) {
        if (id == WORDS_BAD)
            return EXIT_USAGE;
        verify |= id == OPTION_VERIFY;
        check |= id == OPTION_CHECK;
        if (id == OPTION_DISASSEMBLE)
            disassemble = w.value;
        if (id == WORDS_FILE && path) {
            say("inspect: one file at a time: %s, %s", path, w.value);
            return EXIT_USAGE;
        }
        if (id == WORDS_FILE)
            path = w.value;
    }
    if (path)
        return inspect(path, verify, check, disassemble);
    print_usage(self);
    return EXIT_USAGE;
}

const command command_inspect = {
    .name = "inspect",
    .synopsis = "[--verify | --check | --disassemble FUNC] FILE",
    .summary = "show what a module or an artifact is made of",
    .details = "Of a module: sections, types, imports, exports, the proposals that it cannot do\n"
               "without, sizes. Of an artifact: target, hashes, sections, functions.\n",
    .examples = "  mote inspect prog.wasm\n"
                "  mote inspect --disassemble add prog.mote\n",
    .options = options,
    .run = run_inspect,
};
