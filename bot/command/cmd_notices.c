/*
 * parley notices: what became of each piece of news (NTF-5): where it was told, whether it
 * arrived, or why it was not told. No word of a customer, and no address.
 */
#include "bot/later/desk.h"
#include "bot/loop/loop.h"
#include "store/templates.h"

#define LIMIT     100
#define LIMIT_MAX 100000

struct session {
    struct desk desk;
    struct templates_store *store;
    struct notice_wish wish;
    const char *customer, *since;
    long limit;
    bool json;
};

static void print_line(struct session *session, const struct notice_row *row)
{
    char made[DESK_TIME_LEN], due[DESK_TIME_LEN];
    bool waits = str_eq(row->state, STR("waiting")) || str_eq(row->state, STR("placed"));

    (void)fprintf(session->desk.cli->out, "%s  %-20.*s %-14.*s %-9.*s",
                  desk_time(row->made_at, made), STR_ARG(row->kind),
                  STR_ARG(desk_line(&session->desk, row->number)), STR_ARG(row->state));
    if (waits)
        (void)fprintf(session->desk.cli->out, " due %s", desk_time(row->due_at, due));
    if (row->channel.len > 0)
        (void)fprintf(session->desk.cli->out, " %.*s", STR_ARG(row->channel));
    if (row->template.len > 0)
        (void)fprintf(session->desk.cli->out, " (%.*s)", STR_ARG(row->template));
    if (row->delivery.len > 0)
        (void)fprintf(session->desk.cli->out, " %.*s", STR_ARG(row->delivery));
    if (row->reason.len > 0)
        (void)fprintf(session->desk.cli->out, ": %.*s", STR_ARG(row->reason));
    (void)fputc('\n', session->desk.cli->out);
}

static json_t *to_json(const struct notice_row *row)
{
    json_t *object = json_object();

    desk_set_time(object, "made_at", row->made_at);
    desk_set_time(object, "due_at", row->due_at);
    desk_set_time(object, "state_at", row->state_at);
    json_set_text(object, "kind", row->kind);
    json_set_text(object, "topic", row->topic);
    json_set_text(object, "cause", row->cause);
    json_set_text(object, "about", row->number);
    json_set_text(object, "state", row->state);
    json_set_text(object, "channel", row->channel);
    json_set_text(object, "template", row->template);
    json_set_text(object, "delivery", row->delivery);
    json_set_text(object, "reason", row->reason);
    return object;
}

/* "90m", "24h" or "7d" ago. */
static bool read_since(const char *text, usec_t *since)
{
    char *end = NULL;
    long number = strtol(text, &end, 10);
    usec_t unit = *end == 'm'   ? USEC_PER_MIN
                  : *end == 'h' ? USEC_PER_HOUR
                  : *end == 'd' ? USEC_PER_DAY
                                : 0;

    *since = clock_now() - number * unit;
    return number > 0 && number < 100000 && unit > 0 && end[1] == '\0';
}

static bool list(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct notice_row *rows;
    size_t n;

    (void)words;
    session->wish.phone = session->customer;
    session->wish.limit = (size_t)session->limit;
    if (session->since && !read_since(session->since, &session->wish.since))
        return err_raise(err, ERR_REJECT, "--since is a time such as 90m, 24h or 7d");
    if (!templates_notices(session->store, &session->wish, &desk->arena, &rows, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!session->json) {
            print_line(session, &rows[i]);
            continue;
        }
        OWNED_JSON(object) = to_json(&rows[i]);
        if (!desk_print(desk, object, err))
            return false;
    }
    if (n == 0 && !session->json)
        (void)fprintf(desk->cli->err, "there was no such news\n");
    return true;
}

static bool open_store(struct desk *desk, struct err *err)
{
    const struct config *config = desk->config;

    return templates_open(config->database.owner_url.at, config->database.connect_timeout,
                          &CONTAINER_OF(desk, struct session, desk)->store, err);
}

static void close_store(struct desk *desk)
{
    templates_close(&CONTAINER_OF(desk, struct session, desk)->store);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct desk_verb verbs[] = {
        {"list", 0, 0, list},
        {NULL,   0, 0, NULL},
    };
    static const struct desk_work work = {"say what: list", verbs, open_store, close_store};
    struct session session = {.desk = {.cli = cli}, .limit = LIMIT};
    const struct cli_option options[] = {
        CLI_TEXT_TO("customer", &session.customer, 20),
        CLI_TEXT_TO("since", &session.since, 10),
        CLI_TEXT_TO("state", &session.wish.state, 20),
        CLI_NUMBER("limit", &session.limit, LIMIT_MAX),
        CLI_FLAG("json", &session.json),
        CLI_OPTIONS_END,
    };

    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    return desk_run(&session.desk, &work, argc, argv);
}

const struct command command_notices = {
    "notices",
    "what customers were told unasked, and what became of it",
    "list [--customer PHONE] [--since 24h] [--state STATE] [--limit N] [--json]",
    "Each piece of news, the newest first: its kind and what it is about, whether it waits, "
    "was\n"
    "told (where, by which template, and whether it arrived), replaced by newer news, or not\n"
    "told: unwanted, stopped, closed (WhatsApp's window, and no template) or nowhere. "
    "Connects\n"
    "as database.owner_url.\n\n"
    "  --customer PHONE  one customer's, by a number on record: +15550100001\n"
    "  --since TIME      of the last 90m, 24h, 7d\n"
    "  --state STATE     those that are so now\n"
    "  --limit N         at most so many (100)\n"
    "  --json            one object a line\n",
    run,
};
