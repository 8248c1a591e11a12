/*
 * parley review: what customers say of their orders, figures of it, and asking one of them now.
 */
#include "bot/later/desk.h"
#include "bot/loop/loop.h"
#include "flows/understand/calendar.h"
#include "store/reviews.h"

enum { LIMIT = 100, LIMIT_MAX = 100000 };

struct wish {
    bool json;
    long limit;
    const char *since, *state;
};

struct session {
    struct desk desk;
    struct wish wish;
    struct reviews *reviews;
};

/* --- list --------------------------------------------------------------------------------- */

static json_t *review_to_json(const struct review *review)
{
    json_t *object = json_object();
    json_set_text(object, "order", review->order);
    json_set_text(object, "workflow", review->workflow);
    json_set_text(object, "state", review->state);
    if (review->rating > 0)
        json_set_int(object, "rating", review->rating);
    json_set_text(object, "comment", review->comment);
    json_set_text(object, "channel", review->channel);
    json_set_text(object, "platform", review->platform);
    json_set_text(object, "ticket", review->ticket);
    json_set_text(object, "why", review->why);
    desk_set_time(object, "requested_at", review->requested_at);
    desk_set_time(object, "asked_at", review->asked_at);
    desk_set_time(object, "reminded_at", review->reminded_at);
    desk_set_time(object, "answered_at", review->answered_at);
    return object;
}

static void print_line(struct session *session, const struct review *review)
{
    char at[DESK_TIME_LEN];
    struct str note =
        review->why.len > 0 ? review->why : desk_line(&session->desk, review->comment);
    (void)fprintf(session->desk.cli->out, "%s  %-10.*s  %-9.*s  %-5.*s  %.*s%s%.*s\n",
                  desk_time(review->requested_at, at), STR_ARG(review->order),
                  STR_ARG(review->state), (int)review->rating, "*****", STR_ARG(review->ticket),
                  review->ticket.len > 0 ? "  " : "", STR_ARG(note));
}

static bool list(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct wish *wish = &session->wish;
    const struct review *items = NULL;
    size_t n = 0;
    (void)words;
    if (!reviews_list(session->reviews, wish->since, wish->state, (size_t)wish->limit,
                      &desk->arena, &items, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!wish->json) {
            print_line(session, &items[i]);
            continue;
        }
        OWNED_JSON(object) = review_to_json(&items[i]);
        if (!desk_print(desk, object, err))
            return false;
    }
    if (!wish->json && n == 0)
        (void)fprintf(desk->cli->err, "nobody was asked\n");
    return true;
}

/* --- stats -------------------------------------------------------------------------------- */

/* Of those asked, how many gave stars, in percent. */
static long long share(const struct review_figures *figures)
{
    return figures->asked > 0 ? (figures->answered * 100 + figures->asked / 2) / figures->asked
                              : 0;
}

static json_t *figures_to_json(const struct review_figures *figures)
{
    json_t *object = json_object();
    json_set_text(object, "of", figures->what);
    json_set_text(object, "which", figures->which);
    json_set_int(object, "asked", figures->asked);
    json_set_int(object, "answered", figures->answered);
    json_set_int(object, "percent", share(figures));
    json_set_int(object, "skipped", figures->skipped);
    json_set_int(object, "completed", figures->completed);
    json_set_int(object, "average_hundredths", figures->average);
    json_set_int(object, "links_opened", figures->opened);
    return object;
}

static void print_figures(struct session *session, const struct review_figures *figures)
{
    (void)fprintf(session->desk.cli->out,
                  "%-8.*s %-10.*s %6lld %8lld %3lld%% %7lld %9lld %4lld.%02lld\n",
                  STR_ARG(figures->what), STR_ARG(figures->which), (long long)figures->asked,
                  (long long)figures->answered, share(figures), (long long)figures->skipped,
                  (long long)figures->completed, (long long)(figures->average / 100),
                  (long long)(figures->average % 100));
}

