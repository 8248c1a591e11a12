/*
 * Papers that a conversation asked for: claimed, drawn, kept as files, and sent there.
 *
 * The wish is a row of `papers`, written by the turn that asked. Looking for what is due
 * happens with the look at the business's jobs; a claimed row is under a lease, so whoever dies
 * in between leaves it to the next. The file is stored under its hash before anybody is told,
 * and telling is a job of the conversation, made by the transaction that keeps the file.
 */
#pragma once

#include "bot/worker.h"

struct papers *papers_create(struct worker *worker);

/* Claim a business's, in a call that is under construction; what was claimed is begun. */
void papers_look(struct papers *papers, struct db_call *call, struct uuid org, usec_t now);
void papers_looked(struct papers *papers, struct uuid org, const PGresult *rows);

/* Nothing more begins; what is under way is left to its lease. */
void papers_close(struct papers *papers);
/* After the loop has run out. Accepts NULL. */
void papers_destroy(struct papers *papers);
