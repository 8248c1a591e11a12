/* Codes in the make-believe shop: the right one is always 246810, and a stranger whom it is
 * sent to turns out to be Ben. */
#include "tests/support/shop.h"

static struct value text(const char *words)
{
    return value_text(str_from(words));
}

static void outcome(struct flow_answer *answer, struct record_builder *row, const char *name)
{
    record_set(row, STR("outcome"), text(name));
    answer->outcome = name;
}

static void send(struct flow_answer *answer, struct record_builder *row,
                 const struct flow_need *need)
{
    struct value identity = record_get(need->takes, STR("identity"));
    bool clear = identity.kind != VALUE_TEXT || str_starts(identity.text, STR("+")) ||
                 str_find(identity.text, STR("@")) < identity.text.len;

    record_set(row, STR("masked"), text(identity.kind == VALUE_TEXT ? "•••123" : "•••045"));
    record_set(row, STR("next"), value_int(1));
    record_set(row, STR("ways"), value_int(2));
    outcome(answer, row, clear ? "sent" : "unclear");
}

static void check(struct flow_answer *answer, struct record_builder *row, struct str customer,
                  const struct flow_need *need, const char *right, const char *who)
{
    struct value code = record_get(need->takes, STR("code"));

    if (code.kind != VALUE_TEXT || code.text.len != 6) {
        outcome(answer, row, "malformed");
    } else if (!str_eq(code.text, STR("246810"))) {
        record_set(row, STR("left"), value_int(3));
        outcome(answer, row, "wrong");
    } else {
        record_set(row, STR("who"), text(who));
        if (str_eq(customer, STR("stranger")))
            record_set(row, STR("customer"), text("ben"));
        outcome(answer, row, right);
    }
}

static void profile(struct record_builder *row, struct str customer)
{
    record_set(row, STR("name"), value_text(customer));
    record_set(row, STR("email"), text("old@harbour.example"));
}

/* --- the company that Max leads, and of which Ben and Ana are -------------------------------
 */

static struct value person(struct arena *into, const char *name, bool admin)
{
    struct record_builder row;

    record_build(&row, into);
    record_set(&row, STR("person"), text(name));
    record_set(&row, STR("name"), text(name));
    if (strcmp(name, "ana") != 0)
        record_set(&row, STR("access"), value_bool(true));
    if (admin)
        record_set(&row, STR("admin"), value_bool(true));
    return value_record(record_built(&row));
}

static struct value company_order(struct arena *into)
{
    struct money money = {.minor = 8900, .currency = "EUR"};
    struct record_builder row;

    record_build(&row, into);
    record_set(&row, STR("number"), text("ORD-2001"));
    record_set(&row, STR("who"), text("ben"));
    record_set(&row, STR("workflow"), text("shop"));
    record_set(&row, STR("status"), text("shipped"));
    record_set(&row, STR("placed_at"), value_time(SHOP_NOW - 2 * USEC_PER_DAY));
    record_set(&row, STR("total"), value_money(money));
    return value_record(record_built(&row));
}

static struct value list_of(struct arena *into, const struct value *items, size_t n)
{
    struct list *list = arena_new(into, struct list);
    struct value *kept = arena_array(into, struct value, n);

    memcpy(kept, items, n * sizeof(*kept));
    *list = (struct list){kept, n};
    return value_list(list);
}

static bool company(struct flow_answer *answer, struct record_builder *row, struct arena *into,
                    struct str customer, const struct flow_need *need)
{
    bool leads = str_eq(customer, STR("max"));
    struct value asked = record_get(need->takes, STR("person"));
    struct value people[] = {person(into, "ana", false), person(into, "ben", false),
                             person(into, "max", true)};
    struct value orders[] = {company_order(into)};

