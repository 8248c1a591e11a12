/*
 * parley cancellation: the wishes to cancel that a rule left to the business, until a CRM
 * decides on them.
 */
#include "bot/later/cancellation_rules.h"
#include "bot/later/desk.h"
#include "bot/loop/loop.h"
#include "store/cancellations.h"

enum { NOTE_MAX = 500 };

struct session {
    struct desk desk;
    struct desk_listing listing;
    const char *note;
    const char *business; /* NULL: the only one */
    struct cancellations *cancellations;
};

/* --- list and show ------------------------------------------------------------------------ */

static json_t *row_to_json(struct arena *into, const struct cancellation *row)
{
    json_t *object = json_object();
    json_set_text(object, "id", uuid_str(into, row->id));
    json_set_text(object, "business", uuid_str(into, row->org));
    json_set_text(object, "order", row->number);
    json_set_text(object, "status", row->status);
    desk_set_time(object, "asked", row->asked_at);
    desk_set_time(object, "since", row->status_at);
    json_set_text(object, "reason", row->reason);
    json_set_text(object, "rule", row->rule);
    return object;
}

static void print_line(struct session *session, const struct cancellation *row)
{
    char id[UUID_TEXT_LEN + 1], at[DESK_TIME_LEN];
    uuid_format(row->id, id);
    (void)fprintf(session->desk.cli->out, "%s  %s  %-10.*s  %-14.*s  %.*s%s\n", id,
                  desk_time(row->asked_at, at), STR_ARG(row->status), STR_ARG(row->number),
                  STR_ARG(row->reason.len > 0 ? row->reason : STR("-")),
                  row->has_note ? ", with a note" : "");
}

static bool print(struct session *session, const struct cancellation *row, struct err *err)
{
    if (session->listing.json)
        return desk_print_new(&session->desk, row_to_json(&session->desk.arena, row), err);
    print_line(session, row);
    return true;
}

static bool list(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct cancellation *rows = NULL;
    size_t n = 0;
    (void)words;
    if (!cancellations_list(session->cancellations, session->listing.all,
                            (size_t)session->listing.limit, &desk->arena, &rows, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!print(session, &rows[i], err))
            return false;
    }
    desk_listed(desk, &session->listing, n,
                session->listing.all ? "nothing was ever asked for" : "nothing waits");
    return true;
}

static bool find(struct session *session, const char *text, struct cancellation *found,
                 struct err *err)
{
    struct uuid id;
    if (!uuid_parse(str_from(text), &id)) {
        return err_raise(
            err, ERR_REJECT,
            "'%s' is not an id of a cancellation: `parley cancellation list` shows "
            "them",
            text);
    }
    return cancellations_find(session->cancellations, id, &session->desk.arena, found, err) ||
           err_wrap(err, "%s", text);
}

static bool show(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    struct cancellation found = {.has_note = false};
    if (!find(session, words[0], &found, err))
        return false;
    OWNED_JSON(object) = row_to_json(&session->desk.arena, &found);
    OWNED_JSON(facts) = NULL;
    if (!json_read(found.facts, &facts, err))
        return false;
    json_set_text(object, "note", found.note);
    json_set_text(object, "decided_by", found.decided_by);
    json_set_text(object, "decision_note", found.decision_note);
    (void)json_object_set(object, "facts", facts);
    return desk_print(&session->desk, object, err);
}

/* --- decide ------------------------------------------------------------------------------- */

static const char *why_not(struct str outcome)
{
    if (str_eq(outcome, STR("shipped")))
        return "the parcel is on its way by now: reject it, and help otherwise";
    if (str_eq(outcome, STR("no_state"))) {
        return "the order's workflow has no cancelled state to put it into: add one (`parley "
               "workflow`), then approve";
    }
    if (str_eq(outcome, STR("withdrawn")))
        return "the customer has withdrawn it";
    return "it was decided already";
}

static const char *how_told(struct str told)
{
    if (str_eq(told, STR("unwanted")))
        return "the customer does not want to hear of cancellations here";
    if (str_eq(told, STR("stopped")))
        return "the customer said STOP";
    return "there is no conversation with the customer";
}

static bool decide(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const char *text = words[0], *verb = words[1];
    struct cancellation found = {.has_note = false};
    struct cancellation_decision decision;
    char at[DESK_TIME_LEN];
    if (!find(session, text, &found, err) ||
        !cancellations_decide(session->cancellations, &found, verb, session->note,
                              desk_person(NULL), clock_now(), desk_id(), &session->desk.arena,
                              &decision, err))
        return false;
    if (decision.told.len == 0)
        return err_raise(err, ERR_REJECT, "%s: %s", text, why_not(decision.outcome));
    (void)fprintf(session->desk.cli->out, "%s  %.*s\n", text, STR_ARG(decision.outcome));
    if (str_eq(decision.told, STR("told"))) {
        (void)fprintf(session->desk.cli->err, "the customer is told from %s on\n",
                      desk_time(decision.told_at, at));
    } else if (str_eq(decision.told, STR("closed"))) {
        (void)fprintf(session->desk.cli->err,
                      "the customer is told by a template, if Meta has approved it: WhatsApp "
                      "takes nothing else a day after their last message (`parley notices "
                      "list`)\n");
    } else {
        (void)fprintf(session->desk.cli->err,
                      "the customer is not told: %s; they find it under \"updates\"\n",
                      how_told(decision.told));
    }
    return true;
}

