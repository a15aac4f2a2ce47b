/* mote/compiler.h - Wasm bytes to an artifact, by a process of its own.
 *   mote_compiler_start -> mote_compiler_compile (often) -> mote_compiler_stop
 * The compiler (mote-compile --worker) is started when it is first needed and again
 * after it died; libmote holds no compiler itself. It reads and writes its pipe and nothing
 * else (docs/compiler.md), whatever a module does to it.
 * Threads: any; compiles with one mote_compiler wait for each other. */
#ifndef MOTE_COMPILER_H
#define MOTE_COMPILER_H

#include "mote/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mote_compiler mote_compiler;

/** Finds the compiler.
 *  path  its executable; NULL: $MOTE_COMPILE, else mote-compile beside this library or
 *        this program's executable, or in ../libexec or ../bin from there, or in PATH
 *  ret   yours: mote_compiler_stop() it
 *  Returns MOTE_OK, MOTE_NOMEM or MOTE_IO (there is none; the message says where it
 *  was looked for). */
MOTE_API mote_status mote_compiler_start(const char *path, mote_compiler **ret, mote_error *err);
MOTE_API void mote_compiler_stop(mote_compiler *compiler); /* NULL is fine */

/** The executable that was found; the compiler's. */
MOTE_API const char *mote_compiler_path(const mote_compiler *compiler);

/** From its next start on it gives way to whatever else wants the processors: for servers
 *  that compile while they serve. */
MOTE_API void mote_compiler_in_background(mote_compiler *compiler);

/** Told about ten times a second while a compile runs, by the thread that waits for it:
 *  how much of 1000 is done. */
typedef void mote_compiler_progress(void *data, unsigned done);
/** NULL: nobody is told. Not while a compile runs. */
MOTE_API void mote_compiler_on_progress(mote_compiler *compiler, mote_compiler_progress *progress, void *data);

/** Compiles one module.
 *  flags  command-line flags as mote-compile takes them: "-O1", "--target-cpu=native"
 *  ret    on success, one reference, yours
 *  Returns what mote_module_load() and mote_artifact_open_bytes() return, or MOTE_IO:
 *  the compiler could not be started, or died; the next call starts it anew. */
MOTE_API mote_status mote_compiler_compile(mote_compiler *compiler, const void *bytes, size_t len,
                                           const char *const *flags, size_t nflags, mote_artifact **ret,
                                           mote_error *err);
/** The same, as the bytes of an artifact file: mote_compiler_free_bytes() them. */
MOTE_API mote_status mote_compiler_compile_bytes(mote_compiler *compiler, const void *bytes, size_t len,
                                                 const char *const *flags, size_t nflags, void **ret,
                                                 size_t *retlen, mote_error *err);
MOTE_API void mote_compiler_free_bytes(void *bytes);

#ifdef __cplusplus
}
#endif
#endif
