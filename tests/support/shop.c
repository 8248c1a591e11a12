/* Tables, and the few questions that flows ask of them. */
#include "tests/support/shop.h"
#include "tests/support/shop_parts.h"

#include <stdio.h>

struct shop_order {
    const char *customer;
    const char *number;
    const char *workflow;
    const char *status;
    const char *phase;
    const char *item;
    int placed_days;   /* before SHOP_NOW */
    int expected_days; /* after SHOP_NOW; 0: nothing is expected */
    int64_t total;
    const char *tracking; /* the parcel's number, or NULL */
    const char *parcel;   /* its status */
    const char *url;      /* the carrier's page, or NULL */
};

static const struct shop_order table[] = {
    {"ana", "ORD-1005", "shop",   "processing",        "active",    "Green tea",     1,  4, 1990,  NULL,        NULL,
     NULL                                                                                                                                                       },
    {"ana", "ORD-1004", "shop",   "shipped",           "active",    "Tea pot",       3,  1, 4550,  "1Z999AA10",
     "in_transit",                                                                                                           "https://carrier.example/1Z999AA10"},
    {"ana", "REP-0007", "repair", "waiting_for_parts", "active",    "Kettle",        6,  9, 3000,  NULL,
     NULL,                                                                                                                   NULL                               },
    {"ana", "ORD-1002", "shop",   "delivered",         "done",      "Two cups",      30, 0, 2400,  "LX55",
     "delivered",                                                                                                            NULL                               },
    {"ana", "ORD-1001", "shop",   "cancelled",         "cancelled", "Big lamp",      40, 0, 12000, NULL,        NULL,
     NULL                                                                                                                                                       },
    {"ben", "ORD-2001", "shop",   "shipped",           "active",    "Blue chair",    2,  2, 8900,  "1Z999BB20",
     "in_transit",                                                                                                           "https://carrier.example/1Z999BB20"},
    {"kay", "ORD-5001", "shop",   "processing",        "active",    "Garden bench",  1,  4, 3900,  NULL,        NULL,
     NULL                                                                                                                                                       },
    {"kay", "ORD-5002", "shop",   "processing",        "active",    "Parasol",       1,  4, 3900,  NULL,        NULL,
     NULL                                                                                                                                                       },
    {"kay", "ORD-5003", "shop",   "processing",        "active",    "Hammock",       1,  4, 3900,  NULL,        NULL,
     NULL                                                                                                                                                       },
    {"kay", "ORD-5004", "shop",   "shipped",           "active",    "Lantern",       1,  4, 3900,  NULL,        NULL,        NULL                               },
    {"kay", "ORD-5005", "shop",   "processing",        "active",    "Six chairs",    1,  4, 3900,  NULL,        NULL,
     NULL                                                                                                                                                       },
    {"kay", "REP-5006", "repair", "in_progress",       "active",    "Mower",         1,  4, 3900,  NULL,        NULL,
     NULL                                                                                                                                                       },
    {"kay", "ORD-5007", "shop",   "processing",        "active",    "Engraved sign", 1,  4, 3900,  NULL,        NULL,
     NULL                                                                                                                                                       },
    {"kay", "ORD-5008", "shop",   "processing",        "active",    "Trellis",       1,  4, 3900,  NULL,        NULL,
     NULL                                                                                                                                                       },
    {"kay", "ORD-5009", "shop",   "cancelled",         "cancelled", "Gnome",         1,  4, 3900,  NULL,        NULL,
     NULL                                                                                                                                                       },
    {"kay", "ORD-5010", "shop",   "processing",        "active",    "Rake",          1,  4, 3900,  NULL,        NULL,        NULL                               },
    {"kay", "ORD-5011", "shop",   "processing",        "active",    "Spade",         1,  4, 3900,  NULL,        NULL,        NULL                               },
    {"kay", "ORD-5012", "shop",   "processing",        "active",    "Hoe",           1,  4, 3900,  NULL,        NULL,        NULL                               },
    {"kay", "ORD-5013", "shop",   "processing",        "active",    "Shears",        1,  4, 3900,  NULL,        NULL,        NULL                               },
    {"kay", "ORD-5014", "shop",   "processing",        "active",    "Gloves",        1,  4, 3900,  NULL,        NULL,        NULL                               },
    {"kay", "ORD-5015", "shop",   "processing",        "active",    "Boots",         1,  4, 3900,  NULL,        NULL,        NULL                               },
    {"kay", "ORD-5016", "shop",   "delivered",         "done",      "Bird bath",     1,  4, 3900,  NULL,        NULL,        NULL                               },
    {"lou", "ORD-6001", "shop",   "processing",        "active",    "Desk lamp",     1,  4, 3900,  NULL,        NULL,
     NULL                                                                                                                                                       },
    {"ivy", "ORD-7001", "shop",   "processing",        "active",    "Watering can",  1,  4, 2500,  NULL,        NULL,
     NULL                                                                                                                                                       },
    {"eve", "ORD-3001", "shop",   "delivered",         "done",      "Clock",         20, 0, 5600,  "LX77",      "delivered",
     NULL                                                                                                                                                       },
};

