/* types.c - defined types of all modules -> type ids of this process.
 * Two types are equal if their rec groups are equal and they stand in the same
 * place (Wasm 3.0, "defined types": iso-recursive). A group's key is its structure in
 * words, references into the group counted from its start, all others by type id:
 *
 *   per type:  kind | final, supertype, nparams, nresults, nfields,
 *              params, results, fields (type, mutable)
 *
 * What always holds:
 *   1  an id, once given out, keeps its meaning; nothing is removed;
 *   2  entries and their arrays never move, so readers need no lock: whoever has
 *      an id got it after its entry was written;
 *   3  only the holder of the lock writes.
 * The first entries and their arrays live in static memory, the very first in few
 * pages: most processes never ask the heap for more, and a new one touches little. */
#include "artifact/open.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

typedef struct type_entry {
    const mo_valtype *params, *results; /* global value types; other kinds: NULL */
    const uint32_t *supers; /* ids of the declared supertypes, supers[k] with k above it */
    uint32_t nparams, nresults;
    const uint32_t *key;    /* of the group; in its first type only */
    uint32_t key_len, group_len;
    uint32_t hash;
    uint16_t depth;
    uint8_t kind, final;
} type_entry;

#define CHUNK 1024
#define CHUNKS (MO_HEAP_ABSTRACT / CHUNK)
#define FIRST_SLOTS 256
#define BLOCK (64u << 10)

/* Heap types in a key that mean "type n of this group". */
#define IN_GROUP (MO_HEAP_ABSTRACT + 0x100)
#define SUPER_IN_GROUP 0x80000000u
static_assert(IN_GROUP + MO_MAX_TYPES < 1u << (32 - MO_HEAP_SHIFT), "a place in a group fits a value type");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint32_t slots[FIRST_SLOTS];
    _Alignas(8) uint8_t block[2048];
    type_entry chunk[CHUNK];
} early;
static struct {
    uint32_t slots[FIRST_SLOTS * 8];
    _Alignas(8) uint8_t block[BLOCK];
    bool block_used;
} later;
static type_entry *_Atomic chunks[CHUNKS]; /* [0] is early.chunk, and not used */
static uint32_t next_id = 1;
static uint32_t *slots = early.slots; /* open hash table: groups' first ids */
static uint32_t nslots = FIRST_SLOTS, ngroups;
static uint8_t *block = early.block;
static size_t block_left = sizeof early.block;

static type_entry *entry_of(uint32_t id)
{
    if (id < CHUNK) return &early.chunk[id];
    return &atomic_load_explicit(&chunks[id / CHUNK], memory_order_acquire)[id % CHUNK];
}

/* --- writing, under the lock ------------------------------------------- */

static bool next_block(size_t size)
{
    size_t want = size > BLOCK ? size : BLOCK;
    uint8_t *fresh = later.block_used || want > BLOCK ? mo_alloc(want) : later.block;
    if (!fresh) return false;
    later.block_used |= fresh == later.block;
    block = fresh;
    block_left = want;
    return true;
}

/* Memory that lives as long as the process. */
static void *take_forever(size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if (size > block_left && !next_block(size)) return NULL;
    void *p = block;
    block += size;
    block_left -= size;
    return p;
}

static bool have_entries(uint32_t n)
{
    for (uint32_t c = next_id / CHUNK; c <= (next_id + n - 1) / CHUNK; c++) {
        if (c == 0 || atomic_load_explicit(&chunks[c], memory_order_relaxed)) continue;
        type_entry *fresh = mo_calloc(CHUNK, sizeof *fresh);
        if (!fresh) return false;
        atomic_store_explicit(&chunks[c], fresh, memory_order_release);
    }
    return true;
}

static uint32_t *free_slot(uint32_t *table, uint32_t n, uint32_t hash)
{
    uint32_t i = hash & (n - 1);
    while (table[i]) i = (i + 1) & (n - 1);
    return &table[i];
}

