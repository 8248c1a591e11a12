#include "bot/later/broadcast_show.h"

#include <stdlib.h>
#include <unistd.h>

#define BAR   40
#define AGAIN 500000 /* microseconds between two looks */

/* Why somebody is left out, in words. */
static const struct {
    const char *reason, *words;
} reasons[] = {
    {"no_consent", "did not ask for it"                 },
    {"stopped",    "said STOP"                          },
    {"duplicate",  "there already"                      },
    {"unknown",    "no customer of ours"                },
    {"no_channel", "no address or number"               },
    {"not_theirs", "the address is somebody else's, too"},
    {"no_account", "we do not send on that channel"     },
    {"no_words",   "no words for that channel"          },
    {"no_value",   "a value for the words is missing"   },
    {"closed",     "WhatsApp wants a template"          },
    {"country",    "a country that we do not send to"   },
    {"invalid",    "no valid number or address"         },
};

static const char *words_of(struct str reason)
{
    for (size_t i = 0; i < COUNTOF(reasons); i++) {
        if (str_eq(reason, str_from(reasons[i].reason)))
            return reasons[i].words;
    }
    return "";
}

static json_t *group_json(const struct broadcast_group *group)
{
    json_t *object = json_object();

    json_set_text(object, "state", group->state);
    json_set_text(object, "channel", group->channel);
    json_set_text(object, "language", group->language);
    json_set_text(object, "reason", group->reason);
    json_set_int(object, "n", group->n);
    if (group->late > 0)
        json_set_int(object, "after_quiet_hours", group->late);
    if (group->segments > 0)
        json_set_int(object, "segments", group->segments);
    json_set_text(object, "price_about", group->price);
    return object;
}

/* --- the dry run -------------------------------------------------------------------------- */

struct sums {
    int64_t to, out, late, unpriced;
    double price;
    bool priced;
};

static struct sums sum_up(const struct broadcast_group *groups, size_t n)
{
    struct sums sums = {0};

    for (size_t i = 0; i < n; i++) {
        const struct broadcast_group *group = &groups[i];
        if (str_eq(group->state, STR("excluded"))) {
            sums.out += group->n;
            continue;
        }
        sums.to += group->n;
        sums.late += group->late;
        sums.unpriced += group->unpriced;
        if (group->price.len > 0) {
            char text[32];
            (void)snprintf(text, sizeof text, "%.*s", STR_ARG(str_slice(group->price, 0, 30)));
            sums.price += strtod(text, NULL);
            sums.priced = true;
        }
    }
    return sums;
}

static void print_groups(struct desk *desk, const struct broadcast_group *groups, size_t n,
                         bool out)
{
    for (size_t i = 0; i < n; i++) {
        const struct broadcast_group *group = &groups[i];
        if (str_eq(group->state, STR("excluded")) != out)
            continue;
        if (out) {
            (void)fprintf(desk->cli->out, "  %8lld  %-11.*s %s\n", (long long)group->n,
                          STR_ARG(group->reason), words_of(group->reason));
        } else {
            (void)fprintf(desk->cli->out, "  %8lld  %-9.*s %.*s", (long long)group->n,
                          STR_ARG(group->channel), STR_ARG(group->language));
            if (group->segments > 1) {
                (void)fprintf(desk->cli->out, "  about %lld segments each",
                              (long long)group->segments);
            }
            (void)fprintf(desk->cli->out, "\n");
        }
    }
}

void broadcast_show_wrong(struct desk *desk, const struct broadcast *broadcast)
{
    if (broadcast->wrong.len > 0) {
        (void)fprintf(desk->cli->err, "It cannot go like this: %.*s\n",
                      STR_ARG(desk_line(desk, broadcast->wrong)));
    }
}

bool broadcast_show_plan(struct desk *desk, const struct broadcast *broadcast,
                         const struct broadcast_group *groups, size_t n, bool json,
                         struct err *err)
{
    struct sums sums = sum_up(groups, n);

