/* check_header.c - is this the header of an artifact that this process can use?
 * The order gives the most telling reason: kind of file, version, damage, length,
 * then what the code needs. */
#include "artifact/hash.h"
#include "artifact/open.h"

static bool refuse(mote_error *err, const char *format, ...) MO_PRINTF(2, 3) __attribute__((cold));

static bool refuse(mote_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mo_vfail(err, MOTE_REFUSED, MOTE_NOWHERE, format, args);
    va_end(args);
    return false;
}

static bool check_bytes(const uint8_t *page, const mo_file_header *h, uint64_t file_len, mote_error *err)
{
    if (memcmp(h->magic, MO_FILE_MAGIC, sizeof h->magic) != 0) return refuse(err, "not an artifact");
    if (h->format != MO_FILE_FORMAT)
        return refuse(err, "artifact has format %" PRIu32 ", want %d: compile the module again", h->format, MO_FILE_FORMAT);
    if (mo_hash_header(page) != h->header_hash) return refuse(err, "artifact is damaged: its header was altered");
    if (h->file_len != file_len)
        return refuse(err, "artifact is %s: it has %" PRIu64 " bytes, want %" PRIu64,
                      file_len < h->file_len ? "truncated" : "too long", file_len, h->file_len);
    return true;
}

static bool check_target(const mo_file_header *h, mote_error *err)
{
    if (h->arch != MO_ARCH_HERE) {
        const char *name = mo_arch_name(h->arch);
        return refuse(err, "artifact is for %s, this is %s", name ? name : "an unknown processor", mo_arch_name(MO_ARCH_HERE));
    }
    if (h->abi_hash != mo_abi_hash())
        return refuse(err, "artifact has engine ABI %016" PRIx64 ", want %016" PRIx64 ": compile the module again",
                      h->abi_hash, mo_abi_hash());
    uint64_t missing = h->cpu & ~mo_cpu_here();
    if (missing) {
        char text[160];
        return refuse(err, "artifact for %.24s needs CPU features that are missing here: %s",
                      h->target_cpu, mo_cpu_text(missing, text, sizeof text));
    }
    return true;
}

static bool check_sections(const mo_file_header *h, mote_error *err)
{
    static const char *const names[] = {"TEXT", "CONST", "META", "SITES", "IMAGE"};
    uint64_t at = MO_FILE_PAGE;
    for (int i = 0; i < MO_SECTIONS; i++) {
        const mo_file_section *s = &h->sections[i];
        if (s->at != at || s->at > h->file_len || s->len > h->file_len - s->at)
            return refuse(err, "artifact is damaged: section %s has %" PRIu64 " bytes at %" PRIu64 ", want it at %" PRIu64
                          " and inside %" PRIu64, names[i], s->len, s->at, at, h->file_len);
        at = mo_round_up(s->at + s->len, MO_FILE_PAGE);
    }
    if (at != h->file_len)
        return refuse(err, "artifact is damaged: sections end at %" PRIu64 ", the file at %" PRIu64, at, h->file_len);
    if (h->sections[MO_SECTION_TEXT].len > INT32_MAX)
        return refuse(err, "artifact is damaged: %" PRIu64 " bytes of machine code", h->sections[MO_SECTION_TEXT].len);
    return true;
}

bool mo_header_check(const uint8_t *page, uint64_t file_len, mote_error *err)
{
    const mo_file_header *h = (const mo_file_header *)page;
    return check_bytes(page, h, file_len, err) && check_target(h, err) && check_sections(h, err);
}
