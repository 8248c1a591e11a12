/*
 * What is kept for a while only: partitions are made ahead and end at UTC's midnight, whatever
 * the zone of the session or the time of the year; nothing goes that is younger than promised;
 * and the broom is in nobody's way.
 */
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/said.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static PGconn *owner, *bot;
static char org[UUID_TEXT_LEN + 1];

static const char drop_all[] =
    "do $$ declare n text; begin for n in select relname from pg_class where relname ~"
    " '^payloads_[0-9]{8}$' loop execute 'drop table ' || n; end loop; end $$";

/* lower and upper bound of each day's partition */
static const char bounds[] =
    "create or replace view days as select relname, b[1]::timestamptz as lower,"
    " b[2]::timestamptz as upper from pg_class, regexp_match(pg_get_expr(relpartbound, oid),"
    " 'FROM \\(''([^'']*)''\\) TO \\(''([^'']*)''\\)') b where relname ~ '^payloads_[0-9]{8}$'";

static int set_up(void **state)
{
    (void)state;
    run_sql(owner, "rollback");
    run_sql(bot, "rollback; reset timezone");
    run_sql(owner, drop_all);
    run_sql(owner, "truncate payloads, seen, early_statuses, unrouted, code_sends");
    return 0;
}

static long make(const char *now, const char *ahead, const char *keep)
{
    return say_number(bot, &SQL_RETENTION_PARTITIONS, PARAMS(now, ahead, keep));
}

static void partitions_are_whole_utc_days_in_every_zone_and_season(void **state)
{
    static const char *const zones[] = {"UTC",           "America/New_York",
                                        "Europe/Warsaw", "Asia/Kolkata",
                                        "Pacific/Apia",  "Pacific/Marquesas"};
    static const char *const times[] = {
        "2026-03-08 06:59:59.999999+00", /* New York's clocks go forward in a moment */
        "2026-03-29 01:00:00+00",        /* Warsaw's do */
        "2026-11-01 05:30:00+00",        /* New York's go back */
        "2026-12-31 23:59:59.999999+00", "2028-02-28 00:00:00+00", "2026-10-25 00:59:59+00"};
    char line[200];

    for (size_t z = 0; z < COUNTOF(zones); z++) {
        for (size_t t = 0; t < COUNTOF(times); t++) {
            (void)set_up(state);
            (void)snprintf(line, sizeof line, "set timezone = '%s'", zones[z]);
            run_sql(bot, line);
            assert_int_equal(make(times[t], "5", "30"), 6);
            assert_int_equal(make(times[t], "5", "30"), 0); /* all there */
            assert_int_equal(ask_number(owner, "select count(*) from days"), 6);
            assert_int_equal(
                ask_number(owner, "select count(*) from days where upper - lower <>"
                                  " interval '24 hours' or to_char(lower at time zone 'UTC',"
                                  " 'YYYYMMDD HH24MISS') <> substr(relname, 10) || ' 000000'"),
                0);
            (void)snprintf(line, sizeof line,
                           "select count(*) from days where lower <= '%s' and upper > '%s'",
                           times[t], times[t]);
            assert_int_equal(ask_number(owner, line), 1);
            (void)snprintf(line, sizeof line,
                           "select max(upper) - '%s' >= interval '5 days' and"
                           " max(upper) - min(lower) = interval '6 days' from days",
                           times[t]);
            PGresult *result = PQexec(owner, line);
            assert_string_equal(PQgetvalue(result, 0, 0), "t");
            PQclear(result);
        }
    }
}

static void partitions_are_ahead_before_their_day_comes(void **state)
{
    (void)state;
    char now[40];

    for (int hour = 0; hour < 24 * 9;
         hour += 7) { /* a service that was away for 7 h each time */
        (void)snprintf(now, sizeof now, "2026-06-%02d %02d:30:00+00", 1 + hour / 24, hour % 24);
        (void)make(now, "3", "30");
        char line[200];
        (void)snprintf(
            line, sizeof line,
            "insert into payloads select org_id, gen_random_uuid(), '%s'::timestamptz"
            " + h * interval '1 hour', 'x', '' from businesses,"
            " generate_series(0, 71) h",
            now);
        run_sql(owner, line);
    }
    assert_int_equal(ask_number(owner, "select count(*) from payloads_default"), 0);
}

