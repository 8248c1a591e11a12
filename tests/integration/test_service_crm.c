/*
 * Events of a CRM through the whole service: signed, kept before they are answered, once, and
 * only by whoever may speak for the business.
 */
#include "bot/base/crypto.h"
#include "bot/loop/loop.h"
#include "tests/support/service.h"
#include "webhooks/svix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET   "whsec_cGFybGV5LXRlc3RzLW93bi1rZXktMDAxLXdpdGgtMzI="
#define BEFORE   "whsec_cGFybGV5LXRlc3RzLW9sZC1rZXktMDAxLXdpdGgtMzI="
#define STRANGER "whsec_c29tZWJvZHktZWxzZXMta2V5LXdpdGgtdGhpcnR5LXR3bw=="
#define SOURCE   "https://crm.lark.example"
#define WAIT     (60 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;

struct wish {
    const char *secret, *type, *method, *head; /* head: further lines, by '\n' */
    long shift;                                /* seconds that the stamp is off */
    bool svix;                                 /* the other names of the headers */
};

static char said[8192];

static size_t take(char *bytes, size_t size, size_t n, void *user)
{
    size_t len = strlen(said);

    (void)user;
    (void)snprintf(said + len, sizeof said - len, "%.*s", (int)(size * n), bytes);
    return size * n;
}

static struct curl_slist *add(struct curl_slist *list, const char *name, struct str value)
{
    return curl_slist_append(list, arena_format(&arena, "%s: %.*s", name, STR_ARG(value)).at);
}

static struct curl_slist *signature(const struct wish *wish, struct str body)
{
    const char *prefix = wish->svix ? "svix" : "webhook";
    struct str id = STR("msg_1"), secret = str_from(wish->secret ? wish->secret : SECRET);
    struct str at =
        arena_format(&arena, "%lld", (long long)(clock_now() / USEC_PER_SEC) + wish->shift);
    struct curl_slist *list = NULL;

    list = add(list, arena_format(&arena, "%s-id", prefix).at, id);
    list = add(list, arena_format(&arena, "%s-timestamp", prefix).at, at);
    return add(list, arena_format(&arena, "%s-signature", prefix).at,
               svix_sign(&arena, secret, id, at, body));
}

/* The answer's status; its body is in `said`. */
static long push_as(struct str body, struct wish wish)
{
    CURL *curl = curl_easy_init();
    struct str rest = str_from(wish.head), line;
    struct curl_slist *list = signature(&wish, body);
    long status = 0;

    list = add(list, "Content-Type",
               str_from(wish.type ? wish.type : "application/cloudevents-batch+json"));
    while (str_split(&rest, '\n', &line))
        list = curl_slist_append(list, arena_cstr(&arena, line));
    said[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_URL,
                     arena_format(&arena, "http://127.0.0.1:%d/v1/events", service.port).at);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    if (wish.method != NULL)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, wish.method);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    if (status == 503)
        service_show_log(&service);
    return status;
}

static long push(const char *body)
{
    return push_as(str_from(body), (struct wish){0});
}

/* An event; `data` is written with ' for ", so that it can be read. */
static const char *event_of(const char *source, const char *id, const char *type,
                            const char *more, const char *data)
{
    struct str text = arena_format(&arena,
                                   "{'specversion':'1.0','source':'%s','id':'%s','type':'%s',%s"
                                   "'data':%s}",
                                   source, id, type, more, data);
    for (size_t i = 0; i < text.len; i++)
        ((char *)text.at)[i] = (char)(text.at[i] == '\'' ? '"' : text.at[i]);
    return text.at;
}

#define EVENT(id, type, more, data) event_of(SOURCE, id, type, more, data)

static const char *order(const char *id, const char *version, const char *number,
                         const char *status)
{
    return EVENT(id, "order.upserted", arena_format(&arena, "'version':%s,", version).at,
                 arena_format(&arena,
                              "{'id':'o-%s','number':'%s','customer':'C-0001','status':'%s',"
                              "'placed_at':'2026-11-20T10:00:00Z','currency':'EUR',"
                              "'total':'25.50','items':[{'description':'Mug','qty':2,"
                              "'unit_price':'12.75','total':25.5}]}",
                              number, number, status)
                     .at);
}

