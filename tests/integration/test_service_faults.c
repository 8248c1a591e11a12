/*
 * The service over a database that refuses one row, or is unwell: only the culprit of bad data
 * is parked, and a sick database parks nobody. Triggers play the faults.
 */
#include "tests/support/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SORRY "Something went wrong on our side"

static struct arena arena;
static struct service service;
static PGconn *owner;

static const char *const faults_sql =
    "create table faults (code text not null, until timestamptz not null);"
    "create function fault() returns trigger language plpgsql security definer as $$"
    " declare c text;"
    " begin"
    "  select code into c from public.faults where clock_timestamp() < until limit 1;"
    "  if c = 'sleep' then perform pg_sleep(1);"
    "  elsif c is not null then raise exception 'made up' using errcode = c; end if;"
    "  return new;"
    " end $$;"
    "create function poison() returns trigger language plpgsql as $$"
    " begin"
    "  raise exception 'a value that cannot be' using errcode = '22003';"
    " end $$;"
    "create function poison_of_a_kind() returns trigger language plpgsql as $$"
    " begin"
    "  if new.body like '%INFINITE%' then perform 'infinity'::numeric::bigint;"
    "  else raise exception 'too much' using errcode = '54000'; end if;"
    "  return new;"
    " end $$;"
    "create trigger fault before insert on messages for each row execute function fault();"
    "create trigger poison_of_a_kind before insert on messages for each row"
    " when (new.body like '%INFINITE%' or new.body like '%TOO MUCH%')"
    " execute function poison_of_a_kind();"
    "create trigger poison before insert on messages for each row"
    " when (new.body like '%POISON%') execute function poison();"
    "create trigger poison before insert on audit for each row"
    " when (new.detail::text like '%POISON%') execute function poison();"
    "create trigger poison_status before update on messages for each row"
    " when (new.error = 131999) execute function poison();"
    "create trigger poison before insert on early_statuses for each row"
    " when (new.error = 131999) execute function poison();";

static int set_up(void **state)
{
    (void)state;
    owner = owner_connect();
    run_sql(owner, "delete from faults");
    service_start(&service, &(struct service_wish){.workers = 0});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    service_stop(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static const char *text(const char *lead, unsigned long number)
{
    char line[128];

    (void)snprintf(line, sizeof line, "%s%lu", lead, number);
    return arena_cstr(&arena, str_from(line));
}

static void fill(struct post *posts, size_t n, const char *lead)
{
    for (size_t i = 0; i < n; i++) {
        posts[i] = (struct post){
            .body = post_text(&arena, text("155507", 10000 + i), text(lead, i), "hi")};
    }
}

static long inbound(const char *condition)
{
    return ask_number(
        owner,
        arena_format(&arena, "select count(*) from messages where inbound and %s", condition)
            .at);
}

static void quiet(void)
{
    service_until(&service, owner, "select count(*) from outbox", 0, 30 * USEC_PER_SEC);
}

/* Run SQL on a connection of a child's own, after a pause. */
static pid_t later(usec_t pause, unsigned times, const char *sql)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    PGconn *conn = PQconnectdb(pg_url(&store_pg, "parley"));
    for (unsigned i = 0; i < times; i++) {
        (void)usleep((useconds_t)pause);
        PQclear(PQexec(conn, sql));
    }
    PQfinish(conn);
    _exit(0);
}

static void set_fault(const char *code, unsigned ms)
{
    run_sql(owner, "delete from faults");
    run_sql(owner, arena_format(&arena,
                                "insert into faults values ('%s', clock_timestamp() +"
                                " interval '%u ms')",
                                code, ms)
                       .at);
}

/* --- bad data ------------------------------------------------------------------------------
 */

static void of_a_failed_batch_only_the_culprit_is_parked_and_all_others_are_handled_once(
    void **state)
{
    (void)state;
    enum { N = 60 };
    static const size_t culprits[] = {0, 17, 18, N - 1};
    struct post posts[N];

    fill(posts, N, "wamid.n.");
    for (size_t i = 0; i < COUNTOF(culprits); i++) {
        posts[culprits[i]].body = post_text(&arena, text("155507", 10000 + culprits[i]),
                                            text("wamid.p.", culprits[i]), "POISON and more");
    }
    run_sql(owner, "begin; lock table seen in exclusive mode"); /* all into one batch */
    pid_t pid = fork();
    if (pid == 0) {
        (void)usleep(900000);
        PQclear(PQexec(owner, "commit"));
        _exit(0);
    }
    service_post(&service, posts, N, N, 0);
    PQfinish(owner);
    owner = owner_connect();
    for (size_t i = 0; i < N; i++)
        assert_int_equal(posts[i].status, 200); /* each at the first attempt */
    quiet();
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), COUNTOF(culprits));
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters where item like"
                                       " 'wamid.p.%' and reason like '%data error 22003%'"
                                       " and convert_from(payload, 'UTF8') like '%POISON%'"),
                     COUNTOF(culprits));
    assert_int_equal(inbound("provider_id like 'wamid.n.%'"), N - COUNTOF(culprits));
    assert_int_equal(inbound("kind = 'parked'"), COUNTOF(culprits));
    assert_int_equal(service_arrived(&service, NULL, SORRY), COUNTOF(culprits));
    for (size_t i = 0; i < COUNTOF(culprits); i++) {
        assert_int_equal(service_arrived(&service, text("155507", 10000 + culprits[i]), SORRY),
                         1);
    }
    assert_int_equal(service_repeated(&service), 0);
    size_t parked = COUNTOF(culprits);
    assert_true(service_counter(&service, "parley_parked_total") == (double)parked);
    assert_int_equal(service_logged(&service, " turns.parked "), COUNTOF(culprits));
}

