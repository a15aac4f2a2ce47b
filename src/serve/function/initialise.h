/* initialise.h - a module that has an initialiser ("wizer-initialize") -> the module that it left.
 *
 *   artifact, bytes --in a process that can only compute--> bytes of a plain module, or why not
 *
 * Only what would be the same for every request may be done before any: an initialiser that
 * asks for randomness, a clock, the environment, arguments, input or a folder is not kept. */
#ifndef MO_SERVE_INITIALISE_H
#define MO_SERVE_INITIALISE_H

#include "mote/mote.h"

bool mo_has_initialiser(const mote_artifact *artifact);

/* bytes: the module's, artifact: they, compiled. ret: mo_free()d. MOTE_UNSUPPORTED: it asked for
 * something; else what mote_snapshot() returns, within 5 s and 128 MiB. */
mote_status mo_initialise(mote_engine *engine, const void *bytes, size_t len, mote_artifact *artifact, void **ret,
                          size_t *retlen, mote_error *err);

#endif
