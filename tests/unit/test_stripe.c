/* Stripe's signatures, events and answers, and our requests. */
#include "tests/support/shared_data.h"
#include "webhooks/stripe.h"

#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "webhooks/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW (1764000000 * USEC_PER_SEC)

static const struct str secret = {"whsec_of_this_test", 18};
static const struct str body = {"{\"id\":\"evt_1\"}", 14};

static int setup(void **state)
{
    static struct arena arena;
    struct err err = {0};

    arena_init(&arena);
    *state = &arena;
    return crypto_init(&err) ? 0 : -1;
}

static int teardown(void **state)
{
    arena_finish(*state);
    return 0;
}

/* --- signatures --------------------------------------------------------------------------- */

static void pay_8_the_vectors_of_stripe_s_own_package_are_judged_as_it_does(void **state)
{
    struct arena *arena = *state;
    OWNED_JSON(doc) = NULL;
    struct err err = {0};
    size_t i, judged = 0;
    json_t *vector;

    if (!shared_is_here(arena))
        return;
    assert_true(json_read(shared_file(arena, "providers/signature-vectors.json"), &doc, &err));
    json_array_foreach(
        json_array_in(json_object_in(json_object_in(doc, "schemes"), "stripe"), "vectors"), i,
        vector)
    {
        if (json_object_get(vector, "note")) /* where a receiver may be stricter, we are */
            continue;
        if (stripe_verify(arena, json_text(arena, vector, "secret"),
                          json_text(arena, vector, "header"), json_text(arena, vector, "body"),
                          json_int(vector, "now", 0) * USEC_PER_SEC) !=
            json_bool(vector, "valid", false))
            fail_msg("%s", json_string_value(json_object_get(vector, "name")));
        judged++;
    }
    assert_in_range(judged, 8, 100);
}

static void pay_8_what_was_signed_verifies_within_five_minutes(void **state)
{
    static const struct {
        int64_t ago;
        bool fine;
    } times[] = {
        {0,    true },
        {300,  true },
        {301,  false},
        {-300, true },
        {-301, false}
    };

    for (size_t i = 0; i < COUNTOF(times); i++) {
        struct str header =
            stripe_sign(*state, secret, NOW / USEC_PER_SEC - times[i].ago, body);
        assert_true(stripe_verify(*state, secret, header, body, NOW) == times[i].fine);
        assert_false(stripe_verify(*state, STR_NONE, header, body, NOW));
    }
}

static void pay_8_any_changed_byte_is_refused(void **state)
{
    struct arena *arena = *state;
    struct str header = stripe_sign(arena, secret, NOW / USEC_PER_SEC, body);
    struct str *const parts[] = {&header, (struct str *)&body};

    for (size_t part = 0; part < COUNTOF(parts); part++) {
        for (size_t i = 0; i < parts[part]->len; i++) {
            struct str spoiled = arena_str(arena, *parts[part]);
            ((char *)spoiled.at)[i] ^= 1;
            assert_false(stripe_verify(arena, secret, part == 0 ? spoiled : header,
                                       part == 1 ? spoiled : body, NOW));
        }
    }
}

/* --- events ------------------------------------------------------------------------------- */

static json_t *news_of(struct arena *arena, const char *type, const char *object)
{
    struct stripe_event event;
    struct err err = {0};
    json_t *news = NULL;
    struct str text = arena_format(arena,
                                   "{\"id\":\"evt_9\",\"type\":\"%s\",\"livemode\":false,"
                                   "\"data\":{\"object\":%s}}",
                                   type, object);

    if (!stripe_decode(arena, text, &event, &err))
        fail_msg("%s", err.text);
    assert_true(str_eq(event.id, STR("evt_9")));
    if (event.news.len > 0)
        assert_true(json_read(event.news, &news, &err));
    return news;
}

#define OURS                                                                                   \
    "\"metadata\":{\"parley_org\":\"o1\",\"parley_checkout\":\"c1\",\"parley_refund\":\"r1\"}"

static void holds(const json_t *news, const char *name, const char *value)
{
    const char *text = json_string_value(json_object_get(news, name));

    if (text == NULL || strcmp(text, value) != 0)
        fail_msg("%s is %s, not %s", name, text ? text : "not there", value);
}

