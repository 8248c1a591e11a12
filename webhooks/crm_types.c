/*
 * The tables. What is added must be optional: senders of before go on sending.
 */
#include "webhooks/crm_event.h"

#define MOST       999999999999999 /* minor units */
#define MOST_OWED  99999999999999  /* likewise; what the ledger takes */
#define WORDS      .kind = SHAPE_TEXT
#define NAME       .kind = SHAPE_NAME, .least = 1
#define NEEDS_ID   .kind = SHAPE_NAME, .least = 1, .most = 100, .required = true
#define AMOUNT     .kind = SHAPE_MONEY, .most = MOST
#define ANY_AMOUNT .kind = SHAPE_MONEY, .least = -MOST, .most = MOST

/* clang-format off */
static const struct shape phone[] = {{.name = "", .kind = SHAPE_PHONE}};

static const struct shape customer[] = {
    {.name = "id", NEEDS_ID, .about = "The customer's id in your system."},
    {.name = "name", WORDS, .most = 200},
    {.name = "email", .kind = SHAPE_MAIL},
    {.name = "company", WORDS, .most = 200},
    {.name = "language", .kind = SHAPE_LANGUAGE,
     .about = "en, es, pl or ar; what is left out stays as it is."},
    {.name = "time_zone", NAME, .most = 64, .about = "Europe/Warsaw; left out: as it is."},
    {.name = "phones", .kind = SHAPE_LIST, .most = 10, .of = phone,
     .about = "All numbers on record: who writes from one is this customer."},
    {.name = "portal_access", .kind = SHAPE_YES_NO},
    {0},
};

static const struct shape item[] = {
    {.name = "code", NAME, .most = 100},
    {.name = "description", WORDS, .required = true, .least = 1, .most = 500},
    {.name = "qty", .kind = SHAPE_QUANTITY, .required = true, .most = 999999999},
    {.name = "unit_price", ANY_AMOUNT, .required = true},
    {.name = "total", ANY_AMOUNT, .required = true},
    {0},
};
static const struct shape items[] = {{.name = "", .kind = SHAPE_RECORD, .of = item}};

static const struct shape order[] = {
    {.name = "id", NEEDS_ID, .about = "The order's id in your system."},
    {.name = "number", NAME, .most = 64, .required = true, .about = "As the customer knows it."},
    {.name = "customer", NEEDS_ID,
     .about = "The customer's id; the order waits until there is one."},
    {.name = "workflow", NAME, .most = 64,
     .about = "The kind of work, as `parley workflow show` lists them; left out: shop."},
    {.name = "status", NAME, .most = 64, .required = true, .about = "One of the workflow's."},
    {.name = "status_at", .kind = SHAPE_TIME, .about = "Since when; left out: the event's time."},
    {.name = "placed_at", .kind = SHAPE_TIME, .required = true},
    {.name = "expected_at", .kind = SHAPE_TIME},
    {.name = "delivered_at", .kind = SHAPE_TIME},
    {.name = "currency", .kind = SHAPE_CURRENCY, .required = true},
    {.name = "subtotal", AMOUNT, .about = "Left out: the total."},
    {.name = "tax", AMOUNT},
    {.name = "shipping", AMOUNT},
    {.name = "total", AMOUNT, .required = true},
    {.name = "paid", AMOUNT, .about = "What has been paid of it in all; left out: as it is."},
    {.name = "address", WORDS, .most = 1000},
    {.name = "instructions", WORDS, .most = 1000},
    {.name = "contact", WORDS, .most = 200},
    {.name = "progress", .kind = SHAPE_WHOLE, .most = 100},
    {.name = "items", .kind = SHAPE_LIST, .most = 200, .of = items},
    {0},
};

#define PARCEL_STATES                                                                          \
    "label_created, picked_up, in_transit, out_for_delivery, delivered, exception, returned"

static const struct shape estimate_item[] = {
    {.name = "description", WORDS, .required = true, .least = 1, .most = 500},
    {.name = "qty", .kind = SHAPE_QUANTITY, .required = true, .most = 999999999},
    {.name = "unit_price", ANY_AMOUNT, .required = true},
    {.name = "total", ANY_AMOUNT, .required = true},
    {0},
};
static const struct shape estimate_items[] = {
    {.name = "", .kind = SHAPE_RECORD, .of = estimate_item}};

