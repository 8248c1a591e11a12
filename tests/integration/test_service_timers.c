/*
 * What happens by itself, in the running service: conversations that a person was asked for,
 * and jobs that are due. What counts is in the database and in the sandbox's journal.
 */
#include "bot/base/message.h"
#include "store/handoffs.h"
#include "tests/support/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static struct service service;
static PGconn *owner;
static struct handoffs *desk;

#define APOLOGY "nobody of the team was free"
#define APOLOGIES                                                                              \
    "select count(*) from messages where not inbound and why like 'menu/%' and cause is null"

static int tear_down(void **state)
{
    (void)state;
    handoffs_close(&desk);
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static void start(unsigned workers)
{
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = workers});
}

static const char *phone_of(size_t number)
{
    return arena_format(&arena, "155509%zu", 10000 + number).at;
}

static void post_all(const char *lead, size_t n, const char *words)
{
    struct post *posts = arena_array(&arena, struct post, n);

    for (size_t i = 0; i < n; i++) {
        posts[i].body = post_text(&arena, phone_of(i),
                                  arena_format(&arena, "wamid.%s.%zu", lead, i).at, words);
    }
    service_post(&service, posts, n, 16, 20 * USEC_PER_SEC);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(posts[i].status, 200);
}

static void until(const char *sql, long number)
{
    service_until(&service, owner, sql, number, 60 * USEC_PER_SEC);
}

static void all_is_due_now(void)
{
    run_sql(owner, "update jobs set due_at = now()");
}

/* Each conversation counted its messages without a gap. */
static void no_gaps(void)
{
    assert_int_equal(ask_number(owner, "select count(*) from conversations c where seq <>"
                                       " (select count(*) from messages m where"
                                       "   m.conversation_id = c.conversation_id)"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    assert_int_equal(service_logged(&service, " alert "), 0);
}

/* --- one conversation ----------------------------------------------------------------------
 */

static void crm_3_the_bot_is_silent_until_nobody_has_answered_in_time(void **state)
{
    (void)state;
    start(1);
    post_all("a", 1, "human");
    until(
        "select count(*) from handoffs where state = 'offered' and reason = 'asked'"
        " and answer_by between asked_at + interval '14 min' and asked_at + interval '16 min'",
        1);
    assert_int_equal(ask_number(owner, "select count(*) from conversations where held_until >"
                                       " now() + interval '14 min'"),
                     1);
    until("select count(*) from outbox", 0);
    long before = ask_number(owner, "select count(*) from messages where not inbound");
    post_all("b", 1, "is anybody there?");
    assert_int_equal(ask_number(owner, "select count(*) from messages where not inbound"),
                     before);
    all_is_due_now();
    until("select count(*) from handoffs where state = 'done' and ended_why = 'unanswered'", 1);
    assert_int_equal(ask_number(owner, "select count(*) from jobs"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from conversations where held_until"
                                       " is not null"),
                     0);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, NULL, APOLOGY), 1);
    post_all("c", 1, "hi");
    assert_true(ask_number(owner, "select count(*) from messages where not inbound") >
                before + 1);
    no_gaps();
    service_stop(&service);
}

static void what_was_changed_since_it_was_due_does_not_happen(void **state)
{
    (void)state;
    start(1);
    post_all("a", 5, "human");
    until("select count(*) from handoffs", 5);
    run_sql(owner, "update jobs set due_at = now() - interval '1 s', leased_until = now() + "
                   "interval '2 s'"); /* as if claimed by somebody */
    run_sql(owner, "update jobs set due_at = now() + interval '1 hour', leased_until = null");
    (void)usleep(2500000);
    assert_int_equal(ask_number(owner, "select count(*) from jobs"), 5);
    assert_int_equal(ask_number(owner, APOLOGIES), 0);
    service_stop(&service);
}

/* --- what a turn costs ---------------------------------------------------------------------
 */

/* How often the server was asked to run queries whose names begin so. */
static long ran(const char *names)
{
    char path[128], *line = NULL;
    size_t room = 0;
    long n = 0;

    (void)snprintf(path, sizeof path, "%s/log", store_pg.dir);
    FILE *log = fopen(path, "r");
    assert_non_null(log);
    while (getline(&line, &room, log) > 0) {
        const char *at = strstr(line, "execute ");
        n += at != NULL && strncmp(at + strlen("execute "), names, strlen(names)) == 0;
    }
    free(line);
    (void)fclose(log);
    return n;
}

