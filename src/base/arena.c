/* arena.c - memory that dies together, in blocks that grow with what is taken.
 * Only the first block is filled; what would waste much of it gets a block of
 * its own behind it. Under AddressSanitizer everything does, so that running
 * over one array's end is seen. */
#include "base/base.h"

struct mo_arena_block {
    struct mo_arena_block *next;
    size_t size; /* of what follows */
    _Alignas(16) uint8_t bytes[];
};

#define FIRST_BLOCK 1024
#define LARGEST_STEP ((size_t)1 << 18)

#if defined(__SANITIZE_ADDRESS__)
#define EACH_ALONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EACH_ALONE 1
#endif
#endif
#ifndef EACH_ALONE
#define EACH_ALONE 0
#endif

static struct mo_arena_block *new_block(mo_arena *arena, size_t size)
{
    struct mo_arena_block *block = mo_calloc(1, sizeof *block + size);
    if (!block) return NULL;
    block->size = size;
    arena->total += sizeof *block + size;
    return block;
}

static void *take_alone(mo_arena *arena, size_t size)
{
    struct mo_arena_block *block = new_block(arena, size);
    if (!block) return NULL;
    struct mo_arena_block **where = arena->blocks ? &arena->blocks->next : &arena->blocks;
    block->next = *where;
    *where = block;
    if (arena->blocks == block) arena->used = arena->size = size;
    return block->bytes;
}

static bool add_block(mo_arena *arena)
{
    size_t size = arena->total / 2;
    if (size < FIRST_BLOCK) size = FIRST_BLOCK;
    if (size > LARGEST_STEP) size = LARGEST_STEP;
    size &= ~(size_t)15;
    struct mo_arena_block *block = new_block(arena, size);
    if (!block) return false;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used = 0;
    arena->size = size;
    return true;
}

void *mo_arena_take(mo_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) return NULL;
    size = (size + 15) & ~(size_t)15;
    if (EACH_ALONE) return take_alone(arena, size);
    if (arena->size - arena->used < size) {
        if (size >= FIRST_BLOCK / 4 && size > (arena->size - arena->used) / 2 + arena->total / 16)
            return take_alone(arena, size);
        if (!add_block(arena)) return NULL;
        if (arena->size < size) return take_alone(arena, size);
    }
    void *p = arena->blocks->bytes + arena->used;
    arena->used += size;
    return p;
}

void *mo_arena_array(mo_arena *arena, size_t n, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(n, size, &bytes) ? NULL : mo_arena_take(arena, bytes);
}

char *mo_arena_string(mo_arena *arena, const void *bytes, size_t len)
{
    char *text = len < SIZE_MAX ? mo_arena_take(arena, len + 1) : NULL;
    if (text && len) memcpy(text, bytes, len);
    return text;
}

void mo_arena_free(mo_arena *arena)
{
    for (struct mo_arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        mo_free(block);
    }
    *arena = (mo_arena){0};
}

static struct mo_arena_block *largest(mo_arena *arena)
{
    struct mo_arena_block *best = arena->blocks;
    for (struct mo_arena_block *block = best; block; block = block->next)
        if (block->size > best->size) best = block;
    return best;
}

void mo_arena_reset(mo_arena *arena)
{
    struct mo_arena_block *keep = largest(arena);
    if (!keep) return;
    size_t dirty = keep == arena->blocks ? arena->used : keep->size;
    for (struct mo_arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        if (block != keep) mo_free(block);
    }
    memset(keep->bytes, 0, dirty);
    keep->next = NULL;
    *arena = (mo_arena){.blocks = keep, .size = keep->size, .total = sizeof *keep + keep->size};
}
