/* Each order has its verdict, as it looks first and as it turns out when it is asked for. */
#include "tests/support/shop_parts.h"

struct wish {
    const char *number;
    const char *outlook; /* what is told before */
    const char *outcome; /* what comes of asking */
    const char *why;
    const char *help;
    bool own; /* why and help in the shop's own words */
};

static const struct wish wishes[] = {
    {"ORD-5001", "approve",           "approved",          "",              "",              false},
    {"ORD-5002", "review",            "submitted",         "",              "",              false},
    {"ORD-5003", "too_late",          "too_late",          "by_a_person",   "person",        false},
    {"ORD-5004", "shipped",           "shipped",           "by_a_person",   "refuse_parcel", false},
    {"ORD-5005", "not_allowed",       "not_allowed",       "part_shipped",  "return",        false},
    {"REP-5006", "not_allowed",       "not_allowed",       "in_work",       "call",          false},
    {"ORD-5007", "not_allowed",       "not_allowed",       "made_to_order", "person",        true },
    {"ORD-5008", "already_asked",     "already_asked",     "",              "",              false},
    {"ORD-5009", "already_cancelled", "already_cancelled", "",              "",              false},
    {"ORD-5010", "approve",           "shipped",           "by_a_person",   "refuse_parcel", false},
    {"ORD-5011", "review",            "already_asked",     "",              "",              false},
    {"ORD-5012", "approve",           "too_late",          "by_a_person",   "person",        false},
    {"ORD-5013", "approve",           "gone",              "",              "",              false},
    {"ORD-5014", "approve",           "not_allowed",       "made_to_order", "person",        false},
    {"ORD-5015", "review",            "already_cancelled", "",              "",              false},
    {"ORD-5016", "not_allowed",       "not_allowed",       "finished",      "return",        false},
    {"ORD-6001", "review",            "submitted",         "",              "",              false},
};

static const struct {
    const char *reason;
    const char *names[LANG_COUNT];
} reasons[] = {
    {"twice", {"Ordered twice", "Pedido dos veces", "Zamówione dwa razy", "طُلب مرتين"}           },
    {"slow",
     {"It takes too long", "Tarda demasiado", "Zbyt długo to trwa", "يستغرق وقتًا طويلًا"}},
    {"mind",  {"I changed my mind", "He cambiado de idea", "To już niepotrzebne", "غيّرت رأيي"}   },
};

static const struct {
    const char *customer;
    const char *id;
    const char *number;
    const char *status;
    const char *reason;
    const char *note;
    const char *answer;
    int days;
} requests[] = {
    {"kay", "01900000-0000-7000-8000-000000000005", "ORD-5008", "in_review", "slow",
     "The party is on Saturday.",                                                         "", 1},
    {"kay", "01900000-0000-7000-8000-000000000004", "ORD-5016", "rejected",  "mind",  "",
     "It was on its way by then.",                                                            5},
    {"kay", "01900000-0000-7000-8000-000000000003", "ORD-5009", "approved",  "twice", "", "", 9},
    {"kay", "01900000-0000-7000-8000-000000000002", "ORD-5001", "withdrawn", "mind",  "", "",
     12                                                                                        },
    {"ivy", "01900000-0000-7000-8000-000000000001", "ORD-7001", "submitted", "mind",  "", "", 1},
};

static struct value text(const char *words)
{
    return value_text(str_from(words));
}

static void set(struct record_builder *row, const char *name, const char *words)
{
    if (words[0])
        record_set(row, str_from(name), text(words));
}

static struct str taken(const struct flow_need *need, const char *name)
{
    struct value value = record_get(need->takes, str_from(name));

    return value.kind == VALUE_TEXT ? value.text : STR_NONE;
}

static enum lang lang_of(const struct flow_need *need)
{
    enum lang lang = LANG_EN;

    return lang_parse(taken(need, "language"), &lang) ? lang : LANG_EN;
}

static struct value list_of(struct arena *into, const struct value *items, size_t n)
{
    struct list *list = arena_new(into, struct list);

    *list = (struct list){items, n};
    return value_list(list);
}

/* --- verdicts ----------------------------------------------------------------------------- */

static const struct wish *wish_of(struct str number)
{
    static const struct wish other = {"", "shipped", "shipped", "by_a_person", "return", false};

    for (size_t i = 0; i < COUNTOF(wishes); i++) {
        if (str_eq(str_from(wishes[i].number), number))
            return &wishes[i];
    }
    return &other;
}

static struct value verdict(struct arena *into, const struct flow_need *need,
                            const struct wish *wish, const char *said)
{
    static const char *const own[LANG_COUNT] = {"Your sign has been cut already.",
                                                "Tu letrero ya está cortado.",
                                                "Szyld jest już wycięty.", "لوحتك قُصّت بالفعل."};
    struct record_builder row;

    record_build(&row, into);
    set(&row, "outcome", said);
    record_set(&row, STR("number"), value_text(taken(need, "number")));
    set(&row, "why", wish->why);
    set(&row, "help", wish->help);
    if (wish->own)
        set(&row, "why_own", own[lang_of(need)]);
    if (strcmp(said, "too_late") == 0)
        record_set(&row, STR("closed_at"), value_time(SHOP_NOW - 89 * USEC_PER_MIN));
    if (strcmp(said, "approve") == 0)
        record_set(&row, STR("closes_at"), value_time(SHOP_NOW + 31 * USEC_PER_MIN));
    if (strcmp(said, "already_asked") == 0) {
        set(&row, "asked_status", "in_review");
        record_set(&row, STR("asked_at"), value_time(SHOP_NOW - USEC_PER_DAY));
    }
    return value_record(record_built(&row));
}