/* What PostgreSQL does not count among the errors of data: an infinity that cannot be a whole
 * number is "not supported", as a plan that is out of date is; too long for an index is a
 * limit. */
static void of_bad_data_of_any_kind_only_the_culprit_is_parked(void **state)
{
    (void)state;
    static const char *const bad[] = {"INFINITE", "TOO MUCH"};

    for (size_t k = 0; k < COUNTOF(bad); k++) {
        struct post posts[4];
        fill(posts, 4, text("wamid.n.", k));
        posts[2].body = post_text(&arena, "15550720001", text("wamid.k.", k), bad[k]);
        service_post(&service, posts, 4, 4, 0);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(posts[i].status, 200);
    }
    quiet();
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), COUNTOF(bad));
    assert_int_equal(service_arrived(&service, "15550720001", SORRY), COUNTOF(bad));
    assert_int_equal(inbound("kind <> 'parked'"), 3 * COUNTOF(bad));
}

/* Who has the conversation hears that something came; the bot does not speak in between. */
static void crm_3_what_cannot_be_handled_is_told_to_the_person_who_has_the_conversation(
    void **state)
{
    (void)state;
    static const char *const words[] = {"human", "POISON", "are you there?"};

    for (size_t i = 0; i < COUNTOF(words); i++) {
        struct post post = {
            .body = post_text(&arena, "15550710001", text("wamid.h.", i), words[i])};
        service_post(&service, &post, 1, 1, 0);
        assert_int_equal(post.status, 200);
    }
    quiet();
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 1);
    assert_int_equal(service_arrived(&service, NULL, SORRY), 0);
    assert_int_equal(
        ask_number(owner, "select count(*) from events_out where type = 'message.received'"
                          " and data ->> 'kind' = 'parked'"),
        1);
}

static void a_parked_message_that_comes_again_is_not_parked_again(void **state)
{
    (void)state;
    struct post post = {.body = post_text(&arena, "15550710001", "wamid.p", "POISON")};

    for (int i = 0; i < 3; i++) {
        post.status = 0;
        service_post(&service, &post, 1, 1, 0);
        assert_int_equal(post.status, 200);
    }
    quiet();
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 1);
    assert_int_equal(service_arrived(&service, NULL, SORRY), 1);
}

