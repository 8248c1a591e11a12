/*
 * Deliveries of those who do not come again, kept on this node's disk while the database is
 * away (OPS-5).
 *
 * A delivery that cannot be committed now is sealed, appended and synced, and only then
 * answered; several that wait share one sync. When the database is back one worker of the node
 * hands them in anew, in the order in which they came; a record is dropped when it is
 * committed, and one that is handed in twice changes nothing (`seen`). While something of an
 * account waits here its new deliveries join it, on every worker, so that none overtakes
 * another. What is full or broken keeps nothing: then the answer is 503 as ever.
 */
#pragma once

#include "bot/door/spool_file.h"
#include "bot/worker.h"

/* A delivery from its arrival to its answer: nothing that came later is drained meanwhile. */
struct spool_guest {
    struct spool_guest *prev, *next;
    usec_t at; /* as the delivery's received_at */
    bool here;
};

/* To be kept. The caller owns it and keeps it and what it borrows still until `done`. */
struct spooling {
    struct spool_record record;
    struct spooling *next;
    bool kept; /* out */
    void (*done)(struct spooling *spooling);
};

/* A record that is handed in anew. `settled` says whether it may be dropped. */
struct spool_again {
    struct arena arena; /* ends with it */
    struct spool_record record;
    struct spool_entry *entry;
    struct spool *spool;
};
void spool_again_settled(struct spool_again *again, bool ok);

/* Before the first fork: make ready the folder that the settings name, if one may be needed.
 * What is wrong is logged; without a folder nothing is kept. Returns the lock on the folder,
 * which goes with the process that has it open, or -1. */
MUST_USE int spool_prepare(const struct config *config, struct shared *shared);

struct spool *spool_create(struct worker *worker);

/* The tag of an account, by the name that its provider has for it. */
uint32_t spool_account(const struct spool *spool, struct str account);
bool spool_is_ready(const struct spool *spool);
/* Whether something of the account waits, so that what comes now has to join it. */
bool spool_holds(const struct spool *spool, uint32_t account);

void spool_add(struct spool *spool, struct spooling *spooling);

void spool_arrives(struct spool *spool, struct spool_guest *guest, usec_t at);
void spool_leaves(struct spool *spool, struct spool_guest *guest);

/* Something is being written or handed in. */
bool spool_is_busy(const struct spool *spool);
void spool_close(struct spool *spool);
void spool_destroy(struct spool *spool);
