/* scan.c - the first pass: every byte of every function is part of an instruction of
 * the list, what lies between functions traps, and every direct call or jump goes to
 * an instruction of its own function or to the start of another. */
#include "check/inside.h"

#include <stdlib.h>

#define PADDING 0xcc /* int3 */

mo_checked *mo_check_function_at(mo_checker *c, uint64_t at)
{
    uint32_t low = 0, high = c->nfunctions;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (c->functions[mid].at <= at)
            low = mid + 1;
        else
            high = mid;
    }
    mo_checked *f = low ? &c->functions[low - 1] : NULL;
    return f && at - f->at < f->len ? f : NULL;
}

static bool add_label(mo_checker *c, uint32_t at)
{
    if (!mo_grow(&c->labels, &c->labels_cap, c->nlabels + 1, sizeof *c->labels))
        return mo_fail_nomem(c->err);
    c->labels[c->nlabels++] = at;
    return true;
}

static bool add_edge(mo_checker *c, const mo_checked *from, const mo_checked *to, bool tail)
{
    if (!mo_grow(&c->edges, &c->edges_cap, c->nedges + 1, sizeof *c->edges))
        return mo_fail_nomem(c->err);
    c->edges[c->nedges++] = (mo_edge){(uint32_t)(from - c->functions), (uint32_t)(to - c->functions), tail};
    return true;
}

/* A function whose address is taken is called by others than those seen here. */
static bool note_name(mo_checker *c, const mo_checked *f, uint32_t at, uint64_t target)
{
    if (target >= c->const_at && target < c->const_at + c->const_len)
        return add_label(c, (uint32_t)target);
    mo_checked *to = mo_check_function_at(c, target);
    if (!to || to->at != target || to->func == MO_NO_FUNC)
        return mo_check_refuse(c, f, at, "want an address in the constants, or a function's");
    to->outside = true;
    return true;
}

/* --- one function -------------------------------------------------------- */

typedef struct jumps { /* inside one function, checked when all of it is decoded */
    mo_edge *list;     /* from, to: addresses */
    size_t n, cap;
} jumps;

static bool note_direct(mo_checker *c, const mo_checked *f, uint32_t at, const mo_step_brief *b, jumps *inside)
{
    const mo_checked *to = mo_check_function_at(c, b->target);
    if (to && to->at == b->target)
        return add_edge(c, f, to, !b->call);
    if (to != f || b->call)
        return mo_check_refuse(c, f, at, "want an instruction of this function, or a function's start");
    if (!mo_grow(&inside->list, &inside->cap, inside->n + 1, sizeof *inside->list))
        return mo_fail_nomem(c->err);
    inside->list[inside->n++] = (mo_edge){at, b->target, false};
    return true;
}

static bool scan_function(mo_checker *c, mo_checked *f, jumps *inside)
{
    uint32_t end = f->at + f->len;
    bool added = false;
    inside->n = 0;
    for (uint32_t at = f->at; at < end;) {
        mo_step_brief b;
        const char *wrong = mo_step_brief_decode(c->text, at, end, &b);
        if (wrong)
            return mo_check_refuse(c, f, at, "want %s", wrong);
        c->starts[at / 8] |= (uint8_t)(1u << at % 8);
        if (b.direct && !note_direct(c, f, at, &b, inside))
            return false;
        if (b.names && !note_name(c, f, at, b.target))
            return false;
        f->returns |= b.returns || (b.jumps_through && !added);
        added = b.adds;
        at += b.len;
    }
    for (size_t i = 0; i < inside->n; i++)
        if (!mo_check_starts(c, inside->list[i].to))
            return mo_check_refuse(c, f, inside->list[i].from, "want the start of an instruction as target");
    return true;
}

/* --- between functions --------------------------------------------------- */

static bool check_padding(mo_checker *c, uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at++)
        if (c->text[at] != PADDING)
            return mo_fail(c->err, MOTE_REFUSED, MOTE_NOWHERE, "machine code 0x%" PRIx64 ", between functions: want int3, have byte %02x",
                           at, c->text[at]);
    return true;
}

static bool check_ranges(mo_checker *c)
{
    uint64_t done = 0;
    for (uint32_t i = 0; i < c->nfunctions; i++) {
        const mo_checked *f = &c->functions[i];
        if (f->at < done || f->len == 0 || f->len > c->text_len || f->at > c->text_len - f->len)
            return mo_fail(c->err, MOTE_REFUSED, MOTE_NOWHERE, "machine code: functions overlap or lie outside at 0x%" PRIx32, f->at);
        if (!check_padding(c, done, f->at))
            return false;
        done = (uint64_t)f->at + f->len;
    }
    return check_padding(c, done, c->text_len);
}

/* --- all ----------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void sort_labels(mo_checker *c)
{
    size_t kept = 0;
    if (c->nlabels)
        qsort(c->labels, c->nlabels, sizeof *c->labels, by_number);
    for (size_t i = 0; i < c->nlabels; i++)
        if (kept == 0 || c->labels[kept - 1] != c->labels[i])
            c->labels[kept++] = c->labels[i];
    c->nlabels = kept;
}

/* A function whose last act is a jump to one that returns, returns. */
static void spread_returns(mo_checker *c)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < c->nedges; i++) {
            mo_checked *from = &c->functions[c->edges[i].from];
            if (c->edges[i].tail && !from->returns && c->functions[c->edges[i].to].returns)
                again = from->returns = true;
        }
    }
}

bool mo_check_scan(mo_checker *c)
{
    if (!check_ranges(c))
        return false;
    c->starts = mo_calloc(c->text_len / 8 + 1, 1);
    if (!c->starts)
        return mo_fail_nomem(c->err);
    jumps inside = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < c->nfunctions; i++)
        ok = scan_function(c, &c->functions[i], &inside);
    mo_free(inside.list);
    sort_labels(c);
    spread_returns(c);
    return ok;
}
