/* reset.c - memories made as they were in one of three ways, and the context's changing
 * parts copied back. */
#include "instance/reset.h"

#include "instance/watch.h"

#include <sys/mman.h>

#define PAGE ((uint64_t)MO_FILE_PAGE)
#define LOOK_EVERY 64 /* runs between two thoughts about the way */
#define WORTH_A_THOUGHT 16 /* pages that are copied */
#define MOST_SPLITS (2 * MO_OPEN_RANGES) /* pages opened since the memory was mapped */

void mo_reset_teach(mo_reset *r, mo_open_set *known)
{
    mo_page_range unused;
    for (uint32_t t = 0; t < r->ntracked; t++)
        for (uint32_t i = 0; i < r->tracked[t].open.n && r->tracked[t].way == MO_WAY_COPY; i++)
            mo_open_add(&known[t], r->tracked[t].open.ranges[i], &unused);
    r->learned = false;
}

/* --- what was there at first --------------------------------------------------- */

static uint32_t own_memories(const mo_meta *meta) { return meta->nmemories - meta->nimported_memories; }

/* Was anything of this memory's contents computed rather than mapped? Its end, or 0. */
static uint64_t placed_end(const mote_instance *in, uint32_t memory)
{
    const mo_meta *meta = mo_instance_meta(in);
    uint64_t end = 0;
    for (uint32_t i = 0; i < meta->ndatas; i++) {
        const mo_meta_data *data = &mo_meta_datas(in->artifact)[i];
        if (data->mode == MO_ACTIVE && data->memory == memory && !data->in_image && data->bytes.n)
            end = mo_memory_bytes(in->memories[memory]); /* its offset is not kept: take all */
    }
    return end;
}

mo_pristine *mo_pristine_new(const mote_instance *in)
{
    const mo_meta *meta = mo_instance_meta(in);
    uint32_t n = own_memories(meta);
    mo_pristine *ret = mo_calloc(1, sizeof *ret + n * sizeof ret->memories[0]);
    if (!ret)
        return NULL;
    ret->n = n;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t len = placed_end(in, meta->nimported_memories + i);
        if (!len)
            continue;
        ret->memories[i].copy = mo_alloc(len);
        ret->memories[i].len = len;
        if (!ret->memories[i].copy) {
            mo_pristine_free(ret);
            return NULL;
        }
        memcpy(ret->memories[i].copy, in->own_memories[i].desc->base, len);
    }
    return ret;
}

void mo_pristine_free(mo_pristine *pristine)
{
    for (uint32_t i = 0; pristine && i < pristine->n; i++)
        mo_free(pristine->memories[i].copy);
    mo_free(pristine);
}

/* Calls back for the parts of [from, to) of a memory, in order: from is NULL for zeros.
 * Images start and end with pages, so a page is one part. Adds up what is returned. */
typedef uint64_t part(uint8_t *to, const uint8_t *from, uint64_t len);

static uint64_t each_part(const mo_reset *r, const mo_tracked *t, uint64_t from, uint64_t to, part *call)
{
    const struct mo_pristine_memory *p = &r->pristine->memories[t->index];
    const mo_artifact *a = r->instance->artifact;
    uint8_t *base = t->memory->desc->base;
    uint64_t sum = 0;
    if (p->copy)
        return call(base + from, p->copy + from, to - from);
    for (uint32_t i = 0; i < a->meta->images.n && from < to; i++) {
        const mo_meta_image *image = &mo_meta_images(a)[i];
        uint64_t end = image->memory_at + image->len;
        if (r->instance->memories[image->memory] != t->memory || end <= from || image->memory_at >= to)
            continue;
        if (image->memory_at > from) {
            sum += call(base + from, NULL, image->memory_at - from);
            from = image->memory_at;
        }
        uint64_t stop = end < to ? end : to;
        sum += call(base + from, a->image + image->at + (from - image->memory_at), stop - from);
        from = stop;
    }
    return from < to ? sum + call(base + from, NULL, to - from) : sum;
}

static uint64_t copy_part(uint8_t *to, const uint8_t *from, uint64_t len)
{
    if (from)
        memcpy(to, from, len);
    else
        memset(to, 0, len);
    return len;
}

/* 1 if all is as it was. */
static uint64_t is_same(uint8_t *to, const uint8_t *from, uint64_t len)
{
    static const uint8_t zeros[MO_FILE_PAGE];
    return memcmp(to, from ? from : zeros, len) == 0;
}

/* --- the context ------------------------------------------------------------------ */

