/* Slots: mapped with nothing but their head usable, kept ready, wiped between tenants. */
#include "base/test.h"
#include "instance/slot.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/* Can the kernel read n bytes there for us? A page that we may not touch fails. */
static bool is_readable(const uint8_t *at)
{
    uint8_t byte;
    struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)at, 1};
    return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1;
}

static bool is_zero(const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i])
            return false;
    return true;
}

TEST(only_the_head_can_be_used)
{
    mo_slot slot;
    require(mo_slot_map(MO_SLOT_USUAL, MO_SLOT_HEAD, &slot, NULL));
    expect(is_zero(slot.at, slot.open));
    slot.at[slot.open - 1] = 1;
    expect(!is_readable(slot.at + slot.open));
    expect(!is_readable(slot.at + slot.len - 1));
    mo_slot_unmap(&slot);
    expect(slot.at == NULL);
}

TEST(a_spare_is_taken_again_and_holds_nothing_of_its_last_tenant)
{
    mo_spares spares = {0};
    mo_slot slot, again;
    require(mo_spares_keep(&spares, 1, NULL));
    expect_u64(spares.n, 1);
    require(mo_slot_take(&spares, MO_SLOT_USUAL, MO_SLOT_HEAD, &slot, NULL));
    expect_u64(spares.n, 0);
    uint8_t *was = slot.at, *memory = slot.at + MO_SLOT_HEAD + MO_GUARD_BEFORE;
    memset(slot.at, 0x5a, slot.open);
    require(mprotect(memory, 65536, PROT_READ | PROT_WRITE) == 0);
    memset(memory, 0x5a, 65536);
    mo_slot_give(&spares, &slot);
    expect(slot.at == NULL);
    require(mo_slot_take(&spares, MO_SLOT_USUAL, MO_SLOT_HEAD, &again, NULL));
    expect(again.at == was);
    expect(is_zero(again.at, again.open));
    expect(!is_readable(again.at + MO_SLOT_HEAD + MO_GUARD_BEFORE));
    mo_slot_give(&spares, &again);
    mo_spares_free(&spares);
}

TEST(no_more_are_kept_than_wanted)
{
    mo_spares spares = {0};
    mo_slot slots[3];
    require(mo_spares_keep(&spares, 2, NULL));
    for (int i = 0; i < 3; i++)
        require(mo_slot_take(&spares, MO_SLOT_USUAL, MO_SLOT_HEAD, &slots[i], NULL));
    uint8_t *last = slots[2].at;
    for (int i = 0; i < 3; i++)
        mo_slot_give(&spares, &slots[i]);
    expect_u64(spares.n, 2);
    expect(!is_readable(last));
    mo_spares_free(&spares);
}

TEST(slots_of_other_shapes_are_not_kept)
{
    mo_spares spares = {0};
    mo_slot slot;
    require(mo_spares_keep(&spares, 1, NULL));
    require(mo_slot_take(&spares, 65536, 4096, &slot, NULL));
    expect_u64(spares.n, 1);
    mo_slot_give(&spares, &slot);
    expect_u64(spares.n, 1);
    mo_spares_free(&spares);
}

TEST(keeping_more_than_the_address_space_is_refused_and_keeps_what_was)
{
    mo_spares spares = {0};
    mote_error err = {0};
    require(mo_spares_keep(&spares, 1, NULL));
    expect(!mo_spares_keep(&spares, 100000, &err));
    expect_u64(err.status, MOTE_NOMEM);
    expect_u64(spares.n, 1);
    mo_spares_free(&spares);
}

static void *take_and_give(void *data)
{
    mo_spares *spares = data;
    for (int i = 0; i < 200; i++) {
        mo_slot slot;
        if (!mo_slot_take(spares, MO_SLOT_USUAL, MO_SLOT_HEAD, &slot, NULL))
            return "no slot";
        if (!is_zero(slot.at, 64))
            return "a dirty slot";
        memset(slot.at, i + 1, 64);
        mo_slot_give(spares, &slot);
    }
    return NULL;
}

TEST(threads_share_spares)
{
    mo_spares spares = {0};
    pthread_t threads[4];
    require(mo_spares_keep(&spares, 2, NULL));
    for (int i = 0; i < 4; i++)
        require(pthread_create(&threads[i], NULL, take_and_give, &spares) == 0);
    for (int i = 0; i < 4; i++) {
        void *words;
        pthread_join(threads[i], &words);
        expect(words == NULL);
    }
    expect(spares.n <= 2);
    mo_spares_free(&spares);
}
