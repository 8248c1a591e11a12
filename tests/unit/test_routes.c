/* Which address answers what, without a server: the answers are caught before HTTP. */
#include "bot/door/routes.h"

#include "bot/door/api.h"
#include "bot/door/intake.h"
#include "bot/turn/accounts.h"
#include "bot/view/link_files.h"
#include "bot/view/link_pages.h"
#include "bot/view/pay_pages.h"
#include "bot/view/short_link.h"
#include "bot/view/web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct {
    int status, n;
    struct str body;
    char type[64];
    bool sniffed, stored;
} replied;
static int n_deliveries, n_challenges, n_callbacks, n_messages;
static bool directory_read = true;
static unsigned db_open = 1;

void http_reply(struct http_exchange *exchange, int status, const char *type, struct str body,
                const char *const *headers)
{
    (void)exchange;
    replied.n++;
    replied.status = status;
    replied.body = body;
    (void)snprintf(replied.type, sizeof replied.type, "%s", type != NULL ? type : "");
    for (; headers != NULL && *headers != NULL; headers++) {
        replied.sniffed |= strcmp(*headers, "X-Content-Type-Options: nosniff") == 0;
        replied.stored |= strcmp(*headers, "Cache-Control: no-store") == 0;
    }
}

static bool outside;

bool http_is_from_outside(struct http_exchange *asked)
{
    (void)asked;
    return outside;
}

void intake_challenge(struct intake *intake, struct http_exchange *exchange)
{
    (void)intake;
    (void)exchange;
    n_challenges++;
}

void intake_delivery(struct intake *intake, struct http_exchange *exchange)
{
    (void)intake;
    (void)exchange;
    n_deliveries++;
}

void intake_twilio_message(struct intake *intake, struct http_exchange *exchange)
{
    (void)intake;
    (void)exchange;
    n_messages++;
}

void intake_twilio_status(struct intake *intake, struct http_exchange *exchange)
{
    (void)intake;
    (void)exchange;
    n_callbacks++;
}

static int n_mails, n_events, n_handshakes, n_payments, n_pages, n_api;
static struct str mail_address_given;

void intake_resend(struct intake *intake, struct http_exchange *exchange)
{
    (void)intake;
    (void)exchange;
    n_mails++;
}

void intake_crm(struct intake *intake, struct http_exchange *exchange)
{
    (void)intake;
    (void)exchange;
    n_events++;
}

void intake_crm_handshake(struct intake *intake, struct http_exchange *exchange)
{
    (void)intake;
    (void)exchange;
    n_handshakes++;
}

void intake_stripe(struct intake *intake, struct http_exchange *exchange)
{
    (void)intake;
    (void)exchange;
    n_payments++;
}

void pay_pages_done(struct worker *worker, struct http_exchange *exchange)
{
    (void)worker;
    (void)exchange;
    n_pages++;
}

void pay_pages_back(struct worker *worker, struct http_exchange *exchange)
{
    (void)worker;
    (void)exchange;
    n_pages++;
}

void intake_mail(struct intake *intake, struct http_exchange *exchange, struct str address)
{
    (void)intake;
    (void)exchange;
    mail_address_given = address;
    n_mails++;
}

void db_health(const struct db *db, struct db_health *health)
{
    (void)db;
    *health = (struct db_health){.open = db_open};
}

bool accounts_loaded(const struct accounts *accounts)
{
    (void)accounts;
    return directory_read;
}

static int n_links;
static struct str link_token;

void link_pages_tap(struct worker *worker, struct http_exchange *exchange, struct str token)
{
    (void)worker;
    (void)exchange;
    link_token = token;
    n_links++;
}

void link_pages_unsubscribe(struct worker *worker, struct http_exchange *exchange,
                            struct str token)
{
    link_pages_tap(worker, exchange, token);
}

void short_link_visit(struct worker *worker, struct http_exchange *exchange, struct str code)
{
    link_pages_tap(worker, exchange, code);
}

void link_files_visit(struct link_files *files, struct http_exchange *exchange,
                      struct str token)
{
    (void)files;
    link_pages_tap(NULL, exchange, token);
}

void web_visit(struct web *web, struct http_exchange *exchange, struct str path, bool json)
{
    (void)web, (void)json;
    link_pages_tap(NULL, exchange, path);
}

void api_handle(struct api *api, struct http_exchange *exchange)
{
    (void)api, (void)exchange;
    n_api++;
}

static struct config config;
static struct worker worker = {.config = &config};
static struct http_exchange exchange;

