/*
 * parley handoff: conversations that a person was asked for. A terminal is a thin desk; what it
 * does is what a CRM will do through the API.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "bot/base/message.h"
#include "bot/commands.h"
#include "bot/loop/loop.h"
#include "store/handoffs.h"

#include <pwd.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LIMIT     100
#define LIMIT_MAX 100000
#define BEFORE    20
#define WORDS_MAX 4096

struct wish {
    bool all, json;
    long limit;
    const char *as;
};

struct session {
    struct cli *cli;
    const struct wish *wish;
    struct handoffs *handoffs;
    struct arena arena;
};

static const char *time_text(usec_t at, char text[32])
{
    time_t seconds = (time_t)(at / USEC_PER_SEC);
    struct tm tm;
    (void)strftime(text, 32, "%Y-%m-%d %H:%M:%SZ", gmtime_r(&seconds, &tm));
    return text;
}

static const char *who(const struct session *session)
{
    const struct passwd *user =
        getpwuid(getuid()); /* NOLINT(concurrency-mt-unsafe): one thread */
    if (session->wish->as)
        return session->wish->as;
    return user ? user->pw_name : "operator";
}

/* --- list and show ------------------------------------------------------------------------ */

static void set_time(json_t *object, const char *name, usec_t at)
{
    char text[32];
    if (at > 0)
        json_set_text(object, name, str_from(time_text(at, text)));
}

static json_t *handoff_to_json(const struct handoff *handoff)
{
    char id[UUID_TEXT_LEN + 1];
    json_t *object = json_object();
    uuid_format(handoff->id, id);
    json_set_text(object, "id", str_from(id));
    uuid_format(handoff->conversation, id);
    json_set_text(object, "conversation", str_from(id));
    uuid_format(handoff->org, id);
    json_set_text(object, "business", str_from(id));
    json_set_text(object, "state", handoff->state);
    json_set_text(object, "reason", handoff->reason);
    json_set_text(object, "channel", handoff->channel);
    set_time(object, "asked_at", handoff->asked_at);
    set_time(object, "answer_by", handoff->answer_by);
    json_set_text(object, "held_by", handoff->held_by);
    set_time(object, "answered_at", handoff->answered_at);
    set_time(object, "ended_at", handoff->ended_at);
    json_set_text(object, "ended_why", handoff->ended_why);
    return object;
}

static bool print_json(struct session *session, const struct handoff *handoff)
{
    OWNED_JSON(object) = handoff_to_json(handoff);
    return cli_print(session->cli, json_write(&session->arena, object)) &&
           cli_print(session->cli, STR("\n"));
}

static void print_line(struct session *session, const struct handoff *handoff)
{
    char id[UUID_TEXT_LEN + 1], asked[32], by[32];
    bool done = handoff->ended_at > 0;
    uuid_format(handoff->id, id);
    (void)fprintf(session->cli->out, "%s  %s  %-9.*s  %s %s  %.*s\n", id,
                  time_text(handoff->asked_at, asked), STR_ARG(handoff->state),
                  done ? "ended" : "until",
                  time_text(done ? handoff->ended_at : handoff->answer_by, by),
                  STR_ARG(done                       ? handoff->ended_why
                          : handoff->held_by.len > 0 ? handoff->held_by
                                                     : handoff->reason));
}

static bool list(struct session *session, struct err *err)
{
    const struct handoff *items = NULL;
    size_t n = 0;
    if (!handoffs_list(session->handoffs, session->wish->all, (size_t)session->wish->limit,
                       &session->arena, &items, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!session->wish->json) {
            print_line(session, &items[i]);
        } else if (!print_json(session, &items[i])) {
            return err_raise(err, ERR_RETRY, "could not write");
        }
    }
    if (!session->wish->json && n == 0) {
        (void)fprintf(session->cli->err, "nobody %s\n",
                      session->wish->all ? "ever asked for a person" : "waits for a person");
    }
    return true;
}

/* What a line says, as a person reads it. */
static struct str words_of(struct session *session, const struct handoff_line *line)
{
    struct reply reply = {0};
    struct err ignored = {0};
    if (line->inbound) {
        return line->body.len > 0
                   ? line->body
                   : arena_format(&session->arena, "(%.*s)", STR_ARG(line->kind));
    }
    if (!reply_from_json(&session->arena, line->body, &reply, &ignored))
        return STR("(not readable)");
    return reply.body.len > 0 ? reply.body
                              : arena_format(&session->arena, "(%.*s)", STR_ARG(line->kind));
}

static const char *speaker_of(const struct handoff_line *line)
{
    if (line->inbound)
        return "customer";
    return str_starts(line->why, STR("person/")) ? "person" : "bot";
}

static bool print_said(struct session *session, const struct handoff_line *line)
{
    struct str words = words_of(session, line), part;
    char at[32];
    if (session->wish->json) {
        OWNED_JSON(object) = json_object();
        set_time(object, "at", line->at);
        json_set_text(object, "from", str_from(speaker_of(line)));
        json_set_text(object, "kind", line->kind);
        json_set_text(object, "words", words);
        return cli_print(session->cli, json_write(&session->arena, object)) &&
               cli_print(session->cli, STR("\n"));
    }
    (void)fprintf(session->cli->out, "%s  %s%s%s\n", time_text(line->at, at), speaker_of(line),
                  line->inbound ? "" : ", ",
                  line->inbound ? "" : delivery_name((enum delivery)line->delivery));
    while (str_split(&words, '\n', &part))
        (void)fprintf(session->cli->out, "    %.*s\n", STR_ARG(part));
    return !ferror(session->cli->out);
}

