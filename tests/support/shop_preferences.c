/*
 * "kay" hears of everything but offers, which WhatsApp itself keeps from "lou"; news there are
 * for kay (of each kind) and for ana (one note). Nothing is kept: what is changed is answered
 * as changed, and stands as before when it is asked again.
 */
#include "tests/support/shop_parts.h"

#include <stdio.h>

static const char *const topics[] = {"orders",   "deliveries", "cancellations", "estimates",
                                     "payments", "reviews",    "offers"};
static const char *const channels[] = {"whatsapp", "sms", "email"};

static const struct {
    const char *customer;
    const char *kind;
    const char *number;
    const char *status;
    const char *said;
    int minutes; /* before SHOP_NOW */
} news[] = {
    {"kay", "parcel_out_for_delivery", "ORD-5004", "shipped",           NULL,                             25  },
    {"kay", "cancellation_rejected",   "ORD-5016", "delivered",         "It was on its way by then.",
     180                                                                                                      },
    {"kay", "status",                  "REP-5006", "in_progress",       NULL,                             600 },
    {"kay", "estimate",                "REP-5006", "in_progress",       NULL,                             1500},
    {"kay", "note",                    "ORD-5002", "processing",        "The fringe is sewn on by hand.", 3000},
    {"ana", "note",                    "REP-0007", "waiting_for_parts", "The new switch is on its way.",  1440},
};

static void set(struct record_builder *row, const char *name, const char *words)
{
    if (words)
        record_set(row, str_from(name), value_text(str_from(words)));
}

static struct str taken(const struct flow_need *need, const char *name)
{
    struct value value = record_get(need->takes, str_from(name));

    return value.kind == VALUE_TEXT ? value.text : STR_NONE;
}

static struct value list_of(struct arena *into, const struct value *items, size_t n)
{
    struct list *list = arena_new(into, struct list);

    *list = (struct list){items, n};
    return value_list(list);
}

/* --- topics and channels ------------------------------------------------------------------ */

static const char *stands(const char *topic, const char *channel)
{
    return strcmp(topic, "offers") != 0 && strcmp(channel, "sms") != 0 ? "on" : "off";
}

static struct value all_topics(struct arena *into)
{
    struct value *rows = arena_array(into, struct value, COUNTOF(topics));
    struct record_builder row;

    for (size_t i = 0; i < COUNTOF(topics); i++) {
        record_build(&row, into);
        set(&row, "topic", topics[i]);
        for (size_t c = 0; c < COUNTOF(channels); c++)
            set(&row, channels[c], stands(topics[i], channels[c]));
        rows[i] = value_record(record_built(&row));
    }
    return list_of(into, rows, COUNTOF(topics));
}

static struct value all_channels(struct arena *into, const struct flow_need *need)
{
    struct value *rows = arena_array(into, struct value, COUNTOF(channels));
    const char *topic = arena_cstr(into, taken(need, "topic"));
    struct record_builder row;

    for (size_t i = 0; i < COUNTOF(channels); i++) {
        const char *now = stands(topic, channels[i]);

        record_build(&row, into);
        set(&row, "channel", channels[i]);
        set(&row, "stands", now);
        record_set(&row, STR("change"),
                   value_text(arena_format(into, "%s_%s", channels[i],
                                           strcmp(now, "on") == 0 ? "off" : "on")));
        rows[i] = value_record(record_built(&row));
    }
    return list_of(into, rows, COUNTOF(channels));
}

static void change(struct arena *into, struct str customer, const struct flow_need *need,
                   struct flow_answer *answer)
{
    struct str wish = taken(need, "change");
    struct record_builder row;

    record_build(&row, into);
    record_set(&row, STR("channel"), value_text(str_slice(wish, 0, str_find(wish, STR("_")))));
    answer->value = value_record(record_built(&row));
    answer->outcome = str_ends(wish, STR("_off")) ? "off" : "on";
    if (str_eq(customer, STR("lou")) && str_eq(wish, STR("whatsapp_on")))
        answer->outcome = "blocked";
}

