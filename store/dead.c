#include "store/dead.h"

#include "store/db.h"
#include "store/round.h"

#include <stdio.h>
#include <stdlib.h>

struct dead {
    PGconn *conn;
};

bool dead_open(const char *url, struct str role, usec_t timeout, struct dead **dead,
               struct err *err)
{
    *dead = calloc(1, sizeof(**dead));
    if (!*dead)
        abort();
    return plain_connect(url, role, timeout, "parley dead", &(*dead)->conn, err);
}

void dead_close(struct dead **dead)
{
    if (*dead)
        plain_close(&(*dead)->conn);
    free(*dead);
    *dead = NULL;
}

/* --- reading -------------------------------------------------------------------------------
 */

static struct dead_letter letter_of(struct arena *into, const PGresult *rows, int i,
                                    struct uuid org)
{
    return (struct dead_letter){.id = row_uuid(rows, i, 0),
                                .org = org,
                                .at = row_time(rows, i, 1),
                                .reason = arena_str(into, row_text(rows, i, 2)),
                                .item = arena_str(into, row_text(rows, i, 3)),
                                .replayed_at = row_null(rows, i, 4) ? 0 : row_time(rows, i, 4),
                                .account = arena_str(into, row_text(rows, i, 5)),
                                .app = arena_str(into, row_text(rows, i, 6)),
                                .size = row_int(rows, i, 7),
                                .provider = arena_str(into, row_text(rows, i, 8))};
}

struct listing {
    struct arena *into;
    struct dead_letter *letters;
    size_t n, room;
};

static void listing_add(struct listing *listing, const PGresult *rows, struct uuid org)
{
    for (int i = 0; i < rows_n(rows); i++) {
        listing->letters =
            arena_more(listing->into, listing->letters, listing->n, &listing->room);
        listing->letters[listing->n++] = letter_of(listing->into, rows, i, org);
    }
}

static int newest_first(const void *a, const void *b)
{
    const struct dead_letter *left = a, *right = b;
    return (left->at < right->at) - (left->at > right->at);
}

/* Those of all businesses, each asked for $most. */
static bool list_businesses(struct dead *dead, bool all, const char *most,
                            struct listing *listing, struct err *err)
{
    const char *values[] = {NULL, all ? "t" : "f", most};
    OWNED_ROUND(round) = {
        .conn = dead->conn, .sql = &SQL_DEAD_LETTERS_LIST, .n = 3, .values = values};
    while (round_next(&round, err))
        listing_add(listing, round.rows, round.org);
    return !round.failed;
}

bool dead_list(struct dead *dead, bool all, size_t limit, struct arena *into,
               const struct dead_letter **letters, size_t *n, struct err *err)
{
    struct listing listing = {.into = into};
    char most[24];
    (void)snprintf(most, sizeof(most), "%zu", limit);
    const char *const values[] = {most};
    OWNED_ROWS(unrouted) = NULL;
    if (!plain_ask(dead->conn, &SQL_UNROUTED_LIST, 1, values, &unrouted, err) ||
        !list_businesses(dead, all, most, &listing, err))
        return false;
    listing_add(&listing, unrouted, (struct uuid){{0}});
    if (listing.n > 0)
        qsort(listing.letters, listing.n, sizeof(*listing.letters), newest_first);
    *letters = listing.letters;
    *n = listing.n < limit ? listing.n : limit;
    return true;
}

static bool read_whole(const PGresult *rows, struct uuid org, struct arena *into,
                       struct dead_letter *letter)
{
    if (rows_n(rows) == 0)
        return false;
    *letter = letter_of(into, rows, 0, org);
    letter->body = arena_str(into, row_text(rows, 0, 9));
    return true;
}

bool dead_find(struct dead *dead, struct uuid id, struct arena *into,
               struct dead_letter *letter, struct err *err)
{
    char text[UUID_TEXT_LEN + 1];
    const char *values[] = {NULL, text};
    OWNED_ROWS(unrouted) = NULL;
    OWNED_ROUND(round) = {
        .conn = dead->conn, .sql = &SQL_DEAD_LETTERS_GET, .n = 2, .values = values};
    uuid_format(id, text);
    if (!plain_ask(dead->conn, &SQL_UNROUTED_GET, 1, values + 1, &unrouted, err))
        return false;
    if (read_whole(unrouted, (struct uuid){{0}}, into, letter))
        return true;
    while (round_next(&round, err)) {
        if (read_whole(round.rows, round.org, into, letter))
            return true;
    }
    return !round.failed && err_raise(err, ERR_REJECT, "there is no dead letter %s", text);
}

bool dead_app_of(struct dead *dead, struct str external_id, struct arena *into, struct str *app,
                 struct err *err)
{
    const char *const values[] = {arena_cstr(into, external_id)};
    OWNED_ROWS(rows) = NULL;
    if (!plain_ask(dead->conn, &SQL_DEAD_APP_OF, 1, values, &rows, err))
        return false;
    *app = rows_n(rows) > 0 ? arena_str(into, row_text(rows, 0, 0)) : STR_NONE;
    return true;
}

/* --- replaying -----------------------------------------------------------------------------
 */

static bool change(struct dead *dead, const struct sql *sql, int n, const char *const *values,
                   struct err *err)
{
    OWNED_ROWS(rows) = NULL;
    return plain_ask(dead->conn, sql, n, values, &rows, err);
}

bool dead_forget(struct dead *dead, const struct dead_letter *letter, const struct hash16 *hash,
                 struct err *err)
{
    char org[UUID_TEXT_LEN + 1], id[UUID_TEXT_LEN + 1], hex[2 + 2 * HASH16_LEN + 1];
    const char *const values[] = {org, id, hex};
    if (uuid_is_none(letter->org))
        return true;
    uuid_format(letter->org, org);
    uuid_format(letter->id, id);
    hex[0] = '\\';
    hex[1] = 'x';
    hex_format(hash->bytes, sizeof(hash->bytes), hex + 2);
    return plain_begin(dead->conn, letter->org, err) &&
           change(dead, &SQL_DEAD_LETTERS_FORGET, 3, values, err) &&
           plain_command(dead->conn, "commit", err);
}

bool dead_replayed(struct dead *dead, const struct dead_letter *letter, struct uuid audit_id,
                   const char *actor, struct err *err)
{
    char org[UUID_TEXT_LEN + 1], id[UUID_TEXT_LEN + 1], audit[UUID_TEXT_LEN + 1];
    const char *const values[] = {org, id}, *const unrouted[] = {id};
    const char *const audited[] = {org, audit, actor, id};
    uuid_format(letter->org, org);
    uuid_format(letter->id, id);
    uuid_format(audit_id, audit);
    if (uuid_is_none(letter->org))
        return change(dead, &SQL_UNROUTED_FORGET, 1, unrouted, err);
    return plain_begin(dead->conn, letter->org, err) &&
           change(dead, &SQL_DEAD_LETTERS_REPLAYED, 2, values, err) &&
           change(dead, &SQL_DEAD_LETTERS_AUDIT, 4, audited, err) &&
           plain_command(dead->conn, "commit", err);
}