static void one_bad_item_of_a_delivery_does_not_harm_the_others(void **state)
{
    (void)state;
    enum { N = 30 };
    struct str messages[N];

    for (size_t i = 0; i < N; i++) {
        messages[i] = post_message(&arena, text("155507", 10000 + i / 2), text("wamid.", i),
                                   i == 11 ? "POISON" : "hi");
    }
    struct post post = {.body = post_messages(&arena, messages, N)};
    service_post(&service, &post, 1, 1, 0);
    assert_int_equal(post.status, 200);
    quiet();
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 1);
    assert_int_equal(inbound("kind <> 'parked'"), N - 1);
    assert_int_equal(ask_number(owner, "select count(*) from payloads"), 1);
    /* the parked one keeps its place in its conversation */
    assert_int_equal(
        ask_number(owner, "select count(*) from messages a join messages b using (org_id,"
                          " conversation_id) where a.provider_id = 'wamid.10' and b.kind ="
                          " 'parked' and a.seq < b.seq"),
        1);
}

static struct str delivery_of(const char *field, const char *value)
{
    return arena_format(&arena,
                        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"%s\","
                        "\"changes\":[{\"field\":\"%s\",\"value\":%s}]}]}",
                        SERVICE_BUSINESS, field, value);
}

/* Nobody to say sorry to, but no reason to be posted for a week either. */
static void a_note_or_a_status_with_bad_data_is_parked_too(void **state)
{
    (void)state;
    struct post posts[4] = {
        {.body = delivery_of("message_template_status_update",
                             "{\"event\":\"REJECTED\",\"message_template_id\":594425479261596,"
                             "\"message_template_name\":\"POISON\","
                             "\"message_template_language\":\"en_US\",\"reason\":\"NONE\"}")},
        {.body = delivery_of(
             "messages",
             "{\"messaging_product\":\"whatsapp\",\"metadata\":{\"display_phone_number\":"
             "\"15550783881\",\"phone_number_id\":\"" SERVICE_NUMBER "\"},\"statuses\":[{"
             "\"id\":\"wamid.unknown\",\"status\":\"failed\",\"timestamp\":\"1794000000\","
             "\"recipient_id\":\"15550710001\",\"errors\":[{\"code\":131999,\"title\":\"x\"}]}]"
             "}")},
    };

    fill(&posts[2], 2, "wamid.n.");
    service_post(&service, posts, 4, 4, 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(posts[i].status, 200);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters where payload is not"
                                       " null and reason like '%data error 22003%'"),
                     2);
    posts[0].status = 0; /* and when the note comes again it is known */
    service_post(&service, posts, 1, 1, 0);
    assert_int_equal(posts[0].status, 200);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 2);
    assert_int_equal(inbound("true"), 2);
    quiet();
}

/* --- a sick database -----------------------------------------------------------------------
 */

static void a_sick_database_parks_nobody_and_all_is_handled_once(void **state)
{
    (void)state;
    static const char *const codes[] = {
        "53100", /* disk full */
        "53200", /* out of memory */
        "40001", /* serialization failure */
        "40P01", /* deadlock */
        "57014", /* statement timeout */
        "55P03", /* lock not available */
        "57P03", /* cannot connect now */
        "58030", /* I/O error */
        "XX001", /* data corrupted */
        "42501", /* insufficient privilege: ours to mend, and nobody's message's fault */
    };
    enum { N = 12 };
    struct post posts[N];

    for (size_t k = 0; k < COUNTOF(codes); k++) {
        fill(posts, N, text("wamid.", k * 1000));
        set_fault(codes[k], 600);
        service_post(&service, posts, N, N, 0);
        for (size_t i = 0; i < N; i++) {
            if (posts[i].status != 200)
                fail_msg("%s: %ld", codes[k], posts[i].status);
        }
        assert_int_equal(inbound("true"), N * (k + 1));
    }
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    quiet();
    assert_int_equal(service_arrived(&service, NULL, SORRY), 0);
    assert_int_equal(service_repeated(&service), 0);
    assert_true(service_counter(&service, "parley_parked_total") == 0);
}

