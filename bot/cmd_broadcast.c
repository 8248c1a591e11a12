/*
 * parley broadcast: one message to many who asked for it, by the business's people.
 */
#include "bot/books.h"
#include "bot/broadcast_file.h"
#include "bot/broadcast_settings.h"
#include "bot/broadcast_show.h"
#include "bot/loop/loop.h"
#include "flows/flows.h"
#include "flows/understand/calendar.h"

#include <unistd.h>

#define FILE_MOST ((size_t)64 << 20)
#define TELL_MOST 20 /* refused lines, one by one */

/* A lane whose worker died is not waited for longer than this. */
#define WIRE_LOOKS 200
#define WIRE_WAIT  100000 /* microseconds between two of them */

struct wish {
    const char *words, *list, *topic, *channel, *language, *prefix, *company, *since, *status;
    const char *at, *business, *as;
    bool local, skip, json, follow;
};

struct session {
    struct desk desk;
    struct wish wish;
    struct broadcast_desk *store;
    struct broadcast_columns columns; /* of the list, where there is one */
};

static struct session *session_of(struct desk *desk)
{
    return CONTAINER_OF(desk, struct session, desk);
}

/* --- files -------------------------------------------------------------------------------- */

static bool read_file(struct arena *into, const char *path, struct str *bytes, struct err *err)
{
    FILE *file = fopen(path, "rbe");
    size_t room = 1 << 16;

    if (!file)
        return err_raise(err, ERR_REJECT, "%s: cannot be read", path);
    char *at = arena_alloc(into, room);
    *bytes = (struct str){at, fread(at, 1, room, file)};
    while (bytes->len == room && room < FILE_MOST) {
        char *wider = arena_alloc(into, room * 2);
        memcpy(wider, at, room);
        at = wider;
        *bytes = (struct str){at, room + fread(at + room, 1, room, file)};
        room *= 2;
    }
    bool bad = ferror(file) != 0 || bytes->len == room;
    (void)fclose(file);
    return !bad || err_raise(err, ERR_REJECT, "%s: cannot be read, or is over 64 MB", path);
}

/* Refused lines are told with their numbers; whether to go on without them is asked for. */
static bool read_lines(struct session *session, struct csv *csv, struct broadcast_plan *plan,
                       struct err *err)
{
    struct arena *into = &session->desk.arena;
    struct str fields[CSV_COLUMNS_MAX], *lines = NULL;
    size_t room = 0, refused = 0;
    const char *why = NULL;
    enum csv_outcome outcome;

    while ((outcome = csv_next(csv, into, fields, &why)) != CSV_END) {
        struct str json;
        if (plan->n_lines == room) {
            struct str *wider = arena_array(into, struct str, room * 2 + 1024);
            if (room > 0)
                memcpy(wider, lines, room * sizeof(*lines));
            lines = wider;
            room = room * 2 + 1024;
        }
        if (outcome == CSV_ROW)
            why = broadcast_line_read(into, &session->columns, fields, csv->line, &json);
        if (why == NULL) {
            lines[plan->n_lines++] = json;
        } else if (++refused <= TELL_MOST) {
            (void)fprintf(session->desk.cli->err, "%s:%u: %s\n", session->wish.list, csv->line,
                          why);
        }
        if (plan->n_lines > BROADCAST_LINES_MAX)
            return err_raise(err, ERR_REJECT, "a list has %d lines at most",
                             BROADCAST_LINES_MAX);
    }
    plan->lines = lines;
    if (refused > TELL_MOST)
        (void)fprintf(session->desk.cli->err, "... and %zu more\n", refused - TELL_MOST);
    if (refused == 0 || session->wish.skip)
        return plan->n_lines > 0 ||
               err_raise(err, ERR_REJECT, "%s: nobody is left in it", session->wish.list);
    return err_raise(err, ERR_REJECT,
                     "%zu lines are refused: mend them, or leave them out with --skip",
                     refused);
}

