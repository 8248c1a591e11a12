/*
 * WhatsApp's templates: what may be said outside the service window, word for word as Meta has
 * approved it.
 *
 * One file each, templates/whatsapp/NAME.yaml, a part of the book. A template tells one or more
 * kinds of news (notice_kinds.h); its parameters are fields of the news, each with a type, and
 * stand by their names in the words of every language:
 *
 *     template: order_shipped
 *     category: utility
 *     tells: [shipped]
 *     parameters:
 *       number: {is: text, example: ORD-1001}
 *       expected_at: {is: date, example: "5 March"}
 *     en: {body: "Order {{number}} has left us. It arrives by {{expected_at}}, as far as we
 * know."} es: ...
 *
 * A button may lead to a `url`: an address, or "{{field}}" of the news, which goes through a
 * short address of ours, since Meta fixes all of a button's address but its end. `replies` are
 * buttons by which the customer says something: a title, and the words that a tap stands for
 * (flows/engine/event.c), with parameters in them.
 *
 * Meta keeps what it has approved under its name: whose words are changed gets a `version` (2,
 * 3, ...), and is another template there, NAME_v2.
 *
 * Of several that tell one kind, the one with the most parameters that all have a value is
 * used. Wrong files are refused with the book, by Meta's rules as far as they can be known
 * here.
 */
#pragma once

#include "flows/flows.h"

enum template_type {
    TEMPLATE_TEXT,
    TEMPLATE_DATE,
    TEMPLATE_MONEY,
    TEMPLATE_NUMBER,
    TEMPLATE_URL,
    TEMPLATE_WORDS /* our own words of a key, from the news' fields: a status's name */
};

struct template_param {
    struct str name; /* the field of the news */
    enum template_type type;
    struct str key; /* WORDS */
    struct str example;
};

#define TEMPLATE_REPLIES 3

struct template_reply {
    struct str title;
    struct str says; /* with "{{name}}" */
};

/* In one language. */
struct template_wording {
    struct str body;                   /* with "{{name}}" */
    struct str header, footer, button; /* may be empty */
    struct template_reply replies[TEMPLATE_REPLIES];
    size_t n_replies;
};

struct message_template {
    struct str name, file;
    struct str category; /* "utility", "marketing", "authentication" */
    struct str url; /* where its button leads; empty: it has none, or `url_param` says it */
    const struct str *kinds;
    size_t n_kinds;
    const struct template_param *params;
    size_t n_params;
    size_t url_param; /* whose value its button leads to; n_params: none */
    struct template_wording in[LANG_COUNT];
};

/* All of a book, those with more parameters first, then by name. */
const struct message_template *book_templates(const struct book *book, size_t *n);
const struct message_template *book_template(const struct book *book, struct str name);

/* The next piece of a body: plain words, or a parameter by its name. False at the end. */
bool template_next_piece(struct str *rest, struct str *piece, bool *is_param);

/* A parameter's place in `params`; n_params when there is none. */
size_t template_param_at(const struct message_template *template, struct str name);

/* Whether its button leads through a short address. */
static inline bool template_is_linked(const struct message_template *template)
{
    return template->url_param < template->n_params;
}

/*
 * What is sent: the reply's values stand in the order in which that language's words have them,
 * its body is the whole text as the customer will read it, its url where the button leads in
 * the end. The end of a short address (template_is_linked) is the caller's to make. False: a
 * value is missing or not of its type, so that this template cannot tell this news.
 */
bool template_fill(struct arena *into, const struct book *book,
                   const struct message_template *template, const struct locale *locale,
                   const struct record *news, struct reply *reply);
