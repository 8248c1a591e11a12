#include "store/templates.h"

#include "bot/base/message.h"
#include "store/db.h"
#include "store/round.h"

#include <stdio.h>
#include <stdlib.h>

struct templates_store {
    PGconn *conn;
};

bool templates_open(const char *url, usec_t timeout, struct templates_store **store,
                    struct err *err)
{
    *store = calloc(1, sizeof(**store));
    if (!*store)
        abort();
    return plain_connect(url, STR("parley_staff"), timeout, "parley templates", &(*store)->conn,
                         err);
}

void templates_close(struct templates_store **store)
{
    if (*store)
        plain_close(&(*store)->conn);
    free(*store);
    *store = NULL;
}

static struct str text_at(struct arena *into, const PGresult *rows, int row, int column)
{
    return arena_str(into, row_text(rows, row, column));
}

static const char *time_text(struct arena *into, usec_t at)
{
    return arena_format(into, "%lld", (long long)at).at;
}

bool templates_accounts(struct templates_store *store, struct arena *into,
                        const struct waba **items, size_t *n, struct err *err)
{
    OWNED_ROWS(rows) = NULL;

    if (!plain_ask(store->conn, &SQL_TEMPLATES_ACCOUNTS, 0, NULL, &rows, err))
        return false;
    struct waba *read = arena_array(into, struct waba, (size_t)rows_n(rows) + 1);
    for (int i = 0; i < rows_n(rows); i++) {
        read[i] = (struct waba){.org = row_uuid(rows, i, 0),
                                .id = text_at(into, rows, i, 1),
                                .app = text_at(into, rows, i, 2)};
    }
    *items = read;
    *n = (size_t)rows_n(rows);
    return true;
}

bool templates_known(struct templates_store *store, const struct waba *waba, struct arena *into,
                     const struct template_row **items, size_t *n, struct err *err)
{
    OWNED_ROWS(rows) = NULL;
    const char *values[] = {NULL, arena_cstr(into, waba->id)};

    if (!plain_ask_of(store->conn, waba->org, &SQL_TEMPLATES_KNOWN, 2, values, &rows, err))
        return false;
    struct template_row *read =
        arena_array(into, struct template_row, (size_t)rows_n(rows) + 1);
    for (int i = 0; i < rows_n(rows); i++) {
        read[i] = (struct template_row){.name = text_at(into, rows, i, 0),
                                        .language = text_at(into, rows, i, 1),
                                        .status = text_at(into, rows, i, 2),
                                        .category = text_at(into, rows, i, 3),
                                        .quality = text_at(into, rows, i, 4),
                                        .reason = text_at(into, rows, i, 5),
                                        .updated_at = row_time(rows, i, 6)};
    }
    *items = read;
    *n = (size_t)rows_n(rows);
    return true;
}

bool templates_note(struct templates_store *store, const struct waba *waba,
                    const struct template_row *row, struct err *err)
{
    OWNED_ROWS(rows) = NULL;
    struct arena scratch = {0};
    const char *values[] = {NULL,
                            arena_cstr(&scratch, waba->id),
                            arena_cstr(&scratch, row->name),
                            arena_cstr(&scratch, row->language),
                            arena_cstr(&scratch, row->status),
                            arena_cstr(&scratch, row->category),
                            time_text(&scratch, row->updated_at)};
    bool ok = plain_ask_of(store->conn, waba->org, &SQL_TEMPLATES_NOTE, 7, values, &rows, err);
    arena_finish(&scratch);
    return ok;
}

/* --- news --------------------------------------------------------------------------------- */

static void read_notice(struct arena *into, const PGresult *rows, int i, struct uuid org,
                        struct notice_row *row)
{
    *row = (struct notice_row){.org = org,
                               .made_at = row_time(rows, i, 0),
                               .due_at = row_time(rows, i, 1),
                               .state_at = row_time(rows, i, 2),
                               .kind = text_at(into, rows, i, 3),
                               .topic = text_at(into, rows, i, 4),
                               .cause = text_at(into, rows, i, 5),
                               .state = text_at(into, rows, i, 6),
                               .channel = text_at(into, rows, i, 7),
                               .template = text_at(into, rows, i, 8),
                               .reason = text_at(into, rows, i, 10),
                               .number = text_at(into, rows, i, 11)};
    if (!row_null(rows, i, 9))
        row->delivery = str_from(delivery_name((enum delivery)row_int(rows, i, 9)));
}

static int newest_first(const void *a, const void *b)
{
    const struct notice_row *left = a, *right = b;

    return (left->made_at < right->made_at) - (left->made_at > right->made_at);
}

bool templates_notices(struct templates_store *store, const struct notice_wish *wish,
                       struct arena *into, const struct notice_row **items, size_t *n,
                       struct err *err)
{
    const char *values[] = {NULL, wish->phone, wish->state, time_text(into, wish->since),
                            arena_format(into, "%zu", wish->limit).at};
    struct notice_row *found = NULL;
    size_t room = 0;
    OWNED_ROUND(round) = {
        .conn = store->conn, .sql = &SQL_NOTICES_LIST, .n = 5, .values = values};

    *n = 0;
    while (round_next(&round, err)) {
        for (int i = 0; i < rows_n(round.rows); i++) {
            found = arena_more(into, found, *n, &room);
            read_notice(into, round.rows, i, round.org, &found[(*n)++]);
        }
    }
    if (*n > 0)
        qsort(found, *n, sizeof *found, newest_first);
    *n = *n < wish->limit ? *n : wish->limit;
    *items = found;
    return !round.failed;
}
