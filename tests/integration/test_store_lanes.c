/*
 * Who may send: the lane's lease and epoch, the intent, and what a holder who lost the lane can
 * still do, statement by statement, as two workers would say them on two connections.
 */
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/said.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ANA  "00000000-0000-7000-8000-00000000000a"
#define BEN  "00000000-0000-7000-8000-00000000000b"
#define C1   "00000000-0000-7000-8000-00000000c001"
#define C2   "00000000-0000-7000-8000-00000000c002"
#define T(s) "2026-11-21 12:00:" s "+00"

static PGconn *owner, *one, *two;
static char org[UUID_TEXT_LEN + 1], lane[UUID_TEXT_LEN + 1];

static int set_up(void **state)
{
    (void)state;
    run_sql(owner, "rollback");
    run_sql(one, "rollback");
    run_sql(two, "rollback");
    run_sql(owner, "delete from outbox; delete from messages; delete from lanes;"
                   " update contact_points set stopped_at = null");
    return 0;
}

static void promise(const char *conversation, int seq, int priority, bool exempt)
{
    char line[700];

    (void)snprintf(
        line, sizeof line,
        "insert into messages (org_id, conversation_id, seq, inbound, kind, body, at)"
        " select org_id, '%s', %d, false, 'text', '{}', now() from businesses;"
        "insert into outbox (org_id, lane_id, conversation_id, seq, due_at, priority,"
        " exempt) select org_id, account_id, '%s', %d, '" T("00") "', %d, %s"
                                                                  " from accounts",
        conversation, seq, conversation, seq, priority, exempt ? "true" : "false");
    run_sql(owner, line);
}

static long acquire(PGconn *conn, const char *who, const char *now, const char *until)
{
    return say_number(conn, &SQL_LANE_ACQUIRE, PARAMS(org, lane, who, now, until));
}

static long renew(PGconn *conn, const char *who, const char *epoch, const char *until)
{
    return say_count(conn, &SQL_LANE_RENEW, PARAMS(org, lane, who, epoch, until));
}

static long intend(PGconn *conn, const char *who, const char *epoch, const char *now)
{
    return say_count(conn, &SQL_OUTBOX_INTEND,
                     PARAMS(org, lane, who, epoch, now, "100", "100"));
}

static long state_of(const char *conversation, int seq)
{
    char line[200];

    (void)snprintf(line, sizeof line,
                   "select coalesce((select state from outbox where conversation_id = '%s' and"
                   " seq = %d), -1)",
                   conversation, seq);
    return ask_number(owner, line);
}

/* --- the lease -----------------------------------------------------------------------------
 */

static void a_lane_has_one_holder_until_its_lease_has_passed(void **state)
{
    (void)state;
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(acquire(two, BEN, T("01"), T("11")), -1);
    assert_int_equal(acquire(two, BEN, T("10"), T("20")), -1);
    assert_int_equal(acquire(two, BEN, T("10.000001"), T("20")), 2);
    assert_int_equal(acquire(one, ANA, T("11"), T("21")), -1);
}

static void a_renewed_lease_is_not_taken_over(void **state)
{
    (void)state;
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(renew(one, ANA, "1", T("20")), 1);
    assert_int_equal(acquire(two, BEN, T("15"), T("25")), -1);
    assert_int_equal(acquire(two, BEN, T("21"), T("31")), 2);
    assert_int_equal(renew(one, ANA, "1", T("40")), 0); /* and it knows that it has lost */
    assert_int_equal(renew(one, ANA, "2", T("40")), 0);
    assert_int_equal(renew(two, BEN, "2", T("40")), 1);
}

static void a_lane_given_back_is_free_at_once(void **state)
{
    (void)state;
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(say_count(one, &SQL_LANE_RELEASE, PARAMS(org, lane, ANA, "1")), 1);
    assert_int_equal(acquire(two, BEN, T("00"), T("10")), 2);
    assert_int_equal(say_count(one, &SQL_LANE_RELEASE, PARAMS(org, lane, ANA, "1")), 0);
    assert_int_equal(acquire(one, ANA, T("01"), T("11")), -1); /* a late release took nothing */
}