static bool have_slot(void)
{
    if (ngroups < nslots / 2) return true;
    bool from_early = slots == early.slots;
    uint32_t n = from_early ? MO_COUNT(later.slots) : nslots * 2;
    uint32_t *wider = from_early ? later.slots : mo_calloc(n, sizeof *wider);
    if (!wider) return false;
    for (uint32_t i = 0; i < nslots; i++)
        if (slots[i]) *free_slot(wider, n, entry_of(slots[i])->hash) = slots[i];
    if (!from_early && slots != later.slots) mo_free(slots);
    slots = wider;
    nslots = n;
    return true;
}

static uint32_t find_group(const uint32_t *key, uint32_t len, uint32_t hash)
{
    for (uint32_t i = hash & (nslots - 1); slots[i]; i = (i + 1) & (nslots - 1)) {
        const type_entry *e = entry_of(slots[i]);
        if (e->hash == hash && e->key_len == len && memcmp(e->key, key, len * sizeof *key) == 0) return slots[i];
    }
    return 0;
}

/* A key's value types with the group's own places filled in. */
static void fill_in(const uint32_t *from, uint32_t n, uint32_t first, mo_valtype *to)
{
    for (uint32_t i = 0; i < n; i++) {
        bool own = mo_is_ref(from[i]) && mo_heap(from[i]) >= IN_GROUP;
        to[i] = own ? mo_ref_type(first + (mo_heap(from[i]) - IN_GROUP), mo_is_nullable(from[i])) : from[i];
    }
}

static bool fill_supers(type_entry *e, uint32_t super, uint32_t first)
{
    if (!super) return true;
    uint32_t id = super & SUPER_IN_GROUP ? first + (super & ~SUPER_IN_GROUP) : super;
    const type_entry *s = entry_of(id);
    uint32_t *supers = take_forever((s->depth + 1u) * sizeof *supers);
    if (!supers) return false;
    if (s->depth) memcpy(supers, s->supers, s->depth * sizeof *supers);
    supers[s->depth] = id;
    e->supers = supers;
    e->depth = (uint16_t)(s->depth + 1);
    return true;
}

/* Writes the entry of the type whose words begin at key; returns where they end. */
static const uint32_t *fill_entry(uint32_t id, const uint32_t *key, uint32_t first)
{
    type_entry *e = entry_of(id);
    uint32_t nparams = key[2], nresults = key[3], nfields = key[4];
    const uint32_t *types = key + 5;
    *e = (type_entry){.kind = (uint8_t)key[0], .final = (uint8_t)(key[0] >> 8), .nparams = nparams, .nresults = nresults};
    mo_valtype *copy = take_forever((nparams + nresults + 1) * sizeof *copy);
    if (!copy || !fill_supers(e, key[1], first)) return NULL;
    fill_in(types, nparams + nresults, first, copy);
    e->params = copy;
    e->results = copy + nparams;
    return types + nparams + nresults + 2 * nfields;
}

/* Returns the id of the group's first type, the others follow it; 0: memory is out,
 * UINT32_MAX: too many types. */
static uint32_t add_group(const uint32_t *key, uint32_t len, uint32_t ntypes, uint32_t hash)
{
    if (ntypes > MO_HEAP_ABSTRACT - next_id) return UINT32_MAX;
    if (!have_slot() || !have_entries(ntypes)) return 0;
    uint32_t first = next_id, *kept = take_forever(len * sizeof *kept);
    if (!kept) return 0;
    memcpy(kept, key, len * sizeof *kept);
    const uint32_t *at = kept;
    for (uint32_t i = 0; i < ntypes; i++)
        if (!(at = fill_entry(first + i, at, first))) return 0;
    type_entry *e = entry_of(first);
    e->key = kept;
    e->key_len = len;
    e->group_len = ntypes;
    e->hash = hash;
    *free_slot(slots, nslots, hash) = first;
    ngroups++;
    next_id += ntypes;
    return first;
}

static uint32_t intern_group(const uint32_t *key, uint32_t len, uint32_t ntypes)
{
    uint32_t hash = (uint32_t)mo_hash64(key, len * sizeof *key, mo_hash_seed());
    uint32_t first = find_group(key, len, hash);
    return first ? first : add_group(key, len, ntypes, hash);
}

