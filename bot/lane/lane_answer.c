/* What an answer means for a message. */
#include "bot/lane/lanes_inside.h"

#include "bot/loop/log.h"

#define STOPPED_RETRY (60 * USEC_PER_SEC) /* a stopped lane asks again with one message */
#define SETTLE_LOW    (200 * USEC_PER_MSEC)
#define PAIR_WAIT_MAX 5 /* 4^5 s */

/* That a broadcast's message has gone is awaited by nobody: many are kept in one transaction,
 * with an answer's or the next bite, and do not come between turns. */
static void settle_when(struct lane *lane, const struct sending_row *row)
{
    if (row->priority != PRIORITY_BROADCAST) {
        lane->settle_low = 0;
    } else if (lane->done == NULL) {
        lane->settle_low = clock_monotonic() + SETTLE_LOW;
    }
}

void sending_closes(struct sending_row *row)
{
    struct lane *lane = row->lane;

    settle_when(lane, row);
    row->next = lane->done;
    lane->done = row;
    lane->more = lane->more || lane_has_queue(lane); /* the next of its conversation, perhaps */
    sending_followed(row);
}

void sending_ends(struct sending_row *row)
{
    row->lane->under_way--;
    sending_closes(row);
    lane_pump(row->lane);
}

void sending_fail(struct sending_row *row, int code, struct str reason)
{
    row->settlement = SETTLE_FAILED;
    row->code = code;
    row->reason = arena_str(&row->arena, reason);
}

void sending_put_off(struct sending_row *row, enum outbox_state state, usec_t wait)
{
    row->settlement = SETTLE_PUT_OFF;
    row->state = state;
    row->put_off = clock_now() + wait;
    if ((state == OUTBOX_READY || state == OUTBOX_BUNDLED) &&
        row->priority != PRIORITY_BROADCAST)
        gate_queue(row->lane->gate, 1);
}

usec_t sending_wait(const struct sending_row *row, const struct sending_result *result)
{
    const struct config *config = lane_config(row->lane);
    int times = row->attempt < 20 ? row->attempt - 1 : 20;
    usec_t wait = config->outbox.retry_first * (1LL << times);

    if (wait > config->outbox.retry_max)
        wait = config->outbox.retry_max;
    wait = lane_jitter(wait);
    return wait > result->wait ? wait : result->wait;
}

static usec_t pair_wait(const struct sending_row *row)
{
    int times = row->attempt - 1 < PAIR_WAIT_MAX ? row->attempt - 1 : PAIR_WAIT_MAX;

    return USEC_PER_SEC * ((usec_t)1 << (2 * times));
}

/* The account itself is refused. One message asks again now and then, until one is taken. */
static void stop_lane(struct sending_row *row, const struct sending_result *result)
{
    struct lane *lane = row->lane;

    sending_put_off(row, OUTBOX_READY, 0);
    row->attempt--; /* it was not this message's fault */
    lane->probe_at = clock_monotonic() + STOPPED_RETRY;
    if (lane->stopped)
        return;
    lane->stopped = true;
    lane->stop_unsaid = true;
    lane->next_sweep = 0;
    count(COUNT_LANE_STOPS, 1);
    log_event(LOG_ALERT, "lane.stopped", LOG_S("lane", lane->account->external_id),
              LOG_I("code", result->code), LOG_S("why", result->reason));
}

void lane_taken(struct lane *lane)
{
    if (!lane->stopped)
        return;
    lane->stopped = false;
    lane->stop_unsaid = true;
    lane->more = true;
    log_event(LOG_INFO, "lane.resumed", LOG_S("lane", lane->account->external_id));
}

/* A provider that forgets a file refuses what names it, and says so in more than one way. Once
 * for each message the file is uploaded anew; nobody can say it was refused for another reason
 * before that. */
static bool is_renewed(struct sending_row *row, const struct sending_result *result)
{
    bool doubtful = result->sending == SENDING_REFUSED || result->renew;

    if (row->media.len == 0 || row->attempt > 1 || !doubtful)
        return false;
    count(COUNT_SEND_RETRIES, 1);
    sending_put_off(row, OUTBOX_FILELESS, 0);
    return true;
}

void sending_decide(struct sending_row *row, const struct sending_result *result)
{
    const struct config *config = lane_config(row->lane);
    unsigned most =
        result->max_attempts > 0 ? result->max_attempts : config->outbox.max_attempts;

    if (result->code != 0)
        count_error(result->code);
    if (is_renewed(row, result))
        return;
    if (result->alert) {
        log_event(LOG_ALERT, "outbox.refused", LOG_S("lane", row->lane->account->external_id),
                  LOG_I("code", result->code), LOG_S("why", result->reason));
    }
    switch (result->sending) {
    case SENDING_ACCEPTED:
        row->settlement = SETTLE_SENT;
        row->provider_id = result->provider_id;
        count(COUNT_SENT, 1);
        lane_took(row->lane, row);
        if (row->attempt == 1)
            observe(HIST_WEBHOOK_TO_SEND, clock_now() - row->due_at);
        break;
    case SENDING_RETRY:
    case SENDING_PAIR_WAIT:
        count(COUNT_SEND_RETRIES, 1);
        if (result->sending == SENDING_PAIR_WAIT) {
            sending_put_off(row, OUTBOX_READY, pair_wait(row));
        } else if ((unsigned)row->attempt >= most) {
            sending_fail(row, result->code, STR("too many attempts"));
        } else {
            sending_put_off(row, OUTBOX_READY, sending_wait(row, result));
        }
        break;
    case SENDING_REFUSED:
    case SENDING_ELSEWHERE:
        count(COUNT_SEND_REFUSED, 1);
        sending_fail(row, result->code, result->reason);
        row->told_to_stop = result->told_to_stop;
        break;
    case SENDING_STOP_LANE:
        stop_lane(row, result);
        break;
    case SENDING_UNKNOWN:
        count(COUNT_SEND_UNKNOWN, 1);
        sending_put_off(row, OUTBOX_UNKNOWN, config->outbox.unknown_wait);
        break;
    }
}

void sending_answered(struct fetch *fetch)
{
    struct sending_row *row = CONTAINER_OF(fetch, struct sending_row, fetch);
    struct sending_result result = {0};

    row->wire = NULL;
    if (fetch->answer.fate == HTTP_NOT_SENT && fetch->err.code == ERR_CANCELED) {
        sending_put_off(row, OUTBOX_READY, 0); /* the lease has passed, or we are stopping */
        row->attempt--;
        sending_ends(row);
        return;
    }
    observe(HIST_SEND, fetch->took);
    row->lane->ways->answer(&row->arena, &fetch->answer, &result);
    if (result.sending == SENDING_ACCEPTED)
        lane_taken(row->lane);
    sending_decide(row, &result);
    sending_ends(row);
}
