/* calls_x86_64.c - calls and returns under abi.h's conventions. The address that is
 * called and the context that goes with it come from the same kind of place; what a
 * function of this module gets from its callers becomes what it starts with. */
#include "check/inside.h"

static const uint8_t int_args[MO_INT_ARGS] = {MO_RDI, MO_RSI, MO_RDX, MO_RCX, MO_R8, MO_R9};
static const uint8_t int_results[MO_INT_RESULTS] = {MO_RAX, MO_RDX, MO_RCX, MO_R8};
static const uint8_t preserved[] = {MO_RBX, MO_RBP, MO_R12, MO_R13, MO_R14, MO_R15};
#define CLOBBERED (1 << MO_RAX | 1 << MO_RCX | 1 << MO_RDX | 1 << MO_RSI | 1 << MO_RDI | 1 << MO_R8 | 1 << MO_R9 | 1 << MO_R10 | 1 << MO_R11)
#define STACK_ARGUMENTS 16 /* words that callers may pass above what fits registers, beyond the type's parameters */

/* --- at entry --------------------------------------------------------------- */

static void begin_entry(mo_state *s)
{
    s->nslots = 0;
    s->reached = true;
    s->floor = 1;
    s->touched = 0;
    for (int r = 0; r < MO_CHECK_REGISTERS; r++)
        s->registers[r] = mo_unknown();
    for (size_t i = 0; i < MO_COUNT(preserved); i++)
        s->registers[preserved[i]].entry = (uint8_t)(preserved[i] + 1);
    s->registers[MO_RSP] = mo_value_of(MO_V_STACK, 0, 0);
}

void mo_check_outside_entry(const mo_checker *c, mo_checked *function)
{
    begin_entry(&function->entry);
    const mo_fact_type *t = &c->facts->types[c->facts->funcs[function->func].type];
    for (int i = 0; i < MO_INT_ARGS; i++)
        function->entry.registers[int_args[i]] = mo_word(t->params[i]);
    function->entry.registers[MO_R10] = mo_value_of(MO_V_CONTEXT, 0, 0);
}

/* --- arguments --------------------------------------------------------------- */

static bool want_context(mo_flow *f, uint8_t reg, const char *name)
{
    mo_value v = f->now.registers[reg];
    if (v.kind == MO_V_CONTEXT && v.at == 0)
        return true;
    char text[MO_VALUE_TEXT];
    return mo_refuse(f, "want the context in %s, have %s", name, mo_value_text(v, text));
}

static bool want_words(mo_flow *f, const uint8_t *registers, const uint8_t *masks, uint32_t n, const char *what)
{
    char text[MO_VALUE_TEXT];
    for (uint32_t i = 0; i < n; i++)
        if (masks[i] && !mo_value_is_word(&f->checker->values, f->now.registers[registers[i]], masks[i]))
            return mo_refuse(f, "want a reference as %s %" PRIu32 ", have %s", what, i, mo_value_text(f->now.registers[registers[i]], text));
    return true;
}

/* What a caller's value is to its callee: no pointer to another frame, and of numbers
 * only null. */
static mo_value across(const mo_flow *f, mo_value v)
{
    v.entry = 0;
    bool number = v.kind == MO_V_DATA || (v.kind == MO_V_NUMBER && v.at) || (v.kind == MO_V_EITHER && mo_value_is_number(&f->checker->values, v));
    return number || v.kind == MO_V_STACK ? mo_unknown() : v;
}

static bool pass_stack(mo_flow *f, const mo_checked *to, bool tail, mo_state *entry)
{
    mo_value top = f->now.registers[MO_RSP];
    const mo_facts *facts = f->checker->facts;
    uint32_t nparams = to->func == MO_NO_FUNC ? 0 : facts->types[facts->funcs[to->func].type].nparams;
    if (nparams <= MO_INT_ARGS)
        return true;
    for (uint32_t i = 0; i < nparams + STACK_ARGUMENTS; i++) {
        mo_value v = mo_state_slot(&f->now, mo_stack_key(top.index, top.at + (tail ? 8 : 0) + 8 * (int64_t)i));
        if (!mo_state_set_slot(&f->checker->values, entry, mo_stack_key(0, 8 + 8 * (int64_t)i), across(f, v)))
            return mo_fail_nomem(f->checker->err);
    }
    return true;
}

