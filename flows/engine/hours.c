/*
 * Everything is reckoned in local minutes and turned into instants at the end, so that a change
 * of the clocks between now and then moves the instant and not the hour.
 */
#include "flows/engine/hours.h"

#include "templates/words.h"

#define DAYS_AHEAD  14
#define OFF_AHEAD   30
#define WEEK        7
#define TIMES_MAX   4 /* intervals of a day that are shown */
#define DAY_MINUTES ((int64_t)24 * 60)

struct finding {
    const struct record *hours;
    struct str zone;
    usec_t now;
    struct hours_look look;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The instant at which local clocks show this many minutes since 1970. In the hour that a
 * change leaves out, the instant of the change or near it. */
static usec_t instant_of(struct str zone, int64_t minutes)
{
    usec_t local = minutes * USEC_PER_MIN;
    usec_t guess = local - locale_zone_offset(zone, local);

    return local - locale_zone_offset(zone, guess);
}

/* "9:30" in minutes; -1 when it is no time. */
static int64_t minutes_of(struct str text)
{
    struct str rest = str_trim(text);
    struct str hour;
    int64_t h;
    int64_t m;

    if (!str_split(&rest, ':', &hour) || rest.len != 2 || hour.len > 2 || hour.len == 0 ||
        !str_to_int(hour, &h) || !str_to_int(rest, &m) || h < 0 || m < 0 || m > 59 ||
        h * 60 + m > DAY_MINUTES)
        return -1;
    return h * 60 + m;
}

/* "09:00-17:00" in minutes of its day; past midnight the end is later than a day. */
static bool interval_of(struct str interval, int64_t *begins, int64_t *ends)
{
    struct str rest = interval;
    struct str from;

    if (!str_split(&rest, '-', &from))
        return false;
    *begins = minutes_of(from);
    *ends = minutes_of(rest);
    if (*begins < 0 || *ends < 0)
        return false;
    if (*ends <= *begins)
        *ends += DAY_MINUTES;
    return true;
}

/* One interval of one day: are we in it, or does it begin sooner than what was found? */
static void look_at(struct finding *finding, int64_t day, struct str interval)
{
    int64_t begins;
    int64_t ends;
    usec_t opens;
    usec_t closes;

    if (!interval_of(interval, &begins, &ends))
        return;
    opens = instant_of(finding->zone, day * DAY_MINUTES + begins);
    closes = instant_of(finding->zone, day * DAY_MINUTES + ends);
    if (opens <= finding->now && finding->now < closes) {
        finding->look.open = true;
        if (closes > finding->look.closes_at && ends - begins < DAY_MINUTES)
            finding->look.closes_at = closes;
    } else if (opens > finding->now &&
               (!finding->look.opens_at || opens < finding->look.opens_at)) {
        finding->look.opens_at = opens;
    }
}

/* A day's number as its date, "2026-12-25" (after Howard Hinnant's civil_from_days). */
static void date_of(int64_t day, char text[16])
{
    int64_t z = day + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t m = (5 * of_year + 2) / 153;
    int64_t values[3] = {year + era * 400 + (m >= 10), m < 10 ? m + 3 : m - 9,
                         of_year - (153 * m + 2) / 5 + 1};

    for (int i = 3; i >= 0; i--, values[0] /= 10)
        text[i] = (char)('0' + values[0] % 10);
    for (int i = 1; i < 3; i++) {
        text[3 * i + 1] = '-';
        text[3 * i + 2] = (char)('0' + values[i] / 10);
        text[3 * i + 3] = (char)('0' + values[i] % 10);
    }
    text[10] = '\0';
}

static bool is_off(const struct finding *finding, int64_t day)
{
    struct value off = record_get(finding->hours, STR("off"));
    char date[16];

    if (off.kind != VALUE_LIST)
        return false;
    date_of(day, date);
    for (size_t i = 0; i < off.list->n; i++) {
        if (off.list->items[i].kind == VALUE_TEXT &&
            str_eq(off.list->items[i].text, str_from(date)))
            return true;
    }
    return false;
}

static const char *const day_names[WEEK] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static struct str hours_of(const struct record *hours, int64_t weekday)
{
    struct value value = record_get(hours, str_from(day_names[weekday]));

    return value.kind == VALUE_TEXT ? value.text : STR_NONE;
}

static void look_at_day(struct finding *finding, int64_t day)
{
    int64_t weekday = (day + 4) - floor_div(day + 4, WEEK) * WEEK; /* 1970: a Thursday */
    struct str rest = hours_of(finding->hours, weekday);
    struct str interval;

    if (is_off(finding, day))
        return;
    while (str_split(&rest, ',', &interval))
        look_at(finding, day, interval);
}

struct hours_look hours_look(const struct record *hours, struct str zone, usec_t now)
{
    struct finding finding = {.hours = hours, .zone = zone, .now = now};
    usec_t local = now + locale_zone_offset(zone, now);
    int64_t today = floor_div(local, USEC_PER_DAY);

