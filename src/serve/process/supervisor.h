/* supervisor.h - what the supervisor knows; for supervisor.c and status.c, which tells it. */
#ifndef MO_SERVE_SUPERVISOR_H
#define MO_SERVE_SUPERVISOR_H

#include "serve/process/control.h"
#include "serve/process/generation.h"
#include "serve/record/holders.h"
#include "serve/process/notify.h"
#include "serve/loop/watch.h"

#include <signal.h>
#include <sys/types.h>

struct mo_supervisor;

typedef enum mo_stage { MO_STAGE_GONE, MO_STAGE_LOADS, MO_STAGE_STARTS, MO_STAGE_SERVES, MO_STAGE_DRAINS } mo_stage;

typedef struct mo_being { /* a generation, seen from here */
    struct mo_supervisor *supervisor;
    mo_stage stage;
    pid_t pid;       /* 0: not told yet, or dead */
    mo_watch channel;
    mo_wants wants;
    uint32_t number, holder;
    uint64_t started_ns;
    bool refused;
} mo_being;

typedef struct mo_supervisor {
    mo_loop loop;
    mo_watch signals;
    mo_alarm timer;        /* a generation is to be started again */
    mo_alarm hello;        /* the next one must have begun */
    mo_file_watch file;
    mo_notify notify;
    mo_control control;
    const mo_serve_source *source;
    mo_sockets sockets;
    mo_being beings[MO_GENERATIONS]; /* by slot */
    mo_board *boards[MO_GENERATIONS];
    mo_holders holders;
    mo_being *current, *next; /* next: LOADS or STARTS */
    uint32_t last_number;
    uint64_t pause_ns;
    bool again;            /* load once more when next is done */
    bool ends, killed, failed;
    int exit_code;         /* of the first load */
    mote_error *err;
    uint64_t started_ns;
    uint32_t nreloads, nrefused;
    char refusal[MO_LOG_LINE]; /* the last one */
    sigset_t before;
    mo_log log;
} mo_supervisor;

/* What `mote ctl` asks. */
void mo_status_asked(mo_control *c, mo_control_client *client, const char *line);
/* A load has ended, well (NULL) or not: who waits for it is told. */
void mo_status_loaded(mo_supervisor *s, uint32_t number, const char *why);

void mo_supervisor_reload(mo_supervisor *s, const char *why);
void mo_supervisor_end(mo_supervisor *s);
/* By the current generation. false: there is none, or it does not listen. */
bool mo_supervisor_pass(mo_supervisor *s, const char *line, int fd);

#endif