/* memcpy and the like get pointers that already permit every byte they will touch, or,
 * as memset's byte, numbers, which permit none. */
static bool pass_pointers(mo_flow *f, mo_state *entry)
{
    mo_value n = f->now.registers[MO_RDX];
    for (int i = 0; i < 2; i++) {
        mo_value v = f->now.registers[int_args[i]], none;
        if (v.kind == MO_V_MEMORY || mo_value_is_plain(&f->checker->values, v))
            continue;
        bool known = n.kind == MO_V_NUMBER && n.at > 0;
        if (known && (i == 0 ? !mo_flow_store(f, v, (uint32_t)n.at, mo_unknown()) : !mo_flow_load(f, v, (uint32_t)n.at, &none)))
            return false;
        if (known)
            entry->registers[int_args[i]] = (mo_value){.kind = MO_V_MEMORY, .k = 1, .index = MO_ANY_INDEX};
    }
    return true;
}

static bool pass(mo_flow *f, mo_checked *to, bool tail)
{
    static const uint8_t passed[] = {MO_RDI, MO_RSI, MO_RDX, MO_RCX, MO_R8, MO_R9, MO_R10, MO_R13};
    mo_state entry = {0};
    bool changed = false;
    begin_entry(&entry);
    for (size_t i = 0; i < MO_COUNT(passed); i++) {
        uint8_t r = passed[i], kept = entry.registers[r].entry;
        entry.registers[r] = across(f, f->now.registers[r]);
        entry.registers[r].entry = kept;
    }
    bool ok = (to->func != MO_NO_FUNC || pass_pointers(f, &entry)) && pass_stack(f, to, tail, &entry);
    if (ok && !mo_state_join(&f->checker->values, &to->entry, &entry, false, &changed))
        ok = mo_fail_nomem(f->checker->err);
    to->pending |= changed;
    mo_state_free(&entry);
    return ok;
}

/* --- by kind of address --------------------------------------------------------- */

typedef struct outcome {
    mo_value results[MO_INT_RESULTS];
    bool returns;
} outcome;

static void words(outcome *o, const uint8_t *masks)
{
    for (int i = 0; i < MO_INT_RESULTS; i++)
        o->results[i] = mo_word(masks[i]);
}

static bool call_function(mo_flow *f, uint32_t number, bool tail, outcome *o)
{
    mo_checked *to = &f->checker->functions[number];
    words(o, to->results);
    o->returns = to->returns;
    return pass(f, to, tail);
}

/* What is common to the tables that rsi may name. */
static uint8_t table_word(const mo_flow *f)
{
    const mo_facts *facts = f->checker->facts;
    uint32_t n;
    const mo_value *tables = mo_value_members(&f->checker->values, &f->now.registers[MO_RSI], &n);
    uint8_t common = 0xff;
    bool known = mo_value_is_number(&f->checker->values, f->now.registers[MO_RSI]);
    for (uint32_t i = 0; known && i < n; i++)
        if ((known = tables[i].at >= 0 && (uint32_t)tables[i].at < facts->ntables))
            common &= facts->tables[tables[i].at];
    for (uint32_t i = 0; !known && i < facts->ntables; i++)
        common &= facts->tables[i];
    return common;
}

static bool call_helper(mo_flow *f, uint32_t helper, outcome *o)
{
    uint8_t masks[MO_INT_ARGS] = {0};
    o->returns = helper != MO_HELPER_exception_throw;
    if (helper == MO_HELPER_table_set || helper == MO_HELPER_table_fill)
        masks[3] = table_word(f);
    else if (helper == MO_HELPER_table_grow)
        masks[2] = table_word(f);
    else if (helper == MO_HELPER_exception_throw)
        masks[1] = MO_WORD_EXN;
    if (helper == MO_HELPER_table_get)
        o->results[0] = mo_word(table_word(f));
    else if (helper == MO_HELPER_exception_new)
        o->results[0] = mo_word(MO_WORD_EXN);
    return want_context(f, MO_RDI, "rdi") && want_words(f, int_args, masks, MO_INT_ARGS, "argument");
}

