/*
 * What people mail, and what Resend tells of mails.
 *
 * A mail of a person's is written as a mail program writes it (an answer has the thread's ids
 * and all that was said below it, as Gmail does it) and comes to the service as Resend's
 * webhook with its head only; the rest is asked for. What has a gateway in front of it comes
 * whole instead. Webhooks are signed as Svix does it.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"

#include <sodium.h>
#include <stdio.h>
#include <time.h>

#define FILES_MAX 10
#define AUTHSERV  "mx.sandbox.example" /* whose word about senders counts */

static bool is_wished(const json_t *wish, const char *name)
{
    return json_is_true(json_object_get(wish, name));
}

struct str mail_make_id(struct arena *into)
{
    uint8_t random[16];
    char hex[33];
    random_bytes(random, sizeof(random));
    hex_format(random, sizeof(random), hex);
    return arena_format(into, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                        hex + 20);
}

static struct tm parts_of(usec_t at)
{
    time_t seconds = at / USEC_PER_SEC;
    struct tm parts;
    gmtime_r(&seconds, &parts);
    return parts;
}

#define TIME_TEXT(into, at, format)                                                            \
    ({                                                                                         \
        struct tm parts_ = parts_of(at);                                                       \
        char text_[64];                                                                        \
        size_t n_ = strftime(text_, sizeof(text_), format, &parts_);                           \
        arena_str(into, (struct str){text_, n_});                                              \
    })

static struct str stamp(struct arena *into, usec_t at)
{
    return TIME_TEXT(into, at, "%Y-%m-%dT%H:%M:%S.000Z");
}

/* --- words -------------------------------------------------------------------------------- */

static struct str escaped(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len * 6 + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *as = text.at[i] == '&'    ? "&amp;"
                         : text.at[i] == '<'  ? "&lt;"
                         : text.at[i] == '>'  ? "&gt;"
                         : text.at[i] == '"'  ? "&quot;"
                         : text.at[i] == '\n' ? "<br>\n"
                                              : NULL;
        if (as) {
            n = (size_t)(stpcpy(out + n, as) - out);
        } else {
            out[n++] = text.at[i];
        }
    }
    return (struct str){out, n};
}

/* Each line after "> ". */
static struct str quoted(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len * 3 + 4);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (i == 0 || text.at[i - 1] == '\n') {
            out[n++] = '>';
            if (text.at[i] != '>')
                out[n++] = ' ';
        }
        out[n++] = text.at[i];
    }
    return (struct str){out, n};
}

static struct str sender_of(const json_t *mail)
{
    return text_in(mail, "from");
}

static struct str said_by(struct arena *into, const json_t *entry)
{
    usec_t at = json_integer_value(json_object_get(entry, "at")) * USEC_PER_MSEC;
    return arena_format(
        into, "On %.*s %.*s wrote:", STR_ARG(TIME_TEXT(into, at, "%a, %b %d, %Y at %I:%M %p")),
        STR_ARG(sender_of(json_object_get(entry, "message"))));
}

static struct str with_history(struct arena *into, struct str text, const json_t *entry)
{
    const json_t *before = json_object_get(entry, "message");
    return arena_format(into, "%.*s\n\n%.*s\n\n%.*s\n", STR_ARG(text),
                        STR_ARG(said_by(into, entry)),
                        STR_ARG(quoted(into, str_trim(text_in(before, "text")))));
}

static struct str html_of(struct arena *into, struct str text, const json_t *entry)
{
    struct str own =
        arena_format(into, "<div dir=\"auto\">%.*s</div>", STR_ARG(escaped(into, text)));
    if (!entry)
        return own;
    return arena_format(
        into,
        "%.*s<br><div class=\"gmail_quote gmail_quote_container\"><div dir=\"ltr\" "
        "class=\"gmail_attr\">%.*s<br></div><blockquote class=\"gmail_quote\" "
        "style=\"margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);"
        "padding-left:1ex\">%.*s</blockquote></div>",
        STR_ARG(own), STR_ARG(escaped(into, said_by(into, entry))),
        STR_ARG(text_in(json_object_get(entry, "message"), "html")));
}

