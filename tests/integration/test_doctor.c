/*
 * parley doctor, migrate and seed as an operator calls them: the real binary against a private
 * PostgreSQL and a Graph API that answers what the test wants.
 */
#include "bot/base/arena.h"
#include "bot/base/json.h"
#include "bot/base/str.h"
#include "tests/support/pg.h"
#include "tests/support/temp.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct pg pg;
static char output[1 << 16];

/* --- a Graph API of one answer ---------------------------------------------------------------
 */

struct graph {
    pid_t pid;
    int port;
};

static void answer_all(int listener, int status, int ahead)
{
    char date[64], request[4096], answer[256];
    struct tm tm;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            _exit(1);
        (void)!read(fd, request, sizeof(request));
        time_t now = time(NULL) + ahead;
        (void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
        int len = snprintf(answer, sizeof(answer),
                           "HTTP/1.1 %d X\r\nDate: %s\r\nContent-Length: 2\r\n"
                           "Connection: close\r\n\r\n{}",
                           status, date);
        (void)!write(fd, answer, (size_t)len);
        (void)close(fd);
    }
}

static struct graph graph_start(int status, int ahead)
{
    struct graph graph = {0};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    graph.port = ntohs(address.sin_port);
    graph.pid = fork();
    assert_true(graph.pid >= 0);
    if (graph.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)alarm(60);
        answer_all(listener, status, ahead);
    }
    (void)close(listener);
    return graph;
}

static void graph_stop(struct graph *graph)
{
    (void)kill(graph->pid, SIGKILL);
    (void)waitpid(graph->pid, NULL, 0);
}

/* --- calling ---------------------------------------------------------------------------------
 */

/* Run a shell line; its exit status, and what it printed in `output`. */
static int shell(const char *format, ...) PRINTF(1, 2);
static int shell(const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    size_t len = fread(output, 1, sizeof(output) - 1, pipe);
    output[len] = '\0';
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define PARLEY PARLEY_BUILD_DIR "/parley"

static void use_graph(const struct graph *graph)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/v26.0", graph->port);
    assert_int_equal(setenv("PARLEY_WHATSAPP_BASE_URL", url, 1), 0);
}

static void unset_all(const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(unsetenv(names[i]), 0);
}

static void ignore_notice(void *owner, const char *text)
{
    (void)owner;
    (void)text;
}

