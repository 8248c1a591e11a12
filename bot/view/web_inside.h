/*
 * What the files of bot/view/web.h share.
 *
 *     web.c         whose link it is, and which page is wanted
 *     web_pages.c   the index and an order
 *     web_papers.c  a paper
 *     web_report.c  the report form
 *     web_json.c    the same for programs
 *     web_bundle.c  all of them, and the photos, as one ZIP
 */
#pragma once

#include "bot/later/paper_make.h"
#include "bot/view/web.h"
#include "templates/web_page.h"

struct web {
    struct worker *worker;
    struct db *db;
    unsigned n_drawing;
    struct bundle *bundles; /* web_bundle.c's own */
};

/* One request, in its exchange's arena. */
struct web_visit {
    struct web *web;
    struct http_exchange *exchange;
    struct uuid org, customer;
    struct hash hash;
    struct str tail; /* behind the token: "/orders/ORD-7"; empty: the index */
    enum lang
        asked; /* what the browser would like, for who is not known; LANG_COUNT: nothing */
    bool head, post;
    bool json;         /* for a program: web_json.c */
    struct str number; /* of the order that it asks for */
    bool same_site;    /* POST: nothing says that another site's page sent it */
    struct str content_type;
    struct report *report; /* web_report.c's own */
    struct web_page page;
    struct db_call call;
    struct web_index index;
    struct paper_make paper;
};

/* --- web.c */
void web_show(struct web_visit *visit, int status, struct str page);
void web_show_plain(struct web_visit *visit, int status, const char *name);
/* What the links on the page begin with. */
void web_base(struct web_visit *visit);
/* A plain page's words, without the page. */
struct str web_plain_words(struct web_visit *visit, const char *key, struct str ticket);
/* The rows with a `src` where we keep their file: where this reader gets it for a day. */
const struct list *web_sources(struct web_visit *visit, const struct list *rows);
/* A call as that customer. */
void web_call_init(struct web_visit *visit, void (*done)(struct db_call *call));

/* --- web_pages.c, web_papers.c, web_bundle.c, web_report.c: `rest` is the tail behind the word
 * that chose it
 */
void web_index(struct web_visit *visit, struct str rest);
void web_order(struct web_visit *visit, struct str rest);
void web_paper(struct web_visit *visit, struct str rest);
void web_bundle(struct web_visit *visit, struct str rest);
void web_report(struct web_visit *visit, struct str rest);

/* --- web_json.c */
void web_json(struct web_visit *visit);
/* `path`: which member is wrong; NULL: none is. */
void web_json_refuse(struct web_visit *visit, int status, const char *code, struct str words,
                     const char *path);
void web_json_reported(struct web_visit *visit, struct str ticket, struct str words);