    if (json) {
        for (size_t i = 0; i < n; i++) {
            OWNED_JSON(object) = group_json(&groups[i]);
            if (!desk_print(desk, object, err))
                return false;
        }
        return true;
    }
    (void)fprintf(desk->cli->out, "%.*s reaches %lld:\n", STR_ARG(broadcast->name),
                  (long long)sums.to);
    print_groups(desk, groups, n, false);
    if (sums.late > 0) {
        (void)fprintf(desk->cli->out, "%lld of them after their quiet hours\n",
                      (long long)sums.late);
    }
    (void)fprintf(desk->cli->out, "and leaves out %lld:\n", (long long)sums.out);
    print_groups(desk, groups, n, true);
    if (sums.priced) {
        (void)fprintf(desk->cli->out,
                      "It costs about %.2f (a rough guess, by your own table of "
                      "prices)\n",
                      sums.price);
    }
    if (sums.unpriced > 0) {
        (void)fprintf(desk->cli->out, "For %lld there is no price in the table\n",
                      (long long)sums.unpriced);
    }
    broadcast_show_wrong(desk, broadcast);
    return true;
}

/* --- status --------------------------------------------------------------------------------
 */

struct status {
    struct broadcast broadcast;
    struct broadcast_counts counts;
    struct broadcast_figures figures;
    const struct broadcast_group *groups;
    const struct broadcast_reason *reasons;
    size_t n_groups, n_reasons;
};

static bool load(struct desk *desk, struct broadcast_desk *store, const char *name,
                 struct status *status, struct err *err)
{
    struct arena *into = &desk->arena;

    return broadcast_desk_find(store, name, into, &status->broadcast, err) &&
           broadcast_desk_counts(store, status->broadcast.id, &status->counts, err) &&
           broadcast_desk_figures(store, status->broadcast.id, &status->figures, err) &&
           broadcast_desk_groups(store, status->broadcast.id, into, &status->groups,
                                 &status->n_groups, err) &&
           broadcast_desk_reasons(store, status->broadcast.id, into, &status->reasons,
                                  &status->n_reasons, err);
}

static json_t *left_out_json(const struct status *status)
{
    json_t *list = json_array();

    for (size_t i = 0; i < status->n_groups; i++) {
        if (str_eq(status->groups[i].state, STR("excluded")))
            (void)json_array_append_new(list, group_json(&status->groups[i]));
    }
    return list;
}

static json_t *reasons_json(const struct status *status)
{
    json_t *list = json_array();

    for (size_t i = 0; i < status->n_reasons; i++) {
        json_t *object = json_object();
        json_set_text(object, "reason", status->reasons[i].reason);
        json_set_int(object, "n", status->reasons[i].n);
        (void)json_array_append_new(list, object);
    }
    return list;
}

static bool print_json(struct desk *desk, const struct status *status, struct err *err)
{
    OWNED_JSON(object) = json_object();

    json_set_text(object, "name", status->broadcast.name);
    json_set_text(object, "state", status->broadcast.state);
    json_set_text(object, "paused_why", status->broadcast.paused_why);
    json_set_text(object, "wrong", status->broadcast.wrong);
    json_set_text(object, "topic", status->broadcast.topic);
    json_set_text(object, "made_by", status->broadcast.made_by);
    desk_set_time(object, "made_at", status->broadcast.made_at);
    desk_set_time(object, "started_at", status->broadcast.started_at);
    desk_set_time(object, "ended_at", status->broadcast.ended_at);
    json_set_int(object, "recipients", status->broadcast.gathered);
    json_set_int(object, "waiting", status->counts.waiting);
    json_set_int(object, "placed", status->counts.placed);
    json_set_int(object, "excluded", status->counts.excluded);
    json_set_int(object, "cancelled", status->counts.cancelled);
    json_set_int(object, "sent", status->figures.sent);
    json_set_int(object, "delivered", status->figures.delivered);
    json_set_int(object, "read", status->figures.read);
    json_set_int(object, "failed", status->figures.failed);
    json_set_int(object, "unknown", status->figures.unknown);
    json_set_int(object, "replied", status->figures.replied);
    json_set_int(object, "opted_out", status->figures.opted_out);
    (void)json_object_set_new(object, "left_out", left_out_json(status));
    (void)json_object_set_new(object, "failures", reasons_json(status));
    return desk_print(desk, object, err);
}

static void print_line(struct desk *desk, const char *what, int64_t n)
{
    (void)fprintf(desk->cli->out, "  %-10s %8lld\n", what, (long long)n);
}

