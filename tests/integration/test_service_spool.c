/*
 * The database away, by SMS: Twilio does not come again, so what it is told has arrived must be
 * there afterwards, in each conversation's order, and once.
 */
#include "tests/support/service.h"
#include "tests/support/temp.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TWIML "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>"
#define WAIT  (60 * USEC_PER_SEC)

enum { PEOPLE = 24 };

static struct arena arena;
static struct service service;
static PGconn *owner;
static unsigned sent;
static char disk[TEMP_PATH]; /* a small one, while it is mounted */

static void start(unsigned workers)
{
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = workers, .sms = true});
    sent = 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (store_pg.pid <= 0)
        (void)!pg_boot(&store_pg);
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    owner = NULL;
    (void)unsetenv("PARLEY_SPOOL_MAX");
    if (disk[0] != '\0') {
        (void)umount(disk);
        (void)rmdir(disk);
        disk[0] = '\0';
    }
    return 0;
}

static void away(void)
{
    pg_halt(&store_pg, SIGQUIT);
}

static void back(void)
{
    assert_true(pg_boot(&store_pg));
    PQfinish(owner);
    owner = owner_connect();
}

/* One message of each person, at the same time; given up after `until`. */
static unsigned round_of(usec_t until)
{
    struct post posts[PEOPLE];
    unsigned taken = 0;

    for (unsigned i = 0; i < PEOPLE; i++) {
        char phone[32], id[64], words[32];
        (void)snprintf(phone, sizeof phone, "+1555072%04u", i);
        (void)snprintf(id, sizeof id, "SM%u.%u", i, sent);
        (void)snprintf(words, sizeof words, "item %u", sent);
        posts[i] = (struct post){.sms = true, .body = post_sms(&arena, phone, id, words, "")};
    }
    service_post(&service, posts, PEOPLE, PEOPLE, until);
    for (unsigned i = 0; i < PEOPLE; i++) {
        taken += posts[i].status == 200;
        if (posts[i].status == 200)
            assert_string_equal(posts[i].said, TWIML);
    }
    sent++;
    return taken;
}

static void rounds(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(round_of(WAIT), PEOPLE);
}

/* What was being stepped at two deaths is parked, however innocent: it may be so where so many
 * die. */
static void books_are_right(void)
{
    service_until(&service, owner, "select count(*) from messages where inbound",
                  (long)PEOPLE * sent, WAIT);
    long parked =
        ask_number(owner, "select count(*) from dead_letters where item like 'SM%.%'");
    assert_int_equal(ask_number(owner,
                                "select count(distinct provider_id) from messages where inbound"
                                " and kind <> 'parked'"),
                     (long)PEOPLE * sent - parked);
    assert_int_equal(
        ask_number(
            owner,
            "select count(*) from (select substr(body, 6)::int as n,"
            " lag(substr(body, 6)::int) over (partition by conversation_id order by seq)"
            " as before from messages where inbound and kind <> 'parked') m where before > n"),
        0);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    assert_int_equal(service_repeated(&service), 0);
    assert_int_equal(service_disordered(&service), 0);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters where reason <>"
                                       " 'a worker died over it twice'"),
                     0);
    assert_true(parked <= 5);
}

static double waiting(void)
{
    (void)usleep(500000); /* it is measured now and then */
    return service_counter(&service, "parley_spool_deliveries");
}

static void doctor_says(const char *words)
{
    char said[16384];
    char *const command[] = {"doctor", NULL};

    (void)service_command(&service, command, said, sizeof said);
    if (strstr(said, words) == NULL)
        fail_msg("\"%s\" is not in:\n%s", words, said);
}

static void spool_is_empty(void)
{
    double n = waiting();

    for (unsigned i = 0; i < 200 && n != 0; i++) { /* -1: the worker that was asked died */
        (void)usleep(50000);
        n = waiting();
    }
    assert_true(n == 0);
}

static void ops_5_with_the_database_away_all_is_answered_and_comes_later_in_order(void **state)
{
    (void)state;
    start(2);
    rounds(2);
    away();
    rounds(6);
    assert_true(waiting() >= PEOPLE * 4);
    assert_true(service_counter(&service, "parley_spool_bytes") > 1000);
    doctor_says("deliveries wait in");
    back();
    rounds(6); /* while it drains */
    books_are_right();
    spool_is_empty();
    assert_true(service_logged(&service, "spool.drained") > 0);
    doctor_says("nothing waits in");
    rounds(1);
    books_are_right();
    service_stop(&service);
}