static void past_the_deadline_it_is_503_and_nothing_is_left_behind(void **state)
{
    (void)state;
    enum { N = 10 };
    struct post posts[N];

    fill(posts, N, "wamid.");
    set_fault("53100", 5000);
    usec_t began = clock_monotonic();
    service_post(&service, posts, N, N, 0);
    assert_true(clock_monotonic() - began < 6 * USEC_PER_SEC);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(posts[i].status, 503);
    assert_int_equal(inbound("true"), 0);
    assert_int_equal(ask_number(owner, "select (select count(*) from seen) +"
                                       " (select count(*) from payloads) +"
                                       " (select count(*) from dead_letters)"),
                     0);
    service_post(&service, posts, N, N, 20 * USEC_PER_SEC);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(posts[i].status, 200);
    quiet();
    assert_int_equal(inbound("true"), N);
    assert_int_equal(service_arrived(&service, NULL, SORRY), 0);
}

static void a_statement_that_takes_too_long_is_tried_again(void **state)
{
    (void)state;
    enum { N = 8 };
    struct post posts[N];

    run_sql(owner, "alter database parley set statement_timeout = '100ms'");
    run_sql(owner, "select pg_terminate_backend(pid) from pg_stat_activity"
                   " where application_name = 'parley'");
    fill(posts, N, "wamid.");
    set_fault("sleep", 800);
    service_post(&service, posts, N, N, 20 * USEC_PER_SEC);
    run_sql(owner, "alter database parley reset statement_timeout");
    for (size_t i = 0; i < N; i++)
        assert_int_equal(posts[i].status, 200);
    quiet();
    assert_int_equal(inbound("true"), N);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    assert_true(service_logged(&service, "statement timeout") > 0);
}

static void connections_cut_again_and_again_park_nobody_and_double_nothing(void **state)
{
    (void)state;
    enum { N = 300 };
    static struct post posts[N];

    fill(posts, N, "wamid.");
    pid_t pid = later(30 * USEC_PER_MSEC, 100,
                      "select pg_terminate_backend(pid) from pg_stat_activity"
                      " where application_name = 'parley' and random() < 0.7");
    for (size_t i = 0; i < N; i += 20) {
        service_post(&service, posts + i, 20, 20, 30 * USEC_PER_SEC);
        (void)usleep(100000);
    }
    (void)waitpid(pid, NULL, 0);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(posts[i].status, 200);
    quiet();
    assert_int_equal(inbound("true"), N);
    assert_int_equal(ask_number(owner, "select count(distinct provider_id) from messages"
                                       " where inbound"),
                     N);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    assert_int_equal(service_repeated(&service), 0);
    assert_int_equal(service_arrived(&service, NULL, NULL),
                     ask_number(owner, "select count(*) from messages where not inbound"));
}

/* --- too much ------------------------------------------------------------------------------
 */

