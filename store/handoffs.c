#include "store/handoffs.h"

#include "store/db.h"
#include "store/round.h"

#include <stdio.h>
#include <stdlib.h>

struct handoffs {
    PGconn *conn;
};

bool handoffs_open(const char *url, struct str role, usec_t timeout, struct handoffs **handoffs,
                   struct err *err)
{
    *handoffs = calloc(1, sizeof(**handoffs));
    if (!*handoffs)
        abort();
    return plain_connect(url, role, timeout, "parley handoff", &(*handoffs)->conn, err);
}

void handoffs_close(struct handoffs **handoffs)
{
    if (*handoffs)
        plain_close(&(*handoffs)->conn);
    free(*handoffs);
    *handoffs = NULL;
}

/* --- reading ------------------------------------------------------------------------------ */

static struct handoff handoff_of(struct arena *into, const PGresult *rows, int i,
                                 struct uuid org)
{
    return (struct handoff){.id = row_uuid(rows, i, 0),
                            .org = org,
                            .conversation = row_uuid(rows, i, 1),
                            .state = arena_str(into, row_text(rows, i, 2)),
                            .reason = arena_str(into, row_text(rows, i, 3)),
                            .asked_at = row_time(rows, i, 4),
                            .answer_by = row_time(rows, i, 5),
                            .held_by = arena_str(into, row_text(rows, i, 6)),
                            .answered_at = row_time(rows, i, 7),
                            .ended_at = row_time(rows, i, 8),
                            .ended_why = arena_str(into, row_text(rows, i, 9)),
                            .channel = arena_str(into, row_text(rows, i, 10)),
                            .address = arena_str(into, row_text(rows, i, 11)),
                            .name = arena_str(into, row_text(rows, i, 12)),
                            .seq = row_int(rows, i, 13)};
}

static int longest_first(const void *a, const void *b)
{
    const struct handoff *left = a, *right = b;
    return (left->asked_at > right->asked_at) - (left->asked_at < right->asked_at);
}

bool handoffs_list(struct handoffs *handoffs, bool all, size_t limit, struct arena *into,
                   const struct handoff **items, size_t *n, struct err *err)
{
    char most[24];
    const char *values[] = {NULL, all ? "t" : "f", most};
    struct handoff *found = NULL;
    size_t room = 0;
    OWNED_ROUND(round) = {
        .conn = handoffs->conn, .sql = &SQL_HANDOFFS_LIST, .n = 3, .values = values};
    (void)snprintf(most, sizeof(most), "%zu", limit);
    *n = 0;
    while (round_next(&round, err)) {
        for (int i = 0; i < rows_n(round.rows); i++) {
            found = arena_more(into, found, *n, &room);
            found[(*n)++] = handoff_of(into, round.rows, i, round.org);
        }
    }
    if (*n > 0)
        qsort(found, *n, sizeof(*found), longest_first);
    *items = found;
    *n = *n < limit ? *n : limit;
    return !round.failed;
}

bool handoffs_find(struct handoffs *handoffs, struct uuid id, struct arena *into,
                   struct handoff *handoff, struct err *err)
{
    char text[UUID_TEXT_LEN + 1];
    const char *values[] = {NULL, text};
    OWNED_ROUND(round) = {
        .conn = handoffs->conn, .sql = &SQL_HANDOFFS_FIND, .n = 2, .values = values};
    uuid_format(id, text);
    while (round_next(&round, err)) {
        if (rows_n(round.rows) > 0) {
            *handoff = handoff_of(into, round.rows, 0, round.org);
            return true;
        }
    }
    return !round.failed && err_raise(err, ERR_REJECT, "there is no handoff %s", text);
}

bool handoffs_said(struct handoffs *handoffs, const struct handoff *handoff, unsigned before,
                   struct arena *into, const struct handoff_line **lines, size_t *n,
                   struct err *err)
{
    char conversation[UUID_TEXT_LEN + 1], seq[24], most[16];
    const char *values[] = {NULL, conversation, seq, most};
    OWNED_ROWS(rows) = NULL;
    uuid_format(handoff->conversation, conversation);
    (void)snprintf(seq, sizeof(seq), "%lld", (long long)handoff->seq);
    (void)snprintf(most, sizeof(most), "%u", before);
    if (!plain_ask_of(handoffs->conn, handoff->org, &SQL_HANDOFFS_SAID, 4, values, &rows, err))
        return false;
    *n = (size_t)rows_n(rows);
    struct handoff_line *items = arena_array(into, struct handoff_line, *n + 1);
    for (int i = 0; i < (int)*n; i++) {
        items[i] = (struct handoff_line){.seq = row_int(rows, i, 0),
                                         .inbound = row_bool(rows, i, 1),
                                         .kind = arena_str(into, row_text(rows, i, 2)),
                                         .body = arena_str(into, row_text(rows, i, 3)),
                                         .at = row_time(rows, i, 4),
                                         .delivery = (int)row_int(rows, i, 5),
                                         .why = arena_str(into, row_text(rows, i, 6))};
    }
    *lines = items;
    return true;
}

/* --- acting ------------------------------------------------------------------------------- */

static bool judge(const PGresult *rows, struct err *err)
{
    struct str outcome = rows_n(rows) > 0 ? row_text(rows, 0, 0) : STR("not_open");

    if (str_eq(outcome, STR("taken")) || str_eq(outcome, STR("said")) ||
        str_eq(outcome, STR("released")))
        return true;
    if (str_eq(outcome, STR("held"))) {
        return err_raise(err, ERR_REJECT, "%.*s holds it: ask them to release it",
                         STR_ARG(row_text(rows, 0, 1)));
    }
    if (str_eq(outcome, STR("stopped")))
        return err_raise(err, ERR_REJECT, "the customer said STOP: nothing may be sent");
    if (str_eq(outcome, STR("window_closed"))) {
        return err_raise(err, ERR_REJECT,
                         "the customer last wrote more than 24 hours ago, and WhatsApp takes "
                         "no more words");
    }
    return err_raise(err, ERR_REJECT, "it is over: the bot has the conversation again");
}

bool handoffs_do(struct handoffs *handoffs, const struct handoff *handoff, enum handoff_act act,
                 const char *who, const char *body, struct uuid audit_id, struct err *err)
{
    static const struct sql *const queries[] = {[HANDOFF_TAKE] = &SQL_HANDOFFS_TAKE,
                                                [HANDOFF_SAY] = &SQL_HANDOFFS_SAY,
                                                [HANDOFF_RELEASE] = &SQL_HANDOFFS_RELEASE};
    char org[UUID_TEXT_LEN + 1], id[UUID_TEXT_LEN + 1], audit[UUID_TEXT_LEN + 1];
    const char *const values[] = {org, id, who, audit, body};
    OWNED_ROWS(rows) = NULL;
    uuid_format(handoff->org, org);
    uuid_format(handoff->id, id);
    uuid_format(audit_id, audit);
    if (plain_begin(handoffs->conn, handoff->org, err) &&
        plain_ask(handoffs->conn, queries[act], act == HANDOFF_SAY ? 5 : 4, values, &rows,
                  err) &&
        judge(rows, err))
        return plain_command(handoffs->conn, "commit", err);
    struct err ignored = {0}; /* the conversation must not stay ours */
    (void)!plain_command(handoffs->conn, "rollback", &ignored);
    return false;
}
