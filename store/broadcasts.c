#include "store/broadcasts.h"

#include "store/db.h"
#include "store/plain.h"

#include <stdio.h>
#include <stdlib.h>

#define LINES_AT_ONCE 500
#define GATHER        "500"
#define LIST_MOST     "1000"

struct broadcast_desk {
    PGconn *conn;
    struct uuid org;
    char org_text[UUID_TEXT_LEN + 1];
};

static bool only_business(struct broadcast_desk *desk, struct err *err)
{
    OWNED_ROWS(rows) = NULL;

    if (!plain_ask(desk->conn, &SQL_BUSINESSES, 0, NULL, &rows, err))
        return false;
    if (rows_n(rows) == 1) {
        desk->org = row_uuid(rows, 0, 0);
        return true;
    }
    return err_raise(err, ERR_REJECT,
                     rows_n(rows) == 0 ? "there is no business yet; docs/operate.md tells how"
                                       : "there is more than one business: say --business ID");
}

bool broadcast_desk_open(const char *url, usec_t timeout, const char *business,
                         struct broadcast_desk **desk, struct err *err)
{
    *desk = calloc(1, sizeof(**desk));
    if (!*desk)
        abort();
    if (!plain_connect(url, STR("parley_staff"), timeout, "parley broadcast", &(*desk)->conn,
                       err))
        return false;
    if (business && !uuid_parse(str_from(business), &(*desk)->org))
        return err_raise(err, ERR_REJECT, "'%s' is not the id of a business", business);
    if (!business && !only_business(*desk, err))
        return false;
    uuid_format((*desk)->org, (*desk)->org_text);
    return true;
}

void broadcast_desk_close(struct broadcast_desk **desk)
{
    if (*desk)
        plain_close(&(*desk)->conn);
    free(*desk);
    *desk = NULL;
}

/* One question in a transaction. */
static bool ask(struct broadcast_desk *desk, const struct sql *sql, int n,
                const char *const *values, PGresult **rows, struct err *err)
{
    return plain_begin(desk->conn, desk->org, err) &&
           plain_ask(desk->conn, sql, n, values, rows, err) &&
           plain_command(desk->conn, "commit", err);
}

/* About one broadcast. */
static bool ask_of(struct broadcast_desk *desk, const struct sql *sql, struct uuid id,
                   PGresult **rows, struct err *err)
{
    char text[UUID_TEXT_LEN + 1];
    const char *const values[] = {desk->org_text, text};

    uuid_format(id, text);
    return ask(desk, sql, 2, values, rows, err);
}

/* --- making ------------------------------------------------------------------------------- */

static bool make_row(struct broadcast_desk *desk, const struct broadcast_plan *plan,
                     const char *id, struct err *err)
{
    const char *const values[] = {desk->org_text,
                                  id,
                                  plan->name,
                                  plan->topic,
                                  plan->channel,
                                  plan->audience,
                                  plan->listed ? "t" : "f",
                                  plan->content,
                                  plan->at,
                                  plan->local ? "t" : "f",
                                  plan->who};
    OWNED_ROWS(rows) = NULL;

    if (!plain_ask(desk->conn, &SQL_BROADCAST_MAKE, 11, values, &rows, err))
        return false;
    return rows_n(rows) > 0 ||
           err_raise(err, ERR_REJECT, "there is a broadcast '%s' already", plan->name);
}

static bool make_lines(struct broadcast_desk *desk, const struct broadcast_plan *plan,
                       const char *id, struct err *err)
{
    struct arena arena = {0};
    bool ok = true;

    for (size_t from = 0; ok && from < plan->n_lines; from += LINES_AT_ONCE) {
        OWNED_ROWS(rows) = NULL;
        size_t room = 3;
        for (size_t i = from; i < plan->n_lines && i < from + LINES_AT_ONCE; i++)
            room += plan->lines[i].len + 1;
        char *text = arena_alloc(&arena, room), *at = text;
        for (size_t i = from; i < plan->n_lines && i < from + LINES_AT_ONCE; i++) {
            *at++ = i == from ? '[' : ',';
            memcpy(at, plan->lines[i].at, plan->lines[i].len);
            at += plan->lines[i].len;
        }
        memcpy(at, "]", 2);
        const char *const values[] = {desk->org_text, id, text};
        ok = plain_ask(desk->conn, &SQL_BROADCAST_LINES, 3, values, &rows, err);
        arena_reset(&arena);
    }
    arena_finish(&arena);
    return ok;
}