/* Its changing parts lie in these ranges; imports, types and records never change. */
typedef struct part_list { uint32_t from, to; } part_list;

static void changing(const mo_meta *meta, part_list ret[3])
{
    const mo_layout *l = &meta->layout;
    ret[0] = (part_list){l->globals_at, l->tags_at};
    ret[1] = (part_list){l->own_memories_at, l->own_tags_at};
    ret[2] = (part_list){l->dropped_at, l->dropped_at + meta->nelems + meta->ndatas};
}

static size_t move_head(const mote_instance *in, uint8_t *kept, bool back)
{
    part_list parts[3];
    size_t at = 0;
    changing(mo_instance_meta(in), parts);
    for (int i = 0; i < 3; i++) {
        uint8_t *here = mo_context_at(in, parts[i].from);
        size_t len = parts[i].to - parts[i].from;
        if (kept && len)
            memcpy(back ? here : kept + at, back ? kept + at : here, len);
        at += len;
    }
    return at;
}

/* --- tables ------------------------------------------------------------------------ */

/* Before the first write to a tracked table: what it held. */
bool mo_table_keep(mote_table *table)
{
    size_t len = table->desc->n * mo_table_entry_size(table->funcs);
    table->kept = mo_alloc(len ? len : 1);
    if (!table->kept)
        return false;
    memcpy(table->kept, table->desc->entries, len);
    table->kept_len = len;
    return true;
}

/* The descriptor is back already, and with it where the entries are. */
static void restore_table(mote_table *table, uint64_t nfirst)
{
    if (table->grown) {
        mo_free(table->grown);
        table->grown = NULL;
        table->room = nfirst;
    }
    if (table->written && table->kept)
        memcpy(table->desc->entries, table->kept, table->kept_len);
    table->written = false;
}

static void restore_tables(mote_instance *in)
{
    const mo_meta *meta = mo_instance_meta(in);
    for (uint32_t i = 0; i < meta->ntables - meta->nimported_tables; i++)
        if (in->own_tables[i].written)
            restore_table(&in->own_tables[i], in->own_tables[i].desc->n);
}

/* --- memories ----------------------------------------------------------------------- */

/* Those of this thread, for the fault handler: hosts write to guests outside of calls. */
static __thread mo_reset *resets_here __attribute__((tls_model("initial-exec")));

/* Up to where pages are opened one by one: a checked memory's growth is not watched. */
static uint64_t watched_bytes(const mo_tracked *t)
{
    return t->memory->checked ? t->bytes : mo_memory_bytes(t->memory);
}

static uint32_t first_pages(const mo_tracked *t) { return (uint32_t)(t->bytes / PAGE); }
static uint32_t last_page(const mo_tracked *t) { return (uint32_t)((watched_bytes(t) + PAGE - 1) / PAGE); }

static bool protect(const mo_tracked *t, mo_page_range pages, int protection)
{
    uint64_t from = pages.from * PAGE, to = pages.to * PAGE;
    return to <= from || mprotect(t->memory->desc->base + from, to - from, protection) == 0;
}

/* Where no mapping can be split any more, all of the memory is opened: one mapping. */
static bool open_all(mo_tracked *t)
{
    mo_page_range all = {0, last_page(t)};
    t->splits = MOST_SPLITS + 1;
    t->open = (mo_open_set){.n = 1, .npages = all.to, .ranges = {all}};
    return protect(t, all, PROT_READ | PROT_WRITE);
}

/* What is open after a failure is not known, so that the instance must go. */
static bool open_pages(mo_reset *r, mo_tracked *t, mo_page_range want)
{
    const mo_open_set before = t->open;
    mo_page_range gap;
    r->learned = true;
    t->splits++;
    mo_open_add(&t->open, want, &gap);
    if ((protect(t, want, PROT_READ | PROT_WRITE) && protect(t, gap, PROT_READ | PROT_WRITE)) || open_all(t))
        return true;
    t->open = before;
    r->broken = true;
    return false;
}

bool mo_reset_guards(const mote_memory *memory, const uint8_t *at)
{
    const mo_tracked *t = memory->tracked;
    const uint8_t *base = memory->desc->base;
    return memory->reset && t->way == MO_WAY_COPY && at >= base && at < base + watched_bytes(t);
}

