/* compiler.h - mote-compile: the only program that links LLVM.
 *   words --mo_flags_take--> mo_job_flags; bytes --mo_job_run--> artifact, IR or assembly */
#ifndef MO_CLI_COMPILER_H
#define MO_CLI_COMPILER_H

#include "artifact/artifact.h"
#include "code/llvm/compile.h"

typedef enum mo_emit_kind { MO_EMIT_ARTIFACT, MO_EMIT_LLVM, MO_EMIT_ASM, MO_EMIT_OBJECT, MO_EMIT_KNOWN } mo_emit_kind;

#define MO_LIMIT_DEFAULT UINT64_MAX /* grows with the module */

/* One compile, as asked for. Strings belong to whoever gave the flags. */
typedef struct mo_job_flags {
    mo_compile_options options;
    mo_features features;
    mo_emit_kind emit;
    uint64_t time_limit_s;      /* 0: none; or MO_LIMIT_DEFAULT */
    uint64_t memory_limit;      /* bytes of address space, likewise */
    bool timings;               /* tell on stderr how long each step took */
    bool worker, help, version;
    bool background;            /* others' work goes before it */
    bool check;                 /* input is an artifact, to be checked */
    const char *disassemble;    /* input is an artifact; the function to be shown */
    const char *input, *output; /* NULL: not given */
} mo_job_flags;

mo_job_flags mo_flags_default(void);
/* Takes one flag or, if it wants one, its value from the following word; returns
 * how many words were used, 0 on an error. */
int mo_flags_take(mo_job_flags *f, const char *word, const char *next, mote_error *err);
void mo_flags_help(void);

/* Module bytes -> what f->emit asks for, in ret. */
bool mo_job_run(const mo_job_flags *f, const void *bytes, size_t len, mo_buffer *ret, mote_error *err);

/* A compile of len bytes begins: beyond f's limits the process ends. */
void mo_limits_begin(const mo_job_flags *f, size_t len);
void mo_limits_end(void);
/* From now on what ends the process is told as a worker's answer. */
void mo_limits_answer(void);

/* A worker's process, before it reads a module: from now on it can read and write what is open,
 * and nothing else. Input that ends still ends it. */
void mo_sandbox_enter(void);
/* Compiles at low priority, from threads that are still to be made too. */
void mo_sandbox_give_way(void);

/* Tells an error on standard error; returns the exit code. */
int mo_compiler_fail(const char *file, const mote_error *err);

/* --check and --disassemble: looks at an artifact; returns the exit code. */
int mo_look(const mo_job_flags *f);

/* Serves requests from standard input until its end; returns the exit code. */
int mo_worker(void);

#endif
