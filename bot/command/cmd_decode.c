/*
 * parley decode: what a delivery means, for an operator with a puzzling one.
 *
 * Pure: no configuration, no database, no signature asked for. It prints what people wrote, so
 * it is for a terminal.
 */
#include "bot/base/crypto.h"
#include "bot/command/cli.h"
#include "bot/command/commands.h"
#include "webhooks/event_json.h"
#include "webhooks/mime.h"
#include "webhooks/resend_in.h"
#include "webhooks/twilio.h"
#include "webhooks/whatsapp.h"

#include <stdlib.h>

#define BODY_MAX ((size_t)64 << 20)

static bool read_body(FILE *from, struct arena *into, struct str *body, struct err *err)
{
    size_t room = 1 << 16, len = 0;
    char *at = arena_alloc(into, room);
    while (!feof(from) && !ferror(from)) {
        if (len == room) {
            char *more = arena_alloc(into, 2 * room);
            memcpy(more, at, len);
            at = more;
            room *= 2;
        }
        len += fread(at + len, 1, room - len, from);
        if (len > BODY_MAX)
            return err_raise(err, ERR_REJECT, "the body has more than %zu bytes", BODY_MAX);
    }
    *body = (struct str){at, len};
    return !ferror(from) || err_raise(err, ERR_RETRY, "standard input cannot be read");
}

static bool decode_whatsapp(struct arena *arena, struct str body, struct inbound_batch *batch,
                            struct err *err)
{
    return whatsapp_decode(arena, body, batch, err);
}

/* A message, or what became of one. */
static bool decode_twilio(struct arena *arena, struct str body, struct inbound_batch *batch,
                          struct err *err)
{
    struct form form;
    if (!form_read(arena, str_trim(body), &form, err))
        return false;
    if (form_get(&form, "MessageStatus").len == 0)
        return twilio_decode(arena, &form, batch, err);
    *batch = (struct inbound_batch){.events = arena_new(arena, struct event), .n = 1};
    return twilio_decode_status(arena, &form, STR_NONE, batch->events, err);
}

/* The address that a mail was sent to, as if it were ours. */
static struct mail_rules rules_for(struct arena *arena, const struct mail *mail)
{
    struct mail_rules rules = {0};
    struct str address, token;
    for (size_t i = 0; i < mail->n_sent_to && rules.account.len == 0; i++) {
        if (mail_address(arena, mail->sent_to[i], &address))
            rules.account = mail_address_bare(arena, address, &token);
    }
    return rules;
}

/* A mail as it goes over the wire. */
static bool decode_mime(struct arena *arena, struct str body, struct inbound_batch *batch,
                        struct err *err)
{
    const struct mime_options options = {.handle = STR("payload:-")};
    struct mail mail;
    if (!mime_read(arena, body, &options, &mail, err))
        return false;
    struct mail_rules rules = rules_for(arena, &mail);
    mail_events(arena, &rules, &mail, batch);
    return true;
}

/* A webhook, or the mail that its API answers with. */
static bool decode_resend(struct arena *arena, struct str body, struct inbound_batch *batch,
                          struct err *err)
{
    struct resend_news news;
    struct mail mail;
    if (resend_news(arena, body, &news, NULL)) {
        *batch = news.batch;
        return news.received.len == 0 ||
               err_raise(err, ERR_REJECT,
                         "this webhook announces a mail and has none of its words: give what "
                         "GET /emails/receiving/%.*s answers",
                         STR_ARG(news.received));
    }
    if (!resend_read_received(arena, body, &mail, err))
        return false;
    struct mail_rules rules = rules_for(arena, &mail);
    mail_events(arena, &rules, &mail, batch);
    return true;
}

struct provider {
    const char *name;
    bool (*decode)(struct arena *arena, struct str body, struct inbound_batch *batch,
                   struct err *err);
};

static const struct provider providers[] = {
    {"whatsapp", decode_whatsapp},
    {"twilio",   decode_twilio  },
    {"resend",   decode_resend  },
    {"mime",     decode_mime    },
};

static const struct provider *find(const char *name)
{
    for (size_t i = 0; i < COUNTOF(providers); i++) {
        if (strcmp(providers[i].name, name) == 0)
            return &providers[i];
    }
    return NULL;
}

static bool decode(struct cli *cli, const struct provider *provider, struct arena *arena,
                   struct err *err)
{
    struct str body = STR_NONE;
    struct inbound_batch batch = {0};
    if (!crypto_init(err) || !read_body(stdin, arena, &body, err) ||
        !provider->decode(arena, body, &batch, err))
        return false;
    for (size_t i = 0; i < batch.n; i++) {
        struct arena line = {0};
        bool ok =
            cli_print(cli, event_to_json(&line, &batch.events[i])) && cli_print(cli, STR("\n"));
        arena_finish(&line);
        if (!ok)
            return err_raise(err, ERR_RETRY, "could not write");
    }
    (void)fprintf(
        cli->err, "%zu event%s, %zu of kinds that we do not know, %zu broken item%s\n", batch.n,
        CLI_OF(batch.n, "", "s"), batch.unknown, batch.broken, CLI_OF(batch.broken, "", "s"));
    return true;
}

static int run(struct cli *cli, int argc, char **argv)
{
    const struct provider *provider = argc == 2 ? find(argv[1]) : NULL;
    if (provider == NULL)
        return cli_usage(cli, "say whose: whatsapp, twilio, resend, mime");
    struct arena arena = {0};
    struct err err = {0};
    bool ok = decode(cli, provider, &arena, &err);
    arena_finish(&arena);
    return ok ? CLI_DONE : cli_fail(cli, &err);
}

const struct command command_decode = {
    "decode",
    "print what a delivery means",
    "whatsapp|twilio|resend|mime < BODY",
    "Reads a webhook's body from standard input and prints its events, one JSON object a "
    "line.\n"
    "Of a mail (mime: as it goes over the wire; resend: a webhook, or what the API answers "
    "about\n"
    "a received mail) \"text\" is what is new, \"mail\".\"quoted\" what it repeats.\n"
    "Counts, also of items that could not be read, go to standard error.\n",
    run,
};
