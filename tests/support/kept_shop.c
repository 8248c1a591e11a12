#include "tests/support/kept_shop.h"

#include "tests/support/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct kept_shop {
    char options[512]; /* what it was made with */
    usec_t quarter;    /* 0: none is kept */
};

/* The first one is kept in the schema kept_shop_0, and so on; a program wishes for few. */
static struct kept_shop kept[4];

/* It stays open, for the plans that it has, and runs no trigger. */
static PGconn *keeper;

static usec_t this_quarter(void)
{
    return clock_now() / (900 * USEC_PER_SEC);
}

static const char *or_none(const char *text)
{
    return text != NULL ? text : "";
}

/* The one made with these options, or the one that makes way for it. */
static struct kept_shop *find_kept(const struct seed_options *options)
{
    static size_t next;
    char wished[sizeof kept[0].options];

    int len = snprintf(wished, sizeof wished, "%s|%s|%s|%s|%s|%s|%s|%s", options->url,
                       options->phone_number_id, or_none(options->business_account_id),
                       or_none(options->phone), or_none(options->sms_number),
                       or_none(options->mail_address), or_none(options->app),
                       or_none(options->pictures));
    assert_in_range(len, 1, sizeof wished - 1);
    for (size_t i = 0; i < COUNTOF(kept); i++) {
        if (strcmp(kept[i].options, wished) == 0)
            return &kept[i];
    }
    struct kept_shop *one = &kept[next++ % COUNTOF(kept)];
    memcpy(one->options, wished, sizeof wished);
    one->quarter = 0;
    return one;
}

static void make(const struct seed_options *options)
{
    struct seed_options emptied = *options;
    struct seed_counts counts;
    struct err err = {0};

    emptied.reset = true;
    if (!seed_demo(&emptied, &counts, &err))
        fail_msg("seed: %s", err.text);
}

static void keep(const struct kept_shop *one)
{
    PGconn *owner = owner_connect();
    FILE *file = fopen(PARLEY_SOURCE_DIR "/tests/support/kept_shop.sql", "re");
    char org[UUID_TEXT_LEN + 1], settings[192], sql[8192];

    assert_non_null(file);
    size_t len = fread(sql, 1, sizeof sql, file);
    assert_in_range(len, 1, sizeof sql - 1);
    sql[len] = '\0';
    (void)fclose(file);
    uuid_format(seed_demo_org, org);
    (void)snprintf(settings, sizeof settings,
                   "set client_min_messages = warning; set parley.org_id = '%s';"
                   " set kept.schema = 'kept_shop_%zu'",
                   org, (size_t)(one - kept));
    run_sql(owner, settings);
    run_sql(owner, sql);
    PQfinish(owner);
}

/* False when there is none, or the cluster has been another one since. */
static bool put_back(const struct kept_shop *one)
{
    char org[UUID_TEXT_LEN + 1], sql[128];

    if (one->quarter != this_quarter())
        return false;
    if (keeper == NULL || PQstatus(keeper) != CONNECTION_OK) {
        PQfinish(keeper);
        keeper = owner_connect();
        run_sql(keeper, "set session_replication_role = replica");
    }
    uuid_format(seed_demo_org, org);
    (void)snprintf(sql, sizeof sql, "select kept_shop_%zu.put_back('%s')", (size_t)(one - kept),
                   org);
    PGresult *result = PQexec(keeper, sql);
    bool is_back = PQresultStatus(result) == PGRES_TUPLES_OK;
    PQclear(result);
    return is_back;
}

void kept_shop_seed(const struct seed_options *options)
{
    struct kept_shop *one = find_kept(options);

    if (put_back(one))
        return;
    usec_t quarter = this_quarter();
    one->quarter = 0;
    make(options);
    keep(one);
    one->quarter = quarter;
}
