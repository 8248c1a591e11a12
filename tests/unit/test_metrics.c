/*
 * The page of figures is read back by a small reader that knows the rules of Prometheus' text
 * format: one HELP, one TYPE, all lines of a metric together, no series twice, labels escaped,
 * histograms cumulative.
 */
#include "bot/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct metrics *parts;

enum { PARTS = 3 };

static int set_up(void **state)
{
    (void)state;
    parts = calloc(PARTS, sizeof *parts);
    return parts == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    metrics_use(NULL);
    arena_finish(&arena);
    free(parts);
    return 0;
}

/* --- the reader ----------------------------------------------------------------------------
 */

struct family {
    struct str name;
    struct str type;
};

struct sample {
    struct str name, labels;
    double value;
    size_t family;
};

struct page {
    struct family families[128];
    struct sample samples[4096];
    size_t n_families, n_samples;
};

static struct page page;

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9')))
            return false;
    }
    return name.len > 0;
}

/* The value of a label ends at the first quote that is not escaped. */
static size_t end_of_labels(struct str line)
{
    bool in_quotes = false;

    for (size_t i = 0; i < line.len; i++) {
        if (in_quotes && line.at[i] == '\\') {
            i++;
        } else if (line.at[i] == '"') {
            in_quotes = !in_quotes;
        } else if (!in_quotes && line.at[i] == '}') {
            return i;
        }
    }
    fail_msg("labels without an end: %.*s", (int)line.len, line.at);
    return 0;
}

static void read_comment(struct str line)
{
    struct str rest = line, word = STR_NONE, name = STR_NONE;

    assert_true(str_split(&rest, ' ', &word) && str_eq(word, STR("#")));
    assert_true(str_split(&rest, ' ', &word) && str_split(&rest, ' ', &name));
    assert_true(is_name(name));
    if (str_eq(word, STR("HELP"))) {
        for (size_t i = 0; i < page.n_families; i++)
            assert_false(str_eq(page.families[i].name, name));
        page.families[page.n_families++] = (struct family){.name = name};
        assert_true(rest.len > 0);
        return;
    }
    assert_true(str_eq(word, STR("TYPE")));
    struct family *family = &page.families[page.n_families - 1];
    assert_true(str_eq(family->name, name)); /* right after its HELP */
    assert_int_equal(family->type.len, 0);
    assert_true(str_eq(rest, STR("counter")) || str_eq(rest, STR("gauge")) ||
                str_eq(rest, STR("histogram")));
    family->type = rest;
}

static bool belongs(const struct family *family, struct str name)
{
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};

    if (str_eq(family->name, name))
        return !str_eq(family->type, STR("histogram"));
    for (size_t i = 0; i < COUNTOF(suffixes); i++) {
        if (str_eq(family->type, STR("histogram")) && str_starts(name, family->name) &&
            str_eq((struct str){name.at + family->name.len, name.len - family->name.len},
                   str_from(suffixes[i])))
            return true;
    }
    return false;
}

static void read_sample(struct str line)
{
    struct sample *sample = &page.samples[page.n_samples++];
    char number[64];
    char *end;
    size_t n = 0;

    while (n < line.len && line.at[n] != '{' && line.at[n] != ' ')
        n++;
    *sample = (struct sample){
        .name = {line.at, n},
          .family = page.n_families - 1
    };
    assert_true(is_name(sample->name));
    struct str rest = {line.at + n, line.len - n};
    if (rest.at[0] == '{') {
        size_t close = end_of_labels(rest);
        sample->labels = (struct str){rest.at + 1, close - 1};
        rest = (struct str){rest.at + close + 1, rest.len - close - 1};
    }
    assert_int_equal(rest.at[0], ' ');
    (void)snprintf(number, sizeof number, "%.*s", (int)rest.len - 1, rest.at + 1);
    sample->value = strtod(number, &end);
    assert_true(end != number && *end == '\0');
    assert_true(
        belongs(&page.families[sample->family], sample->name)); /* stands with its own */
    for (size_t i = 0; i + 1 < page.n_samples; i++) {
        if (str_eq(page.samples[i].name, sample->name) &&
            str_eq(page.samples[i].labels, sample->labels))
            fail_msg("twice: %.*s", (int)line.len, line.at);
    }
}

