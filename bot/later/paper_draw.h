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
 * ERR_BROKEN when cairo or the machine's fonts do not do. At most PAPER_PAGES pages; what
 * is beyond them is left out, which nothing that a CRM or the API may say comes near. */
#define PAPER_PAGES 200
MUST_USE char *paper_draw(const struct paper *paper, size_t *len, struct err *err);

/* Let go of what is known of the fonts; when nobody draws any more. */
void paper_cool(void);
