/*
 * Values by ICU.
 *
 * Three choices that CLDR leaves to us. English is written so that any reader of English takes
 * it the same way: the day before the month's name, and the hour with am or pm ("en_001"), but
 * amounts as the United States write them, because elsewhere "$" becomes "US$". Arabic has
 * Latin digits, so that a number can be copied, dialled and typed back. And the fraction digits
 * of an amount are ours (ISO 4217), never CLDR's, which would round a dinar of Iraq.
 */
#include "templates/format.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/ucal.h>
#include <unicode/udat.h>
#include <unicode/udatpg.h>
#include <unicode/unum.h>
#include <unicode/upluralrules.h>
#include <unicode/ureldatefmt.h>
#include <unicode/ustring.h>

#define CURRENCIES_KEPT 16
#define ZONES_KEPT      32
#define ZONE_NAME_MAX   48
#define SHOWN_MAX       256 /* UTF-16 units: the longest date or amount is far shorter */

#define DECIMAL_MAX 32 /* digits of a quantity */

#define NARROW_NBSP 0x202F
#define NBSP        0x00A0

/* Formats of an instant that a date pattern can say, in the order of `skeletons`. */
enum date_style { DATE_DAY_ONLY, DATE_HOUR_ONLY, DATE_BOTH, DATE_WEEKDAY, DATE_STYLES };

struct language {
    const char *code;
    const char *numbers; /* ICU locales */
    const char *dates;
    const char *skeletons[DATE_STYLES];
    int grouped_from; /* digits before the first separator: Polish has 1234 and 12 345 */
    bool rtl;
};

static const struct language languages[LANG_COUNT] = {
    [LANG_EN] = {"en", "en_US",     "en_001",          {"yMMMd", "hmm", "yMMMdhmm", "MMMMEEEEd"}, 1, false},
    [LANG_ES] = {"es", "es_ES",     "es_ES",           {"yMMMd", "Hmm", "yMMMdHmm", "MMMMEEEEd"}, 1, false},
    [LANG_PL] = {"pl", "pl_PL",     "pl_PL",           {"yMMMd", "Hmm", "yMMMdHmm", "MMMMEEEEd"}, 2, false},
    [LANG_AR] = {"ar",
                 "ar@numbers=latn", "ar@numbers=latn",
                 {"yMMMMd", "hmm", "yMMMMdhmm", "MMMMEEEEd"},
                 1,                                                                                  true },
};

struct currency_formatter {
    char currency[4];
    UNumberFormat *money;
};

/* What one thread has opened for one language; NULL is "not yet". */
struct formatters {
    UNumberFormat *number;
    UNumberFormat *percent;
    struct currency_formatter money[CURRENCIES_KEPT];
    unsigned money_next; /* the one to give way when all are taken */
    UDateFormat *dates[DATE_STYLES];
    URelativeDateTimeFormatter *relative;
    UPluralRules *plurals;
    unsigned needed; /* plural forms, a bit each */
    bool needed_known;
};

struct zone_calendar {
    char zone[ZONE_NAME_MAX];
    UCalendar *calendar;
};

static _Thread_local struct formatters opened[LANG_COUNT];
static _Thread_local struct zone_calendar zones[ZONES_KEPT];
static _Thread_local unsigned zones_next;

/* --- languages --------------------------------------------------------------------------- */

const char *lang_code(enum lang lang)
{
    return languages[lang].code;
}

bool lang_is_rtl(enum lang lang)
{
    return languages[lang].rtl;
}

bool lang_parse(struct str code, enum lang *lang)
{
    if (code.len < 2 || (code.len > 2 && !strchr("-_.@", code.at[2])))
        return false;
    char lower[2] = {(char)(code.at[0] | 0x20), (char)(code.at[1] | 0x20)};
    for (unsigned i = 0; i < LANG_COUNT; i++) {
        if (memcmp(languages[i].code, lower, 2) == 0) {
            *lang = (enum lang)i;
            return true;
        }
    }
    return false;
}

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

static const char *const plural_names[PLURAL_COUNT] = {"zero", "one",   "two", "few",
                                                       "many", "other", "none"};

const char *plural_name(enum plural_form form)
{
    return plural_names[form];
}

bool plural_find(struct str name, enum plural_form *form)
{
    for (unsigned i = 0; i < PLURAL_COUNT; i++) {
        if (str_eq(name, str_from(plural_names[i]))) {
            *form = (enum plural_form)i;
            return true;
        }
    }
    return false;
}

/* --- opening ----------------------------------------------------------------------------- */

static UNumberFormat *open_numbers(enum lang lang, UNumberFormatStyle style)
{
    UErrorCode status = U_ZERO_ERROR;
    UNumberFormat *numbers = unum_open(style, NULL, 0, languages[lang].numbers, NULL, &status);
    if (U_FAILURE(status))
        return NULL;
    unum_setAttribute(numbers, UNUM_MINIMUM_GROUPING_DIGITS, languages[lang].grouped_from);
    return numbers;
}

