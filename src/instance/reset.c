/* reset.c - open sets, copies back from the image, and the context's changing parts. */
#include "instance/reset.h"

#include <sys/mman.h>

#define PAGE ((uint64_t)MO_FILE_PAGE)
/* A page more is copied in the time of a twentieth of a fault that DONTNEED costs, so
 * copying is given up only where hardly any of what is copied was written. */
#define USELESS 32        /* pages copied for each one written */
#define LOOK_EVERY 64     /* runs between two counts of pages written */

/* --- open sets -------------------------------------------------------------- */

/* Where a range that starts at page would stand. */
static uint32_t find_place(const mo_open_set *set, uint32_t page)
{
    uint32_t low = 0, high = set->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (set->ranges[middle].from <= page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_open(const mo_open_set *set, uint32_t page)
{
    uint32_t i = find_place(set, page);
    return i > 0 && page < set->ranges[i - 1].to;
}

static void remove_range(mo_open_set *set, uint32_t i)
{
    memmove(&set->ranges[i], &set->ranges[i + 1], (set->n - i - 1) * sizeof *set->ranges);
    set->n--;
}

/* Joins range i with the next one, gap included. */
static void join_next(mo_open_set *set, uint32_t i)
{
    mo_page_range *a = &set->ranges[i], *b = &set->ranges[i + 1];
    set->npages += b->from > a->to ? b->from - a->to : 0;
    set->npages -= b->from < a->to ? (a->to < b->to ? a->to : b->to) - b->from : 0;
    if (b->to > a->to)
        a->to = b->to;
    remove_range(set, i + 1);
}

static uint32_t smallest_gap(const mo_open_set *set)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i + 1 < set->n; i++)
        if (set->ranges[i + 1].from - set->ranges[i].to < set->ranges[best + 1].from - set->ranges[best].to)
            best = i;
    return best;
}

/* Adds pages. A full set first closes its smallest gap: *retgap, pages that are open from
 * now on too, or none. */
static void add_pages(mo_open_set *set, mo_page_range add, mo_page_range *retgap)
{
    *retgap = (mo_page_range){0, 0};
    if (set->n == MO_OPEN_RANGES) {
        uint32_t i = smallest_gap(set);
        *retgap = (mo_page_range){set->ranges[i].to, set->ranges[i + 1].from};
        join_next(set, i);
    }
    uint32_t i = find_place(set, add.from);
    memmove(&set->ranges[i + 1], &set->ranges[i], (set->n - i) * sizeof *set->ranges);
    set->ranges[i] = add;
    set->n++;
    set->npages += add.to - add.from;
    if (i > 0 && set->ranges[i - 1].to >= set->ranges[i].from)
        join_next(set, --i);
    while (i + 1 < set->n && set->ranges[i + 1].from <= set->ranges[i].to)
        join_next(set, i);
}

