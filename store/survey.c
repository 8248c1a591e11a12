/*
 * One plain connection and a handful of queries, one after the other.
 */
#include "store/survey.h"

#include "bot/loop/loop.h"
#include "store/db.h"
#include "store/plain.h"
#include "store/sql.h"

#define BUSINESSES_MAX 100

static bool look_at_server(PGconn *conn, struct arena *into, struct survey *survey,
                           struct err *err)
{
    OWNED_ROWS(rows) = NULL;
    usec_t before = clock_now();
    if (!plain_ask(conn, &SQL_SURVEY_SERVER, 0, NULL, &rows, err))
        return false;
    usec_t after = clock_now();
    if (rows_n(rows) != 1)
        return err_raise(err, ERR_BROKEN, "the database does not know the role it gave us");
    survey->version = (int)row_int(rows, 0, 0);
    survey->user = arena_str(into, row_text(rows, 0, 1));
    survey->role = arena_str(into, row_text(rows, 0, 2));
    survey->above_rules = row_bool(rows, 0, 3);
    survey->ahead = row_time(rows, 0, 4) - (before + (after - before) / 2);
    survey->took = after - before;
    survey->durable = row_bool(rows, 0, 5);
    survey->may_be_staff = row_bool(rows, 0, 8);
    survey->may_be_web = row_bool(rows, 0, 9);
    survey->connections_max = row_int(rows, 0, 6);
    survey->connections = row_int(rows, 0, 7);
    return true;
}

static bool look_at_tables(PGconn *conn, struct arena *into, struct survey *survey,
                           struct err *err)
{
    OWNED_ROWS(rows) = NULL;
    if (!plain_ask(conn, &SQL_SURVEY_OPEN_TABLES, 0, NULL, &rows, err))
        return false;
    survey->n_open_tables = (size_t)rows_n(rows);
    struct str *names = arena_array(into, struct str, survey->n_open_tables);
    for (size_t i = 0; i < survey->n_open_tables; i++)
        names[i] = arena_str(into, row_text(rows, (int)i, 0));
    survey->open_tables = names;
    return true;
}

static bool look_at_directory(PGconn *conn, struct arena *into, struct survey *survey,
                              struct err *err)
{
    OWNED_ROWS(rows) = NULL;
    if (!plain_ask(conn, &SQL_SURVEY_DIRECTORY, 0, NULL, &rows, err))
        return false;
    survey->n_entries = (size_t)rows_n(rows);
    struct survey_entry *entries = arena_array(into, struct survey_entry, survey->n_entries);
    for (size_t i = 0; i < survey->n_entries; i++) {
        entries[i] = (struct survey_entry){
            .kind = arena_str(into, row_text(rows, (int)i, 0)),
            .external_id = arena_str(into, row_text(rows, (int)i, 1)),
            .org = row_uuid(rows, (int)i, 2),
            .app = arena_str(into, row_text(rows, (int)i, 3)),
        };
    }
    survey->entries = entries;
    return true;
}

static bool look_at_business(PGconn *conn, struct arena *into, struct survey_business *one,
                             struct err *err)
{
    OWNED_ROWS(rows) = NULL;
    if (!plain_begin(conn, one->org, err) ||
        !plain_ask(conn, &SQL_SURVEY_BUSINESS, 0, NULL, &rows, err) ||
        !plain_command(conn, "rollback", err))
        return false;
    one->dead = row_int(rows, 0, 0);
    one->waiting = row_int(rows, 0, 1);
    one->unknown = row_int(rows, 0, 2);
    one->late = row_int(rows, 0, 3);
    one->stopped = arena_str(into, row_text(rows, 0, 4));
    return true;
}

static bool is_known(const struct survey *survey, struct uuid org)
{
    for (size_t i = 0; i < survey->n_businesses; i++) {
        if (uuid_eq(survey->businesses[i].org, org))
            return true;
    }
    return false;
}

static bool look_at_businesses(PGconn *conn, struct arena *into, struct survey *survey,
                               struct err *err)
{
    struct survey_business *all = arena_array(into, struct survey_business, BUSINESSES_MAX);
    survey->businesses = all;
    for (size_t i = 0; i < survey->n_entries && survey->n_businesses < BUSINESSES_MAX; i++) {
        if (is_known(survey, survey->entries[i].org))
            continue;
        struct survey_business *one = &all[survey->n_businesses++];
        one->org = survey->entries[i].org;
        if (!look_at_business(conn, into, one, err))
            return false;
    }
    return true;
}

bool survey_database(const char *url, struct str role, usec_t connect_timeout,
                     struct arena *into, struct survey *survey, struct err *err)
{
    OWNED_CONN(conn) = NULL;
    *survey = (struct survey){0};
    return plain_connect(url, role, connect_timeout, "parley doctor", &conn, err) &&
           look_at_server(conn, into, survey, err) && look_at_tables(conn, into, survey, err) &&
           look_at_directory(conn, into, survey, err) &&
           look_at_businesses(conn, into, survey, err);
}
