/*
 * Amounts. A number with its separators first becomes plain decimal text, then money; what its
 * currency cannot hold exactly is no amount.
 */
#include "flows/understand/amounts.h"

enum { GROUPS_MAX = 6, DECIMAL_MAX = 24 };

/* In the order of lexicon.txt. `kin` are those that share the name or sign. */
static const struct currency {
    const char *kin;
    bool shared; /* of no single country that comes to mind first */
    char code[4];
} currencies[] = {
    {"",                                false, "EUR"},
    {"CAD AUD NZD SGD HKD MXN ARS CLP", false, "USD"},
    {"EGP LBP SYP",                     false, "GBP"},
    {"",                                false, "PLN"},
    {"QAR OMR YER",                     false, "SAR"},
    {"MAD",                             false, "AED"},
    {"GBP SDG",                         false, "EGP"},
    {"JOD IQD BHD TND DZD LYD",         true,  "KWD"},
    {"",                                false, "CHF"},
    {"ARS CLP COP UYU DOP PHP",         true,  "MXN"},
};

struct currency_read {
    char code[4];
    bool ambiguous;
};

/* --- currencies --------------------------------------------------------------------------- */

static bool named(const struct amount_context *context, int index, struct currency_read *read)
{
    const struct currency *currency;
    bool own;

    if (index < 0 || (size_t)index >= COUNTOF(currencies))
        return false;
    currency = &currencies[index];
    own = context->currency.len == 3 &&
          str_find(str_from(currency->kin), context->currency) < strlen(currency->kin);
    memcpy(read->code, currency->code, sizeof(read->code));
    read->ambiguous =
        currency->shared && !own && !str_eq(context->currency, str_from(currency->code));
    if (own) {
        memcpy(read->code, context->currency.at, 3);
        read->code[3] = '\0';
    }
    return true;
}

/* "EUR" in capitals, of any currency there is. */
static bool is_code(const struct scan *scan, size_t i, struct currency_read *read)
{
    struct span at = i < scan->n ? scan->marks[i].at : (struct span){0};

    if (i >= scan->n || scan->marks[i].kind != MARK_WORD || scan->marks[i].taken ||
        at.to - at.from != 3)
        return false;
    for (size_t j = 0; j < 3; j++) {
        char c = scan->text.at[at.from + j];

        if (c < 'A' || c > 'Z')
            return false;
        read->code[j] = c;
    }
    read->code[3] = '\0';
    read->ambiguous = false;
    return money_exponent(read->code) >= 0;
}

static bool read_currency(const struct scan *scan, size_t i,
                          const struct amount_context *context, struct currency_read *read)
{
    int index;

    if (is_code(scan, i, read))
        return true;
    if (scan_is(scan, i, LEX_CURRENCY, &index))
        return named(context, index, read);
    if (scan_is_sign(scan, i, 0x20AC))
        return named(context, 0, read);
    if (scan_is_sign(scan, i, '$'))
        return named(context, 1, read);
    return scan_is_sign(scan, i, 0xA3) && named(context, 2, read);
}

/* --- numbers ------------------------------------------------------------------------------ */

struct grouped {
    struct str groups[GROUPS_MAX];
    uint32_t signs[GROUPS_MAX]; /* before the group: '.', ',', '\'' or ' ' */
    size_t n;
    size_t end;
};

/* The sign that joins mark `i` to the number before it, and where the number goes on; 0: none.
 */
static uint32_t joining(const struct scan *scan, size_t i, size_t *next)
{
    const struct mark *mark = &scan->marks[i];

    if (mark->taken)
        return 0;
    if (mark->kind == MARK_NUMBER && !mark->glued && mark->text.len == 3) {
        *next = i;
        return ' ';
    }
    if (mark->kind != MARK_SIGN || !mark->glued || i + 1 >= scan->n ||
        scan->marks[i + 1].kind != MARK_NUMBER || !scan->marks[i + 1].glued ||
        scan->marks[i + 1].taken)
        return 0;
    *next = i + 1;
    return mark->sign == '.' || mark->sign == ',' || mark->sign == '\'' ? mark->sign : 0;
}

