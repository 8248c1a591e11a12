/*
 * parley cancellation: the wishes to cancel that a rule left to the business, until a CRM
 * decides on them.
 */
#include "bot/commands.h"

#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "bot/loop/loop.h"
#include "store/cancellations.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT = 100, LIMIT_MAX = 10000, NOTE_MAX = 500, FILE_MAX_BYTES = 1 << 20 };

struct wish {
    bool all, json;
    long limit;
    const char *note;
    const char *business; /* NULL: the only one */
};

struct session {
    struct cli *cli;
    const struct wish *wish;
    struct cancellations *cancellations;
    struct arena arena;
};

static const char *time_text(usec_t at, char text[32])
{
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    struct tm tm;
    (void)strftime(text, 32, "%Y-%m-%d %H:%M:%SZ", gmtime_r(&seconds, &tm));
    return text;
}

static const char *who(void)
{
    const struct passwd *user =
        getpwuid(getuid()); /* NOLINT(concurrency-mt-unsafe): one thread */
    return user ? user->pw_name : "operator";
}

static struct uuid new_id(void)
{
    uint8_t random[10];
    random_bytes(random, sizeof(random));
    return uuid_v7(clock_now(), random);
}

/* --- list and show ------------------------------------------------------------------------ */

static json_t *row_to_json(struct arena *into, const struct cancellation *row)
{
    char asked[32], changed[32];
    json_t *object = json_object();
    json_set_text(object, "id", uuid_str(into, row->id));
    json_set_text(object, "business", uuid_str(into, row->org));
    json_set_text(object, "order", row->number);
    json_set_text(object, "status", row->status);
    json_set_text(object, "asked", str_from(time_text(row->asked_at, asked)));
    json_set_text(object, "since", str_from(time_text(row->status_at, changed)));
    json_set_text(object, "reason", row->reason);
    json_set_text(object, "rule", row->rule);
    return object;
}

static bool print_json(struct session *session, const json_t *object, struct err *err)
{
    return (cli_print(session->cli, json_write(&session->arena, object)) &&
            cli_print(session->cli, STR("\n"))) ||
           err_raise(err, ERR_RETRY, "could not write");
}

static void print_line(struct session *session, const struct cancellation *row)
{
    char id[UUID_TEXT_LEN + 1], at[32];
    uuid_format(row->id, id);
    (void)fprintf(session->cli->out, "%s  %s  %-10.*s  %-14.*s  %.*s%s\n", id,
                  time_text(row->asked_at, at), STR_ARG(row->status), STR_ARG(row->number),
                  STR_ARG(row->reason.len > 0 ? row->reason : STR("-")),
                  row->has_note ? ", with a note" : "");
}

static bool list(struct session *session, struct err *err)
{
    const struct cancellation *rows = NULL;
    size_t n = 0;
    if (!cancellations_list(session->cancellations, session->wish->all,
                            (size_t)session->wish->limit, &session->arena, &rows, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!session->wish->json) {
            print_line(session, &rows[i]);
            continue;
        }
        OWNED_JSON(object) = row_to_json(&session->arena, &rows[i]);
        if (!print_json(session, object, err))
            return false;
    }
    if (!session->wish->json && n == 0) {
        (void)fprintf(session->cli->err, "nothing %s\n",
                      session->wish->all ? "was ever asked for" : "waits");
    } else if (n == (size_t)session->wish->limit) {
        (void)fprintf(session->cli->err, "there may be more: --limit N shows them\n");
    }
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
    return cancellations_find(session->cancellations, id, &session->arena, found, err) ||
           err_wrap(err, "%s", text);
}

static bool show(struct session *session, const char *id, struct err *err)
{
    struct cancellation found = {.has_note = false};
    if (!find(session, id, &found, err))
        return false;
    OWNED_JSON(object) = row_to_json(&session->arena, &found);
    OWNED_JSON(facts) = NULL;
    if (!json_read(found.facts, &facts, err))
        return false;
    json_set_text(object, "note", found.note);
    json_set_text(object, "decided_by", found.decided_by);
    json_set_text(object, "decision_note", found.decision_note);
    (void)json_object_set(object, "facts", facts);
    return print_json(session, object, err);
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
    if (str_eq(told, STR("closed")))
        return "WhatsApp takes no free words a day after the customer's last message";
    return "there is no conversation with the customer";
}

