/*
 * parley order: a status, another date, what was paid and a word to the customer, by the
 * business's people. What it does is what the API does: order_change (migration 0053).
 */
#include "bot/base/json_out.h"
#include "bot/later/desk.h"
#include "bot/loop/loop.h"
#include "flows/understand/calendar.h"
#include "store/order_desk.h"

#define NOTE_MAX 1000

struct wish {
    const char *expected, *paid, *note, *as;
    long progress; /* and 1; 0: not given */
    bool json, quiet, hidden;
};

struct session {
    struct desk desk;
    struct wish wish;
    struct order_desk *store;
};

/* --- showing ------------------------------------------------------------------------------ */

static void print_amount(struct session *session, const char *name, struct money money)
{
    (void)fprintf(session->desk.cli->out, "%-10s %.*s %s\n", name,
                  STR_ARG(money_decimal(&session->desk.arena, money)), money.currency);
}

static void print_time(struct session *session, const char *name, usec_t at)
{
    char text[DESK_TIME_LEN];
    if (at > 0)
        (void)fprintf(session->desk.cli->out, "%-10s %s\n", name, desk_time(at, text));
}

static bool print_json(struct session *session, const struct desk_order *order, struct err *err)
{
    struct str whole;
    return order_desk_whole(session->store, order, &session->desk.arena, &whole, err) &&
           ((cli_print(session->desk.cli, whole) && cli_print(session->desk.cli, STR("\n"))) ||
            err_raise(err, ERR_RETRY, "could not write"));
}

/* Each of a list, below its name: a line of ours, then the words that somebody wrote. */
static void print_each(struct session *session, const json_t *whole, const char *name,
                       void (*print)(struct session *session, const json_t *one))
{
    const json_t *list = json_array_in(whole, name);
    size_t i;
    json_t *one;

    if (json_array_size(list) > 0)
        (void)fprintf(session->desk.cli->out, "\n%s\n", name);
    json_array_foreach(list, i, one)
    {
        print(session, one);
    }
}

static struct str member(struct session *session, const json_t *one, const char *name)
{
    return desk_line(&session->desk, json_scalar(&session->desk.arena, one, name));
}

/* "1" and "1.5" of the three decimals that are kept. */
static struct str quantity(struct session *session, const json_t *one)
{
    struct str qty = member(session, one, "qty");

    if (str_find(qty, STR(".")) == qty.len)
        return qty;
    while (str_ends(qty, STR("0")))
        qty.len--;
    if (str_ends(qty, STR(".")))
        qty.len--;
    return qty;
}

static void print_item(struct session *session, const json_t *one)
{
    (void)fprintf(session->desk.cli->out, "  %.*s x  %.*s  %.*s\n",
                  STR_ARG(quantity(session, one)), STR_ARG(member(session, one, "code")),
                  STR_ARG(member(session, one, "description")));
}

/* As desk_time writes it: "2026-11-21T20:37:00Z" with a blank. */
static struct str moment(struct session *session, const json_t *one)
{
    struct str at = member(session, one, "at");
    struct str day, clock = at;

    return str_split(&clock, 'T', &day) && clock.len > 0
               ? arena_format(&session->desk.arena, "%.*s %.*s", STR_ARG(day), STR_ARG(clock))
               : at;
}

static void print_step(struct session *session, const json_t *one)
{
    (void)fprintf(session->desk.cli->out, "  %.*s  %.*s  %.*s  %.*s\n",
                  STR_ARG(moment(session, one)), STR_ARG(member(session, one, "status")),
                  STR_ARG(member(session, one, "actor")),
                  STR_ARG(member(session, one, "note")));
}

static const char *hidden(const json_t *one)
{
    return json_bool(one, "visible", true) ? "" : "  (hidden)";
}

static void print_note(struct session *session, const json_t *one)
{
    (void)fprintf(session->desk.cli->out, "  %.*s  %.*s%s\n", STR_ARG(moment(session, one)),
                  STR_ARG(member(session, one, "author")), hidden(one));
    desk_words(&session->desk, json_text(&session->desk.arena, one, "text"));
}

static void print_photo(struct session *session, const json_t *one)
{
    (void)fprintf(session->desk.cli->out, "  %.*s  %.*s  %.*s%s\n",
                  STR_ARG(member(session, one, "id")),
                  STR_ARG(member(session, one, "category")),
                  STR_ARG(member(session, one, "caption")), hidden(one));
}

