/*
 * Codes and what they prove, as the statements judge them: against a PostgreSQL, with a clock
 * of the test's own.
 */
#include "store/parts.h"
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ORG   "00000000-0000-4000-8000-00000000000a"
#define ANA   "00000000-0000-4000-8000-0000000000a1" /* the customers */
#define BEN   "00000000-0000-4000-8000-0000000000b1"
#define HERE  "00000000-0000-4000-8000-0000000000c1" /* Ana's WhatsApp */
#define EVE   "00000000-0000-4000-8000-0000000000e1" /* of no company */
#define THERE "00000000-0000-4000-8000-0000000000c2" /* a stranger's */
#define BOTH  "sms,whatsapp"
#define MAIL  "sms,email,whatsapp"
#define RIGHT "aa11"
#define WRONG "bb22"
#define NEWER "cc33"
#define TRY(given)                                                                             \
    "select outcome from code_try('" ORG "', '" HERE "', array['verify'], '" ANA "', '" given  \
    "', now())"
#define MINUTE USEC_PER_MIN

static struct rig rig;
static PGconn *owner;
static usec_t now;
static unsigned drawn;

static struct uuid id_of(const char *text)
{
    struct uuid id = {{0}};
    if (text)
        assert_true(uuid_parse(str_from(text), &id));
    return id;
}

static void sql(const char *text)
{
    run_sql(owner, text);
}

struct doing {
    const char *customer; /* NULL: not known */
    const char *contact;
    const char *code, *given; /* hashes */
    const char *channels;
    const char *name; /* of the variable it takes */
    const char *value;
    const char *second, *second_value;
};

/* What an action gives; the record is the rig's. */
static struct value act(const char *action, const struct doing *how)
{
    const struct part *part = parts_find(str_from(action));
    struct called called = {.done = false};
    struct err err = {.code = ERR_NONE};
    struct record_builder takes;
    struct value answer;
    const char *outcome;
    char fresh[37];

    (void)snprintf(fresh, sizeof(fresh), "00000000-0000-4000-9000-%012u", ++drawn);
    struct part_frame frame = {.org = id_of(ORG),
                               .customer = id_of(how->customer),
                               .contact = id_of(how->contact ? how->contact : HERE),
                               .now = now,
                               .id = id_of(fresh),
                               .code = str_from(how->code),
                               .given = str_from(how->given),
                               .channels = str_from(how->channels)};
    record_build(&takes, &rig.arena);
    if (how->name)
        record_set(&takes, str_from(how->name), value_text(str_from(how->value)));
    if (how->second)
        record_set(&takes, str_from(how->second), value_text(str_from(how->second_value)));
    call_init(&called.call, &rig.arena, frame.org);
    called.call.customer = frame.customer;
    call_add(&called.call, part->sql,
             part_params(&rig.arena, part, &frame, record_built(&takes)));
    wait_call(&rig, &called);
    if (called.call.err.code != ERR_NONE)
        fail_msg("%s: %s", action, called.call.err.text);
    if (!part_answer(&rig.arena, part, called.results[0], &answer, &outcome, &err))
        fail_msg("%s", err.text);
    called_clear(&called);
    return answer;
}

static const char *text_in(struct value answer, const char *name)
{
    struct value value = record_get(answer.record, str_from(name));
    return value.kind == VALUE_TEXT ? arena_cstr(&rig.arena, value.text) : "";
}

static void expect(struct value answer, const char *outcome)
{
    if (strcmp(text_in(answer, "outcome"), outcome) != 0)
        fail_msg("%s, and not %s", text_in(answer, "outcome"), outcome);
}

static struct value send_to(const char *customer, const char *contact, const char *hash,
                            const char *channels)
{
    return act("send_code", &(struct doing){.customer = customer,
                                            .contact = contact,
                                            .code = hash,
                                            .channels = channels});
}

static struct value sends(const char *hash)
{
    return send_to(ANA, HERE, hash, BOTH);
}

static struct value tries(const char *given)
{
    return act("check_code", &(struct doing){.customer = ANA, .given = given});
}

static struct value link_code(const char *identity, const char *hash)
{
    return act("send_link_code", &(struct doing){.contact = THERE,
                                                 .code = hash,
                                                 .channels = MAIL,
                                                 .name = "identity",
                                                 .value = identity});
}

static struct value link_try(const char *given)
{
    return act("check_code", &(struct doing){.contact = THERE, .given = given});
}

/* --- OTP-1 -------------------------------------------------------------------------------- */

static void otp_1_a_right_code_proves_once(void **state)
{
    (void)state;
    expect(sends(RIGHT), "sent");
    struct value right = tries(RIGHT);
    expect(right, "verified");
    assert_string_equal(text_in(right, "who"), "proved");
    assert_string_equal(text_in(right, "customer_id"), ANA);
    expect(tries(RIGHT), "none");
}

static void otp_1_a_code_ends_after_five_minutes_to_the_second(void **state)
{
    (void)state;
    expect(sends(RIGHT), "sent");
    now += 5 * MINUTE;
    expect(tries(RIGHT), "expired");
    now -= 1;
    expect(tries(RIGHT), "verified");
}

static void otp_1_only_the_newest_code_is_right(void **state)
{
    (void)state;
    expect(sends(RIGHT), "sent");
    expect(sends(NEWER), "sent");
    expect(tries(RIGHT), "wrong");
    expect(tries(NEWER), "verified");
}

static void otp_1_what_is_no_code_costs_no_try(void **state)
{
    (void)state;
    expect(sends(RIGHT), "sent");
    for (int i = 0; i < 10; i++)
        expect(tries(NULL), "malformed");
    expect(tries(RIGHT), "verified");
}

static void otp_1_only_a_hash_is_kept(void **state)
{
    (void)state;
    expect(sends(RIGHT), "sent");
    assert_int_equal(ask_number(owner, "select count(*) from verifications where code_hash ="
                                       " '\\xaa11' and expires_at > '2026-01-01'"),
                     1);
}

static void otp_1_a_code_is_good_for_its_address_and_customer_only(void **state)
{
    (void)state;
    expect(sends(RIGHT), "sent");
    expect(link_try(RIGHT), "none");
    expect(act("check_code", &(struct doing){.customer = BEN, .given = RIGHT}), "none");
    expect(act("check_email_code", &(struct doing){.customer = ANA, .given = RIGHT}), "none");
    expect(tries(RIGHT), "verified");
}

/* --- OTP-2 -------------------------------------------------------------------------------- */