/* Two workers that want it at the same moment: one waits for the other's commit, and loses. */
static void of_two_at_the_same_moment_one_gets_it(void **state)
{
    (void)state;
    char until[] = T("10");

    run_sql(one, "begin");
    assert_int_equal(acquire(one, ANA, T("00"), until), 1);
    run_sql(two, "set lock_timeout = 100");
    const char *const params[] = {org, lane, BEN, T("00"), until};
    PGresult *result = PQexecParams(two, SQL_LANE_ACQUIRE.text, 5, NULL, params, NULL, NULL, 0);
    assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "55P03");
    PQclear(result);
    run_sql(two, "reset lock_timeout");
    run_sql(one, "commit");
    assert_int_equal(acquire(two, BEN, T("00"), until), -1);
}

static void epochs_only_grow_however_the_lane_changes_hands(void **state)
{
    (void)state;
    long last = 0;
    char now[40], until[40], epoch[24];

    for (int i = 0; i < 50; i++) {
        const char *who = i % 3 == 0 ? ANA : BEN;
        (void)snprintf(now, sizeof now, "2026-11-21 12:%02d:00+00", i);
        (void)snprintf(until, sizeof until, "2026-11-21 12:%02d:30+00", i);
        long got = acquire(i % 2 == 0 ? one : two, who, now, until);
        assert_true(got > last);
        last = got;
        (void)snprintf(epoch, sizeof epoch, "%ld", got);
        if (i % 5 == 0)
            last = say_number(one, &SQL_LANE_RECLAIM, PARAMS(org, lane, who, epoch));
        assert_true(last >= got);
        (void)snprintf(epoch, sizeof epoch, "%ld", last);
        if (i % 2 == 0)
            (void)say_count(two, &SQL_LANE_RELEASE, PARAMS(org, lane, who, epoch));
    }
}

/* --- the intent ----------------------------------------------------------------------------
 */

static void only_the_holder_within_its_lease_and_epoch_may_intend(void **state)
{
    (void)state;
    promise(C1, 1, 0, false);
    assert_int_equal(intend(one, ANA, "1", T("05")), 0); /* nobody holds it */
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(intend(two, BEN, "1", T("05")), 0);
    assert_int_equal(intend(one, ANA, "0", T("05")), 0);
    assert_int_equal(intend(one, ANA, "2", T("05")), 0);
    assert_int_equal(intend(one, ANA, "1", T("10")), 0); /* the lease has passed */
    assert_int_equal(state_of(C1, 1), 0);
    assert_int_equal(intend(one, ANA, "1", T("09")), 1);
    assert_int_equal(state_of(C1, 1), 1);
    assert_int_equal(intend(one, ANA, "1", T("09")), 0); /* once */
    assert_int_equal(ask_number(owner, "select attempt from outbox"), 1);
    assert_int_equal(ask_number(owner, "select epoch from outbox"), 1);
}

/* The intent waits for a hand-over that is under way, and then sees it. */
static void an_intent_during_a_hand_over_is_refused(void **state)
{
    (void)state;
    promise(C1, 1, 0, false);
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    run_sql(two, "begin");
    assert_int_equal(acquire(two, BEN, T("11"), T("21")), 2);
    const char *const params[] = {org, lane, ANA, "1", T("09"), "100", "100"};
    assert_int_equal(
        PQsendQueryParams(one, SQL_OUTBOX_INTEND.text, 7, NULL, params, NULL, NULL, 0), 1);
    (void)PQflush(one);
    run_sql(owner, "select pg_sleep(0.2)");
    run_sql(two, "commit");
    PGresult *result = PQgetResult(one);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    assert_int_equal(PQntuples(result), 0);
    PQclear(result);
    assert_null(PQgetResult(one));
    assert_int_equal(state_of(C1, 1), 0);
}

