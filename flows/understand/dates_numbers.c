/*
 * Dates in numbers: "12/03", "2026-03-12", "28th of the 6th 1958".
 */
#include "flows/understand/dates_inside.h"

bool dates_is_sign(const struct scan *scan, size_t i)
{
    return scan_is_sign(scan, i, '/') || scan_is_sign(scan, i, '.') ||
           scan_is_sign(scan, i, '-') || scan_is_sign(scan, i, ':');
}

/* "2026-03-12" */
bool dates_read_iso(const struct scan *scan, size_t i, const struct date_context *context,
                    struct reading *reading)
{
    struct date date;

    if (!dates_is_year(scan, i) || !dates_is_sign(scan, i + 1) ||
        !scan_is_number(scan, i + 2, 2) || !dates_is_sign(scan, i + 3) ||
        !scan_is_number(scan, i + 4, 2) || scan->marks[i + 1].sign != scan->marks[i + 3].sign)
        return false;
    date = (struct date){(int)scan->marks[i].value, (int)scan->marks[i + 2].value,
                         (int)scan->marks[i + 4].value};
    reading->end = i + 5;
    return dates_settle(context, date, true, reading);
}

/* Day and month in the order of the language, or in the only one that can be. */
static bool order_parts(const struct date_context *context, int a, int b, bool fixed,
                        struct date *date, bool *ambiguous)
{
    bool swap = context->month_first && !fixed;

    *ambiguous = !fixed && a != b && a <= 12 && b <= 12 && context->lang == LANG_EN;
    if (!fixed && (swap ? a : b) > 12)
        swap = !swap;
    date->day = swap ? b : a;
    date->month = swap ? a : b;
    return date->month >= 1 && date->month <= 12 && date->day >= 1 && date->day <= 31;
}

/* Two digits of a year: the one nearest to now, twenty years ahead at most. */
static int whole_year(const struct date_context *context, int64_t two)
{
    int now = date_of(context->today).year;
    int year = now - now % 100 + (int)two;

    if (year > now + 20)
        return year - 100;
    return year < now - 79 ? year + 100 : year;
}

/* The year of a date in numbers, behind its second part; 0 when there is none. `two`: also of
 * two digits, where the signs say so. */
static size_t read_number_year(const struct scan *scan, size_t i, uint32_t sign,
                               const struct date_context *context, int *year)
{
    size_t at = i;

    if (sign && scan_is_sign(scan, i, sign))
        at = i + 1;
    for (size_t gap = 0;
         gap < 3 && at < scan->n && dates_is_link(scan, at) && !dates_is_year(scan, at); gap++)
        at++;
    if (dates_is_year(scan, at)) {
        *year = (int)scan->marks[at].value;
        return dates_past_year_word(scan, at + 1);
    }
    if (sign && sign != ':' && scan_is_sign(scan, i, sign) && scan_is_number(scan, i + 1, 2) &&
        scan->marks[i + 1].text.len == 2) {
        *year = whole_year(context, scan->marks[i + 1].value);
        return i + 2;
    }
    return 0;
}

/* Whether day and month may stand without a year: "12/03" may, "12 03" and "4:04" may not, and
 * "12.03" only where that is how days are written. */
static bool may_lack_year(const struct scan *scan, const struct date_context *context,
                          uint32_t sign, size_t i)
{
    if (sign == '/') /* around the clock is no day */
        return context->expected || scan->marks[i].value != 24 || scan->marks[i + 2].value != 7;
    if (sign == '.') {
        return context->expected ||
               (context->lang == LANG_PL && scan->marks[i + 2].text.len == 2);
    }
    return sign == '-' && context->expected;
}

/* "29/10 1919", "12.03.26", "22 10 1961", "28th of the 6th 1958", "26th or 8th 1914". */
bool dates_read_numbers(const struct scan *scan, size_t i, const struct date_context *context,
                        struct reading *reading)
{
    struct date date = {0};
    int first;
    int second;
    uint32_t sign = 0;
    size_t at = dates_read_day(scan, i, &first);
    bool fixed;
    size_t month;
    size_t end;

    if (!at || scan->marks[i].kind != MARK_NUMBER)
        return false;
    fixed = at > i + 1;
    if (dates_is_sign(scan, at)) {
        sign = scan->marks[at].sign;
        at++;
    } else {
        for (size_t gap = 0;
             gap < 3 && (dates_is_link(scan, at) || scan_is(scan, at, LEX_TO, NULL)); gap++)
            at++;
    }
    month = at;
    at = dates_read_day(scan, at, &second);
    if (!at || scan->marks[month].kind != MARK_NUMBER)
        return false;
    fixed |= at > month + 1;
    if (sign && !order_parts(context, first, second, fixed, &date, &reading->found.ambiguous))
        return false;
    if (!sign && !order_parts(context, first, second, true, &date, &reading->found.ambiguous))
        return false;
    end = read_number_year(scan, at, sign, context, &date.year);
    if (!end && (!may_lack_year(scan, context, sign, i) || fixed))
        return false;
    reading->end = end ? end : at;
    return dates_settle(context, date, end != 0, reading);
}
