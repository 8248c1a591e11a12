/* UUIDv7: the layout of RFC 9562, the order of time, and a parser that is not fooled. */
#include "bot/base/arena.h"
#include "bot/base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t ones[10] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
static const uint8_t zeros[10];

/* RFC 9562, appendix A.6: its millisecond and its random bits. */
static void the_example_of_the_rfc_comes_out(void **state)
{
    (void)state;
    static const uint8_t random[10] = {0x0C, 0xC3, 0x18, 0xC4, 0xDC,
                                       0x0C, 0x0C, 0x07, 0x39, 0x8F};
    struct uuid id = uuid_v7((usec_t)0x017F22E279B0 * USEC_PER_MSEC + 999, random);
    char text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void version_and_variant_stand_whatever_the_random_bits(void **state)
{
    (void)state;
    const uint8_t *const randoms[] = {zeros, ones};
    for (size_t i = 0; i < COUNTOF(randoms); i++) {
        struct uuid id = uuid_v7(1, randoms[i]);
        assert_int_equal(id.bytes[6] >> 4, 7);
        assert_int_equal(id.bytes[8] >> 6, 2);
    }
    char text[UUID_TEXT_LEN + 1];
    uuid_format(uuid_v7(0, ones), text);
    assert_string_equal(text, "00000000-0000-7fff-bfff-ffffffffffff");
}

static void ids_sort_by_their_millisecond(void **state)
{
    (void)state;
    struct uuid early = uuid_v7(1794961200000000, ones);
    struct uuid late = uuid_v7(1794961200001000, zeros);
    assert_true(uuid_compare(early, late) < 0);
    assert_true(uuid_compare(late, early) > 0);
    assert_int_equal(uuid_compare(early, early), 0);
    assert_true(uuid_eq(early, early));
    assert_false(uuid_eq(early, late));
    assert_true(uuid_compare(uuid_v7(255 * USEC_PER_MSEC, ones),
                             uuid_v7(256 * USEC_PER_MSEC, zeros)) < 0);
}

static void a_time_before_1970_is_its_beginning(void **state)
{
    (void)state;
    assert_true(uuid_eq(uuid_v7(-5000, ones), uuid_v7(0, ones)));
}

static void none_is_all_zeros_and_nothing_else(void **state)
{
    (void)state;
    assert_true(uuid_is_none((struct uuid){{0}}));
    assert_false(uuid_is_none(uuid_v7(0, zeros)));
    for (size_t i = 0; i < 16; i++) {
        struct uuid id = {{0}};
        id.bytes[i] = 1;
        assert_false(uuid_is_none(id));
    }
}

static void text_and_back_is_the_same_id(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (unsigned i = 0; i < 256; i++) {
        uint8_t random[10];
        for (unsigned j = 0; j < sizeof(random); j++)
            random[j] = (uint8_t)(i * 31 + j * 17);
        struct uuid id = uuid_v7((usec_t)i * 123456789012345, random);
        struct uuid back;
        struct str text = uuid_str(&arena, id);
        assert_int_equal(text.len, UUID_TEXT_LEN);
        assert_true(uuid_parse(text, &back));
        assert_true(uuid_eq(id, back));
    }
    arena_finish(&arena);
}

static void upper_case_reads_the_same(void **state)
{
    (void)state;
    struct uuid a;
    struct uuid b;
    assert_true(uuid_parse(STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &a));
    assert_true(uuid_parse(STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), &b));
    assert_true(uuid_eq(a, b));
}

static void anything_else_is_no_id_and_leaves_the_old_one(void **state)
{
    (void)state;
    static const struct str wrong[] = {
        STR_NONE,
        STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398"),
        STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398f0"),
        STR("017f22e2079b0-7cc3-98c4-dc0c0c07398f"),
        STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398g"),
        STR("017f22e2-79b0-7cc3-98c4-dc0c0c0739 f"),
        STR("017f22e-279b0-7cc3-98c4-dc0c0c07398f"),
        STR("017f22e279b07cc398c4dc0c0c07398f    "),
        STR("{17f22e2-79b0-7cc3-98c4-dc0c0c07398}"),
        STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398\0"),
        STR("------------------------------------"),
    };
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        struct uuid id = uuid_v7(5, ones);
        assert_false(uuid_parse(wrong[i], &id));
        assert_true(uuid_eq(id, uuid_v7(5, ones)));
    }
}

/* Of all single-byte changes to an id's text only other digits read. */
static void every_changed_byte_is_noticed(void **state)
{
    (void)state;
    char text[UUID_TEXT_LEN + 1];
    uuid_format(uuid_v7(1794961200000000, ones), text);
    for (size_t at = 0; at < UUID_TEXT_LEN; at++) {
        for (int c = 0; c < 256; c++) {
            char changed[UUID_TEXT_LEN];
            memcpy(changed, text, UUID_TEXT_LEN);
            changed[at] = (char)c;
            bool digit = c != 0 && c < 128 && strchr("0123456789abcdefABCDEF", c) != NULL;
            struct uuid id;
            bool read = uuid_parse((struct str){changed, UUID_TEXT_LEN}, &id);
            assert_int_equal(read, text[at] == '-' ? c == '-' : digit);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc_comes_out),
        cmocka_unit_test(version_and_variant_stand_whatever_the_random_bits),
        cmocka_unit_test(ids_sort_by_their_millisecond),
        cmocka_unit_test(a_time_before_1970_is_its_beginning),
        cmocka_unit_test(none_is_all_zeros_and_nothing_else),
        cmocka_unit_test(text_and_back_is_the_same_id),
        cmocka_unit_test(upper_case_reads_the_same),
        cmocka_unit_test(anything_else_is_no_id_and_leaves_the_old_one),
        cmocka_unit_test(every_changed_byte_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
