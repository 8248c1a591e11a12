/*
 * Two wishes in one text: "where is 1042 and cancel 1043". The first of them is what is meant,
 * the other stands in `also`.
 */
#include "flows/understand/understand_inside.h"

enum {
    PLAIN = 70,     /* percent */
    SHORT_TEXT = 90 /* bytes */
};

/* Whether that names an order or a parcel. */
static bool is_one(const struct found *found)
{
    return found->kind == FOUND_TRACKING ||
           (found->kind == FOUND_NUMBER && !found->number.ticket);
}

/* Where the second thing that is named begins; 0 when there are not two. */
static size_t second_named(const struct understood *meant, size_t *first_end)
{
    size_t n = 0;
    size_t begin[2] = {0};

    for (size_t at = 0; at < meant->text.len && n < 2; at++) {
        for (size_t i = 0; i < meant->n_found && n < 2; i++) {
            if (!is_one(&meant->found[i]) || meant->found[i].at.from != at)
                continue;
            begin[n++] = at;
            if (n == 1)
                *first_end = meant->found[i].at.to;
        }
    }
    return n == 2 ? begin[1] : 0;
}

/* Whether that joins in that language: "i" is the Polish "and" and the English "I", "a" and "e"
 * are at home elsewhere, too, and an English "y" asks why. */
static bool joins_in(struct str lead, enum lang lang)
{
    static const struct {
        const char *lead;
        enum lang lang;
    } own[] = {
        {" i ", LANG_PL},
        {" a ", LANG_PL},
        {" e ", LANG_ES},
        {" y ", LANG_ES}
    };

    for (size_t i = 0; i < COUNTOF(own); i++) {
        if (str_eq(lead, str_from(own[i].lead)))
            return lang == own[i].lang;
    }
    return true;
}

/* Whether a second wish may begin at `at`: behind "and" (any), a stop or a comma (one that is
 * understood by itself). */
static bool begins_wish(struct str text, size_t at, enum lang lang, size_t *begin, bool *joined)
{
    static const char *const joins[] = {
        " and also ", " y además ", " y tambien ", " y también ", " i także ",
        " i też ",    " and then ", " and ",       " also ",      " then ",
        " plus ",     " & ",        " + ",         " y ",         " e ",
        " también ",  " tambien ",  " luego ",     " i ",         " oraz ",
        " a także ",  " a ",        " też ",       " وأيضا ",     " ثم "};
    static const char *const stops[] = {". ", "? ", "! ", "; ", ", ",
                                        "\n", "، ", "؛ ", "؟ ", " و"};
    struct str rest = str_slice(text, at, text.len);

    for (size_t i = 0; i < COUNTOF(joins) + COUNTOF(stops); i++) {
        *joined = i < COUNTOF(joins);
        struct str lead = str_from(*joined ? joins[i] : stops[i - COUNTOF(joins)]);

        if (!str_starts(rest, lead) || !joins_in(lead, lang))
            continue;
        *begin = at + lead.len;
        return true;
    }
    return false;
}

/* Whether what stands from `begin` on is a wish of its own: behind "and" any that does not
 * merely name another ("orders 1004 and 1005 are broken"), else one that is understood by
 * itself. */
static bool is_wish(const struct understood *first, const struct understood *other, bool joined,
                    bool named_first)
{
    if (str_eq(first->intent, STR("orders")) && named_first && other->intent.len)
        return false;
    if (!first->intent.len) /* "1005, how is it, and pay INV-7": that order is shown */
        return joined && !named_first && first->number.len && other->intent.len;
    return joined || other->intent.len;
}

/* The first of two, in the language of the whole; the other is told. */
static void take_first(struct understood *first, struct str other, struct understood *meant)
{
    first->lang = meant->lang;
    first->lang_is_clear = meant->lang_is_clear;
    first->lang_is_sure = meant->lang_is_sure;
    first->lang_words = meant->lang_words;
    first->also = str_trim(other);
    *meant = *first;
}

/* "where is 1042 and cancel 1043": the first of them is what is meant, the other stands in
 * `also`. */
static void part_wishes(struct arena *into, const struct understand_context *context,
                        struct understood *meant)
{
    struct str text = meant->text;
    size_t first_end = 0;
    size_t second = second_named(meant, &first_end);

