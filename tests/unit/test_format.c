/* Values as readers see them: amounts, instants, distances in time, numbers and plural forms.
 */
#include "templates/format.h"
#include "templates/plural.h"
#include "templates/words.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NBSP "\xC2\xA0"
#define LRM  "\xE2\x80\x8E"
#define RLM  "\xE2\x80\x8F"

#define TUESDAY     (1772550000 * USEC_PER_SEC) /* 2026-03-03 15:00 UTC */
#define BEFORE_DST  (1774745999 * USEC_PER_SEC) /* 2026-03-29 00:59:59 UTC */
#define AFTER_DST   (1774746000 * USEC_PER_SEC)
#define SUMMER_HOUR (1792888200 * USEC_PER_SEC) /* 2026-10-25 00:30 UTC */
#define WINTER_HOUR (1792891800 * USEC_PER_SEC) /* 2026-10-25 01:30 UTC */
#define DST_EVE     (1774737000 * USEC_PER_SEC) /* 2026-03-28 22:30 UTC */
#define YEAR_END    (1798759800 * USEC_PER_SEC) /* 2026-12-31 23:30 UTC */

static struct arena arena;

static int finish(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void assert_shown(enum lang lang, const char *zone, usec_t now, struct value value,
                         const char *format, const char *want)
{
    struct locale locale = {lang, str_from(zone), now};
    struct str got = words_format(&arena, &locale, value, str_from(format));
    assert_string_equal(arena_cstr(&arena, got), want);
}

static void assert_money(enum lang lang, int64_t minor, const char *currency, const char *want)
{
    struct money money;
    struct err err = {0};
    assert_true(money_make(minor, str_from(currency), &money, &err));
    assert_shown(lang, "UTC", 0, value_money(money), "", want);
}

static void assert_time(enum lang lang, const char *zone, usec_t time, const char *format,
                        const char *want)
{
    assert_shown(lang, zone, 0, value_time(time), format, want);
}

static void assert_relative(enum lang lang, usec_t now, usec_t away, const char *want)
{
    assert_shown(lang, "Europe/Warsaw", now, value_time(now + away), "relative", want);
}

/* --- languages -------------------------------------------------------------------------- */

static void a_language_is_read_from_any_usual_code(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        enum lang lang;
    } good[] = {
        {"en",           LANG_EN},
        {"en_US",        LANG_EN},
        {"pl-PL",        LANG_PL},
        {"ES",           LANG_ES},
        {"Ar",           LANG_AR},
        {"ar-u-nu-latn", LANG_AR},
        {"es_419",       LANG_ES},
        {"pl_PL.UTF-8",  LANG_PL}
    };
    static const char *const bad[] = {"",   "e",   "eng",   "english",
                                      "de", "fil", "en/US", "\xFF\xFF"};
    enum lang lang;
    for (size_t i = 0; i < COUNTOF(good); i++) {
        assert_true(lang_parse(str_from(good[i].code), &lang));
        assert_int_equal(lang, good[i].lang);
    }
    for (size_t i = 0; i < COUNTOF(bad); i++)
        assert_false(lang_parse(str_from(bad[i]), &lang));
    for (unsigned i = 0; i < LANG_COUNT; i++) {
        assert_true(lang_parse(str_from(lang_code((enum lang)i)), &lang));
        assert_int_equal(lang, i);
    }
    assert_true(lang_is_rtl(LANG_AR));
    assert_false(lang_is_rtl(LANG_PL));
}

/* --- money ------------------------------------------------------------------------------ */

static void money_reads_as_in_each_language(void **state)
{
    (void)state;
    assert_money(LANG_EN, 123450, "EUR", "€1,234.50");
    assert_money(LANG_ES, 123450, "EUR", "1.234,50" NBSP "€");
    assert_money(LANG_PL, 123450, "PLN", "1234,50" NBSP "zł");
    assert_money(LANG_PL, 1234550, "PLN", "12" NBSP "345,50" NBSP "zł");
    assert_money(LANG_AR, 123450, "EUR", RLM "1,234.50" NBSP "€");
    assert_money(LANG_EN, 123450, "USD", "$1,234.50");
    assert_money(LANG_EN, -5, "GBP", "-£0.05");
    assert_money(LANG_EN, 0, "EUR", "€0.00");
}

