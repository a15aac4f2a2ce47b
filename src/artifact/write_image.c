/* write_image.c - active data segments -> the memory contents that instances start with.
 * A segment goes into the image if its effect can be told now: a constant offset, in
 * range of the memory's initial size, of an own memory without bounds checks, and no
 * segment before it that may trap (instantiation stops there). Later segments win
 * over earlier ones. Pages of zeros are stored only where that saves a run. */
#include "artifact/write.h"
#include "module/ops.h"

#include <stdlib.h>

#define JOIN_PAGES 16 /* zeros up to here are cheaper stored than mapped around */
#define SPARE (UINT64_C(1) << 20)

typedef struct area { uint64_t first, end; uint8_t *bytes; } area; /* pages that segments touch */

typedef struct image_maker {
    const mo_module *m;
    mo_image_plan *plan;
    uint32_t memory;
    area *areas;
    size_t nareas, areas_cap;
    uint64_t data_bytes, pages;
    mote_error *err;
} image_maker;

static uint64_t memory_bytes(const mo_memory *memory)
{
    uint64_t most = UINT64_MAX >> memory->page_shift;
    return memory->bounds.min > most ? UINT64_MAX : memory->bounds.min << memory->page_shift;
}

static bool constant_offset(const mo_data *data, bool is64, uint64_t *ret)
{
    if (data->offset.n != 1) return false;
    const mo_const_insn *insn = &data->offset.insns[0];
    if (insn->op != (is64 ? MO_OP_i64_const : MO_OP_i32_const)) return false;
    *ret = is64 ? mo_get64(insn->bits) : mo_get32(insn->bits);
    return true;
}

/* Does this segment surely fit, and where? */
static bool surely_fits(const mo_module *m, const mo_data *data, uint64_t *retat)
{
    const mo_memory *memory = &m->memories[data->memory];
    uint64_t bytes = memory_bytes(memory);
    return constant_offset(data, memory->bounds.is64, retat) && *retat <= bytes && data->bytes.len <= bytes - *retat;
}

static bool may_have_image(const mo_module *m, uint32_t memory)
{
    return memory >= m->nimported_memories && mo_memory_unchecked(&m->memories[memory]);
}

static void choose_segments(const mo_module *m, bool *in_image)
{
    for (uint32_t i = 0; i < m->ndatas; i++) {
        uint64_t at;
        if (m->datas[i].mode != MO_ACTIVE) continue;
        if (!surely_fits(m, &m->datas[i], &at)) return;
        in_image[i] = may_have_image(m, m->datas[i].memory);
    }
}

static bool is_mine(const image_maker *k, uint32_t data)
{
    return k->plan->in_image[data] && k->m->datas[data].memory == k->memory;
}

static int by_first(const void *a, const void *b)
{
    const area *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* The pages that segments touch, in order, none twice. */
static bool find_areas(image_maker *k)
{
    k->nareas = 0;
    k->data_bytes = 0;
    for (uint32_t i = 0; i < k->m->ndatas; i++) {
        const mo_data *data = &k->m->datas[i];
        uint64_t at;
        if (!is_mine(k, i) || data->bytes.len == 0 || !surely_fits(k->m, data, &at)) continue;
        if (!mo_grow(&k->areas, &k->areas_cap, k->nareas + 1, sizeof(area))) return mo_fail_nomem(k->err);
        k->areas[k->nareas++] = (area){at / MO_FILE_PAGE, (at + data->bytes.len - 1) / MO_FILE_PAGE + 1, NULL};
        k->data_bytes += data->bytes.len;
    }
    if (k->nareas) qsort(k->areas, k->nareas, sizeof(area), by_first);
    size_t kept = 0;
    for (size_t i = 0; i < k->nareas; i++) {
        area *last = kept ? &k->areas[kept - 1] : NULL;
        if (!last || k->areas[i].first > last->end)
            k->areas[kept++] = k->areas[i];
        else if (k->areas[i].end > last->end)
            last->end = k->areas[i].end;
    }
    k->nareas = kept;
    k->pages = 0;
    for (size_t i = 0; i < kept; i++)
        k->pages += k->areas[i].end - k->areas[i].first;
    return true;
}

static area *area_of(image_maker *k, uint64_t page)
{
    size_t low = 0, high = k->nareas;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (k->areas[middle].first <= page) low = middle;
        else high = middle;
    }
    return &k->areas[low];
}

