/*
 * What turns intend on the lane's behalf: the gate through which they may, and the messages
 * that they hand over.
 *
 * A message that is handed over names what was unsettled before it in its conversation. It
 * follows that one on the wire, or goes at once when that one has ended well. What was not ours
 * to see end is looked for in the outbox: there the message waits its turn like any other.
 */
#include "bot/lane/lanes_inside.h"

#include "bot/turn/batch_hand.h"

#include <stdlib.h>

#define STALE USEC_PER_SEC /* from the turn's beginning; well below LOST_AFTER of the sweep */

/* --- the latest of a conversation --------------------------------------------------------- */

static struct recent *recent_of(struct lane *lane, struct uuid conversation)
{
    uint32_t hash;

    memcpy(&hash, conversation.bytes + sizeof conversation.bytes - sizeof hash, sizeof hash);
    return &lane->recent[hash % RECENT];
}

void sending_begins(struct sending_row *row)
{
    struct recent *recent = recent_of(row->lane, row->conversation);

    if (recent->row != NULL && !uuid_eq(recent->conversation, row->conversation))
        return; /* another's, and under way: this one is not remembered */
    *recent = (struct recent){.conversation = row->conversation, .seq = row->seq, .row = row};
}

static void wait_in_outbox(struct sending_row *row)
{
    sending_put_off(row, OUTBOX_READY, 0);
    row->attempt--; /* it was never on the wire */
    row->lane->more = true;
    sending_ends(row);
}

void sending_followed(struct sending_row *row)
{
    struct recent *recent = recent_of(row->lane, row->conversation);
    struct sending_row *next = row->follower;
    bool well = row->settlement != SETTLE_PUT_OFF;

    row->follower = NULL;
    if (recent->row == row) {
        recent->row = NULL;
        recent->well = well;
    }
    if (next == NULL)
        return;
    if (well) {
        sending_go(next);
    } else {
        wait_in_outbox(next);
    }
}

/* --- what is handed over ------------------------------------------------------------------ */

static struct sending_row *row_of(struct lane *lane, const struct handover *handover)
{
    struct sending_row *row = sending_new(lane);

    row->conversation = handover->conversation;
    row->seq = handover->seq;
    row->attempt = 1;
    row->due_at = handover->due_at;
    row->body = arena_str(&row->arena, handover->body);
    row->address = arena_str(&row->arena, handover->address);
    row->phone = arena_str(&row->arena, handover->phone);
    row->last_inbound_at = clock_now();
    return row;
}

static void take_over(struct lane *lane, const struct handover *handover)
{
    struct sending_row *row = row_of(lane, handover);
    struct recent *recent = recent_of(lane, row->conversation);
    bool known =
        uuid_eq(recent->conversation, row->conversation) && recent->seq == handover->last;

    lane->under_way++;
    if (handover->last != 0 && known && recent->row != NULL) {
        recent->row->follower = row;
        sending_begins(row);
    } else if (handover->last == 0 || (known && recent->well)) {
        sending_begins(row);
        sending_go(row);
    } else {
        wait_in_outbox(row);
    }
}

void lanes_hand(struct lanes *lanes, const struct handover *handover)
{
    struct lane *lane = lane_of(lanes, handover->lane);
    usec_t now = clock_monotonic();

    if (lane == NULL)
        return;
    if (lane->gate != NULL)
        gate_arrived(lane->gate, handover->taker);
    if (lane->state != LANE_HELD || lane->epoch != handover->epoch || now > lane->lease_until ||
        handover->at > now || handover->at < now - STALE) {
        count(COUNT_HANDED_LATE, 1);
        return;
    }
    take_over(lane, handover);
}

/* --- the gate ----------------------------------------------------------------------------- */

unsigned lane_tokens(struct lane *lane, usec_t now)
{
    unsigned burst = lane->limits.rate_burst;
    unsigned tokens = bucket_tokens(&lane->bucket, now, lane->limits.rate, burst);

    if (lane->limits.rate > 0 && tokens + lane->placed > burst) {
        unsigned excess = tokens + lane->placed - burst; /* places are tokens too */
        excess = excess < tokens ? excess : tokens;
        bucket_take(&lane->bucket, excess);
        tokens -= excess;
    }
    return tokens;
}

unsigned lane_room(const struct lane *lane)
{
    unsigned most = lane->limits.connections < SENDS_MAX ? lane->limits.connections : SENDS_MAX;
    uint64_t busy =
        lane->under_way + lane->reserved + (lane->gate != NULL ? gate_out(lane->gate) : 0);

    return most > busy ? most - (unsigned)busy : 0;
}

void lane_withdraw(struct lane *lane)
{
    if (lane->gate == NULL || lane->placed == 0)
        return;
    bucket_give(&lane->bucket, gate_withdraw(lane->gate));
    lane->placed = 0;
}

void lane_shut_gate(struct lane *lane)
{
    if (lane->gate == NULL)
        return;
    gate_shut(lane->gate, lane->epoch);
    bucket_give(&lane->bucket, lane->placed);
    lane->placed = 0;
}

bool lane_has_queue(const struct lane *lane)
{
    return lane->gate == NULL || atomic_load(&lane->gate->queued) > 0;
}

void lane_tend_gate(struct lane *lane, usec_t now)
{
    struct gate *gate = lane->gate;

    if (gate == NULL || lane->state != LANE_HELD || lane->ways->face != NULL)
        return;
    if (lane->lanes->draining || lane->stopped || lane->doubtful || now > lane->lease_until) {
        lane_shut_gate(lane);
        return;
    }
    gate_open(gate, lane->epoch, lane->lanes->worker->index, lane->lease_until);
    if (lane->more)
        return;
    unsigned room = lane_room(lane);
    int64_t there = atomic_load(&gate->places);
    unsigned tokens = lane_tokens(lane, now);
    unsigned more = room > there ? room - (unsigned)(there > 0 ? there : 0) : 0;

    more = more < tokens ? more : tokens;
    bucket_take(&lane->bucket, more);
    gate_give(gate, more);
    lane->placed = (unsigned)(there > 0 ? there : 0) + more;
}
