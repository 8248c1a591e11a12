/*
 * Calling codes of countries whose people mostly write one of our languages other than English;
 * a guess that gives way to the first clear sentence. Longest prefixes first.
 */
#include "bot/turn/people.h"

struct calling_code {
    const char *prefix;
    const char *language;
};

static const struct calling_code calling_codes[] = {
    {"+1809", "es"},
    {"+1829", "es"},
    {"+1849", "es"},
    {"+1787", "es"},
    {"+1939", "es"},
    {"+962",  "ar"},
    {"+963",  "ar"},
    {"+964",  "ar"},
    {"+965",  "ar"},
    {"+966",  "ar"},
    {"+967",  "ar"},
    {"+968",  "ar"},
    {"+970",  "ar"},
    {"+971",  "ar"},
    {"+973",  "ar"},
    {"+974",  "ar"},
    {"+961",  "ar"},
    {"+211",  "ar"},
    {"+212",  "ar"},
    {"+213",  "ar"},
    {"+216",  "ar"},
    {"+218",  "ar"},
    {"+222",  "ar"},
    {"+249",  "ar"},
    {"+502",  "es"},
    {"+503",  "es"},
    {"+504",  "es"},
    {"+505",  "es"},
    {"+506",  "es"},
    {"+507",  "es"},
    {"+591",  "es"},
    {"+593",  "es"},
    {"+595",  "es"},
    {"+598",  "es"},
    {"+240",  "es"},
    {"+20",   "ar"},
    {"+34",   "es"},
    {"+48",   "pl"},
    {"+51",   "es"},
    {"+52",   "es"},
    {"+53",   "es"},
    {"+54",   "es"},
    {"+56",   "es"},
    {"+57",   "es"},
    {"+58",   "es"},
};

struct str people_language_of_phone(struct str phone)
{
    for (size_t i = 0; i < COUNTOF(calling_codes); i++) {
        if (str_starts(phone, str_from(calling_codes[i].prefix)))
            return str_from(calling_codes[i].language);
    }
    return STR_NONE;
}
