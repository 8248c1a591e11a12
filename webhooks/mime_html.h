/*
 * The words of an HTML mail, as a plain mail would have them: for reading, never for showing.
 *
 * Tolerant of anything, in a time that grows with the bytes only. Quotations become lines that
 * begin with ">", rules become lines, so that quotes.h finds what is repeated.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

/* `html` is UTF-8; at most `most` bytes come out. */
struct str mime_html_text(struct arena *into, struct str html, size_t most);
