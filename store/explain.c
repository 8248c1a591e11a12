/* Each business is asked in turn: an id does not tell whose it is, and rules let only one be
 * looked at. */
#include "store/explain.h"

#include "bot/base/crypto.h"
#include "store/db.h"
#include "store/plain.h"

#include <stdio.h>

struct search {
    PGconn *conn;
    const struct explain_wish *wish;
    struct arena *into;
    struct explanation *found;
    char org[UUID_TEXT_LEN + 1];
    bool known;           /* whose conversation it is */
    struct uuid customer; /* theirs */
    bool scan;            /* what came in, which no index leads to */
    bool done;
};

/* "\x0123...", as the database reads bytes. */
static struct str bytes_text(struct arena *into, const uint8_t *bytes, size_t n)
{
    char *hex = arena_alloc(into, 2 * n + 1);

    hex_format(bytes, n, hex);
    return arena_format(into, "\\x%s", hex);
}

/* Where the message is, when it is one of this business's. */
static bool find_place(struct search *search, bool *found, struct err *err)
{
    struct str message = search->wish->message;
    size_t colon = str_find(message, STR(":"));
    struct hash16 hash = hash16_of(&message, 1);
    struct str text = bytes_text(search->into, hash.bytes, sizeof(hash.bytes));
    const char *const values[] = {search->org,
                                  search->scan ? arena_str(search->into, message).at : text.at};
    OWNED_ROWS(rows) = NULL;

    *found = uuid_parse(str_slice(message, 0, colon), &search->found->conversation) &&
             str_to_int(str_slice(message, colon + 1, message.len), &search->found->seq);
    if (*found)
        return true;
    if (!plain_ask(search->conn, search->scan ? &SQL_EXPLAIN_FIND_INBOUND : &SQL_EXPLAIN_FIND,
                   2, values, &rows, err))
        return false;
    *found = rows_n(rows) > 0;
    if (*found) {
        search->found->conversation = row_uuid(rows, 0, 0);
        search->found->seq = row_int(rows, 0, 1);
    }
    return true;
}

static bool read_conversation(struct search *search, const char *conversation, bool *found,
                              struct err *err)
{
    const char *const values[] = {search->org, conversation};
    struct explanation *to = search->found;
    OWNED_ROWS(rows) = NULL;

    if (!plain_ask(search->conn, &SQL_EXPLAIN_CONVERSATION, 2, values, &rows, err))
        return false;
    *found = rows_n(rows) > 0;
    if (!*found)
        return true;
    to->language = arena_str(search->into, row_text(rows, 0, 1));
    to->channel = arena_str(search->into, row_text(rows, 0, 2));
    to->address = arena_str(search->into, row_text(rows, 0, 3));
    to->account = arena_str(search->into, row_text(rows, 0, 4));
    search->known = !row_null(rows, 0, 5);
    if (search->known)
        search->customer = row_uuid(rows, 0, 5);
    return true;
}

static struct explained message_of(struct arena *into, const PGresult *rows, int i)
{
    return (struct explained){.seq = row_int(rows, i, 0),
                              .inbound = row_bool(rows, i, 1),
                              .kind = arena_str(into, row_text(rows, i, 2)),
                              .body = arena_str(into, row_text(rows, i, 3)),
                              .at = row_time(rows, i, 4),
                              .delivery = (enum delivery)row_int(rows, i, 5),
                              .provider_id = arena_str(into, row_text(rows, i, 6)),
                              .error = (int)row_int(rows, i, 7),
                              .reason = arena_str(into, row_text(rows, i, 8)),
                              .attempts = row_int(rows, i, 9),
                              .cause = row_int(rows, i, 10),
                              .why = arena_str(into, row_text(rows, i, 11)),
                              .sending = row_null(rows, i, 13) ? -1 : (int)row_int(rows, i, 13),
                              .due_at = row_time(rows, i, 15)};
}