static const struct shape estimate[] = {
    {.name = "id", NEEDS_ID, .about = "The estimate's id in your system."},
    {.name = "order", NEEDS_ID, .about = "The order's id; the estimate waits until there is one."},
    {.name = "status", .kind = SHAPE_CHOICE, .required = true,
     .choices = "draft, sent, withdrawn",
     .about = "A draft is not shown; sent: the customer is asked to decide."},
    {.name = "currency", .kind = SHAPE_CURRENCY, .required = true, .about = "The order's."},
    {.name = "subtotal", AMOUNT, .about = "Left out: the total without the tax."},
    {.name = "tax", AMOUNT},
    {.name = "total", AMOUNT, .required = true},
    {.name = "note", WORDS, .most = 1000},
    {.name = "expires_at", .kind = SHAPE_TIME, .about = "Until when it can be approved."},
    {.name = "items", .kind = SHAPE_LIST, .most = 200, .of = estimate_items},
    {0},
};

static const struct shape shipment[] = {
    {.name = "id", NEEDS_ID, .about = "The shipment's id in your system."},
    {.name = "order", NEEDS_ID, .about = "The order's id; the shipment waits until there is one."},
    {.name = "carrier", NAME, .most = 64, .required = true, .shown = true,
     .about = "As the customer reads it: UPS."},
    {.name = "tracking_number", NAME, .most = 100, .required = true},
    {.name = "status", .kind = SHAPE_CHOICE, .required = true, .choices = PARCEL_STATES},
    {.name = "status_at", .kind = SHAPE_TIME, .about = "Since when; left out: the event's time."},
    {.name = "shipped_at", .kind = SHAPE_TIME},
    {.name = "expected_at", .kind = SHAPE_TIME},
    {.name = "delivered_at", .kind = SHAPE_TIME},
    {.name = "url", .kind = SHAPE_URL, .most = 1000,
     .about = "The carrier's page; left out: ours is shown where we know one."},
    {0},
};

static const struct shape tracking[] = {
    {.name = "shipment", NEEDS_ID, .about = "The shipment's id; this waits until there is one."},
    {.name = "status", .kind = SHAPE_CHOICE, .required = true, .choices = PARCEL_STATES,
     .about = "What is newest is the shipment's status."},
    {.name = "at", .kind = SHAPE_TIME, .required = true},
    {.name = "place", WORDS, .most = 200},
    {.name = "note", WORDS, .most = 500},
    {0},
};

static const struct shape photo[] = {
    {.name = "id", NEEDS_ID},
    {.name = "order", NEEDS_ID, .about = "The order's id; the photo waits until there is one."},
    {.name = "category", .kind = SHAPE_CHOICE, .required = true,
     .choices = "damage, progress, completed",
     .about = "damage is what was there before, completed what is there after."},
    {.name = "url", .kind = SHAPE_URL, .required = true, .most = 1000,
     .about = "A JPEG or PNG that the channels can fetch."},
    {.name = "caption", WORDS, .most = 500},
    {.name = "taken_at", .kind = SHAPE_TIME, .about = "Left out: the event's time."},
    {.name = "visible", .kind = SHAPE_YES_NO, .about = "Whether the customer sees it (true)."},
    {0},
};

static const struct shape invoice_line[] = {
    {.name = "description", WORDS, .required = true, .least = 1, .most = 500},
    {.name = "qty", .kind = SHAPE_QUANTITY, .required = true, .most = 999999999},
    {.name = "unit_price", ANY_AMOUNT, .required = true},
    {.name = "total", ANY_AMOUNT, .required = true},
    {0},
};
static const struct shape invoice_lines[] = {
    {.name = "", .kind = SHAPE_RECORD, .of = invoice_line}};

