/* The arena: what it gives is zeroed, aligned, apart, and gone when it says so. */
#include "bot/base/arena.h"

#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

static uint32_t random_state = 7;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

static void assert_zeroed(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(at[i], 0);
}

static void a_zeroed_arena_is_ready_and_an_unused_one_may_be_finished(void **state)
{
    (void)state;
    struct arena arena = {0};
    arena_finish(&arena);
    arena_reset(&arena);
    arena_finish(&arena);
    arena_init(&arena);
    assert_non_null(arena_alloc(&arena, 1));
    arena_finish(&arena);
}

static void memory_is_zeroed_aligned_and_apart_through_many_resets(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (int round = 0; round < 50; round++) {
        char *at[200];
        size_t size[200];
        for (size_t i = 0; i < COUNTOF(at); i++) {
            size[i] = next_random(20) == 0 ? next_random(400000) : next_random(300);
            at[i] = arena_alloc(&arena, size[i]);
            assert_int_equal((uintptr_t)at[i] % _Alignof(max_align_t), 0);
            assert_zeroed(at[i], size[i]);
            memset(at[i], (int)(i + 1), size[i]);
        }
        for (size_t i = 0; i < COUNTOF(at); i++) {
            for (size_t j = 0; j < size[i]; j++)
                assert_int_equal((unsigned char)at[i][j], i + 1);
        }
        if (round % 7 == 0) {
            arena_finish(&arena);
        } else {
            arena_reset(&arena);
        }
        assert_int_equal(arena.used, 0);
    }
    arena_finish(&arena);
}

static void sizes_around_a_block_s_end_do_not_overlap(void **state)
{
    (void)state;
    for (size_t size = 4080; size < 4112; size++) {
        struct arena arena = {0};
        char *at[40];
        for (size_t i = 0; i < COUNTOF(at); i++) {
            at[i] = arena_alloc(&arena, size);
            assert_zeroed(at[i], size);
            memset(at[i], (int)(i + 1), size);
        }
        for (size_t i = 0; i < COUNTOF(at); i++) {
            assert_int_equal(at[i][0], i + 1);
            assert_int_equal(at[i][size - 1], i + 1);
        }
        arena_finish(&arena);
    }
}

static void empty_things_have_addresses_of_their_own(void **state)
{
    (void)state;
    struct arena arena = {0};
    void *a = arena_alloc(&arena, 0);
    void *b = arena_array(&arena, struct arena, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    arena_finish(&arena);
}

static void an_array_grows_and_keeps_what_it_holds(void **state)
{
    (void)state;
    struct arena arena = {0};
    uint64_t *items = NULL, *before;
    size_t room = 0, moved = 0;
    for (size_t n = 0; n < 1000; n++) {
        before = items;
        items = arena_more(&arena, items, n, &room);
        assert_true(room > n);
        moved += items != before;
        items[n] = n;
    }
    for (size_t n = 0; n < 1000; n++)
        assert_int_equal(items[n], n);
    assert_in_range(moved, 2, 10); /* it doubles */
    arena_finish(&arena);
}

static void used_counts_the_bytes_handed_out(void **state)
{
    (void)state;
    struct arena arena = {0};
    (void)arena_alloc(&arena, 100);
    (void)arena_array(&arena, uint32_t, 25);
    assert_int_equal(arena.used, 200);
    arena_reset(&arena);
    assert_int_equal(arena.used, 0);
    arena_finish(&arena);
}

static void text_is_copied_with_a_nul_behind_it(void **state)
{
    (void)state;
    struct arena arena = {0};
    char original[] = "abc";
    struct str copy = arena_str(&arena, (struct str){original, 3});
    original[0] = 'x';
    assert_string_equal(copy.at, "abc");
    assert_int_equal(copy.len, 3);
    assert_string_equal(arena_cstr(&arena, STR("a\0b")), "a");
    assert_string_equal(arena_cstr(&arena, STR_NONE), "");
    arena_finish(&arena);
}

static void format_takes_text_of_any_length(void **state)
{
    (void)state;
    struct arena arena = {0};
    char *large = malloc(100001);
    assert_non_null(large);
    memset(large, 'y', 100000);
    large[100000] = '\0';
    struct str text = arena_format(&arena, "%s-%d", large, 42);
    assert_int_equal(text.len, 100003);
    assert_string_equal(text.at + 99999, "y-42");
    assert_int_equal(arena_format(&arena, "%s", "").len, 0);
    assert_string_equal(arena_format(&arena, "%.*s", STR_ARG(STR_NONE)).at, "");
    free(large);
    arena_finish(&arena);
}

static struct arena *defer_arena;
static char defer_order[16];
static size_t defer_count;

static void note(void *what)
{
    defer_order[defer_count++] = *(const char *)what;
}

static void note_and_go_on(void *what)
{
    note(what);
    /* A disposer may use what is in the arena, ask for more, and leave more to do. */
    char *late = arena_alloc(defer_arena, 5000);
    late[4999] = 'z';
    arena_defer(defer_arena, note, late + 4999);
}

static void disposers_run_newest_first_once_and_may_defer_again(void **state)
{
    (void)state;
    struct arena arena = {0};
    defer_arena = &arena;
    for (int round = 0; round < 2; round++) {
        defer_count = 0;
        char *names = arena_alloc(&arena, 4);
        memcpy(names, "abc", 4);
        arena_defer(&arena, note, names);
        arena_defer(&arena, note_and_go_on, names + 1);
        arena_defer(&arena, note, names + 2);
        if (round == 0) {
            arena_reset(&arena);
        } else {
            arena_finish(&arena);
        }
        assert_int_equal(defer_count, 4);
        assert_memory_equal(defer_order, "cbza", 4);
    }
    arena_reset(&arena);
    arena_finish(&arena);
    assert_int_equal(defer_count, 4);
}

static void a_reset_keeps_one_warm_block_and_no_more_than_256_kilobytes(void **state)
{
    (void)state;
    if (UNDER_ASAN)
        skip();
    struct arena arena = {0};
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (int i = 0; i < 100000; i++)
        (void)arena_alloc(&arena, 100);
    (void)arena_alloc(&arena, (size_t)32 << 20);
    arena_reset(&arena);
    size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    assert_true(after - before <= ((size_t)256 << 10) + 4096);
    void *first = arena_alloc(&arena, 10);
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 10), first);
    arena_finish(&arena);
    assert_true(mallinfo2().uordblks + mallinfo2().hblkhd <= before);
}

