/*
 * Mail that comes in, through the whole service: from a gateway as it goes over the wire, and
 * from Resend, whose webhook is signed here apart from the code under test and whose API a
 * thread of this test plays.
 */
#include "bot/base/crypto.h"
#include "bot/base/message.h"
#include "bot/lane/mail_token.h"
#include "tests/support/service.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT   (60 * USEC_PER_SEC)
#define TOKEN  "a gateway's token of some length"
#define SECRET "whsec_cGFybGV5LXRlc3RzLW93bi1rZXktMDAx"
#define DOOR   "/webhooks/mail/" SERVICE_MAIL
#define HEAD                                                                                   \
    "Authentication-Results: mx.lark.example; dmarc=pass header.from=example.net\r\n"          \
    "From: Ana <Ana@Example.net>\r\nTo: " SERVICE_MAIL "\r\nSubject: Order\r\n"

static struct arena arena;
static struct service service;
static PGconn *owner;

/* --- Resend's API, played -------------------------------------------------------------------
 */

static struct {
    int fd, port;
    pthread_t thread;
    atomic_bool ends;
    atomic_int asked;   /* for mails */
    atomic_int fails;   /* so many answers are 500 */
    atomic_int busy;    /* so many answers are 429 */
    char key[128];      /* the tag of the last mail of ours */
    atomic_int left;    /* mails of ours */
    atomic_int bearers; /* requests for files that showed a key */
} api;

static struct str mail_json(void)
{
    return STR("{\"object\":\"email\",\"id\":\"m-1\",\"to\":[\"" SERVICE_MAIL "\"],\"from\":"
               "\"Ana <ana@example.net>\",\"subject\":\"Re: Order\",\"html\":null,\"text\":"
               "\"Where is it?\\n\\nOn Fri, 20 Nov 2026 at 10:15, Lark <x@lark.example> "
               "wrote:\\n> Shipped\",\"headers\":{},\"message_id\":\"<a1@example.net>\","
               "\"attachments\":[{\"id\":\"f-1\",\"filename\":\"a.png\",\"content_type\":"
               "\"image/png\",\"size\":90000}]}");
}

static const uint8_t png[] = {0x89, 'P', 'N', 'G', 13,  10,   26,   10,   0,    0, 0, 13,
                              'I',  'H', 'D', 'R', 0,   0,    2,    0x58, 0,    0, 2, 0x58,
                              8,    2,   0,   0,   0,   0x31, 0x04, 0x0F, 0x8B, 0, 0, 0,
                              0,    'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};

static void answer(int fd, int status, const void *body, size_t len)
{
    char head[160];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                     status, len);

    if (write(fd, head, (size_t)n) == n)
        (void)!write(fd, body, len);
}

/* All of it: the body may come after the head. */
static bool read_request(int fd, char *text, size_t room)
{
    size_t len = 0, want = 1;

    while (len < want && len < room - 1) {
        ssize_t n = read(fd, text + len, room - 1 - len);
        const char *end, *length;
        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = '\0';
        end = strstr(text, "\r\n\r\n");
        length = strcasestr(text, "\r\ncontent-length:");
        want = end == NULL ? len + 1
                           : (size_t)(end + 4 - text) +
                                 (length != NULL ? strtoul(length + 17, NULL, 10) : 0);
    }
    return true;
}

/* "p1_<conversation>_<seq>", as it stands in the tag of a mail of ours. */
static void take_key(const char *request)
{
    const char *key = strstr(request, "\"p1_");

    if (key != NULL && sscanf(key, "\"%127[^\"]", api.key) == 1)
        api.left++;
}

static void serve_one(int fd)
{
    static char head[1 << 18];
    char url[160];
    bool bearer;

    if (!read_request(fd, head, sizeof head))
        return;
    bearer = strstr(head, "Authorization: Bearer re_test") != NULL;
    if (strncmp(head, "GET /files/", 11) == 0) {
        api.bearers += strstr(head, "uthorization:") != NULL;
        answer(fd, 200, png, sizeof png);
    } else if (!bearer) {
        answer(fd, 401, "{}", 2);
    } else if (strstr(head, "/attachments/") != NULL) {
        int len = snprintf(url, sizeof url,
                           "{\"download_url\":\"http://127.0.0.1:%d/files/1\",\"size\":%zu}",
                           api.port, sizeof png);
        answer(fd, 200, url, (size_t)len);
    } else if (strncmp(head, "GET /emails/receiving/", 22) != 0) {
        take_key(head); /* mails of ours that leave */
        answer(fd, 200, "{\"id\":\"out\"}", 12);
    } else if (api.busy > 0) {
        api.busy--;
        answer(fd, 429, "{}", 2);
    } else if (api.fails > 0) {
        api.fails--;
        answer(fd, 500, "{}", 2);
    } else {
        api.asked++;
        answer(fd, 200, mail_json().at, mail_json().len);
    }
}

/* What is still on its way in would else end the connection before the answer is read. */
static void hang_up(int fd)
{
    char rest[4096];

    (void)shutdown(fd, SHUT_WR);
    while (read(fd, rest, sizeof rest) > 0)
        continue;
    (void)close(fd);
}

