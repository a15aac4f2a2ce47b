/* plan.h - what is decided about each function before any is emitted. */
#ifndef MO_CODE_LLVM_PLAN_H
#define MO_CODE_LLVM_PLAN_H

#include "code/llvm/emit.h"

/* plans: one per function of the module, zeroed. */
bool mo_plan_make(const mo_module *m, mo_plan *plans, uint32_t *nshards, mote_error *err);

#endif
