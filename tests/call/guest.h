/* guest.h - guest programs for tests: put together, compiled by mote-compile, run.
 *   guest g = {0};
 *   guest_func(&g, "add", "ii:i", BYTES(w_local_get, 0, w_local_get, 1, w_i32_add, w_end));
 *   world w = world_of(&g);       an engine, a store, an instance
 *   expect_u64(call_i32(&w, "add", 2, 3, 4), 7);
 * Signatures are letters, "params:results" or "params:results:locals". Imports come
 * before functions. Without a compiler main() skips all. */
#ifndef MOTE_TEST_CALL_GUEST_H
#define MOTE_TEST_CALL_GUEST_H

#include "module/build.h"
#include "mote/mote.h"

#include <stdlib.h>

#define UNUSED __attribute__((unused))

typedef struct guest {
    wasm types, imports, functions, tables, memories, tags, globals, exports, elements, code, datas;
    uint32_t ntypes, nimports, nfunctions, nimported, ntables, nmemories, ntags, nglobals, nexports, nelements, ndatas;
    uint32_t start; /* function + 1 */
} guest;

UNUSED static uint32_t guest_type(guest *g, const char *signature)
{
    char two[128];
    snprintf(two, sizeof two, "%s", signature);
    char *locals = strchr(strchr(two, ':') + 1, ':');
    if (locals) *locals = 0;
    wasm_signature(&g->types, two);
    return g->ntypes++;
}

static void guest_name(wasm *w, const char *name)
{
    wasm_u32(w, (uint32_t)strlen(name));
    wasm_put(w, name, strlen(name));
}

UNUSED static void guest_export(guest *g, const char *name, uint8_t kind, uint32_t index)
{
    guest_name(&g->exports, name);
    wasm_put(&g->exports, &kind, 1);
    wasm_u32(&g->exports, index);
    g->nexports++;
}

/* kind and what follows it in the import section. */
UNUSED static void guest_import(guest *g, const char *module, const char *name, mo_span type)
{
    guest_name(&g->imports, module);
    guest_name(&g->imports, name);
    wasm_put(&g->imports, type.at, type.len);
    g->nimports++;
}

UNUSED static uint32_t guest_import_func(guest *g, const char *name, const char *signature)
{
    uint32_t type = guest_type(g, signature);
    guest_import(g, "env", name, BYTES(0, (uint8_t)type));
    return g->nimported++;
}

/* name NULL: not exported. */
UNUSED static uint32_t guest_func(guest *g, const char *name, const char *signature, mo_span body)
{
    wasm locals = {.len = 0};
    const char *l = strchr(strchr(signature, ':') + 1, ':');
    uint32_t n = l ? (uint32_t)strlen(l + 1) : 0, index = g->nimported + g->nfunctions++;
    wasm_u32(&g->functions, guest_type(g, signature));
    wasm_u32(&locals, n);
    for (uint32_t i = 0; i < n; i++) wasm_put(&locals, ((uint8_t[]){1, wasm_letter(l[1 + i])}), 2);
    wasm_u32(&g->code, (uint32_t)(locals.len + body.len));
    wasm_put(&g->code, locals.at, locals.len);
    wasm_put(&g->code, body.at, body.len);
    if (name) guest_export(g, name, 0, index);
    return index;
}

UNUSED static void guest_memory(guest *g, mo_span limits)
{
    wasm_put(&g->memories, limits.at, limits.len);
    guest_export(g, "memory", 2, g->nmemories++);
}

#define GUEST_ADD(g, section, count, bytes) (wasm_put(&(g)->section, (bytes).at, (bytes).len), (g)->count++)

static void guest_vector(wasm *w, uint8_t id, uint32_t n, const wasm *items)
{
    wasm part = {.len = 0};
    if (!n) return;
    wasm_u32(&part, n);
    wasm_put(&part, items->at, items->len);
    wasm_section(w, id, (mo_span){part.at, part.len});
}

UNUSED static wasm guest_bytes(const guest *g)
{
    wasm w = wasm_start();
    guest_vector(&w, TYPES, g->ntypes, &g->types);
    guest_vector(&w, IMPORTS, g->nimports, &g->imports);
    guest_vector(&w, FUNCTIONS, g->nfunctions, &g->functions);
    guest_vector(&w, TABLES, g->ntables, &g->tables);
    guest_vector(&w, MEMORIES, g->nmemories, &g->memories);
    guest_vector(&w, TAGS, g->ntags, &g->tags);
    guest_vector(&w, GLOBALS, g->nglobals, &g->globals);
    guest_vector(&w, EXPORTS, g->nexports, &g->exports);
    if (g->start) wasm_section(&w, START, BYTES((uint8_t)(g->start - 1)));
    guest_vector(&w, ELEMENTS, g->nelements, &g->elements);
    if (g->ndatas) wasm_section(&w, DATA_COUNT, BYTES((uint8_t)g->ndatas));
    guest_vector(&w, CODE, g->nfunctions, &g->code);
    guest_vector(&w, DATAS, g->ndatas, &g->datas);
    return w;
}