static void money_has_the_digits_of_its_currency(void **state)
{
    (void)state;
    assert_money(LANG_EN, 1200, "JPY", "¥1,200");
    assert_money(LANG_PL, 1200, "JPY", "1200" NBSP "JPY");
    assert_money(LANG_EN, 1234567, "KWD", "KWD" NBSP "1,234.567");
    assert_money(LANG_ES, 1234567, "KWD", "1.234,567" NBSP "KWD");
    assert_money(LANG_AR, 1234567, "KWD", RLM "1,234.567" NBSP "د.ك." RLM);
    assert_money(LANG_EN, 1999, "PLN", "PLN" NBSP "19.99");
}

/* CLDR shows no fraction of an Iraqi dinar; ISO 4217 counts three digits, and so do we. */
static void pay_7_no_digit_of_an_amount_is_rounded_away(void **state)
{
    (void)state;
    static const char *const currencies[] = {"IQD", "HUF", "ISK", "UGX", "CLP", "IDR", "KRW",
                                             "BHD", "TND", "COP", "RSD", "MGA", "LBP", "VND"};
    for (size_t i = 0; i < COUNTOF(currencies); i++) {
        for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
            struct money money;
            struct err err = {0};
            assert_true(money_make(987654321, str_from(currencies[i]), &money, &err));
            struct locale locale = {(enum lang)lang, STR("UTC"), 0};
            struct str got = words_format(&arena, &locale, value_money(money), STR_NONE);
            char digits[32] = {0};
            size_t n = 0;
            for (size_t at = 0; at < got.len; at++) {
                if (got.at[at] >= '0' && got.at[at] <= '9')
                    digits[n++] = got.at[at];
            }
            assert_string_equal(digits, "987654321");
        }
    }
}

static void pay_7_the_largest_amounts_are_exact(void **state)
{
    (void)state;
    assert_money(LANG_EN, INT64_MAX, "EUR", "€92,233,720,368,547,758.07");
    assert_money(LANG_EN, INT64_MIN, "EUR", "-€92,233,720,368,547,758.08");
    assert_money(LANG_EN, INT64_MAX, "JPY", "¥9,223,372,036,854,775,807");
    assert_money(LANG_EN, 9007199254740993, "EUR", "€90,071,992,547,409.93");
}

static void more_currencies_than_are_kept_are_still_right(void **state)
{
    (void)state;
    static const char *const currencies[] = {
        "EUR", "USD", "GBP", "PLN", "JPY", "KWD", "CHF", "CZK", "SEK", "NOK", "DKK", "HUF",
        "RON", "BGN", "TRY", "ILS", "AED", "SAR", "QAR", "MXN", "BRL", "ARS", "CLP", "CAD"};
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNTOF(currencies); i++) {
            struct money money;
            struct err err = {0};
            assert_true(money_make(700, str_from(currencies[i]), &money, &err));
            struct locale locale = {LANG_PL, STR("UTC"), 0};
            struct str got = words_format(&arena, &locale, value_money(money), STR_NONE);
            int digits = money_exponent(currencies[i]);
            assert_true(str_starts(got, digits == 0   ? STR("700" NBSP)
                                        : digits == 3 ? STR("0,700" NBSP)
                                                      : STR("7,00" NBSP)));
        }
    }
}

static void a_currency_that_nobody_knows_is_shown_plainly(void **state)
{
    (void)state;
    struct money money = {1234, "QQQ"};
    struct locale locale = {LANG_EN, STR("UTC"), 0};
    struct str got = words_format(&arena, &locale, value_money(money), STR_NONE);
    assert_true(str_find(got, STR("QQQ")) < got.len);
    assert_true(str_find(got, STR("1234")) < got.len);
}

/* --- instants --------------------------------------------------------------------------- */

