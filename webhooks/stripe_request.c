/*
 * What we ask Stripe for. The ids of ours travel as metadata: "copy ids also to
 * payment_intent_data[metadata], session metadata is not copied". Which ways to pay there are
 * is the account's own setting ("use allowed_payment_method_types or, better, neither").
 */
#include "bot/base/percent.h"
#include "webhooks/form.h"
#include "webhooks/stripe.h"

#define URL_MAX 2000

/* What goes into a header or an address unescaped. */
static bool is_word(struct str text)
{
    if (text.len == 0 || text.len > 300)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!percent_keeps(text.at[i], "-_.~/:"))
            return false;
    }
    return true;
}

static bool is_address(struct str url)
{
    for (size_t i = 0; i < url.len; i++) {
        if ((unsigned char)url.at[i] <= ' ' || (unsigned char)url.at[i] >= 0x7f)
            return false;
    }
    return url.len < URL_MAX &&
           (str_starts(url, STR("https://")) || str_starts(url, STR("http://")));
}

static bool start(struct arena *into, const struct stripe_account *account, const char *method,
                  struct str path, struct str key, struct http_request *request,
                  struct err *err)
{
    struct http_header *headers = arena_array(into, struct http_header, 4);

    if (!is_address(account->base_url) || !is_word(account->key) || !is_word(path) ||
        (key.len > 0 && !is_word(key)))
        return err_raise(err, ERR_REJECT, "stripe: the address, the key or an id is none");
    headers[0] = (struct http_header){STR("Authorization"),
                                      arena_concat(into, STR("Bearer "), account->key)};
    headers[1] = (struct http_header){STR("Stripe-Version"), STR(STRIPE_VERSION)};
    headers[2] =
        (struct http_header){STR("Content-Type"), STR("application/x-www-form-urlencoded")};
    headers[3] = (struct http_header){STR("Idempotency-Key"), key};
    *request = (struct http_request){.method = method,
                                     .url = arena_concat(into, account->base_url, path),
                                     .headers = headers,
                                     .n_headers = key.len > 0 ? 4 : 2,
                                     .repeatable = true};
    return true;
}

static struct str add_id(struct arena *into, struct str form, const char *name, struct uuid id)
{
    char *text = arena_alloc(into, UUID_TEXT_LEN + 1);

    uuid_format(id, text);
    return form_add(into, form, name, str_from(text));
}

static struct str add_int(struct arena *into, struct str form, const char *name, int64_t number)
{
    return form_add(into, form, name, arena_format(into, "%lld", (long long)number));
}

/* The four that the page speaks as we do. */
static struct str locale_of(struct str language)
{
    static const char *const known[] = {"en", "es", "pl"};

    for (size_t i = 0; i < COUNTOF(known); i++) {
        if (str_eq(language, str_from(known[i])))
            return str_from(known[i]);
    }
    return STR("auto"); /* Stripe's page has no Arabic */
}

static struct str lower(struct arena *into, const char *currency)
{
    char *text = arena_alloc(into, 4);

    for (size_t i = 0; i < 3; i++) {
        text[i] =
            (char)(currency[i] >= 'A' && currency[i] <= 'Z' ? currency[i] + 32 : currency[i]);
    }
    return (struct str){text, 3};
}

static struct str add_metadata(struct arena *into, struct str form, const char *before,
                               const struct stripe_checkout *checkout)
{
    form = add_id(into, form, arena_format(into, "%s[parley_org]", before).at, checkout->org);
    form = add_id(into, form, arena_format(into, "%s[parley_checkout]", before).at,
                  checkout->checkout);
    return form_add(into, form, arena_format(into, "%s[invoice]", before).at,
                    checkout->invoice);
}

/* Stripe's amounts have as many digits as ISO 4217 has, but for these: ariary are whole there,
 * and of kronur and shillings its pages say two things. A hundredth or a hundred times of what
 * is owed is asked from nobody: such a link is refused. "Three-decimal: the last digit must be
 * 0." */
