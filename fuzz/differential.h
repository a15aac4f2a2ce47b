/* differential.h - what the two files of fuzz/differential's runner share. */
#ifndef MOTE_FUZZ_DIFFERENTIAL_H
#define MOTE_FUZZ_DIFFERENTIAL_H

#include "module/module.h"

/* A copy of a module that counts: each stretch of instructions that control enters only
 * at its head adds one to a slot of its own in a memory that is exported as "#counts".
 * Nothing else changes but the offsets of instructions. */
typedef struct counted {
    uint8_t *bytes; /* the module; freed by counted_free() */
    size_t len;
    uint32_t nstretches;
    uint32_t *first; /* the ops of stretch i are ops[first[i]] up to ops[first[i + 1]] */
    uint16_t *ops;   /* mo_op */
    size_t nops;
} counted;

bool count_in(const void *bytes, size_t len, counted *ret, mote_error *err);
void counted_free(counted *c);

#endif