static void *serve(void *nothing)
{
    (void)nothing;
    while (!api.ends) {
        int fd = accept(api.fd, NULL, NULL);
        if (fd >= 0 && !api.ends)
            serve_one(fd);
        if (fd >= 0)
            hang_up(fd);
    }
    return NULL;
}

static void start_api(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    char url[64];

    api.ends = false;
    api.asked = api.fails = api.busy = api.left = api.bearers = 0;
    api.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(api.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(api.fd, 64), 0);
    assert_int_equal(getsockname(api.fd, (struct sockaddr *)&address, &len), 0);
    api.port = ntohs(address.sin_port);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d", api.port);
    assert_int_equal(setenv("PARLEY_RESEND_BASE_URL", url, 1), 0);
    assert_int_equal(pthread_create(&api.thread, NULL, serve, NULL), 0);
}

static void end_api(void)
{
    if (api.fd <= 0)
        return;
    api.ends = true;
    (void)shutdown(api.fd, SHUT_RDWR);
    (void)pthread_join(api.thread, NULL);
    (void)close(api.fd);
    api.fd = 0;
}

/* --- the test's own life --------------------------------------------------------------------
 */

static int set_up(void **state)
{
    static const char *const settings[][2] = {
        {"PARLEY_MAIL_GATEWAY_TOKEN",    TOKEN            },
        {"PARLEY_MAIL_AUTHSERV",         "mx.lark.example"},
        {"PARLEY_RESEND_WEBHOOK_SECRET", SECRET           },
        {"PARLEY_RESEND_API_KEY",        "re_test"        },
        {"PARLEY_MAIL_IN_TIMEOUT",       "6s"             },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(settings); i++)
        assert_int_equal(setenv(settings[i][0], settings[i][1], 1), 0);
    start_api();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    end_api();
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static void start(unsigned workers)
{
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.mail = true, .workers = workers});
}

/* --- posting --------------------------------------------------------------------------------
 */

static size_t drop(const char *data, size_t size, size_t n, void *nobody)
{
    (void)data;
    (void)nobody;
    return size * n;
}

static long post(const char *path, struct str body, const char *const *lines, size_t n)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    long status = 0;

    for (size_t i = 0; i < n; i++)
        headers = curl_slist_append(headers, lines[i]);
    curl_easy_setopt(curl, CURLOPT_URL,
                     arena_format(&arena, "http://127.0.0.1:%d%s", service.port, path).at);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 15000L);
    (void)curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}

static long post_mail(const char *path, const char *raw)
{
    static const char *const token[] = {"Authorization: Bearer " TOKEN};

    return post(path, str_from(raw), token, 1);
}

/* As a gateway does: again, until it is kept. */
static void give_mail(const char *raw)
{
    usec_t end = clock_monotonic() + WAIT;
    long status;

    while ((status = post_mail(DOOR, raw)) != 200 && clock_monotonic() < end)
        (void)usleep(20000);
    assert_int_equal(status, 200);
}

/* Signed anew, and not by the code under test: id, time and body with dots between. */
static long post_resend(const char *body)
{
    char base64[64];
    long long now = clock_now() / USEC_PER_SEC;
    struct hash mac = hmac_sha256(STR("parley-tests-own-key-001"),
                                  arena_format(&arena, "msg_1.%lld.%s", now, body));

    sodium_bin2base64(base64, sizeof base64, mac.bytes, HASH_LEN,
                      sodium_base64_VARIANT_ORIGINAL);
    const char *lines[] = {"svix-id: msg_1",
                           arena_format(&arena, "svix-timestamp: %lld", now).at,
                           arena_format(&arena, "svix-signature: v1,AAAA v1,%s", base64).at};
    return post("/webhooks/resend", str_from(body), lines, 3);
}

static long messages_in(void)
{
    return ask_number(owner, "select count(*) from messages where inbound");
}

#define RECEIVED                                                                               \
    "{\"type\":\"email.received\",\"data\":{\"email_id\":\"m-1\",\"to\":[\"Lark "              \
    "<Support+tok@in.lark.example>\"],\"subject\":\"Re: Order\"}}"

/* --- the gateway ----------------------------------------------------------------------------
 */

static void ch_5_only_the_gateway_may_post_mail(void **state)
{
    static const char *const wrong[] = {
        "Authorization: Bearer a gateway's token of some lengtX",
        ("Authorization: Basic " TOKEN), "X-Nothing: 1"};

    (void)state;
    start(1);
    for (size_t i = 0; i < COUNTOF(wrong); i++)
        assert_int_equal(post(DOOR, STR(HEAD "\r\nHi"), &wrong[i], 1), 401);
    assert_int_equal(post_mail("/webhooks/mail/nonsense", HEAD "\r\nHi"), 404);
    assert_int_equal(ask_number(owner, "select count(*) from seen"), 0);
    service_stop(&service);
}

