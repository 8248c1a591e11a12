/*
 * What strangers, and holders of one link, may try on the doors of SMS and email: guessed and
 * mangled links, methods and signatures that are nearly right, forms and ids made to reach
 * further than they should. One service for all; nothing of it acts, and nobody hears of it.
 */
#include "bot/base/crypto.h"
#include "bot/view/link.h"
#include "tests/support/service.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <curl/curl.h>

#define ANA    "+15550100001"
#define WAIT   (60 * USEC_PER_SEC)
#define SECRET "whsec_cGFybGV5LXRlc3RzLW93bi1rZXktMDAx"

static struct arena arena;
static struct service service;
static PGconn *owner;
static struct config config = {
    .secrets = {.key = {"a key of thirty-two characters or more", 38}}};

/* --- asking ---------------------------------------------------------------------------------
 */

static struct {
    char head[4096], body[16384];
    size_t head_len, body_len;
} answer;

static size_t keep(const char *bytes, size_t n, char *text, size_t room, size_t *len)
{
    size_t fits = n < room - 1 - *len ? n : room - 1 - *len;

    memcpy(text + *len, bytes, fits);
    *len += fits;
    text[*len] = '\0';
    return n;
}

static size_t take_head(const char *bytes, size_t size, size_t n, void *user)
{
    (void)user;
    return keep(bytes, size * n, answer.head, sizeof answer.head, &answer.head_len);
}

static size_t take_body(const char *bytes, size_t size, size_t n, void *user)
{
    (void)user;
    return keep(bytes, size * n, answer.body, sizeof answer.body, &answer.body_len);
}

struct ask {
    const char *method; /* NULL: GET, or POST with a body */
    struct str path;    /* below our address */
    struct str body;    /* `at` NULL: none */
    const char *const *lines;
    size_t n_lines;
};

/* The answer's status; 0 when there is none. */
static long ask(const struct ask *ask)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    long status = 0;

    memset(&answer, 0, sizeof answer);
    for (size_t i = 0; i < ask->n_lines; i++)
        headers = curl_slist_append(headers, ask->lines[i]);
    curl_easy_setopt(
        curl, CURLOPT_URL,
        arena_format(&arena, "http://127.0.0.1:%d%.*s", service.port, STR_ARG(ask->path)).at);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    if (ask->body.at != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ask->body.at);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)ask->body.len);
    }
    if (ask->method != NULL && strcmp(ask->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (ask->method != NULL) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, ask->method);
    }
    (void)curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}

static long visit(const char *method, struct str path, const char *form)
{
    return ask(&(struct ask){
        .method = method, .path = path, .body = form != NULL ? str_from(form) : STR_NONE});
}

static bool has_line(const char *line)
{
    return strcasestr(answer.head, line) != NULL;
}

/* --- what there is --------------------------------------------------------------------------
 */

/* All that anybody could have done. */
static const char *doings(void)
{
    PGresult *rows = PQexec(
        owner, "select (select count(*) from messages) || ' ' || (select count(*) from"
               " consent_log) || ' ' || (select count(*) from preferences) || ' ' ||"
               " (select count(*) from contact_points where stopped_at is not null) || ' ' ||"
               " (select count(*) from unrouted) || ' ' || (select count(*) from dead_letters)"
               " || ' ' || (select count(*) from payloads)");
    const char *text = arena_format(&arena, "%s", PQgetvalue(rows, 0, 0)).at;

    PQclear(rows);
    return text;
}

static struct link last_said(void)
{
    struct link link = {0};
    PGresult *rows = PQexec(owner, "select org_id, conversation_id, max(seq) from messages"
                                   " where not inbound and body like '%\"options\"%'"
                                   " group by 1, 2");

    assert_int_equal(PQntuples(rows), 1);
    assert_true(uuid_parse(str_from(PQgetvalue(rows, 0, 0)), &link.org));
    assert_true(uuid_parse(str_from(PQgetvalue(rows, 0, 1)), &link.conversation));
    link.seq = strtol(PQgetvalue(rows, 0, 2), NULL, 10);
    PQclear(rows);
    return link;
}

