/* What is in a text, whatever it means: numbers, parcels, cards, addresses, dates, amounts. */
#include "flows/understand/understand_inside.h"

enum {
    LONG_NUMBER = 10
}; /* characters: a parcel's with a slip in it, where one was asked for */

static struct found *add(struct understood *meant, struct found *all, enum found_kind kind,
                         struct span at)
{
    all[meant->n_found].kind = kind;
    all[meant->n_found].at = at;
    return &all[meant->n_found++];
}

static void find_cards(struct scan *scan, struct understood *meant, struct found *all)
{
    struct span cards[CARDS_MAX];
    size_t n = cards_find(scan, cards);

    for (size_t i = 0; i < n; i++)
        (void)add(meant, all, FOUND_CARD, cards[i]);
}

static void find_contacts(struct arena *into, struct scan *scan,
                          const struct understand_context *context, struct understood *meant,
                          struct found *all)
{
    struct email_found emails[CONTACTS_MAX];
    struct tracking_found trackings[TRACKINGS_MAX];
    struct phone_found phones[CONTACTS_MAX];
    size_t n = emails_find(into, scan, emails);

    for (size_t i = 0; i < n; i++)
        add(meant, all, FOUND_EMAIL, emails[i].at)->email = emails[i];
    if (context->awaited != AWAITED_TRACKING) /* a parcel's may look like a card's */
        find_cards(scan, meant, all);
    n = tracking_find(into, scan, context->awaited == AWAITED_TRACKING, trackings);
    for (size_t i = 0; i < n; i++)
        add(meant, all, FOUND_TRACKING, trackings[i].at)->tracking = trackings[i];
    n = phones_find(into, scan, context->country, context->awaited == AWAITED_PHONE, phones);
    for (size_t i = 0; i < n; i++)
        add(meant, all, FOUND_PHONE, phones[i].at)->phone = phones[i];
}

static void find_values(struct arena *into, struct scan *scan,
                        const struct understand_context *context, struct understood *meant,
                        struct found *all)
{
    struct amount_context amount = {.lang = meant->lang,
                                    .currency = context->currency,
                                    .expected = context->awaited == AWAITED_AMOUNT};
    struct date_context date = {.today = context->today,
                                .lang = meant->lang,
                                .month_first = str_eq(context->country, STR("US")) &&
                                               meant->lang == LANG_EN,
                                .past = context->past,
                                .expected = context->awaited == AWAITED_DATE,
                                .weekend = weekend_begins(context->country, meant->lang)};
    struct amount_found amounts[AMOUNTS_MAX];
    struct date_found dates[DATES_MAX];
    struct number_found numbers[NUMBERS_MAX];
    size_t n = amounts_find(scan, &amount, amounts);

    for (size_t i = 0; i < n; i++)
        add(meant, all, FOUND_AMOUNT, amounts[i].at)->amount = amounts[i];
    n = dates_find(scan, &date, dates);
    for (size_t i = 0; i < n; i++)
        add(meant, all, FOUND_DATE, dates[i].at)->date = dates[i];
    n = numbers_find(into, scan, numbers);
    for (size_t i = 0; i < n; i++)
        add(meant, all, FOUND_NUMBER, numbers[i].at)->number = numbers[i];
}

/* Digits where another number was asked for are a try at that, and no order's. */
static bool is_another(const struct number_found *number, enum awaited awaited)
{
    int64_t digits;

    if (awaited == AWAITED_TRACKING)
        return !number->called && number->number.len >= LONG_NUMBER;
    return (awaited == AWAITED_DATE || awaited == AWAITED_AMOUNT || awaited == AWAITED_PHONE) &&
           !number->called && str_to_int(number->number, &digits);
}

static bool is_lettered(struct str number)
{
    for (size_t i = 0; i < number.len; i++) {
        if (number.at[i] >= 'A' && number.at[i] <= 'Z')
            return true;
    }
    return false;
}

/* What is called an order's number, else what has letters as they have ("150 of INV-7022"),
 * else what could be one. */
static struct str order_number(const struct understood *meant, enum awaited awaited)
{
    struct str first = STR_NONE;

    for (size_t i = 0; i < meant->n_found; i++) {
        const struct found *found = &meant->found[i];

        if (found->kind != FOUND_NUMBER || found->number.ticket)
            continue;
        if (found->number.called)
            return found->number.number;
        if (is_another(&found->number, awaited))
            continue;
        if (!first.len || (is_lettered(found->number.number) && !is_lettered(first)))
            first = found->number.number;
    }
    return first;
}

static struct str ticket_number(const struct understood *meant)
{
    for (size_t i = 0; i < meant->n_found; i++) {
        const struct found *found = &meant->found[i];

        if (found->kind == FOUND_NUMBER && found->number.ticket)
            return found->number.number;
    }
    return STR_NONE;
}

/* "5 stars", "⭐⭐⭐⭐"; "4/5" is a day, rather. */
static int stars_of(const struct scan *scan)
{
    int drawn = 0;

    for (size_t i = 0; i < scan->n; i++) {
        int64_t value;

        drawn += scan_is_sign(scan, i, 0x2B50) || scan_is_sign(scan, i, 0x2605);
        if (i > 0 && scan_is(scan, i, LEX_STAR, NULL) &&
            scan_number(scan, i - 1, &value) == 1 && value >= 1 && value <= 5)
            return (int)value;
    }
    return drawn <= 5 ? drawn : 0;
}

void understand_find_all(struct arena *into, struct str text,
                         const struct understand_context *context, struct understood *meant)
{
    struct found all[FOUND_MAX];
    struct found *kept;
    struct scan scan;

    scan_read(into, text, &scan);
    if (context->awaited == AWAITED_ORDER) {
        struct number_found numbers[NUMBERS_MAX];
        size_t n = numbers_find(into, &scan, numbers);

        for (size_t i = 0; i < n; i++)
            add(meant, all, FOUND_NUMBER, numbers[i].at)->number = numbers[i];
    }
    meant->stars = stars_of(&scan);
    find_contacts(into, &scan, context, meant, all);
    find_values(into, &scan, context, meant, all);
    kept = arena_array(into, struct found, meant->n_found);
    memcpy(kept, all, meant->n_found * sizeof(*kept));
    meant->found = kept;
    meant->number = order_number(meant, context->awaited);
    meant->ticket = ticket_number(meant);
}
