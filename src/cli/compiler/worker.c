/* worker.c - many modules over one pipe (code/worker.h), so that LLVM starts once.
 * Standard output belongs to the answers; nothing else may write to it. */
#include "cli/compiler/compiler.h"
#include "code/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_MODULE (UINT64_C(1) << 30)
#define MAX_OPTIONS 65536

static bool read_all(void *to, size_t len)
{
    for (uint8_t *at = to; len > 0;) {
        ssize_t n = read(STDIN_FILENO, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool write_all(const void *from, size_t len)
{
    for (const uint8_t *at = from; len > 0;) {
        ssize_t n = write(STDOUT_FILENO, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool take_options(mo_job_flags *f, const char *options, size_t len, mote_error *err)
{
    for (size_t at = 0; at < len;) {
        const char *word = options + at;
        at += strlen(word) + 1;
        const char *next = at < len ? options + at : NULL;
        int used = mo_flags_take(f, word, next, err);
        if (!used)
            return false;
        if (used == 2)
            at += strlen(next) + 1;
    }
    return true;
}

static bool answer(bool ok, const mo_buffer *result, const mote_error *err)
{
    mo_worker_answer a = {.magic = MO_WORKER_ANSWER, .status = MOTE_OK, .offset = MOTE_NOWHERE, .function = MOTE_NOWHERE, .len = result->len};
    if (ok)
        return write_all(&a, sizeof a) && write_all(result->at, result->len);
    a.status = err->status;
    a.offset = err->offset;
    a.function = err->function;
    a.len = strlen(err->message);
    return write_all(&a, sizeof a) && write_all(err->message, a.len);
}

static void tell_progress(void *data, uint32_t done)
{
    uint32_t *told = data;
    if (done / 10 == *told / 10)
        return;
    *told = done;
    mo_worker_answer a = {.magic = MO_WORKER_PROGRESS, .status = done};
    write_all(&a, sizeof a); /* a client that is gone is noticed with the answer */
}

static bool serve(const mo_worker_request *request)
{
    char *options = mo_alloc(request->options_len + 1u);
    uint8_t *module = mo_alloc(request->module_len ? request->module_len : 1);
    bool ok = options && module && read_all(options, request->options_len) && read_all(module, request->module_len);
    if (ok) {
        options[request->options_len] = 0;
        mo_job_flags f = mo_flags_default();
        mo_buffer result = {0};
        mote_error err = {0};
        uint32_t told = 0;
        f.options.progress = request->magic == MO_WORKER_WATCHED ? tell_progress : NULL;
        f.options.progress_data = &told;
        bool done = take_options(&f, options, request->options_len, &err);
        mo_limits_begin(&f, request->module_len);
        done = done && mo_job_run(&f, module, request->module_len, &result, &err);
        mo_limits_end();
        ok = answer(done, &result, &err);
        mo_buffer_free(&result);
    }
    mo_free(options);
    mo_free(module);
    return ok;
}

/* Nobody waits for the answer any more: an unfinished compile would run for minutes. */
static void on_input(int signal_number)
{
    struct pollfd end = {.fd = STDIN_FILENO};
    int saved = errno;
    (void)signal_number;
    if (poll(&end, 1, 0) > 0 && (end.revents & POLLHUP))
        _exit(1);
    errno = saved;
}

/* A pipe's end comes before what is in it was read, so only sockets are watched. */
static void watch_input(void)
{
    struct stat st;
    struct sigaction action = {.sa_handler = on_input, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (fstat(STDIN_FILENO, &st) != 0 || !S_ISSOCK(st.st_mode) || sigaction(SIGIO, &action, NULL) != 0)
        return;
    if (fcntl(STDIN_FILENO, F_SETOWN, getpid()) == 0)
        (void)fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_ASYNC);
    on_input(SIGIO); /* it may have ended before */
}

int mo_worker(void)
{
    mo_worker_request request;
    watch_input();
    mo_limits_answer();
    mo_sandbox_enter();
    while (read_all(&request, sizeof request)) {
        if ((request.magic != MO_WORKER_REQUEST && request.magic != MO_WORKER_WATCHED) || request.options_len > MAX_OPTIONS || request.module_len > MAX_MODULE)
            return 1;
        if (!serve(&request))
            return 1;
    }
    return 0;
}