static bool call_import(mo_flow *f, uint32_t func, outcome *o)
{
    const mo_facts *facts = f->checker->facts;
    const mo_fact_type *t = &facts->types[facts->funcs[func].type];
    words(o, t->results);
    return want_words(f, int_args, t->params, MO_INT_ARGS, "argument");
}

/* Does this context belong to that code? */
static bool belongs(mo_value code, mo_value context)
{
    switch (code.kind) {
    case MO_V_FUNCTION: return context.kind == MO_V_CONTEXT && context.at == 0;
    case MO_V_IMPORT_CODE: return context.kind == MO_V_IMPORT_CONTEXT && context.index == code.index;
    case MO_V_TABLE_CODE: return context.kind == MO_V_TABLE_CONTEXT;
    case MO_V_WORD_CODE: return context.kind == MO_V_WORD_CONTEXT;
    default: return false;
    }
}

static bool any_belongs(const mo_values *all, mo_value code, mo_value context, bool by_code)
{
    uint32_t n;
    const mo_value *members = mo_value_members(all, by_code ? &context : &code, &n);
    for (uint32_t i = 0; i < n; i++)
        if (by_code ? belongs(code, members[i]) : belongs(members[i], context))
            return true;
    return false;
}

/* Each address has its context among those in r10, and each context its address. */
static bool want_pair(mo_flow *f, mo_value code)
{
    const mo_values *all = &f->checker->values;
    mo_value context = f->now.registers[MO_R10];
    uint32_t n, m;
    const mo_value *codes = mo_value_members(all, &code, &n), *contexts = mo_value_members(all, &context, &m);
    bool ok = true;
    for (uint32_t i = 0; i < n; i++)
        ok &= any_belongs(all, codes[i], context, true);
    for (uint32_t i = 0; i < m; i++)
        ok &= any_belongs(all, code, contexts[i], false);
    char a[MO_VALUE_TEXT], b[MO_VALUE_TEXT];
    return ok || mo_refuse(f, "calls %s with %s in r10", mo_value_text(code, a), mo_value_text(context, b));
}

static bool call_paired(mo_flow *f, mo_value code, bool tail, outcome *o)
{
    switch (code.kind) {
    case MO_V_FUNCTION: return call_function(f, code.index, tail, o);
    case MO_V_IMPORT_CODE: return call_import(f, code.index, o);
    default: words(o, f->checker->facts->results); return true;
    }
}

static bool call_one(mo_flow *f, mo_value code, bool tail, outcome *o)
{
    char text[MO_VALUE_TEXT];
    *o = (outcome){.returns = true};
    switch (code.kind) {
    case MO_V_FUNCTION: case MO_V_IMPORT_CODE: case MO_V_TABLE_CODE: case MO_V_WORD_CODE:
        return call_paired(f, code, tail, o);
    case MO_V_HELPER:
        if (code.index != MO_HELPERS)
            return call_helper(f, code.index, o);
        words(o, f->checker->facts->results); /* mo_try_call: the callee is in r13 */
        return !tail || mo_refuse(f, "want mo_try_call to be called, not jumped to");
    default:
        return mo_refuse(f, "calls through %s", mo_value_text(code, text));
    }
}

/* The address that decides about the context: what is called, or mo_try_call's callee. */
static mo_value deciding(const mo_flow *f, mo_value code)
{
    bool try = code.kind == MO_V_HELPER && code.index == MO_HELPERS;
    return try ? across(f, f->now.registers[MO_R13]) : code;
}

/* --- returns ------------------------------------------------------------------------ */

