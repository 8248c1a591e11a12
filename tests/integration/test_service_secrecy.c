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

#define STRANGER "15550109977"
#define OTHER    "15550109966"
#define WAIT     (20 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;
static unsigned messages;

static void start(void)
{
    owner = owner_connect();
    assert_int_equal(setenv("PARLEY_LOG_LEVEL", "debug", 1), 0);
    service_start(&service, &(struct service_wish){.sms = true, .codes = true, .workers = 2});
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
        TEST(only_its_user_may_speak_to_the_control_socket),
    };

    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