/* --- the head ----------------------------------------------------------------------------- */

static struct str message_id_of(struct arena *into, const json_t *entry)
{
    struct str own = text_in(json_object_get(entry, "message"), "message_id");
    return own.len > 0 ? own
                       : arena_format(into, "<%.*s@resend.sandbox.example>",
                                      STR_ARG(text_in(entry, "id")));
}

static struct str address_to(const struct sandbox *sandbox, const json_t *entry)
{
    const json_t *before = json_object_get(entry, "message");
    const json_t *to = json_object_get(before, "reply_to");
    if (json_is_array(to))
        to = json_array_get(to, 0);
    if (json_is_string(to))
        return (struct str){json_string_value(to), json_string_length(to)};
    return entry ? sender_of(before) : str_from(sandbox->settings.mail_address);
}

static struct str subject_of(struct arena *into, const json_t *wish, const json_t *entry)
{
    struct str before = text_in(json_object_get(entry, "message"), "subject");
    struct str own = text_in(wish, "subject");
    if (is_wished(wish, "automatic"))
        return arena_format(into, "Automatic reply: %.*s", STR_ARG(before));
    if (own.len > 0 || !entry)
        return own;
    return str_starts(before, STR("Re:")) ? before
                                          : arena_format(into, "Re: %.*s", STR_ARG(before));
}

static json_t *headers_of(struct arena *into, const struct chatter *person, const json_t *wish,
                          const json_t *entry, const json_t *mail)
{
    json_t *headers = json_object();
    bool aligned = !json_is_false(json_object_get(wish, "aligned"));
    struct str domain = str_from(person->mail);
    domain = str_slice(domain, str_find(domain, STR("@")) + 1, domain.len);
    json_set_text(headers, "return-path", arena_format(into, "<%s>", person->mail));
    json_set_text(headers, "authentication-results",
                  arena_format(into, "%s; spf=%s; dkim=%s; dmarc=%s header.from=%.*s", AUTHSERV,
                               aligned ? "pass" : "softfail", aligned ? "pass" : "none",
                               aligned ? "pass" : "fail", STR_ARG(domain)));
    json_object_set(headers, "from", json_object_get(mail, "from"));
    json_set_text(headers, "to",
                  str_from(json_string_value(json_array_get(json_object_get(mail, "to"), 0))));
    json_object_set(headers, "subject", json_object_get(mail, "subject"));
    json_set_text(headers, "date", TIME_TEXT(into, clock_now(), "%a, %d %b %Y %H:%M:%S +0000"));
    json_object_set(headers, "message-id", json_object_get(mail, "message_id"));
    json_set_text(headers, "mime-version", STR("1.0"));
    if (entry) {
        struct str id = message_id_of(into, entry);
        struct str more = text_in(json_object_get(json_object_get(entry, "message"), "headers"),
                                  "References");
        json_set_text(headers, "in-reply-to", id);
        json_set_text(headers, "references",
                      arena_format(into, "%.*s%s%.*s", STR_ARG(more), more.len > 0 ? " " : "",
                                   STR_ARG(id)));
    }
    if (is_wished(wish, "automatic"))
        json_set_text(headers, "auto-submitted", STR("auto-replied"));
    return headers;
}

static json_t *attachments_of(struct sandbox *sandbox, const json_t *ids)
{
    json_t *list = json_array();
    size_t i;
    json_t *id;
    json_array_foreach(ids, i, id)
    {
        const json_t *about = media_find(sandbox, str_from(json_string_value(id)));
        json_t *name = json_object_get(about, "filename");
        if (about && i < FILES_MAX) {
            json_array_append_new(
                list, json_pack("{s:O, s:O, s:O, s:O, s:s, s:n}", "id", id, "filename",
                                json_string_length(name) > 0 ? name : id, "size",
                                json_object_get(about, "size"), "content_type",
                                json_object_get(about, "mime"), "content_disposition",
                                "attachment", "content_id"));
        }
    }
    return list;
}

/* --- saying ------------------------------------------------------------------------------- */

