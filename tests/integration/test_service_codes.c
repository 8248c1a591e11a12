/*
 * Codes that a turn sends elsewhere: they leave sealed, once and in order, and the books show
 * nothing but dots. Runs parley-coder, which sends a code where a message says.
 */
#include "tests/support/service.h"
#include "tests/support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CODER PARLEY_BUILD_DIR "/parley-coder"
#define ASKER "15550100001"
#define WAIT  (60 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;
static char folder[TEMP_PATH];
static unsigned messages;

/* --- words that have a code in them ---------------------------------------------------------
 */

static void write_words(void)
{
    static const char *const langs[] = {"en", "es", "pl", "ar"};

    for (size_t i = 0; i < COUNTOF(langs); i++) {
        const char *name = arena_format(&arena, "templates/messages/%s.yaml", langs[i]).at;
        const char *from = arena_format(&arena, "%s/%s", PARLEY_SOURCE_DIR, name).at;
        const char *to = arena_format(&arena, "%s/%s", folder, name).at;
        assert_int_equal(symlink(from, to), 0);
        to = arena_format(&arena, "%s/templates/messages/coder.%s.yaml", folder, langs[i]).at;
        FILE *file = fopen(to, "w");
        assert_non_null(file);
        (void)fprintf(file, "coder.words: \"{{code}} is your code, from {{business.name}}\"\n");
        assert_int_equal(fclose(file), 0);
    }
}

static void make_folder(void)
{
    static const char *const parts[] = {"templates", "templates/messages"};
    const char *flows = PARLEY_SOURCE_DIR "/flows";

    temp_folder(folder, "codes");
    for (size_t i = 0; i < COUNTOF(parts); i++)
        assert_int_equal(mkdir(arena_format(&arena, "%s/%s", folder, parts[i]).at, 0700), 0);
    assert_int_equal(symlink(flows, arena_format(&arena, "%s/flows", folder).at), 0);
    write_words();
}

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    (void)unsetenv("PARLEY_WHATSAPP_CODE_TEMPLATE");
    return 0;
}

static void start(unsigned workers, const char *faults)
{
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.program = CODER,
                                                   .sms = true,
                                                   .mail = true,
                                                   .workers = workers,
                                                   .folder = folder,
                                                   .faults = faults});
}

static struct str asks(const char *phone, const char *words)
{
    return post_text(&arena, phone, arena_format(&arena, "wamid.code.%u", messages++).at,
                     words);
}