    if (!hours)
        return (struct hours_look){.open = true};
    for (int64_t day = today - 1; day <= today + DAYS_AHEAD; day++) {
        look_at_day(&finding, day);
        if (day >= today && (finding.look.open || finding.look.opens_at))
            break;
    }
    if (finding.look.open)
        finding.look.opens_at = 0;
    return finding.look;
}

/* --- as people read them -------------------------------------------------------------------
 */

static struct value list_of(struct arena *into, const struct value *items, size_t n)
{
    struct list *list = arena_new(into, struct list);

    *list = (struct list){items, n};
    return value_list(list);
}

/* An instant at which clocks in `shown` show that minute: of today, or of tomorrow where
 * today's is left out by a change of the clocks. */
static struct value clock_at(struct str shown, usec_t now, int64_t minutes)
{
    int64_t today = floor_div(now + locale_zone_offset(shown, now), USEC_PER_DAY);
    int64_t local = today * DAY_MINUTES + minutes;
    usec_t at = instant_of(shown, local);

    if (at + locale_zone_offset(shown, at) != local * USEC_PER_MIN)
        at = instant_of(shown, local + DAY_MINUTES);
    return value_time(at);
}

static struct value times_of(struct arena *into, struct str hours, struct str shown, usec_t now)
{
    struct value *items = arena_array(into, struct value, TIMES_MAX);
    struct record_builder before = {0};
    struct str interval;
    size_t n = 0;

    while (n < TIMES_MAX && str_split(&hours, ',', &interval)) {
        struct record_builder row;
        int64_t begins;
        int64_t ends;

        if (!interval_of(interval, &begins, &ends))
            continue;
        record_build(&row, into);
        if (ends - begins == DAY_MINUTES) {
            record_set(&row, STR("all_day"), value_bool(true));
        } else {
            record_set(&row, STR("from"), clock_at(shown, now, begins));
            record_set(&row, STR("until"), clock_at(shown, now, ends));
        }
        if (n > 0) {
            record_set(&before, STR("more"), value_bool(true));
            items[n - 1] = value_record(record_built(&before));
        }
        before = row;
        items[n++] = value_record(record_built(&row));
    }
    return list_of(into, items, n);
}

static bool is_same(const struct record *hours, int64_t a, int64_t b)
{
    return str_eq(hours_of(hours, (a + WEEK) % WEEK), hours_of(hours, (b + WEEK) % WEEK));
}

struct value hours_week(struct arena *into, const struct record *hours, struct str shown,
                        usec_t now)
{
    struct value *rows = arena_array(into, struct value, WEEK);
    int64_t begin = 1; /* Monday, or the day from which on it is the same until then */
    size_t n = 0;

    while (begin > 1 - WEEK && is_same(hours, begin, begin - 1))
        begin--;
    for (int64_t day = begin, days; day < begin + WEEK; day += days) {
        struct value times = times_of(into, hours_of(hours, (day + WEEK) % WEEK), shown, now);
        struct record_builder row;

        for (days = 1; day + days < begin + WEEK && is_same(hours, day, day + days);)
            days++;
        if (times.list->n == 0)
            continue;
        record_build(&row, into);
        record_set(
            &row, STR("first"),
            value_text(days == WEEK ? STR("every") : str_from(day_names[(day + WEEK) % WEEK])));
        if (days > 1 && days < WEEK)
            record_set(&row, STR("last"),
                       value_text(str_from(day_names[(day + days - 1 + WEEK) % WEEK])));
        record_set(&row, STR("times"), times);
        rows[n++] = value_record(record_built(&row));
    }
    return list_of(into, rows, n);
}

struct value hours_off(struct arena *into, const struct record *hours, struct str shown,
                       usec_t now)
{
    struct finding finding = {.hours = hours};
    struct value *days = arena_array(into, struct value, OFF_AHEAD);
    int64_t today = floor_div(now + locale_zone_offset(shown, now), USEC_PER_DAY);
    size_t n = 0;

    for (int64_t day = today; day < today + OFF_AHEAD; day++) {
        if (is_off(&finding, day))
            days[n++] = value_time(instant_of(shown, day * DAY_MINUTES + DAY_MINUTES / 2));
    }
    return list_of(into, days, n);
}
