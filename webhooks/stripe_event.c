/*
 * Stripe's events as neutral records. What has no metadata of ours is somebody else's payment
 * on the same account, and passed over; refunds and disputes name their payment only, and whose
 * that is the database knows.
 *
 * Nothing is believed beyond its form: ids are words, amounts are whole and in bounds. Of a
 * reason only those that we have words for are kept apart.
 */
#include "bot/base/json.h"
#include "webhooks/stripe.h"

#define ID_MAX    255
#define MINOR_MAX INT64_C(99999999999999) /* as the ledger takes it */

/* What is told of an object. */
struct telling {
    const char *kind;
    const char *amount; /* the member that holds it */
    const char *reason; /* given; NULL: what the object says */
    const char *id;     /* as what the object's id is told; NULL: not */
    bool ours;          /* only with our metadata */
};

static const struct telling paid = {"paid", "amount_total", NULL, "session", true};
static const struct telling processing = {"processing", "amount_total", NULL, "session", true};
static const struct telling async_failed = {"async_failed", "amount_total", "bank", "session",
                                            true};
static const struct telling expired = {"expired", "amount_total", NULL, "session", true};
static const struct telling declined = {"declined", "amount", NULL, NULL, true};
static const struct telling charge = {"charge_refunded", "amount_refunded", NULL, "object",
                                      false};
static const struct telling refund = {"refund", "amount", NULL, "object", false};
static const struct telling dispute = {"dispute", "amount", NULL, "object", false};

/* A completed session is paid, or on its way. "Fulfil on payment_status != unpaid." */
static const struct telling *completed(const json_t *session)
{
    const char *status = json_string_value(json_object_get(session, "payment_status"));

    if (status == NULL)
        return NULL;
    return strcmp(status, "paid") == 0     ? &paid
           : strcmp(status, "unpaid") == 0 ? &processing
                                           : NULL; /* no_payment_required: nothing moved */
}

static const struct telling *telling_of(struct str type, const json_t *object)
{
    static const struct {
        const char *type;
        const struct telling *telling;
    } types[] = {
        {"checkout.session.async_payment_succeeded", &paid        },
        {"checkout.session.async_payment_failed",    &async_failed},
        {"checkout.session.expired",                 &expired     },
        {"payment_intent.payment_failed",            &declined    },
        {"charge.refunded",                          &charge      },
        {"charge.refund.updated",                    &refund      },
        {"refund.created",                           &refund      },
        {"refund.updated",                           &refund      },
        {"refund.failed",                            &refund      },
        {"charge.dispute.created",                   &dispute     },
        {"charge.dispute.updated",                   &dispute     },
        {"charge.dispute.closed",                    &dispute     },
        {"charge.dispute.funds_withdrawn",           &dispute     },
        {"charge.dispute.funds_reinstated",          &dispute     },
    };

    if (str_eq(type, STR("checkout.session.completed")))
        return completed(object);
    for (size_t i = 0; i < COUNTOF(types); i++) {
        if (str_eq(type, str_from(types[i].type)))
            return types[i].telling;
    }
    return NULL;
}

/* --- members ------------------------------------------------------------------------------ */

static bool is_id(struct str text)
{
    if (text.len == 0 || text.len > ID_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-' || c == '.'))
            return false;
    }
    return true;
}

/* An id, also where the object itself stands in its place. Empty: there is none. */
static struct str id_in(struct arena *into, const json_t *object, const char *name)
{
    const json_t *inside = json_object_in(object, name);
    struct str id = inside ? json_text(into, inside, "id") : json_text(into, object, name);

    return is_id(id) ? id : STR_NONE;
}

static bool is_ours(const json_t *object)
{
    return json_object_get(json_object_in(object, "metadata"), "parley_checkout") != NULL;
}

/* A reason that there are words for: keys of `payment.reason`. */
static struct str reason_of(struct arena *into, const json_t *error)
{
    static const struct {
        const char *code, *reason;
    } known[] = {
        {"insufficient_funds",                    "insufficient_funds"},
        {"expired_card",                          "expired_card"      },
        {"authentication_required",               "authentication"    },
        {"payment_intent_authentication_failure", "authentication"    },
        {"debit_not_authorized",                  "bank"              },
        {"bank_account_closed",                   "bank"              },
    };
    struct str codes[] = {json_text(into, error, "decline_code"),
                          json_text(into, error, "code")};

    for (size_t i = 0; i < COUNTOF(codes) * COUNTOF(known); i++) {
        if (str_eq(codes[i / COUNTOF(known)], str_from(known[i % COUNTOF(known)].code)))
            return str_from(known[i % COUNTOF(known)].reason);
    }
    return STR("declined");
}

