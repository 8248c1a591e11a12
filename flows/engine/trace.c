/*
 * What a turn did, by the names that stand in the flow: kept with each message that it sends,
 * so that `parley explain` can tell later why it was said.
 */
#include "flows/engine/turn.h"
#include "templates/out.h"

static void add_name(struct str *names, size_t *n, struct str name)
{
    for (size_t i = 0; i < *n; i++) {
        if (str_eq(names[i], name))
            return;
    }
    if (*n < TRACE_MAX)
        names[(*n)++] = name;
}

void trace_load(struct trace *trace, struct str name)
{
    add_name(trace->loads, &trace->n_loads, name);
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
    add_name(trace->words, &trace->n_words, key);
}

static void add_list(struct out *out, struct str label, const struct str *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out_add(out, i == 0 ? label : STR(","));
        out_add(out, names[i]);
    }
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
    add_list(&out, STR(" loads="), trace->loads, trace->n_loads);
    for (size_t i = 0; i < trace->n_does; i++) {
        out_add(&out, i == 0 ? STR(" does=") : STR(","));
        out_add(&out, trace->does[i]);
        out_add(&out, STR(":"));
        out_add(&out, str_from(trace->outcomes[i]));
    }
    add_list(&out, STR(" words="), trace->words, trace->n_words);
    return out_text(&out);
}
