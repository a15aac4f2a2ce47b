/* build.h - modules for tests, written byte by byte.
 *   wasm w = wasm_start();
 *   wasm_section(&w, TYPES, BYTES(1, 0x60, 0, 0));
 * and one function in a module that has a little of everything:
 *   accepts("ii:i", BODY(w_local_get, 0, w_local_get, 1, w_i32_add, w_end));
 *   refuses(":i", BODY(w_end), MOTE_INVALID, 0, "end: want i32, have nothing"); */
#ifndef MOTE_TEST_BUILD_H
#define MOTE_TEST_BUILD_H

#include "base/test.h"
#include "module/body.h"

/* w_i32_add and so on: the opcodes that are one byte. */
enum {
#define OP(name, code, text, imm, in, out, check, feature, traps) w_##name = (code) < 0x100 ? (code) : -(int)((code) & 0xffff) - 1,
#include "module/ops.def"
#undef OP
};

enum { CUSTOM, TYPES, IMPORTS, FUNCTIONS, TABLES, MEMORIES, GLOBALS, EXPORTS, START, ELEMENTS, CODE, DATAS, DATA_COUNT, TAGS };
enum { T_I32 = 0x7f, T_I64 = 0x7e, T_F32 = 0x7d, T_F64 = 0x7c, T_V128 = 0x7b, T_FUNCREF = 0x70, T_EXTERNREF = 0x6f, T_EMPTY = 0x40 };

#define BYTES(...) ((mo_span){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})
#define BODY BYTES

typedef struct wasm {
    uint8_t at[8192];
    size_t len;
} wasm;

__attribute__((unused)) static void wasm_put(wasm *w, const void *bytes, size_t len)
{
    if (len > sizeof w->at - w->len) len = sizeof w->at - w->len;
    if (len) memcpy(w->at + w->len, bytes, len);
    w->len += len;
}

__attribute__((unused)) static void wasm_u32(wasm *w, uint32_t n)
{
    do {
        uint8_t byte = (uint8_t)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
        wasm_put(w, &byte, 1);
        n >>= 7;
    } while (n);
}

__attribute__((unused)) static wasm wasm_start(void)
{
    wasm w = {.len = 0};
    wasm_put(&w, "\0asm\1\0\0\0", 8);
    return w;
}

__attribute__((unused)) static void wasm_section(wasm *w, uint8_t id, mo_span content)
{
    wasm_put(w, &id, 1);
    wasm_u32(w, (uint32_t)content.len);
    wasm_put(w, content.at, content.len);
}

__attribute__((unused)) static uint8_t wasm_letter(char letter)
{
    switch (letter) {
    case 'i': return T_I32;
    case 'l': return T_I64;
    case 'f': return T_F32;
    case 'd': return T_F64;
    case 'v': return T_V128;
    case 'r': return T_FUNCREF;
    default: return T_EXTERNREF;
    }
}

/* "ii:l": two i32 parameters, one i64 result. */
__attribute__((unused)) static void wasm_signature(wasm *w, const char *signature)
{
    const char *colon = strchr(signature, ':');
    const char *parts[] = {signature, colon + 1};
    size_t lens[] = {(size_t)(colon - signature), strlen(colon + 1)};
    wasm_put(w, "\x60", 1);
    for (int p = 0; p < 2; p++) {
        wasm_u32(w, (uint32_t)lens[p]);
        for (size_t i = 0; i < lens[p]; i++) wasm_put(w, &(uint8_t){wasm_letter(parts[p][i])}, 1);
    }
}

/* Function 0 has the signature and, after the local declarations, the body.
 * Around it, type by type and index by index:
 *   types     0 the signature, 1 [] -> [], 2 struct {mut i32, i8, funcref},
 *             3 array mut i32, 4 [i32] -> [i32], 5 array i8
 *   functions 1 of type 1, declared; 2 of type 4, not declared
 *   table 0 of funcref, memory 0, global 0 mut i32, global 1 i64, tag 0 [i32],
 *   element segment 0 of functions, data segment 0
 * ret_body: the offset of the body's first instruction. */
