/* Read receipts against a fetcher of the test's own: a kindness that must cost nothing. */
#include "bot/lane/receipts.h"

#include "bot/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fetch *sent[128];
static size_t n_sent;

void fetcher_start(struct fetcher *fetcher, struct fetch *fetch)
{
    (void)fetcher;
    assert_true(n_sent < COUNTOF(sent));
    sent[n_sent++] = fetch;
}

static struct config config;
static struct metrics metrics;
static struct worker worker = {.config = &config};
static const struct config_app app = {
    .token = {"EAAB", 4}
};
static struct account account = {
    .external_id = {"106540352242922", 15}
};

static int set_up(void **state)
{
    (void)state;
    memset(&metrics, 0, sizeof metrics);
    metrics_use(&metrics);
    n_sent = 0;
    account.app = &app;
    config.whatsapp.base_url = STR("http://127.0.0.1:1/v26.0");
    config.whatsapp.read_receipts = config.whatsapp.typing = true;
    config.whatsapp.connect_timeout = USEC_PER_SEC;
    config.whatsapp.timeout = 5 * USEC_PER_SEC;
    config.whatsapp.answer_max = 1000;
    return 0;
}

static void answer(enum http_fate fate, int status)
{
    struct fetch *fetch = sent[--n_sent];

    fetch->answer.fate = fate;
    fetch->answer.status = status;
    fetch->done(fetch);
}

static void ch_2_a_read_receipt_names_the_message_and_shows_typing(void **state)
{
    (void)state;
    receipts_send(&worker, &account, STR("wamid.ABC"));
    assert_int_equal(n_sent, 1);
    struct str body = sent[0]->request->body;
    assert_true(str_find(body, STR("\"wamid.ABC\"")) < body.len);
    assert_true(str_find(body, STR("typing_indicator")) < body.len);
    assert_int_equal(sent[0]->timeout, 5 * USEC_PER_SEC);
    answer(HTTP_ANSWERED, 200);
    assert_int_equal(metrics.counters[COUNT_RECEIPTS], 1);
}

static void ch_2_typing_is_left_out_when_it_is_not_wanted(void **state)
{
    (void)state;
    config.whatsapp.typing = false;
    receipts_send(&worker, &account, STR("wamid.ABC"));
    struct str body = sent[0]->request->body;
    assert_false(str_find(body, STR("typing_indicator")) < body.len);
    answer(HTTP_ANSWERED, 200);
}

static void nothing_is_sent_when_it_is_not_wanted_or_not_possible(void **state)
{
    (void)state;
    config.whatsapp.read_receipts = false;
    receipts_send(&worker, &account, STR("wamid.ABC"));
    config.whatsapp.read_receipts = true;
    account.app = NULL;
    receipts_send(&worker, &account, STR("wamid.ABC"));
    assert_int_equal(n_sent, 0);
}

static void only_what_the_provider_took_is_counted(void **state)
{
    (void)state;
    static const struct {
        enum http_fate fate;
        int status;
    } ends[] = {
        {HTTP_ANSWERED, 400},
        {HTTP_ANSWERED, 500},
        {HTTP_NOT_SENT, 0  },
        {HTTP_UNKNOWN,  0  },
        {HTTP_UNKNOWN,  200},
    };

    for (size_t i = 0; i < COUNTOF(ends); i++) {
        receipts_send(&worker, &account, STR("wamid.ABC"));
        answer(ends[i].fate, ends[i].status);
    }
    assert_int_equal(metrics.counters[COUNT_RECEIPTS], 0);
}

static void a_slow_provider_is_not_buried_under_receipts(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++)
        receipts_send(&worker, &account, STR("wamid.ABC"));
    assert_int_equal(n_sent, 64);
    answer(HTTP_UNKNOWN, 0);
    receipts_send(&worker, &account, STR("wamid.NEW"));
    assert_int_equal(n_sent, 64); /* there is room again for one */
    receipts_send(&worker, &account, STR("wamid.NEW"));
    assert_int_equal(n_sent, 64);
    while (n_sent > 0)
        answer(HTTP_ANSWERED, 200);
    assert_int_equal(metrics.counters[COUNT_RECEIPTS], 64);
}

/* An id is the sender's to choose: it must come out as one JSON text. */
static void a_hostile_message_id_stays_text(void **state)
{
    (void)state;
    static const char hostile[] = "x\",\"status\":\"evil\\";
    struct err err = {0};
    OWNED_JSON(body) = NULL;

    receipts_send(&worker, &account, str_from(hostile));
    assert_int_equal(n_sent, 1);
    assert_true(json_read(sent[0]->request->body, &body, &err));
    assert_string_equal(json_string_value(json_object_get(body, "message_id")), hostile);
    assert_string_equal(json_string_value(json_object_get(body, "status")), "read");
    answer(HTTP_ANSWERED, 200);
}

#define FRESH(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(ch_2_a_read_receipt_names_the_message_and_shows_typing),
        FRESH(ch_2_typing_is_left_out_when_it_is_not_wanted),
        FRESH(nothing_is_sent_when_it_is_not_wanted_or_not_possible),
        FRESH(only_what_the_provider_took_is_counted),
        FRESH(a_slow_provider_is_not_buried_under_receipts),
        FRESH(a_hostile_message_id_stays_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
