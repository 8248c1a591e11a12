#include "bot/later/broadcasts.h"

#include "bot/door/desk_door.h"
#include "bot/lane/channels.h"
#include "bot/loop/log.h"
#include "bot/metrics.h"
#include "store/sql.h"

#include <stdlib.h>

#define AT_ONCE 4    /* broadcasts of a worker */
#define GATHER  200  /* customers a slice */
#define FEED    10   /* recipients a slice: their conversations are locked meanwhile */
#define ROOM    1000 /* that wait in a lane at most */
#define PAUSE   (200 * USEC_PER_MSEC) /* until a lane has sent some of what is there */

/* One on its way. */
struct feeder {
    struct broadcasts *broadcasts;
    bool busy;
    bool gathering;
    struct uuid org, id;
    usec_t asked_at; /* monotonic */
    struct arena arena;
    struct desk_call call;
    struct timer timer;
};

struct broadcasts {
    struct worker *worker;
    bool closing;
    struct feeder feeders[AT_ONCE];
};

static void step(struct feeder *feeder);

/* Another goes on with it when the lease is over, if there is more to do. */
static void leave(struct feeder *feeder)
{
    feeder->busy = false;
    arena_finish(&feeder->arena);
}

static void fired(struct timer *timer)
{
    step(CONTAINER_OF(timer, struct feeder, timer));
}

static void step_after(struct feeder *feeder, usec_t wait)
{
    if (feeder->broadcasts->closing) {
        leave(feeder);
        return;
    }
    timer_start(&feeder->broadcasts->worker->loop, &feeder->timer, wait, fired);
}

/* Half as long as it worked, and while it works a slice lets go of the processor by itself
 * (migration 0114): most of the time the database is others', and more so the busier it is. */
static usec_t rest(const struct feeder *feeder)
{
    return (clock_monotonic() - feeder->asked_at) / 2;
}

static bool went_well(struct feeder *feeder)
{
    const struct db_call *call = &feeder->call.call;

    if (call->err.code == ERR_NONE)
        return true;
    log_event(LOG_WARN, "broadcast.failed", LOG_ID("broadcast", feeder->id),
              LOG_ERR(&call->err));
    return false;
}

/* --- writing the ledger --------------------------------------------------------------------
 */

static void gathered(struct desk_call *call)
{
    struct feeder *feeder = CONTAINER_OF(call, struct feeder, call);

    if (!went_well(feeder)) {
        leave(feeder);
        return;
    }
    feeder->gathering = !row_bool(call->call.results[0], 0, 1);
    if (!feeder->gathering)
        log_event(LOG_INFO, "broadcast.gathered", LOG_ID("broadcast", feeder->id));
    step_after(feeder, rest(feeder));
}

static void gather(struct feeder *feeder)
{
    struct arena *arena = &feeder->arena;
    struct db_param *params = arena_array(arena, struct db_param, 4);

    params[0] = param_uuid(arena, feeder->org);
    params[1] = param_uuid(arena, feeder->id);
    params[2] = param_int4(arena, GATHER);
    params[3] = param_time(arena, clock_now());
    call_add(&feeder->call.call, &SQL_BROADCAST_GATHER, params);
    feeder->call.done = gathered;
}

/* --- feeding the lanes ---------------------------------------------------------------------
 */

static void fed(struct desk_call *call)
{
    struct feeder *feeder = CONTAINER_OF(call, struct feeder, call);
    const PGresult *rows = call->call.results != NULL ? call->call.results[0] : NULL;

    if (!went_well(feeder) || rows_n(rows) == 0) {
        leave(feeder);
        return;
    }
    int64_t placed = row_int(rows, 0, 0), looked = row_int(rows, 0, 1);
    struct str how = row_text(rows, 0, 2);
    count(COUNT_BROADCAST, (uint64_t)placed);
    if (str_eq(how, STR("fed"))) {
        step_after(feeder, looked >= FEED ? rest(feeder) : PAUSE);
        return;
    }
    if (str_eq(how, STR("over")))
        log_event(LOG_INFO, "broadcast.over", LOG_ID("broadcast", feeder->id));
    if (str_eq(how, STR("held"))) {
        log_event(LOG_ALERT, "broadcast.held", LOG_ID("broadcast", feeder->id),
                  LOG_S("why", row_text(rows, 0, 3)));
    }
    leave(feeder);
}

