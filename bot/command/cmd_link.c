/*
 * parley link: links to customers' own pages, and ending them.
 */
#include "bot/later/desk.h"
#include "store/portal_links.h"

struct session {
    struct desk desk;
    const char *business, *as;
    bool json;
    struct portal_links *links;
};

static bool print_link(struct session *session, const struct portal_link_row *row,
                       struct err *err)
{
    char id[UUID_TEXT_LEN + 1], made[DESK_TIME_LEN], until[DESK_TIME_LEN];

    uuid_format(row->id, id);
    if (session->json) {
        OWNED_JSON(object) = json_object();
        json_set_text(object, "link", str_from(id));
        json_set_text(object, "customer", row->customer);
        desk_set_time(object, "made_at", row->made_at);
        desk_set_time(object, "last_used_at", row->last_used_at);
        desk_set_time(object, "expires_at", row->expires_at);
        return desk_print(&session->desk, object, err);
    }
    (void)fprintf(session->desk.cli->out, "%s  %-20.*s  %s  until %s\n", id,
                  STR_ARG(desk_line(&session->desk, row->customer)),
                  desk_time(row->made_at, made), desk_time(row->expires_at, until));
    return true;
}

static bool list(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct portal_link_row *rows = NULL;
    size_t n = 0;

    if (!portal_links_list(session->links, str_from(words[0] ? words[0] : ""), &desk->arena,
                           &rows, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!print_link(session, &rows[i], err))
            return false;
    }
    if (n == 0 && !session->json)
        (void)fprintf(desk->cli->err, "there is no link that is open\n");
    return true;
}

static bool revoke_links(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    size_t n;

    if (words[0][0] == '\0')
        return err_raise(err, ERR_REJECT, "say which: a link's id or a customer's");
    if (!portal_links_revoke(session->links, str_from(words[0]), desk_person(session->as),
                             desk_id(), &n, err))
        return false;
    (void)fprintf(desk->cli->err, "%zu ended\n", n);
    return true;
}

static bool open_store(struct desk *desk, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct config *config = desk->config;

    return portal_links_open(config->database.owner_url.at, config->database.connect_timeout,
                             session->business, &session->links, err);
}

static void close_store(struct desk *desk)
{
    portal_links_close(&CONTAINER_OF(desk, struct session, desk)->links);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct desk_verb verbs[] = {
        {"list",   0, 1, list        },
        {"revoke", 1, 1, revoke_links},
        {NULL,     0, 0, NULL        },
    };
    static const struct desk_work work = {"say what: list [CUSTOMER] or revoke CUSTOMER|LINK",
                                          verbs, open_store, close_store};
    struct session session = {.desk = {.cli = cli}};
    const struct cli_option options[] = {
        CLI_TEXT("business", &session.business),
        CLI_FLAG("json", &session.json),
        CLI_TEXT_TO("as", &session.as, DESK_AS_MAX),
        CLI_OPTIONS_END,
    };

    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    return desk_run(&session.desk, &work, argc, argv);
}

const struct command command_link = {
    "link",
    "links to customers' own pages",
    "list [CUSTOMER] [--json] | revoke CUSTOMER|LINK [--business ID] [--as NAME]",
    "`list` shows the links that are good, `revoke` ends one, or all of a customer, from the\n"
    "next request on. A link's address is shown nowhere: only a hash of it is kept.\n"
    "Connects as database.owner_url.\n\n"
    "  --business ID  whose, where there is more than one business\n"
    "  --json         one object a line\n"
    "  --as NAME      who you are (this machine's user)\n",
    run,
};
