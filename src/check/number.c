/* number.c - arithmetic on words that are no pointers, as far as it says which offset
 * of the context is meant: compilers make one of two globals' addresses from a bit. */
#include "check/value.h"

/* The numbers that v, or its lower half, may be; 0 if that is not known. */
static uint32_t numbers_of(const mo_values *all, const mo_value *v, int width, const mo_value **ret)
{
    uint32_t n = 0;
    if (v->kind == MO_V_DATA) {
        if (width == 4 && v->index)
            *ret = all->sets[v->index - 1].values, n = all->sets[v->index - 1].n;
        return n;
    }
    if (mo_value_is_number(all, *v))
        *ret = mo_value_members(all, v, &n);
    return n;
}

static bool put_number(mo_value_set *set, uint64_t n, int width)
{
    int64_t at = width == 4 ? (int32_t)(uint32_t)n : (int64_t)n;
    return at == (int32_t)at && mo_set_put(set, mo_value_of(MO_V_NUMBER, 0, at));
}

/* The value whose 8 bytes, or whose lower 4 with zeros above, are one of set. */
static mo_value from_set(mo_values *all, mo_value_set *set, int width)
{
    bool negative = false;
    for (uint32_t i = 0; i < set->n; i++)
        negative |= set->values[i].at < 0;
    if (width == 8 || !negative)
        return mo_set_value(all, set);
    return (mo_value){.kind = MO_V_DATA, .flags = MO_DATA_HALF, .index = mo_set_number(all, set)};
}

static uint64_t compute(mo_sum op, int width, uint64_t a, uint64_t b)
{
    unsigned shift = (unsigned)b & (width == 8 ? 63 : 31);
    switch (op) {
    case MO_SUM_ADD: return a + b;
    case MO_SUM_SUB: return a - b;
    case MO_SUM_AND: return a & b;
    case MO_SUM_OR: return a | b;
    case MO_SUM_XOR: return a ^ b;
    case MO_SUM_SHL: return a << shift;
    case MO_SUM_SHR: return (width == 8 ? a : (uint32_t)a) >> shift;
    case MO_SUM_NOT: return ~a;
    case MO_SUM_MOVE: return a;
    }
    return 0;
}

/* Data of 32 bits whose set bits are all in mask: each of them, if they are few. */
static mo_value masked(mo_values *all, uint32_t mask)
{
    mo_value_set set = {0};
    if (__builtin_popcount(mask) > 5 || mask >> 31)
        return (mo_value){.kind = MO_V_DATA, .k = (int8_t)mo_low_zeros(mask), .flags = MO_DATA_HALF | MO_DATA_MASK, .at = (int32_t)mask};
    for (uint32_t part = mask;; part = (part - 1) & mask) {
        mo_set_put(&set, mo_number(part));
        if (!part)
            return mo_set_value(all, &set);
    }
}

/* The bits of the lower half that may be set. */
static uint32_t may_be_set(const mo_values *all, mo_value v)
{
    if (v.kind == MO_V_NUMBER || (v.kind == MO_V_DATA && (v.flags & MO_DATA_MASK)))
        return (uint32_t)v.at;
    int zeros = mo_value_zeros(all, v);
    return zeros < 32 ? UINT32_MAX << zeros : 0;
}

/* What is known of a result when an operand is not: bits, if it has no upper half;
 * low zeros. */
