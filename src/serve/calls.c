/* calls.c - calls.def and rules about arguments -> a program for the kernel's filter.
 *
 *   processor, ABI -> calls whose arguments count -> allowed -> fatal -> ENOSYS
 *
 * What a stray program would be refused, a worker is refused with an error and goes on: a
 * function that finds a forgotten corner costs its own request. What nothing here ever calls
 * ends the process: whoever tries has no second guess, the supervisor's log tells, and a
 * function that does it thrice is quarantined. */
#include "serve/calls.h"

#include "serve/calls_x86_64.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MO_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MO_SANITIZED 1
#endif
#endif

#define KILL SECCOMP_RET_KILL_PROCESS
#define FAIL(number) (SECCOMP_RET_ERRNO | (number))
#define PAGEMAP_SCAN_CALL _IOC(_IOC_READ | _IOC_WRITE, 'f', 16, 96)
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | \
                CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID) /* pthread_create() */

/* --- rules ----------------------------------------------------------------------- */

enum { VALUES = 6 };

/* The low 32 bits of arguments, for the kernel looks at no more of these. */
typedef struct rule {
    uint32_t call;
    uint32_t otherwise;       /* than what follows */
    uint8_t arg;
    uint32_t none;            /* of these bits; 0: */
    uint32_t values[VALUES];  /* one of these */
    uint8_t n;
    bool zero;                /* or 0, all 64 bits */
} rule;

/* The frequent ones first: the kernel runs the filter for each of these, but not for what is
 * always allowed. */
static const rule rules[] = {
    /* A listening socket that was shut down could be made to connect by sending. */
    {.call = SYS_sendto, .arg = 3, .none = MSG_FASTOPEN, .otherwise = KILL},
    {.call = SYS_sendmsg, .arg = 2, .none = MSG_FASTOPEN, .otherwise = KILL},
    {.call = SYS_ioctl, .arg = 1, .values = {PAGEMAP_SCAN_CALL, UFFDIO_REGISTER, UFFDIO_UNREGISTER, UFFDIO_WRITEPROTECT}, .n = 4,
     .otherwise = FAIL(ENOTTY)},
    {.call = SYS_mprotect, .arg = 2, .none = PROT_EXEC, .otherwise = KILL},
    {.call = SYS_mmap, .arg = 2, .none = PROT_EXEC, .otherwise = KILL},
    /* The other way would take the listening socket from the supervisor, too. */
    {.call = SYS_shutdown, .arg = 1, .values = {SHUT_WR}, .n = 1, .otherwise = FAIL(EPERM)},
    {.call = SYS_fcntl, .arg = 1, .values = {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC}, .n = 5, .otherwise = FAIL(EPERM)},
    {.call = SYS_prlimit64, .arg = 2, .zero = true, .otherwise = FAIL(EPERM)},
    {.call = SYS_prctl, .arg = 0, .values = {PR_SET_NAME}, .n = 1, .otherwise = FAIL(EINVAL)},
    {.call = SYS_clone, .arg = 0, .values = {THREAD}, .n = 1, .otherwise = KILL},
};

/* Filters of a listening socket decide who gets connections; these decide nothing. */
static const struct { uint32_t level, name; } options[] = {
    {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_NOTSENT_LOWAT}, {IPPROTO_TCP, TCP_CORK},
    {SOL_SOCKET, SO_LINGER}, {SOL_SOCKET, SO_SNDBUF}, {SOL_SOCKET, SO_RCVBUF},
};

static const uint32_t allowed[] = {
#define CALL(name) SYS_##name,
#define FATAL(name)
#include "serve/calls.def"
    MO_CALLS_HERE(CALL, FATAL)
#undef CALL
#undef FATAL
#ifdef MO_SANITIZED /* what its runtime does to report */
    SYS_readlink, SYS_mincore, SYS_pipe, SYS_pipe2,
#endif
};

