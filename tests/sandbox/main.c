/*
 * parley-sandbox: the WhatsApp Cloud API, Twilio and a phone, for tests and the demo.
 *
 * Start: the journal is read and applied before the port opens, so that a message id or a debt
 * from before a crash is known to whoever asks. Stop: SIGTERM or SIGINT ends it at once; kill
 * -9 is as good, which is the point.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char usage[] =
    "usage: parley-sandbox --port N --webhook URL [options]\n"
    "       parley-sandbox --dump JOURNAL\n"
    "\n"
    "Plays the WhatsApp Cloud API on 127.0.0.1: POST /v26.0/{number}/messages and the rest,\n"
    "Twilio: POST /2010-04-01/Accounts/{sid}/Messages.json, a phone to chat with on /, and\n"
    "/control/ for tests.\n"
    "\n"
    "  --port N             listen here (0: any; the address is printed)\n"
    "  --webhook URL        where signed webhooks go\n"
    "  --app-secret S       signs them          (or WHATSAPP_APP_SECRET)\n"
    "  --token T            what callers bear   (or WHATSAPP_TOKEN)\n"
    "  --number ID=DIGITS   a phone number id and the number; may be repeated\n"
    "  --waba ID            the business account\n"
    "  --twilio-sid SID     Twilio's account    (or TWILIO_ACCOUNT_SID)\n"
    "  --twilio-token T     its token, which signs callbacks (or TWILIO_AUTH_TOKEN)\n"
    "  --sms-number E164    its number          (or TWILIO_PHONE_NUMBER)\n"
    "  --resend-key K       what callers of Resend's API bear (or RESEND_API_KEY)\n"
    "  --business NAME      the name over the chat\n"
    "  --journal FILE       keep what arrives and what is owed\n"
    "  --media DIR          keep files (default: FILE.media)\n"
    "  --people FILE        JSON list of {phone or user_id, name, language, note}\n"
    "  --openapi FILE       hold messages against this description, too\n"
    "  --twilio-openapi FILE   the same for SMS\n"
    "  --resend-openapi FILE   the same for mails\n"
    "  --resend-secret S    signs what Resend tells of mails (RESEND_WEBHOOK_SECRET)\n"
    "  --stripe-key K       what callers of Stripe's API bear (or STRIPE_SECRET_KEY)\n"
    "  --stripe-secret S    signs what Stripe tells (or STRIPE_WEBHOOK_SECRET)\n"
    "  --stripe-openapi FILE   hold what is asked of Stripe against this description\n"
    "  --mail-address A     where people write to the business\n"
    "  --smtp-port N        also a mail server (default none)\n"
    "  --smtp-cert FILE     it wants STARTTLS; its certificate, made at start, goes here\n"
    "  --smtp-user NAME     it wants to know who calls (password: SMTP_PASSWORD)\n"
    "  --crm-secret S       a CRM takes events at /crm/events (or CRM_SECRET)\n"
    "  --crm-source URI     for whom that CRM speaks when it tells the service something\n"
    "  --mail-token T       a mail gateway's, for raw mail (MAIL_GATEWAY_TOKEN)\n"
    "  --faults JSON        as POST /control/faults\n"
    "  --seed N             for the faults' dice\n"
    "  --delivered-after MS (default 150; -1 never)\n"
    "  --read-after MS      (default -1: when the page looks)\n"
    "  --no-user-ids        people with a number show no user id\n"
    "  --fast               keep nothing, check nothing, call nobody back\n"
    "  --dump JOURNAL       print what arrived, a line of JSON each\n"
    "  --picture NAME       print the picture /pictures/NAME as a file\n";

enum option_id {
    OPT_PORT = 256,
    OPT_WEBHOOK,
    OPT_SECRET,
    OPT_TOKEN,
    OPT_NUMBER,
    OPT_WABA,
    OPT_BUSINESS,
    OPT_JOURNAL,
    OPT_MEDIA,
    OPT_PEOPLE,
    OPT_OPENAPI,
    OPT_TWILIO_OPENAPI,
    OPT_TWILIO_SID,
    OPT_TWILIO_TOKEN,
    OPT_SMS_NUMBER,
    OPT_RESEND_KEY,
    OPT_RESEND_OPENAPI,
    OPT_RESEND_SECRET,
    OPT_MAIL_ADDRESS,
    OPT_STRIPE_KEY,
    OPT_STRIPE_SECRET,
    OPT_STRIPE_OPENAPI,
    OPT_MAIL_TOKEN,
    OPT_CRM_SECRET,
    OPT_CRM_SOURCE,
    OPT_SMTP_PORT,
    OPT_SMTP_CERT,
    OPT_SMTP_USER,
    OPT_FAULTS,
    OPT_SEED,
    OPT_DELIVERED,
    OPT_READ,
    OPT_NO_USER_IDS,
    OPT_FAST,
    OPT_DUMP,
    OPT_PICTURE,
    OPT_HELP
};

static const struct option options[] = {
    {"port",            required_argument, NULL, OPT_PORT          },
    {"webhook",         required_argument, NULL, OPT_WEBHOOK       },
    {"app-secret",      required_argument, NULL, OPT_SECRET        },
    {"token",           required_argument, NULL, OPT_TOKEN         },
    {"number",          required_argument, NULL, OPT_NUMBER        },
    {"waba",            required_argument, NULL, OPT_WABA          },
    {"business",        required_argument, NULL, OPT_BUSINESS      },
    {"journal",         required_argument, NULL, OPT_JOURNAL       },
    {"media",           required_argument, NULL, OPT_MEDIA         },
    {"people",          required_argument, NULL, OPT_PEOPLE        },
    {"openapi",         required_argument, NULL, OPT_OPENAPI       },
    {"twilio-openapi",  required_argument, NULL, OPT_TWILIO_OPENAPI},
    {"twilio-sid",      required_argument, NULL, OPT_TWILIO_SID    },
    {"twilio-token",    required_argument, NULL, OPT_TWILIO_TOKEN  },
    {"sms-number",      required_argument, NULL, OPT_SMS_NUMBER    },
    {"resend-key",      required_argument, NULL, OPT_RESEND_KEY    },
    {"resend-openapi",  required_argument, NULL, OPT_RESEND_OPENAPI},
    {"resend-secret",   required_argument, NULL, OPT_RESEND_SECRET },
    {"stripe-key",      required_argument, NULL, OPT_STRIPE_KEY    },
    {"stripe-secret",   required_argument, NULL, OPT_STRIPE_SECRET },
    {"stripe-openapi",  required_argument, NULL, OPT_STRIPE_OPENAPI},
    {"mail-address",    required_argument, NULL, OPT_MAIL_ADDRESS  },
    {"smtp-port",       required_argument, NULL, OPT_SMTP_PORT     },
    {"smtp-cert",       required_argument, NULL, OPT_SMTP_CERT     },
    {"smtp-user",       required_argument, NULL, OPT_SMTP_USER     },
    {"mail-token",      required_argument, NULL, OPT_MAIL_TOKEN    },
    {"crm-secret",      required_argument, NULL, OPT_CRM_SECRET    },
    {"crm-source",      required_argument, NULL, OPT_CRM_SOURCE    },
    {"faults",          required_argument, NULL, OPT_FAULTS        },
    {"seed",            required_argument, NULL, OPT_SEED          },
    {"delivered-after", required_argument, NULL, OPT_DELIVERED     },
    {"read-after",      required_argument, NULL, OPT_READ          },
    {"no-user-ids",     no_argument,       NULL, OPT_NO_USER_IDS   },
    {"fast",            no_argument,       NULL, OPT_FAST          },
    {"dump",            required_argument, NULL, OPT_DUMP          },
    {"picture",         required_argument, NULL, OPT_PICTURE       },
    {"help",            no_argument,       NULL, OPT_HELP          },
    {NULL,              0,                 NULL, 0                 },
};

/* --- options
 * ---------------------------------------------------------------------------------- */

