/* A book goes from hand to hand: whole, and as it was when it was judged. */
#include "bot/turn/book_hand.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void what_arrives_is_what_was_given(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct err err = {0};
    struct str packed;
    struct wake wake;
    int ends[2];
    int handle = book_hand_make(STR("a book"));

    assert_true(handle >= 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
    assert_true(book_hand_to(ends[0], handle));
    assert_true(wake_next(ends[1], &wake));
    assert_true(book_hand_read(&arena, wake.book, &packed, &err));
    assert_true(str_eq(packed, STR("a book")));
    assert_false(wake_next(ends[1], &wake));
    for (int i = 0; i < 2; i++)
        (void)close(ends[i]);
    (void)close(handle);
    arena_finish(&arena);
}

/* Every worker has a handle of the same memory. */
static void no_worker_changes_what_the_others_read(void **state)
{
    (void)state;
    int handle = book_hand_make(STR("a book"));

    assert_true(handle >= 0);
    assert_int_equal(pwrite(handle, "another", 7, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(handle, 1), -1);
    assert_int_equal(ftruncate(handle, 100), -1);
    assert_ptr_equal(mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0), MAP_FAILED);
    (void)close(handle);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_arrives_is_what_was_given),
        cmocka_unit_test(no_worker_changes_what_the_others_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
