/*
 * Every turn is stepped as far as it goes; what the turns wait for is asked for in one flight,
 * and so on until none waits. The engine is pure: all that it is to know is gathered here.
 */
#include "bot/batch_code.h"

#include "bot/batch_hand.h"
#include "bot/batch_handoff.h"
#include "bot/books.h"
#include "bot/loop/log.h"
#include "bot/people.h"
#include "store/parts.h"
#include "store/sql.h"

#define ROUNDS_MAX                                                                             \
    32 /* of facts and actions, for one item: a flow's own loop check comes first */

/* --- stepping
 * ----------------------------------------------------------------------------------- */

/* Many items of one delivery may be buried at once; the first has the delivery, the others name
 * it. */
void batch_bury(struct batch_work *work, const struct item *item, const char *reason)
{
    struct portion *portion = item->portion;
    struct uuid id = worker_uuid();
    bool first = portion->buried_in != work->began;

    if (first) {
        portion->buried_in = work->began;
        portion->buried = id;
        array_null(&work->dead[5]);
    } else {
        array_uuid(&work->dead[5], portion->buried);
    }
    array_uuid(&work->dead[0], id);
    array_uuid(&work->dead[1], item->account->account); /* as in `seen` */
    array_text(&work->dead[2], str_from(reason));
    array_text(&work->dead[3], item->event->id);
    array_text(&work->dead[4], first ? portion->delivery->body : STR(""));
    work->n_dead++;
}

int64_t batch_log(struct batch_work *work, struct turn *turn, const struct batch_row *row)
{
    struct hash16 hash = hash16_of(&row->provider_id, 1);

    turn->seq++;
    turn->dirty = true;
    array_uuid(&work->log[0], turn->conversation);
    array_int(&work->log[1], turn->seq);
    array_bool(&work->log[2], row->inbound);
    array_text(&work->log[3], str_from(row->kind));
    array_text(&work->log[4], row->body.at != NULL ? row->body : STR(""));
    array_time(&work->log[5], row->at);
    if (row->inbound || row->provider_id.len == 0) {
        array_null(&work->log[6]);
    } else {
        array_hash(&work->log[6], &hash);
    }
    array_text(&work->log[7], row->provider_id);
    if (uuid_is_none(row->payload)) {
        array_null(&work->log[8]);
    } else {
        array_uuid(&work->log[8], row->payload);
    }
    if (row->cause == 0) {
        array_null(&work->log[9]);
    } else {
        array_int(&work->log[9], row->cause);
    }
    array_text(&work->log[10], row->why);
    work->n_log++;
    return turn->seq;
}

static void say(struct batch_work *work, struct turn *turn, const struct item *item,
                const struct reply *reply, struct str why, bool exempt)
{
    struct batch_row row = {.kind = reply_kind_name(reply->kind),
                            .body = reply_to_json(&work->arena, reply),
                            .at = work->now,
                            .cause = turn->cause,
                            .why = why};
    int64_t seq = batch_log(work, turn, &row);

    batch_promise(work, &(struct promise){.turn = turn,
                                          .seq = seq,
                                          .due_at = item->portion->delivery->received_at,
                                          .exempt = exempt,
                                          .later = item->job != NULL,
                                          .body = row.body});
}

static bool is_verified(const struct batch_work *work, const struct turn *turn)
{
    return turn->verified_until > work->now;
}

static struct str known_language(const struct batch_work *work, const struct turn *turn)
{
    if (turn->language.len > 0 && turn->language_settled)
        return turn->language;
    if (turn->customer_language.len > 0)
        return turn->customer_language;
    if (turn->language.len > 0)
        return turn->language;
    if (people_language_of_phone(turn->phone).len > 0)
        return people_language_of_phone(turn->phone);
    return work->batch->business->language;
}

struct locale batch_locale(const struct batch_work *work, const struct turn *turn)
{
    struct locale locale = {.lang = LANG_EN, .now = work->now};

    if (!lang_parse(known_language(work, turn), &locale.lang))
        locale.lang = LANG_EN;
    locale.zone =
        turn->customer_zone.len > 0 ? turn->customer_zone : work->batch->business->time_zone;
    return locale;
}