static void a_turn_without_timers_runs_no_statement_for_them(void **state)
{
    (void)state;
    owner = owner_connect();
    run_sql(owner, "alter system set log_statement = 'all'");
    run_sql(owner, "select pg_reload_conf()");
    service_start(&service, &(struct service_wish){.workers = 1});
    post_all("a", 1, "hi");
    post_all("b", 1, "orders");
    post_all("c", 1, "help");
    until("select count(*) from outbox", 0);
    assert_int_equal(ran("turn_keep"), 3);
    assert_int_equal(ran("turn_jobs") + ran("turn_timers") + ran("turn_handoff"), 0);
    post_all("d", 1, "human");
    assert_int_equal(ran("turn_handoff_begin"), 1);
    assert_int_equal(ran("turn_handoff"), 1);
    post_all("e", 1, "hello?");
    assert_int_equal(ran("turn_handoff_waits"), 1);
    all_is_due_now();
    until("select count(*) from jobs", 0);
    assert_int_equal(ran("turn_jobs_done"), 1);
    assert_int_equal(ran("turn_handoff_end"), 1);
    assert_int_equal(ran("turn_timers"), 0);
    run_sql(owner, "alter system reset log_statement");
    run_sql(owner, "select pg_reload_conf()");
    service_stop(&service);
}

/* --- a person ------------------------------------------------------------------------------
 */

static void open_desk(void)
{
    struct err err = {0};

    if (!handoffs_open(pg_url(&store_pg, "parley"), STR("parley_bot"), 5 * USEC_PER_SEC, &desk,
                       &err))
        fail_msg("%s", err.text);
}

static struct handoff only_handoff(void)
{
    const struct handoff *items = NULL;
    struct err err = {0};
    size_t n = 0;

    if (!handoffs_list(desk, false, 10, &arena, &items, &n, &err))
        fail_msg("%s", err.text);
    assert_int_equal(n, 1);
    return items[0];
}

static bool person(enum handoff_act act, const char *who, const char *words, struct err *err)
{
    struct handoff handoff = only_handoff();
    struct reply reply = {.kind = REPLY_TEXT, .body = str_from(words != NULL ? words : "")};
    uint8_t random[10];

    random_bytes(random, sizeof random);
    *err = (struct err){0};
    return handoffs_do(desk, &handoff, act, who,
                       arena_cstr(&arena, reply_to_json(&arena, &reply)),
                       uuid_v7(clock_now(), random), err);
}

static void crm_3_what_a_person_says_reaches_the_customer_in_order(void **state)
{
    struct err err = {0};
    const struct handoff_line *lines = NULL;
    size_t n = 0;

    (void)state;
    start(2);
    open_desk();
    post_all("a", 1, "human");
    assert_true(person(HANDOFF_TAKE, "ann", NULL, &err));
    assert_true(str_eq(only_handoff().state, STR("human")));
    assert_false(person(HANDOFF_TAKE, "bob", NULL, &err));
    assert_non_null(strstr(err.text, "ann holds it"));
    assert_false(person(HANDOFF_SAY, "bob", "me too", &err));
    assert_true(person(HANDOFF_SAY, "ann", "Good day, Ann here.", &err));
    assert_true(person(HANDOFF_SAY, "ann", "What is it about?", &err));
    assert_int_equal(ask_number(owner, "select count(*) from jobs where name = 'handoff.quiet'"
                                       " and due_at > now() + interval '1 hour'"),
                     1);
    post_all("b", 1, "my lamp is broken");
    assert_int_equal(
        ask_number(owner, "select count(*) from jobs where name = 'handoff.timeout' and due_at"
                          " between now() + interval '14 min' and now() + interval '16 min'"),
        1);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, NULL, "Ann here"), 1);
    assert_int_equal(service_arrived(&service, NULL, "me too"), 0);
    struct handoff handoff = only_handoff();
    assert_true(handoffs_said(desk, &handoff, 20, &arena, &lines, &n, &err));
    assert_int_equal(n, 5); /* human, ack, two of Ann's, the lamp */
    assert_true(str_eq(lines[2].why, STR("person/ann")));
    assert_true(str_find(lines[3].body, STR("What is it about")) < lines[3].body.len);
    assert_true(lines[4].inbound && str_eq(lines[4].body, STR("my lamp is broken")));
    assert_true(person(HANDOFF_RELEASE, "ann", NULL, &err));
    assert_true(str_eq(handoff.state, STR("human")));
    until("select count(*) from handoffs where state = 'done' and ended_why = 'released'", 1);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, NULL, "talking with me, the assistant"), 1);
    long before = ask_number(owner, "select count(*) from messages where not inbound");
    post_all("c", 1, "hi");
    assert_int_equal(ask_number(owner, "select count(*) from messages where not inbound"),
                     before + 1);
    assert_int_equal(ask_number(owner, "select count(*) from audit where action like 'handoff%'"
                                       " and actor = 'ann'"),
                     4);
    until("select count(*) from audit where position is null", 0); /* STF-3: linked by itself */
    no_gaps();
    handoffs_close(&desk);
    service_stop(&service);
}

