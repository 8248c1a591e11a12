/*
 * parley ticket: what customers have reported, for the business's people. A terminal is a thin
 * desk; what it does is what a CRM will do through the API.
 */
#include "bot/base/message.h"
#include "bot/file/ticket_files.h"
#include "bot/loop/loop.h"
#include "bot/turn/book_files.h"
#include "templates/words.h"

#define WORDS_MAX 3000 /* with what is said around them they are one message */

struct session {
    struct desk desk;
    struct desk_listing listing;
    const char *as, *save;
    struct tickets *tickets;
};

static bool find(struct session *session, const char *number, struct ticket *ticket,
                 struct err *err)
{
    return tickets_find(session->tickets, str_from(number), &session->desk.arena, ticket, err);
}

/* --- list --------------------------------------------------------------------------------- */

static json_t *ticket_to_json(const struct ticket *ticket)
{
    json_t *object = json_object();
    json_set_text(object, "number", ticket->number);
    json_set_text(object, "status", ticket->status);
    json_set_text(object, "kind", ticket->kind);
    json_set_text(object, "order", ticket->order);
    desk_set_time(object, "created_at", ticket->created_at);
    desk_set_time(object, "due_at", ticket->due_at);
    return object;
}

static void print_line(struct session *session, const struct ticket *ticket)
{
    char due[DESK_TIME_LEN];
    bool late = str_eq(ticket->status, STR("open")) && ticket->due_at < clock_now();
    (void)fprintf(
        session->desk.cli->out, "%-11.*s  %-8.*s  %s %s  %-11.*s  %lld file%s  %.*s\n",
        STR_ARG(ticket->number), STR_ARG(ticket->status), late ? "LATE" : "by  ",
        desk_time(ticket->due_at, due), STR_ARG(ticket->kind), (long long)ticket->files,
        CLI_OF(ticket->files, " ", "s"), STR_ARG(ticket->order));
}

static bool print(struct session *session, const struct ticket *ticket, struct err *err)
{
    if (session->listing.json)
        return desk_print_new(&session->desk, ticket_to_json(ticket), err);
    print_line(session, ticket);
    return true;
}

static bool list(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct ticket *items = NULL;
    size_t n = 0;
    (void)words;
    if (!tickets_list(session->tickets, session->listing.all, (size_t)session->listing.limit,
                      &desk->arena, &items, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!print(session, &items[i], err))
            return false;
    }
    desk_listed(desk, &session->listing, n,
                session->listing.all ? "no report was ever made"
                                     : "no report waits for an answer");
    return true;
}

/* --- files -------------------------------------------------------------------------------- */

static void print_file(struct session *session, const struct ticket_file *file, size_t place)
{
    (void)fprintf(session->desk.cli->out, "  %zu. %-7.*s %.*s, %lld byte%s%s%.*s%s%.*s\n",
                  place, STR_ARG(file->state),
                  STR_ARG(file->mime.len > 0 ? file->mime : file->kind), (long long)file->size,
                  CLI_OF(file->size, "", "s"), file->reason.len > 0 ? ", " : "",
                  STR_ARG(file->reason), file->caption.len > 0 ? ": " : "",
                  STR_ARG(desk_line(&session->desk, file->caption)));
}

/* --- show --------------------------------------------------------------------------------- */

static void print_head(struct session *session, const struct ticket *ticket)
{
    char at[DESK_TIME_LEN], by[DESK_TIME_LEN];
    FILE *out = session->desk.cli->out;
    (void)fprintf(out, "%.*s  %.*s, %.*s\n", STR_ARG(ticket->number), STR_ARG(ticket->status),
                  STR_ARG(ticket->kind));
    (void)fprintf(out, "from:    %.*s", STR_ARG(desk_line(&session->desk, ticket->customer)));
    (void)fprintf(out, "  %.*s  %.*s\n", STR_ARG(desk_line(&session->desk, ticket->email)),
                  STR_ARG(ticket->phone));
    if (ticket->order.len > 0)
        (void)fprintf(out, "order:   %.*s\n", STR_ARG(ticket->order));
    (void)fprintf(out, "sent:    %s, an answer is promised by %s\n\n",
                  desk_time(ticket->created_at, at), desk_time(ticket->due_at, by));
    desk_words(&session->desk, ticket->description);
}