/* Half a second ahead of what the lane may send, and at least a slice. */
static unsigned room_of(unsigned rate)
{
    unsigned room = rate / 2 > FEED ? rate / 2 : FEED;

    return rate > 0 && room < ROOM ? room : ROOM;
}

static void feed(struct feeder *feeder)
{
    static const enum channel all[] = {CHANNEL_WHATSAPP, CHANNEL_SMS, CHANNEL_EMAIL};
    const struct config *config = feeder->broadcasts->worker->config;
    struct arena *arena = &feeder->arena;
    struct db_param *params = arena_array(arena, struct db_param, 7);
    struct db_array channels, rooms;

    array_init(&channels, arena, DB_TEXT);
    array_init(&rooms, arena, DB_INT4);
    for (size_t i = 0; i < COUNTOF(all); i++) {
        unsigned rate = channel_ways_by(config, all[i])->limits(config).rate;
        array_text(&channels, str_from(channel_name(all[i])));
        array_int(&rooms, room_of(rate));
    }
    params[0] = param_uuid(arena, feeder->org);
    params[1] = param_uuid(arena, feeder->id);
    params[2] = param_array(&channels);
    params[3] = param_array(&rooms);
    params[4] = param_int4(arena, FEED);
    params[5] = param_time(arena, clock_now());
    params[6] = param_time(arena, clock_now() + config->outbox.lease);
    call_add(&feeder->call.call, &SQL_BROADCAST_FEED, params);
    feeder->call.done = fed;
}

static void step(struct feeder *feeder)
{
    struct worker *worker = feeder->broadcasts->worker;

    if (worker->draining || !desk_door_is_open(worker->desk)) {
        leave(feeder);
        return;
    }
    feeder->asked_at = clock_monotonic();
    arena_reset(&feeder->arena);
    call_init(&feeder->call.call, &feeder->arena, feeder->org);
    if (feeder->gathering) {
        gather(feeder);
    } else {
        feed(feeder);
    }
    desk_door_call(worker->desk, &feeder->call);
}

/* --- looking --------------------------------------------------------------------------------
 */

static struct feeder *spare(const struct broadcasts *broadcasts)
{
    for (size_t i = 0; i < AT_ONCE; i++) {
        if (!broadcasts->feeders[i].busy)
            return (struct feeder *)&broadcasts->feeders[i];
    }
    return NULL;
}

void broadcasts_look(const struct broadcasts *broadcasts, struct db_call *call, struct uuid org,
                     usec_t now)
{
    const struct worker *worker = broadcasts->worker;
    struct db_param *params = arena_array(call->into, struct db_param, 3);
    bool able = !broadcasts->closing && !worker->draining && spare(broadcasts) != NULL;

    params[0] = param_uuid(call->into, org);
    params[1] = able ? param_time(call->into, now) : param_null(); /* then none is found */
    params[2] = param_time(call->into, now + worker->config->outbox.lease);
    call_add(call, &SQL_BROADCASTS_CLAIM, params);
}

void broadcasts_looked(struct broadcasts *broadcasts, struct uuid org, const PGresult *rows)
{
    struct feeder *feeder = spare(broadcasts);

    if (rows_n(rows) == 0 || feeder == NULL || broadcasts->closing)
        return;
    feeder->busy = true;
    feeder->broadcasts = broadcasts;
    feeder->org = org;
    feeder->id = row_uuid(rows, 0, 0);
    feeder->gathering = str_eq(row_text(rows, 0, 1), STR("gathering"));
    step(feeder);
}

/* --- life -----------------------------------------------------------------------------------
 */

struct broadcasts *broadcasts_create(struct worker *worker)
{
    struct broadcasts *broadcasts = calloc(1, sizeof *broadcasts);

    if (broadcasts == NULL)
        abort();
    broadcasts->worker = worker;
    return broadcasts;
}

void broadcasts_close(struct broadcasts *broadcasts)
{
    broadcasts->closing = true;
    for (size_t i = 0; i < AT_ONCE; i++)
        timer_close(&broadcasts->feeders[i].timer, NULL);
}

void broadcasts_destroy(struct broadcasts *broadcasts)
{
    if (broadcasts == NULL)
        return;
    for (size_t i = 0; i < AT_ONCE; i++)
        arena_finish(&broadcasts->feeders[i].arena);
    free(broadcasts);
}
