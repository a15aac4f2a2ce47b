/* compile.h - the LLVM compiler from outside: a validated module -> objects.
 * Everything LLVM allocates dies before mo_compile returns. Threads: several
 * compiles may run at once; each starts up to options->threads of its own. */
#ifndef MO_CODE_LLVM_COMPILE_H
#define MO_CODE_LLVM_COMPILE_H

#include "code/code.h"

typedef enum mo_output { MO_OUTPUT_OBJECT, MO_OUTPUT_IR, MO_OUTPUT_ASSEMBLY } mo_output;

/* What the code will run on, resolved from options->target_cpu. */
typedef struct mo_target {
    char cpu[32];     /* LLVM's name, "znver4" */
    char *features;   /* LLVM's list, "+avx2,-sse4a"; mo_free() it */
    uint64_t needs;   /* bits of mo_cpu_feature (artifact/format.h) */
} mo_target;
bool mo_target_resolve(const char *name, uint64_t here, mo_target *ret, mote_error *err);
void mo_target_free(mo_target *target);

/* Errors: MOTE_UNSUPPORTED ("not supported yet: gc"), MOTE_NOMEM, MOTE_LIMIT. For
 * MO_OUTPUT_IR and _ASSEMBLY each object is the text of one shard. */
bool mo_compile(const mo_module *m, const mo_compile_options *options, const mo_target *target,
                mo_output output, mo_code *ret, mote_error *err);

#endif
