/*
 * Paying through the running service, with the sandbox as Stripe: what the customer hears
 * stands in the sandbox's journal, what is owed on the ledger, what was asked in the sandbox's
 * books.
 */
#include "bot/base/crypto.h"
#include "tests/support/service.h"
#include "webhooks/stripe.h"

#include <curl/curl.h>
#include <jansson.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define AMELIA "15550100001"
#define LIMIT  (20 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;

static char text[4000];
#define FORMAT(...) (snprintf(text, sizeof(text), __VA_ARGS__), text)

static void until(const char *sql, long number)
{
    service_until(&service, owner, sql, number, LIMIT);
}

static void say(const char *words)
{
    static unsigned n;
    struct post post = {
        .body = post_text(&arena, AMELIA, arena_format(&arena, "wamid.p.%u", ++n).at, words)};

    service_post(&service, &post, 1, 1, LIMIT);
    assert_int_equal(post.status, 200);
    until("select count(*) from outbox", 0);
}

/* --- the sandbox's Stripe ----------------------------------------------------------------- */

static size_t gather(const char *bytes, size_t size, size_t n, void *context)
{
    struct str *all = context;

    *all = arena_concat(&arena, *all, ((struct str){bytes, size * n}));
    return size * n;
}

/* The status; what came back is in `said`. */
static long ask_http(const char *url, const char *body, const char *header, struct str *said)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = header ? curl_slist_append(NULL, header) : NULL;
    long status = 0;

    *said = STR_NONE;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, gather);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, said);
    if (body)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    if (headers)
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}

/* What the sandbox's books say, after a wish (NULL: none). */
static json_t *stripe(const char *wish)
{
    struct str said;
    const char *url =
        arena_format(&arena, "http://127.0.0.1:%d/control/stripe", service.sandbox_port).at;

    assert_int_equal(ask_http(url, wish, wish ? "Content-Type: application/json" : NULL, &said),
                     200);
    return json_loadb(said.at, said.len, 0, NULL);
}

static void wish(const char *what)
{
    json_decref(stripe(what));
}

static long books(const char *member)
{
    json_t *all = stripe(NULL);
    const json_t *value = json_object_get(all, member);
    long n =
        json_is_object(value) ? (long)json_object_size(value) : (long)json_integer_value(value);

    json_decref(all);
    return n;
}

static void books_until(const char *member, long number)
{
    for (int i = 0; i < 400 && books(member) != number; i++)
        (void)poll(NULL, 0, 50);
    if (books(member) != number) {
        service_show_log(&service);
        fail_msg("%s is %ld, not %ld", member, books(member), number);
    }
}

/* What the published description does not have. */
static long undescribed(void)
{
    struct str said;
    json_t *all;
    long n;

    (void)ask_http(
        arena_format(&arena, "http://127.0.0.1:%d/control/violations", service.sandbox_port).at,
        NULL, NULL, &said);
    all = json_loadb(said.at, said.len, 0, NULL);
    n = (long)json_integer_value(json_object_get(all, "undescribed"));
    json_decref(all);
    return n;
}

/* The link that the customer has for this invoice. */
static const char *session_of(const char *number)
{
    PGresult *rows;
    const char *id;

    until(FORMAT("select count(*) from checkouts c join invoices i using (org_id, invoice_id) "
                 "where number = '%s' and c.state = 'open' and not c.dropped",
                 number),
          1);
    rows = PQexec(owner, FORMAT("select session_id from checkouts c join invoices i using "
                                "(org_id, invoice_id) where number = '%s' and c.state = 'open'",
                                number));
    id = arena_cstr(&arena, str_from(PQgetvalue(rows, 0, 0)));
    PQclear(rows);
    return id;
}

static void act(const char *session, const char *what)
{
    wish(arena_format(&arena, "{\"session\":\"%s\",\"act\":\"%s\"}", session, what).at);
}

static void told(const char *words, size_t times)
{
    for (int i = 0; i < 400 && service_arrived(&service, AMELIA, words) < times; i++)
        (void)poll(NULL, 0, 50);
    if (service_arrived(&service, AMELIA, words) != times) {
        service_show_log(&service);
        fail_msg("\"%s\" was told %zu times, not %zu", words,
                 service_arrived(&service, AMELIA, words), times);
    }
}

