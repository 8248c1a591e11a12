/* Which language a number lets us guess; a guess too many is worse than none. */
#include "bot/turn/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const char *phone, const char *language)
{
    struct str guess = people_language_of_phone(str_from(phone));

    if (!str_eq(guess, str_from(language)))
        fail_msg("%s: %.*s instead of %s", phone, (int)guess.len, guess.at, language);
}

static void a_number_of_one_of_our_languages_countries_tells_it(void **state)
{
    (void)state;
    static const char *const spanish[] = {
        "+34600123456", "+525512345678", "+5491112345678", "+573001234567", "+51912345678",
        "+56912345678", "+584121234567", "+593991234567",  "+595981123456", "+59171234567",
        "+59899123456", "+50251234567",  "+50370123456",   "+50499123456",  "+50588123456",
        "+50688123456", "+50766123456",  "+5352123456",    "+240222123456", "+18095551234",
        "+17875551234"};
    static const char *const arabic[] = {
        "+201001234567",  "+212612345678", "+213551234567", "+21620123456",  "+218911234567",
        "+249911234567",  "+22222123456",  "+211921234567", "+962791234567", "+963931234567",
        "+9647901234567", "+96550123456",  "+966501234567", "+967711234567", "+96892123456",
        "+970599123456",  "+971501234567", "+97333123456",  "+97433123456",  "+96171123456"};

    for (size_t i = 0; i < COUNTOF(spanish); i++)
        expect(spanish[i], "es");
    for (size_t i = 0; i < COUNTOF(arabic); i++)
        expect(arabic[i], "ar");
    expect("+48600123456", "pl");
}

/* Neighbours by their digits, which are other countries. */
static void numbers_of_other_countries_tell_nothing(void **state)
{
    (void)state;
    static const char *const others[] = {"+15550100001",
                                         "+18765551234",
                                         "+18685551234",
                                         "+447700900123",
                                         "+4915112345678",
                                         "+33612345678",
                                         "+5511912345678" /* Brazil */,
                                         "+5926091234",
                                         "+5978123456",
                                         "+594694123456",
                                         "+5016091234",
                                         "+50934123456",
                                         "+5906901234",
                                         "+972501234567",
                                         "+984112345678",
                                         "+989121234567",
                                         "+27821234567",
                                         "+234803123456",
                                         "+251911234567",
                                         "+22501234567",
                                         "+2201234567",
                                         "+2391234567",
                                         "+97517123456",
                                         "+959123456789",
                                         "+60123456789",
                                         "+491701234567",
                                         "+351912345678"};

    for (size_t i = 0; i < COUNTOF(others); i++)
        expect(others[i], "");
}

static void what_is_no_international_number_tells_nothing(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "",   "+",  "+1", "34600123456", "0034600123456", "US.123456789", " +34600123456",
        "+4", "+2", "+9"};

    for (size_t i = 0; i < COUNTOF(odd); i++)
        expect(odd[i], "");
    assert_int_equal(people_language_of_phone(STR_NONE).len, 0);
    /* only as many bytes as there are */
    assert_int_equal(people_language_of_phone((struct str){"+34600", 2}).len, 0);
    assert_int_equal(people_language_of_phone((struct str){"+34600", 3}).len, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_of_one_of_our_languages_countries_tells_it),
        cmocka_unit_test(numbers_of_other_countries_tell_nothing),
        cmocka_unit_test(what_is_no_international_number_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