static int set_up(void **state)
{
    (void)state;
    owner = owner_connect();
    service_start(&service, &(struct service_wish){
                                .workers = 2,
                                .more = "crm:\n  apps:\n    demo:\n      secret: " SECRET
                                        "\n      secret_before: " BEFORE
                                        "\n    other:\n      secret: " STRANGER "\n"});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

/* --- what is told ---------------------------------------------------------------------------
 */

static void crm_1_an_order_is_kept_before_the_answer_and_once(void **state)
{
    const char *event = order("e-1", "1", "CRM-1", "processing");

    (void)state;
    assert_int_equal(push(event), 200);
    assert_non_null(strstr(said, "\"kept\":1"));
    assert_int_equal(ask_number(owner, "select total_minor from orders where number = 'CRM-1'"),
                     2550);
    assert_int_equal(ask_number(owner, "select count(*) from order_items i join orders o using "
                                       "(org_id, order_id) where o.number = 'CRM-1'"),
                     1);
    assert_int_equal(push(event), 200);
    assert_non_null(strstr(said, "\"repeated\":1"));
    assert_int_equal(ask_number(owner,
                                "select count(*) from order_events e join orders o using "
                                "(org_id, order_id) where o.number = 'CRM-1'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from notices n join orders o using "
                                       "(org_id, order_id) where o.number = 'CRM-1'"),
                     1);
}

static void crm_1_the_newer_version_stands_whichever_comes_first(void **state)
{
    (void)state;
    assert_int_equal(push(order("v-3", "3", "CRM-2", "shipped")), 200);
    assert_int_equal(push(order("v-2", "2", "CRM-2", "processing")), 200);
    assert_non_null(strstr(said, "\"older\":1"));
    assert_int_equal(ask_number(owner, "select count(*) from orders where number = 'CRM-2' and "
                                       "status = 'shipped'"),
                     1);
}

static void crm_1_a_shipment_waits_for_its_order(void **state)
{
    (void)state;
    assert_int_equal(
        push(EVENT("t-1", "tracking.added", "",
                   "{'shipment':'s-9','status':'delivered','at':'2026-11-21T09:00:00Z'}")),
        200);
    assert_non_null(strstr(said, "\"waiting\":1"));
    assert_int_equal(push(EVENT("s-1", "shipment.upserted", "'version':1,",
                                "{'id':'s-9','order':'o-CRM-9','carrier':'ups',"
                                "'tracking_number':'1Z999AA10123456784','status':'in_transit',"
                                "'status_at':'2026-11-20T09:00:00Z'}")),
                     200);
    assert_non_null(strstr(said, "\"waiting\":1"));
    assert_int_equal(push(order("w-1", "1", "CRM-9", "shipped")), 200);
    assert_int_equal(ask_number(owner,
                                "select count(*) from shipments where external_id = 's-9' "
                                "and status = 'delivered'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from crm_waiting"), 0);
}

static void crm_1_who_is_wrong_is_told_where_and_the_rest_is_kept(void **state)
{
    struct str body = arena_format(
        &arena, "[%s,%s,%s]", order("b-1", "1", "CRM-11", "processing"),
        EVENT("b-2", "order.upserted", "'version':1,",
              "{'id':'o-12','number':'CRM-12','customer':'C-0001','status':'processing',"
              "'placed_at':'yesterday','currency':'EUR','total':'25.505',"
              "'items':[{'description':'Mug','qty':'two','unit_price':1,'total':1}]}"),
        order("b-3", "1", "CRM-13", "burnt"));

    (void)state;
    assert_int_equal(push(body.at), 422);
    assert_non_null(strstr(
        said, "{\"event\":1,\"path\":\"data.items[0].qty\",\"expected\":\"a "
              "number from 0 to 999999999 with at most 3 decimals\",\"got\":\"\\\"two\\\"\"}"));
    assert_non_null(strstr(said, "\"path\":\"data.placed_at\""));
    assert_non_null(strstr(said, "\"path\":\"data.total\""));
    assert_non_null(strstr(said, "\"event\":2,\"path\":\"data.status\",\"expected\":\"one of: "
                                 "processing, shipped, delivered, cancelled\""));
    assert_int_equal(
        ask_number(owner, "select count(*) from orders where number like 'CRM-1_'"), 1);
    assert_int_equal(push(order("b-3", "1", "CRM-13", "processing")), 200); /* mended */
    assert_non_null(strstr(said, "\"kept\":1"));
}

static void crm_1_a_blank_address_takes_away_what_was_on_record(void **state)
{
    static const char *const on_record =
        "select count(*) from customers left join customer_phones using (org_id, customer_id)"
        " where external_id = 'blank' and (email <> '' or phone is not null)";

    (void)state;
    assert_int_equal(push(EVENT("blank-1", "customer.upserted", "'version':1,",
                                "{'id':'blank','email':'b@blank.example',"
                                "'phones':['+48601000001']}")),
                     200);
    assert_int_equal(ask_number(owner, on_record), 1);
    assert_int_equal(push(EVENT("blank-2", "customer.upserted", "'version':2,",
                                "{'id':'blank','email':'','phones':['']}")),
                     200);
    assert_int_equal(ask_number(owner, on_record), 0);
}

static struct str customers(size_t n, size_t bad)
{
    struct str parts = STR("[");

    for (size_t i = 0; i < n; i++) {
        const char *id = arena_format(&arena, "many-%zu-%zu", n, i).at;
        const char *phone = i == bad ? "555" : arena_format(&arena, "+4860%07zu", i).at;
        parts = arena_concat(
            &arena, parts, i > 0 ? STR(",") : STR(""),
            str_from(EVENT(id, "customer.upserted", "'version':1,",
                           arena_format(&arena, "{'id':'%s','phones':['%s']}", id, phone).at)));
    }
    return arena_concat(&arena, parts, STR("]"));
}

static void crm_1_of_a_thousand_the_one_that_is_wrong_is_named(void **state)
{
    static const struct wish form = {.type = "application/x-www-form-urlencoded"};
    struct str thousand = customers(1000, 500);

    (void)state;
    assert_int_equal(push_as(thousand, (struct wish){0}), 422);
    assert_non_null(strstr(said, "{\"errors\":[{\"event\":500,\"path\":\"data.phones[0]\""));
    assert_non_null(strstr(said, "\"events\":1000,\"kept\":999,\"older\":0,\"repeated\":0"));
    assert_int_equal(
        ask_number(owner,
                   "select count(*) from customers where external_id like 'many-1000-%'"),
        999);
    assert_int_equal(push_as(customers(1000, 1000), (struct wish){0}), 200); /* mended */
    assert_non_null(strstr(said, "\"kept\":1,\"older\":0,\"repeated\":999"));
    assert_int_equal(push_as(customers(1001, 1001), (struct wish){0}), 422);
    assert_non_null(strstr(said, "at most 1000 events"));
    assert_int_equal(
        ask_number(owner,
                   "select count(*) from customers where external_id like 'many-1001-%'"),
        0);
    assert_int_equal(push_as(thousand, form), 415);
    assert_non_null(strstr(said, "application/cloudevents-batch+json"));
    assert_int_equal(push_as(STR("<event/>"), (struct wish){.type = "application/xml"}), 415);
    assert_int_equal(push_as(STR("[]"), (struct wish){0}), 200);
    assert_int_equal(push_as(STR(""), (struct wish){0}), 422);
}

/* A megabyte and more is an ordinary batch; over the limit it is told. */
static void crm_1_large_bodies_are_taken_up_to_a_limit_that_is_told(void **state)
{
    char *name = arena_alloc(&arena, (4 << 20) + 1);

    (void)state;
    memset(name, 'x', 4 << 20);
    name[4 << 20] = '\0';
    assert_int_equal(
        push(EVENT("big-1", "customer.upserted", "'version':1,",
                   arena_format(&arena, "{'id':'big','note':'%.*s'}", 2 << 20, name).at)),
        200);
    assert_int_equal(push(arena_format(&arena, "{\"x\":\"%s\"}", name).at), 413);
    assert_non_null(strstr(said, "at most 3145728 bytes"));
}

/* From the CRM's event to the customer's phone; events of one cause are one message. */
static void ntf_2_the_phone_hears_of_it(void **state)
{
    struct post post = {.body = post_text(&arena, "15550100001", "wamid.crm.1", "menu")};
    const char *now = "to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
    PGresult *rows = PQexec(owner, arena_format(&arena, "select %s", now).at);
    struct str at =
        arena_format(&arena, "'time':'%s','causeid':'packed',", PQgetvalue(rows, 0, 0));

    (void)state;
    PQclear(rows);
    run_sql(owner,
            "insert into customer_settings (org_id, customer_id, quiet)"
            " select org_id, customer_id, false from customers where external_id = 'C-0001'");
    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(
        push(EVENT("buzz-1", "order.upserted", at.at,
                   "{'id':'buzz','number':'BUZZ-1','customer':'C-0001','status':'processing',"
                   "'placed_at':'2026-11-20T10:00:00Z','currency':'EUR','total':'25.50'}")),
        200);
    assert_int_equal(push(EVENT("buzz-2", "shipment.upserted", at.at,
                                "{'id':'buzz','order':'buzz','carrier':'ups','tracking_number':"
                                "'1Z999AA10123456784','status':'picked_up'}")),
                     200);
    service_until(&service, owner,
                  "select count(*) from notices join orders using (org_id, order_id)"
                  " where number = 'BUZZ-1' and notices.state = 'told'",
                  2, WAIT);
    assert_int_equal(ask_number(owner,
                                "select count(distinct seq) from notices join orders using"
                                " (org_id, order_id) where number = 'BUZZ-1'"),
                     1);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    assert_int_equal(service_arrived(&service, "15550100001", "BUZZ-1"), 1);
}

#define INVOICE(id, number)                                                                    \
    arena_format(&arena,                                                                       \
                 "{'id':'" id "','number':'" number "','customer':'C-0001','issued_on':'%s',"  \
                 "'currency':'EUR','total':'12.75'}",                                          \
                 day.at)                                                                       \
        .at

/* Orders, deliveries and payments: three topics in one delivery, a fourth seconds later. */
static void ntf_2_one_cause_is_one_message_over_topics_and_deliveries(void **state)
{
    PGresult *rows = PQexec(owner, "select to_char(now() at time zone 'UTC', "
                                   "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), current_date");
    struct str at = arena_format(&arena, "'time':'%s','causeid':'desk-7',",
                                 PQgetvalue(rows, 0, 0)),
               day = arena_format(&arena, "%s", PQgetvalue(rows, 0, 1));
    struct str batch = arena_format(
        &arena, "[%s,%s,%s]",
        EVENT("one-1", "order.upserted", at.at,
              "{'id':'one','number':'ONE-1','customer':'C-0001','status':'processing',"
              "'placed_at':'2026-11-20T10:00:00Z','currency':'EUR','total':'25.50'}"),
        EVENT("one-2", "shipment.upserted", at.at,
              "{'id':'one','order':'one','carrier':'ups','tracking_number':"
              "'1Z999AA10123456799','status':'picked_up'}"),
        EVENT("one-3", "invoice.upserted", at.at, INVOICE("one", "ONE-INV-1")));

    (void)state;
    PQclear(rows);
    assert_int_equal(push(batch.at), 200);
    /* The five seconds that news of one cause is collected for, however slow this is. */
    run_sql(owner, "update notices set due_at = due_at + interval '1 minute' where cause = "
                   "'desk-7'");
    assert_int_equal(
        push(EVENT("one-4", "invoice.upserted", at.at, INVOICE("two", "ONE-INV-2"))), 200);
    assert_int_equal(
        ask_number(owner, "select count(distinct due_at) from notices where cause = 'desk-7'"),
        1);
    run_sql(owner, "update notices set due_at = now() where cause = 'desk-7'");
    service_until(&service, owner,
                  "select count(*) from notices where cause = 'desk-7' and state = 'told'", 4,
                  WAIT);
    assert_int_equal(
        ask_number(owner, "select count(distinct topic) from notices where cause = 'desk-7'"),
        3);
    assert_int_equal(ask_number(owner, "select count(distinct (conversation_id, seq)) from "
                                       "notices where cause = 'desk-7'"),
                     1);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    assert_int_equal(service_arrived(&service, "15550100001", "ONE-INV-1"), 1);
    assert_int_equal(service_arrived(&service, "15550100001", "ONE-INV-2"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where not inbound and "
                                       "body like '%ONE-INV-1%' and body like '%ONE-INV-2%' "
                                       "and body like '%ONE-1%'"),
                     1);
}

/* --- who may --------------------------------------------------------------------------------
 */

static void crm_1_forged_stale_and_foreign_are_refused(void **state)
{
    struct str body = str_from(order("f-1", "1", "CRM-F", "processing"));

    (void)state;
    assert_int_equal(push_as(body, (struct wish){.secret = "whsec_Zm9yZ2Vk"}), 401);
    assert_int_equal(push_as(body, (struct wish){.shift = -301}), 401);
    assert_int_equal(push_as(body, (struct wish){.shift = 301}), 401);
    assert_int_equal(push_as(body, (struct wish){.secret = STRANGER}), 422);
    assert_non_null(strstr(said, "\"path\":\"source\""));
    assert_int_equal(ask_number(owner, "select count(*) from orders where number = 'CRM-F'"),
                     0);
    assert_int_equal(push_as(body, (struct wish){.secret = BEFORE, .svix = true}), 200);
    assert_int_equal(ask_number(owner, "select count(*) from orders where number = 'CRM-F'"),
                     1);
}

/* Nobody reaches our own network by an event. */
static void ops_7_files_are_not_fetched_from_inside(void **state)
{
    static const char *const inside[] = {"https://127.0.0.1/a.png",
                                         "https://[::1]/a.png",
                                         "https://10.0.0.1:8443/a.png",
                                         "https://localhost/a",
                                         "https://169.254.169.254/latest/meta-data",
                                         "https://[::ffff:127.0.0.1]/a.png"};

    (void)state;
    assert_int_equal(push(order("in-0", "1", "CRM-IN", "processing")), 200);
    for (size_t i = 0; i < COUNTOF(inside); i++) {
        const char *id = arena_format(&arena, "in-%zu", i + 1).at;
        assert_int_equal(
            push(EVENT(id, "photo.added", "'version':1,",
                       arena_format(&arena,
                                    "{'id':'%s','order':'o-CRM-IN','category':'damage',"
                                    "'url':'%s'}",
                                    id, inside[i])
                           .at)),
            200);
    }
    service_until(&service, owner,
                  "select count(*) from documents where state = 'refused' and reason = "
                  "'address'",
                  (long)COUNTOF(inside), WAIT);
    assert_int_equal(ask_number(owner, "select count(*) from events_out where type = "
                                       "'file.refused' and data ->> 'reason' = 'address' and "
                                       "data ->> 'order' = 'o-CRM-IN'"),
                     (long)COUNTOF(inside));
    assert_true(service_logged(&service, "document.foreign_address") >= COUNTOF(inside));
}

static void crm_1_binary_mode_and_the_handshake(void **state)
{
    (void)state;
    assert_int_equal(
        push_as(STR("{\"id\":\"C-77\",\"name\":\"Zo\\u00eb\",\"phones\":[\"+15550177777\"]}"),
                (struct wish){.type = "application/json",
                              .head = "ce-specversion: 1.0\nce-id: bin%2D1\n"
                                      "ce-source: " SOURCE "\nce-type: customer.upserted\n"
                                      "ce-version: 4"}),
        200);
    assert_int_equal(ask_number(owner,
                                "select count(*) from customers join customer_phones using "
                                "(org_id, customer_id) where external_id = 'C-77'"),
                     1);
    assert_int_equal(
        push_as(STR(""), (struct wish){.method = "OPTIONS",
                                       .head = "WebHook-Request-Origin: a.example"}),
        200);
}

static void crm_1_sagepilot_is_understood_or_told_that_not(void **state)
{
    static const struct wish wish = {.type = "application/json"};

    (void)state;
    run_sql(owner, "insert into directory (kind, external_id, org_id, app) select 'crm',"
                   " 'sagepilot', org_id, 'demo' from businesses on conflict do nothing");
    assert_int_equal(push(order("pilot-1", "1", "PILOT-1", "shipped")), 200);
    assert_int_equal(
        push_as(STR("{\"event_type\":\"shipment_out_for_delivery\",\"source\":\"sagepilot\","
                    "\"payload\":{\"shipment_id\":77,\"order_id\":\"o-PILOT-1\",\"carrier\":"
                    "\"ups\",\"tracking_code\":\"1Z999AA10123456784\"}}"),
                wish),
        200);
    assert_int_equal(ask_number(owner,
                                "select count(*) from shipments where external_id = '77' "
                                "and status = 'out_for_delivery'"),
                     1);
    assert_int_equal(
        push_as(STR("{\"event_type\":\"refund_requested\",\"source\":\"sagepilot\","
                    "\"payload\":{\"note\":\"4111 1111 1111 1111\"}}"),
                wish),
        200);
    assert_non_null(strstr(said, "\"unknown\":\"refund_requested\""));
    assert_int_equal(ask_number(owner,
                                "select count(*) from unrouted where provider = 'crm' and "
                                "position('4111' in convert_from(body, 'UTF8')) = 0"),
                     1);
}

/* --- deaths ---------------------------------------------------------------------------------
 */

/* Killed at some moment after the request was sent: whatever was answered is there, and all of
 * it sent again ends in every order once. */
static void crm_1_what_is_killed_is_sent_again_and_counts_once(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        struct str body = STR("[");
        pid_t workers[4];
        size_t n;
        long status;
        for (int i = 0; i < 200; i++) {
            struct str number = arena_format(&arena, "KILL-%d-%d", round, i);
            body = arena_concat(&arena, body, i ? STR(",") : STR(""),
                                str_from(order(number.at, "1", number.at, "shipped")));
        }
        body = arena_concat(&arena, body, STR("]"));
        n = service_workers(&service, workers, COUNTOF(workers));
        pid_t killer = fork();
        if (killer == 0) {
            usleep((useconds_t)(8000 + 30000 * round));
            for (size_t i = 0; i < n; i++)
                (void)kill(workers[i], SIGKILL);
            _exit(0);
        }
        status = push_as(body, (struct wish){0});
        (void)waitpid(killer, NULL, 0);
        if (status == 200) {
            assert_int_equal(
                ask_number(
                    owner,
                    arena_format(&arena,
                                 "select count(*) from orders where number like 'KILL-%d-%%'",
                                 round)
                        .at),
                200);
        }
        for (int i = 0; i < 100 && push_as(body, (struct wish){0}) != 200; i++)
            usleep(100000);
        assert_int_equal(
            ask_number(owner,
                       arena_format(&arena,
                                    "select count(*) from orders join order_events using "
                                    "(org_id, order_id) where number like 'KILL-%d-%%'",
                                    round)
                           .at),
            200);
    }
}