/* "/t/<token>" */
static struct str path_of(enum link_kind kind, const struct link *link)
{
    config.public_url = STR("https://x.example");
    struct str url = link_make(&arena, &config, kind, link);

    return str_slice(url, config.public_url.len, url.len);
}

static struct post post_form(struct str body, const char *door, bool forged)
{
    struct post post = {.sms = true, .body = body, .door = door, .forged = forged};

    service_post(&service, &post, 1, 1, 0);
    return post;
}

static void all_settled(void)
{
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

/* --- links ----------------------------------------------------------------------------------
 */

static long press(struct str path)
{
    return visit("POST", path, "once=0123456789abcdef");
}

static struct str with_letter(struct str good, size_t at, char letter)
{
    struct str bad = arena_str(&arena, good);

    ((char *)bad.at)[at] = letter;
    return bad;
}

static void mangle(struct str good)
{
    for (size_t len = 0; len < good.len; len++) {
        long status = press(str_slice(good, 0, len));
        if (status != 404)
            fail_msg("%zu letters of a link: %ld", len, status);
    }
    for (size_t i = 3; i < good.len; i++) {
        if (press(with_letter(good, i, good.at[i] == 'A' ? 'B' : 'A')) != 404)
            fail_msg("a link with another letter %zu", i);
    }
}

static void move_to_other_doors(struct str good)
{
    static const char letters[] = "tusfTUSF";

    for (size_t i = 0; letters[i] != '\0'; i++) {
        if (letters[i] == good.at[1])
            continue;
        long status = press(with_letter(good, 1, letters[i]));
        if (status != (letters[i] == 'f' ? 405 : 404))
            fail_msg("a link at the door of %c: %ld", letters[i], status);
    }
}

static void lengthen(struct str good)
{
    static const char *const tails[] = {"=", "%20", "/", "/x", ".", "A", "%2e%2e"};

    for (size_t i = 0; i < COUNTOF(tails); i++) {
        if (press(arena_concat(&arena, good, str_from(tails[i]))) != 404)
            fail_msg("a link with %s behind it", tails[i]);
    }
}

static void ch_6_no_mangled_link_opens_anything(void **state)
{
    static const enum link_kind kinds[] = {LINK_TAP, LINK_UNSUBSCRIBE};
    struct link link = last_said();
    const char *before = doings();

    (void)state;
    for (size_t k = 0; k < COUNTOF(kinds); k++) {
        struct str good = path_of(kinds[k], &link);
        assert_int_equal(visit(NULL, good, NULL), 200);
        mangle(good);
        move_to_other_doors(good);
        lengthen(good);
    }
    assert_string_equal(doings(), before);
}

/* Scanners of mail open whatever they find, in any way that they know. */
static void ch_6_no_method_but_post_acts(void **state)
{
    static const char *const methods[] = {"GET",   "HEAD",  "OPTIONS",  "PUT",  "DELETE",
                                          "PATCH", "TRACE", "PROPFIND", "post", "POSTX"};
    static const char *const kept[] = {
        "content-security-policy: default-src 'none'", "referrer-policy: no-referrer",
        "x-content-type-options: nosniff", "cache-control: no-store"};
    struct link link = last_said();
    const char *before = doings();
    struct str doors[] = {path_of(LINK_TAP, &link), path_of(LINK_UNSUBSCRIBE, &link),
                          STR("/s/23456789abc"),    STR("/f/AAAA"),
                          STR("/webhooks/twilio"),  STR("/webhooks/twilio/status"),
                          STR("/webhooks/resend"),  STR("/webhooks/mail/" SERVICE_MAIL)};

    (void)state;
    for (size_t d = 0; d < COUNTOF(doors); d++) {
        for (size_t m = 0; m < COUNTOF(methods); m++) {
            long status = visit(methods[m], doors[d], NULL);
            bool looks = m < 2 && d < 4;
            if (looks ? status != (d < 2 ? 200 : 404) : status < 400 || status >= 502)
                fail_msg("%s %.*s: %ld", methods[m], STR_ARG(doors[d]), status);
            assert_true(m != 1 || answer.body_len == 0);
            for (size_t i = 0; looks && d < 2 && i < COUNTOF(kept); i++)
                assert_true(has_line(kept[i]));
        }
    }
    assert_string_equal(doings(), before);
}

/* The address of a link is all that it needs, so no other page is told of it, and no cache
 * keeps it. */
static void ch_6_a_short_link_leads_where_it_was_made_to_and_nowhere_else(void **state)
{
    static const struct {
        const char *url;
        long status;
    } cases[] = {
        {"https://tracking.example/x?y=1", 302},
        {"javascript:alert(1)",            404},
        {"//evil.example/",                404},
        {"https:evil.example",             404},
        {"data:text/html,x",               404},
    };
    struct link link = last_said();
    char org[UUID_TEXT_LEN + 1];

    (void)state;
    uuid_format(link.org, org);
    struct str id = {(const char *)link.org.bytes, sizeof link.org.bytes};
    struct hash16 hash = hash16_of(&id, 1);
    static const char signs[] = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ";
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct str code =
            arena_format(&arena, "%c%cqqqqqqq%02zu", signs[hash.bytes[0] % (sizeof signs - 1)],
                         signs[hash.bytes[1] % (sizeof signs - 1)], i + 22);
        run_sql(owner, arena_format(&arena,
                                    "insert into short_links (org_id, code, url, made_at)"
                                    " values ('%s', '%.*s', '%s', now())",
                                    org, STR_ARG(code), cases[i].url)
                           .at);
        struct str path = arena_format(&arena, "/s/%.*s", STR_ARG(code));
        if (visit(NULL, path, NULL) != cases[i].status)
            fail_msg("%s: %s", cases[i].url, answer.head);
        assert_int_equal(has_line("\r\nlocation: "), cases[i].status == 302);
        assert_true(has_line("cache-control: no-store"));
        assert_true(cases[i].status == 404 || has_line("referrer-policy: no-referrer"));
        /* what is added to it leads nowhere else */
        struct str more = arena_concat(&arena, path, STR("?url=https://evil.example"));
        (void)visit(NULL, more, NULL);
        assert_false(has_line("evil.example"));
        more = arena_concat(&arena, path, STR("%0d%0aX-Evil:1"));
        (void)visit(NULL, more, NULL);
        assert_false(has_line("x-evil"));
    }
}

