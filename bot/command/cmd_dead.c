/*
 * parley dead: deliveries that could not be handled, for a person to look at and hand in again.
 *
 * A replay goes the way that every delivery goes: signed, over HTTP, into the running service.
 */
#include "bot/base/crypto.h"
#include "bot/command/doctor.h"
#include "bot/later/desk.h"
#include "bot/loop/loop.h"
#include "store/dead.h"
#include "webhooks/mime.h"
#include "webhooks/resend_in.h"
#include "webhooks/svix.h"
#include "webhooks/twilio.h"
#include "webhooks/whatsapp.h"

#include <limits.h>

#define ALL_LIMIT 1000000

struct session {
    struct desk desk;
    struct desk_listing listing;
    bool raw;
    const char *url;
    struct dead *dead;
};

/* --- list and show -------------------------------------------------------------------------
 */

static json_t *letter_to_json(const struct dead_letter *letter)
{
    char id[UUID_TEXT_LEN + 1], org[UUID_TEXT_LEN + 1];
    json_t *object = json_object();
    uuid_format(letter->id, id);
    json_set_text(object, "id", str_from(id));
    desk_set_time(object, "at", letter->at);
    if (!uuid_is_none(letter->org)) {
        uuid_format(letter->org, org);
        json_set_text(object, "business", str_from(org));
    }
    json_set_text(object, "provider", letter->provider);
    json_set_text(object, "account", letter->account);
    json_set_text(object, "item", letter->item);
    json_set_text(object, "reason", letter->reason);
    json_set_int(object, "bytes", letter->size);
    desk_set_time(object, "replayed", letter->replayed_at);
    return object;
}

static void print_line(struct session *session, const struct dead_letter *letter)
{
    char id[UUID_TEXT_LEN + 1], at[DESK_TIME_LEN];
    uuid_format(letter->id, id);
    (void)fprintf(session->desk.cli->out, "%s  %s  %-8s  %-16.*s  %.*s\n", id,
                  desk_time(letter->at, at), letter->replayed_at > 0 ? "replayed" : "waiting",
                  STR_ARG(uuid_is_none(letter->org) ? STR("nobody's") : letter->account),
                  STR_ARG(desk_line(&session->desk, letter->reason)));
}

static bool print(struct session *session, const struct dead_letter *letter, struct err *err)
{
    if (session->listing.json)
        return desk_print_new(&session->desk, letter_to_json(letter), err);
    print_line(session, letter);
    return true;
}

static bool list(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct dead_letter *letters = NULL;
    size_t n = 0;
    (void)words;
    if (!dead_list(session->dead, session->listing.all, (size_t)session->listing.limit,
                   &desk->arena, &letters, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!print(session, &letters[i], err))
            return false;
    }
    desk_listed(desk, &session->listing, n,
                session->listing.all ? "nothing was ever parked" : "nothing waits");
    return true;
}

static bool find(struct session *session, const char *text, struct dead_letter *letter,
                 struct err *err)
{
    struct uuid id;
    if (!uuid_parse(str_from(text), &id)) {
        return err_raise(err, ERR_REJECT,
                         "'%s' is not an id of a dead letter: `parley dead list` shows them",
                         text);
    }
    return dead_find(session->dead, id, &session->desk.arena, letter, err);
}

static bool show(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    struct dead_letter letter = {0};
    if (!find(session, words[0], &letter, err) ||
        (!session->raw && !desk_print_new(desk, letter_to_json(&letter), err)))
        return false;
    bool ok =
        cli_print(desk->cli, letter.body) && (session->raw || cli_print(desk->cli, STR("\n")));
    return ok || err_raise(err, ERR_RETRY, "could not write");
}

/* --- replay --------------------------------------------------------------------------------
 */

static const struct config_app *app_called(const struct config *config, struct str name)
{
    for (size_t i = 0; i < config->whatsapp.n_apps; i++) {
        if (str_eq(config->whatsapp.apps[i].name, name))
            return &config->whatsapp.apps[i];
    }
    return NULL;
}

/* Whose secret signs: the account's; of an unrouted delivery, whoever's account it is by now.
 */