/* What cannot be handled is kept for a person, and the customer is told that it was us. */
static void park(struct batch_work *work, struct turn *turn, struct item *item,
                 const char *reason)
{
    const struct worker *worker = work->batch->worker;
    struct locale locale = batch_locale(work, turn);
    struct batch_row row = {.inbound = true,
                            .kind = "parked",
                            .at = work->now,
                            .payload = item->portion->payload_id};
    struct reply reply = {.kind = REPLY_TEXT};

    batch_bury(work, item, reason);
    if (item->job != NULL) { /* nobody awaits an answer */
        array_uuid(&work->done_jobs, item->job->id);
        return;
    }
    turn->cause = batch_log(work, turn, &row);
    turn->inbound_at = work->now;
    reply.body = words_render(&work->arena, book_words(books_newest(worker->books)), &locale,
                              STR("error.apology"), work->batch->business->facts, NULL);
    if (!turn->stopped && reply.body.len > 0)
        say(work, turn, item, &reply, STR("parked"), false);
}

static void absorb_consent(struct batch_work *work, struct turn *turn,
                           const struct flow_result *result)
{
    if (result->consent == FLOW_CONSENT_STOP) {
        work->stopping[work->n_stopping++] = turn->contact;
        turn->stopped = true;
    } else if (result->consent == FLOW_CONSENT_START) {
        work->starting[work->n_starting++] = turn->contact;
        turn->stopped = false;
    }
}

/* What a person wrote goes into the log; the receipt is for the last of it. */
static void absorb_message(struct batch_work *work, struct turn *turn, const struct item *item)
{
    const struct event *event = item->event;
    struct batch_row row = {.inbound = true,
                            .kind = event_kind_name(event->kind),
                            .body = event->text,
                            .at = event->at > 0 ? event->at : work->now,
                            .provider_id = event->id,
                            .payload = item->portion->payload_id};

    turn->cause = batch_log(work, turn, &row);
    turn->last_inbound_at = work->now;
    turn->inbound_at = event->at > 0 && event->at < work->now ? event->at : work->now;
    if (turn->held_until <= work->now) /* else a person is to read it */
        turn->last = item;
}

static void absorb_job(struct batch_work *work, struct turn *turn, const struct item *item)
{
    array_uuid(&work->done_jobs, item->job->id);
    turn->cause = 0;
    turn->dirty = true;
}

static void absorb_timers(struct turn *turn, const struct flow_result *result)
{
    if (!result->timers_changed)
        return;
    turn->retimed = true;
    turn->timer = result->n_timers > 0 ? result->timers[0] : (struct flow_timer){0};
}

/* What a message proved, or a session that it extends; a timer extends nothing. */
static void absorb_session(struct batch_work *work, struct turn *turn, const struct item *item,
                           const struct flow_result *result)
{
    work->proved += result->verified && !is_verified(work, turn);
    if (!result->verified) {
        turn->verified_until = 0;
    } else if (item->job == NULL) {
        turn->verified_until = work->now + work->batch->worker->config->verify.session;
    }
}

/* The beginning of the book's version, as `parley flows check` tells it. */
static const char *version_of(struct batch_work *work, const struct turn *turn)
{
    struct hash16 version = book_version(turn->book);
    char *hex = arena_alloc(&work->arena, 2 * HASH16_LEN + 1);

    hex_format(version.bytes, HASH16_LEN, hex);
    return hex;
}