bool broadcast_desk_make(struct broadcast_desk *desk, const struct broadcast_plan *plan,
                         struct err *err)
{
    char id[UUID_TEXT_LEN + 1];

    uuid_format(plan->id, id);
    return plain_begin(desk->conn, desk->org, err) && make_row(desk, plan, id, err) &&
           make_lines(desk, plan, id, err) && plain_command(desk->conn, "commit", err);
}

/* --- finding ------------------------------------------------------------------------------ */

static struct str state_of(struct arena *into, struct str state, bool paused)
{
    bool open = str_eq(state, STR("gathering")) || str_eq(state, STR("running"));

    return paused && open ? STR("paused") : arena_str(into, state);
}

bool broadcast_desk_find(struct broadcast_desk *desk, const char *name, struct arena *into,
                         struct broadcast *broadcast, struct err *err)
{
    const char *const values[] = {desk->org_text, name};
    OWNED_ROWS(rows) = NULL;

    if (!ask(desk, &SQL_BROADCAST_FIND, 2, values, &rows, err))
        return false;
    if (rows_n(rows) == 0) {
        return err_raise(err, ERR_REJECT, "there is no broadcast '%s': `list` shows them",
                         name);
    }
    *broadcast =
        (struct broadcast){.id = row_uuid(rows, 0, 0),
                           .name = arena_str(into, str_from(name)),
                           .state = state_of(into, row_text(rows, 0, 1), row_bool(rows, 0, 2)),
                           .topic = arena_str(into, row_text(rows, 0, 3)),
                           .channel = arena_str(into, row_text(rows, 0, 4)),
                           .gathered = row_int(rows, 0, 5),
                           .made_at = row_time(rows, 0, 6),
                           .made_by = arena_str(into, row_text(rows, 0, 7)),
                           .started_at = row_time(rows, 0, 8),
                           .ended_at = row_time(rows, 0, 9),
                           .paused_why = arena_str(into, row_text(rows, 0, 10)),
                           .wrong = arena_str(into, row_text(rows, 0, 11))};
    return true;
}

bool broadcast_desk_list(struct broadcast_desk *desk, struct arena *into,
                         const struct broadcast **list, size_t *n, struct err *err)
{
    const char *const values[] = {desk->org_text, LIST_MOST};
    OWNED_ROWS(rows) = NULL;

    if (!ask(desk, &SQL_BROADCASTS_LIST, 2, values, &rows, err))
        return false;
    *n = (size_t)rows_n(rows);
    struct broadcast *found = arena_array(into, struct broadcast, *n + 1);
    for (int i = 0; i < rows_n(rows); i++) {
        found[i] = (struct broadcast){
            .name = arena_str(into, row_text(rows, i, 0)),
            .state = state_of(into, row_text(rows, i, 1), row_bool(rows, i, 2)),
            .gathered = row_int(rows, i, 3),
            .made_at = row_time(rows, i, 4),
            .made_by = arena_str(into, row_text(rows, i, 5)),
            .started_at = row_time(rows, i, 6),
            .ended_at = row_time(rows, i, 7)};
    }
    *list = found;
    return true;
}

/* --- changing ----------------------------------------------------------------------------- */

bool broadcast_desk_change(struct broadcast_desk *desk, const char *name, const char *what,
                           const char *who, int64_t *taken_back, struct err *err)
{
    const char *const values[] = {desk->org_text, name, what, who};
    OWNED_ROWS(rows) = NULL;

    if (!ask(desk, &SQL_BROADCAST_CHANGE, 4, values, &rows, err))
        return false;
    struct str outcome = row_text(rows, 0, 0), state = row_text(rows, 0, 1);
    *taken_back = row_int(rows, 0, 2);
    if (str_eq(outcome, STR("unknown"))) {
        return err_raise(err, ERR_REJECT, "there is no broadcast '%s': `list` shows them",
                         name);
    }
    if (str_eq(outcome, STR("state")))
        return err_raise(err, ERR_REJECT, "'%s' is %.*s", name, STR_ARG(state));
    return !str_eq(outcome, STR("template")) ||
           err_raise(err, ERR_REJECT, "%.*s", STR_ARG(row_text(rows, 0, 3)));
}