static void an_instant_reads_as_in_each_language(void **state)
{
    (void)state;
    assert_time(LANG_EN, "Europe/Warsaw", TUESDAY, "date", "3 Mar 2026");
    assert_time(LANG_EN, "Europe/Warsaw", TUESDAY, "time", "4:00" NBSP "pm");
    assert_time(LANG_EN, "Europe/Warsaw", TUESDAY, "date_time", "3 Mar 2026, 4:00" NBSP "pm");
    assert_time(LANG_EN, "Europe/Warsaw", TUESDAY, "day", "Tuesday, 3 March");
    assert_time(LANG_ES, "Europe/Madrid", TUESDAY, "date", "3 mar 2026");
    assert_time(LANG_ES, "Europe/Madrid", TUESDAY, "time", "16:00");
    assert_time(LANG_ES, "Europe/Madrid", TUESDAY, "day", "martes, 3 de marzo");
    assert_time(LANG_PL, "Europe/Warsaw", TUESDAY, "date", "3 mar 2026");
    assert_time(LANG_PL, "Europe/Warsaw", TUESDAY, "date_time", "3 mar 2026, 16:00");
    assert_time(LANG_PL, "Europe/Warsaw", TUESDAY, "day", "wtorek, 3 marca");
    assert_time(LANG_AR, "Asia/Kuwait", TUESDAY, "date", "3 مارس 2026");
    assert_time(LANG_AR, "Asia/Kuwait", TUESDAY, "day", "الثلاثاء، 3 مارس");
}

static void an_instant_without_a_format_shows_day_and_hour(void **state)
{
    (void)state;
    assert_time(LANG_PL, "UTC", TUESDAY, "", "3 mar 2026, 15:00");
}

static void the_hour_is_the_readers_on_both_sides_of_a_clock_change(void **state)
{
    (void)state;
    assert_time(LANG_PL, "Europe/Warsaw", BEFORE_DST, "time", "01:59");
    assert_time(LANG_PL, "Europe/Warsaw", AFTER_DST, "time", "03:00");
    assert_time(LANG_PL, "Europe/Warsaw", SUMMER_HOUR, "time", "02:30");
    assert_time(LANG_PL, "Europe/Warsaw", WINTER_HOUR, "time", "02:30");
    assert_time(LANG_PL, "America/New_York", AFTER_DST, "time", "21:00");
}

static void the_day_is_the_readers_around_the_world(void **state)
{
    (void)state;
    assert_time(LANG_EN, "UTC", YEAR_END, "date", "31 Dec 2026");
    assert_time(LANG_EN, "Europe/Warsaw", YEAR_END, "date", "1 Jan 2027");
    assert_time(LANG_EN, "Pacific/Kiritimati", YEAR_END, "date_time",
                "1 Jan 2027, 1:30" NBSP "pm");
    assert_time(LANG_EN, "Pacific/Pago_Pago", YEAR_END, "date_time",
                "31 Dec 2026, 12:30" NBSP "pm");
    assert_time(LANG_EN, "Asia/Kathmandu", YEAR_END, "time", "5:15" NBSP "am");
}

static void a_zone_that_is_no_zone_is_utc(void **state)
{
    (void)state;
    static const char *const zones[] = {
        "", "Mars/Olympus", "\xFF\xFE", "Europe/Warsaw\x01",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < COUNTOF(zones); i++) {
        assert_time(LANG_PL, zones[i], TUESDAY, "time", "15:00");
        assert_false(locale_zone_exists(str_from(zones[i])));
    }
    assert_true(locale_zone_exists(STR("Europe/Warsaw")));
    assert_true(locale_zone_exists(STR("UTC")));
}

static void more_zones_than_are_kept_are_still_right(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int hours = -12; hours <= 14; hours++) {
            for (int half = 0; half < 2; half++) {
                const char *zone = arena_format(&arena, "GMT%c%d:%02d", hours < 0 ? '-' : '+',
                                                abs(hours), half * 30)
                                       .at;
                int minutes = 15 * 60 + hours * 60 + (hours < 0 ? -30 : 30) * half;
                minutes = (minutes + 48 * 60) % (24 * 60);
                const char *want =
                    arena_format(&arena, "%02d:%02d", minutes / 60, minutes % 60).at;
                assert_time(LANG_PL, zone, TUESDAY, "time", want);
            }
        }
    }
}

static void the_ends_of_time_do_no_harm(void **state)
{
    (void)state;
    static const usec_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX};
    static const char *const formats[] = {"", "date", "time", "date_time", "day", "relative"};
    for (size_t i = 0; i < COUNTOF(times); i++) {
        for (size_t f = 0; f < COUNTOF(formats); f++) {
            for (size_t n = 0; n < COUNTOF(times); n++) {
                struct locale locale = {LANG_AR, STR("Asia/Kuwait"), times[n]};
                struct str got =
                    words_format(&arena, &locale, value_time(times[i]), str_from(formats[f]));
                assert_true(got.len > 0);
                assert_true(str_is_utf8(got));
            }
        }
    }
    assert_time(LANG_EN, "UTC", -1, "date", "31 Dec 1969");
}

