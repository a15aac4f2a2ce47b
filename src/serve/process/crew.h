/* crew.h - the workers of one generation: started, started again, buried, drained.
 *
 *   WAITS --> STARTS --it says so--> SERVES --dies--> WAITS, at once or after a pause
 *
 * A function that ran in three workers that crashed is quarantined: workers answer 503 in its
 * place. SIGKILL and SIGTERM are no crash; they come from somebody else. */
#ifndef MO_SERVE_CREW_H
#define MO_SERVE_CREW_H

#include "serve/process/handover.h"
#include "serve/record/log.h"
#include "serve/loop/loop.h"

struct mo_isolation;
struct mo_member;

typedef struct mo_crew {
    mo_loop *loop;        /* all that comes before members: the generation's, set by it */
    const mo_serve_config *config;
    struct mo_isolation *const *isolations; /* by group */
    const mo_wants *wants;
    const mo_sockets *sockets;
    const uint8_t *groups; /* of tenants */
    mo_board *board;
    mo_log *log;
    const struct mo_operate *operate; /* counters, logs */
    int32_t pid;          /* of the generation */
    void (*in_child)(struct mo_crew *crew);   /* in a worker's process, before it is one: closes what is its parent's */
    void (*ready)(struct mo_crew *crew);      /* all serve, for the first time            */
    void (*failed)(struct mo_crew *crew, const char *why); /* before that, one could not  */
    void (*empty)(struct mo_crew *crew);      /* drained: nobody lives                    */

    struct mo_member *members;
    mo_alarm timer;       /* a worker is to be started again */
    uint8_t *crashes;     /* of each function */
    uint32_t n, nlive;
    bool served, drains, cut; /* cut: one ended before all was answered */
} mo_crew;

bool mo_crew_init(mo_crew *crew, mote_error *err);
void mo_crew_start(mo_crew *crew);
void mo_crew_drain(mo_crew *crew, char order); /* MO_ORDER_... */
/* A child of this process has ended; nothing where it is none of the crew. */
void mo_crew_bury(mo_crew *crew, int32_t pid, int status);
/* In another process, after fork: closes what is the other's; and forgets it. */
void mo_crew_close(mo_crew *crew);
void mo_crew_free(mo_crew *crew);

/* How many functions of that name were in quarantine. */
uint32_t mo_crew_clear(mo_crew *crew, const char *name);

#endif
