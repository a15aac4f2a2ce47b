/* compile.c - mote compile: checks the words, then becomes mote-compile, whose own list
 * of flags this is. */
#include "cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const option options[] = {
#define FLAG(name, value, take, help) {{name}, value, help, 0},
#include "cli/compiler/flags.def"
#undef FLAG
    {{0}, NULL, NULL, 0},
};

/* *retfile stays NULL if none is named. */
static bool read_words(const command *self, int argc, char **argv, const char **retfile)
{
    words w = {.command = self, .argc = argc, .argv = argv};
    for (int id; (id = next_word(&w)) != WORDS_END;) {
        if (id == WORDS_BAD)
            return false;
        if (id == WORDS_FILE && *retfile) {
            say("compile: one file at a time: %s, %s", *retfile, w.value);
            return false;
        }
        if (id == WORDS_FILE)
            *retfile = w.value;
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

static int run_compile(const command *self, int argc, char **argv)
{
    const char *file = NULL;
    input in;
    int status;
    if (!read_words(self, argc, argv, &file))
        return EXIT_USAGE;
    if (argc < 2) {
        print_usage(self);
        return EXIT_USAGE;
    }
    if (!file)
        return become_compiler(argv);
    if (!open_input(file, 256, &in, &status))
        return status;
    bool good = is_module(&in, &status);
    close_input(&in);
    return good ? become_compiler(argv) : status;
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
                "  mote compile --emit=asm prog.wasm -o prog.s\n",
    .options = options,
    .run = run_compile,
};
