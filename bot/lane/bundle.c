#include "bot/lane/lanes_inside.h"

#include "bot/loop/log.h"
#include "store/sql.h"

#include <stdlib.h>

#define UNDER_WAY_MAX 4 /* of one lane: SQL_FACES_OF gives a thousand messages at most */
#define IN_ROW_MAX    3 /* then what cannot go in one has its turn */
#define WAITING_MAX   4 /* to go again; then there are no new ones */

/* A carrier that is away for a while would else cost a hundred messages for each request. They
 * lose nothing by waiting: their key is kept for a day. */
#define ATTEMPTS 30

#define COLUMN_ID 17 /* behind those of outbox_intend */
#define COLUMN_AT 18

struct bundle {
    struct lane *lane;
    struct arena arena;
    struct uuid id;
    struct sending_row **rows; /* those that go, in their order */
    struct str *members;
    size_t n;
    struct http_request request;
    struct fetch fetch;
};

static const struct bundle_ways *ways_of(const struct lane *lane)
{
    return lane->ways->bundle;
}

/* --- when --------------------------------------------------------------------------------- */

void bundle_forget(struct lane *lane)
{
    struct bundles *bundles = &lane->bundles;

    *bundles = (struct bundles){.due = INT64_MAX, .under_way = bundles->under_way};
}

void bundle_tick(struct lane *lane, usec_t now)
{
    if (now < lane->bundles.due)
        return;
    lane->bundles.due = INT64_MAX;
    lane->bundles.again = true;
    lane->more = true;
}

bool bundle_wanted(const struct lane *lane)
{
    const struct bundles *bundles = &lane->bundles;

    return ways_of(lane) != NULL && (bundles->again || (bundles->backlog && !lane->stopped)) &&
           bundles->under_way < UNDER_WAY_MAX && bundles->in_row < IN_ROW_MAX;
}

void bundle_add_claim(struct lane *lane)
{
    struct arena *arena = &lane->cycle_arena;
    struct db_param *params = lane_params(arena, 9, lane);
    unsigned most = lane_config(lane)->outbox.claim_max;

    most = most < ways_of(lane)->most ? most : ways_of(lane)->most;
    params[2] = param_uuid(arena, lane->lanes->worker->id);
    params[3] = param_int8(arena, lane->epoch);
    params[4] = param_time(arena, clock_now());
    params[5] = param_int4(arena, (int32_t)most);
    params[6] = param_uuid(arena, worker_uuid());
    params[7] = param_int4(arena, (int32_t)ways_of(lane)->least);
    params[8] = param_int4(arena, WAITING_MAX);
    call_add(&lane->cycle_call, &SQL_BUNDLE_INTEND, params);
}

/* After a bundle there may be more of them; after none there may be what goes alone. */
void bundle_claimed(struct lane *lane, unsigned n)
{
    struct bundles *bundles = &lane->bundles;

    if (ways_of(lane) == NULL)
        return;
    if (!lane->bundling) {
        bundles->in_row = 0;
        bundles->backlog = n > 0 && n == lane->claim.all;
        return;
    }
    lane->more = true;
    bundles->in_row++;
    if (n > 0) {
        bundles->under_way++;
    } else {
        bundles->backlog = bundles->again = false;
    }
}

static void due_at(struct lane *lane, usec_t at)
{
    if (at < lane->bundles.due)
        lane->bundles.due = at;
}

void bundle_found(struct lane *lane, const PGresult *rows)
{
    usec_t wait;

    if (rows_n(rows) == 0 || row_null(rows, 0, 0))
        return;
    wait = row_time(rows, 0, 0) - clock_now();
    due_at(lane, clock_monotonic() + (wait > 0 ? wait : 0));
}

/* --- what became of it -------------------------------------------------------------------- */

static void end(struct bundle *bundle)
{
    struct lane *lane = bundle->lane;

    /* All at once, and only then may a cycle begin: a part of a bundle is never settled. */
    for (size_t i = 0; i < bundle->n; i++)
        sending_closes(bundle->rows[i]);
    lane->under_way--;
    lane->bundles.under_way--;
    arena_finish(&bundle->arena);
    free(bundle);
    lane_pump(lane);
}

