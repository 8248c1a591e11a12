/*
 * Files of a report on their way to a person's folder.
 */
#pragma once

#include "bot/later/desk.h"
#include "store/tickets.h"

/*
 * Write one file into @folder and tell where; one that is not kept is passed over. It is named
 * by the ticket and its place, never by what a customer called it, only its owner may read it,
 * and what is there already is not overwritten (ERR_REJECT).
 */
MUST_USE bool ticket_file_save(struct desk *desk, const struct ticket *ticket,
                               const struct ticket_file *file, size_t place, const char *folder,
                               struct err *err);
