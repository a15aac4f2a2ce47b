/* value.c - the lattice of what a word may be: joins, and sums of pointers and numbers. */
#include "check/value.h"

#include <stdio.h>

int mo_low_zeros(int64_t n)
{
    return n == 0 ? 63 : __builtin_ctzll((uint64_t)n);
}

mo_value mo_data_with(int zeros)
{
    return (mo_value){.kind = MO_V_DATA, .k = (int8_t)(zeros > 63 ? 63 : zeros < 0 ? 0 : zeros)};
}

mo_value mo_number(int64_t n)
{
    return n == (int32_t)n ? mo_value_of(MO_V_NUMBER, 0, n) : mo_data_with(mo_low_zeros(n));
}

mo_value mo_word(uint32_t mask)
{
    return mask ? (mo_value){.kind = MO_V_WORD, .k = (int8_t)mask} : mo_unknown();
}

const mo_value *mo_value_members(const mo_values *all, const mo_value *v, uint32_t *retn)
{
    if (v->kind != MO_V_EITHER)
        return *retn = 1, v;
    *retn = all->sets[v->index].n;
    return all->sets[v->index].values;
}

int mo_value_zeros(const mo_values *all, mo_value v)
{
    if (v.kind == MO_V_DATA)
        return v.k;
    uint32_t n;
    int zeros = 63;
    const mo_value *members = mo_value_members(all, &v, &n);
    for (uint32_t i = 0; i < n; i++) {
        int own = members[i].kind == MO_V_NUMBER ? mo_low_zeros(members[i].at) : 0;
        zeros = own < zeros ? own : zeros;
    }
    return zeros;
}

bool mo_value_is_number(const mo_values *all, mo_value v)
{
    uint32_t n;
    return mo_value_members(all, &v, &n)[0].kind == MO_V_NUMBER; /* a set holds numbers alone, or none */
}

/* --- reference words ---------------------------------------------------- */

static bool is_record(const mo_values *all, mo_value v)
{
    return v.kind == MO_V_CONTEXT && v.at >= 0 && (uint32_t)v.at >= all->records_at && (uint32_t)v.at < all->records_end &&
           ((uint32_t)v.at - all->records_at) % all->record_size == 0;
}

static uint32_t one_mask(const mo_values *all, mo_value v)
{
    if (v.kind == MO_V_NUMBER && v.at == 0)
        return 0xff;
    if (v.kind == MO_V_WORD && v.at == 0)
        return (uint8_t)v.k;
    return is_record(all, v) ? MO_WORD_FUNC : 0;
}

/* The kinds of reference that v may be taken for. */
static uint32_t word_mask(const mo_values *all, mo_value v)
{
    uint32_t n, mask = 0xff;
    const mo_value *members = mo_value_members(all, &v, &n);
    for (uint32_t i = 0; i < n; i++)
        mask &= one_mask(all, members[i]);
    return mask;
}

bool mo_value_is_word(const mo_values *all, mo_value v, uint32_t mask)
{
    return (word_mask(all, v) & mask) != 0;
}

/* What is left of too many values. */
static mo_value collapse(const mo_value_set *set)
{
    mo_value v = {.kind = MO_V_CONST, .k = 1, .index = set->values[0].index};
    for (uint32_t i = 0; i < set->n; i++) {
        if (set->values[i].kind != MO_V_CONST)
            return mo_unknown();
        if (set->values[i].index != v.index)
            v.index = MO_ANY_INDEX;
    }
    return v;
}

static mo_value unite(mo_values *all, mo_value a, mo_value b)
{
    mo_value_set set = {0};
    uint32_t n;
    const mo_value *members = mo_value_members(all, &a, &n);
    for (uint32_t i = 0; i < n; i++)
        mo_set_put(&set, members[i]);
    members = mo_value_members(all, &b, &n);
    for (uint32_t i = 0; i < n; i++)
        if (!mo_set_put(&set, members[i]))
            return collapse(&set);
    return mo_set_value(all, &set);
}

/* --- join ---------------------------------------------------------------- */

uint8_t mo_data_flags(const mo_values *all, mo_value v)
{
    if (v.kind == MO_V_DATA)
        return v.flags;
    if (!mo_value_is_number(all, v))
        return 0;
    uint32_t n;
    const mo_value *members = mo_value_members(all, &v, &n);
    for (uint32_t i = 0; i < n; i++)
        if (members[i].at < 0)
            return 0;
    return MO_DATA_HALF;
}

