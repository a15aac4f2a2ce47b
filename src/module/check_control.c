/* check_control.c - blocks, branches, calls, exceptions. */
#include "module/check.h"

/* --- blocks ------------------------------------------------------------ */

static bool push_control(mo_body *b, const mo_insn *i)
{
    struct mo_body_state *s = b->state;
    if (mo_unlikely(b->depth > s->limits->nesting)) /* the body itself is no nested block */
        return MO_WITHIN(b->err, s->limits, nesting, b->depth, i->at);
    if (mo_unlikely(b->depth == s->controls_cap) &&
        !mo_grow(&b->controls, &s->controls_cap, (size_t)b->depth + 1, sizeof *b->controls))
        return mo_fail_nomem(b->err);
    b->controls[b->depth++] = (mo_control){
        .op = i->op,
        .dead = !i->reachable,
        .height = b->height,
        .inits = s->ninits,
        .type = i->block,
        .at = i->at,
    };
    return mo_push_all(b, i->block.nparams, i->block.params);
}

static bool enter(mo_body *b, mo_insn *i)
{
    return mo_pop_all(b, i, i->block.nparams, i->block.params) && push_control(b, i);
}

bool mo_check_block(mo_body *b, mo_insn *i) { return enter(b, i); }
bool mo_check_loop(mo_body *b, mo_insn *i) { return enter(b, i); }
bool mo_check_if(mo_body *b, mo_insn *i) { return mo_pop(b, i, MO_I32) && enter(b, i); }

/* Locals that the block set are as they were before it. */
static void undo_inits(mo_body *b, uint32_t height)
{
    struct mo_body_state *s = b->state;
    while (s->ninits > height) s->unset[s->inits[--s->ninits]] = 1;
}

/* The block's results and nothing else must be there. */
static bool leave(mo_body *b, mo_insn *i)
{
    const mo_control *c = mo_top(b);
    if (!mo_pop_all(b, i, c->type.nresults, c->type.results)) return false;
    if (mo_unlikely(b->height != c->height))
        return mo_check_fail(b, i, MOTE_INVALID, "type mismatch: want %" PRIu32 " results, have %" PRIu32 " values more",
                             c->type.nresults, b->height - c->height);
    undo_inits(b, c->inits);
    return true;
}

bool mo_check_else(mo_body *b, mo_insn *i)
{
    mo_control *c = mo_top(b);
    if (c->op != MO_OP_if)
        return mo_check_fail(b, i, MOTE_MALFORMED, "unexpected opcode: it belongs to no if");
    if (!leave(b, i)) return false;
    c->op = MO_OP_else;
    c->unreachable = false;
    i->reachable = !c->dead;
    i->block = c->type;
    return mo_push_all(b, c->type.nparams, c->type.params);
}

/* An if without else passes its parameters on as its results. */
static bool check_no_else(mo_body *b, const mo_insn *i, const mo_block_type *type)
{
    if (type->nparams != type->nresults)
        return mo_check_fail(b, i, MOTE_INVALID,
                             "type mismatch: an if without else: want as many results as parameters, %" PRIu32
                             ", have %" PRIu32, type->nparams, type->nresults);
    for (uint32_t k = 0; k < type->nparams; k++)
        if (!mo_matches(b->module, type->params[k], type->results[k]))
            return mo_fail_want(b, i, type->results[k], type->params[k]);
    return true;
}

bool mo_check_end(mo_body *b, mo_insn *i)
{
    const mo_control *c = mo_top(b);
    if (!leave(b, i)) return false;
    if (c->op == MO_OP_if && !check_no_else(b, i, &c->type)) return false;
    i->block = c->type;
    b->depth--;
    return mo_push_all(b, i->block.nresults, i->block.results);
}

/* --- branches ---------------------------------------------------------- */

bool mo_find_label(mo_body *b, const mo_insn *i, uint32_t depth, mo_label *ret)
{
    *ret = (mo_label){0};
    if (mo_unlikely(depth >= b->depth)) return mo_check_index(b, i, "label", depth, b->depth);
    const mo_control *c = &b->controls[b->depth - 1 - depth];
    if (c->op == MO_OP_loop)
        *ret = (mo_label){c->type.nparams, c->type.params};
    else
        *ret = (mo_label){c->type.nresults, c->type.results};
    return true;
}

bool mo_check_unreachable(mo_body *b, mo_insn *i)
{
    (void)i;
    mo_set_unreachable(b);
    return true;
}

bool mo_check_br(mo_body *b, mo_insn *i)
{
    mo_label label;
    if (!mo_find_label(b, i, i->index, &label) || !mo_pop_all(b, i, label.n, label.types)) return false;
    mo_set_unreachable(b);
    return true;
}

/* What a label takes, popped and pushed as the label's own types. */
static bool pass(mo_body *b, const mo_insn *i, mo_label label)
{
    return label.n == 0 || (mo_pop_all(b, i, label.n, label.types) && mo_push_all(b, label.n, label.types));
}

