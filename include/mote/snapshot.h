/* mote/snapshot.h - a module in, the same module out after its initialiser has run.
 *   bytes --mote_snapshot--> bytes of a plain module that any engine can run
 *
 *   compiled -> grant() -> start function -> _initialize -> initialiser -> ended() -> frozen
 *
 * Memories, tables and globals begin as the initialiser left them; code, types and imports
 * are the same. Equal input gives equal bytes. docs/snapshot.md tells what is refused. */
#ifndef MOTE_SNAPSHOT_H
#define MOTE_SNAPSHOT_H

#include "mote/compiler.h"
#include "mote/linker.h"
#include "mote/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The function that is exported as src is exported as dst, and as dst only; what dst was
 *  before is exported no more. */
typedef struct mote_snapshot_rename {
    const char *dst, *src;
} mote_snapshot_rename;

/** Zeros are the defaults. */
typedef struct mote_snapshot_options {
    const char *init_func;    /* an export without parameters and results; NULL:
                                 "wizer-initialize", or "wizer.initialize"              */
    bool keep_init_func;      /* export it still; _initialize never is                  */
    const mote_snapshot_rename *renames;
    size_t nrenames;
    const mote_limits *limits; /* while it runs; NULL: mote_limits_default() with 1 GiB of memory */
    uint64_t timeout_us;      /* of all calls together; 0: a minute; MOTE_NO_LIMIT: none */
    mote_artifact *artifact;  /* these bytes, compiled already; NULL: they are compiled  */
    const char *const *flags; /* for the compiler                                       */
    size_t nflags;
    /** Offers what the module imports, for the time of initialisation; NULL: nothing.
     *  Returns MOTE_OK, or what mote_snapshot() is to return, and fills err then. */
    mote_status (*grant)(void *data, mote_store *store, mote_linker *linker, mote_error *err);
    /** Told once all calls are over, before the store ends: status is what came of them, err
     *  its error, mote_store_trap() the trap. What it returns counts instead. May be NULL. */
    mote_status (*ended)(void *data, mote_store *store, mote_status status, mote_error *err);
    void *data;               /* for both                                               */
} mote_snapshot_options;

/** Runs the initialiser of a module and freezes what it left.
 *  compiler  NULL only with options->artifact
 *  options   NULL: defaults
 *  ret       on success, the new module's bytes, yours: mote_snapshot_free() them
 *  Returns what mote_module_load(), compiling, mote_linker_instantiate() and the calls
 *  return, or MOTE_MISUSE (no such initialiser, a rename that makes no sense) or
 *  MOTE_STATE: no module can begin with what is there now, the initialiser ended the
 *  program, or it wanted more memory than the limit. */
MOTE_API mote_status mote_snapshot(mote_engine *engine, mote_compiler *compiler, const void *bytes, size_t len,
                                   const mote_snapshot_options *options, void **ret, size_t *retlen,
                                   mote_error *err);
MOTE_API void mote_snapshot_free(void *bytes); /* NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