/* --- reasons ------------------------------------------------------------------------------ */

static struct value reason_row(struct arena *into, size_t i, enum lang lang)
{
    struct record_builder row;

    record_build(&row, into);
    set(&row, "reason", reasons[i].reason);
    set(&row, "name", reasons[i].names[lang]);
    return value_record(record_built(&row));
}

static struct value all_reasons(struct arena *into, struct str customer,
                                const struct flow_need *need)
{
    struct value *rows = arena_array(into, struct value, COUNTOF(reasons));
    size_t n = str_eq(customer, STR("lou")) ? 0 : COUNTOF(reasons);

    for (size_t i = 0; i < n; i++)
        rows[i] = reason_row(into, i, lang_of(need));
    return list_of(into, rows, n);
}

static struct value one_reason(struct arena *into, const struct flow_need *need)
{
    for (size_t i = 0; i < COUNTOF(reasons); i++) {
        if (str_eq(str_from(reasons[i].reason), taken(need, "reason")))
            return reason_row(into, i, lang_of(need));
    }
    return value_none();
}

/* --- requests ----------------------------------------------------------------------------- */

static const char *reason_name(const char *reason, enum lang lang)
{
    for (size_t i = 0; i < COUNTOF(reasons); i++) {
        if (strcmp(reasons[i].reason, reason) == 0)
            return reasons[i].names[lang];
    }
    return "";
}

static struct value request_row(struct arena *into, size_t i, enum lang lang)
{
    struct record_builder row;
    bool open = strcmp(requests[i].status, "submitted") == 0 ||
                strcmp(requests[i].status, "in_review") == 0;

    record_build(&row, into);
    set(&row, "id", requests[i].id);
    set(&row, "number", requests[i].number);
    set(&row, "status", requests[i].status);
    set(&row, "reason", reason_name(requests[i].reason, lang));
    set(&row, "note", requests[i].note);
    set(&row, "decision_note", requests[i].answer);
    record_set(&row, STR("asked_at"),
               value_time(SHOP_NOW - (usec_t)requests[i].days * USEC_PER_DAY));
    record_set(&row, STR("status_at"),
               value_time(SHOP_NOW - (usec_t)requests[i].days * USEC_PER_DAY + USEC_PER_HOUR));
    record_set(&row, STR("undecided"), value_bool(open));
    return value_record(record_built(&row));
}

static struct value all_requests(struct arena *into, struct str customer,
                                 const struct flow_need *need)
{
    struct value *rows = arena_array(into, struct value, COUNTOF(requests));
    struct str number = taken(need, "number");
    size_t n = 0;

    for (size_t i = 0; i < COUNTOF(requests); i++) {
        if (str_eq(str_from(requests[i].customer), customer) &&
            (!number.len || str_ends(str_from(requests[i].number), number)))
            rows[n++] = request_row(into, i, lang_of(need));
    }
    return list_of(into, rows, n);
}

static struct value one_request(struct arena *into, struct str customer,
                                const struct flow_need *need)
{
    for (size_t i = 0; i < COUNTOF(requests); i++) {
        if (str_eq(str_from(requests[i].customer), customer) &&
            str_eq(str_from(requests[i].id), taken(need, "id")))
            return request_row(into, i, lang_of(need));
    }
    return value_none();
}

static void withdraw(struct arena *into, struct str customer, const struct flow_need *need,
                     struct flow_answer *answer)
{
    answer->value = one_request(into, customer, need);
    answer->outcome = answer->value.kind == VALUE_NONE ? "gone"
                      : str_eq(customer, STR("ivy"))   ? "decided"
                                                       : "withdrawn";
}

bool shop_cancel_answer(struct arena *into, struct str customer, const struct flow_need *need,
                        struct flow_answer *answer)
{
    const struct wish *wish = wish_of(taken(need, "number"));
    struct flow_need list = {.name = "orders_list", .takes = NULL};
    struct record_builder filter;

    if (strcmp(need->name, "cancellable_orders") == 0) {
        record_build(&filter, into);
        record_set(&filter, STR("filter"), text("active"));
        list.takes = record_built(&filter);
        return shop_answer(into, customer, &list, answer);
    }
    if (strcmp(need->name, "cancellation_outlook") == 0) {
        answer->value = verdict(into, need, wish, wish->outlook);
    } else if (strcmp(need->name, "cancellation_request") == 0) {
        answer->value = verdict(into, need, wish, wish->outcome);
        answer->outcome = wish->outcome;
    } else if (strcmp(need->name, "cancellation_reasons") == 0) {
        answer->value = all_reasons(into, customer, need);
    } else if (strcmp(need->name, "cancellation_reason") == 0) {
        answer->value = one_reason(into, need);
    } else if (strcmp(need->name, "cancellations_list") == 0) {
        answer->value = all_requests(into, customer, need);
    } else if (strcmp(need->name, "cancellation_by_id") == 0) {
        answer->value = one_request(into, customer, need);
    } else if (strcmp(need->name, "cancellation_withdraw") == 0) {
        withdraw(into, customer, need, answer);
    } else {
        return false;
    }
    return true;
}
