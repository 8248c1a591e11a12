#include "store/event_desk.h"

#include "store/db.h"
#include "store/round.h"

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

static struct str text_at(struct arena *into, const PGresult *rows, int row, int column)
{
    return arena_str(into, row_text(rows, row, column));
}

/* --- events ---------------------------------------------------------------------------------
 */

static struct event_row event_of(struct arena *into, const PGresult *rows, int i,
                                 struct uuid org)
{
    return (struct event_row){.org = org,
                              .id = uuid_str(into, row_uuid(rows, i, 0)),
                              .at = row_time(rows, i, 1),
                              .type = text_at(into, rows, i, 2),
                              .subject = text_at(into, rows, i, 3),
                              .sequence = row_int(rows, i, 4),
                              .state = text_at(into, rows, i, 5),
                              .json = text_at(into, rows, i, 6)};
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
    struct event_row *found = NULL;
    size_t room = 0;
    OWNED_ROUND(round) = {
        .conn = desk->conn, .sql = &SQL_EVENTS_OUT_LIST, .n = 5, .values = values};

    (void)snprintf(most, sizeof most, "%zu", wish->limit);
    *n = 0;
    while (round_next(&round, err)) {
        for (int i = 0; i < rows_n(round.rows); i++) {
            found = arena_more(into, found, *n, &room);
            found[(*n)++] = event_of(into, round.rows, i, round.org);
        }
    }
    if (*n > 0)
        qsort(found, *n, sizeof *found, newest_first);
    *items = found;
    *n = *n < wish->limit ? *n : wish->limit;
    return !round.failed;
}

bool event_desk_find(struct event_desk *desk, const char *id, struct arena *into,
                     struct event_row *event, struct err *err)
{
    const char *values[] = {NULL, id};
    OWNED_ROUND(round) = {
        .conn = desk->conn, .sql = &SQL_EVENTS_OUT_GET, .n = 2, .values = values};

    while (round_next(&round, err)) {
        if (rows_n(round.rows) > 0) {
            *event = event_of(into, round.rows, 0, round.org);
            return true;
        }
    }
    return !round.failed &&
           err_raise(err, ERR_REJECT,
                     "there is no event '%.60s': `parley events list` shows them", id);
}

bool event_desk_replay(struct event_desk *desk, const struct event_wish *wish, const char *who,
                       struct uuid fresh, int64_t *n, struct err *err)
{
    char since[24], most[24], audit[UUID_TEXT_LEN + 1];
    const char *values[] = {NULL,
                            wish->endpoint != NULL ? wish->endpoint : "",
                            wish->id != NULL ? wish->id : "",
                            number_text(since, wish->since),
                            wish->undelivered ? "t" : "f",
                            most,
                            who,
                            audit};
    OWNED_ROUND(round) = {
        .conn = desk->conn, .sql = &SQL_EVENTS_OUT_REPLAY, .n = 8, .values = values};

    (void)snprintf(most, sizeof most, "%zu", wish->limit);
    uuid_format(fresh, audit);
    *n = 0;
    while (round_next(&round, err))
        *n += row_int(round.rows, 0, 0);
    return !round.failed;
}

/* --- endpoints ------------------------------------------------------------------------------
 */

static struct endpoint_row endpoint_of(struct arena *into, const PGresult *rows, int i,
                                       struct uuid org)
{
    return (struct endpoint_row){.org = org,
                                 .name = text_at(into, rows, i, 0),
                                 .state = text_at(into, rows, i, 1),
                                 .waiting = row_int(rows, i, 2),
                                 .failures = row_int(rows, i, 3),
                                 .success_at = row_time(rows, i, 4),
                                 .failure_at = row_time(rows, i, 5),
                                 .reason = text_at(into, rows, i, 6),
                                 .json = text_at(into, rows, i, 7)};
}

bool event_desk_endpoints(struct event_desk *desk, struct arena *into,
                          const struct endpoint_row **items, size_t *n, struct err *err)
{
    const char *values[] = {NULL};
    struct endpoint_row *found = NULL;
    size_t room = 0;
    OWNED_ROUND(round) = {
        .conn = desk->conn, .sql = &SQL_EVENT_ENDPOINTS_LIST, .n = 1, .values = values};

    *n = 0;
    while (round_next(&round, err)) {
        for (int i = 0; i < rows_n(round.rows); i++) {
            found = arena_more(into, found, *n, &room);
            found[(*n)++] = endpoint_of(into, round.rows, i, round.org);
        }
    }
    *items = found;
    return !round.failed;
}

bool event_desk_switch(struct event_desk *desk, const char *endpoint, bool on, const char *who,
                       struct uuid fresh, struct err *err)
{
    char audit[UUID_TEXT_LEN + 1];
    const char *values[] = {NULL, endpoint, on ? "t" : "f", who, audit};
    int64_t n = 0;
    OWNED_ROUND(round) = {
        .conn = desk->conn, .sql = &SQL_EVENT_ENDPOINT_SWITCH, .n = 5, .values = values};

    uuid_format(fresh, audit);
    while (round_next(&round, err))
        n += row_int(round.rows, 0, 0);
    if (round.failed || n > 0)
        return !round.failed;
    return err_raise(err, ERR_REJECT,
                     "there is no endpoint '%.60s': `parley events endpoints` shows them",
                     endpoint);
}
