/*
 * CH-8: "Delivery status is a join. Any order, any repetition of callbacks gives the same
 * result. A status that arrives before its message is known waits for it." Held against every
 * statement that moves a status, in the orders that a provider may choose.
 */
#include "bot/base/message.h"
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/said.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CONVERSATION "00000000-0000-7000-8000-00000000c001"
#define ID           "\"\\\\x0102030405060708090a0b0c0d0e0f10\""
#define OTHER_ID     "\"\\\\x1112030405060708090a0b0c0d0e0f10\""
#define HASH         "{" ID "}"
#define OTHER_HASH   "{" OTHER_ID "}"
#define NOW          "2026-11-21 12:00:00+00"

static PGconn *owner, *bot;
static char org[UUID_TEXT_LEN + 1];

static int set_up(void **state)
{
    (void)state;
    run_sql(owner, "delete from outbox; delete from early_statuses; delete from fallbacks;"
                   " delete from messages");
    run_sql(owner,
            "insert into messages (org_id, conversation_id, seq, inbound, kind, body, at)"
            " select org_id, '" CONVERSATION "', s, s = 2, 'text', '', now()"
            "   from businesses, generate_series(1, 2) s");
    return 0;
}

/* --- the ways that a status may take -------------------------------------------------------
 */

static void by_key(const char *deliveries, const char *errors, size_t n)
{
    char conversations[512] = "{", seqs[64] = "{", hashes[512] = "{";

    for (size_t i = 0; i < n; i++) {
        (void)snprintf(conversations + strlen(conversations), 64, "%s" CONVERSATION,
                       i > 0 ? "," : "");
        (void)snprintf(seqs + strlen(seqs), 8, "%s1", i > 0 ? "," : "");
        (void)snprintf(hashes + strlen(hashes), 64, "%s" ID, i > 0 ? "," : "");
    }
    (void)strcat(conversations, "}");
    (void)strcat(seqs, "}");
    (void)strcat(hashes, "}");
    (void)say_count(bot, &SQL_TURN_STATUSES,
                    PARAMS(org, conversations, seqs, deliveries, errors, hashes));
}

static void by_id(const char *deliveries, const char *errors, size_t n)
{
    char hashes[512] = "{";

    for (size_t i = 0; i < n; i++) {
        (void)snprintf(hashes + strlen(hashes), 64, "%s" ID, i > 0 ? "," : "");
    }
    (void)strcat(hashes, "}");
    (void)say_count(bot, &SQL_TURN_STATUSES_BY_ID,
                    PARAMS(org, hashes, deliveries, errors, NOW));
    (void)say_count(bot, &SQL_TURN_STATUSES_EARLY,
                    PARAMS(org, hashes, deliveries, errors, NOW));
}

static void provider_took(const char *attempt)
{
    assert_int_equal(
        say_count(bot, &SQL_OUTBOX_SENT,
                  PARAMS(org, "{" CONVERSATION "}", "{1}", "{wamid.x}", HASH, attempt)),
        1);
}

static void provider_took_it(void)
{
    provider_took("{1}");
}

static void early_ones_join(void)
{
    run_sql(owner, "update early_statuses set due_at = at");
    (void)say_number(bot, &SQL_EARLY_JOIN, PARAMS(org, NOW, "500"));
}

static void one(bool keyed, enum delivery delivery, int error)
{
    char deliveries[16], errors[16];

    (void)snprintf(deliveries, sizeof deliveries, "{%d}", (int)delivery);
    (void)snprintf(errors, sizeof errors, "{%d}", error);
    if (keyed) {
        by_key(deliveries, errors, 1);
    } else {
        by_id(deliveries, errors, 1);
    }
}

static void is_now(enum delivery delivery, int error)
{
    assert_int_equal(ask_number(owner, "select delivery from messages where seq = 1"),
                     delivery);
    assert_int_equal(ask_number(owner, "select error from messages where seq = 1"), error);
    assert_int_equal(ask_number(owner, "select delivery + error from messages where seq = 2"),
                     0);
}

/* What is left of two, whichever came first: the enum is in that order. */
static enum delivery joined(enum delivery a, enum delivery b)
{
    return a > b ? a : b;
}

