/* board.h - what a generation's workers are and how much each has to do, in memory that they,
 * their parent and the supervisor share. The parent writes a row when it starts a worker or
 * finds it dead; the worker writes conns; whoever passes it a connection adds to due. */
#ifndef MO_SERVE_BOARD_H
#define MO_SERVE_BOARD_H

#include "serve/serve.h"

#include <stdatomic.h>

typedef enum mo_row_state { MO_ROW_EMPTY, MO_ROW_WAITS, MO_ROW_STARTS, MO_ROW_SERVES } mo_row_state;

typedef struct mo_row {
    _Atomic uint32_t state;    /* mo_row_state; WAITS: to be started again */
    _Atomic int32_t pid;
    _Atomic uint64_t since_ns; /* of that state */
    _Atomic uint32_t restarts, group;
    _Atomic uint32_t conns;    /* that it has                        */
    _Atomic int32_t due;       /* that were passed to it, and wait in its inbox */
    uint64_t unused[3];        /* a line of the cache for each */
} mo_row;

typedef struct mo_board {
    uint32_t generation;
    _Atomic uint32_t nrows;
    mo_row rows[MO_SERVE_WORKERS];
} mo_board;

mo_board *mo_board_new(void); /* NULL: memory is out */
/* For the next one who gets it. */
void mo_board_clear(mo_board *board, uint32_t generation);
void mo_board_free(mo_board *board);

static inline uint32_t mo_row_load(const mo_row *r)
{
    int64_t due = atomic_load_explicit(&r->due, memory_order_relaxed);
    int64_t n = (int64_t)atomic_load_explicit(&r->conns, memory_order_relaxed) + (due > 0 ? due : 0);
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

#endif
