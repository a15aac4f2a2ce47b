/* instance.h - what a store holds: instances, and handles to the things that can be
 * imported and exported. Every handle lives as long as its store.
 *
 *   slot:  | context, layout's arrays, own tables | memory | memory | ...
 *
 * A handle never owns guest-visible state: a mo_memory_desc, mo_table_desc, a global's
 * value and a mo_tag_desc lie in the slot of the instance that defines them, or in
 * the store's arena if the host made them. */
#ifndef MO_INSTANCE_INSTANCE_H
#define MO_INSTANCE_INSTANCE_H

#include "instance/store.h"
#include "mote/func.h"
#include "mote/instance.h"

/* --- memories ----------------------------------------------------------- */

/* How a memory lies in its reservation. */
typedef struct mo_memory_space {
    uint64_t before, room, after; /* bytes; the memory can grow to room */
} mo_memory_space;

struct mote_memory {
    mo_memory_desc *desc;
    mote_store *store;
    mote_memory *next;     /* of the store's */
    mote_shared_memory *shared; /* a reference, or NULL */
    uint8_t *reserved;     /* an access in here is an access to this memory */
    size_t reserved_len;
    uint64_t room;         /* bytes that it can grow to */
    uint64_t most;         /* bytes that it ever had */
    uint64_t max;          /* pages */
    bool is64, has_max, checked;
    uint8_t page_shift;
    struct mo_reset *reset;     /* reset.h: its instance is tracked; or NULL */
    struct mo_tracked *tracked;
};

struct mote_shared_memory {
    int refs; /* atomic */
    int growing; /* atomic: a lock */
    mo_memory_desc desc;
    uint8_t *reserved;
    size_t reserved_len;
    uint64_t room, min, max;
    bool is64, checked;
    uint8_t page_shift;
};

static inline bool mo_memory_is_unchecked(const mo_meta_memory *type)
{
    return !(type->flags & MO_META_64) && type->page_shift == 16;
}
/* Room for a memory of this type; limit in bytes. */
bool mo_memory_plan(const mo_meta_memory *type, uint64_t limit, mo_memory_space *ret, mote_error *err);
/* Makes [reserved, ...) a memory: desc is filled, its first pages can be used.
 * memory->store and ->next are set here; the store counts its bytes. ready: so many can be used
 * already. */
bool mo_memory_place(mote_store *store, mote_memory *memory, const mo_meta_memory *type,
                     const mo_memory_space *space, uint8_t *reserved, uint64_t ready, mo_memory_desc *desc,
                     mote_error *err);
/* A new shared memory as that handle. */
bool mo_memory_share(mote_store *store, mote_memory *memory, const mo_meta_memory *type, mote_error *err);
void mo_memory_adopt(mote_store *store, mote_memory *memory, mote_shared_memory *shared);
void mo_memory_forget(mote_memory *memory);
/* Pages before, or -1. */
int64_t mo_memory_grow(mote_memory *memory, uint64_t delta);
static inline uint64_t mo_memory_bytes(const mote_memory *memory)
{
    return __atomic_load_n(&memory->desc->bytes, __ATOMIC_ACQUIRE);
}
static inline bool mo_memory_inside(const mote_memory *memory, uint64_t at, uint64_t len)
{
    uint64_t bytes = mo_memory_bytes(memory);
    return len <= bytes && at <= bytes - len;
}

/* --- tables ------------------------------------------------------------- */

struct mote_table {
    mo_table_desc *desc;
    mote_store *store;
    mote_table *next; /* of the host's own */
    mo_valtype type;  /* global form */
    bool is64, has_max;
    bool funcs;       /* entries are mo_table_entry, else 8-byte words */
    void *grown;      /* entries outside of the slot, mo_alloc()ed, or NULL */
    uint64_t room;    /* elements that entries has space for */
    uint64_t max;
    bool is_tracked, written, lost; /* reset.h: what it held is kept once it is written */
    void *kept;       /* mo_alloc()ed */
    size_t kept_len;
};
/* reset.c: before the first write since the last reset. False: memory is out. */
bool mo_table_keep(mote_table *table);

/* A reference as the 8 bytes that helpers and globals hold. */
typedef uint64_t mo_reference;

bool mo_table_is_of_funcs(const mo_meta_type *types, mo_valtype type);
static inline size_t mo_table_entry_size(bool funcs) { return funcs ? sizeof(mo_table_entry) : sizeof(mo_reference); }
mo_reference mo_table_get(const mote_table *table, uint64_t i);   /* i is in range */
void mo_table_set(mote_table *table, uint64_t i, mo_reference value);
void mo_table_fill(mote_table *table, uint64_t i, mo_reference value, uint64_t n);
/* Elements before, or -1. */
/* pause: called now and then in long work; NULL is fine. */
typedef void mo_table_pause(mote_store *store);
int64_t mo_table_grow(mote_table *table, uint64_t delta, mo_reference value, mo_table_pause *pause);
static inline bool mo_table_inside(const mote_table *table, uint64_t i, uint64_t n)
{
    return n <= table->desc->n && i <= table->desc->n - n;
}

