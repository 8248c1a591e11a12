/*
 * Dates with a month's name, a month alone, a day alone.
 */
#include "flows/understand/dates_inside.h"

/* "3 de mayo de 2026", "the 22nd of March", "15 czerwca", "22nd of 27th of October". */
bool dates_read_day_month(const struct scan *scan, size_t i, const struct date_context *context,
                          struct reading *reading)
{
    struct date date = {0};
    size_t at = dates_read_day(scan, i, &date.day);
    size_t end = 0;

    if (!at)
        return false;
    for (size_t gap = 0; gap <= GAP_MAX && !end; gap++) {
        int other;

        end = dates_read_month(scan, at, &date.month);
        if (end)
            break;
        if (dates_read_day(scan, at, &other) && dates_is_ordinal(scan, i) &&
            dates_is_ordinal(scan, at))
            return false; /* the later of two days is meant */
        if (!dates_is_link(scan, at))
            return false;
        at++;
    }
    if (!end)
        return false;
    at = dates_read_year(scan, end, date.month, &date.year);
    reading->end = at ? dates_past_year_word(scan, at) : end;
    return dates_settle(context, date, at != 0, reading);
}

/* "November the 18th 1974", "May 3", "October 24 października 1917". */
bool dates_read_month_day(const struct scan *scan, size_t i, const struct date_context *context,
                          struct reading *reading)
{
    struct date date = {0};
    size_t at = dates_read_month(scan, i, &date.month);
    size_t end;

    if (!at)
        return false;
    if (scan_is(scan, at, LEX_LINK, NULL))
        at++;
    end = dates_read_day(scan, at, &date.day);
    if (!end)
        return false;
    at = dates_read_year(scan, end, date.month, &date.year);
    reading->end = at ? dates_past_year_word(scan, at) : end;
    return dates_settle(context, date, at != 0, reading);
}

/* Short names and one that is a Spanish word too are something else more often than not. */
static bool is_month_surely(struct str word)
{
    return word.len > 3 && !str_eq(word, STR("marca"));
}

/* "May 2026", "in March": the whole month. Behind a day that it does not have it is nothing. */
bool dates_read_month_alone(const struct scan *scan, size_t i,
                            const struct date_context *context, struct reading *reading)
{
    struct date date = {.day = 1};
    size_t end = dates_read_month(scan, i, &date.month);
    bool led =
        i > 0 && (scan_is(scan, i - 1, LEX_IN, NULL) || scan_is(scan, i - 1, LEX_FROM, NULL) ||
                  scan_is(scan, i - 1, LEX_LINK, NULL) || scan_is(scan, i - 1, LEX_TO, NULL));
    size_t at;

    if (!end || (i > 0 && scan_is_number(scan, i - 1, 4)))
        return false;
    at = dates_read_year(scan, end, date.month, &date.year);
    if (!at && !context->expected && !(led && is_month_surely(scan->marks[i].text)))
        return false;
    reading->end = at ? dates_past_year_word(scan, at) : end;
    if (!dates_settle(context, date, at != 0, reading))
        return false;
    date = date_of(reading->found.first);
    reading->found.last += date_days_in(date.year, date.month) - 1;
    return true;
}

/* "31 February": what has a month, and is no date with it, is none without. */
static bool has_month(const struct scan *scan, size_t i)
{
    while (i < scan->n && dates_is_link(scan, i) && !scan_is(scan, i, LEX_MONTH, NULL))
        i++;
    return scan_is(scan, i, LEX_MONTH, NULL);
}

/* "the 15th", "el 15", "15": the next such day, where a date was asked for. */
bool dates_read_day_alone(const struct scan *scan, size_t i, const struct date_context *context,
                          struct reading *reading)
{
    struct date date = date_of(context->today);
    int day = 0;
    size_t end = dates_read_day(scan, i, &day);

    if (!context->expected || !end || scan_is_sign(scan, end, '/') || has_month(scan, end) ||
        (!dates_is_ordinal(scan, i) && scan->n > 4))
        return false;
    date.day = day;
    for (int tries = 0; tries < 4; tries++) {
        day_t count = date_exists(date) ? date_count(date) : 0;

        if (date_exists(date) &&
            (context->past ? count <= context->today : count >= context->today)) {
            reading->end = end;
            reading->found.first = reading->found.last = count;
            return true;
        }
        date.month += context->past ? -1 : 1;
        if (date.month == 13 || date.month == 0) {
            date.year += context->past ? -1 : 1;
            date.month = date.month ? 1 : 12;
        }
    }
    return false;
}
