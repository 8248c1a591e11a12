/*
 * Flows and words change while people talk: a good book is taken by every worker at once, a bad
 * one changes nothing, and who is in the middle of something ends it in the words that they
 * began with, also after the service was stopped and started.
 */
#include "tests/support/service.h"
#include "tests/support/temp.h"

#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT (60 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;
static char folder[TEMP_PATH];
static unsigned messages;

/* --- flows of our own ----------------------------------------------------------------------
 */

static const struct {
    const char *name;
    const char *text;
} flows[] = {
    {"menu",     "flow: menu\ninitial: main\nstates:\n  main:\n    again: true\n"
             "    ask: {list: menu.ask, titles: survey.row, choices: [go, human]}\n"
             "    on: {go: {go: survey}, human: {go: human}}\n"              },
    {"help",     "flow: help\nstarts_on: [help]\nreturns: true\ninitial: a\nstates:\n"
             "  a: {say: help.text, target: done}\n"                         },
    {"human",    "flow: human\nstarts_on: [human]\ninitial: a\nstates:\n  a:\n"
              "    action: ask_for_person\n    outcomes: {recorded: rest}\n"},
    {"stop",     "flow: stop\nstarts_on: [stop]\ninitial: a\nstates:\n  a:\n"
             "    action: consent_stop\n    outcomes: {done: rest}\n"        },
    {"start",    "flow: start\nstarts_on: [start]\ninitial: a\nstates:\n  a:\n"
              "    action: consent_start\n    outcomes: {done: menu}\n"     },
    {"language", "flow: language\nstarts_on: [language]\ninitial: a\nstates:\n  a:\n"
                 "    action: set_language\n    outcomes: {done: done}\n"},
};

