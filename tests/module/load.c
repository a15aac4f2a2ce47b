/* Claims about whole modules: frame, sections, limits, facts, and memory that is out. */
#include "module/build.h"

#include <malloc.h>
#include <stdlib.h>

/* --- a module that has everything -------------------------------------- */

static wasm everything(void)
{
    wasm w = wasm_start();
    wasm_section(&w, CUSTOM, BYTES(2, 'h', 'i', 1, 2, 3));
    wasm_section(&w, TYPES, BYTES(5, 0x60, 0, 0, 0x60, 1, T_I32, 1, T_I32, 0x4e, 2, 0x50, 0, 0x5f, 1, 0x64, 3, 0, 0x5e, T_I32, 1,
                                  0x5e, T_I32, 1, 0x60, 2, T_I32, T_I32, 0));
    wasm_section(&w, IMPORTS, BYTES(5, 1, 'm', 1, 'f', 0, 0, 1, 'm', 1, 't', 1, T_FUNCREF, 1, 1, 2, 1, 'm', 1, 'a', 2, 0, 1,
                                    1, 'm', 1, 'g', 3, T_I32, 0, 1, 'm', 1, 'e', 4, 0, 5));
    wasm_section(&w, FUNCTIONS, BYTES(4, 0, 1, 0, 0));
    wasm_section(&w, TABLES, BYTES(2, 0x40, 0, 0x64, 0x70, 0, 1, 0xd2, 1, 0x0b, T_EXTERNREF, 4, 3));
    wasm_section(&w, MEMORIES, BYTES(1, 5, 1, 0x80, 0x80, 4));
    wasm_section(&w, TAGS, BYTES(1, 0, 0));
    wasm_section(&w, GLOBALS, BYTES(4, T_I32, 1, 0x23, 0, 0x41, 0x7f, 0x6a, 0x0b, 0x64, 4, 0, 0x41, 7, 0x41, 2, 0xfb, 6, 4, 0x0b,
                                    0x70, 0, 0xd2, 2, 0x0b, T_V128, 0, 0xfd, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x0b));
    wasm_section(&w, EXPORTS, BYTES(3, 1, 'f', 0, 1, 2, 0xc3, 0xa9, 0, 2, 0, 3, 1));
    wasm_section(&w, START, BYTES(3));
    wasm_section(&w, ELEMENTS, BYTES(4, 0, 0x41, 0, 0x0b, 2, 0, 1, 1, 0, 1, 3, 5, 0x70, 2, 0xd0, 0x70, 0x0b, 0xd2, 4, 0x0b,
                                     7, 0x6f, 0));
    wasm_section(&w, DATA_COUNT, BYTES(2));
    wasm_section(&w, CODE, BYTES(4, 2, 0, 0x0b, 4, 0, 0x20, 0, 0x0b,
                                 /* function 3: locals, blocks, br_table, try_table, throw */
                                 31, 2, 2, T_I32, 1, 0x64, 0x70, 0x02, T_EMPTY, 0x02, 0x63, 0x70, 0xd0, 0x70, 0x0b, 0x1a, 0x41, 0,
                                 0x0e, 1, 0, 1, 0x0b, 0x1f, T_EMPTY, 1, 2, 0, 0x08, 1, 0x0b, 0x0b,
                                 /* function 4: return_call, struct.new_default */
                                 10, 0, 0x41, 0, 0xfb, 7, 4, 0x1a, 0x12, 3, 0x0b));
    wasm_section(&w, DATAS, BYTES(2, 0, 0x41, 8, 0x0b, 3, 'a', 'b', 'c', 1, 1, 'd'));
    wasm_section(&w, CUSTOM, BYTES(4, 'n', 'a', 'm', 'e', 0, 4, 3, 'm', 'o', 'd', 1, 8, 2, 1, 2, 'f', '1', 3, 1, 'g'));
    return w;
}

