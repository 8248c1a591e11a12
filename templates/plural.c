#include "templates/plural.h"

#include "templates/icu.h"

#include <unicode/ustring.h>

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
    const UPluralRules *rules = icu_plurals(lang);
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
    static _Thread_local unsigned needed[LANG_COUNT]; /* a bit a form; 0: not looked yet */
    unsigned found = needed[lang];
    for (int64_t number = 0; number < 1000 && needed[lang] == 0; number++)
        found |= 1U << plural_select(lang, number);
    needed[lang] = found;
    return found >> form & 1;
}

bool plural_exists(enum lang lang, enum plural_form form)
{
    return form == PLURAL_NONE || form == PLURAL_OTHER ||
           plural_select(lang, 1000000) == form || plural_is_needed(lang, form);
}