static bool decide(struct session *session, const char *text, const char *verb, struct err *err)
{
    struct cancellation found = {.has_note = false};
    struct cancellation_decision decision;
    const struct uuid ids[2] = {new_id(), new_id()};
    char at[32];
    if (!find(session, text, &found, err) ||
        !cancellations_decide(session->cancellations, &found, verb, session->wish->note, who(),
                              clock_now(), ids, &session->arena, &decision, err))
        return false;
    if (decision.told.len == 0)
        return err_raise(err, ERR_REJECT, "%s: %s", text, why_not(decision.outcome));
    (void)fprintf(session->cli->out, "%s  %.*s\n", text, STR_ARG(decision.outcome));
    if (str_eq(decision.told, STR("told"))) {
        (void)fprintf(session->cli->err, "the customer is told from %s on\n",
                      time_text(decision.told_at, at));
    } else {
        (void)fprintf(session->cli->err,
                      "the customer is not told: %s; they find it under \"updates\"\n",
                      how_told(decision.told));
    }
    return true;
}

/* --- rules ---------------------------------------------------------------------------------
 */

/* A name that is slightly wrong would otherwise be a condition that is not asked. */
static bool check_rule(const json_t *rule, size_t i, struct err *err)
{
    static const char *const names[] = {"id",           "workflow",  "statuses", "phase",
                                        "part_shipped", "paid",      "open_for", "effect",
                                        "why",          "why_words", "help",     "help_words"};
    const char *name;
    json_t *value;
    if (!json_is_object(rule))
        return err_raise(err, ERR_REJECT, "rule %zu is no object", i + 1);
    json_object_foreach((json_t *)rule, name, value)
    {
        bool known = false;
        for (size_t k = 0; k < COUNTOF(names); k++)
            known = known || strcmp(names[k], name) == 0;
        if (!known) {
            return err_raise(err, ERR_REJECT, "rule %zu asks for '%s', which is nothing", i + 1,
                             name);
        }
    }
    return true;
}

static bool read_rules(struct arena *into, const char *path, const struct str **rules,
                       size_t *n, struct err *err)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return err_raise(err, ERR_REJECT, "%s: cannot be read", path);
    char *bytes = arena_alloc(into, FILE_MAX_BYTES);
    size_t len = fread(bytes, 1, FILE_MAX_BYTES, file);
    (void)fclose(file);
    OWNED_JSON(doc) = NULL;
    if (!json_read((struct str){bytes, len}, &doc, err))
        return err_wrap(err, "%s", path);
    if (!json_is_array(doc)) {
        return err_raise(err, ERR_REJECT, "%s: a list of rules is wanted, as `rules` prints it",
                         path);
    }
    *n = json_array_size(doc);
    struct str *kept = arena_array(into, struct str, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        const json_t *rule = json_array_get(doc, i);
        if (!check_rule(rule, i, err))
            return err_wrap(err, "%s", path);
        kept[i] = json_write(into, rule);
    }
    *rules = kept;
    return true;
}

static bool show_rules(struct session *session, struct uuid org, struct err *err)
{
    const struct str *rules;
    size_t n;
    if (!cancellations_rules(session->cancellations, org, &session->arena, &rules, &n, err))
        return false;
    (void)fprintf(session->cli->out, "[");
    for (size_t i = 0; i < n; i++)
        (void)fprintf(session->cli->out, "%s\n  %.*s", i ? "," : "", STR_ARG(rules[i]));
    (void)fprintf(session->cli->out, "\n]\n");
    return true;
}

static bool rules(struct session *session, const char *path, struct err *err)
{
    const struct str *rows = NULL;
    struct uuid org;
    size_t n = 0;
    if (!cancellations_business(session->cancellations, session->wish->business, &org, err))
        return false;
    if (!path)
        return show_rules(session, org, err);
    if (!read_rules(&session->arena, path, &rows, &n, err) ||
        !cancellations_keep_rules(session->cancellations, org, rows, n, &session->arena, err))
        return err_wrap(err, "nothing was changed");
    (void)fprintf(session->cli->out, "%zu rules are kept\n", n);
    return true;
}