static void ch_5_a_mail_makes_a_turn_once(void **state)
{
    (void)state;
    start(2);
    long before = messages_in();
    for (int i = 0; i < 3; i++)
        give_mail(HEAD "Message-ID: <a@example.net>\r\n\r\nhello\r\n\r\n> quoted\r\n");
    assert_int_equal(messages_in(), before + 1);
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where channel ="
                                       " 'email' and address = 'ana@example.net'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where inbound and body"
                                       " like '%hello%' and body not like '%quoted%'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where not inbound and why"
                                       " is distinct from 'code'") > 0,
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from mail_threads where message_id ="
                                       " '<a@example.net>'"),
                     1);
    service_stop(&service);
}

/* Who is known is sent a code before anything is shown; a stranger is asked who they are. */
static long codes_sent(void)
{
    return ask_number(owner,
                      "select count(*) from messages where not inbound and why = 'code'");
}

static void customer_writes(int n, const char *lines)
{
    give_mail(arena_format(&arena,
                           "%sFrom: customer%d@example.com\r\nTo: " SERVICE_MAIL
                           "\r\n\r\nmy orders",
                           lines, n)
                  .at);
}

#define PASS "Authentication-Results: mx.lark.example; dmarc=pass header.from=example.com\r\n"

/* Anybody can write a From: only what our own mail server vouches for is the customer's. */
static void otp_2_a_forged_sender_is_a_stranger(void **state)
{
    static const char *const forged[] = {
        "",
        "Authentication-Results: mx.evil.example; dmarc=pass header.from=example.com\r\n",
        ("Authentication-Results: mx.lark.example; dmarc=fail header.from=x\r\n" PASS),
    };

    (void)state;
    start(1);
    for (size_t i = 0; i < COUNTOF(forged); i++) {
        customer_writes(5, forged[i]);
        assert_int_equal(codes_sent(), 0);
    }
    customer_writes(6, PASS);
    assert_int_equal(codes_sent(), 1);
    service_stop(&service);
}

/* Whoever answers to the address of one of our mails has read it in that mailbox. */
static void otp_2_the_token_of_our_mail_vouches_for_its_sender(void **state)
{
    static const struct config config = {
        .secrets.key = {"a key of thirty-two characters or more", 38}
    };
    struct str house = STR(SERVICE_MAIL);
    size_t at = str_find(house, STR("@"));
    struct uuid conversation;

    (void)state;
    start(1);
    give_mail(PASS "From: customer7@example.com\r\nTo: " SERVICE_MAIL "\r\n\r\nmenu");
    PGresult *rows =
        PQexec(owner, "select c.conversation_id from conversations c join"
                      " contact_points p using (org_id, contact_id) where p.address"
                      " = 'customer7@example.com'");
    assert_int_equal(PQntuples(rows), 1);
    assert_true(uuid_parse(str_from(PQgetvalue(rows, 0, 0)), &conversation));
    PQclear(rows);
    struct uuid others = conversation;
    others.bytes[15] ^= 1;
    const struct uuid of[] = {others, conversation};
    for (size_t i = 0; i < 2; i++) {
        struct str token = mail_token(&arena, &config, of[i]);
        give_mail(arena_format(&arena,
                               "From: customer7@example.com\r\nTo: %.*s+%.*s%.*s\r\n\r\n%s",
                               (int)at, house.at, STR_ARG(token), (int)(house.len - at),
                               house.at + at, "my orders")
                      .at);
        assert_int_equal(codes_sent(), (long)i);
        give_mail(PASS "Subject: again\r\nFrom: customer7@example.com\r\nTo: " SERVICE_MAIL
                       "\r\n\r\nmenu"); /* else it would be the same mail */
    }
    service_stop(&service);
}

/* A gateway's script writes the recipient into the address as it is (docs/operate.md). */
/* A person's answer, too, is an answer to the mail that they read last. */
static void ch_5_what_a_person_answers_is_the_last_mail_that_came(void **state)
{
    (void)state;
    start(1);
    run_sql(owner, "delete from mail_threads");
    give_mail(HEAD "Message-ID: <a1@example.net>\r\n\r\nhuman\r\n");
    assert_int_equal(ask_number(owner, "select count(*) from conversations where held_until >"
                                       " now()"),
                     1);
    give_mail(HEAD "Message-ID: <a2@example.net>\r\n\r\nIt is about the lamp.\r\n");
    assert_int_equal(ask_number(owner, "select count(*) from mail_threads where message_id ="
                                       " '<a2@example.net>'"),
                     1);
    service_stop(&service);
}

static void ch_5_an_address_with_a_plus_is_found_however_it_is_written(void **state)
{
    static const char *const doors[] = {"/webhooks/mail/support+abc@in.lark.example",
                                        "/webhooks/mail/support%2Babc%40in.lark.example",
                                        "/webhooks/mail/Support+abc@In.Lark.example"};

    (void)state;
    start(1);
    long strays = ask_number(owner, "select count(*) from unrouted");
    for (size_t i = 0; i < COUNTOF(doors); i++) {
        const char *raw =
            arena_format(&arena,
                         PASS "Subject: plus %zu\r\nFrom: customer7@example.com\r\n"
                              "\r\nmenu",
                         i)
                .at;
        assert_int_equal(post_mail(doors[i], raw), 200);
        assert_int_equal(messages_in(), (long)i + 1);
    }
    assert_int_equal(ask_number(owner, "select count(*) from unrouted"), strays);
    service_stop(&service);
}

