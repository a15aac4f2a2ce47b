/* sandbox.c - a worker gives up all but its two ends of the pipe: a module that takes the
 * compiler over finds no file, no network, no process and no name of a secret, and what it
 * answers is checked by whoever asked. Each step that this kernel or container forbids is
 * left out: what remains still holds. */
#include "base/filter.h"
#include "cli/compiler/compiler.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

enum { NOBODY = 65534, BACKGROUND = 10 };

/* Memory, threads and time of its own, and bytes of what is open. */
static const uint32_t allowed[] = {
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_close, SYS_lseek, SYS_fstat, SYS_newfstatat, SYS_ppoll,
    SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex, SYS_sched_yield, SYS_set_robust_list, SYS_rseq,
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall,
    SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_setitimer, SYS_times,
    SYS_getrandom, SYS_getpid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_sched_getaffinity, SYS_getrusage,
    SYS_sysinfo, SYS_uname, SYS_exit, SYS_exit_group,
#if defined(__x86_64__) /* older forms, which libc prefers here */
    SYS_poll, SYS_alarm, SYS_time, SYS_getrlimit,
#endif
#ifdef MO_FILTER_SANITIZED
    SYS_openat, SYS_readlink, SYS_mincore, SYS_pipe, SYS_pipe2, SYS_prctl,
#endif
};

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | \
                CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID) /* pthread_create() */

static bool limit_calls(void)
{
    const mo_filter_rule rules[] = {
        {.call = SYS_mmap, .arg = 2, .none = PROT_EXEC, .otherwise = MO_FILTER_KILL},
        {.call = SYS_mprotect, .arg = 2, .none = PROT_EXEC, .otherwise = MO_FILTER_KILL},
        {.call = SYS_clone, .arg = 0, .values = {THREAD}, .n = 1, .otherwise = MO_FILTER_KILL},
        {.call = SYS_tgkill, .arg = 0, .values = {(uint32_t)getpid()}, .n = 1, .otherwise = MO_FILTER_KILL},
        {.call = SYS_prlimit64, .arg = 0, .values = {0, (uint32_t)getpid()}, .n = 2, .otherwise = MO_FILTER_FAIL(EPERM)},
    };
    const mo_filter filter = {.rules = rules, .nrules = MO_COUNT(rules), .allowed = allowed, .nallowed = MO_COUNT(allowed),
                              .otherwise = MO_FILTER_FAIL(ENOSYS)};
    return mo_filter_enter(&filter, NULL);
}

static void limit_files(void)
{
    const struct rlimit none = {0, 0}, standard = {STDERR_FILENO + 1, STDERR_FILENO + 1};
    int version = mo_landlock_version(), rules = version ? mo_landlock_new(version, NULL) : -1;
    if (rules >= 0)
        mo_landlock_enter(rules, NULL);
    close_range(STDERR_FILENO + 1, ~0u, 0);
    setrlimit(RLIMIT_CORE, &none);
#ifndef MO_FILTER_SANITIZED
    setrlimit(RLIMIT_NOFILE, &standard);
#else
    (void)standard;
#endif
}

/* Root without capabilities would still own root's files. */
static void become_nobody(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    if (geteuid() == 0 && setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0)
        (void)!setresuid(NOBODY, NOBODY, NOBODY);
    syscall(SYS_capset, &head, none);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Whoever asked may have secrets in its environment. */
static void forget_environment(void)
{
    for (char **at = environ; at && *at; at++)
        explicit_bzero(*at, strlen(*at));
    clearenv();
}

void mo_sandbox_enter(void)
{
    forget_environment();
    become_nobody();
    limit_files();
    (void)limit_calls();
}

void mo_sandbox_give_way(void)
{
    const struct sched_param none = {0};
    setpriority(PRIO_PROCESS, 0, BACKGROUND);
    sched_setscheduler(0, SCHED_BATCH, &none);
}
