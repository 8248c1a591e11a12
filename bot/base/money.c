/*
 * ISO 4217 knows how many digits a currency has after the point, and nobody may guess: 500 is
 * five euros, or five hundred yen, or half a Kuwaiti dinar. The table lists every active code
 * that has a minor unit, funds included; metals, the SDR and the codes for tests have none and
 * are no money here. ANG and BGN, withdrawn in 2025 and 2026, stay, since orders placed in them
 * are still shown and refunded.
 */
#include "bot/base/money.h"

#include "bot/base/arena.h"

#include <inttypes.h>
#include <stdlib.h>

struct currency {
    char code[4];
    int exponent;
};

/* Sorted by code: it is searched by halves. */
/* clang-format off */
static const struct currency currencies[] = {
    {"AED", 2}, {"AFN", 2}, {"ALL", 2}, {"AMD", 2}, {"ANG", 2}, {"AOA", 2},
    {"ARS", 2}, {"AUD", 2}, {"AWG", 2}, {"AZN", 2}, {"BAM", 2}, {"BBD", 2},
    {"BDT", 2}, {"BGN", 2}, {"BHD", 3}, {"BIF", 0}, {"BMD", 2}, {"BND", 2},
    {"BOB", 2}, {"BOV", 2}, {"BRL", 2}, {"BSD", 2}, {"BTN", 2}, {"BWP", 2},
    {"BYN", 2}, {"BZD", 2}, {"CAD", 2}, {"CDF", 2}, {"CHE", 2}, {"CHF", 2},
    {"CHW", 2}, {"CLF", 4}, {"CLP", 0}, {"CNY", 2}, {"COP", 2}, {"COU", 2},
    {"CRC", 2}, {"CUP", 2}, {"CVE", 2}, {"CZK", 2}, {"DJF", 0}, {"DKK", 2},
    {"DOP", 2}, {"DZD", 2}, {"EGP", 2}, {"ERN", 2}, {"ETB", 2}, {"EUR", 2},
    {"FJD", 2}, {"FKP", 2}, {"GBP", 2}, {"GEL", 2}, {"GHS", 2}, {"GIP", 2},
    {"GMD", 2}, {"GNF", 0}, {"GTQ", 2}, {"GYD", 2}, {"HKD", 2}, {"HNL", 2},
    {"HTG", 2}, {"HUF", 2}, {"IDR", 2}, {"ILS", 2}, {"INR", 2}, {"IQD", 3},
    {"IRR", 2}, {"ISK", 0}, {"JMD", 2}, {"JOD", 3}, {"JPY", 0}, {"KES", 2},
    {"KGS", 2}, {"KHR", 2}, {"KMF", 0}, {"KPW", 2}, {"KRW", 0}, {"KWD", 3},
    {"KYD", 2}, {"KZT", 2}, {"LAK", 2}, {"LBP", 2}, {"LKR", 2}, {"LRD", 2},
    {"LSL", 2}, {"LYD", 3}, {"MAD", 2}, {"MDL", 2}, {"MGA", 2}, {"MKD", 2},
    {"MMK", 2}, {"MNT", 2}, {"MOP", 2}, {"MRU", 2}, {"MUR", 2}, {"MVR", 2},
    {"MWK", 2}, {"MXN", 2}, {"MXV", 2}, {"MYR", 2}, {"MZN", 2}, {"NAD", 2},
    {"NGN", 2}, {"NIO", 2}, {"NOK", 2}, {"NPR", 2}, {"NZD", 2}, {"OMR", 3},
    {"PAB", 2}, {"PEN", 2}, {"PGK", 2}, {"PHP", 2}, {"PKR", 2}, {"PLN", 2},
    {"PYG", 0}, {"QAR", 2}, {"RON", 2}, {"RSD", 2}, {"RUB", 2}, {"RWF", 0},
    {"SAR", 2}, {"SBD", 2}, {"SCR", 2}, {"SDG", 2}, {"SEK", 2}, {"SGD", 2},
    {"SHP", 2}, {"SLE", 2}, {"SOS", 2}, {"SRD", 2}, {"SSP", 2}, {"STN", 2},
    {"SVC", 2}, {"SYP", 2}, {"SZL", 2}, {"THB", 2}, {"TJS", 2}, {"TMT", 2},
    {"TND", 3}, {"TOP", 2}, {"TRY", 2}, {"TTD", 2}, {"TWD", 2}, {"TZS", 2},
    {"UAH", 2}, {"UGX", 0}, {"USD", 2}, {"USN", 2}, {"UYI", 0}, {"UYU", 2},
    {"UYW", 4}, {"UZS", 2}, {"VED", 2}, {"VES", 2}, {"VND", 0}, {"VUV", 0},
    {"WST", 2}, {"XAD", 2}, {"XAF", 0}, {"XCD", 2}, {"XCG", 2}, {"XOF", 0}, {"XPF", 0},
    {"YER", 2}, {"ZAR", 2}, {"ZMW", 2}, {"ZWG", 2},
};
/* clang-format on */

