/*
 * A paper that is asked for in a chat: drawn from the data, kept, and sent there once, whoever
 * dies in between; and nobody else's.
 */
#include "tests/support/service.h"

#include <cairo.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define AMELIA "15550100001" /* whose ORD-1002 is */
#define LUCIA  "15550100002"
#define WAIT   (30 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;
static unsigned posted;

static void say(const char *phone, const char *words)
{
    struct post post = {
        .body =
            post_text(&arena, phone, arena_format(&arena, "wamid.q.%u", posted++).at, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
}

static void until(const char *sql, long number)
{
    service_until(&service, owner, sql, number, WAIT);
}

static void all_told(void)
{
    until("select count(*) from papers where state in ('wanted', 'kept')", 0);
    until("select count(*) from outbox", 0);
}

static const char *one(const char *sql)
{
    PGresult *result = PQexec(owner, sql);

    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    assert_int_equal(PQntuples(result), 1);
    const char *value = arena_format(&arena, "%s", PQgetvalue(result, 0, 0)).at;
    PQclear(result);
    return value;
}

/* What the newest of the kept papers says. */
static struct str read_paper(void)
{
    const char *hash =
        one("select encode(sha256, 'hex') from documents where mime = "
            "'application/pdf' and state = 'kept' order by kept_at desc limit 1");
    static char text[100000];
    FILE *file = popen(
        arena_format(&arena, "pdftotext \"$(find %s -name %s)\" -", service.dir, hash).at, "r");

    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text, file);
    assert_int_equal(pclose(file), 0);
    return (struct str){text, n};
}

static void assert_says(struct str text, const char *wanted)
{
    if (str_find(text, str_from(wanted)) == text.len)
        fail_msg("\"%s\" is not in:\n%.*s", wanted, STR_ARG(text));
}

static void web_4_an_order_s_confirmation_comes_as_a_pdf_that_says_what_the_data_say(
    void **state)
{
    (void)state;
    say(AMELIA, "order confirmation for 1002"); /* as people type it */
    until("select count(*) from papers where state = 'told'", 1);
    all_told();
    assert_int_equal(service_arrived(&service, AMELIA, "order-ORD-1002.pdf"), 1);
    struct str text = read_paper();
    assert_says(text, "Order confirmation ORD-1002");
    assert_says(
        text, one("select name from customers join customer_phones using (org_id, customer_id) "
                  "where phone = '+" AMELIA "'"));
    assert_says(text, one("select i.description from order_items i join orders o using "
                          "(org_id, order_id) where "
                          "o.number = 'ORD-1002' order by i.position limit 1"));
    /* Asked again it is the same file, kept once and uploaded once. */
    say(AMELIA, "order confirmation for ORD-1002");
    until("select count(*) from papers where state = 'told'", 2);
    all_told();
    assert_int_equal(service_arrived(&service, AMELIA, "order-ORD-1002.pdf"), 2);
    assert_int_equal(ask_number(owner,
                                "select count(distinct sha256) from documents where mime = "
                                "'application/pdf'"),
                     1);
}

static void web_4_an_invoice_and_its_receipt_come_as_they_stand(void **state)
{
    (void)state;
    run_sql(owner, "delete from papers");
    say(AMELIA, "documents INV-7002");
    all_told();
    say(AMELIA, "1");
    until("select count(*) from papers where state = 'told'", 1);
    all_told();
    assert_int_equal(service_arrived(&service, AMELIA, "invoice-INV-7002.pdf"), 1);
    struct str text = read_paper();
    assert_says(text, "Invoice INV-7002");
    assert_says(text, "Still to pay");
    assert_says(text, one("select description from invoice_lines join invoices using (org_id, "
                          "invoice_id) where "
                          "number = 'INV-7002' order by position limit 1"));
    say(AMELIA, "documents INV-7002");
    all_told();
    say(AMELIA, "2");
    until("select count(*) from papers where state = 'told'", 2);
    all_told();
    text = read_paper();
    assert_says(text, "Receipt INV-7002-1");
    assert_says(text, "Amount received");
}

static void web_4_the_business_s_logo_stands_on_its_papers(void **state)
{
    const char *path = arena_format(&arena, "%s/logo.png", service.dir).at;
    char *keep[] = {"paper", "logo", (char *)(uintptr_t)path, "--as", "Marta", NULL};
    char *drop[] = {"paper", "logo", "none", NULL};
    char *wrong[] = {"paper", "logo", "/etc/hostname", NULL};
    char said[1000];
    cairo_surface_t *logo = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 300, 90);
    FILE *file;

    (void)state;
    assert_int_equal(cairo_surface_write_to_png(logo, path), CAIRO_STATUS_SUCCESS);
    cairo_surface_destroy(logo);
    assert_int_equal(service_command(&service, keep, said, sizeof said), 0);
    run_sql(owner, "delete from papers");
    say(AMELIA, "order confirmation for ORD-1002");
    until("select count(*) from papers where state = 'told'", 1);
    all_told();
    const char *hash =
        one("select encode(sha256, 'hex') from documents where mime = "
            "'application/pdf' and state = 'kept' order by kept_at desc limit 1");
    file =
        popen(arena_format(
                  &arena, "pdfimages -list \"$(find %s -name %s)\" | grep -c ' image ' || true",
                  service.dir, hash)
                  .at,
              "r");
    assert_non_null(file);
    assert_non_null(fgets(said, sizeof said, file));
    assert_int_equal(pclose(file), 0);
    assert_int_equal(atoi(said), 1);
    assert_int_equal(service_command(&service, wrong, said, sizeof said), 1);
    assert_non_null(strstr(said, "no PNG"));
    assert_int_equal(service_command(&service, drop, said, sizeof said), 0);
    assert_int_equal(
        ask_number(owner,
                   "select count(*) from audit where action in ('logo.kept', 'logo.dropped')"),
        2);
}

