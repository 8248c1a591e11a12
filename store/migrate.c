/*
 * The migrator: one connection, one lock, one file after the other.
 *
 * The lock is tried for and never waited for inside PostgreSQL: a session that waits holds a
 * snapshot, and `create index concurrently` of the migrator at work waits for all snapshots.
 */
#include "store/migrate.h"

#include "bot/base/crypto.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LOCK_KEY   "7809641205" /* nobody else's */
#define LOCK_WAIT  (120 * USEC_PER_SEC)
#define LOCK_PAUSE (100 * USEC_PER_MSEC)

static void conn_release(PGconn **conn)
{
    PQfinish(*conn);
}

static void result_release(PGresult **result)
{
    PQclear(*result);
}

#define OWNED_CONN(name)   CLEANUP(conn_release) PGconn *name
#define OWNED_RESULT(name) CLEANUP(result_release) PGresult *name

static void ignore_notice(void *owner, const PGresult *notice)
{
    (void)owner;
    (void)notice;
}

static bool connect_to(const char *url, PGconn **out, struct err *err)
{
    *out = PQconnectdb(url);
    if (PQstatus(*out) != CONNECTION_OK) {
        struct str why = str_trim(str_from(PQerrorMessage(*out)));
        return err_raise(err, ERR_RETRY, "connect: %.*s", STR_ARG(why));
    }
    PQsetNoticeReceiver(*out, ignore_notice, NULL);
    return true;
}

/* The line of `text` on which the error was found; 0 when PostgreSQL does not say. */
static int error_line(const PGresult *result, const char *text)
{
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    long at = position ? strtol(position, NULL, 10) : 0;
    int line = at > 0;
    for (long i = 1; i < at && text[i - 1]; i++)
        line += text[i - 1] == '\n';
    return line;
}

static bool raise_result(struct err *err, PGconn *conn, const PGresult *result,
                         const char *text)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *why = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!state) {
        struct str lost = str_trim(str_from(PQerrorMessage(conn)));
        return err_raise(err, ERR_RETRY, "%.*s", STR_ARG(lost));
    }
    return err_raise(err, ERR_REJECT, "line %d: %s %s", error_line(result, text), state,
                     why ? why : "");
}

static bool execute(PGconn *conn, const char *text, struct err *err)
{
    OWNED_RESULT(result) = PQexec(conn, text);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
        return true;
    return raise_result(err, conn, result, text);
}

static bool query(PGconn *conn, const char *text, PGresult **out, struct err *err)
{
    *out = PQexec(conn, text);
    return PQresultStatus(*out) == PGRES_TUPLES_OK || raise_result(err, conn, *out, text);
}

static bool lock(PGconn *conn, struct err *err)
{
    for (usec_t waited = 0; waited < LOCK_WAIT; waited += LOCK_PAUSE) {
        OWNED_RESULT(result) = NULL;
        if (!query(conn, "select pg_try_advisory_lock(" LOCK_KEY ")", &result, err))
            return err_wrap(err, "lock");
        if (PQgetvalue(result, 0, 0)[0] == 't')
            return true;
        (void)nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE * 1000}, NULL);
    }
    return err_raise(err, ERR_RETRY, "another migrator has been at work for two minutes");
}

/* --- the books -----------------------------------------------------------------------------
 */

struct plan {
    const struct migration *migrations;
    size_t n;
    bool *applied; /* for each */
};

static void checksum(const struct migration *migration, char text[2 * HASH_LEN + 1])
{
    struct hash hash = sha256(str_from(migration->text));
    hex_format(hash.bytes, HASH_LEN, text);
}

static const struct migration *find(const struct plan *plan, int number, size_t *at)
{
    for (size_t i = 0; i < plan->n; i++) {
        *at = i;
        if (plan->migrations[i].number == number)
            return &plan->migrations[i];
    }
    return NULL;
}

static bool check_row(struct plan *plan, const PGresult *rows, int row, struct err *err)
{
    size_t at = 0;
    int number = (int)strtol(PQgetvalue(rows, row, 0), NULL, 10);
    const struct migration *migration = find(plan, number, &at);
    if (!migration) {
        return err_raise(err, ERR_REJECT,
                         "the database is newer than this program: it has migration %04d_%s; "
                         "use the program that made it",
                         number, PQgetvalue(rows, row, 1));
    }
    char sum[2 * HASH_LEN + 1];
    checksum(migration, sum);
    if (strcmp(sum, PQgetvalue(rows, row, 2)) != 0) {
        return err_raise(err, ERR_REJECT,
                         "migration %04d_%s was edited after it was applied; put it back and "
                         "write a new one",
                         number, migration->name);
    }
    plan->applied[at] = true;
    return true;
}

/* A number below one that is applied already came too late: its author did not see the other's
 * work. */
static bool check_order(const struct plan *plan, struct err *err)
{
    bool missing = false;
    size_t first = 0;
    for (size_t i = 0; i < plan->n; i++) {
        if (plan->applied[i] && missing) {
            return err_raise(
                err, ERR_REJECT,
                "migration %04d_%s is missing, but %04d_%s is applied: renumber it",
                plan->migrations[first].number, plan->migrations[first].name,
                plan->migrations[i].number, plan->migrations[i].name);
        }
        if (!plan->applied[i] && !missing)
            first = i;
        missing = missing || !plan->applied[i];
    }
    return true;
}

static bool plan_read(struct plan *plan, PGconn *conn, struct err *err)
{
    OWNED_RESULT(rows) = NULL;
    if (!query(conn, "select number, name, checksum from schema_migrations order by number",
               &rows, err))
        return err_wrap(err, "read schema_migrations");
    for (int row = 0; row < PQntuples(rows); row++) {
        if (!check_row(plan, rows, row, err))
            return false;
    }
    return check_order(plan, err);
}

