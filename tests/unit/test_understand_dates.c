/* Dates, as people write and say them. Today is Saturday, 21 November 2026. */
#include "bot/base/json.h"
#include "flows/understand/dates.h"
#include "tests/support/shared_data.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int forget(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static struct date_context context_of(enum lang lang)
{
    return (struct date_context){.today = date_count((struct date){2026, 11, 21}),
                                 .lang = lang};
}

static struct str written(day_t day)
{
    struct date date = date_of(day);

    return arena_format(&arena, "%04d-%02d-%02d", date.year, date.month, date.day);
}

/* "2026-11-22", "2026-11-22..2026-11-28", "a b"; a question mark behind what is ambiguous. */
static struct str found_in(const char *text, const struct date_context *context)
{
    struct date_found found[DATES_MAX];
    struct scan scan;
    struct str all = STR_NONE;
    size_t n;

    scan_read(&arena, str_from(text), &scan);
    n = dates_find(&scan, context, found);
    for (size_t i = 0; i < n; i++) {
        struct str last = found[i].last == found[i].first
                              ? STR_NONE
                              : arena_format(&arena, "..%s", written(found[i].last).at);

        all = arena_format(&arena, "%.*s%s%.*s%.*s%s", STR_ARG(all), i ? " " : "",
                           STR_ARG(written(found[i].first)), STR_ARG(last),
                           found[i].ambiguous ? "?" : "");
    }
    return all;
}

struct row {
    enum lang lang;
    const char *text;
    const char *dates;
};

