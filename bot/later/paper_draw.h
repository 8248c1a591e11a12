/*
 * A paper as a PDF: A4, tagged, with the reader's direction of writing, by cairo and pango.
 *
 * The only place that knows them. It touches nothing but what it is given (and fonts), so it
 * may run on any thread; the same paper gives the same bytes. A page takes some milliseconds:
 * on the loop's threads (bot/later/papers.c), never on the loop.
 */
#pragma once

#include "templates/paper.h"

/* The bytes are the caller's, to be freed; NULL on failure: ERR_RETRY without memory,
 * ERR_BROKEN when cairo or the machine's fonts do not do, ERR_REJECT when it would take more
 * than PAPER_PAGES pages: nothing is left out. Five hundred lines of five hundred broad
 * letters, the most that a CRM may say, take half of them; only as many empty lines take more.
 */
#define PAPER_PAGES 500
MUST_USE char *paper_draw(const struct paper *paper, size_t *len, struct err *err);

/* Let go of what is known of the fonts; when nobody draws any more. */
void paper_cool(void);