/* The provider keeps what we cannot: it is told so at once, and comes again. */
static void a_full_queue_answers_503_and_what_comes_again_is_handled_once(void **state)
{
    (void)state;
    enum { N = 30, ITEMS = 100 };
    struct post posts[N] = {0};
    size_t taken = 0, refused = 0;

    for (size_t i = 0; i < N; i++) {
        struct str messages[ITEMS];
        for (size_t k = 0; k < ITEMS; k++) {
            messages[k] = post_message(&arena, text("15550", 710000 + i * ITEMS + k),
                                       text("wamid.", i * ITEMS + k), "hi");
        }
        posts[i].body = post_messages(&arena, messages, ITEMS);
    }
    run_sql(owner, "begin; lock table seen in exclusive mode");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)usleep(1200000);
        PQclear(PQexec(owner, "commit"));
        _exit(0);
    }
    service_post(&service, posts, N, N, 0);
    PQfinish(owner);
    owner = owner_connect();
    for (size_t i = 0; i < N; i++) {
        taken += posts[i].status == 200;
        refused += posts[i].status == 503;
    }
    assert_int_equal(taken + refused, N);
    assert_int_equal(taken, 10);
    assert_int_equal(inbound("true"), taken * ITEMS);
    assert_true(service_counter(&service, "parley_deliveries_unavailable_total") >=
                (double)refused);
    service_post(&service, posts, N, 10, 20 * USEC_PER_SEC);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(posts[i].status, 200);
    quiet();
    assert_int_equal(inbound("true"), N * ITEMS);
    assert_int_equal(ask_number(owner, "select count(distinct provider_id) from messages"
                                       " where inbound"),
                     N * ITEMS);
}

static int set_up_narrow(void **state)
{
    assert_int_equal(setenv("PARLEY_TURNS_QUEUE_MAX", "1000", 1), 0);
    int status = set_up(state);
    assert_int_equal(unsetenv("PARLEY_TURNS_QUEUE_MAX"), 0);
    return status;
}

/* --- partitions ----------------------------------------------------------------------------
 */

/* The folder's broom has not run yet, or was away for a year: deliveries are kept all the same.
 */
static void a_delivery_is_kept_though_its_days_partition_is_missing(void **state)
{
    (void)state;
    struct post posts[3];

    fill(posts, 3, "wamid.");
    run_sql(owner, "do $$ declare n text; begin for n in select relname from pg_class where"
                   " relname ~ '^payloads_[0-9]{8}$' loop execute 'drop table ' || n; end loop;"
                   " end $$");
    service_post(&service, posts, 3, 3, 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(posts[i].status, 200);
    assert_int_equal(ask_number(owner, "select count(*) from payloads_default"), 3);
    /* the broom, 5 s after the start, leaves this day where it is and makes those to come */
    service_until(&service, owner,
                  "select count(*) from pg_class where relname ~ '^payloads_[0-9]{8}$'", 3,
                  20 * USEC_PER_SEC);
    assert_int_equal(ask_number(owner, "select count(*) from payloads"), 3);
    struct post more = {.body = post_text(&arena, "15550710001", "wamid.more", "hi")};
    service_post(&service, &more, 1, 1, 0);
    assert_int_equal(more.status, 200);
    assert_int_equal(ask_number(owner, "select count(*) from payloads_default"), 4);
    quiet();
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(of_a_failed_batch_only_the_culprit_is_parked_and_all_others_are_handled_once),
        FRESH(of_bad_data_of_any_kind_only_the_culprit_is_parked),
        FRESH(crm_3_what_cannot_be_handled_is_told_to_the_person_who_has_the_conversation),
        FRESH(a_parked_message_that_comes_again_is_not_parked_again),
        FRESH(one_bad_item_of_a_delivery_does_not_harm_the_others),
        FRESH(a_note_or_a_status_with_bad_data_is_parked_too),
        FRESH(a_sick_database_parks_nobody_and_all_is_handled_once),
        FRESH(past_the_deadline_it_is_503_and_nothing_is_left_behind),
        FRESH(a_statement_that_takes_too_long_is_tried_again),
        FRESH(connections_cut_again_and_again_park_nobody_and_double_nothing),
        cmocka_unit_test_setup_teardown(
            a_full_queue_answers_503_and_what_comes_again_is_handled_once, set_up_narrow,
            tear_down),
        FRESH(a_delivery_is_kept_though_its_days_partition_is_missing),
    };
    store_open();
    owner = owner_connect();
    run_sql(owner, faults_sql);
    PQfinish(owner);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
