/* calls.c - calls.def and rules about arguments: what a worker may call.
 *
 * What a stray program would be refused, a worker is refused with an error and goes on: a
 * function that finds a forgotten corner costs its own request. What nothing here ever calls
 * ends the process: whoever tries has no second guess, the log tells, and a function that
 * does it thrice is quarantined. */
#include "serve/isolate/calls.h"

#include "base/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGEMAP_SCAN_CALL _IOC(_IOC_READ | _IOC_WRITE, 'f', 16, 96)
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | \
                CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID) /* pthread_create() */
#define OPTION(level, ...) \
    {.call = SYS_setsockopt, .has_other = true, .other_arg = 1, .other = level, .arg = 2, \
     .values = {__VA_ARGS__}, .n = sizeof(int[]){__VA_ARGS__} / sizeof(int)}

/* The kernel runs these for the calls that they are about, one after the other. */
static const mo_filter_rule rules[] = {
    /* A listening socket that was shut down could be made to connect by sending. */
    {.call = SYS_sendto, .arg = 3, .none = MSG_FASTOPEN, .otherwise = MO_FILTER_KILL},
    {.call = SYS_sendmsg, .arg = 2, .none = MSG_FASTOPEN, .otherwise = MO_FILTER_KILL},
    {.call = SYS_ioctl, .arg = 1, .values = {PAGEMAP_SCAN_CALL, UFFDIO_REGISTER, UFFDIO_UNREGISTER, UFFDIO_WRITEPROTECT}, .n = 4,
     .otherwise = MO_FILTER_FAIL(ENOTTY)},
    {.call = SYS_mprotect, .arg = 2, .none = PROT_EXEC, .otherwise = MO_FILTER_KILL},
    {.call = SYS_mmap, .arg = 2, .none = PROT_EXEC, .otherwise = MO_FILTER_KILL},
    /* The other way would take a listening socket from all who share it. */
    {.call = SYS_shutdown, .arg = 1, .values = {SHUT_WR}, .n = 1, .otherwise = MO_FILTER_FAIL(EPERM)},
    /* Filters of a listening socket decide who gets connections; these decide nothing. */
    OPTION(IPPROTO_TCP, TCP_NODELAY, TCP_NOTSENT_LOWAT, TCP_CORK),
    OPTION(SOL_SOCKET, SO_LINGER, SO_SNDBUF, SO_RCVBUF),
    {.call = SYS_setsockopt, .arg = 1, .otherwise = MO_FILTER_FAIL(EPERM)},
    {.call = SYS_fcntl, .arg = 1, .values = {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC}, .n = 5,
     .otherwise = MO_FILTER_FAIL(EPERM)},
    {.call = SYS_prlimit64, .arg = 2, .zero = true, .otherwise = MO_FILTER_FAIL(EPERM)},
    {.call = SYS_prctl, .arg = 0, .values = {PR_SET_NAME}, .n = 1, .otherwise = MO_FILTER_FAIL(EINVAL)},
    {.call = SYS_clone, .arg = 0, .values = {THREAD}, .n = 1, .otherwise = MO_FILTER_KILL},
    /* To this process only, whose number is known when it is there: abort(), and interrupts of calls. */
    {.call = SYS_tgkill, .n = 1, .otherwise = MO_FILTER_KILL},
};

static const uint32_t allowed[] = {
#define CALL(name) SYS_##name,
#define FATAL(name)
#include "serve/isolate/calls.def"
#undef CALL
#undef FATAL
#ifdef MO_FILTER_SANITIZED
    SYS_readlink, SYS_mincore, SYS_pipe, SYS_pipe2,
#endif
};

static const uint32_t fatal[] = {
#define CALL(name)
#define FATAL(name) SYS_##name,
#include "serve/isolate/calls.def"
#undef CALL
#undef FATAL
};

bool mo_calls_limit(mote_error *err)
{
    mo_filter_rule own[MO_COUNT(rules)];
    memcpy(own, rules, sizeof own);
    own[MO_COUNT(own) - 1].values[0] = (uint32_t)getpid();
    const mo_filter filter = {own, MO_COUNT(own), allowed, MO_COUNT(allowed), fatal, MO_COUNT(fatal), MO_FILTER_FAIL(ENOSYS)};
    return mo_filter_enter(&filter, err);
}
