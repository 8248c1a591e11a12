/* Business hours, over weekends, holidays, midnight and changes of the clocks. */
#include "flows/engine/hours.h"
#include "templates/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static struct arena arena;

static const struct record *read(const char *json)
{
    const struct record *hours = NULL;
    struct err err = {0};

    if (!record_from_json(&arena, str_from(json), &hours, &err))
        fail_msg("%s", err.text);
    return hours;
}

/* "2026-11-20 10:00" in UTC. */
static usec_t at(const char *text)
{
    struct tm tm = {0};

    if (sscanf(text, "%d-%d-%d %d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min) != 5)
        fail_msg("%s", text);
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (usec_t)timegm(&tm) * USEC_PER_SEC;
}

static const char week[] =
    "{\"mon\":\"09:00-17:00\",\"tue\":\"09:00-17:00\",\"wed\":\"09:00-12:00, 13:00-17:00\","
    "\"thu\":\"09:00-17:00\",\"fri\":\"09:00-17:00\",\"off\":[\"2026-12-25\"]}";

static void expect_open(const char *hours, const char *zone, const char *now,
                        const char *closes)
{
    struct hours_look look = hours_look(read(hours), str_from(zone), at(now));

    if (!look.open || look.closes_at != (closes ? at(closes) : 0)) {
        fail_msg("%s in %s: open %d, closes %lld", now, zone, look.open,
                 (long long)(look.closes_at / USEC_PER_SEC));
    }
    assert_int_equal(look.opens_at, 0);
}

static void expect_closed(const char *hours, const char *zone, const char *now,
                          const char *opens)
{
    struct hours_look look = hours_look(read(hours), str_from(zone), at(now));

    if (look.open || look.opens_at != (opens ? at(opens) : 0)) {
        fail_msg("%s in %s: open %d, opens %lld", now, zone, look.open,
                 (long long)(look.opens_at / USEC_PER_SEC));
    }
}

static void without_hours_somebody_is_always_there(void **state)
{
    struct hours_look look = hours_look(NULL, STR("Europe/Warsaw"), at("2026-11-20 03:00"));

    (void)state;
    assert_true(look.open);
    assert_int_equal(look.closes_at, 0);
}

static void crm_3_open_and_closed_to_the_minute(void **state)
{
    (void)state;
    expect_closed(week, "UTC", "2026-11-20 08:59", "2026-11-20 09:00");
    expect_open(week, "UTC", "2026-11-20 09:00", "2026-11-20 17:00");
    expect_open(week, "UTC", "2026-11-20 16:59", "2026-11-20 17:00");
    expect_closed(week, "UTC", "2026-11-20 17:00", "2026-11-23 09:00"); /* over the weekend */
    expect_closed(week, "UTC", "2026-11-21 12:00", "2026-11-23 09:00");
    expect_closed(week, "UTC", "2026-11-25 12:30", "2026-11-25 13:00"); /* lunch */
    expect_open(week, "UTC", "2026-11-25 11:00", "2026-11-25 12:00");
}

static void a_day_off_is_passed_over(void **state)
{
    (void)state;
    expect_closed(week, "UTC", "2026-12-25 10:00", "2026-12-28 09:00");
    expect_closed(week, "UTC", "2026-12-24 18:00", "2026-12-28 09:00");
}

static void hours_are_the_business_s_own(void **state)
{
    (void)state;
    expect_open(week, "America/New_York", "2026-11-20 21:30", "2026-11-20 22:00");
    expect_closed(week, "America/New_York", "2026-11-20 13:30", "2026-11-20 14:00");
    expect_open(week, "Asia/Kolkata", "2026-11-20 03:30", "2026-11-20 11:30");
    expect_closed(week, "Pacific/Auckland", "2026-11-20 05:00", "2026-11-22 20:00");
    expect_open(week, "no such zone", "2026-11-20 09:00", "2026-11-20 17:00");
}

/* In Warsaw clocks go from 2:00 to 3:00 on 29 March and back from 3:00 to 2:00 on 25 October.
 */
static void crm_3_nine_o_clock_is_nine_o_clock_across_a_change_of_the_clocks(void **state)
{
    (void)state;
    expect_closed(week, "Europe/Warsaw", "2026-03-27 20:00", "2026-03-30 07:00");
    expect_closed(week, "Europe/Warsaw", "2026-03-20 20:00", "2026-03-23 08:00");
    expect_closed(week, "Europe/Warsaw", "2026-10-23 20:00", "2026-10-26 08:00");
    expect_closed(week, "Europe/Warsaw", "2026-10-16 20:00", "2026-10-19 07:00");
    expect_closed(week, "America/New_York", "2026-10-30 22:00", "2026-11-02 14:00");
}

static void an_opening_in_the_hour_that_is_left_out_is_soon_after(void **state)
{
    static const char night[] = "{\"sun\":\"02:30-06:00\"}";
    struct hours_look look =
        hours_look(read(night), STR("Europe/Warsaw"), at("2026-03-28 20:00"));

    (void)state;
    assert_false(look.open);
    assert_true(look.opens_at >= at("2026-03-29 00:30") &&
                look.opens_at <= at("2026-03-29 01:30"));
}

static void past_midnight(void **state)
{
    static const char bar[] = "{\"fri\":\"18:00-02:00\",\"sat\":\"00:00-24:00\"}";

    (void)state;
    expect_open(bar, "UTC", "2026-11-20 23:00", "2026-11-21 02:00");
    expect_open("{\"fri\":\"18:00-02:00\"}", "UTC", "2026-11-21 01:59", "2026-11-21 02:00");
    expect_closed("{\"fri\":\"18:00-02:00\"}", "UTC", "2026-11-21 02:00", "2026-11-27 18:00");
    expect_open("{\"sat\":\"00:00-24:00\"}", "UTC", "2026-11-21 12:00", NULL);
}

static void what_cannot_be_read_is_passed_over(void **state)
{
    static const char *const wrong[] = {
        "{}",
        "{\"fri\":\"\"}",
        "{\"fri\":\"nine to five\"}",
        "{\"fri\":\"9-17\"}",
        "{\"fri\":\"09:00\"}",
        "{\"fri\":\"25:00-26:00\"}",
        "{\"fri\":\"09:60-10:00\"}",
        "{\"fri\":5}",
        "{\"fri\":\"-\"}",
        "{\"fri\":\",,,\"}",
        "{\"fri\":\"09:00-17:00-18:00\"}",
        "{\"Friday\":\"09:00-17:00\"}",
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(wrong); i++)
        expect_closed(wrong[i], "UTC", "2026-11-20 10:00", NULL);
    expect_open("{\"fri\":\"x, 09:00-17:00\",\"off\":\"2026-11-20\"}", "UTC",
                "2026-11-20 10:00", "2026-11-20 17:00");
}

/* What a clock there shows, in minutes. */
static usec_t shown(const struct record *time, const char *name, struct str zone)
{
    usec_t instant = record_get(time, str_from(name)).time;

    return (instant + locale_zone_offset(zone, instant)) / USEC_PER_MIN % (24 * 60);
}

/* "mon-fri 09:00-17:00; sat 10:00-12:00, 14:00-16:00", by that zone's clocks. */
static void expect_week_in(struct str zone, const char *now, const char *hours,
                           const char *expected)
{
    struct value rows = hours_week(&arena, read(hours), zone, at(now));
    struct str told = STR_NONE;

    for (size_t i = 0; i < rows.list->n; i++) {
        const struct record *row = rows.list->items[i].record;
        struct value last = record_get(row, STR("last"));
        struct value times = record_get(row, STR("times"));

        told = arena_format(&arena, "%.*s%s%.*s%s%.*s", STR_ARG(told), i > 0 ? "; " : "",
                            STR_ARG(record_get(row, STR("first")).text),
                            last.kind == VALUE_TEXT ? "-" : "", STR_ARG(last.text));
        for (size_t j = 0; j < times.list->n; j++) {
            const struct record *time = times.list->items[j].record;
            usec_t from = shown(time, "from", zone);
            usec_t until = shown(time, "until", zone);
            bool all_day = record_get(time, STR("all_day")).kind != VALUE_NONE;
            bool more = record_get(time, STR("more")).kind != VALUE_NONE;

            assert_true(more == (j + 1 < times.list->n));
            told = all_day ? arena_format(&arena, "%.*s all day", STR_ARG(told))
                           : arena_format(&arena, "%.*s %02d:%02d-%02d:%02d%s", STR_ARG(told),
                                          (int)(from / 60), (int)(from % 60), (int)(until / 60),
                                          (int)(until % 60), more ? "," : "");
        }
    }
    assert_string_equal(arena_cstr(&arena, told), expected);
}

static void expect_week(const char *hours, const char *expected)
{
    expect_week_in(STR("UTC"), "2026-11-20 10:00", hours, expected);
}

/* In New York on 14 March 2027 clocks go from 2:00 to 3:00, and on 7 November back again. */
static void a_week_s_hours_are_the_same_on_whatever_day_they_are_told(void **state)
{
    static const char night[] = "{\"fri\":\"18:00-02:00\",\"sat\":\"02:30-11:00\"}";
    static const char *const days[] = {
        "2027-03-13 04:59", "2027-03-13 05:00", "2027-03-14 04:59", "2027-03-14 05:00",
        "2027-03-14 06:59", "2027-03-14 07:00", "2027-03-15 04:30", "2027-11-06 12:00",
        "2027-11-07 05:30", "2027-11-07 06:30"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(days); i++)
        expect_week_in(STR("America/New_York"), days[i], night,
                       "fri 18:00-02:00; sat 02:30-11:00");
}

static void days_in_a_row_with_the_same_hours_are_told_together(void **state)
{
    (void)state;
    expect_week(week, "mon-tue 09:00-17:00; wed 09:00-12:00, 13:00-17:00; thu-fri 09:00-17:00");
    expect_week("{\"sun\":\"9:00-17:00\",\"mon\":\"9:00-17:00\",\"tue\":\"9:00-17:00\"}",
                "sun-tue 09:00-17:00"); /* over the end of the week */
    expect_week("{\"fri\":\"18:00-02:00\",\"sat\":\"00:00-24:00\"}",
                "fri 18:00-02:00; sat all day");
    expect_week("{\"mon\":\"x\",\"sun\":\"10:00-11:00\"}", "sun 10:00-11:00");
    expect_week("{\"sun\":\"8:00-9:00\",\"mon\":\"8:00-9:00\",\"tue\":\"8:00-9:00\","
                "\"wed\":\"8:00-9:00\",\"thu\":\"8:00-9:00\",\"fri\":\"8:00-9:00\","
                "\"sat\":\"8:00-9:00\"}",
                "every 08:00-09:00");
    expect_week("{}", "");
}

static void days_off_are_told_a_month_ahead(void **state)
{
    static const char off[] = "{\"off\":[\"2026-11-19\",\"2026-11-20\",\"2026-12-19\","
                              "\"2026-12-25\"]}";
    struct value days = hours_off(&arena, read(off), STR("UTC"), at("2026-11-20 10:00"));

    (void)state;
    assert_int_equal(days.list->n, 2);
    assert_true(days.list->items[0].time == at("2026-11-20 12:00"));
    assert_true(days.list->items[1].time == at("2026-12-19 12:00"));
}

static int clean(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_hours_somebody_is_always_there),
        cmocka_unit_test(crm_3_open_and_closed_to_the_minute),
        cmocka_unit_test(a_day_off_is_passed_over),
        cmocka_unit_test(hours_are_the_business_s_own),
        cmocka_unit_test(crm_3_nine_o_clock_is_nine_o_clock_across_a_change_of_the_clocks),
        cmocka_unit_test(an_opening_in_the_hour_that_is_left_out_is_soon_after),
        cmocka_unit_test(past_midnight),
        cmocka_unit_test(what_cannot_be_read_is_passed_over),
        cmocka_unit_test(a_week_s_hours_are_the_same_on_whatever_day_they_are_told),
        cmocka_unit_test(days_in_a_row_with_the_same_hours_are_told_together),
        cmocka_unit_test(days_off_are_told_a_month_ahead),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
