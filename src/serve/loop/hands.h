/* hands.h - threads that make a worker's system calls which may take long: of files that are
 * not in memory, on file systems that ask somebody else.
 *
 *   task: mo_hands_do --> queue --> a thread --> eventfd --> loop: the task goes on
 *
 * They are made when they are first wanted, a few, by a worker that is confined already, and so
 * are they. Meanwhile the task is parked: what the work reads and writes stays where it is. */
#ifndef MO_SERVE_HANDS_H
#define MO_SERVE_HANDS_H

#include "serve/loop/loop.h"

#include <pthread.h>

enum { MO_HANDS = 4 };

typedef struct mo_errand mo_errand;

typedef struct mo_hands {
    mo_watch done_source; /* an eventfd */
    mo_loop *loop;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    mo_errand *first, *last; /* to be done */
    mo_errand *done;
    unsigned n, idle;
    bool ends;
    pthread_t threads[MO_HANDS];
} mo_hands;

bool mo_hands_init(mo_hands *hands, mo_loop *loop, mote_error *err);
void mo_hands_release(mo_hands *hands); /* while nothing is under way; never initialised is fine if zeroed */
/* In the task: work(argument) on one of the threads, or here if there can be none. */
void mo_hands_do(mo_hands *hands, mo_task *t, void (*work)(void *argument), void *argument);

#endif
