/* The compiler's process: found, asked, killed and started again. */
#include "call/guest.h"

#include <signal.h>
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

TEST(a_compiler_that_dies_is_reported_and_started_again)
{
    misbehaves("#!/bin/sh\nkill -9 $$\n", "compiler: it was killed by signal 9 before it answered");
    misbehaves("#!/bin/sh\nexit 3\n", "compiler: it exited with status 3 before it answered");
    misbehaves("#!/bin/sh\necho this is no answer but quite a long line\n", "compiler: it exited with status 0 before it answered");
}