static bool find_app(struct session *session, const struct dead_letter *letter,
                     const struct config_app **app, struct err *err)
{
    struct inbound_batch batch = {0};
    struct err ignored = {0};
    struct str name = letter->app, account = letter->account;
    if (uuid_is_none(letter->org) &&
        whatsapp_decode(&session->desk.arena, letter->body, &batch, &ignored)) {
        for (size_t i = 0; i < batch.n && name.len == 0; i++) {
            account = batch.events[i].account.len > 0 ? batch.events[i].account
                                                      : batch.events[i].business;
            if (!dead_app_of(session->dead, account, &session->desk.arena, &name, err))
                return false;
        }
        if (name.len == 0) {
            (void)err_raise(err, ERR_REJECT,
                            "no business has the number %.*s yet: add it, then replay",
                            STR_ARG(account));
            return false;
        }
    }
    *app = name.len > 0
               ? app_called(session->desk.config, name)
               : (session->desk.config->whatsapp.n_apps ? session->desk.config->whatsapp.apps
                                                        : NULL);
    if (*app)
        return true;
    (void)err_raise(err, ERR_REJECT,
                    "the app '%.*s' that signs for %.*s is not in the settings: see "
                    "whatsapp.apps",
                    STR_ARG(name), STR_ARG(account));
    return false;
}

static struct str own_url(struct session *session, const char *path)
{
    const struct config *config = session->desk.config;
    struct str host = config->listen.address;
    bool any = str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("::"));
    bool six = memchr(host.at, ':', host.len) != NULL;
    if (session->url)
        return str_from(session->url);
    if (any)
        host = six ? STR("::1") : STR("127.0.0.1");
    return arena_format(&session->desk.arena, "%s://%s%.*s%s:%u%s",
                        config->tls.cert.len > 0 ? "https" : "http", six ? "[" : "",
                        STR_ARG(host), six ? "]" : "", config->listen.port, path);
}

static bool judge(int status, struct str url, struct err *err)
{
    if (status == 200)
        return true;
    if (status == 401) {
        return err_raise(err, ERR_REJECT,
                         "%.*s refused the signature: is it run with these settings?",
                         STR_ARG(url));
    }
    if (status == 503) {
        return err_raise(err, ERR_RETRY,
                         "%.*s cannot take it now (503): see /readyz, then replay again",
                         STR_ARG(url));
    }
    return err_raise(err, ERR_REJECT, "%.*s answered %d: is it parley?", STR_ARG(url), status);
}

/* --- each provider's way -------------------------------------------------------------------
 */

#define SIGNS_MAX 3

/* What is handed in: the delivery, or what stands for it, and what signs it. */
struct handing {
    struct str body;
    struct str below; /* of the path */
    struct http_header signs[SIGNS_MAX];
    size_t n_signs;
};

struct way {
    const char *provider;
    const char *path;
    const char *content_type;
    /* Sign it as the provider would. */
    bool (*sign)(struct session *session, const struct dead_letter *letter,
                 struct handing *handing, struct err *err);
};

static bool sign_whatsapp(struct session *session, const struct dead_letter *letter,
                          struct handing *handing, struct err *err)
{
    const struct config_app *app = NULL;
    char hex[2 * HASH_LEN + 1];
    if (!find_app(session, letter, &app, err))
        return false;
    struct hash mac = hmac_sha256(app->app_secret, letter->body);
    hex_format(mac.bytes, sizeof(mac.bytes), hex);
    handing->signs[handing->n_signs++] = (struct http_header){
        STR("X-Hub-Signature-256"), arena_format(&session->desk.arena, "sha256=%s", hex)};
    return true;
}

/* Over the address that Twilio knows, whichever it is handed in at. */
static bool sign_twilio(struct session *session, const struct dead_letter *letter,
                        struct handing *handing, struct err *err)
{
    const struct config *config = session->desk.config;
    struct arena *arena = &session->desk.arena;
    struct form form;
    if (config->public_url.len == 0 || config->twilio.auth_token.len == 0) {
        return err_raise(
            err, ERR_REJECT,
            "public_url and twilio.auth_token sign it, and are not in the settings");
    }
    if (!form_read(arena, letter->body, &form, err))
        return false;
    struct str url = arena_concat(arena, config->public_url, STR("/webhooks/twilio"));
    handing->signs[handing->n_signs++] = (struct http_header){
        STR("X-Twilio-Signature"), twilio_sign(arena, config->twilio.auth_token, url, &form)};
    return true;
}

/* Of a mail that Resend received its API's answer is kept: what stands for that is the webhook
 * that announced it, and it is fetched again. */
static struct str webhook_of(struct arena *into, const struct dead_letter *letter)
{
    struct resend_news news;
    struct mail mail;
    if (resend_news(into, letter->body, &news, NULL) ||
        !resend_read_received(into, letter->body, &mail, NULL))
        return letter->body;
    return arena_format(into,
                        "{\"type\":\"email.received\",\"data\":{\"email_id\":\"%.*s\","
                        "\"to\":[\"%.*s\"]}}",
                        STR_ARG(mail.id), STR_ARG(letter->account));
}

