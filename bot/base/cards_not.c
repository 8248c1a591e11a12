/*
 * The reasons stand in the order of their price. Each must be as good as sure: a card's number
 * that is left alone is worse than a parcel's number that has to be sent again.
 */
#include "bot/base/cards_not.h"

#include "bot/base/arena.h"

enum { PHONE_MAX = 15, IBAN_MIN = 15, IBAN_MAX = 34, BACK_MAX = 34, WORDS_NEAR = 160 };

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* --- telephones ----------------------------------------------------------------------------
 */

/* Behind a plus, or the 00 that stands for it, and no longer than a telephone's number. */
static bool is_phone(struct str text, size_t at, size_t n)
{
    if (n > PHONE_MAX || at == 0)
        return false;
    if (text.at[at - 1] == '+')
        return true;
    while (at > 0 && (text.at[at - 1] == ' ' || text.at[at - 1] == '-'))
        at--;
    return at >= 2 && text.at[at - 1] == '0' && text.at[at - 2] == '0' &&
           (at == 2 || !is_digit(text.at[at - 3]));
}

/* --- behind letters ------------------------------------------------------------------------
 */

struct lead {
    const char *letters;
    size_t digits; /* 0: any */
};

/* Carriers whose numbers are these letters and so many digits. */
static const struct lead carriers[] = {
    {"YT",  16},
    {"JD",  16},
    {"JJD", 16},
    {"JD",  18},
    {"SP",  18},
    {"C",   14},
    {"D",   14},
    {"GM",  0 },
    {"LX",  0 },
    {"RX",  0 },
    {"UV",  0 },
};

static bool equals_folded(struct str text, const char *capitals)
{
    size_t i = 0;

    for (; i < text.len && capitals[i] != '\0'; i++) {
        char c = text.at[i];
        if ((c >= 'a' && c <= 'z' ? c - 32 : c) != capitals[i])
            return false;
    }
    return i == text.len && capitals[i] == '\0';
}

/* "ORD-4111...": an order's letters are capitals, and no word for a card. */
static bool is_order_lead(struct str letters)
{
    static const char *const cards[] = {"VISA", "AMEX", "CARD", "CC",  "MC", "MIR",
                                        "JCB",  "UP",   "DC",   "PAN", "NO", "NR"};

    if (letters.len < 2 || letters.len > 5)
        return false;
    for (size_t i = 0; i < letters.len; i++) {
        if (letters.at[i] < 'A' || letters.at[i] > 'Z')
            return false;
    }
    for (size_t i = 0; i < COUNTOF(cards); i++) {
        if (equals_folded(letters, cards[i]))
            return false;
    }
    return true;
}

static bool is_led(struct str text, const struct card_digits *run, size_t n)
{
    size_t end = run->begin, begin;
    bool dash = end > 0 && text.at[end - 1] == '-';

    for (size_t i = 0; i + 1 < n; i++) {
        if (run->gap[i] != CARD_GAP_NONE)
            return false;
    }
    end -= dash;
    for (begin = end; begin > 0 && is_letter(text.at[begin - 1]);)
        begin--;
    if (begin == end || (begin > 0 && is_digit(text.at[begin - 1])))
        return false;
    struct str letters = str_slice(text, begin, end - begin);
    if (dash)
        return is_order_lead(letters);
    for (size_t i = 0; i < COUNTOF(carriers); i++) {
        if (equals_folded(letters, carriers[i].letters) &&
            (carriers[i].digits == 0 || carriers[i].digits == n))
            return true;
    }
    return false;
}

/* --- IBANs ---------------------------------------------------------------------------------
 */

/* Two letters and the digits from `at` on, in groups as they come, are 1 modulo 97 at some end
 * that lies behind `end` or there. */
static bool is_iban(struct str text, size_t at, size_t end)
{
    unsigned rest = 0, head = 0;
    size_t n = 4, from = at;

    if (at < 2 || !is_letter(text.at[at - 1]) || !is_letter(text.at[at - 2]) ||
        (at > 2 && (is_letter(text.at[at - 3]) || is_digit(text.at[at - 3]))) ||
        at + 2 > text.len || !is_digit(text.at[at]) || !is_digit(text.at[at + 1]))
        return false;
    for (size_t i = at - 2; i < at; i++)
        head = head * 100 + (unsigned)((text.at[i] & 0x1F) + 9); /* A is 10 */
    for (from = at + 2; from < text.len && n < IBAN_MAX; from++) {
        char c = text.at[from];
        if (c == ' ' || c == '-')
            continue;
        if (is_digit(c)) {
            rest = (rest * 10 + (unsigned)(c - '0')) % 97;
        } else if (is_letter(c)) {
            rest = (rest * 100 + (unsigned)((c & 0x1F) + 9)) % 97;
        } else {
            break;
        }
        n++;
        unsigned whole = (rest * 10000 + head) % 97;
        whole = (whole * 100 + (unsigned)(text.at[at] - '0') * 10 +
                 (unsigned)(text.at[at + 1] - '0')) %
                97;
        if (n >= IBAN_MIN && from + 1 >= end && whole == 1)
            return true;
    }
    return false;
}

/* --- parcels -------------------------------------------------------------------------------
 */

