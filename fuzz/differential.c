/* differential.c - fuzz/differential's hand: compiles a module with given flags, makes
 * the calls that it is told, and says what came of each. Words on standard input, a line
 * each; answers on standard output.
 *
 *   compiler PATH         once, first
 *   flags WORD...         of mote-compile, for both modules
 *   host PATH             the module that main imports from, as "host"; may be left out
 *   main PATH
 *   fuel N                per call, for code compiled with --fuel
 *   timeout MS            per call
 *   count                 run the copy that counts instructions (differential_count.c)
 *   step fresh|same|auto NAME VALUE...   "-" for NAME: instantiate only; auto is fresh
 *                         after a step that did not end well
 *   run                   what was said since the last run, now
 *
 *   compiled MICROSECONDS BYTES | refused STATUS WORDS
 *   step ok VALUE... | trap CODE FUNC:OFFSET... | exception | failed STATUS WORDS
 *   fuel N                what the step consumed
 *   hash MAIN HOST        what each module's export "#hash" returned, or -
 *   count NAME N
 *   done
 * A VALUE is a letter of ops.def, a colon and hexadecimal digits; of references only
 * whether they are null is said: n:0 is null. */
#include "differential.h"

#include "module/ops.h"
#include "mote/mote.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MAX_WORDS 1100
#define MAX_STEPS 256

typedef struct step {
    char *line; /* owns what words point to */
    char *words[MAX_WORDS];
    size_t nwords;
} step;

static struct {
    mote_compiler *compiler;
    mote_engine *engine;
    char *flags_line, *host, *main;
    const char *flags[64];
    size_t nflags;
    int64_t fuel;
    uint64_t timeout_ms;
    bool count;
    step *steps[MAX_STEPS];
    size_t nsteps;
} job;

typedef struct world { /* what a fresh step makes anew */
    mote_store *store;
    mote_linker *linker;
    mote_instance *host, *main;
    bool spent; /* the last step did not end well */
} world;

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "differential-run: %s: %s\n", what, why);
    exit(2);
}

/* --- values ----------------------------------------------------------------- */

static bool read_value(const char *word, mote_value *ret)
{
    *ret = (mote_value){0};
    if (!word[0] || word[1] != ':')
        return false;
    uint64_t bits = strtoull(word + 2, NULL, 16);
    switch (word[0]) {
    case 'i': *ret = mote_i32((int32_t)(uint32_t)bits); return true;
    case 'l': *ret = mote_i64((int64_t)bits); return true;
    case 'f': ret->type = MOTE_F32, ret->of.u32 = (uint32_t)bits; return true;
    case 'd': ret->type = MOTE_F64, ret->of.u64 = bits; return true;
    case 'v': /* the high half, then the low one */
        ret->type = MOTE_V128;
        return sscanf(word + 2, "%16" SCNx64 "%16" SCNx64, &ret->of.word[1], &ret->of.word[0]) == 2;
    case 'n': return true; /* the function says which type */
    default: return false;
    }
}

static void print_value(const mote_value *v)
{
    switch (v->type) {
    case MOTE_I32: printf(" i:%08" PRIx32, v->of.u32); break;
    case MOTE_I64: printf(" l:%016" PRIx64, v->of.u64); break;
    case MOTE_F32: printf(" f:%08" PRIx32, v->of.u32); break;
    case MOTE_F64: printf(" d:%016" PRIx64, v->of.u64); break;
    case MOTE_V128: printf(" v:%016" PRIx64 "%016" PRIx64, v->of.word[1], v->of.word[0]); break;
    default: printf(" n:%d", v->of.u64 != 0);
    }
}

/* --- what came of a call ------------------------------------------------------ */

static void print_trap(const mote_trap *trap)
{
    printf("step trap %d", trap ? (int)mote_trap_reason(trap) : 0);
    mote_frame frame;
    for (size_t i = 0; trap && i < 8 && mote_trap_frame(trap, i, &frame); i++)
        printf(" %" PRIu32 ":%" PRIu32, frame.func, frame.offset);
    printf("\n");
}

static void print_failure(world *w, mote_status status, const mote_error *err)
{
    const mote_store *store = w->store;
    w->spent = true;
    if (status == MOTE_TRAP)
        print_trap(mote_store_trap(store));
    else if (status == MOTE_EXCEPTION)
        printf("step exception\n");
    else
        printf("step failed %s %s\n", mote_status_name(status), err->message);
}

static void print_hash(mote_instance *instance)
{
    mote_func *f = instance ? mote_instance_func(instance, "#hash") : NULL;
    mote_value result;
    if (f && mote_func_call(f, NULL, 0, &result, 1, NULL) == MOTE_OK)
        printf(" %016" PRIx64, result.of.u64);
    else
        printf(" -");
}

