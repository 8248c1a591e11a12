/*
 * Whatever is written is understood in bounded time: what is found lies within the text, no two
 * finds share a character, and each is what it says. The first byte says what was asked for, in
 * which language, and by what kind of business.
 */
#include "flows/understand/trained.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer chose the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static void check_number(struct str number)
{
    must(number.len > 0);
    for (size_t i = 0; i < number.len; i++) {
        char c = number.at[i];

        must((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
             c == '/' || c == '+');
    }
}

static void check_found(const struct found *found)
{
    switch (found->kind) {
    case FOUND_CARD:
        break;
    case FOUND_DATE:
        must(found->date.first <= found->date.last);
        must(date_exists(date_of(found->date.first)) && date_exists(date_of(found->date.last)));
        break;
    case FOUND_AMOUNT:
        must(found->amount.money.minor >= 0);
        must(money_exponent(found->amount.money.currency) >= 0);
        break;
    case FOUND_TRACKING:
        check_number(found->tracking.number);
        must(found->tracking.carrier != NULL);
        break;
    case FOUND_PHONE:
        check_number(found->phone.number);
        must(found->phone.number.len >= 8 && found->phone.number.len <= 16);
        break;
    case FOUND_NUMBER:
        check_number(found->number.number);
        break;
    case FOUND_EMAIL:
        must(str_find(found->email.address, STR("@")) < found->email.address.len);
        break;
    }
}

static void check_all(const struct understood *meant, struct str text)
{
    must(meant->confidence >= 0 && meant->confidence <= 100);
    must((meant->intent.len > 0) == (meant->confidence > 0));
    must(!meant->intent.len || !meant->maybe.len);
    must(meant->n_found <= FOUND_MAX);
    for (size_t i = 0; i < meant->n_found; i++) {
        const struct found *found = &meant->found[i];

        must(found->at.from < found->at.to && found->at.to <= text.len);
        check_found(found);
        for (size_t j = 0; j < i; j++) {
            must(found->at.from >= meant->found[j].at.to ||
                 found->at.to <= meant->found[j].at.from);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const countries[] = {"", "PL", "US", "AE"};
    static const char *const currencies[] = {"", "EUR", "KWD", "JPY"};
    static struct trained trained;
    struct arena arena = {0};
    struct understood meant;
    struct str raw;
    struct str text;

    if (size == 0)
        return 0;
    if (!trained.classifier.classify)
        must(trained_open(trained_bytes(), &trained) == NULL);
    raw = (struct str){(const char *)data + 1, size - 1};
    text = str_sane(&arena, raw);
    for (int i = 0; i < 2; i++) {
        struct understand_context context = {.lang = (enum lang)(data[0] % LANG_COUNT),
                                             .today = 20778,
                                             .currency = str_from(currencies[data[0] / 4 % 4]),
                                             .country = str_from(countries[data[0] / 16 % 4]),
                                             .awaited =
                                                 (enum awaited)(data[0] % (AWAITED_ORDER + 1)),
                                             .classifier = &trained.classifier,
                                             .past = data[0] >= 128};

        /* As it came, and as the engine makes it before. */
        understand(&arena, i ? text : raw, &context, &meant);
        check_all(&meant, i ? text : raw);
    }
    arena_finish(&arena);
    return 0;
}
