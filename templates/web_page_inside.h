/* What the files of templates/web_page.h share. */
#pragma once

#include "templates/web_page.h"

struct web_out {
    struct out out;
    const struct web_page *page;
};

/* The words of a key, with the fields of a row (NULL: none) and the business. */
struct str web_words(struct web_out *web, const char *key, const struct record *row);

/* <tag>the words</tag> */
void web_say(struct web_out *web, const char *tag, const char *key, const struct record *row);

/* <a href="base + path + more, escaped for an address" class>, up to and with ">". */
void web_link(struct web_out *web, const char *classes, const char *path, struct str more,
              const char *end);

/* The way back to the index. */
void web_back(struct web_out *web);

void web_begin(struct web_out *web, struct arena *into, const struct web_page *page,
               struct str title);
struct str web_end(struct web_out *web);

/* The state of an order, as words with a colour. */
void web_badge(struct web_out *web, const struct record *order);

/* A list of papers under its heading; nothing when there are none. */
void web_papers(struct web_out *web, const struct list *papers);

/* The row of a list; NULL when it is none. */
const struct record *web_row(const struct list *list, size_t i);
size_t web_count(const struct list *list); /* NULL: 0 */
struct str web_field(const struct record *row, const char *name);