static long stands(const char *number, const char *column)
{
    return ask_number(owner, FORMAT("select s.%s from invoices i, invoice_stands(i.org_id, "
                                    "i.invoice_id, current_date) s where i.number = '%s'",
                                    column, number));
}

/* An invoice of hers over so many cents. */
static void invoice(const char *number, long total)
{
    run_sql(owner,
            FORMAT("select set_config('parley.org_id', org_id::text, false) from businesses; "
                   "select invoice_put(org_id, customer_id, null, '%s', null, current_date, "
                   "current_date + 9, 'USD', %ld, 0, 0, %ld, '', null, false, 'test', now()) "
                   "from customer_phones where phone = '+" AMELIA "'",
                   number, total, total));
}

static void ask_for_link(const char *number)
{
    say(arena_format(&arena, "pay %s", number).at);
    say("yes");
}

static int set_up(void **state)
{
    (void)state;
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2, .sms = true});
    nobody_sleeps(owner);
    say("hi");
    run_sql(owner, "update conversations set verified_until = now() + interval '29 minutes'");
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

/* --- the whole way ------------------------------------------------------------------------ */

static void pay_2_a_link_is_made_told_paid_by_and_told_once(void **state)
{
    const char *session;

    (void)state;
    invoice("INV-9001", 4200);
    ask_for_link("INV-9001");
    session = session_of("INV-9001");
    told("Here you can pay $42.00 for invoice INV-9001", 1);
    wish("{\"hold\":true}");
    act(session, "pay");
    wish("{\"release\":\"as_is\",\"times\":3}");
    told("Payment of $42.00 processed successfully, for invoice INV-9001", 1);
    books_until("telling", 0);
    assert_int_equal(stands("INV-9001", "outstanding"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from events_out where type = "
                                       "'payment.made'"),
                     1);
    assert_int_equal(books("findings"), 0);
    assert_int_equal(service_findings(&service), 0);
    assert_int_equal(undescribed(), 0); /* by ../shared, where that is */
    say("pay INV-9001");
    told("Payment already processed", 1);
}

static void pay_2_a_lost_answer_makes_no_second_link(void **state)
{
    long sessions = books("sessions");

    (void)state;
    invoice("INV-9002", 4300);
    wish("{\"fail\":2,\"http\":0}");
    ask_for_link("INV-9002");
    (void)session_of("INV-9002");
    told("Here you can pay $43.00 for invoice INV-9002", 1);
    assert_int_equal(books("sessions"), sessions + 1);
    assert_true(books("replayed") >= 2);
}

static void pay_2_a_worker_that_dies_meanwhile_is_made_up_for(void **state)
{
    long sessions = books("sessions");
    pid_t workers[4];
    size_t n;

    (void)state;
    invoice("INV-9003", 4400);
    say("pay INV-9003");
    assert_int_equal(kill(service.sandbox, SIGSTOP), 0);
    struct post post = {.body = post_text(&arena, AMELIA, "wamid.dies", "yes")};
    service_post(&service, &post, 1, 1, LIMIT);
    until("select count(*) from checkouts where attempts > 0 and state = 'wanted'", 1);
    n = service_workers(&service, workers, COUNTOF(workers));
    for (size_t i = 0; i < n; i++)
        (void)kill(workers[i], SIGKILL);
    assert_int_equal(kill(service.sandbox, SIGCONT), 0);
    (void)session_of("INV-9003");
    told("Here you can pay $44.00 for invoice INV-9003", 1);
    assert_int_equal(books("sessions"), sessions + 1);
    act(session_of("INV-9003"), "pay");
    told("Payment of $44.00 processed", 1);
}

static void pay_3_a_bank_takes_its_time_and_the_order_of_news_does_not_matter(void **state)
{
    const char *session;

    (void)state;
    invoice("INV-9004", 4500);
    ask_for_link("INV-9004");
    session = session_of("INV-9004");
    act(session, "bank");
    until("select count(*) from checkouts where state = 'processing' and minor = 4500", 1);
    say("pay INV-9004");
    told("Your payment is being processed", 1);
    wish("{\"hold\":true}");
    act(session, "settle");
    json_t *all = stripe(NULL);
    const char *id;
    json_t *payment, *payments = json_object_get(all, "payments");
    json_object_foreach(payments, id, payment)
    {
        if (json_integer_value(json_object_get(payment, "amount")) == 4500) {
            wish(arena_format(&arena, "{\"refund\":\"%s\",\"amount\":1500}", id).at);
        }
    }
    json_decref(all);
    wish("{\"release\":\"backwards\",\"times\":2}"); /* the refund before its payment */
    told("Payment of $45.00 processed", 1);
    told("$15.00 is on its way back to you", 1);
    books_until("telling", 0);
    assert_int_equal(stands("INV-9004", "paid"), 3000);
    assert_int_equal(stands("INV-9004", "outstanding"), 0); /* given back, not owed again */
    assert_int_equal(ask_number(owner, "select count(*) from stripe_early"), 0);
}

