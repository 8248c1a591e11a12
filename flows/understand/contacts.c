/*
 * Addresses and telephone numbers. Numbering plans are known by their lengths only: enough to
 * tell a telephone from an order's number, and to write it as the networks want it.
 */
#include "flows/understand/contacts.h"

enum { EMAIL_MAX = 254, LOCAL_MAX = 64, PHONE_DIGITS_MAX = 15 };

/* --- addresses ---------------------------------------------------------------------------- */

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_local(char c)
{
    return is_letter_or_digit(c) || (c && strchr("._%+-'", c));
}

static bool is_domain(char c)
{
    return is_letter_or_digit(c) || c == '.' || c == '-';
}

/* Labels of letters, digits and dashes, the last of two letters or more. */
static bool is_good_domain(struct str domain)
{
    struct str rest = domain;
    struct str label = STR_NONE;
    size_t labels = 0;

    if (str_ends(domain, STR(".")))
        return false;
    while (str_split(&rest, '.', &label)) {
        if (label.len == 0 || label.len > 63 || label.at[0] == '-' ||
            label.at[label.len - 1] == '-')
            return false;
        labels++;
    }
    for (size_t i = 0; i < label.len; i++) {
        if (label.at[i] >= '0' && label.at[i] <= '9')
            return false;
    }
    return labels >= 2 && label.len >= 2;
}

static bool is_good_local(struct str local)
{
    return local.len > 0 && local.len <= LOCAL_MAX && local.at[0] != '.' &&
           local.at[local.len - 1] != '.' && str_find(local, STR("..")) == local.len;
}

/* The address around the sign at `at`, which begins at `least` or later. */
static bool read_email(struct str text, size_t least, size_t at, struct span *span)
{
    size_t begin = at;
    size_t end = at + 1;

    while (begin > least && is_local(text.at[begin - 1]))
        begin--;
    while (begin < at && text.at[begin] == '\'') /* a quotation mark */
        begin++;
    while (end < text.len && is_domain(text.at[end]))
        end++;
    while (end > at + 1 && (text.at[end - 1] == '.' || text.at[end - 1] == '-'))
        end--;
    *span = (struct span){(uint32_t)begin, (uint32_t)end};
    return end - begin <= EMAIL_MAX && is_good_local(str_slice(text, begin, at - begin)) &&
           is_good_domain(str_slice(text, at + 1, end - at - 1));
}

static bool is_under(const struct mark *mark, struct span span)
{
    return mark->at.from < span.to && mark->at.to > span.from;
}

static bool is_free(const struct scan *scan, struct span span)
{
    for (size_t i = 0; i < scan->n; i++) {
        if (is_under(&scan->marks[i], span) && scan->marks[i].taken)
            return false;
    }
    return true;
}

static void take_span(struct scan *scan, struct span span)
{
    for (size_t i = 0; i < scan->n; i++)
        scan->marks[i].taken |= is_under(&scan->marks[i], span);
}

size_t emails_find(struct arena *into, struct scan *scan,
                   struct email_found found[CONTACTS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < scan->n && n < CONTACTS_MAX; i++) {
        struct span span;
        struct str address;
        char *lower;

        if (!scan_is_sign(scan, i, '@') ||
            !read_email(scan->text, n ? found[n - 1].at.to : 0, scan->marks[i].at.from,
                        &span) ||
            !is_free(scan, span))
            continue;
        address = arena_str(into, str_slice(scan->text, span.from, span.to - span.from));
        lower = arena_alloc(into, address.len + 1);
        memcpy(lower, address.at, address.len);
        for (size_t j = str_find(address, STR("@")); j < address.len; j++) {
            if (lower[j] >= 'A' && lower[j] <= 'Z')
                lower[j] = (char)(lower[j] + 32);
        }
        found[n++] = (struct email_found){
            span, {lower, address.len}
        };
        take_span(scan, span);
    }
    return n;
}

/* --- telephones --------------------------------------------------------------------------- */

struct plan {
    char country[3];
    char code[4];
    char trunk[3]; /* before national numbers */
    uint8_t least; /* digits behind the code */
    uint8_t most;
    const char *begins; /* the first digit is one of these; empty: any */
};