bool mo_reset_open(mote_memory *memory, const uint8_t *at, size_t len)
{
    mo_tracked *t = memory->tracked;
    if (!mo_reset_guards(memory, at) || len == 0)
        return false;
    uint64_t from = (uint64_t)(at - memory->desc->base), end = watched_bytes(t), to = len < end - from ? from + len : end;
    mo_page_range want = {(uint32_t)(from / PAGE), (uint32_t)((to + PAGE - 1) / PAGE)};
    while (want.from < want.to && mo_open_has(&t->open, want.from))
        want.from++;
    while (want.from < want.to && mo_open_has(&t->open, want.to - 1))
        want.to--;
    return want.from == want.to || open_pages(memory->reset, t, want);
}

bool mo_reset_ready(mote_memory *memory, const uint8_t *at, size_t len)
{
    return len == 0 || !mo_reset_guards(memory, at) || mo_reset_open(memory, at, len);
}

bool mo_reset_open_here(const uint8_t *at)
{
    for (mo_reset *r = resets_here; r; r = r->next)
        for (uint32_t i = 0; i < r->ntracked; i++)
            if (mo_reset_open(r->tracked[i].memory, at, 1))
                return true;
    return false;
}

/* The part of range that lies in [from, to). */
static mo_page_range clip(mo_page_range range, uint32_t from, uint32_t to)
{
    return (mo_page_range){range.from > from ? range.from : from, range.to < to ? range.to : to};
}

/* Pages [from, to) that are usable or about to be: read-only but for the open ranges. */
static bool close_pages(const mo_tracked *t, uint32_t from, uint32_t to, bool usable)
{
    uint32_t at = from;
    for (uint32_t i = 0; i < t->open.n; i++) {
        mo_page_range open = clip(t->open.ranges[i], from, to);
        if (open.from >= open.to)
            continue;
        if (!protect(t, (mo_page_range){at, open.from}, PROT_READ) ||
            (!usable && !protect(t, open, PROT_READ | PROT_WRITE)))
            return false;
        at = open.to;
    }
    return protect(t, (mo_page_range){at, to}, PROT_READ);
}

bool mo_reset_grow(mote_memory *memory, uint64_t from, uint64_t to)
{
    const mo_tracked *t = memory->tracked;
    mo_page_range pages = {(uint32_t)(from / PAGE), (uint32_t)(to / PAGE)};
    bool ok = t->way == MO_WAY_COPY ? close_pages(t, pages.from, pages.to, false)
                                    : protect(t, pages, PROT_READ | PROT_WRITE);
    if (!ok && !protect(t, pages, PROT_NONE))
        memory->reset->broken = true;
    return ok;
}

/* From the first length on nothing may be touched. What was written there is zero again
 * (restore_memory) and stays, for the next growth. */
static bool hide_growth(const mo_tracked *t, uint64_t now)
{
    mo_page_range grown = {(uint32_t)(t->bytes / PAGE), (uint32_t)(now / PAGE)};
    return protect(t, grown, PROT_NONE);
}

