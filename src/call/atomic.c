/* atomic.c - memory.atomic.wait and notify (Wasm threads). Waiters of all shared
 * memories of the process stand in lists by address, first come, first notified; each
 * sleeps on a futex word of its own, so that an interrupt can wake it alone. */
#include "call/call.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ONE {PTHREAD_MUTEX_INITIALIZER, NULL},
#define FOUR(x) x x x x

static struct list {
    pthread_mutex_t lock;
    mo_waiter *first;
} lists[256] = {FOUR(FOUR(FOUR(FOUR(ONE))))};

static struct list *list_of(const void *address)
{
    return &lists[((uintptr_t)address >> 2) * UINT64_C(0x9e3779b97f4a7c15) >> 56];
}

static void append(struct list *list, mo_waiter *waiter)
{
    mo_waiter **at = &list->first;
    while (*at)
        at = &(*at)->next;
    *at = waiter;
}

static void take_out(struct list *list, const mo_waiter *waiter)
{
    mo_waiter **at = &list->first;
    while (*at && *at != waiter)
        at = &(*at)->next;
    if (*at)
        *at = waiter->next;
}

/* Absolute time on the monotonic clock; false: for ever. */
static bool deadline_after(int64_t timeout_ns, struct timespec *ret)
{
    if (timeout_ns < 0)
        return false;
    clock_gettime(CLOCK_MONOTONIC, ret);
    ret->tv_sec += timeout_ns / 1000000000;
    ret->tv_nsec += timeout_ns % 1000000000;
    if (ret->tv_nsec >= 1000000000) {
        ret->tv_sec++;
        ret->tv_nsec -= 1000000000;
    }
    return true;
}

/* Until state is not MO_WAITING. False: the deadline came first. */
static bool sleep_on(mo_waiter *waiter, const struct timespec *deadline)
{
    while (atomic_load_explicit(&waiter->state, memory_order_acquire) == MO_WAITING)
        if (syscall(SYS_futex, &waiter->state, FUTEX_WAIT_BITSET_PRIVATE, MO_WAITING, deadline, NULL,
                    FUTEX_BITSET_MATCH_ANY) != 0 && errno == ETIMEDOUT)
            return false;
    return true;
}

enum { WAIT_OK, WAIT_NOT_EQUAL, WAIT_TIMED_OUT }; /* what the guest gets */

/* With the waiter in its list. */
static uint32_t wait_in_list(mo_context *context, struct list *list, mo_waiter *waiter, int64_t timeout_ns)
{
    mote_store *store = mo_store_of(context->run);
    struct timespec deadline;
    bool timed = deadline_after(timeout_ns, &deadline);
    atomic_store(&store->waiter, waiter);
    /* An interrupt before that did not see the waiter, but is seen here. */
    if (!__atomic_load_n(&context->run->interrupt, __ATOMIC_SEQ_CST))
        sleep_on(waiter, timed ? &deadline : NULL);
    atomic_store(&store->waiter, NULL);
    pthread_mutex_lock(&list->lock);
    bool notified = atomic_load(&waiter->state) == MO_NOTIFIED;
    if (!notified)
        take_out(list, waiter);
    pthread_mutex_unlock(&list->lock);
    return notified ? WAIT_OK : WAIT_TIMED_OUT;
}

static uint8_t *check_access(mo_context *context, uint32_t memory_index, uint64_t at, uint64_t size, bool shared)
{
    const mote_memory *memory = mo_instance_of(context)->memories[memory_index];
    if (at % size)
        mo_raise(context->run, MO_TRAP_UNALIGNED_ATOMIC);
    if (!mo_memory_inside(memory, at, size))
        mo_raise(context->run, MO_TRAP_MEMORY_BOUNDS);
    if (shared && !memory->shared)
        mo_raise(context->run, MO_TRAP_NOT_SHARED);
    return memory->desc->base + at;
}

static bool holds(const void *address, uint64_t expected, bool wide)
{
    return wide ? __atomic_load_n((const uint64_t *)address, __ATOMIC_SEQ_CST) == expected
                : __atomic_load_n((const uint32_t *)address, __ATOMIC_SEQ_CST) == (uint32_t)expected;
}

static uint32_t wait_for(mo_context *context, const void *address, uint64_t expected, bool wide, int64_t timeout_ns)
{
    struct list *list = list_of(address);
    mo_waiter waiter = {.address = address};
    pthread_mutex_lock(&list->lock);
    bool equal = holds(address, expected, wide);
    if (equal)
        append(list, &waiter);
    pthread_mutex_unlock(&list->lock);
    return equal ? wait_in_list(context, list, &waiter, timeout_ns) : WAIT_NOT_EQUAL;
}

uint32_t mo_helper_atomic_wait32(mo_context *context, uint32_t memory, uint64_t at, uint32_t expected,
                                 uint64_t timeout)
{
    const void *address = check_access(context, memory, at, 4, true);
    return wait_for(context, address, expected, false, (int64_t)timeout);
}

uint32_t mo_helper_atomic_wait64(mo_context *context, uint32_t memory, uint64_t at, uint64_t expected,
                                 uint64_t timeout)
{
    const void *address = check_access(context, memory, at, 8, true);
    return wait_for(context, address, expected, true, (int64_t)timeout);
}

/* Wakes under the lock: a waiter that has been notified may be gone at once after it. */
uint32_t mo_helper_atomic_notify(mo_context *context, uint32_t memory, uint64_t at, uint32_t count)
{
    const void *address = check_access(context, memory, at, 4, false);
    struct list *list = list_of(address);
    uint32_t woken = 0;
    pthread_mutex_lock(&list->lock);
    for (mo_waiter **p = &list->first; *p && woken < count;) {
        mo_waiter *waiter = *p;
        uint32_t waiting = MO_WAITING;
        if (waiter->address != address ||
            !atomic_compare_exchange_strong(&waiter->state, &waiting, MO_NOTIFIED)) {
            p = &waiter->next;
            continue;
        }
        *p = waiter->next;
        syscall(SYS_futex, &waiter->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        woken++;
    }
    pthread_mutex_unlock(&list->lock);
    return woken;
}