static bool stats(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    const struct review_figures *items = NULL;
    size_t n = 0;
    (void)words;
    if (!reviews_stats(session->reviews, session->wish.since, &desk->arena, &items, &n, err))
        return false;
    if (!session->wish.json) {
        (void)fprintf(desk->cli->out, "%-19s %6s %8s %4s %7s %9s %7s\n", "", "asked",
                      "answered", "", "skipped", "completed", "average");
    }
    for (size_t i = 0; i < n; i++) {
        if (!session->wish.json) {
            print_figures(session, &items[i]);
            continue;
        }
        OWNED_JSON(object) = figures_to_json(&items[i]);
        if (!desk_print(desk, object, err))
            return false;
    }
    return true;
}

/* --- ask ---------------------------------------------------------------------------------- */

static bool ask(struct desk *desk, const char *const *words, struct err *err)
{
    struct session *session = CONTAINER_OF(desk, struct session, desk);
    struct str outcome = STR_NONE;
    if (!reviews_request(session->reviews, str_from(words[0]), clock_now(), &desk->arena,
                         &outcome, err))
        return false;
    if (str_eq(outcome, STR("already"))) {
        return err_raise(err, ERR_REJECT, "%s: its customer was asked, or has answered",
                         words[0]);
    }
    if (str_eq(outcome, STR("unfinished")))
        return err_raise(err, ERR_REJECT, "%s has not come to its end", words[0]);
    if (!str_eq(outcome, STR("asked")))
        return err_raise(err, ERR_REJECT, "there is no order '%.40s'", words[0]);
    (void)fprintf(desk->cli->out, "%s  is asked about as soon as its customer may be\n",
                  words[0]);
    return true;
}

/* --- the command -------------------------------------------------------------------------- */

static bool is_date(const char *text)
{
    struct date date;
    char end;
    return sscanf(text, "%4d-%2d-%2d%c", &date.year, &date.month, &date.day, &end) == 3 &&
           strlen(text) == strlen("2026-12-24") && date_exists(date);
}

static bool open_store(struct desk *desk, struct err *err)
{
    const struct config *config = desk->config;
    return reviews_open(config->database.owner_url.at, config->database.connect_timeout,
                        &CONTAINER_OF(desk, struct session, desk)->reviews, err);
}

static void close_store(struct desk *desk)
{
    reviews_close(&CONTAINER_OF(desk, struct session, desk)->reviews);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct desk_verb verbs[] = {
        {"list",  0, 0, list },
        {"stats", 0, 0, stats},
        {"ask",   1, 1, ask  },
        {NULL,    0, 0, NULL },
    };
    static const struct desk_work work = {"say what: list, stats, or ask ORDER", verbs,
                                          open_store, close_store};
    struct session session = {
        .desk = {.cli = cli  },
          .wish = { .limit = LIMIT, .state = ""}
    };
    struct wish *wish = &session.wish;
    const struct cli_option options[] = {
        CLI_TEXT("since", &wish->since),
        CLI_TEXT("state", &wish->state),
        CLI_NUMBER("limit", &wish->limit, LIMIT_MAX),
        CLI_FLAG("json", &wish->json),
        CLI_OPTIONS_END,
    };
    if (!cli_options(argc, argv, options))
        return cli_usage(cli, NULL);
    if (wish->since && !is_date(wish->since))
        return cli_usage(cli, "--since is a date like 2026-11-01");
    return desk_run(&session.desk, &work, argc, argv);
}

const struct command command_review = {
    "review",
    "what customers say of their orders, and asking them",
    "list [--since DATE] [--state STATE] [--limit N] [--json] | stats [--since DATE] [--json] "
    "| "
    "ask ORDER",
    "`list` shows the newest first: requested, asked, reminded, completed, skipped, withdrawn\n"
    "(and why). `stats` counts who was asked and who answered, with the average, by rating,\n"
    "workflow and channel. `ask` does not wait for the day after: the customer is asked as "
    "soon\n"
    "as they may be, once as ever. Connects as database.owner_url.\n\n"
    "  --since DATE   from this day on, 2026-11-01\n"
    "  --state STATE  list: only those\n"
    "  --limit N      list: at most so many (100)\n"
    "  --json         one object a line\n",
    run,
};