static void pay_9_a_declined_card_and_a_bank_that_says_no_are_told(void **state)
{
    (void)state;
    invoice("INV-9005", 4600);
    ask_for_link("INV-9005");
    act(session_of("INV-9005"), "fail");
    told("Payment failed: there was not enough money in the account", 1);
    act(session_of("INV-9005"), "bank");
    until("select count(*) from checkouts where state = 'processing' and minor = 4600", 1);
    PGresult *rows = PQexec(owner, "select session_id from checkouts where minor = 4600");
    act(arena_cstr(&arena, str_from(PQgetvalue(rows, 0, 0))), "bounce");
    PQclear(rows);
    told("Payment failed: the bank debit did not go through", 1);
    assert_int_equal(stands("INV-9005", "outstanding"), 4600);
}

static void pay_2_an_expired_link_is_told_kindly_and_a_new_one_offered(void **state)
{
    (void)state;
    invoice("INV-9006", 4700);
    ask_for_link("INV-9006");
    told("Here you can pay $47.00 for invoice INV-9006", 1); /* a dead link is not told of */
    act(session_of("INV-9006"), "expire");
    told("The payment link for invoice INV-9006 has expired", 1);
    say("1");
    say("yes");
    (void)session_of("INV-9006");
    told("Here you can pay $47.00 for invoice INV-9006", 2);
}

static void pay_2_what_no_event_tells_is_found_by_looking(void **state)
{
    const char *session;

    (void)state;
    invoice("INV-9000", 4100);
    ask_for_link("INV-9000");
    session = session_of("INV-9000");
    wish("{\"hold\":true}");
    act(session, "pay");
    run_sql(owner, "update checkouts set due_at = now() where minor = 4100");
    told("Payment of $41.00 processed", 1);
    wish("{\"release\":\"as_is\",\"times\":1}"); /* and then the event comes after all */
    books_until("telling", 0);
    told("Payment of $41.00 processed", 1);
    assert_int_equal(stands("INV-9000", "outstanding"), 0);
}

/* And the sandbox keeps what it is: else tests that kill it would prove nothing about money. */
static void pay_3_a_stripe_that_is_killed_meanwhile_knows_all_and_tells_it_once(void **state)
{
    const char *session;
    long sessions = books("sessions"), payments;

    (void)state;
    invoice("INV-9010", 5100);
    wish("{\"fail\":1,\"http\":0}"); /* the link is made, and nobody learns of it */
    ask_for_link("INV-9010");
    service_sandbox_again(&service);
    session = session_of("INV-9010");
    assert_int_equal(books("sessions"), sessions + 1);
    payments = books("payments");
    wish("{\"hold\":true}");
    act(session, "pay");
    service_sandbox_again(&service);
    assert_int_equal(books("payments"), payments + 1);
    assert_int_equal(books("held"), 1);
    assert_int_equal(kill(service.pid, SIGSTOP), 0);
    pid_t workers[4];
    size_t n = service_workers(&service, workers, COUNTOF(workers));
    for (size_t i = 0; i < n; i++)
        assert_int_equal(kill(workers[i], SIGSTOP), 0);
    wish("{\"release\":\"as_is\",\"times\":2}");
    service_sandbox_again(&service);
    assert_int_equal(books("telling"), 2);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(kill(workers[i], SIGCONT), 0);
    assert_int_equal(kill(service.pid, SIGCONT), 0);
    told("Payment of $51.00 processed", 1);
    books_until("telling", 0);
    service_sandbox_again(&service);
    assert_int_equal(books("telling"), 0);
    assert_int_equal(stands("INV-9010", "outstanding"), 0);
}

