#include "store/tickets.h"

#include "store/db.h"
#include "store/round.h"

#include <stdio.h>
#include <stdlib.h>

struct tickets {
    PGconn *conn;
};

bool tickets_open(const char *url, usec_t timeout, struct tickets **tickets, struct err *err)
{
    *tickets = calloc(1, sizeof(**tickets));
    if (!*tickets)
        abort();
    return plain_connect(url, STR("parley_staff"), timeout, "parley ticket", &(*tickets)->conn,
                         err);
}

void tickets_close(struct tickets **tickets)
{
    if (*tickets)
        plain_close(&(*tickets)->conn);
    free(*tickets);
    *tickets = NULL;
}

/* --- reading ------------------------------------------------------------------------------ */

static struct str text_at(struct arena *into, const PGresult *rows, int row, int column)
{
    return arena_str(into, row_text(rows, row, column));
}

static struct ticket ticket_of(struct arena *into, const PGresult *rows, int i, struct uuid org)
{
    return (struct ticket){.org = org,
                           .id = row_uuid(rows, i, 0),
                           .number = text_at(into, rows, i, 1),
                           .kind = text_at(into, rows, i, 2),
                           .status = text_at(into, rows, i, 3),
                           .created_at = row_time(rows, i, 4),
                           .due_at = row_time(rows, i, 5),
                           .order = text_at(into, rows, i, 6),
                           .files = row_int(rows, i, 7)};
}

static int most_urgent_first(const void *a, const void *b)
{
    const struct ticket *left = a, *right = b;
    return (left->due_at > right->due_at) - (left->due_at < right->due_at);
}

static int newest_first(const void *a, const void *b)
{
    const struct ticket *left = a, *right = b;
    return (left->created_at < right->created_at) - (left->created_at > right->created_at);
}

bool tickets_list(struct tickets *tickets, bool all, size_t limit, struct arena *into,
                  const struct ticket **items, size_t *n, struct err *err)
{
    char most[24];
    const char *values[] = {NULL, all ? "t" : "f", most};
    struct ticket *found = NULL;
    size_t room = 0;
    OWNED_ROUND(round) = {
        .conn = tickets->conn, .sql = &SQL_TICKETS_WAITING, .n = 3, .values = values};
    (void)snprintf(most, sizeof(most), "%zu", limit);
    *n = 0;
    while (round_next(&round, err)) {
        for (int i = 0; i < rows_n(round.rows); i++) {
            found = arena_more(into, found, *n, &room);
            found[(*n)++] = ticket_of(into, round.rows, i, round.org);
        }
    }
    if (*n > 0)
        qsort(found, *n, sizeof(*found), all ? newest_first : most_urgent_first);
    *items = found;
    *n = *n < limit ? *n : limit;
    return !round.failed;
}

static void read_whole(struct arena *into, const PGresult *rows, struct ticket *ticket)
{
    ticket->description = text_at(into, rows, 0, 8);
    ticket->email = text_at(into, rows, 0, 9);
    ticket->phone = text_at(into, rows, 0, 10);
    ticket->customer = text_at(into, rows, 0, 11);
    ticket->language = text_at(into, rows, 0, 12);
    if (!row_null(rows, 0, 13))
        ticket->conversation = row_uuid(rows, 0, 13);
    ticket->last_inbound_at = row_time(rows, 0, 14);
}

bool tickets_find(struct tickets *tickets, struct str number, struct arena *into,
                  struct ticket *ticket, struct err *err)
{
    const char *values[] = {NULL, arena_cstr(into, number)};
    OWNED_ROUND(round) = {
        .conn = tickets->conn, .sql = &SQL_TICKETS_GET, .n = 2, .values = values};
    while (round_next(&round, err)) {
        if (rows_n(round.rows) == 0)
            continue;
        *ticket = ticket_of(into, round.rows, 0, round.org);
        read_whole(into, round.rows, ticket);
        return true;
    }
    return !round.failed &&
           err_raise(err, ERR_REJECT,
                     "there is no ticket '%.*s': `parley ticket list --all` shows them",
                     STR_ARG(str_slice(number, 0, 40)));
}

