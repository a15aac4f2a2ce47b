/* plan.h - what is decided about each function before any is emitted. */
#ifndef MO_CODE_LLVM_PLAN_H
#define MO_CODE_LLVM_PLAN_H

#include "code/llvm/emit.h"

/* Some of LLVM's passes take time that grows with the square of a function's size: one
 * whose body is above the first has a shard of its own and at most the effort of -O1,
 * above the second that of -O0. */
#define MO_GIANT_BYTES 160000
#define MO_HUGE_BYTES 500000

/* plans: one per function of the module, zeroed. */
bool mo_plan_make(const mo_module *m, mo_plan *plans, uint32_t *nshards, uint32_t *first_giant, mote_error *err);

#endif