static bool mod10(const char *digits, size_t n, unsigned even, unsigned odd)
{
    unsigned sum = 0;

    for (size_t i = 0; i + 1 < n; i++)
        sum += (unsigned)(digits[i] - '0') * (i % 2 ? odd : even);
    return (10 - sum % 10) % 10 == (unsigned)(digits[n - 1] - '0');
}

/* The parcels' numbers that are longer than any card's and known by their beginning. */
static bool is_long_parcel(const char *digits, size_t n)
{
    if (n == 20)
        return digits[0] == '0' && digits[1] == '0' && mod10(digits, n, 3, 1);
    if ((n == 30 || n == 34) && memcmp(digits, "420", 3) == 0) {
        return is_long_parcel(digits + 8, n - 8) ||
               (n == 34 && is_long_parcel(digits + 12, n - 12));
    }
    if (digits[0] != '9')
        return false;
    if (digits[1] == '6')
        return (n == 22 && mod10(digits + 7, 15, 1, 3)) || n == 34;
    return (n == 22 || n == 26 || n == 30) && digits[1] >= '1' && digits[1] <= '5' &&
           mod10(digits, n, 3, 1);
}

static bool covers(const struct card_digits *run, size_t end)
{
    for (size_t n = 20; n <= run->n && n <= 34; n += 2) {
        if (run->gap[n - 1] != CARD_GAP_NONE && run->end[n - 1] >= end &&
            is_long_parcel(run->text, n))
            return true;
    }
    return false;
}

/* Whether the digits are the middle of a longer number; its beginning is looked for. */
static bool is_within_parcel(struct str text, size_t begin, size_t end)
{
    struct card_digits run;
    size_t at = begin, digits = 0, other = 0;

    while (at > 0 && digits < BACK_MAX && other <= 2) {
        unsigned char c = (unsigned char)text.at[at - 1];
        if (is_digit((char)c)) {
            digits++;
            other = 0;
        } else if (c == ' ' || c == '-') {
            other++;
        } else {
            break;
        }
        at--;
        if (is_digit((char)c) && (at == 0 || !is_digit(text.at[at - 1]))) {
            card_gather(text, at, CARD_RUN_MAX, &run);
            if (covers(&run, end))
                return true;
        }
    }
    return false;
}

/* --- words beside it -----------------------------------------------------------------------
 */

/* Capitals become small in ASCII; all else is compared as it is. */
static bool speaks_of(struct str text, const char *const *words)
{
    char small[3 * WORDS_NEAR];

    for (size_t i = 0; i < text.len; i++) {
        small[i] =
            (char)(text.at[i] >= 'A' && text.at[i] <= 'Z' ? text.at[i] + 32 : text.at[i]);
    }
    for (; *words != NULL; words++) {
        if (str_find((struct str){small, text.len}, str_from(*words)) < text.len)
            return true;
    }
    return false;
}

/* A carrier's number of a card's length, by the carrier's own check digit. */
static bool is_parcel(struct str text, const struct card_digits *run, size_t n)
{
    static const char *const parcels[] = {"track",
                                          "parcel",
                                          "package",
                                          "shipment",
                                          "fedex",
                                          "canada post",
                                          "dpd",
                                          "courier",
                                          "rastre",
                                          "paquete",
                                          "env\u00edo",
                                          "seguimiento",
                                          "paczk",
                                          "przesy\u0142k",
                                          "\u015bled",
                                          "kurier",
                                          "\u0634\u062d\u0646",
                                          "\u062a\u062a\u0628\u0639",
                                          "\u0637\u0631\u062f",
                                          NULL};
    static const char *const cards[] = {"card",
                                        "visa",
                                        "master",
                                        "amex",
                                        "cvv",
                                        "cvc",
                                        "tarjeta",
                                        "kart",
                                        "pay",
                                        "pago",
                                        "p\u0142ac",
                                        "credit",
                                        "debit",
                                        "\u0628\u0637\u0627\u0642",
                                        "\u0641\u064a\u0632\u0627",
                                        "\u062f\u0641\u0639",
                                        NULL};
    const char *digits = run->text;
    bool fits = (n == 15 && mod10(digits, n, 1, 3)) || (n == 16 && mod10(digits, n, 3, 1)) ||
                (n == 18 && mod10(digits + 2, n - 2, 3, 1));

    size_t begin = run->begin > WORDS_NEAR ? run->begin - WORDS_NEAR : 0;
    struct str near = str_slice(text, begin, 2UL * WORDS_NEAR);

    return fits && speaks_of(near, parcels) && !speaks_of(near, cards);
}

bool card_is_other(struct str text, const struct card_digits *run, size_t n)
{
    size_t end = run->end[n - 1], head = run->begin;

    if (is_phone(text, run->begin, n) || is_led(text, run, n) ||
        is_within_parcel(text, run->begin, end) || is_parcel(text, run, n))
        return true;
    /* "DE89 3704 ...": the head may lie a few groups before */
    for (size_t back = 0; head > 0 && back < IBAN_MAX + 10; back++, head--) {
        char c = text.at[head - 1];
        if (is_iban(text, head, end))
            return true;
        if (!is_digit(c) && !is_letter(c) && c != ' ' && c != '-')
            break;
    }
    return false;
}
