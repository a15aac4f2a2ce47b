/* memory.c - linear memories: reserved, grown in place, shared between threads.
 *
 *   unchecked   | 2 GiB none | 4 GiB, usable up to bytes, then none | 4 GiB none |
 *   checked     | none | room, all usable; compiled code compares with bytes | none |
 *
 * The base never moves. Bytes only grow. */
#include "instance/reset.h"

#include "mote/memory.h"

#include <sched.h>
#include <sys/mman.h>

#define CHECKED_GUARD (UINT64_C(1) << 16)
#define CHECKED_ROOM (UINT64_C(16) << 30) /* for memories that state no maximum */
#define BITS_OF_ADDRESS 47

static uint64_t max_pages(bool is64, uint8_t page_shift)
{
    /* 64-bit: 2^64 bytes; of 1-byte pages one less can be counted. */
    if (is64)
        return page_shift ? UINT64_C(1) << (64 - page_shift) : UINT64_MAX;
    return page_shift ? UINT64_C(1) << (32 - page_shift) : UINT32_MAX;
}

/* Bytes of so many pages, or UINT64_MAX. */
static uint64_t bytes_of(uint64_t pages, uint8_t page_shift)
{
    return pages > UINT64_MAX >> page_shift ? UINT64_MAX : pages << page_shift;
}

bool mo_memory_plan(const mo_meta_memory *type, uint64_t limit, mo_memory_space *ret, mote_error *err)
{
    uint64_t min = bytes_of(type->min, (uint8_t)type->page_shift);
    if (min > limit || min > UINT64_C(1) << BITS_OF_ADDRESS)
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE, "memory: %" PRIu64 " pages wanted, limit is %" PRIu64 " bytes",
                       type->min, limit);
    if (mo_memory_is_unchecked(type)) {
        *ret = (mo_memory_space){MO_GUARD_BEFORE, MO_MEMORY_RESERVE, MO_GUARD_AFTER};
        return true;
    }
    uint64_t room = type->flags & MO_META_MAX ? bytes_of(type->max, (uint8_t)type->page_shift) : UINT64_MAX;
    if (room > limit)
        room = limit;
    uint64_t most = min > CHECKED_ROOM ? min : CHECKED_ROOM;
    if (room > most)
        room = most;
    *ret = (mo_memory_space){CHECKED_GUARD, mo_round_up(room, MO_FILE_PAGE), CHECKED_GUARD};
    return true;
}

/* Opens [from, to) of the memory. */
static bool open_bytes(uint8_t *base, uint64_t from, uint64_t to)
{
    from = mo_round_up(from, MO_FILE_PAGE);
    to = mo_round_up(to, MO_FILE_PAGE);
    return to <= from || mprotect(base + from, to - from, PROT_READ | PROT_WRITE) == 0;
}

static bool close_bytes(uint8_t *base, uint64_t from, uint64_t to)
{
    return to <= from || mprotect(base + from, to - from, PROT_NONE) == 0;
}

static void set_type(mote_memory *memory, const mo_meta_memory *type)
{
    memory->is64 = type->flags & MO_META_64;
    memory->has_max = type->flags & MO_META_MAX;
    memory->page_shift = (uint8_t)type->page_shift;
    memory->max = memory->has_max ? type->max : max_pages(memory->is64, memory->page_shift);
    memory->checked = memory->is64 || memory->page_shift != 16;
}

static void enlist(mote_store *store, mote_memory *memory)
{
    memory->store = store;
    memory->next = store->memories;
    store->memories = memory;
}

