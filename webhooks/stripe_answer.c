/*
 * What Stripe's answers mean. "Stripe-Should-Retry wins over your own rule": the fetcher gives
 * no header but Retry-After, and the rule by status is the one that Stripe's own libraries have
 * where the header is not there. Every POST has a key, so whatever is in doubt is simply asked
 * again.
 */
#include "bot/base/json.h"
#include "webhooks/stripe.h"

#define REASON_MAX 120
#define SECOND     USEC_PER_SEC

static enum stripe_fate fate_of(int status)
{
    if (status >= 200 && status < 300)
        return STRIPE_DONE;
    if (status == 401 || status == 403)
        return STRIPE_SHUT;
    if (status == 408 || status == 409 || status == 424 || status == 429 || status >= 500 ||
        status < 200)
        return STRIPE_AGAIN;
    return STRIPE_REFUSED;
}

/* Words of Stripe's own lists only: its message may repeat what a customer typed. */
static struct str word(struct arena *into, const json_t *error, const char *name)
{
    struct str text = json_text(into, error, name);

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return STR_NONE;
    }
    return text.len <= REASON_MAX ? text : STR_NONE;
}

static struct str reason_of(struct arena *into, int status, const json_t *doc)
{
    const json_t *error = json_object_in(doc, "error");
    struct str type = word(into, error, "type"), code = word(into, error, "code");

    return arena_format(into, "%d %.*s%s%.*s", status, STR_ARG(type), code.len ? " " : "",
                        STR_ARG(code));
}

/* The key was used for another body before: a lost answer cannot be had back by asking. */
static bool is_spent(const json_t *doc)
{
    const char *type = json_string_value(json_object_get(json_object_in(doc, "error"), "type"));

    return type != NULL && strcmp(type, "idempotency_error") == 0;
}

void stripe_read_answer(struct arena *into, const struct http_answer *answer,
                        struct stripe_answer *read)
{
    OWNED_JSON(doc) = NULL;
    struct err err = {0};

    *read = (struct stripe_answer){.fate = STRIPE_AGAIN, .wait = answer->retry_after};
    if (answer->fate != HTTP_ANSWERED) {
        read->reason = STR("no answer");
        return;
    }
    read->fate = fate_of(answer->status);
    if (!json_read(answer->body, &doc, &err) || !json_is_object(doc)) {
        /* somebody else's page, or a body cut short: it may have been taken */
        read->fate = read->fate == STRIPE_DONE ? STRIPE_AGAIN : read->fate;
        read->reason = arena_format(into, "%d without JSON", answer->status);
        return;
    }
    if (read->fate != STRIPE_DONE) {
        read->reason = reason_of(into, answer->status, doc);
        if (answer->status == 409 && read->wait == 0 && !is_spent(doc))
            read->wait = SECOND / 2;
        return;
    }
    read->id = json_text(into, doc, "id");
    read->url = json_text(into, doc, "url");
    if (read->id.len == 0) {
        read->fate = STRIPE_AGAIN;
        read->reason = STR("an answer without an id");
    }
}