static void copy_segments(image_maker *k, uint8_t *bytes)
{
    for (size_t i = 0; i < k->nareas; i++) {
        k->areas[i].bytes = bytes;
        bytes += (k->areas[i].end - k->areas[i].first) * MO_FILE_PAGE;
    }
    for (uint32_t i = 0; i < k->m->ndatas; i++) {
        const mo_data *data = &k->m->datas[i];
        uint64_t at;
        if (!is_mine(k, i) || data->bytes.len == 0 || !surely_fits(k->m, data, &at)) continue;
        const area *a = area_of(k, at / MO_FILE_PAGE);
        memcpy(a->bytes + (at - a->first * MO_FILE_PAGE), data->bytes.at, data->bytes.len);
    }
}

static bool is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, MO_FILE_PAGE - 1) == 0;
}

static bool start_run(image_maker *k, uint64_t page)
{
    mo_image_plan *p = k->plan;
    if (!mo_grow(&p->images, &p->images_cap, p->nimages + 1, sizeof *p->images)) return mo_fail_nomem(k->err);
    p->images[p->nimages++] = (mo_meta_image){.memory_at = page * MO_FILE_PAGE, .at = p->bytes.len, .memory = k->memory};
    return true;
}

/* Appends a page to the last run, or begins another one. */
static bool put_page(image_maker *k, uint64_t page, const uint8_t *bytes, uint64_t join)
{
    mo_image_plan *p = k->plan;
    mo_meta_image *run = p->nimages ? &p->images[p->nimages - 1] : NULL;
    uint64_t end = run && run->memory == k->memory ? (run->memory_at + run->len) / MO_FILE_PAGE : UINT64_MAX;
    if (end > page || page - end >= join) {
        if (!start_run(k, page)) return false;
        run = &p->images[p->nimages - 1];
        end = page;
    }
    mo_buffer_zeros(&p->bytes, (page - end) * MO_FILE_PAGE);
    mo_buffer_put(&p->bytes, bytes, MO_FILE_PAGE);
    run->len = (page + 1) * MO_FILE_PAGE - run->memory_at;
    return !p->bytes.failed || mo_fail_nomem(k->err);
}

static bool put_runs(image_maker *k, uint64_t join)
{
    for (size_t i = 0; i < k->nareas; i++)
        for (uint64_t page = k->areas[i].first; page < k->areas[i].end; page++) {
            const uint8_t *bytes = k->areas[i].bytes + (page - k->areas[i].first) * MO_FILE_PAGE;
            if (!is_zero(bytes) && !put_page(k, page, bytes, join)) return false;
        }
    return true;
}

static bool put_image(image_maker *k)
{
    mo_image_plan *p = k->plan;
    size_t nimages = p->nimages, len = p->bytes.len;
    if (!put_runs(k, JOIN_PAGES)) return false;
    if (p->bytes.len - len <= 4 * k->data_bytes + SPARE) return true;
    p->nimages = nimages;
    p->bytes.len = len;
    return put_runs(k, 1);
}

static void give_up(image_maker *k)
{
    for (uint32_t i = 0; i < k->m->ndatas; i++)
        if (is_mine(k, i)) k->plan->in_image[i] = false;
}

static bool make_one(image_maker *k)
{
    if (!find_areas(k)) return false;
    if (k->nareas == 0) return true;
    if (k->pages * MO_FILE_PAGE > 64 * k->data_bytes + 4 * SPARE) { /* a few bytes here and there: copied when instantiated */
        give_up(k);
        return true;
    }
    uint8_t *bytes = mo_calloc(k->pages, MO_FILE_PAGE);
    if (!bytes) return mo_fail_nomem(k->err);
    copy_segments(k, bytes);
    bool ok = put_image(k);
    mo_free(bytes);
    return ok;
}

bool mo_image_make(const mo_module *m, mo_image_plan *ret, mote_error *err)
{
    *ret = (mo_image_plan){.in_image = mo_calloc(m->ndatas, sizeof(bool))};
    if (!ret->in_image) return mo_fail_nomem(err);
    choose_segments(m, ret->in_image);
    image_maker k = {.m = m, .plan = ret, .err = err};
    bool ok = true;
    for (k.memory = m->nimported_memories; ok && k.memory < m->nmemories; k.memory++)
        ok = make_one(&k);
    mo_free(k.areas);
    if (!ok) mo_image_free(ret);
    return ok;
}

void mo_image_free(mo_image_plan *plan)
{
    mo_buffer_free(&plan->bytes);
    mo_free(plan->images);
    mo_free(plan->in_image);
    *plan = (mo_image_plan){0};
}