static void absorb(struct batch_work *work, struct turn *turn, struct item *item)
{
    const struct flow_result *result = flow_turn_result(turn->flow);
    struct str why = arena_format(
        &work->arena, "%s/%s %.*s version=%.8s", result->flow != NULL ? result->flow : "",
        result->at != NULL ? result->at : "", STR_ARG(result->trace), version_of(work, turn));

    if (item->job != NULL) {
        absorb_job(work, turn, item);
    } else {
        absorb_message(work, turn, item);
    }
    absorb_timers(turn, result);
    batch_handoff_absorb(work, turn, item, result);
    for (size_t i = 0; i < result->n_replies; i++)
        say(work, turn, item, &result->replies[i], why, result->consent == FLOW_CONSENT_STOP);
    absorb_consent(work, turn, result);
    turn->state = result->state;
    turn->at_rest = result->at_rest;
    turn->language = str_from(lang_code(result->lang));
    turn->language_settled = turn->language_settled || result->lang_settled;
    absorb_session(work, turn, item, result);
    work->handled++;
    work->not_understood += !result->understood;
    work->handoffs += result->handoff;
    if (result->missing.len > 0)
        log_event(LOG_ALERT, "words.missing", LOG_S("key", result->missing), LOG_S("at", why));
}

static bool is_held(const struct batch_work *work, const struct turn *turn)
{
    return turn->held_until > work->now;
}

/* What the one who writes is, and may become. */
static const struct record *session_of(struct batch_work *work, const struct turn *turn)
{
    struct record_builder session;

    record_build(&session, &work->arena);
    if (is_verified(work, turn))
        record_set(&session, STR("verified"), value_bool(true));
    if (turn->shut_out)
        record_set(&session, STR("shut_out"), value_bool(true));
    if (work->batch->business->registration)
        record_set(&session, STR("registration"), value_bool(true));
    if (is_held(work, turn))
        record_set(&session, STR("held"), value_bool(true));
    return record_built(&session);
}

static const struct record *facts_of(struct batch_work *work, const struct turn *turn)
{
    struct record_builder facts;

    record_build(&facts, &work->arena);
    record_set(&facts, STR("business"), value_record(work->batch->business->facts));
    record_set(&facts, STR("channel"), value_text(STR("whatsapp")));
    record_set(&facts, STR("session"), value_record(session_of(work, turn)));
    if (turn->customer_facts != NULL)
        record_set(&facts, STR("customer"), value_record(turn->customer_facts));
    return record_built(&facts);
}

static void begin_step(struct batch_work *work, struct turn *turn, struct item *item)
{
    turn->in = (struct flow_in){.state = turn->state,
                                .event = item->event,
                                .now = work->now,
                                .locale = batch_locale(work, turn),
                                .lang_is_settled =
                                    turn->language_settled || turn->customer_language.len > 0,
                                .facts = facts_of(work, turn),
                                .verified = is_verified(work, turn),
                                .reading_known = work->batch->business->reading_known,
                                .last_inbound_at = turn->last_inbound_at,
                                .stopped = turn->stopped,
                                .held = is_held(work, turn)};
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
            park(work, turn, item, item->park);
            turn->at++;
            continue;
        }
        if (turn->flow == NULL)
            begin_step(work, turn, item);
        enum flow_progress progress = flow_turn_run(turn->flow, &err);
        if (progress == FLOW_NEEDS && turn->rounds++ < ROUNDS_MAX)
            return true;
        if (progress == FLOW_DONE) {
            absorb(work, turn, item);
        } else {
            if (progress == FLOW_NEEDS)
                err_raise(&err, ERR_BROKEN, "the flow asks for facts without end");
            log_event(LOG_ALERT, "turns.flow_broken", LOG_ID("org", work->batch->business->org),
                      LOG_ERR(&err));
            park(work, turn, item, arena_cstr(&work->arena, str_from(err.text)));
        }
        turn->flow = NULL;
        turn->at++;
    }
    return false;
}

/* --- rounds of facts
 * ------------------------------------------------------------------------------ */

static struct asked *ask(struct batch_work *work)
{
    if (work->n_asked == work->room_asked) {
        size_t room = work->room_asked > 0 ? work->room_asked * 2 : 32;
        struct asked *wider = arena_array(&work->arena, struct asked, room);
        if (work->n_asked > 0)
            memcpy(wider, work->asked, work->n_asked * sizeof *wider);
        work->asked = wider;
        work->room_asked = room;
    }
    return &work->asked[work->n_asked++];
}

