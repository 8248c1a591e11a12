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
#define ZOFIA  "15550100003" /* speaks Polish */
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

/* What Meta has said of a template. */
static void meta(const char *name, const char *language, const char *status)
{
    run_sql(owner, arena_format(&arena,
                                "insert into whatsapp_templates (org_id, account, name, "
                                "language, status, reason, updated_at) select org_id, "
                                "'" SERVICE_BUSINESS "', '%s', '%s', '%s', 'NONE', now() from "
                                "businesses on conflict (org_id, name, language, account) do "
                                "update set status = excluded.status",
                                name, language, status)
                       .at);
}

/* As the command asks for it, without a command each. */
static const char *price(const char *channel, const char *prefix, const char *price)
{
    PGresult *rows = PQexecParams(
        owner,
        "select broadcast_price(" ORG
        ", $1, $2, $3, 'Maria') from set_config('parley.org_id', (" ORG ")::text, false)",
        3, NULL, (const char *const[]){channel, prefix, price}, NULL, NULL, 0);
    static char answer[8];

    assert_int_equal(PQntuples(rows), 1);
    (void)snprintf(answer, sizeof answer, "%s", PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return answer;
}

static void prices(void)
{
    done(broadcast("prices", "sms", "+1", "0.01", "--as", "Maria", NULL));
    assert_string_equal(price("whatsapp", "", "0.05"), "t");
    assert_string_equal(price("whatsapp", "+1", "0.02"), "t");
    assert_string_equal(price("sms", "+48", "0.04"), "t");
    assert_string_equal(price("sms", "+48", NULL), "t");
    assert_string_equal(price("fax", "+1", "0.01"), "f");
    assert_string_equal(price("sms", "48", "0.01"), "f");
    assert_string_equal(price("sms", "+48", "1,5"), "f");
    assert_string_equal(price("email", "+48", "1"), "f");
    done(broadcast("prices", "email", "any", "0.001", NULL));
    assert_said("whatsapp  +1       0.02");
    assert_said("email     any      0.001");
    assert_null(strstr(said, "+48"));
    assert_int_equal(broadcast("prices", "sms", "+48", NULL), 1);
    assert_int_equal(count_of("audit where action = 'broadcast.price' and actor = 'Maria'"), 5);
}

static void bro_1_a_dry_run_says_who_gets_it_and_who_does_not_and_why(void **state)
{
    (void)state;
    consent("whatsapp", "external_id in ('C-0001', 'C-0002', 'C-0003')");
    consent("sms", "external_id = 'C-0005'");
    consent("email", "external_id = 'C-0006'");
    run_sql(owner, "update customer_settings set quiet = false;"
                   "insert into customer_settings (org_id, customer_id, quiet) select org_id, "
                   "customer_id, false from customers on conflict do nothing");
    prices();
    done(broadcast("create", "spring", "--words", words_file(), "--as", "Maria", NULL));
    assert_said("spring_sale (en_US) is not known");
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
    meta("spring_sale", "en_US", "APPROVED");
    assert_int_equal(broadcast("start", "spring", NULL), 1);
    assert_said("spring_sale (es) is not known");
    assert_int_equal(count_of("broadcasts where state = 'draft'"), 1);
    meta("spring_sale", "es", "APPROVED");
    meta("code_sale", "en_US", "APPROVED");
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
    const char *list =
        file_of("list.csv", "phone,id,code\n+1 555 010 0001,,A7\n,C-0001,B8\n"
                            ",C-0002,\n+15559999999,,C9\n12,,D1\n+15550100003,,E5\n");
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
    assert_int_equal(service_arrived(&service, ZOFIA, "E5"), 1); /* in the only language */
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
            "update customer_settings s set quiet = true, quiet_from = (m + 1380) % 1440, "
            "quiet_until = (m + 120) % 1440 from (select customer_id, (extract(hour from l) * "
            "60 + extract(minute from l))::int as m from (select customer_id, now() at time "
            "zone customer_zone(org_id, customer_id) as l from customers where external_id = "
            "'C-0001') c) t where s.customer_id = t.customer_id");
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

static void bro_1_countries_that_are_left_out_are(void **state)
{
    (void)state;
    done(broadcast("countries", "without", "+1", "+7", "--as", "Maria", NULL));
    assert_said("without  +1");
    done(broadcast("create", "abroad", "--words", words_file(), NULL));
    done(broadcast("dry-run", "abroad", NULL));
    assert_said("abroad reaches 1:"); /* by mail */
    assert_said("a country that we do not send to");
    done(broadcast("countries", "only", "+48", NULL));
    done(broadcast("dry-run", "abroad", NULL));
    assert_said("abroad reaches 1:");
    assert_int_equal(broadcast("countries", "only", "PL", NULL), 1);
    done(broadcast("countries", "all", NULL));
    assert_int_equal(count_of("businesses where settings ? 'broadcast_countries'"), 0);
    assert_said("all countries");
    assert_int_equal(count_of("audit where action = 'broadcast.countries'"), 3);
}

/* --- held and taken back -------------------------------------------------------------------
 */

#define CROWD  700
#define FEW    100 /* of them, with numbers that begin alike */
#define RATHER "broadcast_recipients r join broadcasts b using (org_id, broadcast_id) where "

/* So many who asked for it, all on WhatsApp, at any hour. */
static void crowd(void)
{
    run_sql(
        owner,
        arena_format(
            &arena,
            "insert into customers (org_id, customer_id, external_id, name, language) select "
            "org_id, md5('c' || n)::uuid, 'N' || n, 'Person ' || n, 'en' from businesses, "
            "generate_series(1, %d) n;"
            "insert into customer_phones (org_id, phone, customer_id) select org_id, '+1999' "
            "|| "
            "to_char(n, 'FM0000000'), md5('c' || n)::uuid from businesses, generate_series(1, "
            "%d) n;"
            "insert into preferences (org_id, customer_id, topic, channel, wanted, at, source) "
            "select org_id, md5('c' || n)::uuid, 'offers', 'whatsapp', true, now(), 'test' "
            "from businesses, generate_series(1, %d) n;"
            "insert into customer_settings (org_id, customer_id, quiet) select org_id, md5('c' "
            "|| n)::uuid, false from businesses, generate_series(1, %d) n",
            CROWD, CROWD, CROWD, CROWD)
            .at);
}

static size_t got(void)
{
    return service_arrived(&service, NULL, "19990000");
}

static long those(const char *name, const char *state)
{
    return count_of(
        arena_format(&arena, RATHER "b.name = '%s' and r.state = '%s'", name, state).at);
}

static void wait_for_sent(const char *name, long least)
{
    until(arena_format(&arena,
                       "select (count(*) >= %ld)::int from " RATHER
                       "b.name = '%s' and r.state = 'sent'",
                       least, name)
              .at,
          1);
}

/* Somebody writes and is answered: the lane has gone round, and nothing else went. */
static void go_round(void)
{
    static unsigned n;
    struct post post = {
        .body = post_text(&arena, AMELIA, arena_format(&arena, "wamid.r.%u", ++n).at, "menu")};

    service_post(&service, &post, 1, 1, WAIT);
    until("select count(*) from outbox", 0);
}

static void bro_2_what_meta_pauses_is_held_and_goes_on_later_with_nobody_left_out(void **state)
{
    (void)state;
    crowd();
    service_faults(&service, "{\"delay_ms\": 50, \"fail\": [{\"code\": 132015, \"http\": 400, "
                             "\"probability\": 1}]}");
    done(broadcast("create", "held", "--words", words_file(), "--prefix", "+199900002", NULL));
    done(broadcast("start", "held", NULL));
    until("select count(*) from broadcasts where name = 'held' and paused and not settling", 1);
    done(broadcast("status", "held", NULL));
    assert_said("held: paused");
    assert_said("the template is paused or disabled");
    assert_int_equal(those("held", "waiting"), FEW);
    assert_int_equal(those("held", "failed"), 0);
    assert_int_equal(count_of("outbox"), 0);
    /* Meta's own word of it comes, too: so it does not go on either. */
    meta("spring_sale", "en_US", "PAUSED");
    assert_int_equal(broadcast("resume", "held", NULL), 1);
    assert_said("spring_sale (en_US) is PAUSED");
    service_faults(&service, "{\"reset\": true, \"delay_ms\": 50}");
    meta("spring_sale", "en_US", "APPROVED");
    done(broadcast("resume", "held", NULL));
    until("select count(*) from broadcasts where name = 'held' and state = 'done'", 1);
    assert_int_equal(those("held", "sent"), FEW);
    assert_int_equal(got(), FEW);
    assert_int_equal(service_repeated(&service), 0);
}

static void bro_2_what_meta_rejects_before_it_is_due_is_held(void **state)
{
    (void)state;
    done(broadcast("create", "due", "--words", words_file(), "--prefix", "+199900002", "--at",
                   "2099-01-01 10:00", NULL));
    done(broadcast("start", "due", NULL));
    until("select count(*) from broadcasts where name = 'due' and state = 'running'", 1);
    meta("spring_sale", "es", "REJECTED");
    run_sql(owner, "update broadcasts set look_at = now() where name = 'due'");
    until("select count(*) from broadcasts where name = 'due' and paused and not settling", 1);
    done(broadcast("status", "due", "--json", NULL));
    assert_said("spring_sale (es) is REJECTED");
    assert_int_equal(those("due", "waiting"), FEW);
    assert_int_equal(service_logged(&service, "broadcast.held"), 2);
    meta("spring_sale", "es", "APPROVED");
    done(broadcast("resume", "due", NULL));
    done(broadcast("cancel", "due", NULL));
    assert_int_equal(those("due", "cancelled"), FEW);
}

static void bro_2_after_cancel_has_answered_nobody_gets_it_and_after_resume_nobody_twice(
    void **state)
{
    size_t before = got(), then;

    (void)state;
    service_faults(&service, "{\"delay_ms\": 200}");
    done(broadcast("create", "crowd", "--words", words_file(), "--prefix", "+1999", NULL));
    done(broadcast("start", "crowd", NULL));
    wait_for_sent("crowd", 60);
    done(broadcast("pause", "crowd", NULL)); /* it says what was taken back, if anything */
    then = got();
    go_round();
    assert_int_equal(got(), then);
    until("select count(*) from broadcasts where name = 'crowd' and settling", 0);
    assert_int_equal(those("crowd", "sent"), then - before);
    assert_int_equal(those("crowd", "waiting"), CROWD - (then - before));
    done(broadcast("resume", "crowd", NULL));
    wait_for_sent("crowd", (long)(then - before) + 60);
    done(broadcast("cancel", "crowd", NULL));
    then = got();
    go_round();
    assert_int_equal(got(), then);
    until("select count(*) from broadcasts where name = 'crowd' and settling", 0);
    assert_int_equal(those("crowd", "sent"), then - before);
    assert_int_equal(those("crowd", "cancelled"), CROWD - (then - before));
    assert_int_equal(those("crowd", "waiting") + those("crowd", "placed"), 0);
    assert_int_equal(count_of("(select conversation_id from messages where why = "
                              "'broadcast/crowd' and delivery in (1, 3, 4) group by 1 having "
                              "count(*) > 1) t"),
                     0);
    assert_int_equal(service_repeated(&service), 0);
    service_faults(&service, "{\"reset\": true}");
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
        cmocka_unit_test(bro_1_countries_that_are_left_out_are),
        cmocka_unit_test(bro_2_what_meta_pauses_is_held_and_goes_on_later_with_nobody_left_out),
        cmocka_unit_test(bro_2_what_meta_rejects_before_it_is_due_is_held),
        cmocka_unit_test(
            bro_2_after_cancel_has_answered_nobody_gets_it_and_after_resume_nobody_twice),
    };

    return cmocka_run_group_tests(tests, open_all, shut_all);
}
