/* worker.c - many modules over one pipe (code/worker.h), so that LLVM starts once.
 * Standard output belongs to the answers; nothing else may write to it. */
#include "cli/compiler/compiler.h"
#include "code/worker.h"

#include <errno.h>
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
        bool done = take_options(&f, options, request->options_len, &err);
        if (done && f.time_limit_s)
            alarm(f.time_limit_s);
        done = done && mo_job_run(&f, module, request->module_len, &result, &err);
        alarm(0);
        ok = answer(done, &result, &err);
        mo_buffer_free(&result);
    }
    mo_free(options);
    mo_free(module);
    return ok;
}

int mo_worker(void)
{
    mo_worker_request request;
    while (read_all(&request, sizeof request)) {
        if (request.magic != MO_WORKER_REQUEST || request.options_len > MAX_OPTIONS || request.module_len > MAX_MODULE)
            return 1;
        if (!serve(&request))
            return 1;
    }
    return 0;
}
