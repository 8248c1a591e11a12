/*
 * What an answer means for the message that it answers.
 *
 * Meta has no idempotency key, so the question behind every line is: may the message have been
 * taken? Only Meta's own words settle it: an id says yes, an error says no. A proxy's 502, a
 * lost answer, a 200 that is no JSON settle nothing, and nothing is repeated on their account.
 */
#include "webhooks/sending.h"
#include "webhooks/whatsapp_parts.h"

#include <limits.h>

#define DETAILS_MAX 160 /* characters */

/* "Media download error" and "media upload error": one repetition, after a new upload. */
#define MEDIA_FIRST 131052
#define MEDIA_LAST  131053

/* How long a number stands at the start of `text`, grouped in whatever way; 0 when it has fewer
 * than seven digits. */
static size_t number_length(struct str text)
{
    size_t digits = 0, end = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool digit = text.at[i] >= '0' && text.at[i] <= '9';
        bool between = text.at[i] != '\0' && strchr(" ()-.", text.at[i]) && i > 0;
        if (!digit && !between && !(text.at[i] == '+' && i == 0))
            break;
        digits += digit;
        if (digit)
            end = i + 1;
    }
    return digits >= 7 ? end : 0;
}

/* Details quote parameters, and a parameter may be somebody's number: it becomes one mark. */
static struct str mask_numbers(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0;
    while (text.len > 0) {
        size_t number = number_length(text);
        out[len] = text.at[0];
        if (number > 0)
            out[len] = '#';
        len++;
        text = str_slice(text, number > 0 ? number : 1, text.len);
    }
    return (struct str){out, len};
}

static struct str explain(struct arena *into, int code, const char *meaning, struct str details)
{
    if (details.len == 0)
        return arena_format(into, "%d: %s", code, meaning);
    struct str masked = str_cut(into, mask_numbers(into, details), DETAILS_MAX);
    return arena_format(into, "%d: %s (%.*s)", code, meaning, STR_ARG(masked));
}

static void apply(struct arena *into, const struct whatsapp_remedy *remedy, int code,
                  struct str details, struct sending_result *result)
{
    bool bug = remedy->alarm == WHATSAPP_BUG;
    *result = (struct sending_result){
        .sending = remedy->sending,
        .code = code,
        .reason = explain(into, code, remedy->meaning, bug ? details : STR_NONE),
        .wait = remedy->wait * USEC_PER_SEC,
        .max_attempts = remedy->max_attempts,
        .alert = remedy->alarm != WHATSAPP_QUIET,
        .renew = code >= MEDIA_FIRST && code <= MEDIA_LAST,
    };
}

/* A code that is newer than the table: what HTTP says about it must do. */
static const struct whatsapp_remedy *remedy_by_status(int status, bool transient)
{
    static const struct whatsapp_remedy later = {
        .sending = SENDING_RETRY, .alarm = WHATSAPP_QUIET, .meaning = "an error that passes"};
    static const struct whatsapp_remedy stop = {.sending = SENDING_STOP_LANE,
                                                .alarm = WHATSAPP_ALERT,
                                                .meaning = "the access token is refused"};
    static const struct whatsapp_remedy never = {.sending = SENDING_REFUSED,
                                                 .alarm = WHATSAPP_BUG,
                                                 .meaning = "an error that we do not know"};
    if (status == 401)
        return &stop;
    return transient || status == 429 || status >= 500 ? &later : &never;
}

static int code_of(const json_t *error)
{
    int64_t code = json_int(error, "code", -1);
    return code < 0 || code > INT_MAX ? -1 : (int)code;
}

/* Meta's own error, which has a code: the message was not taken. */
static void answer_error(struct arena *into, const json_t *error, int status,
                         struct sending_result *result)
{
    int code = code_of(error);
    struct str details = json_text(into, json_object_in(error, "error_data"), "details");
    if (details.len == 0)
        details = json_text(into, error, "message");
    const struct whatsapp_remedy *remedy = whatsapp_remedy_find(code);
    if (!remedy)
        remedy = remedy_by_status(status, json_bool(error, "is_transient", false));
    apply(into, remedy, code, details, result);
}

/* Taken when there is an id. A template may be taken and yet held back: `reason` says so. */
static bool answer_accepted(struct arena *into, const json_t *document,
                            struct sending_result *result)
{
    const json_t *message = json_array_get(json_array_in(document, "messages"), 0);
    struct str id = json_scalar(into, message, "id");
    struct str status = json_text(into, message, "message_status");
    if (id.len == 0)
        return false;
    *result = (struct sending_result){.sending = SENDING_ACCEPTED, .provider_id = id};
    if (!str_eq(status, STR("accepted")))
        result->reason = status;
    return true;
}

static void answer_body(struct arena *into, const struct http_answer *answer,
                        struct sending_result *result)
{
    OWNED_JSON(document) = NULL;
    struct err ignored;
    bool success = answer->status >= 200 && answer->status < 300;
    if (!json_read(answer->body, &document, &ignored)) {
        sending_by_status(into, answer->status, "Meta's", result);
        return;
    }
    if (success && answer_accepted(into, document, result))
        return;
    const json_t *error = json_object_in(document, "error");
    if (code_of(error) >= 0) {
        answer_error(into, error, answer->status, result);
    } else {
        sending_by_status(into, answer->status, "Meta's", result);
    }
}

void whatsapp_answer(struct arena *into, const struct http_answer *answer,
                     struct sending_result *result)
{
    sending_of(into, answer, answer_body, result);
}

void whatsapp_error(struct arena *into, int code, struct sending_result *result)
{
    const struct whatsapp_remedy *remedy = whatsapp_remedy_find(code);
    if (!remedy)
        remedy = remedy_by_status(400, false);
    apply(into, remedy, code, STR_NONE, result);
}