static bool show(struct session *session, const struct handoff *handoff, struct err *err)
{
    const struct handoff_line *lines = NULL;
    size_t n = 0;
    bool ok = true;
    if (!handoffs_said(session->handoffs, handoff, BEFORE, &session->arena, &lines, &n, err))
        return false;
    if (session->wish->json) {
        ok = print_json(session, handoff);
    } else {
        print_line(session, handoff);
        (void)fprintf(session->cli->out, "%.*s %.*s %.*s\n\n", STR_ARG(handoff->channel),
                      STR_ARG(handoff->address), STR_ARG(handoff->name));
    }
    for (size_t i = 0; i < n && ok; i++)
        ok = print_said(session, &lines[i]);
    return ok || err_raise(err, ERR_RETRY, "could not write");
}

/* --- acting ------------------------------------------------------------------------------- */

static struct uuid new_id(void)
{
    uint8_t random[10];
    random_bytes(random, sizeof(random));
    return uuid_v7(clock_now(), random);
}

static bool say(struct session *session, const struct handoff *handoff, const char *words,
                struct err *err)
{
    struct str text = str_trim(str_sane(&session->arena, str_from(words)));
    struct reply reply = {.kind = REPLY_TEXT, .body = text};
    if (text.len == 0 || str_length(text) > WORDS_MAX) {
        return err_raise(err, ERR_REJECT, "say something, and at most %d characters of it",
                         WORDS_MAX);
    }
    return handoffs_do(session->handoffs, handoff, HANDOFF_SAY, who(session),
                       arena_cstr(&session->arena, reply_to_json(&session->arena, &reply)),
                       new_id(), err);
}

static bool act_on(struct session *session, const char *verb, const struct handoff *handoff,
                   const char *words, struct err *err)
{
    if (strcmp(verb, "show") == 0)
        return show(session, handoff, err);
    if (strcmp(verb, "say") == 0)
        return say(session, handoff, words, err);
    return handoffs_do(session->handoffs, handoff,
                       strcmp(verb, "take") == 0 ? HANDOFF_TAKE : HANDOFF_RELEASE, who(session),
                       NULL, new_id(), err);
}

/* --- the command -------------------------------------------------------------------------- */

static bool read_options(int argc, char **argv, struct wish *wish)
{
    static const struct option options[] = {
        {"all",        no_argument, NULL, 'a'},
        {"json",        no_argument, NULL, 'j'},
        {"limit",            required_argument, NULL, 'l'},
        {"as",required_argument, NULL, 'w'},
        {0        },
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
        case 'w':
            wish->as = optarg;
            if (!*optarg || strlen(optarg) > 80)
                return false;
            break;
        default:
            return false;
        }
    }
    return true;
}

static int act(struct session *session, const struct config *config, const char *verb,
               char *const *rest)
{
    struct handoff handoff = {0};
    struct err err = {0};
    struct uuid id;
    bool ok;
    if (!crypto_init(&err) ||
        !handoffs_open(config->database.url.at, config->database.role,
                       config->database.connect_timeout, &session->handoffs, &err))
        return cli_fail(session->cli, &err);
    if (strcmp(verb, "list") == 0) {
        ok = list(session, &err);
    } else if (!uuid_parse(str_from(rest[0]), &id)) {
        ok = err_raise(&err, ERR_REJECT,
                       "'%s' is not an id of a handoff: `parley handoff list` shows them",
                       rest[0]);
    } else {
        ok = handoffs_find(session->handoffs, id, &session->arena, &handoff, &err) &&
             act_on(session, verb, &handoff, rest[1], &err);
    }
    return ok ? CLI_DONE : cli_fail(session->cli, &err);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct wish wish = {.limit = LIMIT};
    if (!read_options(argc, argv, &wish))
        return cli_usage(cli, NULL);
    const char *verb = optind < argc ? argv[optind] : "";
    int n = argc - optind - 1;
    bool one =
        strcmp(verb, "show") == 0 || strcmp(verb, "take") == 0 || strcmp(verb, "release") == 0;
    bool right = strcmp(verb, "list") == 0  ? n == 0
                 : strcmp(verb, "say") == 0 ? n == 2
                                            : one && n == 1;
    if (!right)
        return cli_usage(cli, "say what: list, show ID, take ID, say ID WORDS, or release ID");
    struct config *config = cli_config(cli);
    if (!config)
        return CLI_FAILED;
    struct session session = {.cli = cli, .wish = &wish};
    int status = act(&session, config, verb, argv + optind + 1);
    handoffs_close(&session.handoffs);
    arena_finish(&session.arena);
    config_destroy(config);
    return status;
}

const struct command command_handoff = {
    "handoff",
    "conversations that a person was asked for",
    "list [--all] [--json] [--limit N] | show ID [--json] | take ID | say ID WORDS | release "
    "ID "
    "[--as NAME]",
    "`list` shows who waits for a person, longest first, and no word of a customer; `show` "
    "one\n"
    "of them with the conversation. `take` makes it yours, `say` sends words to the customer\n"
    "(and takes it), `release` gives it back to the bot. A customer whom nobody answers in\n"
    "time hears an apology from the bot, which is then there again.\n\n"
    "  --all       ended ones too\n"
    "  --json      one object a line\n"
    "  --limit N   at most so many (100)\n"
    "  --as NAME   who you are (this machine's user)\n",
    run,
};
