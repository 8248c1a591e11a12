#include "store/order_desk.h"

#include "store/db.h"
#include "store/round.h"

#include <stdio.h>
#include <stdlib.h>

struct order_desk {
    PGconn *conn;
};

bool order_desk_open(const char *url, usec_t timeout, struct order_desk **desk, struct err *err)
{
    *desk = calloc(1, sizeof(**desk));
    if (!*desk)
        abort();
    return plain_connect(url, STR("parley_staff"), timeout, "parley order", &(*desk)->conn,
                         err);
}

void order_desk_close(struct order_desk **desk)
{
    if (*desk)
        plain_close(&(*desk)->conn);
    free(*desk);
    *desk = NULL;
}

static bool read_order(struct arena *into, const PGresult *rows, struct uuid org,
                       struct desk_order *order, struct err *err)
{
    struct str currency = row_text(rows, 0, 4);

    *order = (struct desk_order){.org = org,
                                 .id = row_uuid(rows, 0, 0),
                                 .number = arena_str(into, row_text(rows, 0, 1)),
                                 .workflow = arena_str(into, row_text(rows, 0, 2)),
                                 .status = arena_str(into, row_text(rows, 0, 3)),
                                 .placed_at = row_time(rows, 0, 7),
                                 .expected_at = row_time(rows, 0, 8),
                                 .expected_was = row_time(rows, 0, 9),
                                 .delivered_at = row_time(rows, 0, 10),
                                 .zone = arena_str(into, row_text(rows, 0, 11))};
    return money_make(row_int(rows, 0, 5), currency, &order->total, err) &&
           money_make(row_int(rows, 0, 6), currency, &order->paid, err);
}

bool order_desk_find(struct order_desk *desk, struct str number, struct arena *into,
                     struct desk_order *order, struct err *err)
{
    const char *values[] = {NULL, arena_cstr(into, number)};
    OWNED_ROUND(round) = {
        .conn = desk->conn, .sql = &SQL_ORDER_DESK_FIND, .n = 2, .values = values};

    while (round_next(&round, err)) {
        if (rows_n(round.rows) > 0)
            return read_order(into, round.rows, round.org, order, err);
    }
    return !round.failed && err_raise(err, ERR_REJECT, "there is no order '%.*s'",
                                      STR_ARG(str_slice(number, 0, 40)));
}

bool order_desk_change(struct order_desk *desk, const struct desk_order *order,
                       struct str change, const char *who, struct uuid fresh,
                       struct arena *into, struct str *whole, struct err *err)
{
    char id[UUID_TEXT_LEN + 1], made[UUID_TEXT_LEN + 1];
    const char *values[] = {NULL, id, arena_cstr(into, change), who, made, "now"};
    OWNED_ROWS(rows) = NULL;

    uuid_format(order->id, id);
    uuid_format(fresh, made);
    if (!plain_ask_of(desk->conn, order->org, &SQL_ORDER_DESK_CHANGE, 6, values, &rows, err))
        return false;
    if (row_int(rows, 0, 0) == 200) {
        if (whole)
            *whole = arena_str(into, row_text(rows, 0, 3));
        return true;
    }
    struct str path = row_text(rows, 0, 1), why = row_text(rows, 0, 2);
    return err_raise(err, ERR_REJECT, "%.*s%s%.*s", STR_ARG(path), path.len > 0 ? ": " : "",
                     STR_ARG(why));
}

bool order_desk_whole(struct order_desk *desk, const struct desk_order *order,
                      struct arena *into, struct str *whole, struct err *err)
{
    char id[UUID_TEXT_LEN + 1];
    const char *values[] = {NULL, id};
    OWNED_ROWS(rows) = NULL;

    uuid_format(order->id, id);
    if (!plain_ask_of(desk->conn, order->org, &SQL_ORDER_DESK_WHOLE, 2, values, &rows, err))
        return false;
    *whole = arena_str(into, row_text(rows, 0, 0));
    return true;
}
