/* turns.h - requests that wait for their turn: as many run at once as the shares of function
 * and tenant allow, over all workers, and as this worker has instances for.
 *
 *   mo_turn_take --> its turn: the request runs --> mo_turn_give
 *           \--> waits in its function's queue --> come(): its turn
 *            \                             \--> mo_turn_leave: it waited for too long, or is gone
 *             \--> refused: the queues are full
 *
 * A function's requests come in the order in which this worker got them; functions take turns.
 * Between workers there is no order: who rings (mo_shared_bell) is answered as soon as can be. */
#ifndef MO_SERVE_TURNS_H
#define MO_SERVE_TURNS_H

#include "serve/loop/loop.h"

struct mo_worker;

typedef struct mo_turn {
    struct mo_turn *next, *prev; /* of its function's queue */
    void (*come)(struct mo_turn *t); /* in the loop */
    uint32_t function;
    bool waits;
} mo_turn;

/* Of one function, in its program. */
typedef struct mo_queue {
    mo_turn *first, *last;
    uint32_t next, prev; /* functions whose requests wait, a ring; of the worker's */
} mo_queue;

typedef struct mo_turns {
    uint32_t waiting;   /* requests */
    uint32_t nqueues;   /* functions whose requests wait */
    uint32_t queues;    /* one of them, which is asked first */
    mo_alarm due;       /* to look whose turn it is */
    mo_watch bell;
} mo_turns;

typedef enum mo_turn_answer { MO_TURN_COMES, MO_TURN_WAITS, MO_TURN_REFUSED } mo_turn_answer;

bool mo_turns_init(struct mo_worker *w);
void mo_turns_release(struct mo_worker *w);

mo_turn_answer mo_turn_take(struct mo_worker *w, mo_turn *t, uint32_t function, void (*come)(mo_turn *t));
void mo_turn_leave(struct mo_worker *w, mo_turn *t); /* one that waits */
void mo_turn_give(struct mo_worker *w, uint32_t function);

#endif
