/*
 * parley ticket: what customers have reported, for the business's people. A terminal is a thin
 * desk; what it does is what a CRM will do through the API.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "bot/base/message.h"
#include "bot/base/sniff.h"
#include "bot/book_files.h"
#include "bot/commands.h"
#include "bot/documents.h"
#include "store/tickets.h"
#include "templates/words.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LIMIT     100
#define LIMIT_MAX 100000
#define WORDS_MAX 3000 /* with what is said around them they are one message */

struct wish {
    bool all, json;
    long limit;
    const char *as, *save;
};

struct session {
    struct cli *cli;
    const struct config *config;
    const struct wish *wish;
    struct tickets *tickets;
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

/* --- list --------------------------------------------------------------------------------- */

static json_t *ticket_to_json(const struct ticket *ticket)
{
    char text[32];
    json_t *object = json_object();
    json_set_text(object, "number", ticket->number);
    json_set_text(object, "status", ticket->status);
    json_set_text(object, "kind", ticket->kind);
    json_set_text(object, "order", ticket->order);
    json_set_text(object, "created_at", str_from(time_text(ticket->created_at, text)));
    json_set_text(object, "due_at", str_from(time_text(ticket->due_at, text)));
    return object;
}

static bool print_json(struct session *session, const json_t *object)
{
    return cli_print(session->cli, json_write(&session->arena, object)) &&
           cli_print(session->cli, STR("\n"));
}

static void print_line(struct session *session, const struct ticket *ticket)
{
    char due[32];
    bool late = str_eq(ticket->status, STR("open")) && ticket->due_at < clock_now();
    (void)fprintf(session->cli->out, "%-11.*s  %-8.*s  %s %s  %-11.*s  %lld file%s  %.*s\n",
                  STR_ARG(ticket->number), STR_ARG(ticket->status), late ? "LATE" : "by  ",
                  time_text(ticket->due_at, due), STR_ARG(ticket->kind),
                  (long long)ticket->files, ticket->files == 1 ? " " : "s",
                  STR_ARG(ticket->order));
}

static bool list(struct session *session, struct err *err)
{
    const struct ticket *items = NULL;
    size_t n = 0;
    if (!tickets_list(session->tickets, session->wish->all, (size_t)session->wish->limit,
                      &session->arena, &items, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!session->wish->json) {
            print_line(session, &items[i]);
            continue;
        }
        OWNED_JSON(object) = ticket_to_json(&items[i]);
        if (!print_json(session, object))
            return err_raise(err, ERR_RETRY, "could not write");
    }
    if (!session->wish->json && n == 0) {
        (void)fprintf(session->cli->err, "no report %s\n",
                      session->wish->all ? "was ever made" : "waits for an answer");
    }
    return true;
}

/* --- files -------------------------------------------------------------------------------- */

static void got(struct document_op *op)
{
    loop_stop((struct loop *)(void *)op->work.data);
}

/* From the store, in a loop of its own. */
static bool fetch_file(struct session *session, struct uuid org, const struct hash *sha256,
                       struct str *bytes, struct err *err)
{
    struct loop loop;
    struct documents *documents = NULL;
    struct document_op op = {
        .key = {org, *sha256},
          .into = &session->arena, .done = got
    };
    if (!loop_init(&loop, err))
        return false;
    op.work.data = &loop;
    bool ok = documents_create(&loop, session->config, &documents, err);
    if (ok) {
        documents_get(documents, &op);
        loop_run(&loop);
    }
    documents_close(documents);
    loop_run(&loop);
    documents_destroy(documents);
    (void)loop_finish(&loop);
    *bytes = op.bytes;
    if (op.err.code != ERR_NONE)
        *err = op.err;
    return ok && op.err.code == ERR_NONE &&
           (op.found || err_raise(err, ERR_RETRY, "the document store does not have it"));
}

static bool write_file(const char *path, struct str bytes, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    bool ok = file && fwrite(bytes.at ? bytes.at : "", 1, bytes.len, file) == bytes.len;
    if (file && fclose(file) != 0)
        ok = false;
    return ok || err_raise(err, ERR_REJECT, "cannot write %s: %s", path,
                           strerrordesc_np(errno) ? strerrordesc_np(errno) : "?");
}

/* Named by the ticket and its place, never by what a customer called it. */
static bool save_file(struct session *session, const struct ticket *ticket,
                      const struct ticket_file *file, size_t place, struct err *err)
{
    struct str bytes = STR_NONE;
    const char *path;
    if (!str_eq(file->state, STR("kept")))
        return true;
    if (!fetch_file(session, ticket->org, &file->sha256, &bytes, err))
        return err_wrap(err, "file %zu", place);
    path = arena_format(&session->arena, "%s/%.*s-%zu.%s", session->wish->save,
                        STR_ARG(ticket->number), place, file_sniff(bytes).ending)
               .at;
    if (!write_file(path, bytes, err))
        return false;
    (void)fprintf(session->cli->err, "%s\n", path);
    return true;
}

static void print_file(struct session *session, const struct ticket_file *file, size_t place)
{
    (void)fprintf(session->cli->out, "  %zu. %-7.*s %.*s, %lld bytes%s%.*s%s%.*s\n", place,
                  STR_ARG(file->state), STR_ARG(file->mime.len > 0 ? file->mime : file->kind),
                  (long long)file->size, file->reason.len > 0 ? ", " : "",
                  STR_ARG(file->reason), file->caption.len > 0 ? ": " : "",
                  STR_ARG(file->caption));
}

/* --- show --------------------------------------------------------------------------------- */

static void print_head(struct session *session, const struct ticket *ticket)
{
    char at[32], by[32];
    FILE *out = session->cli->out;
    (void)fprintf(out, "%.*s  %.*s, %.*s\n", STR_ARG(ticket->number), STR_ARG(ticket->status),
                  STR_ARG(ticket->kind));
    (void)fprintf(out, "from:    %.*s", STR_ARG(ticket->customer));
    (void)fprintf(out, "  %.*s  %.*s\n", STR_ARG(ticket->email), STR_ARG(ticket->phone));
    if (ticket->order.len > 0)
        (void)fprintf(out, "order:   %.*s\n", STR_ARG(ticket->order));
    (void)fprintf(out, "sent:    %s, an answer is promised by %s\n\n%.*s\n",
                  time_text(ticket->created_at, at), time_text(ticket->due_at, by),
                  STR_ARG(ticket->description));
}

static json_t *answers_to_json(const struct ticket_answer *answers, size_t n)
{
    char text[32];
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *answer = json_object();
        json_set_text(answer, "at", str_from(time_text(answers[i].at, text)));
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
    return print_json(session, object) || err_raise(err, ERR_RETRY, "could not write");
}

static bool show(struct session *session, const struct ticket *ticket, struct err *err)
{
    const struct ticket_file *files = NULL;
    const struct ticket_answer *answers = NULL;
    size_t n_files = 0, n_answers = 0;
    char at[32];
    if (!tickets_files(session->tickets, ticket, &session->arena, &files, &n_files, err) ||
        !tickets_answers(session->tickets, ticket, &session->arena, &answers, &n_answers, err))
        return false;
    if (session->wish->json) {
        if (!show_json(session, ticket, files, n_files, answers, n_answers, err))
            return false;
    } else {
        print_head(session, ticket);
        for (size_t i = 0; i < n_files; i++)
            print_file(session, &files[i], i + 1);
        for (size_t i = 0; i < n_answers; i++) {
            (void)fprintf(session->cli->out, "\n%s, %.*s: %.*s\n", time_text(answers[i].at, at),
                          STR_ARG(answers[i].author), STR_ARG(answers[i].words));
        }
    }
    for (size_t i = 0; session->wish->save && i < n_files; i++) {
        if (!save_file(session, ticket, &files[i], i + 1, err))
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
    if (!book_files_read(&session->arena, session->config->flows.folder, &files, &n, err))
        return false;
    while (from < n && !str_starts(files[from].name, STR("messages/")))
        from++; /* they are sorted: flows, then messages */
    for (end = from; end < n && str_starts(files[end].name, STR("messages/")); end++)
        ;
    messages = files + from;
    if (!words_create(messages, end - from, &words, err))
        return false;
    record_build(&scope, &session->arena);
    record_set(&scope, STR("ticket"), value_text(ticket->number));
    record_set(&scope, STR("text"), value_text(text));
    *said = str_trim(
        words_render(&session->arena, words, &locale, key, record_built(&scope), NULL));
    words_destroy(words);
    return said->len > 0 ||
           err_raise(err, ERR_REJECT, "there are no words '%.*s'", STR_ARG(key));
}

static struct uuid new_id(void)
{
    uint8_t random[10];
    random_bytes(random, sizeof(random));
    return uuid_v7(clock_now(), random);
}

static void tell_outcome(struct session *session, const struct ticket *ticket, bool told)
{
    usec_t window = session->config->whatsapp.service_window;
    (void)fprintf(session->cli->out, "%.*s\n", STR_ARG(ticket->number));
    if (!told) {
        (void)fprintf(session->cli->err, "kept, but there is no conversation to tell it in\n");
    } else if (clock_now() - ticket->last_inbound_at > window) {
        (void)fprintf(session->cli->err,
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
                                  .id = new_id(),
                                  .author = who(session),
                                  .words = words,
                                  .reply = reply_to_json(&session->arena, &said)};
    if (!tickets_reply(session->tickets, ticket, &answer, &told, err))
        return false;
    tell_outcome(session, ticket, told);
    return true;
}

/* --- the command -------------------------------------------------------------------------- */

static bool read_options(int argc, char **argv, struct wish *wish)
{
    static const struct option options[] = {
        {"all",   no_argument,       NULL, 'a'},
        {"json",  no_argument,       NULL, 'j'},
        {"limit", required_argument, NULL, 'l'},
        {"as",    required_argument, NULL, 'w'},
        {"save",  required_argument, NULL, 's'},
        {NULL,    0,                 NULL, 0  },
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
        case 's':
            wish->save = optarg;
            break;
        default:
            return false;
        }
    }
    return true;
}

static bool act_on(struct session *session, const char *verb, const struct ticket *ticket,
                   const char *words, struct err *err)
{
    struct str text = str_trim(str_from(words));
    if (strcmp(verb, "show") == 0)
        return show(session, ticket, err);
    if (strcmp(verb, "close") == 0)
        return reply(session, ticket, "closed", text, err);
    if (text.len == 0)
        return err_raise(err, ERR_REJECT, "an answer needs words");
    return reply(session, ticket, "answered", text, err);
}

static int act(struct session *session, const char *verb, char *const *rest)
{
    const struct config *config = session->config;
    struct ticket ticket = {0};
    struct err err = {0};
    bool ok = crypto_init(&err) &&
              tickets_open(config->database.owner_url.at, config->database.connect_timeout,
                           &session->tickets, &err);
    if (ok && strcmp(verb, "list") == 0) {
        ok = list(session, &err);
    } else if (ok) {
        ok =
            tickets_find(session->tickets, str_from(rest[0]), &session->arena, &ticket, &err) &&
            act_on(session, verb, &ticket, rest[1], &err);
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
    bool right = strcmp(verb, "list") == 0     ? n == 0
                 : strcmp(verb, "show") == 0   ? n == 1
                 : strcmp(verb, "answer") == 0 ? n == 2
                 : strcmp(verb, "close") == 0  ? n == 1 || n == 2
                                               : false;
    if (!right) {
        return cli_usage(
            cli, "say what: list, show NUMBER, answer NUMBER WORDS, or close NUMBER [WORDS]");
    }
    struct config *config = cli_config(cli);
    if (!config)
        return CLI_FAILED;
    struct session session = {.cli = cli, .config = config, .wish = &wish};
    int status = act(&session, verb, argv + optind + 1);
    tickets_close(&session.tickets);
    arena_finish(&session.arena);
    config_destroy(config);
    return status;
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