/* --- globals and tags --------------------------------------------------- */

struct mote_global {
    mo_slot_value *at;
    mote_store *store;
    mote_global *next; /* of the host's own */
    mo_valtype type;   /* global form */
    bool is_mutable;
};

struct mote_tag {
    const mo_tag_desc *desc;
    mote_store *store;
    mote_functype type;
};

/* --- functions ---------------------------------------------------------- */

static inline mote_func *mo_func_handle(mo_funcref *ref) { return (mote_func *)ref; }
static inline mo_funcref *mo_func_ref(const mote_func *func) { return (mo_funcref *)(uintptr_t)func; }

/* What r10 points to in a host function: a context's fields, then its own. Each
 * importing instance has a copy, so that the callback knows who calls. */
struct mote_caller {
    mo_context context; /* instance: the importer, or NULL */
    void *callback;     /* mote_raw_callback * or mote_callback * */
    void *data;
    mo_funcref ref;
    const mo_valtype *params, *results;
    uint32_t nparams, nresults;
    bool raw;
};

/* --- instances ---------------------------------------------------------- */

struct mote_instance {
    mo_context *context; /* the slot's start */
    mote_store *store;
    mo_artifact *artifact; /* a reference */
    mote_instance *next;
    mo_slot slot;
    mote_memory **memories; /* by index, imports first */
    size_t head_used;       /* bytes of the slot's head that are not always zero */
    struct mo_reset *kept;  /* mote_instance_keep(), or NULL */
    mote_memory *memory;    /* the export "memory" once wasi/ has asked for it, or NULL */
    mote_table **tables;
    mote_global **globals;
    mote_tag **tags;
    mote_memory *own_memories;
    mote_table *own_tables;
    mote_global *own_globals;
    mote_tag *own_tags;
    mote_caller *hosts; /* copies for imported host functions */
};

/* context.instance is one of these. */
static inline mote_instance *mo_instance_of(const mo_context *context)
{
    return (mote_instance *)context->instance;
}
static inline const mo_meta *mo_instance_meta(const mote_instance *instance) { return instance->artifact->meta; }
static inline void *mo_context_at(const mote_instance *instance, uint32_t offset)
{
    return (uint8_t *)instance->context + offset;
}

/* Are its images mapped from the file, or, for they are small, copied? */
bool mo_images_are_mapped(const mo_artifact *artifact);
/* Makes an instance and runs its segments; not its start function. On a trap in a
 * segment err says so and the instance, which others may have seen, stays the store's. */
mote_status mo_instance_make(mote_store *store, mo_artifact *artifact, const mote_extern *imports,
                             size_t nimports, mote_instance **ret, mote_error *err);
void mo_instance_release(mote_instance *instance);

/* The function's record; NULL for one that nothing outside can reach. */
mo_funcref *mo_instance_func_ref(const mote_instance *instance, uint32_t func);
mote_extern mo_instance_thing(const mote_instance *instance, uint32_t kind, uint32_t index);

/* table.init: does it stay inside table and segment (dropped ones are empty)? Then do it. */
bool mo_table_init_inside(mote_instance *instance, uint32_t table, uint32_t elem, uint64_t to, uint64_t from,
                          uint64_t n);
void mo_table_init(mote_instance *instance, uint32_t table, uint32_t elem, uint64_t to, uint64_t from, uint64_t n);
uint8_t *mo_instance_dropped(const mote_instance *instance, bool data, uint32_t segment);

/* --- types at the border ------------------------------------------------ */

/* Is value, whose type is not known, one that type allows in store? */
bool mo_value_fits(const mote_store *store, mo_valtype type, const mote_raw *value);
/* A name's bytes. */
static inline mo_span mo_meta_name(const mo_artifact *a, mo_list list)
{
    return (mo_span){mo_meta_at(a, list), list.n};
}
/* A type of the artifact's, in its own words. */
mote_functype mo_meta_functype(const mo_artifact *a, uint32_t type);
void mo_meta_externtype(const mo_artifact *a, uint32_t kind, uint32_t index, mote_externtype *ret);
/* The type's text, cut to size: "func (i32 i64) -> (f32)". */
void mo_externtype_text(const mote_externtype *type, char *text, size_t size);
/* Does thing serve as the artifact's import i? Else err names it. */
bool mo_import_check(const mo_artifact *a, uint32_t i, const mote_store *store, const mote_extern *thing,
                     mote_error *err);
/* What a thing is. */
void mo_extern_type(const mote_extern *thing, mote_externtype *ret);
mote_store *mo_extern_store(const mote_extern *thing);

#endif
