/*
 * Kept files on the channels that have no uploads: a mail brings them along, an SMS brings them
 * as MMS or names an address, and at that address its reader gets the bytes, and nobody else
 * gets anything.
 */
#include "bot/base/crypto.h"
#include "bot/view/link.h"
#include "tests/support/files.h"
#include "tests/support/service.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define AMELIA       "15550100001" /* whose REP-2001 is */
#define AMELIA_MAIL  "customer1@example.com"
#define WAIT         (40 * USEC_PER_SEC)
#define CAPTION      "The axle as it came in"
#define TOKEN        "a gateway's token of some length"
#define DOOR         "/webhooks/mail/" SERVICE_MAIL
#define MAIL_SETTING "  gateway_token: " TOKEN "\n  authserv: mx.lark.example\n"

static struct arena arena;
static struct service service;
static PGconn *owner;
static unsigned posted;
static struct str picture; /* the bytes of the one that was added last */
static struct config config = {
    .secrets = {.key = {"a key of thirty-two characters or more", 38}}};

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static void start(const char *more, unsigned workers, const char *faults)
{
    char org[UUID_TEXT_LEN + 1];

    owner = owner_connect();
    service_start(
        &service,
        &(struct service_wish){
            .sms = true, .mail = true, .workers = workers, .faults = faults, .more = more});
    run_sql(owner, "delete from order_photos");
    uuid_format(seed_demo_org, org);
    run_sql(owner, arena_format(&arena, "set parley.org_id = '%s'", org).at);
}

/* --- what is said and done ------------------------------------------------------------------
 */

static void until_quiet(void)
{
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

static void say_sms(const char *phone, const char *words)
{
    const char *id = arena_format(&arena, "SM%032x", ++posted).at;
    struct post post = {.sms = true, .body = post_sms(&arena, phone, id, words, "")};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    until_quiet();
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static size_t drop(char *data, size_t size, size_t n, void *nobody)
{
    (void)data;
    (void)nobody;
    return size * n;
}

static void say_mail_now(const char *words)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Authorization: Bearer " TOKEN);
    usec_t end = clock_monotonic() + WAIT;
    long status = 0;
    const char *raw =
        arena_format(&arena,
                     "Authentication-Results: mx.lark.example; dmarc=pass "
                     "header.from=example.com\r\nFrom: Amelia <" AMELIA_MAIL ">\r\n"
                     "To: " SERVICE_MAIL "\r\nSubject: Photos\r\n"
                     "Message-ID: <m%u@example.com>\r\n\r\n%s\r\n",
                     ++posted, words)
            .at;

    curl_easy_setopt(curl, CURLOPT_URL,
                     arena_format(&arena, "http://127.0.0.1:%d" DOOR, service.port).at);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, raw);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 15000L);
    while (status != 200 && clock_monotonic() < end) { /* as a gateway does */
        (void)curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (status != 200)
            (void)usleep(20000);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    assert_int_equal(status, 200);
}

static void say_mail(const char *words)
{
    say_mail_now(words);
    until_quiet();
}

static void add_file(const char *file, struct str bytes)
{
    const char *path = arena_format(&arena, "%s/%s", service.dir, file).at;
    FILE *out = fopen(path, "w");
    char said[1000];
    char *argv[] = {"photo",      "add",     "REP-2001",  (char *)(uintptr_t)path,
                    "--category", "damage",  "--caption", CAPTION,
                    "--as",       "Joaquín", NULL};

    assert_non_null(out);
    assert_int_equal(fwrite(bytes.at, 1, bytes.len, out), bytes.len);
    assert_int_equal(fclose(out), 0);
    picture = bytes;
    if (service_command(&service, argv, said, sizeof said) != 0)
        fail_msg("photo add: %s", said);
}

static void add_photo(void)
{
    static unsigned width = 40;

    add_file("picture.png", file_png(&arena, width++, 30));
}

static const char *base64_of(struct str bytes)
{
    size_t room = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(&arena, room);

    sodium_bin2base64(text, room, (const unsigned char *)bytes.at, bytes.len,
                      sodium_base64_VARIANT_ORIGINAL);
    return text;
}

/* --- visits ---------------------------------------------------------------------------------
 */

static struct {
    long status;
    char head[4096];
    char *body;
    size_t head_len, len, room;
} answer;

