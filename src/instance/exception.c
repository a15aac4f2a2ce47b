/* exception.c - allocation is a pop from a free list; collecting refills the lists.
 * A cell on a free list keeps its words but the first, so a stale pointer can keep a
 * free cell from being used until the next collection; it can do no other harm. */
#include "instance/exception.h"

#include "instance/instance.h"

#include <sys/mman.h>

#define BLOCK_BYTES ((size_t)1 << MO_BLOCK_SHIFT)
#define LARGEST_HOST_STACK ((size_t)64 << 20)
#define FIRST_BLOCKS 4 /* before anything is collected: 8192 small exceptions */

static bool reserve(mo_exceptions *e, uint64_t limit_bytes)
{
    uint64_t max = limit_bytes >> MO_BLOCK_SHIFT;
    if (max > UINT32_MAX / 2)
        max = UINT32_MAX / 2;
    if (max == 0)
        return false;
    size_t cells = max << (MO_BLOCK_SHIFT - MO_CELL_SHIFT_MIN);
    size_t at_len = max * BLOCK_BYTES;
    size_t blocks_len = mo_round_up(max * sizeof(mo_block), MO_FILE_PAGE);
    size_t len = at_len + BLOCK_BYTES + blocks_len + cells * sizeof(mo_exception *);
    uint8_t *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
        return false;
    e->map = map;
    e->map_len = len;
    e->at = (uint8_t *)mo_round_up((uintptr_t)map, BLOCK_BYTES);
    e->blocks = (mo_block *)(void *)(e->at + at_len);
    e->grey = (mo_exception **)(void *)(e->at + at_len + blocks_len);
    e->max_blocks = (uint32_t)max;
    e->grow_to = FIRST_BLOCKS;
    return true;
}

void mo_exceptions_release(mo_exceptions *e)
{
    if (e->map)
        munmap(e->map, e->map_len);
    *e = (mo_exceptions){0};
}

/* --- marking ------------------------------------------------------------ */

static mo_block *block_of(const mo_exceptions *e, uintptr_t p)
{
    uint64_t i = (p - (uintptr_t)e->at) >> MO_BLOCK_SHIFT; /* below at: huge */
    return i < e->nblocks ? &e->blocks[i] : NULL;
}

bool mo_exception_plausible(const mo_exceptions *e, const void *p)
{
    const mo_block *block = block_of(e, (uintptr_t)p);
    return block && ((uintptr_t)p & (((uintptr_t)1 << block->shift) - 1)) == 0;
}

static void mark(mo_exceptions *e, uintptr_t p)
{
    mo_block *block = block_of(e, p);
    if (!block)
        return;
    uintptr_t cell = p >> block->shift << block->shift;
    uint32_t bit = (uint32_t)(cell >> block->shift) & ((1u << (MO_BLOCK_SHIFT - block->shift)) - 1);
    if (block->marks[bit / 64] >> (bit % 64) & 1)
        return;
    block->marks[bit / 64] |= UINT64_C(1) << (bit % 64);
    e->grey[e->ngrey++] = (mo_exception *)cell;
}

/* Not instrumented: it reads whole stacks, red zones included. */
__attribute__((no_sanitize("address", "thread", "undefined"), noinline))
static void mark_words(mo_exceptions *e, const void *from, const void *to)
{
    const uintptr_t *end = to;
    for (const uintptr_t *p = from; p < end; p++)
        if (*p - (uintptr_t)e->at < (uintptr_t)e->nblocks << MO_BLOCK_SHIFT)
            mark(e, *p);
}

static void mark_table(mo_exceptions *e, const mote_table *table)
{
    if (table->type && mo_heap(table->type) == MO_HEAP_EXN) {
        const mo_reference *words = table->desc->entries;
        mark_words(e, words, words + table->desc->n);
    }
}

static void mark_instance(mo_exceptions *e, const mote_instance *instance)
{
    const mo_meta *meta = mo_instance_meta(instance);
    const mo_slot_value *globals = mo_context_at(instance, meta->layout.globals_at);
    mark_words(e, globals, globals + meta->nglobals);
    for (uint32_t i = 0; i < meta->ntables - meta->nimported_tables; i++)
        mark_table(e, &instance->own_tables[i]);
}

static void mark_grey(mo_exceptions *e)
{
    while (e->ngrey) {
        const mo_exception *exn = e->grey[--e->ngrey];
        size_t room = ((size_t)1 << block_of(e, (uintptr_t)exn)->shift) - sizeof *exn;
        uint64_t n = exn->nparams < room / sizeof *exn->params ? exn->nparams : room / sizeof *exn->params;
        mark_words(e, exn->params, exn->params + n);
    }
}

/* The guest's frames, and those of the host from here up to where the guest called it:
 * registers that the guest had in use are spilled there, the last of them here. */