/* The book that the conversation began with, unless nothing is under way. */
static void choose_book(struct batch_work *work, struct turn *turn)
{
    struct books *books = work->batch->worker->books;
    struct hash16 version = flow_state_version(turn->state);
    struct hash16 none = {{0}};

    turn->book = books_newest(books);
    if (turn->at_rest || memcmp(&version, &none, sizeof none) == 0)
        return;
    turn->book = books_find(books, version);
    if (turn->book == NULL) {
        struct db_param *params = arena_array(&work->arena, struct db_param, 1);
        struct hash16 *kept = arena_new(&work->arena, struct hash16);
        *kept = version;
        params[0] = param_text((struct str){(const char *)kept->bytes, sizeof kept->bytes});
        *ask(work) = (struct asked){.what = ASKED_BOOK, .turn = turn, .query = work->flight.n};
        flight_add(work->conn, &work->flight, &SQL_BOOK_FIND, params);
    }
}

/* Who the customer is: known before the first step, as every flow may use it. */
static void ask_customer(struct batch_work *work, struct turn *turn)
{
    if (uuid_is_none(turn->customer))
        return;
    struct db_param *params = arena_array(&work->arena, struct db_param, 2);
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    params[1] = param_uuid(&work->arena, turn->customer);
    flight_set_customer(work->conn, &work->flight, turn->customer);
    *ask(work) = (struct asked){.what = ASKED_CUSTOMER, .turn = turn, .query = work->flight.n};
    flight_add(work->conn, &work->flight, &SQL_TURN_CUSTOMER, params);
}

static void answer_customer(struct batch_work *work, struct turn *turn, const PGresult *rows)
{
    static const char *const names[] = {"name", "email", "company"};
    struct record_builder facts;

    turn->customer_facts = NULL;
    turn->shut_out = rows_n(rows) > 0 && !row_bool(rows, 0, 5);
    if (rows_n(rows) == 0 || turn->shut_out)
        return;
    record_build(&facts, &work->arena);
    for (int i = 0; i < (int)COUNTOF(names); i++) {
        struct str text = arena_str(&work->arena, row_text(rows, 0, i));
        if (text.len > 0)
            record_set(&facts, str_from(names[i]), value_text(text));
    }
    turn->customer_facts = record_built(&facts);
    turn->customer_language = arena_str(&work->arena, row_text(rows, 0, 3));
    turn->customer_zone = arena_str(&work->arena, row_text(rows, 0, 4));
}

static const enum channel code_channels[] = {CHANNEL_SMS, CHANNEL_WHATSAPP};

/* The channels that a code can leave by now, as the statements take them. */
static struct str ready_channels(struct batch_work *work)
{
    struct str names = STR_NONE;

    for (size_t i = 0; i < COUNTOF(code_channels); i++) {
        if (batch_can_send_code(work, code_channels[i])) {
            names = arena_format(&work->arena, "%.*s%s%s", STR_ARG(names),
                                 names.len > 0 ? "," : "", channel_name(code_channels[i]));
        }
    }
    return names;
}

static bool code_channel(struct str name, enum channel *channel)
{
    for (size_t i = 0; i < COUNTOF(code_channels); i++) {
        *channel = code_channels[i];
        if (str_eq(name, str_from(channel_name(*channel))))
            return true;
    }
    return false;
}

/* Whose turn it is, for a load or an action; @id is drawn anew for each. */
static struct part_frame frame_of(struct batch_work *work, struct turn *turn,
                                  const struct part *part, const struct record *takes)
{
    const struct config *config = work->batch->worker->config;
    struct value typed = record_get(takes, STR("code"));
    struct part_frame frame = (struct part_frame){
        .org = work->batch->business->org,
        .customer = turn->customer_facts != NULL ? turn->customer : (struct uuid){{0}},
        .conversation = turn->conversation,
        .contact = turn->contact,
        .account = turn->account->account,
        .now = work->now,
        .id = worker_uuid(),
        .text = turn->items[turn->at]->event->text};

    turn->code_made = part_takes(part, "@code");
    if (turn->code_made) {
        frame.channels = ready_channels(work);
        turn->code = code_make(&work->arena, config, frame.org, turn->contact);
        frame.code = turn->code.hash;
    }
    if (part_takes(part, "@given") && typed.kind == VALUE_TEXT)
        frame.given = code_hash(&work->arena, config, frame.org, turn->contact, typed.text);
    return frame;
}

