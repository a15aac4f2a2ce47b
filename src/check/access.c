/* access.c - what may be loaded and stored through which value. Where an address is
 * one of several, all must permit what is done. */
#include "check/inside.h"

/* Bytes that the stack pointer may go below what is touched: a guard page catches
 * whoever goes on from there. */
#define STEP_BYTES (4096 + 512)

#define NULL_BYTES 4096

typedef struct access {
    uint32_t size;
    bool write;
    bool chosen; /* the address is one of several */
    mo_value stored;
} access;

static bool refuse_value(mo_flow *f, mo_value ea, const access *a)
{
    char text[MO_VALUE_TEXT];
    return mo_refuse(f, "%s %" PRIu32 " bytes through %s", a->write ? "stores" : "loads", a->size, mo_value_text(ea, text));
}

/* --- the stack ----------------------------------------------------------- */

static bool in_frame(const mo_flow *f, mo_value ea, const access *a)
{
    mo_value top = f->now.registers[MO_RSP];
    int64_t end = (int64_t)ea.at + a->size;
    if (top.kind != MO_V_STACK || f->now.floor == INT32_MAX)
        return false;
    if (ea.index == 0 && end <= 0)
        return ea.at >= (top.index == 0 ? top.at : f->now.floor);
    if (ea.index == 1)
        return top.index == 1 && ea.at >= top.at && end <= 0;
    /* arguments that callers inside the module put above the return address */
    return !a->write && !f->function->outside && ea.at >= 8 && end <= 8 + 16 * MO_XFER_SLOTS;
}

static bool stack_access(mo_flow *f, mo_value ea, const access *a, mo_value *ret)
{
    if (!in_frame(f, ea, a)) {
        bool above = ea.index == 0 && (int64_t)ea.at + a->size > 0 && ea.at < 8;
        return mo_refuse(f, "%s at the stack %+" PRId32 ": %s", a->write ? "stores" : "loads", ea.at,
                         above ? "the return address is there" : "outside the frame");
    }
    if (ea.index == f->now.registers[MO_RSP].index && ea.at < f->now.touched)
        f->now.touched = ea.at;
    uint64_t key = mo_stack_key(ea.index, ea.at);
    bool half = a->size == 4;
    if (!a->write) {
        *ret = half || a->size == 8 ? mo_state_slot(&f->now, half ? mo_half_key(key) : key) : mo_unknown();
        return true;
    }
    mo_state_clear_slots(&f->now, key, key + a->size);
    if (half && a->stored.kind == MO_V_NUMBER && !mo_state_set_slot(&f->checker->values, &f->now, mo_half_key(key), a->stored))
        return mo_fail_nomem(f->checker->err);
    if (a->size == 8 && !mo_state_set_slot(&f->checker->values, &f->now, key, a->stored))
        return mo_fail_nomem(f->checker->err);
    return true;
}

static bool leave_aligned(mo_flow *f, mo_value v)
{
    mo_state *s = &f->now;
    if (v.at < s->floor)
        return mo_refuse(f, "moves the stack pointer into what lies below its alignment");
    mo_state_clear_slots(s, mo_stack_key(1, INT32_MIN), mo_stack_key(1, INT32_MAX));
    s->floor = 1;
    s->touched = v.at;
    return true;
}

bool mo_flow_move_stack(mo_flow *f, mo_value v)
{
    mo_state *s = &f->now;
    mo_value old = s->registers[MO_RSP];
    if (v.kind != MO_V_STACK || (v.index == 1 && old.index == 0))
        return mo_refuse(f, "want the stack pointer to move by a constant");
    if (v.index == 0 && old.index == 1 && !leave_aligned(f, v))
        return false;
    if (v.at > 0)
        return mo_refuse(f, "moves the stack pointer out of the frame");
    if (v.at < (int64_t)s->touched - STEP_BYTES)
        return mo_refuse(f, "moves the stack pointer %" PRId64 " bytes below what is touched", (int64_t)s->touched - v.at);
    if (v.at > old.at || v.index != old.index)
        mo_state_clear_slots(s, mo_stack_key(v.index, INT32_MIN), mo_stack_key(v.index, v.at));
    s->registers[MO_RSP] = v;
    return true;
}

