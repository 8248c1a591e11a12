/*
 * What a mail program does with a mail: show its HTML where no script runs, and unsubscribe
 * with one click, or where that
 * cannot be by a mail that says stop.
 *
 * The HTML is a document of its own rather than a part of the page, since the page's own rules
 * forbid the styles that every mail has. Nothing is loaded but pictures; links open elsewhere.
 */
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"

#include <stdlib.h>
#include <strings.h>

static const json_t *mail_asked(const struct chatter *person, struct str id)
{
    const json_t *entry = person ? chats_entry(person, id) : NULL;
    struct str from = text_in(entry, "from");
    return entry && str_ends(from, STR("mail")) ? json_object_get(entry, "message") : NULL;
}

void mail_letter(struct sandbox *sandbox, struct http_exchange *exchange)
{
    static const char *const headers[] = {
        "Content-Security-Policy: default-src 'none'; img-src https: http: data: cid:; "
        "style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox allow-popups "
        "allow-popups-to-escape-sandbox",
        "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer", NULL};
    static const struct str base = {"<base target=\"_blank\">", 22};
    const json_t *mail = mail_asked(chats_find(sandbox, http_query(exchange, "who")),
                                    http_query(exchange, "id"));
    struct str html = text_in(mail, "html");
    size_t head = str_find(html, STR("<head>"));
    if (!mail) {
        http_reply(exchange, 404, "text/plain", STR("no such mail\n"), NULL);
        return;
    }
    if (head < html.len) {
        head += strlen("<head>");
        html = arena_concat(&exchange->arena, str_slice(html, 0, head), base,
                            str_slice(html, head, html.len));
    } else {
        html = arena_concat(&exchange->arena,
                            STR("<!doctype html><meta charset=\"utf-8\"><meta "
                                "name=\"color-scheme\" content=\"light dark\"><style>body{font:"
                                "16px/1.5 sans-serif;margin:16px}</style>"),
                            base, html);
    }
    http_reply(exchange, 200, "text/html; charset=utf-8", html, headers);
}

/* --- one click ---------------------------------------------------------------------------- */

struct click {
    struct http_exchange *exchange;
    struct sandbox *sandbox;
    struct http_header header;
    struct http_request request;
    struct fetch fetch;
};

static void clicked(struct fetch *fetch)
{
    struct click *click = CONTAINER_OF(fetch, struct click, fetch);
    int status = fetch->answer.fate == HTTP_ANSWERED ? fetch->answer.status : 0;
    if (!click->sandbox->stopping)
        answer_json(click->exchange, 200, json_pack("{s:i}", "status", status));
}

static struct str header_of(const json_t *mail, const char *wanted)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(mail, "headers"), name, value)
    {
        if (strcasecmp(name, wanted) == 0)
            return (struct str){json_string_value(value), json_string_length(value)};
    }
    return STR_NONE;
}

/* RFC 8058: the address of List-Unsubscribe, if the mail says that one post will do. */
static struct str address_of(const json_t *mail)
{
    struct str list = header_of(mail, "List-Unsubscribe");
    size_t from = str_find(list, STR("<http"));
    struct str rest = str_slice(list, from + 1, list.len);
    if (from == list.len ||
        !str_eq(header_of(mail, "List-Unsubscribe-Post"), STR("List-Unsubscribe=One-Click")))
        return STR_NONE;
    return str_slice(rest, 0, str_find(rest, STR(">")));
}

void mail_unsubscribe(struct sandbox *sandbox, struct http_exchange *exchange,
                      const json_t *body)
{
    const json_t *mail =
        mail_asked(chats_find(sandbox, text_in(body, "who")), text_in(body, "id"));
    struct str url = address_of(mail);
    struct click *click = arena_new(&exchange->arena, struct click);
    if (url.len == 0 && str_starts(header_of(mail, "List-Unsubscribe"), STR("<mailto:"))) {
        OWNED_JSON(wish) = json_pack("{s:s, s:s, s:O}", "text", "stop", "subject", "stop",
                                     "answers", json_object_get(body, "id"));
        (void)mail_say(sandbox, &exchange->arena, chats_find(sandbox, text_in(body, "who")),
                       wish);
        answer_json(exchange, 200, json_pack("{s:b}", "mailed", 1));
        return;
    }
    if (url.len == 0) {
        answer_json(exchange, 400,
                    json_pack("{s:s}", "error", "the mail offers no way out with one click"));
        return;
    }
    click->exchange = exchange;
    click->sandbox = sandbox;
    click->header =
        (struct http_header){STR("Content-Type"), STR("application/x-www-form-urlencoded")};
    click->request = (struct http_request){.method = "POST",
                                           .url = arena_str(&exchange->arena, url),
                                           .headers = &click->header,
                                           .n_headers = 1,
                                           .body = STR("List-Unsubscribe=One-Click")};
    click->fetch = (struct fetch){.request = &click->request,
                                  .connect_timeout = 5 * USEC_PER_SEC,
                                  .timeout = 20 * USEC_PER_SEC,
                                  .body_max = 64UL * 1024,
                                  .into = &exchange->arena,
                                  .done = clicked};
    fetcher_start(sandbox->fetcher, &click->fetch);
}
