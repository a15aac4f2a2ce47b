/* look.c - mote-compile --check and --disassemble: at an artifact that is there. */
#include "check/check.h"
#include "cli/compiler/compiler.h"

#include <stdio.h>

static bool show(const mo_artifact *a, const char *words, mote_error *err)
{
    uint32_t func;
    return mo_disassemble_find(a, words, &func, err) && mo_disassemble(a, func, stdout, err);
}

int mo_look(const mo_job_flags *f)
{
    mote_error err = {.offset = MOTE_NOWHERE, .function = MOTE_NOWHERE};
    mo_open_options options = {.verify_contents = true, .trust_any_owner = true}; /* nothing of it is run */
    mo_artifact *a = NULL;
    bool ok = mo_artifact_open(f->input, &options, &a, &err);
    if (ok && f->disassemble)
        ok = show(a, f->disassemble, &err);
    if (ok && f->check)
        ok = mo_check_artifact(a, &err);
    if (a)
        mo_artifact_unref(a);
    if (!ok)
        return mo_compiler_fail(f->input, &err);
    if (f->check)
        printf("%s: accepted\n", f->input);
    return 0;
}
