/* Claims about the heap and the arena. */
#include "base/base.h"
#include "base/test.h"

TEST(live_counts_blocks)
{
    uint64_t before = mo_alloc_live();
    void *a = mo_alloc(10), *b = mo_calloc(3, 4), *c = mo_realloc(NULL, 5);
    expect_u64(mo_alloc_live(), before + 3);
    c = mo_realloc(c, 100000);
    expect_u64(mo_alloc_live(), before + 3);
    mo_free(a);
    mo_free(b);
    mo_free(c);
    mo_free(NULL);
    expect_u64(mo_alloc_live(), before);
}

TEST(nothing_is_still_something)
{
    void *a = mo_alloc(0), *b = mo_calloc(0, 8);
    expect(a && b);
    mo_free(a);
    mo_free(b);
}

TEST(the_chosen_allocation_fails_once)
{
    mo_alloc_fail_at(1);
    void *a = mo_alloc(1), *b = mo_alloc(1), *c = mo_alloc(1);
    expect(a && !b && c);
    mo_free(a);
    mo_free(c);
}

TEST(a_failed_realloc_keeps_the_old_block)
{
    char *a = mo_alloc(2);
    require(a != NULL);
    memcpy(a, "x", 2);
    mo_alloc_fail_at(0);
    expect(mo_realloc(a, 50) == NULL);
    expect_text(a, "x");
    mo_free(a);
}

TEST(grow_keeps_what_is_there)
{
    int *array = NULL;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        require(mo_grow(&array, &cap, (size_t)i + 1, sizeof *array));
        array[i] = i;
    }
    for (int i = 0; i < 1000; i++) expect(array[i] == i);
    expect(!mo_grow(&array, &cap, SIZE_MAX / 2, sizeof *array));
    expect(array[999] == 999);
    mo_free(array);
}

static bool all_zero(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] == 0) i++;
    return i == n;
}

TEST(an_arena_gives_zeros_aligned)
{
    mo_arena arena = {0};
    for (size_t size = 0; size < 5000; size += 7) {
        uint8_t *p = mo_arena_take(&arena, size);
        require(p != NULL);
        expect((uintptr_t)p % 16 == 0);
        require(all_zero(p, size));
        memset(p, 0xff, size);
    }
    mo_arena_free(&arena);
    expect(arena.blocks == NULL && arena.total == 0);
}

TEST(an_arena_wastes_little)
{
    mo_arena arena = {0};
    size_t taken = 0;
    for (size_t i = 0; i < 3000; i++) {
        size_t size = i % 10 == 0 ? 3000 : 32;
        require(mo_arena_take(&arena, size) != NULL);
        taken += size;
    }
    expect(arena.total < taken * 2);
    mo_arena_free(&arena);
}

TEST(a_reset_arena_gives_zeros_again)
{
    mo_arena arena = {0};
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 300; i++) {
            uint8_t *p = mo_arena_take(&arena, 100);
            require(p != NULL);
            require(all_zero(p, 100));
            memset(p, 0xaa, 100);
        }
        mo_arena_reset(&arena);
    }
    mo_arena_free(&arena);
}

TEST(an_arena_refuses_what_cannot_be)
{
    mo_arena arena = {0};
    expect(mo_arena_take(&arena, SIZE_MAX) == NULL);
    expect(mo_arena_take(&arena, SIZE_MAX - 15) == NULL);
    expect(mo_arena_array(&arena, SIZE_MAX / 4, 8) == NULL);
    expect_text(mo_arena_string(&arena, "abcdef", 3), "abc");
    mo_arena_free(&arena);
}

TEST(an_arena_survives_failed_allocations)
{
    uint64_t before = mo_alloc_live();
    for (uint64_t n = 0; n < 8; n++) {
        mo_arena arena = {0};
        mo_alloc_fail_at(n);
        for (int i = 0; i < 50; i++) mo_arena_take(&arena, 1000);
        mo_alloc_fail_at(UINT64_MAX);
        mo_arena_free(&arena);
    }
    expect_u64(mo_alloc_live(), before);
}