__attribute__((noinline)) static void mark_stacks(mote_store *store)
{
    __builtin_unwind_init();
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0) - 256; /* with this frame's spills */
    uintptr_t guest = (uintptr_t)store->run.host_frame - 256, host = (uintptr_t)store->run.entry;
    if (!mo_store_runs(store))
        return;
    if (!mo_stack_has(&store->stack, (const void *)guest))
        guest = (uintptr_t)store->stack.open;
    if (host < sp || host - sp > LARGEST_HOST_STACK) /* on a stack that the embedder switched to */
        host = sp + 1024;
    mark_words(&store->exceptions, (const void *)(sp & ~(uintptr_t)7), (const void *)host);
    mark_words(&store->exceptions, (const void *)(guest & ~(uintptr_t)7), store->stack.top);
}

static void mark_roots(mote_store *store)
{
    mo_exceptions *e = &store->exceptions;
    mark_stacks(store);
    mark_words(e, store->run.xfer, store->run.xfer + MO_XFER_SLOTS);
    mark(e, (uintptr_t)store->run.exception);
    mark(e, (uintptr_t)store->pending);
    for (const mote_instance *i = store->instances; i; i = i->next)
        mark_instance(e, i);
    for (const mote_table *t = store->tables; t; t = t->next)
        mark_table(e, t);
    for (const mote_global *g = store->globals; g; g = g->next)
        mark_words(e, g->at, g->at + 1);
}

/* --- sweeping and allocating -------------------------------------------- */

static void put_free(mo_exceptions *e, uint8_t *cell, uint32_t shift)
{
    memcpy(cell, &e->free[shift - MO_CELL_SHIFT_MIN], sizeof(void *));
    e->free[shift - MO_CELL_SHIFT_MIN] = cell;
}

/* Frees the unmarked cells of a block; returns how many bytes live. */
static size_t sweep_block(mo_exceptions *e, uint32_t i)
{
    mo_block *block = &e->blocks[i];
    uint8_t *at = e->at + (size_t)i * BLOCK_BYTES;
    uint32_t ncells = 1u << (MO_BLOCK_SHIFT - block->shift);
    size_t live = 0;
    for (uint32_t c = ncells; c-- > 0;) {
        if (block->marks[c / 64] >> (c % 64) & 1)
            live += (size_t)1 << block->shift;
        else
            put_free(e, at + ((size_t)c << block->shift), block->shift);
    }
    memset(block->marks, 0, sizeof block->marks);
    return live;
}

static void collect(mote_store *store)
{
    mo_exceptions *e = &store->exceptions;
    mark_roots(store);
    mark_grey(e);
    memset(e->free, 0, sizeof e->free);
    size_t live = 0;
    for (uint32_t i = e->nblocks; i-- > 0;)
        live += sweep_block(e, i);
    store->used.exception_bytes = live;
    /* At least as much room as what lives, so that collecting stays cheap. */
    uint64_t wanted = FIRST_BLOCKS + 2 * ((live + BLOCK_BYTES - 1) >> MO_BLOCK_SHIFT);
    if (wanted > e->grow_to)
        e->grow_to = wanted < e->max_blocks ? (uint32_t)wanted : e->max_blocks;
}

static bool add_block(mo_exceptions *e, uint32_t shift)
{
    if (e->nblocks >= e->max_blocks)
        return false;
    uint32_t i = e->nblocks++;
    e->blocks[i].shift = (uint8_t)shift;
    sweep_block(e, i);
    return true;
}

/* The list for that size is empty. */
__attribute__((noinline)) static bool refill(mote_store *store, uint32_t shift)
{
    mo_exceptions *e = &store->exceptions;
    void **list = &e->free[shift - MO_CELL_SHIFT_MIN];
    if (!e->at && !reserve(e, store->limits.exception_bytes))
        return false;
    if (e->nblocks >= e->grow_to)
        collect(store);
    return *list || add_block(e, shift);
}

static uint32_t cell_shift(uint32_t nparams)
{
    size_t bytes = sizeof(mo_exception) + (size_t)nparams * sizeof(mo_slot_value);
    uint32_t shift = 64 - (uint32_t)__builtin_clzll(bytes - 1);
    return shift < MO_CELL_SHIFT_MIN ? MO_CELL_SHIFT_MIN : shift;
}

mo_exception *mo_exception_new(mote_store *store, uint32_t nparams)
{
    uint32_t shift = cell_shift(nparams);
    void **list = &store->exceptions.free[shift - MO_CELL_SHIFT_MIN];
    if (mo_unlikely(!*list) && !refill(store, shift))
        return NULL;
    mo_exception *exn = *list;
    memcpy(list, exn, sizeof *list);
    return exn;
}
