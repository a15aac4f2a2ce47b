/* compile.c - module -> objects: the plan, then shards taken by a few threads. */
#include "code/llvm/compile.h"

#include "code/llvm/plan.h"
#include "code/llvm/shard.h"

#include <llvm-c/Support.h>
#include <llvm-c/Target.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

void mo_code_free(mo_code *code)
{
    for (uint32_t i = 0; i < code->nobjects; i++)
        mo_free(code->objects[i].bytes);
    mo_free(code->objects);
    *code = (mo_code){0};
}

/* What the threads of one compile share. */
typedef struct crew {
    const mo_job *job;
    mo_output output;
    mo_object *objects;
    atomic_uint next;      /* shard to be taken */
    atomic_bool failed;
    pthread_mutex_t lock;  /* of err and done */
    uint64_t done;         /* tenths of shards */
    mote_error *err;
} crew;

/* Some tenths of a shard's work are done. */
static bool advance(crew *c, unsigned tenths)
{
    const mo_compile_options *o = c->job->options;
    if (!o->progress)
        return true;
    pthread_mutex_lock(&c->lock);
    c->done += tenths;
    o->progress(o->progress_data, (uint32_t)(c->done * 100 / c->job->nshards));
    pthread_mutex_unlock(&c->lock);
    return true;
}

static bool compile_shard(crew *c, uint32_t index, mote_error *err)
{
    mo_shard s;
    bool ok = mo_shard_open(&s, c->job, index, err) && mo_shard_emit(&s, err) && advance(c, 1) &&
              mo_shard_optimise(&s, err) && advance(c, 5) &&
              mo_shard_write(&s, c->output, &c->objects[index], err) && advance(c, 4);
    mo_shard_close(&s);
    return ok;
}

static void *work(void *arg)
{
    crew *c = arg;
    uint32_t index;
    while (!c->failed && (index = c->next++) < c->job->nshards) {
        mote_error err = {0};
        if (compile_shard(c, index, &err))
            continue;
        pthread_mutex_lock(&c->lock);
        if (c->err && c->err->status == MOTE_OK)
            *c->err = err;
        pthread_mutex_unlock(&c->lock);
        c->failed = true;
    }
    return NULL;
}

static uint32_t thread_count(const mo_job *job)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t n = job->options->threads ? job->options->threads : cores > 0 ? (uint32_t)cores : 1;
    return n < job->nshards ? n : job->nshards;
}

static bool run_crew(const mo_job *job, mo_output output, mo_code *ret, mote_error *err)
{
    crew c = {.job = job, .output = output, .objects = ret->objects, .err = err};
    pthread_t threads[64];
    uint32_t wanted = thread_count(job) - 1, n = 0;
    pthread_mutex_init(&c.lock, NULL);
    while (n < wanted && n < MO_COUNT(threads) && pthread_create(&threads[n], NULL, work, &c) == 0)
        n++;
    work(&c);
    while (n > 0)
        pthread_join(threads[--n], NULL);
    pthread_mutex_destroy(&c.lock);
    return !c.failed;
}

static void start_llvm(void)
{
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    LLVMInitializeNativeAsmParser();
    /* A widened induction variable hides from later passes that a 32-bit address
     * does not wrap: three instructions an access instead of one. A frame that is made
     * late, behind a trap site, would hide the caller from that trap's backtrace. Domain
     * reassignment is quadratic: 6 s for a function of 50 KB. */
    static const char *const words[] = {"mote-compile", "-indvars-widen-indvars=false", "-enable-shrink-wrap=false",
                                        "-disable-x86-domain-reassignment"};
    LLVMParseCommandLineOptions(MO_COUNT(words), words, NULL);
}

static bool make_job(const mo_module *m, mo_job *job, mote_error *err)
{
    job->records = mo_calloc(m->nfuncs, sizeof *job->records);
    job->plans = mo_calloc(m->nfuncs, sizeof *job->plans);
    if ((!job->records || !job->plans) && m->nfuncs)
        return mo_fail_nomem(err);
    mo_layout_records(m, job->records);
    return mo_layout_make(m, &job->layout, err) && mo_plan_make(m, job->plans, &job->nshards, &job->first_giant, err);
}

bool mo_compile(const mo_module *m, const mo_compile_options *options, const mo_target *target,
                mo_output output, mo_code *ret, mote_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_llvm);
    if (m->uses_gc_heap)
        return mo_fail(err, MOTE_UNSUPPORTED, m->gc_at, "not supported yet: gc");
    mo_job job = {.module = m, .options = options, .cpu = target->cpu, .features = target->features};
    mo_code code = {0};
    bool ok = make_job(m, &job, err);
    if (ok) {
        code.objects = mo_calloc(job.nshards, sizeof *code.objects);
        code.nobjects = code.objects ? job.nshards : 0;
        ok = code.objects ? run_crew(&job, output, &code, err) : mo_fail_nomem(err);
    }
    mo_free(job.records);
    mo_free(job.plans);
    if (ok)
        *ret = code;
    else
        mo_code_free(&code);
    return ok;
}