static void of_a_conversation_only_the_first_may_go_until_it_is_settled(void **state)
{
    (void)state;
    promise(C1, 1, 0, false);
    promise(C1, 2, 0, false);
    promise(C2, 7, 0, false);
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(intend(one, ANA, "1", T("05")), 2);
    assert_int_equal(state_of(C1, 1) + state_of(C2, 7), 2);
    assert_int_equal(state_of(C1, 2), 0);
    assert_int_equal(intend(one, ANA, "1", T("05")), 0);
    /* unknown: its conversation waits, and only that */
    (void)say_count(one, &SQL_OUTBOX_PUT_OFF,
                    PARAMS(org, "{" C1 "}", "{1}", "{2}", "{" T("30") "}", "{1}", "1"));
    promise(C2, 8, 0, false);
    assert_int_equal(intend(one, ANA, "1", T("05")), 0);
    (void)say_count(one, &SQL_OUTBOX_SETTLE, PARAMS(org, "{" C2 "}", "{7}", "{1}"));
    assert_int_equal(intend(one, ANA, "1", T("05")), 1);
    assert_int_equal(state_of(C2, 8), 1);
    (void)say_count(one, &SQL_OUTBOX_SETTLE, PARAMS(org, "{" C1 "}", "{1}", "{1}"));
    assert_int_equal(intend(one, ANA, "1", T("05")), 1);
    assert_int_equal(state_of(C1, 2), 1);
}

static void what_is_not_due_yet_waits(void **state)
{
    (void)state;
    promise(C1, 1, 0, false);
    run_sql(owner, "update outbox set due_at = '" T("07") "'");
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(intend(one, ANA, "1", T("06")), 0);
    assert_int_equal(intend(one, ANA, "1", T("07")), 1);
}

static void conversations_go_before_notifications_before_broadcasts(void **state)
{
    (void)state;
    promise(C1, 1, 2, false);
    promise(C2, 1, 0, false);
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_INTEND, PARAMS(org, lane, ANA, "1", T("05"), "1", "1")), 1);
    assert_int_equal(state_of(C2, 1), 1);
    assert_int_equal(state_of(C1, 1), 0);
}

/* What answers is never fewer, and a broadcast's share may be nothing at all. */
static void of_a_broadcast_only_its_share_goes_and_all_answers(void **state)
{
    (void)state;
    promise(C1, 1, 2, false);
    promise(C2, 1, 2, false);
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_INTEND, PARAMS(org, lane, ANA, "1", T("05"), "100", "0")),
        0);
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_INTEND, PARAMS(org, lane, ANA, "1", T("05"), "100", "1")),
        1);
    run_sql(owner, "delete from outbox");
    promise(C1, 2, 2, false);
    promise(C2, 2, 0, false);
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_INTEND, PARAMS(org, lane, ANA, "1", T("05"), "100", "0")),
        1);
    assert_int_equal(state_of(C2, 2), 1);
    assert_int_equal(state_of(C1, 2), 0);
}

/* --- consent -------------------------------------------------------------------------------
 */

static const char stop_all[] = "update contact_points set stopped_at = now()";

/* The column that says: held back by STOP. */
static bool intended_though_stopped(void)
{
    PGresult *result =
        say_sql(one, &SQL_OUTBOX_INTEND, PARAMS(org, lane, ANA, "1", T("05"), "100", "100"));

    assert_int_equal(PQntuples(result), 1);
    bool is = strcmp(PQgetvalue(result, 0, PQfnumber(result, "stopped")), "t") == 0;
    PQclear(result);
    return is;
}

static void the_intent_reads_the_consent_as_it_is_at_that_moment(void **state)
{
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    promise(C1, 1, 0, false);
    assert_false(intended_though_stopped());
    (void)set_up(state);
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    promise(C1, 1, 0, false);
    run_sql(owner, stop_all);
    assert_true(intended_though_stopped());
}

static void the_confirmation_of_stop_itself_may_go(void **state)
{
    (void)state;
    promise(C1, 1, 0, true);
    run_sql(owner, stop_all);
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_false(intended_though_stopped());
}