static void otp_2_the_code_goes_to_another_address_where_one_exists(void **state)
{
    (void)state;
    struct value sent = sends(RIGHT);
    assert_string_equal(text_in(sent, "channel"), "sms");
    assert_string_equal(text_in(sent, "destination"), "+353871110002");
    assert_string_equal(text_in(sent, "masked"), "•••002");
    assert_int_equal(record_get(sent.record, STR("ways")).number, 2);
    assert_int_equal(record_get(sent.record, STR("next")).number, 1);
}

static void otp_2_the_ways_go_round(void **state)
{
    (void)state;
    static const char *const channels[] = {"sms", "email", "sms", "sms"};
    static const char *const ways[] = {"0", "1", "2", "nonsense"};
    static const char *const masked[] = {"•••002", "a•••@h•••.example", "•••001", "•••002"};
    for (size_t i = 0; i < COUNTOF(ways); i++) {
        struct value sent = act("send_code", &(struct doing){.customer = ANA,
                                                             .code = RIGHT,
                                                             .channels = MAIL,
                                                             .name = "way",
                                                             .value = ways[i]});
        assert_string_equal(text_in(sent, "channel"), channels[i]);
        assert_string_equal(text_in(sent, "masked"), masked[i]);
    }
}

static void otp_2_without_another_channel_it_comes_where_one_writes(void **state)
{
    (void)state;
    struct value sent = send_to(ANA, HERE, RIGHT, "whatsapp");
    expect(sent, "sent");
    assert_string_equal(text_in(sent, "channel"), "whatsapp");
    assert_string_equal(text_in(sent, "destination"), "+353871110001");
    expect(send_to(ANA, HERE, RIGHT, ""), "nowhere");
    expect(send_to(NULL, THERE, RIGHT, MAIL), "nowhere");
}

/* --- OTP-3 -------------------------------------------------------------------------------- */

static usec_t until_of(struct value answer)
{
    return record_get(answer.record, STR("until_at")).time;
}

static void otp_3_five_wrong_codes_lock_for_a_time_that_grows(void **state)
{
    (void)state;
    static const int minutes[] = {5, 15, 60, 24 * 60, 24 * 60};
    sql("update businesses set settings = '{\"codes\": {\"contact\": 1000, \"destination\": "
        "1000}}'");
    for (size_t lock = 0; lock < COUNTOF(minutes); lock++) {
        expect(sends(RIGHT), "sent");
        for (int i = 0; i < 4; i++) {
            struct value wrong = tries(WRONG);
            expect(wrong, "wrong");
            assert_int_equal(record_get(wrong.record, STR("left")).number, 4 - i);
            if (i == 1)
                expect(sends(RIGHT), "sent"); /* a new code gives no new tries */
        }
        struct value locked = tries(WRONG);
        expect(locked, "locked");
        assert_string_equal(text_in(locked, "alert"), "verify.locked");
        assert_int_equal(until_of(locked), now + minutes[lock] * MINUTE);
        expect(tries(RIGHT), "locked");
        expect(sends(NEWER), "locked");
        now += minutes[lock] * MINUTE - 1;
        expect(sends(NEWER), "locked");
        now += 1;
        expect(tries(RIGHT), "none"); /* the code did not outlive the lock */
    }
    expect(sends(RIGHT), "sent");
    expect(tries(RIGHT), "verified");
    assert_int_equal(ask_number(owner, "select locks + wrong from verifications"), 0);
}

static void otp_3_a_lock_is_of_the_address_that_guessed_and_of_no_other(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        if (i == 0)
            expect(link_code("+353871110002", RIGHT), "sent");
        link_try(WRONG);
    }
    expect(link_try(RIGHT), "locked");
    expect(sends(RIGHT), "sent"); /* whom the stranger was after */
    expect(tries(RIGHT), "verified");
}

static void otp_3_budgets_hold_for_contact_destination_prefix_and_business(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *alert;
    } cases[] = {
        {"contact",     "verify.budget_contact"    },
        {"destination", "verify.budget_destination"},
        {"prefix",      "verify.budget_prefix"     },
        {"business",    "verify.budget_business"   },
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        char text[200];
        (void)snprintf(text, sizeof(text),
                       "delete from code_sends; update businesses set settings ="
                       " '{\"codes\": {\"%s\": 2}}'",
                       cases[i].settings);
        sql(text);
        expect(sends(RIGHT), "sent");
        now += 30 * MINUTE;
        expect(sends(NEWER), "sent");
        struct value refused = sends(WRONG);
        expect(refused, "too_many");
        assert_string_equal(text_in(refused, "alert"), cases[i].alert);
        assert_string_equal(text_in(refused, "channel"), "");
        expect(tries(NEWER), "verified"); /* the code that is there stays good */
        now += 30 * MINUTE;
        expect(sends(RIGHT), "sent"); /* the first is an hour old */
        expect(sends(RIGHT), "too_many");
    }
}

/* Whoever knows a customer's number cannot use up the codes that may go there. */
static void otp_3_strangers_use_up_nothing_of_a_customers(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        expect(link_code("+353871110002", RIGHT), "sent");
    expect(link_code("+353871110002", RIGHT), "too_many"); /* the stranger's own budget */
    for (int i = 0; i < 5; i++)
        assert_string_equal(text_in(sends(RIGHT), "channel"), "sms");
    expect(tries(RIGHT), "verified");
}

/* That codes went to a number today says that somebody has it, so a stranger is not told. */
static void otp_5_a_budget_that_others_used_up_tells_a_stranger_nothing(void **state)
{
    (void)state;
    sql("update businesses set settings = '{\"codes\": {\"link\": 2, \"link_business\": 3}}'");
    for (int i = 0; i < 2; i++)
        assert_string_equal(text_in(link_code("+353872220001", RIGHT), "channel"), "sms");
    struct value third = link_code("+353872220001", RIGHT);
    expect(third, "sent");
    assert_string_equal(text_in(third, "channel"), "");
    assert_string_equal(text_in(third, "alert"), "verify.budget_destination");
    assert_string_equal(text_in(third, "masked"), "•••001");
    expect(link_try(RIGHT), "wrong");
    expect(sends(RIGHT), "sent");
    struct value whole = link_code("+353879990009", RIGHT);
    expect(whole, "sent"); /* the budget of all strangers is at its end */
    assert_string_equal(text_in(whole, "alert"), "verify.budget_business");
    assert_string_equal(text_in(whole, "channel"), "");
    expect(sends(RIGHT), "sent"); /* and nothing of the customers' */
}

/* A crowd of strangers, each with a budget of their own, and all their codes for numbers beside
 * the customer's: neither the block's budget nor the business's is the customer's any less. */