static void check_rows(const struct row *rows, size_t n, bool expected)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < n; i++) {
        struct date_context context = context_of(rows[i].lang);
        struct str got;

        context.expected = expected;
        got = found_in(rows[i].text, &context);
        if (str_eq(got, str_from(rows[i].dates)))
            continue;
        print_error("\"%s\": \"%.*s\" and not \"%s\"\n", rows[i].text, STR_ARG(got),
                    rows[i].dates);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* One day, said by its week and its weekday. */
static void flw_5_a_weekday_of_another_week_is_one_day(void **state)
{
    static const struct row rows[] = {
        {LANG_PL, "za tydzień w piątek",                                    "2026-11-27"                       },
        {LANG_PL, "w piątek za tydzień",                                    "2026-11-27"                       },
        {LANG_PL, "za dwa tygodnie we wtorek",                                "2026-12-01"                       },
        {LANG_PL, "w przyszłym tygodniu w czwartek",                         "2026-11-26"                       },
        {LANG_PL, "w czwartek w przyszłym tygodniu",                         "2026-11-26"                       },
        {LANG_PL, "w zeszłym tygodniu, w środę",                           "2026-11-11"                       },
        {LANG_PL, "za tydzień lub w piątek",                                "2026-11-28 2026-11-27"            },
        {LANG_EN, "next week on Friday",                                      "2026-11-27"                       },
        {LANG_EN, "next week Tuesday",                                        "2026-11-24"                       },
        {LANG_EN, "Tuesday next week",                                        "2026-11-24"                       },
        {LANG_EN, "on Friday in two weeks",                                   "2026-12-04"                       },
        {LANG_EN, "in two weeks, on Friday",                                  "2026-12-04"                       },
        {LANG_EN, "last week on Monday",                                      "2026-11-09"                       },
        {LANG_EN, "a week on Friday",                                         "2026-12-04"                       },
        {LANG_EN, "two weeks from Monday",                                    "2026-12-07"                       },
        {LANG_EN, "a week from today",                                        "2026-11-28"                       },
        {LANG_EN, "Friday week",                                              "2026-12-04"                       },
        {LANG_EN, "next week or Friday",                                      "2026-11-23..2026-11-29 2026-11-27"},
        {LANG_ES, "la semana que viene, el viernes",                          "2026-11-27"                       },
        {LANG_ES, "el viernes de la semana que viene",                        "2026-11-27"                       },
        {LANG_ES, "el viernes de la próxima semana",                         "2026-11-27"                       },
        {LANG_ES, "dentro de dos semanas el lunes",                           "2026-11-30"                       },
        {LANG_ES, "el martes de la semana pasada",                            "2026-11-10"                       },
        {LANG_AR, "بعد أسبوع يوم الجمعة",                    "2026-11-27"                       },
        {LANG_AR, "يوم الجمعة بعد أسبوعين",                "2026-12-04"                       },
        {LANG_AR, "الأسبوع القادم يوم الثلاثاء",      "2026-11-24"                       },
        {LANG_AR, "يوم الثلاثاء من الأسبوع القادم", "2026-11-24"                       },
        {LANG_AR, "الأسبوع الماضي في يوم الثلاثاء", "2026-11-10"                       },
    };

    (void)state;
    check_rows(rows, COUNTOF(rows), false);
}

static void flw_5_a_weekend_is_two_days_by_whatever_words(void **state)
{
    static const struct row rows[] = {
        {LANG_ES, "el fin de semana",                            "2026-11-21..2026-11-22" },
        {LANG_ES, "el fin de semana que viene",                  "2026-11-21..2026-11-22" },
        {LANG_ES, "a finales de mes",                            "2026-11-30"             },
        {LANG_ES, "el fin de semana pasado",                     "2026-11-14..2026-11-15" },
        {LANG_PL, "w weekend",                                   "2026-11-21..2026-11-22" },
        {LANG_PL, "w przyszły weekend",                         "2026-11-28..2026-11-29?"},
        {LANG_AR, "نهاية الأسبوع",                   "2026-11-21..2026-11-22" },
        {LANG_AR, "عطلة نهاية الأسبوع",          "2026-11-21..2026-11-22" },
        {LANG_AR, "في نهاية الأسبوع الماضي", "2026-11-14..2026-11-15" },
    };

    (void)state;
    check_rows(rows, COUNTOF(rows), false);
}

/* Where the weekend is Friday and Saturday, whichever day today is. */
static void flw_5_the_weekend_is_the_countrys(void **state)
{
    static const struct {
        int today; /* of November 2026 */
        const char *dates;
    } rows[] = {
        {18, "2026-11-20..2026-11-21"}, /* Wednesday */
        {20, "2026-11-20..2026-11-21"},
        {21, "2026-11-20..2026-11-21"},
        {22, "2026-11-27..2026-11-28"}, /* Sunday: a working day */
    };

    (void)state;
    assert_int_equal(weekend_begins(STR("EG"), LANG_EN), 5);
    assert_int_equal(weekend_begins(STR("IE"), LANG_AR), 6);
    assert_int_equal(weekend_begins(STR("AE"), LANG_AR), 6); /* since 2022 */
    assert_int_equal(weekend_begins(STR_NONE, LANG_AR), 5);
    assert_int_equal(weekend_begins(STR_NONE, LANG_PL), 6);
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct date_context context = context_of(LANG_AR);

        context.today = date_count((struct date){2026, 11, rows[i].today});
        context.weekend = 5;
        assert_string_equal(arena_cstr(&arena, found_in("في عطلة نهاية الأسبوع", &context)),
                            rows[i].dates);
    }
}