static void pay_2_another_wish_closes_the_older_link_first(void **state)
{
    (void)state;
    invoice("INV-9007", 4800);
    say("pay INV-9007");
    say("2");
    say("10");
    say("yes");
    told("Here you can pay $10.00 for invoice INV-9007", 1);
    ask_for_link("INV-9007");
    told("Here you can pay $48.00 for invoice INV-9007", 1);
    assert_int_equal(ask_number(owner, "select count(*) from checkouts where minor = 1000 and "
                                       "state = 'expired'"),
                     1);
    told("The payment link for invoice INV-9007 has expired", 0);
}

static void pay_2_what_stripe_refuses_is_told_for_what_it_is(void **state)
{
    (void)state;
    invoice("INV-9008", 4900);
    wish("{\"fail\":1,\"http\":402}");
    ask_for_link("INV-9008");
    told("Invoice INV-9008 can't be paid by link", 1);
    wish("{\"fail\":3,\"http\":500}"); /* and this passes */
    ask_for_link("INV-9008");
    (void)session_of("INV-9008");
    told("Here you can pay $49.00 for invoice INV-9008", 1);
}

/* --- never twice -------------------------------------------------------------------------- */

static long sum(const char *number, const char *kind)
{
    return ask_number(
        owner, FORMAT("select coalesce(sum(minor), 0) from ledger l join invoices i using "
                      "(org_id, invoice_id) where number = '%s' and kind like '%s'",
                      number, kind));
}

/* What the CRM says: all that was paid by other ways than ours. */
static void paid_elsewhere(const char *number, long minor)
{
    run_sql(owner,
            FORMAT("begin; select set_config('parley.org_id', org_id::text, true) from "
                   "businesses; select invoice_paid_elsewhere(org_id, invoice_id, %ld, "
                   "gen_random_uuid()::text, now()) from invoices where number = '%s'; commit",
                   minor, number));
}

static void pay_2_a_yes_that_is_tapped_twice_makes_one_link(void **state)
{
    long sessions = books("sessions");
    struct post posts[2];

    (void)state;
    invoice("INV-9011", 5200);
    say("pay INV-9011");
    posts[0] = (struct post){.body = post_text(&arena, AMELIA, "wamid.tap.1", "yes")};
    posts[1] = (struct post){.body = post_text(&arena, AMELIA, "wamid.tap.2", "yes")};
    service_post(&service, posts, 2, 2, LIMIT);
    (void)session_of("INV-9011");
    told("Here you can pay $52.00 for invoice INV-9011", 1);
    ask_for_link("INV-9011"); /* and asked for once more it is the same */
    told("Here you can pay $52.00 for invoice INV-9011", 2);
    assert_int_equal(books("sessions"), sessions + 1);
}

/* A page that is open in two tabs: the second one comes too late. */
static void pay_2_a_link_that_is_opened_twice_is_paid_once(void **state)
{
    struct str page;
    const char *url;

    (void)state;
    url = arena_format(&arena, "http://127.0.0.1:%d/c/pay/%s", service.sandbox_port,
                       session_of("INV-9011"))
              .at;
    assert_int_equal(ask_http(url, NULL, NULL, &page), 200);
    assert_int_equal(ask_http(url, "act=pay", NULL, &page), 303);
    assert_int_equal(ask_http(url, "act=pay", NULL, &page), 409);
    told("Payment of $52.00 processed", 1);
    books_until("telling", 0);
    assert_int_equal(sum("INV-9011", "payment"), -5200);
    assert_int_equal(stands("INV-9011", "outstanding"), 0);
}

static void pay_2_a_link_of_yesterday_ends_when_the_invoice_is_paid_otherwise(void **state)
{
    struct str page;
    const char *session;
    size_t paid = service_arrived(&service, AMELIA, "Payment already processed");

    (void)state;
    invoice("INV-9012", 5300);
    ask_for_link("INV-9012");
    session = session_of("INV-9012");
    paid_elsewhere("INV-9012", 5300);
    until("select count(*) from checkouts where minor = 5300 and state = 'expired'", 1);
    assert_int_equal(ask_http(arena_format(&arena, "http://127.0.0.1:%d/c/pay/%s",
                                           service.sandbox_port, session)
                                  .at,
                              "act=pay", NULL, &page),
                     409);
    say("pay INV-9012");
    told("Payment already processed", paid + 1);
    told("The payment link for invoice INV-9012 has expired", 0);
    assert_int_equal(sum("INV-9012", "%"), 0);
    assert_int_equal(sum("INV-9012", "payment"), 0);
}

