/*
 * parley dead: deliveries that could not be handled, for a person to look at and hand in again.
 *
 * A replay goes the way that every delivery goes: signed, over HTTP, into the running service.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "bot/commands.h"
#include "bot/doctor.h"
#include "bot/loop/loop.h"
#include "store/dead.h"
#include "webhooks/whatsapp.h"

#include <pwd.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LIMIT     100
#define ALL_LIMIT 1000000

struct wish {
    bool all, json, raw;
    long limit;
    const char *url;
};

struct session {
    struct cli *cli;
    const struct config *config;
    const struct wish *wish;
    struct dead *dead;
    struct arena arena;
};

static const char *time_text(usec_t at, char text[32])
{
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    struct tm tm;
    (void)strftime(text, 32, "%Y-%m-%d %H:%M:%SZ", gmtime_r(&seconds, &tm));
    return text;
}

/* --- list and show -------------------------------------------------------------------------
 */

static json_t *letter_to_json(const struct dead_letter *letter)
{
    char id[UUID_TEXT_LEN + 1], org[UUID_TEXT_LEN + 1], at[32], replayed[32];
    json_t *object = json_object();
    uuid_format(letter->id, id);
    json_set_text(object, "id", str_from(id));
    json_set_text(object, "at", str_from(time_text(letter->at, at)));
    if (!uuid_is_none(letter->org)) {
        uuid_format(letter->org, org);
        json_set_text(object, "business", str_from(org));
    }
    json_set_text(object, "account", letter->account);
    json_set_text(object, "item", letter->item);
    json_set_text(object, "reason", letter->reason);
    json_set_int(object, "bytes", letter->size);
    if (letter->replayed_at > 0)
        json_set_text(object, "replayed", str_from(time_text(letter->replayed_at, replayed)));
    return object;
}

static bool print_json(struct session *session, const struct dead_letter *letter)
{
    OWNED_JSON(object) = letter_to_json(letter);
    return cli_print(session->cli, json_write(&session->arena, object)) &&
           cli_print(session->cli, STR("\n"));
}

static void print_line(struct session *session, const struct dead_letter *letter)
{
    char id[UUID_TEXT_LEN + 1], at[32];
    uuid_format(letter->id, id);
    (void)fprintf(session->cli->out, "%s  %s  %-8s  %-16.*s  %.*s\n", id,
                  time_text(letter->at, at), letter->replayed_at > 0 ? "replayed" : "waiting",
                  STR_ARG(uuid_is_none(letter->org) ? STR("nobody's") : letter->account),
                  STR_ARG(letter->reason));
}

static bool list(struct session *session, struct err *err)
{
    const struct dead_letter *letters = NULL;
    size_t n = 0;
    if (!dead_list(session->dead, session->wish->all, (size_t)session->wish->limit,
                   &session->arena, &letters, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!session->wish->json) {
            print_line(session, &letters[i]);
        } else if (!print_json(session, &letters[i])) {
            return err_raise(err, ERR_RETRY, "could not write");
        }
    }
    if (!session->wish->json && n == 0) {
        (void)fprintf(session->cli->err, "nothing %s\n",
                      session->wish->all ? "was ever parked" : "waits");
    } else if (n == (size_t)session->wish->limit) {
        (void)fprintf(session->cli->err, "there may be more: --limit N shows them\n");
    }
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
    return dead_find(session->dead, id, &session->arena, letter, err);
}

static bool show(struct session *session, const char *id, struct err *err)
{
    struct dead_letter letter = {0};
    if (!find(session, id, &letter, err))
        return false;
    bool ok = session->wish->raw || print_json(session, &letter);
    if (!session->wish->raw)
        (void)fflush(session->cli->out);
    ok = ok && cli_print(session->cli, letter.body) &&
         (session->wish->raw || cli_print(session->cli, STR("\n")));
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
        whatsapp_decode(&session->arena, letter->body, &batch, &ignored)) {
        for (size_t i = 0; i < batch.n && name.len == 0; i++) {
            account = batch.events[i].account.len > 0 ? batch.events[i].account
                                                      : batch.events[i].business;
            if (!dead_app_of(session->dead, account, &session->arena, &name, err))
                return false;
        }
        if (name.len == 0) {
            return err_raise(err, ERR_REJECT,
                             "no business has the number %.*s yet: add it, then replay",
                             STR_ARG(account));
        }
    }
    *app = name.len > 0
               ? app_called(session->config, name)
               : (session->config->whatsapp.n_apps ? session->config->whatsapp.apps : NULL);
    return *app || err_raise(err, ERR_REJECT,
                             "the app '%.*s' that signs for %.*s is not in the settings: see "
                             "whatsapp.apps",
                             STR_ARG(name), STR_ARG(account));
}

static struct str own_url(struct session *session)
{
    const struct config *config = session->config;
    struct str host = config->listen.address;
    bool any = str_eq(host, STR("0.0.0.0")) || str_eq(host, STR("::"));
    bool six = memchr(host.at, ':', host.len) != NULL;
    if (session->wish->url)
        return str_from(session->wish->url);
    if (any)
        host = six ? STR("::1") : STR("127.0.0.1");
    return arena_format(&session->arena, "%s://%s%.*s%s:%u/webhooks/whatsapp",
                        config->tls.cert.len > 0 ? "https" : "http", six ? "[" : "",
                        STR_ARG(host), six ? "]" : "", config->listen.port);
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

static bool hand_in(struct session *session, const struct config_app *app, struct str body,
                    struct err *err)
{
    struct hash mac = hmac_sha256(app->app_secret, body);
    char hex[2 * sizeof(mac.bytes) + 1];
    struct provider_look look = {0};
    struct str url = own_url(session);
    hex_format(mac.bytes, sizeof(mac.bytes), hex);
    struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        { STR("X-Hub-Signature-256"), arena_format(&session->arena,                           "sha256=%s", hex)},
    };
    struct http_request request = {.method = "POST",
                                   .url = url,
                                   .headers = headers,
                                   .n_headers = COUNTOF(headers),
                                   .body = body};
    if (!doctor_ask(&request, session->config->whatsapp.connect_timeout,
                    session->config->turns.deadline + 5 * USEC_PER_SEC, &session->arena, &look,
                    err))
        return err_wrap(err, "%.*s: is the service up?", STR_ARG(url));
    return judge(look.answer.status, url, err);
}

