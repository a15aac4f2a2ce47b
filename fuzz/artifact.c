/* artifact.c - any bytes: opening refuses them or gives an artifact all of which can be
 * read. Bytes that begin like an artifact are one, with length, ABI and header hash
 * repaired; all others become the META of one, so that most get as far as the check.
 *   clang -fsanitize=fuzzer,address,undefined ...; corpus: any .mote files, or their
 *   META sections */
#include "artifact/artifact.h"
#include "artifact/hash.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static volatile uint8_t sink;

static void touch(const void *p, size_t len)
{
    for (size_t i = 0; i < len; i++) sink ^= ((const uint8_t *)p)[i];
}

static void touch_expr(const mo_artifact *a, mo_list expr)
{
    touch(mo_meta_at(a, expr), expr.n * sizeof(mo_meta_const));
}

static void read_types(const mo_artifact *a)
{
    for (uint32_t i = 0; i < a->meta->ntypes; i++) {
        const mo_meta_type *t = &mo_meta_types(a)[i];
        const mo_valtype *params = mo_meta_at(a, t->params), *results = mo_meta_at(a, t->results);
        touch(mo_meta_at(a, t->fields), t->fields.n * sizeof(mo_meta_field));
        for (uint32_t k = 0; k < t->params.n && k < t->results.n; k++)
            mo_valtype_matches(mo_valtype_global(a, params[k]), mo_valtype_global(a, results[k]));
        mo_func_shape shape;
        if (mo_type_id_func(a->type_ids[i], &shape)) touch(shape.params, shape.nparams * sizeof *shape.params);
        mo_type_id_below(a->type_ids[i], a->type_ids[0]);
    }
}

static void read_functions(const mo_artifact *a)
{
    mo_source frames[3];
    for (uint32_t i = 0; i < a->meta->nfuncs; i++) {
        mo_span name = mo_artifact_func_name(a, i);
        uint32_t code_at = mo_meta_funcs(a)[i].code_at;
        touch(name.at, name.len);
        if (code_at == MO_NO_CODE) continue;
        touch(a->text + code_at, 1);
        mo_artifact_source(a, a->text + code_at, frames, 3);
        if (mo_artifact_find(a->text + code_at) != a) abort();
    }
}

static void read_names(const mo_artifact *a)
{
    for (uint32_t i = 0; i < a->meta->nimports; i++) {
        const mo_meta_import *from = &mo_meta_imports(a)[i];
        touch(mo_meta_at(a, from->module), from->module.n);
        touch(mo_meta_at(a, from->name), from->name.n);
    }
    for (uint32_t i = 0; i < a->meta->nexports; i++) {
        const mo_meta_export *e = &mo_meta_exports(a)[i];
        if (mo_artifact_export(a, mo_meta_at(a, e->name), e->name.n) != e) abort();
    }
}

static void read_segments(const mo_artifact *a)
{
    const mo_meta *m = a->meta;
    for (uint32_t i = 0; i < m->ntables; i++) touch_expr(a, mo_meta_tables(a)[i].init);
    for (uint32_t i = 0; i < m->nglobals; i++) touch_expr(a, mo_meta_globals(a)[i].init);
    for (uint32_t i = 0; i < m->nelems; i++) {
        const mo_meta_elem *e = &mo_meta_elems(a)[i];
        touch_expr(a, e->offset);
        touch(mo_meta_at(a, e->funcs), e->funcs.n * sizeof(uint32_t));
        for (uint32_t k = 0; k < e->exprs.n; k++) touch_expr(a, ((const mo_list *)mo_meta_at(a, e->exprs))[k]);
    }
    for (uint32_t i = 0; i < m->ndatas; i++) {
        touch_expr(a, mo_meta_datas(a)[i].offset);
        touch(mo_meta_at(a, mo_meta_datas(a)[i].bytes), mo_meta_datas(a)[i].bytes.n);
    }
    for (uint32_t i = 0; i < m->images.n; i++) touch(a->image + mo_meta_images(a)[i].at, mo_meta_images(a)[i].len);
}

static void repair(uint8_t *bytes, size_t len)
{
    mo_file_header *h = (mo_file_header *)(void *)bytes;
    memcpy(h->magic, MO_FILE_MAGIC, sizeof h->magic);
    h->format = MO_FILE_FORMAT;
    h->arch = MO_ARCH_HERE;
    h->abi_hash = mo_abi_hash();
    h->cpu &= mo_cpu_here();
    h->file_len = len;
    h->header_hash = mo_hash_header(bytes);
}

/* A page of code, the input as META and, its beginning, as SITES, and two pages of image. */
static uint8_t *make_around(const uint8_t *meta, size_t len, size_t *retlen)
{
    const uint64_t lens[MO_SECTIONS] = {MO_FILE_PAGE, 0, len, len < MO_FILE_PAGE ? len : MO_FILE_PAGE, 2 * MO_FILE_PAGE};
    mo_file_header h = {.cpu = 0};
    uint64_t at = MO_FILE_PAGE;
    for (int i = 0; i < MO_SECTIONS; i++) {
        h.sections[i] = (mo_file_section){at, lens[i]};
        at += mo_round_up(lens[i], MO_FILE_PAGE);
    }
    uint8_t *file = calloc(1, at);
    if (!file) return NULL;
    memcpy(file, &h, sizeof h);
    memcpy(file + h.sections[MO_SECTION_META].at, meta, len);
    memcpy(file + h.sections[MO_SECTION_SITES].at, meta, lens[MO_SECTION_SITES]);
    *retlen = at;
    return file;
}

static uint8_t *make_file(const uint8_t *bytes, size_t len, size_t *retlen)
{
    if (len < 8 || memcmp(bytes, MO_FILE_MAGIC, 8) != 0) return make_around(bytes, len, retlen);
    uint8_t *copy = malloc(len);
    if (copy) memcpy(copy, bytes, len);
    *retlen = len;
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    mote_error err;
    mo_artifact *a = NULL;
    mo_error_clear(&err);
    uint8_t *file = len ? make_file(bytes, len, &len) : NULL;
    if (!file) return 0;
    if (len >= MO_FILE_PAGE) repair(file, len);
    if (mo_artifact_open_bytes(file, len, &a, &err)) {
        read_types(a);
        read_functions(a);
        read_names(a);
        read_segments(a);
    } else if (err.status == MOTE_OK || !err.message[0]) {
        abort();
    }
    mo_artifact_unref(a);
    free(file);
    return 0;
}
