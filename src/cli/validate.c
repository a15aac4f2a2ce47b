/* validate.c - mote validate: is it a module, and well-typed? Silent if so. */
#include "cli.h"

#include <string.h>

enum { OPTION_FEATURE };
static const option options[] = {
    FEATURE_OPTION(OPTION_FEATURE),
    {{0}, NULL, NULL, 0},
};

static int validate_file(const char *path, mote_engine *engine)
{
    input in;
    int status;
    mote_module *module;
    mote_error err = {0};
    if (!open_input(path, SIZE_MAX, &in, &status))
        return status;
    status = EXIT_OK;
    if (is_module(&in, &status)) {
        status = EXIT_OK;
        if (mote_module_load(engine, in.bytes, in.len, &module, &err) == MOTE_OK)
            mote_module_unref(module);
        else
            status = say_error(path, &err);
    }
    close_input(&in);
    return status;
}

/* All options count for all files, wherever they stand. EXIT_OK: go on. */
static int read_options(words w, mote_engine *engine, int *retnfiles)
{
    for (int id; (id = next_word(&w)) != WORDS_END;) {
        if (id == WORDS_BAD)
            return EXIT_USAGE;
        if (id == WORDS_FILE)
            ++*retnfiles;
        else if (!read_features(w.command, w.value, engine))
            return EXIT_USAGE;
    }
    if (*retnfiles == 0)
        print_usage(w.command);
    return *retnfiles ? EXIT_OK : EXIT_USAGE;
}

/* The first failure is what the process ends with; every file is looked at. */
static int run_validate(const command *self, int argc, char **argv)
{
    words w = {.command = self, .argc = argc, .argv = argv};
    mote_engine *engine;
    mote_error err = {0};
    int nfiles = 0;
    if (mote_engine_new(&engine, &err) != MOTE_OK)
        return say_error(self->name, &err);
    int status = read_options(w, engine, &nfiles);
    for (int id; nfiles && status != EXIT_USAGE && (id = next_word(&w)) != WORDS_END;) {
        int one = id == WORDS_FILE ? validate_file(w.value, engine) : EXIT_OK;
        status = status ? status : one;
    }
    mote_engine_unref(engine);
    return status;
}

const command command_validate = {
    .name = "validate",
    .synopsis = "[-W FEATURE[=y|n]]... FILE...",
    .summary = "check that modules are well-formed and well-typed",
    .details = "Says nothing about a module that is valid. An error names the byte offset,\n"
               "the function, what was wanted and what was there.\n",
    .examples = "  mote validate prog.wasm\n"
                "  mote validate -W simd=n prog.wasm\n",
    .options = options,
    .run = run_validate,
};