static struct uuid new_id(void)
{
    uint8_t random[10];
    random_bytes(random, sizeof(random));
    return uuid_v7(clock_now(), random);
}

static const char *who(void)
{
    const struct passwd *user =
        getpwuid(getuid()); /* NOLINT(concurrency-mt-unsafe): one thread */
    return user ? user->pw_name : "operator";
}

static bool replay_one(struct session *session, const struct dead_letter *letter,
                       struct err *err)
{
    const struct config_app *app = NULL;
    struct str parts[2] = {letter->account, letter->item};
    struct hash16 hash = hash16_of(parts, 2);
    if (letter->replayed_at > 0) {
        return err_raise(err, ERR_REJECT,
                         "it was replayed already; if it failed again, it is listed anew");
    }
    return find_app(session, letter, &app, err) &&
           dead_forget(session->dead, letter, &hash, err) &&
           hand_in(session, app, letter->body, err) &&
           dead_replayed(session->dead, letter, new_id(), who(), err);
}

/* One that fails stops nothing: each is told. */
static bool replay(struct session *session, const char *id, struct err *err)
{
    struct dead_letter letter = {0};
    if (!find(session, id, &letter, err) || !replay_one(session, &letter, err))
        return err_wrap(err, "%s", id);
    (void)fprintf(session->cli->out, "%s  replayed\n", id);
    return true;
}

static int replay_each(struct session *session, int n, const char *const *ids)
{
    int status = CLI_DONE;
    for (int i = 0; i < n; i++) {
        struct err err = {0};
        if (!replay(session, ids[i], &err))
            status = cli_fail(session->cli, &err);
    }
    return status;
}

static int replay_all(struct session *session, struct err *err)
{
    const struct dead_letter *letters = NULL;
    size_t n = 0;
    if (!dead_list(session->dead, false, ALL_LIMIT, &session->arena, &letters, &n, err))
        return cli_fail(session->cli, err);
    const char **ids = arena_array(&session->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++) { /* oldest first, as they came */
        char *text = arena_alloc(&session->arena, UUID_TEXT_LEN + 1);
        uuid_format(letters[n - 1 - i].id, text);
        ids[i] = text;
    }
    if (n == 0)
        (void)fprintf(session->cli->err, "nothing waits\n");
    return replay_each(session, (int)n, ids);
}

/* --- the command ---------------------------------------------------------------------------
 */

static bool read_options(int argc, char **argv, struct wish *wish)
{
    static const struct option options[] = {
        {"all",        no_argument, NULL, 'a'},
        {"json",        no_argument, NULL, 'j'},
        {"raw",            no_argument, NULL, 'r'},
        {"limit",required_argument, NULL, 'l'},
        {"url",         required_argument, NULL, 'u'},
        {0       },
    };
    int option;
    char *end;
    while ((option = cli_option(argc, argv, options)) != -1) {
        switch (option) {
        case 'a':
            wish->all = true;
            break;
        case 'j':
            wish->json = true;
            break;
        case 'r':
            wish->raw = true;
            break;
        case 'l':
            wish->limit = strtol(optarg, &end, 10);
            if (*end || wish->limit < 1 || wish->limit > ALL_LIMIT)
                return false;
            break;
        case 'u':
            wish->url = optarg;
            break;
        default:
            return false;
        }
    }
    return true;
}

static int act(struct session *session, const char *verb, int n, const char *const *ids)
{
    struct err err = {0};
    const struct config *config = session->config;
    if (!crypto_init(&err) ||
        !dead_open(config->database.url.at, config->database.role,
                   config->database.connect_timeout, &session->dead, &err))
        return cli_fail(session->cli, &err);
    if (strcmp(verb, "replay") == 0)
        return session->wish->all ? replay_all(session, &err) : replay_each(session, n, ids);
    bool ok = strcmp(verb, "list") == 0 ? list(session, &err) : show(session, ids[0], &err);
    return ok ? CLI_DONE : cli_fail(session->cli, &err);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct wish wish = {.limit = LIMIT};
    if (!read_options(argc, argv, &wish))
        return cli_usage(cli, NULL);
    const char *verb = optind < argc ? argv[optind] : "";
    int n = argc - optind - 1;
    bool right = strcmp(verb, "list") == 0     ? n == 0
                 : strcmp(verb, "show") == 0   ? n == 1
                 : strcmp(verb, "replay") == 0 ? (wish.all ? n == 0 : n > 0)
                                               : false;
    if (!right)
        return cli_usage(cli, "say what: list, show ID, or replay ID... (or --all)");
    struct config *config = cli_config(cli);
    if (!config)
        return CLI_FAILED;
    struct session session = {.cli = cli, .config = config, .wish = &wish};
    int status = act(&session, verb, n, (const char *const *)argv + optind + 1);
    dead_close(&session.dead);
    arena_finish(&session.arena);
    config_destroy(config);
    return status;
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