bool broadcast_desk_on_wire(struct broadcast_desk *desk, const char *name, int64_t *n,
                            struct err *err)
{
    const char *const values[] = {desk->org_text, name};
    OWNED_ROWS(rows) = NULL;

    if (!ask(desk, &SQL_BROADCAST_ON_WIRE, 2, values, &rows, err))
        return false;
    *n = row_int(rows, 0, 0);
    return true;
}

/* --- prices and countries ----------------------------------------------------------------- */

bool broadcast_desk_prices(struct broadcast_desk *desk, struct arena *into,
                           const struct broadcast_price **prices, size_t *n, struct err *err)
{
    const char *const values[] = {desk->org_text};
    OWNED_ROWS(rows) = NULL;

    if (!ask(desk, &SQL_BROADCAST_PRICES, 1, values, &rows, err))
        return false;
    *n = (size_t)rows_n(rows);
    struct broadcast_price *found = arena_array(into, struct broadcast_price, *n + 1);
    for (int i = 0; i < rows_n(rows); i++) {
        found[i] = (struct broadcast_price){arena_str(into, row_text(rows, i, 0)),
                                            arena_str(into, row_text(rows, i, 1)),
                                            arena_str(into, row_text(rows, i, 2))};
    }
    *prices = found;
    return true;
}

bool broadcast_desk_price(struct broadcast_desk *desk, const char *channel, const char *prefix,
                          const char *price, const char *who, struct err *err)
{
    const char *const values[] = {desk->org_text, channel, prefix, price, who};
    OWNED_ROWS(rows) = NULL;

    if (!ask(desk, &SQL_BROADCAST_PRICE, 5, values, &rows, err))
        return false;
    return row_bool(rows, 0, 0) ||
           err_raise(
               err, ERR_REJECT,
               "a price is of whatsapp, sms or email, for numbers that begin so or 'any', "
               "and a decimal: sms +48 0.04");
}

bool broadcast_desk_countries(struct broadcast_desk *desk, struct arena *into,
                              struct str *countries, struct err *err)
{
    const char *const values[] = {desk->org_text};
    OWNED_ROWS(rows) = NULL;

    if (!ask(desk, &SQL_BROADCAST_COUNTRIES, 1, values, &rows, err))
        return false;
    *countries = STR_NONE;
    for (int i = 0; i < rows_n(rows); i++) {
        *countries =
            arena_concat(into, *countries, i > 0 ? STR(" ") : STR_NONE, row_text(rows, i, 0));
    }
    return true;
}

bool broadcast_desk_countries_keep(struct broadcast_desk *desk, const char *countries,
                                   const char *who, struct err *err)
{
    const char *const values[] = {desk->org_text, countries, who};
    OWNED_ROWS(rows) = NULL;

    if (!ask(desk, &SQL_BROADCAST_COUNTRIES_KEEP, 3, values, &rows, err))
        return false;
    return row_bool(rows, 0, 0) ||
           err_raise(err, ERR_REJECT,
                     "a country is how its numbers begin: +48, or -+48 to leave it out");
}

/* --- what is in the ledger -----------------------------------------------------------------
 */

static void read_groups(struct arena *into, const PGresult *rows,
                        const struct broadcast_group **groups, size_t *n)
{
    *n = (size_t)rows_n(rows);
    struct broadcast_group *found = arena_array(into, struct broadcast_group, *n + 1);
    for (int i = 0; i < rows_n(rows); i++) {
        found[i] = (struct broadcast_group){.channel = arena_str(into, row_text(rows, i, 0)),
                                            .language = arena_str(into, row_text(rows, i, 1)),
                                            .state = arena_str(into, row_text(rows, i, 2)),
                                            .reason = arena_str(into, row_text(rows, i, 3)),
                                            .n = row_int(rows, i, 4),
                                            .late = row_int(rows, i, 5),
                                            .segments = row_int(rows, i, 6),
                                            .price = arena_str(into, row_text(rows, i, 7)),
                                            .unpriced = row_int(rows, i, 8)};
    }
    *groups = found;
}

