/*
 * parley order: another date, what was paid and a word to the customer, by the business's
 * people. What it does is what a CRM's events will do.
 */
#include "bot/desk.h"
#include "bot/loop/loop.h"
#include "flows/understand/calendar.h"
#include "store/order_desk.h"

#define NOTE_MAX 1000

struct wish {
    const char *expected, *paid, *note, *as;
    bool json;
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
    OWNED_JSON(object) = json_object();
    json_set_text(object, "number", order->number);
    json_set_text(object, "workflow", order->workflow);
    json_set_text(object, "status", order->status);
    json_set_text(object, "currency", str_from(order->total.currency));
    json_set_int(object, "total_minor", order->total.minor);
    json_set_int(object, "paid_minor", order->paid.minor);
    desk_set_time(object, "placed_at", order->placed_at);
    desk_set_time(object, "expected_at", order->expected_at);
    desk_set_time(object, "expected_was", order->expected_was);
    desk_set_time(object, "delivered_at", order->delivered_at);
    return desk_print(&session->desk, object, err);
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
    return true;
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

static bool read_note(struct session *session, const char **note, struct err *err)
{
    struct str text;
    *note = NULL;
    if (!session->wish.note)
        return true;
    text = str_trim(str_from(session->wish.note));
    if (text.len == 0 || !str_is_utf8(text) || str_length(text) > NOTE_MAX) {
        return err_raise(err, ERR_REJECT, "--note is text of 1 to %d characters", NOTE_MAX);
    }
    *note = arena_cstr(&session->desk.arena, text);
    return true;
}

static bool update(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    struct order_change change = {.id = desk_id(), .author = desk_person(session->wish.as)};
    struct desk_order order = {0};
    struct money paid;
    if (!session->wish.expected && !session->wish.paid && !session->wish.note)
        return err_raise(err, ERR_REJECT, "say what: --expected, --paid or --note");
    if (!read_expected(session, &change.expected, err) ||
        !read_note(session, &change.note, err) ||
        !order_desk_find(session->store, str_from(words[0]), &desk->arena, &order, err))
        return false;
    if (session->wish.paid) {
        if (!read_paid(session, &order, &paid, err))
            return false;
        change.paid = &paid;
    }
    if (!order_desk_update(session->store, &order, &change, err))
        return false;
    (void)fprintf(desk->cli->out, "%.*s\n", STR_ARG(order.number));
    return true;
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

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct desk_verb verbs[] = {
        {"show",   1, 1, show  },
        {"update", 1, 1, update},
        {NULL,     0, 0, NULL  },
    };
    static const struct desk_work work = {"say what: show NUMBER, or update NUMBER", verbs,
                                          open_store, close_store};
    struct session session = {.desk = {.cli = cli}};
    struct wish *wish = &session.wish;
    const struct cli_option options[] = {
        {"expected",           .text = &wish->expected},
        {"paid",                    .text = &wish->paid},
        {"note",.text = &wish->note},
        {"json",               .flag = &wish->json},
        {"as",                    .text = &wish->as, .max = DESK_AS_MAX},
        {0},
    };
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    return desk_run(&session.desk, &work, argc, argv);
}

const struct command command_order = {
    "order",
    "an order's date, what was paid, a note",
    "show NUMBER [--json] | update NUMBER [--expected DATE] [--paid AMOUNT] [--note WORDS] "
    "[--as NAME]",
    "`update` changes what is given, of an order, a job or a repair. Customers see it with "
    "their\n"
    "next look; a date that moves stands beside the one that was promised before, and among\n"
    "what is new. Connects as database.owner_url.\n\n"
    "  --expected DATE  2026-12-24, '2026-12-24 16:30' by the business's clock, or none\n"
    "  --paid AMOUNT    what has been paid of it in all: 25.50\n"
    "  --note WORDS     for the customer to see with the order\n"
    "  --json           as an object\n"
    "  --as NAME        who you are (this machine's user)\n",
    run,
};
