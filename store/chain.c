#include "store/chain.h"

#include "store/db.h"
#include "store/plain.h"

static bool look(PGconn *conn, struct uuid org, struct arena *into, struct chain_state *state,
                 struct err *err)
{
    char id[UUID_TEXT_LEN + 1];
    const char *const values[] = {id};
    OWNED_ROWS(head) = NULL;
    OWNED_ROWS(wrong) = NULL;
    uuid_format(org, id);
    if (!plain_begin(conn, org, err) ||
        !plain_ask(conn, &SQL_AUDIT_HEAD, 1, values, &head, err) ||
        !plain_ask(conn, &SQL_AUDIT_VERIFY, 1, values, &wrong, err) ||
        !plain_command(conn, "rollback", err))
        return false;
    *state = (struct chain_state){.org = org,
                                  .linked = row_int(head, 0, 0),
                                  .head = arena_str(into, row_text(head, 0, 1)),
                                  .loose = row_int(head, 0, 2),
                                  .broken = rows_n(wrong) > 0};
    if (state->broken) {
        state->position = row_int(wrong, 0, 0);
        state->audit_id = row_uuid(wrong, 0, 1);
        state->at = row_time(wrong, 0, 2);
        state->gap = row_bool(wrong, 0, 3);
    }
    return true;
}

static bool look_at_all(PGconn *conn, struct arena *into, const struct chain_state **states,
                        size_t *n, struct err *err)
{
    OWNED_ROWS(orgs) = NULL;
    if (!plain_ask(conn, &SQL_BUSINESSES, 0, NULL, &orgs, err))
        return false;
    struct chain_state *items = arena_array(into, struct chain_state, (size_t)rows_n(orgs) + 1);
    for (int i = 0; i < rows_n(orgs); i++) {
        if (!look(conn, row_uuid(orgs, i, 0), into, &items[i], err))
            return false;
    }
    *states = items;
    *n = (size_t)rows_n(orgs);
    return true;
}

bool chain_verify(const char *url, struct str role, usec_t timeout, struct arena *into,
                  const struct chain_state **states, size_t *n, struct err *err)
{
    OWNED_CONN(conn) = NULL;
    return plain_connect(url, role, timeout, "parley audit", &conn, err) &&
           look_at_all(conn, into, states, n, err);
}