/* --- a module's types -> keys ------------------------------------------ */

typedef struct key_maker {
    const mo_meta *meta;
    uint32_t *ids;
    uint32_t first, end; /* the group */
    uint32_t *words;
    size_t n, cap;
    uint32_t few[128];   /* words, until they are more */
} key_maker;

static const void *list_at(const key_maker *k, mo_list list)
{
    return (const uint8_t *)k->meta + list.at;
}

static bool have_words(key_maker *k, uint64_t more)
{
    if (more <= k->cap - k->n) return true;
    bool moves = k->words == k->few;
    uint32_t *old = moves ? NULL : k->words;
    size_t cap = moves ? 0 : k->cap;
    if (!mo_grow(&old, &cap, k->n + more, sizeof *old)) return false;
    if (moves) memcpy(old, k->few, k->n * sizeof *old);
    k->words = old;
    k->cap = cap;
    return true;
}

static uint32_t word_of(const key_maker *k, mo_valtype t)
{
    if (!mo_is_ref(t) || !mo_heap_is_concrete(mo_heap(t))) return t;
    uint32_t heap = mo_heap(t);
    bool own = heap >= k->first && heap < k->end;
    return mo_ref_type(own ? IN_GROUP + (heap - k->first) : k->ids[heap], mo_is_nullable(t));
}

static uint32_t super_word(const key_maker *k, uint32_t super)
{
    if (super == MO_NO_TYPE) return 0;
    return super >= k->first ? SUPER_IN_GROUP | (super - k->first) : k->ids[super];
}

static void put_types(key_maker *k, mo_list list)
{
    const mo_valtype *types = list_at(k, list);
    for (uint32_t i = 0; i < list.n; i++)
        k->words[k->n++] = word_of(k, types[i]);
}

static bool put_type(key_maker *k, const mo_meta_type *t)
{
    if (!have_words(k, 5 + (uint64_t)t->params.n + t->results.n + 2 * (uint64_t)t->fields.n)) return false;
    const uint32_t head[] = {(uint32_t)(t->kind | t->final << 8), super_word(k, t->super), t->params.n, t->results.n, t->fields.n};
    memcpy(k->words + k->n, head, sizeof head);
    k->n += MO_COUNT(head);
    put_types(k, t->params);
    put_types(k, t->results);
    const mo_meta_field *fields = list_at(k, t->fields);
    for (uint32_t i = 0; i < t->fields.n; i++) {
        k->words[k->n++] = word_of(k, fields[i].type);
        k->words[k->n++] = fields[i].mutable_;
    }
    return true;
}

/* Ids for the group that begins at k->first. */
static uint32_t intern_types(key_maker *k, const mo_meta_type *types)
{
    k->end = k->first + types[k->first].group_len;
    k->n = 0;
    for (uint32_t i = k->first; i < k->end; i++)
        if (!put_type(k, &types[i])) return 0;
    return k->n > UINT32_MAX ? UINT32_MAX : intern_group(k->words, (uint32_t)k->n, k->end - k->first);
}

static bool too_many(mote_error *err)
{
    return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "types in this process: limit is %u", MO_HEAP_ABSTRACT - 1);
}

static bool intern_all(key_maker *k, mote_error *err)
{
    const mo_meta_type *types = list_at(k, k->meta->types);
    for (; k->first < k->meta->ntypes; k->first = k->end) {
        const mo_meta_type *t = &types[k->first];
        bool again = t->canonical != k->first; /* equal to an earlier group of this module */
        uint32_t id = again ? k->ids[t->canonical] : intern_types(k, types);
        if (id == 0) return mo_fail_nomem(err);
        if (id == UINT32_MAX) return too_many(err);
        k->end = k->first + t->group_len;
        for (uint32_t i = k->first; i < k->end; i++)
            k->ids[i] = id + (i - k->first);
    }
    return true;
}

