/*
 * Conversations in a person's hands, for `parley handoff`.
 *
 * Whatever a person does takes the conversation first, as a turn does, so that their words come
 * in order with the bot's and no turn sees half of it.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct handoff {
    struct uuid id, org, conversation;
    struct str state;  /* offered, human, returning, done */
    struct str reason; /* asked, misunderstood */
    usec_t asked_at, answer_by;
    struct str held_by; /* empty: nobody yet */
    usec_t answered_at, ended_at;
    struct str ended_why; /* unanswered, released, quiet, withdrawn */
    struct str channel, address, name;
    int64_t seq; /* the message that asked */
};

struct handoff_line {
    int64_t seq;
    bool inbound;
    struct str kind;
    struct str body; /* inbound: the words; outbound: the reply as JSON */
    usec_t at;
    int delivery;   /* enum delivery */
    struct str why; /* "person/NAME": a person said it */
};

enum handoff_act { HANDOFF_TAKE, HANDOFF_SAY, HANDOFF_RELEASE };

struct handoffs;

MUST_USE bool handoffs_open(const char *url, struct str role, usec_t timeout,
                            struct handoffs **handoffs, struct err *err);
void handoffs_close(struct handoffs **handoffs);

/* Of all businesses, who waits longest first; `all`: ended ones too. */
MUST_USE bool handoffs_list(struct handoffs *handoffs, bool all, size_t limit,
                            struct arena *into, const struct handoff **items, size_t *n,
                            struct err *err);
/* ERR_REJECT when there is none of this id. */
MUST_USE bool handoffs_find(struct handoffs *handoffs, struct uuid id, struct arena *into,
                            struct handoff *handoff, struct err *err);
/* The conversation from so many messages before the asking on, oldest first. */
MUST_USE bool handoffs_said(struct handoffs *handoffs, const struct handoff *handoff,
                            unsigned before, struct arena *into,
                            const struct handoff_line **lines, size_t *n, struct err *err);

/* `body`: HANDOFF_SAY, the reply as JSON. `audit_id`: a fresh one. ERR_REJECT with the reason
 * when it cannot be: it is over, another holds it, the customer said STOP, or the channel takes
 * no more words. */
MUST_USE bool handoffs_do(struct handoffs *handoffs, const struct handoff *handoff,
                          enum handoff_act act, const char *who, const char *body,
                          struct uuid audit_id, struct err *err);
