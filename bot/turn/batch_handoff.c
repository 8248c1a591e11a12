/*
 * One turn may end a handoff and another of the same batch and conversation begin the next, so
 * endings are written first.
 */
#include "bot/turn/batch_handoff.h"

#include "bot/loop/log.h"
#include "bot/turn/batch_facts.h"
#include "store/sql.h"

#define ANSWER_MINUTES 15
/* The silence outlasts the promise a little, so that the apology comes before the bot does. */
#define GRACE (5 * USEC_PER_MIN)

static usec_t answer_time(const struct batch_work *work)
{
    struct value minutes = record_get(work->batch->business->facts, STR("handoff_minutes"));

    return (minutes.kind == VALUE_INT && minutes.number > 0 ? minutes.number : ANSWER_MINUTES) *
           USEC_PER_MIN;
}

static const char *why_ended(const struct event *event)
{
    if (event->kind != EVENT_TIMER)
        return "withdrawn"; /* the customer would rather go on with the bot */
    if (str_eq(event->detail, STR(FLOW_HANDOFF_TIMEOUT)))
        return "unanswered";
    return str_eq(event->detail, STR(FLOW_HANDOFF_QUIET)) ? "quiet" : "released";
}

void batch_handoff_waits(const struct batch_work *work, struct turn *turn,
                         const struct item *item)
{
    if (batch_is_held(work, turn) && item->job == NULL && turn->handoff.asked == NULL)
        turn->handoff.waits = true;
}

void batch_handoff_absorb(struct batch_work *work, struct turn *turn, const struct item *item,
                          const struct flow_result *result)
{
    struct turn_handoff *handoff = &turn->handoff;

    if (result->released) {
        *handoff = (struct turn_handoff){.ended = why_ended(item->event)};
        turn->held_until = 0;
    } else if (result->handoff) {
        handoff->asked = result->handoff_reason;
        handoff->seq = turn->cause;
        handoff->by = result->handoff_by;
        handoff->holds = result->handoff_holds;
        handoff->waits = false;
        turn->held_until = result->handoff_holds ? result->handoff_by + GRACE : 0;
    } else {
        batch_handoff_waits(work, turn, item);
    }
}

static struct db_param *params_with(struct batch_work *work, struct db_array *arrays, size_t n,
                                    usec_t time)
{
    struct db_param *params = arena_array(&work->arena, struct db_param, n + 2);

    params[0] = param_uuid(&work->arena, work->batch->business->org);
    for (size_t i = 0; i < n; i++)
        params[1 + i] = param_array(&arrays[i]);
    params[1 + n] = param_time(&work->arena, time);
    return params;
}

static void soonest(struct batch_work *work, usec_t due)
{
    if (work->next_job == 0 || due < work->next_job)
        work->next_job = due;
}

static void write_ended(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_TEXT};
    struct db_array arrays[COUNTOF(types)];

    batch_arrays(work, arrays, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_turns; i++) {
        const struct turn *turn = &work->turns[i];
        if (turn->handoff.ended == NULL)
            continue;
        array_uuid(&arrays[0], turn->conversation);
        array_text(&arrays[1], str_from(turn->handoff.ended));
    }
    if (arrays[0].n == 0)
        return;
    struct db_param *params = params_with(work, arrays, COUNTOF(arrays), work->now);
    soonest(work, work->now);
    flight_add(work->conn, &work->flight, &SQL_TURN_HANDOFF_END, params);
    flight_add(work->conn, &work->flight, &SQL_TURN_HANDOFF_PAPERS, params);
    flight_add(work->conn, &work->flight, &SQL_TURN_HANDOFF_LINKS, params);
}

static void write_asked(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_UUID, DB_UUID, DB_TEXT,
                                         DB_INT8, DB_TIME, DB_TIME};
    struct db_array arrays[COUNTOF(types)];

    batch_arrays(work, arrays, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_turns; i++) {
        const struct turn *turn = &work->turns[i];
        const struct turn_handoff *handoff = &turn->handoff;
        if (handoff->asked == NULL)
            continue;
        array_uuid(&arrays[0], worker_uuid());
        array_uuid(&arrays[1], worker_uuid());
        array_uuid(&arrays[2], turn->conversation);
        array_text(&arrays[3], str_from(handoff->asked));
        array_int(&arrays[4], handoff->seq);
        array_time(&arrays[5], handoff->by);
        array_time(&arrays[6], handoff->holds ? handoff->by + GRACE : 0);
        soonest(work, handoff->by);
    }
    if (arrays[0].n > 0) {
        flight_add(work->conn, &work->flight, &SQL_TURN_HANDOFF_BEGIN,
                   params_with(work, arrays, COUNTOF(arrays), work->now));
    }
}

static void write_waiting(struct batch_work *work)
{
    struct db_array conversations;
    usec_t by = work->now + answer_time(work);

    array_init(&conversations, &work->arena, DB_UUID);
    for (size_t i = 0; i < work->n_turns; i++) {
        if (work->turns[i].handoff.waits)
            array_uuid(&conversations, work->turns[i].conversation);
    }
    if (conversations.n == 0)
        return;
    soonest(work, by);
    flight_add(work->conn, &work->flight, &SQL_TURN_HANDOFF_WAITS,
               params_with(work, &conversations, 1, by));
}

void batch_handoffs_log(const struct batch_work *work)
{
    for (size_t i = 0; i < work->n_turns; i++) {
        const struct turn *turn = &work->turns[i];
        const struct turn_handoff *handoff = &turn->handoff;
        if (handoff->ended != NULL) {
            bool late = strcmp(handoff->ended, "unanswered") == 0;
            log_event(late ? LOG_WARN : LOG_INFO, "handoff.ended",
                      LOG_ID("conversation", turn->conversation), LOG_C("why", handoff->ended));
        }
        if (handoff->asked != NULL) {
            log_event(LOG_INFO, "handoff.asked", LOG_ID("conversation", turn->conversation),
                      LOG_C("reason", handoff->asked));
        }
    }
}

void batch_handoffs_write(struct batch_work *work)
{
    write_ended(work);
    write_asked(work);
    write_waiting(work);
}
