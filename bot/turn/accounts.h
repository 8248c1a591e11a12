/*
 * Which business and account an outside id belongs to, remembered.
 *
 * The directory is small and changes rarely: it is read whole, again every half minute, and at
 * once when an id is asked for that is not in it (but not more than once a second, so that
 * strangers' ids cost nothing).
 */
#pragma once

#include "bot/base/message.h"
#include "bot/worker.h"

struct account {
    struct uuid org;
    struct uuid account; /* none: an id of the business account, not of a number */
    struct str external_id;
    enum channel channel;
    const struct config_app
        *app; /* WhatsApp: whose secret signs for it; NULL: its app is not configured */
};

struct accounts_wait {
    void (*done)(struct accounts_wait *wait); /* the directory is as fresh as it gets; `err` if
                                                 it is unreachable */
    struct err err;
    struct accounts_wait *next;
};

struct accounts *accounts_create(struct worker *worker);

/* NULL when not known, for now. */
const struct account *accounts_find(const struct accounts *accounts, struct str external_id);

/* Whether looking again could help; then `wait->done` runs when it was read again. */
bool accounts_stale(const struct accounts *accounts);
void accounts_refresh(struct accounts *accounts, struct accounts_wait *wait);

/* The one that a business sends from on this channel (the first, when it has several); NULL
 * when it has none. */
const struct account *accounts_of(const struct accounts *accounts, struct uuid org,
                                  enum channel channel);

/* The one with this id, or NULL. */
const struct account *accounts_with_id(const struct accounts *accounts, struct uuid org,
                                       struct uuid id);

/* All of them, for the lanes; NULL ends the list. The pointers live as long as the worker. */
const struct account *accounts_at(const struct accounts *accounts, size_t i);
/* Called whenever the directory was read. */
void accounts_on_change(struct accounts *accounts, void (*changed)(struct worker *worker));
bool accounts_loaded(const struct accounts *accounts);

void accounts_close(struct accounts *accounts);
void accounts_destroy(struct accounts *accounts);