static void crm_3_a_person_cannot_write_to_who_said_stop_or_is_silent_for_a_day(void **state)
{
    struct err err = {0};

    (void)state;
    start(1);
    open_desk();
    post_all("a", 1, "human");
    run_sql(owner, "update conversations set last_inbound_at = now() - interval '25 hours'");
    assert_false(person(HANDOFF_SAY, "ann", "hello?", &err));
    assert_non_null(strstr(err.text, "24 hours"));
    post_all("b", 1, "stop");
    assert_false(person(HANDOFF_SAY, "ann", "hello?", &err));
    assert_non_null(strstr(err.text, "STOP"));
    struct handoff handoff = only_handoff();
    assert_true(person(HANDOFF_RELEASE, "ann", NULL, &err));
    until("select count(*) from handoffs where state = 'done'", 1);
    assert_false(handoffs_do(desk, &handoff, HANDOFF_RELEASE, "ann", NULL, handoff.id, &err));
    assert_non_null(strstr(err.text, "it is over"));
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, NULL, "hello?"), 0);
    assert_int_equal(service_arrived(&service, NULL, "talking with me"), 0);
    handoffs_close(&desk);
    service_stop(&service);
}

/* Runs `parley handoff ...` as a person would; what it printed. */
static struct str handoff_says(const char *words, int *status)
{
    char command[512], text[8192];
    (void)snprintf(command, sizeof command,
                   PARLEY_BUILD_DIR "/parley --config %s/parley.yaml handoff %s 2>&1",
                   service.dir, words);
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): our own words */
    assert_non_null(pipe);
    size_t n = fread(text, 1, sizeof text, pipe);
    *status = pclose(pipe);
    return arena_str(&arena, (struct str){text, n});
}

static bool has(struct str text, const char *words)
{
    return str_find(text, str_from(words)) < text.len;
}

static void the_command_shows_and_acts(void **state)
{
    char id[UUID_TEXT_LEN + 1];
    int status;

    (void)state;
    start(1);
    open_desk();
    assert_true(has(handoff_says("list", &status), "nobody waits"));
    post_all("a", 1, "human");
    uuid_format(only_handoff().id, id);
    struct str listed = handoff_says("list", &status);
    assert_int_equal(status, 0);
    assert_true(has(listed, id) && has(listed, "offered") && !has(listed, "15550910000"));
    assert_true(has(handoff_says("list --json", &status), "\"state\":\"offered\""));
    (void)handoff_says(arena_format(&arena, "say %s 'Hello from the desk' --as ann", id).at,
                       &status);
    assert_int_equal(status, 0);
    struct str shown = handoff_says(arena_format(&arena, "show %s", id).at, &status);
    assert_true(has(shown, "customer") && has(shown, "    human") && has(shown, "person") &&
                has(shown, "Hello from the desk") && has(shown, "15550910000"));
    assert_true(has(handoff_says("say nonsense words", &status), "no id of a handoff") ||
                status != 0);
    (void)handoff_says(arena_format(&arena, "say %s ''", id).at, &status);
    assert_int_not_equal(status, 0);
    (void)handoff_says("dance", &status);
    assert_int_not_equal(status, 0);
    (void)handoff_says(arena_format(&arena, "release %s", id).at, &status);
    assert_int_equal(status, 0);
    until("select count(*) from handoffs where state = 'done'", 1);
    assert_true(has(handoff_says("list --all", &status), "released"));
    handoffs_close(&desk);
    service_stop(&service);
}