static void nothing_younger_than_promised_is_dropped_and_the_rest_is(void **state)
{
    char line[400];

    for (int keep = 1; keep <= 4; keep++) {
        for (int hour = 0; hour < 24; hour += 5) {
            char now[40], days[8];
            (void)set_up(state);
            (void)snprintf(days, sizeof days, "%d", keep);
            (void)snprintf(now, sizeof now, "2026-06-20 %02d:59:59+00", hour);
            for (int day = 10; day <= 20; day++) {
                (void)snprintf(line, sizeof line, "2026-06-%02d 12:00+00", day);
                assert_true(make(line, "0", "60") == 1);
            }
            run_sql(owner, "insert into payloads select org_id, gen_random_uuid(),"
                           " '2026-06-10'::timestamp at time zone 'UTC' + h * interval"
                           " '1 hour', 'x', '' from businesses, generate_series(0, 263) h");
            (void)make(now, "0", days);
            (void)snprintf(line, sizeof line,
                           "select (select count(*) from payloads where received_at >= '%s'::"
                           "timestamptz - interval '%d days') - (select count(*) from"
                           " generate_series(0, 263) h where '2026-06-10'::timestamp at time"
                           " zone 'UTC' + h * interval '1 hour' >= '%s'::timestamptz -"
                           " interval '%d days')",
                           now, keep, now, keep);
            assert_int_equal(ask_number(owner, line), 0);
            (void)snprintf(line, sizeof line,
                           "select count(*) from payloads where received_at < '%s'::timestamptz"
                           " - interval '%d days'",
                           now, keep + 1);
            assert_int_equal(ask_number(owner, line), 0);
        }
    }
}

static void absurd_wishes_make_and_drop_little(void **state)
{
    (void)state;
    assert_int_equal(make("2026-06-20 12:00+00", "2000000000", "30"), 61);
    assert_int_equal(make("2026-06-20 12:00+00", "-5", "30"), 0);
    (void)make("2026-06-21 12:00+00", "0", "-1000"); /* as one day */
    assert_int_equal(ask_number(owner, "select count(*) from days"), 61);
}

static void tables_of_other_names_are_not_dropped(void **state)
{
    (void)state;
    run_sql(owner, "create table payloads_20010101x (like payloads);"
                   "create table payloads_20010102 (like payloads)");
    assert_int_equal(make("2026-06-20 12:00+00", "1", "1"), 2);
    assert_int_equal(ask_number(owner, "select count(*) from pg_class where relname in"
                                       " ('payloads_20010101x', 'payloads_20010102',"
                                       " 'payloads_default')"),
                     3);
    run_sql(owner, "drop table payloads_20010101x, payloads_20010102");
}

static void a_new_partition_is_as_closed_as_the_whole(void **state)
{
    (void)state;
    (void)make("2026-06-20 12:00+00", "0", "30");
    assert_string_equal(try_sql(bot, "select * from payloads_20260620"), "42501");
    run_sql(owner, "insert into payloads select gen_random_uuid(), gen_random_uuid(),"
                   " '2026-06-20 12:00+00', 'x', ''");
    assert_int_equal(ask_number(bot, "select count(*) from payloads"), 0); /* another's */
    assert_int_equal(ask_number(owner, "select count(*) from payloads_20260620"), 1);
}

/* A backup reads for hours: the broom must not stand in the door with deliveries behind it. */
static void a_long_reader_holds_up_the_broom_but_no_delivery(void **state)
{
    (void)state;
    PGconn *reader = owner_connect();

    (void)make("2026-06-01 12:00+00", "0", "30");
    run_sql(reader, "begin; select count(*) from payloads");
    usec_t began = clock_monotonic();
    const char *const params[] = {"2026-09-01 12:00+00", "0", "30"};
    PGresult *result =
        PQexecParams(bot, SQL_RETENTION_PARTITIONS.text, 3, NULL, params, NULL, NULL, 0);
    assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "55P03");
    PQclear(result);
    assert_true(clock_monotonic() - began < 2 * USEC_PER_SEC);
    run_sql(owner, "set lock_timeout = '50ms'");
    run_sql(owner, "insert into payloads select org_id, gen_random_uuid(),"
                   " '2026-09-01 12:00+00', 'x', '' from businesses");
    run_sql(owner, "reset lock_timeout");
    run_sql(reader, "commit");
    PQfinish(reader);
    (void)make("2026-09-02 12:00+00", "0", "30");
    assert_int_equal(ask_number(owner, "select count(*) from days where relname ="
                                       " 'payloads_20260601'"),
                     0);
}

