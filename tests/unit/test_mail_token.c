/* The token in the address that our mails are answered to. */
#include "bot/lane/mail_token.h"

#include "bot/base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static const struct config config = {
    .secrets = {.key = {"0123456789abcdef0123456789abcdef", 32}}};
static const struct uuid one = {
    {0x01, 0x93, 0x44, 0x55, 0x66, 0x77, 0x70, 0x01, 0x80, 1, 2, 3, 4, 5, 6, 7}
};

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

static void ch_5_a_token_names_its_conversation_and_no_other(void **state)
{
    struct str token = mail_token(&arena, &config, one);
    struct uuid other = one;

    (void)state;
    other.bytes[15]++;
    assert_int_equal(token.len, MAIL_TOKEN_LEN);
    assert_true(mail_token_is(&config, token, one));
    assert_false(mail_token_is(&config, token, other));
    assert_false(mail_token_is(&config, str_slice(token, 0, token.len - 1), one));
    assert_false(mail_token_is(&config, STR_NONE, one));
}

static void ch_5_a_token_survives_a_mail_program_that_shouts(void **state)
{
    struct str token = mail_token(&arena, &config, one);
    char *loud = arena_alloc(&arena, token.len);

    (void)state;
    for (size_t i = 0; i < token.len; i++) {
        char c = token.at[i];
        loud[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    assert_true(mail_token_is(&config, (struct str){loud, token.len}, one));
}

static void ch_5_every_changed_character_makes_a_token_wrong(void **state)
{
    struct str token = mail_token(&arena, &config, one);

    (void)state;
    for (size_t i = 0; i < token.len; i++) {
        struct str changed = arena_str(&arena, token);
        char *at = (char *)changed.at + i;
        *at = *at == 'a' ? 'q' : 'a';
        assert_false(mail_token_is(&config, changed, one));
    }
}

static void ch_5_another_key_or_none_makes_no_token_right(void **state)
{
    struct config other = {.secrets = {.key = {"another key that is long enough!", 32}}};
    struct config keyless = {0};
    struct str token = mail_token(&arena, &config, one);

    (void)state;
    assert_false(mail_token_is(&other, token, one));
    assert_false(mail_token_is(&keyless, token, one));
    assert_int_equal(mail_token(&arena, &keyless, one).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_5_a_token_names_its_conversation_and_no_other),
        cmocka_unit_test(ch_5_a_token_survives_a_mail_program_that_shouts),
        cmocka_unit_test(ch_5_every_changed_character_makes_a_token_wrong),
        cmocka_unit_test(ch_5_another_key_or_none_makes_no_token_right),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