static bool add_number(struct settings *settings, char *text, struct err *err)
{
    char *equals = strchr(text, '=');
    if (!equals || settings->n_numbers == NUMBERS_MAX)
        return err_raise(err, ERR_REJECT, "--number: ID=DIGITS, at most %d", NUMBERS_MAX);
    *equals = '\0';
    settings->numbers[settings->n_numbers++] = (struct number){text, equals + 1};
    return true;
}

static bool set_number(const char *text, int64_t *value, struct err *err)
{
    if (!str_to_int(str_from(text), value))
        return err_raise(err, ERR_REJECT, "%s: not a number", text);
    return true;
}

static bool set_faults(struct faults *faults, const char *text, struct err *err)
{
    OWNED_JSON(wish) = NULL;
    if (!json_read(str_from(text), &wish, err) || !faults_set(faults, wish, err))
        return err_wrap(err, "--faults");
    return true;
}

static const char *from_environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && value[0] ? value : otherwise;
}

static bool set_option(struct sandbox *sandbox, int id, char *value, struct err *err)
{
    struct settings *s = &sandbox->settings;
    int64_t number = 0;
    switch (id) {
    case OPT_PORT:
        if (!set_number(value, &number, err) || number < 0 || number > 65535)
            return err_raise(err, ERR_REJECT, "--port: 0 to 65535");
        s->port = (int)number;
        return true;
    case OPT_SEED:
        if (!set_number(value, &number, err))
            return false;
        sandbox->faults.dice = (uint64_t)number;
        return true;
    case OPT_WEBHOOK:
        s->webhook_url = value;
        return true;
    case OPT_SECRET:
        s->app_secret = value;
        return true;
    case OPT_TOKEN:
        s->token = value;
        return true;
    case OPT_NUMBER:
        return add_number(s, value, err);
    case OPT_WABA:
        s->waba = value;
        return true;
    case OPT_BUSINESS:
        s->business = value;
        return true;
    case OPT_JOURNAL:
        s->journal = value;
        return true;
    case OPT_MEDIA:
        s->media_dir = value;
        return true;
    case OPT_PEOPLE:
        s->people = value;
        return true;
    case OPT_OPENAPI:
        s->openapi = value;
        return true;
    case OPT_TWILIO_OPENAPI:
        s->twilio_openapi = value;
        return true;
    case OPT_RESEND_KEY:
        s->resend_key = value;
        return true;
    case OPT_RESEND_OPENAPI:
        s->resend_openapi = value;
        return true;
    case OPT_STRIPE_KEY:
        s->stripe_key = value;
        return true;
    case OPT_STRIPE_SECRET:
        s->stripe_secret = value;
        return true;
    case OPT_STRIPE_OPENAPI:
        s->stripe_openapi = value;
        return true;
    case OPT_RESEND_SECRET:
        s->resend_secret = value;
        return true;
    case OPT_MAIL_ADDRESS:
        s->mail_address = value;
        return true;
    case OPT_SMTP_PORT:
        if (!set_number(value, &number, err) || number < 1 || number > 65535)
            return err_raise(err, ERR_REJECT, "--smtp-port: 1 to 65535");
        s->smtp_port = (int)number;
        return true;
    case OPT_SMTP_CERT:
        s->smtp_cert = value;
        return true;
    case OPT_SMTP_USER:
        s->smtp_user = value;
        s->smtp_password = from_environment("SMTP_PASSWORD", "");
        return true;
    case OPT_CRM_SECRET:
        s->crm_secret = value;
        return true;
    case OPT_CRM_SOURCE:
        s->crm_source = value;
        return true;
    case OPT_MAIL_TOKEN:
        s->mail_token = value;
        return true;
    case OPT_TWILIO_SID:
        s->twilio_sid = value;
        return true;
    case OPT_TWILIO_TOKEN:
        s->twilio_token = value;
        return true;
    case OPT_SMS_NUMBER:
        s->sms_number = value;
        return true;
    case OPT_FAULTS:
        return set_faults(&sandbox->faults, value, err);
    case OPT_DELIVERED:
        return set_number(value, &s->delivered_ms, err);
    case OPT_READ:
        return set_number(value, &s->read_ms, err);
    case OPT_NO_USER_IDS:
        s->user_ids = false;
        return true;
    case OPT_FAST:
        s->fast = true;
        return true;
    default:
        return err_raise(err, ERR_REJECT, "unknown option (--help lists them)");
    }
}

