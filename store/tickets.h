/*
 * Reports of customers, for `parley ticket`: what waits for the business's people, and what
 * they answer. (What customers do with reports are actions of flows: store/parts.c.)
 *
 * Connects as the owner and acts as the business's staff, so that no customer need be named.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/crypto.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct ticket {
    struct uuid org, id;
    struct str number, kind, status, order;
    usec_t created_at, due_at;
    int64_t files;
    /* tickets_find only */
    struct str description, email, phone, customer;
    struct str language;
    struct uuid conversation; /* none: there is nowhere to answer */
    usec_t last_inbound_at;
};

struct ticket_answer {
    usec_t at;
    struct str author, words;
};

struct ticket_file {
    struct uuid id;
    struct str state, kind, mime, caption, filename, reason;
    int64_t size;
    struct hash sha256;
    bool has_sha256;
};

struct tickets;

MUST_USE bool tickets_open(const char *url, usec_t timeout, struct tickets **tickets,
                           struct err *err);
void tickets_close(struct tickets **tickets);

/* Of all businesses: those that wait, the most urgent first; `all`: the newest first. */
MUST_USE bool tickets_list(struct tickets *tickets, bool all, size_t limit, struct arena *into,
                           const struct ticket **items, size_t *n, struct err *err);
/* By number, however it is typed. ERR_REJECT when there is none. */
MUST_USE bool tickets_find(struct tickets *tickets, struct str number, struct arena *into,
                           struct ticket *ticket, struct err *err);
MUST_USE bool tickets_answers(struct tickets *tickets, const struct ticket *ticket,
                              struct arena *into, const struct ticket_answer **items, size_t *n,
                              struct err *err);
MUST_USE bool tickets_files(struct tickets *tickets, const struct ticket *ticket,
                            struct arena *into, const struct ticket_file **items, size_t *n,
                            struct err *err);

struct ticket_reply {
    const char *status; /* "answered" or "closed" */
    struct uuid id;     /* fresh: of the answer, and of the audit's entry */
    const char *author;
    struct str words; /* the team's own; empty: none */
    struct str reply; /* what the customer is told, as JSON */
};

/* In one transaction: the answer, the status, and the message in the outbox. `told` says
 * whether it is told: in its conversation, or where else the customer can be reached.
 * ERR_REJECT when the ticket is closed. */
MUST_USE bool tickets_reply(struct tickets *tickets, const struct ticket *ticket,
                            const struct ticket_reply *reply, bool *told, struct err *err);