/* They go again together. */
static void keep(struct bundle *bundle, struct sending_row *row, usec_t wait)
{
    sending_put_off(row, OUTBOX_BUNDLED, wait);
    due_at(bundle->lane, clock_monotonic() + wait);
}

static void take(struct bundle *bundle, const struct str *ids)
{
    lane_taken(bundle->lane);
    for (size_t i = 0; i < bundle->n; i++) {
        struct sending_row *row = bundle->rows[i];
        struct sending_result one = {.sending = SENDING_ACCEPTED};
        if (ids[i].len > 0)
            one.provider_id = arena_str(&row->arena, ids[i]);
        sending_decide(row, &one);
    }
}

static void retry(struct bundle *bundle, const struct sending_result *result)
{
    unsigned most = lane_config(bundle->lane)->outbox.max_attempts;
    usec_t wait = sending_wait(bundle->rows[0], result);

    most = most > ATTEMPTS ? most : ATTEMPTS;
    most = most > result->max_attempts ? most : result->max_attempts;
    count(COUNT_SEND_RETRIES, 1);
    for (size_t i = 0; i < bundle->n; i++) {
        struct sending_row *row = bundle->rows[i];
        if ((unsigned)row->attempt >= most) {
            sending_fail(row, result->code, STR("too many attempts"));
        } else {
            keep(bundle, row, wait);
        }
    }
}

/* Into a new one, or alone. It was not on the wire, as far as we can tell whose fault it was;
 * one that goes alone keeps its attempt, so that it is not bundled any more. */
static void move(struct bundle *bundle, size_t from, size_t to, bool alone)
{
    struct uuid id = worker_uuid();

    for (size_t i = from; i < to; i++) {
        struct sending_row *row = bundle->rows[i];
        row->moved = true;
        if (alone || to - from == 1) {
            sending_put_off(row, OUTBOX_READY, 0);
        } else {
            row->bundle = id;
            row->attempt--;
            keep(bundle, row, 0);
        }
    }
    bundle->lane->more = true;
}

static void refuse(struct bundle *bundle, const struct sending_result *result)
{
    bool unknown = result->code == 404 || result->code == 405; /* nobody there takes bundles */
    size_t half = (bundle->n + 1) / 2;

    if (bundle->n == 1) {
        sending_decide(bundle->rows[0], result);
        return;
    }
    log_event(LOG_WARN, "bundle.refused", LOG_S("lane", bundle->lane->account->external_id),
              LOG_I("messages", bundle->n), LOG_I("code", result->code),
              LOG_S("why", result->reason));
    move(bundle, 0, half, unknown);
    move(bundle, half, bundle->n, unknown);
}

/* The account is refused: none is at fault. What an earlier try of theirs did is not known, so
 * they stay together. */
static void stop(struct bundle *bundle, const struct sending_result *result)
{
    sending_decide(bundle->rows[0], result);
    for (size_t i = 0; i < bundle->n; i++) {
        bundle->rows[i]->attempt -= i > 0; /* the first one's is taken back */
        keep(bundle, bundle->rows[i], 0);
    }
}

static void tell(const struct bundle *bundle, const struct sending_result *result)
{
    if (result->code != 0)
        count_error(result->code);
    if (result->alert && result->sending == SENDING_RETRY) {
        log_event(LOG_ALERT, "outbox.refused",
                  LOG_S("lane", bundle->lane->account->external_id),
                  LOG_I("code", result->code), LOG_S("why", result->reason));
    }
}

static void answered(struct fetch *fetch)
{
    struct bundle *bundle = CONTAINER_OF(fetch, struct bundle, fetch);
    struct str *ids = arena_array(&bundle->arena, struct str, bundle->n);
    struct sending_result result = {0};

    for (size_t i = 0; i < bundle->n; i++)
        bundle->rows[i]->wire = NULL;
    observe(HIST_SEND, fetch->took);
    ways_of(bundle->lane)->answer(&bundle->arena, &fetch->answer, bundle->n, &result, ids);
    switch (result.sending) {
    case SENDING_ACCEPTED:
        take(bundle, ids);
        break;
    case SENDING_REFUSED:
    case SENDING_ELSEWHERE:
        refuse(bundle, &result);
        break;
    case SENDING_STOP_LANE:
        stop(bundle, &result);
        break;
    case SENDING_RETRY:
    case SENDING_PAIR_WAIT:
    case SENDING_UNKNOWN:
        tell(bundle, &result);
        retry(bundle, &result);
        break;
    }
    end(bundle);
}