/* --- distances -------------------------------------------------------------------------- */

static void a_near_instant_is_told_by_its_distance(void **state)
{
    (void)state;
    const usec_t now = TUESDAY; /* 16:00 in Warsaw */
    assert_relative(LANG_EN, now, 0, "now");
    assert_relative(LANG_EN, now, -59 * USEC_PER_SEC, "now");
    assert_relative(LANG_EN, now, -USEC_PER_MIN, "1 minute ago");
    assert_relative(LANG_EN, now, 59 * USEC_PER_MIN, "in 59 minutes");
    assert_relative(LANG_EN, now, -2 * USEC_PER_HOUR, "2 hours ago");
    assert_relative(LANG_EN, now, -15 * USEC_PER_HOUR, "15 hours ago");
    assert_relative(LANG_EN, now, -17 * USEC_PER_HOUR, "yesterday");
    assert_relative(LANG_EN, now, 7 * USEC_PER_HOUR, "in 7 hours");
    assert_relative(LANG_EN, now, 9 * USEC_PER_HOUR, "tomorrow");
    assert_relative(LANG_EN, now, 3 * USEC_PER_DAY, "in 3 days");
    assert_relative(LANG_EN, now, -13 * USEC_PER_DAY, "13 days ago");
    assert_relative(LANG_EN, now, 14 * USEC_PER_DAY, "17 Mar 2026");
    assert_relative(LANG_EN, now, -14 * USEC_PER_DAY, "17 Feb 2026");
}

/* Verification is locked until then: whoever waits so long may try again. */
static void otp_3_what_is_still_to_come_is_rounded_up(void **state)
{
    usec_t now = 1772460000 * USEC_PER_SEC;

    (void)state;
    assert_relative(LANG_EN, now, 1, "in 1 minute");
    assert_relative(LANG_EN, now, 59 * USEC_PER_SEC, "in 1 minute");
    assert_relative(LANG_EN, now, USEC_PER_MIN, "in 1 minute");
    assert_relative(LANG_EN, now, 14 * USEC_PER_MIN + 1, "in 15 minutes");
    assert_relative(LANG_EN, now, 59 * USEC_PER_MIN + 1, "in 1 hour");
    assert_relative(LANG_EN, now, 61 * USEC_PER_MIN, "in 2 hours");
    assert_relative(LANG_EN, now, -119 * USEC_PER_SEC, "1 minute ago");
    assert_relative(LANG_AR, now, 2 * USEC_PER_MIN - 1, "خلال دقيقتين");
}

static void distances_have_the_plural_forms_of_each_language(void **state)
{
    (void)state;
    const usec_t now = TUESDAY;
    assert_relative(LANG_ES, now, -2 * USEC_PER_HOUR, "hace 2 horas");
    assert_relative(LANG_ES, now, USEC_PER_DAY, "mañana");
    assert_relative(LANG_PL, now, USEC_PER_DAY, "jutro");
    assert_relative(LANG_PL, now, -USEC_PER_DAY, "wczoraj");
    assert_relative(LANG_PL, now, -2 * USEC_PER_HOUR, "2 godziny temu");
    assert_relative(LANG_PL, now, -5 * USEC_PER_HOUR, "5 godzin temu");
    assert_relative(LANG_PL, now, 22 * USEC_PER_MIN, "za 22 minuty");
    assert_relative(LANG_PL, now, 25 * USEC_PER_MIN, "za 25 minut");
    assert_relative(LANG_AR, now, USEC_PER_DAY, "غدًا");
    assert_relative(LANG_AR, now, -2 * USEC_PER_HOUR, "قبل ساعتين");
    assert_relative(LANG_AR, now, -3 * USEC_PER_HOUR, "قبل 3 ساعات");
    assert_relative(LANG_AR, now, -11 * USEC_PER_HOUR, "قبل 11 ساعة");
}

/* The night in between has 23 hours. */
static void tomorrow_is_the_next_day_of_the_reader_even_when_the_clock_changes(void **state)
{
    (void)state;
    assert_relative(LANG_EN, DST_EVE, 23 * USEC_PER_HOUR, "tomorrow");
    assert_relative(LANG_EN, DST_EVE, 20 * USEC_PER_MIN, "in 20 minutes");
    /* Half past eleven at night: in seven hours is tomorrow, in five it is five hours. */
    assert_relative(LANG_EN, DST_EVE, 7 * USEC_PER_HOUR, "tomorrow");
    assert_relative(LANG_EN, DST_EVE, 5 * USEC_PER_HOUR, "in 5 hours");
    assert_relative(LANG_EN, WINTER_HOUR, -USEC_PER_HOUR, "1 hour ago");
}

