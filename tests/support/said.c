#include "tests/support/said.h"

#include "store/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

PGconn *bot_connect(void)
{
    PGconn *conn = owner_connect();
    char id[UUID_TEXT_LEN + 1], line[128];

    uuid_format(seed_demo_org, id);
    (void)snprintf(line, sizeof line, "set parley.org_id = '%s'", id);
    run_sql(conn, "set role parley_bot");
    run_sql(conn, line);
    return conn;
}

PGresult *say_sql(PGconn *conn, const struct sql *sql, const char *const *params)
{
    PGresult *result =
        PQexecParams(conn, sql->text, sql->n_params, NULL, params, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql->name, PQerrorMessage(conn));
    return result;
}

long say_count(PGconn *conn, const struct sql *sql, const char *const *params)
{
    PGresult *result = say_sql(conn, sql, params);
    long n = strtol(PQcmdTuples(result), NULL, 10);

    PQclear(result);
    return n;
}

long say_number(PGconn *conn, const struct sql *sql, const char *const *params)
{
    PGresult *result = say_sql(conn, sql, params);
    long number = PQntuples(result) > 0 && !PQgetisnull(result, 0, 0)
                      ? strtol(PQgetvalue(result, 0, 0), NULL, 10)
                      : -1;

    PQclear(result);
    return number;
}
