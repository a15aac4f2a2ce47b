/* hook.c - what a worker could do if it were taken over: tries it, from inside.
 *
 *   X-Hook: NAME [PATH [PATH]]  ->  HOOK=0 or HOOK=<errno>, among the guest's variables
 *
 * Linked into a program of the tests' own (mote-hooked) in front of mo_cgi_put_request, so
 * that no word of it is in mote itself. */
#include "serve/function/cgi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The linker compares no types, so the compiler has to. */
__typeof__(mo_cgi_put_request) __real_mo_cgi_put_request, __wrap_mo_cgi_put_request;

typedef struct paths { const char *first, *second; } paths;

static long open_it(const char *path, int flags)
{
    long fd = syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
    if (fd >= 0)
        close((int)fd);
    return fd;
}

/* A socket of the worker's that listens, or -1. */
static int find_listener(void)
{
    for (int fd = 0; fd < 64; fd++) {
        int listens = 0;
        socklen_t len = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens)
            return fd;
    }
    return -1;
}

static long map(int protection, int fd, int flags)
{
    void *at = mmap(NULL, 4096, protection, MAP_PRIVATE | flags, fd, 0);
    if (at == MAP_FAILED)
        return -1;
    munmap(at, 4096);
    return 0;
}

static long make_executable(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? -1 : mprotect(at, 4096, PROT_READ | PROT_EXEC);
}

static long map_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : map(PROT_READ | PROT_EXEC, fd, 0);
}

static long connect_by_sending(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return sendto(find_listener(), "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof to);
}

static long set_owner(void) { return fcntl(find_listener(), F_SETOWN, getppid()); }

static long filter_connections(void)
{
    int program = 0;
    return setsockopt(find_listener(), SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &program, sizeof program);
}

/* One that the kernel would let anybody set. */
static long set_limit(void)
{
    const uint64_t none[2] = {0, 0};
    return syscall(SYS_prlimit64, 0, RLIMIT_CORE, none, NULL);
}

static void *in_thread(void *path)
{
    return (void *)(uintptr_t)(open_it(path, O_RDONLY) < 0 ? errno : 0);
}

/* What a thread may do: as little. */
static long by_thread(const char *path)
{
    pthread_t thread;
    void *number;
    errno = pthread_create(&thread, NULL, in_thread, (void *)(uintptr_t)path);
    if (errno)
        return -1;
    pthread_join(thread, &number);
    errno = (int)(uintptr_t)number;
    return errno ? -1 : 0;
}

static long fork_it(void)
{
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return pid;
}

#if defined(__x86_64__)
static long other_number(void) { return syscall(0x40000000 | SYS_getpid); }

/* getpid(), by the way in that programs of 32 bits take. */
static long other_way(void)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "r8", "r9", "r10", "r11", "memory");
    return result;
}
#endif