static const struct shape invoice[] = {
    {.name = "id", NEEDS_ID, .about = "The invoice's id in your system."},
    {.name = "number", NAME, .most = 64, .required = true, .about = "As the customer knows it."},
    {.name = "customer", NEEDS_ID, .about = "The customer's id; the invoice waits for them."},
    {.name = "order", NAME, .most = 100, .about = "The order's id; the invoice waits for it."},
    {.name = "issued_on", .kind = SHAPE_DAY, .required = true},
    {.name = "due_on", .kind = SHAPE_DAY},
    {.name = "currency", .kind = SHAPE_CURRENCY, .required = true},
    {.name = "subtotal", .kind = SHAPE_MONEY, .most = MOST_OWED, .about = "Left out: the total."},
    {.name = "tax", .kind = SHAPE_MONEY, .most = MOST_OWED},
    {.name = "shipping", .kind = SHAPE_MONEY, .most = MOST_OWED},
    {.name = "total", .kind = SHAPE_MONEY, .most = MOST_OWED, .required = true,
     .about = "What is asked for; another one later is a correction on the books."},
    {.name = "paid_elsewhere", .kind = SHAPE_MONEY, .most = MOST_OWED,
     .about = "All that was paid by now, but for our links. Left out: as before."},
    {.name = "note", WORDS, .most = 1000},
    {.name = "voided", .kind = SHAPE_YES_NO, .about = "It is not to be paid any more."},
    {.name = "lines", .kind = SHAPE_LIST, .most = 500, .of = invoice_lines},
    {0},
};

static const struct shape document[] = {
    {.name = "id", NEEDS_ID},
    {.name = "customer", NEEDS_ID, .about = "Whose it is; the document waits for them."},
    {.name = "order", NAME, .most = 100,
     .about = "The order's id; the document waits for it, and is its customer's."},
    {.name = "kind", .kind = SHAPE_CHOICE,
     .choices = "confirmation, packing_slip, invoice, receipt, statement, other"},
    {.name = "name", WORDS, .least = 1, .most = 200, .required = true,
     .about = "As the customer reads it: Warranty."},
    {.name = "url", .kind = SHAPE_URL, .required = true, .most = 1000},
    {0},
};

static const struct shape said[] = {
    {.name = "conversation", NEEDS_ID, .about = "Its id, as handoff.asked tells it."},
    {.name = "agent", NAME, .most = 80, .shown = true, .about = "Who speaks; another one may not go between."},
    {.name = "text", WORDS, .least = 1, .most = 3000, .required = true},
    {.name = "url", .kind = SHAPE_URL, .most = 1000,
     .about = "A file that follows the words: JPEG, PNG or PDF, for a customer on record."},
    {.name = "name", WORDS, .most = 200, .about = "The file's, as the customer reads it."},
    {0},
};

static const struct shape released[] = {
    {.name = "conversation", NEEDS_ID, .about = "Its id, as handoff.asked tells it."},
    {.name = "agent", NAME, .most = 80, .shown = true},
    {0},
};

static const struct shape decided[] = {
    {.name = "order", NEEDS_ID, .about = "The order's id."},
    {.name = "decision", .kind = SHAPE_CHOICE, .required = true,
     .choices = "approve, reject, review"},
    {.name = "note", WORDS, .most = 500},
    {0},
};

static const struct shape answered[] = {
    {.name = "ticket", NAME, .most = 40, .required = true,
     .about = "Its number, as ticket.opened tells it."},
    {.name = "text", WORDS, .least = 1, .most = 3000, .required = true},
    {.name = "author", NAME, .most = 80, .shown = true},
    {.name = "close", .kind = SHAPE_YES_NO},
    {0},
};

static const struct shape updated[] = {
    {.name = "ticket", NAME, .most = 40, .required = true},
    {.name = "status", .kind = SHAPE_CHOICE, .required = true,
     .choices = "open, answered, closed"},
    {0},
};

const struct crm_type crm_types[] = {
    {"customer.upserted", "A customer as they now stand in your system.", customer, "id"},
    {"order.upserted", "An order, job or repair as it now stands.", order, "id"},
    {"shipment.upserted", "A parcel of an order as it now stands.", shipment, "id"},
    {"tracking.added", "Something that happened to a parcel.", tracking, NULL},
    {"invoice.upserted", "An invoice as it now stands.", invoice, "id"},
    {"document.added", "A document of a customer, at an https address.", document, "id"},
    {"photo.added", "A picture of an order.", photo, "id"},
    {"estimate.upserted", "An estimate for an order, for its customer to decide.", estimate, "id"},
    {"cancellation.decided", "What you decided about a wish to cancel.", decided, NULL},
    {"ticket.answered", "What you answer a customer's report.", answered, NULL},
    {"agent.message", "What a person says in a handed-over conversation.", said, NULL},
    {"handoff.released", "The person is done: the bot goes on.", released, NULL},
    {"ticket.updated", "A report's status.", updated, NULL},
    {0},
};
