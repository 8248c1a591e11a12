/*
 * One message and its story, for `parley explain`: what it answers or what answered it, why it
 * was said, and what became of the sending. A command's business: it waits. Nothing is changed.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/message.h"
#include "bot/base/uuid.h"

struct explained {
    int64_t seq;
    bool inbound;
    struct str kind; /* "text", "choice"...; of a reply "buttons", "list"... */
    struct str body; /* inbound: the words; else the reply as JSON */
    usec_t at;
    enum delivery delivery;
    struct str provider_id;
    int error; /* the provider's; 0: none */
    struct str reason;
    int64_t attempts;
    int64_t cause;  /* the message that it answers; 0: none */
    struct str why; /* "flow/state by=tap loads=... held=... words=... version=..." */
    int sending;    /* its state in the outbox; -1: no longer there */
    usec_t due_at;
};

/* What a wish to cancel was judged by, as it was kept with it. */
struct explained_cancellation {
    struct str number, status, rule;
    struct str facts; /* JSON */
};

struct explanation {
    struct uuid org, conversation;
    struct str channel, address, account, language;
    int64_t seq;                      /* of the message that was asked for */
    const struct explained *messages; /* it, its cause, and what it caused, in their order */
    size_t n;
    const struct explained_cancellation *cancellations; /* those that its turn asked for */
    size_t n_cancellations;
};

struct explain_wish {
    const char *url;
    struct str role;
    usec_t timeout;
    struct str message; /* "CONVERSATION:SEQ", or a provider's id */
};

/* ERR_REJECT when there is no such message in any business. */
MUST_USE bool explain_message(const struct explain_wish *wish, struct arena *into,
                              struct explanation *explanation, struct err *err);