static bool read_groups(const struct scan *scan, size_t i, struct grouped *grouped)
{
    if (!scan_is_number(scan, i, 12))
        return false;
    *grouped = (struct grouped){.n = 1, .end = i + 1};
    grouped->groups[0] = scan->marks[i].text;
    while (grouped->end < scan->n) {
        size_t next;
        uint32_t sign = joining(scan, grouped->end, &next);

        if (!sign || (sign == ' ' && grouped->groups[0].len > 3))
            break;
        if (grouped->n == GROUPS_MAX)
            return false;
        grouped->signs[grouped->n] = sign;
        grouped->groups[grouped->n++] = scan->marks[next].text;
        grouped->end = next + 1;
    }
    return true;
}

/* Whether the last sign is the decimal one. `exponent`: digits that the currency has. */
static bool has_decimals(const struct grouped *grouped, const struct amount_context *context,
                         int exponent, bool *ambiguous)
{
    uint32_t last = grouped->signs[grouped->n - 1];
    size_t digits = grouped->groups[grouped->n - 1].len;
    bool comma_groups = context->lang == LANG_EN || context->lang == LANG_AR;

    if (grouped->n == 1 || last == ' ' || last == '\'')
        return false;
    if (grouped->n > 2)
        return grouped->signs[grouped->n - 2] != last;
    if (digits != 3 || str_eq(grouped->groups[0], STR("0")))
        return true;
    if ((last == ',') == comma_groups)
        return false;
    if (exponent == 3)
        return true;
    *ambiguous = true;
    return false;
}

/* The groups as plain decimal text; false when they are no number. */
static bool plain_decimal(const struct grouped *grouped, bool decimals, char out[DECIMAL_MAX],
                          size_t *len)
{
    size_t whole = decimals ? grouped->n - 1 : grouped->n;

    *len = 0;
    for (size_t i = 0; i < grouped->n; i++) {
        struct str group = grouped->groups[i];

        if ((i > 0 && i < whole && (group.len != 3 || grouped->groups[0].len > 3)) ||
            (i > 1 && i < whole && grouped->signs[i] != grouped->signs[1]) ||
            *len + group.len + 2 > DECIMAL_MAX)
            return false;
        if (decimals && i == whole)
            out[(*len)++] = '.';
        memcpy(out + *len, group.at, group.len);
        *len += group.len;
    }
    return true;
}

/* Leading zeros and zeros that the currency has no digits for say nothing. */
static struct str trimmed(struct str decimal, int exponent)
{
    size_t point;

    while (decimal.len > 1 && decimal.at[0] == '0' && decimal.at[1] != '.')
        decimal = str_slice(decimal, 1, decimal.len);
    point = str_find(decimal, STR("."));
    while (decimal.len > point + 1 + (size_t)exponent && decimal.at[decimal.len - 1] == '0')
        decimal.len--;
    if (decimal.len == point + 1)
        decimal.len--;
    return decimal;
}

static bool to_money(const struct grouped *grouped, const struct amount_context *context,
                     const struct currency_read *currency, struct amount_found *found)
{
    struct err ignored = {0};
    char out[DECIMAL_MAX];
    size_t len;
    int exponent = money_exponent(currency->code);
    bool decimals;

    if (exponent < 0)
        return false;
    decimals = has_decimals(grouped, context, exponent, &found->ambiguous);
    found->ambiguous |= currency->ambiguous;
    return plain_decimal(grouped, decimals, out, &len) &&
           money_parse(trimmed((struct str){out, len}, exponent), str_from(currency->code),
                       &found->money, &ignored);
}

/* --- amounts ------------------------------------------------------------------------------ */

static int64_t power_of_ten(int exponent)
{
    int64_t power = 1;

    while (exponent-- > 0)
        power *= 10;
    return power;
}