static void print_status(struct desk *desk, const struct status *status)
{
    (void)fprintf(desk->cli->out, "%.*s: %.*s\n", STR_ARG(status->broadcast.name),
                  STR_ARG(status->broadcast.state));
    if (status->broadcast.paused_why.len > 0) {
        (void)fprintf(desk->cli->out, "  paused by the service: %.*s\n",
                      STR_ARG(desk_line(desk, status->broadcast.paused_why)));
    }
    print_line(desk, "waiting", status->counts.waiting + status->counts.placed);
    print_line(desk, "sent", status->figures.sent);
    print_line(desk, "delivered", status->figures.delivered);
    print_line(desk, "read", status->figures.read);
    print_line(desk, "replied", status->figures.replied);
    print_line(desk, "opted out", status->figures.opted_out);
    print_line(desk, "failed", status->figures.failed);
    for (size_t i = 0; i < status->n_reasons; i++) {
        (void)fprintf(desk->cli->out, "    %8lld  %.*s\n", (long long)status->reasons[i].n,
                      STR_ARG(desk_line(desk, status->reasons[i].reason)));
    }
    if (status->counts.cancelled > 0)
        print_line(desk, "cancelled", status->counts.cancelled);
    print_line(desk, "left out", status->counts.excluded);
    print_groups(desk, status->groups, status->n_groups, true);
}

bool broadcast_show_status(struct desk *desk, struct broadcast_desk *store, const char *name,
                           bool json, struct err *err)
{
    struct status status = {0};

    if (!load(desk, store, name, &status, err))
        return false;
    if (json)
        return print_json(desk, &status, err);
    print_status(desk, &status);
    return true;
}

/* --- list ----------------------------------------------------------------------------------
 */

bool broadcast_show_list(struct desk *desk, const struct broadcast *list, size_t n, bool json,
                         struct err *err)
{
    char made[DESK_TIME_LEN];

    for (size_t i = 0; i < n; i++) {
        OWNED_JSON(object) = json_object();
        json_set_text(object, "name", list[i].name);
        json_set_text(object, "state", list[i].state);
        json_set_int(object, "recipients", list[i].gathered);
        json_set_text(object, "made_by", list[i].made_by);
        desk_set_time(object, "made_at", list[i].made_at);
        desk_set_time(object, "started_at", list[i].started_at);
        desk_set_time(object, "ended_at", list[i].ended_at);
        if (json && !desk_print(desk, object, err))
            return false;
        if (!json) {
            (void)fprintf(desk->cli->out, "%-24.*s %-10.*s %8lld  %s  %.*s\n",
                          STR_ARG(list[i].name), STR_ARG(list[i].state),
                          (long long)list[i].gathered, desk_time(list[i].made_at, made),
                          STR_ARG(list[i].made_by));
        }
    }
    if (n == 0 && !json)
        (void)fprintf(desk->cli->err, "there is none yet\n");
    return true;
}

/* --- the bar -------------------------------------------------------------------------------
 */

static void draw(const struct broadcast *broadcast, const struct broadcast_counts *counts)
{
    int64_t done = counts->sent + counts->failed, all = done + counts->waiting + counts->placed;
    int filled = all > 0 ? (int)(done * BAR / all) : 0;
    char bar[BAR + 1];

    for (int i = 0; i < BAR; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR] = '\0';
    (void)fprintf(stderr, "\r[%s] %lld of %lld, %lld failed, %.*s   ", bar, (long long)done,
                  (long long)all, (long long)counts->failed, STR_ARG(broadcast->state));
    if (!isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\n");
}

bool broadcast_follow(struct broadcast_desk *store, const char *name, struct err *err)
{
    struct broadcast broadcast;
    struct broadcast_counts counts;
    struct arena look = {0};
    bool good;

    for (;; (void)usleep(AGAIN)) {
        arena_reset(&look);
        good = broadcast_desk_find(store, name, &look, &broadcast, err) &&
               broadcast_desk_counts(store, broadcast.id, &counts, err);
        if (!good)
            break;
        draw(&broadcast, &counts);
        if (!str_eq(broadcast.state, STR("gathering")) &&
            !str_eq(broadcast.state, STR("running")))
            break;
    }
    arena_finish(&look);
    if (good && isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\n");
    return good;
}
