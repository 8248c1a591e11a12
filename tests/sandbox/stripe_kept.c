/*
 * What there is at Stripe, in the journal: each record says what an object is from now on, so
 * that the last one counts, or what became of an event. Applied the same at work and at start.
 */
#include "bot/base/json.h"
#include "tests/sandbox/stripe.h"

/* Ids go on where they were: `made` is the next one's number. */
static json_t *record_of(struct sandbox *sandbox, const char *what)
{
    return json_pack("{s:s, s:s, s:I}", "t", "stripe", "what", what, "made",
                     (json_int_t)stripe_play(sandbox)->n);
}

static void keep(struct sandbox *sandbox, const json_t *record)
{
    journal_append(sandbox->journal, record);
    stripe_apply(sandbox, record);
}

void stripe_keep(struct sandbox *sandbox, const char *table, const char *id, json_t *object)
{
    OWNED_JSON(record) = record_of(sandbox, table);

    json_object_set_new(record, "id", json_string(id));
    json_object_set(record, "object", object);
    keep(sandbox, record);
}

void stripe_keep_hold(struct sandbox *sandbox, bool hold)
{
    OWNED_JSON(record) = record_of(sandbox, hold ? "hold" : "go");

    keep(sandbox, record);
}

void stripe_keep_released(struct sandbox *sandbox)
{
    OWNED_JSON(record) = record_of(sandbox, "released");

    keep(sandbox, record);
}

void stripe_keep_held(struct sandbox *sandbox, json_t *event)
{
    OWNED_JSON(record) = record_of(sandbox, "held");

    json_object_set(record, "event", event);
    keep(sandbox, record);
}

void stripe_keep_owed(struct sandbox *sandbox, int64_t n, json_t *event)
{
    OWNED_JSON(record) = record_of(sandbox, "owed");

    json_set_int(record, "n", n);
    json_object_set(record, "event", event);
    keep(sandbox, record);
}

void stripe_keep_told(struct sandbox *sandbox, int64_t n)
{
    OWNED_JSON(record) = record_of(sandbox, "told");

    json_set_int(record, "n", n);
    keep(sandbox, record);
}

static json_t *table_of(const struct stripe_play *play, struct str name)
{
    return str_eq(name, STR("sessions"))   ? play->sessions
           : str_eq(name, STR("payments")) ? play->payments
           : str_eq(name, STR("refunds"))  ? play->refunds
           : str_eq(name, STR("keys"))     ? play->keys
                                           : NULL;
}

void stripe_apply(struct sandbox *sandbox, const json_t *record)
{
    struct stripe_play *play = stripe_play(sandbox);
    struct str what = text_in(record, "what");
    const json_t *event = json_object_get(record, "event");
    json_t *table = table_of(play, what);
    int64_t made = json_int(record, "made", 0), n = json_int(record, "n", 0);

    if (made > play->n)
        play->n = made;
    if (table) {
        json_object_set(table, json_string_value(json_object_get(record, "id")),
                        json_object_get(record, "object"));
    } else if (str_eq(what, STR("held"))) {
        json_array_append(play->held, (json_t *)event);
    } else if (str_eq(what, STR("owed"))) {
        stripe_owe(sandbox, n, event);
    } else if (str_eq(what, STR("told"))) {
        stripe_paid(sandbox, n);
    } else if (str_eq(what, STR("released"))) {
        json_array_clear(play->held);
    } else {
        play->hold = str_eq(what, STR("hold"));
    }
}
