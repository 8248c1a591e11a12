/*
 * Dates.
 *
 * From left to right, at each mark the readings are tried, the most explicit first: written out
 * with a month's name, in numbers, counted from today, by weekday, whole weeks and months.
 * Small words that people put between the parts are passed over. Then neighbours that a "to" or
 * "-" joins become ranges, where the first half may lack what the second one says ("3-5 May").
 */
#include "flows/understand/dates.h"

struct reading {
    size_t end; /* the mark behind it */
    struct date_found found;
};

enum { GAP_MAX = 4 }; /* small words between two parts of a date */

/* --- parts -------------------------------------------------------------------------------- */

static bool is_year(const struct scan *scan, size_t i)
{
    return scan_is_number(scan, i, 4) && scan->marks[i].text.len == 4 &&
           scan->marks[i].value >= 1900 && scan->marks[i].value <= 2199;
}

/* The mark behind an ordinal's ending: "21" "st", "16" "-" "go". */
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

static bool is_ordinal(const struct scan *scan, size_t i)
{
    return scan_is_number(scan, i, 3) && past_ordinal(scan, i + 1) > i + 1;
}

/* A day of a month, in digits or as "first"; the mark behind it, or 0. "O2" is heard for 02. */
static size_t read_day(const struct scan *scan, size_t i, int *day)
{
    if (scan_is_number(scan, i, 3) && scan->marks[i].value >= 1 && scan->marks[i].value <= 31) {
        *day = (int)scan->marks[i].value;
        return past_ordinal(scan, i + 1);
    }
    if (scan_is(scan, i, LEX_NTH, day))
        return i + 1;
    return 0;
}

/* A month's name; the mark behind it, or 0. */
static size_t read_month(const struct scan *scan, size_t i, int *month)
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

static bool is_link(const struct scan *scan, size_t i)
{
    return scan_is(scan, i, LEX_LINK, NULL) || scan_is(scan, i, LEX_ORDINAL, NULL) ||
           scan_is_sign(scan, i, ',') || scan_is_sign(scan, i, '.') ||
           scan_is_sign(scan, i, '-') || scan_is_sign(scan, i, '/');
}

/* The year that follows, past small words and a day or month said twice; 0 when there is none.
 */
static size_t read_year(const struct scan *scan, size_t i, int month, int *year)
{
    for (size_t gap = 0; gap <= GAP_MAX && i < scan->n; gap++) {
        int again;

        if (is_year(scan, i)) {
            *year = (int)scan->marks[i].value;
            return i + 1;
        }
        if (is_ordinal(scan, i)) {
            i = past_ordinal(scan, i + 1);
        } else if (is_link(scan, i) || scan_is(scan, i, LEX_TO, NULL) ||
                   (scan_is(scan, i, LEX_MONTH, &again) && again == month)) {
            i++;
        } else {
            return 0;
        }
    }
    return 0;
}

/* "rok", "roku" and the like, behind a year. */
static size_t past_year_word(const struct scan *scan, size_t i)
{
    int unit;

    return scan_is(scan, i, LEX_UNIT, &unit) && unit == UNIT_YEAR ? i + 1 : i;
}

/* --- a day and a month -------------------------------------------------------------------- */

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

static bool settle(const struct date_context *context, struct date date, bool has_year,
                   struct reading *reading)
{
    if (has_year ? !date_exists(date) : !settle_year(context, &date))
        return false;
    reading->found.first = date_count(date);
    reading->found.last = reading->found.first;
    reading->found.year_given = has_year;
    return true;
}

/* "3 de mayo de 2026", "the 22nd of March", "15 czerwca", "22nd of 27th of October". */
static bool read_day_month(const struct scan *scan, size_t i,
                           const struct date_context *context, struct reading *reading)
{
    struct date date = {0};
    size_t at = read_day(scan, i, &date.day);
    size_t end = 0;

    if (!at)
        return false;
    for (size_t gap = 0; gap <= GAP_MAX && !end; gap++) {
        int other;

        end = read_month(scan, at, &date.month);
        if (end)
            break;
        if (read_day(scan, at, &other) && is_ordinal(scan, i) && is_ordinal(scan, at))
            return false; /* the later of two days is meant */
        if (!is_link(scan, at))
            return false;
        at++;
    }
    if (!end)
        return false;
    at = read_year(scan, end, date.month, &date.year);
    reading->end = at ? past_year_word(scan, at) : end;
    return settle(context, date, at != 0, reading);
}