bool mo_memory_place(mote_store *store, mote_memory *memory, const mo_meta_memory *type,
                     const mo_memory_space *space, uint8_t *reserved, uint64_t ready, mo_memory_desc *desc, mote_error *err)
{
    set_type(memory, type);
    uint64_t bytes = bytes_of(type->min, memory->page_shift);
    desc->base = reserved + space->before;
    desc->bytes = memory->most = bytes;
    if (!open_bytes(desc->base, ready, memory->checked ? space->room : bytes) || !close_bytes(desc->base, bytes, ready))
        return mo_fail_nomem(err);
    if (!mo_store_take(&store->used.memory_bytes, store->limits.memory_bytes, bytes))
        return mo_fail(err, MOTE_LIMIT, MOTE_NOWHERE,
                       "memories: %" PRIu64 " bytes wanted beside %" PRIu64 ", limit is %" PRIu64, bytes,
                       store->used.memory_bytes, store->limits.memory_bytes);
    memory->desc = desc;
    memory->reserved = reserved;
    memory->reserved_len = space->before + space->room + space->after;
    memory->room = space->room;
    enlist(store, memory);
    return true;
}

/* What a store keeps of a memory outside of any slot. */
void mo_memory_forget(mote_memory *memory)
{
    mote_shared_memory_unref(memory->shared);
    memory->shared = NULL;
}

/* --- growing ------------------------------------------------------------ */

static bool may_grow(const mote_memory *memory, uint64_t old_bytes, uint64_t delta, uint64_t *retbytes)
{
    uint64_t old = old_bytes >> memory->page_shift;
    if (old > memory->max || delta > memory->max - old)
        return false;
    *retbytes = bytes_of(old + delta, memory->page_shift);
    return *retbytes <= memory->room;
}

static int64_t grow_shared(mote_memory *memory, uint64_t delta)
{
    mote_shared_memory *shared = memory->shared;
    while (__atomic_exchange_n(&shared->growing, 1, __ATOMIC_ACQUIRE))
        sched_yield();
    uint64_t old = shared->desc.bytes, bytes;
    bool ok = may_grow(memory, old, delta, &bytes) &&
              (shared->checked || open_bytes(shared->desc.base, old, bytes));
    if (ok)
        __atomic_store_n(&shared->desc.bytes, bytes, __ATOMIC_SEQ_CST);
    __atomic_store_n(&shared->growing, 0, __ATOMIC_RELEASE);
    return ok ? (int64_t)(old >> memory->page_shift) : -1;
}

int64_t mo_memory_grow(mote_memory *memory, uint64_t delta)
{
    if (memory->shared)
        return grow_shared(memory, delta);
    mote_store *store = memory->store;
    uint64_t old = memory->desc->bytes, bytes;
    if (!may_grow(memory, old, delta, &bytes) ||
        !mo_store_take(&store->used.memory_bytes, store->limits.memory_bytes, bytes - old)) {
        store->limited |= delta <= memory->max - (old >> memory->page_shift);
        return -1;
    }
    if (!memory->checked &&
        !(memory->reset ? mo_reset_grow(memory, old, bytes) : open_bytes(memory->desc->base, old, bytes))) {
        store->used.memory_bytes -= bytes - old;
        return -1;
    }
    memory->desc->bytes = bytes;
    memory->most = bytes > memory->most ? bytes : memory->most;
    return (int64_t)(old >> memory->page_shift);
}

/* --- shared memories ---------------------------------------------------- */