static bool read_messages(struct search *search, const char *conversation, bool *found,
                          struct err *err)
{
    char seq[24];
    const char *const values[] = {search->org, conversation, seq};
    struct explained *messages;
    OWNED_ROWS(rows) = NULL;

    (void)snprintf(seq, sizeof(seq), "%lld", (long long)search->found->seq);
    if (!plain_ask(search->conn, &SQL_EXPLAIN_MESSAGES, 3, values, &rows, err))
        return false;
    messages = arena_array(search->into, struct explained, (size_t)rows_n(rows) + 1);
    *found = false;
    for (int i = 0; i < rows_n(rows); i++) {
        messages[i] = message_of(search->into, rows, i);
        *found = *found || messages[i].seq == search->found->seq;
    }
    search->found->messages = messages;
    search->found->n = (size_t)rows_n(rows);
    return true;
}

static bool read_cancellations(struct search *search, const char *conversation, struct err *err)
{
    char seq[24], id[UUID_TEXT_LEN + 1];
    const char *const values[] = {search->org, conversation, seq};
    struct explained_cancellation *all;
    OWNED_ROWS(rows) = NULL;

    if (!search->known)
        return true;
    (void)snprintf(seq, sizeof(seq), "%lld", (long long)search->found->seq);
    uuid_format(search->customer, id);
    if (!plain_command(search->conn,
                       arena_format(search->into, "set local parley.customer_id = '%s'", id).at,
                       err) ||
        !plain_ask(search->conn, &SQL_EXPLAIN_CANCELLATIONS, 3, values, &rows, err))
        return false;
    all = arena_array(search->into, struct explained_cancellation, (size_t)rows_n(rows) + 1);
    for (int i = 0; i < rows_n(rows); i++) {
        all[i] = (struct explained_cancellation){
            .number = arena_str(search->into, row_text(rows, i, 0)),
            .status = arena_str(search->into, row_text(rows, i, 1)),
            .rule = arena_str(search->into, row_text(rows, i, 2)),
            .facts = arena_str(search->into, row_text(rows, i, 3))};
    }
    search->found->cancellations = all;
    search->found->n_cancellations = (size_t)rows_n(rows);
    return true;
}

static bool look_in(struct search *search, struct uuid org, struct err *err)
{
    char conversation[UUID_TEXT_LEN + 1];
    bool found;

    uuid_format(org, search->org);
    search->found->org = org;
    if (!plain_begin(search->conn, org, err) || !find_place(search, &found, err))
        return false;
    uuid_format(search->found->conversation, conversation);
    if (found && !read_conversation(search, conversation, &found, err))
        return false;
    if (found && !read_messages(search, conversation, &found, err))
        return false;
    if (found && !read_cancellations(search, conversation, err))
        return false;
    search->done = found;
    return plain_command(search->conn, "rollback", err);
}

bool explain_message(const struct explain_wish *wish, struct arena *into,
                     struct explanation *explanation, struct err *err)
{
    OWNED_CONN(conn) = NULL;
    OWNED_ROWS(orgs) = NULL;
    struct search search = {.wish = wish, .into = into, .found = explanation};

    if (!plain_connect(wish->url, wish->role, wish->timeout, "parley explain", &conn, err) ||
        !plain_ask(conn, &SQL_BUSINESSES, 0, NULL, &orgs, err))
        return false;
    search.conn = conn;
    if (!plain_command(conn, "set statement_timeout = '60s'", err))
        return false;
    for (int i = 0; i < 2 * rows_n(orgs) && !search.done; i++) {
        search.scan = i >= rows_n(orgs);
        if (!look_in(&search, row_uuid(orgs, i % rows_n(orgs), 0), err))
            return err_wrap(err, "look for it; CONVERSATION:SEQ is found at once");
    }
    if (search.done)
        return true;
    return err_raise(
        err, ERR_REJECT,
        "no message is known as that: give the provider's id, or CONVERSATION:SEQ");
}