/* --- numbers ---------------------------------------------------------------------------- */

static void numbers_are_grouped_as_in_each_language(void **state)
{
    (void)state;
    assert_shown(LANG_EN, "", 0, value_int(1234567), "", "1,234,567");
    assert_shown(LANG_ES, "", 0, value_int(1234567), "", "1.234.567");
    assert_shown(LANG_PL, "", 0, value_int(1234567), "", "1" NBSP "234" NBSP "567");
    assert_shown(LANG_AR, "", 0, value_int(1234567), "", "1,234,567");
    assert_shown(LANG_EN, "", 0, value_int(INT64_MIN), "", "-9,223,372,036,854,775,808");
    assert_shown(LANG_EN, "", 0, value_int(1001), "text", "1001");
    assert_shown(LANG_EN, "", 0, value_int(45), "percent", "45%");
    assert_shown(LANG_ES, "", 0, value_int(45), "percent", "45" NBSP "%");
    assert_shown(LANG_EN, "", 0, value_int(0), "percent", "0%");
    assert_shown(LANG_EN, "", 0, value_int(100), "percent", "100%");
}

static void a_quantity_with_a_fraction_is_shown_as_in_each_language(void **state)
{
    (void)state;
    assert_shown(LANG_EN, "", 0, value_text(STR("2.500")), "number", "2.5");
    assert_shown(LANG_PL, "", 0, value_text(STR("2.5")), "number", "2,5");
    assert_shown(LANG_ES, "", 0, value_text(STR("3")), "number", "3");
    assert_shown(LANG_ES, "", 0, value_text(STR("-0.125")), "number", "-0,125");
    static const char *const others[] = {
        "",    "-",   ".5",   "5.",  "1.2.3",
        "1e9", "NaN", "0x10", "1,5", "99999999999999999999999999999999999999"};
    for (size_t i = 0; i < COUNTOF(others); i++)
        assert_shown(LANG_PL, "", 0, value_text(str_from(others[i])), "number", others[i]);
}

static void arabic_numbers_have_latin_digits_so_that_they_can_be_copied(void **state)
{
    (void)state;
    static const char *const formats[] = {"date", "time", "date_time", "day", "relative"};
    for (size_t f = 0; f < COUNTOF(formats); f++) {
        struct locale locale = {LANG_AR, STR("Asia/Kuwait"), TUESDAY + 3 * USEC_PER_HOUR};
        struct str got =
            words_format(&arena, &locale, value_time(TUESDAY), str_from(formats[f]));
        assert_true(str_find(got, STR("3")) < got.len || f == 1);
        for (unsigned digit = 0; digit < 10; digit++) {
            char arabic[] = {(char)0xD9, (char)(0xA0 + digit), 0};
            assert_int_equal(str_find(got, str_from(arabic)), got.len);
        }
    }
    assert_shown(LANG_AR, "", 0, value_int(45), "percent", "45" LRM "%" LRM);
}

static void a_bar_has_ten_cells_and_is_full_only_at_the_end(void **state)
{
    (void)state;
    static const struct {
        int64_t percent;
        int full;
    } cases[] = {
        {INT64_MIN, 0 },
        {-1,        0 },
        {0,         0 },
        {1,         1 },
        {10,        1 },
        {14,        1 },
        {45,        5 },
        {50,        5 },
        {70,        7 },
        {94,        9 },
        {99,        9 },
        {100,       10},
        {INT64_MAX, 10},
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        char want[64] = "";
        for (int cell = 0; cell < 10; cell++)
            strcat(want, cell < cases[i].full ? "\u2588" : "\u2591");
        assert_shown(LANG_EN, "", 0, value_int(cases[i].percent), "bar", want);
        assert_shown(LANG_AR, "", 0, value_int(cases[i].percent), "bar", want);
    }
}

