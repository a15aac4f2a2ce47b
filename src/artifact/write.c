/* write.c - module, linked code and image -> the bytes of an artifact (format.h). */
#include "artifact/write.h"
#include "artifact/hash.h"
#include "artifact/link.h"

static void put_section(mo_buffer *file, mo_file_header *h, mo_section_kind kind, const mo_buffer *contents)
{
    mo_buffer_align(file, MO_FILE_PAGE);
    h->sections[kind] = (mo_file_section){file->len, contents->len};
    mo_buffer_put(file, contents->at, contents->len);
    size_t end = file->len;
    mo_buffer_align(file, MO_FILE_PAGE);
    if (kind == MO_SECTION_TEXT && !file->failed) mo_link_fill(h->arch, file->at + end, file->len - end);
}

static void put_text(char *to, size_t size, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len) memcpy(to, text, len < size ? len : size - 1);
}

static mo_file_header make_header(const mo_module *m, const mo_linked *linked, const mo_artifact_info *info)
{
    mo_file_header h = {
        .magic = MO_FILE_MAGIC, .format = MO_FILE_FORMAT, .arch = linked->arch, .abi_hash = mo_abi_hash(),
        .cpu = info->cpu, .features = m->used, .options = info->options,
    };
    mo_hash_contents(m->bytes.at, m->bytes.len, h.module_hash);
    put_text(h.target_cpu, sizeof h.target_cpu, info->target_cpu);
    put_text(h.compiler, sizeof h.compiler, info->compiler);
    return h;
}

static bool put_file(mo_file_header *h, const mo_linked *linked, const mo_buffer *meta, const mo_buffer *image,
                     mo_buffer *file, mote_error *err)
{
    mo_buffer_zeros(file, MO_FILE_PAGE);
    put_section(file, h, MO_SECTION_TEXT, &linked->text);
    put_section(file, h, MO_SECTION_CONST, &linked->constants);
    put_section(file, h, MO_SECTION_META, meta);
    put_section(file, h, MO_SECTION_SITES, &linked->sites);
    put_section(file, h, MO_SECTION_IMAGE, image);
    if (file->failed) return mo_fail_nomem(err);
    h->file_len = file->len;
    mo_hash_contents(file->at + MO_FILE_PAGE, file->len - MO_FILE_PAGE, h->contents_hash);
    memcpy(file->at, h, sizeof *h);
    h->header_hash = mo_hash_header(file->at);
    memcpy(file->at, h, sizeof *h);
    return true;
}

bool mo_artifact_write(const mo_module *m, const mo_linked *linked, const mo_artifact_info *info,
                       mo_buffer *ret, mote_error *err)
{
    mo_buffer meta = {0}, file = {0};
    mo_image_plan plan;
    if (!mo_image_make(m, &plan, err)) return false;
    mo_file_header h = make_header(m, linked, info);
    bool ok = mo_meta_make(m, linked, &plan, &meta, err) && put_file(&h, linked, &meta, &plan.bytes, &file, err);
    mo_buffer_free(&meta);
    mo_image_free(&plan);
    if (ok)
        *ret = file;
    else
        mo_buffer_free(&file);
    return ok;
}
