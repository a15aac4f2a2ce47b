/* job.c - one compile from bytes to bytes: load, compile, link, check, write. */
#include "check/check.h"
#include "cli/compiler/compiler.h"
#include "code/llvm/known.h"

#include <llvm-c/Core.h>

#include <stdio.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Tells how long the step since *last took, if that is wanted. */
static void tick(const mo_job_flags *f, const char *step, double *last)
{
    double t = now();
    if (f->timings)
        fprintf(stderr, "mote-compile: %-9s %8.1f ms\n", step, (t - *last) * 1e3);
    *last = t;
}

static uint32_t option_bits(const mo_compile_options *o)
{
    return (uint32_t)o->opt_level | (o->fuel ? MO_OPTION_FUEL : 0) | (o->canonical_nans ? MO_OPTION_CANONICAL_NANS : 0) |
           (o->strict ? MO_OPTION_STRICT : 0);
}

static bool write_artifact(const mo_job_flags *f, const mo_module *m, const mo_target *target, const mo_code *code,
                           mo_buffer *ret, double *last, mote_error *err)
{
    mo_linked linked = {0};
    bool ok = mo_link(code, m->nfuncs, &linked, err);
    tick(f, "link", last);
    ok = ok && mo_check(m, &linked, err);
    tick(f, "check", last);
    if (ok) {
        char compiler[24];
        unsigned major, minor, patch;
        LLVMGetVersion(&major, &minor, &patch);
        snprintf(compiler, sizeof compiler, "llvm %u.%u.%u", major, minor, patch);
        mo_artifact_info info = {target->needs, option_bits(&f->options), target->cpu, compiler};
        ok = mo_artifact_write(m, &linked, &info, ret, err);
        tick(f, "write", last);
    }
    mo_linked_free(&linked);
    return ok;
}

static void join_objects(const mo_code *code, mo_buffer *ret)
{
    for (uint32_t i = 0; i < code->nobjects; i++)
        mo_buffer_put(ret, code->objects[i].bytes, code->objects[i].len);
}

static bool run_module(const mo_job_flags *f, const mo_module *m, mo_buffer *ret, double *last, mote_error *err)
{
    mo_target target = {0};
    mo_code code = {0};
    mo_output output = f->emit == MO_EMIT_LLVM ? MO_OUTPUT_IR : f->emit == MO_EMIT_ASM ? MO_OUTPUT_ASSEMBLY : MO_OUTPUT_OBJECT;
    bool ok = mo_target_resolve(f->options.target_cpu, mo_cpu_here(), &target, err) &&
              mo_compile(m, &f->options, &target, output, &code, err);
    tick(f, "compile", last);
    if (ok && f->emit == MO_EMIT_ARTIFACT)
        ok = write_artifact(f, m, &target, &code, ret, last, err);
    else if (ok)
        join_objects(&code, ret);
    mo_code_free(&code);
    mo_target_free(&target);
    return ok && (!ret->failed || mo_fail_nomem(err));
}

bool mo_job_run(const mo_job_flags *f, const void *bytes, size_t len, mo_buffer *ret, mote_error *err)
{
    double last = now();
    mo_module *m;
    if (mo_module_load(bytes, len, f->features, NULL, &m, err) != MOTE_OK)
        return false;
    tick(f, "validate", &last);
    bool ok = f->emit == MO_EMIT_KNOWN ? mo_known_rows(m, ret, err) : run_module(f, m, ret, &last, err);
    mo_module_unref(m);
    return ok;
}
