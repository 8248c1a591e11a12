#include "store/reviews.h"

#include "store/db.h"
#include "store/round.h"

#include <stdio.h>
#include <stdlib.h>

struct reviews {
    PGconn *conn;
};

bool reviews_open(const char *url, usec_t timeout, struct reviews **reviews, struct err *err)
{
    *reviews = calloc(1, sizeof(**reviews));
    if (!*reviews)
        abort();
    return plain_connect(url, STR("parley_staff"), timeout, "parley review", &(*reviews)->conn,
                         err);
}

void reviews_close(struct reviews **reviews)
{
    if (*reviews)
        plain_close(&(*reviews)->conn);
    free(*reviews);
    *reviews = NULL;
}

static struct str text_at(struct arena *into, const PGresult *rows, int row, int column)
{
    return arena_str(into, row_text(rows, row, column));
}

bool reviews_request(struct reviews *reviews, struct str number, usec_t now, struct arena *into,
                     struct str *outcome, struct err *err)
{
    const char *values[] = {NULL, arena_cstr(into, number),
                            arena_format(into, "%lld.%06lld", (long long)(now / USEC_PER_SEC),
                                         (long long)(now % USEC_PER_SEC))
                                .at};
    OWNED_ROUND(round) = {
        .conn = reviews->conn, .sql = &SQL_REVIEWS_REQUEST, .n = 3, .values = values};

    *outcome = STR("unknown");
    while (str_eq(*outcome, STR("unknown")) && round_next(&round, err))
        *outcome = text_at(into, round.rows, 0, 0);
    return !round.failed;
}

/* --- many rows ---------------------------------------------------------------------------- */

static struct review review_of(struct arena *into, const PGresult *rows, int row)
{
    return (struct review){.id = row_uuid(rows, row, 0),
                           .order = text_at(into, rows, row, 1),
                           .state = text_at(into, rows, row, 2),
                           .rating = row_int(rows, row, 3),
                           .comment = text_at(into, rows, row, 4),
                           .channel = text_at(into, rows, row, 5),
                           .platform = text_at(into, rows, row, 6),
                           .ticket = text_at(into, rows, row, 7),
                           .requested_at = row_time(rows, row, 8),
                           .asked_at = row_time(rows, row, 9),
                           .reminded_at = row_time(rows, row, 10),
                           .answered_at = row_time(rows, row, 11),
                           .why = text_at(into, rows, row, 12),
                           .workflow = text_at(into, rows, row, 13)};
}

bool reviews_list(struct reviews *reviews, const char *since, const char *state, size_t limit,
                  struct arena *into, const struct review **items, size_t *n, struct err *err)
{
    char most[24];
    const char *values[] = {NULL, since, most, state};
    struct review *found = NULL;
    size_t room = 0;
    OWNED_ROUND(round) = {
        .conn = reviews->conn, .sql = &SQL_REVIEWS_LIST, .n = 4, .values = values};

    (void)snprintf(most, sizeof(most), "%zu", limit);
    *n = 0;
    while (*n < limit && round_next(&round, err)) {
        for (int i = 0; i < rows_n(round.rows) && *n < limit; i++) {
            found = arena_more(into, found, *n, &room);
            found[(*n)++] = review_of(into, round.rows, i);
        }
    }
    *items = found;
    return !round.failed;
}

static struct review_figures figures_of(struct arena *into, const PGresult *rows, int row)
{
    return (struct review_figures){.what = text_at(into, rows, row, 0),
                                   .which = text_at(into, rows, row, 1),
                                   .asked = row_int(rows, row, 2),
                                   .answered = row_int(rows, row, 3),
                                   .skipped = row_int(rows, row, 4),
                                   .completed = row_int(rows, row, 5),
                                   .average = row_int(rows, row, 6),
                                   .opened = row_int(rows, row, 7)};
}

bool reviews_stats(struct reviews *reviews, const char *since, struct arena *into,
                   const struct review_figures **items, size_t *n, struct err *err)
{
    const char *values[] = {NULL, since};
    struct review_figures *found = NULL;
    size_t room = 0;
    OWNED_ROUND(round) = {
        .conn = reviews->conn, .sql = &SQL_REVIEWS_STATS, .n = 2, .values = values};

    *n = 0;
    while (round_next(&round, err)) {
        for (int i = 0; i < rows_n(round.rows); i++) {
            found = arena_more(into, found, *n, &room);
            found[(*n)++] = figures_of(into, round.rows, i);
        }
    }
    *items = found;
    return !round.failed;
}
