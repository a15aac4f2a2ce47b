/* const.h - constant expressions (Wasm 3.0, "constant expressions"), evaluated when
 * an instance is made and when a passive element segment is read. */
#ifndef MO_INSTANCE_CONST_H
#define MO_INSTANCE_CONST_H

#include "instance/instance.h"

/* expr is a list of mo_meta_const. Fails with MOTE_UNSUPPORTED or MOTE_NOMEM only. */
bool mo_const_eval(const mote_instance *instance, mo_list expr, mo_slot_value *ret, mote_error *err);

#endif