static void otp_3_a_crowd_of_strangers_uses_up_nothing_of_a_customers(void **state)
{
    (void)state;
    sql("update businesses set settings = '{\"codes\": {\"prefix\": 3, \"business\": 3}}'");
    sql("insert into code_sends (org_id, send_id, at, contact_id, destination, prefix, link)"
        " select '" ORG "', gen_random_uuid(), to_timestamp(1795168800), gen_random_uuid(),"
        " '+35387111' || to_char(i, 'fm0000'), '+35387111', true from generate_series(1, 300) "
        "i");
    for (int i = 0; i < 3; i++)
        assert_string_equal(text_in(sends(RIGHT), "channel"), "sms");
    expect(tries(RIGHT), "verified");
    expect(sends(RIGHT), "too_many"); /* their own is counted as ever */
}

/* Five guesses come with each code: over a day, they are a hundred and no more. */
static void otp_3_strangers_guesses_at_one_customer_end_for_the_day(void **state)
{
    (void)state;
    int left = 0;
    for (int i = 0; i < 68; i++, now += 21 * MINUTE) { /* a day, below the hour's budget */
        sql("update verifications set locked_until = null, wrong = 0"); /* another stranger */
        left += text_in(link_code("+353872220001", RIGHT), "channel")[0] != '\0';
        expect(link_try(WRONG), "wrong");
    }
    assert_int_equal(left, 20);
}

static void otp_3_settings_that_make_no_sense_leave_the_budgets_as_they_were(void **state)
{
    (void)state;
    sql("update businesses set settings = '{\"codes\": {\"contact\": \"many\", "
        "\"destination\": -1, \"prefix\": null}}'");
    for (int i = 0; i < 5; i++)
        expect(sends(RIGHT), "sent");
    expect(sends(RIGHT), "too_many");
}

/* Two sessions try at once: one waits for the other, and only one of them is right. */
static void otp_3_tries_that_come_at_once_are_judged_one_after_the_other(void **state)
{
    (void)state;
    PGconn *other = owner_connect();
    now = clock_now();
    expect(sends(RIGHT), "sent");
    run_sql(owner, "begin");
    run_sql(owner, TRY(RIGHT));
    run_sql(other, "set parley.org_id = '" ORG "'");
    assert_int_equal(PQsendQuery(other, TRY(RIGHT)), 1);
    turn_for(&rig, 100 * USEC_PER_MSEC);
    assert_int_equal(PQconsumeInput(other), 1);
    assert_true(PQisBusy(other));
    run_sql(owner, "commit");
    PGresult *result = PQgetResult(other);
    assert_string_equal(PQgetvalue(result, 0, 0), "none");
    PQclear(result);
    assert_null(PQgetResult(other));
    PQfinish(other);
    expect(tries(RIGHT), "none");
}

static void otp_3_wrong_tries_at_once_are_all_counted(void **state)
{
    (void)state;
    PGconn *others[4];
    now = clock_now();
    expect(sends(RIGHT), "sent");
    run_sql(owner, "begin");
    run_sql(owner, TRY(WRONG));
    for (size_t i = 0; i < COUNTOF(others); i++) {
        others[i] = owner_connect();
        run_sql(others[i], "set parley.org_id = '" ORG "'");
        assert_int_equal(PQsendQuery(others[i], TRY(WRONG)), 1);
    }
    run_sql(owner, "commit");
    for (size_t i = 0; i < COUNTOF(others); i++) {
        PGresult *result = PQgetResult(others[i]);
        assert_int_equal(PQntuples(result), 1);
        PQclear(result);
        PQfinish(others[i]);
    }
    expect(tries(RIGHT), "locked");
}

/* --- OTP-5 -------------------------------------------------------------------------------- */

static void otp_5_a_stranger_is_linked_by_a_code_to_what_is_on_record(void **state)
{
    (void)state;
    static const char *const ways[] = {"+353872220001", "BEN@harbour.example"};
    for (size_t i = 0; i < COUNTOF(ways); i++) {
        struct value sent = link_code(ways[i], RIGHT);
        expect(sent, "sent");
        assert_string_equal(text_in(sent, "channel"), i == 0 ? "sms" : "email");
        expect(link_try(WRONG), "wrong");
        struct value right = link_try(RIGHT);
        expect(right, "verified");
        assert_string_equal(text_in(right, "customer_id"), BEN);
        assert_int_equal(ask_number(owner,
                                    "select count(*) from contact_points where"
                                    " contact_id = '" THERE "' and customer_id = '" BEN "'"),
                         1);
        sql("update contact_points set customer_id = null where contact_id = '" THERE "'");
    }
    assert_int_equal(
        ask_number(owner, "select count(*) from audit where action = 'verify.linked'"), 2);
}

static void otp_5_nobody_can_tell_whether_somebody_is_on_record(void **state)
{
    (void)state;
    struct value known = link_code("+353872220001", RIGHT);
    struct value unknown = link_code("+353879990001", RIGHT);
    expect(unknown, "sent");
    assert_string_equal(text_in(unknown, "masked"), text_in(known, "masked"));
    assert_string_equal(text_in(unknown, "channel"), ""); /* nothing leaves */
    expect(link_try(RIGHT), "wrong");                     /* and nothing is right */
    for (int i = 0; i < 3; i++)
        expect(link_try(RIGHT), "wrong");
    expect(link_try(RIGHT), "locked");
}

static void otp_5_who_has_no_access_or_shares_an_address_is_nobody(void **state)
{
    (void)state;
    sql("update customers set portal_access = false where customer_id = '" BEN "'");
    assert_string_equal(text_in(link_code("+353872220001", RIGHT), "channel"), "");
    sql("update customers set portal_access = true, email = 'ana@harbour.example'"
        " where customer_id = '" BEN "'");
    assert_string_equal(text_in(link_code("ana@harbour.example", RIGHT), "channel"), "");
    expect(link_code("0872220001", RIGHT), "unclear");
    expect(act("send_link_code", &(struct doing){.contact = THERE,
                                                 .code = RIGHT,
                                                 .channels = "whatsapp",
                                                 .name = "identity",
                                                 .value = "+353872220001"}),
           "unavailable");
}

static struct value registers(const char *name)
{
    return act("register_customer",
               &(struct doing){.contact = THERE, .name = "name", .value = name});
}

/* A mailbox that two share says nothing of who of them writes; nor does one that nobody proved.
 */
static void otp_5_a_mailbox_that_two_share_links_nobody(void **state)
{
    (void)state;
    static const char of[] =
        "select count(customer_by_mail('" ORG "', 'Office@Harbour.example'))";

    sql("set parley.org_id = '" ORG "'");
    sql("update customers set email = 'office@harbour.example', email_verified_at = now() where"
        " customer_id = '" ANA "'");
    assert_int_equal(ask_number(owner, of), 1);
    sql("update customers set email = 'OFFICE@harbour.example', email_verified_at = now() where"
        " customer_id = '" BEN "'");
    assert_int_equal(ask_number(owner, of), 0);
    sql("update customers set email_verified_at = null, external_id = null");
    assert_int_equal(ask_number(owner, of), 0);
    sql("reset parley.org_id");
}

