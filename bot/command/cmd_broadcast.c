/*
 * parley broadcast: one message to many who asked for it, by the business's people.
 */
#include "bot/later/broadcast_plan.h"
#include "bot/later/broadcast_settings.h"
#include "bot/later/broadcast_show.h"
#include "bot/loop/loop.h"

#include <unistd.h>

/* A lane whose worker died is not waited for longer than this. */
#define WIRE_LOOKS 200
#define WIRE_WAIT  100000 /* microseconds between two of them */

struct session {
    struct desk desk;
    struct broadcast_wish wish;
    const char *business, *as;
    bool json, follow;
    struct broadcast_desk *store;
};

static struct session *session_of(struct desk *desk)
{
    return CONTAINER_OF(desk, struct session, desk);
}

static bool create(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);
    struct broadcast_plan plan;
    struct broadcast made;

    if (!broadcast_plan_make(desk, &session->wish, words[0], desk_person(session->as), &plan,
                             err) ||
        !broadcast_desk_make(session->store, &plan, err) ||
        !broadcast_desk_find(session->store, plan.name, &desk->arena, &made, err))
        return false;
    (void)fprintf(desk->cli->out,
                  "%s is made: `parley broadcast dry-run %s` says who gets it\n", plan.name,
                  plan.name);
    broadcast_show_wrong(desk, &made);
    return true;
}

static void looked(int64_t n)
{
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%lld looked at ", (long long)n);
}

static bool dry_run(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);
    const struct broadcast_group *groups;
    struct broadcast broadcast;
    size_t n;

    if (!broadcast_desk_find(session->store, words[0], &desk->arena, &broadcast, err) ||
        !broadcast_desk_try(session->store, broadcast.id, &desk->arena, looked, &groups, &n,
                            err))
        return false;
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%40s\r", "");
    return broadcast_show_plan(desk, &broadcast, groups, n, session->json, err);
}

/* What a lane has in its hands may still go, and nothing else: the answer waits for it. */
static bool until_off_wire(struct session *session, const char *name, int64_t *n,
                           struct err *err)
{
    for (int i = 0; i < WIRE_LOOKS; i++) {
        if (!broadcast_desk_on_wire(session->store, name, n, err))
            return false;
        if (*n == 0)
            break;
        (void)usleep(WIRE_WAIT);
    }
    return true;
}

static bool change(struct desk *desk, const char *name, const char *what, const char *done,
                   struct err *err)
{
    struct session *session = session_of(desk);
    int64_t taken_back, on_wire = 0;
    bool stops = strcmp(what, "pause") == 0 || strcmp(what, "cancel") == 0;

    if (!broadcast_desk_change(session->store, name, what, desk_person(session->as),
                               &taken_back, err) ||
        (stops && !until_off_wire(session, name, &on_wire, err)))
        return false;
    (void)fprintf(desk->cli->out, "%s is %s", name, done);
    if (taken_back > 0) {
        (void)fprintf(desk->cli->out, "; %lld %s taken back", (long long)taken_back,
                      CLI_OF(taken_back, "message was", "messages were"));
    }
    if (on_wire > 0) {
        (void)fprintf(desk->cli->out, "; of %lld nobody knows yet whether %s went",
                      (long long)on_wire, CLI_OF(on_wire, "it", "they"));
    }
    (void)fprintf(desk->cli->out, "\n");
    return true;
}

static bool start(struct desk *desk, const char *const *words, struct err *err)
{
    return change(desk, words[0], "start", "started", err);
}

static bool halt(struct desk *desk, const char *const *words, struct err *err)
{
    return change(desk, words[0], "pause", "paused", err);
}

static bool resume(struct desk *desk, const char *const *words, struct err *err)
{
    return change(desk, words[0], "resume", "going on", err);
}

static bool cancel(struct desk *desk, const char *const *words, struct err *err)
{
    return change(desk, words[0], "cancel", "cancelled", err);
}

static bool status(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);

    return (!session->follow || broadcast_follow(session->store, words[0], err)) &&
           broadcast_show_status(desk, session->store, words[0], session->json, err);
}

static bool list(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);
    const struct broadcast *broadcasts;
    size_t n;

    (void)words;
    return broadcast_desk_list(session->store, &desk->arena, &broadcasts, &n, err) &&
           broadcast_show_list(desk, broadcasts, n, session->json, err);
}

static bool prices(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);

    return broadcast_prices(desk, session->store, words, desk_person(session->as), err);
}

