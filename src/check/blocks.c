/* blocks.c - one function: steps, blocks, and the walk over them until no block's
 * start learns anything new. Blocks are taken in the order of their addresses, which
 * is nearly the order of control. */
#include "check/inside.h"

#include <stdlib.h>

#define WALKS_EXACT 2         /* walks of a block after which numbers are widened */
#define VISITS_PER_BLOCK 1000 /* the lattice is a few steps high: never reached */

/* --- steps ---------------------------------------------------------------- */

static bool decode_steps(mo_flow *f)
{
    uint32_t end = f->function->at + f->function->len;
    f->nsteps = 0;
    for (uint32_t at = f->function->at; at < end;) {
        if (!mo_grow(&f->steps, &f->steps_cap, f->nsteps + 1, sizeof *f->steps))
            return mo_fail_nomem(f->checker->err);
        mo_step *s = &f->steps[f->nsteps];
        const char *wrong = mo_step_decode(f->checker->text, at, end, s);
        if (wrong)
            return mo_check_refuse(f->checker, f->function, at, "want %s", wrong);
        f->nsteps++;
        at += s->len;
    }
    return true;
}

/* A block starts at an address; ways: how control comes there, 2 for more than one. */
static bool add_target(mo_flow *f, uint32_t at, unsigned ways)
{
    if (!mo_grow(&f->targets, &f->targets_cap, f->ntargets + 1, sizeof *f->targets))
        return mo_fail_nomem(f->checker->err);
    f->targets[f->ntargets++] = (mo_target){at, ways};
    return true;
}

/* --- jump tables ----------------------------------------------------------- */

uint64_t mo_check_jump_run(const mo_checker *c, uint32_t label)
{
    size_t low = 0, high = c->njumps;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->jumps[mid].at <= label)
            low = mid + 1;
        else
            high = mid;
    }
    const mo_meta_jumps *run = low ? &c->jumps[low - 1] : NULL;
    bool inside = run && (label - run->at) % 4 == 0 && label - run->at < 4 * (uint64_t)run->n;
    return inside ? run->at + 4 * (uint64_t)run->n : label;
}

/* A table at label ends with its run, or where another label is. */
static uint64_t table_end(const mo_checker *c, uint32_t label)
{
    size_t low = 0, high = c->nlabels;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->labels[mid] <= label)
            low = mid + 1;
        else
            high = mid;
    }
    uint64_t end = mo_check_jump_run(c, label), limit = c->const_at + c->const_len;
    if (end > limit)
        end = limit;
    return low < c->nlabels && c->labels[low] < end ? c->labels[low] : end;
}

static int64_t table_entry(const mo_checker *c, uint32_t label, uint64_t at)
{
    int32_t distance;
    memcpy(&distance, c->constants + (at - c->const_at), sizeof distance);
    return (int64_t)label + distance;
}

static bool is_inside(const mo_flow *f, int64_t at)
{
    return at >= f->function->at && at - f->function->at < f->function->len && mo_check_starts(f->checker, (uint64_t)at);
}

bool mo_flow_reach_table(mo_flow *f, uint32_t label)
{
    uint64_t end = table_end(f->checker, label);
    if (label < f->checker->const_at || end == label)
        return mo_refuse(f, "want a jump table at 0x%" PRIx32, label);
    for (uint64_t at = label; at + 4 <= end; at += 4) {
        int64_t to = table_entry(f->checker, label, at);
        if (!is_inside(f, to))
            return mo_refuse(f, "entry %" PRIu64 " of its jump table: want an instruction of this function", (at - label) / 4);
        if (!mo_flow_reach(f, (uint64_t)to))
            return false;
    }
    return true;
}

/* What might be a jump table of this function, so that blocks begin where it points. */
static bool note_table(mo_flow *f, uint32_t label)
{
    if (label < f->checker->const_at)
        return true;
    uint64_t end = table_end(f->checker, label);
    for (uint64_t at = label; at + 4 <= end; at += 4) {
        int64_t to = table_entry(f->checker, label, at);
        if (is_inside(f, to) && !add_target(f, (uint32_t)to, 2)) /* several entries or jumps */
            return false;
    }
    return true;
}

/* --- blocks ---------------------------------------------------------------- */

static bool ends_block(const mo_step *s)
{
    return s->op == MO_STEP_JUMP || s->op == MO_STEP_BRANCH || s->op == MO_STEP_JUMP_THROUGH || s->op == MO_STEP_RET || s->op == MO_STEP_TRAP;
}

