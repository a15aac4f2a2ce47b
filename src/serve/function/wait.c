/* wait.c - a guest of preview 1 waits: its request is parked until a descriptor is ready or
 * the time has come. */
#include "call/call.h"
#include "serve/function/request.h"
#include "serve/process/worker.h"

#include <errno.h>
#include <poll.h>

/* One descriptor of a wait, in epoll. */
typedef struct waited {
    mo_watch source;
    mo_task *task;
} waited;

static void is_ready(mo_watch *s, uint32_t events)
{
    (void)events;
    mo_task_wake(((waited *)(void *)s)->task);
}

static uint32_t epoll_events(short events)
{
    return (events & POLLIN ? (uint32_t)EPOLLIN : 0) | (events & POLLOUT ? (uint32_t)EPOLLOUT : 0);
}

/* One that is there already, for reading and writing are two of a guest's subscriptions. */
static bool merge(mo_loop *loop, waited *list, size_t n, const struct pollfd *p)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].source.added && list[i].source.fd == p->fd)
            return mo_loop_want(loop, &list[i].source, list[i].source.wanted | epoll_events(p->events));
    return false;
}

static bool add_all(mo_request *r, waited *list, const struct pollfd *fds, size_t n)
{
    mo_loop *loop = &r->worker->loop;
    for (size_t i = 0; i < n; i++) {
        list[i] = (waited){.source = {.ready = is_ready, .fd = fds[i].fd}, .task = &r->task};
        if (!mo_loop_want(loop, &list[i].source, epoll_events(fds[i].events)) &&
            !(errno == EEXIST && merge(loop, list, i, &fds[i])))
            return false;
    }
    return true;
}

static int park(mo_request *r, waited *list, const struct pollfd *fds, size_t n, uint64_t timeout_ns)
{
    int result = 0;
    if (!add_all(r, list, fds, n))
        result = -errno;
    mo_exchange_rest(r->exchange);
    if (!result)
        mo_task_wait(&r->task, mo_request_due(r, timeout_ns));
    for (size_t i = 0; i < n; i++)
        mo_loop_forget(&r->worker->loop, &list[i].source);
    return result;
}

void mo_request_do_elsewhere(void *request, void (*work)(void *argument), void *argument)
{
    mo_request *r = request;
    mo_exchange_rest(r->exchange);
    mo_hands_do(&r->worker->hands, &r->task, work, argument);
    mo_request_is_late(r);
}

int mo_request_wait(mo_request *r, struct pollfd *fds, size_t nfds, uint64_t timeout_ns)
{
    uint64_t now = mo_now_ns(), until = timeout_ns < MO_NEVER - now ? now + timeout_ns : MO_NEVER;
    waited *list = nfds ? mo_calloc(nfds, sizeof *list) : NULL;
    if (nfds && !list)
        return -ENOMEM;
    int result;
    for (;;) {
        result = nfds ? poll(fds, nfds, 0) : 0;
        if (result < 0)
            result = -errno;
        if (result != 0 || (nfds && until <= now))
            break;
        result = park(r, list, fds, nfds, until > now ? until - now : 0); /* for no time: others have a turn */
        if (mo_request_is_late(r) || r->verdict)
            result = -EINTR;
        now = mo_now_ns();
        if (result || (!nfds && until <= now))
            break;
    }
    mo_free(list);
    return result;
}