bool broadcast_desk_groups(struct broadcast_desk *desk, struct uuid id, struct arena *into,
                           const struct broadcast_group **groups, size_t *n, struct err *err)
{
    OWNED_ROWS(rows) = NULL;

    if (!ask_of(desk, &SQL_BROADCAST_GROUPS, id, &rows, err))
        return false;
    read_groups(into, rows, groups, n);
    return true;
}

/* All slices, one after the other, in the transaction that is open. */
static bool gather_all(struct broadcast_desk *desk, const char *id, void (*looked)(int64_t n),
                       struct err *err)
{
    const char *const values[] = {desk->org_text, id, GATHER, "now"};
    int64_t n = 0;
    bool over = false;

    while (!over) {
        OWNED_ROWS(rows) = NULL;
        if (!plain_ask(desk->conn, &SQL_BROADCAST_GATHER, 4, values, &rows, err))
            return false;
        n += row_int(rows, 0, 0);
        over = row_bool(rows, 0, 1);
        if (looked)
            looked(n);
    }
    return true;
}

bool broadcast_desk_try(struct broadcast_desk *desk, struct uuid id, struct arena *into,
                        void (*looked)(int64_t n), const struct broadcast_group **groups,
                        size_t *n, struct err *err)
{
    char text[UUID_TEXT_LEN + 1];
    const char *const values[] = {desk->org_text, text};
    OWNED_ROWS(tried) = NULL;
    OWNED_ROWS(rows) = NULL;

    uuid_format(id, text);
    if (!plain_begin(desk->conn, desk->org, err) ||
        !plain_ask(desk->conn, &SQL_BROADCAST_TRY, 2, values, &tried, err))
        return false;
    if (rows_n(tried) == 0) {
        return err_raise(err, ERR_REJECT,
                         "it has been started: `status` shows what becomes of it");
    }
    if (!gather_all(desk, text, looked, err) ||
        !plain_ask(desk->conn, &SQL_BROADCAST_GROUPS, 2, values, &rows, err) ||
        !plain_command(desk->conn, "rollback", err))
        return false;
    read_groups(into, rows, groups, n);
    return true;
}

/* --- figures -------------------------------------------------------------------------------
 */

bool broadcast_desk_counts(struct broadcast_desk *desk, struct uuid id,
                           struct broadcast_counts *counts, struct err *err)
{
    OWNED_ROWS(rows) = NULL;

    if (!ask_of(desk, &SQL_BROADCAST_COUNTS, id, &rows, err))
        return false;
    *counts = (struct broadcast_counts){.waiting = row_int(rows, 0, 0),
                                        .placed = row_int(rows, 0, 1),
                                        .sent = row_int(rows, 0, 2),
                                        .failed = row_int(rows, 0, 3),
                                        .excluded = row_int(rows, 0, 4),
                                        .cancelled = row_int(rows, 0, 5)};
    return true;
}

bool broadcast_desk_figures(struct broadcast_desk *desk, struct uuid id,
                            struct broadcast_figures *figures, struct err *err)
{
    OWNED_ROWS(rows) = NULL;

    if (!ask_of(desk, &SQL_BROADCAST_FIGURES, id, &rows, err))
        return false;
    *figures = (struct broadcast_figures){.sent = row_int(rows, 0, 0),
                                          .delivered = row_int(rows, 0, 1),
                                          .read = row_int(rows, 0, 2),
                                          .failed = row_int(rows, 0, 3),
                                          .unknown = row_int(rows, 0, 4),
                                          .replied = row_int(rows, 0, 5),
                                          .opted_out = row_int(rows, 0, 6)};
    return true;
}

bool broadcast_desk_reasons(struct broadcast_desk *desk, struct uuid id, struct arena *into,
                            const struct broadcast_reason **reasons, size_t *n, struct err *err)
{
    OWNED_ROWS(rows) = NULL;

    if (!ask_of(desk, &SQL_BROADCAST_REASONS, id, &rows, err))
        return false;
    *n = (size_t)rows_n(rows);
    struct broadcast_reason *found = arena_array(into, struct broadcast_reason, *n + 1);
    for (int i = 0; i < rows_n(rows); i++) {
        found[i] = (struct broadcast_reason){arena_str(into, row_text(rows, i, 0)),
                                             row_int(rows, i, 1)};
    }
    *reasons = found;
    return true;
}