static bool read_list(struct session *session, struct broadcast_plan *plan, struct err *err)
{
    struct arena *into = &session->desk.arena;
    struct str bytes, head[CSV_COLUMNS_MAX];
    const char *why = "it is empty";
    struct csv csv;

    if (!session->wish.list)
        return true;
    if (!read_file(into, session->wish.list, &bytes, err))
        return false;
    if (csv_begin(&csv, into, bytes, head, &why) != CSV_ROW)
        return err_raise(err, ERR_REJECT, "%s: %s", session->wish.list, why);
    plan->listed = true;
    return (broadcast_columns_read(&csv, head, &session->columns, err) &&
            read_lines(session, &csv, plan, err)) ||
           err_wrap(err, "%s", session->wish.list);
}

static bool read_content(struct session *session, struct broadcast_plan *plan, struct err *err)
{
    struct arena *into = &session->desk.arena;
    struct str bytes, content, files;
    struct book *book = NULL;

    if (!session->wish.words)
        return err_raise(err, ERR_REJECT, "say what it says: --words FILE.yaml");
    if (!read_file(into, session->wish.words, &bytes, err) ||
        !books_read(into, session->desk.config->flows.folder, &book, &files, err))
        return false;
    bool ok = broadcast_content_read(into, str_from(session->wish.words), bytes,
                                     session->wish.list ? &session->columns : NULL,
                                     book_words(book), str_from(plan->channel), &content, err);
    book_destroy(book);
    plan->content = ok ? arena_cstr(into, content) : NULL;
    return ok;
}

/* --- create ------------------------------------------------------------------------------- */

static bool is_one_of(const char *text, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(text, *list) == 0)
            return true;
    }
    return false;
}

static bool read_date(const char *text, bool with_time, struct err *err, const char *option)
{
    struct date date;
    int hour = 0, minute = 0;
    char end;
    int n = sscanf(text, "%4d-%2d-%2d %2d:%2d%c", &date.year, &date.month, &date.day, &hour,
                   &minute, &end);
    bool whole = with_time ? n == 5 : n == 3 && strlen(text) == strlen("2026-12-24");

    return (whole && date_exists(date) && hour >= 0 && hour <= 23 && minute >= 0 &&
            minute <= 59) ||
           err_raise(err, ERR_REJECT, "%s is a date like %s", option,
                     with_time ? "'2026-12-24 16:30'" : "2026-12-24");
}

static bool check(const struct wish *wish, struct err *err)
{
    static const char *const channels[] = {"whatsapp", "sms", "email", NULL};
    static const char *const topics[] = {"orders",   "deliveries", "cancellations", "estimates",
                                         "payments", "reviews",    "offers",        NULL};
    enum lang lang;

    if (wish->channel && !is_one_of(wish->channel, channels))
        return err_raise(err, ERR_REJECT, "--channel is whatsapp, sms or email");
    if (wish->topic && !is_one_of(wish->topic, topics))
        return err_raise(err, ERR_REJECT,
                         "--topic is one of the customers' preferences: offers");
    if (wish->language && !lang_parse(str_from(wish->language), &lang))
        return err_raise(err, ERR_REJECT, "--language is en, es, pl or ar");
    if (wish->prefix && (wish->prefix[0] != '+' ||
                         strspn(wish->prefix + 1, "0123456789") != strlen(wish->prefix) - 1))
        return err_raise(err, ERR_REJECT, "--prefix is how numbers begin: +48");
    if (wish->list &&
        (wish->language || wish->prefix || wish->company || wish->since || wish->status))
        return err_raise(err, ERR_REJECT, "a list says whom already: leave the conditions out");
    if (wish->local && !wish->at)
        return err_raise(err, ERR_REJECT, "--local says by whose clock --at is");
    return (!wish->since || read_date(wish->since, false, err, "--since")) &&
           (!wish->at || read_date(wish->at, true, err, "--at"));
}

static const char *audience_of(struct session *session)
{
    const struct wish *wish = &session->wish;
    OWNED_JSON(object) = json_object();

    json_set_text(object, "language", str_from(wish->language ? wish->language : ""));
    json_set_text(object, "prefix", str_from(wish->prefix ? wish->prefix : ""));
    json_set_text(object, "company", str_from(wish->company ? wish->company : ""));
    json_set_text(object, "since", str_from(wish->since ? wish->since : ""));
    json_set_text(object, "status", str_from(wish->status ? wish->status : ""));
    return arena_cstr(&session->desk.arena, json_write(&session->desk.arena, object));
}