static int compare_code(const void *code, const void *currency)
{
    return strcmp(code, ((const struct currency *)currency)->code);
}

int money_exponent(const char *currency)
{
    const struct currency *found = currency ? bsearch(currency, currencies, COUNTOF(currencies),
                                                      sizeof(currencies[0]), compare_code)
                                            : NULL;
    return found ? found->exponent : -1;
}

bool money_make(int64_t minor, struct str currency, struct money *money, struct err *err)
{
    struct money made = {.minor = minor};
    if (currency.len == 3)
        memcpy(made.currency, currency.at, 3);
    if (money_exponent(made.currency) < 0)
        return err_raise(err, ERR_REJECT, "not a currency of ISO 4217");
    *money = made;
    return true;
}

struct str money_decimal(struct arena *into, struct money money)
{
    int digits = money_exponent(money.currency);
    const char *sign = money.minor < 0 ? "-" : "";
    /* The lowest number has no positive twin among the signed ones. */
    uint64_t size = money.minor < 0 ? -(uint64_t)money.minor : (uint64_t)money.minor;
    uint64_t unit = 1;
    for (int i = 0; i < digits; i++)
        unit *= 10;
    if (digits <= 0)
        return arena_format(into, "%s%" PRIu64, sign, size);
    return arena_format(into, "%s%" PRIu64 ".%0*" PRIu64, sign, size / unit, digits,
                        size % unit);
}

/* Put one decimal digit behind a number that is counted downwards. */
static bool push_digit(int64_t *number, char digit)
{
    return digit >= '0' && digit <= '9' && !__builtin_mul_overflow(*number, 10, number) &&
           !__builtin_sub_overflow(*number, digit - '0', number);
}

/* The digits of both parts as one whole number, filled up with zeros to `exponent`. */
static bool read_minor(struct str whole, struct str part, size_t exponent, int64_t *negated)
{
    *negated = 0;
    for (size_t i = 0; i < whole.len; i++) {
        if (!push_digit(negated, whole.at[i]))
            return false;
    }
    for (size_t i = 0; i < exponent; i++) {
        struct str digit = i < part.len ? str_slice(part, i, 1) : STR("0");
        if (!push_digit(negated, *digit.at))
            return false;
    }
    return true;
}

bool money_parse(struct str decimal, struct str currency, struct money *money, struct err *err)
{
    struct money read;
    if (!money_make(0, currency, &read, err))
        return false;
    size_t exponent = (size_t)money_exponent(read.currency);
    bool negative = str_starts(decimal, STR("-"));
    struct str digits = str_slice(decimal, negative ? 1 : 0, decimal.len);
    size_t point = str_find(digits, STR("."));
    struct str whole = str_slice(digits, 0, point);
    struct str part = str_slice(digits, point + 1, digits.len);
    bool shaped =
        whole.len > 0 && part.len <= exponent && (point == digits.len || part.len > 0);
    if (!shaped || !read_minor(whole, part, exponent, &read.minor))
        return err_raise(err, ERR_REJECT, "not an amount in %s", read.currency);
    if (!negative && __builtin_sub_overflow((int64_t)0, read.minor, &read.minor))
        return err_raise(err, ERR_REJECT, "too large an amount in %s", read.currency);
    *money = read;
    return true;
}
