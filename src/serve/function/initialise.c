/* initialise.c - an initialiser run in a process of its own. */
#include "serve/function/initialise.h"

#include "base/filter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 5, PATIENCE_MS = 30000 };
#define MEMORY_BYTES (UINT64_C(128) << 20)

bool mo_has_initialiser(const mote_artifact *artifact)
{
    mote_export e;
    return (mote_artifact_find_export(artifact, "wizer-initialize", 16, &e) ||
            mote_artifact_find_export(artifact, "wizer.initialize", 16, &e)) &&
           e.type.kind == MOTE_FUNC && e.type.of.func.nparams == 0 && e.type.of.func.nresults == 0;
}

/* --- what it may ask for ------------------------------------------------------------- */

typedef struct asked {
    mote_artifact *artifact;
    mote_wasi *wasi;
    const char *first; /* an import that it called and must not, or NULL */
    size_t first_len;
} asked;

/* What is the same for every request: output goes nowhere, there are no descriptors beyond. */
static const char *const harmless[] = {"fd_write", "fd_fdstat_get", "fd_seek", "fd_close", "proc_exit", "sched_yield"};

static bool is_harmless(const mote_import *import)
{
    for (size_t i = 0; i < MO_COUNT(harmless); i++)
        if (mo_span_is((mo_span){(const uint8_t *)import->name, import->name_len}, harmless[i]))
            return true;
    return false;
}

typedef struct refused {
    asked *asked;
    const char *name;
    size_t len;
} refused;

static mote_status refuse(mote_caller *caller, void *data, mote_raw *values)
{
    refused *r = data;
    (void)values;
    if (!r->asked->first) {
        r->asked->first = r->name;
        r->asked->first_len = r->len;
    }
    return mote_caller_trap(caller, MOTE_TRAP_HOST, "%.*s", (int)r->len, r->name);
}

static mote_status refuse_import(asked *a, mote_linker *linker, const mote_import *import, mote_error *err)
{
    char module[64], name[64];
    refused *r = mo_calloc(1, sizeof *r); /* its process ends soon */
    if (!r || import->module_len >= sizeof module || import->name_len >= sizeof name) {
        mo_fail(err, r ? MOTE_UNSUPPORTED : MOTE_NOMEM, MOTE_NOWHERE, "an import with a long name");
        return r ? MOTE_UNSUPPORTED : MOTE_NOMEM;
    }
    memcpy(module, import->module, import->module_len);
    memcpy(name, import->name, import->name_len);
    module[import->module_len] = name[import->name_len] = 0;
    *r = (refused){a, import->name, import->name_len};
    return mote_linker_func_raw(linker, module, name, &import->type.of.func, refuse, r, err);
}

static mote_status grant(void *data, mote_store *store, mote_linker *linker, mote_error *err)
{
    asked *a = data;
    mote_import import;
    mote_status status = mote_wasi_new(&a->wasi, err);
    if (!status)
        status = mote_wasi_link(linker, err);
    for (size_t i = 0; !status && mote_artifact_import(a->artifact, i, &import); i++)
        if (import.type.kind == MOTE_FUNC && !is_harmless(&import))
            status = refuse_import(a, linker, &import, err);
    if (!status) {
        mote_wasi_freeze(a->wasi, 0);
        mote_wasi_attach(a->wasi, store);
    }
    return status;
}

/* --- in its process -------------------------------------------------------------------- */

/* What is told, at the start of a file; the bytes follow. */
typedef struct result {
    mote_status status;
    uint64_t len;
    mote_error err;
} result;

static const uint32_t allowed[] = {
    SYS_write, SYS_pwrite64, SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_futex, SYS_sched_yield,
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall,
    SYS_timer_create, SYS_timer_settime, SYS_timer_delete, SYS_clock_gettime, SYS_getpid, SYS_gettid,
    SYS_getrandom, SYS_close, SYS_fcntl, SYS_exit, SYS_exit_group, SYS_membarrier,
    SYS_setrlimit, SYS_prlimit64, SYS_prctl, SYS_fstat, SYS_ioctl,
};