static mote_shared_memory *make_shared(const mo_meta_memory *type, mote_error *err)
{
    mo_memory_space space;
    if (!mo_memory_plan(type, MOTE_NO_LIMIT, &space, err))
        return NULL;
    mote_shared_memory *shared = mo_calloc(1, sizeof *shared);
    if (!shared) {
        mo_fail_nomem(err);
        return NULL;
    }
    shared->reserved_len = space.before + space.room + space.after;
    shared->reserved = mmap(NULL, shared->reserved_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (shared->reserved == MAP_FAILED) {
        mo_free(shared);
        mo_fail_nomem(err);
        return NULL;
    }
    shared->refs = 1;
    shared->is64 = type->flags & MO_META_64;
    shared->page_shift = (uint8_t)type->page_shift;
    shared->checked = shared->is64 || shared->page_shift != 16;
    shared->min = type->min;
    shared->max = type->flags & MO_META_MAX ? type->max : max_pages(shared->is64, shared->page_shift);
    shared->room = space.room;
    shared->desc.base = shared->reserved + space.before;
    shared->desc.bytes = bytes_of(type->min, shared->page_shift);
    if (!open_bytes(shared->desc.base, 0, shared->checked ? space.room : shared->desc.bytes)) {
        mote_shared_memory_unref(shared);
        mo_fail_nomem(err);
        return NULL;
    }
    return shared;
}

void mote_shared_memory_ref(mote_shared_memory *shared) { __atomic_add_fetch(&shared->refs, 1, __ATOMIC_RELAXED); }

void mote_shared_memory_unref(mote_shared_memory *shared)
{
    if (!shared || __atomic_sub_fetch(&shared->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    munmap(shared->reserved, shared->reserved_len);
    mo_free(shared);
}

/* memory becomes a handle for shared, whose reference it takes. */
void mo_memory_adopt(mote_store *store, mote_memory *memory, mote_shared_memory *shared)
{
    memory->shared = shared;
    memory->desc = &shared->desc;
    memory->reserved = shared->reserved;
    memory->reserved_len = shared->reserved_len;
    memory->room = shared->room;
    memory->max = shared->max;
    memory->has_max = true;
    memory->is64 = shared->is64;
    memory->checked = shared->checked;
    memory->page_shift = shared->page_shift;
    enlist(store, memory);
}

bool mo_memory_share(mote_store *store, mote_memory *memory, const mo_meta_memory *type, mote_error *err)
{
    mote_shared_memory *shared = make_shared(type, err);
    if (!shared)
        return false;
    mo_memory_adopt(store, memory, shared);
    return true;
}

/* --- the public side ---------------------------------------------------- */

static bool meta_of(const mote_memorytype *type, mo_meta_memory *ret, mote_error *err)
{
    uint64_t most = max_pages(type->is64, type->page_shift);
    if ((type->page_shift != 16 && type->page_shift != 0) || type->min > most ||
        (type->has_max && (type->max > most || type->max < type->min)) || (type->shared && !type->has_max))
        return mo_fail(err, MOTE_MISUSE, MOTE_NOWHERE,
                       "memory type: %" PRIu64 " to %" PRIu64 " pages of 2^%u bytes is none", type->min,
                       type->has_max ? type->max : most, type->page_shift);
    *ret = (mo_meta_memory){
        .min = type->min,
        .max = type->has_max ? type->max : most,
        .flags = (type->has_max ? MO_META_MAX : 0u) | (type->is64 ? MO_META_64 : 0u) |
                 (type->shared ? MO_META_SHARED : 0u),
        .page_shift = type->page_shift,
    };
    return true;
}

mote_status mote_shared_memory_new(const mote_memorytype *type, mote_shared_memory **ret, mote_error *err)
{
    mote_error e = {0};
    mote_memorytype shared = *type;
    shared.shared = true;
    mo_meta_memory meta;
    mote_shared_memory *made = meta_of(&shared, &meta, &e) ? make_shared(&meta, &e) : NULL;
    if (made)
        *ret = made;
    return mo_told(&e, err);
}

mote_status mote_memory_from_shared(mote_store *store, mote_shared_memory *shared, mote_memory **ret, mote_error *err)
{
    mote_memory *memory = mo_arena_take(&store->arena, sizeof *memory);
    if (!memory)
        return mo_tell(err, MOTE_NOMEM, "out of memory");
    mote_shared_memory_ref(shared);
    mo_memory_adopt(store, memory, shared);
    *ret = memory;
    return MOTE_OK;
}

mote_shared_memory *mote_memory_shared(const mote_memory *memory)
{
    if (memory->shared)
        mote_shared_memory_ref(memory->shared);
    return memory->shared;
}

static void unmap_space(void *slot) { mo_slot_unmap(slot); }

/* A memory of the host's own: a mapping with a finalizer. */
static bool make_host_memory(mote_store *store, const mo_meta_memory *type, mote_memory **ret, mote_error *err)
{
    struct host_memory {
        mote_memory memory;
        mo_memory_desc desc;
        mo_finalizer finalizer;
        mo_slot slot;
    } *h = mo_arena_take(&store->arena, sizeof *h);
    mo_memory_space space;
    if (!h)
        return mo_fail_nomem(err);
    if (!mo_memory_plan(type, store->limits.memory_bytes, &space, err) ||
        !mo_slot_map(space.before + space.room + space.after, 0, &h->slot, err))
        return false;
    if (!mo_memory_place(store, &h->memory, type, &space, h->slot.at, 0, &h->desc, err)) {
        mo_slot_unmap(&h->slot);
        return false;
    }
    h->finalizer = (mo_finalizer){store->finalizers, unmap_space, &h->slot};
    store->finalizers = &h->finalizer;
    *ret = &h->memory;
    return true;
}

mote_status mote_memory_new(mote_store *store, const mote_memorytype *type, mote_memory **ret, mote_error *err)
{
    mote_error e = {0};
    mo_meta_memory meta;
    if (meta_of(type, &meta, &e)) {
        if (!type->shared) {
            make_host_memory(store, &meta, ret, &e);
        } else {
            mote_memory *memory = mo_arena_take(&store->arena, sizeof *memory);
            if (!memory)
                mo_fail_nomem(&e);
            else if (mo_memory_share(store, memory, &meta, &e))
                *ret = memory;
        }
    }
    return mo_told(&e, err);
}

uint8_t *mote_memory_data(const mote_memory *memory) { return memory->desc->base; }
size_t mote_memory_bytes(const mote_memory *memory) { return mo_memory_bytes(memory); }
uint64_t mote_memory_pages(const mote_memory *memory) { return mo_memory_bytes(memory) >> memory->page_shift; }
mote_store *mote_memory_store(const mote_memory *memory) { return memory->store; }

mote_memorytype mote_memory_type(const mote_memory *memory)
{
    return (mote_memorytype){
        .is64 = memory->is64,
        .shared = memory->shared != NULL,
        .has_max = memory->has_max,
        .page_shift = memory->page_shift,
        .min = mote_memory_pages(memory),
        .max = memory->has_max ? memory->max : 0,
    };
}

mote_status mote_memory_grow(mote_memory *memory, uint64_t delta, uint64_t *retold, mote_error *err)
{
    int64_t old = mo_memory_grow(memory, delta);
    if (old < 0)
        return mo_tell(err, MOTE_LIMIT, "memory: %" PRIu64 " pages cannot grow by %" PRIu64,
                       mote_memory_pages(memory), delta);
    if (retold)
        *retold = (uint64_t)old;
    return MOTE_OK;
}

static mote_status outside(const mote_memory *memory, uint64_t at, size_t len, mote_error *err)
{
    return mo_tell(err, MOTE_MISUSE, "memory: %zu bytes at %" PRIu64 " wanted, there are %" PRIu64, len, at,
                   mo_memory_bytes(memory));
}

mote_status mote_memory_read(const mote_memory *memory, uint64_t at, void *to, size_t len, mote_error *err)
{
    if (!mo_memory_inside(memory, at, len))
        return outside(memory, at, len, err);
    memcpy(to, memory->desc->base + at, len);
    return MOTE_OK;
}

mote_status mote_memory_write(mote_memory *memory, uint64_t at, const void *from, size_t len, mote_error *err)
{
    if (!mo_memory_inside(memory, at, len))
        return outside(memory, at, len, err);
    void *to = mote_memory_writable(memory, at, len);
    if (!to)
        return mo_tell(err, MOTE_NOMEM, "memory: the system does not let %zu bytes at %" PRIu64 " be written", len, at);
    memcpy(to, from, len);
    return MOTE_OK;
}

/* All host writes come through here, so that a slot which is reset by copying knows
 * of them. */
void *mote_memory_writable(mote_memory *memory, uint64_t at, size_t len)
{
    if (!mo_memory_inside(memory, at, len))
        return NULL;
    uint8_t *to = memory->desc->base + at;
    return mo_reset_ready(memory, to, len) ? to : NULL;
}