static void read_page(size_t n, usec_t started)
{
    struct str text = metrics_text(&arena, parts, n, started), line;

    page.n_families = page.n_samples = 0;
    assert_true(str_is_utf8(text));
    assert_true(text.len > 0 && text.at[text.len - 1] == '\n');
    while (text.len > 0) {
        size_t len = str_find(text, STR("\n"));
        line = (struct str){text.at, len};
        text = (struct str){text.at + len + 1, text.len - len - 1};
        if (str_starts(line, STR("#"))) {
            read_comment(line);
        } else {
            read_sample(line);
        }
    }
    for (size_t i = 0; i < page.n_families; i++)
        assert_true(page.families[i].type.len > 0);
}

static double value_of(const char *name, const char *labels)
{
    for (size_t i = 0; i < page.n_samples; i++) {
        if (str_eq(page.samples[i].name, str_from(name)) &&
            str_eq(page.samples[i].labels, str_from(labels)))
            return page.samples[i].value;
    }
    fail_msg("no %s{%s}", name, labels);
    return 0;
}

static bool has(const char *name, const char *labels)
{
    for (size_t i = 0; i < page.n_samples; i++) {
        if (str_eq(page.samples[i].name, str_from(name)) &&
            str_eq(page.samples[i].labels, str_from(labels)))
            return true;
    }
    return false;
}

static void is_exactly(double value, double expected)
{
    if (value < expected || value > expected)
        fail_msg("%.9g instead of %.9g", value, expected);
}

/* --- tests ---------------------------------------------------------------------------------
 */

static void ops_3_an_unused_service_shows_every_figure_at_nought(void **state)
{
    (void)state;
    read_page(PARTS, 5 * USEC_PER_SEC);
    assert_true(page.n_samples >= COUNT_N + GAUGE_N);
    for (size_t i = 0; i < page.n_samples; i++) {
        if (!str_eq(page.samples[i].name, STR("process_start_time_seconds")))
            is_exactly(page.samples[i].value, 0);
    }
    is_exactly(value_of("process_start_time_seconds", ""), 5);
}

static void ops_3_counters_of_all_workers_are_added(void **state)
{
    (void)state;
    for (size_t k = 0; k < PARTS; k++) {
        metrics_use(&parts[k]);
        count(COUNT_TURNS, 10 + k);
        count(COUNT_ALERTS, 1);
        gauge_set(GAUGE_CONNECTIONS, 7);
    }
    count(COUNT_TURNS, UINT32_MAX);
    read_page(PARTS, 0);
    is_exactly(value_of("parley_turns_total", ""), 33 + (double)UINT32_MAX);
    is_exactly(value_of("parley_alerts_total", ""), 3);
    is_exactly(value_of("parley_http_connections", ""), 21);
    read_page(1, 0);
    is_exactly(value_of("parley_turns_total", ""), 10);
}

/* A new worker takes the place of a dead one: counters go on, gauges start anew. */
static void ops_3_a_dead_workers_counts_stay_and_its_gauges_go(void **state)
{
    (void)state;
    metrics_use(&parts[0]);
    count(COUNT_TURNS, 5);
    observe(HIST_TURN, 1000);
    count_error(131056);
    gauge_set(GAUGE_QUEUED, 99);
    gauge_lane(0, "111", 1, 2, 3, true);
    gauge_lane(3, "222", 1, 2, 3, true);
    metrics_use(&parts[0]);
    read_page(1, 0);
    is_exactly(value_of("parley_turns_total", ""), 5);
    is_exactly(value_of("parley_turn_seconds_count", ""), 1);
    is_exactly(value_of("parley_provider_errors_total", "code=\"131056\""), 1);
    is_exactly(value_of("parley_turns_queued", ""), 0);
    assert_false(has("parley_outbox_depth", "lane=\"111\",state=\"ready\""));
    gauge_lane(0, "333", 4, 0, 0, false); /* another lane in the same place */
    read_page(1, 0);
    is_exactly(value_of("parley_outbox_depth", "lane=\"333\",state=\"ready\""), 4);
    assert_false(has("parley_lane_stopped", "lane=\"222\""));
}

static void ops_3_counting_before_a_place_is_known_is_harmless(void **state)
{
    (void)state;
    metrics_use(NULL);
    count(COUNT_TURNS, 1);
    observe(HIST_ACK, 1);
    count_error(5);
    gauge_lane(0, "x", 1, 1, 1, true);
    read_page(PARTS, 0);
    is_exactly(value_of("parley_turns_total", ""), 0);
}

