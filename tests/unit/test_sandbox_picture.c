/* The sandbox's pictures are PNG as the standard has it. */
#include "tests/sandbox/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static uint32_t number_at(struct str file, size_t at)
{
    uint32_t number = 0;
    for (size_t i = 0; i < 4; i++)
        number = number << 8 | (unsigned char)file.at[at + i];
    return number;
}

static void a_picture_is_a_png_of_whole_chunks(void **state)
{
    (void)state;
    struct str file = picture_of(&arena, STR("/pictures/rep-2001-axle.png"));
    static const char *const chunks[] = {"IHDR", "PLTE", "IDAT", "IEND"};
    size_t at = 8;
    assert_memory_equal(file.at, "\x89PNG\r\n\x1A\n", 8);
    for (size_t i = 0; i < COUNTOF(chunks); i++) {
        assert_true(at + 12 <= file.len);
        assert_memory_equal(file.at + at + 4, chunks[i], 4);
        at += 12 + number_at(file, at);
    }
    assert_int_equal(at, file.len);
    assert_int_equal(number_at(file, 16), 320);
    assert_int_equal(number_at(file, 20), 240);
    assert_int_equal(number_at(file, file.len - 4), 0xAE426082U); /* IEND's, known to all */
    assert_true(file.len < 100000);
    arena_finish(&arena);
}

static void a_name_always_has_the_same_picture_and_another_name_another(void **state)
{
    (void)state;
    struct str one = picture_of(&arena, STR("/pictures/a.png"));
    assert_true(str_eq(one, picture_of(&arena, STR("/pictures/a.png"))));
    assert_false(str_eq(one, picture_of(&arena, STR("/pictures/b.png"))));
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_a_png_of_whole_chunks),
        cmocka_unit_test(a_name_always_has_the_same_picture_and_another_name_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
