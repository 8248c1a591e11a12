/*
 * The frame of every request: address, token, headers; and the small requests that are little
 * more than that.
 *
 * What comes from settings or from Meta is checked before it becomes part of an address or a
 * header: an id may not wander in the path, a token may not begin another header.
 */
#include "webhooks/whatsapp_parts.h"

#include "bot/base/percent.h"

#define URL_MAX 2000

/* Only that it is a web address and holds nothing that could break one. */
bool whatsapp_is_link(struct str url)
{
    if (url.len > URL_MAX)
        return false;
    for (size_t i = 0; i < url.len; i++) {
        if ((unsigned char)url.at[i] <= ' ' || url.at[i] == 0x7f)
            return false;
    }
    struct str rest = str_slice(url, str_find(url, STR("://")) + 3, url.len);
    return rest.len > 0 &&
           (str_starts(url, STR("https://")) || str_starts(url, STR("http://")));
}

/* Ids stand in the path, so they may hold nothing that a path gives a meaning. */
static bool is_path_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                     (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
        if (!plain)
            return false;
    }
    return id.len > 0;
}

/* A line break in a token would be a header of its own. */
static bool is_token(struct str token)
{
    for (size_t i = 0; i < token.len; i++) {
        if ((unsigned char)token.at[i] <= ' ' || (unsigned char)token.at[i] >= 0x7f)
            return false;
    }
    return token.len > 0;
}

/* `rest` is ours and begins with a slash, a question mark or nothing. */
static bool put_address(struct arena *into, const struct whatsapp_sender *sender, struct str id,
                        const char *rest, struct http_request *request, struct err *err)
{
    struct str base = sender->base;
    while (str_ends(base, STR("/")))
        base.len--;
    if (!whatsapp_is_link(base) || !is_path_id(id))
        return err_raise(err, ERR_REJECT, "WhatsApp: the API's address or an id is malformed");
    request->url = arena_concat(into, base, STR("/"), id, str_from(rest));
    return true;
}

bool whatsapp_request(struct arena *into, const struct whatsapp_sender *sender,
                      const char *method, struct str id, const char *rest,
                      struct http_request *request, struct err *err)
{
    if (!is_token(sender->token))
        return err_raise(err, ERR_REJECT, "WhatsApp: the access token is empty or malformed");
    bool get = strcmp(method, "GET") == 0;
    struct http_header *headers = arena_array(into, struct http_header, 2);
    headers[0].name = STR("Authorization");
    headers[0].value = arena_concat(into, STR("Bearer "), sender->token);
    headers[1].name = STR("Content-Type");
    headers[1].value = STR("application/json");
    *request = (struct http_request){
        .method = method, .headers = headers, .n_headers = get ? 1 : 2, .repeatable = get};
    return put_address(into, sender, id, rest, request, err);
}

/* --- questions and receipts --------------------------------------------------------------- */

bool whatsapp_encode_read(struct arena *into, const struct whatsapp_sender *sender,
                          struct str account, struct str message_id, bool typing,
                          struct http_request *request, struct err *err)
{
    if (message_id.len == 0)
        return err_raise(err, ERR_REJECT, "WhatsApp read receipt: no message id");
    if (!whatsapp_request(into, sender, "POST", account, "/messages", request, err))
        return false;
    OWNED_JSON(root) = json_object();
    json_set_text(root, "messaging_product", STR("whatsapp"));
    json_set_text(root, "status", STR("read"));
    json_set_text(root, "message_id", message_id);
    if (typing)
        (void)json_object_set_new(root, "typing_indicator", json_pack("{s:s}", "type", "text"));
    request->body = json_write(into, root);
    request->repeatable = true; /* reading twice is reading */
    return true;
}

bool whatsapp_encode_media_lookup(struct arena *into, const struct whatsapp_sender *sender,
                                  struct str account, struct str media_id,
                                  struct http_request *request, struct err *err)
{
    if (!is_path_id(account))
        return err_raise(err, ERR_REJECT, "WhatsApp media: the number's id is malformed");
    struct str rest = arena_format(into, "?phone_number_id=%.*s", STR_ARG(account));
    return whatsapp_request(into, sender, "GET", media_id, arena_cstr(into, rest), request,
                            err);
}

bool whatsapp_encode_templates(struct arena *into, const struct whatsapp_sender *sender,
                               struct str business, struct str after,
                               struct http_request *request, struct err *err)
{
    /* a cursor is Meta's own text */
    struct str cursor =
        after.len == 0
            ? STR_NONE
            : arena_format(into, "&after=%.*s", STR_ARG(percent_encode(into, after, "_-")));
    struct str rest = arena_format(into,
                                   "/message_templates?fields=name,language,status,category,"
                                   "components&limit=100%.*s",
                                   STR_ARG(cursor));
    return whatsapp_request(into, sender, "GET", business, arena_cstr(into, rest), request,
                            err);
}

bool whatsapp_encode_whoami(struct arena *into, const struct whatsapp_sender *sender,
                            struct str account, struct http_request *request, struct err *err)
{
    return whatsapp_request(into, sender, "GET", account,
                            "?fields=display_phone_number,verified_name", request, err);
}