static bool sign_resend(struct session *session, const struct dead_letter *letter,
                        struct handing *handing, struct err *err)
{
    struct arena *arena = &session->desk.arena;
    struct str secret = session->desk.config->resend.webhook_secret;
    struct str now = arena_format(arena, "%lld", (long long)(clock_now() / USEC_PER_SEC));
    handing->body = webhook_of(arena, letter);
    struct str sign = svix_sign(arena, secret, STR("msg_replayed"), now, handing->body);
    if (sign.len == 0) {
        return err_raise(err, ERR_REJECT,
                         "resend.webhook_secret signs it, and is not in the settings");
    }
    handing->signs[0] = (struct http_header){STR("svix-id"), STR("msg_replayed")};
    handing->signs[1] = (struct http_header){STR("svix-timestamp"), now};
    handing->signs[2] = (struct http_header){STR("svix-signature"), sign};
    handing->n_signs = 3;
    return true;
}

/* Whom it was for: of what was nobody's then, the first whom its head names. */
static struct str recipient_of(struct arena *arena, const struct dead_letter *letter)
{
    const struct mime_options options = {0};
    struct str address = STR_NONE;
    struct mail mail;
    if (letter->account.len > 0)
        return letter->account;
    if (mime_read(arena, letter->body, &options, &mail, NULL) && mail.n_sent_to > 0 &&
        mail_address(arena, mail.sent_to[0], &address))
        return address;
    return STR_NONE;
}

static bool sign_mail(struct session *session, const struct dead_letter *letter,
                      struct handing *handing, struct err *err)
{
    struct str token = session->desk.config->mail.gateway_token;
    handing->below = recipient_of(&session->desk.arena, letter);
    if (token.len == 0 || handing->below.len == 0) {
        return err_raise(err, ERR_REJECT,
                         "mail.gateway_token and a recipient hand it in, and one of them is "
                         "not there");
    }
    handing->signs[handing->n_signs++] =
        (struct http_header){STR("Authorization"),
                             arena_format(&session->desk.arena, "Bearer %.*s", STR_ARG(token))};
    return true;
}

static const struct way ways[] = {
    {"whatsapp", "/webhooks/whatsapp", "application/json",                  sign_whatsapp},
    {"twilio",   "/webhooks/twilio",   "application/x-www-form-urlencoded", sign_twilio  },
    {"resend",   "/webhooks/resend",   "application/json",                  sign_resend  },
    {"mime",     "/webhooks/mail/",    "message/rfc822",                    sign_mail    },
};

static const struct way *way_of(struct str provider)
{
    for (size_t i = 0; i < COUNTOF(ways); i++) {
        if (str_eq(provider, str_from(ways[i].provider)))
            return &ways[i];
    }
    return NULL;
}

static bool hand_in(struct session *session, const struct way *way,
                    const struct handing *handing, struct err *err)
{
    struct provider_look look = {0};
    struct str url =
        arena_concat(&session->desk.arena, own_url(session, way->path), handing->below);
    struct http_header headers[1 + SIGNS_MAX] = {
        {STR("Content-Type"), str_from(way->content_type)}
    };
    for (size_t i = 0; i < handing->n_signs; i++)
        headers[1 + i] = handing->signs[i];
    struct http_request request = {.method = "POST",
                                   .url = url,
                                   .headers = headers,
                                   .n_headers = 1 + handing->n_signs,
                                   .body = handing->body};
    if (!doctor_ask(&request, session->desk.config->whatsapp.connect_timeout,
                    session->desk.config->turns.deadline + 5 * USEC_PER_SEC,
                    &session->desk.arena, &look, err))
        return err_wrap(err, "%.*s: is the service up?", STR_ARG(url));
    return judge(look.answer.status, url, err);
}

/* What did not come from a provider is not handed in by one. */
static bool refuse_replay(const struct dead_letter *letter, struct err *err)
{
    if (str_eq(letter->provider, STR("link"))) {
        return err_raise(
            err, ERR_REJECT,
            "it was a tap on a mail's link, which only its reader can repeat: they "
            "were told that it failed, and the link still works");
    }
    if (str_eq(letter->provider, STR("parley"))) {
        return err_raise(err, ERR_REJECT,
                         "it was an event of our own (a reminder, a notice), whose time is "
                         "over: tell the customer yourself if they should know");
    }
    return err_raise(err, ERR_REJECT, "a delivery of %.*s cannot be replayed",
                     STR_ARG(letter->provider));
}