bool mo_value_is_plain(const mo_values *all, mo_value v) { return v.kind == MO_V_DATA || mo_value_is_number(all, v); }

/* Two different values of one kind where the kind has a common form. */
static bool join_alike(mo_value a, mo_value b, mo_value *ret)
{
    *ret = a;
    switch (a.kind) {
    case MO_V_MEMORY:
        if (a.k != b.k)
            *ret = mo_unknown();
        ret->index = a.index == b.index ? a.index : MO_ANY_INDEX;
        return true;
    case MO_V_TABLE:
        ret->index = a.index == b.index ? a.index : MO_ANY_INDEX;
        return a.at == b.at;
    case MO_V_CONST:
        *ret = (mo_value){.kind = MO_V_CONST, .k = 1, .index = a.index == b.index ? a.index : MO_ANY_INDEX};
        return a.k || b.k; /* two places that are known stay so */
    case MO_V_STACK: case MO_V_JUMP_ENTRY: case MO_V_JUMP_TARGET:
        *ret = mo_unknown();
        return true;
    default:
        return false;
    }
}

static mo_value join_plain(mo_values *all, mo_value a, mo_value b)
{
    if (a.kind != MO_V_DATA && b.kind != MO_V_DATA) {
        mo_value v = unite(all, a, b);
        if (v.kind != MO_V_DATA)
            return v;
    }
    int x = mo_value_zeros(all, a), y = mo_value_zeros(all, b);
    mo_value v = mo_data_with(x < y ? x : y);
    if (a.kind == b.kind && a.index == b.index)
        v.index = a.kind == MO_V_DATA ? a.index : 0;
    v.flags = mo_data_flags(all, a) & mo_data_flags(all, b);
    v.at = v.flags & MO_DATA_MASK ? a.at | b.at : 0;
    return v;
}

static mo_value join_kinds(mo_values *all, mo_value a, mo_value b)
{
    mo_value v;
    bool plain_a = mo_value_is_plain(all, a), plain_b = mo_value_is_plain(all, b);
    if (plain_a && plain_b)
        return join_plain(all, a, b);
    uint32_t mask = word_mask(all, a) & word_mask(all, b);
    if (mask)
        return mo_word(mask);
    if (plain_a || plain_b)
        return mo_unknown();
    if (a.kind == b.kind && join_alike(a, b, &v))
        return v;
    return unite(all, a, b);
}

mo_value mo_value_join(mo_values *all, mo_value a, mo_value b)
{
    if (mo_value_same(a, b))
        return a;
    uint8_t entry = a.entry == b.entry ? a.entry : 0;
    a.entry = b.entry = 0;
    mo_value v = mo_value_same(a, b) ? a : join_kinds(all, a, b);
    v.entry = entry;
    return v;
}

/* --- sums ---------------------------------------------------------------- */

static mo_value add_number(mo_value v, int64_t n)
{
    int64_t at = v.at + n;
    if (n == 0)
        return v;
    switch (v.kind) {
    case MO_V_NUMBER:
        return mo_number(at);
    case MO_V_MEMORY:
        return v;
    case MO_V_TABLE:
        v.at = (int32_t)((uint64_t)at & 31);
        return v;
    case MO_V_CONTEXT: case MO_V_RUN: case MO_V_HELPERS: case MO_V_MEMORY_DESC: case MO_V_TABLE_DESC:
    case MO_V_GLOBAL: case MO_V_WORD: case MO_V_STACK: case MO_V_CONST:
        if (at != (int32_t)at)
            return mo_unknown();
        v.at = (int32_t)at;
        return v;
    default:
        return mo_unknown();
    }
}

static mo_value memory_times(mo_value v, int k)
{
    if (k == 0 || k != (int8_t)k)
        return mo_unknown();
    v.k = (int8_t)k;
    return v;
}

