/* slot.c - slots mapped, kept ready, wiped and unmapped. */
#include "instance/slot.h"

#include <sched.h>
#include <sys/mman.h>

static bool open_head(uint8_t *at, size_t open)
{
    return open == 0 || mprotect(at, open, PROT_READ | PROT_WRITE) == 0;
}

bool mo_slot_map(size_t len, size_t open, mo_slot *ret, mote_error *err)
{
    void *at = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return mo_fail(err, MOTE_NOMEM, MOTE_NOWHERE, "no address space for %zu bytes", len);
    if (!open_head(at, open)) {
        munmap(at, len);
        return mo_fail_nomem(err);
    }
    *ret = (mo_slot){at, len, open, 0};
    return true;
}

void mo_slot_unmap(mo_slot *slot)
{
    if (slot->at)
        munmap(slot->at, slot->len);
    slot->at = NULL;
}

/* --- spares -------------------------------------------------------------- */

static void lock(mo_spares *spares)
{
    while (__atomic_exchange_n(&spares->lock, 1, __ATOMIC_ACQUIRE))
        sched_yield();
}

static void unlock(mo_spares *spares) { __atomic_store_n(&spares->lock, 0, __ATOMIC_RELEASE); }

/* Read without the lock too, for a first look. */
static void set_n(mo_spares *spares, uint32_t n) { __atomic_store_n(&spares->n, n, __ATOMIC_RELAXED); }
static bool has_room(const mo_spares *spares) { return __atomic_load_n(&spares->n, __ATOMIC_RELAXED) < spares->keep; }

/* Touches what every instance writes first, the context's page. */
static void warm(mo_slot *slot) { *(volatile uint8_t *)slot->at = 0; }

#define CLEARED ((size_t)16 << 10) /* of the head: up to here zeros cost less than a new mapping */
#define MEMORY_KEPT (UINT64_C(2) << 20) /* of it so much is mapped anew to be used, the rest not to be */

static bool remap(uint8_t *at, uint64_t len, int protection)
{
    return len == 0 || mmap(at, len, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED;
}

/* As wipe(), in what was used alone. The memory is mapped anew, of the head every byte is. */
static bool wipe_used(mo_slot *slot, size_t head, uint64_t memory)
{
    uint8_t *base = slot->at + slot->open + MO_GUARD_BEFORE;
    uint64_t used = memory > slot->memory ? memory : slot->memory, kept = used <= MEMORY_KEPT ? used : 0;
    slot->memory = kept;
    if (!remap(base, kept, PROT_READ | PROT_WRITE) || !remap(base + kept, used - kept, PROT_NONE))
        return false;
    if (head <= CLEARED)
        memset(slot->at, 0, head);
    else if (!remap(slot->at, slot->open, PROT_READ | PROT_WRITE))
        return false;
    return true;
}

/* Back to how it was mapped: nothing of what was in it can be read again. */
static bool wipe(mo_slot *slot)
{
    if (mmap(slot->at, slot->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) ==
            MAP_FAILED ||
        !open_head(slot->at, slot->open))
        return false;
    slot->memory = 0;
    warm(slot);
    return true;
}

bool mo_slot_take(mo_spares *spares, size_t len, size_t open, mo_slot *ret, mote_error *err)
{
    bool found = false;
    if (len == MO_SLOT_USUAL && open == MO_SLOT_HEAD && spares->keep) {
        lock(spares);
        found = spares->n > 0;
        if (found) {
            *ret = spares->slots[spares->n - 1];
            set_n(spares, spares->n - 1);
        }
        unlock(spares);
    }
    return found || mo_slot_map(len, open, ret, err);
}

static bool may_be_kept(const mo_spares *spares, const mo_slot *slot)
{
    return slot->at && slot->len == MO_SLOT_USUAL && slot->open == MO_SLOT_HEAD && has_room(spares);
}

/* wiped: as it is to be kept. */
static void keep_or_unmap(mo_spares *spares, mo_slot *slot, bool wiped)
{
    bool kept = false;
    if (wiped) {
        lock(spares);
        kept = has_room(spares);
        if (kept) {
            spares->slots[spares->n] = *slot;
            set_n(spares, spares->n + 1);
        }
        unlock(spares);
    }
    if (!kept)
        mo_slot_unmap(slot);
    slot->at = NULL;
}

void mo_slot_give(mo_spares *spares, mo_slot *slot)
{
    keep_or_unmap(spares, slot, may_be_kept(spares, slot) && wipe(slot));
}

void mo_slot_give_used(mo_spares *spares, mo_slot *slot, size_t head, uint64_t memory)
{
    keep_or_unmap(spares, slot, may_be_kept(spares, slot) && wipe_used(slot, head, memory));
}

bool mo_spares_keep(mo_spares *spares, uint32_t keep, mote_error *err)
{
    mo_slot *slots = mo_calloc(keep + 1u, sizeof *slots);
    uint32_t n = 0;
    bool ok = slots != NULL || mo_fail_nomem(err);
    while (ok && n < keep && (ok = mo_slot_map(MO_SLOT_USUAL, MO_SLOT_HEAD, &slots[n], err)))
        warm(&slots[n++]);
    if (!ok) {
        while (n)
            mo_slot_unmap(&slots[--n]);
        mo_free(slots);
        return false;
    }
    mo_spares_free(spares);
    *spares = (mo_spares){.n = n, .keep = keep, .slots = slots};
    return true;
}

void mo_spares_free(mo_spares *spares)
{
    while (spares->n)
        mo_slot_unmap(&spares->slots[--spares->n]);
    mo_free(spares->slots);
    *spares = (mo_spares){0};
}
