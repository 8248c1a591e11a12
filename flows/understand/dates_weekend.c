/*
 * Weekends, which are not the same two days everywhere.
 */
#include "flows/understand/dates_inside.h"

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
bool dates_read_weekend(const struct scan *scan, size_t i, const struct date_context *context,
                        struct reading *reading)
{
    struct turn_word turn = dates_read_turn(scan, i);
    size_t at = i + turn.n;
    size_t words = weekend_words(scan, at, context);
    day_t first = context->today - day_weekday(context->today) +
                  (context->weekend ? context->weekend : 6);

    if (!words)
        return false;
    if (first + 1 < context->today)
        first += 7;
    if (turn.n == 0)
        turn = dates_read_turn(scan, at + words);
    reading->found.ambiguous = turn.next && turn.skips;
    first += turn.next && turn.skips ? 7 : turn.last ? -7 : 0;
    return dates_set(reading, first, first + 1, at + words + (at == i ? turn.n : 0));
}
