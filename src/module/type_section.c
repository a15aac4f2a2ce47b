/* type_section.c - rec groups in, canonical types out (Wasm 3.0, "types").
 * A group is spelled as words in which its own types are counted from its
 * start and all others are canonical: two groups are equivalent exactly when
 * their spellings are equal. The first of each is kept in a hash table; the
 * types of a later one become copies of it, so every type is compared once. */
#include "module/load.h"

typedef struct mo_type_keys {
    uint32_t *words; /* the spellings of all different groups, one after the other */
    size_t nwords, words_cap;
    struct group {
        uint64_t hash;
        size_t words_at, nwords;
        uint32_t first; /* type index */
    } *groups;
    size_t ngroups, groups_cap;
    uint32_t *slots; /* group number + 1, or 0; open addressing */
    size_t nslots;   /* a power of two */
    uint64_t seed;
} mo_type_keys;

/* --- decoding ---------------------------------------------------------- */

static bool read_storage(mo_reader *r, mo_valtype *ret)
{
    if (r->at == r->end || (*r->at != MO_I8_PACKED && *r->at != MO_I16_PACKED)) return mo_read_valtype(r, ret);
    *ret = *r->at++;
    return true;
}

static bool read_mutability(mo_reader *r, bool *ret)
{
    uint64_t at = mo_reader_at(r);
    uint8_t byte;
    if (!mo_read_byte(r, "mutability", &byte)) return false;
    if (byte > 1) return mo_fail(r->err, MOTE_MALFORMED, at, "malformed mutability: want 0 or 1, have %u", byte);
    *ret = byte == 1;
    return true;
}

static bool read_field(mo_reader *r, mo_field *ret)
{
    return read_storage(r, &ret->type) && read_mutability(r, &ret->mutable_);
}

static bool read_valtypes(mo_load *l, const char *what, uint32_t limit, const char *limit_text, uint32_t *retn,
                          const mo_valtype **ret)
{
    uint64_t at = mo_reader_at(&l->r);
    if (!mo_read_count(&l->r, what, 1, retn) || !mo_within(l->err, *retn, limit, limit_text, at)) return false;
    mo_valtype *types = mo_load_take(l, *retn, sizeof *types);
    if (!types) return false;
    for (uint32_t i = 0; i < *retn; i++)
        if (!mo_read_valtype(&l->r, &types[i])) return false;
    *ret = types;
    return true;
}

static bool read_func(mo_load *l, mo_type *t)
{
    t->kind = MO_TYPE_FUNC;
    if (!read_valtypes(l, "parameters", l->limits->params, mo_limit_text_params, &t->nparams, &t->params)) return false;
    uint64_t at = mo_reader_at(&l->r);
    if (!read_valtypes(l, "results", l->limits->results, mo_limit_text_results, &t->nresults, &t->results)) return false;
    return t->nresults < 2 || mo_need(&l->r, MO_FEATURE_MULTI_VALUE, at, "several results");
}

static bool read_struct(mo_load *l, mo_type *t)
{
    uint64_t at = mo_reader_at(&l->r);
    t->kind = MO_TYPE_STRUCT;
    if (!mo_need(&l->r, MO_FEATURE_GC, at, "struct type")) return false;
    if (!mo_read_count(&l->r, "fields", 2, &t->nfields)) return false;
    if (!MO_WITHIN(l->err, l->limits, fields, t->nfields, at)) return false;
    mo_field *fields = mo_load_take(l, t->nfields, sizeof *fields);
    if (!fields) return false;
    for (uint32_t i = 0; i < t->nfields; i++)
        if (!read_field(&l->r, &fields[i])) return false;
    t->fields = fields;
    return true;
}

static bool read_array(mo_load *l, mo_type *t)
{
    mo_field *field = mo_load_take(l, 1, sizeof *field);
    t->kind = MO_TYPE_ARRAY;
    t->nfields = 1;
    t->fields = field;
    return field && mo_need(&l->r, MO_FEATURE_GC, mo_reader_at(&l->r), "array type") && read_field(&l->r, field);
}

static bool read_composite(mo_load *l, uint8_t form, uint64_t at, mo_type *t)
{
    switch (form) {
    case 0x60: return read_func(l, t);
    case 0x5f: return read_struct(l, t);
    case 0x5e: return read_array(l, t);
    default: return mo_fail(l->err, MOTE_MALFORMED, at, "malformed type: want 0x5e, 0x5f or 0x60, have 0x%02x", form);
    }
}

static bool read_super(mo_load *l, uint32_t self, mo_type *t)
{
    uint64_t at = mo_reader_at(&l->r);
    uint32_t nsupers, super;
    if (!mo_read_count(&l->r, "supertypes", 1, &nsupers)) return false;
    if (nsupers > 1)
        return mo_fail(l->err, MOTE_INVALID, at, "sub type: want at most one supertype, have %" PRIu32, nsupers);
    if (nsupers == 0) return true;
    at = mo_reader_at(&l->r);
    if (!mo_read_u32(&l->r, "supertype", &super)) return false;
    if (super >= self)
        return mo_fail(l->err, MOTE_INVALID, at, "unknown type: want a supertype below %" PRIu32 ", have %" PRIu32, self,
                       super);
    t->super = l->types[super].canonical;
    return true;
}