static void a_format_that_does_not_fit_shows_the_value_all_the_same(void **state)
{
    (void)state;
    struct locale locale = {LANG_EN, STR("UTC"), 0};
    struct out out;
    out_init(&out, &arena, 0);
    assert_false(format_value(&out, &locale, value_text(STR("soon")), FORMAT_DATE));
    assert_string_equal(arena_cstr(&arena, out_text(&out)), "soon");
    out_init(&out, &arena, 0);
    assert_false(format_value(&out, &locale, value_int(7), FORMAT_MONEY));
    assert_string_equal(arena_cstr(&arena, out_text(&out)), "7");
    out_init(&out, &arena, 0);
    assert_false(format_value(&out, &locale, value_time(TUESDAY), FORMAT_PERCENT));
    assert_string_equal(arena_cstr(&arena, out_text(&out)), "3 Mar 2026, 3:00" NBSP "pm");
    out_init(&out, &arena, 0);
    assert_false(format_value(&out, &locale, value_none(), FORMAT_AUTO));
    assert_false(format_value(&out, &locale, value_bool(true), FORMAT_AUTO));
    assert_false(format_value(&out, &locale, value_list(NULL), FORMAT_NUMBER));
    assert_false(format_value(&out, &locale, value_record(NULL), FORMAT_AUTO));
    assert_int_equal(out.len, 0);
}

/* --- plural forms ----------------------------------------------------------------------- */

static void every_number_has_the_plural_form_of_its_language(void **state)
{
    (void)state;
    static const struct {
        enum lang lang;
        int64_t number;
        enum plural_form form;
    } cases[] = {
        {LANG_EN, 0,       PLURAL_OTHER},
        {LANG_EN, 1,       PLURAL_ONE  },
        {LANG_EN, 2,       PLURAL_OTHER},
        {LANG_EN, 21,      PLURAL_OTHER},
        {LANG_EN, -1,      PLURAL_ONE  },
        {LANG_ES, 0,       PLURAL_OTHER},
        {LANG_ES, 1,       PLURAL_ONE  },
        {LANG_ES, 1000000, PLURAL_MANY },
        {LANG_ES, 1000001, PLURAL_OTHER},
        {LANG_PL, 0,       PLURAL_MANY },
        {LANG_PL, 1,       PLURAL_ONE  },
        {LANG_PL, 2,       PLURAL_FEW  },
        {LANG_PL, 4,       PLURAL_FEW  },
        {LANG_PL, 5,       PLURAL_MANY },
        {LANG_PL, 12,      PLURAL_MANY },
        {LANG_PL, 14,      PLURAL_MANY },
        {LANG_PL, 21,      PLURAL_MANY },
        {LANG_PL, 22,      PLURAL_FEW  },
        {LANG_PL, 112,     PLURAL_MANY },
        {LANG_PL, 122,     PLURAL_FEW  },
        {LANG_AR, 0,       PLURAL_ZERO },
        {LANG_AR, 1,       PLURAL_ONE  },
        {LANG_AR, 2,       PLURAL_TWO  },
        {LANG_AR, 3,       PLURAL_FEW  },
        {LANG_AR, 10,      PLURAL_FEW  },
        {LANG_AR, 11,      PLURAL_MANY },
        {LANG_AR, 99,      PLURAL_MANY },
        {LANG_AR, 100,     PLURAL_OTHER},
        {LANG_AR, 102,     PLURAL_OTHER},
        {LANG_AR, 103,     PLURAL_FEW  },
        {LANG_AR, 111,     PLURAL_MANY },
    };
    for (size_t i = 0; i < COUNTOF(cases); i++)
        assert_int_equal(plural_select(cases[i].lang, cases[i].number), cases[i].form);
}

static void numbers_too_large_for_a_double_have_the_right_plural_form(void **state)
{
    (void)state;
    assert_int_equal(plural_select(LANG_PL, 9007199254740993), PLURAL_FEW);
    assert_int_equal(plural_select(LANG_PL, 9223372036854775802), PLURAL_FEW);
    assert_int_equal(plural_select(LANG_PL, INT64_MAX), PLURAL_MANY);
    assert_int_equal(plural_select(LANG_AR, INT64_MIN), PLURAL_FEW);
    assert_int_equal(plural_select(LANG_ES, 9000000000000000000), PLURAL_MANY);
}

