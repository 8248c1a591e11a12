#include "bot/later/broadcast_settings.h"

static bool show_prices(struct desk *desk, struct broadcast_desk *store, struct err *err)
{
    const struct broadcast_price *prices;
    size_t n;

    if (!broadcast_desk_prices(store, &desk->arena, &prices, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        (void)fprintf(desk->cli->out, "%-9.*s %-8.*s %.*s\n", STR_ARG(prices[i].channel),
                      STR_ARG(prices[i].prefix.len > 0 ? prices[i].prefix : STR("any")),
                      STR_ARG(prices[i].price));
    }
    if (n == 0) {
        (void)fprintf(desk->cli->err, "no price is known: `parley broadcast prices sms +48 "
                                      "0.04` says one\n");
    }
    return true;
}

bool broadcast_prices(struct desk *desk, struct broadcast_desk *store, const char *const *words,
                      const char *who, struct err *err)
{
    if (!words[0])
        return show_prices(desk, store, err);
    if (!words[1] || !words[2]) {
        return err_raise(err, ERR_REJECT,
                         "say a channel, how numbers begin, and a price: sms "
                         "+48 0.04; email any 0.0004; sms +48 none");
    }
    const char *prefix = strcmp(words[1], "any") == 0 ? "" : words[1];
    const char *price = strcmp(words[2], "none") == 0 ? NULL : words[2];
    return broadcast_desk_price(store, words[0], prefix, price, who, err) &&
           show_prices(desk, store, err);
}

static bool show_countries(struct desk *desk, struct broadcast_desk *store, struct err *err)
{
    struct str countries;

    if (!broadcast_desk_countries(store, &desk->arena, &countries, err))
        return false;
    if (countries.len == 0) {
        (void)fprintf(desk->cli->out, "all countries\n");
        return true;
    }
    for (struct str one; str_split(&countries, ' ', &one);) {
        bool out = str_starts(one, STR("-"));
        (void)fprintf(desk->cli->out, "%-8s %.*s\n", out ? "without" : "only",
                      STR_ARG(str_slice(one, out, one.len)));
    }
    return true;
}

bool broadcast_countries(struct desk *desk, struct broadcast_desk *store,
                         const char *const *words, const char *who, struct err *err)
{
    struct str list = STR_NONE;

    if (!words[0])
        return show_countries(desk, store, err);
    bool all = strcmp(words[0], "all") == 0, without = strcmp(words[0], "without") == 0;
    if ((!all && !without && strcmp(words[0], "only") != 0) || all != (words[1] == NULL)) {
        return err_raise(err, ERR_REJECT,
                         "say all, or only or without and how numbers begin: only +48 +44");
    }
    for (size_t i = 1; words[i]; i++) {
        list = arena_concat(&desk->arena, list, STR(" "), without ? STR("-") : STR_NONE,
                            str_from(words[i]));
    }
    return broadcast_desk_countries_keep(store, arena_cstr(&desk->arena, list), who, err) &&
           show_countries(desk, store, err);
}
