#include "store/event_desk.h"

#include "store/db.h"
#include "store/plain.h"
#include "store/sql.h"

#include <stdio.h>
#include <stdlib.h>

struct event_desk {
    PGconn *conn;
};

bool event_desk_open(const char *url, usec_t timeout, struct event_desk **desk, struct err *err)
{
    *desk = calloc(1, sizeof **desk);
    if (*desk == NULL)
        abort();
    return plain_connect(url, STR("parley_staff"), timeout, "parley events", &(*desk)->conn,
                         err);
}

void event_desk_close(struct event_desk **desk)
{
    if (*desk != NULL)
        plain_close(&(*desk)->conn);
    free(*desk);
    *desk = NULL;
}

/* --- asking ---------------------------------------------------------------------------------
 */

/* One question to every business; `rows` are added up by `take`. values[0] is the business. */
struct round {
    struct event_desk *desk;
    const struct sql *sql;
    int n;
    const char **values;
    struct arena *into;
    void (*take)(struct round *round, const PGresult *rows, struct uuid org);
    char *items; /* what was taken */
    size_t n_items, room, size;
};

static void *add(struct round *round)
{
    round->items =
        arena_more_items(round->into, round->items, round->size, round->n_items, &round->room);
    return round->items + round->n_items++ * round->size;
}

static bool ask_one(struct round *round, struct uuid org, struct err *err)
{
    char id[UUID_TEXT_LEN + 1];
    OWNED_ROWS(rows) = NULL;

    uuid_format(org, id);
    round->values[0] = id;
    bool asked =
        plain_begin(round->desk->conn, org, err) &&
        plain_ask(round->desk->conn, round->sql, round->n, round->values, &rows, err) &&
        plain_command(round->desk->conn, "commit", err);
    round->values[0] = NULL; /* the id ends here */
    if (asked)
        round->take(round, rows, org);
    return asked;
}

static bool ask_all(struct round *round, struct err *err)
{
    OWNED_ROWS(orgs) = NULL;

    if (!plain_ask(round->desk->conn, &SQL_EVENTS_OUT_ORGS, 0, NULL, &orgs, err))
        return false;
    for (int i = 0; i < rows_n(orgs); i++) {
        if (!ask_one(round, row_uuid(orgs, i, 0), err))
            return false;
    }
    return true;
}

static struct str text_at(const struct round *round, const PGresult *rows, int row, int column)
{
    return arena_str(round->into, row_text(rows, row, column));
}

/* --- events ---------------------------------------------------------------------------------
 */

static void take_events(struct round *round, const PGresult *rows, struct uuid org)
{
    for (int i = 0; i < rows_n(rows); i++) {
        struct event_row *event = add(round);
        *event = (struct event_row){.org = org,
                                    .id = uuid_str(round->into, row_uuid(rows, i, 0)),
                                    .at = row_time(rows, i, 1),
                                    .type = text_at(round, rows, i, 2),
                                    .subject = text_at(round, rows, i, 3),
                                    .sequence = row_int(rows, i, 4),
                                    .state = text_at(round, rows, i, 5),
                                    .json = text_at(round, rows, i, 6)};
    }
}

static int newest_first(const void *a, const void *b)
{
    const struct event_row *left = a, *right = b;

    return (left->at < right->at) - (left->at > right->at);
}

static const char *number_text(char text[24], int64_t number)
{
    (void)snprintf(text, 24, "%lld", (long long)number);
    return text;
}

bool event_desk_list(struct event_desk *desk, const struct event_wish *wish, struct arena *into,
                     const struct event_row **items, size_t *n, struct err *err)
{
    char since[24], most[24];
    const char *values[] = {NULL, number_text(since, wish->since),
                            wish->type != NULL ? wish->type : "",
                            wish->state != NULL ? wish->state : "", most};
    struct round round = {desk,
                          &SQL_EVENTS_OUT_LIST,
                          5,
                          values,
                          into,
                          take_events,
                          .size = sizeof(struct event_row)};

    (void)snprintf(most, sizeof most, "%zu", wish->limit);
    if (!ask_all(&round, err))
        return false;
    if (round.n_items > 0)
        qsort(round.items, round.n_items, round.size, newest_first);
    *items = (const void *)round.items;
    *n = round.n_items < wish->limit ? round.n_items : wish->limit;
    return true;
}

