#include "webhooks/resend_parts.h"

#include <sodium.h>

#define TAG_MAX 256

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] <= ' ' || (unsigned char)text.at[i] >= 0x7f)
            return false;
    }
    return text.len > 0;
}

static bool is_base(struct str url)
{
    return is_plain(url) &&
           (str_starts(url, STR("https://")) || str_starts(url, STR("http://")));
}

bool resend_check_sender(const struct resend_sender *sender, struct err *err)
{
    return (is_base(sender->base) && is_plain(sender->api_key)) ||
           err_raise(err, ERR_REJECT, "mail: the API's address or key is none");
}

bool resend_check_key(struct str key, struct err *err)
{
    return (is_plain(key) && key.len <= RESEND_KEY_MAX) ||
           err_raise(err, ERR_REJECT, "mail: the message has no key");
}

/* --- the key as a tag --------------------------------------------------------------------- */

static struct str replace(struct arena *into, struct str text, char what, char by)
{
    char *copy = arena_alloc(into, text.len + 1);

    for (size_t i = 0; i < text.len; i++)
        copy[i] = (char)(text.at[i] == what ? by : text.at[i]);
    return (struct str){copy, text.len};
}

/* The key as a tag's value, which has letters, digits, "_" and "-" only: our keys have dots,
 * and no "_". Empty for what is no key of ours. */
static struct str tag_of(struct arena *into, struct str key)
{
    struct str tag = replace(into, key, '.', '_');

    for (size_t i = 0; i < tag.len; i++) {
        char c = tag.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!plain)
            return STR_NONE;
    }
    return tag.len <= TAG_MAX ? tag : STR_NONE;
}

/* --- the body ----------------------------------------------------------------------------- */

static void put_one(struct json_out *out, const char *name, struct str value)
{
    json_open_in(out, name, '[');
    json_put_text(out, value);
    json_close(out, ']');
}

static void put_headers(struct json_out *out, const struct outbound *message)
{
    struct http_header headers[MAIL_HEADERS_MAX];
    size_t n = mail_headers(out->into, message, headers);

    json_open_in(out, "headers", '{');
    for (size_t i = 0; i < n; i++) {
        json_key_of(out, headers[i].name);
        json_put_text(out, headers[i].value);
    }
    json_close(out, '}');
}

static struct str base64(struct arena *into, struct str bytes)
{
    size_t room = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(into, room);

    sodium_bin2base64(text, room, (const unsigned char *)bytes.at, bytes.len,
                      sodium_base64_VARIANT_ORIGINAL);
    return (struct str){text, room - 1};
}

static void put_attachment(struct json_out *out, const struct attachment *attachment)
{
    if (attachment == NULL || attachment->bytes.len == 0)
        return;
    json_open_in(out, "attachments", '[');
    json_open(out, '{');
    json_member(out, "filename", attachment->name);
    json_member(out, "content_type", attachment->mime);
    json_member(out, "content", base64(out->into, attachment->bytes));
    json_close(out, '}');
    json_close(out, ']');
}

struct str resend_body(struct arena *into, const struct outbound *message)
{
    const struct face *face = message->face;
    struct str tag = tag_of(into, message->key);
    size_t file = message->attachment != NULL ? message->attachment->bytes.len : 0;
    struct json_out out;

    json_out_init(&out, into, 2 * (face->html.len + face->text.len) + file + file / 3 + 2048);
    json_open(&out, '{');
    json_member(&out, "from", mail_from(into, message->from_name, message->account));
    put_one(&out, "to", message->to.email);
    json_member(&out, "subject", face->subject);
    json_member(&out, "html", face->html);
    json_member(&out, "text", face->text);
    if (message->reply_to.len > 0)
        put_one(&out, "reply_to", message->reply_to);
    put_headers(&out, message);
    if (tag.len > 0) {
        json_open_in(&out, "tags", '[');
        json_open(&out, '{');
        json_member(&out, "name", STR("key"));
        json_member(&out, "value", tag);
        json_close(&out, '}');
        json_close(&out, ']');
    }
    put_attachment(&out, message->attachment);
    json_close(&out, '}');
    return json_out_text(&out);
}

/* --- the request -------------------------------------------------------------------------- */

static struct http_header *begin(struct arena *into, const struct resend_sender *sender,
                                 const char *method, const char *path,
                                 struct http_request *request)
{
    struct http_header *headers = arena_array(into, struct http_header, 3);
    struct str base = sender->base;

    while (str_ends(base, STR("/")))
        base.len--;
    headers[0] = (struct http_header){
        STR("Authorization"), arena_format(into, "Bearer %.*s", STR_ARG(sender->api_key))};
    *request = (struct http_request){.method = method,
                                     .url = arena_format(into, "%.*s%s", STR_ARG(base), path),
                                     .headers = headers,
                                     .n_headers = 1,
                                     .repeatable = true};
    return headers;
}

void resend_begin(struct arena *into, const struct resend_sender *sender, const char *path,
                  struct str key, struct http_request *request)
{
    struct http_header *headers = begin(into, sender, "POST", path, request);

    headers[1] = (struct http_header){STR("Content-Type"), STR("application/json")};
    headers[2] = (struct http_header){STR("Idempotency-Key"), key};
    request->n_headers = 3;
}

bool resend_encode(struct arena *into, const struct resend_sender *sender,
                   const struct outbound *message, struct http_request *request,
                   struct err *err)
{
    if (!resend_check_sender(sender, err) || !mail_check(message, err) ||
        !resend_check_key(message->key, err))
        return false;
    resend_begin(into, sender, "/emails", message->key, request);
    request->body = resend_body(into, message);
    return true;
}

bool resend_encode_whoami(struct arena *into, const struct resend_sender *sender,
                          struct http_request *request, struct err *err)
{
    if (!resend_check_sender(sender, err))
        return false;
    (void)begin(into, sender, "GET", "/domains", request);
    return true;
}