/* --- compiling and running ----------------------------------------------- */

static mote_engine *engine;
static mote_compiler *compiler;

UNUSED static bool have_compiler(void)
{
    mote_error err;
    if (!engine && mote_engine_new(&engine, &err)) fprintf(stderr, "engine: %s\n", err.message);
    return compiler || mote_compiler_start(NULL, &compiler, &err) == MOTE_OK;
}
#define need_compiler() \
    do {                \
        if (!have_compiler()) skip("no mote-compile"); \
    } while (0)

UNUSED static mote_artifact *compiled_bytes(const void *bytes, size_t len)
{
    mote_error err;
    mote_artifact *a = NULL;
    if (!have_compiler() || mote_compiler_compile(compiler, bytes, len, NULL, 0, &a, &err)) {
        test_failed(__FILE__, __LINE__, "compile");
        fprintf(stderr, "    %s at %" PRIu64 "\n", err.message, err.offset);
        exit(1); /* nothing can be tested */
    }
    return a;
}

UNUSED static mote_artifact *compiled(const guest *g)
{
    wasm w = guest_bytes(g);
    return compiled_bytes(w.at, w.len);
}

typedef struct world {
    mote_artifact *artifact;
    mote_linker *linker;
    mote_store *store;
    mote_instance *instance;
    mote_error err;
    mote_status status;
} world;

/* A world whose instance is still to be made, by world_go(). */
UNUSED static world world_before(mote_artifact *artifact)
{
    world w = {.artifact = artifact};
    if (mote_store_new(engine, NULL, NULL, &w.store, &w.err) || mote_linker_new(engine, &w.linker, &w.err)) {
        fprintf(stderr, "world: %s\n", w.err.message);
        exit(1);
    }
    return w;
}

UNUSED static mote_status world_go(world *w)
{
    w->status = mote_linker_instantiate(w->linker, w->store, w->artifact, &w->instance, &w->err);
    if (w->status) fprintf(stderr, "instantiate: %s\n", w->err.message);
    return w->status;
}

UNUSED static world world_of(const guest *g)
{
    world w = world_before(compiled(g));
    world_go(&w);
    return w;
}

UNUSED static void world_end(world *w)
{
    mote_store_free(w->store);
    mote_linker_free(w->linker);
    mote_artifact_unref(w->artifact);
}

/* "ii:i" as a functype; the arrays are static, so one at a time. */
UNUSED static mote_functype functype(const char *signature)
{
    static mote_valtype types[128];
    const char *colon = strchr(signature, ':');
    size_t n = 0, nparams = (size_t)(colon - signature);
    for (const char *c = signature; *c; c++) {
        if (c == colon) continue;
        uint8_t code = wasm_letter(*c);
        types[n++] = code == T_FUNCREF ? MOTE_FUNCREF : code == T_EXTERNREF ? MOTE_EXTERNREF : code;
    }
    return (mote_functype){types, nparams, types + nparams, n - nparams};
}

UNUSED static void world_func(world *w, const char *name, const char *signature, mote_raw_callback *callback, void *data)
{
    mote_functype type = functype(signature);
    if (mote_linker_func_raw(w->linker, "env", name, &type, callback, data, &w->err)) {
        fprintf(stderr, "define: %s\n", w->err.message);
        exit(1);
    }
}

/* Calls an export with i32 arguments; the status is in w->status. */
UNUSED static int32_t call_i32(world *w, const char *name, int nargs, int32_t a, int32_t b)
{
    mote_func *func = mote_instance_func(w->instance, name);
    mote_raw values[2] = {{.i32 = a}, {.i32 = b}};
    (void)nargs;
    if (!func) {
        test_failed(__FILE__, __LINE__, name);
        return 0;
    }
    w->status = mote_func_call_raw(func, values, &w->err);
    return values[0].i32;
}
#define call0(w, name) call_i32(w, name, 0, 0, 0)
#define call1(w, name, a) call_i32(w, name, 1, a, 0)
#define call2(w, name, a, b) call_i32(w, name, 2, a, b)

#define expect_ok(w) expect_u64((w)->status, MOTE_OK)
#define expect_trap(w, code)                                  \
    do {                                                      \
        expect_u64((w)->status, MOTE_TRAP);                   \
        expect_u64((w)->err.trap, MOTE_TRAP_##code);          \
    } while (0)

#endif
