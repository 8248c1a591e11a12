/*
 * parley events: what the business's systems are told, what became of it, and again.
 */
#include "bot/config/config_settings.h"
#include "bot/later/desk.h"
#include "bot/loop/loop.h"
#include "store/event_desk.h"
#include "webhooks/rfc3339.h"

#include <stdlib.h>

#define LIMIT      100
#define LIMIT_MAX  100000
#define REPLAY_MAX 1000000
#define LIST_SINCE (7 * USEC_PER_DAY)

struct wish {
    bool json, undelivered;
    long limit;
    const char *since, *type, *state, *endpoint, *as;
};

struct session {
    struct desk desk;
    struct wish wish;
    struct event_desk *events;
};

static struct session *session_of(struct desk *desk)
{
    return CONTAINER_OF(desk, struct session, desk);
}

/* "2h" ago, or an instant. */
static bool read_since(const struct session *session, usec_t otherwise, usec_t *since,
                       struct err *err)
{
    struct str text = str_from(session->wish.since);
    int64_t ago;

    *since = otherwise;
    if (text.len == 0 || rfc3339_read(text, since))
        return true;
    if (!setting_duration(text, &ago)) {
        return err_raise(err, ERR_REJECT,
                         "--since is a duration (2h, 7d) or a time (2026-11-21T10:00:00Z)");
    }
    *since = clock_now() - ago;
    return true;
}

/* Its text is JSON already. */
static void print_json(struct session *session, struct str json)
{
    (void)fprintf(session->desk.cli->out, "%.*s\n", STR_ARG(json));
}

/* --- events ---------------------------------------------------------------------------------
 */

static bool list(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);
    struct event_wish wish = {.type = session->wish.type,
                              .state = session->wish.state,
                              .limit = (size_t)session->wish.limit};
    const struct event_row *items = NULL;
    char at[DESK_TIME_LEN];
    size_t n = 0;

    (void)words;
    if (!read_since(session, clock_now() - LIST_SINCE, &wish.since, err) ||
        !event_desk_list(session->events, &wish, &desk->arena, &items, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (session->wish.json) {
            print_json(session, items[i].json);
            continue;
        }
        (void)fprintf(desk->cli->out, "%.*s  %s  %-9.*s  %-30.*s  %.*s #%lld\n",
                      STR_ARG(items[i].id), desk_time(items[i].at, at), STR_ARG(items[i].state),
                      STR_ARG(items[i].type), STR_ARG(desk_line(desk, items[i].subject)),
                      (long long)items[i].sequence);
    }
    if (n == 0 && !session->wish.json)
        (void)fprintf(desk->cli->err, "no such event\n");
    return true;
}

static void print_delivery(struct desk *desk, const json_t *delivery)
{
    struct str reason = json_text(&desk->arena, delivery, "reason");

    (void)fprintf(desk->cli->out, "  %-16.*s %-9.*s %lld attempt%s%s%.*s\n",
                  STR_ARG(json_text(&desk->arena, delivery, "endpoint")),
                  STR_ARG(json_text(&desk->arena, delivery, "state")),
                  (long long)json_int(delivery, "attempts", 0),
                  CLI_OF(json_int(delivery, "attempts", 0), "", "s"),
                  reason.len > 0 ? ": " : "", STR_ARG(desk_line(desk, reason)));
}

static bool show(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);
    struct event_row event = {0};
    OWNED_JSON(whole) = NULL;
    char at[DESK_TIME_LEN];
    json_t *delivery;
    size_t i;

    if (!event_desk_find(session->events, words[0], &desk->arena, &event, err))
        return false;
    if (session->wish.json) {
        print_json(session, event.json);
        return true;
    }
    if (!json_read(event.json, &whole, err))
        return false;
    (void)fprintf(desk->cli->out, "%.*s  %.*s #%lld  %s\n", STR_ARG(event.type),
                  STR_ARG(desk_line(desk, event.subject)), (long long)event.sequence,
                  desk_time(event.at, at));
    desk_words(desk, json_write(&desk->arena, json_object_in(whole, "data")));
    json_array_foreach((json_t *)json_array_in(whole, "deliveries"), i, delivery)
        print_delivery(desk, delivery);
    return true;
}

static bool replay(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);
    struct event_wish wish = {.id = words[0],
                              .endpoint = session->wish.endpoint,
                              .undelivered = session->wish.undelivered,
                              .limit = REPLAY_MAX};
    struct event_row event;
    int64_t n = 0;

    if ((words[0] == NULL) == (session->wish.since == NULL))
        return err_raise(err, ERR_REJECT, "say which: an event's id, or --since");
    if (!read_since(session, 0, &wish.since, err) ||
        (wish.id != NULL &&
         !event_desk_find(session->events, wish.id, &desk->arena, &event, err)) ||
        !event_desk_replay(session->events, &wish, desk_person(session->wish.as), desk_id(), &n,
                           err))
        return false;
    (void)fprintf(desk->cli->out, "%lld\n", (long long)n);
    (void)fprintf(desk->cli->err, "%s\n",
                  n == 0 ? "nothing is to be delivered"
                         : CLI_OF(n, "delivery begins anew", "deliveries begin anew"));
    return true;
}