/* --- host structures ------------------------------------------------------ */

static bool want_word(mo_flow *f, uint32_t mask, const access *a)
{
    if (!mask || mo_value_is_word(&f->checker->values, a->stored, mask))
        return true;
    char text[MO_VALUE_TEXT];
    return mo_refuse(f, "stores %s where a reference belongs", mo_value_text(a->stored, text));
}

static bool context_access(mo_flow *f, mo_value ea, const access *a, mo_value *ret)
{
    const mo_facts *facts = f->checker->facts;
    uint32_t word = 0;
    bool run = ea.kind == MO_V_RUN;
    bool ok = a->write ? (run ? mo_facts_run_store : mo_facts_context_store)(facts, ea.at, a->size, &word)
                       : (run ? mo_facts_run : mo_facts_context)(facts, ea.at, a->size, ret);
    return ok ? want_word(f, word, a) : refuse_value(f, ea, a);
}

static bool table_access(mo_flow *f, mo_value ea, const access *a, mo_value *ret)
{
    const mo_facts *facts = f->checker->facts;
    bool funcs = ea.index == MO_ANY_INDEX || facts->tables[ea.index] == MO_WORD_FUNC;
    if (a->write || !funcs || ea.at + a->size > sizeof(mo_table_entry))
        return refuse_value(f, ea, a);
    if (a->size == 8 && ea.at == offsetof(mo_table_entry, code))
        *ret = mo_value_of(MO_V_TABLE_CODE, 0, 0);
    else if (a->size == 8 && ea.at == offsetof(mo_table_entry, context))
        *ret = mo_value_of(MO_V_TABLE_CONTEXT, 0, 0);
    else if (a->size == 8 && ea.at == offsetof(mo_table_entry, ref))
        *ret = mo_word(MO_WORD_FUNC);
    return true;
}

static bool word_access(mo_flow *f, mo_value ea, const access *a, mo_value *ret)
{
    const mo_facts *facts = f->checker->facts;
    uint32_t at = (uint32_t)ea.at, params = offsetof(mo_exception, params), i = (at - params) / sizeof(mo_slot_value);
    if (a->write || ea.at < 0)
        return refuse_value(f, ea, a);
    if (ea.k & MO_WORD_FUNC) {
        if (at + a->size > offsetof(mo_funcref, func))
            return refuse_value(f, ea, a);
        if (a->size == 8 && at == offsetof(mo_funcref, code))
            *ret = mo_value_of(MO_V_WORD_CODE, 0, 0);
        else if (a->size == 8 && at == offsetof(mo_funcref, context))
            *ret = mo_value_of(MO_V_WORD_CONTEXT, 0, 0);
        return true;
    }
    if (!(ea.k & MO_WORD_EXN) || at + a->size > params + sizeof(mo_slot_value) * MO_XFER_SLOTS)
        return refuse_value(f, ea, a);
    if (at >= params && a->size == 8 && (at - params) % sizeof(mo_slot_value) == 0)
        *ret = mo_word(facts->exception[i]);
    return true;
}

static bool desc_access(mo_flow *f, mo_value ea, const access *a, mo_value *ret)
{
    bool table = ea.kind == MO_V_TABLE_DESC;
    if (a->write || ea.at < 0 || ea.at + a->size > (table ? sizeof(mo_table_desc) : sizeof(mo_memory_desc)))
        return refuse_value(f, ea, a);
    if (ea.at == 0 && a->size == 8) {
        *ret = mo_value_of(table ? MO_V_TABLE : MO_V_MEMORY, ea.index, 0);
        ret->k = table ? 0 : 1;
    }
    return true;
}

static bool global_access(mo_flow *f, mo_value ea, const access *a, mo_value *ret)
{
    const mo_fact_global *g = &f->checker->facts->globals[ea.index];
    if (ea.at < 0 || ea.at + a->size > sizeof(mo_slot_value) || (a->write && g->word && a->size != 8))
        return refuse_value(f, ea, a);
    if (ea.at == 0 && a->size == 8)
        *ret = mo_word(g->word);
    return want_word(f, a->write ? g->word : 0, a);
}

