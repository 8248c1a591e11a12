#include "templates/format.h"

#include "templates/icu.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/ustring.h>

#define SHOWN_MAX   256 /* UTF-16 units: the longest date or amount is far shorter */
#define DECIMAL_MAX 32  /* digits of a quantity */

#define NARROW_NBSP 0x202F
#define NBSP        0x00A0

/* --- names ------------------------------------------------------------------------------- */

static const char *const names[FORMAT_COUNT] = {
    [FORMAT_AUTO] = "",
    [FORMAT_TEXT] = "text",
    [FORMAT_NUMBER] = "number",
    [FORMAT_PERCENT] = "percent",
    [FORMAT_BAR] = "bar",
    [FORMAT_MONEY] = "money",
    [FORMAT_DATE] = "date",
    [FORMAT_TIME] = "time",
    [FORMAT_DAY] = "day",
    [FORMAT_DATE_TIME] = "date_time",
    [FORMAT_RELATIVE] = "relative",
};

const char format_names[] =
    "text, number, percent, bar, money, date, time, date_time, day, relative";

bool format_find(struct str name, enum format *format)
{
    for (unsigned i = FORMAT_TEXT; i < FORMAT_COUNT; i++) {
        if (str_eq(name, str_from(names[i]))) {
            *format = (enum format)i;
            return true;
        }
    }
    return false;
}

/* --- showing ----------------------------------------------------------------------------- */

struct shown {
    UChar text[SHOWN_MAX];
    int32_t len;
    UErrorCode status;
};

/* Spaces inside a value do not break over lines; and one kind of them is enough. */
static bool add_shown(struct out *out, struct shown *shown)
{
    if (U_FAILURE(shown->status) || shown->len > SHOWN_MAX)
        return false;
    for (int32_t i = 0; i < shown->len; i++) {
        if (shown->text[i] == NARROW_NBSP)
            shown->text[i] = NBSP;
    }
    int32_t room = shown->len * 3;
    int32_t len = 0;
    char *at = out_reserve(out, (size_t)room);
    u_strToUTF8(at, room, &len, shown->text, shown->len, &shown->status);
    if (U_FAILURE(shown->status))
        return false;
    out->len += (size_t)len;
    return true;
}

static bool add_digits(struct out *out, int64_t number)
{
    out_add(out, arena_format(out->into, "%lld", (long long)number));
    return true;
}

static bool add_number(struct out *out, enum lang lang, int64_t number)
{
    struct shown shown = {.status = U_ZERO_ERROR};
    const UNumberFormat *formatter = icu_numbers(lang);
    if (!formatter)
        return add_digits(out, number);
    shown.len = unum_formatInt64(formatter, number, shown.text, SHOWN_MAX, NULL, &shown.status);
    return add_shown(out, &shown) || add_digits(out, number);
}

/* A quantity that is no whole number comes as its digits: "2.5". */
static bool is_decimal(struct str text)
{
    size_t digits = 0;
    size_t points = 0;
    for (size_t i = text.len > 0 && text.at[0] == '-'; i < text.len; i++) {
        bool digit = text.at[i] >= '0' && text.at[i] <= '9';
        if (!digit && (text.at[i] != '.' || digits == 0 || points > 0))
            return false;
        digits += digit;
        points += !digit;
    }
    return digits > 0 && text.len <= DECIMAL_MAX && text.at[text.len - 1] != '.';
}

static bool add_text(struct out *out, enum lang lang, struct str text, enum format format)
{
    const UNumberFormat *formatter =
        format == FORMAT_NUMBER && is_decimal(text) ? icu_numbers(lang) : NULL;
    struct shown shown = {.status = U_ZERO_ERROR};
    if (formatter) {
        shown.len = unum_formatDecimal(formatter, text.at, (int32_t)text.len, shown.text,
                                       SHOWN_MAX, NULL, &shown.status);
    }
    if (formatter && add_shown(out, &shown))
        return true;
    out_add(out, text);
    return format == FORMAT_AUTO || format == FORMAT_TEXT;
}