static void stop_takes_back_what_is_ready_and_not_what_may_be_on_the_wire(void **state)
{
    (void)state;
    char contact[64];

    promise(C1, 1, 0, false);
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(intend(one, ANA, "1", T("05")), 1);
    promise(C1, 2, 0, false);
    promise(C1, 3, 0, true);
    promise(C2, 1, 0, false);
    PGresult *result = PQexec(owner, "select '{' || contact_id || '}' from conversations where"
                                     " conversation_id = '" C1 "'");
    (void)snprintf(contact, sizeof contact, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    (void)say_count(two, &SQL_TURN_STOP, PARAMS(org, contact, T("06")));
    assert_int_equal(SQL_TURN_STOP_OUTBOX.n_params, 2);
    (void)say_count(two, &SQL_TURN_STOP_OUTBOX, PARAMS(org, contact));
    assert_int_equal(state_of(C1, 1), 1);
    assert_int_equal(state_of(C1, 2), -1);
    assert_int_equal(state_of(C1, 3), 0);
    assert_int_equal(state_of(C2, 1), 0); /* another person's */
    assert_int_equal(ask_number(owner, "select count(*) from messages where reason = 'stopped'"
                                       " and delivery = 2 and seq = 2"),
                     1);
}

/* --- what a dead holder left ---------------------------------------------------------------
 */

static void inherit(PGconn *conn, const char *epoch)
{
    (void)say_count(conn, &SQL_LANE_INHERIT, PARAMS(org, lane, epoch, T("20"), "true"));
}

static void what_the_last_holder_intended_is_an_orphan_and_what_we_intend_is_not(void **state)
{
    (void)state;
    promise(C1, 1, 0, false);
    promise(C2, 1, 0, false);
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_INTEND, PARAMS(org, lane, ANA, "1", T("05"), "1", "1")), 1);
    assert_int_equal(acquire(two, BEN, T("11"), T("21")), 2);
    assert_int_equal(intend(two, BEN, "2", T("12")), 1);
    inherit(two, "2");
    assert_int_equal(
        ask_number(owner, "select count(*) from outbox where state = 3 and epoch = 1"), 1);
    assert_int_equal(
        ask_number(owner, "select count(*) from outbox where state = 1 and epoch = 2"), 1);
}

#define DELIVERY_OF_1                                                                          \
    "select delivery from messages where conversation_id = '" C1 "' and seq = 1"

/* What a holder says of the first, which it intended under that epoch: bot/lane/lane_cycle.c.
 */
static void settle_sent(PGconn *conn, const char *epochs)
{
    (void)say_count(conn, &SQL_OUTBOX_SETTLE, PARAMS(org, "{" C1 "}", "{1}", epochs));
    (void)say_count(conn, &SQL_OUTBOX_SENT,
                    PARAMS(org, "{" C1 "}", "{1}", "{wamid.1}", "{\"\\\\x01\"}", "{1}"));
}

static void settle_failed(PGconn *conn, const char *epochs)
{
    (void)say_count(conn, &SQL_OUTBOX_SETTLE, PARAMS(org, "{" C1 "}", "{1}", epochs));
    (void)say_count(conn, &SQL_OUTBOX_FAILED,
                    PARAMS(org, "{" C1 "}", "{1}", "{131000}", "{refused}", "{2}"));
}

