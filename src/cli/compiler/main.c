/* main.c - mote-compile: one file to one artifact, or a worker. Exit codes: exits.h. */
#include "cli/compiler/compiler.h"
#include "cli/exits.h"

#include <llvm-c/ErrorHandling.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void on_llvm_error(const char *reason)
{
    fprintf(stderr, "mote-compile: LLVM gave up: %s\n", reason);
    _exit(EXIT_SYSTEM);
}

int mo_compiler_fail(const char *file, const mote_error *err)
{
    fprintf(stderr, "mote-compile: %s%s", file ? file : "", file ? ": " : "");
    if (err->offset != MOTE_NOWHERE)
        fprintf(stderr, "offset 0x%" PRIx64 ": ", err->offset);
    if (err->function != MOTE_NOWHERE)
        fprintf(stderr, "function %" PRIu64 ": ", err->function);
    fprintf(stderr, "%s: %s\n", mote_status_name(err->status), err->message);
    return exit_for(err);
}

/* FILE.wasm -> FILE.mote and so on. */
static const char *output_name(const mo_job_flags *f, char *room, size_t size)
{
    static const char *const endings[] = {"mote", "ll", "s", "o", "known"};
    if (f->output)
        return f->output;
    size_t len = strlen(f->input);
    if (len > 5 && strcmp(f->input + len - 5, ".wasm") == 0)
        len -= 5;
    snprintf(room, size, "%.*s.%s", (int)len, f->input, endings[f->emit]);
    return room;
}

/* Into what is there already and is no file, a device or a pipe: it is not replaced. */
static bool write_through(const char *path, const mo_buffer *result, mote_error *err)
{
    FILE *to = fopen(path, "wb");
    bool ok = to && fwrite(result->at, 1, result->len, to) == result->len;
    if (to && fclose(to) != 0)
        ok = false;
    return ok || mo_fail(err, MOTE_IO, MOTE_NOWHERE, "%s: cannot write: %s", path, strerror(errno));
}

static bool write_result(const char *path, const mo_buffer *result, mote_error *err)
{
    struct stat st;
    if (strcmp(path, "-") == 0)
        return (fwrite(result->at, 1, result->len, stdout) == result->len && fflush(stdout) == 0) ||
               mo_fail(err, MOTE_IO, MOTE_NOWHERE, "standard output cannot be written");
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return write_through(path, result, err);
    return mo_file_write(path, result->at, result->len, 0644, err);
}

static int compile_file(const mo_job_flags *f)
{
    mote_error err = {.offset = MOTE_NOWHERE, .function = MOTE_NOWHERE};
    char room[4096];
    uint8_t *bytes = NULL;
    size_t len = 0;
    mo_buffer result = {0};
    bool ok = mo_file_read(f->input, (size_t)1 << 30, &bytes, &len, &err);
    mo_limits_begin(f, len);
    ok = ok && mo_job_run(f, bytes, len, &result, &err);
    mo_limits_end();
    ok = ok && write_result(output_name(f, room, sizeof room), &result, &err);
    mo_free(bytes);
    mo_buffer_free(&result);
    return ok ? 0 : mo_compiler_fail(f->input, &err);
}

int main(int argc, char **argv)
{
    mo_job_flags f = mo_flags_default();
    mote_error err = {.offset = MOTE_NOWHERE, .function = MOTE_NOWHERE};
    for (int i = 1; i < argc;) {
        int used = mo_flags_take(&f, argv[i], argv[i + 1], &err);
        if (!used)
            return mo_compiler_fail(NULL, &err);
        i += used;
    }
    LLVMInstallFatalErrorHandler(on_llvm_error);
    if (f.help)
        return mo_flags_help(), 0;
    if (f.version)
        return printf("mote-compile %s\n", mote_version()), 0;
    if (f.background)
        mo_sandbox_give_way();
    if (f.worker)
        return mo_worker();
    if (!f.input)
        return fprintf(stderr, "mote-compile: want a file to compile; --help tells more\n"), EXIT_USAGE;
    return f.check || f.disassemble ? mo_look(&f) : compile_file(&f);
}
