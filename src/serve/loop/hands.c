/* hands.c - errands in a queue, threads that run them, an eventfd that tells. */
#include "serve/loop/hands.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STACK = 256 << 10 };

/* Lies on the stack of the task that waits for it. */
struct mo_errand {
    mo_errand *next;
    mo_task *task;
    void (*work)(void *argument);
    void *argument;
    bool is_done;
};

/* --- in the threads --------------------------------------------------------------- */

static mo_errand *wait_for_errand(mo_hands *h)
{
    h->idle++;
    while (!h->first && !h->ends)
        pthread_cond_wait(&h->wanted, &h->lock);
    h->idle--;
    mo_errand *e = h->first;
    if (e)
        h->first = e->next;
    return e;
}

static void tell(const mo_hands *h)
{
    const uint64_t one = 1;
    ssize_t n = write(h->done_source.fd, &one, sizeof one);
    (void)n; /* full: the loop is told already */
}

static void *run_errands(void *data)
{
    mo_hands *h = data;
    pthread_mutex_lock(&h->lock);
    for (mo_errand *e; (e = wait_for_errand(h)) != NULL;) {
        pthread_mutex_unlock(&h->lock);
        e->work(e->argument);
        pthread_mutex_lock(&h->lock);
        e->next = h->done;
        h->done = e;
        tell(h);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* --- in the loop -------------------------------------------------------------------- */

static void on_done(mo_watch *s, uint32_t events)
{
    mo_hands *h = (mo_hands *)(void *)s;
    uint64_t count;
    (void)events;
    if (read(s->fd, &count, sizeof count) < 0)
        return;
    pthread_mutex_lock(&h->lock);
    mo_errand *e = h->done;
    h->done = NULL;
    pthread_mutex_unlock(&h->lock);
    for (mo_errand *next; e; e = next) {
        next = e->next;
        e->is_done = true;
        mo_task_wake(e->task); /* e is gone */
    }
}

/* Signals are the loop's thread's; those of faults come where the fault is. */
static bool start_thread(mo_hands *h)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    sigfillset(&all);
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool good = pthread_create(&h->threads[h->n], &attributes, run_errands, h) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    h->n += good;
    return good;
}

bool mo_hands_init(mo_hands *h, mo_loop *loop, mote_error *err)
{
    *h = (mo_hands){.done_source = {.ready = on_done, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}, .loop = loop};
    if (h->done_source.fd < 0 || !mo_loop_want(loop, &h->done_source, EPOLLIN))
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "eventfd: %s", strerror(errno));
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->wanted, NULL);
    return true;
}

void mo_hands_release(mo_hands *h)
{
    if (!h->loop)
        return;
    pthread_mutex_lock(&h->lock);
    h->ends = true;
    pthread_cond_broadcast(&h->wanted);
    pthread_mutex_unlock(&h->lock);
    for (unsigned i = 0; i < h->n; i++)
        pthread_join(h->threads[i], NULL);
    mo_loop_forget(h->loop, &h->done_source);
    close(h->done_source.fd);
    h->loop = NULL;
}

/* --- in a task ------------------------------------------------------------------------ */

static void put(mo_hands *h, mo_errand *e)
{
    pthread_mutex_lock(&h->lock);
    if (h->first)
        h->last->next = e;
    else
        h->first = e;
    h->last = e;
    bool more = h->idle == 0;
    pthread_cond_signal(&h->wanted);
    pthread_mutex_unlock(&h->lock);
    if (more && h->n < MO_HANDS)
        start_thread(h);
}

void mo_hands_do(mo_hands *h, mo_task *t, void (*work)(void *argument), void *argument)
{
    mo_errand e = {.task = t, .work = work, .argument = argument};
    if (h->n == 0 && !start_thread(h)) {
        work(argument);
        return;
    }
    put(h, &e);
    while (!e.is_done)
        mo_task_wait(t, MO_NEVER);
}