enum { MAX_ORDERS = 30 };

static struct value text(const char *words)
{
    return value_text(str_from(words));
}

static struct value euros(int64_t minor)
{
    struct money money = {.minor = minor, .currency = "EUR"};

    return value_money(money);
}

static struct value day(int days)
{
    return value_time(SHOP_NOW + (usec_t)days * USEC_PER_DAY);
}

static struct value list_value(struct arena *into, const struct value *items, size_t n)
{
    struct list *list = arena_new(into, struct list);

    *list = (struct list){items, n};
    return value_list(list);
}

/* Every order of a customer, newest first. Max's are made up on the way. */
static size_t orders_of(struct arena *into, struct str customer, struct shop_order *orders)
{
    size_t n = 0;

    for (size_t i = 0; i < COUNTOF(table); i++) {
        if (str_eq(str_from(table[i].customer), customer))
            orders[n++] = table[i];
    }
    if (!str_eq(customer, STR("max")))
        return n;
    for (int i = 0; i < MAX_ORDERS; i++) {
        orders[n++] = (struct shop_order){.customer = "max",
                                          .number = arena_format(into, "ORD-%d", 9030 - i).at,
                                          .workflow = "shop",
                                          .status = i < 3 ? "processing" : "delivered",
                                          .phase = i < 3 ? "active" : "done",
                                          .item = i % 2 ? "Pen" : "Ink",
                                          .placed_days = i + 1,
                                          .expected_days = i < 3 ? 3 : 0,
                                          .total = (int64_t)100 * (i + 1)};
    }
    return n;
}

static bool fits_filter(const struct shop_order *order, struct str filter)
{
    if (filter.len == 0 || str_eq(filter, STR("all")))
        return true;
    if (str_eq(filter, STR("active")))
        return strcmp(order->phase, "active") == 0;
    return str_eq(str_from(order->status), filter);
}

static bool holds(struct arena *into, const char *where, struct str what)
{
    struct str folded = str_fold(into, str_from(where));

    return str_find(folded, str_fold(into, what)) < folded.len;
}

static const struct record *row_of(struct arena *into, const struct shop_order *order)
{
    struct record_builder row;

    record_build(&row, into);
    record_set(&row, STR("number"), text(order->number));
    record_set(&row, STR("workflow"), text(order->workflow));
    record_set(&row, STR("status"), text(order->status));
    record_set(&row, STR("placed_at"), day(-order->placed_days));
    record_set(&row, STR("total"), euros(order->total));
    record_set(&row, STR("items_count"), value_int(1));
    if (order->expected_days)
        record_set(&row, STR("expected_at"), day(order->expected_days));
    return record_built(&row);
}

static bool is_within_half_a_day(const struct shop_order *order, usec_t of)
{
    usec_t apart = day(-order->placed_days).time - of;

    return apart >= -12 * USEC_PER_HOUR && apart < 12 * USEC_PER_HOUR;
}

static struct value orders_list(struct arena *into, struct str customer,
                                const struct record *takes)
{
    struct shop_order orders[64];
    size_t n = orders_of(into, customer, orders);
    struct value *rows = arena_array(into, struct value, n + 1);
    struct value filter = record_get(takes, STR("filter"));
    struct value words = record_get(takes, STR("words"));
    struct value offset = record_get(takes, STR("offset"));
    struct value when = record_get(takes, STR("day"));
    int64_t skip = offset.kind == VALUE_INT ? offset.number : 0;
    size_t kept = 0;

    for (size_t i = 0; i < n && kept < 11; i++) {
        if (filter.kind == VALUE_TEXT && !fits_filter(&orders[i], filter.text))
            continue;
        if (when.kind == VALUE_TIME && !is_within_half_a_day(&orders[i], when.time))
            continue;
        if (words.kind == VALUE_TEXT && !holds(into, orders[i].number, words.text) &&
            !holds(into, orders[i].item, words.text))
            continue;
        if (skip-- > 0)
            continue;
        rows[kept++] = value_record(row_of(into, &orders[i]));
    }
    return list_value(into, rows, kept);
}

