/*
 * A walk over the compiled texts that adds lengths up. Of parts that exclude each other, as
 * {{#x}} and {{^x}} do, the longer one counts; of a text whose name depends on a value, the
 * longest that it may mean.
 *
 * The kind of a value is what its format says; without one, its name tells: times end in "_at",
 * amounts are called total, tax, balance and so on, and lists are plurals. The names are those
 * that loads declare.
 */
#include "templates/longest.h"

#include "templates/catalog.h"

#define LIST_TIMES  10
#define WORD_OR_TWO 16

/* --- values ------------------------------------------------------------------------------- */

static struct str last_piece(struct str path)
{
    for (size_t i = path.len; i-- > 0;) {
        if (path.at[i] == '.')
            return str_slice(path, i + 1, path.len);
    }
    return path;
}

static bool is_among(struct str name, const char *const *names)
{
    for (; *names; names++) {
        struct str each = str_from(*names);
        bool ends = each.at[0] == '*';

        if (ends ? str_ends(name, str_slice(each, 1, each.len)) : str_eq(name, each))
            return true;
    }
    return false;
}

static enum format kind_of(struct str name)
{
    static const char *const times[] = {"*_at", "at", NULL};
    static const char *const amounts[] = {"*total", "tax",     "shipping", "price", "*_price",
                                          "amount", "balance", "fee",      NULL};
    static const char *const numbers[] = {"*_count", "progress", "active", "in_transit", "left",
                                          "minutes", "days",     "hours",  NULL};

    if (is_among(name, times))
        return FORMAT_DATE_TIME;
    if (is_among(name, amounts))
        return FORMAT_MONEY;
    return is_among(name, numbers) ? FORMAT_NUMBER : FORMAT_TEXT;
}

static size_t text_length(struct str name)
{
    static const struct {
        const char *name;
        size_t length;
    } known[] = {
        {"number",          12}, /* ORD-12345678 */
        {"ticket",          12},
        {"code",            6 },
        {"tracking_number", 34},
        {"phone",           16},
    };

    for (size_t i = 0; i < COUNTOF(known); i++) {
        if (str_eq(name, str_from(known[i].name)))
            return known[i].length;
    }
    return WORD_OR_TWO;
}

struct measure {
    struct arena *scratch;
    const struct words *words;
    struct locale locale;
    struct longest *longest;
    unsigned depth;
};

static size_t shown(const struct measure *measure, struct value value, enum format format)
{
    struct out out;

    out_init(&out, measure->scratch, 64);
    (void)format_value(&out, &measure->locale, value, format);
    return str_length(out_text(&out));
}

/* Every month with every weekday once, at the end of an afternoon. */
static size_t longest_time(const struct measure *measure, enum format format)
{
    usec_t at = (usec_t)1767312000 * USEC_PER_SEC + 22 * USEC_PER_HOUR; /* 2 January 2026 */
    size_t longest = 0;

    for (unsigned i = 0; i < 84; i++, at += (usec_t)31 * USEC_PER_DAY) {
        size_t length = shown(measure, value_time(at), format);

        longest = length > longest ? length : longest;
    }
    return longest;
}

static size_t longest_relative(const struct measure *measure)
{
    static const usec_t apart[] = {59 * USEC_PER_MIN, 23 * USEC_PER_HOUR, USEC_PER_DAY,
                                   2 * USEC_PER_DAY, 13 * USEC_PER_DAY};
    size_t longest = longest_time(measure, FORMAT_DATE);

    for (size_t i = 0; i < COUNTOF(apart); i++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            struct value value = value_time(measure->locale.now + sign * apart[i]);
            size_t length = shown(measure, value, FORMAT_RELATIVE);

            longest = length > longest ? length : longest;
        }
    }
    return longest;
}

static size_t longest_amount(const struct measure *measure)
{
    static const char *const currencies[] = {"EUR", "PLN", "USD"};
    size_t longest = 0;

    for (size_t i = 0; i < COUNTOF(currencies); i++) {
        struct money money = {.minor = 9999999};
        size_t length;

        memcpy(money.currency, currencies[i], sizeof(money.currency));
        length = shown(measure, value_money(money), FORMAT_MONEY);
        longest = length > longest ? length : longest;
    }
    return longest;
}

/* Marks of direction around what runs the other way. */
enum { MARKS = 2 };

_Static_assert(FORMAT_COUNT <= COUNTOF(((struct longest *)0)->known[0]), "a place for each");