/* The webhook has the head only. */
static json_t *received_event(const json_t *mail)
{
    json_t *files = json_deep_copy(json_object_get(mail, "attachments"));
    size_t i;
    json_t *file;
    json_array_foreach(files, i, file) json_object_del(file, "size");
    return json_pack(
        "{s:s, s:O, s:{s:O, s:O, s:O, s:O, s:[], s:[], s:O, s:O, s:O, s:o}}", "type",
        "email.received", "created_at", json_object_get(mail, "created_at"), "data", "email_id",
        json_object_get(mail, "id"), "created_at", json_object_get(mail, "created_at"), "from",
        json_object_get(mail, "from"), "to", json_object_get(mail, "to"), "cc", "bcc",
        "received_for", json_object_get(mail, "to"), "message_id",
        json_object_get(mail, "message_id"), "subject", json_object_get(mail, "subject"),
        "attachments", files);
}

static json_t *write_mail(struct sandbox *sandbox, struct arena *into, struct chatter *person,
                          const json_t *wish, const json_t *entry)
{
    struct str text = text_in(wish, "text"), id = mail_make_id(into);
    struct str to = address_to(sandbox, entry);
    json_t *mail =
        json_pack("{s:s, s:[s%], s:o}", "type", "mail", "to", to.at, to.len, "attachments",
                  attachments_of(sandbox, json_object_get(wish, "media")));
    json_set_text(mail, "id", id);
    json_set_text(mail, "from",
                  person->name[0] && !strchr(person->name, '@')
                      ? arena_format(into, "\"%s\" <%s>", person->name, person->mail)
                      : str_from(person->mail));
    struct str subject = subject_of(into, wish, entry);
    json_object_set_new(mail, "subject",
                        json_stringn(subject.at ? subject.at : "", subject.len));
    json_set_text(mail, "said", text);
    json_set_text(mail, "text", entry ? with_history(into, text, entry) : text);
    json_set_text(mail, "html", html_of(into, text, entry));
    json_set_text(mail, "message_id",
                  arena_format(into, "<%.*s@mail.example.net>", STR_ARG(id)));
    json_set_text(mail, "created_at", stamp(into, clock_now()));
    json_object_set_new(mail, "headers", headers_of(into, person, wish, entry, mail));
    return mail;
}

struct str mail_say(struct sandbox *sandbox, struct arena *into, struct chatter *person,
                    const json_t *wish)
{
    const json_t *entry = chats_entry(person, text_in(wish, "answers"));
    OWNED_JSON(mail) = write_mail(sandbox, into, person, wish, entry);
    if (is_wished(wish, "automatic"))
        json_object_set_new(mail, "automatic", json_true());
    /* who has no Resend has a gateway */
    if (is_wished(wish, "gateway") || is_wished(json_object_get(entry, "message"), "smtp") ||
        !sandbox->settings.resend_secret) {
        json_object_set_new(mail, "raw", json_true());
    } else {
        json_object_set_new(mail, "event", received_event(mail));
    }
    callbacks_keep_said(sandbox, person, sandbox->settings.numbers[0].id, mail);
    return text_in(mail, "id").len > 0 ? arena_str(into, text_in(mail, "id")) : STR_NONE;
}

/* --- what became of a mail of the business's ------------------------------------------------
 */

static void tell(struct sandbox *sandbox, struct arena *into, struct chatter *person,
                 struct str id, const json_t *body, const char *type, usec_t due)
{
    OWNED_JSON(data) = json_pack("{s:O, s:O, s:O, s:o}", "from", json_object_get(body, "from"),
                                 "to", json_object_get(body, "to"), "subject",
                                 json_object_get(body, "subject"), "tags", json_object());
    const char *status = str_eq(str_from(type), STR("email.sent"))        ? "sent"
                         : str_eq(str_from(type), STR("email.delivered")) ? "delivered"
                                                                          : "failed";
    size_t i;
    json_t *tag;
    json_array_foreach(json_object_get(body, "tags"), i, tag) json_object_set(
        json_object_get(data, "tags"), json_string_value(json_object_get(tag, "name")),
        json_object_get(tag, "value"));
    json_set_text(data, "email_id", id);
    json_set_text(data, "created_at", stamp(into, due));
    json_set_text(data, "message_id",
                  arena_format(into, "<%.*s@resend.sandbox.example>", STR_ARG(id)));
    if (strcmp(status, "failed") == 0) {
        json_object_set_new(data, "bounce",
                            json_pack("{s:s, s:s, s:s, s:[s]}", "message",
                                      "The recipient's email address does not exist.", "type",
                                      "Permanent", "subType", "NoEmail", "diagnosticCode",
                                      "smtp; 550 5.1.1 user unknown"));
    }
    OWNED_JSON(item) = json_pack("{s:s%, s:s, s:{s:s, s:O, s:O}}", "id", id.at, id.len,
                                 "status", status, "event", "type", type, "created_at",
                                 json_object_get(data, "created_at"), "data", data);
    callbacks_owe_status(sandbox, person, NULL, item, due);
}