static void sql(const char *text)
{
    PGconn *conn = PQconnectdb(pg.url);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    PQsetNoticeProcessor(conn, ignore_notice, NULL);
    PGresult *result = PQexec(conn, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
}

/* Whether the doctor finds this: `result` of `check`, with `part` in its text. */
static bool finds(const char *check, const char *result, const char *part)
{
    struct err err = {0};
    OWNED_JSON(doc) = NULL;
    int status = shell(PARLEY " doctor --json 2>&1");
    if (!json_read(str_from(output), &doc, &err))
        fail_msg("%s: %s", err.text, output);
    bool found = false, any_fail = false;
    size_t i;
    json_t *one;
    json_array_foreach(doc, i, one)
    {
        const char *its = json_string_value(json_object_get(one, "result"));
        any_fail |= strcmp(its, "fail") == 0;
        found |= strcmp(its, result) == 0 &&
                 strcmp(json_string_value(json_object_get(one, "check")), check) == 0 &&
                 strstr(json_string_value(json_object_get(one, "text")), part);
    }
    assert_int_equal(status, any_fail ? 1 : 0);
    assert_null(strstr(output, "hush"));
    return found;
}

#define assert_finds(check, result, part)                                                      \
    do {                                                                                       \
        if (!finds(check, result, part))                                                       \
            fail_msg("no %s of %s \"%s\" in %s", result, check, part, output);                 \
    } while (0)

static void assert_all_is_well(void)
{
    (void)finds("", "", "");
    if (strstr(output, "\"fail\"") || strstr(output, "\"warn\""))
        fail_msg("%s", output);
}

/* --- the tests -------------------------------------------------------------------------------
 */

static void doctor_begins_with_what_is_missing(void **state)
{
    (void)state;
    assert_finds("migrations", "fail", "are missing");
    assert_int_equal(shell(PARLEY " migrate --check 2>&1"), 1);
    assert_non_null(strstr(output, "missing 0001"));
    assert_int_equal(shell(PARLEY " migrate 2>&1"), 0);
    assert_int_equal(shell(PARLEY " migrate 2>&1"), 0);
    assert_non_null(strstr(output, "up to date"));
    assert_int_equal(shell(PARLEY " migrate --check 2>&1"), 0);
    assert_finds("directory", "fail", "no WhatsApp number");
    assert_int_equal(shell(PARLEY " seed demo 2>&1"), 0);
    assert_non_null(strstr(output, "customers"));
    assert_int_equal(shell(PARLEY " seed demo --reset 2>&1"), 0);
}

static void doctor_finds_nothing_wrong_in_a_healthy_house(void **state)
{
    (void)state;
    struct graph graph = graph_start(200, 0);
    use_graph(&graph);
    assert_all_is_well();
    assert_int_equal(shell(PARLEY " doctor"), 0);
    assert_non_null(strstr(output, "0 warnings, 0 failures"));
    graph_stop(&graph);
}

static void doctor_tells_a_refused_token_from_an_absent_provider(void **state)
{
    (void)state;
    struct graph graph = graph_start(401, 0);
    use_graph(&graph);
    assert_finds("whatsapp", "fail", "refuses the token");
    graph_stop(&graph);
    assert_finds("whatsapp", "fail", "cannot be reached");
    graph = graph_start(503, 0);
    use_graph(&graph);
    assert_finds("whatsapp", "warn", "503");
    graph_stop(&graph);
}

static void doctor_compares_clocks(void **state)
{
    (void)state;
    struct graph graph = graph_start(200, 30);
    use_graph(&graph);
    assert_finds("clock", "warn", "Graph API's clock");
    assert_true(finds("clock", "ok", "database's clock"));
    graph_stop(&graph);
    graph = graph_start(200, -3600);
    use_graph(&graph);
    assert_finds("clock", "fail", "behind");
    graph_stop(&graph);
}

static void doctor_finds_rows_that_nothing_guards(void **state)
{
    (void)state;
    struct graph graph = graph_start(200, 0);
    use_graph(&graph);
    sql("alter table orders no force row level security");
    assert_finds("rules", "fail", "table orders");
    sql("alter table orders force row level security");
    assert_int_equal(setenv("PARLEY_CONFIG", "/dev/stdin", 1), 0);
    assert_int_equal(shell("echo 'database: {role: \"\"}' | " PARLEY " doctor --json"), 1);
    assert_non_null(strstr(output, "passes row-level security by"));
    assert_int_equal(unsetenv("PARLEY_CONFIG"), 0);
    assert_int_equal(setenv("PARLEY_DATABASE_ROLE", "nobody_at_all", 1), 0);
    assert_finds("database", "fail", "take on database.role");
    assert_int_equal(unsetenv("PARLEY_DATABASE_ROLE"), 0);
    assert_all_is_well();
    graph_stop(&graph);
}

static void ch_5_doctor_finds_that_no_mail_can_come_in(void **state)
{
    static const char *const names[] = {"PARLEY_RESEND_BASE_URL", "PARLEY_RESEND_ALLOW_HTTP",
                                        "PARLEY_RESEND_API_KEY", "PARLEY_MAIL_GATEWAY_TOKEN"};

    (void)state;
    struct graph graph = graph_start(200, 0);
    use_graph(&graph);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d", graph.port);
    assert_int_equal(setenv(names[0], url, 1) | setenv(names[1], "true", 1), 0);
    assert_int_equal(setenv(names[2], "re_test", 1), 0);
    sql("insert into directory (kind, external_id, org_id, account_id)"
        " select 'email', 'support@in.shop.example', org_id, account_id from accounts limit 1");
    assert_finds("mail", "warn", "nobody may bring mail in");
    assert_int_equal(setenv(names[3], "0123456789abcdef", 1), 0);
    assert_finds("mail", "warn", "nobody vouches for senders");
    unset_all(names, COUNTOF(names));
    sql("delete from directory where kind = 'email'");
    graph_stop(&graph);
}

static void ch_4_doctor_finds_credentials_without_accounts_and_tells_what_to_enter(void **state)
{
    static const char *const names[] = {
        "PARLEY_TWILIO_BASE_URL",   "PARLEY_TWILIO_ALLOW_HTTP",     "PARLEY_TWILIO_ACCOUNT_SID",
        "PARLEY_TWILIO_AUTH_TOKEN", "PARLEY_RESEND_BASE_URL",       "PARLEY_RESEND_ALLOW_HTTP",
        "PARLEY_RESEND_API_KEY",    "PARLEY_RESEND_WEBHOOK_SECRET", "PARLEY_MAIL_GATEWAY_TOKEN",
        "PARLEY_PUBLIC_URL"};
    char url[64];

    (void)state;
    struct graph graph = graph_start(200, 0);
    use_graph(&graph);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d", graph.port);
    const char *const values[] = {url,
                                  "true",
                                  "AC0123456789abcdef0123456789abcdef",
                                  "token",
                                  url,
                                  "true",
                                  "re_x",
                                  "whsec_cGFybGV5LXRlc3RzLW93bi1rZXktMDAx",
                                  "0123456789abcdef",
                                  url};
    for (size_t i = 0; i < COUNTOF(names); i++)
        assert_int_equal(setenv(names[i], values[i], 1), 0);
    assert_finds("sms", "warn", "no number for SMS is known");
    assert_finds("sms", "ok", "/webhooks/twilio#rc=5&rp=all");
    assert_finds("mail", "warn", "no address of mail is known");
    assert_finds("mail", "ok", "/webhooks/resend");
    assert_finds("mail", "ok", "/webhooks/mail/RECIPIENT");
    assert_finds("public_url", "warn", "is not encrypted");
    assert_finds("public_url", "warn", "not as parley does");
    graph_stop(&graph);
    assert_finds("public_url", "warn", "does not answer from here");
    unset_all(names, COUNTOF(names));
}

static void doctor_finds_a_database_that_may_forget(void **state)
{
    (void)state;
    struct graph graph = graph_start(200, 0);
    use_graph(&graph);
    sql("alter database parley set synchronous_commit = off");
    assert_finds("durability", "fail", "may lose");
    sql("alter database parley reset synchronous_commit");
    graph_stop(&graph);
}

static void doctor_finds_what_waits_and_what_could_not_be_handled(void **state)
{
    (void)state;
    struct graph graph = graph_start(200, 0);
    use_graph(&graph);
    sql("insert into dead_letters (org_id, dead_id, at, provider, reason, item, payload)"
        " select org_id, gen_random_uuid(), now(), 'whatsapp', 'because', 'x', ''"
        "   from businesses");
    sql("insert into lanes (org_id, lane_id, stopped_at, stopped_why)"
        " select org_id, account_id, now(), 'token refused' from accounts"
        " on conflict (org_id, lane_id) do update"
        " set stopped_at = now(), stopped_why = 'token refused'");
    assert_finds("dead letters", "warn", "1 could not be handled");
    assert_finds("sending", "fail", "token refused");
    sql("delete from dead_letters");
    sql("update lanes set stopped_at = null, stopped_why = null");
    sql("update directory set app = 'other'");
    assert_finds("directory", "fail", "which is not configured");
    assert_finds("whatsapp", "warn", "has no number");
    sql("update directory set app = 'default'");
    graph_stop(&graph);
}

static void doctor_says_that_the_database_is_away(void **state)
{
    (void)state;
    pg_halt(&pg, SIGINT);
    assert_finds("migrations", "fail", "connect");
    assert_int_equal(shell(PARLEY " migrate 2>&1"), 1);
    assert_true(pg_boot(&pg));
}

static void doctor_starts_with_the_configuration(void **state)
{
    (void)state;
    assert_int_equal(setenv("PARLEY_WORKERS", "many", 1), 0);
    assert_finds("configuration", "fail", "not a whole number");
    assert_int_equal(unsetenv("PARLEY_WORKERS"), 0);
}

static char files[TEMP_PATH]; /* of customers */

static void doctor_looks_where_customers_files_lie(void **state)
{
    char nowhere[TEMP_PATH + 16];

    (void)state;
    assert_int_equal(chmod(files, 0755), 0);
    assert_finds("documents", "warn", "others");
    assert_int_equal(chmod(files, 0700), 0);
    (void)snprintf(nowhere, sizeof nowhere, "%s/nowhere", files);
    assert_int_equal(setenv("PARLEY_DOCUMENTS_PATH", nowhere, 1), 0);
    assert_finds("documents", "warn", "not there");
    assert_int_equal(access(nowhere, F_OK), -1); /* it makes nothing */
    assert_int_equal(setenv("PARLEY_DOCUMENTS_PATH", files, 1), 0);
    assert_int_equal(setenv("PARLEY_DOCUMENTS_STORE", "s3", 1), 0);
    assert_finds("documents", "fail", "needs endpoint, bucket");
    assert_int_equal(setenv("PARLEY_DOCUMENTS_ENDPOINT", "http://127.0.0.1:9", 1), 0);
    assert_int_equal(setenv("PARLEY_DOCUMENTS_BUCKET", "b", 1), 0);
    assert_int_equal(setenv("PARLEY_DOCUMENTS_KEY", "k", 1), 0);
    assert_int_equal(setenv("PARLEY_DOCUMENTS_SECRET", "hush-documents", 1), 0);
    assert_finds("documents", "fail", "document store");
    assert_int_equal(setenv("PARLEY_DOCUMENTS_STORE", "local", 1), 0);
}

static int start(void **state)
{
    (void)state;
    temp_folder(files, "files");
    (void)clearenv();
    (void)setenv("PATH", "/usr/bin:/bin", 1);
    if (!pg_start(&pg, NULL))
        return -1;
    (void)setenv("PARLEY_DATABASE_URL", pg.url, 1);
    (void)setenv("WHATSAPP_APP_SECRET", "hush-secret", 1);
    (void)setenv("WHATSAPP_VERIFY_TOKEN", "hush-word", 1);
    (void)setenv("WHATSAPP_TOKEN", "hush-token", 1);
    (void)setenv("PARLEY_WHATSAPP_ALLOW_HTTP", "true", 1);
    (void)setenv("PARLEY_WHATSAPP_BASE_URL", "http://127.0.0.1:9", 1);
    (void)setenv("PARLEY_PATHS_STATE", files, 1);
    return setenv("PARLEY_DOCUMENTS_PATH", files, 1);
}

static int stop(void **state)
{
    (void)state;
    pg_stop(&pg);
    temp_remove(files);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doctor_begins_with_what_is_missing),
        cmocka_unit_test(doctor_finds_nothing_wrong_in_a_healthy_house),
        cmocka_unit_test(doctor_looks_where_customers_files_lie),
        cmocka_unit_test(doctor_tells_a_refused_token_from_an_absent_provider),
        cmocka_unit_test(doctor_compares_clocks),
        cmocka_unit_test(doctor_finds_rows_that_nothing_guards),
        cmocka_unit_test(ch_5_doctor_finds_that_no_mail_can_come_in),
        cmocka_unit_test(
            ch_4_doctor_finds_credentials_without_accounts_and_tells_what_to_enter),
        cmocka_unit_test(doctor_finds_a_database_that_may_forget),
        cmocka_unit_test(doctor_finds_what_waits_and_what_could_not_be_handled),
        cmocka_unit_test(doctor_says_that_the_database_is_away),
        cmocka_unit_test(doctor_starts_with_the_configuration),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
