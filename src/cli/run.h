/* run.h - mote run, from inside.
 *   words --run_options.c--> running --run_load.c--> artifacts --run.c--> instances
 *         --run_call.c--> what _start or the named export does, says and ends with
 *   run_wasi.c   what the guest gets of its host      missing.c    imports that nothing offers
 *   progress.c   a bar while something is compiled */
#ifndef MOTE_CLI_RUN_H
#define MOTE_CLI_RUN_H

#include "cli.h"

#define MAX_FLAGS 64

/* Options that other commands have, too. The group of -W and its like is added. */
enum { RUN_INVOKE, RUN_PRELOAD, RUN_DIR, RUN_ENV, RUN_ARGV0, RUN_CPU, RUN_STRICT, RUN_VERBOSE, RUN_GROUP, RUN_ENDS = 256 };
#define DIR_OPTION {{"--dir"}, "HOST[::GUEST][:ro]", "let the program use the folder HOST, which it finds as GUEST (as HOST, " \
     "if that is not said); with :ro it can only read", RUN_DIR}
#define ENV_OPTION {{"--env"}, "NAME[=VALUE]", "set a variable of the program's environment; without VALUE, as it is here", RUN_ENV}
#define PRELOAD_OPTION {{"--preload"}, "NAME=FILE", "instantiate FILE first and offer its exports as NAME", RUN_PRELOAD}

/* What the words chose that may be chosen often; in their order. */
typedef enum choice_kind { CHOICE_PRELOAD, CHOICE_DIR, CHOICE_ENV, CHOICE_LISTEN } choice_kind;
typedef struct choice {
    choice_kind kind;
    const char *value;
} choice;

typedef struct running {
    const command *self;
    const char *path, *invoke, *argv0;
    const char *loading; /* the file that is being loaded */
    char **args; /* after the file */
    int nargs;
    char *flags[MAX_FLAGS]; /* for the compiler; owned */
    size_t nflags;
    choice *choices; /* owned, as are their values */
    size_t nchoices;
    bool verbose, no_cache, no_wasi, inherit_env, listen_fds, has_fuel;
    bool background; /* compiles give way to what else wants the processors */
    uint64_t fuel, timeout_us, cpu_us, cache_bytes;
    mote_limits limits;

    mote_engine *engine;
    mote_compiler *compiler;
    mote_cache *cache;
    mote_store *store;
    mote_linker *linker;
    mote_wasi *wasi;
} running;

extern const option run_options[];
/* False: a line has been said; end with EXIT_USAGE. */
bool read_run_words(running *r, int argc, char **argv);
/* One of them. False: a line has been said. */
bool read_run_option(running *r, int id, const char *value);
/* Is the first key of a -W word a limit, rather than a proposal? */
bool is_limit(const char *text);

/* A module or artifact. Returns what to end with; on EXIT_OK *ret is one reference. */
int load_artifact(running *r, const char *path, mote_artifact **ret);

/* Opens r->cache, or sets r->no_cache. */
void open_cache(running *r);
/* A mote_cache_maker whose data is a running. */
mote_status compile_module(void *data, const void *bytes, size_t len, const char *const *flags, size_t nflags,
                           void **ret, size_t *retlen, mote_error *err);

/* Makes r->wasi as the words say. */
int set_up_wasi(running *r);
/* Grants r->wasi the folders, variables and sockets that were chosen. */
int grant_all(running *r);
/* "HOST", "HOST::GUEST", either with ":ro" behind; "HOST::ro" is a guest's folder "ro". The
 * strings are the caller's to free; NULL: memory is out. */
typedef struct folder_words {
    char *host, *guest;
    bool read_only;
} folder_words;
folder_words split_folder(const char *text);
/* Instantiates the modules of --preload and offers them to r->linker. */
int preload_all(running *r);

/* Runs what is to be run; returns what to end with. */
int call_main(running *r, mote_instance *instance);
/* Says what a call or an instantiation failed of, with the backtrace. */
int report(running *r, const char *path, const mote_error *err);

/* Says which imports nothing offers, and why that may be; false: all are there. */
bool say_missing(const running *r, const char *path, const mote_artifact *artifact);

/* Shows a bar on a terminal from half a second on, told by the two in the middle. */
void begin_progress(const char *path);
void show_progress(void *data, unsigned done);
void show_waiting(void *data); /* for another process that compiles the same */
void end_progress(void);

#endif
