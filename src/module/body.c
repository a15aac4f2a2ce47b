/* body.c - a body opened and closed: its locals, its first block. */
#include "module/check.h"

/* --- room -------------------------------------------------------------- */

static bool room(mo_body *b, void *array, size_t *cap, size_t need, size_t size)
{
    return mo_grow(array, cap, need, size) || mo_fail_nomem(b->err);
}

/* --- locals ------------------------------------------------------------ */

static bool set_locals(mo_body *b, uint32_t from, uint32_t n, mo_valtype type)
{
    struct mo_body_state *s = b->state;
    if (!room(b, &s->locals, &s->locals_cap, (size_t)from + n, sizeof *s->locals)) return false;
    for (uint32_t i = from; i < from + n; i++) s->locals[i] = type;
    if (!mo_has_default(type) && n > 0) s->any_unset = true;
    return true;
}

/* All declared counts are summed before a limit is told: beyond 32 bits the
 * module is malformed. */
static bool read_locals(mo_body *b, mo_reader *r)
{
    const mo_limits *limits = b->state->limits;
    uint64_t total = b->type->nparams, at = mo_reader_at(r);
    uint32_t ngroups, n;
    mo_valtype type;
    if (!mo_read_count(r, "local declarations", 2, &ngroups)) return false;
    for (uint32_t g = 0; g < ngroups; g++) {
        if (!mo_read_u32(r, "number of locals", &n) || !mo_read_valtype(r, &type)) return false;
        if (total + n <= limits->locals && !set_locals(b, (uint32_t)total, n, type)) return false;
        total += n;
    }
    if (total - b->type->nparams > UINT32_MAX)
        return mo_fail(r->err, MOTE_MALFORMED, at, "too many locals: %" PRIu64, total);
    if (!MO_WITHIN(r->err, limits, locals, total, at)) return false;
    b->nlocals = (uint32_t)total;
    b->locals = b->state->locals;
    return true;
}

static bool set_params(mo_body *b)
{
    struct mo_body_state *s = b->state;
    uint32_t n = b->type->nparams;
    s->any_unset = false;
    if (!room(b, &s->locals, &s->locals_cap, n, sizeof *s->locals)) return false;
    if (n) memcpy(s->locals, b->type->params, n * sizeof *s->locals);
    return true;
}

/* Locals without a default value cannot be read before they are set. */
static bool mark_unset(mo_body *b)
{
    struct mo_body_state *s = b->state;
    s->ninits = 0;
    if (!s->any_unset) return true;
    if (!room(b, &s->unset, &s->unset_cap, b->nlocals, 1)) return false;
    if (!room(b, &s->inits, &s->inits_cap, b->nlocals, sizeof *s->inits)) return false;
    for (uint32_t i = 0; i < b->nlocals; i++)
        s->unset[i] = i >= b->type->nparams && !mo_has_default(s->locals[i]);
    return true;
}

/* --- opening and closing ----------------------------------------------- */

/* The body itself is a block of the function's results. */
static bool begin(mo_body *b, uint32_t nresults, const mo_valtype *results)
{
    struct mo_body_state *s = b->state;
    s->op_features = 0;
    b->height = 0;
    b->depth = 0;
    if (!room(b, &b->controls, &s->controls_cap, 1, sizeof *b->controls) || !mo_room(b, 0)) return false;
    b->controls[0] = (mo_control){
        .op = MO_OP_block,
        .type = {.nresults = nresults, .results = results},
        .at = (uint64_t)(b->at - b->module->bytes.at),
    };
    b->depth = 1;
    return true;
}

static bool get_state(mo_body *b, const mo_module *m, const mo_limits *limits, mote_error *err)
{
    b->module = m;
    b->err = err;
    b->depth = 0;
    if (!b->state && !(b->state = mo_calloc(1, sizeof *b->state))) return mo_fail_nomem(err);
    b->state->limits = limits ? limits : &mo_limits_default;
    b->state->load = NULL;
    b->state->used = 0;
    return true;
}

static bool open_body(mo_body *b, uint32_t func)
{
    const mo_module *m = b->module;
    const mo_func *f = &m->funcs[func];
    b->func = func;
    b->type = mo_func_type(m, func);
    b->at = m->bytes.at + f->body_at;
    b->end = b->at + f->body_len;
    mo_reader r = {.base = m->bytes.at, .at = b->at, .end = b->end, .module = m, .err = b->err};
    bool ok = set_params(b) && read_locals(b, &r) && mark_unset(b);
    b->at = r.at;
    b->state->used |= r.used;
    return ok && begin(b, b->type->nresults, b->type->results);
}

bool mo_body_open(mo_body *b, const mo_module *m, uint32_t func, const mo_limits *limits, mote_error *err)
{
    return get_state(b, m, limits, err) && (open_body(b, func) || mo_body_place(b));
}

bool mo_body_open_const(mo_body *b, mo_load *l, mo_valtype result)
{
    if (!get_state(b, l->m, l->limits, l->err)) return false;
    b->state->load = l;
    b->state->result = result;
    b->state->any_unset = false;
    b->func = UINT32_MAX;
    b->type = NULL;
    b->nlocals = 0;
    b->at = l->r.at;
    b->end = l->r.end;
    return begin(b, 1, &b->state->result);
}

void mo_body_close(mo_body *b)
{
    b->depth = 0;
    if (b->state) mo_arena_reset(&b->state->block_results);
}

void mo_body_free(mo_body *b)
{
    struct mo_body_state *s = b->state;
    mo_free(b->stack);
    mo_free(b->controls);
    if (s) {
        mo_free(s->locals);
        mo_free(s->unset);
        mo_free(s->inits);
        mo_free(s->labels);
        mo_free(s->catches);
        mo_arena_free(&s->block_results);
        mo_free(s);
    }
    *b = (mo_body){0};
}

/* ----------------------------------------------------------------------- */

bool mo_body_validate(mo_load *l, uint32_t func, mo_features *ret_ops)
{
    mo_body *b = &l->body;
    mo_insn insn;
    if (!mo_body_open(b, l->m, func, l->limits, l->err)) return false;
    b->state->load = l;
    while (mo_body_next(b, &insn)) {}
    bool ok = l->err->status == MOTE_OK;
    *ret_ops = b->state->op_features;
    l->m->used |= b->state->used;
    mo_body_close(b);
    return ok;
}