bool mo_types_intern(const mo_meta *meta, uint32_t *ids, mote_error *err)
{
    if (meta->ntypes == 0) return true;
    key_maker k;
    k.meta = meta;
    k.ids = ids;
    k.first = 0;
    k.words = k.few;
    k.cap = MO_COUNT(k.few);
    pthread_mutex_lock(&lock);
    bool ok = intern_all(&k, err);
    pthread_mutex_unlock(&lock);
    if (k.words != k.few) mo_free(k.words);
    return ok;
}

uint32_t mo_types_intern_func(const mo_valtype *params, uint32_t nparams, const mo_valtype *results, uint32_t nresults)
{
    uint32_t few[64], *key = few;
    size_t len = 5 + (size_t)nparams + nresults;
    if (len > MO_COUNT(few) && !(key = mo_alloc(len * sizeof *key))) return 0;
    const uint32_t head[] = {MO_TYPE_FUNC | 1 << 8, 0, nparams, nresults, 0};
    memcpy(key, head, sizeof head);
    if (nparams) memcpy(key + MO_COUNT(head), params, nparams * sizeof *params);
    if (nresults) memcpy(key + MO_COUNT(head) + nparams, results, nresults * sizeof *results);
    pthread_mutex_lock(&lock);
    uint32_t id = intern_group(key, (uint32_t)len, 1);
    pthread_mutex_unlock(&lock);
    if (key != few) mo_free(key);
    return id == UINT32_MAX ? 0 : id;
}

/* --- reading, without a lock ------------------------------------------- */

bool mo_type_id_below(uint32_t id, uint32_t wanted)
{
    if (id == wanted) return true;
    const type_entry *e = entry_of(id), *w = entry_of(wanted);
    return e->depth > w->depth && e->supers[w->depth] == wanted;
}

bool mo_type_id_func(uint32_t id, mo_func_shape *ret)
{
    const type_entry *e = entry_of(id);
    if (!e->params || e->kind != MO_TYPE_FUNC) return false;
    *ret = (mo_func_shape){e->params, e->results, e->nparams, e->nresults};
    return true;
}

mo_valtype mo_valtype_global(const mo_artifact *a, mo_valtype t)
{
    if (!mo_is_ref(t) || !mo_heap_is_concrete(mo_heap(t))) return t;
    return mo_ref_type(a->type_ids[mo_heap(t)], mo_is_nullable(t));
}

/* --- matching ---------------------------------------------------------- */

static bool heap_matches(uint32_t a, uint32_t b, const mo_heap_facts *facts)
{
    static const mo_module none; /* abstract heap types need no module */
    bool concrete_a = mo_heap_is_concrete(a), concrete_b = mo_heap_is_concrete(b);
    if (a == b) return true;
    if (concrete_a && concrete_b) return facts->below(facts->in, a, b);
    if (concrete_b) return a == (facts->kind(facts->in, b) == MO_TYPE_FUNC ? MO_HEAP_NOFUNC : MO_HEAP_NONE);
    if (concrete_a) {
        mo_type_kind kind = facts->kind(facts->in, a);
        a = kind == MO_TYPE_FUNC ? MO_HEAP_FUNC : kind == MO_TYPE_STRUCT ? MO_HEAP_STRUCT : MO_HEAP_ARRAY;
    }
    return mo_matches(&none, mo_ref_type(a, false), mo_ref_type(b, false));
}

bool mo_matches_with(mo_valtype a, mo_valtype b, const mo_heap_facts *facts)
{
    if (a == b) return true;
    if (!mo_is_ref(a) || !mo_is_ref(b)) return false;
    if (mo_is_nullable(a) && !mo_is_nullable(b)) return false;
    return heap_matches(mo_heap(a), mo_heap(b), facts);
}

static mo_type_kind kind_of_id(const void *in, uint32_t id)
{
    (void)in;
    return (mo_type_kind)entry_of(id)->kind;
}

static bool id_below(const void *in, uint32_t a, uint32_t b)
{
    (void)in;
    return mo_type_id_below(a, b);
}

bool mo_valtype_matches(mo_valtype a, mo_valtype b)
{
    return mo_matches_with(a, b, &(mo_heap_facts){.kind = kind_of_id, .below = id_below});
}