/* Of a kind that does not hang on the value's name. */
static size_t longest_of(const struct measure *measure, enum format format)
{
    switch (format) {
    case FORMAT_DATE:
    case FORMAT_TIME:
    case FORMAT_DATE_TIME:
    case FORMAT_DAY:
        return longest_time(measure, format);
    case FORMAT_RELATIVE:
        return longest_relative(measure);
    case FORMAT_MONEY:
        return longest_amount(measure);
    case FORMAT_NUMBER:
        return shown(measure, value_int(99999), FORMAT_NUMBER);
    default:
        return shown(measure, value_int(100), format);
    }
}

static size_t value_length(const struct measure *measure, const struct step *step)
{
    struct str name = last_piece(step->text);
    enum format format = step->format == FORMAT_AUTO ? kind_of(name) : step->format;
    size_t *known = &measure->longest->known[measure->locale.lang][format];

    if (format == FORMAT_TEXT)
        return text_length(name) + (lang_is_rtl(measure->locale.lang) ? MARKS : 0);
    if (*known == 0)
        *known = longest_of(measure, format);
    return *known;
}

/* --- texts -------------------------------------------------------------------------------- */

static size_t entry_length(struct measure *measure, const struct entry *entry);

/* Of all keys that the name may mean. */
static size_t called_length(struct measure *measure, struct str name)
{
    const struct entry *entry;
    size_t longest = 0;
    size_t at = 0;

    while ((entry = words_fitting(measure->words, name, &at))) {
        size_t length = entry_length(measure, entry);

        longest = length > longest ? length : longest;
    }
    return longest;
}

/* Whether a part stands over a list: it speaks of items, and its name is a plural ("items",
 * "order.notes"). {{#.icon}}{{.icon}}{{/.icon}} is one value. */
static bool speaks_of_items(const struct text *text, size_t from, size_t to)
{
    struct str of = text->steps[from - 1].text;

    if (of.at[0] == '.' || !str_ends(of, STR("s")))
        return false;
    for (size_t i = from; i < to; i++) {
        if (text->steps[i].kind != STEP_TEXT && text->steps[i].text.at[0] == '.')
            return true;
    }
    return false;
}

static size_t range_length(struct measure *measure, const struct text *text, size_t from,
                           size_t to);

/* A part with its condition, and the part for the contrary where one follows at once. */
static size_t part_length(struct measure *measure, const struct text *text, size_t *at)
{
    const struct step *step = &text->steps[*at];
    size_t end = step->end;
    size_t length = range_length(measure, text, *at + 1, end);

    if (step->kind == STEP_IF && speaks_of_items(text, *at + 1, end))
        length *= LIST_TIMES;
    *at = end;
    if (end < text->n && text->steps[end].kind != step->kind &&
        (text->steps[end].kind == STEP_IF || text->steps[end].kind == STEP_UNLESS) &&
        str_eq(text->steps[end].text, step->text)) {
        size_t other = range_length(measure, text, end + 1, text->steps[end].end);

        *at = text->steps[end].end;
        length = other > length ? other : length;
    }
    return length;
}

static size_t range_length(struct measure *measure, const struct text *text, size_t from,
                           size_t to)
{
    size_t length = 0;

    for (size_t at = from; at < to;) {
        const struct step *step = &text->steps[at];

        switch (step->kind) {
        case STEP_IF:
        case STEP_UNLESS:
            length += part_length(measure, text, &at);
            continue;
        case STEP_TEXT:
            length += str_length(step->text);
            break;
        case STEP_VALUE:
            length += value_length(measure, step);
            break;
        case STEP_KEY:
            length += called_length(measure, step->text);
            break;
        }
        at++;
    }
    return length;
}

static size_t entry_length(struct measure *measure, const struct entry *entry)
{
    const struct wording *wording = &entry->in[measure->locale.lang];
    size_t longest = 0;

    if (measure->depth == TEXT_DEPTH_MAX)
        return 0;
    measure->depth++;
    for (unsigned form = 0; form < PLURAL_COUNT; form++) {
        size_t length = range_length(measure, &wording->forms[form], 0, wording->forms[form].n);

        longest = length > longest ? length : longest;
    }
    measure->depth--;
    return longest;
}

size_t words_longest(struct arena *scratch, const struct words *words, enum lang lang,
                     struct str key, struct longest *longest)
{
    struct measure measure = {
        .scratch = scratch,
        .longest = longest,
        .words = words,
        .locale = {.lang = lang, .zone = STR("UTC"), .now = (usec_t)1795168800 * USEC_PER_SEC}
    };

    const struct entry *entry = words_find(words, key);

    return entry ? entry_length(&measure, entry) : 0;
}
