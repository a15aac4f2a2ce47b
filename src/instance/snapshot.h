/* snapshot.h - the state of an instance -> a module that begins with it.
 *   mo_module --check--> instance, runs --mo_snapshot_take--> bytes (module/rewrite.h)
 * What is frozen: its own memories, tables and mutable globals, and which segments are
 * dropped. What is not: imports, whoever they are. */
#ifndef MO_INSTANCE_SNAPSHOT_H
#define MO_INSTANCE_SNAPSHOT_H

#include "instance/instance.h"
#include "module/rewrite.h"

/* Can instances of it be frozen at all? MOTE_STATE: they share a memory, or have state that
 * is not theirs; the message names it. */
bool mo_snapshot_check(const mo_module *m, mote_error *err);

/* instance: of this very module, checked, and not running.
 *  exports  the new module's
 * MOTE_STATE: a table or global holds what no module can hold; else as mo_rewrite_module. */
bool mo_snapshot_take(const mo_module *m, const mote_instance *instance, const mo_export *exports,
                      uint32_t nexports, mo_buffer *ret, mote_error *err);

#endif
