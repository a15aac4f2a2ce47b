/* known.h - functions of C libraries that are recognised by their whole body.
 *
 *   mo_known_begin -> mo_known_see (each instruction) -> mo_known_end    plan.c
 *   mo_known_emit: a short cut before the function's own code            function.c
 *
 * libc's memcpy, memmove, memset and memcmp for Wasm go byte by byte or word by word,
 * and C programs spend a tenth of their time in them. A function whose instructions are
 * exactly those of a build listed in known.def does what that build does; where the
 * operands lie inside the memory (and, for memcpy, apart), a block copy has the same
 * effect. Everything else takes the function's own way. Names play no part. */
#ifndef MO_CODE_LLVM_KNOWN_H
#define MO_CODE_LLVM_KNOWN_H

#include "module/body.h"

typedef enum mo_known {
    MO_KNOWN_none,
    MO_KNOWN_memcpy,
    MO_KNOWN_memmove,
    MO_KNOWN_memset,
    MO_KNOWN_memcmp,
} mo_known;

typedef struct mo_known_scan {
    bool possible;
    uint64_t hash[2];
    uint32_t callee; /* of its only call, or MO_NO_CALLEE */
} mo_known_scan;
#define MO_NO_CALLEE UINT32_MAX

/* b has just been opened. */
void mo_known_begin(mo_known_scan *scan, const mo_body *b);
void mo_known_see(mo_known_scan *scan, const mo_insn *in);
/* Which it is, provided that its callee, if it has one, is memcpy. */
mo_known mo_known_end(const mo_known_scan *scan);

/* known.def's rows for the functions of m that have such names, as text. */
bool mo_known_rows(const mo_module *m, mo_buffer *ret, mote_error *err);

#endif