TEST(a_module_that_has_everything_loads)
{
    wasm w = everything();
    mo_module *m;
    mote_error err;
    wasm_load(&w, mo_features_all(), &m, &err);
    if (!expect(m != NULL)) {
        fprintf(stderr, "    %s at %" PRIu64 "\n", err.message, err.offset);
        return;
    }
    expect(m->bytes.at != w.at && m->bytes.len == w.len);
    expect(m->ntypes == 6 && m->nimports == 5 && m->nfuncs == 5 && m->ntables == 3 && m->nmemories == 2);
    expect(m->nglobals == 5 && m->ntags == 2 && m->nexports == 3 && m->nelems == 4 && m->ndatas == 2 && m->ncustoms == 2);
    expect(m->nimported_funcs == 1 && m->nimported_tables == 1 && m->nimported_memories == 1 && m->nimported_globals == 1 &&
           m->nimported_tags == 1);
    expect(m->types[4].canonical == 4 && m->types[3].canonical == 3);
    expect(mo_span_is(m->imports[4].name, "e") && m->imports[4].kind == MO_EXTERN_TAG && m->imports[4].index == 0);
    expect(m->funcs[0].import == 0 && m->funcs[1].import == MO_NO_IMPORT && m->funcs[1].body_len == 2);
    expect(m->tables[0].bounds.has_max && m->tables[0].bounds.max == 2 && m->tables[1].has_init && m->tables[2].bounds.is64);
    expect(m->memories[0].bounds.min == 1 && m->memories[1].bounds.is64 && m->memories[1].bounds.max == 65536 && m->memories[1].page_shift == 16);
    expect(m->globals[1].mutable_ && m->globals[1].import == MO_NO_IMPORT && m->tags[1].type == 0);
    expect(mo_span_is(m->exports[1].name, "\xc3\xa9") && m->exports[2].kind == MO_EXTERN_GLOBAL);
    expect(m->has_start && m->start == 3);
    expect(m->elems[1].mode == MO_PASSIVE && m->elems[1].n == 1 && m->elems[1].funcs[0] == 3);
    expect(m->elems[2].mode == MO_PASSIVE && m->elems[2].n == 2 && m->elems[2].exprs && m->elems[3].mode == MO_DECLARED);
    expect(m->datas[0].mode == MO_ACTIVE && mo_span_is(m->datas[0].bytes, "abc") && m->datas[1].mode == MO_PASSIVE);
    expect(mo_span_is(m->customs[0].name, "hi") && m->customs[0].bytes.len == 3);
    expect(mo_span_is(m->module_name, "mod") && mo_span_is(m->func_names[1], "f1") && m->func_names[0].len == 0);
    mo_module_unref(m);
}

TEST(constant_expressions_are_kept)
{
    wasm w = everything();
    mo_module *m;
    mote_error err;
    wasm_load(&w, mo_features_all(), &m, &err);
    require(m != NULL);
    const mo_const_expr *sum = &m->globals[1].init, *array = &m->globals[2].init, *func = &m->globals[3].init, *v128 = &m->globals[4].init;
    require(sum->n == 3 && array->n == 3 && func->n == 1 && v128->n == 1);
    expect(sum->insns[0].op == MO_OP_global_get && sum->insns[0].index == 0);
    expect(sum->insns[1].op == MO_OP_i32_const && mo_get32(sum->insns[1].bits) == UINT32_MAX);
    expect(sum->insns[2].op == MO_OP_i32_add && m->bytes.at[sum->at] == 0x23);
    expect(array->insns[2].op == MO_OP_array_new && array->insns[2].index == 4);
    expect(func->insns[0].op == MO_OP_ref_func && func->insns[0].index == 2);
    expect(v128->insns[0].op == MO_OP_v128_const && v128->insns[0].bits[15] == 16);
    expect(m->elems[2].exprs[0].insns[0].op == MO_OP_ref_null && m->elems[2].exprs[0].insns[0].index == MO_HEAP_FUNC);
    mo_module_unref(m);
}

