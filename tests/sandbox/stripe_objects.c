/* What there is at Stripe, each with all members that its description requires. */
#include "bot/base/json.h"
#include "tests/sandbox/stripe.h"
#include "webhooks/stripe.h"

#include <stdio.h>

static int64_t seconds(void)
{
    return clock_now() / USEC_PER_SEC;
}

const char *stripe_new_id(struct stripe_play *play, struct arena *into, const char *prefix)
{
    return arena_format(into, "%sSandbox%lldA%lld", prefix, (long long)seconds(),
                        (long long)play->n++)
        .at;
}

static void set_null(json_t *object, const char *const *names)
{
    for (; *names; names++) {
        if (!json_object_get(object, *names))
            json_object_set_new(object, *names, json_null());
    }
}

/* The members of a form that are called so: `before[name]`. */
static json_t *members(const json_t *form, const char *before)
{
    json_t *all = json_object();
    const char *name;
    json_t *value;
    char pattern[80];
    int n = snprintf(pattern, sizeof pattern, "%s[", before);

    json_object_foreach((json_t *)form, name, value)
    {
        if (strncmp(name, pattern, (size_t)n) == 0 && name[strlen(name) - 1] == ']') {
            char inside[80];
            (void)snprintf(inside, sizeof inside, "%.*s", (int)strlen(name) - n - 1, name + n);
            json_object_set(all, inside, value);
        }
    }
    return all;
}

static int64_t number_in(const json_t *form, const char *name)
{
    const char *text = json_string_value(json_object_get(form, name));
    int64_t number = 0;

    return text && str_to_int(str_from(text), &number) ? number : 0;
}

/* --- sessions ----------------------------------------------------------------------------- */

static const char *const session_rest[] = {"after_expiration",
                                           "allow_promotion_codes",
                                           "billing_address_collection",
                                           "client_secret",
                                           "collected_information",
                                           "consent",
                                           "consent_collection",
                                           "currency_conversion",
                                           "customer",
                                           "customer_account",
                                           "customer_creation",
                                           "customer_details",
                                           "customer_email",
                                           "discounts",
                                           "integration_identifier",
                                           "invoice",
                                           "invoice_creation",
                                           "managed_payments",
                                           "origin_context",
                                           "payment_intent",
                                           "payment_link",
                                           "payment_method_collection",
                                           "payment_method_configuration_details",
                                           "permissions",
                                           "recovered_from",
                                           "saved_payment_method_options",
                                           "setup_intent",
                                           "shipping_address_collection",
                                           "shipping_cost",
                                           "submit_type",
                                           "subscription",
                                           "wallet_options",
                                           NULL};

json_t *stripe_session_new(struct sandbox *sandbox, struct arena *into, const json_t *form)
{
    struct stripe_play *play = stripe_play(sandbox);
    const char *id =
        stripe_new_id(play, into, stripe_is_live(sandbox) ? "cs_live_" : "cs_test_");
    int64_t amount = number_in(form, "line_items[0][price_data][unit_amount]") *
                     number_in(form, "line_items[0][quantity]");
    int64_t expires = number_in(form, "expires_at");
    json_t *session =
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:s, s:s, s:s}", "id", id, "object",
                  "checkout.session", "amount_total", (json_int_t)amount, "amount_subtotal",
                  (json_int_t)amount, "created", (json_int_t)seconds(), "expires_at",
                  (json_int_t)(expires ? expires : seconds() + 86400), "livemode",
                  (int)stripe_is_live(sandbox), "mode", "payment", "status", "open",
                  "payment_status", "unpaid");

    json_object_set_new(
        session, "url",
        json_string(arena_format(into, "%s/c/pay/%s", sandbox->base_url, id).at));
    json_object_set(session, "currency",
                    json_object_get(form, "line_items[0][price_data][currency]"));
    json_object_set(session, "success_url", json_object_get(form, "success_url"));
    json_object_set(session, "cancel_url", json_object_get(form, "cancel_url"));
    json_object_set(session, "locale", json_object_get(form, "locale"));
    json_object_set(session, "client_reference_id",
                    json_object_get(form, "client_reference_id"));
    json_object_set_new(session, "metadata", members(form, "metadata"));
    json_object_set_new(session, "ui_mode", json_string("hosted_page"));
    json_object_set_new(
        session, "automatic_tax",
        json_pack("{s:b, s:n, s:n, s:n}", "enabled", 0, "liability", "provider", "status"));
    json_object_set_new(session, "adaptive_pricing", json_pack("{s:b}", "enabled", 0));
    json_object_set_new(session, "custom_fields", json_array());
    json_object_set_new(session, "custom_text",
                        json_pack("{s:n, s:n, s:n, s:n}", "after_submit", "shipping_address",
                                  "submit", "terms_of_service_acceptance"));
    json_object_set_new(session, "payment_method_options", json_object());
    json_object_set_new(session, "payment_method_types", json_pack("[s]", "card"));
    json_object_set_new(session, "shipping_options", json_array());
    json_object_set_new(session, "total_details",
                        json_pack("{s:i, s:i, s:i}", "amount_discount", 0, "amount_shipping", 0,
                                  "amount_tax", 0));
    set_null(session, session_rest);
    json_object_set_new(session, "_intent_metadata",
                        members(form, "payment_intent_data[metadata]"));
    json_object_set_new(
        session, "_name",
        json_incref(json_object_get(form, "line_items[0][price_data][product_data][name]")));
    stripe_keep(sandbox, "sessions", id, session);
    json_decref(session); /* the table has it */
    return session;
}

