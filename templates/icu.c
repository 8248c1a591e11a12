/*
 * ICU's formatters, opened once a thread and language.
 *
 * Three choices that CLDR leaves to us. English is written so that any reader of English takes
 * it the same way: the day before the month's name, and the hour with am or pm ("en_001"), but
 * amounts as the United States write them, because elsewhere "$" becomes "US$". Arabic has
 * Latin digits, so that a number can be copied, dialled and typed back. And the fraction digits
 * of an amount are ours (ISO 4217), never CLDR's, which would round a dinar of Iraq.
 */
#include "templates/icu.h"

#include <string.h>
#include <unicode/udatpg.h>
#include <unicode/ustring.h>

#define CURRENCIES_KEPT 16
#define ZONES_KEPT      32
#define ZONE_NAME_MAX   48

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

const UNumberFormat *icu_numbers(enum lang lang)
{
    struct formatters *set = &opened[lang];
    if (!set->number)
        set->number = open_numbers(lang, UNUM_DECIMAL);
    return set->number;
}

const UNumberFormat *icu_percents(enum lang lang)
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

const UNumberFormat *icu_money(enum lang lang, const char *currency)
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

const UDateFormat *icu_dates(enum lang lang, enum date_style style)
{
    struct formatters *set = &opened[lang];
    if (!set->dates[style])
        set->dates[style] = open_date(lang, style);
    return set->dates[style];
}

const URelativeDateTimeFormatter *icu_relative(enum lang lang)
{
    struct formatters *set = &opened[lang];
    if (!set->relative) {
        UErrorCode status = U_ZERO_ERROR;
        set->relative = ureldatefmt_open(languages[lang].dates, NULL, UDAT_STYLE_LONG,
                                         UDISPCTX_CAPITALIZATION_NONE, &status);
    }
    return set->relative;
}

const UPluralRules *icu_plurals(enum lang lang)
{
    struct formatters *set = &opened[lang];
    if (!set->plurals) {
        UErrorCode status = U_ZERO_ERROR;
        set->plurals = uplrules_open(languages[lang].code, &status);
    }
    return set->plurals;
}

UCalendar *icu_calendar(struct str zone)
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
        bool open = icu_numbers(lang) && icu_percents(lang) && icu_money(lang, "EUR") &&
                    icu_relative(lang) && icu_plurals(lang);
        for (unsigned style = 0; style < DATE_STYLES; style++)
            open = open && icu_dates(lang, (enum date_style)style);
        if (!open || !icu_calendar(STR("UTC"))) {
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