static long try(const char *name, const paths *p)
{
    char some[16];
    struct iovec iov = {some, sizeof some};
    struct io_uring_params ring = {0};
    const char *first = p->first;
#define TRY(word, result) if (strcmp(name, word) == 0) return (long)(result)
    /* files */
    TRY("read", open_it(first, O_RDONLY));
    TRY("write", open_it(first, O_WRONLY));
    TRY("create", open_it(first, O_WRONLY | O_CREAT | O_EXCL));
    TRY("truncate", open_it(first, O_WRONLY | O_TRUNC));
    TRY("look", open_it(first, O_PATH));
    TRY("mkdir", syscall(SYS_mkdirat, AT_FDCWD, first, 0700));
    TRY("unlink", syscall(SYS_unlinkat, AT_FDCWD, first, 0));
    TRY("symlink", syscall(SYS_symlinkat, "x", AT_FDCWD, first));
    TRY("rename", syscall(SYS_renameat2, AT_FDCWD, first, AT_FDCWD, p->second, 0));
    TRY("link", syscall(SYS_linkat, AT_FDCWD, first, AT_FDCWD, p->second, 0));
    TRY("mknod", syscall(SYS_mknodat, AT_FDCWD, first, S_IFIFO | 0600, 0));
    TRY("chmod", syscall(SYS_fchmodat, AT_FDCWD, first, 0777));
    TRY("chown", syscall(SYS_fchownat, AT_FDCWD, first, 0, 0, 0));
    TRY("setxattr", syscall(SYS_setxattr, first, "user.x", "x", 1, 0));
    TRY("truncate-name", syscall(SYS_truncate, first, 0L));
    TRY("chdir", syscall(SYS_chdir, first));
    TRY("chroot", syscall(SYS_chroot, first));
    TRY("statfs", syscall(SYS_statfs, first, some));
    TRY("inotify", syscall(SYS_inotify_init1, 0));
    TRY("mount", syscall(SYS_mount, "none", first, "tmpfs", 0, NULL));
    TRY("handle", syscall(SYS_open_by_handle_at, AT_FDCWD, some, O_RDONLY));
    /* sockets */
    TRY("socket", syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
    TRY("socket-unix", syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
    TRY("socket-netlink", syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0));
    TRY("socketpair", syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, some));
    TRY("connect", syscall(SYS_connect, find_listener(), some, sizeof some));
    TRY("bind", syscall(SYS_bind, find_listener(), some, sizeof some));
    TRY("listen", syscall(SYS_listen, find_listener(), 1));
    TRY("fastopen", connect_by_sending());
    TRY("shutdown", shutdown(find_listener(), SHUT_RD));
    TRY("filter", filter_connections());
    /* processes */
    TRY("execve", syscall(SYS_execve, "/bin/true", NULL, NULL));
    TRY("execveat", syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0));
    TRY("clone", fork_it());
    TRY("clone3", syscall(SYS_clone3, some, 0));
    TRY("kill", syscall(SYS_kill, getppid(), 0));
    TRY("tgkill", syscall(SYS_tgkill, getppid(), getppid(), 0));
    TRY("sigqueue", syscall(SYS_rt_sigqueueinfo, getppid(), SIGTERM, some));
    TRY("setown", set_owner());
    TRY("pidfd", syscall(SYS_pidfd_open, getppid(), 0));
    TRY("ptrace", syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0));
    TRY("peek", syscall(SYS_process_vm_readv, getppid(), &iov, 1, &iov, 1, 0));
    TRY("poke", syscall(SYS_process_vm_writev, getppid(), &iov, 1, &iov, 1, 0));
    TRY("nice", syscall(SYS_setpriority, 0, getppid(), 0));
    TRY("affinity", syscall(SYS_sched_setaffinity, getppid(), sizeof some, some));
    TRY("limit", set_limit());
    TRY("thread", by_thread(first));
    /* memory */
    TRY("memfd", syscall(SYS_memfd_create, "x", 0));
    TRY("mprotect", make_executable());
    TRY("mmap", map(PROT_READ | PROT_WRITE | PROT_EXEC, -1, MAP_ANONYMOUS));
    TRY("mmap-file", map_file(first));
    TRY("mmap-data", map(PROT_READ | PROT_WRITE, -1, MAP_ANONYMOUS));
    TRY("pkey", syscall(SYS_pkey_mprotect, some, 0, PROT_EXEC, -1));
    TRY("shm", syscall(SYS_shmget, 1, 4096, 0));
    TRY("personality", syscall(SYS_personality, 0x0400000)); /* all that is readable is executable */
    TRY("userfaultfd", syscall(SYS_userfaultfd, 1));
    /* ways around, and the system */
    TRY("uring", syscall(SYS_io_uring_setup, 4, &ring));
    TRY("bpf", syscall(SYS_bpf, 0, NULL, 0));
    TRY("perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
    TRY("seccomp", syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL));
    TRY("unshare", syscall(SYS_unshare, CLONE_NEWUSER));
    TRY("setns", syscall(SYS_setns, 0, 0));
    TRY("setuid", syscall(SYS_setresuid, 0, 0, 0));
    TRY("capset", syscall(SYS_capset, NULL, NULL));
    TRY("keyctl", syscall(SYS_keyctl, 0, 0, 0, 0, 0));
    TRY("dumpable", syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0));
    TRY("is-dumpable", syscall(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0));
    TRY("terminal", ioctl(0, TIOCSTI, "x"));
    TRY("settime", syscall(SYS_clock_settime, 0, NULL));
#if defined(__x86_64__)
    TRY("x32", other_number());
    TRY("int80", other_way());
#endif
#undef TRY
    errno = ENOMSG; /* no attempt of that name */
    return -1;
}

/* The words of a field: they are kept for as long as the attempt takes. */
static void split(char *text, paths *ret, const char **name)
{
    *name = strtok(text, " ");
    ret->first = strtok(NULL, " ");
    ret->second = strtok(NULL, " ");
    if (!ret->first)
        ret->first = "/etc/passwd";
    if (!ret->second)
        ret->second = "/tmp/mote-hook";
}

int __wrap_mo_cgi_put_request(mo_cgi_env *env, const mo_http_head *head, mo_span script, mo_span facts, size_t nfacts)
{
    const mo_http_field *f = mo_http_field_of(head, "x-hook");
    char words[1024], told[32];
    if (f && f->value.len && f->value.len < sizeof words) {
        paths p;
        const char *name;
        memcpy(words, f->value.at, f->value.len);
        words[f->value.len] = 0;
        split(words, &p, &name);
        int n = snprintf(told, sizeof told, "HOOK=%d", try(name, &p) < 0 ? errno : 0);
        mo_cgi_put_all(env, told, (size_t)n + 1, 1);
    }
    return __real_mo_cgi_put_request(env, head, script, facts, nfacts);
}