static void ask(const char *method, const char *path)
{
    memset(&replied, 0, sizeof replied);
    n_deliveries = n_challenges = n_callbacks = n_messages = n_links = n_mails = 0;
    n_events = n_handshakes = n_payments = n_pages = n_api = 0;
    exchange.method = method;
    exchange.path = str_from(path);
    routes_handle(&worker.routes, &exchange);
    assert_int_equal(replied.n + n_deliveries + n_challenges + n_callbacks + n_messages +
                         n_links + n_mails + n_events + n_handshakes + n_payments + n_pages +
                         n_api,
                     1); /* answered once */
}

static void deliveries_and_challenges_find_their_way(void **state)
{
    (void)state;
    ask("POST", "/webhooks/whatsapp");
    assert_int_equal(n_deliveries, 1);
    ask("GET", "/webhooks/whatsapp");
    assert_int_equal(n_challenges, 1);
    ask("POST", "/webhooks/twilio");
    assert_int_equal(n_messages, 1);
    ask("GET", "/webhooks/twilio");
    assert_int_equal(replied.status, 405);
    ask("POST", "/webhooks/twilio/status");
    assert_int_equal(n_callbacks, 1);
    ask("GET", "/webhooks/twilio/status");
    assert_int_equal(replied.status, 405);
}

static void ch_5_mail_finds_its_way_with_its_address(void **state)
{
    (void)state;
    ask("POST", "/webhooks/resend");
    assert_int_equal(n_mails, 1);
    ask("GET", "/webhooks/resend");
    assert_int_equal(replied.status, 405);
    ask("POST", "/webhooks/mail/support+x@in.shop.example");
    assert_int_equal(n_mails, 1);
    assert_true(str_eq(mail_address_given, STR("support+x@in.shop.example")));
    ask("GET", "/webhooks/mail/support@in.shop.example");
    assert_int_equal(replied.status, 405);
}

static void ch_6_a_link_finds_its_page_with_its_token(void **state)
{
    (void)state;
    ask("GET", "/t/abc");
    assert_int_equal(n_links, 1);
    assert_true(str_eq(link_token, STR("abc")));
    ask("POST", "/u/abc");
    assert_int_equal(n_links, 1);
    ask("GET", "/s/abc");
    assert_int_equal(n_links, 1);
    ask("DELETE", "/t/abc");
    assert_int_equal(replied.status, 405);
    ask("GET", "/t");
    assert_int_equal(replied.status, 404);
}

static void ops_3_a_living_process_says_so_even_without_a_database(void **state)
{
    (void)state;
    db_open = 0;
    ask("GET", "/healthz");
    assert_int_equal(replied.status, 200);
    db_open = 1;
}

static void ops_3_ready_means_that_a_delivery_would_be_taken(void **state)
{
    (void)state;
    struct err err = {0};

    assert_true(shared_create(1, &worker.shared, &err));
    ask("GET", "/readyz");
    assert_int_equal(replied.status, 200);
    db_open = 0;
    ask("GET", "/readyz");
    assert_int_equal(replied.status, 503);
    assert_true(str_eq(replied.body, STR("database unreachable\n")));
    db_open = 1;
    atomic_store(&worker.shared->unfit, true);
    ask("GET", "/readyz");
    assert_int_equal(replied.status, 503);
    assert_true(str_eq(replied.body, STR("database not migrated: `parley migrate`\n")));
    atomic_store(&worker.shared->unfit, false);
    directory_read = false;
    ask("GET", "/readyz");
    assert_int_equal(replied.status, 503);
    directory_read = true;
    worker.draining = true;
    ask("GET", "/readyz");
    assert_int_equal(replied.status, 503);
    assert_true(str_eq(replied.body, STR("stopping\n")));
    worker.draining = false;
}

static void ops_3_figures_are_those_of_all_workers_and_the_supervisor(void **state)
{
    (void)state;
    struct err err = {0};

    assert_true(shared_create(3, &worker.shared, &err));
    for (unsigned i = 0; i < 3; i++) {
        metrics_use(&worker.shared->workers[i].metrics);
        count(COUNT_TURNS, 2);
    }
    metrics_use(&worker.shared->supervisor);
    count(COUNT_WORKER_DEATHS, 5);
    ask("GET", "/metrics");
    metrics_use(NULL);
    assert_int_equal(replied.status, 200);
    assert_string_equal(replied.type, "text/plain; version=0.0.4");
    assert_true(str_find(replied.body, STR("\nparley_turns_total 6\n")) < replied.body.len);
    assert_true(str_find(replied.body, STR("\nparley_worker_deaths_total 5\n")) <
                replied.body.len);
    arena_finish(&exchange.arena);
}

