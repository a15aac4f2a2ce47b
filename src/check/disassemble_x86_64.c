/* disassemble_x86_64.c - one function of an artifact for people: address, offset in
 * the Wasm bytes, instruction, and the names of what it calls. */
#include "check/check.h"
#include "check/step.h"

#include <stdlib.h>

static bool find_range(const mo_artifact *a, uint32_t at, mo_site_range *ret)
{
    const mo_site_range *ranges = (const mo_site_range *)(a->sites + 1);
    for (uint32_t i = 0; i < a->sites->nranges; i++)
        if (ranges[i].code_at == at)
            return *ret = ranges[i], true;
    return false;
}

static void put_name(const mo_artifact *a, uint32_t func, FILE *to)
{
    mo_span name = func == MO_NO_FUNC ? (mo_span){0} : mo_artifact_func_name(a, func);
    if (func == MO_NO_FUNC)
        fputs("support code", to);
    else
        fprintf(to, "function %" PRIu32, func);
    if (name.len)
        fprintf(to, " \"%.*s\"", (int)name.len, (const char *)name.at);
}

/* Where an instruction comes from: its offset, and the function if it was inlined. */
static void put_source(const mo_artifact *a, uint32_t at, uint32_t func, FILE *to)
{
    mo_source frames[1];
    uint32_t n = mo_artifact_source(a, a->text + at, frames, 1);
    if (!n || !frames[0].offset)
        fprintf(to, "%12s", "");
    else if (frames[0].func == func)
        fprintf(to, "  0x%-8" PRIx32, frames[0].offset);
    else
        fprintf(to, "  0x%-8" PRIx32 " (of %" PRIu32 ")", frames[0].offset, frames[0].func);
}

static void put_step(const mo_artifact *a, uint32_t at, uint32_t end, uint32_t func, FILE *to)
{
    char text[96];
    mo_step_brief b;
    mo_site_range callee;
    mo_step_text(a->text, at, end, text, sizeof text);
    fprintf(to, "  %8" PRIx32, at);
    put_source(a, at, func, to);
    fprintf(to, "  %s", text);
    if (!mo_step_brief_decode(a->text, at, end, &b) && (b.direct || b.names) && find_range(a, b.target, &callee)) {
        fputs("  ; ", to);
        put_name(a, callee.func, to);
    }
    fputc('\n', to);
}

bool mo_disassemble(const mo_artifact *a, uint32_t func, FILE *to, mote_error *err)
{
    mo_site_range range;
    uint32_t at = func < a->meta->nfuncs ? mo_meta_funcs(a)[func].code_at : MO_NO_CODE;
    if (func >= a->meta->nfuncs)
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "function %" PRIu32 ": the module has %" PRIu32, func, a->meta->nfuncs);
    if (at == MO_NO_CODE || !find_range(a, at, &range))
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "function %" PRIu32 " has no code: it is imported, or inlined wherever it is called", func);
    put_name(a, func, to);
    fprintf(to, ": %" PRIu32 " bytes at 0x%" PRIx32 "\n", range.code_len, at);
    uint32_t end = at + range.code_len;
    while (at < end) {
        uint32_t len = mo_step_length(a->text, at, end);
        put_step(a, at, end, func, to);
        at += len ? len : 1;
    }
    return true;
}

bool mo_disassemble_find(const mo_artifact *a, const char *words, uint32_t *ret, mote_error *err)
{
    char *end;
    unsigned long n = strtoul(words, &end, 10);
    if (end != words && !*end && n < UINT32_MAX)
        return *ret = (uint32_t)n, true;
    const mo_meta_export *e = mo_artifact_export(a, words, strlen(words));
    if (e && e->kind == MO_EXTERN_FUNC)
        return *ret = e->index, true;
    for (uint32_t i = 0; i < a->meta->nfuncs; i++)
        if (mo_span_is(mo_artifact_func_name(a, i), words))
            return *ret = i, true;
    return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE, "no function '%s': want an index, an export or a name of the name section", words);
}