/* --- endpoints ------------------------------------------------------------------------------
 */

static void print_endpoint(struct desk *desk, const struct endpoint_row *endpoint)
{
    char good[DESK_TIME_LEN] = "never               ", bad[DESK_TIME_LEN] = "";

    if (endpoint->success_at > 0)
        (void)desk_time(endpoint->success_at, good);
    if (endpoint->failure_at > 0)
        (void)desk_time(endpoint->failure_at, bad);
    (void)fprintf(desk->cli->out, "%-16.*s %-7.*s %6lld waiting  last taken %s",
                  STR_ARG(endpoint->name), STR_ARG(endpoint->state),
                  (long long)endpoint->waiting, good);
    if (endpoint->reason.len > 0) {
        (void)fprintf(desk->cli->out, "  last failed %s: %.*s", bad,
                      STR_ARG(desk_line(desk, endpoint->reason)));
    }
    (void)fprintf(desk->cli->out, "\n");
}

static bool endpoints(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);
    const struct endpoint_row *items = NULL;
    size_t n = 0;

    (void)words;
    if (!event_desk_endpoints(session->events, &desk->arena, &items, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (session->wish.json) {
            print_json(session, items[i].json);
        } else {
            print_endpoint(desk, &items[i]);
        }
    }
    if (n == 0 && !session->wish.json) {
        (void)fprintf(desk->cli->err, "no endpoint: crm.apps.NAME.url in the settings makes "
                                      "one, with a row of the directory\n");
    }
    return true;
}

static bool endpoint(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);
    bool on = strcmp(words[0], "on") == 0;

    if (!on && strcmp(words[0], "off") != 0)
        return err_raise(err, ERR_REJECT, "endpoint on NAME, or endpoint off NAME");
    if (!event_desk_switch(session->events, words[1], on, desk_person(session->wish.as),
                           desk_id(), err))
        return false;
    (void)fprintf(desk->cli->err, "%s is %s\n", words[1],
                  on ? "on: what waits goes out" : "off: what comes waits");
    return true;
}

/* --- the command ----------------------------------------------------------------------------
 */

static bool open_store(struct desk *desk, struct err *err)
{
    const struct config *config = desk->config;

    return event_desk_open(config->database.owner_url.at, config->database.connect_timeout,
                           &session_of(desk)->events, err);
}

static void close_store(struct desk *desk)
{
    event_desk_close(&session_of(desk)->events);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct desk_verb verbs[] = {
        {"list",      0, 0, list     },
        {"show",      1, 1, show     },
        {"replay",    0, 1, replay   },
        {"endpoints", 0, 0, endpoints},
        {"endpoint",  2, 2, endpoint },
        {NULL,        0, 0, NULL     },
    };
    static const struct desk_work work = {"say what: list, show ID, replay ID, replay --since "
                                          "TIME, endpoints, or endpoint on|off "
                                          "NAME",
                                          verbs, open_store, close_store};
    struct session session = {.desk = {.cli = cli}, .wish = {.limit = LIMIT}};
    struct wish *wish = &session.wish;
    const struct cli_option options[] = {
        CLI_FLAG("json", &wish->json),
        CLI_FLAG("undelivered", &wish->undelivered),
        CLI_NUMBER("limit", &wish->limit, LIMIT_MAX),
        CLI_TEXT("since", &wish->since),
        CLI_TEXT("type", &wish->type),
        CLI_TEXT("state", &wish->state),
        CLI_TEXT("endpoint", &wish->endpoint),
        CLI_TEXT_TO("as", &wish->as, DESK_AS_MAX),
        CLI_OPTIONS_END,
    };

    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    return desk_run(&session.desk, &work, argc, argv);
}

const struct command command_events = {
    "events",
    "what the business's systems are told",
    "list [--since TIME] [--type TYPE] [--state STATE] [--limit N] [--json] | show ID [--json] "
    "| replay ID [--endpoint NAME] | replay --since TIME [--endpoint NAME] [--undelivered] | "
    "endpoints [--json] | endpoint on NAME | endpoint off NAME [--as NAME]",
    "`list` shows events, the newest first, and what became of them: new (not handed out "
    "yet),\n"
    "waiting, delivered, failed (given up), kept (nobody was to hear of it). `show` one of "
    "them\n"
    "with its data. `replay` delivers again: one, or all since a time, in the order of their\n"
    "subjects. `endpoints` are the systems (crm.apps.NAME.url): whether they take events, and\n"
    "what waits; one that is off keeps all for when it is on again. Connects as\n"
    "database.owner_url.\n\n"
    "  --since TIME     2h or 7d ago, or 2026-11-21T10:00:00Z (list: 7d)\n"
    "  --type TYPE      order.cancellation_requested, ...: see docs/crm.md\n"
    "  --state STATE    of those above\n"
    "  --endpoint NAME  at this one alone\n"
    "  --undelivered    only what was not taken\n"
    "  --limit N        at most so many (100)\n"
    "  --json           one object a line\n"
    "  --as NAME        who you are (this machine's user)\n",
    run,
};
