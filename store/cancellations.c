#include "store/cancellations.h"

#include "store/db.h"
#include "store/round.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct cancellations {
    PGconn *conn;
};

bool cancellations_connect(const char *url, usec_t timeout,
                           struct cancellations **cancellations, struct err *err)
{
    *cancellations = calloc(1, sizeof(**cancellations));
    if (!*cancellations)
        abort();
    return plain_connect(url, STR("parley_staff"), timeout, "parley cancellation",
                         &(*cancellations)->conn, err);
}

void cancellations_close(struct cancellations **cancellations)
{
    if (*cancellations)
        plain_close(&(*cancellations)->conn);
    free(*cancellations);
    *cancellations = NULL;
}

/* --- reading ------------------------------------------------------------------------------ */

static struct cancellation row_of(struct arena *into, const PGresult *rows, int i,
                                  struct uuid org)
{
    return (struct cancellation){.id = row_uuid(rows, i, 0),
                                 .org = org,
                                 .number = arena_str(into, row_text(rows, i, 1)),
                                 .status = arena_str(into, row_text(rows, i, 2)),
                                 .asked_at = row_time(rows, i, 3),
                                 .status_at = row_time(rows, i, 4),
                                 .reason = arena_str(into, row_text(rows, i, 5)),
                                 .rule = arena_str(into, row_text(rows, i, 6))};
}

static int oldest_first(const void *a, const void *b)
{
    const struct cancellation *left = a, *right = b;
    return (left->asked_at > right->asked_at) - (left->asked_at < right->asked_at);
}

bool cancellations_list(struct cancellations *cancellations, bool all, size_t limit,
                        struct arena *into, const struct cancellation **rows, size_t *n,
                        struct err *err)
{
    char most[24];
    const char *values[] = {NULL, all ? "t" : "f", most};
    struct cancellation *kept = NULL;
    size_t room = 0;
    OWNED_ROUND(round) = {
        .conn = cancellations->conn, .sql = &SQL_CANCELLATIONS_OPEN, .n = 3, .values = values};
    (void)snprintf(most, sizeof(most), "%zu", limit);
    *n = 0;
    while (round_next(&round, err)) {
        for (int i = 0; i < rows_n(round.rows); i++) {
            kept = arena_more(into, kept, *n, &room);
            kept[*n] = row_of(into, round.rows, i, round.org);
            kept[(*n)++].has_note = row_bool(round.rows, i, 7);
        }
    }
    if (*n > 0)
        qsort(kept, *n, sizeof(*kept), oldest_first);
    *n = *n < limit ? *n : limit;
    *rows = kept;
    return !round.failed;
}

static void read_whole(struct arena *into, const PGresult *rows, struct cancellation *found)
{
    found->note = arena_str(into, row_text(rows, 0, 7));
    found->has_note = found->note.len > 0;
    found->facts = arena_str(into, row_text(rows, 0, 8));
    found->decided_by = arena_str(into, row_text(rows, 0, 9));
    found->decision_note = arena_str(into, row_text(rows, 0, 10));
}

bool cancellations_find(struct cancellations *cancellations, struct uuid id, struct arena *into,
                        struct cancellation *found, struct err *err)
{
    char text[UUID_TEXT_LEN + 1];
    const char *values[] = {NULL, text};
    OWNED_ROUND(round) = {
        .conn = cancellations->conn, .sql = &SQL_CANCELLATION_LOOK, .n = 2, .values = values};
    uuid_format(id, text);
    while (round_next(&round, err)) {
        if (rows_n(round.rows) == 0)
            continue;
        *found = row_of(into, round.rows, 0, round.org);
        read_whole(into, round.rows, found);
        return true;
    }
    return !round.failed && err_raise(err, ERR_REJECT, "there is no such cancellation");
}

/* --- deciding ----------------------------------------------------------------------------- */

static const char *time_text(struct arena *into, usec_t at)
{
    /* PostgreSQL reads it as it stands, to the microsecond. */
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    struct tm tm;
    char text[32];
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &tm));
    return arena_format(into, "%s.%06" PRId64 "Z", text, (int64_t)(at % USEC_PER_SEC)).at;
}

static bool was_decided(struct str outcome)
{
    return str_eq(outcome, STR("in_review")) || str_eq(outcome, STR("approved")) ||
           str_eq(outcome, STR("rejected"));
}

static const char *id_text(struct arena *into, struct uuid id)
{
    return arena_cstr(into, uuid_str(into, id));
}

/* In the transaction that decided. */
static bool promise(struct cancellations *cancellations, const struct cancellation *found,
                    const char *who, const char *now, struct uuid audit, struct arena *into,
                    struct cancellation_decision *decision, struct err *err)
{
    const char *const values[] = {id_text(into, found->org), id_text(into, found->id), who,
                                  id_text(into, audit), now};
    OWNED_ROWS(rows) = NULL;
    if (!plain_ask(cancellations->conn, &SQL_CANCELLATION_NOTICE, 5, values, &rows, err))
        return err_wrap(err, "tell the customer");
    decision->told = rows_n(rows) > 0 ? arena_str(into, row_text(rows, 0, 0)) : STR("nowhere");
    if (str_eq(decision->told, STR("told")))
        decision->told_at = row_time(rows, 0, 1);
    return true;
}

