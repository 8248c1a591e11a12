/*
 * Workers of one service against each other: a holder of the lane who dies or sleeps, and many
 * batches over the same few customers. What counts is in the database and in the sandbox's
 * journal.
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

static struct arena arena;
static struct service service;
static PGconn *owner;

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static struct str text_of(const char *lead, size_t number)
{
    return arena_format(&arena, "%s%zu", lead, number);
}

static void quiet(void)
{
    service_until(&service, owner, "select count(*) from outbox", 0, 40 * USEC_PER_SEC);
}

static void post_hellos(const char *lead, size_t n)
{
    struct post *posts = arena_array(&arena, struct post, n);

    for (size_t i = 0; i < n; i++) {
        posts[i].body =
            post_text(&arena, text_of("155508", 10000 + i).at, text_of(lead, i).at, "hi");
    }
    service_post(&service, posts, n, 16, 20 * USEC_PER_SEC);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(posts[i].status, 200);
}

/* What was promised has arrived, and nothing twice that is not counted as a repetition: a
 * callback may have waited for the sleeper, and then nobody knew. */
static void all_was_said_and_repetitions_are_counted(void)
{
    long promised = ask_number(owner, "select count(*) from messages where not inbound");
    size_t repeated = service_repeated(&service);
    double counted = service_counter(&service, "parley_send_repeated_total");

    (void)fprintf(stderr, "%zu repeated, %.0f counted\n", repeated, counted);
    assert_true((double)repeated <= counted);
    assert_int_equal(service_arrived(&service, NULL, NULL), promised + (long)repeated);
    assert_int_equal(ask_number(owner, "select count(*) from messages where not inbound and"
                                       " delivery = 0"),
                     0);
}

/* The lane of the number; that of SMS is nobody's concern here. */
#define LANES "lanes join accounts on account_id = lane_id and channel = 'whatsapp'"

/* --- the holder ----------------------------------------------------------------------------
 */

/* The worker whose id holds the lane, found by the line that it began with. */
static pid_t holder(void)
{
    PGresult *result = PQexec(owner, "select holder from " LANES " where holder is not null");
    pid_t pids[8];

    assert_int_equal(PQntuples(result), 1);
    size_t n = service_workers(&service, pids, COUNTOF(pids));
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        struct str line = arena_format(&arena, "worker.started worker=%zu holder=%s", i,
                                       PQgetvalue(result, 0, 0));
        if (service_logged(&service, line.at) > 0) {
            PQclear(result);
            return pids[i];
        }
    }
    fail_msg("no worker says that it is %s", PQgetvalue(result, 0, 0));
    return 0;
}

static void start_two(void)
{
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2});
    service_until(&service, owner, "select count(*) from " LANES " where holder is not null", 1,
                  10 * USEC_PER_SEC);
}

static void a_lane_whose_holder_died_is_taken_over_after_its_lease(void **state)
{
    (void)state;
    start_two();
    post_hellos("wamid.a.", 30);
    long epoch = ask_number(owner, "select epoch from " LANES);
    usec_t died = clock_monotonic();
    assert_int_equal(kill(holder(), SIGKILL), 0);
    post_hellos("wamid.b.", 30);
    service_until(
        &service, owner,
        arena_format(&arena, "select count(*) from " LANES " where epoch > %ld", epoch).at, 1,
        10 * USEC_PER_SEC);
    assert_true(clock_monotonic() - died < 5 * USEC_PER_SEC); /* a lease of 2 s */
    quiet();
    assert_int_equal(ask_number(owner, "select count(distinct provider_id) from messages"
                                       " where inbound"),
                     60);
    all_was_said_and_repetitions_are_counted();
    service_stop(&service);
}

/* The cruel one: it is not dead, only asleep past its lease, and wakes with sendings half done.
 */
