/* thread.c - what a thread needs before it runs guest code: a stack for signal handlers, its
 * number, and the bounds of its own stack. */
#include "call/call.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SIGNAL_STACK ((size_t)64 << 10)
#define HOST_HEADROOM ((size_t)256 << 10) /* that a nested call leaves to host functions */

static pthread_key_t thread_key;

static void end_thread(void *p)
{
    mo_thread *thread = p;
    if (thread->has_ticker)
        syscall(SYS_timer_delete, thread->ticker);
    if (thread->signal_stack) {
        stack_t off = {.ss_flags = SS_DISABLE};
        sigaltstack(&off, NULL);
        munmap(thread->signal_stack, thread->signal_stack_len);
    }
    *thread = (mo_thread){.id = 0};
}

/* A forked child has another thread id; its signal stack was copied with it. */
static void after_fork(void)
{
    mo_thread_here.id = (int)syscall(SYS_gettid);
    mo_thread_here.has_ticker = mo_thread_here.ticks_run = false; /* timers are not inherited */
}

/* The thread's own signal stack is used if it has one that is large enough. */
static bool make_signal_stack(mo_thread *thread)
{
    stack_t now, wanted = {.ss_size = SIGNAL_STACK};
    if (sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE) && now.ss_size >= SIGNAL_STACK / 2)
        return true;
    size_t least = (size_t)sysconf(_SC_SIGSTKSZ);
    if (wanted.ss_size < least && least < (size_t)1 << 30)
        wanted.ss_size = least;
    wanted.ss_size = mo_round_up(wanted.ss_size, MO_FILE_PAGE);
    wanted.ss_sp = mmap(NULL, wanted.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (wanted.ss_sp == MAP_FAILED)
        return false;
    if (sigaltstack(&wanted, NULL) != 0) {
        munmap(wanted.ss_sp, wanted.ss_size);
        return false;
    }
    thread->signal_stack = wanted.ss_sp;
    thread->signal_stack_len = wanted.ss_size;
    return true;
}

extern void *__libc_stack_end __attribute__((weak)); /* glibc's: where the first thread's stack begins */

/* The first thread's stack grows up to a limit; asking pthread for it would read
 * /proc/self/maps. */
static void find_stack(mo_thread *thread)
{
    struct rlimit limit;
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size = 0;
    if (thread->id != getpid()) {
        if (pthread_getattr_np(pthread_self(), &attributes) != 0)
            return;
        pthread_attr_getstack(&attributes, &low, &size);
        pthread_attr_destroy(&attributes);
    } else if (&__libc_stack_end && getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < (uintptr_t)__libc_stack_end) {
        size = limit.rlim_cur;
        low = (uint8_t *)__libc_stack_end - size;
    }
    thread->stack_low = (uintptr_t)low;
    thread->stack_short = (uintptr_t)low + (size / 4 < HOST_HEADROOM ? size / 4 : HOST_HEADROOM);
}

bool mo_thread_start(void)
{
    mo_thread *thread = &mo_thread_here;
    if (!make_signal_stack(thread))
        return false;
    thread->id = (int)syscall(SYS_gettid);
    find_stack(thread);
    if (pthread_setspecific(thread_key, thread) != 0) {
        end_thread(thread);
        return false;
    }
    thread->ready = true;
    return true;
}

bool mo_threads_install(mote_error *err)
{
    if (pthread_key_create(&thread_key, end_thread) == 0 && pthread_atfork(NULL, NULL, after_fork) == 0)
        return true;
    return mo_fail_nomem(err);
}