static void otp_5_strangers_register_only_where_the_business_lets_them(void **state)
{
    (void)state;
    expect(registers("Eve"), "refused");
    sql("update businesses set settings = '{\"registration\": true}'");
    struct value made = registers("  Eve \t Example ");
    expect(made, "registered");
    assert_string_equal(text_in(made, "who"), "changed");
    assert_int_equal(ask_number(owner, "select count(*) from customers c join contact_points p"
                                       " using (customer_id) join customer_phones f using"
                                       " (customer_id) where c.name = 'Eve Example'"
                                       " and f.phone = '+353873330001'"),
                     1);
    expect(registers("Again"), "refused");
}

static struct value registers_with(const char *email)
{
    const struct part *part = parts_find(STR("register_customer"));
    struct called called = {.done = false};
    struct record_builder takes;
    struct value answer;
    struct err err = {.code = ERR_NONE};
    const char *outcome;
    struct part_frame frame = {.org = id_of(ORG), .contact = id_of(THERE), .now = now};
    frame.id = id_of(EVE);
    record_build(&takes, &rig.arena);
    record_set(&takes, STR("name"), value_text(STR("Eve")));
    record_set(&takes, STR("email"), value_text(str_from(email)));
    call_init(&called.call, &rig.arena, frame.org);
    call_add(&called.call, part->sql,
             part_params(&rig.arena, part, &frame, record_built(&takes)));
    wait_call(&rig, &called);
    assert_true(part_answer(&rig.arena, part, called.results[0], &answer, &outcome, &err));
    called_clear(&called);
    return answer;
}

/* Whoever registers with somebody's address sees it as their own word, like any other address.
 */
static void otp_5_registering_tells_nobody_whose_address_it_is(void **state)
{
    (void)state;
    static const char *const mails[] = {"ana@harbour.example", "nobody@harbour.example"};
    for (size_t i = 0; i < COUNTOF(mails); i++) {
        sql("update businesses set settings = '{\"registration\": true}'");
        expect(registers_with(mails[i]), "registered");
        struct value eve = act("profile", &(struct doing){.customer = EVE, .contact = THERE});
        assert_string_equal(text_in(eve, "email"), mails[i]);
        assert_false(record_get(eve.record, STR("email_verified")).yes);
        sql("update contact_points set customer_id = null where customer_id = '" EVE "';"
            "delete from customer_phones where customer_id = '" EVE "';"
            "delete from customers where customer_id = '" EVE "'");
    }
}

/* An address that was only said takes nobody's link away, and lures nobody into a stranger's
 * hands. */
static void otp_5_an_address_that_was_only_said_links_nobody(void **state)
{
    (void)state;
    sql("update businesses set settings = '{\"registration\": true}'");
    expect(registers_with("ben@harbour.example"), "registered");
    sql("update contact_points set customer_id = null where contact_id = '" THERE "'");
    expect(link_code("ben@harbour.example", RIGHT), "sent");
    assert_string_equal(text_in(link_try(RIGHT), "customer_id"), BEN);
    sql("delete from customer_phones where customer_id = '" EVE "'; update contact_points set"
        " customer_id = null; delete from customers where customer_id = '" EVE "'");
    expect(registers_with("new@harbour.example"), "registered");
    sql("update contact_points set customer_id = null where contact_id = '" THERE "'");
    assert_string_equal(text_in(link_code("new@harbour.example", RIGHT), "channel"), "");
}

/* --- OTP-8, OTP-10 ------------------------------------------------------------------------ */

static struct value mails(const char *email)
{
    return act(
        "send_email_code",
        &(struct doing){
            .customer = ANA, .code = RIGHT, .channels = MAIL, .name = "email", .value = email});
}

static void otp_8_a_new_email_counts_once_its_code_came_back(void **state)
{
    (void)state;
    expect(mails("ANA@harbour.example"), "same");
    expect(act("send_email_code", &(struct doing){.customer = ANA,
                                                  .code = RIGHT,
                                                  .channels = BOTH,
                                                  .name = "email",
                                                  .value = "new@harbour.example"}),
           "unavailable");
    expect(mails("new@harbour.example"), "sent");
    expect(tries(RIGHT), "none"); /* it proves the address, and not the session */
    expect(act("check_email_code", &(struct doing){.customer = ANA, .given = WRONG}), "wrong");
    assert_int_equal(ask_number(owner, "select count(*) from customers where email ="
                                       " 'new@harbour.example'"),
                     0);
    expect(act("check_email_code", &(struct doing){.customer = ANA, .given = RIGHT}),
           "changed");
    assert_int_equal(ask_number(owner, "select count(*) from customers where email ="
                                       " 'new@harbour.example' and email_verified_at is not "
                                       "null and customer_id = '" ANA "'"),
                     1);
}

static void otp_8_a_name_is_tidied_and_must_be_one(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "  ", "42", "...", "\xff"};
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        expect(
            act("set_name", &(struct doing){.customer = ANA, .name = "name", .value = bad[i]}),
            "unreadable");
    }
    expect(act("set_name",
               &(struct doing){.customer = ANA, .name = "name", .value = " Żaneta\n\n Ó "}),
           "saved");
    assert_int_equal(
        ask_number(owner, "select count(*) from customers where name = 'Żaneta Ó'"), 1);
}

static void otp_10_this_is_not_me_takes_everything_away_at_once(void **state)
{
    (void)state;
    sql("update conversations set verified_until = now() + interval '1 day'");
    expect(sends(RIGHT), "sent");
    struct value gone = act("not_me", &(struct doing){.customer = ANA});
    expect(gone, "unlinked");
    assert_string_equal(text_in(gone, "who"), "gone");
    expect(tries(RIGHT), "none");
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where customer_id ="
                                       " '" ANA "'"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from conversations where"
                                       " verified_until is not null"),
                     0);
    /* The number gets no codes any more, and links nobody. */
    assert_string_equal(text_in(link_code("+353871110001", RIGHT), "channel"), "");
    struct value sent = send_to(ANA, THERE, RIGHT, BOTH);
    assert_int_equal(record_get(sent.record, STR("ways")).number, 1);
}