TEST(load_tells_the_compilers_facts)
{
    wasm w = everything();
    mo_module *m;
    mote_error err;
    wasm_load(&w, mo_features_all(), &m, &err);
    require(m != NULL);
    const mo_func *f = m->funcs;
    expect(f[0].referenced && f[1].referenced && f[2].referenced && f[3].referenced && f[4].referenced);
    expect(!f[1].throws && f[3].throws && !f[4].throws);
    expect(f[3].tail_target && !f[4].tail_target && f[4].tail_calls && !f[3].tail_calls);
    expect(f[4].gc && !f[3].gc && m->uses_gc_heap && m->bytes.at[m->gc_at] == 0xfb && m->gc_at < m->code_at);
    static const mo_feature used[] = {MO_FEATURE_GC, MO_FEATURE_TAIL_CALL, MO_FEATURE_EXCEPTIONS, MO_FEATURE_MEMORY64,
                                      MO_FEATURE_MULTI_MEMORY, MO_FEATURE_SIMD, MO_FEATURE_EXTENDED_CONST, MO_FEATURE_BULK_MEMORY,
                                      MO_FEATURE_REFERENCE_TYPES, MO_FEATURE_FUNCTION_REFERENCES, MO_FEATURE_MUTABLE_GLOBAL};
    mo_features want = 0;
    for (size_t i = 0; i < MO_COUNT(used); i++) want |= (mo_features)1 << used[i];
    expect_u64(m->used, want);
    mo_module_unref(m);
}

TEST(types_of_the_gc_heap_alone_do_not_use_it)
{
    uint64_t start;
    wasm w = wasm_function(":", NO_LOCALS, BODY(w_ref_null, 2, w_drop, w_end), &start);
    mo_module *m;
    mote_error err;
    wasm_load(&w, mo_features_all(), &m, &err);
    require(m != NULL);
    expect(!m->uses_gc_heap && m->gc_at == MOTE_NOWHERE && !m->funcs[0].gc && !m->funcs[2].referenced);
    mo_module_unref(m);
}

/* What a module says it uses is just what it cannot do without. */
TEST(used_features_are_needed_and_enough)
{
    wasm w = everything();
    mo_module *m;
    mote_error err;
    wasm_load(&w, mo_features_all(), &m, &err);
    require(m != NULL);
    mo_features used = m->used;
    mo_module_unref(m);
    test_accepts(&w, used, __FILE__, __LINE__);
    for (unsigned f = 0; f < MO_FEATURES; f++) {
        if (!mo_has(used, (mo_feature)f)) continue;
        expect_u64(wasm_load(&w, mo_features_all() & ~((mo_features)1 << f), &m, &err), MOTE_UNSUPPORTED);
        char name[64];
        snprintf(name, sizeof name, "needs feature '%s', which is off", mo_feature_name((mo_feature)f));
        expect(strstr(err.message, name) != NULL);
    }
}

/* --- cut off ----------------------------------------------------------- */

static bool ends_a_section(const wasm *w, size_t len)
{
    size_t at = 8;
    while (at < len) {
        size_t size = w->at[at + 1];
        size_t bytes = 1;
        if (size & 0x80) size = (size & 0x7f) | (size_t)w->at[at + 2] << 7, bytes = 2;
        at += 1 + bytes + size;
    }
    return at == len;
}

TEST(every_cut_is_refused_cleanly)
{
    wasm w = everything();
    uint64_t before = mo_alloc_live();
    for (size_t len = 0; len < w.len; len++) {
        uint8_t *copy = malloc(len ? len : 1); /* of the exact size, for the sanitizer */
        require(copy != NULL);
        memcpy(copy, w.at, len);
        mo_module *m = NULL;
        mote_error err;
        mote_status status = mo_module_load(copy, len, mo_features_all(), NULL, &m, &err);
        free(copy);
        if (status == MOTE_OK) expect(ends_a_section(&w, len));
        if (status != MOTE_OK) expect(err.offset <= len && m == NULL);
        mo_module_unref(m);
    }
    expect_u64(mo_alloc_live(), before);
}