static void finish_step(const world *w)
{
    printf("fuel %" PRId64 "\nhash", job.fuel - mote_store_fuel(w->store));
    mote_store_set_fuel(w->store, INT64_MAX);
    print_hash(w->main);
    print_hash(w->host);
    printf("\n");
    fflush(stdout);
}

static void call(world *w, const step *s)
{
    mote_func *f = mote_instance_func(w->main, s->words[2]);
    mote_value args[1000], results[1000];
    mote_error err = {0};
    if (!f) {
        printf("step failed misuse no function %s\n", s->words[2]);
        return;
    }
    mote_functype type = mote_func_type(f);
    for (size_t i = 0; i < type.nparams; i++) {
        if (i + 3 >= s->nwords || !read_value(s->words[i + 3], &args[i]))
            die(s->words[2], "arguments");
        if (args[i].type == 0)
            args[i].type = type.params[i];
    }
    mote_status status = mote_func_call(f, args, type.nparams, results, type.nresults, &err);
    if (status != MOTE_OK) {
        print_failure(w, status, &err);
        return;
    }
    printf("step ok");
    for (size_t i = 0; i < type.nresults; i++)
        print_value(&results[i]);
    printf("\n");
}

/* --- instances ---------------------------------------------------------------- */

static void end_world(world *w)
{
    mote_linker_free(w->linker);
    mote_store_free(w->store);
    *w = (world){0};
}

/* Both modules instantiated; w->main is NULL, and why is said, if that fails. */
static void begin_world(world *w, mote_artifact *host, mote_artifact *main)
{
    mote_limits limits = mote_limits_default();
    mote_error err = {0};
    limits.memory_bytes = UINT64_C(256) << 20;
    if (mote_store_new(job.engine, &limits, NULL, &w->store, &err) != MOTE_OK ||
        mote_linker_new(job.engine, &w->linker, &err) != MOTE_OK)
        die("store", err.message);
    if (job.timeout_ms)
        mote_store_set_timeout(w->store, job.timeout_ms * 1000, NULL);
    if (host && (mote_linker_instantiate(w->linker, w->store, host, &w->host, &err) != MOTE_OK ||
                 mote_linker_instance(w->linker, "host", 4, w->host, &err) != MOTE_OK))
        die("host", err.message);
    mote_store_set_fuel(w->store, job.fuel);
    mote_status status = mote_linker_instantiate(w->linker, w->store, main, &w->main, &err);
    if (status == MOTE_OK)
        return;
    w->main = NULL;
    print_failure(w, status, &err);
}

static bool is_fresh(const world *w, const step *s)
{
    bool is_auto = strcmp(s->words[1], "auto") == 0;
    return strcmp(s->words[1], "fresh") == 0 || !w->store || (is_auto && w->spent);
}

static void run_step(world *w, const step *s, mote_artifact *host, mote_artifact *main)
{
    bool fresh = is_fresh(w, s);
    if (fresh) {
        end_world(w);
        begin_world(w, host, main);
        if (!w->main) {
            finish_step(w);
            return;
        }
    } else if (!w->main) {
        printf("step failed misuse no instance\nfuel 0\nhash - -\n");
        return;
    }
    if (strcmp(s->words[2], "-") == 0) {
        printf("step ok\n");
    } else {
        if (!fresh)
            mote_store_set_fuel(w->store, job.fuel);
        call(w, s);
    }
    finish_step(w);
}

/* --- counts --------------------------------------------------------------------- */

static uint64_t executed[MO_OPS];

static void add_counts(const world *w, const counted *c)
{
    mote_memory *counts = w->main ? mote_instance_memory(w->main, "#counts") : NULL;
    for (uint32_t i = 0; counts && i < c->nstretches; i++) {
        uint64_t n = 0;
        mote_memory_read(counts, (uint64_t)i * 8, &n, sizeof n, NULL);
        for (uint32_t k = c->first[i]; n && k < c->first[i + 1]; k++)
            executed[c->ops[k]] += n;
    }
}

static void print_counts(void)
{
    for (int op = 0; op < MO_OPS; op++)
        if (executed[op])
            printf("count %s %" PRIu64 "\n", mo_op_infos[op].name, executed[op]);
    memset(executed, 0, sizeof executed);
}

/* --- a run ------------------------------------------------------------------------ */

static void run_steps(mote_artifact *host, mote_artifact *main, const counted *c)
{
    world w = {0};
    for (size_t i = 0; i < job.nsteps; i++) {
        if (c && is_fresh(&w, job.steps[i]))
            add_counts(&w, c);
        run_step(&w, job.steps[i], host, main);
    }
    if (c) {
        add_counts(&w, c);
        print_counts();
    }
    end_world(&w);
}