/* Each answer to a tap is a message to the customer: whoever holds one link, by a mail that was
 * sent on perhaps, cannot have them written to without end. */
static void ch_6_one_link_is_not_tapped_without_end(void **state)
{
    struct link link = last_said();
    long before = ask_number(owner, "select count(*) from messages where inbound"), late = 0;

    (void)state;
    for (int i = 0; i < 120; i++) {
        struct str form = arena_format(&arena, "once=%016x", i + 1);
        long status = visit("POST", path_of(LINK_TAP, &link), arena_cstr(&arena, form));
        assert_true(status == 200 || status == 429);
        late += status == 429;
    }
    assert_true(late >= 80);
    assert_in_range(ask_number(owner, "select count(*) from messages where inbound") - before,
                    1, 40);
    all_settled();
}

/* --- Twilio's door --------------------------------------------------------------------------
 */

static void ch_4_what_is_nearly_twilios_stays_outside(void **state)
{
    const char *before = doings();
    struct str body = post_sms(&arena, ANA, "SMnear1", "hello", "");
    static const char *const lines[][2] = {
        {"Content-Type: application/json",                  "X-Nothing: 1"           },
        {"Content-Type: application/x-www-form-urlencoded", "X-Twilio-Signature;"    },
        {"Content-Type: application/x-www-form-urlencoded", "X-Twilio-Signature: AAA"},
        {"Content-Type: multipart/form-data; boundary=x",   "X-Nothing: 1"           },
        {"Content-Type: application/json; charset=utf-8",
         "X-Twilio-Signature: AAAAAAAAAAAAAAAAAAAAAAAAAAA="                          },
    };
    static const char *const queries[] = {
        "", "?bodySHA256=",
        ("?bodySHA256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca"
         "495991b7852b855")};

    (void)state;
    assert_int_equal(post_form(body, NULL, true).status, 401);
    assert_int_equal(post_form(body, "/webhooks/twilio/status", true).status, 401);
    for (size_t i = 0; i < COUNTOF(lines); i++) {
        for (size_t k = 0; k < COUNTOF(queries); k++) {
            struct str path =
                arena_concat(&arena, STR("/webhooks/twilio"), str_from(queries[k]));
            long status =
                ask(&(struct ask){.path = path, .body = body, .lines = lines[i], .n_lines = 2});
            if (status != 401)
                fail_msg("%s%s: %ld", lines[i][1], queries[k], status);
        }
    }
    assert_string_equal(doings(), before);
}

