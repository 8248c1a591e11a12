/*
 * Dates in a text: "mañana", "za dwa dni", "next Friday", "12/03", "3 de mayo", "the 20th of
 * the 11th 1952", "od 3 do 5 maja", "بعد ٣ أيام".
 *
 * What a person may have meant in two ways says so: "12/03", where both numbers can be the
 * month, and "next Friday", which may be this week's or the next one's.
 */
#pragma once

#include "flows/understand/calendar.h"
#include "flows/understand/scan.h"
#include "templates/words.h"

enum { DATES_MAX = 8 };

struct date_context {
    day_t today; /* where the customer is */
    enum lang lang;
    bool month_first; /* 12/03 is in December */
    bool past;        /* a day without its year is the last such day, not the next */
    bool expected;    /* a date was asked for: "the 15th", "12.03" and "15" are dates, too */
    int weekend;      /* its first day, 5 or 6; 0: Saturday */
};

struct date_found {
    struct span at;
    day_t first;
    day_t last;      /* of a range; else as `first` */
    bool year_given; /* or the day is counted from today */
    bool ambiguous;
};

/* The first day of the weekend: of the country where it is known, else of the language. */
int weekend_begins(struct str country, enum lang lang);

/* At most DATES_MAX, in the order of the text; their marks are taken. */
size_t dates_find(struct scan *scan, const struct date_context *context,
                  struct date_found found[DATES_MAX]);