TEST(every_changed_byte_is_survived)
{
    wasm w = everything();
    uint64_t before = mo_alloc_live();
    for (size_t at = 0; at < w.len; at++)
        for (unsigned change = 1; change < 256; change++) {
            mo_module *m;
            mote_error err;
            w.at[at] ^= (uint8_t)change;
            wasm_load(&w, mo_features_all(), &m, &err);
            mo_module_unref(m);
            w.at[at] ^= (uint8_t)change;
        }
    expect_u64(mo_alloc_live(), before);
}

/* --- memory ------------------------------------------------------------ */

TEST(load_survives_each_failed_allocation)
{
    wasm w = everything();
    uint64_t before = mo_alloc_live(), n = 0;
    mote_status status = MOTE_NOMEM;
    for (; status != MOTE_OK && n < 1000; n++) {
        mo_module *m;
        mote_error err;
        mo_alloc_fail_at(n);
        status = wasm_load(&w, mo_features_all(), &m, &err);
        mo_alloc_fail_at(UINT64_MAX);
        mo_module_unref(m);
        expect_u64(mo_alloc_live(), before);
        if (status != MOTE_OK) require(status == MOTE_NOMEM && err.status == MOTE_NOMEM && m == NULL);
    }
    expect(status == MOTE_OK && n > 10);
}

TEST(pulling_survives_each_failed_allocation)
{
    wasm w = everything();
    mo_module *m;
    mote_error err;
    wasm_load(&w, mo_features_all(), &m, &err);
    require(m != NULL);
    uint64_t before = mo_alloc_live();
    for (uint64_t n = 0;; n++) {
        mo_body b = {0};
        mo_insn i;
        mo_error_clear(&err);
        mo_alloc_fail_at(n);
        if (mo_body_open(&b, m, 3, NULL, &err))
            while (mo_body_next(&b, &i)) {}
        mo_alloc_fail_at(UINT64_MAX);
        mo_body_close(&b);
        mo_body_free(&b);
        expect_u64(mo_alloc_live(), before);
        if (err.status == MOTE_OK) break;
        expect(err.status == MOTE_NOMEM && n < 100);
    }
    mo_module_unref(m);
}

static size_t heap_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Bytes of one kind in a section: what the module or the attempt takes stays in
 * proportion. Measured is what is held at the end. */
TEST(a_loaded_module_is_in_proportion)
{
    enum { N = 200000 };
    static const mo_span units[] = {
        {(const uint8_t *)"\x5f\0", 2},     /* structures without fields */
        {(const uint8_t *)"\x60\0\0", 3},   /* functions */
        {(const uint8_t *)"\x5e\x7f\0", 3}, /* arrays */
        {(const uint8_t *)"\x60\1\x7f\0", 4},
    };
    for (size_t u = 0; u < MO_COUNT(units); u++) {
        size_t len = 8 + 1 + 5 + 5 + N * units[u].len;
        uint8_t *bytes = malloc(len), *p = bytes;
        require(bytes != NULL);
        memcpy(p, "\0asm\1\0\0\0\1", 9);
        p += 9;
        uint32_t numbers[] = {(uint32_t)(5 + N * units[u].len), N};
        for (int k = 0; k < 2; k++)
            for (int i = 0; i < 5; i++) *p++ = (uint8_t)((numbers[k] >> 7 * i & 0x7f) | (i < 4 ? 0x80 : 0));
        for (int i = 0; i < N; i++, p += units[u].len) memcpy(p, units[u].at, units[u].len);
        size_t before = heap_in_use();
        mo_module *m = NULL;
        mote_error err;
        mo_module_load(bytes, len, mo_features_all(), NULL, &m, &err);
        if (expect(m != NULL)) {
            size_t held = heap_in_use() - before; /* 0 where the allocator does not tell */
            expect(held <= 64 * len + (1 << 20));
        }
        mo_module_unref(m);
        free(bytes);
    }
}

TEST(counts_beyond_the_bytes_are_refused_before_they_cost)
{
    static const uint8_t ids[] = {TYPES, IMPORTS, FUNCTIONS, TABLES, MEMORIES, TAGS, GLOBALS, EXPORTS, ELEMENTS, DATAS};
    for (size_t i = 0; i < MO_COUNT(ids); i++) {
        wasm w = wasm_start();
        wasm_section(&w, ids[i], BYTES(0xff, 0xff, 0xff, 0xff, 0x0f));
        fails(&w, MOTE_MALFORMED, 10, NULL);
    }
}