static bool means_the_same(struct money amount)
{
    static const char *const others[] = {"ISK", "MGA", "UGX"};

    for (size_t i = 0; i < COUNTOF(others); i++) {
        if (strcmp(amount.currency, others[i]) == 0)
            return false;
    }
    return money_exponent(amount.currency) != 3 || amount.minor % 10 == 0;
}

bool stripe_encode_checkout(struct arena *into, const struct stripe_account *account,
                            const struct stripe_checkout *checkout,
                            struct http_request *request, struct err *err)
{
    struct str form = STR_NONE;
    struct str name = arena_concat(into, checkout->business, STR(" · "), checkout->invoice);

    if (!start(into, account, "POST", STR("/v1/checkout/sessions"), checkout->key, request,
               err))
        return false;
    if (!is_address(checkout->done_url) || !is_address(checkout->back_url))
        return err_raise(err, ERR_REJECT, "stripe: public_url is not set, or is none");
    if (checkout->amount.minor <= 0 || money_exponent(checkout->amount.currency) < 0 ||
        !means_the_same(checkout->amount))
        return err_raise(err, ERR_REJECT, "stripe: an amount that can't be paid");
    form = form_add(into, form, "mode", STR("payment"));
    form = form_add(into, form, "line_items[0][quantity]", STR("1"));
    form =
        add_int(into, form, "line_items[0][price_data][unit_amount]", checkout->amount.minor);
    form = form_add(into, form, "line_items[0][price_data][currency]",
                    lower(into, checkout->amount.currency));
    form = form_add(into, form, "line_items[0][price_data][product_data][name]",
                    str_cut(into, name, 200));
    form = form_add(into, form, "success_url", checkout->done_url);
    form = form_add(into, form, "cancel_url", checkout->back_url);
    form = add_int(into, form, "expires_at", checkout->expires_at / USEC_PER_SEC);
    form = form_add(into, form, "locale", locale_of(checkout->language));
    form = add_id(into, form, "client_reference_id", checkout->checkout);
    form = add_metadata(into, form, "metadata", checkout);
    form = add_metadata(into, form, "payment_intent_data[metadata]", checkout);
    request->body = form;
    return true;
}

bool stripe_encode_expire(struct arena *into, const struct stripe_account *account,
                          struct str session, struct str key, struct http_request *request,
                          struct err *err)
{
    return start(into, account, "POST",
                 arena_concat(into, STR("/v1/checkout/sessions/"), session, STR("/expire")),
                 key, request, err);
}

bool stripe_encode_look(struct arena *into, const struct stripe_account *account,
                        struct str session, struct http_request *request, struct err *err)
{
    return start(into, account, "GET",
                 arena_concat(into, STR("/v1/checkout/sessions/"), session), STR_NONE, request,
                 err);
}

bool stripe_encode_refund(struct arena *into, const struct stripe_account *account,
                          const struct stripe_refund *refund, struct http_request *request,
                          struct err *err)
{
    struct str form = STR_NONE;

    if (!start(into, account, "POST", STR("/v1/refunds"), refund->key, request, err))
        return false;
    if (refund->minor <= 0)
        return err_raise(err, ERR_REJECT, "stripe: nothing to refund");
    form = form_add(into, form, "payment_intent", refund->payment_intent);
    form = add_int(into, form, "amount", refund->minor);
    form = form_add(into, form, "reason", STR("requested_by_customer"));
    form = add_id(into, form, "metadata[parley_org]", refund->org);
    form = add_id(into, form, "metadata[parley_refund]", refund->refund);
    request->body = form;
    return true;
}

bool stripe_encode_look_refund(struct arena *into, const struct stripe_account *account,
                               struct str refund, struct http_request *request, struct err *err)
{
    return start(into, account, "GET", arena_concat(into, STR("/v1/refunds/"), refund),
                 STR_NONE, request, err);
}
