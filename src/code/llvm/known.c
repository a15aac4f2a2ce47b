/* known.c - a body -> the library function that it is, by a hash of its instructions.
 * Encodings and indices that a linker chooses are left out of the hash: the length of
 * LEBs, and whom a call names (its callee must be memcpy itself). */
#include "code/llvm/known.h"

#include "code/abi.h"

#include <stdio.h>

#define LARGEST_BODY 4096

static const struct { mo_known known; uint64_t hash[2]; } rows[] = {
#define KNOWN(name, low, high, source) {MO_KNOWN_##name, {UINT64_C(low), UINT64_C(high)}},
#include "code/llvm/known.def"
};

static void mix(mo_known_scan *scan, const void *bytes, size_t len)
{
    scan->hash[0] = mo_hash64(bytes, len, scan->hash[0]);
    scan->hash[1] = mo_hash64(bytes, len, scan->hash[1] + 1);
}

static bool has_type(const mo_type *t)
{
    return t->nparams == 3 && t->nresults == 1 && t->params[0] == MO_I32 && t->params[1] == MO_I32 &&
           t->params[2] == MO_I32 && t->results[0] == MO_I32;
}

static bool has_memory(const mo_module *m)
{
    return m->nmemories == 1 && !m->memories[0].shared && mo_memory_unchecked(&m->memories[0]);
}

void mo_known_begin(mo_known_scan *scan, const mo_body *b)
{
    const mo_func *f = &b->module->funcs[b->func];
    *scan = (mo_known_scan){
        .possible = f->body_len <= LARGEST_BODY && has_type(b->type) && has_memory(b->module),
        .callee = MO_NO_CALLEE,
    };
    for (uint32_t i = 0; scan->possible && i < b->nlocals; i++)
        mix(scan, &b->locals[i], sizeof b->locals[i]);
}

/* The immediates that these functions have; false: they have no such instruction. */
static bool take_immediates(mo_known_scan *scan, const mo_insn *in, uint64_t word[3])
{
    switch ((mo_imm)mo_op_infos[in->op].imm) {
    case MO_IMM_NONE: return true;
    case MO_IMM_LABEL: case MO_IMM_LOCAL: word[0] = in->index; return true;
    case MO_IMM_I32: case MO_IMM_I64: word[0] = in->bits; return true;
    case MO_IMM_MEM: word[0] = in->memarg.offset; return true;
    case MO_IMM_BLOCK:
        word[0] = in->block.nparams;
        word[1] = in->block.nresults;
        word[2] = in->block.nresults ? in->block.results[0] : 0;
        return in->block.nparams == 0 && in->block.nresults < 2;
    case MO_IMM_BR_TABLE:
        word[0] = in->nlabels;
        mix(scan, in->labels, (in->nlabels + 1) * sizeof *in->labels);
        return true;
    case MO_IMM_FUNC:
        if (in->op != MO_OP_call || scan->callee != MO_NO_CALLEE)
            return false;
        scan->callee = in->index;
        return true;
    default: return false;
    }
}

void mo_known_see(mo_known_scan *scan, const mo_insn *in)
{
    uint64_t word[4] = {0, 0, 0, mo_op_infos[in->op].code};
    if (!scan->possible)
        return;
    scan->possible = take_immediates(scan, in, word);
    mix(scan, word, sizeof word);
}

mo_known mo_known_end(const mo_known_scan *scan)
{
    for (size_t i = 0; scan->possible && i < MO_COUNT(rows); i++)
        if (memcmp(rows[i].hash, scan->hash, sizeof scan->hash) == 0)
            return rows[i].known;
    return MO_KNOWN_none;
}

/* --- rows for known.def --------------------------------------------------- */

static mo_span name_of(const mo_module *m, uint32_t func)
{
    return m->func_names ? m->func_names[func] : (mo_span){NULL, 0};
}

static bool is_listed(mo_span name)
{
    static const char *const names[] = {"memcpy", "memmove", "memset", "memcmp"};
    for (size_t i = 0; i < MO_COUNT(names); i++)
        if (name.len == strlen(names[i]) && memcmp(name.at, names[i], name.len) == 0)
            return true;
    return false;
}

static bool put_row(const mo_module *m, mo_body *b, uint32_t func, mo_span name, mo_buffer *ret, mote_error *err)
{
    mo_known_scan scan;
    if (!mo_body_open(b, m, func, NULL, err))
        return false;
    mo_known_begin(&scan, b);
    for (mo_insn in; mo_body_next(b, &in);)
        mo_known_see(&scan, &in);
    mo_body_close(b);
    char row[200];
    int len = snprintf(row, sizeof row, "%sKNOWN(%.*s, 0x%016" PRIx64 ", 0x%016" PRIx64 ", \"\")\n",
                       scan.possible ? "" : "/* cannot be */ ", (int)name.len, name.at, scan.hash[0], scan.hash[1]);
    mo_buffer_put(ret, row, (size_t)len);
    return true;
}

bool mo_known_rows(const mo_module *m, mo_buffer *ret, mote_error *err)
{
    mo_body b = {0};
    bool ok = true;
    for (uint32_t i = m->nimported_funcs; ok && i < m->nfuncs; i++)
        if (is_listed(name_of(m, i)))
            ok = put_row(m, &b, i, name_of(m, i), ret, err);
    mo_body_free(&b);
    return ok;
}