/* Ask for all that a turn's step waits for. There is nothing to look up for who is not known.
 */
static void ask_needs(struct batch_work *work, struct turn *turn)
{
    size_t n;
    const struct flow_need *needs = flow_turn_needs(turn->flow, &n);
    bool known = turn->customer_facts != NULL;
    bool set = false;

    if (turn->awaits_customer) { /* the action was done; its answer waits for who writes now */
        ask_customer(work, turn);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct part *part = parts_find(str_from(needs[i].name));
        if (part == NULL || (!known && !part->anyone && part->kind != PART_ACTION)) {
            flow_turn_answer(turn->flow, i, &(struct flow_answer){0});
            continue;
        }
        struct part_frame frame = frame_of(work, turn, part, needs[i].takes);
        if (!set)
            flight_set_customer(work->conn, &work->flight, frame.customer);
        set = true;
        *ask(work) = (struct asked){
            .what = ASKED_NEED, .turn = turn, .need = i, .query = work->flight.n};
        flight_add(work->conn, &work->flight, part->sql,
                   part_params(&work->arena, part, &frame, needs[i].takes));
    }
}

/* --- what an action says to the shell ----------------------------------------------------- */

static struct str field_text(const struct flow_answer *answer, struct str name)
{
    struct value value = value_none();

    if (answer->value.kind == VALUE_RECORD)
        value = record_get(answer->value.record, name);
    return value.kind == VALUE_TEXT ? value.text : STR_NONE;
}

/* The flow is told of an action what it may say, and not what only the shell is to know. */
static void keep_back(struct batch_work *work, struct flow_answer *answer)
{
    const struct record *all = answer->value.record;
    struct record_builder told;

    record_build(&told, &work->arena);
    for (size_t i = 0; i < all->n; i++) {
        struct str name = all->fields[i].name;
        if (!str_eq(name, STR("destination")) && !str_eq(name, STR("customer_id")))
            record_set(&told, name, all->fields[i].value);
    }
    answer->value = value_record(record_built(&told));
}

/* Nobody's conversation any more. */
static void forget_customer(struct turn *turn)
{
    turn->customer = (struct uuid){{0}};
    turn->customer_facts = NULL;
    turn->customer_language = turn->customer_zone = STR_NONE;
    turn->shut_out = false;
}

/* The code that was made for this action leaves with the turn. */
static void send_code(struct batch_work *work, struct turn *turn,
                      const struct flow_answer *answer)
{
    struct code_message message = {.destination = field_text(answer, STR("destination")),
                                   .code = arena_str(&work->arena, str_from(turn->code.digits)),
                                   .words = STR("verify.code.message")};

    crypto_wipe(turn->code.digits, sizeof turn->code.digits);
    turn->code_made = false;
    if (strcmp(answer->outcome, "sent") != 0)
        return;
    work->codes_sent++;
    if (!code_channel(field_text(answer, STR("channel")), &message.channel))
        return; /* nobody's: it looks as if one had been sent, and none is */
    if (!batch_send_code(work, turn, &message)) {
        log_event(LOG_ALERT, "turns.code_unsendable", LOG_ID("org", work->batch->business->org),
                  LOG_C("channel", channel_name(message.channel)));
    }
}

static void answer_action(struct batch_work *work, struct turn *turn, size_t need,
                          struct flow_answer *answer)
{
    struct str who = field_text(answer, STR("who")), alert = field_text(answer, STR("alert"));
    struct uuid customer;

    if (alert.len > 0) {
        work->code_alerts++;
        log_event(LOG_ALERT, "turns.action_alert", LOG_ID("org", work->batch->business->org),
                  LOG_ID("conversation", turn->conversation), LOG_S("what", alert));
    }
    if (turn->code_made)
        send_code(work, turn, answer);
    if (uuid_parse(field_text(answer, STR("customer_id")), &customer))
        turn->customer = customer;
    keep_back(work, answer);
    if (str_eq(who, STR("gone"))) {
        forget_customer(turn);
        answer->facts = facts_of(work, turn);
    } else if (who.len > 0 && !uuid_is_none(turn->customer)) {
        turn->after = *answer;
        turn->after_need = need;
        turn->awaits_customer = true;
        return;
    }
    flow_turn_answer(turn->flow, need, answer);
}