/* --- frame ------------------------------------------------------------- */

static void starts(const char *bytes, size_t len, uint64_t offset, const char *message)
{
    wasm w = {.len = 0};
    wasm_put(&w, bytes, len);
    fails(&w, MOTE_MALFORMED, offset, message);
}

TEST(a_module_starts_with_magic_and_version)
{
    starts("", 0, 0, "magic header not detected: not WebAssembly");
    starts("\0asn\1\0\0\0", 8, 0, "magic header not detected: not WebAssembly");
    starts("\0asm\1\0\0", 7, 4, "unknown binary version: it is cut off");
    starts("\0asm\2\0\0\0", 8, 4, "unknown binary version: want 1, have 2");
    starts("\0asm\x0d\0\1\0", 8, 4, "unknown binary version: this is a component, not a core module");
}

TEST(sections_come_once_and_in_order)
{
    wasm w = wasm_start();
    wasm_section(&w, FUNCTIONS, BYTES(0));
    wasm_section(&w, TYPES, BYTES(0));
    fails(&w, MOTE_MALFORMED, 11, "unexpected content: the type section comes twice or too late");
    w = wasm_start();
    wasm_section(&w, TAGS, BYTES(0));
    wasm_section(&w, GLOBALS, BYTES(0));
    wasm_section(&w, DATA_COUNT, BYTES(0));
    wasm_section(&w, CODE, BYTES(0));
    loads(&w);
    wasm_section(&w, CODE, BYTES(0));
    fails(&w, MOTE_MALFORMED, 20, "unexpected content: the code section comes twice or too late");
    w = wasm_start();
    wasm_section(&w, 14, BYTES(0));
    fails(&w, MOTE_MALFORMED, 8, "malformed section id 14");
}

TEST(a_section_is_as_long_as_it_says)
{
    wasm w = wasm_start();
    wasm_section(&w, TYPES, BYTES(0, 0));
    fails(&w, MOTE_MALFORMED, 11, "section size mismatch: the type section ends 1 bytes before its size says");
    w = wasm_start();
    wasm_put(&w, "\1\2\0", 3);
    fails(&w, MOTE_MALFORMED, 10, "unexpected end: want section of 2 bytes, have 1");
    w = wasm_start();
    wasm_section(&w, TYPES, BYTES(1, 0x60, 0));
    fails(&w, MOTE_MALFORMED, 13, "unexpected end: want results");
}

TEST(numbers_are_as_long_as_they_may_be)
{
    wasm w = wasm_start();
    wasm_section(&w, TYPES, BYTES(0x80, 0x80, 0x80, 0x80, 0x00));
    loads(&w);
    w = wasm_start();
    wasm_section(&w, TYPES, BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x00));
    fails(&w, MOTE_MALFORMED, 10, "types: integer representation too long, want at most 5 bytes");
    w = wasm_start();
    wasm_section(&w, TYPES, BYTES(0x80, 0x80, 0x80, 0x80, 0x10));
    fails(&w, MOTE_MALFORMED, 10, "types: integer too large, want 32 bits");
    accepts(":l", BODY(w_i64_const, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f, w_end));
    refuses(":l", BODY(w_i64_const, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7e, w_end), MOTE_MALFORMED, 1,
            "i64.const: integer too large, want 64 bits");
    refuses(":i", BODY(w_i32_const, 0x80, 0x80, 0x80, 0x80, 0x70, w_end), MOTE_MALFORMED, 1, "i32.const: integer too large, want 32 bits");
}

TEST(names_are_utf8_and_exports_differ)
{
    wasm w = wasm_start();
    wasm_section(&w, CUSTOM, BYTES(1, 0xff));
    fails(&w, MOTE_MALFORMED, 11, "name of a custom section: malformed UTF-8 encoding");
    w = wasm_start();
    wasm_section(&w, MEMORIES, BYTES(1, 0, 0));
    wasm_section(&w, EXPORTS, BYTES(2, 1, 'a', 2, 0, 1, 'a', 2, 0));
    fails(&w, MOTE_INVALID, 20, "duplicate export name 'a'");
}