bool event_desk_find(struct event_desk *desk, const char *id, struct arena *into,
                     struct event_row *event, struct err *err)
{
    const char *values[] = {NULL, id};
    struct round round = {desk,
                          &SQL_EVENTS_OUT_GET,
                          2,
                          values,
                          into,
                          take_events,
                          .size = sizeof(struct event_row)};

    if (!ask_all(&round, err))
        return false;
    if (round.n_items == 0) {
        return err_raise(err, ERR_REJECT,
                         "there is no event '%.60s': `parley events list` shows them", id);
    }
    *event = *(struct event_row *)(void *)round.items;
    return true;
}

static void take_count(struct round *round, const PGresult *rows, struct uuid org)
{
    (void)org;
    *(int64_t *)add(round) = row_int(rows, 0, 0);
}

static int64_t sum_of(const struct round *round)
{
    int64_t sum = 0;

    for (size_t i = 0; i < round->n_items; i++)
        sum += ((const int64_t *)(const void *)round->items)[i];
    return sum;
}

bool event_desk_replay(struct event_desk *desk, const struct event_wish *wish, const char *who,
                       struct uuid fresh, int64_t *n, struct err *err)
{
    char since[24], most[24], audit[UUID_TEXT_LEN + 1];
    struct arena arena = {0};
    const char *values[] = {NULL,
                            wish->endpoint != NULL ? wish->endpoint : "",
                            wish->id != NULL ? wish->id : "",
                            number_text(since, wish->since),
                            wish->undelivered ? "t" : "f",
                            most,
                            who,
                            audit};
    struct round round = {desk,       &SQL_EVENTS_OUT_REPLAY, 8, values, &arena,
                          take_count, .size = sizeof(int64_t)};
    bool ok;

    (void)snprintf(most, sizeof most, "%zu", wish->limit);
    uuid_format(fresh, audit);
    ok = ask_all(&round, err);
    *n = ok ? sum_of(&round) : 0;
    arena_finish(&arena);
    return ok;
}

/* --- endpoints ------------------------------------------------------------------------------
 */

static void take_endpoints(struct round *round, const PGresult *rows, struct uuid org)
{
    for (int i = 0; i < rows_n(rows); i++) {
        struct endpoint_row *endpoint = add(round);
        *endpoint = (struct endpoint_row){.org = org,
                                          .name = text_at(round, rows, i, 0),
                                          .state = text_at(round, rows, i, 1),
                                          .waiting = row_int(rows, i, 2),
                                          .failures = row_int(rows, i, 3),
                                          .success_at = row_time(rows, i, 4),
                                          .failure_at = row_time(rows, i, 5),
                                          .reason = text_at(round, rows, i, 6),
                                          .json = text_at(round, rows, i, 7)};
    }
}

bool event_desk_endpoints(struct event_desk *desk, struct arena *into,
                          const struct endpoint_row **items, size_t *n, struct err *err)
{
    const char *values[] = {NULL};
    struct round round = {desk,           &SQL_EVENT_ENDPOINTS_LIST,          1, values, into,
                          take_endpoints, .size = sizeof(struct endpoint_row)};

    if (!ask_all(&round, err))
        return false;
    *items = (const void *)round.items;
    *n = round.n_items;
    return true;
}

bool event_desk_switch(struct event_desk *desk, const char *endpoint, bool on, const char *who,
                       struct uuid fresh, struct err *err)
{
    char audit[UUID_TEXT_LEN + 1];
    struct arena arena = {0};
    const char *values[] = {NULL, endpoint, on ? "t" : "f", who, audit};
    struct round round = {desk,       &SQL_EVENT_ENDPOINT_SWITCH, 5, values, &arena,
                          take_count, .size = sizeof(int64_t)};
    bool ok;

    uuid_format(fresh, audit);
    ok = ask_all(&round, err);
    if (ok && sum_of(&round) == 0) {
        ok = err_raise(err, ERR_REJECT,
                       "there is no endpoint '%.60s': `parley events endpoints` shows them",
                       endpoint);
    }
    arena_finish(&arena);
    return ok;
}