/* One of the team, who takes, answers and gives back whatever there is, for a while. The exit
 * status tells whether the books ever failed them. */
static void work_at_the_desk(unsigned number)
{
    static const enum handoff_act acts[] = {HANDOFF_TAKE, HANDOFF_SAY, HANDOFF_SAY,
                                            HANDOFF_RELEASE};
    struct arena own = {0};
    struct handoffs *mine = NULL;
    struct err err = {0};
    struct reply reply = {.kind = REPLY_TEXT, .body = STR("a person's words")};
    char who[16];

    (void)snprintf(who, sizeof who, "p%u", number);
    if (!handoffs_open(pg_url(&store_pg, "parley"), STR("parley_bot"), 5 * USEC_PER_SEC, &mine,
                       &err))
        _exit(1);
    const char *body = arena_cstr(&own, reply_to_json(&own, &reply));
    for (unsigned i = 0; i < 400; i++) {
        const struct handoff *items = NULL;
        uint8_t random[10];
        size_t n = 0;
        if (!handoffs_list(mine, false, 100, &own, &items, &n, &err))
            _exit(2);
        random_bytes(random, sizeof random);
        if (n > 0 &&
            !handoffs_do(mine, &items[random[0] % n], acts[random[1] % 4], who, body,
                         uuid_v7(clock_now(), random), &err) &&
            err.code != ERR_REJECT)
            _exit(3);
        err = (struct err){0};
        (void)usleep(10000);
    }
    handoffs_close(&mine);
    arena_finish(&own);
    _exit(0);
}

static void crm_3_people_customers_and_timers_at_once_keep_order(void **state)
{
    enum { PEOPLE = 24, TEAM = 3 };
    static const char *const words[] = {"human", "hi", "menu", "human", "thanks"};
    pid_t team[TEAM];
    int status;

    (void)state;
    start(4);
    long deadlocks =
        ask_number(owner, "select deadlocks from pg_stat_database where datname = 'parley'");
    post_all("a", PEOPLE, "human");
    for (unsigned i = 0; i < TEAM; i++) {
        team[i] = fork();
        if (team[i] == 0)
            work_at_the_desk(i);
    }
    for (int round = 0; round < 20; round++) {
        post_all(arena_format(&arena, "r%d", round).at, PEOPLE, words[round % 5]);
        run_sql(owner, "update jobs set due_at = now() where random() < 0.2");
        (void)usleep(250000); /* so that what is due and given back gets its turn */
    }
    for (unsigned i = 0; i < TEAM; i++) {
        assert_int_equal(waitpid(team[i], &status, 0), team[i]);
        assert_int_equal(status, 0);
    }
    all_is_due_now();
    until("select count(*) from jobs", 0);
    until("select count(*) from outbox", 0);
    assert_int_equal(ask_number(owner, "select count(*) from handoffs where state <> 'done'"),
                     0);
    long said = ask_number(owner, "select count(*) from messages where why like 'person/%'");
    assert_int_equal(
        ask_number(owner, "select count(*) from audit where action = 'handoff answered'"),
        said);
    assert_int_equal(service_arrived(&service, NULL, "a person's words"), said);
    (void)fprintf(stderr, "%ld answers of people, %ld handoffs\n", said,
                  ask_number(owner, "select count(*) from handoffs"));
    assert_true(said > 0);
    run_sql(owner, "select pg_stat_force_next_flush()");
    assert_int_equal(ask_number(owner, "select deadlocks from pg_stat_database where datname ="
                                       " 'parley'"),
                     deadlocks);
    no_gaps();
    service_stop(&service);
}

/* --- many ----------------------------------------------------------------------------------
 */