static bool print_whole(struct session *session, const struct desk_order *order,
                        struct err *err)
{
    OWNED_JSON(whole) = NULL;
    struct str text;

    if (!order_desk_whole(session->store, order, &session->desk.arena, &text, err) ||
        !json_read(text, &whole, err))
        return false;
    print_each(session, whole, "items", print_item);
    print_each(session, whole, "timeline", print_step);
    print_each(session, whole, "notes", print_note);
    print_each(session, whole, "photos", print_photo);
    return true;
}

static bool show(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    struct desk_order order = {0};
    if (!order_desk_find(session->store, str_from(words[0]), &desk->arena, &order, err))
        return false;
    if (session->wish.json)
        return print_json(session, &order, err);
    (void)fprintf(desk->cli->out, "%.*s  %.*s, %.*s\n", STR_ARG(order.number),
                  STR_ARG(order.workflow), STR_ARG(order.status));
    print_amount(session, "total", order.total);
    print_amount(session, "paid", order.paid);
    print_time(session, "placed", order.placed_at);
    print_time(session, "expected", order.expected_at);
    print_time(session, "before", order.expected_was);
    print_time(session, "delivered", order.delivered_at);
    return print_whole(session, &order, err);
}

/* --- updating ----------------------------------------------------------------------------- */

/* "2026-12-24", which is noon of it, "2026-12-24 16:30", or "none". */
static bool read_expected(struct session *session, const char **expected, struct err *err)
{
    const char *text = session->wish.expected;
    struct date date;
    int hour = 12, minute = 0;
    char end;
    *expected = text;
    if (!text || strcmp(text, "none") == 0)
        return true;
    int n = sscanf(text, "%4d-%2d-%2d %2d:%2d%c", &date.year, &date.month, &date.day, &hour,
                   &minute, &end);
    bool whole = n == 5 || (n == 3 && strlen(text) <= strlen("2026-12-24"));
    if (!whole || !date_exists(date) || hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return err_raise(err, ERR_REJECT,
                         "--expected is a date like 2026-12-24 or '2026-12-24 16:30', or none");
    }
    *expected = arena_format(&session->desk.arena, "%04d-%02d-%02d %02d:%02d", date.year,
                             date.month, date.day, hour, minute)
                    .at;
    return true;
}

static bool read_paid(struct session *session, const struct desk_order *order,
                      struct money *paid, struct err *err)
{
    if (!money_parse(str_from(session->wish.paid), str_from(order->total.currency), paid, err))
        return err_wrap(err, "--paid");
    if (paid->minor >= 0 && paid->minor <= order->total.minor)
        return true;
    return err_raise(err, ERR_REJECT, "--paid is between 0 and the total, %.*s %s",
                     STR_ARG(money_decimal(&session->desk.arena, order->total)),
                     order->total.currency);
}

static bool read_note(const char *words, struct str *note, struct err *err)
{
    *note = str_trim(str_from(words ? words : ""));
    if (words && (note->len == 0 || !str_is_utf8(*note) || str_length(*note) > NOTE_MAX))
        return err_raise(err, ERR_REJECT, "a note is text of 1 to %d characters", NOTE_MAX);
    return true;
}

/* What is given, as order_change takes it. */
static struct str change_of(struct session *session, const char *status, const char *expected,
                            const struct money *paid, struct str note)
{
    const struct wish *wish = &session->wish;
    struct json_out out;
    json_out_init(&out, &session->desk.arena, 256);
    json_open(&out, '{');
    json_member(&out, "status", str_from(status ? status : ""));
    json_member(&out, "expected_local", str_from(expected ? expected : ""));
    json_member(&out, "note", note);
    if (paid)
        json_key(&out, "paid_minor"), json_put_int(&out, paid->minor);
    if (wish->progress > 0)
        json_key(&out, "progress"), json_put_int(&out, wish->progress - 1);
    if (wish->hidden)
        json_key(&out, "note_visible"), json_put_word(&out, "false");
    if (wish->quiet)
        json_key(&out, "quiet"), json_put_word(&out, "true");
    json_close(&out, '}');
    return json_out_text(&out);
}