static const UNumberFormat *number_formatter(enum lang lang)
{
    struct formatters *set = &opened[lang];
    if (!set->number)
        set->number = open_numbers(lang, UNUM_DECIMAL);
    return set->number;
}

static const UNumberFormat *percent_formatter(enum lang lang)
{
    struct formatters *set = &opened[lang];
    if (!set->percent)
        set->percent = open_numbers(lang, UNUM_PERCENT);
    return set->percent;
}

static UNumberFormat *open_money(enum lang lang, const char *currency)
{
    UNumberFormat *money = open_numbers(lang, UNUM_CURRENCY);
    if (!money)
        return NULL;
    UChar code[4];
    u_charsToUChars(currency, code, 4);
    UErrorCode status = U_ZERO_ERROR;
    unum_setTextAttribute(money, UNUM_CURRENCY_CODE, code, 3, &status);
    if (U_FAILURE(status)) {
        unum_close(money);
        return NULL;
    }
    unum_setAttribute(money, UNUM_FRACTION_DIGITS, money_exponent(currency));
    return money;
}

static const UNumberFormat *money_formatter(enum lang lang, const char *currency)
{
    struct formatters *set = &opened[lang];
    for (unsigned i = 0; i < CURRENCIES_KEPT && set->money[i].money; i++) {
        if (memcmp(set->money[i].currency, currency, 3) == 0)
            return set->money[i].money;
    }
    UNumberFormat *money = open_money(lang, currency);
    if (!money)
        return NULL;
    struct currency_formatter *kept = &set->money[set->money_next++ % CURRENCIES_KEPT];
    unum_close(kept->money);
    memcpy(kept->currency, currency, 4);
    kept->money = money;
    return money;
}

static UDateFormat *open_date(enum lang lang, enum date_style style)
{
    const char *name = languages[lang].dates;
    UChar skeleton[32];
    UChar pattern[96];
    u_uastrncpy(skeleton, languages[lang].skeletons[style], COUNTOF(skeleton));
    UErrorCode status = U_ZERO_ERROR;
    UDateTimePatternGenerator *generator = udatpg_open(name, &status);
    int32_t len =
        udatpg_getBestPattern(generator, skeleton, -1, pattern, COUNTOF(pattern), &status);
    udatpg_close(generator);
    UDateFormat *date =
        udat_open(UDAT_PATTERN, UDAT_PATTERN, name, u"UTC", 3, pattern, len, &status);
    return U_SUCCESS(status) ? date : NULL;
}

static const UDateFormat *date_formatter(enum lang lang, enum date_style style)
{
    struct formatters *set = &opened[lang];
    if (!set->dates[style])
        set->dates[style] = open_date(lang, style);
    return set->dates[style];
}

static const URelativeDateTimeFormatter *relative_formatter(enum lang lang)
{
    struct formatters *set = &opened[lang];
    if (!set->relative) {
        UErrorCode status = U_ZERO_ERROR;
        set->relative = ureldatefmt_open(languages[lang].dates, NULL, UDAT_STYLE_LONG,
                                         UDISPCTX_CAPITALIZATION_NONE, &status);
    }
    return set->relative;
}

static const UPluralRules *plural_rules(enum lang lang)
{
    struct formatters *set = &opened[lang];
    if (!set->plurals) {
        UErrorCode status = U_ZERO_ERROR;
        set->plurals = uplrules_open(languages[lang].code, &status);
    }
    return set->plurals;
}

/* The time zone lives in a calendar, which a date formatter borrows for each use: so there is
 * one formatter for all zones. An unknown zone is UTC to ICU. */
static UCalendar *zone_calendar(struct str zone)
{
    if (zone.len == 0 || zone.len >= ZONE_NAME_MAX)
        zone = STR("UTC");
    for (unsigned i = 0; i < ZONES_KEPT && zones[i].calendar; i++) {
        if (str_eq(str_from(zones[i].zone), zone))
            return zones[i].calendar;
    }
    UChar name[ZONE_NAME_MAX];
    u_charsToUChars(zone.at, name, (int32_t)zone.len);
    UErrorCode status = U_ZERO_ERROR;
    UCalendar *calendar = ucal_open(name, (int32_t)zone.len, "en", UCAL_GREGORIAN, &status);
    if (U_FAILURE(status))
        return NULL;
    struct zone_calendar *kept = &zones[zones_next++ % ZONES_KEPT];
    ucal_close(kept->calendar);
    *kept = (struct zone_calendar){.calendar = calendar};
    memcpy(kept->zone, zone.at, zone.len);
    return calendar;
}

