/*
 * parley handoff: conversations that a person was asked for. A terminal is a thin desk; what it
 * does is what a CRM will do through the API.
 */
#include "bot/base/cards.h"
#include "bot/later/desk.h"
#include "store/handoffs.h"

#define BEFORE    20
#define WORDS_MAX 3000 /* with a name above them what every channel takes as one message */

struct session {
    struct desk desk;
    struct desk_listing listing;
    const char *as;
    struct handoffs *handoffs;
};

/* --- list and show ------------------------------------------------------------------------ */

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
    desk_set_time(object, "asked_at", handoff->asked_at);
    desk_set_time(object, "answer_by", handoff->answer_by);
    json_set_text(object, "held_by", handoff->held_by);
    desk_set_time(object, "answered_at", handoff->answered_at);
    desk_set_time(object, "ended_at", handoff->ended_at);
    json_set_text(object, "ended_why", handoff->ended_why);
    return object;
}

static void print_line(struct session *session, const struct handoff *handoff)
{
    char id[UUID_TEXT_LEN + 1], asked[DESK_TIME_LEN], by[DESK_TIME_LEN];
    bool done = handoff->ended_at > 0;
    uuid_format(handoff->id, id);
    (void)fprintf(session->desk.cli->out, "%s  %s  %-9.*s  %s %s  %.*s\n", id,
                  desk_time(handoff->asked_at, asked), STR_ARG(handoff->state),
                  done ? "ended" : "until",
                  desk_time(done ? handoff->ended_at : handoff->answer_by, by),
                  STR_ARG(done                       ? handoff->ended_why
                          : handoff->held_by.len > 0 ? handoff->held_by
                                                     : handoff->reason));
}

static bool print(struct session *session, const struct handoff *handoff, struct err *err)
{
    if (session->listing.json)
        return desk_print_new(&session->desk, handoff_to_json(handoff), err);
    print_line(session, handoff);
    return true;
}

static bool list(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct handoff *items = NULL;
    size_t n = 0;
    (void)words;
    if (!handoffs_list(session->handoffs, session->listing.all, (size_t)session->listing.limit,
                       &desk->arena, &items, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!print(session, &items[i], err))
            return false;
    }
    desk_listed(desk, &session->listing, n,
                session->listing.all ? "nobody ever asked for a person"
                                     : "nobody waits for a person");
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
                   : arena_format(&session->desk.arena, "(%.*s)", STR_ARG(line->kind));
    }
    if (!reply_from_json(&session->desk.arena, line->body, &reply, &ignored))
        return STR("(not readable)");
    return reply.body.len > 0
               ? reply.body
               : arena_format(&session->desk.arena, "(%.*s)", STR_ARG(line->kind));
}

static const char *speaker_of(const struct handoff_line *line)
{
    if (line->inbound)
        return "customer";
    return str_starts(line->why, STR("person/")) ? "person" : "bot";
}

static bool print_said(struct session *session, const struct handoff_line *line,
                       struct err *err)
{
    struct str words = words_of(session, line);
    char at[DESK_TIME_LEN];
    if (session->listing.json) {
        OWNED_JSON(object) = json_object();
        desk_set_time(object, "at", line->at);
        json_set_text(object, "from", str_from(speaker_of(line)));
        json_set_text(object, "kind", line->kind);
        json_set_text(object, "words", words);
        return desk_print(&session->desk, object, err);
    }
    (void)fprintf(session->desk.cli->out, "%s  %s%s%s\n", desk_time(line->at, at),
                  speaker_of(line), line->inbound ? "" : ", ",
                  line->inbound ? "" : delivery_name((enum delivery)line->delivery));
    desk_words(&session->desk, words);
    return !ferror(session->desk.cli->out) || err_raise(err, ERR_RETRY, "could not write");
}

static bool print_head(struct session *session, const struct handoff *handoff, struct err *err)
{
    if (!print(session, handoff, err))
        return false;
    if (session->listing.json)
        return true;
    (void)fprintf(session->desk.cli->out, "%.*s %.*s %.*s\n\n", STR_ARG(handoff->channel),
                  STR_ARG(handoff->address), STR_ARG(desk_line(&session->desk, handoff->name)));
    return true;
}

