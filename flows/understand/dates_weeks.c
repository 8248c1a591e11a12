/*
 * Weekdays, and weeks, months and years as a whole: "next Friday", "el mes pasado".
 */
#include "flows/understand/dates_inside.h"

struct turn_word dates_read_turn(const struct scan *scan, size_t i)
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
    return dates_set(reading, day, day, end);
}

/* The next such day of a month that falls on the weekday, within two months. */
static bool settle_both(const struct date_context *context, int weekday, int day,
                        struct reading *reading)
{
    int step = context->past ? -1 : 1;

    for (int away = 0; away < 62; away++) {
        day_t count = context->today + away * step;

        if (day_weekday(count) == weekday && date_of(count).day == day)
            return dates_set(reading, count, count, reading->end);
    }
    return false;
}

/* What stands behind the number of a day that is said with its weekday: nothing, or little. */
static bool ends_day(const struct scan *scan, size_t end)
{
    return end >= scan->n || scan_is(scan, end, LEX_LINK, NULL) ||
           scan_is(scan, end, LEX_TO, NULL) ||
           (scan->marks[end].kind == MARK_SIGN && !dates_is_sign(scan, end));
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
    if (dates_read_day_month(scan, at, context, reading) ||
        dates_read_numbers(scan, at, context, reading) ||
        dates_read_month_day(scan, at, context, reading)) {
        reading->found.ambiguous = day_weekday(reading->found.first) != weekday;
        return true;
    }
    *reading = (struct reading){0};
    reading->end = dates_read_day(scan, at, &day);
    return reading->end && scan->marks[at].kind == MARK_NUMBER &&
           (reading->end > at + 1 || ends_day(scan, reading->end)) &&
           settle_both(context, weekday, day, reading);
}

/* "next Friday", "el viernes que viene", "w piątek", "الجمعة القادمة". */
bool dates_read_weekday(const struct scan *scan, size_t i, const struct date_context *context,
                        struct reading *reading)
{
    struct turn_word turn = dates_read_turn(scan, i);
    size_t at = i + turn.n;
    int weekday;

    if (!scan_is(scan, at, LEX_WEEKDAY, &weekday))
        return false;
    if (read_weekday_and_day(scan, at, weekday, context, reading))
        return true;
    *reading = (struct reading){0};
    if (turn.n == 0) {
        turn = dates_read_turn(scan, at + 1);
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
        return dates_set(reading, first, first + 6, end);
    }
    date.day = 1;
    if (unit == UNIT_YEAR)
        date.month = 1;
    first = day_add_months(date_count(date), unit == UNIT_YEAR ? 12 * step : step);
    return dates_set(reading, first, day_add_months(first, unit == UNIT_YEAR ? 12 : 1) - 1,
                     end);
}

/* "next week", "el mes pasado", "w przyszłym tygodniu", "الأسبوع القادم". */
bool dates_read_unit(const struct scan *scan, size_t i, const struct date_context *context,
                     struct reading *reading)
{
    struct turn_word turn = dates_read_turn(scan, i);
    size_t at = i + turn.n;
    size_t end;
    int unit;

    if (!scan_is(scan, at, LEX_UNIT, &unit) || unit == UNIT_DAY)
        return false;
    end = at + 1;
    if (turn.n == 0) {
        turn = dates_read_turn(scan, at + 1);
        end += turn.n;
    }
    return turn.n > 0 && turn_unit(context, unit, turn, reading, end);
}

/* "next week", "za tydzień", "hace dos semanas": a day of that week, and the mark behind it. */
static size_t read_week(const struct scan *scan, size_t i, const struct date_context *context,
                        day_t *day)
{
    struct reading reading = {0};
    int unit = UNIT_DAY;
    size_t last;

    if (!dates_read_away(scan, i, context, &reading) &&
        !dates_read_unit(scan, i, context, &reading))
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
bool dates_read_day_of_week(const struct scan *scan, size_t i,
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
    return dates_set(reading, day, day, at);
}

/* "a week on Friday", "two weeks from today", "Friday week": so much after that day. */
bool dates_read_weeks_on(const struct scan *scan, size_t i, const struct date_context *context,
                         struct reading *reading)
{
    int64_t count = 1;
    int unit;
    int value;
    size_t at = dates_read_span(scan, i, &count, &unit);

    if (context->lang != LANG_EN)
        return false;
    if (scan_is(scan, i, LEX_WEEKDAY, &value) && scan_is(scan, i + 1, LEX_UNIT, &unit) &&
        unit == UNIT_WEEK) {
        (void)turn_weekday(context, value, (struct turn_word){0}, reading, i + 2);
        return dates_set(reading, reading->found.first + 7, reading->found.first + 7, i + 2);
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
    return dates_set(reading, reading->found.first, reading->found.first, at + 2);
}

/* "the end of the month", "fin de mes", "koniec tygodnia". */
bool dates_read_end(const struct scan *scan, size_t i, const struct date_context *context,
                    struct reading *reading)
{
    struct turn_word now = {.this = true, .n = 1};
    size_t at = i + 1;
    int unit;

    if (!scan_is(scan, i, LEX_END, NULL))
        return false;
    while (at < i + 4 && !scan_is(scan, at, LEX_UNIT, NULL) &&
           (dates_is_link(scan, at) || scan_is(scan, at, LEX_THIS, NULL)))
        at++;
    if (!scan_is(scan, at, LEX_UNIT, &unit) || unit == UNIT_DAY)
        return false;
    (void)turn_unit(context, unit, now, reading, at + 1);
    reading->found.first = reading->found.last;
    return true;
}