static bool whole_money(int64_t units, const struct currency_read *currency,
                        struct amount_found *found)
{
    struct err ignored = {0};
    int exponent = money_exponent(currency->code);
    int64_t minor;

    found->ambiguous = currency->ambiguous;
    return exponent >= 0 && !__builtin_mul_overflow(units, power_of_ten(exponent), &minor) &&
           money_make(minor, str_from(currency->code), &found->money, &ignored);
}

/* "... 50 cents", "con 50", "50 gr" behind whole units. */
static size_t read_rest(const struct scan *scan, size_t end, struct amount_found *found)
{
    int64_t exponent = money_exponent(found->money.currency);
    size_t at = end;
    int ignored;
    bool joined = false;
    int64_t rest;
    size_t n;

    if (exponent < 1 || found->money.minor % power_of_ten((int)exponent) != 0)
        return end;
    if (scan_is(scan, at, LEX_AND, NULL) || scan_is(scan, at, LEX_WITH, NULL)) {
        joined = true;
        at++;
    }
    n = scan_number(scan, at, &rest);
    if (!n || rest < 0 || rest >= power_of_ten((int)exponent))
        return end;
    if (scan_is(scan, at + n, LEX_MINOR, &ignored)) {
        n++;
    } else if (!joined || n > 1 || scan->marks[at].text.len != 2 ||
               (at + 1 < scan->n && scan->marks[at + 1].kind != MARK_SIGN)) {
        return end;
    }
    found->money.minor += rest;
    return at + n;
}

/* "50 cents", "20 groszy" without whole units. */
static size_t read_minor(const struct scan *scan, size_t i,
                         const struct amount_context *context, struct amount_found *found)
{
    struct currency_read currency = {.code = "EUR", .ambiguous = true};
    struct err ignored = {0};
    int64_t minor;
    int index;
    size_t n = scan_number(scan, i, &minor);

    if (!n || !scan_is(scan, i + n, LEX_MINOR, &index))
        return 0;
    if (index >= 0) {
        (void)named(context, index, &currency);
    } else if (context->currency.len == 3) {
        memcpy(currency.code, context->currency.at, 3);
        currency.ambiguous = false;
    }
    found->ambiguous = currency.ambiguous;
    return money_make(minor, str_from(currency.code), &found->money, &ignored) ? i + n + 1 : 0;
}

/* The currency stands before the number: "$1,200.00", "EUR 25". */
static size_t read_led(const struct scan *scan, size_t i, const struct amount_context *context,
                       struct amount_found *found)
{
    struct currency_read currency;
    struct currency_read behind;
    struct grouped grouped;

    if (!read_currency(scan, i, context, &currency) || !read_groups(scan, i + 1, &grouped))
        return 0;
    if (scan->marks[i].kind == MARK_WORD && scan->marks[i + 1].glued == false &&
        read_currency(scan, grouped.end, context, &behind) &&
        strcmp(behind.code, currency.code) != 0)
        return 0;
    return to_money(&grouped, context, &currency, found) ? grouped.end : 0;
}

/* "of", "de", "z": some of something. */
static bool is_of(const struct scan *scan, size_t i)
{
    static const char *const words[] = {"of",      "from", "for", "on", "off",  "towards",
                                        "against", "de",   "del", "a",  "para", "z",
                                        "ze",      "za",   "na",  "do", "من",   "علي"};

    for (size_t j = 0; i < scan->n && j < COUNTOF(words); j++) {
        if (str_eq(scan->marks[i].text, str_from(words[j])))
            return true;
    }
    return false;
}

/* "the invoice", "INV-7022", "7022", from mark `i` on. */
static bool is_invoice(const struct scan *scan, size_t i)
{
    for (size_t end = i + 3; i < end && i + 1 < scan->n; i++) {
        if (scan_is(scan, i, LEX_ORDER, NULL) || scan->marks[i + 1].glued)
            return true;
    }
    return i < scan->n && (scan_is(scan, i, LEX_ORDER, NULL) ||
                           (scan->marks[i].kind == MARK_NUMBER && scan->marks[i].text.len > 2));
}

