/*
 * The frame of every page that we show a person: one sheet of style for all of them, in the
 * page itself, so that one answer is all there is to fetch; a policy that allows that sheet by
 * its hash, our own pictures, and nothing else. Works without script, in both modes and
 * directions; what can be tapped is 48 px high. Pure; all that is handed in is escaped.
 */
#pragma once

#include "templates/out.h"
#include "templates/words.h"

/* All that stands before what is shown; `title` is for the browser's tab. */
void page_begin(struct out *out, enum lang lang, struct str title);
void page_end(struct out *out);

/* Markup of our own. */
void page_put(struct out *out, const char *html);
/* Anybody's text, for an element or an attribute. */
void page_text(struct out *out, struct str text);
/* <tag>text</tag> */
void page_element(struct out *out, const char *tag, struct str text);

/* What Content-Security-Policy the pages need: a header line, for ever the same. */
const char *page_policy(void);
