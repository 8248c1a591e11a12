/*
 * Everything is reckoned in local minutes and turned into instants at the end, so that a change
 * of the clocks between now and then moves the instant and not the hour.
 */
#include "flows/engine/hours.h"

#include "templates/words.h"

#define DAYS_AHEAD  14
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

/* One interval of one day: are we in it, or does it begin sooner than what was found? */
static void look_at(struct finding *finding, int64_t day, struct str interval)
{
    struct str rest = interval;
    struct str from;
    int64_t begins;
    int64_t ends;
    usec_t opens;
    usec_t closes;

    if (!str_split(&rest, '-', &from))
        return;
    begins = minutes_of(from);
    ends = minutes_of(rest);
    if (begins < 0 || ends < 0)
        return;
    if (ends <= begins)
        ends += DAY_MINUTES;
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

static void look_at_day(struct finding *finding, int64_t day)
{
    static const char *const names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    int64_t weekday = (day + 4) - floor_div(day + 4, 7) * 7; /* 1970 began on a Thursday */
    struct value hours = record_get(finding->hours, str_from(names[weekday]));
    struct str rest = hours.kind == VALUE_TEXT ? hours.text : STR_NONE;
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