static bool change(struct session *session, const char *number, const char *status,
                   const char *words, struct err *err)
{
    struct desk_order order = {0};
    struct money paid;
    struct str note;
    const char *expected;
    if (!read_expected(session, &expected, err) || !read_note(words, &note, err) ||
        !order_desk_find(session->store, str_from(number), &session->desk.arena, &order, err) ||
        (session->wish.paid && !read_paid(session, &order, &paid, err)))
        return false;
    struct str wanted =
        change_of(session, status, expected, session->wish.paid ? &paid : NULL, note);
    if (!order_desk_change(session->store, &order, wanted, desk_person(session->wish.as),
                           desk_id(), &session->desk.arena, NULL, err))
        return false;
    (void)fprintf(session->desk.cli->out, "%.*s\n", STR_ARG(order.number));
    return true;
}

static bool update(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct wish *wish = &session->wish;
    if (!wish->expected && !wish->paid && !wish->note && wish->progress == 0) {
        return err_raise(err, ERR_REJECT, "say what: --expected, --paid, --progress or --note");
    }
    return change(session, words[0], NULL, wish->note, err);
}

static bool status(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    return change(session, words[0], words[1], session->wish.note, err);
}

static bool note(struct desk *desk, const char *const *words, struct err *err)
{
    return change(CONTAINER_OF(desk, struct session, desk), words[0], NULL, words[1], err);
}

/* --- the command -------------------------------------------------------------------------- */

static bool open_store(struct desk *desk, struct err *err)
{
    const struct config *config = desk->config;
    return order_desk_open(config->database.owner_url.at, config->database.connect_timeout,
                           &CONTAINER_OF(desk, struct session, desk)->store, err);
}

static void close_store(struct desk *desk)
{
    order_desk_close(&CONTAINER_OF(desk, struct session, desk)->store);
}

/* 0 is a progress, too, and a number that is not given is 0. */
static bool read_progress(const char *text, long *progress)
{
    int64_t number;
    if (!text)
        return true;
    if (!str_to_int(str_from(text), &number) || number < 0 || number > 100)
        return false;
    *progress = (long)number + 1;
    return true;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct desk_verb verbs[] = {
        {"show",   1, 1, show  },
        {"status", 2, 2, status},
        {"note",   2, 2, note  },
        {"update", 1, 1, update},
        {NULL,     0, 0, NULL  },
    };
    static const struct desk_work work = {
        "say what: show NUMBER, status NUMBER STATUS, note NUMBER WORDS, photo ..., or update "
        "NUMBER",
        verbs, open_store, close_store};
    struct session session = {.desk = {.cli = cli}};
    struct wish *wish = &session.wish;
    const char *progress = NULL;
    const struct cli_option options[] = {
        CLI_TEXT("expected", &wish->expected),
        CLI_TEXT("paid", &wish->paid),
        CLI_TEXT("progress", &progress),
        CLI_TEXT("note", &wish->note),
        CLI_FLAG("hidden", &wish->hidden),
        CLI_FLAG("quiet", &wish->quiet),
        CLI_FLAG("json", &wish->json),
        CLI_TEXT_TO("as", &wish->as, DESK_AS_MAX),
        CLI_OPTIONS_END,
    };
    if (argc > 1 && strcmp(argv[1], "photo") == 0)
        return command_photo.run(cli, argc - 1, argv + 1);
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    if (!read_progress(progress, &wish->progress))
        return cli_usage(cli, "--progress is a number from 0 to 100");
    return desk_run(&session.desk, &work, argc, argv);
}

const struct command command_order = {
    "order",
    "an order's status, date, payments, notes and photos",
    "show NUMBER [--json] | status NUMBER STATUS [--quiet] | note NUMBER WORDS [--hidden] |\n"
    "       update NUMBER [--expected DATE] [--paid AMOUNT] [--progress N] [--note WORDS] |\n"
    "       photo ... [--as NAME]",
    "`status` moves an order, a job or a repair to another state of its workflow, and the\n"
    "customer is told; `update` changes what is given. Customers see all of it with their "
    "next\n"
    "look; a date that moves stands beside the one that was promised before, and among what "
    "is\n"
    "new. `photo` is `parley photo`. The API does the same. Connects as database.owner_url.\n\n"
    "  --expected DATE  2026-12-24, '2026-12-24 16:30' by the business's clock, or none\n"
    "  --paid AMOUNT    what has been paid of it in all: 25.50\n"
    "  --progress N     how far along it is, 0 to 100\n"
    "  --note WORDS     for the customer to see with the order\n"
    "  --hidden         a note that only the business sees\n"
    "  --quiet          the customer is not told\n"
    "  --json           all of it, as an object\n"
    "  --as NAME        who you are (this machine's user)\n",
    run,
};