/* Neither STOP nor a choice, a language or a wish for a person: it is asked to answer ours. */
static void otp_2_a_forged_mail_changes_nothing(void **state)
{
    static const char *const words[] = {"stop", "espa\303\261ol", "human", "menu", "1"};
    const char *kept = "select sum(hashtext(concat_ws('|', state, at_rest, language, "
                       "language_settled, verified_until, held_until, last_inbound_at))) "
                       "from conversations";

    (void)state;
    start(1);
    customer_writes(6, PASS);
    long before = ask_number(owner, kept);
    for (size_t i = 0; i < COUNTOF(words); i++) {
        give_mail(arena_format(&arena,
                               "From: customer6@example.com\r\nTo: " SERVICE_MAIL
                               "\r\nSubject: %zu\r\n\r\n%s",
                               i, words[i])
                      .at);
    }
    assert_int_equal(ask_number(owner, kept), before);
    assert_int_equal(ask_number(owner, "select count(*) from messages where not inbound and "
                                       "why = 'doubtful'"),
                     COUNTOF(words));
    assert_int_equal(ask_number(owner, "select count(*) from messages where kind = 'doubtful' "
                                       "and body <> ''"),
                     0);
    assert_int_equal(
        ask_number(owner, "select count(*) from contact_points where stopped_at is not null"),
        0);
    assert_int_equal(/* the mails' subjects are their numbers */
                     ask_number(owner,
                                "select count(*) from mail_threads where length(subject) = 1"),
                     0);
    service_stop(&service);
}

/* Before its owner ever came, too. */
static void otp_2_a_forged_stop_silences_no_address(void **state)
{
    (void)state;
    start(1);
    give_mail("From: nobody.yet@example.org\r\nTo: " SERVICE_MAIL "\r\n\r\nstop");
    assert_int_equal(
        ask_number(owner, "select count(*) from contact_points where stopped_at is not null"),
        0);
    service_stop(&service);
}

static void ch_5_machines_are_never_answered(void **state)
{
    static const char *const mails[] = {
        "Auto-Submitted: auto-replied\r\n" HEAD "\r\nI am away.",
        "Precedence: bulk\r\n" HEAD "\r\nNews.",
        "From: " SERVICE_MAIL "\r\nTo: " SERVICE_MAIL "\r\n\r\nMyself.",
        "From: MAILER-DAEMON@example.net\r\n\r\nLost.",
    };

    (void)state;
    start(1);
    long before = messages_in(), notes = ask_number(owner, "select count(*) from audit");
    for (size_t i = 0; i < COUNTOF(mails); i++)
        assert_int_equal(post_mail(DOOR, mails[i]), 200);
    assert_int_equal(messages_in(), before);
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 0);
    assert_int_equal(
        ask_number(owner, "select count(*) from audit where action = 'email.other'"),
        COUNTOF(mails));
    (void)notes;
    service_stop(&service);
}

/* One that answers everything and does not say that it is a machine. */
static void ch_5_a_loop_with_an_unknown_machine_ends(void **state)
{
    (void)state;
    start(1);
    for (int i = 0; i < 40; i++)
        give_mail(arena_format(&arena, HEAD "\r\nThank you, ticket %d was opened.", i).at);
    assert_int_equal(messages_in(), 30);
    assert_int_equal(
        ask_number(owner, "select count(*) from audit where action = 'email.other'"), 10);
    service_stop(&service);
}

static void ch_5_what_is_nobodys_or_hostile_is_kept_and_answered(void **state)
{
    struct str bomb = STR("From: a@b.example\r\nTo: ");

    (void)state;
    start(1);
    long kept = ask_number(owner, "select count(*) from unrouted");
    assert_int_equal(post_mail("/webhooks/mail/nobody@else.example", HEAD "\r\nHi"), 200);
    for (int i = 0; i < 30; i++)
        bomb = arena_concat(&arena, bomb, STR("g:g:g:g:g:g:g:g:"));
    assert_int_equal(post_mail(DOOR, arena_cstr(&arena, bomb)), 200);
    assert_int_equal(post_mail(DOOR, ""), 200); /* a gateway's pipe that broke */
    assert_int_equal(ask_number(owner, "select count(*) from unrouted"), kept + 3);
    assert_int_equal(messages_in(), 0);
    service_stop(&service);
}

static void ch_5_a_large_mail_is_let_in_only_by_its_own_door(void **state)
{
    size_t size = (size_t)5 << 20;
    char *text = malloc(size + 1);

    (void)state;
    start(1);
    assert_non_null(text);
    memset(text, 'x', size);
    memcpy(text, HEAD "\r\n", sizeof(HEAD "\r\n") - 1);
    text[size] = '\0';
    assert_int_equal(post_mail(DOOR, text), 200);
    assert_int_equal(post_mail("/webhooks/resend", text), 413);
    free(text);
    service_stop(&service);
}

