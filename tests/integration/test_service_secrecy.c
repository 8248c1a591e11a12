/*
 * What the log may not hold, at its most talkative: nothing that people write, no number, name
 * or address of theirs, no code, no secret of the settings; also when the database refuses what
 * they wrote, and when strangers at the door say strange things.
 */
#include "tests/support/service.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#define STRANGER "15550109977"
#define OTHER    "15550109966"
#define WAIT     (60 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;
static unsigned messages;

static void start(void)
{
    owner = owner_connect();
    assert_int_equal(setenv("PARLEY_LOG_LEVEL", "debug", 1), 0);
    service_start(&service, &(struct service_wish){
                                .sms = true, .mail = true, .codes = true, .workers = 2});
    run_sql(owner, "update businesses set settings = settings || '{\"registration\": true}'");
}

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return unsetenv("PARLEY_LOG_LEVEL");
}

static void say(const char *words)
{
    struct str id = arena_format(&arena, "wamid.secret.%u", messages++);
    struct post post = {.body = post_text(&arena, STRANGER, id.at, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

/* Bytes at the door; what is answered does not matter. */
static void knock(const char *bytes)
{
    char answer[512];
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)service.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    (void)!write(fd, bytes, strlen(bytes));
    (void)shutdown(fd, SHUT_WR);
    while (read(fd, answer, sizeof answer) > 0)
        ;
    (void)close(fd);
}

static void nothing_of(const char *const *marks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (service_logged(&service, marks[i]) == 0)
            continue;
        service_show_log(&service);
        fail_msg("'%s' stands in the log", marks[i]);
    }
}

static void nothing_that_people_write_is_logged(void **state)
{
    (void)state;
    static const char *const marks[] = {"zanzibar", "Zanzibar", STRANGER, OTHER, "987654"};
    start();
    say("zanzibar zanzibar");
    say("my orders");
    say("+" OTHER);
    say("987654");
    say("zanzibar@zanzibar.example");
    say("register");
    say("Zanzibar Queen");
    say("zanzibar@zanzibar.example");
    say("profile");
    say("987654");
    assert_true(service_logged(&service, " debug ") + service_logged(&service, " info ") > 0);
    nothing_of(marks, COUNTOF(marks));
    service_stop(&service);
}

/* PostgreSQL quotes the row that it refuses. */
static void nothing_that_the_database_refuses_is_logged(void **state)
{
    (void)state;
    static const char *const marks[] = {"zanzibar", STRANGER};
    start();
    say("hello");
    run_sql(owner, "alter table messages add constraint no_spice"
                   " check (inbound is false or body not like '%zanzibar%') not valid");
    say("zanzibar zanzibar");
    run_sql(owner, "alter table messages drop constraint no_spice");
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 1);
    assert_true(service_logged(&service, "no_spice") > 0); /* what refused it is told */
    nothing_of(marks, COUNTOF(marks));
    run_sql(owner, "delete from dead_letters");
    service_stop(&service);
}

static void nothing_that_comes_to_the_door_is_logged(void **state)
{
    (void)state;
    static const char *const marks[] = {"zanzibar", "a word"};
    static const char *const knocks[] = {
        "GET /webhooks/whatsapp?hub.mode=subscribe&hub.verify_token=a%20word"
        "&hub.challenge=zanzibar HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /webhooks/whatsapp?hub.mode=subscribe&hub.verify_token=zanzibar"
        "&hub.challenge=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /zanzibar/../../zanzibar?zanzibar HTTP/1.1\r\nHost: zanzibar\r\n"
        "zanzibar: zanzibar\r\nAuthorization: Bearer zanzibar\r\nConnection: close\r\n\r\n",
        "POST /webhooks/twilio/status?key=zanzibar HTTP/1.1\r\nHost: x\r\nContent-Type: "
        "application/x-www-form-urlencoded\r\nContent-Length: 13\r\nConnection: close\r\n\r\n"
        "Body=zanzibar",
        "ZANZIBAR zanzibar\r\nzanzibar\r\n\r\n",
        "GET /zanzi%zzbar%00%2e HTTP/9.9\r\nzanzibar zanzibar\r\n\r\n",
        "\x16\x03\x01zanzibar zanzibar zanzibar",
    };
    start();
    for (size_t i = 0; i < COUNTOF(knocks); i++)
        knock(knocks[i]);
    nothing_of(marks, COUNTOF(marks));
    service_stop(&service);
}

/* --- SMS and mail ---------------------------------------------------------------------------
 */

#define GATEWAY "a zanzibar token of some length"

static size_t drop(const char *data, size_t size, size_t n, void *nobody)
{
    (void)data;
    (void)nobody;
    return size * n;
}

static long send_bytes(const char *path, const char *body)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Authorization: Bearer " GATEWAY);
    long status = 0;

    curl_easy_setopt(curl, CURLOPT_URL,
                     arena_format(&arena, "http://127.0.0.1:%d%s", service.port, path).at);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    (void)curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}

