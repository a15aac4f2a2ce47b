/* check.c - all of an artifact's code: the scan, then each function in the order in
 * which control can first come to it. */
#include "check/check.h"
#include "check/inside.h"

#include <stdarg.h>
#include <stdio.h>

/* --- words ------------------------------------------------------------------- */

static uint32_t wasm_offset(const mo_sites *sites, uint32_t at)
{
    const mo_site_range *ranges = (const mo_site_range *)(sites + 1);
    const mo_site *list = (const mo_site *)(ranges + sites->nranges);
    uint32_t low = 0, high = sites->nsites;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (list[mid].code_at <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return low ? list[low - 1].offset : 0;
}

bool mo_check_refuse(mo_checker *c, const mo_checked *function, uint32_t at, const char *format, ...)
{
    char instruction[80], words[160];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    mo_step_text(c->text, at, function->at + function->len, instruction, sizeof instruction);
    uint32_t offset = wasm_offset(c->sites, at);
    bool first = c->err && c->err->status == MOTE_OK;
    mo_fail(c->err, MOTE_REFUSED, offset ? offset : MOTE_NOWHERE, "machine code 0x%" PRIx32 ": `%s`: %s", at, instruction, words);
    if (first && function->func != MO_NO_FUNC)
        c->err->function = function->func;
    return false;
}

/* --- order -------------------------------------------------------------------- */

/* The functions, each after one of its callers where there is one, by a walk along
 * the edges from what the outside may call. */
static bool make_order(const mo_checker *c, uint32_t *order, uint32_t *retn)
{
    uint32_t *first = mo_calloc(c->nfunctions + 1u, sizeof *first), *next = mo_calloc(c->nedges + 1, sizeof *next);
    uint8_t *seen = mo_calloc(c->nfunctions + 1u, 1);
    uint32_t *post = mo_calloc(c->nfunctions + 1u, sizeof *post), *stack = mo_calloc(c->nfunctions + 1u, sizeof *stack);
    bool ok = first && next && seen && post && stack;
    uint32_t npost = 0;
    for (size_t i = c->nedges; ok && i-- > 0;) {
        next[i] = first[c->edges[i].from];
        first[c->edges[i].from] = (uint32_t)i + 1;
    }
    for (uint32_t root = 0; ok && root < c->nfunctions; root++) {
        if (!c->functions[root].outside || seen[root])
            continue;
        uint32_t depth = 0;
        stack[depth++] = root;
        seen[root] = 1;
        while (depth > 0) {
            uint32_t at = stack[depth - 1], edge = first[at];
            if (!edge) {
                post[npost++] = at;
                depth--;
                continue;
            }
            first[at] = next[edge - 1];
            uint32_t to = c->edges[edge - 1].to;
            if (!seen[to]) {
                seen[to] = 1;
                stack[depth++] = to;
            }
        }
    }
    for (uint32_t i = 0; i < npost; i++)
        order[i] = post[npost - 1 - i];
    *retn = npost;
    mo_free(first);
    mo_free(next);
    mo_free(seen);
    mo_free(post);
    mo_free(stack);
    return ok;
}

static void begin_results(mo_checker *c, mo_checked *f)
{
    if (f->func == MO_NO_FUNC)
        return;
    memcpy(f->results, c->facts->types[c->facts->funcs[f->func].type].results, sizeof f->results);
}

static bool walk_all(mo_checker *c, const uint32_t *order, uint32_t n)
{
    mo_flow flow = {.checker = c};
    bool ok = true;
    for (bool again = true; ok && again;) {
        again = false;
        for (uint32_t i = 0; ok && i < n; i++) {
            mo_checked *f = &c->functions[order[i]];
            if (!f->pending)
                continue;
            f->pending = false;
            again = true;
            ok = mo_check_walk(&flow, f);
        }
    }
    mo_flow_free(&flow);
    return ok;
}

static bool check(mo_checker *c)
{
    uint32_t *order = mo_calloc(c->nfunctions + 1u, sizeof *order), n;
    if (!order)
        return mo_fail_nomem(c->err);
    bool ok = mo_check_scan(c);
    for (uint32_t i = 0; ok && i < c->nfunctions; i++) {
        mo_checked *f = &c->functions[i];
        begin_results(c, f);
        if (f->outside) {
            mo_check_outside_entry(c, f);
            f->pending = true;
        }
    }
    if (ok && !make_order(c, order, &n))
        ok = mo_fail_nomem(c->err);
    ok = ok && walk_all(c, order, n);
    mo_free(order);
    return ok;
}

/* --- input --------------------------------------------------------------------- */

static bool take_functions(mo_checker *c)
{
    const mo_site_range *ranges = (const mo_site_range *)(c->sites + 1);
    c->functions = mo_calloc(c->sites->nranges + 1u, sizeof *c->functions);
    if (!c->functions)
        return mo_fail_nomem(c->err);
    c->nfunctions = c->sites->nranges;
    for (uint32_t i = 0; i < c->nfunctions; i++)
        c->functions[i] = (mo_checked){.at = ranges[i].code_at, .len = ranges[i].code_len, .func = ranges[i].func};
    return true;
}

/* Function func starts at code_at, says META or the linker; the outside may call it there. */
static bool take_outside(mo_checker *c, uint32_t func, uint32_t code_at)
{
    if (!c->facts->funcs[func].outside || c->facts->funcs[func].imported || code_at == MO_NO_CODE)
        return true; /* one without code cannot be called; the writer refuses it */
    mo_checked *f = mo_check_function_at(c, code_at);
    if (!f || f->at != code_at || f->func == MO_NO_FUNC)
        return mo_fail(c->err, MOTE_REFUSED, MOTE_NOWHERE, "function %" PRIu32 ": want its code at a function's start", func);
    if (f->func != func && c->facts->funcs[f->func].type != c->facts->funcs[func].type)
        return mo_fail(c->err, MOTE_REFUSED, MOTE_NOWHERE, "function %" PRIu32 ": its code is that of another", func);
    f->outside = true;
    return true;
}

static void finish(mo_checker *c)
{
    for (uint32_t i = 0; i < c->nfunctions; i++)
        mo_state_free(&c->functions[i].entry);
    mo_values_free(&c->values);
    mo_free(c->functions);
    mo_free(c->starts);
    mo_free(c->labels);
    mo_free(c->edges);
}

static void take_facts(mo_checker *c, const mo_facts *facts, bool nulls)
{
    c->facts = facts;
    for (uint32_t i = 1; i < facts->ntables; i++)
        if (facts->tables[i] != facts->tables[0])
            c->values.ntables = (int32_t)facts->ntables;
    c->values.records_at = facts->layout.funcrefs_at;
    c->values.records_end = facts->layout.funcrefs_at + facts->layout.nrecords * (uint32_t)sizeof(mo_funcref);
    c->values.record_size = sizeof(mo_funcref);
    c->values.context_size = (int32_t)facts->layout.size;
    c->values.nulls = nulls;
}

/* Where the module's function i starts: says the linker, or META. */
typedef struct starts {
    const uint32_t *linked;
    const mo_meta_func *meta;
    uint32_t n;
} starts;

static bool look(const mo_checker *input, const mo_facts *facts, const starts *at, bool nulls)
{
    mo_checker c = *input;
    bool ok = take_functions(&c);
    take_facts(&c, facts, nulls);
    for (uint32_t i = 0; ok && i < at->n; i++)
        ok = take_outside(&c, i, at->linked ? at->linked[i] : at->meta[i].code_at);
    ok = ok && check(&c);
    finish(&c);
    return ok;
}

/* Of references the modules of C speak only in their table, which their code reads. Zeros
 * that are spilled are followed there only when code turns out to put one into a table. */
static bool look_again(const mo_checker *input, const mo_facts *facts, const starts *at)
{
    if (look(input, facts, at, facts->has_words))
        return true;
    if (facts->has_words || facts->ntables == 0 || input->err->status != MOTE_REFUSED)
        return false;
    *input->err = (mote_error){0};
    return look(input, facts, at, true);
}

static bool want_arch(mo_arch arch, mote_error *err)
{
    return arch == MO_ARCH_X86_64 || mo_fail(err, MOTE_UNSUPPORTED, MOTE_NOWHERE, "checker: want x86-64 code");
}

bool mo_check(const mo_module *m, const mo_linked *linked, mote_error *err)
{
    mo_facts facts = {0};
    mo_checker input = {
        .text = linked->text.at, .text_len = linked->text.len, .constants = linked->constants.at,
        .const_at = mo_round_up(linked->text.len, MO_FILE_PAGE), .const_len = linked->constants.len,
        .sites = (const mo_sites *)linked->sites.at, .jumps = linked->jumps, .njumps = linked->njumps, .err = err,
    };
    bool ok = want_arch(linked->arch, err) && mo_facts_of_module(m, &facts, err) &&
              look_again(&input, &facts, &(starts){.linked = linked->code_at, .n = m->nfuncs});
    mo_facts_free(&facts);
    return ok;
}

bool mo_check_artifact(const mo_artifact *a, mote_error *err)
{
    mo_facts facts = {0};
    const mo_file_section *text = &a->header->sections[MO_SECTION_TEXT], *constants = &a->header->sections[MO_SECTION_CONST];
    mo_checker input = {
        .text = a->text, .text_len = text->len, .constants = a->text + (constants->at - text->at),
        .const_at = constants->at - text->at, .const_len = constants->len, .sites = a->sites,
        .jumps = mo_meta_jump_runs(a), .njumps = a->meta->jumps.n, .err = err,
    };
    bool ok = want_arch((mo_arch)a->header->arch, err) && mo_facts_of_artifact(a, &facts, err) &&
              look_again(&input, &facts, &(starts){.meta = mo_meta_funcs(a), .n = a->meta->nfuncs});
    mo_facts_free(&facts);
    return ok;
}