static size_t take_head(char *bytes, size_t size, size_t n, void *user)
{
    size_t room = sizeof answer.head - 1 - answer.head_len, len = size * n;

    (void)user;
    memcpy(answer.head + answer.head_len, bytes, len < room ? len : room);
    answer.head_len += len < room ? len : room;
    return len;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *user)
{
    (void)user;
    if (answer.len + size * n > answer.room) {
        answer.room = 2 * answer.room + size * n;
        answer.body = realloc(answer.body, answer.room);
        assert_non_null(answer.body);
    }
    memcpy(answer.body + answer.len, bytes, size * n);
    answer.len += size * n;
    return size * n;
}

static long visit(struct str url, const char *method)
{
    CURL *curl = curl_easy_init();

    free(answer.body);
    memset(&answer, 0, sizeof answer);
    curl_easy_setopt(curl, CURLOPT_URL, arena_cstr(&arena, url));
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (strcmp(method, "GET") != 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    }
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_cleanup(curl);
    return answer.status;
}

static struct uuid uuid_asked(const char *sql)
{
    PGresult *rows = PQexec(owner, sql);
    struct uuid id;

    assert_int_equal(PQntuples(rows), 1);
    assert_true(uuid_parse(str_from(PQgetvalue(rows, 0, 0)), &id));
    PQclear(rows);
    return id;
}

static struct str text_asked(const char *sql)
{
    PGresult *rows = PQexec(owner, sql);

    assert_int_equal(PQntuples(rows), 1);
    struct str text = arena_str(&arena, str_from(PQgetvalue(rows, 0, 0)));
    PQclear(rows);
    return text;
}

static struct link_file link_of_photo(void)
{
    return (struct link_file){
        .org = seed_demo_org,
        .document = uuid_asked("select document_id from order_photos order by taken_at desc"
                               " limit 1"),
        .customer = uuid_asked("select customer_id from orders where number = 'REP-2001'"),
        .end = link_file_end(clock_now(), clock_now())};
}

static struct str url_of(const struct link_file *link)
{
    config.public_url = arena_format(&arena, "http://127.0.0.1:%d", service.port);
    return link_file_make(&arena, &config, link);
}

static bool gave_picture(void)
{
    return answer.len == picture.len && memcmp(answer.body, picture.at, picture.len) == 0;
}

/* --- mail -----------------------------------------------------------------------------------
 */

/* As if they had typed the code that reading wants on these channels. */
static void prove(void)
{
    run_sql(owner, "update conversations set verified_until = now() + interval '1 hour'");
}

static void open_order_by_mail(void)
{
    say_mail("menu");
    prove();
    say_mail("REP-2001");
}

static void ask_by_mail(void)
{
    open_order_by_mail();
    say_mail("photos");
}

