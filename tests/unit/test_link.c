/* The tokens of links that come back to us. */
#include "bot/view/link.h"

#include "bot/base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static const struct config config = {
    .public_url = {"https://parley.example", 22},
    .secrets = {.key = {"0123456789abcdef0123456789abcdef", 32}                       }
};
static const struct link link_one = {
    .org = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
    .conversation = {{16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
    .seq = 0x0102030405060708,
    .option = 9};

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

static struct str token_of(struct str url)
{
    return str_slice(url, url.len - 78, url.len); /* 58 bytes */
}

static void ch_6_a_link_names_its_message_and_option(void **state)
{
    struct str url = link_make(&arena, &config, LINK_TAP, &link_one);
    struct link link;

    (void)state;
    assert_true(str_starts(url, STR("https://parley.example/t/")));
    assert_int_equal(url.len, 25 + 78);
    assert_true(link_open(&config, LINK_TAP, token_of(url), &link));
    assert_true(uuid_eq(link.org, link_one.org));
    assert_true(uuid_eq(link.conversation, link_one.conversation));
    assert_int_equal(link.seq, link_one.seq);
    assert_int_equal(link.option, link_one.option);
}

/* A mail that is sent again under the same idempotency key must be the same mail. */
static void ch_5_the_same_link_is_the_same_bytes(void **state)
{
    (void)state;
    assert_true(str_eq(link_make(&arena, &config, LINK_TAP, &link_one),
                       link_make(&arena, &config, LINK_TAP, &link_one)));
}

static void ch_6_a_link_of_one_kind_is_none_of_another(void **state)
{
    struct link link;

    (void)state;
    assert_false(link_open(&config, LINK_UNSUBSCRIBE,
                           token_of(link_make(&arena, &config, LINK_TAP, &link_one)), &link));
    assert_false(link_open(&config, LINK_TAP,
                           token_of(link_make(&arena, &config, LINK_UNSUBSCRIBE, &link_one)),
                           &link));
}

static void ch_6_every_changed_character_makes_a_link_wrong(void **state)
{
    struct str token = token_of(link_make(&arena, &config, LINK_TAP, &link_one));
    struct link link;

    (void)state;
    for (size_t i = 0; i < token.len; i++) {
        struct str changed = arena_str(&arena, token);
        char *at = (char *)changed.at + i;
        *at = *at == 'A' ? 'Q' : 'A';
        assert_false(link_open(&config, LINK_TAP, changed, &link));
    }
    assert_false(link_open(&config, LINK_TAP, str_slice(token, 0, token.len - 1), &link));
    assert_false(
        link_open(&config, LINK_TAP, arena_format(&arena, "%.*sA", STR_ARG(token)), &link));
    assert_false(link_open(&config, LINK_TAP, STR_NONE, &link));
    assert_false(link_open(&config, LINK_TAP, STR("///"), &link));
}

static void ch_6_another_key_opens_nothing_and_none_makes_nothing(void **state)
{
    struct config other = config, keyless = config, hidden = config;
    struct str token = token_of(link_make(&arena, &config, LINK_TAP, &link_one));
    struct link link;

    (void)state;
    other.secrets.key = STR("another key that is long enough!");
    keyless.secrets.key = STR_NONE;
    hidden.public_url = STR_NONE;
    assert_false(link_open(&other, LINK_TAP, token, &link));
    assert_false(link_open(&keyless, LINK_TAP, token, &link));
    assert_int_equal(link_make(&arena, &keyless, LINK_TAP, &link_one).len, 0);
    assert_int_equal(link_make(&arena, &hidden, LINK_TAP, &link_one).len, 0);
}

/* --- files -------------------------------------------------------------------------------- */

#define FILE_TOKEN 91 /* 68 bytes */

static const struct link_file file_one = {
    .org = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
    .document = {{16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
    .customer = {{7}},
    .end = 500000 * USEC_PER_HOUR};

static void otp_7_a_link_names_its_file_and_its_end(void **state)
{
    struct str url = link_file_make(&arena, &config, &file_one);
    struct link_file file;

    (void)state;
    assert_true(str_starts(url, STR("https://parley.example/f/")));
    assert_int_equal(url.len, 25 + FILE_TOKEN);
    assert_true(link_file_open(&config, str_slice(url, 25, url.len), &file));
    assert_true(uuid_eq(file.org, file_one.org));
    assert_true(uuid_eq(file.document, file_one.document));
    assert_true(uuid_eq(file.customer, file_one.customer));
    assert_int_equal(file.end, file_one.end);
    assert_true(str_eq(url, link_file_make(&arena, &config, &file_one)));
}

static void otp_7_a_files_token_that_is_bent_opens_nothing(void **state)
{
    static const char other[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct str url = link_file_make(&arena, &config, &file_one);
    struct str token = str_slice(url, 25, url.len);
    struct config another = config;
    struct link_file file;
    struct link link;

    (void)state;
    for (size_t at = 0; at < token.len; at++) {
        char *bent = arena_alloc(&arena, token.len);
        memcpy(bent, token.at, token.len);
        for (size_t i = 0; other[i] != '\0'; i++) {
            bent[at] = other[i];
            if (other[i] != token.at[at])
                assert_false(link_file_open(&config, (struct str){bent, token.len}, &file));
        }
        assert_false(link_file_open(&config, str_slice(token, 0, at), &file));
        assert_false(link_file_open(&config, str_slice(token, at + 1, token.len), &file));
    }
    assert_false(link_file_open(&config, arena_concat(&arena, token, STR("A")), &file));
    assert_false(link_file_open(&config, arena_concat(&arena, token, token), &file));
    assert_false(link_file_open(&config, STR("../../../etc/passwd"), &file));
    another.secrets.key = STR("0123456789abcdef0123456789abcdeg");
    assert_false(link_file_open(&another, token, &file));
    another.secrets.key = STR_NONE;
    assert_false(link_file_open(&another, token, &file));
    assert_int_equal(link_file_make(&arena, &another, &file_one).len, 0);
    /* and one of another form is none of these */
    url = link_make(&arena, &config, LINK_TAP, &link_one);
    assert_false(link_file_open(&config, token_of(url), &file));
    assert_false(link_open(&config, LINK_TAP, token, &link));
}

/* The same request has the same bytes for as long as it may be repeated. */
static void otp_7_a_link_ends_a_day_later_whenever_it_is_asked(void **state)
{
    usec_t at = 1000 * USEC_PER_HOUR + 12 * USEC_PER_MIN;
    usec_t end = 1025 * USEC_PER_HOUR;

    (void)state;
    for (usec_t later = 0; later < 22 * USEC_PER_HOUR; later += 7 * USEC_PER_MIN)
        assert_int_equal(link_file_end(at, at + later), end);
    usec_t late = at + 30 * USEC_PER_HOUR;
    assert_true(link_file_end(at, late) - late >= 24 * USEC_PER_HOUR);
    assert_true(link_file_end(at, late) - late <= 25 * USEC_PER_HOUR);
    assert_int_equal(link_file_end(1000 * USEC_PER_HOUR, 1000 * USEC_PER_HOUR),
                     1024 * USEC_PER_HOUR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_6_a_link_names_its_message_and_option),
        cmocka_unit_test(ch_5_the_same_link_is_the_same_bytes),
        cmocka_unit_test(ch_6_a_link_of_one_kind_is_none_of_another),
        cmocka_unit_test(ch_6_every_changed_character_makes_a_link_wrong),
        cmocka_unit_test(ch_6_another_key_opens_nothing_and_none_makes_nothing),
        cmocka_unit_test(otp_7_a_link_names_its_file_and_its_end),
        cmocka_unit_test(otp_7_a_files_token_that_is_bent_opens_nothing),
        cmocka_unit_test(otp_7_a_link_ends_a_day_later_whenever_it_is_asked),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
