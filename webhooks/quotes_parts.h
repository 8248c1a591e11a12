/*
 * The inside of quotes.h: for the files that make it, and nobody else.
 *
 *     quotes.c        which lines are whose
 *     quotes_lines.c  what a line, or a few lines together, look like
 *     quotes_words.c  the words by which mail programs say so
 */
#pragma once

#include "webhooks/quotes.h"

/* No line of a mail program's own making is longer. */
#define QUOTES_BARE_MAX 400

enum quotes_kind {
    QUOTES_TEXT,
    QUOTES_BLANK,
    QUOTES_MARKED,      /* begins with ">" */
    QUOTES_ATTRIBUTION, /* "On ... wrote:", or a part of it */
    QUOTES_CUT,         /* what follows is another mail: a rule with words, or a head */
    QUOTES_FORWARD      /* likewise, and it was sent on purpose */
};

/* Whose a line is found to be. */
enum quotes_owner { QUOTES_REPLY, QUOTES_SIGNATURE, QUOTES_HISTORY };

struct quotes_line {
    struct str raw;
    struct str bare; /* its beginning without signs of direction and without outer blanks */
    unsigned header; /* which field of a head it begins with: quotes_header_of; 0: none */
    enum quotes_kind kind;
    enum quotes_owner owner;
};

struct quotes_lines {
    struct quotes_line *at;
    size_t n;
};

/* Take a text apart and say of each line what it is. */
struct quotes_lines quotes_read(struct arena *into, struct str text);

/* "-- ", or a long rule: what follows is a signature. */
bool quotes_opens_signature(const struct quotes_line *line);
/* "Sent from my iPhone", "Wysłane z ...": what a device adds by itself. */
bool quotes_is_device(const struct quotes_line *line);
/* Nothing but a rule: "-----", "_____". */
bool quotes_is_rule(const struct quotes_line *line);

/* --- words -------------------------------------------------------------------------------- */

enum quotes_header {
    QUOTES_FROM = 1,
    QUOTES_DATE = 2,
    QUOTES_TO = 4,
    QUOTES_SUBJECT = 8,
    QUOTES_OTHER = 16
};

/* What a head's field is called: "From", "Asunto", "Do"; 0: none. */
unsigned quotes_header_of(struct str name);
/* Whether one of the words for "wrote" stands in it as a word. */
bool quotes_says_wrote(struct str text);
/* Whether it begins as a line about who wrote when does: "On 3", "El lun, 3", "W dniu 3". */
bool quotes_begins_when(struct str text);
/* QUOTES_CUT or QUOTES_FORWARD for the words between rules; else QUOTES_TEXT. */
enum quotes_kind quotes_rule_words(struct str words, bool ruled);
bool quotes_device_words(struct str text);
