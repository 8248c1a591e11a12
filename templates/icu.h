/*
 * What each thread has opened of ICU, for the files that show values. Kept until words_cool and
 * never changed once it is open; NULL when ICU has no data for it.
 */
#pragma once

#include "templates/words.h"

#include <unicode/ucal.h>
#include <unicode/udat.h>
#include <unicode/unum.h>
#include <unicode/upluralrules.h>
#include <unicode/ureldatefmt.h>

/* Formats of an instant that a date pattern can say, in the order of `skeletons`. */
enum date_style { DATE_DAY_ONLY, DATE_HOUR_ONLY, DATE_BOTH, DATE_WEEKDAY, DATE_STYLES };

const UNumberFormat *icu_numbers(enum lang lang);
const UNumberFormat *icu_percents(enum lang lang);
const UNumberFormat *icu_money(enum lang lang, const char *currency);
const UDateFormat *icu_dates(enum lang lang, enum date_style style);
const URelativeDateTimeFormatter *icu_relative(enum lang lang);
const UPluralRules *icu_plurals(enum lang lang);

/* The time zone lives in a calendar, which a date formatter borrows for each use: so there is
 * one formatter for all zones. An unknown zone is UTC to ICU. */
UCalendar *icu_calendar(struct str zone);