static bool find(struct session *session, const char *text, struct handoff *handoff,
                 struct err *err)
{
    struct uuid id;
    if (!uuid_parse(str_from(text), &id)) {
        return err_raise(err, ERR_REJECT,
                         "'%s' is not an id of a handoff: `parley handoff list` shows them",
                         text);
    }
    return handoffs_find(session->handoffs, id, &session->desk.arena, handoff, err);
}

static bool show(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    struct handoff handoff = {0};
    const struct handoff_line *lines = NULL;
    size_t n = 0;
    if (!find(session, words[0], &handoff, err) ||
        !handoffs_said(session->handoffs, &handoff, BEFORE, &desk->arena, &lines, &n, err) ||
        !print_head(session, &handoff, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!print_said(session, &lines[i], err))
            return false;
    }
    return true;
}

/* --- acting ------------------------------------------------------------------------------- */

static bool act(struct session *session, const char *id, enum handoff_act what,
                const char *reply, struct err *err)
{
    struct handoff handoff = {0};
    return find(session, id, &handoff, err) &&
           handoffs_do(session->handoffs, &handoff, what, desk_person(session->as), reply,
                       desk_id(), err);
}

static bool take(struct desk *desk, const char *const *words, struct err *err)
{
    return act(CONTAINER_OF(desk, struct session, desk), words[0], HANDOFF_TAKE, NULL, err);
}

static bool release(struct desk *desk, const char *const *words, struct err *err)
{
    return act(CONTAINER_OF(desk, struct session, desk), words[0], HANDOFF_RELEASE, NULL, err);
}

static bool say(struct desk *desk, const char *const *words, struct err *err)
{
    size_t cards = 0;
    struct str text = cards_redact(
        &desk->arena, str_trim(str_sane(&desk->arena, str_from(words[1]))), &cards);
    const char *as = CONTAINER_OF(desk, struct session, desk)->as;
    struct reply reply = {
        .kind = REPLY_TEXT, .by = as != NULL ? str_from(as) : STR_NONE, .body = text};
    if (text.len == 0 || str_length(text) > WORDS_MAX) {
        return err_raise(err, ERR_REJECT, "say something, and at most %d characters of it",
                         WORDS_MAX);
    }
    return act(CONTAINER_OF(desk, struct session, desk), words[0], HANDOFF_SAY,
               arena_cstr(&desk->arena, reply_to_json(&desk->arena, &reply)), err);
}

/* --- the command -------------------------------------------------------------------------- */

static bool open_store(struct desk *desk, struct err *err)
{
    const struct config *config = desk->config;
    return handoffs_open(config->database.url.at, config->database.role,
                         config->database.connect_timeout,
                         &CONTAINER_OF(desk, struct session, desk)->handoffs, err);
}

static void close_store(struct desk *desk)
{
    handoffs_close(&CONTAINER_OF(desk, struct session, desk)->handoffs);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct desk_verb verbs[] = {
        {"list",    0, 0, list   },
        {"show",    1, 1, show   },
        {"take",    1, 1, take   },
        {"say",     2, 2, say    },
        {"release", 1, 1, release},
        {NULL,      0, 0, NULL   },
    };
    static const struct desk_work work = {
        "say what: list, show ID, take ID, say ID WORDS, or release ID", verbs, open_store,
        close_store};
    struct session session = {.desk.cli = cli, .listing.limit = DESK_LIMIT};
    const struct cli_option options[] = {
        DESK_LISTING_OPTIONS(&session.listing),
        CLI_TEXT_TO("as", &session.as, DESK_AS_MAX),
        CLI_OPTIONS_END,
    };
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    return desk_run(&session.desk, &work, argc, argv);
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
    "  --as NAME   who you are, as the customer sees it, too (this machine's user, unseen)\n",
    run,
};