static void pay_3_each_event_becomes_its_record(void **state)
{
    static const struct {
        const char *type, *object, *kind, *name, *value;
    } events[] = {
        {"checkout.session.completed",
         "{\"id\":\"cs_1\",\"payment_status\":\"paid\",\"amount_total\":5,"
         "\"payment_method_types\":[\"card\"],\"payment_intent\":{\"id\":\"pi_1\"}," OURS "}",
         "paid",                                                                                                         "payment_intent", "pi_1"        },
        {"checkout.session.completed",
         "{\"id\":\"cs_1\",\"payment_status\":\"unpaid\",\"amount_total\":5," OURS "}",
         "processing",                                                                                                   "session",        "cs_1"        },
        {"checkout.session.async_payment_succeeded",
         "{\"id\":\"cs_1\",\"amount_total\":5," OURS "}",                                             "paid",            "checkout",       "c1"          },
        {"checkout.session.async_payment_failed",
         "{\"id\":\"cs_1\",\"amount_total\":5," OURS "}",                                             "async_failed",    "reason",         "bank"        },
        {"checkout.session.expired",                 "{\"id\":\"cs_1\",\"amount_total\":5," OURS "}", "expired",
         "org",                                                                                                                            "o1"          },
        {"payment_intent.payment_failed",
         "{\"id\":\"pi_1\",\"amount\":5,\"last_payment_error\":{\"code\":\"card_declined\","
         "\"decline_code\":\"expired_card\"}," OURS "}",
         "declined",                                                                                                     "reason",         "expired_card"},
        {"payment_intent.payment_failed",            "{\"id\":\"pi_1\",\"amount\":5," OURS "}",       "declined",
         "reason",                                                                                                                         "declined"    },
        {"charge.refunded",
         "{\"id\":\"ch_1\",\"amount_refunded\":3,\"payment_intent\":\"pi_1\"}",                       "charge_refunded", "object",         "ch_1"        },
        {"refund.failed",
         "{\"id\":\"re_1\",\"amount\":3,\"payment_intent\":\"pi_1\",\"status\":\"failed\"," OURS
         "}",                                                                                         "refund",          "refund",         "r1"          },
        {"charge.dispute.closed",
         "{\"id\":\"du_1\",\"amount\":3,\"payment_intent\":\"pi_1\",\"status\":\"won\"}",             "dispute",         "status",         "won"         },
    };

    for (size_t i = 0; i < COUNTOF(events); i++) {
        OWNED_JSON(news) = news_of(*state, events[i].type, events[i].object);
        holds(news, "id", "evt_9");
        holds(news, "kind", events[i].kind);
        holds(news, events[i].name, events[i].value);
    }
}

static void pay_3_what_is_not_ours_is_passed_over(void **state)
{
    assert_null(news_of(*state, "checkout.session.completed",
                        "{\"id\":\"cs_1\",\"payment_status\":\"paid\",\"amount_total\":5}"));
    assert_null(news_of(*state, "checkout.session.completed",
                        "{\"id\":\"cs_1\",\"payment_status\":\"no_payment_required\"," OURS
                        "}"));
    assert_null(news_of(*state, "customer.created", "{\"id\":\"cus_1\"}"));
    assert_null(news_of(*state, "payment_intent.succeeded", "{\"id\":\"pi_1\"," OURS "}"));
}

static void pay_7_amounts_that_cannot_be_are_refused(void **state)
{
    static const char *const amounts[] = {"-1",   "100000000000000",     "1.5", "\"x\"",
                                          "null", "99999999999999999999"};

    for (size_t i = 0; i < COUNTOF(amounts); i++) {
        struct stripe_event event;
        struct str text = arena_format(
            *state,
            "{\"id\":\"evt_1\",\"type\":\"refund.created\",\"data\":{\"object\":{\"id\":"
            "\"re_1\",\"amount\":%s,\"payment_intent\":\"pi_1\"}}}",
            amounts[i]);
        assert_false(stripe_decode(*state, text, &event, NULL));
    }
}

static void pay_3_stripe_s_own_fixtures_are_read(void **state)
{
    OWNED_JSON(doc) = NULL;
    struct err err = {0};
    const char *name;
    json_t *example;
    size_t n = 0;

    if (!shared_is_here(*state))
        return;
    assert_true(json_read(shared_file(*state, "providers/webhook-examples.json"), &doc, &err));
    json_object_foreach((json_t *)json_object_in(doc, "stripe"), name, example)
    {
        const json_t *inside = json_object_get(example, "body");
        struct stripe_event event;
        if (!stripe_decode(*state, json_write(*state, inside ? inside : example), &event, &err))
            fail_msg("%s: %s", name, err.text);
        n++;
    }
    assert_in_range(n, 10, 100);
}

