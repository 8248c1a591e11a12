/*
 * Received mail as Resend's API hands it out. Its fields are those of the mail's head, so they
 * are as much the sender's to choose as in raw MIME, and go through the same judgement.
 */
#include "webhooks/resend_in.h"

#include "webhooks/mime_html.h"
#include "webhooks/quotes.h"

#include "bot/base/crypto.h"
#include "bot/base/json.h"

#define HEADERS_MAX 300
#define SENT_TO_MAX 50
#define ID_MAX      100

/* --- questions ---------------------------------------------------------------------------- */

static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '-' || c == '_'))
            return false;
    }
    return id.len > 0 && id.len <= ID_MAX;
}

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] <= ' ' || text.at[i] >= 127)
            return false;
    }
    return text.len > 0;
}

static bool ask(struct arena *into, const struct resend_reader *reader, struct str path,
                struct http_request *request, struct err *err)
{
    struct http_header *headers = arena_array(into, struct http_header, 1);
    struct str base = reader->base;

    if (!is_plain(reader->api_key) || !is_plain(base) ||
        (!str_starts(base, STR("https://")) && !str_starts(base, STR("http://"))))
        return err_raise(err, ERR_REJECT, "the settings have no address or key of Resend's");
    headers[0] = (struct http_header){
        STR("Authorization"), arena_format(into, "Bearer %.*s", STR_ARG(reader->api_key))};
    *request = (struct http_request){
        .method = "GET",
        .url = arena_format(into, "%.*s/emails/receiving/%.*s", STR_ARG(base), STR_ARG(path)),
        .headers = headers,
        .n_headers = 1,
        .repeatable = true};
    return true;
}

bool resend_encode_received(struct arena *into, const struct resend_reader *reader,
                            struct str id, struct http_request *request, struct err *err)
{
    if (!is_id(id))
        return err_raise(err, ERR_REJECT, "the received mail's id is none");
    return ask(into, reader, arena_concat(into, id, STR("?html_format=cid")), request, err);
}

bool resend_encode_file(struct arena *into, const struct resend_reader *reader,
                        struct str handle, struct http_request *request, struct err *err)
{
    struct str rest = handle, mail;

    if (!str_split(&rest, '/', &mail) || !is_id(mail) || !is_id(rest))
        return err_raise(err, ERR_REJECT, "the attachment's handle is none");
    return ask(into, reader, arena_concat(into, mail, STR("/attachments/"), rest), request,
               err);
}

/* --- characters that are none ------------------------------------------------------------- */

/* The code of "\\uXXXX" at `i`; -1 when there is none. */
static int escape_at(struct str json, size_t i)
{
    uint8_t bytes[2];

    return i + 6 <= json.len && json.at[i] == '\\' && json.at[i + 1] == 'u' &&
                   hex_parse(str_slice(json, i + 2, 4), bytes, 2)
               ? bytes[0] << 8 | bytes[1]
               : -1;
}

/* A mail may hold what JSON escapes and no text of ours may have: NUL and halves of characters.
 * Their escapes become U+FFFD's, of the same length. */
static struct str without_nul(struct arena *into, struct str json)
{
    struct str copy = arena_str(into, json);

    for (size_t i = 0; i < copy.len; i++) {
        int code = escape_at(copy, i), next = code >= 0xD800 ? escape_at(copy, i + 6) : -1;
        if (copy.at[i] != '\\')
            continue;
        if (code >= 0xD800 && code < 0xDC00 && next >= 0xDC00 && next < 0xE000) {
            i += 11;
        } else if (code == 0 || (code >= 0xD800 && code < 0xE000)) {
            memcpy((char *)copy.at + i + 2, "fffd", 4);
            i += 5;
        } else {
            i++; /* whatever is escaped */
        }
    }
    return copy;
}

/* --- the mail ----------------------------------------------------------------------------- */

/* One field, or several of its name. */
static void add_header(struct arena *into, const char *name, const json_t *value,
                       struct mail_header *headers, size_t *n)
{
    if (json_is_string(value) && *n < HEADERS_MAX) {
        struct str text = {json_string_value(value), json_string_length(value)};
        headers[(*n)++] =
            (struct mail_header){arena_str(into, str_from(name)), arena_str(into, text)};
    }
    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
        if (json_is_string(json_array_get(value, i)))
            add_header(into, name, json_array_get(value, i), headers, n);
    }
}