/* The same number by SMS, and another conversation in which something was under way. */
static void two_more_of_anas(void)
{
    sql("insert into accounts (org_id, account_id, channel, external_id) values ('" ORG
        "', '" ANA "', 'whatsapp', '2'), ('" ORG "', '" BEN "', 'sms', '3');"
        "insert into contact_points (org_id, contact_id, channel, address, phone, customer_id)"
        " values ('" ORG "', '" EVE "', 'sms', '+353871110001', '+353871110001', '" ANA "');"
        "insert into conversations (org_id, conversation_id, account_id, contact_id, state, "
        "at_rest)"
        " values ('" ORG "', '" ANA "', '" ANA "', '" HERE "', '{\"v\":\"her words\"}', false),"
        " ('" ORG "', '" BEN "', '" BEN "', '" EVE "', '{\"v\":\"her words\"}', false)");
}

/* Else what does not arrive by WhatsApp goes on to the number's new owner by SMS. */
static void otp_10_not_me_on_whatsapp_holds_for_sms_and_for_what_was_under_way(void **state)
{
    (void)state;
    two_more_of_anas();
    expect(act("not_me", &(struct doing){.customer = ANA}), "unlinked");
    assert_int_equal(
        ask_number(owner, "select count(*) from contact_points where customer_id is not null"),
        0);
    assert_int_equal(ask_number(owner, "select count(*) from conversations where state <> ''"),
                     0);
}

/* Anybody can write an SMS in another's name. */
static void otp_10_not_me_by_sms_leaves_whatsapp_alone(void **state)
{
    (void)state;
    two_more_of_anas();
    expect(act("not_me", &(struct doing){.customer = ANA, .contact = EVE}), "unlinked");
    assert_int_equal(ask_number(owner,
                                "select count(*) from contact_points where customer_id = '" ANA
                                "' and channel = 'whatsapp'"),
                     1);
    assert_int_equal(ask_number(owner,
                                "select count(*) from contact_points where customer_id = '" ANA
                                "' and channel = 'sms'"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from conversations where state <> ''"),
                     1);
}

/* What was promised to the one whom the address was taken off from: in the log and the outbox,
 * and still looked after. */
static void promise(const char *conversation, int seq, int state)
{
    char text[900];

    (void)snprintf(
        text, sizeof text,
        "insert into messages (org_id, conversation_id, seq, inbound, kind, body, at)"
        " values ('" ORG "', '%s', %d, false, 'text', '{}', now());"
        "insert into outbox (org_id, lane_id, conversation_id, seq, due_at, state)"
        " values ('" ORG "', '" BEN "', '%s', %d, now() + interval '8 hours', %d);"
        "insert into fallbacks (org_id, conversation_id, seq, begun_at, due_at)"
        " values ('" ORG "', '%s', %d, now(), now())",
        conversation, seq, conversation, seq, state, conversation, seq);
    sql(text);
}

/* At night the number's new owner says that they are somebody else: what waits for the morning
 * is not theirs to read. What is on the wire already stays its sender's. */
static void otp_10_what_was_promised_to_the_one_before_is_taken_back(void **state)
{
    static const char *const ways[] = {"not_me", "place_remove"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(ways); i++) {
        if (i == 0)
            two_more_of_anas();
        sql("delete from fallbacks; delete from outbox; delete from messages;"
            "update contact_points set customer_id = '" ANA "' where contact_id = '" EVE "'");
        promise(BEN, 1, 0);
        promise(BEN, 2, 1);
        if (i == 0) {
            expect(act("not_me", &(struct doing){.customer = ANA, .contact = EVE}), "unlinked");
        } else {
            expect(act("place_remove",
                       &(struct doing){.customer = ANA, .name = "place", .value = EVE}),
                   "removed");
        }
        assert_int_equal(ask_number(owner, "select seq from outbox"), 2);
        assert_int_equal(ask_number(owner, "select count(*) from fallbacks"), 0);
        assert_int_equal(ask_number(owner, "select delivery from messages where seq = 1"), 2);
        assert_int_equal(ask_number(owner, "select count(*) from messages where reason ="
                                           " 'somebody else has it now'"),
                         1);
    }
    sql("delete from outbox; delete from messages");
}

/* --- what is joined ------------------------------------------------------------------------
 */

static struct value on_place(const char *action, const char *customer, const char *place)
{
    return act(action, &(struct doing){.customer = customer, .name = "place", .value = place});
}

static void otp_5_what_is_joined_is_shown_masked_and_only_to_its_owner(void **state)
{
    (void)state;
    two_more_of_anas();
    struct value all = act("profile_places", &(struct doing){.customer = ANA});
    assert_int_equal(all.list->n, 2);
    assert_string_equal(text_in(all.list->items[0], "channel"), "whatsapp");
    assert_string_equal(text_in(all.list->items[0], "here"), "here");
    assert_string_equal(text_in(all.list->items[1], "channel"), "sms");
    assert_string_equal(text_in(all.list->items[1], "here"), "");
    assert_string_equal(text_in(all.list->items[1], "masked"), "•••001");
    assert_string_equal(text_in(on_place("profile_place", ANA, EVE), "masked"), "•••001");
    assert_int_equal(on_place("profile_place", BEN, EVE).kind, VALUE_NONE);
    assert_int_equal(act("profile_places", &(struct doing){.customer = BEN}).list->n, 0);
}

static void otp_10_another_place_is_taken_off_with_all_that_was_there(void **state)
{
    (void)state;
    static const char *const others[] = {HERE, THERE, BEN, "", "no id", "'; drop table x"};
    two_more_of_anas();
    sql("update conversations set verified_until = now() + interval '1 day'");
    for (size_t i = 0; i < COUNTOF(others); i++)
        expect(on_place("place_remove", ANA, others[i]), "gone");
    expect(on_place("place_remove", BEN, EVE), "gone"); /* not his */
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where customer_id ="
                                       " '" ANA "'"),
                     2);
    expect(on_place("place_remove", ANA, EVE), "removed");
    expect(on_place("place_remove", ANA, EVE), "gone");
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where customer_id ="
                                       " '" ANA "' and channel = 'whatsapp'"),
                     1);
    assert_int_equal(ask_number(owner,
                                "select count(*) from conversations where contact_id = '" EVE
                                "' and (verified_until is not null or state <> '')"),
                     0);
    assert_int_equal(ask_number(owner,
                                "select count(*) from conversations where contact_id = '" HERE
                                "' and verified_until is not null"),
                     2);
    /* She writes from that number herself: it stays hers by WhatsApp. */
    assert_int_equal(ask_number(owner,
                                "select count(*) from customer_phones where disputed_at is"
                                " not null"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from audit where action ="
                                       " 'verify.place_removed' and subject = '" EVE "'"),
                     1);
}