static struct value order_figures(struct arena *into, struct str customer)
{
    struct shop_order orders[64];
    size_t n = orders_of(into, customer, orders);
    struct record_builder out;
    int64_t active = 0;
    int64_t in_transit = 0;
    int64_t delivered = 0;

    for (size_t i = 0; i < n; i++) {
        active += strcmp(orders[i].phase, "active") == 0;
        in_transit += strcmp(orders[i].status, "shipped") == 0;
        delivered += strcmp(orders[i].status, "delivered") == 0;
    }
    record_build(&out, into);
    record_set(&out, STR("active"), value_int(active));
    record_set(&out, STR("in_transit"), value_int(in_transit));
    record_set(&out, STR("delivered"), value_int(delivered));
    return value_record(record_built(&out));
}

/* By its number as people type it: case and joints do not matter, nor does a missing prefix. */
static const struct shop_order *find(struct arena *into, struct str customer, struct str number)
{
    static struct shop_order orders[64];
    size_t n = orders_of(into, customer, orders);

    for (size_t i = 0; i < n; i++) {
        if (str_eq(str_from(orders[i].number), number))
            return &orders[i];
    }
    for (size_t i = 0; i < n; i++) {
        if (number.len >= 3 && str_ends(str_from(orders[i].number), number))
            return &orders[i];
    }
    return NULL;
}

static struct value items_of(struct arena *into, const struct shop_order *order)
{
    struct value *items = arena_array(into, struct value, 1);
    struct record_builder item;

    record_build(&item, into);
    record_set(&item, STR("qty"), text("1"));
    record_set(&item, STR("description"), text(order->item));
    record_set(&item, STR("unit_price"), euros(order->total - 500));
    record_set(&item, STR("line_total"), euros(order->total - 500));
    items[0] = value_record(record_built(&item));
    return list_value(into, items, 1);
}

static struct value notes_of(struct arena *into, const struct shop_order *order)
{
    struct value *notes = arena_array(into, struct value, 1);
    struct record_builder note;

    if (strcmp(order->status, "waiting_for_parts") != 0)
        return list_value(into, notes, 0);
    record_build(&note, into);
    record_set(&note, STR("at"), day(-1));
    record_set(&note, STR("text"), text("The new switch is on its way."));
    notes[0] = value_record(record_built(&note));
    return list_value(into, notes, 1);
}

static struct value order_by_number(struct arena *into, const struct shop_order *order)
{
    struct record_builder out;

    record_build(&out, into);
    record_set_all(&out, row_of(into, order));
    record_set(&out, STR("phase"), text(order->phase));
    if (strcmp(order->workflow, "shop") == 0)
        record_set(&out, STR("ships"), value_bool(true));
    if (strcmp(order->phase, "active") == 0)
        record_set(&out, STR("progress"), value_int(50));
    if (strcmp(order->status, "delivered") == 0)
        record_set(&out, STR("delivered_at"), day(2 - order->placed_days));
    record_set(&out, STR("subtotal"), euros(order->total - 500));
    record_set(&out, STR("tax"), euros(100));
    record_set(&out, STR("shipping"), euros(400));
    record_set(&out, STR("address"), text("1 Quay Street, Galway"));
    record_set(&out, STR("items"), items_of(into, order));
    record_set(&out, STR("notes"), notes_of(into, order));
    return value_record(record_built(&out));
}

static struct value step_of(struct arena *into, const struct shop_order *order,
                            const char *status, const char *state, const struct value *at)
{
    struct record_builder step;

    record_build(&step, into);
    record_set(&step, STR("workflow"), text(order->workflow));
    record_set(&step, STR("status"), text(status));
    record_set(&step, STR("state"), text(state));
    if (at)
        record_set(&step, STR("at"), *at);
    return value_record(record_built(&step));
}

static struct value order_timeline(struct arena *into, const struct shop_order *order)
{
    struct value *steps = arena_array(into, struct value, 3);
    struct value placed = day(-order->placed_days);
    struct value later = day(1 - order->placed_days);
    bool shipped = strcmp(order->status, "shipped") == 0;