static int error_of(enum delivery delivery)
{
    return delivery == DELIVERY_FAILED ? 131026 : 0;
}

/* --- tests ---------------------------------------------------------------------------------
 */

static void ch_8_every_pair_of_statuses_ends_the_same_by_every_way(void **state)
{
    for (int a = DELIVERY_SENT; a <= DELIVERY_DELETED; a++) {
        for (int b = DELIVERY_SENT; b <= DELIVERY_DELETED; b++) {
            for (unsigned ways = 0; ways < 12; ways++) {
                (void)set_up(state);
                if (ways / 4 == 0)
                    provider_took_it();
                one(ways & 1, (enum delivery)a, error_of((enum delivery)a));
                if (ways / 4 == 1)
                    provider_took_it();
                one(ways & 2, (enum delivery)b, error_of((enum delivery)b));
                if (ways / 4 == 2)
                    provider_took_it();
                early_ones_join();
                is_now(joined((enum delivery)a, (enum delivery)b),
                       a == DELIVERY_FAILED || b == DELIVERY_FAILED ? 131026 : 0);
            }
        }
    }
}

static void ch_8_two_statuses_in_one_batch_join_too(void **state)
{
    char deliveries[32], errors[32];

    for (int a = DELIVERY_SENT; a <= DELIVERY_DELETED; a++) {
        for (int b = DELIVERY_SENT; b <= DELIVERY_DELETED; b++) {
            for (unsigned way = 0; way < 3; way++) {
                (void)set_up(state);
                (void)snprintf(deliveries, sizeof deliveries, "{%d,%d}", a, b);
                (void)snprintf(errors, sizeof errors, "{%d,%d}", error_of((enum delivery)a),
                               error_of((enum delivery)b));
                if (way < 2)
                    provider_took_it();
                if (way == 0) {
                    by_key(deliveries, errors, 2);
                } else {
                    by_id(deliveries, errors, 2);
                }
                if (way == 2)
                    provider_took_it();
                early_ones_join();
                is_now(joined((enum delivery)a, (enum delivery)b),
                       a == DELIVERY_FAILED || b == DELIVERY_FAILED ? 131026 : 0);
            }
        }
    }
}

static uint32_t random_state = 5;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

enum { STEPS = 12, TAKEN = -1, GIVEN_UP = -2, JOINED = -3 };

/* What happens to one message: statuses, the provider's answer, our own giving up, sweeps. */
static void play(const int *steps)
{
    for (size_t i = 0; i < STEPS; i++) {
        if (steps[i] == TAKEN) {
            provider_took_it();
        } else if (steps[i] == JOINED) {
            early_ones_join();
        } else if (steps[i] == GIVEN_UP) {
            (void)say_count(
                bot, &SQL_OUTBOX_FAILED,
                PARAMS(org, "{" CONVERSATION "}", "{1}", "{0}", "{outcome unknown}", "{1}"));
        } else {
            one(steps[i] & 16, (enum delivery)(steps[i] & 15),
                error_of((enum delivery)(steps[i] & 15)));
        }
    }
    early_ones_join();
}

static void shuffle(int *steps)
{
    for (uint32_t i = STEPS - 1; i > 0; i--) {
        uint32_t k = next_random(i + 1);
        int other = steps[k];
        steps[k] = steps[i];
        steps[i] = other;
    }
}

static void ch_8_any_order_and_any_repetition_gives_the_same_end(void **state)
{
    for (int round = 0; round < 60; round++) {
        int steps[STEPS] = {TAKEN, next_random(3) == 0 ? GIVEN_UP : JOINED};
        enum delivery end = steps[1] == GIVEN_UP ? DELIVERY_FAILED : DELIVERY_SENT;
        int error = 0;
        for (size_t i = 2; i < STEPS; i++) {
            enum delivery status = (enum delivery)(DELIVERY_SENT + next_random(5));
            if (round % 2 == 0 && status > DELIVERY_DELIVERED)
                status = DELIVERY_SENT;
            steps[i] = (int)status | (next_random(2) == 0 ? 16 : 0);
            end = joined(end, status);
            error = error_of(status) > error ? error_of(status) : error;
        }
        for (int order = 0; order < 5; order++) {
            (void)set_up(state);
            shuffle(steps);
            play(steps);
            is_now(end, error);
        }
    }
}

