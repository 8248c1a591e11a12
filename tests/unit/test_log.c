/*
 * What leaves through the log: one line for each event, and nothing that could forge another.
 */
#include "bot/loop/log.h"

#include "bot/loop/loop.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2];
static int true_stderr;
static char said[70000];

/* Standard error becomes a pipe, of which `hear` gives what has been written. */
static int capture(void **state)
{
    (void)state;
    if (pipe(ends) != 0)
        return -1;
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    true_stderr = dup(STDERR_FILENO);
    return dup2(ends[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int release(void **state)
{
    (void)state;
    log_set_level(LOG_INFO);
    (void)dup2(true_stderr, STDERR_FILENO);
    (void)close(true_stderr);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return 0;
}

static const char *hear(void)
{
    size_t len = 0;
    ssize_t n = 0;
    while ((n = read(ends[0], said + len, sizeof said - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    return said;
}

static size_t count(const char *text, char c)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == c;
    return n;
}

/* The part after the time, which differs each time. */
static const char *after_time(const char *line)
{
    const char *space = strchr(line, ' ');
    return space ? space + 1 : line;
}

static void a_line_has_time_level_name_and_pairs(void **state)
{
    (void)state;
    log_event(LOG_INFO, "outbox.sent", LOG_C("channel", "sms"), LOG_I("attempt", -2),
              LOG_MS("ms", 41273), LOG_S("none", STR_NONE));
    const char *line = hear();
    assert_string_equal(after_time(line),
                        "info outbox.sent channel=sms attempt=-2 ms=41.273 none=\"\"\n");
    int year = 0;
    int milli = 0;
    assert_int_equal(sscanf(line, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ ", &year, &milli), 2);
    assert_int_equal(strcspn(line, " "), strlen("2026-11-21T01:02:03.456Z"));
}

static unsigned alerts;

static void count_alert(void)
{
    alerts++;
}

static void levels_have_names_and_a_threshold(void **state)
{
    static const char *const names[] = {"debug", "info", "warn", "alert"};
    enum log_level level;

    (void)state;
    for (size_t i = 0; i < COUNTOF(names); i++)
        assert_true(log_level_find(str_from(names[i]), &level) && level == (enum log_level)i);
    assert_false(log_level_find(STR("war"), &level));
    log_on_alert(count_alert);
    log_event(LOG_DEBUG, "quiet");
    log_event(LOG_WARN, "a.warning");
    log_event(LOG_ALERT, "an.alert");
    const char *text = hear();
    assert_null(strstr(text, "quiet"));
    assert_non_null(strstr(text, "warn a.warning\n"));
    assert_non_null(strstr(text, "alert an.alert\n"));
    assert_int_equal(alerts, 1);
    log_on_alert(NULL);
    log_set_level(LOG_DEBUG);
    log_event(LOG_DEBUG, "loud");
    assert_non_null(strstr(hear(), "debug loud\n"));
}

static void hostile_text_stays_one_line_and_one_value(void **state)
{
    (void)state;
    struct str hostile =
        STR("x\n2026 alert forged=\"yes\" \\ \r\t\x1b[31m\x7f\xff\xc3\xa9\0 end");
    log_event(LOG_INFO, "outside", LOG_S("text", hostile), LOG_I("after", 1));
    const char *line = hear();
    assert_int_equal(count(line, '\n'), 1);
    assert_string_equal(after_time(line),
                        "info outside text=\"x\\n2026 alert forged=\\\"yes\\\" \\\\ "
                        "\\x0d\\x09\\x1b[31m\\x7f\\xff\\xc3\\xa9\\x00 end\" after=1\n");
    for (const char *at = line; *at; at++)
        assert_true(*at == '\n' || (*at >= ' ' && *at <= '~'));
}

static void a_long_text_is_cut_and_the_line_stays_atomic(void **state)
{
    (void)state;
    static char text[60000];
    memset(text, '\n', sizeof text);
    struct str longest = {text, sizeof text};
    log_event(LOG_INFO, "long", LOG_S("a", longest), LOG_S("b", longest), LOG_S("c", longest));
    const char *line = hear();
    assert_int_equal(count(line, '\n'), 1);
    assert_true(strlen(line) <= 4096);
    assert_true(strlen(line) > 2000);
}

static void a_full_pipe_loses_lines_and_says_how_many(void **state)
{
    (void)state;
    usec_t began = clock_monotonic();
    for (int i = 0; i < 5000; i++)
        log_event(LOG_INFO, "flood", LOG_C("pad", "12345678901234567890123456789012345678901"));
    assert_true(clock_monotonic() - began < 2 * USEC_PER_SEC);
    size_t kept = count(hear(), '\n');
    assert_true(kept > 0 && kept < 5000);
    log_event(LOG_INFO, "again");
    char expected[64];
    (void)snprintf(expected, sizeof expected, "warn log.dropped lines=%zu\n", 5000 - kept);
    const char *text = hear();
    assert_non_null(strstr(text, expected));
    assert_non_null(strstr(text, "info again\n"));
}

static void a_closed_standard_error_harms_nobody(void **state)
{
    (void)state;
    (void)close(STDERR_FILENO);
    log_event(LOG_INFO, "nobody.hears");
    (void)dup2(ends[1], STDERR_FILENO);
    log_event(LOG_INFO, "somebody.hears");
    assert_non_null(strstr(hear(), "somebody.hears"));
}

static void ids_are_printed_as_uuids(void **state)
{
    (void)state;
    struct uuid id = {
        {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0x7c, 0xde, 0x8f, 0x01, 2, 3, 4, 5, 6, 7}
    };
    log_event(LOG_INFO, "id", LOG_ID("turn", id));
    assert_non_null(strstr(hear(), " turn=01234567-89ab-7cde-8f01-020304050607\n"));
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, capture, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAPTURED(a_line_has_time_level_name_and_pairs),
        CAPTURED(levels_have_names_and_a_threshold),
        CAPTURED(hostile_text_stays_one_line_and_one_value),
        CAPTURED(a_long_text_is_cut_and_the_line_stays_atomic),
        CAPTURED(a_full_pipe_loses_lines_and_says_how_many),
        CAPTURED(a_closed_standard_error_harms_nobody),
        CAPTURED(ids_are_printed_as_uuids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