__attribute__((unused)) static wasm wasm_function(const char *signature, mo_span locals, mo_span body, uint64_t *ret_body)
{
    wasm w = wasm_start(), part = {.len = 0};
    wasm_put(&part, "\7", 1);
    wasm_signature(&part, signature);
    static const uint8_t others[] = {0x60, 0, 0, 0x5f, 3, T_I32, 1, 0x78, 0, T_FUNCREF, 0, 0x5e, T_I32, 1,
                                     0x60, 1, T_I32, 1, T_I32, 0x5e, 0x78, 0, 0x60, 1, T_I32, 0};
    wasm_put(&part, others, sizeof others);
    wasm_section(&w, TYPES, (mo_span){part.at, part.len});
    wasm_section(&w, FUNCTIONS, BYTES(3, 0, 1, 4));
    wasm_section(&w, TABLES, BYTES(1, T_FUNCREF, 0, 2));
    wasm_section(&w, MEMORIES, BYTES(1, 0, 1));
    wasm_section(&w, TAGS, BYTES(1, 0, 6));
    wasm_section(&w, GLOBALS, BYTES(2, T_I32, 1, 0x41, 0, 0x0b, T_I64, 0, 0x42, 0, 0x0b));
    wasm_section(&w, ELEMENTS, BYTES(1, 0, 0x41, 0, 0x0b, 1, 1));
    wasm_section(&w, DATA_COUNT, BYTES(1));
    part.len = 0;
    wasm_put(&part, "\3", 1);
    wasm_u32(&part, (uint32_t)(locals.len + body.len));
    wasm_put(&part, locals.at, locals.len);
    size_t from_end = part.len;
    wasm_put(&part, body.at, body.len);
    wasm_put(&part, "\2\0\x0b\4\0\x20\0\x0b", 8);
    from_end = part.len - from_end;
    wasm_section(&w, CODE, (mo_span){part.at, part.len});
    *ret_body = w.len - from_end;
    wasm_section(&w, DATAS, BYTES(1, 1, 1, 'x'));
    return w;
}

__attribute__((unused)) static mote_status wasm_load(const wasm *w, mo_features features, mo_module **ret, mote_error *err)
{
    *ret = NULL;
    mo_error_clear(err);
    return mo_module_load(w->at, w->len, features, NULL, ret, err);
}

__attribute__((unused)) static void test_accepts(const wasm *w, mo_features features, const char *file, int line)
{
    mo_module *m;
    mote_error err;
    if (wasm_load(w, features, &m, &err) == MOTE_OK) {
        mo_module_unref(m);
        return;
    }
    test_failed(file, line, "want it accepted");
    fprintf(stderr, "    have: %s at %" PRId64 ": %s\n", mote_status_name(err.status), (int64_t)err.offset, err.message);
}

/* message NULL: any. */
__attribute__((unused)) static void test_refuses(const wasm *w, mo_features features, mote_status status, uint64_t offset,
                                                 const char *message, const char *file, int line)
{
    mo_module *m;
    mote_error err;
    mote_status have = wasm_load(w, features, &m, &err);
    mo_module_unref(m);
    bool same = have == status && err.status == status && err.offset == offset && (!message || strcmp(message, err.message) == 0);
    if (same) return;
    test_failed(file, line, "want it refused otherwise");
    fprintf(stderr, "    have: %s at %" PRId64 ": %s\n    want: %s at %" PRId64 ": %s\n", mote_status_name(have),
            (int64_t)err.offset, err.message, mote_status_name(status), (int64_t)offset, message ? message : "(anything)");
}

#define NO_LOCALS BYTES(0)

/* A function's body, without and with local declarations. The offset counts
 * from its first instruction. */
#define accepts(signature, body) accepts_with(signature, NO_LOCALS, body)
#define refuses(signature, body, status, offset, message) refuses_with(signature, NO_LOCALS, body, status, offset, message)
#define accepts_with(signature, locals, body)                       \
    do {                                                            \
        uint64_t start_;                                            \
        wasm w_ = wasm_function(signature, locals, body, &start_);  \
        test_accepts(&w_, mo_features_all(), __FILE__, __LINE__);   \
    } while (0)
#define refuses_with(signature, locals, body, status, offset, message)                                    \
    do {                                                                                                  \
        uint64_t start_;                                                                                  \
        wasm w_ = wasm_function(signature, locals, body, &start_);                                        \
        test_refuses(&w_, mo_features_all(), status, start_ + (offset), message, __FILE__, __LINE__);     \
    } while (0)

/* A whole module. */
#define loads(w) test_accepts(w, mo_features_all(), __FILE__, __LINE__)
#define fails(w, status, offset, message) test_refuses(w, mo_features_all(), status, offset, message, __FILE__, __LINE__)

#endif