static void ch_8_a_status_that_comes_before_its_message_waits_for_it(void **state)
{
    (void)state;
    one(false, DELIVERY_READ, 0);
    one(false, DELIVERY_DELIVERED, 0);
    is_now(DELIVERY_QUEUED, 0);
    assert_int_equal(ask_number(owner, "select count(*) from early_statuses"), 1);
    early_ones_join(); /* too soon: it goes on waiting */
    assert_int_equal(ask_number(owner, "select count(*) from early_statuses"), 1);
    provider_took_it();
    early_ones_join();
    is_now(DELIVERY_READ, 0);
    assert_int_equal(ask_number(owner, "select count(*) from early_statuses"), 0);
}

static void ch_8_a_status_of_what_a_person_wrote_changes_nothing(void **state)
{
    (void)state;
    (void)say_count(bot, &SQL_TURN_STATUSES,
                    PARAMS(org, "{" CONVERSATION "}", "{2}", "{4}", "{0}", HASH));
    is_now(DELIVERY_QUEUED, 0);
}

/* It is looked after: what became of it decides whether it goes on by another channel. */
static void look_after(void)
{
    run_sql(owner,
            "insert into fallbacks (org_id, conversation_id, seq, topic, begun_at, due_at)"
            " select org_id, '" CONVERSATION "', 1, '', '" NOW "', timestamptz '" NOW
            "' + interval '10 minutes' from businesses");
}

static const char due[] = "select count(*) from fallbacks where due_at <= '" NOW "'";

static void ch_7_a_failure_that_was_known_before_its_message_goes_on_at_once(void **state)
{
    (void)state;
    look_after();
    one(false, DELIVERY_DELIVERED, 0);
    provider_took_it();
    early_ones_join();
    assert_int_equal(ask_number(owner, due), 0);
    (void)set_up(state);
    look_after();
    one(false, DELIVERY_FAILED, 131026);
    provider_took_it();
    early_ones_join();
    assert_int_equal(ask_number(owner, due), 1);
}

static void ch_7_a_failure_that_names_its_message_by_the_providers_id_goes_on_at_once(
    void **state)
{
    (void)state;
    look_after();
    provider_took_it();
    one(false, DELIVERY_SENT, 0);
    assert_int_equal(ask_number(owner, due), 0);
    one(false, DELIVERY_FAILED, 131026);
    assert_int_equal(ask_number(owner, due), 1);
}

static long joins_at(const char *now)
{
    return say_number(bot, &SQL_EARLY_JOIN, PARAMS(org, now, "500"));
}

/* What others send from our number is told to us, too: its statuses wait for nothing. */
static void ch_8_statuses_that_wait_in_vain_are_looked_at_ever_more_seldom(void **state)
{
    (void)state;
    run_sql(owner, "insert into early_statuses (org_id, provider_hash, delivery, at, due_at)"
                   " select org_id, decode(md5(i::text), 'hex'), 3, '" NOW "', '" NOW "'"
                   "   from businesses, generate_series(1, 1200) i");
    assert_int_equal(joins_at(NOW), 500);
    assert_int_equal(joins_at(NOW), 500);
    assert_int_equal(joins_at(NOW), 200);
    assert_int_equal(joins_at(NOW), 0);
    assert_int_equal(joins_at("2026-11-21 12:00:04+00"), 0);
    for (int i = 0; i < 3; i++)
        (void)joins_at("2026-11-21 13:00:00+00");
    assert_int_equal(joins_at("2026-11-21 13:59:59+00"), 0);
    one(false, DELIVERY_READ, 0); /* and hold up nobody's */
    provider_took_it();
    assert_int_equal(joins_at("2026-11-21 13:59:59+00"), 1);
    is_now(DELIVERY_READ, 0);
    assert_int_equal(joins_at("2026-11-21 14:00:00+00"), 500);
    assert_int_equal(ask_number(owner, "select count(*) from early_statuses"), 1200);
}

/* --- which attempt a failure is of ---------------------------------------------------------
 */

static void failed_by_key(const char *hash)
{
    (void)say_count(bot, &SQL_TURN_STATUSES,
                    PARAMS(org, "{" CONVERSATION "}", "{1}", "{2}", "{131026}", hash));
}

