/* check.h - finished machine code -> accepted, or the instruction that may not be.
 *   mo_linked + mo_module --mo_check--> nothing, or an error that names the instruction
 *   an artifact's bytes  --mo_check_artifact--> the same, from the artifact alone
 * What is proved and what is trusted: docs/checker.md. Linked into mote-compile only.
 *
 *   facts.c            module or META -> what lies where in the context, which words
 *                      are references                                      (mo_facts)
 *   x86_64/decode.c    bytes -> instructions, none that is not on the list (mo_step)
 *   blocks_x86_64.c    a function's instructions -> basic blocks, jump tables
 *   value.c, state.c   what a register or stack slot may hold; joins
 *   flow_x86_64.c      an instruction's effect; calls_x86_64.c: calls and returns
 *   access.c           may this value be loaded through, stored through?
 *   check.c            functions, from what the host may call to what those call */
#ifndef MO_CHECK_CHECK_H
#define MO_CHECK_CHECK_H

#include "artifact/artifact.h"

#include <stdio.h>

/* Reads only. Errors: MOTE_REFUSED and err->function, its text the instruction's
 * address, the instruction and what was wanted; MOTE_NOMEM; MOTE_UNSUPPORTED for a
 * processor that has no checker. options as in mo_file_header. */
bool mo_check(const mo_module *m, const mo_linked *linked, uint32_t options, mote_error *err);
bool mo_check_artifact(const mo_artifact *a, mote_error *err);

/* Prints function func's instructions: address, Wasm offset, text. */
bool mo_disassemble(const mo_artifact *a, uint32_t func, FILE *to, mote_error *err);
/* The function that words name: an index, an export's name or the name section's. */
bool mo_disassemble_find(const mo_artifact *a, const char *words, uint32_t *ret, mote_error *err);

#endif
