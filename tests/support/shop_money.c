/* Invoices: "ana" has one in each state, "max" a few to page through, "eve" has paid all. */
#include "tests/support/shop_parts.h"

struct invoice {
    const char *customer, *number, *state, *order, *what, *reason;
    int64_t total, paid, payable;
    int due; /* days after SHOP_NOW */
};

static const struct invoice table[] = {
    {"ana", "INV-501", "open",       "ORD-1005", "Desk lamp",          NULL,                 5900,  0,     5900, 12 },
    {"ana", "INV-502", "overdue",    NULL,       "Storage, one month", NULL,                 2500,  1000,  1500, -9 },
    {"ana", "INV-503", "processing", NULL,       "Polishing",          NULL,                 4000,  0,     0,    3  },
    {"ana", "INV-504", "failed",     NULL,       "Delivery upstairs",  "insufficient_funds", 1500,  0,     1500,
     5                                                                                                              },
    {"ana", "INV-505", "paid",       "ORD-1002", "Wall clock",         NULL,                 8900,  8900,  0,    -20},
    {"ana", "INV-506", "void",       NULL,       "Gift card",          NULL,                 5000,  0,     0,    1  },
    {"eve", "INV-601", "paid",       "ORD-3001", "Mantel clock",       NULL,                 12000, 12000, 0,    -40},
};

static struct value text(const char *words)
{
    return value_text(str_from(words));
}

static struct value euros(int64_t minor)
{
    return value_money((struct money){minor, "EUR"});
}

static struct value list_of(struct arena *into, const struct value *items, size_t n)
{
    struct list *list = arena_new(into, struct list);

    *list = (struct list){items, n};
    return value_list(list);
}

static bool is_settled(const struct invoice *invoice)
{
    return strcmp(invoice->state, "paid") == 0 || strcmp(invoice->state, "void") == 0;
}

static void set_row(struct record_builder *row, const struct invoice *invoice)
{
    record_set(row, STR("number"), text(invoice->number));
    record_set(row, STR("state"), text(invoice->state));
    record_set(row, STR("total"), euros(invoice->total));
    record_set(row, STR("outstanding"), euros(invoice->total - invoice->paid));
    record_set(row, STR("issued_at"),
               value_time(SHOP_NOW + (invoice->due - 30) * USEC_PER_DAY));
    record_set(row, STR("due_at"), value_time(SHOP_NOW + invoice->due * USEC_PER_DAY));
    if (invoice->due < 0 && !is_settled(invoice))
        record_set(row, STR("overdue_days"), value_int(-invoice->due));
}

static struct value invoices_of(struct arena *into, struct str customer, bool all)
{
    struct value *rows = arena_array(into, struct value, COUNTOF(table));
    size_t n = 0;

    for (size_t i = 0; i < COUNTOF(table); i++) {
        struct record_builder row;

        if (!str_eq(str_from(table[i].customer), customer) || (!all && is_settled(&table[i])))
            continue;
        record_build(&row, into);
        set_row(&row, &table[i]);
        rows[n++] = value_record(record_built(&row));
    }
    return list_of(into, rows, n);
}

static struct value lines_of(struct arena *into, const struct invoice *invoice)
{
    struct value *items = arena_array(into, struct value, 1);
    struct record_builder item;

    record_build(&item, into);
    record_set(&item, STR("qty"), value_int(1));
    record_set(&item, STR("description"), text(invoice->what));
    record_set(&item, STR("line_total"), euros(invoice->total));
    items[0] = value_record(record_built(&item));
    return list_of(into, items, 1);
}

static void set_detail(struct arena *into, struct record_builder *row,
                       const struct invoice *invoice)
{
    record_set(row, STR("subtotal"), euros(invoice->total));
    record_set(row, STR("tax"), euros(0));
    record_set(row, STR("lines"), lines_of(into, invoice));
    if (invoice->order)
        record_set(row, STR("order_number"), text(invoice->order));
    if (invoice->reason)
        record_set(row, STR("reason"), text(invoice->reason));
    if (invoice->paid > 0)
        record_set(row, STR("paid"), euros(invoice->paid));
    if (invoice->paid > 0 && !is_settled(invoice))
        record_set(row, STR("left"), euros(invoice->total - invoice->paid));
    if (strcmp(invoice->state, "paid") == 0)
        record_set(row, STR("paid_at"), value_time(SHOP_NOW - 30 * USEC_PER_DAY));
    if (invoice->payable > 0) {
        record_set(row, STR("payable"), euros(invoice->payable));
        record_set(row, STR("part"), value_bool(true));
    }
}

