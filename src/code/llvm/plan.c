/* plan.c - before anything is emitted: which shard each function goes to, who calls
 * it from where, under which convention, and whether it is a known library function. Pulls every body once. The division
 * depends on the module alone, never on the machine, so output is reproducible. */
#include "code/llvm/plan.h"

#define SHARD_BYTES 160000 /* of bodies; functions that lie together stay together */
#define NOBODY UINT32_MAX

static bool is_giant(const mo_module *m, uint32_t func) { return m->funcs[func].body_len > MO_GIANT_BYTES; }

/* Returns how many shards there are for functions that are not giant. */
static uint32_t assign_shards(const mo_module *m, mo_plan *plans)
{
    uint64_t total = 0, done = 0;
    for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++)
        total += is_giant(m, i) ? 0 : m->funcs[i].body_len;
    uint64_t n = (total + SHARD_BYTES - 1) / SHARD_BYTES;
    uint32_t used = 0;
    for (uint32_t i = 0; i < m->nfuncs; i++) {
        plans[i].shard = NOBODY;
        if (i < m->nimported_funcs || is_giant(m, i))
            continue;
        plans[i].shard = (uint32_t)(done * n / total);
        used = plans[i].shard + 1;
        done += m->funcs[i].body_len;
    }
    return used;
}

static uint32_t assign_giants(const mo_module *m, mo_plan *plans, uint32_t nshards)
{
    for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++)
        if (is_giant(m, i))
            plans[i].shard = nshards++;
    return nshards;
}

/* Is this call inside a try_table of its function that can catch? mo_try_call
 * speaks the outside convention only. */
static bool is_tried(const mo_body *b)
{
    for (uint32_t i = 0; i < b->depth; i++)
        if (b->controls[i].op == MO_OP_try_table)
            return true;
    return false;
}

static bool look_at_calls(const mo_module *m, mo_body *b, uint32_t func, mo_plan *plans, mote_error *err)
{
    if (!mo_body_open(b, m, func, NULL, err))
        return false;
    mo_insn in;
    mo_known_scan scan;
    mo_known_begin(&scan, b);
    while (mo_body_next(b, &in)) {
        mo_known_see(&scan, &in);
        if (in.op != MO_OP_call && in.op != MO_OP_return_call)
            continue;
        mo_plan *callee = &plans[in.index];
        if (callee->shard != plans[func].shard)
            callee->shared = true;
        if (m->funcs[func].throws && in.op == MO_OP_call && callee->convention == MO_INSIDE && is_tried(b))
            callee->convention = MO_OUTSIDE;
    }
    bool ok = b->depth == 0;
    mo_body_close(b);
    plans[func].known = mo_known_end(&scan);
    plans[func].known_callee = scan.callee;
    return ok;
}

static mo_convention convention_of(const mo_module *m, uint32_t func)
{
    const mo_func *f = &m->funcs[func];
    if (f->tail_calls || f->tail_target)
        return MO_UNIFORM;
    return f->import != MO_NO_IMPORT || mo_is_reachable(m, func) ? MO_OUTSIDE : MO_INSIDE;
}

bool mo_plan_make(const mo_module *m, mo_plan *plans, uint32_t *nshards, uint32_t *first_giant, mote_error *err)
{
    *first_giant = assign_shards(m, plans);
    *nshards = assign_giants(m, plans, *first_giant);
    if (*nshards == 0)
        *first_giant = *nshards = 1; /* the linker wants an object */
    for (uint32_t i = 0; i < m->nfuncs; i++)
        plans[i].convention = convention_of(m, i);
    mo_body body = {0};
    bool ok = true;
    for (uint32_t i = m->nimported_funcs; ok && i < m->nfuncs; i++)
        ok = look_at_calls(m, &body, i, plans, err);
    mo_body_free(&body);
    for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++)
        if (plans[i].known && plans[i].known_callee != MO_NO_CALLEE &&
            plans[plans[i].known_callee].known != MO_KNOWN_memcpy)
            plans[i].known = MO_KNOWN_none;
    return ok;
}
