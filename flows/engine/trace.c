/*
 * What a turn did, by the names that stand in the flow: kept with each message that it sends,
 * so that `parley explain` can tell later why it was said. Of what was looked up it tells how
 * much came, or the verdict; of guards, the comparison that held, whose value is the author's
 * own constant. So no word of a customer's stands in it.
 */
#include "flows/engine/turn.h"
#include "templates/out.h"

/* The place of a name, a new one if there is room; TRACE_MAX when there is none. */
static size_t place_of(struct str *names, size_t *n, struct str name)
{
    for (size_t i = 0; i < *n; i++) {
        if (str_eq(names[i], name))
            return i;
    }
    if (*n == TRACE_MAX)
        return TRACE_MAX;
    names[*n] = name;
    return (*n)++;
}

void trace_load(struct trace *trace, struct str name, struct value came)
{
    size_t at = place_of(trace->loads, &trace->n_loads, name);

    if (at < TRACE_MAX)
        trace->came[at] = came;
}

void trace_held(struct trace *trace, const struct guard *guard)
{
    if (guard->kind && trace->n_held < TRACE_MAX)
        trace->held[trace->n_held++] = guard;
}

void trace_did(struct trace *trace, struct str action, const char *outcome)
{
    if (trace->n_does == TRACE_MAX)
        return;
    trace->does[trace->n_does] = action;
    trace->outcomes[trace->n_does++] = outcome;
}

void trace_words(struct trace *trace, struct str key)
{
    (void)place_of(trace->words, &trace->n_words, key);
}

static void add_list(struct out *out, struct str label, const struct str *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out_add(out, i == 0 ? label : STR(","));
        out_add(out, names[i]);
    }
}

/* A name of ours; what could be anything else is left out. */
static void add_plain(struct out *out, const char *sign, struct value value)
{
    if (value.kind != VALUE_TEXT || value.text.len == 0 || value.text.len > 40 ||
        str_find(value.text, STR(" ")) < value.text.len ||
        str_find(value.text, STR(",")) < value.text.len)
        return;
    out_add(out, str_from(sign));
    out_add(out, value.text);
}

/* "orders_list:5", "cancellation_outlook:approve:first_hours": rows, or the verdict and its
 * rule. */
static void add_load(struct out *out, struct str name, struct value came)
{
    size_t n = came.kind == VALUE_RECORD;
    char digits[24];
    size_t at = sizeof(digits);

    out_add(out, name);
    if (came.kind == VALUE_RECORD &&
        record_get(came.record, STR("outcome")).kind == VALUE_TEXT) {
        add_plain(out, ":", record_get(came.record, STR("outcome")));
        add_plain(out, ":", record_get(came.record, STR("rule")));
        return;
    }
    if (came.kind == VALUE_LIST)
        n = came.list->n;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    digits[--at] = ':';
    out_add(out, (struct str){digits + at, sizeof(digits) - at});
}

/* "orders:one", "outlook.outcome:is:approve". */
static void add_guard(struct out *out, const struct guard *guard)
{
    out_add(out, guard->of);
    out_add(out, STR(":"));
    out_add(out, str_from(guard->kind->name));
    if (guard->kind->compares)
        add_plain(out, ":", value_text(guard->to));
}

struct str trace_text(struct arena *into, const struct trace *trace)
{
    struct out out;

    out_init(&out, into, 160);
    out_add(&out, STR("by="));
    out_add(&out, str_from(trace->rule ? trace->rule : "nothing"));
    if (trace->intent.len) {
        out_add(&out, STR(" intent="));
        out_add(&out, trace->intent);
    }
    if (trace->number.len)
        add_plain(&out, " number=", value_text(trace->number));
    for (size_t i = 0; i < trace->n_loads; i++) {
        out_add(&out, i == 0 ? STR(" loads=") : STR(","));
        add_load(&out, trace->loads[i], trace->came[i]);
    }
    for (size_t i = 0; i < trace->n_held; i++) {
        out_add(&out, i == 0 ? STR(" held=") : STR(","));
        add_guard(&out, trace->held[i]);
    }
    for (size_t i = 0; i < trace->n_does; i++) {
        out_add(&out, i == 0 ? STR(" does=") : STR(","));
        out_add(&out, trace->does[i]);
        out_add(&out, STR(":"));
        out_add(&out, str_from(trace->outcomes[i]));
    }
    add_list(&out, STR(" words="), trace->words, trace->n_words);
    return out_text(&out);
}
