#include "webhooks/resend_batch.h"

#include "bot/base/json.h"
#include "webhooks/resend_parts.h"

bool resend_batch_member(struct arena *into, const struct outbound *message, struct str *member,
                         struct err *err)
{
    if (!mail_check(message, err) || !resend_check_key(message->key, err))
        return false;
    if (message->attachment != NULL && message->attachment->bytes.len > 0)
        return err_raise(err, ERR_REJECT, "mail: a file goes in a request of its own");
    *member = resend_body(into, message);
    return true;
}

static struct str array_of(struct arena *into, const struct str *members, size_t n)
{
    size_t len = n + 1, at = 0;
    char *text;

    for (size_t i = 0; i < n; i++)
        len += members[i].len;
    text = arena_alloc(into, len);
    for (size_t i = 0; i < n; i++) {
        text[at++] = i == 0 ? '[' : ',';
        memcpy(text + at, members[i].at, members[i].len);
        at += members[i].len;
    }
    text[at++] = ']';
    return (struct str){text, at};
}

bool resend_batch_encode(struct arena *into, const struct resend_sender *sender, struct str key,
                         const struct str *members, size_t n, struct http_request *request,
                         struct err *err)
{
    if (!resend_check_sender(sender, err) || !resend_check_key(key, err))
        return false;
    if (n == 0 || n > RESEND_BATCH_MAX)
        return err_raise(err, ERR_REJECT, "mail: %zu in a batch", n);
    resend_begin(into, sender, "/emails/batch", key, request);
    request->body = array_of(into, members, n);
    return true;
}

/* Whether there is an id for each. */
static bool read_ids(struct arena *into, struct str body, size_t n, struct str *ids)
{
    OWNED_JSON(document) = NULL;
    struct err ignored;
    const json_t *data;
    bool whole;

    if (!json_read(body, &document, &ignored))
        return false;
    data = json_array_in(document, "data");
    whole = json_array_size(data) == n;
    for (size_t i = 0; i < n && whole; i++) {
        ids[i] = json_text(into, json_array_get(data, i), "id");
        whole = ids[i].len > 0;
    }
    return whole;
}

void resend_batch_answer(struct arena *into, const struct http_answer *answer, size_t n,
                         struct sending_result *result, struct str *ids)
{
    struct http_answer plain = *answer;
    bool success =
        answer->fate == HTTP_ANSWERED && answer->status >= 200 && answer->status < 300;

    if (success && read_ids(into, answer->body, n, ids)) {
        *result = (struct sending_result){.sending = SENDING_ACCEPTED};
        return;
    }
    for (size_t i = 0; i < n; i++)
        ids[i] = STR_NONE;
    if (success)
        plain.body = STR_NONE; /* whatever it says, it is no answer to this */
    resend_answer(into, &plain, result);
}