    for (size_t at = first_end; at < second; at++) {
        struct understood first;
        struct understood other;
        size_t begin;
        bool joined;

        if (!begins_wish(text, at, meant->lang, &begin, &joined) || begin > second)
            continue;
        understand_one(into, str_slice(text, 0, at), context, &first);
        understand_one(into, str_slice(text, begin, text.len), context, &other);
        if (!is_wish(&first, &other, joined, begin == second))
            continue;
        take_first(&first, str_slice(text, begin, text.len), meant);
        return;
    }
}

/* Whether a word that joins could begin behind the blank: hardly any does. */
static bool may_join(struct str text, size_t blank)
{
    static const char *const begins[] = {"an", "al", "a ",       "th",      "ta", "te",
                                         "pl", "lu", "or",       "y ",      "e ", "i ",
                                         "& ", "+ ", "\xD8\xAB", "\xD9\x88"};
    const char *at = text.at + blank + 1;

    for (size_t i = 0; blank + 2 < text.len && i < COUNTOF(begins); i++) {
        if (at[0] == begins[i][0] && at[1] == begins[i][1])
            return true;
    }
    return false;
}

/* Whether it is worth reading what stands behind: the Arabic "and" is a part of its word, and
 * many begin so by themselves; the Polish "a" is mostly a "but". */
static bool may_be_wish(struct str rest, bool joined)
{
    static const char *const begins[] = {
        "اريد", "أريد", "ابغ",  "أبغ",  "ابي",  "أبي", "بد",   "عاي",  "عاو", "كيف", "متى",
        "أين",  "اين",  "ممكن", "الغ",  "ألغ",  "إلغ", "ادف",  "أدفع", "ارس", "أرس", "رجع",
        "ارج",  "أرج",  "غير",  "اغير", "أغير", "هل",  "لازم", "حول",  "احت", "أحت"};

    if (joined)
        return !str_starts(rest, STR(" a "));
    if (!str_starts(rest, STR(" و")))
        return false;
    rest = str_slice(rest, strlen(" و"), rest.len);
    for (size_t i = 0; i < COUNTOF(begins); i++) {
        if (str_starts(rest, str_from(begins[i])))
            return true;
    }
    return false;
}

/* Our own words say what it is, and they are about something. */
static bool is_plain_wish(const struct understood *meant)
{
    return meant->intent.len && (meant->exact || meant->confidence >= PLAIN) &&
           (str_eq(meant->intent, STR("help")) || !understand_is_about_nothing(meant->intent));
}

static bool is_any_of(struct str intent, const char *const *names)
{
    for (; *names; names++) {
        if (str_eq(intent, str_from(*names)))
            return true;
    }
    return false;
}

/* "My order doesn't come and I want to cancel it": what is behind "and" is wanted, and what
 * stands before it is why. */
static bool is_waiting(const struct understood *first)
{
    static const char *const names[] = {"track", "report", "orders", NULL};

    return is_any_of(first->intent, names) && !first->number.len;
}

static bool is_about_it(const struct understood *other)
{
    static const char *const names[] = {"cancel", "refund", "human", NULL};

    return is_any_of(other->intent, names) && !other->number.len;
}

/* "Where is my order and can I pay my invoice", "track 1004 then human": nothing or one is
 * named, and both are plain wishes for different things. Of short texts alone that mean
 * something: each half is read anew, which a long story would pay for. */
static void part_plain(struct arena *into, const struct understand_context *context,
                       struct understood *meant)
{
    struct understand_context plain = *context;
    struct str text = meant->text;

    if (!meant->intent.len || meant->n_found > 1 || text.len > SHORT_TEXT)
        return;
    plain.classifier = NULL;
    for (size_t at = 1; at < text.len; at++) {
        struct understood first;
        struct understood other;
        size_t begin;
        bool joined;

        if (text.at[at] != ' ' || !may_join(text, at) ||
            !begins_wish(text, at, meant->lang, &begin, &joined) ||
            !may_be_wish(str_slice(text, at, text.len), joined))
            continue;
        understand_one(into, str_slice(text, begin, text.len), &plain, &other);
        if (!is_plain_wish(&other))
            continue;
        understand_one(into, str_slice(text, 0, at), &plain, &first);
        if (!is_plain_wish(&first) || str_eq(first.intent, other.intent))
            continue;
        if (is_about_it(&other) && is_waiting(&first)) {
            take_first(&other, STR_NONE, meant);
            return;
        }
        take_first(&first, str_slice(text, begin, text.len), meant);
        return;
    }
}

void understand_part(struct arena *into, const struct understand_context *context,
                     struct understood *meant)
{
    part_wishes(into, context, meant);
    if (!meant->also.len)
        part_plain(into, context, meant);
}
