/* compiler.c - a client of mote-compile --worker: one process, spoken to over a pair
 * of sockets. A worker that dies or talks nonsense is buried, and the next compile
 * starts another. */
#include "call/call.h"

#include "code/worker.h"
#include "mote/artifact.h"
#include "mote/compiler.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct mote_compiler {
    pthread_mutex_t lock;
    char *path;
    pid_t pid; /* 0: none runs */
    int fd;    /* both ways */
    bool background;
    mote_compiler_progress *progress;
    void *progress_data;
};

#define PROGRAM "mote-compile"
#define PATH_ROOM 4096

/* --- finding it ----------------------------------------------------------- */

static bool is_program(const char *path) { return access(path, X_OK) == 0; }

/* dir, its len bytes, then suffix: a program? */
static bool try_path(const char *dir, size_t len, const char *suffix, char *ret)
{
    if (len + strlen(suffix) >= PATH_ROOM)
        return false;
    memcpy(ret, dir, len);
    strcpy(ret + len, suffix);
    return is_program(ret);
}

/* Beside the file, or where an installation puts it from there. */
static bool find_beside(const char *file, char *ret)
{
    static const char *const places[] = {"/" PROGRAM, "/../libexec/" PROGRAM, "/../bin/" PROGRAM,
                                         "/../../bin/" PROGRAM};
    const char *slash = strrchr(file, '/');
    for (size_t i = 0; slash && i < MO_COUNT(places); i++)
        if (try_path(file, (size_t)(slash - file), places[i], ret))
            return true;
    return false;
}

static bool find_in_path(char *ret)
{
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t len = strcspn(at, ":");
        if (len && try_path(at, len, "/" PROGRAM, ret))
            return true;
        at += len + (at[len] == ':');
    }
    return false;
}

static bool find_program(char *ret)
{
    char self[PATH_ROOM];
    Dl_info library;
    const char *named = getenv("MOTE_COMPILE");
    if (named && *named)
        return try_path(named, strlen(named), "", ret);
    if (dladdr((const void *)mo_helper_stubs, &library) && library.dli_fname &&
        find_beside(library.dli_fname, ret))
        return true;
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len > 0) {
        self[len] = 0;
        if (find_beside(self, ret))
            return true;
    }
    return find_in_path(ret);
}

mote_status mote_compiler_start(const char *path, mote_compiler **ret, mote_error *err)
{
    char found[PATH_ROOM];
    if (path ? !is_program(path) : !find_program(found))
        return path ? mo_tell(err, MOTE_IO, "compiler: %.150s: %s", path, strerror(errno))
                    : mo_tell(err, MOTE_IO,
                              "compiler: no " PROGRAM " in $MOTE_COMPILE, beside this program or library, or in $PATH");
    if (!path)
        path = found;
    mote_compiler *compiler = mo_calloc(1, sizeof *compiler);
    char *copy = mo_alloc(strlen(path) + 1);
    if (!compiler || !copy) {
        mo_free(copy);
        mo_free(compiler);
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    }
    strcpy(copy, path);
    compiler->path = copy;
    pthread_mutex_init(&compiler->lock, NULL);
    *ret = compiler;
    return MOTE_OK;
}

const char *mote_compiler_path(const mote_compiler *compiler) { return compiler->path; }

void mote_compiler_in_background(mote_compiler *compiler) { compiler->background = true; }

void mote_compiler_on_progress(mote_compiler *compiler, mote_compiler_progress *progress, void *data)
{
    compiler->progress = progress;
    compiler->progress_data = data;
}

/* --- its process ---------------------------------------------------------- */

/* How a process ended, in words: "was killed by signal 9". */
static void tell_end(int status, char text[64])
{
    if (WIFSIGNALED(status))
        snprintf(text, 64, "was killed by signal %d", WTERMSIG(status));
    else
        snprintf(text, 64, "exited with status %d", WEXITSTATUS(status));
}