static void ch_5_a_kept_photo_goes_along_with_a_mail(void **state)
{
    (void)state;
    start(MAIL_SETTING, 2, NULL);
    add_photo();
    ask_by_mail();
    assert_int_equal(service_arrived(&service, AMELIA_MAIL, base64_of(picture)), 1);
    assert_int_equal(service_arrived(&service, AMELIA_MAIL, "Attached: photo.png"), 1);
    assert_int_equal(service_arrived(&service, AMELIA_MAIL, CAPTION), 1);
    assert_int_equal(service_arrived(&service, AMELIA_MAIL, "/f/"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from uploads"), 0);
    assert_int_equal(service_findings(&service), 0);
    service_stop(&service);
}

static void kill_workers(void)
{
    pid_t pids[8];
    size_t n = service_workers(&service, pids, COUNTOF(pids));

    for (size_t i = 0; i < n; i++)
        assert_int_equal(kill(pids[i], SIGKILL), 0);
}

/* Each round a new file, and death at another step: before it is read, while it is on the wire,
 * when its answer comes. */
static void ch_5_deaths_never_double_a_mail_with_a_photo(void **state)
{
    (void)state;
    static const useconds_t moments[] = {0, 15000, 60000, 150000, 250000, 320000, 450000};

    start(MAIL_SETTING, 2, "{\"delay_ms\": 150, \"delay_max_ms\": 300}");
    for (size_t i = 0; i < COUNTOF(moments); i++) {
        run_sql(owner, "delete from order_photos");
        add_photo();
        open_order_by_mail();
        say_mail_now("photos");
        (void)usleep(moments[i]);
        kill_workers();
        until_quiet();
        if (service_arrived(&service, AMELIA_MAIL, base64_of(picture)) != 1) {
            fail_msg("%zu photos after death %zu",
                     service_arrived(&service, AMELIA_MAIL, base64_of(picture)), i);
        }
    }
    assert_int_equal(service_repeated(&service), 0);
    assert_int_equal(service_disordered(&service), 0);
    service_stop(&service);
}

/* More at once than may be in memory, and answers that are lost: each comes once, under the
 * same bytes. */
static void ch_5_many_photos_come_once_through_lost_answers(void **state)
{
    (void)state;
    start(MAIL_SETTING, 2, "{\"lose_answer\": 0.3, \"empty_5xx\": 0.2, \"seed\": 7}");
    for (int i = 0; i < 4; i++)
        add_photo();
    ask_by_mail();
    assert_int_equal(service_arrived(&service, AMELIA_MAIL, "Attached: photo.png"), 4);
    assert_int_equal(service_repeated(&service), 0);
    assert_int_equal(service_findings(&service), 0);
    service_stop(&service);
}

/* A bucket or folder that has lost it: the mail is not sent without, and the log says why. */
static void ch_5_a_photo_that_is_gone_is_not_sent_and_the_next_is(void **state)
{
    (void)state;
    start(MAIL_SETTING, 1, NULL);
    add_photo();
    run_sql(owner, "update documents set sha256 = sha256('another')");
    ask_by_mail();
    assert_int_equal(service_arrived(&service, AMELIA_MAIL, "Attached"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from messages where kind = 'image'"
                                       " and delivery = 2 and reason like '%not kept%'"),
                     1);
    run_sql(owner, "delete from order_photos");
    add_photo();
    ask_by_mail();
    assert_int_equal(service_arrived(&service, AMELIA_MAIL, "Attached: photo.png"), 1);
    service_stop(&service);
}

/* --- SMS ------------------------------------------------------------------------------------
 */

static void ask_by_sms(void)
{
    say_sms("+" AMELIA, "menu");
    prove();
    say_sms("+" AMELIA, "REP-2001");
    say_sms("+" AMELIA, "photos");
}

static void ch_4_a_kept_photo_goes_as_mms_by_its_address(void **state)
{
    (void)state;
    start(MAIL_SETTING, 2, NULL);
    add_photo();
    ask_by_sms();
    assert_int_equal(service_arrived(&service, "+" AMELIA, CAPTION), 1);
    assert_int_equal(service_arrived(&service, "+" AMELIA, "/f/"), 1);
    struct link_file link = link_of_photo();
    assert_int_equal(service_arrived(&service, "+" AMELIA, arena_cstr(&arena, url_of(&link))),
                     1);
    assert_int_equal(visit(url_of(&link), "GET"), 200); /* as Twilio fetches it */
    assert_true(gave_picture());
    assert_int_equal(service_findings(&service), 0);
    service_stop(&service);
}

/* Which of the short ones it is, and that it was sent to Amelia. */
static void short_address_leads_to_picture(const char *which)
{
    struct str code =
        text_asked(arena_format(&arena, "select code from short_links where %s", which).at);
    const char *address =
        arena_format(&arena, "http://127.0.0.1:%d/s/%.*s", service.port, STR_ARG(code)).at;

    assert_int_equal(service_arrived(&service, "+" AMELIA, address), 1);
    assert_int_equal(visit(str_from(address), "GET"), 200);
    assert_true(gave_picture());
}

static void ch_4_without_mms_the_words_have_a_short_address(void **state)
{
    (void)state;
    start(MAIL_SETTING, 2, NULL);
    add_photo();
    run_sql(owner, "delete from short_links; update businesses set settings = settings ||"
                   " '{\"mms\": false}'");
    ask_by_sms();
    assert_int_equal(service_arrived(&service, "+" AMELIA, CAPTION), 1);
    short_address_leads_to_picture("url like '%/f/%'");
    assert_int_equal(service_arrived(&service, "+" AMELIA, "/f/"), 0);
    run_sql(owner, "update accounts set settings = '{\"mms\": true}' where channel = 'sms'");
    ask_by_sms(); /* the number's own setting comes before the business's */
    assert_int_equal(service_arrived(&service, "+" AMELIA, "/f/"), 1);
    run_sql(owner, "update businesses set settings = settings - 'mms';"
                   " update accounts set settings = '{}'");
    service_stop(&service);
}

/* --- what is promised and does not arrive ---------------------------------------------------
 */

/* A notice in a conversation of Amelia's, to be told elsewhere if it fails; with the photo, or
 * without. */
static void promise(const char *channel, const char *words, bool with_photo)
{
    const char *more = "";

    if (with_photo)
        more = ", 'document', (select document_id from order_photos limit 1)";
    run_sql(
        owner,
        arena_format(
            &arena,
            "with c as (update conversations set seq = seq + 1 where account_id ="
            " (select account_id from accounts where channel = '%s' limit 1)"
            " returning org_id, conversation_id, account_id, seq), m as (insert into"
            " messages (org_id, conversation_id, seq, inbound, kind, body, at, why)"
            " select org_id, conversation_id, seq, false, '%s', jsonb_build_object('kind',"
            " '%s', 'lang', 'en', 'body', '%s'%s)::text, now(), 'notice' from c), o as"
            " (insert into outbox (org_id, lane_id, conversation_id, seq, due_at, priority,"
            " document_id, media_id) select org_id, account_id, conversation_id, seq, now(),"
            " 1, case when %d = 1 then (select document_id from order_photos limit 1) end,"
            " (select media_id from uploads limit 1) from c) insert into fallbacks (org_id,"
            " conversation_id, seq, topic, begun_at, due_at) select org_id,"
            " conversation_id, seq, '', now(), now() from c",
            channel, with_photo ? "image" : "text", with_photo ? "image" : "text", words, more,
            with_photo)
            .at);
}

/* A mail that has left is looked after for as long as it may come back. */
static void until_gone_on(void)
{
    service_until(&service, owner,
                  "select count(*) from fallbacks f join messages m using (org_id, "
                  "conversation_id, seq) join conversations c using (org_id, conversation_id) "
                  "join contact_points p using (org_id, contact_id) where not (p.channel = "
                  "'email' and m.delivery = 1)",
                  0, WAIT);
    until_quiet();
}

#define WHATSAPP_USER                                                                          \
    "US.13491208655302741918" /* as whom WhatsApp knows her: there she fails */

/* On WhatsApp she is not reached any more. The photo goes on as MMS; without MMS as a short
 * address; and when SMS does not reach her either, with a mail. */
static void ch_7_a_kept_photo_goes_on_by_sms_and_then_by_mail(void **state)
{
    struct post hello = {.body = post_text(&arena, AMELIA, "wamid.files.1", "REP-2001")};
    struct post photos = {.body = post_text(&arena, AMELIA, "wamid.files.2", "photos")};

    (void)state;
    start(MAIL_SETTING, 2,
          "{\"fail\": [{\"code\": 131026, \"http\": 400, \"probability\": 1, \"to\": "
          "\"" WHATSAPP_USER "\"}, {\"code\": 30003, \"http\": 400, \"probability\": 1,"
          " \"late\": true, \"to\": \"+15550100777\"}]}");
    add_photo();
    service_post(&service, &hello, 1, 1, WAIT);
    until_quiet();
    service_post(&service, &photos, 1, 1, WAIT); /* WhatsApp has the file from here on */
    until_quiet();
    assert_int_equal(ask_number(owner, "select count(*) from uploads where media_id <> ''"), 1);
    run_sql(owner, "update contact_points set address = '" WHATSAPP_USER "', phone = null"
                   " where channel = 'whatsapp'");

    promise("whatsapp", "Your axle, as MMS", true);
    until_gone_on();
    assert_int_equal(service_arrived(&service, "+" AMELIA, "Your axle, as MMS"), 1);
    assert_int_equal(service_arrived(&service, "+" AMELIA, "/f/"), 1);
    struct link_file link = link_of_photo();
    assert_int_equal(service_arrived(&service, "+" AMELIA, arena_cstr(&arena, url_of(&link))),
                     1);
    assert_int_equal(visit(url_of(&link), "GET"), 200);
    assert_true(gave_picture());

    run_sql(owner, "delete from short_links; update accounts set settings ="
                   " '{\"mms\": false}' where channel = 'sms'");
    promise("whatsapp", "Your axle, by address", true);
    until_gone_on();
    assert_int_equal(service_arrived(&service, "+" AMELIA, "Your axle, by address"), 1);
    short_address_leads_to_picture("document_id is not null");
    assert_int_equal(service_arrived(&service, "+" AMELIA, "/f/"), 1); /* as before */

    run_sql(owner,
            "update contact_points set address = '+15550100777', phone = '+15550100777'"
            " where channel = 'sms'; update accounts set settings = '{}';"
            " update customer_phones set phone = '+15550100777' where phone = '+" AMELIA "'");
    promise("whatsapp", "Your axle, by mail", true);
    until_gone_on();
    assert_int_equal(service_arrived(&service, "+15550100777", "Your axle, by mail"), 1);
    assert_int_equal(service_arrived(&service, AMELIA_MAIL, "Your axle, by mail"), 1);
    assert_int_equal(service_arrived(&service, AMELIA_MAIL, base64_of(picture)), 1);
    assert_int_equal(service_repeated(&service), 0);
    assert_int_equal(service_findings(&service), 0);
    service_stop(&service);
}

/* --- settings of one business, or one number ------------------------------------------------
 */

#define REST                                                                                   \
    " is an order, and these are words enough for a second segment where marks stay as they "  \
    "are"

static void ch_4_whether_marks_may_go_is_said_by_number_business_or_service(void **state)
{
    (void)state;
    start(MAIL_SETTING, 1, NULL);
    say_sms("+" AMELIA, "hi");
    promise("sms", "1 zamówienie" REST, false);
    until_quiet();
    run_sql(owner, "update businesses set settings = settings || '{\"plain_letters\": false}'");
    promise("sms", "2 zamówienie" REST, false);
    until_quiet();
    run_sql(owner, "update accounts set settings = '{\"plain_letters\": true}'");
    promise("sms", "3 zamówienie" REST, false);
    until_quiet();
    run_sql(owner, "update accounts set settings = '{\"plain_letters\": \"no idea\"}'");
    promise("sms", "4 zamówienie" REST, false); /* what is neither is as good as unsaid */
    until_quiet();
    assert_int_equal(service_arrived(&service, "+" AMELIA, "zamowienie"), 3);
    assert_int_equal(service_arrived(&service, "+" AMELIA, "2 zamówienie"), 1);
    run_sql(owner, "update businesses set settings = settings - 'plain_letters';"
                   " update accounts set settings = '{}'");
    service_stop(&service);
}

/* --- the door -------------------------------------------------------------------------------
 */

static void otp_7_a_file_is_handed_out_whole_and_harmless(void **state)
{
    (void)state;
    start(MAIL_SETTING, 1, NULL);
    add_photo();
    struct link_file link = link_of_photo();
    assert_int_equal(visit(url_of(&link), "GET"), 200);
    assert_true(gave_picture());
    assert_non_null(strstr(answer.head, "Content-Type: image/png\r\n"));
    assert_non_null(strstr(answer.head, "Content-Disposition: inline; filename=\""));
    assert_non_null(strstr(answer.head, "X-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(answer.head, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(answer.head, "Referrer-Policy: no-referrer\r\n"));
    assert_non_null(strstr(answer.head, "default-src 'none'; sandbox\r\n"));
    assert_int_equal(visit(url_of(&link), "HEAD"), 200);
    assert_int_equal(answer.len, 0);
    assert_non_null(
        strstr(answer.head, arena_format(&arena, "Content-Length: %zu\r\n", picture.len).at));
    assert_int_equal(visit(url_of(&link), "POST"), 405);
    run_sql(owner, "update documents set mime = 'text/html', filename ="
                   " E'..\\\\evil\"\\r\\nX-Bad: 1; łódź.html'");
    assert_int_equal(visit(url_of(&link), "GET"), 200);
    assert_non_null(strstr(answer.head, "Content-Type: application/octet-stream\r\n"));
    assert_non_null(strstr(answer.head, "Content-Disposition: attachment; "));
    assert_null(strstr(answer.head, "\nX-Bad"));
    service_stop(&service);
}

static void otp_7_a_link_opens_nothing_but_its_readers_file_until_its_end(void **state)
{
    (void)state;
    start(MAIL_SETTING, 1, NULL);
    add_photo();
    struct link_file good = link_of_photo(), bad = good;
    struct str url = url_of(&good);

    for (size_t at = str_find(url, STR("/f/")) + 3; at < url.len; at += 5) {
        char *bent = strndup(url.at, url.len);
        assert_non_null(bent);
        bent[at] = bent[at] == 'x' ? 'y' : 'x';
        assert_int_equal(visit(str_from(bent), "GET"), 404);
        free(bent);
    }
    assert_int_equal(visit(arena_concat(&arena, url, STR("/..%2f..%2fetc%2fpasswd")), "GET"),
                     404);
    bad.end = clock_now() / USEC_PER_HOUR * USEC_PER_HOUR;
    assert_int_equal(visit(url_of(&bad), "GET"), 410);
    bad = good;
    bad.customer = uuid_asked("select customer_id from customers where external_id is not null"
                              " and customer_id <> (select customer_id from orders where"
                              " number = 'REP-2001') order by 1 limit 1");
    assert_int_equal(visit(url_of(&bad), "GET"), 410);
    bad = good;
    bad.org.bytes[3] ^= 1;
    assert_int_equal(visit(url_of(&bad), "GET"), 410);
    bad = good;
    bad.document.bytes[3] ^= 1;
    assert_int_equal(visit(url_of(&bad), "GET"), 410);
    assert_int_equal(visit(url, "GET"), 200);
    run_sql(owner, "update order_photos set visible = false");
    assert_int_equal(visit(url, "GET"), 410); /* staff took it off the order */
    service_stop(&service);
}

/* Twenty readers of ten megabytes each, who do not read: the others are served. */
static void otp_7_slow_readers_do_not_fill_the_memory(void **state)
{
    (void)state;
    enum { READERS = 20, SIZE = 9 << 20 };
    CURL *slow[READERS];
    CURLM *many = curl_multi_init();
    char *bytes = calloc(1, SIZE);
    int running;

    start(MAIL_SETTING, 1, NULL);
    assert_non_null(bytes);
    static const struct str head = {"%PDF-1.4\n", 9}, tail = {"%%EOF\n", 6};
    memset(bytes, ' ', SIZE);
    memcpy(bytes, head.at, head.len);
    memcpy(bytes + SIZE - tail.len, tail.at, tail.len);
    add_file("paper.pdf", (struct str){bytes, SIZE});
    struct link_file link = link_of_photo();
    const char *url = arena_cstr(&arena, url_of(&link));
    for (int i = 0; i < READERS; i++) {
        slow[i] = curl_easy_init();
        curl_easy_setopt(slow[i], CURLOPT_URL, url);
        curl_easy_setopt(slow[i], CURLOPT_WRITEFUNCTION, drop);
        curl_easy_setopt(slow[i], CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)100000);
        curl_multi_add_handle(many, slow[i]);
    }
    for (usec_t end = clock_monotonic() + 4 * USEC_PER_SEC; clock_monotonic() < end;) {
        curl_multi_perform(many, &running);
        curl_multi_poll(many, NULL, 0, 50, NULL); /* also while curl reads from none of them */
    }
    long served = 0, refused = 0, status;
    for (int i = 0; i < READERS; i++) {
        curl_easy_getinfo(slow[i], CURLINFO_RESPONSE_CODE, &status);
        served += status == 200;
        refused += status == 503;
    }
    assert_in_range(served, 4, 12);
    assert_int_equal(served + refused, READERS);
    say_sms("+" AMELIA, "hi"); /* all else goes on */
    for (int i = 0; i < READERS; i++) {
        curl_multi_remove_handle(many, slow[i]);
        curl_easy_cleanup(slow[i]);
    }
    curl_multi_cleanup(many);
    for (usec_t end = clock_monotonic() + WAIT;
         visit(str_from(url), "GET") != 200 && clock_monotonic() < end;)
        (void)usleep(200000);
    assert_int_equal(answer.status, 200);
    assert_true(gave_picture());
    assert_non_null(strstr(answer.head, "Content-Disposition: attachment; filename=\""));
    free(bytes);
    service_stop(&service);
}

#define FRESH(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(ch_5_a_kept_photo_goes_along_with_a_mail),
        FRESH(ch_5_deaths_never_double_a_mail_with_a_photo),
        FRESH(ch_5_many_photos_come_once_through_lost_answers),
        FRESH(ch_5_a_photo_that_is_gone_is_not_sent_and_the_next_is),
        FRESH(ch_4_a_kept_photo_goes_as_mms_by_its_address),
        FRESH(ch_4_without_mms_the_words_have_a_short_address),
        FRESH(ch_7_a_kept_photo_goes_on_by_sms_and_then_by_mail),
        FRESH(ch_4_whether_marks_may_go_is_said_by_number_business_or_service),
        FRESH(otp_7_a_file_is_handed_out_whole_and_harmless),
        FRESH(otp_7_a_link_opens_nothing_but_its_readers_file_until_its_end),
        FRESH(otp_7_slow_readers_do_not_fill_the_memory),
    };

    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(answer.body);
    store_shut();
    return failed;
}