static void otp_10_a_number_that_is_taken_off_proves_nothing_more(void **state)
{
    (void)state;
    two_more_of_anas();
    sql("insert into customer_phones (org_id, phone, customer_id) values ('" ORG
        "', '+353871110009', '" ANA "');"
        "update contact_points set address = '+353871110009', phone = '+353871110009' where"
        " contact_id = '" EVE "'");
    expect(on_place("place_remove", ANA, EVE), "removed");
    assert_int_equal(ask_number(owner,
                                "select count(*) from customer_phones where disputed_at is"
                                " not null and phone = '+353871110009'"),
                     1);
    assert_string_equal(text_in(link_code("+353871110009", RIGHT), "channel"), "");
}

/* It is nobody's from then on, whatever its session was. */
static void otp_10_a_place_that_was_taken_off_takes_off_nothing_itself(void **state)
{
    (void)state;
    two_more_of_anas();
    expect(on_place("place_remove", ANA, EVE), "removed");
    expect(act("place_remove", &(struct doing){.contact = EVE, .name = "place", .value = HERE}),
           "gone");
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where customer_id ="
                                       " '" ANA "'"),
                     1);
}

/* --- what was begun elsewhere ---------------------------------------------------------------
 */

#define BEGUN                                                                                  \
    "{\"v\":\"0123456789abcdef0123456789abcdef\",\"flow\":\"cancel\",\"at\":\"confirm\","      \
    "\"vars\":{\"note\":\"\\\"number\\\":\\\"ORD-2\\\"\",\"number\":\"ORD-1\"},\"open\":true}"

/* By SMS she is in the middle of cancelling ORD-1. */
static void begin_elsewhere(void)
{
    two_more_of_anas();
    sql("insert into workflow_states (org_id, workflow, status, position, phase, progress)"
        " values ('" ORG "', 'shop', 'shipped', 1, 'active', 50);"
        "insert into orders (org_id, order_id, number, customer_id, status, placed_at, "
        "currency,"
        " subtotal_minor, total_minor) values"
        " ('" ORG "', gen_random_uuid(), 'ORD-1', '" ANA "', 'shipped', now(), 'EUR', 1, 1),"
        " ('" ORG "', gen_random_uuid(), 'ORD-2', '" BEN "', 'shipped', now(), 'EUR', 2, 2);"
        "update conversations set state = '" BEGUN "', at_rest = false where contact_id = '" EVE
        "'");
    run_sql(owner,
            arena_format(&rig.arena,
                         "update conversations set last_inbound_at = timestamptz 'epoch' + "
                         "%lld * interval '1 microsecond'",
                         (long long)(now - 5 * MINUTE))
                .at);
}

static const char *begun(void)
{
    struct value other = act("thread_elsewhere", &(struct doing){.customer = ANA});

    return other.kind == VALUE_RECORD
               ? arena_format(&rig.arena, "%s %s %s", text_in(other, "flow"),
                              text_in(other, "number"), text_in(other, "channel"))
                     .at
               : "";
}

static struct value take(const char *customer, const char *flow, const char *number)
{
    return act("thread_take", &(struct doing){.customer = customer,
                                              .name = "flow",
                                              .value = flow,
                                              .second = "number",
                                              .second_value = number});
}

static void otp_5_what_was_begun_elsewhere_is_offered_and_taken_once(void **state)
{
    (void)state;
    begin_elsewhere();
    assert_string_equal(begun(), "cancel ORD-1 sms");
    expect(take(ANA, "cancel", "ORD-2"), "gone");
    expect(take(ANA, "report", "ORD-1"), "gone");
    expect(take(ANA, "%", "ORD-1"), "gone");
    expect(take(BEN, "cancel", "ORD-1"), "gone");
    expect(take(NULL, "cancel", "ORD-1"), "gone");
    struct value taken = take(ANA, "cancel", "ORD-1");
    expect(taken, "taken");
    assert_string_equal(text_in(taken, "alone"), "yes");
    assert_int_equal(ask_number(owner,
                                "select count(*) from conversations where contact_id = '" EVE
                                "' and state = '' and at_rest"),
                     1);
    assert_string_equal(begun(), "");
    expect(take(ANA, "cancel", "ORD-1"), "gone");
}

static void otp_5_only_what_the_bot_may_go_on_with_is_offered(void **state)
{
    (void)state;
    static const char *const hidden[][2] = {
        {"update contact_points set stopped_at = now() where contact_id = '" EVE "'",
         "update contact_points set stopped_at = null"                                                                                        },
        {"update conversations set held_until = 'infinity' where contact_id = '" EVE "'",
         "update conversations set held_until = null"                                                                                         },
        {"insert into handoffs (org_id, handoff_id, conversation_id, reason, asked_at, seq,"
         " answer_by) values ('" ORG "', '" ORG "', '" BEN "', 'asked', now(), 1, now())",
         "delete from handoffs"                                                                                                               },
        {"update conversations set last_inbound_at = last_inbound_at - interval '1 day'",
         "update conversations set last_inbound_at = last_inbound_at + interval '1 day'"                                                      },
        {"update conversations set at_rest = true",                                                 "update conversations set at_rest = false"},
        {"update contact_points set customer_id = '" BEN "' where contact_id = '" EVE "'",
         "update contact_points set customer_id = '" ANA "' where contact_id = '" EVE "'"                                                     },
        {"update orders set customer_id = '" BEN "'",
         "update orders set customer_id = '" ANA "' where number = 'ORD-1'"                                                                   },
        {"update conversations set state = replace(state, '\"cancel\"', '\"verify\"')",
         "update conversations set state = replace(state, '\"verify\"', '\"cancel\"')"                                                        },
    };

    begin_elsewhere();
    for (size_t i = 0; i < COUNTOF(hidden); i++) {
        assert_string_equal(begun(), "cancel ORD-1 sms");
        sql(hidden[i][0]);
        if (strcmp(begun(), "") != 0)
            fail_msg("offered after: %s", hidden[i][0]);
        if (i != 6 && i != 7) /* whose order it is and the flow's name come from the offer */
            expect(take(ANA, "cancel", "ORD-1"), "gone");
        sql(hidden[i][1]);
    }
    assert_string_equal(begun(), "cancel ORD-1 sms");
}

/* A turn of the other conversation, or another worker that takes it, holds its row: nobody
 * waits, so that two who take from each other cannot stop each other for ever. */
static void otp_5_what_has_a_turn_just_now_is_left_there(void **state)
{
    (void)state;
    begin_elsewhere();
    PGconn *other = owner_connect();

    run_sql(other, "begin");
    run_sql(other,
            "select 1 from conversations where contact_id = '" EVE "' for no key update");
    expect(take(ANA, "cancel", "ORD-1"), "gone");
    run_sql(other, "rollback");
    PQfinish(other);
    expect(take(ANA, "cancel", "ORD-1"), "taken");
}