bool cancellations_decide(struct cancellations *cancellations, const struct cancellation *found,
                          const char *wish, const char *note, const char *who, usec_t now,
                          struct uuid audit, struct arena *into,
                          struct cancellation_decision *decision, struct err *err)
{
    const char *at = time_text(into, now);
    const char *const values[] = {
        id_text(into, found->org), id_text(into, found->id), wish, note, who, at};
    OWNED_ROWS(rows) = NULL;
    *decision = (struct cancellation_decision){.told = STR_NONE};
    if (!plain_begin(cancellations->conn, found->org, err) ||
        !plain_ask(cancellations->conn, &SQL_CANCELLATION_DECIDE, 6, values, &rows, err))
        return err_wrap(err, "decide");
    decision->outcome = arena_str(into, row_text(rows, 0, 0));
    if (was_decided(decision->outcome) &&
        !promise(cancellations, found, who, at, audit, into, decision, err))
        return false;
    return plain_command(cancellations->conn, "commit", err);
}

/* --- rules ---------------------------------------------------------------------------------
 */

bool cancellations_business(struct cancellations *cancellations, const char *text,
                            struct uuid *org, struct err *err)
{
    OWNED_ROWS(orgs) = NULL;
    if (text) {
        return uuid_parse(str_from(text), org) ||
               err_raise(err, ERR_REJECT, "'%s' is not the id of a business", text);
    }
    if (!plain_ask(cancellations->conn, &SQL_BUSINESSES, 0, NULL, &orgs, err))
        return false;
    if (rows_n(orgs) != 1) {
        return err_raise(err, ERR_REJECT,
                         "there are %d businesses: say which with --business ID", rows_n(orgs));
    }
    *org = row_uuid(orgs, 0, 0);
    return true;
}

bool cancellations_rules(struct cancellations *cancellations, struct uuid org,
                         struct arena *into, const struct str **rules, size_t *n,
                         struct err *err)
{
    const char *const values[] = {id_text(into, org)};
    OWNED_ROWS(rows) = NULL;
    if (!plain_begin(cancellations->conn, org, err) ||
        !plain_ask(cancellations->conn, &SQL_CANCELLATION_RULES_LIST, 1, values, &rows, err) ||
        !plain_command(cancellations->conn, "rollback", err))
        return false;
    struct str *kept = arena_array(into, struct str, (size_t)rows_n(rows) + 1);
    for (int i = 0; i < rows_n(rows); i++)
        kept[i] = arena_str(into, row_text(rows, i, 0));
    *rules = kept;
    *n = (size_t)rows_n(rows);
    return true;
}

bool cancellations_keep_rules(struct cancellations *cancellations, struct uuid org,
                              const struct str *rules, size_t n, struct arena *scratch,
                              struct err *err)
{
    const char *org_text = id_text(scratch, org);
    OWNED_ROWS(dropped) = NULL;
    if (!plain_begin(cancellations->conn, org, err) ||
        !plain_ask(cancellations->conn, &SQL_CANCELLATION_RULES_DROP, 1, &org_text, &dropped,
                   err))
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *const values[] = {org_text, arena_format(scratch, "%zu", (i + 1) * 10).at,
                                      arena_cstr(scratch, rules[i])};
        OWNED_ROWS(rows) = NULL;
        if (!plain_ask(cancellations->conn, &SQL_CANCELLATION_RULE_KEEP, 3, values, &rows, err))
            return err_wrap(err, "rule %zu", i + 1);
    }
    return plain_command(cancellations->conn, "commit", err);
}

bool cancellations_try(struct cancellations *cancellations, struct uuid org, const char *number,
                       usec_t at, struct arena *into, struct cancellation_trial *trial,
                       struct err *err)
{
    const char *const values[] = {id_text(into, org), number, time_text(into, at)};
    OWNED_ROWS(rows) = NULL;
    if (!plain_begin(cancellations->conn, org, err) ||
        !plain_ask(cancellations->conn, &SQL_CANCELLATION_TRY, 3, values, &rows, err) ||
        !plain_command(cancellations->conn, "rollback", err))
        return false;
    if (rows_n(rows) == 0)
        return err_raise(err, ERR_REJECT, "there is no order '%s'", number);
    *trial = (struct cancellation_trial){
        .outcome = arena_str(into, row_text(rows, 0, 0)),
        .rule = arena_str(into, row_text(rows, 0, 1)),
        .closes_at = row_null(rows, 0, 2) ? 0 : row_time(rows, 0, 2),
        .closed_at = row_null(rows, 0, 3) ? 0 : row_time(rows, 0, 3),
        .facts = arena_str(into, row_text(rows, 0, 4))};
    return true;
}