bool mo_check_br_if(mo_body *b, mo_insn *i)
{
    mo_label label;
    return mo_pop(b, i, MO_I32) && mo_find_label(b, i, i->index, &label) && pass(b, i, label);
}

static bool check_target(mo_body *b, const mo_insn *i, uint32_t depth, uint32_t arity)
{
    mo_label label;
    if (!mo_find_label(b, i, depth, &label)) return false;
    if (label.n != arity)
        return mo_check_fail(b, i, MOTE_INVALID, "type mismatch: label %" PRIu32 ": want %" PRIu32 " values, have %" PRIu32, depth,
                             arity, label.n);
    return mo_see_all(b, i, label.n, label.types);
}

bool mo_check_br_table(mo_body *b, mo_insn *i)
{
    mo_label last;
    if (!mo_pop(b, i, MO_I32) || !mo_find_label(b, i, i->labels[i->nlabels], &last)) return false;
    for (uint32_t k = 0; k <= i->nlabels; k++)
        if (!check_target(b, i, i->labels[k], last.n)) return false;
    mo_set_unreachable(b);
    return true;
}

bool mo_check_return(mo_body *b, mo_insn *i)
{
    const mo_block_type *type = &b->controls[0].type;
    if (!mo_pop_all(b, i, type->nresults, type->results)) return false;
    mo_set_unreachable(b);
    return true;
}

bool mo_check_br_on_null(mo_body *b, mo_insn *i)
{
    mo_label label;
    mo_valtype ref;
    if (!mo_pop_ref(b, i, &ref) || !mo_find_label(b, i, i->index, &label) || !pass(b, i, label)) return false;
    mo_push(b, ref & ~MO_NULLABLE);
    return true;
}

/* A label that takes a reference last; ret is what it takes before that. */
static bool find_ref_label(mo_body *b, const mo_insn *i, mo_label *ret, mo_valtype *ret_last)
{
    if (!mo_find_label(b, i, i->index, ret)) return false;
    if (ret->n == 0 || !mo_is_ref(ret->types[ret->n - 1]))
        return mo_check_fail(b, i, MOTE_INVALID, "type mismatch: want a label that takes a reference last, label %" PRIu32 " does not",
                             i->index);
    *ret_last = ret->types[--ret->n];
    return true;
}

bool mo_check_br_on_non_null(mo_body *b, mo_insn *i)
{
    mo_label label;
    mo_valtype ref, last;
    if (!mo_pop_ref(b, i, &ref) || !find_ref_label(b, i, &label, &last)) return false;
    if (!mo_matches(b->module, ref & ~MO_NULLABLE, last)) return mo_fail_want(b, i, last, ref & ~MO_NULLABLE);
    return pass(b, i, label);
}

/* What is left of from once the values of to are gone. */
static mo_valtype without(mo_valtype from, mo_valtype to)
{
    return mo_is_nullable(to) ? from & ~MO_NULLABLE : from;
}

static bool check_br_cast(mo_body *b, mo_insn *i, mo_valtype taken, mo_valtype kept)
{
    mo_label label;
    mo_valtype last;
    if (!mo_matches(b->module, i->type2, i->type)) return mo_fail_want(b, i, i->type, i->type2);
    if (!mo_pop(b, i, i->type) || !find_ref_label(b, i, &label, &last)) return false;
    if (!mo_matches(b->module, taken, last)) return mo_fail_want(b, i, last, taken);
    if (!pass(b, i, label)) return false;
    mo_push(b, kept);
    return true;
}

bool mo_check_br_on_cast(mo_body *b, mo_insn *i) { return check_br_cast(b, i, i->type2, without(i->type, i->type2)); }
bool mo_check_br_on_cast_fail(mo_body *b, mo_insn *i) { return check_br_cast(b, i, without(i->type, i->type2), i->type2); }

/* --- calls ------------------------------------------------------------- */

static bool call(mo_body *b, const mo_insn *i, const mo_type *type)
{
    return mo_pop_all(b, i, type->nparams, type->params) && mo_push_all(b, type->nresults, type->results);
}

/* The callee's results become this function's. */
static bool return_call(mo_body *b, const mo_insn *i, const mo_type *type)
{
    const mo_block_type *own = &b->controls[0].type;
    if (type->nresults != own->nresults)
        return mo_check_fail(b, i, MOTE_INVALID, "type mismatch: want %" PRIu32 " results, have %" PRIu32, own->nresults,
                             type->nresults);
    for (uint32_t k = 0; k < own->nresults; k++)
        if (!mo_matches(b->module, type->results[k], own->results[k]))
            return mo_fail_want(b, i, own->results[k], type->results[k]);
    if (!mo_pop_all(b, i, type->nparams, type->params)) return false;
    mo_set_unreachable(b);
    return true;
}