static const uint32_t fatal[] = {
#define CALL(name)
#define FATAL(name) SYS_##name,
#include "serve/calls.def"
    MO_CALLS_HERE(CALL, FATAL)
#undef CALL
#undef FATAL
};

/* --- the program --------------------------------------------------------------------- */

enum { ROOM = 1024 };

typedef struct program {
    struct sock_filter at[ROOM];
    unsigned short n;
} program;

static void put(program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    if (p->n < ROOM)
        p->at[p->n++] = (struct sock_filter){code, yes, no, k};
}

static void load(program *p, size_t at) { put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)at, 0, 0); }
static void answer(program *p, uint32_t action) { put(p, BPF_RET | BPF_K, action, 0, 0); }

static void answer_if(program *p, uint32_t value, uint32_t action)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(p, action);
}

static size_t low(unsigned arg) { return offsetof(struct seccomp_data, args) + 8 * arg; } /* little-endian */

static void load_call(program *p) { load(p, offsetof(struct seccomp_data, nr)); }

/* Skips what `body` puts unless the call is that one. A body ends with an answer. */
static unsigned short begin(program *p, uint32_t call)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 0);
    return p->n;
}

static void end(program *p, unsigned short from) { p->at[from - 1].jf = (uint8_t)(p->n - from); }

static void put_rule(program *p, const rule *r)
{
    unsigned short from = begin(p, r->call);
    load(p, low(r->arg));
    if (r->none) {
        put(p, BPF_JMP | BPF_JSET | BPF_K, r->none, 1, 0);
        answer(p, SECCOMP_RET_ALLOW);
    }
    for (size_t i = 0; i < r->n; i++)
        answer_if(p, r->values[i], SECCOMP_RET_ALLOW);
    if (r->zero) {
        put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
        load(p, low(r->arg) + 4);
        answer_if(p, 0, SECCOMP_RET_ALLOW);
    }
    answer(p, r->otherwise);
    end(p, from);
}

static void put_options(program *p)
{
    unsigned short from = begin(p, SYS_setsockopt);
    for (size_t i = 0; i < MO_COUNT(options); i++) {
        load(p, low(1));
        put(p, BPF_JMP | BPF_JEQ | BPF_K, options[i].level, 0, 3);
        load(p, low(2));
        answer_if(p, options[i].name, SECCOMP_RET_ALLOW);
    }
    answer(p, FAIL(EPERM));
    end(p, from);
}

/* Signals to this process only: abort(), and interrupts of calls. */
static void put_signals(program *p)
{
    const rule own = {.call = SYS_tgkill, .values = {(uint32_t)getpid()}, .n = 1, .otherwise = KILL};
    put_rule(p, &own);
}

static void compose(program *p)
{
    p->n = 0;
    load(p, offsetof(struct seccomp_data, arch));
    put(p, BPF_JMP | BPF_JEQ | BPF_K, MO_CALLS_ARCH, 1, 0);
    answer(p, KILL);
    load_call(p);
    put(p, BPF_JMP | BPF_JGE | BPF_K, MO_CALLS_OTHER_ABI, 0, 1);
    answer(p, KILL);
    for (size_t i = 0; i < MO_COUNT(rules); i++)
        put_rule(p, &rules[i]);
    put_signals(p);
    put_options(p);
    for (size_t i = 0; i < MO_COUNT(allowed); i++)
        answer_if(p, allowed[i], SECCOMP_RET_ALLOW);
    for (size_t i = 0; i < MO_COUNT(fatal); i++)
        answer_if(p, fatal[i], KILL);
    answer(p, FAIL(ENOSYS));
}

/* --- the kernel ------------------------------------------------------------------------ */

bool mo_calls_can(void)
{
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == 0 || errno == EFAULT;
}

bool mo_calls_limit(mote_error *err)
{
    program p;
    compose(&p);
    const struct sock_fprog filter = {p.n, p.at};
    if (p.n < ROOM && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0)
        return true;
    return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "system calls cannot be limited (seccomp): %s", strerror(errno));
}