static json_t *answers_to_json(const struct ticket_answer *answers, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *answer = json_object();
        desk_set_time(answer, "at", answers[i].at);
        json_set_text(answer, "by", answers[i].author);
        json_set_text(answer, "words", answers[i].words);
        json_array_append_new(list, answer);
    }
    return list;
}

static json_t *files_to_json(const struct ticket_file *files, size_t n)
{
    char hex[2 * HASH_LEN + 1];
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *file = json_object();
        json_set_text(file, "state", files[i].state);
        json_set_text(file, "mime", files[i].mime);
        json_set_int(file, "bytes", files[i].size);
        json_set_text(file, "caption", files[i].caption);
        json_set_text(file, "reason", files[i].reason);
        if (files[i].has_sha256) {
            hex_format(files[i].sha256.bytes, HASH_LEN, hex);
            json_set_text(file, "sha256", str_from(hex));
        }
        json_array_append_new(list, file);
    }
    return list;
}

static bool show_json(struct session *session, const struct ticket *ticket,
                      const struct ticket_file *files, size_t n_files,
                      const struct ticket_answer *answers, size_t n_answers, struct err *err)
{
    OWNED_JSON(object) = ticket_to_json(ticket);
    json_set_text(object, "customer", ticket->customer);
    json_set_text(object, "email", ticket->email);
    json_set_text(object, "phone", ticket->phone);
    json_set_text(object, "description", ticket->description);
    json_object_set_new(object, "files", files_to_json(files, n_files));
    json_object_set_new(object, "answers", answers_to_json(answers, n_answers));
    return desk_print(&session->desk, object, err);
}

static bool show(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    struct ticket found = {0};
    const struct ticket *ticket = &found;
    const struct ticket_file *files = NULL;
    const struct ticket_answer *answers = NULL;
    size_t n_files = 0, n_answers = 0;
    char at[DESK_TIME_LEN];
    if (!find(session, words[0], &found, err) ||
        !tickets_files(session->tickets, ticket, &session->desk.arena, &files, &n_files, err) ||
        !tickets_answers(session->tickets, ticket, &session->desk.arena, &answers, &n_answers,
                         err))
        return false;
    if (session->listing.json) {
        if (!show_json(session, ticket, files, n_files, answers, n_answers, err))
            return false;
    } else {
        print_head(session, ticket);
        for (size_t i = 0; i < n_files; i++)
            print_file(session, &files[i], i + 1);
        for (size_t i = 0; i < n_answers; i++) {
            (void)fprintf(session->desk.cli->out, "\n%s, %.*s: %.*s\n",
                          desk_time(answers[i].at, at), STR_ARG(answers[i].author),
                          STR_ARG(answers[i].words));
        }
    }
    for (size_t i = 0; session->save && i < n_files; i++) {
        if (!ticket_file_save(desk, ticket, &files[i], i + 1, session->save, err))
            return false;
    }
    return true;
}

/* --- answer and close --------------------------------------------------------------------- */

/* What the customer reads, in their language: our words around the team's. */
static bool words_for(struct session *session, const struct ticket *ticket, struct str key,
                      struct str text, struct str *said, struct err *err)
{
    struct locale locale = {.lang = LANG_EN, .now = clock_now()};
    const struct source_file *files, *messages;
    struct record_builder scope;
    struct words *words = NULL;
    size_t n = 0, from = 0, end;
    if (!lang_parse(ticket->language, &locale.lang))
        locale.lang = LANG_EN;
    if (!book_files_read(&session->desk.arena, session->desk.config->flows.folder, &files, &n,
                         err))
        return false;
    while (from < n && !str_starts(files[from].name, STR("messages/")))
        from++; /* they are sorted: flows, then messages */
    for (end = from; end < n && str_starts(files[end].name, STR("messages/")); end++)
        ;
    messages = files + from;
    if (!words_create(messages, end - from, &words, err))
        return false;
    record_build(&scope, &session->desk.arena);
    record_set(&scope, STR("ticket"), value_text(ticket->number));
    record_set(&scope, STR("text"), value_text(text));
    *said = str_trim(
        words_render(&session->desk.arena, words, &locale, key, record_built(&scope), NULL));
    words_destroy(words);
    return said->len > 0 ||
           err_raise(err, ERR_REJECT, "there are no words '%.*s'", STR_ARG(key));
}