static void flw_5_dates_are_read_in_four_languages(void **state)
{
    static const struct row rows[] = {
        {LANG_EN, "tomorrow",                                               "2026-11-22"            },
        {LANG_EN, "can you bring it tomorrow morning?",                     "2026-11-22"            },
        {LANG_EN, "today",                                                  "2026-11-21"            },
        {LANG_EN, "it came yesterday",                                      "2026-11-20"            },
        {LANG_EN, "the day after tomorrow",                                 "2026-11-23"            },
        {LANG_EN, "the day before yesterday",                               "2026-11-19"            },
        {LANG_EN, "in two weeks",                                           "2026-12-05"            },
        {LANG_EN, "in 3 days",                                              "2026-11-24"            },
        {LANG_EN, "in a month",                                             "2026-12-21"            },
        {LANG_EN, "two months ago",                                         "2026-09-21"            },
        {LANG_EN, "a week ago",                                             "2026-11-14"            },
        {LANG_EN, "a year ago",                                             "2025-11-21"            },
        {LANG_EN, "Friday",                                                 "2026-11-27"            },
        {LANG_EN, "on friday please",                                       "2026-11-27"            },
        {LANG_EN, "this Friday",                                            "2026-11-27"            },
        {LANG_EN, "next Monday",                                            "2026-11-23"            },
        {LANG_EN, "last friday",                                            "2026-11-20"            },
        {LANG_EN, "Saturday",                                               "2026-11-28"            },
        {LANG_EN, "this saturday",                                          "2026-11-21"            },
        {LANG_EN, "next week",                                              "2026-11-23..2026-11-29"},
        {LANG_EN, "last month",                                             "2026-10-01..2026-10-31"},
        {LANG_EN, "this year",                                              "2026-01-01..2026-12-31"},
        {LANG_EN, "end of the month",                                       "2026-11-30"            },
        {LANG_EN, "at the weekend",                                         "2026-11-21..2026-11-22"},
        {LANG_EN, "3 May",                                                  "2027-05-03"            },
        {LANG_EN, "May 3rd",                                                "2027-05-03"            },
        {LANG_EN, "May 3, 2027",                                            "2027-05-03"            },
        {LANG_EN, "3 May 2025",                                             "2025-05-03"            },
        {LANG_EN, "december 24",                                            "2026-12-24"            },
        {LANG_EN, "the first of May",                                       "2027-05-01"            },
        {LANG_EN, "29 February",                                            "2028-02-29"            },
        {LANG_EN, "25/12",                                                  "2026-12-25"            },
        {LANG_EN, "12/25",                                                  "2026-12-25"            },
        {LANG_EN, "12/03",                                                  "2027-03-12?"           },
        {LANG_EN, "12/12",                                                  "2026-12-12"            },
        {LANG_EN, "2026-12-03",                                             "2026-12-03"            },
        {LANG_EN, "12/03/26",                                               "2026-03-12?"           },
        {LANG_EN, "12/03/1984",                                             "1984-03-12?"           },
        {LANG_EN, "May 2026",                                               "2026-05-01..2026-05-31"},
        {LANG_EN, "the statement of March",                                 "2027-03-01..2027-03-31"},
        {LANG_EN, "from 3 May to 5 May 2027",                               "2027-05-03..2027-05-05"},
        {LANG_EN, "3-5 December",                                           "2026-12-03..2026-12-05"},
        {LANG_EN, "3 to 5 December",                                        "2026-12-03..2026-12-05"},
        {LANG_EN, "between 1 December and 5 December",                      "2026-12-01..2026-12-05"},
        {LANG_EN, "today or tomorrow",                                      "2026-11-21 2026-11-22" },
        {LANG_EN, "Friday the 27th",                                        "2026-11-27"            },
        {LANG_EN, "Friday, November 27",                                    "2026-11-27"            },
        {LANG_EN, "Monday 27 November",                                     "2026-11-27?"           },
        {LANG_EN, "Friday 5 boxes",                                         "2026-11-27"            },
        {LANG_ES, "el lunes 23 de noviembre",                               "2026-11-23"            },
        {LANG_ES, "martes 24",                                              "2026-11-24"            },
        {LANG_PL, "w poniedziałek 23 listopada",                           "2026-11-23"            },
        {LANG_PL, "pn. 23.11",                                              "2026-11-23"            },
        {LANG_PL, "pon-pt",                                                 "2026-11-23..2026-11-27"},
        {LANG_AR, "يوم الاثنين ٢٣ نوفمبر",                "2026-11-23"            },
        {LANG_EN, "open 24/7",                                              ""                      },
        {LANG_ES, "mañana",                                                "2026-11-22"            },
        {LANG_ES, "manana por la mañana",                                  "2026-11-22"            },
        {LANG_ES, "esta mañana",                                           ""                      },
        {LANG_ES, "pasado mañana",                                         "2026-11-23"            },
        {LANG_ES, "hoy",                                                    "2026-11-21"            },
        {LANG_ES, "anteayer",                                               "2026-11-19"            },
        {LANG_ES, "dentro de dos semanas",                                  "2026-12-05"            },
        {LANG_ES, "en 3 días",                                             "2026-11-24"            },
        {LANG_ES, "hace tres días",                                        "2026-11-18"            },
        {LANG_ES, "hace un mes",                                            "2026-10-21"            },
        {LANG_ES, "el viernes",                                             "2026-11-27"            },
        {LANG_ES, "el próximo viernes",                                    "2026-11-27"            },
        {LANG_ES, "el viernes que viene",                                   "2026-11-27"            },
        {LANG_ES, "el lunes pasado",                                        "2026-11-16"            },
        {LANG_ES, "la semana que viene",                                    "2026-11-23..2026-11-29"},
        {LANG_ES, "el mes pasado",                                          "2026-10-01..2026-10-31"},
        {LANG_ES, "fin de mes",                                             "2026-11-30"            },
        {LANG_ES, "3 de mayo",                                              "2027-05-03"            },
        {LANG_ES, "el 3 de mayo de 2027",                                   "2027-05-03"            },
        {LANG_ES, "1 de diciembre del 2026",                                "2026-12-01"            },
        {LANG_ES, "primero de diciembre",                                   "2026-12-01"            },
        {LANG_ES, "12/03",                                                  "2027-03-12"            },
        {LANG_ES, "12-03-2027",                                             "2027-03-12"            },
        {LANG_ES, "del 3 al 5 de diciembre",                                "2026-12-03..2026-12-05"},
        {LANG_ES, "desde el 1 de mayo de 2026 hasta el 31 de mayo de 2026",
         "2026-05-01..2026-05-31"                                                                   },
        {LANG_PL, "jutro",                                                  "2026-11-22"            },
        {LANG_PL, "pojutrze",                                               "2026-11-23"            },
        {LANG_PL, "dziś",                                                  "2026-11-21"            },
        {LANG_PL, "przedwczoraj",                                           "2026-11-19"            },
        {LANG_PL, "za dwa dni",                                             "2026-11-23"            },
        {LANG_PL, "za tydzień",                                            "2026-11-28"            },
        {LANG_PL, "za 2 tygodnie",                                          "2026-12-05"            },
        {LANG_PL, "za miesiąc",                                            "2026-12-21"            },
        {LANG_PL, "trzy dni temu",                                          "2026-11-18"            },
        {LANG_PL, "tydzień temu",                                          "2026-11-14"            },
        {LANG_PL, "w piątek",                                              "2026-11-27"            },
        {LANG_PL, "w najbliższy poniedziałek",                            "2026-11-23"            },
        {LANG_PL, "w zeszły wtorek",                                       "2026-11-17"            },
        {LANG_PL, "w przyszłym tygodniu",                                  "2026-11-23..2026-11-29"},
        {LANG_PL, "w zeszłym miesiącu",                                   "2026-10-01..2026-10-31"},
        {LANG_PL, "koniec miesiąca",                                       "2026-11-30"            },
        {LANG_PL, "3 maja",                                                 "2027-05-03"            },
        {LANG_PL, "3 maja 2027 r.",                                         "2027-05-03"            },
        {LANG_PL, "pierwszego grudnia",                                     "2026-12-01"            },
        {LANG_PL, "12.03",                                                  "2027-03-12"            },
        {LANG_PL, "12.03.2027",                                             "2027-03-12"            },
        {LANG_PL, "od 3 do 5 grudnia",                                      "2026-12-03..2026-12-05"},
        {LANG_PL, "3-5 grudnia",                                            "2026-12-03..2026-12-05"},
        {LANG_AR, "غدا",                                                 "2026-11-22"            },
        {LANG_AR, "غداً",                                               "2026-11-22"            },
        {LANG_AR, "بكرة",                                               "2026-11-22"            },
        {LANG_AR, "بعد غد",                                            "2026-11-23"            },
        {LANG_AR, "اليوم",                                             "2026-11-21"            },
        {LANG_AR, "أمس",                                                 "2026-11-20"            },
        {LANG_AR, "أول أمس",                                          "2026-11-19"            },
        {LANG_AR, "بعد يومين",                                      "2026-11-23"            },
        {LANG_AR, "بعد ٣ أيام",                                     "2026-11-24"            },
        {LANG_AR, "بعد ثلاثة أيام",                             "2026-11-24"            },
        {LANG_AR, "بعد أسبوع",                                      "2026-11-28"            },
        {LANG_AR, "قبل يومين",                                      "2026-11-19"            },
        {LANG_AR, "يوم الجمعة",                                    "2026-11-27"            },
        {LANG_AR, "الجمعة القادمة",                            "2026-11-27"            },
        {LANG_AR, "الاثنين الماضي",                            "2026-11-16"            },
        {LANG_AR, "الأسبوع القادم",                            "2026-11-23..2026-11-29"},
        {LANG_AR, "الشهر الماضي",                                "2026-10-01..2026-10-31"},
        {LANG_AR, "نهاية الشهر",                                  "2026-11-30"            },
        {LANG_AR, "٣ مايو",                                            "2027-05-03"            },
        {LANG_AR, "٣ مايو ٢٠٢٧",                                   "2027-05-03"            },
        {LANG_AR, "١٢/٠٣/٢٠٢٧",                                     "2027-03-12"            },
        {LANG_AR, "من 3 إلى 5 ديسمبر",                           "2026-12-03..2026-12-05"},
        {LANG_AR, "15 كانون الثاني 2027",                        "2027-01-15"            },
        {LANG_AR, "15 كانون الأول",                               "2026-12-15"            },
    };

    (void)state;
    check_rows(rows, COUNTOF(rows), false);
}