/* No answer came to the first; the second was taken, and may well arrive. */
static void ch_7_a_late_failure_of_the_first_attempt_says_nothing_of_the_second(void **state)
{
    (void)state;
    provider_took("{2}");
    failed_by_key(OTHER_HASH);
    is_now(DELIVERY_SENT, 131026);
    failed_by_key(HASH);
    is_now(DELIVERY_FAILED, 131026);
}

static void ch_7_a_failure_of_the_first_attempt_while_the_second_is_sent_is_taken_back(
    void **state)
{
    (void)state;
    failed_by_key(OTHER_HASH);
    is_now(DELIVERY_FAILED, 131026);
    provider_took("{2}");
    is_now(DELIVERY_SENT, 131026);
    failed_by_key(HASH);
    is_now(DELIVERY_FAILED, 131026);
}

static void ch_7_a_failure_that_overtakes_the_answer_to_its_own_attempt_stays(void **state)
{
    (void)state;
    failed_by_key(HASH);
    provider_took("{2}");
    is_now(DELIVERY_FAILED, 131026);
    (void)set_up(state);
    failed_by_key(OTHER_HASH); /* the provider has two names for its only one */
    provider_took("{1}");
    is_now(DELIVERY_FAILED, 131026);
}

/* A report of a mail that did not arrive may come from whoever had it last. */
static void ch_7_a_mail_that_came_back_has_failed_whatever_its_attempt_was_called(void **state)
{
    (void)state;
    provider_took("{2}");
    failed_by_key("{null}");
    is_now(DELIVERY_FAILED, 131026);
    (void)set_up(state);
    failed_by_key("{null}");
    provider_took("{2}");
    is_now(DELIVERY_FAILED, 131026);
}

/* --- what a status settles -----------------------------------------------------------------
 */

static void put_into_outbox(int outbox_state)
{
    char line[400];

    run_sql(owner, "delete from outbox");
    (void)snprintf(line, sizeof line,
                   "insert into outbox (org_id, lane_id, conversation_id, seq, due_at, state)"
                   " select org_id, account_id, '" CONVERSATION "', 1, now(), %d from accounts",
                   outbox_state);
    run_sql(owner, line);
}

/* Ready, unknown, orphaned, waiting. */
static void ch_8_a_sign_of_arrival_settles_whatever_state_the_sending_is_in(void **state)
{
    (void)state;
    for (int outbox_state = 0; outbox_state <= 4; outbox_state++) {
        if (outbox_state == 1)
            continue;
        put_into_outbox(outbox_state);
        (void)say_count(bot, &SQL_TURN_STATUSES_SETTLE,
                        PARAMS(org, "{" CONVERSATION "}", "{1}", "{f}", HASH));
        assert_int_equal(ask_number(owner, "select count(*) from outbox"), 0);
    }
}

/* What is intended is its sender's to settle, who may be at it: a status does not touch the
 * row, and so waits for nobody. When the sender dies or hears no answer, the log tells. */
static void ch_8_a_sign_of_arrival_leaves_what_is_intended_until_it_becomes_unsure(void **state)
{
    char lane[UUID_TEXT_LEN + 1];
    PGresult *rows = PQexec(owner, "select account_id::text from accounts limit 1");

    (void)state;
    (void)snprintf(lane, sizeof lane, "%s", PQgetvalue(rows, 0, 0));
    PQclear(rows);
    put_into_outbox(1);
    by_key("{3}", "{0}", 1);
    (void)say_count(bot, &SQL_TURN_STATUSES_SETTLE,
                    PARAMS(org, "{" CONVERSATION "}", "{1}", "{f}", HASH));
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 1);
    (void)say_count(bot, &SQL_OUTBOX_REPORTED, PARAMS(org, lane));
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 1);
    run_sql(owner, "update outbox set state = 3");
    (void)say_count(bot, &SQL_OUTBOX_REPORTED, PARAMS(org, lane));
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 0);
}

