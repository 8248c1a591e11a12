/*
 * Days, months and years by themselves, and the small words between them.
 */
#include "flows/understand/dates_inside.h"

bool dates_is_year(const struct scan *scan, size_t i)
{
    return scan_is_number(scan, i, 4) && scan->marks[i].text.len == 4 &&
           scan->marks[i].value >= 1900 && scan->marks[i].value <= 2199;
}

static size_t past_ordinal(const struct scan *scan, size_t i)
{
    if (i < scan->n && scan->marks[i].glued && scan_is(scan, i, LEX_ORDINAL, NULL))
        return i + 1;
    if (scan_is_sign(scan, i, '-') && scan->marks[i].glued && i + 1 < scan->n &&
        scan->marks[i + 1].glued && scan_is(scan, i + 1, LEX_ORDINAL, NULL))
        return i + 2;
    if (i < scan->n && scan->marks[i].glued &&
        (scan_is_sign(scan, i, 0xBA) || scan_is_sign(scan, i, 0xAA)))
        return i + 1;
    return i;
}

bool dates_is_ordinal(const struct scan *scan, size_t i)
{
    return scan_is_number(scan, i, 3) && past_ordinal(scan, i + 1) > i + 1;
}

size_t dates_read_day(const struct scan *scan, size_t i, int *day)
{
    if (scan_is_number(scan, i, 3) && scan->marks[i].value >= 1 && scan->marks[i].value <= 31) {
        *day = (int)scan->marks[i].value;
        return past_ordinal(scan, i + 1);
    }
    if (scan_is(scan, i, LEX_NTH, day))
        return i + 1;
    return 0;
}

size_t dates_read_month(const struct scan *scan, size_t i, int *month)
{
    static const struct str second = {"\xD8\xAB\xD8\xA7\xD9\x86\xD9\x8A", 8};
    bool which; /* a word follows that says which of the two */

    if (!scan_is(scan, i, LEX_MONTH, month))
        return 0;
    if (*month < 100)
        return i + (scan_is_sign(scan, i + 1, '.') && scan->marks[i + 1].glued ? 2 : 1);
    which =
        i + 1 < scan->n && scan->marks[i + 1].kind == MARK_WORD && !scan->marks[i + 1].taken;
    *month -= 100 + (which && str_ends(scan->marks[i + 1].text, second) ? 0 : 1);
    *month = *month % 12 + 1;
    return i + (which ? 2 : 1);
}

bool dates_is_link(const struct scan *scan, size_t i)
{
    return scan_is(scan, i, LEX_LINK, NULL) || scan_is(scan, i, LEX_ORDINAL, NULL) ||
           scan_is_sign(scan, i, ',') || scan_is_sign(scan, i, '.') ||
           scan_is_sign(scan, i, '-') || scan_is_sign(scan, i, '/');
}

size_t dates_read_year(const struct scan *scan, size_t i, int month, int *year)
{
    for (size_t gap = 0; gap <= GAP_MAX && i < scan->n; gap++) {
        int again;

        if (dates_is_year(scan, i)) {
            *year = (int)scan->marks[i].value;
            return i + 1;
        }
        if (dates_is_ordinal(scan, i)) {
            i = past_ordinal(scan, i + 1);
        } else if (dates_is_link(scan, i) || scan_is(scan, i, LEX_TO, NULL) ||
                   (scan_is(scan, i, LEX_MONTH, &again) && again == month)) {
            i++;
        } else {
            return 0;
        }
    }
    return 0;
}

size_t dates_past_year_word(const struct scan *scan, size_t i)
{
    int unit;

    return scan_is(scan, i, LEX_UNIT, &unit) && unit == UNIT_YEAR ? i + 1 : i;
}

/* Without a year: the next such day, or the last one. 29 February waits for its year. */
static bool settle_year(const struct date_context *context, struct date *date)
{
    int step = context->past ? -1 : 1;

    date->year = date_of(context->today).year;
    for (int tries = 0; tries < 9; tries++, date->year += step) {
        if (!date_exists(*date))
            continue;
        if (context->past ? date_count(*date) <= context->today
                          : date_count(*date) >= context->today)
            return true;
    }
    return false;
}

bool dates_settle(const struct date_context *context, struct date date, bool has_year,
                  struct reading *reading)
{
    if (has_year ? !date_exists(date) : !settle_year(context, &date))
        return false;
    reading->found.first = date_count(date);
    reading->found.last = reading->found.first;
    reading->found.year_given = has_year;
    return true;
}

bool dates_set(struct reading *reading, day_t first, day_t last, size_t end)
{
    reading->end = end;
    reading->found.first = first;
    reading->found.last = last;
    reading->found.year_given = true;
    return true;
}