/* --- requests and answers ----------------------------------------------------------------- */

static const struct stripe_account account = {
    {"https://api.stripe.com", 22},
    {"sk_test_1",              9 }
};

static struct stripe_checkout checkout_over(int64_t minor, const char *currency)
{
    struct stripe_checkout checkout = {.key = STR("parley/checkout/1"),
                                       .invoice = STR("INV-7 & co"),
                                       .business = STR("Łąka + Söhne"),
                                       .language = STR("pl"),
                                       .done_url = STR("https://p.example/pay/done?lang=pl"),
                                       .back_url = STR("https://p.example/pay/back?lang=pl"),
                                       .expires_at = NOW};

    checkout.amount.minor = minor;
    memcpy(checkout.amount.currency, currency, 4);
    return checkout;
}

static void pay_2_a_link_is_asked_for_with_its_version_its_key_and_our_ids(void **state)
{
    struct stripe_checkout checkout = checkout_over(4200, "USD");
    struct http_request request, again;
    struct form form;
    struct err err = {0};

    assert_true(stripe_encode_checkout(*state, &account, &checkout, &request, &err));
    assert_true(stripe_encode_checkout(*state, &account, &checkout, &again, &err));
    assert_true(str_eq(request.body, again.body)); /* the same bytes under the same key */
    assert_true(str_eq(request.url, STR("https://api.stripe.com/v1/checkout/sessions")));
    assert_true(str_eq(request.headers[1].value, STR(STRIPE_VERSION)));
    assert_true(str_eq(request.headers[3].value, STR("parley/checkout/1")));
    assert_true(form_read(*state, request.body, &form, &err));
    assert_true(str_eq(form_get(&form, "line_items[0][price_data][unit_amount]"), STR("4200")));
    assert_true(str_eq(form_get(&form, "line_items[0][price_data][currency]"), STR("usd")));
    assert_true(str_eq(form_get(&form, "line_items[0][price_data][product_data][name]"),
                       STR("Łąka + Söhne · INV-7 & co")));
    assert_true(str_eq(form_get(&form, "metadata[parley_checkout]"),
                       form_get(&form, "payment_intent_data[metadata][parley_checkout]")));
    assert_true(str_eq(form_get(&form, "expires_at"), STR("1764000000")));
    assert_true(str_eq(form_get(&form, "locale"), STR("pl")));
    assert_int_equal(form_get(&form, "payment_method_types[0]").len, 0);
}

static void pay_2_what_cannot_be_asked_is_not(void **state)
{
    struct stripe_checkout checkout = checkout_over(0, "USD");
    struct stripe_account broken = account;
    struct http_request request;
    struct err err = {0};

    assert_false(stripe_encode_checkout(*state, &account, &checkout, &request, &err));
    checkout = checkout_over(4200, "XXQ");
    assert_false(stripe_encode_checkout(*state, &account, &checkout, &request, &err));
    checkout = checkout_over(4200, "USD");
    checkout.done_url = STR("/pay/done"); /* public_url is not set */
    assert_false(stripe_encode_checkout(*state, &account, &checkout, &request, &err));
    broken.key = STR("sk_test\r\nX: y");
    checkout = checkout_over(4200, "USD");
    assert_false(stripe_encode_checkout(*state, &broken, &checkout, &request, &err));
    assert_false(
        stripe_encode_expire(*state, &account, STR("cs_1?x=1"), STR("k"), &request, &err));
}

/* Of these Stripe's number is another than ours, or may be. */
static void pay_7_no_link_is_for_a_hundred_times_of_what_is_owed(void **state)
{
    static const struct {
        int64_t minor;
        const char *currency;
        bool made;
    } amounts[] = {
        {500000, "MGA", false},
        {5000,   "ISK", false},
        {5000,   "UGX", false},
        {5000,   "JPY", true },
        {1230,   "KWD", true },
        {1234,   "KWD", false},
        {4200,   "HUF", true },
    };
    struct http_request request;
    struct err err = {0};

    for (size_t i = 0; i < COUNTOF(amounts); i++) {
        struct stripe_checkout checkout = checkout_over(amounts[i].minor, amounts[i].currency);
        assert_int_equal(stripe_encode_checkout(*state, &account, &checkout, &request, &err),
                         amounts[i].made);
    }
}

