/*
 * Files to Meta: a form of three parts, and the handle that comes back.
 *
 * Uploading twice is uploading: nothing is sent to anybody by it, and a handle that nobody
 * names dies by itself after 30 days. So the request may be repeated at any time.
 */
#include "webhooks/whatsapp_parts.h"

#define MB ((size_t)1024 * 1024)

/* "image/jpeg, image/png: 5 MB; application/pdf: 100 MB" */
static const struct {
    const char *mime;
    size_t most;
} kinds[] = {
    {"image/jpeg",      5 * MB  },
    {"image/png",       5 * MB  },
    {"application/pdf", 100 * MB},
};

static bool is_taken(const struct outbound_file *file, struct err *err)
{
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        if (!str_eq(file->mime, str_from(kinds[i].mime)))
            continue;
        return (file->bytes.len > 0 && file->bytes.len <= kinds[i].most) ||
               err_raise(err, ERR_REJECT, "WhatsApp takes no %s of %zu bytes", kinds[i].mime,
                         file->bytes.len);
    }
    return err_raise(err, ERR_REJECT, "WhatsApp takes JPEG, PNG and PDF only");
}

/* It stands in a header, and between quotes. */
static bool is_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '.' || c == '-'))
            return false;
    }
    return text.len > 0 && text.len <= 70;
}

static struct str field(struct arena *into, struct str mark, const char *name, struct str value)
{
    return arena_format(into,
                        "--%.*s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%.*s\r\n",
                        STR_ARG(mark), name, STR_ARG(value));
}

static struct str form(struct arena *into, const struct outbound_file *file)
{
    const struct str parts[] = {
        field(into, file->mark, "messaging_product", STR("whatsapp")),
        field(into, file->mark, "type", file->mime),
        arena_format(into,
                     "--%.*s\r\nContent-Disposition: form-data; name=\"file\"; "
                     "filename=\"%.*s\"\r\nContent-Type: %.*s\r\n\r\n",
                     STR_ARG(file->mark), STR_ARG(file->name), STR_ARG(file->mime)),
        file->bytes,
        arena_format(into, "\r\n--%.*s--\r\n", STR_ARG(file->mark)),
    };
    size_t len = 0, at = 0;

    for (size_t i = 0; i < COUNTOF(parts); i++)
        len += parts[i].len;
    char *body = arena_alloc(into, len);
    for (size_t i = 0; i < COUNTOF(parts); at += parts[i++].len)
        memcpy(body + at, parts[i].at, parts[i].len);
    return (struct str){body, len};
}

bool whatsapp_encode_upload(struct arena *into, const struct whatsapp_sender *sender,
                            struct str account, const struct outbound_file *file,
                            struct http_request *request, struct err *err)
{
    if (!is_taken(file, err))
        return false;
    if (!is_name(file->name) || !is_name(file->mark))
        return err_raise(err, ERR_REJECT, "WhatsApp media: a file's name is malformed");
    if (!whatsapp_request(into, sender, "POST", account, "/media", request, err))
        return false;
    struct http_header *headers = arena_array(into, struct http_header, 2);
    headers[0] = request->headers[0];
    headers[1].name = STR("Content-Type");
    headers[1].value =
        arena_format(into, "multipart/form-data; boundary=%.*s", STR_ARG(file->mark));
    request->headers = headers;
    request->body = form(into, file);
    request->repeatable = true;
    return true;
}

void whatsapp_answer_upload(struct arena *into, const struct http_answer *answer,
                            struct sending_result *result)
{
    OWNED_JSON(root) = NULL;
    struct str id = STR_NONE;

    if (answer->fate == HTTP_ANSWERED && answer->status == 200 &&
        json_read(answer->body, &root, NULL))
        id = json_scalar(into, root, "id");
    if (id.len > 0 && id.len <= 128) {
        *result = (struct sending_result){.sending = SENDING_ACCEPTED, .provider_id = id};
    } else {
        whatsapp_answer(into, answer, result);
    }
}