/* --- Resend ---------------------------------------------------------------------------------
 */

static void ch_5_resends_mail_is_fetched_before_it_is_answered(void **state)
{
    (void)state;
    start(1);
    assert_int_equal(post_resend(RECEIVED), 200);
    assert_int_equal(api.asked, 1);
    assert_int_equal(messages_in(), 1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where inbound and body"
                                       " like '%Where is it?%' and body not like '%Shipped%'"),
                     1);
    assert_int_equal(post_resend(RECEIVED), 200);
    assert_int_equal(messages_in(), 1);
    service_stop(&service);
}

static void ch_5_what_cannot_be_fetched_is_asked_for_again(void **state)
{
    (void)state;
    start(1);
    api.fails = 2;
    assert_int_equal(post_resend(RECEIVED), 503);
    assert_int_equal(post_resend(RECEIVED), 503);
    assert_int_equal(messages_in(), 0);
    assert_int_equal(post_resend(RECEIVED), 200);
    assert_int_equal(messages_in(), 1);
    service_stop(&service);
}

static void ch_5_when_resend_is_busy_it_is_asked_again_at_once(void **state)
{
    (void)state;
    start(1);
    api.busy = 2;
    assert_int_equal(post_resend(RECEIVED), 200);
    assert_int_equal(messages_in(), 1);
    api.busy = 1000;
    assert_int_equal(post_resend(RECEIVED), 503);
    api.busy = 0;
    service_stop(&service);
}

/* Announces mails without a pause, as somebody can who writes without a pause. */
static pid_t flood(usec_t how_long)
{
    usec_t end = clock_monotonic() + how_long;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    while (clock_monotonic() < end)
        (void)post_resend(RECEIVED);
    _exit(0);
}

/* More mails are announced than may be asked for: what leaves shares the rate with them, and
 * leaves all the same. */
static void ch_5_answers_leave_while_more_mail_comes_in_than_may_be_fetched(void **state)
{
    enum { WRITERS = 20 };
    pid_t writers[WRITERS];
    usec_t began;
    int left;

    (void)state;
    assert_int_equal(setenv("PARLEY_MAIL_RATE", "2", 1), 0);
    assert_int_equal(setenv("PARLEY_MAIL_RATE_BURST", "2", 1), 0);
    start(1);
    assert_int_equal(unsetenv("PARLEY_MAIL_RATE"), 0);
    assert_int_equal(unsetenv("PARLEY_MAIL_RATE_BURST"), 0);
    for (size_t i = 0; i < WRITERS; i++)
        writers[i] = flood(16 * USEC_PER_SEC);
    (void)usleep(3000000);
    left = api.left;
    began = clock_monotonic();
    for (int i = 0; i < 2; i++) {
        give_mail(
            arena_format(&arena, HEAD "Message-ID: <b%d@example.net>\r\n\r\nhello\r\n", i).at);
        while (api.left == left + i && clock_monotonic() < began + 11 * USEC_PER_SEC)
            (void)usleep(20000);
        assert_int_equal(api.left, left + i + 1);
    }
    for (size_t i = 0; i < WRITERS; i++)
        (void)kill(writers[i], SIGKILL), (void)waitpid(writers[i], NULL, 0);
    service_stop(&service);
}

static void ch_5_only_resend_may_speak_for_resend(void **state)
{
    static const char *const lines[] = {"svix-id: msg_1", "svix-timestamp: 1764000000",
                                        "svix-signature: v1,AAAA"};

    (void)state;
    start(1);
    assert_int_equal(post("/webhooks/resend", STR(RECEIVED), lines, 3), 401);
    assert_int_equal(post("/webhooks/resend", STR(RECEIVED), NULL, 0), 401);
    assert_int_equal(api.asked, 0);
    service_stop(&service);
}

static void ch_5_bounces_and_complaints_end_what_is_sent_there(void **state)
{
    static const char *const news[] = {
        "{\"type\":\"email.bounced\",\"data\":{\"email_id\":\"e1\",\"from\":\"" SERVICE_MAIL
        "\",\"to\":[\"gone@example.net\"],\"tags\":{},\"bounce\":{\"type\":\"Permanent\"}}}",
        "{\"type\":\"email.complained\",\"data\":{\"email_id\":\"e2\",\"from\":\"" SERVICE_MAIL
        "\",\"to\":[\"angry@example.net\"],\"tags\":{}}}",
        "{\"type\":\"email.bounced\",\"data\":{\"email_id\":\"e3\",\"from\":\"" SERVICE_MAIL
        "\",\"to\":[\"full@example.net\"],\"tags\":{},\"bounce\":{\"type\":\"Transient\"}}}",
    };

    (void)state;
    start(1);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNTOF(news); i++)
            assert_int_equal(post_resend(news[i]), 200);
    }
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where channel ="
                                       " 'email' and stopped_at is not null and address in"
                                       " ('gone@example.net', 'angry@example.net')"),
                     2);
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where stopped_at is"
                                       " not null and address = 'full@example.net'"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where unreachable"),
                     2);
    service_stop(&service);
}

