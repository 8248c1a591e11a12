/*
 * Kept files behind signed links (bot/view/link.h): GET and HEAD /f/<token>.
 *
 * Whoever has the link may have the file until the link ends, as long as the file is kept and
 * the customer whom it was sent to may still see it; or a person of the business, while what
 * the customer sent in a conversation that was handed over is there. Twilio fetches an MMS's
 * picture here, and so does a reader's browser, in which the bytes can do nothing: the type is
 * one of ours, the page is a sandbox, and nothing is stored.
 *
 * Files are large, so few are read at once and the others wait; and there is an end to what
 * slow readers can keep in memory, beyond which one is asked to come again.
 */
#pragma once

#include "bot/worker.h"

struct link_files *link_files_create(struct worker *worker);

void link_files_visit(struct link_files *files, struct http_exchange *exchange,
                      struct str token);

/* Those that wait are sent away. */
void link_files_close(struct link_files *files);
/* After the loop has run out. Accepts NULL. */
void link_files_destroy(struct link_files *files);