/* It slept through the loss of its lease, and wakes with an answer in its hand. */
static void a_late_settlement_of_the_old_holder_harms_nothing(void **state)
{
    (void)state;
    promise(C1, 1, 0, false);
    promise(C1, 2, 0, false);
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(intend(one, ANA, "1", T("05")), 1);
    assert_int_equal(acquire(two, BEN, T("11"), T("21")), 2);
    inherit(two, "2");
    /* put off by the old holder: not its to put off any more */
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_PUT_OFF,
                  PARAMS(org, "{" C1 "}", "{1}", "{0}", "{" T("00") "}", "{0}", "1")),
        0);
    assert_int_equal(state_of(C1, 1), 3);
    assert_int_equal(intend(two, BEN, "2", T("12")), 0); /* its conversation waits */
    /* the new one tries again, and is in the middle of it */
    assert_int_equal(say_count(two, &SQL_OUTBOX_REPEAT, PARAMS(org, lane, T("21"), "6", "f")),
                     1);
    assert_int_equal(renew(two, BEN, "2", T("40")), 1);
    assert_int_equal(intend(two, BEN, "2", T("22")), 1);
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_PUT_OFF,
                  PARAMS(org, "{" C1 "}", "{1}", "{2}", "{" T("00") "}", "{0}", "1")),
        0);
    assert_int_equal(state_of(C1, 1), 1);
    /* refused to the old holder: not failed, for it is being sent */
    settle_failed(one, "{1}");
    assert_int_equal(state_of(C1, 1), 1);
    assert_int_equal(ask_number(owner, DELIVERY_OF_1), 0);
    /* that the provider took it is true, whoever says so; but it is on the other's wire as
     * well, where the next one would overtake it */
    settle_sent(one, "{1}");
    assert_int_equal(ask_number(owner, DELIVERY_OF_1), 1);
    assert_int_equal(state_of(C1, 1), 1);
    assert_int_equal(intend(two, BEN, "2", T("23")), 0);
    settle_sent(two, "{2}");
    assert_int_equal(state_of(C1, 1), -1);
    assert_int_equal(intend(two, BEN, "2", T("23")), 1); /* and now the next one may go */
    assert_int_equal(state_of(C1, 2), 1);
}

/* As above, and the new holder dies, too, before it knows: what the first has said is enough.
 */
static void a_late_answer_is_found_when_the_next_holder_dies(void **state)
{
    (void)state;
    promise(C1, 1, 0, false);
    promise(C1, 2, 0, false);
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(intend(one, ANA, "1", T("05")), 1);
    assert_int_equal(acquire(two, BEN, T("11"), T("21")), 2);
    inherit(two, "2");
    assert_int_equal(say_count(two, &SQL_OUTBOX_REPEAT, PARAMS(org, lane, T("20"), "6", "f")),
                     1);
    assert_int_equal(intend(two, BEN, "2", T("20")), 1);
    settle_sent(one, "{1}");
    assert_int_equal(acquire(one, ANA, T("22"), T("32")), 3);
    inherit(one, "3");
    assert_int_equal(say_count(one, &SQL_OUTBOX_REPORTED, PARAMS(org, lane)), 1);
    assert_int_equal(intend(one, ANA, "3", T("23")), 1);
    assert_int_equal(state_of(C1, 2), 1);
}

static void an_unknown_is_repeated_once_and_then_given_up(void **state)
{
    (void)state;
    promise(C1, 1, 0, false);
    run_sql(owner, "update outbox set state = 2, due_at = '" T("20") "'");
    assert_int_equal(say_count(one, &SQL_OUTBOX_REPEAT, PARAMS(org, lane, T("19"), "6", "f")),
                     0);
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_GIVE_UP, PARAMS(org, lane, T("20"), "6", "f", T("20"))), 0);
    assert_int_equal(say_count(one, &SQL_OUTBOX_REPEAT, PARAMS(org, lane, T("20"), "6", "f")),
                     1);
    run_sql(owner, "update outbox set state = 2");
    assert_int_equal(say_count(one, &SQL_OUTBOX_REPEAT, PARAMS(org, lane, T("30"), "6", "f")),
                     0);
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_GIVE_UP, PARAMS(org, lane, T("30"), "6", "f", T("30"))), 1);
    /* time to learn whether the provider reports on all else; if so, it has not arrived */
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_GIVE_UP, PARAMS(org, lane, T("30"), "6", "f", T("1"))), 0);
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_GIVE_UP, PARAMS(org, lane, T("30"), "6", "t", T("30"))), 0);
    assert_int_equal(say_count(one, &SQL_OUTBOX_REPEAT, PARAMS(org, lane, T("30"), "6", "t")),
                     1);
}

