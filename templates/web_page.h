/*
 * A customer's own pages: the index of their orders and papers, one order, and the page that a
 * link shows which opens nothing. Their words are the keys under "web." and those that the
 * chat has for the same things. Pure: the rows are handed in as the database gave them
 * (store/sql/portal.sql, orders.sql).
 */
#pragma once

#include "templates/page.h"

struct web_page {
    const struct words *words;
    struct locale locale;
    const struct record *business; /* name; email, phone, website where there are any */
    struct str customer;           /* their name; may be empty */
    struct str base;               /* "/customer/<token>" */
    usec_t good_until;
};

struct web_index {
    const struct list *orders; /* portal_orders */
    bool more;                 /* there are older ones */
    unsigned page;             /* from 0 */
    const struct list *papers; /* portal_papers */
};

struct str web_index_page(struct arena *into, const struct web_page *page,
                          const struct web_index *index);

struct web_order {
    const struct record *order;   /* order_by_number */
    const struct list *timeline;  /* order_timeline */
    const struct list *shipments; /* order_shipments */
    const struct list *photos;    /* portal_photos, each with `src` where we keep the file */
    const struct list *papers;    /* portal_papers */
};

struct str web_order_page(struct arena *into, const struct web_page *page,
                          const struct web_order *order);

struct web_report {
    const struct list *orders;            /* portal_orders, to choose from */
    struct str order, kind, story, email; /* as filled in so far */
    struct str once;                      /* what shows that the form is ours */
    const char
        *wrong; /* what is to be looked at again: "web.report.wrong.<this>"; NULL: nothing */
};

struct str web_report_page(struct arena *into, const struct web_page *page,
                           const struct web_report *report);

/* Taken: the report's number. */
struct str web_reported_page(struct arena *into, const struct web_page *page,
                             struct str ticket);

/* A title and some words: "web.<name>.title" and "web.<name>.words". */
struct str web_plain_page(struct arena *into, const struct web_page *page, const char *name);
