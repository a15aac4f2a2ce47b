/* module.c - any bytes: load refuses them or gives a module whose bodies can be
 * pulled again without a failure. Nothing leaks, nothing reads out of bounds.
 *   clang -fsanitize=fuzzer,address,undefined ...; corpus: any .wasm files
 * The magic's first two bytes are not read as such: one says which feature is
 * off, the other which allocation fails. */
#include "module/body.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void claim(bool holds)
{
    if (!holds) abort();
}

static void check_insn(const mo_body *b, const mo_insn *i)
{
    claim(i->op < MO_OPS && i->at < b->module->bytes.len);
    claim(b->depth == 0 || b->height >= b->controls[b->depth - 1].height);
    for (uint32_t k = 1; k < b->depth; k++) claim(b->controls[k].height >= b->controls[k - 1].height);
    if (mo_op_infos[i->op].imm == MO_IMM_BR_TABLE) claim(i->labels[i->nlabels] <= b->depth);
}

static void pull_again(const mo_module *m)
{
    mo_body b = {0};
    mo_insn i;
    mote_error err;
    mo_error_clear(&err);
    for (uint32_t f = m->nimported_funcs; f < m->nfuncs; f++) {
        claim(mo_body_open(&b, m, f, NULL, &err));
        while (mo_body_next(&b, &i)) check_insn(&b, &i);
        claim(err.status == MOTE_OK && b.depth == 0 && b.at == b.end);
        mo_body_close(&b);
    }
    mo_body_free(&b);
}

static void check_error(const mote_error *err, mote_status status, size_t len)
{
    claim(err->status == status && err->message[0]);
    claim(err->offset <= len || err->offset == MOTE_NOWHERE);
    claim(status != MOTE_NOMEM || err->offset == MOTE_NOWHERE);
    claim(mo_utf8_ok(err->message, strlen(err->message)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    mo_features features = mo_features_all();
    if (len > 0 && bytes[0] > 0) features &= ~((mo_features)1 << (bytes[0] - 1) % MO_FEATURES);
    uint8_t *copy = malloc(len + 1);
    if (!copy) return 0;
    if (len) memcpy(copy, bytes, len);
    if (len > 1 && bytes[1] != 'a') mo_alloc_fail_at(bytes[1]);
    copy[0] = 0;
    if (len > 1) copy[1] = 'a';
    mo_module *m = NULL;
    mote_error err;
    mote_status status = mo_module_load(copy, len, features, NULL, &m, &err);
    mo_alloc_fail_at(UINT64_MAX);
    if (status == MOTE_OK) {
        claim((m->used & ~features) == 0);
        pull_again(m);
    } else {
        check_error(&err, status, len);
    }
    mo_module_unref(m);
    claim(mo_alloc_live() == 0);
    free(copy);
    return 0;
}
