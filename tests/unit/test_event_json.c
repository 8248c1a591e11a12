/*
 * The line that an operator reads: times computed by hand, members that apply and no others.
 */
#include "webhooks/event_json.h"

#include "bot/base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct arena arena;

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static void assert_line(struct event event, const char *wanted)
{
    assert_string_equal(arena_cstr(&arena, event_to_json(&arena, &event)), wanted);
}

static void assert_time(usec_t at, const char *wanted)
{
    const struct event event = {.kind = EVENT_OTHER, .id = STR("x"), .at = at};
    struct str line =
        arena_format(&arena, "{\"kind\":\"other\",\"id\":\"x\",\"at\":\"%s\"}", wanted);
    assert_line(event, line.at);
}

static void times_are_rfc_3339_on_every_side_of_1970(void **state)
{
    (void)state;
    assert_time(1, "1970-01-01T00:00:00.000001Z");
    assert_time(-1, "1969-12-31T23:59:59.999999Z");
    assert_time(-USEC_PER_SEC, "1969-12-31T23:59:59Z");
    assert_time(951782400 * USEC_PER_SEC, "2000-02-29T00:00:00Z");
    assert_time(4107542399 * USEC_PER_SEC, "2100-02-28T23:59:59Z");
    assert_time(4107542400 * USEC_PER_SEC, "2100-03-01T00:00:00Z");
    assert_time(-2203891200 * USEC_PER_SEC, "1900-03-01T00:00:00Z");
    assert_time(253402300799 * USEC_PER_SEC, "9999-12-31T23:59:59Z");
    assert_time(-62167219200 * USEC_PER_SEC, "0000-01-01T00:00:00Z");
}

/* libc is the judge: every 9th day or so over two thousand years. */
static void dates_agree_with_libc(void **state)
{
    (void)state;
    for (int64_t seconds = -62135596800; seconds < 4102444800; seconds += 777777) {
        time_t time = seconds;
        struct tm tm;
        assert_non_null(gmtime_r(&time, &tm));
        char wanted[64];
        (void)snprintf(wanted, sizeof(wanted), "%04d-%02d-%02dT%02d:%02d:%02dZ",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec);
        if (seconds == 0)
            continue;
        assert_time(seconds * USEC_PER_SEC, wanted);
    }
}

static void the_ends_of_time_are_written_without_harm(void **state)
{
    (void)state;
    const usec_t ends[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX};
    for (size_t i = 0; i < COUNTOF(ends); i++) {
        const struct event event = {.kind = EVENT_TEXT, .id = STR("x"), .at = ends[i]};
        assert_true(event_to_json(&arena, &event).len > 40);
    }
}

static void only_members_that_apply_are_written(void **state)
{
    (void)state;
    assert_line((struct event){.kind = EVENT_TEXT, .id = STR("x")},
                "{\"kind\":\"text\",\"id\":\"x\"}");
    assert_line((struct event){.kind = EVENT_TEXT, .id = STR("x"), .field = STR("messages")},
                "{\"kind\":\"text\",\"id\":\"x\"}");
    assert_line((struct event){.kind = EVENT_STATUS, .id = STR("x"), .status = DELIVERY_READ},
                "{\"kind\":\"status\",\"id\":\"x\",\"status\":\"read\"}");
    assert_line(
        (struct event){
            .kind = EVENT_TEMPLATE, .id = STR("x"), .detail = STR("t"), .language = STR("pl")},
        "{\"kind\":\"template\",\"id\":\"x\",\"template\":{\"name\":\"t\",\"language\":\"pl\"}"
        "}");
    const struct media media = {.kind = MEDIA_VOICE, .id = STR("7"), .sha256 = STR("short")};
    assert_line(
        (struct event){.kind = EVENT_MEDIA, .id = STR("x"), .media = &media},
        "{\"kind\":\"media\",\"id\":\"x\",\"media\":{\"kind\":\"voice\",\"id\":\"7\"}}");
    assert_line((struct event){.kind = EVENT_LOCATION,
                               .id = STR("x"),
                               .latitude = NAN,
                               .longitude = NAN,
                               .place = STR("Here")},
                "{\"kind\":\"location\",\"id\":\"x\",\"location\":{\"name\":\"Here\"}}");
}

static void a_line_is_one_line_whatever_was_written(void **state)
{
    (void)state;
    const struct event event = {
        .kind = EVENT_TEXT, .id = STR("x"), .text = STR("a\nb\r\x01\"\\\xe2\x80\xa8 \xff end")};
    struct str line = event_to_json(&arena, &event);
    for (size_t i = 0; i < line.len; i++)
        assert_true((unsigned char)line.at[i] >= ' ');
    OWNED_JSON(doc) = NULL;
    struct err err;
    assert_true(json_read(line, &doc, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(times_are_rfc_3339_on_every_side_of_1970, teardown),
        cmocka_unit_test_teardown(dates_agree_with_libc, teardown),
        cmocka_unit_test_teardown(the_ends_of_time_are_written_without_harm, teardown),
        cmocka_unit_test_teardown(only_members_that_apply_are_written, teardown),
        cmocka_unit_test_teardown(a_line_is_one_line_whatever_was_written, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