static void pay_2_each_answer_has_its_remedy(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum stripe_fate fate;
    } answers[] = {
        {200, "{\"id\":\"cs_1\",\"url\":\"https://c.example\"}",                  STRIPE_DONE   },
        {200, "{}",                                                               STRIPE_AGAIN  },
        {200, "<html>",                                                           STRIPE_AGAIN  },
        {400, "{\"error\":{\"type\":\"invalid_request_error\"}}",                 STRIPE_REFUSED},
        {401, "{\"error\":{}}",                                                   STRIPE_SHUT   },
        {402, "{\"error\":{\"type\":\"card_error\",\"code\":\"card_declined\"}}",
         STRIPE_REFUSED                                                                         },
        {403, "{}",                                                               STRIPE_SHUT   },
        {404, "{\"error\":{\"code\":\"resource_missing\"}}",                      STRIPE_REFUSED},
        {409, "{\"error\":{}}",                                                   STRIPE_AGAIN  },
        {424, "{}",                                                               STRIPE_AGAIN  },
        {429, "{\"error\":{\"code\":\"rate_limit\"}}",                            STRIPE_AGAIN  },
        {500, "",                                                                 STRIPE_AGAIN  },
        {503, "{}",                                                               STRIPE_AGAIN  },
    };
    struct stripe_answer read;

    for (size_t i = 0; i < COUNTOF(answers); i++) {
        const struct http_answer answer = {HTTP_ANSWERED, answers[i].status,
                                           str_from(answers[i].body), 0};
        stripe_read_answer(*state, &answer, &read);
        if (read.fate != answers[i].fate)
            fail_msg("%d %s: %d", answers[i].status, answers[i].body, (int)read.fate);
    }
    stripe_read_answer(*state, &(struct http_answer){HTTP_UNKNOWN, 0, STR_NONE, 0}, &read);
    assert_int_equal(read.fate, STRIPE_AGAIN);
    /* Stripe's message may repeat what somebody typed: it goes nowhere. */
    stripe_read_answer(*state,
                       &(struct http_answer){HTTP_ANSWERED, 402,
                                             STR("{\"error\":{\"type\":\"card_error\","
                                                 "\"message\":\"Ana's card\"}}"),
                                             0},
                       &read);
    assert_true(str_eq(read.reason, STR("402 card_error")));
}

static void pay_3_an_answer_tells_what_an_event_would(void **state)
{
    struct str news;
    struct err err = {0};
    OWNED_JSON(doc) = NULL;

    assert_true(stripe_decode_answer(*state,
                                     STR("{\"id\":\"cs_1\",\"object\":\"checkout.session\","
                                         "\"status\":\"open\",\"amount_total\":1}"),
                                     &news, &err));
    assert_int_equal(news.len, 0);
    assert_true(stripe_decode_answer(
        *state,
        STR("{\"id\":\"cs_1\",\"object\":\"checkout.session\",\"status\":\"complete\","
            "\"payment_status\":\"paid\",\"payment_intent\":\"pi_1\",\"amount_total\":7,"
            "\"currency\":\"usd\"," OURS "}"),
        &news, &err));
    assert_true(json_read(news, &doc, &err));
    holds(doc, "id", "look.cs_1.paid.complete");
    holds(doc, "kind", "paid");
    assert_false(stripe_decode_answer(*state, STR("{\"object\":\"customer\"}"), &news, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pay_8_the_vectors_of_stripe_s_own_package_are_judged_as_it_does),
        cmocka_unit_test(pay_8_what_was_signed_verifies_within_five_minutes),
        cmocka_unit_test(pay_8_any_changed_byte_is_refused),
        cmocka_unit_test(pay_3_each_event_becomes_its_record),
        cmocka_unit_test(pay_3_what_is_not_ours_is_passed_over),
        cmocka_unit_test(pay_7_amounts_that_cannot_be_are_refused),
        cmocka_unit_test(pay_3_stripe_s_own_fixtures_are_read),
        cmocka_unit_test(pay_2_a_link_is_asked_for_with_its_version_its_key_and_our_ids),
        cmocka_unit_test(pay_2_what_cannot_be_asked_is_not),
        cmocka_unit_test(pay_7_no_link_is_for_a_hundred_times_of_what_is_owed),
        cmocka_unit_test(pay_2_each_answer_has_its_remedy),
        cmocka_unit_test(pay_3_an_answer_tells_what_an_event_would),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