static void confine(void)
{
    const struct rlimit cpu = {2 * SECONDS, 2 * SECONDS}, core = {0, 0}, size = {2 * MEMORY_BYTES, 2 * MEMORY_BYTES};
    const mo_filter_rule rules[] = {
        {.call = SYS_mmap, .arg = 2, .none = PROT_EXEC, .otherwise = MO_FILTER_FAIL(EPERM)},
        {.call = SYS_mprotect, .arg = 2, .none = PROT_EXEC, .otherwise = MO_FILTER_FAIL(EPERM)},
        {.call = SYS_tgkill, .arg = 0, .values = {(uint32_t)getpid()}, .n = 1, .otherwise = MO_FILTER_FAIL(EPERM)},
    };
    const mo_filter filter = {.rules = rules, .nrules = MO_COUNT(rules), .allowed = allowed, .nallowed = MO_COUNT(allowed),
                              .otherwise = MO_FILTER_FAIL(EPERM)};
    setpriority(PRIO_PROCESS, 0, 10);
    setrlimit(RLIMIT_CPU, &cpu);
    setrlimit(RLIMIT_CORE, &core);
    setrlimit(RLIMIT_FSIZE, &size);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifndef MO_FILTER_SANITIZED
    (void)mo_filter_enter(&filter, NULL); /* what remains without it: no guest has a grant */
#else
    (void)filter;
#endif
}

static bool write_at(int fd, uint64_t at, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, (const char *)bytes + done, len - done, (off_t)(at + done));
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static void tell_asked(const asked *a, result *r)
{
    r->err = (mote_error){0};
    r->status = MOTE_UNSUPPORTED;
    mo_fail(&r->err, MOTE_UNSUPPORTED, MOTE_NOWHERE, "it asked for %.*s", (int)(a->first_len < 60 ? a->first_len : 60), a->first);
}

static _Noreturn void run(mote_engine *engine, const void *bytes, size_t len, mote_artifact *artifact, int out)
{
    asked a = {.artifact = artifact};
    mote_limits limits = mote_limits_default();
    limits.memory_bytes = MEMORY_BYTES;
    const mote_snapshot_rename resume = {"_start", "wizer.resume"};
    mote_export e;
    mote_snapshot_options options = {.limits = &limits, .timeout_us = SECONDS * UINT64_C(1000000), .artifact = artifact,
                                     .grant = grant, .data = &a, .renames = &resume};
    options.nrenames = mote_artifact_find_export(artifact, resume.src, strlen(resume.src), &e);
    void *made = NULL;
    size_t made_len = 0;
    result r = {.status = MOTE_OK};
    confine();
    r.status = mote_snapshot(engine, NULL, bytes, len, &options, &made, &made_len, &r.err);
    if (r.status && a.first)
        tell_asked(&a, &r);
    r.len = r.status ? 0 : made_len;
    bool good = write_at(out, sizeof r, made, r.len) && write_at(out, 0, &r, sizeof r);
    _exit(good ? 0 : 1);
}

/* --- outside of it ------------------------------------------------------------------------ */

/* It ends itself in time; this is for one that cannot. */
static void await(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0), status;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (fd >= 0 && poll(&p, 1, PATIENCE_MS) == 0)
        kill(pid, SIGKILL);
    if (fd >= 0)
        close(fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
}

/* Nothing that is told is believed but what its length can hold. */
static mote_status take_result(int fd, void **ret, size_t *retlen, mote_error *err)
{
    result r;
    struct stat st;
    if (fstat(fd, &st) != 0 || pread(fd, &r, sizeof r, 0) != sizeof r)
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "its process ended early"), MOTE_IO;
    r.err.message[sizeof r.err.message - 1] = 0;
    if (r.status != MOTE_OK)
        return mo_fail(err, MOTE_UNSUPPORTED, MOTE_NOWHERE, "%s", r.err.message), MOTE_UNSUPPORTED;
    if (r.len > (uint64_t)st.st_size - sizeof r || !(*ret = mo_alloc(r.len)))
        return mo_fail_nomem(err), MOTE_NOMEM;
    if (pread(fd, *ret, r.len, sizeof r) != (ssize_t)r.len) {
        mo_free(*ret);
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "what it left cannot be read"), MOTE_IO;
    }
    *retlen = r.len;
    return MOTE_OK;
}

mote_status mo_initialise(mote_engine *engine, const void *bytes, size_t len, mote_artifact *artifact, void **ret,
                          size_t *retlen, mote_error *err)
{
    int out = memfd_create("initialised", MFD_CLOEXEC);
    pid_t pid = out >= 0 ? fork() : -1;
    if (pid == 0)
        run(engine, bytes, len, artifact, out);
    mote_status status = MOTE_IO;
    if (pid > 0) {
        await(pid);
        status = take_result(out, ret, retlen, err);
    } else {
        mo_fail(err, MOTE_IO, MOTE_NOWHERE, "a process for its initialiser: %s", strerror(errno));
    }
    if (out >= 0)
        close(out);
    return status;
}