static void post_status(const char *type, const char *more)
{
    const char *body = arena_format(&arena,
                                    "{\"type\":\"%s\",\"data\":{\"email_id\":\"out\",\"from\":"
                                    "\"" SERVICE_MAIL "\",\"to\":[\"ana@example.net\"],"
                                    "\"tags\":{\"key\":\"%s\"}%s}}",
                                    type, api.key, more)
                           .at;

    assert_int_equal(post_resend(body), 200);
}

static const char *delivery_of_ours(void)
{
    const char *dot = strrchr(api.key, '_');

    return arena_format(&arena,
                        "select delivery from messages where not inbound and conversation_id ="
                        " '%.36s' and seq = %s",
                        api.key + 3, dot + 1)
        .at;
}

static void our_mail_leaves(void)
{
    usec_t end = clock_monotonic() + WAIT;

    give_mail(HEAD "\r\nhello");
    while (api.left == 0 && clock_monotonic() < end)
        (void)usleep(20000);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    assert_true(api.left > 0);
}

static void ch_5_who_writes_from_a_mailbox_that_was_gone_is_answered(void **state)
{
    static const char gone[] = "select count(*) from contact_points where unreachable and "
                               "stopped_at is not null";
    usec_t end;
    int left;

    (void)state;
    start(1);
    our_mail_leaves();
    post_status("email.bounced", ",\"bounce\":{\"type\":\"Permanent\"}");
    service_until(&service, owner, gone, 1, WAIT);
    left = api.left;
    give_mail(HEAD "Message-ID: <back@example.net>\r\n\r\nmenu");
    service_until(&service, owner, gone, 0, WAIT);
    end = clock_monotonic() + WAIT;
    while (api.left == left && clock_monotonic() < end)
        (void)usleep(20000);
    assert_true(api.left > left);
    assert_int_equal(ask_number(owner,
                                "select count(*) from contact_points where stopped_at is "
                                "not null"),
                     0);
    service_stop(&service);
}

static void ch_5_statuses_of_our_mail_join_in_any_order(void **state)
{
    static const char *const orders[][3] = {
        {"email.delivered", "email.sent",             "email.bounced"         },
        {"email.bounced",   "email.delivery_delayed", "email.delivered"       },
        {"email.delivered", "email.delivered",        "email.delivery_delayed"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(orders); i++) {
        start(1);
        our_mail_leaves();
        for (size_t k = 0; k < 3; k++)
            post_status(orders[i][k], ",\"bounce\":{\"type\":\"Transient\"}");
        assert_int_equal(ask_number(owner, delivery_of_ours()), DELIVERY_DELIVERED);
        service_stop(&service);
        PQfinish(owner);
        owner = NULL;
        api.left = 0;
    }
}

/* A mail server's report names our mail by the id that it went out with; a word about any other
 * mail stops nobody. */
static void ch_5_a_report_about_our_mail_counts_and_no_other(void **state)
{
    static const char report[] =
        "From: MAILER-DAEMON@mx.example\r\nContent-Type: multipart/report; "
        "report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n"
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        "Final-Recipient: rfc822; ana@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <%s@lark.example>\r\n\r\nx\r\n"
        "--b--\r\n";
    static const char stopped[] = "select count(*) from contact_points where stopped_at is not"
                                  " null and address = 'ana@example.net'";
    char key[128];

    (void)state;
    start(1);
    our_mail_leaves();
    assert_int_equal(post_mail(DOOR, arena_format(&arena, report, "x1.forged.1").at), 200);
    assert_int_equal(ask_number(owner, stopped), 0);
    (void)snprintf(key, sizeof key, "%s", api.key);
    for (char *at = key; *at != '\0'; at++) {
        if (*at == '_')
            *at = '.';
    }
    assert_int_equal(post_mail(DOOR, arena_format(&arena, report, key).at), 200);
    assert_int_equal(ask_number(owner, delivery_of_ours()), DELIVERY_FAILED);
    assert_int_equal(ask_number(owner, stopped), 1);
    service_stop(&service);
}

/* --- again, by hand -------------------------------------------------------------------------
 */

/* What could not be handled once goes in again by its own door. */
static void bury(const char *id, const char *provider, const char *item, const char *body)
{
    const char *const values[] = {id, provider, item, body};
    PGresult *result = PQexecParams(
        owner,
        "insert into dead_letters (org_id, dead_id, at, provider, account_id, reason, item,"
        " payload) select org_id, $1::uuid, now(), $2, account_id, 'a test', $3,"
        " convert_to($4, 'UTF8') from accounts where external_id = '" SERVICE_MAIL "'",
        4, NULL, values, NULL, NULL, 0);

    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
}

static void ch_5_what_was_buried_is_replayed_by_its_own_door(void **state)
{
    static char *replay[] = {"dead", "replay", "--all", NULL};
    char said[1000];

    (void)state;
    start(1);
    run_sql(owner, "delete from unrouted");
    run_sql(owner,
            "insert into unrouted (unrouted_id, received_at, provider, reason, body)"
            " values ('0198f2a0-1111-7222-8333-444455556603', now(), 'mime', 'a test',"
            " convert_to(E'From: b@example.net\\nTo: " SERVICE_MAIL "\\n\\nhello', 'UTF8'))");
    bury("0198f2a0-1111-7222-8333-444455556601", "mime", "mime:1", HEAD "\r\nhello again");
    bury("0198f2a0-1111-7222-8333-444455556602", "resend", "m-1", mail_json().at);
    if (service_command(&service, replay, said, sizeof said) != 0)
        fail_msg("%s", said);
    assert_int_equal(messages_in(), 3);
    assert_int_equal(api.asked, 1);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters where replayed_at is"
                                       " not null"),
                     2);
    service_stop(&service);
}