static void write_file(const char *name, struct str text)
{
    struct str path = arena_format(&arena, "%s/%s", folder, name);
    FILE *file = fopen(path.at, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text.at, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
}

static struct str tree_file(const char *name)
{
    struct str path = arena_format(&arena, "%s/%s", PARLEY_SOURCE_DIR, name);
    FILE *file = fopen(path.at, "r");
    char *at = arena_alloc(&arena, 1 << 20);

    assert_non_null(file);
    size_t n = fread(at, 1, 1 << 20, file);
    assert_int_equal(fclose(file), 0);
    return (struct str){at, n};
}

/* Three questions, whose words tell the version; the second one's state has another name in
 * each, so that nobody could go on by the wrong book. */
static void write_survey(const char *version)
{
    write_file("flows/survey.yaml",
               arena_format(&arena,
                            "flow: survey\nstarts_on: [orders]\ninitial: first\nstates:\n"
                            "  first: {ask: {text: survey.first, as: a}, "
                            "on: {answered: second_%s}}\n"
                            "  second_%s: {ask: {text: survey.second, as: b}, "
                            "on: {answered: {say: survey.thanks, target: done}}}\n",
                            version, version));
    write_file("templates/messages/survey.en.yaml",
               arena_format(&arena,
                            "survey.first: \"first of %s\"\nsurvey.second: \"second of %s\"\n"
                            "survey.thanks: \"thanks of %s\"\nsurvey.row.go: "
                            "\"Go\"\nsurvey.row.human: \"A person\"\n",
                            version, version, version));
}

static void write_folder(void)
{
    static const char *const langs[] = {"en", "es", "pl", "ar"};

    temp_folder(folder, "flows");
    static const char *const parts[] = {"", "/flows", "/templates", "/templates/messages"};
    for (size_t i = 1; i < COUNTOF(parts); i++) {
        struct str path = arena_format(&arena, "%s%s", folder, parts[i]);
        assert_int_equal(mkdir(path.at, 0700), 0);
    }
    for (size_t i = 0; i < COUNTOF(flows); i++) {
        write_file(arena_format(&arena, "flows/%s.yaml", flows[i].name).at,
                   str_from(flows[i].text));
    }
    for (size_t i = 0; i < COUNTOF(langs); i++) {
        struct str name = arena_format(&arena, "templates/messages/%s.yaml", langs[i]);

        write_file(name.at, tree_file(name.at));
        if (i > 0) {
            write_file(arena_format(&arena, "templates/messages/survey.%s.yaml", langs[i]).at,
                       STR("survey.first: \"1\"\nsurvey.second: \"2\"\nsurvey.thanks: \"3\"\n"
                           "survey.row.go: \"4\"\nsurvey.row.human: \"5\"\n"));
        }
    }
    write_survey("one");
}

/* --- talking -------------------------------------------------------------------------------
 */

static const char *phone_of(unsigned who)
{
    return arena_format(&arena, "155508%05u", who).at;
}

static void say(unsigned who, const char *words)
{
    const char *id = arena_format(&arena, "wamid.reload.%u", messages++).at;
    struct post post = {.body = post_text(&arena, phone_of(who), id, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

static void heard(unsigned who, const char *words)
{
    if (service_arrived(&service, phone_of(who), words) == 0) {
        service_show_log(&service);
        fail_msg("customer %u did not hear \"%s\"", who, words);
    }
}

static int reload(char *said, size_t room)
{
    char *words[] = {"flows", "reload", NULL};

    return service_command(&service, words, said, room);
}

/* As many workers as there are have taken it. */
static void until_taken(size_t times)
{
    usec_t end = clock_monotonic() + WAIT;

    while (service_logged(&service, "books.newer") < times && clock_monotonic() < end)
        (void)usleep(20000);
    assert_int_equal(service_logged(&service, "books.newer"), times);
}

/* --- the tests -----------------------------------------------------------------------------
 */

static int set_up(void **state)
{
    (void)state;
    write_folder();
    owner = owner_connect();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    temp_remove(folder);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static void flw_1_a_reload_changes_what_is_new_and_lets_the_old_end(void **state)
{
    char said[1024];

    (void)state;
    service_start(&service, &(struct service_wish){.workers = 3, .folder = folder});
    say(1, "orders");
    say(2, "orders");
    heard(1, "first of one");

    write_survey("two");
    assert_int_equal(reload(said, sizeof said), 0);
    assert_non_null(strstr(said, "reloaded version"));
    until_taken(3);
    for (unsigned who = 10; who < 22; who++) { /* whichever worker takes them */
        say(who, "orders");
        heard(who, "first of two");
    }
    say(1, "mine"); /* began with the first book, and goes on by it */
    heard(1, "second of one");

    service_again(&service);
    say(1, "yours");
    heard(1, "thanks of one");
    say(2, "mine");
    heard(2, "second of one");
    say(1, "orders"); /* and begins anew by the newest */
    heard(1, "first of two");
    say(10, "mine");
    heard(10, "second of two");

    write_survey("three");
    assert_int_equal(kill(service.pid, SIGHUP), 0);
    until_taken(6);
    say(30, "orders");
    heard(30, "first of three");
    say(2, "yours");
    heard(2, "thanks of one");
    say(10, "yours");
    heard(10, "thanks of two");
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    service_stop(&service);
}

static void flw_1_a_broken_book_is_refused_and_the_old_one_stays(void **state)
{
    char said[1024];

    (void)state;
    service_start(&service, &(struct service_wish){.workers = 2, .folder = folder});
    write_file("flows/survey.yaml", STR("flow: survey\nstarts_on: [orders]\ninitial: first\n"
                                        "states:\n  first: {say: help.text}\n"));
    assert_int_equal(reload(said, sizeof said), 1);
    assert_non_null(strstr(said, "flows/survey.yaml:5: there is no way out"));
    assert_non_null(strstr(said, "the old flows stay"));
    assert_int_equal(service_logged(&service, "supervisor.book_refused"), 1);
    say(1, "orders");
    heard(1, "first of one");

    write_survey("two"); /* good again, but a word is missing */
    write_file("templates/messages/survey.pl.yaml", STR("survey.first: \"1\"\n"));
    assert_int_equal(reload(said, sizeof said), 1);
    assert_int_equal(service_logged(&service, "books.newer"), 0);
    say(1, "mine");
    heard(1, "second of one");

    /* a worker that dies now begins with what the others have */
    pid_t pids[8];
    size_t n = service_workers(&service, pids, COUNTOF(pids));
    assert_int_equal(n, 2);
    assert_int_equal(kill(pids[0], SIGKILL), 0);
    for (unsigned who = 40; who < 46; who++) {
        say(who, "orders");
        heard(who, "first of one");
    }
    service_stop(&service);
}

static void flw_1_reloading_under_load_loses_nobody(void **state)
{
    enum { CROWD = 120 };
    struct post posts[CROWD];
    char said[1024];

    (void)state;
    service_start(&service, &(struct service_wish){.workers = 3, .folder = folder});
    for (unsigned round = 0; round < 3; round++) {
        write_survey(round % 2 ? "odd" : "even");
        for (unsigned i = 0; i < CROWD; i++) {
            posts[i] = (struct post){
                .body = post_text(&arena, phone_of(1000 + i),
                                  arena_format(&arena, "wamid.crowd.%u.%u", round, i).at,
                                  round == 0 ? "orders" : "mine")};
        }
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            for (int i = 0; i < 5; i++)
                (void)kill(service.pid, SIGHUP), (void)usleep(20000);
            _exit(0);
        }
        service_post(&service, posts, CROWD, 20, WAIT);
        for (unsigned i = 0; i < CROWD; i++)
            assert_int_equal(posts[i].status, 200);
    }
    assert_int_equal(reload(said, sizeof said), 0);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    for (unsigned i = 0; i < CROWD; i++) {
        bool even = service_arrived(&service, phone_of(1000 + i), "thanks of even") > 0;
        bool old = service_arrived(&service, phone_of(1000 + i), "thanks of one") > 0;

        if (even == old) /* one of the books that it may have begun with, and the whole of it */
            fail_msg("customer %u did not come to the end", i);
        assert_int_equal(service_arrived(&service, phone_of(1000 + i), "second of"), 1);
    }
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    service_stop(&service);
}

/* Lifts the fault below after a while. */
static pid_t lift_later(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    (void)usleep(1500000);
    PGconn *conn = PQconnectdb(pg_url(&store_pg, "parley"));
    PQclear(PQexec(conn, "drop trigger no_room on flow_versions"));
    PQfinish(conn);
    _exit(0);
}

/* The database does not take the new book for a moment, and its node dies at the first word
 * that was said by it: whoever comes next must find it all the same. */
static void flw_1_what_was_begun_by_a_book_ends_by_it_though_its_node_died_at_once(void **state)
{
    char said[1024];

    (void)state;
    run_sql(owner, "create or replace function no_room() returns trigger language plpgsql as"
                   " $$ begin raise exception 'made up' using errcode = '53100'; end $$");
    service_start(&service, &(struct service_wish){.workers = 1, .folder = folder});
    say(3, "orders");
    run_sql(owner, "create trigger no_room before insert on flow_versions"
                   " for each row execute function no_room()");
    write_survey("five");
    assert_int_equal(reload(said, sizeof said), 0);
    until_taken(1);
    pid_t lifter = lift_later();
    struct post post = {.body = post_text(&arena, phone_of(1), "wamid.first", "orders")};
    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    write_survey("six");
    service_revive(&service);
    assert_int_equal(waitpid(lifter, NULL, 0), lifter);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    heard(1, "first of five");
    say(1, "mine");
    heard(1, "second of five");
    say(3, "mine");
    heard(3, "second of one");
    assert_int_equal(service_logged(&service, "books.missing"), 0);
    service_stop(&service);
}

/* A book that is not there at this moment may come: nobody who needs it is told that it is lost
 * for as long as the worker lives. */
static void flw_1_a_book_that_was_missing_once_is_looked_for_again(void **state)
{
    (void)state;
    service_start(&service, &(struct service_wish){.workers = 1, .folder = folder});
    say(1, "orders");
    say(2, "orders");
    write_survey("two");
    run_sql(owner, "create table away as select * from flow_versions;"
                   " delete from flow_versions");
    service_again(&service);
    say(1, "mine");
    assert_int_equal(service_logged(&service, "books.missing"), 1);
    run_sql(owner, "insert into flow_versions select * from away on conflict do nothing;"
                   " drop table away");
    say(2, "mine");
    heard(2, "second of one");
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flw_1_a_reload_changes_what_is_new_and_lets_the_old_end,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(flw_1_a_broken_book_is_refused_and_the_old_one_stays,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(flw_1_reloading_under_load_loses_nobody, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            flw_1_what_was_begun_by_a_book_ends_by_it_though_its_node_died_at_once, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(flw_1_a_book_that_was_missing_once_is_looked_for_again,
                                        set_up, tear_down),
    };

    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
