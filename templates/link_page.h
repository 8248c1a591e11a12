/*
 * The small page behind a link of a mail: it says what would be done and asks for one tap, or
 * says what was done. Works without script, in both modes and directions; fetches nothing.
 * Pure; all that is handed in is escaped.
 */
#pragma once

#include "templates/words.h"

/* Which of the pages: the keys "link.<name>..." have its words. */
enum link_page {
    LINK_PAGE_TAP,          /* asks: shall this be our answer? */
    LINK_PAGE_TAPPED,       /* it is on its way */
    LINK_PAGE_UNSUBSCRIBE,  /* asks */
    LINK_PAGE_UNSUBSCRIBED, /* done */
    LINK_PAGE_PAID,         /* back from the page where it was paid */
    LINK_PAGE_UNPAID,       /* back without having paid */
    LINK_PAGE_OLD,          /* the link is no longer good */
    LINK_PAGE_SORRY         /* not now: try again */
};

struct link_page_ask {
    enum link_page page;
    const struct words *words;
    struct locale locale;
    struct str business; /* its name; may be empty */
    struct str question; /* TAP: what we had asked */
    struct str option;   /* TAP: the words of the button */
    struct str once;     /* TAP: what makes a second press of it the same; letters and digits */
};

/* The whole document. */
struct str link_page(struct arena *into, const struct link_page_ask *ask);

/* What Content-Security-Policy the page needs: a header line, for ever the same. */
const char *link_page_policy(void);