/* A part that came otherwise leaves what is left, and a link for just that. */
static void pay_2_what_was_paid_in_part_otherwise_is_not_asked_for_again(void **state)
{
    (void)state;
    invoice("INV-9013", 5400);
    ask_for_link("INV-9013");
    (void)session_of("INV-9013");
    paid_elsewhere("INV-9013", 1400);
    until("select count(*) from checkouts where minor = 5400 and state = 'expired'", 1);
    ask_for_link("INV-9013");
    told("Here you can pay $40.00 for invoice INV-9013", 1);
    act(session_of("INV-9013"), "pay");
    told("Payment of $40.00 processed", 1);
    assert_int_equal(stands("INV-9013", "outstanding"), 0);
    paid_elsewhere("INV-9013", 0); /* it did not hold */
    assert_int_equal(stands("INV-9013", "outstanding"), 1400);
}

/* Both at the same moment: the money has come twice, and goes back once. */
static void pay_2_a_link_that_is_paid_while_it_is_closed_is_paid_back(void **state)
{
    const char *session;

    (void)state;
    invoice("INV-9014", 5500);
    ask_for_link("INV-9014");
    session = session_of("INV-9014");
    wish("{\"hold\":true}");
    act(session, "pay");
    paid_elsewhere("INV-9014", 5500);
    told("$55.00 is on its way back to you, for invoice INV-9014", 1);
    wish("{\"release\":\"backwards\",\"times\":2}");
    books_until("telling", 0);
    told("$55.00 is on its way back to you, for invoice INV-9014", 1);
    assert_int_equal(sum("INV-9014", "payment"), -5500);
    assert_int_equal(sum("INV-9014", "refund"), 5500);
    assert_int_equal(stands("INV-9014", "outstanding"), 0);
}

static void pay_2_a_link_asked_for_on_two_channels_at_once_is_one_and_told_on_both(void **state)
{
    long sessions = books("sessions");
    struct post posts[2];

    (void)state;
    invoice("INV-9015", 5600);
    say("pay INV-9015");
    posts[0] = (struct post){.sms = true,
                             .body = post_sms(&arena, "+" AMELIA, "SMp1", "pay INV-9015", "")};
    service_post(&service, posts, 1, 1, LIMIT);
    run_sql(owner, "update conversations set verified_until = now() + interval '29 minutes'");
    posts[0] = (struct post){.sms = true,
                             .body = post_sms(&arena, "+" AMELIA, "SMp2", "pay INV-9015", "")};
    service_post(&service, posts, 1, 1, LIMIT);
    until("select count(*) from outbox", 0);
    assert_int_equal(kill(service.sandbox, SIGSTOP), 0);
    posts[0] =
        (struct post){.sms = true, .body = post_sms(&arena, "+" AMELIA, "SMp3", "yes", "")};
    posts[1] = (struct post){.body = post_text(&arena, AMELIA, "wamid.both", "yes")};
    service_post(&service, posts, 2, 2, LIMIT);
    until("select count(*) from checkouts where minor = 5600 and cardinality(also) = 1", 1);
    assert_int_equal(kill(service.sandbox, SIGCONT), 0);
    told("Here you can pay $56.00 for invoice INV-9015", 2);
    assert_int_equal(books("sessions"), sessions + 1);
    until("select count(*) from checkouts where to_tell is not null or untold <> '{}'", 0);
}

/* Made while a person has taken the conversation: it is told when that one gives it back. */
static void pay_2_a_link_that_is_made_while_a_person_is_there_is_told_afterwards(void **state)
{
    struct post post = {.body = post_text(&arena, AMELIA, "wamid.held.1", "yes")};
    char heard[1024], id[UUID_TEXT_LEN + 1];

    (void)state;
    invoice("INV-9016", 5700);
    say("pay INV-9016");
    assert_int_equal(kill(service.sandbox, SIGSTOP), 0);
    service_post(&service, &post, 1, 1, LIMIT);
    post = (struct post){.body = post_text(&arena, AMELIA, "wamid.held.2", "human")};
    service_post(&service, &post, 1, 1, LIMIT);
    until("select count(*) from handoffs where state <> 'done'", 1);
    assert_int_equal(kill(service.sandbox, SIGCONT), 0);
    until("select count(*) from checkouts where minor = 5700 and state = 'open'", 1);
    until("select count(*) from jobs where name = 'notice.pay_link'", 0);
    until("select count(*) from outbox", 0);
    told("Here you can pay $57.00 for invoice INV-9016", 0);
    PGresult *rows = PQexec(owner, "select handoff_id from handoffs where state <> 'done'");
    (void)snprintf(id, sizeof id, "%s", PQgetvalue(rows, 0, 0));
    PQclear(rows);
    char *words[] = {"handoff", "release", id, NULL};
    assert_int_equal(service_command(&service, words, heard, sizeof heard), 0);
    until("select count(*) from handoffs where state <> 'done'", 0);
    told("Here you can pay $57.00 for invoice INV-9016", 1);
}