static mo_value compute_data(mo_values *all, mo_sum op, int width, mo_value a, mo_value b)
{
    int x = mo_value_zeros(all, a), y = mo_value_zeros(all, b), low = x < y ? x : y, most = x > y ? x : y;
    unsigned shift = (unsigned)b.at & (width == 8 ? 63 : 31);
    bool known = b.kind == MO_V_NUMBER, half = width == 4 || (mo_data_flags(all, a) & MO_DATA_HALF);
    uint32_t may = may_be_set(all, a);
    switch (op) {
    case MO_SUM_AND:
        if (known && (half || b.at >= 0))
            return masked(all, may & (uint32_t)b.at);
        return mo_data_with(most);
    case MO_SUM_SHL:
        if (known && width == 4)
            return masked(all, may << shift);
        return known ? mo_data_with(x + (int)shift) : mo_unknown();
    case MO_SUM_SHR:
        if (known && half)
            return masked(all, shift < 32 ? may >> shift : 0);
        return known && shift > 32 ? masked(all, UINT32_MAX >> (shift - 32)) : mo_unknown();
    case MO_SUM_MOVE:
        return half ? masked(all, may) : mo_data_with(x);
    case MO_SUM_NOT:
        return mo_unknown();
    default:
        return mo_data_with(low);
    }
}

mo_value mo_value_compute(mo_values *all, mo_sum op, int width, mo_value a, mo_value b)
{
    const mo_value *as = NULL, *bs = NULL;
    mo_value_set set = {0};
    uint32_t na = numbers_of(all, &a, width, &as), nb = numbers_of(all, &b, width, &bs);
    bool known = na && nb;
    for (uint32_t i = 0; known && i < na; i++)
        for (uint32_t j = 0; known && j < nb; j++)
            known = put_number(&set, compute(op, width, (uint64_t)(int64_t)as[i].at, (uint64_t)(int64_t)bs[j].at), width);
    if (known)
        return from_set(all, &set, width);
    mo_value v = mo_value_is_plain(all, a) && mo_value_is_plain(all, b) ? compute_data(all, op, width, a, b) : mo_unknown();
    if (width == 4 && v.kind == MO_V_DATA)
        v.flags |= MO_DATA_HALF;
    return v;
}

/* Of the numbers that v may be those below n; v itself if none is, for no way leads there. */
static mo_value numbers_below(mo_values *all, mo_value v, int width, uint64_t n)
{
    uint32_t nmembers;
    mo_value_set set = {0};
    const mo_value *members = mo_value_members(all, &v, &nmembers);
    for (uint32_t i = 0; i < nmembers; i++) {
        int64_t at = members[i].at;
        if ((width == 4 ? (uint32_t)at : (uint64_t)at) < n)
            mo_set_put(&set, members[i]);
    }
    return set.n ? mo_set_value(all, &set) : v;
}

mo_value mo_value_below(mo_values *all, mo_value v, int width, uint64_t n)
{
    mo_value_set set = {0};
    if (mo_value_is_number(all, v))
        return numbers_below(all, v, width, n);
    if (v.kind != MO_V_DATA || n == 0 || n > MO_SET_VALUES)
        return v;
    for (uint64_t i = 0; i < n; i++)
        mo_set_put(&set, mo_number((int64_t)i));
    if (width == 8 || (v.flags & MO_DATA_HALF))
        return mo_set_value(all, &set);
    v.index = mo_set_number(all, &set);
    return v;
}

mo_value mo_value_low_byte(mo_values *all, mo_value v)
{
    const mo_value *numbers;
    if (v.kind == MO_V_DATA && (v.flags & MO_DATA_BIT))
        return mo_value_below(all, mo_unknown(), 8, 2);
    if (numbers_of(all, &v, 4, &numbers))
        return mo_value_compute(all, MO_SUM_AND, 4, v, mo_number(0xff));
    return (mo_value){.kind = MO_V_DATA, .flags = MO_DATA_HALF};
}

mo_value mo_value_set_byte(mo_values *all, mo_value v)
{
    uint32_t n;
    const mo_value *members = mo_value_members(all, &v, &n);
    bool byte = mo_value_is_number(all, v);
    for (uint32_t i = 0; byte && i < n; i++)
        byte = members[i].at >= 0 && members[i].at < 256;
    if (byte)
        return mo_value_below(all, mo_unknown(), 8, 2);
    return (mo_value){.kind = MO_V_DATA, .flags = (uint8_t)(MO_DATA_BIT | (mo_data_flags(all, v) & MO_DATA_HALF))};
}
