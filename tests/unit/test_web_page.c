/* Customers' own pages as they are made: small, escaped, in each language's direction. With
 * PARLEY_TEST_PAGES=FOLDER they are written there, for the browser (tests/e2e/pages.mjs). */
#include "templates/web_page.h"
#include "tests/support/face_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW     INT64_C(1794961200000000)
#define AT      "{\"$time\":1794961200000000}"
#define SUM     "{\"$money\":[\"123450\",\"EUR\"]}"
#define HOSTILE "<b onclick='x'>\\\" & co"

static struct arena arena;
static struct words *words;

/* For the browser, and the pictures that it draws, the words are such as people write. */
static struct str tame(const char *json)
{
    struct str rest = str_from(json), all = STR("");

    if (getenv("PARLEY_TEST_PAGES") == NULL) // NOLINT(concurrency-mt-unsafe)
        return rest;
    for (size_t at; (at = str_find(rest, STR(HOSTILE))) < rest.len;) {
        all = arena_format(&arena, "%.*s%.*sOak shelf", STR_ARG(all), (int)at, rest.at);
        rest = str_slice(rest, at + strlen(HOSTILE), rest.len);
    }
    return arena_concat(&arena, all, rest);
}

static const struct record *record(const char *json)
{
    const struct record *read = NULL;
    struct err err = {0};

    if (!record_from_json(&arena, tame(json), &read, &err))
        fail_msg("%s: %s", err.text, json);
    return read;
}

static const struct list *list(const char *json)
{
    return record_get(record(json), STR("all")).list;
}

static struct web_page page_in(enum lang lang)
{
    return (struct web_page){
        .words = words,
        .locale = {.lang = lang, .zone = STR("Europe/Madrid"), .now = NOW},
        .business = record("{\"name\":\"Larkfield & co\",\"email\":\"hi@larkfield.example\","
                           "\"phone\":\"+34600000000\"}"),
        .customer = str_eq(tame(HOSTILE), STR(HOSTILE)) ? STR("Amelia <i>") : STR("Amelia"),
        .base =
            STR("/customer/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        .good_until = NOW + 90 * USEC_PER_DAY
    };
}

#define ORDER                                                                                  \
    "{\"number\":\"ORD-1002\",\"workflow\":\"shop\",\"status\":\"shipped\",\"phase\":"         \
    "\"active\","                                                                              \
    "\"placed_at\":" AT ",\"total\":" SUM ",\"items_count\":3,\"expected_at\":" AT             \
    ",\"address\":\"" HOSTILE "\",\"items\":[{\"qty\":2,\"description\":\"" HOSTILE            \
    "\",\"line_total\":" SUM "}],\"notes\":[{\"at\":" AT ",\"text\":\"" HOSTILE "\"}]}"
#define DONE                                                                                   \
    "{\"number\":\"ORD 7/\\u0660\",\"workflow\":\"shop\",\"status\":\"delivered\","            \
    "\"phase\":\"done\",\"placed_at\":" AT ",\"total\":" SUM                                   \
    ",\"items_count\":1,\"delivered_at\":" AT "}"
#define PAPERS                                                                                 \
    "{\"all\":[{\"kind\":\"invoice\",\"subject\":\"INV-7\",\"number\":\"INV-7\",\"at\":" AT    \
    ",\"amount\":" SUM ",\"state\":\"open\"},{\"kind\":\"invoice\",\"subject\":\"INV-6\","     \
    "\"number\":\"INV-6\",\"at\":" AT ",\"amount\":" SUM ",\"state\":\"overdue\"},"            \
    "{\"kind\":\"receipt\",\"subject\":\"r\",\"number\":\"INV-7\",\"at\":" AT                  \
    ",\"amount\":" SUM "}]}"

static struct str index_in(const struct web_page *page)
{
    struct web_index index = {.orders = list("{\"all\":[" ORDER "," DONE "]}"),
                              .papers = list(PAPERS),
                              .more = true,
                              .page = 0};