/* "November the 18th 1974", "May 3", "October 24 października 1917". */
static bool read_month_day(const struct scan *scan, size_t i,
                           const struct date_context *context, struct reading *reading)
{
    struct date date = {0};
    size_t at = read_month(scan, i, &date.month);
    size_t end;

    if (!at)
        return false;
    if (scan_is(scan, at, LEX_LINK, NULL))
        at++;
    end = read_day(scan, at, &date.day);
    if (!end)
        return false;
    at = read_year(scan, end, date.month, &date.year);
    reading->end = at ? past_year_word(scan, at) : end;
    return settle(context, date, at != 0, reading);
}

/* Short names and one that is a Spanish word too are something else more often than not. */
static bool is_month_surely(struct str word)
{
    return word.len > 3 && !str_eq(word, STR("marca"));
}

/* "May 2026", "in March": the whole month. Behind a day that it does not have it is nothing. */
static bool read_month_alone(const struct scan *scan, size_t i,
                             const struct date_context *context, struct reading *reading)
{
    struct date date = {.day = 1};
    size_t end = read_month(scan, i, &date.month);
    bool led =
        i > 0 && (scan_is(scan, i - 1, LEX_IN, NULL) || scan_is(scan, i - 1, LEX_FROM, NULL) ||
                  scan_is(scan, i - 1, LEX_LINK, NULL) || scan_is(scan, i - 1, LEX_TO, NULL));
    size_t at;

    if (!end || (i > 0 && scan_is_number(scan, i - 1, 4)))
        return false;
    at = read_year(scan, end, date.month, &date.year);
    if (!at && !context->expected && !(led && is_month_surely(scan->marks[i].text)))
        return false;
    reading->end = at ? past_year_word(scan, at) : end;
    if (!settle(context, date, at != 0, reading))
        return false;
    date = date_of(reading->found.first);
    reading->found.last += date_days_in(date.year, date.month) - 1;
    return true;
}

/* --- in numbers --------------------------------------------------------------------------- */

static bool is_date_sign(const struct scan *scan, size_t i)
{
    return scan_is_sign(scan, i, '/') || scan_is_sign(scan, i, '.') ||
           scan_is_sign(scan, i, '-') || scan_is_sign(scan, i, ':');
}

/* "2026-03-12" */
static bool read_iso(const struct scan *scan, size_t i, const struct date_context *context,
                     struct reading *reading)
{
    struct date date;

