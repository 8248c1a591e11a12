/*
 * parley key: with which keys a business's people and programs may use the API.
 */
#include "bot/door/api_key.h"
#include "bot/later/desk.h"
#include "bot/loop/loop.h"
#include "store/api_keys.h"

#define NAME_MAX_LEN 60

struct wish {
    const char *scopes, *business, *as;
    bool json, all;
};

struct session {
    struct desk desk;
    struct wish wish;
    struct api_keys *keys;
};

static bool read_scopes(struct session *session, struct str *scopes, struct err *err)
{
    struct str unknown;

    *scopes = str_from(session->wish.scopes ? session->wish.scopes : "");
    if (scopes->len == 0)
        return err_raise(err, ERR_REJECT, "say what it may do: --scopes orders:read,...");
    return api_key_scopes_known(*scopes, &unknown) ||
           err_raise(err, ERR_REJECT,
                     "there is no scope '%.*s': `parley key --help` lists them",
                     STR_ARG(str_slice(unknown, 0, 40)));
}

static bool create(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    uint8_t random[API_KEY_RANDOM];
    char text[API_KEY_LEN + 1];
    struct str name = str_trim(str_from(words[0])), scopes, public_part;

    if (name.len == 0 || !str_is_utf8(name) || str_length(name) > NAME_MAX_LEN) {
        return err_raise(err, ERR_REJECT, "a name has 1 to %d characters", NAME_MAX_LEN);
    }
    if (!read_scopes(session, &scopes, err))
        return false;
    random_bytes(random, sizeof random);
    api_key_write(random, text);
    crypto_wipe(random, sizeof random);
    struct hash hash = sha256(str_from(text));
    bool ok = api_key_read(str_from(text), &public_part) &&
              api_keys_create(
                  session->keys,
                  &(struct api_key_row){.id = desk_id(),
                                        .prefix = public_part,
                                        .name = name,
                                        .scopes = scopes,
                                        .created_by = str_from(desk_person(session->wish.as))},
                  &hash, err);
    if (ok) {
        (void)fprintf(desk->cli->out, "%s\n", text);
        (void)fprintf(desk->cli->err, "keep it: it is shown this once\n");
    }
    crypto_wipe(text, sizeof text);
    return ok;
}

static bool print_key(struct session *session, const struct api_key_row *row, struct err *err)
{
    char used[DESK_TIME_LEN], until[DESK_TIME_LEN];

    if (session->wish.json) {
        OWNED_JSON(object) = json_object();
        json_set_text(object, "name", row->name);
        json_set_text(object, "public", row->prefix);
        json_set_text(object, "scopes", row->scopes);
        desk_set_time(object, "created_at", row->created_at);
        json_set_text(object, "created_by", row->created_by);
        desk_set_time(object, "last_used_at", row->last_used_at);
        desk_set_time(object, "revoked_at", row->revoked_at);
        json_set_text(object, "revoked_by", row->revoked_by);
        return desk_print(&session->desk, object, err);
    }
    (void)fprintf(session->desk.cli->out, "pk_%.*s...  %-20.*s  %.*s  %s%s\n",
                  STR_ARG(row->prefix), STR_ARG(desk_line(&session->desk, row->name)),
                  STR_ARG(row->scopes),
                  row->revoked_at > 0     ? "revoked "
                  : row->last_used_at > 0 ? "used "
                                          : "never used",
                  row->revoked_at > 0     ? desk_time(row->revoked_at, until)
                  : row->last_used_at > 0 ? desk_time(row->last_used_at, used)
                                          : "");
    return true;
}

static bool list(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct api_key_row *rows = NULL;
    size_t n = 0, shown = 0;

    (void)words;
    if (!api_keys_list(session->keys, &desk->arena, &rows, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!session->wish.all && rows[i].revoked_at != 0)
            continue;
        if (!print_key(session, &rows[i], err))
            return false;
        shown++;
    }
    if (shown == 0 && !session->wish.json)
        (void)fprintf(desk->cli->err, "there is no key that works\n");
    return true;
}

static bool revoke_key(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    struct str which = str_from(words[0]);

    if (str_starts(which, STR("pk_")))
        which = str_slice(which, 3, API_KEY_PUBLIC);
    return api_keys_revoke(session->keys, which, desk_person(session->wish.as), desk_id(), err);
}

static bool open_store(struct desk *desk, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct config *config = desk->config;

    return api_keys_open(config->database.owner_url.at, config->database.connect_timeout,
                         session->wish.business, &session->keys, err);
}

static void close_store(struct desk *desk)
{
    api_keys_close(&CONTAINER_OF(desk, struct session, desk)->keys);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct desk_verb verbs[] = {
        {"create", 1, 1, create    },
        {"list",   0, 0, list      },
        {"revoke", 1, 1, revoke_key},
        {NULL,     0, 0, NULL      },
    };
    static const struct desk_work work = {"say what: create NAME, list, or revoke NAME", verbs,
                                          open_store, close_store};
    struct session session = {.desk = {.cli = cli}};
    struct wish *wish = &session.wish;
    const struct cli_option options[] = {
        CLI_TEXT("scopes", &wish->scopes),
        CLI_TEXT("business", &wish->business),
        CLI_FLAG("json", &wish->json),
        CLI_FLAG("all", &wish->all),
        CLI_TEXT_TO("as", &wish->as, DESK_AS_MAX),
        CLI_OPTIONS_END,
    };

    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    return desk_run(&session.desk, &work, argc, argv);
}

const struct command command_key = {
    "key",
    "keys for the API",
    "create NAME --scopes SCOPES | list [--all] [--json] | revoke NAME [--business ID] "
    "[--as NAME]",
    "`create` prints a new key, this once: only a hash of it is kept. A program shows it as\n"
    "`Authorization: Bearer pk_...`, and acts under its name, which the audit keeps. `list` "
    "shows\n"
    "which there are, `revoke` ends one from its next request on. Connects as\n"
    "database.owner_url.\n\n"
    "  --scopes SCOPES  by commas: orders:read, orders:write, estimates:write, handoff,\n"
    "                   customers:read, reviews\n"
    "  --business ID    whose, where there is more than one business\n"
    "  --all            revoked ones, too\n"
    "  --json           one object a line\n"
    "  --as NAME        who you are (this machine's user)\n",
    run,
};
