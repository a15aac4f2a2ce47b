/* sandbox.h - a guest that has every function of preview 1 as an export of its own, and
 * those of wasi_unstable that differ as unstable_<name>; tests call them with what a
 * program would pass, and read and write its memory.
 *   sandbox s = sandbox_of(wasi);              wasi is the sandbox's now
 *   put32(&s, 8, 5);
 *   expect_u64(CALL(&s, fd_close, 3), MO_E_BADF);
 * What ends the guest instead of an errno is in s.w.status. */
#ifndef MOTE_TEST_WASI_SANDBOX_H
#define MOTE_TEST_WASI_SANDBOX_H

#include "call/guest.h"
#include "wasi/wasi.h"

#define PAGES 2
#define MEMORY ((uint32_t)PAGES << 16)

typedef struct sandbox {
    world w;
    mote_wasi *wasi;
    uint8_t *memory;
} sandbox;

typedef struct wasi_row {
    const char *name, *params;
} wasi_row;

UNUSED static const wasi_row wasi_rows[] = {
#define WASI(name, params, args, text) {#name, params},
#include "wasi/wasi.def"
};
UNUSED static const char *const unstable_names[] = {
#define UNSTABLE(name) #name,
#include "wasi/wasi.def"
};

static const char *params_of(const char *name)
{
    for (size_t i = 0; i < MO_COUNT(wasi_rows); i++)
        if (strcmp(wasi_rows[i].name, name) == 0) return wasi_rows[i].params;
    return "";
}

/* "iil:i" for an import of that name. */
static void signature_of(const char *name, char *to, size_t len)
{
    snprintf(to, len, "%s:%s", params_of(name), strcmp(name, "proc_exit") == 0 ? "" : "i");
}

static void import_one(guest *g, const char *module, const char *name)
{
    char signature[32];
    signature_of(name, signature, sizeof signature);
    guest_import(g, module, name, BYTES(0, (uint8_t)guest_type(g, signature)));
    g->nimported++;
}

/* An export that passes its arguments on to that import. */
static void export_one(guest *g, const char *prefix, const char *name, uint8_t import)
{
    char export[64], signature[32];
    uint8_t body[32];
    size_t n = 0, nparams = strlen(params_of(name));
    for (size_t i = 0; i < nparams; i++) {
        body[n++] = w_local_get;
        body[n++] = (uint8_t)i;
    }
    body[n++] = w_call;
    body[n++] = import;
    body[n++] = w_end;
    snprintf(export, sizeof export, "%s%s", prefix, name);
    signature_of(name, signature, sizeof signature);
    guest_func(g, export, signature, (mo_span){body, n});
}

static mote_artifact *sandbox_artifact(void)
{
    static mote_artifact *made;
    static guest g;
    if (made) return made;
    for (size_t i = 0; i < MO_COUNT(wasi_rows); i++) import_one(&g, "wasi_snapshot_preview1", wasi_rows[i].name);
    for (size_t i = 0; i < MO_COUNT(unstable_names); i++) import_one(&g, "wasi_unstable", unstable_names[i]);
    for (size_t i = 0; i < MO_COUNT(wasi_rows); i++) export_one(&g, "", wasi_rows[i].name, (uint8_t)i);
    for (size_t i = 0; i < MO_COUNT(unstable_names); i++)
        export_one(&g, "unstable_", unstable_names[i], (uint8_t)(MO_COUNT(wasi_rows) + i));
    guest_memory(&g, BYTES(0, PAGES));
    return made = compiled(&g);
}

/* Memory is zero. */
UNUSED static sandbox sandbox_of(mote_wasi *wasi)
{
    mote_artifact *artifact = sandbox_artifact();
    mote_artifact_ref(artifact);
    sandbox s = {.w = world_before(artifact), .wasi = wasi};
    if (mote_wasi_link(s.w.linker, &s.w.err) || world_go(&s.w)) {
        fprintf(stderr, "sandbox: %s\n", s.w.err.message);
        exit(1);
    }
    mote_wasi_attach(wasi, s.w.store);
    s.memory = mote_memory_data(mote_instance_memory(s.w.instance, "memory"));
    return s;
}

UNUSED static mote_wasi *new_wasi(void)
{
    mote_wasi *wasi = NULL;
    mote_error err;
    if (mote_wasi_new(&wasi, &err)) exit(1);
    return wasi;
}

UNUSED static void sandbox_end(sandbox *s)
{
    world_end(&s->w);
    mote_wasi_free(s->wasi);
}

/* The errno, or UINT32_MAX if the call did not return. */
UNUSED static uint32_t sandbox_call(sandbox *s, const char *name, const uint64_t *args, size_t nargs)
{
    mote_raw values[16] = {{.i64 = 0}};
    mote_func *func = mote_instance_func(s->w.instance, name);
    if (!func || nargs != mote_func_type(func).nparams) {
        test_failed(__FILE__, __LINE__, name);
        return UINT32_MAX;
    }
    for (size_t i = 0; i < nargs; i++) values[i].i64 = (int64_t)args[i];
    s->w.status = mote_func_call_raw(func, values, &s->w.err);
    return s->w.status ? UINT32_MAX : values[0].u32;
}
#define CALL(s, name, ...) /* CALL(s, sched_yield, ) has no arguments */ \
    sandbox_call((s), #name, (const uint64_t[]){0, __VA_ARGS__} + 1, sizeof((const uint64_t[]){0, __VA_ARGS__}) / 8 - 1)

UNUSED static void put32(sandbox *s, uint32_t at, uint32_t v) { memcpy(s->memory + at, &v, sizeof v); }
UNUSED static void put64(sandbox *s, uint32_t at, uint64_t v) { memcpy(s->memory + at, &v, sizeof v); }
UNUSED static void put_iovec(sandbox *s, uint32_t at, uint32_t buf, uint32_t len)
{
    put32(s, at, buf);
    put32(s, at + 4, len);
}
UNUSED static uint16_t get16(const sandbox *s, uint32_t at) { return mo_get16(s->memory + at); }
UNUSED static uint32_t get32(const sandbox *s, uint32_t at) { return mo_get32(s->memory + at); }
UNUSED static uint64_t get64(const sandbox *s, uint32_t at) { return mo_get64(s->memory + at); }

#endif
