/* Letters arrive whole, in order, once; also while both ends run. */
#include "bot/lane/post.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct post post;
static struct arena arena;

static int fresh(void **state)
{
    (void)state;
    memset(&post, 0, sizeof post);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void letters_come_in_order_and_once(void **state)
{
    (void)state;
    struct str letter;

    assert_false(post_read(&post, &arena, &letter));
    assert_true(post_write(&post, STR("one")));
    assert_false(post_write(&post, STR_NONE));
    assert_true(post_write(&post, STR("two")));
    assert_true(post_read(&post, &arena, &letter) && str_eq(letter, STR("one")));
    assert_true(post_read(&post, &arena, &letter) && str_eq(letter, STR("two")));
    assert_false(post_read(&post, &arena, &letter));
}

static void what_has_no_room_is_not_written_at_all(void **state)
{
    (void)state;
    static char big[POST_SIZE];
    struct str letter;

    memset(big, 'x', sizeof big);
    assert_false(post_write(&post, (struct str){big, POST_SIZE - 3}));
    assert_true(post_write(&post, (struct str){big, POST_SIZE - 4}));
    assert_int_equal(post_room(&post), 0);
    assert_false(post_write(&post, STR("x")));
    assert_true(post_read(&post, &arena, &letter) && letter.len == POST_SIZE - 4);
    assert_false(post_read(&post, &arena, &letter));
    assert_true(post_write(&post, STR("after")));
    assert_true(post_read(&post, &arena, &letter) && str_eq(letter, STR("after")));
}

static void a_length_that_nobody_wrote_empties_the_ring(void **state)
{
    (void)state;
    struct str letter;

    assert_true(post_write(&post, STR("good")));
    post.bytes[0] = post.bytes[1] = post.bytes[2] = post.bytes[3] = 0x7f;
    assert_false(post_read(&post, &arena, &letter));
    assert_true(post_write(&post, STR("next")));
    assert_true(post_read(&post, &arena, &letter) && str_eq(letter, STR("next")));
}

/* A writer that died of a spoilt memory may have left any number, and so may a reader. */
static void places_that_cannot_be_empty_the_ring(void **state)
{
    (void)state;
    static const uint64_t ends[] = {POST_SIZE + 1, POST_SIZE * 3, UINT64_MAX,
                                    (uint64_t)1 << 63};
    struct str letter;

    for (size_t i = 0; i < COUNTOF(ends); i++) {
        memset(post.bytes, 0, sizeof post.bytes);
        post.bytes[1] = 0x10; /* a letter of a megabyte, which the ring has no room for */
        post.bytes[2] = 0x10;
        atomic_store(&post.read, 0);
        atomic_store(&post.written, ends[i]);
        assert_int_equal(post_room(&post), 0);
        assert_false(post_write(&post, STR("lost")));
        assert_false(post_read(&post, &arena, &letter));
        assert_true(post_write(&post, STR("next")));
        assert_true(post_read(&post, &arena, &letter) && str_eq(letter, STR("next")));
    }
}

enum { LETTERS = 200000 };

/* The nth letter: its number, and as many more bytes as follow from it. */
static size_t length_of(uint32_t n)
{
    return sizeof n + n * 2654435761u % 3000;
}

static void *write_all(void *unused)
{
    static char bytes[4096];

    (void)unused;
    for (uint32_t n = 0; n < LETTERS;) {
        size_t len = length_of(n);
        memset(bytes, (char)n, len);
        memcpy(bytes, &n, sizeof n);
        n += post_write(&post, (struct str){bytes, len});
    }
    return NULL;
}

static void both_ends_at_once_lose_and_spoil_nothing(void **state)
{
    (void)state;
    pthread_t writer;
    struct str letter;

    assert_int_equal(pthread_create(&writer, NULL, write_all, NULL), 0);
    for (uint32_t n = 0; n < LETTERS;) {
        if (!post_read(&post, &arena, &letter))
            continue;
        assert_int_equal(letter.len, length_of(n));
        assert_memory_equal(letter.at, &n, sizeof n);
        for (size_t i = sizeof n; i < letter.len; i++)
            assert_int_equal(letter.at[i], (char)n);
        arena_reset(&arena);
        n++;
    }
    pthread_join(writer, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(letters_come_in_order_and_once, fresh),
        cmocka_unit_test_setup(what_has_no_room_is_not_written_at_all, fresh),
        cmocka_unit_test_setup(a_length_that_nobody_wrote_empties_the_ring, fresh),
        cmocka_unit_test_setup(places_that_cannot_be_empty_the_ring, fresh),
        cmocka_unit_test_setup(both_ends_at_once_lose_and_spoil_nothing, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