/* --- files ----------------------------------------------------------------------------------
 */

static void ch_5_attachments_of_resends_mail_become_documents(void **state)
{
    (void)state;
    start(1);
    assert_int_equal(post_resend(RECEIVED), 200);
    service_until(&service, owner, "select count(*) from documents where state = 'kept'", 1,
                  WAIT);
    assert_int_equal(ask_number(owner, "select size from documents"), sizeof png);
    assert_int_equal(ask_number(owner, "select count(*) from documents where mime = 'image/png'"
                                       " and filename = 'a.png' and width = 600"),
                     1);
    assert_int_equal(api.bearers, 0); /* the key is for the API alone */
    service_stop(&service);
}

static const char *with_file(const char *name)
{
    char base64[128];

    sodium_bin2base64(base64, sizeof base64, png, sizeof png, sodium_base64_VARIANT_ORIGINAL);
    return arena_format(&arena,
                        HEAD
                        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nIt is "
                        "broken.\r\n--b\r\nContent-Type: image/png; name%s\r\n"
                        "Content-Transfer-Encoding: base64\r\n\r\n%s\r\n--b\r\n"
                        "Content-Type: application/pdf\r\nContent-Disposition: attachment;"
                        " filename=x.pdf\r\n\r\nno PDF\r\n--b--\r\n",
                        name, base64)
        .at;
}

static void ch_5_attachments_of_raw_mail_become_documents(void **state)
{
    (void)state;
    start(1);
    assert_int_equal(post_mail(DOOR, with_file("=b.png")), 200);
    service_until(&service, owner, "select count(*) from documents where state = 'kept'", 1,
                  WAIT);
    assert_int_equal(ask_number(owner, "select size from documents where state = 'kept'"),
                     sizeof png);
    assert_int_equal(ask_number(owner, "select count(*) from documents where state = 'kept' and"
                                       " filename = 'b.png' and handle like 'payload:%/1'"),
                     1);
    service_until(&service, owner,
                  "select count(*) from documents where state = 'refused' and reason = 'kind'",
                  1, WAIT);
    service_stop(&service);
}

/* Called by a card's number, as it stands and in each of the ways that mail hides a name: the
 * picture is kept under stars, and the number nowhere. */
static void ch_9_a_file_called_by_a_card_s_number_is_kept_without_it(void **state)
{
    static const char *const names[] = {
        "=\"4111 1111 1111 1111.png\"",
        "=\"=?utf-8?B?NDExMSAxMTExIDExMTEgMTExMS5wbmc=?=\"",
        "*=utf-8''4111%201111%201111%201111.png",
        "*0=\"4111 1111 \"; name*1=\"1111 1111.png\"",
    };

    (void)state;
    start(1);
    for (size_t i = 0; i < COUNTOF(names); i++)
        assert_int_equal(post_mail(DOOR, with_file(names[i])), 200);
    service_until(&service, owner, "select count(*) from documents where state = 'kept'",
                  COUNTOF(names), WAIT);
    assert_int_equal(
        ask_number(owner, arena_format(&arena,
                                       "select count(*) from documents where"
                                       " state = 'kept' and size = %zu and filename"
                                       " = '**** **** **** ****.png'",
                                       sizeof png)
                              .at),
        COUNTOF(names));
    assert_int_equal(ask_number(owner, "select count(*) from documents where state = 'lost'"),
                     0);
    for (size_t i = 0; i < 2; i++) {
        const char *query =
            arena_format(&arena,
                         "select count(*) from %s t where t::text ~ '4111 1111|NDExMSAxMTEx"
                         "|4111%%20|34313131203131|4e4445784d5341|34313131253230'",
                         i == 0 ? "payloads" : "documents")
                .at;
        assert_int_equal(ask_number(owner, query), 0);
    }
    service_stop(&service);
}