static void say(const char *phone, const char *words)
{
    struct post post = {.body = asks(phone, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
}

static void all_settled(void)
{
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

/* --- the tests ------------------------------------------------------------------------------
 */

static void otp_1_a_code_leaves_by_sms_and_the_books_show_dots(void **state)
{
    (void)state;
    start(1, NULL);
    say(ASKER, "code sms +15550100002 471123");
    all_settled();
    assert_int_equal(service_arrived(&service, "15550100002", "471123 is your code, from Lark"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from messages m join conversations c"
                                       " using (org_id, conversation_id) join contact_points p"
                                       " using (org_id, contact_id) where p.channel = 'sms'"
                                       " and p.address = '+15550100002' and p.customer_id ="
                                       " (select customer_id from customer_phones where phone ="
                                       " '+15550100002') and m.seq = 1 and m.why = 'code'"
                                       " and m.body like '%••••••%' and m.delivery >= 1"),
                     1);
    assert_int_equal(ask_number(owner,
                                "select count(*) from messages where body like '%471123%'"
                                " and not inbound"),
                     0);
    assert_int_equal(service_logged(&service, "471123"), 0);
    service_until(&service, owner,
                  "select count(*) from messages where why = 'code' and delivery = 3", 1, WAIT);
    service_stop(&service);
}

/* Neither the list of mails nor its preview shows it. */
static void otp_1_a_code_leaves_by_mail_sealed_until_then(void **state)
{
    (void)state;
    start(1, NULL);
    say(ASKER, "code email ana@example.net 471124");
    all_settled();
    assert_int_equal(service_arrived(&service, "ana@example.net",
                                     "\"text\":\"471124 is your code, from Lark"),
                     1);
    assert_int_equal(
        service_arrived(&service, "ana@example.net", "\"subject\":\"Your code for"), 1);
    assert_int_equal(
        service_arrived(&service, "ana@example.net", "user-select:all\\\">471124<"), 1);
    assert_int_equal(ask_number(owner,
                                "select count(*) from messages where body like '%471124%'"
                                " and why = 'code'"),
                     0);
    assert_int_equal(service_logged(&service, "471124"), 0);
    /* All of the mail is in the language of who asked, also where nobody has written yet. */
    run_sql(owner, "update conversations set language = 'pl', language_settled = true");
    say(ASKER, "code email basia@example.net 471125");
    all_settled();
    assert_int_equal(
        service_arrived(&service, "basia@example.net", "\"subject\":\"Twój kod do"), 1);
    service_stop(&service);
}

/* Ten customers ask for codes to two numbers at once, over three workers: each number's
 * conversation counts on without a gap, and nothing is lost to a lock. */
static void otp_1_codes_to_one_number_from_many_turns_keep_their_order(void **state)
{
    (void)state;
    enum { ASKERS = 10, ROUNDS = 4 };
    struct post posts[ASKERS * ROUNDS];

    start(3, NULL);
    for (size_t i = 0; i < COUNTOF(posts); i++) {
        const char *from = arena_format(&arena, "155507%05zu", i % ASKERS).at;
        const char *words =
            arena_format(&arena, "code sms +1555010000%zu %06zu", 3 + i % 2, 200000 + i).at;
        posts[i] = (struct post){.body = asks(from, words)};
    }
    service_post(&service, posts, COUNTOF(posts), ASKERS, WAIT);
    all_settled();
    for (size_t i = 0; i < COUNTOF(posts); i++) {
        assert_int_equal(posts[i].status, 200);
        const char *code = arena_format(&arena, "%06zu is your code", 200000 + i).at;
        assert_int_equal(service_arrived(&service, NULL, code), 1);
    }
    assert_int_equal(ask_number(owner, "select count(*) from (select conversation_id, max(seq)"
                                       " - count(*) as gap from messages where why = 'code'"
                                       " group by 1 having count(*) = 20) g where gap = 0"),
                     2);
    assert_int_equal(service_repeated(&service), 0);
    service_stop(&service);
}

/* Two codes asked for in one breath, of one batch: the later one is the newest on the phone. */
static void otp_1_codes_of_one_batch_arrive_as_they_were_asked_for(void **state)
{
    (void)state;
    struct str both[2];

    start(1, NULL);
    both[0] = post_message(&arena, ASKER, "wamid.pair.1", "code sms +15550100002 900001");
    both[1] = post_message(&arena, ASKER, "wamid.pair.2", "code sms +15550100002 900002");
    struct post post = {.body = post_messages(&arena, both, 2)};
    service_post(&service, &post, 1, 1, WAIT);
    all_settled();
    assert_true(service_place(&service, "900001 is") < service_place(&service, "900002 is"));
    service_stop(&service);
}

/* Who has not written is reached by a template only; so is who writes just now, if there is
 * one.
 */
static void otp_1_by_whatsapp_a_code_goes_in_a_template_of_its_own(void **state)
{
    (void)state;
    struct post posts[2];

    (void)setenv("PARLEY_WHATSAPP_CODE_TEMPLATE", "verification_code", 1);
    start(1, "{\"strict_window\": true}");
    say("15550100005", "code whatsapp +15550100006 471123");
    say("15550100005", "code whatsapp +15550100005 471124");
    /* both write at the same moment, perhaps in one batch, and a code goes across */
    posts[0] = (struct post){.body = asks("15550100007", "code whatsapp +15550100008 471125")};
    posts[1] = (struct post){.body = asks("15550100008", "code whatsapp +15550100007 471126")};
    service_post(&service, posts, 2, 2, WAIT);
    all_settled();
    static const char *const to[] = {"15550100006", "15550100005", "15550100008",
                                     "15550100007"};
    for (size_t i = 0; i < COUNTOF(to); i++) {
        const char *button =
            arena_format(&arena,
                         "\"sub_type\":\"url\",\"index\":\"0\",\"parameters\":[{\"type\":"
                         "\"text\",\"text\":\"%zu\"}]",
                         471123 + i)
                .at;
        assert_int_equal(service_arrived(&service, to[i], button), 1);
    }
    assert_int_equal(ask_number(owner, "select count(*) from messages where kind = 'template'"
                                       " and body like '%••••••%' and delivery in (1, 3)"),
                     4);
    assert_int_equal(ask_number(owner,
                                "select count(*) from messages where not inbound and body"
                                " like '%47112%'"),
                     0);
    assert_int_equal(service_logged(&service, "47112"), 0);
    service_stop(&service);
}

static void otp_1_without_a_template_a_code_goes_only_to_who_writes(void **state)
{
    (void)state;
    start(1, NULL);
    say("15550100009", "code whatsapp +15550100009 471123");
    say("15550100009", "code whatsapp +15550100010 471124");
    all_settled();
    assert_int_equal(service_arrived(&service, "15550100009", "471123 is your code"), 1);
    assert_int_equal(service_arrived(&service, NULL, "471124"), 0);
    assert_int_equal(service_logged(&service, "coder.refused"), 1);
    service_stop(&service);
}

/* A key that was changed while a code waited: it cannot be said any more, and the next can. */
static void a_code_sealed_with_another_key_is_given_up_with_its_reason(void **state)
{
    (void)state;
    start(1, "{\"fail\": [{\"code\": 20429, \"http\": 429, \"probability\": 1}]}");
    say("15550100011", "code sms +15550100012 471123");
    service_until(&service, owner, "select count(*) from outbox where sealed is not null", 1,
                  WAIT);
    run_sql(owner, "update outbox set sealed = sealed || '\\x00' where sealed is not null");
    service_until(&service, owner,
                  "select count(*) from messages where why = 'code' and delivery = 2"
                  " and reason like '%another key%'",
                  1, WAIT);
    assert_int_equal(service_arrived(&service, "15550100012", NULL), 0);
    assert_true(service_logged(&service, "outbox.unsayable") >= 1);
    service_stop(&service);
}

/* Twilio was away for longer than the code is good: it is not sent when it comes back. */
static void a_code_that_waited_too_long_is_not_sent(void **state)
{
    (void)state;
    start(1, "{\"fail\": [{\"code\": 20429, \"http\": 429, \"probability\": 1,"
             "\"to\": \"+15550100014\"}]}");
    say("15550100013", "code sms +15550100014 471123");
    run_sql(owner, "update messages set at = at - interval '301 seconds' where why = 'code'");
    service_until(&service, owner,
                  "select count(*) from messages where why = 'code' and delivery = 2"
                  " and reason like '%no longer good%'",
                  1, WAIT);
    assert_int_equal(service_arrived(&service, "15550100014", NULL), 0);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(otp_1_a_code_leaves_by_sms_and_the_books_show_dots,
                                  tear_down),
        cmocka_unit_test_teardown(otp_1_a_code_leaves_by_mail_sealed_until_then, tear_down),
        cmocka_unit_test_teardown(otp_1_codes_to_one_number_from_many_turns_keep_their_order,
                                  tear_down),
        cmocka_unit_test_teardown(otp_1_codes_of_one_batch_arrive_as_they_were_asked_for,
                                  tear_down),
        cmocka_unit_test_teardown(otp_1_by_whatsapp_a_code_goes_in_a_template_of_its_own,
                                  tear_down),
        cmocka_unit_test_teardown(otp_1_without_a_template_a_code_goes_only_to_who_writes,
                                  tear_down),
        cmocka_unit_test_teardown(a_code_that_waited_too_long_is_not_sent, tear_down),
        cmocka_unit_test_teardown(a_code_sealed_with_another_key_is_given_up_with_its_reason,
                                  tear_down),
    };
    store_open();
    make_folder();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temp_remove(folder);
    store_shut();
    arena_finish(&arena);
    return failed;
}
