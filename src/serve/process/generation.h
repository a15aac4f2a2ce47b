/* generation.h - a process that loads what is to be served, and is the parent of workers that
 * serve it. It opens no sockets and reads no commands: the supervisor does, over a channel.
 *
 *   LOADS --wants--> (sockets come) --> STARTS --all workers serve--> SERVES
 *     \-- refused --> gone      \-- refused --> gone                    |
 *                        gone <-- workers are gone <-- DRAINS <-- order -+
 *
 * A worker that dies is started again while it serves; before, its death is a refusal. Where
 * the supervisor is gone, it drains. It is the leader of a group of processes: its workers,
 * and what compiles for it.
 *
 * The next generation is forked by the current one, and so has what that one has: artifacts of
 * modules that have not changed. It becomes a child of the supervisor, who adopts orphans. Where there is no
 * current one, the supervisor itself forks one, which begins with nothing. */
#ifndef MO_SERVE_GENERATION_H
#define MO_SERVE_GENERATION_H

#include "serve/process/board.h"
#include "serve/process/control.h"
#include "serve/record/log.h"
#include "serve/record/shared.h"
#include "serve/process/sockets.h"

enum { MO_GENERATIONS = 6 }; /* that may live at the same time, each with a slot of its own */

/* From a generation. */
typedef enum mo_tale_kind { MO_TALE_HELLO, MO_TALE_WANTS, MO_TALE_READY, MO_TALE_REFUSED } mo_tale_kind;
typedef struct mo_tale {
    uint32_t kind;
    int32_t pid;         /* HELLO: before it loads */
    int32_t exit_code;   /* REFUSED: what load() returned, or MO_SERVE_FAILED */
    uint32_t status;     /* and the error; MOTE_OK: it has been said */
    mo_wants wants;
    char words[MO_LOG_LINE];
} mo_tale;

/* To it. While it waits for sockets it is sent those (mo_sockets_send) and nothing else. */
typedef enum mo_order_kind {
    MO_ORDERED_MOVE = 1, /* drain: the next one serves                                  */
    MO_ORDERED_END,      /* drain: nobody does                                          */
    MO_ORDERED_HEIR,     /* fork the next one: birth, and a descriptor: its channel      */
    MO_ORDERED_ASK,      /* `mote ctl`: line, and a descriptor: who is answered          */
    MO_ORDERED_FORGET,   /* alive: what others had is of no use any more                */
    MO_ORDERED_REOPEN,   /* log files                                                  */
} mo_order_kind;

typedef struct mo_birth {
    uint32_t number, slot, holder; /* holder: of counts (holders.h) */
} mo_birth;

typedef struct mo_order {
    uint32_t kind;
    mo_birth birth;
    uint32_t alive[MO_GENERATIONS]; /* numbers; 0: none */
    char line[MO_CONTROL_LINE];
} mo_order;

/* In the process, and in that of each heir. Returns what it ends with: 0, all was answered.
 * boards: by slot. */
int mo_generation_run(const mo_serve_source *source, mo_board *const *boards, mo_counts *counts, mo_birth birth, int channel);

#endif