/* Ends the worker; text, if not NULL, tells what became of it. */
static void bury(mote_compiler *compiler, char text[64])
{
    int status = 0;
    close(compiler->fd);
    while (waitpid(compiler->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    compiler->pid = 0;
    if (text)
        tell_end(status, text);
}

void mote_compiler_stop(mote_compiler *compiler)
{
    if (!compiler)
        return;
    if (compiler->pid)
        bury(compiler, NULL); /* it ends at end of file */
    pthread_mutex_destroy(&compiler->lock);
    mo_free(compiler->path);
    mo_free(compiler);
}

static int spawn(mote_compiler *compiler, int fd)
{
    char *argv[] = {compiler->path, (char[]){"--worker"}, compiler->background ? (char[]){"--background"} : NULL, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, pipe;
    sigemptyset(&none);
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe); /* this process may ignore it */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_adddup2(&actions, fd, 0);
    posix_spawn_file_actions_adddup2(&actions, fd, 1);
    int failed = posix_spawn(&compiler->pid, compiler->path, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static bool ensure_worker(mote_compiler *compiler, mote_error *err)
{
    int fds[2];
    if (compiler->pid)
        return true;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "compiler: no socket: %s", strerror(errno));
    int failed = spawn(compiler, fds[1]);
    close(fds[1]);
    if (failed) {
        close(fds[0]);
        compiler->pid = 0;
        return mo_fail(err, MOTE_IO, MOTE_NOWHERE, "compiler: %.120s: %s", compiler->path, strerror(failed));
    }
    compiler->fd = fds[0];
    return true;
}

/* --- talking -------------------------------------------------------------- */

static bool send_all(int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    while (len) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool receive_all(int fd, void *bytes, size_t len)
{
    uint8_t *at = bytes;
    while (len) {
        ssize_t n = recv(fd, at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool send_request(const mote_compiler *compiler, const void *bytes, size_t len, const char *const *flags,
                         size_t nflags)
{
    mo_worker_request request = {.magic = compiler->progress ? MO_WORKER_WATCHED : MO_WORKER_REQUEST, .module_len = len};
    int fd = compiler->fd;
    for (size_t i = 0; i < nflags; i++)
        request.options_len += (uint32_t)strlen(flags[i]) + 1;
    if (!send_all(fd, &request, sizeof request))
        return false;
    for (size_t i = 0; i < nflags; i++)
        if (!send_all(fd, flags[i], strlen(flags[i]) + 1))
            return false;
    return send_all(fd, bytes, len);
}

/* Tells the progress until there is something to receive. */
static void watch(const mote_compiler *compiler, unsigned done)
{
    enum { TELL_EVERY_MS = 100 };
    struct pollfd ready = {.fd = compiler->fd, .events = POLLIN};
    while (compiler->progress && poll(&ready, 1, TELL_EVERY_MS) <= 0)
        compiler->progress(compiler->progress_data, done);
}

static bool receive_head(const mote_compiler *compiler, mo_worker_answer *answer)
{
    unsigned done = 0;
    do {
        watch(compiler, done);
        if (!receive_all(compiler->fd, answer, sizeof *answer))
            return false;
        done = answer->status <= 1000 ? answer->status : 1000;
    } while (compiler->progress && answer->magic == MO_WORKER_PROGRESS);
    bool last = answer->magic == MO_WORKER_LAST && answer->status != MOTE_OK;
    return (answer->magic == MO_WORKER_ANSWER || last) && answer->len <= UINT64_C(1) << 40;
}

/* The answer's bytes, with a zero behind them; false: the worker is done for. */
static bool receive_answer(const mote_compiler *compiler, mo_worker_answer *answer, uint8_t **ret, mote_error *err)
{
    int fd = compiler->fd;
    if (!receive_head(compiler, answer))
        return false;
    uint8_t *bytes = mo_alloc(answer->len + 1);
    if (!bytes)
        return mo_fail_nomem(err);
    bytes[answer->len] = 0;
    if (!receive_all(fd, bytes, answer->len)) {
        mo_free(bytes);
        return false;
    }
    *ret = bytes;
    return true;
}

static mote_status compile(mote_compiler *compiler, const void *bytes, size_t len, const char *const *flags,
                           size_t nflags, uint8_t **ret, size_t *retlen, mote_error *err)
{
    mo_worker_answer answer;
    uint8_t *contents = NULL;
    char end[64];
    if (!ensure_worker(compiler, err))
        return err->status;
    /* A worker may answer, or die, before it has read all. */
    send_request(compiler, bytes, len, flags, nflags);
    if (!receive_answer(compiler, &answer, &contents, err)) {
        bury(compiler, end);
        mo_fail(err, MOTE_IO, MOTE_NOWHERE, "compiler: it %s before it answered", end);
        return err->status;
    }
    if (answer.magic == MO_WORKER_LAST)
        bury(compiler, NULL);
    if (answer.status == MOTE_OK) {
        *ret = contents;
        *retlen = answer.len;
        return MOTE_OK;
    }
    mo_fail(err, (mote_status)answer.status, answer.offset, "%s", (const char *)contents);
    err->function = answer.function;
    mo_free(contents);
    return err->status;
}

mote_status mote_compiler_compile_bytes(mote_compiler *compiler, const void *bytes, size_t len,
                                        const char *const *flags, size_t nflags, void **ret, size_t *retlen,
                                        mote_error *err)
{
    mote_error e = {0};
    uint8_t *made = NULL;
    pthread_mutex_lock(&compiler->lock);
    mote_status status = compile(compiler, bytes, len, flags, nflags, &made, retlen, &e);
    pthread_mutex_unlock(&compiler->lock);
    if (status == MOTE_OK)
        *ret = made;
    return mo_told(&e, err);
}

void mote_compiler_free_bytes(void *bytes) { mo_free(bytes); }

mote_status mote_compiler_compile(mote_compiler *compiler, const void *bytes, size_t len, const char *const *flags,
                                  size_t nflags, mote_artifact **ret, mote_error *err)
{
    void *made;
    size_t made_len;
    mote_status status = mote_compiler_compile_bytes(compiler, bytes, len, flags, nflags, &made, &made_len, err);
    if (status)
        return status;
    status = mote_artifact_open_bytes(made, made_len, ret, err);
    mo_free(made);
    return status;
}