/* The rows that hang on a ticket. */
static bool ask_about(struct tickets *tickets, const struct ticket *ticket,
                      const struct sql *sql, PGresult **rows, struct err *err)
{
    char id[UUID_TEXT_LEN + 1];
    const char *values[] = {NULL, id};
    uuid_format(ticket->id, id);
    return plain_ask_of(tickets->conn, ticket->org, sql, 2, values, rows, err);
}

bool tickets_answers(struct tickets *tickets, const struct ticket *ticket, struct arena *into,
                     const struct ticket_answer **items, size_t *n, struct err *err)
{
    struct ticket_answer *answers;
    OWNED_ROWS(rows) = NULL;
    if (!ask_about(tickets, ticket, &SQL_TICKETS_ANSWERS, &rows, err))
        return false;
    *n = (size_t)rows_n(rows);
    answers = arena_array(into, struct ticket_answer, *n + 1);
    for (int i = 0; i < rows_n(rows); i++) {
        answers[i] = (struct ticket_answer){.at = row_time(rows, i, 0),
                                            .author = text_at(into, rows, i, 1),
                                            .words = text_at(into, rows, i, 2)};
    }
    *items = answers;
    return true;
}

static struct ticket_file file_of(struct arena *into, const PGresult *rows, int i)
{
    struct ticket_file file = {.id = row_uuid(rows, i, 0),
                               .state = text_at(into, rows, i, 1),
                               .kind = text_at(into, rows, i, 2),
                               .mime = text_at(into, rows, i, 3),
                               .size = row_int(rows, i, 4),
                               .caption = text_at(into, rows, i, 6),
                               .filename = text_at(into, rows, i, 7),
                               .reason = text_at(into, rows, i, 8)};
    struct str hash = row_text(rows, i, 5);
    file.has_sha256 = hash.len == HASH_LEN;
    if (file.has_sha256)
        memcpy(file.sha256.bytes, hash.at, HASH_LEN);
    return file;
}

bool tickets_files(struct tickets *tickets, const struct ticket *ticket, struct arena *into,
                   const struct ticket_file **items, size_t *n, struct err *err)
{
    struct ticket_file *files;
    OWNED_ROWS(rows) = NULL;
    if (!ask_about(tickets, ticket, &SQL_DOCUMENTS_OF_TICKET, &rows, err))
        return false;
    *n = (size_t)rows_n(rows);
    files = arena_array(into, struct ticket_file, *n + 1);
    for (int i = 0; i < rows_n(rows); i++)
        files[i] = file_of(into, rows, i);
    *items = files;
    return true;
}

/* --- answering ---------------------------------------------------------------------------- */

bool tickets_reply(struct tickets *tickets, const struct ticket *ticket,
                   const struct ticket_reply *reply, bool *told, struct err *err)
{
    char id[UUID_TEXT_LEN + 1], fresh[UUID_TEXT_LEN + 1];
    struct arena arena = {0};
    const char *values[] = {NULL,
                            id,
                            reply->status,
                            fresh,
                            reply->author,
                            arena_cstr(&arena, reply->words),
                            arena_cstr(&arena, reply->reply)};
    OWNED_ROWS(rows) = NULL;
    uuid_format(ticket->id, id);
    uuid_format(reply->id, fresh);
    bool ok =
        plain_ask_of(tickets->conn, ticket->org, &SQL_TICKETS_ANSWER, 7, values, &rows, err);
    arena_finish(&arena);
    if (!ok)
        return false;
    *told = row_int(rows, 0, 1) > 0;
    return row_int(rows, 0, 0) > 0 ||
           err_raise(err, ERR_REJECT, "ticket %.*s is closed already", STR_ARG(ticket->number));
}
