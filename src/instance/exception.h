/* exception.h - a store's exception objects, collected.
 * One reserved range of addresses, cut into blocks of 64 KiB; a block holds cells of
 * one size, a power of two. What is not reachable from the roots (the guest stack,
 * xfer, globals, tables, other exceptions) is swept when the free cells run out.
 * Marking is conservative: any word that points into a cell keeps it. */
#ifndef MO_INSTANCE_EXCEPTION_H
#define MO_INSTANCE_EXCEPTION_H

#include "code/abi.h"
#include "mote/value.h"

#define MO_BLOCK_SHIFT 16
#define MO_CELL_SHIFT_MIN 5  /* 32 bytes: no or one parameter */
#define MO_CELL_SHIFT_MAX 14 /* 16 KiB: 1000 parameters */
#define MO_CELL_CLASSES (MO_CELL_SHIFT_MAX - MO_CELL_SHIFT_MIN + 1)

typedef struct mo_block {
    uint8_t shift;      /* log2 of a cell's bytes */
    uint64_t marks[(1 << (MO_BLOCK_SHIFT - MO_CELL_SHIFT_MIN)) / 64];
} mo_block;

typedef struct mo_exceptions {
    uint8_t *at;        /* block 0; NULL until the first exception */
    void *map;          /* all of it */
    size_t map_len;
    mo_block *blocks;
    mo_exception **grey; /* marked, parameters not yet looked at */
    size_t ngrey;
    uint32_t nblocks, max_blocks;
    uint32_t grow_to;   /* take new blocks up to here before collecting */
    void *free[MO_CELL_CLASSES];
} mo_exceptions;

/* A new exception with tag and nparams unset; NULL: no room even after collecting.
 * If a call runs: from a helper or host function of it. */
mo_exception *mo_exception_new(mote_store *store, uint32_t nparams);
/* May p be one of the store's exceptions? */
bool mo_exception_plausible(const mo_exceptions *e, const void *p);
void mo_exceptions_release(mo_exceptions *e);

#endif
