/* slot.h - ranges of address space that instances live in.
 *
 * The usual shape, of an instance with one unchecked memory and a small head:
 *
 *   | head, zero and usable | 2 GiB none | 4 GiB: the memory | 4 GiB none |
 *
 * An engine may keep slots of that shape ready (mote_engine_reserve). A slot that comes
 * back is mapped anew before it waits, so no byte of its last tenant is left.
 * Threads: mo_spares from any; a slot is one instance's. */
#ifndef MO_INSTANCE_SLOT_H
#define MO_INSTANCE_SLOT_H

#include "code/abi.h"

#define MO_SLOT_HEAD ((size_t)64 << 10)
#define MO_SLOT_USUAL (MO_SLOT_HEAD + MO_GUARD_BEFORE + MO_MEMORY_RESERVE + MO_GUARD_AFTER)

typedef struct mo_slot {
    uint8_t *at;
    size_t len;
    size_t open; /* bytes from `at` that are zero and can be used; the rest cannot... */
    uint64_t memory; /* ...but for so many bytes of the usual shape's memory, zeros too */
} mo_slot;

typedef struct mo_spares {
    int lock; /* atomic */
    uint32_t n, keep;
    mo_slot *slots; /* keep of them, n taken up */
} mo_spares;

/* A slot of len bytes whose first `open` can be used. */
bool mo_slot_map(size_t len, size_t open, mo_slot *ret, mote_error *err);
void mo_slot_unmap(mo_slot *slot);

/* The same, from the spares if they have one; and back, wiped or unmapped. */
bool mo_slot_take(mo_spares *spares, size_t len, size_t open, mo_slot *ret, mote_error *err);
void mo_slot_give(mo_spares *spares, mo_slot *slot);
/* The same where nothing was used but `head` bytes from `at` and `memory` bytes of the usual
 * shape's memory: what is kept is quicker to take again. */
void mo_slot_give_used(mo_spares *spares, mo_slot *slot, size_t head, uint64_t memory);

/* Keeps up to `keep` from now on and makes them. */
bool mo_spares_keep(mo_spares *spares, uint32_t keep, mote_error *err);
void mo_spares_free(mo_spares *spares);

#endif
