/*
 * What a broadcast says, as a file, and the list of whom it is for. Pure: bytes in, values out.
 *
 *     template:                 # on WhatsApp, as Meta approved it
 *       name: spring_sale
 *       languages: {en: en_US, es: es}
 *       values: ["{{first_name}}", "{{code}}"]
 *     words:                    # by SMS and mail; on WhatsApp to who wrote within a day
 *       en: {subject: "A gift, {{first_name}}", body: "20 % off with {{code}}."}
 *       es: {subject: "Un regalo, {{first_name}}", body: "20 % menos con {{code}}."}
 *     otherwise: en             # who speaks none of these; needed unless all are there
 *
 * A variable is name, first_name, company, business, or a column of the list.
 */
#pragma once

#include "bot/later/csv.h"
#include "flows/engine/yaml.h"
#include "templates/words.h"

#define BROADCAST_LINES_MAX 1000000

/* The columns of a list that are values and not addresses. */
struct broadcast_columns {
    struct str names[CSV_COLUMNS_MAX];
    size_t n;
    int phone, email, id; /* their places; -1: there is none */
};

/* ERR_REJECT for a head that no list has. */
MUST_USE bool broadcast_columns_read(const struct csv *csv, const struct str *head,
                                     struct broadcast_columns *columns, struct err *err);

/* A row as a member of what SQL_BROADCAST_LINES takes; NULL: it is right, else what is wrong.
 */
const char *broadcast_line_read(struct arena *into, const struct broadcast_columns *columns,
                                const struct str *fields, unsigned line, struct str *json);

/* The content as the ledger keeps it (migration 0052). `words` is the catalog, for what the law
 * wants said by SMS; `channel` is empty where any will do. ERR_REJECT with file, line and cure.
 */
MUST_USE bool broadcast_content_read(struct arena *into, struct str file, struct str bytes,
                                     const struct broadcast_columns *columns,
                                     const struct words *words, struct str channel,
                                     struct str *content, struct err *err);
