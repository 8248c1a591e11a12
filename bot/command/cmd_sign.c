/*
 * parley sign: the three headers that sign a file for POST /v1/events, for curl.
 */
#include "bot/base/crypto.h"
#include "bot/command/commands.h"
#include "bot/loop/loop.h"
#include "webhooks/svix.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_MOST ((size_t)64 << 20)

static bool read_file(const char *name, struct arena *into, struct str *text, struct err *err)
{
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    size_t room = 1 << 16, n = 0;
    char *at = arena_alloc(into, room);

    if (file == NULL)
        return err_raise(err, ERR_REJECT, "%s: %s", name, strerrordesc_np(errno));
    while (n < FILE_MOST) {
        size_t got = fread(at + n, 1, room - n, file);
        n += got;
        if (got == 0)
            break;
        if (n == room) {
            char *wider = arena_alloc(into, room * 2);
            memcpy(wider, at, n);
            at = wider;
            room *= 2;
        }
    }
    if (file != stdin)
        (void)fclose(file);
    *text = (struct str){at, n};
    return n < FILE_MOST || err_raise(err, ERR_REJECT, "%s: more than 64 MB", name);
}

/* NULL: there is none, or more than one and no name. */
static const struct config_crm_app *find_app(const struct config *config, const char *name,
                                             struct err *err)
{
    for (size_t i = 0; i < config->crm.n_apps; i++) {
        if (name == NULL ? config->crm.n_apps == 1
                         : str_eq(config->crm.apps[i].name, str_from(name)))
            return &config->crm.apps[i];
    }
    (void)err_raise(err, ERR_REJECT, "%s",
                    config->crm.n_apps == 0 ? "the settings have no crm.apps.NAME.secret"
                    : name == NULL          ? "there are several apps: say --app NAME"
                                            : "the settings have no such app");
    return NULL;
}

static bool sign(struct cli *cli, const struct config *config, const char *name,
                 const char *app_name, struct arena *arena, struct err *err)
{
    const struct config_crm_app *app = find_app(config, app_name, err);
    struct str body = STR_NONE, id, at;
    uint8_t chance[HASH16_LEN];
    char hex[2 * HASH16_LEN + 1];

    if (app == NULL || !crypto_init(err) || !read_file(name, arena, &body, err))
        return false;
    random_bytes(chance, sizeof chance);
    hex_format(chance, sizeof chance, hex);
    id = arena_format(arena, "msg_%s", hex);
    at = arena_format(arena, "%lld", (long long)(clock_now() / USEC_PER_SEC));
    return cli_print(cli, arena_format(arena,
                                       "webhook-id: %.*s\nwebhook-timestamp: %.*s\n"
                                       "webhook-signature: %.*s\n",
                                       STR_ARG(id), STR_ARG(at),
                                       STR_ARG(svix_sign(arena, app->secret, id, at, body)))) ||
           err_raise(err, ERR_RETRY, "could not write");
}

static int run(struct cli *cli, int argc, char **argv)
{
    const char *app = NULL;
    const struct cli_option options[] = {
        CLI_TEXT_TO("app", &app, 40),
        CLI_OPTIONS_END,
    };
    struct config *config;
    struct arena arena = {0};
    struct err err = {0};
    bool ok;

    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    if (argc - optind != 1)
        return cli_usage(cli, "say which file");
    config = cli_config(cli);
    if (config == NULL)
        return CLI_FAILED;
    ok = sign(cli, config, argv[optind], app, &arena, &err);
    arena_finish(&arena);
    config_destroy(config);
    return ok ? CLI_DONE : cli_fail(cli, &err);
}

const struct command command_sign = {
    "sign",
    "the headers that sign a CRM's events",
    "FILE [--app NAME]",
    "Prints the three headers of Standard Webhooks for a file as it is ('-': standard input), "
    "signed\n"
    "with crm.apps.NAME.secret; they hold for five minutes:\n\n"
    "  parley sign order.json |\n"
    "    curl -H @- -H 'Content-Type: application/cloudevents+json' --data-binary @order.json "
    "\\\n"
    "      http://127.0.0.1:8080/v1/events\n\n"
    "  --app NAME  which app, when there are several\n",
    run,
};
