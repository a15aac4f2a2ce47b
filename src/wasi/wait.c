/* wait.c - the one place where a guest's call sleeps. */
#include "wasi/wasi.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>

#define FOREVER UINT64_MAX
#define NS_PER_S UINT64_C(1000000000)

bool mo_wasi_interrupted(mo_wasi_call *c)
{
    if (!__atomic_load_n(&c->caller->context.run->interrupt, __ATOMIC_SEQ_CST))
        return false;
    c->leave = MOTE_TRAP; /* call/ knows which */
    return true;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Once, to be called again after -EINTR. */
static int wait_once(mo_wasi_call *c, struct pollfd *fds, size_t nfds, uint64_t timeout_ns)
{
    if (c->wasi->wait)
        return c->wasi->wait(c->wasi->wait_data, fds, nfds, timeout_ns);
    struct timespec timeout = {(time_t)(timeout_ns / NS_PER_S), (long)(timeout_ns % NS_PER_S)};
    const uint64_t args[6] = {(uintptr_t)fds, nfds, timeout_ns == FOREVER ? 0 : (uintptr_t)&timeout};
    return (int)mo_call_system(c->caller->context.run, SYS_ppoll, args);
}

int mo_wasi_wait(mo_wasi_call *c, struct pollfd *fds, size_t nfds, uint64_t timeout_ns)
{
    bool timed = timeout_ns != FOREVER && timeout_ns != 0;
    uint64_t start = timed ? now_ns() : 0, left = timeout_ns;
    for (;;) {
        int n = wait_once(c, fds, nfds, left);
        if (mo_wasi_interrupted(c))
            return -EINTR;
        if (n != -EINTR)
            return n;
        if (timed) {
            uint64_t gone = now_ns() - start;
            left = gone < timeout_ns ? timeout_ns - gone : 0;
        }
    }
}

mo_errno mo_wasi_wait_for(mo_wasi_call *c, int host, short events)
{
    struct pollfd fd = {.fd = host, .events = events};
    int n = mo_wasi_wait(c, &fd, 1, FOREVER);
    return n < 0 ? mo_wasi_errno(-n) : MO_E_SUCCESS;
}