/* The same, and nothing of it stays. */
static bool drop_growth(const mo_tracked *t, uint64_t now)
{
    const mote_memory *m = t->memory;
    uint64_t from = mo_round_up(t->bytes, PAGE), to = mo_round_up(now, PAGE);
    int protection = m->checked ? PROT_READ | PROT_WRITE : PROT_NONE;
    return to <= from || mmap(m->desc->base + from, to - from, protection,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED;
}

/* Images that are copied are not mapped again by the kernel. */
static void copy_images(const mo_reset *r, const mo_tracked *t)
{
    const mo_artifact *a = r->instance->artifact;
    for (uint32_t i = 0; i < a->meta->images.n; i++) {
        const mo_meta_image *image = &mo_meta_images(a)[i];
        if (r->instance->memories[image->memory] == t->memory)
            memcpy(t->memory->desc->base + image->memory_at, a->image + image->at, image->len);
    }
}

static bool discard(const mo_reset *r, const mo_tracked *t)
{
    if (t->bytes == 0)
        return true;
    if (madvise(t->memory->desc->base, t->bytes, MADV_DONTNEED) != 0)
        return false;
    if (!mo_images_are_mapped(r->instance->artifact))
        copy_images(r, t);
    return true;
}

/* Contents that were computed are not what the kernel maps again. */
static bool may_discard(const mo_reset *r, const mo_tracked *t)
{
    return r->pristine->memories[t->index].copy == NULL && r->instance->artifact->fd >= 0;
}

static bool is_over_budget(const mo_reset *r, uint64_t pages) { return pages > r->resident_pages; }

/* --- the way -------------------------------------------------------------------------- */

/* Pages of a memory in one run. */
typedef struct run_pages {
    uint64_t first;   /* that it has from the start */
    uint64_t copied;  /* by copying: all that were ever written, if the memory has them now */
    uint64_t written; /* of the first ones */
    uint64_t grown;   /* written beyond them */
} run_pages;

/* What a run costs beyond the guest's own work, in nanoseconds: measured on x86-64 (docs/
 * instances.md). */
static uint64_t cost(mo_way way, const run_pages *p)
{
    switch (way) {
    case MO_WAY_SCAN: return 2200 + p->first * 3 / 2 + 1000 * p->written + 1900 * p->grown;
    case MO_WAY_DISCARD: return 600 + 3500 * p->written + 1900 * p->grown;
    default: return 85 * p->copied;
    }
}

/* The cheapest, if it is a fifth cheaper than the present one. */
static mo_way cheapest(mo_way now, const run_pages *p)
{
    mo_way best = now;
    for (mo_way way = MO_WAY_SCAN; way <= MO_WAY_DISCARD; way++)
        if (cost(way, p) < cost(best, p))
            best = way;
    return cost(best, p) * 5 < cost(now, p) * 4 ? best : now;
}

/* What did this run write? */
static run_pages count_written(const mo_reset *r, const mo_tracked *t)
{
    uint64_t end = mo_memory_bytes(t->memory) / PAGE;
    run_pages found = {.first = first_pages(t)};
    for (uint32_t i = 0; i < t->open.n; i++)
        for (uint32_t page = t->open.ranges[i].from; page < t->open.ranges[i].to && page < end; page++) {
            bool same = each_part(r, t, page * PAGE, (page + 1) * PAGE, is_same);
            found.copied++;
            found.written += !same && page < found.first;
            found.grown += !same && page >= found.first;
        }
    return found;
}

/* For a memory that is copied. Two counts must say the same before it is given up. */
static mo_way after_copying(const mo_reset *r, mo_tracked *t)
{
    if (is_over_budget(r, t->open.npages))
        return MO_WAY_DISCARD;
    if (t->open.npages < WORTH_A_THOUGHT || r->runs % LOOK_EVERY != LOOK_EVERY - 1)
        return MO_WAY_COPY;
    run_pages found = count_written(r, t);
    mo_way way = cheapest(MO_WAY_COPY, &found);
    t->doubts = way == MO_WAY_COPY ? 0 : t->doubts + 1;
    return t->doubts < 2 ? MO_WAY_COPY : way;
}

static mo_way after_scanning(const mo_reset *r, mo_tracked *t)
{
    if (r->runs % LOOK_EVERY != LOOK_EVERY - 1)
        return MO_WAY_SCAN;
    run_pages found = {.first = first_pages(t), .copied = UINT32_MAX, .written = t->found / LOOK_EVERY};
    t->found = 0;
    uint64_t copies = mo_watch_copies(t->memory->desc->base, found.first * PAGE) / PAGE;
    return is_over_budget(r, copies) ? MO_WAY_DISCARD : cheapest(MO_WAY_SCAN, &found);
}

static mo_way choose_way(const mo_reset *r, mo_tracked *t)
{
    if (t->is_forced || !may_discard(r, t))
        return t->way;
    switch (t->way) {
    case MO_WAY_COPY: return t->memory->checked ? MO_WAY_COPY : after_copying(r, t);
    case MO_WAY_SCAN: return after_scanning(r, t);
    case MO_WAY_FRESH: return MO_WAY_COPY;
    default: return MO_WAY_DISCARD;
    }
}

/* Mappings that were split and written to do not merge again, so another way starts with
 * new ones. */
static bool remap(const mo_reset *r, mo_tracked *t)
{
    const mo_artifact *a = r->instance->artifact;
    uint8_t *base = t->memory->desc->base;
    bool ok = t->bytes == 0 || mmap(base, t->bytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED;
    bool mapped = mo_images_are_mapped(a);
    if (ok && !mapped)
        copy_images(r, t);
    for (uint32_t i = 0; i < a->meta->images.n && ok && mapped; i++) {
        const mo_meta_image *image = &mo_meta_images(a)[i];
        ok = r->instance->memories[image->memory] != t->memory ||
             mmap(base + image->memory_at, image->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
                  a->fd, (off_t)(a->image_at + image->at)) != MAP_FAILED;
    }
    t->splits = 0;
    return ok;
}

static bool start_discarding(const mo_reset *r, mo_tracked *t)
{
    t->way = MO_WAY_DISCARD;
    t->open = (mo_open_set){0};
    return remap(r, t);
}

static bool start_scanning(const mo_reset *r, mo_tracked *t)
{
    uint8_t *base = t->memory->desc->base;
    t->way = MO_WAY_SCAN;
    t->open = (mo_open_set){0};
    t->found = 0;
    if (!remap(r, t))
        return false;
    return (mo_watch_start(base, t->bytes) && mo_watch_forget(base, t->bytes)) || start_discarding(r, t);
}

/* Goes on copying the same pages, in as few mappings as can be. */
static bool tidy(const mo_reset *r, mo_tracked *t) { return remap(r, t) && close_pages(t, 0, first_pages(t), true); }

static bool start(const mo_reset *r, mo_tracked *t, mo_way way)
{
    switch (way) {
    case MO_WAY_SCAN: return start_scanning(r, t);
    case MO_WAY_DISCARD: return start_discarding(r, t);
    default: t->way = MO_WAY_COPY; return tidy(r, t);
    }
}

/* --- back ------------------------------------------------------------------------------- */

static void copy_pages(mo_reset *r, const mo_tracked *t, uint64_t from, uint64_t to)
{
    each_part(r, t, from * PAGE, to * PAGE, copy_part);
    r->pages_now += to - from;
}

static void copy_back(mo_reset *r, const mo_tracked *t, uint64_t bytes)
{
    for (uint32_t i = 0; i < t->open.n; i++) {
        mo_page_range pages = clip(t->open.ranges[i], 0, (uint32_t)(mo_round_up(bytes, PAGE) / PAGE));
        if (pages.from >= pages.to)
            break;
        copy_pages(r, t, pages.from, pages.to);
    }
}

typedef struct scan {
    mo_reset *reset;
    mo_tracked *tracked;
    uint8_t *first, *end;
} scan;

static void restore_written(void *to, uint8_t *at, size_t len)
{
    scan *s = to;
    uint64_t page = (uint64_t)(at - s->tracked->memory->desc->base) / PAGE;
    copy_pages(s->reset, s->tracked, page, page + len / PAGE);
    s->tracked->found += len / PAGE;
    if (!s->first)
        s->first = at;
    s->end = at + len;
}

/* Where the kernel fails, what it maps again is right all the same. */
static bool scan_back(mo_reset *r, mo_tracked *t)
{
    scan s = {.reset = r, .tracked = t};
    bool ok = mo_watch_written(t->memory->desc->base, first_pages(t) * PAGE, restore_written, &s) &&
              (!s.first || mo_watch_forget(s.first, (size_t)(s.end - s.first)));
    return ok || start_discarding(r, t);
}

/* Stays with the way that it has. */
static bool restore_in_way(mo_reset *r, mo_tracked *t, uint64_t bytes_now)
{
    bool grown = bytes_now > t->bytes, keep = t->way == MO_WAY_COPY && !t->memory->checked;
    if (grown && !keep && !drop_growth(t, bytes_now))
        return false;
    switch (t->way) {
    case MO_WAY_SCAN: return scan_back(r, t);
    case MO_WAY_DISCARD: return discard(r, t);
    default: copy_back(r, t, keep ? bytes_now : t->bytes); return !grown || !keep || hide_growth(t, bytes_now);
    }
}

static bool restore_memory(mo_reset *r, mo_tracked *t, uint64_t bytes_now)
{
    mo_way way = choose_way(r, t);
    bool untidy = t->splits > MOST_SPLITS && may_discard(r, t);
    if (mo_likely(way == t->way && !untidy))
        return restore_in_way(r, t, bytes_now);
    return (bytes_now <= t->bytes || drop_growth(t, bytes_now)) && start(r, t, way);
}

/* --- the whole ------------------------------------------------------------------------ */

const char *mo_reset_impossible(const mo_artifact *a)
{
    for (uint32_t i = 0; i < a->meta->nmemories; i++)
        if (mo_meta_memories(a)[i].flags & MO_META_SHARED)
            return "it has a shared memory, which other threads may hold";
    for (uint32_t i = a->meta->nimported_memories; i < a->meta->nmemories; i++)
        if (mo_meta_memories(a)[i].page_shift < 12)
            return "it has a memory of pages smaller than the processor's";
    return NULL;
}

static __thread mo_way forced_way __attribute__((tls_model("initial-exec"))) = MO_WAY_MEASURED;

void mo_reset_force(mo_way way) { forced_way = way; }

static bool track_memory(const mo_reset *r, mo_tracked *t)
{
    t->is_forced = forced_way != MO_WAY_MEASURED;
    if (forced_way == MO_WAY_SCAN && may_discard(r, t))
        return start_scanning(r, t);
    if (forced_way == MO_WAY_DISCARD && may_discard(r, t))
        return start_discarding(r, t);
    if (!t->is_forced && t->open.npages == 0 && !t->memory->checked && may_discard(r, t)) {
        t->way = MO_WAY_FRESH;
        return true;
    }
    return close_pages(t, 0, last_page(t), true);
}

static bool track(mo_reset *r, const mo_open_set *known, mote_error *err)
{
    for (uint32_t i = 0; i < r->ntracked; i++) {
        mote_memory *memory = &r->instance->own_memories[i];
        mo_tracked *t = &r->tracked[i];
        *t = (mo_tracked){.memory = memory, .bytes = mo_memory_bytes(memory), .index = i};
        if (known)
            t->open = known[i];
        if (!track_memory(r, t))
            return mo_fail_nomem(err);
        memory->reset = r;
        memory->tracked = t;
    }
    const mo_meta *meta = mo_instance_meta(r->instance);
    for (uint32_t i = 0; i < meta->ntables - meta->nimported_tables; i++)
        r->instance->own_tables[i].is_tracked = true;
    return true;
}

bool mo_reset_new(mote_instance *in, mo_pristine *pristine, const mo_open_set *known, uint64_t resident,
                  mo_reset **ret, mote_error *err)
{
    uint32_t n = own_memories(mo_instance_meta(in));
    size_t head_len = move_head(in, NULL, false);
    mo_reset *r = mo_calloc(1, sizeof *r + n * sizeof r->tracked[0] + head_len);
    if (!r)
        return mo_fail_nomem(err);
    *r = (mo_reset){.instance = in, .pristine = pristine, .head_len = head_len, .ntracked = n,
                    .resident_pages = resident / PAGE, .head = (uint8_t *)&r->tracked[n]};
    move_head(in, r->head, false);
    r->next = resets_here;
    if (r->next)
        r->next->prev = r;
    resets_here = r;
    if (!track(r, known, err)) {
        mo_reset_free(r);
        return false;
    }
    *ret = r;
    return true;
}

void mo_reset_free(mo_reset *r)
{
    if (!r)
        return;
    if (r->prev)
        r->prev->next = r->next;
    else if (resets_here == r)
        resets_here = r->next;
    if (r->next)
        r->next->prev = r->prev;
    for (uint32_t i = 0; i < r->ntracked; i++)
        if (r->tracked[i].memory)
            r->tracked[i].memory->reset = NULL;
    if (r->owns_pristine)
        mo_pristine_free(r->pristine);
    mo_free(r);
}

/* Was a table written while there was no memory to keep what it held? */
static bool is_lost(const mote_instance *in)
{
    const mo_meta *meta = mo_instance_meta(in);
    for (uint32_t i = 0; i < meta->ntables - meta->nimported_tables; i++)
        if (in->own_tables[i].lost)
            return true;
    return false;
}

/* What waits keeps its pages. */
#define WAITING_BYTES (UINT64_C(2) << 20)

bool mo_reset_may_wait(const mo_reset *r)
{
    for (uint32_t i = 0; i < r->ntracked; i++)
        if (r->tracked[i].way != MO_WAY_FRESH || mo_memory_bytes(r->tracked[i].memory) > WAITING_BYTES)
            return false;
    return r->ntracked > 0 && !r->broken;
}

bool mo_reset_run(mo_reset *r)
{
    mote_instance *in = r->instance;
    mote_store *store = in->store;
    r->pages_now = 0;
    if (r->broken || is_lost(in))
        return false;
    for (uint32_t i = 0; i < r->ntracked; i++)
        if (!restore_memory(r, &r->tracked[i], mo_memory_bytes(r->tracked[i].memory)))
            return false;
    for (uint32_t i = 0; i < r->ntracked; i++)
        store->used.memory_bytes -= mo_memory_bytes(r->tracked[i].memory) - r->tracked[i].bytes;
    const mo_meta *meta = mo_instance_meta(in);
    for (uint32_t i = 0; i < meta->ntables - meta->nimported_tables; i++)
        store->used.table_elements -= in->own_tables[i].desc->n;
    move_head(in, r->head, true);
    for (uint32_t i = 0; i < meta->ntables - meta->nimported_tables; i++)
        store->used.table_elements += in->own_tables[i].desc->n;
    restore_tables(in);
    r->runs++;
    r->copied_pages += r->pages_now;
    return true;
}
