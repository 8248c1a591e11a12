/*
 * Every turn is stepped as far as it goes; what the turns wait for is asked for in one flight,
 * and so on until none waits. The engine is pure: all that it is to know is gathered around it
 * (batch_ask.c), and all that it wants is taken up (batch_absorb.c).
 */
#include "bot/turn/batch_inside.h"

#include "bot/loop/log.h"
#include "bot/turn/batch_absorb.h"
#include "bot/turn/batch_ask.h"
#include "bot/turn/batch_facts.h"

/* Of facts and actions, for one item: a flow's own loop check comes first. */
#define ROUNDS_MAX 32

/* "Known" is enough for reading on WhatsApp only: anybody can write an SMS in another's name.
 */
static bool may_read_known(const struct batch_work *work, const struct turn *turn)
{
    return work->batch->business->reading_known && turn->account->channel == CHANNEL_WHATSAPP;
}

static void begin_step(struct batch_work *work, struct turn *turn, struct item *item)
{
    turn->in = (struct flow_in){.state = turn->state,
                                .event = item->event,
                                .now = work->now,
                                .locale = batch_locale(work, turn),
                                .lang_is_settled = turn->language_settled,
                                .lang_is_known = turn->customer_language.len > 0,
                                .facts = batch_facts(work, turn),
                                .verified = batch_is_verified(work, turn),
                                .reading_known = may_read_known(work, turn),
                                .last_inbound_at = turn->last_inbound_at,
                                .stopped = turn->stopped,
                                .held = batch_is_held(work, turn)};
    turn->flow = flow_turn_begin(&work->arena, turn->book, &turn->in);
    turn->rounds = 0;
}

/* Run the turn until it waits for answers (true) or all of its items are handled. */
static bool advance(struct batch_work *work, struct turn *turn)
{
    while (turn->at < turn->n) {
        struct item *item = turn->items[turn->at];
        struct err err = {0};
        if (turn->flow == NULL && !batch_is_new(work, item)) {
            work->duplicates++;
            turn->at++;
            continue;
        }
        if (turn->flow == NULL && item->park != NULL) {
            batch_park(work, turn, item, item->park);
            turn->at++;
            continue;
        }
        if (turn->flow == NULL && turn->owned && batch_is_doubtful(work, turn, item)) {
            batch_doubt(work, turn, item);
            turn->at++;
            continue;
        }
        if (turn->flow == NULL)
            begin_step(work, turn, item);
        enum flow_progress progress = flow_turn_run(turn->flow, &err);
        if (progress == FLOW_NEEDS && turn->rounds++ < ROUNDS_MAX)
            return true;
        if (progress == FLOW_DONE) {
            batch_absorb(work, turn, item);
        } else {
            if (progress == FLOW_NEEDS)
                err_raise(&err, ERR_BROKEN, "the flow asks for facts without end");
            log_event(LOG_ALERT, "turns.flow_broken", LOG_ID("org", work->batch->business->org),
                      LOG_ERR(&err));
            batch_park(work, turn, item, arena_cstr(&work->arena, str_from(err.text)));
        }
        turn->flow = NULL;
        turn->at++;
    }
    return false;
}

static void round_flown(struct db_flight *flight);

static void begin_round(struct batch_work *work)
{
    flight_init(&work->flight, &work->arena);
    batch_then(work, round_flown);
    work->n_asked = 0;
}

/* Step every turn as far as it goes; ask for what they wait for, all in one flight, or commit.
 */
static void step_all(struct batch_work *work)
{
    bool again = true;

    while (again) {
        begin_round(work);
        again = false;
        for (size_t i = 0; i < work->n_turns; i++) {
            struct turn *turn = &work->turns[i];
            if (!turn->taken || !advance(work, turn))
                continue;
            batch_ask_needs(work, turn);
            again = true;
        }
        if (work->n_asked > 0) {
            flight_go(work->conn, &work->flight);
            return;
        }
    }
    batch_write(work);
}

static void round_flown(struct db_flight *flight)
{
    struct batch_work *work = CONTAINER_OF(flight, struct batch_work, flight);

    if (!batch_flown(work))
        return;
    for (size_t i = 0; i < work->n_asked; i++) {
        if (!batch_answer(work, &work->asked[i], flight->results[work->asked[i].query])) {
            log_event(LOG_ALERT, "turns.load_broken", LOG_ERR(&work->batch->err));
            batch_finish(work, BATCH_BAD);
            return;
        }
    }
    step_all(work);
}

/* What every step may use is looked up first: the customer, and the book where it is an old
 * one. */
void batch_rounds(struct batch_work *work)
{
    begin_round(work);
    batch_documents(work); /* first, while no customer is set: they are of several */
    batch_ask_jobs(work);
    for (size_t i = 0; i < work->n_turns; i++) {
        struct turn *turn = &work->turns[i];
        if (!turn->taken)
            continue;
        for (size_t k = 0; k < turn->n && !turn->fresh; k++)
            turn->fresh = turn->items[k]->job != NULL || batch_is_new(work, turn->items[k]);
        if (!turn->fresh)
            continue;
        batch_ask_book(work, turn);
        batch_ask_customer(work, turn);
    }
    if (work->n_asked > 0 || work->n_wanted > 0) {
        flight_go(work->conn, &work->flight);
    } else {
        step_all(work);
    }
}