static void read_headers(struct arena *into, const json_t *object, struct mail *mail)
{
    struct mail_header *headers = arena_array(into, struct mail_header, HEADERS_MAX);
    const char *name;
    json_t *value;
    size_t n = 0;

    json_object_foreach((json_t *)object, name, value)
    {
        add_header(into, name, value, headers, &n);
    }
    mail->headers = (struct mail_headers){headers, n};
}

static void read_recipients(struct arena *into, const json_t *doc, struct mail *mail)
{
    static const char *const lists[] = {"received_for", "to", "cc", "bcc"};
    struct str *found = arena_array(into, struct str, SENT_TO_MAX);

    for (size_t k = 0; k < COUNTOF(lists); k++) {
        const json_t *list = json_array_in(doc, lists[k]);
        for (size_t i = 0; i < json_array_size(list) && mail->n_sent_to < SENT_TO_MAX; i++) {
            const json_t *one = json_array_get(list, i);
            if (json_is_string(one)) {
                found[mail->n_sent_to++] = arena_str(
                    into, (struct str){json_string_value(one), json_string_length(one)});
            }
        }
    }
    mail->sent_to = found;
}

static void read_files(struct arena *into, const json_t *doc, struct mail *mail)
{
    const json_t *list = json_array_in(doc, "attachments");
    struct mail_file *files = arena_array(into, struct mail_file, MAIL_FILES_MAX);

    for (size_t i = 0; i < json_array_size(list) && mail->n_files < MAIL_FILES_MAX; i++) {
        const json_t *one = json_array_get(list, i);
        struct str id = json_text(into, one, "id");
        if (!is_id(id))
            continue;
        files[mail->n_files++] = (struct mail_file){
            .id = arena_concat(into, mail->id, STR("/"), id),
            .mime = str_slice(json_text(into, one, "content_type"), 0, 100),
            .name = str_cut(into, json_text(into, one, "filename"), 255),
            .size = (size_t)(json_int(one, "size", 0) > 0 ? json_int(one, "size", 0) : 0),
            .embedded = str_eq(json_text(into, one, "content_disposition"), STR("inline")) &&
                        json_text(into, one, "content_id").len > 0};
    }
    mail->files = files;
}

bool resend_read_received(struct arena *into, struct str body, struct mail *mail,
                          struct err *err)
{
    OWNED_JSON(doc) = NULL;

    *mail = (struct mail){0};
    if (!json_read(without_nul(into, body), &doc, err))
        return false;
    mail->id = json_text(into, doc, "id");
    if (!is_id(mail->id))
        return err_raise(err, ERR_REJECT, "a received mail without an id");
    mail->from = json_text(into, doc, "from");
    mail->subject = json_text(into, doc, "subject");
    mail->message_id = json_text(into, doc, "message_id");
    mail->text = str_slice(json_text(into, doc, "text"), 0, QUOTES_TEXT_MAX);
    if (str_trim(mail->text).len == 0)
        mail->text = mime_html_text(into, json_text(into, doc, "html"), QUOTES_TEXT_MAX);
    read_headers(into, json_object_in(doc, "headers"), mail);
    read_recipients(into, doc, mail);
    read_files(into, doc, mail);
    return true;
}

bool resend_decode_received(struct arena *into, struct str body, const struct mail_rules *rules,
                            struct inbound_batch *batch, struct err *err)
{
    struct mail mail;

    *batch = (struct inbound_batch){0};
    if (!resend_read_received(into, body, &mail, err))
        return false;
    mail_events(into, rules, &mail, batch);
    return true;
}

/* --- a file ------------------------------------------------------------------------------- */

/* "download_url (signed, no auth header, expires)" */
bool resend_read_file(struct arena *into, const struct http_answer *answer,
                      struct resend_file *file, struct err *err)
{
    OWNED_JSON(doc) = NULL;
    int64_t size;

    *file = (struct resend_file){0};
    if (answer->fate != HTTP_ANSWERED)
        return err_raise(err, ERR_RETRY, "no answer about the attachment");
    if (answer->status == 404 || answer->status == 422)
        return err_raise(err, ERR_REJECT, "the attachment is not there any more");
    if (answer->status != 200)
        return err_raise(err, ERR_RETRY, "asking for the attachment gave %d", answer->status);
    if (!json_read(answer->body, &doc, NULL))
        return err_raise(err, ERR_RETRY, "the answer about the attachment is not JSON");
    file->url = json_text(into, doc, "download_url");
    size = json_int(doc, "size", 0);
    file->size = size > 0 ? (size_t)size : 0;
    return is_plain(file->url) ||
           err_raise(err, ERR_RETRY, "the answer about the attachment has no address");
}
