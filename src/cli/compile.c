/* compile.c - mote compile: checks the words, then becomes mote-compile, whose own list
 * of flags this is. */
#include "snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { OPTION_FLAG = SNAPSHOT_ENDS, OPTION_SNAPSHOT };
static const option options[] = {
#define FLAG(name, value, take, help) {{name}, value, help, OPTION_FLAG},
#include "cli/compiler/flags.def"
#undef FLAG
    {{"--snapshot"}, NULL, "run the module's initialiser first and compile what came out, as mote snapshot has it; "
     "the options from here on are for that, and so are limits: -W timeout=2s", OPTION_SNAPSHOT},
    SNAPSHOT_OPTIONS,
    {{0}, NULL, NULL, 0},
};

typedef struct compiling {
    const char *file;
    char **argv; /* mote-compile's; its file's place comes last */
    int argc;
    bool output, snapshot, prepared; /* -o is there; --snapshot is; an option of its own is */
    snapshotting s;
} compiling;

/* A flag of mote-compile, whose words are argv[from, to). */
static bool take_flag(compiling *c, char **argv, int from, int to, const char *value)
{
    bool feature = strncmp(argv[from], "-W", 2) == 0;
    c->output |= strncmp(argv[from], "-o", 2) == 0;
    c->prepared |= feature && is_limit(value);
    if (feature && !read_run_option(&c->s.r, RUN_GROUP + 'W', value))
        return false;
    if (!feature || !is_limit(value))
        for (int i = from; i < to; i++)
            c->argv[c->argc++] = argv[i];
    return true;
}

static bool read_word(compiling *c, const words *w, int from, int id)
{
    switch (id) {
    case WORDS_BAD: return false;
    case WORDS_FILE:
        if (c->file)
            say("compile: one file at a time: %s, %s", c->file, w->value);
        if (c->file)
            return false;
        c->file = w->value;
        return true;
    case OPTION_FLAG: return take_flag(c, w->argv, from, w->at, w->value);
    case OPTION_SNAPSHOT: return c->snapshot = true;
    default: c->prepared = true; return read_snapshot_option(&c->s, id, w->value);
    }
}

static bool read_words(compiling *c, const command *self, int argc, char **argv)
{
    words w = {.command = self, .argc = argc, .argv = argv, .began = true, .at = 1};
    for (int id, from = 1; (id = next_word(&w)) != WORDS_END; from = w.at)
        if (!read_word(c, &w, from, id))
            return false;
    if (c->prepared && !c->snapshot) {
        say("compile: what is said of an initialiser wants --snapshot");
        return false;
    }
    if (c->snapshot && !(c->file && c->output)) {
        say("compile: --snapshot wants FILE and -o OUT");
        return false;
    }
    return true;
}

static int become_compiler(char **argv)
{
    mote_compiler *compiler;
    mote_error err = {0};
    if (mote_compiler_start(NULL, &compiler, &err) != MOTE_OK)
        return say_error("compile", &err);
    const char *path = mote_compiler_path(compiler);
    argv[0] = (char *)"mote-compile";
    execv(path, argv);
    say("%s: %s", path, strerror(errno));
    mote_compiler_stop(compiler);
    return EXIT_SYSTEM;
}

/* A file that has no name but /proc/self/fd/N, which a program in this one's place can open. */
static int nameless_file(const uint8_t *bytes, size_t len)
{
    int fd = memfd_create("snapshot.wasm", 0);
    while (fd >= 0 && len) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR)
            return -1;
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return fd;
}

static int compile_snapshot(compiling *c)
{
    char name[64];
    void *bytes;
    size_t len;
    c->s.r.path = c->file;
    int status = take_snapshot(&c->s, &bytes, &len);
    if (status != EXIT_OK)
        return status;
    int fd = nameless_file(bytes, len);
    mote_snapshot_free(bytes);
    if (fd < 0) {
        say("%s: %s", c->file, strerror(errno));
        return EXIT_SYSTEM;
    }
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    mote_compiler_stop(c->s.r.compiler);
    c->s.r.compiler = NULL;
    c->argv[c->argc++] = name;
    return become_compiler(c->argv);
}

static int compile_file(compiling *c)
{
    input in;
    int status;
    if (!c->file)
        return become_compiler(c->argv);
    if (c->snapshot)
        return compile_snapshot(c);
    if (!open_input(c->file, 256, &in, &status))
        return status;
    bool good = is_module(&in, &status);
    close_input(&in);
    c->argv[c->argc++] = (char *)(uintptr_t)c->file;
    return good ? become_compiler(c->argv) : status;
}

static int run_compile(const command *self, int argc, char **argv)
{
    compiling c = {.argc = 1};
    if (argc < 2) {
        print_usage(self);
        return EXIT_USAGE;
    }
    c.argv = calloc((size_t)argc + 2, sizeof *c.argv);
    if (!c.argv || !begin_snapshot(&c.s, self))
        leave(EXIT_SYSTEM);
    leave(read_words(&c, self, argc, argv) ? compile_file(&c) : EXIT_USAGE);
}

const command command_compile = {
    .name = "compile",
    .synopsis = "[OPTIONS] FILE [-o OUT]",
    .summary = "compile a module to an artifact",
    .details = "The artifact runs on this kind of processor, with this version of mote. It is\n"
               "written whole or not at all. This command only starts the program mote-compile,\n"
               "which takes the same words.\n",
    .examples = "  mote compile prog.wasm -o prog.mote\n"
                "  mote compile -O3 --target-cpu x86-64-v3 prog.wasm -o prog.mote\n"
                "  mote compile --emit=asm prog.wasm -o prog.s\n"
                "  mote compile --snapshot -f setup prog.wasm -o prog.mote\n",
    .options = options,
    .run = run_compile,
};
