/* Events as requests, and what their answers mean. */
#include "webhooks/event_out.h"

#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "webhooks/cloud_event.h"
#include "webhooks/svix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define BEFORE "whsec_cGFybGV5LXRlc3RzLW9sZC1rZXktMDAxLXdpdGgtMzI="
#define NOW    (1614265330 * USEC_PER_SEC)

static struct arena arena;

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static struct event_out event(void)
{
    return (struct event_out){.id = STR("0b5c1f0e-8c44-4a57-9a6d-0f0f4c1f8a11"),
                              .type = STR("order.cancellation_requested"),
                              .subject = STR("order/ORD-1 \"x\""),
                              .source = STR("https://parley.example/businesses/1"),
                              .sequence = 42,
                              .time = NOW,
                              .data = STR("{\"number\": \"ORD-1\"}"),
                              .customer_id = STR("c1"),
                              .customer = STR("C-100")};
}

static struct http_request encode(const char *secret, const char *before)
{
    struct event_out one = event();
    struct event_endpoint endpoint = {STR("https://crm.example/in"), str_from(secret),
                                      str_from(before)};
    struct http_request request = {0};
    struct err err = {0};

    assert_true(event_out_encode(&arena, &one, &endpoint, NOW, &request, &err));
    return request;
}

static struct str header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        if (str_eq(request->headers[i].name, str_from(name)))
            return request->headers[i].value;
    }
    return STR_NONE;
}

static void crm_2_an_event_is_a_cloud_event_that_our_own_door_would_read(void **state)
{
    struct http_request request = encode(SECRET, "");
    struct cloud_headers headers = {.content_type = header(&request, "Content-Type")};
    struct cloud_batch batch;
    struct err err = {0};

    (void)state;
    assert_true(cloud_events_read(&arena, &headers, request.body, &batch, &err));
    assert_int_equal(batch.n, 1);
    assert_int_equal(batch.n_faults, 0);
    assert_true(str_eq(batch.events[0].id, event().id));
    assert_true(str_eq(batch.events[0].type, event().type));
    assert_int_equal(batch.events[0].time, NOW);
    assert_string_equal(json_string_value(json_object_get(batch.events[0].data, "customer")),
                        "C-100");
    OWNED_JSON(whole) = NULL;
    assert_true(json_read(request.body, &whole, &err));
    assert_string_equal(json_string_value(json_object_get(whole, "sequence")), "0000000042");
    assert_string_equal(json_string_value(json_object_get(whole, "subject")),
                        "order/ORD-1 \"x\"");
}

/* Made by Python's hmac and base64 from the secret's bytes. */
static void crm_2_the_signature_is_that_of_standard_webhooks(void **state)
{
    (void)state;
    assert_true(str_eq(svix_sign(&arena, STR(SECRET), STR("msg_p5jXN8AQM9LWM0D4loKWxJek"),
                                 STR("1614265330"), STR("{\"test\": 2432232314}")),
                       STR("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")));
}

static void crm_2_both_secrets_sign_while_one_takes_the_others_place(void **state)
{
    struct http_request request = encode(SECRET, BEFORE);
    struct svix_headers headers = {header(&request, "webhook-id"),
                                   header(&request, "webhook-timestamp"),
                                   header(&request, "webhook-signature")};

    (void)state;
    assert_true(str_eq(headers.id, event().id));
    assert_true(str_eq(headers.timestamp, STR("1614265330")));
    assert_true(svix_verify(&arena, STR(SECRET), &headers, request.body, NOW));
    assert_true(svix_verify(&arena, STR(BEFORE), &headers, request.body, NOW));
    request = encode(SECRET, "");
    headers.signature = header(&request, "webhook-signature");
    assert_false(svix_verify(&arena, STR(BEFORE), &headers, request.body, NOW));
}

static void crm_2_what_is_no_object_or_no_secret_is_not_sent(void **state)
{
    struct event_out one = event();
    struct event_endpoint endpoint = {STR("https://crm.example/in"), STR("whsec_no"), STR_NONE};
    struct http_request request;
    struct err err = {0};

    (void)state;
    assert_false(event_out_encode(&arena, &one, &endpoint, NOW, &request, &err));
    endpoint.secret = STR(SECRET);
    one.data = STR("[1]");
    assert_false(event_out_encode(&arena, &one, &endpoint, NOW, &request, &err));
    assert_int_equal(err.code, ERR_BROKEN);
}

static void crm_2_only_2xx_is_success_and_410_the_end(void **state)
{
    static const struct {
        enum http_fate fate;
        int status;
        usec_t retry_after;
        enum event_fate means;
        usec_t hold;
    } cases[] = {
        {HTTP_ANSWERED, 200, 0,            EVENT_DELIVERED, 0           },
        {HTTP_ANSWERED, 299, 0,            EVENT_DELIVERED, 0           },
        {HTTP_ANSWERED, 301, 0,            EVENT_FAILED,    0           },
        {HTTP_ANSWERED, 307, 0,            EVENT_FAILED,    0           },
        {HTTP_ANSWERED, 400, 0,            EVENT_FAILED,    0           },
        {HTTP_ANSWERED, 410, 0,            EVENT_GONE,      0           },
        {HTTP_ANSWERED, 429, 0,            EVENT_FAILED,    -1          },
        {HTTP_ANSWERED, 503, USEC_PER_MIN, EVENT_FAILED,    USEC_PER_MIN},
        {HTTP_ANSWERED, 500, USEC_PER_MIN, EVENT_FAILED,    USEC_PER_MIN},
        {HTTP_UNKNOWN,  200, 0,            EVENT_FAILED,    0           },
        {HTTP_NOT_SENT, 0,   0,            EVENT_FAILED,    0           },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct http_answer answer = {.fate = cases[i].fate,
                                     .status = cases[i].status,
                                     .body = STR("what somebody said"),
                                     .retry_after = cases[i].retry_after};
        struct str reason = STR_NONE;
        usec_t hold;
        assert_int_equal(event_out_judge(&answer, &arena, &reason, &hold), cases[i].means);
        assert_int_equal(hold, cases[i].hold);
        assert_true(str_find(reason, STR("somebody")) == reason.len);
        assert_true((reason.len > 0) == (cases[i].means != EVENT_DELIVERED));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crm_2_an_event_is_a_cloud_event_that_our_own_door_would_read),
        cmocka_unit_test(crm_2_the_signature_is_that_of_standard_webhooks),
        cmocka_unit_test(crm_2_both_secrets_sign_while_one_takes_the_others_place),
        cmocka_unit_test(crm_2_what_is_no_object_or_no_secret_is_not_sent),
        cmocka_unit_test(crm_2_only_2xx_is_success_and_410_the_end),
    };
    struct err err = {0};

    if (!crypto_init(&err))
        return 1;
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
