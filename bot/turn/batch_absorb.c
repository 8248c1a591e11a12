/*
 * A step's result becomes rows and the turn's new state. The order is the log's: what the
 * customer wrote, then what is said.
 */
#include "bot/turn/batch_absorb.h"

#include "bot/lane/fallbacks.h"
#include "bot/loop/log.h"
#include "bot/turn/batch_facts.h"
#include "bot/turn/batch_hand.h"
#include "bot/turn/batch_handoff.h"
#include "bot/turn/batch_log.h"
#include "bot/turn/batch_short.h"
#include "bot/turn/books.h"

static void say(struct batch_work *work, struct turn *turn, const struct item *item,
                const struct reply *reply, struct str why, bool exempt)
{
    struct batch_row row = {.kind = reply_kind_name(reply->kind),
                            .body =
                                reply_to_json(&work->arena, batch_shorten(work, turn, reply)),
                            .at = work->now,
                            .cause = turn->cause,
                            .why = why};
    int64_t seq = batch_log(work, turn, &row);
    struct uuid document = {{0}};
    struct str topic = STR("");
    bool watched = item->job != NULL && fallbacks_topic(item->event->detail, &topic);

    if (batch_shows_file(reply) && !uuid_parse(reply->document, &document))
        log_event(LOG_ALERT, "turn.no_file", LOG_ID("conversation", turn->conversation));
    batch_promise(work, &(struct promise){.turn = turn,
                                          .seq = seq,
                                          .due_at = item->portion->delivery->received_at,
                                          .exempt = exempt,
                                          .later = item->job != NULL,
                                          .watched = watched,
                                          .topic = topic,
                                          .document = document,
                                          .body = row.body});
}

/* Words of the newest book that need no flow. */
static void say_key(struct batch_work *work, struct turn *turn, const struct item *item,
                    struct str key, struct str why)
{
    const struct worker *worker = work->batch->worker;
    struct locale locale = batch_locale(work, turn);
    struct reply reply = {.kind = REPLY_TEXT};

    reply.body = words_render(&work->arena, book_words(books_newest(worker->books)), &locale,
                              key, work->batch->business->facts, NULL);
    if (!turn->stopped && reply.body.len > 0)
        say(work, turn, item, &reply, why, false);
}

void batch_park(struct batch_work *work, struct turn *turn, struct item *item,
                const char *reason)
{
    struct batch_row row = {.inbound = true,
                            .kind = "parked",
                            .at = work->now,
                            .payload = item->portion->payload_id};

    batch_bury(work, item, reason);
    if (item->job != NULL) { /* nobody awaits an answer */
        array_uuid(&work->done_jobs, item->job->id);
        return;
    }
    turn->cause = batch_log(work, turn, &row);
    turn->inbound_at = work->now;
    turn->mail = item->event->mail;
    if (batch_is_held(work, turn)) { /* who has the conversation hears that something came */
        batch_handoff_waits(work, turn, item);
    } else {
        say_key(work, turn, item, STR("error.apology"), STR("parked"));
    }
}

void batch_doubt(struct batch_work *work, struct turn *turn, const struct item *item)
{
    struct batch_row row = {.inbound = true,
                            .kind = "doubtful",
                            .at = work->now,
                            .provider_id = item->event->id,
                            .payload = item->portion->payload_id};

    turn->cause = batch_log(work, turn, &row);
    say_key(work, turn, item, STR("mail.doubtful"), STR("doubtful"));
    work->handled++;
}

static void forget(struct uuid *contacts, size_t *n, const struct uuid *contact)
{
    size_t kept = 0;

    for (size_t i = 0; i < *n; i++) {
        if (!uuid_eq(contacts[i], *contact))
            contacts[kept++] = contacts[i];
    }
    *n = kept;
}

/* Of several words in one batch the last one counts. */
static void absorb_consent(struct batch_work *work, struct turn *turn,
                           const struct flow_result *result)
{
    if (turn->doubtful)
        return; /* else anybody could silence an address before its owner comes */
    if (result->consent == FLOW_CONSENT_STOP) {
        forget(work->starting, &work->n_starting, &turn->contact);
        work->stopping[work->n_stopping++] = turn->contact;
        turn->stopped = true;
    } else if (result->consent == FLOW_CONSENT_START || turn->back) {
        forget(work->stopping, &work->n_stopping, &turn->contact);
        work->starting[work->n_starting++] = turn->contact;
        turn->stopped = false;
    }
    turn->back = false;
}

/* A person who reads the log wants to know a voice from a picture. */
static const char *kind_name(const struct event *event)
{
    return event->kind == EVENT_MEDIA && event->media != NULL
               ? media_kind_name(event->media->kind)
               : event_kind_name(event->kind);
}

/* A place is told by where it is and what it is called. */
static struct str words_of(struct batch_work *work, const struct event *event)
{
    if (event->kind != EVENT_LOCATION || event->text.len > 0)
        return event->text;
    return str_trim(arena_format(&work->arena, "%.6f, %.6f %.*s", event->latitude,
                                 event->longitude, STR_ARG(event->place)));
}

/* What a person wrote goes into the log; the receipt is for the last of it. A one-time code
 * does not: whoever reads the log, a person of the team or a program, has no use for it. */
static void absorb_message(struct batch_work *work, struct turn *turn, struct item *item,
                           bool secret)
{
    const struct event *event = item->event;
    struct batch_row row = {.inbound = true,
                            .kind = kind_name(event),
                            .body = secret ? STR("******") : words_of(work, event),
                            .at = event->at > 0 ? event->at : work->now,
                            .provider_id = event->id,
                            .payload = item->portion->payload_id};

    turn->cause = item->seq = batch_log(work, turn, &row);
    turn->last_inbound_at = work->now;
    turn->inbound_at = event->at > 0 && event->at < work->now ? event->at : work->now;
    if (event->mail != NULL) /* a tap on a mail's link is none */
        turn->mail = event->mail;
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
    work->proved += result->verified && !batch_is_verified(work, turn);
    if (turn->doubtful)
        return; /* nothing opens, ends or extends the session of the address's owner */
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

void batch_absorb(struct batch_work *work, struct turn *turn, struct item *item)
{
    const struct flow_result *result = flow_turn_result(turn->flow);
    struct str why = arena_format(
        &work->arena, "%s/%s %.*s version=%.8s", result->flow != NULL ? result->flow : "",
        result->at != NULL ? result->at : "", STR_ARG(result->trace), version_of(work, turn));

    if (item->job != NULL) {
        absorb_job(work, turn, item);
    } else {
        absorb_message(work, turn, item, result->secret);
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
