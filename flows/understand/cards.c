#include "flows/understand/cards.h"

enum { CARD_LEN_MAX = 16, CARD_LEN_MIN = 15 };

/* Luhn's sum over all digits, the last one counting once, is a multiple of ten. */
static bool is_checked(struct str digits)
{
    unsigned sum = 0;

    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = (unsigned)(digits.at[digits.len - 1 - i] - '0') * (i % 2 ? 2 : 1);

        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 == 0;
}

/* By the first four digits: Visa, Mastercard, Discover, JCB; American Express has fifteen. */
static bool has_issuer(struct str digits)
{
    struct str first = str_slice(digits, 0, 4);

    if (digits.len == CARD_LEN_MIN)
        return str_starts(digits, STR("34")) || str_starts(digits, STR("37"));
    return first.at[0] == '4' || str_starts(digits, STR("6011")) ||
           str_starts(digits, STR("65")) || str_starts(digits, STR("35")) ||
           (str_compare(first, STR("5100")) >= 0 && str_compare(first, STR("5599")) <= 0) ||
           (str_compare(first, STR("2221")) >= 0 && str_compare(first, STR("2720")) <= 0);
}

bool card_is(struct str digits)
{
    if (digits.len != CARD_LEN_MIN && digits.len != CARD_LEN_MAX)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return false;
    }
    return has_issuer(digits) && is_checked(digits);
}

/* The mark behind the card that begins at `i`; 0 when none does. */
static size_t read_card(const struct scan *scan, size_t i)
{
    char digits[CARD_LEN_MAX];
    size_t n = 0;
    size_t at = i;

    while (at < scan->n && n < CARD_LEN_MAX) {
        const struct mark *mark = &scan->marks[at];

        if (scan_is_sign(scan, at, '-') && n > 0) {
            at++;
            continue;
        }
        if (mark->kind != MARK_NUMBER || mark->taken || n + mark->text.len > CARD_LEN_MAX)
            break;
        memcpy(digits + n, mark->text.at, mark->text.len);
        n += mark->text.len;
        at++;
        if (card_is((struct str){digits, n}))
            return at;
    }
    return 0;
}

size_t cards_find(struct scan *scan, struct span found[CARDS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < scan->n && n < CARDS_MAX;) {
        size_t end = scan_is_number(scan, i, CARD_LEN_MAX) && !scan_is_within(scan, i)
                         ? read_card(scan, i)
                         : 0;

        if (!end) {
            i++;
            continue;
        }
        found[n++] = scan_take(scan, i, end);
        i = end;
    }
    return n;
}
