/*
 * A paper: what stands on an invoice, a receipt or an order's confirmation, worded and
 * formatted in the reader's language, before anything is drawn.
 *
 * Which lines a paper has is a table in paper.c; their words are the keys under "paper.". Pure:
 * the facts are handed in as the database gave them (store/sql/papers.sql), and drawing
 * (bot/later/paper_draw.h) puts down what it finds here and adds nothing.
 */
#pragma once

#include "templates/face.h"

enum paper_kind { PAPER_ORDER, PAPER_INVOICE, PAPER_RECEIPT, PAPER_KINDS };

bool paper_kind_parse(struct str name, enum paper_kind *kind);

enum paper_column { PAPER_ITEM, PAPER_QUANTITY, PAPER_PRICE, PAPER_AMOUNT, PAPER_COLUMNS };

/* "Issued" and "3 Mar 2026"; "Total" and "€60.00". */
struct paper_pair {
    struct str label, value;
    bool strong;
};

struct paper {
    enum lang lang;
    struct str title;  /* "Invoice" */
    struct str number; /* "INV-7" */
    struct face_sender from;
    struct str logo;         /* the bytes of a PNG; empty: none */
    struct str to_label, to; /* for whom; several lines */
    struct paper_pair *facts;
    size_t n_facts;
    struct str heads[PAPER_COLUMNS];
    struct str (*rows)[PAPER_COLUMNS];
    size_t n_rows;
    struct paper_pair *totals;
    size_t n_totals;
    struct str notes;    /* below it all; may be empty */
    usec_t at;           /* what the file says of when it was made */
    struct str filename; /* "invoice-INV-7.pdf" */
};

struct paper_ask {
    enum paper_kind kind;
    const struct words *words;
    struct locale locale;
    struct face_sender from;
    struct str logo;
    const struct record
        *facts; /* the names in store/sql/papers.sql; what is missing is left out */
};

/* Borrows the facts and the logo. */
void paper_write(struct arena *into, const struct paper_ask *ask, struct paper *paper);