static bool read_sub(mo_load *l, uint32_t self)
{
    mo_reader *r = &l->r;
    mo_type t = l->types[self];
    uint64_t at = mo_reader_at(r);
    uint8_t form;
    if (!mo_read_byte(r, "type", &form)) return false;
    if (form == 0x50 || form == 0x4f) {
        t.final = form == 0x4f;
        if (!mo_need(r, MO_FEATURE_GC, at, "sub type") || !read_super(l, self, &t)) return false;
        at = mo_reader_at(r);
        if (!mo_read_byte(r, "type", &form)) return false;
    }
    if (!read_composite(l, form, at, &t)) return false;
    l->types[self] = t;
    return true;
}

/* Makes room for a group's types, so that they can name one another. */
static bool open_group(mo_load *l, uint32_t n, uint64_t at)
{
    mo_module *m = l->m;
    uint32_t first = m->ntypes;
    if (!MO_WITHIN(l->err, l->limits, types, (uint64_t)first + n, at)) return false;
    if (!mo_load_room(l, &l->types, &l->types_cap, (size_t)first + n, sizeof *l->types)) return false;
    for (uint32_t i = first; i < first + n; i++)
        l->types[i] = (mo_type){.final = true, .super = MO_NO_TYPE, .canonical = i, .group = first, .group_len = n};
    m->types = l->types;
    m->ntypes = first + n;
    return true;
}

/* --- spelling ---------------------------------------------------------- */

static bool put(mo_load *l, mo_type_keys *k, uint32_t word)
{
    if (mo_unlikely(k->nwords == k->words_cap) &&
        !mo_load_room(l, &k->words, &k->words_cap, k->nwords + 1, sizeof *k->words))
        return false;
    k->words[k->nwords++] = word;
    return true;
}

/* Types of the group itself are told from others by a bit that no type has. */
#define OWN_TYPE 0x01

static uint32_t spell_type(const mo_type *group, mo_valtype t)
{
    if (!mo_is_ref(t) || mo_heap(t) < group->group || !mo_heap_is_concrete(mo_heap(t))) return t;
    return mo_ref_type(mo_heap(t) - group->group, mo_is_nullable(t)) | OWN_TYPE;
}

static bool spell_all(mo_load *l, mo_type_keys *k, const mo_type *t, uint32_t n, const mo_valtype *types)
{
    for (uint32_t i = 0; i < n; i++)
        if (!put(l, k, spell_type(t, types[i]))) return false;
    return true;
}

static bool spell_sub(mo_load *l, mo_type_keys *k, const mo_type *t)
{
    bool own_super = t->super != MO_NO_TYPE && t->super >= t->group;
    uint32_t head = (uint32_t)t->kind | (uint32_t)t->final << 2 | (uint32_t)own_super << 3;
    if (!put(l, k, head) || !put(l, k, own_super ? t->super - t->group : t->super)) return false;
    if (!put(l, k, t->nparams) || !put(l, k, t->nresults + t->nfields)) return false;
    if (!spell_all(l, k, t, t->nparams, t->params) || !spell_all(l, k, t, t->nresults, t->results)) return false;
    for (uint32_t i = 0; i < t->nfields; i++)
        if (!put(l, k, spell_type(t, t->fields[i].type)) || !put(l, k, t->fields[i].mutable_)) return false;
    return true;
}

/* --- the hash table ---------------------------------------------------- */

static uint32_t *find_slot(mo_type_keys *k, const struct group *g)
{
    size_t mask = k->nslots - 1, i = (size_t)g->hash & mask;
    for (;; i = (i + 1) & mask) {
        if (k->slots[i] == 0) return &k->slots[i];
        const struct group *o = &k->groups[k->slots[i] - 1];
        if (o->hash == g->hash && o->nwords == g->nwords &&
            memcmp(k->words + o->words_at, k->words + g->words_at, g->nwords * sizeof *k->words) == 0)
            return &k->slots[i];
    }
}

static bool grow_slots(mo_load *l, mo_type_keys *k)
{
    if (k->nslots > k->ngroups * 2) return true;
    size_t n = k->nslots ? k->nslots * 2 : 64;
    uint32_t *slots = mo_calloc(n, sizeof *slots);
    if (!slots) return mo_load_fail_nomem(l);
    mo_free(k->slots);
    k->slots = slots;
    k->nslots = n;
    for (size_t g = 0; g < k->ngroups; g++) *find_slot(k, &k->groups[g]) = (uint32_t)g + 1;
    return true;
}