/* However a proxy was led around: //metrics, /%6detrics, /metrics%0ahttp/1.1. */
static void ops_3_figures_are_not_for_the_internet(void **state)
{
    (void)state;
    struct err err = {0};

    assert_true(shared_create(1, &worker.shared, &err));
    outside = true;
    ask("GET", "/metrics");
    assert_int_equal(replied.status, 404);
    ask("HEAD", "/metrics");
    assert_int_equal(replied.status, 404);
    config.http.metrics_public = true;
    ask("GET", "/metrics");
    assert_int_equal(replied.status, 200);
    config.http.metrics_public = false;
    outside = false;
    ask("GET", "/metrics");
    assert_int_equal(replied.status, 200);
    arena_finish(&exchange.arena);
}

static void pay_8_stripe_posts_to_its_own_address_and_nobody_else_s(void **state)
{
    (void)state;
    ask("POST", "/api/webhooks/stripe");
    assert_int_equal(n_payments, 1);
    ask("GET", "/api/webhooks/stripe");
    assert_int_equal(replied.status, 405);
    ask("GET", "/pay/done");
    assert_int_equal(n_pages, 1);
    ask("GET", "/pay/back");
    assert_int_equal(n_pages, 1);
}

static void crm_1_events_have_a_door_and_a_handshake(void **state)
{
    (void)state;
    ask("POST", "/v1/events");
    assert_int_equal(n_events, 1);
    ask("OPTIONS", "/v1/events");
    assert_int_equal(n_handshakes, 1);
    ask("GET", "/v1/events");
    assert_int_equal(replied.status, 405);
}

static void what_else_is_below_v1_is_the_api(void **state)
{
    static const char *const paths[] = {"/v1/", "/v1/orders", "/v1/orders/ORD-1",
                                        "/v1/events/"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(paths); i++) {
        ask("PATCH", paths[i]);
        assert_int_equal(n_api, 1);
    }
    ask("GET", "/v1");
    assert_int_equal(replied.status, 404);
}

static void other_methods_are_405_and_other_paths_404(void **state)
{
    (void)state;
    static const char *const methods[] = {"PUT", "DELETE", "PATCH", "OPTIONS", "get", "POSTS"};
    static const char *const paths[] = {
        "",           "/",          "/webhooks", "/webhooks/",          "/metrics/",
        "/Metrics",   "/healthz/x", "//healthz", "/webhooks/whatsapp/", "/webhooks/whatsap",
        "/../metrics"};

    for (size_t i = 0; i < COUNTOF(methods); i++) {
        ask(methods[i], "/webhooks/whatsapp");
        assert_int_equal(replied.status, 405);
    }
    ask("POST", "/metrics");
    assert_int_equal(replied.status, 405);
    for (size_t i = 0; i < COUNTOF(paths); i++) {
        ask("GET", paths[i]);
        assert_int_equal(replied.status, 404);
        assert_int_equal(replied.body.len, 0); /* never an echo of what was asked */
    }
}

static void head_is_answered_as_get(void **state)
{
    (void)state;
    ask("HEAD", "/healthz");
    assert_int_equal(replied.status, 200);
    ask("HEAD", "/nowhere");
    assert_int_equal(replied.status, 404);
}

static void no_answer_is_kept_or_guessed_at(void **state)
{
    (void)state;
    static const char *const paths[] = {"/healthz", "/readyz", "/nowhere"};

    for (size_t i = 0; i < COUNTOF(paths); i++) {
        ask("GET", paths[i]);
        assert_true(replied.sniffed && replied.stored);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deliveries_and_challenges_find_their_way),
        cmocka_unit_test(ch_5_mail_finds_its_way_with_its_address),
        cmocka_unit_test(ch_6_a_link_finds_its_page_with_its_token),
        cmocka_unit_test(ops_3_a_living_process_says_so_even_without_a_database),
        cmocka_unit_test(ops_3_ready_means_that_a_delivery_would_be_taken),
        cmocka_unit_test(ops_3_figures_are_not_for_the_internet),
        cmocka_unit_test(ops_3_figures_are_those_of_all_workers_and_the_supervisor),
        cmocka_unit_test(pay_8_stripe_posts_to_its_own_address_and_nobody_else_s),
        cmocka_unit_test(crm_1_events_have_a_door_and_a_handshake),
        cmocka_unit_test(what_else_is_below_v1_is_the_api),
        cmocka_unit_test(other_methods_are_405_and_other_paths_404),
        cmocka_unit_test(head_is_answered_as_get),
        cmocka_unit_test(no_answer_is_kept_or_guessed_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