void mail_arrived(struct sandbox *sandbox, struct arena *into, struct chatter *person,
                  struct str id, const json_t *body)
{
    int64_t wait = sandbox->settings.delivered_ms;
    usec_t now = clock_now();
    if (!sandbox->settings.resend_secret || wait < 0)
        return;
    tell(sandbox, into, person, id, body, "email.sent", now);
    tell(sandbox, into, person, id, body,
         person->no_mailbox ? "email.bounced" : "email.delivered", now + wait * USEC_PER_MSEC);
    mail_away(sandbox, into, person, id);
}

void mail_away(struct sandbox *sandbox, struct arena *into, struct chatter *person,
               struct str id)
{
    if (!person->away || person->no_mailbox || !sandbox->settings.mail_address)
        return;
    OWNED_JSON(wish) =
        json_pack("{s:s, s:s%, s:b}", "text",
                  "Thank you for your mail. I am out of the office and back on Monday.",
                  "answers", id.at, id.len, "automatic", 1);
    (void)mail_say(sandbox, into, person, wish);
}

/* --- webhooks ----------------------------------------------------------------------------- */

static struct str signed_by(struct arena *into, struct str secret, struct str message)
{
    unsigned char key[128];
    size_t n = 0;
    char text[sodium_base64_ENCODED_LEN(HASH_LEN, sodium_base64_VARIANT_ORIGINAL)];
    struct str base64 = str_slice(secret, strlen("whsec_"), secret.len);
    if (sodium_base642bin(key, sizeof(key), base64.at, base64.len, NULL, &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return STR("v1,none");
    struct hash mac = hmac_sha256((struct str){(const char *)key, n}, message);
    sodium_bin2base64(text, sizeof(text), mac.bytes, HASH_LEN, sodium_base64_VARIANT_ORIGINAL);
    return arena_format(into, "v1,%s", text);
}

static void gateway_callback(struct sandbox *sandbox, struct arena *into, const json_t *item,
                             struct http_header *headers, struct http_request *request)
{
    struct str to = str_from(json_string_value(json_array_get(json_object_get(item, "to"), 0)));
    struct str path = arena_format(into, "/webhooks/mail/%.*s", STR_ARG(mime_path(into, to)));
    const char *token = sandbox->settings.mail_token;
    headers[0] = (struct http_header){STR("Content-Type"), STR("message/rfc822")};
    headers[1] = (struct http_header){STR("Authorization"),
                                      arena_format(into, "Bearer %s", token ? token : "")};
    *request =
        (struct http_request){.method = "POST",
                              .url = callbacks_url(sandbox, into, arena_cstr(into, path)),
                              .headers = headers,
                              .n_headers = 2,
                              .body = mime_bytes(sandbox, into, item),
                              .repeatable = true};
}

void mail_callback(struct sandbox *sandbox, struct arena *into, const json_t *item, int64_t n,
                   struct http_header headers[5], struct http_request *request)
{
    const char *secret = sandbox->settings.resend_secret;
    struct str id = arena_format(into, "msg_sandbox%lld", (long long)n);
    struct str at = arena_format(into, "%lld", (long long)(clock_now() / USEC_PER_SEC));
    if (json_object_get(item, "raw")) {
        gateway_callback(sandbox, into, item, headers, request);
        return;
    }
    struct str body = json_write(into, json_object_get(item, "event"));
    struct str message =
        arena_format(into, "%.*s.%.*s.%.*s", STR_ARG(id), STR_ARG(at), STR_ARG(body));
    headers[0] = (struct http_header){STR("Content-Type"), STR("application/json")};
    headers[1] = (struct http_header){STR("svix-id"), id};
    headers[2] = (struct http_header){STR("svix-timestamp"), at};
    headers[3] = (struct http_header){STR("svix-signature"),
                                      signed_by(into, str_from(secret ? secret : ""), message)};
    *request = (struct http_request){.method = "POST",
                                     .url = callbacks_url(sandbox, into, "/webhooks/resend"),
                                     .headers = headers,
                                     .n_headers = 4,
                                     .body = body,
                                     .repeatable = true};
}

/* --- what is asked for ----------------------------------------------------------------------
 */

#define RECEIVING "/emails/receiving/"
#define STORAGE   "/resend-storage/"

static const json_t *mail_of_id(const struct sandbox *sandbox, struct str id)
{
    for (const struct chatter *person = sandbox->people; person; person = person->next) {
        const json_t *entry = chats_entry(person, id);
        if (entry && str_eq(text_in(entry, "from"), STR("own-mail")))
            return json_object_get(entry, "message");
    }
    return NULL;
}

static void answer_mail(struct http_exchange *exchange, const json_t *mail)
{
    answer_json(
        exchange, 200,
        json_pack("{s:s, s:O, s:O, s:O, s:O, s:O, s:[], s:[], s:[], s:O, s:O, s:O, s:O, "
                  "s:O}",
                  "object", "email", "id", json_object_get(mail, "id"), "to",
                  json_object_get(mail, "to"), "from", json_object_get(mail, "from"),
                  "created_at", json_object_get(mail, "created_at"), "subject",
                  json_object_get(mail, "subject"), "bcc", "cc", "reply_to", "html",
                  json_object_get(mail, "html"), "text", json_object_get(mail, "text"),
                  "headers", json_object_get(mail, "headers"), "message_id",
                  json_object_get(mail, "message_id"), "attachments",
                  json_object_get(mail, "attachments")));
}

static void answer_file(struct sandbox *sandbox, struct http_exchange *exchange,
                        const json_t *mail, struct str id)
{
    struct arena *arena = &exchange->arena;
    size_t i;
    json_t *file;
    json_array_foreach(json_object_get(mail, "attachments"), i, file)
    {
        if (!str_eq(text_in(file, "id"), id))
            continue;
        json_t *answer = json_copy(file);
        json_object_set_new(answer, "object", json_string("attachment"));
        json_set_text(answer, "download_url",
                      arena_format(arena, "%s" STORAGE "%.*s", sandbox->base_url, STR_ARG(id)));
        json_set_text(answer, "expires_at",
                      stamp(arena, clock_now() + 3600 * (usec_t)USEC_PER_SEC));
        answer_json(exchange, 200, answer);
        return;
    }
    answer_json(exchange, 404,
                json_pack("{s:i, s:s, s:s}", "statusCode", 404, "name", "not_found", "message",
                          "Attachment not found"));
}

bool mail_handle(struct sandbox *sandbox, struct http_exchange *exchange, bool may_read)
{
    struct str path = exchange->path, id;
    if (str_starts(path, STR(STORAGE))) {
        media_send(sandbox, exchange, str_slice(path, strlen(STORAGE), path.len));
        return true;
    }
    if (!str_starts(path, STR(RECEIVING)) || strcmp(exchange->method, "GET") != 0 || !may_read)
        return false;
    path = str_slice(path, strlen(RECEIVING), path.len);
    (void)str_split(&path, '/', &id);
    const json_t *mail = mail_of_id(sandbox, id);
    if (mail && path.len == 0) {
        answer_mail(exchange, mail);
    } else if (mail && str_starts(path, STR("attachments/"))) {
        answer_file(sandbox, exchange, mail, str_slice(path, strlen("attachments/"), path.len));
    } else {
        answer_json(exchange, 404,
                    json_pack("{s:i, s:s, s:s}", "statusCode", 404, "name", "not_found",
                              "message", "Email not found"));
    }
    return true;
}
