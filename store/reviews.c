#include "store/reviews.h"

#include "store/db.h"
#include "store/plain.h"

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

/* One question in a transaction of the business's; values[0] is where its id goes. */
static bool ask(struct reviews *reviews, struct uuid org, const struct sql *sql, int n,
                const char **values, PGresult **rows, struct err *err)
{
    char id[UUID_TEXT_LEN + 1];

    uuid_format(org, id);
    values[0] = id;
    bool asked = plain_begin(reviews->conn, org, err) &&
                 plain_ask(reviews->conn, sql, n, values, rows, err) &&
                 plain_command(reviews->conn, "commit", err);
    values[0] = NULL; /* the id ends here */
    return asked;
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
    OWNED_ROWS(orgs) = NULL;

    *outcome = STR("unknown");
    if (!plain_ask(reviews->conn, &SQL_TICKETS_ORGS, 0, NULL, &orgs, err))
        return false;
    for (int i = 0; i < rows_n(orgs) && str_eq(*outcome, STR("unknown")); i++) {
        OWNED_ROWS(rows) = NULL;
        if (!ask(reviews, row_uuid(orgs, i, 0), &SQL_REVIEWS_REQUEST, 3, values, &rows, err))
            return false;
        *outcome = text_at(into, rows, 0, 0);
    }
    return true;
}

/* --- many rows ---------------------------------------------------------------------------- */

typedef void read_row(struct arena *into, const PGresult *rows, int row, void *item);

/* The rows of all businesses as items of @size, at most @most of them. */
static bool gather(struct reviews *reviews, const struct sql *sql, int n_values,
                   const char **values, size_t most, size_t size, read_row *read,
                   struct arena *into, void **items, size_t *n, struct err *err)
{
    OWNED_ROWS(orgs) = NULL;

    *items = NULL;
    *n = 0;
    if (!plain_ask(reviews->conn, &SQL_TICKETS_ORGS, 0, NULL, &orgs, err))
        return false;
    for (int i = 0; i < rows_n(orgs) && *n < most; i++) {
        OWNED_ROWS(rows) = NULL;
        if (!ask(reviews, row_uuid(orgs, i, 0), sql, n_values, values, &rows, err))
            return false;
        char *all = arena_alloc(into, (*n + (size_t)rows_n(rows) + 1) * size);
        if (*n > 0)
            memcpy(all, *items, *n * size);
        for (int row = 0; row < rows_n(rows) && *n < most; row++, (*n)++)
            read(into, rows, row, all + *n * size);
        *items = all;
    }
    return true;
}

static void read_review(struct arena *into, const PGresult *rows, int row, void *item)
{
    *(struct review *)item = (struct review){.id = row_uuid(rows, row, 0),
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
    void *all;

    (void)snprintf(most, sizeof(most), "%zu", limit);
    if (!gather(reviews, &SQL_REVIEWS_LIST, 4, values, limit, sizeof(struct review),
                read_review, into, &all, n, err))
        return false;
    *items = all;
    return true;
}

static void read_figures(struct arena *into, const PGresult *rows, int row, void *item)
{
    *(struct review_figures *)item =
        (struct review_figures){.what = text_at(into, rows, row, 0),
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
    void *all;

    if (!gather(reviews, &SQL_REVIEWS_STATS, 2, values, SIZE_MAX, sizeof(struct review_figures),
                read_figures, into, &all, n, err))
        return false;
    *items = all;
    return true;
}
