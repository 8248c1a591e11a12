/*
 * A table as comma-separated values (RFC 4180), row by row. Pure: bytes in, values out.
 *
 * Strict and bounded: a row has as many fields as the head, a field is one line of text of at
 * most CSV_FIELD_MAX bytes in UTF-8, and a quote stands at a field's beginning or is doubled
 * within quotes. A line that is longer than all its fields may be is not taken apart, so that
 * reading costs memory as the bytes do, whatever they are. What is wrong with a row is said of
 * that row; the next one is read all the same. Semicolons or tabs part the fields where the
 * head has them and no comma, as spreadsheets write them in half of the world; a byte order
 * mark is passed over, and so are empty lines.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

#define CSV_COLUMNS_MAX 30
#define CSV_FIELD_MAX   500

struct csv {
    struct str rest;
    char comma;
    size_t n;      /* the head's columns */
    unsigned line; /* of the row read last, from 1 */
};

enum csv_outcome {
    CSV_ROW,
    CSV_WRONG, /* `why` says it */
    CSV_END
};

/* Reads the head; CSV_END for bytes that have none. */
enum csv_outcome csv_begin(struct csv *csv, struct arena *into, struct str bytes,
                           struct str columns[CSV_COLUMNS_MAX], const char **why);

/* The next row: csv->n fields, blanks at their ends cut off, borrowed from the bytes or living
 * in the arena. */
enum csv_outcome csv_next(struct csv *csv, struct arena *into,
                          struct str fields[CSV_COLUMNS_MAX], const char **why);