static void plan_init(struct plan *plan, const struct migrate_options *options,
                      struct arena *arena)
{
    plan->migrations = options->migrations ? options->migrations : migrations_all;
    plan->n = options->migrations ? options->n : migrations_all_n;
    plan->applied = arena_array(arena, bool, plan->n);
}

/* --- applying one --------------------------------------------------------------------------
 */

/* Where a quoted text, a comment or a $tag$ body that begins at `at` ends; `at` when none
 * does. */
static const char *skip_whole(const char *at)
{
    const char *end = NULL;
    if (at[0] == '-' && at[1] == '-')
        return at + strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*') {
        end = strstr(at + 2, "*/");
    } else if (at[0] == '\'' || at[0] == '"') {
        end = strchr(at + 1, at[0]);
    } else if (at[0] != '$') {
        return at;
    }
    if (at[0] != '$')
        return end ? end + 1 + (at[0] == '/') : at + strlen(at);

    char tag[64];
    size_t len = strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") + 2;
    if (at[len - 1] != '$' || len >= sizeof(tag))
        return at;
    memcpy(tag, at, len);
    tag[len] = '\0';
    end = strstr(at + len, tag);
    return end ? end + len : at + strlen(at);
}

static const char *statement_end(const char *at)
{
    while (*at && *at != ';') {
        const char *after = skip_whole(at);
        at = after == at ? at + 1 : after;
    }
    return at;
}

static bool run_statements(PGconn *conn, const char *text, struct arena *scratch,
                           struct err *err)
{
    while (*text) {
        const char *end = statement_end(text);
        const char *one = arena_cstr(scratch, (struct str){text, (size_t)(end - text)});
        if (!execute(conn, one, err))
            return false;
        text = *end ? end + 1 : end;
    }
    return true;
}

static bool record(PGconn *conn, const struct migration *migration, struct err *err)
{
    char number[16];
    char sum[2 * HASH_LEN + 1];
    (void)snprintf(number, sizeof(number), "%d", migration->number);
    checksum(migration, sum);
    const char *values[] = {number, migration->name, sum};
    const char *text = "insert into schema_migrations (number, name, checksum) "
                       "values ($1::int, $2, $3)";
    OWNED_RESULT(result) = PQexecParams(conn, text, 3, NULL, values, NULL, NULL, 0);
    return PQresultStatus(result) == PGRES_COMMAND_OK || raise_result(err, conn, result, text);
}

static bool apply_in_transaction(PGconn *conn, const struct migration *migration,
                                 struct err *err)
{
    if (!execute(conn, "begin", err))
        return false;
    if (execute(conn, migration->text, err) && record(conn, migration, err))
        return execute(conn, "commit", err);
    (void)execute(conn, "rollback", NULL);
    return false;
}

static bool apply(PGconn *conn, const struct migration *migration, struct arena *scratch,
                  struct err *err)
{
    bool plain = str_starts(str_from(migration->text), STR("-- no transaction"));
    bool ok = plain ? run_statements(conn, migration->text, scratch, err) &&
                          record(conn, migration, err)
                    : apply_in_transaction(conn, migration, err);
    return ok || err_wrap(err, "migration %04d_%s", migration->number, migration->name);
}

static bool apply_missing(const struct migrate_options *options, const struct plan *plan,
                          PGconn *conn, struct arena *scratch, size_t *applied, struct err *err)
{
    for (size_t i = 0; i < plan->n; i++) {
        if (plan->applied[i])
            continue;
        if (options->applying)
            options->applying(&plan->migrations[i], options->owner);
        if (!apply(conn, &plan->migrations[i], scratch, err))
            return false;
        (*applied)++;
    }
    return true;
}

/* --- the commands --------------------------------------------------------------------------
 */

/* A lock on a busy table is waited for briefly: everybody behind us would wait too. */
static bool prepare_books(PGconn *conn, struct err *err)
{
    return execute(conn,
                   "set lock_timeout = '10s';"
                   "create table if not exists schema_migrations ("
                   "    number     integer primary key,"
                   "    name       text not null,"
                   "    checksum   text not null,"
                   "    applied_at timestamptz not null default now())",
                   err);
}

bool migrate_run(const struct migrate_options *options, size_t *applied, struct err *err)
{
    OWNED_CONN(conn) = NULL;
    CLEANUP(arena_finish) struct arena arena = {0};
    struct plan plan;
    *applied = 0;
    plan_init(&plan, options, &arena);
    return connect_to(options->url, &conn, err) && lock(conn, err) &&
           prepare_books(conn, err) && plan_read(&plan, conn, err) &&
           apply_missing(options, &plan, conn, &arena, applied, err);
}

static bool has_books(PGconn *conn, bool *has, struct err *err)
{
    OWNED_RESULT(rows) = NULL;
    if (!query(conn, "select to_regclass('schema_migrations') is not null", &rows, err))
        return false;
    *has = PQgetvalue(rows, 0, 0)[0] == 't';
    return true;
}

bool migrate_check(const struct migrate_options *options, struct arena *into,
                   const struct migration ***missing, size_t *n, struct err *err)
{
    OWNED_CONN(conn) = NULL;
    struct plan plan;
    bool has = false;
    plan_init(&plan, options, into);
    if (!connect_to(options->url, &conn, err) || !has_books(conn, &has, err))
        return false;
    if (has && !plan_read(&plan, conn, err))
        return false;
    *missing = arena_array(into, const struct migration *, plan.n);
    *n = 0;
    for (size_t i = 0; i < plan.n; i++) {
        if (!plan.applied[i])
            (*missing)[(*n)++] = &plan.migrations[i];
    }
    return true;
}