static double bucket(const char *name, size_t index, double *bound)
{
    char full[64];
    size_t n = 0;

    (void)snprintf(full, sizeof full, "%s_bucket", name);
    for (size_t i = 0; i < page.n_samples; i++) {
        if (!str_eq(page.samples[i].name, str_from(full)) || n++ != index)
            continue;
        struct str labels = page.samples[i].labels;
        assert_true(str_starts(labels, STR("le=\"")));
        *bound = strtod(labels.at + 4, NULL);
        return page.samples[i].value;
    }
    fail_msg("no bucket %zu of %s", index, name);
    return 0;
}

static void check_histogram(const char *name, const double *values, size_t n)
{
    double bound = 0, last_bound = -1, sum = 0;
    char full[64];

    for (size_t b = 0; b <= HIST_BUCKETS; b++) {
        double within = 0, shown = bucket(name, b, &bound);
        assert_true(bound > last_bound);
        last_bound = bound;
        for (size_t i = 0; i < n; i++)
            within += values[i] <= bound;
        is_exactly(shown, within);
    }
    assert_true(bound > 1e300); /* +Inf comes last */
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    (void)snprintf(full, sizeof full, "%s_count", name);
    is_exactly(value_of(full, ""), (double)n);
    (void)snprintf(full, sizeof full, "%s_sum", name);
    assert_true(value_of(full, "") - sum < 1e-6 && sum - value_of(full, "") < 1e-6);
}

static void ops_3_histograms_are_cumulative_and_their_bounds_belong_to_them(void **state)
{
    (void)state;
    static const usec_t times[] = {0,    1,    499,     500,     501,     999,      1000,
                                   1001, 4000, 1024000, 4096000, 4096001, 90000000, 12345678};
    static const usec_t sizes[] = {0, 1, 2, 3, 128, 8192, 8193, 100000};
    double seconds[COUNTOF(times)], items[COUNTOF(sizes)];

    for (size_t i = 0; i < COUNTOF(times); i++) {
        metrics_use(&parts[i % PARTS]);
        observe(HIST_TURN, times[i]);
        seconds[i] = (double)times[i] / 1e6;
    }
    for (size_t i = 0; i < COUNTOF(sizes); i++) {
        metrics_use(&parts[i % PARTS]);
        observe(HIST_BATCH_SIZE, sizes[i]);
        items[i] = (double)sizes[i];
    }
    read_page(PARTS, 0);
    check_histogram("parley_turn_seconds", seconds, COUNTOF(times));
    check_histogram("parley_batch_size", items, COUNTOF(sizes));
}

/* A clock that went back must not count as half an eternity. */
static void ops_3_a_time_below_nought_counts_as_none(void **state)
{
    (void)state;
    metrics_use(&parts[0]);
    observe(HIST_SEND, -5);
    read_page(1, 0);
    is_exactly(value_of("parley_send_seconds_sum", ""), 0);
    is_exactly(value_of("parley_send_seconds_bucket", "le=\"0.0005\""), 1);
}

/* Sums grow for months: their last digits are what a rate is made of. */
static void ops_3_large_figures_keep_their_digits(void **state)
{
    (void)state;
    metrics_use(&parts[0]);
    observe(HIST_SEND, 98765432 * USEC_PER_SEC);
    observe(HIST_SEND, 1500);
    observe(HIST_BATCH_SIZE, 123456789);
    count(COUNT_TURNS, 9007199254740991);
    read_page(1, 1793740000123000);
    is_exactly(value_of("parley_send_seconds_sum", ""), 98765432.0015);
    is_exactly(value_of("parley_batch_size_sum", ""), 123456789);
    is_exactly(value_of("parley_turns_total", ""), 9007199254740991);
    is_exactly(value_of("process_start_time_seconds", ""), 1793740000.123);
}

static void ops_3_lanes_show_their_depth_and_whether_they_stand(void **state)
{
    (void)state;
    metrics_use(&parts[0]);
    gauge_lane(0, "111", 1, 2, 3, false);
    gauge_lane(1, "222", 4, 5, 6, true);
    metrics_use(&parts[2]);
    gauge_lane(0, "444", 7, 8, 9, false);
    read_page(PARTS, 0);
    is_exactly(value_of("parley_outbox_depth", "lane=\"111\",state=\"ready\""), 1);
    is_exactly(value_of("parley_outbox_depth", "lane=\"222\",state=\"intended\""), 5);
    is_exactly(value_of("parley_outbox_depth", "lane=\"444\",state=\"unknown\""), 9);
    is_exactly(value_of("parley_lane_stopped", "lane=\"111\""), 0);
    is_exactly(value_of("parley_lane_stopped", "lane=\"222\""), 1);
    gauge_lane_gone(0);
    read_page(PARTS, 0);
    assert_false(has("parley_outbox_depth", "lane=\"444\",state=\"ready\""));
}

