/* spec.h - the specification's scripts, run.
 *   folder --main.c--> a process per script --script.c--> a command after the other:
 *                         module.c, action.c, thread.c, over what scope.h describes
 *                         compile.c  a .wasm file -> an artifact, cached by content
 *                         spectest.c the host module that scripts import from
 *                         value.c    values of the JSON <-> mote's
 * A script is what `wasm-tools json-from-wast` writes: JSON beside the .wasm files that
 * it names. Every command counts once: passed, failed, or skipped for a named reason.
 * A script that crashes or hangs loses only itself: what it had not yet counted has
 * failed. */
#ifndef MOTE_SPEC_H
#define MOTE_SPEC_H

#include "mote/mote.h"

#include <jansson.h>

/* Why a command was not judged. */
#define SKIPS(X)                                                                  \
    X(NONE, "")                                                                   \
    X(TEXT, "text")     /* a module in the text format, and what acts on it   */  \
    X(GC, "gc")         /* needs the garbage-collected heap                   */  \
    X(LEGACY, "legacy") /* exceptions as they were before they became final   */
typedef enum skip {
#define X(name, text) SKIP_##name,
    SKIPS(X)
#undef X
    SKIP_REASONS,
} skip;

/* How far a script has come. Lies in memory shared with the parent, which reads it
 * when the script's process has ended, however it ended. Threads count atomically. */
typedef struct progress {
    uint32_t ncommands, passed, failed, skipped[SKIP_REASONS];
    uint32_t line; /* the command that was begun last */
} progress;

#define MAX_FLAGS 24
typedef struct options {
    const char *compiler;         /* path of mote-compile; NULL: where libmote finds it */
    const char *flags[MAX_FLAGS]; /* passed on to it */
    uint32_t nflags;
    char *cache;                  /* folder of finished artifacts, named by content */
    bool verbose;
    uint32_t jobs, timeout_s;
} options;

/* Runs one script; failures are told on standard output. */
void run_script(const char *path, const options *o, progress *p);

/* --- compile.c ------------------------------------------------------------ */

typedef struct compile compile; /* thread-safe */
compile *compile_new(const options *o, mote_engine *engine);
void compile_free(compile *c);
mote_status compile_bytes(compile *c, const void *bytes, size_t len, mote_artifact **ret, mote_error *err);

/* --- spectest.c ------------------------------------------------------------- */

bool define_spectest(mote_linker *linker, mote_store *store, mote_error *err);

/* --- value.c ---------------------------------------------------------------- */

/* A JSON value as an argument of the parameter type given. */
bool value_read(const json_t *json, mote_valtype type, mote_value *ret);
/* Is have what the JSON wants? Patterns (nan:canonical, any funcref, either) included. */
bool value_matches(const json_t *want, const mote_value *have);
/* Both print into text, cut to size, and return it. */
const char *value_text(const mote_value *v, char *text, size_t size);
const char *want_text(const json_t *want, char *text, size_t size);

#endif