static bool complete_settings(struct settings *s, struct err *err)
{
    if (!s->app_secret)
        s->app_secret = from_environment("WHATSAPP_APP_SECRET", NULL);
    if (!s->token)
        s->token = from_environment("WHATSAPP_TOKEN", NULL);
    if (s->n_numbers == 0) {
        s->numbers[s->n_numbers++] = (struct number){
            from_environment("WHATSAPP_PHONE_NUMBER_ID", "106540352242922"), "15550783881"};
    }
    if (!s->waba)
        s->waba = from_environment("WHATSAPP_WABA_ID", "102290129340398");
    if (!s->twilio_sid)
        s->twilio_sid = from_environment("TWILIO_ACCOUNT_SID", NULL);
    if (!s->resend_key)
        s->resend_key = from_environment("RESEND_API_KEY", NULL);
    if (!s->stripe_key)
        s->stripe_key = from_environment("STRIPE_SECRET_KEY", NULL);
    if (!s->stripe_secret)
        s->stripe_secret = from_environment("STRIPE_WEBHOOK_SECRET", NULL);
    if (!s->resend_secret)
        s->resend_secret = from_environment("RESEND_WEBHOOK_SECRET", NULL);
    if (!s->crm_secret)
        s->crm_secret = from_environment("CRM_SECRET", NULL);
    if (!s->mail_token)
        s->mail_token = from_environment("MAIL_GATEWAY_TOKEN", NULL);
    if (!s->twilio_token)
        s->twilio_token = from_environment("TWILIO_AUTH_TOKEN", NULL);
    if (!s->sms_number)
        s->sms_number = from_environment("TWILIO_PHONE_NUMBER", NULL);
    if (!s->app_secret || !s->token)
        return err_raise(err, ERR_REJECT, "--app-secret and --token are needed");
    if (!s->webhook_url && !s->fast)
        return err_raise(err, ERR_REJECT, "--webhook is needed");
    return true;
}

