/*
 * The inside of dates.c: how parts of a date are read. Nobody else includes this.
 *
 *     dates_parts.c    days, months, years, small words
 *     dates_written.c  with a month's name
 *     dates_numbers.c  in numbers
 *     dates_away.c     from today
 *     dates_weeks.c    weekdays, weeks, months
 *     dates_weekend.c  weekends
 *     dates.c          all of them, and ranges
 *
 * A reader that returns a bool looks whether its kind of date begins at mark @i, and fills the
 * reading when it does; when it does not the reading means nothing. One that returns a mark
 * returns the one behind what it read, or 0.
 */
#pragma once

#include "flows/understand/dates.h"

struct reading {
    size_t end; /* the mark behind it */
    struct date_found found;
};

enum { GAP_MAX = 4 }; /* small words between two parts of a date */

/* "next", "last", "this", and the like. */
struct turn_word {
    bool next;
    bool last;
    bool skips; /* the near one may be passed over */
    bool this;
    size_t n; /* marks; 0: there is none */
};

/* --- dates_parts.c ------------------------------------------------------------------------ */

bool dates_is_year(const struct scan *scan, size_t i);
bool dates_is_ordinal(const struct scan *scan, size_t i);
/* A small word or sign between two parts. */
bool dates_is_link(const struct scan *scan, size_t i);
/* A day of a month, in digits or as "first". "O2" is heard for 02. */
size_t dates_read_day(const struct scan *scan, size_t i, int *day);
size_t dates_read_month(const struct scan *scan, size_t i, int *month);
/* The year that follows, past small words and a day or month said twice. */
size_t dates_read_year(const struct scan *scan, size_t i, int month, int *year);
/* "rok", "roku" and the like, behind a year; @i when there is none. */
size_t dates_past_year_word(const struct scan *scan, size_t i);
/* The day is known, and perhaps the year: false when there is no such day. */
bool dates_settle(const struct date_context *context, struct date date, bool has_year,
                  struct reading *reading);
/* Counted from today, so nothing is open. Always true. */
bool dates_set(struct reading *reading, day_t first, day_t last, size_t end);

/* --- dates_written.c ---------------------------------------------------------------------- */

bool dates_read_day_month(const struct scan *scan, size_t i, const struct date_context *context,
                          struct reading *reading);
bool dates_read_month_day(const struct scan *scan, size_t i, const struct date_context *context,
                          struct reading *reading);
bool dates_read_month_alone(const struct scan *scan, size_t i,
                            const struct date_context *context, struct reading *reading);
bool dates_read_day_alone(const struct scan *scan, size_t i, const struct date_context *context,
                          struct reading *reading);

/* --- dates_numbers.c ---------------------------------------------------------------------- */

/* What stands between the numbers of a date. */
bool dates_is_sign(const struct scan *scan, size_t i);
bool dates_read_iso(const struct scan *scan, size_t i, const struct date_context *context,
                    struct reading *reading);
bool dates_read_numbers(const struct scan *scan, size_t i, const struct date_context *context,
                        struct reading *reading);

/* --- dates_away.c ------------------------------------------------------------------------- */

bool dates_read_near(const struct scan *scan, size_t i, const struct date_context *context,
                     struct reading *reading);
bool dates_read_away(const struct scan *scan, size_t i, const struct date_context *context,
                     struct reading *reading);
/* "two weeks", "un mes", "tydzień", "يومين": how many marks (0: none), and how much. */
size_t dates_read_span(const struct scan *scan, size_t i, int64_t *count, int *unit);

/* --- dates_weeks.c ------------------------------------------------------------------------ */

/* "next", "que viene", "القادم", "w przyszłym", before or behind. */
struct turn_word dates_read_turn(const struct scan *scan, size_t i);
bool dates_read_weekday(const struct scan *scan, size_t i, const struct date_context *context,
                        struct reading *reading);
bool dates_read_unit(const struct scan *scan, size_t i, const struct date_context *context,
                     struct reading *reading);
bool dates_read_day_of_week(const struct scan *scan, size_t i,
                            const struct date_context *context, struct reading *reading);
bool dates_read_weeks_on(const struct scan *scan, size_t i, const struct date_context *context,
                         struct reading *reading);
bool dates_read_end(const struct scan *scan, size_t i, const struct date_context *context,
                    struct reading *reading);

/* --- dates_weekend.c ---------------------------------------------------------------------- */

bool dates_read_weekend(const struct scan *scan, size_t i, const struct date_context *context,
                        struct reading *reading);
