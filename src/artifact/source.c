/* source.c - looking things up in an open artifact: exports, names, and where a code
 * address comes from. SITES isn't checked when the file is opened, so every number in
 * it is looked at before use; a damaged one gives wrong words, never a wrong access. */
#include "artifact/artifact.h"

const mo_meta_export *mo_artifact_export(const mo_artifact *a, const void *name, size_t len)
{
    const mo_meta_export *exports = mo_meta_exports(a);
    const uint32_t *sorted = mo_meta_at(a, a->meta->exports_sorted);
    uint32_t low = 0, high = a->meta->nexports;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const mo_meta_export *e = &exports[sorted[middle]];
        int order = e->name.n != len ? (e->name.n < len ? -1 : 1) : memcmp(mo_meta_at(a, e->name), name, len);
        if (order == 0) return e;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

mo_span mo_artifact_func_name(const mo_artifact *a, uint32_t func)
{
    if (func >= a->meta->func_names.n) return (mo_span){NULL, 0};
    const mo_list name = ((const mo_list *)mo_meta_at(a, a->meta->func_names))[func];
    return (mo_span){mo_meta_at(a, name), name.n};
}

typedef struct sites {
    uint32_t nranges, nsites, nframes;
    const mo_site_range *ranges;
    const mo_site *sites;
    const mo_site_frame *frames;
} sites;

static bool open_sites(const mo_artifact *a, sites *ret)
{
    uint64_t len = a->header->sections[MO_SECTION_SITES].len;
    const mo_sites *h = a->sites;
    if (len < sizeof *h) return false;
    *ret = (sites){.nranges = h->nranges, .nsites = h->nsites, .nframes = h->nframes};
    uint64_t need = sizeof *h + ret->nranges * sizeof(mo_site_range) + ret->nsites * sizeof(mo_site) +
                    ret->nframes * sizeof(mo_site_frame); /* three times 32 bits: no overflow */
    if (need > len) return false;
    ret->ranges = (const mo_site_range *)(h + 1);
    ret->sites = (const mo_site *)(ret->ranges + ret->nranges);
    ret->frames = (const mo_site_frame *)(ret->sites + ret->nsites);
    return true;
}

const mo_site_range *mo_artifact_ranges(const mo_artifact *a, uint32_t *retn)
{
    sites s;
    bool ok = open_sites(a, &s);
    *retn = ok ? s.nranges : 0;
    return ok ? s.ranges : NULL;
}

static const mo_site_range *find_range(const sites *s, uint64_t at)
{
    uint32_t low = 0, high = s->nranges;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->ranges[middle].code_at <= at) low = middle + 1;
        else high = middle;
    }
    const mo_site_range *r = low ? &s->ranges[low - 1] : NULL;
    return r && at - r->code_at < r->code_len ? r : NULL;
}

static mo_site find_site(const sites *s, uint64_t at)
{
    uint32_t low = 0, high = s->nsites;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->sites[middle].code_at <= at) low = middle + 1;
        else high = middle;
    }
    return low ? s->sites[low - 1] : (mo_site){0, 0, MO_NO_FRAME};
}

uint32_t mo_artifact_source(const mo_artifact *a, const void *pc, mo_source *frames, uint32_t cap)
{
    uint64_t at = (uint64_t)((uintptr_t)pc - (uintptr_t)a->text);
    sites s;
    if (at >= a->text_len || !open_sites(a, &s)) return 0;
    const mo_site_range *range = find_range(&s, at);
    if (!range || range->func >= a->meta->nfuncs) return 0;
    mo_site site = find_site(&s, at);
    uint32_t n = 0, offset = site.offset;
    for (uint32_t f = site.frame, limit = s.nframes; f < limit; f = s.frames[f].parent) {
        if (s.frames[f].func >= a->meta->nfuncs) break;
        if (n < cap) frames[n] = (mo_source){s.frames[f].func, offset};
        n++;
        offset = s.frames[f].call_offset;
        limit = f; /* a frame's parent stands before it */
    }
    if (n < cap) frames[n] = (mo_source){range->func, offset};
    return n + 1;
}
