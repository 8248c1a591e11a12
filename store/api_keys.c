#include "store/api_keys.h"

#include "store/db.h"
#include "store/plain.h"

#include <stdlib.h>

struct api_keys {
    PGconn *conn;
    struct uuid org;
    char org_text[UUID_TEXT_LEN + 1];
};

static bool find_business(struct api_keys *keys, const char *given, struct err *err)
{
    OWNED_ROWS(orgs) = NULL;
    struct uuid wanted = {{0}};

    if (given && !uuid_parse(str_from(given), &wanted))
        return err_raise(err, ERR_REJECT, "'%s' is not the id of a business", given);
    if (!plain_ask(keys->conn, &SQL_BUSINESSES, 0, NULL, &orgs, err))
        return false;
    for (int i = 0; i < rows_n(orgs); i++) {
        keys->org = row_uuid(orgs, i, 0);
        if (given ? uuid_eq(keys->org, wanted) : rows_n(orgs) == 1) {
            uuid_format(keys->org, keys->org_text);
            return true;
        }
    }
    return err_raise(err, ERR_REJECT, "say which business: --business ID");
}

bool api_keys_open(const char *url, usec_t timeout, const char *business,
                   struct api_keys **keys, struct err *err)
{
    *keys = calloc(1, sizeof(**keys));
    if (!*keys)
        abort();
    return plain_connect(url, STR("parley_staff"), timeout, "parley key", &(*keys)->conn,
                         err) &&
           find_business(*keys, business, err);
}

void api_keys_close(struct api_keys **keys)
{
    if (*keys)
        plain_close(&(*keys)->conn);
    free(*keys);
    *keys = NULL;
}

static bool ask(struct api_keys *keys, const struct sql *sql, int n, const char *const *values,
                PGresult **rows, struct err *err)
{
    return plain_begin(keys->conn, keys->org, err) &&
           plain_ask(keys->conn, sql, n, values, rows, err) &&
           plain_command(keys->conn, "commit", err);
}

bool api_keys_create(struct api_keys *keys, const struct api_key_row *row,
                     const struct hash *hash, struct err *err)
{
    struct arena arena = {0};
    char id[UUID_TEXT_LEN + 1], hex[2 + 2 * HASH_LEN + 1] = "\\x";
    OWNED_ROWS(rows) = NULL;

    uuid_format(row->id, id);
    hex_format(hash->bytes, HASH_LEN, hex + 2);
    const char *const values[] = {keys->org_text,
                                  id,
                                  arena_cstr(&arena, row->prefix),
                                  arena_cstr(&arena, row->name),
                                  hex,
                                  arena_cstr(&arena, row->scopes),
                                  arena_cstr(&arena, row->created_by),
                                  "now"};
    bool ok = ask(keys, &SQL_API_KEY_CREATE, COUNTOF(values), values, &rows, err);
    arena_finish(&arena);
    return ok &&
           (rows_n(rows) > 0 || err_raise(err, ERR_REJECT,
                                          "there is a key of this name: revoke it first, or "
                                          "give another name"));
}

bool api_keys_list(struct api_keys *keys, struct arena *into, const struct api_key_row **items,
                   size_t *n, struct err *err)
{
    const char *const values[] = {keys->org_text};
    OWNED_ROWS(rows) = NULL;

    if (!ask(keys, &SQL_API_KEY_LIST, 1, values, &rows, err))
        return false;
    *n = (size_t)rows_n(rows);
    struct api_key_row *list = arena_array(into, struct api_key_row, *n + 1);
    for (int i = 0; i < rows_n(rows); i++) {
        list[i] = (struct api_key_row){.id = row_uuid(rows, i, 0),
                                       .prefix = arena_str(into, row_text(rows, i, 1)),
                                       .name = arena_str(into, row_text(rows, i, 2)),
                                       .scopes = arena_str(into, row_text(rows, i, 3)),
                                       .created_at = row_time(rows, i, 4),
                                       .created_by = arena_str(into, row_text(rows, i, 5)),
                                       .last_used_at = row_time(rows, i, 6),
                                       .revoked_at = row_time(rows, i, 7),
                                       .revoked_by = arena_str(into, row_text(rows, i, 8))};
    }
    *items = list;
    return true;
}

bool api_keys_revoke(struct api_keys *keys, struct str which, const char *who,
                     struct uuid fresh, struct err *err)
{
    struct arena arena = {0};
    char id[UUID_TEXT_LEN + 1];
    OWNED_ROWS(rows) = NULL;

    uuid_format(fresh, id);
    const char *const values[] = {keys->org_text, arena_cstr(&arena, which), who, "now", id};
    bool ok = ask(keys, &SQL_API_KEY_REVOKE, COUNTOF(values), values, &rows, err);
    arena_finish(&arena);
    return ok &&
           (rows_n(rows) > 0 || err_raise(err, ERR_REJECT, "no key that works has this name"));
}
