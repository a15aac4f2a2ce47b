/* mote/artifact.h - compiled code, mapped and ready to run.
 *   file or compiler -> [mote_artifact] -> mote_instance -> call
 * An artifact never changes: share it between threads and stores freely. */
#ifndef MOTE_ARTIFACT_H
#define MOTE_ARTIFACT_H

#include "mote/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What mote_artifact_open() insists on; zeros are the defaults. */
typedef struct mote_open_options {
    bool verify;          /* hash all contents too (about 2 ms for a megabyte) */
    bool trust_any_owner; /* skip the check of owner and mode: for tests       */
} mote_open_options;

/** Maps an artifact file. It must belong to this user or root and be writable by
 *  nobody else; it may be replaced by renaming, never written in place.
 *  options  NULL: defaults
 *  ret      on success, one reference, yours: mote_artifact_unref() it
 *  Returns MOTE_OK, MOTE_IO, MOTE_NOMEM or MOTE_REFUSED: not an artifact, truncated,
 *  altered, for another version or processor, or not trusted; the message says. */
MOTE_API mote_status mote_artifact_open(const char *path, const mote_open_options *options,
                                        mote_artifact **ret, mote_error *err);
/** The same from bytes, which are copied. They are machine code: be sure of them. */
MOTE_API mote_status mote_artifact_open_bytes(const void *bytes, size_t len, mote_artifact **ret,
                                              mote_error *err);
MOTE_API void mote_artifact_ref(mote_artifact *artifact);
MOTE_API void mote_artifact_unref(mote_artifact *artifact); /* NULL is fine */

/** Imports and exports in the module's order; false past the last. Concrete
 *  reference types are written with the module's own type indices. */
MOTE_API size_t mote_artifact_nimports(const mote_artifact *artifact);
MOTE_API size_t mote_artifact_nexports(const mote_artifact *artifact);
MOTE_API bool mote_artifact_import(const mote_artifact *artifact, size_t i, mote_import *ret);
MOTE_API bool mote_artifact_export(const mote_artifact *artifact, size_t i, mote_export *ret);
/** The export of that name; false if there is none. */
MOTE_API bool mote_artifact_find_export(const mote_artifact *artifact, const char *name, size_t name_len,
                                        mote_export *ret);

/** The whole file's bytes, in place. */
MOTE_API const void *mote_artifact_bytes(const mote_artifact *artifact, size_t *retlen);

/** What an artifact's header tells. Strings live as long as the artifact. */
typedef struct mote_artifact_facts {
    const char *arch;       /* "x86_64" */
    const char *target_cpu; /* "x86-64-v3" */
    const char *compiler;   /* "llvm 19.1.7" */
    const char *module_name; /* not terminated */
    size_t module_name_len;
    uint8_t module_hash[16];
    uint8_t contents_hash[16];
    unsigned opt_level;
    bool fuel, canonical_nans, strict;
    uint64_t file_bytes, code_bytes, image_bytes;
    size_t nfuncs; /* imports included */
} mote_artifact_facts;
MOTE_API void mote_artifact_describe(const mote_artifact *artifact, mote_artifact_facts *ret);

/** One function: its name section's name (maybe empty) and its code. */
typedef struct mote_artifact_func {
    const char *name; /* not terminated; lives as long as the artifact */
    size_t name_len;
    bool imported;
    mote_functype type;
    uint64_t code_at, code_bytes; /* in the code; 0, 0: no code of its own */
} mote_artifact_func;
MOTE_API bool mote_artifact_function(const mote_artifact *artifact, size_t i, mote_artifact_func *ret);

#ifdef __cplusplus
}
#endif
#endif
