/*
 * A broadcast by `parley broadcast`, from the plan to the phones: whom it reaches and whom not,
 * on every channel; paused, resumed, cancelled; killed in between. One service for all.
 */
#include "tests/support/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define AMELIA "15550100001"
#define WAIT   (60 * USEC_PER_SEC)
#define ORG    "(select org_id from businesses)"

static struct arena arena;
static struct service service;
static PGconn *owner;
static char said[20000];

static void until(const char *sql, long number)
{
    service_until(&service, owner, sql, number, WAIT);
}

static long count_of(const char *from)
{
    return ask_number(owner, arena_format(&arena, "select count(*) from %s", from).at);
}

static const char *file_of(const char *name, const char *bytes)
{
    const char *path = arena_format(&arena, "%s/%s", service.dir, name).at;
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(bytes, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* `parley broadcast ...`; its words end in NULL. */
static int broadcast(const char *first, ...)
{
    char *words[14] = {"broadcast", (char *)first};
    va_list more;

    va_start(more, first);
    for (size_t i = 2; i + 1 < COUNTOF(words); i++) {
        words[i] = va_arg(more, char *);
        if (words[i] == NULL)
            break;
    }
    va_end(more);
    return service_command(&service, words, said, sizeof said);
}

static void assert_said(const char *wanted)
{
    if (strstr(said, wanted) == NULL)
        fail_msg("\"%s\" is not in:\n%s", wanted, said);
}

static void done(int status)
{
    if (status != 0)
        fail_msg("it failed:\n%s", said);
}

static void consent(const char *channel, const char *which)
{
    run_sql(owner,
            arena_format(&arena,
                         "insert into preferences (org_id, customer_id, topic, channel, "
                         "wanted, at, source) select org_id, customer_id, 'offers', '%s', "
                         "true, now(), 'test' from customers c where %s on conflict do "
                         "nothing",
                         channel, which)
                .at);
}

static const char *words_file(void)
{
    return file_of(
        "words.yaml",
        "template:\n  name: spring_sale\n  languages: {en: en_US, es: es}\n"
        "  values: [\"{{first_name}}\", \"20 %\"]\n"
        "words:\n"
        "  en: {subject: \"A gift, {{first_name}}\", body: \"Dear {{first_name}}, 20 % "
        "off.\"}\n"
        "  es: {subject: \"Un regalo, {{first_name}}\", body: \"Hola {{first_name}}, 20 %.\"}\n"
        "otherwise: en\n");
}

/* --- whom -------------------------------------------------------------------------------- */

static void bro_1_a_dry_run_says_who_gets_it_and_who_does_not_and_why(void **state)
{
    (void)state;
    consent("whatsapp", "external_id in ('C-0001', 'C-0002', 'C-0003')");
    consent("sms", "external_id = 'C-0005'");
    consent("email", "external_id = 'C-0006'");
    run_sql(owner, "update customer_settings set quiet = false;"
                   "insert into customer_settings (org_id, customer_id, quiet) select org_id, "
                   "customer_id, false from customers on conflict do nothing");
    run_sql(owner,
            "update businesses set settings = settings || '{\"prices\": {\"sms\": {\"+1\": "
            "0.01}, \"whatsapp\": {\"\": 0.05, \"+1\": 0.02}, \"email\": {\"\": 0.001}}}'");
    done(broadcast("create", "spring", "--words", words_file(), "--as", "Maria", NULL));
    done(broadcast("dry-run", "spring", NULL));
    assert_said("spring reaches 5");
    assert_said("leaves out 15");
    assert_said("no_consent");
    assert_said("costs about 0.07");
    assert_int_equal(count_of("broadcast_recipients"), 0);
    assert_int_equal(count_of("audit where action = 'broadcast.made' and actor = 'Maria'"), 1);
    /* The name is taken; nothing changes. */
    assert_int_equal(broadcast("create", "spring", "--words", words_file(), NULL), 1);
    assert_said("already");
}

static void bro_2_everyone_who_asked_gets_it_once_on_their_channel(void **state)
{
    (void)state;
    done(broadcast("start", "spring", NULL));
    until("select count(*) from broadcasts where state = 'done'", 1);
    assert_int_equal(count_of("broadcast_recipients where state = 'sent'"), 5);
    assert_int_equal(count_of("broadcast_recipients where state = 'excluded'"), 15);
    assert_int_equal(service_arrived(&service, AMELIA, "spring_sale"), 1);
    assert_int_equal(service_arrived(&service, AMELIA, "Amelia"), 1);
    assert_int_equal(service_arrived(&service, "15550100005", "Dear Oliver, 20 % off."), 1);
    assert_int_equal(service_arrived(&service, "15550100005", "Reply STOP to opt out."), 1);
    assert_int_equal(service_arrived(&service, NULL, "A gift, Grace"), 1);
    assert_int_equal(count_of("messages where why = 'broadcast/spring'"), 5);
    assert_int_equal(service_repeated(&service), 0);
    assert_int_equal(broadcast("start", "spring", NULL), 1);
    assert_said("'spring' is done");
}

static void bro_3_the_figures_say_what_became_of_it(void **state)
{
    struct post post = {.body = post_text(&arena, AMELIA, "wamid.b.1", "thanks!")};

    (void)state;
    service_post(&service, &post, 1, 1, WAIT);
    until("select count(*) from outbox", 0);
    done(broadcast("status", "spring", "--json", NULL));
    assert_said("\"sent\":5");
    assert_said("\"replied\":1");
    assert_said("\"excluded\":15");
    assert_said("\"reason\":\"no_consent\"");
    done(broadcast("status", "spring", "--follow", NULL));
    assert_said("5 of 5");
    done(broadcast("list", NULL));
    assert_said("spring");
}

/* --- the staff's hand ----------------------------------------------------------------------
 */

static void bro_1_a_list_s_wrong_lines_are_told_and_its_values_said_once(void **state)
{
    const char *list = file_of("list.csv", "phone,id,code\n+1 555 010 0001,,A7\n,C-0001,B8\n"
                                           ",C-0002,\n+15559999999,,C9\n12,,D1\n");
    const char *words = file_of("code.yaml", "template:\n  name: code_sale\n  languages: {en: "
                                             "en_US}\n  values: ['{{code}}']\notherwise: en\n");

    (void)state;
    assert_int_equal(broadcast("create", "list", "--words", words, "--list", list, NULL), 1);
    assert_said("list.csv:6: a number is written with its country");
    done(broadcast("create", "list", "--words", words, "--list", list, "--skip", NULL));
    done(broadcast("start", "list", NULL));
    until("select count(*) from broadcasts where state = 'done' and name = 'list'", 1);
    assert_int_equal(service_arrived(&service, AMELIA, "A7"), 1);
    assert_int_equal(service_arrived(&service, AMELIA, "B8"), 0);
    done(broadcast("status", "list", NULL));
    assert_said("there already");
    assert_said("a value for the words is missing");
    assert_said("no customer of ours");
}

static void bro_2_what_is_paused_waits_and_what_is_cancelled_does_not_go(void **state)
{
    (void)state;
    done(broadcast("create", "later", "--words", words_file(), "--at", "2099-01-01 10:00",
                   "--local", NULL));
    done(broadcast("start", "later", NULL));
    until("select count(*) from broadcasts where state = 'running' and name = 'later'", 1);
    done(broadcast("pause", "later", NULL));
    assert_int_equal(broadcast("pause", "later", NULL), 1);
    assert_said("'later' is paused");
    done(broadcast("resume", "later", NULL));
    done(broadcast("cancel", "later", "--as", "Maria", NULL));
    assert_int_equal(broadcast("resume", "later", NULL), 1);
    assert_int_equal(count_of("broadcast_recipients where state in ('waiting', 'placed')"), 0);
    assert_int_equal(count_of("broadcast_recipients where state = 'cancelled'"), 5);
    assert_int_equal(count_of("messages where why = 'broadcast/later'"), 0);
    assert_int_equal(count_of("audit where action = 'broadcast.cancelled' and actor = 'Maria'"),
                     1);
}

static void bro_2_quiet_hours_put_it_off_and_who_said_no_meanwhile_gets_nothing(void **state)
{
    (void)state;
    run_sql(owner,
            "update customer_settings set quiet = true, quiet_from = 0, quiet_until = 1439 "
            "where customer_id = (select customer_id from customers where external_id = "
            "'C-0001')");
    done(broadcast("create", "quiet", "--words", words_file(), NULL));
    done(broadcast("start", "quiet", NULL));
    until("select count(*) from broadcast_recipients where state = 'sent' and broadcast_id = "
          "(select broadcast_id from broadcasts where name = 'quiet')",
          4);
    assert_int_equal(count_of("broadcast_recipients where state = 'waiting' and late"), 1);
    run_sql(owner,
            "update preferences set wanted = false where customer_id = (select customer_id "
            "from customers where external_id = 'C-0001')");
    run_sql(owner,
            "update customer_settings set quiet = false; update broadcast_recipients set "
            "due_at = now() where state = 'waiting'; update broadcasts set look_at = now()");
    until("select count(*) from broadcasts where name = 'quiet' and state = 'done'", 1);
    assert_int_equal(count_of("broadcast_recipients where state = 'excluded' and reason = "
                              "'no_consent' and late"),
                     1);
}

static int open_all(void **state)
{
    (void)state;
    store_open();
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2, .sms = true, .mail = true});
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
        cmocka_unit_test(bro_1_a_dry_run_says_who_gets_it_and_who_does_not_and_why),
        cmocka_unit_test(bro_2_everyone_who_asked_gets_it_once_on_their_channel),
        cmocka_unit_test(bro_3_the_figures_say_what_became_of_it),
        cmocka_unit_test(bro_1_a_list_s_wrong_lines_are_told_and_its_values_said_once),
        cmocka_unit_test(bro_2_what_is_paused_waits_and_what_is_cancelled_does_not_go),
        cmocka_unit_test(bro_2_quiet_hours_put_it_off_and_who_said_no_meanwhile_gets_nothing),
    };

    return cmocka_run_group_tests(tests, open_all, shut_all);
}