static void flw_5_what_is_no_date_is_none(void **state)
{
    static const struct row rows[] = {
        {LANG_EN, "",                             ""},
        {LANG_EN, "where is my order 1001?",      ""},
        {LANG_EN, "may I ask you something",      ""},
        {LANG_EN, "I may be late",                ""},
        {LANG_EN, "31 February 2026",             ""},
        {LANG_EN, "30/02/2026",                   ""},
        {LANG_EN, "2026-13-01",                   ""},
        {LANG_EN, "0/0",                          ""},
        {LANG_EN, "2 boxes of 12",                ""},
        {LANG_EN, "at 4:04",                      ""},
        {LANG_EN, "12.50 and 3.20",               ""},
        {LANG_EN, "in 99999999999999999999 days", ""},
        {LANG_EN, "in 5000 years",                ""},
        {LANG_ES, "pedido 1 2 3",                 ""},
        {LANG_ES, "quiero dos de marca",          ""},
        {LANG_PL, "zamówienie 12",               ""},
        {LANG_AR, "طلب 12",                    ""},
    };

    (void)state;
    check_rows(rows, COUNTOF(rows), false);
}

static void flw_5_what_was_asked_for_may_be_shorter(void **state)
{
    static const struct row rows[] = {
        {LANG_EN, "the 15th",    "2026-12-15"            },
        {LANG_EN, "25",          "2026-11-25"            },
        {LANG_EN, "25th please", "2026-11-25"            },
        {LANG_EN, "31",          "2026-12-31"            },
        {LANG_ES, "el 15",       "2026-12-15"            },
        {LANG_ES, "12.03",       "2027-03-12"            },
        {LANG_PL, "25-go",       "2026-11-25"            },
        {LANG_AR, "يوم ٢٥", "2026-11-25"            },
        {LANG_EN, "March",       "2027-03-01..2027-03-31"},
    };

    (void)state;
    check_rows(rows, COUNTOF(rows), true);
}