static void dump_record(struct journal_reader *reader, const json_t *record)
{
    (void)reader;
    const char *t = json_string_value(json_object_get(record, "t"));
    const json_t *mail;
    size_t i;
    if (t && (strcmp(t, "got") == 0 || strcmp(t, "sms") == 0 || strcmp(t, "mail") == 0)) {
        json_dumpf(record, stdout, JSON_COMPACT);
        putchar('\n');
    }
    json_array_foreach(json_object_get(record, "mails"), i, mail)
    {
        json_dumpf(mail, stdout, JSON_COMPACT);
        putchar('\n');
    }
}

/* --- serving
 * ----------------------------------------------------------------------------------- */

static void handle(struct http_handler *handler, struct http_exchange *exchange)
{
    struct sandbox *sandbox = CONTAINER_OF(handler, struct sandbox, handler);
    if (!control_handle(sandbox, exchange) && !page_handle(exchange) &&
        !picture_handle(exchange) && !twilio_handle(sandbox, exchange) &&
        !resend_handle(sandbox, exchange) && !crm_handle(sandbox, exchange) &&
        !stripe_handle(sandbox, exchange))
        graph_handle(sandbox, exchange);
}

static bool listen_on(struct settings *settings, int *fd, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)settings->port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int yes = 1;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return err_raise(err, ERR_BROKEN, "socket: %s", strerror(errno));
    if (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        bind(*fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(*fd, 1024) != 0 || getsockname(*fd, (struct sockaddr *)&address, &len) != 0)
        return err_raise(err, ERR_BROKEN, "127.0.0.1:%d: %s", settings->port, strerror(errno));
    settings->port = ntohs(address.sin_port);
    return true;
}

struct replay {
    struct journal_reader reader;
    struct sandbox *sandbox;
};

static void replay(struct journal_reader *reader, const json_t *record)
{
    callbacks_replay(CONTAINER_OF(reader, struct replay, reader)->sandbox, record);
}

static bool remember(struct sandbox *sandbox, struct err *err)
{
    static char media_dir[4096];
    struct settings *s = &sandbox->settings;
    struct replay all = {{replay}, sandbox};
    if (s->journal && !s->media_dir) {
        (void)snprintf(media_dir, sizeof(media_dir), "%s.media", s->journal);
        s->media_dir = media_dir;
    }
    media_load(sandbox);
    if (s->people && !chats_load_people(sandbox, s->people, err))
        return false;
    return (!s->journal || journal_read(s->journal, &all.reader, err)) &&
           journal_create(&sandbox->loop, s->journal, &sandbox->journal, err);
}

static bool find_descriptions(struct sandbox *sandbox, struct err *err)
{
    const struct settings *settings = &sandbox->settings;

    return description_at(&sandbox->openapi, settings->openapi, err) &&
           description_at(&sandbox->twilio_openapi, settings->twilio_openapi, err) &&
           description_at(&sandbox->resend_openapi, settings->resend_openapi, err) &&
           description_at(&sandbox->stripe_openapi, settings->stripe_openapi, err);
}