static bool want_frame_undone(mo_flow *f)
{
    mo_value top = f->now.registers[MO_RSP];
    if (top.kind != MO_V_STACK || top.index != 0 || top.at != 0)
        return mo_refuse(f, "want the stack pointer where it was at entry");
    static const char *const names[] = {"rbx", "rbp", "r12", "r13", "r14", "r15"};
    for (size_t i = 0; i < MO_COUNT(preserved); i++)
        if (f->now.registers[preserved[i]].entry != preserved[i] + 1)
            return mo_refuse(f, "want %s as it was at entry", names[i]);
    return true;
}

/* An inside function gives what its type says unless LLVM found otherwise; then its
 * callers have to know. */
static bool give_less(mo_flow *f, int i)
{
    mo_checker *c = f->checker;
    f->function->results[i] = 0;
    for (size_t k = 0; k < c->nedges; k++)
        if (c->edges[k].to == f->number)
            c->functions[c->edges[k].from].pending |= c->functions[c->edges[k].from].entry.reached;
    return true;
}

static bool give(mo_flow *f, const mo_value *results)
{
    for (int i = 0; i < MO_INT_RESULTS; i++) {
        uint8_t wanted = f->function->results[i];
        if (!wanted || mo_value_is_word(&f->checker->values, results[i], wanted))
            continue;
        char text[MO_VALUE_TEXT];
        if (f->function->outside)
            return mo_refuse(f, "want a reference as result %d, have %s", i, mo_value_text(results[i], text));
        give_less(f, i);
    }
    return true;
}

bool mo_flow_return(mo_flow *f)
{
    mo_value results[MO_INT_RESULTS];
    for (int i = 0; i < MO_INT_RESULTS; i++)
        results[i] = f->now.registers[int_results[i]];
    return want_frame_undone(f) && give(f, results);
}

/* --- a call -------------------------------------------------------------------------- */

static void take_results(mo_flow *f, const outcome *o)
{
    for (int r = 0; r < MO_CHECK_REGISTERS; r++)
        if (CLOBBERED >> r & 1)
            f->now.registers[r] = mo_unknown();
    for (int i = 0; i < MO_INT_RESULTS; i++)
        f->now.registers[int_results[i]] = o->results[i];
    mo_value top = f->now.registers[MO_RSP];
    if (top.at - 8 < f->now.touched)
        f->now.touched = top.at - 8;
}

static void join_outcome(mo_values *all, outcome *a, const outcome *b)
{
    for (int i = 0; i < MO_INT_RESULTS; i++)
        a->results[i] = mo_value_join(all, a->results[i], b->results[i]);
    a->returns |= b->returns;
}

/* Does a context that belongs to the address have to be in r10? A function of the
 * module that is called directly may be one that needs none. */
static bool is_paired(const mo_values *all, mo_value code)
{
    uint32_t n;
    const mo_value *members = mo_value_members(all, &code, &n);
    for (uint32_t i = 0; i < n; i++)
        if (members[i].kind == MO_V_IMPORT_CODE || members[i].kind == MO_V_TABLE_CODE || members[i].kind == MO_V_WORD_CODE)
            return true;
    return false;
}

bool mo_flow_call(mo_flow *f, mo_value code, bool tail, bool *retgoes_on)
{
    mo_values *all = &f->checker->values;
    mo_value decides = deciding(f, code);
    bool try = decides.kind != code.kind;
    outcome whole = {.returns = false}, one;
    uint32_t n;
    if (f->now.registers[MO_RSP].kind != MO_V_STACK)
        return mo_refuse(f, "want the stack pointer to be known");
    if (tail && !want_frame_undone(f))
        return false;
    if ((try || is_paired(all, code)) && !want_pair(f, decides))
        return false;
    mo_value_members(all, &code, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (!call_one(f, mo_value_members(all, &code, &n)[i], tail, &one))
            return false;
        if (i == 0)
            whole = one;
        else
            join_outcome(all, &whole, &one);
    }
    *retgoes_on = !tail && whole.returns;
    if (tail)
        return !whole.returns || give(f, whole.results);
    take_results(f, &whole);
    return true;
}