/* Signed and strange: kept as what it can be, and nothing is asked for where it says. */
static void ch_4_a_strange_form_is_taken_for_no_more_than_it_is(void **state)
{
    static const char *const more[] = {
        "&Body=&Body=%00&Body=%ff%fe",
        "&NumMedia=999999999999999999999",
        "&NumMedia=-1&MediaUrl0=http://127.0.0.1/",
        "&NumMedia=0x2&MediaUrl0=file:///etc/passwd",
        ("&NumMedia=10&MediaUrl0=http://169.254.169.254/latest&MediaContentType0=image/png"
         "&MediaUrl1=http://127.0.0.1:1/Messages/../Media/..&MediaUrl9=gopher://x/"),
        "&%00=%00&%ff=%c0%af&x=&&&",
        "&Tody%00=x&Zrom%20=%2B15550100002",
        "&OptOutType=%00STOP",
        "&MessageStatus=",
        "&Latitude=999&Longitude=NaN&ProfileName=%e2%80%ae%0d%0aTo:x",
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(more); i++) {
        struct str id = arena_format(&arena, "SMstrange%zu", i);
        struct post post = post_form(
            post_sms(&arena, ANA, arena_cstr(&arena, id), "hello", more[i]), NULL, false);
        if (post.status != 200)
            fail_msg("%s: %ld", more[i], post.status);
    }
    all_settled();
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where channel ="
                                       " 'sms' and address <> '" ANA "'"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where channel ="
                                       " 'sms' and stopped_at is not null"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from documents where handle like"
                                       " '%:/%' or handle like '%..%'"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
}

/* A form with a field twice is one whose signature covers both. */
static void ch_4_another_field_of_a_name_breaks_the_signature(void **state)
{
    struct str body = post_sms(&arena, ANA, "SMtwice", "hello", "");
    char line[64] = "X-Twilio-Signature: ";
    uint8_t mac[SHA1_LEN];
    static const char *const tails[] = {"&From=%2B15550100002", "&Body=STOP",
                                        "&To=%2B15550100102", "&OptOutType=STOP"};

    (void)state;
    struct str text = arena_format(&arena,
                                   "http://127.0.0.1:%d/webhooks/twilioBodyhelloFrom" ANA
                                   "MessageSidSMtwiceTo" SERVICE_SMS_NUMBER,
                                   service.port);
    assert_true(hmac_sha1(STR("atokenofTwilios"), text, mac));
    sodium_bin2base64(line + strlen(line), sizeof line - strlen(line), mac, sizeof mac,
                      sodium_base64_VARIANT_ORIGINAL);
    const char *lines[] = {"Content-Type: application/x-www-form-urlencoded", line};
    struct str plain =
        STR("Body=hello&From=%2B15550100001&MessageSid=SMtwice&To=%2B15550100101");
    for (size_t i = 0; i < COUNTOF(tails); i++) {
        struct ask with = {.path = STR("/webhooks/twilio"),
                           .body = arena_concat(&arena, plain, str_from(tails[i])),
                           .lines = lines,
                           .n_lines = 2};
        assert_int_equal(ask(&with), 401);
    }
    struct ask alone = {
        .path = STR("/webhooks/twilio"), .body = plain, .lines = lines, .n_lines = 2};
    assert_int_equal(ask(&alone), 200);
    (void)body;
    all_settled();
}

