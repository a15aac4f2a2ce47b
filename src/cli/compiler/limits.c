/* limits.c - what one compile may use. Without flags: time and address space that grow
 * with the module, so that no module keeps the compiler busy for ever or takes the whole
 * machine. Ends the process, with words that name the limit; a worker answers first. */
#include "cli/compiler/compiler.h"
#include "cli/exits.h"
#include "code/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#define LEAST_SECONDS 120
#define SECONDS_PER_MB 60
#define LEAST_MEMORY (UINT64_C(4) << 30)
#define MEMORY_PER_MB (UINT64_C(1) << 30)
#define MEMORY_PER_THREAD (UINT64_C(256) << 20) /* allocators reserve addresses for each */

/* Said by signal handlers: made when the compile begins. */
static char time_words[96], memory_words[96];
static bool answers; /* a worker's process */

static bool say(int fd, const void *from, size_t len)
{
    return write(fd, from, len) == (ssize_t)len;
}

static _Noreturn void give_up(const char *words, int status)
{
    size_t len = strlen(words);
    mo_worker_answer a = {.magic = MO_WORKER_LAST, .status = MOTE_LIMIT, .offset = MOTE_NOWHERE, .function = MOTE_NOWHERE, .len = len};
    bool told = answers ? say(STDOUT_FILENO, &a, sizeof a) && say(STDOUT_FILENO, words, len)
                        : say(STDERR_FILENO, "mote-compile: limit: ", 21) && say(STDERR_FILENO, words, len) && say(STDERR_FILENO, "\n", 1);
    _exit(told ? status : EXIT_SYSTEM);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
    give_up(time_words, EXIT_TIMEOUT);
}

/* LLVM and the C++ library abort when memory is out. */
static void on_abort(int signal_number)
{
    (void)signal_number;
    give_up(memory_words, EXIT_SYSTEM);
}

static uint64_t megabytes(size_t len) { return ((uint64_t)len + (1 << 20) - 1) >> 20; }

static uint64_t default_memory(const mo_job_flags *f, size_t len)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t threads = f->options.threads ? f->options.threads : cores > 0 ? (uint64_t)cores : 1;
    return LEAST_MEMORY + MEMORY_PER_MB * megabytes(len) + MEMORY_PER_THREAD * threads;
}

/* 0: none. The sanitizers' shadows are larger than any limit. */
static bool limit_memory(uint64_t bytes)
{
#ifdef SANITIZED
    bytes = 0;
#endif
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0)
        return false;
    limit.rlim_cur = bytes && bytes < limit.rlim_max ? bytes : limit.rlim_max;
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

void mo_limits_begin(const mo_job_flags *f, size_t len)
{
    uint64_t seconds = f->time_limit_s == MO_LIMIT_DEFAULT ? LEAST_SECONDS + SECONDS_PER_MB * megabytes(len) : f->time_limit_s;
    uint64_t bytes = f->memory_limit == MO_LIMIT_DEFAULT ? default_memory(f, len) : f->memory_limit;
    snprintf(time_words, sizeof time_words, "compile time: the limit is %" PRIu64 " s (--time-limit)", seconds);
    if (bytes)
        snprintf(memory_words, sizeof memory_words, "compile memory: the limit is %" PRIu64 " MB (--memory-limit)", bytes >> 20);
    else
        snprintf(memory_words, sizeof memory_words, "compile memory: none is left");
    signal(SIGALRM, on_alarm);
    signal(SIGABRT, on_abort);
    if (!limit_memory(bytes))
        snprintf(memory_words, sizeof memory_words, "compile memory: no limit could be set");
    alarm(seconds > UINT32_MAX ? UINT32_MAX : (unsigned)seconds);
}

void mo_limits_end(void)
{
    alarm(0);
    limit_memory(0);
}

void mo_limits_answer(void) { answers = true; }