static void flw_5_two_readings_are_told(void **state)
{
    struct date_context context = context_of(LANG_EN);

    (void)state;
    context.today = date_count((struct date){2026, 11, 18}); /* a Wednesday */
    assert_string_equal(found_in("next Friday", &context).at, "2026-11-27?");
    assert_string_equal(found_in("next Tuesday", &context).at, "2026-11-24");
    context.month_first = true;
    assert_string_equal(found_in("12/03", &context).at, "2026-12-03?");
    assert_string_equal(found_in("13/03", &context).at, "2027-03-13");
    context.past = true;
    assert_string_equal(found_in("3 May", &context).at, "2026-05-03");
    assert_string_equal(found_in("on Friday", &context).at, "2026-11-13");
}

static void the_calendar_counts_every_day_once(void **state)
{
    day_t count = date_count((struct date){1900, 1, 1});

    (void)state;
    assert_int_equal(date_count((struct date){1970, 1, 1}), 0);
    assert_int_equal(day_weekday(0), 4);
    for (int year = 1900; year < 2200; year++) {
        for (int month = 1; month <= 12; month++) {
            for (int day = 1; day <= date_days_in(year, month); day++, count++) {
                struct date date = date_of(count);

                assert_int_equal(date_count((struct date){year, month, day}), count);
                assert_true(date.year == year && date.month == month && date.day == day);
                assert_int_equal(day_weekday(count) % 7, (day_weekday(count - 1) + 1) % 7);
            }
        }
    }
    assert_int_equal(date_days_in(2100, 2), 28);
    assert_int_equal(date_days_in(2000, 2), 29);
    assert_int_equal(day_add_months(date_count((struct date){2026, 1, 31}), 1),
                     date_count((struct date){2026, 2, 28}));
    assert_int_equal(day_add_months(date_count((struct date){2026, 1, 31}), -2),
                     date_count((struct date){2025, 11, 30}));
}

