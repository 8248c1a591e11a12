/*
 * Files: where one lies, and the request that fetches it.
 *
 * The look-up's answer names an address, and the request to it carries our token. So it may
 * only lead to Meta: to the host that it is known to hand files out from, or to the very origin
 * that we look things up at (which is what the sandbox does). Anything else is refused,
 * whatever answered.
 */
#include "webhooks/whatsapp_parts.h"

#define LOOKASIDE "https://lookaside.fbsbx.com/"

/* "https://host:port/": up to the slash behind the host; empty when there is none. */
static struct str origin_of(struct str url)
{
    size_t begin = str_find(url, STR("://"));
    struct str rest = str_slice(url, begin + 3, url.len);
    size_t slash = str_find(rest, STR("/"));

    return slash < rest.len ? str_slice(url, 0, begin + 3 + slash + 1) : STR_NONE;
}

static bool may_have_token(struct str base, struct str url)
{
    struct str origin = origin_of(base);

    return whatsapp_is_link(url) &&
           (str_starts(url, STR(LOOKASIDE)) || (origin.len > 0 && str_starts(url, origin)));
}

/* "Decide on error.code, not on HTTP status (most throttles are 400)": a file that is there no
 * more is a parameter that is none. What no code tells apart, the status does. */
static bool is_gone(const struct http_answer *answer, const json_t *root)
{
    const json_t *error = json_object_in(root, "error");
    const struct whatsapp_remedy *remedy = whatsapp_remedy_find(json_int(error, "code", -1));

    if (answer->fate != HTTP_ANSWERED)
        return false;
    if (remedy != NULL)
        return remedy->sending == SENDING_REFUSED;
    return (answer->status == 400 || answer->status == 404) &&
           !json_bool(error, "is_transient", false);
}

bool whatsapp_read_file(struct arena *into, const struct http_answer *answer,
                        struct whatsapp_file *file, struct err *err)
{
    OWNED_JSON(root) = NULL;
    const json_t *size;
    int64_t number = 0;

    *file = (struct whatsapp_file){.size = -1};
    bool read = json_read(answer->body, &root, NULL) && json_is_object(root);
    if (answer->fate != HTTP_ANSWERED || answer->status != 200 || !read) {
        return err_raise(err, is_gone(answer, root) ? ERR_REJECT : ERR_RETRY,
                         "WhatsApp media: the look-up answered %d", answer->status);
    }
    file->url = arena_str(into, json_text(into, root, "url"));
    /* hex here, base64 in deliveries, so bytes are compared and never text */
    file->has_sha256 = hex_parse(json_text(into, root, "sha256"), file->sha256.bytes, HASH_LEN);
    size = json_object_get(root, "file_size"); /* seen as number and as text */
    if (json_is_integer(size)) {
        file->size = json_integer_value(size);
    } else if (str_to_int(json_text(into, root, "file_size"), &number)) {
        file->size = number;
    }
    return file->url.len > 0 ||
           err_raise(err, ERR_RETRY, "WhatsApp media: the look-up gives no address");
}

bool whatsapp_encode_media_fetch(struct arena *into, const struct whatsapp_sender *sender,
                                 struct str url, struct http_request *request, struct err *err)
{
    if (!may_have_token(sender->base, url)) {
        return err_raise(err, ERR_REJECT,
                         "WhatsApp media: the address is not Meta's, and gets no token");
    }
    /* the frame's own checks of token and headers; the address is replaced */
    if (!whatsapp_request(into, sender, "GET", STR("media"), "", request, err))
        return false;
    request->url = arena_str(into, url);
    return true;
}