/* --- the own page ------------------------------------------------------------------------- */

/* By SMS in few letters; of them the database has a hash only. */
static void otp_7_the_link_to_the_own_page_is_short_where_letters_cost(void **state)
{
    const char *before = arena_format(&arena, "http://127.0.0.1:%d/s/", service.port).at;
    size_t others = service_arrived(&service, AMELIA, before);
    struct post post = {.sms = true,
                        .body = post_sms(&arena, "+" AMELIA, "SMp9", "my page", "")};
    char said[1 << 14];

    (void)state;
    run_sql(owner, "update conversations set verified_until = now() + interval '29 minutes'");
    service_post(&service, &post, 1, 1, LIMIT);
    assert_int_equal(post.status, 200);
    until("select count(*) from outbox", 0);
    told(before, others + 1);
    assert_int_equal(service_arrived(&service, AMELIA, "/customer/"), 0);
    service_last(&service, AMELIA, before, said, sizeof said);
    char *path = strstr(said, "/s/");
    path[strcspn(path, " \"\\\n")] = '\0';
    assert_int_equal(strlen(path), strlen("/s/") + 18);
    assert_int_equal(service_get(&service, path), 302);
    path[6] = path[6] == 'x' ? 'y' : 'x';
    assert_int_equal(service_get(&service, path), 404);
}

/* --- money that goes back ----------------------------------------------------------------- */

static void can_4_an_approved_cancellation_is_paid_back_once_through_deaths(void **state)
{
    pid_t workers[4];
    size_t n;

    (void)state;
    run_sql(owner, "delete from cancellation_rules; insert into cancellation_rules (org_id, "
                   "position, rule_id, effect) select org_id, 1, 'all', 'approve' from "
                   "businesses");
    run_sql(owner, "select set_config('parley.org_id', org_id::text, false) from businesses; "
                   "select invoice_put(org_id, customer_id, null, 'INV-9009', order_id, "
                   "current_date, null, 'USD', 5000, 0, 0, 5000, '', null, false, 'x', now()) "
                   "from orders where number = 'ORD-1002'");
    ask_for_link("INV-9009");
    act(session_of("INV-9009"), "pay");
    told("Payment of $50.00 processed", 1);
    assert_int_equal(ask_number(owner, "select paid_minor from orders where number = "
                                       "'ORD-1002'"),
                     5000);
    say("cancel ORD-1002");
    say("1");
    say("skip");
    assert_int_equal(kill(service.sandbox, SIGSTOP), 0);
    struct post post = {.body = post_text(&arena, AMELIA, "wamid.back", "yes")};
    service_post(&service, &post, 1, 1, LIMIT);
    until("select count(*) from refunds where attempts > 0 and state = 'wanted'", 1);
    n = service_workers(&service, workers, COUNTOF(workers));
    for (size_t i = 0; i < n; i++)
        (void)kill(workers[i], SIGKILL);
    assert_int_equal(kill(service.sandbox, SIGCONT), 0);
    until("select count(*) from cancellations where status = 'refunded'", 1);
    told("$50.00 is on its way back to you, for invoice INV-9009", 1);
    books_until("telling", 0);
    assert_int_equal(ask_number(owner, "select count(*) from refunds where cancellation_id is "
                                       "not null and state = 'succeeded'"),
                     1);
    assert_int_equal(stands("INV-9009", "outstanding"), 0);
    assert_int_equal(ask_number(owner, "select paid_minor from orders where number = "
                                       "'ORD-1002'"),
                     0);
}

/* --- the door ----------------------------------------------------------------------------- */