TEST(a_malformed_name_section_is_ignored)
{
    wasm w = wasm_start();
    wasm_section(&w, TYPES, BYTES(1, 0x60, 0, 0));
    wasm_section(&w, FUNCTIONS, BYTES(1, 0));
    wasm_section(&w, CODE, BYTES(1, 2, 0, 0x0b));
    wasm_section(&w, CUSTOM, BYTES(4, 'n', 'a', 'm', 'e', 1, 4, 1, 0, 1, 'f', 0, 50));
    mo_module *m;
    mote_error err;
    wasm_load(&w, mo_features_all(), &m, &err);
    require(m != NULL);
    expect(m->func_names == NULL && m->ncustoms == 1);
    mo_module_unref(m);
}

TEST(counts_of_functions_and_data_agree)
{
    wasm w = wasm_start();
    wasm_section(&w, TYPES, BYTES(1, 0x60, 0, 0));
    wasm_section(&w, FUNCTIONS, BYTES(1, 0));
    fails(&w, MOTE_MALFORMED, w.len, "function and code section have inconsistent lengths: want 1, have 0");
    w = wasm_start();
    wasm_section(&w, DATA_COUNT, BYTES(1));
    fails(&w, MOTE_MALFORMED, w.len, "data count and data section have inconsistent lengths: want 1, have 0");
}

/* --- sections ---------------------------------------------------------- */

TEST(bounds_are_bounded)
{
    wasm w = wasm_start();
    wasm_section(&w, MEMORIES, BYTES(1, 1, 2, 1));
    fails(&w, MOTE_INVALID, 12, "memory: size minimum must not be greater than maximum: 2 is above 1");
    w = wasm_start();
    wasm_section(&w, MEMORIES, BYTES(1, 0, 0x81, 0x80, 4));
    fails(&w, MOTE_INVALID, 11, "memory size must be at most 65536, have 65537");
    w = wasm_start();
    wasm_section(&w, MEMORIES, BYTES(1, 2, 1));
    fails(&w, MOTE_INVALID, 11, "shared memory must have maximum");
    w = wasm_start();
    wasm_section(&w, MEMORIES, BYTES(1, 0x10, 1));
    fails(&w, MOTE_MALFORMED, 11, "malformed limits flags of a memory: 0x10");
    w = wasm_start();
    wasm_section(&w, MEMORIES, BYTES(1, 8, 1, 1));
    fails(&w, MOTE_INVALID, 13, "invalid custom page size: want 1 or 65536, have 2**1");
    w = wasm_start();
    wasm_section(&w, TABLES, BYTES(1, 0x70, 2, 1));
    fails(&w, MOTE_MALFORMED, 12, "malformed limits flags of a table: 0x02");
}

TEST(constant_expressions_are_constant)
{
    wasm w = wasm_start();
    wasm_section(&w, GLOBALS, BYTES(1, T_I32, 0, 0x41, 1, 0x45, 0x0b));
    fails(&w, MOTE_INVALID, 15, "global: constant expression required, have i32.eqz");
    w = wasm_start();
    wasm_section(&w, GLOBALS, BYTES(2, T_I32, 1, 0x41, 1, 0x0b, T_I32, 0, 0x23, 0, 0x0b));
    fails(&w, MOTE_INVALID, 18, "global: constant expression required, global 0 is mutable");
    w = wasm_start();
    wasm_section(&w, GLOBALS, BYTES(1, T_I32, 0, 0x23, 0, 0x0b));
    fails(&w, MOTE_INVALID, 13, "global.get: unknown global 0, there are 0");
    w = wasm_start();
    wasm_section(&w, GLOBALS, BYTES(1, T_I32, 0, 0x42, 1, 0x0b));
    fails(&w, MOTE_INVALID, 15, "end: want i32, have i64");
}