/* "failed" is of an attempt that ended: one that is to be made yet must still be made. */
static void ch_8_a_failed_attempt_does_not_settle_the_one_to_come(void **state)
{
    (void)state;
    put_into_outbox(0);
    (void)say_count(bot, &SQL_TURN_STATUSES_SETTLE,
                    PARAMS(org, "{" CONVERSATION "}", "{1}", "{t}", HASH));
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 1);
    put_into_outbox(2);
    (void)say_count(bot, &SQL_TURN_STATUSES_SETTLE,
                    PARAMS(org, "{" CONVERSATION "}", "{1}", "{t}", HASH));
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 0);
}

/* Two were sent without an answer, and one has failed. */
static void ch_7_a_failure_does_not_settle_what_another_attempt_may_have_brought(void **state)
{
    char lane[UUID_TEXT_LEN + 1];
    PGresult *rows = PQexec(owner, "select account_id::text from accounts limit 1");

    (void)state;
    (void)snprintf(lane, sizeof lane, "%s", PQgetvalue(rows, 0, 0));
    PQclear(rows);
    put_into_outbox(2);
    run_sql(owner, "update outbox set attempt = 2, repeats = 1");
    (void)say_count(bot, &SQL_TURN_STATUSES_SETTLE,
                    PARAMS(org, "{" CONVERSATION "}", "{1}", "{t}", OTHER_HASH));
    failed_by_key(OTHER_HASH);
    (void)say_count(bot, &SQL_OUTBOX_REPORTED, PARAMS(org, lane));
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 1);
    by_key("{3}", "{0}", 1);
    (void)say_count(bot, &SQL_OUTBOX_REPORTED, PARAMS(org, lane));
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 0);
    put_into_outbox(2); /* a mail's */
    run_sql(owner, "update outbox set attempt = 2, repeats = 1");
    (void)say_count(bot, &SQL_TURN_STATUSES_SETTLE,
                    PARAMS(org, "{" CONVERSATION "}", "{1}", "{t}", "{null}"));
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 0);
}

#define FRESH(test) cmocka_unit_test_setup(test, set_up)

static void make_shop(void)
{
    struct seed_options options = {
        .url = pg_url(&store_pg, "parley"), .phone_number_id = "1", .business_account_id = "2"};
    struct seed_counts counts;
    struct err err = {0};

    if (!seed_demo(&options, &counts, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    uuid_format(seed_demo_org, org);
    owner = owner_connect();
    bot = bot_connect();
    run_sql(owner, "insert into contact_points (org_id, contact_id, channel, address) select"
                   " org_id, org_id, 'whatsapp', '15550100001' from businesses");
    run_sql(owner, "insert into conversations (org_id, conversation_id, account_id, contact_id)"
                   " select org_id, '" CONVERSATION "', account_id, org_id from accounts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(ch_8_every_pair_of_statuses_ends_the_same_by_every_way),
        FRESH(ch_8_two_statuses_in_one_batch_join_too),
        FRESH(ch_8_any_order_and_any_repetition_gives_the_same_end),
        FRESH(ch_8_a_status_that_comes_before_its_message_waits_for_it),
        FRESH(ch_8_a_status_of_what_a_person_wrote_changes_nothing),
        FRESH(ch_7_a_failure_that_was_known_before_its_message_goes_on_at_once),
        FRESH(ch_7_a_failure_that_names_its_message_by_the_providers_id_goes_on_at_once),
        FRESH(ch_8_statuses_that_wait_in_vain_are_looked_at_ever_more_seldom),
        FRESH(ch_8_a_sign_of_arrival_settles_whatever_state_the_sending_is_in),
        FRESH(ch_8_a_sign_of_arrival_leaves_what_is_intended_until_it_becomes_unsure),
        FRESH(ch_8_a_failed_attempt_does_not_settle_the_one_to_come),
        FRESH(ch_7_a_late_failure_of_the_first_attempt_says_nothing_of_the_second),
        FRESH(ch_7_a_failure_of_the_first_attempt_while_the_second_is_sent_is_taken_back),
        FRESH(ch_7_a_failure_that_overtakes_the_answer_to_its_own_attempt_stays),
        FRESH(ch_7_a_mail_that_came_back_has_failed_whatever_its_attempt_was_called),
        FRESH(ch_7_a_failure_does_not_settle_what_another_attempt_may_have_brought),
    };
    store_open();
    make_shop();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(bot);
    PQfinish(owner);
    store_shut();
    return failed;
}