static void what_was_seen_is_forgotten_by_age_a_few_at_a_time(void **state)
{
    (void)state;
    run_sql(owner, "insert into seen select org_id, account_id, decode(md5(i::text), 'hex'),"
                   " '2026-06-20 12:00+00'::timestamptz - i * interval '1 minute'"
                   "  from accounts, generate_series(1, 1000) i;"
                   "insert into seen select gen_random_uuid(), account_id, 'x',"
                   " '2020-01-01' from accounts"); /* another business's */
    const char *const *params = PARAMS(org, "2026-06-20 02:00+00", "150");
    assert_int_equal(say_count(bot, &SQL_RETENTION_SEEN, params), 150);
    assert_int_equal(say_count(bot, &SQL_RETENTION_SEEN, params), 150);
    assert_int_equal(say_count(bot, &SQL_RETENTION_SEEN, params), 100);
    assert_int_equal(say_count(bot, &SQL_RETENTION_SEEN, params), 0);
    assert_int_equal(ask_number(owner, "select count(*) from seen where at >="
                                       " '2026-06-20 02:00+00'"),
                     600);
    assert_int_equal(ask_number(owner, "select count(*) from seen"), 601);
}

/* Rows that were looked at by work of the service's, which plans as its connections do. */
static long looked_at(const char *work, const char *table)
{
    char line[300], count[200];

    (void)snprintf(count, sizeof count,
                   "select idx_tup_fetch + seq_tup_read from pg_stat_xact_user_tables"
                   " where relname = '%s'",
                   table);
    run_sql(owner, "begin; set local enable_seqscan = off; set local enable_bitmapscan = off;"
                   " set local plan_cache_mode = force_generic_plan");
    (void)snprintf(line, sizeof line, "set local parley.org_id = '%s'", org);
    run_sql(owner, line);
    long before = ask_number(owner, count);
    run_sql(owner, work);
    long after = ask_number(owner, count);
    run_sql(owner, "rollback");
    return after - before;
}

/* A broom that reads all that is to stay needs longer than it may, and then sweeps nothing. */
static void what_is_too_young_to_be_forgotten_is_not_looked_at(void **state)
{
    char line[1200];

    (void)state;
    run_sql(owner, "insert into seen select org_id, account_id, decode(md5(i::text), 'hex'),"
                   " '2026-06-20 12:00+00'::timestamptz - i * interval '1 second'"
                   "  from (select * from accounts limit 1) a, generate_series(1, 20000) i;"
                   "insert into crm_seen select org_id, md5(i::text)::uuid,"
                   " '2026-06-20 12:00+00'::timestamptz - i * interval '1 second'"
                   "  from businesses, generate_series(1, 20000) i;"
                   "analyze seen, crm_seen");
    (void)snprintf(line, sizeof line, "prepare sweep as %s", SQL_RETENTION_SEEN.text);
    run_sql(owner, line);
    (void)snprintf(line, sizeof line, "execute sweep ('%s', '2026-06-20 06:28:20+00', 5000)",
                   org);
    assert_in_range(looked_at(line, "seen"), 90, 200); /* a hundred are old */
    (void)snprintf(line, sizeof line, "select crm_sweep('%s', '2026-07-05 06:28:20+00', 5000)",
                   org);
    assert_in_range(looked_at(line, "crm_seen"), 90, 200);
    run_sql(owner, "deallocate sweep; truncate crm_seen");
}

static void payloads_of_the_default_partition_statuses_and_strays_go_by_age(void **state)
{
    (void)state;
    run_sql(owner,
            "insert into payloads select org_id, gen_random_uuid(), t, 'x', ''"
            "  from businesses, unnest(array['2026-05-01 00:00+00',"
            " '2026-05-02 00:00+00']::timestamptz[]) t;"
            "insert into early_statuses select org_id, decode(md5(t::text), 'hex'), 1, 0,"
            " t from businesses, unnest(array['2026-05-01 00:00+00',"
            " '2026-05-02 00:00+00']::timestamptz[]) t;"
            "insert into code_sends select org_id, gen_random_uuid(), t, org_id, 'x', ''"
            "  from businesses, unnest(array['2026-05-01 00:00+00',"
            " '2026-05-02 00:00+00']::timestamptz[]) t;"
            "insert into unrouted select gen_random_uuid(), t, 'x', 'why', ''"
            "  from unnest(array['2026-05-01 00:00+00',"
            " '2026-05-02 00:00+00']::timestamptz[]) t");
    const char *const *params = PARAMS(org, "2026-05-02 00:00+00", "5000");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(say_count(bot, &SQL_RETENTION_PAYLOADS, params), 1 - i);
        assert_int_equal(say_count(bot, &SQL_RETENTION_EARLY, params), 1 - i);
        assert_int_equal(say_count(bot, &SQL_RETENTION_CODES, params), 1 - i);
        assert_int_equal(say_count(bot, &SQL_RETENTION_UNROUTED, PARAMS(params[1], params[2])),
                         1 - i);
    }
    assert_int_equal(ask_number(owner, "select (select count(*) from payloads) +"
                                       " (select count(*) from early_statuses) +"
                                       " (select count(*) from unrouted)"),
                     3);
}