static int by_place(const void *a, const void *b)
{
    const mo_target *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static bool find_targets(mo_flow *f)
{
    f->ntargets = 0;
    bool ok = add_target(f, f->function->at, 1);
    for (size_t i = 0; ok && i < f->nsteps; i++) {
        const mo_step *s = &f->steps[i];
        if (s->op == MO_STEP_JUMP || s->op == MO_STEP_BRANCH)
            ok = add_target(f, s->target, 1);
        if (ok && ends_block(s))
            ok = add_target(f, s->at + s->len, s->op == MO_STEP_BRANCH);
        if (ok && s->op == MO_STEP_LEA && s->base == MO_RIP)
            ok = note_table(f, (uint32_t)(s->at + s->len + s->displacement));
    }
    if (ok)
        qsort(f->targets, f->ntargets, sizeof *f->targets, by_place);
    return ok;
}

static bool add_block(mo_flow *f, size_t first, size_t ways)
{
    size_t cap = f->blocks_cap;
    if (!mo_grow(&f->blocks, &f->blocks_cap, f->nblocks + 1, sizeof *f->blocks))
        return mo_fail_nomem(f->checker->err);
    if (f->blocks_cap > cap)
        memset(&f->blocks[cap], 0, (f->blocks_cap - cap) * sizeof *f->blocks);
    mo_check_block *b = &f->blocks[f->nblocks++];
    b->first = (uint32_t)first;
    b->pending = b->in.reached = false;
    b->joins = ways > 1;
    b->walks = 0;
    return true;
}

static bool make_blocks(mo_flow *f)
{
    size_t t = 0;
    f->nblocks = 0;
    for (size_t i = 0; i < f->nsteps; i++) {
        bool starts = false;
        size_t ways = i > 0 && !ends_block(&f->steps[i - 1]);
        for (; t < f->ntargets && f->targets[t].at <= f->steps[i].at; t++) {
            starts |= f->targets[t].at == f->steps[i].at;
            ways += f->targets[t].ways;
        }
        if (starts && !add_block(f, i, ways))
            return false;
        f->blocks[f->nblocks - 1].end = (uint32_t)i + 1;
    }
    return true;
}

static mo_check_block *block_at(mo_flow *f, uint64_t at)
{
    size_t low = 0, high = f->nblocks;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        uint32_t start = f->steps[f->blocks[mid].first].at;
        if (start == at)
            return &f->blocks[mid];
        if (start < at)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

bool mo_flow_reach(mo_flow *f, uint64_t at)
{
    mo_check_block *to = block_at(f, at);
    bool changed;
    if (!to)
        return mo_refuse(f, "want control to go to an instruction of this function, not to 0x%" PRIx64, at);
    if (!to->joins) {
        to->pending = true;
        return mo_state_copy(&to->in, &f->now) || mo_fail_nomem(f->checker->err);
    }
    if (!mo_state_join(&f->checker->values, &to->in, &f->now, to->walks > WALKS_EXACT, &changed))
        return mo_fail_nomem(f->checker->err);
    to->pending |= changed;
    return true;
}

/* --- the walk -------------------------------------------------------------- */

static bool walk_block(mo_flow *f, mo_check_block *b)
{
    uint32_t end = b->end;
    bool goes_on = true;
    b->walks++;
    f->compared = MO_NO_REGISTER;
    if (b->joins ? !mo_state_copy(&f->now, &b->in) : (mo_state_move(&f->now, &b->in), false))
        return mo_fail_nomem(f->checker->err);
    for (uint32_t i = b->first; goes_on && i < end; i++) {
        f->step = &f->steps[i];
        f->faults = false;
        if (!mo_flow_step(f, &goes_on))
            return false;
        goes_on &= !f->faults;
    }
    if (!goes_on)
        return true;
    if (end == f->nsteps)
        return mo_refuse(f, "want control not to run past the function's end");
    return mo_flow_reach(f, f->steps[end].at);
}

static bool walk_blocks(mo_flow *f)
{
    uint64_t visits = 0;
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < f->nblocks; i++) {
            if (!f->blocks[i].pending)
                continue;
            if (visits++ > VISITS_PER_BLOCK * (uint64_t)f->nblocks)
                return mo_check_refuse(f->checker, f->function, f->function->at, "the walk does not end");
            f->blocks[i].pending = false;
            again = true;
            if (!walk_block(f, &f->blocks[i]))
                return false;
        }
    }
    return true;
}

bool mo_check_walk(mo_flow *f, mo_checked *function)
{
    f->function = function;
    f->number = (uint32_t)(function - f->checker->functions);
    if (!decode_steps(f))
        return false;
    mo_flow_combine(f);
    if (!find_targets(f) || !make_blocks(f))
        return false;
    f->step = &f->steps[0];
    return mo_state_copy(&f->blocks[0].in, &function->entry) ? (f->blocks[0].pending = true, walk_blocks(f)) : mo_fail_nomem(f->checker->err);
}

void mo_flow_free(mo_flow *f)
{
    for (size_t i = 0; i < f->blocks_cap; i++)
        mo_state_free(&f->blocks[i].in);
    mo_state_free(&f->now);
    mo_free(f->steps);
    mo_free(f->blocks);
    mo_free(f->targets);
}