static bool create(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);
    const struct wish *wish = &session->wish;
    struct broadcast_plan plan = {.id = desk_id(),
                                  .name = words[0],
                                  .topic = wish->topic ? wish->topic : "offers",
                                  .channel = wish->channel ? wish->channel : "",
                                  .at = wish->at,
                                  .local = wish->local,
                                  .who = desk_person(wish->as)};
    size_t len = strlen(plan.name);

    if (len > 60 || strspn(plan.name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != len ||
        plan.name[0] == '-' || plan.name[0] == '_')
        return err_raise(err, ERR_REJECT,
                         "a name is small letters, digits, - and _: spring-sale");
    if (!check(wish, err) || !read_list(session, &plan, err) ||
        !read_content(session, &plan, err))
        return false;
    plan.audience = audience_of(session);
    if (!broadcast_desk_make(session->store, &plan, err))
        return false;
    (void)fprintf(desk->cli->out,
                  "%s is made: `parley broadcast dry-run %s` says who gets it\n", plan.name,
                  plan.name);
    struct broadcast made;
    if (!broadcast_desk_find(session->store, plan.name, &desk->arena, &made, err))
        return false;
    broadcast_show_wrong(desk, &made);
    return true;
}

/* --- the other verbs -----------------------------------------------------------------------
 */

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
    return broadcast_show_plan(desk, &broadcast, groups, n, session->wish.json, err);
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

    if (!broadcast_desk_change(session->store, name, what, desk_person(session->wish.as),
                               &taken_back, err) ||
        (stops && !until_off_wire(session, name, &on_wire, err)))
        return false;
    (void)fprintf(desk->cli->out, "%s is %s", name, done);
    if (taken_back > 0)
        (void)fprintf(desk->cli->out, "; %lld messages were taken back", (long long)taken_back);
    if (on_wire > 0)
        (void)fprintf(desk->cli->out, "; of %lld nobody knows yet whether they went",
                      (long long)on_wire);
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

    return (!session->wish.follow || broadcast_follow(desk, session->store, words[0], err)) &&
           broadcast_show_status(desk, session->store, words[0], session->wish.json, err);
}

static bool list(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);
    const struct broadcast *broadcasts;
    size_t n;

    (void)words;
    return broadcast_desk_list(session->store, &desk->arena, &broadcasts, &n, err) &&
           broadcast_show_list(desk, broadcasts, n, session->wish.json, err);
}

static bool prices(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);

    return broadcast_prices(desk, session->store, words, desk_person(session->wish.as), err);
}

static bool countries(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = session_of(desk);

    return broadcast_countries(desk, session->store, words, desk_person(session->wish.as), err);
}

/* --- the command ---------------------------------------------------------------------------
 */

static bool open_store(struct desk *desk, struct err *err)
{
    struct session *session = session_of(desk);
    const struct config *config = desk->config;

    return broadcast_desk_open(config->database.owner_url.at, config->database.connect_timeout,
                               session->wish.business, &session->store, err);
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
    struct wish *wish = &session.wish;
    const struct cli_option options[] = {
        {"words",                  .text = &wish->words},
        {"list",                        .text = &wish->list},
        {"skip",.flag = &wish->skip},
        {"topic",                   .text = &wish->topic},
        {"channel",                        .text = &wish->channel},
        {"language",.text = &wish->language},
        {"prefix",                .text = &wish->prefix, .max = 16},
        {"company",                        .text = &wish->company, .max = 200},
        {"since",                .text = &wish->since},
        {"status",                 .text = &wish->status, .max = 60},
        {"at",               .text = &wish->at},
        {"local",                .flag = &wish->local},
        {"json",              .flag = &wish->json},
        {"follow",                  .flag = &wish->follow},
        {"as",                        .text = &wish->as, .max = DESK_AS_MAX},
        {0},
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