static bool countries(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);

    return broadcast_countries(desk, session->store, words, desk_person(session->as), err);
}

/* --- the command ---------------------------------------------------------------------------
 */

static bool open_store(struct desk *desk, struct err *err)
{
    struct session *session = session_of(desk);
    const struct config *config = desk->config;

    return broadcast_desk_open(config->database.owner_url.at, config->database.connect_timeout,
                               session->business, &session->store, err);
}

static void close_store(struct desk *desk)
{
    broadcast_desk_close(&session_of(desk)->store);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct desk_verb verbs[] = {
        {"create",    1, 1,                        create   },
        {"dry-run",   1, 1,                        dry_run  },
        {"start",     1, 1,                        start    },
        {"pause",     1, 1,                        halt     },
        {"resume",    1, 1,                        resume   },
        {"cancel",    1, 1,                        cancel   },
        {"status",    1, 1,                        status   },
        {"list",      0, 0,                        list     },
        {"prices",    0, 3,                        prices   },
        {"countries", 0, BROADCAST_COUNTRIES_MOST, countries},
        {NULL,        0, 0,                        NULL     },
    };
    static const struct desk_work work = {
        "say what: create, dry-run, start, pause, resume, cancel, status, list, prices or "
        "countries",
        verbs, open_store, close_store};
    struct session session = {.desk = {.cli = cli}};
    struct broadcast_wish *wish = &session.wish;
    const struct cli_option options[] = {
        CLI_TEXT("words", &wish->words),
        CLI_TEXT("list", &wish->list),
        CLI_FLAG("skip", &wish->skip),
        CLI_TEXT("topic", &wish->topic),
        CLI_TEXT("channel", &wish->channel),
        CLI_TEXT("language", &wish->language),
        CLI_TEXT_TO("prefix", &wish->prefix, 16),
        CLI_TEXT_TO("company", &wish->company, 200),
        CLI_TEXT("since", &wish->since),
        CLI_TEXT_TO("status", &wish->status, 60),
        CLI_TEXT("at", &wish->at),
        CLI_FLAG("local", &wish->local),
        CLI_FLAG("json", &session.json),
        CLI_FLAG("follow", &session.follow),
        CLI_TEXT_TO("as", &session.as, DESK_AS_MAX),
        CLI_OPTIONS_END,
    };
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    return desk_run(&session.desk, &work, argc, argv);
}

const struct command command_broadcast = {
    "broadcast",
    "one message to many customers who asked for it",
    "create NAME --words FILE [--list FILE.csv [--skip]] [--topic TOPIC] [--channel CHANNEL] "
    "[--language CODE] [--prefix +NN] [--company NAME] [--since DATE] [--status STATUS] "
    "[--at TIME [--local]] | dry-run NAME [--json] | start NAME | pause NAME | resume NAME | "
    "cancel NAME | status NAME [--json] [--follow] | list [--json] | prices [CHANNEL PREFIX "
    "PRICE] | countries [all | only PREFIX... | without PREFIX...] [--business ID] [--as NAME]",
    "`create` makes a plan, and nothing is sent; `dry-run` says how many it reaches, by which\n"
    "channel, in which language, who is left out and why, and roughly what it costs; `start`\n"
    "sends it, slower than anybody's answers. `pause` and `cancel` take back what has not "
    "left.\n"
    "`prices` and `countries` are what is counted with and where it goes by number: `prices "
    "sms "
    "+48\n0.04`, `countries only +48 +44`; they show themselves without more words.\n"
    "docs/operate.md has a chapter on it. Connects as database.owner_url.\n\n"
    "  --words FILE     what it says: a template, words by language, or both (YAML)\n"
    "  --list FILE      whom: CSV with a column phone, email or id; others are values\n"
    "  --skip           leave out the lines of the list that are wrong\n"
    "  --topic TOPIC    who wants to hear of it by their preferences (offers)\n"
    "  --channel NAME   whatsapp, sms or email alone; else each customer's best\n"
    "  --language CODE  those who speak it\n"
    "  --prefix +NN     those with a number that begins so\n"
    "  --company NAME   those of it\n"
    "  --since DATE     those with an order since then\n"
    "  --status STATUS  those with an order in that state (since then)\n"
    "  --at TIME        not before '2026-12-24 10:00' by the business's clock,\n"
    "  --local          or by each recipient's\n"
    "  --json           as objects\n"
    "  --follow         a bar until it is over\n"
    "  --business ID    which one, where there is more than one\n"
    "  --as NAME        who you are (this machine's user)\n",
    run,
};