static void web_4_nobody_gets_a_paper_of_somebody_else_s(void **state)
{
    (void)state;
    say(LUCIA, "order confirmation for ORD-1002");
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, LUCIA, "ORD-1002.pdf"), 0);
    assert_int_equal(
        ask_number(owner,
                   "select count(*) from papers where customer_id = (select customer_id from "
                   "customer_phones where phone = '+" LUCIA "')"),
        0);
    run_sql(
        owner,
        "insert into papers (org_id, paper_id, customer_id, conversation_id, kind, subject, "
        "language, due_at, made_at) select c.org_id, gen_random_uuid(), p.customer_id, "
        "c.conversation_id, 'order', 'ORD-1002', 'es', now(), now() from conversations c join "
        "contact_points p using (org_id, contact_id) join customer_phones f using (org_id, "
        "customer_id) where f.phone = '+" LUCIA "'");
    all_told();
    assert_int_equal(service_arrived(&service, LUCIA, "ORD-1002.pdf"), 0);
    assert_int_equal(
        ask_number(owner,
                   "select count(*) from papers where reason = 'it is not there any more'"),
        1);
}

static void web_4_whoever_dies_in_between_the_paper_comes_once(void **state)
{
    pid_t pids[4];
    size_t before = service_arrived(&service, AMELIA, "order-ORD-1002.pdf");

    (void)state;
    run_sql(owner, "delete from papers");
    for (int i = 0; i < 6; i++) {
        say(AMELIA, "order confirmation for ORD-1002");
        usleep((useconds_t)(10000 + 40000 * i));
        size_t n = service_workers(&service, pids, 4);
        if (n > 0)
            (void)kill(pids[i % (int)n], SIGKILL);
        /* whoever had it is gone: its lease is let go here rather than waited for */
        usleep(300000);
        run_sql(owner, "update papers set due_at = now() where state = 'wanted'");
    }
    all_told();
    assert_int_equal(ask_number(owner, "select count(*) from papers where state = 'told'"), 6);
    assert_int_equal(service_arrived(&service, AMELIA, "order-ORD-1002.pdf") - before, 6);
    assert_int_equal(service_repeated(&service), 0);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
}

/* The bot is silent then, and the job that tells of the paper is over. */
static void web_4_a_paper_that_is_ready_while_a_person_is_there_comes_afterwards(void **state)
{
    char said[1024], id[UUID_TEXT_LEN + 1];
    size_t before;

    (void)state;
    run_sql(owner, "delete from papers");
    say(AMELIA, "order confirmation for ORD-1002");
    until("select count(*) from papers where state = 'told'", 1);
    all_told();
    before = service_arrived(&service, AMELIA, "order-ORD-1002.pdf");
    say(AMELIA, "human");
    until("select count(*) from handoffs where state <> 'done'", 1);
    run_sql(owner, "update papers set state = 'kept';"
                   " insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)"
                   " select org_id, gen_random_uuid(), 'notice', conversation_id,"
                   " 'notice.paper_ready/', now() from papers");
    until("select count(*) from jobs where kind = 'notice'", 0);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, AMELIA, "order-ORD-1002.pdf"), before);
    (void)snprintf(id, sizeof id, "%s",
                   one("select handoff_id from handoffs where state <> 'done'"));
    char *words[] = {"handoff", "release", id, NULL};
    assert_int_equal(service_command(&service, words, said, sizeof said), 0);
    until("select count(*) from papers where state = 'told'", 1);
    all_told();
    assert_int_equal(service_arrived(&service, AMELIA, "order-ORD-1002.pdf"), before + 1);
}

/* Its drawing ends every worker that begins it, whatever it is that does. */
static void web_4_a_paper_that_nobody_lives_to_end_is_given_up(void **state)
{
    (void)state;
    run_sql(owner, "delete from papers;"
                   "insert into papers (org_id, paper_id, customer_id, conversation_id, kind,"
                   " subject, language, due_at, made_at, attempts)"
                   " select c.org_id, gen_random_uuid(), p.customer_id, c.conversation_id,"
                   " 'order', 'ORD-1002', 'en', now(), now(), 20"
                   "   from conversations c join contact_points p using (org_id, contact_id)"
                   "  where p.phone = '+" AMELIA "'");
    all_told();
    assert_int_equal(ask_number(owner, "select count(*) from papers where state in ('failed',"
                                       " 'told') and document_id is null"
                                       " and reason = 'nobody lives to end it'"),
                     1);
}

static int open_all(void **state)
{
    (void)state;
    store_open();
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2});
    return 0;
}

static int shut_all(void **state)
{
    (void)state;
    service_stop(&service);
    service_end(&service);
    PQfinish(owner);
    store_shut();
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            web_4_an_order_s_confirmation_comes_as_a_pdf_that_says_what_the_data_say),
        cmocka_unit_test(web_4_an_invoice_and_its_receipt_come_as_they_stand),
        cmocka_unit_test(web_4_the_business_s_logo_stands_on_its_papers),
        cmocka_unit_test(web_4_nobody_gets_a_paper_of_somebody_else_s),
        cmocka_unit_test(web_4_whoever_dies_in_between_the_paper_comes_once),
        cmocka_unit_test(web_4_a_paper_that_is_ready_while_a_person_is_there_comes_afterwards),
        cmocka_unit_test(web_4_a_paper_that_nobody_lives_to_end_is_given_up),
    };

    return cmocka_run_group_tests(tests, open_all, shut_all);
}