/* What somebody who pays says bare: some of an invoice, or so little or exact that it is no
 * invoice's number, and nothing more. */
static bool is_paid(const struct scan *scan, size_t i, const struct grouped *grouped)
{
    size_t end = grouped->end;
    bool pays = false;

    for (size_t j = 0; j < i && !pays; j++)
        pays = scan_is(scan, j, LEX_PAY, NULL);
    if (!pays || scan_is(scan, i - 1, LEX_ORDER, NULL) || scan_is(scan, i - 1, LEX_NO, NULL) ||
        scan_is_sign(scan, i - 1, '#'))
        return false;
    if (end == scan->n)
        return end - i > 1 || scan->marks[i].text.len <= 2;
    return is_of(scan, end) && is_invoice(scan, end + 1);
}

/* The number first: "25,50 €", "fifty euros", "50". */
static size_t read_followed(const struct scan *scan, size_t i,
                            const struct amount_context *context, struct amount_found *found)
{
    struct currency_read currency = {0};
    struct grouped grouped;
    int64_t units;
    size_t n;

    if (read_groups(scan, i, &grouped) &&
        read_currency(scan, grouped.end, context, &currency)) {
        return to_money(&grouped, context, &currency, found)
                   ? read_rest(scan, grouped.end + 1, found)
                   : 0;
    }
    n = scan_number(scan, i, &units);
    if (n && read_currency(scan, i + n, context, &currency))
        return whole_money(units, &currency, found) ? read_rest(scan, i + n + 1, found) : 0;
    if (context->currency.len != 3)
        return 0;
    memcpy(currency.code, context->currency.at, 3);
    if (!context->expected) {
        return scan_is_number(scan, i, 6) && read_groups(scan, i, &grouped) &&
                       is_paid(scan, i, &grouped) &&
                       to_money(&grouped, context, &currency, found)
                   ? grouped.end
                   : 0;
    }
    if (scan_is_number(scan, i, 12)) {
        (void)read_groups(scan, i, &grouped);
        return grouped.end < scan->n && scan_is_sign(scan, grouped.end, '%') ? 0
               : to_money(&grouped, context, &currency, found)               ? grouped.end
                                                                             : 0;
    }
    return n && whole_money(units, &currency, found) ? i + n : 0;
}

/* Below zero, or a part of something else: "-5", "A12", "12/03", "1.2.3.4". */
static bool is_loose(const struct scan *scan, size_t i)
{
    const struct mark *before = i > 0 ? &scan->marks[i - 1] : NULL;

    if (!scan->marks[i].glued || !before)
        return true;
    return before->kind == MARK_SIGN && before->sign != '-' && before->sign != '/' &&
           before->sign != '.' && before->sign != ',' && before->sign != '#';
}

static size_t read_amount(const struct scan *scan, size_t i,
                          const struct amount_context *context, struct amount_found *found)
{
    size_t end;

    *found = (struct amount_found){0};
    if (!is_loose(scan, i))
        return 0;
    end = read_led(scan, i, context, found);
    if (end)
        return end;
    *found = (struct amount_found){0};
    end = read_minor(scan, i, context, found);
    if (end)
        return end;
    *found = (struct amount_found){0};
    return read_followed(scan, i, context, found);
}

static bool may_begin(const struct scan *scan, size_t i)
{
    const struct mark *mark = &scan->marks[i];

    return !mark->taken && (mark->kind == MARK_NUMBER || mark->kind == MARK_SIGN ||
                            mark->entries > 0 || mark->at.to - mark->at.from == 3);
}

size_t amounts_find(struct scan *scan, const struct amount_context *context,
                    struct amount_found found[AMOUNTS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < scan->n && n < AMOUNTS_MAX;) {
        size_t end = may_begin(scan, i) ? read_amount(scan, i, context, &found[n]) : 0;

        if (!end) {
            i++;
            continue;
        }
        found[n++].at = scan_take(scan, i, end);
        i = end;
    }
    return n;
}