/* --- from the intent to the wire ---------------------------------------------------------- */

struct place {
    int at, row;
};

static int by_place(const void *a, const void *b)
{
    return ((const struct place *)a)->at - ((const struct place *)b)->at;
}

/* Whether it goes along; else it has failed, and its bundle goes without it. One that the
 * database has no more is missing in every repetition, too. */
static bool add(struct bundle *bundle, struct sending_row *row, struct str sealed)
{
    struct str *member = &bundle->members[bundle->n];
    struct err err = {0};

    if (row->stopped) {
        count(COUNT_STOPPED, 1);
        sending_fail(row, 0, STR("stopped"));
        return false;
    }
    if (!sending_unseal(row, sealed, &err) || !sending_compose(row, &err) ||
        !ways_of(bundle->lane)->member(&row->arena, &row->message, member, &err)) {
        sending_unsayable(row, &err);
        return false;
    }
    bundle->rows[bundle->n++] = row;
    return true;
}

static struct bundle *read_all(struct lane *lane, const PGresult *rows,
                               const PGresult *speakers)
{
    struct bundle *bundle = calloc(1, sizeof *bundle);
    size_t n = (size_t)rows_n(rows);

    if (bundle == NULL)
        abort();
    bundle->lane = lane;
    bundle->id = row_uuid(rows, 0, COLUMN_ID);
    bundle->rows = arena_array(&bundle->arena, struct sending_row *, n);
    bundle->members = arena_array(&bundle->arena, struct str, n);
    struct place *places = arena_array(&bundle->arena, struct place, n);
    for (size_t i = 0; i < n; i++)
        places[i] = (struct place){(int)row_int(rows, (int)i, COLUMN_AT), (int)i};
    qsort(places, n, sizeof *places, by_place);
    for (size_t i = 0; i < n; i++) {
        struct sending_row *row = sending_read(lane, rows, places[i].row, speakers);
        if (!add(bundle, row, row_text(rows, places[i].row, 11)))
            sending_closes(row);
    }
    return bundle;
}

static bool encode(struct bundle *bundle, struct err *err)
{
    char id[UUID_TEXT_LEN + 1];

    uuid_format(bundle->id, id);
    return ways_of(bundle->lane)
        ->encode(&bundle->arena, lane_config(bundle->lane),
                 arena_format(&bundle->arena, "b1.%s", id), bundle->members, bundle->n,
                 &bundle->request, err);
}

static void go(struct bundle *bundle)
{
    const struct channel_limits *limits = &bundle->lane->limits;

    count(COUNT_SEND_BUNDLES, 1);
    bundle->fetch = (struct fetch){.request = &bundle->request,
                                   .connect_timeout = limits->connect_timeout,
                                   .timeout = limits->timeout,
                                   .body_max = limits->answer_max,
                                   .into = &bundle->arena,
                                   .until = bundle->lane->lease_until,
                                   .done = answered};
    for (size_t i = 0; i < bundle->n; i++)
        bundle->rows[i]->wire = &bundle->fetch;
    fetcher_start(bundle->lane->lanes->worker->fetcher, &bundle->fetch);
}

void bundle_send(struct lane *lane, const PGresult *rows, const PGresult *speakers)
{
    struct bundle *bundle;
    struct err err = {0};

    if (rows_n(rows) == 0)
        return;
    bundle = read_all(lane, rows, speakers);
    if (bundle->n == 0) {
        end(bundle);
    } else if (clock_monotonic() > lane->lease_until || bundle->rows[0]->epoch != lane->epoch) {
        for (size_t i = 0; i < bundle->n; i++) {
            bundle->rows[i]->attempt--; /* it was never on the wire */
            keep(bundle, bundle->rows[i], 0);
        }
        end(bundle);
    } else if (!encode(bundle, &err)) {
        for (size_t i = 0; i < bundle->n; i++)
            sending_unsayable(bundle->rows[i], &err);
        end(bundle);
    } else {
        go(bundle);
    }
}
