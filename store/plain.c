#include "store/plain.h"

#include <stdio.h>
#include <string.h>

void plain_close(PGconn **conn)
{
    PQfinish(*conn);
    *conn = NULL;
}

void plain_clear(PGresult **rows)
{
    PQclear(*rows);
    *rows = NULL;
}

static bool raise_rows(PGconn *conn, const PGresult *rows, struct err *err)
{
    const char *state = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
    const char *why = PQresultErrorField(rows, PG_DIAG_MESSAGE_PRIMARY);
    if (state && strcmp(state, "22021") == 0)
        return err_raise(err, ERR_REJECT, "a text that was given is not UTF-8");
    if (state)
        return err_raise(err, ERR_REJECT, "%s %s", state, why ? why : "");
    struct str lost = str_trim(str_from(PQerrorMessage(conn)));
    return err_raise(err, ERR_RETRY, "%.*s", STR_ARG(lost));
}

bool plain_ask(PGconn *conn, const struct sql *sql, int n, const char *const *values,
               PGresult **rows, struct err *err)
{
    *rows = PQexecParams(conn, sql->text, n, NULL, values, NULL, NULL, 1);
    ExecStatusType status = PQresultStatus(*rows);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
           raise_rows(conn, *rows, err);
}

bool plain_command(PGconn *conn, const char *text, struct err *err)
{
    OWNED_ROWS(rows) = PQexec(conn, text);
    return PQresultStatus(rows) == PGRES_COMMAND_OK || raise_rows(conn, rows, err);
}

bool plain_begin(PGconn *conn, struct uuid org, struct err *err)
{
    char id[UUID_TEXT_LEN + 1], text[128];
    uuid_format(org, id);
    (void)snprintf(text, sizeof(text), "set local parley.org_id = '%s'", id);
    return plain_command(conn, "begin", err) && plain_command(conn, text, err);
}

bool plain_ask_of(PGconn *conn, struct uuid org, const struct sql *sql, int n,
                  const char **values, PGresult **rows, struct err *err)
{
    char id[UUID_TEXT_LEN + 1];
    uuid_format(org, id);
    values[0] = id;
    bool asked = plain_begin(conn, org, err) && plain_ask(conn, sql, n, values, rows, err) &&
                 plain_command(conn, "commit", err);
    values[0] = NULL;
    return asked;
}

static bool take_role(PGconn *conn, struct str role, struct err *err)
{
    if (role.len == 0)
        return true;
    char *name = PQescapeIdentifier(conn, role.at, role.len);
    if (!name)
        return err_raise(err, ERR_REJECT, "database.role is no name");
    char text[256];
    (void)snprintf(text, sizeof(text), "set role %s", name);
    PQfreemem(name);
    return plain_command(conn, text, err) || err_wrap(err, "take on database.role");
}

bool plain_connect(const char *url, struct str role, usec_t timeout, const char *who,
                   PGconn **conn, struct err *err)
{
    char seconds[16];
    (void)snprintf(seconds, sizeof(seconds), "%lld",
                   (long long)((timeout + USEC_PER_SEC - 1) / USEC_PER_SEC));
    const char *const names[] = {"dbname", "connect_timeout", "application_name", NULL};
    const char *const values[] = {url, seconds, who, NULL};
    *conn = PQconnectdbParams(names, values, 1);
    if (PQstatus(*conn) == CONNECTION_OK)
        return take_role(*conn, role, err);
    struct str why = str_trim(str_from(PQerrorMessage(*conn)));
    return err_raise(err, ERR_RETRY, "%.*s", STR_ARG(why));
}
