/* The compiler's process: found, asked, killed and started again. */
#include "call/guest.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static wasm small(void)
{
    guest g = {0};
    guest_func(&g, "one", ":i", BYTES(w_i32_const, 1, w_end));
    return guest_bytes(&g);
}

TEST(a_compiler_that_is_not_there_is_an_error_in_words)
{
    mote_compiler *c;
    mote_error err;
    expect(mote_compiler_start("/nowhere/mote-compile", &c, &err) == MOTE_IO);
    expect_text(err.message, "compiler: /nowhere/mote-compile: No such file or directory");
}

TEST(what_the_compiler_refuses_arrives_with_its_offset)
{
    need_compiler();
    mote_artifact *a;
    mote_error err;
    wasm w = small();
    expect(mote_compiler_compile(compiler, "\0asm\1\0\0\0\1", 9, NULL, 0, &a, &err) == MOTE_MALFORMED);
    expect_u64(err.offset, 9);
    const char *flags[] = {"--no-such-flag"};
    expect(mote_compiler_compile(compiler, w.at, w.len, flags, 1, &a, &err) != MOTE_OK);
    expect(mote_compiler_compile(compiler, w.at, w.len, NULL, 0, &a, &err) == MOTE_OK);
    mote_artifact_unref(a);
}

typedef struct progress { unsigned calls, last; bool back; } progress;
static void note_progress(void *data, unsigned done)
{
    progress *p = data;
    p->calls++;
    p->back |= done < p->last || done > 1000;
    p->last = done;
}

/* A script in the compiler's place, to misbehave as told. */
static mote_compiler *pretender(const char *script, char path[64])
{
    mote_compiler *c = NULL;
    mote_error err;
    snprintf(path, 64, "/tmp/mote-test-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, script, strlen(script)) < 0 || fchmod(fd, 0700) || close(fd)) return NULL;
    expect(mote_compiler_start(path, &c, &err) == MOTE_OK);
    return c;
}

static void misbehaves(const char *script, const char *words)
{
    char path[64];
    mote_artifact *a;
    mote_error err;
    wasm w = small();
    mote_compiler *c = pretender(script, path);
    require(c != NULL);
    for (int twice = 0; twice < 2; twice++) {
        expect(mote_compiler_compile(c, w.at, w.len, NULL, 0, &a, &err) == MOTE_IO);
        expect_text(err.message, words);
    }
    mote_compiler_stop(c);
    unlink(path);
}

TEST(progress_is_told_while_one_waits)
{
#define ZEROS "\\0\\0\\0\\0\\0\\0\\0\\0"
    static const char script[] = "#!/bin/sh\n"
                                 "printf 'MOTP\\144\\0\\0\\0" ZEROS ZEROS ZEROS "'; sleep 0.3\n" /* 100 of 1000 */
                                 "printf 'MOTP\\220\\001\\0\\0" ZEROS ZEROS ZEROS "'; sleep 0.3; exit 3\n"; /* 400 */
    char path[64];
    mote_artifact *a;
    mote_error err;
    wasm w = small();
    progress p = {0};
    mote_compiler *c = pretender(script, path);
    require(c != NULL);
    mote_compiler_on_progress(c, note_progress, &p);
    expect(mote_compiler_compile(c, w.at, w.len, NULL, 0, &a, &err) == MOTE_IO);
    expect(p.calls >= 2 && p.last == 400 && !p.back);
    mote_compiler_stop(c);
    unlink(path);
    need_compiler();
    mote_compiler_on_progress(compiler, note_progress, &p);
    expect(mote_compiler_compile(compiler, w.at, w.len, NULL, 0, &a, &err) == MOTE_OK);
    mote_compiler_on_progress(compiler, NULL, NULL);
    mote_artifact_unref(a);
}

/* A module whose one function LLVM is busy with for many seconds: chained divisions. */
static uint8_t *slow(size_t *retlen)
{
    enum { STEPS = 600000 };
    static const uint8_t head[] = {0, 'a', 's', 'm', 1, 0, 0, 0, TYPES, 6, 1, 0x60, 1, T_I32, 1, T_I32, FUNCTIONS, 2, 1, 0};
    static const uint8_t step[] = {w_local_get, 0, w_i32_div_s};
    wasm prefix = {.len = 0}, sizes = {.len = 0};
    uint32_t body = 1 + 2 + STEPS * (uint32_t)sizeof step + 1;
    wasm_put(&prefix, head, sizeof head);
    wasm_put(&sizes, "\1", 1);
    wasm_u32(&sizes, body);
    wasm_put(&prefix, &(uint8_t){CODE}, 1);
    wasm_u32(&prefix, (uint32_t)sizes.len + body);
    wasm_put(&prefix, sizes.at, sizes.len);
    uint8_t *bytes = malloc(prefix.len + body), *at = bytes;
    if (!bytes) return NULL;
    memcpy(at, prefix.at, prefix.len);
    at += prefix.len;
    *at++ = 0;
    *at++ = w_local_get;
    *at++ = 0;
    for (int i = 0; i < STEPS; i++, at += sizeof step) memcpy(at, step, sizeof step);
    *at++ = w_end;
    *retlen = (size_t)(at - bytes);
    return bytes;
}

TEST(who_reaches_a_limit_of_compiling_is_told_its_name)
{
    need_compiler();
    mote_artifact *a;
    mote_error err;
    size_t len;
    uint8_t *bytes = slow(&len);
    wasm w = small();
    require(bytes != NULL);
    const char *flags[] = {"-O0", "--time-limit=1"};
    expect(mote_compiler_compile(compiler, bytes, len, flags, 2, &a, &err) == MOTE_LIMIT);
    expect_text(err.message, "compile time: the limit is 1 s (--time-limit)");
    expect(mote_compiler_compile(compiler, w.at, w.len, NULL, 0, &a, &err) == MOTE_OK);
    mote_artifact_unref(a);
    free(bytes);
}

TEST(a_compiler_that_dies_is_reported_and_started_again)
{
    misbehaves("#!/bin/sh\nkill -9 $$\n", "compiler: it was killed by signal 9 before it answered");
    misbehaves("#!/bin/sh\nexit 3\n", "compiler: it exited with status 3 before it answered");
    misbehaves("#!/bin/sh\necho this is no answer but quite a long line\n", "compiler: it exited with status 0 before it answered");
}
