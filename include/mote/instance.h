/* mote/instance.h - an artifact with its imports: memory, tables, globals, code.
 *   mote_artifact + imports -> [mote_instance] -> exports -> call
 * The store's, and living as long as it. Threads: as the store. */
#ifndef MOTE_INSTANCE_H
#define MOTE_INSTANCE_H

#include "mote/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Instantiates with imports in the artifact's order; mote_linker finds them by name.
 *  The start function is run. What segments and the start function wrote to imported
 *  things before a trap stays written.
 *  artifact  the instance keeps a reference of its own
 *  ret       the store's
 *  Returns MOTE_OK; MOTE_LINK (number, kind or type of an import; the message names it;
 *  a thing of another store), MOTE_LIMIT, MOTE_NOMEM, MOTE_TRAP (segment out of bounds,
 *  or in the start function), MOTE_EXCEPTION. */
MOTE_API mote_status mote_instance_new(mote_store *store, mote_artifact *artifact, const mote_extern *imports,
                                       size_t nimports, mote_instance **ret, mote_error *err);

/** The export of that name, which need not be terminated; false if there is none. */
MOTE_API bool mote_instance_export(mote_instance *instance, const char *name, size_t name_len, mote_extern *ret);
/** The same for a terminated name and a kind that must be right, or NULL. */
MOTE_API mote_func *mote_instance_func(mote_instance *instance, const char *name);
MOTE_API mote_memory *mote_instance_memory(mote_instance *instance, const char *name);
MOTE_API mote_table *mote_instance_table(mote_instance *instance, const char *name);
MOTE_API mote_global *mote_instance_global(mote_instance *instance, const char *name);
MOTE_API mote_tag *mote_instance_tag(mote_instance *instance, const char *name);

MOTE_API mote_artifact *mote_instance_artifact(const mote_instance *instance); /* not a reference */
MOTE_API mote_store *mote_instance_store(const mote_instance *instance);

#ifdef __cplusplus
}
#endif
#endif