static void otp_10_the_last_visit_is_kept_and_told(void **state)
{
    (void)state;
    expect(sends(RIGHT), "sent");
    assert_int_equal(record_get(tries(RIGHT).record, STR("last_visit_at")).kind, VALUE_NONE);
    now += 20 * MINUTE; /* the same visit, by another address perhaps */
    expect(sends(RIGHT), "sent");
    assert_int_equal(record_get(tries(RIGHT).record, STR("last_visit_at")).kind, VALUE_NONE);
    usec_t before = now;
    now += 61 * MINUTE;
    expect(sends(RIGHT), "sent");
    assert_int_equal(record_get(tries(RIGHT).record, STR("last_visit_at")).time, before);
}

static void otp_4_a_changed_identity_keeps_the_customer_and_drops_the_proof(void **state)
{
    (void)state;
    struct called called = {.done = false};
    struct db_array arrays[3];
    struct db_param *params = arena_array(&rig.arena, struct db_param, 4);
    sql("update conversations set verified_until = now() + interval '1 day'");
    expect(sends(RIGHT), "sent");
    for (size_t i = 0; i < 3; i++)
        array_init(&arrays[i], &rig.arena, DB_TEXT);
    array_text(&arrays[0], STR("+353871110001"));
    array_text(&arrays[1], STR("IE.new"));
    array_text(&arrays[2], STR("+353871119999"));
    params[0] = param_uuid(&rig.arena, id_of(ORG));
    for (size_t i = 0; i < 3; i++)
        params[1 + i] = param_array(&arrays[i]);
    call_init(&called.call, &rig.arena, id_of(ORG));
    call_add(&called.call, &SQL_TURN_RENAME, params);
    wait_call(&rig, &called);
    assert_int_equal(called.call.err.code, ERR_NONE);
    called_clear(&called);
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where address ="
                                       " 'IE.new' and customer_id = '" ANA "'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from conversations where"
                                       " verified_until is not null"),
                     0);
    expect(tries(RIGHT), "none");
}

/* --- OTP-6 -------------------------------------------------------------------------------- */

static struct value looks(const char *customer, const char *load, const char *name,
                          const char *value)
{
    return act(load, &(struct doing){.customer = customer, .name = name, .value = value});
}

static void lead_a_company(void)
{
    sql("insert into companies (org_id, company_id, name) values ('" ORG "', '" ORG
        "', 'Quay and Sons');"
        "update customers set company_id = '" ORG "', company_admin = customer_id = '" ANA "';"
        "insert into customers (org_id, customer_id, name) values"
        " ('" ORG "', '" EVE "', 'Eve');"
        "insert into workflow_states (org_id, workflow, status, position, phase, progress)"
        " values ('" ORG "', 'shop', 'shipped', 1, 'active', 50);"
        "insert into orders (org_id, order_id, number, customer_id, status, placed_at, "
        "currency,"
        " subtotal_minor, total_minor) values"
        " ('" ORG "', gen_random_uuid(), 'ORD-1', '" ANA "', 'shipped', now(), 'EUR', 1, 1),"
        " ('" ORG "', gen_random_uuid(), 'ORD-2', '" BEN "', 'shipped', now(), 'EUR', 2, 2),"
        " ('" ORG "', gen_random_uuid(), 'ORD-3', '" EVE "', 'shipped', now(), 'EUR', 3, 3)");
}

static void otp_6_a_companys_admin_sees_the_companys_orders(void **state)
{
    (void)state;
    lead_a_company();
    assert_string_equal(text_in(looks(ANA, "company", NULL, NULL), "name"), "Quay and Sons");
    assert_int_equal(looks(ANA, "company_orders", NULL, NULL).list->n, 2);
    struct value order = looks(ANA, "company_order", "number", "ORD-2");
    assert_string_equal(text_in(order, "who"), "Ben");
    assert_int_equal(looks(ANA, "company_order", "number", "ORD-3").kind, VALUE_NONE);
    assert_int_equal(looks(ANA, "company_people", NULL, NULL).list->n, 2);
    assert_int_equal(looks(ANA, "company_people", "offset", "1").list->n, 1);
}

static void otp_6_who_leads_no_company_sees_only_their_own(void **state)
{
    (void)state;
    static const char *const others[] = {BEN, EVE};
    lead_a_company();
    for (size_t i = 0; i < COUNTOF(others); i++) {
        assert_int_equal(looks(others[i], "company", NULL, NULL).kind, VALUE_NONE);
        assert_int_equal(looks(others[i], "company_orders", NULL, NULL).list->n, 0);
        assert_int_equal(looks(others[i], "company_people", NULL, NULL).list->n, 0);
        assert_int_equal(looks(others[i], "company_order", "number", "ORD-1").kind, VALUE_NONE);
        assert_int_equal(looks(others[i], "company_person", "person", ANA).kind, VALUE_NONE);
    }
    sql("update customers set portal_access = false where customer_id = '" ANA "'");
    assert_int_equal(looks(ANA, "company_orders", NULL, NULL).list->n, 0);
}

/* Who the statement is asked for, and who the transaction says that speaks, must be one. */
static void otp_6_naming_an_admin_does_not_make_one(void **state)
{
    (void)state;
    lead_a_company();
    run_sql(owner,
            "begin; set local role parley_bot; set local parley.customer_id = '" BEN "'");
    assert_int_equal(
        ask_number(owner, "select count(*) from company_orders_of('" ORG "', '" ANA "', 0)"),
        0);
    assert_int_equal(
        ask_number(owner, "select company_let('" ORG "', '" ANA "', '" BEN "', false)::int"),
        0);
    run_sql(owner, "set local parley.customer_id = '" ANA "'");
    assert_int_equal(
        ask_number(owner, "select count(*) from company_orders_of('" ORG "', '" ANA "', 0)"),
        2);
    run_sql(owner, "rollback");
}

static struct value lets(const char *customer, const char *who, const char *access)
{
    const struct part *part = parts_find(STR("company_access"));
    struct called called = {.done = false};
    struct record_builder takes;
    struct value answer;
    struct err err = {.code = ERR_NONE};
    const char *outcome;
    struct part_frame frame = {.org = id_of(ORG), .customer = id_of(customer), .now = now};
    frame.id.bytes[15] = (uint8_t)++drawn;
    record_build(&takes, &rig.arena);
    record_set(&takes, STR("person"), value_text(str_from(who)));
    record_set(&takes, STR("access"), value_text(str_from(access)));
    call_init(&called.call, &rig.arena, frame.org);
    called.call.customer = frame.customer;
    call_add(&called.call, part->sql,
             part_params(&rig.arena, part, &frame, record_built(&takes)));
    wait_call(&rig, &called);
    assert_true(part_answer(&rig.arena, part, called.results[0], &answer, &outcome, &err));
    called_clear(&called);
    return answer;
}

