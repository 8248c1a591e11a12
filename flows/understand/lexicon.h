/*
 * The words that finders know: months, days, units, numbers, currencies, carriers and the small
 * words between them, in four languages, levelled as letters.h does.
 */
#pragma once

#include "bot/base/str.h"

enum lexicon_class {
    LEX_MONTH,   /* 1-12 */
    LEX_WEEKDAY, /* 1 Monday - 7 */
    LEX_DAY,     /* days from today */
    LEX_UNIT,    /* enum lexicon_unit */
    LEX_PAIR,    /* two of that unit, in one word */
    LEX_NUMBER,  /* 0-100 */
    LEX_ONE,     /* "a" week */
    LEX_NTH,     /* "first" of a month */
    LEX_NEXT,    /* next, coming; 1: the day of that name which is near may be skipped */
    LEX_LAST,    /* last, past */
    LEX_THIS,    /* this */
    LEX_IN,      /* before a span that lies ahead: "in", "za" */
    LEX_AGO,     /* behind a span that lies back: "ago", "temu" */
    LEX_SINCE,   /* before a span that lies back: "hace" */
    LEX_AFTER,   /* day after tomorrow */
    LEX_BEFORE,  /* day before yesterday */
    LEX_FROM,    /* a range begins */
    LEX_TO,      /* a range goes on */
    LEX_BETWEEN, /* a range begins, whose "and" is "to" */
    LEX_AND,
    LEX_LINK,     /* may stand between the parts of a date */
    LEX_DAY_MARK, /* before the number of a day: "el", "the", "dnia" */
    LEX_ORDINAL,  /* glued to a number: "st", "go" */
    LEX_WEEKEND,
    LEX_END,      /* end of the month */
    LEX_CURRENCY, /* index into amounts.c's currencies */
    LEX_MINOR,    /* hundredths: of that currency, or -1 */
    LEX_WITH,     /* "con" between euros and cents */
    LEX_THOUSAND, /* 1000, 2000 in one Arabic word */
    LEX_ORDER,    /* an order is spoken of */
    LEX_NO,       /* "number", before one */
    LEX_PAY,      /* somebody pays */
    LEX_ACCOUNT,  /* a bank account, a code or a price is */
    LEX_STAR,     /* behind how many */
    LEX_TRACKING, /* a parcel or its number is */
    LEX_PHONE,    /* a telephone is */
    LEX_CARRIER,  /* index into tracking.c's carriers */
    LEX_TIME,     /* "mañana" after it is the morning */
    LEX_SMALL,    /* a small word: enum lang */
    LEX_SHARED,   /* a small word of two languages */
    LEX_FILLER    /* says nothing about what is wanted */
};

enum lexicon_unit { UNIT_DAY, UNIT_WEEK, UNIT_MONTH, UNIT_YEAR };

struct lexicon_entry {
    const char *word;
    uint8_t len;
    uint8_t is; /* enum lexicon_class */
    int value;
};

/* Sorted by the bytes of the word; a word may have several entries, which stand together. */
extern const struct lexicon_entry lexicon[];
extern const size_t lexicon_n;

/* Where a word's first entry is, plus one, by its hash; a slot that is taken leads to the next.
 */
enum { LEXICON_SLOTS = 4096 };
extern const uint16_t lexicon_slots[LEXICON_SLOTS];

/* How many entries the word has as it stands, from `*first` on. */
size_t lexicon_find_exact(struct str word, uint16_t *first);

/* How many entries the word has, from `*first` on; an Arabic word also without its article or
 * the letter that is joined to it ("and", "for", "with"). */
size_t lexicon_find(struct str word, uint16_t *first);