static void a_holder_that_slept_past_its_lease_sends_nothing_and_spoils_nothing(void **state)
{
    (void)state;
    start_two();
    for (int round = 0; round < 3; round++) {
        service_until(&service, owner,
                      "select count(*) from " LANES " where holder is not null"
                      " and lease_until > now()",
                      1, 10 * USEC_PER_SEC);
        long epoch = ask_number(owner, "select epoch from " LANES);
        pid_t sleeper = holder();
        pid_t stopper = fork();
        if (stopper == 0) { /* in the middle of the deliveries */
            (void)usleep(30000);
            (void)kill(sleeper, SIGSTOP);
            (void)usleep(4000000);
            (void)kill(sleeper, SIGCONT);
            _exit(0);
        }
        post_hellos(arena_format(&arena, "wamid.%d.", round).at, 60);
        service_until(
            &service, owner,
            arena_format(&arena, "select count(*) from " LANES " where epoch > %ld", epoch).at,
            1, 10 * USEC_PER_SEC);
        (void)waitpid(stopper, NULL, 0);
        quiet();
    }
    all_was_said_and_repetitions_are_counted();
    assert_int_equal(ask_number(owner, "select count(*) from messages where inbound"), 180);
    assert_true(service_counter(&service, "parley_worker_deaths_total") < 1);
    service_stop(&service);
}

/*
 * A turn had intended it for the holder, and its worker died before it could hand it over. The
 * next message of the conversation is intended behind it, and must not overtake it.
 */
static void what_was_intended_and_never_handed_over_is_sent_once_and_first(void **state)
{
    (void)state;
    start_two();
    post_hellos("wamid.a.", 1);
    quiet();
    PGresult *result = PQexec(
        owner,
        "with c as (update conversations set seq = seq + 1 returning *), m as ("
        " insert into messages (org_id, conversation_id, seq, inbound, kind, body, at)"
        " select org_id, conversation_id, seq, false, 'text',"
        " '{\"kind\":\"text\",\"body\":\"left behind\"}', now() from c)"
        " insert into outbox (org_id, lane_id, conversation_id, seq, due_at, state, attempt,"
        " epoch, intent_at)"
        " select c.org_id, c.account_id, c.conversation_id, c.seq, now(), 1, 1, l.epoch,"
        " now() - interval '1 second' from c join lanes l on l.lane_id = c.account_id");
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
    double handed = service_counter(&service, "parley_handed_over_total");
    post_hellos("wamid.b.", 1);
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 2);
    quiet();
    assert_true(service_counter(&service, "parley_handed_lost_total") > 0);
    all_was_said_and_repetitions_are_counted();
    assert_int_equal(service_repeated(&service), 0);
    assert_true(service_counter(&service, "parley_handed_over_total") > handed);
    assert_int_equal(service_disordered(&service), 0);
    service_stop(&service);
}

/* Two lives of the service: the second holds the lane at once, since the first gave it back. */
static void a_stopped_service_gives_its_lane_back(void **state)
{
    (void)state;
    start_two();
    post_hellos("wamid.a.", 10);
    quiet();
    service_stop(&service);
    assert_int_equal(ask_number(owner, "select count(*) from " LANES " where holder is null and"
                                       " lease_until < now()"),
                     1);
}

/* --- deadlocks -----------------------------------------------------------------------------
 */

enum { WORKERS = 4, PEOPLE = 12, ROUNDS = 12, EACH = 40 };

static uint32_t random_state = 3;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

static const char *const words[] = {
    "hi", "orders", "menu", "stop", "start", "help", "1", "back", "where is my order?"};

/* Statuses of what was really sent, mixed: by key and by id, forwards and backwards. */
static struct str statuses_of(const PGresult *sent, int from, int n)
{
    static const char *const names[] = {"sent", "delivered", "read", "failed"};
    struct str all = STR("");

    for (int i = 0; i < n; i++) {
        int row = (from + (next_random(2) ? i : n - i)) % PQntuples(sent);
        uint32_t which = next_random(12);
        struct str key =
            next_random(3) == 0
                ? STR("")
                : arena_format(&arena, "\"biz_opaque_callback_data\":\"p1.%s.%s\",",
                               PQgetvalue(sent, row, 0), PQgetvalue(sent, row, 1));
        all = arena_format(&arena,
                           "%.*s%s{\"id\":\"%s\",\"status\":\"%s\",%.*s\"timestamp\":\"%lld\","
                           "\"recipient_id\":\"%s\"%s}",
                           STR_ARG(all), i > 0 ? "," : "", PQgetvalue(sent, row, 2),
                           names[which < 9 ? which % 3 : which % 4], STR_ARG(key),
                           (long long)(clock_now() / USEC_PER_SEC), "15550810001",
                           which >= 9 && which % 4 == 3
                               ? ",\"errors\":[{\"code\":131026,\"title\":\"x\"}]"
                               : "");
    }
    return arena_format(
        &arena,
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"" SERVICE_BUSINESS
        "\",\"changes\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\","
        "\"metadata\":{\"display_phone_number\":\"15550783881\",\"phone_number_id\":"
        "\"" SERVICE_NUMBER "\"},\"statuses\":[%.*s]}}]}]}",
        STR_ARG(all));
}