/* --- Resend's door --------------------------------------------------------------------------
 */

static const char *sign(const char *id, long long at, struct str body)
{
    static char base64[64];
    struct hash mac = hmac_sha256(STR("parley-tests-own-key-001"),
                                  arena_format(&arena, "%s.%lld.%.*s", id, at, STR_ARG(body)));

    sodium_bin2base64(base64, sizeof base64, mac.bytes, HASH_LEN,
                      sodium_base64_VARIANT_ORIGINAL);
    return base64;
}

static long post_resend(struct str body, const char *at_text, const char *id,
                        const char *signatures)
{
    const char *lines[] = {arena_format(&arena, "svix-id: %s", id).at,
                           arena_format(&arena, "svix-timestamp: %s", at_text).at,
                           arena_format(&arena, "svix-signature: %s", signatures).at};

    return ask(&(struct ask){
        .path = STR("/webhooks/resend"), .body = body, .lines = lines, .n_lines = 3});
}

static void ch_5_what_is_nearly_resends_stays_outside(void **state)
{
    const struct str body = STR("{\"type\":\"email.sent\",\"data\":{}}");
    long long now = clock_now() / USEC_PER_SEC;
    const char *at = arena_format(&arena, "%lld", now).at, *before = doings();
    const char *good = arena_format(&arena, "v1,%s", sign("msg_1", now, body)).at;
    static const long long away[] = {-301, -86400, 302, 86400};

    (void)state;
    for (size_t i = 0; i < COUNTOF(away); i++) {
        const char *then = arena_format(&arena, "%lld", now + away[i]).at;
        const char *mac = arena_format(&arena, "v1,%s", sign("msg_1", now + away[i], body)).at;
        if (post_resend(body, then, "msg_1", mac) != 401)
            fail_msg("%lld seconds away", away[i]);
        assert_int_equal(post_resend(body, then, "msg_1", good), 401);
    }
    static const char *const times[] = {
        "",    " ",   "99999999999999999999", "0x10", "-1", "1e10", "NaN", "0",
        "now", "1 2", "18446744073709551615"};
    for (size_t i = 0; i < COUNTOF(times); i++)
        assert_int_equal(post_resend(body, times[i], "msg_1", good), 401);
    assert_int_equal(post_resend(body, at, "", good), 401);
    assert_int_equal(post_resend(body, at, "msg_2", good), 401);
    assert_int_equal(post_resend(STR("{}"), at, "msg_1", good), 401);
    const char *many = "v1,AAAA";
    for (int i = 0; i < 40; i++)
        many = arena_format(&arena, "%s v1,AAAA", many).at;
    const char *const bad[] = {"",
                               "v1,",
                               good + 3,
                               arena_format(&arena, "v1a,%s", good + 3).at,
                               arena_format(&arena, "v2,%s", good + 3).at,
                               arena_format(&arena, "v1,%.20s", good + 3).at,
                               arena_format(&arena, "v1,%sA", good + 3).at,
                               arena_format(&arena, "v1,%s,v1", good + 3).at,
                               arena_format(&arena, "%s %s", many, good).at};
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        if (post_resend(body, at, "msg_1", bad[i]) != 401)
            fail_msg("signature %s", bad[i]);
    }
    char *huge = arena_alloc(&arena, 60001);
    memset(huge, 'v', 60000);
    huge[60000] = '\0';
    assert_int_not_equal(post_resend(body, at, "msg_1", huge), 200);
    /* a header twice is not two */
    const char *twice[] = {"svix-id: msg_2", "svix-id: msg_1",
                           arena_format(&arena, "svix-timestamp: %s", at).at,
                           arena_format(&arena, "svix-signature: %s", good).at};
    long status = ask(&(struct ask){
        .path = STR("/webhooks/resend"), .body = body, .lines = twice, .n_lines = 4});
    assert_int_equal(status, 401);
    assert_string_equal(doings(), before);
    /* and the right one is right, also as the second of two keys' */
    assert_int_equal(
        post_resend(body, at, "msg_1", arena_format(&arena, "v1,AAAA %s", good).at), 200);
}