/* --- from a file ----------------------------------------------------------------------------
 */

static int import_bytes(struct str lines, const char *option)
{
    const char *name = arena_format(&arena, "%s/import.ndjson", service.dir).at;
    char *words[] = {(char *)"import", (char *)name, (char *)option, NULL};
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(lines.at, 1, lines.len, file), lines.len);
    assert_int_equal(fclose(file), 0);
    return service_command(&service, words, said, sizeof said);
}

static int import(const char *lines, const char *option)
{
    return import_bytes(str_from(lines), option);
}

/* What was refused, as it stands in the file. */
static struct str refused_lines(void)
{
    static char text[2048];
    FILE *file = fopen(arena_format(&arena, "%s/import.ndjson.refused", service.dir).at, "r");

    assert_non_null(file);
    struct str lines = {text, fread(text, 1, sizeof text, file)};
    (void)fclose(file);
    return lines;
}

static const char *lines_of(const char *status, int n)
{
    struct str text = STR("");

    for (int i = 0; i < n; i++) {
        text = arena_concat(&arena, text,
                            str_from(order(arena_format(&arena, "imp-%d", i).at, "1",
                                           arena_format(&arena, "IMP-%d", i).at,
                                           i == 550 ? status : "shipped")),
                            STR("\n"));
    }
    return text.at;
}

