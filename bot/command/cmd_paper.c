/*
 * parley paper: what the business's papers look like.
 */
#include "bot/base/crypto.h"
#include "bot/base/sniff.h"
#include "bot/command/commands.h"
#include "store/plain.h"
#include "store/workflows.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#define LOGO_MAX 262144 /* as business_logos has it */
#define SIDE_MAX 2000   /* pixels: a paper has no use for more */

struct session {
    struct cli *cli;
    const char *business, *as;
    struct uuid org;
    PGconn *conn;
    struct arena arena;
};

static const char *who(const struct session *session)
{
    const struct passwd *user =
        getpwuid(getuid()); /* NOLINT(concurrency-mt-unsafe): one thread */

    if (session->as)
        return session->as;
    return user ? user->pw_name : "operator";
}

static void fresh_id(char text[UUID_TEXT_LEN + 1])
{
    uint8_t random[10];

    random_bytes(random, sizeof(random));
    uuid_format(uuid_v7(clock_now(), random), text);
}

static bool find_business(struct session *session, const struct config *config, struct err *err)
{
    struct workflows *store = NULL;
    bool ok;

    if (session->business) {
        return uuid_parse(str_from(session->business), &session->org) ||
               err_raise(err, ERR_REJECT, "'%s' is not the id of a business",
                         session->business);
    }
    ok = workflows_open(config->database.owner_url.at, config->database.connect_timeout, &store,
                        err) &&
         workflows_only_business(store, &session->org, err);
    workflows_close(&store);
    return ok;
}

/* One that every page can show: by its bytes, whatever it is called. */
static bool read_logo(struct session *session, const char *path, struct str *bytes,
                      struct err *err)
{
    char *at = arena_alloc(&session->arena, LOGO_MAX + 1);
    FILE *file = fopen(path, "rbe");
    struct file_look look;

    if (!file)
        return err_raise(err, ERR_REJECT, "%s: cannot be read", path);
    *bytes = (struct str){at, fread(at, 1, LOGO_MAX + 1, file)};
    (void)fclose(file);
    if (bytes->len > LOGO_MAX)
        return err_raise(err, ERR_REJECT, "%s: a logo may have 256 KB", path);
    look = file_sniff(*bytes);
    if (look.verdict != FILE_FINE || look.kind != FILE_PNG)
        return err_raise(err, ERR_REJECT, "%s: it is no PNG", path);
    return (look.width <= SIDE_MAX && look.height <= SIDE_MAX) ||
           err_raise(err, ERR_REJECT, "%s: it may have %d pixels a side", path, SIDE_MAX);
}

static bool change(struct session *session, const char *path, struct err *err)
{
    char org[UUID_TEXT_LEN + 1], id[UUID_TEXT_LEN + 1];
    OWNED_ROWS(rows) = NULL;
    struct str bytes = STR_NONE;

    uuid_format(session->org, org);
    fresh_id(id);
    if (strcmp(path, "none") == 0) {
        const char *const values[] = {org, who(session), id};
        return plain_begin(session->conn, session->org, err) &&
               plain_ask(session->conn, &SQL_PAPER_LOGO_DROP, 3, values, &rows, err) &&
               plain_command(session->conn, "commit", err) &&
               (rows_n(rows) > 0 || err_raise(err, ERR_REJECT, "there is no logo"));
    }
    if (!read_logo(session, path, &bytes, err))
        return false;
    char *hex = arena_alloc(&session->arena, 2 + 2 * bytes.len + 1);
    const char *const values[] = {org, hex, who(session), id};
    hex[0] = '\\';
    hex[1] = 'x';
    hex_format((const uint8_t *)bytes.at, bytes.len, hex + 2);
    return plain_begin(session->conn, session->org, err) &&
           plain_ask(session->conn, &SQL_PAPER_LOGO_KEEP, 4, values, &rows, err) &&
           plain_command(session->conn, "commit", err);
}

static int act(struct session *session, const char *path)
{
    struct config *config = cli_config(session->cli);
    struct err err = {0};
    bool ok;

    if (!config)
        return CLI_FAILED;
    ok =
        crypto_init(&err) && find_business(session, config, &err) &&
        plain_connect(config->database.owner_url.at, STR("parley_staff"),
                      config->database.connect_timeout, "parley paper", &session->conn, &err) &&
        change(session, path, &err);
    plain_close(&session->conn);
    config_destroy(config);
    return ok ? CLI_DONE : cli_fail(session->cli, &err);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct session session = {.cli = cli};
    const struct cli_option options[] = {
        CLI_TEXT("business", &session.business),
        CLI_TEXT_TO("as", &session.as, 80),
        CLI_OPTIONS_END,
    };

    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    if (argc - optind != 2 || strcmp(argv[optind], "logo") != 0)
        return cli_usage(cli, "say what: logo FILE.png, or logo none");
    int status = act(&session, argv[optind + 1]);
    arena_finish(&session.arena);
    return status;
}

const struct command command_paper = {
    "paper",
    "the logo on invoices, receipts and confirmations",
    "logo FILE.png | logo none [--business ID] [--as NAME]",
    "`logo` keeps a PNG of at most 256 KB and 2000 pixels a side; it stands at the top of "
    "every\n"
    "paper from then on, 150 by 44 points at most. `none` takes it away. Name, address and\n"
    "website on a paper are the business's own. Connects as database.owner_url.\n\n"
    "  --business ID   which one, where there is more than one\n"
    "  --as NAME       who does it, for the audit; else the user of this machine\n",
    run,
};