/* Ids that would reach another address of the API, were they put there as they are. */
static void ch_5_an_id_that_is_none_is_never_asked_for(void **state)
{
    static const char *const ids[] = {"../../domains",
                                      "m-1/../../api-keys",
                                      "%2e%2e%2f",
                                      "m-1?x=1",
                                      "m-1#x",
                                      "m 1",
                                      "m-1\\r\\nX-Evil: 1",
                                      "@evil.example/",
                                      "..",
                                      "m-1/attachments/f-1"};
    long long now = clock_now() / USEC_PER_SEC;
    long asked = service_findings(&service);
    const char *before = doings();

    (void)state;
    for (size_t i = 0; i < COUNTOF(ids); i++) {
        struct str body = arena_format(&arena,
                                       "{\"type\":\"email.received\",\"data\":{\"email_id\":"
                                       "\"%s\",\"to\":[\"" SERVICE_MAIL "\"]}}",
                                       ids[i]);
        const char *mac = arena_format(&arena, "v1,%s", sign("msg_id", now, body)).at;
        long status = post_resend(body, arena_format(&arena, "%lld", now).at, "msg_id", mac);
        if (status != 503 && status != 200)
            fail_msg("%s: %ld", ids[i], status);
    }
    assert_int_equal(service_findings(&service), asked);
    assert_int_equal(service_logged(&service, "intake.mail_not_fetched"), 0);
    (void)before;
}

/* --- life -----------------------------------------------------------------------------------
 */

static int open_all(void **state)
{
    (void)state;
    if (!crypto_init(NULL))
        return 1;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    store_open();
    assert_int_equal(setenv("PARLEY_RESEND_WEBHOOK_SECRET", SECRET, 1), 0);
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.sms = true, .mail = true});
    assert_int_equal(
        post_form(post_sms(&arena, ANA, "SMfirst", "menu", ""), NULL, false).status, 200);
    all_settled();
    return 0;
}

static int shut_all(void **state)
{
    (void)state;
    service_end(&service);
    PQfinish(owner);
    store_shut();
    arena_finish(&arena);
    curl_global_cleanup();
    return 0;
}

static void nothing_is_left_open(void **state)
{
    (void)state;
    service_stop(&service);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_6_no_mangled_link_opens_anything),
        cmocka_unit_test(ch_6_no_method_but_post_acts),
        cmocka_unit_test(ch_6_a_short_link_leads_where_it_was_made_to_and_nowhere_else),
        cmocka_unit_test(ch_4_what_is_nearly_twilios_stays_outside),
        cmocka_unit_test(ch_4_a_strange_form_is_taken_for_no_more_than_it_is),
        cmocka_unit_test(ch_4_another_field_of_a_name_breaks_the_signature),
        cmocka_unit_test(ch_5_what_is_nearly_resends_stays_outside),
        cmocka_unit_test(ch_5_an_id_that_is_none_is_never_asked_for),
        cmocka_unit_test(ch_6_one_link_is_not_tapped_without_end),
        cmocka_unit_test(nothing_is_left_open),
    };

    return cmocka_run_group_tests(tests, open_all, shut_all);
}