static bool helpers_access(mo_flow *f, mo_value ea, const access *a, mo_value *ret)
{
    if (a->write || a->size != 8 || ea.at < 0 || ea.at % 8 || ea.at / 8 > MO_HELPERS)
        return refuse_value(f, ea, a);
    *ret = mo_value_of(MO_V_HELPER, (uint32_t)ea.at / 8, 0);
    return true;
}

static bool const_access(mo_flow *f, mo_value ea, const access *a, mo_value *ret)
{
    const mo_checker *c = f->checker;
    uint64_t at = (uint64_t)ea.index + (uint64_t)(int64_t)ea.at;
    bool inside = at >= c->const_at && at - c->const_at <= c->const_len && a->size <= c->const_len - (at - c->const_at);
    bool indexed = ea.k || a->chosen || f->step->index != MO_NO_REGISTER; /* and ranges are trusted */
    if (a->write || (!inside && !indexed))
        return refuse_value(f, ea, a);
    int64_t n = 0;
    if (f->step->op == MO_STEP_LOAD_SIGNED && ea.index != MO_ANY_INDEX && mo_check_jump_run(c, ea.index) > ea.index)
        *ret = mo_value_of(MO_V_JUMP_ENTRY, ea.index, 0);
    else if (f->step->op == MO_STEP_LOAD && a->size == 8 && !ea.k && inside)
        *ret = mo_number((memcpy(&n, c->constants + (at - c->const_at), sizeof n), n));
    return true;
}

/* What LLVM makes of a null that is checked elsewhere: the first page is never mapped. */
static bool null_access(mo_flow *f, mo_value ea, const access *a)
{
    if (ea.at < 0 || ea.at + (uint64_t)a->size > NULL_BYTES)
        return refuse_value(f, ea, a);
    return f->faults = true;
}

/* --- any ------------------------------------------------------------------ */

static bool access_one(mo_flow *f, mo_value ea, const access *a, mo_value *ret)
{
    *ret = mo_unknown();
    switch (ea.kind) {
    case MO_V_MEMORY: return ea.k == 1 || refuse_value(f, ea, a);
    case MO_V_CONTEXT: case MO_V_RUN: return context_access(f, ea, a, ret);
    case MO_V_STACK: return stack_access(f, ea, a, ret);
    case MO_V_TABLE: return table_access(f, ea, a, ret);
    case MO_V_WORD: return word_access(f, ea, a, ret);
    case MO_V_MEMORY_DESC: case MO_V_TABLE_DESC: return desc_access(f, ea, a, ret);
    case MO_V_GLOBAL: return global_access(f, ea, a, ret);
    case MO_V_HELPERS: return helpers_access(f, ea, a, ret);
    case MO_V_CONST: return const_access(f, ea, a, ret);
    case MO_V_NUMBER: return null_access(f, ea, a);
    default: return refuse_value(f, ea, a);
    }
}

static bool access_all(mo_flow *f, mo_value ea, const access *a, mo_value *ret)
{
    mo_values *all = &f->checker->values;
    if (ea.kind != MO_V_EITHER)
        return access_one(f, ea, a, ret);
    uint32_t n;
    access each = *a;
    each.chosen = true;
    mo_value_members(all, &ea, &n);
    for (uint32_t i = 0; i < n; i++) {
        mo_value one;
        if (!access_one(f, mo_value_members(all, &ea, &n)[i], &each, &one))
            return false;
        *ret = i == 0 ? one : mo_value_join(all, *ret, one);
    }
    return true;
}

bool mo_flow_load(mo_flow *f, mo_value ea, uint32_t size, mo_value *ret)
{
    return access_all(f, ea, &(access){.size = size}, ret);
}

bool mo_flow_store(mo_flow *f, mo_value ea, uint32_t size, mo_value stored)
{
    mo_value none;
    return access_all(f, ea, &(access){.size = size, .write = true, .stored = stored}, &none);
}