static void crm_1_an_import_does_the_same_and_may_be_repeated(void **state)
{
    struct str refused;

    (void)state;
    assert_int_equal(import(lines_of("burnt", 603), NULL), 1);
    assert_int_equal(ask_number(owner, "select count(*) from orders where number like 'IMP-%'"),
                     602);
    assert_int_equal(ask_number(owner, "select count(*) from notices n join orders o using "
                                       "(org_id, order_id) where o.number like 'IMP-%'"),
                     0);
    refused = refused_lines();
    assert_true(str_starts(refused, STR("# {\"line\":551,\"path\":\"data.status\"")));
    assert_true(str_find(refused, STR("\n{\"specversion\"")) < refused.len);
    assert_int_equal(import(lines_of("shipped", 603), NULL), 0);
    assert_int_equal(ask_number(owner, "select count(*) from orders where number like 'IMP-%'"),
                     603);
}

static void crm_1_a_refused_line_is_kept_byte_by_byte(void **state)
{
    const struct str line = STR("{\"id\": \"a\0b\", \"end\": \"\xff\"}");

    (void)state;
    assert_int_equal(import_bytes(line, NULL), 1);
    struct str refused = refused_lines();
    size_t at = str_find(refused, STR("\n")) + 1;
    assert_true(
        str_eq(str_slice(refused, at, refused.len), arena_concat(&arena, line, STR("\n"))));
}

