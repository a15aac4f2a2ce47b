/* cli.h - words of a command line, turned into calls of the library.
 *   main.c      which command; `mote FILE` is `mote run FILE`
 *   <name>.c    one command each: its table of options and what it does
 *   options.c   reads words by such a table
 *   help.c      writes help and manual pages from the same tables
 *   input.c     files in; value.c: typed arguments in, results out; say.c: errors out */
#ifndef MOTE_CLI_H
#define MOTE_CLI_H

#include "cli/exits.h"
#include "mote/mote.h"

/* --- options ---------------------------------------------------------------- */

/* One option of a command. A table ends with a row without names. */
typedef struct option {
    const char *names[2]; /* "-O", "--optimize": one or both                    */
    const char *value;    /* what the value is called in help; NULL: takes none;
                             "[=...]": may be left out, and is NULL then          */
    const char *help;
    int id;               /* the command's own                                  */
} option;

typedef struct command {
    const char *name;
    const char *synopsis; /* what follows "mote NAME" in a usage line */
    const char *summary;  /* a phrase, small letter first             */
    const char *details;  /* paragraphs, or NULL                      */
    const char *examples; /* lines, or NULL                           */
    const option *options;
    int (*run)(const struct command *self, int argc, char **argv); /* argv[0] is the name */
} command;

extern const command command_run, command_serve, command_ctl, command_cache, command_compile, command_validate, command_inspect,
    command_snapshot, command_help;
extern const command *const commands[]; /* ends with NULL */
const command *find_command(const char *name);

/* Words left to read. Zero all but the first three. */
typedef struct words {
    const command *command;
    int argc;
    char **argv;
    bool stop_at_file; /* the first word that is no option ends the options */
    int at;            /* argv[0] is the command's name */
    const char *value; /* of the option that was returned */
    bool ended, began;
} words;

enum { WORDS_END = -1, WORDS_BAD = -2, WORDS_FILE = -3 };
/* The next option's id; WORDS_FILE: value is a word that is no option; WORDS_END; or
 * WORDS_BAD: a line has been said, end with EXIT_USAGE. */
int next_word(words *w);

void print_usage(const command *c);           /* one line, to standard error */
void print_help(const command *c);
void print_man(const command *c);             /* NULL: mote's own page */

/* --- words that several commands know --------------------------------------- */

#define FEATURE_OPTION(id) \
    {{"-W", "--wasm"}, "FEATURE[=y|n]", "switch a proposal on or off; -W help lists them", id}

/* A whole -W word, which may hold several, with commas between; says why not and
 * returns false. "help" lists all and ends the process. */
bool read_features(const command *c, const char *text, mote_engine *engine);

/* "500ms", "2s", "1m", "250us"; a bare number counts seconds. */
bool read_duration(const char *text, uint64_t *ret_us);
/* "65536", "64k", "16m", "1g". */
bool read_size(const char *text, uint64_t *ret);

/* --- files ------------------------------------------------------------------- */

typedef enum kind { KIND_WASM, KIND_COMPONENT, KIND_ARTIFACT, KIND_TEXT, KIND_OTHER } kind;

typedef struct input {
    const char *path;
    uint8_t *bytes;
    size_t len;
    kind kind;
} input;

/* Reads a file, or its first most bytes. On failure a line has been said, and *ret_exit
 * tells what to end with. */
bool open_input(const char *path, size_t most, input *ret, int *ret_exit);
void close_input(input *in);
/* Says why this is no module, if it is none, and what to do about it. */
bool is_module(const input *in, int *ret_exit);

/* Writes a file whole or not at all; "-": standard output. Into what is there already and
 * is no file, a device or a pipe, it is written as it is. Returns what to end with. */
int write_output(const char *path, const void *bytes, size_t len);

/* --- values ------------------------------------------------------------------ */

/* A word as a value of type. False: it is none. */
bool read_value(const char *text, mote_valtype type, mote_value *ret);
void print_value(const mote_value *v);

/* --- the end ------------------------------------------------------------------ */

/* Writes out what was printed and ends the process: with status, unless it cannot be. */
_Noreturn void leave(int status);

/* --- errors ------------------------------------------------------------------ */

/* "mote: " and the words, one line, to standard error. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "mote: FILE: offset 0x1234: function 12: words"; returns what to end with. */
int say_error(const char *path, const mote_error *err);

#endif