static void otp_10_an_admin_manages_the_companys_people_and_nobody_else(void **state)
{
    (void)state;
    static const char *const nobody[] = {ANA, EVE, ORG, "", "x'; --"};
    lead_a_company();
    for (size_t i = 0; i < COUNTOF(nobody); i++)
        expect(lets(ANA, nobody[i], "off"), "refused");
    expect(lets(BEN, ANA, "off"), "refused");
    expect(lets(EVE, BEN, "off"), "refused");
    expect(lets(ANA, BEN, "off"), "changed");
    assert_int_equal(
        ask_number(owner, "select count(*) from customers where not portal_access"), 1);
    struct value ben = looks(ANA, "company_person", "person", BEN);
    assert_int_equal(record_get(ben.record, STR("access")).kind, VALUE_NONE);
    expect(lets(ANA, BEN, "on"), "changed");
    sql("update customers set company_admin = true where customer_id = '" BEN "'");
    expect(lets(ANA, BEN, "off"), "refused");
    assert_int_equal(
        ask_number(owner, "select count(*) from audit where action = 'company.access'"), 2);
}

/* --- the stage ---------------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    const struct db_options options = {.role = "parley_bot"};
    owner = owner_connect();
    now = (usec_t)1795168800 * USEC_PER_SEC;
    sql("set parley.org_id = '" ORG "'");
    sql("insert into businesses (org_id, name, currency) values ('" ORG "', 'Harbour', 'EUR');"
        "insert into accounts (org_id, account_id, channel, external_id) values ('" ORG
        "', '" ORG "', 'whatsapp', '1');"
        "insert into customers (org_id, customer_id, name, email) values"
        " ('" ORG "', '" ANA "', 'Ana', 'ana@harbour.example'),"
        " ('" ORG "', '" BEN "', 'Ben', 'ben@harbour.example');"
        "insert into customer_phones (org_id, phone, customer_id) values"
        " ('" ORG "', '+353871110001', '" ANA "'), ('" ORG "', '+353871110002', '" ANA "'),"
        " ('" ORG "', '+353872220001', '" BEN "');"
        "insert into contact_points (org_id, contact_id, channel, address, phone, customer_id)"
        " values ('" ORG "', '" HERE "', 'whatsapp', '+353871110001', '+353871110001', '" ANA
        "'), ('" ORG "', '" THERE "', 'whatsapp', 'IE.1', '+353873330001', null);"
        "insert into conversations (org_id, conversation_id, account_id, contact_id) values"
        " ('" ORG "', '" HERE "', '" ORG "', '" HERE "')");
    rig_open(&rig, &options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    sql("delete from events_out; delete from code_sends; delete from verifications; delete "
        "from conversations;"
        "delete from audit; delete from orders; delete from workflow_states;"
        "delete from contact_points; delete from customer_phones;"
        "delete from customers; delete from companies; delete from accounts; delete from "
        "businesses");
    PQfinish(owner);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(otp_1_a_right_code_proves_once),
        TEST(otp_1_a_code_ends_after_five_minutes_to_the_second),
        TEST(otp_1_only_the_newest_code_is_right),
        TEST(otp_1_what_is_no_code_costs_no_try),
        TEST(otp_1_only_a_hash_is_kept),
        TEST(otp_1_a_code_is_good_for_its_address_and_customer_only),
        TEST(otp_2_the_code_goes_to_another_address_where_one_exists),
        TEST(otp_2_the_ways_go_round),
        TEST(otp_2_without_another_channel_it_comes_where_one_writes),
        TEST(otp_3_five_wrong_codes_lock_for_a_time_that_grows),
        TEST(otp_3_a_lock_is_of_the_address_that_guessed_and_of_no_other),
        TEST(otp_3_budgets_hold_for_contact_destination_prefix_and_business),
        TEST(otp_3_strangers_use_up_nothing_of_a_customers),
        TEST(otp_5_a_budget_that_others_used_up_tells_a_stranger_nothing),
        TEST(otp_3_a_crowd_of_strangers_uses_up_nothing_of_a_customers),
        TEST(otp_3_strangers_guesses_at_one_customer_end_for_the_day),
        TEST(otp_5_registering_tells_nobody_whose_address_it_is),
        TEST(otp_5_an_address_that_was_only_said_links_nobody),
        TEST(otp_3_settings_that_make_no_sense_leave_the_budgets_as_they_were),
        TEST(otp_3_tries_that_come_at_once_are_judged_one_after_the_other),
        TEST(otp_3_wrong_tries_at_once_are_all_counted),
        TEST(otp_4_a_changed_identity_keeps_the_customer_and_drops_the_proof),
        TEST(otp_5_a_stranger_is_linked_by_a_code_to_what_is_on_record),
        TEST(otp_5_nobody_can_tell_whether_somebody_is_on_record),
        TEST(otp_5_who_has_no_access_or_shares_an_address_is_nobody),
        TEST(otp_5_strangers_register_only_where_the_business_lets_them),
        TEST(otp_6_a_companys_admin_sees_the_companys_orders),
        TEST(otp_6_who_leads_no_company_sees_only_their_own),
        TEST(otp_6_naming_an_admin_does_not_make_one),
        TEST(otp_10_an_admin_manages_the_companys_people_and_nobody_else),
        TEST(otp_8_a_new_email_counts_once_its_code_came_back),
        TEST(otp_8_a_name_is_tidied_and_must_be_one),
        TEST(otp_10_this_is_not_me_takes_everything_away_at_once),
        TEST(otp_10_not_me_on_whatsapp_holds_for_sms_and_for_what_was_under_way),
        TEST(otp_10_not_me_by_sms_leaves_whatsapp_alone),
        TEST(otp_10_what_was_promised_to_the_one_before_is_taken_back),
        TEST(otp_5_a_mailbox_that_two_share_links_nobody),
        TEST(otp_5_what_was_begun_elsewhere_is_offered_and_taken_once),
        TEST(otp_5_only_what_the_bot_may_go_on_with_is_offered),
        TEST(otp_5_what_has_a_turn_just_now_is_left_there),
        TEST(otp_5_what_is_joined_is_shown_masked_and_only_to_its_owner),
        TEST(otp_10_another_place_is_taken_off_with_all_that_was_there),
        TEST(otp_10_a_number_that_is_taken_off_proves_nothing_more),
        TEST(otp_10_a_place_that_was_taken_off_takes_off_nothing_itself),
        TEST(otp_10_the_last_visit_is_kept_and_told),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
