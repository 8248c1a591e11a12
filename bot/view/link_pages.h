/*
 * The pages behind links of our mails (bot/view/link.h). A GET shows a page and does nothing,
 * since mail scanners and previews open every link; a POST acts, and is answered when it is
 * kept.
 */
#pragma once

#include "bot/worker.h"
#include "templates/link_page.h"

/* GET and POST /t/<token>: an option of a message. */
void link_pages_tap(struct worker *worker, struct http_exchange *exchange, struct str token);

/* GET and POST /u/<token>: hear nothing unasked any more. POST is also what a mail program does
 * by itself, with one click (RFC 8058). */
void link_pages_unsubscribe(struct worker *worker, struct http_exchange *exchange,
                            struct str token);

/* Answers with the page that is asked for, in the words of the newest book. It is kept by no
 * cache, found by no search, and its address is told to nobody that it leads to. */
void link_pages_show(struct worker *worker, struct http_exchange *exchange,
                     struct link_page_ask *ask, int status);