static void each_language_needs_the_forms_that_whole_numbers_take(void **state)
{
    (void)state;
    static const char *const needed[LANG_COUNT] = {
        [LANG_EN] = "one other ",
        [LANG_ES] = "one other ",
        [LANG_PL] = "one few many ",
        [LANG_AR] = "zero one two few many other ",
    };
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct str found = STR_NONE;
        for (unsigned form = 0; form < PLURAL_COUNT; form++) {
            if (plural_is_needed((enum lang)lang, (enum plural_form)form)) {
                found = arena_format(&arena, "%.*s%s ", STR_ARG(found),
                                     plural_name((enum plural_form)form));
            }
        }
        assert_string_equal(arena_cstr(&arena, found), needed[lang]);
        assert_true(plural_exists((enum lang)lang, PLURAL_OTHER));
        assert_true(plural_exists((enum lang)lang, PLURAL_NONE));
    }
    assert_true(plural_exists(LANG_ES, PLURAL_MANY));
    assert_false(plural_exists(LANG_EN, PLURAL_FEW));
    assert_false(plural_exists(LANG_PL, PLURAL_TWO));
}

/* --- what threads keep ------------------------------------------------------------------ */

static void formatters_open_and_close_as_often_as_one_likes(void **state)
{
    (void)state;
    struct err err = {0};
    for (int round = 0; round < 3; round++) {
        assert_true(words_warm(&err));
        money_reads_as_in_each_language(NULL);
        words_cool();
        words_cool();
        assert_time(LANG_PL, "Europe/Warsaw", TUESDAY, "time", "16:00");
    }
}

static void *show_often(void *what)
{
    struct arena own = {0};
    for (int i = 0; i < 300; i++) {
        struct locale locale = {(enum lang)(i % LANG_COUNT), STR("Europe/Warsaw"), TUESDAY};
        struct money money = {i, "EUR"};
        (void)words_format(&own, &locale, value_money(money), STR_NONE);
        (void)words_format(&own, &locale, value_time(TUESDAY + i), STR("relative"));
        (void)words_format(&own, &locale, value_time(TUESDAY + i), STR("date_time"));
    }
    struct locale locale = {LANG_PL, STR("Europe/Warsaw"), 0};
    struct str got = words_format(&own, &locale, value_time(TUESDAY), STR("time"));
    *(bool *)what = str_eq(got, STR("16:00"));
    arena_finish(&own);
    words_cool();
    return NULL;
}

static void threads_format_side_by_side(void **state)
{
    (void)state;
    pthread_t threads[4];
    bool good[4] = {false};
    for (size_t i = 0; i < COUNTOF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, show_often, &good[i]), 0);
    for (size_t i = 0; i < COUNTOF(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(good[i]);
    }
}

static int cool(void **state)
{
    (void)state;
    words_cool();
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, finish)
    const struct CMUnitTest tests[] = {
        TEST(a_language_is_read_from_any_usual_code),
        TEST(money_reads_as_in_each_language),
        TEST(money_has_the_digits_of_its_currency),
        TEST(pay_7_no_digit_of_an_amount_is_rounded_away),
        TEST(pay_7_the_largest_amounts_are_exact),
        TEST(more_currencies_than_are_kept_are_still_right),
        TEST(a_currency_that_nobody_knows_is_shown_plainly),
        TEST(an_instant_reads_as_in_each_language),
        TEST(an_instant_without_a_format_shows_day_and_hour),
        TEST(the_hour_is_the_readers_on_both_sides_of_a_clock_change),
        TEST(the_day_is_the_readers_around_the_world),
        TEST(a_zone_that_is_no_zone_is_utc),
        TEST(more_zones_than_are_kept_are_still_right),
        TEST(the_ends_of_time_do_no_harm),
        TEST(a_near_instant_is_told_by_its_distance),
        TEST(otp_3_what_is_still_to_come_is_rounded_up),
        TEST(distances_have_the_plural_forms_of_each_language),
        TEST(tomorrow_is_the_next_day_of_the_reader_even_when_the_clock_changes),
        TEST(numbers_are_grouped_as_in_each_language),
        TEST(a_quantity_with_a_fraction_is_shown_as_in_each_language),
        TEST(arabic_numbers_have_latin_digits_so_that_they_can_be_copied),
        TEST(a_bar_has_ten_cells_and_is_full_only_at_the_end),
        TEST(a_format_that_does_not_fit_shows_the_value_all_the_same),
        TEST(every_number_has_the_plural_form_of_its_language),
        TEST(numbers_too_large_for_a_double_have_the_right_plural_form),
        TEST(each_language_needs_the_forms_that_whole_numbers_take),
        TEST(formatters_open_and_close_as_often_as_one_likes),
        TEST(threads_format_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, cool);
}