    if (strcmp(order->workflow, "shop") != 0) {
        steps[0] = step_of(into, order, "received", "done", &placed);
        steps[1] = step_of(into, order, order->status, "current", &later);
        steps[2] = step_of(into, order, "completed", "expected", NULL);
        return list_value(into, steps, 3);
    }
    steps[0] = step_of(into, order, "processing", shipped ? "done" : "current", &placed);
    steps[1] = step_of(into, order, "shipped", shipped ? "current" : "expected",
                       shipped ? &later : NULL);
    steps[2] = step_of(into, order, "delivered", "expected", NULL);
    return list_value(into, steps, 3);
}

static struct value events_of(struct arena *into, const struct shop_order *order)
{
    struct value *events = arena_array(into, struct value, 2);
    struct record_builder event;

    record_build(&event, into);
    record_set(&event, STR("at"), day(-1));
    record_set(&event, STR("status"), text(order->parcel));
    record_set(&event, STR("place"), text("Dublin"));
    events[0] = value_record(record_built(&event));
    record_build(&event, into);
    record_set(&event, STR("at"), day(-2));
    record_set(&event, STR("status"), text("picked_up"));
    record_set(&event, STR("text"), text("Handed over"));
    events[1] = value_record(record_built(&event));
    return list_value(into, events, 2);
}

static struct value order_shipments(struct arena *into, const struct shop_order *order)
{
    struct value *rows = arena_array(into, struct value, 1);
    struct record_builder row;

    if (!order->tracking)
        return list_value(into, rows, 0);
    record_build(&row, into);
    record_set(&row, STR("carrier"), text("Swift Post"));
    record_set(&row, STR("tracking_number"), text(order->tracking));
    record_set(&row, STR("status"), text(order->parcel));
    record_set(&row, STR("shipped_at"), day(-2));
    if (order->expected_days)
        record_set(&row, STR("expected_at"), day(order->expected_days));
    if (order->url)
        record_set(&row, STR("url"), text(order->url));
    record_set(&row, STR("events"), events_of(into, order));
    rows[0] = value_record(record_built(&row));
    return list_value(into, rows, 1);
}

/* What of a customer's is in the workshop, or finished. */
static struct value orders_that(struct arena *into, struct str customer,
                                bool (*fits)(const struct shop_order *order,
                                             const struct record *takes),
                                const struct record *takes)
{
    struct shop_order orders[64];
    size_t n = orders_of(into, customer, orders);
    struct value *rows = arena_array(into, struct value, n + 1);
    struct value words = record_get(takes, STR("words"));
    struct value offset = record_get(takes, STR("offset"));
    int64_t skip = offset.kind == VALUE_INT ? offset.number : 0;
    size_t kept = 0;

    for (size_t i = 0; i < n && kept < 11; i++) {
        struct record_builder row;

        if (!fits(&orders[i], takes) ||
            (words.kind == VALUE_TEXT && !holds(into, orders[i].number, words.text) &&
             !holds(into, orders[i].item, words.text)) ||
            skip-- > 0)
            continue;
        record_build(&row, into);
        record_set_all(&row, row_of(into, &orders[i]));
        record_set(&row, STR("progress"), value_int(50));
        record_set(&row, STR("finished_at"), day(2 - orders[i].placed_days));
        rows[kept++] = value_record(record_built(&row));
    }
    return list_value(into, rows, kept);
}

static bool is_job(const struct shop_order *order, const struct record *takes)
{
    (void)takes;
    return strcmp(order->workflow, "shop") != 0 && strcmp(order->phase, "active") == 0;
}

static bool is_finished(const struct shop_order *order, const struct record *takes)
{
    struct value filter = record_get(takes, STR("filter"));
    bool ships = strcmp(order->workflow, "shop") == 0;

    if (strcmp(order->phase, "active") == 0)
        return false;
    if (filter.kind != VALUE_TEXT || str_eq(filter.text, STR("all")))
        return true;
    if (str_eq(filter.text, STR("recent")))
        return order->placed_days < 35;
    if (str_eq(filter.text, STR("cancelled")))
        return strcmp(order->phase, "cancelled") == 0;
    return ships == str_eq(filter.text, STR("parcels"));
}

static struct value shipments_by_tracking(struct arena *into, struct str customer,
                                          struct value tracking)
{
    struct shop_order orders[64];
    size_t n = orders_of(into, customer, orders);
    struct value *rows = arena_array(into, struct value, 1);