static bool replay_one(struct session *session, const struct dead_letter *letter,
                       struct err *err)
{
    const struct way *way = way_of(letter->provider);
    struct handing handing = {.body = letter->body};
    struct str parts[2] = {letter->account, letter->item};
    struct hash16 hash = hash16_of(parts, 2);
    if (letter->replayed_at > 0) {
        return err_raise(err, ERR_REJECT,
                         "it was replayed already; if it failed again, it is listed anew");
    }
    if (way == NULL)
        return refuse_replay(letter, err);
    return way->sign(session, letter, &handing, err) &&
           dead_forget(session->dead, letter, &hash, err) &&
           hand_in(session, way, &handing, err) &&
           dead_replayed(session->dead, letter, desk_id(), desk_person(NULL), err);
}

static bool replay(struct session *session, const char *id, struct err *err)
{
    struct dead_letter letter = {0};
    if (!find(session, id, &letter, err) || !replay_one(session, &letter, err))
        return err_wrap(err, "%s", id);
    (void)fprintf(session->desk.cli->out, "%s  replayed\n", id);
    return true;
}

/* One that fails stops nothing: each is told. */
static bool replay_each(struct session *session, const char *const *ids)
{
    bool all = true;
    for (; *ids; ids++) {
        struct err err = {0};
        if (!replay(session, *ids, &err)) {
            (void)cli_fail(session->desk.cli, &err);
            all = false;
        }
    }
    return all;
}

static bool replay_all(struct session *session, struct err *err)
{
    const struct dead_letter *letters = NULL;
    size_t n = 0;
    if (!dead_list(session->dead, false, ALL_LIMIT, &session->desk.arena, &letters, &n, err))
        return false;
    const char **ids = arena_array(&session->desk.arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++) { /* oldest first, as they came */
        char *text = arena_alloc(&session->desk.arena, UUID_TEXT_LEN + 1);
        uuid_format(letters[n - 1 - i].id, text);
        ids[i] = text;
    }
    ids[n] = NULL;
    if (n == 0)
        (void)fprintf(session->desk.cli->err, "nothing waits\n");
    return replay_each(session, ids);
}

static bool replay_wished(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    return session->listing.all ? replay_all(session, err) : replay_each(session, words);
}

/* --- the command ---------------------------------------------------------------------------
 */

static bool open_store(struct desk *desk, struct err *err)
{
    const struct config *config = desk->config;
    return dead_open(config->database.url.at, config->database.role,
                     config->database.connect_timeout,
                     &CONTAINER_OF(desk, struct session, desk)->dead, err);
}

static void close_store(struct desk *desk)
{
    dead_close(&CONTAINER_OF(desk, struct session, desk)->dead);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct session session = {.desk.cli = cli, .listing.limit = DESK_LIMIT};
    struct desk_listing *listing = &session.listing;
    const struct cli_option options[] = {
        DESK_LISTING_OPTIONS(listing),
        CLI_FLAG("raw", &session.raw),
        CLI_TEXT("url", &session.url),
        CLI_OPTIONS_END,
    };
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    const struct desk_verb verbs[] = {
        {"list",   0,                    0,                          list         },
        {"show",   1,                    1,                          show         },
        {"replay", listing->all ? 0 : 1, listing->all ? 0 : INT_MAX, replay_wished},
        {NULL,     0,                    0,                          NULL         },
    };
    return desk_run(&session.desk,
                    &(struct desk_work){"say what: list, show ID, or replay ID... (or --all)",
                                        verbs, open_store, close_store},
                    argc, argv);
}

const struct command command_dead = {
    "dead",
    "list, show and replay what could not be handled",
    "list [--all] [--json] [--limit N] | show ID [--raw] | replay ID... [--all] [--url URL]",
    "Deliveries that could not be handled are kept with the reason; so are those of numbers\n"
    "that no business has. `list` shows what waits, newest first, and no word of a customer;\n"
    "`show` prints the delivery too. `replay` hands it to the running service again, signed\n"
    "as the provider would: what was handled before is not handled twice, and what fails\n"
    "again is listed anew.\n\n"
    "  --all       list: replayed ones too; replay: all that wait, oldest first\n"
    "  --json      one object a line\n"
    "  --limit N   at most so many (100)\n"
    "  --raw       only the delivery, byte for byte\n"
    "  --url URL   the webhook to replay to (this machine's, by the settings)\n",
    run,
};