    if (need->kind == FLOW_ACTION) {
        outcome(answer, row, leads ? "changed" : "refused");
        answer->value = value_record(record_built(row));
    } else if (strcmp(need->name, "company") == 0 && leads) {
        record_set(row, STR("name"), text("Max and Partners"));
        answer->value = value_record(record_built(row));
    } else if (strcmp(need->name, "company_people") == 0) {
        answer->value = list_of(into, people, leads ? COUNTOF(people) : 0);
    } else if (strcmp(need->name, "company_orders") == 0) {
        answer->value = list_of(into, orders, leads ? COUNTOF(orders) : 0);
    } else if (strcmp(need->name, "company_order") == 0 && leads) {
        answer->value = orders[0];
    } else if (strcmp(need->name, "company_person") == 0 && leads && asked.kind == VALUE_TEXT) {
        for (size_t i = 0; i < COUNTOF(people); i++) {
            if (str_eq(record_get(people[i].record, STR("name")).text, asked.text))
                answer->value = people[i];
        }
    }
    return true;
}

/* "kay" writes by WhatsApp, and has written by SMS and from a mailbox; others write here only.
 */
static struct value places(struct arena *into, struct str customer)
{
    static const char *const known[][2] = {
        {"whatsapp", "•••045"                 },
        {"sms",      "•••117"                 },
        {"email",    "k•••@e•••.example"}
    };
    size_t n = str_eq(customer, STR("kay")) ? COUNTOF(known) : 1;
    struct value *rows = arena_array(into, struct value, n);
    struct list *list = arena_new(into, struct list);
    struct record_builder row;

    for (size_t i = 0; i < n; i++) {
        record_build(&row, into);
        record_set(&row, STR("place"), text(known[i][0]));
        record_set(&row, STR("channel"), text(known[i][0]));
        record_set(&row, STR("masked"), text(known[i][1]));
        if (i == 0)
            record_set(&row, STR("here"), text("here"));
        rows[i] = value_record(record_built(&row));
    }
    *list = (struct list){rows, n};
    return value_list(list);
}

static struct value place_of(struct value all, struct value place)
{
    for (size_t i = 0; i < all.list->n; i++) {
        struct value at = record_get(all.list->items[i].record, STR("place"));

        if (place.kind == VALUE_TEXT && str_eq(at.text, place.text))
            return all.list->items[i];
    }
    return value_none();
}

bool shop_codes_answer(struct arena *into, struct str customer, const struct flow_need *need,
                       struct flow_answer *answer)
{
    struct record_builder row;

    record_build(&row, into);
    *answer = (struct flow_answer){.value = value_none()};
    if (strcmp(need->name, "send_code") == 0 || strcmp(need->name, "send_link_code") == 0 ||
        strcmp(need->name, "send_email_code") == 0) {
        send(answer, &row, need);
    } else if (strcmp(need->name, "check_code") == 0) {
        check(answer, &row, customer, need, "verified", "proved");
    } else if (strcmp(need->name, "check_email_code") == 0) {
        check(answer, &row, customer, need, "changed", "changed");
    } else if (strcmp(need->name, "profile") == 0) {
        profile(&row, customer);
    } else if (strcmp(need->name, "thread_elsewhere") == 0) {
        return true; /* nothing */
    } else if (strcmp(need->name, "thread_take") == 0) {
        record_set(&row, STR("alone"), text("yes"));
        outcome(answer, &row, "taken");
    } else if (strcmp(need->name, "profile_places") == 0) {
        answer->value = places(into, customer);
        return true;
    } else if (strcmp(need->name, "profile_place") == 0) {
        answer->value = place_of(places(into, customer), record_get(need->takes, STR("place")));
        return true;
    } else if (strcmp(need->name, "place_remove") == 0) {
        outcome(answer, &row, "removed");
    } else if (strcmp(need->name, "set_name") == 0) {
        outcome(answer, &row, "saved");
    } else if (strcmp(need->name, "register_customer") == 0) {
        record_set(&row, STR("who"), text("changed"));
        record_set(&row, STR("customer"), text("eve"));
        outcome(answer, &row, "registered");
    } else if (strncmp(need->name, "company", strlen("company")) == 0) {
        return company(answer, &row, into, customer, need);
    } else if (strcmp(need->name, "not_me") == 0) {
        record_set(&row, STR("who"), text("gone"));
        outcome(answer, &row, "unlinked");
    } else {
        return false;
    }
    answer->value = value_record(record_built(&row));
    return true;
}
