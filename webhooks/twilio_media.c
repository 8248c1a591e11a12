/*
 * Files of an MMS. Twilio answers with the file, or with the address of one in its storage.
 *
 * A delivery names addresses, and none of them is ever called: its two ids are put into the
 * address of the API that we are configured for. What the API then leads to gets no
 * credentials, and must be where Twilio keeps files.
 */
#include "webhooks/twilio_parts.h"

/* As the last part of a host's name, with the dot before it. */
static const char *const storages[] = {".twilio.com", ".twiliocdn.com", ".amazonaws.com"};

/* "https://host:port": up to the slash behind the host. */
static struct str origin_of(struct str url)
{
    size_t begin = str_find(url, STR("://"));
    struct str rest = str_slice(url, begin + 3, url.len);

    return str_slice(url, 0, begin + 3 + str_find(rest, STR("/")));
}

static bool is_host(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '.'))
            return false;
    }
    return host.len > 0;
}

/* No user, no port, no other scheme: a host's name as those of Twilio are written. */
static bool is_storage(struct str url)
{
    struct str origin = origin_of(url);
    struct str host = str_slice(origin, strlen("https://"), origin.len);

    if (!str_starts(origin, STR("https://")) || !is_host(host))
        return false;
    for (size_t i = 0; i < COUNTOF(storages); i++) {
        if (str_ends(host, str_from(storages[i])))
            return true;
    }
    return false;
}

bool twilio_encode_media(struct arena *into, const struct twilio_sender *sender,
                         struct str handle, struct http_request *request, struct err *err)
{
    size_t slash = str_find(handle, STR("/"));
    struct str message = str_slice(handle, 0, slash);
    struct str media = str_slice(handle, slash + 1, handle.len);

    if (!twilio_check_sender(sender, err))
        return false;
    if (!twilio_is_word(message) || !twilio_is_word(media))
        return err_raise(err, ERR_REJECT, "MMS: the file's handle is none");
    twilio_begin(
        into, sender, "GET",
        arena_format(into, "/Messages/%.*s/Media/%.*s", STR_ARG(message), STR_ARG(media)).at,
        request);
    return true;
}

bool twilio_encode_file(struct arena *into, const struct twilio_sender *sender, struct str url,
                        struct http_request *request, struct err *err)
{
    bool own = str_eq(origin_of(url), origin_of(sender->base));

    if (!twilio_is_address(url) || !(own || is_storage(url)))
        return err_raise(err, ERR_REJECT, "MMS: the file lies where Twilio keeps none");
    *request =
        (struct http_request){.method = "GET", .url = arena_str(into, url), .repeatable = true};
    return true;
}