static json_t *payment_of(struct sandbox *sandbox, struct arena *into, const json_t *session)
{
    struct stripe_play *play = stripe_play(sandbox);
    const char *id = stripe_new_id(play, into, "pi_");
    json_t *payment =
        json_pack("{s:s, s:s, s:s, s:I, s:i}", "id", id, "session",
                  json_string_value(json_object_get(session, "id")), "charge",
                  stripe_new_id(play, into, "ch_"), "amount",
                  (json_int_t)json_integer_value(json_object_get(session, "amount_total")),
                  "refunded", 0);

    json_object_set(payment, "currency", json_object_get(session, "currency"));
    json_object_set(payment, "metadata", json_object_get(session, "_intent_metadata"));
    stripe_keep(sandbox, "payments", id, payment);
    json_decref(payment); /* the table has it */
    return payment;
}

/* It changed: that is kept, and told. */
static void tell_session(struct sandbox *sandbox, struct arena *into, const char *type,
                         json_t *session)
{
    stripe_keep(sandbox, "sessions", json_string_value(json_object_get(session, "id")),
                session);
    stripe_tell(sandbox, into, type, session);
}

static void complete(struct sandbox *sandbox, struct arena *into, json_t *session,
                     const char *status, const char *method)
{
    json_t *payment = payment_of(sandbox, into, session);

    json_object_set_new(session, "status", json_string("complete"));
    json_object_set_new(session, "payment_status", json_string(status));
    json_object_set(session, "payment_intent", json_object_get(payment, "id"));
    json_object_set_new(session, "payment_method_types", json_pack("[s]", method));
    json_object_set_new(session, "url", json_null());
    tell_session(sandbox, into, "checkout.session.completed", session);
}

static void decline(struct sandbox *sandbox, struct arena *into, const json_t *session)
{
    struct stripe_play *play = stripe_play(sandbox);
    OWNED_JSON(intent) =
        json_pack("{s:s, s:s, s:O, s:O, s:O, s:s, s:{s:s, s:s, s:s, s:s, s:s}}", "id",
                  stripe_new_id(play, into, "pi_"), "object", "payment_intent", "amount",
                  json_object_get(session, "amount_total"), "currency",
                  json_object_get(session, "currency"), "metadata",
                  json_object_get(session, "_intent_metadata"), "status",
                  "requires_payment_method", "last_payment_error", "type", "card_error", "code",
                  "card_declined", "decline_code", "insufficient_funds", "advice_code",
                  "try_again_later", "message", "Your card has insufficient funds.");

    stripe_tell(sandbox, into, "payment_intent.payment_failed", intent);
}

static void expire(struct sandbox *sandbox, struct arena *into, json_t *session)
{
    json_object_set_new(session, "status", json_string("expired"));
    json_object_set_new(session, "url", json_null());
    tell_session(sandbox, into, "checkout.session.expired", session);
}

void stripe_expire_late(struct sandbox *sandbox, struct arena *into, json_t *session)
{
    if (str_eq(text_in(session, "status"), STR("open")) &&
        json_integer_value(json_object_get(session, "expires_at")) <= seconds())
        expire(sandbox, into, session);
}

