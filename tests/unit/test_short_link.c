/* The codes of short addresses. */
#include "bot/view/short_link.h"

#include "bot/base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static const struct config config = {
    .public_url = {"https://parley.example", 22}
};
static const struct uuid lark =
                             {
                                 {1, 2, 3}
},
                         wren = {{9, 9, 9}};

static int set_up(void **state)
{
    (void)state;
    return crypto_init(NULL) ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void ch_4_a_code_bears_its_business_s_mark_and_is_never_the_same(void **state)
{
    struct str codes[200];

    (void)state;
    for (size_t i = 0; i < COUNTOF(codes); i++) {
        codes[i] = short_link_code(&arena, lark);
        assert_int_equal(codes[i].len, SHORT_LINK_LEN);
        assert_true(short_link_may_be_of(codes[i], lark));
        assert_false(short_link_may_be_of(codes[i], wren));
        for (size_t k = 0; k < codes[i].len; k++)
            assert_null(memchr("0O1lIo", codes[i].at[k], 6));
        for (size_t k = 0; k < i; k++)
            assert_false(str_eq(codes[i], codes[k]));
    }
    assert_false(short_link_may_be_of(STR("ab"), lark));
    assert_false(short_link_may_be_of(STR_NONE, lark));
}

static void ch_4_only_what_gets_much_shorter_is_shortened(void **state)
{
    struct config hidden = {0};
    struct str code = STR("abcdefghijk");
    struct str far =
        STR("https://checkout.example/c/pay/0123456789012345678901234567890123456789");

    (void)state;
    assert_true(str_eq(short_link_address(&arena, &config, far, code),
                       STR("https://parley.example/s/abcdefghijk")));
    assert_int_equal(
        short_link_address(&arena, &config, STR("https://track.example/1234"), code).len, 0);
    assert_int_equal(short_link_address(&arena, &hidden, far, code).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_4_a_code_bears_its_business_s_mark_and_is_never_the_same),
        cmocka_unit_test(ch_4_only_what_gets_much_shorter_is_shortened),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
