/* generation.h - a process that loads what is to be served, and is the parent of workers that
 * serve it. It opens no sockets and reads no commands: the supervisor does, over a channel.
 *
 *   LOADS --wants--> (sockets come) --> STARTS --all workers serve--> SERVES
 *     \-- refused --> gone      \-- refused --> gone                    |
 *                        gone <-- workers are gone <-- DRAINS <-- order -+
 *
 * A worker that dies is started again while it serves; before, its death is a refusal. Where
 * the supervisor is gone, it drains. It is the leader of a group of processes: its workers,
 * and what compiles for it. */
#ifndef MO_SERVE_GENERATION_H
#define MO_SERVE_GENERATION_H

#include "serve/board.h"
#include "serve/log.h"
#include "serve/sockets.h"

/* From a generation. */
typedef enum mo_tale_kind { MO_TALE_WANTS, MO_TALE_READY, MO_TALE_REFUSED } mo_tale_kind;
typedef struct mo_tale {
    uint32_t kind;
    int32_t exit_code;   /* REFUSED: what load() returned, or MO_SERVE_FAILED */
    uint32_t status;     /* and the error; MOTE_OK: it has been said */
    mo_wants wants;
    char words[MO_LOG_LINE];
} mo_tale;

/* To it: a byte, MO_ORDER_MOVE or MO_ORDER_END (worker.h), or sockets (mo_sockets_send). */

/* In the process; returns what it ends with: 0, all was answered. */
int mo_generation_run(const mo_serve_source *source, mo_board *board, int channel);

#endif