static bool check_callee(mo_body *b, const mo_insn *i)
{
    return mo_check_index(b, i, "function", i->index, b->module->nfuncs);
}

bool mo_check_call(mo_body *b, mo_insn *i)
{
    return check_callee(b, i) && call(b, i, mo_func_type(b->module, i->index));
}

bool mo_check_return_call(mo_body *b, mo_insn *i)
{
    if (!check_callee(b, i)) return false;
    if (b->state->load) b->state->load->funcs[i->index].tail_target = true;
    return return_call(b, i, mo_func_type(b->module, i->index));
}

static bool check_function_type(mo_body *b, const mo_insn *i)
{
    if (b->module->types[i->index].kind == MO_TYPE_FUNC) return true;
    return mo_check_fail(b, i, MOTE_INVALID, "want a function type, type %" PRIu32 " is none", i->index);
}

/* The table, and the index into it. */
static bool check_table_call(mo_body *b, const mo_insn *i)
{
    const mo_module *m = b->module;
    if (!mo_check_index(b, i, "table", i->index2, m->ntables) || !check_function_type(b, i)) return false;
    const mo_table *table = &m->tables[i->index2];
    if (!mo_matches(m, table->type, MO_FUNCREF)) return mo_fail_want(b, i, MO_FUNCREF, table->type);
    return mo_pop(b, i, mo_address_type(&table->bounds));
}

bool mo_check_call_indirect(mo_body *b, mo_insn *i)
{
    return check_table_call(b, i) && call(b, i, &b->module->types[i->index]);
}

bool mo_check_return_call_indirect(mo_body *b, mo_insn *i)
{
    return check_table_call(b, i) && return_call(b, i, &b->module->types[i->index]);
}

static bool pop_callee(mo_body *b, const mo_insn *i)
{
    return check_function_type(b, i) && mo_pop(b, i, mo_ref_type(i->index, true));
}

bool mo_check_call_ref(mo_body *b, mo_insn *i)
{
    return pop_callee(b, i) && call(b, i, &b->module->types[i->index]);
}

bool mo_check_return_call_ref(mo_body *b, mo_insn *i)
{
    return mo_check_feature(b, i, MO_FEATURE_FUNCTION_REFERENCES) && pop_callee(b, i) &&
           return_call(b, i, &b->module->types[i->index]);
}

/* --- exceptions -------------------------------------------------------- */

static bool check_tag(mo_body *b, const mo_insn *i, uint32_t tag)
{
    return mo_check_index(b, i, "tag", tag, b->module->ntags);
}

bool mo_check_throw(mo_body *b, mo_insn *i)
{
    if (!check_tag(b, i, i->index)) return false;
    const mo_type *type = &b->module->types[b->module->tags[i->index].type];
    if (!mo_pop_all(b, i, type->nparams, type->params)) return false;
    mo_set_unreachable(b);
    return true;
}

bool mo_check_throw_ref(mo_body *b, mo_insn *i)
{
    if (!mo_pop(b, i, MO_EXNREF)) return false;
    mo_set_unreachable(b);
    return true;
}

/* Does the label take the tag's values, and then the exception if it is asked for? */
static bool check_catch(mo_body *b, const mo_insn *i, const mo_catch *c)
{
    const mo_module *m = b->module;
    bool tagged = c->kind == MO_CATCH || c->kind == MO_CATCH_REF;
    uint32_t with_ref = c->kind == MO_CATCH_REF || c->kind == MO_CATCH_ALL_REF;
    mo_label label;
    if (tagged && !check_tag(b, i, c->tag)) return false;
    if (!mo_find_label(b, i, c->label, &label)) return false;
    const mo_type *type = tagged ? &m->types[m->tags[c->tag].type] : NULL;
    uint32_t nparams = type ? type->nparams : 0;
    if (label.n != nparams + with_ref)
        return mo_check_fail(b, i, MOTE_INVALID, "type mismatch: catch: label %" PRIu32 ": want %" PRIu32 " values, have %" PRIu32,
                             c->label, nparams + with_ref, label.n);
    for (uint32_t k = 0; k < nparams; k++)
        if (!mo_matches(m, type->params[k], label.types[k])) return mo_fail_want(b, i, label.types[k], type->params[k]);
    mo_valtype exn = mo_ref_type(MO_HEAP_EXN, false);
    return !with_ref || mo_matches(m, exn, label.types[nparams]) || mo_fail_want(b, i, label.types[nparams], exn);
}

bool mo_check_try_table(mo_body *b, mo_insn *i)
{
    if (!mo_pop_all(b, i, i->block.nparams, i->block.params)) return false;
    for (uint32_t k = 0; k < i->ncatches; k++)
        if (!check_catch(b, i, &i->catches[k])) return false;
    return push_control(b, i);
}