static const struct plan plans[] = {
    {"US", "1",   "1",  10, 10, "23456789" },
    {"CA", "1",   "1",  10, 10, "23456789" },
    {"GB", "44",  "0",  9,  10, "12378"    },
    {"IE", "353", "0",  7,  9,  ""         },
    {"ES", "34",  "",   9,  9,  "6789"     },
    {"PL", "48",  "",   9,  9,  ""         },
    {"DE", "49",  "0",  7,  11, ""         },
    {"FR", "33",  "0",  9,  9,  "123456789"},
    {"IT", "39",  "",   8,  11, ""         },
    {"PT", "351", "",   9,  9,  "2389"     },
    {"NL", "31",  "0",  9,  9,  ""         },
    {"BE", "32",  "0",  8,  9,  ""         },
    {"AT", "43",  "0",  7,  12, ""         },
    {"CH", "41",  "0",  9,  9,  ""         },
    {"CZ", "420", "",   9,  9,  ""         },
    {"SK", "421", "0",  9,  9,  ""         },
    {"UA", "380", "0",  9,  9,  ""         },
    {"LT", "370", "8",  8,  8,  ""         },
    {"SE", "46",  "0",  7,  9,  ""         },
    {"NO", "47",  "",   8,  8,  ""         },
    {"DK", "45",  "",   8,  8,  ""         },
    {"FI", "358", "0",  7,  10, ""         },
    {"HU", "36",  "06", 8,  9,  ""         },
    {"RO", "40",  "0",  9,  9,  ""         },
    {"BG", "359", "0",  8,  9,  ""         },
    {"GR", "30",  "",   10, 10, "26"       },
    {"TR", "90",  "0",  10, 10, ""         },
    {"AE", "971", "0",  8,  9,  ""         },
    {"SA", "966", "0",  8,  9,  ""         },
    {"EG", "20",  "0",  8,  10, ""         },
    {"MA", "212", "0",  9,  9,  ""         },
    {"DZ", "213", "0",  8,  9,  ""         },
    {"TN", "216", "",   8,  8,  ""         },
    {"JO", "962", "0",  8,  9,  ""         },
    {"KW", "965", "",   8,  8,  ""         },
    {"QA", "974", "",   8,  8,  ""         },
    {"BH", "973", "",   8,  8,  ""         },
    {"OM", "968", "",   8,  8,  ""         },
    {"IQ", "964", "0",  8,  10, ""         },
    {"LB", "961", "0",  7,  8,  ""         },
    {"MX", "52",  "",   10, 10, ""         },
    {"AR", "54",  "0",  10, 11, ""         },
    {"CO", "57",  "",   10, 10, ""         },
    {"CL", "56",  "",   9,  9,  ""         },
    {"PE", "51",  "0",  8,  9,  ""         },
    {"BR", "55",  "0",  10, 11, ""         },
    {"IN", "91",  "0",  10, 10, ""         },
    {"AU", "61",  "0",  9,  9,  ""         },
    {"NZ", "64",  "0",  8,  9,  ""         },
};

struct digits {
    char at[PHONE_DIGITS_MAX + 3];
    size_t n;
    size_t groups;
    size_t end; /* the mark behind them */
    bool dated; /* a group that could be a year, of eight digits in all */
};

static const struct plan *plan_of(struct str country)
{
    for (size_t i = 0; i < COUNTOF(plans); i++) {
        if (str_eq(country, (struct str){plans[i].country, 2}))
            return &plans[i];
    }
    return NULL;
}

static bool fits_plan(const struct plan *plan, struct str national)
{
    return national.len >= plan->least && national.len <= plan->most &&
           (!*plan->begins || strchr(plan->begins, national.at[0]));
}

/* Behind a plus: of a country that we know by its plan, of others by the length that all have.
 */
static bool is_international(struct str number)
{
    bool known = false;

    if (number.len < 8 || number.len > PHONE_DIGITS_MAX || number.at[0] == '0')
        return false;
    for (size_t i = 0; i < COUNTOF(plans); i++) {
        struct str code = str_from(plans[i].code);

        if (!str_starts(number, code))
            continue;
        known = true;
        if (fits_plan(&plans[i], str_slice(number, code.len, number.len)))
            return true;
    }
    return !known;
}

static bool is_separator(const struct mark *mark)
{
    return mark->kind == MARK_SIGN &&
           (mark->sign == '-' || mark->sign == '.' || mark->sign == '(' || mark->sign == ')' ||
            mark->sign == '/');
}