bool locale_zone_exists(struct str zone)
{
    if (zone.len == 0 || zone.len >= ZONE_NAME_MAX)
        return false;
    for (size_t i = 0; i < zone.len; i++) {
        if ((unsigned char)zone.at[i] <= ' ' || (unsigned char)zone.at[i] > '~')
            return false;
    }
    UChar name[ZONE_NAME_MAX];
    UChar canonical[ZONE_NAME_MAX * 2];
    UErrorCode status = U_ZERO_ERROR;
    u_charsToUChars(zone.at, name, (int32_t)zone.len);
    ucal_getCanonicalTimeZoneID(name, (int32_t)zone.len, canonical, COUNTOF(canonical), NULL,
                                &status);
    return U_SUCCESS(status);
}

bool words_warm(struct err *err)
{
    for (unsigned i = 0; i < LANG_COUNT; i++) {
        enum lang lang = (enum lang)i;
        bool open = number_formatter(lang) && percent_formatter(lang) &&
                    money_formatter(lang, "EUR") && relative_formatter(lang) &&
                    plural_rules(lang);
        for (unsigned style = 0; style < DATE_STYLES; style++)
            open = open && date_formatter(lang, (enum date_style)style);
        if (!open || !zone_calendar(STR("UTC"))) {
            return err_raise(err, ERR_BROKEN,
                             "ICU has no data for the language \"%s\": is libicudata whole?",
                             lang_code(lang));
        }
    }
    return true;
}

void words_cool(void)
{
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct formatters *set = &opened[lang];
        unum_close(set->number);
        unum_close(set->percent);
        for (unsigned i = 0; i < CURRENCIES_KEPT; i++)
            unum_close(set->money[i].money);
        for (unsigned style = 0; style < DATE_STYLES; style++)
            udat_close(set->dates[style]);
        ureldatefmt_close(set->relative);
        uplrules_close(set->plurals);
        *set = (struct formatters){0};
    }
    for (unsigned i = 0; i < ZONES_KEPT; i++)
        ucal_close(zones[i].calendar);
    memset(zones, 0, sizeof(zones));
    zones_next = 0;
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
    const UNumberFormat *formatter = number_formatter(lang);
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
        format == FORMAT_NUMBER && is_decimal(text) ? number_formatter(lang) : NULL;
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
    const UNumberFormat *formatter = percent_formatter(lang);
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
        money_exponent(money.currency) < 0 ? NULL : money_formatter(lang, money.currency);
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
    const UDateFormat *formatter = date_formatter(locale->lang, style);
    UCalendar *calendar = zone_calendar(locale->zone);
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
    UCalendar *calendar = zone_calendar(zone);
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
    if (distance < USEC_PER_MIN) {
        *offset = 0;
        *unit = UDAT_REL_UNIT_SECOND;
    } else if (distance < USEC_PER_HOUR) {
        *offset = away / USEC_PER_MIN;
        *unit = UDAT_REL_UNIT_MINUTE;
    } else if (days == 0 || distance < RELATIVE_HOURS_MAX * USEC_PER_HOUR) {
        *offset = away / USEC_PER_HOUR;
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
    const URelativeDateTimeFormatter *formatter = relative_formatter(locale->lang);
    UCalendar *calendar = zone_calendar(locale->zone);
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

/* --- plurals ----------------------------------------------------------------------------- */

/* The rules look at no more than the last six digits and whether there are more, and they take
 * a double: so what a double cannot hold is made smaller first. */
static double plural_operand(int64_t number)
{
    const uint64_t kept = 1000000000000;
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    return (double)(size < kept ? size : kept + size % kept);
}

enum plural_form plural_select(enum lang lang, int64_t number)
{
    UChar keyword[16];
    char name[16] = {0};
    enum plural_form form = PLURAL_OTHER;
    UErrorCode status = U_ZERO_ERROR;
    const UPluralRules *rules = plural_rules(lang);
    if (!rules)
        return PLURAL_OTHER;
    int32_t len = uplrules_select(rules, plural_operand(number), keyword, 15, &status);
    if (U_FAILURE(status) || len > 15)
        return PLURAL_OTHER;
    u_UCharsToChars(keyword, name, len);
    (void)plural_find(str_from(name), &form);
    return form;
}

bool plural_is_needed(enum lang lang, enum plural_form form)
{
    struct formatters *set = &opened[lang];
    for (int64_t number = 0; number < 1000 && !set->needed_known; number++)
        set->needed |= 1U << plural_select(lang, number);
    set->needed_known = true;
    return set->needed >> form & 1;
}

bool plural_exists(enum lang lang, enum plural_form form)
{
    return form == PLURAL_NONE || form == PLURAL_OTHER ||
           plural_select(lang, 1000000) == form || plural_is_needed(lang, form);
}
