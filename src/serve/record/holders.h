/* holders.h - which numbers of holders (shared.h) are a generation's: one that is dead keeps its
 * number until its last worker is gone, for that one still counts. */
#ifndef MO_SERVE_HOLDERS_H
#define MO_SERVE_HOLDERS_H

#include "serve/record/shared.h"

#include <sys/types.h>

typedef struct mo_holder {
    bool taken, reaped; /* reaped: the generation's process is */
    pid_t group;        /* of its processes; 0: not known yet */
} mo_holder;

typedef struct mo_holders {
    mo_counts *counts;
    mo_holder all[MO_SHARED_HOLDERS];
} mo_holders;

/* A free number. Where there is none, the one that a dead generation's stray worker still has. */
uint32_t mo_holders_take(mo_holders *h);
void mo_holders_set(mo_holders *h, uint32_t holder, pid_t group);
/* The generation's process was waited for, or never was. */
void mo_holders_reaped(mo_holders *h, uint32_t holder);
/* Drops those whose processes are all gone. */
void mo_holders_sweep(mo_holders *h);

#endif