/* Of a business that has let much come together, too, nothing goes in one large transaction. */
static void all_that_goes_by_age_goes_in_slices(void **state)
{
    static const struct {
        const char *table, *rows;
        const struct sql *sql;
    } kinds[] = {
        {"payloads",
         "insert into payloads select org_id, gen_random_uuid(), '2026-05-01', 'x', ''"
         "  from businesses, generate_series(1, 25)",                &SQL_RETENTION_PAYLOADS},
        {"early_statuses",
         "insert into early_statuses select org_id, decode(md5(i::text), 'hex'), 1, 0,"
         "  '2026-05-01' from businesses, generate_series(1, 25) i", &SQL_RETENTION_EARLY   },
        {"code_sends",
         "insert into code_sends select org_id, gen_random_uuid(), '2026-05-01', org_id,"
         " 'x', '' from businesses, generate_series(1, 25)",         &SQL_RETENTION_CODES   },
        {"short_links",
         "insert into short_links select org_id, 'c' || i, 'u', '2026-05-01'"
         "  from businesses, generate_series(1, 25) i",              &SQL_SHORT_LINKS_FORGET},
    };
    char count[100];

    (void)state;
    for (size_t k = 0; k < COUNTOF(kinds); k++) {
        const char *const *params = PARAMS(org, "2026-05-02 00:00+00", "10");
        run_sql(owner, kinds[k].rows);
        for (long left = 25; left > 0; left -= 10) {
            assert_int_equal(say_count(bot, kinds[k].sql, params), left < 10 ? left : 10);
        }
        (void)snprintf(count, sizeof count, "select count(*) from %s", kinds[k].table);
        assert_int_equal(ask_number(owner, count), 0);
    }
    run_sql(owner, "insert into unrouted select gen_random_uuid(), '2026-05-01', 'x', 'why', ''"
                   "  from generate_series(1, 25)");
    const char *const *strays = PARAMS("2026-05-02 00:00+00", "10");
    assert_int_equal(say_count(bot, &SQL_RETENTION_UNROUTED, strays), 10);
    assert_int_equal(ask_number(owner, "select count(*) from unrouted"), 15);
    run_sql(owner, "insert into crm_waiting select org_id, 'order', 'o-' || i,"
                   " md5(i::text)::uuid, '2026-05-01', '{}' from businesses,"
                   " generate_series(1, 25) i");
    char line[200];
    (void)snprintf(line, sizeof line, "select crm_sweep('%s', '2026-06-02 00:00+00', 10)", org);
    assert_int_equal(ask_number(owner, line), 10);
    assert_int_equal(ask_number(owner, line), 10);
    assert_int_equal(ask_number(owner, line), 5);
    assert_int_equal(ask_number(owner, line), 0);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 25);
    run_sql(owner, "truncate dead_letters");
}

#define FRESH(test) cmocka_unit_test_setup(test, set_up)

static void make_shop(void)
{
    struct seed_options options = {
        .url = pg_url(&store_pg, "parley"), .phone_number_id = "1", .business_account_id = "2"};
    struct seed_counts counts;
    struct err err = {0};

    if (!seed_demo(&options, &counts, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    uuid_format(seed_demo_org, org);
    owner = owner_connect();
    bot = bot_connect();
    run_sql(owner, "set client_min_messages = error");
    run_sql(owner, "set timezone = 'UTC'");
    run_sql(owner, bounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(partitions_are_whole_utc_days_in_every_zone_and_season),
        FRESH(partitions_are_ahead_before_their_day_comes),
        FRESH(nothing_younger_than_promised_is_dropped_and_the_rest_is),
        FRESH(absurd_wishes_make_and_drop_little),
        FRESH(tables_of_other_names_are_not_dropped),
        FRESH(a_new_partition_is_as_closed_as_the_whole),
        FRESH(a_long_reader_holds_up_the_broom_but_no_delivery),
        FRESH(what_was_seen_is_forgotten_by_age_a_few_at_a_time),
        FRESH(what_is_too_young_to_be_forgotten_is_not_looked_at),
        FRESH(payloads_of_the_default_partition_statuses_and_strays_go_by_age),
        FRESH(all_that_goes_by_age_goes_in_slices),
    };
    store_open();
    make_shop();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(bot);
    PQfinish(owner);
    store_shut();
    return failed;
}