static void send_sms(const char *words, const char *more)
{
    struct str id = arena_format(&arena, "SMsecret%u", messages++);
    struct post post = {.sms = true,
                        .body = post_sms(&arena, "+" STRANGER, id.at, words, more)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
}

static void send_mail(const char *subject, const char *words)
{
    const char *raw = arena_format(&arena,
                                   "From: Zanzibar <zanzibar@zanzibar.example>\r\n"
                                   "To: " SERVICE_MAIL "\r\nSubject: %s\r\n"
                                   "Message-ID: <zanzibar%u@zanzibar.example>\r\n\r\n%s\r\n",
                                   subject, messages++, words)
                          .at;

    usec_t end = clock_monotonic() + WAIT;
    while (send_bytes("/webhooks/mail/" SERVICE_MAIL, raw) != 200 && clock_monotonic() < end)
        (void)usleep(20000);
    assert_true(clock_monotonic() < end);
}

/* Neither ours nor the database's own. */
static void nothing_of_database(const char *const *marks, size_t n)
{
    char path[160], line[4096];
    bool works = false;

    (void)snprintf(path, sizeof path, "%s/log", store_pg.dir);
    FILE *log = fopen(path, "r");
    assert_non_null(log);
    while (fgets(line, sizeof line, log) != NULL) {
        works |= strstr(line, "no_spice") != NULL;
        for (size_t i = 0; i < n; i++) {
            if (strstr(line, marks[i]) != NULL)
                fail_msg("'%s' stands in the database's log: %s", marks[i], line);
        }
    }
    (void)fclose(log);
    assert_true(works); /* it tells what it refused */
}

/* What comes and goes by SMS and mail, what the database refuses of it, and the links that are
 * sent back to us. */
static void nothing_of_sms_and_mail_is_logged(void **state)
{
    (void)state;
    static const char *const marks[] = {"zanzibar",        "Zanzibar",      STRANGER,
                                        "987654",          "re_0123456789", "atokenofTwilios",
                                        "a key of thirty", "SMsecret"};
    assert_int_equal(setenv("PARLEY_MAIL_GATEWAY_TOKEN", GATEWAY, 1), 0);
    start();
    send_sms("zanzibar", "&MessagingServiceSid=MGzanzibar");
    send_sms("987654", "&NumMedia=1&MediaContentType0=image/png&MediaUrl0=https://zanzibar/");
    send_sms("zanzibar@zanzibar.example", "");
    send_sms("my orders", "&ProfileName=Zanzibar");
    send_mail("Zanzibar", "my orders");
    send_mail("zanzibar 987654", "+" STRANGER);
    send_mail("register", "Zanzibar Queen");
    send_mail("=?zanzibar?q?zanzibar", "Content-Type: zanzibar");
    (void)send_bytes("/webhooks/mail/zanzibar@zanzibar.example", "From: zanzibar\r\n\r\nx");
    (void)send_bytes("/webhooks/resend", "{\"zanzibar\":1}");
    (void)send_bytes("/webhooks/twilio?zanzibar=zanzibar", "Body=zanzibar&From=%2B" STRANGER);
    (void)send_bytes("/t/zanzibarzanzibar", "once=zanzibar");
    (void)send_bytes("/u/zanzibarzanzibar", "zanzibar");
    (void)send_bytes("/s/zanzibarzan", "zanzibar");
    (void)send_bytes("/f/zanzibarzanzibar", "zanzibar");
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    run_sql(owner, "alter table messages add constraint no_spice"
                   " check (inbound is false or body not like '%zanzibar%') not valid");
    send_sms("zanzibar zanzibar", "");
    send_mail("zanzibar", "zanzibar zanzibar");
    service_until(&service, owner, "select (count(*) > 0)::int from dead_letters", 1, WAIT);
    run_sql(owner, "alter table messages drop constraint no_spice; delete from dead_letters");
    nothing_of(marks, COUNTOF(marks));
    nothing_of_database(marks + 1, COUNTOF(marks) - 1); /* the constraint is the test's own */
    assert_int_equal(unsetenv("PARLEY_MAIL_GATEWAY_TOKEN"), 0);
    service_stop(&service);
}

/* Whoever may connect may put other flows live, so that is the service's user alone. */
static void only_its_user_may_speak_to_the_control_socket(void **state)
{
    (void)state;
    struct stat info;
    start();
    struct str path = arena_format(&arena, "%s/control-%d.sock", service.dir, service.port);
    if (stat(path.at, &info) != 0) {
        path = arena_format(&arena, "%s/state/control-%d.sock", service.dir, service.port);
        assert_int_equal(stat(path.at, &info), 0);
    }
    assert_true(S_ISSOCK(info.st_mode));
    assert_int_equal(info.st_mode & 0777, 0600);
    service_stop(&service);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(nothing_that_people_write_is_logged),
        TEST(nothing_that_the_database_refuses_is_logged),
        TEST(nothing_that_comes_to_the_door_is_logged),
        TEST(nothing_of_sms_and_mail_is_logged),
        TEST(only_its_user_may_speak_to_the_control_socket),
    };

    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