static mote_artifact *compile(const void *bytes, size_t len, size_t *retlen)
{
    mote_error err = {0};
    mote_artifact *a;
    if (mote_compiler_compile(job.compiler, bytes, len, job.flags, job.nflags, &a, &err) != MOTE_OK) {
        printf("refused %s %s\n", mote_status_name(err.status), err.message);
        return NULL;
    }
    mote_artifact_bytes(a, retlen);
    return a;
}

static mote_artifact *compile_file(const char *path, bool count, counted *c, size_t *retlen)
{
    uint8_t *bytes;
    size_t len;
    mote_error err = {0};
    if (!mo_file_read(path, 1 << 30, &bytes, &len, &err))
        die(path, err.message);
    mote_artifact *a = NULL;
    if (!count)
        a = compile(bytes, len, retlen);
    else if (count_in(bytes, len, c, &err))
        a = compile(c->bytes, c->len, retlen);
    else
        printf("refused %s %s\n", mote_status_name(err.status), err.message);
    mo_free(bytes);
    return a;
}

static void run(void)
{
    struct timespec before, after;
    counted c = {0};
    size_t host_len, len;
    mote_artifact *host = NULL, *main = NULL;
    clock_gettime(CLOCK_MONOTONIC, &before);
    if (!job.host || (host = compile_file(job.host, false, NULL, &host_len)))
        main = compile_file(job.main, job.count, &c, &len);
    clock_gettime(CLOCK_MONOTONIC, &after);
    if (main) {
        printf("compiled %lld %zu\n", (after.tv_sec - before.tv_sec) * 1000000LL + (after.tv_nsec - before.tv_nsec) / 1000, len);
        fflush(stdout);
        run_steps(host, main, job.count ? &c : NULL);
    }
    mote_artifact_unref(host);
    mote_artifact_unref(main);
    counted_free(&c);
    printf("done\n");
    fflush(stdout);
}

/* --- words ------------------------------------------------------------------------- */

static char *copy(const char *text)
{
    char *t = strdup(text);
    if (!t)
        die("memory", "out");
    return t;
}

static size_t split(char *line, char **words, size_t cap)
{
    size_t n = 0;
    for (char *w = strtok(line, " "); w && n < cap; w = strtok(NULL, " "))
        words[n++] = w;
    return n;
}

static void add_step(const char *line)
{
    step *s = calloc(1, sizeof *s);
    if (!s || job.nsteps == MAX_STEPS)
        die("step", "too many");
    s->line = copy(line);
    s->nwords = split(s->line, s->words, MAX_WORDS);
    if (s->nwords < 3)
        die("step", "want fresh or same, and a name");
    job.steps[job.nsteps++] = s;
}

static void forget(void)
{
    for (size_t i = 0; i < job.nsteps; i++) {
        free(job.steps[i]->line);
        free(job.steps[i]);
    }
    free(job.flags_line);
    free(job.host);
    free(job.main);
    job.nsteps = job.nflags = 0;
    job.flags_line = job.host = job.main = NULL;
    job.fuel = 0, job.timeout_ms = 0, job.count = false;
}

static void start(const char *compiler)
{
    mote_error err = {0};
    if (mote_engine_new(&job.engine, &err) != MOTE_OK || mote_compiler_start(compiler, &job.compiler, &err) != MOTE_OK)
        die(compiler, err.message);
    mote_engine_all_features(job.engine);
}

static void obey(const char *line)
{
    const char *rest = strchr(line, ' ');
    size_t len = rest ? (size_t)(rest - line) : strlen(line);
    rest = rest ? rest + 1 : "";
#define IS(word) (len == sizeof word - 1 && memcmp(line, word, len) == 0)
    if (IS("compiler"))
        start(rest);
    else if (IS("flags"))
        job.nflags = split(job.flags_line = copy(rest), (char **)(void *)job.flags, MO_COUNT(job.flags));
    else if (IS("host"))
        job.host = copy(rest);
    else if (IS("main"))
        job.main = copy(rest);
    else if (IS("fuel"))
        job.fuel = strtoll(rest, NULL, 10);
    else if (IS("timeout"))
        job.timeout_ms = strtoull(rest, NULL, 10);
    else if (IS("count"))
        job.count = true;
    else if (IS("step"))
        add_step(line);
    else if (IS("run"))
        run(), forget();
    else
        die("unknown word", line);
#undef IS
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    while ((len = getline(&line, &cap, stdin)) > 0) {
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        obey(line);
    }
    free(line);
    mote_compiler_stop(job.compiler);
    mote_engine_unref(job.engine);
    return 0;
}
