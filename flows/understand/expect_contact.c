/*
 * Codes, addresses and numbers. Whether they are anybody's is for the store to say; here it is
 * only told what was typed.
 */
#include "flows/understand/expect_contact.h"
#include "flows/understand/tokens.h"

enum {
    CODE_DIGITS = 6,
    CODE_LEAST = 3,
    CODE_MOST = 17, /* a number of a phone, typed once more: no code, but not an order either */
    PHONE_LEAST = 7,
    PHONE_MOST = 15, /* E.164 */
    PHONE_WORDS = 3, /* beside it: "my number is" */
    EMAIL_MOST = 254,
    LOCAL_MOST = 64
};

static bool is_digits(struct str token)
{
    for (size_t i = 0; i < token.len; i++) {
        if (token.at[i] < '0' || token.at[i] > '9')
            return false;
    }
    return token.len > 0;
}

/* All digits of the text in one, and how many tokens are none. */
static struct str digits_of(struct arena *into, struct str text, size_t *words)
{
    struct tokens tokens;
    struct str all = STR_NONE;

    tokens_read(into, text, &tokens);
    *words = 0;
    for (size_t i = 0; i < tokens.n; i++) {
        if (is_digits(tokens.items[i])) {
            all = arena_format(into, "%.*s%.*s", STR_ARG(all), STR_ARG(tokens.items[i]));
        } else {
            ++*words;
        }
    }
    return all;
}

bool expect_code(struct arena *into, struct str text, struct str *code)
{
    size_t words;
    struct str digits = digits_of(into, text, &words);

    if (words > 0 ? digits.len != CODE_DIGITS
                  : digits.len < CODE_LEAST || digits.len > CODE_MOST)
        return false;
    *code = digits;
    return true;
}

/* --- mail --------------------------------------------------------------------------------- */

static bool is_local(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+/=?^_`{|}~.-", c) != NULL);
}

static bool is_domain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '-';
}

/* No dot at an end, and no two together. */
static bool dots_well(struct str part)
{
    return part.len > 0 && part.at[0] != '.' && part.at[part.len - 1] != '.' &&
           str_find(part, STR("..")) == part.len;
}

static bool is_email(struct str text)
{
    size_t at = str_find(text, STR("@"));
    struct str local = str_slice(text, 0, at);
    struct str domain = str_slice(text, at + 1, text.len);

    if (at == text.len || local.len > LOCAL_MOST || text.len > EMAIL_MOST)
        return false;
    for (size_t i = 0; i < local.len; i++) {
        if (!is_local(local.at[i]))
            return false;
    }
    for (size_t i = 0; i < domain.len; i++) {
        if (!is_domain(domain.at[i]))
            return false;
    }
    return dots_well(local) && dots_well(domain) && str_find(domain, STR(".")) < domain.len &&
           domain.at[0] != '-' && domain.at[domain.len - 1] != '-';
}

/* Without what people put around an address. */
static struct str bare(struct str word)
{
    while (word.len > 0 && strchr("<(\"'[:", word.at[0]))
        word = str_slice(word, 1, word.len);
    while (word.len > 0 && strchr(">)\"'],;:.!?", word.at[word.len - 1]))
        word.len--;
    return word;
}

bool expect_email(struct arena *into, struct str text, struct str *email)
{
    struct str rest = text;
    struct str word;
    bool found = false;

    while (str_split(&rest, ' ', &word)) {
        word = bare(str_trim(word));
        if (str_find(word, STR("@")) == word.len)
            continue;
        if (found || !is_email(word))
            return false;
        *email = str_fold(into, word);
        found = true;
    }
    return found;
}

/* --- numbers ------------------------------------------------------------------------------ */

bool expect_contact(struct arena *into, struct str text, struct str *contact)
{
    size_t words;
    struct str digits = digits_of(into, text, &words);
    bool plus = str_find(text, STR("+")) < text.len;

    if (expect_email(into, text, contact))
        return true;
    if (words > PHONE_WORDS || digits.len < PHONE_LEAST || digits.len > PHONE_MOST + 2)
        return false;
    if (!plus && str_starts(digits, STR("00"))) {
        digits = str_slice(digits, 2, digits.len);
        plus = true;
    }
    *contact =
        plus || digits.at[0] != '0' ? arena_format(into, "+%.*s", STR_ARG(digits)) : digits;
    return true;
}