static bool add_percent(struct out *out, enum lang lang, int64_t percent)
{
    const UNumberFormat *formatter = icu_percents(lang);
    if (!formatter)
        return add_digits(out, percent);
    /* The formatter wants the fraction: an exponent divides without floating point. */
    struct str decimal = arena_format(out->into, "%llde-2", (long long)percent);
    struct shown shown = {.status = U_ZERO_ERROR};
    shown.len = unum_formatDecimal(formatter, decimal.at, (int32_t)decimal.len, shown.text,
                                   SHOWN_MAX, NULL, &shown.status);
    return add_shown(out, &shown) || add_digits(out, percent);
}

static bool add_money(struct out *out, enum lang lang, struct money money)
{
    struct str decimal = money_decimal(out->into, money);
    const UNumberFormat *formatter =
        money_exponent(money.currency) < 0 ? NULL : icu_money(lang, money.currency);
    struct shown shown = {.status = U_ZERO_ERROR};
    if (formatter) {
        shown.len = unum_formatDecimal(formatter, decimal.at, (int32_t)decimal.len, shown.text,
                                       SHOWN_MAX, NULL, &shown.status);
    }
    if (formatter && add_shown(out, &shown))
        return true;
    out_add(out, arena_format(out->into, "%.*s %.3s", STR_ARG(decimal), money.currency));
    return false;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool add_date(struct out *out, const struct locale *locale, usec_t time,
                     enum date_style style)
{
    const UDateFormat *formatter = icu_dates(locale->lang, style);
    UCalendar *calendar = icu_calendar(locale->zone);
    if (!formatter || !calendar)
        return false;
    struct shown shown = {.status = U_ZERO_ERROR};
    ucal_setMillis(calendar, (UDate)floor_div(time, USEC_PER_MSEC), &shown.status);
    shown.len =
        udat_formatCalendar(formatter, calendar, shown.text, SHOWN_MAX, NULL, &shown.status);
    return add_shown(out, &shown);
}

usec_t locale_zone_offset(struct str zone, usec_t time)
{
    UErrorCode status = U_ZERO_ERROR;
    UCalendar *calendar = icu_calendar(zone);
    if (!calendar)
        return 0;
    ucal_setMillis(calendar, (UDate)floor_div(time, USEC_PER_MSEC), &status);
    int64_t msec = ucal_get(calendar, UCAL_ZONE_OFFSET, &status);
    msec += ucal_get(calendar, UCAL_DST_OFFSET, &status);
    return U_SUCCESS(status) ? msec * USEC_PER_MSEC : 0;
}

/* The number of the local day that an instant falls on. */
static int64_t local_day(UCalendar *calendar, usec_t time, UErrorCode *status)
{
    int64_t msec = floor_div(time, USEC_PER_MSEC);
    ucal_setMillis(calendar, (UDate)msec, status);
    msec += ucal_get(calendar, UCAL_ZONE_OFFSET, status);
    msec += ucal_get(calendar, UCAL_DST_OFFSET, status);
    return floor_div(msec, USEC_PER_DAY / USEC_PER_MSEC);
}

#define RELATIVE_HOURS_MAX 6  /* further away, the day says more than the hours */
#define RELATIVE_DAYS_MAX  13 /* further away, the date does */

/* What is still to come is rounded up: whoever comes back after that is never too early. */
static int64_t count_of(usec_t away, usec_t unit)
{
    return away > 0 ? (away - 1) / unit + 1 : away / unit;
}

/*
 * How far away an instant is, as people say it: minutes within the hour, hours within this day
 * or nearby, then days as the reader's calendar counts them ("tomorrow" begins at their
 * midnight), then the date. False when the date should be shown.
 */
static bool relative_offset(UCalendar *calendar, usec_t time, usec_t now, int64_t *offset,
                            URelativeDateTimeUnit *unit)
{
    UErrorCode status = U_ZERO_ERROR;
    usec_t away = 0;
    int64_t days = local_day(calendar, time, &status) - local_day(calendar, now, &status);
    if (U_FAILURE(status) || __builtin_sub_overflow(time, now, &away) || away == INT64_MIN)
        return false;
    usec_t distance = away < 0 ? -away : away;
    int64_t minutes = count_of(away, USEC_PER_MIN);
    if (minutes == 0) {
        *offset = 0;
        *unit = UDAT_REL_UNIT_SECOND;
    } else if (minutes > -60 && minutes < 60) {
        *offset = minutes;
        *unit = UDAT_REL_UNIT_MINUTE;
    } else if (days == 0 || distance < RELATIVE_HOURS_MAX * USEC_PER_HOUR) {
        *offset = count_of(away, USEC_PER_HOUR);
        *unit = UDAT_REL_UNIT_HOUR;
    } else {
        *offset = days;
        *unit = UDAT_REL_UNIT_DAY;
    }
    return *unit != UDAT_REL_UNIT_DAY ||
           (days <= RELATIVE_DAYS_MAX && -days <= RELATIVE_DAYS_MAX);
}

static bool add_relative(struct out *out, const struct locale *locale, usec_t time)
{
    const URelativeDateTimeFormatter *formatter = icu_relative(locale->lang);
    UCalendar *calendar = icu_calendar(locale->zone);
    int64_t offset = 0;
    URelativeDateTimeUnit unit = UDAT_REL_UNIT_DAY;
    if (!formatter || !calendar)
        return false;
    if (!relative_offset(calendar, time, locale->now, &offset, &unit))
        return add_date(out, locale, time, DATE_DAY_ONLY);
    struct shown shown = {.status = U_ZERO_ERROR};
    shown.len = ureldatefmt_format(formatter, (double)offset, unit, shown.text, SHOWN_MAX,
                                   &shown.status);
    return add_shown(out, &shown);
}

static bool add_time(struct out *out, const struct locale *locale, usec_t time,
                     enum format format)
{
    switch (format) {
    case FORMAT_DATE:
        return add_date(out, locale, time, DATE_DAY_ONLY);
    case FORMAT_TIME:
        return add_date(out, locale, time, DATE_HOUR_ONLY);
    case FORMAT_DAY:
        return add_date(out, locale, time, DATE_WEEKDAY);
    case FORMAT_RELATIVE:
        return add_relative(out, locale, time);
    case FORMAT_AUTO:
    case FORMAT_DATE_TIME:
        return add_date(out, locale, time, DATE_BOTH);
    default:
        (void)add_date(out, locale, time, DATE_BOTH);
        return false;
    }
}

#define BAR_CELLS 10

/* Ten cells: only nothing is empty, and only all of it is full. */
static bool add_bar(struct out *out, int64_t percent)
{
    int64_t bounded = percent < 0 ? 0 : percent > 100 ? 100 : percent;
    int64_t full = (bounded * BAR_CELLS + 50) / 100;
    if (full == 0 && bounded > 0)
        full = 1;
    if (full == BAR_CELLS && bounded < 100)
        full = BAR_CELLS - 1;
    for (int64_t cell = 0; cell < BAR_CELLS; cell++)
        out_add(out, cell < full ? STR("\u2588") : STR("\u2591"));
    return true;
}

static bool add_int(struct out *out, enum lang lang, int64_t number, enum format format)
{
    switch (format) {
    case FORMAT_TEXT:
        return add_digits(out, number);
    case FORMAT_PERCENT:
        return add_percent(out, lang, number);
    case FORMAT_BAR:
        return add_bar(out, number);
    default:
        return add_number(out, lang, number) &&
               (format == FORMAT_AUTO || format == FORMAT_NUMBER);
    }
}

bool format_value(struct out *out, const struct locale *locale, struct value value,
                  enum format format)
{
    switch (value.kind) {
    case VALUE_TEXT:
        return add_text(out, locale->lang, value.text, format);
    case VALUE_INT:
        return add_int(out, locale->lang, value.number, format);
    case VALUE_MONEY:
        return add_money(out, locale->lang, value.money) &&
               (format == FORMAT_AUTO || format == FORMAT_MONEY);
    case VALUE_TIME:
        return add_time(out, locale, value.time, format);
    case VALUE_LIST: /* how many there are */
        return format == FORMAT_NUMBER && value.list &&
               add_number(out, locale->lang, (int64_t)value.list->n);
    case VALUE_NONE:
    case VALUE_BOOL:
    case VALUE_RECORD:
        return false;
    }
    return false;
}

struct str words_format(struct arena *into, const struct locale *locale, struct value value,
                        struct str format)
{
    enum format kind = FORMAT_AUTO;
    struct out out;
    (void)format_find(format, &kind);
    out_init(&out, into, 0);
    (void)format_value(&out, locale, value, kind);
    return out_text(&out);
}
