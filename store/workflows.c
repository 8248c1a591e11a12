/* Queries one after the other over a plain connection, as the business's staff. */
#include "store/workflows.h"

#include "store/db.h"
#include "store/plain.h"

#include <stdio.h>
#include <stdlib.h>

struct workflows {
    PGconn *conn;
};

bool workflows_open(const char *url, usec_t timeout, struct workflows **store, struct err *err)
{
    *store = calloc(1, sizeof(**store));
    if (!*store)
        abort();
    return plain_connect(url, STR("parley_staff"), timeout, "parley workflow", &(*store)->conn,
                         err);
}

void workflows_close(struct workflows **store)
{
    if (*store)
        plain_close(&(*store)->conn);
    free(*store);
    *store = NULL;
}

bool workflows_only_business(struct workflows *store, struct uuid *org, struct err *err)
{
    OWNED_ROWS(rows) = NULL;
    if (!plain_ask(store->conn, &SQL_BUSINESSES, 0, NULL, &rows, err))
        return false;
    if (rows_n(rows) == 0) {
        return err_raise(err, ERR_REJECT,
                         "there is no business yet; docs/operate.md tells how");
    }
    if (rows_n(rows) > 1) {
        return err_raise(err, ERR_REJECT, "there are %d businesses: say which, --business ID",
                         rows_n(rows));
    }
    *org = row_uuid(rows, 0, 0);
    return true;
}

/* --- reading -------------------------------------------------------------------------------
 */

static struct workflow_state state_of(struct arena *into, const PGresult *rows, int i)
{
    return (struct workflow_state){.status = arena_str(into, row_text(rows, i, 1)),
                                   .phase = arena_str(into, row_text(rows, i, 2)),
                                   .in_transit = row_bool(rows, i, 3),
                                   .progress = (int)row_int(rows, i, 4),
                                   .icon = arena_str(into, row_text(rows, i, 5)),
                                   .names = arena_str(into, row_text(rows, i, 6))};
}

static void read_all(struct arena *into, const PGresult *rows, const struct workflow **list,
                     size_t *n)
{
    int count = rows_n(rows);
    struct workflow_state *states = arena_array(into, struct workflow_state, (size_t)count + 1);
    struct workflow *made = arena_array(into, struct workflow, (size_t)count + 1);
    *n = 0;
    *list = made;
    for (int i = 0; i < count; i++) {
        states[i] = state_of(into, rows, i);
        if (*n == 0 || !str_eq(made[*n - 1].name, row_text(rows, i, 0))) {
            made[(*n)++] = (struct workflow){.name = arena_str(into, row_text(rows, i, 0)),
                                             .states = &states[i]};
        }
        made[*n - 1].n++;
    }
}

bool workflows_list(struct workflows *store, struct uuid org, struct arena *into,
                    const struct workflow **list, size_t *n, struct err *err)
{
    char id[UUID_TEXT_LEN + 1];
    const char *const values[] = {id};
    OWNED_ROWS(rows) = NULL;
    uuid_format(org, id);
    if (!plain_begin(store->conn, org, err) ||
        !plain_ask(store->conn, &SQL_WORKFLOW_LIST, 1, values, &rows, err) ||
        !plain_command(store->conn, "rollback", err))
        return false;
    read_all(into, rows, list, n);
    return true;
}

/* --- writing -------------------------------------------------------------------------------
 */

/* Their statuses as an array of PostgreSQL's: they are names, so nothing wants quoting. */
static const char *statuses(struct arena *into, const struct workflow *workflow)
{
    struct str list = STR("{");
    for (size_t i = 0; i < workflow->n; i++) {
        list = arena_format(into, "%.*s%s%.*s", STR_ARG(list), i ? "," : "",
                            STR_ARG(workflow->states[i].status));
    }
    return arena_format(into, "%.*s}", STR_ARG(list)).at;
}

static bool check_left_out(const PGresult *rows, struct err *err)
{
    if (rows_n(rows) == 0)
        return true;
    return err_raise(err, ERR_REJECT,
                     "%lld orders stand at '%.*s', which the file leaves out: keep it, or move "
                     "them first",
                     (long long)row_int(rows, 0, 1), STR_ARG(row_text(rows, 0, 0)));
}

static bool keep_state(struct workflows *store, const char *org,
                       const struct workflow *workflow, size_t i, struct arena *scratch,
                       struct err *err)
{
    const struct workflow_state *state = &workflow->states[i];
    OWNED_ROWS(rows) = NULL;
    const char *const values[] = {
        org,
        arena_cstr(scratch, workflow->name),
        arena_cstr(scratch, state->status),
        arena_format(scratch, "%zu", i + 1).at,
        arena_cstr(scratch, state->phase),
        state->in_transit ? "true" : "false",
        arena_format(scratch, "%d", state->progress).at,
        arena_cstr(scratch, state->icon),
        arena_cstr(scratch, state->names),
    };
    return plain_ask(store->conn, &SQL_WORKFLOW_KEEP, (int)COUNTOF(values), values, &rows, err);
}

static bool keep_all(struct workflows *store, const char *org, const struct workflow *workflow,
                     struct arena *scratch, struct err *err)
{
    const char *const values[] = {org, arena_cstr(scratch, workflow->name),
                                  statuses(scratch, workflow)};
    OWNED_ROWS(held) = NULL;
    OWNED_ROWS(dropped) = NULL;
    if (!plain_ask(store->conn, &SQL_WORKFLOW_LEFT_OUT, 3, values, &held, err) ||
        !check_left_out(held, err) ||
        !plain_ask(store->conn, &SQL_WORKFLOW_DROP, 3, values, &dropped, err))
        return false;
    for (size_t i = 0; i < workflow->n; i++) {
        if (!keep_state(store, org, workflow, i, scratch, err))
            return false;
    }
    return true;
}

bool workflows_keep(struct workflows *store, struct uuid org, const struct workflow *workflow,
                    struct err *err)
{
    char id[UUID_TEXT_LEN + 1];
    struct arena scratch = {0};
    struct err ignored = {0};
    uuid_format(org, id);
    bool ok = plain_begin(store->conn, org, err) &&
              keep_all(store, id, workflow, &scratch, err) &&
              plain_command(store->conn, "commit", err);
    arena_finish(&scratch);
    if (!ok && !plain_command(store->conn, "rollback", &ignored))
        return false; /* the connection is gone, and the transaction with it */
    return ok;
}