/* Deliveries of a few messages each, over the same people in every order. */
static size_t make_round(struct post *posts, int round, size_t *made)
{
    PGresult *sent = PQexec(owner, "select conversation_id, seq, provider_id from messages"
                                   " where not inbound and provider_id is not null"
                                   " order by random() limit 200");

    for (size_t i = 0; i < EACH; i++) {
        struct str messages[8];
        size_t n = next_random(8) + 1;
        if (PQntuples(sent) > 10 && next_random(3) == 0) {
            posts[i] = (struct post){.body = statuses_of(sent, (int)next_random(200), 20)};
            continue;
        }
        for (size_t k = 0; k < n; k++) {
            messages[k] =
                post_message(&arena, text_of("155508", 20000 + next_random(PEOPLE)).at,
                             arena_format(&arena, "wamid.%d.%zu.%zu", round, i, k).at,
                             words[next_random(COUNTOF(words))]);
        }
        posts[i] = (struct post){.body = post_messages(&arena, messages, n)};
        *made += n;
    }
    PQclear(sent);
    return EACH;
}

static void many_workers_over_the_same_customers_in_every_order_never_deadlock(void **state)
{
    (void)state;
    static struct post posts[EACH];
    size_t made = 0;

    owner = owner_connect();
    service_start(
        &service,
        &(struct service_wish){.workers = WORKERS,
                               .faults = "{\"duplicate_callback\": 0.2,"
                                         " \"reorder_callback\": 0.2, \"lose_answer\": 0.02}"});
    long before = ask_number(owner, "select deadlocks from pg_stat_database where datname ="
                                    " 'parley'");
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = make_round(posts, round, &made);
        service_post(&service, posts, n, (unsigned)n, 30 * USEC_PER_SEC);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(posts[i].status, 200);
        for (size_t i = 0; i < n; i += 3) /* and a third of them once more */
            posts[i].status = 0;
        service_post(&service, posts, n, (unsigned)n, 30 * USEC_PER_SEC);
    }
    quiet();
    run_sql(owner, "select pg_stat_force_next_flush()");
    assert_int_equal(ask_number(owner, "select deadlocks from pg_stat_database where datname ="
                                       " 'parley'"),
                     before);
    assert_int_equal(service_logged(&service, "40P01"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from messages where inbound"), made);
    assert_int_equal(ask_number(owner, "select count(distinct provider_id) from messages"
                                       " where inbound"),
                     made);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    /* each conversation counted its messages without a gap */
    assert_int_equal(ask_number(owner, "select count(*) from conversations c where seq <>"
                                       " (select count(*) from messages m where"
                                       "   m.conversation_id = c.conversation_id)"),
                     0);
    assert_int_equal(service_logged(&service, " alert "), 0);
    (void)fprintf(stderr, "%zu messages, %ld replies, %.0f turns put off, %.0f batches\n", made,
                  ask_number(owner, "select count(*) from messages where not inbound"),
                  service_counter(&service, "parley_turns_put_off_total"),
                  service_counter(&service, "parley_batches_total"));
    service_stop(&service);
}

#define FRESH(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(a_lane_whose_holder_died_is_taken_over_after_its_lease),
        FRESH(a_holder_that_slept_past_its_lease_sends_nothing_and_spoils_nothing),
        FRESH(what_was_intended_and_never_handed_over_is_sent_once_and_first),
        FRESH(a_stopped_service_gives_its_lane_back),
        FRESH(many_workers_over_the_same_customers_in_every_order_never_deadlock),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
