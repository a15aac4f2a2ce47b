/* missing.c - imports that nothing offers, with what that usually means. */
#include "instance/instance.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

/* The first row that fits counts. A name that ends in * stands for all that begin so. */
static const struct reason { const char *module, *name, *words; } reasons[] = {
    {"wasi_snapshot_preview1", "sock_*", "a sockets extension of another runtime; WASI preview 1 can accept connections "
     "(-S tcplisten=ADDR) but not open them"},
    {"wasi_snapshot_preview1", "*", "WASI preview 1 has no function of this name"},
    {"wasi_unstable", "*", "WASI's first snapshot has no function of this name"},
    {"wasi", "thread-spawn", "the proposal wasi-threads, which mote has not: build for wasm32-wasip1 without threads"},
    {"wasi_ephemeral_nn", "*", "the proposal wasi-nn (neural networks), which mote has not"},
    {"wasi_ephemeral_*", "*", "a proposal beside WASI preview 1, which mote has not"},
    {"wasi_http", "*", "an experiment before WASI 0.2, which mote has not"},
    {"wasi:*", "*", "WASI 0.2 or later, which is for components; build for wasm32-wasip1"},
    {"wasix*", "*", "WASIX, Wasmer's own extension of WASI; build for wasm32-wasip1"},
    {"wasi_*", "*", "an interface of WASI that mote has not"},
    {"gojs", "*", "Go for JavaScript; build with GOOS=wasip1"},
    {"go", "*", "Go for JavaScript; build with GOOS=wasip1"},
    {"wbg", "*", "wasm-bindgen, which is for JavaScript hosts; build for wasm32-wasip1"},
    {"__wbindgen_*", "*", "wasm-bindgen, which is for JavaScript hosts; build for wasm32-wasip1"},
    {"env", "abort", "no part of WASI: AssemblyScript's way to end. Build with a WASI shim, or --use abort="},
    {"env", "emscripten_*", "no part of WASI: Emscripten's JavaScript; link with -sSTANDALONE_WASM"},
    {"env", "invoke_*", "no part of WASI: Emscripten's JavaScript; link with -sSTANDALONE_WASM"},
    {"env", "__cxa_*", "no part of WASI: C++ exceptions without their library"},
    {"env", "memory", "no part of WASI: the program wants its memory from its host (--import-memory)"},
    {"GOT.*", "*", "no part of WASI: the module is a shared library, to be linked with others"},
    {"env", "*", "no part of WASI: a symbol that was left undefined when the module was linked, or a function of an "
     "embedding program"},
    {"*", "*", "no part of WASI: another module or an embedding program must offer it"},
};

static bool fits(const char *pattern, const char *text, size_t len)
{
    size_t n = strcspn(pattern, "*");
    return len >= n && memcmp(text, pattern, n) == 0 && (pattern[n] == '*' || len == n);
}

static const char *reason_for(const mote_import *import)
{
    for (size_t i = 0; i + 1 < sizeof reasons / sizeof *reasons; i++)
        if (fits(reasons[i].module, import->module, import->module_len) &&
            fits(reasons[i].name, import->name, import->name_len))
            return reasons[i].words;
    return reasons[sizeof reasons / sizeof *reasons - 1].words;
}

static bool is_wasi(const mote_import *import)
{
    return fits("wasi_snapshot_preview1", import->module, import->module_len) ||
           fits("wasi_unstable", import->module, import->module_len);
}

static int shown(size_t len) { return len < 80 ? (int)len : 80; }

bool say_missing(const running *r, const char *path, const mote_artifact *artifact)
{
    enum { MOST = 8 };
    const char *before = NULL;
    mote_import import;
    size_t n = 0;
    for (size_t i = 0; mote_artifact_import(artifact, i, &import); i++) {
        if (mote_linker_has(r->linker, import.module, import.module_len, import.name, import.name_len) || n++ >= MOST)
            continue;
        char type[120];
        mo_externtype_text(&import.type, type, sizeof type);
        say("%s: link: unknown import \"%.*s\" \"%.*s\": want %s", path, shown(import.module_len), import.module,
            shown(import.name_len), import.name, type);
        const char *reason = r->no_wasi && is_wasi(&import) ? "WASI preview 1, which -S cli=n took away" : reason_for(&import);
        if (reason != before)
            say("  that is %s", reason);
        before = reason;
    }
    if (n > MOST)
        say("  and %zu more", n - MOST);
    if (n)
        say("  --preload NAME=FILE offers the exports of another module as NAME");
    return n == 0;
}