bool stripe_act(struct sandbox *sandbox, struct arena *into, json_t *session, struct str act)
{
    bool open = str_eq(text_in(session, "status"), STR("open"));
    bool waits = str_eq(text_in(session, "status"), STR("complete")) &&
                 str_eq(text_in(session, "payment_status"), STR("unpaid"));

    if (open && str_eq(act, STR("pay"))) {
        complete(sandbox, into, session, "paid", "card");
    } else if (open && str_eq(act, STR("bank"))) {
        complete(sandbox, into, session, "unpaid", "us_bank_account");
    } else if (open && str_eq(act, STR("fail"))) {
        decline(sandbox, into, session);
    } else if (open && str_eq(act, STR("expire"))) {
        expire(sandbox, into, session);
    } else if (waits && str_eq(act, STR("settle"))) {
        json_object_set_new(session, "payment_status", json_string("paid"));
        tell_session(sandbox, into, "checkout.session.async_payment_succeeded", session);
    } else if (waits && str_eq(act, STR("bounce"))) {
        tell_session(sandbox, into, "checkout.session.async_payment_failed", session);
    } else {
        return false;
    }
    return true;
}

/* --- money that goes back ----------------------------------------------------------------- */

static void tell_charge(struct sandbox *sandbox, struct arena *into, const json_t *payment)
{
    int64_t amount = json_integer_value(json_object_get(payment, "amount"));
    int64_t refunded = json_integer_value(json_object_get(payment, "refunded"));
    OWNED_JSON(charge) = json_pack(
        "{s:O, s:s, s:O, s:O, s:O, s:O, s:b, s:O}", "id", json_object_get(payment, "charge"),
        "object", "charge", "amount", json_object_get(payment, "amount"), "amount_refunded",
        json_object_get(payment, "refunded"), "currency", json_object_get(payment, "currency"),
        "payment_intent", json_object_get(payment, "id"), "refunded", refunded >= amount,
        "metadata", json_object_get(payment, "metadata"));

    stripe_tell(sandbox, into, "charge.refunded", charge);
}

json_t *stripe_refund_new(struct sandbox *sandbox, struct arena *into, json_t *payment,
                          int64_t amount, const json_t *metadata, const char *reason)
{
    static const char *const rest[] = {"balance_transaction",
                                       "customer",
                                       "customer_account",
                                       "payment_method",
                                       "reason",
                                       "receipt_number",
                                       "source_transfer_reversal",
                                       "transfer_reversal",
                                       NULL};
    struct stripe_play *play = stripe_play(sandbox);
    const char *id = stripe_new_id(play, into, "re_");
    int64_t before = json_integer_value(json_object_get(payment, "refunded"));
    json_t *refund = json_pack(
        "{s:s, s:s, s:I, s:O, s:I, s:O, s:O, s:s}", "id", id, "object", "refund", "amount",
        (json_int_t)amount, "charge", json_object_get(payment, "charge"), "created",
        (json_int_t)seconds(), "currency", json_object_get(payment, "currency"),
        "payment_intent", json_object_get(payment, "id"), "status", "succeeded");

    json_object_set_new(refund, "metadata",
                        metadata ? json_deep_copy(metadata) : json_object());
    if (reason)
        json_object_set_new(refund, "reason", json_string(reason));
    set_null(refund, rest);
    stripe_keep(sandbox, "refunds", id, refund);
    json_decref(refund); /* the table has it */
    json_object_set_new(payment, "refunded", json_integer((json_int_t)before + amount));
    stripe_keep(sandbox, "payments", json_string_value(json_object_get(payment, "id")),
                payment);
    stripe_tell(sandbox, into, "refund.created", refund);
    tell_charge(sandbox, into, payment);
    stripe_tell(sandbox, into, "refund.updated", refund);
    return refund;
}

bool stripe_dispute(struct sandbox *sandbox, struct arena *into, const char *intent,
                    const char *status)
{
    const json_t *payment = json_object_get(stripe_play(sandbox)->payments, intent);
    bool over = strcmp(status, "won") == 0 || strcmp(status, "lost") == 0;

    if (!payment)
        return false;
    OWNED_JSON(dispute) = json_pack("{s:s, s:s, s:O, s:O, s:O, s:s, s:s, s:{}}", "id",
                                    arena_format(into, "du_of_%s", intent).at, "object",
                                    "dispute", "amount", json_object_get(payment, "amount"),
                                    "currency", json_object_get(payment, "currency"),
                                    "payment_intent", json_object_get(payment, "id"), "reason",
                                    "product_not_received", "status", status, "metadata");
    stripe_tell(sandbox, into, over ? "charge.dispute.closed" : "charge.dispute.created",
                dispute);
    return true;
}