static void tell_outcome(struct session *session, const struct ticket *ticket, bool told)
{
    usec_t window = session->desk.config->whatsapp.service_window;
    (void)fprintf(session->desk.cli->out, "%.*s\n", STR_ARG(ticket->number));
    if (!told) {
        (void)fprintf(session->desk.cli->err,
                      "kept, but there is no conversation to tell it in\n");
    } else if (clock_now() - ticket->last_inbound_at > window) {
        (void)fprintf(session->desk.cli->err,
                      "kept, but the customer last wrote too long ago for a message: they will "
                      "see it when they ask for their reports\n");
    }
}

static bool reply(struct session *session, const struct ticket *ticket, const char *status,
                  struct str words, struct err *err)
{
    struct reply said = {.kind = REPLY_TEXT};
    bool told = false;
    struct str key = words.len > 0 ? STR("tickets.answered") : STR("tickets.closed_by_team");
    if (!str_is_utf8(words) || str_length(words) > WORDS_MAX) {
        return err_raise(err, ERR_REJECT, "the words must be text of at most %d characters",
                         WORDS_MAX);
    }
    if (!words_for(session, ticket, key, words, &said.body, err))
        return false;
    struct ticket_reply answer = {.status = status,
                                  .id = desk_id(),
                                  .author = desk_person(session->as),
                                  .words = words,
                                  .reply = reply_to_json(&session->desk.arena, &said)};
    if (!tickets_reply(session->tickets, ticket, &answer, &told, err))
        return false;
    tell_outcome(session, ticket, told);
    return true;
}

static bool answer(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    struct str text = str_trim(str_from(words[1]));
    struct ticket ticket = {0};
    if (!find(session, words[0], &ticket, err))
        return false;
    if (text.len == 0)
        return err_raise(err, ERR_REJECT, "an answer needs words");
    return reply(session, &ticket, "answered", text, err);
}

static bool end(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    struct ticket ticket = {0};
    return find(session, words[0], &ticket, err) &&
           reply(session, &ticket, "closed", str_trim(str_from(words[1])), err);
}

/* --- the command -------------------------------------------------------------------------- */

static bool open_store(struct desk *desk, struct err *err)
{
    const struct config *config = desk->config;
    return tickets_open(config->database.owner_url.at, config->database.connect_timeout,
                        &CONTAINER_OF(desk, struct session, desk)->tickets, err);
}

static void close_store(struct desk *desk)
{
    tickets_close(&CONTAINER_OF(desk, struct session, desk)->tickets);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct desk_verb verbs[] = {
        {"list",   0, 0, list  },
        {"show",   1, 1, show  },
        {"answer", 2, 2, answer},
        {"close",  1, 2, end   },
        {NULL,     0, 0, NULL  },
    };
    static const struct desk_work work = {
        "say what: list, show NUMBER, answer NUMBER WORDS, or close NUMBER [WORDS]", verbs,
        open_store, close_store};
    struct session session = {.desk.cli = cli, .listing.limit = DESK_LIMIT};
    const struct cli_option options[] = {
        DESK_LISTING_OPTIONS(&session.listing),
        CLI_TEXT_TO("as", &session.as, DESK_AS_MAX),
        CLI_TEXT("save", &session.save),
        CLI_OPTIONS_END,
    };
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    return desk_run(&session.desk, &work, argc, argv);
}

const struct command command_ticket = {
    "ticket",
    "what customers have reported",
    "list [--all] [--json] [--limit N] | show NUMBER [--json] [--save DIR] | "
    "answer NUMBER WORDS | close NUMBER [WORDS] [--as NAME]",
    "`list` shows the reports that wait for an answer, the most urgent first, and no word of "
    "a\n"
    "customer; `show` one of them with its files and answers. `answer` sends words to the\n"
    "customer and keeps them with the report; `close` ends it and says so. Connects as\n"
    "database.owner_url.\n\n"
    "  --all       answered and closed ones too, the newest first\n"
    "  --json      one object a line\n"
    "  --limit N   at most so many (100)\n"
    "  --save DIR  write the files there, named by the report and their place\n"
    "  --as NAME   who you are (this machine's user)\n",
    run,
};