void mo_reset_teach(mo_reset *r, mo_open_set *known)
{
    mo_page_range unused;
    for (uint32_t t = 0; t < r->ntracked; t++)
        for (uint32_t i = 0; i < r->tracked[t].open.n && r->tracked[t].way == MO_WAY_COPY; i++)
            add_pages(&known[t], r->tracked[t].open.ranges[i], &unused);
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

/* Calls back for the parts of [from, to) of a memory, in order: from is NULL for zeros. */
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

static uint64_t count_differing(uint8_t *to, const uint8_t *from, uint64_t len)
{
    static const uint8_t zeros[MO_FILE_PAGE];
    uint64_t n = 0;
    for (uint64_t at = 0; at < len; at += PAGE) {
        uint64_t some = len - at < PAGE ? len - at : PAGE;
        n += memcmp(to + at, from ? from + at : zeros, some) != 0;
    }
    return n;
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
    t->open = (mo_open_set){.n = 1, .npages = all.to, .ranges = {all}};
    return protect(t, all, PROT_READ | PROT_WRITE);
}

static bool open_pages(mo_tracked *t, mo_page_range want)
{
    mo_page_range gap;
    add_pages(&t->open, want, &gap);
    return (protect(t, want, PROT_READ | PROT_WRITE) && protect(t, gap, PROT_READ | PROT_WRITE)) || open_all(t);
}

bool mo_reset_open(mote_memory *memory, const uint8_t *at, size_t len)
{
    mo_tracked *t = memory->tracked;
    const uint8_t *base = memory->desc->base;
    if (!memory->reset || t->way != MO_WAY_COPY || len == 0 || at < base || at >= base + watched_bytes(t))
        return false;
    uint64_t from = (uint64_t)(at - base), end = watched_bytes(t), to = len < end - from ? from + len : end;
    mo_page_range want = {(uint32_t)(from / PAGE), (uint32_t)((to + PAGE - 1) / PAGE)};
    while (want.from < want.to && is_open(&t->open, want.from))
        want.from++;
    while (want.from < want.to && is_open(&t->open, want.to - 1))
        want.to--;
    if (want.from == want.to)
        return true;
    memory->reset->learned = true;
    return open_pages(t, want);
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
    return t->way == MO_WAY_COPY ? close_pages(t, pages.from, pages.to, false)
                                 : protect(t, pages, PROT_READ | PROT_WRITE);
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

static bool discard(const mo_tracked *t)
{
    return t->bytes == 0 || madvise(t->memory->desc->base, mo_round_up(t->bytes, PAGE), MADV_DONTNEED) == 0;
}

/* Contents that were computed are not what the kernel maps again. */
static bool may_discard(const mo_reset *r, const mo_tracked *t)
{
    return r->pristine->memories[t->index].copy == NULL && r->instance->artifact->fd >= 0;
}

static bool start_discarding(mo_tracked *t)
{
    mo_page_range all = {0, (uint32_t)(t->bytes / PAGE)};
    t->way = MO_WAY_DISCARD;
    t->open = (mo_open_set){0};
    return discard(t) && protect(t, all, PROT_READ | PROT_WRITE);
}

static bool is_copying_useless(const mo_reset *r, const mo_tracked *t)
{
    if (t->open.npages < USELESS || r->runs % LOOK_EVERY != LOOK_EVERY - 1)
        return false;
    uint64_t written = 0, end = mo_memory_bytes(t->memory);
    for (uint32_t i = 0; i < t->open.n && t->open.ranges[i].from * PAGE < end; i++) {
        uint64_t to = t->open.ranges[i].to * PAGE;
        written += each_part(r, t, t->open.ranges[i].from * PAGE, to < end ? to : end, count_differing);
    }
    return (written + 1) * USELESS < t->open.npages;
}

static void copy_back(mo_reset *r, const mo_tracked *t, uint64_t bytes)
{
    for (uint32_t i = 0; i < t->open.n; i++) {
        mo_page_range pages = clip(t->open.ranges[i], 0, (uint32_t)(mo_round_up(bytes, PAGE) / PAGE));
        if (pages.from >= pages.to)
            break;
        each_part(r, t, pages.from * PAGE, pages.to * PAGE, copy_part);
        r->pages_now += pages.to - pages.from;
    }
}

static bool restore_memory(mo_reset *r, mo_tracked *t, uint64_t bytes_now)
{
    bool grown = bytes_now > t->bytes, keep = t->way == MO_WAY_COPY && !t->memory->checked;
    if (keep && may_discard(r, t) && (t->open.npages > r->resident_pages || is_copying_useless(r, t)))
        return (!grown || drop_growth(t, bytes_now)) && start_discarding(t);
    if (t->way == MO_WAY_COPY)
        copy_back(r, t, keep ? bytes_now : t->bytes);
    else if (!discard(t))
        return false;
    return !grown || (keep ? hide_growth : drop_growth)(t, bytes_now);
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

static bool track(mo_reset *r, const mo_open_set *known, mote_error *err)
{
    for (uint32_t i = 0; i < r->ntracked; i++) {
        mote_memory *memory = &r->instance->own_memories[i];
        mo_tracked *t = &r->tracked[i];
        *t = (mo_tracked){.memory = memory, .bytes = mo_memory_bytes(memory), .index = i};
        if (known)
            t->open = known[i];
        if (!close_pages(t, 0, last_page(t), true))
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
    for (mo_reset **link = &resets_here; *link; link = &(*link)->next)
        if (*link == r) {
            *link = r->next;
            break;
        }
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

bool mo_reset_run(mo_reset *r)
{
    mote_instance *in = r->instance;
    mote_store *store = in->store;
    r->pages_now = 0;
    if (is_lost(in))
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
