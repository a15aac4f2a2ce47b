/* check.h - finished machine code -> accepted, or the instruction that may not be.
 *   mo_linked + mo_module --mo_check--> nothing, or an error that names the instruction
 *   an artifact's bytes  --mo_check_artifact--> the same, from the artifact alone
 * What is proved and what is trusted: docs/checker.md. Linked into mote-compile only.
 *
 *   facts.c            module or META -> what lies where in the context, which words
 *                      are references
 *   decode_x86_64.c    bytes -> steps; what is not on its list of instructions is refused
 *   scan.c             all bytes: calls, jumps, names, padding
 *   blocks.c           one function's blocks, walked until nothing changes
 *   flow_x86_64.c      a step's effect; calls_x86_64.c: calls and returns
 *   access.c           what may be loaded and stored through which value
 *   value.c sets.c number.c state.c    what a word may be; registers and stack slots
 *   check.c            functions in order; disassemble_x86_64.c: for people
 */
#ifndef MO_CHECK_CHECK_H
#define MO_CHECK_CHECK_H

#include "artifact/artifact.h"

#include <stdio.h>

/* Reads only. Errors: MOTE_REFUSED and err->function, its text the instruction's
 * address, the instruction and what was wanted; MOTE_NOMEM; MOTE_UNSUPPORTED for a
 * processor that has no checker. */
bool mo_check(const mo_module *m, const mo_linked *linked, mote_error *err);
bool mo_check_artifact(const mo_artifact *a, mote_error *err);

/* Prints function func's instructions: address, Wasm offset, text. */
bool mo_disassemble(const mo_artifact *a, uint32_t func, FILE *to, mote_error *err);
/* The function that words name: an index, an export's name or the name section's. */
bool mo_disassemble_find(const mo_artifact *a, const char *words, uint32_t *ret, mote_error *err);

#endif