static bool start(struct sandbox *sandbox, int *fd, struct err *err)
{
    struct http_server_options serving = {
        .limits = {.body_max = 20UL * 1024 * 1024,
                   .header_time = 10 * USEC_PER_SEC,
                   .body_time = 60 * USEC_PER_SEC,
                   .idle_time = 300 * USEC_PER_SEC,
                   .connections = 4000,
                   .bodies_max = 256UL * 1024 * 1024}
    };
    struct fetch_options fetching = {
        .connections = 256, .allow_http = true, .user_agent = "parley-sandbox"};
    if (!crypto_init(err) || !loop_init(&sandbox->loop, err) || !remember(sandbox, err) ||
        !find_descriptions(sandbox, err) || !listen_on(&sandbox->settings, fd, err))
        return false;
    (void)snprintf(sandbox->base_url, sizeof(sandbox->base_url), "http://127.0.0.1:%d",
                   sandbox->settings.port);
    sandbox->handler.handle = handle;
    if (!http_server_create(&sandbox->loop, &serving, &sandbox->handler, &sandbox->server,
                            err) ||
        !fetcher_create(&sandbox->loop, &fetching, &sandbox->fetcher, err))
        return false;
    callbacks_begin(sandbox);
    stripe_begin(sandbox);
    return smtp_listen(sandbox, err) && http_server_listen(sandbox->server, *fd, err);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    loop_stop(CONTAINER_OF(signal->loop, struct loop, uv));
}

static void stop(struct sandbox *sandbox)
{
    sandbox->stopping = true;
    smtp_stop(sandbox);
    fetcher_destroy(sandbox->fetcher);
    journal_destroy(sandbox->journal); /* its waiters hold exchanges and debts */
    http_server_destroy(sandbox->server);
    callbacks_finish(sandbox);
    stripe_stop(sandbox);
    loop_finish(&sandbox->loop);
    chats_finish(sandbox);
    description_finish(&sandbox->openapi);
    description_finish(&sandbox->twilio_openapi);
    description_finish(&sandbox->resend_openapi);
    description_finish(&sandbox->stripe_openapi);
    stripe_finish(sandbox);
    json_decref(sandbox->mail_keys);
    json_decref(sandbox->templates);
    json_decref(sandbox->media);
    json_decref(sandbox->findings);
    json_decref(sandbox->keys);
    json_decref(sandbox->crm_events);
    json_decref(sandbox->crm_plan);
}

static int serve(struct sandbox *sandbox)
{
    struct err err;
    int fd = -1;
    uv_signal_t signals[2];
    if (!start(sandbox, &fd, &err)) {
        (void)fprintf(stderr, "parley-sandbox: %s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < COUNTOF(signals); i++) {
        uv_signal_init(&sandbox->loop.uv, &signals[i]);
        uv_signal_start(&signals[i], on_signal, i == 0 ? SIGTERM : SIGINT);
    }
    printf("%s\n", sandbox->base_url);
    (void)fflush(stdout);
    loop_run(&sandbox->loop);
    for (size_t i = 0; i < COUNTOF(signals); i++)
        uv_close((uv_handle_t *)&signals[i], NULL);
    close(fd);
    stop(sandbox);
    return 0;
}

static int dump(const char *path)
{
    struct err err;
    struct journal_reader reader = {dump_record};
    if (journal_read(path, &reader, &err))
        return 0;
    (void)fprintf(stderr, "parley-sandbox: %s\n", err.text);
    return 1;
}

static int draw(const char *name)
{
    struct arena arena = {0};
    struct str path = arena_format(&arena, "/pictures/%s", name);
    struct str picture = picture_of(&arena, path);
    bool ok = fwrite(picture.at, 1, picture.len, stdout) == picture.len && fflush(stdout) == 0;
    arena_finish(&arena);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct sandbox sandbox;
    struct err err;
    int id;
    sandbox = (struct sandbox){
        .settings = {.business = "Parley Demo Shop",
                     .delivered_ms = 150,
                     .read_ms = -1,
                     .user_ids = true},
        .index = json_object(),
        .templates = json_array(),
        .media = json_object(),
        .findings = json_array(),
        .keys = json_object(),
        .mail_keys = json_object(),
        .next_n = 1
    };
    sandbox.last_person = &sandbox.people;
    (void)signal(SIGPIPE, SIG_IGN);
    while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (id == OPT_DUMP)
            return dump(optarg);
        if (id == OPT_PICTURE)
            return draw(optarg);
        if (id == OPT_HELP) {
            (void)fputs(usage, stdout);
            return 0;
        }
        if (!set_option(&sandbox, id, optarg, &err)) {
            (void)fprintf(stderr, "parley-sandbox: %s\n", err.text);
            return 2;
        }
    }
    if (optind < argc || !complete_settings(&sandbox.settings, &err)) {
        (void)fprintf(stderr, "parley-sandbox: %s\n", optind < argc ? usage : err.text);
        return 2;
    }
    return serve(&sandbox);
}
