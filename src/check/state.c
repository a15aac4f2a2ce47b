/* state.c - registers and sparse slots of one place, copied and joined. */
#include "check/state.h"

static uint32_t find(const mo_state *s, uint64_t key)
{
    uint32_t low = 0, high = s->nslots;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->slots[mid].key < key)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

mo_value mo_state_slot(const mo_state *s, uint64_t key)
{
    uint32_t i = find(s, key);
    return i < s->nslots && s->slots[i].key == key ? s->slots[i].value : mo_unknown();
}

/* A spilled number is worth a slot if it may be null, an offset in the context, a table
 * entry's distance, or a table. */
static bool says_nothing(const mo_values *all, mo_value v)
{
    if (v.entry || (v.kind != MO_V_DATA && v.kind != MO_V_NUMBER))
        return false;
    if (v.kind == MO_V_DATA)
        return v.k < 5;
    if (v.at == 0)
        return !all->nulls;
    return v.at < 0 || (v.at >= all->ntables && (v.at % 16 != 0 || v.at >= all->context_size));
}

bool mo_state_set_slot(const mo_values *all, mo_state *s, uint64_t key, mo_value v)
{
    uint32_t i = find(s, key);
    bool there = i < s->nslots && s->slots[i].key == key;
    if (says_nothing(all, v)) {
        if (there)
            memmove(&s->slots[i], &s->slots[i + 1], (--s->nslots - i) * sizeof *s->slots);
        return true;
    }
    if (!there) {
        if (!mo_grow(&s->slots, &s->cap, s->nslots + 1u, sizeof *s->slots))
            return false;
        memmove(&s->slots[i + 1], &s->slots[i], (s->nslots++ - i) * sizeof *s->slots);
    }
    s->slots[i] = (mo_slot){key, v, 0};
    return true;
}

static void clear_keys(mo_state *s, uint64_t from, uint64_t to)
{
    uint32_t i = find(s, from), end = i;
    while (end < s->nslots && s->slots[end].key < to)
        end++;
    if (end == i)
        return;
    memmove(&s->slots[i], &s->slots[end], (s->nslots - end) * sizeof *s->slots);
    s->nslots -= end - i;
}

void mo_state_clear_slots(mo_state *s, uint64_t from, uint64_t to)
{
    clear_keys(s, from - 7, to);
    clear_keys(s, mo_half_key(from) - 3, mo_half_key(to));
}

bool mo_state_copy(mo_state *to, const mo_state *from)
{
    if (!mo_grow(&to->slots, &to->cap, from->nslots, sizeof *to->slots) && from->nslots)
        return false;
    mo_slot *slots = to->slots;
    size_t cap = to->cap;
    if (from->nslots)
        memcpy(slots, from->slots, from->nslots * sizeof *slots);
    *to = *from;
    to->slots = slots;
    to->cap = cap;
    return true;
}

void mo_state_move(mo_state *to, mo_state *from)
{
    mo_free(to->slots);
    *to = *from;
    *from = (mo_state){0};
}

static bool join_value(mo_values *all, mo_value *a, mo_value b, bool widen)
{
    if (mo_value_same(*a, b))
        return false;
    mo_value v = mo_value_join(all, *a, b);
    if (widen && !mo_value_same(v, *a))
        v = mo_value_widen(all, v);
    bool changed = !mo_value_same(v, *a);
    *a = v;
    return changed;
}

static bool join_slots(mo_values *all, mo_state *a, const mo_state *b, bool widen)
{
    if (a->nslots == b->nslots && (a->nslots == 0 || memcmp(a->slots, b->slots, a->nslots * sizeof *a->slots) == 0))
        return false; /* most often so */
    uint32_t kept = 0, j = 0;
    bool changed = false;
    for (uint32_t i = 0; i < a->nslots; i++) {
        mo_slot slot = a->slots[i];
        while (j < b->nslots && b->slots[j].key < slot.key)
            j++;
        bool both = j < b->nslots && b->slots[j].key == slot.key;
        changed |= !both || join_value(all, &slot.value, b->slots[j].value, widen);
        if (both && !says_nothing(all, slot.value))
            a->slots[kept++] = slot;
    }
    a->nslots = kept;
    return changed;
}

bool mo_state_join(mo_values *all, mo_state *a, const mo_state *b, bool widen, bool *retchanged)
{
    if (!a->reached) {
        *retchanged = true;
        return mo_state_copy(a, b) && (a->reached = true);
    }
    bool changed = false;
    bool same = memcmp(a->registers, b->registers, sizeof a->registers) == 0;
    for (int i = 0; !same && i < MO_CHECK_REGISTERS; i++)
        changed |= join_value(all, &a->registers[i], b->registers[i], widen);
    changed |= join_slots(all, a, b, widen);
    if (b->touched > a->touched) {
        a->touched = b->touched;
        changed = true;
    }
    if (a->floor != b->floor && a->floor != INT32_MAX) {
        a->floor = INT32_MAX; /* nothing of the frame can be reached any more */
        changed = true;
    }
    *retchanged = changed;
    return true;
}

void mo_state_free(mo_state *s)
{
    mo_free(s->slots);
    *s = (mo_state){0};
}