    for (size_t i = 0; i < n && tracking.kind == VALUE_TEXT; i++) {
        struct record_builder row;

        if (!orders[i].tracking || !str_eq(str_from(orders[i].tracking), tracking.text))
            continue;
        record_build(&row, into);
        record_set_all(&row, order_shipments(into, &orders[i]).list->items[0].record);
        record_set(&row, STR("number"), text(orders[i].number));
        rows[0] = value_record(record_built(&row));
        return list_value(into, rows, 1);
    }
    return list_value(into, NULL, 0);
}

/* Nobody has photos or estimates unless the transcript says so. */
static bool is_of_the_workshop(const char *name)
{
    static const char *const names[] = {"photo_groups", "order_photos", "estimates_awaiting",
                                        "estimate_of"};

    for (size_t i = 0; i < COUNTOF(names); i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

bool shop_answer(struct arena *into, struct str customer, const struct flow_need *need,
                 struct flow_answer *answer)
{
    struct value number = record_get(need->takes, STR("number"));
    const struct shop_order *order =
        number.kind == VALUE_TEXT ? find(into, customer, number.text) : NULL;

    if (shop_codes_answer(into, customer, need, answer))
        return true;
    *answer = (struct flow_answer){.value = value_none()};
    if (strcmp(need->name, "order_figures") == 0) {
        answer->value = order_figures(into, customer);
    } else if (strcmp(need->name, "orders_list") == 0) {
        answer->value = orders_list(into, customer, need->takes);
    } else if (strcmp(need->name, "order_by_number") == 0) {
        answer->value = order ? order_by_number(into, order) : value_none();
    } else if (strcmp(need->name, "order_timeline") == 0) {
        answer->value = order ? order_timeline(into, order) : list_value(into, NULL, 0);
    } else if (strcmp(need->name, "order_shipments") == 0) {
        answer->value = order ? order_shipments(into, order) : list_value(into, NULL, 0);
    } else if (strcmp(need->name, "jobs_list") == 0) {
        answer->value = orders_that(into, customer, is_job, need->takes);
    } else if (strcmp(need->name, "history_list") == 0) {
        answer->value = orders_that(into, customer, is_finished, need->takes);
    } else if (strcmp(need->name, "shipments_by_tracking") == 0) {
        answer->value =
            shipments_by_tracking(into, customer, record_get(need->takes, STR("tracking")));
    } else if (is_of_the_workshop(need->name)) {
        if (strcmp(need->name, "estimate_of") != 0)
            answer->value = list_value(into, NULL, 0);
    } else {
        return shop_tickets_answer(into, customer, need, answer) ||
               shop_cancel_answer(into, customer, need, answer) ||
               shop_money_answer(into, customer, need, answer) ||
               shop_reviews_answer(into, need, answer) ||
               shop_pages_answer(into, need, answer) ||
               shop_preferences_answer(into, customer, need, answer);
    }
    return true;
}

static const struct record *shop_hours(struct arena *into)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri"};
    struct record_builder hours;

    record_build(&hours, into);
    for (size_t i = 0; i < COUNTOF(days); i++)
        record_set(&hours, str_from(days[i]), text("09:00-17:00"));
    return record_built(&hours);
}

const struct record *shop_facts(struct arena *into, struct str customer)
{
    struct record_builder business;
    struct record_builder person;
    struct record_builder facts;

    record_build(&business, into);
    record_set(&business, STR("name"), text("Harbour Goods"));
    record_set(&business, STR("phone"), text("+353 1 555 0100"));
    record_set(&business, STR("email"), text("hello@harbour.example"));
    record_set(&business, STR("hours"), value_record(shop_hours(into)));
    record_set(&business, STR("time_zone"), text("Europe/Dublin"));
    record_set(&business, STR("currency"), text("EUR"));
    record_set(&business, STR("privacy_url"), text("https://harbour.example/privacy"));
    record_build(&facts, into);
    record_set(&facts, STR("business"), value_record(record_built(&business)));
    record_set(&facts, STR("channel"), text("whatsapp"));
    if (!str_eq(customer, STR("stranger"))) {
        record_build(&person, into);
        record_set(&person, STR("name"), value_text(customer));
        record_set(&facts, STR("customer"), value_record(record_built(&person)));
    }
    return record_built(&facts);
}
