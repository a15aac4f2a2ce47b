/* Claims about every module of the specification's scripts (MOTE_SPEC names their
 * folder): what the writer makes of it, the loader takes; exports and types are the
 * module's own. There is no code: every function is said to be at the first byte. */
#include "artifact/make.h"

#include <ftw.h>

static unsigned nopened, nleft_out;

static bool link_nothing(const mo_module *m, mo_linked *ret)
{
    *ret = (mo_linked){.arch = MO_ARCH_HERE, .nfuncs = m->nfuncs, .code_at = mo_calloc(m->nfuncs, sizeof(uint32_t)),
                       .code_len = mo_calloc(m->nfuncs, sizeof(uint32_t))};
    mo_buffer_put(&ret->text, "\xc3", 1);
    return ret->code_at && ret->code_len && !ret->text.failed;
}

static void compare_exports(const mo_module *m, const mo_artifact *a)
{
    for (uint32_t i = 0; i < m->nexports; i++) {
        const mo_export *want = &m->exports[i];
        const mo_meta_export *have = mo_artifact_export(a, want->name.at, want->name.len);
        expect(have && have->kind == want->kind && have->index == want->index);
    }
}

static void compare_types(const mo_module *m, const mo_artifact *a)
{
    uint32_t n = m->ntypes < 100 ? m->ntypes : 100;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++) {
            const uint32_t x = m->types[i].canonical, y = m->types[k].canonical;
            expect((x == y) == (a->type_ids[i] == a->type_ids[k]));
            expect(mo_type_below(m, x, y) == mo_type_id_below(a->type_ids[i], a->type_ids[k]));
            mo_valtype s = mo_ref_type(x, i % 2), t = mo_ref_type(y, true);
            expect(mo_matches(m, s, t) == mo_valtype_matches(mo_valtype_global(a, s), mo_valtype_global(a, t)));
        }
}

static bool write_and_open(const mo_module *m, mote_error *err)
{
    mo_linked linked;
    mo_buffer file = {0};
    mo_artifact *a = NULL;
    bool ok = link_nothing(m, &linked) && mo_artifact_write(m, &linked, &example_info, &file, err) &&
              mo_artifact_open_bytes(file.at, file.len, &a, err);
    if (ok) {
        nopened++;
        compare_exports(m, a);
        compare_types(m, a);
        read_everything(a);
    }
    mo_artifact_unref(a);
    mo_linked_free(&linked);
    mo_buffer_free(&file);
    return ok;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)where;
    size_t len = strlen(path);
    uint8_t *bytes;
    mote_error err;
    mo_module *m = NULL;
    mo_error_clear(&err);
    if (type != FTW_F || len < 5 || strcmp(path + len - 5, ".wasm") != 0) return 0;
    if (!expect(mo_file_read(path, (size_t)1 << 28, &bytes, &len, &err))) return 1;
    if (mo_module_load(bytes, len, mo_features_all(), NULL, &m, &err) == MOTE_OK) {
        mo_error_clear(&err);
        bool ok = write_and_open(m, &err);
        nleft_out += !ok;
        if (!expect(ok || err.status == MOTE_UNSUPPORTED)) fprintf(stderr, "    %s: %s\n", path, err.message);
    }
    mo_module_unref(m);
    mo_free(bytes);
    return 0;
}

TEST(every_module_of_the_specification_opens)
{
    const char *folder = getenv("MOTE_SPEC");
    if (!folder || !folder[0]) skip("no specification scripts");
    expect_u64(nftw(folder, visit, 16, FTW_PHYS), 0);
    expect(nopened > 1000 && nleft_out < nopened / 50);
    fprintf(stderr, "%u opened, %u need the garbage-collected heap\n", nopened, nleft_out);
}