static void set_id(struct arena *into, json_t *news, const char *as, const json_t *from,
                   const char *name)
{
    json_set_text(news, as, id_in(into, from, name));
}

static void set_ours(struct arena *into, json_t *news, const json_t *object)
{
    const json_t *metadata = json_object_in(object, "metadata");

    set_id(into, news, "org", metadata, "parley_org");
    set_id(into, news, "checkout", metadata, "parley_checkout");
    set_id(into, news, "refund", metadata, "parley_refund");
}

static void set_how(struct arena *into, json_t *news, const json_t *object,
                    const struct telling *telling)
{
    const json_t *methods = json_array_in(object, "payment_method_types");
    const char *method = json_string_value(json_array_get(methods, 0));

    set_id(into, news, "status", object, "status");
    set_id(into, news, "currency", object, "currency");
    if (telling == &paid && method && json_array_size(methods) == 1 && is_id(str_from(method)))
        json_set_text(news, "method", arena_str(into, str_from(method)));
    if (telling->reason) {
        json_set_text(news, "reason", str_from(telling->reason));
    } else if (telling == &declined) {
        json_set_text(news, "reason",
                      reason_of(into, json_object_in(object, "last_payment_error")));
    } else if (telling == &refund) {
        set_id(into, news, "reason", object, "failure_reason");
    } else if (telling == &dispute) {
        set_id(into, news, "reason", object, "reason");
    }
}

static bool tell(struct arena *into, struct str id, const struct telling *telling,
                 const json_t *object, struct str *text, struct err *err)
{
    OWNED_JSON(news) = json_object();
    int64_t minor = json_int(object, telling->amount, -1);

    if (minor < 0 || minor > MINOR_MAX)
        return err_raise(err, ERR_REJECT, "%s: no amount, or none that can be", telling->kind);
    json_set_text(news, "id", id);
    json_set_text(news, "kind", str_from(telling->kind));
    set_ours(into, news, object);
    if (telling == &declined) {
        set_id(into, news, "payment_intent", object, "id");
    } else {
        set_id(into, news, "payment_intent", object, "payment_intent");
    }
    if (telling->id)
        set_id(into, news, telling->id, object, "id");
    json_set_int(news, "minor", minor);
    set_how(into, news, object, telling);
    *text = json_write(into, news);
    return true;
}

/* --- events and answers ------------------------------------------------------------------- */

bool stripe_decode(struct arena *into, struct str body, struct stripe_event *event,
                   struct err *err)
{
    OWNED_JSON(doc) = NULL;
    const json_t *object;
    const struct telling *telling;

    *event = (struct stripe_event){0};
    if (!json_read(body, &doc, err))
        return err_wrap(err, "stripe");
    event->id = id_in(into, doc, "id");
    event->type = json_text(into, doc, "type");
    event->live = json_bool(doc, "livemode", false);
    object = json_object_in(json_object_in(doc, "data"), "object");
    if (event->id.len == 0 || !is_id(event->type))
        return err_raise(err, ERR_REJECT, "stripe: no event");
    if (object == NULL)
        return true; /* a "thin" event: none that we asked for */
    telling = telling_of(event->type, object);
    if (telling == NULL || (telling->ours && !is_ours(object)))
        return true;
    return tell(into, event->id, telling, object, &event->news, err);
}

/* A session as it stands: over, paid, on its way; NULL: open. */
static const struct telling *session_telling(const json_t *session)
{
    const char *status = json_string_value(json_object_get(session, "status"));

    if (status != NULL && strcmp(status, "expired") == 0)
        return &expired;
    return status != NULL && strcmp(status, "complete") == 0 ? completed(session) : NULL;
}

bool stripe_decode_answer(struct arena *into, struct str body, struct str *news,
                          struct err *err)
{
    OWNED_JSON(doc) = NULL;
    const struct telling *telling = NULL;
    struct str id, what;

    *news = STR_NONE;
    if (!json_read(body, &doc, err))
        return err_wrap(err, "stripe");
    id = id_in(into, doc, "id");
    what = json_text(into, doc, "object");
    if (str_eq(what, STR("refund"))) {
        telling = &refund;
    } else if (str_eq(what, STR("checkout.session"))) {
        telling = session_telling(doc);
    } else {
        return err_raise(err, ERR_REJECT, "stripe: an answer about something else");
    }
    if (telling == NULL || id.len == 0)
        return true;
    id = arena_concat(into, STR("look."), id, STR("."), str_from(telling->kind), STR("."),
                      id_in(into, doc, "status"));
    return tell(into, id, telling, doc, news, err);
}