/* "kay" can be reached everywhere, others only by WhatsApp. */
static struct value first_channels(struct arena *into, struct str customer)
{
    static const char *const names[] = {"last", "whatsapp", "sms", "email"};
    size_t n = str_eq(customer, STR("kay")) ? COUNTOF(names) : 2;
    struct value *rows = arena_array(into, struct value, n);
    struct record_builder row;

    for (size_t i = 0; i < n; i++) { /* "last" stands, and is the last row */
        record_build(&row, into);
        set(&row, "channel", names[(i + 1) % n]);
        set(&row, "stands", i + 1 == n ? "on" : "off");
        rows[i] = value_record(record_built(&row));
    }
    return list_of(into, rows, n);
}

static void set_first(struct arena *into, const struct flow_need *need,
                      struct flow_answer *answer)
{
    struct record_builder row;

    record_build(&row, into);
    record_set(&row, STR("channel"), value_text(taken(need, "channel")));
    answer->value = value_record(record_built(&row));
    answer->outcome = "set";
}

/* --- quiet hours -------------------------------------------------------------------------- */

static struct value hours(struct arena *into, const char *now, int from, int until)
{
    struct record_builder row;
    usec_t midnight = SHOP_NOW - 10 * USEC_PER_HOUR;

    record_build(&row, into);
    set(&row, "stands", now);
    record_set(&row, STR("begins_at"), value_time(midnight + (usec_t)from * USEC_PER_MIN));
    record_set(&row, STR("ends_at"), value_time(midnight + (usec_t)until * USEC_PER_MIN));
    return value_record(record_built(&row));
}

/* Two whole hours with something between them; the store reads more. */
static void be_quiet(struct arena *into, const struct flow_need *need,
                     struct flow_answer *answer)
{
    int from;
    int until;
    const char *words = arena_cstr(into, taken(need, "hours"));

    answer->outcome = "unreadable";
    if (strcmp(words, "off") == 0) {
        answer->outcome = "off";
    } else if (sscanf(words, "%2d-%2d", &from, &until) == 2 && from != until) {
        answer->outcome = "set";
        answer->value = hours(into, "on", from * 60, until * 60);
    }
}

/* --- what is new -------------------------------------------------------------------------- */

static struct value all_news(struct arena *into, struct str customer)
{
    struct value *rows = arena_array(into, struct value, COUNTOF(news));
    struct record_builder row;
    size_t n = 0;

    for (size_t i = 0; i < COUNTOF(news); i++) {
        if (!str_eq(str_from(news[i].customer), customer))
            continue;
        record_build(&row, into);
        set(&row, "kind", news[i].kind);
        set(&row, "number", news[i].number);
        set(&row, "workflow",
            str_starts(str_from(news[i].number), STR("REP")) ? "repair" : "shop");
        set(&row, "status", news[i].status);
        set(&row, "said", news[i].said);
        record_set(&row, STR("at"),
                   value_time(SHOP_NOW - (usec_t)news[i].minutes * USEC_PER_MIN));
        rows[n++] = value_record(record_built(&row));
    }
    return list_of(into, rows, n);
}

bool shop_preferences_answer(struct arena *into, struct str customer,
                             const struct flow_need *need, struct flow_answer *answer)
{
    if (strcmp(need->name, "preferences_topics") == 0) {
        answer->value = all_topics(into);
    } else if (strcmp(need->name, "preferences_channels") == 0) {
        answer->value = all_channels(into, need);
    } else if (strcmp(need->name, "preferences_quiet") == 0) {
        answer->value =
            hours(into, str_eq(customer, STR("lou")) ? "off" : "on", 21 * 60, 8 * 60);
    } else if (strcmp(need->name, "preference_set") == 0) {
        change(into, customer, need, answer);
    } else if (strcmp(need->name, "first_channels") == 0) {
        answer->value = first_channels(into, customer);
    } else if (strcmp(need->name, "first_channel_set") == 0) {
        set_first(into, need, answer);
    } else if (strcmp(need->name, "quiet_set") == 0) {
        be_quiet(into, need, answer);
    } else if (strcmp(need->name, "updates_list") == 0) {
        answer->value = all_news(into, customer);
    } else if (strcmp(need->name, "updates_seen") == 0) {
        answer->outcome = "done";
    } else {
        return false;
    }
    return true;
}