static void answer_after(struct batch_work *work, struct turn *turn)
{
    if (!turn->awaits_customer)
        return;
    turn->awaits_customer = false;
    turn->after.facts = facts_of(work, turn);
    flow_turn_answer(turn->flow, turn->after_need, &turn->after);
}

static bool answer_need(struct batch_work *work, const struct asked *asked,
                        const PGresult *rows)
{
    size_t n;
    const struct flow_need *need = &flow_turn_needs(asked->turn->flow, &n)[asked->need];
    struct flow_answer answer = {0};

    if (!part_answer(&work->arena, parts_find(str_from(need->name)), rows, &answer.value,
                     &answer.outcome, &work->batch->err))
        return false;
    if (need->kind == FLOW_ACTION) {
        answer_action(work, asked->turn, asked->need, &answer);
    } else {
        flow_turn_answer(asked->turn->flow, asked->need, &answer);
    }
    return true;
}

/* The timers of conversations that are ours: are they still as they were claimed? */
static void ask_jobs(struct batch_work *work)
{
    struct db_array ids, times;
    struct db_param *params = arena_array(&work->arena, struct db_param, 3);

    if (work->n_jobs == 0)
        return;
    array_init(&ids, &work->arena, DB_UUID);
    array_init(&times, &work->arena, DB_TIME);
    for (size_t i = 0; i < work->n_jobs; i++) {
        work->jobs[i]->job->live = false;
        array_uuid(&ids, work->jobs[i]->job->id);
        array_time(&times, work->jobs[i]->job->due_at);
    }
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    params[1] = param_array(&ids);
    params[2] = param_array(&times);
    *ask(work) = (struct asked){.what = ASKED_JOBS, .query = work->flight.n};
    flight_add(work->conn, &work->flight, &SQL_TURN_JOBS, params);
}

static void answer_jobs(struct batch_work *work, const PGresult *rows)
{
    for (int row = 0; row < rows_n(rows); row++) {
        struct uuid id = row_uuid(rows, row, 0);
        for (size_t i = 0; i < work->n_jobs; i++) {
            if (uuid_eq(work->jobs[i]->job->id, id))
                work->jobs[i]->job->live = true;
        }
    }
}

static bool answer_one(struct batch_work *work, const struct asked *asked, const PGresult *rows)
{
    if (asked->what == ASKED_NEED)
        return answer_need(work, asked, rows);
    if (asked->what == ASKED_JOBS) {
        answer_jobs(work, rows);
        return true;
    }
    if (asked->what == ASKED_CUSTOMER) {
        answer_customer(work, asked->turn, rows);
        answer_after(work, asked->turn);
        return true;
    }
    asked->turn->book =
        books_add(work->batch->worker->books, flow_state_version(asked->turn->state),
                  rows_n(rows) > 0 ? row_text(rows, 0, 0) : STR_NONE);
    return true;
}

static void round_flown(struct db_flight *flight);

static void begin_round(struct batch_work *work)
{
    flight_init(&work->flight, &work->arena);
    work->flight.done = round_flown;
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
            ask_needs(work, turn);
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
        if (!answer_one(work, &work->asked[i], flight->results[work->asked[i].query])) {
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
    ask_jobs(work);
    for (size_t i = 0; i < work->n_turns; i++) {
        struct turn *turn = &work->turns[i];
        if (!turn->taken)
            continue;
        for (size_t k = 0; k < turn->n && !turn->fresh; k++)
            turn->fresh = turn->items[k]->job != NULL || batch_is_new(work, turn->items[k]);
        if (!turn->fresh)
            continue;
        choose_book(work, turn);
        ask_customer(work, turn);
    }
    if (work->n_asked > 0 || work->n_wanted > 0) {
        flight_go(work->conn, &work->flight);
    } else {
        step_all(work);
    }
}