static long knock(const char *secret, const char *body, int64_t ago)
{
    struct str said, header = stripe_sign(&arena, str_from(secret),
                                          clock_now() / USEC_PER_SEC - ago, str_from(body));
    const char *url =
        arena_format(&arena, "http://127.0.0.1:%d/api/webhooks/stripe", service.port).at;

    return ask_http(url, body,
                    arena_format(&arena, "Stripe-Signature: %.*s", STR_ARG(header)).at, &said);
}

static void pay_8_forged_stale_and_foreign_events_change_nothing(void **state)
{
    const char *body =
        arena_format(&arena,
                     "{\"id\":\"evt_x\",\"object\":\"event\",\"livemode\":%s,\"type\":"
                     "\"checkout.session.completed\",\"data\":{\"object\":{\"id\":\"cs_x\","
                     "\"payment_status\":\"paid\",\"status\":\"complete\",\"amount_total\":"
                     "4800,\"currency\":\"usd\",\"payment_intent\":\"pi_x\",\"metadata\":{"
                     "\"parley_org\":\"0192ffff-4000-7000-8000-0000000000b0\","
                     "\"parley_checkout\":\"0192ffff-4000-7000-8000-0000000000b0\"}}}}",
                     "false")
            .at;
    long before = ask_number(owner, "select count(*) from ledger");

    (void)state;
    assert_int_equal(knock("whsec_of_others", body, 0), 401);
    assert_int_equal(knock(SERVICE_STRIPE_SECRET, body, 301), 401);
    assert_int_equal(knock(SERVICE_STRIPE_SECRET, body, -302), 401);
    assert_int_equal(knock("", body, 0), 401);
    assert_int_equal(knock(SERVICE_STRIPE_SECRET, "{\"id\":1}", 0), 400);
    assert_int_equal(knock(SERVICE_STRIPE_SECRET, body, 0),
                     200); /* foreign: told to a person */
    assert_int_equal(knock(SERVICE_STRIPE_BEFORE, body, 0), 200); /* the secret of before */
    assert_int_equal(knock(SERVICE_STRIPE_BEFORE, body, 301), 401);
    assert_true(service_logged(&service, "outcome=foreign") > 0);
    assert_int_equal(ask_number(owner, "select count(*) from ledger"), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pay_2_a_link_is_made_told_paid_by_and_told_once),
        cmocka_unit_test(pay_2_a_lost_answer_makes_no_second_link),
        cmocka_unit_test(pay_2_a_worker_that_dies_meanwhile_is_made_up_for),
        cmocka_unit_test(pay_3_a_bank_takes_its_time_and_the_order_of_news_does_not_matter),
        cmocka_unit_test(pay_9_a_declined_card_and_a_bank_that_says_no_are_told),
        cmocka_unit_test(pay_2_an_expired_link_is_told_kindly_and_a_new_one_offered),
        cmocka_unit_test(pay_2_what_no_event_tells_is_found_by_looking),
        cmocka_unit_test(pay_3_a_stripe_that_is_killed_meanwhile_knows_all_and_tells_it_once),
        cmocka_unit_test(pay_2_another_wish_closes_the_older_link_first),
        cmocka_unit_test(pay_2_what_stripe_refuses_is_told_for_what_it_is),
        cmocka_unit_test(pay_2_a_yes_that_is_tapped_twice_makes_one_link),
        cmocka_unit_test(pay_2_a_link_that_is_opened_twice_is_paid_once),
        cmocka_unit_test(pay_2_a_link_of_yesterday_ends_when_the_invoice_is_paid_otherwise),
        cmocka_unit_test(pay_2_what_was_paid_in_part_otherwise_is_not_asked_for_again),
        cmocka_unit_test(pay_2_a_link_that_is_paid_while_it_is_closed_is_paid_back),
        cmocka_unit_test(
            pay_2_a_link_asked_for_on_two_channels_at_once_is_one_and_told_on_both),
        cmocka_unit_test(pay_2_a_link_that_is_made_while_a_person_is_there_is_told_afterwards),
        cmocka_unit_test(otp_7_the_link_to_the_own_page_is_short_where_letters_cost),
        cmocka_unit_test(can_4_an_approved_cancellation_is_paid_back_once_through_deaths),
        cmocka_unit_test(pay_8_forged_stale_and_foreign_events_change_nothing),
    };
    struct err err = {0};

    if (!crypto_init(&err))
        return 1;
    store_open();
    int failed = cmocka_run_group_tests(tests, set_up, tear_down);
    store_shut();
    return failed;
}
