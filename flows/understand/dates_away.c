/*
 * Dates counted from today: "mañana", "in three days", "hace una semana".
 */
#include "flows/understand/dates_inside.h"

/* "mañana por la mañana", "esta mañana": the second is a time of the day. */
static bool is_morning(const struct scan *scan, size_t i)
{
    static const struct str manana = {"manana", 6};

    return i > 0 && str_eq(scan->marks[i].text, manana) &&
           scan->marks[i - 1].kind == MARK_WORD && scan_is(scan, i - 1, LEX_TIME, NULL);
}

/* "tomorrow", "pasado mañana", "the day after tomorrow", "بعد غد". */
bool dates_read_near(const struct scan *scan, size_t i, const struct date_context *context,
                     struct reading *reading)
{
    int days;
    int last;

    if (scan_is(scan, i, LEX_DAY, &days) && !is_morning(scan, i))
        return dates_set(reading, context->today + days, context->today + days, i + 1);
    if (scan_is(scan, i + 1, LEX_DAY, &days) && (days == 1 || days == -1)) {
        if (days == 1 && !is_morning(scan, i + 1) &&
            (scan_is(scan, i, LEX_AFTER, NULL) || (scan_is(scan, i, LEX_LAST, &last))))
            return dates_set(reading, context->today + 2, context->today + 2, i + 2);
        if (days == -1 &&
            (scan_is(scan, i, LEX_BEFORE, NULL) || scan_is(scan, i, LEX_SINCE, NULL)))
            return dates_set(reading, context->today - 2, context->today - 2, i + 2);
    }
    return false;
}

static bool shift(struct reading *reading, day_t today, int64_t count, int unit, size_t end)
{
    int64_t months = unit == UNIT_YEAR ? 12 * count : count;
    day_t day;

    if (count > 1000 || count < -1000)
        return false;
    if (unit == UNIT_DAY || unit == UNIT_WEEK) {
        day = today + (day_t)(count * (unit == UNIT_WEEK ? 7 : 1));
    } else {
        day = day_add_months(today, months);
    }
    return date_exists(date_of(day)) && dates_set(reading, day, day, end);
}

size_t dates_read_span(const struct scan *scan, size_t i, int64_t *count, int *unit)
{
    size_t n = scan_number(scan, i, count);

    if (n && scan_is(scan, i + n, LEX_UNIT, unit))
        return n + 1;
    if (scan_is(scan, i, LEX_PAIR, unit)) {
        *count = 2;
        return 1;
    }
    if (scan_is(scan, i, LEX_ONE, NULL) && scan_is(scan, i + 1, LEX_UNIT, unit)) {
        *count = 1;
        return 2;
    }
    *count = 1;
    return scan_is(scan, i, LEX_UNIT, unit) ? 1 : 0;
}

/* "in two weeks", "za dwa dni", "hace 3 días", "two months ago", "tydzień temu". */
bool dates_read_away(const struct scan *scan, size_t i, const struct date_context *context,
                     struct reading *reading)
{
    bool ahead = scan_is(scan, i, LEX_IN, NULL);
    bool back = scan_is(scan, i, LEX_SINCE, NULL);
    size_t at = i + (ahead || back ? 1 : 0);
    int64_t count;
    int unit;
    size_t n;

    if (ahead && scan_is(scan, at, LEX_LINK, NULL) && !scan_is(scan, at, LEX_UNIT, NULL))
        at++; /* "dentro de" */
    n = dates_read_span(scan, at, &count, &unit);
    if (!n)
        return false;
    if (scan_is(scan, at + n, LEX_AGO, NULL))
        return shift(reading, context->today, -count, unit, at + n + 1);
    if (ahead && n == 1 && context->lang != LANG_PL && context->lang != LANG_AR &&
        !scan_is(scan, at, LEX_PAIR, NULL))
        return false; /* "in day" */
    if (ahead || back)
        return shift(reading, context->today, ahead ? count : -count, unit, at + n);
    return false;
}