/* Workers die all the while; who is told nothing calls again, as Twilio does when it is asked
 * to by the address (#rc=5&rp=all). */
static void ops_5_kill_9_of_workers_loses_nothing_and_doubles_nothing(void **state)
{
    (void)state;
    start(3);
    rounds(1);
    pid_t killer = fork();
    if (killer == 0) {
        for (unsigned i = 0; i < 16; i++) {
            pid_t workers[8];
            size_t n = service_workers(&service, workers, 8);
            if (n > 0)
                (void)kill(workers[i % n], SIGKILL);
            (void)usleep(450000);
        }
        _exit(0);
    }
    rounds(2);
    away();
    rounds(8);
    back();
    rounds(4);
    assert_int_equal(waitpid(killer, NULL, 0), killer);
    books_are_right();
    spool_is_empty();
    service_stop(&service);
}

/* The whole service dies while it has deliveries on its disk, and has fewer workers after. */
static void ops_5_another_service_finds_what_the_dead_one_kept(void **state)
{
    (void)state;
    start(3);
    rounds(1);
    away();
    rounds(4);
    (void)setenv("PARLEY_WORKERS", "1", 1);
    service_revive(&service);
    (void)unsetenv("PARLEY_WORKERS");
    for (unsigned i = 0; i < 40 && waiting() < PEOPLE * 3; i++)
        ;
    assert_true(waiting() >= PEOPLE * 3);
    rounds(2);
    back();
    books_are_right();
    spool_is_empty();
    service_stop(&service);
}

/* A stop in good order while the database is away. */
static void ops_5_a_stop_while_the_database_is_away_keeps_all(void **state)
{
    (void)state;
    start(2);
    rounds(1);
    away();
    rounds(3);
    assert_int_equal(kill(service.pid, SIGTERM), 0);
    (void)sleep(1);
    service_revive(&service);
    back();
    books_are_right();
    spool_is_empty();
    service_stop(&service);
}

static void ops_5_what_does_not_fit_is_answered_503(void **state)
{
    unsigned taken = 0, all = 0;

    (void)state;
    (void)setenv("PARLEY_SPOOL_MAX", "1MB", 1);
    start(1);
    away();
    char *more = arena_alloc(&arena, 30001);
    memset(more, 'x', 30000);
    static const struct str name = {"&Pad=", 5};
    memcpy(more, name.at, name.len);
    for (unsigned i = 0; i < 60; i++, all++) {
        char id[32];
        (void)snprintf(id, sizeof id, "SMf%u", i);
        struct post post = {.sms = true,
                            .body = post_sms(&arena, "+15550729999", id, "hello", more)};
        service_post(&service, &post, 1, 1, 0);
        assert_true(post.status == 200 || post.status == 503);
        taken += post.status == 200;
    }
    assert_true(taken >= 10 && taken < all);
    assert_true(service_logged(&service, "spool.full") > 0);
    back();
    service_until(&service, owner, "select count(*) from messages where inbound", taken, WAIT);
    spool_is_empty();
    service_stop(&service);
}

/* What became of a sending may stand in a delivery that waits: until that is handed in nothing
 * of its number is repeated. */