/* --- rules ---------------------------------------------------------------------------------
 */

static bool show_rules(struct session *session, struct uuid org, struct err *err)
{
    const struct str *rules;
    size_t n;
    if (!cancellations_rules(session->cancellations, org, &session->desk.arena, &rules, &n,
                             err))
        return false;
    (void)fprintf(session->desk.cli->out, "[");
    for (size_t i = 0; i < n; i++)
        (void)fprintf(session->desk.cli->out, "%s\n  %.*s", i ? "," : "", STR_ARG(rules[i]));
    (void)fprintf(session->desk.cli->out, "\n]\n");
    return true;
}

static bool rules(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const char *path = words[0]; /* NULL: show them */
    const struct str *rows = NULL;
    struct uuid org;
    size_t n = 0;
    if (!cancellations_business(session->cancellations, session->business, &org, err))
        return false;
    if (!path)
        return show_rules(session, org, err);
    if (!cancellation_rules_read(&session->desk.arena, path, &rows, &n, err) ||
        !cancellations_keep_rules(session->cancellations, org, rows, n, &session->desk.arena,
                                  err))
        return err_wrap(err, "nothing was changed");
    (void)fprintf(session->desk.cli->out, "%zu %s kept\n", n,
                  CLI_OF(n, "rule is", "rules are"));
    return true;
}

static bool try_order(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    struct cancellation_trial trial = {.closes_at = 0};
    struct uuid org;
    char at[DESK_TIME_LEN];
    if (!cancellations_business(session->cancellations, session->business, &org, err) ||
        !cancellations_try(session->cancellations, org, words[0], clock_now(),
                           &session->desk.arena, &trial, err))
        return false;
    (void)fprintf(session->desk.cli->out, "%.*s, by %s%.*s\n", STR_ARG(trial.outcome),
                  trial.rule.len > 0 ? "the rule " : "no rule", STR_ARG(trial.rule));
    if (trial.closes_at > 0)
        (void)fprintf(session->desk.cli->out, "until %s\n", desk_time(trial.closes_at, at));
    if (trial.closed_at > 0) {
        (void)fprintf(session->desk.cli->out, "it could have been until %s\n",
                      desk_time(trial.closed_at, at));
    }
    (void)fprintf(session->desk.cli->out, "%.*s\n", STR_ARG(trial.facts));
    return true;
}

/* --- the command -------------------------------------------------------------------------- */

/* The decisions that a person may take. */
static bool is_decision(const char *word)
{
    return strcmp(word, "review") == 0 || strcmp(word, "approve") == 0 ||
           strcmp(word, "reject") == 0;
}

static bool open_store(struct desk *desk, struct err *err)
{
    const struct config *config = desk->config;
    return cancellations_connect(config->database.url.at, config->database.connect_timeout,
                                 &CONTAINER_OF(desk, struct session, desk)->cancellations, err);
}

static void close_store(struct desk *desk)
{
    cancellations_close(&CONTAINER_OF(desk, struct session, desk)->cancellations);
}

static const struct desk_verb verbs[] = {
    {"list",   0, 0, list     },
    {"show",   1, 1, show     },
    {"decide", 2, 2, decide   },
    {"rules",  0, 1, rules    },
    {"try",    1, 1, try_order},
    {NULL,     0, 0, NULL     },
};

static const struct desk_work work = {
    "say what: list, show ID, decide ID review|approve|reject, rules, or try ORDER", verbs,
    open_store, close_store};

static int run(struct cli *cli, int argc, char **argv)
{
    struct session session = {.desk.cli = cli, .listing.limit = DESK_LIMIT, .note = ""};
    const struct cli_option options[] = {
        DESK_LISTING_OPTIONS(&session.listing),
        CLI_TEXT("note", &session.note),
        CLI_TEXT("business", &session.business),
        CLI_OPTIONS_END,
    };
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    if (argc - optind == 3 && strcmp(argv[optind], "decide") == 0 &&
        !is_decision(argv[optind + 2]))
        return cli_usage(cli, "%s", work.what);
    if (!str_is_utf8(str_from(session.note)) || str_length(str_from(session.note)) > NOTE_MAX)
        return cli_usage(cli, "a note has 500 characters at most, in UTF-8");
    return desk_run(&session.desk, &work, argc, argv);
}

const struct command command_cancellation = {
    "cancellation",
    "list wishes to cancel, and decide on them",
    "list [--all] [--json] [--limit N] | show ID | decide ID review|approve|reject [--note "
    "TEXT] | rules [FILE] | try ORDER [--business ID]",
    "What a rule leaves to the business waits here, the oldest first, until it is decided.\n"
    "`show` prints one with the customer's note and what the rule saw. `decide` tells the\n"
    "customer in their conversation, at the end of their quiet hours where there are any;\n"
    "approving puts the order into its cancelled state, unless its parcel has left.\n\n"
    "`rules` prints the rules as JSON, the first that fits an order decides; with a FILE of\n"
    "that form, these instead: all of them or none. `try` says what they make of an order "
    "now,\n"
    "by which rule, and the facts that it saw.\n\n"
    "  --all          list: settled ones too\n"
    "  --json         list: one object a line\n"
    "  --limit N      list: at most so many (100)\n"
    "  --note TEXT    decide: said to the customer as it stands, 500 characters at most\n"
    "  --business ID  rules, try: whose, where there are several\n",
    run,
};