/* Dates that people said on the telephone, as a recogniser wrote them down. */
static void flw_5_dates_said_aloud_are_read(void **state)
{
    struct str rest;
    struct str line;
    size_t n = 0;
    size_t wrong = 0;

    (void)state;
    if (!shared_is_here(&arena))
        return;
    rest = shared_file(&arena, "data/dates/dates.jsonl");
    while (str_split(&rest, '\n', &line)) {
        json_t *row = json_loadb(line.at, line.len, 0, NULL);
        const char *text = json_string_value(json_object_get(row, "text"));
        const char *date = json_string_value(json_object_get(row, "date"));
        const char *lang = json_string_value(json_object_get(row, "lang"));
        struct date_context context = context_of(LANG_EN);
        struct str got;

        if (text && date && lang && lang_parse(str_from(lang), &context.lang)) {
            got = found_in(text, &context);
            n++;
            if (!str_eq(str_slice(got, 0, 10), str_from(date)) || got.len > 11) {
                print_error("\"%s\": \"%.*s\" and not \"%s\"\n", text, STR_ARG(got), date);
                wrong++;
            }
        }
        json_decref(row);
    }
    print_message("%zu dates, %zu wrong\n", n, wrong);
    assert_true(n > 500);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flw_5_dates_are_read_in_four_languages),
        cmocka_unit_test(flw_5_a_weekday_of_another_week_is_one_day),
        cmocka_unit_test(flw_5_a_weekend_is_two_days_by_whatever_words),
        cmocka_unit_test(flw_5_the_weekend_is_the_countrys),
        cmocka_unit_test(flw_5_what_is_no_date_is_none),
        cmocka_unit_test(flw_5_what_was_asked_for_may_be_shorter),
        cmocka_unit_test(flw_5_two_readings_are_told),
        cmocka_unit_test(the_calendar_counts_every_day_once),
        cmocka_unit_test(flw_5_dates_said_aloud_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