TEST(references_that_cannot_be_null_want_an_initialiser)
{
    wasm w = wasm_start();
    wasm_section(&w, TABLES, BYTES(1, 0x64, 0x70, 0, 1));
    fails(&w, MOTE_INVALID, 11, "type mismatch: table: elements that cannot be null want an initialiser");
}

TEST(segments_fit_their_table)
{
    wasm w = wasm_start();
    wasm_section(&w, TABLES, BYTES(1, T_EXTERNREF, 0, 1));
    wasm_section(&w, ELEMENTS, BYTES(1, 0, 0x41, 0, 0x0b, 0));
    fails(&w, MOTE_INVALID, 21, "type mismatch: element segment: want (ref null extern), have (ref func)");
    w = wasm_start();
    wasm_section(&w, ELEMENTS, BYTES(1, 8, 0, 0));
    fails(&w, MOTE_MALFORMED, 11, "malformed element segment flags: 8");
    w = wasm_start();
    wasm_section(&w, DATAS, BYTES(1, 0, 0x41, 0, 0x0b, 0));
    fails(&w, MOTE_INVALID, 11, "unknown memory 0, there are none");
}

/* --- limits ------------------------------------------------------------ */

TEST(each_limit_is_told_by_name)
{
#define X(name, text, value) #name,
    static const char *const names[] = {MO_LIMITS(X)};
#undef X
    wasm w = everything();
    mo_limits tight;
    mo_module *m = NULL;
    mote_error err;
    for (size_t i = 0; i < MO_COUNT(names); i++) {
        tight = mo_limits_default;
        uint32_t *limit = &tight.module_bytes + i;
        *limit = 0;
        mote_status status = mo_module_load(w.at, w.len, mo_features_all(), &tight, &m, &err);
        bool none_here = strcmp(names[i], "subtyping_depth") == 0; /* nothing has a supertype */
        if (none_here) {
            expect_u64(status, MOTE_OK);
            mo_module_unref(m);
            continue;
        }
        if (!expect_u64(status, MOTE_LIMIT)) fprintf(stderr, "    limit %s\n", names[i]);
        expect(strstr(err.message, ", the limit is 0") != NULL);
    }
}

TEST(a_deep_stack_has_a_limit)
{
    mo_limits tight = mo_limits_default;
    tight.operands = 2;
    uint64_t start;
    wasm w = wasm_function(":", NO_LOCALS, BODY(w_i32_const, 0, w_i32_const, 0, w_drop, w_drop, w_end), &start);
    mo_module *m = NULL;
    mote_error err;
    expect_u64(mo_module_load(w.at, w.len, mo_features_all(), &tight, &m, &err), MOTE_OK);
    mo_module_unref(m);
    w = wasm_function(":", NO_LOCALS, BODY(w_i32_const, 0, w_i32_const, 0, w_i32_const, 0, w_drop, w_drop, w_drop, w_end), &start);
    expect_u64(mo_module_load(w.at, w.len, mo_features_all(), &tight, &m, &err), MOTE_LIMIT);
    expect_text(err.message, "operand stack height: have 3, the limit is 2");
}

TEST(deep_nesting_has_a_limit)
{
    mo_limits tight = mo_limits_default;
    tight.nesting = 1;
    uint64_t start;
    wasm w = wasm_function(":", NO_LOCALS, BODY(w_block, T_EMPTY, w_end, w_block, T_EMPTY, w_end, w_end), &start);
    mo_module *m = NULL;
    mote_error err;
    expect_u64(mo_module_load(w.at, w.len, mo_features_all(), &tight, &m, &err), MOTE_OK);
    mo_module_unref(m);
    w = wasm_function(":", NO_LOCALS, BODY(w_block, T_EMPTY, w_block, T_EMPTY, w_end, w_end, w_end), &start);
    expect_u64(mo_module_load(w.at, w.len, mo_features_all(), &tight, &m, &err), MOTE_LIMIT);
    expect(err.offset == start + 2 && err.function == 0);
    expect_text(err.message, "nested blocks: have 2, the limit is 1");
}