static void crm_1_refused_lines_that_cannot_be_kept_are_said(void **state)
{
    (void)state;
    assert_int_equal(import("no event\n", "--refused=/dev/full"), 1);
    assert_non_null(strstr(said, "/dev/full: No space left"));
}

static void crm_1_an_import_may_begin_with_a_byte_order_mark(void **state)
{
    (void)state;
    assert_int_equal(import(arena_format(&arena, "\xef\xbb\xbf%s\n",
                                         order("bom-1", "1", "BOM-1", "processing"))
                                .at,
                            NULL),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from orders where number = 'BOM-1'"),
                     1);
}

static void crm_1_an_import_tells_customers_when_it_is_asked_to(void **state)
{
    (void)state;
    assert_int_equal(import(arena_format(&arena, "# a remark\n\n%s\nno event\n",
                                         order("told-1", "1", "TOLD-1", "processing"))
                                .at,
                            "--tell"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from notices n join orders o using "
                                       "(org_id, order_id) where o.number = 'TOLD-1'"),
                     1);
}

/* What `parley sign` prints is what the door takes. */
static void crm_1_what_sign_prints_is_taken(void **state)
{
    const char *name = arena_format(&arena, "%s/signed.json", service.dir).at;
    const char *event = order("sig-1", "1", "SIG-1", "processing");
    FILE *file = fopen(name, "w");
    char line[2048];

    (void)state;
    assert_int_equal(fputs(event, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(line, sizeof line,
                   PARLEY_BUILD_DIR
                   "/parley --config %s/parley.yaml sign --app demo %s 2>/dev/null |"
                   " curl -sf -H @- -H 'Content-Type: application/cloudevents+json'"
                   " --data-binary @%s http://127.0.0.1:%d/v1/events >/dev/null",
                   service.dir, name, name, service.port);
    assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): our own words */
    assert_int_equal(ask_number(owner, "select count(*) from orders where number = 'SIG-1'"),
                     1);
}

static void crm_1_nothing_of_a_person_is_logged(void **state)
{
    (void)state;
    assert_int_equal(service_logged(&service, "15550177777"), 0);
    assert_int_equal(service_logged(&service, "Zo"), 0);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crm_1_an_order_is_kept_before_the_answer_and_once),
        cmocka_unit_test(crm_1_the_newer_version_stands_whichever_comes_first),
        cmocka_unit_test(crm_1_a_shipment_waits_for_its_order),
        cmocka_unit_test(crm_1_who_is_wrong_is_told_where_and_the_rest_is_kept),
        cmocka_unit_test(crm_1_a_blank_address_takes_away_what_was_on_record),
        cmocka_unit_test(crm_1_of_a_thousand_the_one_that_is_wrong_is_named),
        cmocka_unit_test(crm_1_large_bodies_are_taken_up_to_a_limit_that_is_told),
        cmocka_unit_test(ntf_2_the_phone_hears_of_it),
        cmocka_unit_test(ntf_2_one_cause_is_one_message_over_topics_and_deliveries),
        cmocka_unit_test(crm_1_forged_stale_and_foreign_are_refused),
        cmocka_unit_test(ops_7_files_are_not_fetched_from_inside),
        cmocka_unit_test(crm_1_binary_mode_and_the_handshake),
        cmocka_unit_test(crm_1_sagepilot_is_understood_or_told_that_not),
        cmocka_unit_test(crm_1_what_is_killed_is_sent_again_and_counts_once),
        cmocka_unit_test(crm_1_an_import_does_the_same_and_may_be_repeated),
        cmocka_unit_test(crm_1_a_refused_line_is_kept_byte_by_byte),
        cmocka_unit_test(crm_1_refused_lines_that_cannot_be_kept_are_said),
        cmocka_unit_test(crm_1_an_import_may_begin_with_a_byte_order_mark),
        cmocka_unit_test(crm_1_an_import_tells_customers_when_it_is_asked_to),
        cmocka_unit_test(crm_1_what_sign_prints_is_taken),
        cmocka_unit_test(crm_1_nothing_of_a_person_is_logged),
    };
    struct err err = {0};

    if (!crypto_init(&err))
        return 1;
    store_open();
    int failed = cmocka_run_group_tests(tests, set_up, tear_down);
    store_shut();
    return failed;
}