/* Digits from mark `i` on, over the signs that people put between them. */
static bool read_digits(const struct scan *scan, size_t i, struct digits *digits)
{
    bool year = false;

    *digits = (struct digits){0};
    for (size_t at = i; at < scan->n; at++) {
        const struct mark *mark = &scan->marks[at];

        if (mark->taken)
            break;
        if (is_separator(mark))
            continue;
        if (mark->kind != MARK_NUMBER)
            break;
        if (digits->n + mark->text.len > sizeof(digits->at) - 1)
            return false;
        memcpy(digits->at + digits->n, mark->text.at, mark->text.len);
        digits->n += mark->text.len;
        digits->groups++;
        digits->end = at + 1;
        year |= mark->text.len == 4 && mark->value >= 1900 && mark->value < 2200;
    }
    digits->dated = year && digits->n == 8;
    return digits->n >= 7 && (digits->end == scan->n || !scan->marks[digits->end].glued ||
                              scan->marks[digits->end].kind == MARK_SIGN);
}

static bool has_word(const struct scan *scan, enum lexicon_class is)
{
    for (size_t i = 0; i < scan->n; i++) {
        if (scan_is(scan, i, is, NULL))
            return true;
    }
    return false;
}

static bool follows_order(const struct scan *scan, size_t i)
{
    for (size_t at = i; at > 0 && at + 3 > i; at--) {
        if (scan_is(scan, at - 1, LEX_ORDER, NULL) || scan_is_sign(scan, at - 1, '#'))
            return true;
    }
    return false;
}

/* The national number in E.164, or empty. */
static struct str national(struct arena *into, const struct plan *plan, struct str number,
                           bool *trunk)
{
    struct str lead = str_from(plan->trunk);
    struct str code = str_from(plan->code);

    *trunk = lead.len > 0 && str_starts(number, lead) &&
             fits_plan(plan, str_slice(number, lead.len, number.len));
    if (*trunk) {
        number = str_slice(number, lead.len, number.len);
    } else if (!fits_plan(plan, number)) {
        if (!str_starts(number, code) ||
            !fits_plan(plan, str_slice(number, code.len, number.len)))
            return STR_NONE;
        number = str_slice(number, code.len, number.len);
    }
    return arena_format(into, "+%s%.*s", plan->code, STR_ARG(number));
}

static bool is_amount(const struct scan *scan, size_t end)
{
    return scan_is(scan, end, LEX_CURRENCY, NULL) || scan_is_sign(scan, end, 0x20AC) ||
           scan_is_sign(scan, end, '$') || scan_is_sign(scan, end, 0xA3);
}

static struct str read_national(struct arena *into, const struct scan *scan, size_t i,
                                const struct digits *digits, const struct plan *plan,
                                bool expected)
{
    struct str number = {digits->at, digits->n};
    bool spoken = expected || has_word(scan, LEX_PHONE);
    bool trunk = false;
    struct str full;

    if (!plan || digits->n > PHONE_DIGITS_MAX || is_amount(scan, digits->end) ||
        (!spoken && (digits->dated || follows_order(scan, i))))
        return STR_NONE;
    full = national(into, plan, number, &trunk);
    if (!full.len)
        return STR_NONE;
    if (spoken || (trunk && plan->trunk[0] == '0') || digits->groups >= 3)
        return full;
    return STR_NONE;
}

/* The number at mark `i`, where `*end` is behind it; empty when there is none. */
static struct str read_phone(struct arena *into, const struct scan *scan, size_t i,
                             const struct plan *plan, bool expected, size_t *end)
{
    bool plus = scan_is_sign(scan, i, '+');
    struct digits digits;
    struct str number;

    if (!plus && !scan_is_number(scan, i, 18) && !scan_is_sign(scan, i, '('))
        return STR_NONE;
    if (!plus && scan_is_within(scan, i))
        return STR_NONE;
    if (!read_digits(scan, plus ? i + 1 : i, &digits))
        return STR_NONE;
    *end = digits.end;
    number = (struct str){digits.at, digits.n};
    if (!plus && str_starts(number, STR("00"))) {
        number = str_slice(number, 2, number.len);
        plus = is_international(number);
    }
    if (plus) {
        return is_international(number) ? arena_format(into, "+%.*s", STR_ARG(number))
                                        : STR_NONE;
    }
    return read_national(into, scan, i, &digits, plan, expected);
}

size_t phones_find(struct arena *into, struct scan *scan, struct str country, bool expected,
                   struct phone_found found[CONTACTS_MAX])
{
    const struct plan *plan = plan_of(country);
    size_t n = 0;

    for (size_t i = 0; i < scan->n && n < CONTACTS_MAX;) {
        size_t end = 0;
        struct str number = scan->marks[i].taken || scan->marks[i].kind == MARK_WORD
                                ? STR_NONE
                                : read_phone(into, scan, i, plan, expected, &end);

        if (!number.len) {
            i++;
            continue;
        }
        found[n].number = number;
        found[n++].at = scan_take(scan, i, end);
        i = end;
    }
    return n;
}