/* Workers die while mail comes; what was answered 200 is there, once. */
static void ch_5_deaths_lose_no_mail_and_double_none(void **state)
{
    enum { MAILS = 40 };

    (void)state;
    start(2);
    for (int i = 0; i < MAILS; i++) {
        const char *raw = arena_format(&arena,
                                       "From: p%d@example.net\r\nTo: " SERVICE_MAIL
                                       "\r\nSubject: x\r\n\r\nhello %d",
                                       i, i)
                              .at;
        pid_t pids[2];
        if (i % 10 == 5 && service_workers(&service, pids, 2) > 0)
            (void)kill(pids[0], SIGKILL);
        give_mail(raw);
        if (i % 3 == 0)
            (void)post_mail(DOOR, raw); /* once more, as a gateway that lost the answer */
    }
    service_until(&service, owner, "select count(*) from messages where inbound", MAILS, WAIT);
    assert_int_equal(
        ask_number(owner, "select count(distinct body) from messages where inbound"), MAILS);
    service_stop(&service);
}

/* In the subject, and in words that base64 hides: out of those nothing can be cut, so the mail
 * itself is not kept. Nobody's mail and what cannot be read are treated alike. */
static void ch_9_a_card_in_a_mail_is_kept_nowhere(void **state)
{
    static const char *const kept[] = {"messages", "payloads", "unrouted", "mail_threads",
                                       "outbox"};

    (void)state;
    start(1);
    give_mail(HEAD "Message-ID: <card1@example.net>\r\nSubject: 5555 5555 5555 4444\r\n"
                   "Content-Transfer-Encoding: base64\r\n\r\n"
                   "cGxlYXNlIGNoYXJnZSA0MTExIDExMTEgMTExMSAxMTEx\r\n");
    assert_int_equal(post_mail("/webhooks/mail/nobody@in.lark.example",
                               "From: a@example.net\r\nTo: nobody@in.lark.example\r\n"
                               "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                               "4111=20111=\r\n1 1111 1111\r\n") < 500,
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where inbound and body"
                                       " like '%**** **** **** ****%'"),
                     1);
    for (size_t i = 0; i < COUNTOF(kept); i++) {
        const char *query = arena_format(&arena,
                                         "select count(*) from %s t where t::text like"
                                         " '%%4111 1111%%' or t::text like '%%5555 5555%%' or"
                                         " t::text like '%%34313131203131%%' or"
                                         " t::text like '%%634778%%' or"
                                         " t::text like '%%343131313d3230%%'",
                                         kept[i])
                                .at;
        if (ask_number(owner, query) != 0)
            fail_msg("%s has it", kept[i]);
    }
    assert_true(ask_number(owner,
                           "select count(*) from messages where not inbound and body like"
                           " '%payment card%'") > 0);
    service_stop(&service);
}

/* The database cannot take it, and the gateway comes again and again: it is one mail, and is
 * answered. */
static void ch_5_a_mail_that_comes_again_is_not_taken_for_many(void **state)
{
    static const char mail[] = HEAD "\r\nhello";

    (void)state;
    assert_int_equal(setenv("PARLEY_TURNS_DEADLINE", "100ms", 1), 0);
    start(1);
    assert_int_equal(unsetenv("PARLEY_TURNS_DEADLINE"), 0);
    long before = messages_in();
    run_sql(owner, "begin; lock table seen in exclusive mode");
    for (int i = 0; i < 40; i++)
        assert_int_equal(post_mail(DOOR, mail), 503);
    run_sql(owner, "commit");
    give_mail(mail);
    assert_int_equal(messages_in(), before + 1);
    assert_int_equal(service_logged(&service, "intake.mail_too_many"), 0);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ch_9_a_card_in_a_mail_is_kept_nowhere, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ch_5_only_the_gateway_may_post_mail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_a_mail_makes_a_turn_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_what_a_person_answers_is_the_last_mail_that_came,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            ch_5_an_address_with_a_plus_is_found_however_it_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(otp_2_the_token_of_our_mail_vouches_for_its_sender,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(otp_2_a_forged_sender_is_a_stranger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(otp_2_a_forged_mail_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(otp_2_a_forged_stop_silences_no_address, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ch_5_machines_are_never_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_a_mail_that_comes_again_is_not_taken_for_many,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_a_loop_with_an_unknown_machine_ends, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ch_5_what_is_nobodys_or_hostile_is_kept_and_answered,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_a_large_mail_is_let_in_only_by_its_own_door,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_resends_mail_is_fetched_before_it_is_answered,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_what_cannot_be_fetched_is_asked_for_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ch_5_when_resend_is_busy_it_is_asked_again_at_once,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            ch_5_answers_leave_while_more_mail_comes_in_than_may_be_fetched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_only_resend_may_speak_for_resend, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            ch_5_who_writes_from_a_mailbox_that_was_gone_is_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_bounces_and_complaints_end_what_is_sent_there,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_statuses_of_our_mail_join_in_any_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ch_5_a_report_about_our_mail_counts_and_no_other,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_what_was_buried_is_replayed_by_its_own_door,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_attachments_of_resends_mail_become_documents,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            ch_9_a_file_called_by_a_card_s_number_is_kept_without_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_attachments_of_raw_mail_become_documents, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ch_5_deaths_lose_no_mail_and_double_none, set_up,
                                        tear_down),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