static void ops_5_an_unknown_waits_while_its_sign_may_be_on_the_disk(void **state)
{
    (void)state;
    start(1);
    rounds(1);
    books_are_right();
    run_sql(owner, "revoke insert on seen from parley_bot"); /* no turn can be kept */
    struct post post = {.sms = true,
                        .body = post_sms(&arena, "+15550720000", "SMheld", "item 1", "")};
    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    for (unsigned i = 0; i < 10 && waiting() == 0; i++)
        ;
    assert_true(waiting() > 0);
    run_sql(
        owner,
        "with c as (update conversations c set seq = seq + 1 from contact_points p where "
        "p.org_id = c.org_id and p.contact_id = c.contact_id and p.address = '+15550720001' "
        "returning c.*), m as (insert into messages (org_id, conversation_id, seq, "
        "inbound, kind, body, at) select org_id, conversation_id, seq, false, 'text', "
        "'{\"kind\":\"text\",\"body\":\"Was it heard?\"}', now() from c) insert into "
        "outbox (org_id, lane_id, conversation_id, seq, due_at, state, attempt) select "
        "org_id, account_id, conversation_id, seq, now(), 2, 1 from c");
    (void)usleep(1500000); /* three sweeps */
    assert_int_equal(ask_number(owner, "select count(*) from outbox where state = 2"), 1);
    assert_int_equal(service_arrived(&service, "+15550720001", "Was it heard?"), 0);
    run_sql(owner, "grant insert on seen to parley_bot");
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    assert_int_equal(service_arrived(&service, "+15550720001", "Was it heard?"), 1);
    spool_is_empty();
    service_stop(&service);
}

/* The disk, and not the setting, has no more room: what was answered 200 is there all the same,
 * and with room again it goes on. */
static void ops_5_a_disk_without_room_is_answered_503_and_harms_nothing(void **state)
{
    char *more = arena_alloc(&arena, 30001);
    unsigned taken = 0, refused = 0;

    (void)state;
    temp_folder(disk, "disk");
    if (mount("tmpfs", disk, "tmpfs", 0, "size=400k,mode=0700") != 0) {
        print_message("skipped: no small disk can be mounted here\n");
        skip();
    }
    (void)setenv("PARLEY_SPOOL_DIR", disk, 1);
    start(2);
    (void)unsetenv("PARLEY_SPOOL_DIR");
    memset(more, 'x', 30000);
    more[30000] = '\0';
    memcpy(more, "&Pad=", 5);
    for (unsigned round = 0; round < 2; round++) {
        away();
        for (unsigned i = 0; i < 30; i++) {
            char id[32];
            (void)snprintf(id, sizeof id, "SMd%u.%u", round, i);
            struct post post = {.sms = true,
                                .body = post_sms(&arena, "+15550729999", id, "hello", more)};
            service_post(&service, &post, 1, 1, 0);
            assert_true(post.status == 200 || post.status == 503);
            taken += post.status == 200;
            refused += post.status == 503;
        }
        back();
        service_until(&service, owner, "select count(*) from messages where inbound", taken,
                      WAIT);
        service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    }
    assert_true(taken >= 10 && refused >= 10);
    service_stop(&service);
}

/* A WhatsApp delivery is refused as ever: Meta comes again. */
static void ops_5_who_comes_again_is_answered_503(void **state)
{
    (void)state;
    start(1);
    away();
    struct post post = {.body = post_text(&arena, "15550710001", "wamid.s", "hello")};
    service_post(&service, &post, 1, 1, 0);
    assert_int_equal(post.status, 503);
    back();
    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    service_stop(&service);
}

/* Why a card's number is gone is told all the same, and the number is on no disk. */
static void ch_9_a_card_that_waits_is_none_any_more(void **state)
{
    struct post post = {
        .sms = true,
        .body = post_sms(&arena, "+15550720001", "SMcard", "pay with 4111 1111 1111 1111", "")};

    (void)state;
    start(1);
    away();
    service_post(&service, &post, 1, 1, 0);
    assert_int_equal(post.status, 200);
    back();
    service_until(&service, owner,
                  "select count(*) from messages where inbound and body like '%**** ****%'", 1,
                  WAIT);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    assert_true(service_arrived(&service, "+15550720001", "payment card") > 0);
    service_stop(&service);
}

#define EACH(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(ops_5_with_the_database_away_all_is_answered_and_comes_later_in_order),
        EACH(ops_5_kill_9_of_workers_loses_nothing_and_doubles_nothing),
        EACH(ops_5_another_service_finds_what_the_dead_one_kept),
        EACH(ops_5_a_stop_while_the_database_is_away_keeps_all),
        EACH(ops_5_what_does_not_fit_is_answered_503),
        EACH(ops_5_an_unknown_waits_while_its_sign_may_be_on_the_disk),
        EACH(ops_5_a_disk_without_room_is_answered_503_and_harms_nothing),
        EACH(ops_5_who_comes_again_is_answered_503),
        EACH(ch_9_a_card_that_waits_is_none_any_more)};

    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
