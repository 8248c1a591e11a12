/*
 * Who writes next, and whether what they get is what they may get.
 *
 * In a closed loop of as many people as may write at once each writes again when they have
 * their reply. With more people the next writer is another one, so that a large database is not
 * measured by its hundred hottest rows.
 */
#include "tests/bench/play.h"

#include <stdlib.h>

#define SWEEP_EACH (USEC_PER_SEC / 4)

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void people_init(struct play *play)
{
    uint32_t n = play->options.people;

    play->people = calloc(n, sizeof *play->people);
    if (play->people == NULL)
        play_fail("memory");
    play->stride = (uint32_t)(0.618 * n) | 1;
    while (common_divisor(n, play->stride) != 1)
        play->stride += 2;
}

static void ask(struct play *play, uint32_t who, usec_t since)
{
    struct job job = {.person = who, .since = since};

    play->people[who].asked_at = since;
    play->awaiting++;
    hooks_post(play, &job);
    play->people[who].turns++;
}

/* Someone who awaits nothing; false when all do. */
static bool find_idle(struct play *play, uint32_t *who)
{
    uint32_t n = play->options.people;

    if (play->awaiting >= n)
        return false;
    do {
        play->cursor = (uint32_t)(((uint64_t)play->cursor + play->stride) % n);
    } while (play->people[play->cursor].asked_at != 0);
    *who = play->cursor;
    return true;
}

static void ask_someone(struct play *play, usec_t since)
{
    uint32_t who;

    if (find_idle(play, &who)) {
        ask(play, who, since);
    } else {
        play->held++;
    }
}

void people_begin(struct play *play)
{
    for (uint32_t i = 0; i < play->options.users; i++)
        ask_someone(play, play->now);
}

/* The turn of `who` is over: in a closed loop, the next begins. */
static void turn_over(struct play *play, uint32_t who)
{
    play->people[who].asked_at = 0;
    play->awaiting--;
    if (play->options.users == 0 || play->phase >= PHASE_DRAIN)
        return;
    if (play->options.people == play->options.users) {
        ask(play, who, play->now);
    } else {
        ask_someone(play, play->now);
    }
}

static void sweep(struct play *play)
{
    usec_t patience = (usec_t)(play->options.timeout * (double)USEC_PER_SEC);

    for (uint32_t who = 0; who < play->options.people; who++) {
        struct person *person = &play->people[who];
        if (person->asked_at == 0 || play->now - person->asked_at < patience)
            continue;
        person->lost = true;
        play->missing++;
        turn_over(play, who);
    }
}

/* When the open loop's next message is due. */
usec_t people_due(const struct play *play)
{
    return play->began + (usec_t)((double)(play->scheduled + 1) * 1e6 / play->options.rate);
}

void people_tick(struct play *play)
{
    if (play->options.rate > 0 && play->phase < PHASE_DRAIN) {
        for (usec_t due; (due = people_due(play)) <= play->now; play->scheduled++)
            ask_someone(play, due);
    }
    if (play->now - play->swept_at < SWEEP_EACH)
        return;
    play->swept_at = play->now;
    sweep(play);
}

static void note_turn(struct play *play, struct samples *samples, usec_t since)
{
    if (play->phase != PHASE_MEASURE)
        return;
    play->turns++;
    samples_add(samples, play->now - since);
}

void people_acked(struct play *play, const struct job *job, bool accepted)
{
    if (!accepted)
        play->refused++;
    if (job->status != NULL)
        return;
    if (play->options.unanswered && play->people[job->person].asked_at != 0) {
        note_turn(play, &play->acks, job->since);
        turn_over(play, job->person);
    } else if (play->phase == PHASE_MEASURE) {
        samples_add(&play->acks, play->now - job->since);
    }
}

/* "...<seq>": the number in its conversation that a reply carries; -1 when it carries none. */
static int64_t seq_of(struct str key)
{
    int64_t seq;
    size_t i = key.len;

    while (i > 0 && key.at[i - 1] != '.')
        i--;
    return i > 0 && str_to_int(str_slice(key, i, key.len), &seq) ? seq : -1;
}

bool people_replied(struct play *play, struct str phone, struct str key, uint32_t *who)
{
    int64_t number, seq = seq_of(key);
    uint64_t base = play->options.base;

    if (!str_to_int(phone, &number) || (uint64_t)number < base ||
        (uint64_t)number - base >= play->options.people)
        return false;
    *who = (uint32_t)((uint64_t)number - base);
    struct person *person = &play->people[*who];
    if (seq >= 0 && seq <= person->last) {
        play->doubled += seq == person->last;
        play->disordered += seq != person->last;
        return true;
    }
    person->last = seq >= 0 ? seq : person->last;
    if (play->options.unanswered)
        return true;
    if (person->asked_at != 0) {
        note_turn(play, &play->replies, person->asked_at);
        turn_over(play, *who);
    } else if (person->lost) {
        person->lost = false;
        play->late++;
    } else {
        play->unasked++;
    }
    return true;
}
