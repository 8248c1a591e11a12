/*
 * The arena as it runs in production, where allocations share blocks, under whatever sanitizer
 * this build has: under ASan the library's own arena never shares one, so it is built here once
 * more. Its functions stand in for the library's.
 */
#define EXACT_BLOCKS 0
#include "bot/base/arena.c" /* NOLINT(bugprone-suspicious-include) */

#include <setjmp.h>

#include <cmocka.h>

static uint32_t random_state = 11;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

static void fill(struct arena *arena, size_t size)
{
    char *at = arena_alloc(arena, size);
    assert_int_equal((uintptr_t)at % ALIGNMENT, 0);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(at[i], 0);
        at[i] = (char)0xA5;
    }
}

static void blocks_are_filled_to_their_last_byte_and_no_further(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 96; size++) {
        struct arena arena = {0};
        for (size_t n = 0; n < BLOCK_MAX * 3; n += size + 16)
            fill(&arena, size);
        arena_finish(&arena);
    }
}

static void a_block_kept_by_a_reset_is_zero_again(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (int round = 0; round < 200; round++) {
        for (uint32_t n = next_random(600); n > 0; n--)
            fill(&arena, next_random(30) == 0 ? next_random(300000) : next_random(200));
        arena_reset(&arena);
    }
    arena_finish(&arena);
}

/* A large thing first, which owns its block alone, must not leave that block to be shared. */
static void a_large_first_allocation_shares_with_nobody(void **state)
{
    (void)state;
    for (size_t size = BLOCK_MIN / 4; size < BLOCK_MAX * 2; size = size * 5 / 4) {
        struct arena arena = {0};
        for (int round = 0; round < 3; round++) {
            fill(&arena, size);
            for (int i = 0; i < 40; i++)
                fill(&arena, 500);
            arena_reset(&arena);
        }
        arena_finish(&arena);
    }
}

static void a_reset_keeps_one_block_of_bounded_size(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (int i = 0; i < 100000; i++)
        (void)arena_alloc(&arena, 100);
    fill(&arena, (size_t)8 << 20);
    arena_reset(&arena);
    assert_non_null(arena.blocks);
    assert_null(arena.blocks->older);
    assert_true(arena.blocks->size <= BLOCK_MAX);
    const struct arena_block *kept = arena.blocks;
    fill(&arena, 10);
    arena_reset(&arena);
    assert_ptr_equal(arena.blocks, kept);
    arena_finish(&arena);
    assert_null(arena.blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_filled_to_their_last_byte_and_no_further),
        cmocka_unit_test(a_block_kept_by_a_reset_is_zero_again),
        cmocka_unit_test(a_large_first_allocation_shares_with_nobody),
        cmocka_unit_test(a_reset_keeps_one_block_of_bounded_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