    return web_index_page(&arena, page, &index);
}

static struct str order_in(const struct web_page *page)
{
    struct web_order order = {
        .order = record(ORDER),
        .timeline = list(
            "{\"all\":[{\"workflow\":\"shop\",\"status\":\"processing\",\"state\":\"done\","
            "\"at\":" AT "},"
            "{\"workflow\":\"shop\",\"status\":\"shipped\",\"state\":\"current\",\"at\":" AT
            ",\"note\":\"" HOSTILE "\"},"
            "{\"workflow\":\"shop\",\"status\":\"delivered\",\"state\":\"expected\"}]}"),
        .shipments = list("{\"all\":[{\"carrier\":\"DHL\",\"tracking_number\":\"JD01\","
                          "\"status\":\"in_transit\","
                          "\"url\":\"https://dhl.example/?a=1&b=2\",\"events\":[{\"at\":" AT
                          ",\"status\":\"in_transit\",\"place\":\"" HOSTILE "\"}]}]}"),
        .photos = list(
            "{\"all\":[{\"category\":\"damage\",\"caption\":\"" HOSTILE "\",\"taken_at\":" AT
            ",\"src\":\"/f/abc\",\"mime\":\"image/jpeg\",\"width\":40,\"height\":30},"
            "{\"category\":\"completed\",\"taken_at\":" AT ",\"url\":\"javascript:alert(1)\"},"
            "{\"category\":\"completed\",\"taken_at\":" AT
            ",\"url\":\"https://photos.example/1.jpg\"}]}"),
        .papers = list(PAPERS)};

    return web_order_page(&arena, page, &order);
}

static struct str report_in(const struct web_page *page)
{
    struct web_report report = {.orders = list("{\"all\":[" ORDER "," DONE "]}"),
                                .order = STR("ORD-1002"),
                                .kind = STR("missing"),
                                .story = STR("</textarea><script>"),
                                .email = STR("\"><script>"),
                                .once = STR("0123"),
                                .wrong = "story"};

    return web_report_page(&arena, page, &report);
}

static bool has(struct str text, const char *wanted)
{
    return str_find(text, str_from(wanted)) < text.len;
}

static void keep(const char *name, enum lang lang, struct str text)
{
    const char *folder = getenv("PARLEY_TEST_PAGES"); // NOLINT(concurrency-mt-unsafe)
    FILE *file;

    if (folder == NULL)
        return;
    file = fopen(arena_format(&arena, "%s/%s.%s.html", folder, name, lang_code(lang)).at, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text.at, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
}

static void web_3_pages_are_small_escaped_and_in_their_direction(void **state)
{
    (void)state;
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct web_page page = page_in((enum lang)lang);
        static const char *const names[] = {"index", "order", "report", "bad", "taken"};
        struct str all[COUNTOF(names)];

        all[0] = index_in(&page);
        all[1] = order_in(&page);
        all[2] = report_in(&page);
        all[3] = web_plain_page(&arena, &page, "bad");
        all[4] = web_reported_page(&arena, &page, STR("T-BC-DF"));
        for (size_t i = 0; i < COUNTOF(all); i++) {
            keep(names[i], (enum lang)lang, all[i]);
            assert_in_range(all[i].len, 500, 50 * 1024);
            assert_false(has(all[i], "<script"));
            assert_false(has(all[i], "<b onclick"));
            assert_false(has(all[i], "<i>"));
            assert_false(has(all[i], "javascript:"));
            assert_false(has(all[i], "{{"));
            assert_true(has(all[i], lang == LANG_AR ? "dir=\"rtl\"" : "dir=\"ltr\""));
            assert_true(has(all[i], "<main>"));
        }
        assert_true(has(all[0], "/orders/ORD%207%2F%D9%A0\""));
    }
}

/* The words that the sources give. */
static void web_6_its_sentences_are_those_that_were_given(void **state)
{
    struct web_page page = page_in(LANG_EN);
    struct web_index none = {0};

    (void)state;
    assert_true(
        has(web_index_page(&arena, &page, &none),
            "No active orders at this time. Your orders will appear here once placed."));
    page.business = record("{\"name\":\"Larkfield\"}");
    assert_true(has(web_plain_page(&arena, &page, "bad"),
                    "This customer portal link is invalid or has expired. Please contact "
                    "Larkfield for a new link."));
}

static void web_3_the_policy_allows_its_own_sheet_and_nothing_else(void **state)
{
    (void)state;
    assert_non_null(strstr(page_policy(), "default-src 'none'; style-src 'sha256-"));
    assert_null(strstr(page_policy(), "unsafe"));
    assert_null(strstr(page_policy(), "script-src"));
}

static int set_up(void **state)
{
    (void)state;
    words = face_sample_words();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    words_destroy(words);
    words_cool();
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(web_3_pages_are_small_escaped_and_in_their_direction),
        cmocka_unit_test(web_6_its_sentences_are_those_that_were_given),
        cmocka_unit_test(web_3_the_policy_allows_its_own_sheet_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