static void ask_for_too_much(void)
{
    struct arena arena = {0};
    (void)arena_alloc(&arena, SIZE_MAX - 8);
}

static void ask_for_a_product_that_overflows(void)
{
    struct arena arena = {0};
    (void)arena_alloc_array(&arena, SIZE_MAX / 4, 8);
}

static void write_one_past_the_end(void)
{
    struct arena arena = {0};
    (void)arena_alloc(&arena, 24);
    volatile char *at = arena_alloc(&arena, 24);
    (void)arena_alloc(&arena, 24);
    at[24] = 1;
}

static void read_after_reset(void)
{
    struct arena arena = {0};
    volatile char *at = arena_alloc(&arena, 24);
    arena_reset(&arena);
    _exit(at[3]);
}

/* Whether a child that does this dies of it. */
static bool is_fatal(void (*deed)(void))
{
    pid_t child = fork();
    if (child == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        (void)signal(SIGABRT, SIG_DFL);
        deed();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void sizes_that_cannot_be_end_the_process(void **state)
{
    (void)state;
    assert_true(is_fatal(ask_for_too_much));
    assert_true(is_fatal(ask_for_a_product_that_overflows));
}

static void under_asan_an_overrun_and_a_late_read_show(void **state)
{
    (void)state;
    if (!UNDER_ASAN)
        skip();
    assert_true(is_fatal(write_one_past_the_end));
    assert_true(is_fatal(read_after_reset));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_arena_is_ready_and_an_unused_one_may_be_finished),
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart_through_many_resets),
        cmocka_unit_test(sizes_around_a_block_s_end_do_not_overlap),
        cmocka_unit_test(empty_things_have_addresses_of_their_own),
        cmocka_unit_test(an_array_grows_and_keeps_what_it_holds),
        cmocka_unit_test(used_counts_the_bytes_handed_out),
        cmocka_unit_test(text_is_copied_with_a_nul_behind_it),
        cmocka_unit_test(format_takes_text_of_any_length),
        cmocka_unit_test(disposers_run_newest_first_once_and_may_defer_again),
        cmocka_unit_test(a_reset_keeps_one_warm_block_and_no_more_than_256_kilobytes),
        cmocka_unit_test(sizes_that_cannot_be_end_the_process),
        cmocka_unit_test(under_asan_an_overrun_and_a_late_read_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