/* A receipt whose sender died would be lost to who has no other channel. */
static void what_is_said_unasked_is_repeated_like_an_answer(void **state)
{
    static const int states[] = {2, 3};

    for (size_t i = 0; i < COUNTOF(states); i++) {
        (void)set_up(state);
        promise(C1, 1, 1, false);
        run_sql(owner, states[i] == 2 ? "update outbox set state = 2, due_at = '" T("20") "'"
                                      : "update outbox set state = 3, due_at = '" T("20") "'");
        assert_int_equal(
            say_count(one, &SQL_OUTBOX_GIVE_UP, PARAMS(org, lane, T("30"), "6", "f", T("30"))),
            0);
        assert_int_equal(
            say_count(one, &SQL_OUTBOX_REPEAT, PARAMS(org, lane, T("30"), "6", "f")), 1);
        assert_int_equal(state_of(C1, 1), 0);
    }
}

static void nobody_waits_for_a_broadcast_so_its_unknown_is_not_repeated(void **state)
{
    (void)state;
    promise(C1, 1, 2, false);
    run_sql(owner, "update outbox set state = 2, due_at = '" T("20") "'");
    assert_int_equal(say_count(one, &SQL_OUTBOX_REPEAT, PARAMS(org, lane, T("30"), "6", "f")),
                     0);
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_GIVE_UP, PARAMS(org, lane, T("30"), "6", "f", T("30"))), 1);
}

/* Never both, never neither: each unknown whose time is up has one way to go. */
static void every_unknown_has_exactly_one_way_out(void **state)
{
    static const int states[] = {2, 3};
    static const char *const reports[] = {"f", "t"};

    for (size_t s = 0; s < 2 * COUNTOF(states); s++) {
        for (int priority = 0; priority <= 2; priority++) {
            for (int repeats = 0; repeats <= 2; repeats++) {
                for (int attempt = 1; attempt <= 7; attempt++) {
                    char line[160];
                    (void)set_up(state);
                    promise(C1, 1, priority, false);
                    (void)snprintf(line, sizeof line,
                                   "update outbox set state = %d, repeats = %d, attempt = %d",
                                   states[s / 2], repeats, attempt);
                    run_sql(owner, line);
                    run_sql(one, "begin");
                    long repeated = say_count(one, &SQL_OUTBOX_REPEAT,
                                              PARAMS(org, lane, T("20"), "6", reports[s % 2]));
                    run_sql(one, "rollback");
                    long given_up =
                        say_count(one, &SQL_OUTBOX_GIVE_UP,
                                  PARAMS(org, lane, T("20"), "6", reports[s % 2], T("20")));
                    assert_int_equal(repeated + given_up, 1);
                }
            }
        }
    }
}

static void a_claim_whose_answer_was_lost_is_taken_back_by_its_holder_only(void **state)
{
    (void)state;
    promise(C1, 1, 0, false);
    assert_int_equal(acquire(one, ANA, T("00"), T("10")), 1);
    assert_int_equal(intend(one, ANA, "1", T("05")), 1);
    assert_int_equal(say_number(two, &SQL_LANE_RECLAIM, PARAMS(org, lane, BEN, "1")), -1);
    assert_int_equal(say_number(one, &SQL_LANE_RECLAIM, PARAMS(org, lane, ANA, "0")), -1);
    assert_int_equal(state_of(C1, 1), 1);
    assert_int_equal(say_number(one, &SQL_LANE_RECLAIM, PARAMS(org, lane, ANA, "1")), 2);
    assert_int_equal(state_of(C1, 1), 0);
    assert_int_equal(ask_number(owner, "select attempt from outbox"), 0);
    assert_int_equal(intend(one, ANA, "1", T("05")), 0); /* the lost claim, were it late */
    assert_int_equal(intend(one, ANA, "2", T("05")), 1);
    /* after the lane was lost there is nothing to take back */
    assert_int_equal(acquire(two, BEN, T("11"), T("21")), 3);
    assert_int_equal(say_number(one, &SQL_LANE_RECLAIM, PARAMS(org, lane, ANA, "2")), -1);
    assert_int_equal(state_of(C1, 1), 1);
}

#define FRESH(test) cmocka_unit_test_setup(test, set_up)

/* --- what is looked for with each claim ------------------------------------------------------
 */

