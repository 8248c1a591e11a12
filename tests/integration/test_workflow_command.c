/*
 * parley workflow as an operator calls it: the real binary against a private PostgreSQL.
 */
#include "bot/base/str.h"
#include "tests/support/store.h"
#include "tests/support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PARLEY PARLEY_BUILD_DIR "/parley"

static char output[1 << 14];
static char file[TEMP_PATH];
static PGconn *owner;

/* The exit status of `parley workflow ARGS`, and what it told in `output`. */
static int workflow(const char *args)
{
    char line[512];
    (void)snprintf(line, sizeof(line), PARLEY " workflow %s 2>&1", args);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    size_t len = fread(output, 1, sizeof(output) - 1, pipe);
    output[len] = '\0';
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int import(const char *yaml, const char *option)
{
    char args[128];
    FILE *to = fopen(file, "w");
    assert_non_null(to);
    assert_true(fputs(yaml, to) >= 0);
    assert_int_equal(fclose(to), 0);
    (void)snprintf(args, sizeof(args), "import %s %s", file, option);
    return workflow(args);
}

#define assert_told(part)                                                                      \
    do {                                                                                       \
        if (!strstr(output, part))                                                             \
            fail_msg("no \"%s\" in: %s", part, output);                                        \
    } while (0)

static const char framing[] = "workflow: framing\n"
                              "states:\n"
                              "  cut: {icon: \"✂\", names: {en: Cut, pl: Przycięte}}\n"
                              "  hung: {phase: done, names: {en: Hung}}\n";

static void ord_3_a_file_is_kept_shown_and_kept_again(void **state)
{
    (void)state;
    assert_int_equal(import(framing, ""), 0);
    assert_told("framing: 2 states are kept");
    assert_told("cut has no name in es, ar");
    assert_int_equal(workflow("show"), 0);
    assert_told("cut > hung");
    assert_int_equal(workflow("show framing"), 0);
    assert_told("icon: \"✂\"");
    char *shown = strdup(output);
    assert_int_equal(import(shown, ""), 0);
    assert_int_equal(workflow("show framing"), 0);
    assert_string_equal(output, shown);
    free(shown);
}

static void ord_3_what_is_wrong_is_told_and_changes_nothing(void **state)
{
    (void)state;
    long before = ask_number(owner, "select count(*) from workflow_states");
    assert_int_equal(import("workflow: framing\nstates:\n  cut: {nmaes: {en: Cut}}\n", ""), 1);
    assert_told(":3: 'nmaes' means nothing here");
    assert_int_equal(import("workflow: repair\nstates:\n  received: {}\n"
                            "  completed: {phase: done}\n",
                            ""),
                     1);
    assert_told("which the file leaves out");
    assert_int_equal(import(framing, "--business nobody"), 1);
    assert_told("not the id of a business");
    assert_int_equal(import(framing, "--business 0192ffff-4000-7000-8000-0000000000b0"), 1);
    assert_int_equal(workflow("import /nonexistent/file"), 1);
    assert_told("cannot be read");
    assert_int_equal(workflow("show nothing"), 1);
    assert_told("there is no workflow 'nothing'");
    assert_int_equal(workflow(""), 2);
    assert_int_equal(workflow("import"), 2);
    assert_int_equal(workflow("show one two"), 2);
    assert_int_equal(workflow("show --colour"), 2);
    assert_int_equal(ask_number(owner, "select count(*) from workflow_states"), before);
}

static void ord_3_a_check_needs_no_database(void **state)
{
    (void)state;
    const char *url = getenv("PARLEY_DATABASE_OWNER_URL");
    assert_non_null(url);
    char *kept = strdup(url ? url : "");
    assert_int_equal(setenv("PARLEY_DATABASE_OWNER_URL", "host=/nonexistent", 1), 0);
    assert_int_equal(import(framing, "--check"), 0);
    assert_told("framing: 2 states are good");
    assert_int_equal(import("workflow: framing\n", "--check"), 1);
    assert_int_equal(import(framing, ""), 1);
    assert_int_equal(setenv("PARLEY_DATABASE_OWNER_URL", kept, 1), 0);
    free(kept);
}

static void ord_3_with_two_businesses_one_is_named(void **state)
{
    (void)state;
    run_sql(owner, "insert into businesses (org_id, name, currency) values"
                   " ('0192ffff-4000-7000-8000-0000000000b0', 'Other', 'EUR');"
                   "insert into directory (kind, external_id, org_id) values"
                   " ('whatsapp', 'other', '0192ffff-4000-7000-8000-0000000000b0')");
    assert_int_equal(import(framing, ""), 1);
    assert_told("there are 2 businesses");
    assert_int_equal(import(framing, "--business 0192ffff-4000-7000-8000-0000000000b0"), 0);
    assert_int_equal(workflow("show --business 0192ffff-4000-7000-8000-0000000000b0"), 0);
    assert_told("framing");
    assert_null(strstr(output, "repair"));
}

static int start(void **state)
{
    (void)state;
    temp_file(file, "workflow");
    assert_int_equal(setenv("PARLEY_DATABASE_URL", store_pg.url, 1), 0);
    assert_int_equal(setenv("PARLEY_DATABASE_OWNER_URL", store_pg.url, 1), 0);
    assert_int_equal(system(PARLEY " seed demo >/dev/null"), 0); /* NOLINT(cert-env33-c) */
    owner = owner_connect();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    PQfinish(owner);
    return unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ord_3_a_file_is_kept_shown_and_kept_again),
        cmocka_unit_test(ord_3_what_is_wrong_is_told_and_changes_nothing),
        cmocka_unit_test(ord_3_a_check_needs_no_database),
        cmocka_unit_test(ord_3_with_two_businesses_one_is_named),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, start, stop);
    store_shut();
    return failed;
}