static bool try_order(struct session *session, const char *number, struct err *err)
{
    struct cancellation_trial trial = {.closes_at = 0};
    struct uuid org;
    char at[32];
    if (!cancellations_business(session->cancellations, session->wish->business, &org, err) ||
        !cancellations_try(session->cancellations, org, number, clock_now(), &session->arena,
                           &trial, err))
        return false;
    (void)fprintf(session->cli->out, "%.*s, by %s%.*s\n", STR_ARG(trial.outcome),
                  trial.rule.len > 0 ? "the rule " : "no rule", STR_ARG(trial.rule));
    if (trial.closes_at > 0)
        (void)fprintf(session->cli->out, "until %s\n", time_text(trial.closes_at, at));
    if (trial.closed_at > 0) {
        (void)fprintf(session->cli->out, "it could have been until %s\n",
                      time_text(trial.closed_at, at));
    }
    (void)fprintf(session->cli->out, "%.*s\n", STR_ARG(trial.facts));
    return true;
}

/* --- the command -------------------------------------------------------------------------- */

static bool read_options(int argc, char **argv, struct wish *wish)
{
    static const struct option options[] = {
        {"all",        no_argument, NULL, 'a'},
        {"json",        no_argument, NULL, 'j'},
        {"limit",            required_argument, NULL, 'l'},
        {"note",required_argument, NULL, 'n'},
        {"business",         required_argument, NULL, 'b'},
        {0     },
    };
    int option;
    char *end;
    while ((option = cli_option(argc, argv, options)) != -1) {
        switch (option) {
        case 'a':
            wish->all = true;
            break;
        case 'j':
            wish->json = true;
            break;
        case 'l':
            wish->limit = strtol(optarg, &end, 10);
            if (*end || wish->limit < 1 || wish->limit > LIMIT_MAX)
                return false;
            break;
        case 'n':
            wish->note = optarg;
            break;
        case 'b':
            wish->business = optarg;
            break;
        default:
            return false;
        }
    }
    return true;
}

static bool is_decision(const char *word)
{
    return strcmp(word, "review") == 0 || strcmp(word, "approve") == 0 ||
           strcmp(word, "reject") == 0;
}

static bool act(struct session *session, const struct config *config, int n,
                const char *const *words, struct err *err)
{
    if (!crypto_init(err) ||
        !cancellations_connect(config->database.url.at, config->database.connect_timeout,
                               &session->cancellations, err))
        return false;
    if (strcmp(words[0], "list") == 0)
        return list(session, err);
    if (strcmp(words[0], "show") == 0)
        return show(session, words[1], err);
    if (strcmp(words[0], "rules") == 0)
        return rules(session, n > 1 ? words[1] : NULL, err);
    if (strcmp(words[0], "try") == 0)
        return try_order(session, words[1], err);
    return decide(session, words[1], words[2], err);
}

static const char *what_is_wrong(int n, const char *const *words, const struct wish *wish)
{
    const char *verb = n > 0 ? words[0] : "";
    struct str note = str_from(wish->note);
    if (!(strcmp(verb, "list") == 0     ? n == 1
          : strcmp(verb, "show") == 0   ? n == 2
          : strcmp(verb, "rules") == 0  ? n <= 2
          : strcmp(verb, "try") == 0    ? n == 2
          : strcmp(verb, "decide") == 0 ? n == 3 && is_decision(words[2])
                                        : false))
        return "say what: list, show ID, decide ID review|approve|reject, rules, or try ORDER";
    if (!str_is_utf8(note) || str_length(note) > NOTE_MAX)
        return "a note has 500 characters at most, in UTF-8";
    return NULL;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct wish wish = {.limit = LIMIT, .note = ""};
    struct err err = {0};
    if (!read_options(argc, argv, &wish))
        return cli_usage(cli, NULL);
    const char *const *words = (const char *const *)argv + optind;
    const char *wrong = what_is_wrong(argc - optind, words, &wish);
    if (wrong)
        return cli_usage(cli, "%s", wrong);
    struct config *config = cli_config(cli);
    if (!config)
        return CLI_FAILED;
    struct session session = {.cli = cli, .wish = &wish};
    int status =
        act(&session, config, argc - optind, words, &err) ? CLI_DONE : cli_fail(cli, &err);
    cancellations_close(&session.cancellations);
    arena_finish(&session.arena);
    config_destroy(config);
    return status;
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