static const struct invoice *find(struct str customer, struct str number)
{
    for (size_t i = 0; i < COUNTOF(table); i++) {
        const struct invoice *invoice = &table[i];
        if (str_eq(str_from(invoice->customer), customer) &&
            (str_eq(str_from(invoice->number), number) ||
             (number.len >= 3 && str_ends(str_from(invoice->number), number)) ||
             (invoice->order && str_eq(str_from(invoice->order), number))))
            return invoice;
    }
    return NULL;
}

static struct value invoice_of(struct arena *into, struct str customer, struct str number)
{
    const struct invoice *invoice = find(customer, number);
    struct record_builder row;

    if (!invoice)
        return value_none();
    record_build(&row, into);
    set_row(&row, invoice);
    set_detail(into, &row, invoice);
    return value_record(record_built(&row));
}

static struct value balance_of(struct arena *into, struct str customer)
{
    struct record_builder row;
    int64_t balance = 0, overdue = 0, n = 0;

    for (size_t i = 0; i < COUNTOF(table); i++) {
        int64_t left = table[i].total - table[i].paid;
        if (!str_eq(str_from(table[i].customer), customer) || is_settled(&table[i]))
            continue;
        balance += left;
        overdue += table[i].due < 0 ? left : 0;
        n++;
    }
    record_build(&row, into);
    record_set(&row, STR("balance"), euros(balance));
    record_set(&row, STR("invoices"), value_int(n));
    if (overdue > 0)
        record_set(&row, STR("overdue"), euros(overdue));
    if (str_eq(customer, STR("ana"))) {
        record_set(&row, STR("limit"), euros(50000));
        record_set(&row, STR("available"), euros(50000 - balance));
    }
    return value_record(record_built(&row));
}

static struct str taken(const struct flow_need *need, struct str name)
{
    struct value value = record_get(need->takes, name);

    return value.kind == VALUE_TEXT ? value.text : STR_NONE;
}

/* A link for whatever is asked, as long as it is not more than may be paid. */
static void make(struct arena *into, struct str customer, const struct flow_need *need,
                 struct flow_answer *answer)
{
    const struct invoice *invoice = find(customer, taken(need, STR("number")));
    struct value amount = record_get(need->takes, STR("amount"));
    struct record_builder row;
    int64_t wish;

    answer->outcome = "gone";
    if (!invoice)
        return;
    wish = amount.kind == VALUE_MONEY ? amount.money.minor : invoice->payable;
    answer->outcome = wish > invoice->payable ? "too_much"
                      : wish < 50             ? "too_little"
                                              : "wanted";
    record_build(&row, into);
    record_set(&row, STR("number"), text(invoice->number));
    record_set(&row, STR("amount"), euros(wish));
    record_set(&row, STR("able"), euros(invoice->payable));
    record_set(&row, STR("least"), euros(50));
    answer->value = value_record(record_built(&row));
}

static void tell(struct arena *into, struct flow_answer *answer)
{
    struct record_builder row;

    record_build(&row, into);
    record_set(&row, STR("number"), text("INV-501"));
    record_set(&row, STR("amount"), euros(5900));
    record_set(&row, STR("url"), text("https://checkout.example/c/pay/cs_1"));
    record_set(&row, STR("until"), value_time(SHOP_NOW + 23 * USEC_PER_HOUR));
    answer->outcome = "open";
    answer->value = value_record(record_built(&row));
}

bool shop_money_answer(struct arena *into, struct str customer, const struct flow_need *need,
                       struct flow_answer *answer)
{
    if (strcmp(need->name, "account_balance") == 0) {
        answer->value = balance_of(into, customer);
    } else if (strcmp(need->name, "invoices_list") == 0) {
        answer->value =
            invoices_of(into, customer, str_eq(taken(need, STR("filter")), STR("all")));
    } else if (strcmp(need->name, "invoice_by_number") == 0) {
        answer->value = invoice_of(into, customer, taken(need, STR("number")));
    } else if (strcmp(need->name, "checkout_make") == 0) {
        make(into, customer, need, answer);
    } else if (strcmp(need->name, "checkout_tell") == 0) {
        tell(into, answer);
    } else {
        return false;
    }
    return true;
}