    if (!is_year(scan, i) || !is_date_sign(scan, i + 1) || !scan_is_number(scan, i + 2, 2) ||
        !is_date_sign(scan, i + 3) || !scan_is_number(scan, i + 4, 2) ||
        scan->marks[i + 1].sign != scan->marks[i + 3].sign)
        return false;
    date = (struct date){(int)scan->marks[i].value, (int)scan->marks[i + 2].value,
                         (int)scan->marks[i + 4].value};
    reading->end = i + 5;
    return settle(context, date, true, reading);
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
    for (size_t gap = 0; gap < 3 && at < scan->n && is_link(scan, at) && !is_year(scan, at);
         gap++)
        at++;
    if (is_year(scan, at)) {
        *year = (int)scan->marks[at].value;
        return past_year_word(scan, at + 1);
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
static bool read_numbers(const struct scan *scan, size_t i, const struct date_context *context,
                         struct reading *reading)
{
    struct date date = {0};
    int first;
    int second;
    uint32_t sign = 0;
    size_t at = read_day(scan, i, &first);
    bool fixed;
    size_t month;
    size_t end;

    if (!at || scan->marks[i].kind != MARK_NUMBER)
        return false;
    fixed = at > i + 1;
    if (is_date_sign(scan, at)) {
        sign = scan->marks[at].sign;
        at++;
    } else {
        for (size_t gap = 0; gap < 3 && (is_link(scan, at) || scan_is(scan, at, LEX_TO, NULL));
             gap++)
            at++;
    }
    month = at;
    at = read_day(scan, at, &second);
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
    return settle(context, date, end != 0, reading);
}

/* "31 February": what has a month, and is no date with it, is none without. */
static bool has_month(const struct scan *scan, size_t i)
{
    while (i < scan->n && is_link(scan, i) && !scan_is(scan, i, LEX_MONTH, NULL))
        i++;
    return scan_is(scan, i, LEX_MONTH, NULL);
}

/* "the 15th", "el 15", "15": the next such day, where a date was asked for. */
static bool read_day_alone(const struct scan *scan, size_t i,
                           const struct date_context *context, struct reading *reading)
{
    struct date date = date_of(context->today);
    int day = 0;
    size_t end = read_day(scan, i, &day);

    if (!context->expected || !end || scan_is_sign(scan, end, '/') || has_month(scan, end) ||
        (!is_ordinal(scan, i) && scan->n > 4))
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

/* --- from today --------------------------------------------------------------------------- */

static bool at_day(struct reading *reading, day_t first, day_t last, size_t end)
{
    reading->end = end;
    reading->found.first = first;
    reading->found.last = last;
    reading->found.year_given = true;
    return true;
}

/* "mañana por la mañana", "esta mañana": the second is a time of the day. */
static bool is_morning(const struct scan *scan, size_t i)
{
    static const struct str manana = {"manana", 6};

    return i > 0 && str_eq(scan->marks[i].text, manana) &&
           scan->marks[i - 1].kind == MARK_WORD && scan_is(scan, i - 1, LEX_TIME, NULL);
}

/* "tomorrow", "pasado mañana", "the day after tomorrow", "بعد غد". */
static bool read_near(const struct scan *scan, size_t i, const struct date_context *context,
                      struct reading *reading)
{
    int days;
    int last;

    if (scan_is(scan, i, LEX_DAY, &days) && !is_morning(scan, i))
        return at_day(reading, context->today + days, context->today + days, i + 1);
    if (scan_is(scan, i + 1, LEX_DAY, &days) && (days == 1 || days == -1)) {
        if (days == 1 && !is_morning(scan, i + 1) &&
            (scan_is(scan, i, LEX_AFTER, NULL) || (scan_is(scan, i, LEX_LAST, &last))))
            return at_day(reading, context->today + 2, context->today + 2, i + 2);
        if (days == -1 &&
            (scan_is(scan, i, LEX_BEFORE, NULL) || scan_is(scan, i, LEX_SINCE, NULL)))
            return at_day(reading, context->today - 2, context->today - 2, i + 2);
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
    return date_exists(date_of(day)) && at_day(reading, day, day, end);
}

/* "two weeks", "un mes", "tydzień", "يومين": how many marks, and how much. */
static size_t read_span(const struct scan *scan, size_t i, int64_t *count, int *unit)
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
static bool read_away(const struct scan *scan, size_t i, const struct date_context *context,
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
    n = read_span(scan, at, &count, &unit);
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

/* --- weekdays, weeks, months -------------------------------------------------------------- */

struct turn_word {
    bool next;
    bool last;
    bool skips; /* the near one may be passed over */
    bool this;
    size_t n;
};

/* "next", "que viene", "القادم", "w przyszłym", before or behind. */
static struct turn_word read_turn(const struct scan *scan, size_t i)
{
    struct turn_word turn = {0};
    int value;

    if (scan_is(scan, i, LEX_NEXT, &value)) {
        turn.next = true;
        turn.skips = value == 1;
        turn.n = 1;
    } else if (scan_is(scan, i, LEX_LAST, NULL)) {
        turn.last = true;
        turn.n = 1;
    } else if (scan_is(scan, i, LEX_THIS, NULL)) {
        turn.this = true;
        turn.n = 1;
    } else if (i + 1 < scan->n && scan->marks[i].kind == MARK_WORD && !scan->marks[i].taken &&
               str_eq(scan->marks[i].text, STR("que")) &&
               scan_is(scan, i + 1, LEX_NEXT, NULL)) {
        turn.next = true;
        turn.n = 2;
    }
    return turn;
}

static bool turn_weekday(const struct date_context *context, int weekday, struct turn_word turn,
                         struct reading *reading, size_t end)
{
    day_t today = context->today;
    int ahead = (weekday - day_weekday(today) + 7) % 7;
    day_t near = today + (ahead ? ahead : 7);
    day_t monday = today - day_weekday(today) + 1;
    day_t day = near;

    if (turn.last || (context->past && !turn.next && !turn.this)) {
        day = today - (ahead ? 7 - ahead : 7);
    } else if (turn.this) {
        day = today + ahead;
    } else if (turn.next && turn.skips) {
        day = monday + 7 + weekday - 1;
    }
    reading->found.ambiguous = turn.next && turn.skips && day != near;
    return at_day(reading, day, day, end);
}

/* The next such day of a month that falls on the weekday, within two months. */
static bool settle_both(const struct date_context *context, int weekday, int day,
                        struct reading *reading)
{
    int step = context->past ? -1 : 1;

    for (int away = 0; away < 62; away++) {
        day_t count = context->today + away * step;

        if (day_weekday(count) == weekday && date_of(count).day == day)
            return at_day(reading, count, count, reading->end);
    }
    return false;
}

/* What stands behind the number of a day that is said with its weekday: nothing, or little. */
static bool ends_day(const struct scan *scan, size_t end)
{
    return end >= scan->n || scan_is(scan, end, LEX_LINK, NULL) ||
           scan_is(scan, end, LEX_TO, NULL) ||
           (scan->marks[end].kind == MARK_SIGN && !is_date_sign(scan, end));
}

/* "el lunes 23 de noviembre", "Friday the 27th", "w poniedziałek 23.11": one day, said twice.
 */
static bool read_weekday_and_day(const struct scan *scan, size_t i, int weekday,
                                 const struct date_context *context, struct reading *reading)
{
    size_t at = i + 1;
    int day;

    while (at < i + 3 && (scan_is(scan, at, LEX_DAY_MARK, NULL) ||
                          scan_is_sign(scan, at, ',') || scan_is_sign(scan, at, '.')))
        at++;
    if (read_day_month(scan, at, context, reading) ||
        read_numbers(scan, at, context, reading) ||
        read_month_day(scan, at, context, reading)) {
        reading->found.ambiguous = day_weekday(reading->found.first) != weekday;
        return true;
    }
    *reading = (struct reading){0};
    reading->end = read_day(scan, at, &day);
    return reading->end && scan->marks[at].kind == MARK_NUMBER &&
           (reading->end > at + 1 || ends_day(scan, reading->end)) &&
           settle_both(context, weekday, day, reading);
}

/* "next Friday", "el viernes que viene", "w piątek", "الجمعة القادمة". */
static bool read_weekday(const struct scan *scan, size_t i, const struct date_context *context,
                         struct reading *reading)
{
    struct turn_word turn = read_turn(scan, i);
    size_t at = i + turn.n;
    int weekday;

    if (!scan_is(scan, at, LEX_WEEKDAY, &weekday))
        return false;
    if (read_weekday_and_day(scan, at, weekday, context, reading))
        return true;
    *reading = (struct reading){0};
    if (turn.n == 0) {
        turn = read_turn(scan, at + 1);
        if (turn.this)
            turn = (struct turn_word){0};
        return turn_weekday(context, weekday, turn, reading, at + 1 + turn.n);
    }
    return turn_weekday(context, weekday, turn, reading, at + 1);
}

static bool turn_unit(const struct date_context *context, int unit, struct turn_word turn,
                      struct reading *reading, size_t end)
{
    int step = turn.next ? 1 : turn.last ? -1 : 0;
    struct date date = date_of(context->today);
    day_t first;

    if (unit == UNIT_WEEK) {
        first = context->today - day_weekday(context->today) + 1 + 7 * step;
        return at_day(reading, first, first + 6, end);
    }
    date.day = 1;
    if (unit == UNIT_YEAR)
        date.month = 1;
    first = day_add_months(date_count(date), unit == UNIT_YEAR ? 12 * step : step);
    return at_day(reading, first, day_add_months(first, unit == UNIT_YEAR ? 12 : 1) - 1, end);
}

/* "next week", "el mes pasado", "w przyszłym tygodniu", "الأسبوع القادم". */
static bool read_unit(const struct scan *scan, size_t i, const struct date_context *context,
                      struct reading *reading)
{
    struct turn_word turn = read_turn(scan, i);
    size_t at = i + turn.n;
    size_t end;
    int unit;

    if (!scan_is(scan, at, LEX_UNIT, &unit) || unit == UNIT_DAY)
        return false;
    end = at + 1;
    if (turn.n == 0) {
        turn = read_turn(scan, at + 1);
        end += turn.n;
    }
    return turn.n > 0 && turn_unit(context, unit, turn, reading, end);
}

/* --- a weekday of a week --------------------------------------------------------------------
 */

/* "next week", "za tydzień", "hace dos semanas": a day of that week, and the mark behind it. */
static size_t read_week(const struct scan *scan, size_t i, const struct date_context *context,
                        day_t *day)
{
    struct reading reading = {0};
    int unit = UNIT_DAY;
    size_t last;

    if (!read_away(scan, i, context, &reading) && !read_unit(scan, i, context, &reading))
        return 0;
    for (last = reading.end; last > i && unit != UNIT_WEEK; last--) {
        if (!scan_is(scan, last - 1, LEX_UNIT, &unit))
            (void)scan_is(scan, last - 1, LEX_PAIR, &unit);
    }
    *day = reading.found.first;
    return unit == UNIT_WEEK ? reading.end : 0;
}

/* A small word between a week and its day: "w", "on", "de la", "يوم"; but not "or". */
static bool is_bridge(const struct scan *scan, size_t i)
{
    if (scan_is(scan, i, LEX_DAY_MARK, NULL) || scan_is_sign(scan, i, ','))
        return true;
    return scan_is(scan, i, LEX_LINK, NULL) && !scan_is(scan, i, LEX_UNIT, NULL) &&
           !scan_is(scan, i, LEX_IN, NULL) && !str_eq(scan->marks[i].text, STR("or"));
}

static size_t past_bridge(const struct scan *scan, size_t i)
{
    size_t most = i + 3;

    while (i < most && is_bridge(scan, i))
        i++;
    return i;
}

/* "za tydzień w piątek", "next week on Friday", "el viernes de la semana que viene": one day.
 */
static bool read_day_of_week(const struct scan *scan, size_t i,
                             const struct date_context *context, struct reading *reading)
{
    int weekday;
    day_t day;
    size_t at;

    if (scan_is(scan, i, LEX_WEEKDAY, &weekday)) {
        at = read_week(scan, past_bridge(scan, i + 1), context, &day);
    } else {
        at = read_week(scan, i, context, &day);
        at = at ? past_bridge(scan, at) : 0;
        if (at && !scan_is(scan, at++, LEX_WEEKDAY, &weekday))
            at = 0;
    }
    if (!at)
        return false;
    day += weekday - day_weekday(day);
    return at_day(reading, day, day, at);
}

/* "a week on Friday", "two weeks from today", "Friday week": so much after that day. */
static bool read_weeks_on(const struct scan *scan, size_t i, const struct date_context *context,
                          struct reading *reading)
{
    int64_t count = 1;
    int unit;
    int value;
    size_t at = read_span(scan, i, &count, &unit);

    if (context->lang != LANG_EN)
        return false;
    if (scan_is(scan, i, LEX_WEEKDAY, &value) && scan_is(scan, i + 1, LEX_UNIT, &unit) &&
        unit == UNIT_WEEK) {
        (void)turn_weekday(context, value, (struct turn_word){0}, reading, i + 2);
        return at_day(reading, reading->found.first + 7, reading->found.first + 7, i + 2);
    }
    at += i;
    if (at == i || unit != UNIT_WEEK || count > 100 ||
        (!scan_is(scan, at, LEX_FROM, NULL) && !scan_is(scan, at, LEX_DAY_MARK, NULL)))
        return false;
    if (scan_is(scan, at + 1, LEX_WEEKDAY, &value)) {
        (void)turn_weekday(context, value, (struct turn_word){0}, reading, at + 2);
    } else if (scan_is(scan, at + 1, LEX_DAY, &value)) {
        reading->found.first = context->today + value;
    } else {
        return false;
    }
    reading->found.first += (day_t)(7 * count);
    return at_day(reading, reading->found.first, reading->found.first, at + 2);
}

/* --- weekends
 * --------------------------------------------------------------------------------- */

int weekend_begins(struct str country, enum lang lang)
{
    static const char *const on_friday[] = {"BD", "BH", "DZ", "EG", "IL", "IQ",
                                            "JO", "KW", "LY", "MV", "OM", "PS",
                                            "QA", "SA", "SD", "SY", "YE"};

    if (country.len == 0)
        return lang == LANG_AR ? 5 : 6;
    for (size_t i = 0; i < COUNTOF(on_friday); i++) {
        if (str_eq(country, str_from(on_friday[i])))
            return 5;
    }
    return 6;
}

/* How many marks say "weekend": one word, "fin de semana", "(عطلة) نهاية الأسبوع". */
static size_t weekend_words(const struct scan *scan, size_t i,
                            const struct date_context *context)
{
    bool one = scan_is(scan, i, LEX_WEEKEND, NULL);
    size_t at = i + (one ? 1 : 0);
    int unit;

    if (scan_is(scan, at, LEX_END, NULL) && context->lang == LANG_ES && at + 1 < scan->n &&
        str_eq(scan->marks[at + 1].text, STR("de")) && scan_is(scan, at + 2, LEX_UNIT, &unit) &&
        unit == UNIT_WEEK)
        return at + 3 - i;
    if (scan_is(scan, at, LEX_END, NULL) && context->lang == LANG_AR &&
        scan_is(scan, at + 1, LEX_UNIT, &unit) && unit == UNIT_WEEK)
        return at + 2 - i;
    return at - i;
}

/* "the weekend": the coming two days, also on one of them. */
static bool read_weekend(const struct scan *scan, size_t i, const struct date_context *context,
                         struct reading *reading)
{
    struct turn_word turn = read_turn(scan, i);
    size_t at = i + turn.n;
    size_t words = weekend_words(scan, at, context);
    day_t first = context->today - day_weekday(context->today) +
                  (context->weekend ? context->weekend : 6);

    if (!words)
        return false;
    if (first + 1 < context->today)
        first += 7;
    if (turn.n == 0)
        turn = read_turn(scan, at + words);
    reading->found.ambiguous = turn.next && turn.skips;
    first += turn.next && turn.skips ? 7 : turn.last ? -7 : 0;
    return at_day(reading, first, first + 1, at + words + (at == i ? turn.n : 0));
}

/* "the end of the month", "fin de mes", "koniec tygodnia". */
static bool read_end(const struct scan *scan, size_t i, const struct date_context *context,
                     struct reading *reading)
{
    struct turn_word now = {.this = true, .n = 1};
    size_t at = i + 1;
    int unit;

    if (!scan_is(scan, i, LEX_END, NULL))
        return false;
    while (at < i + 4 && !scan_is(scan, at, LEX_UNIT, NULL) &&
           (is_link(scan, at) || scan_is(scan, at, LEX_THIS, NULL)))
        at++;
    if (!scan_is(scan, at, LEX_UNIT, &unit) || unit == UNIT_DAY)
        return false;
    (void)turn_unit(context, unit, now, reading, at + 1);
    reading->found.first = reading->found.last;
    return true;
}

/* --- all of them -------------------------------------------------------------------------- */

static bool read_date(const struct scan *scan, size_t i, const struct date_context *context,
                      struct reading *reading)
{
    static bool (*const readers[])(const struct scan *, size_t, const struct date_context *,
                                   struct reading *) = {
        read_iso,      read_day_month, read_numbers,     read_month_day, read_day_of_week,
        read_weeks_on, read_away,      read_near,        read_weekday,   read_unit,
        read_weekend,  read_end,       read_month_alone, read_day_alone};

    for (size_t j = 0; j < COUNTOF(readers); j++) {
        *reading = (struct reading){0};
        if (readers[j](scan, i, context, reading))
            return true;
    }
    return false;
}

/* Nothing here begins a date: most marks of most texts. */
static bool may_begin(const struct scan *scan, size_t i)
{
    const struct mark *mark = &scan->marks[i];

    return !scan_is_within(scan, i) && !mark->taken &&
           (mark->kind == MARK_NUMBER || (mark->kind == MARK_WORD && mark->entries > 0));
}

/* "3-5 May", "del 3 al 5 de mayo": a bare day before a date that names its month. */
static void lend_month(const struct scan *scan, size_t begin, size_t joint, size_t *first,
                       struct date_found *found)
{
    struct date date = date_of(found->first);
    size_t at = joint;

    while (at > begin && at + 3 > joint && scan->marks[at - 1].kind != MARK_NUMBER)
        at--;
    if (at == begin || !scan_is_number(scan, at - 1, 2) || scan_is_within(scan, at - 1))
        return;
    date.day = (int)scan->marks[at - 1].value;
    if (!date_exists(date) || date_count(date) >= found->first)
        return;
    found->first = date_count(date);
    found->at.from = scan->marks[at - 1].at.from;
    *first = at - 1;
}

static bool is_joint(const struct scan *scan, size_t i, bool between)
{
    return scan_is(scan, i, LEX_TO, NULL) || scan_is_sign(scan, i, '-') ||
           (between && scan_is(scan, i, LEX_AND, NULL));
}

struct finding {
    struct scan *scan;
    const struct date_context *context;
    struct date_found *found;
    size_t n;
    size_t begins[DATES_MAX];
    size_t ends[DATES_MAX];
};

/* The new date is the second half of a range with the one before it, or lends its month to a
 * bare day. */
static void join_range(struct finding *finding, size_t begin)
{
    struct scan *scan = finding->scan;
    struct date_found *last = &finding->found[finding->n - 1];
    size_t before = finding->n > 1 ? finding->ends[finding->n - 2] : 0;
    bool between = false;
    size_t joint = begin;

    for (size_t i = finding->n > 1 ? finding->begins[finding->n - 2] : 0, back = i;
         i > 0 && i + 3 > back; i--)
        between |= scan_is(scan, i - 1, LEX_BETWEEN, NULL);
    while (joint > before && joint + 3 > begin && !is_joint(scan, joint - 1, between) &&
           is_link(scan, joint - 1))
        joint--;
    if (joint == before || !is_joint(scan, joint - 1, between))
        return;
    if (finding->n > 1 && joint - 1 == before) {
        struct date_found *first = &finding->found[finding->n - 2];

        if (first->first > last->last)
            return;
        first->last = last->last;
        first->at.to = last->at.to;
        first->year_given |= last->year_given;
        finding->ends[finding->n - 2] = finding->ends[finding->n - 1];
        finding->n--;
        return;
    }
    lend_month(scan, before, joint - 1, &finding->begins[finding->n - 1], last);
}

size_t dates_find(struct scan *scan, const struct date_context *context,
                  struct date_found found[DATES_MAX])
{
    struct finding finding = {.scan = scan, .context = context, .found = found};

    for (size_t i = 0; i < scan->n && finding.n < DATES_MAX;) {
        struct reading reading;

        if (!may_begin(scan, i) || !read_date(scan, i, context, &reading)) {
            i++;
            continue;
        }
        reading.found.at =
            (struct span){scan->marks[i].at.from, scan->marks[reading.end - 1].at.to};
        finding.begins[finding.n] = i;
        finding.ends[finding.n] = reading.end;
        found[finding.n++] = reading.found;
        join_range(&finding, i);
        i = reading.end;
    }
    for (size_t i = 0; i < finding.n; i++)
        (void)scan_take(scan, finding.begins[i], finding.ends[i]);
    return finding.n;
}