/* The first equivalent group's first type; first itself if there is none. */
static bool canonical_group(mo_load *l, mo_type_keys *k, uint32_t first, uint32_t n, uint32_t *ret)
{
    struct group g = {.words_at = k->nwords, .first = first};
    for (uint32_t i = first; i < first + n; i++)
        if (!spell_sub(l, k, &l->types[i])) return false;
    g.nwords = k->nwords - g.words_at;
    g.hash = mo_hash64(k->words + g.words_at, g.nwords * sizeof *k->words, k->seed);
    if (!grow_slots(l, k)) return false;
    uint32_t *slot = find_slot(k, &g);
    if (*slot) {
        k->nwords = g.words_at;
        *ret = k->groups[*slot - 1].first;
        return true;
    }
    if (!mo_load_room(l, &k->groups, &k->groups_cap, k->ngroups + 1, sizeof *k->groups)) return false;
    k->groups[k->ngroups++] = g;
    *slot = (uint32_t)k->ngroups;
    *ret = first;
    return true;
}

/* --- validity of declared supertypes ----------------------------------- */

static bool params_match(const mo_module *m, const mo_type *sub, const mo_type *super)
{
    if (sub->nparams != super->nparams || sub->nresults != super->nresults) return false;
    for (uint32_t i = 0; i < sub->nparams; i++)
        if (!mo_matches(m, super->params[i], sub->params[i])) return false;
    for (uint32_t i = 0; i < sub->nresults; i++)
        if (!mo_matches(m, sub->results[i], super->results[i])) return false;
    return true;
}

static bool field_matches(const mo_module *m, mo_field sub, mo_field super)
{
    if (sub.mutable_ != super.mutable_) return false;
    if (sub.mutable_ && !mo_matches(m, super.type, sub.type)) return false;
    return mo_matches(m, sub.type, super.type);
}

static bool fields_match(const mo_module *m, const mo_type *sub, const mo_type *super)
{
    if (sub->nfields < super->nfields) return false;
    for (uint32_t i = 0; i < super->nfields; i++)
        if (!field_matches(m, sub->fields[i], super->fields[i])) return false;
    return true;
}

static bool check_super(mo_load *l, uint32_t self, uint64_t at)
{
    const mo_module *m = l->m;
    mo_type *t = &l->types[self];
    if (t->super == MO_NO_TYPE) return true;
    const mo_type *super = &m->types[t->super];
    if (super->final)
        return mo_fail(l->err, MOTE_INVALID, at, "sub type %" PRIu32 ": its supertype %" PRIu32 " is final", self,
                       t->super);
    if (t->kind != super->kind || !params_match(m, t, super) || !fields_match(m, t, super))
        return mo_fail(l->err, MOTE_INVALID, at, "sub type %" PRIu32 " does not match its supertype %" PRIu32, self,
                       t->super);
    return true;
}

/* Depths first: matching of one type of a group may walk over another. */
static bool check_supers(mo_load *l, uint32_t first, uint32_t n, uint64_t at)
{
    for (uint32_t i = first; i < first + n; i++) {
        mo_type *t = &l->types[i];
        if (t->super != MO_NO_TYPE) t->depth = l->types[t->super].depth + 1;
        if (!MO_WITHIN(l->err, l->limits, subtyping_depth, t->depth, at)) return false;
    }
    for (uint32_t i = first; i < first + n; i++)
        if (!check_super(l, i, at)) return false;
    return true;
}

/* --- the section ------------------------------------------------------- */

static void copy_group(mo_load *l, uint32_t from, uint32_t to, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        l->types[to + i] = l->types[from + i];
        l->types[to + i].group = to;
    }
}

static bool read_group(mo_load *l, uint32_t n, uint64_t at)
{
    uint32_t first = l->m->ntypes, canonical;
    if (!open_group(l, n, at)) return false;
    for (uint32_t i = first; i < first + n; i++)
        if (!read_sub(l, i)) return false;
    if (n == 0) return true;
    if (!canonical_group(l, l->type_keys, first, n, &canonical)) return false;
    if (canonical == first) return check_supers(l, first, n, at);
    copy_group(l, canonical, first, n);
    return true;
}

static bool read_rec(mo_load *l)
{
    mo_reader *r = &l->r;
    uint64_t at = mo_reader_at(r);
    uint32_t n = 1;
    if (r->at != r->end && *r->at == 0x4e) {
        r->at++;
        if (!mo_need(r, MO_FEATURE_GC, at, "rec group")) return false;
        if (!mo_read_count(r, "types of a rec group", 2, &n)) return false;
    }
    return read_group(l, n, at);
}

bool mo_load_types(mo_load *l)
{
    mo_type_keys keys = {.seed = mo_hash_seed()};
    uint32_t n;
    bool ok = mo_read_count(&l->r, "types", 2, &n) &&
              mo_load_room(l, &l->types, &l->types_cap, n, sizeof *l->types);
    l->m->types = l->types;
    l->type_keys = &keys;
    for (uint32_t i = 0; ok && i < n; i++) ok = read_rec(l);
    l->type_keys = NULL;
    mo_free(keys.words);
    mo_free(keys.groups);
    mo_free(keys.slots);
    return ok;
}