/* Whoever claims first is killed over it, and the next one, and the next. */
static void a_due_timer_fires_once_with_four_workers_and_kill_9(void **state)
{
    enum { PEOPLE = 400 };
    pid_t pids[8];
    int killed_in_it = 0;

    (void)state;
    start(4);
    post_all("a", PEOPLE, "human");
    until("select count(*) from handoffs", PEOPLE);
    all_is_due_now();
    for (int i = 0; i < 3; i++) {
        service_until(&service, owner,
                      "select case when exists (select 1 from jobs where leased_until > now())"
                      " or not exists (select 1 from jobs) then 1 else 0 end",
                      1, 20 * USEC_PER_SEC);
        killed_in_it += ask_number(owner, "select count(*) from jobs") > 0;
        size_t n = service_workers(&service, pids, COUNTOF(pids));
        for (size_t k = 0; k < n && k < 3; k++)
            (void)kill(pids[k], SIGKILL);
        (void)usleep(300000);
    }
    until("select count(*) from jobs", 0);
    (void)fprintf(stderr, "killed %d times in the middle of it\n", killed_in_it);
    assert_true(killed_in_it > 0);
    assert_int_equal(ask_number(owner, "select count(*) from handoffs where state = 'done'"),
                     PEOPLE);
    assert_int_equal(ask_number(owner, APOLOGIES), PEOPLE);
    assert_int_equal(ask_number(owner, "select count(*) from (select conversation_id from "
                                       "messages where cause is null and not inbound"
                                       " group by 1 having count(*) > 1) t"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    service_end(&service);
}

/* The database dies with the jobs claimed, and comes back after a while. */
static void a_due_timer_fires_once_though_the_database_crashed(void **state)
{
    enum { PEOPLE = 150 };

    (void)state;
    start(2);
    post_all("a", PEOPLE, "human");
    until("select count(*) from handoffs", PEOPLE);
    all_is_due_now();
    service_until(&service, owner,
                  "select least(count(*), 1) from jobs where leased_until > now()", 1,
                  10 * USEC_PER_SEC);
    pg_halt(&store_pg, SIGKILL);
    PQfinish(owner);
    owner = NULL;
    (void)usleep(500000);
    assert_true(pg_boot(&store_pg));
    owner = owner_connect();
    until("select count(*) from jobs", 0);
    assert_int_equal(ask_number(owner, "select count(*) from handoffs where state = 'done' and"
                                       " ended_why = 'unanswered'"),
                     PEOPLE);
    assert_int_equal(ask_number(owner, APOLOGIES), PEOPLE);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    service_stop(&service);
}

static void a_timer_and_a_message_of_the_same_instant_are_two_turns(void **state)
{
    enum { PEOPLE = 60 };

    (void)state;
    start(4);
    post_all("a", PEOPLE, "human");
    until("select count(*) from handoffs", PEOPLE);
    run_sql(owner, "update jobs set due_at = now() + interval '500 ms' * random()");
    post_all("b", PEOPLE, "hi");
    post_all("c", PEOPLE, "hi");
    until("select count(*) from jobs", 0);
    assert_int_equal(ask_number(owner, APOLOGIES), PEOPLE);
    assert_int_equal(ask_number(owner, "select count(*) from messages where inbound"),
                     3 * PEOPLE);
    assert_int_equal(ask_number(owner, "select count(*) from handoffs where state <> 'done'"),
                     0);
    no_gaps();
    service_stop(&service);
}

static const char ten_thousand[] =
    "set parley.org_id = '01921a7b-4000-7000-8000-6c61726b0001';"
    "insert into contact_points (org_id, contact_id, channel, address, phone)"
    "  select a.org_id, md5('c' || n)::uuid, 'whatsapp', '+1666' || n, '+1666' || n"
    "    from accounts a, generate_series(1, 10000) n where a.channel = 'whatsapp';"
    "insert into conversations (org_id, conversation_id, account_id, contact_id,"
    "                           last_inbound_at, held_until)"
    "  select p.org_id, p.contact_id, a.account_id, p.contact_id, now(), now() + interval '1 h'"
    "    from contact_points p join accounts a on a.org_id = p.org_id and a.channel = "
    "'whatsapp'"
    "   where p.address like '+1666%';"
    "insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)"
    "  select org_id, gen_random_uuid(), 'handoff', conversation_id, 'handoff.timeout', now()"
    "    from conversations where contact_id in (select contact_id from contact_points"
    "      where address like '+1666%');";

static void ten_thousand_that_are_due_at_once_starve_nobody(void **state)
{
    usec_t slowest = 0;
    long after = -1;

    (void)state;
    start(2);
    run_sql(owner, ten_thousand);
    service_until(&service, owner, "select least(count(*), 1) from messages where not inbound",
                  1, 10 * USEC_PER_SEC);
    for (int i = 0; i < 20; i++) {
        const char *phone = phone_of(500 + (size_t)i);
        usec_t began = clock_monotonic();
        struct post post = {
            .body = post_text(&arena, phone, arena_format(&arena, "wamid.q.%d", i).at, "hi")};
        service_post(&service, &post, 1, 1, 10 * USEC_PER_SEC);
        assert_int_equal(post.status, 200);
        service_until(&service, owner,
                      arena_format(&arena,
                                   "select least(count(*), 1) from contact_points p"
                                   "  join conversations c using (org_id, contact_id)"
                                   "  join messages m using (org_id, conversation_id)"
                                   " where p.address = '+%s' and not m.inbound"
                                   "   and m.delivery > 0",
                                   phone)
                          .at,
                      1, 20 * USEC_PER_SEC);
        usec_t took = clock_monotonic() - began;
        slowest = took > slowest ? took : slowest;
        if (i == 0)
            after = ask_number(owner, "select count(*) from jobs");
    }
    (void)fprintf(stderr,
                  "%ld jobs left at the first answer, the slowest answer took %lld ms\n", after,
                  (long long)(slowest / USEC_PER_MSEC));
    assert_true(after > 0); /* it was asked in the thick of it */
    assert_true(slowest < 5 * USEC_PER_SEC);
    service_until(&service, owner, "select count(*) from jobs", 0, 120 * USEC_PER_SEC);
    assert_int_equal(ask_number(owner, "select count(*) from (select conversation_id from "
                                       "messages where cause is null and not inbound"
                                       " group by 1 having count(*) = 1) t"),
                     10000);
    service_end(&service);
}

/* One round of the broom, five seconds after the start; the next comes in an hour. */
static void what_is_old_is_forgotten_in_one_round_however_much_it_is(void **state)
{
    (void)state;
    start(1);
    run_sql(
        owner,
        "insert into short_links select org_id, 'c' || i, 'u', now() - interval '400 days'"
        "  from businesses, generate_series(1, 12000) i;"
        "insert into crm_seen select org_id, md5(i::text)::uuid, now() - interval '400 days'"
        "  from businesses, generate_series(1, 12000) i;"
        "insert into unrouted select gen_random_uuid(), now() - interval '400 days', 'x',"
        " 'why', '' from generate_series(1, 12000) i");
    service_until(
        &service, owner,
        "select (select count(*) from short_links) + (select count(*) from crm_seen) +"
        " (select count(*) from unrouted)",
        0, 40 * USEC_PER_SEC);
    service_end(&service);
}

#define FRESH(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(crm_3_the_bot_is_silent_until_nobody_has_answered_in_time),
        FRESH(what_was_changed_since_it_was_due_does_not_happen),
        FRESH(a_turn_without_timers_runs_no_statement_for_them),
        FRESH(crm_3_what_a_person_says_reaches_the_customer_in_order),
        FRESH(crm_3_a_person_cannot_write_to_who_said_stop_or_is_silent_for_a_day),
        FRESH(the_command_shows_and_acts),
        FRESH(crm_3_people_customers_and_timers_at_once_keep_order),
        FRESH(a_due_timer_fires_once_with_four_workers_and_kill_9),
        FRESH(a_due_timer_fires_once_though_the_database_crashed),
        FRESH(a_timer_and_a_message_of_the_same_instant_are_two_turns),
        FRESH(what_is_old_is_forgotten_in_one_round_however_much_it_is),
        /* the last: to seed anew over ten thousand contacts takes most of a minute */
        FRESH(ten_thousand_that_are_due_at_once_starve_nobody),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