/* Its last holder hangs and could not say that it is gone. */
static void ops_3_a_lane_in_two_workers_parts_is_shown_once(void **state)
{
    (void)state;
    for (size_t k = 0; k < PARTS; k++) {
        metrics_use(&parts[k]);
        gauge_lane(2 - k, "111", 1, 0, 0, false);
    }
    read_page(PARTS, 0); /* which refuses a series that stands there twice */
    assert_true(has("parley_lane_stopped", "lane=\"111\""));
}

static void ops_3_labels_are_escaped(void **state)
{
    (void)state;
    metrics_use(&parts[0]);
    gauge_lane(0, "a\"} 1\nevil 2\\", 1, 0, 0, false);
    read_page(1, 0);
    is_exactly(
        value_of("parley_outbox_depth", "lane=\"a\\\"} 1\\nevil 2\\\\\",state=\"ready\""), 1);
    assert_false(has("evil", ""));
}

static void ops_3_lanes_beyond_the_room_and_long_names_harm_nothing(void **state)
{
    (void)state;
    char name[200];

    memset(name, '7', sizeof name);
    name[sizeof name - 1] = '\0';
    metrics_use(&parts[0]);
    gauge_lane(0, name, 1, 0, 0, false);
    gauge_lane(METRICS_LANES, "over", 1, 0, 0, false);
    gauge_lane_gone(METRICS_LANES);
    read_page(1, 0);
    assert_false(has("parley_lane_stopped", "lane=\"over\""));
}

static void ops_3_provider_errors_are_counted_by_code_over_workers(void **state)
{
    (void)state;
    for (size_t k = 0; k < PARTS; k++) {
        metrics_use(&parts[k]);
        for (int code = 1; code <= 5; code++)
            count_error(130000 + (code + (int)k) % 5);
    }
    count_error(130000);
    count_error(0); /* no error */
    read_page(PARTS, 0);
    is_exactly(value_of("parley_provider_errors_total", "code=\"130000\""), PARTS + 1);
    is_exactly(value_of("parley_provider_errors_total", "code=\"130004\""), PARTS);
    assert_false(has("parley_provider_errors_total", "code=\"0\""));
}

/* A provider that invents codes fills no memory, and every error is counted somewhere. */
static void ops_3_more_codes_than_there_is_room_for_are_counted_together(void **state)
{
    (void)state;
    enum { CODES = 300 };
    double all = 0;

    for (size_t k = 0; k < PARTS; k++) {
        metrics_use(&parts[k]);
        for (int code = 1; code <= CODES; code++)
            count_error((int)k * 1000 + code);
    }
    read_page(PARTS, 0);
    for (size_t i = 0; i < page.n_samples; i++) {
        if (str_eq(page.samples[i].name, STR("parley_provider_errors_total")))
            all += page.samples[i].value;
    }
    is_exactly(all, PARTS * CODES);
    assert_true(value_of("parley_provider_errors_total", "code=\"other\"") > 0);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(ops_3_an_unused_service_shows_every_figure_at_nought),
        FRESH(ops_3_counters_of_all_workers_are_added),
        FRESH(ops_3_a_dead_workers_counts_stay_and_its_gauges_go),
        FRESH(ops_3_counting_before_a_place_is_known_is_harmless),
        FRESH(ops_3_histograms_are_cumulative_and_their_bounds_belong_to_them),
        FRESH(ops_3_a_time_below_nought_counts_as_none),
        FRESH(ops_3_large_figures_keep_their_digits),
        FRESH(ops_3_lanes_show_their_depth_and_whether_they_stand),
        FRESH(ops_3_a_lane_in_two_workers_parts_is_shown_once),
        FRESH(ops_3_labels_are_escaped),
        FRESH(ops_3_lanes_beyond_the_room_and_long_names_harm_nothing),
        FRESH(ops_3_provider_errors_are_counted_by_code_over_workers),
        FRESH(ops_3_more_codes_than_there_is_room_for_are_counted_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