static mo_value add_one(mo_value a, mo_value b)
{
    if (b.kind == MO_V_NUMBER)
        return add_number(a, b.at);
    if (a.kind == MO_V_NUMBER)
        return add_number(b, a.at);
    if (a.kind == MO_V_MEMORY && b.kind == MO_V_MEMORY)
        return a.index == b.index ? memory_times(a, a.k + b.k) : mo_unknown();
    if (a.kind == MO_V_DATA) {
        mo_value t = a;
        a = b;
        b = t;
    }
    if ((a.kind == MO_V_CONST && b.kind == MO_V_JUMP_ENTRY) || (a.kind == MO_V_JUMP_ENTRY && b.kind == MO_V_CONST)) {
        const mo_value *label = a.kind == MO_V_CONST ? &a : &b;
        bool own = a.index == b.index && label->at == 0 && label->k == 0;
        return own ? mo_value_of(MO_V_JUMP_TARGET, a.index, 0) : mo_unknown();
    }
    if (b.kind != MO_V_DATA)
        return mo_unknown();
    switch (a.kind) {
    case MO_V_DATA:
        return mo_data_with(a.k < b.k ? a.k : b.k); /* sums of halves: mo_value_compute */
    case MO_V_MEMORY:
        return a;
    case MO_V_TABLE:
        return b.k >= 5 ? a : mo_unknown();
    case MO_V_CONST:
        a.k = 1;
        return a;
    default:
        return mo_unknown();
    }
}

mo_value mo_value_add(mo_values *all, mo_value a, mo_value b)
{
    uint32_t n, m;
    mo_value first = a, second = b, sum = mo_unknown();
    first.entry = second.entry = 0;
    if (a.kind != MO_V_EITHER && b.kind != MO_V_EITHER)
        return add_one(first, second);
    for (uint32_t i = 0, ni = (mo_value_members(all, &a, &n), n); i < ni; i++)
        for (uint32_t j = 0, nj = (mo_value_members(all, &b, &m), m); j < nj; j++) {
            mo_value v = add_one(mo_value_members(all, &first, &n)[i], mo_value_members(all, &second, &m)[j]);
            sum = i + j == 0 ? v : mo_value_join(all, sum, v);
        }
    return sum;
}

mo_value mo_value_negate(mo_values *all, mo_value v)
{
    v.entry = 0;
    if (v.kind == MO_V_MEMORY)
        return memory_times(v, -v.k);
    return mo_value_is_plain(all, v) ? mo_value_compute(all, MO_SUM_SUB, 8, mo_number(0), v) : mo_unknown();
}

mo_value mo_value_scale(mo_values *all, mo_value v, int shift)
{
    v.entry = 0;
    if (shift == 0)
        return v;
    if (v.kind == MO_V_MEMORY)
        return shift < 6 ? memory_times(v, v.k * (1 << shift)) : mo_unknown();
    return mo_value_is_plain(all, v) ? mo_value_compute(all, MO_SUM_SHL, 8, v, mo_number(shift)) : mo_unknown();
}

mo_value mo_value_widen(const mo_values *all, mo_value v)
{
    uint8_t entry = v.entry;
    if (v.kind == MO_V_DATA || (v.kind == MO_V_EITHER && mo_value_is_number(all, v)))
        v = mo_data_with(mo_value_zeros(all, v));
    else if (v.kind == MO_V_EITHER && all->sets[v.index].values[0].kind == MO_V_CONST)
        v = collapse(&all->sets[v.index]);
    v.entry = entry;
    return v;
}

/* --- words --------------------------------------------------------------- */

const char *mo_value_text(mo_value v, char buf[MO_VALUE_TEXT])
{
    static const char *const names[] = {
        "a number", "a constant", "the context", "the running call", "the helpers' table", "a helper", "a function's address",
        "an import's address", "an import's context", "a table entry's address", "a table entry's context",
        "a funcref's address", "a funcref's context", "a memory", "a memory's descriptor", "a table's descriptor",
        "a table entry", "an imported global", "a reference", "the stack", "a constant of the code",
        "an entry of a jump table", "a jump table's target", "one of several pointers",
    };
    const char *name = names[v.kind];
    bool placed = v.kind == MO_V_CONTEXT || v.kind == MO_V_RUN || v.kind == MO_V_STACK || v.kind == MO_V_WORD || v.kind == MO_V_HELPERS;
    if (v.kind == MO_V_NUMBER)
        snprintf(buf, MO_VALUE_TEXT, "the number %" PRId32, v.at);
    else if (v.kind == MO_V_MEMORY && v.k != 1)
        snprintf(buf, MO_VALUE_TEXT, "%d times a memory's base", v.k);
    else if (placed && v.at)
        snprintf(buf, MO_VALUE_TEXT, "%s %c %" PRId64, name, v.at < 0 ? '-' : '+', v.at < 0 ? -(int64_t)v.at : (int64_t)v.at);
    else
        snprintf(buf, MO_VALUE_TEXT, "%s", name);
    return buf;
}