/* Asked as connections of the service ask (store/conn.c), whatever the statistics say. */
static void what_is_intended_is_found_without_reading_what_waits(void **state)
{
    static const struct sql *const asked[] = {&SQL_FACES_OF, &SQL_LANE_INHERIT, &SQL_LANE_LOST,
                                              &SQL_LANE_RECLAIM};
    char line[6000];
    PGconn *conn = owner_connect();

    (void)state;
    run_sql(conn,
            "set plan_cache_mode = force_generic_plan; set enable_seqscan = off;"
            "set enable_hashjoin = off; set enable_mergejoin = off; set enable_material = off;"
            "set enable_bitmapscan = off");
    for (size_t i = 0; i < COUNTOF(asked); i++) {
        bool found = false;
        (void)snprintf(line, sizeof line, "prepare plan_%zu as %s", i, asked[i]->text);
        run_sql(conn, line);
        (void)snprintf(line, sizeof line, "explain execute plan_%zu(null%s)", i,
                       &",null,null,null,null,null,null"[35 - 5 * (asked[i]->n_params)]);
        PGresult *plan = PQexec(conn, line);
        assert_int_equal(PQresultStatus(plan), PGRES_TUPLES_OK);
        for (int row = 0; row < PQntuples(plan); row++)
            found = found || strstr(PQgetvalue(plan, row, 0), "outbox_intended") != NULL;
        if (!found)
            fail_msg("%s reads more than what is intended", asked[i]->name);
        PQclear(plan);
    }
    PQfinish(conn);
}

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
    one = bot_connect();
    two = bot_connect();
    run_sql(owner, "insert into contact_points (org_id, contact_id, channel, address)"
                   " select org_id, c::uuid, 'whatsapp', c from businesses,"
                   " unnest(array['" C1 "', '" C2 "']) c");
    run_sql(owner, "insert into conversations (org_id, conversation_id, account_id, contact_id)"
                   " select org_id, c::uuid, account_id, c::uuid from accounts,"
                   " unnest(array['" C1 "', '" C2 "']) c");
    PGresult *result = PQexec(owner, "select account_id from accounts");
    (void)snprintf(lane, sizeof lane, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(a_lane_has_one_holder_until_its_lease_has_passed),
        FRESH(a_renewed_lease_is_not_taken_over),
        FRESH(a_lane_given_back_is_free_at_once),
        FRESH(of_two_at_the_same_moment_one_gets_it),
        FRESH(epochs_only_grow_however_the_lane_changes_hands),
        FRESH(only_the_holder_within_its_lease_and_epoch_may_intend),
        FRESH(an_intent_during_a_hand_over_is_refused),
        FRESH(of_a_conversation_only_the_first_may_go_until_it_is_settled),
        FRESH(what_is_not_due_yet_waits),
        FRESH(conversations_go_before_notifications_before_broadcasts),
        FRESH(of_a_broadcast_only_its_share_goes_and_all_answers),
        FRESH(the_intent_reads_the_consent_as_it_is_at_that_moment),
        FRESH(the_confirmation_of_stop_itself_may_go),
        FRESH(stop_takes_back_what_is_ready_and_not_what_may_be_on_the_wire),
        FRESH(what_the_last_holder_intended_is_an_orphan_and_what_we_intend_is_not),
        FRESH(a_late_settlement_of_the_old_holder_harms_nothing),
        FRESH(a_late_answer_is_found_when_the_next_holder_dies),
        FRESH(an_unknown_is_repeated_once_and_then_given_up),
        FRESH(what_is_said_unasked_is_repeated_like_an_answer),
        FRESH(nobody_waits_for_a_broadcast_so_its_unknown_is_not_repeated),
        FRESH(every_unknown_has_exactly_one_way_out),
        FRESH(what_is_intended_is_found_without_reading_what_waits),
        FRESH(a_claim_whose_answer_was_lost_is_taken_back_by_its_holder_only),
    };
    store_open();
    make_shop();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(one);
    PQfinish(two);
    PQfinish(owner);
    store_shut();
    return failed;
}
